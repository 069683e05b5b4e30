//! A scenario: a world, and what one check must find in it.

use serde::Deserialize;
use toml::Spanned;

use crate::{
    web::HttpServer,
    world::{Blocklist, Dnssec, Fault, NameServer, Sections, SmtpServer, World, WorldError},
};

/// A world together with a target, and the codes that a check must make there.
///
/// Finding pages hold scenarios in fenced blocks with the info string `scenario`.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// The situation, in words.
    pub name: String,
    /// Why the scenario exists.
    pub kind: Kind,
    /// What is examined.
    pub target: ScenarioTarget,
    /// The check's settings, as in a configuration file.
    pub settings: toml::Table,
    /// The codes that must be found.
    pub expect: Vec<String>,
    /// Codes that may be found as well.
    pub allow: Vec<String>,
    /// Whether the check must report something that it could not tell.
    pub unknown: bool,
    /// The world; a scenario has no `domain` sections.
    pub world: World,
}

/// What a scenario shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The page's finding is made.
    Fires,
    /// Almost the same situation, in which it is not made.
    NearMiss,
    /// The network fails, and it is not made.
    NetworkFault,
}

/// The target of a scenario: texts, as a user would give them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScenarioTarget {
    /// The mail domain.
    pub domain: Option<String>,
    /// The sending address.
    pub ip: Option<String>,
    /// The envelope sender; empty for the null sender.
    pub sender: Option<String>,
    /// The recipient.
    pub recipient: Option<String>,
    /// The HELO name.
    pub helo: Option<String>,
    /// The SMTP reply to explain.
    pub reply: Option<String>,
    /// The message, header and body.
    pub message: Option<String>,
}

impl Scenario {
    /// Reads one scenario.
    ///
    /// # Errors
    /// When the text is not TOML, has an unknown key or a value that means
    /// nothing: the place and what was expected.
    pub fn parse(text: &str) -> Result<Scenario, WorldError> {
        let raw: RawScenario = toml::from_str(text).map_err(|e| WorldError::from_toml(text, &e))?;
        let sections = Sections {
            zone: raw.zone,
            nameserver: raw.nameserver,
            fault: raw.fault,
            blocklist: raw.blocklist,
            smtp: raw.smtp,
            http: raw.http,
            dnssec: raw.dnssec,
        };
        Ok(Scenario {
            name: raw.name,
            kind: raw.kind,
            target: raw.target,
            settings: raw.settings,
            expect: raw.expect,
            allow: raw.allow,
            unknown: raw.unknown,
            world: sections.into_world(text)?,
        })
    }

    /// Reads every fenced block with the info string `scenario` of a page.
    ///
    /// # Errors
    /// For the first block that is wrong or does not end; lines are counted in
    /// the page.
    pub fn all_in_page(markdown: &str) -> Result<Vec<Scenario>, WorldError> {
        let mut scenarios = Vec::new();
        let mut fence: Option<Fence> = None;
        for (index, line) in markdown.lines().enumerate() {
            let ticks = line.len() - line.trim_start_matches('`').len();
            match &mut fence {
                None if ticks >= 3 => {
                    let wanted = line[ticks..].trim() == "scenario";
                    fence = Some(Fence { ticks, wanted, line: index + 1, text: String::new() });
                }
                None => {}
                Some(open) if ticks >= open.ticks && line[ticks..].trim().is_empty() => {
                    if open.wanted {
                        scenarios.push(Scenario::parse(&open.text).map_err(|e| e.moved_down(open.line))?);
                    }
                    fence = None;
                }
                Some(open) => {
                    open.text.push_str(line);
                    open.text.push('\n');
                }
            }
        }
        match fence {
            Some(open) if open.wanted => Err(WorldError {
                line: open.line,
                column: 1,
                message: "the scenario block does not end: expected a line of ``` after it".into(),
            }),
            _ => Ok(scenarios),
        }
    }
}

/// A fenced block that is being read.
struct Fence {
    ticks: usize,
    wanted: bool,
    line: usize,
    text: String,
}

impl WorldError {
    fn moved_down(mut self, lines: usize) -> Self {
        if self.line > 0 {
            self.line += lines;
        }
        self
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawScenario {
    name: String,
    kind: Kind,
    #[serde(default)]
    target: ScenarioTarget,
    #[serde(default)]
    settings: toml::Table,
    #[serde(default)]
    expect: Vec<String>,
    #[serde(default)]
    allow: Vec<String>,
    #[serde(default)]
    unknown: bool,
    #[serde(default)]
    zone: Option<Spanned<String>>,
    #[serde(default)]
    nameserver: Vec<Spanned<NameServer>>,
    #[serde(default)]
    fault: Vec<Spanned<Fault>>,
    #[serde(default)]
    blocklist: Vec<Spanned<Blocklist>>,
    #[serde(default)]
    smtp: Vec<Spanned<SmtpServer>>,
    #[serde(default)]
    http: Vec<Spanned<HttpServer>>,
    #[serde(default)]
    dnssec: Vec<Spanned<Dnssec>>,
}

#[cfg(test)]
#[path = "scenario_tests.rs"]
mod tests;
