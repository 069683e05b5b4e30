//! Confinement on Linux: limits, capabilities, Landlock, seccomp.

use std::{
    fs::File,
    os::fd::{AsFd, OwnedFd},
};

use landlock::{
    ABI, Access, AccessFs, AccessNet, PathBeneath, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetStatus, Scope,
    path_beneath_rules,
};
use rustix::{
    process::{Resource, Rlimit, Signal},
    thread::{CapabilitySet, CapabilitySets},
};
use seccompiler::{apply_filter, apply_filter_all_threads};

use super::{ADDRESS_SPACE, Enforced, OPEN_FILES, SandboxError, denials, rules};

/// Where the dynamic loader finds the libraries of the system, and what every
/// program reads on the way.
const LIBRARIES: [&str; 7] =
    ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/nix/store", "/etc/ld.so.cache"];
/// What holds nothing of anybody's.
const HARMLESS: [&str; 3] = ["/dev/null", "/dev/urandom", "/dev/random"];

pub(super) fn failed<E: std::fmt::Display>(step: &'static str) -> impl FnOnce(E) -> SandboxError {
    move |error| SandboxError { step, why: error.to_string() }
}

/// Closes what this process was given beside its standard streams, such as a
/// file that the shell had open for writing. To be called before anything is opened.
pub fn close_inherited() {
    // SAFETY: takes numbers; nothing of ours is open yet that it could close.
    let closed = unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0) };
    if closed != 0 {
        // A kernel before 5.9. No more than so many can have been opened with usual limits.
        for file in 3..4096 {
            // SAFETY: as above.
            unsafe { libc::close(file) };
        }
    }
}

/// Confines this process, which has one thread so far, before it touches
/// `plugin`; what it is denied is written to the pipe `told`. There is no way back.
///
/// # Errors
/// When a limit or the filter of system calls cannot be set: an unconfined
/// process loads nothing. A kernel without Landlock is no error.
pub fn enter(plugin: &File, told: OwnedFd) -> Result<Enforced, SandboxError> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).map_err(failed("tie it to its parent"))?;
    let limits =
        [(Resource::Core, 0), (Resource::Fsize, 0), (Resource::As, ADDRESS_SPACE), (Resource::Nofile, OPEN_FILES)];
    for (resource, most) in limits {
        let limit = Rlimit { current: Some(most), maximum: Some(most) };
        rustix::process::setrlimit(resource, limit).map_err(failed("limit it"))?;
    }
    let none = CapabilitySet::empty();
    let sets = CapabilitySets { effective: none, permitted: none, inheritable: none };
    rustix::thread::set_capabilities(None, sets).map_err(failed("take its capabilities"))?;
    let files = close_files(plugin);
    denials::tell(told)?;
    apply_filter(&rules::before_loading()).map_err(failed("filter its system calls"))?;
    Ok(Enforced { calls: true, files })
}

/// Takes away what only loading needed, from all threads that there are by now.
///
/// # Errors
/// When the filter cannot be set.
pub fn seal() -> Result<(), SandboxError> {
    apply_filter_all_threads(&rules::after_loading()).map_err(failed("close the files to it"))
}

/// Whether Landlock closes the file system, TCP, and what lies outside.
fn close_files(plugin: &File) -> bool {
    let read = AccessFs::Execute | AccessFs::ReadFile | AccessFs::ReadDir;
    let rules = || {
        let own = PathBeneath::new(plugin.as_fd(), AccessFs::Execute | AccessFs::ReadFile);
        Ok::<_, Box<dyn std::error::Error>>(
            Ruleset::default()
                .handle_access(AccessFs::from_all(ABI::V5))?
                .handle_access(AccessNet::from_all(ABI::V4))?
                .scope(Scope::from_all(ABI::V6))?
                .create()?
                .add_rules(path_beneath_rules(LIBRARIES, read))?
                .add_rules(path_beneath_rules(HARMLESS, AccessFs::ReadFile))?
                .add_rule(own)?
                .restrict_self()?,
        )
    };
    rules().is_ok_and(|status| status.ruleset != RulesetStatus::NotEnforced)
}
