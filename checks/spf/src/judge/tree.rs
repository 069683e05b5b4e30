//! What includes, redirects and names lead to.

use engine_plugin_api::{Actor, Judgement, Remedy, Span};
use mail_syntax::spf::{CostState, Explanation, Kind, Mechanism, NAME_LIMIT, Node, NodeState, Record, TermRef, Use};

use super::{cost, syntax::Joined, voids, words};
use crate::{EXPLANATION, INCLUDE_BROKEN, INCLUDE_NONE, LOOP, MX_TOO_MANY, VOID_TERM, facts::Facts};

pub fn judge(facts: &Facts, joined: Option<&Joined>, out: &mut Judgement) {
    let Some((root, record)) = words::own(facts) else { return };
    let run_together = joined.and_then(|joined| joined.term);
    let mut told: Vec<&str> = Vec::new();
    for (at, node) in facts.survey.nodes.iter().enumerate() {
        if let Some(parent) = node.parent.filter(|p| p.record != 0 || Some(p.term) != run_together) {
            // The same record is at fault once, however many terms lead there.
            if !told.contains(&node.domain.as_str()) && leads_nowhere(facts, root, record, at, node, parent, out) {
                told.push(&node.domain);
            }
        }
        if let Some((term, name, state)) = &node.explanation {
            explanation(facts, TermRef { record: at, term: *term }, name, *state, out);
        }
        for cost in &node.costs {
            let here = TermRef { record: at, term: cost.term };
            if Some(cost.term) != run_together || at != 0 {
                names(facts, here, node, &cost.state, cost.name.as_deref().unwrap_or(""), out);
            }
        }
    }
    cost::repeated(facts, root, record, out);
    cost::lookups(facts, root, record, out);
    voids::judge(facts, out);
}

/// Tells of an include or redirect that ends in `permerror`; whether it does.
fn leads_nowhere(
    facts: &Facts,
    root: &Node,
    record: &Record,
    at: usize,
    node: &Node,
    parent: TermRef,
    out: &mut Judgement,
) -> bool {
    let term = facts.survey.text(parent);
    let from = words::whose(facts, parent.record);
    let (code, what, label) = match &node.state {
        NodeState::NxDomain => (INCLUDE_NONE, "a domain that does not exist".to_owned(), "does not exist"),
        NodeState::NoRecord(_) => (INCLUDE_NONE, "a domain without an SPF record".to_owned(), "has no SPF record"),
        NodeState::BadName => (INCLUDE_NONE, "a name that the DNS cannot be asked about".to_owned(), "no domain"),
        NodeState::Several(several) => {
            let n = several.records.len();
            (INCLUDE_BROKEN, format!("a domain with {n} SPF records"), "has several SPF records")
        }
        NodeState::Record(other) if other.is_broken() => {
            let fault = other.issues.iter().find(|issue| issue.kind.is_fatal());
            let what = fault.map(|issue| issue.kind.to_string()).unwrap_or_default();
            (INCLUDE_BROKEN, format!("a record that cannot be read ({what})"), "cannot be read")
        }
        NodeState::Loop(again) => {
            let ring: Vec<String> = facts
                .survey
                .path(at)
                .into_iter()
                .skip_while(|one| one.record != *again)
                .map(|one| format!("`{}`", facts.survey.text(one)))
                .collect();
            let what = format!("the record of {} again ({})", node.domain, ring.join(", then "));
            (LOOP, what, "leads back here")
        }
        NodeState::Record(_) | NodeState::Pending | NodeState::Failed => return false,
    };
    let seen = format!("`{term}` in {from} leads to {what}. A receiver that comes to it ends with `permerror`.");
    let mut finding = words::finding(facts, code, seen).evidence(words::at(facts, parent, label));
    finding = match &node.state {
        NodeState::Record(other) => {
            let fault = other.issues.iter().find(|issue| issue.kind.is_fatal());
            let evidence = facts.quote(&node.domain, &node.text);
            finding.evidence(match fault {
                Some(issue) => {
                    let label = words::labelled(facts, &node.domain, issue.kind.to_string());
                    evidence.at(words::span(issue.span), label)
                }
                None => evidence,
            })
        }
        NodeState::Several(several) => several.records.iter().fold(finding, |finding, one| {
            let label = words::labelled(facts, &node.domain, "an SPF record");
            finding.evidence(facts.quote(&node.domain, &one.text).at(Span::new(0, 6), label))
        }),
        _ => match facts.answer(&node.domain, Kind::Txt) {
            Some(evidence) => finding.evidence(evidence),
            None => finding,
        },
    };
    // The nearest record that the owner can change is the one to change.
    let remedy = if parent.record == 0 && node.used == Use::Include {
        let step = format!(
            "Correct the name in `{term}` if it is misspelt. Else take the term out: nobody loses the right to send, since \
             the check fails there now."
        );
        words::replace(facts, root, step, &words::without(root, record, &[parent.term]))
    } else if node.used == Use::Redirect {
        Remedy::step(format!(
            "Publish one right SPF record at {}, or let `{term}` name the domain that has it.",
            node.domain
        ))
    } else if words::owner(facts, &facts.survey.nodes[parent.record].domain) == Actor::DomainOwner {
        let above = &facts.survey.nodes[parent.record];
        let step = format!(
            "In the record of {}, in your own zone, correct the name in `{term}` if it is misspelt. Else take the term \
             out: nobody loses the right to send, since the check fails there now.",
            above.domain
        );
        match above.record() {
            Some(record) => words::replace(facts, above, step, &words::without(above, record, &[parent.term])),
            None => Remedy::step(step),
        }
    } else {
        let first = facts.survey.path(at).first().map(|one| facts.survey.text(*one)).unwrap_or(term);
        Remedy::step(format!(
            "Ask whoever runs {} to correct the record; until then `{first}` makes checks of {} fail.",
            facts.survey.nodes[parent.record].domain, facts.domain
        ))
    };
    let actor = match (code, parent.record) {
        (INCLUDE_BROKEN, _) => words::owner(facts, &node.domain),
        (_, above) => words::owner(facts, &facts.survey.nodes[above].domain),
    };
    out.find(finding.actor(actor).remedy(remedy));
    true
}

