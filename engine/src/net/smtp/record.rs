//! What came of a session, as it is put together.

use std::{net::IpAddr, time::Duration};

use engine_plugin_api::{
    Cause, CauseKind,
    services::{self, EnhancedCode, ProbeReply, SessionEnd, SmtpAnswer, SmtpReply, SmtpRequest, TlsFacts},
};
use smtp_session::{Dialogue, Ending, Fault, Reply, Stage};
use tokio::time::Instant;

use super::{connection::MAX_READ, transcript::Transcript};
use crate::net::{RouteError, now_ms, seconds, tcp::ConnectError};

/// The reply to a request, and its transcript, so far.
///
/// A second connection writes over what the first one heard, and leaves what
/// it does not hear again.
#[derive(Debug)]
pub struct Record {
    reply: SmtpReply,
    pub transcript: Transcript,
}

impl Record {
    /// Nothing has happened yet.
    pub fn new(request: &SmtpRequest) -> Self {
        // Held, until something else is known.
        let held = SmtpReply::not_held(request, Cause::new(CauseKind::Other, "not yet"));
        let reply = SmtpReply { end: SessionEnd::Finished, ..held };
        Record { reply, transcript: Transcript::new() }
    }

    pub fn note(&mut self, remark: String) {
        self.transcript.note(remark);
    }

    pub fn connected(&mut self, source: Option<IpAddr>) {
        self.reply.source = source;
        let from = source.map(|source| format!(" from {source}")).unwrap_or_default();
        self.note(format!("connected to {}{from}", self.reply.address));
    }

    pub fn not_connected(&mut self, error: &ConnectError) {
        if error.is_reset() {
            // There was a connection; whether the reset is seen while it is
            // opened or when it is first read is a matter of microseconds.
            self.connected(None);
            self.note(error.to_string());
            self.reply.end = SessionEnd::Broken { stage: services::Stage::Greeting, why: error.to_string() };
            return;
        }
        self.note(format!("not connected: {error}"));
        let stage = services::Stage::Connect;
        self.reply.end = match error {
            ConnectError::TimedOut { waited } => SessionEnd::TimedOut { stage, waited_s: seconds(*waited) },
            ConnectError::Route(RouteError::NotLoopback { .. }) => {
                SessionEnd::NotHeld { cause: Cause::new(CauseKind::Denied, error.to_string()) }
            }
            error if error.is_ours() => {
                let detail = format!("{} cannot be reached from here: {error}", self.reply.address);
                SessionEnd::NotHeld { cause: Cause::new(CauseKind::OurSide, detail) }
            }
            error => SessionEnd::Broken { stage, why: error.to_string() },
        };
    }

    /// Takes in the reply to what was awaited at `stage`; `dialogue` has seen it.
    pub fn answered(&mut self, stage: Stage, reply: &Reply, asked: Instant, dialogue: &Dialogue) {
        let answer = SmtpAnswer {
            code: reply.code,
            enhanced: reply.lines.first().and_then(|line| EnhancedCode::at_start(line)),
            lines: reply.lines.clone(),
            took_ms: u64::try_from(asked.elapsed().as_millis()).unwrap_or(u64::MAX),
            at_ms: now_ms(),
        };
        for fault in &reply.faults {
            self.odd(format!("{} ({})", words(*fault), api(stage).phrase()));
        }
        match stage {
            Stage::Greeting => self.reply.greeting = Some(answer),
            // HELO follows.
            Stage::Ehlo if !answer.is_positive() && dialogue.stage() == Stage::Ehlo => {
                self.reply.ehlo_refused = Some(answer);
            }
            Stage::Ehlo => {
                self.reply.ehlo = Some(answer);
                self.reply.extensions = dialogue.extensions().to_vec();
                if !dialogue.is_secured() {
                    self.reply.clear_extensions.clone_from(&self.reply.extensions);
                }
            }
            Stage::StartTls => {
                if answer.code != 220 {
                    self.reply.tls_failure = Some(format!("STARTTLS was answered with `{}`", answer.text()));
                }
                self.reply.starttls = Some(answer);
            }
            Stage::Mail => self.reply.mail = Some(answer),
            Stage::Rcpt(index) => match self.reply.recipients.get_mut(index) {
                Some(known) => *known = answer,
                None => self.reply.recipients.push(answer),
            },
            Stage::Probe { index, command } => {
                // Probes that were left out have no replies; a second
                // connection's replace the first one's.
                self.reply.probes.resize_with(self.reply.probes.len().max(index + 1), ProbeReply::default);
                let answers = &mut self.reply.probes[index].answers;
                answers.truncate(command);
                answers.push(answer);
            }
            Stage::Handshake | Stage::Reset(_) | Stage::Quit => {}
        }
    }

