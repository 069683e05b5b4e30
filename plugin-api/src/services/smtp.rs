//! `smtp.session/1`: one polite SMTP session, never past RCPT.

use std::{fmt, net::IpAddr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tls::{TlsFacts, Verification};
use crate::{
    evidence::EvidenceId,
    outcome::{Cause, CauseKind},
    stance::Delivery,
};

/// A session to hold. The host never sends DATA, holds one session at a time
/// with a host, and says QUIT whenever the server still listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct SmtpRequest {
    /// The server's name, for TLS and messages.
    pub host: String,
    /// The address to connect to.
    #[schemars(with = "String")]
    pub address: IpAddr,
    /// The port, 25 for mail exchangers.
    pub port: u16,
    /// The name to give with EHLO; the host's own setting without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ehlo: Option<String>,
    /// Whether to use STARTTLS.
    pub starttls: StartTls,
    /// MAIL and RCPT to try; without one the session ends after EHLO.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub envelope: Option<SmtpEnvelope>,
    /// Counts repeated sessions of one check, from 1: equal requests of equal
    /// attempt are one session.
    pub attempt: u32,
    /// Say QUIT right after the greeting; EHLO, STARTTLS and envelope are then
    /// left out. The most polite way to learn whether a port is open.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub greeting_only: bool,
    /// What is asked after the envelope, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub probes: Vec<SmtpProbe>,
}

impl SmtpRequest {
    /// A first session with a mail exchanger on port 25, STARTTLS if offered,
    /// no envelope.
    pub fn new(host: impl Into<String>, address: IpAddr) -> Self {
        SmtpRequest {
            host: host.into(),
            address,
            port: 25,
            ehlo: None,
            starttls: StartTls::IfOffered,
            envelope: None,
            attempt: 1,
            greeting_only: false,
            probes: Vec::new(),
        }
    }

    /// A first session with a mail exchanger on port 25 that ends with QUIT
    /// right after the greeting.
    pub fn greeting_only(host: impl Into<String>, address: IpAddr) -> Self {
        SmtpRequest { greeting_only: true, ..SmtpRequest::new(host, address) }
    }
}

/// Whether to use STARTTLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StartTls {
    /// Stay in clear text.
    Never,
    /// Use it when the server offers it, as most senders do; after a failed
    /// handshake the session is held once more in clear text.
    IfOffered,
}

/// Sender and recipients to try.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct SmtpEnvelope {
    /// The envelope sender; empty for the null sender.
    pub sender: String,
    /// The recipients, each tried with RCPT.
    pub recipients: Vec<String>,
}

impl SmtpEnvelope {
    /// An envelope for one recipient; an empty `sender` is the null sender.
    pub fn new(sender: impl Into<String>, recipient: impl Into<String>) -> Self {
        SmtpEnvelope { sender: sender.into(), recipients: vec![recipient.into()] }
    }
}

/// A question that follows the envelope. Before another envelope, a transaction
/// that is open is ended with RSET. None is asked when MAIL was answered with a
/// 4yz reply.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", content = "of", rename_all = "kebab-case")]
pub enum SmtpProbe {
    /// MAIL and RCPT of another envelope.
    Envelope(SmtpEnvelope),
    /// VRFY of a mailbox (RFC 5321 §4.1.1.6).
    Verify(String),
    /// EXPN of a mailbox (RFC 5321 §4.1.1.7).
    Expand(String),
}

/// The replies to one [`SmtpProbe`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct ProbeReply {
    /// The replies in the order of the commands: MAIL and each RCPT that was
    /// sent, or VRFY, or EXPN; that to RSET is left out.
    pub answers: Vec<SmtpAnswer>,
}

/// A stage of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Opening the TCP connection.
    Connect,
    /// Waiting for the server's first reply.
    Greeting,
    /// EHLO, or HELO after it was refused.
    Ehlo,
    /// STARTTLS and the handshake.
    StartTls,
    /// MAIL FROM.
    Mail,
    /// RCPT TO.
    Rcpt,
    /// A question after the envelope.
    Probe,
    /// QUIT.
    Quit,
    /// One that this version does not know.
    #[serde(other)]
    Other,
}

