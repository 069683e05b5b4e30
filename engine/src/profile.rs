//! Profiles: which checks a run makes, and how their findings weigh.

use std::collections::BTreeMap;

use engine_plugin_api::Severity;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The checks of a profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Selection {
    /// `"all"`.
    All(All),
    /// The ids.
    These(Vec<String>),
}

/// The word `all`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum All {
    /// Every check that there is.
    All,
}

impl Selection {
    /// Whether check `id` belongs to it.
    pub fn holds(&self, id: &str) -> bool {
        match self {
            Selection::All(All::All) => true,
            Selection::These(ids) => ids.iter().any(|one| one == id),
        }
    }
}

/// Findings that the user has decided to leave out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mute {
    /// The public code.
    pub code: String,
    /// Only about this subject (its bare name); any without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Why, for whoever reads the settings next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// What it is for, in one line.
    #[serde(default)]
    pub summary: String,
    /// The checks that it makes.
    pub checks: Selection,
    /// Severities by public code, in place of the findings' own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub severities: BTreeMap<String, Severity>,
    /// What to leave out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mute: Vec<Mute>,
}
