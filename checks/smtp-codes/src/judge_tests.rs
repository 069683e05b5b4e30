#![allow(clippy::unwrap_used)]
use engine_plugin_api::{Check, FindingSpec};

use super::*;

/// The codes of all findings for `text`, in order, and whether something is unknown.
fn codes(text: &str) -> (Vec<String>, bool) {
    let judgement = judge(&Facts::of(text), &Config::default());
    for finding in &judgement.findings {
        assert!(finding.seen.ends_with('.'), "{}", finding.seen);
        for evidence in &finding.evidence {
            let quote = evidence.quote.as_ref().unwrap();
            let span = quote.span.unwrap();
            assert!(quote.text.get(span.start..span.end).is_some(), "{quote:?}");
        }
    }
    (judgement.findings.into_iter().map(|f| f.code).collect(), !judgement.unknowns.is_empty())
}

fn first(text: &str) -> Finding {
    judge(&Facts::of(text), &Config::default()).findings.remove(0)
}

#[test]
fn replies_and_their_findings() {
    for (text, expected, unknown) in [
        ("550 5.1.1 User unknown", &["smtp-unknown-mailbox"][..], false),
        ("250 2.1.5 Ok", &["smtp-success"], false),
        ("354 go ahead", &["smtp-success"], false),
        ("550 5.7.1 relaying denied", &["smtp-relay-denied"], false),
        ("554 5.7.1 <a@b.example>: Relay access denied", &["smtp-relay-denied", "smtp-unusual-pair"], false),
        ("550 4.7.1 relaying denied", &["smtp-relay-denied", "smtp-class-mismatch"], false),
        ("541 rejected by policy", &["smtp-policy-refusal", "smtp-nonstandard-code"], false),
        ("541", &["smtp-unexplained-refusal", "smtp-nonstandard-code"], true),
        ("599 rejected by policy", &["smtp-policy-refusal", "smtp-nonstandard-code"], false),
        ("550 5.7.880 rejected by policy", &["smtp-policy-refusal", "smtp-unregistered-status"], false),
        (
            "550 5.7.606 Access denied, banned sending IP [192.0.2.9]",
            &["smtp-blocklisted", "smtp-provider-meaning"],
            false,
        ),
        (
            "451 4.7.23 doesn't have a PTR record - gsmtp",
            &["smtp-reverse-dns-refusal", "smtp-provider-meaning", "smtp-transient-in-name-only", "smtp-unusual-pair"],
            false,
        ),
        ("4.7.23", &["smtp-spf-refusal", "smtp-provider-meaning", "smtp-transient-in-name-only"], false),
        ("552 5.2.2 mailbox full", &["smtp-mailbox-full", "smtp-permanent-in-name-only"], false),
        ("550", &["smtp-unexplained-refusal"], true),
        ("450 4.2.0 no", &["smtp-unexplained-refusal"], true),
        ("hello world", &[], true),
        ("\u{0}\u{1}\u{2}", &[], true),
        ("User unknown", &["smtp-unknown-mailbox"], false),
        ("550 5.1.1 a@b.example User unknown\n550 5.1.1 c@b.example User unknown", &["smtp-unknown-mailbox"], false),
        ("550 5.1.1 User unknown\n552 5.3.4 message too big", &["smtp-unknown-mailbox", "smtp-too-large"], false),
    ] {
        assert_eq!(codes(text), (expected.iter().map(|c| c.to_string()).collect(), unknown), "{text}");
    }
}

#[test]
fn details_of_codes_can_be_left_out() {
    let judgement =
        judge(&Facts::of("554 5.7.1 Relay access denied"), &Config { code_details: false, ..Config::default() });
    assert_eq!(judgement.findings.len(), 1);
}

#[test]
fn severity_follows_the_class() {
    for (text, severity) in [
        ("550 5.1.1", Some(Severity::Error)),
        ("450 4.2.2", Some(Severity::Warning)),
        ("550 4.2.2", Some(Severity::Error)),
        ("250 ok", None),
        ("mailbox full", None),
    ] {
        assert_eq!(first(text).severity, severity, "{text}");
    }
}

#[test]
fn the_words_that_decide_are_pointed_at() {
    let finding = first("host mx.b.example[192.0.2.4] said:\r\n554 5.7.1 Sorry, relay access denied, ä");
    let quote = finding.evidence[0].quote.clone().unwrap();
    let span = quote.span.unwrap();
    assert_eq!(&quote.text[span.start..span.end], "relay access denied");
    let far = format!("550 5.7.1 {} relay access denied", "ä".repeat(900));
    let quote = first(&far).evidence[0].quote.clone().unwrap();
    let span = quote.span.unwrap();
    assert_eq!(&quote.text[span.start..span.end], "relay access denied");
    assert!(quote.text.len() <= 400);
}

#[test]
fn remedies_name_the_address_and_the_page() {
    let spf = first("550 5.7.23 SPF fail for 192.0.2.9").remedy.unwrap();
    assert!(spf.step.contains("ip4:192.0.2.9"));
    let ptr = first("550 5.7.25 no PTR record for 2001:db8::1").remedy.unwrap();
    assert!(
        ptr.step.contains("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"),
        "{}",
        ptr.step
    );
    // The receiver's own address stands before `said:`.
    let other = first("host mx[192.0.2.4] said: 550 5.7.23 SPF fail").remedy.unwrap();
    assert!(!other.step.contains("192.0.2.4"));
    let listed = first("554 blocked using zen.spamhaus.org; https://x.example/why").remedy.unwrap();
    assert_eq!(listed.url.as_deref(), Some("https://check.spamhaus.org/"));
    let page = first("550 5.7.1 refused, see https://x.example/why?ip=1.").remedy.unwrap();
    assert_eq!(page.url.as_deref(), Some("https://x.example/why?ip=1"));
}

#[test]
fn a_text_that_is_too_long_says_so() {
    let judgement = judge(&Facts::of(&"550 5.1.1 no such user\n".repeat(100)), &Config::default());
    assert_eq!((judgement.findings.len(), judgement.unknowns.len()), (1, 1));
}

#[test]
fn pages_and_reasons_belong_together() {
    let manifest = crate::SmtpCodes::manifest();
    assert!(manifest.faults.is_empty(), "{:?}", manifest.faults);
    for reason in Reason::ALL {
        assert!(manifest.finding(code_of(*reason)).is_some(), "{}", reason.word());
    }
    let sections = ["What it means", "Why it matters", "How to fix it", "When to ignore it", "Source", "Scenarios"];
    let complete =
        |spec: &FindingSpec| sections.iter().all(|section| spec.section(section).is_some_and(|s| !s.is_empty()));
    for spec in &manifest.findings {
        assert!(complete(spec), "{}", spec.code);
    }
}
