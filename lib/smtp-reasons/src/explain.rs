//! From the parts of a reply to what it means.
//!
//! What counts, strongest first: a provider's own words under its code; plain
//! words of a server; a provider's code; an enhanced code that IANA settles; a
//! reply code that settles it; vague words; a vague code. Where none says
//! anything the reason is [`Reason::Unexplained`], never a guess.

use std::ops::Range;

use serde::Serialize;

use crate::{
    code::{Class, StatusCode},
    decide::{Heard, Verdict, distinct},
    knowledge::Knowledge,
    parse::{Pasted, Reply, parse},
    reason::{Clears, Party, Reason},
    tables::{Blocklist, Provider, ProviderRule, ReasonEntry, ReplyEntry, Standing, StatusEntry},
    words::Words,
};

/// What decided the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// Nothing did.
    Nothing,
    /// The reply code.
    Reply,
    /// The enhanced code, as IANA registers it.
    Status,
    /// What a provider is known to mean.
    Provider,
    /// The words of the reply.
    Words,
}

/// How sure the reason is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Certainty {
    /// Other reasons are as likely.
    Low,
    /// The likeliest.
    Medium,
    /// The server says so itself.
    High,
}

/// Whether IANA associates the reply code with the enhanced code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pairing {
    /// One of the two is missing, or the enhanced code is not registered.
    NoPair,
    /// IANA names no reply codes for it.
    NoneGiven,
    /// It does.
    Associated,
    /// It names others.
    NotAssociated,
}

/// Whether the class of the reply tells the truth about trying again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Practice {
    /// It does, or nothing else is known.
    AsSaid,
    /// 4xx, and yet every attempt fails until something is changed.
    NeverClears,
    /// 5xx, and yet the condition passes.
    Passes,
}

/// A provider's meaning of a code or wording.
#[derive(Clone, Debug, Serialize)]
pub struct Overlay<'k> {
    /// The provider.
    #[serde(serialize_with = "provider_name")]
    pub provider: &'k Provider,
    /// Its rule.
    pub rule: &'k ProviderRule,
    /// Whether the words of the reply fit the rule.
    pub by_words: bool,
    /// Whether it differs from IANA's meaning, or IANA has none.
    pub differs: bool,
}

fn provider_name<S: serde::Serializer>(provider: &&Provider, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&provider.name)
}

/// What one reply means.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation<'k> {
    /// The reply and its parts.
    pub reply: Reply,
    /// The reason.
    pub reason: &'k ReasonEntry,
    /// What decided it.
    pub basis: Basis,
    /// How sure it is.
    pub certainty: Certainty,
    /// The words that decided it, a byte range of the text.
    pub telling: Option<Range<usize>>,
    /// The entry of the reply code; `None` without one, or when it is unknown.
    pub basic: Option<&'k ReplyEntry>,
    /// The entry of the enhanced code; `None` without one, or when it is not registered.
    pub status: Option<&'k StatusEntry>,
    /// Whether the first digits of the two codes differ (RFC 2034 §4 forbids it).
    pub mismatch: bool,
    /// Whether the two codes belong together.
    pub pairing: Pairing,
    /// The provider's meaning, where it applies.
    pub provider: Option<Overlay<'k>>,
    /// Providers that mean something else by the code, where nothing in the
    /// reply tells whether it comes from them.
    pub elsewhere: Vec<Overlay<'k>>,
    /// Whether the class tells the truth about trying again.
    pub practice: Practice,
    /// Who can put it right.
    pub actor: Party,
    /// What they do.
    pub remedy: &'k str,
    /// The blocklist that the reply names.
    pub blocklist: Option<&'k Blocklist>,
}

impl Explanation<'_> {
    /// Whether the reply code is in no RFC and no registry.
    pub fn is_nonstandard(&self) -> bool {
        self.reply.basic.is_some() && self.basic.is_none_or(|entry| entry.standing == Standing::Folklore)
    }

    /// Whether there is an enhanced code that IANA has not registered.
    pub fn is_unregistered(&self) -> bool {
        self.reply.status.is_some() && self.status.is_none()
    }
}

/// Explains every reply of a pasted text with the compiled-in knowledge.
pub fn explain(text: &str) -> (Pasted, Vec<Explanation<'static>>) {
    Knowledge::builtin().explain_all(text)
}

impl Knowledge {
    /// Explains every reply of a pasted text.
    pub fn explain_all(&self, text: &str) -> (Pasted, Vec<Explanation<'_>>) {
        let pasted = parse(text);
        let explained = pasted.replies.iter().map(|reply| self.explain(text, reply)).collect();
        (pasted, explained)
    }

