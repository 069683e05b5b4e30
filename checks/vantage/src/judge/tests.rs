#![allow(clippy::unwrap_used, clippy::expect_used)]
use engine_plugin_api::{CauseKind, Confidence, EvidenceId, Observed, services::DnsStatus};

use super::*;
use crate::facts::{Contact, Fate, Host};

fn lookup(name: &str, status: DnsStatus, addresses: &[&str]) -> Lookup {
    let failed = !matches!(status, DnsStatus::Answer | DnsStatus::NoData | DnsStatus::NxDomain);
    Lookup {
        name: name.into(),
        evidence: EvidenceId(format!("dns:A:{name}")),
        status,
        cause: failed.then(|| Cause::new(CauseKind::Timeout, "no answer in 5 s")),
        authentic: false,
        addresses: addresses.iter().map(|ip| ip.parse().unwrap()).collect(),
        words: String::new(),
    }
}

fn contact(ip: &str, fate: Fate) -> Option<Contact> {
    Some(Contact { ip: ip.parse().unwrap(), evidence: EvidenceId(format!("smtp:{ip}")), fate })
}

fn failed() -> Fate {
    Fate::Failed(Cause::new(CauseKind::Timeout, "no connection in 10 s"))
}

fn ours() -> Fate {
    Fate::OurSide(Cause::new(CauseKind::OurSide, "network unreachable"))
}

fn host(v4: Option<Fate>, v6: Option<Fate>) -> Host {
    Host {
        domain: "big.example".into(),
        exchange: Observed::Known("mx.big.example".into()),
        v4: v4.and_then(|fate| contact("25.25.51.1", fate)),
        v6: v6.and_then(|fate| contact("2a09:25::1", fate)),
    }
}

/// All is well.
fn good() -> Facts {
    Facts {
        root: lookup(".", DnsStatus::Answer, &[]),
        bogus: Some(lookup("bogus.example", DnsStatus::ServFail, &[])),
        absent: vec![lookup("a.invalid", DnsStatus::NxDomain, &[])],
        lists: vec![("bl.example".into(), lookup("2.0.0.127.bl.example", DnsStatus::Answer, &["127.0.0.2"]))],
        hosts: vec![host(Some(Fate::Reached), Some(Fate::Reached)), host(Some(Fate::Reached), None)],
    }
}

fn codes(judgement: &Judgement) -> Vec<&str> {
    judgement.findings.iter().map(|finding| finding.code.as_str()).collect()
}

#[test]
fn all_is_well() {
    let judgement = judge(&good());
    assert_eq!((codes(&judgement), judgement.unknowns.len()), (vec![READY], 0));
}

#[test]
fn one_silent_server_is_not_a_closed_port_and_two_are() {
    for (hosts, expected, unknowns) in [
        (vec![host(Some(failed()), None)], vec![], 1),
        (vec![host(Some(failed()), None), host(Some(Fate::Reached), None)], vec![READY], 0),
        (vec![host(Some(failed()), None), host(Some(failed()), None)], vec![crate::PORT_25_CLOSED], 0),
        (vec![host(Some(ours()), None)], vec![crate::PORT_25_CLOSED], 0),
        (vec![host(Some(ours()), Some(ours()))], vec![crate::PORT_25_CLOSED, crate::NO_IPV6], 0),
        // IPv6 that fails where IPv4 fails too says nothing more.
        (vec![host(Some(failed()), Some(failed())), host(Some(failed()), None)], vec![crate::PORT_25_CLOSED], 0),
        (vec![host(Some(Fate::Reached), Some(failed()))], vec![crate::NO_IPV6, READY], 0),
        (vec![host(None, Some(Fate::Reached))], vec![], 1),
        (vec![], vec![READY], 0),
    ] {
        let judgement = judge(&Facts { hosts: hosts.clone(), ..good() });
        assert_eq!((codes(&judgement), judgement.unknowns.len()), (expected, unknowns), "{hosts:?}");
        assert!(judgement.findings.iter().all(|finding| matches!(finding.actor, Actor::Network | Actor::Nobody)));
    }
}

#[test]
fn a_missing_route_is_certain_and_silence_is_not() {
    let sure = |fate: Fate| {
        let hosts = vec![host(Some(Fate::Reached), Some(fate))];
        judge(&Facts { hosts, ..good() }).findings[0].confidence
    };
    assert_eq!((sure(ours()), sure(failed())), (Some(Confidence::High), Some(Confidence::Medium)));
}

#[test]
fn a_silent_resolver_is_one_finding() {
    let silent = |name: &str| lookup(name, DnsStatus::Timeout, &[]);
    let facts = Facts {
        root: silent("."),
        bogus: Some(silent("bogus.example")),
        absent: vec![silent("a.invalid"), silent("b.example")],
        lists: vec![("bl.example".into(), silent("2.0.0.127.bl.example"))],
        hosts: vec![Host {
            exchange: Observed::Unknown(Cause::new(CauseKind::Timeout, "no answer")),
            ..host(None, None)
        }],
    };
    let judgement = judge(&facts);
    assert_eq!((codes(&judgement), judgement.unknowns.len()), (vec![RESOLVER_SILENT], 1));
    // The root is known by heart.
    let root = lookup(".", DnsStatus::Answer, &[]);
    assert_eq!(codes(&judge(&Facts { root, ..facts.clone() })), [RESOLVER_SILENT]);
    let absent = vec![lookup("a.invalid", DnsStatus::NxDomain, &[])];
    assert!(!codes(&judge(&Facts { absent, ..facts })).contains(&RESOLVER_SILENT));
}

#[test]
fn what_blocklists_answer_is_read_by_its_address() {
    let of = |status, addresses: &[&str]| {
        let lists = vec![("bl.example".to_owned(), lookup("2.0.0.127.bl.example", status, addresses))];
        let judgement = judge(&Facts { lists, ..good() });
        (judgement.findings.iter().any(|finding| finding.code == crate::RESOLVER_REFUSED), judgement.unknowns.len())
    };
    for refusal in ["127.255.255.252", "127.255.255.254", "127.255.255.255"] {
        assert_eq!(of(DnsStatus::Answer, &[refusal]), (true, 0), "{refusal}");
    }
    assert_eq!(of(DnsStatus::Answer, &["127.0.0.2", "127.0.0.4"]), (false, 0));
    assert_eq!(of(DnsStatus::NxDomain, &[]), (false, 1));
    assert_eq!(of(DnsStatus::Timeout, &[]), (false, 1));
    assert_eq!(of(DnsStatus::Answer, &["25.25.9.9"]), (false, 1));
}

#[test]
fn an_invented_address_and_a_name_that_should_not_validate_are_seen() {
    let absent = vec![lookup("a.invalid", DnsStatus::Answer, &["25.25.9.9"])];
    assert_eq!(codes(&judge(&Facts { absent, ..good() })), [crate::DNS_REWRITTEN]);
    let bogus = Some(lookup("bogus.example", DnsStatus::Answer, &["25.25.9.9"]));
    assert_eq!(codes(&judge(&Facts { bogus, ..good() })), [crate::NOT_VALIDATING, READY]);
    let bogus = Some(lookup("bogus.example", DnsStatus::NxDomain, &[]));
    let judgement = judge(&Facts { bogus, ..good() });
    assert_eq!((codes(&judgement), judgement.unknowns.len()), (vec![], 1));
}
