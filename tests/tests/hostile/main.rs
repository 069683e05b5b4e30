//! Hostile servers: each behaviour ends as `docs/hostile.md` says, in bounded
//! memory, by the engine's own deadline, never by a panic, and replays alike.
//!
//! Each behaviour is played in a process of its own, so that its peak memory
//! is its own. `HOSTILE_BLESS=1` writes the outcomes into the page, for a human
//! to read.

mod cases;

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Read,
    path::PathBuf,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use builtin_checks::registry;
use cases::{Case, DOMAIN};
use engine_core::{net::NetOptions, report::Report, session};
use engine_lab::{Lab, World};
use engine_plugin_api::{CauseKind, Outcome, Severity, Target, serde_json};
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::{Value, json};

/// What one hostile domain may cost: kibibytes of peak memory that a run adds.
const MEMORY_KIB: u64 = 64 * 1024;
/// Bytes of a report as JSON; a hostile server must not fill the disk either.
const REPORT_BYTES: usize = 8 * 1024 * 1024;
/// When the test itself gives up on a run: long after the engine's deadlines.
const TEST_PATIENCE: Duration = Duration::from_secs(300);
/// Runs at a time; they wait more than they work.
const AT_A_TIME: usize = 6;
/// Checks that say nothing of the target's servers.
const LEFT_OUT: [&str; 2] = ["smtp-codes", "vantage"];

fn main() -> std::process::ExitCode {
    let words: Vec<String> = std::env::args().collect();
    if let [_, play, name] = words.as_slice()
        && play == "--play"
    {
        return match played(name) {
            Ok(result) => {
                println!("{result}");
                std::process::ExitCode::SUCCESS
            }
            Err(error) => {
                eprintln!("{error:?}");
                std::process::ExitCode::FAILURE
            }
        };
    }
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_A_TIME);
    let blessed: Option<Blessed> = std::env::var_os("HOSTILE_BLESS").map(|_| Blessed::default());
    let rows = rows();
    let mut trials = vec![Trial::test("the page lists every behaviour and no other", || same_list(&rows_or_fail()?))];
    for case in std::iter::once(cases::healthy()).chain(cases::all()) {
        let (blessed, row) = (blessed.clone(), rows.as_ref().ok().and_then(|rows| rows.get(&case.name).cloned()));
        trials.push(Trial::test(case.name.clone(), move || examine(&case, row, blessed)));
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    if let Some(blessed) = blessed
        && let Err(error) = write_page(&blessed)
    {
        eprintln!("{error:?}");
        return std::process::ExitCode::FAILURE;
    }
    conclusion.exit_code()
}

/// How a behaviour ends, as the page has it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    words: String,
    found: String,
    unknown: String,
}

type Blessed = Arc<Mutex<BTreeMap<String, Row>>>;

/// Plays a case in a process of its own and judges what came of it.
fn examine(case: &Case, expected: Option<Row>, blessed: Option<Blessed>) -> Result<(), Failed> {
    let result = in_own_process(&case.name)?;
    let report: Report = serde_json::from_value(result["report"].clone())?;
    let mut faults = Vec::new();
    let growth = result["growth_kib"].as_u64();
    if let (Some(kib), true) = (growth, blessed.is_some()) {
        println!("{}: {kib} KiB, report of {} bytes", case.name, result["report_bytes"]);
    }
    if growth.is_some_and(|kib| kib > MEMORY_KIB) {
        faults.push(format!("the run took {growth:?} KiB, and may take {MEMORY_KIB}"));
    }
    if result["report_bytes"].as_u64().is_none_or(|bytes| bytes > REPORT_BYTES as u64) {
        faults.push(format!("the report has {} bytes", result["report_bytes"]));
    }
    if result["same"] != true {
        faults.push("the replay differs from the run".to_owned());
    }
    faults.extend(report.violations.iter().map(|violation| format!("violation: {}", violation.what)));
    let row = Row { words: case.words.clone(), found: found(&report), unknown: unknown(&report) };
    faults.extend(too_many(&report));
    if case.name == cases::healthy().name {
        if (row.found.as_str(), row.unknown.as_str()) != ("–", "–") {
            faults.push(format!("the world of the cases is not healthy: {row:?}"));
        }
    } else if let Some(blessed) = blessed {
        blessed.lock().map_err(|_| "a trial panicked")?.insert(case.name.clone(), row);
    } else {
        match expected {
            None => faults.push("docs/hostile.md has no such row".to_owned()),
            Some(expected) if expected != row => faults.push(format!("expected {expected:?}\n     got {row:?}")),
            Some(_) => {}
        }
    }
    if faults.is_empty() {
        return Ok(());
    }
    for finding in report.findings.iter().filter(|finding| finding.severity >= Severity::Notice) {
        faults.push(format!("{:?} {} ({}): {}", finding.severity, finding.code, finding.check, finding.seen));
    }
    for unknown in &report.could_not_tell {
        faults.push(format!("{}: {}: {:?}", unknown.check, unknown.what, unknown.cause));
    }
    Err(faults.join("\n").into())
}

