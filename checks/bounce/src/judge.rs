//! From what a bounce says to findings: one for each cause. Pure.

use bounce::{Action, Kind, Recipient, Report};
use engine_plugin_api::{Cause, CauseKind, Confidence, Finding, Judgement, Remedy, Severity, Subject, Unknown};
use smtp_reasons::{Explanation, Knowledge, Reason};

use crate::{
    Config,
    facts::Facts,
    text::{quote, seen},
};

/// What the message is instead of a report about delivery; `None` for one.
pub(crate) fn other_kind(facts: &Facts) -> Option<&'static str> {
    let any = |kind: Kind| facts.reports.iter().any(|report| report.kind == kind);
    if [Kind::Bounce, Kind::Delay, Kind::Receipt, Kind::Feedback].into_iter().any(any) {
        return None;
    }
    Some(if any(Kind::ReadReceipt) {
        "the message is a read receipt and no bounce"
    } else if any(Kind::AutoReply) {
        "the message is an automatic answer and no bounce"
    } else {
        "the message is no bounce"
    })
}

/// Judges the reports.
pub fn judge(facts: &Facts, config: &Config) -> Judgement {
    let mut judgement = Judgement::default();
    for report in &facts.reports {
        let causes = causes(report);
        for cause in causes.iter().take(config.max_findings) {
            judgement.find(finding(report, cause));
            if cause[0].reason == Reason::Unexplained {
                judgement.unknown(unexplained(cause[0]));
            }
        }
        if let Some(left) = causes.len().checked_sub(config.max_findings).filter(|left| *left > 0) {
            let cause = Cause::new(CauseKind::Truncated, format!("{left} more causes are beyond max_findings"));
            judgement.unknown(Unknown::new(subject(facts), "what else the report says", cause));
        }
        if matches!(report.kind, Kind::Bounce | Kind::Delay) && report.recipients.is_empty() {
            let detail = format!("the message {}", faults(report, "names no recipient"));
            let unknown = Unknown::new(
                subject(facts),
                "who did not get the message, and why",
                Cause::new(CauseKind::Malformed, detail),
            );
            judgement.unknown(unknown.advice(
                "give the whole message as it came, header and attachments included (\"show original\", \"save as\")",
            ));
        }
    }
    judgement
}

/// Recipients that failed for one reason, by one reply, are one cause.
fn causes(report: &Report) -> Vec<Vec<&Recipient>> {
    let mut causes: Vec<Vec<&Recipient>> = Vec::new();
    for recipient in &report.recipients {
        let key = |r: &Recipient| (r.reason, r.action, r.code, r.status);
        match causes.iter_mut().find(|cause| key(cause[0]) == key(recipient)) {
            Some(cause) => cause.push(recipient),
            None => causes.push(vec![recipient]),
        }
    }
    causes
}

fn subject(facts: &Facts) -> Subject {
    Subject::Reply(facts.name.clone())
}

fn faults(report: &Report, otherwise: &str) -> String {
    report.faults.first().map_or_else(|| otherwise.to_owned(), |fault| fault.phrase().to_owned())
}

fn finding(report: &Report, cause: &[&Recipient]) -> Finding {
    let recipient = cause[0];
    let entry = Knowledge::builtin().reason(recipient.reason);
    let (_, explained) = smtp_reasons::explain(&recipient.diagnostic);
    // A provider's own advice, where its rule decided.
    let own = explained.iter().find(|e| e.reason.id == recipient.reason);
    let mut finding =
        Finding::new(code_of(recipient), Subject::Mailbox(recipient.address.clone()), seen(report, cause, own))
            .confidence(confidence(recipient, own))
            .actor(own.map_or(entry.actor, |e| e.actor).into());
    if !recipient.diagnostic.is_empty() {
        finding = finding.evidence(quote(&recipient.diagnostic, recipient.telling.clone(), &entry.title));
    }
    if recipient.action == Action::Delayed {
        finding = finding.severity(Severity::Warning);
    }
    if !recipient.reason.is_refusal() && recipient.reason != Reason::Complaint {
        return finding;
    }
    finding.remedy(remedy(recipient, own, &entry.remedy))
}

