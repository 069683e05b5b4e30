//! What a plugin may not do in its process: denied by the kernel, and said.

use engine_core::plugin::Isolation;

use super::{command::User, *};

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
        ("unlink", "unlink: Err(Some(1))", "tried to change a file"),
        ("exec", "exec: Err(Some(1))", ""),
        ("fork", "fork: -1", ""),
        ("kill", "kill: -1", "to send a signal to another process"),
        ("ptrace", "ptrace: -1", "to look into another process"),
        ("io-uring", "io-uring: -1", "to use io_uring"),
        ("limits", "limits: -1", ""),
        ("environment", "environment: 0", ""),
        // The file that it was loaded from is open.
        ("chmod-descriptor", "chmod-descriptor: [\"Some(1)\"]", "tried to change a file"),
        ("chown-descriptor", "chown-descriptor: [\"Some(1)\"]", "tried to change a file"),
        ("attribute-descriptor", "attribute-descriptor: [\"Some(1)\"]", "tried to change a file"),
        // ENOTTY is 25.
        ("flags-descriptor", "flags-descriptor: [\"Some(25)\"]", ""),
        ("lock-descriptor", "lock-descriptor: [\"Some(1)\"]", ""),
        ("truncate", "truncate: Some(1)", ""),
        ("owner", "owner: Some(1)", ""),
        ("owner-by-ioctl", "owner-by-ioctl: Some(25)", ""),
        ("affinity-of-parent", "affinity-of-parent: Some(1)", ""),
        ("affinity", "affinity: done", ""),
        ("io-priority-of-parent", "io-priority-of-parent: Some(1)", ""),
        ("limits-of-parent", "limits-of-parent: Some(1)", ""),
        ("datagrams", "datagrams: Some(1)", "to use a socket of its own"),
        // ENOSYS is 38.
        ("newer", "newer: -2", ""),
        ("silence", "silence: refused true, opened false", "to use a socket of its own"),
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
async fn one_that_takes_thread_after_thread_is_ended_and_takes_nothing_from_others() {
    let _alone = alone().await;
    let registry = registry(vec![Plugin::new(entry(&evil(), Isolation::Process).await, &host(), None)]);
    let modes = [("evil.all", "threads"), ("evil.good", "")];
    let finished = run(&registry, &modes, Duration::from_secs(60)).await;
    let why = why(&finished, "evil.all");
    assert_eq!(why, "the plugin's process was ended by the engine: it had more than 512 threads");
    assert_eq!(seen(&finished, "evil.all"), ["mode threads"]);
    assert_eq!(seen(&finished, "evil.good"), ["good, after: true", "good, before"]);
    assert_replays(&registry, &finished, "threads").await;
    drop(registry);
    assert_nothing_left().await;
}

#[tokio::test]
async fn what_the_engine_was_given_to_write_to_its_plugins_do_not_have() {
    let _alone = alone().await;
    let user = User::new();
    let file = user.copy(&evil(), "libevil.so");
    let mut shell = Command::new("sh");
    shell.args(["-c", r#"exec "$0" "$@" 9>>kept.txt"#]).arg(engine_tests::program());
    shell.args(["run", "--lab", "--plugin", &file, "--only", "evil.all", "--set", "evil.all.mode=inherited"]);
    let out = shell.args(["-v", "healthy.example"]).current_dir(user.home()).env("HOME", user.home()).output().unwrap();
    let report = String::from_utf8(out.stdout).unwrap();
    assert!(report.contains("inherited: []"), "{report}");
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
