//! Fail-over: one question to several servers until one of them answers.
//!
//! NOERROR and NXDOMAIN end it; whatever else a server says, another may know
//! better. A server that is silent is not waited for: after a pause the next
//! one is asked as well, and the first answer of any of them counts. A SERVFAIL
//! that is one server's word alone is asked for once more: a resolver that
//! cannot reach an authority at one moment often can at the next.

use std::{
    net::SocketAddr,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use engine_plugin_api::services::{Channel, DnsAttempt, DnsStatus, Transport};
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::time::{Instant, sleep_until};

use super::{
    codes,
    convert::{self, Reading},
    exchange::{self, Failure, Question},
};

/// How long a silent server is waited for before the next one is asked too;
/// an eighth of the time-out, where that is shorter.
const PAUSE: Duration = Duration::from_millis(500);
/// How often one server is asked at most, an appeal left aside.
const ROUNDS: u32 = 4;
/// How many pauses long the answer to an appeal is waited for.
const APPEAL: u32 = 4;

/// A server, and what is known of it.
#[derive(Debug)]
pub(super) struct Server {
    /// Where it really is.
    address: SocketAddr,
    /// What it is called in replies.
    shown: String,
    /// The way to it.
    channel: Channel,
    /// It was silent last time: others are asked first.
    suspect: AtomicBool,
}

impl Server {
    /// A server at `address` that is presented as `shown`; port 53 goes
    /// without saying.
    pub(super) fn new(address: SocketAddr, shown: SocketAddr) -> Self {
        let shown = if shown.port() == 53 { shown.ip().to_string() } else { shown.to_string() };
        Server { address, shown, channel: Channel::Open, suspect: AtomicBool::new(false) }
    }

    /// The same, with the way to it.
    pub(super) fn over(self, channel: Channel) -> Self {
        Server { channel, ..self }
    }

    /// The way to it.
    pub(super) fn channel(&self) -> Channel {
        self.channel
    }

    /// Whether it is called `shown` in replies.
    pub(super) fn is(&self, shown: &str) -> bool {
        self.shown == shown
    }
}

/// What came of a question.
#[derive(Debug)]
pub(super) struct Settled {
    pub(super) status: DnsStatus,
    /// What happened, where `status` is no answer.
    pub(super) detail: String,
    /// The message that counts, if one came.
    pub(super) reading: Option<Reading>,
    /// In the order of sending, except that the one that counts is last.
    pub(super) attempts: Vec<DnsAttempt>,
}

/// How long is waited for what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// For a question in all.
    pub(super) timeout: Duration,
    /// For a silent server before the next one is asked too.
    pub(super) pause: Duration,
}

impl Patience {
    pub(super) fn new(timeout: Duration) -> Self {
        Patience { timeout, pause: PAUSE.min(timeout / 8) }
    }
}

