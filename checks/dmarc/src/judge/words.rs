//! What the judges share: subjects, quoting, wording; and the summary.

use engine_plugin_api::{Evidence, Finding, Judgement, Severity, Span, Subject};
use mail_syntax::dmarc::{Found, Policy, Requested, Rules, Scope, TagName};

use crate::{
    DUPLICATE_TAG, MULTIPLE, POLICY_INVALID, PSD_MISSING, PSD_MISUSED, RECORD, RULES_DIFFER, STRINGS_JOINED, SYNTAX,
    UNAUTHENTICATED, WILDCARD, facts::Facts,
};

/// Places of one finding that are pointed at.
pub const SHOWN: usize = 8;

/// The domain.
pub fn subject(facts: &Facts) -> Subject {
    Subject::Domain(facts.domain.clone())
}

/// A finding about the domain.
pub fn finding(facts: &Facts, code: &str, seen: impl Into<String>) -> Finding {
    Finding::new(code, subject(facts), seen)
}

/// A finding about a record: its subject is the domain that publishes it.
pub fn about(found: &Found, code: &str, seen: impl Into<String>) -> Finding {
    Finding::new(code, Subject::Domain(found.domain.clone()), seen)
}

/// The record as evidence.
pub fn quote(facts: &Facts, found: &Found) -> Evidence {
    match facts.place(&found.domain) {
        Some(seen) => seen.quote(&found.text),
        None => Evidence::quoting(&Default::default(), &found.text),
    }
}

/// The record as evidence, pointing at a place in it.
pub fn at(facts: &Facts, found: &Found, span: mail_syntax::Span, label: impl Into<String>) -> Evidence {
    quote(facts, found).at(Span::new(span.start, span.end), label)
}

/// The record as evidence, pointing at a tag if it is there.
pub fn at_tag(facts: &Facts, found: &Found, name: TagName, label: impl Into<String>) -> Evidence {
    match found.record.tag(name) {
        Some(tag) => at(facts, found, tag.span(), label),
        None => quote(facts, found),
    }
}

/// `the record of example.org`, or `the record` where it is the domain's own.
pub fn whose(facts: &Facts, found: &Found) -> String {
    if found.domain == facts.domain { "the record".to_owned() } else { format!("the record of {}", found.domain) }
}

/// Quoted and joined: `` `a`, `b` and `c` ``; the first few, then how many more.
pub fn list<T: AsRef<str>>(items: &[T]) -> String {
    let quoted: Vec<String> = items.iter().take(SHOWN).map(|item| format!("`{}`", item.as_ref())).collect();
    match (quoted.split_last(), items.len().saturating_sub(SHOWN)) {
        (None, _) => "nothing".to_owned(),
        (Some((last, [])), 0) => last.clone(),
        (Some((last, first)), 0) => format!("{} and {last}", first.join(", ")),
        (_, more) => format!("{} and {more} more", quoted.join(", ")),
    }
}

/// What receivers are asked to do: `refuse it`.
pub fn wish(policy: Policy) -> &'static str {
    match policy {
        Policy::None => "do nothing about it",
        Policy::Quarantine => "treat it as suspicious",
        Policy::Reject => "refuse it",
    }
}

/// `reject`, `reject for 20 % and quarantine for the rest`, `no DMARC at all`.
pub fn policy(requested: Option<Requested>) -> String {
    match requested {
        None => "no DMARC at all".to_owned(),
        Some(Requested { policy, percent, .. }) if percent < 100 => {
            format!("{policy} for {percent} % and {} for the rest", policy.lowered())
        }
        Some(Requested { policy, .. }) => policy.word().to_owned(),
    }
}

/// What applies, by both kinds of receivers: what a support desk asks for first.
pub fn summary(facts: &Facts, found: &Found, out: &mut Judgement) {
    let table = |rules| {
        let [own, below] = facts.is_open(rules);
        [
            (own, facts.requested(rules)),
            (below, facts.requested_below(rules, Scope::Subdomain)),
            (below, facts.requested_below(rules, Scope::Nonexistent)),
        ]
        // An answer that did not come is no word of the owner's.
        .map(|(is_open, requested)| if is_open { "what could not be told".to_owned() } else { policy(requested) })
    };
    let [old, new] = Rules::BOTH.map(table);
    let row = |[own, below, absent]: &[String; 3]| match (own == below, below == absent) {
        (true, true) => format!("{own} for the domain and all names below it"),
        (true, false) => format!("{own} for the domain and its subdomains, {absent} for names that do not exist"),
        (false, true) => format!("{own} for the domain, {below} for all names below it"),
        (false, false) => format!("{own} for the domain, {below} for subdomains, {absent} for names that do not exist"),
    };
    let what = if found.domain == facts.domain {
        format!("{} publishes one DMARC record.", facts.domain)
    } else {
        format!("{} has no DMARC record of its own; that of {} applies.", facts.domain, found.domain)
    };
    let wishes = if old == new {
        format!("Mail that does not pass gets: {}.", row(&new))
    } else {
        format!("Mail that does not pass gets, by RFC 9989: {}; by RFC 7489: {}.", row(&new), row(&old))
    };
    let bites = |requested: Option<Requested>| requested.is_some_and(|requested| requested.policy > Policy::None);
    let strict = Rules::BOTH
        .into_iter()
        .all(|rules| bites(facts.requested(rules)) && bites(facts.requested_below(rules, Scope::Subdomain)));
    let sound = !out.findings.iter().any(|finding| FAULTS.contains(&finding.code.as_str()));
    let finding = finding(facts, RECORD, format!("{what} {wishes}"));
    let finding = finding.evidence(at_tag(facts, found, TagName::Policy, "for mail that does not pass"));
    out.find(if strict && sound { finding } else { finding.severity(Severity::Info) });
}

/// Findings beside which no record is as it should be.
const FAULTS: &[&str] = &[
    DUPLICATE_TAG,
    MULTIPLE,
    POLICY_INVALID,
    PSD_MISSING,
    PSD_MISUSED,
    RULES_DIFFER,
    STRINGS_JOINED,
    SYNTAX,
    UNAUTHENTICATED,
    WILDCARD,
];
