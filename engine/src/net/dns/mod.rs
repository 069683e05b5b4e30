//! DNS from the sockets up: one question in, everything that came of it out.
//!
//! | file | what |
//! |---|---|
//! | `upstream.rs` | which server is asked when, and whose word counts |
//! | `exchange.rs` | one question to one server over one transport |
//! | `convert.rs` | what a message says; `codes.rs` names its codes |
//! | `name.rs` | names as text |
//! | `system.rs` | the resolvers of this machine |
//!
//! Nothing is cached here and nothing is validated: the resolver does the
//! recursion and DNSSEC, layers above share answers. A reply says over which
//! channel it came, so that a check can tell what the resolver's AD flag is worth.

mod codes;
mod convert;
mod exchange;
mod name;
mod system;
mod upstream;

#[cfg(test)]
mod responder;
#[cfg(test)]
mod tests;

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use engine_plugin_api::{
    Cause, CauseKind, EvidenceId,
    services::{Channel, DnsFlags, DnsQuestion, DnsReply, DnsStatus, RecordType},
};
use tokio::sync::Semaphore;

pub use system::{SystemResolverError, system_resolvers};

use self::{
    exchange::Question,
    upstream::{Patience, Server, Settled},
};
use super::{NetOptions, Routes};

const DNS_PORT: u16 = 53;
/// The longest time-out that is kept to.
const MAX_TIMEOUT: Duration = Duration::from_secs(600);

/// Asks DNS questions: of the run's resolvers, or of a server that the
/// question names.
///
/// Many can live in one process; they share nothing. A client remembers which
/// of its resolvers were silent, and asks those last from then on.
#[derive(Debug)]
pub struct DnsClient {
    resolvers: Vec<Server>,
    /// Why none of the options' resolvers can be asked, if none can.
    no_resolver: String,
    routes: Option<Routes>,
    patience: Patience,
    in_flight: Semaphore,
}

impl DnsClient {
    /// Opens nothing yet. The same resolver twice counts once; one that the
    /// routes do not lead to does not count; no questions in
    /// flight at all counts as one; time-outs end at ten minutes.
    pub fn new(options: &NetOptions) -> DnsClient {
        let mut addresses: Vec<SocketAddr> = Vec::new();
        for address in &options.resolvers {
            if !addresses.contains(address) {
                addresses.push(*address);
            }
        }
        let mut no_resolver = "no resolver is set".to_owned();
        let mut resolvers = Vec::new();
        for presented in addresses {
            match options.routes.as_ref().map_or(Ok(presented), |routes| routes.lead_to_resolver(presented)) {
                Ok(address) => {
                    let channel = match presented.ip() {
                        ip if ip.is_loopback() => Channel::Loopback,
                        _ if options.trust_resolver => Channel::Trusted,
                        _ => Channel::Open,
                    };
                    resolvers.push(Server::new(address, presented).over(channel));
                }
                Err(error) => no_resolver = error.to_string(),
            }
        }
        DnsClient {
            resolvers,
            no_resolver,
            routes: options.routes.clone(),
            patience: Patience::new(options.dns_timeout.min(MAX_TIMEOUT)),
            in_flight: Semaphore::new(options.dns_in_flight.clamp(1, Semaphore::MAX_PERMITS)),
        }
    }

    /// Asks a question and says what came of it, whatever that is.
    ///
    /// Takes at most the time-out of the options, plus the wait for a free
    /// place among the questions in flight. `question` in the reply is the one
    /// given with its name in canonical form; `evidence` is left empty.
    ///
    /// - `NoData` also for an alias about whose target the server says nothing;
    ///   the chain is in `answers`. `NxDomain` after a chain speaks of its last
    ///   name (RFC 6604 §3).
    /// - `ErrorCode` also for a referral, which is an error code in all but
    ///   name: the server did not answer. `authority` says to whom it refers.
    /// - `NotAsked` for what is no DNS name, and for types that are no question.
    pub async fn lookup(&self, question: &DnsQuestion) -> DnsReply {
        let wire = match to_wire(question) {
            Ok(wire) => wire,
            Err(cause) => return DnsReply::not_asked(question.clone(), cause),
        };
        let asked = DnsQuestion { name: wire.text.clone(), rtype: wire.rtype, ..question.clone() };
        let named;
        let servers = match question.server {
            Some(server) => match self.name_server(server) {
                Ok(server) => {
                    named = [server];
                    &named[..]
                }
                Err(detail) => return unreachable(asked, detail),
            },
            None if self.resolvers.is_empty() => {
                let cause = Cause::new(CauseKind::OurSide, self.no_resolver.clone());
                return DnsReply::not_asked(asked, cause);
            }
            None => &self.resolvers[..],
        };
        // Never closed, so that an error would only mean: no limit.
        let _place = self.in_flight.acquire().await;
        let settled = upstream::ask(servers, &wire, self.patience).await;
        let channel = settled.attempts.last().and_then(|last| servers.iter().find(|server| server.is(&last.server)));
        DnsReply { channel: channel.map(Server::channel).unwrap_or_default(), ..reply(asked, settled) }
    }

    fn name_server(&self, server: IpAddr) -> Result<Server, String> {
        let presented = SocketAddr::new(server, DNS_PORT);
        let real = self.routes.as_ref().map_or(Ok(presented), |routes| routes.lead(presented));
        real.map(|real| Server::new(real, presented)).map_err(|error| error.to_string())
    }
}

fn to_wire(question: &DnsQuestion) -> Result<Question, Cause> {
    let denied = |detail: String| Cause::new(CauseKind::Denied, detail);
    let name = name::parse(&question.name).map_err(|why| {
        let shown: String = question.name.chars().take(80).flat_map(char::escape_debug).collect();
        denied(format!("`{shown}` is not a DNS name: {why}"))
    })?;
    let number = question.rtype.number();
    // OPT; TKEY, TSIG, IXFR and AXFR: no question that one message answers (RFC 6895 §3.1).
    if number == 0 || number == 41 || (249..=252).contains(&number) {
        return Err(denied(format!("{} is not a record type that can be looked up", question.rtype)));
    }
    Ok(Question {
        text: name::present(&name),
        name,
        rtype: RecordType::from_number(number),
        recursion: question.server.is_none(),
        dnssec: question.dnssec,
    })
}

fn unreachable(question: DnsQuestion, detail: String) -> DnsReply {
    reply(question, Settled { status: DnsStatus::Unreachable, detail, reading: None, attempts: Vec::new() })
}

fn reply(question: DnsQuestion, settled: Settled) -> DnsReply {
    let mut reply = DnsReply {
        evidence: EvidenceId::default(),
        question,
        status: settled.status,
        detail: settled.detail,
        rcode: None,
        flags: DnsFlags::default(),
        channel: Channel::Open,
        answers: Vec::new(),
        authority: Vec::new(),
        extended_errors: Vec::new(),
        attempts: settled.attempts,
        refusal: None,
    };
    if let Some(reading) = settled.reading {
        reply.rcode = Some(reading.rcode);
        reply.flags = reading.flags;
        reply.answers = reading.answers;
        reply.authority = reading.authority;
        reply.extended_errors = reading.extended_errors;
    }
    reply
}
