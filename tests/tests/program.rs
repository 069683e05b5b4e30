//! The program as a user types it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Command, Output, Stdio},
};

use engine_lab::World;
use serde_json::Value;

fn engine(words: &[&str]) -> Command {
    let mut command = Command::new(engine_tests::program());
    // Nothing of the machine's own settings takes part.
    command.args(words).env_remove("NO_COLOR").env("XDG_CONFIG_HOME", "/nonexistent").current_dir(std::env::temp_dir()).stdin(Stdio::null());
    command
}

fn run(words: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = engine(words).output().unwrap();
    (status.code().unwrap_or(-1), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

fn report(words: &[&str]) -> (i32, Value) {
    let (code, out, err) = run(&[words, &["--format", "json"]].concat());
    (code, serde_json::from_str(&out).unwrap_or_else(|error| panic!("{words:?}: {error}: {out}{err}")))
}

fn codes(report: &Value) -> Vec<&str> {
    report["findings"].as_array().unwrap().iter().map(|finding| finding["code"].as_str().unwrap()).collect()
}

fn worst(report: &Value) -> &str {
    report["verdict"]["worst"].as_str().unwrap_or("none")
}

#[test]
fn every_domain_of_the_shipped_lab_shows_what_it_is_there_to_show_and_nothing_else_of_weight() {
    for domain in World::shipped().domain {
        let mut words = vec!["run", "--profile", "full", "--lab"];
        words.extend(domain.options.iter().map(String::as_str));
        words.push(&domain.name);
        let (_, report) = report(&words);
        let found = codes(&report);
        for expected in &domain.expect {
            assert!(found.contains(&expected.as_str()), "{words:?}: {expected} is missing: {found:?}");
        }
        for forbidden in &domain.forbid {
            assert!(!found.contains(&forbidden.as_str()), "{words:?}: {forbidden} is found");
        }
        for finding in report["findings"].as_array().unwrap() {
            let code = finding["code"].as_str().unwrap();
            let weighs = ["warning", "error", "critical"].contains(&finding["severity"].as_str().unwrap());
            assert!(!weighs || domain.expect.iter().any(|expected| expected == code), "{words:?}: {code} is not expected: {finding}");
        }
        assert_eq!(report["violations"].as_array().unwrap().len(), 0, "{words:?}: {}", report["violations"]);
    }
}

#[test]
fn the_healthy_domain_is_good() {
    let (code, report) = report(&["run", "--profile", "full", "--lab", "healthy.example"]);
    assert!(["pass", "info", "notice"].contains(&worst(&report)), "{report}");
    assert_eq!((code, report["could_not_tell"].as_array().unwrap().len()), (0, 0), "{}", report["could_not_tell"]);
}

#[test]
fn the_broken_domain_shows_at_least_eight_faults_over_all_checks_but_vantage() {
    let domain = World::shipped().domain.into_iter().find(|domain| domain.name == "broken.example").unwrap();
    let mut words = vec!["run", "--profile", "full", "--lab"];
    words.extend(domain.options.iter().map(String::as_str));
    words.push("broken.example");
    let (code, report) = report(&words);
    assert_eq!(code, 1);
    let faults: std::collections::BTreeSet<&str> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| ["notice", "warning", "error", "critical"].contains(&finding["severity"].as_str().unwrap()))
        .map(|finding| finding["code"].as_str().unwrap())
        .collect();
    assert!(faults.len() >= 8, "{faults:?}");
    let checks: std::collections::BTreeSet<&str> = report["findings"].as_array().unwrap().iter().map(|finding| finding["check"].as_str().unwrap()).collect();
    for check in ["dnsbl", "greylist", "mx", "reverse-dns", "smtp", "smtp-codes", "spf"] {
        assert!(checks.contains(check), "{check} is missing: {checks:?}");
    }
}

#[test]
fn a_report_fits_the_published_schema() {
    let schema: Value = serde_json::from_str(&run(&["schema", "report"]).1).unwrap();
    let published = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/schema/report-v1.json");
    assert_eq!(serde_json::from_str::<Value>(&std::fs::read_to_string(published).unwrap()).unwrap(), schema);
    let validator = jsonschema::validator_for(&schema).unwrap();
    for domain in ["broken.example", "healthy.example"] {
        let (_, report) = report(&["run", "--lab", domain]);
        let misfits: Vec<String> = validator.iter_errors(&report).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(misfits.is_empty(), "{misfits:?}");
    }
}

#[test]
fn a_recording_replays_byte_for_byte_without_the_lab() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run.json");
    let file = file.to_str().unwrap();
    for format in ["json", "text"] {
        let (code, live, _) = run(&["run", "--lab", "broken.example", "--record", file, "--format", format]);
        let (again, replayed, err) = run(&["replay", file, "--format", format]);
        assert_eq!(live, replayed, "{err}");
        assert_eq!(code, again);
    }
}

