//! The plan of a run: which checks it makes, and why not the others.

use engine_plugin_api::{Input, SideEffect, Target, services::SMTP_SURVEY};
use serde::{Deserialize, Serialize};

use crate::{profile::Profile, registry::Registry, suggest::hint};

/// What the user chose beside the profile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// Exactly these checks, whatever the profile says; empty for the profile's.
    pub only: Vec<String>,
    /// Not these.
    pub skip: Vec<String>,
}

/// A check id that there is none of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no check `{id}`{hint}")]
pub struct UnknownCheck {
    /// The id as given.
    pub id: String,
    /// The nearest id, as a question; possibly empty.
    pub hint: String,
}

/// A check that will be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Planned {
    /// Its id.
    pub id: String,
    /// What it may do to others.
    pub side_effect: SideEffect,
    /// Third parties that learn the target.
    pub discloses_to: Vec<String>,
}

/// A check that will not be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// Its id.
    pub id: String,
    /// Why, as a fragment: `needs a recipient (--recipient)`.
    pub why: String,
}

/// What a run will do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The checks that will be made, in the order of their ids.
    pub checks: Vec<Planned>,
    /// The checks that will not, in the order of their ids.
    pub skipped: Vec<Skipped>,
    /// Whether any of the checks surveys mail exchangers, so that all share that
    /// session.
    pub surveys: bool,
}

impl Plan {
    /// Plans a run.
    ///
    /// # Errors
    /// When `choice` names a check that there is none of.
    pub fn make(
        registry: &Registry,
        profile: &Profile,
        choice: &Choice,
        target: &Target,
    ) -> Result<Plan, UnknownCheck> {
        for id in choice.only.iter().chain(&choice.skip) {
            if registry.check(id).is_none() {
                return Err(UnknownCheck { id: id.clone(), hint: hint(id, registry.ids()) });
            }
        }
        let mut plan = Plan::default();
        for check in registry.iter() {
            let manifest = &check.manifest;
            let id = manifest.id.clone();
            let named = choice.only.contains(&id);
            let why = if choice.skip.contains(&id) {
                Some("left out with --skip".to_owned())
            } else if !choice.only.is_empty() && !named {
                Some("not among --only".to_owned())
            } else if choice.only.is_empty() && !profile.checks.holds(&id) {
                Some("not in this profile".to_owned())
            } else {
                missing(&manifest.inputs, target)
            };
            match why {
                Some(why) => plan.skipped.push(Skipped { id, why }),
                None => {
                    plan.surveys |= manifest.services.iter().any(|service| service == SMTP_SURVEY);
                    plan.checks.push(Planned {
                        id,
                        side_effect: manifest.side_effect,
                        discloses_to: manifest.discloses_to.clone(),
                    });
                }
            }
        }
        Ok(plan)
    }
}

/// What the target lacks for any of the groups; `None` when one is complete.
fn missing(groups: &[Vec<Input>], target: &Target) -> Option<String> {
    if groups.is_empty() || groups.iter().any(|group| group.iter().all(|input| input.is_in(target))) {
        return None;
    }
    let group = |group: &Vec<Input>| group.iter().map(|input| input.phrase()).collect::<Vec<_>>().join(" and ");
    Some(format!("needs {}", groups.iter().map(group).collect::<Vec<_>>().join(", or ")))
}
