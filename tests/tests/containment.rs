//! What one check does to itself takes nothing from the others.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use engine_core::{
    net::NetOptions,
    registry::Registry,
    session::{self, Finished, Network},
};
use engine_plugin_api::{
    CauseKind, Check, ConfigError, Context, Finding, Manifest, Outcome, Page, Subject, Target,
    services::{CLOCK_SLEEP, DNS_LOOKUP, DnsQuestion, RecordType},
};
use tokio::sync::watch;

macro_rules! page {
    ($code:literal) => {
        (
            $code,
            concat!(
                "---\ncode: ",
                $code,
                "\nsince: 0.1.0\nseverity: notice\nconfidence: high\nsource: none\n---\n# T\n"
            ),
        )
    };
}

macro_rules! check {
    ($name:ident, $id:literal, $code:literal, |$cx:ident| $body:expr) => {
        struct $name;
        impl Check for $name {
            type Config = ();
            fn manifest() -> Manifest {
                const PAGES: &[Page] = &[page!($code)];
                Manifest::new::<Self>($id, "0.1.0", "tests").services(&[CLOCK_SLEEP, DNS_LOOKUP]).pages(PAGES)
            }
            fn new(_: ()) -> Result<Self, ConfigError> {
                Ok($name)
            }
            async fn run(&self, $cx: Context, _: Target) -> Outcome {
                $cx.finding(Finding::new($code, Subject::Domain("a.example".into()), "before"));
                $body
            }
        }
    };
}

check!(Good, "good", "good-found", |cx| Outcome::Findings);
check!(Panics, "panics", "panics-found", |cx| panic!("test-only: it broke"));
check!(Hangs, "hangs", "hangs-found", |cx| std::future::pending().await);
check!(Floods, "floods", "floods-found", |cx| {
    for n in 0..5_000 {
        cx.finding(Finding::new("floods-found", Subject::Domain(format!("{n}.example")), "again"));
    }
    Outcome::Findings
});
check!(Lies, "lies", "lies-found", |cx| {
    cx.finding(Finding::new("good-found", Subject::Domain("a.example".into()), "not mine"));
    let reply = cx.smtp(engine_plugin_api::services::SmtpRequest::new("mx", "25.25.1.1".parse().unwrap())).await;
    assert!(reply.cause().is_some());
    Outcome::Findings
});
check!(LiesAndHangs, "lies-and-hangs", "half-found", |cx| {
    cx.finding(Finding::new("good-found", Subject::Domain("a.example".into()), "not mine"));
    std::future::pending().await
});
check!(Sleeps, "sleeps", "sleeps-found", |cx| {
    cx.sleep(Duration::from_secs(4)).await.unwrap();
    Outcome::Findings
});
check!(Reaches, "reaches", "reaches-found", |cx| {
    let inside = DnsQuestion::new("a.example", RecordType::Mx).at("10.0.0.1".parse().unwrap());
    match cx.dns(inside).await.cause() {
        Some(cause) => Outcome::CouldNotTell { cause },
        None => Outcome::Clean,
    }
});

async fn run(only: &[&str], deadline: Duration, interrupt: watch::Receiver<bool>) -> Finished {
    let registry = all();
    let network = Network::new(&NetOptions::new(vec!["127.0.0.1:9".parse().unwrap()]), None);
    let mut order = engine_tests::order(Target::domain("a.example"), only, BTreeMap::new());
    order.deadline = deadline;
    let finished = session::run(&registry, &network, order, interrupt, Arc::new(|_| ())).await.unwrap();
    let again = session::replay(&registry, finished.recording.clone(), Arc::new(|_| ())).await.unwrap();
    assert_eq!(
        serde_json::to_string(&again.report).unwrap(),
        serde_json::to_string(&finished.report).unwrap(),
        "the replay differs"
    );
    finished
}

