//! From text to values.

use super::{AlignmentMode, FailureOption, Issue, IssueKind, Policy, Psd, Record, Tag, TagName, Value, select, uri};
use crate::{
    Span,
    misspelt::{distance, same_letters},
    tag_list::{self, missing_separator},
};

/// Reads a record: every tag's value, and every fault. Whether a text is a DMARC
/// record at all is for [`super::is_record`] to say; what is none is read all the
/// same, with [`IssueKind::Version`].
pub fn parse(text: &str) -> Record {
    let list = tag_list::parse(text);
    let mut record = Record::default();
    if !select::is_text_record(text) {
        let end = text.find(';').filter(|end| *end > 0).or(text.char_indices().nth(1).map(|(at, _)| at));
        record.issue(Span::new(0, end.unwrap_or(text.len())), IssueKind::Version, None);
    }
    for issue in &list.issues {
        // Twice the same says nothing new, and an ignored tag may stand there as often as it
        // likes; but a second list of addresses may hold others.
        let suggestion = match issue.kind {
            tag_list::IssueKind::EmptyPiece => Some(String::new()),
            tag_list::IssueKind::Duplicate { first } => {
                let name = list.tags.get(first).and_then(|tag| TagName::from_word(tag.name));
                name.is_none_or(|name| !name.is_reports()).then(String::new)
            }
            _ => None,
        };
        record.issue(issue.span, IssueKind::List(issue.kind), suggestion);
    }
    let known: Vec<&str> = TagName::ALL.iter().map(|name| name.word()).collect();
    for tag in &list.tags {
        let name = TagName::from_word(tag.name);
        let first = name.is_none_or(|name| record.tag(name).is_none());
        record.tags.push(Tag { name, name_span: tag.name_span, value_span: tag.value_span });
        let Some(name) = name else {
            // Nothing, or what cannot be a name, is told already.
            if list.issues.iter().any(|issue| issue.kind == tag_list::IssueKind::Name && issue.span == tag.name_span)
                || tag.name.is_empty()
            {
                continue;
            }
            let meant = meant(tag.name, &list);
            let wish = meant.map(|meant| meant.word().to_owned());
            record.issue(tag.name_span, IssueKind::UnknownTag(meant), wish);
            continue;
        };
        if tag.name != name.word() {
            record.issue(tag.name_span, IssueKind::NameCase(name), Some(name.word().to_owned()));
        }
        if !first {
            let told = record.issues.iter().any(|issue| issue.span == tag.span());
            if !told {
                // The list's own reader takes `P` and `p` for two names.
                let kind = IssueKind::List(tag_list::IssueKind::Duplicate { first: 0 });
                record.issue(tag.span(), kind, (!name.is_reports()).then(String::new));
            }
            continue;
        }
        let split = missing_separator(tag.value, &known).filter(|_| !name.is_reports() || !tag.value.contains('?'));
        if let Some((gap, next)) = split {
            let at = Span::new(tag.value_span.start + gap.start, tag.value_span.start + gap.end);
            if let Some(next) = TagName::from_word(next) {
                record.issue(at, IssueKind::MissingSeparator(next), Some("; ".to_owned()));
            }
        }
        let known_fault = split.is_some();
        record.value(text, name, tag.value, tag.value_span, known_fault);
    }
    record.order();
    record.issues.sort_by_key(|issue| (issue.span.start, issue.span.end));
    record
}

impl Record {
    fn issue(&mut self, span: Span, kind: IssueKind, suggestion: Option<String>) {
        self.issues.push(Issue { span, kind, suggestion });
    }

    /// Takes the value of a tag's first occurrence. With `told` what is wrong with
    /// it is already among the issues.
    fn value(&mut self, text: &str, name: TagName, value: &str, at: Span, told: bool) {
        if name.is_historic() {
            self.issue(at, IssueKind::Historic(name), None);
        }
        let valid = match name {
            TagName::Version => true,
            TagName::Policy => take(&mut self.policy, policy(value)),
            TagName::SubdomainPolicy => take(&mut self.subdomain_policy, policy(value)),
            TagName::NonexistentPolicy => take(&mut self.nonexistent_policy, policy(value)),
            TagName::DkimAlignment => take(&mut self.dkim_alignment, mode(value)),
            TagName::SpfAlignment => take(&mut self.spf_alignment, mode(value)),
            TagName::FailureOptions => take(&mut self.failure_options, options(value)),
            TagName::Percent => {
                take(&mut self.percent, number(value).and_then(|n| u8::try_from(n).ok()).filter(|n| *n <= 100))
            }
            TagName::ReportFormat => take(&mut self.report_format, formats(value)),
            TagName::ReportInterval => take(&mut self.report_interval, number(value)),
            TagName::Psd => take(&mut self.psd, place(value)),
            TagName::Test => take(&mut self.test, yes_or_no(value)),
            TagName::AggregateReports | TagName::FailureReports => {
                let mut issues = Vec::new();
                let uris = if value.is_empty() { Vec::new() } else { uri::read(text, at, &mut issues) };
                // Where `;` is missing, the rest of the value is another tag and no address.
                self.issues.extend(issues.into_iter().filter(|_| !told));
                let value = if uris.is_empty() { Value::Invalid } else { Value::Valid(uris) };
                match name {
                    TagName::AggregateReports => self.aggregate_reports = value,
                    _ => self.failure_reports = value,
                }
                true
            }
        };
        if value.is_empty() {
            let equals = Span::new(at.start.saturating_sub(1), at.start);
            self.issue(equals, IssueKind::EmptyValue(name), None);
        } else if !valid && !told {
            self.issue(at, IssueKind::Value(name), wish(name, value));
        }
        if name == TagName::FailureOptions {
            self.redundant_options(value, at);
        }
    }

