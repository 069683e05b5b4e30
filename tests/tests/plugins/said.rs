//! What the program prints of plugins: nothing that they say steers a
//! terminal or floods it, and what the program advises is true.

use super::{command::User, *};

fn says(variant: usize) -> PathBuf {
    compiled("says.c", &format!("says{variant}"), Some(variant))
}

/// Nothing steers the terminal, and no line was begun by the plugin.
fn assert_harmless(what: &str, printed: &str) {
    let steers = |c: char| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c);
    assert!(!printed.contains(steers), "{what}: {printed:?}");
    assert!(!printed.lines().any(|line| line.starts_with("forged")), "{what}: {printed}");
}

#[tokio::test]
async fn nothing_that_a_plugin_says_steers_the_terminal() {
    let _alone = alone().await;
    let user = User::new();
    let file = user.copy(&says(1), "libsays.so");
    for arguments in [
        &["plugin", "info", "./libsays.so"][..],
        &["plugin", "add", "./libsays.so"],
        &["plugin", "list"],
        &["plugin", "list", "-f", "json"],
        &["plugin", "info", "says.c"],
        &["plugin", "info", "says.c", "-f", "json"],
        &["plugin", "verify"],
        &["list", "checks"],
        &["list", "checks", "-f", "json"],
        &["list", "findings"],
        &["list", "findings", "-f", "json"],
        &["explain", "says.c/says-so"],
        &["explain", "says.c/says-so", "-f", "json"],
        &["schema", "says.c"],
        &["schema", "config"],
        &["run", "--lab", "--dry-run", "--only", "says.c", "healthy.example"],
        &["run", "--lab", "--only", "says.c", "healthy.example"],
        &["run", "--lab", "--only", "says.c", "-v", "healthy.example"],
        &["run", "--lab", "--only", "says.c", "-f", "json", "healthy.example"],
    ] {
        let (code, out, err) = user.engine(arguments);
        assert_eq!(code, 0, "{arguments:?}: {out}{err}");
        assert_harmless(&format!("{arguments:?}"), &out);
        assert_harmless(&format!("{arguments:?}"), &err);
        if arguments.contains(&"json") {
            assert!(serde_json::from_str::<Value>(&out).is_ok() || arguments[0] == "list", "{arguments:?}: {out}");
        }
    }
    let (_, _, err) = user.engine(&["plugin", "test", &file]);
    assert_harmless("plugin test", &err);
}

#[tokio::test]
async fn the_name_of_a_file_begins_no_line() {
    let _alone = alone().await;
    let user = User::new();
    let broken = user.copy(&compiled("broken.c", "broken7", Some(7)), "x\nforged: line.so");
    for arguments in [
        &["plugin", "add", &broken][..],
        &["plugin", "add", "/nowhere/y\nforged: line.so"],
        &["plugin", "add", "z\nforged: line.so"],
        &["plugin", "info", "z\nforged: line.so"],
        &["plugin", "remove", "z\nforged: line.so"],
        &["run", "--plugin", &broken, "--lab", "healthy.example"],
    ] {
        assert_harmless(&format!("{arguments:?}"), &user.bad(arguments));
    }
}

#[tokio::test]
async fn what_the_report_says_explains_a_finding_does() {
    let _alone = alone().await;
    let user = User::new();
    user.copy(&says(0), "lib says.so");
    let report = user.good(&["run", "--plugin", "./lib says.so", "--lab", "--only", "says.c", "-v", "healthy.example"]);
    let said = report.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("(more: engine explain --plugin './lib says.so' says.c/says-so)"), "{report}");
    assert!(user.good(&["explain", "--plugin", "./lib says.so", "says.c/says-so"]).contains("found by"));
    let without = user.bad(&["explain", "says.c/says-so"]);
    assert!(without.contains("--plugin FILE"), "{without}");
    user.good(&["plugin", "add", "./lib says.so"]);
    let report = user.good(&["run", "--lab", "--only", "says.c", "-v", "healthy.example"]);
    assert!(report.contains("(more: engine explain says.c/says-so)"), "{report}");
}

