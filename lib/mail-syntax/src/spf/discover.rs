//! Which of a name's TXT records is the SPF record.

use crate::txt::{self, Bare};

/// The SPF records of a name (RFC 7208 §4.5), what only looks like one, and the rest.
/// More than one record leads to `permerror`.
pub type Selection = txt::Selection<Lookalike>;

impl Selection {
    /// Sender ID records (`spf2.0/…`, RFC 4406), which nobody reads any more.
    pub fn sender_id(&self) -> impl Iterator<Item = &txt::Candidate> {
        let begins = |text: &str| text.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("spf2.0/"));
        self.others.iter().filter(move |other| begins(&other.text))
    }
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
    txt::select(texts, is_record, lookalike)
}

/// Whether an evaluator takes the text for an SPF record (RFC 7208 §4.5).
pub(super) fn is_record(bytes: &[u8]) -> bool {
    bytes.get(..6).is_some_and(|version| version.eq_ignore_ascii_case(b"v=spf1"))
        && bytes.get(6).is_none_or(|next| *next == b' ')
}

fn lookalike(text: &str) -> Option<Lookalike> {
    let Bare { shown, bare } = txt::bare(text);
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
