//! A guided profile: the questions of a symptom, what answers them, and what
//! to do next.

use engine_plugin_api::{Outcome, Severity};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::report::{Report, Reported};

/// What a guided profile asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Guide {
    /// The questions, in the order in which a person would ask them.
    pub questions: Vec<Question>,
    /// What to do when none of them has a bad answer.
    pub otherwise: String,
}

/// One question of a guided profile; "yes" is the good answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// The question.
    pub ask: String,
    /// The checks that answer it.
    pub checks: Vec<String>,
    /// How the codes begin that count; all of the checks' without.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<String>,
}

/// How a question was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// A finding at warning or worse says no.
    No,
    /// Something that it needs could not be told.
    Unknown,
    /// No check looked: something was not given, or the profile is narrowed.
    NotAsked,
    /// The checks looked and found nothing at warning or worse.
    Yes,
}

/// A question with its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Answered {
    /// The question.
    pub ask: String,
    /// The answer.
    pub answer: Answer,
    /// The public codes that say no.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<String>,
    /// Why it is unknown or was not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// What a guided profile comes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Guided {
    /// The questions, answered.
    pub questions: Vec<Answered>,
    /// The likeliest cause of the symptom, if one was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub likeliest: Option<String>,
    /// The public code of the finding that it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finding: Option<String>,
    /// What to do next.
    pub next: String,
}

impl Guide {
    /// Answers the questions from a report that has everything else.
    pub fn answer(&self, report: &Report) -> Guided {
        let questions: Vec<Answered> = self.questions.iter().map(|question| question.answer(report)).collect();
        let said_no = |code: &str| questions.iter().any(|question| question.findings.iter().any(|found| found == code));
        // Findings stand root cause first, then worst first; one that another accounts for waits.
        let causes = report.findings.iter().filter(|finding| said_no(&finding.code));
        let likeliest = causes.clone().find(|finding| finding.caused_by.is_none()).or_else(|| causes.clone().next());
        let open = |answer| questions.iter().find(|question| question.answer == answer);
        let advice = || {
            let asked = self.questions.iter().zip(&questions).find(|(_, answered)| answered.answer == Answer::Unknown);
            let ours = |check: &String| asked.is_some_and(|(question, _)| question.checks.contains(check));
            report
                .could_not_tell
                .iter()
                .filter(|unknown| ours(&unknown.check))
                .find_map(|unknown| unknown.advice.clone())
        };
        let next = match (likeliest, open(Answer::Unknown), open(Answer::NotAsked)) {
            (Some(finding), _, _) => next_step(finding),
            (None, Some(question), _) => {
                let why = question.why.as_deref().unwrap_or_default();
                let then = advice().map(|advice| format!(" Then: {advice}.")).unwrap_or_default();
                format!("First find out what could not be told: {} ({why}).{then}", question.ask)
            }
            (None, None, Some(question)) => {
                let why = question.why.as_deref().unwrap_or_default();
                format!("{} One question is open: {} ({why}).", self.otherwise, question.ask)
            }
            (None, None, None) => self.otherwise.clone(),
        };
        let cause = |finding: &Reported| format!("{} ({})", finding.title, finding.subject.name());
        Guided {
            likeliest: likeliest.map(cause),
            finding: likeliest.map(|finding| finding.code.clone()),
            next,
            questions,
        }
    }
}

fn next_step(finding: &Reported) -> String {
    let step = finding.remedy.as_ref().map_or_else(
        || format!("Read what it means and how it is put right: engine explain {}.", finding.code),
        |remedy| remedy.step.clone(),
    );
    format!("{step} Who: {}.", finding.actor.phrase())
}

impl Question {
    fn answer(&self, report: &Report) -> Answered {
        let ours = |check: &str| self.checks.iter().any(|id| id == check);
        let counts =
            |code: &str| self.findings.is_empty() || self.findings.iter().any(|start| code.starts_with(start.as_str()));
        let mut findings: Vec<String> = Vec::new();
        for finding in &report.findings {
            if finding.severity >= Severity::Warning
                && ours(&finding.check)
                && counts(&finding.code)
                && !findings.contains(&finding.code)
            {
                findings.push(finding.code.clone());
            }
        }
        let looked = |outcome: &Outcome| !matches!(outcome, Outcome::NotApplicable { .. });
        let made: Vec<_> = report.checks.iter().filter(|check| ours(&check.id)).collect();
        let unknown = report.could_not_tell.iter().find(|unknown| ours(&unknown.check));
        let (answer, why) = if !findings.is_empty() {
            (Answer::No, None)
        } else if let Some(unknown) = unknown {
            (Answer::Unknown, Some(format!("{}: {}", unknown.what, unknown.cause.detail)))
        } else if let Some(cause) = made.iter().find_map(|check| match &check.outcome {
            Outcome::CouldNotTell { cause } => Some(cause),
            _ => None,
        }) {
            (Answer::Unknown, Some(cause.detail.clone()))
        } else if !made.iter().any(|check| looked(&check.outcome)) {
            let not_applicable = made.iter().find_map(|check| match &check.outcome {
                Outcome::NotApplicable { why } => Some(why.clone()),
                _ => None,
            });
            let skipped = report.skipped.iter().find(|skipped| ours(&skipped.id)).map(|skipped| skipped.why.clone());
            (Answer::NotAsked, not_applicable.or(skipped).or_else(|| Some("no check for it was run".to_owned())))
        } else {
            (Answer::Yes, None)
        };
        Answered { ask: self.ask.clone(), answer, findings, why }
    }
}
