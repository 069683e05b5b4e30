//! From facts to findings. Pure.

mod alignment;
mod delegation;
mod discovery;
mod mail;
mod record;
mod set;
mod strength;
mod words;

use engine_plugin_api::Judgement;
use mail_syntax::dkim::KeyRecord;

use crate::facts::{Facts, Selector};

/// A selector with the one record that counts there.
struct Published<'f> {
    selector: &'f Selector,
    text: &'f str,
    record: KeyRecord,
}

/// Judges the facts.
pub fn judge(facts: &Facts) -> Judgement {
    let mut out = Judgement::default();
    discovery::judge(facts, &mut out);
    let mut published = Vec::new();
    for selector in facts.selectors.iter().filter(|selector| !discovery::is_chance(facts, selector)) {
        delegation::judge(facts, selector, &mut out);
        published.extend(record::judge(facts, selector, &mut out));
    }
    for key in &published {
        strength::judge(facts, key, &mut out);
    }
    set::judge(facts, &published, &mut out);
    mail::judge(facts, &published, &mut out);
    out
}

#[cfg(test)]
mod message_tests;
#[cfg(test)]
mod tests;
