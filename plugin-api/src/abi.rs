//! The C layer under the contract: what crosses between the engine and a plugin
//! that was built by another compiler, or in C. `include/emc_plugin.h` says the
//! same in C; a test holds one against the other.
//!
//! Two names are chosen here once and never change: the prefix `emc_` ("e-mail
//! check") and the one symbol that a plugin exports, [`ENTRY`].
//!
//! # Rules
//! - Only integers, pointers, `(pointer, length)` and nullable function pointers
//!   cross. Nothing is allocated on one side and freed on the other: every
//!   [`Bytes`] is lent for one call, and whoever receives it copies it.
//! - [`Header`], [`Bytes`] and [`Completion`] never change. Tables only grow at
//!   their end; [`read_table`] sees what a peer lacks as `None`.
//! - No panic, exception, future, waker or errno crosses.
//! - A new service is a new name (`dns.lookup/2`), never a new function. Readers
//!   of JSON take members and words that they do not know.
//!
//! # A run
//! The host calls [`PluginTable::create`], `run` and `destroy` on one thread
//! that it keeps for this run. `run` blocks: it gives questions to
//! [`HostTable::submit`] under tags of its own, takes answers from `next`, and
//! sends what it finds with `emit`. The host's functions may be called from any
//! thread; once the run is over they answer [`E_ENDED`], and its number is never
//! used again.
//!
//! A run ends well when `run` returns [`OK`] *and* one [`KIND_OUTCOME`] was sent.
//! [`OK`] without an outcome, or any other status, means that the check failed:
//! what it sent before is kept, and nothing counts as clean.
//!
//! # JSON
//! | where | what |
//! |---|---|
//! | [`PluginTable::manifest`] | [`crate::PluginDocument`] |
//! | `create`: `config` | the settings; empty for the default ones |
//! | `create`: error sink | [`crate::ConfigError`] with [`E_CONFIG`], [`crate::PanicNote`] with [`E_PANIC`] |
//! | `run`: `target` | [`crate::Target`], whose `message` has an empty `bytes`: they are the argument `message` |
//! | `submit`, `call`: `head` | the request of the service, see [`crate::services`] |
//! | [`Completion::head`] | its answer with [`OK`], otherwise [`crate::ServiceError`], possibly empty |
//! | `emit` | by kind, see [`KIND_EMISSION`] and those after it |

use std::{ffi::c_void, mem};

/// First eight bytes of every table, as a native integer.
pub const MAGIC: u64 = u64::from_le_bytes(*b"EMCHK\r\x1a\n");
/// Major version of this layer: peers with another one cannot work together.
pub const MAJOR: u16 = 1;
/// Minor version of this layer: grows with every appended function.
pub const MINOR: u16 = 0;
/// The one symbol that a plugin exports; it is an [`Entry`].
pub const ENTRY: &str = "emc_plugin_entry";

/// How a call went. Every negative value is a failure, known or not.
pub type Status = i32;
/// It went well.
pub const OK: Status = 0;
/// From `next`: woken by `nudge`, or the time is over; there is no completion.
pub const NUDGED: Status = 1;
/// The callee's own failure.
pub const E_FAILED: Status = -1;
/// The run or the call was cancelled: clean up and return.
pub const E_CANCELLED: Status = -2;
/// The run is over, or never was.
pub const E_ENDED: Status = -3;
/// The host does not know the service, kind or extension.
pub const E_UNSUPPORTED: Status = -4;
/// The manifest does not name the service, or the host's rules forbid the call.
pub const E_DENIED: Status = -5;
/// Too much: bytes, calls, findings.
pub const E_LIMIT: Status = -6;
/// An argument is no JSON, no UTF-8, null, or not what the service reads.
pub const E_BAD_ARG: Status = -7;
/// The plugin panicked; [`KIND_PANIC`] or the error sink has the words.
pub const E_PANIC: Status = -8;
/// The settings were not taken.
pub const E_CONFIG: Status = -9;
/// The host's own fault.
pub const E_INTERNAL: Status = -10;
/// A time limit of the call passed.
pub const E_TIMEOUT: Status = -11;

