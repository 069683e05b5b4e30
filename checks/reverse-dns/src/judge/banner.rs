//! The names that servers greet with, beside the names of their addresses.

use engine_plugin_api::{Actor, Evidence, Finding, Judgement, Remedy, Severity, Span, Subject};

use super::weighed;
use crate::{
    BANNER_DIFFERS,
    facts::{Banner, Facts},
    names,
};

pub(super) fn judge(facts: &Facts, banners: &[Banner], out: &mut Judgement) {
    for banner in banners {
        let Some(address) = facts.addresses.iter().find(|address| address.ip == banner.ip) else { continue };
        let own: Vec<&str> = address.records().iter().map(|record| record.name.as_str()).collect();
        let Some(named) = banner.greeting.as_deref().and_then(named) else { continue };
        let lower = named.to_ascii_lowercase();
        if own.is_empty() || own.contains(&lower.as_str()) {
            continue;
        }
        // A name that leads to the address is as good as its reverse name.
        let known = address.confirming().any(|name| name == lower) || address.exchanges.contains(&lower);
        let also = banner.ehlo.as_deref().and_then(self::named).filter(|ehlo| !ehlo.eq_ignore_ascii_case(named));
        let also = also.map(|ehlo| format!(" In its reply to EHLO it calls itself {ehlo}.")).unwrap_or_default();
        let own = own.iter().take(4).copied().collect::<Vec<_>>().join(", ");
        let seen =
            format!("{} greets as {named}, and the reverse name of {} is {own}.{also}", banner.exchange, banner.ip);
        let greeting = banner.greeting.as_deref().unwrap_or_default();
        let text = format!("220 {greeting}");
        let span = Span::of(named, greeting).shifted(4);
        let severity = if known { Severity::Info } else { weighed(address, Severity::Notice, Severity::Info) };
        out.find(
            Finding::new(BANNER_DIFFERS, Subject::Address(banner.ip.to_string()), seen)
                .severity(severity)
                .evidence(Evidence::quoting(&banner.evidence, text).at(span, "another name"))
                .actor(Actor::ServerOperator)
                .remedy(Remedy::step(
                    "Where mail is sent from this server too, let it greet with the name of its address, or ask for a \
                     PTR record with the name that it greets with.",
                )),
        );
    }
}

/// The host name that a greeting begins with (RFC 5321 §4.2); `None` where it
/// begins with something else.
fn named(greeting: &str) -> Option<&str> {
    let word = greeting.split_ascii_whitespace().next()?.trim_end_matches('.');
    (word.contains('.') && names::illegal(word).is_none()).then_some(word)
}
