//! The decoder of bounces: any bytes give a report, within its bounds.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let reports = bounce::decode(bytes);
    assert!(!reports.is_empty());
    for recipient in reports.iter().flat_map(|report| &report.recipients) {
        assert!(recipient.address.contains('@'));
        assert!(recipient.diagnostic.len() <= 4_096);
        // What decided stands on character boundaries of the words.
        if let Some(telling) = &recipient.telling {
            assert!(recipient.diagnostic.get(telling.clone()).is_some());
        }
    }
});
