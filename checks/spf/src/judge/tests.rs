#![allow(clippy::unwrap_used, clippy::expect_used)]

use engine_plugin_api::{Severity, Target};
use proptest::prelude::*;

use crate::testing::{codes, facts, find, judged, pointed, published};

mod limits;
mod remedies;

const MAIL: [&str; 4] =
    ["d.example MX mx.d.example", "d.example A 25.25.1.1", "mx.d.example A 25.25.1.2", "mx.d.example AAAA 2a09:25::2"];

/// The domain `d.example` with mail, this record, and more lines.
fn world<'a>(txt: &'a [String], more: &[&'a str]) -> Vec<&'a str> {
    MAIL.into_iter().chain(txt.iter().map(String::as_str)).chain(more.iter().copied()).collect()
}

/// Judges a record of `d.example`: codes besides `spf-record`, what the first
/// of them points at, and the record that its remedy publishes.
fn check(record: &str, more: &[&str], expected: &[&str], at: Option<&str>, remedy: Option<&str>) {
    let txt = [format!("d.example TXT {record}")];
    let judgement = judged(&Target::domain("d.example"), &world(&txt, more));
    let mut found = codes(&judgement);
    found.retain(|code| *code != "spf-record");
    assert_eq!(found, expected, "{record}");
    assert!(judgement.unknowns.is_empty(), "{record}");
    if let Some(code) = expected.first() {
        let finding = find(&judgement, code);
        if let Some(at) = at {
            assert_eq!(pointed(finding), at, "{record}");
        }
        assert_eq!(published(finding), remedy, "{record}");
    }
}

#[test]
fn a_healthy_record_is_shown_and_nothing_else() {
    for record in
        ["v=spf1 mx -all", "v=spf1 a mx ip4:25.25.2.0/24 ip6:2a09:25::/48 ~all", "V=SPF1 include:s.example ~all"]
    {
        check(record, &["s.example TXT v=spf1 ip4:25.25.3.0/24 -all"], &[], None, None);
    }
    let judgement = judged(&Target::domain("d.example"), &world(&["d.example TXT v=spf1 mx a ~all".into()], &[]));
    let shown = find(&judgement, "spf-record");
    assert!(shown.seen.contains("2 of 10 lookups and 0 of 2 void lookups"), "{}", shown.seen);
    assert_eq!((pointed(shown), shown.severity), ("~all", None));
}

#[test]
fn each_fault_has_its_code_its_place_and_its_remedy() {
    check(
        "v=spf1 ipv4:25.25.1.1 -all",
        &[],
        &["spf-unknown-mechanism"],
        Some("ipv4"),
        Some("v=spf1 ip4:25.25.1.1 -all"),
    );
    check("v=spf1 ip4:25.25.1 -all", &[], &["spf-address-invalid"], Some("25.25.1"), None);
    check(
        "v=spf1 ip4:2a09:25::1 -all",
        &[],
        &["spf-address-invalid"],
        Some("2a09:25::1"),
        Some("v=spf1 ip6:2a09:25::1 -all"),
    );
    check("v=spf1 mx \u{2013}all", &[], &["spf-not-ascii"], Some("\u{2013}"), Some("v=spf1 mx -all"));
    check("v=spf1 exists:%{x}.d.example -all", &[], &["spf-syntax"], Some("%{x}"), None);
    check("v=spf1 mx include: -all", &[], &["spf-syntax"], Some("include:"), None);
    check(
        "v=spf1 include=s.example -all",
        &["s.example TXT v=spf1 ip4:25.25.3.0/24 -all"],
        &["spf-unknown-mechanism"],
        Some("include=s.example"),
        Some("v=spf1 include:s.example -all"),
    );
    check("v=spf1 include=d.example -all", &[], &["spf-unknown-mechanism"], Some("include=d.example"), None);
    check("v=spf1 -all mx", &[], &["spf-terms-after-all"], Some("mx"), Some("v=spf1 mx -all"));
    check("v=spf1 mx ~all -all", &[], &["spf-terms-after-all"], Some("-all"), Some("v=spf1 mx ~all"));
    check(
        "v=spf1 mx -all redirect=s.example",
        &[],
        &["spf-redirect-ignored"],
        Some("redirect=s.example"),
        Some("v=spf1 mx -all"),
    );
}

#[test]
fn the_default_is_judged() {
    check("v=spf1 mx +all", &[], &["spf-all-pass"], Some("+all"), Some("v=spf1 mx ~all"));
    check("v=spf1 mx ?all", &[], &["spf-all-neutral"], Some("?all"), Some("v=spf1 mx ~all"));
    check("v=spf1 mx", &[], &["spf-no-default"], Some("mx"), Some("v=spf1 mx ~all"));
    check(
        "v=spf1 redirect=s.example",
        &["s.example TXT v=spf1 ip4:25.25.2.1"],
        &["spf-no-default"],
        Some("ip4:25.25.2.1"),
        Some("v=spf1 ip4:25.25.2.1 ~all"),
    );
    check("v=spf1 redirect=s.example", &["s.example TXT v=spf1 ip4:25.25.2.1 -all"], &[], None, None);
    check("v=spf1 include:s.example -all", &["s.example TXT v=spf1 +all"], &["spf-all-pass"], Some("+all"), None);
    check("v=spf1 ?include:s.example -all", &["s.example TXT v=spf1 +all"], &[], None, None);
}

#[test]
fn networks_are_judged() {
    check("v=spf1 ip4:25.0.0.0/4 -all", &[], &["spf-network-wide"], Some("ip4:25.0.0.0/4"), None);
    check("v=spf1 ip4:25.24.0.0/15 -all", &[], &["spf-network-wide"], Some("ip4:25.24.0.0/15"), None);
    check("v=spf1 a/8 -all", &[], &["spf-network-wide"], Some("a/8"), None);
    check("v=spf1 include:s.example -all", &["s.example TXT v=spf1 ip4:25.24.0.0/14 -all"], &[], None, None);
    check(
        "v=spf1 mx ip4:192.168.1.0/24 -all",
        &[],
        &["spf-address-not-public"],
        Some("ip4:192.168.1.0/24"),
        Some("v=spf1 mx -all"),
    );
    check(
        "v=spf1 ip4:25.25.2.0/24 ip4:25.25.2.7 -all",
        &[],
        &["spf-shadowed"],
        Some("ip4:25.25.2.7"),
        Some("v=spf1 ip4:25.25.2.0/24 -all"),
    );
    check("v=spf1 mx mx -all", &[], &["spf-shadowed"], Some("mx"), Some("v=spf1 mx -all"));
    check("v=spf1 ip4:25.25.2.7 ip4:25.25.2.0/24 -all", &[], &[], None, None);
}

#[test]
fn the_tree_is_judged() {
    check(
        "v=spf1 mx include:gone.example -all",
        &[],
        &["spf-include-none"],
        Some("include:gone.example"),
        Some("v=spf1 mx -all"),
    );
    check(
        "v=spf1 mx include:s.example -all",
        &["s.example A 25.25.1.9"],
        &["spf-include-none"],
        Some("include:s.example"),
        Some("v=spf1 mx -all"),
    );
    check(
        "v=spf1 redirect=s.example",
        &["s.example A 25.25.1.9"],
        &["spf-include-none"],
        Some("redirect=s.example"),
        None,
    );
    check(
        "v=spf1 include:s.example -all",
        &["s.example TXT v=spf1 foo -all"],
        &["spf-include-broken"],
        Some("include:s.example"),
        None,
    );
    check(
        "v=spf1 include:s.example -all",
        &["s.example TXT v=spf1 -all", "s.example TXT v=spf1 ~all"],
        &["spf-include-broken"],
        Some("include:s.example"),
        None,
    );
    check(
        "v=spf1 include:s.example -all",
        &["s.example TXT v=spf1 include:d.example -all"],
        &["spf-loop"],
        Some("include:d.example"),
        None,
    );
    check("v=spf1 include:d.example -all", &[], &["spf-loop"], Some("include:d.example"), None);
    check("v=spf1 mx a:gone.example -all", &[], &["spf-void-term"], Some("a:gone.example"), Some("v=spf1 mx -all"));
    check("v=spf1 mx ptr -all", &[], &["spf-ptr"], Some("ptr"), None);
    check("v=spf1 mx -all exp=why.example", &[], &["spf-explanation-missing"], Some("exp=why.example"), None);
    check("v=spf1 mx -all exp=why.example", &["why.example TXT Sorry."], &[], None, None);
    check(
        "v=spf1 include:s.example include:s.example -all",
        &["s.example TXT v=spf1 ip4:25.25.3.1 -all"],
        &["spf-include-repeated"],
        Some("include:s.example"),
        Some("v=spf1 include:s.example -all"),
    );
}

#[test]
fn lookups_are_counted_for_each_term_and_void_ones_once() {
    let nine = "v=spf1 a:mx.d.example ?exists:d.example a mx include:s.example -all";
    let four = "s.example TXT v=spf1 a a:mx.d.example mx:d.example a:d.example -all";
    let lines = ["s.example A 25.25.1.9", four];
    check(nine, &lines, &["spf-lookups-near-limit", "spf-voids-of-one-family"], None, None);
    let eleven = "v=spf1 a:mx.d.example ?exists:d.example a mx include:s.example a:s.example a:gone.example -all";
    check(
        eleven,
        &lines,
        &["spf-too-many-lookups", "spf-void-term", "spf-voids-of-one-family"],
        Some("a:gone.example"),
        Some("v=spf1 a:mx.d.example ?exists:d.example a mx include:s.example a:s.example -all"),
    );
    let voids = "v=spf1 mx a:x.example a:y.example mx:z.example -all";
    check(
        voids,
        &[],
        &["spf-too-many-voids", "spf-void-term", "spf-void-term", "spf-void-term"],
        Some("a:x.example"),
        Some("v=spf1 mx -all"),
    );
    let txt = [format!("d.example TXT {nine}")];
    let judgement = judged(&Target::domain("d.example"), &world(&txt, &lines));
    let seen = &find(&judgement, "spf-lookups-near-limit").seen;
    assert!(
        seen.ends_with(
            "9 of 10 lookups: `a:mx.d.example` 1, `?exists:d.example` 1, `a` 1, `mx` 1, `include:s.example` 5."
        ),
        "{seen}"
    );
}

#[test]
fn discovery_tells_why_there_is_no_record() {
    let judge = |lines: &[&str]| judged(&Target::domain("d.example"), lines);
    for (lines, code, severity, publishes) in [
        (vec!["d.example MX mx.d.example"], "spf-missing", None, Some("v=spf1 mx ~all")),
        (vec!["d.example MX ."], "spf-missing", Some(Severity::Warning), Some("v=spf1 -all")),
        (vec!["d.example A 25.25.1.1"], "spf-missing", Some(Severity::Warning), Some("v=spf1 -all")),
        (vec![], "spf-missing", None, None),
        (vec!["d.example TXT v=spf1;mx -all"], "spf-not-recognised", None, Some("v=spf1 mx -all")),
        (vec!["d.example TXT  v=spf1 mx -all"], "spf-not-recognised", None, Some("v=spf1 mx -all")),
        (vec!["d.example TXT \"v=spf1 mx -all\""], "spf-not-recognised", None, Some("v=spf1 mx -all")),
        (vec!["d.example TXT v=spf10 mx -all"], "spf-not-recognised", None, None),
        (vec!["d.example SPF v=spf1 mx -all"], "spf-type-99", Some(Severity::Error), Some("v=spf1 mx -all")),
        (vec!["d.example TXT v=spf1|mx -all"], "spf-strings-joined", None, Some("v=spf1 mx -all")),
    ] {
        let judgement = judge(&lines);
        assert_eq!(codes(&judgement), [code], "{lines:?}");
        let finding = &judgement.findings[0];
        assert_eq!((finding.severity, published(finding)), (severity, publishes), "{lines:?}");
    }
    let two = judge(&world(
        &["d.example TXT v=spf1 mx -all".into(), "d.example TXT v=spf1 include:s.example ~all".into()],
        &["s.example TXT v=spf1 ip4:25.25.3.0/24 -all"],
    ));
    assert_eq!(codes(&two), ["spf-multiple"]);
    assert_eq!(published(&two.findings[0]), Some("v=spf1 mx include:s.example ~all"));
    let parked = judge(&["d.example MX .", "d.example TXT v=spf1 ip4:25.25.1.1 -all"]);
    assert_eq!(codes(&parked), ["spf-parked-loose", "spf-record"]);
    let leftover = judge(&["d.example TXT v=spf1 -all", "d.example TXT spf2.0/pra -all", "d.example SPF v=spf1 -all"]);
    assert_eq!(codes(&leftover), ["spf-record", "spf-sender-id", "spf-type-99"]);
}

#[test]
fn strings_that_run_together_are_told_from_strings_that_are_cut() {
    check(
        "v=spf1 ip4:25.25.1.1|include:s.example -all",
        &["s.example TXT v=spf1 ip4:25.25.3.0/24 -all"],
        &["spf-strings-joined"],
        Some("ip4:25.25.1.1include:s.example"),
        Some("v=spf1 ip4:25.25.1.1 include:s.example -all"),
    );
    check(
        "v=spf1 include:a.example|include:b.example -all",
        &["a.example TXT v=spf1 ip4:25.25.3.0/24 -all", "b.example TXT v=spf1 ip4:25.25.4.0/24 -all"],
        &["spf-strings-joined"],
        Some("include:a.exampleinclude:b.example"),
        Some("v=spf1 include:a.example include:b.example -all"),
    );
    check("v=spf1 mx ip4:25.25.|1.1 -a|ll", &[], &[], None, None);
}

#[test]
fn a_time_out_is_one_unknown_and_never_a_finding() {
    let silent = judged(&Target::domain("d.example"), &["d.example FAIL"]);
    assert_eq!((codes(&silent), silent.unknowns.len()), (vec![], 1));
    let txt = ["d.example TXT v=spf1 mx a:s.example include:s.example include:s.example -all".to_owned()];
    let below = judged(&Target::domain("d.example"), &world(&txt, &["s.example FAIL"]));
    assert_eq!(codes(&below), ["spf-record"]);
    let what: Vec<&str> = below.unknowns.iter().map(|unknown| unknown.what.as_str()).collect();
    assert_eq!(what, ["what `a:s.example` in the record of d.example matches", "whom `include:s.example` authorises"]);
}

#[test]
fn an_evaluation_names_the_term_and_offers_the_record_that_would_pass() {
    let txt = ["d.example TXT v=spf1 mx include:s.example -all exp=why.example".to_owned()];
    let more = ["s.example TXT v=spf1 ip4:25.25.3.0/24 ?all", "why.example TXT %{i} is not ours", "slow.example FAIL"];
    for (ip, sender, code, at, remedy) in [
        ("25.25.1.2", "joe@d.example", "spf-pass", "mx", None),
        ("25.25.3.9", "joe@d.example", "spf-pass", "ip4:25.25.3.0/24", None),
        (
            "25.25.9.9",
            "joe@d.example",
            "spf-fail",
            "-all",
            Some("v=spf1 ip4:25.25.9.9 mx include:s.example -all exp=why.example"),
        ),
        (
            "2a09:25::9",
            "joe@d.example",
            "spf-fail",
            "-all",
            Some("v=spf1 ip6:2a09:25::9 mx include:s.example -all exp=why.example"),
        ),
        ("25.25.9.9", "joe@s.example", "spf-neutral", "?all", Some("v=spf1 ip4:25.25.9.9 ip4:25.25.3.0/24 ?all")),
    ] {
        let mut target = Target::domain("d.example");
        (target.ip, target.sender) = (Some(ip.parse().unwrap()), Some(sender.to_owned()));
        let judgement = judged(&target, &world(&txt, &more));
        assert_eq!(codes(&judgement).len(), 2, "{ip}: {judgement:#?}");
        let finding = find(&judgement, code);
        assert_eq!((pointed(finding), published(finding)), (at, remedy), "{ip}");
    }
    let mut target = Target::domain("d.example");
    (target.ip, target.sender) = (Some("25.25.9.9".parse().unwrap()), Some("joe@slow.example".into()));
    let judgement = judged(&target, &world(&txt, &more));
    assert_eq!((codes(&judgement), judgement.unknowns.len()), (vec!["spf-record"], 1));
}

#[test]
fn no_question_is_asked_twice() {
    let txt =
        ["d.example TXT v=spf1 a mx ptr include:s.example exists:%{i}.x.example -all exp=why.d.example".to_owned()];
    let mut target = Target::domain("d.example");
    (target.ip, target.sender, target.helo) =
        (Some("25.25.9.9".parse().unwrap()), Some("joe@d.example".into()), Some("mx.d.example".into()));
    let (_, mut asked) = facts(&target, &world(&txt, &["s.example TXT v=spf1 a:mx.d.example -all"]));
    let all = asked.len();
    asked.sort();
    asked.dedup();
    assert_eq!(asked.len(), all);
}

#[test]
fn hostile_trees_end() {
    let txt = ["d.example TXT v=spf1 include:n0.example -all".to_owned()];
    let chain: Vec<String> = (0..300)
        .map(|n| format!("n{n}.example TXT v=spf1 include:n{}.example include:m{n}.example a:h{n}.example -all", n + 1))
        .collect();
    let mut target = Target::domain("d.example");
    (target.ip, target.sender) = (Some("25.25.9.9".parse().unwrap()), Some("joe@d.example".into()));
    let lines = world(&txt, &chain.iter().map(String::as_str).collect::<Vec<_>>());
    let (facts, asked) = facts(&target, &lines);
    assert!(facts.survey.truncated && asked.len() < 1000, "{}", asked.len());
    let judgement = crate::judge(&facts, &crate::Config::default());
    assert!(find(&judgement, "spf-too-many-lookups").seen.contains("at least"));
    let long = [format!("d.example TXT v=spf1 {}-all", "include:a.example ip4:999 ".repeat(2500))];
    let judgement = judged(&Target::domain("d.example"), &world(&long, &[]));
    let faults = judgement.findings.iter().filter(|finding| finding.code == "spf-address-invalid").collect::<Vec<_>>();
    assert!(faults.len() == 10 && faults[9].seen.ends_with("There are 2490 more like this."));
    assert_eq!(pointed(faults[9]), "999");
    let size: usize = judgement.findings.iter().map(|finding| format!("{finding:?}").len()).sum();
    assert!(size < 200_000, "{size} bytes");
}

proptest! {
    #[test]
    fn whatever_the_record_every_caret_stands_on_whole_characters(
        start in "[ \"]?(v=spf1|v=spf|V=SPF10|spf1)[ ;\u{a0}|]?",
        words in proptest::collection::vec(
            "[-+~?\u{2013}]?(all|a|mx|ptr|include|exists|ip4|ip6|redirect|exp|ipv4)[:=]?[a-z0-9.%{}/:|é\u{200b}]{0,40}( |\\|)?",
            0..40,
        ),
        other in "(v=spf1 )?[a-z:.~ é-]{0,30}",
    ) {
        let mut target = Target::domain("d.example");
        (target.ip, target.sender) = (Some("25.25.9.9".parse().unwrap()), Some("joe@d.example".into()));
        let lines = [format!("d.example TXT {start}{}", words.join(" ")), format!("d.example TXT {other}")];
        let judgement = judged(&target, &world(&lines, &[]));
        for quote in judgement.findings.iter().flat_map(|f| &f.evidence).filter_map(|e| e.quote.as_ref()) {
            let span = quote.span.unwrap_or(engine_plugin_api::Span::new(0, 0));
            prop_assert!(quote.text.get(span.start..span.end).is_some(), "{quote:?}");
        }
        for record in judgement.findings.iter().filter_map(|f| f.remedy.as_ref()).flat_map(|r| &r.publish) {
            let reread = mail_syntax::spf::parse(&record.value);
            prop_assert!(!reread.is_broken() || record.rtype != "TXT", "{}", record.value);
        }
    }
}

/// What the remedy of the finding `code` publishes in a world, with the name it stands at.
fn remedy_of(domain: &str, lines: &[&str], code: &str) -> Option<(String, String)> {
    let judgement = judged(&Target::domain(domain), lines);
    let remedy = find(&judgement, code).remedy.clone().unwrap();
    remedy.publish.first().map(|record| (record.name.clone(), record.value.clone()))
}

#[test]
fn a_record_for_a_domain_without_one_names_what_sends() {
    for (lines, expected) in [
        (
            &["d.example MX aspmx.l.google.com", "_spf.google.com TXT v=spf1 ip4:25.25.3.0/24 ~all"][..],
            Some("v=spf1 include:_spf.google.com ~all"),
        ),
        // Not where that is no record.
        (&["d.example MX aspmx.l.google.com"], None),
        (
            &[
                "d.example MX d-example.mail.protection.outlook.com",
                "d.example MX mx.d.example",
                "d-example.mail.protection.outlook.com A 25.25.4.1",
                "mx.d.example A 25.25.1.2",
                "spf.protection.outlook.com TXT v=spf1 ip4:25.25.4.0/24 -all",
            ],
            Some("v=spf1 mx include:spf.protection.outlook.com ~all"),
        ),
        (&["d.example MX mx.notgoogle.com", "mx.notgoogle.com A 25.25.1.2"], Some("v=spf1 mx ~all")),
        (&["d.example MX ."], Some("v=spf1 -all")),
        (&["d.example TXT spf2.0/pra ip4:25.25.1.1 -all"], Some("v=spf1 ip4:25.25.1.1 -all")),
        (&["d.example CNAME web.example", "web.example A 25.25.1.1"], None),
    ] {
        let published = remedy_of("d.example", lines, "spf-missing");
        assert_eq!(published.as_ref().map(|(_, text)| text.as_str()), expected, "{lines:?}");
    }
    let many: Vec<String> = (0..11).map(|n| format!("d.example MX m{n}.d.example")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(remedy_of("d.example", &many, "spf-missing"), None, "more than `mx` may yield");
}

#[test]
fn the_record_of_an_alias_is_changed_where_it_stands() {
    let lines = ["d.example CNAME e.example", "e.example TXT v=spf1 ip4:25.25.1.1"];
    let (name, text) = remedy_of("d.example", &lines, "spf-no-default").unwrap();
    assert_eq!((name.as_str(), text.as_str()), ("e.example", "v=spf1 ip4:25.25.1.1 ~all"));
    let judgement = judged(&Target::domain("d.example"), &["d.example CNAME gone.example"]);
    assert!(find(&judgement, "spf-missing").seen.contains("an alias of gone.example"));
}

#[test]
fn a_record_that_names_nobody_is_not_closed_for_its_owner() {
    for (record, code) in [
        ("v=spf1 +all", "spf-all-pass"),
        ("v=spf1 exists:d.example -all", "spf-all-pass"),
        ("v=spf1 ?all", "spf-all-neutral"),
        ("v=spf1", "spf-no-default"),
    ] {
        let txt = [format!("d.example TXT {record}")];
        assert_eq!(remedy_of("d.example", &world(&txt, &[]), code), None, "{record}");
    }
}

#[test]
fn what_stands_below_an_include_counts_only_where_it_passes() {
    let redirected =
        ["s.example TXT v=spf1 redirect=r.example", "r.example TXT v=spf1 ptr a:gone.example exp=no.example -all"];
    check("v=spf1 include:s.example -all", &redirected, &[], None, None);
    let open = ["s.example TXT v=spf1 redirect=r.example", "r.example TXT v=spf1 +all"];
    check("v=spf1 include:s.example -all", &open, &["spf-all-pass"], Some("+all"), None);
    check("v=spf1 ?include:s.example -all", &open, &[], None, None);
    check(
        "v=spf1 include:s.example -all",
        &["s.example TXT v=spf1 exists:d.example -all"],
        &["spf-all-pass"],
        None,
        None,
    );
}

#[test]
fn a_cost_that_is_not_wholly_known_is_a_lower_bound() {
    for (record, more, sure) in [
        ("v=spf1 include:%{i}.s.example -all", &[][..], false),
        ("v=spf1 exists:%{i}.s.example -all", &[], true),
        ("v=spf1 include:s.example -all", &["s.example FAIL"], false),
    ] {
        let txt = [format!("d.example TXT {record}")];
        let judgement = judged(&Target::domain("d.example"), &world(&txt, more));
        let shown = find(&judgement, "spf-record");
        assert_eq!(!shown.seen.contains("costs at least 1 "), sure, "{}", shown.seen);
        assert_eq!(shown.severity == Some(Severity::Info), !more.is_empty(), "{record}");
    }
}

#[test]
fn the_repairs_of_one_record_are_one_record() {
    for (record, more, right) in [
        ("v=spf1 a:x.example mx include:gone.example ?all", &[][..], Some("v=spf1 mx ~all")),
        ("v=spf1 mx a:x.example mx", &[], Some("v=spf1 mx ~all")),
        ("v=spf1 ?all a:x.example mx", &["x.example A 25.25.1.9"], Some("v=spf1 a:x.example mx ~all")),
        ("v=spf1 ?all a:x.example mx", &[], Some("v=spf1 mx ~all")),
        ("v=spf1 a:x.example mx:mx.d.example -all", &[], Some("v=spf1 a:mx.d.example -all")),
        ("v=spf1 ?mx:mx.d.example/24 ip4:25.25.9.1 -all", &[], Some("v=spf1 ?a:mx.d.example/24 ip4:25.25.9.1 -all")),
        ("v=spf1 a:x.example include:gone.example -all", &[], None),
        (
            "v=spf1 include:s.example include:b.example mx -all",
            &["s.example TXT v=spf1 ip4:25.25.3.1 -all", "b.example TXT v=spf1 include:s.example foo -all"],
            Some("v=spf1 include:s.example mx -all"),
        ),
        ("v=spf1 ip4:25.25.1.1|include:gone.example ?all", &[], Some("v=spf1 ip4:25.25.1.1 ~all")),
    ] {
        let txt = [format!("d.example TXT {record}")];
        let mut target = Target::domain("d.example");
        (target.ip, target.sender) = (Some("25.25.99.9".parse().unwrap()), Some("joe@d.example".into()));
        let judgement = judged(&target, &world(&txt, more));
        let mut offered: Vec<&str> = judgement.findings.iter().filter_map(published).collect();
        offered.dedup();
        offered.retain(|text| !text.contains("ip4:25.25.99.9"));
        assert_eq!(offered.first().copied(), right, "{record}: {judgement:#?}");
    }
}

#[test]
fn the_findings_of_a_broken_tree_agree() {
    let circle = ["d.example TXT v=spf1 include:_spf.d.example -all".to_owned()];
    let more = ["_spf.d.example TXT v=spf1 ip4:25.25.3.0/24 include:d.example -all"];
    let mut target = Target::domain("d.example");
    (target.ip, target.sender) = (Some("25.25.99.9".parse().unwrap()), Some("joe@d.example".into()));
    let judgement = judged(&target, &world(&circle, &more));
    let (shown, result) = (find(&judgement, "spf-record"), find(&judgement, "spf-permerror"));
    assert!(shown.seen.contains("`permerror`") && !shown.seen.contains("`fail`"), "{}", shown.seen);
    assert!(shown.seen.contains("more than 10 lookups") && result.seen.contains("more than 10 lookups"));
    assert_eq!(result.seen.matches("ip4:25.25.3.0/24").count(), 1, "{}", result.seen);
    assert_eq!(published(find(&judgement, "spf-loop")), Some("v=spf1 ip4:25.25.3.0/24 -all"));
    let partly = ["d.example TXT v=spf1 mx -all".to_owned()];
    let judgement = judged(&Target::domain("d.example"), &world(&partly, &["d.example MX gone.d.example"]));
    let finding = find(&judgement, "spf-void-term");
    let told = format!("{finding:?}");
    assert!(!told.contains("finds nothing") && told.contains("1 of 2 exchanges without address"), "{told}");
    assert_eq!(published(finding), None);
}

#[test]
fn one_slip_is_told_once_with_what_was_meant() {
    let s = ["s.example TXT v=spf1 ip4:25.25.3.0/24 -all"];
    check(
        "v=spf1 include: s.example -all",
        &s,
        &["spf-syntax"],
        Some("include: s.example"),
        Some("v=spf1 include:s.example -all"),
    );
    check("v=spf1 ip4: a -all", &[], &["spf-syntax"], Some("ip4:"), None);
    check(
        "v=spf1 include:s..example ip4:25.25.1.1 -all",
        &[],
        &["spf-include-none"],
        None,
        Some("v=spf1 ip4:25.25.1.1 -all"),
    );
    check("v=spf1 a:s..example ip4:25.25.1.1 -all", &[], &["spf-syntax"], None, None);
    check("v=spf1 ip4:25.25.1.0/00 -all", &[], &["spf-address-invalid"], None, None);
    check("v=spf1 ip6:[2a09:25::1] -all", &[], &["spf-address-invalid"], None, Some("v=spf1 ip6:2a09:25::1 -all"));
    check(
        "v=spf1 ip6:::ffff:25.25.1.1 -all",
        &[],
        &["spf-address-not-public"],
        Some("ip6:::ffff:25.25.1.1"),
        Some("v=spf1 ip4:25.25.1.1 -all"),
    );
    check("v=spf1 mx|a -all", &[], &["spf-strings-joined"], None, Some("v=spf1 mx a -all"));
}
