//! A diagnosis, `diagnosis/v1`.

use engine_core::report::Reported;
use engine_plugin_api::{Actor, Quote, Remedy};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The `format` of a diagnosis.
pub const FORMAT: &str = "diagnosis/v1";

/// What came of a stated cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// What was looked at is as it should be: the cause is gone, or was never true.
    Refuted,
    /// Nothing that was looked at decides it.
    CouldNotTell,
    /// Something that was measured makes the cause true.
    Confirmed,
}

impl Verdict {
    /// The words for it.
    pub fn words(self) -> &'static str {
        match self {
            Verdict::Refuted => "refuted",
            Verdict::CouldNotTell => "could not tell",
            Verdict::Confirmed => "confirmed",
        }
    }
}

/// Everything that was stated, and what became of each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Diagnosis {
    /// [`FORMAT`].
    pub format: String,
    /// The version of the engine.
    pub engine: String,
    /// What was given, as typed.
    pub given: String,
    /// The causes, in the order in which they were stated.
    pub results: Vec<Result>,
}

impl Diagnosis {
    /// The JSON schema of the format.
    pub fn schema() -> engine_plugin_api::serde_json::Value {
        schemars::schema_for!(Diagnosis).to_value()
    }
}

/// One stated cause, what was measured, and what follows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Result {
    /// The stated cause.
    pub stated: Named,
    /// What the checks found, in the order of the proofs.
    pub measured: Vec<Measured>,
    /// What could not be looked at, and why: `dmarc: this engine has no such check`.
    pub not_measured: Vec<String>,
    /// Whether the cause is true.
    pub verdict: Verdict,
    /// Why, in one sentence.
    pub why: String,
    /// What to do.
    pub remedy: Remedy,
    /// Who must do it.
    pub actor: Actor,
}

/// A stated cause.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Named {
    /// The reason, a word of docs/reference/reasons.md.
    pub reason: String,
    /// What it says.
    pub title: String,
    /// The recipient that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<String>,
    /// The codes, for example `550 5.7.26`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codes: Option<String>,
    /// The words that state it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quote: Option<Quote>,
}

/// What one check found about a cause.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Measured {
    /// The check; `message` for what the returned message itself shows.
    pub check: String,
    /// What it examined, for example `a.example` or `192.0.2.1`.
    pub of: String,
    /// What it says of the cause.
    pub verdict: Verdict,
    /// Whether the cause can be true only where this is confirmed, which alone confirms nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub needed: bool,
    /// Why, in one sentence.
    pub why: String,
    /// The findings that decide, worst first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Reported>,
}
