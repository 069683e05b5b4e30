//! Rules of a user's own: taken or refused with a line of the file, never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smtp_reasons::{Knowledge, RuleFile};

fuzz_target!(|text: &str| {
    let file = RuleFile { name: "fuzz".to_owned(), text: text.to_owned() };
    if let Err(error) = Knowledge::check_own(&file) {
        assert!(error.line <= text.split('\n').count());
    }
});
