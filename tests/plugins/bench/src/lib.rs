//! A check that asks the DNS as often as it is told, and says how long that took.

use std::time::Instant;

use engine_plugin_api::{
    Check, ConfigError, Context, Finding, JsonSchema, Manifest, Outcome, Page, Subject, Target, export_check,
    services::{DnsQuestion, RecordType},
};

const PAGES: &[Page] = &[(
    "bench-took",
    "---\ncode: bench-took\nsince: 0.1.0\nseverity: info\nconfidence: high\nsource: none\n---\n# What it took\n",
)];

/// What to ask.
#[derive(serde::Deserialize, JsonSchema, Default)]
#[serde(default)]
#[schemars(crate = "engine_plugin_api::schemars")]
pub struct Settings {
    /// How many questions, one after the other.
    calls: u32,
    /// Another name each time; otherwise all but the first are answered at once.
    distinct: bool,
}

/// The check.
pub struct Calls(Settings);

impl Check for Calls {
    type Config = Settings;

    fn manifest() -> Manifest {
        Manifest::new::<Self>("bench.calls", "0.1.0", "what does a call cost?").pages(PAGES)
    }

    fn new(settings: Settings) -> Result<Self, ConfigError> {
        Ok(Calls(settings))
    }

    async fn run(&self, cx: Context, _: Target) -> Outcome {
        let name = |n: u32| if self.0.distinct { format!("n{n}.a.example") } else { "a.example".to_owned() };
        cx.dns(DnsQuestion::new("a.example", RecordType::A)).await;
        let begun = Instant::now();
        for n in 0..self.0.calls {
            let reply = cx.dns(DnsQuestion::new(&name(n), RecordType::A)).await;
            if let Some(cause) = reply.cause() {
                return Outcome::CouldNotTell { cause: cause.clone() };
            }
        }
        let took = begun.elapsed().as_nanos().to_string();
        cx.finding(Finding::new("bench-took", Subject::Domain("a.example".into()), took));
        Outcome::Findings
    }
}

export_check!(Calls);
