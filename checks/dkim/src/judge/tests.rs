#![allow(clippy::unwrap_used, clippy::expect_used)]
use engine_plugin_api::{Actor, Cause, CauseKind, EvidenceId, Observed, Severity};

use super::judge;
use crate::facts::{Answer, Facts, Origin, Selector};

/// RFC 6376 §C.2.
pub(super) const RSA_1024: &str = "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/zYtIxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v/RtdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhitdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB";

pub(super) fn selector(name: &str, origin: Origin, aliases: &[&str], texts: &[&str]) -> Selector {
    Selector {
        name: name.into(),
        domain: "a.example".into(),
        origin,
        answer: Observed::Known(Answer {
            evidence: EvidenceId(format!("dns:TXT:{name}._domainkey.a.example")),
            aliases: aliases.iter().map(|&alias| alias.to_owned()).collect(),
            alias_text: aliases.first().map(|alias| format!("{name}._domainkey.a.example. CNAME {alias}.")),
            texts: texts.iter().map(|&text| text.to_owned()).collect(),
            ttl: Some(3600),
        }),
    }
}

pub(super) fn facts(selectors: Vec<Selector>) -> Facts {
    Facts {
        domain: "a.example".into(),
        domain_gone: false,
        sends_none: Observed::Known(false),
        below: Observed::Known(true),
        below_evidence: EvidenceId::default(),
        made_up: selector("no-such", Origin::Guessed, &[], &[]),
        selectors,
        guessed: 48,
        unanswered: Vec::new(),
        mail: None,
    }
}

pub(super) fn codes(facts: &Facts) -> Vec<(String, Option<Severity>)> {
    judge(facts).findings.into_iter().map(|finding| (finding.code, finding.severity)).collect()
}

#[test]
fn nothing_found_by_guessing_says_nothing() {
    let judgement = judge(&facts(Vec::new()));
    assert!(judgement.findings.is_empty());
    assert_eq!(judgement.unknowns[0].cause.kind, CauseKind::NeedsInput);
    assert!(judgement.unknowns[0].advice.is_some());

    let mut silent = facts(Vec::new());
    silent.below = Observed::Known(false);
    silent.unanswered = vec![("s1._domainkey.a.example".into(), Cause::new(CauseKind::Timeout, "no answer"))];
    let judgement = judge(&silent);
    assert_eq!((judgement.findings.len(), judgement.unknowns[0].cause.kind), (0, CauseKind::Timeout));

    silent.unanswered.clear();
    assert_eq!(codes(&silent), [("dkim-none".to_owned(), None)]);
    silent.sends_none = Observed::Known(true);
    assert_eq!(codes(&silent), []);
}

#[test]
fn what_every_selector_gets_is_no_key() {
    let key = format!("v=DKIM1; p={RSA_1024}");
    let mut wild = facts(vec![selector("s1", Origin::Guessed, &[], &[&key])]);
    wild.made_up = selector("no-such", Origin::Guessed, &[], &[&key]);
    assert_eq!(codes(&wild), [("dkim-wildcard".to_owned(), Some(Severity::Notice))]);
    assert_eq!(judge(&wild).unknowns.len(), 1);
}

#[test]
fn a_private_key_is_one_finding_and_never_published_again() {
    let pem = format!("v=DKIM1; k=rsa; p=-----BEGIN RSA PRIVATE KEY-----{RSA_1024}-----END RSA PRIVATE KEY-----");
    let judgement = judge(&facts(vec![selector("s1", Origin::Known, &[], &[&pem])]));
    assert_eq!(judgement.findings.iter().filter(|f| f.code == "dkim-private-key").count(), 1);
    assert!(judgement.findings.iter().all(|f| f.remedy.as_ref().is_none_or(|r| r.publish.is_empty())));
}

#[test]
fn the_record_in_the_remedy_is_the_one_that_was_meant() {
    let text = format!("\"v=DKIM1; k=rsa; p={RSA_1024}\"");
    let judgement = judge(&facts(vec![selector("s1", Origin::Known, &[], &[&text])]));
    let remedy = judgement.findings[0].remedy.clone().unwrap();
    assert_eq!(remedy.publish[0].value, format!("v=DKIM1; k=rsa; p={RSA_1024}"));
    assert_eq!(
        (remedy.publish[0].name.as_str(), remedy.withdraw[0].value.as_str()),
        ("s1._domainkey.a.example", text.as_str())
    );
}

