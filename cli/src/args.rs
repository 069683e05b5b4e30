//! The arguments.

use std::{net::IpAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use engine_plugin_api::Severity;

/// Finds out what is wrong with a mail domain, how it is known, and what to change.
#[derive(Parser, Debug)]
#[command(name = "engine", version, about, max_term_width = 100, arg_required_else_help = true)]
pub struct Arguments {
    /// When to use colour.
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto)]
    pub color: Color,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Run checks on a target and report what they find.
    #[command(after_help = EXIT_CODES)]
    Run(Box<Run>),
    /// Run only the checks that prove or refute what a bounce, a reply or a symptom says.
    #[command(after_help = DIAGNOSE_EXIT_CODES)]
    Diagnose(Box<Diagnose>),
    /// List the checks, findings or profiles.
    List(List),
    /// Explain a finding code, an SMTP reply or a status code.
    Explain(Explain),
    /// Read mail logs: what was refused or deferred, why, and what helps.
    #[command(after_help = LOG_EXIT_CODES)]
    Logs(Logs),
    /// Make the report of a recorded run again, without a network.
    #[command(after_help = EXIT_CODES)]
    Replay(Replay),
    /// Start the embedded mail world and say what to ask it.
    Lab(Lab),
    /// Print a JSON schema.
    Schema(Schema),
    /// Add, list and examine plugins: checks made by others.
    Plugin(PluginCommand),
    /// Print a completion script for a shell.
    Completions(Completions),
}

const DIAGNOSE_EXIT_CODES: &str = "Exit codes: 0 every stated cause is refuted; 1 one is confirmed; 2 wrong \
arguments or configuration; 3 it could not be told, and none is confirmed; 130 interrupted.";

const EXIT_CODES: &str = "Exit codes: 0 nothing at or above --fail-on; 1 findings; 2 wrong arguments or \
configuration; 3 something could not be told, and nothing worse; 130 interrupted.";

const LOG_EXIT_CODES: &str = "Exit codes: 0 nothing that we sent was refused or deferred; 1 some was; 2 wrong \
arguments, or a file is missing; 3 a log could not be read, or only in part, and nothing worse.";

/// `engine run`.
#[derive(Args, Debug)]
pub struct Run {
    /// Domains or IP addresses to examine; those of engine.toml without any.
    pub targets: Vec<String>,
    /// The profile: full, quick, not-received, spam, blocklisted, delayed, rejected, or one of engine.toml.
    #[arg(long, short)]
    pub profile: Option<String>,
    /// Run exactly these checks, whatever the profile says.
    #[arg(long, value_delimiter = ',', value_name = "CHECK")]
    pub only: Vec<String>,
    /// Leave these checks out.
    #[arg(long, value_delimiter = ',', value_name = "CHECK")]
    pub skip: Vec<String>,
    /// Change a check's setting for this run.
    #[arg(long = "set", value_name = "CHECK.KEY=VALUE")]
    pub settings: Vec<String>,

    /// The address that mail is sent from.
    #[arg(long, help_heading = "What is examined")]
    pub ip: Option<String>,
    /// The envelope sender.
    #[arg(long, value_name = "MAILBOX", help_heading = "What is examined")]
    pub sender: Option<String>,
    /// A recipient that you own or may write to; probed up to RCPT TO, never DATA.
    #[arg(long, value_name = "MAILBOX", help_heading = "What is examined")]
    pub recipient: Option<String>,
    /// The name that the sending server gives with HELO.
    #[arg(long, value_name = "NAME", help_heading = "What is examined")]
    pub helo: Option<String>,
    /// An SMTP reply to explain, as the log or the bounce has it.
    #[arg(long, value_name = "TEXT", help_heading = "What is examined")]
    pub reply: Option<String>,
    /// A message to examine, such as a bounce: a file as it was saved, `-` for standard input.
    #[arg(long, value_name = "FILE", help_heading = "What is examined")]
    pub message: Option<String>,
    /// A DKIM selector of the domain, as `s=` in its signatures has it; repeat for several.
    #[arg(long, value_name = "NAME", help_heading = "What is examined")]
    pub selector: Vec<String>,
    /// How long to wait for a second attempt that confirms greylisting, for example 6m.
    #[arg(long, value_name = "DURATION", help_heading = "What is examined")]
    pub wait: Option<String>,

    /// How the network is reached.
    #[command(flatten)]
    pub reach: Reach,

