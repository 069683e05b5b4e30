//! The OpenSPF suite for RFC 7208, answered from its own zone data in memory.
//!
//! The suite is no part of this repository (see `outside-data`); where it is
//! not there, the test says so and proves nothing.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::net::IpAddr;

use mail_syntax::spf::{Answer, Answers, Kind, Query, Question, check_host};
use yaml_rust2::{Yaml, YamlLoader};

#[test]
fn the_openspf_suite_passes() {
    let Some(path) = outside_data::find("spf/rfc7208-tests.yml") else { return };
    let sections = YamlLoader::load_from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let (mut passed, mut failed) = (0, Vec::new());
    for section in &sections {
        let zone = Zone(section["zonedata"].as_hash().unwrap());
        for (name, case) in section["tests"].as_hash().unwrap() {
            match run(&zone, case) {
                Ok(()) => passed += 1,
                Err(why) => failed.push(format!("{}: {why}", name.as_str().unwrap())),
            }
        }
    }
    eprintln!("{passed} of {} pass", passed + failed.len());
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

fn run(zone: &Zone<'_>, case: &Yaml) -> Result<(), String> {
    let word = |key: &str| case[key].as_str().unwrap_or_default();
    let ip: IpAddr = word("host").parse().unwrap();
    let query = Query::new(ip, word("mailfrom"), word("helo"));
    let mut known = Answers::default();
    let mut rounds = 0;
    let evaluation = loop {
        match check_host(&query, &known) {
            Ok(evaluation) => break evaluation,
            Err(missing) => {
                rounds += 1;
                if missing.is_empty() || rounds > 40 {
                    return Err(format!("asks without end: {missing:?}"));
                }
                for question in missing {
                    let answer = zone.answer(&question);
                    known.insert(question, answer);
                }
            }
        }
    };
    let verdict = evaluation.verdict.word();
    let expected: Vec<&str> = match &case["result"] {
        Yaml::Array(any) => any.iter().filter_map(Yaml::as_str).collect(),
        one => vec![one.as_str().unwrap()],
    };
    if !expected.contains(&verdict) {
        return Err(format!("expected {expected:?}, found {verdict}: {:?} at {:?}", evaluation.why, evaluation.path));
    }
    let explanation = evaluation.explanation.as_deref().unwrap_or("DEFAULT");
    match case["explanation"].as_str() {
        // The suite writes the nibbles of `%{i}` in capitals, RFC 7208 §7.4 in small letters.
        Some(expected) if !expected.eq_ignore_ascii_case(explanation) => {
            Err(format!("expected the explanation {expected:?}, found {explanation:?}"))
        }
        _ => Ok(()),
    }
}

struct Zone<'a>(&'a yaml_rust2::yaml::Hash);

impl Zone<'_> {
    fn answer(&self, question: &Question) -> Answer {
        let mut name = question.name.clone();
        for _ in 0..8 {
            let Some(rows) = self.rows(&name) else { return Answer::NxDomain };
            if let Some(alias) = rows.iter().find_map(|row| row["CNAME"].as_str()) {
                name = alias.trim_end_matches('.').to_lowercase();
                continue;
            }
            return answer(rows, question.kind);
        }
        Answer::NoData
    }

    fn rows(&self, name: &str) -> Option<&[Yaml]> {
        let found = self.0.iter().find(|(key, _)| key.as_str().is_some_and(|key| key.eq_ignore_ascii_case(name)));
        found.and_then(|(_, rows)| rows.as_vec()).map(Vec::as_slice)
    }
}

/// A row `SPF:` is a TXT record too, unless the name has rows `TXT:` (`NONE` included).
fn answer(rows: &[Yaml], kind: Kind) -> Answer {
    let of = |key: &str| rows.iter().map(|row| row[key].clone()).filter(|row| !row.is_badvalue()).collect::<Vec<_>>();
    let key = match kind {
        Kind::Txt if of("TXT").is_empty() => "SPF",
        Kind::Txt => "TXT",
        Kind::A => "A",
        Kind::Aaaa => "AAAA",
        Kind::Mx => "MX",
        Kind::Ptr => "PTR",
    };
    let mut found = of(key);
    found.retain(|row| row.as_str() != Some("NONE"));
    if found.is_empty() {
        let silent = rows.iter().any(|row| row.as_str() == Some("TIMEOUT"));
        return if silent { Answer::Failed } else { Answer::NoData };
    }
    match kind {
        Kind::Txt => Answer::Texts(found.iter().map(text).collect()),
        Kind::A | Kind::Aaaa => {
            Answer::Addresses(found.iter().map(|row| row.as_str().unwrap().parse().unwrap()).collect())
        }
        Kind::Ptr => Answer::Names(found.iter().map(|row| row.as_str().unwrap().to_owned()).collect()),
        Kind::Mx => {
            found.sort_by_key(|row| row[0].as_i64());
            Answer::Names(found.iter().map(|row| row[1].as_str().unwrap().to_owned()).collect())
        }
    }
}

/// The strings of a row, joined; a character below U+0100 stands for that byte.
fn text(row: &Yaml) -> Vec<u8> {
    let bytes = |row: &Yaml| row.as_str().unwrap().chars().map(|c| u8::try_from(c).unwrap_or(b'?')).collect::<Vec<_>>();
    match row {
        Yaml::Array(strings) => strings.iter().flat_map(bytes).collect(),
        one => bytes(one),
    }
}
