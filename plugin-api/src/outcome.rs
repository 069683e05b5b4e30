//! How a check ends, and what it could not tell.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    evidence::EvidenceId,
    finding::{Finding, Subject},
    stance::Stance,
};

/// Why something could not be determined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CauseKind {
    /// No answer in time.
    Timeout,
    /// The other side answered that it will not answer us.
    Refused,
    /// The other side answered that it failed (SERVFAIL, a 4xx that is no greylisting).
    ServerFailure,
    /// No connection, or it broke.
    Unreachable,
    /// An answer came that cannot be read.
    Malformed,
    /// An answer came cut short, and the rest could not be had.
    Truncated,
    /// DNSSEC validation failed.
    Bogus,
    /// The other side slows us down or limits how often we may ask.
    RateLimited,
    /// Our own side prevents the question: a blocked port, a resolver that the list refuses, no IPv6.
    OurSide,
    /// A setting or a given word is needed first: a key, a recipient, a duration.
    NeedsInput,
    /// Our own rules forbid the question: address policy, question budget.
    Denied,
    /// The check ran into its deadline.
    Deadline,
    /// The run was interrupted.
    Interrupted,
    /// The check itself failed: a panic, or a fault in a plugin.
    CheckFailed,
    /// The recording that is replayed does not hold this question.
    NotRecorded,
    /// A cause that this version does not know.
    #[serde(other)]
    Other,
}

/// Why something could not be determined, with what was seen of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Cause {
    /// The kind of obstacle.
    pub kind: CauseKind,
    /// What was seen, as a lower-case fragment, for example `no answer from 192.0.2.1 in 5 s`.
    pub detail: String,
    /// The observation, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<EvidenceId>,
}

impl Cause {
    /// A cause without an observation behind it.
    pub fn new(kind: CauseKind, detail: impl Into<String>) -> Self {
        Cause { kind, detail: detail.into(), evidence: None }
    }

    /// Names the observation.
    pub fn seen_in(mut self, id: &EvidenceId) -> Self {
        self.evidence = Some(id.clone());
        self
    }
}

/// Something that a check wanted to know and could not.
///
/// It is reported in a section of its own, never as pass and never as fail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unknown {
    /// What it is about.
    pub subject: Subject,
    /// What could not be told, as a fragment that fits after "could not tell",
    /// for example `whether mail.example.org has an address`.
    pub what: String,
    /// Why.
    pub cause: Cause,
    /// What to do to find out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

impl Unknown {
    /// Something unknown, and why.
    pub fn new(subject: Subject, what: impl Into<String>, cause: Cause) -> Self {
        Unknown { subject, what: what.into(), cause, advice: None }
    }

    /// Says what to do to find out.
    pub fn advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }
}

/// A fact that was asked for: seen, or unknown for a cause.
///
/// "Seen to be absent" (NXDOMAIN, NODATA) is `Known` of an empty value: the
/// difference between *there is none* and *could not tell* is this type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Observed<T> {
    /// What was seen.
    Known(T),
    /// Nothing was learnt, and why.
    Unknown(Cause),
}

impl<T> Observed<T> {
    /// The value, if it is known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Observed::Known(value) => Some(value),
            Observed::Unknown(_) => None,
        }
    }

    /// The cause, if it is unknown.
    pub fn unknown(&self) -> Option<&Cause> {
        match self {
            Observed::Known(_) => None,
            Observed::Unknown(cause) => Some(cause),
        }
    }

    /// Applies `f` to a known value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Observed<U> {
        match self {
            Observed::Known(value) => Observed::Known(f(value)),
            Observed::Unknown(cause) => Observed::Unknown(cause),
        }
    }
}

/// What a judge says of the facts: findings, and what could not be told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    /// What was found.
    pub findings: Vec<Finding>,
    /// What could not be told.
    pub unknowns: Vec<Unknown>,
    /// What senders that hold to a policy do with each exchange.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stances: Vec<Stance>,
}

impl Judgement {
    /// Adds a finding.
    pub fn find(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Adds something that could not be told.
    pub fn unknown(&mut self, unknown: Unknown) {
        self.unknowns.push(unknown);
    }
}

/// How a check ends, beside the findings and unknowns that it has sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Outcome {
    /// It found something.
    Findings,
    /// It looked at everything it had to and found nothing.
    Clean,
    /// There is nothing here for it to look at.
    NotApplicable {
        /// Why, as a fragment that fits after "not applicable:".
        why: String,
    },
    /// It could not come to any result.
    CouldNotTell {
        /// Why.
        cause: Cause,
    },
}
