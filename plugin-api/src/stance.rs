//! What a sender that holds to a policy does with a mail exchanger: the cells of
//! a report's policy matrix.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::evidence::EvidenceId;

/// What a sender does that holds to one policy, with one mail exchanger.
///
/// A check that judges a policy sends one for each exchange; the engine joins
/// those of all checks into the report's matrix, exchanges down, policies across.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stance {
    /// The exchange's host name, A-labels without the final dot.
    pub exchange: String,
    /// The preference of its MX record; absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preference: Option<u16>,
    /// The policy: `certificate` (a certificate of a public authority that names
    /// the exchange), `mta-sts`, `dane`, or a plugin's own word.
    pub policy: String,
    /// What the sender does.
    pub verdict: Delivery,
    /// Why, as a fragment, for example `certificate expired`.
    pub why: String,
    /// The observations that it rests on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<EvidenceId>,
}

/// What a sender does that holds to a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Delivery {
    /// It authenticates the exchange and delivers.
    Deliver,
    /// The policy asks nothing of it here: it delivers as any sender does.
    NoPolicy,
    /// It does not deliver now and tries again: what stands in the way may pass
    /// without anybody changing anything.
    Defer,
    /// It does not deliver to this exchange as long as things are as they are.
    Refuse,
    /// It could not be told; also any word that this version does not know.
    #[serde(other)]
    CouldNotTell,
}

impl Delivery {
    /// How a person reads it, for example `could not tell`.
    pub fn phrase(self) -> &'static str {
        match self {
            Delivery::Deliver => "deliver",
            Delivery::NoPolicy => "no policy",
            Delivery::Defer => "defer",
            Delivery::Refuse => "refuse",
            Delivery::CouldNotTell => "could not tell",
        }
    }
}

impl Stance {
    /// What a sender that holds to `policy` does with `exchange`.
    pub fn new(
        exchange: impl Into<String>,
        policy: impl Into<String>,
        verdict: Delivery,
        why: impl Into<String>,
    ) -> Self {
        let (exchange, policy, why) = (exchange.into(), policy.into(), why.into());
        Stance { exchange, preference: None, policy, verdict, why, evidence: Vec::new() }
    }

    /// Names the preference of the exchange's MX record.
    pub fn preference(mut self, preference: Option<u16>) -> Self {
        self.preference = preference;
        self
    }

    /// Names an observation.
    pub fn seen_in(mut self, id: &EvidenceId) -> Self {
        if !id.0.is_empty() && !self.evidence.contains(id) {
            self.evidence.push(id.clone());
        }
        self
    }
}
