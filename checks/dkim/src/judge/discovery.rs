//! Whether keys were found, and what that says.

use engine_plugin_api::{Cause, CauseKind, Evidence, Finding, Judgement, Observed, Remedy, Severity, Subject, Unknown};
use mail_syntax::dkim::{KeyRecord, KeyState, is_meant_as_key};

use super::words;
use crate::{
    NONE, SELECTOR_MISSING, WILDCARD,
    facts::{Facts, Origin, Selector},
};

/// Whether a guess found only what every selector gets. For a selector that is
/// known to be used it counts, whatever answers: receivers get the same.
pub fn is_chance(facts: &Facts, selector: &Selector) -> bool {
    selector.origin == Origin::Guessed && is_wildcard(facts, selector)
}

fn is_wildcard(facts: &Facts, selector: &Selector) -> bool {
    let (Some(made_up), Some(answer)) = (facts.made_up.answer.known(), selector.answer.known()) else { return false };
    facts.made_up.is_there() && made_up.texts == answer.texts
}

pub fn judge(facts: &Facts, out: &mut Judgement) {
    wildcard(facts, out);
    for selector in facts.selectors.iter().filter(|selector| selector.origin == Origin::Known) {
        match &selector.answer {
            Observed::Unknown(cause) => {
                let what = format!("whether {} holds a key", selector.key_name());
                out.unknown(Unknown::new(words::subject(selector), what, cause.clone()));
            }
            Observed::Known(answer) if answer.texts.is_empty() && answer.aliases.is_empty() => {
                missing(facts, selector, out)
            }
            Observed::Known(_) => {}
        }
    }
    let known = facts.selectors.iter().any(|selector| selector.origin == Origin::Known);
    let found = facts.selectors.iter().any(|selector| !is_wildcard(facts, selector));
    if !known && !found && facts.sends_none != Observed::Known(true) {
        nothing_found(facts, out);
    }
}

fn wildcard(facts: &Facts, out: &mut Judgement) {
    let Some(answer) = facts.made_up.answer.known().filter(|_| facts.made_up.is_there()) else { return };
    let Some(text) = answer.texts.first() else { return };
    let subject = Subject::Domain(facts.domain.clone());
    let in_use = |selector: &Selector| selector.origin == Origin::Known && is_wildcard(facts, selector);
    let (severity, seen, step) = if is_meant_as_key(text) && KeyRecord::parse(text).key == KeyState::Revoked {
        (
            Severity::Info,
            format!(
                "Every selector of {} that has no record of its own gets an empty key: all others are revoked.",
                facts.domain
            ),
            None,
        )
    } else {
        (
            Severity::Notice,
            format!(
                "Every selector of {} gets an answer, `{}`, whether it exists or not.",
                facts.domain,
                clipped(text)
            ),
            Some(if is_meant_as_key(text) && facts.selectors.iter().any(in_use) {
                "Publish the key at the name of the selector that is in use, and only then take the wildcard away."
            } else {
                "Let the wildcard record not reach `_domainkey`: publish any TXT record at that very name, which keeps \
                 a wildcard above from answering below it (RFC 4592 §2.2.2)."
            }),
        )
    };
    let finding = Finding::new(WILDCARD, subject, seen).severity(severity).evidence(words::quote(&facts.made_up, text));
    out.find(match step {
        Some(step) => finding.remedy(Remedy::step(step)),
        None => finding,
    });
}

fn clipped(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A selector that somebody uses and that has no record.
fn missing(facts: &Facts, selector: &Selector, out: &mut Judgement) {
    let seen =
        format!("There is no key at {}: signatures with the selector `{}` fail.", selector.key_name(), selector.name);
    let step =
        "Publish the public key that the signer shows for this selector, as a TXT record at this name; or let the \
                signer use a selector that has one."
            .to_owned();
    let finding = words::finding(facts, selector, SELECTOR_MISSING, seen).remedy(Remedy::step(step));
    out.find(match words::answer(selector) {
        Some(evidence) => finding.evidence(evidence),
        None => finding,
    });
}

fn nothing_found(facts: &Facts, out: &mut Judgement) {
    let subject = Subject::Domain(facts.domain.clone());
    match &facts.below {
        Observed::Known(false) if facts.unanswered.is_empty() && facts.sends_none.known().is_some() => {
            let seen =
                format!("{0} has no DKIM key: there is no name `_domainkey.{0}`, and so none below it.", facts.domain);
            let remedy = Remedy::step(
                "Switch DKIM signing on where the domain's mail is sent (mail server or sending service), and publish \
                 the TXT or CNAME record that it shows, for example at the name below.",
            )
            .publish(
                format!("s1._domainkey.{}", facts.domain),
                "TXT",
                "v=DKIM1; k=rsa; p=<the public key of the signer>",
            );
            out.find(Finding::new(NONE, subject, seen).evidence(Evidence::of(&facts.below_evidence)).remedy(remedy));
        }
        below => {
            let unanswered = facts.unanswered.first().map(|(_, cause)| cause);
            let cause = match below.unknown().or(unanswered).or(facts.sends_none.unknown()) {
                Some(cause) => cause.clone(),
                None => Cause::new(CauseKind::NeedsInput, tried(facts)),
            };
            out.unknown(Unknown::new(subject, "with which keys the domain signs", cause).advice(ADVICE));
        }
    }
}

const ADVICE: &str = "give the selector with --selector: it is the value of `s=` in the DKIM-Signature field of a message \
                      that the domain sent";

fn tried(facts: &Facts) -> String {
    match facts.guessed {
        0 => "no selector is known, and the DNS cannot list them".to_owned(),
        n => format!("none of {n} common selectors has a key, and the DNS cannot list the others"),
    }
}