fn explanation(facts: &Facts, here: TermRef, name: &str, state: Explanation, out: &mut Judgement) {
    let what = match state {
        Explanation::Missing => "nothing".to_owned(),
        Explanation::Several(n) => format!("{n} texts, of which none is taken"),
        Explanation::NotAscii => "a text that is not ASCII".to_owned(),
        Explanation::Macro(fault) => format!("a text with a fault: {fault}"),
        Explanation::Pending | Explanation::Failed | Explanation::Readable => return,
    };
    let seen = format!(
        "`{}` in {} leads to {what} at {name}. Rejections carry the receiver's own words instead.",
        facts.survey.text(here),
        words::whose(facts, here.record)
    );
    let node = &facts.survey.nodes[here.record];
    let step = format!("Publish one TXT record with the words at {name}, or take the term out.");
    let finding = words::finding(facts, EXPLANATION, seen)
        .evidence(words::at(facts, here, "no text there"))
        .actor(words::owner(facts, &node.domain))
        .remedy(Remedy::step(step));
    out.find(finding);
}

/// `a`, `mx` and `exists` that find nobody, and `mx` that finds too many.
fn names(facts: &Facts, here: TermRef, node: &Node, state: &CostState, name: &str, out: &mut Judgement) {
    let term = facts.survey.text(here);
    let whose = words::whose(facts, here.record);
    let what = match state {
        CostState::Exchanges { names, .. } if *names > NAME_LIMIT => {
            let seen =
                format!("`{term}` in {whose} yields {names} exchanges; more than {NAME_LIMIT} end in `permerror`.");
            let remedy = Remedy::step("Name the networks of the exchanges by `ip4:` and `ip6:` instead of `mx`.");
            let finding = words::finding(facts, MX_TOO_MANY, seen)
                .evidence(words::at(facts, here, format!("{names} exchanges")))
                .actor(words::owner(facts, &node.domain))
                .remedy(remedy);
            out.find(finding);
            return;
        }
        // A provider's dead term is no matter of the domain's, until there are too many of them.
        _ if facts.survey.is_included(here.record) => return,
        // Told as a fault of the record.
        CostState::BadName
            if here.record == 0 && node.record().is_some_and(|r| r.issues.iter().any(|i| i.term == here.term)) =>
        {
            return;
        }
        CostState::Void if is_mx(node, here.term) => format!("{name} has no MX record"),
        CostState::Void => format!("{name} has no address"),
        CostState::BadName => format!("{name} is no name that the DNS can be asked about"),
        CostState::Exchanges { names: 0, .. } => format!("{name} says that it takes no mail (null MX)"),
        CostState::Exchanges { dead, .. } if !dead.is_empty() => {
            format!("these of its exchanges have no address: {}", words::list(dead))
        }
        _ => return,
    };
    let part = match state {
        CostState::Exchanges { names, dead } if dead.len() < *names => Some((dead.len(), *names)),
        _ => None,
    };
    let whole = part.is_none();
    let (finds, label) = match part {
        Some((dead, names)) => (
            format!("finds only some of what it leads to: {what}"),
            format!("{dead} of {names} exchanges without address"),
        ),
        None => (format!("finds nothing: {what}"), "finds nothing".to_owned()),
    };
    let seen = format!(
        "`{term}` in {whose} {finds}. It costs one of 10 lookups{}.",
        if state.is_void() { " and one of 2 void lookups" } else { "" }
    );
    let remedy = match node.record().filter(|_| here.record == 0 && whole) {
        Some(record) => {
            let step = match words::alive(facts, here).as_str() {
                "" => format!("Take `{term}` out; it authorises nobody now. Or correct the name."),
                host => format!(
                    "Write `{host}` instead of `{term}`: {name} is a host and has addresses. That authorises it, which \
                     `{term}` does not. Else take the term out."
                ),
            };
            words::replace(facts, node, step, &words::without_dead(facts, node, record, &[here.term]))
        }
        None if !whole => Remedy::step(format!(
            "Give these exchanges of {name} addresses, or take their MX records away. Keep `{term}`: it authorises the others."
        )),
        None => Remedy::step(format!("Correct the name that `{term}` leads to, or take the term out.")),
    };
    let finding = words::finding(facts, VOID_TERM, seen)
        .evidence(words::at(facts, here, label))
        .actor(words::owner(facts, &node.domain))
        .remedy(remedy);
    out.find(finding);
}

fn is_mx(node: &Node, term: usize) -> bool {
    let mut directives = node.record().into_iter().flat_map(Record::directives);
    directives.any(|(at, directive)| at == term && matches!(directive.mechanism, Mechanism::Mx(..)))
}
