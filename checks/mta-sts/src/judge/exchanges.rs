//! The exchanges against a policy that is in force.

use engine_plugin_api::{
    Actor, Delivery, Evidence, EvidenceId, Finding, Judgement, Remedy, Severity, Stance, Subject, Unknown,
    services::{SmtpReply, TlsState},
};
use mail_syntax::mta_sts::{Mode, Policy};

use super::subject;
use crate::{
    MX_CERTIFICATE, MX_NOT_LISTED, NONE, PATTERN_UNUSED, TESTING, UNDELIVERABLE, WORKING,
    facts::{Exchange, Facts},
};

/// How it stands with one exchange.
struct Standing<'f> {
    exchange: &'f Exchange,
    verdict: Delivery,
    why: String,
    /// Whether the policy lists it.
    listed: bool,
    evidence: Vec<EvidenceId>,
}

/// Judges the exchanges by `policy`.
pub(super) fn judge(facts: &Facts, policy: &Policy, out: &mut Judgement) {
    let Some((reply, text, _)) = facts.policy() else { return };
    let quoted = super::quoted(reply, text, None);
    let mode = policy.mode().unwrap_or(Mode::None);
    let at_mode = |label: &str| super::quoted(reply, text, policy.mode.map(|(_, at)| (at, label)));
    if mode == Mode::None {
        let seen = format!("The policy of {} has mode none: it asks nothing of senders.", facts.domain);
        out.find(Finding::new(NONE, subject(facts), seen).evidence(at_mode("no policy")));
        return super::for_all(facts, Delivery::NoPolicy, "the policy has mode none", out);
    }
    let standings: Vec<Standing<'_>> = facts.exchanges.iter().map(|exchange| standing(exchange, policy)).collect();
    for standing in &standings {
        let (verdict, why) = match (mode, standing.verdict) {
            (Mode::Testing, Delivery::Refuse) => {
                (Delivery::NoPolicy, format!("mode testing; enforced, it would be refused: {}", standing.why))
            }
            (Mode::Testing, verdict) if verdict != Delivery::CouldNotTell => {
                (Delivery::NoPolicy, format!("mode testing; {}", standing.why))
            }
            (_, verdict) => (verdict, standing.why.clone()),
        };
        let stance = Stance::new(&standing.exchange.name, "mta-sts", verdict, why);
        let stance = stance.preference(standing.exchange.preference).seen_in(&reply.evidence);
        out.stances.push(standing.evidence.iter().fold(stance, |stance, id| stance.seen_in(id)));
    }
    let lost = mode == Mode::Enforce
        && !standings.is_empty()
        && facts.left_out == 0
        && standings.iter().all(|standing| standing.verdict == Delivery::Refuse);
    if lost {
        out.find(undeliverable(facts, &standings, at_mode("enforced")));
    } else {
        for standing in &standings {
            one(facts, standing, mode, &quoted, out);
        }
    }
    unused(facts, policy, |at| super::quoted(reply, text, Some((at, "no MX record"))), out);
    let in_order = standings.iter().all(|standing| standing.verdict == Delivery::Deliver);
    if mode == Mode::Testing {
        let hosts = if in_order { "All exchanges hold to it, so it can be enforced" } else { "It protects nobody" };
        let seen = format!("The policy of {} has mode testing. {hosts}.", facts.domain);
        let remedy = Remedy::step(
            "When the TLS-RPT reports are clean, change the mode to enforce and give the record a new id.",
        );
        out.find(Finding::new(TESTING, subject(facts), seen).evidence(at_mode("not enforced")).remedy(remedy));
    } else if in_order {
        out.find(working(facts, policy, reply.evidence.clone(), &standings));
    }
}

fn standing<'f>(exchange: &'f Exchange, policy: &Policy) -> Standing<'f> {
    let listed = policy.matching(&exchange.name).is_some();
    let mut standing =
        Standing { exchange, verdict: Delivery::Deliver, why: String::new(), listed, evidence: Vec::new() };
    if !listed {
        standing.verdict = Delivery::Refuse;
        standing.why = "no `mx` of the policy covers its name".to_owned();
        return standing;
    }
    if exchange.sessions.is_empty() {
        standing.verdict = Delivery::CouldNotTell;
        standing.why = "no session was held with it".to_owned();
    }
    for session in &exchange.sessions {
        let (verdict, why) = session.tls_state().for_public_authority();
        standing.evidence.push(session.evidence.clone());
        if verdict > standing.verdict || standing.why.is_empty() {
            standing.verdict = verdict.max(standing.verdict);
            standing.why = if exchange.sessions.len() > 1 { format!("{why} ({})", session.address) } else { why };
        }
    }
    standing
}

