//! The core of the e-mail troubleshooting engine.
//!
//! One run goes through five steps, each a module:
//!
//! 1. [`registry`]: which checks there are;
//! 2. [`plan`]: which of them this run makes, and why not the others
//!    ([`profile`] and [`config`] decide);
//! 3. [`schedule`]: all of them at once, each with a deadline, over the
//!    services of [`net`];
//! 4. [`settle`]: severities, mutes, duplicates, causes, order, verdict;
//! 5. [`report`]: the result as data, `json/v1`.
//!
//! [`session`] ties them together, for a live run and for a replay.

pub mod config;
pub mod deadline;
pub mod guide;
pub mod matrix;
pub mod net;
pub mod plan;
pub mod plugin;
pub mod profile;
pub mod recording;
pub mod registry;
pub mod report;
pub mod schedule;
pub mod schema;
pub mod session;
pub mod settle;
mod started;
mod suggest;

pub use suggest::{nearest, shell_word};
