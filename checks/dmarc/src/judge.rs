//! From facts to findings. Pure.

mod place;
mod policy;
mod repair;
mod reports;
mod rules;
mod sending;
mod syntax;
mod words;

use engine_plugin_api::{Cause, Judgement, Unknown};
use mail_syntax::dmarc::StepFound;

use crate::facts::Facts;
use repair::Repair;

/// Bytes of a record that are quoted whole, and around a fault of a longer one.
const QUOTED: usize = 1_200;
const AROUND: usize = 300;

/// Judges the facts.
pub fn judge(facts: &Facts) -> Judgement {
    let mut out = Judgement::default();
    place::judge(facts, &mut out);
    if let Some(found) = facts.record() {
        let mut repair = Repair::of(facts, &found);
        if !syntax::judge(facts, &found, &mut repair, &mut out) {
            policy::judge(facts, &found, &mut repair, &mut out);
            sending::judge(facts, &found, &mut repair, &mut out);
            reports::judge(facts, &found, &mut repair, &mut out);
        }
        rules::judge(facts, &found, &mut repair, &mut out);
        repair.attach(&mut out);
        words::summary(facts, &found, &mut out);
    }
    unanswered(facts, &mut out);
    for evidence in out.findings.iter_mut().flat_map(|finding| &mut finding.evidence) {
        if let Some(quote) = &mut evidence.quote {
            quote.shorten(QUOTED, AROUND);
        }
    }
    out
}

/// What could not be told, once for each thing that it leaves open.
fn unanswered(facts: &Facts, out: &mut Judgement) {
    let domain = &facts.domain;
    // One answer that does not come is told once, by the first thing that it leaves open.
    let mut told: Vec<Cause> = Vec::new();
    let mut tell = |what: String, cause: Option<&Cause>| {
        if let Some(cause) = cause.filter(|cause| !told.contains(cause)) {
            told.push((*cause).clone());
            out.unknown(Unknown::new(words::subject(facts), what, cause.clone()));
        }
    };
    let own = facts.place(domain).and_then(|seen| seen.cause.as_ref());
    tell(format!("whether {domain} has a DMARC record"), own);
    if own.is_some() {
        // Everything else depends on that.
        return;
    }
    let above = facts.places.iter().rev().find(|(name, seen)| *name != domain && seen.cause.is_some());
    if let Some((name, seen)) = above {
        let what = match facts.own().found {
            StepFound::Record(..) => {
                format!("whether {name} has a DMARC record, which decides what {domain} belongs to")
            }
            _ => format!("whether {name} has a DMARC record, which may apply to {domain}"),
        };
        tell(what, seen.cause.as_ref());
    }
    for (name, seen) in &facts.elsewhere {
        tell(format!("whether a record was put at {name} by mistake"), seen.cause.as_ref());
    }
    tell(format!("whether {domain} takes mail"), facts.mail.value.unknown());
    if facts.record().is_some() {
        tell(format!("whether SPF can pass for {domain}"), facts.texts.cause.as_ref());
        tell(format!("whether {domain} has DKIM keys"), facts.keys.cause.as_ref());
    }
    for subdomain in &facts.subdomains {
        let what = format!("whether {} has a weaker policy", subdomain.name);
        tell(what, subdomain.dmarc.cause.as_ref().or(subdomain.mail.value.unknown()));
    }
    for host in &facts.hosts {
        let address = host.address.as_ref().and_then(|address| address.value.unknown());
        tell(format!("whether {} takes reports", host.name), host.mail.value.unknown().or(address));
        if host.external != [Some(false); 2] {
            let cause = host.authorization.as_ref().and_then(|seen| seen.cause.as_ref());
            tell(format!("whether {} agrees to take reports about {domain}", host.name), cause);
        }
    }
}

#[cfg(test)]
mod tests;
