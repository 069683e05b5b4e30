//! The exchanges together: how many, how different, how reachable.

use std::{collections::BTreeMap, net::IpAddr};

use engine_plugin_api::{Cause, CauseKind, Evidence, Finding, Judgement, Remedy, Unknown};

use super::{Exchange, Kind, Reach, Route};
use crate::{
    Config, DUPLICATE, NO_IPV4, NO_IPV6, PRESENT, SHARED_ADDRESS, SINGLE, TOO_MANY, UNEXPECTED,
    facts::{Answer, Host},
    providers::provider,
    words::list,
};

pub(super) fn judge(route: &Route, config: &Config, out: &mut Judgement) {
    present(route, out);
    for exchange in &route.exchanges {
        duplicate(route, exchange, out);
        unexpected(route, exchange, config, out);
    }
    shared_addresses(route, out);
    single(route, out);
    families(route, out);
    too_many(route, config, out);
}

/// The one line that a support desk reads first.
fn present(route: &Route, out: &mut Judgement) {
    let stops: Vec<String> = route.exchanges.iter().map(stop).collect();
    let mut services: Vec<&str> = route.exchanges.iter().filter_map(|exchange| provider(exchange.name)).collect();
    services.sort_unstable();
    services.dedup();
    let by = if services.is_empty() { String::new() } else { format!(" Run by {}.", list(&services)) };
    let seen = format!("Mail for {} goes to: {}.{by}", route.facts.domain, stops.join("; "));
    let finding = route.mx.records.iter().fold(Finding::new(PRESENT, route.subject(), seen), |finding, record| {
        finding.evidence(Evidence::quoting(&route.mx.evidence, &record.text))
    });
    out.find(finding);
}

/// `10 mail.example.org (25.25.1.1, 2a09:25::1)`.
fn stop(exchange: &Exchange) -> String {
    /// More would not be read.
    const SHOWN: usize = 8;
    let preferences: Vec<String> = exchange.records.iter().map(|record| record.preference.to_string()).collect();
    let addresses: Vec<String> =
        exchange.host().into_iter().flat_map(Host::addresses).map(|address| address.ip.to_string()).collect();
    let detail = match (&exchange.kind, addresses.len()) {
        (Kind::Host(host), 0) if host.gap().is_some() => "address not known".into(),
        (Kind::NotLookedUp, _) => "not looked up".into(),
        (_, 0) => "no address".into(),
        (_, n) if n > SHOWN => format!("{} and {} more", addresses[..SHOWN].join(", "), n - SHOWN),
        _ => addresses.join(", "),
    };
    format!("{} {} ({detail})", preferences.join(" and "), exchange.name)
}

fn duplicate(route: &Route, exchange: &Exchange, out: &mut Judgement) {
    let [kept, extra @ ..] = exchange.records.as_slice() else { return };
    if extra.is_empty() {
        return;
    }
    let (name, n) = (exchange.name, exchange.records.len());
    let mut finding = Finding::new(
        DUPLICATE,
        exchange.subject(),
        format!(
            "{n} MX records of {} name the same exchange, {name}. The further ones give no second way.",
            route.facts.domain
        ),
    );
    let mut remedy =
        Remedy::step(format!("Keep the record with preference {} and take the rest away.", kept.preference));
    for record in &exchange.records {
        finding = finding.evidence(record.at_exchange(&route.mx.evidence, "the same exchange"));
    }
    for record in extra {
        remedy = remedy.withdraw(route.facts.owner(), "MX", record.value()).once_old_copies_expire(record.ttl);
    }
    out.find(finding.remedy(remedy));
}

/// The exchange is none of those that the settings name.
fn unexpected(route: &Route, exchange: &Exchange, config: &Config, out: &mut Judgement) {
    let name = exchange.name;
    if config.expect.is_empty() || config.expect.iter().any(|pattern| fits(name, pattern)) {
        return;
    }
    let mut finding = Finding::new(
        UNEXPECTED,
        exchange.subject(),
        format!(
            "{} names the exchange {name}, which the setting `expect` does not list ({}).",
            route.facts.domain,
            list(&config.expect)
        ),
    );
    let mut remedy = Remedy::step("Take the record away, or add the host to `expect`.");
    for record in &exchange.records {
        finding = finding.evidence(record.at_exchange(&route.mx.evidence, "not expected"));
        remedy = remedy.withdraw(route.facts.owner(), "MX", record.value()).once_old_copies_expire(record.ttl);
    }
    out.find(finding.remedy(remedy));
}

fn fits(name: &str, pattern: &str) -> bool {
    let pattern = pattern.trim_end_matches('.').to_ascii_lowercase();
    match pattern.strip_prefix("*.") {
        Some(above) => name.strip_suffix(above).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
        None => name == pattern,
    }
}

