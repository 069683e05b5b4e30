//! What the attempts mean.

mod not_greylisting;

use std::time::Duration;

use engine_plugin_api::{
    Actor, Cause, CauseKind, Confidence, Evidence, Finding, Judgement, Remedy, Severity, Span, Subject, Unknown,
};

use crate::{
    CONFIRMED, NONE_AT_RCPT, Plan, STILL_DEFERRED, SUSPECTED,
    announced::announced,
    command::{self, software_setting},
    deferral::{self, Deferral},
    duration::words,
    facts::{Asked, Attempt, Contact, Facts},
    schedules::survival,
};

/// The wait that the command suggests where the server announces no delay:
/// postgrey's default of five minutes, and some.
const USUAL_WAIT: Duration = Duration::from_secs(360);

/// The delay of postgrey and most others, unless told otherwise.
const SHORTEST_USUAL: Duration = Duration::from_secs(300);

/// Says what the facts mean.
pub fn judge(facts: &Facts, plan: &Plan) -> Judgement {
    let mut judgement = Judgement::default();
    match &facts.outcome {
        Contact::NoServer(_) => {}
        Contact::NoRoute(cause) => judgement.unknown(untold(facts, cause.clone())),
        Contact::NoAnswer { causes, connected } => judgement.unknown(unanswered(facts, causes, *connected)),
        Contact::Asked(asked) => asked_server(&mut judgement, facts, plan, asked),
    }
    judgement
}

fn untold(facts: &Facts, cause: Cause) -> Unknown {
    Unknown::new(subject(facts), format!("whether mail to {} is greylisted", facts.recipient), cause)
}

/// Several servers that do not answer are one thing that could not be told.
fn unanswered(facts: &Facts, causes: &[Cause], connected: bool) -> Unknown {
    let Some(first) = causes.first() else {
        return untold(facts, Cause::new(CauseKind::Other, "no server was asked"));
    };
    let mut cause = first.clone();
    for other in causes.iter().skip(1) {
        cause.detail = format!("{}; {}", cause.detail, other.detail);
    }
    let unknown = untold(facts, cause);
    let fell_silent = causes.iter().all(|cause| matches!(cause.kind, CauseKind::Timeout | CauseKind::Unreachable));
    match (connected, fell_silent) {
        (true, true) => unknown.advice(
            "The server took the connection and then closed it or fell silent: have its log read for this attempt. A filter that turns strangers away does that.",
        ),
        (false, true) => unknown.advice(
            "Run it from a host whose outgoing port 25 is open; many networks close it. From there, a server that still does not answer is down.",
        ),
        (_, false) => unknown,
    }
}

fn asked_server(judgement: &mut Judgement, facts: &Facts, plan: &Plan, asked: &Asked) {
    let first = &asked.first;
    let last = asked.last();
    match (first.answer.code / 100, last.answer.code / 100) {
        (2, _) => judgement.find(none_at_rcpt(facts, asked)),
        (4, 4) => deferred(judgement, facts, plan, asked),
        (4, 2) if asked.same_source() => judgement.find(confirmed(facts, plan, asked)),
        (4, 2) => {
            judgement.find(suspected(facts, plan, asked));
            let moved = "the accepted attempt came from another address than the first, which proves nothing";
            judgement.unknown(unconfirmed(facts, Cause::new(CauseKind::OurSide, moved).seen_in(&last.evidence)));
        }
        (5, _) | (4, 5) => judgement.find(not_greylisting::refused(facts, asked)),
        _ => {
            let odd = format!("{} answers {} with `{}`", last.server(), last.stage.phrase(), last.answer.text());
            judgement.unknown(untold(facts, Cause::new(CauseKind::Malformed, odd).seen_in(&last.evidence)));
        }
    }
}

fn deferred(judgement: &mut Judgement, facts: &Facts, plan: &Plan, asked: &Asked) {
    match deferral::classify(asked.first.stage, &asked.first.answer) {
        Deferral::Other(reason, at) => judgement.find(not_greylisting::deferred(facts, asked, reason, at)),
        _ if asked.later.is_empty() => judgement.find(suspected(facts, plan, asked)),
        _ => judgement.find(still_deferred(facts, asked)),
    }
    if let Some(cause) = &asked.unfinished {
        judgement.unknown(unconfirmed(facts, cause.clone()));
    }
}

