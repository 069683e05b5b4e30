//! What remedies offer, held to the same judgement.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use engine_plugin_api::Target;

use super::world;
use crate::testing::{codes, judged, published};

/// What is offered for `record` and what the same check finds where that stands
/// instead, besides `spf-record`.
fn pasted(record: &str, more: &[&str], target: &Target) -> (Option<String>, Vec<String>) {
    let txt: Vec<String> = record.split(" & ").map(|text| format!("d.example TXT {text}")).collect();
    let judgement = judged(target, &world(&txt, more));
    let Some(offered) = judgement.findings.iter().find_map(published).map(str::to_owned) else {
        return (None, Vec::new());
    };
    let again = judged(&Target::domain("d.example"), &world(&[format!("d.example TXT {offered}")], more));
    let found = codes(&again).into_iter().filter(|code| *code != "spf-record").map(str::to_owned).collect();
    (Some(offered), found)
}

#[test]
fn what_is_offered_is_right_where_it_is_pasted() {
    let more = ["ok.example TXT v=spf1 ip4:25.25.7.0/24 -all", "end.example TXT v=spf1 ip4:25.25.8.0/24 -all"];
    let mut sender = Target::domain("d.example");
    (sender.ip, sender.sender) = (Some("25.25.1.1".parse().unwrap()), Some("joe@d.example".into()));
    for (record, offered) in [
        // Strings that run together, and an end that only seems to be missing.
        ("v=spf1 include:ok.example|-all", Some("v=spf1 include:ok.example -all")),
        ("v=spf1 a:mx.d.example|-all", Some("v=spf1 a:mx.d.example -all")),
        ("v=spf1 include:ok.example|redirect=end.example", Some("v=spf1 include:ok.example redirect=end.example")),
        ("v=spf1 include:ok.example|a:mx.d.example", Some("v=spf1 include:ok.example a:mx.d.example ~all")),
        // A fault that hides another one.
        ("v=spf1 include:ok.example|+all", Some("v=spf1 include:ok.example ~all")),
        ("v=spf1 ipv4:25.25.1.1", Some("v=spf1 ip4:25.25.1.1 ~all")),
        ("v=spf1 ipv4:25.25.1.1 +all", Some("v=spf1 ip4:25.25.1.1 ~all")),
        (
            "v=spf1 ip4:25.25.1.1 include=ok.example mx:mx.d.example -all",
            Some("v=spf1 ip4:25.25.1.1 include:ok.example a:mx.d.example -all"),
        ),
        ("v=spf1 include=d.example -all", None),
        // What the present record does not lead to is asked too.
        ("v=spf1 mx include=gone.example -all", Some("v=spf1 mx -all")),
        (
            "v=spf1 mx -all & v=spf1 include:ok.example include:gone.example -all",
            Some("v=spf1 mx include:ok.example -all"),
        ),
        ("v=spf1 a mx - all", Some("v=spf1 a mx -all")),
        ("v=spf1 mx ++all", Some("v=spf1 mx ~all")),
        ("v=spf1 a all=foo", Some("v=spf1 a all=foo ~all")),
        // A loop before `all`.
        ("v=spf1 mx include:d.example all", Some("v=spf1 mx ~all")),
        // Several records.
        ("v=spf1 a -all & v=spf1 -a mx -all", Some("v=spf1 a mx -all")),
        ("v=spf1 -a mx -all & v=spf1 a:d.example ~all", Some("v=spf1 mx a:d.example ~all")),
        ("v=spf1 -ip4:25.25.9.0/24 mx -all & v=spf1 ip4:25.25.9.7 mx -all", Some("v=spf1 mx ip4:25.25.9.7 -all")),
        (
            "v=spf1 mx -all & v=spf1 -ip4:25.25.9.7 ip4:25.25.9.0/24 -all",
            Some("v=spf1 mx -ip4:25.25.9.7 ip4:25.25.9.0/24 -all"),
        ),
    ] {
        let (text, found) = pasted(record, &more, &Target::domain("d.example"));
        assert_eq!(text.as_deref(), offered, "{record}");
        let known = record.contains("all=foo");
        assert_eq!(found.is_empty(), !known, "{record}: {found:?}");
    }
    for (record, offered) in [
        ("v=spf1 ?ip4:25.25.1.1 -all", "v=spf1 ip4:25.25.1.1 -all"),
        ("v=spf1 -ip4:25.25.1.0/24 mx -all", "v=spf1 ip4:25.25.1.1 -ip4:25.25.1.0/24 mx -all"),
    ] {
        assert_eq!(pasted(record, &more, &sender), (Some(offered.to_owned()), vec![]), "{record}");
    }
}

#[test]
fn a_remedy_says_what_it_changes_for_others() {
    let more = ["ok.example TXT v=spf1 ip4:25.25.7.0/24 -all"];
    for (record, says) in [
        ("v=spf1 include:ok.example|-all", "get `fail` instead of `neutral`"),
        (
            "v=spf1 include:ok.example|redirect=end.example",
            "get what the record of end.example says instead of `neutral`",
        ),
        ("v=spf1 a:x.example mx ?all", "get `softfail` instead of `neutral`"),
        ("v=spf1 ipv4:25.25.1.1 +all", "`spf-all-pass`: Name every server that sends"),
    ] {
        let judgement = judged(&Target::domain("d.example"), &world(&[format!("d.example TXT {record}")], &more));
        let steps: Vec<&str> = judgement
            .findings
            .iter()
            .filter_map(|one| one.remedy.as_ref())
            .map(|remedy| remedy.step.as_str())
            .collect();
        assert!(steps.iter().any(|step| step.contains(says)), "{record}: {steps:#?}");
    }
}