    /// Explains one reply of `text`, as [`parse`] found it there.
    pub fn explain(&self, text: &str, reply: &Reply) -> Explanation<'_> {
        let words = Words::of(text, reply.span.clone(), &reply.codes);
        let basic_code = reply.basic.as_ref().map(|b| b.value);
        let status_code = reply.status.as_ref().map(|s| s.value);
        let basic = basic_code.and_then(|code| self.reply(code));
        let status = status_code.and_then(|code| self.status(code));
        let refused = reply.class().is_none_or(Class::is_refusal);
        let heard = if refused { Heard::of(&self.fragments, &words, reply) } else { Heard::default() };
        let candidates = if refused { self.candidates(&heard, &words, reply, status) } else { Vec::new() };
        let mut verdict = if refused {
            self.decide(reply, &heard, &words, basic, status, &candidates)
        } else {
            let reason = if reply.class() == Some(Class::Proceed) { Reason::Proceed } else { Reason::Delivered };
            Verdict { reason, basis: Basis::Reply, certainty: Certainty::High, telling: None, applied: None }
        };

        let settled_by_words = verdict.telling.is_some() || verdict.applied.is_some() || verdict.basis == Basis::Words;
        let elsewhere = match status_code {
            Some(_) if !settled_by_words => distinct(candidates.into_iter().map(|c| c.overlay).filter(|o| o.differs)),
            _ => Vec::new(),
        };
        if !elsewhere.is_empty() {
            verdict.certainty = verdict.certainty.min(Certainty::Medium);
        }
        let entry = self.reason(verdict.reason);
        let rule = verdict.applied.as_ref().map(|o| o.rule);
        let may_name_list =
            matches!(verdict.reason, Reason::Blocklisted | Reason::Reputation | Reason::Spam | Reason::Policy);
        Explanation {
            mismatch: matches!((basic_code, status_code), (Some(b), Some(s)) if b / 100 != s.class),
            pairing: pairing(basic_code, status),
            practice: practice(reply.class(), status_code, &verdict, entry.clears),
            actor: rule.and_then(|r| r.actor).unwrap_or(entry.actor),
            remedy: rule.and_then(|r| r.remedy.as_deref()).unwrap_or(&entry.remedy),
            blocklist: heard.blocklist.filter(|_| may_name_list).map(|rank| &self.blocklists[rank as usize]),
            reply: reply.clone(),
            reason: entry,
            basis: verdict.basis,
            certainty: verdict.certainty,
            telling: verdict.telling,
            basic,
            status,
            provider: verdict.applied,
            elsewhere,
        }
    }
}

pub(crate) fn pairing(basic: Option<u16>, status: Option<&StatusEntry>) -> Pairing {
    let (Some(basic), Some(status)) = (basic, status) else { return Pairing::NoPair };
    if status.replies.is_empty() {
        return Pairing::NoneGiven;
    }
    let class = format!("any{}", basic / 100);
    if status.replies.iter().any(|r| *r == class || r.parse() == Ok(basic)) {
        Pairing::Associated
    } else {
        Pairing::NotAssociated
    }
}

fn practice(class: Option<Class>, status: Option<StatusCode>, verdict: &Verdict<'_>, usual: Clears) -> Practice {
    use Reason as R;
    let stated = verdict.applied.as_ref().and_then(|overlay| overlay.rule.clears);
    let spf_error = status.is_some_and(|s| (s.subject, s.detail) == (7, 24));
    let never = matches!(
        verdict.reason,
        R::Spf
            | R::Dkim
            | R::Dmarc
            | R::Unauthenticated
            | R::ReverseDns
            | R::TlsRequired
            | R::RelayDenied
            | R::Helo
            | R::LoginRequired
    );
    let passes = matches!(
        verdict.reason,
        R::RateLimited | R::Greylisted | R::TooManyRecipients | R::ServerTrouble | R::ServerFull | R::MailboxFull
    );
    match (class, stated.unwrap_or(usual)) {
        _ if verdict.certainty == Certainty::Low => Practice::AsSaid,
        // An SPF record that cannot be read for the moment is temporary indeed (RFC 7208 §8.6).
        (Some(Class::Temporary), Clears::WhenFixed) if stated.is_some() || (never && !spf_error) => {
            Practice::NeverClears
        }
        (Some(Class::Permanent), Clears::ByItself) if passes => Practice::Passes,
        _ => Practice::AsSaid,
    }
}
