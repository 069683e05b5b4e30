#![allow(clippy::unwrap_used, clippy::expect_used)]
use proptest::prelude::*;

use super::*;
use crate::tag_list;

// Made with openssl for these tests: `openssl genrsa`, `openssl genpkey -algorithm ed25519`.
const RSA_512: &str = "MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAM7lKUnBGZcZPTJRdQJhi8omhNtPscyvqvY0tU1r+1ZoG3kjZm1zgizK7nP3U6U+HcjFN4M9Dv9q+hsCErHuoWkCAwEAAQ==";
const RSA_512_PRIVATE: &str = "MIIBVAIBADANBgkqhkiG9w0BAQEFAASCAT4wggE6AgEAAkEAzuUpScEZlxk9MlF1AmGLyiaE20+xzK+q9jS1TWv7VmgbeSNmbXOCLMruc/dTpT4dyMU3gz0O/2r6GwISse6haQIDAQABAkBunLoMQn7J96ZuJnqmQTyZYSqajesDAdAnPVrI/7gqIxwLYHGRtCkW0IuHw5ijj8m+lld2KAn1df9H+aEpAZDZAiEA9us7/6BJP6u5fjRrAFsOySOiJAxhcy2g9iNsjjlrJU8CIQDWgRmAapq2n80i22nlFj+KjHDfrFgQcniD19aujPsPxwIgPWPC6Q1K6N+jILObnt0E0hFf8KJ7YA2KJWgtRzcTYpUCIQC44Ho/USJZhq/CfEPv29YWLudWEO+x9UdjsxLoTMBSnwIgbWwpUpLWMvavxCeYCUhKmDDLVI1ItphBD+khyUu1LlM=";
const RSA_1024: &str = "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC0p0HnV+f6S7ym1CBOuuVbEN0fPz61Vq9mMCGdFM52YW+Kyjz/i5sfgzVybSEw5JnY0vAQMwYz9hoAFkhngQz4YRT2QytUmkQ7TBZyzmiUkDEm3IRSK9m+HvQNuCiqRXZFjnLskhUAF3Ilz9LLgQzh5oZxEXJybgBqZTFs/rX4tQIDAQAB";
const RSA_1024_BARE: &str = "MIGJAoGBALSnQedX5/pLvKbUIE665VsQ3R8/PrVWr2YwIZ0UznZhb4rKPP+Lmx+DNXJtITDkmdjS8BAzBjP2GgAWSGeBDPhhFPZDK1SaRDtMFnLOaJSQMSbchFIr2b4e9A24KKpFdkWOcuySFQAXciXP0suBDOHmhnERcnJuAGplMWz+tfi1AgMBAAE=";
const RSA_2048: &str = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAu0ZgOchbHEtrdYv2Ac6Tz/MFt/77LflRzUVWTF3DAThLHJmLm3ZagpCMket0f+Wv7c4XN3HmVAGGTgp8aMEr/JIMHflsfhvmnO2z0e3VZRaB19TQgtp4rxM0qKoGMC/vjiUROHTY/ka+XkM/TrAq2Y6FrXAnmYYblW0lwXUOKQgzbot/jliPyTiInIILPfA79PawsrmjqUepydyzDdRGohy82sHCZWXtwz2/0040W2kfrI2JChs7+rhYVw25+cU/nBYT6sgUsm9TYqnDSALynxEKcq+m8/KNaCI5cUvXVnc2CgoGIVic8w7BJuN7ItJmRxlTFNjrwDZiY5NWnHYD8QIDAQAB";
const ED25519: &str = "WVISSzrbYk0uospANDLMflVQA2fEYye76bwjjElBfvw=";
const ED25519_WRAPPED: &str = "MCowBQYDK2VwAyEAWVISSzrbYk0uospANDLMflVQA2fEYye76bwjjElBfvw=";
const P_256: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEjc5+T007LnT4/s5RVhDclXRQoiOqy1n7bCzja/+QDyU3Wd0EHnTPmb09cayESBmp2gaaEDqlpfFOD1fltDl7kQ==";

/// The issues of a record, with what each points at.
fn check(text: &str, issues: &[(IssueKind, &str)]) -> KeyRecord {
    let record = KeyRecord::parse(text);
    let found: Vec<(IssueKind, &str)> =
        record.issues.iter().map(|issue| (issue.kind.clone(), issue.span.of(text))).collect();
    assert_eq!(found, issues, "issues of {text:?}");
    record
}

fn bits(record: &KeyRecord) -> usize {
    match &record.key {
        KeyState::Rsa(key) => key.bits(),
        _ => 0,
    }
}

