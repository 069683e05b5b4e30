//! What a code means by itself, without a reply around it.

use serde::Serialize;

use crate::{
    code::StatusCode,
    decide::differs,
    explain::{Overlay, Pairing, pairing},
    knowledge::Knowledge,
    reason::Reason,
    tables::{DigitEntry, ProviderRule, ReasonEntry, ReplyEntry, StatusEntry},
};

/// What is known of a code, or of a pair of codes.
#[derive(Clone, Debug, Serialize)]
pub struct CodeExplanation<'k> {
    /// The reply code that was asked for.
    pub basic_code: Option<u16>,
    /// Its entry; `None` when no standard, registry or list on the web has it.
    pub basic: Option<&'k ReplyEntry>,
    /// The enhanced code that was asked for, `X.7.23` when its class was left open.
    pub status_code: Option<String>,
    /// Its entry; `None` when IANA has not registered it.
    pub status: Option<&'k StatusEntry>,
    /// What its class says.
    pub class: Option<&'k DigitEntry>,
    /// What its subject says.
    pub subject: Option<&'k DigitEntry>,
    /// The reason that the codes alone stand for.
    pub reason: &'k ReasonEntry,
    /// Whether that is all but settled, or words must decide.
    pub vague: bool,
    /// For a reply code alone: the enhanced codes that IANA associates.
    pub goes_with: Vec<&'k StatusEntry>,
    /// Whether the first digits of the two codes differ.
    pub mismatch: bool,
    /// Whether the two codes belong together.
    pub pairing: Pairing,
    /// What providers mean by it, under whatever class, those that differ from
    /// IANA first; `rule.codes` tells the class.
    pub providers: Vec<Overlay<'k>>,
}

/// Explains a code with the compiled-in knowledge: `5.7.23`, `X.7.23`, `550`,
/// `550 5.7.1`, `#5.7.1`. `None` when `text` is anything else; a whole reply
/// goes to [`crate::explain`].
pub fn explain_code(text: &str) -> Option<CodeExplanation<'static>> {
    Knowledge::builtin().explain_code(text)
}

impl Knowledge {
    /// See [`explain_code`].
    pub fn explain_code(&self, text: &str) -> Option<CodeExplanation<'_>> {
        let (basic_code, status_code, open_class) = read(text)?;
        let basic = basic_code.and_then(|code| self.reply(code));
        let status = status_code.and_then(|code| self.status(code));
        let digit = status_code.filter(|_| !open_class).map(|s| s.class).or(basic_code.map(|b| b / 100));
        let reason = match (status, basic) {
            (Some(status), _) if status.reason != Reason::Unexplained => status.reason,
            (None, _) if status_code.is_some() => {
                status_code.and_then(|s| self.subject_reason(s.subject)).unwrap_or(Reason::Unexplained)
            }
            (_, Some(basic)) => basic.reason,
            _ => Reason::Unexplained,
        };
        let mut providers: Vec<Overlay<'_>> = Vec::new();
        for provider in &self.providers {
            // A provider that uses the code under another class only is worth knowing of, too.
            let speaks = |rule: &&ProviderRule| {
                let mut classes = status_code.into_iter().flat_map(|s| [4, 5].map(|class| StatusCode { class, ..s }));
                let same_reply = rule.replies.is_empty() || basic_code.is_none_or(|code| rule.replies.contains(&code));
                same_reply && classes.any(|class| rule.codes.iter().any(|code| code.matches(class)))
            };
            let rules = provider.rules.iter().filter(speaks);
            providers.extend(rules.map(|rule| Overlay {
                provider,
                rule,
                by_words: false,
                differs: status.is_none_or(|status| differs(status.reason, rule.reason)),
            }));
        }
        providers.sort_by_key(|overlay| !overlay.differs);
        Some(CodeExplanation {
            basic_code,
            basic,
            status_code: status_code.map(|s| if open_class { s.registry_name() } else { s.to_string() }),
            status,
            class: digit.and_then(|digit| self.class(digit)),
            subject: status_code.and_then(|s| self.subject(s.subject)),
            reason: self.reason(reason),
            vague: status.map_or_else(|| status_code.is_some() || basic.is_none_or(|b| b.vague), |s| s.vague),
            goes_with: match (basic_code, status_code) {
                (Some(basic), None) => {
                    self.statuses().filter(|s| s.replies.iter().any(|r| r.parse() == Ok(basic))).collect()
                }
                _ => Vec::new(),
            },
            mismatch: !open_class && matches!((basic_code, status_code), (Some(b), Some(s)) if b / 100 != s.class),
            pairing: pairing(basic_code, status),
            providers,
        })
    }
}

/// The codes that are all of `text`.
fn read(text: &str) -> Option<(Option<u16>, Option<StatusCode>, bool)> {
    let mut parts = text.trim().splitn(2, |c: char| c.is_whitespace() || c == '-');
    let first = parts.next().filter(|part| !part.is_empty())?;
    let basic = |part: &str| -> Option<u16> {
        let digits = part.len() == 3 && part.bytes().all(|b| b.is_ascii_digit());
        part.parse().ok().filter(|code| digits && (200..600).contains(code))
    };
    let status = |part: &str| -> Option<(StatusCode, bool)> {
        let part = part.trim().trim_start_matches('#');
        match part.strip_prefix(['X', 'x']) {
            Some(rest) => Some((format!("5{rest}").parse().ok()?, true)),
            None => Some((part.parse().ok()?, false)),
        }
    };
    match (basic(first), parts.next()) {
        (Some(code), None) => Some((Some(code), None, false)),
        (Some(code), Some(rest)) => status(rest).map(|(status, open)| (Some(code), Some(status), open)),
        (None, None) => status(first).map(|(status, open)| (None, Some(status), open)),
        (None, Some(_)) => None,
    }
}
