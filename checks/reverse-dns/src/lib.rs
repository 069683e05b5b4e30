//! `reverse-dns`: whether an address has a name of its own, and whether the
//! name leads back to it (RFC 1912 §2.1; "iprev", RFC 8601 §3).
//!
//! Looked at are the given sending address and the addresses of the domain's
//! mail exchangers; the name given with HELO is held against the former, the
//! names that the exchangers greet with against the latter.

use engine_plugin_api::{
    Category, Check, ConfigError, Context, Input, Judgement, Manifest, Outcome, SideEffect, Target,
    services::{DNS_LOOKUP, SMTP_LOOK},
};
use futures_util::join;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub mod facts;
mod generic;
mod judge;
mod names;
mod observe;

pub use judge::{judge, judge_banners};

engine_plugin_api::findings! {
    ALIAS = "reverse-dns-alias",
    BANNER_DIFFERS = "reverse-dns-banner-differs",
    CONFIRMED = "reverse-dns-confirmed",
    GENERIC = "reverse-dns-generic",
    HELO_LITERAL = "reverse-dns-helo-literal",
    HELO_MISMATCH = "reverse-dns-helo-mismatch",
    HELO_UNRESOLVABLE = "reverse-dns-helo-unresolvable",
    HELO_UNUSABLE = "reverse-dns-helo-unusable",
    ILLEGAL_NAME = "reverse-dns-illegal-name",
    MISSING = "reverse-dns-missing",
    SEVERAL = "reverse-dns-several",
    UNCONFIRMED = "reverse-dns-unconfirmed",
}

/// Settings of `reverse-dns`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How many addresses are looked at: the given one first, then those of the
    /// exchanges of lowest preference.
    #[schemars(range(min = 1, max = 256))]
    pub max_addresses: usize,
    /// Whether the exchanges are connected to, to hold the name that they greet
    /// with against their reverse name.
    pub banner: bool,
    /// Words beside the built-in ones that mark a name as a dynamic or generic
    /// one wherever they stand as a word of their own.
    pub dynamic_words: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Config { max_addresses: 16, banner: true, dynamic_words: Vec::new() }
    }
}

/// The check.
pub struct ReverseDns {
    config: Config,
}

impl Check for ReverseDns {
    type Config = Config;

    fn manifest() -> Manifest {
        Manifest::new::<Self>(
            "reverse-dns",
            env!("CARGO_PKG_VERSION"),
            "does the address have a name that leads back to it?",
        )
        .category(Category::Dns)
        .needs_any(&[&[Input::Domain], &[Input::Ip]])
        .side_effect(SideEffect::Connects)
        .services(&[DNS_LOOKUP, SMTP_LOOK])
        .pages(PAGES)
    }

    fn new(config: Config) -> Result<Self, ConfigError> {
        Ok(ReverseDns { config })
    }

    async fn run(&self, cx: Context, target: Target) -> Outcome {
        if target.domain.is_none() && target.ip.is_none() {
            return Outcome::NotApplicable { why: "neither a domain nor an address was given".into() };
        }
        let mut facts = observe::observe(&cx, &target, &self.config).await;
        let greeters = if self.config.banner { observe::greeters(&facts) } else { Vec::new() };
        // What the DNS decides does not wait for a server that is slow to greet.
        let named = async {
            observe::confirm(&cx, &mut facts.addresses).await;
            let named = judge(&facts, &self.config);
            let so_far = (named.findings.is_empty(), named.unknowns.first().map(|unknown| unknown.cause.clone()));
            cx.conclude(named);
            so_far
        };
        let (so_far, banners) = join!(named, observe::banners(&cx, greeters));
        let greeted: Judgement = judge_banners(&facts, &banners);
        match (cx.conclude(greeted), so_far) {
            (Outcome::Findings, _) | (_, (false, _)) => Outcome::Findings,
            (_, (true, Some(cause))) => Outcome::CouldNotTell { cause },
            (outcome, (true, None)) => outcome,
        }
    }
}
