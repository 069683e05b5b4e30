//! From facts to findings. Pure.

use std::net::IpAddr;

use engine_plugin_api::{Cause, CauseKind, Evidence, Finding, Judgement, Severity, Subject, Unknown};

use crate::{
    CONFIRMED, Config,
    facts::{Address, Banner, Facts},
    names,
};

mod address;
mod banner;
mod helo;

/// How many addresses a sentence names.
const NAMED: usize = 4;

/// Judges what the DNS tells.
pub fn judge(facts: &Facts, config: &Config) -> Judgement {
    let mut out = Judgement::default();
    if let Some(ip) = facts.not_public {
        not_public(ip, &mut out);
    }
    for (name, cause) in &facts.gaps {
        let what = if facts.domain.as_ref() == Some(name) {
            format!("which servers take mail for {name}, and so their reverse names")
        } else {
            format!("every address of {name}, and so its reverse names")
        };
        out.unknown(Unknown::new(Subject::Host(name.clone()), what, cause.clone()));
    }
    for address in &facts.addresses {
        address::judge(facts, address, config, &mut out);
    }
    if facts.left_out > 0 {
        let about = Subject::Domain(facts.domain.clone().unwrap_or_default());
        let cause =
            Cause::new(CauseKind::NeedsInput, format!("the settings limit the check to {}", config.max_addresses));
        let what = format!("the reverse names of {} more addresses of the exchanges", facts.left_out);
        out.unknown(Unknown::new(about, what, cause).advice("Raise `max_addresses` of `reverse-dns`."));
    }
    if let Some(helo) = &facts.helo {
        helo::judge(facts, helo, &mut out);
    }
    confirmed(facts, &mut out);
    out
}

/// Judges how the exchanges greet. A greeting that did not come is no
/// disagreement, and is told by the check that is about sessions.
pub fn judge_banners(facts: &Facts, banners: &[Banner]) -> Judgement {
    let mut out = Judgement::default();
    banner::judge(facts, banners, &mut out);
    out
}

fn not_public(ip: IpAddr, out: &mut Judgement) {
    let block = ip_scope::scope(ip).block().map(|block| format!(": it lies in {block}")).unwrap_or_default();
    let cause = Cause::new(CauseKind::NeedsInput, format!("{ip} is not a public address{block}"));
    let what = format!("which reverse name receivers see for mail from {ip}");
    out.unknown(
        Unknown::new(Subject::Address(ip.to_string()), what, cause)
            .advice("Give the public address that the mail leaves from, after any NAT, with --ip."),
    );
}

/// One finding for all that is right.
fn confirmed(facts: &Facts, out: &mut Judgement) {
    let good: Vec<(&Address, &str)> =
        facts.addresses.iter().filter_map(|address| Some((address, address.confirming().next()?))).collect();
    let Some((first, _)) = good.first() else { return };
    let subject = match (&facts.domain, first.sends || good.len() == 1) {
        (Some(domain), false) => Subject::Domain(domain.clone()),
        _ => Subject::Address(first.ip.to_string()),
    };
    let mut each: Vec<String> =
        good.iter().take(NAMED).map(|(address, name)| format!("{} is {name}", address.ip)).collect();
    if good.len() > NAMED {
        each.push(format!("{} more", good.len() - NAMED));
    }
    let mut finding =
        Finding::new(CONFIRMED, subject, format!("Names and addresses lead to each other: {}.", each.join(", ")));
    for (address, name) in good.iter().take(NAMED) {
        let record = address.records().iter().find(|record| record.name == *name);
        if let (Some(ptr), Some(record)) = (address.ptr.known(), record) {
            finding = finding.evidence(Evidence::quoting(&ptr.evidence, &record.text));
        }
    }
    out.find(finding);
}

/// The severity for an address that sends, or for one that may not.
fn weighed(address: &Address, sends: Severity, receives: Severity) -> Severity {
    if address.sends { sends } else { receives }
}

/// The name that the address had best have: the HELO name, else the host
/// behind the exchange that has the address, else a usual one below the domain.
fn wanted(facts: &Facts, address: &Address) -> Option<String> {
    let helo = facts.helo.as_ref().filter(|helo| address.sends && helo.addresses.is_some());
    helo.map(|helo| helo.text.clone())
        .or_else(|| address.host.clone())
        .or_else(|| facts.domain.as_ref().map(|domain| format!("mail.{domain}")))
}

/// Whether `name` is known to have the address.
fn leads_to(facts: &Facts, name: &str, address: &Address) -> bool {
    let helo = facts.helo.as_ref().filter(|helo| helo.text == name).and_then(|helo| helo.addresses.as_ref());
    address.host.as_deref() == Some(name)
        || address.confirming().any(|confirming| confirming == name)
        || helo.is_some_and(|both| both.iter().filter_map(|f| f.known()).any(|f| f.addresses.contains(&address.ip)))
}

/// Where a PTR record of the address belongs.
fn owner(address: &Address) -> String {
    address.ptr.known().map_or_else(|| names::reverse(address.ip), |ptr| ptr.owner.clone())
}

#[cfg(test)]
mod tests;
