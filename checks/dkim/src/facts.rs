//! What was seen of a domain's keys.

use std::collections::BTreeSet;

use dkim_verify::{Fault, Verified};
use engine_plugin_api::{
    Cause, EvidenceId, Observed,
    services::{DnsReply, DnsStatus, RecordData},
};
use mail_syntax::{
    dkim::Signature,
    dmarc::{Answers, names, organizational_domain},
};

/// Everything that the judge knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The domain.
    pub domain: String,
    /// The domain does not exist (NXDOMAIN).
    pub domain_gone: bool,
    /// Whether the domain says that it sends no mail: an SPF record of `-all` alone.
    pub sends_none: Observed<bool>,
    /// Whether anything is at or below `_domainkey`; NXDOMAIN says no (RFC 8020).
    pub below: Observed<bool>,
    /// The observation behind it.
    pub below_evidence: EvidenceId,
    /// What a selector gets that nobody has published.
    pub made_up: Selector,
    /// The selectors that were asked for, without guesses that found nothing.
    pub selectors: Vec<Selector>,
    /// How many were guessed.
    pub guessed: usize,
    /// The guesses that got no answer.
    pub unanswered: Vec<(String, Cause)>,
    /// The message, where one was given.
    pub mail: Option<MailFacts>,
}

/// What was seen of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MailFacts {
    /// How many `From` fields it has.
    pub from_fields: usize,
    /// The domains of `From`.
    pub authors: Vec<String>,
    /// Whether it names more of them.
    pub has_more_authors: bool,
    /// Why nothing of it could be verified.
    pub fault: Option<Fault>,
    /// When the last server took it, in seconds of Unix time.
    pub received: Option<u64>,
    /// Fields that a signature should cover and that the message has, in lower case.
    pub worth_signing: Vec<&'static str>,
    /// Its signatures, from the top.
    pub signatures: Vec<SignatureFacts>,
    /// How many more it has.
    pub left_out: usize,
    /// The DMARC records that decide whether signatures count; asked only for
    /// [`MailFacts::policy_domains`].
    pub policies: Answers,
    /// Why the first of them that got no answer got none.
    pub policy_gap: Option<Cause>,
}

impl MailFacts {
    /// The domains whose DMARC records say whether a signature counts for an author:
    /// none where the author's very domain signs, where the signature has failed, or where
    /// the two belong to different organizations by the public suffix list and so by RFC 7489.
    pub fn policy_domains(&self) -> BTreeSet<String> {
        let has_failed =
            |one: &SignatureFacts| one.signature.is_broken() || one.verified.as_ref().is_some_and(|it| !it.holds());
        let mut domains = BTreeSet::new();
        for author in &self.authors {
            let own = |one: &SignatureFacts| {
                one.signature.domain == *author && one.verified.as_ref().is_some_and(dkim_verify::Verified::holds)
            };
            if self.signatures.iter().any(own) {
                continue;
            }
            let organization = organizational_domain(author);
            for one in self.signatures.iter().filter(|one| !has_failed(one)) {
                let signer = &one.signature.domain;
                if signer != author && organizational_domain(signer) == organization {
                    domains.extend(names(author).into_iter().chain(names(signer)));
                    domains.insert(organization.to_owned());
                }
            }
        }
        domains
    }
}

/// A signature, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureFacts {
    /// The field's value on one line; spans of the signature fit it.
    pub text: String,
    /// As it was read.
    pub signature: Signature,
    /// What came of it; `None` where it was not verified for want of a key.
    pub verified: Option<Verified>,
}

/// A selector and what stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    /// Its name.
    pub name: String,
    /// The domain in which it was asked for.
    pub domain: String,
    /// Why it was asked for.
    pub origin: Origin,
    /// What was answered.
    pub answer: Observed<Answer>,
}

/// Why a selector was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The user or a message names it.
    Known,
    /// It is common.
    Guessed,
}

/// The answer for a selector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The observation.
    pub evidence: EvidenceId,
    /// The targets of the aliases that lead from the name.
    pub aliases: Vec<String>,
    /// The first alias record, as a zone file has it.
    pub alias_text: Option<String>,
    /// The TXT records in order, each joined; what is no UTF-8 is U+FFFD.
    pub texts: Vec<String>,
    /// The shortest life of the records, in seconds.
    pub ttl: Option<u32>,
}

impl Answer {
    /// Reads the reply to a TXT question.
    pub fn of(reply: &DnsReply) -> Observed<Self> {
        let alias = reply.answers.iter().find(|record| matches!(record.data, RecordData::Cname { .. }));
        reply.texts().map(|texts| Answer {
            evidence: reply.evidence.clone(),
            aliases: reply.aliases().into_iter().map(str::to_owned).collect(),
            alias_text: alias.map(ToString::to_string),
            texts,
            ttl: reply.records().map(|record| record.ttl).min(),
        })
    }
}

impl Selector {
    /// The name at which its key stands.
    pub fn key_name(&self) -> String {
        format!("{}._domainkey.{}", self.name, self.domain)
    }

    /// The name at which the records stand: its own, or the end of its aliases.
    pub fn home(&self) -> String {
        let alias = self.answer.known().and_then(|answer| answer.aliases.last());
        alias.cloned().unwrap_or_else(|| self.key_name())
    }

    /// Whether there is anything at the name.
    pub fn is_there(&self) -> bool {
        self.answer.known().is_some_and(|answer| !answer.texts.is_empty() || !answer.aliases.is_empty())
    }
}

/// Whether a reply says that the name, and so all below it, does not exist
/// (RFC 8020 §2); the end of an alias says nothing of the name itself.
pub fn exists(reply: &DnsReply) -> Observed<bool> {
    match reply.cause() {
        Some(cause) => Observed::Unknown(cause),
        None => Observed::Known(reply.status != DnsStatus::NxDomain || !reply.aliases().is_empty()),
    }
}
