#![allow(clippy::unwrap_used, clippy::expect_used)]
use engine_plugin_api::{
    Cause, CauseKind, Check, Confidence, ConfigError, Context, Evidence, EvidenceId, Manifest, Outcome, Page, Remedy,
};

use super::*;
use crate::profile::Mute;

macro_rules! page {
    ($code:literal, $severity:literal, $explains:literal) => {
        (
            $code,
            concat!(
                "---\ncode: ",
                $code,
                "\nsince: 0.1.0\nseverity: ",
                $severity,
                "\nconfidence: high\nsource: RFC 5321 §5.1\nexplains: ",
                $explains,
                "\n---\n# ",
                $code,
                "\n"
            ),
        )
    };
}
const PAGES: &[Page] = &[
    page!("x-gone", "error", "x-empty, x-alone"),
    page!("x-empty", "critical", ""),
    page!("x-alone", "notice", ""),
    page!("x-fine", "pass", ""),
    (
        "x-here",
        "---\ncode: x-here\nsince: 0.1.0\nseverity: notice\nconfidence: high\nsource: here\nexplains-causes: \
         our-side@smtp\n---\n# Port 25 is closed\n",
    ),
];

struct Probe;
impl Check for Probe {
    type Config = ();
    fn manifest() -> Manifest {
        Manifest::new::<Self>("x", "1.2.3", "tests").pages(PAGES)
    }
    fn new(_: ()) -> Result<Self, ConfigError> {
        Ok(Probe)
    }
    async fn run(&self, _: Context, _: Target) -> Outcome {
        Outcome::Clean
    }
}

fn finding(code: &str, subject: &str) -> Finding {
    Finding::new(code, Subject::Domain(subject.into()), "seen")
}

fn run_of(findings: Vec<Finding>) -> CheckRun {
    CheckRun {
        id: "x".into(),
        version: "1.2.3".into(),
        outcome: Outcome::Findings,
        findings,
        unknowns: vec![],
        stances: vec![],
        violations: vec![],
        cut: None,
    }
}

fn settled(runs: Vec<CheckRun>, profile: &Profile) -> Settled {
    let mut registry = Registry::default();
    registry.add::<Probe>("built in").unwrap();
    settle(runs, &registry, profile, &Target::domain("a.example"), "")
}

fn codes(settled: &Settled) -> Vec<&str> {
    settled.findings.iter().map(|finding| finding.code.as_str()).collect()
}

#[test]
fn the_cause_stands_before_its_worse_consequence() {
    let run =
        run_of(vec![finding("x-fine", "a"), finding("x-alone", "a"), finding("x-empty", "a"), finding("x-gone", "a")]);
    let settled = settled(vec![run], &Profile::of_all_checks());
    assert_eq!(codes(&settled), ["x-gone", "x-empty", "x-alone", "x-fine"]);
    assert_eq!(settled.verdict.root_cause.as_ref().unwrap().code, "x-gone");
    assert_eq!(settled.findings[1].caused_by.as_deref(), Some("x-gone"));
    assert_eq!(settled.verdict.summary, "1 critical, 1 error, 1 notice");
}

#[test]
fn the_order_does_not_depend_on_the_order_of_arrival() {
    let all = [finding("x-empty", "b"), finding("x-empty", "a"), finding("x-alone", "c"), finding("x-fine", "d")];
    let forth = settled(vec![run_of(all.to_vec())], &Profile::of_all_checks());
    let back = settled(vec![run_of(all.into_iter().rev().collect())], &Profile::of_all_checks());
    assert_eq!(forth, back);
}

#[test]
fn equal_findings_are_one_and_keep_their_evidence() {
    let with = |id: &str| finding("x-alone", "a").evidence(Evidence::of(&EvidenceId(id.into())));
    let settled = settled(vec![run_of(vec![with("one"), with("two"), with("one")])], &Profile::of_all_checks());
    assert_eq!(settled.findings.len(), 1);
    assert_eq!(settled.findings[0].evidence.len(), 2);
}

