#![allow(clippy::unwrap_used, clippy::expect_used)]
use engine_plugin_api::{
    Actor, CauseKind, Confidence, Finding, Outcome, Severity, Target,
    serde_json::{Value, json},
};

use crate::testing::{Played, World, Zone};

const ZEN: &str = "zen.spamhaus.org";

fn address(ip: &str) -> Target {
    Target { ip: Some(ip.parse().unwrap()), ..Target::default() }
}

fn only(zones: &[&str]) -> Value {
    json!({ "lists": zones })
}

fn codes(played: &Played) -> Vec<&str> {
    played.findings.iter().map(|finding| finding.code.as_str()).collect()
}

fn one<'a>(played: &'a Played, code: &str) -> &'a Finding {
    let found: Vec<_> = played.findings.iter().filter(|finding| finding.code == code).collect();
    assert_eq!(found.len(), 1, "{code} in {:?}", codes(played));
    found[0]
}

/// What one address gets from one list that answers `code` for it.
#[test]
fn a_return_code_decides_finding_severity_and_actor() {
    use {Actor::*, Severity::*};
    for (zone, answer, code, severity, actor, words) in [
        (ZEN, "127.0.0.2", "dnsbl-listed", Critical, IpOwner, "SBL"),
        (ZEN, "127.0.0.3", "dnsbl-listed", Critical, ServerOperator, "CSS"),
        (ZEN, "127.0.0.4", "dnsbl-listed", Critical, ServerOperator, "XBL"),
        (ZEN, "127.0.0.11", "dnsbl-policy-listed", Error, ServerOperator, "PBL"),
        (ZEN, "127.0.0.99", "dnsbl-listed", Warning, ServerOperator, "does not explain"),
        ("bl.spamcop.net", "127.0.0.2", "dnsbl-listed", Error, ServerOperator, "spam"),
        ("psbl.surriel.com", "127.0.0.2", "dnsbl-listed", Warning, ServerOperator, "trap"),
        ("all.s5h.net", "127.0.0.2", "dnsbl-listed", Notice, ServerOperator, "spam"),
        ("dyna.spamrats.com", "127.0.0.36", "dnsbl-policy-listed", Notice, ServerOperator, "dynamic"),
        ("dnsbl.dronebl.org", "127.0.0.8", "dnsbl-listed", Warning, ServerOperator, "SOCKS"),
        ("dnsbl-1.uceprotect.net", "127.0.0.2", "dnsbl-listed", Notice, ServerOperator, "trap"),
        ("dnsbl-3.uceprotect.net", "127.0.0.2", "dnsbl-neighbourhood-listed", Notice, IpOwner, "autonomous system"),
        ("ips.backscatterer.org", "127.0.0.2", "dnsbl-backscatter-listed", Notice, ServerOperator, "bounces"),
        ("hostkarma.junkemailfilter.com", "127.0.0.2", "dnsbl-listed", Notice, ServerOperator, "black"),
        ("hostkarma.junkemailfilter.com", "127.0.0.1", "dnsbl-allow-listed", Info, Nobody, "white"),
        ("rep.mailspike.net", "127.0.0.11", "dnsbl-poor-reputation", Notice, ServerOperator, "very bad"),
        ("rep.mailspike.net", "127.0.0.19", "dnsbl-allow-listed", Info, Nobody, "very good"),
        ("list.dnswl.org", "127.0.5.2", "dnsbl-allow-listed", Info, Nobody, "medium trust"),
        (
            "bl.score.senderscore.com",
            "127.0.0.6",
            "dnsbl-listed",
            Warning,
            ServerOperator,
            "mail without authentication; hits on pristine spam traps",
        ),
        ("rbl.efnetrbl.org", "127.0.0.1", "dnsbl-listed", Notice, ServerOperator, "open proxy"),
    ] {
        let world = World::default().list(zone, Zone::Normal, &[("6.6.25.25", answer)]);
        let played = world.play(&address("25.25.6.6"), only(&[zone]));
        let finding = one(&played, code);
        assert_eq!(finding.severity.unwrap_or(Info), severity, "{zone} {answer}");
        assert_eq!(finding.actor, actor, "{zone} {answer}");
        assert!(finding.seen.contains(words), "{zone} {answer}: {}", finding.seen);
        assert!(played.unknowns.is_empty(), "{zone} {answer}: {:?}", played.unknowns);
        let quote = finding.evidence[0].quote.as_ref().unwrap();
        assert_eq!(&quote.text[quote.span.unwrap().start..], answer);
    }
}

