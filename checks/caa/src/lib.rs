//! `caa`: which authorities may issue certificates for the mail hosts, and for
//! the domain's mailboxes (RFC 8659, RFC 9495)?

use std::collections::BTreeMap;

use engine_plugin_api::{
    Category, Check, ConfigError, Context, Manifest, Outcome, SideEffect, Target,
    services::{DNS_LOOKUP, SMTP_LOOK},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod authorities;
pub mod facts;
mod judge;
mod observe;

pub use judge::{judge, judge_certificates};

engine_plugin_api::findings! {
    CRITICAL_UNKNOWN = "caa-critical-unknown",
    FLAGS = "caa-flags",
    IODEF_INVALID = "caa-iodef-invalid",
    ISSUEMAIL = "caa-issuemail",
    ISSUEMAIL_OPEN = "caa-issuemail-open",
    ISSUER_EXCLUDED = "caa-issuer-excluded",
    ISSUER_UNKNOWN = "caa-issuer-unknown",
    NOBODY = "caa-nobody",
    NONE = "caa-none",
    PRESENT = "caa-present",
    SYNTAX = "caa-syntax",
    TAG_UNKNOWN = "caa-tag-unknown",
}

/// Settings of `caa`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Whether the certificates that the exchanges show are held against their
    /// CAA records; costs a look at
    /// each exchanger.
    pub certificates: bool,
    /// Further authorities: the organisation (or common name) of an issuer, and
    /// the names by which CAA records let it issue.
    pub authorities: BTreeMap<String, Vec<String>>,
}

impl Default for Config {
    fn default() -> Self {
        Config { certificates: true, authorities: BTreeMap::new() }
    }
}

/// The check.
pub struct Caa {
    config: Config,
}

impl Check for Caa {
    type Config = Config;

    fn manifest() -> Manifest {
        Manifest::new::<Self>(
            "caa",
            env!("CARGO_PKG_VERSION"),
            "which authorities may issue certificates for the mail hosts and mailboxes?",
        )
        .category(Category::Transport)
        .side_effect(SideEffect::Connects)
        .services(&[DNS_LOOKUP, SMTP_LOOK])
        .pages(PAGES)
    }

    fn new(config: Config) -> Result<Self, ConfigError> {
        Ok(Caa { config })
    }

    async fn run(&self, cx: Context, target: Target) -> Outcome {
        let Some(domain) = target.domain else {
            return Outcome::NotApplicable { why: "no domain was given".into() };
        };
        if !domain.contains('.') || !mail_syntax::spf::is_queryable(&domain) {
            return Outcome::NotApplicable { why: format!("`{domain}` is no name that can have CAA records") };
        }
        let facts = observe::observe(&cx, &domain).await;
        if facts.domain_gone {
            return Outcome::NotApplicable { why: format!("{domain} does not exist") };
        }
        // What the DNS decides does not wait for a server that is slow to greet.
        let named = judge(&facts);
        let so_far = (named.findings.is_empty(), named.unknowns.first().map(|unknown| unknown.cause.clone()));
        cx.conclude(named);
        let shown = if self.config.certificates && facts.restricts_hosts() {
            observe::certificates(&cx, &facts).await
        } else {
            Vec::new()
        };
        match (cx.conclude(judge_certificates(&facts, &shown, &self.config)), so_far) {
            (Outcome::Findings, _) | (_, (false, _)) => Outcome::Findings,
            (_, (true, Some(cause))) => Outcome::CouldNotTell { cause },
            (outcome, (true, None)) => outcome,
        }
    }
}
