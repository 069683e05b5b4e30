//! What was seen.

use std::collections::BTreeMap;

use engine_plugin_api::{Cause, Evidence, EvidenceId, Observed};
use mail_syntax::spf::{
    Answers, CostState, Evaluation, Kind, Limits, Mechanism, Node, Query, Question, Record, Survey,
};

/// Everything that the judge knows.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The domain whose record is examined.
    pub domain: String,
    /// Its TXT records, as strings; empty where it has none.
    pub texts: Vec<Text>,
    /// The tree of its records.
    pub survey: Survey,
    /// How far it was followed.
    pub limits: Limits,
    /// The answers that it was made of.
    pub known: Answers,
    /// What stands in records of the obsolete type 99, joined.
    pub type99: Observed<Vec<String>>,
    /// Where its mail goes.
    pub mail: Observed<Mail>,
    /// Its exchanges, best first.
    pub exchanges: Vec<String>,
    /// What a receiver would decide, for each identity that was given.
    pub evaluations: Vec<Evaluated>,
    /// Every question that was asked.
    pub replies: BTreeMap<Question, Seen>,
    /// The observation behind `type99`.
    pub type99_evidence: EvidenceId,
}

/// A TXT record as it stands in the DNS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// Its strings in order.
    pub strings: Vec<Vec<u8>>,
    /// Seconds that it may be kept.
    pub ttl: u32,
}

/// Whether a domain takes mail, as its MX records say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mail {
    /// It names exchanges.
    Accepted,
    /// It says that it takes none (RFC 7505).
    Refused,
    /// It has no MX record.
    Unsaid,
}

/// Which identity was evaluated (RFC 7208 §2.3, §2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// The envelope sender.
    MailFrom,
    /// The name given with HELO.
    Helo,
}

/// One evaluation.
#[derive(Clone, Debug)]
pub struct Evaluated {
    /// Which identity.
    pub identity: Identity,
    /// Who sends.
    pub query: Query,
    /// The result; absent where the evaluation found no end within the check's bounds.
    pub evaluation: Option<Evaluation>,
}

/// What came of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The observation.
    pub evidence: EvidenceId,
    /// Why there is no answer.
    pub cause: Option<Cause>,
    /// The shortest life of the records, in seconds.
    pub ttl: Option<u32>,
    /// The name at the end of the aliases, where the name asked for is one.
    pub alias: Option<String>,
}

impl Facts {
    /// What came of `name`'s TXT question.
    pub fn txt(&self, name: &str) -> Option<&Seen> {
        self.replies.get(&Question::new(name, Kind::Txt))
    }

    /// The name at which the TXT records of `name` stand: its own, or the end
    /// of its aliases, beside which there can be no other record.
    pub fn home<'f>(&'f self, name: &'f str) -> &'f str {
        self.txt(name).and_then(|seen| seen.alias.as_deref()).unwrap_or(name)
    }

    /// Whether `name` was seen to have an address.
    pub fn has_address(&self, name: &str) -> bool {
        let found = |kind| self.replies.get(&Question::new(name, kind)).is_some_and(|seen| seen.ttl.is_some());
        found(Kind::A) || found(Kind::Aaaa)
    }

    /// The TXT record of `name` as evidence, quoting `text`.
    pub fn quote(&self, name: &str, text: &str) -> Evidence {
        let id = self.txt(name).map(|seen| seen.evidence.clone()).unwrap_or_default();
        Evidence::quoting(&id, text)
    }

    /// The answer to a question as evidence.
    pub fn answer(&self, name: &str, kind: Kind) -> Option<Evidence> {
        self.replies.get(&Question::new(name, kind)).map(|seen| Evidence::of(&seen.evidence))
    }
}

/// The `mx` terms of a record whose name has no MX record, with that name; it
/// may be a host's, for which `a` is the mechanism.
pub fn hosts_named_as_mx(node: &Node) -> impl Iterator<Item = (usize, &str)> {
    let directives = node.record().into_iter().flat_map(Record::directives);
    directives.filter(|(_, directive)| matches!(directive.mechanism, Mechanism::Mx(..))).filter_map(|(term, _)| {
        let cost = node.cost(term).filter(|cost| cost.state == CostState::Void)?;
        Some((term, cost.name.as_deref()?))
    })
}