#[test]
fn a_domain_is_looked_up_in_domain_lists_only() {
    use Severity::*;
    for (zone, answer, code, severity, words) in [
        ("dbl.spamhaus.org", "127.0.1.2", "dnsbl-domain-listed", Critical, "spam"),
        ("dbl.spamhaus.org", "127.0.1.105", "dnsbl-domain-listed", Critical, "malware"),
        ("multi.surbl.org", "127.0.0.72", "dnsbl-domain-listed", Error, "PH, phishing; ABUSE, advertised in spam"),
        ("multi.uribl.com", "127.0.0.4", "dnsbl-domain-listed", Notice, "grey"),
        ("fresh15.spameatingmonkey.net", "127.0.0.2", "dnsbl-new-domain", Info, "15 days"),
        ("abuse.rfc-clueless.org", "127.0.0.4", "dnsbl-domain-listed", Notice, "abuse@"),
    ] {
        let world = World::default().mx("bad.example", ".").list(zone, Zone::Normal, &[("bad.example", answer)]);
        let played = world.play(&Target::domain("bad.example"), only(&[zone]));
        let finding = one(&played, code);
        assert_eq!(finding.severity, Some(severity), "{zone} {answer}");
        assert!(finding.seen.contains(words), "{zone} {answer}: {}", finding.seen);
        assert!(played.unknowns.is_empty(), "{:?}", played.unknowns);
    }
}

#[test]
fn a_resolver_that_makes_up_answers_is_one_line_and_lists_nobody() {
    for answer in ["127.0.0.2", "127.0.0.1", "25.25.99.99"] {
        let zones = [
            ZEN,
            "bl.spamcop.net",
            "psbl.surriel.com",
            "dnsbl-2.uceprotect.net",
            "list.dnswl.org",
            "hostkarma.junkemailfilter.com",
            "multi.uribl.com",
        ];
        let world = zones.iter().fold(World::with_exchange(), |world, zone| world.list(zone, Zone::All(answer), &[]));
        let played = world.play(&Target::domain("example.org"), only(&zones));
        assert_eq!(codes(&played), [""; 0], "{answer}");
        // What an allow list answers without a known code is no trust, and so nothing to withdraw.
        assert_eq!(played.unknowns.len(), 1, "{answer}: {:?}", played.unknowns);
        assert_eq!(played.unknowns[0].cause.kind, CauseKind::OurSide, "{answer}");
        assert!(played.unknowns[0].advice.as_ref().unwrap().contains("in the place of names that do not exist"));
    }
}

#[test]
fn a_resolver_that_hides_all_lists_is_no_death_of_lists() {
    let zones = [ZEN, "bl.spamcop.net", "psbl.surriel.com"];
    let world = || zones[1..].iter().fold(World::with_exchange(), |world, zone| world.list(zone, Zone::Empty, &[]));
    let played = world().list(ZEN, Zone::Empty, &[]).play(&address("2a09:25::6"), only(&zones));
    assert_eq!(codes(&played), ["dnsbl-no-ipv6"], "only what the catalogue knows");
    assert!(!one(&played, "dnsbl-no-ipv6").seen.contains("psbl"));
    let played = world().list(ZEN, Zone::Empty, &[]).play(&address("25.25.6.6"), only(&zones));
    assert_eq!(played.unknowns[0].cause.kind, CauseKind::OurSide);
    let played = world().list(ZEN, Zone::Normal, &[]).play(&address("25.25.6.6"), only(&zones));
    assert_eq!(played.unknowns[0].cause.kind, CauseKind::ServerFailure);
}

#[test]
fn one_list_that_answers_everything_spoils_no_other() {
    let zones = ["dnsbl-2.uceprotect.net", "psbl.surriel.com", ZEN];
    let world = World::with_exchange()
        .list("dnsbl-2.uceprotect.net", Zone::All("127.0.0.2"), &[])
        .list("psbl.surriel.com", Zone::Normal, &[])
        .list(ZEN, Zone::Normal, &[("1.1.25.25", "127.0.0.4")]);
    let played = world.play(&Target::domain("example.org"), only(&zones));
    assert_eq!(codes(&played), ["dnsbl-listed"]);
    assert_eq!(played.unknowns.len(), 1, "{:?}", played.unknowns);
    assert!(played.unknowns[0].what.contains("dnsbl-2.uceprotect.net"));
}

