//! `dkim`: can the keys with which the domain signs be found and used
//! (RFC 6376, 8301, 8463), and do the signatures of a message hold?

use engine_plugin_api::{Category, Check, ConfigError, Context, Input, Manifest, Outcome, Target};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub mod facts;
mod judge;
mod mail;
mod observe;
mod selectors;

pub use judge::judge;

engine_plugin_api::findings! {
    ALIAS = "dkim-alias",
    ALIAS_DANGLING = "dkim-alias-dangling",
    BASE64 = "dkim-base64",
    BODY_CHANGED = "dkim-body-changed",
    ED25519_ONLY = "dkim-ed25519-only",
    EXPIRED = "dkim-expired",
    FROM_SEVERAL = "dkim-from-several",
    FROM_UNSIGNED = "dkim-from-unsigned",
    GRANULARITY = "dkim-granularity",
    HASH = "dkim-hash",
    HEADER_CHANGED = "dkim-header-changed",
    HEADERS_UNSIGNED = "dkim-headers-unsigned",
    KEY = "dkim-key",
    KEY_1024 = "dkim-key-1024",
    KEY_BARE = "dkim-key-bare",
    KEY_LONG = "dkim-key-long",
    KEY_MISMATCH = "dkim-key-mismatch",
    KEY_MISSING = "dkim-key-missing",
    KEY_REUSED = "dkim-key-reused",
    KEY_TRUNCATED = "dkim-key-truncated",
    KEY_TYPE = "dkim-key-type",
    KEY_UNREADABLE = "dkim-key-unreadable",
    KEY_UNSAFE = "dkim-key-unsafe",
    KEY_WEAK = "dkim-key-weak",
    MULTIPLE_RECORDS = "dkim-multiple-records",
    NONE = "dkim-none",
    NOT_A_KEY = "dkim-not-a-key",
    PEM = "dkim-pem",
    PRIVATE_KEY = "dkim-private-key",
    QUOTED = "dkim-quoted",
    RECORD_SPLIT = "dkim-record-split",
    REVOKED = "dkim-revoked",
    SELECTOR_MISSING = "dkim-selector-missing",
    SERVICE = "dkim-service",
    SHA1 = "dkim-sha1",
    SIGNATURE_LENGTH = "dkim-signature-length",
    SIGNATURE_SYNTAX = "dkim-signature-syntax",
    SYNTAX = "dkim-syntax",
    TAG_DUPLICATE = "dkim-tag-duplicate",
    TAG_UNKNOWN = "dkim-tag-unknown",
    TEST_MODE = "dkim-test-mode",
    UNALIGNED = "dkim-unaligned",
    UNSIGNED = "dkim-unsigned",
    VALID = "dkim-valid",
    VERSION = "dkim-version",
    VERSION_MISSING = "dkim-version-missing",
    WILDCARD = "dkim-wildcard",
}

/// Settings of `dkim`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The domain's selectors, for example `["s2026"]`: what stands under `s=` in
    /// the `DKIM-Signature` of its mail. With any, or with a message, none is guessed.
    pub selectors: Vec<String>,
    /// How many selectors are tried where none is known; 0 for none. DNS cannot
    /// list them.
    #[schemars(range(max = 100))]
    pub guesses: usize,
}

impl Default for Config {
    fn default() -> Self {
        Config { selectors: Vec::new(), guesses: 48 }
    }
}

/// The check.
pub struct Dkim {
    config: Config,
}

impl Check for Dkim {
    type Config = Config;

    fn manifest() -> Manifest {
        Manifest::new::<Self>(
            "dkim",
            env!("CARGO_PKG_VERSION"),
            "can receivers find and use the keys with which the domain signs?",
        )
        .category(Category::Authentication)
        .needs_any(&[&[Input::Domain], &[Input::Sender], &[Input::Message]])
        .pages(PAGES)
    }

    fn new(config: Config) -> Result<Self, ConfigError> {
        if let Some(at) = config.selectors.iter().position(|name| !selectors::is_selector(name)) {
            let name = &config.selectors[at];
            let message = match selectors::of_key_name(name) {
                Some(meant) => format!("`{name}` is the name of a key: the selector is what stands before, `{meant}`"),
                None => format!("`{name}` is no selector: expected labels, such as `s2026`"),
            };
            return Err(ConfigError::at(format!("/selectors/{at}"), message));
        }
        Ok(Dkim { config })
    }

    async fn run(&self, cx: Context, target: Target) -> Outcome {
        let mail = target.message.as_ref().map(|message| mail::Mail::read(&message.bytes));
        // A bounce is somebody else's: it says nothing of how the domain signs.
        let is_report = mail.as_ref().is_some_and(mail::Mail::is_delivery_report);
        let mail = mail.filter(|_| !is_report);
        let of_sender = || target.sender.as_deref().and_then(Target::domain_of);
        let of_author = || mail.as_ref().and_then(|mail| mail.authors.first().cloned());
        let domain = target.domain.clone().or_else(of_author).or_else(of_sender);
        let Some(domain) = domain.or_else(|| mail.as_ref().and_then(mail::Mail::first_domain)) else {
            if let Some(fault) = mail.as_ref().and_then(mail::Mail::fault) {
                return Outcome::CouldNotTell { cause: judge::unverified(fault) };
            }
            let why = if is_report {
                "the message is a bounce: the check `bounce` and `engine diagnose` read it"
            } else {
                "no domain was given, and no message that names one"
            };
            return Outcome::NotApplicable { why: why.into() };
        };
        if !domain.contains('.') || !mail_syntax::spf::is_queryable(&domain) {
            return Outcome::NotApplicable { why: format!("`{domain}` is no name that can have DKIM keys") };
        }
        let facts = observe::observe(&cx, &domain, mail.as_ref(), &self.config).await;
        if facts.domain_gone && facts.mail.is_none() {
            return Outcome::NotApplicable { why: format!("{domain} does not exist") };
        }
        cx.conclude(judge(&facts))
    }
}
