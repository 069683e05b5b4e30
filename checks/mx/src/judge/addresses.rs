//! Whether an exchange leads to an address that senders can reach.

use engine_plugin_api::{CauseKind, Evidence, Finding, Judgement, Remedy, Severity, Span, Subject, Unknown};

use super::{
    Exchange, Route,
    exchange::{about, named, rename, withdraw},
};
use crate::{
    ADDRESS_NOT_PUBLIC, NO_ADDRESS, UNRESOLVABLE,
    facts::{Address, Host},
    hostname,
    providers::provider,
    words::list,
};

/// One unknown for each kind of failure: what stands in one broken zone is one thing that is not known.
pub(super) fn unanswered(route: &Route, out: &mut Judgement) {
    let mut gaps: Vec<(CauseKind, &str, Vec<&Exchange>)> = Vec::new();
    for exchange in &route.exchanges {
        let Some(host) = exchange.host() else { continue };
        let Some(cause) = host.gap() else { continue };
        let what = match (host.v4.known(), host.v6.known()) {
            (None, None) => "an address",
            (None, Some(_)) => "an IPv4 address",
            (Some(_), _) => "an IPv6 address",
        };
        match gaps.iter_mut().find(|(kind, lacking, _)| *kind == cause.kind && *lacking == what) {
            Some((.., exchanges)) => exchanges.push(exchange),
            None => gaps.push((cause.kind, what, vec![exchange])),
        }
    }
    for (_, what, exchanges) in gaps {
        let Some(cause) = exchanges[0].host().and_then(Host::gap) else { continue };
        let names: Vec<&str> = exchanges.iter().map(|exchange| exchange.name).collect();
        let (subject, asked) = match names.as_slice() {
            [name] => (exchanges[0].subject(), format!("whether the exchange {name} has {what}")),
            names => (route.subject(), format!("whether each of the exchanges {} has {what}", list(names))),
        };
        out.unknown(Unknown::new(subject, asked, cause.clone()));
    }
}

/// An exchange without any address; that it does not exist and that it has none are two things.
pub(super) fn none(route: &Route, exchange: &Exchange, host: &Host, out: &mut Judgement) {
    if host.gap().is_some() || host.addresses().next().is_some() {
        return;
    }
    let (name, end) = (exchange.name, host.aliases().last());
    let (code, state, label) = if host.exists() {
        (NO_ADDRESS, "has neither an A nor an AAAA record", "has no address")
    } else {
        (UNRESOLVABLE, "does not exist in the DNS (NXDOMAIN)", "does not exist")
    };
    let (seen, label) = match end {
        Some(end) => (format!("The exchange {name} is an alias of {end}, and {end} {state}."), "leads nowhere"),
        None if host.exists() => (format!("The exchange {name} exists but {state}."), label),
        None => (format!("The exchange {name} {state}."), label),
    };
    let meant = meant(name, route.facts.owner());
    let hint = meant.as_ref().map(Meant::hint).unwrap_or_default();
    let mut finding = about(route, exchange, code, format!("{seen} {}{hint}", route.consequence()), label)
        .severity(route.severity_of_a_dead_one());
    for answer in host.answers() {
        finding = finding.evidence(Evidence::of(&answer.evidence));
    }
    let remedy = match meant {
        Some(Meant::NoDot(meant)) => match hostname::literal(meant) {
            Some(ip) => named(route, exchange, ip),
            None => rename(route, exchange, meant, format!("Name {meant}, with a final dot in the zone file.")),
        },
        Some(Meant::NoSpace(meant)) => {
            rename(route, exchange, &meant, format!("Name {meant}, without the white space in it."))
        }
        None => missing(route, exchange, end),
    };
    out.find(finding.remedy(remedy));
}

