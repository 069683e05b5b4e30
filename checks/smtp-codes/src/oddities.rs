//! What is odd about the codes of a reply: classes that differ, codes that no
//! registry has, meanings that only one provider gives, classes that mislead.

use engine_plugin_api::{Actor, Confidence, Finding, Judgement, Remedy};
use smtp_reasons::{Explanation, Knowledge, Overlay, Pairing, Practice};

use crate::{
    Config,
    facts::Facts,
    judge::{named, remedy, subject},
    quote::quote,
};

pub(crate) fn judge(facts: &Facts, e: &Explanation<'_>, config: &Config, judgement: &mut Judgement) {
    let found = [
        class_mismatch(facts, e),
        provider_meaning(facts, e),
        practice(facts, e),
        nonstandard(facts, e),
        unregistered(facts, e).filter(|_| config.code_details),
        unusual_pair(facts, e).filter(|_| config.code_details),
    ];
    for finding in found.into_iter().flatten() {
        judgement.find(finding);
    }
}

/// A finding that points at the enhanced code of the reply, or at its reply code.
fn at_code(facts: &Facts, e: &Explanation<'_>, code: &str, seen: String, basic: bool, label: &str) -> Finding {
    let status = e.reply.status.as_ref().map(|s| s.span.clone()).filter(|_| !basic);
    let span = status.or(e.reply.basic.as_ref().map(|b| b.span.clone())).unwrap_or(e.reply.said.clone());
    Finding::new(code, subject(e), seen).evidence(quote(facts, &e.reply.said, &span, label)).actor(Actor::Receiver)
}

fn class_mismatch(facts: &Facts, e: &Explanation<'_>) -> Option<Finding> {
    let (basic, status) = (e.reply.basic.as_ref()?.value, e.reply.status.as_ref()?.value);
    e.mismatch.then(|| {
        let said = |digit: u16| match digit {
            2 => "success",
            3 => "go on",
            4 => "a temporary failure",
            _ => "a permanent failure",
        };
        let seen = format!(
            "{basic} says {}, and {status} beside it says {}. Sending servers go by the reply code {basic}.",
            said(basic / 100),
            said(status.class)
        );
        let remedy = "Correct the rule or program on the receiving server that puts these two codes together: both must begin with the same digit.";
        at_code(facts, e, crate::CLASS_MISMATCH, seen, false, "another class than the reply code").remedy(Remedy::step(remedy))
    })
}

fn unusual_pair(facts: &Facts, e: &Explanation<'_>) -> Option<Finding> {
    let (basic, status) = (e.reply.basic.as_ref()?.value, e.status?);
    // A mismatch of class is the greater of the two faults, and folklore has no pairs at all.
    if e.pairing != Pairing::NotAssociated || e.mismatch || e.is_nonstandard() {
        return None;
    }
    let known = status.replies.join(", ").replace("any", "any code of class ");
    let otherwise = e.provider.as_ref().is_some_and(|overlay| overlay.differs);
    let meaning = if otherwise { "It is the provider's own use of both." } else { "The meaning is the same." };
    let seen = format!("IANA associates {} with {known}, not with {basic}. {meaning}", status.code);
    Some(at_code(facts, e, crate::UNUSUAL_PAIR, seen, false, "usual with other reply codes").actor(Actor::Nobody))
}

fn unregistered(facts: &Facts, e: &Explanation<'_>) -> Option<Finding> {
    let status = e.reply.status.as_ref()?.value;
    // Where a provider's meaning is known, that finding says so already.
    if e.status.is_some() || e.provider.is_some() || !e.elsewhere.is_empty() {
        return None;
    }
    let knowledge = Knowledge::builtin();
    let meaning = |entry: Option<&smtp_reasons::DigitEntry>| entry.map_or("unknown", |e| e.title.as_str()).to_owned();
    let seen = format!(
        "IANA has not registered {}. Its first digit says \"{}\", its second \"{}\"; the rest is the server's own.",
        status.registry_name(),
        meaning(knowledge.class(status.class)),
        meaning(knowledge.subject(status.subject)),
    );
    Some(at_code(facts, e, crate::UNREGISTERED_STATUS, seen, false, "not registered").actor(Actor::Nobody))
}

