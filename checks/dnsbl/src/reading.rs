//! What an answer of a list means.

use std::net::Ipv4Addr;

use engine_plugin_api::Actor;

use crate::catalogue::{Impact, List, RefusalKind, Role};

/// An answer, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Listed, for these reasons; never empty.
    Listed(Vec<Reason>),
    /// The list refuses to answer.
    Refused {
        /// What it answered.
        address: Ipv4Addr,
        /// Why.
        why: RefusalKind,
        /// What it says with that, as a fragment.
        means: String,
    },
    /// The answer lies outside 127.0.0.0/8, where no listing can (RFC 5782
    /// §2.1): the zone is parked, or the resolver answers in its place.
    Foreign(Ipv4Addr),
    /// Not listed.
    Absent,
}

/// Why something is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The return code.
    pub address: Ipv4Addr,
    /// What it means, as a fragment.
    pub means: String,
    /// What kind of listing it is.
    pub role: Role,
    /// How much mail it costs.
    pub impact: Impact,
    /// Whether the list explains the code.
    pub explained: bool,
    /// Who can end it, where that is not as usual.
    pub actor: Option<Actor>,
    /// What to put right first.
    pub first: Option<String>,
    /// The way off.
    pub how: Option<String>,
}

/// Reads the addresses that `list` answered with. One refusal or one foreign
/// address spoils the whole answer.
pub fn read(list: &List, addresses: &[Ipv4Addr]) -> Reading {
    let mut reasons = Vec::new();
    for &address in addresses {
        if address.octets()[0] != 127 {
            return Reading::Foreign(address);
        }
        if let Some((why, means)) = refusal(list, address) {
            return Reading::Refused { address, why, means };
        }
        reasons.extend(explain(list, address));
    }
    if reasons.is_empty() { Reading::Absent } else { Reading::Listed(reasons) }
}

impl Reading {
    /// Whether it is a listing that says something.
    pub fn says_something(&self) -> bool {
        matches!(self, Reading::Listed(reasons) if reasons.iter().any(|reason| reason.role != Role::Neutral))
    }
}

fn refusal(list: &List, address: Ipv4Addr) -> Option<(RefusalKind, String)> {
    if let Some(refusal) = list.refusals.iter().find(|refusal| refusal.is.matches(address)) {
        return Some((refusal.why, refusal.means.clone()));
    }
    let explained = list.codes.is_empty() || list.codes.iter().any(|code| code.is.matches(address));
    if address == Ipv4Addr::LOCALHOST && !explained {
        // SURBL, URIBL and others refuse so, and filters that block names answer so.
        return Some((RefusalKind::Resolver, "no listing, but how lists and filtering resolvers refuse".to_owned()));
    }
    // Spamhaus defined these, and Validity, Abusix and others follow.
    let (why, means) = match address.octets() {
        [127, 255, 255, 252] => (RefusalKind::Question, "the name of the zone is wrong"),
        [127, 255, 255, 254] => (
            RefusalKind::Resolver,
            "the question came through a public resolver, or from one without a name of its own",
        ),
        [127, 255, 255, 255] => (RefusalKind::Quota, "this resolver asks too much, or is not registered"),
        [127, 255, 255, _] => (RefusalKind::Resolver, "an error code, no listing"),
        _ => return None,
    };
    Some((why, means.to_owned()))
}

/// The reasons behind one return code: every bit that is set, or else the
/// first row that fits.
fn explain(list: &List, address: Ipv4Addr) -> Vec<Reason> {
    let fitting = || list.codes.iter().filter(|code| code.is.matches(address));
    let bits = fitting().filter(|code| code.is.tests_bits());
    let exact = fitting().filter(|code| !code.is.tests_bits()).take(1);
    let mut reasons: Vec<Reason> = exact
        .chain(bits)
        .map(|code| Reason {
            address,
            means: code.means.clone(),
            role: code.role.unwrap_or(list.role),
            impact: code.impact.unwrap_or(list.impact),
            explained: true,
            actor: code.actor.or(list.actor),
            first: code.first.clone().or_else(|| list.first.clone()),
            how: code.how.clone().or_else(|| list.how.clone()),
        })
        .collect();
    if reasons.is_empty() {
        // To be known to an allow list by an unknown code is no trust.
        let role = if list.is_allow_list() && !list.codes.is_empty() { Role::Neutral } else { list.role };
        let means = if list.codes.is_empty() { "listed" } else { "a return code that the list does not explain" };
        reasons.push(Reason {
            address,
            means: means.to_owned(),
            role,
            // The list may mean anything by it, so it must not weigh like a known listing.
            impact: if list.codes.is_empty() { list.impact } else { list.impact.min(Impact::Medium) },
            explained: list.codes.is_empty(),
            actor: list.actor,
            first: list.first.clone(),
            how: list.how.clone(),
        });
    }
    reasons
}