#[tokio::test]
async fn one_plugin_named_twice_is_one_and_two_of_one_id_are_told_apart() {
    let _alone = alone().await;
    let user = User::new();
    let file = user.copy(&says(0), "liba.so");
    let other = user.copy(&says(0), "libb.so");
    let run = |files: &[&str]| {
        let mut words = vec!["run", "--lab", "--only", "says.c"];
        files.iter().for_each(|file| words.extend(["--plugin", file]));
        words.push("healthy.example");
        user.engine(&words)
    };
    let (code, out, err) = run(&[&file, "./liba.so"]);
    assert_eq!(code, 0, "{out}{err}");
    let (code, _, err) = run(&[&file, &other]);
    assert!(code == 2 && err.contains("hint: give only one of them with --plugin"), "{err}");
    assert!(!err.contains("plugin remove"), "{err}");
    user.good(&["plugin", "add", &file]);
    let (code, _, err) = run(&[&other]);
    let hint = format!("hint: leave --plugin out, or first: engine plugin remove {file}");
    assert!(code == 2 && err.contains(&hint), "{err}");
    user.good(&["plugin", "remove", &file]);
    assert_eq!(run(&[&other]).0, 0);
}

#[tokio::test]
async fn a_list_of_plugins_that_is_none_says_what_to_do_and_stops_only_what_needs_it() {
    let _alone = alone().await;
    let user = User::new();
    let file = user.copy(&says(0), "libsays.so");
    user.good(&["plugin", "add", &file]);
    let lock = user.home().join(".local/share/engine/plugins.lock");
    for text in ["", "{\"format\":", "nonsense"] {
        std::fs::write(&lock, text).unwrap();
        let shown = lock.display();
        for arguments in [
            &["run", "--lab", "healthy.example"][..],
            &["list"],
            &["plugin", "list"],
            &["plugin", "verify"],
            &["plugin", "add", &file],
        ] {
            let said = user.bad(arguments);
            let hint = format!("hint: mv {shown} {shown}.broken, then add each plugin again: engine plugin add FILE");
            assert!(said.contains("is no list of plugins") && said.contains(&hint), "{arguments:?}: {said}");
        }
        assert!(user.good(&["explain", "mx-present"]).contains("mx-present"));
        assert!(user.good(&["schema", "dnsbl"]).contains("max_addresses"));
    }
    // What the hint says is enough.
    std::fs::rename(&lock, lock.with_extension("lock.broken")).unwrap();
    user.good(&["plugin", "add", &file]);
    user.good(&["run", "--lab", "--only", "says.c", "healthy.example"]);
}

#[tokio::test]
async fn a_version_that_is_no_semantic_one_is_refused() {
    let _alone = alone().await;
    let user = User::new();
    let said = user.bad(&["plugin", "add", &user.copy(&says(2), "libsays.so")]);
    assert!(said.contains("`1.0` is no semantic version"), "{said}");
}

#[tokio::test]
async fn no_more_faults_are_printed_than_can_be_read() {
    let _alone = alone().await;
    let user = User::new();
    let file = user.copy(&says(3), "libsays.so");
    let run = |more: &[&str]| {
        let words = ["run", "--plugin", &file, "--lab", "--only", "says.c"];
        user.engine(&[&words[..], more, &["healthy.example"]].concat()).1
    };
    let faults = |report: &str| report.matches("fault of the check says.c").count();
    let report = run(&[]);
    assert_eq!(faults(&report), 6, "{report}");
    assert!(report.contains("195 more, which --verbose prints"), "{report}");
    assert_eq!(faults(&run(&["-v"])), 200);
    let json: Value = serde_json::from_str(&run(&["-f", "json"])).unwrap();
    assert_eq!(json["violations"].as_array().map(Vec::len), Some(200));
}
