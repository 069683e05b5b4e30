//! TCP connections: through the routes, from the chosen address, in time.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use tokio::net::{TcpSocket, TcpStream};

use super::{NetOptions, RouteError};

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Nothing came back in time.
    #[error("no connection in {} s", .waited.as_secs())]
    TimedOut {
        /// How long was waited.
        waited: Duration,
    },
    /// This run reaches only what its routes lead to.
    #[error(transparent)]
    Route(#[from] RouteError),
    /// The chosen source address cannot reach an address of the other family.
    #[error("{source_address} is chosen to connect from, and cannot reach {to}")]
    Family {
        /// The address to connect from.
        source_address: IpAddr,
        /// The address to connect to.
        to: SocketAddr,
    },
    /// The chosen source address is none of this machine.
    #[error("cannot connect from {source_address}: {}", words(.problem))]
    Source {
        /// The address to connect from.
        source_address: IpAddr,
        /// What the system says.
        problem: io::Error,
    },
    /// The system, or the other side, says no.
    #[error("{}", words(.0))]
    Failed(io::Error),
}

impl ConnectError {
    /// Whether our side prevents the connection, so that it says nothing about
    /// the other.
    pub fn is_ours(&self) -> bool {
        match self {
            ConnectError::TimedOut { .. } | ConnectError::Route(RouteError::None(_)) => false,
            ConnectError::Route(_) | ConnectError::Family { .. } | ConnectError::Source { .. } => true,
            // No default route (or no IPv6), a firewall's rule, too many open files.
            ConnectError::Failed(error) => {
                matches!(
                    error.kind(),
                    io::ErrorKind::NetworkUnreachable
                        | io::ErrorKind::NetworkDown
                        | io::ErrorKind::AddrNotAvailable
                        | io::ErrorKind::PermissionDenied
                        | io::ErrorKind::Unsupported
                ) || matches!(error.raw_os_error(), Some(EMFILE | ENFILE))
            }
        }
    }

    /// Whether the connection was made and then reset at once. A port that is
    /// closed *refuses*; a reset is reported only for a connection that exists
    /// (RFC 9293 §3.10.7.3).
    pub fn is_reset(&self) -> bool {
        matches!(self, ConnectError::Failed(error) if error.kind() == io::ErrorKind::ConnectionReset)
    }
}

/// Too many open files, in this process and on this machine (Linux and BSD).
const EMFILE: i32 = 24;
const ENFILE: i32 = 23;

/// What the system says of an error, without its number.
pub fn words(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error ") {
        Some((words, _)) => words.to_lowercase(),
        None => text,
    }
}

/// Connects to `presented`, within [`NetOptions::connect_timeout`].
///
/// Goes where [`NetOptions::routes`] says, if there are any; then nothing
/// without one is reached. Comes from [`NetOptions::source`] if that is set.
///
/// # Errors
/// See [`ConnectError`].
pub async fn connect(presented: SocketAddr, options: &NetOptions) -> Result<TcpStream, ConnectError> {
    let to = options.routes.as_ref().map_or(Ok(presented), |routes| routes.lead(presented))?;
    let socket = match to {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    };
    let socket = socket.map_err(ConnectError::Failed)?;
    if let Some(source_address) = options.source {
        if source_address.is_ipv4() != to.is_ipv4() {
            return Err(ConnectError::Family { source_address, to });
        }
        socket
            .bind(SocketAddr::new(source_address, 0))
            .map_err(|problem| ConnectError::Source { source_address, problem })?;
    }
    let waited = options.connect_timeout;
    let stream = match tokio::time::timeout(waited, socket.connect(to)).await {
        Err(_) => return Err(ConnectError::TimedOut { waited }),
        // The system's own limit, where it is shorter than ours.
        Ok(Err(error)) if error.kind() == io::ErrorKind::TimedOut => return Err(ConnectError::TimedOut { waited }),
        Ok(connected) => connected.map_err(ConnectError::Failed)?,
    };
    // Every write is a whole command that waits for its reply.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use std::net::Ipv4Addr;

    use tokio::net::TcpListener;

    use super::*;
    use crate::net::Routes;

    fn presented() -> SocketAddr {
        "25.25.1.1:25".parse().unwrap()
    }

    fn options(routes: &[(SocketAddr, SocketAddr)]) -> NetOptions {
        let mut options = NetOptions::new(Vec::new());
        options.routes = Some(Routes { map: routes.iter().copied().collect() });
        options
    }

    async fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let socket = listener.local_addr().unwrap();
        (listener, socket)
    }

    #[tokio::test]
    async fn a_route_is_followed_from_the_chosen_address() {
        let (_listener, socket) = listener().await;
        let mut options = options(&[(presented(), socket)]);
        options.source = Some("127.0.0.5".parse().unwrap());
        let stream = connect(presented(), &options).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), socket);
        assert_eq!(stream.local_addr().unwrap().ip(), options.source.unwrap());
    }

    #[tokio::test]
    async fn with_routes_nothing_else_is_reached() {
        let (_listener, socket) = listener().await;
        let options = options(&[(presented(), socket)]);
        let error = connect("25.25.1.2:25".parse().unwrap(), &options).await.unwrap_err();
        assert!(matches!(error, ConnectError::Route(RouteError::None(_))) && !error.is_ours(), "{error}");
        assert!(matches!(connect(socket, &options).await, Err(ConnectError::Route(RouteError::None(_)))));
        // A world without any server routes nothing, and still is no way out.
        let error = connect(socket, &self::options(&[])).await.unwrap_err();
        assert!(matches!(error, ConnectError::Route(RouteError::None(_))), "{error}");
    }

    #[tokio::test]
    async fn a_route_out_of_the_machine_is_refused() {
        let options = options(&[(presented(), "192.0.2.1:25".parse().unwrap())]);
        let error = connect(presented(), &options).await.unwrap_err();
        assert!(matches!(error, ConnectError::Route(RouteError::NotLoopback { .. })) && error.is_ours(), "{error}");
    }

    #[tokio::test]
    async fn a_closed_port_is_refused_by_the_other_side() {
        // Bound, so that nobody else gets it, and not listening.
        let nobody = TcpSocket::new_v4().unwrap();
        nobody.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let socket = nobody.local_addr().unwrap();
        let error = connect(socket, &NetOptions::new(Vec::new())).await.unwrap_err();
        assert_eq!(error.to_string(), "connection refused");
        assert!(!error.is_ours());
    }

    #[tokio::test]
    async fn a_source_that_cannot_be_used_is_our_side() {
        let (_listener, socket) = listener().await;
        let mut options = NetOptions::new(Vec::new());
        for source in ["::1", "192.0.2.77"] {
            options.source = Some(source.parse().unwrap());
            let error = connect(socket, &options).await.unwrap_err();
            assert!(error.is_ours() && error.to_string().contains(source), "{error}");
        }
    }
}
