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
