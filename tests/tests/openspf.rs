//! The OpenSPF suite for RFC 7208, asked over real sockets: each case is a run
//! of the check `spf` against the lab, once over UDP and once over TCP.
//!
//! The suite is no part of this repository (see `outside-data`); where it is
//! not there, the test says so and proves nothing.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{fmt::Write, net::IpAddr, time::Duration};

use engine_core::{net::NetOptions, report::Report};
use engine_lab::{Lab, World};
use engine_plugin_api::{Subject, Target};
use futures_util::stream::{self, StreamExt};
use yaml_rust2::{Yaml, YamlLoader};

/// The domain that is examined; the cases are about senders of other domains.
const EXAMINED: &str = "examined.example";
/// Runs of one section at a time.
const AT_A_TIME: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_openspf_suite_passes_over_udp_and_tcp() {
    let Some(path) = outside_data::find("spf/rfc7208-tests.yml") else { return };
    let sections = YamlLoader::load_from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let (mut passed, mut failed) = (0, Vec::new());
    for section in &sections {
        let (zone, faults) = zone(section["zonedata"].as_hash().unwrap());
        for over_tcp in [false, true] {
            let all_over_tcp = "[[fault]]\nname = '*'\nanswer = 'truncated-udp'\n";
            let faults = format!("{faults}{}", if over_tcp { all_over_tcp } else { "" });
            let world = World { zone: zone.clone(), ..World::parse(&faults).unwrap() };
            let lab = Lab::start(&world).await.unwrap();
            let cases = section["tests"].as_hash().unwrap().iter();
            let results: Vec<Result<(), String>> =
                stream::iter(cases.map(|(name, case)| play(&lab, name.as_str().unwrap(), case)))
                    .buffered(AT_A_TIME)
                    .collect()
                    .await;
            let transport = if over_tcp { "TCP" } else { "UDP" };
            for result in results {
                match result {
                    Ok(()) => passed += 1,
                    Err(why) => failed.push(format!("over {transport}: {why}")),
                }
            }
            lab.stop().await;
        }
    }
    eprintln!("{passed} of {} pass, each case once over UDP and once over TCP", passed + failed.len());
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert_eq!(passed, 2 * 203);
}

async fn play(lab: &Lab, name: &str, case: &Yaml) -> Result<(), String> {
    let word = |key: &str| case[key].as_str().unwrap_or_default().to_owned();
    let (sender, helo) = (word("mailfrom"), word("helo"));
    let ip: IpAddr = word("host").parse().unwrap();
    let by_helo = sender.is_empty();
    let target =
        Target { ip: Some(ip), sender: (!by_helo).then_some(sender), helo: Some(helo), ..Target::domain(EXAMINED) };
    let registry = builtin_checks::registry().unwrap();
    // Whatever is answered at all is answered in time on a busy machine as well.
    let options = NetOptions { dns_timeout: Duration::from_secs(3), ..engine_tests::net_options(lab) };
    let order = engine_tests::order(target, &["spf"], Default::default());
    let finished = engine_tests::run_over(&registry, &options, order).await.unwrap();
    let (verdict, seen) = verdict(&finished.report, by_helo);

    let expected: Vec<&str> = match &case["result"] {
        Yaml::Array(any) => any.iter().filter_map(Yaml::as_str).collect(),
        one => vec![one.as_str().unwrap()],
    };
    if !expected.contains(&verdict) {
        return Err(format!("{name}: expected {expected:?}, found {verdict}: {seen}"));
    }
    // Every result says what it rests on: a term, a record or a question.
    if verdict != "none" && !["`", "the record of", "the DNS", "no term"].iter().any(|word| seen.contains(word)) {
        return Err(format!("{name}: {verdict} without a reason: {seen}"));
    }
    let explained =
        seen.split_once(" The domain explains: \"").map_or("DEFAULT", |(_, words)| &words[..words.len() - 2]);
    match case["explanation"].as_str() {
        // The suite writes the nibbles of `%{i}` in capitals, RFC 7208 §7.4 in small letters.
        Some(expected) if !expected.eq_ignore_ascii_case(explained) => {
            Err(format!("{name}: expected the explanation {expected:?}, found {explained:?}"))
        }
        _ => Ok(()),
    }
}

