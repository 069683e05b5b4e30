//! Replies that are no greylisting: other deferrals, and refusals.

use engine_plugin_api::{Actor, Confidence, Evidence, Finding, Remedy, Severity, Span};

use super::{after_others, code, code_quote, subject};
use crate::{
    OTHER_DEFERRAL, RECIPIENT_UNKNOWN, REFUSED, RELAY_DENIED,
    deferral::Reason,
    facts::{Asked, Facts},
    refusal::{self, Refusal},
};

/// A deferral that is no greylisting.
pub(super) fn deferred(facts: &Facts, asked: &Asked, reason: Reason, at: Option<Span>) -> Finding {
    let first = &asked.first;
    let seen = format!(
        "{} puts {} off at {}: this is {}, no greylisting.{}",
        first.server(),
        facts.recipient,
        first.stage.phrase(),
        reason.phrase(),
        after_others(asked)
    );
    let (actor, step) = deferral_remedy(reason);
    let confidence = if at.is_some() { Confidence::High } else { Confidence::Medium };
    let evidence = match at {
        Some(span) => Evidence::quoting(&first.evidence, first.answer.text()).at(span, reason.phrase()),
        None => code_quote(first, reason.phrase()),
    };
    Finding::new(OTHER_DEFERRAL, subject(facts), seen)
        .confidence(confidence)
        .evidence(evidence)
        .actor(actor)
        .remedy(Remedy::step(step))
}

fn deferral_remedy(reason: Reason) -> (Actor, &'static str) {
    match reason {
        Reason::MailboxFull => (Actor::Receiver, "Have the recipient delete mail or raise the mailbox's quota."),
        Reason::MailboxUnavailable => {
            (Actor::Receiver, "Have the receiver look at the mailbox: it is disabled, locked or moved.")
        }
        Reason::RateLimit => {
            (Actor::Nobody, "Send more slowly and with fewer connections at once; the limit passes by itself.")
        }
        Reason::Reputation => {
            (Actor::IpOwner, "Look the sending address up on the lists that the reply names: --only dnsbl.")
        }
        Reason::Authentication => (Actor::SendingService, "Check the sending domain: --only spf."),
        Reason::Sender => {
            (Actor::SendingService, "Use an envelope sender whose domain exists and whose server takes mail for it.")
        }
        Reason::ReverseDns => (Actor::IpOwner, "Give the sending address a PTR record whose name leads back to it."),
        Reason::RecipientLookup => {
            (Actor::Receiver, "Have the receiver check the recipient's look-up and the DNS of its domain.")
        }
        Reason::Tls => (Actor::ServerOperator, "Have the server's certificate and TLS set-up checked."),
        Reason::Relay => (
            Actor::ServerOperator,
            "Add the domain to those that the server takes mail for, or point the MX elsewhere.",
        ),
        Reason::LocalFault => (
            Actor::ServerOperator,
            "Look in the server's log for this attempt: a look-up, a filter or a full disk stops mail.",
        ),
        Reason::Network => (Actor::ServerOperator, "Have the server's own connections and DNS checked."),
        Reason::Closing => {
            (Actor::Nobody, "Try again later; a server that keeps closing is overloaded or limits this address.")
        }
        Reason::Unspecified => (Actor::Receiver, "Ask the receiver's postmaster, with the quoted reply."),
    }
}

/// A refusal for good.
pub(super) fn refused(facts: &Facts, asked: &Asked) -> Finding {
    let last = asked.last();
    let (refusal, at) = refusal::classify(last.stage, &last.answer);
    let mut seen =
        format!("{} refuses {} at {}. {}", last.server(), facts.recipient, last.stage.phrase(), refusal.meaning());
    if !asked.later.is_empty() {
        seen.push_str(&format!(" Before, it put the same attempt off with {}.", code(&asked.first)));
    }
    seen.push_str(&after_others(asked));
    let evidence = match at {
        Some(span) => Evidence::quoting(&last.evidence, last.answer.text()).at(span, label(refusal)),
        None => code_quote(last, label(refusal)),
    };
    let (code, actor, step) = match refusal {
        Refusal::RecipientUnknown => (
            RECIPIENT_UNKNOWN,
            Actor::Receiver,
            "Check the spelling. If it is right, create the mailbox or alias on the server, or point the MX at the server that has it.".to_owned(),
        ),
        Refusal::RelayDenied => (
            RELAY_DENIED,
            Actor::ServerOperator,
            format!(
                "Add {} to the domains that {} takes mail for, or point its MX at the server that does.",
                domain_of(&facts.recipient),
                last.host
            ),
        ),
        // RFC 5321 §4.5.5: it has to take the null sender
        Refusal::Sender if facts.sender.is_empty() => {
            (REFUSED, Actor::ServerOperator, refusal_step(refusal, facts).to_owned())
        }
        other => (REFUSED, refusal_actor(other), refusal_step(other, facts).to_owned()),
    };
    let finding = Finding::new(code, subject(facts), seen).evidence(evidence).actor(actor).remedy(Remedy::step(step));
    match refusal {
        Refusal::PermanentGreylisting | Refusal::MailboxUnavailable => finding.severity(Severity::Error),
        _ => finding,
    }
}

fn label(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::RecipientUnknown => "no such mailbox",
        Refusal::RelayDenied => "not responsible for the domain",
        Refusal::MailboxUnavailable => "mailbox full or disabled",
        Refusal::Reputation => "the sending address",
        Refusal::Sender => "the sender",
        Refusal::Authentication => "authentication of the sender",
        Refusal::Submission => "TLS or a login",
        Refusal::PermanentGreylisting => "greylisting with a permanent code",
        Refusal::Policy => "refused for good",
    }
}

fn refusal_actor(refusal: Refusal) -> Actor {
    match refusal {
        Refusal::Reputation => Actor::IpOwner,
        Refusal::Authentication | Refusal::Sender => Actor::SendingService,
        Refusal::PermanentGreylisting | Refusal::Submission => Actor::ServerOperator,
        _ => Actor::Receiver,
    }
}

fn refusal_step(refusal: Refusal, facts: &Facts) -> &'static str {
    match refusal {
        Refusal::MailboxUnavailable => "Have the recipient make room, or have the mailbox enabled again.",
        Refusal::Reputation => {
            "Run it from the address that sends your mail. If that is refused as well, look it up: --only dnsbl --ip ADDRESS."
        }
        Refusal::Sender if facts.sender.is_empty() => {
            "Have the server take the null sender, as RFC 5321 §4.5.5 asks: without it, no bounce reaches this recipient. To go on, name a sender with --sender."
        }
        Refusal::Sender => "Name the sender that your mail really has with --sender.",
        Refusal::Authentication => "Run it from a server that the sender's SPF record names, or leave --sender away.",
        Refusal::Submission => "Point the MX at a server that takes mail from strangers on port 25.",
        Refusal::PermanentGreylisting => "Answer with 450 or 451 while greylisting, so that senders try again.",
        _ => "Ask the receiver's postmaster, with the quoted reply.",
    }
}

fn domain_of(recipient: &str) -> &str {
    recipient.rsplit_once('@').map_or(recipient, |(_, domain)| domain)
}
