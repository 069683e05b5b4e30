//! What the judges share: subjects, owners, quoting, remedies.

use engine_plugin_api::{Actor, Evidence, Finding, Remedy, Span, Subject};

use crate::{
    facts::{Facts, Selector},
    selectors,
};

/// The name of the key.
pub fn subject(selector: &Selector) -> Subject {
    Subject::Domain(selector.key_name())
}

/// A finding about a selector, for whoever can change what stands there.
pub fn finding(facts: &Facts, selector: &Selector, code: &str, seen: impl Into<String>) -> Finding {
    Finding::new(code, subject(selector), seen).actor(owner(facts, selector))
}

/// Who can change the record: whoever has the name at which it stands.
pub fn owner(facts: &Facts, selector: &Selector) -> Actor {
    let home = selector.home();
    let own = [&facts.domain, &selector.domain]
        .into_iter()
        .any(|domain| home.strip_suffix(domain.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')));
    if own { Actor::DomainOwner } else { Actor::SendingService }
}

/// A record of a selector as evidence.
pub fn quote(selector: &Selector, text: &str) -> Evidence {
    match selector.answer.known() {
        Some(answer) => Evidence::quoting(&answer.evidence, text),
        None => Evidence::quoting(&engine_plugin_api::EvidenceId::default(), text),
    }
}

/// A record with a caret under a part of it.
pub fn at(selector: &Selector, text: &str, span: mail_syntax::Span, label: impl Into<String>) -> Evidence {
    quote(selector, text).at(Span::new(span.start, span.end), label)
}

/// The answer for a selector as evidence, without a quotation.
pub fn answer(selector: &Selector) -> Option<Evidence> {
    selector.answer.known().map(|answer| Evidence::of(&answer.evidence))
}

/// The seconds left to the copy of a selector's record that was seen.
pub fn ttl(selector: &Selector) -> Option<u32> {
    selector.answer.known().and_then(|answer| answer.ttl)
}

/// Publishing `text` in place of the record `old`.
pub fn replace(selector: &Selector, step: impl Into<String>, old: &str, text: Option<String>) -> Remedy {
    let home = selector.home();
    let remedy = Remedy::step(step);
    let remedy = match text {
        Some(text) => remedy.withdraw(&home, "TXT", old).publish(&home, "TXT", text),
        None => remedy,
    };
    remedy.once_old_copies_expire(ttl(selector))
}

/// Making a new key, where the old one cannot be kept.
pub fn new_key(selector: &Selector) -> String {
    match selectors::provider_of(&selector.home()) {
        Some(provider) => format!("Let {provider} make a new key of 2048 bits for the domain."),
        None => "Make a new RSA key of 2048 bits under a new selector (`opendkim-genkey -b 2048 -s NEW`, or the same \
                 in the console of the sending service), publish its public half, and then let the signer use it."
            .to_owned(),
    }
}

/// `the key record of s1._domainkey.a.example`, with the end of its aliases.
pub fn whose(selector: &Selector) -> String {
    let (name, home) = (selector.key_name(), selector.home());
    if name == home { format!("the key record of {name}") } else { format!("the key record of {name} (at {home})") }
}
