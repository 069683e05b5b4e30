//! The contract between the engine and its checks.
//!
//! A check implements [`Check`]: it says what it is ([`Manifest`]), takes its
//! settings, and is run once for each [`Target`]. It asks the world only
//! through its [`Context`] (DNS, SMTP, the clock) and reports [`Finding`]s and
//! what it could not tell ([`Unknown`]). It opens no socket, reads no file and
//! looks at no clock of its own; therefore every run can be recorded, replayed
//! and moved into another process.
//!
//! The shape that every check of this project follows:
//!
//! | file | what |
//! |---|---|
//! | `lib.rs` | identity: manifest, settings, `run` = observe, judge, conclude |
//! | `observe.rs` | the only async code: asks the context, gathers facts |
//! | `facts.rs` | what was seen, typed; a fact that is missing is an [`Observed::Unknown`] |
//! | `judge.rs` | a pure function from facts and settings to a [`Judgement`] |
//! | `findings/<code>.md` | one page a finding: documentation, `explain` text and tests |
//!
//! Everything that crosses this boundary is data that serialises with serde or
//! a named, versioned service call ([`Services::call`]); no type of an async
//! runtime, a DNS library or a logger appears here.

pub mod abi;
mod check;
mod context;
mod evidence;
mod finding;
mod message;
mod outcome;
mod page;
pub mod sdk;
pub mod services;
mod stance;
mod target;
mod wire;

pub use check::{Category, Check, ConfigError, DynCheck, Input, Manifest, NoSettings, SideEffect};
pub use context::{BoxFuture, Context, Emission, Reply, ServiceError, ServiceErrorKind, Services};
pub use engine_plugin_macros::config;
pub use evidence::{Evidence, EvidenceId, Quote, Span};
pub use finding::{Actor, Confidence, Finding, Record, Remedy, Severity, Subject, time_in_words};
pub use message::Message;
pub use outcome::{Cause, CauseKind, Judgement, Observed, Outcome, Unknown};
pub use page::{CauseMatch, FindingSpec, Page, PageError};
pub use schemars::{self, JsonSchema};
pub use serde;
pub use serde_json;
pub use stance::{Delivery, Stance};
pub use target::Target;
pub use wire::{LogLine, PanicNote, PluginDocument};