fn unconfirmed(facts: &Facts, cause: Cause) -> Unknown {
    let what = format!("whether a later attempt to {} is accepted, which confirms greylisting", facts.recipient);
    Unknown::new(subject(facts), what, cause)
}

fn none_at_rcpt(facts: &Facts, asked: &Asked) -> Finding {
    let first = &asked.first;
    let mut seen = format!(
        "{} accepts {} at RCPT TO in the first attempt, from {}.{}",
        first.server(),
        facts.recipient,
        sender(facts),
        after_others(asked)
    );
    if is_postmaster(&facts.recipient) {
        seen.push_str(" Servers often spare postmaster, as Debian's postgrey does: try another recipient.");
    } else if facts.sender.is_empty() {
        seen.push_str(" Some servers spare the null sender: --sender tries another.");
    }
    Finding::new(NONE_AT_RCPT, subject(facts), seen).evidence(quote(first)).actor(Actor::Nobody)
}

fn suspected(facts: &Facts, plan: &Plan, asked: &Asked) -> Finding {
    let first = &asked.first;
    let promised = announced(&first.answer);
    let worded = matches!(deferral::classify(first.stage, &first.answer), Deferral::Greylisting(_));
    let mut seen = format!("{} puts {} off with {}.", first.server(), facts.recipient, code(first));
    match (worded, promised) {
        (_, Some((delay, _))) => seen.push_str(&format!(" It announces a delay of {}.", words(delay))),
        (true, None) => seen.push_str(" Its words are those of greylisting."),
        (false, None) => seen.push_str(
            " It gives no reason, as many greylisting servers do; a filter that is down can answer the same.",
        ),
    }
    seen.push_str(&after_others(asked));
    let wait = promised.map_or(USUAL_WAIT, |(delay, _)| delay + Duration::from_secs(60));
    let remedy = Remedy::step(
        "Run this, which tries the same sender and recipient again from the same address after the delay.",
    )
    .setting(command::confirm(facts, wait))
    .effect(format!("the answer comes after {}", words(wait)));
    let finding = Finding::new(SUSPECTED, subject(facts), seen)
        .confidence(if worded { Confidence::Medium } else { Confidence::Low })
        .evidence(quote(first))
        .actor(Actor::Nobody)
        .remedy(remedy);
    match promised {
        Some((delay, _)) if delay > plan.long_delay => finding.severity(Severity::Warning),
        _ => finding,
    }
}

fn confirmed(facts: &Facts, plan: &Plan, asked: &Asked) -> Finding {
    let (first, last) = (&asked.first, asked.last());
    let upper = asked.elapsed(last);
    // Refused until then: the delay is longer than this.
    let lower = asked.later.iter().rev().skip(1).map(|attempt| asked.elapsed(attempt)).next();
    let promised = announced(&first.answer).map(|(delay, _)| delay);
    let mut seen = format!(
        "{} puts {} off with {} and accepts the same sender and recipient {} later. The delay is {}.",
        first.server(),
        facts.recipient,
        code(first),
        words(upper),
        match lower {
            Some(lower) => format!("more than {} and at most {}", words(lower), words(upper)),
            None => format!("at most {}", words(upper)),
        }
    );
    if let Some(promised) = promised {
        seen.push_str(&format!(" The server announces {}.", words(promised)));
    }
    // What a reply announces is text; the attempts have bounded the delay.
    let delay = promised.map_or(upper, |promised| promised.min(upper)).max(lower.unwrap_or_default());
    let fate = survival(delay);
    seen.push(' ');
    seen.push_str(&fate_of_mail(delay));
    seen.push_str(&after_others(asked));
    let too_long = delay > plan.long_delay || !fate.lost.is_empty();
    let worded = matches!(deferral::classify(first.stage, &first.answer), Deferral::Greylisting(_));
    let finding = Finding::new(CONFIRMED, subject(facts), seen)
        .confidence(if worded { Confidence::High } else { Confidence::Medium })
        .evidence(quote(first))
        .evidence(quote(last));
    if !too_long {
        return finding.actor(Actor::Nobody).remedy(Remedy::step(
            "Let the mail wait: a sender that tries again gets through. To spare a sender the delay, have the receiver exempt its address or domain from greylisting.",
        ));
    }
    let mut remedy = Remedy::step("Shorten the delay: a few minutes keep off the same senders as hours do.")
        .effect("for senders that are new from then on");
    if let Some(setting) = software_setting(&first.answer.text()) {
        remedy = remedy.setting(setting);
    }
    finding.severity(Severity::Warning).actor(Actor::Receiver).remedy(remedy)
}

