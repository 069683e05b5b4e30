//! What a 4yz reply means: greylisting, possibly greylisting, or something
//! else that waits to be put right.
//!
//! Neither code nor text decides alone. Greylisting has no code of its own:
//! servers use 450 and 451, with 4.2.0, 4.7.0 or 4.7.1, and those codes carry
//! rate limits and broken filters as well.

use engine_plugin_api::{
    Span,
    services::{EnhancedCode, SmtpAnswer, Stage},
};

use crate::text::Text;

mod words;

use words::{BROKEN, DENIALS, FIRST_CONTACT, GREYLIST, REASONS, SERVICES};

/// What a 4yz reply means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deferral {
    /// The words say that it is greylisting; where they stand in [`SmtpAnswer::text`].
    Greylisting(Span),
    /// Nothing in the reply says what it is, which is how many greylisting
    /// servers put it: only a later attempt tells.
    Possible,
    /// Something else, and the words that say so; without any, the codes do.
    Other(Reason, Option<Span>),
}

impl Deferral {
    /// Whether a second attempt is worth waiting for.
    pub fn is_candidate(self) -> bool {
        !matches!(self, Deferral::Other(..))
    }
}

/// Why a server puts mail off, where it is no greylisting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The mailbox is over its quota.
    MailboxFull,
    /// The mailbox is disabled or busy.
    MailboxUnavailable,
    /// Too much mail or too many connections.
    RateLimit,
    /// The sending address has a bad name, or is on a blocklist.
    Reputation,
    /// SPF, DKIM, DMARC or ARC.
    Authentication,
    /// The sender's domain cannot be found, or its address cannot be verified.
    Sender,
    /// The sending address has no matching reverse name.
    ReverseDns,
    /// The recipient's domain or address cannot be looked up.
    RecipientLookup,
    /// TLS is missing or failed.
    Tls,
    /// The server is not responsible for the domain.
    Relay,
    /// A fault of the server: a lookup, a filter, disk space.
    LocalFault,
    /// A network or routing problem behind the server.
    Network,
    /// The server is shutting down or closes the connection.
    Closing,
    /// The reply does not say, and comes before any recipient is named.
    Unspecified,
}

impl Reason {
    /// What it is, for a person: fits after "this is".
    pub fn phrase(self) -> &'static str {
        match self {
            Reason::MailboxFull => "a full mailbox",
            Reason::MailboxUnavailable => "a mailbox that is disabled or busy",
            Reason::RateLimit => "a limit on rate or connections",
            Reason::Reputation => "the reputation of the sending address",
            Reason::Authentication => "sender authentication (SPF, DKIM or DMARC)",
            Reason::Sender => "a sender that the server cannot verify",
            Reason::ReverseDns => "the reverse name of the sending address",
            Reason::RecipientLookup => "a recipient that the server cannot look up now",
            Reason::Tls => "a matter of TLS",
            Reason::Relay => "a domain that the server does not relay for",
            Reason::LocalFault => "a fault on the server itself",
            Reason::Network => "a network or routing problem behind the server",
            Reason::Closing => "a server that closes the connection",
            Reason::Unspecified => "a deferral whose reason the server does not give",
        }
    }
}

/// Says what `answer`, a 4yz reply at `stage`, means.
pub fn classify(stage: Stage, answer: &SmtpAnswer) -> Deferral {
    let reply = answer.text();
    let text = Text::read(&reply);
    let named = text.find_any(GREYLIST).filter(|&at| !is_denied(&text, at));
    if let Some(span) = broken_greylisting(&text) {
        return Deferral::Other(Reason::LocalFault, Some(span));
    }
    if let Some(span) = named.or_else(|| greylisting_zone(&text)) {
        return Deferral::Greylisting(span);
    }
    if let Some((reason, span)) = worded(&text) {
        return Deferral::Other(reason, Some(span));
    }
    if let Some(span) = text.find_any(FIRST_CONTACT).or_else(|| greylisting_url(&text)) {
        return Deferral::Greylisting(span);
    }
    if let Some(reason) = by_code(answer.code, answer.enhanced, &text) {
        return Deferral::Other(reason, None);
    }
    // Before RCPT the server knows no triplet that it could have seen before.
    match stage {
        Stage::Rcpt => Deferral::Possible,
        Stage::Mail if text.find("service * unavailable").or(text.find("service unavailable")).is_some() => {
            Deferral::Other(Reason::LocalFault, None)
        }
        _ => Deferral::Other(Reason::Unspecified, None),
    }
}

