//! One truth for our own checks: each is loaded as a plugin, in a process of its
//! own and in this one, and must make the very report that it makes when it is
//! linked in, over the scenarios of all pages.
//!
//! A scenario is run once over the lab by the linked check; the others are
//! answered from the recording of that run, so that nothing but the boundary
//! differs, and are held against its report byte for byte. One scenario of each
//! check is also run live across the boundary.
//!
//! `cargo test -p engine-tests --test as_plugins -- mx` does so for one check.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, OnceLock},
};

use engine_core::{
    plugin::{self, Entry, HostProgram, Isolation, Plugin},
    registry::Registry,
    session,
};
use engine_lab::Scenario;
use engine_plugin_api::{FindingSpec, serde_json};
use libtest_mimic::{Arguments, Failed, Trial};
use tokio::runtime::Runtime;

/// The same checks in three places.
struct Places {
    /// One for all: the plugins' processes live in it.
    runtime: Runtime,
    linked: Registry,
    /// What the others are called in messages, and they.
    others: [(&'static str, Registry); 2],
}

fn places() -> &'static Places {
    static PLACES: OnceLock<Places> = OnceLock::new();
    PLACES.get_or_init(|| made().unwrap_or_else(|error| panic!("the checks could not be loaded as plugins: {error}")))
}

fn made() -> Result<Places, Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let linked = builtin_checks::registry()?;
    let program = HostProgram(engine_tests::program());
    let (mut process, mut thread) = (Registry::default(), Registry::default());
    for library in libraries(linked.ids())? {
        let hello = runtime.block_on(plugin::describe(&program, &library, None))?;
        for (registry, isolation) in [(&mut process, Isolation::Process), (&mut thread, Isolation::Trusted)] {
            let entry = Entry::new(hello.clone(), isolation);
            plugin::register(registry, Plugin::new(entry, &program, None))?;
        }
    }
    Ok(Places { runtime, linked, others: [("in a process of its own", process), ("in this process", thread)] })
}

/// Builds the checks' libraries and gives their paths.
fn libraries<'a>(ids: impl Iterator<Item = &'a str>) -> Result<Vec<PathBuf>, Box<dyn std::error::Error>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--quiet", "--offline", "--workspace", "--examples"]);
    if !build.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).status()?.success() {
        return Err(format!("{build:?} failed").into());
    }
    // This test runs as target/PROFILE/deps/NAME.
    let here = std::env::current_exe()?;
    let folder = here.ancestors().nth(3).ok_or("this test is in no folder of cargo's")?.join("debug/examples");
    let named = |id: &str| {
        let (prefix, suffix) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
        folder.join(format!("{prefix}{}_plugin{suffix}", id.replace('-', "_")))
    };
    Ok(ids.map(named).collect())
}

fn main() -> std::process::ExitCode {
    let arguments = Arguments::from_args();
    let mut trials = vec![Trial::test("manifests", manifests)];
    match builtin_checks::registry() {
        Err(error) => trials.push(Trial::test("registry", move || Err(error.to_string().into()))),
        Ok(registry) => {
            for check in registry.iter() {
                let id = &check.manifest.id;
                for spec in &check.manifest.findings {
                    trials.extend(scenarios(spec).map(|scenario| replayed(id, spec, scenario)));
                }
                trials.extend(check.manifest.findings.first().map(|spec| live(id, spec)));
            }
        }
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    conclusion.exit_code()
}

fn scenarios(spec: &FindingSpec) -> impl Iterator<Item = Scenario> {
    // What cannot be read is a failure of `pages`.
    scenario_play::scenarios(spec).unwrap_or_default().into_iter()
}

/// What a check says of itself crosses the boundary whole.
fn manifests() -> Result<(), Failed> {
    let Places { linked, others, .. } = places();
    for (place, registry) in others {
        for check in linked.iter() {
            let other =
                registry.check(&check.manifest.id).ok_or_else(|| format!("{} is not there", check.manifest.id))?;
            if other.manifest != check.manifest {
                return Err(format!("{} says something else of itself {place}", check.manifest.id).into());
            }
        }
    }
    Ok(())
}

fn replayed(id: &str, spec: &FindingSpec, scenario: Scenario) -> Trial {
    let id = id.to_owned();
    Trial::test(format!("{id}::{}::{}", spec.code, scenario.name), move || {
        let Places { runtime, linked, others } = places();
        runtime.block_on(async {
            let played = scenario_play::play(linked, &id, &scenario).await?;
            let expected = serde_json::to_string_pretty(&played.finished.report)?;
            for (place, registry) in others {
                let again = session::replay(registry, played.finished.recording.clone(), Arc::new(|_| ())).await?;
                differ(place, &expected, &serde_json::to_string_pretty(&again.report)?)?;
            }
            Ok(())
        })
    })
}

/// The first line in which two reports differ, with those about it.
fn differ(place: &str, expected: &str, found: &str) -> Result<(), Failed> {
    if expected == found {
        return Ok(());
    }
    let (expected, found): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), found.lines().collect());
    let at = expected.iter().zip(&found).take_while(|(a, b)| a == b).count();
    let about = |lines: &[&str]| lines[at.saturating_sub(4)..lines.len().min(at + 8)].join("\n");
    Err(format!("{place} the report differs:\n{}\n--- linked in:\n{}", about(&found), about(&expected)).into())
}

/// The first scenario of a check, over the lab across the boundary.
fn live(id: &str, spec: &FindingSpec) -> Trial {
    let (id, code, first) = (id.to_owned(), spec.code.clone(), scenarios(spec).next());
    Trial::test(format!("{id}: live"), move || {
        let scenario = first.ok_or("there is no scenario")?;
        let Places { runtime, others, .. } = places();
        for (place, registry) in others {
            let faults = runtime.block_on(scenario_play::faults(registry, &id, &code, &scenario))?;
            if !faults.is_empty() {
                return Err(format!("{place}: {}", faults.join("\n")).into());
            }
        }
        Ok(())
    })
}
