//! Opens a shared library and reads what it is.

use std::{ffi::c_void, fs::File, path::Path, sync::mpsc, time::Duration};

use engine_plugin_api::{
    PluginDocument,
    abi::{
        self, Bytes, ENTRY, Entry, FLAG_PANIC_ABORT, FLAG_SERIAL, Header, HeaderFault, MAJOR, MINOR, PluginTable,
        Status, limits,
    },
};
use serde::{Deserialize, Serialize};

use crate::{LoadError, permissions::Opened};

/// Time for the entry point and the manifest together.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// The oldest minor version of a plugin that this engine works with.
const OLDEST_MINOR: u16 = 0;

/// What a plugin says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Described {
    /// Its checks.
    pub document: PluginDocument,
    /// The minor version of the ABI that it was built for.
    pub minor: u16,
    /// Its flags, [`FLAG_PANIC_ABORT`] and the like.
    pub flags: u16,
}

impl Described {
    /// Holds what it says of itself against what every plugin must say.
    ///
    /// # Errors
    /// [`LoadError::Manifest`].
    pub fn sound(&self) -> Result<(), LoadError> {
        sound(&self.document)
    }

    /// Whether a panic ends its process.
    pub fn aborts(&self) -> bool {
        self.flags & FLAG_PANIC_ABORT != 0
    }

    /// Whether only one run may be in a process at a time.
    pub fn serial(&self) -> bool {
        self.flags & FLAG_SERIAL != 0
    }
}

/// An open plugin. It is never closed: code of it may still run.
pub struct Library {
    /// What it says of itself.
    pub described: Described,
    code: Code,
}

enum Code {
    /// Machine code behind the C tables.
    Native(PluginTable),
    /// A WebAssembly module.
    #[cfg(feature = "wasm")]
    Wasm(crate::wasm::Guest),
}

/// Opens a library and has it describe itself, on a thread of its own for at
/// most [`PATIENCE`]. In a process that is not `isolated`, one whose panics end
/// the process is refused.
///
/// A constructor of the library that hangs keeps every later library of the
/// process from being opened: first contact with a file belongs into a child.
///
/// # Errors
/// Every [`LoadError`] that has to do with a file's content.
pub fn load(opened: Opened, isolated: bool) -> Result<Library, LoadError> {
    let (sender, receiver) = mpsc::channel();
    let thread = std::thread::Builder::new().name("plugin loader".to_owned());
    // It may hang; then it is left behind.
    let begun = thread.spawn(move || drop(sender.send(open(opened, isolated))));
    begun.map_err(|error| LoadError::Host { why: error.to_string() })?;
    match receiver.recv_timeout(PATIENCE) {
        Ok(loaded) => loaded,
        Err(_) => Err(LoadError::Unresponsive { phase: "loading".to_owned() }),
    }
}

fn open(opened: Opened, isolated: bool) -> Result<Library, LoadError> {
    if opened.wasm {
        return wasm(opened);
    }
    let library = dlopen(opened)?;
    // SAFETY: whatever exports a symbol of this name says that it is an `Entry`.
    let entry = unsafe { library.get::<Entry>(ENTRY) }.map_err(|_| LoadError::MissingSymbol)?;
    // SAFETY: as the ABI has it; the plugin's code is trusted to be what it says, or is in a
    // process that is there for that.
    let table = unsafe { entry(MAJOR, MINOR) };
    if table.is_null() || !table.is_aligned() {
        return Err(LoadError::BadEntry { null: table.is_null() });
    }
    // SAFETY: not null, aligned; the ABI promises a header there for as long as the process lives.
    let header: Header = unsafe { *table };
    header.usable(MINOR, PluginTable::LEAST).map_err(refused)?;
    #[allow(clippy::absurd_extreme_comparisons, reason = "the oldest is the first, so far")]
    if header.minor < OLDEST_MINOR {
        return Err(LoadError::PluginTooOld { plugin_minor: header.minor });
    }
    if header.flags & FLAG_PANIC_ABORT != 0 && !isolated {
        return Err(LoadError::NeedsIsolation);
    }
    // SAFETY: the header is that of a table of this major version with at least the functions of 1.0.
    let table: PluginTable = unsafe { abi::read_table(table) };
    let document = describe(&table)?;
    Ok(Library {
        described: Described { document, minor: header.minor, flags: header.flags },
        code: Code::Native(table),
    })
}

