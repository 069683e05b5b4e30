#![allow(clippy::unwrap_used, clippy::expect_used)]

use engine_plugin_api::{
    CauseKind, Delivery, EvidenceId, Record,
    services::{
        CertificateFacts, DnsQuestion, DnsRecord, DnsReply, DnsStatus, MailExchanger, RecordData, RecordType,
        SessionEnd, SmtpAnswer, SmtpReply, TlsFacts, Verification,
    },
};

use super::*;
use crate::facts::tlsa_name;

/// The key with this digit in every place of its digest.
fn key(digit: char) -> String {
    digit.to_string().repeat(64)
}

fn record(rdata: &str, at: &str) -> DnsRecord {
    let numbers: Vec<&str> = rdata.split(' ').collect();
    let [usage, selector, matching] = [0, 1, 2].map(|at| numbers[at].parse().unwrap());
    let data = RecordData::Tlsa { usage, selector, matching, data: numbers[3].to_owned() };
    DnsRecord { name: at.to_owned(), rtype: RecordType::Tlsa, ttl: 3600, data }
}

/// A session; `None` for an address that could not be reached, an empty key
/// for one that offers no STARTTLS.
fn session(host: &str, address: &str, key: Option<&str>) -> SmtpReply {
    let request = MailExchanger::new(host, address.parse().unwrap(), "d.example").look();
    let blank = SmtpReply::not_held(&request, Cause::new(CauseKind::Timeout, "no answer"));
    let Some(key) = key else { return blank };
    let leaf = CertificateFacts {
        subject: String::new(),
        issuer: String::new(),
        names: vec![host.to_owned()],
        not_before: 0,
        not_after: i64::MAX,
        sha256: format!("{}0", &key.get(1..).unwrap_or_default()),
        sha512: String::new(),
        spki_sha256: key.to_owned(),
        spki_sha512: key.repeat(2),
        as_anchor: None,
    };
    let tls = TlsFacts {
        version: String::new(),
        cipher: String::new(),
        chain: vec![leaf],
        verification: Verification::UnknownIssuer,
    };
    let line = SmtpAnswer { code: 250, enhanced: None, lines: vec!["mx".into()], took_ms: 1, at_ms: 0 };
    SmtpReply {
        tls: Some(tls).filter(|_| !key.is_empty()),
        greeting: Some(line.clone()),
        ehlo: Some(line),
        end: SessionEnd::Finished,
        ..blank
    }
}

fn exchange(name: &str, alias: Option<&str>, records: &[String], shown: &[Option<String>]) -> Exchange {
    let question = DnsQuestion::new(&tlsa_name(name), RecordType::Tlsa);
    let owner = alias.map_or_else(|| tlsa_name(name), str::to_owned);
    let cname = alias.map(|target| DnsRecord {
        name: tlsa_name(name),
        rtype: RecordType::Cname,
        ttl: 3600,
        data: RecordData::Cname { target: target.to_owned() },
    });
    let tlsa = DnsReply {
        evidence: EvidenceId(format!("dns:TLSA:{name}")),
        status: DnsStatus::Answer,
        answers: cname.into_iter().chain(records.iter().map(|rdata| record(rdata, &owner))).collect(),
        refusal: None,
        ..DnsReply::not_asked(question, Cause::new(CauseKind::Other, ""))
    };
    let address = |at: usize| format!("25.25.1.{}", at + 1);
    Exchange {
        preference: Some(10),
        name: name.to_owned(),
        addresses: Security::Secure,
        base: name.to_owned(),
        tlsa,
        tlsa_status: Security::Secure,
        sessions: shown.iter().enumerate().map(|(at, key)| session(name, &address(at), key.as_deref())).collect(),
    }
}

fn judged(exchanges: Vec<Exchange>) -> Judgement {
    let evidence = EvidenceId("dns:MX".into());
    judge(&Facts { domain: "d.example".into(), mx: Security::Secure, evidence, exchanges })
}

fn values(records: &[Record]) -> Vec<String> {
    records.iter().map(|record| format!("{} {}", record.name, record.value)).collect()
}

fn find<'j>(judgement: &'j Judgement, code: &str) -> &'j Finding {
    judgement.findings.iter().find(|finding| finding.code == code).unwrap_or_else(|| panic!("{judgement:#?}"))
}