#[test]
fn an_unexplained_127_0_0_1_is_no_listing() {
    let world = World::default().list(ZEN, Zone::Normal, &[("6.6.25.25", "127.0.0.1")]);
    let played = world.play(&address("25.25.6.6"), only(&[ZEN]));
    assert_eq!((codes(&played).len(), played.unknowns.len()), (0, 1));
}

#[test]
fn a_list_without_a_test_entry_calls_nobody_clean_beside_silent_ones() {
    let zones = ["dnsbl-2.uceprotect.net", "psbl.surriel.com"];
    let world = || World::with_exchange().list("dnsbl-2.uceprotect.net", Zone::Empty, &[]);
    let silent = world().list("psbl.surriel.com", Zone::Empty, &[]);
    assert_eq!(codes(&silent.play(&Target::domain("example.org"), only(&zones))), [""; 0]);
    let works = world().list("psbl.surriel.com", Zone::Normal, &[]);
    let played = works.play(&Target::domain("example.org"), only(&zones));
    assert!(one(&played, "dnsbl-clean").seen.contains("nor on 1 without a test entry"), "{}", played.findings[0].seen);
    let alone = world().play(&Target::domain("example.org"), only(&zones[..1]));
    assert!(one(&alone, "dnsbl-clean").seen.contains("no test entry"), "{}", alone.findings[0].seen);
}

#[test]
fn the_test_entry_of_an_allow_list_may_carry_no_trust() {
    let zone = "list.dnswl.org";
    let entries = [("2.0.0.127", "127.0.10.0"), ("6.6.25.25", "127.0.5.2")];
    let played = World::default().list(zone, Zone::Normal, &entries).play(&address("25.25.6.6"), only(&[zone]));
    assert_eq!((codes(&played), played.unknowns.len()), (vec!["dnsbl-allow-listed"], 0));
    let entries = [("6.6.25.25", "127.0.0.2")];
    let played = World::default().list(zone, Zone::Normal, &entries).play(&address("25.25.6.6"), only(&[zone]));
    assert_eq!((codes(&played).len(), played.unknowns.len()), (0, 0), "a code of no category is no trust");
}

#[test]
fn every_reason_of_the_gravest_is_to_be_put_right() {
    let world = World::default().list(ZEN, Zone::Normal, &[("6.6.25.25", "127.0.0.2 127.0.0.4")]);
    let played = world.play(&address("25.25.6.6"), only(&[ZEN]));
    let finding = one(&played, "dnsbl-listed");
    let step = &finding.remedy.as_ref().unwrap().step;
    assert!(step.contains("SBL record") && step.contains("infected machine"), "{step}");
    assert_eq!(finding.actor, Actor::IpOwner);
}

#[test]
fn every_refusal_is_neither_listed_nor_clean() {
    for (zone, answer, kind) in [
        (ZEN, "127.255.255.252", CauseKind::OurSide),
        (ZEN, "127.255.255.254", CauseKind::OurSide),
        (ZEN, "127.255.255.255", CauseKind::RateLimited),
        ("dbl.spamhaus.org", "127.0.1.255", CauseKind::OurSide),
        ("multi.uribl.com", "127.0.0.1", CauseKind::OurSide),
        ("multi.surbl.org", "127.0.0.1", CauseKind::OurSide),
        ("list.dnswl.org", "127.0.0.255", CauseKind::RateLimited),
        ("psbl.surriel.com", "93.184.216.34", CauseKind::Malformed),
        ("psbl.surriel.com", "127.0.0.2", CauseKind::Malformed),
    ] {
        let world = World::with_exchange().list(zone, Zone::All(Box::leak(answer.to_owned().into_boxed_str())), &[]);
        let played = world.play(&Target::domain("example.org"), only(&[zone]));
        assert_eq!(codes(&played), [""; 0], "{zone} {answer}");
        assert_eq!(played.unknowns.len(), 1, "{zone} {answer}");
        assert_eq!(played.unknowns[0].cause.kind, kind, "{zone} {answer}");
        assert!(played.unknowns[0].what.contains(zone));
        assert!(!played.asked.iter().any(|asked| asked.ends_with("TXT")));
    }
}

#[test]
fn a_list_that_fails_its_canary_tells_nothing() {
    for (behaviour, kind, words) in [
        (Zone::Empty, CauseKind::ServerFailure, "test entry"),
        (Zone::Inverted, CauseKind::Malformed, "never be listed"),
        (Zone::Timeout, CauseKind::Timeout, "does not answer"),
        (Zone::Refused, CauseKind::Refused, "refuses"),
    ] {
        let world = World::with_exchange().list("psbl.surriel.com", behaviour, &[]);
        let played = world.play(&Target::domain("example.org"), only(&["psbl.surriel.com"]));
        assert_eq!(codes(&played), [""; 0], "{words}");
        assert_eq!(played.unknowns.len(), 1, "{words}");
        assert_eq!(played.unknowns[0].cause.kind, kind);
        assert!(played.unknowns[0].cause.detail.contains(words), "{}", played.unknowns[0].cause.detail);
    }
}

