//! What was seen.

use std::collections::BTreeMap;

use engine_plugin_api::{
    Cause, Evidence, EvidenceId, Observed,
    services::{DnsReply, DnsStatus, RecordData},
};
use mail_syntax::{
    dmarc::{Answers, Discovery, Found, Gap, Requested, Rules, Scope, Step, discover, organizational_domain, report},
    spf,
};

/// Everything that the judge knows.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The domain that is examined.
    pub domain: String,
    /// What stands at `_dmarc.` of each domain that a receiver may look at: those
    /// of the walk, and the organizational domain by the public suffix list.
    pub places: BTreeMap<String, Seen>,
    /// The same, as discovery takes it.
    pub known: Answers,
    /// The domain's own TXT records.
    pub texts: Seen,
    /// What stands at `_domainkey.` below the domain: where that name does not
    /// exist, no name below it does (RFC 8020), and so no key.
    pub keys: Seen,
    /// What stands at `_dmarc.` of a subdomain that nobody has made.
    pub probe: Seen,
    /// Where the domain's mail goes.
    pub mail: Lookup<Mail>,
    /// Whether the domain has an A, AAAA or MX record (RFC 9989 §3.2.13).
    pub exists: Observed<bool>,
    /// Texts at names where records are put by mistake; asked only where the domain
    /// has no record.
    pub elsewhere: Vec<(String, Seen)>,
    /// Subdomains that were looked at; only where the domain's policy is one that
    /// theirs can be weaker than.
    pub subdomains: Vec<Subdomain>,
    /// The hosts of the report addresses in the record that applies.
    pub hosts: Vec<Host>,
    /// How many more hosts the record names.
    pub hosts_left: usize,
}

/// The TXT records of a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The name asked for.
    pub name: String,
    /// The observation.
    pub evidence: EvidenceId,
    /// Why there is no answer.
    pub cause: Option<Cause>,
    /// Whether the name does not exist.
    pub is_absent: bool,
    /// The records; empty where there is none.
    pub texts: Vec<Text>,
    /// The name at which the records stand: that, or the end of its aliases.
    pub home: String,
}

/// A TXT record as it stands in the DNS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// Its strings in order.
    pub strings: Vec<Vec<u8>>,
    /// Seconds that it may be kept.
    pub ttl: u32,
}

/// A fact with the observation behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookup<T> {
    /// What was seen.
    pub value: Observed<T>,
    /// The observation.
    pub evidence: EvidenceId,
}

/// Whether a domain takes mail, as its MX records say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mail {
    /// It names exchanges.
    Accepted,
    /// It says that it takes none (RFC 7505).
    Refused,
    /// It has no MX record; the second says whether the name exists.
    Unsaid {
        /// Whether the name exists.
        exists: bool,
    },
}

/// A subdomain that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subdomain {
    /// Its name.
    pub name: String,
    /// What stands at its `_dmarc.`.
    pub dmarc: Seen,
    /// Where its mail goes.
    pub mail: Lookup<Mail>,
}

/// A host that reports are to be sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Its name.
    pub name: String,
    /// Whether it belongs to another organization, by RFC 7489 and by RFC 9989;
    /// `None` where that could not be told.
    pub external: [Option<bool>; 2],
    /// What it says of taking reports; asked only where it is external by either.
    pub authorization: Option<Seen>,
    /// Where its mail goes.
    pub mail: Lookup<Mail>,
    /// Whether it has an address; asked only where it has no MX record.
    pub address: Option<Lookup<bool>>,
}

impl Seen {
    /// A name that cannot be asked for, and so can hold nothing.
    pub fn nothing(name: String) -> Self {
        Seen { home: name.clone(), name, is_absent: true, ..Seen::default() }
    }

    /// Reads a reply.
    pub fn of(reply: &DnsReply) -> Self {
        let strings = |data: &RecordData| match data {
            RecordData::Txt { strings } => Some(strings.iter().map(|string| string.0.clone()).collect()),
            _ => None,
        };
        Seen {
            name: reply.question.name.clone(),
            evidence: reply.evidence.clone(),
            cause: reply.cause(),
            is_absent: reply.status == DnsStatus::NxDomain,
            texts: reply
                .records()
                .filter_map(|record| Some(Text { strings: strings(&record.data)?, ttl: record.ttl }))
                .collect(),
            home: reply.home().to_owned(),
        }
    }

    /// The texts, each joined from its strings.
    pub fn joined(&self) -> Vec<Vec<u8>> {
        self.texts.iter().map(|text| text.strings.concat()).collect()
    }

    /// The end of the aliases, where the name asked for is one.
    pub fn alias(&self) -> Option<&str> {
        (self.home != self.name).then_some(self.home.as_str())
    }

