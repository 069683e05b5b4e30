//! Whether the record can be read, and says what it was meant to say.

use engine_plugin_api::{Finding, Judgement, Severity};
use mail_syntax::{
    dmarc::{Found, Issue, IssueKind, Policy, Rules, TagName, parse},
    tag_list,
};

use super::{
    repair::{Draft, Repair, is_destination},
    words,
};
use crate::{
    DUPLICATE_TAG, FAILURE_OPTIONS, HISTORIC_TAG, INVALID_VALUE, POLICY_ORDER, STRINGS_JOINED, SYNTAX, UNKNOWN_TAG,
    facts::Facts,
};

/// Whether the record's strings run into each other, so that nothing else of it
/// can be judged.
pub fn judge(facts: &Facts, found: &Found, repair: &mut Repair, out: &mut Judgement) -> bool {
    if joined(facts, found, repair, out) {
        return true;
    }
    let whose = words::whose(facts, found);
    let issues = |wanted: &dyn Fn(&IssueKind) -> bool| -> Vec<&Issue> {
        found.record.issues.iter().filter(|issue| wanted(&issue.kind)).collect()
    };
    let duplicate = |kind: &IssueKind| matches!(kind, IssueKind::List(tag_list::IssueKind::Duplicate { .. }));
    let syntax = issues(&|kind| match kind {
        IssueKind::List(_) => !duplicate(kind),
        IssueKind::MissingSeparator(_) | IssueKind::NameCase(_) => true,
        IssueKind::EmptyValue(name) => !is_policy(*name),
        _ => false,
    });
    if !syntax.is_empty() {
        let lost: Vec<&str> = syntax.iter().map(|issue| issue.span.of(&found.text)).collect();
        let said = format!(
            "In {whose} at _dmarc.{}, {} cannot be read as the grammar has it: {}. Receivers skip it, or give up.",
            found.domain,
            if lost.len() == 1 { "a place".to_owned() } else { format!("{} places", lost.len()) },
            reasons(&syntax)
        );
        let mild = |issue: &&Issue| {
            matches!(issue.kind, IssueKind::NameCase(_) | IssueKind::List(tag_list::IssueKind::EmptyPiece))
        };
        let finding = pointing(facts, found, SYNTAX, said, &syntax);
        let finding = if syntax.iter().all(mild) { finding.severity(Severity::Notice) } else { finding };
        let step = format!("Write the record as a list of `tag=value` with `;` between them.{}", strays(found, repair));
        repair.find(finding, step, out);
    }
    // An ignored tag may stand there as often as it likes.
    let known = |issue: &&Issue| found.record.tags.iter().any(|tag| tag.name.is_some() && tag.span() == issue.span);
    let twice: Vec<&Issue> = issues(&duplicate).into_iter().filter(known).collect();
    if !twice.is_empty() {
        let said = format!(
            "{} stands in {whose} more than once. That makes the whole list invalid (RFC 6376 §3.2); in fact receivers take \
             the first, the last, or no record at all.",
            words::list(&names(found, &twice))
        );
        let finding = pointing(facts, found, DUPLICATE_TAG, said, &twice);
        repair.find(
            finding,
            "Keep each tag once. The record below keeps the first of each, and every report address.",
            out,
        );
    }
    unknown(facts, found, repair, out, &issues(&|kind| matches!(kind, IssueKind::UnknownTag(_))));
    historic(facts, found, repair, out);
    let values = issues(&|kind| matches!(kind, IssueKind::Value(name) if !is_policy(*name) && !name.is_historic()));
    if !values.is_empty() {
        let said = format!(
            "{} in {whose} has a value that it cannot have; receivers take the default in its place.",
            words::list(&names(found, &values))
        );
        let finding = pointing(facts, found, INVALID_VALUE, said, &values);
        for issue in values.iter().filter(|issue| issue.suggestion.is_none()) {
            if let IssueKind::Value(name) = issue.kind {
                repair.draft().remove(name);
            }
        }
        let step = "Give each tag one of its values. Where it is not plain which was meant, the record below leaves the \
                    tag out, which is how receivers read it now.";
        repair.find(finding, step, out);
    }
    if let [issue, ..] = issues(&|kind| *kind == IssueKind::PolicyNotSecond).as_slice() {
        let said = format!(
            "`p` does not stand directly behind `v` in {whose}. RFC 9989 allows that; receivers that follow RFC 7489 to \
             the letter take no such record."
        );
        let finding = pointing(facts, found, POLICY_ORDER, said, &[issue]);
        repair.find(finding, "Put `p` behind `v`.", out);
    }
    options(facts, found, repair, out);
    false
}

