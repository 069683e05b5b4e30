//! `name=value` fields as MTA-STS and TLS-RPT records have them (RFC 8461 §3.1,
//! RFC 8460 §3): stricter than a [tag list](crate::tag_list), with other names.

use std::fmt;

use crate::{
    Span,
    misspelt::{distance, same_letters},
    txt::{bare, is_quote},
};

/// The longest text that is read; the rest is one [`FieldFault::TooLong`].
pub const LONGEST: usize = 64 * 1024;
/// The most characters of a field's name.
const LONGEST_NAME: usize = 32;

/// A field as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its value.
    pub value: &'a str,
    /// Where the name stands.
    pub name_span: Span,
    /// Where the value stands.
    pub value_span: Span,
}

impl Field<'_> {
    /// Where it stands.
    pub fn span(&self) -> Span {
        Span::new(self.name_span.start, self.value_span.end)
    }
}

/// What the grammar forbids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldFault {
    /// Nothing stands between two `;`.
    Empty,
    /// No `=`.
    NoEquals,
    /// White space beside the `=`.
    SpaceAtEquals,
    /// Not a letter or digit followed by up to 31 letters, digits, `_`, `-`, `.`.
    Name,
    /// No value.
    NoValue,
    /// The value holds what no value may hold.
    Value,
    /// The text is longer than 64 KiB; the rest is not read.
    TooLong,
}

impl fmt::Display for FieldFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FieldFault::Empty => "nothing stands before this `;`",
            FieldFault::NoEquals => "no field: it has no `=`",
            FieldFault::SpaceAtEquals => "white space beside the `=`",
            FieldFault::Name => "no name that a field can have",
            FieldFault::NoValue => "a field without a value",
            FieldFault::Value => "a character that no value may hold",
            FieldFault::TooLong => "longer than 64 KiB",
        })
    }
}

/// Splits `text` at its `;`. A field with a fault is given as well, where it can
/// be told apart; `values` says which characters the value of a name may hold.
pub(crate) fn split<'a>(
    text: &'a str,
    values: impl Fn(&str, char) -> bool,
) -> (Vec<Field<'a>>, Vec<(Span, FieldFault)>) {
    let (mut fields, mut faults) = (Vec::new(), Vec::new());
    let mut end = text.len();
    if end > LONGEST {
        end = (0..=LONGEST).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        faults.push((Span::new(end, text.len()), FieldFault::TooLong));
    }
    let text = &text[..end];
    let mut start = 0;
    while start < text.len() {
        let end = text[start..].find(';').map_or(text.len(), |at| start + at);
        let piece = &text[start..end];
        let from = start + piece.len() - piece.trim_start_matches([' ', '\t']).len();
        let piece = piece.trim_matches([' ', '\t']);
        let span = Span::new(from.min(end), from.min(end) + piece.len());
        if piece.is_empty() {
            // The one `;` at the end has nothing behind it, not nothing before it.
            if end < text.len() {
                faults.push((Span::new(end, end + 1), FieldFault::Empty));
            }
        } else {
            field(piece, span, &values, &mut fields, &mut faults);
        }
        start = end + 1;
    }
    (fields, faults)
}

fn field<'a>(
    piece: &'a str,
    span: Span,
    values: impl Fn(&str, char) -> bool,
    fields: &mut Vec<Field<'a>>,
    faults: &mut Vec<(Span, FieldFault)>,
) {
    let Some((written_name, written_value)) = piece.split_once('=') else {
        return faults.push((span, FieldFault::NoEquals));
    };
    let (name, value) = (written_name.trim_end_matches([' ', '\t']), written_value.trim_start_matches([' ', '\t']));
    let name_span = Span::new(span.start, span.start + name.len());
    let value_span = Span::new(span.end - value.len(), span.end);
    if value_span.start != name_span.end + 1 {
        faults.push((Span::new(name_span.end, value_span.start.max(name_span.end + 1)), FieldFault::SpaceAtEquals));
    }
    if !is_name(name) {
        faults.push((if name.is_empty() { span } else { name_span }, FieldFault::Name));
    }
    if value.is_empty() {
        faults.push((span, FieldFault::NoValue));
    } else if let Some((at, c)) = value.char_indices().find(|(_, c)| !values(name, *c)) {
        let at = value_span.start + at;
        faults.push((Span::new(at, at + c.len_utf8()), FieldFault::Value));
    }
    fields.push(Field { name, value, name_span, value_span });
}

/// A letter or digit, then up to 31 of letters, digits, `_`, `-` and `.`.
pub(crate) fn is_name(name: &str) -> bool {
    name.len() <= LONGEST_NAME
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
}

/// Whether an extension's value may hold `c`: visible ASCII but `;` and `=`.
pub(crate) fn in_extension(c: char) -> bool {
    c.is_ascii_graphic() && c != ';' && c != '='
}

/// Whether `text` begins with `version` and then ends, or goes on with `;`.
pub(crate) fn begins_with_version(text: &str, version: &str) -> bool {
    text.strip_prefix(version).is_some_and(|rest| {
        let rest = rest.trim_start_matches([' ', '\t']);
        rest.is_empty() || rest.starts_with(';')
    })
}

/// Pieces between `;` in which a version is looked for.
const MOST_PIECES: usize = 16;
/// Characters of a piece that are looked at: what a version can be at most.
const LONGEST_VERSION: usize = 32;

/// Whether somebody meant `text` to bear the version `v=VERSION` (here in small
/// letters), or one of another number by one of `words`: in another case, with white
/// space or quotation marks, a letter wrong, not in front. That a word stands
/// anywhere else in the text says nothing.
pub(crate) fn resembles_version(text: &str, version: &str, words: &[&str]) -> bool {
    text.split(';').take(MOST_PIECES).any(|piece| {
        let shown = bare(piece).bare.chars().take(2 * LONGEST_VERSION);
        let plain: String =
            shown.filter(|c| !c.is_whitespace() && !is_quote(*c)).collect::<String>().to_ascii_lowercase();
        let named = plain.strip_prefix('v').and_then(|rest| rest.strip_prefix(['=', ':']));
        // `STSv1; id=1` says what it is; `sts` alone does not.
        let (value, is_named) = named.map_or((plain.as_str(), false), |value| (value.trim_start_matches('='), true));
        words.iter().any(|word| {
            value.strip_prefix(word).is_some_and(|rest| match rest.strip_prefix('v') {
                Some(number) => number.starts_with(|c: char| c.is_ascii_digit()) || (is_named && number.is_empty()),
                None => is_named && !rest.starts_with(|c: char| c.is_alphabetic()),
            })
        }) || (is_named && misspells(value, version))
    })
}

/// Whether `value` begins with a word that is one slip away from `version`.
fn misspells(value: &str, version: &str) -> bool {
    let word = value.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    distance(word, version) == 1 || same_letters(word, version)
}
