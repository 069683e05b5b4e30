//! Crashes beside other runs, repeated crashes, files that have changed.

use engine_core::plugin::{CRASHES, Isolation, Lock};

use super::*;

const PLENTY: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_takes_nothing_from_the_check_beside_it() {
    let _alone = alone().await;
    let registry = registry(vec![Plugin::new(entry(&evil(), Isolation::Process).await, &host(), None)]);
    let finished = run(&registry, &[("evil.all", "slow-abort"), ("evil.good", "")], PLENTY).await;
    assert!(why(&finished, "evil.all").contains("signal 6"), "{finished:?}");
    assert_eq!(seen(&finished, "evil.all"), ["mode slow-abort"], "each once, though it ran twice");
    assert_eq!(outcome(&finished, "evil.good"), &Outcome::Findings);
    assert_eq!(seen(&finished, "evil.good"), ["good, after: true", "good, before"]);
    assert!(finished.report.violations.is_empty(), "{finished:?}");
    assert_replays(&registry, &finished, "two checks").await;
    // With it goes the process that it kept for the next run.
    drop(registry);
    assert_nothing_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_is_ended_takes_nothing_from_the_check_beside_it() {
    let _alone = alone().await;
    let registry = registry(vec![Plugin::new(entry(&evil(), Isolation::Process).await, &host(), None)]);
    let finished = run(&registry, &[("evil.all", "flood"), ("evil.good", "")], PLENTY).await;
    assert!(why(&finished, "evil.all").contains("sent too much"), "{finished:?}");
    assert_eq!(outcome(&finished, "evil.good"), &Outcome::Findings);
    assert_eq!(seen(&finished, "evil.good"), ["good, after: true", "good, before"]);
    drop(registry);
    assert_nothing_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_crashes_block_a_plugin_until_it_is_added_again() {
    let _alone = alone().await;
    let ledger = tempfile::tempdir().unwrap();
    let ledger = ledger.path().join("plugins.lock");
    let added = entry(&evil(), Isolation::Process).await;
    Lock::change(&ledger, |lock| Ok(lock.put(added.clone())?)).unwrap();
    let kept = || Lock::read(&ledger).unwrap().plugins.remove(0);
    // Each as a fresh engine does it.
    let registry = || registry(vec![Plugin::new(kept(), &host(), Some(ledger.clone()))]);

    run(&registry(), &[("evil.all", "abort")], PLENTY).await;
    run(&registry(), &[("evil.all", "nothing")], PLENTY).await;
    assert_eq!(kept().crashes, 1, "another check may have come to its end");
    let same = registry();
    for crashes in 2..=CRASHES {
        run(&same, &[("evil.all", "abort")], PLENTY).await;
        assert_eq!(kept().crashes, crashes);
    }
    for registry in [same, registry()] {
        let finished = run(&registry, &[("evil.all", "nothing"), ("evil.good", "")], PLENTY).await;
        for check in ["evil.all", "evil.good"] {
            let why = why(&finished, check);
            assert!(why.contains("blocked because it crashed 3 times") && why.contains("signal 6"), "{why}");
        }
    }
    Lock::change(&ledger, |lock| Ok(lock.put(added.clone())?)).unwrap();
    let finished = run(&registry(), &[("evil.all", "nothing")], PLENTY).await;
    assert_eq!(outcome(&finished, "evil.all"), &Outcome::Findings);
    assert_nothing_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_has_changed_since_it_was_added_is_not_loaded() {
    let _alone = alone().await;
    let file = folder().join("changes.so");
    std::fs::copy(evil(), &file).unwrap();
    for isolation in [Isolation::Process, Isolation::Trusted] {
        let registry = registry(vec![Plugin::new(entry(&file, isolation).await, &host(), None)]);
        let mut bytes = std::fs::read(&file).unwrap();
        bytes.push(0);
        std::fs::write(&file, bytes).unwrap();
        let finished = run(&registry, &[("evil.all", "nothing")], PLENTY).await;
        assert!(why(&finished, "evil.all").contains("has changed since it was added"), "{finished:?}");
        assert!(seen(&finished, "evil.all").is_empty());
    }
    assert_nothing_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_targets_share_a_process_and_all_have_their_findings() {
    let _alone = alone().await;
    let registry = registry(vec![Plugin::new(entry(&evil(), Isolation::Process).await, &host(), None)]);
    let runs = (0..40).map(|_| run(&registry, &[("evil.all", "bad-request"), ("evil.good", "")], PLENTY));
    let started = children().len();
    let all = futures_util::future::join_all(runs).await;
    assert!(started <= 1 && children().len() <= 1, "{:?}", children());
    for finished in all {
        assert_eq!(seen(&finished, "evil.good").len(), 2, "{finished:?}");
        assert_eq!(seen(&finished, "evil.all").len(), 2, "{finished:?}");
    }
    drop(registry);
    assert_nothing_left().await;
}
