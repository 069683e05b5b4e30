//! `vantage`: what the network that a run is made from allows it to find out.
//!
//! A closed port 25 here says nothing about the target, and a blocklist that
//! refuses our resolver does not say that nothing is listed. This check looks
//! at our own side, so that the report can tell the two apart: what others
//! could not tell for its sake points at its findings (`explains-causes:` in
//! their pages).

use engine_plugin_api::{
    Category, Check, ConfigError, Context, Manifest, Outcome, SideEffect, Target,
    services::{DNS_LOOKUP, SMTP_SESSION},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub mod facts;
mod judge;
mod observe;

pub use judge::judge;

engine_plugin_api::findings! {
    DNS_REWRITTEN = "vantage-dns-rewritten",
    NOT_VALIDATING = "vantage-not-validating",
    NO_IPV6 = "vantage-no-ipv6",
    PORT_25_CLOSED = "vantage-port-25-closed",
    READY = "vantage-ready",
    RESOLVER_REFUSED = "vantage-resolver-refused",
    RESOLVER_SILENT = "vantage-resolver-silent",
}

/// Settings of `vantage`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Whether to find out if port 25 and IPv6 are open outward, by connecting
    /// to `port25_hosts`: their greeting is awaited, and QUIT is said.
    pub port25: bool,
    /// Mail domains (or hosts) of large providers; at most three are asked, each
    /// at its most preferred exchange.
    pub port25_hosts: Vec<String>,
    /// Blocklists of addresses whose test entry (RFC 5782 §5) is asked for.
    /// None: whether blocklists answer is not looked at.
    pub blocklists: Vec<String>,
    /// A name whose DNSSEC signatures are wrong on purpose, so that a resolver
    /// that validates answers SERVFAIL. Empty: validation is not looked at.
    pub bogus_name: String,
    /// Names that do not exist for certain (RFC 6761 §6.4, §6.5): a resolver that
    /// gives them an address rewrites answers.
    pub absent_names: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        let list = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Config {
            port25: true,
            port25_hosts: list(&["gmail.com", "outlook.com", "yahoo.com"]),
            blocklists: list(&["zen.spamhaus.org", "bl.spamcop.net"]),
            bogus_name: "dnssec-failed.org".to_owned(),
            absent_names: list(&["mail-probe-absent-7c41.invalid", "mail-probe-absent-7c41.example.com"]),
        }
    }
}

/// The check.
pub struct Vantage {
    config: Config,
}

impl Check for Vantage {
    type Config = Config;

    fn manifest() -> Manifest {
        Manifest::new::<Self>("vantage", env!("CARGO_PKG_VERSION"), "what can be found out from here at all?")
            .category(Category::Diagnosis)
            .needs_any(&[])
            .side_effect(SideEffect::Connects)
            .services(&[DNS_LOOKUP, SMTP_SESSION])
            .pages(PAGES)
    }

    fn new(config: Config) -> Result<Self, ConfigError> {
        Ok(Vantage { config })
    }

    async fn run(&self, cx: Context, _target: Target) -> Outcome {
        let facts = observe::observe(&cx, &self.config).await;
        cx.conclude(judge(&facts))
    }
}
