//! The program in a plugin's process: `engine plugin-host`.
//!
//! It is started with its standard input on a private socket, loads the one
//! file that it is told to, and from then on is a 1:1 image of the C calls in
//! frames. The engine does not believe anything that comes out of it.

use serde::{Deserialize, Serialize};

use crate::{library::Described, sandbox::Enforced};

/// What to load: the content of [`crate::frame::Kind::Load`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Load {
    /// The file.
    pub path: String,
    /// The SHA-256 that it must have; any without.
    pub sha256: Option<String>,
}

/// What was loaded: the content of [`crate::frame::Kind::Hello`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    /// What the plugin says of itself.
    pub described: Described,
    /// The file's absolute path without links.
    pub path: String,
    /// Its SHA-256 in hexadecimal.
    pub sha256: String,
    /// Its size in bytes.
    pub size: u64,
    /// What the system enforces on the process.
    pub enforced: Enforced,
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
pub use unix::serve;

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

#[cfg(unix)]
mod unix {
    use std::{
        collections::BTreeMap,
        io::{BufReader, Write},
        os::{fd::AsFd, unix::net::UnixStream},
        path::Path,
        sync::{Arc, Mutex, PoisonError},
    };

    use engine_plugin_api::abi::{E_ENDED, E_FAILED, E_INTERNAL, E_LIMIT, OK, Status};

    use super::{Begin, Hello, Load, leave};
    use crate::{
        LoadError,
        calls::{Answer, Backend, Run},
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
            Ok(connection) => served(connection),
            Err(error) => {
                eprintln!("this is started by the engine itself, to load a plugin: {error}");
                return std::process::ExitCode::from(2);
            }
        }
        leave(0)
    }

    /// Moves the socket away from standard input, and puts standard output
    /// where standard error is: what a plugin prints is no frame.
    fn connection() -> std::io::Result<UnixStream> {
        let stdin = std::io::stdin();
        let socket = rustix::io::fcntl_dupfd_cloexec(stdin.as_fd(), HIGH)?;
        let connection = UnixStream::from(socket);
        connection.peer_addr()?;
        rustix::stdio::dup2_stdin(std::fs::File::open("/dev/null")?)?;
        rustix::stdio::dup2_stdout(std::io::stderr().as_fd())?;
        Ok(connection)
    }

    /// The way to the engine, shared by the threads of all runs.
    struct Remote(Mutex<UnixStream>);

    impl Remote {
        fn send(&self, kind: Kind, run: u64, tag: u64, status: i32, parts: [&[u8]; 3]) -> Status {
            let Ok(frame) = Frame::encode(kind, run, tag, status, parts) else { return E_LIMIT };
            let mut socket = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if socket.write_all(&frame).is_ok() { OK } else { E_ENDED }
        }
    }

    impl Backend for Remote {
        fn submit(&self, run: &Arc<Run>, ticket: u64, method: &str, head: &[u8], body: &[u8]) -> Status {
            self.send(Kind::Submit, run.number(), ticket, 0, [method.as_bytes(), head, body])
        }

        fn cancel(&self, run: &Arc<Run>, ticket: u64) {
            self.send(Kind::Cancel, run.number(), ticket, 0, [&[]; 3]);
        }

        fn emit(&self, run: &Arc<Run>, kind: u32, head: &[u8], body: &[u8]) -> Status {
            self.send(Kind::Emit, run.number(), 0, kind.cast_signed(), [head, body, &[]])
        }

        fn exceeded(&self, run: &Arc<Run>) {
            self.send(Kind::Exceeded, run.number(), 0, 0, [&[]; 3]);
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

    fn served(connection: UnixStream) {
        share_the_heap();
        let Ok(own) = connection.try_clone() else { return };
        let remote = Arc::new(Remote(Mutex::new(own)));
        let mut frames = BufReader::new(connection);
        let Ok(Some(Frame { kind: Kind::Load, parts: [order, ..], .. })) = Frame::read(&mut frames) else { return };
        let library = match opened(&order) {
            Ok((library, hello)) => {
                let hello = serde_json::to_vec(&hello).unwrap_or_default();
                remote.send(Kind::Hello, 0, 0, OK, [&hello, &[], &[]]);
                Arc::new(library)
            }
            Err(error) => {
                let error = serde_json::to_vec(&error).unwrap_or_default();
                remote.send(Kind::Hello, 0, 0, E_FAILED, [&error, &[], &[]]);
                return;
            }
        };
        let mut runs: BTreeMap<u64, Arc<Run>> = BTreeMap::new();
        while let Ok(Some(Frame { kind, run, tag, status, parts: [first, second, third] })) = Frame::read(&mut frames) {
            match kind {
                Kind::Run => {
                    let Ok(Begin { check, config }) = serde_json::from_slice(&first) else { return };
                    let open = Run::open(run, Arc::clone(&remote) as Arc<dyn Backend>);
                    runs.insert(run, Arc::clone(&open));
                    let task = Task { run, check, config: config.into_bytes(), target: second, message: third };
                    begin(Arc::clone(&library), task, open, Arc::clone(&remote));
                }
                Kind::Complete => {
                    if let Some(run) = runs.get(&run) {
                        run.complete(tag, Answer { status, head: first, body: second });
                    }
                }
                Kind::Stop => {
                    if let Some(run) = runs.remove(&run) {
                        run.cancel();
                    }
                }
                _ => return,
            }
        }
    }

    /// Examines the file, confines this process, and only then lets the file in.
    fn opened(order: &[u8]) -> Result<(Library, Hello), LoadError> {
        let Load { path, sha256 } =
            serde_json::from_slice(order).map_err(|error| LoadError::Host { why: error.to_string() })?;
        let file = permissions::open(Path::new(&path))?;
        if sha256.is_some_and(|expected| expected != file.sha256) {
            return Err(LoadError::HashMismatch { path });
        }
        let confined = |error: sandbox::SandboxError| LoadError::Sandbox { why: error.to_string() };
        let enforced = sandbox::enter(&file.file).map_err(confined)?;
        let (path, sha256, size) = (file.path.clone(), file.sha256.clone(), file.size);
        let library = load(file, true)?;
        sandbox::seal().map_err(confined)?;
        let described = library.described.clone();
        Ok((library, Hello { described, path, sha256, size, enforced }))
    }

    /// Runs a check on a thread of its own.
    fn begin(library: Arc<Library>, task: Task, open: Arc<Run>, remote: Arc<Remote>) {
        let (number, after) = (task.run, Arc::clone(&remote));
        let work = move || {
            let ended = library.run(&task);
            open.close();
            let denied = serde_json::to_vec(&sandbox::denied()).unwrap_or_default();
            remote.send(Kind::Done, task.run, 0, ended.status, [&ended.error, &denied, &[]]);
        };
        let begun = std::thread::Builder::new().name("check".to_owned()).stack_size(STACK).spawn(work);
        if begun.is_err() {
            after.send(Kind::Done, number, 0, E_INTERNAL, [&[]; 3]);
        }
    }
}
