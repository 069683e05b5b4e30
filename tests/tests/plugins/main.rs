//! Plugins that misbehave in every way: what becomes of their check, that all
//! else is left intact, and that nothing is left behind.
//!
//! The fixtures are in `tests/plugins/`: a Rust plugin that does what its
//! setting says, and libraries in C and C++.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod ageing;
mod broken;
mod broken_host;
mod command;
mod evil;
mod policy;
mod said;
#[cfg(target_os = "linux")]
mod sandbox;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, OnceLock},
    time::Duration,
};

use engine_core::{
    net::NetOptions,
    plugin::{self, Description, Entry, HostProgram, Isolation, LoadError, Plugin},
    registry::Registry,
    session::{self, Finished, Network},
};
use engine_plugin_api::{Outcome, Target};
use serde_json::{Value, json};

/// The program that plugins' processes run.
fn host() -> HostProgram {
    HostProgram(engine_tests::program())
}

/// A folder that nobody else can write to: where the tests run from may be
/// open to others. One for each copy of the sources, used again by every run.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let mut hash = std::hash::DefaultHasher::new();
        std::hash::Hash::hash(&root(), &mut hash);
        let name = format!("engine-plugin-fixtures-{:016x}", std::hash::Hasher::finish(&hash));
        let folder = std::env::temp_dir().join(name);
        // That it is ours, the loader itself will see to.
        let _ = std::os::unix::fs::DirBuilderExt::mode(&mut std::fs::DirBuilder::new(), 0o700).create(&folder);
        folder
    })
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// Runs cargo on the Rust fixture; what it built is copied to where it is safe.
fn built(arguments: &[&str], file: &str) -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(arguments).current_dir(root());
    assert!(command.status().unwrap().success(), "{command:?}");
    let debug = engine_tests::program().parent().unwrap().to_owned();
    let copy = folder().join(Path::new(file).file_name().unwrap());
    // Never in place: another run may have it open.
    let fresh = tempfile::NamedTempFile::new_in(folder()).unwrap();
    std::fs::copy(debug.join(file), fresh.path()).unwrap();
    fresh.persist(&copy).unwrap();
    copy
}

/// The Rust fixture.
fn evil() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let build = || built(&["build", "--quiet", "--offline", "-p", "plugin-evil", "--lib"], "libplugin_evil.so");
    BUILT.get_or_init(build).clone()
}

/// The same, built so that a panic ends its process.
fn aborts() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let arguments =
        ["rustc", "--quiet", "--offline", "-p", "plugin-evil", "--example", "aborts", "--", "-C", "panic=abort"];
    BUILT.get_or_init(|| built(&arguments, "examples/libaborts.so")).clone()
}

/// A fixture in C or C++, as `name`.
fn compiled(source: &str, name: &str, variant: Option<usize>) -> PathBuf {
    let file = folder().join(format!("{name}.so"));
    let _ = std::fs::remove_file(&file);
    let compiler = if source.ends_with(".cc") { "c++" } else { "cc" };
    let mut command = Command::new(compiler);
    command.args(["-Wall", "-Wextra", "-Werror", "-Wno-unused", "-fPIC", "-shared"]);
    command.arg("-I").arg(root().join("plugin-api/include")).arg("-o").arg(&file);
    command.args(variant.map(|variant| format!("-DV={variant}")));
    command.arg(root().join("tests/plugins/c").join(source));
    assert!(command.status().unwrap().success(), "{command:?}");
    file
}

/// What a plugin says of itself, from a process of its own.
async fn described(file: &Path) -> Result<Description, LoadError> {
    plugin::describe(&host(), file, None).await
}

/// The plugin in `file`, as it would be added.
async fn entry(file: &Path, isolation: Isolation) -> Entry {
    Entry::new(described(file).await.unwrap(), isolation)
}

fn registry(plugins: Vec<Plugin>) -> Registry {
    let mut registry = Registry::default();
    plugins.into_iter().for_each(|plugin| plugin::register(&mut registry, plugin).unwrap());
    registry
}

/// Runs the checks `only` with their modes, over a network that is not there.
async fn run(registry: &Registry, modes: &[(&str, &str)], deadline: Duration) -> Finished {
    // A name server that never answers, where a check is to wait for one; else none at all.
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let waits = modes.iter().any(|(_, mode)| *mode == "pending-call");
    let resolver = if waits { silent.local_addr().unwrap() } else { "127.0.0.1:9".parse().unwrap() };
    let network =
        Network::new(&NetOptions { dns_timeout: Duration::from_secs(3_600), ..NetOptions::new(vec![resolver]) }, None);
    let settings: BTreeMap<String, Value> = modes
        .iter()
        .filter(|(_, mode)| !mode.is_empty())
        .map(|(check, mode)| ((*check).to_owned(), json!({ "mode": mode })))
        .collect();
    let only: Vec<&str> = modes.iter().map(|(check, _)| *check).collect();
    let mut order = engine_tests::order(Target::domain("a.example"), &only, settings);
    order.deadline = deadline;
    let (_keep, interrupt) = tokio::sync::watch::channel(false);
    session::run(registry, &network, order, interrupt, Arc::new(|_| ())).await.unwrap()
}

/// The report of the same run from its recording must be the same.
async fn assert_replays(registry: &Registry, finished: &Finished, what: &str) {
    let again = session::replay(registry, finished.recording.clone(), Arc::new(|_| ())).await.unwrap();
    let text = |finished: &Finished| serde_json::to_string_pretty(&finished.report).unwrap();
    assert_eq!(text(&again), text(finished), "the replay of {what} differs");
}

fn outcome<'a>(finished: &'a Finished, check: &str) -> &'a Outcome {
    &finished.report.checks.iter().find(|report| report.id == check).unwrap().outcome
}

/// Why a check could not tell; empty when it could.
fn why<'a>(finished: &'a Finished, check: &str) -> &'a str {
    match outcome(finished, check) {
        Outcome::CouldNotTell { cause } => &cause.detail,
        _ => "",
    }
}

/// What a check has seen, in order.
fn seen<'a>(finished: &'a Finished, check: &str) -> Vec<&'a str> {
    finished.report.findings.iter().filter(|f| f.check == check).map(|f| f.seen.as_str()).collect()
}

fn violations(finished: &Finished, check: &str) -> String {
    let of_check = finished.report.violations.iter().filter(|violation| violation.check == check);
    of_check.map(|violation| violation.what.as_str()).collect::<Vec<_>>().join("\n")
}

/// The processes of plugins that this one has started and that still are, but
/// for those that `spare` names.
fn children() -> Vec<u32> {
    let own = std::process::id();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let parent = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)?.parse().ok());
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        if parent == Some(own) && String::from_utf8_lossy(&line).contains("plugin-host") {
            found.push(pid);
        }
    }
    found
}

/// One test at a time, so that each can see that it leaves nothing behind.
async fn alone() -> tokio::sync::MutexGuard<'static, ()> {
    static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    TURN.lock().await
}

/// Waits until every process of a plugin is gone.
async fn assert_nothing_left() {
    // Ending a process is asked for at once, and takes the system its time.
    for _ in 0..500 {
        if children().is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("left behind: {:?}", children());
}
