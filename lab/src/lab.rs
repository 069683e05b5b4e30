//! The running lab.

use std::{
    collections::{HashMap, HashSet},
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use rustls::ServerConfig;
use tokio::{net::TcpSocket, task::JoinSet};

use crate::{
    certs::{Authority, Certificates},
    dns::{self, DnsServer, View},
    log::{Log, Question, Session, WebRequest},
    names::{Names, Place},
    script::Script,
    smtp::{self, SmtpEndpoint},
    web::{HttpServer, WebEndpoint},
    world::{World, WorldError},
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
    /// replies and to the greeting, to each TLS handshake of an
    /// HTTPS server and to its response.
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
        let authority = Authority::new()
            .map_err(|problem| LabError::Certificate { hostname: "the lab's authority".into(), problem })?;
        let (smtp, web, certificates) = certificates(world, &authority)?;
        let Compiled { names, own_names, scripts } =
            Compiled::new(world, &certificates).map_err(|(place, problem)| place.error(problem))?;
        let names = Arc::new(names);
        let log = Arc::new(Log::default());
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
        for (script, tls) in scripts.into_iter().zip(smtp) {
            lab.start_smtp(script, tls, round_trip).await?;
        }
        for (server, tls) in world.http.iter().zip(web) {
            lab.start_web(server, tls, round_trip).await?;
        }
        Ok(lab)
    }

    /// The address of the recursive resolver, for UDP and TCP.
    pub fn resolver(&self) -> SocketAddr {
        self.resolver
    }

    /// Presented address and port, and the loopback socket that stands for it,
    /// of every SMTP and HTTPS server and every authoritative name server.
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

    /// Every HTTPS request so far, in order.
    pub fn web_requests(&self) -> Vec<WebRequest> {
        self.log.web_requests()
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

    /// Starts an HTTPS server on each of its addresses.
    async fn start_web(
        &mut self,
        server: &HttpServer,
        tls: Arc<ServerConfig>,
        round_trip: Duration,
    ) -> Result<(), LabError> {
        let server = Arc::new(server.clone());
        for address in &server.address.0 {
            let address = SocketAddr::new(*address, server.port);
            let failed = |source| LabError::Socket { what: format!("the HTTPS server {address}"), source };
            let socket = if server.refuse {
                let (closed, socket) = closed_port().map_err(failed)?;
                self.closed.push(closed);
                socket
            } else {
                let listener = smtp::bind().await.map_err(failed)?;
                let socket = listener.local_addr().map_err(failed)?;
                let (server, tls, log) = (Arc::clone(&server), Arc::clone(&tls), Arc::clone(&self.log));
                let endpoint = WebEndpoint { server, tls, address, log, round_trip };
                self.servers.spawn(Arc::new(endpoint).serve(listener));
                socket
            };
            self.routes.push((address, socket));
        }
        Ok(())
    }

    /// Starts an SMTP server on each of its addresses.
    async fn start_smtp(
        &mut self,
        script: Script,
        tls: Option<Arc<ServerConfig>>,
        round_trip: Duration,
    ) -> Result<(), LabError> {
        let script = Arc::new(script);
        let port = &script.server.port;
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
    pub(crate) fn new(world: &World, certificates: &Certificates) -> Result<Compiled, (Place, String)> {
        let world = &World { zone: certificates.fill(&world.zone, world), ..world.clone() };
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
            let own =
                World { zone: certificates.fill(&server.zone, world), fault: world.fault.clone(), ..World::default() };
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
        for (index, server) in world.http.iter().enumerate() {
            let wrong = |problem| (Place::Http(index), problem);
            server.problem().map_or(Ok(()), |problem| Err(wrong(problem)))?;
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
            Place::Http(index) => (0, 0, format!("http {}", index + 1)),
            Place::Dnssec(index) => (0, 0, format!("dnssec {}", index + 1)),
        };
        WorldError { line, column, message: format!("{section}: {problem}") }
    }
}

/// The TLS settings of the SMTP servers, where they have any, and of the HTTPS
/// servers, in the order of the world; and what their certificates are.
#[allow(clippy::type_complexity)]
fn certificates(
    world: &World,
    authority: &Authority,
) -> Result<(Vec<Option<Arc<ServerConfig>>>, Vec<Arc<ServerConfig>>, Certificates), LabError> {
    let mut certificates = Certificates::new(authority);
    let mut issue = |kind, names: &[String], send_issuer| {
        let hostname = names.first().cloned().unwrap_or_default();
        let issued = authority
            .issue(kind, names, send_issuer)
            .map_err(|problem| LabError::Certificate { hostname: hostname.clone(), problem })?;
        certificates.shows(&hostname, &issued);
        Ok(issued.config)
    };
    let smtp = world.smtp.iter().map(|server| {
        server
            .certificate
            .map(|kind| issue(kind, std::slice::from_ref(&server.hostname), server.send_issuer))
            .transpose()
    });
    let smtp = smtp.collect::<Result<_, LabError>>()?;
    let web =
        world.http.iter().map(|server| issue(server.certificate, &server.certificate_names(), server.send_issuer));
    let web = web.collect::<Result<_, LabError>>()?;
    Ok((smtp, web, certificates))
}

/// A bound port on which nothing listens: it cannot be taken by anyone else
/// meanwhile, and connecting to it is refused.
fn closed_port() -> io::Result<(TcpSocket, SocketAddr)> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    let address = socket.local_addr()?;
    Ok((socket, address))
}