/// Asks `servers`, at least one.
pub(super) async fn ask(servers: &[Server], question: &Question, Patience { timeout, pause }: Patience) -> Settled {
    let begun = Instant::now();
    let until = begun + timeout;
    let log = Log::default();
    let mut states: Vec<State> = servers.iter().map(State::new).collect();
    let mut in_flight = FuturesUnordered::new();
    let mut next_send = begun;
    let mut appeal = Appeal::Open;
    let ask_at = async |index: usize, until| (index, ask_server(&servers[index], question, until, pause, &log).await);

    let answer = loop {
        let now = Instant::now();
        if now >= next_send {
            next_send = match next_server(&states) {
                Some(index) => {
                    in_flight.push(ask_at(index, until));
                    states[index].first_sent.get_or_insert(now);
                    states[index].sent += 1;
                    now + pause * (1 << (states[index].sent - 1))
                }
                None => until + pause,
            };
        }
        // Every exchange ends by `until`; the last condition only guards against a fault in that.
        let all_failed = states.iter().all(|state| state.failure.is_some());
        if let (true, Appeal::Open, Some(index)) = (all_failed, appeal, lone_servfail(&states)) {
            appeal = Appeal::Asked;
            let soon = until.min(now + pause * APPEAL);
            in_flight.push(ask_at(index, soon));
        }
        let over = all_failed && appeal != Appeal::Asked || now >= until + pause;
        if over || end_of_patience(&states, pause).is_some_and(|end| now >= end) {
            break None;
        }
        tokio::select! {
            Some((index, outcome)) = in_flight.next() => {
                let server = &servers[index];
                if outcome.status != DnsStatus::Timeout {
                    server.suspect.store(false, Ordering::Relaxed);
                }
                if is_final(outcome.status) {
                    break Some((index, outcome));
                }
                if outcome.status == DnsStatus::Unreachable {
                    server.suspect.store(true, Ordering::Relaxed);
                }
                if appeal == Appeal::Asked {
                    appeal = Appeal::Over;
                }
                states[index].failed(outcome);
                if states.iter().any(|state| state.sent == 0) {
                    next_send = Instant::now();
                }
            }
            () = sleep_until(wake(&states, next_send, pause)) => {}
        }
    };
    drop(in_flight);

    // Who was left behind while another answered, or never said a word.
    let answered = answer.as_ref().map(|(index, _)| *index);
    for (index, (server, state)) in servers.iter().zip(&states).enumerate() {
        let silent = match &state.failure {
            Some(failure) => failure.status == DnsStatus::Timeout,
            None => state.first_sent.is_some_and(|sent| sent.elapsed() >= pause),
        };
        if silent && answered != Some(index) {
            server.suspect.store(true, Ordering::Relaxed);
        }
    }
    match answer {
        Some((_, outcome)) => Settled {
            status: outcome.status,
            detail: String::new(),
            attempts: log.attempts(outcome.attempt),
            reading: outcome.reading,
        },
        None => failure(servers, states, Instant::now() >= until, timeout, log),
    }
}

/// Whether a lone SERVFAIL was asked for once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Appeal {
    Open,
    Asked,
    Over,
}

/// How a question to one server ended.
#[derive(Debug)]
struct Outcome {
    status: DnsStatus,
    /// What the server did, as a fragment without its name; empty for an
    /// answer and for silence.
    cause: String,
    reading: Option<Reading>,
    /// The attempt that this rests on.
    attempt: usize,
}

#[derive(Debug)]
struct State {
    /// It was suspect when the question began.
    suspect: bool,
    sent: u32,
    first_sent: Option<Instant>,
    /// What it said instead of an answer; then it is not asked again.
    failure: Option<Outcome>,
}

impl State {
    fn new(server: &Server) -> Self {
        State { suspect: server.suspect.load(Ordering::Relaxed), sent: 0, first_sent: None, failure: None }
    }

    fn failed(&mut self, outcome: Outcome) {
        if self.failure.as_ref().is_none_or(|known| weight(outcome.status) > weight(known.status)) {
            self.failure = Some(outcome);
        }
    }
}

/// The least asked of those that have not failed, suspects last, else in order.
fn next_server(states: &[State]) -> Option<usize> {
    let open = states.iter().enumerate().filter(|(_, state)| state.failure.is_none() && state.sent < ROUNDS);
    open.min_by_key(|(_, state)| (state.sent, state.suspect)).map(|(index, _)| index)
}

/// The server whose SERVFAIL is the only one, and says most of why there is no answer.
fn lone_servfail(states: &[State]) -> Option<usize> {
    let failed =
        |index: &usize, status| states[*index].failure.as_ref().is_some_and(|failure| failure.status == status);
    let mut servfails = (0..states.len()).filter(|index| failed(index, DnsStatus::ServFail));
    let lone = servfails.next()?;
    let bogus = (0..states.len()).any(|index| failed(&index, DnsStatus::Bogus));
    (servfails.next().is_none() && !bogus).then_some(lone)
}