fn nonstandard(facts: &Facts, e: &Explanation<'_>) -> Option<Finding> {
    let basic = e.reply.basic.as_ref()?.value;
    if !e.is_nonstandard() {
        return None;
    }
    let mut seen = format!("{basic} is in no RFC and not known to IANA.");
    match e.basic {
        Some(entry) => {
            seen.push_str(&format!(" Lists on the web give it as \"{}\".", entry.title));
            if let Some(instead) = &entry.instead {
                seen.push_str(&format!(" The standards have {instead} for that."));
            }
        }
        None => seen.push_str(" Only its first digit and the words of the reply count."),
    }
    let remedy = "Go by the words of the reply and by the first digit. Whoever runs the server gives the reply a standard code, for a refusal by a rule 550 5.7.1.";
    Some(at_code(facts, e, crate::NONSTANDARD_CODE, seen, true, "in no standard").remedy(Remedy::step(remedy)))
}

/// Where IANA and a provider differ, both are shown.
fn provider_meaning(facts: &Facts, e: &Explanation<'_>) -> Option<Finding> {
    let status = e.reply.status.as_ref()?.value;
    let iana = match e.status {
        Some(entry) => format!("IANA: {} is \"{}\".", entry.code, entry.title),
        None => format!("IANA has not registered {}.", status.registry_name()),
    };
    let says = |o: &Overlay<'_>| format!(" {}: {}.", o.provider.name, o.rule.meaning);
    match &e.provider {
        Some(overlay) if overlay.differs => {
            let decides = if overlay.by_words { " The words of the reply fit the provider's meaning." } else { "" };
            let seen = format!("{iana}{}{decides}", says(overlay));
            let sure = if overlay.by_words { Confidence::High } else { Confidence::Medium };
            let finding = at_code(facts, e, crate::PROVIDER_MEANING, seen, false, "means something else here");
            Some(finding.confidence(sure).actor(e.actor.into()))
        }
        None if !e.elsewhere.is_empty() => {
            let others: String = e.elsewhere.iter().map(says).collect();
            let seen = format!("{iana}{others} Nothing in the reply tells which is meant.");
            let finding = at_code(facts, e, crate::PROVIDER_MEANING, seen, false, "has more than one meaning");
            Some(
                finding
                    .confidence(Confidence::Low)
                    .actor(e.actor.into())
                    .remedy(Remedy::step("Look which server sent the reply and read its words: the words decide.")),
            )
        }
        _ => None,
    }
}

fn practice(facts: &Facts, e: &Explanation<'_>) -> Option<Finding> {
    let name = named(e);
    match e.practice {
        // Where the two codes contradict each other, the other one tells it already.
        _ if e.mismatch => None,
        Practice::AsSaid => None,
        Practice::NeverClears => {
            let seen = format!(
                "{name} is temporary by its class, but its cause ({}) does not pass by itself: every attempt fails until it is corrected, and the message comes back after days in the queue.",
                e.reason.title
            );
            let finding = at_code(facts, e, crate::TRANSIENT_IN_NAME_ONLY, seen, true, "temporary in name only");
            Some(finding.actor(e.actor.into()).remedy(remedy(e)))
        }
        Practice::Passes => {
            let seen = format!(
                "{name} is permanent by its class, so the sending server has given up; its cause ({}) passes, and a later attempt can succeed.",
                e.reason.title
            );
            let finding = at_code(facts, e, crate::PERMANENT_IN_NAME_ONLY, seen, true, "permanent in name only");
            Some(finding.actor(Actor::Sender).remedy(Remedy::step(
                "Send the message again later, more slowly where a limit was the cause. Do not take the address off lists because of this reply.",
            )))
        }
    }
}
