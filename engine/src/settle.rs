//! From what the checks sent to what is reported: severities, mutes,
//! duplicates, causes, order, verdict. Pure.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use engine_plugin_api::{Finding, Input, Outcome, Severity, Subject, Target, Unknown};

use crate::{
    matrix::{self, MatrixRow},
    profile::Profile,
    registry::{Registry, public_code},
    report::{CheckReport, Muted, Reported, ReportedUnknown, RootCause, Verdict, Violation},
    schedule::CheckRun,
    suggest::shell_word,
};

/// The settled part of a report.
#[derive(Clone, Debug, PartialEq)]
pub struct Settled {
    /// See [`crate::report::Report::verdict`].
    pub verdict: Verdict,
    /// See [`crate::report::Report::findings`].
    pub findings: Vec<Reported>,
    /// See [`crate::report::Report::could_not_tell`].
    pub could_not_tell: Vec<ReportedUnknown>,
    /// See [`crate::report::Report::policy_matrix`].
    pub policy_matrix: Vec<MatrixRow>,
    /// See [`crate::report::Report::checks`].
    pub checks: Vec<CheckReport>,
    /// See [`crate::report::Report::muted`].
    pub muted: Vec<Muted>,
    /// See [`crate::report::Report::unused_mutes`].
    pub unused_mutes: Vec<String>,
    /// See [`crate::report::Report::violations`].
    pub violations: Vec<Violation>,
}

/// Settles the runs of the checks. `options` go into the commands that findings name.
pub fn settle(runs: Vec<CheckRun>, registry: &Registry, profile: &Profile, target: &Target, options: &str) -> Settled {
    let mut findings: Vec<Reported> = Vec::new();
    let mut could_not_tell: Vec<ReportedUnknown> = Vec::new();
    let mut stances = Vec::new();
    let mut checks = Vec::new();
    let mut violations = Vec::new();
    for run in runs {
        violations.extend(run.violations.iter().map(|what| Violation { check: run.id.clone(), what: what.clone() }));
        for finding in run.findings {
            if let Some(reported) =
                report(&run.id, finding, registry, profile, &recheck(&run.id, registry, target, options))
            {
                add(&mut findings, reported);
            }
        }
        let mut unknowns = run.unknowns;
        if let (Outcome::CouldNotTell { cause }, true) = (&run.outcome, unknowns.is_empty() || run.cut.is_some()) {
            let subject = Subject::Domain(target.domain.clone().unwrap_or_else(|| target.shown.clone()));
            unknowns.push(Unknown::new(subject, format!("what else the check `{}` would find", run.id), cause.clone()));
        }
        for unknown in unknowns {
            let Unknown { subject, what, cause, advice } = unknown;
            let check = run.id.clone();
            let reported = ReportedUnknown { check, subject, what, cause, advice, explained_by: None };
            if !could_not_tell.contains(&reported) {
                could_not_tell.push(reported);
            }
        }
        stances.extend(run.stances.into_iter().map(|stance| (run.id.clone(), stance)));
        checks.push(CheckReport { id: run.id, version: run.version, outcome: run.outcome });
    }

    let (mut findings, muted, unused_mutes) = mute(findings, profile);
    name_causes(&mut findings, registry);
    sort(&mut findings, registry);
    point_at_explanations(&mut could_not_tell, &findings, registry);
    could_not_tell.sort_by(|a, b| (&a.check, &a.subject, &a.what).cmp(&(&b.check, &b.subject, &b.what)));
    let examined = checks.iter().filter(|check| !matches!(check.outcome, Outcome::NotApplicable { .. })).count();
    let verdict = verdict(&findings, could_not_tell.len(), examined);
    let policy_matrix = matrix::join(stances);
    Settled { verdict, findings, could_not_tell, policy_matrix, checks, muted, unused_mutes, violations }
}

