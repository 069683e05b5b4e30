//! Profiles: which checks a run makes, and how their findings weigh.

use std::collections::BTreeMap;

use engine_plugin_api::Severity;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de::Error};
use serde_json::Value;

use crate::guide::Guide;

/// The checks of a profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected `\"all\"` or a list of check ids")]
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
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "severities")]
    pub severities: BTreeMap<String, Severity>,
    /// What to leave out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mute: Vec<Mute>,
    /// Settings of checks, by id; those of `[checks]` and of the command line
    /// come before them, key by key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, Value>,
    /// The questions that it answers, for a profile that follows a symptom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guide: Option<Guide>,
}

impl Profile {
    /// Every check, with settings and severities as they are, nothing muted.
    pub fn of_all_checks() -> Self {
        Profile {
            summary: String::new(),
            checks: Selection::All(All::All),
            severities: BTreeMap::new(),
            mute: Vec::new(),
            settings: BTreeMap::new(),
            guide: None,
        }
    }

    /// The settings of the checks: `own` over those of the profile.
    pub fn under(&self, own: &BTreeMap<String, Value>) -> BTreeMap<String, Value> {
        let mut settings = self.settings.clone();
        for (id, own) in own {
            match (settings.get_mut(id), own) {
                (Some(Value::Object(under)), Value::Object(own)) => under.extend(own.clone()),
                _ => {
                    settings.insert(id.clone(), own.clone());
                }
            }
        }
        settings
    }
}

/// A severity as a user writes it: one that there is none of is a mistake, and
/// not, as in a report of a later version, a warning.
struct Written(Severity);

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const WORDS: &[&str] = &["pass", "info", "notice", "warning", "error", "critical"];
        let word = String::deserialize(deserializer)?;
        Severity::from_word(&word).map(Written).ok_or_else(|| D::Error::unknown_variant(&word, WORDS))
    }
}

fn severities<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Severity>, D::Error> {
    let written = BTreeMap::<String, Written>::deserialize(deserializer)?;
    Ok(written.into_iter().map(|(code, Written(severity))| (code, severity)).collect())
}

/// Reads a severity that is set, if any is.
///
/// # Errors
/// For a word that names none.
pub(crate) fn severity<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Severity>, D::Error> {
    Ok(Option::<Written>::deserialize(deserializer)?.map(|Written(severity)| severity))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_users_settings_come_before_those_of_the_profile_key_by_key() {
        let map = |value: Value| serde_json::from_value::<BTreeMap<String, Value>>(value).unwrap_or_default();
        let profile =
            Profile { settings: map(json!({ "a": { "x": 1, "y": 2 }, "b": { "z": 3 } })), ..Profile::of_all_checks() };
        let own = map(json!({ "a": { "y": 9 }, "c": { "w": 4 } }));
        let all = map(json!({ "a": { "x": 1, "y": 9 }, "b": { "z": 3 }, "c": { "w": 4 } }));
        assert_eq!(profile.under(&own), all);
    }
}
