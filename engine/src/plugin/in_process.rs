//! Runs a plugin that the user trusts in the engine's own process, each run on
//! a thread of its own. Such a plugin can do whatever the engine can.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use engine_plugin_api::{BoxFuture, abi::Status};
use engine_plugin_host::{
    LoadError,
    calls::{Answer, Backend, Run, fresh_number},
    library::{Library, Task, load},
    open,
};
use tokio::sync::{Mutex as AsyncMutex, OnceCell, OwnedMutexGuard, oneshot};

use super::{
    carrier::{Carrier, End, Ending, Order, Running},
    service::{Answers, Service},
};

/// The stack of a thread that runs a check, in bytes.
const STACK: usize = 2 << 20;
/// Threads that may be left behind in plugins that do not return; then no more are begun.
pub const MOST_ABANDONED: usize = 4;

static ABANDONED: AtomicUsize = AtomicUsize::new(0);

/// How many threads of this process are left behind in plugins that did not
/// return. With any, the process must end without waiting or cleaning up.
pub fn abandoned() -> usize {
    ABANDONED.load(Ordering::Relaxed)
}

/// A trusted plugin.
pub struct Trusted {
    path: PathBuf,
    sha256: String,
    library: OnceCell<Arc<Library>>,
    /// Held by the run, where only one may be at a time.
    turn: Arc<AsyncMutex<()>>,
    /// Whether a run of it did not return.
    stuck: Arc<AtomicBool>,
}

impl Trusted {
    /// Opens nothing yet. The file was described in a process of its own
    /// before, and must still be the one with this SHA-256.
    pub fn new(path: PathBuf, sha256: String) -> Trusted {
        Trusted { path, sha256, library: OnceCell::new(), turn: Arc::default(), stuck: Arc::default() }
    }

    async fn library(&self) -> Result<&Arc<Library>, LoadError> {
        let loaded = || async {
            let (path, sha256) = (self.path.clone(), self.sha256.clone());
            let work = move || {
                let opened = open(&path)?;
                if opened.sha256 != sha256 {
                    return Err(LoadError::HashMismatch { path: opened.path });
                }
                load(opened, false).map(Arc::new)
            };
            let joined = tokio::task::spawn_blocking(work).await;
            joined.unwrap_or_else(|error| Err(LoadError::Host { why: error.to_string() }))
        };
        self.library.get_or_try_init(loaded).await
    }
}

impl Carrier for Trusted {
    fn begin(
        &self,
        order: Order,
        service: Arc<Service>,
        _alone: bool,
    ) -> BoxFuture<'_, Result<Box<dyn Running>, LoadError>> {
        Box::pin(async move {
            if self.stuck.load(Ordering::Relaxed) || abandoned() >= MOST_ABANDONED {
                return Err(LoadError::Unresponsive { phase: "an earlier run in this process".to_owned() });
            }
            let library = Arc::clone(self.library().await?);
            let turn = match library.described.serial() {
                true => Some(Arc::clone(&self.turn).lock_owned().await),
                false => None,
            };
            let number = fresh_number();
            let run = Run::open(number, Arc::new(Local(service)));
            let (done, end) = oneshot::channel();
            let Order { check, config, target, message } = order;
            let task = Task { run: number, check, config: config.into_bytes(), target, message };
            let open = Arc::clone(&run);
            let work = move || {
                let ended = library.run(&task);
                open.close();
                let _ = done.send(End::Returned { status: ended.status, error: ended.error });
            };
            let thread = std::thread::Builder::new().name("plugin check".to_owned()).stack_size(STACK);
            if let Err(error) = thread.spawn(work) {
                run.close();
                return Err(LoadError::Host { why: error.to_string() });
            }
            Ok(Box::new(OnThread { run, end: Ending::of(end), stuck: Arc::clone(&self.stuck), _turn: turn })
                as Box<dyn Running>)
        })
    }

    fn is_trusted(&self) -> bool {
        true
    }
}

/// A run on a thread of this process.
struct OnThread {
    run: Arc<Run>,
    end: Ending,
    stuck: Arc<AtomicBool>,
    _turn: Option<OwnedMutexGuard<()>>,
}

impl Running for OnThread {
    fn ended(&mut self) -> BoxFuture<'_, End> {
        Box::pin(self.end.wait())
    }

    fn stop(&self) {
        self.run.cancel();
    }

    /// A thread cannot be ended: it is left behind, with all that it holds.
    fn kill(&mut self) {
        self.run.close();
        self.end.give_up();
        self.stuck.store(true, Ordering::Relaxed);
        ABANDONED.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for OnThread {
    fn drop(&mut self) {
        if self.end.give_up() {
            self.kill();
        }
    }
}

/// The engine's services, called on the plugin's own thread.
struct Local(Arc<Service>);

/// Answers go into the queue of their run.
struct ToRun(Arc<Run>);

impl Answers for ToRun {
    fn answer(&self, ticket: u64, answer: Answer, _: bool) {
        self.0.complete(ticket, answer);
    }
}

impl Backend for Local {
    fn submit(&self, run: &Arc<Run>, ticket: u64, method: &str, head: &[u8], body: &[u8]) -> Status {
        let answers: Arc<dyn Answers> = Arc::new(ToRun(Arc::clone(run)));
        self.0.submit(ticket, method, head, body, &answers)
    }

    fn cancel(&self, _: &Arc<Run>, ticket: u64) {
        self.0.cancel(ticket);
    }

    fn emit(&self, _: &Arc<Run>, kind: u32, head: &[u8], body: &[u8]) -> Status {
        self.0.emit(kind, head, body)
    }

    fn exceeded(&self, _: &Arc<Run>) {
        self.0.exceed();
    }
}
