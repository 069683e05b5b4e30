//! Several records made one.

use mail_syntax::spf::{Directive, LOOKUP_LIMIT, Mechanism, Modifier, Qualifier, TermKind, parse};

use super::{cover::Cover, words};

/// What several records become.
pub struct Merged {
    /// What to do, and what it changes.
    pub step: String,
    /// The one record; absent where it cannot be told what was meant.
    pub text: Option<String>,
}

/// The union: whoever one of the records authorises is authorised. The
/// mildest end of any wins, but never milder than `~all`.
pub fn records(domain: &str, texts: &[&str]) -> Merged {
    if texts.windows(2).all(|pair| pair[0].trim() == pair[1].trim()) {
        let step = "Keep one of the equal records and take the others away.".to_owned();
        return Merged { step, text: texts.first().map(|text| text.trim().to_owned()) };
    }
    let mut terms: Vec<(usize, Directive)> = Vec::new();
    let mut end: Option<Qualifier> = None;
    let mut explanation = None;
    let mut opened = false;
    let mut redirected = false;
    let mut unreadable = false;
    for (from, record) in texts.iter().map(|text| parse(text)).enumerate() {
        let stop = record.all().map_or(usize::MAX, |(at, _)| at);
        for (at, term) in record.terms.iter().enumerate() {
            match &term.kind {
                TermKind::Unreadable(_) => unreadable = true,
                TermKind::Directive(directive) if directive.mechanism == Mechanism::All => {
                    if at == stop {
                        opened |= matches!(directive.qualifier, Qualifier::Pass | Qualifier::Neutral);
                        let mild =
                            if directive.qualifier == Qualifier::Fail { Qualifier::Fail } else { Qualifier::SoftFail };
                        end = Some(if end.is_none_or(|end| end == mild) { mild } else { Qualifier::SoftFail });
                    }
                }
                TermKind::Directive(_) if at > stop => {}
                TermKind::Directive(directive) => terms.push((from, directive.clone())),
                TermKind::Modifier(Modifier::Redirect(target)) if stop == usize::MAX => {
                    redirected = true;
                    let mechanism = Mechanism::Include(target.clone());
                    terms.push((from, Directive { qualifier: Qualifier::Pass, mechanism }));
                }
                TermKind::Modifier(Modifier::Explanation(target)) => {
                    explanation.get_or_insert_with(|| format!("exp={target}"));
                }
                TermKind::Modifier(_) => {}
            }
        }
    }
    if unreadable {
        let step = "Make them one record, and correct its terms: receivers cannot read them all.".to_owned();
        return Merged { step, text: None };
    }
    let (terms, dropped) = united(domain, &terms);
    let end = end.unwrap_or(Qualifier::SoftFail);
    let all = format!("{}all", end.sign());
    let mut step = format!(
        "Replace the records by one. The one below authorises whoever any of them names, and ends with `{all}`"
    );
    if opened {
        step.push_str("; the `+all` or `?all` of one of them, which lets everyone send, is left out");
    }
    if redirected {
        step.push_str("; `redirect=` has become `include:`, so that the other terms count");
    }
    if !dropped.is_empty() {
        step.push_str(&format!(
            "; {} is left out, since another record authorises what it excepts",
            words::list(&dropped)
        ));
    }
    step.push_str(". Leave out what no longer sends for the domain.");
    let text = ["v=spf1".to_owned()].into_iter().chain(terms).chain([all]).chain(explanation).collect::<Vec<_>>();
    let text = text.join(" ");
    let merged = parse(&text);
    if merged.directives().filter(|(_, directive)| directive.mechanism.costs_lookup()).count() > LOOKUP_LIMIT {
        let step = "Make them one record, and take out what no longer sends: together they cost more than 10 lookups.";
        return Merged { step: step.to_owned(), text: None };
    }
    if merged.directives().any(|(_, directive)| matches!(directive.mechanism, Mechanism::Include(_))) {
        step.push_str(" Check again then: what costs 10 lookups apart may cost more together.");
    }
    Merged { step, text: Some(text) }
}

/// The terms that stay, in their order, and the exceptions that do not: what
/// one record excepts and another authorises is authorised by the union, and
/// what an earlier term covers never decides.
fn united(domain: &str, terms: &[(usize, Directive)]) -> (Vec<String>, Vec<String>) {
    let all: Vec<(usize, &Directive, Cover<'_>)> =
        terms.iter().map(|(from, one)| (*from, one, Cover::of(domain, &one.mechanism))).collect();
    let (mut kept, mut dropped): (Vec<&Cover<'_>>, Vec<String>) = (Vec::new(), Vec::new());
    let mut texts = Vec::new();
    for (from, directive, cover) in &all {
        let authorised = |(other, one, theirs): &(usize, &Directive, Cover<'_>)| {
            other != from && one.qualifier == Qualifier::Pass && (theirs.covers(cover) || cover.covers(theirs))
        };
        if directive.qualifier != Qualifier::Pass && all.iter().any(authorised) {
            dropped.push(directive.to_string());
        } else if !kept.iter().any(|earlier| earlier.covers(cover)) {
            kept.push(cover);
            texts.push(directive.to_string());
        }
    }
    (texts, dropped)
}
