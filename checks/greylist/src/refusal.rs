//! What a 5yz reply to the attempt means: it ends the question of greylisting.

use engine_plugin_api::{
    Span,
    services::{SmtpAnswer, Stage},
};

use crate::text::Text;

/// Why the server refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The mailbox does not exist.
    RecipientUnknown,
    /// The server does not take mail for the domain.
    RelayDenied,
    /// The mailbox is full or disabled.
    MailboxUnavailable,
    /// The sending address is on a blocklist or has a bad name.
    Reputation,
    /// The sender's address or domain is not accepted.
    Sender,
    /// SPF, DKIM or DMARC.
    Authentication,
    /// TLS, or logging in, is required first.
    Submission,
    /// It is greylisting, said with a code that tells senders to give up.
    PermanentGreylisting,
    /// Another reason.
    Policy,
}

impl Refusal {
    /// What it means, in a sentence.
    pub fn meaning(self) -> &'static str {
        match self {
            Refusal::RecipientUnknown => "The server does not know this mailbox.",
            Refusal::RelayDenied => "The server does not regard itself as responsible for this domain.",
            Refusal::MailboxUnavailable => "The mailbox exists, but takes no mail: it is full or disabled.",
            Refusal::Reputation => "The server refuses the address that this attempt came from, not the recipient.",
            Refusal::Sender => "The server refuses the envelope sender of this attempt, not the recipient.",
            Refusal::Authentication => "The sender of this attempt does not pass SPF, DKIM or DMARC at the server.",
            Refusal::Submission => "The server wants TLS or a login first, as a server for customers does.",
            Refusal::PermanentGreylisting => {
                "The words are those of greylisting, but 5yz tells every sender to give up and bounce the mail."
            }
            Refusal::Policy => "The server refuses this attempt by a rule of its own.",
        }
    }
}

/// Says what `answer`, a 5yz reply at `stage`, means, and which words say so.
pub fn classify(stage: Stage, answer: &SmtpAnswer) -> (Refusal, Option<Span>) {
    let text = Text::read(&answer.text());
    let worded = WORDS
        .iter()
        .filter(|(refusal, _)| stage == Stage::Rcpt || !refusal.is_about_recipient())
        .find_map(|(refusal, phrases)| text.find_any(phrases).map(|span| (*refusal, Some(span))));
    if let Some(found) = worded {
        return found;
    }
    let code = answer.enhanced.map(|code| (code.subject, code.detail));
    let refusal = match (answer.code, code) {
        // RFC 3463 §3.2: bad mailbox, bad domain, moved; IANA: 5.1.10 null MX
        (_, Some((1, 1 | 3 | 6))) if stage == Stage::Rcpt => Refusal::RecipientUnknown,
        (_, Some((1, 2))) if stage == Stage::Rcpt => Refusal::RelayDenied,
        (_, Some((1, 7 | 8))) => Refusal::Sender,
        // A list, or an alias, that leads nowhere (RFC 3463 §3.3).
        (_, Some((2, 4))) if stage == Stage::Rcpt => Refusal::RecipientUnknown,
        (_, Some((2, 0..=3))) | (552, None) => Refusal::MailboxUnavailable,
        (_, Some((7, 20..=24 | 26 | 27))) => Refusal::Authentication,
        (_, Some((7, 25))) => Refusal::Reputation,
        (530, _) => Refusal::Submission,
        // RFC 5321 §4.2.2: user not local
        (551, None) => Refusal::RelayDenied,
        _ => Refusal::Policy,
    };
    (refusal, None)
}

impl Refusal {
    fn is_about_recipient(self) -> bool {
        matches!(self, Refusal::RecipientUnknown | Refusal::RelayDenied | Refusal::MailboxUnavailable)
    }
}

