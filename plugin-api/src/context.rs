//! What a check is given to work with.

use std::{future::Future, pin::Pin, sync::Arc, task::Poll, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    finding::Finding,
    outcome::{Cause, CauseKind, Judgement, Outcome, Unknown},
    services::{
        CLOCK_SLEEP, DNS_LOOKUP, DnsQuestion, DnsReply, HTTP_GET, HttpEnd, HttpFetch, HttpReply, HttpRequest,
        HttpStage, MailExchanger, RecordType, SMTP_LOOK, SMTP_SESSION, SMTP_SURVEY, SmtpReply, SmtpRequest, Validation,
    },
    stance::Stance,
};

/// A boxed future that may move between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a service answers: a JSON head, and raw bytes where the service has any.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reply {
    /// The answer.
    pub head: Value,
    /// Bytes that would be wasteful in JSON; empty for most services.
    pub body: Vec<u8>,
}

/// Why the host did not carry out a service call.
///
/// A failing *network* is no such error: it is an answer of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ServiceErrorKind {
    /// The host has no such service.
    Unsupported,
    /// The check's manifest does not name the service, or policy forbids the call.
    Denied,
    /// The check has used up its calls.
    Budget,
    /// The request cannot be read.
    BadRequest,
    /// The run is over.
    Cancelled,
    /// The recording that is replayed does not hold this call.
    NotRecorded,
    /// The host itself failed; also any kind that this version does not know.
    #[serde(other)]
    Internal,
}

/// Why the host did not carry out a service call, with its words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ServiceError {
    /// The kind of refusal.
    pub kind: ServiceErrorKind,
    /// A lower-case fragment that names the call and the reason.
    pub message: String,
}

impl ServiceError {
    /// A refusal with its words.
    pub fn new(kind: ServiceErrorKind, message: impl Into<String>) -> Self {
        ServiceError { kind, message: message.into() }
    }

    /// The same, as the cause of an [`Unknown`].
    pub fn cause(&self) -> Cause {
        let kind = match self.kind {
            ServiceErrorKind::Denied | ServiceErrorKind::Budget => CauseKind::Denied,
            ServiceErrorKind::Cancelled => CauseKind::Interrupted,
            ServiceErrorKind::NotRecorded => CauseKind::NotRecorded,
            ServiceErrorKind::Unsupported | ServiceErrorKind::BadRequest | ServiceErrorKind::Internal => {
                CauseKind::CheckFailed
            }
        };
        Cause::new(kind, self.message.clone())
    }
}

impl std::fmt::Display for ServiceError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ServiceError {}

/// Something that a check sends while it runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Emission {
    /// Something was found.
    Finding(Finding),
    /// Something could not be told.
    Unknown(Unknown),
    /// What a sender that holds to a policy does with an exchange.
    Stance(Stance),
    /// A line for the user who waits.
    Progress {
        /// What is going on, for example `waiting 5 min for the second attempt`.
        text: String,
    },
}

