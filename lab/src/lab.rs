//! The running lab.

use std::{
    collections::{HashMap, HashSet},
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use tokio::{net::TcpSocket, task::JoinSet};

use crate::{
    certs::Authority,
    dns::{self, DnsServer, View},
    log::{Log, Question, Session},
    names::{Names, Place},
    script::Script,
    smtp::{self, SmtpEndpoint},
    world::{SmtpServer, World, WorldError},
};

/// A world that answers on loopback, until it is stopped or dropped.
#[derive(Debug)]
pub struct Lab {
    resolver: SocketAddr,
    routes: Vec<(SocketAddr, SocketAddr)>,
    root_certificate: Vec<u8>,
    log: Arc<Log>,
    /// The servers; dropping the set ends them.
    servers: JoinSet<()>,
    /// Bound ports on which nothing listens, so that connecting is refused.
    closed: Vec<TcpSocket>,
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
    pub async fn start_with(world: &World, options: LabOptions) -> Result<Lab, LabError> {
        let Compiled { names, own_names, scripts } =
            Compiled::new(world).map_err(|(place, problem)| place.error(problem))?;
        let names = Arc::new(names);
        let log = Arc::new(Log::default());
        let authority = Authority::new()
            .map_err(|problem| LabError::Certificate { hostname: "the lab's authority".into(), problem })?;
        let mut lab = Lab {
            resolver: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            routes: Vec::new(),
            root_certificate: authority.root(),
            log: Arc::clone(&log),
            servers: JoinSet::new(),
            closed: Vec::new(),
        };
        let round_trip = options.round_trip;
        lab.resolver = lab.start_dns(Arc::clone(&names), View::Recursive, None, round_trip).await?;
        for (address, zones) in names.name_servers() {
            let presented = SocketAddr::new(address, 53);
            let held = Arc::clone(own_names.get(&address).unwrap_or(&names));
            let socket = lab.start_dns(held, View::Authoritative(zones), Some(presented), round_trip).await?;
            lab.routes.push((presented, socket));
        }
        for script in scripts {
            lab.start_smtp(script, &authority, round_trip).await?;
        }
        Ok(lab)
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
        self.log.questions()
    }

    /// Every SMTP session so far, in order of connection.
    pub fn sessions(&self) -> Vec<Session> {
        self.log.sessions()
    }

    /// Stops every server and waits until its sockets are closed.
    pub async fn stop(mut self) {
        self.servers.shutdown().await;
    }

    /// Starts a DNS server; its loopback address.
    async fn start_dns(
        &mut self,
        names: Arc<Names>,
        view: View,
        presented: Option<SocketAddr>,
        round_trip: Duration,
    ) -> Result<SocketAddr, LabError> {
        let what = || presented.map_or("the resolver".into(), |address| format!("the name server {address}"));
        let failed = |source| LabError::Socket { what: what(), source };
        let (udp, tcp) = dns::bind().await.map_err(failed)?;
        let socket = tcp.local_addr().map_err(failed)?;
        let address = presented.unwrap_or(socket);
        let server = DnsServer { names, view, address, log: Arc::clone(&self.log), round_trip };
        self.servers.spawn(Arc::new(server).serve(udp, tcp));
        Ok(socket)
    }

    /// Starts an SMTP server on each of its addresses.
    async fn start_smtp(
        &mut self,
        script: Script,
        authority: &Authority,
        round_trip: Duration,
    ) -> Result<(), LabError> {
        let script = Arc::new(script);
        let SmtpServer { hostname, certificate, port, .. } = &script.server;
        let tls = match certificate {
            None => None,
            Some(kind) => Some(
                authority
                    .server(*kind, hostname)
                    .map_err(|problem| LabError::Certificate { hostname: hostname.clone(), problem })?,
            ),
        };
        for address in &script.server.address.0 {
            let address = SocketAddr::new(*address, *port);
            let failed = |source| LabError::Socket { what: format!("the SMTP server {address}"), source };
            let socket = if script.server.refuse {
                let (closed, socket) = closed_port().map_err(failed)?;
                self.closed.push(closed);
                socket
            } else {
                let listener = smtp::bind().await.map_err(failed)?;
                let socket = listener.local_addr().map_err(failed)?;
                let (script, tls, log) = (Arc::clone(&script), tls.clone(), Arc::clone(&self.log));
                let endpoint = SmtpEndpoint { script, tls, address, log, round_trip };
                self.servers.spawn(Arc::new(endpoint).serve(listener));
                socket
            };
            self.routes.push((address, socket));
        }
        Ok(())
    }
}

/// A world whose texts are understood.
pub(crate) struct Compiled {
    names: Names,
    /// What the servers with a zone of their own hold.
    own_names: HashMap<IpAddr, Arc<Names>>,
    scripts: Vec<Script>,
}

impl Compiled {
    pub(crate) fn new(world: &World) -> Result<Compiled, (Place, String)> {
        let names = Names::new(world)?;
        let servers = names.name_servers();
        let led_to = |address: &IpAddr| match servers.contains_key(address) {
            true => Ok(()),
            false => Err(format!("no NS record leads to {address}: expected one, and an address for its name")),
        };
        for (index, fault) in world.fault.iter().enumerate() {
            fault.server.iter().try_for_each(led_to).map_err(|problem| (Place::Fault(index), problem))?;
        }
        let mut own_names = HashMap::new();
        for (index, server) in world.nameserver.iter().enumerate() {
            let wrong = |problem| (Place::NameServer(index), problem);
            led_to(&server.address).map_err(wrong)?;
            let own = World { zone: server.zone.clone(), fault: world.fault.clone(), ..World::default() };
            let own = Names::new(&own).map_err(|(place, problem)| wrong(place.error(problem).to_string()))?;
            if own_names.insert(server.address, Arc::new(own)).is_some() {
                return Err(wrong(format!("{} has an earlier section: expected each server once", server.address)));
            }
        }
        let mut scripts = Vec::new();
        let mut taken = HashSet::new();
        for (index, server) in world.smtp.iter().enumerate() {
            let wrong = |problem| (Place::Smtp(index), problem);
            scripts.push(Script::new(server).map_err(wrong)?);
            if let Some(twice) = server.address.0.iter().find(|address| !taken.insert((**address, server.port))) {
                return Err(wrong(format!("{twice} port {} is taken: expected each address once", server.port)));
            }
        }
        Ok(Compiled { names, own_names, scripts })
    }
}

impl Place {
    /// The error for a world that has no text.
    fn error(self, problem: String) -> WorldError {
        let (line, column, section) = match self {
            Place::Zone(line, column) => (line, column, "zone".to_owned()),
            Place::NameServer(index) => (0, 0, format!("nameserver {}", index + 1)),
            Place::Fault(index) => (0, 0, format!("fault {}", index + 1)),
            Place::Blocklist(index) => (0, 0, format!("blocklist {}", index + 1)),
            Place::Smtp(index) => (0, 0, format!("smtp {}", index + 1)),
        };
        WorldError { line, column, message: format!("{section}: {problem}") }
    }
}

/// A bound port on which nothing listens: it cannot be taken by anyone else
/// meanwhile, and connecting to it is refused.
fn closed_port() -> io::Result<(TcpSocket, SocketAddr)> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    let address = socket.local_addr()?;
    Ok((socket, address))
}
