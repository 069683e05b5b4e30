//! Finds the exchanges and holds one session with each address.

use std::net::IpAddr;

use engine_plugin_api::{
    Context, Outcome,
    services::{
        DnsQuestion, DnsReply, DnsStatus, RELAY_RECIPIENT, RELAY_SENDER, RecordData, RecordType, SmtpEnvelope,
        SmtpProbe, SmtpRequest,
    },
};
use futures_util::{future::join_all, join};

use crate::{
    Config,
    facts::{Facts, Server},
};

/// Exchanges whose addresses are looked up, the most preferred first.
const MOST_EXCHANGES: usize = 16;

/// Gathers the facts. Costs one question for the MX, two an exchange, and up
/// to [`Config::max_sessions`] sessions.
///
/// # Errors
/// How the check ends where there is no server to ask.
pub async fn observe(cx: &Context, domain: &str, config: &Config) -> Result<Facts, Outcome> {
    let exchanges = exchanges(cx, domain).await?;
    let hosts = join_all(exchanges.iter().map(|name| addresses(cx, name))).await;
    let mut gap = None;
    let mut families: Vec<(String, Vec<IpAddr>)> = Vec::new();
    for (name, (v4, v6)) in exchanges.iter().zip(hosts) {
        for reply in [v4, v6] {
            gap = gap.or_else(|| reply.cause());
            let found = reply.records().filter_map(|record| address(&record.data)).collect();
            families.push((name.clone(), found));
        }
    }
    let (chosen, left_out) = choose(&families, config.max_sessions.max(1));
    if chosen.is_empty() {
        return Err(match gap {
            Some(cause) => Outcome::CouldNotTell { cause },
            None => Outcome::NotApplicable { why: format!("no exchange of {domain} has an address") },
        });
    }
    let requests = chosen.into_iter().map(|(host, address)| request(host, address, domain, config));
    let sessions = join_all(requests.map(|request| cx.smtp(request))).await;
    let servers = sessions.into_iter().map(|reply| Server { reply }).collect();
    Ok(Facts { domain: domain.to_owned(), servers, left_out })
}

/// The names that take mail for `domain`, in the order in which senders try them.
async fn exchanges(cx: &Context, domain: &str) -> Result<Vec<String>, Outcome> {
    let mx = cx.dns(DnsQuestion::new(domain, RecordType::Mx)).await;
    if let Some(cause) = mx.cause() {
        return Err(Outcome::CouldNotTell { cause });
    }
    let not_applicable = |why| Err(Outcome::NotApplicable { why });
    if mx.status == DnsStatus::NxDomain {
        return not_applicable(format!("{domain} does not exist"));
    }
    let mut exchanges: Vec<(u16, String)> = mx.records().filter_map(|record| exchange(&record.data)).collect();
    if exchanges.is_empty() {
        // RFC 5321 §5.1: the domain itself is its implicit MX.
        return Ok(vec![domain.to_owned()]);
    }
    exchanges.sort();
    exchanges.retain(|(_, name)| name != ".");
    if exchanges.is_empty() {
        return not_applicable(format!("{domain} takes no mail: it has a null MX"));
    }
    let mut names: Vec<String> = Vec::new();
    for (_, name) in exchanges {
        if !names.contains(&name) && names.len() < MOST_EXCHANGES {
            names.push(name);
        }
    }
    Ok(names)
}

fn exchange(data: &RecordData) -> Option<(u16, String)> {
    match data {
        RecordData::Mx { preference, exchange } => Some((*preference, exchange.clone())),
        _ => None,
    }
}

async fn addresses(cx: &Context, name: &str) -> (DnsReply, DnsReply) {
    let ask = |rtype| cx.dns(DnsQuestion::new(name, rtype));
    join!(ask(RecordType::A), ask(RecordType::Aaaa))
}

fn address(data: &RecordData) -> Option<IpAddr> {
    match data {
        RecordData::A { address } => Some((*address).into()),
        RecordData::Aaaa { address } => Some((*address).into()),
        _ => None,
    }
}

/// Chooses `most` pairs of exchange and address: the first address of every
/// exchange and family, then the second, and so on. An address that two
/// exchanges share is asked once a name. How many are left out, and the
/// chosen, in the order of `families`.
fn choose(families: &[(String, Vec<IpAddr>)], most: usize) -> (Vec<(String, IpAddr)>, usize) {
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

/// The standard survey, so that other checks share it, unless the settings
/// name other mailboxes.
fn request(host: String, address: IpAddr, domain: &str, config: &Config) -> SmtpRequest {
    let mut request = SmtpRequest::survey(host, address, domain);
    if (config.relay_sender.as_str(), config.relay_recipient.as_str()) == (RELAY_SENDER, RELAY_RECIPIENT) {
        return request;
    }
    let mut foreign = SmtpEnvelope::new(&config.relay_sender, &config.relay_recipient);
    if config.relay_recipient.is_empty() {
        // Asks nothing, and keeps the order of the probes.
        foreign.recipients.clear();
    }
    if let Some(probe) = request.probes.first_mut() {
        *probe = SmtpProbe::Envelope(foreign);
    }
    request
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

    #[test]
    fn the_usual_settings_ask_for_the_shared_survey() {
        let address: IpAddr = "25.25.0.1".parse().unwrap();
        let asked = |config: &Config| request("mx.a.example".into(), address, "a.example", config);
        let survey = SmtpRequest::survey("mx.a.example", address, "a.example");
        assert_eq!(asked(&Config::default()), survey);
        let elsewhere = Config { relay_recipient: "u@far.example".into(), ..Config::default() };
        assert_ne!(asked(&elsewhere), survey);
        assert_eq!(asked(&elsewhere).probes.len(), survey.probes.len());
    }
}