#[test]
fn only_and_skip_do_that() {
    let ran = |report: &Value| -> Vec<String> { report["checks"].as_array().unwrap().iter().map(|check| check["id"].as_str().unwrap().to_owned()).collect() };
    let (_, only) = report(&["run", "--lab", "healthy.example", "--only", "mx,spf"]);
    assert_eq!(ran(&only), ["mx", "spf"]);
    let (_, skip) = report(&["run", "--lab", "healthy.example", "--skip", "greylist", "--recipient", "user@healthy.example"]);
    assert_eq!(ran(&skip), ["dnsbl", "mx", "reverse-dns", "smtp", "spf", "vantage"]);
    let why = skip["skipped"].as_array().unwrap().iter().find(|skipped| skipped["id"] == "greylist").unwrap()["why"].as_str().unwrap().to_owned();
    assert!(why.contains("--skip"), "{why}");
    let (code, plan, _) = run(&["run", "--lab", "healthy.example", "--dry-run"]);
    assert!(code == 0 && plan.contains("run   mx") && plan.contains("a recipient (--recipient)"), "{plan}");
}

#[test]
fn exit_codes_are_as_documented() {
    for (words, expected) in [
        (vec!["run", "--lab", "--only", "mx", "healthy.example"], 0),
        (vec!["run", "--lab", "--only", "mx", "broken.example"], 1),
        (vec!["run", "--lab", "--only", "mx", "broken.example", "--fail-on", "pass"], 1),
        (vec!["run", "--lab", "--only", "mx", "slow-dns.example"], 3),
        (vec!["run", "--lab", "--only", "mx", "healthy.example", "broken.example", "slow-dns.example"], 1),
        (vec!["run", "--nonsense"], 2),
        (vec!["list"], 0),
        (vec!["--help"], 0),
    ] {
        assert_eq!(run(&words).0, expected, "{words:?}");
    }
}

#[test]
fn wrong_input_is_named_with_what_was_meant() {
    let long = "x".repeat(4_000);
    for (words, expected) in [
        (vec!["run", ""], "it is empty"),
        (vec!["run", "exa mple.org"], "cannot stand in a name"),
        (vec!["run", &long], "longer than 253"),
        (vec!["run", "1.2.3.4.5"], "top-level domain"),
        (vec!["run", "a\u{202e}b.example"], "IDNA"),
        (vec!["run", "--lab", "--only", "mxx", "a.example"], "did you mean `mx`?"),
        (vec!["run", "--lab", "--skip", "spff", "a.example"], "did you mean `spf`?"),
        (vec!["run", "--profile", "ful", "a.example"], "did you mean `full`?"),
        (vec!["run", "--fail-on", "eror", "a.example"], "did you mean `error`?"),
        (vec!["run", "--resolver", "nonsense", "a.example"], "IP:port"),
        (vec!["run", "--lab=/nonexistent.toml", "a.example"], "/nonexistent.toml"),
        (vec!["run", "--config", "/nonexistent.toml", "a.example"], "/nonexistent.toml"),
        (vec!["run", "--set", "mx", "a.example"], "CHECK.KEY=VALUE"),
        (vec!["run", "--set", "mxx.a=1", "a.example"], "did you mean `mx`?"),
        (vec!["run", "--lab", "--recipient", "nobody"], "it has no @"),
        (vec!["run", "--ip", "1.2.3", "a.example"], "1.2.3"),
        (vec!["run"], "no target was given"),
        (vec!["replay", "/nonexistent"], "/nonexistent"),
        (vec!["explain", "mx-alia"], "did you mean `mx-alias`?"),
        (vec!["schema", "mxx"], "did you mean `mx`?"),
        (vec!["run", "--lab", "--record", "/nonexistent/x", "healthy.example"], "/nonexistent/x"),
        (vec!["run", "--lab", "--record", "/tmp/x", "a.example", "b.example"], "--record takes one target"),
    ] {
        let (code, out, err) = run(&words);
        assert_eq!(code, 2, "{words:?}: {out}{err}");
        assert!(err.contains(expected), "{words:?}: {err}");
        assert!(!err.contains("panicked"), "{err}");
    }
}

#[test]
fn a_configuration_gives_targets_profiles_and_settings_and_points_at_its_mistakes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("engine.toml");
    std::fs::write(&path, "targets = [\"broken.example\"]\n\n[checks.mx]\nmax_exchange = 3\n").unwrap();
    let (code, _, err) = run(&["run", "--config", path.to_str().unwrap()]);
    assert_eq!(code, 2);
    assert!(err.contains("engine.toml:4: ") && err.contains("max_exchange"), "{err}");

    std::fs::write(&path, "fail-on = \"critical\"\nprofile = \"mine\"\n[profiles.mine]\nchecks = [\"mx\"]\nmute = [{ code = \"mx-null\", reason = \"test\" }]\n").unwrap();
    let output = engine(&["run", "--lab", "healthy.example", "--format", "json"]).current_dir(folder.path()).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["profile"], "mine");
    assert_eq!(report["unused_mutes"][0], "mx-null");

    std::fs::write(&path, "targets = [\"one.invalid\", \"two.invalid\"]\n").unwrap();
    let output = engine(&["run", "--dry-run"]).current_dir(folder.path()).output().unwrap();
    let plan = String::from_utf8(output.stdout).unwrap();
    assert!(plan.contains("one.invalid") && plan.contains("two.invalid"), "{plan}");
}

