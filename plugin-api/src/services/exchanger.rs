//! `smtp.look/1` and `smtp.survey/1`: the two standard sessions with a mail exchanger.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::smtp::{SmtpEnvelope, SmtpProbe, SmtpRequest};

/// The envelope sender with which a survey looks for an open relay.
pub const RELAY_SENDER: &str = "postmaster@debian.org";

/// The recipient with which a survey looks for an open relay: a mailbox that has
/// to exist (RFC 5321 §4.5.1), at a domain with an ordinary MX. It never gets a
/// message, since DATA is never sent.
pub const RELAY_RECIPIENT: &str = "postmaster@ietf.org";

/// A mail exchanger to look at, on port 25.
///
/// A run holds one session with it, whoever asks and however often: the survey
/// where any check of the run names `smtp.survey/1` in its manifest, and otherwise
/// the session that a look needs. Nothing but the plan of the run decides which.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct MailExchanger {
    /// The exchanger's name, for TLS and messages.
    pub host: String,
    /// The address to connect to.
    #[schemars(with = "String")]
    pub address: IpAddr,
    /// The domain that it takes mail for; a survey asks for the postmaster there.
    pub domain: String,
}

impl MailExchanger {
    /// The exchanger `host` of `domain` at one of its addresses.
    pub fn new(host: impl Into<String>, address: IpAddr, domain: impl Into<String>) -> Self {
        MailExchanger { host: host.into(), address, domain: domain.into() }
    }

    /// The session that a look needs: the greeting, EHLO, STARTTLS if offered and
    /// EHLO again, QUIT.
    pub fn look(&self) -> SmtpRequest {
        SmtpRequest::new(self.host.clone(), self.address)
    }

    /// The session of a survey. It shows all that a look does, and then what comes
    /// of the null sender to the postmaster of the domain, of a foreign sender to a
    /// foreign recipient, and of VRFY and EXPN of the postmaster.
    pub fn survey(&self) -> SmtpRequest {
        let postmaster = format!("postmaster@{}", self.domain);
        SmtpRequest {
            envelope: Some(SmtpEnvelope::new("", &postmaster)),
            probes: vec![
                SmtpProbe::Envelope(SmtpEnvelope::new(RELAY_SENDER, RELAY_RECIPIENT)),
                SmtpProbe::Verify(postmaster.clone()),
                SmtpProbe::Expand(postmaster),
            ],
            ..self.look()
        }
    }
}
