//! The report of a run, `json/v1`.
//!
//! These types are the published format: members are added, never taken away
//! or given another meaning within `v1`. The schema is `docs/schema/report-v1.json`.

use std::collections::BTreeMap;

use engine_plugin_api::{
    Actor, Cause, CauseKind, Confidence, Evidence, EvidenceId, Outcome, Remedy, Severity, Subject, Target,
    services::{Direction, DnsReply, HttpReply, SmtpReply},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    guide::Guided,
    matrix::MatrixRow,
    net::{Answer, Request},
    plan::Skipped,
    recording::{Exchange, Vantage},
};

/// The `format` of a report.
pub const FORMAT: &str = "json/v1";

/// What a run says of its target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// [`FORMAT`].
    pub format: String,
    /// The version of the engine.
    pub engine: String,
    /// What was examined; without the bytes of a message, which stand in the
    /// recording alone.
    pub target: Target,
    /// The message that was examined, if one was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<MessageReport>,
    /// The profile's name.
    pub profile: String,
    /// When the run began, RFC 3339.
    pub started: String,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// Where it was made from.
    pub vantage: Vantage,
    /// The result in short.
    pub verdict: Verdict,
    /// What was found: the likely root cause first, then worst first.
    pub findings: Vec<Reported>,
    /// What could not be told.
    pub could_not_tell: Vec<ReportedUnknown>,
    /// What senders that hold to a policy do with each mail exchanger; empty
    /// where no check judged that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policy_matrix: Vec<MatrixRow>,
    /// The questions of a guided profile, answered, and what to do next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guide: Option<Guided>,
    /// How each check ended, in the order of their ids.
    pub checks: Vec<CheckReport>,
    /// The checks that were not made.
    pub skipped: Vec<SkippedReport>,
    /// Findings that the profile leaves out.
    pub muted: Vec<Muted>,
    /// Mutes of the profile that matched nothing.
    pub unused_mutes: Vec<String>,
    /// What checks did against their manifests.
    pub violations: Vec<Violation>,
    /// Everything that was observed, by id.
    pub evidence: Vec<EvidenceEntry>,
}

/// The message that was examined.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MessageReport {
    /// What the user calls it: the file as typed, `-` for standard input.
    pub name: String,
    /// Its size in bytes.
    pub size: usize,
}

/// The result in short.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// The worst severity found, if anything was found.
    pub worst: Option<Severity>,
    /// How many findings there are of each severity.
    pub counts: BTreeMap<String, usize>,
    /// How many checks looked at anything; with none, nothing is known.
    pub examined: usize,
    /// How many things could not be told.
    pub could_not_tell: usize,
    /// The finding that most likely is behind the others, if anything is at warning or worse.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_cause: Option<RootCause>,
    /// One sentence.
    pub summary: String,
}

/// The finding that most likely is behind the others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RootCause {
    /// Its public code.
    pub code: String,
    /// What it is about.
    pub subject: Subject,
    /// The title of its page.
    pub title: String,
}

/// A finding as reported.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reported {
    /// Public code; `engine explain CODE` prints its page.
    pub code: String,
    /// The check that found it.
    pub check: String,
    /// How bad it is, by the profile.
    pub severity: Severity,
    /// How sure it is.
    pub confidence: Confidence,
    /// The title of its page.
    pub title: String,
    /// What it is about.
    pub subject: Subject,
    /// What was seen.
    pub seen: String,
    /// What it rests on.
    pub evidence: Vec<Evidence>,
    /// Who can put it right.
    pub actor: Actor,
    /// What to change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<Remedy>,
    /// The command that shows whether it helped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recheck: Option<String>,
    /// The RFC section or page that decides it.
    pub source: String,
    /// The public code of a finding of this report that explains this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caused_by: Option<String>,
}

/// Something that could not be told, as reported.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReportedUnknown {
    /// The check that wanted to know.
    pub check: String,
    /// What it is about.
    pub subject: Subject,
    /// What could not be told, as a fragment after "could not tell".
    pub what: String,
    /// Why.
    pub cause: Cause,
    /// What to do to find out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
    /// The public code of a finding of this report that accounts for the cause,
    /// for example one about the network that the run was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explained_by: Option<String>,
}

/// How a check ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CheckReport {
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: String,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// A check that was not made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SkippedReport {
    /// Its id.
    pub id: String,
    /// Why.
    pub why: String,
}

impl From<Skipped> for SkippedReport {
    fn from(Skipped { id, why }: Skipped) -> Self {
        SkippedReport { id, why }
    }
}

