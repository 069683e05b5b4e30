//! Quotations of the pasted text, with the place that a caret points at.

use std::ops::Range;

use engine_plugin_api::{Evidence, EvidenceId, Span};

use crate::facts::Facts;

/// The most bytes that a quotation shows.
const LONGEST: usize = 400;

/// The part `whole` of the text, on one line and cut to a readable length, with
/// `part` marked.
pub(crate) fn quote(facts: &Facts, whole: &Range<usize>, part: &Range<usize>, label: &str) -> Evidence {
    let text = &facts.text;
    let stretch = text.get(whole.clone()).unwrap_or_default();
    let start = whole.start + (stretch.len() - stretch.trim_start().len());
    let end = (whole.start + stretch.trim_end().len()).max(start);
    // Where the marked part lies far back, show its surroundings.
    let from =
        if part.end > start + LONGEST { boundary(text, part.start.saturating_sub(80).max(start)) } else { start };
    let to = boundary(text, end.min(from + LONGEST)).max(from);
    // Line ends and tabs become spaces of the same length, so that places stay.
    let shown = text[from..to].replace(['\r', '\n', '\t'], " ");
    let mark = Span::new(part.start.clamp(from, to) - from, part.end.clamp(from, to) - from);
    Evidence::quoting(&EvidenceId::default(), shown).at(mark, label)
}

fn boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}
