//! Every way to misbehave while running.

use std::time::Duration;

use engine_core::plugin::Isolation;
use engine_plugin_api::{CauseKind, Outcome};

use super::*;

/// Time enough for what does not hang, on a machine that does much else.
const PLENTY: Duration = Duration::from_secs(60);
/// Time for what hangs.
const SHORT: Duration = Duration::from_secs(4);

/// What a mode must come to.
struct Case {
    mode: &'static str,
    /// Why its check could not tell, in part; empty where it could.
    why: &'static str,
    /// What is held against the plugin, in part; empty for nothing at all.
    violation: &'static str,
    /// What it must have seen beside the first.
    seen: &'static str,
}

const fn case(mode: &'static str, why: &'static str, violation: &'static str, seen: &'static str) -> Case {
    Case { mode, why, violation, seen }
}

/// What leaves the process alive: the same where the plugin has one of its own and where not.
const SURVIVED: &[Case] = &[
    case("nothing", "", "", ""),
    case("panic", "the plugin panicked: index out of bounds at tests/plugins/evil/src/lib.rs:", "", ""),
    case("panic-new", "the plugin panicked: it broke in new at tests/plugins/evil", "", ""),
    case("panic-payload", "the plugin panicked", "", ""),
    case("panic-drop", "", "panicked after its end: when it was dropped: it broke in Drop", ""),
    case("bad-config", "the plugin did not take its settings: /mode: this mode is not liked", "", ""),
    case("giant", "the plugin sent too much", "", ""),
    case("giant-call", "", "", "refused: dns.lookup/1: the check has used up its calls"),
    case("giant-body", "", "", "refused: dns.lookup/1"),
    case("many-calls", "", "", "80 of 400 refused"),
    case("dropped-calls", "", "", "then: true"),
    case("long-wait", "", "", "refused: the check may wait 900 s in all; `longest-wait` under [net]"),
    case("undeclared", "not all that it found could be taken", "`not-mine`, which its manifest does not declare", ""),
    case("denied", "", "does not name the service smtp.session/1", "denied: Some(Denied)"),
    case("unknown-service", "", "", "refused: this engine has no service quantum.teleport/1"),
    case("bad-request", "", "", "refused: BadRequest"),
    case("late", "", "", ""),
    case("thread-wake", "", "", ""),
    case("stdout", "", "", ""),
];

/// What ends the process.
const FATAL: &[Case] = &[
    case("double-panic", "the plugin's process was ended by signal 6", "", ""),
    case("abort", "the plugin's process was ended by signal 6", "", ""),
    case("segv", "the plugin's process was ended by signal 11", "", ""),
    case("stack", "the plugin's process was ended by signal 6 (it aborted)", "", ""),
    case("exit", "the plugin's process exited with code 3", "", ""),
    case(
        "oom",
        "the plugin's process was ended by signal 6 (it aborted); the last that it wrote: memory allocation",
        "",
        "",
    ),
    case("flood", "the plugin sent too much: more than 1 MiB in one run", "more than 1000 findings", ""),
    case("flood-progress", "the plugin sent too much: more than 1 MiB in one run", "", ""),
];

/// What never ends by itself. All run at once, each for the whole of its deadline.
const HANGING: &[Case] = &[
    case("pending", "the check was not done after", "", ""),
    case("pending-call", "the check was not done after", "", ""),
    case("busy", "the check was not done after", "did not stop within 2 s of being told to, and was ended", ""),
    case("sleep-block", "the check was not done after", "did not stop within 2 s of being told to, and was ended", ""),
];

/// Waits longer than its deadline, as the user lets it.
const PATIENT: Case = case("patient", "", "", "waited: true");

