//! Tag lists, `name=value; name=value`, as DKIM defines them (RFC 6376 §3.2) and
//! DMARC, BIMI, MTA-STS and TLS-RPT take them over with small differences.
//!
//! The reader is more generous than any of them: whatever can be told apart
//! becomes a [`Tag`], and everything that one of the grammars forbids is an
//! [`Issue`]. Which of the issues matter is for the caller to say, who knows the
//! grammar and its receivers.
//!
//! ```
//! use mail_syntax::tag_list::{self, IssueKind};
//!
//! let text = "v=DKIM1; k = rsa;; p=MIGf MA0; k=ed25519";
//! let list = tag_list::parse(text);
//! assert_eq!(list.find("k").unwrap().value, "rsa"); // the first of several
//! assert_eq!(list.find("p").unwrap().value, "MIGf MA0"); // white space inside stays
//! let kinds: Vec<&IssueKind> = list.issues.iter().map(|issue| &issue.kind).collect();
//! assert_eq!(kinds, [&IssueKind::EmptyPiece, &IssueKind::Duplicate { first: 1 }]);
//! assert_eq!(list.issues[1].span.of(text), "k=ed25519");
//! ```

use std::{collections::HashMap, fmt};

use crate::Span;

/// Tags that are read; whatever follows is one [`IssueKind::TooMany`].
pub const MOST_TAGS: usize = 500;

/// What a text holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagList<'a> {
    /// What is written as `name=value`, in order, duplicates included.
    pub tags: Vec<Tag<'a>>,
    /// What is wrong, in order of place.
    pub issues: Vec<Issue>,
}

/// One tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag<'a> {
    /// Its name as written, without the white space around it; possibly empty
    /// or not allowed, which is an issue.
    pub name: &'a str,
    /// Its value as written, without the white space around it, possibly empty.
    pub value: &'a str,
    /// Where the name stands.
    pub name_span: Span,
    /// Where the value stands; empty, and behind the `=`, where the value is.
    pub value_span: Span,
}

impl Tag<'_> {
    /// Where it stands, from the name to the end of the value.
    pub fn span(&self) -> Span {
        Span::new(self.name_span.start, self.value_span.end)
    }

    /// Whether white space stands beside the `=`: DKIM and DMARC allow it,
    /// MTA-STS and TLS-RPT do not.
    pub fn has_space_at_equals(&self) -> bool {
        self.value_span.start != self.name_span.end + 1
    }
}

/// Something that one of the grammars forbids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// The bytes at fault.
    pub span: Span,
    /// What is wrong.
    pub kind: IssueKind,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IssueKind {
    /// Nothing stands before, or between two, `;`. A `;` at the end is allowed.
    EmptyPiece,
    /// A piece without `=`, so that it is no tag.
    NoEquals,
    /// The name does not begin with a letter, or holds other characters than
    /// letters, digits and `_`; or there is none.
    Name,
    /// A control character, line ends included, in the value; tabs are white space.
    Control(char),
    /// A character outside ASCII in the value, or U+FFFD for bytes that are no text.
    NotAscii(char),
    /// The name stands here for the second time: in DKIM that makes the whole
    /// list invalid.
    Duplicate {
        /// The first tag of the name, as an index into [`TagList::tags`].
        first: usize,
    },
    /// More than [`MOST_TAGS`] tags; the rest is not read.
    TooMany,
}

/// A lower-case fragment, for example `no tag: it has no "="`.
impl fmt::Display for IssueKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            IssueKind::EmptyPiece => f.write_str("nothing stands before this `;`"),
            IssueKind::NoEquals => f.write_str("no tag: it has no `=`"),
            IssueKind::Name => f.write_str("no name that a tag can have"),
            IssueKind::Control(c) => write!(f, "control character U+{:04X}", u32::from(*c)),
            IssueKind::NotAscii(char::REPLACEMENT_CHARACTER) => f.write_str("bytes that are no text"),
            IssueKind::NotAscii(c) => write!(f, "U+{:04X} is not ASCII", u32::from(*c)),
            IssueKind::Duplicate { .. } => f.write_str("stands here for the second time"),
            IssueKind::TooMany => write!(f, "more than {MOST_TAGS} tags"),
        }
    }
}

