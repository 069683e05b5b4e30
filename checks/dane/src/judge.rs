//! From the facts to the findings. Pure.

use engine_plugin_api::{
    Cause, Delivery, Evidence, Finding, Judgement, Remedy, Severity, Stance, Subject, Unknown,
    services::{DnsStatus, Security, Validation},
};

use crate::{
    LOOKUP_FAILS, MX_UNSIGNED, NOT_USED, PARTIAL, UNSIGNED, WORKING,
    facts::{Exchange, Facts},
};

mod chain;
mod rollover;

/// How it stands with one exchange.
struct Standing<'f> {
    exchange: &'f Exchange,
    verdict: Delivery,
    why: String,
    /// Whether what the verdict says holds for every address.
    whole: bool,
}

/// Judges what was seen.
pub fn judge(facts: &Facts) -> Judgement {
    let mut out = Judgement::default();
    let standings: Vec<Standing<'_>> = facts.exchanges.iter().map(|one| standing(facts, one, &mut out)).collect();
    for standing in &standings {
        let Standing { exchange, verdict, why, .. } = standing;
        let stance = Stance::new(&exchange.name, "dane", *verdict, why.as_str()).preference(exchange.preference);
        let stance = stance.seen_in(&exchange.tlsa.evidence);
        out.stances.push(exchange.sessions.iter().fold(stance, |stance, session| stance.seen_in(&session.evidence)));
    }
    // No exchange is left that a DANE sender delivers to.
    if standings.iter().all(|standing| standing.verdict == Delivery::Refuse) {
        for finding in &mut out.findings {
            if [crate::MISMATCH, crate::NO_STARTTLS].contains(&finding.code.as_str()) {
                finding.severity = Some(Severity::Critical);
            }
        }
    }
    let with_records = facts.exchanges.iter().filter(|exchange| !exchange.records().is_empty()).count();
    let failed = facts.exchanges.iter().any(|exchange| exchange.tlsa.cause().is_some());
    if with_records == 0 && !failed {
        out.find(not_used(facts));
    }
    let protected: Vec<&Standing<'_>> =
        standings.iter().filter(|standing| standing.verdict == Delivery::Deliver).collect();
    if !protected.is_empty() {
        partial(facts, &standings, &protected, &mut out);
        mx_unsigned(facts, &mut out);
    }
    if protected.len() == standings.len() && protected.iter().all(|one| one.whole) && !standings.is_empty() {
        let hosts: Vec<&str> = protected.iter().map(|standing| standing.exchange.name.as_str()).collect();
        let seen = format!("The certificates of {} fit their TLSA records, which DNSSEC protects.", hosts.join(", "));
        let mut finding = Finding::new(WORKING, subject(facts), seen);
        finding.evidence = protected.iter().map(|standing| Evidence::of(&standing.exchange.tlsa.evidence)).collect();
        out.find(finding);
    }
    out
}

fn subject(facts: &Facts) -> Subject {
    Subject::Domain(facts.domain.clone())
}

fn host(exchange: &Exchange) -> Subject {
    Subject::Host(exchange.name.clone())
}

/// Judges one exchange, in the order in which a sender looks (RFC 7672 §2.2.2):
/// addresses, TLSA records, the server.
fn standing<'f>(facts: &Facts, exchange: &'f Exchange, out: &mut Judgement) -> Standing<'f> {
    let stands = |verdict, why: &str| Standing { exchange, verdict, why: why.to_owned(), whole: true };
    let has_records = !exchange.records().is_empty();
    match (&exchange.addresses, exchange.tlsa.cause()) {
        // A sender that gets no addresses gets nowhere; the check `mx` tells that.
        (Security::Bogus(cause), _) => {
            unknown(exchange, cause, None, out);
            stands(Delivery::Defer, "DNSSEC validation of its addresses fails")
        }
        // It looks for no TLSA records where the addresses are not protected.
        (Security::Insecure, Some(_)) => stands(Delivery::NoPolicy, "its addresses are not signed"),
        (_, None) if !has_records => stands(Delivery::NoPolicy, "it has no TLSA record"),
        (Security::Secure, Some(cause)) => lookup_fails(exchange, &cause, out),
        (Security::Unknown(cause), _) => {
            unknown(exchange, cause, Some(Validation::ADVICE), out);
            stands(Delivery::CouldNotTell, &cause.detail)
        }
        (Security::Insecure, None) => unsigned(facts, exchange, out),
        (Security::Secure, None) => match &exchange.tlsa_status {
            Security::Secure => chain::judge(facts, exchange, out),
            Security::Insecure => unsigned(facts, exchange, out),
            Security::Bogus(cause) => lookup_fails(exchange, cause, out),
            Security::Unknown(cause) => {
                unknown(exchange, cause, Some(Validation::ADVICE), out);
                stands(Delivery::CouldNotTell, &cause.detail)
            }
        },
    }
}

fn unknown(exchange: &Exchange, cause: &Cause, advice: Option<&str>, out: &mut Judgement) {
    let what = format!("whether DANE protects mail to {}", exchange.name);
    let unknown = Unknown::new(host(exchange), what, cause.clone());
    let ours = cause.kind == engine_plugin_api::CauseKind::OurSide;
    out.unknown(match advice.filter(|_| ours) {
        Some(advice) => unknown.advice(advice),
        None => unknown,
    });
}