#[test]
fn several_targets_give_a_report_each_and_a_summary() {
    let (_, out, _) = run(&["run", "--lab", "--only", "mx", "healthy.example", "broken.example"]);
    assert!(out.contains("SUMMARY") && out.matches("healthy.example").count() >= 2, "{out}");
    let (_, out, _) = run(&["run", "--lab", "--only", "mx", "healthy.example", "broken.example", "--format", "json"]);
    assert_eq!(out.lines().count(), 2);
}

#[test]
fn text_is_readable_at_80_columns_without_colour() {
    for domain in World::shipped().domain {
        let (_, out, _) = run(&["run", "--lab", &domain.name]);
        assert!(!out.contains('\u{1b}'), "{out}");
        for line in out.lines().filter(|line| line.chars().count() > 80) {
            // Only what is there to be copied, and names that cannot be broken, may be longer.
            let copied = ["  Publish:", "  Remove:", "  Recheck:", "  Go to:"].iter().any(|label| line.starts_with(label));
            let one_word = line.split_whitespace().any(|word| word.chars().count() > 60);
            assert!(copied || one_word, "{}: {line}", domain.name);
        }
    }
    let (_, out, _) = run(&["--color", "always", "run", "--lab", "--only", "mx", "broken.example"]);
    assert!(out.contains('\u{1b}'));
}

#[test]
fn explain_knows_findings_codes_and_replies() {
    for (words, expected) in [
        (vec!["explain", "mx-alias"], "How to fix it"),
        (vec!["explain", "5.7.23"], "SPF"),
        (vec!["explain", "550"], "550"),
        (vec!["explain", "550", "5.7.1", "Relaying denied"], "5.7.1"),
        (vec!["explain", "541"], "no RFC"),
    ] {
        let (code, out, err) = run(&words);
        assert_eq!(code, 0, "{words:?}: {err}");
        assert!(out.contains(expected), "{words:?}: {out}");
        assert!(!out.contains("```"), "{out}");
    }
}

#[test]
fn the_lab_lists_its_domains_and_says_what_to_ask() {
    let (code, out, _) = run(&["run", "--lab"]);
    assert!(code == 0 && out.contains("healthy.example") && out.contains("broken.example"), "{out}");

    let folder = tempfile::tempdir().unwrap();
    let routes = folder.path().join("routes");
    let mut lab = engine(&["lab", "--route", routes.to_str().unwrap()]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(lab.stdout.take().unwrap()).lines().map_while(Result::ok);
    let ask = lines.find(|line| line.contains("engine run --resolver")).unwrap();
    let words: Vec<&str> = ask.split_whitespace().skip(1).take_while(|word| *word != "DOMAIN").collect();
    let (code, report) = report(&[&words, &["--only", "mx", "healthy.example"][..]].concat());
    lab.kill().unwrap();
    lab.wait().unwrap();
    assert_eq!(code, 0, "{report}");
}

#[test]
fn ctrl_c_reports_what_is_known_so_far() {
    let folder = tempfile::tempdir().unwrap();
    let world = folder.path().join("world.toml");
    std::fs::write(
        &world,
        "zone = '''\nslow.example. MX 10 mx.slow.example.\nmx.slow.example. A 25.25.9.9\n'''\n[[smtp]]\naddress = \"25.25.9.9\"\nhostname = \"mx.slow.example\"\nsilent_at = \"rcpt\"\n",
    )
    .unwrap();
    let lab = format!("--lab={}", world.display());
    let words = ["run", &lab, "--only", "mx,greylist", "--recipient", "user@slow.example", "--format", "json", "slow.example"];
    let mut child = engine(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // The session is silent at RCPT for 5 s; half a second in, the others are done.
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let mut out = String::new();
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{out}");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert!(codes(&report).iter().any(|code| code.starts_with("mx-")), "{out}");
    assert!(report["could_not_tell"].as_array().unwrap().iter().any(|unknown| unknown["cause"]["kind"] == "interrupted"), "{out}");
}

#[test]
fn a_reader_that_goes_away_is_no_fault() {
    let mut child = engine(&["list", "findings"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert_eq!((child.wait().unwrap().code(), err.as_str()), (Some(0), ""));
}

#[test]
fn completions_are_printed_for_each_shell() {
    for shell in ["bash", "zsh", "fish"] {
        let (code, out, _) = run(&["completions", shell]);
        assert!(code == 0 && out.contains("engine"), "{shell}");
    }
}
