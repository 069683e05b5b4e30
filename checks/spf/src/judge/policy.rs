//! What the policy says of whoever it does not name, and `ptr`.

use engine_plugin_api::{Judgement, Remedy, Severity};
use mail_syntax::spf::{
    CostState, MacroString, Mechanism, Modifier, Node, NodeState, Qualifier, Record, TermKind, TermRef, parse,
};

use super::{bounds, reach, syntax::Joined, words};
use crate::{
    ALL_NEUTRAL, ALL_PASS, NO_DEFAULT, PARKED_LOOSE, PTR,
    facts::{Facts, Mail},
};

/// What a record says of servers that it does not name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Default {
    /// `all` with this qualifier, in this node.
    All(Qualifier, TermRef),
    /// The record at the end of the redirects ends without `all`.
    Nothing(usize),
    /// A redirect leads to no record, or to one that is not known.
    Unknown,
}

impl Default {
    /// For example `servers that it does not name get softfail (~all)`.
    pub fn phrase(self) -> &'static str {
        match self {
            Default::All(Qualifier::Fail, _) => "servers that it does not name get `fail` (-all)",
            Default::All(Qualifier::SoftFail, _) => "servers that it does not name get `softfail` (~all)",
            Default::All(Qualifier::Neutral, _) => "servers that it does not name get `neutral` (?all)",
            Default::All(Qualifier::Pass, _) => "every server gets `pass` (+all)",
            Default::Nothing(_) => "servers that it does not name get `neutral` (no `all`)",
            Default::Unknown => "what servers get that it does not name cannot be told",
        }
    }
}

/// Follows the redirects to the `all` that counts.
pub fn default_of(facts: &Facts) -> Default {
    let mut at = 0;
    while let Some(node) = facts.survey.nodes.get(at) {
        let Some(record) = node.record() else { break };
        if let Some((term, qualifier)) = record.all() {
            return Default::All(qualifier, TermRef { record: at, term });
        }
        let Some((term, _)) = record.redirect() else { return Default::Nothing(at) };
        match node.cost(term).and_then(|cost| cost.child) {
            Some(child) => at = child,
            None => break,
        }
    }
    Default::Unknown
}

pub fn judge(facts: &Facts, joined: Option<&Joined>, out: &mut Judgement) {
    let Some((root, record)) = words::own(facts) else { return };
    // Where strings run together, the end that is missing may only be hidden.
    let ends = |joined: &Joined| joined.meant().all().is_some() || joined.meant().redirect().is_some();
    match default_of(facts) {
        // Where everything before it ends in `permerror`, nobody passes by it.
        Default::All(Qualifier::Pass, at) if reach::is_reached(facts, at) => all_pass(facts, at, out),
        Default::All(Qualifier::Neutral, at) => all_neutral(facts, at, out),
        // A record that cannot be read ends in `permerror`, not in its default.
        Default::Nothing(at) if !record.is_broken() && !joined.is_some_and(ends) => no_default(facts, at, out),
        _ => {}
    }
    let mut told: Vec<&str> = Vec::new();
    for (at, node) in facts.survey.nodes.iter().enumerate() {
        // The same record is at fault once, however many terms lead there.
        if told.contains(&node.domain.as_str()) || !is_passing(facts, at) {
            continue;
        }
        told.push(&node.domain);
        let all = node.record().and_then(plus_all).map(|term| TermRef { record: at, term });
        if let Some(all) = all.filter(|all| facts.survey.is_included(at) && reach::is_reached(facts, *all)) {
            all_pass(facts, all, out);
        }
        exists_for_all(facts, at, node, out);
    }
    let counts = |at: usize| !facts.survey.is_included(at);
    for (at, node) in facts.survey.nodes.iter().enumerate().filter(|(at, _)| counts(*at)) {
        if let Some(record) = node.record() {
            ptr(facts, at, node, record, out);
        }
    }
    if facts.mail.known() == Some(&Mail::Refused) {
        parked(facts, root, record, out);
    }
}

fn plus_all(record: &Record) -> Option<usize> {
    record.all().filter(|(_, qualifier)| *qualifier == Qualifier::Pass).map(|(term, _)| term)
}