#[test]
fn one_cause_is_one_line_that_names_its_lists() {
    let refuses = Zone::All("127.255.255.254");
    let world = World::with_exchange()
        .list(ZEN, refuses, &[])
        .list("dbl.spamhaus.org", refuses, &[])
        .list("psbl.surriel.com", Zone::Timeout, &[])
        .list("bl.spamcop.net", Zone::Normal, &[]);
    let played = world
        .play(&Target::domain("example.org"), only(&[ZEN, "dbl.spamhaus.org", "psbl.surriel.com", "bl.spamcop.net"]));
    assert_eq!(codes(&played), ["dnsbl-clean"]);
    assert!(played.findings[0].seen.contains("the one of the address lists that answered; 2 more could not tell"));
    assert_eq!(played.unknowns.len(), 2, "{:?}", played.unknowns);
    let refused = &played.unknowns[0];
    assert!(refused.what.contains("2 of the 4 lists (zen.spamhaus.org and dbl.spamhaus.org)"), "{}", refused.what);
    assert!(refused.advice.as_ref().unwrap().contains("spamhaus-dqs"));
}

#[test]
fn a_dns_that_is_down_is_one_line() {
    let played = World::with_exchange().silent("*").play(&Target::domain("example.org"), json!({}));
    assert_eq!(codes(&played), [""; 0]);
    assert_eq!(played.unknowns.len(), 1, "{:?}", played.unknowns);
    assert!(matches!(played.outcome, Outcome::CouldNotTell { .. }));
}

#[test]
fn missing_addresses_leave_the_domain_to_be_looked_up() {
    let world = || World::with_exchange().list("dbl.spamhaus.org", Zone::Normal, &[]);
    for silent in ["example.org", "mx.example.org"] {
        let played = world().silent(silent).play(&Target::domain("example.org"), only(&["dbl.spamhaus.org"]));
        assert_eq!(codes(&played), ["dnsbl-clean"], "{silent}");
        assert_eq!(played.unknowns.len(), 1, "{silent}");
        assert!(played.unknowns[0].what.contains(silent));
    }
}

#[test]
fn the_address_of_an_exchange_weighs_less_than_one_that_sends() {
    let world = || World::with_exchange().list(ZEN, Zone::Normal, &[("1.1.25.25", "127.0.0.4 127.0.0.11")]);
    let played = world().play(&Target::domain("example.org"), only(&[ZEN]));
    let (listed, policy) = (one(&played, "dnsbl-listed"), one(&played, "dnsbl-policy-listed"));
    assert_eq!((listed.severity, listed.confidence), (Some(Severity::Error), Some(Confidence::Medium)));
    assert_eq!(policy.severity, Some(Severity::Warning));
    assert!(listed.seen.contains("mx.example.org") && listed.seen.contains("where mail comes in"));
    let played = world().play(&address("25.25.1.1"), only(&[ZEN]));
    assert_eq!(one(&played, "dnsbl-listed").severity, Some(Severity::Critical));
}

#[test]
fn a_neighbourhood_is_one_finding_and_nobody_is_told_to_pay() {
    let zone = "dnsbl-2.uceprotect.net";
    let world = World::with_exchange().a("mx.example.org", "25.25.1.2").list(zone, Zone::Empty, &[]).list(
        zone,
        Zone::Normal,
        &[("1.1.25.25", "127.0.0.2"), ("2.1.25.25", "127.0.0.2")],
    );
    let played = world.play(&Target::domain("example.org"), only(&[zone]));
    let finding = one(&played, "dnsbl-neighbourhood-listed");
    assert_eq!(finding.subject.name(), "25.25.1.1, 25.25.1.2 in dnsbl-2.uceprotect.net");
    assert_eq!(finding.actor, Actor::IpOwner);
    let step = &finding.remedy.as_ref().unwrap().step;
    assert!(step.contains("Never pay") && step.contains("Only the provider can act"), "{step}");
    assert!(finding.seen.contains("no test entry"));
}

