//! Whether a list may be believed: its test entries, judged (RFC 5782 §5).

use engine_plugin_api::{Cause, CauseKind, EvidenceId};

use crate::{
    catalogue::{Canary, Ipv6, List, Object, RefusalKind, Role},
    facts::{Answer, CanaryFacts, Facts, ListFacts, What},
    reading::{Reading, read},
    settings::Plan,
};

/// Whether the answers of a list about something count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gate {
    /// They do.
    Open,
    /// The list holds no addresses of that family.
    NotHeld,
    /// They do not, and why.
    Shut(Trouble),
}

/// Why a list tells nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// The kind, by which troubles are put together.
    pub kind: TroubleKind,
    /// What was seen of it, as a clause that follows the list's name, for
    /// example `answers 127.255.255.254: …`.
    pub detail: String,
    /// The observation.
    pub evidence: Option<EvidenceId>,
}

/// What kind of trouble it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TroubleKind {
    /// It refuses our resolver.
    Resolver,
    /// Our resolver asks it too much.
    Quota,
    /// It takes the question for wrong.
    Question,
    /// It lists its counter-entry as well: all look listed.
    ListsEverything,
    /// It lists nothing, not even its test entry: all look clean.
    Silent,
    /// It lists its counter-entry and not its test entry.
    Inverted,
    /// It answers what no list can answer.
    Foreign,
    /// The resolver answers in its place, see [`resolver_invents`].
    Invented,
    /// The DNS gave no answer, for this cause.
    Network(NetworkKind),
}

/// How the DNS failed: [`CauseKind`] in an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the words of CauseKind")]
pub enum NetworkKind {
    Refused,
    Timeout,
    ServerFailure,
    Unreachable,
    Malformed,
    Truncated,
    Bogus,
    Other(u8),
}

impl Trouble {
    /// No answer came, for `cause`.
    pub fn network(cause: &Cause) -> Self {
        let kind = match cause.kind {
            CauseKind::Refused => NetworkKind::Refused,
            CauseKind::Timeout => NetworkKind::Timeout,
            CauseKind::ServerFailure => NetworkKind::ServerFailure,
            CauseKind::Unreachable => NetworkKind::Unreachable,
            CauseKind::Malformed => NetworkKind::Malformed,
            CauseKind::Truncated => NetworkKind::Truncated,
            CauseKind::Bogus => NetworkKind::Bogus,
            CauseKind::Denied => NetworkKind::Other(0),
            CauseKind::Interrupted => NetworkKind::Other(1),
            CauseKind::NotRecorded => NetworkKind::Other(2),
            _ => NetworkKind::Other(3),
        };
        Trouble {
            kind: TroubleKind::Network(kind),
            detail: format!("does not answer ({})", cause.detail),
            evidence: cause.evidence.clone(),
        }
    }

    /// What spoils `answer` of `list`, if anything does.
    pub fn of(list: &List, answer: &Answer) -> Option<Trouble> {
        match answer {
            Answer::Absent => None,
            Answer::Unanswered(cause) => Some(Trouble::network(cause)),
            Answer::Addresses { evidence, addresses, .. } => {
                let (kind, detail) = match read(list, addresses) {
                    Reading::Refused { address, why, means } => {
                        let kind = match why {
                            RefusalKind::Resolver => TroubleKind::Resolver,
                            RefusalKind::Quota => TroubleKind::Quota,
                            RefusalKind::Question => TroubleKind::Question,
                        };
                        (kind, format!("answers {address}: {means}"))
                    }
                    Reading::Foreign(address) => {
                        (TroubleKind::Foreign, format!("answers {address}, which no listing can be (RFC 5782 §2.1)"))
                    }
                    Reading::Listed(_) | Reading::Absent => return None,
                };
                Some(Trouble { kind, detail, evidence: Some(evidence.clone()) })
            }
        }
    }

    /// The cause for the report.
    pub fn cause_kind(&self) -> CauseKind {
        match self.kind {
            TroubleKind::Resolver | TroubleKind::Question | TroubleKind::Invented => CauseKind::OurSide,
            TroubleKind::Quota => CauseKind::RateLimited,
            TroubleKind::Silent => CauseKind::ServerFailure,
            TroubleKind::ListsEverything | TroubleKind::Inverted | TroubleKind::Foreign => CauseKind::Malformed,
            TroubleKind::Network(kind) => match kind {
                NetworkKind::Refused => CauseKind::Refused,
                NetworkKind::Timeout => CauseKind::Timeout,
                NetworkKind::ServerFailure => CauseKind::ServerFailure,
                NetworkKind::Unreachable => CauseKind::Unreachable,
                NetworkKind::Malformed => CauseKind::Malformed,
                NetworkKind::Truncated => CauseKind::Truncated,
                NetworkKind::Bogus => CauseKind::Bogus,
                NetworkKind::Other(0) => CauseKind::Denied,
                NetworkKind::Other(1) => CauseKind::Interrupted,
                NetworkKind::Other(2) => CauseKind::NotRecorded,
                NetworkKind::Other(_) => CauseKind::Other,
            },
        }
    }
}