/// Whether a `pass` of this record is one of the domain's: no include on the way turns it into something else.
pub fn is_passing(facts: &Facts, at: usize) -> bool {
    facts.survey.path(at).into_iter().all(|above| {
        let directives = facts.survey.nodes[above.record].record().map(|record| record.directives());
        directives
            .into_iter()
            .flatten()
            .all(|(term, directive)| term != above.term || directive.qualifier == Qualifier::Pass)
    })
}

/// `exists` with a name that is the same for every message and has an address: everyone matches.
fn exists_for_all(facts: &Facts, at: usize, node: &Node, out: &mut Judgement) {
    let Some(record) = node.record() else { return };
    for (term, directive) in record.directives() {
        let found = node.cost(term).filter(|cost| cost.state == CostState::Found);
        let (Mechanism::Exists(_), Qualifier::Pass, Some(cost)) = (&directive.mechanism, directive.qualifier, found)
        else {
            continue;
        };
        let here = TermRef { record: at, term };
        if !reach::is_reached(facts, here) {
            continue;
        }
        let (text, name) = (facts.survey.text(here), cost.name.as_deref().unwrap_or_default());
        let seen = format!(
            "`{text}` in {} lets every server in the world send as {}, with `pass`: {name} has an address, whoever sends.",
            words::whose(facts, at),
            facts.domain
        );
        let step =
            format!("Take `{text}` out and name the servers that send; `exists` needs a macro such as `%{{i}}`.");
        let remedy = match at {
            0 => closed(facts, node, &step, &words::without(node, record, &[term])),
            _ => Remedy::step(step),
        };
        let mut finding = words::finding(facts, ALL_PASS, seen)
            .evidence(words::at(facts, here, "everyone matches"))
            .actor(words::owner(facts, &node.domain))
            .remedy(remedy);
        if let Some(answer) = facts.answer(name, mail_syntax::spf::Kind::A) {
            finding = finding.evidence(answer);
        }
        out.find(finding);
    }
}

/// Publishing a record that now says something of everybody else; only the
/// step where it names nobody yet, which would put all mail of the domain in doubt.
fn closed(facts: &Facts, node: &Node, step: &str, text: &str) -> Remedy {
    let record = parse(text);
    let names_somebody = record.redirect().is_some()
        || record.directives().any(|(_, one)| one.mechanism != Mechanism::All && one.qualifier == Qualifier::Pass);
    if names_somebody { words::replace(facts, node, step, text) } else { Remedy::step(step) }
}

fn all_pass(facts: &Facts, at: TermRef, out: &mut Judgement) {
    let node = &facts.survey.nodes[at.record];
    let term = facts.survey.text(at);
    let seen = format!(
        "`{term}` in {} lets every server in the world send as {}, with `pass`.",
        words::whose(facts, at.record),
        facts.domain
    );
    let evidence = words::at(facts, at, "everyone may send");
    let finding = words::finding(facts, ALL_PASS, seen).evidence(evidence);
    let remedy = match node.record() {
        Some(record) if words::owner(facts, &node.domain) == engine_plugin_api::Actor::DomainOwner => {
            let text = words::edited(node, record, |i, _| (i == at.term).then(|| "~all".to_owned()));
            let step = "Name every server that sends for the domain, then end the record with `~all`, which marks all \
                 others as doubtful, and later with `-all`.";
            closed(facts, node, step, &text)
        }
        _ => {
            let include = facts.survey.path(at.record).first().map(|above| facts.survey.text(*above)).unwrap_or("");
            Remedy::step(format!(
                "Take `{include}` out of the record of {} until {} ends its record otherwise.",
                facts.domain, node.domain
            ))
        }
    };
    out.find(finding.remedy(remedy));
}

fn all_neutral(facts: &Facts, at: TermRef, out: &mut Judgement) {
    let node = &facts.survey.nodes[at.record];
    let seen = format!(
        "{} ends with `{}`: of servers that it does not name it says nothing, so mail forged from anywhere is treated \
         as if there were no record.",
        capital(&words::whose(facts, at.record)),
        facts.survey.text(at)
    );
    let step = "Check that the record names every server that sends for the domain, then end it with `~all`. That \
         changes the result for all others from `neutral` to `softfail`.";
    let remedy = match node.record() {
        Some(record) => {
            let text = words::edited(node, record, |i, _| (i == at.term).then(|| "~all".to_owned()));
            closed(facts, node, step, &text)
        }
        None => Remedy::step(step),
    };
    let evidence = words::at(facts, at, "says nothing");
    out.find(words::finding(facts, ALL_NEUTRAL, seen).evidence(evidence).remedy(remedy));
}

