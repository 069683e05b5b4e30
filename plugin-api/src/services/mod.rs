//! The host's services: their names, requests and answers.
//!
//! | method | what | cost | typed form |
//! |---|---|---|---|
//! | `dns.lookup/1` | one DNS question | a question, none if already asked in this run | [`crate::Context::dns`] |
//! | `smtp.session/1` | one polite SMTP session up to RCPT | a connection, none if already held in this run | [`crate::Context::smtp`] |
//! | `http.get/1` | one HTTPS GET, certificate verified, no redirect followed | a connection, none if already made in this run | [`crate::Context::http`] |
//! | `clock.sleep/1` | waits `{"ms": n}` | time only | [`crate::Context::sleep`] |

mod dns;
mod dnssec;
mod http;
mod record;
mod smtp;
mod tls;

pub use dns::{Channel, DnsAttempt, DnsFlags, DnsQuestion, DnsReply, DnsStatus, ExtendedError, Transport};
pub use dnssec::{Security, Validation};
pub use http::{
    Body, Fetched, HEADERS, HTTPS_PORT, HttpEnd, HttpFetch, HttpReply, HttpRequest, HttpStage, LARGEST_BODY,
    LONGEST_PATH,
};
pub use record::{CharacterString, DnsRecord, RecordData, RecordType};
pub use smtp::{
    Direction, EnhancedCode, ProbeReply, RELAY_RECIPIENT, RELAY_SENDER, SessionEnd, SmtpAnswer, SmtpEnvelope,
    SmtpProbe, SmtpReply, SmtpRequest, Stage, StartTls, TlsState, TranscriptLine,
};
pub use tls::{CertificateFacts, TlsFacts, Verification};

/// One DNS question: [`DnsQuestion`] → [`DnsReply`].
pub const DNS_LOOKUP: &str = "dns.lookup/1";
/// One SMTP session: [`SmtpRequest`] → [`SmtpReply`].
pub const SMTP_SESSION: &str = "smtp.session/1";
/// One HTTPS GET: [`HttpRequest`] → [`HttpReply`].
pub const HTTP_GET: &str = "http.get/1";
/// A wait: `{"ms": n}` → `{}`.
pub const CLOCK_SLEEP: &str = "clock.sleep/1";
