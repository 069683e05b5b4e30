//! What the judges share: quoting, owners, edited records, wording.

use engine_plugin_api::{Actor, Evidence, Finding, Remedy, Span, Subject};
use mail_syntax::spf::{CostState, Mechanism, Node, NodeState, Record, TermKind, TermRef, parse};

use crate::facts::{Facts, hosts_named_as_mx};

/// The domain.
pub fn subject(facts: &Facts) -> Subject {
    Subject::Domain(facts.domain.clone())
}

/// A finding about the domain.
pub fn finding(facts: &Facts, code: &str, seen: impl Into<String>) -> Finding {
    Finding::new(code, subject(facts), seen)
}

/// A span in the terms of the contract.
pub fn span(span: mail_syntax::Span) -> Span {
    Span::new(span.start, span.end)
}

/// The record of a term as evidence, pointing at the term.
pub fn at(facts: &Facts, term: TermRef, label: impl Into<String>) -> Evidence {
    let node = &facts.survey.nodes[term.record];
    let evidence = facts.quote(&node.domain, &node.text);
    let label = labelled(facts, &node.domain, label);
    match node.record().and_then(|record| record.terms.get(term.term)) {
        Some(term) => evidence.at(span(term.span), label),
        None => evidence,
    }
}

/// A label that also says whose record is quoted, where it is not the domain's own.
pub fn labelled(facts: &Facts, domain: &str, label: impl Into<String>) -> String {
    let label = label.into();
    if domain.eq_ignore_ascii_case(&facts.domain) { label } else { format!("{label} (TXT of {domain})") }
}

/// Who can change the record of `domain`.
pub fn owner(facts: &Facts, domain: &str) -> Actor {
    let under =
        |name: &str, above: &str| name.strip_suffix(above).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    if under(domain, &facts.domain) || under(&facts.domain, domain) {
        Actor::DomainOwner
    } else {
        Actor::SendingService
    }
}

/// `the record of example.net (reached by include:a.example, include:example.net)`.
pub fn whose(facts: &Facts, node: usize) -> String {
    let domain = &facts.survey.nodes[node].domain;
    let path: Vec<String> =
        facts.survey.path(node).into_iter().map(|at| format!("`{}`", facts.survey.text(at))).collect();
    if path.is_empty() {
        format!("the record of {domain}")
    } else {
        format!("the record of {domain} (reached by {})", path.join(", then "))
    }
}

/// The domain's own record, where it has exactly one.
pub fn own(facts: &Facts) -> Option<(&Node, &Record)> {
    let node = facts.survey.root()?;
    Some((node, node.record()?))
}

/// The text of a record with some terms changed: each is kept (`None`) or
/// replaced, by nothing for an empty text.
pub fn edited(node: &Node, record: &Record, change: impl Fn(usize, &str) -> Option<String>) -> String {
    let mut text = "v=spf1".to_owned();
    for (at, term) in record.terms.iter().enumerate() {
        let word = term.span.of(&node.text);
        let word = change(at, word).unwrap_or_else(|| word.to_owned());
        if !word.is_empty() {
            text.push(' ');
            text.push_str(&word);
        }
    }
    text
}

/// What to write for a term that finds nothing: `a:` for an `mx` whose name has
/// no MX record but addresses, which is what was meant; else nothing.
pub fn alive(facts: &Facts, at: TermRef) -> String {
    let Some(node) = facts.survey.nodes.get(at.record) else { return String::new() };
    let Some((_, name)) = hosts_named_as_mx(node).find(|(term, _)| *term == at.term) else { return String::new() };
    if !facts.has_address(name) {
        return String::new();
    }
    let term = facts.survey.text(at);
    let rest = term.trim_start_matches(['+', '-', '~', '?']);
    format!("{}a{}", &term[..term.len() - rest.len()], rest.get(2..).unwrap_or_default())
}

/// The record with these terms, which find nothing, corrected or taken out.
pub fn without_dead(facts: &Facts, node: &Node, record: &Record, terms: &[usize]) -> String {
    edited(node, record, |term, _| terms.contains(&term).then(|| alive(facts, TermRef { record: 0, term })))
}

/// The record with these terms taken out.
pub fn without(node: &Node, record: &Record, terms: &[usize]) -> String {
    edited(node, record, |at, _| terms.contains(&at).then(String::new))
}

/// Publishing `text` in place of a node's record; only the step where the new
/// text would not be right either.
pub fn replace(facts: &Facts, node: &Node, step: impl Into<String>, text: &str) -> Remedy {
    let remedy = Remedy::step(step);
    if parse(text).is_broken() || text == node.text {
        return remedy;
    }
    let home = facts.home(&node.domain);
    let remedy = remedy.withdraw(home, "TXT", &node.text).publish(home, "TXT", text);
    remedy.once_old_copies_expire(ttl(facts, &node.domain))
}

/// The seconds left to the copy of a domain's record that was seen.
pub fn ttl(facts: &Facts, domain: &str) -> Option<u32> {
    facts.txt(domain).and_then(|seen| seen.ttl)
}

/// `at least ` where the tree goes on beyond what is known: an include that
/// got no answer, or whose name depends on the message.
pub fn at_least(facts: &Facts) -> &'static str {
    let open = facts.survey.truncated
        || facts.survey.nodes.iter().any(|node| {
            let leads_on =
                |at: usize| match node.record().and_then(|record| record.terms.get(at)).map(|term| &term.kind) {
                    Some(TermKind::Directive(directive)) => matches!(directive.mechanism, Mechanism::Include(_)),
                    Some(TermKind::Modifier(_)) => true,
                    _ => false,
                };
            node.state == NodeState::Failed
                || node.costs.iter().any(|cost| cost.state == CostState::Depends && leads_on(cost.term))
        });
    if open { "at least " } else { "" }
}

/// Whether a question of the tree got no answer.
pub fn is_unanswered(facts: &Facts) -> bool {
    facts.survey.nodes.iter().any(|node| {
        node.state == NodeState::Failed || node.costs.iter().any(|cost| matches!(cost.state, CostState::Failed(_)))
    })
}

/// `1 lookup`, `2 lookups`.
pub fn plural(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

/// Quoted and joined: `` `a`, `b` and `c` ``; the first ten, then how many more.
pub fn list<T: AsRef<str>>(items: &[T]) -> String {
    const SHOWN: usize = 10;
    let quoted: Vec<String> = items.iter().take(SHOWN).map(|item| format!("`{}`", item.as_ref())).collect();
    match (quoted.split_last(), items.len().saturating_sub(SHOWN)) {
        (None, _) => "nothing".to_owned(),
        (Some((last, [])), 0) => last.clone(),
        (Some((last, first)), 0) => format!("{} and {last}", first.join(", ")),
        (_, more) => format!("{} and {more} more", quoted.join(", ")),
    }
}
