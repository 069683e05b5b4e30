//! Checks from plugins: shared libraries of third parties.
//!
//! | file | what |
//! |---|---|
//! | `carrier.rs` | the seam: what carries a plugin's runs |
//! | `process/` | a process of its own, the way for every plugin |
//! | `in_process.rs` | the engine's process, for what the user trusts |
//! | `service.rs` | carries out what a run calls, takes what it sends |
//! | `check.rs` | one run from beginning to end, and what became of it |
//! | `lock.rs` | which plugins were added, as they were then |
//! | `places.rs` | where plugins are looked for |
//!
//! The unsafe side, and the program in a plugin's process, are
//! [`engine_plugin_host`].

mod carrier;
mod check;
mod in_process;
mod lock;
mod places;
mod process;
mod service;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

pub use carrier::{Carrier, End, Ending, Order, Running};
pub use check::{CRASHES, GRACE, Plugin};
pub use engine_plugin_host::{Crash, LoadError, RunFailure, library::Described, sandbox::Enforced};
pub use in_process::{MOST_ABANDONED, abandoned};
pub use lock::{Entry, Isolation, Lock, LockError};
pub use places::Places;
pub use process::HostProgram;
pub use service::{Answers, Service};

use engine_plugin_host::{child::Load, open};

use crate::registry::{Registry, RegistryError};

/// A file that holds a plugin.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    /// The file's absolute path without links.
    pub path: String,
    /// Its SHA-256 in hexadecimal.
    pub sha256: String,
    /// Its size in bytes.
    pub size: u64,
    /// What the plugin says of itself.
    pub described: Described,
    /// What the system enforces on a process that loads it.
    pub enforced: Enforced,
}

/// Has a process load a file and describe it. Nothing of the file runs here:
/// what file it is we see for ourselves, what is in it the process says. With
/// `sha256`, nothing of another file runs at all.
///
/// # Errors
/// Why it cannot be loaded.
pub async fn describe(program: &HostProgram, path: &Path, sha256: Option<&str>) -> Result<Description, LoadError> {
    let path = path.to_owned();
    let opened = tokio::task::spawn_blocking(move || open(&path)).await;
    let opened = opened.unwrap_or_else(|error| Err(LoadError::Host { why: error.to_string() }))?;
    if sha256.is_some_and(|expected| expected != opened.sha256) {
        return Err(LoadError::HashMismatch { path: opened.path });
    }
    let load = Load { path: opened.path.clone(), sha256: opened.sha256.clone() };
    let process::Hello { described, enforced } = process::describe(program, load).await?;
    Ok(Description { path: opened.path, sha256: opened.sha256, size: opened.size, described, enforced })
}

/// Takes the checks of a plugin into a registry, from what is known of it: no
/// file is opened before one of them runs.
///
/// # Errors
/// When a check's id is taken, or a manifest breaks the rules.
pub fn register(registry: &mut Registry, plugin: Plugin) -> Result<(), RegistryError> {
    let plugin = Arc::new(plugin);
    for manifest in plugin.checks() {
        let (own, id) = (Arc::clone(&plugin), manifest.id.clone());
        registry
            .add_made(manifest.clone(), plugin.path(), move |settings| Ok(Arc::clone(&own).instance(&id, settings)))?;
    }
    Ok(())
}

/// What a plugin is carried by.
fn carrier(entry: &Entry, program: &HostProgram) -> Arc<dyn Carrier> {
    match entry.isolation {
        Isolation::Process => {
            let load = Load { path: entry.path.clone(), sha256: entry.sha256.clone() };
            Arc::new(process::Processes::new(program.clone(), load, entry.described.serial()))
        }
        Isolation::Trusted => Arc::new(in_process::Trusted::new(PathBuf::from(&entry.path), entry.sha256.clone())),
    }
}
