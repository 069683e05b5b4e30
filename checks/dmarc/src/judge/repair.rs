//! One record that makes all the repairs at once, so that no two remedies undo
//! each other.

use engine_plugin_api::{Finding, Judgement, Remedy};
use mail_syntax::dmarc::{Found, IssueKind, TagName, is_record, parse};
use mail_syntax::tag_list;

use crate::facts::Facts;

/// Bytes of a record that can be pasted.
const PASTED: usize = 4_000;

/// A record as tags, to be changed and written again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft(Vec<(String, String)>);

impl Draft {
    /// The tags of a text, the first of each name; what is no tag is left out. A report
    /// address is not: one behind a `;`, or in a second list, joins the first.
    pub fn of(text: &str) -> Draft {
        let list = tag_list::parse(text);
        let no_tag = list.issues.iter().filter(|issue| issue.kind == tag_list::IssueKind::NoEquals);
        let mut pieces: Vec<(usize, Option<&str>, &str)> =
            no_tag.map(|i| (i.span.start, None, i.span.of(text))).collect();
        pieces.extend(list.tags.iter().filter(|tag| !tag.name.is_empty()).map(|tag| {
            let whole = tag.span().of(text);
            // A `=` of the address' own makes no tag of it.
            if is_destination(tag.name) {
                (tag.name_span.start, None, whole)
            } else {
                (tag.name_span.start, Some(tag.name), tag.value)
            }
        }));
        pieces.sort_by_key(|(start, ..)| *start);
        let mut draft = Draft(Vec::new());
        let mut last: Option<TagName> = None;
        for (_, name, value) in pieces {
            match name {
                Some(name) => {
                    last = reports(name);
                    let known = draft.0.iter().any(|(other, _)| other.eq_ignore_ascii_case(name));
                    match last {
                        Some(tag) if known => draft.append(tag, value),
                        _ if known => {}
                        _ => draft.0.push((name.to_owned(), value.to_owned())),
                    }
                }
                None if is_destination(value) => last.into_iter().for_each(|tag| draft.append(tag, value)),
                None => {}
            }
        }
        draft
    }

    /// Adds the report addresses of another record that this one does not have.
    pub fn join(&mut self, other: &Draft) {
        for (name, value) in &other.0 {
            if let Some(tag) = reports(name) {
                self.append(tag, value);
            }
        }
    }

    /// Adds those of a list of addresses that are not there yet.
    fn append(&mut self, tag: TagName, list: &str) {
        let Some((_, value)) = self.0.iter_mut().find(|(name, _)| name.eq_ignore_ascii_case(tag.word())) else {
            return self.set(tag, list);
        };
        for item in list.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            if !value.split(',').any(|known| known.trim() == item) {
                let comma = if value.is_empty() { "" } else { "," };
                value.push_str(&format!("{comma}{item}"));
            }
        }
    }

    /// Gives a tag its value; a new one comes last.
    pub fn set(&mut self, name: TagName, value: impl Into<String>) {
        let value = value.into();
        match self.0.iter_mut().find(|(other, _)| other.eq_ignore_ascii_case(name.word())) {
            Some(tag) => tag.1 = value,
            None => self.0.push((name.word().to_owned(), value)),
        }
    }

    /// Takes a tag out.
    pub fn remove(&mut self, name: TagName) {
        self.0.retain(|(other, _)| !other.eq_ignore_ascii_case(name.word()));
    }

    /// Puts `p` where RFC 7489 wants it: behind `v`.
    pub fn policy_second(&mut self) {
        if let Some(at) = self.0.iter().position(|(name, _)| name.eq_ignore_ascii_case("p")) {
            let tag = self.0.remove(at);
            self.0.insert(1.min(self.0.len()), tag);
        }
    }

    /// The record.
    pub fn text(&self) -> String {
        self.0.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }
}

/// The tag of report addresses of this name.
fn reports(name: &str) -> Option<TagName> {
    [TagName::AggregateReports, TagName::FailureReports].into_iter().find(|tag| name.eq_ignore_ascii_case(tag.word()))
}

/// Whether a text between two `;` is meant as a report address.
pub fn is_destination(text: &str) -> bool {
    !text.contains(char::is_whitespace)
        && text.split_once(['@', ':']).is_some_and(|(head, tail)| !head.is_empty() && !tail.is_empty())
}

/// The text with everything corrected that can be corrected in only one way: it
/// says what its author wrote, in the form that receivers read.
pub fn corrected(text: &str) -> Draft {
    // One correction may bring another fault to light: what stood behind a missing `;`.
    const ROUNDS: usize = 4;
    let mut text = text.to_owned();
    for _ in 0..ROUNDS {
        let next = once_corrected(&text).text();
        if next == text {
            break;
        }
        text = next;
    }
    Draft::of(&text)
}