/// The codes at warning or above that no other finding explains.
fn found(report: &Report) -> String {
    let roots =
        report.findings.iter().filter(|finding| finding.severity >= Severity::Warning && finding.caused_by.is_none());
    let codes: BTreeSet<String> = roots.map(|finding| format!("`{}`", finding.code)).collect();
    in_a_cell(codes)
}

/// The kinds of causes for which something could not be told, and who could not.
fn unknown(report: &Report) -> String {
    let mut by_kind: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for unknown in &report.could_not_tell {
        let kind = serde_json::to_value(unknown.cause.kind).ok().and_then(|kind| kind.as_str().map(str::to_owned));
        by_kind.entry(kind.unwrap_or_default()).or_default().insert(&unknown.check);
    }
    let told = |(kind, checks): (String, BTreeSet<&str>)| {
        format!("{kind} ({})", checks.into_iter().collect::<Vec<_>>().join(", "))
    };
    in_a_cell(by_kind.into_iter().map(told).collect())
}

fn in_a_cell(entries: BTreeSet<String>) -> String {
    if entries.is_empty() { "–".to_owned() } else { entries.into_iter().collect::<Vec<_>>().join("; ") }
}

/// A hostile behaviour is one cause: each check says it at most once, as a
/// finding or as something that it could not tell.
fn too_many(report: &Report) -> Vec<String> {
    let mut faults = Vec::new();
    for check in &report.checks {
        let id = &check.id;
        let roots = report
            .findings
            .iter()
            .filter(|f| f.check == *id && f.severity >= Severity::Warning && f.caused_by.is_none());
        let mut said: BTreeSet<String> =
            roots.map(|finding| format!("{} of {}", finding.code, finding.subject.name())).collect();
        let unknowns: Vec<_> = report.could_not_tell.iter().filter(|unknown| unknown.check == *id).collect();
        said.extend(unknowns.iter().map(|unknown| format!("{:?}", unknown.cause.kind)));
        if said.len() > 1 {
            faults.push(format!("{id} says it more than once: {said:?}"));
        }
        let mut observed = BTreeSet::new();
        for evidence in unknowns.iter().filter_map(|unknown| unknown.cause.evidence.as_ref()) {
            if !observed.insert(evidence) {
                faults.push(format!("{id} could not tell two things, both for {evidence}"));
            }
        }
        if matches!(&check.outcome, Outcome::CouldNotTell { cause } if cause.kind == CauseKind::CheckFailed) {
            faults.push(format!("{id} failed: {:?}", check.outcome));
        }
    }
    faults
}

fn in_own_process(name: &str) -> Result<Value, Failed> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(["--play", name])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let pipes = (child.stdout.take(), child.stderr.take());
    let reader = std::thread::spawn(move || {
        let (mut out, mut err) = (String::new(), String::new());
        let _ = pipes.0.map(|mut pipe| pipe.read_to_string(&mut out));
        let _ = pipes.1.map(|mut pipe| pipe.read_to_string(&mut err));
        (out, err)
    });
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if begun.elapsed() > TEST_PATIENCE {
            child.kill()?;
            child.wait()?;
            return Err("the run did not end by its own deadline".into());
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let (out, err) = reader.join().map_err(|_| "the output could not be read")?;
    if !status.success() || err.contains("panicked") {
        return Err(format!("the run ended with {status}: {err}").into());
    }
    Ok(serde_json::from_str(&out)?)
}

