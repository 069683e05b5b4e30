//! The data files fit their schema, and every row of outside tables is covered.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{collections::BTreeMap, path::PathBuf};

use smtp_reasons::{Knowledge, Reason, RuleFile, Standing, explain, explain_code};

fn rows(file: PathBuf) -> Vec<BTreeMap<String, String>> {
    csv::Reader::from_path(file).unwrap().deserialize().map(Result::unwrap).collect()
}

#[test]
fn every_entry_is_complete() {
    let knowledge = Knowledge::builtin();
    for reason in Reason::ALL {
        let entry = knowledge.reason(*reason);
        assert!(entry.meaning.ends_with('.') && entry.remedy.ends_with('.'), "{}", reason.word());
        assert!(
            !entry.title.ends_with('.') && !entry.title.starts_with(char::is_uppercase)
                || entry.title.starts_with("SPF"),
            "{}",
            entry.title
        );
    }
    for entry in knowledge.replies() {
        assert!((200..600).contains(&entry.code) && entry.meaning.ends_with('.'), "{}", entry.code);
        assert_eq!(entry.references.is_empty(), entry.standing == Standing::Folklore, "{}", entry.code);
        assert_eq!(entry.instead.is_some(), entry.standing == Standing::Folklore, "{}", entry.code);
        assert_eq!(entry.reason.is_refusal(), entry.code >= 400, "{}", entry.code);
    }
    for entry in knowledge.statuses() {
        assert!(!entry.references.is_empty() && entry.meaning.ends_with('.'), "{}", entry.code);
        for reply in &entry.replies {
            let named = reply.parse().is_ok_and(|code| knowledge.reply(code).is_some());
            assert!(named || ["any2", "any4", "any5"].contains(&reply.as_str()), "{}: {reply}", entry.code);
        }
        assert!(knowledge.subject(entry.code.key().0).is_some());
    }
    for provider in &knowledge.providers {
        assert!(!provider.source.is_empty() && !provider.rules.is_empty());
        for rule in &provider.rules {
            let fragment = !rule.meaning.ends_with('.') && !rule.meaning.is_empty();
            assert!(fragment, "{}: {}", provider.id, rule.meaning);
        }
    }
    assert_eq!([2, 4, 5].map(|digit| knowledge.class(digit).is_some()), [true; 3]);
}

#[test]
fn faulty_data_is_refused_with_its_place() {
    let reasons = include_str!("../data/reasons.toml");
    for (extra, says) in [
        ("[[reply]]\ncode = 1\n", "missing field"),
        ("[[reply]]\ncode = 1\nfoo = 2\n", "unknown field `foo`"),
        ("[[wording]]\nreason = \"no-such\"\nsays = []\n", "unknown variant `no-such`"),
        ("[[wording]]\nreason = \"spf\"\nsays = [\"A b\"]\n", "as one word"),
        (
            "[[reason]]\nid = \"spf\"\ntitle=\"\"\nmeaning=\"\"\nactor=\"nobody\"\nremedy=\"\"\nclears=\"by-itself\"\n",
            "twice",
        ),
        ("[[status]]\ncode = \"X.7\"\n", "not a status code"),
    ] {
        let error = Knowledge::read(&[("reasons.toml", reasons), ("own.toml", extra)]).unwrap_err();
        assert!(error.problem.contains(says), "{error}");
    }
    assert!(Knowledge::read(&[]).unwrap_err().problem.contains("no entry for delivered"));
    assert!(Knowledge::read(&[("reasons.toml", reasons)]).is_ok());
}

#[test]
fn every_registered_code_of_the_outside_tables_is_known() {
    let Some(folder) = outside_data::find(".") else { return };
    let knowledge = Knowledge::builtin();
    let mut seen = 0;
    for row in rows(folder.join("basic_codes.csv")) {
        let Ok(code) = row["code"].parse::<u16>() else { continue };
        let entry = knowledge.reply(code).unwrap_or_else(|| panic!("{code} is missing"));
        assert_eq!(entry.standing == Standing::Folklore, row["standard"] == "no", "{code}");
        seen += 1;
    }
    for row in rows(folder.join("enhanced_codes.csv")) {
        let code = &row["code"];
        let Some(known) = explain_code(code).and_then(|code| code.status) else {
            assert!(code.ends_with(".X"), "{code} is missing");
            continue;
        };
        assert!(known.title.eq_ignore_ascii_case(&row["title"]) || code == "X.6.10", "{code}: {}", known.title);
        let digits = |text: &str| {
            text.split(|c: char| !c.is_ascii_digit()).filter(|p| p.len() == 3).map(str::to_owned).collect::<Vec<_>>()
        };
        let ours: Vec<_> = known.replies.iter().filter(|r| !r.starts_with("any")).cloned().collect();
        assert_eq!(ours, digits(&row["basic_codes"]), "{code}");
        seen += 1;
    }
    println!("{seen} codes");
    assert!(seen > 130);
}

