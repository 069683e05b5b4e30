//! One run's end of the boundary: carries out what the plugin calls, takes what
//! it sends, and says in the end what became of it.

use std::{
    collections::BTreeMap,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use engine_plugin_api::{
    ConfigError, Emission, LogLine, Outcome, PanicNote, ServiceError, ServiceErrorKind,
    abi::{
        E_BAD_ARG, E_CANCELLED, E_CONFIG, E_INTERNAL, E_LIMIT, E_PANIC, E_UNSUPPORTED, KIND_EMISSION, KIND_LOG,
        KIND_OUTCOME, KIND_PANIC, OK, Status, limits,
    },
};
use engine_plugin_host::{RunFailure, calls::Answer};
use futures_util::FutureExt;
use tokio::{
    runtime::Handle,
    sync::{Semaphore, watch},
};

use super::carrier::End;
use crate::{
    net::{self, call::Call},
    schedule::Desk,
    started::Started,
};

/// Room for most replies, in bytes.
const REPLY: usize = 1 << 10;

/// Where the answers to a run's calls go.
pub trait Answers: Send + Sync {
    /// Hands in the answer to the call `ticket`. `at_once` says that the call
    /// is just being made on this very thread, which may then be kept waiting.
    fn answer(&self, ticket: u64, answer: Answer, at_once: bool);
}

/// What serves one run of a plugin's check.
pub struct Service {
    desk: Arc<Desk>,
    runtime: Handle,
    gate: Arc<Semaphore>,
    calls: Arc<Mutex<Calls>>,
    taken: Mutex<Taken>,
    over: watch::Sender<bool>,
}

#[derive(Default)]
struct Calls {
    /// Those without an answer; without a handle while one is begun.
    live: BTreeMap<u64, Option<Started>>,
    begun: usize,
    closed: bool,
}

#[derive(Default)]
struct Taken {
    outcome: Option<Outcome>,
    panic: Option<PanicNote>,
    bytes: usize,
    /// Whether something was sent that could not be taken.
    refused: bool,
    /// What was sent and taken.
    sent: Vec<Emission>,
    /// What an earlier attempt at this run had sent already.
    known: Vec<Emission>,
}

impl Service {
    /// Serves a run over `desk`. `known` is what an earlier attempt at it has
    /// sent: it is not taken twice. Call this from within the runtime.
    pub fn new(desk: Arc<Desk>, known: Vec<Emission>) -> Arc<Service> {
        Arc::new(Service {
            desk,
            runtime: Handle::current(),
            gate: Arc::new(Semaphore::new(limits::IN_FLIGHT)),
            calls: Arc::default(),
            taken: Mutex::new(Taken { known, ..Taken::default() }),
            over: watch::channel(false).0,
        })
    }

    /// Begins a call. An answer that is there at once is given before this
    /// returns. No service takes a body yet, so it is not looked at.
    pub fn submit(&self, ticket: u64, method: &str, head: &[u8], _body: &[u8], answers: &Arc<dyn Answers>) -> Status {
        {
            let mut calls = lock(&self.calls);
            if calls.closed {
                return E_CANCELLED;
            }
            if calls.begun >= limits::CALLS || calls.live.len() >= limits::IN_FLIGHT + limits::WAITING {
                return E_LIMIT;
            }
            calls.begun += 1;
        }
        let call = match call(method, head) {
            Ok(call) => call,
            Err(error) => {
                answers.answer(ticket, refusal(&error), true);
                return OK;
            }
        };
        let (desk, gate) = (Arc::clone(&self.desk), Arc::clone(&self.gate));
        let exchanged = AssertUnwindSafe(async move {
            let _turn = gate.acquire().await;
            match desk.exchange(call).await {
                Ok(answer) => reply(&answer),
                Err(error) => refusal(&error),
            }
        });
        let (own, answers, here) = (Arc::clone(&self.calls), Arc::clone(answers), thread::current().id());
        let work = async move {
            // A service that panics is an answer too.
            let answer = exchanged.catch_unwind().await.unwrap_or_else(|_| {
                let error = ServiceError::new(ServiceErrorKind::Internal, "the service failed");
                Answer { status: E_INTERNAL, ..refusal(&error) }
            });
            lock(&own).live.remove(&ticket);
            // No thread of the runtime makes calls of a plugin.
            answers.answer(ticket, answer, thread::current().id() == here);
        };
        lock(&self.calls).live.insert(ticket, None);
        let _inside = self.runtime.enter();
        let mut started = Started::begin(work);
        if let Some(live) = lock(&self.calls).live.get_mut(&ticket) {
            *live = started.take();
        }
        // Done by now, or given up.
        if let Some(started) = started {
            started.abort();
        }
        OK
    }

    /// Gives a call up.
    pub fn cancel(&self, ticket: u64) {
        let live = lock(&self.calls).live.remove(&ticket).flatten();
        if let Some(started) = live {
            started.abort();
        }
    }

    /// Ends all calls and begins no more.
    pub fn close(&self) {
        let live = {
            let mut calls = lock(&self.calls);
            calls.closed = true;
            std::mem::take(&mut calls.live)
        };
        live.into_values().flatten().for_each(|started| started.abort());
    }

    /// Takes what the plugin sends.
    pub fn emit(&self, kind: u32, head: &[u8], body: &[u8]) -> Status {
        let mut taken = lock(&self.taken);
        taken.bytes = taken.bytes.saturating_add(head.len()).saturating_add(body.len());
        if taken.bytes > limits::EMITTED {
            self.exceed();
            return E_LIMIT;
        }
        let bad = |what: &str, error: serde_json::Error| {
            self.desk.violation(format!("`{}` sent {what} that cannot be read: {error}", self.desk.check()));
            E_BAD_ARG
        };
        match kind {
            KIND_EMISSION => match serde_json::from_slice::<Emission>(head) {
                Ok(emission) => {
                    if let Some(at) = taken.known.iter().position(|known| *known == emission) {
                        let again = taken.known.swap_remove(at);
                        taken.sent.push(again);
                        return OK;
                    }
                    let kept = (!matches!(emission, Emission::Progress { .. })).then(|| emission.clone());
                    if !self.desk.take(emission) {
                        taken.refused = true;
                        return E_BAD_ARG;
                    }
                    taken.sent.extend(kept);
                    OK
                }
                Err(error) => {
                    taken.refused = true;
                    bad("something", error)
                }
            },
            KIND_OUTCOME => match serde_json::from_slice(head) {
                Ok(_) if taken.outcome.is_some() => {
                    self.desk.violation(format!("`{}` said twice how it ended", self.desk.check()));
                    E_BAD_ARG
                }
                Ok(outcome) => {
                    taken.outcome = Some(outcome);
                    OK
                }
                Err(error) => bad("an outcome", error),
            },
            KIND_LOG => match serde_json::from_slice::<LogLine>(head) {
                Ok(LogLine { level, target, message }) => {
                    tracing::debug!(check = self.desk.check(), level, target, "{message}");
                    OK
                }
                Err(error) => bad("a line for the log", error),
            },
            KIND_PANIC => {
                taken.panic = Some(serde_json::from_slice(head).unwrap_or_default());
                OK
            }
            kind => {
                self.desk.violation(format!("`{}` sent something of the unknown kind {kind}", self.desk.check()));
                E_UNSUPPORTED
            }
        }
    }

    /// The plugin has sent more than it may.
    pub fn exceed(&self) {
        self.over.send_replace(true);
    }

    /// Waits until the plugin has sent more than it may.
    pub async fn exceeded(&self) {
        let mut over = self.over.subscribe();
        if over.wait_for(|over| *over).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// The plugin has tried something where it runs, and was denied it.
    pub fn deny(&self, what: &str) {
        let check = self.desk.check();
        self.desk.violation(format!("`{check}` tried {what}, which the sandbox denied"));
    }

    /// What was taken, for another attempt at the same run.
    pub fn sent(&self) -> Vec<Emission> {
        let taken = lock(&self.taken);
        taken.sent.iter().chain(&taken.known).cloned().collect()
    }

    /// What became of a run that ended so.
    ///
    /// # Errors
    /// When the check came to no result.
    pub fn outcome(&self, end: End) -> Result<Outcome, RunFailure> {
        self.close();
        let mut taken = lock(&self.taken);
        if *self.over.borrow() {
            let what = format!("more than {} MiB in one run", limits::EMITTED >> 20);
            return Err(RunFailure::OutputLimit { what });
        }
        let (status, error) = match end {
            End::Returned { status, error } => (status, error),
            End::Lost { crash, .. } => {
                return Err(match taken.panic.take() {
                    // With panic=abort the words come before the end.
                    Some(note) if crash.signal == Some(6) => RunFailure::Panicked(note),
                    _ => RunFailure::Crashed(crash),
                });
            }
        };
        match status {
            OK => {}
            E_PANIC => {
                let note = taken.panic.take().or_else(|| serde_json::from_slice(&error).ok()).unwrap_or_default();
                return Err(RunFailure::Panicked(note));
            }
            E_CONFIG => {
                let words = || ConfigError::at("", String::from_utf8_lossy(&error).into_owned());
                return Err(RunFailure::Config(serde_json::from_slice(&error).unwrap_or_else(|_| words())));
            }
            E_CANCELLED => return Err(RunFailure::Cancelled),
            status => return Err(RunFailure::Failed { message: format!("it returned {status}") }),
        }
        if let Some(note) = taken.panic.take() {
            self.desk.violation(format!("`{}` panicked after its end: {note}", self.desk.check()));
        }
        match taken.outcome.take() {
            None => Err(RunFailure::Failed { message: "it did not say how it ended".to_owned() }),
            // What could not be taken may have been the fault that was looked for.
            Some(Outcome::Clean | Outcome::Findings) if taken.refused => {
                Err(RunFailure::Failed { message: "not all that it found could be taken".to_owned() })
            }
            Some(outcome) => Ok(outcome),
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.close();
    }
}

/// Reads what a plugin asks.
fn call(method: &str, head: &[u8]) -> Result<Call, ServiceError> {
    // A call without a head asks with none.
    let head = if head.is_empty() { b"null" } else { head };
    let mut reader = serde_json::Deserializer::from_slice(head);
    let call = Call::read(method, &mut reader)?;
    let end = reader.end();
    end.map_err(|error| ServiceError::new(ServiceErrorKind::BadRequest, format!("{method}: {error}")))?;
    Ok(call)
}

/// Writes what a service answers.
fn reply(answer: &net::Answer) -> Answer {
    let mut head = Vec::with_capacity(REPLY);
    match serde_json::to_writer(&mut head, &answer.head()) {
        Ok(()) => Answer { status: OK, head, body: Vec::new() },
        Err(error) => refusal(&ServiceError::new(ServiceErrorKind::Internal, error.to_string())),
    }
}

fn refusal(error: &ServiceError) -> Answer {
    Answer { status: error.kind.status(), head: serde_json::to_vec(error).unwrap_or_default(), body: Vec::new() }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
