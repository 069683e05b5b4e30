#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use crate::fields::FieldFault;

#[test]
fn faults_of_a_record_are_pointed_at() {
    for (text, expected) in [
        ("v=STSv1; id=20160831085700Z;", None),
        ("v=STSv1;id=1", None),
        ("v=STSv1 ; id=1 ;", None),
        ("v=STSv1; id=2024-01-01", Some(("-", RecordFault::Id))),
        ("v=STSv1; id = 1", Some((" = ", RecordFault::Field(FieldFault::SpaceAtEquals)))),
        ("v=STSv1 id=1", Some(("v=STSv1 id=1", RecordFault::Version))),
        ("V=STSv1; id=1", Some(("V=STSv1", RecordFault::Version))),
        ("id=1; v=STSv1;", Some(("id=1", RecordFault::Version))),
        ("v=STSv1; id=1; id=2", Some(("id=2", RecordFault::Twice))),
        ("v=STSv1; mode", Some(("v=STSv1; mode", RecordFault::NoId))),
        ("v=STSv1; id=1;;", Some((";", RecordFault::Field(FieldFault::Empty)))),
        ("v=STSv1; id=é", Some(("é", RecordFault::Id))),
    ] {
        let record = parse_record(text);
        let first = record.issues.first().map(|issue| (issue.span.of(text), issue.kind));
        assert_eq!(first, expected, "{text}");
    }
}

#[test]
fn what_is_no_record_is_left_out_before_counting() {
    assert!(is_record("v=STSv1; id=1") && is_record("v=STSv1") && is_record("v=STSv1\t;"));
    for text in ["v=STSv12; id=1", "id=1; v=STSv1", " v=STSv1; id=1", "v=spf1 -all"] {
        assert!(!is_record(text), "{text}");
    }
}

#[test]
fn only_a_near_miss_of_the_version_resembles_a_record() {
    for text in [
        "v=STSv12; id=1",
        "v=STSv2; id=1",
        "v=STS1; id=1",
        "v = stsv1; id=1",
        "V=STSv1; id=1",
        "v:STSv1; id=1",
        "STSv1; id=1",
        "\"v=STSv1; id=1\"",
        "v=\"STSv1\"; id=1",
        " v=STSv1; id=1",
        "v=STSv1 id=1",
        "v=STSv1, id=1",
        "v=MTA-STSv1; id=1",
        "v=STTv1; id=1",
        "v=SSTv1; id=1",
        "id=1; v=STSv1",
        "v=STS",
    ] {
        assert!(resembles_record(text), "{text}");
    }
    for text in [
        "v=STSv1; id=1-2",
        "v=spf1 -all",
        "v=spf1 include:hosts.example -all",
        "v=spf1 include:_spf.mta-sts.example -all",
        "google-site-verification=abcSTSdef",
        "sts=abc",
        "sts",
        "v=stsomething",
        "v=DMARC1; p=none; rua=mailto:sts@a.example",
        "v=DKIM1; p=STSv1",
        "v=TLSRPTv1; rua=mailto:mta-sts@a.example",
        "v=BIMI1; l=",
        "azazaza;asdasdasdasd",
        "",
    ] {
        assert!(!resembles_record(text), "{text}");
    }
}

#[test]
fn faults_of_a_policy_are_pointed_at() {
    let with = |line: &str| format!("version: STSv1\nmode: enforce\nmx: a.example\n{line}\n");
    for (text, expected) in [
        (with("max_age: 86400"), None),
        (with("max_age: 31557600\r"), None),
        (with("max_age: 31557601"), Some(("31557601", PolicyFault::MaxAgeTooLong))),
        (with("max_age: -1"), Some(("-1", PolicyFault::MaxAge))),
        (with("max_age: 1\nmx: *.*.b.example"), Some(("*.*.b.example", PolicyFault::Mx))),
        (with("max_age: 1\nmx: .b.example"), Some((".b.example", PolicyFault::Mx))),
        (with("max_age: 1\nmax_age: 2"), Some(("max_age: 2", PolicyFault::Twice))),
        (with("max_age: 1\n\nx: y"), Some(("", PolicyFault::EmptyLine))),
        (with("max_age: 1\n<html>"), Some(("<html>", PolicyFault::Line))),
        ("\u{feff}version: STSv1\nmode: none\nmax_age: 1".to_owned(), Some(("\u{feff}", PolicyFault::ByteOrderMark))),
        ("version: STSv1\nmode: doubt\nmax_age: 1".to_owned(), Some(("doubt", PolicyFault::Mode))),
        ("version: STSv1\nmode: Enforce\nmax_age: 1".to_owned(), Some(("Enforce", PolicyFault::Mode))),
        ("version: STSv1\nmode: testing\nmax_age: 1".to_owned(), Some(("testing", PolicyFault::NoMx))),
    ] {
        let policy = parse_policy(&text);
        let first = policy.issues.first().map(|issue| (issue.span.of(&text), issue.kind));
        assert_eq!(first, expected, "{text}");
    }
}

#[test]
fn a_pattern_covers_one_label() {
    let pattern = |text: &str| Pattern { text: text.to_owned(), span: crate::Span::default() };
    assert!(pattern("MX.a.example").matches("mx.A.example."));
    assert!(pattern("*.a.example").matches("x.a.example"));
    for host in ["a.example", "x.y.a.example", ".a.example", "xa.example"] {
        assert!(!pattern("*.a.example").matches(host), "{host}");
    }
}

#[test]
fn endless_text_is_read_in_bounds() {
    let policy = parse_policy(&"x: y\n".repeat(200_000));
    assert!(policy.issues.iter().any(|issue| issue.kind == PolicyFault::TooLong));
    assert!(policy.issues.len() < 10);
    assert!(!parse_policy(&"\n".repeat(1 << 20)).issues.is_empty());
    let text = format!("v=STSv1; id={}", "é;".repeat(60_000));
    let record = parse_record(&text);
    assert!(record.issues.iter().any(|issue| issue.kind == RecordFault::Field(FieldFault::TooLong)));
}
