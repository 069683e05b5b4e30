//! `engine explain`, run as a user does.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    io::Write,
    process::{Command, Stdio},
};

use serde_json::Value;

/// Exit code, standard output and standard error.
fn explain(words: &[&str], input: &[u8]) -> (i32, String, String) {
    let mut child = Command::new(engine_tests::program())
        .arg("explain")
        .args(words)
        .env("XDG_CONFIG_HOME", "/nonexistent")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    // Where it does not read, nobody takes this.
    let _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn replies(input: &str) -> Vec<Value> {
    let (_, out, err) = explain(&["--format", "json"], input.as_bytes());
    let value: Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{err}"));
    assert_eq!((&value["schema"], &value["kind"]), (&"explain/v1".into(), &"replies".into()));
    value["replies"].as_array().unwrap().clone()
}

#[test]
fn a_reply_is_read_from_standard_input_with_all_that_it_names() {
    let log = "Nov 25 10:00:01 mail postfix/smtp[11]: 4AAAAAAAAA: to=<jo@b.example>, relay=mx.b.example[192.0.2.1]:25, \
               delay=1, dsn=5.7.1, status=bounced (host mx.b.example[192.0.2.1] said: 554 5.7.1 Service unavailable; \
               Client host [198.51.100.7] blocked using zen.spamhaus.org; https://www.spamhaus.org/query/ip/198.51.100.7 \
               (in reply to RCPT TO command))\n";
    let reply = replies(log).remove(0);
    for (key, expected) in [
        ("reply_code", Value::from(554)),
        ("status_code", "5.7.1".into()),
        ("reason", "blocklisted".into()),
        ("recipient", "jo@b.example".into()),
        ("queue_id", "4AAAAAAAAA".into()),
        ("remote_host", "mx.b.example".into()),
        ("remote_address", "192.0.2.1".into()),
        ("command", "RCPT".into()),
        ("clears", "when-fixed".into()),
    ] {
        assert_eq!(reply[key], expected, "{key}: {reply:#}");
    }
    assert_eq!(reply["urls"][0], "https://www.spamhaus.org/query/ip/198.51.100.7");
    assert_eq!(reply["zones"][0], "zen.spamhaus.org");
    assert_eq!(reply["blocklist"]["name"], "Spamhaus");
    assert_eq!(reply["checks"][0], "dnsbl");
    let (code, text, _) = explain(&["-"], log.as_bytes());
    assert_eq!(code, 0);
    assert!(text.contains("To:      jo@b.example") && text.contains("Queue:   4AAAAAAAAA"), "{text}");
}

#[test]
fn several_lines_escaped_wrapped_or_in_other_encodings() {
    let wrapped = "550-5.7.26 This mail has been blocked because the sender is\r\n550-5.7.26 unauthenticated.\r\n550 5.7.26 a1si2345678qtp.12 - gsmtp\r\n";
    assert_eq!(replies(wrapped)[0]["reason"], "unauthenticated");
    assert_eq!(replies(wrapped)[0]["queue_id"], "a1si2345678qtp.12");
    let escaped = "&lt;jo@b.example&gt;: host mx.b.example[192.0.2.1] said: 550 5.1.1 User&nbsp;unknown";
    assert_eq!(
        (&replies(escaped)[0]["reason"], &replies(escaped)[0]["recipient"]),
        (&"mailbox-unknown".into(), &"jo@b.example".into())
    );
    let wide: Vec<u8> = "\u{feff}550 5.1.1 收件人邮箱不存在".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let (code, text, _) = explain(&["-"], &wide);
    assert!(code == 0 && text.contains("smtp-unknown-mailbox"), "{text}");
    let two = "550 5.1.1 <a@b.example>: User unknown\n452 4.2.2 <c@b.example>: Mailbox full\n";
    let reasons: Vec<_> = replies(two).iter().map(|reply| reply["reason"].clone()).collect();
    assert_eq!(reasons, ["mailbox-unknown", "mailbox-full"]);
}

#[test]
fn codes_that_people_get_wrong() {
    for (reply, reason, clears) in [
        ("550 5.7.1 Message refused by policy", "policy", "when-fixed"),
        ("550 5.7.23 Message rejected", "spf", "when-fixed"),
        ("541 The recipient address rejected your message", "policy", "when-fixed"),
        ("450 4.7.25 Client host rejected: cannot find your hostname, [192.0.2.1]", "reverse-dns", "when-fixed"),
        ("454 4.7.1 Relay access denied", "relay-denied", "when-fixed"),
        ("552 5.2.2 Mailbox full", "mailbox-full", "by-itself"),
        ("550 5.7.1 This email has been rate limited. gsmtp", "rate-limited", "by-itself"),
    ] {
        let told = replies(reply).remove(0);
        assert_eq!((&told["reason"], &told["clears"]), (&reason.into(), &clears.into()), "{told:#}");
    }
}

#[test]
fn codes_and_findings_as_json() {
    for (word, kind, pointer, expected) in
        [("5.7.23", "code", "/code/status/title", "SPF validation failed"), ("mx-alias", "finding", "/check", "mx")]
    {
        let (code, out, _) = explain(&["--format", "json", word], b"");
        let value: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(
            (code, &value["kind"], value.pointer(pointer)),
            (0, &kind.into(), Some(&expected.into())),
            "{value:#}"
        );
    }
}

#[test]
fn what_is_no_reply_is_refused_or_not_told() {
    for (words, input, code, says) in [
        (&["-"][..], &b"\x7fELF\0\0\0"[..], 2, "binary data"),
        (&["no-such-code"], b"", 2, "is no finding code"),
        (&["the weather is fine"], b"", 3, "COULD NOT TELL"),
        (&["--rules", "/nonexistent/rules.toml", "550"], b"", 2, "could not read the rules"),
    ] {
        let (found, out, err) = explain(words, input);
        assert!(found == code && (out.contains(says) || err.contains(says)), "{words:?}: {found} {out}{err}");
    }
}

#[test]
fn the_json_of_every_kind_fits_the_published_schema() {
    let output = Command::new(engine_tests::program()).args(["schema", "explain"]).output().unwrap();
    let schema: Value = serde_json::from_slice(&output.stdout).unwrap();
    let published: Value = serde_json::from_str(include_str!("../../docs/schema/explain-v1.json")).unwrap();
    assert_eq!(schema, published);
    let words: Vec<Value> = smtp_reasons::Reason::ALL.iter().map(|reason| reason.word().into()).collect();
    let mut named = schema["$defs"]["reason"]["enum"].as_array().unwrap().clone();
    let mut known = words.clone();
    named.sort_by_key(Value::to_string);
    known.sort_by_key(Value::to_string);
    assert_eq!(named, known);
    let validator = jsonschema::validator_for(&schema).unwrap();
    for (what, kind) in [
        ("mx-alias", "finding"),
        ("5.7.27", "code"),
        ("X.7.23", "code"),
        ("541", "code"),
        ("550 5.1.10", "code"),
        ("550 5.7.26 This mail has been blocked because the sender is unauthenticated - gsmtp", "replies"),
        (
            "554 5.7.1 Client host [192.0.2.1] blocked using zen.spamhaus.org; from=<a@b.example> to=<c@d.example>",
            "replies",
        ),
        ("421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred", "replies"),
        ("571 refused", "replies"),
        ("250 2.0.0 Ok: queued as 4BBBBBBBBB", "replies"),
        ("no code at all", "replies"),
    ] {
        let (_, out, err) = explain(&["--format", "json", what], b"");
        let value: Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{what}: {error}: {err}"));
        assert_eq!(value["kind"], kind, "{what}: {value:#}");
        let faults: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
        assert!(faults.is_empty(), "{what}: {faults:?}");
    }
}
