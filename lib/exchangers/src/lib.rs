//! Finds the mail exchangers of a domain and their addresses, and chooses which
//! of them to connect to. Checks that choose alike share the sessions.

use std::net::IpAddr;

use engine_plugin_api::{
    Context, Outcome,
    services::{DnsQuestion, DnsReply, DnsStatus, RecordData, RecordType},
};
use futures_util::join;

/// Exchanges whose addresses are looked up, the most preferred first.
pub const MOST_EXCHANGES: usize = 16;
/// Sessions that are held with the exchanges of a domain, unless a setting says
/// otherwise.
pub const MOST_SESSIONS: usize = 16;

/// A name that takes mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// The preference of its MX record; none for an implicit MX.
    pub preference: Option<u16>,
    /// The host name.
    pub name: String,
}

/// What takes mail for a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchanges {
    /// The answer for the MX records.
    pub mx: DnsReply,
    /// The names, each once, in the order in which senders try them; at least one.
    pub names: Vec<Exchange>,
}

/// Finds what takes mail for `domain`. Costs one question; two more where it has no
/// MX record, which are those for the addresses of its implicit one.
///
/// # Errors
/// How a check ends that has nothing to look at: the domain does not exist, takes
/// no mail, or what takes it could not be looked up.
pub async fn of(cx: &Context, domain: &str) -> Result<Exchanges, Outcome> {
    let mx = cx.dns(DnsQuestion::new(domain, RecordType::Mx)).await;
    if let Some(cause) = mx.cause() {
        return Err(Outcome::CouldNotTell { cause });
    }
    let not_applicable = |why| Err(Outcome::NotApplicable { why });
    if mx.status == DnsStatus::NxDomain {
        return not_applicable(format!("{domain} does not exist"));
    }
    let mut records: Vec<(u16, String)> = mx
        .records()
        .filter_map(|record| match &record.data {
            RecordData::Mx { preference, exchange } => Some((*preference, exchange.clone())),
            _ => None,
        })
        .collect();
    if records.is_empty() {
        // RFC 5321 §5.1: the domain itself is its implicit MX, if it has an address.
        let (v4, v6) = addresses(cx, domain).await;
        if v4.addresses().chain(v6.addresses()).next().is_none() {
            return match v4.cause().or(v6.cause()) {
                Some(cause) => Err(Outcome::CouldNotTell { cause }),
                None => not_applicable(format!("{domain} takes no mail: it has neither an MX record nor an address")),
            };
        }
        let names = vec![Exchange { preference: None, name: domain.to_owned() }];
        return Ok(Exchanges { mx, names });
    }
    records.sort();
    records.retain(|(_, name)| name != ".");
    if records.is_empty() {
        return not_applicable(format!("{domain} takes no mail: it has a null MX"));
    }
    let mut names: Vec<Exchange> = Vec::new();
    for (preference, name) in records {
        if names.len() < MOST_EXCHANGES && !names.iter().any(|known| known.name == name) {
            names.push(Exchange { preference: Some(preference), name });
        }
    }
    Ok(Exchanges { mx, names })
}

/// The answers for the addresses of `name`, IPv4 and IPv6. Costs two questions at once.
pub async fn addresses(cx: &Context, name: &str) -> (DnsReply, DnsReply) {
    let ask = |rtype| cx.dns(DnsQuestion::new(name, rtype));
    join!(ask(RecordType::A), ask(RecordType::Aaaa))
}

/// Chooses `most` pairs of exchange and address from the addresses of each
/// exchange and family: the first address of every one, then the second, and so
/// on. An address that two exchanges share is chosen once a name. The chosen, in
/// the order of `families`, and how many are left out.
pub fn choose(families: &[(String, Vec<IpAddr>)], most: usize) -> (Vec<(String, IpAddr)>, usize) {
    let total = families.iter().map(|(_, addresses)| addresses.len()).sum::<usize>();
    let deepest = families.iter().map(|(_, addresses)| addresses.len()).max().unwrap_or(0);
    let ranked = (0..deepest).flat_map(|rank| {
        let at = move |(index, (_, addresses)): (usize, &(String, Vec<IpAddr>))| {
            (addresses.len() > rank).then_some((index, rank))
        };
        families.iter().enumerate().filter_map(at)
    });
    let mut chosen: Vec<(usize, usize)> = ranked.take(most).collect();
    chosen.sort_unstable();
    let pairs = chosen.iter().filter_map(|&(index, rank)| {
        let (name, addresses) = families.get(index)?;
        Some((name.clone(), *addresses.get(rank)?))
    });
    (pairs.collect(), total.saturating_sub(chosen.len()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    #[test]
    fn every_exchange_gets_an_address_of_each_family_before_any_gets_a_second() {
        let family = |name: &str, addresses: &[&str]| {
            (name.to_owned(), addresses.iter().map(|ip| ip.parse().unwrap()).collect::<Vec<IpAddr>>())
        };
        let families = [
            family("mx1", &["25.25.0.1", "25.25.0.2", "25.25.0.3"]),
            family("mx1", &["2a09:25::1"]),
            family("mx2", &["25.25.1.1", "25.25.1.2"]),
            family("mx2", &[]),
        ];
        let shown = |most| {
            let (chosen, left_out) = choose(&families, most);
            let shown: Vec<String> = chosen.iter().map(|(name, ip)| format!("{name} {ip}")).collect();
            (shown.join(", "), left_out)
        };
        assert_eq!(shown(3), ("mx1 25.25.0.1, mx1 2a09:25::1, mx2 25.25.1.1".to_owned(), 3));
        assert_eq!(shown(4), ("mx1 25.25.0.1, mx1 25.25.0.2, mx1 2a09:25::1, mx2 25.25.1.1".to_owned(), 2));
        assert_eq!(shown(64).1, 0);
    }
}
