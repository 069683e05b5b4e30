//! The MTA-STS and TLS-RPT strings of the outside material: all agree.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use mail_syntax::{mta_sts, tls_rpt};

#[test]
fn the_outside_records_and_policies_agree() {
    let Some(file) = outside_data::find("records.json") else { return };
    let rows: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let mut seen = [0; 3];
    let mut wrong = Vec::new();
    for row in rows.as_array().unwrap() {
        let text = row["input"].as_str().unwrap();
        let (kind, valid) = match row["kind"].as_str().unwrap() {
            "mtasts-record" => (0, mta_sts::is_record(text) && mta_sts::parse_record(text).is_valid()),
            "mtasts-policy" => (1, mta_sts::parse_policy(text).faults().next().is_none()),
            "tlsrpt-record" => (2, tls_rpt::is_record(text) && tls_rpt::parse(text).is_valid()),
            _ => continue,
        };
        seen[kind] += 1;
        if valid != row["valid"].as_bool().unwrap() {
            wrong.push(format!("{text:?}: here {valid} ({})", row["note"]));
        }
    }
    assert!(seen.iter().all(|count| *count > 10), "{seen:?}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

mod properties {
    use mail_syntax::{mta_sts, tls_rpt};
    use proptest::prelude::*;

    fn whole(text: &str, span: mail_syntax::Span) -> bool {
        span.start <= span.end && text.get(span.start..span.end).is_some()
    }

    proptest! {
        #[test]
        fn any_text_is_read_and_every_span_lies_in_it(text in "(v=STSv1|v=TLSRPTv1)?[ -~\t;=:,\n\ré\u{0}]{0,80}") {
            for issue in mta_sts::parse_record(&text).issues {
                prop_assert!(whole(&text, issue.span), "{issue:?}");
            }
            let policy = mta_sts::parse_policy(&text);
            for issue in &policy.issues {
                prop_assert!(whole(&text, issue.span), "{issue:?}");
            }
            let report = tls_rpt::parse(&text);
            for span in report.issues.iter().map(|i| i.span).chain(report.destinations.iter().map(|d| d.span)) {
                prop_assert!(whole(&text, span), "{span:?}");
            }
        }

        #[test]
        fn a_valid_record_survives_writing(id in "[A-Za-z0-9]{1,32}", gap in "[ \t]{0,3}") {
            let text = format!("v=STSv1{gap};{gap}id={id}{gap};");
            let record = mta_sts::parse_record(&text);
            prop_assert!(record.is_valid());
            prop_assert_eq!(record.id(), Some(id.as_str()));
        }

        #[test]
        fn a_valid_policy_survives_writing(
            mode in 0..3_usize,
            age in 0..=mta_sts::LONGEST_AGE,
            hosts in prop::collection::vec("(\\*\\.)?[a-z0-9]{1,9}(\\.[a-z0-9]{1,9}){1,3}", 1..5),
            end in "\r?\n",
        ) {
            let mode = [mta_sts::Mode::None, mta_sts::Mode::Testing, mta_sts::Mode::Enforce][mode];
            let mut text = format!("version: STSv1{end}mode: {}{end}max_age: {age}{end}", mode.word());
            hosts.iter().for_each(|host| text.push_str(&format!("mx: {host}{end}")));
            let policy = mta_sts::parse_policy(&text);
            prop_assert!(policy.issues.is_empty(), "{:?}", policy.issues);
            prop_assert_eq!((policy.mode(), policy.max_age()), (Some(mode), Some(age)));
            let read: Vec<&str> = policy.patterns.iter().map(|pattern| pattern.text.as_str()).collect();
            prop_assert_eq!(read, hosts);
        }
    }
}
