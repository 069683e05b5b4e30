#![allow(clippy::unwrap_used, clippy::expect_used)]

use engine_plugin_api::{
    EvidenceId,
    services::{MailExchanger, ProbeReply, SmtpAnswer, SmtpReply, SmtpRequest},
};

use super::*;
use crate::{CLIENT_REFUSED, OPEN_RELAY, POSTMASTER_REFUSED, SLOW_GREETING, STARTTLS_MISSING};

fn answer(text: &str) -> SmtpAnswer {
    let (code, rest) = text.split_once(' ').unwrap();
    SmtpAnswer { code: code.parse().unwrap(), enhanced: None, lines: vec![rest.to_owned()], took_ms: 20, at_ms: 0 }
}

/// A session without TLS in which all goes well otherwise.
fn server(host: &str, address: &str) -> Server {
    let request = MailExchanger::new(host, address.parse().unwrap(), "a.example").survey();
    let blank = SmtpReply::not_held(&request, Cause::new(CauseKind::Other, "blank"));
    let probe = |answers: &[&str]| ProbeReply { answers: answers.iter().map(|text| answer(text)).collect() };
    let reply = SmtpReply {
        evidence: EvidenceId(format!("smtp:{host}:{address}")),
        end: SessionEnd::Finished,
        greeting: Some(answer("220 mx ESMTP")),
        ehlo: Some(answer("250 mx")),
        extensions: vec!["8BITMIME".into(), "SMTPUTF8".into()],
        clear_extensions: vec!["STARTTLS".into()],
        mail: Some(answer("250 Ok")),
        recipients: vec![answer("250 Ok")],
        probes: vec![
            probe(&["250 Ok", "554 5.7.1 Relay access denied"]),
            probe(&["252 perhaps"]),
            probe(&["502 not here"]),
        ],
        ..blank
    };
    Server { reply }
}

fn with(host: &str, address: &str, change: impl Fn(&mut SmtpReply)) -> Server {
    let mut server = server(host, address);
    change(&mut server.reply);
    server
}

fn unheard(host: &str, address: &str, end: SessionEnd) -> Server {
    with(host, address, |reply| {
        let evidence = reply.evidence.clone();
        let request = SmtpRequest::new(reply.host.clone(), reply.address);
        *reply =
            SmtpReply { end: end.clone(), evidence, ..SmtpReply::not_held(&request, Cause::new(CauseKind::Other, "")) };
    })
}

fn refused(host: &str, address: &str) -> Server {
    unheard(host, address, SessionEnd::Broken { stage: Stage::Connect, why: "connection refused".into() })
}

fn silent(host: &str, address: &str) -> Server {
    unheard(host, address, SessionEnd::TimedOut { stage: Stage::Connect, waited_s: 10 })
}

fn judged(servers: Vec<Server>) -> Judgement {
    let facts = Facts { domain: "a.example".into(), servers, left_out: 0 };
    judge(&facts, &Config::default())
}

/// The codes beside the offer, with the severities that are not their page's,
/// and how many things could not be told.
fn check(servers: Vec<Server>, expected: &[(&str, Option<Severity>)], unknowns: usize) -> Judgement {
    let judgement = judged(servers);
    let found: Vec<(&str, Option<Severity>)> = judgement
        .findings
        .iter()
        .filter(|finding| finding.code != crate::EXTENSIONS)
        .map(|finding| (finding.code.as_str(), finding.severity))
        .collect();
    assert_eq!(found, expected, "{judgement:#?}");
    assert_eq!(judgement.unknowns.len(), unknowns, "{judgement:#?}");
    judgement
}

#[test]
fn a_server_in_order_is_told_once() {
    let found = check(vec![server("mx1", "25.25.1.1"), server("mx2", "25.25.2.1")], &[(ANSWERING, None)], 0);
    let offers = found.findings.iter().filter(|finding| finding.code == crate::EXTENSIONS).count();
    assert_eq!(offers, 1, "equal offers are one finding");
}

#[test]
fn one_of_several_refusing_weighs_less_than_all() {
    let (ok, down) = (server("mx1", "25.25.1.1"), refused("mx2", "25.25.2.1"));
    check(vec![ok, down.clone()], &[(UNREACHABLE, None)], 0);
    check(vec![down], &[(UNREACHABLE, Some(Severity::Critical))], 0);
}

#[test]
fn refusals_in_several_networks_may_be_our_own() {
    let both = vec![refused("mx1", "25.25.1.1"), refused("mx2", "25.25.2.1")];
    let found = check(both, &[], 1);
    assert_eq!(found.unknowns[0].cause.kind, CauseKind::OurSide);
    assert!(found.unknowns[0].cause.evidence.is_some());
}

#[test]
fn silence_is_a_finding_only_where_others_of_the_family_answer() {
    check(vec![silent("mx1", "25.25.1.1")], &[], 1);
    check(vec![server("mx1", "25.25.1.1"), silent("mx2", "25.25.2.1")], &[(UNREACHABLE, None)], 0);
    let found = check(vec![server("mx1", "25.25.1.1"), silent("mx1", "2a09:25::1")], &[], 1);
    assert_eq!(found.unknowns[0].cause.kind, CauseKind::OurSide);
}

#[test]
fn no_ipv6_of_ours_is_one_thing_for_all_servers() {
    let cause = || Cause::new(CauseKind::OurSide, "network is unreachable");
    let none = |host: &str, address: &str| unheard(host, address, SessionEnd::NotHeld { cause: cause() });
    let servers = vec![server("mx1", "25.25.1.1"), none("mx1", "2a09:25:1::1"), none("mx2", "2a09:25:2::1")];
    let found = check(servers, &[], 1);
    assert_eq!(found.unknowns[0].cause.detail, "network is unreachable");
}

