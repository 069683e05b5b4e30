//! The host's services: their names, requests and answers.
//!
//! [`SERVICES`] lists them with what a call costs; `docs/reference/services.md` is
//! made from it.

mod catalogue;
mod dns;
mod dnssec;
mod exchanger;
mod http;
mod record;
mod smtp;
mod tls;

pub use catalogue::{SERVICES, Service, Sleep, Slept};
pub use dns::{Channel, DnsAttempt, DnsFlags, DnsQuestion, DnsReply, DnsStatus, ExtendedError, Transport};
pub use dnssec::{Security, Validation};
pub use exchanger::{MailExchanger, RELAY_RECIPIENT, RELAY_SENDER};
pub use http::{
    Body, Fetched, HEADERS, HTTPS_PORT, HttpEnd, HttpFetch, HttpReply, HttpRequest, HttpStage, LARGEST_BODY,
    LONGEST_PATH,
};
pub use record::{CharacterString, DnsRecord, RecordData, RecordType};
pub use smtp::{
    Direction, EnhancedCode, ProbeReply, SessionEnd, SmtpAnswer, SmtpEnvelope, SmtpProbe, SmtpReply, SmtpRequest,
    Stage, StartTls, TlsState, TranscriptLine,
};
pub use tls::{CertificateFacts, TlsFacts, Verification};

/// One DNS question: [`DnsQuestion`] → [`DnsReply`].
pub const DNS_LOOKUP: &str = "dns.lookup/1";
/// One SMTP session: [`SmtpRequest`] → [`SmtpReply`].
pub const SMTP_SESSION: &str = "smtp.session/1";
/// What an exchanger shows until TLS is up: [`MailExchanger`] → [`SmtpReply`].
pub const SMTP_LOOK: &str = "smtp.look/1";
/// The standard survey of an exchanger: [`MailExchanger`] → [`SmtpReply`].
pub const SMTP_SURVEY: &str = "smtp.survey/1";
/// One HTTPS GET: [`HttpRequest`] → [`HttpReply`].
pub const HTTP_GET: &str = "http.get/1";
/// A wait: `{"ms": n}` → `{}`.
pub const CLOCK_SLEEP: &str = "clock.sleep/1";