    fn odd(&mut self, oddity: String) {
        if !self.reply.oddities.contains(&oddity) {
            self.reply.oddities.push(oddity);
        }
    }

    pub fn secured(&mut self, facts: TlsFacts) {
        self.note(format!("{} {}", facts.version, facts.cipher));
        self.reply.tls = Some(facts);
    }

    pub fn tls_failed(&mut self, why: String) {
        self.reply.tls_failure = Some(why);
    }

    pub fn too_much(&mut self, stage: Stage) {
        let why = format!("more than {} KiB in one session", MAX_READ / 1024);
        self.reply.end = SessionEnd::Malformed { stage: api(stage), why };
    }

    /// Takes in how the dialogue ended. `why` has the words for a broken
    /// connection or a failed handshake; `limit` says how long a reply was
    /// waited for.
    ///
    /// Why TLS failed, if that ended it: then there is no end yet.
    pub fn ended(&mut self, ending: Option<&Ending>, why: String, limit: impl Fn(Stage) -> Duration) -> Option<String> {
        self.reply.end = match ending {
            None | Some(Ending::Finished) => SessionEnd::Finished,
            Some(Ending::Closed { stage }) => SessionEnd::Broken { stage: api(*stage), why },
            Some(Ending::TimedOut { stage }) => {
                SessionEnd::TimedOut { stage: api(*stage), waited_s: seconds(limit(*stage)) }
            }
            Some(Ending::OutOfTurn { stage }) => {
                let why = "the server replied twice, so that its further replies cannot be told apart".to_owned();
                SessionEnd::Malformed { stage: api(*stage), why }
            }
            Some(Ending::Unreadable { stage, error }) => {
                SessionEnd::Malformed { stage: api(*stage), why: error.to_string() }
            }
            Some(Ending::TlsFailed) => return Some(why),
            Some(Ending::Injected { bytes }) => {
                return Some(format!(
                    "the server sent {bytes} more bytes in clear text between its reply to STARTTLS and the handshake"
                ));
            }
        };
        None
    }

    pub fn finish(mut self) -> SmtpReply {
        self.reply.transcript = self.transcript.into_lines();
        self.reply
    }
}
fn api(stage: Stage) -> services::Stage {
    match stage {
        Stage::Greeting => services::Stage::Greeting,
        Stage::Ehlo => services::Stage::Ehlo,
        Stage::StartTls | Stage::Handshake => services::Stage::StartTls,
        Stage::Mail => services::Stage::Mail,
        Stage::Rcpt(_) => services::Stage::Rcpt,
        Stage::Reset(_) | Stage::Probe { .. } => services::Stage::Probe,
        Stage::Quit => services::Stage::Quit,
    }
}

/// What a fault is, as a fragment.
fn words(fault: Fault) -> &'static str {
    match fault {
        Fault::BareLf => "a line ends with LF alone",
        Fault::BareCr => "a CR stands elsewhere than before LF",
        Fault::LongLine => "a line is longer than 512 octets",
        Fault::CodesDiffer => "the lines of one reply have different codes",
        Fault::OddSeparator => "a tab follows the code",
        Fault::NotText => "a line holds NUL or bytes that are no UTF-8",
    }
}
