//! Whether the resolver tells the truth, and whether others serve it.

use std::net::Ipv4Addr;

use engine_plugin_api::{Actor, Cause, CauseKind, Evidence, Finding, Judgement, Remedy, Unknown, services::DnsStatus};

use super::{Part, resolver};
use crate::{
    DNS_REWRITTEN, NOT_VALIDATING, RESOLVER_REFUSED,
    facts::{Facts, Lookup},
};

/// Whether names that do not exist get an address.
pub(super) fn rewriting(facts: &Facts, out: &mut Judgement) -> Part {
    let invented: Vec<&Lookup> = facts.absent.iter().filter(|lookup| !lookup.addresses.is_empty()).collect();
    if let Some(first) = invented.first() {
        let seen = format!(
            "The resolver gives {} the address {}, although that name does not exist: it rewrites answers. What it says \
             of the target may be its own invention.",
            first.name, first.addresses[0]
        );
        let finding = invented.iter().fold(Finding::new(DNS_REWRITTEN, resolver(), seen), |finding, lookup| {
            finding.evidence(Evidence::quoting(&lookup.evidence, format!("{}. A {}", lookup.name, lookup.addresses[0])))
        });
        out.find(finding.actor(Actor::Network).remedy(another_resolver()));
        return Part::Told;
    }
    if facts.absent.is_empty() {
        return Part::Left;
    }
    match facts.absent.iter().map(|lookup| lookup.cause.as_ref()).collect::<Option<Vec<&Cause>>>() {
        Some(causes) => {
            out.unknown(Unknown::new(resolver(), "whether the resolver rewrites answers", causes[0].clone()));
            Part::Told
        }
        None => Part::Good("the resolver says of names that do not exist that they do not".into()),
    }
}

fn another_resolver() -> Remedy {
    Remedy::step(
        "Ask through a resolver that answers as it was answered: one of your own, or one that serves your network.",
    )
    .setting("engine run --resolver IP …")
}

/// Whether wrong signatures are noticed (RFC 4035 §5.5).
pub(super) fn validation(facts: &Facts, out: &mut Judgement) -> Part {
    let Some(bogus) = &facts.bogus else { return Part::Left };
    match bogus.status {
        DnsStatus::ServFail | DnsStatus::Bogus => Part::Good("it validates DNSSEC".into()),
        DnsStatus::Answer | DnsStatus::NoData => {
            let seen = format!(
                "The resolver answers for {}, whose DNSSEC signatures are wrong on purpose: it does not validate. Forged \
                 or broken answers pass through it.",
                bogus.name
            );
            let text = bogus.addresses.first().map_or_else(
                || format!("{}. A → no data", bogus.name),
                |address| format!("{}. A {address}", bogus.name),
            );
            out.find(
                Finding::new(NOT_VALIDATING, resolver(), seen)
                    .evidence(Evidence::quoting(&bogus.evidence, text))
                    .actor(Actor::Network)
                    .remedy(Remedy::step(
                        "To have DNSSEC faults of the target seen, ask through a resolver that validates.",
                    )),
            );
            Part::Told
        }
        _ => {
            let absent = || {
                Cause::new(CauseKind::Malformed, format!("{} does not exist for this resolver", bogus.name))
                    .seen_in(&bogus.evidence)
            };
            let cause = bogus.cause.clone().unwrap_or_else(absent);
            out.unknown(Unknown::new(resolver(), "whether the resolver validates DNSSEC", cause));
            Part::Told
        }
    }
}

/// Whether blocklists answer this resolver: one that lists its test entry does.
pub(super) fn blocklists(facts: &Facts, out: &mut Judgement) -> Part {
    let read: Vec<(&str, &Lookup, Reading)> =
        facts.lists.iter().map(|(zone, lookup)| (zone.as_str(), lookup, Reading::of(lookup))).collect();
    let refusing: Vec<_> = read.iter().filter(|(_, _, reading)| matches!(reading, Reading::Refused(..))).collect();
    if let Some((zone, _, Reading::Refused(address, why))) = refusing.first() {
        let others = match refusing.len() - 1 {
            0 => String::new(),
            1 => ", and so does another list".to_owned(),
            n => format!(", and so do {n} other lists"),
        };
        let seen = format!(
            "{zone} answers {address} to its own test entry: {why}{others}. Such an answer is neither a listing nor \
             its absence."
        );
        let finding =
            refusing.iter().fold(Finding::new(RESOLVER_REFUSED, resolver(), seen), |finding, (_, lookup, _)| {
                let text = format!(
                    "{}. A {}",
                    lookup.name,
                    lookup.addresses.first().copied().unwrap_or(Ipv4Addr::UNSPECIFIED)
                );
                finding.evidence(Evidence::quoting(&lookup.evidence, text))
            });
        out.find(
            finding.actor(Actor::Network).remedy(
                Remedy::step(
                    "Ask through a recursive resolver of your own that does not forward to a public one, or register for \
                     the list's own access.",
                )
                .setting("engine run --resolver IP …"),
            ),
        );
        return Part::Told;
    }
    let good: Vec<&str> =
        read.iter().filter(|(_, _, r)| matches!(r, Reading::Serves)).map(|(zone, ..)| *zone).collect();
    if !good.is_empty() {
        return Part::Good(format!("blocklists answer ({})", good.join(", ")));
    }
    let Some((zone, lookup, reading)) = read.first() else { return Part::Left };
    let cause = match reading {
        Reading::Foreign(address) => {
            Cause::new(CauseKind::Malformed, format!("{zone} is said to answer {address}, which no blocklist does"))
        }
        _ => Cause::new(CauseKind::ServerFailure, format!("{zone} does not list even its test entry")),
    };
    let cause = lookup.cause.clone().unwrap_or_else(|| cause.seen_in(&lookup.evidence));
    out.unknown(Unknown::new(resolver(), "whether blocklists answer this resolver", cause));
    Part::Told
}

enum Reading {
    /// It lists its test entry.
    Serves,
    /// It refuses the resolver, with this address, which means that.
    Refused(Ipv4Addr, &'static str),
    /// No blocklist answers so (RFC 5782 §2.1).
    Foreign(Ipv4Addr),
    /// No answer, or no listing.
    Nothing,
}

impl Reading {
    fn of(lookup: &Lookup) -> Self {
        for address in &lookup.addresses {
            match address.octets() {
                [127, 255, 255, 252] => {
                    return Reading::Refused(*address, "it does not know the zone that was asked for");
                }
                [127, 255, 255, 254] => return Reading::Refused(*address, "it does not serve public resolvers"),
                [127, 255, 255, 255] => return Reading::Refused(*address, "this resolver asks it too much"),
                [127, 255, 255, _] => return Reading::Refused(*address, "it refuses this resolver"),
                [127, ..] => {}
                _ => return Reading::Foreign(*address),
            }
        }
        if lookup.addresses.is_empty() { Reading::Nothing } else { Reading::Serves }
    }
}
