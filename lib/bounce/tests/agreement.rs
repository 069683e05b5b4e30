//! How far our reading of real bounces agrees with Sisimai's, over the outside
//! data; prints the table, and every miss.
//!
//! `BOUNCE_LIST=FILE`, a path a line, looks at those messages alone: rules are
//! made while looking at one half and measured on the other. `SHOW=1` prints
//! what was read of the misses.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;

use bounce::{Hardness, Kind, Recipient, decode};
use smtp_reasons::{Knowledge, Reason};

type Row = BTreeMap<String, String>;

/// Sisimai's word for a reason of ours.
fn sisimai(reason: Reason) -> &'static str {
    Knowledge::builtin().reason(reason).sisimai.as_deref().unwrap_or("none")
}

/// Where Sisimai's own versions differ (`agree`), either counts.
fn others(row: &Row) -> &'static [&'static str] {
    if !row["agree"].contains("differ") {
        return &[];
    }
    match row["reason"].as_str() {
        "filtered" | "onhold" => &["userunknown"],
        "suspend" | "mailboxfull" => &["userunknown", "filtered"],
        "expired" => &["networkerror"],
        "systemerror" => &["expired"],
        _ => &[],
    }
}

/// Codes that Sisimai makes up for its own reasons (X.0.9NN) stand in no message.
fn made_up(status: &str) -> bool {
    status.get(1..4) == Some(".0.") && status.len() == 7
}

#[derive(Default)]
struct Tally {
    right: [usize; 5],
    all: [usize; 5],
}

impl Tally {
    fn count(&mut self, what: usize, right: bool) {
        self.right[what] += usize::from(right);
        self.all[what] += 1;
    }

    fn percent(&self, what: usize) -> f64 {
        if self.all[what] == 0 { 100.0 } else { 100.0 * self.right[what] as f64 / self.all[what] as f64 }
    }
}

const WHAT: [&str; 5] = ["recipient", "reason", "status", "code", "hard/soft"];
const FLOORS: [f64; 5] = [98.0, 97.0, 97.0, 97.0, 97.0];

fn family(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('-').map_or(name, |(family, _)| family).to_owned()
}

fn compare(row: &Row, ours: &Recipient, tally: &mut Tally, faults: &mut Vec<String>) {
    let word = sisimai(ours.reason);
    let expected = row["reason"].as_str();
    let reason = word == expected
        || (expected == "undefined" && ours.reason == Reason::Unexplained)
        || others(row).contains(&word);
    tally.count(1, reason);
    let mut fault = |right: bool, what: &str, ours: String, theirs: &str| {
        if !right {
            faults.push(format!("{what}: {ours}, expected {theirs}"));
        }
    };
    fault(reason, "reason", word.to_owned(), expected);
    let status = ours.status.map(|status| status.to_string()).unwrap_or_default();
    if !made_up(&row["status"]) {
        tally.count(2, status == row["status"]);
        fault(status == row["status"], "status", status, &row["status"]);
    }
    let code = ours.code.map(|code| code.to_string()).unwrap_or_default();
    tally.count(3, code == row["replycode"]);
    fault(code == row["replycode"], "code", code, &row["replycode"]);
    let hard = (ours.hardness == Hardness::Hard) == (row["hardbounce"] == "1");
    let hard = hard || (!others(row).is_empty() && reason);
    tally.count(4, hard);
    fault(hard, "hard", format!("{:?}", ours.hardness), &row["hardbounce"]);
}

#[test]
fn real_bounces_are_read_as_sisimai_reads_them() {
    let Some(folder) = outside_data::find("bounces") else { return };
    let only = std::env::var_os("BOUNCE_LIST").map(|file| std::fs::read_to_string(file).unwrap());
    let mut rows: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for row in csv::Reader::from_path(folder.join("expected.csv")).unwrap().deserialize::<Row>().map(Result::unwrap) {
        rows.entry(row["path"].clone()).or_default().push(row);
    }
    let (mut total, mut families) = (Tally::default(), BTreeMap::<String, Tally>::new());
    let (mut messages, mut records, mut extra) = (0, 0, 0);
    for (path, mut rows) in
        rows.into_iter().filter(|(path, _)| only.as_deref().is_none_or(|only| only.lines().any(|line| line == path)))
    {
        messages += 1;
        let reports = decode(&std::fs::read(folder.join(&path)).unwrap());
        let mut faults = Vec::new();
        if reports.iter().all(|report| report.kind == Kind::Other) {
            faults.push("taken for no report at all".to_owned());
        }
        let mut tally = Tally::default();
        // Sisimai makes an address up where it finds none; ours may be found.
        let made_up = rows.first().is_some_and(|row| row["recipient"].ends_with("@libsisimai.org.invalid"));
        if let (true, [one]) = (made_up, reports.iter().flat_map(|r| &r.recipients).collect::<Vec<_>>().as_slice()) {
            rows[0].insert("recipient".to_owned(), one.address.clone());
        }
        for ours in reports.iter().flat_map(|report| &report.recipients) {
            match rows.iter().position(|row| row["recipient"].eq_ignore_ascii_case(&ours.address)) {
                Some(at) => {
                    records += 1;
                    tally.count(0, true);
                    compare(&rows.remove(at), ours, &mut tally, &mut faults);
                }
                None => {
                    extra += 1;
                    faults.push(format!("not expected: {}", ours.address));
                }
            }
        }
        for row in rows {
            records += 1;
            // An address that Sisimai makes up where the message names none.
            let none = row["recipient"].ends_with("@libsisimai.org.invalid") && reports[0].recipients.is_empty();
            tally.count(0, none);
            if !none {
                for what in 1..5 {
                    tally.count(what, false);
                }
                faults.push(format!("not found: {}", row["recipient"]));
            }
        }
        let own = families.entry(family(&path)).or_default();
        for what in 0..5 {
            for sum in [&mut *own, &mut total] {
                sum.right[what] += tally.right[what];
                sum.all[what] += tally.all[what];
            }
        }
        if !faults.is_empty() {
            println!("{path}\n    {}", faults.join("\n    "));
            if std::env::var_os("SHOW").is_some() {
                for ours in reports.iter().flat_map(|report| &report.recipients) {
                    println!("    {:?} {:?} {:?}", ours.diagnostic, ours.stage, ours.remote);
                }
            }
        }
    }
    println!("\n{:24} {}", "family", WHAT.join("  "));
    for (name, tally) in families.iter().map(|(name, tally)| (name.as_str(), tally)).chain([("all", &total)]) {
        let cells: Vec<String> = (0..5).map(|what| format!("{}/{}", tally.right[what], tally.all[what])).collect();
        println!("{name:24} {}", cells.join("  "));
    }
    println!("\n{messages} messages, {records} records, {extra} recipients too many");
    for what in 0..5 {
        println!("{:10} {:6.2} %  (floor {} %)", WHAT[what], total.percent(what), FLOORS[what]);
    }
    for what in 0..5 {
        assert!(total.percent(what) >= FLOORS[what], "{}: {:.2} %", WHAT[what], total.percent(what));
    }
    assert_eq!(extra, 0, "recipients that did not fail");
}
