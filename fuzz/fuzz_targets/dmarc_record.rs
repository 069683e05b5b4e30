//! DMARC records of any bytes: no panic, every span inside the text, and what is
//! read again from a record's own tags is the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mail_syntax::{
    dmarc::{Rules, Scope, is_record, parse, report, select},
    tag_list,
};

fuzz_target!(|bytes: &[u8]| {
    let selection = select(&[bytes]);
    assert_eq!(selection.records.len() + selection.lookalikes.len() + selection.others.len(), 1);
    assert_eq!(selection.records.len() == 1, is_record(bytes));
    let text = String::from_utf8_lossy(bytes);
    let record = parse(&text);
    for issue in &record.issues {
        assert!(text.get(issue.span.start..issue.span.end).is_some(), "{issue:?}");
    }
    for tag in &record.tags {
        assert!(text.get(tag.span().start..tag.span().end).is_some());
    }
    assert!(record.tags.len() <= tag_list::MOST_TAGS);
    for list in [&record.aggregate_reports, &record.failure_reports] {
        for uri in list.valid().into_iter().flatten() {
            assert!(uri.span.of(&text).starts_with(&uri.uri));
            assert!(uri.host.as_ref().is_none_or(|host| !host.ends_with('.')));
        }
    }
    for rules in Rules::BOTH {
        for scope in [Scope::Own, Scope::Subdomain, Scope::Nonexistent] {
            let requested = record.requested(rules, scope);
            assert!(requested.is_none_or(|requested| requested.percent <= 100));
            // Without a valid policy nothing is ever asked of receivers.
            let idle = requested.is_none_or(|requested| requested.policy == mail_syntax::dmarc::Policy::None);
            assert!(record.disabling(rules).is_none() || idle);
        }
    }
    // The first of each tag, written plainly, says the same.
    let plain: Vec<String> = record
        .tags
        .iter()
        .enumerate()
        .filter(|(at, tag)| {
            tag.name.is_some() && record.tags[..*at].iter().all(|other| other.name != tag.name)
        })
        .filter_map(|(_, tag)| Some(format!("{}={}", tag.name?.word(), tag.value_span.of(&text))))
        .collect();
    let again = parse(&plain.join("; "));
    assert_eq!(again.policy, record.policy);
    assert_eq!(again.subdomain_policy, record.subdomain_policy);
    assert_eq!(again.psd, record.psd);
    assert_eq!(again.test, record.test);
    let _ = report::read("r.example", &[bytes]);
});