fn once_corrected(text: &str) -> Draft {
    let record = parse(text);
    let mut edits: Vec<_> =
        record.issues.iter().filter_map(|issue| issue.suggestion.as_ref().map(|wish| (issue.span, wish))).collect();
    edits.sort_by_key(|(span, _)| std::cmp::Reverse((span.start, span.end)));
    let mut text = text.to_owned();
    let mut before = usize::MAX;
    for (span, wish) in edits {
        // One inside another is made by that one.
        if span.end <= before && text.is_char_boundary(span.start) && text.is_char_boundary(span.end) {
            text.replace_range(span.start..span.end, wish);
            before = span.start;
        }
    }
    let mut draft = Draft::of(&text);
    if record.issues.iter().any(|issue| issue.kind == IssueKind::PolicyNotSecond) {
        draft.policy_second();
    }
    draft
}

/// The repairs of the record that applies.
pub struct Repair {
    domain: String,
    home: String,
    ttl: Option<u32>,
    old: String,
    draft: Draft,
    /// Findings that the record repairs, and the step of each.
    repaired: Vec<(usize, String)>,
    /// What must be done before the record is published.
    first: Vec<String>,
    /// Findings whose repair is a decision: each with its step and its own record.
    decisions: Vec<(usize, String, Draft)>,
}

impl Repair {
    /// Begins with what can be corrected in only one way.
    pub fn of(facts: &Facts, found: &Found) -> Repair {
        let seen = facts.place(&found.domain);
        Repair {
            domain: found.domain.clone(),
            home: seen.map(|seen| seen.home.clone()).unwrap_or_default(),
            ttl: seen.and_then(|seen| seen.ttl()),
            old: found.text.clone(),
            draft: corrected(&found.text),
            repaired: Vec::new(),
            first: Vec::new(),
            decisions: Vec::new(),
        }
    }

    /// The record as it will be.
    pub fn draft(&mut self) -> &mut Draft {
        &mut self.draft
    }

    /// What must be done before the record is published, as an imperative fragment.
    pub fn first(&mut self, what: String) {
        self.first.push(what);
    }

    /// Adds a finding that the one record repairs.
    pub fn find(&mut self, finding: Finding, step: impl Into<String>, out: &mut Judgement) {
        self.repaired.push((out.findings.len(), step.into()));
        out.find(finding);
    }

    /// Adds a finding whose repair changes what receivers do to mail, so that it
    /// never comes along with another's.
    pub fn decide(
        &mut self,
        finding: Finding,
        step: impl Into<String>,
        change: impl FnOnce(&mut Draft),
        out: &mut Judgement,
    ) {
        let mut draft = self.draft.clone();
        change(&mut draft);
        self.decisions.push((out.findings.len(), step.into(), draft));
        out.find(finding);
    }

    /// Gives the findings their remedies.
    pub fn attach(self, out: &mut Judgement) {
        let publish = |remedy: Remedy, text: &str| {
            let sound = is_record(text.as_bytes()) && text != self.old && text.len() <= PASTED && !self.home.is_empty();
            if !sound || self.old.len() > PASTED {
                return remedy;
            }
            let remedy = remedy.withdraw(&self.home, "TXT", &self.old).publish(&self.home, "TXT", text);
            remedy.once_old_copies_expire(self.ttl)
        };
        let text = self.draft.text();
        let more = if self.repaired.len() > 1 {
            " The record below makes all the corrections that are named for it at once."
        } else {
            ""
        };
        let before = match self.first.as_slice() {
            [] => String::new(),
            first => format!(" First {}.", first.join(", and ")),
        };
        for (at, step) in &self.repaired {
            let remedy = publish(Remedy::step(format!("{step}{more}{before}")), &text);
            if let Some(finding) = out.findings.get_mut(*at) {
                finding.remedy = Some(remedy);
            }
        }
        for (at, step, draft) in &self.decisions {
            let alone = self.repaired.is_empty() && self.decisions.len() == 1;
            let remedy = if alone {
                publish(Remedy::step(step.clone()), &draft.text())
            } else if self.repaired.is_empty() {
                Remedy::step(step.clone())
            } else {
                Remedy::step(format!("{step} Make the corrections of the record at _dmarc.{} first.", self.domain))
            };
            if let Some(finding) = out.findings.get_mut(*at) {
                finding.remedy = Some(remedy);
            }
        }
    }
}
