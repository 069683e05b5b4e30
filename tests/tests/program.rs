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
    command
        .args(words)
        .env_remove("NO_COLOR")
        .env("XDG_CONFIG_HOME", "/nonexistent")
        .env("XDG_DATA_HOME", "/nonexistent")
        .current_dir(std::env::temp_dir())
        .stdin(Stdio::null());
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
            assert!(
                !weighs || domain.expect.iter().any(|expected| expected == code),
                "{words:?}: {code} is not expected: {finding}"
            );
        }
        assert_eq!(report["violations"].as_array().unwrap().len(), 0, "{words:?}: {}", report["violations"]);
    }
}

#[test]
fn the_policy_matrix_shows_three_exchanges_in_three_states() {
    let (_, report) = report(&["run", "--lab", "--only", "smtp,mta-sts,dane", "strict.example"]);
    let rows: Vec<String> = report["policy_matrix"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let cells = row["cells"].as_array().unwrap().iter();
            let cells: Vec<String> = cells
                .map(|cell| format!("{} {}", cell["policy"].as_str().unwrap(), cell["verdict"].as_str().unwrap()))
                .collect();
            format!("{} {}: {}", row["preference"], row["exchange"].as_str().unwrap(), cells.join(", "))
        })
        .collect();
    assert_eq!(
        rows,
        [
            "10 mx1.strict.example: certificate deliver, mta-sts deliver, dane deliver",
            "20 mx2.strict.example: certificate refuse, mta-sts refuse, dane deliver",
            "30 mx3.strict.example: certificate deliver, mta-sts refuse, dane refuse",
        ]
    );
    let (_, text, _) = run(&["run", "--lab", "--only", "smtp,mta-sts,dane", "strict.example"]);
    let table: Vec<&str> = text.lines().skip_while(|line| !line.contains("A sender that holds to")).take(5).collect();
    let expected = [
        "  A sender that holds to …",
        "                         certificate   mta-sts       dane",
        "  10 mx1.strict.example  deliver       deliver       deliver",
        "  20 mx2.strict.example  refuse        refuse        deliver",
        "  30 mx3.strict.example  deliver       refuse        refuse",
    ];
    assert_eq!(table, expected);
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
    let checks: std::collections::BTreeSet<&str> =
        report["findings"].as_array().unwrap().iter().map(|finding| finding["check"].as_str().unwrap()).collect();
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
        let misfits: Vec<String> =
            validator.iter_errors(&report).map(|error| format!("{}: {error}", error.instance_path())).collect();
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
    let ran = |report: &Value| -> Vec<String> {
        report["checks"].as_array().unwrap().iter().map(|check| check["id"].as_str().unwrap().to_owned()).collect()
    };
    let (_, only) = report(&["run", "--lab", "healthy.example", "--only", "mx,spf"]);
    assert_eq!(ran(&only), ["mx", "spf"]);
    let (_, skip) =
        report(&["run", "--lab", "healthy.example", "--skip", "greylist", "--recipient", "user@healthy.example"]);
    let skipped: Vec<&str> =
        skip["skipped"].as_array().unwrap().iter().map(|skipped| skipped["id"].as_str().unwrap()).collect();
    let registry = builtin_checks::registry().unwrap();
    let others = registry.iter().map(|check| check.manifest.id.clone()).filter(|id| !skipped.contains(&id.as_str()));
    assert_eq!(ran(&skip), others.collect::<Vec<_>>());
    assert!(!ran(&skip).contains(&"greylist".to_owned()) && ran(&skip).contains(&"dnsbl".to_owned()));
    let why = skip["skipped"].as_array().unwrap().iter().find(|skipped| skipped["id"] == "greylist").unwrap()["why"]
        .as_str()
        .unwrap()
        .to_owned();
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
        (vec!["run", "--lab", "--only", "mx", "--skip", "mx", "healthy.example"], 3),
        (vec!["run", "--lab", "--only", "greylist", "healthy.example"], 3),
        (vec!["explain", "550 5.7.23 SPF failed"], 0),
        (vec!["explain", "999 foo"], 3),
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
        (vec!["run", "--set", "mx.=1", "a.example"], "CHECK.KEY=VALUE"),
        (vec!["run", "--set", "dnsbl.max_addresses.x=1", "a.example"], "dnsbl.max_addresses"),
        (vec!["run", "--set", "dnsbl.keys.abusix=abcdefgh", "a.example"], "is a secret"),
        (vec!["run", "--lab", "--resolver", "127.0.0.1", "a.example"], "cannot be used with"),
        (vec!["replay", "/dev/zero"], "larger than"),
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
    for (text, expected) in [
        ("targets = [\n\"a.example\",\n\"b c\"]\n", "engine.toml:3: `b c` is no domain"),
        ("\ntarget = []\n", "engine.toml:2: unknown field `target`"),
        ("[net]\n\nehlo = \"a b\"\n", "engine.toml:3: `a b` is no domain"),
        ("[net]\nroots = [\n\"none.pem\"]\n", "engine.toml:3: could not read the certificates of "),
        ("fail-on = \"eror\"\n", "did you mean `error`?"),
    ] {
        std::fs::write(&path, text).unwrap();
        let complaint = |words: &[&str]| {
            let output = engine(words).current_dir(folder.path()).output().unwrap();
            String::from_utf8_lossy(&output.stderr).into_owned()
        };
        let err = complaint(&["run", "--dry-run"]) + &complaint(&["run", "--lab", "--only", "mx", "healthy.example"]);
        assert!(err.contains(expected), "{text}: {err}");
    }

    std::fs::write(&path, "fail-on = \"critical\"\nprofile = \"mine\"\n[profiles.mine]\nchecks = [\"mx\"]\nmute = [{ code = \"mx-null\", reason = \"test\" }]\n").unwrap();
    let output =
        engine(&["run", "--lab", "healthy.example", "--format", "json"]).current_dir(folder.path()).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["profile"], "mine");
    assert_eq!(report["unused_mutes"][0], "mx-null");

    std::fs::write(&path, "targets = [\"one.invalid\", \"two.invalid\"]\n").unwrap();
    let output = engine(&["run", "--dry-run"]).current_dir(folder.path()).output().unwrap();
    let plan = String::from_utf8(output.stdout).unwrap();
    assert!(plan.contains("one.invalid") && plan.contains("two.invalid"), "{plan}");
}

