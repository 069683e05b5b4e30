//! Exit codes; `docs/reference/exit-codes.md` lists them.

use engine_core::report::Report;
use engine_plugin_api::Severity;

/// How the program ends. When several targets end differently, the first of
/// this order that any has: interrupted, findings, could not tell, good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Nothing at or above `--fail-on`, and nothing unknown.
    Good,
    /// Something could not be told, or nothing was examined, and nothing worse.
    CouldNotTell,
    /// Findings at or above `--fail-on`.
    Findings,
    /// The arguments or the configuration are wrong.
    Usage,
    /// Interrupted by Ctrl-C.
    Interrupted,
}

impl Exit {
    /// The exit of one report.
    pub fn of(report: &Report, fail_on: Severity) -> Self {
        if report.was_interrupted() {
            Exit::Interrupted
        } else if report.reaches(fail_on) {
            Exit::Findings
        } else if !report.could_not_tell.is_empty() || report.verdict.examined == 0 {
            Exit::CouldNotTell
        } else {
            Exit::Good
        }
    }

    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Exit::Good => 0,
            Exit::Findings => 1,
            Exit::Usage => 2,
            Exit::CouldNotTell => 3,
            Exit::Interrupted => 130,
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        std::process::ExitCode::from(exit.code())
    }
}
