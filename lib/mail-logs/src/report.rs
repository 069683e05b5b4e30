//! What was found in the logs, for people and programs.

use schemars::JsonSchema;
use serde::Serialize;

use crate::{event::Direction, line::Software, tally::Count};

/// The version of [`Report`] as JSON.
pub const SCHEMA: &str = "logs/v1";

/// What was found in the logs.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Report {
    /// `logs/v1`.
    pub schema: &'static str,
    /// What was read, in order.
    pub files: Vec<FileRead>,
    /// Whose lines were found.
    pub software: Vec<SoftwareLines>,
    /// The time of the first line of a mail server, as the log has it (no zone).
    pub first: Option<String>,
    /// The time of the last.
    pub last: Option<String>,
    /// Recipients that were delivered to.
    pub delivered: u64,
    /// Refusals and deferrals by cause: outgoing ones first, frequent ones first.
    pub causes: Vec<CauseReport>,
}

impl Report {
    /// The JSON schema of it.
    pub fn schema() -> schemars::Schema {
        schemars::schema_for!(Report)
    }
}

/// One file.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct FileRead {
    /// Its name; `-` for standard input.
    pub name: String,
    /// Lines in it.
    pub lines: u64,
    /// Bytes in it, unpacked.
    pub bytes: u64,
    /// Lines that a mail server wrote.
    pub recognised: u64,
    /// What could not be read, or only in part, and why.
    pub problems: Vec<String>,
}

/// The lines of one mail server.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SoftwareLines {
    /// The mail server.
    pub software: Software,
    /// Its lines.
    pub lines: u64,
}

/// Everything that has one cause.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct CauseReport {
    /// The way of the mail.
    pub direction: Direction,
    /// The reason, one of docs/reference/reasons.md.
    pub reason: &'static str,
    /// It, in words.
    pub title: String,
    /// What has happened.
    pub meaning: String,
    /// How often, each attempt for each recipient counted.
    pub count: u64,
    /// Of these, refused for now.
    pub deferred: u64,
    /// Of these, refused for good.
    pub refused: u64,
    /// Deferred recipients that were delivered to later.
    pub later_delivered: u64,
    /// Deferred messages that the sending server has given up.
    pub given_up: u64,
    /// When first.
    pub first: String,
    /// When last.
    pub last: String,
    /// Whether it passes without a change, as far as replies of this kind go.
    pub passes: bool,
    /// Refusals that are temporary by their code and never clear.
    pub never_clears: u64,
    /// Who must act.
    pub actor: &'static str,
    /// What to do, the most frequent first.
    pub remedies: Vec<String>,
    /// What the other side means, where it is known.
    pub said_to_mean: Vec<Count>,
    /// Blocklists that were named.
    pub blocklists: Vec<Count>,
    /// Where to look those up.
    pub lookups: Vec<String>,
    /// The checks that prove or refute it.
    pub checks: Vec<String>,
    /// A command that runs them.
    pub command: Option<String>,
    /// The codes.
    pub codes: Vec<Count>,
    /// The other side: a provider, or the end of its host name.
    pub providers: Vec<Count>,
    /// Envelope senders.
    pub senders: Vec<Count>,
    /// Domains of recipients.
    pub recipient_domains: Vec<Count>,
    /// Addresses of clients, for incoming mail.
    pub clients: Vec<Count>,
    /// How many rare names may be missing or undercounted above: each occurs
    /// at most this often more; 0 when all are exact.
    pub uncertainty: u64,
    /// How often in each hour, or day, month or year when there are many.
    pub times: Vec<Count>,
    /// Some of the lines, of different wordings.
    pub examples: Vec<Example>,
}

/// A line of a log.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Example {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: u64,
    /// Its text, cut to 600 bytes.
    pub text: String,
}
