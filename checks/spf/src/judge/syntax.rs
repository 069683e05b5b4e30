//! Faults of the domain's own record, each with its place.

use engine_plugin_api::{Finding, Judgement, Remedy, Severity, Span};
use mail_syntax::spf::{DomainFault, Issue, IssueKind, Node, NodeState, Record, TermKind, Verdict, parse};

use super::{bounds, words};
use crate::{
    ADDRESS_INVALID, NOT_ASCII, REDIRECT_IGNORED, STRINGS_JOINED, SYNTAX, TERMS_AFTER_ALL, UNKNOWN_MECHANISM,
    facts::Facts,
};

/// Two strings of a TXT record that run together for want of a space.
pub struct Joined {
    /// The whole text.
    pub text: String,
    /// The term that came of it; absent where it is the version.
    pub term: Option<usize>,
    /// Where the second string begins.
    at: usize,
}

impl Joined {
    /// The text with the space that is missing.
    fn apart(&self) -> String {
        let (before, after) = self.text.split_at(self.at);
        format!("{before} {after}")
    }

    /// The record that was meant.
    pub fn meant(&self) -> Record {
        parse(&self.apart())
    }
}

/// Finds the first place where two strings should have had a space between
/// them. A record may be cut anywhere, so both halves must make sense alone.
pub fn joined(facts: &Facts) -> Option<Joined> {
    let root = facts.survey.root()?;
    for text in &facts.texts {
        let Ok(whole) = String::from_utf8(text.strings.concat()) else { continue };
        let record = parse(&whole);
        let mut at = 0;
        for pair in text.strings.windows(2) {
            at += pair[0].len();
            if !whole.is_char_boundary(at) {
                continue;
            }
            if at == 6 && whole[..6].eq_ignore_ascii_case("v=spf1") && is_term(&whole[6..], false) {
                return matches!(root.state, NodeState::NoRecord(_)).then_some(Joined { text: whole, term: None, at });
            }
            let inside = |term: &&mail_syntax::spf::Term| term.span.start < at && at < term.span.end;
            if let Some(index) = record.terms.iter().position(|term| inside(&term)) {
                let span = record.terms[index].span;
                // What can be read as one term may be one.
                let plainly = !matches!(record.terms[index].kind, TermKind::Unreadable(_));
                let halves = (&whole[span.start..at], &whole[at..span.end]);
                if whole == root.text && is_term(halves.0, false) && is_term(halves.1, plainly) {
                    return Some(Joined { text: whole, term: Some(index), at });
                }
            }
        }
    }
    None
}

/// Whether `text` begins with a term that stands on its own. `plainly`: also
/// in a way that the rest of a name or number does not.
fn is_term(text: &str, plainly: bool) -> bool {
    let word = text.split(' ').next().unwrap_or("");
    let record = parse(&format!("v=spf1 {word}"));
    let known = match record.terms.first().map(|term| &term.kind) {
        Some(TermKind::Directive(_)) => true,
        Some(TermKind::Modifier(modifier)) => !matches!(modifier, mail_syntax::spf::Modifier::Unknown { .. }),
        _ => false,
    };
    let plain = word.contains([':', '=']) || word.starts_with(['-', '~', '?', '+']) || matches!(word, "all" | "mx");
    known && !record.is_broken() && (plain || !plainly)
}

pub fn judge(facts: &Facts, joined: Option<&Joined>, out: &mut Judgement) {
    if let Some(joined) = joined {
        strings_joined(facts, joined, out);
    }
    let Some((node, record)) = words::own(facts) else { return };
    let run_together = joined.and_then(|joined| joined.term);
    let mut ignored: Vec<&Issue> = Vec::new();
    for issue in record.issues.iter().filter(|issue| Some(issue.term) != run_together) {
        match &issue.kind {
            IssueKind::AfterAll => ignored.push(issue),
            IssueKind::RedirectWithAll => redirect_ignored(facts, node, record, issue, out),
            // Where a name cannot be asked about, an include is told with what it leads to.
            IssueKind::Domain(_) if node.cost(issue.term).is_some_and(|cost| cost.child.is_some()) => {}
            _ => fault(facts, node, record, issue, out),
        }
    }
    if !ignored.is_empty() {
        after_all(facts, node, record, &ignored, out);
    }
}