fn all() -> Registry {
    let mut registry = Registry::default();
    registry.add::<Good>("test").unwrap();
    registry.add::<Panics>("test").unwrap();
    registry.add::<Hangs>("test").unwrap();
    registry.add::<Floods>("test").unwrap();
    registry.add::<Lies>("test").unwrap();
    registry.add::<LiesAndHangs>("test").unwrap();
    registry.add::<Sleeps>("test").unwrap();
    registry.add::<Reaches>("test").unwrap();
    registry
}

fn cause_of<'a>(finished: &'a Finished, check: &str) -> &'a engine_plugin_api::Cause {
    &finished.report.could_not_tell.iter().find(|unknown| unknown.check == check).unwrap().cause
}

fn found(finished: &Finished, code: &str) -> usize {
    finished.report.findings.iter().filter(|finding| finding.code == code).count()
}

fn never() -> watch::Receiver<bool> {
    watch::channel(false).1
}

#[tokio::test]
async fn a_panic_is_that_checks_could_not_tell_and_keeps_what_was_found() {
    let finished = run(&["good", "panics"], Duration::from_secs(20), never()).await;
    assert_eq!((found(&finished, "good-found"), found(&finished, "panics-found")), (1, 1));
    let cause = cause_of(&finished, "panics");
    assert_eq!(cause.kind, CauseKind::CheckFailed);
    assert!(cause.detail.contains("it broke"), "{}", cause.detail);
}

#[tokio::test]
async fn a_check_that_hangs_ends_at_its_deadline_and_replays_so() {
    let finished = run(&["good", "hangs"], Duration::from_millis(300), never()).await;
    assert_eq!((found(&finished, "good-found"), found(&finished, "hangs-found")), (1, 1));
    assert_eq!(cause_of(&finished, "hangs").kind, CauseKind::Deadline);
}

#[tokio::test]
async fn a_wait_that_was_asked_for_is_not_counted_against_the_deadline() {
    let finished = run(&["sleeps"], Duration::from_secs(3), never()).await;
    assert_eq!(finished.report.could_not_tell, []);
}

#[tokio::test]
async fn an_interrupted_run_reports_what_it_has() {
    let (stop, interrupt) = watch::channel(false);
    let stopping = async {
        tokio::task::yield_now().await;
        stop.send_replace(true);
    };
    let (finished, ()) = tokio::join!(run(&["good", "hangs"], Duration::from_secs(60), interrupt), stopping);
    assert!(finished.report.was_interrupted());
    assert_eq!(cause_of(&finished, "hangs").kind, CauseKind::Interrupted);
}

#[tokio::test]
async fn a_flood_is_cut_and_said_to_be() {
    let finished = run(&["floods"], Duration::from_secs(20), never()).await;
    assert_eq!(found(&finished, "floods-found"), 1_000);
    assert!(finished.report.violations[0].what.contains("more than 1000"));
}

#[tokio::test]
async fn what_a_manifest_does_not_declare_is_reported_on_the_check() {
    let finished = run(&["lies"], Duration::from_secs(20), never()).await;
    assert_eq!((found(&finished, "good-found"), found(&finished, "lies-found")), (0, 1));
    let violations: Vec<&str> = finished.report.violations.iter().map(|violation| violation.what.as_str()).collect();
    assert!(violations.iter().any(|what| what.contains("good-found")), "{violations:?}");
    assert!(violations.iter().any(|what| what.contains("smtp.session/1")), "{violations:?}");
}

#[tokio::test]
async fn what_a_check_did_before_it_was_cut_off_is_not_forgotten() {
    let finished = run(&["lies-and-hangs"], Duration::from_millis(300), never()).await;
    assert_eq!((found(&finished, "half-found"), finished.report.violations.len()), (1, 1));
}

#[tokio::test]
async fn no_check_reaches_into_a_private_network() {
    let finished = run(&["reaches"], Duration::from_secs(20), never()).await;
    let cause = cause_of(&finished, "reaches");
    assert_eq!(cause.kind, CauseKind::Denied);
    assert!(cause.detail.contains("10.0.0.1"), "{}", cause.detail);
}
