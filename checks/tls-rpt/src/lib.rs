//! `tls-rpt`: whether a domain asks senders to report failures of TLS, and
//! whether the reports have somewhere to go (RFC 8460).

use engine_plugin_api::{
    Category, Check, ConfigError, Context, Input, Manifest, NoSettings, Outcome, SideEffect, Target,
    services::DNS_LOOKUP,
};

pub mod facts;
mod judge;
mod observe;

pub use judge::judge;

engine_plugin_api::findings! {
    ALIAS_BROKEN = "tls-rpt-alias-broken",
    DESTINATION_DEAD = "tls-rpt-destination-dead",
    INVALID = "tls-rpt-invalid",
    MISSING = "tls-rpt-missing",
    RECORD = "tls-rpt-record",
    SEVERAL = "tls-rpt-several",
}

/// The check.
pub struct TlsRpt;

impl Check for TlsRpt {
    type Config = NoSettings;

    fn manifest() -> Manifest {
        Manifest::new::<Self>("tls-rpt", env!("CARGO_PKG_VERSION"), "do senders report failures of TLS, and to whom?")
            .category(Category::Transport)
            .needs_any(&[&[Input::Domain]])
            .side_effect(SideEffect::PassiveDns)
            .services(&[DNS_LOOKUP])
            .pages(PAGES)
    }

    fn new(_: NoSettings) -> Result<Self, ConfigError> {
        Ok(TlsRpt)
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