fn remedy(recipient: &Recipient, own: Option<&Explanation<'_>>, general: &str) -> Remedy {
    let mut step = own.map_or(general, |e| e.remedy).to_owned();
    if let Some(underlying) = recipient.underlying {
        let entry = Knowledge::builtin().reason(underlying);
        step.push_str(&format!(" The attempts failed because: {}. {}", entry.title, entry.remedy));
    }
    let mut remedy = Remedy::step(step);
    let urls = own.map(|e| e.reply.elements.urls.as_slice()).unwrap_or_default();
    if let Some(url) =
        own.and_then(|e| e.blocklist).and_then(|list| list.lookup.clone()).or(urls.first().map(|u| u.value.clone()))
    {
        remedy = remedy.url(url);
    }
    if recipient.action == Action::Delayed {
        remedy = remedy.effect(match &recipient.retry_until {
            Some(until) => format!("by itself, if an attempt before {until} succeeds"),
            None => "by itself, if a later attempt succeeds".to_owned(),
        });
    }
    remedy
}

fn confidence(recipient: &Recipient, own: Option<&Explanation<'_>>) -> Confidence {
    match (recipient.reason, own.map(|e| e.certainty)) {
        (Reason::Unexplained, _) | (_, Some(smtp_reasons::Certainty::Low)) => Confidence::Low,
        (_, Some(smtp_reasons::Certainty::High)) => Confidence::High,
        // The stage and the report's own codes decided, not the words alone.
        _ => Confidence::Medium,
    }
}

fn unexplained(recipient: &Recipient) -> Unknown {
    let detail = if recipient.diagnostic.is_empty() {
        "the report gives no reply of a server"
    } else {
        "neither codes nor words of the report give a reason"
    };
    Unknown::new(
        Subject::Mailbox(recipient.address.clone()),
        format!("why {} did not get the message", recipient.address),
        Cause::new(CauseKind::NeedsInput, detail),
    )
    .advice(
        "look in the log of the sending server for the reply to this recipient, and give that line to engine explain",
    )
}

/// The finding that tells a cause. Causes with the same actor and remedy share one.
fn code_of(recipient: &Recipient) -> &'static str {
    match recipient.reason {
        Reason::Delivered | Reason::Proceed => crate::DELIVERED,
        Reason::MailboxUnknown => crate::MAILBOX_UNKNOWN,
        Reason::MailboxDisabled | Reason::MailboxMoved => crate::MAILBOX_DISABLED,
        Reason::MailboxFull => crate::MAILBOX_FULL,
        Reason::RecipientRefuses | Reason::SenderNotAllowed => crate::RECIPIENT_REFUSES,
        Reason::DomainUnknown => crate::DOMAIN_UNKNOWN,
        Reason::DomainRefusesMail => crate::DOMAIN_REFUSES_MAIL,
        Reason::RelayDenied => crate::RELAY_DENIED,
        Reason::SenderRefused => crate::SENDER_REFUSED,
        Reason::Policy => crate::POLICY,
        Reason::Spf | Reason::Dkim | Reason::Dmarc | Reason::Unauthenticated => crate::UNAUTHENTICATED,
        Reason::Blocklisted => crate::BLOCKLISTED,
        Reason::Reputation => crate::REPUTATION,
        Reason::Greylisted => crate::GREYLISTED,
        Reason::RateLimited | Reason::TooManyConnections | Reason::TooManyRecipients => crate::RATE_LIMITED,
        Reason::Spam | Reason::Malware | Reason::AttachmentRefused => crate::CONTENT_REFUSED,
        Reason::Malformed | Reason::ContentUnsupported => crate::MALFORMED,
        Reason::TooLarge | Reason::TooLargeForMailbox => crate::TOO_LARGE,
        Reason::ReverseDns | Reason::Helo => crate::SENDING_HOST,
        Reason::LoginRequired | Reason::LoginRefused => crate::LOGIN,
        Reason::TlsRequired | Reason::TlsFailed => crate::TLS,
        Reason::Protocol => crate::PROTOCOL,
        Reason::ServerTrouble | Reason::ServerFull | Reason::MailerError | Reason::RoutingLoop => crate::SERVER_TROUBLE,
        Reason::Unreachable | Reason::DnsFailure | Reason::TurnedAway => crate::UNREACHABLE,
        Reason::Expired if recipient.action == Action::Delayed => crate::DELAYED,
        Reason::Expired => crate::EXPIRED,
        Reason::Suppressed => crate::SUPPRESSED,
        Reason::Complaint => crate::COMPLAINT,
        Reason::Unexplained => crate::UNEXPLAINED,
    }
}
