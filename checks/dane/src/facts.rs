//! What was seen of DANE at a domain's exchanges.

use engine_plugin_api::{
    EvidenceId,
    services::{DnsReply, RecordData, Security, SmtpReply},
};

/// Everything that the judge needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The mail domain, A-labels.
    pub domain: String,
    /// The DNSSEC status of its MX records.
    pub mx: Security,
    /// The observation of them.
    pub evidence: EvidenceId,
    /// The exchanges, in the order in which senders try them.
    pub exchanges: Vec<Exchange>,
}

/// A mail exchanger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// The preference of its MX record; none for an implicit MX.
    pub preference: Option<u16>,
    /// The host name.
    pub name: String,
    /// The DNSSEC status of its addresses, that of the worse family.
    pub addresses: Security,
    /// The name that the TLSA records are for: the host's, or the one that an
    /// alias leads to (RFC 7672 §2.2.2).
    pub base: String,
    /// The answer for the TLSA records.
    pub tlsa: DnsReply,
    /// Its DNSSEC status.
    pub tlsa_status: Security,
    /// The sessions with its addresses; none were held without TLSA records.
    pub sessions: Vec<SmtpReply>,
}

impl Exchange {
    /// The TLSA records, with their texts.
    pub fn records(&self) -> Vec<(dane::Tlsa<'_>, String)> {
        let tlsa = |record: &engine_plugin_api::services::DnsRecord| record.to_string();
        self.tlsa
            .records()
            .filter_map(|record| match &record.data {
                RecordData::Tlsa { usage, selector, matching, data } => {
                    Some((dane::Tlsa { usage: *usage, selector: *selector, matching: *matching, data }, tlsa(record)))
                }
                _ => None,
            })
            .collect()
    }

    /// The name that senders ask for TLSA records.
    pub fn owner(&self) -> String {
        tlsa_name(&self.base)
    }

    /// The name at which the TLSA records stand: that, or the end of its
    /// aliases, beside which there can be no other record (RFC 1034 §3.6.2).
    pub fn home(&self) -> String {
        self.tlsa.aliases().last().map_or_else(|| self.owner(), |end| (*end).to_owned())
    }
}

/// The name of the TLSA records of a mail exchanger (RFC 7672 §2.2.3).
pub fn tlsa_name(host: &str) -> String {
    format!("_25._tcp.{host}")
}
