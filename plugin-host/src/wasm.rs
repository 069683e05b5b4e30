//! The second loader: plugins that are WebAssembly modules.
//!
//! A module gets the calls of the C tables and nothing else: no files, no
//! sockets, no clock, no memory of the engine. It runs in an interpreter that
//! looks up again and again, so that a busy loop ends when its run is
//! told to stop, and the thread comes back.
//!
//! # What a module imports, from `emc`
//! All numbers are `i32`, but for a tag and a time, which are `i64`. A text or a
//! run of bytes is an address and a length.
//!
//! | function | as in [`engine_plugin_api::abi::HostTable`] |
//! |---|---|
//! | `submit(tag, method, head, body) → status` | `submit` |
//! | `next(milliseconds, out) → status` | `next`; 24 bytes are written to `out`: tag (8), status, zero, length of head, length of body (4 each, little-endian) |
//! | `call(method, head, body, out) → status` | `call`, with the same 24 bytes |
//! | `take(head, body) → status` | copies head and body of the last answer to two addresses |
//! | `cancel(tag) → status` | `cancel` |
//! | `emit(kind, head, body) → status` | `emit` |
//! | `error(text)` | the error sink of `create` |
//!
//! # What it exports
//! `memory`; `emc_abi() → major << 16 | minor`; `emc_alloc(length) → address`,
//! for what the host hands in; `emc_manifest() → address | length << 32`;
//! `emc_create(check, config) → status`; `emc_run(target, message) → status`.
//! Each run has an instance of its own, and a memory of its own.

use std::{io::Seek, sync::Arc, time::Duration};

use engine_plugin_api::{
    PanicNote,
    abi::{self, E_BAD_ARG, E_CANCELLED, E_ENDED, E_LIMIT, E_PANIC, MAJOR, MINOR, OK, Status, limits},
};
use wasmi::{
    Caller, Config, Engine, Error, Extern, Instance, Linker, Memory, Module, Store, StoreLimits, StoreLimitsBuilder,
    TypedFunc, TypedResumableCall, WasmParams, WasmResults,
};

use crate::{
    LoadError,
    calls::{Answer, METHOD, Run},
    library::{Ended, Task},
    permissions::Opened,
};

/// Memory that one instance may have, in bytes.
const MEMORY: usize = 256 << 20;
/// Table elements that one instance may have.
const ELEMENTS: usize = 1 << 20;
/// Steps between two looks at whether the run goes on: less than a millisecond
/// as a rule.
const SLICE: u64 = 20_000;
/// Steps that the module's start may take, where nobody can look.
const START: u64 = 1_000_000;
/// Slices that the manifest may take.
const MANIFEST_SLICES: u32 = 500;
/// Bytes of an answer's head line, as `next` and `call` write it.
const HEAD_LINE: usize = 24;

/// A module that can be run.
pub(crate) struct Guest {
    engine: Engine,
    module: Module,
    linker: Linker<Host>,
    minor: u16,
}

/// What the host keeps of one instance.
struct Host {
    run: Option<Arc<Run>>,
    /// The last answer, until it is taken or the next one comes.
    answer: Answer,
    /// What was said against the settings.
    error: Vec<u8>,
    limits: StoreLimits,
}

/// Why code of a module did not come back with a value.
enum Halt {
    /// Its run was told to stop.
    Cancelled,
    /// It took too long where no run is.
    TooLong,
    /// It trapped, or broke the rules above.
    Trapped(String),
}

impl Halt {
    fn trapped(error: &Error) -> Halt {
        Halt::Trapped(error.to_string())
    }

    fn unloadable(self) -> LoadError {
        match self {
            Halt::Cancelled | Halt::TooLong => LoadError::Unresponsive { phase: "its manifest".to_owned() },
            Halt::Trapped(why) => LoadError::Wasm { why },
        }
    }
}

