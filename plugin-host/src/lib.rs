//! The host's side of the plugin boundary, and the only unsafe code of the
//! engine: it opens shared libraries, calls and is called through the C tables
//! of [`engine_plugin_api::abi`], and is what runs in a plugin's own process.
//!
//! | file | what |
//! |---|---|
//! | `failure.rs` | everything that can go wrong with a plugin, typed |
//! | `permissions.rs` | which files may be opened as plugins at all |
//! | `library.rs` | opens a library and reads its table and manifest |
//! | `wasm.rs` | the same for a WebAssembly module (feature `wasm`) |
//! | `calls.rs` | the host's functions over a queue for each run |
//! | `frame.rs` | the same calls as bytes, between engine and process |
//! | `child/` | the program in a plugin's process: `engine plugin-host` |
//! | `sandbox/` | what that process may not do |
//! | `stdout.rs` | the engine's output, apart from what a trusted plugin prints |
//!
//! What the calls *do* is not known here: a [`calls::Backend`] is the engine's
//! services in the engine's own process, and frames in a plugin's. A second
//! loader, for another kind of plugin, uses the same queue and the same backend.

pub mod calls;
pub mod child;
mod failure;
pub mod frame;
pub mod library;
mod permissions;
pub mod sandbox;
pub mod stdout;
#[cfg(feature = "wasm")]
mod wasm;

pub use failure::{Crash, LoadError, RunFailure};
pub use permissions::{Opened, is_root, open, secure};