/// Plays the case of this name here; what it came to.
fn played(name: &str) -> Result<Value, Failed> {
    let case = std::iter::once(cases::healthy()).chain(cases::all()).find(|case| case.name == name);
    let case = case.ok_or("there is no such case")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let result = runtime.block_on(async {
        let registry = registry()?;
        let lab = Lab::start(&World::parse(&case.world)?).await?;
        let checks: Vec<&str> = registry.ids().filter(|id| !LEFT_OUT.contains(id)).collect();
        let lists = json!({ "lists": ["zen.spamhaus.org", "bl.spamcop.net", "dbl.spamhaus.org"] });
        let target = Target {
            shown: DOMAIN.to_owned(),
            domain: Some(DOMAIN.to_owned()),
            recipient: Some(format!("user@{DOMAIN}")),
            ..Target::default()
        };
        let mut order = engine_tests::order(target, &checks, [("dnsbl".to_owned(), lists)].into());
        order.deadline = case.patience.deadline();
        let [dns_timeout, reply] = case.patience.limits();
        let options = NetOptions {
            dns_timeout,
            connect_timeout: reply,
            greeting_timeout: reply,
            reply_timeout: reply,
            ..engine_tests::net_options(&lab)
        };
        let before = peak_kib();
        let finished = engine_tests::run_over(&registry, &options, order).await?;
        let live = serde_json::to_string(&finished.report)?;
        let growth = peak_kib().zip(before).map(|(after, before)| after - before);
        let again = session::replay(&registry, finished.recording.clone(), Arc::new(|_| ())).await?;
        let same = serde_json::to_string(&again.report)? == live;
        Ok::<_, Failed>(json!({
            "growth_kib": growth,
            "report_bytes": live.len(),
            "same": same,
            "report": finished.report,
        }))
    });
    runtime.shutdown_timeout(Duration::from_millis(100));
    result
}

/// The most memory that this process has held, in KiB; `None` where the system does not say.
fn peak_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().strip_suffix(" kB")?.parse().ok()
}

fn page() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/hostile.md")
}

/// The rows of the page's table, by name.
fn rows() -> std::io::Result<BTreeMap<String, Row>> {
    let text = std::fs::read_to_string(page())?;
    let row = |line: &str| {
        let cells: Vec<&str> =
            line.strip_prefix("| `")?.trim_end().strip_suffix('|')?.split('|').map(str::trim).collect();
        let [name, words, found, unknown] = cells.as_slice() else { return None };
        let row = Row { words: (*words).to_owned(), found: (*found).to_owned(), unknown: (*unknown).to_owned() };
        Some((name.trim_end_matches('`').to_owned(), row))
    };
    Ok(text.lines().filter_map(row).collect())
}

fn rows_or_fail() -> Result<BTreeMap<String, Row>, Failed> {
    rows().map_err(|error| format!("docs/hostile.md: {error}").into())
}

fn same_list(rows: &BTreeMap<String, Row>) -> Result<(), Failed> {
    let cases = cases::all();
    let names: BTreeSet<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    let listed: BTreeSet<&str> = rows.keys().map(String::as_str).collect();
    if names.len() != cases.len() {
        return Err("two cases have one name".into());
    }
    if names != listed {
        let (missing, gone) = (names.difference(&listed), listed.difference(&names));
        let (missing, gone): (Vec<_>, Vec<_>) = (missing.collect(), gone.collect());
        return Err(format!("not on the page: {missing:?}; only on the page: {gone:?}").into());
    }
    Ok(())
}

fn write_page(blessed: &Blessed) -> Result<(), Failed> {
    let text = std::fs::read_to_string(page())?;
    let blessed = blessed.lock().map_err(|_| "a trial panicked")?;
    let mut known = rows_or_fail()?;
    known.extend(blessed.iter().map(|(name, row)| (name.clone(), row.clone())));
    let head = text.lines().take_while(|line| !line.starts_with("| `"));
    let mut page_text: Vec<String> = head.map(str::to_owned).collect();
    for case in cases::all() {
        if let Some(Row { words, found, unknown }) = known.get(&case.name) {
            page_text.push(format!("| `{}` | {words} | {found} | {unknown} |", case.name));
        }
    }
    std::fs::write(page(), page_text.join("\n") + "\n")?;
    Ok(())
}
