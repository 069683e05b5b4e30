//! What the lab was asked, so that tests can count it.

use std::{
    net::SocketAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Entries of each kind that are kept; later ones are not.
const MAX_ENTRIES: usize = 1 << 20;

/// A DNS question that the lab received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The name, in lower case, without the final dot (the root: `.`).
    pub name: String,
    /// The type, for example `MX` or `TYPE99`.
    pub rtype: String,
    /// How it came.
    pub transport: Transport,
    /// Whom it was put to: [`Lab::resolver`](crate::Lab::resolver), or the
    /// presented address of an authoritative server.
    pub server: SocketAddr,
    /// Whether recursion was desired.
    pub recursion_desired: bool,
}

/// A transport of DNS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// A stream.
    Tcp,
}

/// An SMTP session that the lab held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The presented address of the server.
    pub address: SocketAddr,
    /// The command lines received, without line ends, also those inside TLS.
    pub commands: Vec<String>,
    /// Whether a TLS handshake succeeded.
    pub tls: bool,
    /// Whether the client said QUIT.
    pub quit: bool,
}

/// An HTTPS request that the lab received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebRequest {
    /// The presented address of the server.
    pub address: SocketAddr,
    /// The host that the request names.
    pub host: String,
    /// The path.
    pub path: String,
}

/// Questions, sessions and requests of one lab.
#[derive(Debug, Default)]
pub(crate) struct Log {
    questions: Mutex<Vec<Question>>,
    sessions: Mutex<Vec<Session>>,
    web: Mutex<Vec<WebRequest>>,
}

impl Log {
    pub(crate) fn questions(&self) -> Vec<Question> {
        lock(&self.questions).clone()
    }

    pub(crate) fn sessions(&self) -> Vec<Session> {
        lock(&self.sessions).clone()
    }

    pub(crate) fn web_requests(&self) -> Vec<WebRequest> {
        lock(&self.web).clone()
    }

    pub(crate) fn web_request(&self, request: WebRequest) {
        let mut requests = lock(&self.web);
        if requests.len() < MAX_ENTRIES {
            requests.push(request);
        }
    }

    pub(crate) fn asked(&self, question: Question) {
        let mut questions = lock(&self.questions);
        if questions.len() < MAX_ENTRIES {
            questions.push(question);
        }
    }

    /// Notes a new session; its number is for [`Log::session`].
    pub(crate) fn connected(&self, address: SocketAddr) -> usize {
        let mut sessions = lock(&self.sessions);
        if sessions.len() < MAX_ENTRIES {
            sessions.push(Session { address, commands: Vec::new(), tls: false, quit: false });
            sessions.len() - 1
        } else {
            usize::MAX
        }
    }

    /// Changes what is known of a session.
    pub(crate) fn session(&self, number: usize, change: impl FnOnce(&mut Session)) {
        if let Some(session) = lock(&self.sessions).get_mut(number) {
            change(session);
        }
    }
}

/// A list is whole even when its lock is poisoned: entries are only pushed.
fn lock<T>(list: &Mutex<Vec<T>>) -> MutexGuard<'_, Vec<T>> {
    list.lock().unwrap_or_else(PoisonError::into_inner)
}
