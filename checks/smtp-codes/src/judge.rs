//! From explained replies to findings: one for the cause of each, further ones
//! for what is odd about its codes.

use engine_plugin_api::{Cause, CauseKind, Confidence, Finding, Judgement, Remedy, Severity, Subject, Unknown};
use smtp_reasons::{Basis, Certainty, Class, Explanation, Part, Reason};

use crate::{Config, facts::Facts, oddities, quote::quote};

/// Judges the replies.
pub fn judge(facts: &Facts, config: &Config) -> Judgement {
    let mut judgement = Judgement::default();
    let mut told: Vec<(String, Reason)> = Vec::new();
    let mut readable = false;
    for reply in &facts.replies {
        let key = (reply.reply.code_text(), reply.reason.id);
        // A text without codes and without known words is no reply that we can read.
        if key.0.is_empty() && reply.reason.id == Reason::Unexplained {
            continue;
        }
        readable = true;
        // The same refusal for ten recipients is one cause.
        if told.contains(&key) {
            continue;
        }
        told.push(key);
        judgement.find(cause(facts, reply));
        if reply.reason.id == Reason::Unexplained {
            judgement.unknown(unexplained(reply));
        }
        oddities::judge(facts, reply, config, &mut judgement);
    }
    if !readable {
        let cause = Cause::new(CauseKind::Malformed, "the text holds no SMTP code and no wording that is known");
        judgement.unknown(
            Unknown::new(Subject::Reply("the given text".into()), "what the reply means", cause)
                .advice("give the whole reply as the log or the returned message has it, with its codes"),
        );
    }
    if facts.cut {
        let cause = Cause::new(CauseKind::Truncated, "the text is longer than is read");
        judgement.unknown(
            Unknown::new(Subject::Reply("the given text".into()), "what the rest of the text says", cause)
                .advice("give only the lines that belong to one failed message"),
        );
    }
    judgement
}

/// What a finding about `reply` is about.
pub(crate) fn subject(reply: &Explanation<'_>) -> Subject {
    let codes = reply.reply.code_text();
    Subject::Reply(if codes.is_empty() { "reply without a code".into() } else { codes })
}

fn cause(facts: &Facts, e: &Explanation<'_>) -> Finding {
    let pointed = e.telling.clone().or_else(|| code_place(e)).unwrap_or_else(|| e.reply.said.clone());
    let mut finding = Finding::new(code_of(e.reason.id), subject(e), seen(facts, e))
        .confidence(match e.certainty {
            Certainty::Low => Confidence::Low,
            Certainty::Medium => Confidence::Medium,
            Certainty::High => Confidence::High,
        })
        .evidence(quote(facts, &e.reply.said, &pointed, &e.reason.title))
        .actor(e.actor.into());
    match e.reply.class() {
        Some(Class::Permanent) => finding = finding.severity(Severity::Error),
        Some(Class::Temporary) => finding = finding.severity(Severity::Warning),
        _ => {}
    }
    if e.reason.id.is_refusal() { finding.remedy(remedy(e)) } else { finding }
}

/// The code that the finding rests on: the enhanced one where it decided.
fn code_place(e: &Explanation<'_>) -> Option<std::ops::Range<usize>> {
    let status = e.reply.status.as_ref().map(|s| s.span.clone());
    let basic = e.reply.basic.as_ref().map(|b| b.span.clone());
    if e.basis == Basis::Reply { basic.or(status) } else { status.or(basic) }
}

/// `The reply 550 5.7.1`, `The status code 5.7.23`, `The reply`.
pub(crate) fn named(e: &Explanation<'_>) -> String {
    match (&e.reply.basic, &e.reply.status) {
        (None, Some(status)) => format!("The status code {}", status.value),
        (None, None) => "The reply".into(),
        _ => format!("The reply {}", e.reply.code_text()),
    }
}

fn seen(facts: &Facts, e: &Explanation<'_>) -> String {
    if e.reason.id == Reason::Unexplained {
        let how = if e.reply.class() == Some(Class::Temporary) { "refuses for now" } else { "refuses" };
        return format!("{} {how} and gives no usable reason.", named(e));
    }
    let mut seen = format!("{} says: {}.", named(e), e.reason.title);
    match (e.basis, &e.provider) {
        (_, Some(overlay)) => {
            let (provider, meaning) = (&overlay.provider.name, &overlay.rule.meaning);
            let ground = if overlay.by_words { "Its words fit what" } else { "By its code this is what" };
            seen.push_str(&format!(" {ground} {provider} means by it: {meaning}."));
        }
        (Basis::Words, None) => {
            let words = e.telling.as_ref().and_then(|span| facts.text.get(span.clone())).unwrap_or_default();
            seen.push_str(&format!(" The words \"{}\" decide.", one_line(words)));
            if let Some(status) = e.status.filter(|s| !s.vague && s.reason != e.reason.id) {
                seen.push_str(&format!(" Its code alone would mean \"{}\".", status.title));
            }
        }
        (Basis::Status, None) => match (&e.status, &e.reply.status) {
            (Some(status), _) => seen.push_str(&format!(" IANA has {} as \"{}\".", status.code, status.title)),
            (None, Some(_)) => seen.push_str(" No more than the code's subject tells this."),
            (None, None) => {}
        },
        (Basis::Reply, None) => {
            if let (Some(basic), true) = (e.basic, e.reason.id.is_refusal()) {
                seen.push_str(&format!(" {} stands for \"{}\".", basic.code, basic.title));
            }
        }
        (Basis::Nothing | Basis::Provider, None) => {}
    }
    if let Some(list) = e.blocklist {
        seen.push_str(&format!(" The blocklist is {}.", list.name));
        if let Some(note) = &list.note {
            seen.push_str(&format!(" Note: {note}."));
        }
    }
    seen
}

