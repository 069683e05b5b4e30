//! A setting that a schema marks `writeOnly` is shown nowhere.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{collections::BTreeMap, sync::Arc};

use engine_core::{
    net::NetOptions,
    registry::Registry,
    session::{self, Network},
};
use engine_plugin_api::{
    Actor, Check, ConfigError, Context, Evidence, Finding, Manifest, Outcome, Page, Span, Subject, Target,
    services::{DnsQuestion, RecordType},
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

const SECRET: &str = "zzSecretzz";

#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    accounts: Vec<Account>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Account {
    #[schemars(extend("writeOnly" = true))]
    key: String,
}

struct Keyed(Settings);

impl Check for Keyed {
    type Config = Settings;
    fn manifest() -> Manifest {
        const PAGES: &[Page] = &[(
            "keyed-found",
            "---\ncode: keyed-found\nsince: 0.1.0\nseverity: notice\nconfidence: high\nsource: none\n---\n# T\n",
        )];
        Manifest::new::<Self>("keyed", "0.1.0", "tests").pages(PAGES)
    }
    fn new(settings: Settings) -> Result<Self, ConfigError> {
        Ok(Keyed(settings))
    }
    async fn run(&self, cx: Context, _: Target) -> Outcome {
        for host in [&self.0.accounts[0].key, "sender"] {
            let name = format!("{host}.list.example");
            let reply = cx.dns(DnsQuestion::new(&name, RecordType::A)).await;
            let quote = Evidence::quoting(&reply.evidence, &name).at(Span::new(host.len(), name.len()), "here");
            cx.finding(
                Finding::new("keyed-found", Subject::Domain(name), "seen").evidence(quote).actor(Actor::DomainOwner),
            );
        }
        Outcome::Findings
    }
}

#[tokio::test]
async fn a_secret_is_in_neither_report_nor_recording_and_both_agree() {
    let mut registry = Registry::default();
    registry.add::<Keyed>("test").unwrap();
    // Nothing listens there: the questions alone matter.
    let network = Network::new(&NetOptions::new(vec!["127.0.0.1:9".parse().unwrap()]), None);
    let settings = BTreeMap::from([("keyed".to_owned(), json!({ "accounts": [{ "key": SECRET }] }))]);
    let order = engine_tests::order(Target::domain("a.example"), &["keyed"], settings);
    let (_keep, interrupt) = tokio::sync::watch::channel(false);
    let finished = session::run(&registry, &network, order, interrupt, Arc::new(|_| ())).await.unwrap();
    let report = serde_json::to_string(&finished.report).unwrap();
    let recording = serde_json::to_string(&finished.recording).unwrap();
    for text in [&report, &recording] {
        assert!(!text.to_ascii_lowercase().contains(&SECRET.to_ascii_lowercase()), "{text}");
        assert!(text.contains("redacted-1.list.example"), "{text}");
    }
    let again = session::replay(&registry, finished.recording, Arc::new(|_| ())).await.unwrap();
    assert_eq!(serde_json::to_string(&again.report).unwrap(), report);
}
