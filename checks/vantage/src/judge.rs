//! From facts to findings. Pure. Nothing here is about the target.

use engine_plugin_api::{Actor, Cause, Evidence, Finding, Judgement, Remedy, Subject, Unknown};

use crate::{
    READY, RESOLVER_SILENT,
    facts::{Facts, Lookup},
};

mod port25;
mod resolver;

/// What a part of the examination came to.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// Looked at, and as it should be: the words for it.
    Good(String),
    /// Reported, or could not be told.
    Told,
    /// Not looked at.
    Left,
}

/// Judges what was seen.
pub fn judge(facts: &Facts) -> Judgement {
    let mut out = Judgement::default();
    if let Some(cause) = silence(facts) {
        silent(&facts.root, &cause.detail, &mut out);
        let what = "whether port 25 is open from here, blocklists answer and DNSSEC is validated";
        out.unknown(Unknown::new(here(), what, cause.clone()));
        return out;
    }
    let parts = [
        resolver::rewriting(facts, &mut out),
        resolver::validation(facts, &mut out),
        resolver::blocklists(facts, &mut out),
        port25::port(facts, &mut out),
        port25::ipv6(facts, &mut out),
    ];
    let good: Vec<String> = parts
        .iter()
        .filter_map(|part| match part {
            Part::Good(words) => Some(words.clone()),
            Part::Told | Part::Left => None,
        })
        .collect();
    // Facts (information) may stand beside it; limits may not.
    let limited =
        out.findings.iter().any(|finding| finding.code != crate::NOT_VALIDATING && finding.code != crate::NO_IPV6);
    if !limited && out.unknowns.is_empty() && !good.is_empty() {
        let seen = format!("Nothing here limits what can be found out: {}.", good.join("; "));
        out.find(Finding::new(READY, here(), seen).evidence(Evidence::of(&facts.root.evidence)).actor(Actor::Nobody));
    }
    out
}

/// Why no question that should have an answer has one; `None` where one has.
/// The root, which a resolver knows by heart, counts for nothing beside two
/// names that it had to ask for; the name with wrong signatures never counts.
fn silence(facts: &Facts) -> Option<&Cause> {
    let names: Vec<&Lookup> = facts.absent.iter().chain(facts.lists.iter().map(|(_, lookup)| lookup)).collect();
    let of_names: Vec<&Cause> = names.iter().filter_map(|lookup| lookup.cause.as_ref()).collect();
    match (&facts.root.cause, of_names.len() == names.len()) {
        (Some(cause), true) => Some(cause),
        (None, true) if facts.absent.len() >= 2 => of_names.first().copied(),
        _ => None,
    }
}

/// The subject of what concerns the whole network.
fn here() -> Subject {
    Subject::Host("this network".to_owned())
}

/// The subject of what concerns the resolver.
fn resolver() -> Subject {
    Subject::Host("this resolver".to_owned())
}

fn silent(root: &Lookup, detail: &str, out: &mut Judgement) {
    let seen = format!(
        "The resolver gives no answer to questions that have one ({detail}). Nothing is known of the target for that."
    );
    out.find(
        Finding::new(RESOLVER_SILENT, resolver(), seen)
            .evidence(Evidence::of(&root.evidence))
            .actor(Actor::Network)
            .remedy(
                Remedy::step("Let this machine reach its resolver, or name another that serves you.")
                    .setting("engine run --resolver IP …"),
            ),
    );
}

#[cfg(test)]
mod tests;
