//! `smtp`: whether the mail exchangers of a domain answer on port 25, over
//! TLS, and take what every server has to take (RFC 5321, RFC 3207).
//!
//! It holds one session with each exchange and address, up to RCPT: never
//! DATA, never a guessed mailbox.

use engine_plugin_api::{
    Category, Check, ConfigError, Context, Manifest, Outcome, SideEffect, Target,
    services::{DNS_LOOKUP, RELAY_RECIPIENT, RELAY_SENDER, SMTP_SESSION, SMTP_SURVEY},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub mod facts;
mod gather;
mod judge;
mod meaning;
mod observe;
mod text;

pub use judge::judge;

engine_plugin_api::findings! {
    ANSWERING = "smtp-answering",
    AUTH_IN_CLEAR = "smtp-auth-in-clear",
    CERTIFICATE_EXPIRED = "smtp-certificate-expired",
    CERTIFICATE_EXPIRING = "smtp-certificate-expiring",
    CERTIFICATE_UNTRUSTED = "smtp-certificate-untrusted",
    CERTIFICATE_WRONG_NAME = "smtp-certificate-wrong-name",
    CLIENT_REFUSED = "smtp-client-refused",
    CONNECTION_DROPPED = "smtp-connection-dropped",
    DEFERRED = "smtp-deferred",
    DOMAIN_NOT_SERVED = "smtp-domain-not-served",
    EHLO_REFUSED = "smtp-ehlo-refused",
    EXTENSIONS = "smtp-extensions",
    MAILBOX_DISCLOSURE = "smtp-mailbox-disclosure",
    MALFORMED_REPLY = "smtp-malformed-reply",
    NULL_SENDER_REFUSED = "smtp-null-sender-refused",
    ODD_REPLIES = "smtp-odd-replies",
    OPEN_RELAY = "smtp-open-relay",
    POSTMASTER_REFUSED = "smtp-postmaster-refused",
    REFUSED = "smtp-refused",
    SLOW_GREETING = "smtp-slow-greeting",
    STARTTLS_BROKEN = "smtp-starttls-broken",
    STARTTLS_MISSING = "smtp-starttls-missing",
    UNREACHABLE = "smtp-unreachable",
}

/// Settings of `smtp`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How many sessions are held at most, one an exchange and address. Every
    /// exchange gets its first IPv4 and its first IPv6 address before any gets
    /// a further one, those of lowest preference first.
    #[schemars(range(min = 1, max = 64))]
    pub max_sessions: usize,
    /// From how many seconds on a greeting is slow.
    #[schemars(range(min = 1, max = 300))]
    pub slow_greeting: u32,
    /// How many days before its end a certificate counts as one that ought to
    /// have been renewed; a quarter of its whole time, where that is shorter.
    #[schemars(range(min = 0, max = 90))]
    pub expiring_days: u32,
    /// The envelope sender with which an open relay is looked for; empty: the
    /// null sender. Its domain has to take mail, or servers refuse it for that.
    pub relay_sender: String,
    /// The recipient with which an open relay is looked for: a mailbox at a
    /// domain that has nothing to do with the target and has an ordinary MX.
    /// It gets no message. Empty: no open relay is looked for.
    pub relay_recipient: String,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            max_sessions: exchangers::MOST_SESSIONS,
            slow_greeting: 5,
            expiring_days: 14,
            relay_sender: RELAY_SENDER.to_owned(),
            relay_recipient: RELAY_RECIPIENT.to_owned(),
        }
    }
}

/// The check.
pub struct Smtp {
    config: Config,
}

impl Check for Smtp {
    type Config = Config;

    fn manifest() -> Manifest {
        Manifest::new::<Self>(
            "smtp",
            env!("CARGO_PKG_VERSION"),
            "do the mail exchangers answer, over TLS, and take what they have to take?",
        )
        .category(Category::Transport)
        .side_effect(SideEffect::Connects)
        .services(&[DNS_LOOKUP, SMTP_SURVEY, SMTP_SESSION])
        .pages(PAGES)
    }

    fn new(config: Config) -> Result<Self, ConfigError> {
        let mailbox = |value: &str| value.is_empty() || Target::domain_of(value).is_some();
        for (pointer, value) in [("/relay_sender", &config.relay_sender), ("/relay_recipient", &config.relay_recipient)]
        {
            if !mailbox(value) {
                return Err(ConfigError::at(pointer, format!("`{value}` is no mailbox: expected local@domain")));
            }
        }
        Ok(Smtp { config })
    }

    async fn run(&self, cx: Context, target: Target) -> Outcome {
        let Some(domain) = target.domain else {
            return Outcome::NotApplicable { why: "no domain was given".into() };
        };
        match observe::observe(&cx, &domain, &self.config).await {
            Ok(facts) => cx.conclude(judge(&facts, &self.config)),
            Err(outcome) => outcome,
        }
    }
}
