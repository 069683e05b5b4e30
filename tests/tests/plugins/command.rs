//! `engine plugin` from the outside.

use std::{os::unix::fs::PermissionsExt, process::Output};

use super::*;

/// A user of the program: a home of their own, and a folder to stand in.
pub(super) struct User(tempfile::TempDir);

impl User {
    pub(super) fn new() -> User {
        User(tempfile::tempdir().unwrap())
    }

    pub(super) fn engine(&self, arguments: &[&str]) -> (i32, String, String) {
        let home = self.0.path();
        let mut command = Command::new(engine_tests::program());
        command.args(arguments).current_dir(home).env_clear().env("HOME", home).env("PATH", "/usr/bin:/bin");
        let Output { status, stdout, stderr } = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (status.code().unwrap_or(-1), text(stdout), text(stderr))
    }

    pub(super) fn good(&self, arguments: &[&str]) -> String {
        let (code, out, err) = self.engine(arguments);
        assert_eq!(code, 0, "{arguments:?}: {out}{err}");
        out
    }

    pub(super) fn bad(&self, arguments: &[&str]) -> String {
        let (code, out, err) = self.engine(arguments);
        assert_eq!(code, 2, "{arguments:?}: {out}{err}");
        err
    }

    pub(super) fn home(&self) -> &Path {
        self.0.path()
    }

    /// A copy of a file in this user's home.
    pub(super) fn copy(&self, file: &Path, name: &str) -> String {
        let copy = self.0.path().join(name);
        std::fs::copy(file, &copy).unwrap();
        copy.to_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn from_added_to_removed() {
    let _alone = alone().await;
    let user = User::new();
    let file = user.copy(&evil(), "libevil.so");
    assert!(user.good(&["plugin", "list"]).contains("No plugin was added"));
    assert!(!user.good(&["list"]).contains("evil"));
    assert!(!user.0.path().join(".local").exists(), "nothing is made before there is a plugin");

    let said = user.good(&["plugin", "add", "./libevil.so"]);
    for words in ["evil.all 0.1.0", "passive-dns", "clock.sleep/1, dns.lookup/1", "a process of its own", "sha256"] {
        assert!(said.contains(words), "{said}");
    }
    assert!(user.good(&["plugin", "list"]).contains("evil.good"));
    assert!(user.good(&["list"]).contains("evil.all"));
    assert!(user.good(&["plugin", "info", "evil.all"]).contains("evil.all/evil-before (info)"));
    assert!(user.good(&["explain", "evil.all/evil-before"]).contains("Sent before it went wrong"));
    assert!(user.good(&["plugin", "verify"]).contains("as it was added"));
    let report = user.good(&["run", "--lab", "--only", "evil.good", "--verbose", "healthy.example"]);
    assert!(report.contains("good, after: true"), "{report}");
    let (code, report, _) =
        user.engine(&["run", "--lab", "--only", "evil.all", "--set", "evil.all.mode=abort", "healthy.example"]);
    assert_eq!(code, 3, "{report}");
    assert!(report.contains("the plugin's process was ended by signal 6"), "{report}");

    let mut bytes = std::fs::read(&file).unwrap();
    bytes.push(0);
    std::fs::write(&file, bytes).unwrap();
    let (code, said, _) = user.engine(&["plugin", "verify"]);
    assert!(code == 1 && said.contains("has changed since it was added"), "{said}");
    user.good(&["plugin", "add", &file]);
    assert!(user.good(&["plugin", "verify"]).contains("as it was added"));
    assert!(user.good(&["plugin", "remove", "evil.all"]).contains("Removed"));
    assert!(!user.good(&["list"]).contains("evil"));
    assert!(user.bad(&["plugin", "remove", "evil.all"]).contains("no plugin `evil.all` was added"));
}

#[tokio::test]
async fn what_is_not_taken_says_why() {
    let _alone = alone().await;
    let user = User::new();
    let file = user.copy(&evil(), "libevil.so");
    // A bare name is not looked for here.
    assert!(user.bad(&["plugin", "add", "libevil.so"]).contains("a file here is given as ./libevil.so"));
    let open = user.0.path().join("open");
    std::fs::create_dir(&open).unwrap();
    let inside = user.copy(&evil(), "open/libevil.so");
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o775)).unwrap();
    let said = user.bad(&["plugin", "add", &inside]);
    assert!(said.contains("can be written by others (mode 775)") && said.contains("chmod go-w"), "{said}");

