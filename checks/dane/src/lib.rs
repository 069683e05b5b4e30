//! `dane`: whether DANE protects mail to a domain (RFC 7672): the DNSSEC status of
//! MX, addresses and TLSA records, and the TLSA records against the chains that
//! the exchanges show.

use engine_plugin_api::{
    Category, Check, ConfigError, Context, Input, Manifest, NoSettings, Outcome, SideEffect, Target,
    services::{DNS_LOOKUP, SMTP_LOOK},
};

pub mod facts;
mod judge;
mod observe;

pub use judge::judge;

engine_plugin_api::findings! {
    CERTIFICATE_PINNED = "dane-certificate-pinned",
    LOOKUP_FAILS = "dane-lookup-fails",
    MISMATCH = "dane-mismatch",
    MX_UNSIGNED = "dane-mx-unsigned",
    NO_STARTTLS = "dane-no-starttls",
    NOT_USED = "dane-not-used",
    PARTIAL = "dane-partial",
    RECORD_UNUSABLE = "dane-record-unusable",
    SINGLE_RECORD = "dane-single-record",
    UNSIGNED = "dane-unsigned",
    UNUSABLE = "dane-unusable",
    WORKING = "dane-working",
}

/// The check.
pub struct Dane;

impl Check for Dane {
    type Config = NoSettings;

    fn manifest() -> Manifest {
        Manifest::new::<Self>(
            "dane",
            env!("CARGO_PKG_VERSION"),
            "does DANE protect mail to the domain, and do the certificates fit the TLSA records?",
        )
        .category(Category::Transport)
        .needs_any(&[&[Input::Domain]])
        .side_effect(SideEffect::Connects)
        .services(&[DNS_LOOKUP, SMTP_LOOK])
        .pages(PAGES)
    }

    fn new(_: NoSettings) -> Result<Self, ConfigError> {
        Ok(Dane)
    }

    async fn run(&self, cx: Context, target: Target) -> Outcome {
        let Some(domain) = target.domain else {
            return Outcome::NotApplicable { why: "no domain was given".into() };
        };
        match observe::observe(&cx, &domain).await {
            Ok(facts) => cx.conclude(judge(&facts)),
            Err(outcome) => outcome,
        }
    }
}
