//! One exchange: whether its name is one, and its own.

use std::net::IpAddr;

use engine_plugin_api::{Evidence, Finding, Judgement, Remedy, Severity};

use super::{Exchange, Kind, Route, addresses};
use crate::{ALIAS, ILLEGAL_NAME, IP_LITERAL, PLACEHOLDER, RESERVED_NAME, facts::Host, hostname, words::list};

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
            addresses::none(route, exchange, host, out);
            addresses::not_public(exchange.name, host, route.severity_of_a_dead_one(), None, out);
        }
    }
    name(route, exchange, out);
}

/// The finding `code` about the exchange, with a caret under its name in each record.
pub(super) fn about(route: &Route, exchange: &Exchange, code: &str, seen: String, label: &str) -> Finding {
    exchange.records.iter().fold(Finding::new(code, exchange.subject(), seen), |finding, record| {
        finding.evidence(record.at_exchange(&route.mx.evidence, label))
    })
}

/// A remedy that names `host` in the place of the exchange, unless another record does already.
pub(super) fn rename(route: &Route, exchange: &Exchange, host: &str, step: String) -> Remedy {
    if route.exchanges.iter().any(|other| other.name == host) {
        return withdraw(route, exchange, format!("Take the record away: {host} is an exchange already."));
    }
    let owner = route.facts.owner();
    let ttl = exchange.records.iter().map(|record| record.ttl).max().unwrap_or_default();
    let remedy = exchange.records.iter().fold(Remedy::step(step), |remedy, record| {
        remedy.withdraw(owner, "MX", record.value()).publish(owner, "MX", format!("{} {host}.", record.preference))
    });
    remedy.once_old_copies_expire(ttl)
}

/// A remedy that takes the records of the exchange away.
pub(super) fn withdraw(route: &Route, exchange: &Exchange, step: String) -> Remedy {
    exchange.records.iter().fold(Remedy::step(step), |remedy, record| {
        remedy.withdraw(route.facts.owner(), "MX", record.value()).once_old_copies_expire(record.ttl)
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
pub(super) fn named(route: &Route, exchange: &Exchange, ip: IpAddr) -> Remedy {
    if !ip_scope::is_global(ip) {
        return Remedy::step("Let the MX record name the mail server's host, which needs a public address.");
    }
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

/// RFC 6761 §6.3, §6.4: names under `invalid` never exist, and `localhost` is the machine that asks.
fn placeholder(route: &Route, exchange: &Exchange, out: &mut Judgement) {
    let (name, domain) = (exchange.name, &route.facts.domain);
    let (origin, label) = if name.ends_with(".msv1.invalid") {
        let origin = format!(
            "It is the record with which Microsoft 365 verifies that {domain} is its customer's, left in place."
        );
        (origin, "never exists")
    } else if hostname::is_localhost(name) {
        ("Every machine calls itself so; a sender that tries it talks to itself.".into(), "the sender itself")
    } else {
        ("The top-level domain `invalid` never exists.".into(), "never exists")
    };
    let step = if route.is_dead() {
        format!(
            "Publish the MX records that the mail provider gives, then take the placeholder away. If {domain} is to take \
             no mail, publish the null MX in its place: {}. MX 0 .",
            route.facts.owner()
        )
    } else {
        "Take the placeholder away.".into()
    };
    // Senders that are to deliver to themselves first bounce the mail as a loop; further down the list they never try.
    let loops = hostname::is_localhost(name) && !route.is_dead() && route.exchanges[0].name == name;
    let consequence = if loops {
        "It is the first that they try, and many return the mail as a loop then.".into()
    } else {
        route.consequence()
    };
    let severity = if loops { Severity::Error } else { route.severity_of_a_dead_one() };
    let seen = format!("The exchange {name} is a placeholder. {origin} {consequence}");
    out.find(
        about(route, exchange, PLACEHOLDER, seen, label).severity(severity).remedy(withdraw(route, exchange, step)),
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
    // Of several aliases of one host only the first becomes its record.
    let before = route.exchanges.iter().take_while(|other| other.name != name);
    let mut before = before.filter(|other| other.host().and_then(|host| host.aliases().last()) == Some(end));
    let remedy = if let Some(first) = before.next() {
        let step = format!("Take the record away: that of {} is the one to name {end}.", first.name);
        withdraw(route, exchange, step)
    } else if host.addresses().next().is_some() || host.gap().is_some() {
        rename(route, exchange, end, format!("Let the MX record name {end} itself."))
    } else {
        Remedy::step(format!("Let the MX record name a host with addresses of its own; {end} has none either."))
    };
    out.find(finding.remedy(remedy));
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
        let mut step = "Give the server a name of letters, digits and inner hyphens, with the same addresses, and let \
                        the MX record use it."
            .to_owned();
        if faults.iter().any(|(fault, _)| fault.is_foreign()) {
            step.push_str(" A name in another script stands in the DNS in its A-label form, which begins with `xn--`.");
        }
        out.find(finding.remedy(Remedy::step(step)));
    }
}
