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
    knowledge::{Blocklist, Knowledge, Provider, ProviderRule, ReasonEntry, ReplyEntry, Standing, StatusEntry},
    parse::{Pasted, Reply, parse},
    reason::{Clears, Party, Reason},
    words::{Word, words},
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

/// A provider's rule that may apply.
struct Candidate<'k> {
    overlay: Overlay<'k>,
    /// The words that fit it.
    span: Option<Range<usize>>,
    /// Whether the reply bears the provider's marks.
    marked: bool,
}

/// What was decided of a reply.
struct Verdict<'k> {
    basis: Basis,
    certainty: Certainty,
    reason: Reason,
    telling: Option<Range<usize>>,
    applied: Option<Overlay<'k>>,
}

/// Explains every reply of a pasted text with the compiled-in knowledge.
pub fn explain(text: &str) -> (Pasted, Vec<Explanation<'static>>) {
    let pasted = parse(text);
    let explained = pasted.replies.iter().map(|reply| Knowledge::builtin().explain(text, reply)).collect();
    (pasted, explained)
}

impl Knowledge {
    /// Explains one reply of `text`, as [`parse`] found it there.
    pub fn explain(&self, text: &str, reply: &Reply) -> Explanation<'_> {
        let said = words(text, reply.said.clone(), &reply.codes);
        let marks = words(text, reply.span.clone(), &reply.codes);
        let basic_code = reply.basic.as_ref().map(|b| b.value);
        let status_code = reply.status.as_ref().map(|s| s.value);
        let basic = basic_code.and_then(|code| self.reply(code));
        let status = status_code.and_then(|code| self.status(code));
        let refused = reply.class().is_none_or(Class::is_refusal);
        let candidates =
            if refused { self.overlays(&marks, &said, basic_code, status_code, status) } else { Vec::new() };
        let mut verdict = if refused {
            self.decide(reply, &said, basic, status, &candidates)
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
        let blocklist = self.patterns.blocklists.lowest(&said).filter(|_| may_name_list);
        Explanation {
            mismatch: matches!((basic_code, status_code), (Some(b), Some(s)) if b / 100 != s.class),
            pairing: pairing(basic_code, status),
            practice: practice(reply.class(), status_code, &verdict, entry.clears),
            actor: rule.and_then(|r| r.actor).unwrap_or(entry.actor),
            remedy: rule.and_then(|r| r.remedy.as_deref()).unwrap_or(&entry.remedy),
            blocklist: blocklist.map(|(rank, _)| &self.blocklists[rank]),
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

    /// The reason of a refusal, by the strongest ground that there is.
    fn decide<'k>(
        &self,
        reply: &Reply,
        said: &[Word],
        basic: Option<&ReplyEntry>,
        status: Option<&StatusEntry>,
        candidates: &[Candidate<'k>],
    ) -> Verdict<'k> {
        let verdict = |basis, certainty, reason| Verdict { basis, certainty, reason, telling: None, applied: None };
        let settled = status.filter(|s| !s.vague);
        let status_code = reply.status.as_ref().map(|s| s.value);
        let wording = self.patterns.wordings.lowest(said).map(|(rank, span)| (&self.wordings[rank], span));

        if let Some(found) = candidates.iter().find(|c| c.overlay.by_words && (c.marked || c.overlay.differs)) {
            let reason = found.overlay.rule.reason;
            return Verdict {
                telling: found.span.clone(),
                applied: Some(found.overlay.clone()),
                ..verdict(Basis::Provider, Certainty::High, reason)
            };
        }
        if let Some((wording, span)) = wording.clone().filter(|(wording, _)| !wording.vague) {
            let contradicted = settled.is_some_and(|s| s.reason != wording.reason);
            let certainty = if contradicted { Certainty::Medium } else { Certainty::High };
            return Verdict { telling: Some(span), ..verdict(Basis::Words, certainty, wording.reason) };
        }
        let by_code =
            candidates.iter().find(|c| c.marked && !c.overlay.by_words).or_else(|| sole_user(status, candidates));
        if let Some(found) = by_code {
            let reason = found.overlay.rule.reason;
            let applied = Some(found.overlay.clone());
            return Verdict { applied, ..verdict(Basis::Provider, Certainty::Medium, reason) };
        }
        if let Some(entry) = settled {
            let agreed = wording.filter(|(wording, _)| wording.reason == entry.reason).map(|(_, span)| span);
            let certainty = if agreed.is_some() { Certainty::High } else { Certainty::Medium };
            return Verdict { telling: agreed, ..verdict(Basis::Status, certainty, entry.reason) };
        }
        if let Some(entry) = basic.filter(|b| !b.vague) {
            return verdict(Basis::Reply, Certainty::Medium, entry.reason);
        }
        // A zone that is named where little else is said: `554 … zen.example.net`.
        let zone = reply.elements.zones.iter().find(|zone| zone.span.start >= reply.said.start);
        let general = wording.as_ref().is_none_or(|(wording, _)| wording.reason == Reason::Policy);
        if let Some(zone) = zone.filter(|_| general) {
            let telling = Some(zone.span.clone());
            return Verdict { telling, ..verdict(Basis::Words, Certainty::Medium, Reason::Blocklisted) };
        }
        if let Some((wording, span)) = wording.filter(|(w, _)| vague_words_count(w.reason, reply.class(), status_code))
        {
            return Verdict { telling: Some(span), ..verdict(Basis::Words, Certainty::Medium, wording.reason) };
        }
        let by_status = match (status, status_code) {
            (Some(entry), _) => Some(entry.reason),
            (None, Some(code)) => self.subject_reason(code.subject),
            (None, None) => None,
        };
        let hint = by_status.filter(|reason| *reason != Reason::Unexplained).map(|reason| (Basis::Status, reason));
        // What lists on the web say of a code that no standard has is no ground.
        let known = basic.filter(|b| b.standing != Standing::Folklore).map(|b| (Basis::Reply, b.reason));
        match hint.or(known) {
            // A temporary refusal by a rule that is not named is as likely greylisting or a limit.
            Some((_, Reason::Policy)) if reply.class() == Some(Class::Temporary) => {
                verdict(Basis::Nothing, Certainty::Low, Reason::Unexplained)
            }
            // X.7.1 says "a rule forbids it" and no more; that much is certain enough.
            Some((basis @ Basis::Status, Reason::Policy)) if status.is_some() => {
                verdict(basis, Certainty::Medium, Reason::Policy)
            }
            Some((basis, reason)) if reason != Reason::Unexplained => verdict(basis, Certainty::Low, reason),
            _ => verdict(Basis::Nothing, Certainty::Low, Reason::Unexplained),
        }
    }

    /// The providers' rules that may apply.
    fn overlays<'k>(
        &'k self,
        marks: &[Word],
        said: &[Word],
        basic: Option<u16>,
        status: Option<StatusCode>,
        entry: Option<&StatusEntry>,
    ) -> Vec<Candidate<'k>> {
        // A mailbox in the reply says nothing of who wrote it.
        let marks: Vec<Word> = marks.iter().filter(|word| !word.text.contains('@')).cloned().collect();
        let mut found = Vec::new();
        for (provider, (own_marks, says)) in self.providers.iter().zip(&self.patterns.providers) {
            let marked = own_marks.lowest(&marks).is_some();
            let mut here = Vec::new();
            for (rule, says) in provider.rules.iter().zip(says).filter(|(rule, _)| rule.covers(basic, status)) {
                let span = says.lowest(said).map(|(_, span)| span);
                let coded = !rule.codes.is_empty() || (!rule.replies.is_empty() && rule.says.is_empty());
                let by_code = coded && !rule.needs_words;
                let differs = coded && entry.is_none_or(|entry| !entry.vague && differs(entry.reason, rule.reason));
                if span.is_some() && (coded || marked) || span.is_none() && by_code {
                    let overlay = Overlay { provider, rule, by_words: span.is_some(), differs };
                    here.push(Candidate { overlay, span, marked });
                }
            }
            // Codes alone decide only where all rules of the provider agree about them.
            let one_reason = here.windows(2).all(|pair| pair[0].overlay.rule.reason == pair[1].overlay.rule.reason);
            here.retain(|candidate| candidate.overlay.by_words || one_reason || !marked);
            found.extend(here);
        }
        found
    }
}

