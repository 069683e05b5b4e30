//! Plugins that are WebAssembly modules, in a process of their own and in the
//! engine's: the same findings, a busy loop that ends, nothing but the calls.
//!
//! The test program is its own plugin host, so that no `engine` with the
//! feature `wasm` has to be built for it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{path::Path, process::ExitCode, sync::Arc, time::Duration};

use engine_core::{
    plugin::{self, Entry, HostProgram, Isolation, LoadError, Plugin},
    registry::Registry,
    session::{self, Finished},
};
use engine_lab::{Lab, World};
use engine_plugin_api::{Outcome, Target};
use libtest_mimic::{Arguments, Trial};
use serde_json::{Value, json};

const WORLD: &str = r#"zone = '''
none.example.  MX  0 .
some.example.  MX  10 mx.some.example.
'''"#;

const CHECKS: [&str; 6] =
    ["demo.wasm-null-mx", "demo.wasm-spin", "demo.wasm-trap", "demo.wasm-grow", "demo.wasm-far", "demo.wasm-deny-x"];

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some("plugin-host") {
        return engine_plugin_host::child::serve();
    }
    let arguments = Arguments::from_args();
    let trials = [Isolation::Process, Isolation::Trusted].into_iter().flat_map(|isolation| {
        let trial = |name: &str, test: fn(Isolation)| {
            Trial::test(format!("{name} ({isolation:?})"), move || {
                test(isolation);
                Ok(())
            })
        };
        [
            trial("a null MX is found, and only where it is", finds),
            trial("a busy loop ends, and its thread comes back", ends),
            trial("what goes wrong in a module is its check's alone", keeps_apart),
            trial("settings that it does not take are said", takes_settings),
        ]
    });
    let broken = Trial::test("modules that are none are refused in their own words", || {
        refuses();
        Ok(())
    });
    libtest_mimic::run(&arguments, trials.chain([broken]).collect()).exit_code()
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// The module with its manifest put in.
fn module(folder: &Path) -> std::path::PathBuf {
    let check = |id: &str| {
        let findings =
            if id == CHECKS[0] { json!([{ "page": include_str!("../plugins/wasm/null-mx.md") }]) } else { json!([]) };
        json!({
            "id": id, "version": "1.0.0", "summary": "a check in WebAssembly", "category": "dns",
            "inputs": [["domain"]], "side_effect": "passive-dns", "findings": findings,
            "services": if id == CHECKS[5] { json!([]) } else { json!(["dns.lookup/1"]) },
        })
    };
    let manifest = json!({ "checks": CHECKS.map(check), "sdk": "by hand" }).to_string();
    let escaped: String = manifest.bytes().map(|byte| format!("\\{byte:02x}")).collect();
    let text = include_str!("../plugins/wasm/guest.wat")
        .replace("@MANIFEST@", &escaped)
        .replace("@LENGTH@", &manifest.len().to_string());
    written(folder, &text)
}

fn written(folder: &Path, text: &str) -> std::path::PathBuf {
    let file = folder.join("guest.wasm");
    std::fs::write(&file, wat::parse_str(text).unwrap()).unwrap();
    file
}

async fn registry(folder: &Path, isolation: Isolation) -> Registry {
    let hello = plugin::describe(&HostProgram::own(), &module(folder), None).await.unwrap();
    let plugin = Plugin::new(Entry::new(hello, isolation), &HostProgram::own(), None);
    let mut registry = Registry::default();
    plugin::register(&mut registry, plugin).unwrap();
    registry
}

async fn run(registry: &Registry, domain: &str, checks: &[&str], settings: Value, deadline: Duration) -> Finished {
    let lab = Lab::start(&World::parse(WORLD).unwrap()).await.unwrap();
    let settings = serde_json::from_value(settings).unwrap();
    let mut order = engine_tests::order(Target::domain(domain), checks, settings);
    order.deadline = deadline;
    let finished = engine_tests::run(registry, &lab, order).await.unwrap();
    lab.stop().await;
    let again = session::replay(registry, finished.recording.clone(), Arc::new(|_| ())).await.unwrap();
    let text = |finished: &Finished| serde_json::to_string(&finished.report).unwrap();
    assert_eq!(text(&again), text(&finished), "the replay differs");
    finished
}

const LONG: Duration = Duration::from_secs(60);

fn outcome<'a>(finished: &'a Finished, check: &str) -> &'a Outcome {
    &finished.report.checks.iter().find(|report| report.id == check).unwrap().outcome
}

fn why(finished: &Finished, check: &str) -> String {
    match outcome(finished, check) {
        Outcome::CouldNotTell { cause } => cause.detail.clone(),
        other => panic!("{check}: {other:?}"),
    }
}

fn finds(isolation: Isolation) {
    block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let registry = registry(folder.path(), isolation).await;
        let found = run(&registry, "none.example", &CHECKS[..1], json!({}), LONG).await;
        let codes: Vec<&str> = found.report.findings.iter().map(|finding| finding.code.as_str()).collect();
        assert_eq!(codes, ["demo.wasm-null-mx/null-mx"]);
        assert_eq!(found.report.findings[0].subject.name(), "none.example");
        let clean = run(&registry, "some.example", &CHECKS[..1], json!({}), LONG).await;
        assert!(clean.report.findings.is_empty());
        assert_eq!(*outcome(&clean, CHECKS[0]), Outcome::Clean);
    });
}

fn ends(isolation: Isolation) {
    block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let registry = registry(folder.path(), isolation).await;
        let finished = run(&registry, "some.example", &CHECKS[1..2], json!({}), Duration::from_millis(200)).await;
        assert!(why(&finished, CHECKS[1]).contains("not done"), "{}", why(&finished, CHECKS[1]));
        // One that does not stop when it is told to would be reported.
        assert_eq!(finished.report.violations, []);
        assert_eq!(plugin::abandoned(), 0);
    });
}

fn keeps_apart(isolation: Isolation) {
    block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let registry = registry(folder.path(), isolation).await;
        let checks = [CHECKS[0], CHECKS[2], CHECKS[3], CHECKS[4], CHECKS[5]];
        let finished = run(&registry, "none.example", &checks, json!({}), LONG).await;
        assert_eq!(finished.report.findings.len(), 1, "{:?}", finished.report.findings);
        assert!(why(&finished, "demo.wasm-trap").contains("unreachable"), "{}", why(&finished, "demo.wasm-trap"));
        assert_eq!(*outcome(&finished, "demo.wasm-grow"), Outcome::Clean);
        assert!(why(&finished, "demo.wasm-far").contains("outside"), "{}", why(&finished, "demo.wasm-far"));
        // The service is not in its manifest.
        assert!(why(&finished, "demo.wasm-deny-x").contains("-5"), "{}", why(&finished, "demo.wasm-deny-x"));
    });
}

fn takes_settings(isolation: Isolation) {
    block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let registry = registry(folder.path(), isolation).await;
        let settings = json!({ "demo.wasm-null-mx": { "level": 3 } });
        let finished = run(&registry, "none.example", &CHECKS[..1], settings, LONG).await;
        assert!(why(&finished, CHECKS[0]).contains("/level: there is no such level"), "{}", why(&finished, CHECKS[0]));
    });
}

fn refuses() {
    block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let describe = async |text: &str| {
            let file = written(folder.path(), text);
            plugin::describe(&HostProgram::own(), &file, None).await.map(|_| ()).unwrap_err()
        };
        let memory = r#"(memory (export "memory") 1)"#;
        let abi = r#"(func (export "emc_abi") (result i32) (i32.const 0x10000))"#;
        let said = |error: &LoadError| error.to_string();
        for (module, expected) in [
            ("(module)".to_owned(), "memory"),
            (format!("(module {memory})"), "emc_abi"),
            (format!(r#"(module {memory} {})"#, abi.replace("0x10000", "0x20000")), "version 2"),
            (format!(r#"(module {memory} {})"#, abi.replace("0x10000", "0x10009")), "needs a newer engine"),
            (
                format!(
                    r#"(module (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32))) {memory} {abi})"#
                ),
                "fd_write",
            ),
            (
                format!(
                    r#"(module {memory} {abi} (func (export "emc_manifest") (result i64) (loop (br 0)) (i64.const 0)))"#
                ),
                "did not come back",
            ),
            (
                format!(
                    r#"(module {memory} {abi} (func (export "emc_manifest") (result i64) (i64.const 0x40000ffff)))"#
                ),
                "outside",
            ),
            (
                format!(
                    r#"(module {memory} {abi} (func (export "emc_manifest") (result i64) (i64.const 0x7fffffff00000000)))"#
                ),
                "larger than",
            ),
            (format!(r#"(module {memory} {abi} (func $s (loop (br 0))) (start $s))"#), "fuel"),
        ] {
            let error = describe(&module).await;
            assert!(said(&error).contains(expected), "{module}: {error}");
        }
        let torn = folder.path().join("torn.wasm");
        std::fs::write(&torn, b"\0asm\x01\0\0\0\x01\xff").unwrap();
        let error = plugin::describe(&HostProgram::own(), &torn, None).await.map(|_| ()).unwrap_err();
        assert!(matches!(error, LoadError::Wasm { .. }), "{error}");
    });
}
