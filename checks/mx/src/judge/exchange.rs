//! One exchange: whether its name is one, and leads to an address.

use std::net::IpAddr;

use engine_plugin_api::{Evidence, Finding, Judgement, Remedy, Severity, Subject, Unknown};

use super::{Exchange, Kind, Route};
use crate::{
    ADDRESS_NOT_PUBLIC, ALIAS, ILLEGAL_NAME, IP_LITERAL, NO_ADDRESS, PLACEHOLDER, RESERVED_NAME, UNRESOLVABLE,
    facts::{Address, Host},
    hostname,
    providers::provider,
    words::{after_ttl, list},
};

pub(super) fn judge(route: &Route, exchange: &Exchange, out: &mut Judgement) {
    match &exchange.kind {
        Kind::Literal(ip) => {
            literal(route, exchange, *ip, out);
            return; // No host name, so nothing to say of one.
        }
        Kind::Placeholder => placeholder(route, exchange, out),
        Kind::NotLookedUp => {}
        Kind::Host(host) => {
            alias(route, exchange, host, out);
            addresses(route, exchange, host, out);
            not_public(exchange.name, host, route.severity_of_a_dead_one(), out);
        }
    }
    name(route, exchange, out);
}

/// The finding `code` about the exchange, with a caret under its name in each record.
fn about(route: &Route, exchange: &Exchange, code: &str, seen: String, label: &str) -> Finding {
    exchange.records.iter().fold(Finding::new(code, exchange.subject(), seen), |finding, record| {
        finding.evidence(record.at_exchange(&route.mx.evidence, label))
    })
}

/// A remedy that names `host` in the place of the exchange.
fn rename(route: &Route, exchange: &Exchange, host: &str, step: String) -> Remedy {
    let owner = route.facts.owner();
    let ttl = exchange.records.iter().map(|record| record.ttl).max().unwrap_or_default();
    exchange.records.iter().fold(Remedy::step(step).effect(after_ttl(ttl)), |remedy, record| {
        remedy.withdraw(owner, "MX", record.value()).publish(owner, "MX", format!("{} {host}.", record.preference))
    })
}

/// A remedy that takes the records of the exchange away.
fn withdraw(route: &Route, exchange: &Exchange, step: String) -> Remedy {
    exchange.records.iter().fold(Remedy::step(step), |remedy, record| {
        remedy.withdraw(route.facts.owner(), "MX", record.value()).effect(after_ttl(record.ttl))
    })
}

/// RFC 5321 §5.1, RFC 1035 §3.3.9: an exchange is a host name.
fn literal(route: &Route, exchange: &Exchange, ip: IpAddr, out: &mut Judgement) {
    let finding = about(
        route,
        exchange,
        IP_LITERAL,
        format!(
            "An MX record of {} names the address {ip} in the place of a host, and no host has such a name. {}",
            route.facts.domain,
            route.consequence()
        ),
        "an address, not a host name",
    );
    out.find(finding.severity(route.severity_of_a_dead_one()).remedy(named(route, exchange, ip)));
}

/// A remedy that gives the address `ip` a name and uses it.
fn named(route: &Route, exchange: &Exchange, ip: IpAddr) -> Remedy {
    let taken = |host: &String| route.exchanges.iter().any(|other| other.name == *host);
    let owner = route.facts.owner();
    let mut hosts = ["mail", "mx", "mx1", "mx2", "mx3"].into_iter().map(|label| format!("{label}.{owner}"));
    let Some(host) = hosts.find(|host| !taken(host)) else {
        return Remedy::step(format!("Give the server at {ip} a name and let the MX record use it."));
    };
    let step = format!("Give the server a name and let the MX record use it; choose another where {host} is in use.");
    let rtype = if ip.is_ipv4() { "A" } else { "AAAA" };
    rename(route, exchange, &host, step).publish(&host, rtype, ip.to_string())
}

/// RFC 6761 §6.4: names under `invalid` never exist.
fn placeholder(route: &Route, exchange: &Exchange, out: &mut Judgement) {
    let (name, domain) = (exchange.name, &route.facts.domain);
    let origin = if name.ends_with(".msv1.invalid") {
        format!("It is the record with which Microsoft 365 verifies that {domain} is its customer's, left in place.")
    } else {
        "The top-level domain `invalid` never exists.".into()
    };
    let step = if route.is_dead() {
        "Publish the MX records that the mail provider gives, then take the placeholder away."
    } else {
        "Take the placeholder away."
    };
    out.find(
        about(
            route,
            exchange,
            PLACEHOLDER,
            format!("The exchange {name} is a placeholder. {origin} {}", route.consequence()),
            "never exists",
        )
        .severity(route.severity_of_a_dead_one())
        .remedy(withdraw(route, exchange, step.into())),
    );
}