    /// Settings and profiles; ./engine.toml or the user's own without.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Use this plugin in this run, in a process of its own; repeat for several.
    #[arg(long, value_name = "FILE")]
    pub plugin: Vec<PathBuf>,
    /// A file of your own rules for what replies mean; repeat for several.
    #[arg(long, value_name = "FILE")]
    pub rules: Vec<PathBuf>,
    /// Keep everything that was observed, for `engine replay`.
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// What to print.
    #[arg(long, short, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// The least severity that makes the exit code 1; warning without.
    #[arg(long, value_name = "SEVERITY", value_parser = severity)]
    pub fail_on: Option<Severity>,
    /// Print what would be run, and run nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Also print what passed and every observation.
    #[arg(long, short)]
    pub verbose: bool,
}

/// How the network is reached.
#[derive(Args, Clone, Debug)]
pub struct Reach {
    /// Ask this resolver instead of the system's; repeat for fail-over.
    #[arg(long, value_name = "IP[:PORT]", conflicts_with = "lab", help_heading = "Network")]
    pub resolver: Vec<String>,
    /// Connect from this address.
    #[arg(long, value_name = "IP", help_heading = "Network")]
    pub source: Option<IpAddr>,
    /// The name to give with EHLO; the machine's own without.
    #[arg(long, value_name = "NAME", help_heading = "Network")]
    pub ehlo: Option<String>,
    /// Use the embedded mail world instead of the network; without a target, list its domains.
    #[arg(long, value_name = "SCENARIO", num_args = 0..=1, require_equals = true, default_missing_value = "", help_heading = "Network")]
    pub lab: Option<String>,
    /// Send what goes to public addresses to loopback sockets instead, as this
    /// file says: `public-ip:port loopback-ip:port` a line. For tests.
    #[arg(long, value_name = "FILE", conflicts_with = "lab", help_heading = "Network")]
    pub route: Option<PathBuf>,
}

