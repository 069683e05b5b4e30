//! The host's functions, as a plugin calls them, over a queue for each run.
//!
//! Every function looks its run up by number; numbers are never used twice, so
//! one that a plugin keeps beyond its run finds nothing and hears
//! [`E_ENDED`]. What the functions do with a call is the [`Backend`]'s.

use std::{
    cell::RefCell,
    collections::{BTreeMap, VecDeque},
    ffi::c_void,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use engine_plugin_api::{
    Emission, LogLine, Outcome,
    abi::{
        Bytes, Completion, E_BAD_ARG, E_CANCELLED, E_ENDED, E_INTERNAL, E_LIMIT, E_UNSUPPORTED, Header, HostTable,
        KIND_EMISSION, KIND_LOG, KIND_OUTCOME, KIND_PANIC, NUDGED, OK, Status, limits,
    },
};

/// The longest name of a service, in bytes.
pub const METHOD: usize = 128;

/// Whether what a check sends can be read, as a status.
pub fn readable(kind: u32, head: &[u8]) -> Status {
    let read = match kind {
        KIND_EMISSION => serde_json::from_slice::<Emission>(head).is_ok(),
        KIND_OUTCOME => serde_json::from_slice::<Outcome>(head).is_ok(),
        KIND_LOG => serde_json::from_slice::<LogLine>(head).is_ok(),
        KIND_PANIC => true,
        _ => return E_UNSUPPORTED,
    };
    if read { OK } else { E_BAD_ARG }
}

/// What carries out the calls of a run.
pub trait Backend: Send + Sync {
    /// Begins a call; its answer comes to [`Run::complete`] under `ticket`,
    /// possibly before this returns. Called without any lock held.
    fn submit(&self, run: &Arc<Run>, ticket: u64, method: &str, head: &[u8], body: &[u8]) -> Status;

    /// Nobody waits for the call any more.
    fn cancel(&self, run: &Arc<Run>, ticket: u64);

    /// Takes what the check sends.
    fn emit(&self, run: &Arc<Run>, kind: u32, head: &[u8], body: &[u8]) -> Status;

    /// The check has sent more than a run may; nothing more of it is handed on.
    fn exceeded(&self, run: &Arc<Run>);

    /// Waits on the calling thread, which waits for `run`, until something has
    /// come for whichever run, for at most `patience`; not when the run has
    /// changed since [`Run::changes`] was `seen`. False when others bring in
    /// what comes; [`Run::poke`] says when this is to be tried again. Called
    /// without any lock held.
    fn attend(&self, _run: &Run, _seen: u64, _patience: Option<Duration>) -> bool {
        false
    }

    /// A run has changed in which a thread is in [`Backend::attend`], which is to end.
    fn rouse(&self) {}
}

/// The answer to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// How it went.
    pub status: Status,
    /// JSON.
    pub head: Vec<u8>,
    /// Raw bytes.
    pub body: Vec<u8>,
}

/// An open run.
pub struct Run {
    number: u64,
    backend: Arc<dyn Backend>,
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    /// Calls without an answer, by ticket: the plugin's tag, `None` for a blocking call.
    open: BTreeMap<u64, Option<u64>>,
    /// Answers to calls with a tag.
    ready: VecDeque<(u64, Answer)>,
    /// Answers to blocking calls, by ticket.
    awaited: BTreeMap<u64, Answer>,
    tickets: u64,
    emitted: usize,
    nudged: bool,
    cancelled: bool,
    /// Threads that sleep until something changes. To wake nobody would cost
    /// a system call too.
    asleep: usize,
    /// Threads that wait in [`Backend::attend`], or are about to.
    attending: usize,
    /// Set when that is to be tried again.
    poked: bool,
    /// Grows with each change from outside.
    changes: u64,
}

static RUNS: RwLock<BTreeMap<u64, Arc<Run>>> = RwLock::new(BTreeMap::new());
static NUMBERS: AtomicU64 = AtomicU64::new(1);

/// A number for a run that no run of this process has had.
pub fn fresh_number() -> u64 {
    NUMBERS.fetch_add(1, Ordering::Relaxed)
}

