//! Keeps what the engine prints apart from what a plugin in its own process prints.

use std::{fs::File, io};

/// Out of the way of what a plugin may open, close or write to by number.
#[cfg(unix)]
const HIGH: i32 = 32;

/// The standard output of this process; from now on, whatever writes to it by
/// its usual number writes to standard error.
///
/// # Errors
/// When the system has no more descriptors, or no such thing.
#[cfg(unix)]
pub fn keep() -> io::Result<File> {
    use std::os::fd::AsFd;

    let kept = rustix::io::fcntl_dupfd_cloexec(io::stdout().as_fd(), HIGH)?;
    rustix::stdio::dup2_stdout(io::stderr().as_fd())?;
    Ok(File::from(kept))
}

/// The standard output of this process.
///
/// # Errors
/// Always: on this system it is not kept apart yet.
#[cfg(not(unix))]
pub fn keep() -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}
