#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use engine_plugin_api::{Cause, CauseKind, EvidenceId, Judgement, Observed};
use mail_syntax::dmarc::{Answers, Lookup as Known, is_record, names, parse};

use super::{judge, repair::corrected};
use crate::facts::{Facts, Host, Lookup, Mail, Seen, Text};

/// TXT records as a name has them; `!` fails.
fn seen(name: &str, texts: &[&str]) -> Seen {
    let failed = texts.contains(&"!");
    let cause = Cause::new(CauseKind::Timeout, "no answer in 5 s");
    let text = |text: &&str| Text { strings: text.split('|').map(|s| s.as_bytes().to_vec()).collect(), ttl: 3600 };
    Seen {
        name: name.to_owned(),
        evidence: EvidenceId(format!("dns:TXT:{name}")),
        cause: failed.then_some(cause),
        is_absent: texts.is_empty(),
        texts: if failed { Vec::new() } else { texts.iter().map(text).collect() },
        home: name.to_owned(),
    }
}

/// `domain` with mail, SPF and keys, and these records at `_dmarc.`, by domain.
fn facts(domain: &str, records: &[(&str, &str)]) -> Facts {
    let mut known = Answers::default();
    let mut places = BTreeMap::new();
    for name in names(domain) {
        let texts: Vec<&str> = records.iter().filter(|(at, _)| *at == name).map(|(_, text)| *text).collect();
        let seen = seen(&format!("_dmarc.{name}"), &texts);
        let lookup = if seen.cause.is_some() { Known::Failed } else { Known::Texts(seen.joined()) };
        known.insert(&name, lookup);
        places.insert(name, seen);
    }
    let mut keys = seen(&format!("_domainkey.{domain}"), &[]);
    keys.is_absent = false;
    Facts {
        domain: domain.to_owned(),
        places,
        known,
        texts: seen(domain, &["v=spf1 mx -all"]),
        keys,
        probe: seen("_dmarc.absent", &[]),
        mail: Lookup { value: Observed::Known(Mail::Accepted), evidence: EvidenceId::default() },
        exists: Observed::Known(true),
        elsewhere: Vec::new(),
        subdomains: Vec::new(),
        hosts: Vec::new(),
        hosts_left: 0,
    }
}

/// Judges a record of `d.example`; no two remedies may offer different records.
fn judged(text: &str) -> Judgement {
    let judgement = judge(&facts("d.example", &[("d.example", text)]));
    let published = judgement.findings.iter().filter_map(|finding| finding.remedy.as_ref());
    let offered: BTreeSet<&str> = published
        .flat_map(|remedy| &remedy.publish)
        .filter(|record| record.name == "_dmarc.d.example")
        .map(|record| record.value.as_str())
        .collect();
    assert!(offered.len() <= 1, "{offered:?} for {text}");
    for text in offered {
        assert!(is_record(text.as_bytes()), "{text}");
        assert!(parse(text).disabling(mail_syntax::dmarc::Rules::Rfc9989).is_none(), "{text}");
    }
    judgement
}

fn codes(judgement: &Judgement) -> Vec<&str> {
    judgement.findings.iter().map(|finding| finding.code.as_str()).collect()
}

#[test]
fn corrects_what_can_be_meant_in_one_way_only() {
    let check = |text: &str, expected: &str| assert_eq!(corrected(text).text(), expected, "{text}");
    check("v=DMARC1;p=none;", "v=DMARC1; p=none");
    check("v=DMARC1;; P = reject ; junk", "v=DMARC1; p=reject");
    check("v=DMARC1; p=rejct, rua=a@b.example", "v=DMARC1; p=reject; rua=mailto:a@b.example");
    check("v=DMARC1; rua=mailto:a@b.example!10m; p=none", "v=DMARC1; p=none; rua=mailto:a@b.example");
    check("v=DMARC1; p=none; sp=reject; sp=none", "v=DMARC1; p=none; sp=reject");
    check("v=DMARC1; p=none; rau=mailto://a@b.example", "v=DMARC1; p=none; rua=mailto:a@b.example");
    check("v=DMARC1; p=none; note=keep; adkim=strict", "v=DMARC1; p=none; note=keep; adkim=s");
}

