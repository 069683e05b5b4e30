//! A report for people: worst first, each finding with what was seen, who must
//! act and what to change. Readable at 80 columns and without colour.

use std::{collections::BTreeMap, path::PathBuf};

use anstyle::{AnsiColor, Style};
use engine_core::{
    guide::{Answer, Guided},
    report::{Report, Reported, ReportedUnknown, Violation},
    shell_word,
};
use engine_plugin_api::{Outcome, Record, Remedy, Severity, Subject};

use super::{bullet, escape, labelled, margins, matrix, quote, wrapped};

/// How many quotations stand with one finding; the report's evidence has them all.
const MOST_QUOTES: usize = 4;

/// How many faults of one check are printed.
const MOST_VIOLATIONS: usize = 5;

/// The whole report. `verbose` adds what passed and every observation;
/// `plugins` are those that the run used without their having been added.
pub fn report(report: &Report, verbose: bool, plugins: &[PathBuf]) -> String {
    let mut out = head(report);
    let (shown, quiet): (Vec<_>, Vec<_>) =
        report.findings.iter().partition(|finding| finding.severity > Severity::Info);
    for finding in shown {
        out.push('\n');
        out.push_str(&self::finding(finding, plugins));
    }
    out.push_str(&unknowns(&report.could_not_tell));
    let matrix = matrix::lines(&report.policy_matrix);
    if !matrix.is_empty() {
        out.push_str(&format!("\n{}\n{matrix}", heading("POLICY MATRIX")));
    }
    if let Some(guided) = &report.guide {
        out.push_str(&guide(guided));
    }
    out.push_str(&facts(&quiet, verbose, plugins));
    out.push_str(&checks(report, verbose));
    if verbose {
        out.push_str(&observations(report));
    }
    out
}

/// The questions of a guided profile, answered, and where they lead.
fn guide(guided: &Guided) -> String {
    let mut out = format!("\n{}\n", heading("QUESTIONS"));
    for question in &guided.questions {
        let word = match question.answer {
            Answer::Yes => "yes",
            Answer::No => "NO",
            Answer::Unknown => "?",
            Answer::NotAsked => "-",
        };
        let because = match (&question.why, question.findings.as_slice()) {
            (Some(why), _) => format!(" ({why})"),
            (None, []) => String::new(),
            (None, findings) => format!(" ({})", findings.join(", ")),
        };
        let first = format!("  {word:<4} ");
        let asked = escape::lines(&format!("{}{because}", question.ask));
        out.push_str(&textwrap::fill(&asked, margins(&first, "       ")));
        out.push('\n');
    }
    out.push_str(&labelled("Likely", guided.likeliest.as_deref().unwrap_or("nothing found here explains it")));
    out.push_str(&labelled("Next", &guided.next));
    out
}

/// The findings and unknowns alone, as `engine explain` prints them.
pub fn findings(report: &Report) -> String {
    let findings: Vec<String> = report.findings.iter().map(|finding| self::finding(finding, &[])).collect();
    format!("{}{}", findings.join("\n"), unknowns(&report.could_not_tell))
}

/// One line for each of several reports.
pub fn summary(reports: &[Report]) -> String {
    let width = reports.iter().map(|report| report.target.shown.chars().count()).max().unwrap_or(0);
    let mut out = format!("{}\n", heading("SUMMARY"));
    for report in reports {
        let shown = escape::line(&report.target.shown);
        out.push_str(&entry(&shown, width, &report.verdict.summary));
    }
    out
}

fn head(report: &Report) -> String {
    let bold = Style::new().bold();
    let mut out = format!("{bold}{}{bold:#}\n", escape::line(&report.target.shown));
    out.push_str(&wrapped(&report.verdict.summary, 2));
    out.push('\n');
    if let Some(root) = &report.verdict.root_cause {
        let words = format!("Look first at: {} ({}, {})", root.title, root.code, root.subject.name());
        out.push_str(&wrapped(&words, 2));
        out.push('\n');
    }
    if let Some(message) = &report.message {
        out.push_str(&wrapped(&format!("Message {}, {} bytes.", message.name, message.size), 2));
        out.push('\n');
    }
    let vantage = &report.vantage;
    let network = match &vantage.instead_of_network {
        Some(instead) => format!("{instead} instead of the network"),
        None => format!("resolver {}", vantage.resolvers.join(", ")),
    };
    let trust = match vantage.own_roots.as_slice() {
        [] => String::new(),
        files => format!(", trusting the certificate authorities of {} too", files.join(", ")),
    };
    let line = format!("Profile {}, {}, {} ms, {network}{trust}.", report.profile, report.started, report.took_ms);
    out.push_str(&wrapped(&line, 2));
    out.push('\n');
    out
}

