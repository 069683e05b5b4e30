//! Everything that can go wrong with a plugin. Each becomes a *could not tell*
//! of its check, with these words.

use engine_plugin_api::{ConfigError, PanicNote, abi};
use serde::{Deserialize, Serialize};

/// How a plugin's process ended, by itself or because of what it did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crash {
    /// The signal that ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// The code that it exited with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<i32>,
    /// Why the engine ended it, as `it had more than 512 threads`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_for: Option<String>,
    /// The end of what it wrote to its standard output and error, at most 2 KiB.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub output: String,
}

impl std::fmt::Display for Crash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(why) = &self.ended_for {
            return write!(f, "was ended by the engine: {why}");
        }
        match (self.signal, self.code) {
            (Some(signal), _) => write!(f, "was ended by signal {signal}{}", signal_name(signal))?,
            (None, Some(code)) => write!(f, "exited with code {code}")?,
            (None, None) => f.write_str("closed its connection")?,
        }
        // Rust's advice on backtraces is none here.
        let telling = |line: &&str| !line.trim().is_empty() && !line.starts_with("note: ");
        match self.output.lines().rev().find(telling) {
            Some(last) => write!(f, "; the last that it wrote: {}", last.trim()),
            None => Ok(()),
        }
    }
}

fn signal_name(signal: i32) -> &'static str {
    match signal {
        // SIGSYS where it is blocked, so that it could not be told of.
        31 if cfg!(target_os = "linux") => " (it made a system call that is denied)",
        // The same on all Unix systems.
        4 => " (illegal instruction)",
        6 => " (it aborted)",
        8 => " (arithmetic)",
        9 => " (it was killed)",
        11 => " (it touched memory that is not its own)",
        _ => "",
    }
}

/// Why a plugin could not be loaded, or may not be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum LoadError {
    /// There is no such file, or it cannot be read.
    #[error("{path} cannot be read: {why}")]
    NotFound {
        /// The file.
        path: String,
        /// The system's words.
        why: String,
    },
    /// Somebody else could have changed the file.
    #[error("{path} {why}, so that others than you and root could change what is loaded")]
    UnsafePermissions {
        /// The file or folder at fault.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// The system's loader refused the file.
    #[error("it is no library that can be loaded: {words}")]
    Dlopen {
        /// The loader's words.
        words: String,
    },
    /// The file is a WebAssembly module, and not one that can be run.
    #[error("it is a WebAssembly module that cannot be run: {why}")]
    Wasm {
        /// Why.
        why: String,
    },
    /// The file exports no entry point.
    #[error("it is no plugin: it does not export `{}`", abi::ENTRY)]
    MissingSymbol,
    /// The entry point gave no table.
    #[error("its entry point gave no table{}", if *null { ": it cannot serve this engine" } else { " where one could be" })]
    BadEntry {
        /// Whether it gave nothing at all.
        null: bool,
    },
    /// The table is none.
    #[error("its table does not begin as a plugin's does")]
    BadMagic,
    /// It speaks another major version.
    #[error("it speaks version {plugin} of the plugin ABI, and this engine speaks version {host}")]
    AbiMajor {
        /// The plugin's.
        plugin: u16,
        /// Ours.
        host: u16,
    },
    /// It needs a newer engine.
    #[error(
        "it needs a newer engine: version {}.{needs_minor} of the plugin ABI, and this is {}.{host_minor}",
        abi::MAJOR,
        abi::MAJOR
    )]
    HostTooOld {
        /// The oldest minor version of a host that it works with.
        needs_minor: u16,
        /// Ours.
        host_minor: u16,
    },
    /// It is older than this engine can work with.
    #[error("it is too old: version {}.{plugin_minor} of the plugin ABI", abi::MAJOR)]
    PluginTooOld {
        /// The plugin's minor version.
        plugin_minor: u16,
    },
    /// Its table is too short, or lacks a function.
    #[error("its table is not whole: {what}")]
    Truncated {
        /// What is missing.
        what: String,
    },
    /// A panic would end the engine.
    #[error("it is built with panic=abort, so that it can only be run in a process of its own")]
    NeedsIsolation,
    /// What it says of itself cannot be taken.
    #[error("its manifest cannot be taken: {why}")]
    Manifest {
        /// Why.
        why: String,
    },
    /// Two checks have one id.
    #[error("two checks are called `{id}`: {first} and {second}")]
    DuplicateId {
        /// The id.
        id: String,
        /// Where the one comes from.
        first: String,
        /// Where the other comes from.
        second: String,
    },
    /// The file is not the one that was added.
    #[error("{path} has changed since it was added")]
    HashMismatch {
        /// The file.
        path: String,
    },
    /// It crashed too often.
    #[error(
        "it is blocked because it crashed {crashes} times, the last time it {last}; `engine plugin add` takes it again"
    )]
    Blocked {
        /// How often.
        crashes: u32,
        /// The last crash.
        last: Crash,
    },
    /// It did not come back.
    #[error("it did not come back from {phase} in time")]
    Unresponsive {
        /// Where it was.
        phase: String,
    },
    /// Its process ended while it was loaded.
    #[error("its process {0} while it was loaded")]
    Crashed(Crash),
    /// Its process could not be confined.
    #[error("its process could not be confined: {why}")]
    Sandbox {
        /// What failed.
        why: String,
    },
    /// The engine could not start or reach the process.
    #[error("its process could not be started: {why}")]
    Host {
        /// The system's words.
        why: String,
    },
}

/// Why a run of a plugin's check came to no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunFailure {
    /// The check itself said that it failed, or did not say how it ended.
    #[error("the plugin failed: {message}")]
    Failed {
        /// What is known.
        message: String,
    },
    /// The check did not take its settings.
    #[error("the plugin did not take its settings: {0}")]
    Config(ConfigError),
    /// It panicked, and its own side caught that.
    #[error("the plugin panicked: {0}")]
    Panicked(PanicNote),
    /// The deadline passed.
    #[error("the plugin was not done in time{}", if *responsive { "" } else { ", did not stop when it was told to, and was ended" })]
    TimedOut {
        /// Whether it stopped when it was told to.
        responsive: bool,
    },
    /// The run was ended for another reason.
    #[error("the plugin was told to stop")]
    Cancelled,
    /// It sent more than one run may.
    #[error("the plugin sent too much: {what}")]
    OutputLimit {
        /// What was exceeded.
        what: String,
    },
    /// Its process ended.
    #[error("the plugin's process {0}")]
    Crashed(Crash),
    /// It could not be loaded.
    #[error("the plugin could not be loaded: {0}")]
    Load(#[from] LoadError),
}