/// `emit`: a [`crate::Emission`], for example `{"kind":"finding",…}`.
pub const KIND_EMISSION: u32 = 1;
/// `emit`: the [`crate::Outcome`] of the run, at most once.
pub const KIND_OUTCOME: u32 = 2;
/// `emit`: a [`crate::LogLine`] for whoever debugs the plugin.
pub const KIND_LOG: u32 = 3;
/// `emit`: a [`crate::PanicNote`]; allowed until `destroy` has returned.
pub const KIND_PANIC: u32 = 4;

/// Flag of a plugin: a panic ends its process, so it must have one of its own.
pub const FLAG_PANIC_ABORT: u16 = 1;
/// Flag of a plugin: only one run at a time in one process.
pub const FLAG_SERIAL: u16 = 2;

/// Limits that a plugin can count on and a host keeps, in bytes unless it says otherwise.
pub mod limits {
    /// The manifest document.
    pub const MANIFEST: usize = 1 << 20;
    /// Head or body of one call, settings, target, answer.
    pub const ARGUMENT: usize = 16 << 20;
    /// The message of a target.
    pub const MESSAGE: usize = crate::Message::LARGEST;
    /// Head and body of everything that one run emits, together.
    pub const EMITTED: usize = 1 << 20;
    /// Findings and unknowns of one run, a number.
    pub const EMISSIONS: usize = 1_000;
    /// Calls of one run, a number.
    pub const CALLS: usize = 10_000;
    /// Calls of one run that are carried out at once, a number; more wait.
    pub const IN_FLIGHT: usize = 64;
    /// Calls of one run that wait for their turn, a number; more are refused.
    pub const WAITING: usize = 256;
}

/// The first 24 bytes of every table, the same for ever.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// [`MAGIC`].
    pub magic: u64,
    /// Major version of whoever made the table.
    pub major: u16,
    /// Minor version of whoever made the table.
    pub minor: u16,
    /// The oldest minor version of the peer that it can work with.
    pub min_minor: u16,
    /// [`FLAG_PANIC_ABORT`] and the like; unknown ones are ignored.
    pub flags: u16,
    /// Bytes of the whole table.
    pub size: u32,
    /// Zero.
    pub reserved: u32,
}

impl Header {
    /// The header of a table of `size` bytes ([`HostTable::SIZE`], [`PluginTable::SIZE`])
    /// that works with every peer of this major version.
    pub const fn new(size: usize, flags: u16) -> Self {
        Header { magic: MAGIC, major: MAJOR, minor: MINOR, min_minor: 0, flags, size: size as u32, reserved: 0 }
    }

    /// Whether a table with this header can be used by a side of version
    /// `MAJOR.minor` that needs `least` bytes of it.
    ///
    /// # Errors
    /// The first of: [`HeaderFault::Magic`], `Major`, `PeerTooOld`, `Truncated`.
    pub fn usable(&self, minor: u16, least: usize) -> Result<(), HeaderFault> {
        if self.magic != MAGIC {
            Err(HeaderFault::Magic)
        } else if self.major != MAJOR {
            Err(HeaderFault::Major { theirs: self.major })
        } else if self.min_minor > minor {
            Err(HeaderFault::NeedsMinor { needs: self.min_minor, ours: minor })
        } else if (self.size as usize) < least {
            Err(HeaderFault::Truncated { size: self.size, least })
        } else {
            Ok(())
        }
    }
}

/// Why a table cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderFault {
    /// It is no table of this kind.
    Magic,
    /// It is of another major version.
    Major {
        /// The table's.
        theirs: u16,
    },
    /// It needs a newer peer.
    NeedsMinor {
        /// The oldest minor version that it works with.
        needs: u16,
        /// Ours.
        ours: u16,
    },
    /// It is shorter than the table of version `MAJOR.0`.
    Truncated {
        /// Bytes that it has.
        size: u32,
        /// Bytes that it must have.
        least: usize,
    },
}

