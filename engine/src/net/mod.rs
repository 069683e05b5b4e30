//! The host's services: the only code that opens sockets or reads the clock.
//!
//! Layers under one trait, [`Layer`], bottom up, each a file:
//!
//! | layer | file | what |
//! |---|---|---|
//! | sockets | `sockets.rs`, `dns/`, `smtp/`, `http.rs`, `tls/`, `tcp.rs` | asks the network |
//! | policy | `policy.rs` | which addresses and ports may be asked at all |
//! | cache | `cache.rs` | equal requests of a run are one request (single flight) |
//! | budget | `budget.rs` | how many calls a check may make |
//! | recorder | `recorder.rs` | keeps every exchange: the report's evidence, and `--record` |
//!
//! `replay.rs` is another bottom: it answers from a recording. `call.rs` stands
//! above all of them: it makes a request of what a check calls.

pub mod budget;
pub mod cache;
pub mod call;
pub mod dns;
pub mod http;
pub mod policy;
pub mod recorder;
pub mod replay;
pub mod smtp;
pub mod sockets;
pub mod tcp;
pub mod tls;

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use engine_plugin_api::{
    BoxFuture, ServiceError,
    services::{DnsQuestion, DnsReply, HttpReply, HttpRequest, Slept, SmtpReply, SmtpRequest},
};
use serde::{Deserialize, Serialize, Serializer};

/// What is asked of the network.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "service", content = "request", rename_all = "kebab-case")]
pub enum Request {
    /// `dns.lookup/1`.
    Dns(DnsQuestion),
    /// `smtp.session/1`, and what looks and surveys are ([`call::Looks`]).
    Smtp(SmtpRequest),
    /// `http.get/1`.
    Http(HttpRequest),
    /// `clock.sleep/1`.
    Sleep(Duration),
}

impl Request {
    /// The same request as its constructor makes it: equal requests are equal,
    /// however they came here.
    pub fn normal(self) -> Request {
        match self {
            Request::Dns(question) => {
                Request::Dns(DnsQuestion { name: DnsQuestion::new(&question.name, question.rtype).name, ..question })
            }
            Request::Http(request) => {
                Request::Http(HttpRequest::new(&request.host, request.address, &request.path, request.max_body))
            }
            Request::Smtp(_) | Request::Sleep(_) => self,
        }
    }
}

/// What came of a [`Request`], of the same kind.
#[allow(clippy::large_enum_variant, reason = "almost every answer is a DNS reply")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "service", content = "reply", rename_all = "kebab-case")]
pub enum Answer {
    /// `dns.lookup/1`.
    Dns(DnsReply),
    /// `smtp.session/1`.
    Smtp(Box<SmtpReply>),
    /// `http.get/1`.
    Http(Box<HttpReply>),
    /// `clock.sleep/1`.
    Slept,
}

impl Answer {
    /// The answer as it stands in the reply to a call by name.
    pub fn head(&self) -> impl Serialize + '_ {
        Head(self)
    }
}

/// An answer without the word for its kind.
struct Head<'a>(&'a Answer);

impl Serialize for Head<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Answer::Dns(reply) => reply.serialize(serializer),
            Answer::Smtp(reply) => reply.serialize(serializer),
            Answer::Http(reply) => reply.serialize(serializer),
            Answer::Slept => Slept {}.serialize(serializer),
        }
    }
}

/// An answer with the time that it took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// The answer.
    #[serde(flatten)]
    pub answer: Answer,
    /// When the request was begun, Unix time in milliseconds.
    pub at_ms: i64,
    /// Microseconds that it took.
    pub took_us: u64,
}

/// One layer of the stack; each but the lowest wraps another.
pub trait Layer: Send + Sync + 'static {
    /// Carries out a request. A failing network is an answer; an error means
    /// that this host did not carry it out.
    fn exchange(&self, request: Request) -> BoxFuture<'_, Result<Observation, ServiceError>>;
}

