#![allow(clippy::unwrap_used)]

use engine_plugin_api::{EvidenceId, Observed};

use super::*;

/// What stands at `_smtp._tls.d.example`, or at the end of its alias.
fn finding(alias: Option<&str>, is_gone: bool, texts: &[&str]) -> Finding {
    let facts = Facts {
        domain: "d.example".to_owned(),
        texts: Observed::Known(texts.iter().map(|text| (*text).to_owned()).collect()),
        evidence: EvidenceId::default(),
        home: alias.unwrap_or("_smtp._tls.d.example").to_owned(),
        is_gone,
        alias: alias.map(str::to_owned),
        destinations: Vec::new(),
    };
    judge(&facts).findings.remove(0)
}

/// `- name TYPE value` and `+ name TYPE value`.
fn changes(finding: &Finding) -> Vec<String> {
    let remedy = finding.remedy.as_ref().unwrap();
    let line =
        |sign, record: &engine_plugin_api::Record| format!("{sign} {} {} {}", record.name, record.rtype, record.value);
    let withdrawn = remedy.withdraw.iter().map(|record| line('-', record));
    withdrawn.chain(remedy.publish.iter().map(|record| line('+', record))).collect()
}

#[test]
fn a_record_behind_an_alias_is_changed_where_it_stands() {
    let found = finding(Some("a.sts.example"), false, &["v=TLSRPTv1; rua=a@d.example"]);
    let expected =
        ["- a.sts.example TXT v=TLSRPTv1; rua=a@d.example", "+ a.sts.example TXT v=TLSRPTv1; rua=mailto:a@d.example"];
    assert_eq!(changes(&found), expected);
}

#[test]
fn the_owners_destinations_are_kept_and_named() {
    for (text, kept) in [
        ("v=TLSRPTv1 rua=mailto:a@d.example", "mailto:a@d.example"),
        ("v=TLSRPTv1; RUA=mailto:a@d.example", "mailto:a@d.example"),
        ("v=TLSRPTv1; rua=mailto:a@d.example!10m", "mailto:a@d.example"),
        ("v=TLSRPTv1; rua=mailto:a@d.example;mailto:b@d.example", "mailto:a@d.example,mailto:b@d.example"),
    ] {
        let found = finding(None, false, &[text]);
        let remedy = found.remedy.as_ref().unwrap();
        assert_eq!(remedy.publish[0].value, format!("v=TLSRPTv1; rua={kept}"), "{text}");
        assert!(kept.split(',').all(|uri| remedy.step.contains(uri)), "{}", remedy.step);
    }
    let step = finding(None, false, &["v=TLSRPTv1; rua=ftp://d.example"]).remedy.unwrap().step;
    assert!(step.contains("No destination can be read") && step.contains("leaves out `ftp://d.example`"), "{step}");
}

#[test]
fn an_alias_that_leads_nowhere_gives_way() {
    for (end, is_gone, code) in [
        ("gone.sts.example", true, ALIAS_BROKEN),
        ("a._tlsrpt.sts.example", false, ALIAS_BROKEN),
        ("www.host.example", false, MISSING),
    ] {
        let found = finding(Some(end), is_gone, &[]);
        assert_eq!(found.code, code, "{end}");
        let expected = [
            format!("- _smtp._tls.d.example CNAME {end}."),
            "+ _smtp._tls.d.example TXT v=TLSRPTv1; rua=mailto:tls-reports@d.example".to_owned(),
        ];
        assert_eq!(changes(&found), expected);
    }
}
