//! A service of the engine that breaks itself: the plugin hears of it, and the
//! run goes on.

use engine_core::{
    net::{Answer, Layer, Observation, Request, cache::Cache, call::Looks},
    plugin::Isolation,
    schedule::{self, Job},
};
use engine_plugin_api::{BoxFuture, ServiceError};

use super::*;

/// Panics on every question, and waits no time.
enum Broken {
    /// When it is called.
    AtOnce,
    /// When its answer is first looked for.
    WhenPolled,
    /// On another thread, after the call was taken.
    Later,
}

impl Layer for Broken {
    fn exchange(&self, request: Request) -> BoxFuture<'_, Result<Observation, ServiceError>> {
        if matches!(request, Request::Sleep(_)) {
            return Box::pin(async { Ok(Observation { answer: Answer::Slept, at_ms: 0, took_us: 0 }) });
        }
        match self {
            Broken::AtOnce => panic!("a service broke"),
            Broken::WhenPolled => Box::pin(async { panic!("a service broke") }),
            Broken::Later => Box::pin(async {
                tokio::task::yield_now().await;
                panic!("a service broke")
            }),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_panics_is_an_answer() {
    let _alone = alone().await;
    let ways = || [Broken::AtOnce, Broken::WhenPolled, Broken::Later];
    let direct = ways().map(|way| Arc::new(way) as Arc<dyn Layer>);
    // As in a run, where equal questions are one.
    let cached = ways().map(|way| Arc::new(Cache::new(Arc::new(way))) as Arc<dyn Layer>);
    for layer in direct.into_iter().chain(cached) {
        for isolation in [Isolation::Process, Isolation::Trusted] {
            let registry = registry(vec![Plugin::new(entry(&evil(), isolation).await, &host(), None)]);
            let check = registry.check("evil.all").unwrap();
            let job = Job {
                manifest: Arc::new(check.manifest.clone()),
                check: check.instance(json!({ "mode": "ask" })).unwrap(),
                layer: Arc::clone(&layer),
                looks: Looks::default(),
                clock: Arc::default(),
                replayed_cut: None,
            };
            let (_keep, interrupt) = tokio::sync::watch::channel(false);
            let (target, deadline) = (Target::domain("a.example"), Duration::from_secs(60));
            let runs = schedule::run(vec![job], &target, deadline, interrupt, Arc::new(|_| ())).await;
            assert_eq!(runs[0].outcome, Outcome::Findings, "{isolation:?}: {runs:?}");
            let seen: Vec<&str> = runs[0].findings.iter().map(|finding| finding.seen.as_str()).collect();
            assert!(
                seen[1].contains("CheckFailed") && seen[1].contains("the service failed"),
                "{isolation:?}: {seen:?}"
            );
            assert_eq!(seen[2..], ["waited: Ok(())"], "{isolation:?}");
            assert!(runs[0].violations.is_empty(), "{isolation:?}: {runs:?}");
        }
    }
    assert_nothing_left().await;
}