/// A finding that the profile leaves out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Muted {
    /// Its public code.
    pub code: String,
    /// What it is about.
    pub subject: Subject,
    /// The reason that the profile gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Something that a check did against its manifest or the host's rules.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Violation {
    /// The check.
    pub check: String,
    /// What it did.
    pub what: String,
}

/// One observation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EvidenceEntry {
    /// Its id, as findings name it.
    pub id: EvidenceId,
    /// When it was made, RFC 3339.
    pub at: String,
    /// How long it took, in microseconds.
    pub took_us: u64,
    /// What was asked, and of whom.
    pub asked: String,
    /// What came, in short.
    pub result: String,
    /// What came, line by line: records, or the lines of a session.
    pub lines: Vec<String>,
}

impl EvidenceEntry {
    /// The entry for an exchange; `None` for one that observes nothing.
    pub fn of(id: &EvidenceId, exchange: &Exchange) -> Option<Self> {
        let observation = &exchange.observation;
        let (asked, result, lines) = match (&exchange.request, &observation.answer) {
            (Request::Dns(question), Answer::Dns(reply)) => {
                let server =
                    question.server.map(|s| s.to_string()).or_else(|| reply.attempts.last().map(|a| a.server.clone()));
                let of = server.map(|server| format!(" of {server}")).unwrap_or_default();
                (format!("{} {}{of}", question.rtype, question.name), dns_result(reply), dns_lines(reply))
            }
            (Request::Smtp(session), Answer::Smtp(reply)) => (
                format!("an SMTP session with {} ({}) on port {}", session.host, session.address, session.port),
                reply.cause().map_or_else(|| "finished".to_owned(), |cause| cause.detail),
                smtp_lines(reply),
            ),
            (Request::Http(request), Answer::Http(reply)) => (
                format!("GET {} of {}", request.url(), request.address),
                match (reply.cause(), reply.status) {
                    (Some(cause), _) => cause.detail,
                    (None, status) => format!("status {}", status.unwrap_or_default()),
                },
                http_lines(reply),
            ),
            _ => return None,
        };
        Some(EvidenceEntry {
            id: id.clone(),
            at: rfc3339(observation.at_ms),
            took_us: observation.took_us,
            asked,
            result,
            lines,
        })
    }
}

fn dns_result(reply: &DnsReply) -> String {
    match reply.cause() {
        Some(cause) => cause.detail,
        None => match serde_json::to_value(reply.status) {
            Ok(serde_json::Value::String(word)) => word,
            _ => String::new(),
        },
    }
}

fn dns_lines(reply: &DnsReply) -> Vec<String> {
    reply
        .answers
        .iter()
        .map(|record| format!("{} {} {} {}", record.name, record.ttl, record.rtype, record.data_text()))
        .collect()
}

fn smtp_lines(reply: &SmtpReply) -> Vec<String> {
    let line = |line: &engine_plugin_api::services::TranscriptLine| {
        let from = match line.from {
            Direction::Server => "S:",
            Direction::Client => "C:",
            Direction::Note => "--",
        };
        format!("{:>7} ms {from} {}", line.at_ms, line.text)
    };
    reply.transcript.iter().map(line).collect()
}

/// Lines of a body that the report shows, and the characters of each.
const BODY_LINES: usize = 100;
const BODY_LINE: usize = 400;

fn http_lines(reply: &HttpReply) -> Vec<String> {
    let mut lines: Vec<String> = reply.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    match reply.body.text() {
        _ if reply.body.is_empty() => {}
        Some(text) => {
            lines.push(String::new());
            lines.extend(text.lines().take(BODY_LINES).map(|line| line.chars().take(BODY_LINE).collect()));
        }
        None => lines.push(format!("({} bytes that are no text)", reply.body.0.len())),
    }
    lines
}

/// Unix milliseconds as RFC 3339 in UTC.
pub fn rfc3339(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map_or_else(|_| ms.to_string(), |timestamp| timestamp.to_string())
}

impl Report {
    /// Whether anything is at `severity` or worse.
    pub fn reaches(&self, severity: Severity) -> bool {
        self.verdict.worst.is_some_and(|worst| worst >= severity)
    }

    /// Whether the run was cut short by the user.
    pub fn was_interrupted(&self) -> bool {
        self.could_not_tell.iter().any(|unknown| unknown.cause.kind == CauseKind::Interrupted)
    }

    /// The JSON schema of the format.
    pub fn schema() -> serde_json::Value {
        schemars::schema_for!(Report).to_value()
    }
}
