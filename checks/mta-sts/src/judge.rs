//! From the facts to the findings. Pure.
//!
//! What keeps the policy from being in force is told alone: whether the
//! exchanges would hold to it matters when it is.

use engine_plugin_api::{
    Cause, Delivery, Evidence, Finding, Judgement, Observed, Remedy, Span, Stance, Subject, Unknown,
    services::HttpReply,
};
use mail_syntax::mta_sts::{self, Mode, Policy, RecordIssue};

use crate::{
    ALIAS_BROKEN, Config, ID_UNCHANGED, MISSING, RECORD_INVALID, RECORD_SEVERAL, UNANNOUNCED,
    facts::{Facts, PATH},
};

mod exchanges;
mod policy;

/// Judges what was seen.
pub fn judge(facts: &Facts, config: &Config) -> Judgement {
    let mut out = Judgement::default();
    let texts = match &facts.texts {
        Observed::Known(texts) => texts,
        Observed::Unknown(cause) => {
            let what = format!("whether {} has an MTA-STS record", facts.domain);
            out.unknown(Unknown::new(subject(facts), what, cause.clone()));
            for_all(facts, Delivery::CouldNotTell, &cause.detail, &mut out);
            return out;
        }
    };
    let records: Vec<&str> = texts.iter().map(String::as_str).filter(|text| mta_sts::is_record(text)).collect();
    let announced = match records.as_slice() {
        [] => {
            let meant = texts.iter().find(|text| mta_sts::resembles_record(text));
            match (meant, facts.policy()) {
                (Some(text), _) => {
                    let issues = mta_sts::parse_record(text).issues;
                    out.find(invalid(facts, text, issues.first()));
                }
                (None, _) if leads_astray(facts) => out.find(alias_broken(facts)),
                (None, Some((reply, text, policy))) if policy.faults().next().is_none() => {
                    out.find(unannounced(facts, &quoted(reply, text, None), &policy));
                }
                (None, _) => out.find(missing(facts)),
            }
            Err("there is no MTA-STS record")
        }
        [text] => {
            let record = mta_sts::parse_record(text);
            match record.issues.first() {
                Some(issue) => {
                    out.find(invalid(facts, text, Some(issue)));
                    Err("the MTA-STS record is faulty")
                }
                None => Ok((*text, record.id().unwrap_or_default())),
            }
        }
        several => {
            out.find(self::several(facts, several));
            Err("there are several MTA-STS records")
        }
    };
    match announced {
        // What else is wrong with it is judged, so that all can be repaired at once.
        Err(why) => {
            if !records.is_empty() {
                policy::judge(facts, &mut out);
            }
            for_all(facts, Delivery::NoPolicy, why, &mut out);
        }
        Ok((text, id)) => {
            if let Some(policy) = policy::judge(facts, &mut out) {
                id_unchanged(facts, text, id, config, &mut out);
                exchanges::judge(facts, &policy, &mut out);
            }
        }
    }
    out
}

fn subject(facts: &Facts) -> Subject {
    Subject::Domain(facts.domain.clone())
}

fn span(span: mail_syntax::Span) -> Span {
    Span::new(span.start, span.end)
}

/// The policy in a line, or that line of it which holds `at`, pointed at.
fn quoted(reply: &HttpReply, text: &str, at: Option<(mail_syntax::Span, &str)>) -> Evidence {
    let Some((at, label)) = at else {
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        return Evidence::quoting(&reply.evidence, lines.join(" | "));
    };
    let start = text.get(..at.start).and_then(|before| before.rfind('\n')).map_or(0, |end| end + 1);
    let line = text.get(start..).unwrap_or_default().lines().next().unwrap_or_default();
    let clamped = |offset: usize| offset.saturating_sub(start).min(line.len());
    Evidence::quoting(&reply.evidence, line).at(Span::new(clamped(at.start), clamped(at.end)), label)
}

/// The same word for every exchange.
fn for_all(facts: &Facts, verdict: Delivery, why: &str, out: &mut Judgement) {
    for exchange in &facts.exchanges {
        let stance = Stance::new(&exchange.name, "mta-sts", verdict, why).preference(exchange.preference);
        out.stances.push(stance.seen_in(&facts.evidence));
    }
}

/// A policy for the exchanges that there are.
fn proposed(facts: &Facts, mode: Mode) -> String {
    let mut text = format!("version: STSv1\nmode: {}\n", mode.word());
    for exchange in &facts.exchanges {
        text.push_str(&format!("mx: {}\n", exchange.name));
    }
    text.push_str(&format!("max_age: {}", if mode == Mode::Enforce { 1_209_600 } else { 86_400 }));
    text
}

/// An id that differs from `id`.
fn next_id(id: &str) -> String {
    match id.parse::<u64>().ok().and_then(|number| number.checked_add(1)) {
        Some(next) => format!("{next:0width$}", width = id.len()),
        None if id.is_empty() || id.len() >= 32 || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            "1".to_owned()
        }
        None => format!("{id}1"),
    }
}

fn missing(facts: &Facts) -> Finding {
    let domain = &facts.domain;
    let above = facts.parent.as_ref().map_or_else(String::new, |parent| {
        format!(" That of {parent} does not count for it: every mail domain needs its own.")
    });
    let seen = format!(
        "{domain} has no MTA-STS policy: whoever stands between a sender and its exchanges can switch encryption \
         off unnoticed, unless DANE protects it.{above}"
    );
    let remedy = Remedy::step(format!(
        "Serve the policy below at https://{}{PATH}, then publish the record. Begin with mode testing and a TLS-RPT \
         record; go to enforce when the reports are clean.",
        facts.policy_host()
    ))
    .publish(facts.record_name(), "TXT", "v=STSv1; id=1")
    .setting(proposed(facts, Mode::Testing));
    Finding::new(MISSING, subject(facts), seen).evidence(Evidence::of(&facts.evidence)).remedy(remedy)
}

