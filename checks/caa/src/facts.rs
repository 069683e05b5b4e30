//! What was seen of CAA records and of certificates.

use std::{collections::BTreeMap, net::IpAddr};

use engine_plugin_api::{Cause, EvidenceId, Observed, services::CertificateFacts};
use mail_syntax::caa;

/// Everything that the DNS tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The domain.
    pub domain: String,
    /// The domain does not exist (NXDOMAIN).
    pub domain_gone: bool,
    /// Its exchanges, most preferred first, with their addresses; unknown where the MX question failed.
    pub exchanges: Observed<Vec<(String, Vec<IpAddr>)>>,
    /// The CAA records at each name from the exchanges and the domain up.
    pub sets: BTreeMap<String, Observed<Set>>,
}

/// The CAA records of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set {
    /// The observation.
    pub evidence: EvidenceId,
    /// The name at which they stand: the one asked for, or the end of its aliases.
    pub home: String,
    /// The records in the order of the wire.
    pub properties: Vec<Property>,
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Property {
    /// The flags; 128 is *issuer critical*.
    pub flags: u8,
    /// The property, lower-case; empty where the data cannot be read.
    pub tag: String,
    /// Its value; what is no UTF-8 is U+FFFD.
    pub value: String,
    /// The data as a zone file has it.
    pub text: String,
}

/// The tags of which authorities ask who may issue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Certificates for a host.
    Host,
    /// Certificates for `*.name`; those of [`Purpose::Host`] without any of its own (RFC 8659 §4.3).
    Wildcard,
    /// S/MIME certificates (RFC 9495).
    Mail,
}

/// What an exchange showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The exchange.
    pub host: String,
    /// Its address.
    pub address: IpAddr,
    /// The observation.
    pub evidence: EvidenceId,
    /// The certificate, where it is one that a public authority vouches for.
    pub certificate: CertificateFacts,
}

/// The properties that are registered (IANA, Certification Authority Restriction Properties).
pub const TAGS: [&str; 10] =
    ["issue", "issuewild", "iodef", "issuemail", "issuevmc", "contactemail", "contactphone", "auth", "path", "policy"];
/// The flag *issuer critical*.
pub const CRITICAL: u8 = 128;

impl Property {
    /// Whether authorities must not issue at all because of it: it is critical, and none
    /// that any of them need know (RFC 8659 §4.1).
    pub fn forbids_all(&self) -> bool {
        self.flags & CRITICAL != 0 && !self.tag.is_empty() && !TAGS.contains(&self.tag.as_str())
    }
}

impl Set {
    /// Whether authorities must not issue whatever else stands there.
    pub fn is_blocked(&self) -> bool {
        self.properties.iter().any(Property::forbids_all)
    }

    /// The values of the property that counts for `purpose`; `None` where
    /// nothing restricts it.
    pub fn issuers(&self, purpose: Purpose) -> Option<Vec<(&Property, caa::Issue)>> {
        let of = |tag: &str| -> Vec<(&Property, caa::Issue)> {
            let mine = self.properties.iter().filter(|property| property.tag == tag);
            mine.map(|property| (property, caa::Issue::parse(&property.value))).collect()
        };
        let found = match purpose {
            Purpose::Host => of("issue"),
            Purpose::Mail => of("issuemail"),
            Purpose::Wildcard => {
                let wild = of("issuewild");
                if wild.is_empty() { of("issue") } else { wild }
            }
        };
        (!found.is_empty()).then_some(found)
    }
}

/// The names at which the records for `name` are looked for, itself first (RFC 8659 §3).
pub fn climb(name: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(name), |name| name.split_once('.').map(|(_, parent)| parent))
}

impl Facts {
    /// The records that count for `name`: those of the nearest name that has
    /// any. `Known(None)` where none has.
    pub fn relevant<'f>(&'f self, name: &'f str) -> Observed<Option<(&'f str, &'f Set)>> {
        for at in climb(name) {
            match self.sets.get(at) {
                Some(Observed::Known(set)) if set.properties.is_empty() => {}
                Some(Observed::Known(set)) => return Observed::Known(Some((at, set))),
                Some(Observed::Unknown(cause)) => return Observed::Unknown(cause.clone()),
                None => {}
            }
        }
        Observed::Known(None)
    }

    /// The name at which a record for `name` would have to stand.
    pub fn home<'f>(&'f self, name: &'f str) -> &'f str {
        self.sets.get(name).and_then(Observed::known).map_or(name, |set| set.home.as_str())
    }

    /// The exchanges' names.
    pub fn hosts(&self) -> impl Iterator<Item = &str> {
        self.exchanges.known().into_iter().flatten().map(|(name, _)| name.as_str())
    }

    /// Whether any exchange's certificates are restricted, so that they are worth a look.
    pub fn restricts_hosts(&self) -> bool {
        self.hosts().any(|host| {
            let relevant = self.relevant(host);
            let set = relevant.known().and_then(|found| found.as_ref());
            set.is_some_and(|(_, set)| set.issuers(Purpose::Wildcard).is_some())
        })
    }

    /// The first name whose records could not be had, and why.
    pub fn gap<'f>(&'f self, name: &'f str) -> Option<(&'f str, &'f Cause)> {
        climb(name).find_map(|at| Some((at, self.sets.get(at)?.unknown()?)))
    }
}