#[cfg(feature = "wasm")]
fn wasm(opened: Opened) -> Result<Library, LoadError> {
    let guest = crate::wasm::Guest::read(opened)?;
    let document = document(&guest.manifest()?)?;
    Ok(Library { described: Described { document, minor: guest.minor(), flags: 0 }, code: Code::Wasm(guest) })
}

#[cfg(not(feature = "wasm"))]
fn wasm(_: Opened) -> Result<Library, LoadError> {
    Err(LoadError::Wasm { why: "this engine is built without its feature `wasm`".to_owned() })
}

fn refused(fault: HeaderFault) -> LoadError {
    match fault {
        HeaderFault::Magic => LoadError::BadMagic,
        HeaderFault::Major { theirs } => LoadError::AbiMajor { plugin: theirs, host: MAJOR },
        HeaderFault::NeedsMinor { needs, ours } => LoadError::HostTooOld { needs_minor: needs, host_minor: ours },
        fault @ HeaderFault::Truncated { .. } => LoadError::Truncated { what: fault.to_string() },
    }
}

fn describe(table: &PluginTable) -> Result<PluginDocument, LoadError> {
    let missing = |name: &str| LoadError::Truncated { what: format!("it has no function `{name}`") };
    let manifest = table.manifest.ok_or_else(|| missing("manifest"))?;
    table.create.ok_or_else(|| missing("create"))?;
    table.run.ok_or_else(|| missing("run"))?;
    table.destroy.ok_or_else(|| missing("destroy"))?;
    let bad = |why: String| LoadError::Manifest { why };
    let mut basket = Basket::new(limits::MANIFEST);
    // SAFETY: `basket` outlives the call, and `collect` takes it as what it is.
    let status = unsafe { manifest(basket.pointer(), collect) };
    let text = basket.contents().ok_or_else(|| bad(format!("it is larger than {} KiB", limits::MANIFEST >> 10)))?;
    if status != abi::OK {
        return Err(bad(format!("status {status} {}", String::from_utf8_lossy(&text))));
    }
    document(&text)
}

/// The manifest that `text` holds.
fn document(text: &[u8]) -> Result<PluginDocument, LoadError> {
    let bad = |why: String| LoadError::Manifest { why };
    let document: PluginDocument = serde_json::from_slice(text).map_err(|error| bad(error.to_string()))?;
    sound(&document)?;
    Ok(document)
}

fn sound(document: &PluginDocument) -> Result<(), LoadError> {
    let bad = |why: String| LoadError::Manifest { why };
    let ids: Vec<&str> = document.checks.iter().map(|check| check.id.as_str()).collect();
    if ids.is_empty() {
        return Err(bad("it has no checks".to_owned()));
    }
    if let Some(twice) = ids.iter().enumerate().find_map(|(at, id)| ids[..at].contains(id).then_some(*id)) {
        return Err(bad(format!("it has two checks `{twice}`")));
    }
    Ok(())
}

/// Where a plugin puts bytes: up to a limit, and beyond it nothing at all.
pub(crate) struct Basket {
    bytes: Vec<u8>,
    room: usize,
    over: bool,
}

impl Basket {
    pub(crate) fn new(room: usize) -> Basket {
        Basket { bytes: Vec::new(), room, over: false }
    }

    pub(crate) fn pointer(&mut self) -> *mut c_void {
        std::ptr::from_mut(self).cast()
    }

    /// What was put in; `None` when it was too much.
    pub(crate) fn contents(self) -> Option<Vec<u8>> {
        (!self.over).then_some(self.bytes)
    }
}

/// The sink over a [`Basket`].
///
/// # Safety
/// `ud` comes from [`Basket::pointer`] and the basket is still there; `data` can be read.
pub(crate) unsafe extern "C" fn collect(ud: *mut c_void, data: Bytes) {
    // SAFETY: the caller vouches for the pointer, and plugins call a sink from one thread.
    let Some(basket) = (unsafe { ud.cast::<Basket>().as_mut() }) else { return };
    if basket.over || data.len > basket.room - basket.bytes.len() {
        basket.over = true;
        basket.bytes = Vec::new();
        return;
    }
    // SAFETY: the caller vouches for the bytes, which are copied before we return.
    basket.bytes.extend_from_slice(unsafe { data.get() });
}

