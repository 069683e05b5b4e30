//! An exchanger sees one session of a run, no deeper than a check of the run needs.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use engine_core::{
    net::Request,
    plan::Choice,
    registry::Registry,
    report::Report,
    session::{self, Finished, Order},
};
use engine_lab::{Lab, World};
use engine_plugin_api::{
    Check, ConfigError, Context, Manifest, NoSettings, Outcome, SideEffect, Target,
    services::{MailExchanger, SMTP_SURVEY, SmtpProbe, SmtpRequest},
};
use serde_json::json;

const DOMAIN: &str = "healthy.example";
const EXCHANGERS: [&str; 4] = ["25.25.10.1", "25.25.20.1", "2a09:25:10::1", "2a09:25:20::1"];
/// The checks that want no more than a look.
const LOOK: [&str; 4] = ["caa", "dane", "mta-sts", "reverse-dns"];

/// A check of somebody else, who surveys too.
struct Surveys;
impl Check for Surveys {
    type Config = NoSettings;
    fn manifest() -> Manifest {
        Manifest::new::<Self>("acme.surveys", "0.1.0", "tests")
            .side_effect(SideEffect::Connects)
            .services(&[SMTP_SURVEY])
    }
    fn new(_: NoSettings) -> Result<Self, ConfigError> {
        Ok(Surveys)
    }
    async fn run(&self, cx: Context, _: Target) -> Outcome {
        let exchanger = MailExchanger::new("mx1.healthy.example", "25.25.10.1".parse().unwrap(), DOMAIN);
        let reply = cx.survey(exchanger).await;
        assert_eq!(reply.recipients.len(), 1, "{:?}", reply.transcript);
        Outcome::Clean
    }
}

fn registry() -> Registry {
    let mut registry = builtin_checks::registry().unwrap();
    registry.add::<Surveys>("test").unwrap();
    registry
}

fn chosen(only: &[&str], skip: &[&str]) -> Choice {
    let owned = |ids: &[&str]| ids.iter().map(|&id| id.to_owned()).collect();
    Choice { only: owned(only), skip: owned(skip) }
}

/// A run, and the commands of each session that the exchangers saw.
async fn run(choice: Choice) -> (Finished, BTreeMap<String, Vec<Vec<String>>>) {
    let lab = Lab::start(&World::shipped()).await.unwrap();
    let order = Order { choice, ..engine_tests::order(Target::domain(DOMAIN), &[], BTreeMap::new()) };
    let finished = engine_tests::run(&registry(), &lab, order).await.unwrap();
    let mut seen: BTreeMap<String, Vec<Vec<String>>> = BTreeMap::new();
    for session in lab.sessions() {
        assert!(session.quit, "{session:?}");
        let verbs = session.commands.iter().map(|line| line.split(' ').next().unwrap_or_default().to_owned());
        seen.entry(session.address.ip().to_string()).or_default().push(verbs.collect());
    }
    seen.retain(|address, _| EXCHANGERS.contains(&address.as_str()));
    lab.stop().await;
    (finished, seen)
}

async fn replay(mut finished: Finished, choice: Choice) -> Report {
    finished.recording.commission.choice = choice;
    session::replay(&registry(), finished.recording, Arc::new(|_| ())).await.unwrap().report
}

/// What a check says, evidence apart.
fn said(report: &Report, check: &str) -> BTreeSet<String> {
    let findings = report.findings.iter().filter(|finding| finding.check == check);
    let unknowns = report.could_not_tell.iter().filter(|unknown| unknown.check == check);
    let findings = findings.map(|finding| format!("{} {}", finding.code, finding.seen));
    findings.chain(unknowns.map(|unknown| unknown.cause.detail.clone())).collect()
}

const LOOKED: [&str; 4] = ["EHLO", "STARTTLS", "EHLO", "QUIT"];
const SURVEYED: [&str; 11] =
    ["EHLO", "STARTTLS", "EHLO", "MAIL", "RCPT", "RSET", "MAIL", "RCPT", "VRFY", "EXPN", "QUIT"];

#[tokio::test]
async fn every_exchanger_sees_one_survey_where_a_check_surveys() {
    for choice in [chosen(&[], &["acme.surveys"]), chosen(&["smtp", "dane", "reverse-dns"], &[])] {
        let (_, seen) = run(choice).await;
        assert_eq!(seen.len(), EXCHANGERS.len(), "{seen:?}");
        assert!(seen.values().all(|sessions| *sessions == [SURVEYED.to_vec()]), "{seen:?}");
    }
}

#[tokio::test]
async fn without_a_survey_nobody_is_asked_to_relay() {
    let alone = LOOK.iter().map(|check| chosen(&[check], &[]));
    // The vantage and greylist hold sessions of their own, which deepen no look.
    for choice in alone.chain([chosen(&[], &["smtp", "acme.surveys"])]) {
        let (_, seen) = run(choice.clone()).await;
        assert!(!seen.is_empty(), "{choice:?}");
        assert!(seen.values().all(|sessions| *sessions == [LOOKED.to_vec()]), "{choice:?}: {seen:?}");
    }
}

#[tokio::test]
async fn whoever_surveys_shares_with_those_who_look() {
    let (_, seen) = run(chosen(&["acme.surveys", "dane"], &[])).await;
    assert_eq!(seen.len(), EXCHANGERS.len(), "{seen:?}");
    assert!(seen.values().all(|sessions| *sessions == [SURVEYED.to_vec()]), "{seen:?}");
}

#[tokio::test]
async fn a_survey_with_other_mailboxes_is_evidence_of_its_own() {
    let lab = Lab::start(&World::shipped()).await.unwrap();
    let settings = [("smtp".to_owned(), json!({ "relay_recipient": "" }))].into();
    let order = engine_tests::order(Target::domain(DOMAIN), &["smtp", "dane"], settings);
    let finished = engine_tests::run(&registry(), &lab, order).await.unwrap();
    let requests = finished.recording.journal.exchanges.values().filter_map(|exchange| match &exchange.request {
        Request::Smtp(session) => Some(session),
        _ => None,
    });
    let asks = |session: &&SmtpRequest| matches!(&session.probes[0], SmtpProbe::Envelope(foreign) if foreign.recipients.is_empty());
    let (own, shared): (Vec<_>, Vec<_>) = requests.partition(asks);
    assert_eq!((own.len(), shared.len()), (EXCHANGERS.len(), EXCHANGERS.len()));
    lab.stop().await;
}

#[tokio::test]
async fn a_recording_answers_a_replay_with_other_checks() {
    let (full, _) = run(chosen(&[], &["acme.surveys"])).await;
    for check in LOOK {
        let (alone, _) = run(chosen(&[check], &[])).await;
        let expected = said(&alone.report, check);
        assert!(!expected.is_empty(), "{check}");
        assert_eq!(said(&full.report, check), expected, "{check}");
        assert_eq!(said(&replay(full.clone(), chosen(&[check], &[])).await, check), expected, "{check}");
        // The other way round the survey is missing, but not what the look shows.
        let wider = replay(alone, chosen(&[check, "smtp"], &[])).await;
        assert_eq!(said(&wider, check), expected, "{check}");
        assert!(said(&wider, "smtp").iter().any(|what| what.contains("recording does not hold")), "{wider:?}");
    }
}
