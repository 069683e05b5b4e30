//! Whether the signatures that hold count for those who wrote the message.

use engine_plugin_api::{Actor, Cause, CauseKind, Finding, Judgement, Remedy, Subject, Unknown};
use mail_syntax::dmarc::{self, Alignment, AlignmentMode, Gap, Rules, discover, organizational_domain};

use super::mail::{Fate, at};
use crate::{
    UNALIGNED,
    facts::{MailFacts, SignatureFacts},
};

/// Whether a signature counts for an author.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counts {
    Yes,
    No(Why),
    /// A DMARC record that decides got no answer.
    Unknown,
}

/// Why it does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// It is of another organization.
    Other,
    /// The author's record wants the very same domain.
    Strict,
    /// Records in the DNS part the two into different organizations (RFC 9989 §4.10.2).
    Walk,
}

/// Judges each author by the signatures and their fates; says whether each one has a
/// signature that counts. A message counts as its authors' only then (RFC 7489 §6.6.1).
pub fn judge(mail: &MailFacts, fates: &[Fate], out: &mut Judgement) -> bool {
    let mut all = !mail.authors.is_empty() && !mail.has_more_authors;
    if let Some(author) = mail.authors.first().filter(|_| mail.has_more_authors) {
        let what = "whether the signatures count for every domain of `From`";
        let cause = Cause::new(CauseKind::Denied, format!("the first {} are looked at", mail.authors.len()));
        out.unknown(Unknown::new(Subject::Domain(author.clone()), what, cause));
    }
    for author in &mail.authors {
        let counts = |one: &SignatureFacts| counts(mail, author, &one.signature.domain);
        let with = |fate: Fate| mail.signatures.iter().zip(fates).filter(move |(_, has)| **has == fate);
        let passing: Vec<(&SignatureFacts, Counts)> = with(Fate::Passes).map(|(one, _)| (one, counts(one))).collect();
        if passing.iter().any(|(_, counts)| *counts == Counts::Yes) {
            continue;
        }
        all = false;
        let mut doubtful = passing.iter().filter(|(_, counts)| *counts == Counts::Unknown);
        if let Some((one, _)) = doubtful.next() {
            out.unknown(unknown(mail, author, one));
            continue;
        }
        // What is not known of these is said elsewhere.
        let open = with(Fate::Open).any(|(one, _)| !matches!(counts(one), Counts::No(_)));
        if !open && mail.left_out == 0 {
            unaligned(author, &passing, out);
        }
    }
    all
}

fn counts(mail: &MailFacts, author: &str, domain: &str) -> Counts {
    if author == domain {
        return Counts::Yes;
    }
    if organizational_domain(author) != organizational_domain(domain) {
        return Counts::No(Why::Other);
    }
    let mut known = true;
    for rules in Rules::BOTH {
        let found = discover(author, rules, &mail.policies);
        known &= !matches!(found.gap, Some(Gap::Failed(_)));
        // Without a record there is no DMARC for the signature to count in.
        let Some(found) = found.record.filter(|found| found.record.disabling(rules).is_none()) else { continue };
        let mode = found.record.dkim_mode();
        match dmarc::align(author, domain, mode, rules, &mail.policies) {
            Alignment::Aligned => {}
            Alignment::Unaligned if mode == AlignmentMode::Strict => return Counts::No(Why::Strict),
            Alignment::Unaligned => return Counts::No(Why::Walk),
            Alignment::Unknown => known = false,
        }
    }
    if known { Counts::Yes } else { Counts::Unknown }
}

fn unknown(mail: &MailFacts, author: &str, one: &SignatureFacts) -> Unknown {
    let what = format!("whether the signature of {} counts for {author}", one.signature.domain);
    let cause = mail.policy_gap.clone();
    let cause = cause.unwrap_or_else(|| Cause::new(CauseKind::Other, "a DMARC record is not known"));
    Unknown::new(Subject::Domain(author.to_owned()), what, cause)
}

fn unaligned(author: &str, passing: &[(&SignatureFacts, Counts)], out: &mut Judgement) {
    let strictest = passing.iter().find(|(_, counts)| *counts != Counts::No(Why::Other));
    let Some((first, counts)) = strictest.or(passing.first()) else { return };
    let domains: Vec<&str> = passing.iter().map(|(one, _)| one.signature.domain.as_str()).collect();
    let own = format!("Let the sending service sign with a key of {author} (custom DKIM, domain authentication)");
    let (because, step) = match counts {
        Counts::No(Why::Strict) => (
            format!("the DMARC record that applies to {author} wants that very domain (`adkim=s`), so these signatures do not count"),
            format!("{own}, or take `adkim=s` out of the DMARC record."),
        ),
        Counts::No(Why::Walk) => (
            "for receivers of RFC 9989 the DMARC records (`psd=`) make them different organizations, so these signatures \
             do not count"
                .to_owned(),
            format!("{own}."),
        ),
        _ => ("for DMARC these signatures do not count".to_owned(), format!("{own}.")),
    };
    let seen = format!("The message is written by {author} and signed by {} alone: {because}.", domains.join(", "));
    out.find(
        Finding::new(UNALIGNED, Subject::Domain(author.to_owned()), seen)
            .actor(Actor::SendingService)
            .evidence(at(first, "d", "not the author's"))
            .remedy(Remedy::step(step)),
    );
}
