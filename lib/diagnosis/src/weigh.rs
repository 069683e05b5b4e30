//! What the checks' reports make of a stated cause. Pure.

use engine_core::report::{Report, Reported};
use engine_plugin_api::{CauseKind, Outcome, Remedy, Severity, Subject};
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
        own.iter().filter(|f| codes.contains(&f.code)).map(|f| (*f).clone()).collect()
    };
    let mut confirming = pick(&proof.confirms);
    // What is in order, or only told, is no fault, whatever a proof says.
    confirming.retain(|finding| finding.severity > proof.above);
    let refuting = pick(&proof.refutes);
    if confirming.is_empty() && refuting.is_empty() {
        confirming = pick(&proof.states);
        confirming.retain(|finding| match &finding.subject {
            Subject::Domain(name) => step.target.domain.as_deref() == Some(name.as_str()),
            _ => false,
        });
        confirming.extend(pick(&proof.passes).into_iter().filter(|finding| finding.severity == Severity::Pass));
    }
    let unknowns: Vec<_> = report.could_not_tell.iter().filter(|unknown| unknown.check == proof.check).collect();
    let failed = |kind: CauseKind| {
        matches!(kind, CauseKind::ServerFailure | CauseKind::Timeout | CauseKind::Bogus | CauseKind::Unreachable)
    };
    let measured = |verdict, why: String, findings| Measured {
        check: proof.check.clone(),
        of: step.target.shown.clone(),
        verdict,
        needed: proof.needed,
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
        _ => hint(proof, step, pick(&proof.leaves_open).first()),
    };
    measured(Verdict::CouldNotTell, why, Vec::new())
}

/// What would have decided it.
fn hint(proof: &Proof, step: &Step, open: Option<&Reported>) -> String {
    if let Some(finding) = open {
        return format!("{}: {} That alone does not say whether {}", finding.code, finding.seen, proof.why);
    }
    if proof.check == "spf" && step.target.ip.is_none() {
        return "the record itself is in order; whether it lets the sending server through needs its address (--ip)"
            .to_owned();
    }
    format!("nothing that was found says whether {}", proof.why)
}

/// What follows for the cause from all that was measured.
pub fn conclude(stated: &Stated, mut measured: Vec<Measured>, missing: Vec<Missing>) -> Result {
    if let Some(own) = unsigned(stated) {
        measured.insert(0, own);
    }
    let (verdict, why) = verdict(stated, &measured, &missing);
    let deciding = measured
        .iter()
        .filter(|m| m.verdict == Verdict::Confirmed && !m.needed)
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

/// What all steps say together, and why.
///
/// A cause that needs something, as a DMARC refusal needs a policy that asks for it
/// (RFC 9989 §4.7, `p`), is confirmed only by that and another step, and refuted as well
/// where all other steps refute it.
fn verdict(stated: &Stated, measured: &[Measured], missing: &[Missing]) -> (Verdict, String) {
    let names = |wanted: &dyn Fn(&Measured) -> bool| {
        measured.iter().filter(|m| wanted(m)).map(|m| m.check.as_str()).collect::<Vec<_>>().join(", ")
    };
    let faults = names(&|m| m.verdict == Verdict::Confirmed && !m.needed);
    let lacking = names(&|m| m.verdict != Verdict::Confirmed && m.needed);
    let in_order = names(&|m| m.verdict == Verdict::Refuted && !m.needed);
    let open = names(&|m| m.verdict == Verdict::CouldNotTell);
    if let Some(check) = passing(stated, measured).filter(|_| !faults.is_empty()) {
        let why = format!("{faults} shows a fault, but {check} passes for the same domain, which is enough for DMARC");
        return (Verdict::CouldNotTell, why);
    }
    if !faults.is_empty() && lacking.is_empty() {
        let all = names(&|m| m.verdict == Verdict::Confirmed);
        return (Verdict::Confirmed, format!("what was measured makes the stated cause true now ({all})"));
    }
    if !faults.is_empty() {
        let why = if names(&|m| m.needed && m.verdict == Verdict::Refuted).is_empty() {
            format!("{faults} shows a fault, but the cause needs {lacking} too, which could not be told")
        } else {
            format!("{faults} shows a fault, but by {lacking} the cause cannot be true now")
        };
        return (Verdict::CouldNotTell, why);
    }
    if measured.is_empty() {
        let why = if missing.is_empty() {
            "no live check can prove or refute this cause"
        } else {
            "none of the checks for it could be made"
        };
        return (Verdict::CouldNotTell, why.to_owned());
    }
    let others_refute =
        measured.iter().any(|m| !m.needed) && measured.iter().all(|m| m.needed || m.verdict == Verdict::Refuted);
    if missing.is_empty() && others_refute {
        let why = format!("all that was looked at is in order now ({in_order}): the cause is gone, or lies elsewhere");
        return (Verdict::Refuted, why);
    }
    if in_order.is_empty() {
        return (Verdict::CouldNotTell, "nothing that was measured decides it".to_owned());
    }
    let why = if open.is_empty() {
        let missing: Vec<&str> = missing.iter().map(|m| m.check.as_str()).collect();
        format!("{in_order} is in order now, and {} could not be looked at", missing.join(", "))
    } else {
        format!("in order now: {in_order}; not decided: {open}")
    };
    (Verdict::CouldNotTell, why)
}

/// The check that shows that the message passes DMARC, whatever the other shows
/// (RFC 9989 §4.4): SPF for the very domain that DMARC is about, or a signature that
/// holds, where none says that it is unaligned.
fn passing<'m>(stated: &Stated, measured: &'m [Measured]) -> Option<&'m str> {
    let domain = stated.subjects.sender_domain.as_deref();
    let same = |of: &str| domain.is_some_and(|domain| domain.eq_ignore_ascii_case(of));
    let shows = |m: &&Measured| m.verdict == Verdict::Refuted && (m.check == "dkim" || m.check == "spf" && same(&m.of));
    measured.iter().find(shows).filter(|_| stated.reason == Reason::Dmarc).map(|m| m.check.as_str())
}

/// A returned message without any signature shows by itself that DKIM could not pass.
fn unsigned(stated: &Stated) -> Option<Measured> {
    let asks = matches!(stated.reason, Reason::Dkim | Reason::Dmarc | Reason::Unauthenticated);
    (asks && stated.subjects.signed == Some(false)).then(|| Measured {
        check: "message".to_owned(),
        of: "the returned message".to_owned(),
        verdict: Verdict::Confirmed,
        needed: false,
        why: "its header holds no DKIM-Signature: it was sent unsigned".to_owned(),
        findings: Vec::new(),
    })
}
