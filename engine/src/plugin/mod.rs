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

use std::{path::PathBuf, sync::Arc};

pub use carrier::{Carrier, End, Order, Running};
pub use check::{CRASHES, GRACE, Plugin};
pub use engine_plugin_host::{Crash, LoadError, RunFailure, child::Hello, sandbox::Enforced};
pub use in_process::{MOST_ABANDONED, abandoned};
pub use lock::{Entry, Isolation, Lock, LockError};
pub use places::Places;
pub use process::HostProgram;
pub use service::{Answers, Service};

use engine_plugin_host::child::Load;

use crate::registry::{Registry, RegistryError};

/// Has a process load a file and describe it. Nothing of the file runs here.
///
/// # Errors
/// Why it cannot be loaded.
pub async fn describe(program: &HostProgram, path: &std::path::Path) -> Result<Hello, LoadError> {
    let why = || LoadError::NotFound { path: path.display().to_string(), why: "its path is not UTF-8".to_owned() };
    // The process works in another folder.
    let path = std::path::absolute(path).ok().and_then(|path| Some(path.to_str()?.to_owned())).ok_or_else(why)?;
    process::describe(program, Load { path, sha256: None }).await
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
            let load = Load { path: entry.path.clone(), sha256: Some(entry.sha256.clone()) };
            Arc::new(process::Processes::new(program.clone(), load, entry.described.serial()))
        }
        Isolation::Trusted => Arc::new(in_process::Trusted::new(PathBuf::from(&entry.path), entry.sha256.clone())),
    }
}