impl<'a> TagList<'a> {
    /// The first tag called `name`, in this very case (RFC 6376 §3.2).
    pub fn find(&self, name: &str) -> Option<&Tag<'a>> {
        self.tags.iter().find(|tag| tag.name == name)
    }

    /// The first tag called `name` in any case.
    pub fn find_any_case(&self, name: &str) -> Option<&Tag<'a>> {
        self.tags.iter().find(|tag| tag.name.eq_ignore_ascii_case(name))
    }
}

/// Reads a list. Costs time in proportion to the text's length.
pub fn parse(text: &str) -> TagList<'_> {
    let mut list = TagList::default();
    let mut first: HashMap<String, usize> = HashMap::new();
    let mut start = 0;
    while start < text.len() {
        if list.tags.len() >= MOST_TAGS || list.issues.len() >= MOST_TAGS {
            list.issues.push(Issue { span: Span::new(start, text.len()), kind: IssueKind::TooMany });
            break;
        }
        let end = text[start..].find(';').map_or(text.len(), |at| start + at);
        let piece = trimmed(text, Span::new(start, end));
        if piece.start < piece.end {
            list.piece(text, piece, &mut first);
        } else if end < text.len() {
            list.issues.push(Issue { span: Span::new(end, end + 1), kind: IssueKind::EmptyPiece });
        }
        start = end + 1;
    }
    list
}

/// The part of `value` where another tag seems to begin because the `;` before
/// it is missing or another character stands in its place: `none, rua=mailto:x`
/// gives `, ` and the tag `rua`. `known` are the names to look for.
pub fn missing_separator<'k>(value: &str, known: &[&'k str]) -> Option<(Span, &'k str)> {
    for (equals, _) in value.match_indices('=') {
        let before = value[..equals].trim_end_matches(is_space);
        for name in known {
            let Some(head) = ends_with_name(before, name) else { continue };
            let rest = head.trim_end_matches(|c: char| is_space(c) || matches!(c, ',' | ':' | '|' | '.' | '&' | '\\'));
            // Something must stand between the value and the name, and a value before that.
            if rest.len() < head.len() && !rest.is_empty() {
                return Some((Span::new(rest.len(), head.len()), name));
            }
        }
    }
    None
}

/// What stands before `name` at the end of `text`.
fn ends_with_name<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let at = text.len().checked_sub(name.len())?;
    text.get(at..).filter(|end| end.eq_ignore_ascii_case(name))?;
    text.get(..at)
}

impl<'a> TagList<'a> {
    /// Reads what stands between two `;`, white space taken off.
    fn piece(&mut self, text: &'a str, piece: Span, first: &mut HashMap<String, usize>) {
        let Some(equals) = piece.of(text).find('=').map(|at| piece.start + at) else {
            self.issues.push(Issue { span: piece, kind: IssueKind::NoEquals });
            return;
        };
        let name_span = trimmed(text, Span::new(piece.start, equals));
        let value_span = trimmed(text, Span::new(equals + 1, piece.end));
        let tag = Tag { name: name_span.of(text), value: value_span.of(text), name_span, value_span };
        if !is_name(tag.name) {
            let span = if tag.name.is_empty() { Span::new(equals, equals + 1) } else { name_span };
            self.issues.push(Issue { span, kind: IssueKind::Name });
        }
        let stranger = tag.value.char_indices().find(|(_, c)| !matches!(c, '\t' | ' '..='\x7e'));
        if let Some((at, c)) = stranger {
            let at = value_span.start + at;
            let kind = if c.is_ascii() { IssueKind::Control(c) } else { IssueKind::NotAscii(c) };
            self.issues.push(Issue { span: Span::new(at, at + c.len_utf8()), kind });
        }
        match first.get(tag.name) {
            Some(&first) => self.issues.push(Issue { span: tag.span(), kind: IssueKind::Duplicate { first } }),
            None => {
                first.insert(tag.name.to_owned(), self.tags.len());
            }
        }
        self.tags.push(tag);
    }
}

