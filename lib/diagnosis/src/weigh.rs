//! What the checks' reports make of a stated cause. Pure.

use engine_core::report::{Report, Reported};
use engine_plugin_api::{CauseKind, Outcome, Remedy, Severity};
use smtp_reasons::Reason;

use crate::{
    proofs::{Missing, Proof, Step},
    result::{Measured, Named, Result, Verdict},
    stated::Stated,
};

/// What the report of a step says of the cause.
pub fn weigh(step: &Step, report: &Report) -> Measured {
    let proof = &step.proof;
    let own: Vec<&Reported> = report.findings.iter().filter(|finding| finding.check == proof.check).collect();
    let pick = |codes: &[String]| -> Vec<Reported> {
        own.iter().filter(|f| codes.iter().any(|code| names(code, f))).map(|f| (*f).clone()).collect()
    };
    let confirming = pick(&proof.confirms);
    let refuting = pick(&proof.refutes);
    let unknowns: Vec<_> = report.could_not_tell.iter().filter(|unknown| unknown.check == proof.check).collect();
    let failed = |kind: CauseKind| {
        matches!(kind, CauseKind::ServerFailure | CauseKind::Timeout | CauseKind::Bogus | CauseKind::Unreachable)
    };
    let measured = |verdict, why: String, findings| Measured {
        check: proof.check.clone(),
        of: step.target.shown.clone(),
        verdict,
        why,
        findings,
    };
    if let Some(first) = confirming.first() {
        let why = format!("{}: {}", first.code, first.seen);
        return measured(Verdict::Confirmed, why, confirming);
    }
    if let Some(unknown) = unknowns.first() {
        let why = format!("{}: {}", unknown.what, unknown.cause.detail);
        let confirms = proof.failure_confirms && failed(unknown.cause.kind);
        return measured(if confirms { Verdict::Confirmed } else { Verdict::CouldNotTell }, why, Vec::new());
    }
    if let Some(first) = refuting.first() {
        let why = format!("{}: {}", first.code, first.seen);
        return measured(Verdict::Refuted, why, refuting);
    }
    let outcome = report.checks.iter().find(|check| check.id == proof.check).map(|check| &check.outcome);
    let why = match outcome {
        Some(Outcome::NotApplicable { why }) => why.clone(),
        Some(Outcome::CouldNotTell { cause }) => cause.detail.clone(),
        _ => hint(proof, step),
    };
    measured(Verdict::CouldNotTell, why, Vec::new())
}

/// What would have decided it.
fn hint(proof: &Proof, step: &Step) -> String {
    if proof.check == "spf" && step.target.ip.is_none() {
        return "the record itself is in order; whether it lets the sending server through needs its address (--ip)"
            .to_owned();
    }
    format!("nothing that was found says whether {}", proof.why)
}

fn names(code: &str, finding: &Reported) -> bool {
    match code.strip_suffix('*') {
        Some(start) => finding.code.starts_with(start) && finding.severity > Severity::Notice,
        None => finding.code == code,
    }
}

/// What follows for the cause from all that was measured.
pub fn conclude(stated: &Stated, mut measured: Vec<Measured>, missing: Vec<Missing>) -> Result {
    if let Some(own) = unsigned(stated) {
        measured.insert(0, own);
    }
    let any = |verdict: Verdict| measured.iter().any(|m| m.verdict == verdict);
    let checks = |verdict: Verdict| {
        let names: Vec<&str> = measured.iter().filter(|m| m.verdict == verdict).map(|m| m.check.as_str()).collect();
        names.join(", ")
    };
    let (verdict, why) = if any(Verdict::Confirmed) {
        (
            Verdict::Confirmed,
            format!("what was measured makes the stated cause true now ({})", checks(Verdict::Confirmed)),
        )
    } else if measured.is_empty() {
        let why = if missing.is_empty() {
            "no live check can prove or refute this cause"
        } else {
            "none of the checks for it could be made"
        };
        (Verdict::CouldNotTell, why.to_owned())
    } else if measured.iter().all(|m| m.verdict == Verdict::Refuted) && missing.is_empty() {
        (
            Verdict::Refuted,
            format!(
                "all that was looked at is in order now ({}): the cause is gone, or lies elsewhere",
                checks(Verdict::Refuted)
            ),
        )
    } else if any(Verdict::Refuted) && !any(Verdict::CouldNotTell) {
        let names: Vec<&str> = missing.iter().map(|m| m.check.as_str()).collect();
        (
            Verdict::CouldNotTell,
            format!("{} is in order now, and {} could not be looked at", checks(Verdict::Refuted), names.join(", ")),
        )
    } else {
        (Verdict::CouldNotTell, "nothing that was measured decides it".to_owned())
    };
    let deciding = measured
        .iter()
        .filter(|m| m.verdict == Verdict::Confirmed)
        .flat_map(|m| &m.findings)
        .find(|f| f.remedy.is_some());
    let (remedy, actor) = match (verdict, deciding) {
        (Verdict::Confirmed, Some(finding)) => {
            (finding.remedy.clone().unwrap_or_else(|| stated.remedy.clone()), finding.actor)
        }
        (Verdict::Refuted, _) => (
            Remedy::step(
                "Send the message again. If it comes back with the same words, ask the receiver's postmaster, with the whole reply, what they see.",
            ),
            engine_plugin_api::Actor::Sender,
        ),
        _ => (stated.remedy.clone(), stated.actor),
    };
    Result {
        stated: Named {
            reason: stated.reason.word().to_owned(),
            title: stated.title.clone(),
            recipient: stated.recipient.clone(),
            codes: Some(stated.codes.clone()).filter(|codes| !codes.is_empty()),
            quote: stated.quote.clone(),
        },
        measured,
        not_measured: missing.into_iter().map(|missing| format!("{}: {}", missing.check, missing.why)).collect(),
        verdict,
        why,
        remedy,
        actor,
    }
}

/// A returned message without any signature shows by itself that DKIM could not pass.
fn unsigned(stated: &Stated) -> Option<Measured> {
    let asks = matches!(stated.reason, Reason::Dkim | Reason::Dmarc | Reason::Unauthenticated);
    (asks && stated.subjects.signed == Some(false)).then(|| Measured {
        check: "message".to_owned(),
        of: "the returned message".to_owned(),
        verdict: Verdict::Confirmed,
        why: "its header holds no DKIM-Signature: it was sent unsigned".to_owned(),
        findings: Vec::new(),
    })
}