fn strings_joined(facts: &Facts, joined: &Joined, out: &mut Judgement) {
    let (before, after) = joined.text.split_at(joined.at);
    let tail = before.rsplit(' ').next().unwrap_or(before);
    let head = after.split(' ').next().unwrap_or(after);
    let seen = format!(
        "The SPF record of {} is stored as several strings, which are joined without a space: `{tail}` and `{head}` \
         run together.",
        facts.domain
    );
    let right = joined.apart();
    let span = Span::new(joined.at - tail.len(), joined.at + head.len());
    let evidence = facts.quote(&facts.domain, &joined.text).at(span, "a space is missing here");
    let home = facts.home(&facts.domain);
    let changes = match joined.term {
        Some(_) => {
            format!(" Then `{tail}` and `{head}` count, as they do not now{}.", end_changes(&joined.text, &right))
        }
        None => String::new(),
    };
    let step = format!("Begin the second string with a space, so that the text reads `{tail} {head}`.{changes}");
    let mut remedy = Remedy::step(step).withdraw(home, "TXT", &joined.text);
    if !parse(&right).is_broken() {
        remedy = remedy.publish(home, "TXT", right);
    }
    let remedy = remedy.once_old_copies_expire(words::ttl(facts, &facts.domain));
    out.find(words::finding(facts, STRINGS_JOINED, seen).evidence(evidence).remedy(remedy));
}

/// What another end of the record changes for servers that it does not name;
/// nothing where the end stays, or where receivers cannot read the old one.
pub fn end_changes(old: &str, new: &str) -> String {
    let (old, new) = (parse(old), parse(new));
    let end = |record: &Record| match (record.all(), record.redirect()) {
        (Some((_, qualifier)), _) => format!("`{}`", Verdict::from(qualifier)),
        (None, Some((_, target))) => format!("what the record of {target} says"),
        (None, None) => "`neutral`".to_owned(),
    };
    let (before, after) = (end(&old), end(&new));
    if before == after || old.is_broken() {
        return String::new();
    }
    format!("; servers that the record does not name get {after} instead of {before}")
}

fn fault(facts: &Facts, node: &Node, record: &Record, issue: &Issue, out: &mut Judgement) {
    let term = record.terms[issue.term].span.of(&node.text);
    let code = match &issue.kind {
        IssueKind::NotAscii(_) | IssueKind::Control(_) => NOT_ASCII,
        IssueKind::UnknownMechanism(_) | IssueKind::ModifierAsMechanism(_) | IssueKind::MechanismAsModifier(_) => {
            UNKNOWN_MECHANISM
        }
        IssueKind::Address
        | IssueKind::WrongFamily
        | IssueKind::Cidr(_)
        | IssueKind::Domain(DomainFault::IsAddress) => ADDRESS_INVALID,
        _ => SYNTAX,
    };
    let consequence = if issue.kind.is_fatal() {
        "Receivers end every check with `permerror`."
    } else {
        "Receivers ignore the term."
    };
    let seen = format!("`{term}` in the SPF record of {} cannot be used: {}. {consequence}", facts.domain, issue.kind);
    bounds::find(facts, code, out, || {
        let evidence = facts.quote(&node.domain, &node.text).at(words::span(issue.span), issue.kind.to_string());
        let finding =
            words::finding(facts, code, seen).evidence(evidence).remedy(correction(facts, node, record, issue));
        if issue.kind.is_fatal() { finding } else { finding.severity(Severity::Warning) }
    });
}