/// When to stop waiting for the rest: somebody has said why there is no answer,
/// and those who have not spoken were silent in their last question too. `None`
/// while silence is waited out.
fn end_of_patience(states: &[State], pause: Duration) -> Option<Instant> {
    let spoken = |state: &State| state.failure.as_ref().is_some_and(|failure| failure.status != DnsStatus::Timeout);
    let mut open = states.iter().filter(|state| state.failure.is_none());
    if !states.iter().any(spoken) || !open.clone().all(|state| state.suspect && state.first_sent.is_some()) {
        return None;
    }
    open.try_fold(None, |latest: Option<Instant>, state| {
        let end = state.first_sent? + pause * 2;
        Some(latest.map_or(Some(end), |latest| Some(latest.max(end))))
    })?
}

fn wake(states: &[State], next_send: Instant, pause: Duration) -> Instant {
    end_of_patience(states, pause).map_or(next_send, |end| next_send.min(end))
}

fn is_final(status: DnsStatus) -> bool {
    matches!(status, DnsStatus::Answer | DnsStatus::NoData | DnsStatus::NxDomain)
}

/// How much a failure tells; the greatest is the question's.
fn weight(status: DnsStatus) -> u8 {
    match status {
        DnsStatus::Bogus => 7,
        DnsStatus::ServFail => 6,
        DnsStatus::ErrorCode => 5,
        DnsStatus::Truncated => 4,
        DnsStatus::Refused => 3,
        DnsStatus::Malformed => 2,
        DnsStatus::Unreachable => 1,
        _ => 0,
    }
}

/// The failure of a question that nobody answered: the one that tells most
/// gives the status; the detail names what every server did.
fn failure(servers: &[Server], states: Vec<State>, in_full: bool, timeout: Duration, log: Log) -> Settled {
    let mut silent: Vec<&str> = Vec::new();
    let mut spoken: Vec<(&str, Outcome)> = Vec::new();
    for (server, state) in servers.iter().zip(states) {
        match state.failure {
            Some(outcome) if outcome.status != DnsStatus::Timeout => spoken.push((&server.shown, outcome)),
            _ => silent.push(&server.shown),
        }
    }
    // Stable: of two that tell as much, the one of the preferred server.
    spoken.sort_by_key(|(_, outcome)| std::cmp::Reverse(weight(outcome.status)));
    let mut details: Vec<String> =
        spoken.iter().map(|(server, outcome)| format!("{server} {}", outcome.cause)).collect();
    if !silent.is_empty() {
        let time = if in_full { format!(" in {}", in_words(timeout)) } else { String::new() };
        details.push(format!("no answer from {}{time}", silent.join(" or ")));
    }
    let detail = details.join("; ");
    match spoken.into_iter().next() {
        Some((_, outcome)) => Settled {
            status: outcome.status,
            detail,
            attempts: log.attempts(outcome.attempt),
            reading: outcome.reading,
        },
        None => Settled { status: DnsStatus::Timeout, detail, attempts: log.attempts(usize::MAX), reading: None },
    }
}

fn in_words(time: Duration) -> String {
    if time.subsec_millis() == 0 { format!("{} s", time.as_secs()) } else { format!("{} ms", time.as_millis()) }
}

/// Asks one server, over TCP as well when UDP was too small, and without EDNS
/// when it does not know that.
async fn ask_server(server: &Server, question: &Question, until: Instant, grace: Duration, log: &Log) -> Outcome {
    let address = server.address;
    let mut edns = true;
    loop {
        let attempt = log.begin(server, Transport::Udp);
        let message = match exchange::udp(address, question, edns, until, grace).await {
            Ok(message) => message,
            Err(failure) => return log.end(attempt, failed(failure)),
        };
        if exchange::is_truncated(&message) || exchange::is_oversized(&message) {
            log.end(attempt, Outcome::bare(DnsStatus::Truncated));
            return ask_over_tcp(server, question, edns, until, log).await;
        }
        let outcome = log.end(attempt, read(&message, question));
        // RFC 6891 §7: a server without EDNS says FORMERR, and sends no OPT record.
        let no_edns = outcome
            .reading
            .as_ref()
            .is_some_and(|reading| !reading.edns && [codes::FORMERR, codes::NOTIMP].contains(&reading.rcode));
        if !(edns && no_edns) {
            return outcome;
        }
        edns = false;
    }
}

