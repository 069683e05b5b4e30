#![allow(clippy::unwrap_used, clippy::expect_used)]

use engine_plugin_api::{CauseKind, Finding, Severity::*};

use crate::{Config, testing::World};

/// A domain with two exchanges on two machines, both families, two servers that agree.
const HEALTHY: &str = "
    ok.example. SOA
    ok.example. NS ns1.ok.example.
    ok.example. NS ns2.ok.example.
    ok.example. MX 10 mx1.ok.example.
    ok.example. MX 20 mx2.ok.example.
    mx1.ok.example. A 25.25.1.1
    mx1.ok.example. AAAA 2a09:25::1
    mx2.ok.example. A 25.25.1.2
    mx2.ok.example. AAAA 2a09:25::2
    ns1.ok.example. A 25.25.9.1
    ns2.ok.example. A 25.25.9.2";

/// Plays `zone` and compares `code severity` of each finding, sorted, and the number of unknowns.
fn check(situation: &str, world: World, domain: &str, expected: &[&str], unknowns: usize) {
    let played = world.play(domain, Config::default());
    assert_eq!(told(&played.findings), expected, "{situation}");
    assert_eq!(played.unknowns.len(), unknowns, "{situation}: {:#?}", played.unknowns);
    assert_eq!(played.asked_twice(), Vec::<String>::new(), "{situation}");
}

fn told(findings: &[Finding]) -> Vec<String> {
    let mut told: Vec<String> = findings
        .iter()
        .map(|finding| {
            let severity = finding.severity.map(|severity| format!(" {}", severity.word())).unwrap_or_default();
            format!("{}{severity}", finding.code)
        })
        .collect();
    told.sort();
    told
}

#[test]
fn a_healthy_domain_gets_one_line() {
    check("healthy", World::new(HEALTHY), "ok.example", &["mx-present"], 0);
}

#[test]
fn domains_without_a_way_in() {
    let soa = "x.example. SOA\n";
    for (situation, zone, expected) in [
        ("no name", "example. SOA", &["mx-domain-missing"][..]),
        ("nothing but a name", "x.example. SOA", &["mx-missing"]),
        ("an alias to nothing", "x.example. CNAME y.example.", &["mx-domain-missing"]),
        ("an address", "x.example. A 25.25.1.1", &["mx-implicit"]),
        ("a private address", "x.example. A 10.0.0.1", &["mx-address-not-public critical", "mx-implicit"]),
        ("null MX", "x.example. MX 0 .", &["mx-null"]),
        ("null MX with preference", "x.example. MX 10 .", &["mx-null", "mx-null-preference"]),
    ] {
        let zone = if situation == "no name" { zone.to_owned() } else { format!("{soa}{zone}") };
        let zone = if zone.contains("CNAME") { zone.replace(soa, "") } else { zone };
        check(situation, World::new(&zone), "x.example", expected, 0);
    }
}

#[test]
fn a_null_mx_among_others_is_contradicted() {
    let zone = format!("{HEALTHY}\nok.example. MX 0 .");
    check("null and others", World::new(&zone), "ok.example", &["mx-null-contradicted", "mx-present"], 0);
}

#[test]
fn one_bad_exchange_of_three_is_a_warning_and_hides_nothing() {
    for (situation, lines, expected) in [
        ("no such name", "ok.example. MX 30 gone.ok.example.", &["mx-present", "mx-unresolvable warning"][..]),
        (
            "no address",
            "ok.example. MX 30 txt.ok.example.\ntxt.ok.example. TXT",
            &["mx-no-address warning", "mx-present"],
        ),
        ("an address as name", "ok.example. MX 30 25.25.1.3.", &["mx-ip-literal warning", "mx-present"]),
        ("a placeholder", "ok.example. MX 30 ms1.msv1.invalid.", &["mx-placeholder warning", "mx-present"]),
        (
            "an alias",
            "ok.example. MX 30 www.ok.example.\nwww.ok.example. CNAME web.ok.example.\nweb.ok.example. A 25.25.1.3\nweb.ok.example. AAAA 2a09:25::3",
            &["mx-alias", "mx-present"],
        ),
        (
            "an alias to nothing",
            "ok.example. MX 30 www.ok.example.\nwww.ok.example. CNAME web.ok.example.",
            &["mx-alias", "mx-present", "mx-unresolvable warning"],
        ),
        (
            "loopback",
            "ok.example. MX 30 lo.ok.example.\nlo.ok.example. A 127.0.0.1",
            &["mx-address-not-public warning", "mx-present"],
        ),
        (
            "one private address beside a public one",
            "mx1.ok.example. A 192.168.1.1",
            &["mx-address-not-public warning", "mx-present"],
        ),
        (
            "underscore",
            "ok.example. MX 30 mx_3.ok.example.\nmx_3.ok.example. A 25.25.1.3\nmx_3.ok.example. AAAA 2a09:25::3",
            &["mx-illegal-name", "mx-present"],
        ),
        (
            "reserved hyphens",
            "ok.example. MX 30 mx--3.ok.example.\nmx--3.ok.example. A 25.25.1.3\nmx--3.ok.example. AAAA 2a09:25::3",
            &["mx-present", "mx-reserved-name"],
        ),
        ("twice the same", "ok.example. MX 30 mx1.ok.example.", &["mx-duplicate", "mx-present"]),
        (
            "the same machine",
            "ok.example. MX 30 mx3.ok.example.\nmx3.ok.example. A 25.25.1.1\nmx3.ok.example. AAAA 2a09:25::1",
            &["mx-present", "mx-shared-address"],
        ),
        ("IPv4 only", "ok.example. MX 30 mx3.ok.example.\nmx3.ok.example. A 25.25.1.3", &["mx-no-ipv6", "mx-present"]),
        (
            "IPv6 only beside IPv4",
            "ok.example. MX 30 mx3.ok.example.\nmx3.ok.example. AAAA 2a09:25::3",
            &["mx-present"],
        ),
    ] {
        check(situation, World::new(&format!("{HEALTHY}\n{lines}")), "ok.example", expected, 0);
    }
}

