//! `#[config]`: settings without a line of serde or schemars.

#![allow(clippy::unwrap_used)]

use engine_plugin_api::{schemars, serde_json};
use serde_json::json;

/// Settings of a test.
#[engine_plugin_api::config]
pub struct Config {
    /// How many.
    #[default(16)]
    #[schemars(range(min = 1, max = 64))]
    max_hosts: usize,
    /// Which to leave out.
    except: Vec<String>,
    /// Said by default.
    #[default("ca.example".to_owned())]
    name: String,
    /// How strict.
    mode: Mode,
}

/// How strict.
#[engine_plugin_api::config]
#[derive(Hash)]
pub enum Mode {
    /// All of it.
    VeryStrict,
    /// Less.
    #[default]
    Lax,
}

#[test]
fn every_field_has_a_default_and_none_is_required() {
    let config: Config = serde_json::from_value(json!({})).unwrap();
    assert_eq!(config, Config::default());
    assert_eq!((config.max_hosts, config.except.len(), config.name.as_str()), (16, 0, "ca.example"));
    let config: Config = serde_json::from_value(json!({"mode": "very-strict", "except": ["a"]})).unwrap();
    assert_eq!((config.mode, config.except.len()), (Mode::VeryStrict, 1));
}

#[test]
fn a_setting_that_is_not_known_is_named() {
    let error = serde_json::from_value::<Config>(json!({"max_host": 1})).unwrap_err().to_string();
    assert!(error.contains("max_host") && error.contains("max_hosts"), "{error}");
    assert!(serde_json::from_value::<Config>(json!({"mode": "odd"})).is_err());
}

#[test]
fn the_schema_says_what_the_comments_say() {
    let schema = schemars::schema_for!(Config).to_value();
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(schema["properties"]["max_hosts"]["description"], "How many.");
    assert_eq!(schema["properties"]["max_hosts"]["maximum"], 64);
    assert_eq!(schema["properties"]["max_hosts"]["default"], 16);
    assert!(schema.get("required").is_none());
    assert!(schema.to_string().contains("very-strict"));
}
