//! Which addresses and ports a check may ask at all.

use std::{net::IpAddr, sync::Arc};

use engine_plugin_api::{
    BoxFuture, ServiceError, ServiceErrorKind,
    services::{HttpRequest, LARGEST_BODY, LONGEST_PATH},
};

use super::{Layer, Observation, Request};

/// The ports that an SMTP session may go to: relay, submission over TLS,
/// submission, and the usual alternate.
const SMTP_PORTS: [u16; 4] = [25, 465, 587, 2525];

/// Lets through what goes to globally routable addresses and mail ports, and to
/// port 443 for HTTPS.
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
            Request::Http(request) => {
                if let Some(why) = misformed(request) {
                    return Some(why);
                }
                (request.address, "a web server")
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

/// Why no request is made whatever the address: a host that is no name, a path
/// that could not be sent as it is, more than may be had.
fn misformed(request: &HttpRequest) -> Option<String> {
    let host = request.host.as_str();
    let is_name = host.len() <= 253
        && host.parse::<IpAddr>().is_err()
        && host.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        });
    if !is_name {
        let shown: String = host.chars().take(80).flat_map(char::escape_debug).collect();
        return Some(format!("`{shown}` is no host name, and no request is made to an address"));
    }
    if request.path.len() > LONGEST_PATH
        || !request.path.starts_with('/')
        || !request.path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#')
    {
        return Some(format!("the path on {host} is longer than {LONGEST_PATH} bytes, or holds what no path may hold"));
    }
    (request.max_body > LARGEST_BODY).then(|| format!("a body of more than {LARGEST_BODY} bytes is not read"))
}

impl Layer for Policy {
    fn exchange(&self, request: Request) -> BoxFuture<'_, Result<Observation, ServiceError>> {
        match self.refusal(&request) {
            Some(why) => Box::pin(async move { Err(ServiceError::new(ServiceErrorKind::Denied, why)) }),
            None => self.below.exchange(request),
        }
    }
}
