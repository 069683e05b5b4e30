//! DMARC records and DNS zones of other implementations' tests, with what those
//! make of them. Where ours differs, the table below says why, by the RFCs' text.
//!
//! The material is no part of this repository (see `outside-data`); where it is
//! not there, the tests say so and prove nothing.
#![allow(clippy::unwrap_used)]

use mail_syntax::dmarc::{
    Answers, Identifier, Lookup, Mechanism, Passed, Policy, Rules, Scope, Verdict, evaluate, is_record, names, parse,
};
use serde_json::Value;

/// Beginnings of records of which another implementation says otherwise, what it
/// says, and what settles it.
const SETTLED: &[(&str, bool, &str)] = &[
    (
        "v=DMARC1; sp=reject; p=reject",
        false,
        "RFC 7489 §6.3 lets `p` stand second only, but §6.6.3 step 6 asks for a valid `p` alone; RFC 9989 §4.7 has no \
         order behind `v`. Ours takes it and reports the order",
    ),
    (
        "v=DMARC1; p=none; p=",
        false,
        "Neither RFC says what a repeated tag does; RFC 6376 §3.2, to whose form both point, makes the list invalid. \
         Ours takes the first and reports that receivers may take nothing",
    ),
    (
        "v=DMARC1; rua=mailto:dmarc-feedback@example.com!99999999999999999999",
        false,
        "RFC 7489 §6.4, RFC 9989 §4.8: the size is any number of digits, so that the URI is one",
    ),
    ("v=DMARC1; p=n;", true, "RFC 7489 §6.4: `p` is one of three whole words. Ours takes no abbreviation"),
    (
        "v=DMARC1; p=none; adkim=bob",
        false,
        "RFC 7489 §6.3, RFC 9989 §4.7: faults other than in `v` and policies are discarded in favor of defaults",
    ),
    ("v=DMARC1; p=none; aspf=bob", false, "as for `adkim`"),
    ("v=DMARC1; p=none; rf=bob", false, "as for `adkim`; RFC 9989 no longer has the tag"),
    ("v=DMARC1; p=none; rf=0000", false, "as for `adkim`; RFC 9989 no longer has the tag"),
    ("v=DMARC1; p=none; ri=bob", false, "as for `adkim`; RFC 9989 no longer has the tag"),
    ("v=DMARC1; p=none; pct=500", false, "as for `adkim`; RFC 9989 no longer has the tag"),
];

fn rows(file: &str) -> Option<Vec<Value>> {
    let text = std::fs::read_to_string(outside_data::find(file)?).unwrap();
    match serde_json::from_str(&text).unwrap() {
        Value::Array(rows) => Some(rows),
        other => Some(vec![other]),
    }
}

#[test]
fn records_of_other_implementations_agree_or_are_settled() {
    let Some(rows) = rows("records.json") else { return };
    let (mut agreed, mut settled, mut wrong) = (0, 0, Vec::new());
    for row in rows.iter().filter(|row| row["kind"] == "dmarc-record") {
        let text = row["input"].as_str().unwrap();
        let theirs = row["valid"].as_bool().unwrap();
        // A record counts where receivers apply DMARC for its sake.
        let ours = is_record(text.as_bytes()) && parse(text).requested(Rules::Rfc7489, Scope::Own).is_some();
        if ours == theirs {
            agreed += 1;
        } else if SETTLED.iter().any(|(start, says, _)| text.starts_with(start) && *says == theirs) {
            settled += 1;
        } else {
            wrong.push(format!("{text:?}: they say {theirs}"));
        }
        // What they refuse is never without an issue here.
        if !theirs && !text.is_empty() {
            assert!(!parse(text).issues.is_empty(), "{text:?} is refused by others and has no issue");
        }
    }
    println!("{agreed} agree, {settled} are settled by the RFCs' text");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(agreed > 40, "the file holds fewer records than it did");
}

/// The zone of rspamd's tests: every `_dmarc` name with its texts.
fn fake_zone(rows: &[Value]) -> Vec<(String, Lookup)> {
    let mut zone = Vec::new();
    let mut take = |row: &Value| {
        let Some(domain) = row["name"].as_str().and_then(|name| name.strip_prefix("_dmarc.")) else { return };
        let texts = row["replies"].as_array().map(|replies| {
            replies.iter().filter_map(Value::as_str).map(|text| text.as_bytes().to_vec()).collect::<Vec<_>>()
        });
        let lookup = match (texts, row["rcode"].as_str()) {
            (Some(texts), _) => Lookup::Texts(texts),
            (None, Some("norec" | "nxdomain")) => Lookup::Texts(Vec::new()),
            (None, _) => Lookup::Failed,
        };
        zone.push((domain.to_owned(), lookup));
    };
    fn walk(value: &Value, take: &mut dyn FnMut(&Value)) {
        match value {
            Value::Object(fields) if fields.contains_key("name") && fields.contains_key("type") => take(value),
            Value::Object(fields) => fields.values().for_each(|value| walk(value, take)),
            Value::Array(items) => items.iter().for_each(|value| walk(value, take)),
            _ => {}
        }
    }
    rows.iter().for_each(|row| walk(row, &mut take));
    zone
}

type Case = (&'static str, &'static str, &'static [(Mechanism, &'static str, Passed)], Verdict, Option<Policy>);