/// The finding with all that its page and the profile say of it; `None` for a
/// code without a page, which the scheduler has already reported as a violation.
fn report(check: &str, finding: Finding, registry: &Registry, profile: &Profile, recheck: &str) -> Option<Reported> {
    let manifest = &registry.check(check)?.manifest;
    let spec = manifest.finding(&finding.code)?;
    let code = public_code(check, &finding.code);
    let severity = profile.severities.get(&code).copied().or(finding.severity).unwrap_or(spec.severity);
    // A check that asks nothing would say the same again.
    let recheck = (finding.remedy.is_some() && !manifest.services.is_empty()).then(|| recheck.to_owned());
    Some(Reported {
        code,
        check: check.to_owned(),
        severity,
        confidence: finding.confidence.unwrap_or(spec.confidence),
        title: spec.title.clone(),
        subject: finding.subject,
        seen: finding.seen,
        evidence: finding.evidence,
        actor: finding.actor,
        remedy: finding.remedy,
        recheck,
        source: spec.source.clone(),
        caused_by: None,
    })
}

/// The command that makes one check again on the same target, with what the
/// check needs of it.
fn recheck(check: &str, registry: &Registry, target: &Target, options: &str) -> String {
    let needs = |input: Input| {
        let groups = registry.check(check).map_or(&[][..], |check| &check.manifest.inputs);
        groups.iter().flatten().any(|needed| *needed == input)
    };
    let mut command = format!("engine run --only {check}");
    if !options.is_empty() {
        command.push_str(&format!(" {options}"));
    }
    let ip = target.ip.map(|ip| ip.to_string());
    let message = target.message.as_ref().map(|message| message.name.clone());
    for (option, value, wanted) in [
        ("--ip", &ip, true),
        ("--sender", &target.sender, true),
        ("--helo", &target.helo, true),
        ("--recipient", &target.recipient, needs(Input::Recipient)),
        ("--reply", &target.reply, needs(Input::Reply)),
        ("--message", &message, needs(Input::Message)),
    ] {
        if let Some(value) = value.as_ref().filter(|_| wanted) {
            command.push_str(&format!(" {option} {}", shell_word(value)));
        }
    }
    if let Some(domain) = target.domain.as_ref().filter(|_| needs(Input::Domain) || needs(Input::Recipient)) {
        command.push_str(&format!(" {domain}"));
    }
    command
}

/// Adds a finding, or joins it with an equal one that is there.
fn add(findings: &mut Vec<Reported>, new: Reported) {
    let equal = |old: &&mut Reported| old.code == new.code && old.subject == new.subject && old.seen == new.seen;
    match findings.iter_mut().find(equal) {
        Some(old) => {
            old.severity = old.severity.max(new.severity);
            old.confidence = old.confidence.max(new.confidence);
            old.evidence.extend(new.evidence.into_iter().filter(|e| !old.evidence.contains(e)).collect::<Vec<_>>());
        }
        None => findings.push(new),
    }
}

/// Splits off what the profile mutes, and names the mutes that matched nothing.
fn mute(findings: Vec<Reported>, profile: &Profile) -> (Vec<Reported>, Vec<Muted>, Vec<String>) {
    let mut used = BTreeSet::new();
    let mut muted = Vec::new();
    let mut kept = Vec::new();
    for finding in findings {
        let matches = |(_, mute): &(usize, &crate::profile::Mute)| {
            mute.code == finding.code && mute.subject.as_deref().is_none_or(|subject| subject == finding.subject.name())
        };
        match profile.mute.iter().enumerate().find(matches) {
            Some((index, mute)) => {
                used.insert(index);
                muted.push(Muted { code: finding.code, subject: finding.subject, reason: mute.reason.clone() });
            }
            None => kept.push(finding),
        }
    }
    let unused =
        profile.mute.iter().enumerate().filter(|(index, _)| !used.contains(index)).map(|(_, mute)| {
            match &mute.subject {
                Some(subject) => format!("{} for {subject}", mute.code),
                None => mute.code.clone(),
            }
        });
    muted.sort_by(|a, b| (&a.code, &a.subject).cmp(&(&b.code, &b.subject)));
    (kept, muted, unused.collect())
}

