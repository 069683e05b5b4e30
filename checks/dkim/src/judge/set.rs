//! What the keys of a domain are together.

use engine_plugin_api::{Confidence, Finding, Judgement, Remedy, Subject, Unknown};
use mail_syntax::{
    dkim::{KeyState, KeyType},
    dmarc::organizational_domain,
};

use super::{Published, strength, words};
use crate::{
    ED25519_ONLY, KEY_REUSED,
    facts::{Facts, Origin, Selector},
};

pub fn judge(facts: &Facts, keys: &[Published<'_>], out: &mut Judgement) {
    reused(facts, keys, out);
    ed25519_only(facts, keys, out);
}

/// One key under several selectors: changing between them changes nothing.
fn reused(facts: &Facts, keys: &[Published<'_>], out: &mut Judgement) {
    let mut told: Vec<usize> = Vec::new();
    for (at, key) in keys.iter().enumerate() {
        let bytes = key.record.key_bytes();
        if bytes.is_empty() || told.contains(&at) {
            continue;
        }
        // Aliases of one name are one record.
        let same: Vec<usize> = (at..keys.len())
            .filter(|other| keys[*other].record.key_bytes() == bytes)
            .filter(|other| *other == at || keys[*other].selector.home() != key.selector.home())
            .collect();
        if same.len() < 2 {
            continue;
        }
        let domain = &key.selector.domain;
        let seen = if same.iter().all(|at| keys[*at].selector.domain == *domain) {
            let names: Vec<String> = same.iter().map(|at| format!("`{}`", keys[*at].selector.name)).collect();
            format!("The selectors {} of {domain} hold the same key.", names.join(", "))
        } else {
            let names: Vec<String> = same.iter().map(|at| keys[*at].selector.key_name()).collect();
            format!("The same key stands at {}.", names.join(", "))
        };
        let finding = Finding::new(KEY_REUSED, Subject::Domain(facts.domain.clone()), seen);
        let finding = same.iter().take(3).fold(finding, |finding, at| {
            let key = &keys[*at];
            finding.evidence(words::at(
                key.selector,
                key.text,
                key.record.span("p").unwrap_or_default(),
                "the same key",
            ))
        });
        out.find(finding.remedy(Remedy::step(
            "Give each selector a key of its own, so that one can be withdrawn without the others.",
        )));
        told.extend(same);
    }
}

fn ed25519_only(facts: &Facts, keys: &[Published<'_>], out: &mut Judgement) {
    // Another domain's keys are no help to mail of this one.
    let own = |domain: &str| organizational_domain(domain) == organizational_domain(&facts.domain);
    let usable: Vec<&Published<'_>> =
        keys.iter().filter(|key| own(&key.selector.domain) && strength::is_usable(&key.record)).collect();
    let Some(first) = usable.first() else { return };
    let ed25519 = |key: &&Published<'_>| {
        key.record.key_type == KeyType::Ed25519 && matches!(key.record.key, KeyState::Ed25519(_))
    };
    if !usable.iter().all(ed25519) {
        return;
    }
    if let Some((name, cause)) = facts.unanswered.first() {
        let what = format!("whether an RSA key stands at {name} beside those of type Ed25519");
        out.unknown(Unknown::new(Subject::Domain(facts.domain.clone()), what, cause.clone()));
        return;
    }
    // What is not known of these is said elsewhere.
    let silent = |one: &Selector| own(&one.domain) && one.answer.known().is_none();
    if facts.selectors.iter().any(silent) || facts.mail.as_ref().is_some_and(|mail| mail.left_out > 0) {
        return;
    }
    let seen = format!(
        "The only DKIM keys of {} that were found are of type Ed25519, which Gmail, Microsoft and others do not verify: \
         to them its mail is unsigned.",
        facts.domain
    );
    let guessed = usable.iter().all(|key| key.selector.origin == Origin::Guessed);
    let k = first.record.span("k").unwrap_or_default();
    let finding = Finding::new(ED25519_ONLY, Subject::Domain(facts.domain.clone()), seen)
        .confidence(if guessed { Confidence::Low } else { Confidence::Medium })
        .evidence(words::at(first.selector, first.text, k, "not verified everywhere"))
        .remedy(Remedy::step(
            "Sign twice: with an RSA key of 2048 bits under a selector of its own, and with the Ed25519 key \
             (RFC 8463 §3).",
        ));
    out.find(finding);
}
