//! What a record holds.

use std::fmt;

use super::{Issue, ReportUri};
use crate::Span;

/// Which receivers: those that follow RFC 7489, or those that follow RFC 9989.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rules {
    /// DMARC as of 2015.
    Rfc7489,
    /// DMARC as of 2026.
    Rfc9989,
}

impl Rules {
    /// Both, the older first.
    pub const BOTH: [Rules; 2] = [Rules::Rfc7489, Rules::Rfc9989];
}

/// `RFC 7489`.
impl fmt::Display for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Rules::Rfc7489 => "RFC 7489",
            Rules::Rfc9989 => "RFC 9989",
        })
    }
}

/// What a domain's owner wishes for mail that does not pass. Ordered from mild
/// to strict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Policy {
    /// Nothing.
    None,
    /// To be treated as suspicious.
    Quarantine,
    /// To be refused.
    Reject,
}

impl Policy {
    /// The word of the record.
    pub fn word(self) -> &'static str {
        match self {
            Policy::None => "none",
            Policy::Quarantine => "quarantine",
            Policy::Reject => "reject",
        }
    }

    /// The next milder one; `None` stays.
    pub fn lowered(self) -> Policy {
        match self {
            Policy::None | Policy::Quarantine => Policy::None,
            Policy::Reject => Policy::Quarantine,
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// How an identifier must fit the author's domain (RFC 9989 §4.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AlignmentMode {
    /// The same organizational domain.
    #[default]
    Relaxed,
    /// The same domain.
    Strict,
}

/// What the record says of the domain's place (RFC 9989 §4.7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Psd {
    /// It is a public suffix domain.
    Yes,
    /// It is an organizational domain, whatever stands above.
    No,
    /// Nothing; the tree walk decides.
    #[default]
    Unsaid,
}

/// When a failure report is wished for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FailureOption {
    /// `0`: when nothing passes.
    All,
    /// `1`: when anything does not pass.
    Any,
    /// `d`: when a signature fails.
    Dkim,
    /// `s`: when SPF fails.
    Spf,
}

/// The value of a tag.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Value<T> {
    /// The tag is not there.
    #[default]
    Absent,
    /// The tag is there, and its value is none that it can have.
    Invalid,
    /// What it says.
    Valid(T),
}

impl<T> Value<T> {
    /// The value, where it is there and valid.
    pub fn valid(&self) -> Option<&T> {
        match self {
            Value::Valid(value) => Some(value),
            Value::Absent | Value::Invalid => None,
        }
    }

    /// Whether the tag is there with a value that it cannot have.
    pub fn is_invalid(&self) -> bool {
        matches!(self, Value::Invalid)
    }

    /// Whether the tag is not there.
    pub fn is_absent(&self) -> bool {
        matches!(self, Value::Absent)
    }
}

/// The registered tags (RFC 9989 §9.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TagName {
    /// `v`
    Version,
    /// `p`
    Policy,
    /// `sp`
    SubdomainPolicy,
    /// `np`
    NonexistentPolicy,
    /// `adkim`
    DkimAlignment,
    /// `aspf`
    SpfAlignment,
    /// `fo`
    FailureOptions,
    /// `pct`, historic
    Percent,
    /// `rf`, historic
    ReportFormat,
    /// `ri`, historic
    ReportInterval,
    /// `psd`
    Psd,
    /// `rua`
    AggregateReports,
    /// `ruf`
    FailureReports,
    /// `t`
    Test,
}

impl TagName {
    /// All of them.
    pub const ALL: [TagName; 14] = [
        TagName::Version,
        TagName::Policy,
        TagName::SubdomainPolicy,
        TagName::NonexistentPolicy,
        TagName::DkimAlignment,
        TagName::SpfAlignment,
        TagName::FailureOptions,
        TagName::Percent,
        TagName::ReportFormat,
        TagName::ReportInterval,
        TagName::Psd,
        TagName::AggregateReports,
        TagName::FailureReports,
        TagName::Test,
    ];

    /// Whether its value is a list of report addresses.
    pub fn is_reports(self) -> bool {
        matches!(self, TagName::AggregateReports | TagName::FailureReports)
    }

    /// As it is written in a record.
    pub fn word(self) -> &'static str {
        match self {
            TagName::Version => "v",
            TagName::Policy => "p",
            TagName::SubdomainPolicy => "sp",
            TagName::NonexistentPolicy => "np",
            TagName::DkimAlignment => "adkim",
            TagName::SpfAlignment => "aspf",
            TagName::FailureOptions => "fo",
            TagName::Percent => "pct",
            TagName::ReportFormat => "rf",
            TagName::ReportInterval => "ri",
            TagName::Psd => "psd",
            TagName::AggregateReports => "rua",
            TagName::FailureReports => "ruf",
            TagName::Test => "t",
        }
    }

    /// The tag called `word`, in any case.
    pub fn from_word(word: &str) -> Option<TagName> {
        Self::ALL.into_iter().find(|name| name.word().eq_ignore_ascii_case(word))
    }

    /// Whether RFC 9989 took it out of the protocol (§9.4).
    pub fn is_historic(self) -> bool {
        matches!(self, TagName::Percent | TagName::ReportFormat | TagName::ReportInterval)
    }
}