impl Guest {
    /// Reads and checks a module. Nothing of it is run but what answers which
    /// version it speaks.
    pub(crate) fn read(mut opened: Opened) -> Result<Guest, LoadError> {
        let bad = |why: String| LoadError::Wasm { why };
        let mut bytes = Vec::new();
        let read = opened.file.rewind().and_then(|()| std::io::Read::read_to_end(&mut opened.file, &mut bytes));
        read.map_err(|error| LoadError::NotFound { path: opened.path, why: error.to_string() })?;
        let mut config = Config::default();
        config.consume_fuel(true);
        let engine = Engine::new(&config);
        let module = Module::new(&engine, &bytes).map_err(|error| bad(error.to_string()))?;
        let mut linker = Linker::new(&engine);
        link(&mut linker).map_err(|error| bad(error.to_string()))?;
        let mut guest = Guest { engine, module, linker, minor: 0 };
        let mut bench = guest.bench(None).map_err(Halt::unloadable)?;
        let version = bench.enter::<(), i32>("emc_abi", ()).map_err(Halt::unloadable)?.cast_unsigned();
        let (major, minor) = ((version >> 16) as u16, (version & 0xffff) as u16);
        if major != MAJOR {
            return Err(LoadError::AbiMajor { plugin: major, host: MAJOR });
        }
        // A module names the oldest host that it works with: it has no table to be shorter.
        if minor > MINOR {
            return Err(LoadError::HostTooOld { needs_minor: minor, host_minor: MINOR });
        }
        guest.minor = minor;
        Ok(guest)
    }

    /// The minor version that it was built for.
    pub(crate) fn minor(&self) -> u16 {
        self.minor
    }

    /// The manifest document, as it gives it.
    pub(crate) fn manifest(&self) -> Result<Vec<u8>, LoadError> {
        let mut bench = self.bench(None).map_err(Halt::unloadable)?;
        let place = bench.enter::<(), i64>("emc_manifest", ()).map_err(Halt::unloadable)?.cast_unsigned();
        let (at, length) = ((place & 0xffff_ffff) as usize, (place >> 32) as usize);
        if length > limits::MANIFEST {
            return Err(LoadError::Manifest { why: format!("it is larger than {} KiB", limits::MANIFEST >> 10) });
        }
        let outside = || LoadError::Manifest { why: "it lies outside of the module's memory".to_owned() };
        at.checked_add(length)
            .and_then(|end| bench.memory.data(&bench.store).get(at..end))
            .map(<[u8]>::to_vec)
            .ok_or_else(outside)
    }

    /// Makes an instance, runs it, and lets it go. Blocks until the module
    /// returns or its run is told to stop.
    pub(crate) fn run(&self, task: &Task) -> Ended {
        let ended = |status| Ended { status, error: Vec::new() };
        let Some(run) = Run::find(task.run) else { return ended(E_ENDED) };
        let made = self.bench(Some(run)).and_then(|mut bench| {
            let created = bench.enter_with("emc_create", task.check.as_bytes(), &task.config)?;
            if created != OK {
                return Ok(Ended { status: created, error: std::mem::take(&mut bench.store.data_mut().error) });
            }
            bench.enter_with("emc_run", &task.target, &task.message).map(ended)
        });
        match made {
            Ok(ended) => ended,
            Err(Halt::Cancelled | Halt::TooLong) => ended(E_CANCELLED),
            Err(Halt::Trapped(message)) => {
                let note = PanicNote { message, location: String::new() };
                Ended { status: E_PANIC, error: serde_json::to_vec(&note).unwrap_or_default() }
            }
        }
    }

    fn bench(&self, run: Option<Arc<Run>>) -> Result<Bench, Halt> {
        let limits = StoreLimitsBuilder::new()
            .memory_size(MEMORY)
            .table_elements(ELEMENTS)
            .instances(1)
            .memories(1)
            .tables(8)
            .build();
        let answer = Answer { status: OK, head: Vec::new(), body: Vec::new() };
        let mut store = Store::new(&self.engine, Host { run, answer, error: Vec::new(), limits });
        store.limiter(|host| &mut host.limits);
        let fuelled = store.set_fuel(START);
        fuelled.map_err(|error| Halt::trapped(&error))?;
        let instance = self.linker.instantiate_and_start(&mut store, &self.module).map_err(|e| Halt::trapped(&e))?;
        let memory = instance.get_memory(&store, "memory");
        let memory = memory.ok_or_else(|| Halt::Trapped("it exports no `memory`".to_owned()))?;
        Ok(Bench { store, instance, memory })
    }
}

/// One instance, and what it is run with.
struct Bench {
    store: Store<Host>,
    instance: Instance,
    memory: Memory,
}

