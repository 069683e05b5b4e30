//! DNS answers that are already known.

use std::{collections::HashMap, fmt, net::IpAddr};

use super::names;

/// The record types that SPF asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Policies and explanations.
    Txt,
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
    /// Mail exchangers.
    Mx,
    /// Reverse names.
    Ptr,
}

/// A DNS question.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Question {
    /// The name, lower-case, without the final dot.
    pub name: String,
    /// The type.
    pub kind: Kind,
}

impl Question {
    /// A question; the name is lower-cased and loses its final dot.
    pub fn new(name: &str, kind: Kind) -> Self {
        Question { name: names::normal(name), kind }
    }
}

/// `example.org TXT`.
impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Txt => "TXT",
            Kind::A => "A",
            Kind::Aaaa => "AAAA",
            Kind::Mx => "MX",
            Kind::Ptr => "PTR",
        };
        write!(f, "{} {kind}", self.name)
    }
}

/// What DNS says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// No answer: time-out, SERVFAIL or anything else that says nothing about
    /// the name. Leads to `temperror`, never to a void lookup.
    Failed,
    /// The name does not exist (NXDOMAIN): a void lookup.
    NxDomain,
    /// The name has no record of the type (NODATA): a void lookup.
    NoData,
    /// TXT records, each joined from its strings without a space (RFC 7208 §3.3).
    Texts(Vec<Vec<u8>>),
    /// Addresses, as an A or AAAA answer holds them.
    Addresses(Vec<IpAddr>),
    /// Names: MX exchanges in order of preference, or PTR targets in the
    /// order of the answer. The root, which means "no mail" (RFC 7505), is
    /// empty or `.`.
    Names(Vec<String>),
}

impl Answer {
    /// Whether it counts as a void lookup (RFC 7208 §4.6.4).
    pub fn is_void(&self) -> bool {
        match self {
            Answer::Failed => false,
            Answer::NxDomain | Answer::NoData => true,
            Answer::Texts(texts) => texts.is_empty(),
            Answer::Addresses(addresses) => addresses.is_empty(),
            Answer::Names(names) => names.is_empty(),
        }
    }
}

/// All answers that are known so far.
#[derive(Clone, Debug, Default)]
pub struct Answers([HashMap<String, Answer>; 5]);

impl Answers {
    /// Takes an answer; a second one to the same question replaces the first.
    pub fn insert(&mut self, question: Question, answer: Answer) {
        self.0[question.kind as usize].insert(question.name, answer);
    }

    /// The answer to `name`, which must be lower-case without the final dot.
    pub fn get(&self, name: &str, kind: Kind) -> Option<&Answer> {
        self.0[kind as usize].get(name)
    }

    /// The addresses of `name` in the family of `kind`, where they are known; see [`Answers::get`].
    pub fn addresses(&self, name: &str, kind: Kind) -> Option<&[IpAddr]> {
        match self.get(name, kind) {
            Some(Answer::Addresses(addresses)) => Some(addresses),
            _ => None,
        }
    }

    /// How many are known.
    pub fn len(&self) -> usize {
        self.0.iter().map(HashMap::len).sum()
    }

    /// Whether none is known.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