#[test]
fn keys_are_measured() {
    for (key, expected) in [(RSA_512, 512), (RSA_1024, 1024), (RSA_2048, 2048)] {
        assert_eq!(bits(&check(&format!("v=DKIM1; k=rsa; p={key}"), &[])), expected);
    }
    let record = check(&format!("v=DKIM1; k=ed25519; p={ED25519}"), &[]);
    assert!(matches!(record.key, KeyState::Ed25519(_)));
    // White space inside a key means nothing (RFC 6376 §3.2).
    let (first, second) = RSA_2048.split_at(200);
    assert_eq!(bits(&check(&format!("v=DKIM1; p={first} \r\n\t{second};"), &[])), 2048);
}

#[test]
fn the_record_of_the_rfc_is_read() {
    // RFC 6376 §C.2.
    let text = "v=DKIM1; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/zYtIxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v/RtdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhitdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB";
    assert_eq!(bits(&check(text, &[])), 1024);
    // RFC 8463 §A.2.
    let record = check("v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", &[]);
    assert_eq!(record.key_type, KeyType::Ed25519);
    // RFC 6376 §3.6.1: a revoked key.
    assert_eq!(check("v=DKIM1; p=", &[]).key, KeyState::Revoked);
}

#[test]
fn what_is_no_key_is_told_apart() {
    let p = |key: &str| format!("v=DKIM1; k=rsa; p={key}");
    check(&p(RSA_512_PRIVATE), &[(IssueKind::PrivateKey, RSA_512_PRIVATE)]);
    // A private key is told even where it is cut off.
    check(&p(&RSA_512_PRIVATE[..200]), &[(IssueKind::PrivateKey, &RSA_512_PRIVATE[..200])]);
    let cut = &RSA_2048[..252];
    check(&p(cut), &[(IssueKind::Der(DerFault::CutOff { has: 189, wanted: 294 }), cut)]);
    check(&p(P_256), &[(IssueKind::Der(DerFault::OtherAlgorithm), P_256)]);
    check(&p("AAAA"), &[(IssueKind::Der(DerFault::NotDer), "AAAA")]);
    check(&p("MII*GfMA0"), &[(IssueKind::Base64, "*GfMA0")]);
    check(&p(ED25519), &[(IssueKind::TypeMismatch, "k=rsa")]);
    check(&p(RSA_1024_BARE), &[(IssueKind::BareRsa, RSA_1024_BARE)]);
    let wrapped = format!("v=DKIM1; k=ed25519; p={ED25519_WRAPPED}");
    check(&wrapped, &[(IssueKind::WrappedEd25519, ED25519_WRAPPED)]);
    assert_eq!(repaired(&wrapped).unwrap(), format!("v=DKIM1; k=ed25519; p={ED25519}"));
    assert_eq!(repaired(&p(ED25519)).unwrap(), format!("v=DKIM1; k=ed25519; p={ED25519}"));
    assert_eq!(repaired(&p(RSA_1024_BARE)).unwrap(), p(RSA_1024));
    let short = RSA_1024.trim_end_matches('=');
    if short.len() < RSA_1024.len() {
        check(&p(short), &[(IssueKind::Padding, &short[short.len() - 1..])]);
    }
}

#[test]
fn what_stands_around_a_record_is_one_issue() {
    let right = format!("v=DKIM1; k=rsa; p={RSA_1024}");
    let (first, second) = RSA_1024.split_at(100);
    for (text, kind, at) in [
        (format!("\"{right}\""), IssueKind::Quoted, "\""),
        (format!("v=DKIM1; k=rsa; p={first}\" \"{second}"), IssueKind::Quoted, "\""),
        (format!("v=DKIM1\\; k=rsa\\; p={RSA_1024}"), IssueKind::Backslash, "\\"),
        (
            format!("v=DKIM1; k=rsa; p=-----BEGIN PUBLIC KEY-----{first} {second}-----END PUBLIC KEY-----"),
            IssueKind::Armour,
            "-----BEGIN PUBLIC KEY-----",
        ),
        (format!("v=DKIM1 k=rsa; p={RSA_1024}"), IssueKind::Separator("k".into()), " "),
        (format!("v=DKIM1; k=rsa, p={RSA_1024}"), IssueKind::Separator("p".into()), ", "),
    ] {
        let record = check(&text, &[(kind, at)]);
        assert_eq!(bits(&record), 1024);
        assert!(record.is_broken());
        assert_eq!(repaired(&text).as_deref(), Some(right.as_str()), "{text}");
    }
    let secret = format!("v=DKIM1; p=-----BEGIN RSA PRIVATE KEY-----{RSA_512_PRIVATE}-----END RSA PRIVATE KEY-----");
    assert!(KeyRecord::parse(&secret).issues.iter().any(|issue| issue.kind == IssueKind::PrivateKey));
    assert_eq!(repaired(&secret), None);
    assert!(
        KeyRecord::parse(&format!("\"v=DKIM1; p={RSA_512_PRIVATE}\""))
            .issues
            .iter()
            .any(|issue| issue.kind == IssueKind::PrivateKey)
    );
}