impl Run {
    /// Opens a run under a number that none has had ([`fresh_number`], or the
    /// engine's in a plugin's process).
    pub fn open(number: u64, backend: Arc<dyn Backend>) -> Arc<Run> {
        let run = Arc::new(Run { number, backend, queue: Mutex::default(), changed: Condvar::new() });
        RUNS.write().unwrap_or_else(PoisonError::into_inner).insert(number, Arc::clone(&run));
        run
    }

    /// Its number.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Closes it: whoever waits in it, or calls later, hears that it is over.
    pub fn close(&self) {
        RUNS.write().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
        self.cancel();
    }

    /// Tells the check to stop: its calls and waits fail with [`E_CANCELLED`]
    /// from now on; what it still sends is taken.
    pub fn cancel(&self) {
        self.change(|queue| queue.cancelled = true);
    }

    /// Hands in the answer to a call. One that nobody waits for is dropped.
    pub fn complete(&self, ticket: u64, answer: Answer) {
        self.change(|queue| match queue.open.remove(&ticket) {
            Some(Some(tag)) => queue.ready.push_back((tag, answer)),
            Some(None) => drop(queue.awaited.insert(ticket, answer)),
            None => {}
        });
    }

    /// Changes the queue, and wakes whoever waits for that.
    fn change(&self, change: impl FnOnce(&mut Queue)) {
        let mut queue = self.queue();
        change(&mut queue);
        queue.changes += 1;
        let (asleep, attending) = (queue.asleep > 0, queue.attending > 0);
        drop(queue);
        if asleep {
            self.changed.notify_all();
        }
        if attending {
            self.backend.rouse();
        }
    }

    /// Ends one wait of [`Run::next`].
    pub(crate) fn nudge(&self) {
        self.change(|queue| queue.nudged = true);
    }

    /// Grows with everything that is handed in or said to this run.
    pub fn changes(&self) -> u64 {
        self.queue().changes
    }

    /// Has whoever waits in this run try [`Backend::attend`] again.
    pub fn poke(&self) {
        self.change(|queue| queue.poked = true);
    }

    /// The open run that `number` names.
    #[cfg(feature = "wasm")]
    pub(crate) fn find(number: u64) -> Option<Arc<Run>> {
        RUNS.read().unwrap_or_else(PoisonError::into_inner).get(&number).cloned()
    }

