//! Asks the DNS, and the exchanges how they greet.

use std::{collections::BTreeMap, net::IpAddr};

use engine_plugin_api::{
    Cause, Context, Observed, Target,
    services::{DnsQuestion, DnsStatus, MailExchanger, RecordData, RecordType, SmtpAnswer},
};
use futures_util::{future::join_all, join};

use crate::{
    Config,
    facts::{Address, Banner, Facts, Forward, Helo, Ptr},
    names,
};

/// Exchanges whose addresses are looked up, the most preferred first.
const EXCHANGES: usize = 16;
/// Names of one address that are looked up.
const NAMES: usize = 8;
/// Exchanges' addresses that are asked how they greet.
const SESSIONS: usize = 16;

/// An exchange of the domain.
struct Exchange {
    name: String,
    /// The end of its aliases, or the name.
    host: String,
    addresses: Vec<IpAddr>,
}

/// An address of exchanges.
struct Found {
    ip: IpAddr,
    exchanges: Vec<String>,
    host: String,
}

/// Gathers the addresses and their PTR records; [`confirm`] adds where the names
/// lead. Costs one question for the exchanges and two each, then one an address,
/// and two for the name given with HELO. All that does not hang together is asked
/// at once.
pub async fn observe(cx: &Context, target: &Target, config: &Config) -> Facts {
    let given = target.ip.filter(|ip| ip_scope::is_global(*ip));
    let (mut first, (exchanges, mut gaps), helo) = join!(
        join_all(given.map(|ip| address(cx, ip, true))),
        exchanges(cx, target.domain.as_deref()),
        join_all(target.helo.as_deref().map(|helo| self::helo(cx, helo))),
    );
    let mut others: Vec<Found> = Vec::new();
    for Exchange { name, host, addresses } in exchanges {
        for ip in addresses {
            let given = first.iter_mut().find(|address| address.ip == ip);
            let known = others.iter_mut().find(|other| other.ip == ip);
            match (given, known) {
                (Some(given), _) => {
                    given.exchanges.push(name.clone());
                    given.host.get_or_insert_with(|| host.clone());
                }
                (None, Some(known)) => known.exchanges.push(name.clone()),
                (None, None) => others.push(Found { ip, exchanges: vec![name.clone()], host: host.clone() }),
            }
        }
    }
    // An exchange's private address is another check's business.
    others.retain(|other| ip_scope::is_global(other.ip));
    let room = config.max_addresses.saturating_sub(first.len());
    let left_out = others.len().saturating_sub(room);
    others.truncate(room);
    first.extend(
        join_all(others.into_iter().map(|Found { ip, exchanges, host }| async move {
            Address { exchanges, host: Some(host), ..address(cx, ip, false).await }
        }))
        .await,
    );
    gaps.dedup();
    Facts {
        domain: target.domain.clone(),
        not_public: target.ip.filter(|_| given.is_none()),
        gaps,
        addresses: first,
        left_out,
        helo: helo.into_iter().next(),
    }
}

async fn address(cx: &Context, ip: IpAddr, sends: bool) -> Address {
    let ptr = Ptr::of(&cx.dns(DnsQuestion::new(&names::reverse(ip), RecordType::Ptr)).await);
    Address { ip, sends, exchanges: Vec::new(), host: None, ptr, names: Vec::new() }
}

/// Looks up where the names of the addresses lead. Costs one question a name.
pub async fn confirm(cx: &Context, addresses: &mut [Address]) {
    join_all(addresses.iter_mut().map(|address| async {
        let legal = address.records().iter().map(|record| &record.name).filter(|name| names::illegal(name).is_none());
        let names = legal.take(NAMES).map(|name| async {
            let forward = forward(cx, name, family(address.ip)).await;
            (name.clone(), forward)
        });
        address.names = join_all(names).await;
    }))
    .await;
}

fn family(ip: IpAddr) -> RecordType {
    if ip.is_ipv4() { RecordType::A } else { RecordType::Aaaa }
}