async fn held(case: &Case, file: &Path, isolation: Isolation, deadline: Duration) {
    let Case { mode, .. } = case;
    let registry = registry(vec![Plugin::new(entry(file, isolation).await, &host(), None)]);
    let finished = run(&registry, &[("evil.all", mode)], deadline).await;
    let (reason, against, seen) =
        (why(&finished, "evil.all"), violations(&finished, "evil.all"), seen(&finished, "evil.all"));
    let at = format!("{mode}, {isolation:?}: {:?}, {against:?}, {seen:?}", outcome(&finished, "evil.all"));
    assert_eq!(reason.is_empty(), case.why.is_empty(), "{at}");
    assert!(reason.contains(case.why), "{at}");
    assert_eq!(against.is_empty(), case.violation.is_empty(), "{at}");
    assert!(against.contains(case.violation), "{at}");
    // All that came before is kept, unless it did not come to that.
    let begun = !matches!(*mode, "panic-new" | "bad-config");
    assert_eq!(seen.contains(&format!("mode {mode}").as_str()), begun, "{at}");
    assert!(seen.iter().any(|seen| seen.contains(case.seen)) || case.seen.is_empty(), "{at}");
    // Could not tell is said, and is no finding.
    assert_eq!(finished.report.could_not_tell.len(), usize::from(!case.why.is_empty()), "{at}");
    // Calls that it gave up are not in a recording, and are refused at once in a replay.
    if *mode != "many-calls" {
        assert_replays(&registry, &finished, &at).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_process_of_its_own() {
    let _alone = alone().await;
    let file = evil();
    for case in SURVIVED.iter().chain(FATAL) {
        held(case, &file, Isolation::Process, PLENTY).await;
        assert_nothing_left().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hanging_in_a_process_of_its_own() {
    let _alone = alone().await;
    let file = evil();
    let all = HANGING.iter().chain([&PATIENT]);
    futures_util::future::join_all(all.map(|case| held(case, &file, Isolation::Process, SHORT))).await;
    assert_nothing_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_the_engines_process() {
    let _alone = alone().await;
    let file = evil();
    for case in SURVIVED {
        held(case, &file, Isolation::Trusted, PLENTY).await;
    }
    held(&PATIENT, &file, Isolation::Trusted, SHORT).await;
    // What stops when it is told to leaves no thread behind.
    for case in HANGING.iter().filter(|case| case.violation.is_empty()) {
        held(case, &file, Isolation::Trusted, Duration::from_millis(500)).await;
    }
    assert_nothing_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c_as_no_sdk_would_use_it() {
    let _alone = alone().await;
    let file = compiled("raw.c", "raw", None);
    for isolation in [Isolation::Process, Isolation::Trusted] {
        for (mode, reason, violation, said) in [
            ("calls", "", "", "calls are right"),
            ("bad-arguments", "", "", "arguments are right"),
            ("malformed", "not all that it found could be taken", "cannot be read", ""),
            ("not-json", "not all that it found could be taken", "cannot be read", "before"),
            ("unknown-kind", "", "unknown kind 99", "before"),
            ("no-outcome", "it did not say how it ended", "", "before"),
            ("two-outcomes", "", "said twice", "before"),
            ("bad-outcome", "it did not say how it ended", "an outcome that cannot be read", "before"),
            ("bad-status", "it returned -4711", "", "before"),
            ("escape", "", "", "red"),
            ("clean-after-all", "", "said that it is clean, and sent findings", "before"),
            ("nothing-found", "sent nothing that it found", "has findings, and sent no finding", ""),
            ("statuses", "", "sent a line for the log that cannot be read", "statuses are right"),
        ] {
            let registry = registry(vec![Plugin::new(entry(&file, isolation).await, &host(), None)]);
            let finished = run(&registry, &[("raw.c", mode)], PLENTY).await;
            let at = format!("{mode}, {isolation:?}: {finished:?}");
            assert_eq!(why(&finished, "raw.c").is_empty(), reason.is_empty(), "{at}");
            assert!(why(&finished, "raw.c").contains(reason), "{at}");
            let against = violations(&finished, "raw.c");
            assert_eq!(against.is_empty(), violation.is_empty(), "{at}");
            assert!(against.contains(violation), "{at}");
            assert_eq!(seen(&finished, "raw.c").len(), usize::from(!said.is_empty()), "{at}");
            assert!(seen(&finished, "raw.c").iter().all(|seen| seen.contains(said)), "{at}");
            assert_replays(&registry, &finished, mode).await;
        }
    }
    assert_nothing_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exception_of_cpp_ends_its_process_alone() {
    let _alone = alone().await;
    let file = compiled("throws.cc", "throws", None);
    let registry = registry(vec![Plugin::new(entry(&file, Isolation::Process).await, &host(), None)]);
    let finished = run(&registry, &[("throws.cc", "")], PLENTY).await;
    assert!(why(&finished, "throws.cc").contains("was ended by signal 6"), "{finished:?}");
    assert_replays(&registry, &finished, "throws.cc").await;
    assert_nothing_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_that_aborts_is_told_by_its_words_and_never_let_into_the_engine() {
    let _alone = alone().await;
    let file = aborts();
    let registry = registry(vec![Plugin::new(entry(&file, Isolation::Process).await, &host(), None)]);
    let finished = run(&registry, &[("evil.all", "panic")], PLENTY).await;
    assert!(why(&finished, "evil.all").contains("the plugin panicked: index out of bounds at"), "{finished:?}");

    let registry = super::registry(vec![Plugin::new(entry(&file, Isolation::Trusted).await, &host(), None)]);
    let finished = run(&registry, &[("evil.all", "nothing")], PLENTY).await;
    assert!(why(&finished, "evil.all").contains("built with panic=abort"), "{finished:?}");
    assert!(
        matches!(outcome(&finished, "evil.all"), Outcome::CouldNotTell { cause } if cause.kind == CauseKind::CheckFailed)
    );
    assert_nothing_left().await;
}
