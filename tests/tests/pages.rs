//! Runs the scenarios of every finding page on the lab, one test each.
//!
//! `cargo test -p engine-tests --test pages -- mx` runs those of one check.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use builtin_checks::registry;
use engine_core::{net::Answer, recording::Journal, registry::Registry, session};
use engine_lab::{Kind, Lab, Scenario};
use engine_plugin_api::{FindingSpec, serde_json, services::Transport};
use libtest_mimic::{Arguments, Failed, Trial};

fn main() -> std::process::ExitCode {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    match registry() {
        Err(error) => trials.push(Trial::test("registry", move || Err(error.to_string().into()))),
        Ok(registry) => {
            for check in registry.iter() {
                for spec in &check.manifest.findings {
                    trials.extend(trials_of(&check.manifest.id, spec));
                }
            }
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn trials_of(check: &str, spec: &FindingSpec) -> Vec<Trial> {
    let name = format!("{check}::{}", spec.code);
    let scenarios = match Scenario::all_in_page(spec.section("Scenarios").unwrap_or_default()) {
        Ok(scenarios) => scenarios,
        Err(error) => return vec![Trial::test(name, move || Err(error.to_string().into()))],
    };
    let mut trials = Vec::new();
    let kinds: Vec<Kind> = scenarios.iter().map(|scenario| scenario.kind).collect();
    trials.push(Trial::test(format!("{name}::has a scenario of each kind"), move || {
        for kind in [Kind::Fires, Kind::NearMiss, Kind::NetworkFault] {
            if !kinds.contains(&kind) {
                return Err(format!("no scenario of kind {kind:?}").into());
            }
        }
        Ok(())
    }));
    for scenario in scenarios {
        let (check, code) = (check.to_owned(), spec.code.clone());
        trials.push(Trial::test(format!("{name}::{}", scenario.name), move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let played = runtime.block_on(play(&check, &code, &scenario));
            runtime.shutdown_timeout(Duration::from_millis(100));
            played
        }));
    }
    trials
}

async fn play(check: &str, code: &str, scenario: &Scenario) -> Result<(), Failed> {
    let registry: Registry = registry()?;
    let lab = Lab::start(&scenario.world).await?;
    let settings = [(check.to_owned(), serde_json::to_value(&scenario.settings)?)].into();
    let order = engine_tests::order(engine_tests::target(&scenario.target)?, &[check], settings);
    let schema = &registry.check(check).ok_or("the check is not registered")?.manifest.config_schema;
    if let Some((pointer, message)) = engine_core::config::misfit(schema, &order.settings[check]) {
        return Err(format!("settings{pointer}: {message}").into());
    }
    let finished = engine_tests::run(&registry, &lab, order).await?;
    let report = &finished.report;

    let mut faults = Vec::new();
    let found: BTreeSet<&str> = report.findings.iter().map(|finding| finding.code.as_str()).collect();
    let expected: BTreeSet<&str> = scenario.expect.iter().map(String::as_str).collect();
    for missing in expected.difference(&found) {
        faults.push(format!("expected and not found: {missing}"));
    }
    for extra in found.difference(&expected).filter(|code| !scenario.allow.iter().any(|allowed| allowed == *code)) {
        faults.push(format!("found and not expected: {extra}"));
    }
    match (scenario.kind, expected.contains(code)) {
        (Kind::Fires, false) => faults.push(format!("a scenario that fires must expect {code}")),
        (Kind::NearMiss | Kind::NetworkFault, true) => {
            faults.push(format!("a {:?} scenario must not expect {code}", scenario.kind))
        }
        _ => {}
    }
    if scenario.unknown == report.could_not_tell.is_empty() {
        faults.push(format!("could not tell: expected {}", if scenario.unknown { "something" } else { "nothing" }));
    }
    faults.extend(report.violations.iter().map(|violation| format!("violation: {}", violation.what)));
    for finding in &report.findings {
        if finding.severity > engine_plugin_api::Severity::Info && finding.remedy.is_none() {
            faults.push(format!("{} has no remedy", finding.code));
        }
        let ids: BTreeSet<_> = report.evidence.iter().map(|entry| &entry.id).collect();
        for evidence in
            finding.evidence.iter().filter(|evidence| !evidence.id.0.is_empty() && !ids.contains(&evidence.id))
        {
            faults.push(format!("{} rests on {}, which nobody observed", finding.code, evidence.id));
        }
    }
    faults.extend(asked_twice(&lab, &finished.recording.journal));
    faults.extend(
        lab.sessions()
            .iter()
            .flat_map(|s| &s.commands)
            .filter(|c| c.to_ascii_uppercase().starts_with("DATA"))
            .map(|_| "DATA was sent".to_owned()),
    );

    let live = serde_json::to_string(report)?;
    lab.stop().await;
    let again = session::replay(&registry, finished.recording.clone(), std::sync::Arc::new(|_| ())).await?;
    if serde_json::to_string(&again.report)? != live {
        faults.push("the replay differs from the run".to_owned());
    }
    if faults.is_empty() {
        return Ok(());
    }
    faults.push(format!("report: {}", serde_json::to_string_pretty(report)?));
    Err(faults.join("\n").into())
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
                *sent.entry(format!("{} {} over {:?}", asked.name, asked.rtype, attempt.transport)).or_default() += 1;
            }
        }
    }
    let mut received: BTreeMap<String, usize> = BTreeMap::new();
    for question in lab.questions() {
        let transport = match question.transport {
            engine_lab::Transport::Udp => Transport::Udp,
            engine_lab::Transport::Tcp => Transport::Tcp,
        };
        *received.entry(format!("{} {} over {transport:?}", question.name, question.rtype)).or_default() += 1;
    }
    let more = received.iter().filter(|(question, times)| **times > sent.get(*question).copied().unwrap_or_default());
    more.map(|(question, times)| format!("asked {times} times: {question}")).collect()
}