#[test]
fn the_schema_of_the_configuration_knows_every_setting() {
    let schema: Value = serde_json::from_str(&run(&["schema", "config"]).1).unwrap();
    for schema in [&schema, &serde_json::from_str(&run(&["schema", "report"]).1).unwrap()] {
        assert!(jsonschema::meta::is_valid(schema), "{schema:#}");
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    }
    let validator = jsonschema::validator_for(&schema).unwrap();
    for (text, fits) in [
        ("[checks.dnsbl]\nlists = ['default']\n[checks.greylist]\nwait = '6m'\n", true),
        ("[checks.mx]\nmax_exchange = 3\n", false),
        ("[checks.dnsbl]\nextra = [{ zonne = 'a' }]\n", false),
    ] {
        let value: Value = serde_json::to_value(toml::from_str::<toml::Table>(text).unwrap()).unwrap();
        assert_eq!(validator.is_valid(&value), fits, "{text}");
    }
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
            let copied =
                ["  Publish:", "  Remove:", "  Recheck:", "  Go to:"].iter().any(|label| line.starts_with(label));
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

/// A server that falls silent at RCPT, and one that greylists.
const PATIENCE: &str = r#"
zone = '''
slow.example. MX 10 mx.slow.example.
mx.slow.example. A 25.25.9.9
grey.example. MX 10 mx.grey.example.
mx.grey.example. A 25.25.9.8
'''
[[smtp]]
address = "25.25.9.9"
hostname = "mx.slow.example"
silent_at = "rcpt"
[[smtp]]
address = "25.25.9.8"
hostname = "mx.grey.example"
greylist = { delay = "1s", reply = "450 4.2.0 greylisted" }
"#;

#[test]
fn ctrl_c_reports_what_is_known_so_far_and_replays_so() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let lab = runtime.block_on(engine_lab::Lab::start(&World::parse(PATIENCE).unwrap())).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (routes, file) = (folder.path().join("routes"), folder.path().join("run.json"));
    let lines: String = lab.routes().iter().map(|(from, to)| format!("{from} {to}\n")).collect();
    std::fs::write(&routes, lines).unwrap();
    let (routes, file, resolver) = (routes.to_str().unwrap(), file.to_str().unwrap(), lab.resolver().to_string());
    let words = ["run", "--route", routes, "--resolver", &resolver, "--only", "mx,greylist", "--record", file];
    let target = ["--recipient", "user@slow.example", "--format", "json", "slow.example"];
    let command = &mut engine(&[&words[..], &target[..]].concat());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Only silence is left once RCPT has been said.
    while !lab.sessions().iter().flat_map(|session| &session.commands).any(|command| command.starts_with("RCPT")) {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it was interrupted");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let mut out = String::new();
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{out}");
    let report: Value = serde_json::from_str(&out).unwrap();
    let unknowns = report["could_not_tell"].as_array().unwrap();
    assert!(unknowns.iter().any(|unknown| unknown["cause"]["kind"] == "interrupted"), "{out}");
    let (code, again, _) = run(&["replay", file, "--format", "json"]);
    assert_eq!((code, again), (130, out));
}

#[test]
fn a_run_that_waited_or_was_cut_off_replays_byte_for_byte() {
    let folder = tempfile::tempdir().unwrap();
    let [world, file, config] = ["world.toml", "run.json", "engine.toml"].map(|name| folder.path().join(name));
    std::fs::write(&world, PATIENCE).unwrap();
    std::fs::write(&config, "[net]\ndeadline = \"700ms\"\n").unwrap();
    let (lab, file) = (format!("--lab={}", world.display()), file.to_str().unwrap());
    let config = config.to_str().unwrap();
    for (words, expected) in [
        (vec!["--wait", "3s", "--only", "greylist", "--recipient", "u@grey.example", "grey.example"], "confirmed"),
        (vec!["--config", config, "--recipient", "u@slow.example", "slow.example"], "not done after 0.7 s"),
    ] {
        for format in ["text", "json"] {
            let (code, live, err) = run(&[&["run", &lab, "--record", file, "--format", format], &words[..]].concat());
            assert!(live.contains(expected), "{live}{err}");
            assert_eq!(run(&["replay", file, "--format", format]).1, live);
            assert_ne!(code, 2);
        }
    }
}

#[test]
fn selectors_are_asked_for_as_given_and_a_wrong_one_is_named() {
    let words = ["run", "--lab", "--only", "dkim", "--selector", "first", "--selector", "second", "healthy.example"];
    let (code, out, err) = run(&words);
    assert_eq!(code, 1, "{err}");
    for name in ["first._domainkey.healthy.example", "second._domainkey.healthy.example"] {
        assert!(out.contains(name), "{name}: {out}");
    }
    assert!(out.contains("--selector first --selector second healthy.example"), "the command that checks again: {out}");
    let (code, _, err) = run(&["run", "--lab", "--selector", "first", "--selector", "a b", "healthy.example"]);
    assert_eq!(code, 2);
    assert!(err.contains("`a b` is no selector") && err.contains("--selector"), "{err}");
}

#[test]
fn a_reader_that_goes_away_is_no_fault() {
    let mut child = engine(&["list", "findings"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert_eq!((child.wait().unwrap().code(), err.as_str()), (Some(0), ""));
    let mut child = engine(&["run", "--lab", "--only", "mx", "broken.example"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(1), "the findings are owed an exit code");
}

#[test]
fn a_full_disk_is_no_crash() {
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mistaken = engine(&["run", "a b"]).stderr(full()).output().unwrap();
    assert_eq!(mistaken.status.code(), Some(2));
    let unread = engine(&["list"]).stdout(full()).output().unwrap();
    assert_eq!(unread.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unread.stderr).contains("could not write the output"));
}

/// A world whose records, replies and extended errors hold terminal controls,
/// and that has no server at all for one of its domains.
const HOSTILE: &str = r#"
zone = '''
hostile.example. TXT "v=spf1 bogus\027[31m:x\013\010 \155 \194\155 \226\128\174evil -all"
hostile.example. MX 10 h\027.hostile.example.
hostile.example. MX 20 mx.hostile.example.
mx.hostile.example. A 25.25.9.1
faulty.example. MX 10 mx.faulty.example.
lonely.example. MX 10 mx.lonely.example.
mx.lonely.example. A 25.25.9.7
'''
[[fault]]
name = "mx.faulty.example"
answer = "servfail"
ede = { code = 6, text = "evil \u001b[2J\u009b31m\u202e text" }
[[smtp]]
address = "25.25.9.1"
hostname = "mx.hostile.example"
greeting = "220 mx \u001b[2J\u009b31m\u202e hi"
replies = { "RCPT u@hostile.example" = "450 4.2.0 greylisted \u001b[31m\u009b\u202e" }
[[blocklist]]
zones = ["zen.spamhaus.org"]
kind = "ip"
listed = { "25.25.9.1" = "127.0.0.4" }
text = "see \u001b[2J\u009b https://x"
"#;

#[test]
fn nothing_that_a_hostile_world_says_steers_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let world = folder.path().join("a world.toml");
    std::fs::write(&world, HOSTILE).unwrap();
    let lab = format!("--lab={}", world.display());
    for domain in ["hostile.example", "faulty.example"] {
        let recipient = format!("u@{domain}");
        for format in ["text", "json"] {
            let (_, out, err) = run(&["run", &lab, "--verbose", "--recipient", &recipient, "--format", format, domain]);
            let steers = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
            assert!(out.contains(domain) && !out.contains(steers) && !err.contains(steers), "{out}{err}");
        }
    }
    let (_, out, _) = run(&["run", &lab, "--only", "mx", "hostile.example"]);
    assert!(out.contains(&format!("--lab='{}'", world.display())), "{out}");
}

#[test]
fn a_lab_without_servers_is_no_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let world = folder.path().join("world.toml");
    let zone_alone = "zone = '''\na.example. MX 10 mx.a.example.\nmx.a.example. A 25.25.9.7\n'''\n";
    std::fs::write(&world, zone_alone).unwrap();
    let lab = format!("--lab={}", world.display());
    let (code, out, _) = run(&["run", &lab, "--only", "greylist", "--recipient", "u@a.example", "a.example"]);
    assert!(code == 3 && out.contains("no route"), "{out}");

    let routes = folder.path().join("routes");
    std::fs::write(&routes, "25.25.9.7:25 127.0.0.1:9\n").unwrap();
    let (code, _, err) = run(&["run", "--route", routes.to_str().unwrap(), "--resolver", "192.0.2.53", "a.example"]);
    assert!(code == 2 && err.contains("192.0.2.53"), "{err}");
}

#[test]
fn what_the_lab_offers_can_be_pasted() {
    let (_, out, _) = run(&["run", "--lab"]);
    for domain in World::shipped().domain {
        let words = domain.options.iter().filter(|word| word.contains(' '));
        for word in words {
            let quoted = out.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(quoted.contains(&format!("'{word}'")), "{word}: {out}");
        }
    }
}

#[test]
fn a_damaged_recording_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run.json");
    let path = file.to_str().unwrap();
    run(&["run", "--lab", "broken.example", "--record", path]);
    let whole = std::fs::read(&file).unwrap();
    for length in [0, 1, whole.len() / 3, whole.len() - 3] {
        std::fs::write(&file, &whole[..length]).unwrap();
        let (code, out, err) = run(&["replay", path]);
        assert!(code == 2 && out.is_empty() && err.contains("is no recording"), "{length}: {err}");
    }
    for at in (0..whole.len()).step_by(whole.len() / 40) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x11;
        std::fs::write(&file, damaged).unwrap();
        let (code, _, err) = run(&["replay", path]);
        assert!((0..=3).contains(&code) && !err.contains("panicked"), "{at}: {err}");
    }
}