fn no_default(facts: &Facts, at: usize, out: &mut Judgement) {
    let node = &facts.survey.nodes[at];
    let seen = format!(
        "{} has neither `all` nor `redirect`: servers that it does not name get `neutral`.",
        capital(&words::whose(facts, at))
    );
    let step = "Check that the record names every server that sends for the domain, then end it with `~all`. That \
         changes the result for all others from `neutral` to `softfail`.";
    let remedy = closed(facts, node, step, &format!("{} ~all", node.text.trim_end()));
    let end = node.text.trim_end().len();
    let evidence = facts.quote(&node.domain, &node.text);
    let last = node.text[..end].rfind(' ').map_or(0, |space| space + 1);
    let evidence = evidence.at(engine_plugin_api::Span::new(last, end), "ends here");
    out.find(words::finding(facts, NO_DEFAULT, seen).evidence(evidence).remedy(remedy));
}

fn ptr(facts: &Facts, at: usize, node: &Node, record: &Record, out: &mut Judgement) {
    let explains = |modifier: &Modifier| matches!(modifier, Modifier::Explanation(_));
    for (term, one) in record.terms.iter().enumerate() {
        let (is_ptr, target) = match &one.kind {
            TermKind::Directive(one) => (matches!(one.mechanism, Mechanism::Ptr(_)), one.mechanism.target()),
            TermKind::Modifier(Modifier::Redirect(target) | Modifier::Explanation(target)) => (false, Some(target)),
            TermKind::Modifier(_) | TermKind::Unreadable(_) => continue,
        };
        let by_macro = target.is_some_and(MacroString::needs_validated);
        let counts = node.cost(term).is_some() || matches!(&one.kind, TermKind::Modifier(one) if explains(one));
        if !(is_ptr || by_macro) || !counts {
            continue;
        }
        let here = TermRef { record: at, term };
        let seen = format!(
            "`{}` in {} asks receivers to look up the sender's reverse name{}. RFC 7208 says not to use it, and some \
             receivers skip it.",
            facts.survey.text(here),
            words::whose(facts, at),
            if is_ptr { "" } else { " (the macro `p`)" }
        );
        let step = if is_ptr {
            "Name the servers by `ip4:`, `ip6:` or `a:` first, then take the term out; whoever is authorised only by it \
             is no longer so after that."
        } else {
            "Use another macro, for example `%{i}`, the sender's address, and publish what the term looks for under the \
             new names first."
        };
        bounds::find(facts, PTR, out, || {
            words::finding(facts, PTR, seen)
                .evidence(words::at(facts, here, "not to be used"))
                .actor(words::owner(facts, &node.domain))
                .remedy(Remedy::step(step))
        });
    }
}

/// A domain that takes no mail seldom sends any.
fn parked(facts: &Facts, root: &Node, record: &Record, out: &mut Judgement) {
    let closed = record.directives().all(|(_, directive)| directive.mechanism == Mechanism::All)
        && matches!(default_of(facts), Default::All(Qualifier::Fail, _));
    if closed || record.is_broken() || facts.survey.nodes.iter().any(|node| node.state == NodeState::Failed) {
        return;
    }
    let seen = format!(
        "{} says that it takes no mail (null MX), yet its SPF record does not say that nobody sends as it.",
        facts.domain
    );
    let step = "Where nothing sends mail as the domain, say so. That takes the right to send from everyone whom the \
         present record names.";
    let mut finding = words::finding(facts, PARKED_LOOSE, seen)
        .evidence(facts.quote(&root.domain, &root.text))
        .remedy(words::replace(facts, root, step, "v=spf1 -all"));
    if let Some(mx) = facts.answer(&facts.domain, mail_syntax::spf::Kind::Mx) {
        finding = finding.evidence(mx);
    }
    out.find(finding.severity(Severity::Notice));
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_ascii_uppercase().to_string() + chars.as_str()).unwrap_or_default()
}
