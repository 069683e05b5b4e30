//! Replies that say that the evaluation itself ended in an error, not that the
//! message did not pass.

use smtp_reasons::{Explanation, Reason};

/// What is said instead of the reason's own title and remedy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EvaluationError {
    /// What the reply says.
    pub(crate) title: &'static str,
    /// What to do if nothing better is found.
    pub(crate) remedy: &'static str,
}

/// `permerror` and `temperror` (RFC 7208 §2.6.6, §2.6.7).
const SPF: EvaluationError = EvaluationError {
    title: "SPF could not be evaluated",
    remedy: "Make the DNS servers of the envelope sender's domain answer, and its SPF record free of errors, those of its includes too. Whether the sending server is named in it was not reached.",
};
/// The like for DMARC (RFC 9989 §4.10).
const DMARC: EvaluationError = EvaluationError {
    title: "the sender's DMARC policy could not be evaluated",
    remedy: "Make the DNS servers of the From header's domain answer for the name `_dmarc` below it, and keep one DMARC record there, free of errors.",
};
/// Words for it, in small letters; "permanent error" alone may stand before any refusal.
const WORDS: [&str; 14] = [
    "permerror",
    "perm error",
    "temperror",
    "temp error",
    "error evaluating",
    "evaluation error",
    "could not be evaluated",
    "spf validation error",
    "spf temporary error",
    "spf permanent error",
    "spf transient error",
    "dmarc temporary error",
    "dmarc permanent error",
    "dmarc policy error",
];

impl EvaluationError {
    /// The error that a reply in `text` states: by X.7.24 (RFC 7372 §3.2), unless
    /// the provider means something else by it, or in words.
    pub(crate) fn said(e: &Explanation<'_>, text: &str) -> Option<Self> {
        let error = match e.reason.id {
            Reason::Spf => SPF,
            Reason::Dmarc => DMARC,
            _ => return None,
        };
        let coded = e.reason.id == Reason::Spf
            && e.provider.is_none()
            && e.reply.status.as_ref().is_some_and(|status| status.value.registry_name() == "X.7.24");
        let words = text.get(e.reply.said.clone()).unwrap_or_default().to_ascii_lowercase();
        (coded || WORDS.iter().any(|own| words.contains(own))).then_some(error)
    }
}
