//! Networks that are too wide, or named for nothing.

use engine_plugin_api::{Finding, Judgement, Remedy, Severity};
use mail_syntax::spf::{Directive, DualCidr, Kind, Mechanism, Node, Qualifier, Record, TermRef};

use super::{bounds, cover::Cover, union, words};
use crate::{Config, NETWORK_WIDE, SHADOWED, facts::Facts};

/// Prefix lengths up to these are remarked on in anybody's record: no
/// organisation sends from a hundredth of the address space.
const ABSURD: DualCidr = DualCidr { v4: 7, v6: 15 };

pub fn judge(facts: &Facts, config: &Config, out: &mut Judgement) {
    let together = [Kind::A, Kind::Aaaa].map(|family| union::judge(facts, family, out));
    for (at, node) in facts.survey.nodes.iter().enumerate() {
        let Some(record) = node.record() else { continue };
        let own = at == 0;
        for (term, directive) in reachable(record) {
            let here = TermRef { record: at, term };
            if directive.qualifier == Qualifier::Pass {
                wide(facts, here, &directive.mechanism, own.then_some(config), together, out);
            }
        }
        if own {
            shadowed(facts, node, record, out);
        }
    }
}

pub fn reachable(record: &Record) -> impl Iterator<Item = (usize, &Directive)> {
    let end = record.all().map_or(usize::MAX, |(all, _)| all);
    record.directives().filter(move |(term, _)| *term < end)
}

/// A single network; `together`: of which family a finding says already that
/// its networks cover everything together.
fn wide(
    facts: &Facts,
    here: TermRef,
    mechanism: &Mechanism,
    config: Option<&Config>,
    together: [bool; 2],
    out: &mut Judgement,
) {
    let lengths: Vec<(u8, bool)> = match mechanism {
        Mechanism::Ip(network) => vec![(network.length, network.address.is_ipv4())],
        Mechanism::A(_, cidr) | Mechanism::Mx(_, cidr) => vec![(cidr.v4, true), (cidr.v6, false)],
        _ => return,
    };
    for (length, v4) in lengths {
        let absurd = if v4 { ABSURD.v4 } else { ABSURD.v6 };
        let widest = config.map_or(absurd + 1, |config| if v4 { config.widest_ipv4 } else { config.widest_ipv6 });
        if length >= widest && length > absurd || together[usize::from(!v4)] && length <= absurd {
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

/// Terms that an earlier term of the same record always decides first.
fn shadowed<'r>(facts: &Facts, node: &Node, record: &'r Record, out: &mut Judgement) {
    let cover =
        |(term, directive): (usize, &'r Directive)| (term, directive, Cover::of(&node.domain, &directive.mechanism));
    let directives: Vec<_> = reachable(record).map(cover).collect();
    for (position, (term, directive, cover)) in directives.iter().enumerate() {
        // Repeated includes are told with the cost of the tree.
        if matches!(directive.mechanism, Mechanism::Include(_)) {
            continue;
        }
        let covering = directives[..position].iter().find(|(_, _, earlier)| earlier.covers(cover));
        let Some((first, earlier, _)) = covering else { continue };
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
