#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::*;

fn one(line: &str) -> Record {
    let mut records = parse(line).unwrap();
    assert_eq!(records.len(), 1, "{line}");
    records.remove(0)
}

#[test]
fn ttl_and_class_may_be_left_out_or_swapped() {
    for (line, ttl) in [
        ("a.example. A 25.25.1.1", 3600),
        ("a.example 60 A 25.25.1.1", 60),
        ("a.example. 60 IN A 25.25.1.1", 60),
        ("a.example. IN 60 A 25.25.1.1 ; comment", 60),
    ] {
        let record = one(line);
        assert_eq!((record.ttl, record.name.to_ascii()), (ttl, "a.example.".into()), "{line}");
        assert_eq!(record.data, RData::A(A("25.25.1.1".parse().unwrap())), "{line}");
    }
    assert!(parse("; only a comment\n\n  \n").unwrap().is_empty());
}

#[test]
fn every_type_of_the_language_is_read() {
    for (line, rtype) in [
        ("a.example. AAAA 2a09:25::1", 28),
        ("a.example. MX 0 .", 15),
        ("a.example. MX 10 25.25.1.1", 15),
        ("a.example. MX 10 mail_1.a.example", 15),
        ("a.example. CNAME b.example", 5),
        ("a.example. NS ns.a.example", 2),
        ("1.1.25.25.in-addr.arpa. PTR a.example", 12),
        ("a.example. SOA ns.a.example. root.a.example. 1 7200 3600 86400 300", 6),
        ("_x._tcp.a.example. SRV 0 1 25 a.example", 33),
        ("a.example. CAA 0 issue \"ca.example\"", 257),
        ("_25._tcp.a.example. TLSA 3 1 1 00ff 00", 52),
        ("a.example. SPF \"v=spf1 -all\"", 99),
        ("a.example. TYPE65280 \\# 3 01 02ff", 65280),
        ("a.example. A \\# 4 19190101", 1),
        ("*.a.example. TXT hello", 16),
    ] {
        assert_eq!(u16::from(one(line).record_type()), rtype, "{line}");
    }
}

#[test]
fn strings_keep_their_bytes() {
    let record = one(r#"a.example. TXT "v=spf1 \"x\"; ü" "\255\000\\" """#);
    let RData::TXT(txt) = record.data else { panic!("{record}") };
    let strings: Vec<&[u8]> = txt.txt_data.iter().map(|s| &s[..]).collect();
    assert_eq!(strings, ["v=spf1 \"x\"; ü".as_bytes(), b"\xff\x00\\", b""]);
}

#[test]
fn escaped_dots_stay_in_their_label() {
    let name = name(r"a\.b.\255.example").unwrap();
    assert_eq!(name.iter().collect::<Vec<_>>(), [&b"a.b"[..], b"\xff", b"example"]);
}

#[test]
fn a_fault_is_named_with_its_place() {
    for (text, line, column, part) in [
        ("a.example. A 25.25.1.1\nb.example. A 25.25.1", 2, 14, "not an IPv4 address"),
        ("a.example. MX mail.example.", 1, 15, "not a preference"),
        ("a.example. MX 10", 1, 17, "expected an exchange"),
        ("a.example. FOO x", 1, 12, "not a record type"),
        ("a.example. TXT \"open", 1, 16, "does not end"),
        ("a.example. A 25.25.1.1 more", 1, 24, "too much"),
        ("@ A 25.25.1.1", 1, 1, "absolute name"),
        ("$ORIGIN example.", 1, 1, "absolute name"),
        ("a..example. A 25.25.1.1", 1, 1, "label of 0 bytes"),
        ("a.example. SOA ns. r. 1 2 3 4 (", 1, 31, "parentheses"),
        ("a.example. TXT \"\\999\"", 1, 16, "not a byte"),
        ("a.example. TYPE1 \\# 5 00", 1, 21, "1 bytes follow"),
        ("a.example. TYPE1 \\# 0", 1, 21, "a byte at least"),
        ("a.example. NAPTR x", 1, 18, "RFC 3597"),
    ] {
        let error = parse(text).unwrap_err();
        assert_eq!((error.line, error.column), (line, column), "{text}: {}", error.message);
        assert!(error.message.contains(part), "{text}: {}", error.message);
    }
    let long = format!("a.example. TXT \"{}\"", "x".repeat(256));
    assert!(parse(&long).unwrap_err().message.contains("at most 255"));
    assert!(parse(&format!("{}example. A 25.25.1.1", "a.".repeat(130))).is_err());
}
