//! What does a bounce say, and who must act?
//!
//! Reads a message that came back (`--message`): each recipient that failed,
//! what the server said, why, and what to do. It asks nobody anything; the
//! reading is that of the crate `bounce`, the meaning that of `smtp-reasons`,
//! so that a bounce and a pasted reply are explained alike.

use engine_plugin_api::{Category, Check, ConfigError, Context, Input, Manifest, Outcome, SideEffect, Target};
use serde::{Deserialize, Serialize};

mod facts;
mod judge;
mod observe;
mod text;

pub use facts::Facts;
pub use judge::judge;

engine_plugin_api::findings! {
    MAILBOX_UNKNOWN = "bounce-mailbox-unknown",
    MAILBOX_DISABLED = "bounce-mailbox-disabled",
    MAILBOX_FULL = "bounce-mailbox-full",
    RECIPIENT_REFUSES = "bounce-recipient-refuses",
    DOMAIN_UNKNOWN = "bounce-domain-unknown",
    DOMAIN_REFUSES_MAIL = "bounce-domain-refuses-mail",
    RELAY_DENIED = "bounce-relay-denied",
    SENDER_REFUSED = "bounce-sender-refused",
    POLICY = "bounce-policy",
    UNAUTHENTICATED = "bounce-unauthenticated",
    BLOCKLISTED = "bounce-blocklisted",
    REPUTATION = "bounce-reputation",
    GREYLISTED = "bounce-greylisted",
    RATE_LIMITED = "bounce-rate-limited",
    CONTENT_REFUSED = "bounce-content-refused",
    MALFORMED = "bounce-malformed",
    TOO_LARGE = "bounce-too-large",
    SENDING_HOST = "bounce-sending-host",
    LOGIN = "bounce-login",
    TLS = "bounce-tls",
    PROTOCOL = "bounce-protocol",
    SERVER_TROUBLE = "bounce-server-trouble",
    UNREACHABLE = "bounce-unreachable",
    EXPIRED = "bounce-expired",
    DELAYED = "bounce-delayed",
    SUPPRESSED = "bounce-suppressed",
    UNEXPLAINED = "bounce-unexplained",
    COMPLAINT = "bounce-complaint",
    DELIVERED = "bounce-delivered",
}

/// Settings of `bounce`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How many causes are reported at most; the rest are counted.
    pub max_findings: usize,
}

impl Default for Config {
    fn default() -> Self {
        Config { max_findings: 20 }
    }
}

/// The check `bounce`.
pub struct Bounce {
    config: Config,
}

impl Check for Bounce {
    type Config = Config;

    fn manifest() -> Manifest {
        Manifest::new::<Self>("bounce", env!("CARGO_PKG_VERSION"), "why did the message come back, and who must act?")
            .category(Category::Diagnosis)
            .needs_any(&[&[Input::Message]])
            .side_effect(SideEffect::None)
            .services(&[])
            .pages(PAGES)
    }

    fn new(config: Config) -> Result<Self, ConfigError> {
        if config.max_findings == 0 {
            return Err(ConfigError::at("/max_findings", "must be 1 or more"));
        }
        Ok(Bounce { config })
    }

    async fn run(&self, cx: Context, target: Target) -> Outcome {
        let Some(facts) = observe::observe(&target) else {
            return Outcome::NotApplicable { why: "no message was given (--message)".into() };
        };
        match judge::other_kind(&facts) {
            Some(why) => Outcome::NotApplicable { why: why.into() },
            None => cx.conclude(judge(&facts, &self.config)),
        }
    }
}