#[test]
fn one_fault_of_two_addresses_is_one_finding() {
    let plain = |address| with("mx1", address, |reply| reply.clear_extensions.clear());
    let found = check(vec![plain("25.25.1.1"), plain("2a09:25::1")], &[(STARTTLS_MISSING, None)], 0);
    let finding = &found.findings[0];
    assert!(finding.seen.starts_with("mx1 (25.25.1.1 and 2a09:25::1) offers no STARTTLS"), "{}", finding.seen);
    assert_eq!(finding.evidence.len(), 2);
}

#[test]
fn the_same_fault_of_two_hosts_is_one_finding_of_the_domain() {
    let plain = |host, address| with(host, address, |reply| reply.clear_extensions.clear());
    let servers = vec![plain("mx1", "25.25.1.1"), plain("mx1", "2a09:25::1"), plain("mx2", "25.25.2.1")];
    let found = check(servers, &[(STARTTLS_MISSING, None)], 0);
    let finding = &found.findings[0];
    assert_eq!(finding.subject, Subject::Domain("a.example".into()));
    let expected = "Each of mx1 (25.25.1.1 and 2a09:25::1) and mx2 (25.25.2.1) offers no STARTTLS";
    assert!(finding.seen.starts_with(expected), "{}", finding.seen);
}

#[test]
fn a_time_out_is_one_thing_that_could_not_be_told() {
    for stage in [Stage::Greeting, Stage::Ehlo, Stage::StartTls, Stage::Mail, Stage::Rcpt] {
        let stopped = with("mx1", "25.25.1.1", |reply| {
            reply.end = SessionEnd::TimedOut { stage, waited_s: 60 };
            reply.clear_extensions.clear();
            reply.mail = None;
            reply.recipients.clear();
            reply.probes.clear();
        });
        let found = check(vec![stopped], &[], 1);
        assert_eq!(found.unknowns[0].cause.kind, CauseKind::Timeout);
    }
}

#[test]
fn a_dead_milter_is_one_finding() {
    let milter = with("mx1", "25.25.1.1", |reply| {
        reply.starttls = Some(answer("454 4.7.0 TLS not available due to local problem"));
        reply.tls_failure = Some("STARTTLS was answered with `454 …`".into());
        reply.mail = Some(answer("451 4.7.1 Service unavailable - try again later"));
        reply.recipients.clear();
        reply.probes.clear();
    });
    let found = check(vec![milter], &[(DEFERRED, Some(Severity::Error))], 0);
    assert_eq!(found.findings[0].evidence.len(), 2);
}

#[test]
fn a_slow_greeting_is_measured_and_told_alone() {
    for (took_ms, expected) in [(6_040, Some(Severity::Notice)), (31_000, Some(Severity::Warning))] {
        let slow = with("mx1", "25.25.1.1", |reply| {
            reply.greeting.as_mut().unwrap().took_ms = took_ms;
        });
        let found = check(vec![slow], &[(SLOW_GREETING, expected)], 0);
        let seconds = text::seconds(took_ms);
        assert!(found.findings[0].seen.contains(&seconds), "{}", found.findings[0].seen);
    }
}

#[test]
fn relaying_for_neighbours_is_a_notice() {
    let relay = |source: &str| {
        let source = source.parse().ok();
        with("mx1", "25.25.1.1", |reply| {
            reply.source = source;
            reply.probes[0].answers[1] = answer("250 Ok");
        })
    };
    check(vec![relay("")], &[(OPEN_RELAY, Some(Severity::Error))], 0);
    check(vec![relay("26.1.1.1")], &[(OPEN_RELAY, Some(Severity::Error))], 0);
    check(vec![relay("10.0.0.1")], &[(OPEN_RELAY, Some(Severity::Notice))], 0);
    check(vec![relay("25.25.1.9")], &[(OPEN_RELAY, Some(Severity::Notice))], 0);
}

#[test]
fn a_refusal_of_us_at_rcpt_is_not_one_of_postmaster() {
    let rcpt = |text: &'static str| with("mx1", "25.25.1.1", |reply| reply.recipients = vec![answer(text)]);
    check(vec![rcpt("554 5.7.1 Client host blocked using zen.spamhaus.org")], &[(CLIENT_REFUSED, None)], 0);
    check(vec![rcpt("550 5.1.1 User unknown")], &[(POSTMASTER_REFUSED, None)], 0);
    check(vec![rcpt("554 5.7.1 Relay access denied")], &[(DOMAIN_NOT_SERVED, Some(Severity::Critical))], 0);
    check(vec![rcpt("450 4.2.0 Greylisted")], &[], 1);
}

#[test]
fn what_ends_in_the_probes_is_judged_up_to_there() {
    let cut = with("mx1", "25.25.1.1", |reply| {
        reply.end = SessionEnd::Broken { stage: Stage::Probe, why: "the server closed the connection".into() };
        reply.probes.clear();
    });
    check(vec![cut], &[], 1);
}

#[test]
fn addresses_beyond_the_limit_are_told() {
    let facts = Facts { domain: "a.example".into(), servers: vec![server("mx1", "25.25.1.1")], left_out: 3 };
    assert_eq!(judge(&facts, &Config::default()).unknowns.len(), 1);
}