/// Whether, and when, the mail of common senders gets through.
fn fate_of_mail(delay: Duration) -> String {
    let fate = survival(delay);
    let through = match (fate.quickest, fate.slowest) {
        (Some((quick, early)), Some((slow, late))) => format!(
            "With usual retry schedules, first mail from a new sender comes {} late ({quick}) to {} late ({slow}).",
            words(early),
            words(late)
        ),
        _ => "No usual retry schedule lasts that long.".to_owned(),
    };
    match fate.lost.as_slice() {
        [] => format!("{through} None gives up before."),
        lost => format!("{through} {} by default gives up before and bounces it.", lost.join(", ")),
    }
}

fn still_deferred(facts: &Facts, asked: &Asked) -> Finding {
    let (first, last) = (&asked.first, asked.last());
    let waited = asked.elapsed(last);
    let mut seen = format!(
        "{} puts {} off, and {} later the same sender and recipient again.",
        first.server(),
        facts.recipient,
        words(waited)
    );
    if let Deferral::Other(reason, _) = deferral::classify(last.stage, &last.answer) {
        seen.push_str(&format!(" The last reply is no greylisting: this is {}.", reason.phrase()));
    }
    let promised = announced(&last.answer).map(|(delay, _)| delay);
    let wait = promised.map_or(waited * 4, |delay| delay + Duration::from_secs(60)).max(USUAL_WAIT);
    let remedy = Remedy::step(
        "Wait longer, as this command does. If mail is still put off after an hour, ask the receiver's postmaster, with the quoted reply.",
    )
    .setting(command::confirm(facts, wait));
    // Less than servers usually ask for proves no fault.
    let severity = if waited < promised.unwrap_or(SHORTEST_USUAL) { Severity::Notice } else { Severity::Warning };
    Finding::new(STILL_DEFERRED, subject(facts), seen)
        .severity(severity)
        .evidence(quote(last))
        .evidence(quote(first))
        .actor(Actor::Receiver)
        .remedy(remedy)
}

fn subject(facts: &Facts) -> Subject {
    Subject::Mailbox(facts.recipient.clone())
}

fn sender(facts: &Facts) -> String {
    if facts.sender.is_empty() { "the null sender".to_owned() } else { format!("sender {}", facts.sender) }
}

fn is_postmaster(recipient: &str) -> bool {
    recipient.split('@').next().is_some_and(|local| local.eq_ignore_ascii_case("postmaster"))
}

/// That more preferred servers were passed over, where some were.
fn after_others(asked: &Asked) -> String {
    match asked.skipped.first() {
        Some(cause) => format!(" A more preferred server could not be asked: {}.", cause.detail),
        None => String::new(),
    }
}

/// The reply, with a caret under what it says of greylisting.
fn quote(attempt: &Attempt) -> Evidence {
    let quoted = Evidence::quoting(&attempt.evidence, attempt.answer.text());
    if !attempt.answer.is_transient() {
        return quoted;
    }
    match (announced(&attempt.answer), deferral::classify(attempt.stage, &attempt.answer)) {
        (Some((_, span)), _) => quoted.at(span, "the announced delay"),
        (None, Deferral::Greylisting(span)) => quoted.at(span, "greylisting"),
        _ => code_quote(attempt, "put off"),
    }
}

/// The codes of the reply: `450 4.2.0`.
fn code(attempt: &Attempt) -> String {
    match attempt.answer.enhanced {
        Some(enhanced) => format!("{} {enhanced}", attempt.answer.code),
        None => attempt.answer.code.to_string(),
    }
}

/// The reply, with a caret under its code.
fn code_quote(attempt: &Attempt, label: &str) -> Evidence {
    Evidence::quoting(&attempt.evidence, attempt.answer.text()).at(Span::new(0, 3), label)
}

#[cfg(test)]
mod tests;