#[test]
fn behind_an_alias_the_service_must_act() {
    let judgement = judge(&facts(vec![selector("s1", Origin::Known, &["s1.service.example"], &["v=DKIM1; k=rsa"])]));
    let actors: Vec<(&str, Actor)> = judgement.findings.iter().map(|f| (f.code.as_str(), f.actor)).collect();
    assert_eq!(actors, [("dkim-alias", Actor::SendingService), ("dkim-key-missing", Actor::SendingService)]);
    let dangling = judge(&facts(vec![selector("s1", Origin::Guessed, &["s1.service.example"], &[])]));
    assert_eq!(
        (dangling.findings[0].severity, dangling.findings[0].actor),
        (Some(Severity::Warning), Actor::DomainOwner)
    );
}

#[test]
fn parts_of_a_key_are_put_together_in_any_order() {
    let (a, b, c) = (&RSA_1024[..80], &RSA_1024[80..150], &RSA_1024[150..]);
    let head = format!("v=DKIM1; p={a}");
    for texts in [[head.as_str(), b, c], [c, head.as_str(), b]] {
        let judgement = judge(&facts(vec![selector("s1", Origin::Known, &[], &texts)]));
        assert_eq!(judgement.findings[0].code, "dkim-record-split");
        let remedy = judgement.findings[0].remedy.clone().unwrap();
        assert_eq!((remedy.publish[0].value.clone(), remedy.withdraw.len()), (format!("{head}{b}{c}"), 3));
    }
}

#[test]
fn a_selector_that_is_used_is_judged_by_whatever_answers() {
    let key = format!("v=DKIM1; p={RSA_1024}");
    for (text, code, severity) in [
        ("v=spf1 -all", "dkim-not-a-key", None),
        ("v=DKIM1; p=", "dkim-revoked", Some(Severity::Error)),
        (key.as_str(), "dkim-key", None),
    ] {
        let mut wild = facts(vec![selector("s1", Origin::Known, &[], &[text])]);
        wild.made_up = selector("no-such", Origin::Guessed, &[], &[text]);
        let found = codes(&wild);
        assert!(found.contains(&(code.to_owned(), severity)), "{text}: {found:?}");
        assert!(found.iter().any(|(code, _)| code == "dkim-wildcard"), "{text}: {found:?}");
        // The key in use is not to be cut off.
        let judgement = judge(&wild);
        let remedy =
            judgement.findings.iter().find(|one| one.code == "dkim-wildcard").and_then(|one| one.remedy.clone());
        let keeps = remedy.is_some_and(|remedy| remedy.step.contains("only then take the wildcard away"));
        assert_eq!(keeps, code == "dkim-key", "{text}");
    }
}

#[test]
fn another_text_beside_a_key_is_no_second_key_and_no_pass() {
    let key = format!("v=DKIM1; p={RSA_1024}");
    for texts in [["hello", key.as_str()], [key.as_str(), "hello"]] {
        let judgement = judge(&facts(vec![selector("s1", Origin::Known, &[], &texts)]));
        let [finding] = judgement.findings.as_slice() else { panic!("{judgement:#?}") };
        let remedy = finding.remedy.clone().unwrap();
        assert_eq!(finding.code, "dkim-multiple-records");
        assert_eq!(remedy.withdraw.iter().map(|record| record.value.as_str()).collect::<Vec<_>>(), ["hello"]);
    }
}

#[test]
fn when_a_change_is_seen_is_said_of_a_change_only() {
    let texts = [format!("v=DKIM1; t=z; p={RSA_1024}"), format!("v=DKIM1; k=rsa; P={RSA_1024}"), "v=DKIM1; p=x".into()];
    let judgements = texts.map(|text| judge(&facts(vec![selector("s1", Origin::Known, &[], &[&text])])));
    let remedies: Vec<_> =
        judgements.iter().flat_map(|one| &one.findings).filter_map(|finding| finding.remedy.as_ref()).collect();
    let has_record = |remedy: &&engine_plugin_api::Remedy| !(remedy.publish.is_empty() && remedy.withdraw.is_empty());
    for remedy in &remedies {
        assert_eq!(remedy.effect.is_some(), has_record(remedy), "{remedy:#?}");
    }
    assert!(remedies.iter().any(|remedy| !has_record(remedy)), "{remedies:#?}");
}
