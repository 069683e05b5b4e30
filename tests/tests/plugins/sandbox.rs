//! What a plugin may not do in its process: denied by the kernel, and said.

use engine_core::plugin::Isolation;

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_way_out_is_closed_and_said() {
    let _alone = alone().await;
    let entry = entry(&evil(), Isolation::Process).await;
    assert!(entry.enforced.calls);
    std::fs::remove_file("/tmp/evil-was-here").ok();
    for (mode, saw, against) in [
        // EPERM is 1.
        ("socket", "socket: Err(Some(1))", "tried to use a socket of its own, which the sandbox denied"),
        ("unix-socket", "unix-socket: Err(Some(1))", "to use a socket of its own"),
        ("read", "read: Err(Some(1))", "to open /etc/passwd"),
        ("neighbour", "neighbour: Err(Some(1))", "to open /proc/1/environ"),
        ("write", "write: Err(Some(1))", "to open /tmp/evil-was-here"),
        ("unlink", "unlink: Err(Some(1))", "the system call"),
        ("exec", "exec: Err(Some(1))", ""),
        ("fork", "fork: -1", ""),
        ("kill", "kill: -1", "to send a signal to another process"),
        ("ptrace", "ptrace: -1", "to look into another process"),
        ("io-uring", "io-uring: -1", "to use io_uring"),
        ("limits", "limits: -1", ""),
        ("environment", "environment: 0", ""),
    ] {
        let registry = registry(vec![Plugin::new(entry.clone(), &host(), None)]);
        let finished = run(&registry, &[("evil.all", mode)], Duration::from_secs(60)).await;
        assert!(seen(&finished, "evil.all").contains(&saw), "{mode}: {finished:?}");
        let said = violations(&finished, "evil.all");
        assert!(said.contains(against) && said.is_empty() == against.is_empty(), "{mode}: {said}");
        assert_replays(&registry, &finished, mode).await;
    }
    assert!(!Path::new("/tmp/evil-was-here").exists());
    assert_nothing_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_denied_is_said_of_a_run_that_never_returned() {
    let _alone = alone().await;
    let entry = entry(&evil(), Isolation::Process).await;
    for (mode, reason) in [("denied-abort", "signal 6"), ("denied-hang", "the check was not done after")] {
        let registry = registry(vec![Plugin::new(entry.clone(), &host(), None)]);
        let finished = run(&registry, &[("evil.all", mode)], Duration::from_secs(4)).await;
        assert!(why(&finished, "evil.all").contains(reason), "{mode}: {finished:?}");
        let said = violations(&finished, "evil.all");
        assert!(said.contains("to open /etc/passwd, which the sandbox denied"), "{mode}: {said}");
        assert_replays(&registry, &finished, mode).await;
    }
    assert_nothing_left().await;
}