/// rspamd's DMARC cases, whose messages are not at hand: the author's domain, what
/// authenticated it, and the result that the case's symbol stands for.
const CASES: &[Case] = &[
    ("none, signed", "cacophony.za.org", &[(Mechanism::Dkim, "cacophony.za.org", Passed::Yes)], Verdict::Pass, None),
    (
        "none, SPF of a subdomain",
        "cacophony.za.org",
        &[(Mechanism::Spf, "spf.cacophony.za.org", Passed::Yes)],
        Verdict::Pass,
        None,
    ),
    ("none, nothing", "cacophony.za.org", &[], Verdict::Fail, Some(Policy::None)),
    (
        "reject, SPF of another",
        "reject.cacophony.za.org",
        &[(Mechanism::Spf, "example.net", Passed::No)],
        Verdict::Fail,
        Some(Policy::Reject),
    ),
    (
        "quarantine",
        "quarantine.cacophony.za.org",
        &[(Mechanism::Spf, "example.net", Passed::No)],
        Verdict::Fail,
        Some(Policy::Quarantine),
    ),
    ("sp=none", "foo.yoni.za.org", &[], Verdict::Fail, Some(Policy::None)),
    ("sp=reject", "foo.cacophony.za.org", &[], Verdict::Fail, Some(Policy::Reject)),
    ("sp=quarantine", "foo.yoni.za.net", &[], Verdict::Fail, Some(Policy::Quarantine)),
    (
        "strict, signed by the parent",
        "yo.mom.za.org",
        &[(Mechanism::Dkim, "mom.za.org", Passed::Yes)],
        Verdict::Fail,
        Some(Policy::Reject),
    ),
    (
        "relaxed, signed by the parent",
        "my.mom.za.org",
        &[(Mechanism::Dkim, "mom.za.org", Passed::Yes)],
        Verdict::Pass,
        None,
    ),
    (
        "strict, SPF of the same",
        "yo.mom.za.org",
        &[(Mechanism::Spf, "yo.mom.za.org", Passed::Yes)],
        Verdict::Pass,
        None,
    ),
    (
        "strict, SPF of the parent",
        "yo.mom.za.org",
        &[(Mechanism::Spf, "mom.za.org", Passed::Yes)],
        Verdict::Fail,
        Some(Policy::Reject),
    ),
    (
        "relaxed, SPF of the parent",
        "my.mom.za.org",
        &[(Mechanism::Spf, "mom.za.org", Passed::Yes)],
        Verdict::Pass,
        None,
    ),
    ("no answer", "dnssec-failed.org", &[], Verdict::TempError, None),
    ("no record", "example.com", &[(Mechanism::Spf, "mom.za.org", Passed::Yes)], Verdict::None, None),
];

/// What RFC 9989 makes otherwise of a case of rspamd, which follows RFC 7489.
const BY_THE_WALK: &[(&str, Verdict, &str)] = &[
    (
        "relaxed, signed by the parent",
        Verdict::Fail,
        "mom.za.org has no record of its own, so that by RFC 9989 §4.10.2 my.mom.za.org is an organization of its own",
    ),
    ("relaxed, SPF of the parent", Verdict::Fail, "as above"),
];

#[test]
fn results_of_rspamd_agree_or_are_settled() {
    let Some(rows) = rows("rspamd/rspamd_fake_dns.json") else { return };
    let zone = fake_zone(&rows);
    assert!(zone.len() > 10, "the zone holds fewer names than it did");
    for (name, author, identifiers, verdict, policy) in CASES {
        let mut known = Answers::default();
        let domains = identifiers.iter().map(|(_, domain, _)| *domain).chain([*author]);
        for domain in domains.flat_map(names) {
            let lookup = zone.iter().find(|(name, _)| *name == domain).map(|(_, lookup)| lookup.clone());
            known.insert(&domain, lookup.unwrap_or(Lookup::Texts(Vec::new())));
        }
        let identifiers: Vec<Identifier> = identifiers
            .iter()
            .map(|&(mechanism, domain, passed)| Identifier { mechanism, domain: domain.to_owned(), passed })
            .collect();
        for rules in Rules::BOTH {
            let found = evaluate(author, true, &identifiers, rules, &known);
            let settled = BY_THE_WALK.iter().find(|(case, ..)| rules == Rules::Rfc9989 && case == name);
            assert_eq!(found.verdict, settled.map_or(*verdict, |(_, verdict, _)| *verdict), "{name}, {rules}");
            if let Some(policy) = policy {
                assert_eq!(found.requested.map(|requested| requested.policy), Some(*policy), "{name}, {rules}");
            }
        }
    }
    // pct=0: the policy applies to none, and the next milder one to all (RFC 7489 §6.6.4).
    let Some((_, Lookup::Texts(texts))) = zone.iter().find(|(name, _)| name == "zero_pct.com") else { return };
    let record = parse(std::str::from_utf8(&texts[0]).unwrap());
    let requested = |rules| record.requested(rules, Scope::Own).unwrap();
    assert_eq!(
        (requested(Rules::Rfc7489).policy.lowered(), requested(Rules::Rfc7489).percent),
        (Policy::Quarantine, 0)
    );
    assert_eq!((requested(Rules::Rfc9989).policy, requested(Rules::Rfc9989).percent), (Policy::Reject, 100));
}