/// Whether what `list` says of `subject` counts.
pub fn gate(list: &List, facts: &ListFacts, subject: &What) -> Gate {
    if !holds(list, subject) {
        return Gate::NotHeld;
    }
    if !list.has_canary() {
        return Gate::Open;
    }
    let canary = if subject.is_ipv6() { &facts.canary_ipv6 } else { &facts.canary };
    match canary.as_ref().map(|canary| judge(list, canary)) {
        None => Gate::NotHeld,
        Some(None) => Gate::Open,
        Some(Some(trouble)) => {
            // A list that works, is not known to hold IPv6 and lacks that test entry does not hold it.
            if subject.is_ipv6() && list.ipv6 == Ipv6::Untold && trouble.kind == TroubleKind::Silent {
                return match facts.canary.as_ref().and_then(|canary| judge(list, canary)) {
                    Some(trouble) => Gate::Shut(trouble),
                    None => Gate::NotHeld,
                };
            }
            Gate::Shut(trouble)
        }
    }
}

/// Whether the resolver makes up answers for names that do not exist: the
/// counter-entries of three operators or more are answered, and none is
/// absent. Unrelated lists do not fail like that on one day. An error code of
/// a list (127.255.255.x) is its own answer.
pub fn resolver_invents(facts: &Facts, plan: &Plan) -> bool {
    let mut operators = Vec::new();
    for (asked, list) in plan.lists.iter().zip(&facts.lists) {
        for counter in list.canary.iter().chain(&list.canary_ipv6).filter_map(|canary| canary.unlisted.as_ref()) {
            match counter {
                Answer::Absent => return false,
                Answer::Addresses { addresses, .. }
                    if !addresses.iter().all(|address| address.octets()[..3] == [127, 255, 255]) =>
                {
                    operators.push(operator(&asked.list.zone));
                }
                _ => {}
            }
        }
    }
    operators.sort_unstable();
    operators.dedup();
    operators.len() >= 3
}

/// The last two labels, by which zones of one operator are put together.
pub(crate) fn operator(zone: &str) -> &str {
    zone.rmatch_indices('.').nth(1).map_or(zone, |(at, _)| &zone[at + 1..])
}

/// Whether `list` can hold what `subject` is, as far as the catalogue knows.
pub fn holds(list: &List, subject: &What) -> bool {
    match (list.object, subject.is_domain(), subject.is_ipv6()) {
        (Object::Domain, is_domain, _) => is_domain,
        (Object::Ip, true, _) => false,
        (Object::Ip, false, true) => match list.ipv6 {
            Ipv6::Yes | Ipv6::Only => true,
            Ipv6::No => false,
            Ipv6::Untold => list.canary != Canary::None,
        },
        (Object::Ip, false, false) => list.ipv6 != Ipv6::Only,
    }
}

/// What is wrong with the test entries; `None`: nothing.
fn judge(list: &List, canary: &CanaryFacts) -> Option<Trouble> {
    let answers = || canary.listed.iter().chain(&canary.unlisted);
    let spoilt = answers().filter(|answer| !matches!(answer, Answer::Unanswered(_)));
    if let Some(trouble) = spoilt.filter_map(|answer| Trouble::of(list, answer)).next() {
        return Some(trouble);
    }
    let listed = list.canary == Canary::None || canary.listed.iter().any(|answer| shows(list, answer));
    let counter = canary.unlisted.as_ref().filter(|answer| says_something(list, answer));
    let unanswered = answers().find(|answer| matches!(answer, Answer::Unanswered(_)));
    let (kind, detail, evidence) = match (listed, counter) {
        (true, None) => {
            let counter = canary.unlisted.as_ref().filter(|answer| matches!(answer, Answer::Unanswered(_)));
            return counter.and_then(|answer| Trouble::of(list, answer));
        }
        (false, None) if unanswered.is_some() => return unanswered.and_then(|answer| Trouble::of(list, answer)),
        (true, Some(answer)) => {
            (TroubleKind::ListsEverything, "lists even the entry that must never be listed", evidence(answer))
        }
        (false, Some(answer)) => (
            TroubleKind::Inverted,
            "lists the entry that must never be listed, and not the one that must be",
            evidence(answer),
        ),
        (false, None) => (TroubleKind::Silent, "does not list even its test entry, so that all look clean", None),
    };
    Some(Trouble { kind, detail: detail.to_owned(), evidence })
}

/// Whether the test entry is listed as the list would list: a blocklist that
/// calls it harmless shows nothing.
fn shows(list: &List, answer: &Answer) -> bool {
    let Answer::Addresses { addresses, .. } = answer else { return false };
    match read(list, addresses) {
        Reading::Listed(reasons) => list.role != Role::Block || reasons.iter().any(|reason| reason.role != Role::Allow),
        _ => false,
    }
}

/// Whether the counter-entry is listed in the sense of the list: an allow list
/// or a reputation list may well know 127.0.0.1 as harmless.
fn says_something(list: &List, answer: &Answer) -> bool {
    let Answer::Addresses { addresses, .. } = answer else { return false };
    match read(list, addresses) {
        Reading::Listed(reasons) => reasons
            .iter()
            .any(|reason| reason.role != Role::Neutral && (list.is_allow_list() || reason.role != Role::Allow)),
        _ => false,
    }
}

fn evidence(answer: &Answer) -> Option<EvidenceId> {
    match answer {
        Answer::Addresses { evidence, .. } => Some(evidence.clone()),
        Answer::Absent | Answer::Unanswered(_) => None,
    }
}
