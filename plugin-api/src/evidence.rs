//! Evidence: which observation a finding rests on, and where in it to look.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Names one observation of a run, for example `dns:MX:example.org`.
///
/// The host gives it out with every service reply. It is derived from the
/// question, so that it is the same in a replay and whatever the order in
/// which checks ran.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct EvidenceId(pub String);

impl std::fmt::Display for EvidenceId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A range of bytes inside a quoted text, `start..end`, end exclusive.
///
/// Both ends lie on character boundaries of the text and inside it; a reader
/// clamps what does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Span {
    /// First byte, counted from 0.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Span {
    /// The range `start..end`.
    pub fn new(start: usize, end: usize) -> Self {
        Span { start, end }
    }

    /// The same range, shifted by `offset` bytes to the right.
    pub fn shifted(self, offset: usize) -> Self {
        Span { start: self.start + offset, end: self.end + offset }
    }

    /// Where `part`, a sub-slice of `whole`, lies in it; the empty range at
    /// 0 when it is no sub-slice.
    pub fn of(part: &str, whole: &str) -> Self {
        let (from, to) = (whole.as_ptr() as usize, part.as_ptr() as usize);
        match to.checked_sub(from) {
            Some(start) if start + part.len() <= whole.len() => Span { start, end: start + part.len() },
            _ => Span { start: 0, end: 0 },
        }
    }
}

/// The record or reply that a finding speaks of, as it was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Quote {
    /// The text, for example `v=spf1 a mx ?all` or `example.org. MX 10 mail.`.
    pub text: String,
    /// The part at fault; absent when the whole text is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span: Option<Span>,
    /// A short label shown beside the caret, for example `unknown mechanism`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

impl Quote {
    /// Cuts a text that is longer than `whole` bytes to what the span points at
    /// and `around` bytes on both sides, with `…` where something is left out.
    pub fn shorten(&mut self, whole: usize, around: usize) {
        if self.text.len() <= whole {
            return;
        }
        let span = self.span.unwrap_or(Span::new(0, 0));
        let end = span.end.min(span.start + around);
        let boundary =
            |at: usize| (0..=at.min(self.text.len())).rev().find(|at| self.text.is_char_boundary(*at)).unwrap_or(0);
        let (from, to) = (boundary(span.start.saturating_sub(around)), boundary(end + around));
        let before = if from > 0 { "… " } else { "" };
        let after = if to < self.text.len() { " …" } else { "" };
        let text = format!("{before}{}{after}", &self.text[from..to]);
        if self.span.is_some() {
            let shift = |at: usize| at - from + before.len();
            self.span = Some(Span::new(shift(boundary(span.start)), shift(boundary(end))));
        }
        self.text = text;
    }
}

/// One observation that supports a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// The observation; its full text stands in the report's `evidence`.
    pub id: EvidenceId,
    /// The part of it to show with the finding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quote: Option<Quote>,
}

impl Evidence {
    /// The whole observation, without a quotation.
    pub fn of(id: &EvidenceId) -> Self {
        Evidence { id: id.clone(), quote: None }
    }

    /// The observation with the record or reply to show.
    pub fn quoting(id: &EvidenceId, text: impl Into<String>) -> Self {
        Evidence { id: id.clone(), quote: Some(Quote { text: text.into(), span: None, label: None }) }
    }

    /// Points at a part of the quoted text; without a quotation it does nothing.
    pub fn at(mut self, span: Span, label: impl Into<String>) -> Self {
        if let Some(quote) = &mut self.quote {
            quote.span = Some(span);
            quote.label = Some(label.into());
        }
        self
    }
}