/// What becomes of what stands between two `;` and is no tag.
fn strays(found: &Found, repair: &mut Repair) -> String {
    let no_tag = |issue: &&Issue| {
        matches!(issue.kind, IssueKind::List(tag_list::IssueKind::NoEquals | tag_list::IssueKind::Name))
    };
    let pieces = found.record.issues.iter().filter(no_tag).map(|issue| piece(&found.text, issue.span.start));
    let kept = repair.draft().text();
    let (kept, lost): (Vec<&str>, Vec<&str>) =
        pieces.filter(|piece| !piece.is_empty()).partition(|piece| kept.contains(piece));
    let (addresses, _): (Vec<&str>, Vec<&str>) = kept.into_iter().partition(|piece| is_destination(piece));
    let mut said = String::new();
    if !addresses.is_empty() {
        said.push_str(&format!(
            " Between report addresses stands a comma: the record below keeps {}.",
            words::list(&addresses)
        ));
    }
    if !lost.is_empty() {
        said.push_str(&format!(" It leaves out {}.", words::list(&lost)));
    }
    said
}

/// What stands between the `;` around a place.
fn piece(text: &str, at: usize) -> &str {
    let rest = text.get(at..).unwrap_or_default();
    rest.split(';').next().unwrap_or_default().trim()
}

/// Whether a tag is one whose fault disables the record, of which another finding tells.
fn is_policy(name: TagName) -> bool {
    matches!(name, TagName::Policy | TagName::SubdomainPolicy | TagName::NonexistentPolicy)
}

/// A finding that points at each of the issues.
fn pointing(facts: &Facts, found: &Found, code: &str, said: String, issues: &[&Issue]) -> Finding {
    let shown = issues.iter().take(words::SHOWN);
    shown.fold(words::about(found, code, said), |finding, issue| {
        finding.evidence(words::at(facts, found, issue.span, issue.kind.to_string()))
    })
}

fn reasons(issues: &[&Issue]) -> String {
    let mut reasons: Vec<String> = Vec::new();
    for issue in issues {
        let reason = issue.kind.to_string();
        if !reasons.contains(&reason) && reasons.len() < words::SHOWN {
            reasons.push(reason);
        }
    }
    reasons.join("; ")
}

/// The names of the tags in which issues lie.
fn names<'t>(found: &'t Found, issues: &[&Issue]) -> Vec<&'t str> {
    let mut names: Vec<&str> = Vec::new();
    for issue in issues {
        let inside = |tag: &&mail_syntax::dmarc::Tag| {
            tag.name_span.start <= issue.span.start && issue.span.end <= tag.value_span.end
        };
        let name = found.record.tags.iter().find(inside).map(|tag| tag.name_span.of(&found.text));
        names.extend(name.filter(|name| !names.contains(name)));
    }
    names
}

fn unknown(facts: &Facts, found: &Found, repair: &mut Repair, out: &mut Judgement, issues: &[&Issue]) {
    if issues.is_empty() {
        return;
    }
    let meant = issues.iter().find_map(|issue| match issue.kind {
        IssueKind::UnknownTag(meant) => meant.map(|meant| (issue.span.of(&found.text), meant)),
        _ => None,
    });
    let mut tags: Vec<&str> = Vec::new();
    for issue in issues {
        let name = issue.span.of(&found.text);
        if !tags.contains(&name) {
            tags.push(name);
        }
    }
    let what = match meant {
        Some((name, meant)) => format!(" `{name}` looks like a misspelt `{}`, which is missing then.", meant.word()),
        None => String::new(),
    };
    let said = format!(
        "{} in {} {} no tag of DMARC; receivers ignore it.{what}",
        words::list(&tags),
        words::whose(facts, found),
        if tags.len() == 1 { "is" } else { "are each" }
    );
    let finding = pointing(facts, found, UNKNOWN_TAG, said, issues);
    match meant {
        Some((name, meant)) => {
            let step = format!("Write `{}` where `{name}` stands, and leave out what no receiver reads.", meant.word());
            repair.find(finding.severity(Severity::Warning), step, out);
        }
        // It does no harm, and may be somebody's note: nothing in the one record changes for it.
        None => {
            let remedy = engine_plugin_api::Remedy::step("Leave it out when the record is changed next.");
            out.find(finding.remedy(remedy));
        }
    }
}

fn historic(facts: &Facts, found: &Found, repair: &mut Repair, out: &mut Judgement) {
    // A share counts as soon as the policy does that the corrections bring to light.
    let sampled = super::policy::sampled(&parse(&repair.draft().text())).is_some();
    let tags: Vec<_> = found
        .record
        .tags
        .iter()
        .filter_map(|tag| Some((tag.name.filter(|name| name.is_historic())?, tag)))
        // A share has a finding of its own.
        .filter(|(name, _)| !(*name == TagName::Percent && sampled))
        .collect();
    let Some((first, _)) = tags.first() else { return };
    let invalid =
        found.record.issues.iter().any(|issue| matches!(issue.kind, IssueKind::Value(name) if name.is_historic()));
    let names: Vec<&str> = tags.iter().map(|(name, _)| name.word()).collect();
    let also = if invalid { " Its value is none, so that receivers of RFC 7489 take the default." } else { "" };
    let said = format!(
        "{} in {} {} no longer part of DMARC since RFC 9989: newer receivers ignore {}.{also}",
        words::list(&names),
        words::whose(facts, found),
        if names.len() == 1 { "is" } else { "are" },
        if names.len() == 1 { "it" } else { "them" },
    );
    let finding = tags.iter().take(words::SHOWN).fold(words::about(found, HISTORIC_TAG, said), |finding, (_, tag)| {
        finding.evidence(words::at(facts, found, tag.span(), "historic"))
    });
    for (name, _) in &tags {
        repair.draft().remove(*name);
    }
    let step = if *first == TagName::Percent && tags.len() == 1 {
        "Leave it out; 100 % is what holds without it."
    } else {
        "Leave them out; nearly all receivers report once a day in one format, whatever these say."
    };
    repair.find(finding, step, out);
}