/// What the host does for a check.
///
/// [`Services::call`] carries every service by name and version
/// (`dns.lookup/1`); the typed methods are the same calls without JSON and
/// have default bodies over it, so that a host on the far side of a process
/// boundary implements two methods.
pub trait Services: Send + Sync + 'static {
    /// Calls the service that `method` names.
    fn call(&self, method: String, head: Value, body: Vec<u8>) -> BoxFuture<'_, Result<Reply, ServiceError>>;

    /// Takes what the check sends.
    fn emit(&self, emission: Emission);

    /// `dns.lookup/1`.
    fn dns(&self, question: DnsQuestion) -> BoxFuture<'_, Result<DnsReply, ServiceError>> {
        Box::pin(async move { typed(self.call(DNS_LOOKUP.to_owned(), json!(question), Vec::new()).await?) })
    }

    /// `smtp.session/1`.
    fn smtp(&self, request: SmtpRequest) -> BoxFuture<'_, Result<SmtpReply, ServiceError>> {
        Box::pin(async move { typed(self.call(SMTP_SESSION.to_owned(), json!(request), Vec::new()).await?) })
    }

    /// `smtp.look/1`.
    fn look(&self, exchanger: MailExchanger) -> BoxFuture<'_, Result<SmtpReply, ServiceError>> {
        Box::pin(async move { typed(self.call(SMTP_LOOK.to_owned(), json!(exchanger), Vec::new()).await?) })
    }

    /// `smtp.survey/1`.
    fn survey(&self, exchanger: MailExchanger) -> BoxFuture<'_, Result<SmtpReply, ServiceError>> {
        Box::pin(async move { typed(self.call(SMTP_SURVEY.to_owned(), json!(exchanger), Vec::new()).await?) })
    }

    /// `http.get/1`.
    fn http(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpReply, ServiceError>> {
        Box::pin(async move { typed(self.call(HTTP_GET.to_owned(), json!(request), Vec::new()).await?) })
    }

    /// `clock.sleep/1`.
    fn sleep(&self, duration: Duration) -> BoxFuture<'_, Result<(), ServiceError>> {
        let head = json!({ "ms": u64::try_from(duration.as_millis()).unwrap_or(u64::MAX) });
        Box::pin(async move { self.call(CLOCK_SLEEP.to_owned(), head, Vec::new()).await.map(|_| ()) })
    }
}

/// Addresses of a host that [`Context::fetch`] tries.
const MOST_TRIES: usize = 3;

/// Waits for two futures at once.
async fn both<A, B>(a: impl Future<Output = A>, b: impl Future<Output = B>) -> (A, B) {
    let (mut a, mut b) = (std::pin::pin!(a), std::pin::pin!(b));
    let (mut a_done, mut b_done) = (None, None);
    std::future::poll_fn(move |cx| {
        if a_done.is_none() {
            a_done = ready(a.as_mut().poll(cx));
        }
        if b_done.is_none() {
            b_done = ready(b.as_mut().poll(cx));
        }
        match (a_done.take(), b_done.take()) {
            (Some(a), Some(b)) => Poll::Ready((a, b)),
            (a, b) => {
                (a_done, b_done) = (a, b);
                Poll::Pending
            }
        }
    })
    .await
}