/// The record with every term that has an obvious correction corrected; the
/// others must be right already for it to be offered.
fn correction(facts: &Facts, node: &Node, record: &Record, issue: &Issue) -> Remedy {
    let term = record.terms[issue.term].span.of(&node.text);
    let wish = |at: usize| record.issues.iter().find(|i| i.term == at).and_then(|i| i.suggestion.clone());
    if let IssueKind::RepeatedModifier(name) = &issue.kind {
        return Remedy::step(format!("Keep one `{name}=` and take the other away."));
    }
    let sound = |meant: &&String| !parse(&format!("v=spf1 {meant}")).is_broken();
    match issue.suggestion.as_ref().filter(sound) {
        Some(meant) => {
            let text = words::edited(node, record, |at, _| wish(at));
            let step = format!("Write `{meant}` instead of `{term}`, if that is what is meant.");
            words::replace(facts, node, step, &text)
        }
        None if matches!(issue.kind, IssueKind::NotAscii(_)) => Remedy::step(format!(
            "Correct `{term}`, or take it out. A name in another script stands here in its A-label form, which begins \
             with `xn--`."
        )),
        None if is_all(term) => Remedy::step(format!(
            "Write `~all` or `-all` instead of `{term}`, once the record names every server that sends for the domain."
        )),
        None => Remedy::step(format!("Correct `{term}`, or take it out.")),
    }
}

/// Whether a term that cannot be read is an `all` with a value.
fn is_all(term: &str) -> bool {
    let name = term.split([':', '=', '/']).next().unwrap_or_default();
    name.trim_start_matches(['+', '-', '~', '?']).eq_ignore_ascii_case("all")
}

fn after_all(facts: &Facts, node: &Node, record: &Record, ignored: &[&Issue], out: &mut Judgement) {
    let texts: Vec<&str> = ignored.iter().map(|issue| issue.span.of(&node.text)).collect();
    let Some((all, _)) = record.all() else { return };
    let end = record.terms[all].span.of(&node.text);
    let seen = format!(
        "The SPF record of {} has {} after `{end}`. Everyone matches `{end}`, so what follows is never looked at.",
        facts.domain,
        words::list(&texts)
    );
    let positions: Vec<usize> = ignored.iter().map(|issue| issue.term).collect();
    // Everything but more of the same `all` names somebody who was to be judged otherwise.
    let only_all = texts.iter().all(|text| text.trim_start_matches(['+', '-', '~', '?']).eq_ignore_ascii_case("all"));
    let (step, text) = if only_all {
        (format!("Take {} out; nothing changes by it.", words::list(&texts)), words::without(node, record, &positions))
    } else {
        let kept = words::without(node, record, &[positions.as_slice(), &[all]].concat());
        let moved =
            texts.iter().filter(|text| !text.ends_with("all")).map(|text| format!(" {text}")).collect::<String>();
        let step = format!(
            "Move {} before `{end}`. That lets {} count, as it does not now; take out what is not wanted.",
            words::list(&texts),
            if texts.len() == 1 { "it" } else { "them" }
        );
        (step, format!("{kept}{moved} {end}"))
    };
    let finding = words::finding(facts, TERMS_AFTER_ALL, seen)
        .evidence(
            facts
                .quote(&node.domain, &node.text)
                .at(Span::new(ignored[0].span.start, ignored[ignored.len() - 1].span.end), "never looked at"),
        )
        .remedy(words::replace(facts, node, step, &text));
    out.find(if only_all { finding.severity(Severity::Notice) } else { finding });
}

fn redirect_ignored(facts: &Facts, node: &Node, record: &Record, issue: &Issue, out: &mut Judgement) {
    let Some((all, _)) = record.all() else { return };
    let (redirect, end) = (issue.span.of(&node.text), record.terms[all].span.of(&node.text));
    let seen = format!(
        "The SPF record of {} has both `{redirect}` and `{end}`. Beside `all` a redirect is ignored.",
        facts.domain
    );
    let text = words::without(node, record, &[issue.term]);
    let step = format!(
        "Take `{redirect}` out; nothing changes by it. If the other record is the one that should decide, take `{end}` \
         out instead."
    );
    let finding: Finding = words::finding(facts, REDIRECT_IGNORED, seen)
        .evidence(facts.quote(&node.domain, &node.text).at(words::span(issue.span), "ignored"))
        .remedy(words::replace(facts, node, step, &text));
    out.find(finding);
}