impl Stage {
    /// How a person reads it, for example `the greeting`.
    pub fn phrase(self) -> &'static str {
        match self {
            Stage::Connect => "the connection",
            Stage::Greeting => "the greeting",
            Stage::Ehlo => "EHLO",
            Stage::StartTls => "STARTTLS",
            Stage::Mail => "MAIL FROM",
            Stage::Rcpt => "RCPT TO",
            Stage::Probe => "a command after RCPT TO",
            Stage::Quit => "QUIT",
            Stage::Other => "a stage that has no name here",
        }
    }
}

/// An enhanced status code (RFC 3463 §2), for example `4.2.0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct EnhancedCode {
    /// 2 success, 4 persistent transient failure, 5 permanent failure.
    pub class: u8,
    /// The subject, for example 7 for security or policy.
    pub subject: u16,
    /// The detail.
    pub detail: u16,
}

impl EnhancedCode {
    /// Reads a code at the start of `text`: class 2, 4 or 5, subject and detail
    /// of one to three digits, then a space or the end (RFC 3463 §2).
    pub fn at_start(text: &str) -> Option<Self> {
        let word = text.split_ascii_whitespace().next().filter(|_| !text.starts_with(' '))?;
        let mut parts = word.split('.');
        let mut number = |most: usize| {
            parts
                .next()
                .filter(|p| (1..=most).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_digit()))
                .and_then(|p| p.parse::<u16>().ok())
        };
        let (class, subject, detail) = (number(1)?, number(3)?, number(3)?);
        if parts.next().is_some() || !matches!(class, 2 | 4 | 5) {
            return None;
        }
        Some(EnhancedCode { class: class as u8, subject, detail })
    }
}

impl fmt::Display for EnhancedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

/// A reply of the server (RFC 5321 §4.2).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct SmtpAnswer {
    /// The reply code, 200 to 599.
    pub code: u16,
    /// The enhanced status code of the first line, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enhanced: Option<EnhancedCode>,
    /// The text of each line after its code, without line ends.
    pub lines: Vec<String>,
    /// Milliseconds that it took to come.
    pub took_ms: u64,
    /// When it came, Unix time in milliseconds.
    pub at_ms: i64,
}

impl SmtpAnswer {
    /// The reply on one line, as logs have it: `450 4.2.0 Greylisted`.
    pub fn text(&self) -> String {
        format!("{} {}", self.code, self.lines.join(" ")).trim_end().to_owned()
    }

    /// Whether it is a 2yz reply.
    pub fn is_positive(&self) -> bool {
        (200..300).contains(&self.code)
    }

    /// Whether it is a 4yz reply.
    pub fn is_transient(&self) -> bool {
        (400..500).contains(&self.code)
    }
}

/// Who said a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// The server.
    Server,
    /// Us.
    Client,
    /// A remark about the connection, for example that TLS is up; also what
    /// this version does not know.
    #[serde(other)]
    Note,
}

/// One line of the session.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct TranscriptLine {
    /// Milliseconds since the connection was begun.
    pub at_ms: u64,
    /// Who said it.
    pub from: Direction,
    /// The line without its end; bytes that are no UTF-8 are replaced.
    pub text: String,
}

/// How a session ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum SessionEnd {
    /// Every stage asked for was gone through, or the server refused one with a proper reply.
    Finished,
    /// The connection was refused, unreachable or broken.
    Broken {
        /// Where.
        stage: Stage,
        /// The system's words.
        why: String,
    },
    /// No reply in time.
    TimedOut {
        /// Where.
        stage: Stage,
        /// Seconds that were waited.
        waited_s: u64,
    },
    /// The server said something that is no SMTP reply, or far too much.
    Malformed {
        /// Where.
        stage: Stage,
        /// What was seen.
        why: String,
    },
    /// The host did not hold the session.
    NotHeld {
        /// Why.
        cause: Cause,
    },
    /// In a way that this version does not know: nothing is known but what the
    /// other members say.
    #[serde(other)]
    Other,
}

