//! `dns.lookup/1`: one question and everything that came of it.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::record::{DnsRecord, RecordData, RecordType};
use crate::{
    evidence::EvidenceId,
    outcome::{Cause, CauseKind, Observed},
};

/// One DNS question.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct DnsQuestion {
    /// The name, A-labels, with or without the final dot. Never completed by a search list.
    pub name: String,
    /// The type.
    pub rtype: RecordType,
    /// Ask this server, port 53, without recursion, instead of the run's resolver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub server: Option<IpAddr>,
    /// Ask for DNSSEC records (the DO bit, RFC 3225).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dnssec: bool,
}

impl DnsQuestion {
    /// A question to the run's resolver. The name is lower-cased and loses its
    /// final dot, so that equal questions are equal.
    pub fn new(name: &str, rtype: RecordType) -> Self {
        DnsQuestion { name: normal(name), rtype, server: None, dnssec: false }
    }

    /// Asks `server` itself, without recursion.
    pub fn at(mut self, server: IpAddr) -> Self {
        self.server = Some(server);
        self
    }
}

fn normal(name: &str) -> String {
    match name.strip_suffix('.').unwrap_or(name) {
        "" => ".".to_owned(),
        name => name.to_ascii_lowercase(),
    }
}

/// How a question was answered. The first three are answers; no other says
/// anything about the domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DnsStatus {
    /// There are records of the type asked for.
    Answer,
    /// The name exists and has none of that type (RFC 2308 §2.2).
    NoData,
    /// The name does not exist (RFC 2308 §2.1).
    NxDomain,
    /// SERVFAIL: the resolver could not find out.
    ServFail,
    /// SERVFAIL because DNSSEC validation failed, as the resolver's extended error says.
    Bogus,
    /// REFUSED: the server will not answer us.
    Refused,
    /// Another error code.
    ErrorCode,
    /// No answer in time.
    Timeout,
    /// The answer was cut short, and TCP did not help.
    Truncated,
    /// The server could not be reached, or broke the connection.
    Unreachable,
    /// The answer could not be read.
    Malformed,
    /// The host did not carry out the question.
    NotAsked,
    /// Something else, which is no answer; also any word that this version does not know.
    #[serde(other)]
    Other,
}

/// The transport that an answer came over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// UDP.
    Udp,
    /// TCP.
    Tcp,
    /// One that this version does not know.
    #[serde(other)]
    Other,
}

/// The flags of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct DnsFlags {
    /// AA: the server speaks for the zone.
    pub authoritative: bool,
    /// RA: the server recurses for us.
    pub recursion_available: bool,
    /// AD: the resolver has validated the answer with DNSSEC.
    pub authentic: bool,
}

/// An extended DNS error (RFC 8914).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct ExtendedError {
    /// The code of the IANA registry.
    pub code: u16,
    /// The server's own words, possibly empty.
    pub text: String,
}

/// One try at one server.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct DnsAttempt {
    /// The server that was asked.
    pub server: String,
    /// How it was asked.
    pub transport: Transport,
    /// What came of it.
    pub status: DnsStatus,
    /// Microseconds until it came or was given up.
    pub took_us: u64,
}

/// What lies between the resolver and us: whether its AD flag can be believed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Channel {
    /// The resolver is on this machine.
    Loopback,
    /// The user says that the way is safe.
    Trusted,
    /// A network that others may write into; also any word that this version does not know.
    #[default]
    #[serde(other)]
    Open,
}

impl Channel {
    fn is_open(&self) -> bool {
        *self == Channel::Open
    }
}