#[test]
fn the_way_off_says_what_it_takes() {
    for (zone, words) in [
        ("all.s5h.net", "must come from the listed address itself"),
        ("dnsbl-1.uceprotect.net", "Never pay"),
        ("dnsbl.spfbl.net", "donation"),
        (ZEN, "It costs nothing"),
    ] {
        let world = World::default().list(zone, Zone::Normal, &[("6.6.25.25", "127.0.0.2")]);
        let played = world.play(&address("25.25.6.6"), only(&[zone]));
        let remedy = one(&played, "dnsbl-listed").remedy.clone().unwrap();
        assert!(remedy.step.contains(words), "{zone}: {}", remedy.step);
        assert!(remedy.url.is_some() && remedy.effect.is_some(), "{zone}");
    }
}

#[test]
fn the_list_says_why_in_its_own_words() {
    let world = World::default()
        .list("bl.spamcop.net", Zone::Normal, &[("6.6.25.25", "127.0.0.2")])
        .txt("6.6.25.25.bl.spamcop.net", "Blocked - see https://www.spamcop.net/bl.shtml?25.25.6.6");
    let played = world.play(&address("25.25.6.6"), only(&["bl.spamcop.net"]));
    let finding = one(&played, "dnsbl-listed");
    assert!(finding.evidence[1].quote.as_ref().unwrap().text.starts_with("Blocked"));
}

#[test]
fn ipv6_is_asked_where_it_is_held_and_said_where_it_is_not() {
    let target = address("2a09:25::6");
    let zones = [ZEN, "bl.spamcop.net", "psbl.surriel.com"];
    let world = World::default().list(ZEN, Zone::WithIpv6, &[]).list("bl.spamcop.net", Zone::Normal, &[]).list(
        "psbl.surriel.com",
        Zone::Normal,
        &[],
    );
    let played = world.play(&target, only(&zones));
    assert_eq!(codes(&played), ["dnsbl-clean", "dnsbl-no-ipv6"]);
    assert!(played.unknowns.is_empty(), "{:?}", played.unknowns);
    let seen = &one(&played, "dnsbl-no-ipv6").seen;
    assert!(seen.contains("2 lists") && seen.contains("bl.spamcop.net") && seen.contains("psbl.surriel.com"), "{seen}");
    assert!(!played.asked.iter().any(|asked| asked.ends_with("bl.spamcop.net A")), "no IPv6 is asked there");
    // A list that is known to hold IPv6 and lacks the test entry is at fault.
    let played = World::default().list(ZEN, Zone::Normal, &[]).play(&target, only(&[ZEN]));
    assert_eq!((codes(&played).len(), played.unknowns.len()), (0, 1));
}

#[test]
fn a_key_is_asked_with_and_never_shown() {
    let key = "abcdef0123456789";
    let world = World::default()
        .list(&format!("{key}.zen.dq.spamhaus.net"), Zone::Normal, &[("6.6.25.25", "127.0.0.4")])
        .txt(&format!("6.6.25.25.{key}.zen.dq.spamhaus.net"), &format!("see {}.zen", key.to_uppercase()));
    let settings = json!({ "lists": ["zen.dq.spamhaus.net"], "keys": { "spamhaus-dqs": key } });
    let played = world.play(&address("25.25.6.6"), settings.clone());
    let finding = one(&played, "dnsbl-listed");
    let said = format!(
        "{} {:?} {:?} {:?}",
        finding.seen,
        finding.subject,
        finding.remedy,
        finding.evidence.iter().map(|e| &e.quote).collect::<Vec<_>>()
    );
    assert!(!said.to_lowercase().contains(key), "{said}");
    assert!(said.contains("6.6.25.25.<key>.zen.dq.spamhaus.net. A 127.0.0.4") && said.contains("see <key>.zen"));
    let played = World::default().silent("*").play(&address("25.25.6.6"), settings);
    let unknown = &played.unknowns[0];
    assert!(!format!("{} {} {:?}", unknown.what, unknown.cause.detail, unknown.advice).contains(key));
}

#[test]
fn a_key_replaces_the_public_twin() {
    let settings = json!({ "keys": { "spamhaus-dqs": "abcdef0123456789" } });
    let played = World::default().play(&address("25.25.6.6"), settings);
    assert!(played.asked.iter().any(|asked| asked.contains("abcdef0123456789.zen.dq.spamhaus.net")));
    assert!(!played.asked.iter().any(|asked| asked.contains(ZEN)));
}