/// How the network is reached.
#[derive(Clone, Debug)]
pub struct NetOptions {
    /// The recursive resolvers, in order of preference; at least one.
    pub resolvers: Vec<SocketAddr>,
    /// How long one question may take in all, retries and fail-over included.
    pub dns_timeout: Duration,
    /// DNS questions in flight at once, over all checks.
    pub dns_in_flight: usize,
    /// Whether the way to the resolvers is safe, so that their AD flag is
    /// believed; that of one on this machine always is.
    pub trust_resolver: bool,
    /// Where presented addresses really are; without any, they are themselves. See [`Routes`].
    pub routes: Option<Routes>,
    /// Addresses that may be asked although they are not globally routable.
    pub allow_private: bool,
    /// The name that we give with EHLO unless a request names one.
    pub ehlo: String,
    /// The address to connect from; the system chooses without one.
    pub source: Option<IpAddr>,
    /// How long to wait for a TCP connection.
    pub connect_timeout: Duration,
    /// How long to wait for an SMTP greeting (RFC 5321 §4.5.3.2.1 allows 5 minutes).
    pub greeting_timeout: Duration,
    /// How long to wait for every later reply, of an SMTP or HTTPS server.
    pub reply_timeout: Duration,
    /// Root certificates (DER) to trust beside the public ones.
    pub extra_roots: Vec<Vec<u8>>,
    /// The files that they came from, for the report; a lab's came from none.
    pub extra_root_files: Vec<String>,
}

impl NetOptions {
    /// The usual options over `resolvers`: 5 s a question, 128 questions at
    /// once, 10 s to connect, 60 s for a greeting, 30 s for any other reply.
    pub fn new(resolvers: Vec<SocketAddr>) -> Self {
        NetOptions {
            resolvers,
            dns_timeout: Duration::from_secs(5),
            dns_in_flight: 128,
            trust_resolver: false,
            routes: None,
            allow_private: false,
            ehlo: "localhost.localdomain".to_owned(),
            source: None,
            connect_timeout: Duration::from_secs(10),
            greeting_timeout: Duration::from_secs(60),
            reply_timeout: Duration::from_secs(30),
            extra_roots: Vec::new(),
            extra_root_files: Vec::new(),
        }
    }
}

/// Maps presented, globally routable addresses to loopback sockets.
///
/// Checks, findings and policy see only the presented address. Where there are
/// routes, even none, an address without a route is unreachable: a lab run
/// never leaves the machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Routes {
    /// Presented address and port → loopback socket.
    pub map: std::collections::BTreeMap<SocketAddr, SocketAddr>,
}

impl Routes {
    /// Where `presented` really is.
    ///
    /// # Errors
    /// When no route leads there, or one that leaves this machine.
    pub fn lead(&self, presented: SocketAddr) -> Result<SocketAddr, RouteError> {
        match self.map.get(&presented) {
            None => Err(RouteError::None(presented)),
            Some(socket) if !socket.ip().is_loopback() => Err(RouteError::NotLoopback { presented, socket: *socket }),
            Some(socket) => Ok(*socket),
        }
    }

    /// Where a resolver really is: one on this machine needs no route.
    ///
    /// # Errors
    /// As [`Routes::lead`].
    pub fn lead_to_resolver(&self, presented: SocketAddr) -> Result<SocketAddr, RouteError> {
        match self.lead(presented) {
            Err(RouteError::None(_)) if presented.ip().is_loopback() => Ok(presented),
            led => led,
        }
    }
}

/// Why an address is not reached through the routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// None leads there.
    #[error("no route leads to {0}, and this run leaves the machine for nothing")]
    None(SocketAddr),
    /// One leads out of this machine, which no route may.
    #[error("the route of {presented} leads to {socket}, which is no loopback socket")]
    NotLoopback {
        /// The address that was asked for.
        presented: SocketAddr,
        /// Where its route leads.
        socket: SocketAddr,
    },
}

/// The time, Unix milliseconds.
pub fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Whole seconds, rounded up.
pub fn seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}