#[test]
fn a_resolver_that_fails_or_is_silent_hides_no_good_one() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let failing = World::parse("[[fault]]\nname = \"*\"\nanswer = \"servfail\"\n").unwrap();
    let (good, failing) = runtime.block_on(async {
        (engine_lab::Lab::start(&World::shipped()).await.unwrap(), engine_lab::Lab::start(&failing).await.unwrap())
    });
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let routes = folder.path().join("routes");
    let lines: String = good.routes().iter().map(|(from, to)| format!("{from} {to}\n")).collect();
    std::fs::write(&routes, lines).unwrap();
    for bad in [failing.resolver(), silent.local_addr().unwrap()] {
        let (bad, good) = (bad.to_string(), good.resolver().to_string());
        for [first, second] in [[&bad, &good], [&good, &bad]] {
            let words = ["--route", routes.to_str().unwrap(), "--resolver", first, "--resolver", second];
            let (code, report) = report(&[&["run", "--only", "mx,spf", "healthy.example"], &words[..]].concat());
            assert_eq!((code, report["could_not_tell"].as_array().unwrap().len()), (0, 0), "{report}");
        }
        let (code, report) = report(&["run", "--only", "mx", "--resolver", &bad, "healthy.example"]);
        assert_eq!((code, report["findings"].as_array().unwrap().len()), (3, 0), "{report}");
    }
}

#[test]
fn completions_are_printed_for_each_shell() {
    for shell in ["bash", "zsh", "fish"] {
        let (code, out, _) = run(&["completions", shell]);
        assert!(code == 0 && out.contains("engine"), "{shell}");
    }
}