/// `engine diagnose`.
#[derive(Args, Debug)]
pub struct Diagnose {
    /// A bounce (a file, `-` for standard input), a reply in quotation marks, or
    /// a symptom: not-received, delayed, spam, blocklisted, rejected.
    #[arg(value_name = "BOUNCE|REPLY|SYMPTOM")]
    pub what: String,
    /// The domain: the sender's where the cause is on that side, else the recipient's.
    #[arg(long, value_name = "DOMAIN")]
    pub domain: Option<String>,
    /// The address that the mail was sent from.
    #[arg(long)]
    pub ip: Option<IpAddr>,
    /// The name that the sending server gives with HELO.
    #[arg(long, value_name = "NAME")]
    pub helo: Option<String>,
    /// How the network is reached.
    #[command(flatten)]
    pub reach: Reach,
    /// Settings; ./engine.toml or the user's own without.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print what would be run, and run nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// What to print.
    #[arg(long, short, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// `engine list`.
#[derive(Args, Debug)]
pub struct List {
    /// What to list.
    #[arg(value_enum, default_value_t = Listed::Checks)]
    pub what: Listed,
    /// What to print.
    #[arg(long, short, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// `engine explain`.
#[derive(Args, Debug)]
pub struct Explain {
    /// A finding code (mx-alias), a status code (5.7.23, 550), or a whole
    /// reply, one line or many; `-`, or nothing, reads it from standard input.
    pub words: Vec<String>,
    /// A plugin that was not added, whose finding is to be explained; repeat for several.
    #[arg(long, value_name = "FILE")]
    pub plugin: Vec<PathBuf>,
    /// A file of your own rules for what replies mean; repeat for several.
    #[arg(long, value_name = "FILE")]
    pub rules: Vec<PathBuf>,
    /// Where `[rules]` stands; ./engine.toml or the user's own without.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What to print; JSON is one `explain/v1` object.
    #[arg(long, short, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// `engine logs`.
#[derive(Args, Debug)]
pub struct Logs {
    /// Logs of Postfix, Exim or sendmail, compressed with gzip or not; `-` for standard input.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// How many names of each kind to print.
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub top: usize,
    /// A file of your own rules for what replies mean; repeat for several.
    #[arg(long, value_name = "FILE")]
    pub rules: Vec<PathBuf>,
    /// Where `[rules]` stands; ./engine.toml or the user's own without.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What to print; JSON is one `logs/v1` object.
    #[arg(long, short, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// `engine replay`.
#[derive(Args, Debug)]
pub struct Replay {
    /// A file that `engine run --record` wrote.
    pub file: PathBuf,
    /// A plugin that the run used with --plugin; repeat for several.
    #[arg(long, value_name = "FILE")]
    pub plugin: Vec<PathBuf>,
    /// What to print.
    #[arg(long, short, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// The least severity that makes the exit code 1.
    #[arg(long, value_name = "SEVERITY", value_parser = severity, default_value = "warning")]
    pub fail_on: Severity,
    /// Also print what passed and every observation.
    #[arg(long, short)]
    pub verbose: bool,
}

/// `engine lab`.
#[derive(Args, Debug)]
pub struct Lab {
    /// A scenario file; the shipped world without.
    pub scenario: Option<PathBuf>,
    /// Milliseconds to add to every exchange.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub round_trip: u64,
    /// Write the routes to this file, for `engine run --route`.
    #[arg(long, value_name = "FILE")]
    pub route: Option<PathBuf>,
}

/// `engine schema`.
#[derive(Args, Debug)]
pub struct Schema {
    /// `report`, `config`, `logs`, or a check's id for its settings.
    #[arg(default_value = "report")]
    pub of: String,
}

/// `engine plugin`.
#[derive(Args, Debug)]
pub struct PluginCommand {
    /// What to do.
    #[command(subcommand)]
    pub action: PluginAction,
}

/// What to do with plugins.
#[derive(Subcommand, Debug)]
pub enum PluginAction {
    /// Have a plugin describe itself in a process of its own, and use it from now on as it is now.
    Add(PluginAdd),
    /// List the plugins that were added, and those that could be.
    List(PluginList),
    /// Say everything about one plugin.
    Info(PluginInfo),
    /// Use a plugin no longer.
    Remove(PluginRemove),
    /// Hold every plugin against what was added.
    Verify,
    /// Make a plugin to begin with: it builds, and its test passes.
    New(PluginNew),
    /// Load a plugin, try what every check must keep, and play the scenarios of its pages on the lab.
    Test(PluginTest),
}

/// `engine plugin new`.
#[derive(Args, Debug)]
pub struct PluginNew {
    /// The id of its check, `vendor.name`; without a vendor, `local.name`.
    pub name: String,
    /// The language that it is written in.
    #[arg(long, value_enum, default_value_t = crate::sdk::Language::Rust)]
    pub lang: crate::sdk::Language,
    /// The folder to make; the name without the vendor unless it is given.
    #[arg(long)]
    pub folder: Option<PathBuf>,
}

/// `engine plugin test`.
#[derive(Args, Debug)]
pub struct PluginTest {
    /// The shared library.
    pub file: PathBuf,
    /// Run it in the engine's own process.
    #[arg(long)]
    pub trusted: bool,
}

/// `engine plugin add`.
#[derive(Args, Debug)]
pub struct PluginAdd {
    /// The shared library; a bare name is looked for in the folders of plugins.
    pub file: PathBuf,
    /// Run it in the engine's own process, where it can do whatever the engine can.
    #[arg(long)]
    pub trusted: bool,
}

/// `engine plugin list`.
#[derive(Args, Debug)]
pub struct PluginList {
    /// What to print.
    #[arg(long, short, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// `engine plugin info`.
#[derive(Args, Debug)]
pub struct PluginInfo {
    /// A plugin that was added, by the id of a check or its file; or a file that was not.
    pub name: String,
    /// What to print.
    #[arg(long, short, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// `engine plugin remove`.
#[derive(Args, Debug)]
pub struct PluginRemove {
    /// The id of a check of it, or its file.
    pub name: String,
}

/// `engine completions`.
#[derive(Args, Debug)]
pub struct Completions {
    /// The shell.
    pub shell: clap_complete::Shell,
}

/// What to list.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listed {
    /// The checks.
    Checks,
    /// The findings that they can make.
    Findings,
    /// The profiles.
    Profiles,
}

/// What to print.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// One `json/v1` report a line.
    Json,
}

/// When to use colour.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Color {
    /// Decides it for everything that is printed from here on.
    pub fn write_global(self) {
        match self {
            Color::Auto => anstream::ColorChoice::Auto,
            Color::Always => anstream::ColorChoice::AlwaysAnsi,
            Color::Never => anstream::ColorChoice::Never,
        }
        .write_global();
    }
}

fn severity(word: &str) -> Result<Severity, String> {
    let words = || Severity::ALL.map(Severity::word);
    Severity::from_word(word).ok_or_else(|| {
        let hint =
            engine_core::nearest(word, words()).map(|near| format!(" (did you mean `{near}`?)")).unwrap_or_default();
        format!("expected one of {}{hint}", words().join(", "))
    })
}
