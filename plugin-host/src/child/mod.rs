//! The program in a plugin's process: `engine plugin-host`.
//!
//! It is started with its standard input on a private socket, loads the one
//! file that it is told to, and from then on is a 1:1 image of the C calls in
//! frames. The engine does not believe anything that comes out of it.

#[cfg(unix)]
mod intake;
#[cfg(unix)]
mod serving;

use serde::{Deserialize, Serialize};

/// What to load: the content of [`crate::frame::Kind::Load`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Load {
    /// The file.
    pub path: String,
    /// The SHA-256 that it must have.
    pub sha256: String,
}

/// What to run: the first part of [`crate::frame::Kind::Run`]. The second is
/// the target, the third its message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begin {
    /// The check's id.
    pub check: String,
    /// Its settings as JSON, empty for the default ones.
    pub config: String,
}

#[cfg(unix)]
pub use serving::serve;

/// Serves one engine.
#[cfg(not(unix))]
pub fn serve() -> std::process::ExitCode {
    eprintln!("plugins have no process of their own on this system yet");
    std::process::ExitCode::FAILURE
}

/// Ends the process at once: no destructor of a plugin runs, no thread of one
/// is waited for.
pub fn leave(code: u8) -> ! {
    #[cfg(unix)]
    // SAFETY: takes a number, and does not return.
    unsafe {
        libc::_exit(i32::from(code))
    }
    #[cfg(not(unix))]
    std::process::exit(i32::from(code))
}
