//! Plugins and hosts of other ages, and plugins of other compilers: version 1.0
//! as it was when it was frozen, a version 1.7 that is made up, another rustc
//! with another tokio.
//!
//! `tests/plugins/ageing/emc-1.0/` is the header of 1.0; it is never changed.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use engine_core::plugin::{Isolation, LoadError, Plugin};
use engine_plugin_api::{Actor, Confidence, Outcome, Subject};

use super::{
    alone, assert_nothing_left, assert_replays, described, entry, folder, host, outcome, registry, root, run, seen,
};

const LONG: Duration = Duration::from_secs(60);

/// `check.c` with a folder's header, as `name`.
fn aged(name: &str, include: &str, defines: &[&str]) -> PathBuf {
    let file = folder().join(format!("{name}.so"));
    let mut command = Command::new("cc");
    command.args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared", "-I"]).arg(root().join(include));
    command.args(defines).arg("-o").arg(&file).arg(root().join("tests/plugins/ageing/check.c"));
    assert!(command.status().unwrap().success(), "{command:?}");
    file
}

const FROZEN: &str = "tests/plugins/ageing/emc-1.0";
const CURRENT: &str = "plugin-api/include";

#[tokio::test]
async fn plugins_of_every_age_find_the_same_in_this_engine() {
    let _turn = alone().await;
    for (name, include, defines) in [
        ("frozen", FROZEN, &[][..]),
        ("current", CURRENT, &[]),
        ("of-1.7", FROZEN, &["-DMINOR=7"]),
        ("of-1.7-current", CURRENT, &["-DMINOR=7"]),
    ] {
        let file = aged(name, include, defines);
        for isolation in [Isolation::Process, Isolation::Trusted] {
            let registry = registry(vec![Plugin::new(entry(&file, isolation).await, &host(), None)]);
            let finished = run(&registry, &[("aged.c", "")], LONG).await;
            assert_eq!(seen(&finished, "aged.c"), ["status 0, an answer: yes, later: 0"], "{name} {isolation:?}");
            assert_eq!(*outcome(&finished, "aged.c"), Outcome::Findings, "{name} {isolation:?}");
            // Words of 1.7 that this engine does not know take nothing else with them.
            let words = match defines {
                [] => (Actor::Nobody, Subject::Domain("a.example".into()), Confidence::High),
                _ => (Actor::Other, Subject::Other("a.example".into()), Confidence::Low),
            };
            let found = &finished.report.findings[0];
            assert_eq!((found.actor, found.subject.clone(), found.confidence), words, "{name} {isolation:?}");
            assert_replays(&registry, &finished, name).await;
        }
    }
    assert_nothing_left().await;
}

#[tokio::test]
async fn a_plugin_that_needs_a_newer_engine_says_so() {
    let _turn = alone().await;
    let file = aged("needs-1.7", FROZEN, &["-DMINOR=7", "-DNEEDS=7"]);
    assert_eq!(described(&file).await.unwrap_err(), LoadError::HostTooOld { needs_minor: 7, host_minor: 0 });
    assert_nothing_left().await;
}

/// `host.c`, and what it prints when it runs a plugin.
fn in_host_of_1_7(plugin: &Path, check: &str) -> String {
    let program = folder().join("host-1.7");
    let mut command = Command::new("cc");
    command.args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-I"]).arg(root().join(FROZEN)).arg("-o").arg(&program);
    command.arg(root().join("tests/plugins/ageing/host.c")).arg("-ldl");
    assert!(command.status().unwrap().success(), "{command:?}");
    let out = Command::new(&program).arg(plugin).args([check, r#"{"domain":"a.example","from-1.7":{}}"#]).output();
    let out = out.unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stdout));
    String::from_utf8(out.stdout).unwrap()
}