impl std::fmt::Display for HeaderFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            HeaderFault::Magic => f.write_str("it does not begin as a plugin's table does"),
            HeaderFault::Major { theirs } => write!(f, "it speaks version {theirs} of the plugin ABI, not {MAJOR}"),
            HeaderFault::NeedsMinor { needs, ours } => {
                write!(f, "it needs version {MAJOR}.{needs} of the plugin ABI, and this is {MAJOR}.{ours}")
            }
            HeaderFault::Truncated { size, least } => write!(f, "its table has {size} of at least {least} bytes"),
        }
    }
}

impl std::error::Error for HeaderFault {}

/// Bytes that are lent for one call. A null pointer is no bytes, whatever `len` says.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Bytes {
    /// The first byte.
    pub ptr: *const u8,
    /// How many.
    pub len: usize,
}

impl Bytes {
    /// No bytes.
    pub const EMPTY: Bytes = Bytes { ptr: std::ptr::null(), len: 0 };

    /// Lends `bytes`.
    pub fn of(bytes: &[u8]) -> Bytes {
        Bytes { ptr: bytes.as_ptr(), len: bytes.len() }
    }

    /// What was lent.
    ///
    /// # Safety
    /// The pointer is null, or `len` bytes behind it can be read and do not
    /// change for `'a`.
    #[allow(unsafe_code)]
    pub unsafe fn get<'a>(self) -> &'a [u8] {
        if self.ptr.is_null() || self.len == 0 || self.len > isize::MAX as usize {
            return &[];
        }
        // SAFETY: the caller vouches for `len` readable bytes; the length fits.
        unsafe { std::slice::from_raw_parts(self.ptr, self.len) }
    }
}

/// The answer to one call. The plugin owns the struct, the host fills it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Completion {
    /// The tag that the plugin gave to `submit`; 0 from `call`.
    pub tag: u64,
    /// How the call went.
    pub status: Status,
    /// Zero.
    pub reserved: u32,
    /// JSON, lent until the next `next` or `call` on the same *thread*.
    pub head: Bytes,
    /// Raw bytes, lent as long.
    pub body: Bytes,
}

impl Completion {
    /// One to be filled.
    pub const EMPTY: Completion =
        Completion { tag: 0, status: OK, reserved: 0, head: Bytes::EMPTY, body: Bytes::EMPTY };
}

/// Takes bytes during the call that was given it; `ud` is passed through.
pub type Sink = unsafe extern "C" fn(ud: *mut c_void, data: Bytes);

/// The symbol [`ENTRY`]: gives the plugin's table, which lives as long as the
/// process, or null when it cannot serve this host.
pub type Entry = unsafe extern "C" fn(host_major: u16, host_minor: u16) -> *const Header;

/// What the host does for a plugin. All functions take the number of the run and
/// may be called from any thread.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct HostTable {
    /// The header.
    pub header: Header,
    /// Begins a call; its completion comes under `tag`, possibly before this returns.
    pub submit: Option<unsafe extern "C" fn(run: u64, tag: u64, method: Bytes, head: Bytes, body: Bytes) -> Status>,
    /// Waits for a completion for at most `timeout_ms`, without limit when negative.
    pub next: Option<unsafe extern "C" fn(run: u64, timeout_ms: i64, out: *mut Completion) -> Status>,
    /// Makes one `next` that waits, or else the following one, return [`NUDGED`].
    pub nudge: Option<unsafe extern "C" fn(run: u64) -> Status>,
    /// Gives a call up; its completion may still come and is to be ignored.
    pub cancel: Option<unsafe extern "C" fn(run: u64, tag: u64) -> Status>,
    /// Sends something, by kind.
    pub emit: Option<unsafe extern "C" fn(run: u64, kind: u32, head: Bytes, body: Bytes) -> Status>,
    /// Makes a call and waits for its answer; completions of other calls stay for `next`.
    /// Returns the status of the answer.
    pub call:
        Option<unsafe extern "C" fn(run: u64, method: Bytes, head: Bytes, body: Bytes, out: *mut Completion) -> Status>,
    /// Functions beyond this table, by name (`vendor.name/1`); null when there are none.
    pub get_extension: Option<unsafe extern "C" fn(id: Bytes) -> *const c_void>,
}