    /// Whether its check was told to stop.
    #[cfg(feature = "wasm")]
    pub(crate) fn is_cancelled(&self) -> bool {
        self.queue().cancelled
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a call under a fresh ticket.
    pub(crate) fn begin(
        self: &Arc<Run>,
        tag: Option<u64>,
        method: &str,
        head: &[u8],
        body: &[u8],
    ) -> Result<u64, Status> {
        let ticket = {
            let mut queue = self.queue();
            if queue.cancelled {
                return Err(E_CANCELLED);
            }
            let calls = usize::try_from(queue.tickets).unwrap_or(usize::MAX);
            if calls >= limits::CALLS || queue.open.len() >= limits::IN_FLIGHT + limits::WAITING {
                return Err(E_LIMIT);
            }
            queue.tickets += 1;
            let ticket = queue.tickets;
            // Before it is handed on: the answer may come at once.
            queue.open.insert(ticket, tag);
            ticket
        };
        match self.backend.submit(self, ticket, method, head, body) {
            OK => Ok(ticket),
            status => {
                self.queue().open.remove(&ticket);
                Err(status)
            }
        }
    }

    /// The next answer to a call with a tag.
    pub(crate) fn next(&self, patience: Option<Duration>) -> Result<(u64, Answer), Status> {
        self.wait(patience, |queue| match queue.ready.pop_front() {
            Some(ready) => Some(Ok(ready)),
            None => std::mem::take(&mut queue.nudged).then_some(Err(NUDGED)),
        })
    }

    /// Waits until `look` finds something, the run is cancelled, or the time is over.
    fn wait<T>(
        &self,
        patience: Option<Duration>,
        mut look: impl FnMut(&mut Queue) -> Option<Result<T, Status>>,
    ) -> Result<T, Status> {
        // A time beyond what the clock can count has no end.
        let end = patience.and_then(|patience| Instant::now().checked_add(patience));
        let mut queue = self.queue();
        queue.poked = true;
        loop {
            if queue.cancelled {
                return Err(E_CANCELLED);
            }
            if let Some(found) = look(&mut queue) {
                return found;
            }
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Err(NUDGED);
            }
            if std::mem::take(&mut queue.poked) {
                queue.attending += 1;
                let seen = queue.changes;
                drop(queue);
                let attended = self.backend.attend(self, seen, left);
                queue = self.queue();
                queue.attending -= 1;
                queue.poked |= attended;
                continue;
            }
            queue.asleep += 1;
            queue = match left {
                None => self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner),
                Some(left) => self.changed.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0,
            };
            queue.asleep -= 1;
        }
    }

    /// Gives up the calls with this tag.
    pub(crate) fn give_up(self: &Arc<Run>, tag: u64) {
        let tickets: Vec<u64> = {
            let mut queue = self.queue();
            let of_tag = queue.open.iter().filter(|(_, own)| **own == Some(tag)).map(|(ticket, _)| *ticket).collect();
            queue.open.retain(|_, own| *own != Some(tag));
            queue.ready.retain(|(own, _)| *own != tag);
            of_tag
        };
        tickets.into_iter().for_each(|ticket| self.backend.cancel(self, ticket));
    }

    /// Makes a call and waits for its answer.
    pub(crate) fn ask(self: &Arc<Run>, method: &str, head: &[u8], body: &[u8]) -> Result<Answer, Status> {
        let ticket = self.begin(None, method, head, body)?;
        let answer = self.wait(None, |queue| queue.awaited.remove(&ticket).map(Ok));
        if answer.is_err() {
            self.queue().open.remove(&ticket);
            self.backend.cancel(self, ticket);
        }
        answer
    }

    /// Takes note of something that is larger than all that a run may send.
    pub(crate) fn send_too_much(self: &Arc<Run>, kind: u32) -> Status {
        self.queue().emitted = usize::MAX;
        self.send(kind, &[], &[])
    }

    /// Hands on what the check sends, within the limits.
    pub(crate) fn send(self: &Arc<Run>, kind: u32, head: &[u8], body: &[u8]) -> Status {
        if matches!(kind, KIND_EMISSION | KIND_OUTCOME | KIND_LOG | KIND_PANIC) {
            let mut queue = self.queue();
            // What is over the limit counts too: nothing small may slip in behind it.
            queue.emitted = queue.emitted.saturating_add(head.len()).saturating_add(body.len());
            if queue.emitted > limits::EMITTED {
                drop(queue);
                self.backend.exceeded(self);
                return E_LIMIT;
            }
        }
        self.backend.emit(self, kind, head, body)
    }
}

/// The table that every plugin is given.
pub static HOST: HostTable = HostTable {
    header: Header::new(HostTable::SIZE, 0),
    submit: Some(submit),
    next: Some(next),
    nudge: Some(nudge),
    cancel: Some(cancel),
    emit: Some(emit),
    call: Some(call),
    get_extension: Some(get_extension),
};

/// Looks a run up and does `with` it; nothing unwinds into the plugin.
fn with(run: u64, with: impl FnOnce(Arc<Run>) -> Status) -> Status {
    let found = RUNS.read().unwrap_or_else(PoisonError::into_inner).get(&run).cloned();
    let Some(run) = found else { return E_ENDED };
    catch_unwind(AssertUnwindSafe(|| with(run))).unwrap_or(E_INTERNAL)
}

/// What a call was given, once it was held against the limits.
struct Arguments<'a> {
    method: &'a str,
    head: &'a [u8],
    body: &'a [u8],
}

impl<'a> Arguments<'a> {
    /// # Safety
    /// All three can be read for `'a`.
    unsafe fn of(method: Bytes, head: Bytes, body: Bytes) -> Result<Arguments<'a>, Status> {
        if head.len > limits::ARGUMENT || body.len > limits::ARGUMENT {
            return Err(E_LIMIT);
        }
        if method.len > METHOD {
            return Err(E_BAD_ARG);
        }
        // SAFETY: the caller vouches for it.
        let method = unsafe { method.get() };
        // SAFETY: the caller vouches for it.
        let head = unsafe { head.get() };
        // SAFETY: the caller vouches for it.
        let body = unsafe { body.get() };
        let method = std::str::from_utf8(method).map_err(|_| E_BAD_ARG)?;
        Ok(Arguments { method, head, body })
    }
}

