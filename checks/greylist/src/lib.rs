//! `greylist`: whether the server of a recipient puts mail from strangers off
//! at first, and for how long (RFC 6647).
//!
//! It says MAIL and RCPT at an exchange of the recipient's domain, never
//! DATA. A 4yz reply makes a candidate; the same sender and recipient,
//! accepted later from the same address, confirm it.

use std::time::Duration;

use engine_plugin_api::{
    Category, Check, ConfigError, Context, Input, Manifest, Outcome, SideEffect, Target,
    services::{CLOCK_SLEEP, DNS_LOOKUP, SMTP_SESSION},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod announced;
mod command;
pub mod deferral;
mod duration;
pub mod facts;
mod judge;
mod observe;
pub mod refusal;
pub mod schedules;
mod text;

pub use announced::announced;
pub use judge::judge;

engine_plugin_api::findings! {
    CONFIRMED = "greylist-confirmed",
    NONE_AT_RCPT = "greylist-none-at-rcpt",
    OTHER_DEFERRAL = "greylist-other-deferral",
    RECIPIENT_UNKNOWN = "greylist-recipient-unknown",
    REFUSED = "greylist-refused",
    RELAY_DENIED = "greylist-relay-denied",
    STILL_DEFERRED = "greylist-still-deferred",
    SUSPECTED = "greylist-suspected",
}

/// The longest wait that is taken.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3_600);
/// The most attempts after the first.
const MOST_RETRIES: u32 = 6;

/// Settings of `greylist`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How long to wait for the last attempt that may confirm greylisting,
    /// such as `30s`, `6m` or `1h`; at most `24h`. `0`: there is one attempt
    /// only. `--wait` sets it.
    pub wait: String,
    /// How many attempts are spread over the wait, the last at its end. The
    /// first that is accepted ends it; more of them bound the delay closer.
    #[schemars(range(min = 1, max = 6))]
    pub retries: u32,
    /// The envelope sender where the run names none, `local@domain`. Absent:
    /// the null sender, which every server has to take (RFC 5321 §4.5.5),
    /// which claims nobody's domain and cannot fail SPF or a look-up of the
    /// sender. Some servers do not greylist it; `greylist-none-at-rcpt` says so.
    pub sender: Option<String>,
    /// Delays beyond this are a warning, such as `1h`.
    pub long_delay: String,
}

impl Default for Config {
    fn default() -> Self {
        Config { wait: "0".to_owned(), retries: 2, sender: None, long_delay: "1h".to_owned() }
    }
}

/// The settings, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Time from the first attempt to the last; zero for one attempt only.
    pub wait: Duration,
    /// Attempts after the first.
    pub retries: u32,
    /// The envelope sender where the run names none.
    pub sender: Option<String>,
    /// Delays beyond this are a warning.
    pub long_delay: Duration,
}

impl Plan {
    /// Reads the settings.
    ///
    /// # Errors
    /// When a duration cannot be read or is out of bounds.
    pub fn read(config: &Config) -> Result<Self, ConfigError> {
        let wait = duration::parse(&config.wait).map_err(|why| ConfigError::at("/wait", why))?;
        if wait > LONGEST_WAIT {
            return Err(ConfigError::at("/wait", format!("`{}` is longer than 24h", config.wait)));
        }
        if !(1..=MOST_RETRIES).contains(&config.retries) {
            let why = format!("{} is out of bounds: expected 1 to {MOST_RETRIES}", config.retries);
            return Err(ConfigError::at("/retries", why));
        }
        Ok(Plan {
            wait,
            retries: config.retries,
            sender: config.sender.clone(),
            long_delay: duration::parse(&config.long_delay).map_err(|why| ConfigError::at("/long_delay", why))?,
        })
    }

    /// When to try again, counted from the first attempt: spread over the
    /// wait, or where the server announces a delay that fits, soon after it
    /// and at the end.
    pub fn retries_at(&self, announced: Option<Duration>) -> Vec<Duration> {
        if self.wait.is_zero() {
            return Vec::new();
        }
        // Servers count from their own clock, in whole seconds.
        let due = announced.map(|delay| delay + Duration::from_secs(1) + delay / 50).filter(|&due| due < self.wait);
        match due {
            Some(due) if self.retries == 1 => vec![due],
            Some(due) => vec![due, self.wait],
            None => (1..=self.retries).map(|n| self.wait * n / self.retries).collect(),
        }
    }
}

/// The check.
pub struct Greylist {
    plan: Plan,
}

impl Check for Greylist {
    type Config = Config;

    fn manifest() -> Manifest {
        Manifest::new::<Self>(
            "greylist",
            env!("CARGO_PKG_VERSION"),
            "does the recipient's server put mail from strangers off, and for how long?",
        )
        .category(Category::Transport)
        .needs_any(&[&[Input::Recipient]])
        .side_effect(SideEffect::Connects)
        .services(&[DNS_LOOKUP, SMTP_SESSION, CLOCK_SLEEP])
        .pages(PAGES)
    }

    fn new(config: Config) -> Result<Self, ConfigError> {
        Ok(Greylist { plan: Plan::read(&config)? })
    }

    async fn run(&self, cx: Context, target: Target) -> Outcome {
        let Some(recipient) = target.recipient.as_deref().filter(|mailbox| Target::domain_of(mailbox).is_some()) else {
            return Outcome::NotApplicable {
                why:
                    "greylisting shows only to a recipient that exists: name one that you may write to with --recipient"
                        .into(),
            };
        };
        let facts = observe::observe(&cx, &target, recipient, &self.plan).await;
        match &facts.outcome {
            facts::Contact::NoServer(why) => Outcome::NotApplicable { why: why.clone() },
            _ => cx.conclude(judge(&facts, &self.plan)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(wait: u64, retries: u32) -> Plan {
        let long_delay = Duration::from_secs(3_600);
        Plan { wait: Duration::from_secs(wait), retries, sender: None, long_delay }
    }

    #[test]
    fn retries_are_spread_over_the_wait_or_follow_the_announcement() {
        for (wait, retries, announced, expected) in [
            (0, 2, None, vec![]),
            (360, 1, None, vec![360]),
            (360, 2, None, vec![180, 360]),
            (360, 2, Some(300), vec![307, 360]),
            (360, 1, Some(300), vec![307]),
            (60, 2, Some(300), vec![30, 60]),
        ] {
            let at = plan(wait, retries).retries_at(announced.map(Duration::from_secs));
            assert_eq!(at, expected.into_iter().map(Duration::from_secs).collect::<Vec<_>>(), "{wait} {retries}");
        }
    }

    #[test]
    fn settings_out_of_bounds_are_refused_by_name() {
        for (config, pointer) in [
            (Config { wait: "soon".into(), ..Config::default() }, "/wait"),
            (Config { wait: "25h".into(), ..Config::default() }, "/wait"),
            (Config { retries: 0, ..Config::default() }, "/retries"),
            (Config { long_delay: "1 hour".into(), ..Config::default() }, "/long_delay"),
        ] {
            assert_eq!(Plan::read(&config).map_err(|error| error.pointer), Err(pointer.to_owned()));
        }
        assert!(Plan::read(&Config::default()).is_ok());
    }
}
