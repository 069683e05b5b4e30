//! `engine logs`.

use std::{fs::File, io::Read, path::Path};

use engine_core::shell_word;
use engine_plugin_api::serde_json;
use mail_logs::{Direction, Logs, Report, Today};

use super::{registry, run::configuration};
use crate::{
    args::{Format, Logs as Arguments},
    complaint::Complaint,
    exit::Exit,
    output::{print, print_json},
    render::logs as text,
    rules,
};

/// Reads logs and says what was refused, why, and what helps.
pub fn logs(arguments: &Arguments) -> Result<Exit, Complaint> {
    let config = configuration(arguments.config.as_deref(), &registry(&[])?)?;
    let knowledge = rules::knowledge(&rules::read(&arguments.rules, &config)?)?;
    // All are opened first, so that a misspelt name costs no reading.
    let sources = arguments.files.iter().map(|file| open(file)).collect::<Result<Vec<_>, _>>()?;
    let mut logs = Logs::new(today(), knowledge);
    for (name, source) in arguments.files.iter().zip(sources) {
        // What cannot be read stands in the report.
        let _ = logs.read(&name.display().to_string(), source);
    }
    let report = logs.report(arguments.top);
    match arguments.format {
        Format::Json => print_json(&serde_json::to_string(&report).map_err(Complaint::new)?)?,
        Format::Text => print(&text::text(&report))?,
    }
    Ok(exit(&report))
}

/// Mail of ours that was refused or deferred is a finding; that we refused
/// others' is what a mail server is for.
fn exit(report: &Report) -> Exit {
    if report.causes.iter().any(|cause| cause.direction == Direction::Outgoing) {
        Exit::Findings
    } else if report.files.iter().any(|file| !file.problems.is_empty()) {
        Exit::CouldNotTell
    } else {
        Exit::Good
    }
}

fn open(path: &Path) -> Result<Box<dyn Read>, Complaint> {
    if path == Path::new("-") {
        return Ok(Box::new(std::io::stdin().lock()));
    }
    let name = path.display();
    if path.is_dir() {
        let inside = shell_word(&format!("{name}/mail.log"));
        return Err(Complaint::new(format!("{name} is a folder"))
            .hint(format!("give the logs in it, for example engine logs {inside}*")));
    }
    let file = File::open(path).map_err(|error| Complaint::new(format!("could not read {name}: {error}")))?;
    Ok(Box::new(file))
}

/// Tomorrow by UTC: nowhere on earth is it later, and a log of this year is not taken for last year's.
fn today() -> Today {
    let date = jiff::tz::Offset::UTC.to_datetime(jiff::Timestamp::now()).date();
    let date = date.tomorrow().unwrap_or(date);
    Today {
        year: u16::try_from(date.year()).unwrap_or_default(),
        month: u8::try_from(date.month()).unwrap_or(1),
        day: u8::try_from(date.day()).unwrap_or(1),
    }
}