impl Bench {
    /// Calls an export that takes two runs of bytes.
    fn enter_with(&mut self, export: &str, first: &[u8], second: &[u8]) -> Result<Status, Halt> {
        let (first, second) = (self.hand_in(first)?, self.hand_in(second)?);
        self.enter::<_, i32>(export, (first.0, first.1, second.0, second.1))
    }

    /// Puts bytes where the module wants them; address and length.
    fn hand_in(&mut self, bytes: &[u8]) -> Result<(i32, i32), Halt> {
        let length = i32::try_from(bytes.len()).map_err(|_| Halt::Trapped("an argument is too large".to_owned()))?;
        if length == 0 {
            return Ok((0, 0));
        }
        let at = self.enter::<i32, i32>("emc_alloc", length)?;
        let place = usize::try_from(at.cast_unsigned()).unwrap_or(usize::MAX);
        let outside = || Halt::Trapped("`emc_alloc` gave an address outside of its memory".to_owned());
        self.memory.write(&mut self.store, place, bytes).map_err(|_| outside())?;
        Ok((at, length))
    }

    /// Calls an export and follows it in slices, looking up between them.
    fn enter<P: WasmParams, R: WasmResults>(&mut self, export: &str, arguments: P) -> Result<R, Halt> {
        let missing = |error: Error| Halt::Trapped(format!("its export `{export}` cannot be used: {error}"));
        let function: TypedFunc<P, R> = self.instance.get_typed_func(&self.store, export).map_err(missing)?;
        let trapped = |error: Error| Halt::trapped(&error);
        self.store.set_fuel(SLICE).map_err(trapped)?;
        let mut call = function.call_resumable(&mut self.store, arguments).map_err(trapped)?;
        let mut slices = 0_u32;
        loop {
            match call {
                TypedResumableCall::Finished(value) => return Ok(value),
                TypedResumableCall::HostTrap(trap) => return Err(Halt::trapped(trap.host_error())),
                TypedResumableCall::OutOfFuel(paused) => {
                    slices += 1;
                    match &self.store.data().run {
                        Some(run) if run.is_cancelled() => return Err(Halt::Cancelled),
                        None if slices >= MANIFEST_SLICES => return Err(Halt::TooLong),
                        _ => {}
                    }
                    self.store.set_fuel(SLICE.max(paused.required_fuel())).map_err(trapped)?;
                    call = paused.resume(&mut self.store).map_err(trapped)?;
                }
            }
        }
    }
}

/// Bytes of the module, copied. What does not lie in its memory is a trap.
fn copied(caller: &Caller<'_, Host>, at: i32, length: i32, most: usize) -> Result<Result<Vec<u8>, Status>, Error> {
    let (at, length) = (at.cast_unsigned() as usize, length.cast_unsigned() as usize);
    if length > most {
        return Ok(Err(E_LIMIT));
    }
    let bytes = at.checked_add(length).and_then(|end| memory(caller)?.data(caller).get(at..end));
    bytes.map(|bytes| Ok(bytes.to_vec())).ok_or_else(|| Error::new("an argument lies outside of its memory"))
}

fn memory(caller: &Caller<'_, Host>) -> Option<Memory> {
    caller.get_export("memory").and_then(Extern::into_memory)
}

fn written(caller: &mut Caller<'_, Host>, at: i32, bytes: &[u8]) -> Result<(), Error> {
    let outside = || Error::new("an answer was to be written outside of its memory");
    let memory = memory(caller).ok_or_else(outside)?;
    memory.write(caller, at.cast_unsigned() as usize, bytes).map_err(|_| outside())
}

/// What a call was given.
struct Arguments {
    method: String,
    head: Vec<u8>,
    body: Vec<u8>,
}

type Place = (i32, i32);

fn arguments(
    caller: &Caller<'_, Host>,
    method: Place,
    head: Place,
    body: Place,
) -> Result<Result<Arguments, Status>, Error> {
    let method = match copied(caller, method.0, method.1, METHOD)? {
        Ok(method) => String::from_utf8(method).map_err(|_| E_BAD_ARG),
        Err(_) => Err(E_BAD_ARG),
    };
    let head = copied(caller, head.0, head.1, limits::ARGUMENT)?;
    let body = copied(caller, body.0, body.1, limits::ARGUMENT)?;
    Ok(method.and_then(|method| Ok(Arguments { method, head: head?, body: body? })))
}

