//! What does a reply of a mail server mean, and who must act?
//!
//! Reads a pasted reply, one line or many, bare or inside a log line, and says
//! why the mail was refused. It asks nobody anything: all it knows is the
//! knowledge base of the crate `smtp-reasons`, and rules of the user's own.

use engine_plugin_api::{Category, Check, ConfigError, Context, Input, Manifest, Outcome, SideEffect, Target};
use serde::{Deserialize, Serialize};
use smtp_reasons::{DataError, Knowledge, RuleFile};

mod facts;
mod judge;
mod observe;
mod oddities;
mod quote;

pub use facts::Facts;
pub use judge::judge;

engine_plugin_api::findings! {
    SUCCESS = "smtp-success",
    UNKNOWN_MAILBOX = "smtp-unknown-mailbox",
    MAILBOX_DISABLED = "smtp-mailbox-disabled",
    MAILBOX_FULL = "smtp-mailbox-full",
    RECIPIENT_REFUSES = "smtp-recipient-refuses",
    UNKNOWN_DOMAIN = "smtp-unknown-domain",
    DOMAIN_REFUSES_MAIL = "smtp-domain-refuses-mail",
    RELAY_DENIED = "smtp-relay-denied",
    SENDER_REFUSED = "smtp-sender-refused",
    POLICY_REFUSAL = "smtp-policy-refusal",
    SPF_REFUSAL = "smtp-spf-refusal",
    DKIM_REFUSAL = "smtp-dkim-refusal",
    DMARC_REFUSAL = "smtp-dmarc-refusal",
    UNAUTHENTICATED_MAIL = "smtp-unauthenticated-mail",
    BLOCKLISTED = "smtp-blocklisted",
    REPUTATION_REFUSAL = "smtp-reputation-refusal",
    GREYLISTED = "smtp-greylisted",
    RATE_LIMITED = "smtp-rate-limited",
    TOO_MANY_RECIPIENTS = "smtp-too-many-recipients",
    CONTENT_REFUSED = "smtp-content-refused",
    MALFORMED_MESSAGE = "smtp-malformed-message",
    TOO_LARGE = "smtp-too-large",
    REVERSE_DNS_REFUSAL = "smtp-reverse-dns-refusal",
    HELO_REFUSED = "smtp-helo-refused",
    AUTH_REQUIRED = "smtp-auth-required",
    TLS_REQUIRED = "smtp-tls-required",
    PROTOCOL_ERROR = "smtp-protocol-error",
    SERVER_TROUBLE = "smtp-server-trouble",
    ROUTING_LOOP = "smtp-routing-loop",
    UNDELIVERED = "smtp-undelivered",
    UNEXPLAINED_REFUSAL = "smtp-unexplained-refusal",
    CLASS_MISMATCH = "smtp-class-mismatch",
    UNUSUAL_PAIR = "smtp-unusual-pair",
    PROVIDER_MEANING = "smtp-provider-meaning",
    NONSTANDARD_CODE = "smtp-nonstandard-code",
    UNREGISTERED_STATUS = "smtp-unregistered-status",
    TRANSIENT_IN_NAME_ONLY = "smtp-transient-in-name-only",
    PERMANENT_IN_NAME_ONLY = "smtp-permanent-in-name-only",
}

/// Settings of `smtp-codes`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Also report oddities of the codes themselves that change nothing about
    /// the cause: pairs that IANA does not associate, and codes that are in no
    /// registry.
    pub code_details: bool,
    /// Rules of your own; `--rules FILE` and `[rules]` of engine.toml put them
    /// here. An earlier file wins.
    pub rules: Vec<OwnRules>,
}

/// The text of one file of rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OwnRules {
    /// What the file is called.
    pub name: String,
    /// The TOML in it.
    pub text: String,
}

impl Config {
    fn knowledge(&self) -> Result<&'static Knowledge, DataError> {
        let file = |own: &OwnRules| RuleFile { name: own.name.clone(), text: own.text.clone() };
        Knowledge::with_own(&self.rules.iter().map(file).collect::<Vec<_>>())
    }
}

impl Default for Config {
    fn default() -> Self {
        Config { code_details: true, rules: Vec::new() }
    }
}

/// The check `smtp-codes`.
pub struct SmtpCodes {
    config: Config,
    knowledge: &'static Knowledge,
}

impl Check for SmtpCodes {
    type Config = Config;

    fn manifest() -> Manifest {
        Manifest::new::<Self>(
            "smtp-codes",
            env!("CARGO_PKG_VERSION"),
            "what does the server's reply mean, and who must act?",
        )
        .category(Category::Diagnosis)
        .needs_any(&[&[Input::Reply]])
        .side_effect(SideEffect::None)
        .services(&[])
        .pages(PAGES)
    }

    fn new(config: Config) -> Result<Self, ConfigError> {
        let knowledge = config.knowledge().map_err(|error| ConfigError::at("/rules", error.to_string()))?;
        Ok(SmtpCodes { config, knowledge })
    }

    async fn run(&self, cx: Context, target: Target) -> Outcome {
        match observe::observe(&target, self.knowledge) {
            Some(facts) => cx.conclude(judge(&facts, &self.config)),
            None => Outcome::NotApplicable { why: "no SMTP reply was given (--reply)".into() },
        }
    }
}