/// Words that name a refusal; the first with a phrase in the text counts.
const WORDS: &[(Refusal, &[&str])] = &[
    (Refusal::PermanentGreylisting, &["greylist*", "graylist*", "grey listed", "gray listed"]),
    (
        Refusal::RelayDenied,
        &[
            "relay access denied",
            "relaying denied",
            "relay denied",
            "relaying not allowed",
            "relay not permitted",
            "relaying is prohibited",
            "relaying prohibited",
            "not permitted to relay",
            "unable to relay",
            "cannot relay",
            "no relaying",
            "we do not relay",
            "will not relay",
            "domain isn't in my list",
            "isn't allowed to be relayed",
            "not hosted here",
            "domain not hosted",
            "not a local domain",
            "user not local",
        ],
    ),
    (
        Refusal::Reputation,
        &[
            "blocked using",
            "blacklist*",
            "blocklist*",
            "black list",
            "block list",
            "dnsbl",
            "rbl",
            "spamhaus",
            "listed by",
            "listed at",
            "listed in",
            "poor reputation",
            "bad reputation",
            "reputation",
            "banned sending ip",
            "your network",
            "your ip",
            "client host .. blocked",
            "client host rejected",
            "dynamic ip",
            "reverse dns",
            "ptr",
        ],
    ),
    (
        Refusal::MailboxUnavailable,
        &[
            "mailbox .. full",
            "over quota",
            "quota exceeded",
            "out of storage",
            "mailbox .. disabled",
            "account .. disabled",
            "account .. suspended",
            "mailbox .. suspended",
            "inactive",
        ],
    ),
    (
        Refusal::Sender,
        &[
            "sender address rejected",
            "sender verify failed",
            "sender .. rejected",
            "sender .. denied",
            "sender domain",
            "null sender",
            "empty envelope sender",
            "no bounces",
            "bounces not accepted",
            "does not accept bounces",
            "not expecting bounces",
            "domain of sender",
        ],
    ),
    (Refusal::Authentication, &["spf", "dkim", "dmarc"]),
    (
        Refusal::Submission,
        &[
            "authentication required",
            "authentication is required",
            "must issue a starttls",
            "starttls first",
            "tls required",
            "not authenticated",
            "must authenticate",
        ],
    ),
    (
        Refusal::RecipientUnknown,
        &[
            "user unknown",
            "unknown user",
            "no such user",
            "no such recipient",
            "no such mailbox",
            "no mailbox",
            "no such person",
            "unknown recipient",
            "recipient unknown",
            "recipient not found",
            "user not found",
            "mailbox not found",
            "mailbox unknown",
            "unknown mailbox",
            "user doesn't exist",
            "user does not exist",
            "mailbox does not exist",
            "account .. does not exist",
            "address .. does not exist",
            "recipient .. does not exist",
            "doesn't have .. account",
            "unknown local part",
            "unknown or illegal alias",
            "invalid recipient",
            "invalid mailbox",
            "unrouteable address",
            "unroutable address",
            "mailbox unavailable",
            "recipient address rejected undeliverable address",
            "address unknown",
            "unknown address",
            "not a valid recipient",
        ],
    ),
];

#[cfg(test)]
mod tests {
    use engine_plugin_api::services::EnhancedCode;

    use super::*;

    fn check(stage: Stage, reply: &str, expected: Refusal) {
        let (code, text) = reply.split_at(4);
        let answer = SmtpAnswer {
            code: code.trim().parse().unwrap_or(0),
            enhanced: EnhancedCode::at_start(text),
            lines: vec![text.to_owned()],
            took_ms: 0,
            at_ms: 0,
        };
        assert_eq!(classify(stage, &answer).0, expected, "{reply}");
    }

    #[test]
    fn refusals_are_told_apart() {
        for (reply, expected) in [
            (
                "550 5.1.1 <x@d.example>: Recipient address rejected: User unknown in virtual mailbox table",
                Refusal::RecipientUnknown,
            ),
            ("554 5.7.1 <x@d.example>: Relay access denied", Refusal::RelayDenied),
            ("550 relay not permitted", Refusal::RelayDenied),
            ("550 Unrouteable address", Refusal::RecipientUnknown),
            ("550 5.1.1 gone", Refusal::RecipientUnknown),
            ("550 5.7.1 Mail refused", Refusal::Policy),
            ("550 No", Refusal::Policy),
            ("550 5.2.1 not here", Refusal::MailboxUnavailable),
            ("524 5.2.4 Mailing list expansion problem: <u@a.example>", Refusal::RecipientUnknown),
            (
                "554 5.7.1 Service unavailable; Client host [25.25.9.9] blocked using zen.spamhaus.org",
                Refusal::Reputation,
            ),
            ("550 5.7.23 SPF fail", Refusal::Authentication),
            ("550 5.7.1 <a@b.example>: Sender address rejected: not yours", Refusal::Sender),
            ("530 5.7.0 Must issue a STARTTLS command first", Refusal::Submission),
            ("554 5.7.1 Greylisted, try again later", Refusal::PermanentGreylisting),
            ("550 5.1.8 Sender domain missing", Refusal::Sender),
        ] {
            check(Stage::Rcpt, reply, expected);
        }
    }

    #[test]
    fn a_refused_sender_says_nothing_of_the_recipient() {
        check(Stage::Mail, "550 5.1.1 user unknown", Refusal::Policy);
        check(Stage::Mail, "550 no bounces here", Refusal::Sender);
    }
}
