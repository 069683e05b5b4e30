//! What a host may be called (RFC 952, RFC 1123 §2.1), and names that are no hosts.

use std::net::IpAddr;

use engine_plugin_api::Span;

/// What is wrong with a part of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// More than 253 characters (RFC 1035 §2.3.4: 255 bytes on the wire).
    NameTooLong,
    /// Two dots with nothing between them.
    LabelEmpty,
    /// A label of more than 63 characters (RFC 1035 §2.3.4).
    LabelTooLong,
    /// A character that is no letter, digit or hyphen.
    Character(char),
    /// The same, for a byte that is written `\DDD` (RFC 4343 §2.1).
    Byte(u8),
    /// A label begins with a hyphen.
    LeadingHyphen,
    /// A label ends with a hyphen.
    TrailingHyphen,
    /// The last label is all digits, so that the name reads as an address (RFC 1123 §2.1).
    NumericTld,
    /// `--` as third and fourth character of what is no A-label (RFC 5890 §2.3.1).
    ReservedHyphens,
}

impl Fault {
    /// Whether the name is legal nevertheless.
    pub fn is_mild(&self) -> bool {
        *self == Fault::ReservedHyphens
    }

    /// Whether it is a character outside ASCII.
    pub fn is_foreign(&self) -> bool {
        matches!(self, Fault::Character(c) if !c.is_ascii()) || matches!(self, Fault::Byte(byte) if !byte.is_ascii())
    }

    /// A label for a caret, for example `a host name has no "_"`.
    pub fn label(&self) -> String {
        match self {
            Fault::NameTooLong => "longer than 253 characters".into(),
            Fault::LabelEmpty => "an empty label".into(),
            Fault::LabelTooLong => "a label longer than 63 characters".into(),
            Fault::Character(c) => format!("a host name has no {c:?}"),
            Fault::Byte(b' ') => "a host name has no space".into(),
            Fault::Byte(byte) if byte.is_ascii() => format!("a host name has no control character ({byte})"),
            Fault::Byte(_) => "a host name has no character outside ASCII".into(),
            Fault::LeadingHyphen => "a label begins with a hyphen".into(),
            Fault::TrailingHyphen => "a label ends with a hyphen".into(),
            Fault::NumericTld => "the last label is all digits".into(),
            Fault::ReservedHyphens => "\"--\" here is reserved".into(),
        }
    }
}

/// The faults of `name` (no final dot), at most one a label and one for the whole, each with its place.
pub fn faults(name: &str) -> Vec<(Fault, Span)> {
    let mut found = Vec::new();
    for label in name.split('.') {
        let span = Span::of(label, name);
        if let Some((fault, start, length)) = label_fault(label) {
            found.push((fault, Span::new(span.start + start, span.start + start + length)));
        }
    }
    let last = name.rsplit('.').next().unwrap_or_default();
    if !last.is_empty() && last.bytes().all(|b| b.is_ascii_digit()) {
        found.push((Fault::NumericTld, Span::of(last, name)));
    }
    if name.len() > 253 {
        found.push((Fault::NameTooLong, Span::new(0, name.len())));
    }
    found
}

/// The first fault of a label, where it starts and how long it is.
fn label_fault(label: &str) -> Option<(Fault, usize, usize)> {
    if label.is_empty() {
        return Some((Fault::LabelEmpty, 0, 0));
    }
    if let Some((at, c)) = label.char_indices().find(|(_, c)| !c.is_ascii_alphanumeric() && *c != '-') {
        return Some(match unescape(&label[at..]) {
            Some((byte, length)) if byte.is_ascii_graphic() => (Fault::Character(char::from(byte)), at, length),
            Some((byte, length)) => (Fault::Byte(byte), at, length),
            None => (Fault::Character(c), at, c.len_utf8()),
        });
    }
    if label.len() > 63 {
        return Some((Fault::LabelTooLong, 0, label.len()));
    }
    if label.starts_with('-') {
        return Some((Fault::LeadingHyphen, 0, 1));
    }
    if label.ends_with('-') {
        return Some((Fault::TrailingHyphen, label.len() - 1, 1));
    }
    let a_label = label.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("xn--"));
    (label.get(2..4) == Some("--") && !a_label).then_some((Fault::ReservedHyphens, 2, 2))
}

