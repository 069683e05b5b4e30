//! What was seen of our own side.

use std::net::{IpAddr, Ipv4Addr};

use engine_plugin_api::{
    Cause, CauseKind, EvidenceId, Observed,
    services::{DnsReply, DnsStatus, RecordData, SessionEnd, SmtpReply, Stage},
};

/// Everything that the judge needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// What the resolver says of the root, asked with DNSSEC.
    pub root: Lookup,
    /// What it says of the name with wrong signatures, if that was asked for.
    pub bogus: Option<Lookup>,
    /// What it says of names that do not exist.
    pub absent: Vec<Lookup>,
    /// What blocklists say of their test entries, by zone.
    pub lists: Vec<(String, Lookup)>,
    /// What became of the large providers' exchanges; empty when none was asked.
    pub hosts: Vec<Host>,
}

/// A question to the resolver, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// The name that was asked for.
    pub name: String,
    /// The observation.
    pub evidence: EvidenceId,
    /// How it was answered.
    pub status: DnsStatus,
    /// Why there is no answer, where there is none.
    pub cause: Option<Cause>,
    /// Whether the resolver says that it has validated the answer (AD).
    pub authentic: bool,
    /// The addresses of the answer.
    pub addresses: Vec<Ipv4Addr>,
    /// The resolver's own words with a failure (RFC 8914), possibly empty.
    pub words: String,
}

/// One of the providers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// The domain as the settings name it.
    pub domain: String,
    /// Its most preferred exchange; unknown where the DNS does not tell.
    pub exchange: Observed<String>,
    /// What became of the connection over IPv4; `None` without an address.
    pub v4: Option<Contact>,
    /// What became of the connection over IPv6; `None` without an address, or
    /// where enough others were tried.
    pub v6: Option<Contact>,
}

/// A connection to port 25.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// The address.
    pub ip: IpAddr,
    /// The observation.
    pub evidence: EvidenceId,
    /// What became of it.
    pub fate: Fate,
}

/// What became of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It was made; whatever the server said.
    Reached,
    /// It was refused, or nothing came back.
    Failed(Cause),
    /// Our own system cannot reach the address at all.
    OurSide(Cause),
    /// It was not tried, for this cause.
    Unknown(Cause),
}

impl Lookup {
    /// Reads a reply.
    pub fn of(reply: &DnsReply) -> Self {
        Lookup {
            name: reply.question.name.clone(),
            evidence: reply.evidence.clone(),
            status: reply.status,
            cause: reply.cause(),
            authentic: reply.flags.authentic,
            addresses: reply
                .records()
                .filter_map(|record| match record.data {
                    RecordData::A { address } => Some(address),
                    _ => None,
                })
                .collect(),
            words: reply.extended_errors.first().map(|error| error.text.clone()).unwrap_or_default(),
        }
    }
}

impl Contact {
    /// Reads what came of a session.
    pub fn of(reply: &SmtpReply) -> Self {
        let other = || Cause::new(CauseKind::Other, "the session ended without a cause");
        let cause = reply.cause().unwrap_or_else(other);
        let fate = match &reply.end {
            SessionEnd::NotHeld { .. } if cause.kind == CauseKind::OurSide => Fate::OurSide(cause),
            SessionEnd::NotHeld { .. } | SessionEnd::Other => Fate::Unknown(cause),
            SessionEnd::Broken { stage: Stage::Connect, .. } | SessionEnd::TimedOut { stage: Stage::Connect, .. } => {
                Fate::Failed(cause)
            }
            _ => Fate::Reached,
        };
        Contact { ip: reply.address, evidence: reply.evidence.clone(), fate }
    }

    /// Whether the connection was made.
    pub fn is_reached(&self) -> bool {
        self.fate == Fate::Reached
    }

    /// Why there is no connection.
    pub fn cause(&self) -> Option<&Cause> {
        match &self.fate {
            Fate::Reached => None,
            Fate::Failed(cause) | Fate::OurSide(cause) | Fate::Unknown(cause) => Some(cause),
        }
    }
}
