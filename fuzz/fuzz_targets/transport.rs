//! MTA-STS records and policies, TLS-RPT records: whatever the bytes, every span
//! lies in the text, and what is valid stays so when written again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mail_syntax::{mta_sts, tls_rpt};

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let inside = |span: mail_syntax::Span| assert!(text.get(span.start..span.end).is_some(), "{span:?}");
    let record = mta_sts::parse_record(&text);
    record.issues.iter().for_each(|issue| inside(issue.span));
    if record.is_valid() {
        let id = record.id().unwrap_or_default();
        assert!(mta_sts::parse_record(&format!("v=STSv1; id={id}")).is_valid());
    }
    let policy = mta_sts::parse_policy(&text);
    policy.issues.iter().for_each(|issue| inside(issue.span));
    policy.patterns.iter().for_each(|pattern| assert_eq!(pattern.span.of(&text), pattern.text));
    let report = tls_rpt::parse(&text);
    report.issues.iter().for_each(|issue| inside(issue.span));
    report.destinations.iter().for_each(|destination| assert_eq!(destination.span.of(&text), destination.uri));
});
