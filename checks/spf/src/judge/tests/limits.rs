//! What of a record is reached, and what it costs whom.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use engine_plugin_api::{Severity, Target};

use super::{check, world};
use crate::testing::{codes, find, judged, published};

#[test]
fn a_default_that_nobody_comes_to_is_no_default() {
    let more = ["ok.example TXT v=spf1 all", "bad.example TXT v=spf1 foo -all"];
    for (record, alarm) in [
        ("v=spf1 a mx - all", false),
        ("v=spf1 mx include:d.example all", false),
        ("v=spf1 ipv4:25.25.1.1 +all", false),
        ("v=spf1 include:bad.example exists:d.example -all", false),
        ("v=spf1 include:bad.example include:ok.example -all", false),
        ("v=spf1 include:ok.example include:bad.example -all", true),
        ("v=spf1 exists:d.example include:bad.example -all", true),
        ("v=spf1 mx all", true),
    ] {
        let judgement = judged(&Target::domain("d.example"), &world(&[format!("d.example TXT {record}")], &more));
        assert_eq!(codes(&judgement).contains(&"spf-all-pass"), alarm, "{record}: {judgement:#?}");
    }
}

#[test]
fn terms_that_repeat_or_add_up_are_seen_as_what_they_find() {
    check("v=spf1 a:D.example a mx -all", &[], &["spf-shadowed"], Some("a"), Some("v=spf1 a:D.example mx -all"));
    check("v=spf1 mx:%{d} mx -all", &[], &["spf-shadowed"], Some("mx"), Some("v=spf1 mx:%{d} -all"));
    check("v=spf1 mx/24 mx -all", &[], &["spf-shadowed"], None, Some("v=spf1 mx/24 -all"));
    check("v=spf1 mx mx/24 a:mx.d.example -all", &[], &[], None, None);
    check("v=spf1 ptr ptr:d.example -all", &[], &["spf-ptr", "spf-ptr", "spf-shadowed"], None, None);
    for (record, critical) in [
        ("v=spf1 ip4:0.0.0.0/1 ip4:128.0.0.0/1 -all", true),
        ("v=spf1 ip4:0.0.0.0/1 ip4:128.0.0.0/2 ip4:192.0.0.0/3 -all", true),
        ("v=spf1 ip4:0.0.0.0/1 ?ip4:128.0.0.0/1 -all", false),
        ("v=spf1 ip4:0.0.0.0/1 ip4:128.0.0.0/2 -all", false),
        ("v=spf1 ip6:2000::/3 -all", true),
        ("v=spf1 ip6:2000::/4 ip6:3000::/4 -all", true),
        ("v=spf1 include:h.example ip4:128.0.0.0/1 -all", true),
    ] {
        let txt = [format!("d.example TXT {record}")];
        let lines = world(&txt, &["h.example TXT v=spf1 ip4:0.0.0.0/1 -all"]);
        let wide: Vec<Option<Severity>> = judged(&Target::domain("d.example"), &lines)
            .findings
            .iter()
            .filter(|finding| finding.code == "spf-network-wide")
            .map(|finding| finding.severity)
            .collect();
        assert_eq!(wide == [Some(Severity::Critical)], critical, "{record}: {wide:?}");
    }
}

#[test]
fn private_addresses_behind_names_are_seen() {
    let more = ["in.example A 10.0.0.5", "both.example A 10.0.0.5", "both.example A 25.25.1.9"];
    check(
        "v=spf1 mx a:in.example -all",
        &more,
        &["spf-address-not-public"],
        Some("a:in.example"),
        Some("v=spf1 mx -all"),
    );
    check("v=spf1 mx a:both.example -all", &more, &["spf-address-not-public"], Some("a:both.example"), None);
    check("v=spf1 mx include:s.example -all", &["s.example TXT v=spf1 a:in.example -all", more[0]], &[], None, None);
}

#[test]
fn void_lookups_of_one_family_are_weighed_by_whom_they_hit() {
    let more = [
        "h1.example A 25.25.2.1",
        "h2.example A 25.25.2.2",
        "h3.example A 25.25.2.3",
        "six.example AAAA 2a09:25::3",
        "s.example TXT v=spf1 ip4:25.25.7.0/24 ip6:2a09:26::/48 -all",
        "four.example TXT v=spf1 ip4:25.25.7.0/24 -all",
    ];
    for (record, severity, offered) in [
        ("v=spf1 a:h1.example a:h2.example a:h3.example -all", Some(None), None),
        ("v=spf1 a:h1.example a:h2.example a:h3.example include:four.example -all", Some(None), None),
        ("v=spf1 ip6:2a09:25::/48 a:h1.example a:h2.example a:h3.example -all", Some(None), None),
        ("v=spf1 a:h1.example a:h2.example a:h3.example ?include:s.example -all", Some(None), None),
        (
            "v=spf1 a:h1.example ?a:h2.example a:h3.example include:s.example -all",
            Some(Some(Severity::Error)),
            Some("v=spf1 ip4:25.25.2.1 ?ip4:25.25.2.2 ip4:25.25.2.3 include:s.example -all"),
        ),
        (
            "v=spf1 a:h1.example a:h2.example a:h3.example a:six.example -all",
            Some(Some(Severity::Error)),
            Some("v=spf1 ip4:25.25.2.1 ip4:25.25.2.2 ip4:25.25.2.3 a:six.example -all"),
        ),
        ("v=spf1 a:h1.example a:h2.example a:six.example include:s.example -all", None, None),
        ("v=spf1 include:s.example a:h1.example mx -all", None, None),
    ] {
        let txt = [format!("d.example TXT {record}")];
        let judgement = judged(&Target::domain("d.example"), &world(&txt, &more));
        let found = judgement.findings.iter().find(|finding| finding.code == "spf-voids-of-one-family");
        assert_eq!(found.map(|finding| finding.severity), severity, "{record}");
        assert_eq!(found.and_then(published), offered, "{record}");
        let pass = find(&judgement, "spf-record").severity.is_none();
        assert_eq!(pass, severity.is_none(), "{record}");
    }
}

#[test]
fn a_permerror_without_another_finding_says_itself_what_to_do() {
    let txt =
        ["d.example TXT v=spf1 exists:%{i}.a.example exists:%{i}.b.example exists:%{i}.c.example -all".to_owned()];
    let mut target = Target::domain("d.example");
    (target.ip, target.sender) = (Some("25.25.9.9".parse().unwrap()), Some("joe@d.example".into()));
    let judgement = judged(&target, &world(&txt, &[]));
    let step = &find(&judgement, "spf-permerror").remedy.as_ref().unwrap().step;
    assert!(step.contains("find nothing for such a sender") && !step.contains("other findings"), "{step}");
    let judgement = judged(&target, &world(&["d.example TXT v=spf1 foo -all".to_owned()], &[]));
    assert!(find(&judgement, "spf-permerror").remedy.as_ref().unwrap().step.contains("other findings"));
}

#[test]
fn an_explanation_holds_no_made_up_time() {
    let txt = ["d.example TXT v=spf1 -all exp=why.example".to_owned()];
    let mut target = Target::domain("d.example");
    (target.ip, target.sender) = (Some("25.25.9.9".parse().unwrap()), Some("joe@d.example".into()));
    let judgement = judged(&target, &world(&txt, &["why.example TXT %{i} at %{t}"]));
    let seen = &find(&judgement, "spf-fail").seen;
    assert!(seen.contains("\"25.25.9.9 at %{t}\" (with the time of receiving"), "{seen}");
}
