//! What the policy says of whoever it does not name, and `ptr`.

use engine_plugin_api::{Judgement, Remedy, Severity};
use mail_syntax::spf::{Mechanism, Node, NodeState, Qualifier, Record, TermRef, Use};

use super::{bounds, words};
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

pub fn judge(facts: &Facts, out: &mut Judgement) {
    let Some((root, record)) = words::own(facts) else { return };
    match default_of(facts) {
        Default::All(Qualifier::Pass, at) => all_pass(facts, at, out),
        Default::All(Qualifier::Neutral, at) => all_neutral(facts, at, out),
        // A record that cannot be read ends in `permerror`, not in its default.
        Default::Nothing(at) if !record.is_broken() => no_default(facts, at, out),
        _ => {}
    }
    for (at, _) in facts.survey.nodes.iter().enumerate().filter(|(_, node)| node.used == Use::Include) {
        if let Some(term) = passes_everyone(facts, at) {
            all_pass(facts, term, out);
        }
    }
    for (at, node) in facts.survey.nodes.iter().enumerate().filter(|(_, node)| node.used != Use::Include) {
        if let Some(record) = node.record() {
            ptr(facts, at, node, record, out);
        }
    }
    if facts.mail.known() == Some(&Mail::Refused) {
        parked(facts, root, record, out);
    }
}

/// The `+all` of an included record whose include passes whoever it matches.
fn passes_everyone(facts: &Facts, at: usize) -> Option<TermRef> {
    let record = facts.survey.nodes[at].record()?;
    let (term, _) = record.all().filter(|(_, qualifier)| *qualifier == Qualifier::Pass)?;
    let passing = facts.survey.path(at).into_iter().all(|above| {
        let directives = facts.survey.nodes[above.record].record().map(|record| record.directives());
        directives
            .into_iter()
            .flatten()
            .all(|(term, directive)| term != above.term || directive.qualifier == Qualifier::Pass)
    });
    passing.then_some(TermRef { record: at, term })
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
            words::replace(facts, node, step, &text)
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
            words::replace(facts, node, step, &text)
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
    let remedy = words::replace(facts, node, step, &format!("{} ~all", node.text.trim_end()));
    let end = node.text.trim_end().len();
    let evidence = facts.quote(&node.domain, &node.text);
    let last = node.text[..end].rfind(' ').map_or(0, |space| space + 1);
    let evidence = evidence.at(engine_plugin_api::Span::new(last, end), "ends here");
    out.find(words::finding(facts, NO_DEFAULT, seen).evidence(evidence).remedy(remedy));
}

fn ptr(facts: &Facts, at: usize, node: &Node, record: &Record, out: &mut Judgement) {
    let terms: Vec<usize> = record
        .directives()
        .filter(|(_, directive)| matches!(directive.mechanism, Mechanism::Ptr(_)))
        .map(|(term, _)| term)
        .filter(|term| node.cost(*term).is_some())
        .collect();
    for term in terms {
        let here = TermRef { record: at, term };
        let seen = format!(
            "`{}` in {} asks receivers to look up the sender's reverse name. RFC 7208 says not to use it, and some \
             receivers skip it.",
            facts.survey.text(here),
            words::whose(facts, at)
        );
        let step = "Name the servers by `ip4:`, `ip6:` or `a:` first, then take the term out; whoever is authorised only \
             by it is no longer so after that.";
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
