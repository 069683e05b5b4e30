//! A name's TXT records, parted by whether they are the one that is looked for.

use std::borrow::Cow;

/// What stands among a name's TXT records; `L` says why a text that was meant as a
/// record of the kind is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection<L> {
    /// The records of the kind. One is right.
    pub records: Vec<Candidate>,
    /// Texts meant as one that no receiver need take for it.
    pub lookalikes: Vec<(Candidate, L)>,
    /// Texts of another use.
    pub others: Vec<Candidate>,
}

impl<L> Default for Selection<L> {
    fn default() -> Self {
        Selection { records: Vec::new(), lookalikes: Vec::new(), others: Vec::new() }
    }
}

/// One TXT record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its position among the texts given.
    pub index: usize,
    /// Its text; what is no UTF-8 becomes U+FFFD.
    pub text: String,
}

/// Parts `texts`, each joined from its strings without a space, by what `is_record`
/// says of the bytes and `lookalike` of a text that is no record.
pub(crate) fn select<T: AsRef<[u8]>, L>(
    texts: &[T],
    is_record: impl Fn(&[u8]) -> bool,
    lookalike: impl Fn(&str) -> Option<L>,
) -> Selection<L> {
    let mut selection = Selection::default();
    for (index, bytes) in texts.iter().enumerate() {
        let bytes = bytes.as_ref();
        let candidate = Candidate { index, text: read_text(bytes).into_owned() };
        if is_record(bytes) {
            selection.records.push(candidate);
        } else if let Some(why) = lookalike(&candidate.text) {
            selection.lookalikes.push((candidate, why));
        } else {
            selection.others.push(candidate);
        }
    }
    selection
}

/// The text of a TXT record's bytes; what is no UTF-8 becomes U+FFFD.
pub fn read_text(bytes: &[u8]) -> Cow<'_, str> {
    // Nearly all are; finding the place of a fault costs more.
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

/// A text without what a slip of the hand puts before it.
pub(crate) struct Bare<'t> {
    /// Without white space, and characters that cannot be seen, before it.
    pub shown: &'t str,
    /// Without quotation marks either.
    pub bare: &'t str,
}

/// Takes away what stands before the first character that says anything.
pub(crate) fn bare(text: &str) -> Bare<'_> {
    let invisible = |c: char| c.is_whitespace() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}');
    let shown = text.trim_start_matches(invisible);
    Bare { shown, bare: shown.trim_start_matches(|c| is_quote(c) || invisible(c)) }
}

/// Whether `c` is a quotation mark, or a backslash, as pasted text has them.
pub(crate) fn is_quote(c: char) -> bool {
    matches!(c, '"' | '\'' | '\\' | '`' | '\u{2018}'..='\u{201f}')
}