fn finding(finding: &Reported, plugins: &[PathBuf]) -> String {
    let style = style(finding.severity);
    let label = finding.severity.word().to_uppercase();
    let mut out = format!("{style}{label}{style:#}  {}\n", escape::line(&finding.title));
    let about = match &finding.subject {
        Subject::Reply(_) => String::new(),
        subject => format!("{}  ", escape::line(subject.name())),
    };
    let unsure = match finding.confidence {
        engine_plugin_api::Confidence::High => String::new(),
        other => format!(", {} confidence", other.word()),
    };
    out.push_str(&wrapped(&format!("{about}[{}{unsure}]", finding.code), 2));
    out.push('\n');
    if let Some(cause) = &finding.caused_by {
        out.push_str(&wrapped(&format!("A consequence of {cause}."), 2));
        out.push('\n');
    }
    out.push_str(&wrapped(&finding.seen, 2));
    out.push('\n');
    let mut quotes: Vec<&engine_plugin_api::Quote> = Vec::new();
    for quoted in finding.evidence.iter().filter_map(|evidence| evidence.quote.as_ref()) {
        if !quotes.contains(&quoted) {
            quotes.push(quoted);
        }
    }
    for quoted in quotes.into_iter().take(MOST_QUOTES) {
        out.push('\n');
        for line in quote::lines(quoted) {
            out.push_str(&line);
            out.push('\n');
        }
    }
    if let Some(remedy) = &finding.remedy {
        out.push_str(&self::remedy(remedy));
    }
    if finding.severity > Severity::Info {
        out.push_str(&labelled("Who", finding.actor.phrase()));
    }
    let more = explanation(&finding.code, plugins);
    out.push_str(&labelled("Source", &format!("{} (more: {more})", finding.source)));
    if let Some(recheck) = &finding.recheck {
        out.push_str(&format!("  Recheck: {}\n", escape::line(recheck)));
    }
    out
}

/// The command that explains a code: one of a plugin that was not added needs its file.
fn explanation(code: &str, plugins: &[PathBuf]) -> String {
    let mut command = "engine explain ".to_owned();
    for file in plugins.iter().filter(|_| code.contains('/')) {
        command.push_str(&format!("--plugin {} ", shell_word(&file.display().to_string())));
    }
    command + code
}

/// What to do: the step, and what is to be pasted.
pub fn remedy(remedy: &Remedy) -> String {
    let mut out = String::new();
    out.push('\n');
    out.push_str(&labelled("Do", &remedy.step));
    out.push_str(&records("Publish", &remedy.publish));
    out.push_str(&records("Remove", &remedy.withdraw));
    if let Some(setting) = &remedy.setting {
        // What is there to be typed is no setting of a server.
        out.push_str(if setting.starts_with("engine ") { "  Run:\n" } else { "  Set:\n" });
        for line in setting.lines() {
            out.push_str(&format!("    {}\n", escape::line(line)));
        }
    }
    if let Some(url) = &remedy.url {
        out.push_str(&format!("  Go to:   {}\n", escape::line(url)));
    }
    if let Some(effect) = &remedy.effect {
        out.push_str(&labelled("Effect", effect));
    }
    out
}

/// Records are printed whole, however long: they are there to be copied.
fn records(label: &str, records: &[Record]) -> String {
    let mut out = String::new();
    for record in records {
        let value = if record.rtype == "TXT" { txt(&record.value) } else { record.value.clone() };
        let line = format!("{}. {} {value}", record.name.trim_end_matches('.'), record.rtype);
        out.push_str(&format!("  {:<8} {}\n", format!("{label}:"), escape::line(&line)));
    }
    out
}

/// A TXT's text as zone-file strings of at most 255 octets.
fn txt(value: &str) -> String {
    if value.starts_with('"') {
        return value.to_owned();
    }
    let mut strings = vec![String::new()];
    for character in value.chars() {
        let last = strings.len() - 1;
        if strings[last].len() + character.len_utf8() > 255 {
            strings.push(String::new());
        }
        let last = strings.len() - 1;
        strings[last].push(character);
    }
    strings
        .iter()
        .map(|string| format!("\"{}\"", string.replace('\\', "\\\\").replace('"', "\\\"")))
        .collect::<Vec<_>>()
        .join(" ")
}

fn unknowns(unknowns: &[ReportedUnknown]) -> String {
    if unknowns.is_empty() {
        return String::new();
    }
    let mut out = format!("\n{}\n", heading("COULD NOT TELL"));
    // What has one cause is said once.
    let mut causes: Vec<(&str, Vec<&ReportedUnknown>)> = Vec::new();
    for unknown in unknowns {
        let detail = unknown.cause.detail.as_str();
        match causes.iter_mut().find(|(known, _)| *known == detail) {
            Some((_, group)) => group.push(unknown),
            None => causes.push((detail, vec![unknown])),
        }
    }
    for (detail, group) in causes {
        for unknown in &group {
            out.push_str(&bullet(&format!("{} [{}]", unknown.what, unknown.check)));
        }
        out.push_str(&labelled("Because", detail));
        let advices: std::collections::BTreeSet<&str> =
            group.iter().filter_map(|unknown| unknown.advice.as_deref()).collect();
        for advice in advices {
            out.push_str(&labelled("Do", advice));
        }
    }
    out
}

