//! What stands around a key record when it was pasted with more than itself,
//! and the record that was meant.

use super::{Issue, IssueKind, KeyRecord, KeyState, KeyType, key::read};
use crate::{Span, tag_list};

const QUOTES: [char; 7] = ['"', '\'', '`', '\u{201c}', '\u{201d}', '\u{2018}', '\u{2019}'];
/// The tags before which a separator may be missing.
const NAMES: [&str; 8] = ["v", "g", "h", "k", "n", "p", "s", "t"];

/// What stands around the record or in it and does not belong there, the first
/// place of each.
pub(super) fn wrapping(text: &str) -> Vec<Issue> {
    let mut issues = Vec::new();
    // Notes may hold anything.
    let notes = tag_list::parse(text).find("n").map(|n| n.value_span);
    let outside = |at: &usize| notes.is_none_or(|notes| *at < notes.start || *at >= notes.end);
    let find = |is: &dyn Fn(char) -> bool| text.char_indices().find(|(at, c)| is(*c) && outside(at));
    if let Some((at, c)) = find(&|c| QUOTES.contains(&c)) {
        issues.push(Issue { span: Span::new(at, at + c.len_utf8()), kind: IssueKind::Quoted });
    }
    if let Some((at, _)) = find(&|c| c == '\\') {
        issues.push(Issue { span: Span::new(at, at + 1), kind: IssueKind::Backslash });
    }
    if let Some(at) = text.find("-----") {
        let line = text[at + 5..].find("-----").map_or(text.len(), |end| at + end + 10);
        let secret = text[at..line].contains("PRIVATE");
        let kind = if secret { IssueKind::PrivateKey } else { IssueKind::Armour };
        issues.push(Issue { span: Span::new(at, line), kind });
    }
    if let Some((span, name)) = separator(text) {
        issues.push(Issue { span, kind: IssueKind::Separator(name.to_owned()) });
    }
    issues.sort_by_key(|issue| issue.span);
    issues
}

/// Where a `;` is missing, and before which tag.
fn separator(text: &str) -> Option<(Span, &'static str)> {
    let list = tag_list::parse(text);
    list.tags.iter().filter(|tag| tag.name != "n").find_map(|tag| {
        let (span, name) = tag_list::missing_separator(tag.value, &NAMES)?;
        // What ends in `=` may be padding after white space.
        let value = tag.value[span.end..].trim_start_matches(name).trim_start_matches([' ', '=']);
        let padding = tag.name == "p" && value.is_empty();
        let (start, end) = (tag.value_span.start + span.start, tag.value_span.start + span.end);
        (!padding).then_some((Span::new(start, end), name))
    })
}

/// The text without what does not belong there.
pub(super) fn unwrapped(text: &str) -> String {
    let mut text: String = text.chars().filter(|c| *c != '\\' && !QUOTES.contains(c)).collect();
    while let Some(start) = text.find("-----") {
        let end = text[start + 5..].find("-----").map_or(start + 5, |end| start + end + 10);
        text.replace_range(start..end, " ");
    }
    // Each round adds one separator, and every tag lacks one at most.
    for _ in 0..NAMES.len() {
        let Some((span, _)) = separator(&text) else { break };
        text.replace_range(span.start..span.end, "; ");
    }
    text
}

/// The record that was meant, as it should be written; `None` where that is not
/// plain, where it is right as it is, and where a private key stands in it.
pub fn repaired(text: &str) -> Option<String> {
    let mut record = read(&unwrapped(text));
    let secret = |record: &KeyRecord| record.issues.iter().any(|issue| issue.kind == IssueKind::PrivateKey);
    if secret(&record) || secret(&KeyRecord::parse(text)) {
        return None;
    }
    if record.issues.iter().any(|issue| issue.kind == IssueKind::TypeMismatch) {
        // What the key is stands in the key.
        let other = if record.key_type == KeyType::Rsa { "ed25519" } else { "rsa" };
        let p = record.span("p")?;
        let again = unwrapped(text);
        record.key = read(&format!("k={other}; {}", p.of(&again))).key;
        record.key_type = if other == "rsa" { KeyType::Rsa } else { KeyType::Ed25519 };
    }
    let key = matches!(record.key, KeyState::Rsa(_) | KeyState::Ed25519(_));
    let twice = |issue: &Issue| matches!(issue.kind, IssueKind::List(tag_list::IssueKind::Duplicate { .. }));
    if !key || record.notes.is_some() || record.issues.iter().any(twice) {
        return None;
    }
    let meant = record.to_string();
    let again = read(&meant);
    (!again.is_broken() && meant != text).then_some(meant)
}