/// Each row of the outside table of providers, given as a reply with the
/// provider's mark, gets a reason; a code that only the provider has gets one by
/// its rules.
#[test]
fn providers_rows_are_explained() {
    let Some(folder) = outside_data::find(".") else { return };
    let marks = [
        ("Gmail/Workspace", "gsmtp"),
        ("Google (Sisimai)", "gsmtp"),
        ("Microsoft 365 / Exchange", "x.mail.protection.outlook.com"),
        ("Mimecast", "x.mimecast.com"),
        ("Tencent", "mx.qq.com"),
        ("Yahoo", "mta.yahoodns.net"),
        ("Apple", "mx.mail.icloud.com"),
        ("Cox", "cxr.mx.a.cloudfilter.cox.net"),
        ("GoDaddy", "smtp.secureserver.net"),
        ("Orange/FrancePTT", "smtp-in.orange.fr"),
    ];
    let mut by_provider: BTreeMap<&str, (usize, usize, usize)> = BTreeMap::new();
    for row in rows(folder.join("provider_codes.csv")) {
        let (name, mark) = marks.iter().find(|(name, _)| *name == row["provider"]).expect("a known provider");
        let words = row["text_pattern_or_first_sentence"].trim_matches([',', ' ', '"']);
        // Some rows of the table are names of fields or bare codes.
        if ["diagnosticcode", "replycode", "deliverystatus", "undefined"].contains(&words) || words.len() < 8 {
            continue;
        }
        let status = row["enhanced_or_range"].split('-').next().unwrap_or_default();
        let basic = match (row["basic"].as_str(), status.chars().next()) {
            ("", Some('4')) => "451",
            ("", _) => "550",
            (given, _) => given,
        };
        let explained = explain(&format!("host {mark}[192.0.2.1] said: {basic} {status} {words} {mark}")).1.remove(0);
        let counts = by_provider.entry(name).or_default();
        counts.0 += 1;
        counts.1 += usize::from(explained.reason.id != Reason::Unexplained);
        counts.2 += usize::from(explained.provider.is_some());
        if explained.reason.id == Reason::Unexplained {
            println!("unexplained: {basic} {status} {words}");
        }
    }
    let (mut all, mut known) = (0, 0);
    for (name, (rows, explained, overlaid)) in &by_provider {
        println!("{name:26} {rows:4} rows  {explained:4} explained  {overlaid:4} by the provider's own rule");
        (all, known) = (all + rows, known + explained);
    }
    assert!(known * 100 >= all * 95, "{known} of {all}");
}

/// A file of rules, its name beside it.
fn own(text: &str) -> Vec<RuleFile> {
    vec![RuleFile { name: "own.toml".into(), text: text.into() }]
}

#[test]
fn the_documented_rules_are_taken_and_win() {
    let page = include_str!("../../../docs/reference/rules.md");
    let example = page.split("```toml\n").nth(2).unwrap().split("```").next().unwrap();
    let knowledge = Knowledge::with_own(&own(example)).unwrap();
    let first = |text: &str| knowledge.explain_all(text).1.remove(0);
    for (text, reason) in [
        ("550 5.1.1 User unknown: archive is asleep", Reason::ServerFull),
        ("451 4.3.0 The archive is in maintenance", Reason::ServerFull),
        ("host mx.partner.example[192.0.2.1] said: 550 5.7.912 user unknown", Reason::LoginRequired),
        ("host mx.other.example[192.0.2.1] said: 550 5.7.912 user unknown", Reason::MailboxUnknown),
        ("450 4.7.1 We have not met, please wait", Reason::Greylisted),
        ("550 5.1.1 User unknown", Reason::MailboxUnknown),
    ] {
        assert_eq!(first(text).reason.id, reason, "{text}");
    }
    let archive = first("451 4.3.0 The archive is in maintenance");
    assert_eq!(archive.remedy, "Wait for the nightly run; after that ask the archive team.");
    assert_eq!(archive.provider.unwrap().rule.source.as_deref(), Some("wiki page on the archive"));
    let listed = first("554 5.7.1 Client host blocked using bl.partner.example");
    assert_eq!(listed.blocklist.unwrap().name, "the partners' list");
    assert!(std::ptr::eq(knowledge, Knowledge::with_own(&own(example)).unwrap()));
}

#[test]
fn faulty_rules_are_refused_with_file_and_line() {
    for (text, line, says) in [
        ("[[rule]]\nreason = \"spf\"\nmeaning = \"a\"\nsays = [\"A b\"]\n", 4, "as one word"),
        ("[[rule]]\nreason = \"nope\"\nmeaning = \"a\"\n", 2, "unknown variant `nope`"),
        ("[[rule]]\nreason = \"spf\"\nmeaning = \"bare\"\n", 3, "neither codes nor replies nor words"),
        ("[[rule]]\nreason = \"spf\"\nmeaning = \"a\"\nreplies = [45]\n", 4, "no reply code"),
        ("[[rule]]\nreason = \"spf\"\nmeaning = \"a\"\ncodes = [\"5.7\"]\n", 4, "not a status code"),
        ("\n[[rule]]\nfoo = 1\n", 3, "unknown field `foo`"),
        ("[[reason]]\n", 1, "unknown field `reason`"),
        ("[[rule]\n", 1, ""),
    ] {
        let error = Knowledge::with_own(&own(text)).unwrap_err();
        assert_eq!((error.file.as_str(), error.line), ("own.toml", line), "{error}");
        assert!(error.problem.contains(says), "{error}");
    }
}