fn lookup_fails<'f>(exchange: &'f Exchange, cause: &Cause, out: &mut Judgement) -> Standing<'f> {
    let why = format!("the lookup of its TLSA records fails: {}", cause.detail);
    let decided = matches!(exchange.tlsa.status, DnsStatus::ServFail | DnsStatus::Bogus);
    if !decided {
        unknown(exchange, cause, None, out);
        return Standing { exchange, verdict: Delivery::CouldNotTell, why, whole: true };
    }
    let seen = format!(
        "The addresses of {} are signed, and its TLSA records cannot be looked up ({}): senders that use DANE hold \
         their mail back, since that is how an attack looks.",
        exchange.name, cause.detail
    );
    let step = if exchange.tlsa.status == DnsStatus::Bogus {
        "Repair the DNSSEC signatures of the zone."
    } else {
        "Let the zone's name servers answer questions of type TLSA, and sign the answer that there is none: old load \
         balancers and firewalls drop them or answer with an error."
    };
    let finding = Finding::new(LOOKUP_FAILS, host(exchange), seen)
        .actor(engine_plugin_api::Actor::DnsHost)
        .evidence(Evidence::quoting(&exchange.tlsa.evidence, format!("{}. TLSA: {}", exchange.owner(), cause.detail)))
        .remedy(Remedy::step(step).setting(format!("dig +dnssec {} TLSA", exchange.owner())));
    out.find(finding);
    Standing { exchange, verdict: Delivery::Defer, why, whole: true }
}

fn unsigned<'f>(facts: &Facts, exchange: &'f Exchange, out: &mut Judgement) -> Standing<'f> {
    let what = if exchange.addresses == Security::Insecure { "addresses" } else { "TLSA records" };
    let seen = format!(
        "{} has TLSA records, and its {what} are not signed with DNSSEC: senders leave the records out.",
        exchange.name
    );
    let records = exchange.records();
    let mut finding = Finding::new(UNSIGNED, host(exchange), seen).remedy(Remedy::step(format!(
        "Sign the zone of {} with DNSSEC and have the DS record entered at its parent; or take the TLSA records away, \
         which do nothing for {} as they are.",
        exchange.name, facts.domain
    )));
    finding.evidence =
        records.iter().map(|(_, text)| Evidence::quoting(&exchange.tlsa.evidence, text.as_str())).collect();
    out.find(finding);
    Standing { exchange, verdict: Delivery::NoPolicy, why: format!("its {what} are not signed"), whole: true }
}

fn not_used(facts: &Facts) -> Finding {
    let hosts: Vec<&str> = facts.exchanges.iter().map(|exchange| exchange.name.as_str()).collect();
    let signed = match &facts.mx {
        Security::Secure => " The domain itself is signed.",
        Security::Insecure => " The domain itself is not signed with DNSSEC.",
        Security::Bogus(_) | Security::Unknown(_) => "",
    };
    let signed_hosts: Vec<&str> = facts
        .exchanges
        .iter()
        .filter(|exchange| exchange.addresses.is_secure())
        .map(|exchange| exchange.name.as_str())
        .collect();
    let ready = match signed_hosts.as_slice() {
        [] => String::new(),
        hosts => format!(" The zone of {} is signed, so that TLSA records would count.", hosts.join(", ")),
    };
    let seen = format!("No exchange of {} ({}) has TLSA records.{signed}{ready}", facts.domain, hosts.join(", "));
    let mut finding = Finding::new(NOT_USED, subject(facts), seen).evidence(Evidence::of(&facts.evidence));
    finding.evidence.extend(facts.exchanges.iter().map(|exchange| Evidence::of(&exchange.tlsa.evidence)));
    finding
}

fn partial(facts: &Facts, standings: &[Standing<'_>], protected: &[&Standing<'_>], out: &mut Judgement) {
    let bare: Vec<&str> = standings
        .iter()
        .filter(|standing| standing.verdict == Delivery::NoPolicy && standing.exchange.records().is_empty())
        .map(|standing| standing.exchange.name.as_str())
        .collect();
    if bare.is_empty() {
        return;
    }
    let names: Vec<&str> = protected.iter().map(|standing| standing.exchange.name.as_str()).collect();
    let seen = format!(
        "DANE protects mail to {}, and not to {}: who keeps a sender from the former takes its mail at the latter.",
        names.join(", "),
        bare.join(", ")
    );
    let remedy = Remedy::step("Publish TLSA records for every exchange, or have one set of exchanges that has them.");
    out.find(Finding::new(PARTIAL, subject(facts), seen).evidence(Evidence::of(&facts.evidence)).remedy(remedy));
}

fn mx_unsigned(facts: &Facts, out: &mut Judgement) {
    match &facts.mx {
        Security::Insecure => {
            let seen = format!(
                "The exchanges of {} have TLSA records that DNSSEC protects, and its own MX records are not signed: \
                 who forges them leads mail elsewhere.",
                facts.domain
            );
            let remedy =
                Remedy::step(format!("Sign the zone of {} with DNSSEC, and enter the DS record.", facts.domain));
            let finding = Finding::new(MX_UNSIGNED, subject(facts), seen).evidence(Evidence::of(&facts.evidence));
            out.find(finding.remedy(remedy));
        }
        Security::Unknown(cause) => {
            let what = format!("whether the MX records of {} are signed", facts.domain);
            out.unknown(Unknown::new(subject(facts), what, cause.clone()));
        }
        Security::Secure | Security::Bogus(_) => {}
    }
}

#[cfg(test)]
mod tests;
