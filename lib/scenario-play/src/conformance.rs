//! What every check must keep, whoever made it: held against its manifest, its
//! pages and its behaviour in bad networks.

use std::time::Duration;

use engine_core::{
    registry::{Registered, Registry},
    report::Report,
    schema::misfit,
};
use engine_lab::{Lab, World};
use engine_plugin_api::{Input, Outcome, Target};
use serde_json::json;

use crate::{PlayError, faults, misbehaviour, order, page_faults, run, scenarios};

/// One thing that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// What must be so.
    pub name: String,
    /// What is not so, one a line; empty when it is.
    pub faults: Vec<String>,
}

/// Where no name can be resolved and nobody listens.
const DEAD: &str = "[[fault]]\nname = \"*\"\nanswer = \"servfail\"\n";
/// Where every question is left waiting.
const SILENT: &str = "[[fault]]\nname = \"*\"\nanswer = \"timeout\"\n";
/// The deadline of a check that is told to stop, shorter than any answer of [`SILENT`].
const SHORT: Duration = Duration::from_millis(300);

/// Tries everything with the check `id`, and gives each trial as it ends to `told`.
pub async fn conformance(registry: &Registry, id: &str, mut told: impl FnMut(Trial)) {
    let Some(check) = registry.check(id) else {
        return told(Trial { name: id.to_owned(), faults: vec!["there is no such check".to_owned()] });
    };
    let mut tell = |name: String, faults: Vec<String>| told(Trial { name: format!("{id}: {name}"), faults });
    tell("a setting that there is not is refused".to_owned(), unknown_setting(check));
    if check.manifest.findings.is_empty() {
        tell("it can find something".to_owned(), vec!["its manifest declares no finding".to_owned()]);
    }
    for spec in &check.manifest.findings {
        tell(format!("{} has a whole page", spec.code), page_faults(spec));
        for scenario in scenarios(spec).unwrap_or_default() {
            let faults = faults(registry, id, &spec.code, &scenario).await;
            tell(format!("{}, {}", spec.code, scenario.name), faults.unwrap_or_else(|error| vec![error.to_string()]));
        }
    }
    if check.manifest.services.is_empty() {
        return;
    }
    let dead = in_world(registry, check, DEAD, Duration::from_secs(30)).await;
    tell("where nothing can be had, it says that it could not tell".to_owned(), with(dead, untold));
    let silent = in_world(registry, check, SILENT, SHORT).await;
    tell("it stops when it is told to".to_owned(), with(silent, misbehaviour));
}

fn with(report: Result<Report, PlayError>, judge: impl FnOnce(&Report) -> Vec<String>) -> Vec<String> {
    match report {
        Ok(report) => judge(&report),
        Err(error) => vec![error.to_string()],
    }
}

fn unknown_setting(check: &Registered) -> Vec<String> {
    let odd = json!({ "no-such-setting-as-this": 1 });
    match misfit(&check.manifest.config_schema, &odd) {
        Some(_) => Vec::new(),
        None => vec![
            "its schema takes any setting, so that a mistyped one goes unnoticed: \
                      it must say `\"additionalProperties\": false`"
                .to_owned(),
        ],
    }
}

/// Runs the check with its default settings on what it needs, in a world that has nothing.
async fn in_world(
    registry: &Registry,
    check: &Registered,
    world: &str,
    deadline: Duration,
) -> Result<Report, PlayError> {
    let world = World::parse(world).map_err(|error| PlayError::Lab(error.to_string()))?;
    let lab = Lab::start(&world).await.map_err(|error| PlayError::Lab(error.to_string()))?;
    let target = wanted(&check.manifest.inputs);
    let mut order = order(target, &[&check.manifest.id], [].into());
    order.deadline = deadline;
    let finished = run(registry, &lab, order).await?;
    lab.stop().await;
    Ok(finished.report)
}

/// A target with all that the first group of `inputs` names.
fn wanted(inputs: &[Vec<Input>]) -> Target {
    let mut target = Target { shown: "dead.example".to_owned(), ..Target::default() };
    let mailbox = || Some("postmaster@dead.example".to_owned());
    for input in inputs.first().into_iter().flatten() {
        match input {
            Input::Domain => target.domain = Some("dead.example".to_owned()),
            Input::Ip => target.ip = Some([25, 25, 9, 9].into()),
            Input::Sender => target.sender = mailbox(),
            Input::Recipient => target.recipient = mailbox(),
            Input::Reply => target.reply = Some("550 5.1.1 no such user".to_owned()),
            Input::Message => {
                let text = "From: postmaster@dead.example\r\nSubject: a message\r\n\r\ntext\r\n";
                target.message = Some(engine_plugin_api::Message::new("message.eml", text.as_bytes()));
            }
            Input::Unknown => {}
        }
    }
    target
}

fn untold(report: &Report) -> Vec<String> {
    let mut faults = misbehaviour(report);
    let outcome = report.checks.iter().map(|check| &check.outcome).next();
    match outcome {
        Some(Outcome::Clean) => faults.push("it found all clean".to_owned()),
        Some(Outcome::NotApplicable { .. }) => {}
        _ if report.could_not_tell.is_empty() => faults.push("it did not say that it could not tell".to_owned()),
        _ => {}
    }
    faults
}
