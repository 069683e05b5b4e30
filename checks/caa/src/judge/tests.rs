#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use engine_plugin_api::EvidenceId;

use super::*;

/// `d.example` with the exchange `mx.d.example`, and records: the name asked for, the
/// name at which they stand, and flags, tag and value with a space between.
fn findings(records: &[(&str, &str, &str)]) -> Vec<Finding> {
    let mut sets: BTreeMap<String, Observed<Set>> = BTreeMap::new();
    for (name, home, text) in records {
        let mut parts = text.splitn(3, ' ');
        let mut part = || parts.next().unwrap_or_default();
        let (flags, tag, value) = (part().parse().unwrap(), part().to_owned(), part().trim_matches('"').to_owned());
        let property = Property { flags, tag, value, text: (*text).to_owned() };
        let blank = Set { evidence: EvidenceId::default(), home: (*home).to_owned(), properties: Vec::new() };
        let Observed::Known(set) = sets.entry((*name).to_owned()).or_insert(Observed::Known(blank)) else { continue };
        set.properties.push(property);
    }
    let exchanges = Observed::Known(vec![("mx.d.example".to_owned(), Vec::new())]);
    judge(&Facts { domain: "d.example".to_owned(), domain_gone: false, exchanges, sets }).findings
}

fn find<'f>(findings: &'f [Finding], code: &str) -> &'f Remedy {
    findings.iter().find(|finding| finding.code == code).unwrap().remedy.as_ref().unwrap()
}

#[test]
fn records_behind_an_alias_are_changed_where_they_stand() {
    let text = "0 issue \"https://letsencrypt.org\"";
    let found = findings(&[("mx.d.example", "x.prov.example", text)]);
    let remedy = find(&found, crate::SYNTAX);
    assert_eq!(
        (remedy.withdraw[0].name.as_str(), remedy.publish[0].name.as_str()),
        ("x.prov.example", "x.prov.example")
    );
    assert_eq!(find(&found, crate::NOBODY).publish[0].name, "x.prov.example");
}

#[test]
fn nobody_is_asked_to_change_a_public_suffix() {
    let found = findings(&[("example", "example", "0 issue \"letsencrypt.org\"")]);
    let published = &find(&found, crate::ISSUEMAIL_OPEN).publish;
    assert!(published.iter().all(|record| record.name == "d.example"));
    let values: Vec<&str> = published.iter().map(|record| record.value.as_str()).collect();
    assert_eq!(values, ["0 issue \"letsencrypt.org\"", "0 issuemail \";\""]);
    let found = findings(&[("example", "example", "0 isssue \"letsencrypt.org\"")]);
    let remedy = find(&found, crate::TAG_UNKNOWN);
    assert!(remedy.withdraw.is_empty() && remedy.step.contains("public suffix"), "{remedy:?}");
}

#[test]
fn a_correction_that_restricts_says_so() {
    let step = |records: &[&str]| {
        let records: Vec<_> = records.iter().map(|text| ("d.example", "d.example", *text)).collect();
        find(&findings(&records), crate::TAG_UNKNOWN).step.clone()
    };
    assert!(step(&["0 isssue \"letsencrypt.org\""]).contains("only `letsencrypt.org` may issue certificates"));
    assert!(step(&["0 isssue \";\""]).contains("nobody may issue certificates"));
    let beside = step(&["0 issue \"digicert.com\"", "0 isssue \"letsencrypt.org\""]);
    assert!(beside.contains("lets `letsencrypt.org` issue certificates too"), "{beside}");
}

#[test]
fn a_critical_property_that_nobody_knows_leaves_nothing_to_pass() {
    let found = findings(&[("d.example", "d.example", "128 tbs \"x\"")]);
    let codes: Vec<&str> = found.iter().map(|finding| finding.code.as_str()).collect();
    assert_eq!(codes, [crate::CRITICAL_UNKNOWN]);
}
