//! The plugins in `examples/`, and those that `engine plugin new` makes: they
//! build, and pass what `engine plugin test` asks of every plugin.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, PoisonError},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// Runs `command` and gives its output; it must succeed.
fn succeed(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{command:?}\n{text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

fn cargo(arguments: &[&str], folder: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(folder);
    command
}

/// Runs `engine plugin test` on a library, in its own process and in the engine's.
fn passes(library: &Path, check: &str) {
    for more in [&[][..], &["--trusted"][..]] {
        let mut test = Command::new(engine_tests::program());
        let text = succeed(test.args(["plugin", "test"]).arg(library).args(more));
        assert!(text.contains(&format!("loaded, with the checks {check}\n")), "{text}");
        assert!(text.contains("\nok   ") && text.ends_with(" 0 failed\n") && !text.contains("FAIL"), "{text}");
    }
}

/// Where cargo puts what these tests build: target/debug.
fn built() -> PathBuf {
    let here = std::env::current_exe().unwrap();
    here.ancestors().nth(3).unwrap().join("debug")
}

fn library(name: &str) -> String {
    format!("{}{name}{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX)
}

#[test]
fn the_example_in_rust_passes() {
    succeed(&mut cargo(&["build", "--quiet", "--offline", "-p", "caa-issuemail"], &root()));
    passes(&built().join(library("caa_issuemail")), "example.caa-issuemail");
}

#[test]
fn the_example_in_c_passes() {
    let folder = tempfile::tempdir().unwrap();
    let build = format!("BUILD={}", folder.path().display());
    let mut make = Command::new("make");
    succeed(make.args([&build, "CFLAGS=-O1 -Werror"]).current_dir(root().join("examples/dns-policy")));
    passes(&folder.path().join("libdns_policy.so"), "example.dns-policy");
}

#[test]
fn a_new_plugin_in_c_passes() {
    let folder = tempfile::tempdir().unwrap();
    let program = engine_tests::program();
    succeed(
        Command::new(&program).args(["plugin", "new", "acme.house-rule", "--lang", "c"]).current_dir(folder.path()),
    );
    let mut make = Command::new("make");
    make.args(["test", "CFLAGS=-O1 -Werror"]).env("ENGINE", &program);
    let text = succeed(make.current_dir(folder.path().join("house-rule")));
    assert!(text.ends_with(" 0 failed\n"), "{text}");
}

/// Runs cargo in a new plugin, with the versions of this project and a target folder of
/// all such, so that little is compiled anew.
fn cargo_in_new(folder: &Path, arguments: &[&str]) -> String {
    // One at a time: what documentation's tests link is not held while they run.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    std::fs::copy(root().join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    let mut command = cargo(arguments, folder);
    command.args(["--quiet", "--offline"]).env("ENGINE", engine_tests::program());
    succeed(command.env("CARGO_TARGET_DIR", built().parent().unwrap().join("new-plugin")))
}

#[test]
fn a_new_plugin_in_rust_passes() {
    let folder = tempfile::tempdir().unwrap();
    let new = || {
        let mut new = Command::new(engine_tests::program());
        new.args(["plugin", "new", "acme.house-rule"]).current_dir(folder.path());
        new
    };
    succeed(&mut new());
    let text = cargo_in_new(&folder.path().join("house-rule"), &["test"]);
    assert!(text.contains("test result: ok. 1 passed"), "{text}");
    assert_eq!(new().output().unwrap().status.code(), Some(2), "a folder that is there is left alone");
}

/// One whose name is a keyword, and one whose type would hide another.
#[test]
fn a_new_plugin_builds_of_any_name() {
    let folder = tempfile::tempdir().unwrap();
    for (id, package) in [("acme.self", "self-check"), ("acme.finding", "finding")] {
        let mut new = Command::new(engine_tests::program());
        let said = succeed(new.args(["plugin", "new", id]).current_dir(folder.path()));
        assert!(said.contains(&format!("cd {package}\n")), "{said}");
        cargo_in_new(&folder.path().join(package), &["check", "--tests"]);
    }
}
