//! Host calls as futures: what is asked is put under a tag, and the executor
//! brings the answer back by the tag.

use std::{
    collections::HashMap,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context as Poller, Poll, Waker},
    time::Duration,
};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::Host;
use crate::{
    abi::{self, Status},
    context::{BoxFuture, Emission, Reply, ServiceError, ServiceErrorKind, Services},
    services::{
        CLOCK_SLEEP, DNS_LOOKUP, DnsQuestion, DnsReply, HTTP_GET, HttpReply, HttpRequest, MailExchanger, SMTP_LOOK,
        SMTP_SESSION, SMTP_SURVEY, SmtpReply, SmtpRequest,
    },
};

/// The answer to one call, copied.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    pub status: Status,
    pub head: Vec<u8>,
    pub body: Vec<u8>,
}

enum Slot {
    Waiting(Option<Waker>),
    Answered(Answer),
}

/// The calls of one run; a [`Services`] over a [`Host`].
pub(super) struct Calls {
    host: Arc<dyn Host>,
    next_tag: AtomicU64,
    /// Those that somebody still waits for.
    slots: Mutex<Slots>,
}

#[derive(Default)]
struct Slots {
    by_tag: HashMap<u64, Slot>,
    /// Set when nobody fetches answers any more.
    closed: bool,
}

impl Calls {
    pub fn new(host: Arc<dyn Host>) -> Arc<Self> {
        Arc::new(Calls { host, next_tag: AtomicU64::new(1), slots: Mutex::default() })
    }

    pub fn host(&self) -> &Arc<dyn Host> {
        &self.host
    }

    /// Takes the answer to the call `tag`; one that nobody waits for any more is left.
    pub fn deliver(&self, tag: u64, answer: Answer) {
        let waker = match self.slots().by_tag.get_mut(&tag) {
            Some(slot @ Slot::Waiting(_)) => match std::mem::replace(slot, Slot::Answered(answer)) {
                Slot::Waiting(waker) => waker,
                Slot::Answered(_) => None,
            },
            _ => None,
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Ends all calls that still wait, and all that will be made.
    pub fn close(&self) {
        let mut wakers = Vec::new();
        {
            let mut slots = self.slots();
            slots.closed = true;
            for slot in slots.by_tag.values_mut() {
                if let Slot::Waiting(waker) = slot {
                    wakers.extend(waker.take());
                    *slot = Slot::Answered(Answer { status: abi::E_ENDED, ..Answer::default() });
                }
            }
        }
        wakers.into_iter().for_each(Waker::wake);
    }

    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a call; `Err` when the host does not take it.
    fn begin(&self, method: &str, head: &[u8], body: &[u8]) -> Result<Call<'_>, Status> {
        let tag = self.next_tag.fetch_add(1, Ordering::Relaxed);
        {
            let mut slots = self.slots();
            if slots.closed {
                return Err(abi::E_ENDED);
            }
            // Before it is submitted: the answer may be there at once.
            slots.by_tag.insert(tag, Slot::Waiting(None));
        }
        let call = Call { calls: self, tag, open: true };
        match self.host.submit(tag, method, head, body) {
            abi::OK => Ok(call),
            status => {
                // The host knows no such call: there is none to cancel.
                call.forget();
                Err(status)
            }
        }
    }

    async fn exchange(&self, method: &str, head: &[u8], body: &[u8]) -> Result<Answer, ServiceError> {
        let answer = match self.begin(method, head, body) {
            Ok(call) => call.await,
            Err(status) => Answer { status, ..Answer::default() },
        };
        if answer.status == abi::OK { Ok(answer) } else { Err(refusal(method, &answer)) }
    }

    async fn typed<Q: Serialize, A: DeserializeOwned>(&self, method: &str, request: &Q) -> Result<A, ServiceError> {
        let unreadable = |what: &str, error: serde_json::Error| {
            ServiceError::new(ServiceErrorKind::Internal, format!("{method}: the {what} cannot be read: {error}"))
        };
        let head = serde_json::to_vec(request).map_err(|error| unreadable("request", error))?;
        let answer = self.exchange(method, &head, &[]).await?;
        serde_json::from_slice(&answer.head).map_err(|error| unreadable("host's answer", error))
    }
}

/// A failed answer in the contract's words; its status alone where it has none.
fn refusal(method: &str, answer: &Answer) -> ServiceError {
    serde_json::from_slice(&answer.head).unwrap_or_else(|_| {
        let kind = ServiceErrorKind::of_status(answer.status);
        let words = match kind {
            ServiceErrorKind::Unsupported => "the host has no such service",
            ServiceErrorKind::Denied => "the host forbids it",
            ServiceErrorKind::Budget => "the check has used up its calls",
            ServiceErrorKind::BadRequest => "the host cannot read the request",
            ServiceErrorKind::Cancelled => "the run is over",
            ServiceErrorKind::NotRecorded | ServiceErrorKind::Internal => "the host failed",
        };
        ServiceError::new(kind, format!("{method}: {words} (status {})", answer.status))
    })
}

/// A call that was made. Dropped before its answer, it is cancelled.
struct Call<'a> {
    calls: &'a Calls,
    tag: u64,
    open: bool,
}

