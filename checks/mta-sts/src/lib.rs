//! `mta-sts`: whether a domain tells senders to insist on TLS (RFC 8461), and
//! whether its exchanges hold what the policy promises.

use engine_plugin_api::{
    Category, Check, ConfigError, Context, Input, Manifest, Outcome, SideEffect, Target,
    services::{DNS_LOOKUP, HTTP_GET, SMTP_LOOK},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub mod facts;
mod judge;
mod observe;

pub use judge::judge;

engine_plugin_api::findings! {
    ALIAS_BROKEN = "mta-sts-alias-broken",
    ID_UNCHANGED = "mta-sts-id-unchanged",
    MAX_AGE_SHORT = "mta-sts-max-age-short",
    MISSING = "mta-sts-missing",
    MX_CERTIFICATE = "mta-sts-mx-certificate",
    MX_NOT_LISTED = "mta-sts-mx-not-listed",
    NONE = "mta-sts-none",
    PATTERN_UNUSED = "mta-sts-pattern-unused",
    POLICY_CERTIFICATE = "mta-sts-policy-certificate",
    POLICY_CONTENT_TYPE = "mta-sts-policy-content-type",
    POLICY_HOST_MISSING = "mta-sts-policy-host-missing",
    POLICY_INVALID = "mta-sts-policy-invalid",
    POLICY_REDIRECTED = "mta-sts-policy-redirected",
    POLICY_UNAVAILABLE = "mta-sts-policy-unavailable",
    RECORD_INVALID = "mta-sts-record-invalid",
    RECORD_SEVERAL = "mta-sts-record-several",
    TESTING = "mta-sts-testing",
    UNANNOUNCED = "mta-sts-unannounced",
    UNDELIVERABLE = "mta-sts-undeliverable",
    WORKING = "mta-sts-working",
}

/// Settings of `mta-sts`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The record and policy of an earlier look: senders that have that policy
    /// ask for a new one only when the id is another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous: Option<Previous>,
}

/// What an earlier look saw.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Previous {
    /// The id in the record.
    pub id: String,
    /// The text of the policy.
    pub policy: String,
}

/// The check.
pub struct MtaSts {
    config: Config,
}

impl Check for MtaSts {
    type Config = Config;

    fn manifest() -> Manifest {
        Manifest::new::<Self>(
            "mta-sts",
            env!("CARGO_PKG_VERSION"),
            "are senders told to insist on TLS by MTA-STS, and do the exchanges hold to it?",
        )
        .category(Category::Transport)
        .needs_any(&[&[Input::Domain]])
        .side_effect(SideEffect::Connects)
        .services(&[DNS_LOOKUP, HTTP_GET, SMTP_LOOK])
        .pages(PAGES)
    }

    fn new(config: Config) -> Result<Self, ConfigError> {
        Ok(MtaSts { config })
    }

    async fn run(&self, cx: Context, target: Target) -> Outcome {
        let Some(domain) = target.domain else {
            return Outcome::NotApplicable { why: "no domain was given".into() };
        };
        match observe::observe(&cx, &domain).await {
            Ok(facts) => cx.conclude(judge(&facts, &self.config)),
            Err(outcome) => outcome,
        }
    }
}
