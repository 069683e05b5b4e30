//! Which of the grounds that a reply gives decides its reason.

use std::ops::Range;

use crate::{
    code::{Class, StatusCode},
    explain::{Basis, Certainty, Overlay},
    knowledge::Knowledge,
    matcher::{Matcher, Owner},
    parse::Reply,
    reason::Reason,
    tables::{Kind, ReplyEntry, Standing, StatusEntry},
    words::Words,
};

/// What was decided of a reply.
pub(crate) struct Verdict<'k> {
    pub(crate) basis: Basis,
    pub(crate) certainty: Certainty,
    pub(crate) reason: Reason,
    pub(crate) telling: Option<Range<usize>>,
    pub(crate) applied: Option<Overlay<'k>>,
}

/// A provider's rule that may apply.
pub(crate) struct Candidate<'k> {
    pub(crate) overlay: Overlay<'k>,
    /// The words that fit it.
    span: Option<Range<usize>>,
    /// Whether the reply bears the provider's marks, or needs none.
    marked: bool,
}

impl Candidate<'_> {
    /// Whether its words, or a user's own rule, settle the reason by themselves.
    fn decides(&self) -> bool {
        let own = self.overlay.provider.kind == Kind::Own && self.marked;
        let spoken = self.overlay.by_words && (self.marked || self.overlay.differs);
        spoken || (own && self.overlay.rule.says.is_empty())
    }
}

/// The fragments that a reply holds.
#[derive(Default)]
pub(crate) struct Heard {
    /// The first wording in the order of the tables, and its words.
    wording: Option<(u32, Range<usize>)>,
    /// The first blocklist in the order of the table.
    pub(crate) blocklist: Option<u32>,
    /// The providers whose marks it bears.
    marks: Vec<u16>,
    /// The rules whose words it holds, in order, and where.
    rules: Vec<(u16, u16, Range<usize>)>,
}

impl Heard {
    pub(crate) fn of(fragments: &Matcher, words: &Words, reply: &Reply) -> Self {
        let mut heard = Heard::default();
        let mut said = words.before(reply.said.start);
        // `Mailbox unavailable. [SMTP Error Code 550]`: the words stand before the code.
        if said == words.len() && said.checked_sub(1).is_some_and(|last| words.get(last) == "code") {
            said = 0;
        }
        for found in fragments.matches(words) {
            match found.owner {
                // A mailbox in the reply says nothing of who wrote it.
                Owner::Marks(provider) if found.words.clone().any(|at| words.get(at).contains('@')) => _ = provider,
                Owner::Marks(provider) => heard.marks.push(provider),
                _ if found.words.start < said => {}
                Owner::Wording(rank) => {
                    if heard.wording.as_ref().is_none_or(|(lowest, _)| rank < *lowest) {
                        heard.wording = Some((rank, found.words));
                    }
                }
                Owner::Blocklist(rank) => {
                    heard.blocklist = Some(heard.blocklist.map_or(rank, |lowest| lowest.min(rank)));
                }
                Owner::Rule(provider, rule) => heard.rules.push((provider, rule, found.words)),
            }
        }
        heard.rules.sort_by_key(|(provider, rule, words)| (*provider, *rule, words.start));
        heard.rules.dedup_by_key(|(provider, rule, _)| (*provider, *rule));
        heard
    }
}

impl Knowledge {
    /// The reason of a refusal, by the strongest ground that there is.
    pub(crate) fn decide<'k>(
        &self,
        reply: &Reply,
        heard: &Heard,
        words: &Words,
        basic: Option<&ReplyEntry>,
        status: Option<&StatusEntry>,
        candidates: &[Candidate<'k>],
    ) -> Verdict<'k> {
        let verdict = |basis, certainty, reason| Verdict { basis, certainty, reason, telling: None, applied: None };
        let settled = status.filter(|s| !s.vague);
        let status_code = reply.status.as_ref().map(|s| s.value);
        let wording = heard.wording.as_ref().map(|(rank, at)| (&self.wordings[*rank as usize], words.span(at.clone())));

        if let Some(found) = candidates.iter().find(|c| c.decides()) {
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
            // The same of X.2.0, which greylisting uses, too.
            Some((_, Reason::Policy | Reason::RecipientRefuses)) if reply.class() == Some(Class::Temporary) => {
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

    /// The providers' rules that may apply, in the order of the tables.
    pub(crate) fn candidates<'k>(
        &'k self,
        heard: &Heard,
        words: &Words,
        reply: &Reply,
        entry: Option<&StatusEntry>,
    ) -> Vec<Candidate<'k>> {
        let basic = reply.basic.as_ref().map(|b| b.value);
        let status = reply.status.as_ref().map(|s| s.value);
        let mut numbers = self.rules_of(basic, status);
        numbers.extend(heard.rules.iter().map(|(provider, rule, _)| (*provider, *rule)));
        numbers.sort_unstable();
        numbers.dedup();
        let mut found: Vec<Candidate<'k>> = Vec::new();
        for here in numbers.chunk_by(|a, b| a.0 == b.0) {
            let provider = &self.providers[usize::from(here[0].0)];
            let marked = match provider.kind {
                Kind::Provider => heard.marks.contains(&here[0].0),
                Kind::Software | Kind::Own => provider.marks.is_empty() || heard.marks.contains(&here[0].0),
            };
            let first = found.len();
            for number in here {
                let rule = &provider.rules[usize::from(number.1)];
                if !rule.covers(basic, status) {
                    continue;
                }
                let said = heard.rules.iter().find(|(p, r, _)| (*p, *r) == *number);
                let span = said.map(|(_, _, at)| words.span(at.clone()));
                let coded = !rule.codes.is_empty() || (!rule.replies.is_empty() && rule.says.is_empty());
                let by_code = coded && !rule.needs_words;
                let differs = coded && entry.is_none_or(|entry| !entry.vague && differs(entry.reason, rule.reason));
                if span.is_some() && (coded || marked) || span.is_none() && by_code {
                    let overlay = Overlay { provider, rule, by_words: span.is_some(), differs };
                    found.push(Candidate { overlay, span, marked });
                }
            }
            // Codes alone decide only where all rules of the provider agree about them.
            let of_provider = &found[first..];
            let one_reason =
                of_provider.windows(2).all(|pair| pair[0].overlay.rule.reason == pair[1].overlay.rule.reason);
            if !one_reason && marked {
                let mut at = 0;
                found.retain(|candidate| {
                    at += 1;
                    at <= first || candidate.overlay.by_words
                });
            }
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
pub(crate) fn distinct<'k>(overlays: impl Iterator<Item = Overlay<'k>>) -> Vec<Overlay<'k>> {
    let mut kept: Vec<Overlay<'k>> = Vec::new();
    for overlay in overlays {
        if !kept.iter().any(|k| k.provider.id == overlay.provider.id && k.rule.reason == overlay.rule.reason) {
            kept.push(overlay);
        }
    }
    kept
}