impl Call<'_> {
    /// Leaves it without cancelling.
    fn forget(mut self) {
        self.open = false;
        self.calls.slots().by_tag.remove(&self.tag);
    }
}

impl Future for Call<'_> {
    type Output = Answer;

    fn poll(mut self: Pin<&mut Self>, poller: &mut Poller<'_>) -> Poll<Answer> {
        let taken = {
            let mut slots = self.calls.slots();
            match slots.by_tag.remove(&self.tag) {
                Some(Slot::Answered(answer)) => answer,
                Some(Slot::Waiting(_)) => {
                    slots.by_tag.insert(self.tag, Slot::Waiting(Some(poller.waker().clone())));
                    return Poll::Pending;
                }
                // Polled after its end: never ready again, as the contract of futures allows.
                None => return Poll::Pending,
            }
        };
        self.open = false;
        Poll::Ready(taken)
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if self.open {
            self.calls.slots().by_tag.remove(&self.tag);
            self.calls.host.cancel(self.tag);
        }
    }
}

impl Services for Calls {
    fn call(&self, method: String, head: Value, body: Vec<u8>) -> BoxFuture<'_, Result<Reply, ServiceError>> {
        Box::pin(async move {
            let answer = self.exchange(&method, head.to_string().as_bytes(), &body).await?;
            let head = serde_json::from_slice(&answer.head).map_err(|error| {
                let why = format!("{method}: the host's answer cannot be read: {error}");
                ServiceError::new(ServiceErrorKind::Internal, why)
            })?;
            Ok(Reply { head, body: answer.body })
        })
    }

    fn emit(&self, emission: Emission) {
        if let Ok(json) = serde_json::to_vec(&emission) {
            // A host that takes no more says so in its report.
            self.host.emit(abi::KIND_EMISSION, &json);
        }
    }

    fn dns(&self, question: DnsQuestion) -> BoxFuture<'_, Result<DnsReply, ServiceError>> {
        Box::pin(async move { self.typed(DNS_LOOKUP, &question).await })
    }

    fn smtp(&self, request: SmtpRequest) -> BoxFuture<'_, Result<SmtpReply, ServiceError>> {
        Box::pin(async move { self.typed(SMTP_SESSION, &request).await })
    }

    fn look(&self, exchanger: MailExchanger) -> BoxFuture<'_, Result<SmtpReply, ServiceError>> {
        Box::pin(async move { self.typed(SMTP_LOOK, &exchanger).await })
    }

    fn survey(&self, exchanger: MailExchanger) -> BoxFuture<'_, Result<SmtpReply, ServiceError>> {
        Box::pin(async move { self.typed(SMTP_SURVEY, &exchanger).await })
    }

    fn http(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpReply, ServiceError>> {
        Box::pin(async move { self.typed(HTTP_GET, &request).await })
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'_, Result<(), ServiceError>> {
        let request = json!({ "ms": u64::try_from(duration.as_millis()).unwrap_or(u64::MAX) });
        Box::pin(async move { self.typed::<_, Value>(CLOCK_SLEEP, &request).await.map(|_| ()) })
    }
}
