//! What was seen: who was looked up, and what each list answered.

use std::net::{IpAddr, Ipv4Addr};

use engine_plugin_api::{Cause, EvidenceId};

/// Everything that the judge needs to know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The target, as findings about the whole name it.
    pub target: String,
    /// Who was looked up. Lookups point into this by index.
    pub subjects: Vec<Subject>,
    /// Addresses that could not be found out.
    pub missing: Vec<Missing>,
    /// Addresses that are not public: no list holds such.
    pub not_public: Vec<IpAddr>,
    /// How many addresses the bound cut off.
    pub cut: usize,
    /// The domain accepts no mail (RFC 7505).
    pub null_mx: bool,
    /// What each list of the plan answered, in the plan's order.
    pub lists: Vec<ListFacts>,
    /// Whether the DNS gave any answer at all.
    pub answered: bool,
}

/// Somebody who was looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The address or domain.
    pub what: What,
    /// Why it was looked up.
    pub origin: Origin,
}

/// An address or a domain.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// An address.
    Address(IpAddr),
    /// A domain, A-labels.
    Domain(String),
}

/// Why something was looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The user gave it as the sending address.
    Given,
    /// It is an address of this mail exchanger.
    Exchange(String),
    /// It is the domain, or that of the sender.
    Domain,
}

/// Addresses that could not be found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The name whose addresses or exchanges were asked for.
    pub name: String,
    /// Whether it is the exchanges that are missing, not their addresses.
    pub exchanges: bool,
    /// Why.
    pub cause: Cause,
}

/// What one list answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListFacts {
    /// Its test entries, as far as they were asked.
    pub canary: Option<CanaryFacts>,
    /// Its IPv6 test entries.
    pub canary_ipv6: Option<CanaryFacts>,
    /// Its answers.
    pub lookups: Vec<Lookup>,
}

/// The answers of a list's test entries (RFC 5782 §5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanaryFacts {
    /// Entries of which one must be listed.
    pub listed: Vec<Answer>,
    /// The entry that must not be; absent where the list may hold it.
    pub unlisted: Option<Answer>,
}

/// One look-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// Whose: an index into [`Facts::subjects`].
    pub subject: usize,
    /// The answer.
    pub answer: Answer,
    /// The list's own words about the listing, where it has any.
    pub text: Option<Text>,
}

/// The list's own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// The observation.
    pub evidence: EvidenceId,
    /// The words, without any key.
    pub text: String,
}

/// What a list answered to one question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// These addresses.
    Addresses {
        /// The observation.
        evidence: EvidenceId,
        /// The name that was asked for, without any key.
        name: String,
        /// Sorted.
        addresses: Vec<Ipv4Addr>,
        /// Seconds that the answer may be kept.
        ttl: u32,
    },
    /// NXDOMAIN or NODATA.
    Absent,
    /// No answer came.
    Unanswered(Cause),
}

impl What {
    /// Whether it is an IPv6 address.
    pub fn is_ipv6(&self) -> bool {
        matches!(self, What::Address(IpAddr::V6(_)))
    }

    /// Whether it is a domain.
    pub fn is_domain(&self) -> bool {
        matches!(self, What::Domain(_))
    }

    /// How a question names it: the address reversed (RFC 5782 §2.1, §2.4), or
    /// the domain itself (§3).
    pub fn label(&self) -> String {
        match self {
            What::Address(IpAddr::V4(ip)) => {
                let [a, b, c, d] = ip.octets();
                format!("{d}.{c}.{b}.{a}")
            }
            What::Address(IpAddr::V6(ip)) => ip
                .octets()
                .iter()
                .rev()
                .map(|octet| format!("{:x}.{:x}", octet & 15, octet >> 4))
                .collect::<Vec<_>>()
                .join("."),
            What::Domain(name) => name.clone(),
        }
    }
}

impl std::fmt::Display for What {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            What::Address(ip) => ip.fmt(f),
            What::Domain(name) => f.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_address_is_asked_for_backwards() {
        let label = |text: &str| What::Address(text.parse().unwrap()).label();
        assert_eq!(label("25.25.6.1"), "1.6.25.25");
        // RFC 5782 §2.4
        assert_eq!(
            label("2001:db8:1:2:3:4:567:89ab"),
            "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2"
        );
    }
}
