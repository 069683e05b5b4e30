//! Which of a name's TXT records is the SPF record.

use super::read_text;

/// The SPF records of a name, and what only looks like one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Records that begin with `v=spf1` and a space, or are nothing else
    /// (RFC 7208 §4.5). One is right; more lead to `permerror`.
    pub records: Vec<Candidate>,
    /// Texts meant as SPF that no evaluator takes for it.
    pub lookalikes: Vec<(Candidate, Lookalike)>,
    /// Sender ID records (`spf2.0/…`, RFC 4406), which nobody reads any more.
    pub sender_id: Vec<Candidate>,
}

/// One TXT record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its position among the texts given.
    pub index: usize,
    /// Its text.
    pub text: String,
}

/// Why a text that was meant as SPF is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lookalike {
    /// White space, or a character that cannot be seen, stands before `v=spf1`.
    LeadingSpace,
    /// Quotation marks are part of the text.
    Quoted,
    /// Something other than a space follows `v=spf1`, for example `;` or the first term.
    Glued,
    /// The version is none that exists, for example `v=spf10` or `v=spf2`.
    Version,
    /// The version is misspelt, for example `spf1`, `v:spf1`, `v = spf1` or `spf=v1`.
    Misspelt,
}

/// Sorts the texts of a name's TXT records, each joined from its strings
/// without a space (RFC 7208 §3.3).
pub fn select<T: AsRef<[u8]>>(texts: &[T]) -> Selection {
    let mut selection = Selection::default();
    for (index, bytes) in texts.iter().enumerate() {
        let bytes = bytes.as_ref();
        if is_record(bytes) {
            selection.records.push(Candidate { index, text: read_text(bytes).into_owned() });
        } else if bytes.get(..7).is_some_and(|start| start.eq_ignore_ascii_case(b"spf2.0/")) {
            selection.sender_id.push(Candidate { index, text: read_text(bytes).into_owned() });
        } else {
            let text = read_text(bytes);
            if let Some(why) = lookalike(&text) {
                selection.lookalikes.push((Candidate { index, text: text.into_owned() }, why));
            }
        }
    }
    selection
}

/// Whether an evaluator takes the text for an SPF record (RFC 7208 §4.5).
pub(super) fn is_record(bytes: &[u8]) -> bool {
    bytes.get(..6).is_some_and(|version| version.eq_ignore_ascii_case(b"v=spf1"))
        && bytes.get(6).is_none_or(|next| *next == b' ')
}

fn lookalike(text: &str) -> Option<Lookalike> {
    let invisible = |c: char| c.is_whitespace() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}');
    let quote = |c: char| matches!(c, '"' | '\'' | '\\' | '`' | '\u{2018}'..='\u{201f}');
    let shown = text.trim_start_matches(invisible);
    let bare = shown.trim_start_matches(|c| quote(c) || invisible(c));
    let start: String = bare.chars().take(12).collect::<String>().to_ascii_lowercase();
    if let Some(rest) = start.strip_prefix("v=spf") {
        return match rest.chars().next() {
            Some('1') => Some(match rest.chars().nth(1) {
                _ if bare.len() != shown.len() => Lookalike::Quoted,
                _ if shown.len() != text.len() => Lookalike::LeadingSpace,
                Some(c) if c.is_ascii_digit() => Lookalike::Version,
                _ => Lookalike::Glued,
            }),
            Some(c) if c.is_ascii_digit() => Some(Lookalike::Version),
            // `v=spfl` with an l, `v=spf -all`.
            _ => Some(Lookalike::Misspelt),
        };
    }
    let squeezed: String = start.chars().filter(|c| *c != ' ').collect();
    let misspelt =
        ["spf1", "v:spf1", "v=sfp1", "v-spf1", "v=spf", "v=sp1", "spf=v1", "spf=", "spf:v", "=spf1", "vspf1"];
    // A text of another use may well begin with `spf`; only one with a mechanism is meant as a record.
    let holds_mechanism = ["all", "include:", "ip4:", "ip6:", "redirect=", " a ", " mx"]
        .iter()
        .any(|sign| bare.get(4..).is_some_and(|rest| rest.to_ascii_lowercase().contains(sign)));
    (misspelt.iter().any(|m| squeezed.starts_with(m)) && holds_mechanism).then_some(Lookalike::Misspelt)
}
