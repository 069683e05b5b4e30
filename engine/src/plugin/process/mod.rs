//! Runs a plugin in a process of its own, and several of its checks in the same.
//!
//! Threads of our own, not the runtime's, hold the connection: one starts the
//! process, reads what it sends and waits for its end (Linux ends a process
//! with the *thread* that started it), one writes what is not taken at once, one
//! keeps the end of what it prints. So a plugin works in a runtime without I/O,
//! such as a replay's.

mod crowd;
mod ending;
mod outgoing;
mod socket;

use std::{
    collections::BTreeMap,
    io::BufReader,
    path::PathBuf,
    process::{Child, ChildStdout},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use engine_plugin_api::{
    BoxFuture,
    abi::{E_LIMIT, OK, limits},
};
use engine_plugin_host::{
    Crash, LoadError,
    calls::{Answer, METHOD, fresh_number},
    child::{Begin, Load},
    frame::{Frame, FrameError, Kind},
    library::Described,
    sandbox::{Enforced, denied},
};
use tokio::sync::{Mutex as AsyncMutex, OwnedSemaphorePermit, Semaphore, oneshot};

use self::{
    ending::{crash, keep_output, reap},
    outgoing::Outgoing,
    socket::Socket,
};
use super::{
    carrier::{Carrier, End, Ending, Order, Running},
    service::{Answers, Service},
};

/// Time for a process to start, load and describe the plugin.
const HELLO: Duration = Duration::from_secs(10);
/// The longest frame in which a plugin describes itself, in bytes: its document,
/// with every character of it escaped.
const DESCRIPTION: usize = 6 * limits::MANIFEST + (64 << 10);
/// Runs of one plugin at once; more wait for their turn.
const RUNS: usize = 64;

/// The program that a plugin's process runs, with `plugin-host` as its argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostProgram(pub PathBuf);

impl HostProgram {
    /// This very program, even when its file has been replaced since.
    pub fn own() -> HostProgram {
        let linux = PathBuf::from("/proc/self/exe");
        HostProgram(if cfg!(target_os = "linux") { linux } else { std::env::current_exe().unwrap_or_default() })
    }
}

/// What is known of a plugin once it is loaded.
#[derive(Clone)]
pub(super) struct Hello {
    /// What it says of itself.
    pub described: Described,
    /// What is enforced on its process.
    pub enforced: Enforced,
}

/// Has a process load `load` and describe it, and ends it.
///
/// # Errors
/// Why it cannot be loaded.
pub(super) async fn describe(program: &HostProgram, load: Load) -> Result<Hello, LoadError> {
    Ok(Process::start(program, load).await?.hello.clone())
}

/// A plugin that is carried by processes: one for its runs together, further
/// ones for those that must be alone.
pub struct Processes {
    program: HostProgram,
    load: Load,
    /// Only one run at a time in one process.
    serial: bool,
    shared: AsyncMutex<Option<Arc<Process>>>,
    /// Runs at once, each of which is a thread of a process.
    turns: Arc<Semaphore>,
}

impl Processes {
    /// Starts nothing yet.
    pub fn new(program: HostProgram, load: Load, serial: bool) -> Processes {
        Processes { program, load, serial, shared: AsyncMutex::new(None), turns: Arc::new(Semaphore::new(RUNS)) }
    }

    async fn process(&self, alone: bool) -> Result<Arc<Process>, LoadError> {
        if alone || self.serial {
            return Process::start(&self.program, self.load.clone()).await;
        }
        let mut shared = self.shared.lock().await;
        match &*shared {
            Some(process) if process.link.lives() => Ok(Arc::clone(process)),
            _ => Ok(Arc::clone(shared.insert(Process::start(&self.program, self.load.clone()).await?))),
        }
    }
}

impl Carrier for Processes {
    fn begin(
        &self,
        order: Order,
        service: Arc<Service>,
        alone: bool,
    ) -> BoxFuture<'_, Result<Box<dyn Running>, LoadError>> {
        Box::pin(async move {
            let turn = Arc::clone(&self.turns).acquire_owned().await.ok();
            let process = self.process(alone).await?;
            let run = fresh_number();
            let (ended, end) = oneshot::channel();
            let entry = Entry { service, ended };
            if let Err(entry) = process.link.enter(run, entry) {
                // It ended between the two: its crash is that of whoever ran in it.
                let _ = entry.ended.send(End::Lost { crash: Crash::default(), shared: true });
            }
            let Order { check, config, target, message } = order;
            let begin = serde_json::to_vec(&Begin { check, config }).unwrap_or_default();
            process.link.send(Kind::Run, run, 0, 0, [&begin, &target, &message])?;
            Ok(Box::new(InProcess { process, run, end: Ending::of(end), _turn: turn }) as Box<dyn Running>)
        })
    }

    fn is_trusted(&self) -> bool {
        false
    }
}

/// A run in a process.
struct InProcess {
    process: Arc<Process>,
    run: u64,
    end: Ending,
    _turn: Option<OwnedSemaphorePermit>,
}

