//! What was seen of a domain's mail exchangers.

use std::{collections::BTreeMap, net::IpAddr};

use engine_plugin_api::{
    Cause, Evidence, EvidenceId, Observed, Span,
    services::{DnsRecord, DnsReply, DnsStatus, RecordData},
};

/// Everything that the judge needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The mail domain, A-labels.
    pub domain: String,
    /// Its MX records, in the order in which senders try them.
    pub mx: Observed<Answer<MxRecord>>,
    /// Its own addresses, which stand in for missing MX records (RFC 5321 §5.1).
    pub own: Host,
    /// The addresses of the exchanges that were looked up, by name.
    pub exchanges: BTreeMap<String, Host>,
    /// What each authoritative server says; empty where there is nothing to compare.
    pub servers: Observed<Vec<NameServer>>,
}

/// What the DNS says to one question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer<T> {
    /// The observation.
    pub evidence: EvidenceId,
    /// The name exists; false is NXDOMAIN.
    pub exists: bool,
    /// The zone that says that there is nothing, where it does.
    pub denied_by: Option<String>,
    /// The targets of the aliases that lead from the name to the records.
    pub aliases: Vec<String>,
    /// The records, sorted; empty for NODATA and NXDOMAIN.
    pub records: Vec<T>,
}

impl Facts {
    /// The name whose records count: the domain, or the end of its aliases.
    pub fn owner(&self) -> &str {
        self.mx.known().and_then(|mx| mx.aliases.last()).unwrap_or(&self.domain)
    }
}

impl<T: Ord> Answer<T> {
    /// Reads a reply, of which `read` takes the records that it wants.
    pub fn of(reply: &DnsReply, read: impl Fn(&DnsRecord) -> Option<T>) -> Observed<Self> {
        if let Some(cause) = reply.cause() {
            return Observed::Unknown(cause);
        }
        let mut records: Vec<T> = reply.records().filter_map(read).collect();
        records.sort();
        records.dedup();
        Observed::Known(Answer {
            evidence: reply.evidence.clone(),
            exists: reply.status != DnsStatus::NxDomain,
            denied_by: reply
                .authority
                .iter()
                .find(|record| matches!(record.data, RecordData::Soa { .. }))
                .map(|soa| soa.name.clone()),
            aliases: reply.aliases().into_iter().map(str::to_owned).collect(),
            records,
        })
    }
}

/// An MX record. Ordered as senders try them: by preference, then by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MxRecord {
    /// Lower is tried first.
    pub preference: u16,
    /// The host, without the final dot; `.` for the null MX (RFC 7505).
    pub exchange: String,
    /// Seconds that the record may be kept.
    pub ttl: u32,
    /// The record as a zone file has it.
    pub text: String,
}

impl MxRecord {
    /// Reads an MX record; `None` for any other.
    pub fn read(record: &DnsRecord) -> Option<Self> {
        match &record.data {
            RecordData::Mx { preference, exchange } => Some(MxRecord {
                preference: *preference,
                exchange: exchange.clone(),
                ttl: record.ttl,
                text: record.to_string(),
            }),
            _ => None,
        }
    }

    /// Whether it is the null MX.
    pub fn is_null(&self) -> bool {
        self.exchange == "."
    }

    /// The data, ready to paste: `10 mail.example.org.`.
    pub fn value(&self) -> String {
        if self.is_null() {
            format!("{} .", self.preference)
        } else {
            format!("{} {}.", self.preference, self.exchange)
        }
    }

    /// The record as evidence, with a caret under the exchange.
    pub fn at_exchange(&self, seen_in: &EvidenceId, label: &str) -> Evidence {
        let dot = usize::from(!self.is_null());
        let end = self.text.len().saturating_sub(dot);
        let start = end.saturating_sub(self.exchange.len());
        Evidence::quoting(seen_in, &self.text).at(Span::new(start, end), label)
    }

    /// The record as evidence, with a caret under the part of the exchange
    /// that `span` names.
    pub fn at_part(&self, seen_in: &EvidenceId, span: Span, label: &str) -> Evidence {
        let start = self.text.len().saturating_sub(self.exchange.len() + 1);
        Evidence::quoting(seen_in, &self.text).at(span.shifted(start), label)
    }

    /// The record as evidence, with a caret under the preference.
    pub fn at_preference(&self, seen_in: &EvidenceId, label: &str) -> Evidence {
        let start = self.text.len().saturating_sub(self.value().len());
        let end = start + self.preference.to_string().len();
        Evidence::quoting(seen_in, &self.text).at(Span::new(start, end), label)
    }
}

/// An A or AAAA record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    /// The address.
    pub ip: IpAddr,
    /// Seconds that the record may be kept.
    pub ttl: u32,
    /// The record as a zone file has it.
    pub text: String,
}

impl Address {
    /// Reads an A or AAAA record; `None` for any other.
    pub fn read(record: &DnsRecord) -> Option<Self> {
        Some(Address { ip: record.address()?, ttl: record.ttl, text: record.to_string() })
    }

    /// The mnemonic of its type.
    pub fn rtype(&self) -> &'static str {
        if self.ip.is_ipv4() { "A" } else { "AAAA" }
    }

    /// Whether senders on the internet can reach it.
    pub fn is_public(&self) -> bool {
        ip_scope::is_global(self.ip)
    }
}

/// The addresses of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Its A records.
    pub v4: Observed<Answer<Address>>,
    /// Its AAAA records.
    pub v6: Observed<Answer<Address>>,
}

impl Host {
    /// Every address that is known, IPv4 first.
    pub fn addresses(&self) -> impl Iterator<Item = &Address> {
        self.answers().flat_map(|answer| &answer.records)
    }

    /// What is known of it.
    pub fn answers(&self) -> impl Iterator<Item = &Answer<Address>> {
        [&self.v4, &self.v6].into_iter().filter_map(Observed::known)
    }

    /// Why something of it is not known. NXDOMAIN to one type holds for both
    /// (RFC 8020 §2), so that the other one is not missed then.
    pub fn gap(&self) -> Option<&Cause> {
        match self.exists() {
            false => None,
            true => self.v4.unknown().or(self.v6.unknown()),
        }
    }

    /// Whether the name may exist: no answer says NXDOMAIN.
    pub fn exists(&self) -> bool {
        self.answers().all(|answer| answer.exists)
    }

    /// The targets of the aliases that the name leads through; empty for a
    /// name that is no alias, as far as is known.
    pub fn aliases(&self) -> &[String] {
        self.answers().map(|answer| answer.aliases.as_slice()).find(|chain| !chain.is_empty()).unwrap_or_default()
    }
}

/// What one authoritative server of the domain says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameServer {
    /// Its name.
    pub name: String,
    /// The MX records that it serves, with authority.
    pub mx: Observed<Answer<MxRecord>>,
}
