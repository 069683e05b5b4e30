//! The words of a finding, and the quotation under it.

use std::ops::Range;

use bounce::{Action, Hardness, Recipient, Report};
use engine_plugin_api::{Evidence, EvidenceId, Span};
use smtp_reasons::{Explanation, Knowledge, Reason};

/// The most bytes that a quotation shows.
const LONGEST: usize = 400;
/// How many recipients are named.
const MOST_NAMES: usize = 5;

/// What was seen, for the recipients of one cause.
pub(crate) fn seen(report: &Report, cause: &[&Recipient], own: Option<&Explanation<'_>>) -> String {
    let recipient = cause[0];
    let title = &Knowledge::builtin().reason(recipient.reason).title;
    let names: Vec<&str> = cause.iter().take(MOST_NAMES).map(|r| r.address.as_str()).collect();
    let mut who = names.join(", ");
    if let Some(more) = cause.len().checked_sub(MOST_NAMES).filter(|more| *more > 0) {
        who.push_str(&format!(" and {more} more"));
    }
    let mut seen = match (recipient.reason, recipient.action) {
        (Reason::Complaint, _) => {
            let kind = report.feedback.as_ref().map_or("abuse", |feedback| feedback.kind.as_str());
            return format!("{who} got the message, and a feedback report of type {kind} came back for it.");
        }
        (_, Action::Delivered) => return format!("The message was delivered to {who}, says the receipt."),
        (_, Action::Relayed) => {
            return format!("The message for {who} was passed on to a system that sends no receipts.");
        }
        (_, Action::Expanded) => return format!("{who} is a list: the message was passed on to its members."),
        (_, Action::Delayed) => format!("The message for {who} is still being tried; so far: {title}."),
        (_, Action::Failed) => format!("The message for {who} was not delivered: {title}."),
    };
    if let Some(place) = place(recipient) {
        seen.push_str(&format!(" {place}"));
    }
    if let Some(overlay) = own.and_then(|e| e.provider.as_ref()) {
        seen.push_str(&format!(" This is what {} means by it: {}.", overlay.provider.name, overlay.rule.meaning));
    }
    if let Some(underlying) = recipient.underlying {
        let entry = Knowledge::builtin().reason(underlying);
        seen.push_str(&format!(" The attempts failed because of this: {}.", entry.title));
    }
    seen.push_str(match (recipient.hardness, recipient.action) {
        (Hardness::Hard, Action::Failed) => " The address does not work (hard bounce).",
        (Hardness::Soft, Action::Failed) => " The address itself may work (soft bounce).",
        _ => "",
    });
    if report.attached {
        seen.push_str(" The report stands in a message attached to the one that was given.");
    }
    seen
}

/// Who refused, where in the dialogue, with what code.
fn place(recipient: &Recipient) -> Option<String> {
    let code = recipient.code.map(|code| code.to_string());
    let status = recipient.status.map(|status| status.to_string());
    let codes = [code, status].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let remote = recipient.remote.as_deref();
    let said = match (remote, codes.is_empty()) {
        (None, true) => return None,
        (Some(remote), true) => format!("The other side was {remote}"),
        (Some(remote), false) => format!("{remote} said {codes}"),
        (None, false) => format!("The codes are {codes}"),
    };
    let stage = recipient.stage.map(|stage| format!(", in answer to {}", stage.word())).unwrap_or_default();
    Some(format!("{said}{stage}."))
}

/// The words of the report on one line, cut to a readable length, with those marked that decide.
pub(crate) fn quote(diagnostic: &str, telling: Option<Range<usize>>, label: &str) -> Evidence {
    let telling = telling.filter(|span| diagnostic.get(span.clone()).is_some());
    let end = telling.as_ref().map_or(0, |span| span.end);
    let from = if end > LONGEST { boundary(diagnostic, end.saturating_sub(LONGEST / 2)) } else { 0 };
    let to = boundary(diagnostic, diagnostic.len().min(from + LONGEST));
    // Line ends become spaces of the same length, so that places stay.
    let shown = diagnostic[from..to].replace(['\r', '\n', '\t'], " ");
    let evidence = Evidence::quoting(&EvidenceId::default(), shown);
    match telling {
        Some(span) => evidence.at(Span::new(span.start.clamp(from, to) - from, span.end.clamp(from, to) - from), label),
        None => evidence,
    }
}

fn boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}