/// Whether a provider's reason is another than IANA's. "Authentication failed"
/// covers each method that can fail.
pub(crate) fn differs(iana: Reason, provider: Reason) -> bool {
    let covered = iana == Reason::Unauthenticated && matches!(provider, Reason::Spf | Reason::Dkim | Reason::Dmarc);
    iana != provider && !covered
}

/// The only provider of a code that IANA does not have, if it uses it in one way.
fn sole_user<'a, 'k>(status: Option<&StatusEntry>, candidates: &'a [Candidate<'k>]) -> Option<&'a Candidate<'k>> {
    let first = candidates.first().filter(|_| status.is_none())?;
    let same = |c: &Candidate<'_>| {
        let (ours, theirs) = (&c.overlay, &first.overlay);
        !ours.rule.codes.is_empty() && ours.provider.id == theirs.provider.id && ours.rule.reason == theirs.rule.reason
    };
    candidates.iter().all(same).then_some(first)
}

/// Whether vague words settle it, seen with the codes beside them. The words
/// "mailbox unavailable" are the standard text of 550 whatever the reason, and
/// "try again later" stands in every second temporary refusal.
fn vague_words_count(reason: Reason, class: Option<Class>, status: Option<StatusCode>) -> bool {
    let about_policy = status.is_some_and(|status| status.subject == 7);
    match reason {
        Reason::MailboxUnknown | Reason::ServerTrouble if about_policy => false,
        Reason::MailboxUnknown => class != Some(Class::Temporary),
        _ => true,
    }
}

/// Of each provider one overlay for each reason.
fn distinct<'k>(overlays: impl Iterator<Item = Overlay<'k>>) -> Vec<Overlay<'k>> {
    let mut kept: Vec<Overlay<'k>> = Vec::new();
    for overlay in overlays {
        if !kept.iter().any(|k| k.provider.id == overlay.provider.id && k.rule.reason == overlay.rule.reason) {
            kept.push(overlay);
        }
    }
    kept
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
