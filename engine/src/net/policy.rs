//! Which addresses and ports a check may ask at all.

use std::{net::IpAddr, sync::Arc};

use engine_plugin_api::{BoxFuture, ServiceError, ServiceErrorKind};

use super::{Layer, Observation, Request};

/// The ports that an SMTP session may go to: relay, submission over TLS,
/// submission, and the usual alternate.
const SMTP_PORTS: [u16; 4] = [25, 465, 587, 2525];

/// Lets through what goes to globally routable addresses and mail ports.
///
/// A probe of an address that the target's DNS names must not reach into the
/// network that the engine runs in.
pub struct Policy {
    /// The layer below.
    pub below: Arc<dyn Layer>,
    /// Whether addresses that are not globally routable may be asked.
    pub allow_private: bool,
}

impl Policy {
    fn refusal(&self, request: &Request) -> Option<String> {
        let (address, what) = match request {
            Request::Dns(question) => (question.server?, "a name server"),
            Request::Smtp(session) => {
                if !SMTP_PORTS.contains(&session.port) {
                    return Some(format!("port {} of {} is no mail port", session.port, session.address));
                }
                (session.address, "a mail server")
            }
            Request::Sleep(_) => return None,
        };
        self.address_refusal(address, what)
    }

    fn address_refusal(&self, address: IpAddr, what: &str) -> Option<String> {
        if self.allow_private {
            return None;
        }
        let block = ip_scope::scope(address).block().filter(|block| !block.global)?;
        Some(format!("{address} is not globally routable ({block}), so {what} there is not asked"))
    }
}

impl Layer for Policy {
    fn exchange(&self, request: Request) -> BoxFuture<'_, Result<Observation, ServiceError>> {
        match self.refusal(&request) {
            Some(why) => Box::pin(async move { Err(ServiceError::new(ServiceErrorKind::Denied, why)) }),
            None => self.below.exchange(request),
        }
    }
}