fn missing(route: &Route, exchange: &Exchange, end: Option<&String>) -> Remedy {
    let name = exchange.name;
    let publish = match end {
        Some(_) => format!(
            "Let the MX record name the mail server's own host; {name} can have no address beside its CNAME record"
        ),
        None if hostname::faults(name).iter().any(|(fault, _)| !fault.is_mild()) => {
            "Give the mail server's host a legal name with an address, and let the MX record use it".to_owned()
        }
        None if !name.contains('.') => format!(
            "Let the MX record name the mail server in full, as in mail.{}; a name of one label leads nowhere",
            route.facts.owner()
        ),
        None => format!("Publish an A record for {name} with the address of the mail server"),
    };
    let named = !publish.starts_with("Publish");
    match (route.is_dead(), named) {
        (true, true) => Remedy::step(format!("{publish}.")),
        (true, false) => Remedy::step(format!("{publish}, or correct the host name in the MX record.")),
        (false, _) => withdraw(
            route,
            exchange,
            format!("{publish}, if that server is in use; otherwise take the MX record away."),
        ),
    }
}

/// What a name was probably meant to be.
enum Meant<'n> {
    /// A missing final dot has let the server append the domain: the domain
    /// twice, a known provider or an address before it.
    NoDot(&'n str),
    /// White space has become part of the name.
    NoSpace(String),
}

impl Meant<'_> {
    fn hint(&self) -> String {
        match self {
            Meant::NoDot(meant) => {
                format!(" In the zone file the final dot after {meant} is missing, it seems.")
            }
            Meant::NoSpace(meant) => format!(" White space has become part of the name {meant}, it seems."),
        }
    }
}

fn meant<'n>(name: &'n str, domain: &str) -> Option<Meant<'n>> {
    if let Some(bare) = hostname::without_space(name) {
        return Some(Meant::NoSpace(bare));
    }
    let head = name.strip_suffix(domain)?.strip_suffix('.')?;
    let twice = head.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    (twice || provider(head).is_some() || hostname::literal(head).is_some()).then_some(Meant::NoDot(head))
}

/// Addresses that senders on the internet cannot reach. `instead`: what to do
/// where the records are not there for mail and should stay.
pub(super) fn not_public(name: &str, host: &Host, if_all: Severity, instead: Option<String>, out: &mut Judgement) {
    let (public, inner): (Vec<&Address>, Vec<&Address>) = host.addresses().partition(|address| address.is_public());
    if inner.is_empty() {
        return;
    }
    let each: Vec<String> = inner
        .iter()
        .filter_map(|address| Some(format!("{} lies in {}", address.ip, ip_scope::scope(address.ip).block()?)))
        .collect();
    let what = if public.is_empty() { name.to_owned() } else { format!("every address of {name}") };
    let mut seen = format!("Senders on the internet cannot reach {what}: {}.", list(&each));
    if inner.iter().any(|address| address.ip.is_loopback()) {
        seen.push_str(" A sender that tries a loopback address talks to itself and may report a mail loop.");
    }
    if public.is_empty() && host.gap().is_none() {
        seen.push_str(" It has no other address.");
    }
    let mut finding = Finding::new(ADDRESS_NOT_PUBLIC, Subject::Host(name.to_owned()), seen);
    for (answer, address) in host.answers().flat_map(|answer| answer.records.iter().map(move |a| (answer, a))) {
        if let Some(block) = ip_scope::scope(address.ip).block().filter(|block| !block.global) {
            let ip = address.ip.to_string();
            let end = address.text.len();
            let span = Span::new(end.saturating_sub(ip.len()), end);
            finding = finding.evidence(Evidence::quoting(&answer.evidence, &address.text).at(span, block.purpose));
        }
    }
    let finding = finding.severity(if public.is_empty() { if_all } else { Severity::Warning });
    if let Some(step) = instead.filter(|_| public.is_empty()) {
        out.find(finding.remedy(Remedy::step(step)));
        return;
    }
    let step = if public.is_empty() {
        "Publish the server's public address in the place of these records."
    } else {
        "Take these records away; the host keeps its public addresses."
    };
    let owner = host.aliases().last().map_or(name, String::as_str);
    let ttl = inner.iter().map(|address| address.ttl).max().unwrap_or_default();
    let remedy = inner
        .iter()
        .fold(Remedy::step(step), |remedy, address| remedy.withdraw(owner, address.rtype(), address.ip.to_string()));
    out.find(finding.remedy(remedy.once_old_copies_expire(ttl)));
}