    fn redundant_options(&mut self, value: &str, at: Span) {
        let Some(options) = self.failure_options.valid().cloned() else { return };
        let mut start = at.start;
        for (index, (item, option)) in value.split(':').zip(&options).enumerate() {
            let span = Span::new(start, start + item.len());
            start += item.len() + 1;
            let twice = options[..index].contains(option);
            if twice || (*option == FailureOption::All && options.contains(&FailureOption::Any)) {
                self.issue(span, IssueKind::RedundantOption(*option), None);
            }
        }
    }

    /// What is wrong with the tags only because of the others.
    fn order(&mut self) {
        let end = self.tags.last().map_or(0, |tag| tag.value_span.end);
        match self.tag(TagName::Policy).copied() {
            None => self.issue(Span::new(end, end), IssueKind::NoPolicy, None),
            Some(tag) if self.tags.get(1) != Some(&tag) => self.issue(tag.span(), IssueKind::PolicyNotSecond, None),
            Some(_) => {}
        }
        if let (Some(options), None) = (self.tag(TagName::FailureOptions).copied(), self.tag(TagName::FailureReports)) {
            self.issue(options.span(), IssueKind::OptionsWithoutReports, Some(String::new()));
        }
    }
}

/// Stores a value; says whether it is one.
fn take<T>(slot: &mut Value<T>, value: Option<T>) -> bool {
    *slot = value.map_or(Value::Invalid, Value::Valid);
    !slot.is_invalid()
}

fn policy(value: &str) -> Option<Policy> {
    [Policy::None, Policy::Quarantine, Policy::Reject]
        .into_iter()
        .find(|policy| value.eq_ignore_ascii_case(policy.word()))
}

fn mode(value: &str) -> Option<AlignmentMode> {
    match value {
        "r" | "R" => Some(AlignmentMode::Relaxed),
        "s" | "S" => Some(AlignmentMode::Strict),
        _ => None,
    }
}

fn place(value: &str) -> Option<Psd> {
    match value {
        "y" | "Y" => Some(Psd::Yes),
        "n" | "N" => Some(Psd::No),
        "u" | "U" => Some(Psd::Unsaid),
        _ => None,
    }
}

fn yes_or_no(value: &str) -> Option<bool> {
    match value {
        "y" | "Y" => Some(true),
        "n" | "N" => Some(false),
        _ => None,
    }
}

fn number(value: &str) -> Option<u32> {
    value.bytes().all(|b| b.is_ascii_digit()).then(|| value.parse().ok())?
}

/// A colon-separated list (RFC 7489 §6.3; RFC 9989 §4.7 says the same in words).
fn options(value: &str) -> Option<Vec<FailureOption>> {
    value
        .split(':')
        .map(|item| match item.trim_matches([' ', '\t']) {
            "0" => Some(FailureOption::All),
            "1" => Some(FailureOption::Any),
            "d" | "D" => Some(FailureOption::Dkim),
            "s" | "S" => Some(FailureOption::Spf),
            _ => None,
        })
        .collect()
}

/// Keywords (RFC 5321 §4.1.2) with colons between them.
fn formats(value: &str) -> Option<Vec<String>> {
    let keyword = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_alphanumeric())
            && word.ends_with(|c: char| c.is_ascii_alphanumeric())
            && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    value
        .split(':')
        .map(|item| item.trim_matches([' ', '\t']))
        .map(|item| keyword(item).then(|| item.to_owned()))
        .collect()
}

/// The value that was probably meant.
fn wish(name: TagName, value: &str) -> Option<String> {
    let plain = value.trim_matches(|c: char| !c.is_ascii_alphanumeric()).to_ascii_lowercase();
    let words: &[&str] = match name {
        TagName::Policy | TagName::SubdomainPolicy | TagName::NonexistentPolicy => &["none", "quarantine", "reject"],
        TagName::DkimAlignment | TagName::SpfAlignment => &["r", "s"],
        TagName::Test => &["y", "n"],
        TagName::Psd => &["y", "n", "u"],
        _ => return None,
    };
    let exact = words.iter().find(|word| **word == plain);
    let begun = || match plain.as_str() {
        "relaxed" => Some("r"),
        "strict" => Some("s"),
        "yes" | "true" => Some("y"),
        "no" | "false" => Some("n"),
        _ => words.iter().copied().find(|word| word.len() > 2 && distance(word, &plain) <= 2),
    };
    exact.copied().or_else(begun).filter(|word| words.contains(word)).map(str::to_owned)
}

/// The registered tag that an unknown name was probably meant to be, where that
/// one is not there already.
fn meant(name: &str, list: &tag_list::TagList<'_>) -> Option<TagName> {
    let lower = name.to_ascii_lowercase();
    let close = match lower.as_str() {
        "policy" => Some(TagName::Policy),
        "subp" | "subdomain" => Some(TagName::SubdomainPolicy),
        "percent" | "pc" => Some(TagName::Percent),
        "dkim" => Some(TagName::DkimAlignment),
        "spf" => Some(TagName::SpfAlignment),
        _ => TagName::ALL.into_iter().find(|known| {
            known.word().len() > 2 && lower.len() > 2 && distance(known.word(), &lower) == 1
                || same_letters(known.word(), &lower)
        }),
    };
    close.filter(|close| list.find_any_case(close.word()).is_none())
}