#[test]
fn when_every_exchange_is_dead_each_is_critical() {
    let zone = "x.example. MX 10 gone.x.example.\nx.example. MX 20 10.0.0.1.\nx.example. MX 30 in.x.example.\nin.x.example. A 10.0.0.1";
    check(
        "three ways of being dead",
        World::new(zone),
        "x.example",
        &["mx-address-not-public critical", "mx-ip-literal critical", "mx-present", "mx-unresolvable critical"],
        0,
    );
}

#[test]
fn a_silent_server_is_neither_dead_nor_alive() {
    for (situation, faults, expected, unknowns) in [
        ("MX", &["ok.example MX"][..], &[][..], 1),
        ("both addresses", &["mx1.ok.example A", "mx1.ok.example AAAA"], &["mx-present"], 1),
        ("one family", &["mx1.ok.example AAAA"], &["mx-present"], 1),
        ("every exchange, for one reason", &["mx1.ok.example A", "mx2.ok.example A"], &["mx-present"], 1),
        ("the NS records", &["ok.example NS"], &["mx-present"], 1),
        ("one name server", &["ns2.ok.example A"], &["mx-present"], 1),
        ("both name servers", &["ok.example MX @25.25.9.1", "ok.example MX @25.25.9.2"], &["mx-present"], 1),
        ("addresses that MX records make superfluous", &["ok.example A", "ok.example AAAA"], &["mx-present"], 0),
    ] {
        let world = faults.iter().fold(World::new(HEALTHY), |world, fault| world.silent(fault));
        check(situation, world, "ok.example", expected, unknowns);
    }
}

#[test]
fn an_exchange_that_may_live_keeps_the_dead_one_from_being_critical() {
    let zone = "x.example. MX 10 gone.x.example.\nx.example. MX 20 mx.x.example.";
    let world = World::new(zone).silent("mx.x.example A").silent("mx.x.example AAAA");
    check("dead and unknown", world, "x.example", &["mx-present", "mx-unresolvable warning"], 1);
}

#[test]
fn nxdomain_for_one_family_settles_the_other() {
    let world = World::new("x.example. MX 10 gone.x.example.").silent("gone.x.example AAAA");
    check("NXDOMAIN and silence", world, "x.example", &["mx-present", "mx-unresolvable critical"], 0);
}

#[test]
fn a_domain_without_mx_is_not_missing_while_its_address_is_unknown() {
    check("no MX, silent A", World::new("x.example. SOA").silent("x.example A"), "x.example", &[], 1);
}

#[test]
fn name_servers_are_compared() {
    let other = "ok.example. SOA\nok.example. MX 10 old.ok.example.";
    let none = "ok.example. SOA";
    for (situation, view, expected) in [
        ("another exchange", other, &["mx-inconsistent", "mx-present"][..]),
        ("none at all", none, &["mx-inconsistent error", "mx-present"]),
    ] {
        check(situation, World::new(HEALTHY).view("25.25.9.2", view), "ok.example", expected, 0);
    }
    let unauthoritative = World::new(HEALTHY).view("25.25.9.2", other).without_authority("25.25.9.2");
    check("a server without authority", unauthoritative, "ok.example", &["mx-present"], 1);
}

#[test]
fn a_name_inside_a_zone_is_compared_at_the_zone_s_servers() {
    let zone = format!("{HEALTHY}\nsub.ok.example. MX 10 mx1.ok.example.\nsub.ok.example. MX 20 mx2.ok.example.");
    let world = World::new(&zone).view("25.25.9.2", "ok.example. SOA");
    check("a sub-domain that one server lacks", world, "sub.ok.example", &["mx-inconsistent error", "mx-present"], 0);
}

