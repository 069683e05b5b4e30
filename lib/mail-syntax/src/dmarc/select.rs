//! Which of a name's TXT records is the DMARC record.

use crate::{
    tag_list,
    txt::{self, Bare, is_quote},
};

/// The DMARC records of a name, what only looks like one, and the rest.
pub type Selection = txt::Selection<Lookalike>;

/// Why a text that was meant as DMARC is none (RFC 7489 §6.6.3 step 2, RFC 9989 §4.10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lookalike {
    /// White space, or a character that cannot be seen, stands before `v=DMARC1`.
    LeadingSpace,
    /// Quotation marks are part of the text.
    Quoted,
    /// `DMARC1` is written in other letters than capitals.
    Case,
    /// No `;` follows `v=DMARC1`.
    Glued,
    /// The version is none that exists, for example `DMARC2` or `DMARC`.
    Version,
    /// `v=DMARC1` does not come first.
    NotFirst,
    /// There is no version.
    NoVersion,
}

/// Sorts the texts of a name's TXT records, each joined from its strings without a
/// space (RFC 9989 §4.5).
pub fn select<T: AsRef<[u8]>>(texts: &[T]) -> Selection {
    txt::select(texts, is_record, lookalike)
}

/// Whether receivers take a text for a DMARC record: it begins with a tag `v` whose
/// value is precisely `DMARC1`. White space may stand around the `=` and behind the
/// value; the name may be a capital.
pub fn is_record(bytes: &[u8]) -> bool {
    let space = |bytes: &[u8]| bytes.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
    let Some((b'v' | b'V', rest)) = bytes.split_first() else { return false };
    let rest = &rest[space(rest)..];
    let Some((b'=', rest)) = rest.split_first() else { return false };
    let rest = &rest[space(rest)..];
    let Some(rest) = rest.strip_prefix(b"DMARC1") else { return false };
    matches!(rest[space(rest)..].first(), None | Some(b';'))
}

/// The same of a text.
pub(super) fn is_text_record(text: &str) -> bool {
    is_record(text.as_bytes())
}

fn lookalike(text: &str) -> Option<Lookalike> {
    let Bare { shown, bare } = txt::bare(text);
    if bare.len() != text.len() && is_text_record(bare) {
        return Some(if bare.len() == shown.len() { Lookalike::LeadingSpace } else { Lookalike::Quoted });
    }
    let list = tag_list::parse(bare);
    let version = list.find_any_case("v");
    let starts = |value: &str, with: &str| value.get(..with.len()).is_some_and(|head| head.eq_ignore_ascii_case(with));
    match (version, list.tags.first()) {
        (Some(version), Some(first)) if starts(version.value, "DMARC") => {
            let value = version.value;
            Some(if version.name_span != first.name_span && value == "DMARC1" {
                Lookalike::NotFirst
            } else if value.eq_ignore_ascii_case("DMARC1") {
                // `v=DMARC1` behind text that is no tag is not first either.
                if value == "DMARC1" { Lookalike::NotFirst } else { Lookalike::Case }
            } else if starts(value, "DMARC1") && !value[6..].starts_with(|c: char| c.is_ascii_digit()) {
                if value.trim_matches(is_quote).eq_ignore_ascii_case("DMARC1") {
                    Lookalike::Quoted
                } else {
                    Lookalike::Glued
                }
            } else {
                Lookalike::Version
            })
        }
        // `DMARC1; p=none`, `v:DMARC1; p=none`, `p=reject; rua=mailto:…`.
        (None, _) => {
            let policy = list.find_any_case("p").is_some_and(|tag| {
                ["none", "quarantine", "reject"].iter().any(|policy| tag.value.eq_ignore_ascii_case(policy))
            });
            let reports = list.find_any_case("rua").is_some_and(|tag| starts(tag.value, "mailto:"));
            let named = bare.get(..10).unwrap_or(bare).to_ascii_lowercase().contains("dmarc");
            (policy || reports || (named && bare.contains(';'))).then_some(Lookalike::NoVersion)
        }
        _ => None,
    }
}