/// `fo`: options that say nothing.
fn options(facts: &Facts, found: &Found, repair: &mut Repair, out: &mut Judgement) {
    let issues: Vec<&Issue> = found
        .record
        .issues
        .iter()
        .filter(|issue| matches!(issue.kind, IssueKind::RedundantOption(_) | IssueKind::OptionsWithoutReports))
        .collect();
    let Some(first) = issues.first() else { return };
    let whose = words::whose(facts, found);
    let without = issues.iter().any(|issue| issue.kind == IssueKind::OptionsWithoutReports);
    let (said, step) = if without {
        let said = format!("`fo` in {whose} says when failure reports are wished for, but no `ruf` asks for any.");
        (said, "Leave `fo` out, or name an address for failure reports with `ruf`.")
    } else {
        let said =
            format!("`fo` in {whose} holds `{}`, which says nothing beside the others.", first.span.of(&found.text));
        (said, "Keep the options that say something: `1` where any failure is of interest.")
    };
    let finding = pointing(facts, found, FAILURE_OPTIONS, said, &issues);
    if !without && let Some(options) = found.record.failure_options.valid() {
        let mut kept: Vec<&str> = Vec::new();
        for (option, word) in [
            (mail_syntax::dmarc::FailureOption::Any, "1"),
            (mail_syntax::dmarc::FailureOption::All, "0"),
            (mail_syntax::dmarc::FailureOption::Dkim, "d"),
            (mail_syntax::dmarc::FailureOption::Spf, "s"),
        ] {
            if options.contains(&option) && !(word == "0" && kept.contains(&"1")) {
                kept.push(word);
            }
        }
        repair.draft().set(TagName::FailureOptions, kept.join(":"));
    }
    repair.find(finding, step, out);
}

/// Whether the record's strings, joined without a space as receivers do, give a
/// fault that a `;` between them would not.
fn joined(facts: &Facts, found: &Found, repair: &mut Repair, out: &mut Judgement) -> bool {
    let Some(seen) = facts.place(&found.domain) else { return false };
    let Some(text) = seen.texts.iter().find(|text| text.strings.concat() == found.text.as_bytes()) else {
        return false;
    };
    let strings: Vec<String> = text.strings.iter().map(|string| String::from_utf8_lossy(string).into_owned()).collect();
    if strings.len() < 2 || strings.len() > 64 || found.record.issues.is_empty() {
        return false;
    }
    let apart = strings.join("; ");
    let weight = |text: &str| parse(text).issues.iter().filter(|issue| is_serious(&issue.kind)).count();
    if weight(&apart) >= weight(&found.text) {
        return false;
    }
    let edge = strings[0].len();
    let start = (0..edge).rev().find(|at| found.text.is_char_boundary(*at)).unwrap_or(0);
    let end = (edge + 1..=found.text.len()).find(|at| found.text.is_char_boundary(*at)).unwrap_or(found.text.len());
    let said = format!(
        "The record at _dmarc.{} is in {} strings, which receivers join without anything between them. So \
         `{}` becomes part of the value before it.",
        found.domain,
        strings.len(),
        strings[1].split('=').next().unwrap_or_default().trim()
    );
    let finding = words::about(found, STRINGS_JOINED, said).evidence(words::at(
        facts,
        found,
        mail_syntax::Span::new(start, end),
        "joined here",
    ));
    let finding = match found.record.disabling(Rules::Rfc9989) {
        Some(_) => finding.severity(Severity::Error),
        None => finding,
    };
    *repair.draft() = Draft::of(&apart);
    let meant = parse(&apart).policy.valid().copied().filter(|policy| *policy > Policy::None);
    let step = match meant {
        Some(policy) => format!(
            "End each string with `; `, or publish one string. From then on `p={policy}` counts, and receivers {}; make \
             sure that your mail passes.",
            words::wish(policy)
        ),
        None => "End each string with `; `, or publish one string.".to_owned(),
    };
    repair.find(finding, step, out);
    true
}

fn is_serious(kind: &IssueKind) -> bool {
    !matches!(
        kind,
        IssueKind::Historic(_) | IssueKind::UriSize | IssueKind::NameCase(_) | IssueKind::OptionsWithoutReports
    )
}