/// Whether `_mta-sts` was made an alias, and not by a wildcard, which would lead the
/// policy host to the same name.
fn leads_astray(facts: &Facts) -> bool {
    facts.alias.is_some() && [&facts.fetch.v4, &facts.fetch.v6].iter().all(|reply| reply.home() != facts.home)
}

fn alias_broken(facts: &Facts) -> Finding {
    let (name, home) = (facts.record_name(), &facts.home);
    let seen = format!(
        "{name} is an alias of {home}, where there is no MTA-STS record: senders act as if {} had no policy.",
        facts.domain
    );
    let step = format!("Ask the service that {home} belongs to for the right name, or take the alias away");
    let remedy = match facts.policy() {
        Some((.., policy)) if policy.faults().next().is_none() => {
            Remedy::step(format!("{step} and publish the record yourself.")).publish(&name, "TXT", "v=STSv1; id=1")
        }
        _ => Remedy::step(format!("{step}.")),
    };
    let remedy = facts.alias.iter().fold(remedy, |remedy, to| remedy.withdraw(&name, "CNAME", format!("{to}.")));
    Finding::new(ALIAS_BROKEN, subject(facts), seen).evidence(Evidence::of(&facts.evidence)).remedy(remedy)
}

fn several(facts: &Facts, texts: &[&str]) -> Finding {
    let name = &facts.home;
    let seen = format!("{name} has {} MTA-STS records: senders then act as if there were none.", texts.len());
    let mut remedy = Remedy::step("Leave one record.");
    for text in texts.iter().skip(1) {
        remedy = remedy.withdraw(name, "TXT", *text);
    }
    let mut finding = Finding::new(RECORD_SEVERAL, subject(facts), seen).remedy(remedy);
    finding.evidence = texts.iter().map(|text| Evidence::quoting(&facts.evidence, *text)).collect();
    finding
}

fn invalid(facts: &Facts, text: &str, issue: Option<&RecordIssue>) -> Finding {
    let name = &facts.home;
    let label = issue.map_or_else(|| "no MTA-STS record".to_owned(), |issue| issue.kind.to_string());
    let seen =
        format!("The MTA-STS record of {} is faulty ({label}): senders act as if there were no policy.", facts.domain);
    let mut evidence = Evidence::quoting(&facts.evidence, text);
    if let Some(issue) = issue {
        evidence = evidence.at(span(issue.span), label);
    }
    let written = mta_sts::parse_record(text).id().unwrap_or_default();
    let usable: String = written.chars().filter(char::is_ascii_alphanumeric).take(32).collect();
    let id = if usable.is_empty() { "1".to_owned() } else { usable };
    let step = match facts.alias {
        Some(_) => format!("Replace the record at {name}, of which {} is an alias.", facts.record_name()),
        None => "Replace the record.".to_owned(),
    };
    let remedy = Remedy::step(step).withdraw(name, "TXT", text).publish(name, "TXT", format!("v=STSv1; id={id}"));
    Finding::new(RECORD_INVALID, subject(facts), seen).evidence(evidence).remedy(remedy)
}

fn unannounced(facts: &Facts, evidence: &Evidence, policy: &Policy) -> Finding {
    let mode = policy.mode().map_or("none", Mode::word);
    let seen = format!(
        "{} serves a policy of mode {mode}, and {} has no record that announces it: senders never ask for it.",
        facts.policy_host(),
        facts.record_name()
    );
    let remedy = Remedy::step("Publish the record that announces the policy.")
        .publish(facts.record_name(), "TXT", "v=STSv1; id=1")
        .effect("as soon as senders look again, at the latest after the negative TTL");
    Finding::new(UNANNOUNCED, subject(facts), seen)
        .evidence(Evidence::of(&facts.evidence))
        .evidence(evidence.clone())
        .remedy(remedy)
}

fn id_unchanged(facts: &Facts, record: &str, id: &str, config: &Config, out: &mut Judgement) {
    let (Some(previous), Some((reply, text, policy))) = (&config.previous, facts.policy()) else { return };
    let lines = |text: &str| text.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>();
    if previous.id != id || lines(&previous.policy) == lines(text) {
        return;
    }
    let days = mta_sts::parse_policy(&previous.policy).max_age().or(policy.max_age()).unwrap_or(0) / 86_400;
    let seen = format!(
        "The policy of {} is another than before, and its id is still {id}: senders that hold the old policy keep to \
         it, for up to {days} days.",
        facts.domain
    );
    let name = &facts.home;
    let remedy = Remedy::step("Give the record a new id.").withdraw(name, "TXT", record).publish(
        name,
        "TXT",
        format!("v=STSv1; id={}", next_id(id)),
    );
    let at = record.find(id).map_or(Span::new(0, record.len()), |start| Span::new(start, start + id.len()));
    out.find(
        Finding::new(ID_UNCHANGED, subject(facts), seen)
            .evidence(Evidence::quoting(&facts.evidence, record).at(at, "as before"))
            .evidence(quoted(reply, text, None))
            .remedy(remedy),
    );
}

/// Something about the policy could not be told, for senders too as far as is known.
fn policy_unknown(facts: &Facts, cause: Cause, out: &mut Judgement) {
    for_all(facts, Delivery::CouldNotTell, &cause.detail, out);
    let what = format!("what the MTA-STS policy of {} says", facts.domain);
    out.unknown(Unknown::new(subject(facts), what, cause));
}

#[cfg(test)]
mod tests;
