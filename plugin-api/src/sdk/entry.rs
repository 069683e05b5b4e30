//! The plugin's table: the called half of the boundary. Every function catches
//! panics, and trusts the host no further than the C layer says.
#![allow(unsafe_code)]

use std::{
    ffi::c_void,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{
    Around, Create, Host, Registration,
    calls::Calls,
    executor::block_on,
    host::AbiHost,
    panic::{guard, with_current},
};
use crate::{
    abi::{self, Bytes, FLAG_PANIC_ABORT, Header, HostTable, PluginTable, Sink, Status},
    check::{ConfigError, DynCheck},
    context::Context,
    target::Target,
    wire::{PanicNote, PluginDocument},
};

/// The plugin's checks, each with its id.
struct Plugin {
    checks: &'static [Registration],
    ids: OnceLock<Vec<String>>,
}

static PLUGIN: OnceLock<Plugin> = OnceLock::new();
static TABLE: OnceLock<PluginTable> = OnceLock::new();

/// The table of a plugin with these checks; `aborts` says that a panic ends its
/// process. Called by what [`export_check!`](crate::export_check) makes; the
/// first call decides.
pub fn enter(checks: &'static [Registration], aborts: bool) -> *const Header {
    PLUGIN.get_or_init(|| Plugin { checks, ids: OnceLock::new() });
    let table = TABLE.get_or_init(|| PluginTable {
        header: Header::new(PluginTable::SIZE, if aborts { FLAG_PANIC_ABORT } else { 0 }),
        manifest: Some(manifest),
        create: Some(create),
        run: Some(run),
        destroy: Some(destroy),
        get_extension: None,
    });
    std::ptr::from_ref(table).cast()
}

/// Whether a panic ends the process: as the plugin itself was built, whatever this crate was.
pub(super) fn aborts() -> bool {
    TABLE.get().is_some_and(|table| table.header.flags & FLAG_PANIC_ABORT != 0)
}

/// One run of a check.
struct Instance {
    check: Box<dyn DynCheck>,
    around: Around,
    host: HostTable,
    /// The number of the run, 0 before it.
    run: AtomicU64,
}

impl Instance {
    fn host(&self) -> Arc<dyn Host> {
        // SAFETY: `create` was given the table by the host, for the life of the process.
        Arc::new(unsafe { AbiHost::new(self.host, self.run.load(Ordering::Relaxed)) })
    }
}

/// # Safety
/// `sink` can be called with `ud`.
unsafe fn tell<T: serde::Serialize>(sink: Sink, ud: *mut c_void, what: &T) {
    let json = serde_json::to_vec(what).unwrap_or_default();
    // SAFETY: the caller's word; the bytes live until the call returns.
    unsafe { sink(ud, Bytes::of(&json)) }
}

unsafe extern "C" fn manifest(ud: *mut c_void, sink: Sink) -> Status {
    let document = guard(|| PluginDocument {
        checks: PLUGIN.get().map_or(&[][..], |plugin| plugin.checks).iter().map(|check| (check.manifest)()).collect(),
        sdk: concat!("rust ", env!("CARGO_PKG_VERSION")).to_owned(),
    });
    // SAFETY: the host gave `sink` and `ud` for this call.
    unsafe {
        match document {
            Ok(document) => {
                tell(sink, ud, &document);
                abi::OK
            }
            Err(note) => {
                tell(sink, ud, &note);
                abi::E_PANIC
            }
        }
    }
}

unsafe extern "C" fn create(
    host: *const HostTable,
    check: Bytes,
    config: Bytes,
    out: *mut *mut c_void,
    ud: *mut c_void,
    error: Sink,
) -> Status {
    if host.is_null() || out.is_null() {
        return abi::E_BAD_ARG;
    }
    // SAFETY: the host gives a table that begins with a header, whose `size`
    // bytes can be read, and lends the two texts for this call.
    let (host, check, config): (HostTable, _, _) = unsafe {
        let header = host.cast::<Header>();
        if (*header).usable(abi::MINOR, HostTable::LEAST).is_err() {
            return abi::E_UNSUPPORTED;
        }
        (abi::read_table(header), check.get(), config.get())
    };
    let made = guard(|| {
        #[cfg(feature = "tracing")]
        super::forward::install();
        let (making, around) = find(check)?;
        Ok::<_, ConfigError>(Instance { check: making(config)?, around, host, run: AtomicU64::new(0) })
    });
    // SAFETY: the host gave `out`, `error` and `ud` for this call.
    unsafe {
        match made {
            Ok(Ok(instance)) => {
                *out = Box::into_raw(Box::new(instance)).cast();
                abi::OK
            }
            Ok(Err(refusal)) => {
                tell(error, ud, &refusal);
                abi::E_CONFIG
            }
            Err(note) => {
                tell(error, ud, &note);
                abi::E_PANIC
            }
        }
    }
}

fn find(id: &[u8]) -> Result<(Create, Around), ConfigError> {
    let unknown = || ConfigError::at("", format!("the plugin has no check `{}`", String::from_utf8_lossy(id)));
    let plugin = PLUGIN.get().ok_or_else(unknown)?;
    let ids = plugin.ids.get_or_init(|| plugin.checks.iter().map(|check| (check.manifest)().id).collect());
    let at = ids.iter().position(|one| one.as_bytes() == id).ok_or_else(unknown)?;
    let check = plugin.checks.get(at).ok_or_else(unknown)?;
    Ok((check.create, check.around))
}

unsafe extern "C" fn run(instance: *mut c_void, run: u64, target: Bytes, message: Bytes) -> Status {
    if instance.is_null() {
        return abi::E_BAD_ARG;
    }
    // SAFETY: the host gives back what `create` made, and lends target and message for this call.
    let (instance, target, message) = unsafe { (&*instance.cast::<Instance>(), target.get(), message.get()) };
    instance.run.store(run, Ordering::Relaxed);
    let host = instance.host();
    let calls = Calls::new(Arc::clone(&host));
    let ended = guard(|| {
        with_current(&host, || {
            let Ok(target) = Target::from_wire(target, message) else { return abi::E_BAD_ARG };
            let mut ended = None;
            (instance.around)(&mut || {
                if ended.is_none() {
                    let context = Context::new(Arc::clone(&calls) as _);
                    ended = Some(block_on(&calls, instance.check.run_dyn(context, target.clone())));
                }
            });
            match ended {
                Some(Some(outcome)) => match serde_json::to_vec(&outcome) {
                    Ok(json) => host.emit(abi::KIND_OUTCOME, &json),
                    Err(_) => abi::E_FAILED,
                },
                Some(None) => abi::E_CANCELLED,
                // What was to go around the run left it out.
                None => abi::E_FAILED,
            }
        })
    });
    // Threads of the plugin that still wait for an answer learn that none comes.
    let closed = guard(|| calls.close());
    match (ended, closed) {
        (Err(note), _) | (Ok(_), Err(note)) => {
            report(&host, &note);
            abi::E_PANIC
        }
        (Ok(status), Ok(())) => status,
    }
}

unsafe extern "C" fn destroy(instance: *mut c_void) {
    if instance.is_null() {
        return;
    }
    // SAFETY: the host gives back what `create` made, once.
    let instance = unsafe { Box::from_raw(instance.cast::<Instance>()) };
    let host = instance.host();
    if let Err(mut note) = guard(|| with_current(&host, || drop(instance))) {
        note.message = format!("when it was dropped: {}", note.message);
        report(&host, &note);
    }
}

fn report(host: &Arc<dyn Host>, note: &PanicNote) {
    if let Ok(json) = serde_json::to_vec(note) {
        host.emit(abi::KIND_PANIC, &json);
    }
}
