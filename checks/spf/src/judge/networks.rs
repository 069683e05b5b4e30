//! Networks that are too wide, not public, or named for nothing.

use std::net::IpAddr;

use engine_plugin_api::{Finding, Judgement, Remedy, Severity};
use ip_scope::Block;
use mail_syntax::spf::{DualCidr, Mechanism, Network, Node, Qualifier, Record, TermRef};

use super::{bounds, words};
use crate::{ADDRESS_NOT_PUBLIC, Config, NETWORK_WIDE, SHADOWED, facts::Facts};

/// Prefix lengths up to these are remarked on in anybody's record: no
/// organisation sends from a hundredth of the address space.
const ABSURD: DualCidr = DualCidr { v4: 7, v6: 15 };

pub fn judge(facts: &Facts, config: &Config, out: &mut Judgement) {
    for (at, node) in facts.survey.nodes.iter().enumerate() {
        let Some(record) = node.record() else { continue };
        let own = at == 0;
        for (term, directive) in reachable(record) {
            let here = TermRef { record: at, term };
            if directive.qualifier == Qualifier::Pass {
                wide(facts, here, &directive.mechanism, own.then_some(config), out);
            }
            if let (true, Mechanism::Ip(network)) = (own, &directive.mechanism) {
                not_public(facts, node, record, here, network, out);
            }
        }
        if own {
            shadowed(facts, node, record, out);
        }
    }
}

fn reachable(record: &Record) -> impl Iterator<Item = (usize, &mail_syntax::spf::Directive)> {
    let end = record.all().map_or(usize::MAX, |(all, _)| all);
    record.directives().filter(move |(term, _)| *term < end)
}

fn wide(facts: &Facts, here: TermRef, mechanism: &Mechanism, config: Option<&Config>, out: &mut Judgement) {
    let lengths: Vec<(u8, bool)> = match mechanism {
        Mechanism::Ip(network) => vec![(network.length, network.address.is_ipv4())],
        Mechanism::A(_, cidr) | Mechanism::Mx(_, cidr) => vec![(cidr.v4, true), (cidr.v6, false)],
        _ => return,
    };
    for (length, v4) in lengths {
        let absurd = if v4 { ABSURD.v4 } else { ABSURD.v6 };
        let widest = config.map_or(absurd + 1, |config| if v4 { config.widest_ipv4 } else { config.widest_ipv6 });
        if length >= widest && length > absurd {
            continue;
        }
        let (family, bits) = if v4 { ("IPv4", 32) } else { ("IPv6", 128) };
        let size = match (length, v4) {
            (0, _) => format!("every {family} address"),
            (_, true) => format!("{} IPv4 addresses", 1_u64 << (bits - length)),
            (_, false) => format!("a /{length} of the IPv6 addresses"),
        };
        let seen = format!("`{}` in {} authorises {size}.", facts.survey.text(here), words::whose(facts, here.record));
        let severity = match length {
            0 => Severity::Critical,
            n if n <= absurd => Severity::Warning,
            _ => Severity::Notice,
        };
        let domain = &facts.survey.nodes[here.record].domain;
        let remedy = Remedy::step(
            "Name the networks that mail really comes from, by the prefix length that the network's owner was given.",
        );
        bounds::find(facts, NETWORK_WIDE, out, || {
            words::finding(facts, NETWORK_WIDE, seen)
                .severity(severity)
                .evidence(words::at(facts, here, format!("/{length}")))
                .actor(words::owner(facts, domain))
                .remedy(remedy)
        });
    }
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

/// Terms that an earlier term of the same record always decides first.
fn shadowed(facts: &Facts, node: &Node, record: &Record, out: &mut Judgement) {
    let directives: Vec<_> = reachable(record).collect();
    for (position, (term, directive)) in directives.iter().enumerate() {
        // Repeated includes are told with the cost of the tree.
        if matches!(directive.mechanism, Mechanism::Include(_)) {
            continue;
        }
        let covering =
            directives[..position].iter().find(|(_, earlier)| match (&earlier.mechanism, &directive.mechanism) {
                (Mechanism::Ip(wide), Mechanism::Ip(network)) => wide.covers(network),
                (a, b) => a == b,
            });
        let Some((first, earlier)) = covering else { continue };
        let here = TermRef { record: 0, term: *term };
        bounds::find(facts, SHADOWED, out, || {
            shadow(facts, node, record, here, *first, earlier.qualifier == directive.qualifier)
        });
    }
}

/// The finding for the term `here`, which the term `first` covers with the
/// same qualifier or another.
fn shadow(facts: &Facts, node: &Node, record: &Record, here: TermRef, first: usize, same: bool) -> Finding {
    let (late, early) = (facts.survey.text(here), facts.survey.text(TermRef { record: here.record, term: first }));
    let consequence = if same { "" } else { ", and the earlier one says otherwise" };
    let seen = format!(
        "`{late}` in the SPF record of {} never decides: `{early}` stands before it and covers it{consequence}.",
        facts.domain
    );
    let text = words::without(node, record, &[here.term]);
    let step = if same {
        format!("Take `{late}` out; nobody's right to send changes.")
    } else {
        format!("Put `{late}` before `{early}` if the exception is meant; else take it out, which changes nothing.")
    };
    let remedy = if same { words::replace(facts, node, step, &text) } else { Remedy::step(step) };
    let finding = words::finding(facts, SHADOWED, seen)
        .evidence(words::at(facts, here, format!("covered by {early}")))
        .remedy(remedy);
    if same { finding } else { finding.severity(Severity::Warning) }
}
