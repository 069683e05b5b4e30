//! The guides by symptom: a page for each guided profile, the questions of
//! both agree, and every command runs, on the lab where it asks a network.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use engine_core::{config::shipped_profiles, guide::Guide};
use serde_json::Value;

fn guides() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guides")
}

fn guided() -> Vec<(String, Guide)> {
    shipped_profiles().into_iter().filter_map(|(name, profile)| Some((name, profile.guide?))).collect()
}

/// The commands of a page, each as words.
fn commands(page: &str) -> Vec<Vec<String>> {
    let fences = page.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    fences.flat_map(str::lines).map(words).collect()
}

/// Words as a shell splits them, as far as the guides quote.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut quoted, mut open) = (vec![String::new()], false, false);
    for character in line.chars() {
        match character {
            '"' => (quoted, open) = (!quoted, true),
            ' ' if !quoted => {
                if !words.last().unwrap().is_empty() || open {
                    words.push(String::new());
                }
                open = false;
            }
            other => words.last_mut().unwrap().push(other),
        }
    }
    words
}

fn engine(words: &[String], folder: &Path) -> (i32, String, String) {
    let output = Command::new(engine_tests::program())
        .args(words)
        .current_dir(folder)
        .env("XDG_CONFIG_HOME", "/nonexistent")
        .stdin(Stdio::null())
        .output()
        .expect("the program runs");
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn every_symptom_has_its_guided_profile_and_its_page() {
    let names: BTreeSet<String> = guided().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["blocklisted", "delayed", "not-received", "rejected", "spam"].map(str::to_owned).into());
    let index = fs::read_to_string(guides().join("README.md")).unwrap();
    for name in &names {
        let page = fs::read_to_string(guides().join(format!("{name}.md"))).unwrap();
        assert!(index.contains(&format!("{name}.md")), "{name}");
        assert!(page.contains(&format!("--profile {name} ")), "{name}");
    }
}

#[test]
fn guided_profiles_ask_what_their_checks_can_answer() {
    let registry = builtin_checks::registry().unwrap();
    for (name, guide) in guided() {
        let profile = &shipped_profiles()[&name];
        for question in &guide.questions {
            assert!(question.ask.ends_with('?') && !question.checks.is_empty(), "{name}: {}", question.ask);
            for check in &question.checks {
                assert!(registry.check(check).is_some() && profile.checks.holds(check), "{name}: {check}");
            }
        }
        let engine_core::profile::Selection::These(checks) = &profile.checks else { panic!("{name}") };
        for check in checks {
            assert!(
                guide.questions.iter().any(|question| question.checks.contains(check)),
                "{name} never asks {check}"
            );
        }
    }
}

#[test]
fn every_command_of_the_guides_runs() {
    let folder = tempfile::tempdir().unwrap();
    let log = "Nov 25 10:00:02 mail postfix/smtp[11]: 4BBBBBBBBB: to=<jo@b.example>, relay=mx.b.example[192.0.2.1]:25, delay=1, dsn=2.0.0, status=sent (250 2.0.0 Ok)\n";
    fs::write(folder.path().join("mail.log"), log).unwrap();
    let bounce = "From: MAILER-DAEMON@mx.example.org\nTo: me@example.org\nSubject: Undelivered Mail Returned to Sender\n\n<kim@broken.example>: host mx.broken.example[25.25.1.1] said: 550 5.1.1 User unknown (in reply to RCPT TO command)\n";
    fs::write(folder.path().join("bounce.eml"), bounce).unwrap();
    let (mut ran, mut diagnosed) = (0, 0);
    for page in fs::read_dir(guides()).unwrap() {
        let page = page.unwrap().path();
        for mut command in commands(&fs::read_to_string(&page).unwrap()) {
            let shown = command.join(" ");
            assert_eq!(command.remove(0), "engine", "{shown}");
            diagnosed += usize::from(command[0] == "diagnose");
            if ["run", "diagnose"].contains(&command[0].as_str()) {
                command.iter_mut().for_each(|word| *word = word.replace("example.org", "broken.example"));
                // An address that the lab knows, in place of one of the documentation's.
                command.iter_mut().for_each(|word| *word = word.replace("192.0.2.25", "25.25.1.1"));
                command.insert(1, "--lab".into());
            }
            let (code, out, err) = engine(&command, folder.path());
            assert!([0, 1, 3].contains(&code) && !out.is_empty(), "{shown}: {code}: {err}");
            if command.iter().any(|word| word == "--profile") {
                assert!(out.contains("QUESTIONS") && out.contains("Next:"), "{shown}: {out}");
            }
            ran += 1;
        }
    }
    assert!(ran >= 20 && diagnosed >= 5, "only {ran} commands were found, {diagnosed} of them diagnose");
}

#[test]
fn a_guided_report_ends_with_the_likeliest_cause_and_the_next_step() {
    let folder = tempfile::tempdir().unwrap();
    let run = |words: &str| -> Value {
        let (_, out, err) = engine(&self::words(&format!("run --lab --format json {words}")), folder.path());
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{words}: {error}: {err}"))
    };
    let broken = run("--profile not-received broken.example");
    let guide = &broken["guide"];
    assert!(guide["questions"].as_array().unwrap().iter().any(|question| question["answer"] == "no"), "{guide:#}");
    let finding = guide["finding"].as_str().unwrap();
    assert!(broken["findings"].as_array().unwrap().iter().any(|f| f["code"] == finding), "{guide:#}");
    assert!(!guide["next"].as_str().unwrap().is_empty());

    let healthy = run("--profile blocklisted healthy.example");
    let guide = &healthy["guide"];
    assert!(guide["likeliest"].is_null(), "{guide:#}");
    assert!(guide["questions"].as_array().unwrap().iter().all(|question| question["answer"] != "no"), "{guide:#}");
    // A question for which something is missing is open, and never a yes.
    let reply = guide["questions"].as_array().unwrap().iter().find(|q| q["ask"].as_str().unwrap().contains("reply"));
    assert_eq!(reply.unwrap()["answer"], "not-asked", "{guide:#}");

    assert!(run("--profile quick healthy.example")["guide"].is_null());
}
