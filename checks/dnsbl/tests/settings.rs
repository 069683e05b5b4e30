//! The settings: what is taken, and what is refused with the nearest valid choice.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use check_dnsbl::{Config, Dnsbl};
use engine_plugin_api::{
    Check, ConfigError,
    serde_json::{Value, from_value, json},
};

fn refused(settings: Value) -> ConfigError {
    Dnsbl::new(from_value(settings.clone()).unwrap()).err().unwrap_or_else(|| panic!("{settings} is taken"))
}

#[test]
fn settings_that_fit_are_taken() {
    for settings in [
        json!({}),
        json!({ "lists": "all" }),
        json!({ "lists": ["default", "KOREA.services.net."], "skip": ["zen.spamhaus.org", "dnsbl.sorbs.net"] }),
        json!({ "lists": ["<key>.zen.dq.spamhaus.net"], "keys": { "spamhaus-dqs": "redacted-1" } }),
        json!({ "extra": [{ "zone": "bl.corp.example", "object": "domain", "canary": false }], "max_addresses": 64 }),
    ] {
        let config: Config = from_value(settings.clone()).unwrap_or_else(|error| panic!("{settings}: {error}"));
        assert!(Dnsbl::new(config).is_ok(), "{settings}");
    }
}

#[test]
fn settings_that_do_not_fit_say_what_would() {
    for (settings, pointer, words) in [
        (json!({ "lists": ["zen.spamhaus.com"] }), "/lists/0", "zen.spamhaus.org"),
        (json!({ "lists": ["default", "nonsense"] }), "/lists/1", "expected `default`"),
        (json!({ "lists": ["microsoft"] }), "/lists/0", "sender.office.com"),
        (json!({ "lists": ["mipspace"] }), "/lists/0", "no public zone"),
        (json!({ "skip": ["bl.spamcop.ent"] }), "/skip/0", "bl.spamcop.net"),
        (json!({ "keys": { "spamhaus": "abcdefgh" } }), "/keys/spamhaus", "spamhaus-dqs"),
        (json!({ "keys": { "abusix": "a.b" } }), "/keys/abusix", "letters"),
        (json!({ "extra": [{ "zone": "bl" }] }), "/extra/0", "bl.example.net"),
        (json!({ "extra": [{ "zone": "zen.spamhaus.org" }] }), "/extra/0", "`lists`"),
        (json!({ "extra": [{ "zone": "bl.a.example", "codes": { "2": "x" } }] }), "/extra/0", "127.0.0.2"),
    ] {
        let error = refused(settings.clone());
        assert_eq!(error.pointer, pointer, "{settings}");
        assert!(error.message.contains(words), "{settings}: {}", error.message);
    }
    let secret = refused(json!({ "keys": { "abusix": "not a key!" } }));
    assert!(!secret.to_string().contains("not a key!"), "a key is shown");
}

#[test]
fn keys_are_marked_as_secret() {
    let schema = Dnsbl::manifest().config_schema;
    assert_eq!(schema["properties"]["keys"]["writeOnly"], json!(true), "{schema:#}");
    for setting in ["lists", "skip", "keys", "extra", "max_addresses"] {
        assert!(schema["properties"][setting]["description"].is_string(), "{setting} is not described");
    }
}
