//! What turns a Rust check into a plugin: [`export_check!`](crate::export_check)
//! and what it needs. A check that is linked into the engine uses none of it.
//!
//! | file | what | `unsafe` |
//! |---|---|---|
//! | `entry.rs` | the plugin's table: from C to the trait | yes |
//! | `host.rs` | the host's table: from Rust to C | yes |
//! | `calls.rs` | host calls as futures | no |
//! | `executor.rs` | runs one future on the run's thread | no |
//! | `panic.rs` | catches panics, with their words and place | no |
//! | `forward.rs` | `tracing` events to the host's log (feature `tracing`) | no |

mod calls;
mod entry;
mod executor;
#[cfg(feature = "tracing")]
mod forward;
mod host;
mod panic;

pub use entry::enter;

use crate::check::{Check, ConfigError, DynCheck, Manifest};

/// Wraps the whole of one run on its thread: calls what it is given exactly
/// once, for example inside the plugin's own async runtime.
pub type Around = fn(&mut dyn FnMut());

/// Makes a check with its settings in JSON.
type Create = fn(&[u8]) -> Result<Box<dyn DynCheck>, ConfigError>;

/// A check of the plugin, without its type.
pub struct Registration {
    manifest: fn() -> Manifest,
    create: Create,
    around: Around,
}

impl Registration {
    /// The registration of `C`.
    pub const fn of<C: Check>(around: Around) -> Self {
        Registration { manifest: C::manifest, create: create::<C>, around }
    }
}

/// Makes a check with its settings in JSON; without any, with the default ones.
fn create<C: Check>(config: &[u8]) -> Result<Box<dyn DynCheck>, ConfigError> {
    let config = match config {
        [] | b"null" => C::Config::default(),
        json => serde_json::from_slice(json).map_err(|error| ConfigError::at("", error.to_string()))?,
    };
    Ok(Box::new(C::new(config)?))
}

/// What the SDK asks of its host for one run: the functions of
/// [`crate::abi::HostTable`] without pointers, so that all above it is safe
/// code and is tested without a host.
trait Host: Send + Sync + 'static {
    fn submit(&self, tag: u64, method: &str, head: &[u8], body: &[u8]) -> crate::abi::Status;
    /// Gives what there is to do; where there is nothing, waits for it if `wait`.
    fn next(&self, wait: bool) -> Next;
    fn nudge(&self);
    fn cancel(&self, tag: u64);
    fn emit(&self, kind: u32, head: &[u8]) -> crate::abi::Status;
}

/// What [`Host::next`] has to say.
enum Next {
    /// A call is answered.
    Answer(u64, calls::Answer),
    /// Somebody called [`Host::nudge`], or there is nothing to do.
    Nudged,
    /// The run is cancelled or over.
    Over,
}

/// Makes a library a plugin with these checks: `export_check!(A, B);`, once, in
/// a crate of `crate-type = ["cdylib"]`.
///
/// A plugin that brings its own async runtime enters it around each run:
///
/// ```ignore
/// fn inside_tokio(run: &mut dyn FnMut()) {
///     let _inside = RUNTIME.enter();
///     run();
/// }
/// engine_plugin_api::export_check!(A, B; around inside_tokio);
/// ```
#[macro_export]
macro_rules! export_check {
    ($($check:ty),+ $(,)?) => {
        $crate::export_check!($($check),+; around |run: &mut dyn FnMut()| run());
    };
    ($($check:ty),+; around $around:expr) => {
        const _: () = {
            static CHECKS: &[$crate::sdk::Registration] = &[$($crate::sdk::Registration::of::<$check>($around)),+];

            #[unsafe(no_mangle)]
            extern "C" fn emc_plugin_entry(_: u16, _: u16) -> *const $crate::abi::Header {
                $crate::sdk::enter(CHECKS, cfg!(panic = "abort"))
            }
        };
    };
}
