//! What a plugin's process may not do, enforced by the kernel where it can.
//!
//! A plugin asks the world through its host and in no other way. On Linux the
//! process that loads it is held to that: before the file is opened by the
//! dynamic loader, seccomp and Landlock take away sockets, other programs,
//! other processes and writing; once it is loaded, opening files as well. On
//! other systems the plugin still has a process of its own, and
//! [`Enforced::words`] says that nothing more is enforced.

use serde::{Deserialize, Serialize};

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod denials;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod filter;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod linux;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod rules;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub use linux::{close_inherited, enter, seal};

/// Address space that a plugin's process may use, in bytes.
pub const ADDRESS_SPACE: u64 = 1 << 30;
/// Files that it may have open at once.
pub const OPEN_FILES: u64 = 64;

/// What the system enforces on a plugin's process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enforced {
    /// System calls are filtered: no sockets, programs, other processes.
    pub calls: bool,
    /// Landlock closes the file system but for the system's libraries.
    pub files: bool,
}

impl Enforced {
    /// How `plugin list` says it.
    pub fn words(self) -> &'static str {
        match (self.calls, self.files) {
            (true, true) => "system calls filtered, files closed",
            (true, false) => "system calls filtered",
            (false, true) => "files closed",
            (false, false) => "a process of its own, nothing more",
        }
    }
}

/// Why a plugin's process could not be confined.
#[derive(Debug, thiserror::Error)]
#[error("could not {step}: {why}")]
pub struct SandboxError {
    /// What was to be done.
    pub step: &'static str,
    /// The system's words.
    pub why: String,
}

/// Confines this process before it touches a plugin.
///
/// # Errors
/// Never here: this system has nothing to confine it with.
#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
pub fn enter(_plugin: &std::fs::File, _told: std::os::fd::OwnedFd) -> Result<Enforced, SandboxError> {
    Ok(Enforced::default())
}

/// Closes what this process was given beside its standard streams, such as a
/// file that the shell had open for writing. To be called before anything is opened.
#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
pub fn close_inherited() {}

/// Takes away what only loading needed.
///
/// # Errors
/// Never here.
#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
pub fn seal() -> Result<(), SandboxError> {
    Ok(())
}

/// What a plugin was denied since it was last asked, read from the other end of
/// the pipe that [`enter`] was given, in words such as `to open /etc/passwd`;
/// each once. Reads what is there, and at most 64 denials.
pub fn denied(told: &mut impl std::io::Read) -> Vec<String> {
    #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        use std::io::Read as _;
        let mut records = Vec::new();
        // An end, or an error that says that nothing is there yet, comes after what is.
        let _ = told.take(denials::MOST as u64).read_to_end(&mut records);
        denials::said(&records)
    }
    #[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
    {
        let _ = told;
        Vec::new()
    }
}