fn undeliverable(facts: &Facts, standings: &[Standing<'_>], quoted: Evidence) -> Finding {
    let reasons: Vec<String> =
        standings.iter().map(|standing| format!("{}: {}", standing.exchange.name, standing.why)).collect();
    let seen = format!(
        "No exchange of {} holds to its enforced MTA-STS policy, so that senders that honour it (Google, Microsoft \
         and others) deliver nothing. {}.",
        facts.domain,
        reasons.join("; ")
    );
    let remedy = Remedy::step(
        "Repair the exchanges, or list them in the policy. Until that is done, change the mode to testing and give \
         the record a new id.",
    )
    .setting(super::proposed(facts, Mode::Testing))
    .effect("for senders that hold the policy when they next look at the record; others keep it until max_age is over");
    let mut finding = Finding::new(UNDELIVERABLE, subject(facts), seen).evidence(quoted).remedy(remedy);
    finding.evidence.extend(standings.iter().flat_map(|standing| &standing.evidence).map(Evidence::of));
    finding
}

fn one(facts: &Facts, standing: &Standing<'_>, mode: Mode, quoted: &Evidence, out: &mut Judgement) {
    let host = &standing.exchange.name;
    let severity = if mode == Mode::Enforce { Severity::Error } else { Severity::Warning };
    let consequence = match mode {
        Mode::Enforce => "senders that honour MTA-STS do not deliver to it",
        _ => "enforced, senders would not deliver to it",
    };
    if !standing.listed {
        let seen = format!(
            "{host} is an exchange of {}, and its MTA-STS policy does not list it: {consequence}.",
            facts.domain
        );
        let remedy = Remedy::step("Add the exchange to the policy, and give the record a new id.")
            .setting(format!("mx: {host}"));
        let finding = Finding::new(MX_NOT_LISTED, Subject::Host(host.clone()), seen).severity(severity);
        return out.find(finding.evidence(quoted.clone()).remedy(remedy));
    }
    match standing.verdict {
        Delivery::Refuse => {
            let seen = format!(
                "{host} does not hold to the MTA-STS policy of {}: {}; {consequence}.",
                facts.domain, standing.why
            );
            let mut finding = Finding::new(MX_CERTIFICATE, Subject::Host(host.clone()), seen)
                .severity(severity)
                .actor(Actor::ServerOperator)
                .remedy(Remedy::step(repair(&standing.exchange.sessions)));
            finding.evidence = standing.evidence.iter().map(Evidence::of).collect();
            finding.evidence.push(quoted.clone());
            out.find(finding);
        }
        Delivery::CouldNotTell | Delivery::Defer => unknown(facts, standing, out),
        Delivery::Deliver | Delivery::NoPolicy => {}
    }
}

fn repair(sessions: &[SmtpReply]) -> String {
    let state = sessions.iter().map(SmtpReply::tls_state).find(|s| s.for_public_authority().0 == Delivery::Refuse);
    match state {
        Some(TlsState::NotOffered) => "Switch STARTTLS on, with a certificate of a public authority for this name.",
        Some(TlsState::Failed(_)) => "Repair TLS on the server; its log says what stops the handshake.",
        Some(TlsState::Refused(_)) => "Let the server take sessions from everybody.",
        _ => "Give the server a valid certificate of a public authority that holds this name.",
    }
    .to_owned()
}

fn unknown(facts: &Facts, standing: &Standing<'_>, out: &mut Judgement) {
    let host = &standing.exchange.name;
    let what = format!("whether {host} holds to the MTA-STS policy of {}", facts.domain);
    let cause = standing.exchange.sessions.iter().find_map(|session| match session.tls_state() {
        TlsState::NotReached(cause) => Some(cause),
        TlsState::Refused(answer) if answer.is_transient() => Some(
            engine_plugin_api::Cause::new(
                engine_plugin_api::CauseKind::ServerFailure,
                format!("{host} answers {}", answer.text()),
            )
            .seen_in(&session.evidence),
        ),
        _ => None,
    });
    let cause = cause.unwrap_or_else(|| {
        let why = if facts.left_out > 0 {
            "it lies beyond the limit of sessions"
        } else {
            "it has no address that could be asked"
        };
        engine_plugin_api::Cause::new(engine_plugin_api::CauseKind::Other, why)
    });
    out.unknown(Unknown::new(Subject::Host(host.clone()), what, cause));
}

fn unused(facts: &Facts, policy: &Policy, quoted: impl Fn(mail_syntax::Span) -> Evidence, out: &mut Judgement) {
    let fits = |pattern: &mail_syntax::mta_sts::Pattern| facts.exchanges.iter().any(|e| pattern.matches(&e.name));
    let idle: Vec<_> = policy.patterns.iter().filter(|pattern| !fits(pattern)).collect();
    // Where none is listed, that is the fault, and told.
    let Some(first) = idle.first().filter(|_| idle.len() < policy.patterns.len()) else { return };
    let names: Vec<&str> = idle.iter().map(|pattern| pattern.text.as_str()).collect();
    let seen = format!("The policy of {} lists {}, which no MX record names.", facts.domain, names.join(", "));
    let remedy = Remedy::step(
        "Take out what is no exchange any more, and give the record a new id; leave what is to become one.",
    );
    out.find(Finding::new(PATTERN_UNUSED, subject(facts), seen).evidence(quoted(first.span)).remedy(remedy));
}

fn working(facts: &Facts, policy: &Policy, evidence: EvidenceId, standings: &[Standing<'_>]) -> Finding {
    let age = policy.max_age().unwrap_or(0);
    let age = if age >= 172_800 { format!("{} days", age / 86_400) } else { format!("{age} seconds") };
    let alias = match facts.alias {
        Some(_) => format!(" The record is an alias that leads to {}.", facts.home),
        None => String::new(),
    };
    let hosts: Vec<&str> = standings.iter().map(|standing| standing.exchange.name.as_str()).collect();
    let seen = format!(
        "The policy of {} is enforced, kept for {age}, and held to by {}.{alias}",
        facts.domain,
        hosts.join(", ")
    );
    Finding::new(WORKING, subject(facts), seen).evidence(Evidence::of(&evidence))
}