#[test]
fn tags_are_held_against_the_rfc() {
    let p = format!("p={RSA_1024}");
    check(&format!("k=rsa; {p}"), &[(IssueKind::VersionMissing, "k")]);
    check(&format!("v=dkim1; {p}"), &[(IssueKind::Version, "v=dkim1")]);
    check(&format!("{p}; v=DKIM1"), &[(IssueKind::VersionNotFirst, "v=DKIM1")]);
    check("v=DKIM1; k=rsa", &[(IssueKind::KeyMissing, "v=DKIM1; k=rsa")]);
    check(&format!("v=DKIM1; k=dsa; {p}"), &[(IssueKind::KeyType, "k=dsa")]);
    check(&format!("v=DKIM1; h=sha1; {p}"), &[(IssueKind::Hashes, "h=sha1")]);
    check(&format!("v=DKIM1; h=sha1:sha256; s=email:x; t=y:s; n=a=b \"c\"; {p}"), &[]);
    check(&format!("v=DKIM1; s=tlsrpt; {p}"), &[(IssueKind::Services, "s=tlsrpt")]);
    check(&format!("v=DKIM1; t=y:q; {p}"), &[(IssueKind::UnknownFlag, "t=y:q")]);
    check(&format!("v=DKIM1; g=; {p}"), &[(IssueKind::Granularity, "g=")]);
    check(&format!("v=DKIM1; x=1; {p}"), &[(IssueKind::UnknownTag, "x=1")]);
    check(&format!("v=DKIM1;; {p}"), &[(IssueKind::List(tag_list::IssueKind::EmptyPiece), ";")]);
    let twice = (IssueKind::List(tag_list::IssueKind::Duplicate { first: 1 }), "k=rsa");
    check(&format!("v=DKIM1; k=rsa; k=rsa; {p}"), &[twice]);
}

#[test]
fn a_weak_exponent_is_no_secret() {
    for (modulus, exponent, is_unsafe) in [(0xc1_u8, 1, true), (0xc1, 2, true), (0xc0, 3, true), (0xc1, 3, false)] {
        let mut long = vec![0xc1; 128];
        long[127] = modulus;
        let key = RsaKey { modulus: long, exponent: vec![exponent], form: KeyForm::SubjectPublicKeyInfo };
        let record = KeyRecord { key: KeyState::Rsa(key), ..KeyRecord::default() };
        let again = KeyRecord::parse(&record.to_string());
        assert_eq!(again.issues.iter().any(|issue| issue.kind == IssueKind::Unsafe), is_unsafe);
    }
}

#[test]
fn texts_that_are_meant_as_keys_are_known() {
    for text in ["v=DKIM1; p=", "\"v=DKIM1; p=x", "k=rsa; p=x", "p=x", "v = dkim1", "-----BEGIN PUBLIC KEY-----"] {
        assert!(is_meant_as_key(text), "{text}");
    }
    for text in ["v=spf1 -all", "v=DMARC1; p=none", "google-site-verification=p", "", "p=none; rua=mailto:x"] {
        assert!(!is_meant_as_key(text), "{text}");
    }
}

fn signature(text: &str, issues: &[(SignatureIssueKind, &str)]) -> Signature {
    let signature = Signature::parse(text);
    let found: Vec<(SignatureIssueKind, &str)> =
        signature.issues.iter().map(|issue| (issue.kind.clone(), issue.span.of(text))).collect();
    assert_eq!(found, issues, "issues of {text:?}");
    signature
}

const BODY_HASH: &str = "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=";