#[test]
fn no_report_address_is_lost() {
    let check = |text: &str, expected: &str| {
        assert_eq!(corrected(text).text(), format!("v=DMARC1; p=none; {expected}"), "{text}")
    };
    let both = "rua=mailto:a@d.example,mailto:b@d.example";
    for rest in [
        "rua=mailto:a@d.example;mailto:b@d.example",
        "rua=mailto:a@d.example; b@d.example",
        "rua=a@d.example; rua=b@d.example",
        "rua=mailto:a@d.example; RUA=mailto:b@d.example,mailto:a@d.example",
        "rua=mailto:a@d.example mailto:b@d.example",
        "rua=; mailto:a@d.example; mailto:b@d.example; junk",
    ] {
        check(&format!("v=DMARC1; p=none; {rest}"), both);
    }
    check(
        "v=DMARC1; p=none; rua=mailto:a@d.example; mailto:b@d.example?x=y",
        "rua=mailto:a@d.example,mailto:b@d.example?x=y",
    );
    check(
        "v=DMARC1; p=none; ruf=mailto:a@d.example; mailto:b@d.example; fo=1",
        "ruf=mailto:a@d.example,mailto:b@d.example; fo=1",
    );
}

#[test]
fn a_pasted_record_never_changes_a_policy_unsaid() {
    for (text, policy) in [
        ("v=DMARC1; p=none; ri=1", "none"),
        ("v=DMARC1; p=reject; sp=none; rf=afrf", "reject"),
        ("v=DMARC1; rua=mailto:a@d.example", "none"),
        ("v=DMARC1; p=quarantine; pct=20; fo=1", "quarantine"),
        ("v=DMARC1; p=reject; sp=all", "reject"),
    ] {
        let judgement = judged(text);
        let published = judgement.findings.iter().filter_map(|finding| finding.remedy.as_ref());
        let record = published.flat_map(|remedy| &remedy.publish).next().unwrap();
        let new = parse(&record.value);
        assert_eq!(new.policy.valid().map(|p| p.word()), Some(policy), "{} for {text}", record.value);
        let old = parse(text);
        if old.subdomain_policy.valid().is_some() {
            assert_eq!(new.subdomain_policy, old.subdomain_policy, "{text}");
        }
        if policy != "none" {
            assert_eq!(new.percent, old.percent, "{text}");
        }
    }
}

#[test]
fn one_fault_is_one_finding() {
    assert_eq!(codes(&judged("v=DMARC1; p=reject| rua=mailto:a@d.example")).len(), 2);
    assert_eq!(codes(&judged("v=DMARC1; p=reject; rau=mailto:a@d.example")), ["dmarc-unknown-tag", "dmarc-record"]);
    assert_eq!(
        codes(&judged("v=DMARC1; policy=reject; rua=mailto:a@d.example")),
        ["dmarc-unknown-tag", "dmarc-policy-invalid", "dmarc-record"]
    );
    assert_eq!(codes(&judged("v=DMARC1; p=reject; rua=mailto:a@d.example; t=y")), ["dmarc-test-mode", "dmarc-record"]);
}

