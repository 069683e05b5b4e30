#![allow(clippy::unwrap_used, clippy::expect_used)]
use engine_plugin_api::{Actor, EvidenceId, Observed};

use super::*;
use crate::facts::{Forward, Helo, Ptr, PtrRecord};

const IP: &str = "25.25.1.1";

fn forward(addresses: &[&str]) -> Observed<Forward> {
    Observed::Known(Forward {
        evidence: EvidenceId("dns:A:x".into()),
        exists: !addresses.is_empty(),
        aliases: Vec::new(),
        addresses: addresses.iter().map(|ip| ip.parse().unwrap()).collect(),
        alias_text: None,
    })
}

fn unknown<T>() -> Observed<T> {
    Observed::Unknown(Cause::new(CauseKind::Timeout, "no answer in 5 s"))
}

/// An address with names and what each of them leads to.
fn address(sends: bool, names: &[(&str, Observed<Forward>)]) -> Address {
    let record =
        |name: &str| PtrRecord { name: name.into(), ttl: 3600, text: format!("1.1.25.25.in-addr.arpa. PTR {name}.") };
    Address {
        ip: IP.parse().unwrap(),
        sends,
        exchanges: if sends { vec![] } else { vec!["mx.a.example".into()] },
        host: (!sends).then(|| "mx.a.example".into()),
        ptr: Observed::Known(Ptr {
            evidence: EvidenceId("dns:PTR:1.1.25.25.in-addr.arpa".into()),
            exists: true,
            owner: "1.1.25.25.in-addr.arpa".into(),
            records: names.iter().map(|(name, _)| record(name)).collect(),
            negative_ttl: Some(300),
        }),
        names: names.iter().map(|(name, forward)| ((*name).to_owned(), forward.clone())).collect(),
    }
}

fn facts(address: Address) -> Facts {
    Facts {
        domain: Some("a.example".into()),
        not_public: None,
        gaps: Vec::new(),
        addresses: vec![address],
        left_out: 0,
        helo: None,
    }
}

fn codes(judgement: &Judgement) -> Vec<(&str, Option<Severity>)> {
    judgement.findings.iter().map(|finding| (finding.code.as_str(), finding.severity)).collect()
}

fn judged(facts: &Facts) -> Judgement {
    judge(facts, &Config::default())
}

#[test]
fn a_missing_name_weighs_by_whether_the_address_sends_and_says_what_to_ask_for() {
    let sending = judged(&facts(address(true, &[])));
    assert_eq!(codes(&sending), [(crate::MISSING, Some(Severity::Critical))]);
    let remedy = sending.findings[0].remedy.as_ref().unwrap();
    let records: Vec<String> = remedy.publish.iter().map(|r| format!("{}. {} {}", r.name, r.rtype, r.value)).collect();
    assert_eq!(records, ["1.1.25.25.in-addr.arpa. PTR mail.a.example.", "mail.a.example. A 25.25.1.1"]);
    assert_eq!(sending.findings[0].actor, Actor::IpOwner);

    let receiving = judged(&facts(address(false, &[])));
    assert_eq!(codes(&receiving), [(crate::MISSING, Some(Severity::Notice))]);
    // The exchange has the address already.
    assert_eq!(receiving.findings[0].remedy.as_ref().unwrap().publish.len(), 1);
}

#[test]
fn the_helo_name_is_the_one_to_ask_for() {
    let mut facts = facts(address(true, &[]));
    facts.helo = Some(Helo { text: "out.a.example".into(), addresses: Some([forward(&[IP]), forward(&[])]) });
    let judgement = judged(&facts);
    assert_eq!(codes(&judgement), [(crate::MISSING, Some(Severity::Critical))]);
    let publish = &judgement.findings[0].remedy.as_ref().unwrap().publish;
    assert_eq!((publish.len(), publish[0].value.as_str()), (1, "out.a.example."));
}

#[test]
fn a_record_behind_an_alias_is_asked_for_where_it_belongs() {
    let mut address = address(true, &[]);
    if let Observed::Known(ptr) = &mut address.ptr {
        ptr.owner = "1.0-63.1.25.25.in-addr.arpa".into();
    }
    let judgement = judged(&facts(address));
    let remedy = judgement.findings[0].remedy.as_ref().unwrap();
    assert_eq!(remedy.publish[0].name, "1.0-63.1.25.25.in-addr.arpa");
    assert!(remedy.step.contains("RFC 2317"), "{}", remedy.step);
}

#[test]
fn what_is_not_answered_is_neither_confirmed_nor_a_failure() {
    for (names, findings, unknowns) in [
        (vec![("a.b.example", unknown())], 0, 1),
        (vec![("a.b.example", unknown()), ("c.b.example", forward(&["25.25.9.9"]))], 1, 1),
        (vec![("a.b.example", unknown()), ("c.b.example", forward(&[IP]))], 2, 0),
    ] {
        let judgement = judged(&facts(address(true, &names)));
        let found = (judgement.findings.len(), judgement.unknowns.len());
        assert_eq!(found, (findings, unknowns), "{:?}", codes(&judgement));
        assert!(!codes(&judgement).iter().any(|(code, _)| *code == crate::UNCONFIRMED));
    }
    let mut silent = address(true, &[]);
    silent.ptr = unknown();
    let judgement = judged(&facts(silent));
    assert_eq!((judgement.findings.len(), judgement.unknowns.len()), (0, 1));
}

#[test]
fn a_name_below_ones_own_domain_is_mended_there() {
    let own = judged(&facts(address(true, &[("out.a.example", forward(&["25.25.9.9"]))])));
    assert_eq!((own.findings[0].code.as_str(), own.findings[0].actor), (crate::UNCONFIRMED, Actor::DomainOwner));
    let other = judged(&facts(address(true, &[("out.other.example", forward(&[]))])));
    assert_eq!((other.findings[0].code.as_str(), other.findings[0].actor), (crate::UNCONFIRMED, Actor::IpOwner));
    assert_eq!(other.findings[0].remedy.as_ref().unwrap().withdraw.len(), 1);
}

#[test]
fn a_chosen_name_beside_a_generic_one_is_enough() {
    let names = [("1-1-25-25.isp.example", forward(&[IP])), ("mx.a.example", forward(&[IP]))];
    assert!(!codes(&judged(&facts(address(false, &names)))).iter().any(|(code, _)| *code == crate::GENERIC));
    let alone = judged(&facts(address(false, &names[..1])));
    assert!(codes(&alone).contains(&(crate::GENERIC, Some(Severity::Notice))));
}

#[test]
fn only_a_greeting_that_was_heard_can_differ() {
    let facts = facts(address(false, &[("mx.a.example", forward(&[IP]))]));
    let differs = |greeting: Option<&str>| {
        let banner = Banner {
            exchange: "mx.a.example".into(),
            ip: IP.parse().unwrap(),
            evidence: EvidenceId("smtp:x".into()),
            greeting: greeting.map(str::to_owned),
            ehlo: None,
        };
        judge_banners(&facts, &[banner]).findings.len()
    };
    assert_eq!(differs(Some("other.example ESMTP")), 1);
    for agrees in [None, Some("MX.a.example ESMTP"), Some("ESMTP ready"), Some("")] {
        assert_eq!(differs(agrees), 0, "{agrees:?}");
    }
}

#[test]
fn addresses_beyond_the_limit_are_told() {
    let mut facts = facts(address(false, &[("mx.a.example", forward(&[IP]))]));
    facts.left_out = 3;
    assert!(judged(&facts).unknowns[0].what.contains("3 more addresses"));
}
