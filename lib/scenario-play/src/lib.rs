//! Plays scenarios on the lab, and says what differs from what they expect.
//!
//! The engine's own tests and `engine plugin test` use this very code, so that
//! a plugin's pages are held to what ours are held to.

mod conformance;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use engine_core::{
    net::{Answer, NetOptions, Routes},
    plan::Choice,
    profile::Profile,
    recording::Journal,
    registry::{Registry, public_code},
    report::Report,
    schema::misfit,
    session::{self, Finished, Network, Order, RunError},
};
use engine_lab::{Kind, Lab, Scenario, ScenarioTarget, WorldError};
use engine_plugin_api::{
    CauseKind, FindingSpec, Message, Severity, Target,
    services::{RecordType, Transport},
};
use serde_json::Value;

pub use conformance::{Trial, conformance};

/// The sections of a page, in their order.
pub const SECTIONS: [&str; 6] =
    ["What it means", "Why it matters", "How to fix it", "When to ignore it", "Source", "Scenarios"];

/// The kinds of scenario of which each page has one at least.
pub const KINDS: [Kind; 3] = [Kind::Fires, Kind::NearMiss, Kind::NetworkFault];

/// Why a scenario could not be played.
#[derive(Debug, thiserror::Error)]
pub enum PlayError {
    /// There is no such check.
    #[error("there is no check `{0}`")]
    NoCheck(String),
    /// The settings do not fit the check's schema.
    #[error("settings{pointer}: {message}")]
    Settings {
        /// Where.
        pointer: String,
        /// What is wrong.
        message: String,
    },
    /// The settings or the target say what cannot be.
    #[error("{0}")]
    Scenario(String),
    /// The lab could not be started.
    #[error("the lab could not be started: {0}")]
    Lab(String),
    /// The run could not be begun.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The report could not be written.
    #[error("the report could not be written: {0}")]
    Report(#[from] serde_json::Error),
}

/// A run of one check in the world of a scenario.
pub struct Played {
    /// The run.
    pub finished: Finished,
    /// What a check must not do: ask twice, send DATA.
    pub impolite: Vec<String>,
}

/// Runs `check` in the world of `scenario`, with its settings.
///
/// # Errors
/// When it could not be run at all.
pub async fn play(registry: &Registry, check: &str, scenario: &Scenario) -> Result<Played, PlayError> {
    let registered = registry.check(check).ok_or_else(|| PlayError::NoCheck(check.to_owned()))?;
    let settings = serde_json::to_value(&scenario.settings)?;
    if let Some((pointer, message)) = misfit(&registered.manifest.config_schema, &settings) {
        return Err(PlayError::Settings { pointer, message });
    }
    let target = target(&scenario.target).map_err(|error| PlayError::Scenario(error.to_string()))?;
    let lab = Lab::start(&scenario.world).await.map_err(|error| PlayError::Lab(error.to_string()))?;
    let finished = run(registry, &lab, order(target, &[check], [(check.to_owned(), settings)].into())).await?;
    let mut impolite = asked_twice(&lab, &finished.recording.journal);
    let sessions = lab.sessions();
    let commands = sessions.iter().flat_map(|session| &session.commands);
    if commands.into_iter().any(|command| command.to_ascii_uppercase().starts_with("DATA")) {
        impolite.push("DATA was sent".to_owned());
    }
    lab.stop().await;
    Ok(Played { finished, impolite })
}

/// Plays `scenario` of the page `code` of `check`, replays it, and gives all
/// that differs from what it must be, one a line; empty when it is right.
///
/// # Errors
/// When it could not be run at all.
pub async fn faults(
    registry: &Registry,
    check: &str,
    code: &str,
    scenario: &Scenario,
) -> Result<Vec<String>, PlayError> {
    let Played { finished, impolite } = play(registry, check, scenario).await?;
    let report = &finished.report;
    let mut faults = differences(check, code, scenario, report);
    faults.extend(impolite);
    let again = session::replay(registry, finished.recording.clone(), Arc::new(|_| ())).await?;
    if serde_json::to_string(&again.report)? != serde_json::to_string(report)? {
        faults.push("the replay differs from the run".to_owned());
    }
    if !faults.is_empty() {
        faults.push(format!("report: {}", serde_json::to_string_pretty(report)?));
    }
    Ok(faults)
}

/// How `report` differs from what `scenario` of the page `code` expects.
fn differences(check: &str, code: &str, scenario: &Scenario, report: &Report) -> Vec<String> {
    let mut faults = Vec::new();
    // Pages name the codes of their own check without its id.
    let own = |code: &String| public_code(check, code);
    let found: BTreeSet<String> = report.findings.iter().map(|finding| finding.code.clone()).collect();
    let expected: BTreeSet<String> = scenario.expect.iter().map(own).collect();
    let allowed: BTreeSet<String> = scenario.allow.iter().map(own).collect();
    for missing in expected.difference(&found) {
        faults.push(format!("expected and not found: {missing}"));
    }
    for extra in found.difference(&expected).filter(|code| !allowed.contains(*code)) {
        faults.push(format!("found and not expected: {extra}"));
    }
    match (scenario.kind, expected.contains(&public_code(check, code))) {
        (Kind::Fires, false) => faults.push(format!("a scenario that fires must expect {code}")),
        (Kind::NearMiss | Kind::NetworkFault, true) => {
            faults.push(format!("a {:?} scenario must not expect {code}", scenario.kind));
        }
        _ => {}
    }
    if scenario.unknown == report.could_not_tell.is_empty() {
        faults.push(format!("could not tell: expected {}", if scenario.unknown { "something" } else { "nothing" }));
    }
    faults.extend(misbehaviour(report));
    let ids: BTreeSet<_> = report.evidence.iter().map(|entry| &entry.id).collect();
    for finding in &report.findings {
        if finding.severity > Severity::Info && finding.remedy.is_none() {
            faults.push(format!("{} has no remedy", finding.code));
        }
        let named = finding.evidence.iter().filter(|evidence| !evidence.id.0.is_empty());
        for evidence in named.filter(|evidence| !ids.contains(&evidence.id)) {
            faults.push(format!("{} rests on {}, which nobody observed", finding.code, evidence.id));
        }
    }
    faults
}

/// What the check did against its manifest or the host's rules, and how it
/// failed: a check that fails where something is unknown is no less broken.
fn misbehaviour(report: &Report) -> Vec<String> {
    let violations = report.violations.iter().map(|violation| format!("violation: {}", violation.what));
    let failures = report.could_not_tell.iter().filter(|unknown| unknown.cause.kind == CauseKind::CheckFailed);
    violations.chain(failures.map(|unknown| format!("it failed: {}", unknown.cause.detail))).collect()
}

/// What is wrong with a page as a page: a section is missing, empty or out of
/// its place; it has no scenario of some kind, or one that cannot be read.
pub fn page_faults(spec: &FindingSpec) -> Vec<String> {
    let mut faults = Vec::new();
    let mut at = 0;
    for section in SECTIONS {
        match spec.body.get(at..).and_then(|rest| rest.find(&format!("\n## {section}\n"))) {
            None => faults.push(format!("no `## {section}` in its place")),
            Some(found) => {
                at += found;
                if spec.section(section).is_none_or(str::is_empty) {
                    faults.push(format!("`## {section}` is empty"));
                }
            }
        }
    }
    if spec.body.contains("TODO") {
        faults.push("it is not written yet: it has a TODO".to_owned());
    }
    if spec.title.ends_with('.') {
        faults.push("its title ends with a full stop".to_owned());
    }
    match scenarios(spec) {
        Err(error) => faults.push(error.to_string()),
        Ok(scenarios) => {
            let missing = KINDS.iter().filter(|kind| !scenarios.iter().any(|scenario| scenario.kind == **kind));
            faults.extend(missing.map(|kind| format!("no scenario of kind {kind:?}")));
        }
    }
    faults
}

/// The scenarios of a page.
///
/// # Errors
/// When one cannot be read.
pub fn scenarios(spec: &FindingSpec) -> Result<Vec<Scenario>, WorldError> {
    Scenario::all_in_page(spec.section("Scenarios").unwrap_or_default())
}

/// The network that `lab` stands in for, with time-outs short enough for tests.
pub fn net_options(lab: &Lab) -> NetOptions {
    NetOptions {
        dns_timeout: Duration::from_millis(1_500),
        connect_timeout: Duration::from_secs(2),
        greeting_timeout: Duration::from_secs(2),
        reply_timeout: Duration::from_secs(2),
        routes: Some(Routes { map: lab.routes().into_iter().collect() }),
        extra_roots: vec![lab.root_certificate()],
        ehlo: "probe.example".to_owned(),
        ..NetOptions::new(vec![lab.resolver()])
    }
}

/// An order for the checks `only` (all without any) with `settings` by check id.
pub fn order(target: Target, only: &[&str], settings: BTreeMap<String, Value>) -> Order {
    Order {
        target,
        profile_name: "full".to_owned(),
        profile: Profile::of_all_checks(),
        choice: Choice { only: only.iter().map(|&id| id.to_owned()).collect(), skip: Vec::new() },
        settings,
        deadline: Duration::from_secs(30),
        longest_wait: Duration::from_secs(15 * 60),
        options: String::new(),
    }
}

/// Runs `order` over `lab`.
///
/// # Errors
/// As [`session::run`].
pub async fn run(registry: &Registry, lab: &Lab, order: Order) -> Result<Finished, RunError> {
    run_over(registry, &net_options(lab), order).await
}

/// Runs `order` over a lab that `options` lead to.
///
/// # Errors
/// As [`session::run`].
pub async fn run_over(registry: &Registry, options: &NetOptions, order: Order) -> Result<Finished, RunError> {
    let network = Network::new(options, Some("lab".to_owned()));
    let (_keep, interrupt) = tokio::sync::watch::channel(false);
    session::run(registry, &network, order, interrupt, Arc::new(|_| ())).await
}

/// The target that a scenario names.
///
/// # Errors
/// When its address is none.
pub fn target(scenario: &ScenarioTarget) -> Result<Target, std::net::AddrParseError> {
    let mut target = Target {
        shown: scenario.domain.clone().unwrap_or_default(),
        domain: scenario.domain.clone(),
        ip: scenario.ip.as_deref().map(str::parse).transpose()?,
        sender: scenario.sender.clone(),
        recipient: scenario.recipient.clone(),
        helo: scenario.helo.clone(),
        reply: scenario.reply.clone(),
        message: scenario.message.as_ref().map(|text| Message::new("message.eml", text.as_bytes())),
    };
    if target.domain.is_none() {
        target.domain = target.recipient.as_deref().and_then(Target::domain_of);
    }
    Ok(target)
}

/// Questions that the lab received more often than the engine says that it sent
/// them: equal questions of a run are one question, sent again only while no
/// answer has come.
fn asked_twice(lab: &Lab, journal: &Journal) -> Vec<String> {
    let mut sent: BTreeMap<String, usize> = BTreeMap::new();
    for exchange in journal.exchanges.values() {
        if let Answer::Dns(reply) = &exchange.observation.answer {
            for attempt in &reply.attempts {
                let asked = &reply.question;
                let name = plain(&asked.name);
                *sent.entry(format!("{name} {} over {:?}", asked.rtype, attempt.transport)).or_default() += 1;
            }
        }
    }
    let mut received: BTreeMap<String, usize> = BTreeMap::new();
    for question in lab.questions() {
        let transport = match question.transport {
            engine_lab::Transport::Udp => Transport::Udp,
            engine_lab::Transport::Tcp => Transport::Tcp,
        };
        // The lab may know a type by its number alone.
        let rtype = RecordType::from_mnemonic(&question.rtype).map_or(question.rtype, |rtype| rtype.to_string());
        *received.entry(format!("{} {rtype} over {transport:?}", plain(&question.name))).or_default() += 1;
    }
    // A name with a secret in it stands redacted in the journal: it was asked for once.
    let more = received.iter().filter(|(question, times)| **times > sent.get(*question).copied().unwrap_or(1));
    more.map(|(question, times)| format!("asked {times} times: {question}")).collect()
}

/// A name without escapes, of which the lab writes more than the engine does.
fn plain(name: &str) -> String {
    name.replace('\\', "")
}