#[test]
fn a_failed_lookup_is_told_once_and_never_as_absence() {
    let judgement = judge(&facts("a.d.example", &[("a.d.example", "!"), ("d.example", "!"), ("example", "!")]));
    assert_eq!((codes(&judgement).len(), judgement.unknowns.len()), (0, 1));
    // The record above the failed one may not be the one that applies.
    let judgement = judge(&facts("a.d.example", &[("d.example", "!")]));
    assert_eq!((codes(&judgement).len(), judgement.unknowns.len()), (0, 1), "{judgement:#?}");
    // Its own record stands whatever fails above.
    let lines = [("d.example", "v=DMARC1; p=reject; rua=mailto:a@d.example"), ("example", "!")];
    let judgement = judge(&facts("d.example", &lines));
    assert_eq!((codes(&judgement), judgement.unknowns.len()), (vec!["dmarc-record"], 1));
    let seen = &judgement.findings[0].seen;
    assert!(seen.contains("reject for the domain, what could not be told for all names below it"), "{seen}");
    assert!(!seen.contains("no DMARC"), "{seen}");
    let lines = [("d.example", "v=DMARC1; p=reject; rua=mailto:a@d.example"), ("example", "!")];
    let seen = &judge(&facts("a.d.example", &lines)).findings[0].seen;
    assert!(seen.contains("by RFC 9989: what could not be told for the domain"), "{seen}");
}

#[test]
fn a_public_suffix_above_is_told_as_a_difference() {
    let judgement = judge(&facts("d.co.uk", &[("co.uk", "v=DMARC1; p=reject; psd=y")]));
    assert_eq!(codes(&judgement), ["dmarc-missing", "dmarc-rules-differ"]);
    let missing = &judgement.findings[0];
    assert!(missing.seen.contains("gets `reject`") && !missing.seen.contains("none applies to it from above"));
    let step = &missing.remedy.as_ref().unwrap().step;
    assert!(step.contains("from `reject` to `none`") && !step.contains("changes nothing"), "{step}");
}

#[test]
fn a_record_that_stands_is_given_psd_n() {
    let own = "v=DMARC1; p=reject; rua=mailto:a@d.github.io";
    let judgement = judge(&facts("d.github.io", &[("d.github.io", own), ("github.io", "v=DMARC1; p=none")]));
    let finding = judgement.findings.iter().find(|finding| finding.code == "dmarc-rules-differ").unwrap();
    let remedy = finding.remedy.as_ref().unwrap();
    assert_eq!(remedy.publish[0].value, format!("{own}; psd=n"));
    let mended = [("d.github.io", remedy.publish[0].value.as_str()), ("github.io", "v=DMARC1; p=none")];
    assert_eq!(codes(&judge(&facts("d.github.io", &mended))), ["dmarc-record"]);
}

#[test]
fn says_which_receivers_send_no_reports() {
    let mut facts = facts("d.example", &[("d.example", "v=DMARC1; p=reject; rua=mailto:a@r.example")]);
    let host = |external| Host {
        name: "r.example".to_owned(),
        external,
        authorization: Some(seen("d.example._report._dmarc.r.example", &[])),
        mail: Lookup { value: Observed::Known(Mail::Accepted), evidence: EvidenceId::default() },
        address: None,
    };
    for (external, words) in [
        ([Some(true), Some(true)], "Receivers then send no reports"),
        ([Some(true), Some(false)], "Receivers of RFC 7489 then"),
        ([Some(false), Some(true)], "Receivers of RFC 9989 then"),
    ] {
        facts.hosts = vec![host(external)];
        let judgement = judge(&facts);
        let finding = judgement.findings.iter().find(|f| f.code == "dmarc-report-unauthorised").unwrap();
        assert!(finding.seen.contains(words), "{}", finding.seen);
    }
    facts.hosts = vec![host([Some(false), Some(false)])];
    assert_eq!(codes(&judge(&facts)), ["dmarc-record"]);
}

#[test]
fn hostile_records_stay_within_bounds() {
    for text in [
        "v=DMARC1; p=none; rua=".to_owned() + &"mailto:a@b.example,".repeat(4_000),
        "v=DMARC1; ".to_owned() + &"p=x; ".repeat(10_000),
        "v=DMARC1; p=none; ".to_owned() + &"\u{fffd}\0=;".repeat(10_000),
    ] {
        let judgement = judged(&text);
        let size: usize = judgement.findings.iter().map(|finding| format!("{finding:?}").len()).sum();
        assert!(size < 200_000, "{size} bytes of findings");
    }
}