/// At most eighty characters of `text`, on one line.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(80).collect()
}

pub(crate) fn remedy(e: &Explanation<'_>) -> Remedy {
    let mut step = e.remedy.to_owned();
    // The receiver's own address stands before its words, the sender's among them.
    let own = |span: &std::ops::Range<usize>| span.start >= e.reply.said.start;
    let addresses: Vec<_> = e.reply.elements.addresses.iter().filter(|a| own(&a.span)).collect();
    if let [Part { value, .. }] = addresses.as_slice() {
        match e.reason.id {
            Reason::Spf => {
                let family = if value.is_ipv4() { "ip4" } else { "ip6" };
                step.push_str(&format!(" The mechanism for the address in the reply is {family}:{value}."));
            }
            Reason::ReverseDns => step.push_str(&format!(" The PTR record belongs at {}.", reverse_name(value))),
            _ => {}
        }
    }
    let mut remedy = Remedy::step(step);
    let pasted_url = e.reply.elements.urls.iter().find(|url| own(&url.span)).map(|url| url.value.clone());
    if let Some(url) = e.blocklist.and_then(|list| list.lookup.clone()).or(pasted_url) {
        remedy = remedy.url(url);
    }
    if e.reason.id == Reason::Greylisted {
        remedy = remedy.effect("with the next attempt, as a rule after 5 to 30 minutes");
    }
    remedy
}

/// The name of an address in the reverse tree (RFC 1035 §3.5, RFC 3596 §2.5).
fn reverse_name(address: &std::net::IpAddr) -> String {
    match address {
        std::net::IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        std::net::IpAddr::V6(v6) => {
            let nibbles = v6.octets().into_iter().rev().flat_map(|byte| [byte & 15, byte >> 4]);
            let labels: Vec<_> = nibbles.map(|nibble| format!("{nibble:x}")).collect();
            format!("{}.ip6.arpa", labels.join("."))
        }
    }
}

fn unexplained(e: &Explanation<'_>) -> Unknown {
    let detail = "neither its codes nor its words give a reason";
    Unknown::new(subject(e), "why the server refused", Cause::new(CauseKind::NeedsInput, detail))
        .advice("give the whole reply with all its lines, as the sending server's log has it")
}

/// The finding that tells a cause. Causes with the same actor and remedy share one.
fn code_of(reason: Reason) -> &'static str {
    match reason {
        Reason::Delivered | Reason::Proceed | Reason::Complaint => crate::SUCCESS,
        Reason::MailboxUnknown => crate::UNKNOWN_MAILBOX,
        Reason::MailboxDisabled | Reason::MailboxMoved => crate::MAILBOX_DISABLED,
        Reason::MailboxFull => crate::MAILBOX_FULL,
        Reason::RecipientRefuses | Reason::SenderNotAllowed => crate::RECIPIENT_REFUSES,
        Reason::DomainUnknown => crate::UNKNOWN_DOMAIN,
        Reason::DomainRefusesMail => crate::DOMAIN_REFUSES_MAIL,
        Reason::RelayDenied => crate::RELAY_DENIED,
        Reason::SenderRefused => crate::SENDER_REFUSED,
        Reason::Policy => crate::POLICY_REFUSAL,
        Reason::Spf => crate::SPF_REFUSAL,
        Reason::Dkim => crate::DKIM_REFUSAL,
        Reason::Dmarc => crate::DMARC_REFUSAL,
        Reason::Unauthenticated => crate::UNAUTHENTICATED_MAIL,
        Reason::Blocklisted => crate::BLOCKLISTED,
        Reason::Reputation => crate::REPUTATION_REFUSAL,
        Reason::Greylisted => crate::GREYLISTED,
        Reason::RateLimited | Reason::TooManyConnections => crate::RATE_LIMITED,
        Reason::TooManyRecipients => crate::TOO_MANY_RECIPIENTS,
        Reason::Spam | Reason::Malware | Reason::AttachmentRefused => crate::CONTENT_REFUSED,
        Reason::Malformed | Reason::ContentUnsupported => crate::MALFORMED_MESSAGE,
        Reason::TooLarge | Reason::TooLargeForMailbox => crate::TOO_LARGE,
        Reason::ReverseDns => crate::REVERSE_DNS_REFUSAL,
        Reason::Helo => crate::HELO_REFUSED,
        Reason::LoginRequired | Reason::LoginRefused => crate::AUTH_REQUIRED,
        Reason::TlsRequired | Reason::TlsFailed => crate::TLS_REQUIRED,
        Reason::Protocol => crate::PROTOCOL_ERROR,
        Reason::ServerTrouble | Reason::ServerFull | Reason::MailerError => crate::SERVER_TROUBLE,
        Reason::RoutingLoop => crate::ROUTING_LOOP,
        Reason::Unreachable | Reason::DnsFailure | Reason::TurnedAway | Reason::Expired | Reason::Suppressed => {
            crate::UNDELIVERED
        }
        Reason::Unexplained => crate::UNEXPLAINED_REFUSAL,
    }
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