/// White space as the lists allow it around names and values.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// The span without the white space at its ends; where nothing else is in it,
/// empty and at its end.
fn trimmed(text: &str, span: Span) -> Span {
    let inner = span.of(text);
    let shown = inner.trim_start_matches(is_space);
    let start = span.end - shown.len();
    Span::new(start, start + shown.trim_end_matches(is_space).len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{IssueKind, MOST_TAGS, Span, missing_separator, parse};

    /// The tags as `name=value` and the issues with what they point at.
    fn check(text: &str, tags: &[&str], issues: &[(IssueKind, &str)]) {
        let list = parse(text);
        let found: Vec<String> = list.tags.iter().map(|tag| format!("{}={}", tag.name, tag.value)).collect();
        assert_eq!(found, tags, "tags of {text:?}");
        let found: Vec<(IssueKind, &str)> = list.issues.iter().map(|i| (i.kind, i.span.of(text))).collect();
        assert_eq!(found, issues, "issues of {text:?}");
    }

    #[test]
    fn reads_what_the_grammar_allows() {
        check("", &[], &[]);
        check("v=A;p=b;", &["v=A", "p=b"], &[]);
        check("\tv = A ;\r\n p =b c= ; q=", &["v=A", "p=b c=", "q="], &[]);
    }

    #[test]
    fn points_at_what_it_forbids() {
        check("; v=A;;p=b; ;", &["v=A", "p=b"], &[(IssueKind::EmptyPiece, ";"); 3]);
        check(
            "v=A; junk ;=b; 1x=2",
            &["v=A", "=b", "1x=2"],
            &[(IssueKind::NoEquals, "junk"), (IssueKind::Name, "="), (IssueKind::Name, "1x")],
        );
        check("a=1; b=2; a=3; A=4", &["a=1", "b=2", "a=3", "A=4"], &[(IssueKind::Duplicate { first: 0 }, "a=3")]);
        check(
            "a=\u{201c}x; b=\0",
            &["a=\u{201c}x", "b=\0"],
            &[(IssueKind::NotAscii('\u{201c}'), "\u{201c}"), (IssueKind::Control('\0'), "\0")],
        );
    }

    #[test]
    fn ends_at_its_bound() {
        for text in ["a=b;".repeat(20_000), ";".repeat(60_000), "x;".repeat(30_000)] {
            let list = parse(&text);
            assert!(list.tags.len() <= MOST_TAGS && list.issues.len() <= MOST_TAGS + 1);
            assert_eq!(list.issues.last().map(|issue| issue.kind), Some(IssueKind::TooMany));
        }
    }

    #[test]
    fn sees_where_a_separator_is_missing() {
        let known = ["rua", "p"];
        assert_eq!(missing_separator("none, rua=mailto:x", &known), Some((Span::new(4, 6), "rua")));
        assert_eq!(missing_separator("DMARC1 p = none", &known), Some((Span::new(6, 7), "p")));
        assert_eq!(missing_separator("mailto:x?p=1", &known), None);
        assert_eq!(missing_separator("backup=1", &known), None);
    }

    proptest! {
        #[test]
        fn every_span_holds_its_text(text in "[ vp=;\\t\u{e9}a1,]{0,40}|\\PC{0,60}") {
            let list = parse(&text);
            for tag in &list.tags {
                prop_assert_eq!(tag.name_span.of(&text), tag.name);
                prop_assert_eq!(tag.value_span.of(&text), tag.value);
                prop_assert!(tag.name_span.end < tag.value_span.start);
            }
            for issue in &list.issues {
                prop_assert!(text.get(issue.span.start..issue.span.end).is_some_and(|at| !at.is_empty()));
            }
        }

        #[test]
        fn what_is_written_is_read(tags in prop::collection::vec(("[a-z][a-z0-9_]{0,5}", "[!-:<-~]{0,8}"), 0..9)) {
            let text: String = tags.iter().map(|(name, value)| format!("{name}={value}; ")).collect();
            let list = parse(&text);
            let read: Vec<(String, String)> =
                list.tags.iter().map(|tag| (tag.name.to_owned(), tag.value.to_owned())).collect();
            prop_assert_eq!(read, tags);
        }
    }
}