fn broken_greylisting(text: &Text) -> Option<Span> {
    text.find_any(GREYLIST)?;
    let phrases = SERVICES.iter().flat_map(|service| BROKEN.map(|broken| format!("greylist* {service} .. {broken}")));
    phrases.into_iter().find_map(|phrase| text.find(&phrase))
}

fn worded(text: &Text) -> Option<(Reason, Span)> {
    REASONS.iter().find_map(|(reason, phrases)| text.find_any(phrases).map(|span| (*reason, span)))
}

fn is_denied(text: &Text, at: Span) -> bool {
    text.words
        .iter()
        .zip(text.words.iter().skip(1))
        .any(|(before, word)| word.span.start == at.start && !word.parted && DENIALS.contains(&before.text.as_str()))
}

/// A list that defers instead of refusing: `blocked using grey.rbl`.
fn greylisting_zone(text: &Text) -> Option<Span> {
    let is_grey = |label: &str| {
        label == "grey" || label == "gray" || label.starts_with("greylist") || label.starts_with("graylist")
    };
    text.hosts
        .iter()
        .find(|(host, _, before)| {
            matches!(before.as_str(), "using" | "by" | "at" | "in") && host.split('.').any(is_grey)
        })
        .map(|(_, span, _)| *span)
}

fn greylisting_url(text: &Text) -> Option<Span> {
    let says = ["postgrey", "greylist", "graylist", "grey-list", "gray-list"];
    text.urls.iter().find(|(url, _)| says.iter().any(|word| url.contains(word))).map(|(_, span)| *span)
}

/// What the codes alone say; `None` where they fit greylisting as well.
/// Titles: the IANA registry of enhanced status codes.
fn by_code(code: u16, enhanced: Option<EnhancedCode>, text: &Text) -> Option<Reason> {
    let by_enhanced = enhanced.and_then(|code| match (code.subject, code.detail) {
        (1, 7 | 8) => Some(Reason::Sender),
        (1, _) => Some(Reason::RecipientLookup),
        (2, 1) => Some(Reason::MailboxUnavailable),
        (2, 2) => Some(Reason::MailboxFull),
        // postscreen sends it to every client that it has not met before
        (3, 2) if text.find("service currently unavailable").is_some() => None,
        (3, 2) if text.find("try .. later").is_some() => None,
        (3, _) => Some(Reason::LocalFault),
        (4, _) => Some(Reason::Network),
        (5, 3) | (7, 28) => Some(Reason::RateLimit),
        (5 | 6, _) => Some(Reason::LocalFault),
        (7, 5 | 10 | 11 | 29) => Some(Reason::Tls),
        (7, 20..=24 | 26 | 27 | 30..=40) => Some(Reason::Authentication),
        (7, 25) => Some(Reason::ReverseDns),
        // Exchange Online's own range for senders that it does not trust
        (7, 500..) => Some(Reason::Reputation),
        _ => None,
    });
    by_enhanced.or(match code {
        // RFC 5321 §3.8: the server is about to close the connection
        421 => Some(Reason::Closing),
        // RFC 5321 §4.2.3
        452 => Some(Reason::LocalFault),
        454 => Some(Reason::Tls),
        455 => Some(Reason::LocalFault),
        _ => None,
    })
}

#[cfg(test)]
mod tests;