#[test]
fn the_signature_of_the_rfc_is_read() {
    // After RFC 8463 §A.3.
    let text = " v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n d=football.example.com; i=@football.example.com;\r\n \
                q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n subject : date : message-id : from : subject : \
                date;\r\n bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n \
                b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\r\n \
                Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==";
    let read = signature(text, &[]);
    assert_eq!((read.algorithm.clone(), read.signature.len()), (Algorithm::Ed25519Sha256, 64));
    assert_eq!(read.key_name().unwrap(), "brisbane._domainkey.football.example.com");
    assert_eq!((read.headers.len(), read.times_signed("From"), read.timestamp), (8, 2, Some(1_528_637_909)));
    let span = read.signature_span.unwrap();
    assert!(span.of(text).starts_with("/gCr") && span.of(text).ends_with("Dw=="));
}

#[test]
fn faults_of_a_signature_are_pointed_at() {
    use SignatureIssueKind::{
        Algorithm, Base64, Canonicalization, ExpiresBeforeSigned, FromUnsigned, HashLength, Identity, Missing, Name,
        Number, Query, Version,
    };
    let with = |extra: &str| format!("v=1; a=rsa-sha256; d=a.example; s=x; h=From; bh={BODY_HASH}; b=AAAA{extra}");
    assert_eq!(signature(&with(""), &[]).domain, "a.example");
    signature(&with("; c=nice"), &[(Canonicalization, "c=nice")]);
    signature(&with("; i=@b.example"), &[(Identity, "i=@b.example")]);
    signature(&with("; i=@xa.example"), &[(Identity, "i=@xa.example")]);
    signature(&with("; i=me@sub.a.example"), &[]);
    signature(&with("; l=-1"), &[(Number("l"), "l=-1")]);
    signature(&with("; t=10; x=10"), &[(ExpiresBeforeSigned, "x=10")]);
    signature(&with("; q=http"), &[(Query, "q=http")]);
    let text = "v=2; a=x; d=a; s=x; h=To; bh=AA==; b=A*";
    signature(
        text,
        &[
            (Version, "v=2"),
            (Algorithm, "a=x"),
            (Name("d"), "d=a"),
            (FromUnsigned, "h=To"),
            (HashLength(1), "AA=="),
            (Base64("b"), "A*"),
        ],
    );
    let kinds: Vec<SignatureIssueKind> = Signature::parse("").issues.into_iter().map(|issue| issue.kind).collect();
    assert_eq!(kinds, ["v", "a", "b", "bh", "d", "s", "h"].map(Missing));
}

proptest! {
    #[test]
    fn any_text_is_read_and_every_span_lies_in_it(text in "[ vkphts=;:\\\\\"\\-DKIM1A-Za-z+/\u{e9}]{0,80}|\\PC{0,80}") {
        let record = KeyRecord::parse(&text);
        for issue in &record.issues {
            prop_assert!(text.get(issue.span.start..issue.span.end).is_some(), "{issue:?}");
        }
        if let Some(meant) = repaired(&text) {
            prop_assert!(!KeyRecord::parse(&meant).is_broken());
            prop_assert_eq!(repaired(&meant), None);
        }
        for issue in &Signature::parse(&text).issues {
            prop_assert!(text.get(issue.span.start..issue.span.end).is_some(), "{issue:?}");
        }
    }

    #[test]
    fn what_is_written_is_read(
        rsa in any::<bool>(),
        modulus in prop::collection::vec(any::<u8>(), 64..600),
        hashes in prop::option::of(Just(vec!["sha256".to_owned(), "sha1".to_owned()])),
        services in prop::option::of(Just(vec!["email".to_owned()])),
        flags in prop::collection::vec(prop_oneof![Just(Flag::Testing), Just(Flag::Strict)], 0..2),
    ) {
        let mut modulus = modulus;
        modulus[0] |= 1;
        let key = if rsa {
            KeyState::Rsa(RsaKey { modulus, exponent: vec![1, 0, 1], form: KeyForm::SubjectPublicKeyInfo })
        } else {
            KeyState::Ed25519(modulus[..32].try_into().unwrap())
        };
        let key_type = if rsa { KeyType::Rsa } else { KeyType::Ed25519 };
        let written = KeyRecord { has_version: true, key_type, key, hashes, services, flags, ..KeyRecord::default() };
        let read = KeyRecord::parse(&written.to_string());
        prop_assert_eq!(&read.key, &written.key);
        prop_assert_eq!(read.to_string(), written.to_string());
        prop_assert_eq!((read.hashes, read.services, read.flags), (written.hashes, written.services, written.flags));
    }

    #[test]
    fn any_bytes_are_a_key_or_none(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let text = format!("v=DKIM1; p={}", super::base64::encode(&bytes));
        let record = KeyRecord::parse(&text);
        prop_assert!(bytes.is_empty() == (record.key == KeyState::Revoked));
    }
}
