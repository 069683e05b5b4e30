//! `spf`: who may send mail as a domain, whether receivers can tell, and what
//! it costs them (RFC 7208). With an address and a sender or HELO name it
//! evaluates the record as a receiver would and says which term decides.

use engine_plugin_api::{Category, Check, ConfigError, Context, Input, Manifest, Outcome, Target};
use mail_syntax::spf::Limits;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub mod facts;
mod judge;
mod observe;
#[cfg(test)]
mod testing;

pub use judge::judge;

engine_plugin_api::findings! {
    ADDRESS_INVALID = "spf-address-invalid",
    ADDRESS_NOT_PUBLIC = "spf-address-not-public",
    ALL_NEUTRAL = "spf-all-neutral",
    ALL_PASS = "spf-all-pass",
    EXPLANATION = "spf-explanation-missing",
    FAIL = "spf-fail",
    INCLUDE_BROKEN = "spf-include-broken",
    INCLUDE_NONE = "spf-include-none",
    INCLUDE_REPEATED = "spf-include-repeated",
    LOOKUPS_NEAR_LIMIT = "spf-lookups-near-limit",
    LOOP = "spf-loop",
    MISSING = "spf-missing",
    MULTIPLE = "spf-multiple",
    MX_TOO_MANY = "spf-mx-too-many",
    NETWORK_WIDE = "spf-network-wide",
    NEUTRAL = "spf-neutral",
    NO_DEFAULT = "spf-no-default",
    NOT_ASCII = "spf-not-ascii",
    NOT_RECOGNISED = "spf-not-recognised",
    PARKED_LOOSE = "spf-parked-loose",
    PASS = "spf-pass",
    PERMERROR = "spf-permerror",
    PTR = "spf-ptr",
    RECORD = "spf-record",
    REDIRECT_IGNORED = "spf-redirect-ignored",
    SENDER_ID = "spf-sender-id",
    SHADOWED = "spf-shadowed",
    SOFTFAIL = "spf-softfail",
    STRINGS_JOINED = "spf-strings-joined",
    SYNTAX = "spf-syntax",
    TERMS_AFTER_ALL = "spf-terms-after-all",
    TOO_LONG = "spf-too-long",
    TOO_MANY_LOOKUPS = "spf-too-many-lookups",
    TOO_MANY_VOIDS = "spf-too-many-voids",
    TYPE_99 = "spf-type-99",
    UNKNOWN_MECHANISM = "spf-unknown-mechanism",
    VOIDS_OF_ONE_FAMILY = "spf-voids-of-one-family",
    VOID_TERM = "spf-void-term",
}

/// Settings of `spf`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The shortest prefix length that an IPv4 network of the domain's own
    /// record may have without remark.
    #[schemars(range(max = 32))]
    pub widest_ipv4: u8,
    /// The same for IPv6.
    #[schemars(range(max = 128))]
    pub widest_ipv6: u8,
    /// How many records of the tree are read; far more than a receiver reads,
    /// so that the cost of a record over the limit can be told.
    #[schemars(range(min = 12, max = 200))]
    pub max_records: usize,
    /// How many DNS questions the tree may cost.
    #[schemars(range(min = 50, max = 2000))]
    pub max_questions: usize,
}

impl Default for Config {
    fn default() -> Self {
        let Limits { nodes, questions, .. } = Limits::default();
        Config { widest_ipv4: 16, widest_ipv6: 32, max_records: nodes, max_questions: questions }
    }
}

/// The check.
pub struct Spf {
    config: Config,
}

impl Check for Spf {
    type Config = Config;

    fn manifest() -> Manifest {
        Manifest::new::<Self>(
            "spf",
            env!("CARGO_PKG_VERSION"),
            "who may send mail as the domain, and can receivers tell?",
        )
        .category(Category::Authentication)
        .needs_any(&[&[Input::Domain], &[Input::Sender]])
        .pages(PAGES)
    }

    fn new(config: Config) -> Result<Self, ConfigError> {
        Ok(Spf { config })
    }

    async fn run(&self, cx: Context, target: Target) -> Outcome {
        let of_sender = || target.sender.as_deref().and_then(Target::domain_of);
        let Some(domain) = target.domain.clone().or_else(of_sender) else {
            return Outcome::NotApplicable { why: "no domain and no sender with a domain was given".into() };
        };
        if !domain.contains('.') || !mail_syntax::spf::is_queryable(&domain) {
            return Outcome::NotApplicable { why: format!("`{domain}` is no name that can have an SPF record") };
        }
        let mut facts = observe::observe(&cx, &domain, &target, &self.config).await;
        observe::follow_up(&cx, &mut facts, &self.config).await;
        cx.conclude(judge(&facts, &self.config))
    }
}