/// What a plugin does for the host.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct PluginTable {
    /// The header.
    pub header: Header,
    /// Gives the document of all checks to `sink`, in one or several parts. No I/O, no threads.
    pub manifest: Option<unsafe extern "C" fn(ud: *mut c_void, sink: Sink) -> Status>,
    /// Makes an instance of `check` for one run. `host` lives as long as the process.
    pub create: Option<
        unsafe extern "C" fn(
            host: *const HostTable,
            check: Bytes,
            config: Bytes,
            out: *mut *mut c_void,
            ud: *mut c_void,
            error: Sink,
        ) -> Status,
    >,
    /// Runs an instance, once.
    pub run: Option<unsafe extern "C" fn(instance: *mut c_void, run: u64, target: Bytes, message: Bytes) -> Status>,
    /// Ends an instance; the run that it was in is still open.
    pub destroy: Option<unsafe extern "C" fn(instance: *mut c_void)>,
    /// Functions beyond this table, by name; null when there are none.
    pub get_extension: Option<unsafe extern "C" fn(id: Bytes) -> *const c_void>,
}

impl HostTable {
    /// Bytes of the table of version 1.0.
    pub const LEAST: usize = 24 + 7 * mem::size_of::<usize>();
    /// Bytes of this table: to the end of its last function, without what pads it.
    pub const SIZE: usize = mem::offset_of!(HostTable, get_extension) + mem::size_of::<usize>();
}

impl PluginTable {
    /// Bytes of the table of version 1.0.
    pub const LEAST: usize = 24 + 5 * mem::size_of::<usize>();
    /// Bytes of this table: to the end of its last function, without what pads it.
    pub const SIZE: usize = mem::offset_of!(PluginTable, get_extension) + mem::size_of::<usize>();
}

mod sealed {
    /// Tables of which every bit pattern of zeroes is a value.
    pub trait Table: Copy {}
    impl Table for super::HostTable {}
    impl Table for super::PluginTable {}
}

/// Copies a peer's table into one of ours: what the peer lacks is `None`, what
/// we do not know is left out. Use [`Header::usable`] first.
///
/// # Safety
/// `table` points to a [`Header`] whose `size` bytes can be read, and the
/// functions in it are what `T` says they are.
#[allow(unsafe_code)]
pub unsafe fn read_table<T: sealed::Table>(table: *const Header) -> T {
    let mut ours = mem::MaybeUninit::<T>::zeroed();
    // SAFETY: the caller vouches for `size` readable bytes; we copy no more of
    // them than `ours` holds. All fields are integers and nullable function
    // pointers, for which zeroes are a value.
    unsafe {
        let size = (*table).size as usize;
        std::ptr::copy_nonoverlapping(
            table.cast::<u8>(),
            ours.as_mut_ptr().cast::<u8>(),
            size.min(mem::size_of::<T>()),
        );
        ours.assume_init()
    }
}

// The layout that stands for ever; a change is an error of compilation.
const _: () = {
    let word = mem::size_of::<usize>();
    assert!(word == 4 || word == 8);
    assert!(mem::size_of::<Header>() == 24);
    assert!(mem::offset_of!(Header, major) == 8 && mem::offset_of!(Header, flags) == 14);
    assert!(mem::offset_of!(Header, size) == 16);
    assert!(mem::size_of::<Bytes>() == 2 * word);
    assert!(mem::offset_of!(Completion, status) == 8 && mem::offset_of!(Completion, head) == 16);
    assert!(mem::size_of::<Completion>() == 16 + 4 * word);
    assert!(mem::offset_of!(HostTable, submit) == 24 && mem::offset_of!(PluginTable, manifest) == 24);
    assert!(
        mem::offset_of!(HostTable, get_extension) + word == HostTable::LEAST && HostTable::SIZE >= HostTable::LEAST
    );
    assert!(mem::offset_of!(PluginTable, get_extension) + word == PluginTable::LEAST);
    assert!(PluginTable::SIZE >= PluginTable::LEAST);
};