#[test]
fn aliases_and_odd_domains() {
    let mx = "MX 10 mx1.ok.example.";
    let two = "MX 20 mx2.ok.example.";
    for (situation, domain, lines, expected) in [
        (
            "an alias",
            "www.example",
            "www.example. CNAME ok.example.".to_owned(),
            &["mx-domain-alias", "mx-present"][..],
        ),
        (
            "a top-level domain with MX",
            "tld",
            format!("tld. {mx}\ntld. {two}"),
            &["mx-infrastructure-domain", "mx-present"],
        ),
        ("a top-level domain without", "tld", "tld. SOA".into(), &["mx-infrastructure-domain info"]),
        (
            "a reverse zone with MX",
            "25.25.in-addr.arpa",
            format!("25.25.in-addr.arpa. {mx}\n25.25.in-addr.arpa. {two}"),
            &["mx-infrastructure-domain", "mx-present"],
        ),
    ] {
        check(situation, World::new(&format!("{HEALTHY}\n{lines}")), domain, expected, 0);
    }
}

#[test]
fn a_single_exchange_is_noticed_only_where_it_is_a_single_machine() {
    let one = "x.example. MX 10 mx.x.example.\nmx.x.example. A 25.25.1.1\nmx.x.example. AAAA 2a09:25::1";
    check("one machine", World::new(one), "x.example", &["mx-present", "mx-single"], 0);
    let farm = format!("{one}\nmx.x.example. A 25.25.1.2");
    check("a farm behind one name", World::new(&farm), "x.example", &["mx-present"], 0);
    let v6 = "x.example. MX 10 mx.x.example.\nmx.x.example. AAAA 2a09:25::1";
    check("IPv6 alone", World::new(v6), "x.example", &["mx-no-ipv4", "mx-present", "mx-single"], 0);
}

#[test]
fn settings_limit_and_expect() {
    let config = Config { max_exchanges: 1, ..Config::default() };
    let played = World::new(HEALTHY).play("ok.example", config);
    assert_eq!(told(&played.findings), ["mx-present", "mx-too-many"]);
    assert_eq!(played.unknowns[0].cause.kind, CauseKind::Denied);
    let expecting = |patterns: &[&str]| {
        let expect = patterns.iter().map(|&pattern| pattern.to_owned()).collect();
        told(&World::new(HEALTHY).play("ok.example", Config { expect, ..Config::default() }).findings)
    };
    assert_eq!(expecting(&["*.OK.example."]), ["mx-present"]);
    assert_eq!(expecting(&["mx1.ok.example"]), ["mx-present", "mx-unexpected"]);
    let off = Config { max_name_servers: 0, ..Config::default() };
    let played = World::new(HEALTHY).view("25.25.9.2", "ok.example. SOA").play("ok.example", off);
    assert_eq!(told(&played.findings), ["mx-present"]);
}

#[test]
fn a_missing_final_dot_is_recognised_and_repaired() {
    for (exchange, meant) in
        [("mail.x.example.x.example", "10 mail.x.example."), ("aspmx.l.google.com.x.example", "10 aspmx.l.google.com.")]
    {
        let played = World::new(&format!("x.example. MX 10 {exchange}.")).play("x.example", Config::default());
        let finding = played.findings.iter().find(|finding| finding.code == "mx-unresolvable").unwrap();
        assert!(finding.seen.contains("final dot"), "{}", finding.seen);
        assert_eq!(finding.remedy.as_ref().unwrap().publish[0].value, meant);
    }
}

#[test]
fn a_remedy_changes_only_what_the_owner_has_and_helps() {
    let none: &[&str] = &[];
    for (situation, zone, code, publish, withdraw) in [
        ("a web host's name", "x.example. CNAME web.example.\nweb.example. A 25.25.1.1", "mx-implicit", none, none),
        ("a name inside", "x.example. A 10.0.0.1", "mx-implicit", none, none),
        ("an address that is there for the web", "x.example. A 10.0.0.1", "mx-address-not-public", none, none),
        ("an address inside", "x.example. MX 10 10.0.0.1.", "mx-ip-literal", none, none),
        ("one label", "x.example. MX 10 mail.", "mx-unresolvable", none, none),
        ("localhost", "x.example. MX 10 localhost.", "mx-placeholder", none, &["10 localhost."]),
        (
            "white space",
            "x.example. MX 10 mail\\032.x.example.",
            "mx-unresolvable",
            &["10 mail.x.example."],
            &["10 mail\\032.x.example."],
        ),
        (
            "a dot missing before an exchange that is there already",
            "x.example. MX 10 mx.x.example.\nx.example. MX 20 mx.x.example.x.example.\nmx.x.example. A 25.25.1.1",
            "mx-unresolvable",
            none,
            &["20 mx.x.example.x.example."],
        ),
    ] {
        let played = World::new(zone).play("x.example", Config::default());
        let finding = played.findings.iter().find(|f| f.code == code).expect(situation);
        let remedy = finding.remedy.as_ref().expect(situation);
        let values =
            |records: &[engine_plugin_api::Record]| records.iter().map(|r| r.value.clone()).collect::<Vec<_>>();
        assert_eq!(values(&remedy.publish), publish, "{situation}");
        assert_eq!(values(&remedy.withdraw), withdraw, "{situation}");
    }
}

