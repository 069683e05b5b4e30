//! `dmarc`: whether mail that forges a domain is refused, whether its own mail
//! survives that, and where reports go; as receivers of RFC 7489 and of RFC 9989
//! see it.

use engine_plugin_api::{Category, Check, ConfigError, Context, Input, Manifest, Outcome, Target};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub mod facts;
mod judge;
mod observe;

pub use judge::judge;

engine_plugin_api::findings! {
    ALIAS_BROKEN = "dmarc-alias-broken",
    ALIGNMENT_STRICT = "dmarc-alignment-strict",
    DUPLICATE_TAG = "dmarc-duplicate-tag",
    FAILURE_OPTIONS = "dmarc-failure-options",
    FAILURE_REPORTS = "dmarc-failure-reports",
    FOREIGN_TEXT = "dmarc-foreign-text",
    HISTORIC_TAG = "dmarc-historic-tag",
    INVALID_VALUE = "dmarc-invalid-value",
    MISPLACED = "dmarc-misplaced",
    MISSING = "dmarc-missing",
    MULTIPLE = "dmarc-multiple",
    NO_REPORTS = "dmarc-no-reports",
    NONEXISTENT_WEAKER = "dmarc-nonexistent-weaker",
    NOT_RECOGNISED = "dmarc-not-recognised",
    PARKED_LOOSE = "dmarc-parked-loose",
    PERCENT = "dmarc-percent",
    POLICY_INVALID = "dmarc-policy-invalid",
    POLICY_NONE = "dmarc-policy-none",
    POLICY_ORDER = "dmarc-policy-order",
    PSD_MISSING = "dmarc-psd-missing",
    PSD_MISUSED = "dmarc-psd-misused",
    RECORD = "dmarc-record",
    REPORT_ADDRESS = "dmarc-report-address",
    REPORT_ELSEWHERE = "dmarc-report-elsewhere",
    REPORT_MANY = "dmarc-report-many",
    REPORT_UNAUTHORISED = "dmarc-report-unauthorised",
    REPORT_UNDELIVERABLE = "dmarc-report-undeliverable",
    RULES_DIFFER = "dmarc-rules-differ",
    SPF_ONLY = "dmarc-spf-only",
    STRINGS_JOINED = "dmarc-strings-joined",
    SUBDOMAIN_OPEN = "dmarc-subdomain-open",
    SUBDOMAIN_WEAKER = "dmarc-subdomain-weaker",
    SYNTAX = "dmarc-syntax",
    TEST_MODE = "dmarc-test-mode",
    TOO_LONG = "dmarc-too-long",
    UNAUTHENTICATED = "dmarc-unauthenticated",
    UNKNOWN_TAG = "dmarc-unknown-tag",
    WILDCARD = "dmarc-wildcard",
}

/// Settings of `dmarc`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Subdomains, by their first label, that are looked at for a policy weaker
    /// than the domain's; at most 20 are.
    #[schemars(length(max = 20))]
    pub subdomains: Vec<String>,
    /// A label that no subdomain has, to find out whether the DNS answers for
    /// every name.
    pub absent_label: String,
    /// How many hosts of report addresses are looked at.
    #[schemars(range(min = 1, max = 20))]
    pub max_report_hosts: usize,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            subdomains: ["mail", "email", "news", "newsletter", "marketing", "www"].map(str::to_owned).to_vec(),
            absent_label: "mail-probe-absent-7c41".to_owned(),
            max_report_hosts: 6,
        }
    }
}

/// The check.
pub struct Dmarc {
    config: Config,
}

impl Check for Dmarc {
    type Config = Config;

    fn manifest() -> Manifest {
        Manifest::new::<Self>(
            "dmarc",
            env!("CARGO_PKG_VERSION"),
            "is mail that forges the domain refused, and does its own survive that?",
        )
        .category(Category::Authentication)
        .needs_any(&[&[Input::Domain]])
        .pages(PAGES)
    }

    fn new(config: Config) -> Result<Self, ConfigError> {
        let label = &config.absent_label;
        let sound = |label: &str| {
            !label.is_empty() && label.len() <= 63 && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        if !sound(label) {
            return Err(ConfigError::at("/absent_label", format!("`{label}` is no label of a name")));
        }
        if let Some(at) = config.subdomains.iter().position(|label| !sound(label)) {
            let what = format!("`{}` is no label of a name", config.subdomains[at]);
            return Err(ConfigError::at(format!("/subdomains/{at}"), what));
        }
        Ok(Dmarc { config })
    }

    async fn run(&self, cx: Context, target: Target) -> Outcome {
        let Some(domain) = target.domain else {
            return Outcome::NotApplicable { why: "no domain was given".into() };
        };
        if !domain.contains('.') || !mail_syntax::spf::is_queryable(&domain) {
            return Outcome::NotApplicable { why: format!("`{domain}` is no name that can have a DMARC record") };
        }
        let facts = observe::observe(&cx, &domain, &self.config).await;
        cx.conclude(judge(&facts))
    }
}
