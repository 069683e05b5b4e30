//! Selectors that are aliases.

use engine_plugin_api::{Actor, Evidence, Judgement, Remedy, Severity, Span};

use super::words;
use crate::{
    ALIAS, ALIAS_DANGLING,
    facts::{Facts, Origin, Selector},
    selectors,
};

pub fn judge(facts: &Facts, selector: &Selector, out: &mut Judgement) {
    let Some(answer) = selector.answer.known() else { return };
    let Some(end) = answer.aliases.last() else { return };
    let provider = selectors::provider_of(end);
    let whose = provider.map(|provider| format!(", of {provider}")).unwrap_or_default();
    let text = answer.alias_text.clone().unwrap_or_default();
    let quoted = |label: &str| {
        let start = text.rfind(' ').map_or(0, |at| at + 1);
        Evidence::quoting(&answer.evidence, &text).at(Span::new(start, text.len()), label)
    };
    if answer.texts.is_empty() {
        let seen = format!(
            "{} is an alias of {end}{whose}, where there is no key: signatures with the selector `{}` fail.",
            selector.key_name(),
            selector.name
        );
        let step = match provider {
            Some(provider) => format!(
                "If {provider} still sends for the domain, finish the set-up of DKIM there, which makes the key; \
                 otherwise take the alias away."
            ),
            None => "Correct the target of the alias, or take it away if nothing signs with this selector any more."
                .to_owned(),
        };
        let first = answer.aliases.first().map_or(end.as_str(), String::as_str);
        let severity = match selector.origin {
            Origin::Known => Severity::Error,
            Origin::Guessed => Severity::Warning,
        };
        out.find(
            words::finding(facts, selector, ALIAS_DANGLING, seen)
                .severity(severity)
                .actor(Actor::DomainOwner)
                .evidence(quoted("leads to no key"))
                .remedy(Remedy::step(step).withdraw(selector.key_name(), "CNAME", format!("{first}."))),
        );
        return;
    }
    let seen = format!(
        "{} is an alias of {end}{whose}: the key there is changed by whoever has that name.",
        selector.key_name()
    );
    out.find(words::finding(facts, selector, ALIAS, seen).evidence(quoted("where the key stands")));
}