    user.good(&["plugin", "add", &file]);
    let twice = user.bad(&["plugin", "add", &user.copy(&compiled("broken.c", "broken18", Some(18)), "b18.so")]);
    assert!(twice.contains("`evil.good`") && twice.contains("libevil.so") && twice.contains("b18.so"), "{twice}");
    for (variant, words) in [
        (15, "it says that it does no more than `passive-dns`, but the service smtp.session/1 is `connects`"),
        (19, "check `mx`: the id of a plugin's check is `vendor.name`"),
        (2, "version 2 of the plugin ABI"),
        (10, "was ended by signal 6"),
    ] {
        let broken = user.copy(&compiled("broken.c", &format!("broken{variant}"), Some(variant)), "broken.so");
        let said = user.bad(&["plugin", "add", &broken]);
        assert!(said.contains(words), "{variant}: {said}");
    }
    assert!(user.bad(&["plugin", "add", "--trusted", &user.copy(&aborts(), "libaborts.so")]).contains("panic=abort"));
    assert!(user.good(&["plugin", "list"]).lines().filter(|line| line.starts_with("evil.")).count() == 2);
}

#[tokio::test]
async fn settings_are_held_against_the_schema_by_line() {
    let _alone = alone().await;
    let user = User::new();
    user.good(&["plugin", "add", &user.copy(&evil(), "libevil.so")]);
    let config = user.0.path().join("engine.toml");
    for (text, line, words) in [
        ("[checks.\"evil.all\"]\nmode = 3\n", 2, "evil.all.mode: 3 is not of type \"string\""),
        ("\n[checks.\"evil.all\"]\nmoode = \"x\"\n", 3, "moode"),
        ("[checks.evil.all]\nmode = \"x\"\n", 1, "an id with a dot is written [checks.\"evil.all\"]"),
    ] {
        std::fs::write(&config, text).unwrap();
        let said = user.bad(&["run", "--lab", "--only", "evil.all", "healthy.example"]);
        assert!(said.contains(&format!("engine.toml:{line}: ")) && said.contains(words), "{said}");
    }
    std::fs::write(&config, "[checks.\"evil.all\"]\nmode = \"bad-request\"\n").unwrap();
    assert!(
        user.good(&["run", "--lab", "--only", "evil.all", "-v", "healthy.example"]).contains("refused: BadRequest")
    );
    assert!(user.good(&["schema", "evil.all"]).contains("mode"));
}

#[tokio::test]
async fn one_run_may_use_a_plugin_that_was_not_added_and_its_recording_too() {
    let _alone = alone().await;
    let user = User::new();
    let file = user.copy(&evil(), "libevil.so");
    let arguments = ["run", "--lab", "--plugin", &file, "--only", "evil.all", "--set", "evil.all.mode=abort"];
    let (code, first, _) =
        user.engine(&[&arguments[..], &["--record", "run.json", "--format", "json", "healthy.example"]].concat());
    assert_eq!(code, 3, "{first}");
    let (code, again, _) = user.engine(&["replay", "--plugin", &file, "--format", "json", "run.json"]);
    assert_eq!((code, &again), (3, &first));
    let missing = user.bad(&["replay", "run.json"]);
    assert!(missing.contains("evil.all"), "{missing}");
    assert!(user.good(&["plugin", "list"]).contains("No plugin was added"));
}

/// A thread that does not return is left behind; the program still ends, and
/// everything else is reported.
#[tokio::test]
async fn a_trusted_plugin_that_hangs_does_not_keep_the_program() {
    let _alone = alone().await;
    let user = User::new();
    user.good(&["plugin", "add", "--trusted", &user.copy(&evil(), "libevil.so")]);
    assert!(user.good(&["plugin", "list", "--format", "json"]).contains(r#""state":"trusted""#));
    std::fs::write(user.0.path().join("engine.toml"), "[net]\ndeadline = \"3s\"\n").unwrap();
    for mode in ["busy", "sleep-block", "flood"] {
        let set = format!("evil.all.mode={mode}");
        let (code, report, err) =
            user.engine(&["run", "--lab", "--only", "evil.all,evil.good", "--set", &set, "-v", "healthy.example"]);
        assert_eq!(code, 3, "{report}{err}");
        assert!(report.contains("good, after: true") && report.contains(&format!("mode {mode}")), "{mode}: {report}");
    }
}

/// It has no destructor run, no handler called, and no word among the report's.
#[tokio::test]
async fn a_trusted_plugin_has_not_the_last_word() {
    let _alone = alone().await;
    let user = User::new();
    user.good(&["plugin", "add", "--trusted", &user.copy(&compiled("says.c", "says4", Some(4)), "libsays.so")]);
    let mut command = Command::new("timeout");
    command.args(["-s", "KILL", "60"]).arg(engine_tests::program());
    command.args(["run", "--lab", "--only", "says.c", "-f", "json", "healthy.example"]);
    let Output { status, stdout, stderr } = command
        .current_dir(user.home())
        .env_clear()
        .env("HOME", user.home())
        .env("PATH", "/usr/bin:/bin")
        .output()
        .unwrap();
    assert_eq!(status.code(), Some(0), "{}", String::from_utf8_lossy(&stderr));
    let report: Value = serde_json::from_slice(&stdout).unwrap();
    assert_eq!(report["findings"][0]["code"], "says.c/says-so");
    assert!(String::from_utf8_lossy(&stderr).contains("printed by the plugin"));
}