fn ready<T>(poll: Poll<T>) -> Option<T> {
    match poll {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

fn typed<T: serde::de::DeserializeOwned>(reply: Reply) -> Result<T, ServiceError> {
    serde_json::from_value(reply.head).map_err(|error| {
        ServiceError::new(ServiceErrorKind::Internal, format!("the host's answer cannot be read: {error}"))
    })
}

/// A check's hold on the host. Cheap to clone.
#[derive(Clone)]
pub struct Context(Arc<dyn Services>);

impl Context {
    /// A context over the host's services.
    pub fn new(services: Arc<dyn Services>) -> Self {
        Context(services)
    }

    /// Asks a DNS question. Costs one question, or none when the run has
    /// asked it already. A host that refuses the call is one more way of not
    /// getting an answer, so this cannot fail.
    pub async fn dns(&self, question: DnsQuestion) -> DnsReply {
        match self.0.dns(question.clone()).await {
            Ok(reply) => reply,
            Err(error) => DnsReply::not_asked(question, error.cause()),
        }
    }

    /// Finds out what a mail exchanger shows until TLS is up. What the reply tells
    /// of later stages is there only where another check of the run surveys. Costs
    /// one connection, or none when the run has held the exchanger's session already.
    pub async fn look(&self, exchanger: MailExchanger) -> SmtpReply {
        match self.0.look(exchanger.clone()).await {
            Ok(reply) => reply,
            Err(error) => SmtpReply::not_held(&exchanger.look(), error.cause()),
        }
    }

    /// Surveys a mail exchanger ([`MailExchanger::survey`]). Costs one connection,
    /// or none when the run has held the exchanger's session already.
    pub async fn survey(&self, exchanger: MailExchanger) -> SmtpReply {
        match self.0.survey(exchanger.clone()).await {
            Ok(reply) => reply,
            Err(error) => SmtpReply::not_held(&exchanger.survey(), error.cause()),
        }
    }

    /// Holds an SMTP session of the check's own, up to the stage that the request
    /// names. Costs one connection, or none when the run has held the same session
    /// already.
    pub async fn smtp(&self, request: SmtpRequest) -> SmtpReply {
        match self.0.smtp(request.clone()).await {
            Ok(reply) => reply,
            Err(error) => SmtpReply::not_held(&request, error.cause()),
        }
    }

    /// Gets a document over HTTPS. Costs one connection, or none when the run
    /// has got the same already.
    pub async fn http(&self, request: HttpRequest) -> HttpReply {
        match self.0.http(request.clone()).await {
            Ok(reply) => reply,
            Err(error) => HttpReply::not_made(request, error.cause()),
        }
    }

    /// Looks up `host` and gets `https://host/path`, at most `max_body` bytes
    /// of it. Costs two questions, and a connection for each address that is
    /// tried: three at most, a further one only where there was no connection.
    pub async fn fetch(&self, host: &str, path: &str, max_body: u32) -> HttpFetch {
        let ask = |rtype| self.dns(DnsQuestion::new(host, rtype));
        let (v4, v6) = both(ask(RecordType::A), ask(RecordType::Aaaa)).await;
        let mut tries = Vec::new();
        for address in v4.addresses().chain(v6.addresses()).take(MOST_TRIES) {
            let reply = self.http(HttpRequest::new(host, address, path, max_body)).await;
            let goes_on = matches!(
                reply.end,
                HttpEnd::NotConnected { .. }
                    | HttpEnd::NotMade { .. }
                    | HttpEnd::TimedOut { stage: HttpStage::Connect, .. }
            );
            tries.push(reply);
            if !goes_on {
                break;
            }
        }
        HttpFetch { v4, v6, tries }
    }

    /// Finds out whether the run's resolver validates DNSSEC, so that
    /// [`Validation::of`] can tell the status of its answers. Costs one question.
    pub async fn validation(&self) -> Validation {
        let root = DnsQuestion { dnssec: true, ..DnsQuestion::new(".", RecordType::Ns) };
        Validation { root: self.dns(root).await }
    }

    /// Waits, at most until the check's deadline, with which the run ends. That
    /// of a check that is linked in is put off by what it waits. In a replay no
    /// time passes.
    ///
    /// # Errors
    /// When the run is over, or the host allows no such wait.
    pub async fn sleep(&self, duration: Duration) -> Result<(), ServiceError> {
        self.0.sleep(duration).await
    }

    /// Calls any service by name and version, for services newer than this crate.
    ///
    /// # Errors
    /// See [`ServiceErrorKind`].
    pub async fn call(&self, method: &str, head: Value, body: Vec<u8>) -> Result<Reply, ServiceError> {
        self.0.call(method.to_owned(), head, body).await
    }

    /// Sends a finding.
    pub fn finding(&self, finding: Finding) {
        self.0.emit(Emission::Finding(finding));
    }

    /// Sends something that could not be told.
    pub fn unknown(&self, unknown: Unknown) {
        self.0.emit(Emission::Unknown(unknown));
    }

    /// Sends a cell of the policy matrix.
    pub fn stance(&self, stance: Stance) {
        self.0.emit(Emission::Stance(stance));
    }

    /// Tells the waiting user what is going on.
    pub fn progress(&self, text: impl Into<String>) {
        self.0.emit(Emission::Progress { text: text.into() });
    }

    /// Sends a judgement and says how the check ends: with findings, clean, or
    /// without a result when nothing was found and something is unknown.
    pub fn conclude(&self, judgement: Judgement) -> Outcome {
        let outcome = match (judgement.findings.is_empty(), judgement.unknowns.first()) {
            (false, _) => Outcome::Findings,
            (true, None) => Outcome::Clean,
            (true, Some(unknown)) => Outcome::CouldNotTell { cause: unknown.cause.clone() },
        };
        for finding in judgement.findings {
            self.finding(finding);
        }
        for unknown in judgement.unknowns {
            self.unknown(unknown);
        }
        for stance in judgement.stances {
            self.stance(stance);
        }
        outcome
    }
}