#[test]
fn a_profile_weighs_and_mutes_and_a_mute_without_effect_is_named() {
    let mut profile = Profile::of_all_checks();
    profile.severities.insert("x-alone".into(), Severity::Error);
    let mute = |code: &str, subject: Option<&str>| Mute {
        code: code.into(),
        subject: subject.map(Into::into),
        reason: Some("known".into()),
    };
    profile.mute = vec![mute("x-empty", Some("a")), mute("x-fine", None), mute("x-gone", Some("z"))];
    let settled = settled(
        vec![run_of(vec![finding("x-alone", "a"), finding("x-empty", "a"), finding("x-empty", "b")])],
        &profile,
    );
    assert_eq!(codes(&settled), ["x-empty", "x-alone"]);
    assert_eq!(settled.findings[1].severity, Severity::Error);
    assert_eq!(settled.muted.len(), 1);
    assert_eq!(settled.unused_mutes, ["x-fine", "x-gone for z"]);
}

#[test]
fn what_could_not_be_told_for_our_own_sake_points_at_the_finding_that_says_so() {
    let seen_in = |id: &str| Cause::new(CauseKind::OurSide, "no route").seen_in(&EvidenceId(id.into()));
    let unknown = |id: &str| Unknown::new(Subject::Domain("a".into()), format!("what {id} says"), seen_in(id));
    let run = |findings| CheckRun { unknowns: vec![unknown("dns:MX:a"), unknown("smtp:mx.a")], ..run_of(findings) };
    let told = settled(vec![run(vec![finding("x-here", "b")])], &Profile::of_all_checks()).could_not_tell;
    assert_eq!((told[0].explained_by.as_deref(), told[0].advice.as_deref()), (None, None));
    assert_eq!(told[1].explained_by.as_deref(), Some("x-here"));
    assert_eq!(told[1].advice.as_deref(), Some("See x-here: Port 25 is closed."));
    let told = settled(vec![run(vec![])], &Profile::of_all_checks()).could_not_tell;
    assert!(told.iter().all(|unknown| unknown.explained_by.is_none()));
}

#[test]
fn a_check_that_did_not_end_is_never_silent() {
    let cause = Cause::new(CauseKind::CheckFailed, "the check failed: boom");
    let mut failed = run_of(vec![finding("x-alone", "a")]);
    failed.outcome = Outcome::CouldNotTell { cause: cause.clone() };
    let settled = settled(vec![failed], &Profile::of_all_checks());
    assert_eq!(settled.could_not_tell.len(), 1);
    assert_eq!(settled.could_not_tell[0].cause, cause);
    assert_eq!(codes(&settled), ["x-alone"]);
    assert!(
        settled.verdict.summary.starts_with("nothing worse than a notice found in what could be looked at"),
        "{}",
        settled.verdict.summary
    );
}

#[test]
fn a_finding_says_how_to_check_again_in_shell_words() {
    let mut registry = Registry::default();
    registry.add::<Probe>("built in").unwrap();
    let target = Target {
        domain: Some("a.example".into()),
        reply: Some("550".into()),
        sender: Some("o'neil@a.example".into()),
        ..Target::default()
    };
    let run = run_of(vec![finding("x-alone", "a").remedy(Remedy::step("Do.")).confidence(Confidence::Low)]);
    let settled = settle(vec![run], &registry, &Profile::of_all_checks(), &target, "--lab");
    assert_eq!(
        settled.findings[0].recheck.as_deref(),
        Some(r"engine run --only x --lab --sender 'o'\''neil@a.example' a.example")
    );
    assert_eq!(settled.findings[0].confidence, Confidence::Low);
}

#[test]
fn a_target_that_no_check_looked_at_is_not_called_good() {
    let mut run = run_of(vec![]);
    run.outcome = Outcome::NotApplicable { why: "test".into() };
    for runs in [vec![run], vec![]] {
        let settled = settled(runs, &Profile::of_all_checks());
        assert_eq!(settled.verdict.examined, 0);
        assert!(settled.verdict.summary.starts_with("nothing was examined"), "{}", settled.verdict.summary);
    }
}
