//! The DKIM keys of rspamd's tests: what rspamd verifies with reads here too.
//!
//! The material is no part of this repository (see `outside-data`); where it is
//! not there, the test says so and proves nothing.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeMap;

use mail_syntax::dkim::{KeyRecord, KeyState};
use serde_json::Value;

/// What of a record is not as it should be, for the names whose records are broken on
/// purpose, and the keys that are larger than receivers need to verify with.
fn expected(name: &str) -> &'static str {
    match name {
        // Four letters of base64, which are no key.
        "testdkim1._domainkey.yoni.za.org" => "unreadable",
        // `k=` names a type that does not exist.
        "broken._domainkey.brokenkey.za.org" => "unreadable",
        // No `p=`: RFC 6376 §3.6.1 requires one, empty where the key is revoked.
        "revoked._domainkey.revokedkey.za.org" => "absent",
        // RFC 8301 §3.2: up to 4096 bits must be verified.
        "long._domainkey.bigkey.za.org" => "32768 bits",
        "wide._domainkey.bigkey.za.org" => "16384 bits",
        "ok._domainkey.bigkey.za.org" => "8192 bits",
        _ => "sound",
    }
}

fn seen(record: &KeyRecord) -> String {
    let broken = if record.is_broken() { ", broken" } else { "" };
    match &record.key {
        KeyState::Absent => "absent".to_owned(),
        KeyState::Revoked => "revoked".to_owned(),
        KeyState::Unreadable => "unreadable".to_owned(),
        KeyState::Rsa(key) if key.bits() > 4096 => format!("{} bits{broken}", key.bits()),
        KeyState::Rsa(_) | KeyState::Ed25519(_) => format!("sound{broken}"),
    }
}

#[test]
fn the_keys_of_rspamd_read_as_they_are_meant() {
    let Some(file) = outside_data::find("rspamd/rspamd_fake_dns.json") else { return };
    let zones: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let mut keys = BTreeMap::new();
    for row in zones.as_object().unwrap().values().flat_map(|rows| rows.as_array().unwrap()) {
        let name = row["name"].as_str().unwrap();
        if let Some(text) = row["replies"][0].as_str().filter(|_| name.contains("._domainkey.")) {
            keys.insert((name.to_owned(), text.to_owned()), KeyRecord::parse(text));
        }
    }
    let mut wrong = Vec::new();
    for ((name, text), record) in &keys {
        let seen = seen(record);
        if seen != expected(name) {
            wrong.push(format!("{name}: {seen}: {text:.60}"));
        }
        // Whatever is broken has an issue that says what.
        assert!(!record.is_broken() || !record.issues.is_empty(), "{name}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(keys.len() >= 15, "the file holds fewer keys than it did");
}