/// # Safety
/// The slices can be read during the call.
unsafe extern "C" fn submit(run: u64, tag: u64, method: Bytes, head: Bytes, body: Bytes) -> Status {
    with(run, |run| {
        // SAFETY: the plugin lends them for this call.
        match unsafe { Arguments::of(method, head, body) } {
            Ok(Arguments { method, head, body }) => {
                run.begin(Some(tag), method, head, body).map_or_else(|status| status, |_| OK)
            }
            Err(status) => status,
        }
    })
}

/// # Safety
/// `out` is null or a completion that can be written.
unsafe extern "C" fn next(run: u64, timeout_ms: i64, out: *mut Completion) -> Status {
    if out.is_null() {
        return E_BAD_ARG;
    }
    with(run, |run| {
        let patience = u64::try_from(timeout_ms).ok().map(Duration::from_millis);
        match run.next(patience) {
            // SAFETY: not null, and the plugin vouches for the rest.
            Ok((tag, answer)) => match unsafe { hand_out(tag, answer, out) } {
                Ok(()) => OK,
                Err(status) => status,
            },
            Err(status) => status,
        }
    })
}

unsafe extern "C" fn nudge(run: u64) -> Status {
    with(run, |run| {
        run.nudge();
        OK
    })
}

unsafe extern "C" fn cancel(run: u64, tag: u64) -> Status {
    with(run, |run| {
        run.give_up(tag);
        OK
    })
}

/// # Safety
/// The slices can be read during the call.
unsafe extern "C" fn emit(run: u64, kind: u32, head: Bytes, body: Bytes) -> Status {
    with(run, |run| {
        // What is longer than any argument is not looked at, but it counts.
        if head.len > limits::ARGUMENT || body.len > limits::ARGUMENT {
            return run.send_too_much(kind);
        }
        // SAFETY: the plugin lends it for this call.
        let head = unsafe { head.get() };
        // SAFETY: the plugin lends it for this call.
        let body = unsafe { body.get() };
        run.send(kind, head, body)
    })
}

/// # Safety
/// The slices can be read during the call; `out` is null or a completion that can be written.
unsafe extern "C" fn call(run: u64, method: Bytes, head: Bytes, body: Bytes, out: *mut Completion) -> Status {
    if out.is_null() {
        return E_BAD_ARG;
    }
    with(run, |run| {
        // SAFETY: the plugin lends them for this call.
        let Arguments { method, head, body } = match unsafe { Arguments::of(method, head, body) } {
            Ok(arguments) => arguments,
            Err(status) => return status,
        };
        match run.ask(method, head, body) {
            Ok(answer) => {
                let status = answer.status;
                // SAFETY: not null, and the plugin vouches for the rest.
                match unsafe { hand_out(0, answer, out) } {
                    Ok(()) => status,
                    Err(status) => status,
                }
            }
            Err(status) => status,
        }
    })
}

/// This version has no extensions.
unsafe extern "C" fn get_extension(_: Bytes) -> *const c_void {
    std::ptr::null()
}

thread_local! {
    /// The answer handed out last on this thread: its bytes are lent until the
    /// next one, and two threads of a plugin do not take them from each other.
    static LENT: RefCell<Option<Answer>> = const { RefCell::new(None) };
}

/// # Safety
/// `out` can be written.
unsafe fn hand_out(tag: u64, answer: Answer, out: *mut Completion) -> Result<(), Status> {
    LENT.try_with(|lent| {
        let mut lent = lent.borrow_mut();
        let Answer { status, head, body } = lent.insert(answer);
        let completion = Completion { tag, status: *status, reserved: 0, head: Bytes::of(head), body: Bytes::of(body) };
        // SAFETY: the caller vouches for it.
        unsafe { out.write(completion) };
    })
    // The thread is ending; it cannot be lent anything.
    .map_err(|_| E_INTERNAL)
}

#[cfg(test)]
mod tests;