#[test]
fn an_alias_to_nothing_is_not_told_to_get_an_address() {
    let zone = "x.example. MX 10 mail.x.example.\nmail.x.example. CNAME gone.example.";
    let played = World::new(zone).play("x.example", Config::default());
    let finding = played.findings.iter().find(|finding| finding.code == "mx-unresolvable").unwrap();
    assert!(
        finding.seen.starts_with("The exchange mail.x.example is an alias of gone.example, and gone.example does not")
    );
    assert!(finding.remedy.as_ref().unwrap().step.contains("beside its CNAME record"));
}

#[test]
fn localhost_is_worse_where_it_is_tried_first() {
    let mx = "x.example. MX 20 mx.x.example.\nmx.x.example. A 25.25.1.1\nmx.x.example. AAAA 2a09:25::1\n";
    for (situation, line, severity) in [
        ("first", "x.example. MX 10 localhost.", "error"),
        ("last", "x.example. MX 30 localhost.", "warning"),
        ("a name that does not exist, first", "x.example. MX 10 ms1.msv1.invalid.", "warning"),
    ] {
        let expected = [&format!("mx-placeholder {severity}"), "mx-present"];
        check(situation, World::new(&format!("{mx}{line}")), "x.example", &expected, 0);
    }
}

#[test]
fn aliases_of_one_host_become_one_record() {
    let zone = "x.example. MX 10 a.x.example.\nx.example. MX 20 b.x.example.\na.x.example. CNAME c.x.example.\n\
                b.x.example. CNAME c.x.example.\nc.x.example. A 25.25.1.1";
    let played = World::new(zone).play("x.example", Config::default());
    let published: Vec<usize> = played
        .findings
        .iter()
        .filter(|finding| finding.code == "mx-alias")
        .map(|finding| finding.remedy.as_ref().unwrap().publish.len())
        .collect();
    assert_eq!(published, [1, 0]);
}

#[test]
fn a_name_server_with_ipv6_alone_is_asked_there() {
    let zone = HEALTHY.replace("ns2.ok.example. A 25.25.9.2", "ns2.ok.example. AAAA 2a09:25::92");
    check("IPv6", World::new(&zone).silent("ok.example MX @2a09:25::92"), "ok.example", &["mx-present"], 1);
    check("IPv6", World::new(&zone), "ok.example", &["mx-present"], 0);
}

#[test]
fn a_remedy_never_names_what_is_an_exchange_already() {
    let zone = format!(
        "{HEALTHY}\nok.example. MX 5 mail.ok.example.\nmail.ok.example. CNAME mx1.ok.example.\nok.example. MX 30 25.25.1.3."
    );
    let played = World::new(&zone).play("ok.example", Config::default());
    let remedy = |code| played.findings.iter().find(|f| f.code == code).and_then(|f| f.remedy.as_ref()).unwrap();
    assert!(remedy("mx-alias").publish.is_empty());
    assert_eq!(remedy("mx-alias").withdraw[0].value, "5 mail.ok.example.");
    assert_eq!(remedy("mx-ip-literal").publish[0].value, "30 mx.ok.example.");
}

#[test]
fn carets_stand_under_the_part_at_fault() {
    let zone =
        "x.example. MX 5 .\nx.example. MX 10 a_b.x.example.\nx.example. MX 20 in.x.example.\nin.x.example. A 10.0.0.1";
    let played = World::new(zone).play("x.example", Config::default());
    for (code, marked) in [
        ("mx-null-contradicted", "."),
        ("mx-null-preference", "5"),
        ("mx-illegal-name", "_"),
        ("mx-unresolvable", "a_b.x.example"),
        ("mx-address-not-public", "10.0.0.1"),
    ] {
        let finding = played.findings.iter().find(|finding| finding.code == code).expect(code);
        let quote = finding.evidence[0].quote.as_ref().expect(code);
        let span = quote.span.expect(code);
        assert_eq!(&quote.text[span.start..span.end], marked, "{code}");
    }
    assert!(played.findings.iter().all(|f| f.severity.is_none_or(|s| s <= Info) || f.remedy.is_some()));
}
