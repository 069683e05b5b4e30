//! Addresses from which no mail reaches anybody on the internet.

use std::net::IpAddr;

use engine_plugin_api::{Finding, Judgement, Severity};
use ip_scope::Block;
use mail_syntax::spf::{CostState, DualCidr, Kind, Mechanism, Network, Node, Record, TermRef};

use super::{bounds, networks, words};
use crate::{ADDRESS_NOT_PUBLIC, facts::Facts};

/// Judges the domain's own record, which its owner can change.
pub fn judge(facts: &Facts, out: &mut Judgement) {
    let Some((node, record)) = words::own(facts) else { return };
    for (term, directive) in networks::reachable(record) {
        let here = TermRef { record: 0, term };
        match &directive.mechanism {
            Mechanism::Ip(network) => not_public(facts, node, record, here, network, out),
            Mechanism::A(_, cidr) | Mechanism::Mx(_, cidr) => leads_inside(facts, node, record, here, *cidr, out),
            _ => {}
        }
    }
}

/// `a` and `mx` whose hosts have addresses that are not public.
fn leads_inside(facts: &Facts, node: &Node, record: &Record, here: TermRef, cidr: DualCidr, out: &mut Judgement) {
    let addresses = facts.survey.addresses(here, &facts.known);
    let inside: Vec<(IpAddr, &Block)> =
        addresses.iter().filter_map(|ip| Some((*ip, block_of(&cidr.around(*ip))?))).collect();
    let [(_, block), ..] = inside.as_slice() else { return };
    let sure =
        node.cost(here.term).is_some_and(|cost| !matches!(cost.state, CostState::Failed(_) | CostState::Pending));
    let alone = sure && inside.len() == addresses.len();
    let term = facts.survey.text(here);
    let texts: Vec<String> = inside.iter().map(|(ip, _)| ip.to_string()).collect();
    let seen = format!(
        "`{term}` in the SPF record of {} leads to {}, in {block}. No mail reaches a receiver on the internet from \
         there{}.",
        facts.domain,
        words::list(&texts),
        if alone { ", so that the term authorises nobody" } else { "; the other addresses that it finds count" }
    );
    let step = format!(
        "Find out by which public address the mail of this server leaves, and name that. {}",
        match alone {
            true => format!("Else take `{term}` out; that changes nothing for anybody on the internet."),
            false => format!("Keep `{term}`; take the address that is not public out of the public DNS."),
        }
    );
    bounds::find(facts, ADDRESS_NOT_PUBLIC, out, || {
        let hosts = facts.survey.hosts(here, &facts.known);
        let asked = hosts.iter().flat_map(|host| [(host, Kind::A), (host, Kind::Aaaa)]);
        let holds = |(host, kind): &(&String, Kind)| {
            facts
                .known
                .addresses(host, *kind)
                .is_some_and(|all| all.iter().any(|ip| inside.iter().any(|one| one.0 == *ip)))
        };
        let answers = asked.filter(holds).take(10).filter_map(|(host, kind)| facts.answer(host, kind));
        let finding = words::finding(facts, ADDRESS_NOT_PUBLIC, seen).evidence(words::at(facts, here, block.purpose));
        let finding = answers.fold(finding, Finding::evidence);
        if alone {
            finding.remedy(words::replace(facts, node, step, &words::without(node, record, &[here.term])))
        } else {
            finding.remedy(engine_plugin_api::Remedy::step(step)).severity(Severity::Notice)
        }
    });
}

/// A block that is not public and holds the whole network.
fn block_of(network: &Network) -> Option<&'static Block> {
    let masked = network.masked();
    ip_scope::scope(masked.address).block().filter(|block| !block.global && block.length <= masked.length)
}

fn not_public(facts: &Facts, node: &Node, record: &Record, here: TermRef, network: &Network, out: &mut Judgement) {
    let Some(block) = block_of(network) else { return };
    bounds::find(facts, ADDRESS_NOT_PUBLIC, out, || in_block(facts, node, record, here, network, block));
}

fn in_block(facts: &Facts, node: &Node, record: &Record, here: TermRef, network: &Network, block: &Block) -> Finding {
    let term = facts.survey.text(here);
    if let Some(v4) = unmapped(network) {
        let right = format!("{}ip4:{v4}", qualifier_of(term));
        let seen = format!(
            "`{term}` in the SPF record of {} is an IPv4 address in IPv6 form (IPv4-mapped). Receivers compare IPv4 \
             addresses with `ip4:` only, so it matches nobody.",
            facts.domain
        );
        let text = words::edited(node, record, |at, _| (at == here.term).then(|| right.clone()));
        let step = format!("Write `{right}` instead. That authorises the address, which it does not now.");
        return words::finding(facts, ADDRESS_NOT_PUBLIC, seen)
            .evidence(words::at(facts, here, "matches nobody"))
            .remedy(words::replace(facts, node, step, &text));
    }
    let seen = format!(
        "`{term}` in the SPF record of {} lies in {block}. No mail reaches a receiver on the internet from there.",
        facts.domain
    );
    let step = format!(
        "If a server behind that address sends mail, name the public address that its mail leaves from. Else take \
         `{term}` out; that changes nothing for anybody."
    );
    let text = words::without(node, record, &[here.term]);
    words::finding(facts, ADDRESS_NOT_PUBLIC, seen)
        .evidence(words::at(facts, here, block.purpose))
        .remedy(words::replace(facts, node, step, &text))
}

/// The IPv4 network that an IPv4-mapped one carries, where it is public (RFC 7208 §5).
fn unmapped(network: &Network) -> Option<Network> {
    let IpAddr::V6(address) = network.address else { return None };
    let v4 = Network { address: address.to_ipv4_mapped()?.into(), length: network.length.checked_sub(96)? };
    (v4.length > 0 && block_of(&v4).is_none()).then_some(v4)
}

fn qualifier_of(term: &str) -> &str {
    &term[..term.len() - term.trim_start_matches(['+', '-', '~', '?']).len()]
}