/// Several exchanges that are one machine: they fail together.
fn shared_addresses(route: &Route, out: &mut Judgement) {
    let mut holders: BTreeMap<IpAddr, Vec<&Exchange>> = BTreeMap::new();
    for exchange in &route.exchanges {
        for address in exchange.host().into_iter().flat_map(Host::addresses) {
            holders.entry(address.ip).or_default().push(exchange);
        }
    }
    let mut groups: Vec<(Vec<&Exchange>, Vec<IpAddr>)> = Vec::new();
    for (ip, exchanges) in holders.into_iter().filter(|(_, exchanges)| exchanges.len() > 1) {
        let names = |group: &[&Exchange]| group.iter().map(|exchange| exchange.name.to_owned()).collect::<Vec<_>>();
        match groups.iter_mut().find(|(group, _)| names(group) == names(&exchanges)) {
            Some((_, addresses)) => addresses.push(ip),
            None => groups.push((exchanges, vec![ip])),
        }
    }
    for (exchanges, addresses) in groups {
        let names: Vec<&str> = exchanges.iter().map(|exchange| exchange.name).collect();
        let shared: Vec<String> = addresses.iter().map(IpAddr::to_string).collect();
        let mut finding = Finding::new(
            SHARED_ADDRESS,
            route.subject(),
            format!(
                "The exchanges {} share {}: when that server is down, all of them are.",
                list(&names),
                list(&shared)
            ),
        );
        for answer in exchanges.iter().filter_map(|exchange| exchange.host()).flat_map(Host::answers) {
            for address in answer.records.iter().filter(|address| addresses.contains(&address.ip)) {
                finding = finding.evidence(Evidence::quoting(&answer.evidence, &address.text));
            }
        }
        out.find(finding.remedy(Remedy::step(
            "Give each exchange a server of its own, or keep one MX record: senders queue and try again for days.",
        )));
    }
}

/// One exchange with one address. Large services publish one name, with many
/// addresses or with one that stands for many machines: no single point of failure.
fn single(route: &Route, out: &mut Judgement) {
    let [only] = route.exchanges.as_slice() else { return };
    if provider(only.name).is_some() {
        return;
    }
    let (Reach::Usable, Some(host)) = (only.reach(), only.host()) else { return };
    let one = |family: Option<&Answer<_>>| family.is_some_and(|answer| answer.records.len() <= 1);
    if !one(host.v4.known()) || !one(host.v6.known()) {
        return;
    }
    out.find(
        Finding::new(
            SINGLE,
            route.subject(),
            format!(
                "{} is the only exchange of {}. While it is down, mail waits at the senders; it is lost only when that \
                 lasts for days.",
                only.name, route.facts.domain
            ),
        )
        .evidence(only.records[0].at_exchange(&route.mx.evidence, "the only exchange"))
        .remedy(Remedy::step(
            "Nothing, unless mail may not wait: then add a second server with the same users and the same spam \
             filters. A mere backup that accepts all and filters nothing makes things worse.",
        )),
    );
}

/// Which exchanges lack IPv6, and whether all lack IPv4.
fn families(route: &Route, out: &mut Judgement) {
    let usable: Vec<(&Exchange, &Host)> = route
        .exchanges
        .iter()
        .filter(|exchange| exchange.reach() == Reach::Usable)
        .filter_map(|exchange| Some((exchange, exchange.host()?)))
        .collect();
    let without_v6: Vec<_> =
        usable.iter().filter(|(_, host)| host.v6.known().is_some_and(|v6| v6.records.is_empty())).collect();
    let may_have_v4 = route.exchanges.iter().any(|exchange| match &exchange.kind {
        Kind::NotLookedUp => true,
        Kind::Host(host) => host.exists() && host.v4.known().is_none_or(|v4| v4.records.iter().any(|a| a.is_public())),
        Kind::Literal(_) | Kind::Placeholder => false,
    });
    if !without_v6.is_empty() {
        let names: Vec<&str> = without_v6.iter().map(|(exchange, _)| exchange.name).collect();
        let who = if without_v6.len() == route.exchanges.len() { "No exchange" } else { "Not every exchange" };
        let mut finding = Finding::new(
            NO_IPV6,
            route.subject(),
            format!("{who} of {} has an IPv6 address; without: {}.", route.facts.domain, list(&names)),
        );
        for (_, host) in &without_v6 {
            finding = host.v6.known().into_iter().fold(finding, |f, v6| f.evidence(Evidence::of(&v6.evidence)));
        }
        out.find(finding.remedy(Remedy::step(
            "Nothing for now: mail flows over IPv4. Before adding an AAAA record, let the server listen on that \
             address and give it reverse DNS.",
        )));
    }
    if !usable.is_empty() && !may_have_v4 {
        let names: Vec<&str> = usable.iter().map(|(exchange, _)| exchange.name).collect();
        let finding = usable.iter().filter_map(|(_, host)| host.v4.known()).fold(
            Finding::new(
                NO_IPV4,
                route.subject(),
                format!(
                    "The exchanges of {} ({}) have IPv6 addresses only. Senders that have only IPv4 cannot deliver.",
                    route.facts.domain,
                    list(&names)
                ),
            ),
            |finding, v4| finding.evidence(Evidence::of(&v4.evidence)),
        );
        out.find(finding.remedy(Remedy::step("Publish an A record for at least one exchange.")));
    }
}

fn too_many(route: &Route, config: &Config, out: &mut Judgement) {
    let count = route.exchanges.len();
    if count <= config.max_exchanges {
        return;
    }
    let left: Vec<&str> = route
        .exchanges
        .iter()
        .filter(|exchange| matches!(exchange.kind, Kind::NotLookedUp))
        .map(|exchange| exchange.name)
        .collect();
    let domain = &route.facts.domain;
    out.find(
        Finding::new(
            TOO_MANY,
            route.subject(),
            format!("{domain} names {count} exchanges. Senders try only a few of them before they give up or wait."),
        )
        .evidence(Evidence::of(&route.mx.evidence))
        .remedy(Remedy::step("Keep the few exchanges that are meant to take mail and take the rest away.")),
    );
    if !left.is_empty() {
        let limit = config.max_exchanges;
        out.unknown(
            Unknown::new(
                route.subject(),
                format!("whether the {} exchanges of {domain} after the first {limit} can be found", left.len()),
                Cause::new(CauseKind::Denied, format!("the setting `max_exchanges` is {limit}"))
                    .seen_in(&route.mx.evidence),
            )
            .advice(format!("set `max_exchanges` to {count}")),
        );
    }
}
