//! `engine logs`, run as a user does.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::Value;

const REFUSED: &str = "Nov 25 10:00:01 mail postfix/smtp[11]: 4AAAAAAAAA: to=<jo@b.example>, relay=mx.b.example[192.0.2.1]:25, delay=1, delays=0/0/0/1, dsn=5.1.1, status=bounced (host mx.b.example[192.0.2.1] said: 550 5.1.1 <jo@b.example>: User unknown (in reply to RCPT TO command))\n";
const SENT: &str = "Nov 25 10:00:02 mail postfix/smtp[11]: 4BBBBBBBBB: to=<jo@b.example>, relay=mx.b.example[192.0.2.1]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 4CC)\n";
const KEPT_OUT: &str = "Nov 25 11:30:00 mail postfix/smtpd[13]: NOQUEUE: reject: RCPT from unknown[198.51.100.7]: 554 5.7.1 <x@y.example>: Relay access denied; from=<a@z.example> to=<x@y.example> proto=ESMTP helo=<z.example>\n";

fn engine(words: &[&str], folder: &Path, input: &str) -> Output {
    let mut child = Command::new(engine_tests::program())
        .arg("logs")
        .args(words)
        .current_dir(folder)
        .env("XDG_CONFIG_HOME", "/nonexistent")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    // Where it does not read, nobody takes this.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

#[test]
fn exit_codes_are_those_of_the_documentation() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    write("refused", REFUSED.as_bytes());
    write("sent", SENT.as_bytes());
    write("kept-out", KEPT_OUT.as_bytes());
    write("binary", b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
    write("cut.gz", &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3]);
    write("utf16", &"Nov 25".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>());
    write("empty", b"");
    write("bad.toml", b"[[rule]]\nreason = \"no-such\"\n");
    for (words, code, says) in [
        (&["refused"][..], 1, "the mailbox does not exist"),
        (&["sent"], 0, "Nothing was refused or deferred."),
        (&["kept-out"], 0, "does not relay"),
        (&["sent", "refused"], 1, "2 files"),
        (&["binary"], 3, "binary data"),
        (&["cut.gz"], 3, "broken or cut"),
        (&["utf16"], 3, "iconv"),
        (&["empty"], 3, "it is empty"),
        (&["refused", "binary"], 1, "binary data"),
        (&["no-such"], 2, "could not read no-such"),
        (&["."], 2, "is a folder"),
        (&[], 2, "required"),
        (&["--rules", "bad.toml", "sent"], 2, "bad.toml:2: unknown variant `no-such`"),
    ] {
        let output = engine(words, folder.path(), "");
        let told = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
        assert_eq!(output.status.code(), Some(code), "{words:?}: {told}");
        assert!(told.contains(says), "{words:?}: {told}");
    }
}

#[test]
fn the_json_fits_its_published_schema() {
    let folder = tempfile::tempdir().unwrap();
    let output = engine(&["--format", "json", "-"], folder.path(), &format!("{REFUSED}{SENT}{KEPT_OUT}"));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let schema: Value = serde_json::from_str(include_str!("../../docs/schema/logs-v1.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let faults: Vec<String> = validator.iter_errors(&report).map(|error| error.to_string()).collect();
    assert!(faults.is_empty(), "{faults:?}");
    assert_eq!(report["schema"], "logs/v1");
    assert_eq!(report["causes"][0]["reason"], "mailbox-unknown");
    assert_eq!(report["causes"][1]["direction"], "incoming");
}

#[test]
fn rules_of_the_users_own_count() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("own.toml"),
        "[[rule]]\nfrom = [\"*b.example\"]\nsays = [\"user unknown\"]\nreason = \"policy\"\nmeaning = \"they say so to all\"\n",
    )
    .unwrap();
    std::fs::write(folder.path().join("engine.toml"), "[rules]\nfiles = [\"own.toml\"]\n").unwrap();
    let output = engine(&["--format", "json", "-"], folder.path(), REFUSED);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["causes"][0]["reason"], "policy", "{report}");
    assert_eq!(report["causes"][0]["said_to_mean"][0]["name"], "they say so to all");
}

#[test]
fn nothing_in_a_log_steers_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let hostile = REFUSED.replace("User unknown", "User \u{1b}[2J\u{9b}31m unknown \u{202e}");
    let output = engine(&["-"], folder.path(), &hostile);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("\\u{1b}[2J") && !text.contains(['\u{1b}', '\u{9b}', '\u{202e}']), "{text}");
}
