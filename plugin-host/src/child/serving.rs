//! Serves one engine: loads what it says, runs the checks that it asks for.

use std::{
    io::{BufReader, Write},
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::net::UnixStream,
    },
    path::Path,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use engine_plugin_api::abi::{E_ENDED, E_FAILED, E_INTERNAL, E_LIMIT, OK, Status};

use rustix::pipe::{PipeFlags, pipe_with};

use super::{Begin, Load, intake::Intake, leave};
use crate::{
    LoadError,
    calls::{self, Backend, Run},
    frame::{Frame, Kind},
    library::{Library, Task, load},
    permissions, sandbox,
};

/// The stack of a thread that runs a check, in bytes.
const STACK: usize = 2 << 20;
/// Out of the way of what a plugin may open, close or write to by number.
const HIGH: i32 = 32;

/// Serves one engine, and does not return.
pub fn serve() -> std::process::ExitCode {
    match connection() {
        Ok((connection, told)) => served(connection, told),
        Err(error) => {
            eprintln!("this is started by the engine itself, to load a plugin: {error}");
            return std::process::ExitCode::from(2);
        }
    }
    leave(0)
}

/// Moves the socket away from standard input, and the pipe for what is denied
/// away from standard output, which is then where standard error is: what a
/// plugin prints is neither.
fn connection() -> std::io::Result<(UnixStream, OwnedFd)> {
    let connection = UnixStream::from(high(std::io::stdin().as_fd())?);
    connection.peer_addr()?;
    let told = high(std::io::stdout().as_fd())?;
    rustix::stdio::dup2_stdin(std::fs::File::open("/dev/null")?)?;
    rustix::stdio::dup2_stdout(std::io::stderr().as_fd())?;
    Ok((connection, told))
}

fn high(file: BorrowedFd) -> std::io::Result<OwnedFd> {
    Ok(rustix::io::fcntl_dupfd_cloexec(file, HIGH)?)
}

/// The writing half of the connection.
struct Outgoing(Mutex<UnixStream>);

impl Outgoing {
    fn send(&self, kind: Kind, run: u64, tag: u64, status: i32, parts: [&[u8]; 3]) -> Status {
        let Ok(frame) = Frame::encode(kind, run, tag, status, parts) else { return E_LIMIT };
        let mut socket = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if socket.write_all(&frame).is_ok() { OK } else { E_ENDED }
    }
}

/// What the threads of all runs share.
struct Served {
    library: Library,
    outgoing: Outgoing,
    intake: Intake,
    own: Weak<Served>,
}

impl Backend for Served {
    fn submit(&self, run: &Arc<Run>, ticket: u64, method: &str, head: &[u8], body: &[u8]) -> Status {
        self.outgoing.send(Kind::Submit, run.number(), ticket, 0, [method.as_bytes(), head, body])
    }

    fn cancel(&self, run: &Arc<Run>, ticket: u64) {
        self.outgoing.send(Kind::Cancel, run.number(), ticket, 0, [&[]; 3]);
    }

    fn emit(&self, run: &Arc<Run>, kind: u32, head: &[u8], body: &[u8]) -> Status {
        match self.outgoing.send(Kind::Emit, run.number(), 0, kind.cast_signed(), [head, body, &[]]) {
            // As the engine will see it.
            OK => calls::readable(kind, head),
            status => status,
        }
    }

    fn exceeded(&self, run: &Arc<Run>) {
        self.outgoing.send(Kind::Exceeded, run.number(), 0, 0, [&[]; 3]);
    }

    fn attend(&self, run: &Run, seen: u64, patience: Option<Duration>) -> bool {
        self.intake.read_for(run, seen, patience, &|frame| self.begin(frame))
    }

    fn rouse(&self) {
        self.intake.rouse();
    }
}

/// Keeps the C library from reserving address space for each thread, of
/// which the limit allows so much and no more.
fn share_the_heap() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: takes numbers, and no other thread allocates yet.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 2);
    }
}

fn served(connection: UnixStream, told: OwnedFd) {
    share_the_heap();
    let Ok(own) = connection.try_clone() else { return };
    let outgoing = Outgoing(Mutex::new(own));
    let Ok(bell) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK) else { return };
    let (Ok(heard), Ok(rung)) = (high(bell.0.as_fd()), high(bell.1.as_fd())) else { return };
    drop(bell);
    let mut frames = BufReader::new(connection);
    let Ok(Some(Frame { kind: Kind::Load, parts: [order, ..], .. })) = Frame::read(&mut frames) else { return };
    let library = match opened(&order, &outgoing, told) {
        Ok(library) => {
            let described = serde_json::to_vec(&library.described).unwrap_or_default();
            outgoing.send(Kind::Hello, 0, 0, OK, [&described, &[], &[]]);
            library
        }
        Err(error) => {
            let error = serde_json::to_vec(&error).unwrap_or_default();
            outgoing.send(Kind::Hello, 0, 0, E_FAILED, [&error, &[], &[]]);
            return;
        }
    };
    let intake = Intake::new(frames, (heard, rung));
    let served = Arc::new_cyclic(|own| Served { library, outgoing, intake, own: Weak::clone(own) });
    served.intake.attend(&|frame| served.begin(frame));
}

impl Served {
    /// Begins the run that a frame asks for, on a thread of its own.
    fn begin(&self, frame: Frame) {
        let Frame { kind: Kind::Run, run: number, parts: [begin, target, message], .. } = frame else { leave(0) };
        let (Ok(Begin { check, config }), Some(served)) = (serde_json::from_slice(&begin), self.own.upgrade()) else {
            leave(0)
        };
        self.intake.enter(Run::open(number, Arc::clone(&served) as Arc<dyn Backend>));
        let task = Task { run: number, check, config: config.into_bytes(), target, message };
        let work = move || {
            let ended = served.library.run(&task);
            served.intake.forget(number);
            let done = served.outgoing.send(Kind::Done, number, 0, ended.status, [&ended.error, &[], &[]]);
            if done != OK {
                // The plugin has closed what is not its own: the end of this process is what can still be heard.
                leave(1);
            }
        };
        let begun = std::thread::Builder::new().name("check".to_owned()).stack_size(STACK).spawn(work);
        if begun.is_err() {
            self.intake.forget(number);
            self.outgoing.send(Kind::Done, number, 0, E_INTERNAL, [&[]; 3]);
        }
    }
}

/// Examines the file, confines this process and says so, and only then lets
/// the file in: what was said before is not the plugin's word.
fn opened(order: &[u8], outgoing: &Outgoing, told: OwnedFd) -> Result<Library, LoadError> {
    let Load { path, sha256 } =
        serde_json::from_slice(order).map_err(|error| LoadError::Host { why: error.to_string() })?;
    let file = permissions::open(Path::new(&path))?;
    if sha256 != file.sha256 {
        return Err(LoadError::HashMismatch { path });
    }
    let confined = |error: sandbox::SandboxError| LoadError::Sandbox { why: error.to_string() };
    let enforced = sandbox::enter(&file.file, told).map_err(confined)?;
    let enforced = serde_json::to_vec(&enforced).unwrap_or_default();
    outgoing.send(Kind::Confined, 0, 0, OK, [&enforced, &[], &[]]);
    let library = load(file, true)?;
    sandbox::seal().map_err(confined)?;
    Ok(library)
}
