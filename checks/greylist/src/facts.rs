//! What was seen at the recipient's server.

use std::net::IpAddr;
use std::time::Duration;

use engine_plugin_api::{
    Cause, EvidenceId,
    services::{SmtpAnswer, SmtpReply, Stage},
};

/// Everything that the judge needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The domain that the run is about, for the command that confirms.
    pub domain: String,
    /// The recipient, `local@domain`.
    pub recipient: String,
    /// The envelope sender that was used; empty for the null sender.
    pub sender: String,
    /// The sender that the user named, if any.
    pub sender_given: Option<String>,
    /// What came of it.
    pub outcome: Contact,
}

/// What came of the attempt to reach a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contact {
    /// There is no server to ask, and why: fits after "not applicable:".
    NoServer(String),
    /// The DNS does not say where the mail goes.
    NoRoute(Cause),
    /// No server could be asked.
    NoAnswer {
        /// Why, for each that was tried, in order.
        causes: Vec<Cause>,
        /// Whether one of them took the connection.
        connected: bool,
    },
    /// A server answered.
    Asked(Asked),
}

/// The attempts at one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Why the addresses tried before could not be asked.
    pub skipped: Vec<Cause>,
    /// The first attempt.
    pub first: Attempt,
    /// Later attempts, in order, with the same source, sender and recipient.
    pub later: Vec<Attempt>,
    /// Why a later attempt that was due was not answered.
    pub unfinished: Option<Cause>,
}

impl Asked {
    /// The last attempt.
    pub fn last(&self) -> &Attempt {
        self.later.last().unwrap_or(&self.first)
    }

    /// The time from the reply to the first attempt to that of `later`.
    pub fn elapsed(&self, later: &Attempt) -> Duration {
        let ms = later.answer.at_ms.saturating_sub(self.first.answer.at_ms);
        Duration::from_millis(u64::try_from(ms).unwrap_or(0))
    }

    /// Whether all attempts came from one address, as a confirmation needs.
    pub fn same_source(&self) -> bool {
        self.later.iter().all(|attempt| attempt.source == self.first.source)
    }
}

/// One attempt that the server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The observation.
    pub evidence: EvidenceId,
    /// The server's name.
    pub host: String,
    /// Its address.
    pub address: IpAddr,
    /// The address that we came from.
    pub source: Option<IpAddr>,
    /// The stage that decided it: RCPT, or an earlier one that was refused.
    pub stage: Stage,
    /// The reply there.
    pub answer: SmtpAnswer,
}

impl Attempt {
    /// Reads a session: the reply to RCPT, or the first refusal before it.
    ///
    /// # Errors
    /// Why there is neither.
    pub fn read(reply: &SmtpReply) -> Result<Self, Cause> {
        let refused = [(Stage::Greeting, &reply.greeting), (Stage::Ehlo, &reply.ehlo), (Stage::Mail, &reply.mail)]
            .into_iter()
            .filter_map(|(stage, answer)| answer.as_ref().map(|answer| (stage, answer)))
            .find(|(_, answer)| !answer.is_positive());
        let decided = refused.or(reply.recipients.first().map(|answer| (Stage::Rcpt, answer)));
        match decided {
            Some((stage, answer)) => Ok(Attempt {
                evidence: reply.evidence.clone(),
                host: reply.host.clone(),
                address: reply.address,
                source: reply.source,
                stage,
                answer: answer.clone(),
            }),
            None => Err(reply.cause().unwrap_or_else(|| {
                let what = format!("{} ({}) ended the session before RCPT TO", reply.host, reply.address);
                Cause::new(engine_plugin_api::CauseKind::Unreachable, what).seen_in(&reply.evidence)
            })),
        }
    }

    /// The server as `mx1.example.org (192.0.2.1)`; the address alone where it has no name.
    pub fn server(&self) -> String {
        let address = self.address.to_string();
        if self.host == address { address } else { format!("{} ({address})", self.host) }
    }
}