fn explains<'a>(code: &str, registry: &'a Registry) -> &'a [String] {
    registry.finding(code).map_or(&[], |(_, spec)| &spec.explains)
}

fn name_causes(findings: &mut [Reported], registry: &Registry) {
    let present: BTreeSet<String> = findings.iter().map(|finding| finding.code.clone()).collect();
    for finding in findings.iter_mut() {
        finding.caused_by = present
            .iter()
            .find(|cause| **cause != finding.code && explains(cause, registry).contains(&finding.code))
            .cloned();
    }
}

/// Points what could not be told at the first finding that accounts for the
/// cause, as its page says; findings are sorted, so that is the worst one.
fn point_at_explanations(could_not_tell: &mut [ReportedUnknown], findings: &[Reported], registry: &Registry) {
    for unknown in could_not_tell {
        let accounts = |finding: &&Reported| {
            let spec = registry.finding(&finding.code).map(|(_, spec)| spec);
            spec.is_some_and(|spec| spec.explains_causes.iter().any(|cause| cause.holds(&unknown.cause)))
        };
        let Some(finding) = findings.iter().find(accounts) else { continue };
        let pointer = format!("See {}: {}.", finding.code, finding.title);
        unknown.advice = Some(match unknown.advice.take() {
            Some(advice) => format!("{advice} {pointer}"),
            None => pointer,
        });
        unknown.explained_by = Some(finding.code.clone());
    }
}

fn sort(findings: &mut [Reported], registry: &Registry) {
    findings.sort_by_cached_key(|finding| {
        (
            Reverse(finding.severity),
            finding.caused_by.is_some(),
            Reverse(explains(&finding.code, registry).len()),
            Reverse(finding.confidence),
            finding.check.clone(),
            finding.code.clone(),
            finding.subject.clone(),
            finding.seen.clone(),
        )
    });
    if let Some(root) = findings.iter().position(is_root) {
        findings[..=root].rotate_right(1);
    }
}

fn is_root(finding: &Reported) -> bool {
    finding.severity >= Severity::Warning && finding.caused_by.is_none()
}

fn verdict(findings: &[Reported], unknown: usize, examined: usize) -> Verdict {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for finding in findings {
        *counts.entry(finding.severity.word().to_owned()).or_default() += 1;
    }
    let worst = findings.iter().map(|finding| finding.severity).max();
    let root_cause = findings.iter().find(|finding| is_root(finding)).map(|finding| RootCause {
        code: finding.code.clone(),
        subject: finding.subject.clone(),
        title: finding.title.clone(),
    });
    let summary = match examined {
        // What was not looked at is not good.
        0 => "nothing was examined: no check that was chosen applies to this target".to_owned(),
        _ => summary(&counts, worst, unknown),
    };
    Verdict { worst, counts, examined, could_not_tell: unknown, root_cause, summary }
}

fn summary(counts: &BTreeMap<String, usize>, worst: Option<Severity>, unknown: usize) -> String {
    let plural = |n: usize, one: &str| if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") };
    let mut parts: Vec<String> = [Severity::Critical, Severity::Error, Severity::Warning, Severity::Notice]
        .into_iter()
        .filter_map(|severity| counts.get(severity.word()).map(|n| (severity, *n)))
        .map(
            |(severity, n)| {
                if severity == Severity::Critical { format!("{n} critical") } else { plural(n, severity.word()) }
            },
        )
        .collect();
    if unknown > 0 {
        parts.push(format!("{} could not be told", plural(unknown, "thing")));
    }
    let found = match worst {
        Some(Severity::Warning | Severity::Error | Severity::Critical) => return parts.join(", "),
        Some(Severity::Notice) => "nothing worse than a notice found",
        Some(Severity::Info | Severity::Pass) | None => "no fault found",
    };
    match unknown {
        0 if parts.is_empty() => found.to_owned(),
        0 => format!("{found}; {}", parts.join(", ")),
        _ => format!("{found} in what could be looked at; {}", parts.join(", ")),
    }
}

#[cfg(test)]
mod tests;