/// RFC 2181 §10.3, RFC 5321 §5.1.
fn alias(route: &Route, exchange: &Exchange, host: &Host, out: &mut Judgement) {
    let Some(end) = host.aliases().last() else { return };
    let name = exchange.name;
    let mut finding = about(
        route,
        exchange,
        ALIAS,
        format!(
            "The exchange {name} is an alias (CNAME) that ends at {end}. An MX record must name a host that is none."
        ),
        "an alias",
    );
    if let Some(answer) = host.answers().find(|answer| !answer.aliases.is_empty()) {
        finding =
            finding.evidence(Evidence::quoting(&answer.evidence, format!("{name}. CNAME {}.", answer.aliases[0])));
    }
    let remedy = if route.exchanges.iter().any(|other| other.name == end) {
        withdraw(route, exchange, format!("Take the record away: {end} is an exchange already."))
    } else if host.addresses().next().is_some() || host.gap().is_some() {
        rename(route, exchange, end, format!("Let the MX record name {end} itself."))
    } else {
        Remedy::step(format!("Let the MX record name a host with addresses of its own; {end} has none either."))
    };
    out.find(finding.remedy(remedy));
}

/// Whether the name exists and has an address; NXDOMAIN, NODATA and no answer are three things.
fn addresses(route: &Route, exchange: &Exchange, host: &Host, out: &mut Judgement) {
    let name = exchange.name;
    if let Some(cause) = host.gap() {
        let what = match (host.v4.known(), host.v6.known()) {
            (None, None) => format!("whether the exchange {name} has an address"),
            (None, Some(_)) => format!("whether the exchange {name} has an IPv4 address"),
            (Some(_), _) => format!("whether the exchange {name} has an IPv6 address"),
        };
        out.unknown(Unknown::new(exchange.subject(), what, cause.clone()));
        return;
    }
    if host.addresses().next().is_some() {
        return;
    }
    let (code, seen, label) = if host.exists() {
        (NO_ADDRESS, format!("The exchange {name} exists but has neither an A nor an AAAA record."), "has no address")
    } else {
        (UNRESOLVABLE, format!("The exchange {name} does not exist in the DNS (NXDOMAIN)."), "does not exist")
    };
    let meant = meant(name, route.facts.owner());
    let hint = meant
        .map(|meant| format!(" In the zone file the final dot after {meant} is missing, it seems."))
        .unwrap_or_default();
    let mut finding = about(route, exchange, code, format!("{seen} {}{hint}", route.consequence()), label)
        .severity(route.severity_of_a_dead_one());
    for answer in host.answers() {
        finding = finding.evidence(Evidence::of(&answer.evidence));
    }
    let remedy = match meant {
        Some(meant) => match hostname::literal(meant) {
            Some(ip) => named(route, exchange, ip),
            None => rename(route, exchange, meant, format!("Name {meant}, with a final dot in the zone file.")),
        },
        None if route.is_dead() => Remedy::step(format!(
            "Publish an A record for {name} with the address of the mail server, or correct the host name in the \
             MX record."
        )),
        None => withdraw(
            route,
            exchange,
            format!("Publish an A record for {name} if that server is in use; otherwise take the MX record away."),
        ),
    };
    out.find(finding.remedy(remedy));
}

/// The name that a zone file meant, where a missing final dot has let the
/// server append the domain: the domain twice, a known provider or an address before it.
fn meant<'n>(name: &'n str, domain: &str) -> Option<&'n str> {
    let head = name.strip_suffix(domain)?.strip_suffix('.')?;
    let twice = head.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    (twice || provider(head).is_some() || hostname::literal(head).is_some()).then_some(head)
}

/// Addresses that senders on the internet cannot reach.
pub(super) fn not_public(name: &str, host: &Host, if_all: Severity, out: &mut Judgement) {
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
            let span = engine_plugin_api::Span::new(end.saturating_sub(ip.len()), end);
            finding = finding.evidence(Evidence::quoting(&answer.evidence, &address.text).at(span, block.purpose));
        }
    }
    let step = if public.is_empty() {
        "Publish the server's public address in the place of these records."
    } else {
        "Take these records away; the host keeps its public addresses."
    };
    let owner = host.aliases().last().map_or(name, String::as_str);
    let ttl = inner.iter().map(|address| address.ttl).max().unwrap_or_default();
    let remedy = inner.iter().fold(Remedy::step(step).effect(after_ttl(ttl)), |remedy, address| {
        remedy.withdraw(owner, address.rtype(), address.ip.to_string())
    });
    out.find(finding.severity(if public.is_empty() { if_all } else { Severity::Warning }).remedy(remedy));
}

/// RFC 952, RFC 1123 §2.1, RFC 5890 §2.3.1.
fn name(route: &Route, exchange: &Exchange, out: &mut Judgement) {
    let (mild, grave): (Vec<_>, Vec<_>) =
        hostname::faults(exchange.name).into_iter().partition(|(fault, _)| fault.is_mild());
    for (code, faults) in [(ILLEGAL_NAME, grave), (RESERVED_NAME, mild)] {
        if faults.is_empty() {
            continue;
        }
        let labels: Vec<String> = faults.iter().map(|(fault, _)| fault.label()).collect();
        let quality = if code == ILLEGAL_NAME { "is no legal host name" } else { "is a reserved form of host name" };
        let seen = format!("The exchange {} {quality}: {}.", exchange.name, list(&labels));
        let record = exchange.records[0];
        let finding = faults.iter().fold(Finding::new(code, exchange.subject(), seen), |finding, (fault, span)| {
            finding.evidence(record.at_part(&route.mx.evidence, *span, &fault.label()))
        });
        out.find(finding.remedy(Remedy::step(
            "Give the server a name of letters, digits and inner hyphens, with the same addresses, and let the MX \
             record use it.",
        )));
    }
}
