//! The running lab.

use std::{net::SocketAddr, time::Duration};

use crate::world::{World, WorldError};

/// A world that answers on loopback, until it is stopped or dropped.
#[derive(Debug)]
pub struct Lab {
    resolver: SocketAddr,
    routes: Vec<(SocketAddr, SocketAddr)>,
    root_certificate: Vec<u8>,
}

/// How a lab is run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabOptions {
    /// Time added to every exchange: to each DNS answer, to each batch of SMTP
    /// replies and to the greeting.
    pub round_trip: Duration,
}

/// Why a lab does not start.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// The world says something that means nothing.
    #[error("the world is wrong: {0}")]
    World(#[from] WorldError),
    /// The system gives no socket.
    #[error("no loopback socket for {what}: {source}")]
    Socket {
        /// What the socket is for.
        what: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// A certificate cannot be made.
    #[error("no certificate for {hostname}: {problem}")]
    Certificate {
        /// The server's name.
        hostname: String,
        /// What is wrong.
        problem: String,
    },
}

/// A DNS question that the lab received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The name, in lower case, without the final dot (the root: `.`).
    pub name: String,
    /// The type, for example `MX` or `TYPE99`.
    pub rtype: String,
    /// How it came.
    pub transport: Transport,
    /// Whom it was put to: [`Lab::resolver`], or the presented address of an
    /// authoritative server.
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
    /// The command lines received, without line ends.
    pub commands: Vec<String>,
    /// Whether a TLS handshake succeeded.
    pub tls: bool,
    /// Whether the client said QUIT.
    pub quit: bool,
}

impl Lab {
    /// Starts a world without added delay.
    ///
    /// # Errors
    /// See [`Lab::start_with`].
    pub async fn start(world: &World) -> Result<Lab, LabError> {
        Lab::start_with(world, LabOptions::default()).await
    }

    /// Starts a world.
    ///
    /// # Errors
    /// When the world says something that means nothing, or the system gives no
    /// loopback socket.
    pub async fn start_with(_world: &World, _options: LabOptions) -> Result<Lab, LabError> {
        Ok(Lab { resolver: SocketAddr::from(([127, 0, 0, 1], 53)), routes: Vec::new(), root_certificate: Vec::new() })
    }

    /// The address of the recursive resolver, for UDP and TCP.
    pub fn resolver(&self) -> SocketAddr {
        self.resolver
    }

    /// Presented address and port, and the loopback socket that stands for it,
    /// of every SMTP server and every authoritative name server.
    pub fn routes(&self) -> Vec<(SocketAddr, SocketAddr)> {
        self.routes.clone()
    }

    /// The certificate, DER, of the authority that issued the good certificates.
    pub fn root_certificate(&self) -> Vec<u8> {
        self.root_certificate.clone()
    }

    /// Every DNS question received so far, in order.
    pub fn questions(&self) -> Vec<Question> {
        Vec::new()
    }

    /// Every SMTP session so far, in order of connection.
    pub fn sessions(&self) -> Vec<Session> {
        Vec::new()
    }

    /// Stops every server and waits until its sockets are closed.
    pub async fn stop(self) {}
}
