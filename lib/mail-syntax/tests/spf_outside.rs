//! SPF records and DNS zones of other implementations' tests, with what those make
//! of them. Where ours differs, a table says why, by RFC 7208.
//!
//! The material is no part of this repository (see `outside-data`); where it is
//! not there, the tests say so and prove nothing.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::HashMap;

use mail_syntax::spf::{Answer, Answers, Kind, Query, Question, Verdict, check_host, parse, select};
use serde_json::Value;

fn read(file: &str) -> Option<Value> {
    let text = std::fs::read_to_string(outside_data::find(file)?).unwrap();
    Some(serde_json::from_str(&text).unwrap())
}

/// Beginnings of records of which mox says otherwise, what it says, and what settles it.
const SETTLED: &[(&str, bool, &str)] = &[(
    "V=spf1 all Include:example.org a ?a -a +a ~a a:x a:x/0",
    true,
    "RFC 7208 §7.1: a name ends in a dot and a top label, or in a macro; `x` does not",
)];

#[test]
fn records_of_other_implementations_agree_or_are_settled() {
    let Some(rows) = read("records.json") else { return };
    let (mut agreed, mut settled, mut wrong) = (0, 0, Vec::new());
    for row in rows.as_array().unwrap().iter().filter(|row| row["kind"] == "spf-record") {
        let (text, theirs) = (row["input"].as_str().unwrap(), row["valid"].as_bool().unwrap());
        let ours = select(&[text]).records.len() == 1 && !parse(text).is_broken();
        if ours == theirs {
            agreed += 1;
        } else if SETTLED.iter().any(|(record, says, _)| text.starts_with(record) && *says == theirs) {
            settled += 1;
        } else {
            wrong.push(format!("{text:?}: they say {theirs}"));
        }
    }
    println!("{agreed} agree, {settled} are settled by the RFC's text");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(agreed >= 25, "the file holds fewer records than it did");
}

/// The answers of rspamd's fake DNS: the first word for a question counts. A name that
/// it does not have does not exist.
struct FakeDns(HashMap<(String, &'static str), Answer>);

impl FakeDns {
    fn of(zones: &Value) -> Self {
        let mut answers = HashMap::new();
        for row in zones["merged-local"].as_array().unwrap() {
            let kinds = [Kind::Txt, Kind::A, Kind::Aaaa, Kind::Mx, Kind::Ptr];
            let Some(kind) = kinds.into_iter().find(|kind| row["type"] == word(*kind)) else { continue };
            let name = row["name"].as_str().unwrap().to_ascii_lowercase();
            let answer = match (row["replies"].as_array(), row["rcode"].as_str()) {
                (Some(replies), _) => data(kind, &replies.iter().filter_map(Value::as_str).collect::<Vec<_>>()),
                (None, Some("norec")) => Answer::NoData,
                (None, Some("nxdomain")) => Answer::NxDomain,
                (None, _) => Answer::Failed,
            };
            answers.entry((name, word(kind))).or_insert(answer);
        }
        FakeDns(answers)
    }

    fn answer(&self, question: &Question) -> Answer {
        let found = self.0.get(&(question.name.clone(), word(question.kind))).cloned();
        let known = || self.0.keys().any(|(name, _)| *name == question.name);
        found.unwrap_or_else(|| if known() { Answer::NoData } else { Answer::NxDomain })
    }
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Txt => "txt",
        Kind::A => "a",
        Kind::Aaaa => "aaaa",
        Kind::Mx => "mx",
        Kind::Ptr => "ptr",
    }
}

fn data(kind: Kind, replies: &[&str]) -> Answer {
    match kind {
        Kind::Txt => Answer::Texts(replies.iter().map(|text| text.as_bytes().to_vec()).collect()),
        Kind::A | Kind::Aaaa => Answer::Addresses(replies.iter().map(|text| text.parse().unwrap()).collect()),
        // `10 mx1.example` of MX, a name of PTR.
        Kind::Mx | Kind::Ptr => {
            Answer::Names(replies.iter().filter_map(|text| text.split(' ').next_back()).map(str::to_owned).collect())
        }
    }
}

/// Cases of which ours says otherwise than rspamd, what ours says, and why.
const BY_THE_RFC: &[(&str, Verdict, &str)] = &[
    (
        "SPF FAIL UNRESOLVEABLE INCLUDE",
        Verdict::PermError,
        "RFC 7208 §5.2: an include of a domain without a record is a permerror; rspamd takes it for no match",
    ),
    (
        "SPF ALLOW DNS REQUESTS AT LIMIT",
        Verdict::PermError,
        "RFC 7208 §4.6.4: ten terms may cost a lookup; rspamd allows thirty",
    ),
    (
        "SPF PTRS",
        Verdict::PermError,
        "RFC 7208 §4.6.4: the zone has no reverse name of the client, so that the third `ptr` is one void lookup too many",
    ),
];

#[test]
fn results_of_rspamd_agree_or_are_settled() {
    let Some(zones) = read("rspamd/rspamd_fake_dns.json") else { return };
    let cases = read("rspamd/rspamd_auth_cases.json").unwrap();
    let dns = FakeDns::of(&zones);
    let (mut agreed, mut settled, mut wrong) = (0, 0, Vec::new());
    for case in cases.as_array().unwrap().iter().filter(|case| case["suite"] == "117_spf") {
        let given = |key: &str| case["args"][key].as_str().unwrap_or_default().trim_matches(['<', '>']);
        // Without an address it is a message's Received lines that count, which are not at hand.
        let Ok(ip) = given("IP").parse() else { continue };
        let name = case["case"].as_str().unwrap();
        let symbol = case["expect"][0].as_str().unwrap().rsplit_once("R_SPF_").unwrap().1;
        let theirs = match symbol {
            "ALLOW" | "PLUSALL" => Verdict::Pass,
            "FAIL" => Verdict::Fail,
            "SOFTFAIL" => Verdict::SoftFail,
            "NEUTRAL" => Verdict::Neutral,
            "DNSFAIL" => Verdict::TempError,
            "PERMFAIL" => Verdict::PermError,
            "NA" => Verdict::None,
            other => panic!("an unknown symbol: {other}"),
        };
        let query = Query::new(ip, given("From"), given("Helo"));
        let mut known = Answers::default();
        let ours = loop {
            match check_host(&query, &known) {
                Ok(evaluation) => break evaluation.verdict,
                Err(missing) => missing.into_iter().for_each(|question| {
                    let answer = dns.answer(&question);
                    known.insert(question, answer);
                }),
            }
        };
        match BY_THE_RFC.iter().find(|(case, ..)| *case == name) {
            _ if ours == theirs => agreed += 1,
            Some((_, settles, _)) if ours == *settles => settled += 1,
            _ => wrong.push(format!("{name}: ours {ours}, theirs {theirs}")),
        }
    }
    println!("{agreed} agree, {settled} are settled by the RFC's text");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(agreed + settled >= 35, "the file holds fewer cases than it did");
}