#[tokio::test]
async fn plugins_of_1_0_work_in_an_engine_of_1_7() {
    let _turn = alone().await;
    let said = in_host_of_1_7(&aged("frozen-in-1.7", FROZEN, &[]), "aged.c");
    assert!(said.contains("status 0, an answer: yes, later: 42") && said.ends_with("run 0\n"), "{said}");
    let said = in_host_of_1_7(&aged("1.7-in-1.7", FROZEN, &["-DMINOR=7"]), "aged.c");
    assert!(said.starts_with("minor 7") && said.contains("later: 42"), "{said}");
    // One of the Rust SDK: it takes what it does not know, and a refusal is its answer.
    let said = in_host_of_1_7(&super::evil(), "evil.good");
    assert!(said.contains("\nemit 2 ") && said.ends_with("run 0\n"), "{said}");
}

/// Compilers on this machine that are not the engine's: Debian's, a nightly, and
/// that which `ENGINE_TESTS_RUSTC` names (CONTRIBUTING.md: the oldest that we promise).
fn compilers() -> Vec<PathBuf> {
    let version = |rustc: &Path| {
        let out = Command::new(rustc).arg("--version").output().ok().filter(|out| out.status.success())?;
        String::from_utf8(out.stdout).ok()
    };
    let own = version(Path::new(&std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())));
    let nightly = Command::new("rustup").args(["which", "--toolchain", "nightly", "rustc"]).output().ok();
    let nightly = nightly.filter(|out| out.status.success()).and_then(|out| String::from_utf8(out.stdout).ok());
    let debian = Some("/usr/bin/rustc".to_owned());
    let named = std::env::var("ENGINE_TESTS_RUSTC").ok();
    let candidates = [debian, nightly, named].into_iter().flatten().map(|path| PathBuf::from(path.trim()));
    candidates.filter(|rustc| version(rustc).is_some_and(|theirs| Some(theirs) != own)).collect()
}

#[tokio::test]
async fn plugins_of_other_compilers_with_another_runtime_work() {
    let compilers = compilers();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut fetch = Command::new(&cargo);
    fetch.args(["fetch", "--quiet", "--locked"]).current_dir(root().join("tests/plugins/foreign"));
    let missing = if compilers.is_empty() {
        Some("there is no other Rust compiler (Debian's package rustc-web, or a nightly)")
    } else if !fetch.status().unwrap().success() {
        Some("what the plugin of another compiler depends on cannot be fetched")
    } else {
        None
    };
    if let Some(missing) = missing {
        let forbidden = std::env::var_os("ENGINE_TESTS_REQUIRE_REAL").is_some_and(|value| value == "1");
        assert!(!forbidden, "{missing}, and skipping is forbidden");
        eprintln!("skipped: {missing}");
        return;
    }
    let _turn = alone().await;
    for (at, rustc) in compilers.iter().enumerate() {
        let target = host().0.parent().and_then(Path::parent).unwrap().join(format!("foreign-{at}"));
        let mut command = Command::new(&cargo);
        command.args(["build", "--quiet", "--locked", "--target-dir"]).arg(&target);
        // What the engine's own build was told is not for another compiler.
        command.env("RUSTC", rustc).env_remove("RUSTUP_TOOLCHAIN").env_remove("RUSTFLAGS").env_remove("RUSTDOC");
        command.current_dir(root().join("tests/plugins/foreign"));
        assert!(command.status().unwrap().success(), "{command:?}");
        let file = folder().join(format!("foreign-{at}.so"));
        std::fs::copy(target.join("debug/libplugin_foreign.so"), &file).unwrap();
        for isolation in [Isolation::Process, Isolation::Trusted] {
            let registry = registry(vec![Plugin::new(entry(&file, isolation).await, &host(), None)]);
            let finished = run(&registry, &[("foreign.tokio", "")], LONG).await;
            assert_eq!(
                seen(&finished, "foreign.tokio"),
                ["MX: 0, TXT: 0, a task: true, given up: true"],
                "{} {isolation:?}: {:?}",
                rustc.display(),
                outcome(&finished, "foreign.tokio")
            );
        }
        let said = in_host_of_1_7(&file, "foreign.tokio");
        // Of an answer of 1.7 it reads what it knows.
        assert!(said.contains("MX: 1, TXT: 1, ") && said.ends_with("run 0\n"), "{said}");
    }
    assert_nothing_left().await;
}