    /// The observation, quoting `text`.
    pub fn quote(&self, text: &str) -> Evidence {
        Evidence::quoting(&self.evidence, text)
    }

    /// The shortest life of the records, in seconds.
    pub fn ttl(&self) -> Option<u32> {
        self.texts.iter().map(|text| text.ttl).min()
    }
}

/// What the domain's SPF record lets pass, as far as the record itself shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spf {
    /// Not known.
    Unknown,
    /// There is no record.
    None,
    /// Several records, or one that receivers cannot read: `permerror`.
    Broken,
    /// `v=spf1 -all`, or as much: it authorises nobody.
    Closed,
    /// It authorises somebody.
    Open,
}

impl Facts {
    /// What stands at `_dmarc.` of `domain`.
    pub fn place(&self, domain: &str) -> Option<&Seen> {
        self.places.get(domain)
    }

    /// What discovery makes of the domain's own `_dmarc` name.
    pub fn own(&self) -> Step {
        Step::read(&self.domain, self.known.get(&self.domain))
    }

    /// How receivers find the domain's record.
    pub fn discovery(&self, rules: Rules) -> Discovery {
        discover(&self.domain, rules, &self.known)
    }

    /// How they find that of a subdomain without a record of its own.
    pub fn below(&self, rules: Rules) -> Discovery {
        let name = format!("subdomain.{}", self.domain);
        let mut known = self.known.clone();
        known.insert(&name, mail_syntax::dmarc::Lookup::Texts(Vec::new()));
        discover(&name, rules, &known)
    }

    /// The record to examine: the one that applies, by RFC 9989 where they differ;
    /// not that of a public suffix, which is somebody else's.
    pub fn record(&self) -> Option<Found> {
        let ours = |found: &Found| organizational_domain(&found.domain) == organizational_domain(&self.domain);
        let by = |rules| self.discovery(rules).record.filter(ours);
        by(Rules::Rfc9989).or_else(|| by(Rules::Rfc7489))
    }

    /// Whether an answer that did not come decides what applies: to the domain itself,
    /// and to a subdomain without a record of its own.
    pub fn is_open(&self, rules: Rules) -> [bool; 2] {
        [self.discovery(rules), self.below(rules)].map(|found| matches!(found.gap, Some(Gap::Failed(_))))
    }

    /// The policy for the domain itself; `None` also where [`Facts::is_open`].
    pub fn requested(&self, rules: Rules) -> Option<Requested> {
        let found = self.discovery(rules);
        let scope = match (found.scope, self.exists.known()) {
            (Scope::Subdomain, Some(false)) => Scope::Nonexistent,
            (scope, _) => scope,
        };
        found.record?.record.requested(rules, scope)
    }

    /// The policy for a subdomain without a record of its own; `None` also where
    /// [`Facts::is_open`].
    pub fn requested_below(&self, rules: Rules, scope: Scope) -> Option<Requested> {
        self.below(rules).record?.record.requested(rules, scope)
    }

    /// What the SPF record lets pass.
    pub fn spf(&self) -> Spf {
        if self.texts.cause.is_some() {
            return Spf::Unknown;
        }
        let records = spf::select(&self.texts.joined()).records;
        match records.as_slice() {
            [] => Spf::None,
            [one] => {
                let record = spf::parse(&one.text);
                let passes = |directive: &spf::Directive| directive.qualifier == spf::Qualifier::Pass;
                let end = record.all().map_or(usize::MAX, |(at, _)| at);
                if record.is_broken() {
                    Spf::Broken
                } else if record.redirect().is_some_and(|_| end == usize::MAX)
                    || record.directives().any(|(at, directive)| at <= end && passes(directive))
                {
                    Spf::Open
                } else {
                    Spf::Closed
                }
            }
            _ => Spf::Broken,
        }
    }

    /// Whether no key can exist below the domain; `None` where that is not known.
    pub fn has_no_keys(&self) -> Option<bool> {
        self.keys.cause.is_none().then_some(self.keys.is_absent)
    }

    /// Whether the domain says that it neither takes nor sends mail.
    pub fn is_parked(&self) -> bool {
        matches!(
            (self.mail.value.known(), self.spf()),
            (Some(Mail::Refused), Spf::Closed | Spf::None) | (Some(Mail::Unsaid { .. }), Spf::Closed)
        )
    }

    /// Whether it is seen to take mail.
    pub fn takes_mail(&self) -> bool {
        self.mail.value.known() == Some(&Mail::Accepted)
    }
}

impl Host {
    /// What it says of taking reports.
    pub fn answer(&self) -> Option<report::Authorization> {
        let seen = self.authorization.as_ref().filter(|seen| seen.cause.is_none())?;
        Some(report::read(&self.name, &seen.joined()))
    }
}
