//! SPF records of any bytes: every span lies in the text, and what is written
//! back is read as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mail_syntax::{
    spf::{parse, select},
    txt::read_text,
};

fuzz_target!(|bytes: &[u8]| {
    let text = read_text(bytes);
    let record = parse(&text);
    let spans = record.terms.iter().map(|term| term.span).chain(record.issues.iter().map(|issue| issue.span));
    for span in spans {
        assert!(text.get(span.start..span.end).is_some(), "{span:?} in {text:?}");
    }
    if !record.is_broken() {
        let written = record.to_string();
        let again = parse(&written);
        assert!(!again.is_broken(), "{text:?} is written {written:?}");
        assert_eq!(again.to_string(), written, "{text:?}");
        let directives = |record: &mail_syntax::spf::Record| {
            record.directives().map(|(_, directive)| directive.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(directives(&record), directives(&again), "{text:?} is written {written:?}");
    }
    let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    let _ = select(&lines);
});