#[test]
fn a_dead_list_is_named_and_never_asked() {
    let world = World::with_exchange().list("dnsbl.sorbs.net", Zone::All("127.0.0.2"), &[]);
    let played = world.play(
        &Target::domain("example.org"),
        only(&["dnsbl.sorbs.net", "spam.dnsbl.sorbs.net", "korea.countries.nerd.dk"]),
    );
    assert_eq!(codes(&played), ["dnsbl-dead-list"; 3]);
    let finding = played.findings.iter().find(|f| f.subject.name() == "dnsbl.sorbs.net").unwrap();
    assert!(finding.seen.contains("closed on 5 June 2024"), "{}", finding.seen);
    assert!(!played.asked.iter().any(|asked| asked.contains("sorbs") || asked.contains("nerd")));
}

#[test]
fn a_missing_key_is_asked_for() {
    let world = World::with_exchange().list(ZEN, Zone::Normal, &[]);
    let played = world.play(&Target::domain("example.org"), only(&[ZEN, "combined.mail.abusix.zone"]));
    assert_eq!(codes(&played), ["dnsbl-clean"]);
    assert_eq!(played.unknowns[0].cause.kind, CauseKind::NeedsInput);
    assert!(played.unknowns[0].advice.as_ref().unwrap().contains("keys.abusix"));
}

#[test]
fn a_list_of_ones_own_is_asked_like_any_other() {
    let world = World::default().list("bl.corp.example", Zone::Normal, &[("6.6.25.25", "127.0.0.12")]);
    let settings = json!({ "lists": [], "extra": [{
        "zone": "bl.corp.example", "codes": { "127.0.0.&4": "spam", "127.0.0.&8": "phish" }, "impact": "high",
    }]});
    let played = world.play(&address("25.25.6.6"), settings);
    let finding = one(&played, "dnsbl-listed");
    assert!(finding.seen.contains("bl.corp.example: spam; phish"), "{}", finding.seen);
    assert_eq!(finding.severity, Some(Severity::Error));
}

#[test]
fn what_cannot_be_on_a_list_is_not_asked_about() {
    let played = World::default().play(&address("192.168.1.1"), json!({}));
    assert!(matches!(&played.outcome, Outcome::NotApplicable { why } if why.contains("192.168.1.1")));
    let world = World::default().mx("example.org", "mx.example.org").a("mx.example.org", "10.0.0.1");
    let played = world.list(ZEN, Zone::Normal, &[]).play(&Target::domain("example.org"), only(&[ZEN]));
    assert!(matches!(&played.outcome, Outcome::NotApplicable { .. }), "{:?}", codes(&played));
    assert!(!played.asked.iter().any(|asked| asked.starts_with("1.0.0.10")));
}

#[test]
fn the_bound_on_addresses_is_said() {
    let world = (1..=20).fold(World::with_exchange(), |world, n| world.a("mx.example.org", &format!("25.25.2.{n}")));
    let played = world.list(ZEN, Zone::Normal, &[]).play(&Target::domain("example.org"), only(&[ZEN]));
    assert_eq!(codes(&played), ["dnsbl-clean"]);
    assert_eq!(played.unknowns.len(), 1);
    assert!(played.unknowns[0].what.contains("5 more addresses"), "{}", played.unknowns[0].what);
}

#[test]
fn nothing_is_asked_twice() {
    let mut target = Target::domain("example.org");
    target.sender = Some("a@example.org".into());
    let mut asked =
        World::with_exchange().a("mx.example.org", "2a09:25::6").play(&target, json!({ "lists": "all" })).asked;
    asked.sort();
    let twice: Vec<_> = asked.windows(2).filter(|pair| pair[0] == pair[1]).collect();
    assert!(twice.is_empty(), "{twice:?}");
}

#[test]
fn the_senders_domain_is_looked_up_beside_the_domain() {
    let mut target = Target::domain("example.org");
    target.sender = Some("news@bad.example".into());
    let world = World::with_exchange().list("dbl.spamhaus.org", Zone::Normal, &[("bad.example", "127.0.1.2")]);
    let played = world.play(&target, only(&["dbl.spamhaus.org"]));
    assert_eq!(one(&played, "dnsbl-domain-listed").subject.name(), "bad.example in dbl.spamhaus.org");
    assert!(one(&played, "dnsbl-clean").seen.contains("example.org"));
}

#[test]
fn a_missing_key_is_asked_for_even_where_nothing_else_is_asked() {
    let played = World::default().play(&address("25.25.6.6"), only(&["combined.mail.abusix.zone"]));
    assert_eq!(played.unknowns[0].cause.kind, CauseKind::NeedsInput);
}
