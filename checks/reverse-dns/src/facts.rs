//! What was seen of addresses and their names.

use std::net::IpAddr;

use engine_plugin_api::{
    Cause, Evidence, EvidenceId, Observed, Span,
    services::{DnsReply, DnsStatus, RecordData},
};

/// Everything that the DNS tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The mail domain, if one was given.
    pub domain: Option<String>,
    /// The given sending address that is not public, so that its name is nobody's business.
    pub not_public: Option<IpAddr>,
    /// Names whose addresses, or exchanges, could not be looked up, and why.
    pub gaps: Vec<(String, Cause)>,
    /// The addresses: the given one first.
    pub addresses: Vec<Address>,
    /// How many more addresses there are.
    pub left_out: usize,
    /// The name given with HELO, if one was given.
    pub helo: Option<Helo>,
}

/// An address and its names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The address.
    pub ip: IpAddr,
    /// Whether it is the given address, which sends.
    pub sends: bool,
    /// The exchanges that have it, most preferred first.
    pub exchanges: Vec<String>,
    /// The host itself behind the first of them: the end of its aliases, or it.
    pub host: Option<String>,
    /// Its PTR records.
    pub ptr: Observed<Ptr>,
    /// The names of those records that can be looked up, each with its addresses.
    pub names: Vec<(String, Observed<Forward>)>,
}

/// The answer to a PTR question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ptr {
    /// The observation.
    pub evidence: EvidenceId,
    /// The name asked for exists; false is NXDOMAIN.
    pub exists: bool,
    /// The name whose records count: that of the address, or the end of its
    /// aliases (RFC 2317).
    pub owner: String,
    /// The records, sorted.
    pub records: Vec<PtrRecord>,
    /// Seconds that the answer "there is none" may be kept (RFC 2308 §5).
    pub negative_ttl: Option<u32>,
}

/// A PTR record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PtrRecord {
    /// The name that the address has.
    pub name: String,
    /// Seconds that the record may be kept.
    pub ttl: u32,
    /// The record as a zone file has it.
    pub text: String,
}

/// The addresses of a name, of one family or both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forward {
    /// The observation.
    pub evidence: EvidenceId,
    /// The name exists; false is NXDOMAIN.
    pub exists: bool,
    /// The targets of the aliases that lead from the name to its addresses.
    pub aliases: Vec<String>,
    /// The addresses, sorted.
    pub addresses: Vec<IpAddr>,
    /// The first alias record, as a zone file has it.
    pub alias_text: Option<String>,
}

/// The name given with HELO or EHLO.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Helo {
    /// As given.
    pub text: String,
    /// Its addresses, IPv4 and IPv6; `None` for what is no name to look up.
    pub addresses: Option<[Observed<Forward>; 2]>,
}

/// How a server greets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Banner {
    /// The exchange.
    pub exchange: String,
    /// Its address.
    pub ip: IpAddr,
    /// The observation.
    pub evidence: EvidenceId,
    /// The greeting's text after its code, its first line.
    pub greeting: Option<String>,
    /// The reply to EHLO after its code, its first line.
    pub ehlo: Option<String>,
}

impl Address {
    /// The records, none where nothing is known.
    pub fn records(&self) -> &[PtrRecord] {
        self.ptr.known().map(|ptr| ptr.records.as_slice()).unwrap_or_default()
    }

    /// The names that lead back to the address.
    pub fn confirming(&self) -> impl Iterator<Item = &str> {
        self.names
            .iter()
            .filter(|(_, forward)| forward.known().is_some_and(|forward| forward.addresses.contains(&self.ip)))
            .map(|(name, _)| name.as_str())
    }

    /// How it is called in a sentence: `25.25.1.1 (mx1.example)`.
    pub fn shown(&self) -> String {
        match self.exchanges.first() {
            Some(exchange) => format!("{} ({exchange})", self.ip),
            None => self.ip.to_string(),
        }
    }
}

impl Ptr {
    /// Reads the reply to a PTR question.
    pub fn of(reply: &DnsReply) -> Observed<Self> {
        if let Some(cause) = reply.cause() {
            return Observed::Unknown(cause);
        }
        let mut records: Vec<PtrRecord> = reply
            .records()
            .filter_map(|record| match &record.data {
                RecordData::Ptr { target } => {
                    Some(PtrRecord { name: target.clone(), ttl: record.ttl, text: record.to_string() })
                }
                _ => None,
            })
            .collect();
        records.sort();
        records.dedup_by(|a, b| a.name == b.name);
        Observed::Known(Ptr {
            evidence: reply.evidence.clone(),
            exists: reply.status != DnsStatus::NxDomain,
            owner: reply.home().to_owned(),
            records,
            negative_ttl: reply.authority.iter().find_map(|record| match record.data {
                RecordData::Soa { minimum, .. } => Some(record.ttl.min(minimum)),
                _ => None,
            }),
        })
    }
}

impl PtrRecord {
    /// The record as evidence, with a caret under the name.
    pub fn at_name(&self, seen_in: &EvidenceId, label: &str) -> Evidence {
        let end = self.text.len().saturating_sub(usize::from(self.name != "."));
        let start = end.saturating_sub(self.name.len());
        Evidence::quoting(seen_in, &self.text).at(Span::new(start, end), label)
    }
}

impl Forward {
    /// Reads the reply to an A or AAAA question.
    pub fn of(reply: &DnsReply) -> Observed<Self> {
        if let Some(cause) = reply.cause() {
            return Observed::Unknown(cause);
        }
        let mut addresses: Vec<IpAddr> = reply.addresses().collect();
        addresses.sort();
        addresses.dedup();
        let alias = reply.answers.iter().find(|record| matches!(record.data, RecordData::Cname { .. }));
        Observed::Known(Forward {
            evidence: reply.evidence.clone(),
            exists: reply.status != DnsStatus::NxDomain,
            aliases: reply.aliases().into_iter().map(str::to_owned).collect(),
            addresses,
            alias_text: alias.map(ToString::to_string),
        })
    }
}