/// What came of a question.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct DnsReply {
    /// Names this observation.
    pub evidence: EvidenceId,
    /// What was asked.
    pub question: DnsQuestion,
    /// How it was answered.
    pub status: DnsStatus,
    /// What happened, as a fragment, where `status` is no answer: for example
    /// `no answer from 192.0.2.53 in 5 s`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// The response code, where an answer came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rcode: Option<u16>,
    /// The flags of the answer.
    #[serde(default)]
    pub flags: DnsFlags,
    /// The way that the answer came.
    #[serde(default, skip_serializing_if = "Channel::is_open")]
    pub channel: Channel,
    /// The answer section in the order of the wire, aliases included.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<DnsRecord>,
    /// The authority section.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authority: Vec<DnsRecord>,
    /// Extended errors that came with the answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extended_errors: Vec<ExtendedError>,
    /// Every try, in order; the last is the one that counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<DnsAttempt>,
    /// Set where the host did not carry out the question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Cause>,
}

impl DnsReply {
    /// The reply to a question that the host did not carry out.
    pub fn not_asked(question: DnsQuestion, cause: Cause) -> Self {
        DnsReply {
            evidence: EvidenceId::default(),
            question,
            status: DnsStatus::NotAsked,
            detail: cause.detail.clone(),
            rcode: None,
            flags: DnsFlags::default(),
            channel: Channel::Open,
            answers: Vec::new(),
            authority: Vec::new(),
            extended_errors: Vec::new(),
            attempts: Vec::new(),
            refusal: Some(cause),
        }
    }

    /// The records of the type asked for, at the name or at the end of its
    /// alias chain, in the order of the wire.
    pub fn records(&self) -> impl Iterator<Item = &DnsRecord> {
        self.answers.iter().filter(|record| record.rtype == self.question.rtype)
    }

    /// The addresses in the answer to an A or AAAA question, in its order.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.records().filter_map(DnsRecord::address)
    }

    /// The alias chain from the name asked for: the target of each CNAME in
    /// turn; empty when the name is no alias. Ends at a loop.
    pub fn aliases(&self) -> Vec<&str> {
        let mut chain: Vec<&str> = Vec::new();
        let mut name = self.question.name.as_str();
        while let Some(target) = self.answers.iter().find_map(|record| match &record.data {
            RecordData::Cname { target } if record.name == name => Some(target.as_str()),
            _ => None,
        }) {
            if chain.contains(&target) {
                break;
            }
            chain.push(target);
            name = target;
        }
        chain
    }

    /// The name at which the records stand, and at which another would have to be
    /// published: the end of the aliases, beside which no other record can be
    /// (RFC 1034 §3.6.2), or the name asked for.
    pub fn home(&self) -> &str {
        self.aliases().last().copied().unwrap_or(&self.question.name)
    }

    /// The records, empty where the name or the type does not exist; unknown
    /// where no answer came.
    pub fn observed(&self) -> Observed<Vec<DnsRecord>> {
        match self.cause() {
            Some(cause) => Observed::Unknown(cause),
            None => Observed::Known(self.records().cloned().collect()),
        }
    }

    /// The texts of the TXT or SPF records, each joined from its strings without a
    /// space, what is no UTF-8 as U+FFFD; unknown where no answer came.
    pub fn texts(&self) -> Observed<Vec<String>> {
        match self.cause() {
            Some(cause) => Observed::Unknown(cause),
            None => {
                let joined = self.records().filter_map(|record| record.joined_text());
                Observed::Known(joined.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).collect())
            }
        }
    }

    /// Why there is no answer; `None` for an answer, NODATA and NXDOMAIN.
    pub fn cause(&self) -> Option<Cause> {
        let kind = match self.status {
            DnsStatus::Answer | DnsStatus::NoData | DnsStatus::NxDomain => return None,
            DnsStatus::ServFail | DnsStatus::ErrorCode => CauseKind::ServerFailure,
            DnsStatus::Bogus => CauseKind::Bogus,
            DnsStatus::Refused => CauseKind::Refused,
            DnsStatus::Timeout => CauseKind::Timeout,
            DnsStatus::Truncated => CauseKind::Truncated,
            DnsStatus::Unreachable => CauseKind::Unreachable,
            DnsStatus::Malformed => CauseKind::Malformed,
            DnsStatus::NotAsked => return self.refusal.clone(),
            DnsStatus::Other => CauseKind::Other,
        };
        Some(Cause::new(kind, self.detail.clone()).seen_in(&self.evidence))
    }
}