fn facts(findings: &[&Reported], verbose: bool, plugins: &[PathBuf]) -> String {
    let mut out = String::new();
    if findings.is_empty() {
        return out;
    }
    out.push_str(&format!("\n{}\n", heading("SEEN")));
    for finding in findings {
        if verbose {
            out.push_str(&self::finding(finding, plugins));
        } else {
            let mark = if finding.severity == Severity::Pass { "ok" } else { "" };
            let text = format!("{} [{}]", finding.seen, finding.code);
            let first = format!("  {mark:<2} ");
            let options = margins(&first, "     ");
            out.push_str(&format!("{}\n", textwrap::fill(&escape::lines(&text), options)));
        }
    }
    out
}

fn checks(report: &Report, verbose: bool) -> String {
    let mut out = format!("\n{}\n", heading("CHECKS"));
    let ids = report.checks.iter().map(|check| &check.id).chain(report.skipped.iter().map(|skipped| &skipped.id));
    let width = ids.map(String::len).max().unwrap_or(0);
    for check in &report.checks {
        let ended = match &check.outcome {
            Outcome::Findings => {
                let worst = report
                    .findings
                    .iter()
                    .filter(|finding| finding.check == check.id)
                    .map(|finding| finding.severity)
                    .max();
                match worst {
                    None => "muted".to_owned(),
                    Some(Severity::Pass | Severity::Info) => "no fault".to_owned(),
                    Some(worst) => format!("worst: {}", worst.word()),
                }
            }
            Outcome::Clean => "clean".to_owned(),
            Outcome::NotApplicable { why } => format!("not applicable: {why}"),
            Outcome::CouldNotTell { cause } => format!("could not tell: {}", cause.detail),
        };
        let partly = !matches!(check.outcome, Outcome::CouldNotTell { .. })
            && report.could_not_tell.iter().any(|unknown| unknown.check == check.id);
        out.push_str(&entry(
            &check.id,
            width,
            &format!("{ended}{}", if partly { "; in part could not tell" } else { "" }),
        ));
    }
    for skipped in &report.skipped {
        out.push_str(&entry(&skipped.id, width, &format!("not run: {}", skipped.why)));
    }
    for muted in &report.muted {
        let reason = muted.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        out.push_str(&bullet(&format!("muted {} for {}{reason}", muted.code, muted.subject.name())));
    }
    for mute in &report.unused_mutes {
        out.push_str(&bullet(&format!("the mute of {mute} matched nothing; take it out of the profile")));
    }
    out.push_str(&violations(&report.violations, verbose));
    out
}

/// What was held against checks; without `verbose` no more of one than can be read.
fn violations(violations: &[Violation], verbose: bool) -> String {
    let mut out = String::new();
    let mut number: BTreeMap<&str, usize> = BTreeMap::new();
    for violation in violations {
        let number = number.entry(&violation.check).or_default();
        *number += 1;
        if verbose || *number <= MOST_VIOLATIONS {
            out.push_str(&bullet(&format!("fault of the check {}: {}", violation.check, violation.what)));
        }
    }
    for (check, number) in number {
        if !verbose && number > MOST_VIOLATIONS {
            let more = number - MOST_VIOLATIONS;
            out.push_str(&bullet(&format!("fault of the check {check}: {more} more, which --verbose prints")));
        }
    }
    out
}

fn observations(report: &Report) -> String {
    let mut out = format!("\n{}\n", heading("OBSERVED"));
    for entry in &report.evidence {
        let took = if entry.took_us < 1_000 {
            format!("{} µs", entry.took_us)
        } else {
            format!("{} ms", entry.took_us / 1_000)
        };
        out.push_str(&wrapped(&format!("{}: {} ({took}, {})", entry.asked, entry.result, entry.at), 2));
        out.push('\n');
        for line in &entry.lines {
            out.push_str(&format!("    {}\n", escape::line(line)));
        }
    }
    out
}

fn entry(id: &str, width: usize, text: &str) -> String {
    let first = format!("  {id:width$}  ");
    let rest = " ".repeat(width + 4);
    let options = margins(&first, &rest);
    format!("{}\n", textwrap::fill(&escape::lines(text), options))
}

fn heading(words: &str) -> String {
    let bold = Style::new().bold();
    format!("{bold}{words}{bold:#}")
}

fn style(severity: Severity) -> Style {
    let color = match severity {
        Severity::Critical | Severity::Error => AnsiColor::Red,
        Severity::Warning => AnsiColor::Yellow,
        Severity::Notice => AnsiColor::Cyan,
        Severity::Info => AnsiColor::Blue,
        Severity::Pass => AnsiColor::Green,
    };
    Style::new().bold().fg_color(Some(color.into()))
}
