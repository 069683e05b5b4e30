//! CAA values, BIMI records, images and mark certificates of any bytes: no panic,
//! spans inside the text, and what is written is read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mail_syntax::{bimi, caa, date};

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let issue = caa::Issue::parse(&text);
    for (span, _) in &issue.faults {
        assert!(text.get(span.start..span.end).is_some());
    }
    if issue.faults.is_empty() {
        assert_eq!(caa::Issue::parse(&issue.to_string()), issue);
    }
    let _ = caa::report_fault(&text);
    let record = bimi::Record::parse(&text);
    for issue in &record.issues {
        assert!(text.get(issue.span.start..issue.span.end).is_some());
    }
    let _ = (bimi::split_url(&text), date::unix_seconds(&text));
    let _ = bimi_assets::svg::inspect(bytes);
    let _ = bimi_assets::certificate::read(bytes);
});
