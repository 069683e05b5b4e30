#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::net::IpAddr;

use engine_plugin_api::{
    EvidenceId,
    services::{EnhancedCode, SmtpAnswer, Stage},
};

use super::*;
use crate::{NONE_AT_RCPT, OTHER_DEFERRAL, RECIPIENT_UNKNOWN, REFUSED, RELAY_DENIED};

const GREY: &str = "450 4.2.0 <jo@d.example>: Recipient address rejected: Greylisted for 300 seconds";
const BARE: &str = "451 4.7.1 Please try again later";

fn attempt(stage: Stage, seconds: i64, reply: &str) -> Attempt {
    let (code, text) = reply.split_at(4);
    Attempt {
        evidence: EvidenceId(format!("smtp:{seconds}")),
        host: "mx.d.example".into(),
        address: "25.25.1.1".parse::<IpAddr>().unwrap(),
        source: Some("25.25.9.9".parse().unwrap()),
        stage,
        answer: SmtpAnswer {
            code: code.trim().parse().unwrap(),
            enhanced: EnhancedCode::at_start(text),
            lines: vec![text.to_owned()],
            took_ms: 1,
            at_ms: 1_000 * seconds,
        },
    }
}

fn asked(replies: &[(i64, &str)]) -> Asked {
    let mut attempts = replies.iter().map(|(seconds, reply)| attempt(Stage::Rcpt, *seconds, reply));
    let first = attempts.next().unwrap();
    Asked { skipped: Vec::new(), first, later: attempts.collect(), unfinished: None }
}

fn facts(asked: Asked) -> Facts {
    Facts {
        domain: "d.example".into(),
        recipient: "jo@d.example".into(),
        sender: String::new(),
        sender_given: None,
        outcome: Contact::Asked(asked),
    }
}

fn judged(facts: &Facts) -> Judgement {
    judge(facts, &Plan::read(&crate::Config::default()).unwrap())
}

fn check(replies: &[(i64, &str)], expected: &[&str], unknowns: usize) -> Judgement {
    let judgement = judged(&facts(asked(replies)));
    let codes: Vec<&str> = judgement.findings.iter().map(|finding| finding.code.as_str()).collect();
    assert_eq!((codes.as_slice(), judgement.unknowns.len()), (expected, unknowns), "{replies:?}");
    judgement
}

#[test]
fn each_course_of_replies_has_its_finding() {
    let ok = "250 2.1.5 Ok";
    for (replies, code) in [
        (vec![(0, ok)], NONE_AT_RCPT),
        (vec![(0, GREY)], SUSPECTED),
        (vec![(0, BARE)], SUSPECTED),
        (vec![(0, GREY), (300, ok)], CONFIRMED),
        (vec![(0, BARE), (300, ok)], CONFIRMED),
        (vec![(0, GREY), (180, GREY), (360, GREY)], STILL_DEFERRED),
        (vec![(0, GREY), (300, "452 4.2.2 Mailbox full")], STILL_DEFERRED),
        (vec![(0, "452 4.2.2 Mailbox full")], OTHER_DEFERRAL),
        (vec![(0, "550 5.1.1 User unknown")], RECIPIENT_UNKNOWN),
        (vec![(0, GREY), (300, "550 5.1.1 User unknown")], RECIPIENT_UNKNOWN),
        (vec![(0, "554 5.7.1 Relay access denied")], RELAY_DENIED),
        (vec![(0, "550 5.7.1 No")], REFUSED),
    ] {
        check(&replies, &[code], 0);
    }
}

#[test]
fn refusals_in_between_bound_the_delay_from_below() {
    let judgement = check(&[(0, BARE), (150, BARE), (310, "250 ok")], &[CONFIRMED], 0);
    let seen = &judgement.findings[0].seen;
    assert!(seen.contains("more than 2 min 30 s and at most 5 min 10 s"), "{seen}");
    assert!(seen.contains("7 min late (qmail) to 1 h late (Sendmail). None gives up before."), "{seen}");
}

#[test]
fn a_delay_that_senders_do_not_live_through_is_a_warning() {
    let long = "450 4.2.0 Greylisted for 12 hours, see http://postgrey.schweikert.ch/";
    let judgement = check(&[(0, long), (43_300, "250 ok")], &[CONFIRMED], 0);
    let finding = &judgement.findings[0];
    assert_eq!((finding.severity, finding.actor), (Some(Severity::Warning), Actor::Receiver));
    assert!(finding.seen.contains("Mailgun by default gives up before"), "{}", finding.seen);
    assert!(finding.remedy.as_ref().unwrap().setting.as_ref().unwrap().contains("--delay=300"));
    let announced = check(&[(0, long)], &[SUSPECTED], 0);
    assert_eq!(announced.findings[0].severity, Some(Severity::Warning));
}