async fn forward(cx: &Context, name: &str, rtype: RecordType) -> Observed<Forward> {
    Forward::of(&cx.dns(DnsQuestion::new(name, rtype)).await)
}

/// The exchanges of `domain`, most preferred first, with their addresses; and
/// what could not be looked up.
async fn exchanges(cx: &Context, domain: Option<&str>) -> (Vec<Exchange>, Vec<(String, Cause)>) {
    let Some(domain) = domain else { return (Vec::new(), Vec::new()) };
    let mx = cx.dns(DnsQuestion::new(domain, RecordType::Mx)).await;
    if let Some(cause) = mx.cause() {
        return (Vec::new(), vec![(domain.to_owned(), cause)]);
    }
    let mut best: BTreeMap<String, u16> = BTreeMap::new();
    for record in mx.records() {
        if let RecordData::Mx { preference, exchange } = &record.data {
            let known = best.entry(exchange.clone()).or_insert(*preference);
            *known = (*known).min(*preference);
        }
    }
    // RFC 5321 §5.1: without MX records the domain is its own exchange. The
    // null MX (RFC 7505) is none.
    if best.is_empty() && mx.status != DnsStatus::NxDomain {
        best.insert(domain.to_owned(), 0);
    }
    let mut names: Vec<(u16, String)> = best.into_iter().map(|(name, preference)| (preference, name)).collect();
    names.retain(|(_, name)| names::illegal(name).is_none());
    names.sort();
    names.truncate(EXCHANGES);
    let hosts = join_all(names.into_iter().map(|(_, name)| async move {
        let (v4, v6) = join!(forward(cx, &name, RecordType::A), forward(cx, &name, RecordType::Aaaa));
        (name, [v4, v6])
    }))
    .await;
    let mut exchanges = Vec::new();
    let mut gaps = Vec::new();
    for (name, answers) in hosts {
        // NXDOMAIN to one type holds for both (RFC 8020 §2).
        let exists = answers.iter().all(|answer| answer.known().is_none_or(|forward| forward.exists));
        let gap = answers.iter().find_map(Observed::unknown).filter(|_| exists);
        gaps.extend(gap.map(|cause| (name.clone(), cause.clone())));
        let known = || answers.iter().filter_map(Observed::known);
        let host = known().find_map(|forward| forward.aliases.last()).unwrap_or(&name).clone();
        let addresses = known().flat_map(|forward| forward.addresses.iter().copied()).collect();
        exchanges.push(Exchange { name, host, addresses });
    }
    (exchanges, gaps)
}

async fn helo(cx: &Context, text: &str) -> Helo {
    let addresses = match names::helo_kind(text) {
        names::HeloKind::Name => {
            let (v4, v6) = join!(forward(cx, text, RecordType::A), forward(cx, text, RecordType::Aaaa));
            Some([v4, v6])
        }
        names::HeloKind::Literal(_) | names::HeloKind::Unusable(_) => None,
    };
    Helo { text: text.to_owned(), addresses }
}

/// The exchanges that are looked at: each at each of its addresses that has a name.
pub fn greeters(facts: &Facts) -> Vec<MailExchanger> {
    let Some(domain) = facts.domain.as_deref() else { return Vec::new() };
    let named = facts.addresses.iter().filter(|address| !address.records().is_empty());
    let greeters = named.filter_map(|address| Some(MailExchanger::new(address.exchanges.first()?, address.ip, domain)));
    greeters.take(SESSIONS).collect()
}

/// How the exchanges greet. Costs a look at each.
pub async fn banners(cx: &Context, greeters: Vec<MailExchanger>) -> Vec<Banner> {
    join_all(greeters.into_iter().map(|exchanger| async {
        let reply = cx.look(exchanger).await;
        let first_line = |answer: Option<SmtpAnswer>| {
            answer.filter(|answer| answer.is_positive()).and_then(|answer| answer.lines.into_iter().next())
        };
        Banner {
            exchange: reply.host,
            ip: reply.address,
            evidence: reply.evidence,
            greeting: first_line(reply.greeting),
            ehlo: first_line(reply.ehlo),
        }
    }))
    .await
}