/// What came of a session.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct SmtpReply {
    /// Names this observation.
    pub evidence: EvidenceId,
    /// The server's name and address, as asked for.
    pub host: String,
    /// The address that was connected to.
    #[schemars(with = "String")]
    pub address: IpAddr,
    /// The address that we came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub source: Option<IpAddr>,
    /// The first reply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub greeting: Option<SmtpAnswer>,
    /// The reply to the last EHLO (or HELO).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ehlo: Option<SmtpAnswer>,
    /// The extensions of that reply, upper-case keyword first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<String>,
    /// The extensions that were offered before TLS, in the same form.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clear_extensions: Vec<String>,
    /// The reply that refused EHLO, so that HELO was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ehlo_refused: Option<SmtpAnswer>,
    /// The reply to STARTTLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starttls: Option<SmtpAnswer>,
    /// What the TLS handshake showed, if one was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsFacts>,
    /// Why STARTTLS was offered and yet did not work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_failure: Option<String>,
    /// The reply to MAIL FROM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<SmtpAnswer>,
    /// The reply to each RCPT TO that was sent, in the order of the envelope.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recipients: Vec<SmtpAnswer>,
    /// The replies to each probe that was begun, in the order of the request.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub probes: Vec<ProbeReply>,
    /// Departures from the form that RFC 5321 gives replies, each with the
    /// stage, as fragments such as `a line ends with LF alone (the greeting)`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub oddities: Vec<String>,
    /// How it ended.
    pub end: SessionEnd,
    /// Every line, in order; bounded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transcript: Vec<TranscriptLine>,
}

impl SmtpReply {
    /// The reply to a session that the host did not hold.
    pub fn not_held(request: &SmtpRequest, cause: Cause) -> Self {
        SmtpReply {
            evidence: EvidenceId::default(),
            host: request.host.clone(),
            address: request.address,
            source: None,
            greeting: None,
            ehlo: None,
            extensions: Vec::new(),
            clear_extensions: Vec::new(),
            ehlo_refused: None,
            starttls: None,
            tls: None,
            tls_failure: None,
            mail: None,
            recipients: Vec::new(),
            probes: Vec::new(),
            oddities: Vec::new(),
            end: SessionEnd::NotHeld { cause },
            transcript: Vec::new(),
        }
    }

    /// How far STARTTLS got.
    pub fn tls_state(&self) -> TlsState<'_> {
        if let Some(tls) = &self.tls {
            return TlsState::Shown(tls);
        }
        if let Some(why) = &self.tls_failure {
            return TlsState::Failed(why);
        }
        if let Some(answer) = self.starttls.as_ref().filter(|answer| !answer.is_positive()) {
            return TlsState::Refused(answer);
        }
        let early = match &self.end {
            SessionEnd::Finished => false,
            SessionEnd::NotHeld { .. } | SessionEnd::Other => true,
            SessionEnd::Broken { stage, .. }
            | SessionEnd::TimedOut { stage, .. }
            | SessionEnd::Malformed { stage, .. } => *stage <= Stage::StartTls || *stage == Stage::Other,
        };
        if let Some(cause) = self.cause().filter(|_| early) {
            return TlsState::NotReached(cause);
        }
        match [&self.greeting, &self.ehlo].into_iter().flatten().find(|answer| !answer.is_positive()) {
            Some(answer) => TlsState::Refused(answer),
            None if self.ehlo.is_some() => TlsState::NotOffered,
            None => TlsState::NotReached(
                Cause::new(CauseKind::Other, format!("the session with {} did not get to EHLO", self.host))
                    .seen_in(&self.evidence),
            ),
        }
    }

    /// Why the session did not come to its end; `None` when it did.
    pub fn cause(&self) -> Option<Cause> {
        let at = format!("{} ({})", self.host, self.address);
        let cause = match &self.end {
            SessionEnd::Finished => return None,
            SessionEnd::NotHeld { cause } if cause.evidence.is_some() || self.evidence.0.is_empty() => {
                return Some(cause.clone());
            }
            SessionEnd::NotHeld { cause } => cause.clone(),
            SessionEnd::Broken { stage, why } => {
                Cause::new(CauseKind::Unreachable, format!("{at} broke off at {}: {why}", stage.phrase()))
            }
            SessionEnd::TimedOut { stage: Stage::Connect, waited_s } => {
                Cause::new(CauseKind::Timeout, format!("no connection to {at} in {waited_s} s"))
            }
            SessionEnd::TimedOut { stage, waited_s } => {
                Cause::new(CauseKind::Timeout, format!("no reply from {at} at {} in {waited_s} s", stage.phrase()))
            }
            SessionEnd::Malformed { stage, why } => {
                Cause::new(CauseKind::Malformed, format!("{at} at {}: {why}", stage.phrase()))
            }
            SessionEnd::Other => {
                Cause::new(CauseKind::Other, format!("the session with {at} ended in a way that has no name here"))
            }
        };
        Some(cause.seen_in(&self.evidence))
    }
}