async fn ask_over_tcp(server: &Server, question: &Question, edns: bool, until: Instant, log: &Log) -> Outcome {
    let attempt = log.begin(server, Transport::Tcp);
    let outcome = match exchange::tcp(server.address, question, edns, until).await {
        Ok(message) if exchange::is_truncated(&message) => Outcome {
            cause: "cuts its answer short over UDP and TCP".to_owned(),
            ..Outcome::bare(DnsStatus::Truncated)
        },
        Ok(message) => read(&message, question),
        Err(failure) => failed(failure),
    };
    let outcome = log.end(attempt, outcome);
    // Without TCP, all that is known is that the answer was too long.
    let cause = match outcome.status {
        DnsStatus::Timeout => "does not answer over TCP".to_owned(),
        DnsStatus::Unreachable | DnsStatus::Malformed => outcome.cause,
        _ => return outcome,
    };
    Outcome {
        status: DnsStatus::Truncated,
        cause: format!("cuts its answer short over UDP, and {cause}"),
        reading: None,
        attempt,
    }
}

fn read(message: &[u8], question: &Question) -> Outcome {
    match convert::read(message, question) {
        Ok(reading) => {
            Outcome { status: reading.status, cause: reading.cause.clone(), reading: Some(reading), attempt: 0 }
        }
        Err(cause) => Outcome { cause, ..Outcome::bare(DnsStatus::Malformed) },
    }
}

fn failed(failure: Failure) -> Outcome {
    match failure {
        Failure::Timeout => Outcome::bare(DnsStatus::Timeout),
        Failure::Unreachable(cause) => Outcome { cause, ..Outcome::bare(DnsStatus::Unreachable) },
        Failure::Malformed(cause) => Outcome { cause, ..Outcome::bare(DnsStatus::Malformed) },
    }
}

impl Outcome {
    fn bare(status: DnsStatus) -> Self {
        Outcome { status, cause: String::new(), reading: None, attempt: 0 }
    }
}

/// The attempts of a question in the order of sending. An exchange that is
/// dropped because another answered leaves its attempt open: not answered.
#[derive(Default)]
struct Log(Mutex<Vec<Try>>);

struct Try {
    server: String,
    transport: Transport,
    begun: Instant,
    ended: Option<(DnsStatus, Duration)>,
}

impl Log {
    fn tries(&self) -> MutexGuard<'_, Vec<Try>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, server: &Server, transport: Transport) -> usize {
        let mut tries = self.tries();
        tries.push(Try { server: server.shown.clone(), transport, begun: Instant::now(), ended: None });
        tries.len() - 1
    }

    /// Notes how an attempt ended, in the log and in its outcome.
    fn end(&self, attempt: usize, outcome: Outcome) -> Outcome {
        if let Some(open) = self.tries().get_mut(attempt) {
            open.ended = Some((outcome.status, open.begun.elapsed()));
        }
        Outcome { attempt, ..outcome }
    }

    /// All of them, the one numbered `deciding`, if there is one, moved to the end.
    fn attempts(self, deciding: usize) -> Vec<DnsAttempt> {
        let mut tries = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        if deciding < tries.len() {
            let last = tries.remove(deciding);
            tries.push(last);
        }
        let attempt = |open: Try| {
            let (status, took) = open.ended.unwrap_or_else(|| (DnsStatus::Timeout, open.begun.elapsed()));
            let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
            DnsAttempt { server: open.server, transport: open.transport, status, took_us }
        };
        tries.into_iter().map(attempt).collect()
    }
}