impl Running for InProcess {
    fn ended(&mut self) -> BoxFuture<'_, End> {
        Box::pin(self.end.wait())
    }

    fn stop(&self) {
        // A frame without parts is never too long.
        let _ = self.process.link.send(Kind::Stop, self.run, 0, 0, [&[]; 3]);
    }

    fn kill(&mut self) {
        self.process.link.kill();
    }

    fn denied(&self) -> Vec<String> {
        lock(&self.process.link.told).as_mut().map(denied).unwrap_or_default()
    }
}

impl Drop for InProcess {
    fn drop(&mut self) {
        if self.end.give_up() {
            self.kill();
        }
    }
}

/// A running process. Dropping it ends it.
struct Process {
    link: Arc<Link>,
    hello: Hello,
}

impl Drop for Process {
    fn drop(&mut self) {
        self.link.kill();
    }
}

/// A run that is being made in a process.
struct Entry {
    service: Arc<Service>,
    ended: oneshot::Sender<End>,
}

/// What the threads and runs of one process share.
struct Link {
    child: Mutex<Child>,
    /// `None` once it has ended.
    runs: Mutex<Option<BTreeMap<u64, Entry>>>,
    outgoing: Outgoing,
    /// Where the process writes what it is denied.
    told: Mutex<Option<ChildStdout>>,
    /// Why it was ended, where that is the plugin's fault.
    ended_for: OnceLock<String>,
}

impl Link {
    fn lives(&self) -> bool {
        lock(&self.runs).is_some()
    }

    fn enter(&self, run: u64, entry: Entry) -> Result<(), Entry> {
        match &mut *lock(&self.runs) {
            Some(runs) => {
                runs.insert(run, entry);
                Ok(())
            }
            None => Err(entry),
        }
    }

    /// Sends a frame without waiting for anything.
    fn send(&self, kind: Kind, run: u64, tag: u64, status: i32, parts: [&[u8]; 3]) -> Result<(), LoadError> {
        let long = |error: FrameError| LoadError::Host { why: format!("it cannot be sent {error}") };
        self.outgoing.send(Frame::encode(kind, run, tag, status, parts).map_err(long)?);
        Ok(())
    }

    fn kill(&self) {
        // It may have ended by itself.
        let _ = lock(&self.child).kill();
    }
}

/// Answers go to the process of their run.
struct ToProcess {
    link: Arc<Link>,
    run: u64,
}

impl Answers for ToProcess {
    fn answer(&self, ticket: u64, answer: Answer, at_once: bool) {
        let Answer { status, head, body } = answer;
        let encoded = Frame::encode(Kind::Complete, self.run, ticket, status, [&head, &body, &[]])
            .or_else(|_| Frame::encode(Kind::Complete, self.run, ticket, E_LIMIT, [&[]; 3]));
        let Ok(frame) = encoded else { return };
        if at_once {
            // This is the thread that reads what the process sends: it may wait for it.
            self.link.outgoing.send_and_wait(frame);
        } else {
            self.link.outgoing.send(frame);
        }
    }
}

impl Process {
    /// Starts a process and has it load `load`.
    async fn start(program: &HostProgram, load: Load) -> Result<Arc<Process>, LoadError> {
        let (said, hello) = oneshot::channel();
        let program = program.clone();
        let thread = std::thread::Builder::new().name("plugin process".to_owned());
        let spawned = thread.spawn(move || attend(&program, &load, said));
        spawned.map_err(|error| LoadError::Host { why: error.to_string() })?;
        match hello.await {
            Ok(Ok((link, hello))) => Ok(Arc::new(Process { link, hello })),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(LoadError::Host { why: "its thread ended".to_owned() }),
        }
    }
}

type Said = oneshot::Sender<Result<(Arc<Link>, Hello), LoadError>>;

/// Starts a process, and attends to it until it has ended.
fn attend(program: &HostProgram, load: &Load, said: Said) {
    let failed = |error: std::io::Error| LoadError::Host { why: error.to_string() };
    let started = socket::start(program).map_err(failed);
    let (socket, mut child) = match started {
        Ok(started) => started,
        Err(error) => return drop(said.send(Err(error))),
    };
    let printed = Arc::new(Mutex::new(Vec::new()));
    let printing = child.stderr.take().map(|stderr| keep_output(stderr, Arc::clone(&printed)));
    let mut frames = BufReader::new(socket.0);
    let pid = child.id();
    let link = Arc::new(Link {
        told: Mutex::new(child.stdout.take()),
        child: Mutex::new(child),
        runs: Mutex::new(Some(BTreeMap::new())),
        outgoing: Outgoing::new(socket.1),
        ended_for: OnceLock::new(),
    });
    if let Err(error) = crowd::watch(&link, pid) {
        link.kill();
        reap(&link.child);
        return drop(said.send(Err(failed(error))));
    }
    let hello = shake_hands(&link, &mut frames, load);
    match hello {
        Ok(hello) => {
            let writer = Arc::clone(&link);
            let thread = std::thread::Builder::new().name("plugin writer".to_owned());
            let written = thread.spawn(move || writer.outgoing.attend());
            if written.is_err() || said.send(Ok((Arc::clone(&link), hello))).is_err() {
                link.kill();
            }
            if let Some(words) = converse(&link, &mut frames) {
                let _ = link.ended_for.set(words);
            }
        }
        Err(error) => {
            if !matches!(error, Broken::Ended) {
                link.kill();
            }
            let status = reap(&link.child);
            let error = match error {
                Broken::Refused(error) => error,
                Broken::Silent => LoadError::Unresponsive { phase: "loading".to_owned() },
                Broken::Ended => LoadError::Crashed(crash(status, link.ended_for.get(), &printed, printing)),
            };
            drop(said.send(Err(error)));
            return;
        }
    }
    let status = reap(&link.child);
    let crash = crash(status, link.ended_for.get(), &printed, printing);
    let runs = lock(&link.runs).take().unwrap_or_default();
    let shared = runs.len() > 1;
    for entry in runs.into_values() {
        entry.service.close();
        let _ = entry.ended.send(End::Lost { crash: crash.clone(), shared });
    }
    link.outgoing.end();
}

