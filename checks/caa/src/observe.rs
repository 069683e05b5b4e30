//! Asks the DNS, and then the exchanges which certificates they show.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use engine_plugin_api::{
    Context, Observed,
    services::{DnsQuestion, DnsReply, DnsStatus, MailExchanger, RecordData, RecordType, Verification},
};
use futures_util::future::{join, join_all};

use crate::facts::{Facts, Property, Set, Shown, climb};

/// Exchanges that are looked at, most preferred first.
const EXCHANGES: usize = 10;
/// Labels of a name above which nothing is asked.
const DEEPEST: usize = 10;

/// Gathers what the DNS tells. Costs two round trips: the MX records beside the
/// domain's own names, then the exchanges' names and addresses; one question a
/// name and two an exchange.
pub async fn observe(cx: &Context, domain: &str) -> Facts {
    let own: BTreeSet<&str> = names(domain);
    let (mx, mut sets) = join(cx.dns(DnsQuestion::new(domain, RecordType::Mx)), ask_all(cx, &own)).await;
    let hosts = exchanges(&mx, domain);
    let wanted: BTreeSet<&str> =
        hosts.iter().flat_map(|host| names(host)).filter(|name| !sets.contains_key(*name)).collect();
    let (more, addresses) = join(ask_all(cx, &wanted), join_all(hosts.iter().map(|host| addresses(cx, host)))).await;
    sets.extend(more);
    let exchanges = match mx.observed() {
        Observed::Known(records) => with_addresses(hosts.iter().cloned().zip(addresses), records.is_empty()),
        Observed::Unknown(cause) => Observed::Unknown(cause),
    };
    Facts {
        domain: domain.to_owned(),
        domain_gone: mx.status == DnsStatus::NxDomain && mx.aliases().is_empty(),
        exchanges,
        sets,
    }
}

/// The names at which the records for `name` may stand, the top-level domain included.
fn names(name: &str) -> BTreeSet<&str> {
    let all: Vec<&str> = climb(name).collect();
    all.into_iter().rev().take(DEEPEST).collect()
}

async fn ask_all(cx: &Context, names: &BTreeSet<&str>) -> BTreeMap<String, Observed<Set>> {
    let asked = names.iter().map(|name| async move {
        let reply = cx.dns(DnsQuestion::new(name, RecordType::Caa)).await;
        ((*name).to_owned(), set_of(&reply))
    });
    join_all(asked).await.into_iter().collect()
}

fn set_of(reply: &DnsReply) -> Observed<Set> {
    if let Some(cause) = reply.cause() {
        return Observed::Unknown(cause);
    }
    let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let properties = reply.records().map(|record| match &record.data {
        RecordData::Caa { flags, tag, value } => Property {
            flags: *flags,
            tag: lossy(&tag.0).to_ascii_lowercase(),
            value: lossy(&value.0),
            text: record.data_text(),
        },
        _ => Property { flags: 0, tag: String::new(), value: String::new(), text: record.data_text() },
    });
    Observed::Known(Set {
        evidence: reply.evidence.clone(),
        home: reply.home().to_owned(),
        properties: properties.collect(),
    })
}

/// The exchanges, most preferred first; none for a null MX (RFC 7505).
fn exchanges(mx: &DnsReply, domain: &str) -> Vec<String> {
    let mut found: Vec<(u16, String)> = mx
        .records()
        .filter_map(|record| match &record.data {
            RecordData::Mx { preference, exchange } => Some((*preference, exchange.clone())),
            _ => None,
        })
        .collect();
    if found.is_empty() && mx.cause().is_none() && mx.status != DnsStatus::NxDomain {
        // RFC 5321 §5.1: without MX records the domain is its own exchange.
        found.push((0, domain.to_owned()));
    }
    found.sort();
    let mut names: Vec<String> = Vec::new();
    for (_, name) in found {
        let sound = name.contains('.')
            && name != "."
            && mail_syntax::spf::is_queryable(&name)
            && name.parse::<IpAddr>().is_err();
        if sound && !names.contains(&name) && names.len() < EXCHANGES {
            names.push(name);
        }
    }
    names
}

/// The exchanges with what is known of their addresses. An implicit one is none where
/// it has no address: the domain takes no mail (RFC 5321 §5.1).
fn with_addresses(
    looked: impl Iterator<Item = (String, Observed<Vec<IpAddr>>)>,
    is_implicit: bool,
) -> Observed<Vec<(String, Vec<IpAddr>)>> {
    let mut exchanges = Vec::new();
    for (host, addresses) in looked {
        match addresses {
            Observed::Known(addresses) if is_implicit && addresses.is_empty() => {}
            Observed::Unknown(cause) if is_implicit => return Observed::Unknown(cause),
            Observed::Known(addresses) => exchanges.push((host, addresses)),
            Observed::Unknown(_) => exchanges.push((host, Vec::new())),
        }
    }
    Observed::Known(exchanges)
}

/// Unknown only where no address is known and there may be one.
async fn addresses(cx: &Context, host: &str) -> Observed<Vec<IpAddr>> {
    let (v4, v6) = exchangers::addresses(cx, host).await;
    let found: Vec<IpAddr> = v4.addresses().chain(v6.addresses()).collect();
    match v4.cause().or(v6.cause()) {
        Some(cause) if found.is_empty() => Observed::Unknown(cause),
        _ => Observed::Known(found),
    }
}

/// What the exchanges show, each at its first address. Costs a look at each. A
/// server that cannot be reached is another check's business.
pub async fn certificates(cx: &Context, facts: &Facts) -> Vec<Shown> {
    let hosts = facts.exchanges.known().into_iter().flatten();
    let asked = hosts.filter_map(|(host, addresses)| Some((host, *addresses.first()?)));
    let shown = join_all(asked.map(|(host, address)| async move {
        let reply = cx.look(MailExchanger::new(host, address, &facts.domain)).await;
        let tls = reply.tls.filter(|tls| tls.verification == Verification::Trusted)?;
        let certificate = tls.chain.into_iter().next()?;
        Some(Shown { host: host.clone(), address, evidence: reply.evidence, certificate })
    }))
    .await;
    shown.into_iter().flatten().collect()
}
