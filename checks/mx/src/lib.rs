//! `mx`: where mail for a domain goes, and whether it can get there, as far
//! as the DNS alone decides it (RFC 5321 §5.1, RFC 7505).

use engine_plugin_api::{Category, Check, ConfigError, Context, Manifest, Outcome, Target};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub mod facts;
mod hostname;
mod judge;
mod observe;
mod providers;
#[cfg(test)]
mod testing;
mod words;

pub use judge::judge;

engine_plugin_api::findings! {
    ADDRESS_NOT_PUBLIC = "mx-address-not-public",
    ALIAS = "mx-alias",
    DOMAIN_ALIAS = "mx-domain-alias",
    DOMAIN_MISSING = "mx-domain-missing",
    DUPLICATE = "mx-duplicate",
    ILLEGAL_NAME = "mx-illegal-name",
    IMPLICIT = "mx-implicit",
    INCONSISTENT = "mx-inconsistent",
    INFRASTRUCTURE_DOMAIN = "mx-infrastructure-domain",
    IP_LITERAL = "mx-ip-literal",
    MISSING = "mx-missing",
    NO_ADDRESS = "mx-no-address",
    NO_IPV4 = "mx-no-ipv4",
    NO_IPV6 = "mx-no-ipv6",
    NULL = "mx-null",
    NULL_CONTRADICTED = "mx-null-contradicted",
    NULL_PREFERENCE = "mx-null-preference",
    PLACEHOLDER = "mx-placeholder",
    PRESENT = "mx-present",
    RESERVED_NAME = "mx-reserved-name",
    SHARED_ADDRESS = "mx-shared-address",
    SINGLE = "mx-single",
    TOO_MANY = "mx-too-many",
    UNEXPECTED = "mx-unexpected",
    UNRESOLVABLE = "mx-unresolvable",
}

/// Settings of `mx`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The exchanges that the domain is meant to have: host names, or
    /// `*.example.net` for every host below a name. Empty: any exchange will do.
    pub expect: Vec<String>,
    /// How many exchanges are looked up, those of lowest preference first.
    #[schemars(range(min = 1, max = 100))]
    pub max_exchanges: usize,
    /// How many of the domain's name servers are compared; below 2 none is asked.
    #[schemars(range(max = 16))]
    pub max_name_servers: usize,
}

impl Default for Config {
    fn default() -> Self {
        Config { expect: Vec::new(), max_exchanges: 16, max_name_servers: 8 }
    }
}

/// The check.
pub struct Mx {
    config: Config,
}

impl Check for Mx {
    type Config = Config;

    fn manifest() -> Manifest {
        Manifest::new::<Self>(
            "mx",
            env!("CARGO_PKG_VERSION"),
            "where does mail for the domain go, and can it get there?",
        )
        .category(Category::Dns)
        .pages(PAGES)
    }

    fn new(config: Config) -> Result<Self, ConfigError> {
        Ok(Mx { config })
    }

    async fn run(&self, cx: Context, target: Target) -> Outcome {
        let Some(domain) = target.domain else {
            return Outcome::NotApplicable { why: "no domain was given".into() };
        };
        let facts = observe::observe(&cx, &domain, &self.config).await;
        cx.conclude(judge(&facts, &self.config))
    }
}
