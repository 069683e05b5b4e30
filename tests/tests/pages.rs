//! Runs the scenarios of every finding page on the lab, one test each.
//!
//! `cargo test -p engine-tests --test pages -- mx` runs those of one check.

use std::time::Duration;

use builtin_checks::registry;
use engine_core::registry::Registry;
use engine_plugin_api::FindingSpec;
use libtest_mimic::{Arguments, Trial};

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
    let faults = scenario_play::page_faults(spec);
    let mut trials = vec![Trial::test(format!("{name}::has its sections and a scenario of each kind"), move || {
        if faults.is_empty() { Ok(()) } else { Err(faults.join("\n").into()) }
    })];
    for scenario in scenario_play::scenarios(spec).unwrap_or_default() {
        let (check, code) = (check.to_owned(), spec.code.clone());
        trials.push(Trial::test(format!("{name}::{}", scenario.name), move || {
            let registry: Registry = registry()?;
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let faults = runtime.block_on(scenario_play::faults(&registry, &check, &code, &scenario));
            runtime.shutdown_timeout(Duration::from_millis(100));
            let faults = faults?;
            if faults.is_empty() { Ok(()) } else { Err(faults.join("\n").into()) }
        }));
    }
    trials
}
