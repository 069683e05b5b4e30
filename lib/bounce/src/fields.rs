//! Fields `Name: value`: of a message's header, a delivery report, a feedback report.

use std::{borrow::Cow, ops::Range};

/// The most fields of one block that are kept.
const MOST: usize = 1_000;

/// The fields of one block, in order, as they stand in the text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fields<'a> {
    text: Cow<'a, str>,
    places: Vec<(Range<usize>, Range<usize>)>,
}

impl<'a> Fields<'a> {
    /// Reads all of `text`, which holds no blank line.
    pub(crate) fn read(text: impl Into<Cow<'a, str>>) -> Self {
        let text = text.into();
        let mut places: Vec<(Range<usize>, Range<usize>)> = Vec::new();
        let mut at = 0;
        for line in text.split_inclusive('\n') {
            let start = at;
            at += line.len();
            let end = start + line.trim_end_matches(['\n', '\r']).len();
            if line.starts_with([' ', '\t']) {
                if let Some((_, value)) = places.last_mut() {
                    value.end = end;
                }
            } else if let Some(name) = name_of(line).filter(|_| places.len() < MOST) {
                places.push((
                    start..start + name.trim_end().len(),
                    start + name.len() + 1..end.max(start + name.len() + 1),
                ));
            }
        }
        Fields { text, places }
    }

    /// The first field called `name`, unfolded and trimmed; `None` when it is missing.
    pub(crate) fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        self.all(name).next()
    }

    /// Every field called `name`.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = Cow<'_, str>> {
        self.places
            .iter()
            .filter(move |(own, _)| self.text[own.clone()].eq_ignore_ascii_case(name))
            .map(|(_, value)| unfolded(&self.text[value.clone()]))
    }

    /// Every field with its name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
        self.places.iter().map(|(name, value)| (&self.text[name.clone()], unfolded(&self.text[value.clone()])))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }
}

/// What stands before the colon of a field (RFC 5322 §3.6.8), with blanks
/// before the colon, which the obsolete syntax allows (§4.5).
pub(crate) fn name_of(line: &str) -> Option<&str> {
    let bytes = line.as_bytes();
    let end = bytes.iter().position(|b| !b.is_ascii_graphic() || *b == b':')?;
    let blanks = bytes[end..].iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
    (end > 0 && end < 80 && bytes.get(end + blanks) == Some(&b':')).then(|| &line[..end + blanks])
}

/// One line of a folded value.
fn unfolded(value: &str) -> Cow<'_, str> {
    let value = value.trim();
    if !value.contains(['\n', '\r']) {
        return Cow::Borrowed(value);
    }
    let mut joined = String::with_capacity(value.len());
    for line in value.lines() {
        let line = line.trim();
        if !joined.is_empty() && !line.is_empty() {
            joined.push(' ');
        }
        joined.push_str(line);
    }
    Cow::Owned(joined)
}

/// Where the header ends and the body begins: at the first blank line, or at
/// the first line that can be no field. Bytes, for a header may hold any.
pub(crate) fn split_header(bytes: &[u8]) -> (&[u8], &[u8]) {
    let mut at = 0;
    for line in bytes.split_inclusive(|b| *b == b'\n') {
        let bare = line.trim_ascii_end();
        if bare.is_empty() {
            return (&bytes[..at], &bytes[at + line.len()..]);
        }
        let field = matches!(bare[0], b' ' | b'\t') || bare.iter().take(80).any(|b| *b == b':');
        if !field && at == 0 {
            // No header at all.
            return (&[], bytes);
        }
        at += line.len();
    }
    (bytes, &[])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn fields_are_unfolded_and_found_whatever_their_case() {
        let fields =
            Fields::read("Action : failed\r\nDiagnostic-Code: smtp;\r\n  550 no\r\n\tsuch user\r\nnonsense\r\nX:\r\n");
        assert_eq!(fields.get("action").unwrap(), "failed");
        assert_eq!(fields.get("DIAGNOSTIC-CODE").unwrap(), "smtp; 550 no such user");
        assert_eq!((fields.get("X").unwrap().as_ref(), fields.iter().count()), ("", 3));
        assert_eq!(fields.get("nonsense"), None);
    }

    #[test]
    fn a_header_ends_at_a_blank_line_or_is_missing() {
        assert_eq!(split_header(b"A: 1\r\n\r\nbody"), (&b"A: 1\r\n"[..], &b"body"[..]));
        assert_eq!(split_header(b"no header here\nA: 1\n"), (&b""[..], &b"no header here\nA: 1\n"[..]));
        assert_eq!(split_header(b"A: 1"), (&b"A: 1"[..], &b""[..]));
        assert_eq!(split_header(b""), (&b""[..], &b""[..]));
    }
}