/// A tag as it stands in the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag {
    /// Which; `None` for one that is not registered and therefore ignored.
    pub name: Option<TagName>,
    /// Where its name stands.
    pub name_span: Span,
    /// Where its value stands.
    pub value_span: Span,
}

impl Tag {
    /// From the name to the end of the value.
    pub fn span(&self) -> Span {
        Span::new(self.name_span.start, self.value_span.end)
    }
}

/// A record. Of a tag that stands there twice, the first counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// The tags in order, `v` included.
    pub tags: Vec<Tag>,
    /// What is wrong, in order of place.
    pub issues: Vec<Issue>,
    /// `p`
    pub policy: Value<Policy>,
    /// `sp`
    pub subdomain_policy: Value<Policy>,
    /// `np`
    pub nonexistent_policy: Value<Policy>,
    /// `adkim`
    pub dkim_alignment: Value<AlignmentMode>,
    /// `aspf`
    pub spf_alignment: Value<AlignmentMode>,
    /// `fo`
    pub failure_options: Value<Vec<FailureOption>>,
    /// `pct`, 0 to 100
    pub percent: Value<u8>,
    /// `ri`, seconds
    pub report_interval: Value<u32>,
    /// `rf`, names of formats
    pub report_format: Value<Vec<String>>,
    /// `psd`
    pub psd: Value<Psd>,
    /// `t`
    pub test: Value<bool>,
    /// `rua`: what is a URI, faulty ones left out; invalid where none is.
    pub aggregate_reports: Value<Vec<ReportUri>>,
    /// `ruf`, likewise
    pub failure_reports: Value<Vec<ReportUri>>,
}

/// To what a record is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The domain that publishes it.
    Own,
    /// A name below it that exists.
    Subdomain,
    /// A name below it that has neither A, AAAA nor MX records (RFC 9989 §3.2.13).
    Nonexistent,
}

/// The policy that a receiver is asked to apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Requested {
    /// The policy.
    pub policy: Policy,
    /// The tag that it comes from; `None` where a fault makes it `none`.
    pub tag: Option<TagName>,
    /// Whether `t=y` has lowered it (RFC 9989 §4.7).
    pub lowered: bool,
    /// The share of failing messages to which it applies; to the rest the next
    /// milder one does (`pct`, RFC 7489 §6.3). Always 100 by RFC 9989.
    pub percent: u8,
}

impl Record {
    /// The first tag called `name`.
    pub fn tag(&self, name: TagName) -> Option<&Tag> {
        self.tags.iter().find(|tag| tag.name == Some(name))
    }

    /// The alignment wished for signatures.
    pub fn dkim_mode(&self) -> AlignmentMode {
        self.dkim_alignment.valid().copied().unwrap_or_default()
    }

    /// The alignment wished for SPF.
    pub fn spf_mode(&self) -> AlignmentMode {
        self.spf_alignment.valid().copied().unwrap_or_default()
    }

    /// What it says of the domain's place.
    pub fn place(&self) -> Psd {
        self.psd.valid().copied().unwrap_or_default()
    }

    /// The tag whose fault makes receivers disregard all policies of the record
    /// (RFC 7489 §6.6.3 step 6, RFC 9989 §4.10.1).
    pub fn disabling(&self, rules: Rules) -> Option<TagName> {
        if self.policy.valid().is_none() {
            Some(TagName::Policy)
        } else if self.subdomain_policy.is_invalid() {
            Some(TagName::SubdomainPolicy)
        } else if rules == Rules::Rfc9989 && self.nonexistent_policy.is_invalid() {
            Some(TagName::NonexistentPolicy)
        } else {
            None
        }
    }

    /// The policy asked for; `None` where receivers apply no DMARC at all, since
    /// a policy is faulty and nobody asks for reports.
    pub fn requested(&self, rules: Rules, scope: Scope) -> Option<Requested> {
        if self.disabling(rules).is_some() {
            let reports = self.aggregate_reports.valid().is_some_and(|uris| !uris.is_empty());
            return reports.then_some(Requested { policy: Policy::None, tag: None, lowered: false, percent: 100 });
        }
        let own = (TagName::Policy, self.policy.valid());
        let below = (TagName::SubdomainPolicy, self.subdomain_policy.valid());
        let absent = (TagName::NonexistentPolicy, self.nonexistent_policy.valid());
        let order: &[_] = match (scope, rules) {
            (Scope::Own, _) => &[own],
            (Scope::Nonexistent, Rules::Rfc9989) => &[absent, below, own],
            (Scope::Subdomain, _) | (Scope::Nonexistent, Rules::Rfc7489) => &[below, own],
        };
        let (tag, policy) = order.iter().find_map(|(tag, policy)| policy.map(|policy| (*tag, *policy)))?;
        let lowered = rules == Rules::Rfc9989 && self.test.valid() == Some(&true) && policy > Policy::None;
        let policy = if lowered { policy.lowered() } else { policy };
        let percent = match rules {
            Rules::Rfc7489 if policy > Policy::None => self.percent.valid().copied().unwrap_or(100),
            _ => 100,
        };
        Some(Requested { policy, tag: Some(tag), lowered, percent })
    }
}