#[test]
fn a_record_that_fits_anywhere_is_never_taken_away() {
    let records = [format!("3 1 1 {}", key('a')), format!("3 1 1 {}", key('f'))];
    let judgement = judged(vec![exchange("mx.d.example", None, &records, &[Some(key('a')), Some(key('b'))])]);
    let finding = find(&judgement, crate::MISMATCH);
    let remedy = finding.remedy.as_ref().unwrap();
    assert_eq!(values(&remedy.publish), [format!("_25._tcp.mx.d.example 3 1 1 {}", key('b'))]);
    assert_eq!((values(&remedy.withdraw), finding.severity), (vec![], Some(Severity::Warning)));
    assert_eq!(judgement.stances[0].verdict, Delivery::Deliver);
    assert!(judgement.findings.iter().all(|finding| finding.code != WORKING), "{judgement:#?}");

    // Nor one that fits at another exchange whose records stand at the same name.
    let shared = Some("_dane.d.example");
    let judgement = judged(vec![
        exchange("mx1.d.example", shared, &records, &[Some(key('a'))]),
        exchange("mx2.d.example", shared, &records, &[Some(key('b')), Some(key('c'))]),
    ]);
    let remedy = find(&judgement, crate::MISMATCH).remedy.as_ref().unwrap();
    let missing = ['b', 'c'].map(|digit| format!("_dane.d.example 3 1 1 {}", key(digit)));
    assert_eq!(values(&remedy.publish), missing);
    assert_eq!(values(&remedy.withdraw), [format!("_dane.d.example 3 1 1 {}", key('f'))]);
}

#[test]
fn an_exchange_is_rated_by_its_best_address() {
    let records = [format!("3 1 1 {}", key('a')), format!("3 1 1 {}", key('f'))];
    let (right, wrong, clear) = (Some(key('a')), Some(key('b')), Some(String::new()));
    for (shown, verdict, severity) in [
        (vec![wrong.clone(), right.clone()], Delivery::Deliver, Some(Severity::Warning)),
        (vec![clear.clone(), right.clone()], Delivery::Deliver, Some(Severity::Warning)),
        (vec![right.clone(), None], Delivery::Deliver, None),
        (vec![wrong.clone(), None], Delivery::CouldNotTell, None),
        (vec![wrong.clone(), clear.clone()], Delivery::Refuse, Some(Severity::Critical)),
        (vec![right.clone(), right], Delivery::Deliver, None),
    ] {
        let judgement = judged(vec![exchange("mx.d.example", None, &records, &shown)]);
        assert_eq!(judgement.stances[0].verdict, verdict, "{shown:?}");
        let fault = judgement.findings.iter().find(|finding| finding.code != WORKING);
        assert_eq!(fault.and_then(|finding| finding.severity), severity, "{shown:?}: {judgement:#?}");
        let all_good = verdict == Delivery::Deliver && fault.is_none() && judgement.unknowns.is_empty();
        assert_eq!(judgement.findings.iter().any(|finding| finding.code == WORKING), all_good, "{shown:?}");
    }
}

#[test]
fn records_of_one_key_are_one_record_on_the_day_of_the_next() {
    let key_in_use = key('a');
    let certificate = format!("{}0", &key_in_use[1..]);
    let first = format!("3 1 1 {key_in_use}");
    for (second, single) in [
        (format!("3 1 2 {}", key_in_use.repeat(2)), true),
        (format!("3 0 1 {certificate}"), true),
        (format!("2 1 1 {}", key('e')), true),
        (format!("2 1 1 {key_in_use}"), true),
        (format!("3 1 1 {}", key('f')), false),
        (format!("3 0 1 {}", key('f')), false),
    ] {
        let records = [first.clone(), second.clone()];
        let judgement = judged(vec![exchange("mx.d.example", None, &records, &[Some(key_in_use.clone())])]);
        let found = judgement.findings.iter().any(|finding| finding.code == crate::SINGLE_RECORD);
        assert_eq!(found, single, "{second}: {judgement:#?}");
    }
    // Two addresses with a key each, and no record for a third.
    let records = [first, format!("3 1 1 {}", key('b'))];
    let judgement = judged(vec![exchange("mx.d.example", None, &records, &[Some(key('a')), Some(key('b'))])]);
    assert!(judgement.findings.iter().any(|finding| finding.code == crate::SINGLE_RECORD));
}
