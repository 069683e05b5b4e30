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

    /// A label for a caret, for example `a host name has no "_"`.
    pub fn label(&self) -> String {
        match self {
            Fault::NameTooLong => "longer than 253 characters".into(),
            Fault::LabelEmpty => "an empty label".into(),
            Fault::LabelTooLong => "a label longer than 63 characters".into(),
            Fault::Character(c) => format!("a host name has no {c:?}"),
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
        return Some((Fault::Character(c), at, c.len_utf8()));
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

/// Whether `name` lies in the top-level domain that never exists (RFC 6761 §6.4).
pub fn is_invalid(name: &str) -> bool {
    name.rsplit('.').next() == Some("invalid")
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
            ("m\\032x.example", Some((Fault::Character('\\'), 1, 2))),
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
    fn only_the_top_level_domain_invalid_is_invalid() {
        assert!(is_invalid("ms1.msv1.invalid") && is_invalid("invalid"));
        assert!(!is_invalid("invalid.example") && !is_invalid("notinvalid"));
    }
}
