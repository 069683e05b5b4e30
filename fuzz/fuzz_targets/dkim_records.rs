//! Key records and signature fields of any bytes: no panic, every span inside the
//! text, and a record that is offered in a remedy is sound and needs no other.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mail_syntax::dkim::{IssueKind, KeyRecord, KeyState, Signature, is_meant_as_key, repaired};

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let record = KeyRecord::parse(&text);
    for issue in &record.issues {
        assert!(text.get(issue.span.start..issue.span.end).is_some(), "{issue:?}");
    }
    let secret = record.issues.iter().any(|issue| issue.kind == IssueKind::PrivateKey);
    if let Some(meant) = repaired(&text) {
        assert!(!secret, "a private key is offered again");
        assert!(!KeyRecord::parse(&meant).is_broken(), "{meant}");
        assert_eq!(repaired(&meant), None);
    }
    // What is read is what its own form says.
    if matches!(record.key, KeyState::Rsa(_) | KeyState::Ed25519(_)) && !record.is_broken() && record.notes.is_none() {
        let again = KeyRecord::parse(&record.to_string());
        assert_eq!(again.key_bytes(), record.key_bytes());
    }
    let _ = is_meant_as_key(&text);
    let signature = Signature::parse(&text);
    for issue in &signature.issues {
        assert!(text.get(issue.span.start..issue.span.end).is_some(), "{issue:?}");
    }
    let _ = signature.key_name();
});
