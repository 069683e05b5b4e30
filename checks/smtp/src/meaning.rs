//! What a reply means, by the knowledge base of replies.

use engine_plugin_api::services::SmtpAnswer;
use smtp_reasons::{Certainty, Reason, explain};

/// What a reply means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meaning {
    /// The reason.
    pub reason: Reason,
    /// A short name of it, as a fragment: `the sender is on a blocklist`.
    pub title: &'static str,
    /// What has happened, in a sentence; empty where the reply does not say.
    pub sentence: &'static str,
    /// What helps, in a sentence.
    pub remedy: &'static str,
    /// Whether the server says it plainly.
    pub plain: bool,
}

/// Explains `answer`.
pub fn meaning(answer: &SmtpAnswer) -> Meaning {
    let (_, explained) = explain(&answer.text());
    let Some(first) = explained.first() else {
        return Meaning { reason: Reason::Unexplained, title: "", sentence: "", remedy: "", plain: false };
    };
    let entry = first.reason;
    let sentence = if entry.id == Reason::Unexplained { "" } else { entry.meaning.as_str() };
    Meaning {
        reason: entry.id,
        title: &entry.title,
        sentence,
        remedy: first.remedy,
        plain: first.certainty > Certainty::Low,
    }
}

impl Meaning {
    /// Whether it is about who asks: other senders may well be taken.
    pub fn is_about_us(self) -> bool {
        matches!(
            self.reason,
            Reason::Blocklisted | Reason::Reputation | Reason::ReverseDns | Reason::Helo | Reason::Spam
        )
    }

    /// Whether it is about the envelope sender.
    pub fn is_about_sender(self) -> bool {
        matches!(
            self.reason,
            Reason::SenderRefused | Reason::Spf | Reason::Dkim | Reason::Dmarc | Reason::Unauthenticated
        )
    }
}

/// Whether `answer`, to RCPT of a foreign mailbox, shows that the server does
/// not relay: in words, or since it looks for the mailbox among its own.
pub fn denies_relay(answer: &SmtpAnswer) -> bool {
    let meaning = meaning(answer);
    match meaning.reason {
        Reason::RelayDenied => true,
        Reason::MailboxUnknown | Reason::DomainUnknown | Reason::LoginRequired => answer.code >= 500,
        // "Delivery not authorized" (RFC 3463 §3.8), without a word on why.
        Reason::Policy | Reason::Unexplained | Reason::RecipientRefuses | Reason::SenderNotAllowed => {
            answer.code >= 500
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(text: &str) -> SmtpAnswer {
        let code = text.split(' ').next().and_then(|code| code.parse().ok()).unwrap_or(0);
        let lines = vec![text.get(4..).unwrap_or_default().to_owned()];
        SmtpAnswer { code, enhanced: None, lines, took_ms: 0, at_ms: 0 }
    }

    #[test]
    fn a_refusal_to_relay_is_told_from_one_of_the_client() {
        for (text, expected) in [
            ("554 5.7.1 <postmaster@ietf.org>: Relay access denied", true),
            ("454 4.7.1 <postmaster@ietf.org>: Relay access denied", true),
            ("550 relay not permitted", true),
            ("550 5.1.1 User unknown", true),
            ("550 Authentication required", true),
            ("451 4.7.1 Greylisted, come back later", false),
            ("554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org", false),
            ("450 4.1.8 <a@b.example>: Sender address rejected: Domain not found", false),
        ] {
            assert_eq!(denies_relay(&answer(text)), expected, "{text}: {:?}", meaning(&answer(text)));
        }
    }

    #[test]
    fn who_a_refusal_is_about_is_told() {
        for (text, us, sender) in [
            ("554 5.7.1 Client host [192.0.2.1] blocked using zen.spamhaus.org", true, false),
            ("550 5.7.25 Client host rejected: cannot find your reverse hostname", true, false),
            ("421 4.7.0 mx.example Error: too many connections from 192.0.2.1", false, false),
            ("550 5.7.23 SPF validation failed", false, true),
            ("550 5.1.1 <postmaster@a.example>: Recipient address rejected: User unknown", false, false),
        ] {
            let meaning = meaning(&answer(text));
            assert_eq!((meaning.is_about_us(), meaning.is_about_sender()), (us, sender), "{text}: {meaning:?}");
        }
    }
}
