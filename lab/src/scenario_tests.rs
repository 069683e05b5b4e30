#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::*;

const PAGE: &str = "# Title\n\n```dns\nnot one\n```\n\n```scenario\nname = \"one\"\nkind = \"fires\"\ntarget = { domain = \"a.example\" }\nzone = '''\na.example. MX 10 mx.a.example.\n'''\nexpect = [\"mx-single\"]\n```\n\n````scenario\nname = \"two\"\nkind = \"near-miss\"\nsettings = { lists = [\"bl.example\"] }\nunknown = true\nallow = [\"x\"]\n```` \nText.\n";

#[test]
fn every_scenario_of_a_page_is_read() {
    let scenarios = Scenario::all_in_page(PAGE).unwrap();
    assert_eq!(scenarios.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(), ["one", "two"]);
    assert_eq!(scenarios[0].target.domain.as_deref(), Some("a.example"));
    assert_eq!((scenarios[0].kind, scenarios[1].kind), (Kind::Fires, Kind::NearMiss));
    assert!(scenarios[0].world.zone.contains("mx.a.example"));
    assert!(scenarios[1].unknown && scenarios[1].settings.contains_key("lists"));
}

#[test]
fn faults_are_named_with_their_line_in_the_page() {
    for (from, to, line, part) in [
        ("expect =", "expects =", 14, "unknown field `expects`"),
        ("a.example. MX 10 ", "a.example. MX ten ", 12, "`ten` is not a preference"),
        ("domain =", "host =", 10, "unknown field `host`"),
        ("near-miss", "nearly", 19, "expected one of `fires`"),
        ("```` \n", "", 17, "does not end"),
    ] {
        let error = Scenario::all_in_page(&PAGE.replacen(from, to, 1)).unwrap_err();
        assert_eq!(error.line, line, "{from}: {error}");
        assert!(error.message.contains(part), "{from}: {error}");
    }
}
