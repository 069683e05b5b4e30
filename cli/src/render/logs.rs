//! What was found in logs, on a terminal.

use mail_logs::{CauseReport, Count, Direction, Report};

use super::{escape, labelled, margins, wrapped};

/// The report, wrapped.
pub fn text(report: &Report) -> String {
    let mut out = String::new();
    let sum = |direction, of: fn(&CauseReport) -> u64| -> u64 {
        report.causes.iter().filter(|cause| cause.direction == direction).map(of).sum()
    };
    let files = match report.files.as_slice() {
        [file] => escape::line(&file.name),
        files => format!("{} files", files.len()),
    };
    let lines: u64 = report.files.iter().map(|file| file.lines).sum();
    let software: Vec<_> = report.software.iter().map(|s| format!("{} {:?}", number(s.lines), s.software)).collect();
    out += &format!("{files}: {} lines", number(lines));
    if !software.is_empty() {
        out += &format!(" ({})", software.join(", "));
    }
    out.push('\n');
    if let (Some(first), Some(last)) = (&report.first, &report.last) {
        out += &format!("  {first} to {last}, as the log has the time\n");
    }
    let summary = format!(
        "Sent: {} delivered, {} deferred, {} refused. Received: {} refused, {} deferred. Each attempt for each \
         recipient counts.",
        number(report.delivered),
        number(sum(Direction::Outgoing, |cause| cause.deferred)),
        number(sum(Direction::Outgoing, |cause| cause.refused)),
        number(sum(Direction::Incoming, |cause| cause.refused)),
        number(sum(Direction::Incoming, |cause| cause.deferred)),
    );
    out += &format!("{}\n", wrapped(&summary, 2));
    for file in &report.files {
        for problem in &file.problems {
            out += &format!("\n{}\n", wrapped(&format!("NOTE: {}: {problem}", file.name), 0));
        }
    }
    for cause in &report.causes {
        out.push('\n');
        out += &one(cause);
    }
    if report.causes.is_empty() && report.files.iter().any(|file| file.recognised > 0) {
        out += "\nNothing was refused or deferred.\n";
    }
    out
}

fn one(cause: &CauseReport) -> String {
    let way = match cause.direction {
        Direction::Outgoing => "SENT",
        Direction::Incoming => "RECEIVED",
    };
    let mut out =
        format!("{}\n", wrapped(&format!("{way}  {} {}: {}", number(cause.count), plural(cause), cause.title), 0));
    out += &format!("  [{}]\n", cause.reason);
    let mut counted = Vec::new();
    for (count, what) in [
        (cause.deferred, "deferred"),
        (cause.refused, "refused"),
        (cause.later_delivered, "delivered later"),
        (cause.given_up, "given up"),
    ] {
        if count > 0 {
            counted.push(format!("{} {what}", number(count)));
        }
    }
    out += &format!("{}\n", wrapped(&format!("{}; {} to {}", counted.join(", "), cause.first, cause.last), 2));
    for (label, counts) in [
        ("With", &cause.providers),
        ("From", &cause.senders),
        ("To", &cause.recipient_domains),
        ("Clients", &cause.clients),
        ("Codes", &cause.codes),
        ("List", &cause.blocklists),
    ] {
        if !counts.is_empty() {
            out += &labelled(label, &counts.iter().map(shown).collect::<Vec<_>>().join(", "));
        }
    }
    if let (Some(most), true) = (cause.times.iter().max_by_key(|time| time.count), cause.times.len() > 1) {
        out += &labelled("Most in", &format!("{} ({})", most.name, number(most.count)));
    }
    if cause.uncertainty > 0 {
        let note = format!("rare names were left out; a name may occur up to {} times more", number(cause.uncertainty));
        out += &labelled("Note", &note);
    }
    for example in &cause.examples {
        let place = format!("{}:{}: ", escape::line(&example.file), example.line);
        out += &textwrap::fill(&format!("{place}{}", escape::line(&example.text)), margins("    ", "      "));
        out.push('\n');
    }
    let meaning = cause.said_to_mean.iter().map(|count| count.name.as_str()).collect::<Vec<_>>();
    out += &labelled("Means", &cause.meaning);
    if !meaning.is_empty() {
        out += &labelled("", &format!("They say: {}.", meaning.join("; ")));
    }
    if cause.never_clears > 0 {
        let temporary = format!(
            "{} of these are temporary by their code, and yet no later attempt succeeds until it is corrected.",
            number(cause.never_clears)
        );
        out += &labelled("", &temporary);
    }
    for (at, remedy) in cause.remedies.iter().enumerate() {
        out += &labelled(if at == 0 { "Do" } else { "Or" }, remedy);
    }
    for lookup in &cause.lookups {
        out += &labelled("Look up", lookup);
    }
    out += &labelled("Who", cause.actor);
    if let Some(command) = &cause.command {
        out += &labelled("Prove", command);
    }
    out
}

fn plural(cause: &CauseReport) -> &'static str {
    if cause.count == 1 { "time" } else { "times" }
}

fn shown(count: &Count) -> String {
    format!("{} {}", escape::line(&count.name), number(count.count))
}

/// `1,234,567`.
fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
