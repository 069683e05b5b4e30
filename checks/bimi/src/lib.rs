//! `bimi`: can receivers show the logo that the domain publishes
//! (draft-brand-indicators-for-message-identification)?

use engine_plugin_api::{
    Category, Check, ConfigError, Context, Manifest, Outcome, SideEffect, Target,
    services::{DNS_LOOKUP, HTTP_GET},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub mod facts;
mod judge;
mod observe;

pub use judge::judge;

engine_plugin_api::findings! {
    CERTIFICATE_EXPIRED = "bimi-certificate-expired",
    CERTIFICATE_IMAGE = "bimi-certificate-image",
    CERTIFICATE_INVALID = "bimi-certificate-invalid",
    CERTIFICATE_MISSING = "bimi-certificate-missing",
    CERTIFICATE_UNREACHABLE = "bimi-certificate-unreachable",
    DECLINED = "bimi-declined",
    DMARC = "bimi-dmarc",
    IMAGE_INVALID = "bimi-image-invalid",
    IMAGE_NOT_SQUARE = "bimi-image-not-square",
    IMAGE_PROFILE = "bimi-image-profile",
    IMAGE_TOO_LARGE = "bimi-image-too-large",
    IMAGE_TYPE = "bimi-image-type",
    IMAGE_UNREACHABLE = "bimi-image-unreachable",
    LOCATION = "bimi-location",
    MULTIPLE = "bimi-multiple",
    NONE = "bimi-none",
    RECORD = "bimi-record",
    SYNTAX = "bimi-syntax",
}

/// Settings of `bimi`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The selector, as a `BIMI-Selector` field of the domain's mail names it.
    pub selector: String,
    /// Days before its end from which a certificate is told.
    #[schemars(range(max = 180))]
    pub expiry_days: u32,
}

impl Default for Config {
    fn default() -> Self {
        Config { selector: "default".to_owned(), expiry_days: 30 }
    }
}

/// The check.
pub struct Bimi {
    config: Config,
}

impl Check for Bimi {
    type Config = Config;

    fn manifest() -> Manifest {
        Manifest::new::<Self>(
            "bimi",
            env!("CARGO_PKG_VERSION"),
            "can receivers show the logo that the domain publishes?",
        )
        .category(Category::Authentication)
        .side_effect(SideEffect::Connects)
        .services(&[DNS_LOOKUP, HTTP_GET])
        .discloses_to("the web servers that the BIMI record names")
        .pages(PAGES)
    }

    fn new(config: Config) -> Result<Self, ConfigError> {
        let sound = (1..=63).contains(&config.selector.len())
            && config.selector.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        if !sound {
            return Err(ConfigError::at("/selector", "expected one label, such as `default`"));
        }
        Ok(Bimi { config })
    }

    async fn run(&self, cx: Context, target: Target) -> Outcome {
        let Some(domain) = target.domain else {
            return Outcome::NotApplicable { why: "no domain was given".into() };
        };
        if !domain.contains('.') || !mail_syntax::spf::is_queryable(&domain) {
            return Outcome::NotApplicable { why: format!("`{domain}` is no name that can have a BIMI record") };
        }
        let facts = observe::observe(&cx, &domain, &self.config).await;
        cx.conclude(judge(&facts, &self.config))
    }
}
