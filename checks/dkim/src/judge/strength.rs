//! The key itself: how strong it is, who can use it, whether it is in use.

use engine_plugin_api::{Judgement, Remedy, Severity};
use mail_syntax::dkim::{Flag, KeyRecord, KeyState, KeyType, RsaKey};

use super::{Published, words};
use crate::{
    KEY, KEY_1024, KEY_LONG, KEY_WEAK, REVOKED, TEST_MODE,
    facts::{Facts, Origin},
};

/// Signers must use keys of so many bits, and verifiers accept no shorter ones (RFC 8301 §3.2).
const LEAST: usize = 1024;
/// Signers should use keys of so many bits (RFC 8301 §3.2).
const ADVISED: usize = 2048;
/// Verifiers must take keys up to so many bits, and need not take longer ones (RFC 8301 §3.2).
const MOST: usize = 4096;
/// Keys of so many bits are broken at home in days.
const BREAKABLE: usize = 768;

pub fn judge(facts: &Facts, key: &Published<'_>, out: &mut Judgement) {
    let selector = key.selector;
    let p = key.record.span("p").unwrap_or_default();
    match &key.record.key {
        KeyState::Revoked => revoked(facts, key, out),
        KeyState::Rsa(rsa) if rsa.bits() < LEAST => {
            let bits = rsa.bits();
            let breakable = bits <= BREAKABLE;
            let forged =
                if breakable { " It can be broken in days, and then anyone can sign as the domain." } else { "" };
            let seen = format!(
                "The RSA key of {} has {bits} bits. Receivers accept none under {LEAST}.{forged}",
                selector.key_name()
            );
            let severity = if breakable { Severity::Critical } else { Severity::Error };
            let finding = words::finding(facts, selector, KEY_WEAK, seen).severity(severity);
            out.find(
                finding
                    .evidence(words::at(selector, key.text, p, format!("{bits} bits")))
                    .remedy(Remedy::step(words::new_key(selector))),
            );
        }
        KeyState::Rsa(rsa) if rsa.bits() < ADVISED => {
            let bits = rsa.bits();
            let seen = format!(
                "The RSA key of {} has {bits} bits. Receivers accept it; {ADVISED} are advised.",
                selector.key_name()
            );
            out.find(
                words::finding(facts, selector, KEY_1024, seen)
                    .evidence(words::at(selector, key.text, p, format!("{bits} bits")))
                    .remedy(Remedy::step(words::new_key(selector))),
            );
        }
        KeyState::Rsa(rsa) if rsa.bits() > MOST => {
            let bits = rsa.bits();
            let seen = format!(
                "The RSA key of {} has {bits} bits. Receivers need not verify more than {MOST}, and many do not.",
                selector.key_name()
            );
            out.find(
                words::finding(facts, selector, KEY_LONG, seen)
                    .evidence(words::at(selector, key.text, p, format!("{bits} bits")))
                    .remedy(Remedy::step(words::new_key(selector))),
            );
        }
        _ => {}
    }
    if key.record.has_flag(&Flag::Testing) && key.record.key != KeyState::Revoked {
        test_mode(facts, key, out);
    }
    if is_usable(&key.record) {
        summary(facts, key, out);
    }
}

/// Whether receivers that follow RFC 8301 can verify with it.
pub fn is_usable(record: &KeyRecord) -> bool {
    let sound = match &record.key {
        KeyState::Rsa(key) => (LEAST..=MOST).contains(&key.bits()),
        KeyState::Ed25519(_) => true,
        KeyState::Absent | KeyState::Revoked | KeyState::Unreadable => false,
    };
    sound && !record.is_broken()
}

fn revoked(facts: &Facts, key: &Published<'_>, out: &mut Judgement) {
    let selector = key.selector;
    let seen = format!("The key of {} has been revoked: `p=` is empty.", selector.key_name());
    let p = key.record.span("p").unwrap_or_default();
    let finding = words::finding(facts, selector, REVOKED, seen).evidence(words::at(selector, key.text, p, "no key"));
    out.find(match selector.origin {
        Origin::Known => finding.severity(Severity::Error).remedy(Remedy::step(
            "Let the signer use a selector whose key is published; a revoked one is not used again.",
        )),
        Origin::Guessed => finding,
    });
}

fn test_mode(facts: &Facts, key: &Published<'_>, out: &mut Judgement) {
    let selector = key.selector;
    let seen = format!(
        "The key of {} is in test mode (`t=y`): receivers may treat what is signed with it as if it were not.",
        selector.key_name()
    );
    let flags = key.record.flags.iter().filter(|flag| **flag != Flag::Testing).cloned().collect();
    let right = KeyRecord { flags, ..key.record.clone() };
    let text = (!right.is_broken() && right.notes.is_none()).then(|| right.to_string());
    out.find(
        words::finding(facts, selector, TEST_MODE, seen)
            .evidence(words::at(selector, key.text, key.record.span("t").unwrap_or_default(), "test mode"))
            .remedy(words::replace(selector, "Take `t=y` out once signed mail arrives well.", key.text, text)),
    );
}

fn summary(facts: &Facts, key: &Published<'_>, out: &mut Judgement) {
    let selector = key.selector;
    let kind = match (&key.record.key, &key.record.key_type) {
        (KeyState::Rsa(rsa @ RsaKey { .. }), _) => format!("an RSA key of {} bits", rsa.bits()),
        (_, KeyType::Ed25519) => "an Ed25519 key".to_owned(),
        _ => "a key".to_owned(),
    };
    let strict = if key.record.has_flag(&Flag::Strict) { " It is not for subdomains in `i=` (`t=s`)." } else { "" };
    let notes = key.record.notes.as_ref().filter(|notes| !notes.is_empty());
    let notes = notes.map(|notes| format!(" Its note says `{notes}`.")).unwrap_or_default();
    let guessed =
        if selector.origin == Origin::Guessed { " The selector was guessed; there may be others." } else { "" };
    let seen = format!("{} holds {kind} that receivers can use.{strict}{notes}{guessed}", selector.key_name());
    out.find(words::finding(facts, selector, KEY, seen).evidence(words::quote(selector, key.text)));
}