/// The result of the identity, and what is said of it.
fn verdict(report: &Report, by_helo: bool) -> (&'static str, String) {
    let ours = |subject: &Subject| match subject {
        Subject::Mailbox(_) => !by_helo,
        Subject::Host(_) => by_helo,
        _ => false,
    };
    for finding in report.findings.iter().filter(|finding| ours(&finding.subject)) {
        let verdict = match finding.code.as_str() {
            "spf-pass" => "pass",
            "spf-fail" => "fail",
            "spf-softfail" => "softfail",
            "spf-neutral" => "neutral",
            "spf-permerror" => "permerror",
            _ => continue,
        };
        return (verdict, finding.seen.clone());
    }
    match report.could_not_tell.iter().find(|unknown| ours(&unknown.subject)) {
        Some(unknown) => ("temperror", format!("the DNS: {}", unknown.cause.detail)),
        None => ("none", String::new()),
    }
}

/// The zone data of a section as lines of the lab's zone, and as its faults.
fn zone(data: &yaml_rust2::yaml::Hash) -> (String, String) {
    let (mut zone, mut faults) = (String::new(), String::new());
    for (owner, rows) in data {
        let (owner, rows) = (name(owner.as_str().unwrap()), rows.as_vec().unwrap());
        let has = |key: &str| rows.iter().any(|row| !row[key].is_badvalue());
        let _ = writeln!(zone, "{owner} TYPE65280 \\# 1 00");
        for row in rows {
            let Some((key, value)) = row.as_hash().and_then(|row| row.iter().next()) else { continue };
            let line = match (key.as_str().unwrap(), value) {
                (_, Yaml::String(none)) if none == "NONE" => continue,
                // An SPF record is a TXT record too, unless the name has TXT records.
                ("SPF", _) if has("TXT") => continue,
                ("SPF" | "TXT", value) => format!("TXT {}", strings(value)),
                ("MX", value) => {
                    format!("MX {} {}", value[0].as_i64().unwrap(), name(value[1].as_str().unwrap()))
                }
                (kind @ ("PTR" | "CNAME"), value) => format!("{kind} {}", name(value.as_str().unwrap())),
                (kind, value) => format!("{kind} {}", value.as_str().unwrap()),
            };
            let _ = writeln!(zone, "{owner} {line}");
        }
        if rows.iter().any(|row| row.as_str() == Some("TIMEOUT")) {
            // What the name has it answers; `NONE` is nothing.
            let holds = |key: &str| rows.iter().any(|row| !row[key].is_badvalue() && row[key].as_str() != Some("NONE"));
            for kind in ["TXT", "A", "AAAA", "MX", "PTR"] {
                if !holds(kind) && (kind != "TXT" || has("TXT") || !holds("SPF")) {
                    let _ = writeln!(faults, "[[fault]]\nname = '{owner}'\ntype = '{kind}'\nanswer = 'timeout'");
                }
            }
        }
    }
    (zone, faults)
}

/// A name as the lab writes it: absolute, odd bytes by their number.
fn name(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let mut escaped = String::new();
    for byte in text.trim_end_matches('.').bytes() {
        if plain(byte) {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "\\{byte:03}");
        }
    }
    escaped + "."
}

/// The strings of a TXT row; a character below U+0100 stands for that byte.
fn strings(row: &Yaml) -> String {
    let parts = match row {
        Yaml::Array(strings) if strings.is_empty() => vec![""],
        Yaml::Array(strings) => strings.iter().map(|string| string.as_str().unwrap()).collect(),
        one => vec![one.as_str().unwrap()],
    };
    let mut quoted = Vec::new();
    for part in parts {
        let bytes: Vec<u8> = part.chars().map(|c| u8::try_from(c).unwrap_or(b'?')).collect();
        let mut chunks: Vec<&[u8]> = bytes.chunks(255).collect();
        if chunks.is_empty() {
            chunks.push(&[]);
        }
        for chunk in chunks {
            quoted.push(format!("\"{}\"", chunk.iter().map(|byte| format!("\\{byte:03}")).collect::<String>()));
        }
    }
    quoted.join(" ")
}