#[test]
fn what_was_measured_counts_before_what_was_announced() {
    let judgement = check(&[(0, "450 4.2.0 Greylisted for 12 hours"), (300, "250 ok")], &[CONFIRMED], 0);
    let finding = &judgement.findings[0];
    assert_eq!((finding.severity, finding.actor), (None, Actor::Nobody));
    assert!(finding.seen.contains("at most 5 min. The server announces 12 h."), "{}", finding.seen);
    assert!(finding.seen.contains("None gives up before"), "{}", finding.seen);
}

#[test]
fn a_wait_that_is_too_short_proves_no_fault() {
    let long = "451 Greylisted for 30 minutes";
    for (replies, severity) in [
        ([(0, BARE), (60, BARE)], Severity::Notice),
        ([(0, BARE), (360, BARE)], Severity::Warning),
        ([(0, long), (360, long)], Severity::Notice),
    ] {
        assert_eq!(check(&replies, &[STILL_DEFERRED], 0).findings[0].severity, Some(severity), "{replies:?}");
    }
}

#[test]
fn who_refuses_the_null_sender_has_to_take_it() {
    let mut refused = facts(Asked { first: attempt(Stage::Mail, 0, "550 no bounces here"), ..asked(&[(0, GREY)]) });
    assert_eq!(judged(&refused).findings[0].actor, Actor::ServerOperator);
    refused.sender = "a@b.example".into();
    assert_eq!(judged(&refused).findings[0].actor, Actor::SendingService);
}

#[test]
fn the_command_that_confirms_waits_for_what_was_announced() {
    for (reply, wait) in [(GREY, "6m"), (BARE, "6m"), ("451 Greylisted, come back in 00:20:00", "21m")] {
        let judgement = check(&[(0, reply)], &[SUSPECTED], 0);
        let command = judgement.findings[0].remedy.as_ref().unwrap().setting.clone().unwrap();
        assert_eq!(command, format!("engine run --only greylist --recipient jo@d.example --wait {wait} d.example"));
    }
}

#[test]
fn another_source_address_confirms_nothing() {
    let mut moved = asked(&[(0, GREY), (300, "250 ok")]);
    moved.later[0].source = Some("25.25.9.10".parse().unwrap());
    let judgement = judged(&facts(moved));
    assert_eq!((judgement.findings[0].code.as_str(), judgement.unknowns.len()), (SUSPECTED, 1));
}

#[test]
fn a_later_attempt_without_answer_leaves_the_suspicion() {
    let mut broken = asked(&[(0, GREY)]);
    broken.unfinished = Some(Cause::new(CauseKind::Timeout, "no reply"));
    let judgement = judged(&facts(broken));
    assert_eq!((judgement.findings[0].code.as_str(), judgement.unknowns.len()), (SUSPECTED, 1));
}

#[test]
fn several_silent_servers_are_one_unknown() {
    let mut silent = facts(asked(&[(0, GREY)]));
    let cause = |detail: &str| Cause::new(CauseKind::Timeout, detail);
    for (connected, advice) in [(false, "port 25 is open"), (true, "took the connection")] {
        let causes = vec![cause("no connection to a"), cause("no connection to b")];
        silent.outcome = Contact::NoAnswer { causes, connected };
        let judgement = judged(&silent);
        assert_eq!((judgement.findings.len(), judgement.unknowns.len()), (0, 1));
        assert_eq!(judgement.unknowns[0].cause.detail, "no connection to a; no connection to b");
        assert!(judgement.unknowns[0].advice.as_ref().unwrap().contains(advice));
    }
}

#[test]
fn postmaster_and_the_null_sender_may_be_spared() {
    let mut spared = facts(asked(&[(0, "250 ok")]));
    assert!(judged(&spared).findings[0].seen.contains("spare the null sender"));
    spared.recipient = "PostMaster@d.example".into();
    assert!(judged(&spared).findings[0].seen.contains("Debian's postgrey"));
}

#[test]
fn an_odd_reply_is_neither_accepted_nor_refused() {
    check(&[(0, "354 go on")], &[], 1);
}

#[test]
fn carets_stay_inside_the_quotation() {
    for replies in [vec![(0, GREY)], vec![(0, BARE)], vec![(0, "550 5.1.1 User unknown")], vec![(0, "452 4.2.2 x")]] {
        for finding in judged(&facts(asked(&replies))).findings {
            let quote = finding.evidence[0].quote.clone().unwrap();
            let span = quote.span.unwrap();
            assert!(quote.text.get(span.start..span.end).is_some_and(|part| !part.is_empty()), "{quote:?}");
        }
    }
}