/// Why no greeting came.
enum Broken {
    Refused(LoadError),
    Silent,
    Ended,
}

/// Has the process load a file and describe it, in [`HELLO`] in all.
fn shake_hands(link: &Link, frames: &mut BufReader<Socket>, load: &Load) -> Result<Hello, Broken> {
    let load = serde_json::to_vec(load).unwrap_or_default();
    let frame = Frame::encode(Kind::Load, 0, 0, 0, [&load, &[], &[]]).map_err(|_| Broken::Ended)?;
    link.outgoing.send(frame);
    frames.get_mut().patience(Some(HELLO)).map_err(|_| Broken::Ended)?;
    let unread = |why: String| {
        let why = format!("its process described it so that it cannot be read: {why}");
        Broken::Refused(LoadError::Manifest { why })
    };
    let mut next = |expected: Kind| match Frame::read_within(frames, DESCRIPTION) {
        Ok(Some(frame)) if frame.kind == expected || frame.kind == Kind::Hello && frame.status != OK => Ok(frame),
        Ok(Some(frame)) => Err(unread(format!("it sent {:?}", frame.kind))),
        Err(FrameError::Io(error)) if is_time(&error) => Err(Broken::Silent),
        Err(FrameError::Io(_) | FrameError::Cut) | Ok(None) => Err(Broken::Ended),
        Err(error) => Err(unread(error.to_string())),
    };
    // This comes before anything of the file has run.
    let confined = next(Kind::Confined)?;
    let hello = if confined.kind == Kind::Confined { next(Kind::Hello)? } else { confined.clone() };
    if hello.status != OK {
        return Err(Broken::Refused(
            serde_json::from_slice(&hello.parts[0]).map_err(|error| unread(error.to_string()))?,
        ));
    }
    let enforced = serde_json::from_slice(&confined.parts[0]).map_err(|error| unread(error.to_string()))?;
    // From here on it is the plugin's word.
    let described: Described = serde_json::from_slice(&hello.parts[0]).map_err(|error| unread(error.to_string()))?;
    described.sound().map_err(Broken::Refused)?;
    frames.get_mut().patience(None).map_err(|_| Broken::Ended)?;
    Ok(Hello { described, enforced })
}

fn is_time(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
}

/// Serves what the process asks until it ends; what was wrong when it spoke nonsense.
fn converse(link: &Arc<Link>, frames: &mut BufReader<Socket>) -> Option<String> {
    loop {
        let Frame { kind, run, tag, status, parts: [first, second, third] } = match Frame::read(frames) {
            Ok(Some(frame)) => frame,
            Ok(None) | Err(FrameError::Io(_) | FrameError::Cut) => return None,
            Err(error) => return Some(format!("it sent {error}")),
        };
        if kind == Kind::Done {
            let entry = lock(&link.runs).as_mut().and_then(|runs| runs.remove(&run));
            if let Some(Entry { ended, .. }) = entry {
                let _ = ended.send(End::Returned { status, error: first });
            }
            continue;
        }
        let service = lock(&link.runs).as_ref().and_then(|runs| Some(Arc::clone(&runs.get(&run)?.service)));
        // What comes of a run that has ended is too late.
        let Some(service) = service else { continue };
        match kind {
            Kind::Submit
                if first.len() > METHOD || second.len() > limits::ARGUMENT || third.len() > limits::ARGUMENT =>
            {
                return Some("it sent a call that is larger than its host lets through".to_owned());
            }
            Kind::Submit => {
                let answers: Arc<dyn Answers> = Arc::new(ToProcess { link: Arc::clone(link), run });
                match service.submit(tag, &String::from_utf8_lossy(&first), &second, &third, &answers) {
                    OK => {}
                    status => answers.answer(tag, Answer { status, head: Vec::new(), body: Vec::new() }, true),
                }
            }
            Kind::Cancel => service.cancel(tag),
            Kind::Emit => drop(service.emit(status.cast_unsigned(), &first, &second)),
            Kind::Exceeded => service.exceed(),
            Kind::Done | Kind::Load | Kind::Hello | Kind::Confined | Kind::Run | Kind::Complete | Kind::Stop => {
                return Some(format!("it sent a frame that is not its own to send: {kind:?}"));
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
