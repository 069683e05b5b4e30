//! A message as the target of a run: it is recorded whole, redacted, replayed,
//! and reported by its name and size alone.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    collections::BTreeMap,
    process::{Command, Output, Stdio},
    sync::Arc,
};

use engine_core::{
    net::NetOptions,
    recording::Recording,
    registry::Registry,
    session::{self, Network},
};
use engine_plugin_api::{
    Actor, Check, ConfigError, Context, Evidence, EvidenceId, Finding, Input, Manifest, Message, Outcome, Page, Remedy,
    SideEffect, Subject, Target, services::CLOCK_SLEEP,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    #[schemars(extend("writeOnly" = true))]
    token: String,
}

struct Reader;

impl Check for Reader {
    type Config = Settings;
    fn manifest() -> Manifest {
        const PAGES: &[Page] = &[(
            "reader-found",
            "---\ncode: reader-found\nsince: 0.1.0\nseverity: notice\nconfidence: high\nsource: none\n---\n# T\n",
        )];
        Manifest::new::<Self>("reader", "0.1.0", "tests")
            .needs_any(&[&[Input::Message]])
            .side_effect(SideEffect::None)
            .services(&[CLOCK_SLEEP])
            .pages(PAGES)
    }
    fn new(_: Settings) -> Result<Self, ConfigError> {
        Ok(Reader)
    }
    async fn run(&self, cx: Context, target: Target) -> Outcome {
        let Some(message) = target.message else { return Outcome::NotApplicable { why: "no message".into() } };
        let text = message.bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let quote = Evidence::quoting(&EvidenceId::default(), String::from_utf8_lossy(&message.bytes));
        cx.finding(
            Finding::new("reader-found", Subject::Reply(text), "seen")
                .evidence(quote)
                .actor(Actor::Sender)
                .remedy(Remedy::step("Do.")),
        );
        Outcome::Findings
    }
}

#[tokio::test]
async fn a_message_is_recorded_redacted_and_replayed_byte_for_byte() {
    let mut registry = Registry::default();
    registry.add::<Reader>("test").unwrap();
    let network = Network::new(&NetOptions::new(Vec::new()), None);
    let bytes = b"Subject: k\xfc\xdf\0 \\x41\r\n\r\nzzTOKENzz twice: ZZtokenZZ\n".to_vec();
    for (token, expected) in [
        ("", bytes.clone()),
        ("zztokenzz", { b"Subject: k\xfc\xdf\0 \\x41\r\n\r\nredacted-1 twice: redacted-1\n".to_vec() }),
    ] {
        let target = Target { message: Some(Message::new("b'.eml", bytes.clone())), ..Target::default() };
        let settings = BTreeMap::from([("reader".to_owned(), json!({ "token": token }))]);
        let order = engine_tests::order(target, &["reader"], settings);
        let (_keep, interrupt) = tokio::sync::watch::channel(false);
        let finished = session::run(&registry, &network, order, interrupt, Arc::new(|_| ())).await.unwrap();
        let report = &finished.report;
        let seen: String = expected.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(report.findings[0].subject.name(), seen);
        assert_eq!(report.findings[0].recheck.as_deref(), Some(r"engine run --only reader --message 'b'\''.eml'"));
        let described = report.message.as_ref().unwrap();
        assert_eq!((described.name.as_str(), described.size), ("b'.eml", expected.len()));
        assert_eq!(report.target.message, None, "the report does not carry the message");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("run.json");
        finished.recording.write(&file).unwrap();
        let again = session::replay(&registry, Recording::read(&file).unwrap(), Arc::new(|_| ())).await.unwrap();
        assert_eq!(serde_json::to_string(&again.report).unwrap(), serde_json::to_string(report).unwrap());
    }
}

fn engine(words: &[&str], input: Option<&std::path::Path>) -> (i32, String, String) {
    let input = input.map_or_else(Stdio::null, |path| std::fs::File::open(path).unwrap().into());
    let Output { status, stdout, stderr } =
        Command::new(engine_tests::program()).args(words).stdin(input).output().unwrap();
    (status.code().unwrap(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[test]
fn a_plan_speaks_of_the_message_and_takes_it_from_file_or_standard_input() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mail.eml");
    std::fs::write(&file, "From: a@b.example\r\n\r\nHello\r\n").unwrap();
    for (name, input) in [(file.to_str().unwrap(), None), ("-", Some(file.as_path()))] {
        let (code, out, err) = engine(&["run", "--dry-run", "--message", name], input);
        assert_eq!(code, 0, "{err}");
        assert!(out.contains("with a message of 28 bytes"), "{out}");
        let (code, out, err) = engine(&["run", "--dry-run", "--message", name, "a.example", "b.example"], input);
        assert_eq!((code, out.matches("28 bytes").count()), (0, 2), "{out}{err}");
    }
}

#[test]
fn what_cannot_be_a_message_is_a_clear_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("empty.eml"), "\n\n").unwrap();
    std::fs::write(path("binary.eml"), b"\x7fELF\0\0\0\0").unwrap();
    std::fs::File::create(path("huge.eml")).unwrap().set_len(1 << 30).unwrap();
    let own = path("");
    for (name, expected) in [
        (own.as_str(), "is a directory"),
        (&path("none.eml"), "could not read --message"),
        (&path("empty.eml"), "is empty"),
        (&path("binary.eml"), "is a binary file"),
        (&path("huge.eml"), "is larger than 40 MiB"),
        ("-", "is empty"),
    ] {
        let (code, out, err) = engine(&["run", "--message", name], None);
        assert_eq!((code, out.as_str()), (2, ""), "{name}");
        assert!(err.contains(expected), "{name}: {err}");
    }
}
