//! Networks that cover the internet only together.

use std::net::IpAddr;

use engine_plugin_api::{Finding, Judgement, Remedy, Severity};
use mail_syntax::spf::{Kind, Mechanism, Network, Qualifier, TermRef};

use super::{networks, policy, words};
use crate::{NETWORK_WIDE, facts::Facts};

/// The addresses of hosts, as numbers: IPv4 below the multicast block
/// (RFC 5771), IPv6 in the block for global unicast (RFC 4291 §2.4).
const UNICAST: [(u128, u128); 2] = [(0, 0xdfff_ffff), (0x2 << 124, (0x4 << 124) - 1)];

/// Tells of networks of a family that let everyone pass together though none
/// does alone; whether there are.
pub fn judge(facts: &Facts, family: Kind, out: &mut Judgement) -> bool {
    let mut all: Vec<(TermRef, u8, u128, u128)> = Vec::new();
    for (at, node) in facts.survey.nodes.iter().enumerate() {
        let Some(record) = node.record().filter(|_| policy::is_passing(facts, at)) else { continue };
        for (term, directive) in networks::reachable(record).filter(|(_, one)| one.qualifier == Qualifier::Pass) {
            let here = TermRef { record: at, term };
            let networks: Vec<Network> = match &directive.mechanism {
                Mechanism::Ip(network) => vec![*network],
                Mechanism::A(_, cidr) | Mechanism::Mx(_, cidr) => {
                    facts.survey.addresses(here, &facts.known).into_iter().map(|ip| cidr.around(ip)).collect()
                }
                _ => continue,
            };
            let of_family = networks.into_iter().filter(|one| one.address.is_ipv6() == (family == Kind::Aaaa));
            all.extend(of_family.map(|one| {
                let (start, end) = ends(&one);
                (here, one.length, start, end)
            }));
        }
    }
    // Told by itself.
    if all.iter().any(|(_, length, ..)| *length == 0) {
        return false;
    }
    all.sort_by_key(|(at, _, start, end)| (*start, u128::MAX - end, *at));
    let (first, last) = UNICAST[usize::from(family == Kind::Aaaa)];
    let mut next = first;
    let mut parts: Vec<(u8, TermRef)> = Vec::new();
    for (at, length, start, end) in all {
        if start > next || next > last {
            break;
        }
        if end >= next {
            next = end.saturating_add(1);
            parts.push((length, at));
        }
    }
    if next <= last || parts.is_empty() {
        return false;
    }
    // The widest first, for there may be more than can be shown.
    parts.sort_unstable();
    let mut terms: Vec<TermRef> = Vec::new();
    parts.into_iter().for_each(|(_, at)| {
        if !terms.contains(&at) {
            terms.push(at)
        }
    });
    let texts: Vec<&str> = terms.iter().map(|at| facts.survey.text(*at)).collect();
    let seen = format!(
        "The SPF record of {} authorises every {} address that mail can come from: {} cover{} them all{}.",
        facts.domain,
        if family == Kind::Aaaa { "IPv6" } else { "IPv4" },
        words::list(&texts),
        if texts.len() == 1 { "s" } else { "" },
        if texts.len() == 1 { "" } else { " together" },
    );
    let remedy = Remedy::step(
        "Name the networks that mail really comes from, by the prefix length that the network's owner was given.",
    );
    let actor = words::owner(facts, &facts.survey.nodes[terms[0].record].domain);
    let finding = words::finding(facts, NETWORK_WIDE, seen).severity(Severity::Critical).actor(actor).remedy(remedy);
    let evidence = terms.iter().take(10).map(|at| words::at(facts, *at, "a part of everything"));
    out.find(evidence.fold(finding, Finding::evidence));
    true
}

/// The first and the last address of a network, as numbers.
fn ends(network: &Network) -> (u128, u128) {
    let (start, bits) = match network.masked().address {
        IpAddr::V4(ip) => (u128::from(ip.to_bits()), 32),
        IpAddr::V6(ip) => (ip.to_bits(), 128),
    };
    let hosts = 1_u128.checked_shl(bits - u32::from(network.length)).map_or(u128::MAX, |size| size - 1);
    (start, start.saturating_add(hosts))
}