/// Opens the library with every symbol bound and none shared, and never closes it.
///
/// A symbol that is not defined is an error now, not the end of the process at
/// its first call.
#[cfg(unix)]
fn dlopen(opened: Opened) -> Result<&'static libloading::os::unix::Library, LoadError> {
    use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
    let path = place(&opened);
    // SAFETY: this runs the library's constructors; see `load`.
    let library = unsafe { Library::open(Some(Path::new(&path)), RTLD_NOW | RTLD_LOCAL) }.map_err(words)?;
    // The number of the file must never name another one: the loader knows libraries by name.
    std::mem::forget(opened.file);
    Ok(Box::leak(Box::new(library)))
}

/// As elsewhere; libraries beside the file and in the system's folder are found, in the working directory none.
#[cfg(windows)]
fn dlopen(opened: Opened) -> Result<&'static libloading::os::windows::Library, LoadError> {
    use libloading::os::windows::{LOAD_LIBRARY_SEARCH_DEFAULT_DIRS, LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR, Library};
    let path = place(&opened);
    let flags = LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR | LOAD_LIBRARY_SEARCH_DEFAULT_DIRS;
    // SAFETY: this runs the library's constructors; see `load`.
    let library = unsafe { Library::load_with_flags(Path::new(&path), flags) }.map_err(words)?;
    std::mem::forget(opened.file);
    Ok(Box::leak(Box::new(library)))
}

/// The very file that was examined, whatever its path leads to by now.
fn place(opened: &Opened) -> String {
    #[cfg(target_os = "linux")]
    {
        use std::os::fd::AsRawFd;
        format!("/proc/self/fd/{}", File::as_raw_fd(&opened.file))
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _: &File = &opened.file;
        opened.path.clone()
    }
}

/// The loader's own words stand behind libloading's.
fn words(error: libloading::Error) -> LoadError {
    let source = std::error::Error::source(&error).map(ToString::to_string);
    LoadError::Dlopen { words: source.unwrap_or_else(|| error.to_string()) }
}

/// How a run's calls into the plugin ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The status of the first call that failed, or of `run`.
    pub status: Status,
    /// What `create` said against the settings.
    pub error: Vec<u8>,
}

/// What to run.
#[derive(Clone, Debug)]
pub struct Task {
    /// The run's number, open in [`crate::calls`].
    pub run: u64,
    /// The check's id.
    pub check: String,
    /// Its settings as JSON, empty for the default ones.
    pub config: Vec<u8>,
    /// The target as JSON.
    pub target: Vec<u8>,
    /// Its message, which the JSON leaves out.
    pub message: Vec<u8>,
}

impl Library {
    /// Creates, runs and destroys one instance, on the calling thread. Blocks
    /// for as long as the plugin likes.
    #[cfg_attr(not(feature = "wasm"), allow(clippy::infallible_destructuring_match, reason = "a feature adds one"))]
    pub fn run(&self, task: &Task) -> Ended {
        let table = match &self.code {
            #[cfg(feature = "wasm")]
            Code::Wasm(guest) => return guest.run(task),
            Code::Native(table) => table,
        };
        let (Some(create), Some(run), Some(destroy)) = (table.create, table.run, table.destroy) else {
            return Ended { status: abi::E_INTERNAL, error: Vec::new() }; // `describe` has looked
        };
        let mut instance = std::ptr::null_mut();
        let mut error = Basket::new(limits::ARGUMENT);
        let (check, config) = (Bytes::of(task.check.as_bytes()), Bytes::of(&task.config));
        // SAFETY: the table is a plugin's of this major version; everything lent outlives the call.
        let status = unsafe { create(&crate::calls::HOST, check, config, &mut instance, error.pointer(), collect) };
        if status != abi::OK {
            return Ended { status, error: error.contents().unwrap_or_default() };
        }
        // SAFETY: the instance was just made by this plugin, and is used on this thread alone.
        let status = unsafe { run(instance, task.run, Bytes::of(&task.target), Bytes::of(&task.message)) };
        // SAFETY: the instance's run is over; it is ended once.
        unsafe { destroy(instance) };
        Ended { status, error: Vec::new() }
    }
}
