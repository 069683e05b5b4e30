//! What the tree costs, and what of it is spare.

use engine_plugin_api::{Actor, Finding, Judgement, Remedy, Severity};
use mail_syntax::spf::{CostState, LOOKUP_LIMIT, Node, NodeState, Record, TermRef, Use};

use super::words;
use crate::{INCLUDE_REPEATED, LOOKUPS_NEAR_LIMIT, TOO_MANY_LOOKUPS, facts::Facts};

/// The same record reached by more than one term.
pub(super) fn repeated(facts: &Facts, root: &Node, record: &Record, out: &mut Judgement) {
    let mut told: Vec<&str> = Vec::new();
    let reached = |node: &Node| node.parent.filter(|_| matches!(node.state, NodeState::Record(_)));
    for (at, node) in facts.survey.nodes.iter().enumerate() {
        let again: Vec<(usize, TermRef)> = facts.survey.nodes[at..]
            .iter()
            .enumerate()
            .filter(|(_, other)| other.domain == node.domain)
            .filter_map(|(offset, other)| Some((at + offset, reached(other)?)))
            .collect();
        // What a repeated record includes in its turn is repeated by that.
        let parents: Vec<&str> = again.iter().map(|(_, p)| facts.survey.nodes[p.record].domain.as_str()).collect();
        let inherited = told.contains(&node.domain.as_str()) || parents.iter().all(|parent| told.contains(parent));
        if again.len() < 2 || inherited {
            continue;
        }
        told.push(&node.domain);
        let wasted: usize = again[1..].iter().map(|(_, parent)| facts.survey.lookups_of(*parent)).sum();
        let mut places = parents.clone();
        places.sort_unstable();
        places.dedup();
        let seen = format!(
            "The record of {} is included {} times, by {}. Each time counts; {} would do without.",
            node.domain,
            again.len(),
            words::list(&places),
            words::plural(wasted, "lookup")
        );
        let own: Vec<usize> =
            again.iter().filter(|(_, parent)| parent.record == 0).map(|(_, parent)| parent.term).collect();
        let spare: &[usize] = if own.len() == again.len() { &own[1..] } else { &own };
        let remedy = if spare.is_empty() {
            Remedy::step("Nothing can be taken out of the domain's own record; the included records overlap.")
        } else {
            let step = "Take the repetition out; whom the record authorises stays the same as long as the other include \
                 stands.";
            words::replace(facts, root, step, &words::without(root, record, spare))
        };
        let finding = words::finding(facts, INCLUDE_REPEATED, seen).remedy(remedy);
        let evidence = again.iter().map(|(_, parent)| words::at(facts, *parent, "included here"));
        let finding = evidence.fold(finding, Finding::evidence);
        out.find(if spare.is_empty() { finding.severity(Severity::Info).actor(Actor::Nobody) } else { finding });
    }
}

/// The limit of ten (RFC 7208 §4.6.4).
pub(super) fn lookups(facts: &Facts, root: &Node, record: &Record, out: &mut Judgement) {
    let survey = &facts.survey;
    let total = survey.lookups();
    if total + 1 < LOOKUP_LIMIT {
        return;
    }
    let shares: Vec<String> = root
        .costs
        .iter()
        .map(|cost| {
            let at = TermRef { record: 0, term: cost.term };
            format!("`{}` {}", survey.text(at), survey.lookups_of(at))
        })
        .collect();
    let at_least = words::at_least(facts);
    const SHOWN: usize = 12;
    let more = shares.len().saturating_sub(SHOWN);
    let mut each = shares[..shares.len() - more].join(", ");
    if more > 0 {
        each.push_str(&format!(" and {more} more terms"));
    }
    if total <= LOOKUP_LIMIT {
        let seen =
            format!("The SPF record of {} costs {at_least}{total} of {LOOKUP_LIMIT} lookups: {each}.", facts.domain);
        let step = "Before anything is added, take out what no longer sends; an included service may also grow and break \
             the limit without notice.";
        let finding = words::finding(facts, LOOKUPS_NEAR_LIMIT, seen)
            .evidence(facts.quote(&root.domain, &root.text))
            .remedy(Remedy::step(step));
        out.find(finding);
        return;
    }
    let seen = format!(
        "The SPF record of {} costs {at_least}{total} lookups, and {LOOKUP_LIMIT} are allowed: {each}. Mail from any \
         server that no earlier term names ends with `permerror`.",
        facts.domain
    );
    // The term of the own record below which the eleventh lookup falls.
    let eleventh = survey.order[LOOKUP_LIMIT];
    let first = survey.path(eleventh.record).first().copied().unwrap_or(eleventh);
    let spare = idle(facts, root);
    let saved: usize = spare.iter().map(|term| survey.lookups_of(TermRef { record: 0, term: *term })).sum();
    let remedy = if !spare.is_empty() && total - saved <= LOOKUP_LIMIT && !survey.truncated {
        let texts: Vec<&str> = spare.iter().map(|term| survey.text(TermRef { record: 0, term: *term })).collect();
        let step =
            format!("Take out {}, which authorise nobody or nobody else; the limit is kept then.", words::list(&texts));
        words::replace(facts, root, step, &words::without(root, record, &spare))
    } else {
        Remedy::step(
            "Take out services that no longer send. Name the domain's own servers by `ip4:` and `ip6:` instead of `a` and \
             `mx`. Give a service that costs much a sub-domain of its own as envelope sender, with its own record.",
        )
    };
    let finding = words::finding(facts, TOO_MANY_LOOKUPS, seen)
        .evidence(words::at(facts, first, "the eleventh lookup falls here"))
        .remedy(remedy);
    out.find(finding);
}

/// Terms of the own record that find nobody, or repeat another of it.
fn idle(facts: &Facts, root: &Node) -> Vec<usize> {
    let mut targets: Vec<&str> = Vec::new();
    let mut idle = Vec::new();
    for cost in &root.costs {
        let dead = matches!(cost.state, CostState::Void);
        let include =
            cost.child.and_then(|child| facts.survey.nodes.get(child)).filter(|node| node.used == Use::Include);
        let again = include.is_some_and(|node| targets.contains(&node.domain.as_str()));
        let dead = dead && words::alive(facts, TermRef { record: 0, term: cost.term }).is_empty();
        if dead || again {
            idle.push(cost.term);
        }
        targets.extend(include.map(|node| node.domain.as_str()));
    }
    idle
}