/// How far STARTTLS got in a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsState<'r> {
    /// A handshake was made.
    Shown(&'r TlsFacts),
    /// STARTTLS is offered and the handshake does not work; why.
    Failed(&'r str),
    /// The server refused the session, or STARTTLS, with this reply.
    Refused(&'r SmtpAnswer),
    /// The server does not offer it.
    NotOffered,
    /// The session did not get there.
    NotReached(Cause),
}

impl TlsState<'_> {
    /// What a sender does that wants a certificate of a public authority that
    /// names the server (RFC 8461 §4.2), and why.
    ///
    /// A session that broke off may do so on our side alone: that could not be told.
    pub fn for_public_authority(&self) -> (Delivery, String) {
        match self {
            TlsState::Shown(tls) => match &tls.verification {
                Verification::Trusted => (Delivery::Deliver, "the certificate is in order".to_owned()),
                Verification::Expired => (Delivery::Refuse, "the certificate has expired".to_owned()),
                Verification::NotYetValid => (Delivery::Refuse, "the certificate is not valid yet".to_owned()),
                Verification::WrongName => (Delivery::Refuse, "the certificate is for other names".to_owned()),
                Verification::UnknownIssuer => {
                    (Delivery::Refuse, "the certificate is of no public authority".to_owned())
                }
                Verification::Failed { why } => (Delivery::Refuse, format!("the certificate does not hold: {why}")),
                Verification::Other => (Delivery::CouldNotTell, Verification::OTHER.to_owned()),
            },
            TlsState::Failed(why) => (Delivery::Refuse, format!("the TLS handshake fails: {why}")),
            TlsState::NotOffered => (Delivery::Refuse, "STARTTLS is not offered".to_owned()),
            TlsState::Refused(answer) if answer.is_transient() => {
                (Delivery::Defer, format!("the server answers {}", answer.code))
            }
            TlsState::Refused(answer) => (Delivery::Refuse, format!("the server answers {}", answer.code)),
            TlsState::NotReached(cause) => (Delivery::CouldNotTell, cause.detail.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enhanced_codes_are_read_only_in_their_own_form() {
        for (text, expected) in [
            ("4.2.0 <a@b>: Greylisted", Some("4.2.0")),
            ("5.7.515 Access denied", Some("5.7.515")),
            ("5.1.1", Some("5.1.1")),
            ("3.0.0 no such class", None),
            ("5.1.1234 too long", None),
            ("192.0.2.1 is not yet authorized", None),
            ("5.7 short", None),
            ("", None),
            (" 5.1.1 indented", None),
        ] {
            assert_eq!(EnhancedCode::at_start(text).map(|code| code.to_string()).as_deref(), expected, "{text:?}");
        }
    }
}
