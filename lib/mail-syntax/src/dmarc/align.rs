//! Alignment, and a receiver's result for a message.

use super::{
    AlignmentMode, Answers, Discovery, Gap, Requested, Rules, Scope, TreeWalk, discover, organizational_domain,
    walk::normal,
};

/// What authenticated an identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mechanism {
    /// SPF, of the envelope sender's domain (for a null sender, the HELO name).
    Spf,
    /// A signature, of the domain in its `d=`.
    Dkim,
}

/// What the mechanism came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Passed {
    /// It passed.
    Yes,
    /// It did not: fail, softfail, neutral, none, permerror.
    No,
    /// A temporary error; a later attempt may pass.
    Temporary,
}

/// An identifier that SPF or DKIM looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identifier {
    /// By what.
    pub mechanism: Mechanism,
    /// The domain.
    pub domain: String,
    /// With which result.
    pub passed: Passed,
}

/// Whether two domains fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Alignment {
    /// They do.
    Aligned,
    /// They do not.
    Unaligned,
    /// A lookup failed that would decide.
    Unknown,
}

/// Whether an identifier's domain fits the author's (RFC 7489 §3.1, RFC 9989 §4.4,
/// §4.10.2). Relaxed, and by RFC 9989, answers to [`super::names`] of both are needed.
pub fn align(author: &str, domain: &str, mode: AlignmentMode, rules: Rules, known: &Answers) -> Alignment {
    let (author, domain) = (normal(author), normal(domain));
    let of = |aligned: bool| if aligned { Alignment::Aligned } else { Alignment::Unaligned };
    if author == domain {
        return Alignment::Aligned;
    }
    match (mode, rules) {
        (AlignmentMode::Strict, _) => Alignment::Unaligned,
        (AlignmentMode::Relaxed, Rules::Rfc7489) => {
            of(organizational_domain(&author) == organizational_domain(&domain))
        }
        (AlignmentMode::Relaxed, Rules::Rfc9989) => {
            let organizational = |name: &str| TreeWalk::over(name, known).organizational_domain();
            match (organizational(&author), organizational(&domain)) {
                (Ok(author), Ok(domain)) => of(author == domain),
                // Names without a common end can have no common organizational domain.
                _ if author.rsplit('.').next() != domain.rsplit('.').next() => Alignment::Unaligned,
                _ => Alignment::Unknown,
            }
        }
    }
}

/// A receiver's result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// An aligned identifier passed.
    Pass,
    /// None did.
    Fail,
    /// No record applies, so that DMARC says nothing.
    None,
    /// A temporary error decides; a later attempt may end otherwise.
    TempError,
    /// The record's policies are faulty and it asks for no reports: receivers
    /// apply no DMARC.
    PermError,
}

/// An evaluation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evaluation {
    /// The result.
    pub verdict: Verdict,
    /// How the record was found.
    pub discovery: Discovery,
    /// What the domain's owner wishes where the result is [`Verdict::Fail`].
    pub requested: Option<Requested>,
    /// Each identifier's alignment, in the order given.
    pub alignments: Vec<Alignment>,
}

/// What a receiver makes of a message from `author` (the domain of its `From`).
///
/// `exists` says whether the author's domain has A, AAAA or MX records.
pub fn evaluate(author: &str, exists: bool, identifiers: &[Identifier], rules: Rules, known: &Answers) -> Evaluation {
    let discovery = discover(author, rules, known);
    let Some(found) = &discovery.record else {
        let failed = matches!(discovery.gap, Some(Gap::Failed(_)));
        let verdict = if failed { Verdict::TempError } else { Verdict::None };
        return Evaluation { verdict, discovery, requested: None, alignments: Vec::new() };
    };
    let scope = if exists || discovery.scope == Scope::Own { discovery.scope } else { Scope::Nonexistent };
    let requested = found.record.requested(rules, scope);
    let alignments: Vec<Alignment> = identifiers
        .iter()
        .map(|identifier| {
            let mode = match identifier.mechanism {
                Mechanism::Spf => found.record.spf_mode(),
                Mechanism::Dkim => found.record.dkim_mode(),
            };
            align(author, &identifier.domain, mode, rules, known)
        })
        .collect();
    let any = |passed: Passed, alignment: Alignment| {
        identifiers.iter().zip(&alignments).any(|(id, aligned)| id.passed == passed && *aligned == alignment)
    };
    let verdict = if requested.is_none() {
        Verdict::PermError
    } else if any(Passed::Yes, Alignment::Aligned) {
        Verdict::Pass
    } else if any(Passed::Yes, Alignment::Unknown)
        || any(Passed::Temporary, Alignment::Aligned)
        || any(Passed::Temporary, Alignment::Unknown)
    {
        // RFC 9989 §5.3.5: what only failed for now is no permanent failure.
        Verdict::TempError
    } else {
        Verdict::Fail
    };
    Evaluation { verdict, discovery, requested, alignments }
}