/// Keeps an answer and writes its head line.
fn handed_out(caller: &mut Caller<'_, Host>, out: i32, tag: u64, answer: Answer) -> Result<Status, Error> {
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes();
    let mut line = [0_u8; HEAD_LINE];
    line[..8].copy_from_slice(&tag.to_le_bytes());
    line[8..12].copy_from_slice(&answer.status.to_le_bytes());
    line[16..20].copy_from_slice(&length(&answer.head));
    line[20..].copy_from_slice(&length(&answer.body));
    caller.data_mut().answer = answer;
    written(caller, out, &line)?;
    Ok(OK)
}

fn link(linker: &mut Linker<Host>) -> Result<(), wasmi::errors::LinkerError> {
    let run = |caller: &Caller<'_, Host>| caller.data().run.clone().ok_or(E_ENDED);
    linker.func_wrap(
        "emc",
        "submit",
        move |caller: Caller<'_, Host>, tag: i64, m: i32, ml: i32, h: i32, hl: i32, b: i32, bl: i32| {
            let given = arguments(&caller, (m, ml), (h, hl), (b, bl))?;
            let begun = given.and_then(|Arguments { method, head, body }| {
                run(&caller)?.begin(Some(tag.cast_unsigned()), &method, &head, &body)
            });
            Ok::<Status, Error>(begun.map_or_else(|status| status, |_| OK))
        },
    )?;
    linker.func_wrap("emc", "next", move |mut caller: Caller<'_, Host>, milliseconds: i64, out: i32| {
        let patience = u64::try_from(milliseconds).ok().map(Duration::from_millis);
        match run(&caller).and_then(|run| run.next(patience)) {
            Ok((tag, answer)) => handed_out(&mut caller, out, tag, answer),
            Err(status) => Ok(status),
        }
    })?;
    linker.func_wrap(
        "emc",
        "call",
        move |mut caller: Caller<'_, Host>, m: i32, ml: i32, h: i32, hl: i32, b: i32, bl: i32, out: i32| {
            let given = arguments(&caller, (m, ml), (h, hl), (b, bl))?;
            let answered = given.and_then(|Arguments { method, head, body }| run(&caller)?.ask(&method, &head, &body));
            match answered {
                Ok(answer) => {
                    let status = answer.status;
                    handed_out(&mut caller, out, 0, answer)?;
                    Ok(status)
                }
                Err(status) => Ok::<Status, Error>(status),
            }
        },
    )?;
    linker.func_wrap("emc", "take", |mut caller: Caller<'_, Host>, head: i32, body: i32| {
        let empty = Answer { status: OK, head: Vec::new(), body: Vec::new() };
        let answer = std::mem::replace(&mut caller.data_mut().answer, empty);
        written(&mut caller, head, &answer.head)?;
        written(&mut caller, body, &answer.body)?;
        Ok::<Status, Error>(OK)
    })?;
    linker.func_wrap("emc", "cancel", move |caller: Caller<'_, Host>, tag: i64| match run(&caller) {
        Ok(run) => {
            run.give_up(tag.cast_unsigned());
            OK
        }
        Err(status) => status,
    })?;
    linker.func_wrap("emc", "emit", move |caller: Caller<'_, Host>, kind: i32, h: i32, hl: i32, b: i32, bl: i32| {
        // What is longer than a run may emit in all need not be copied to count.
        let head = copied(&caller, h, hl, limits::EMITTED)?;
        let body = copied(&caller, b, bl, limits::EMITTED)?;
        let sent = match (head, body) {
            (Ok(head), Ok(body)) => run(&caller).map(|run| run.send(kind.cast_unsigned(), &head, &body)),
            _ => run(&caller).map(|run| run.send_too_much(kind.cast_unsigned())),
        };
        Ok::<Status, Error>(sent.unwrap_or_else(|status| status))
    })?;
    linker.func_wrap("emc", "error", |mut caller: Caller<'_, Host>, at: i32, length: i32| {
        if let Ok(text) = copied(&caller, at, length, limits::ARGUMENT)? {
            caller.data_mut().error = text;
        }
        Ok::<(), Error>(())
    })?;
    Ok(())
}

const _: () = assert!(abi::E_CANCELLED == -2 && OK == 0, "modules know these by number");