/// The address that `name` spells, as in `MX 10 192.0.2.1.`.
pub fn literal(name: &str) -> Option<IpAddr> {
    name.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// The byte that `text` begins with as an escape, and the length of that: `\032`, `\"`.
fn unescape(text: &str) -> Option<(u8, usize)> {
    let escaped = text.strip_prefix('\\')?;
    match escaped.get(..3).filter(|digits| digits.bytes().all(|b| b.is_ascii_digit())) {
        Some(digits) => Some((digits.parse().ok()?, 4)),
        None => escaped.bytes().next().filter(u8::is_ascii).map(|byte| (byte, 2)),
    }
}

/// `name` without the white space in it, where there is some and the rest is a host name.
pub fn without_space(name: &str) -> Option<String> {
    let bare = ["\\032", "\\009", "\\010", "\\013", "\\194\\160"]
        .into_iter()
        .fold(name.to_owned(), |name, space| name.replace(space, ""));
    (bare != name && faults(&bare).is_empty()).then_some(bare)
}

/// Whether `name` lies in the top-level domain that never exists (RFC 6761
/// §6.4), or in the one that is each machine's own (§6.3).
pub fn is_placeholder(name: &str) -> bool {
    name.rsplit('.').next() == Some("invalid") || is_localhost(name)
}

/// Whether `name` is `localhost` or lies under it (RFC 6761 §6.3).
pub fn is_localhost(name: &str) -> bool {
    name.rsplit('.').next() == Some("localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_judged_label_by_label() {
        let long_label = format!("{}.example", "a".repeat(64));
        let long_name = format!("{}example", "abcdefg.".repeat(32));
        for (name, expected) in [
            ("mail.example.org", None),
            ("3com.example", None),
            ("xn--mller-kva.example", None),
            ("a-b--c.example", None),
            ("mail", None),
            ("mx_1.example", Some((Fault::Character('_'), 2, 3))),
            ("m\\032x.example", Some((Fault::Byte(b' '), 1, 5))),
            ("m\\195\\188.example", Some((Fault::Byte(195), 1, 5))),
            ("m\\\"x.example", Some((Fault::Character('"'), 1, 3))),
            ("m\\", Some((Fault::Character('\\'), 1, 2))),
            ("maïl.example", Some((Fault::Character('ï'), 2, 4))),
            ("-mx.example", Some((Fault::LeadingHyphen, 0, 1))),
            ("mx.a-.example", Some((Fault::TrailingHyphen, 4, 5))),
            ("mx..example", Some((Fault::LabelEmpty, 3, 3))),
            ("mail.7", Some((Fault::NumericTld, 5, 6))),
            ("ab--cd.example", Some((Fault::ReservedHyphens, 2, 4))),
            ("", Some((Fault::LabelEmpty, 0, 0))),
            (&long_label, Some((Fault::LabelTooLong, 0, 64))),
            (&long_name, Some((Fault::NameTooLong, 0, 263))),
        ] {
            let expected = expected.map(|(fault, start, end)| (fault, Span::new(start, end)));
            assert_eq!(faults(name).into_iter().next(), expected, "{name}");
        }
    }

    #[test]
    fn an_address_in_the_place_of_a_name_is_seen() {
        for name in ["25.25.1.1", "[25.25.1.1]", "2a09:25::1"] {
            assert!(literal(name).is_some(), "{name}");
        }
        for name in ["25.25.1", "25.25.1.1.example", "1.example"] {
            assert!(literal(name).is_none(), "{name}");
        }
    }

    #[test]
    fn white_space_in_a_name_is_taken_out() {
        assert_eq!(without_space("mail\\032.a.example").as_deref(), Some("mail.a.example"));
        for name in ["mail.a.example", "m\\032_x.example", "\\032"] {
            assert_eq!(without_space(name), None, "{name}");
        }
    }

    #[test]
    fn placeholders_are_told_by_the_top_level_domain() {
        assert!(["ms1.msv1.invalid", "invalid", "localhost", "mail.localhost"].into_iter().all(is_placeholder));
        assert!(!["invalid.example", "notinvalid", "localhost.example"].into_iter().any(is_placeholder));
    }
}
