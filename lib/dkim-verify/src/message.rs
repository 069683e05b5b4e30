//! A message as DKIM sees it: header fields with their very bytes, and a body.

use std::borrow::Cow;

/// The most header fields that are read.
pub const MOST_FIELDS: usize = 2_000;

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// The header fields in order.
    pub fields: Vec<Field<'a>>,
    /// What follows the empty line.
    pub body: &'a [u8],
    /// Why these may not be the bytes that were signed; nothing is verified then.
    pub fault: Option<Fault>,
}

/// What keeps a message from being verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is UTF-16 text: the bytes were converted.
    Wide,
    /// It has more than [`MOST_FIELDS`] header fields.
    TooManyFields,
    /// This line of the header, shortened, is no field (RFC 5322 §2.2): it has no colon.
    NotAField(String),
}

/// A header field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// Its name, without the colon.
    pub name: &'a [u8],
    /// What follows the colon, folding included, without the line end.
    pub value: &'a [u8],
}

/// Which of several fields of one name counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The last first, as RFC 6376 §5.4.2 wants it.
    LastFirst,
    /// The first first.
    FirstFirst,
}

impl<'a> Message<'a> {
    /// Reads a message. Lines may end with CRLF or LF; a byte order mark, empty lines
    /// and a line `From …` that a program put before the header are left out.
    pub fn read(bytes: &'a [u8]) -> Self {
        if let [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, 1..=255, ..] | [1..=255, 0, ..] = bytes {
            return Message { fields: Vec::new(), body: bytes, fault: Some(Fault::Wide) };
        }
        let mut rest = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        while !rest.is_empty() && line(rest).0.trim_ascii().is_empty() {
            rest = line(rest).1;
        }
        if rest.starts_with(b"From ") || rest.starts_with(b">From ") {
            rest = line(rest).1;
        }
        let mut fields: Vec<Field<'a>> = Vec::new();
        let mut fault = None;
        while !rest.is_empty() {
            let (first, after) = line(rest);
            if first.is_empty() {
                rest = after;
                break;
            }
            if fields.len() == MOST_FIELDS {
                fault = Some(Fault::TooManyFields);
                break;
            }
            let Some(colon) = first.iter().position(|byte| *byte == b':') else {
                let text = String::from_utf8_lossy(first);
                fault = fault.or_else(|| Some(Fault::NotAField(text.chars().take(60).collect())));
                rest = after;
                continue;
            };
            let mut end = first.len();
            let mut next = after;
            // Continued lines begin with white space.
            while let [b' ' | b'\t', ..] = next {
                let (more, after) = line(next);
                end = rest.len() - next.len() + more.len();
                next = after;
            }
            let whole = &rest[..end];
            fields.push(Field { name: &whole[..colon], value: &whole[colon + 1..] });
            rest = next;
        }
        Message { fields, body: rest, fault }
    }

    /// The fields of this name, by their place, in order.
    pub fn named(&self, name: &str) -> impl Iterator<Item = usize> {
        self.fields.iter().enumerate().filter(move |(_, field)| field.is(name)).map(|(at, _)| at)
    }
}

impl Field<'_> {
    /// Whether it has this name; white space before the colon is none of it.
    pub fn is(&self, name: &str) -> bool {
        self.name.trim_ascii_end().eq_ignore_ascii_case(name.as_bytes())
    }

    /// The value as text; what is no UTF-8 is U+FFFD.
    pub fn value_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.value)
    }
}

/// The first line without its end, and what follows it.
pub(crate) fn line(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) => {
            let text = bytes[..end].strip_suffix(b"\r").unwrap_or(&bytes[..end]);
            (text, &bytes[end + 1..])
        }
        None => (bytes, &[]),
    }
}
