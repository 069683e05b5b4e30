//! The resolvers that the machine is set up to use.

use std::net::SocketAddr;

use hickory_resolver::{config::ResolverConfig, system_conf::read_system_conf};
use thiserror::Error;

/// Why the machine's resolvers are not known.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SystemResolverError {
    /// The configuration cannot be read, or names no server.
    #[error("could not find the system's DNS resolvers: {reason}")]
    Unreadable {
        /// What the system said.
        reason: String,
    },
    /// The configuration has no usable server.
    #[error("could not find the system's DNS resolvers: its configuration names none")]
    None,
}

impl SystemResolverError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        "name one with --resolver IP[:port]"
    }
}

/// The resolvers of the system's configuration (`/etc/resolv.conf` and its
/// like), in its order, each once. Reads a file; asks nobody.
///
/// # Errors
/// [`SystemResolverError`] when there is no configuration or no server in it.
pub fn system_resolvers() -> Result<Vec<SocketAddr>, SystemResolverError> {
    match read_system_conf() {
        Ok((config, _)) => servers(&config),
        Err(error) => Err(SystemResolverError::Unreadable { reason: error.to_string() }),
    }
}

/// Each server has an entry for UDP and one for TCP, usually on one port.
fn servers(config: &ResolverConfig) -> Result<Vec<SocketAddr>, SystemResolverError> {
    let mut found: Vec<SocketAddr> = Vec::new();
    for server in config.name_servers() {
        let ports = server.connections.iter().map(|connection| connection.port);
        for address in ports.map(|port| SocketAddr::new(server.ip, port)) {
            if !found.contains(&address) {
                found.push(address);
            }
        }
    }
    if found.is_empty() { Err(SystemResolverError::None) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[cfg(all(unix, not(target_vendor = "apple")))]
    #[test]
    fn each_server_of_the_system_is_named_once_in_its_order() {
        let text = "search lan\nnameserver 192.0.2.53\nnameserver 2001:db8::53\nnameserver 192.0.2.53\n";
        let (config, _) = hickory_resolver::system_conf::parse_resolv_conf(text).unwrap();
        let expected: Vec<SocketAddr> = vec!["192.0.2.53:53".parse().unwrap(), "[2001:db8::53]:53".parse().unwrap()];
        assert_eq!(servers(&config), Ok(expected));
    }

    #[test]
    fn a_system_without_resolvers_is_told_what_to_do() {
        let error = servers(&ResolverConfig::from_parts(None, Vec::new(), Vec::new())).unwrap_err();
        assert_eq!(error, SystemResolverError::None);
        assert!(error.hint().contains("--resolver"));
    }
}
