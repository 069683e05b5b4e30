//! Finds the recipient's server and holds the sessions: one, and later ones
//! with the same triplet where a candidate is to be confirmed.

use std::{net::IpAddr, time::Duration};

use engine_plugin_api::{
    Cause, CauseKind, Context, Observed, Target,
    services::{
        DnsQuestion, DnsReply, DnsStatus, RecordData, RecordType, SessionEnd, SmtpEnvelope, SmtpReply, SmtpRequest,
        Stage,
    },
};
use futures_util::{future::join_all, join};

use crate::{
    Plan,
    announced::announced,
    deferral, duration,
    facts::{Asked, Attempt, Contact, Facts},
};

/// Connections that are tried before it is given up.
const CONNECTIONS: usize = 3;
/// Exchanges whose addresses are looked up, the most preferred first.
const EXCHANGES: usize = 4;

/// Gathers the facts. Costs one question for the MX, two for each of up to
/// four exchanges, up to three connections, and one for each later attempt.
pub async fn observe(cx: &Context, target: &Target, recipient: &str, plan: &Plan) -> Facts {
    let domain = Target::domain_of(recipient).unwrap_or_default();
    let sender_given = target.sender.clone().or_else(|| plan.sender.clone());
    let sender = sender_given.clone().unwrap_or_default();
    let outcome = match servers(cx, &domain).await {
        Err(contact) => contact,
        Ok(servers) => {
            let envelope = SmtpEnvelope { sender: sender.clone(), recipients: vec![recipient.to_owned()] };
            let request = |(host, address): (String, IpAddr)| {
                let mut request = SmtpRequest::new(host, address);
                request.ehlo = target.helo.clone();
                request.envelope = Some(envelope.clone());
                request
            };
            ask(cx, servers.into_iter().map(request).collect(), plan).await
        }
    };
    Facts {
        domain: target.domain.clone().unwrap_or(domain),
        recipient: recipient.to_owned(),
        sender,
        sender_given,
        outcome,
    }
}

/// The addresses that take mail for `domain`, in the order in which senders try them.
async fn servers(cx: &Context, domain: &str) -> Result<Vec<(String, IpAddr)>, Contact> {
    if let Some(literal) = domain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let address = literal.strip_prefix("ipv6:").unwrap_or(literal).parse::<IpAddr>();
        return address
            .map(|address| vec![(address.to_string(), address)])
            .map_err(|_| Contact::NoServer(format!("{domain} is no address literal")));
    }
    let mx = cx.dns(DnsQuestion::new(domain, RecordType::Mx)).await;
    if let Some(cause) = mx.cause() {
        return Err(Contact::NoRoute(cause));
    }
    if mx.status == DnsStatus::NxDomain {
        return Err(Contact::NoServer(format!("{domain} does not exist")));
    }
    let mut exchanges: Vec<(u16, String)> = mx.records().filter_map(|record| exchange(&record.data)).collect();
    exchanges.sort();
    if exchanges.iter().any(|(_, name)| name == ".") {
        // RFC 7505 §3; beside others, senders skip it
        exchanges.retain(|(_, name)| name != ".");
        if exchanges.is_empty() {
            return Err(Contact::NoServer(format!("{domain} takes no mail: it has a null MX")));
        }
    }
    if exchanges.is_empty() {
        // RFC 5321 §5.1: the domain itself is its implicit MX
        exchanges.push((0, domain.to_owned()));
    }
    exchanges.truncate(EXCHANGES);
    let hosts = join_all(exchanges.iter().map(|(_, name)| addresses(cx, name))).await;
    let mut servers = Vec::new();
    let mut gap = None;
    for ((_, name), host) in exchanges.into_iter().zip(hosts) {
        for answer in host {
            match answer {
                Observed::Known(addresses) => servers.extend(addresses.into_iter().map(|ip| (name.clone(), ip))),
                Observed::Unknown(cause) => gap = gap.or(Some(cause)),
            }
        }
    }
    match (servers.is_empty(), gap) {
        (false, _) => Ok(servers),
        (true, Some(cause)) => Err(Contact::NoRoute(cause)),
        (true, None) => Err(Contact::NoServer(format!("no mail server of {domain} has an address"))),
    }
}

fn exchange(data: &RecordData) -> Option<(u16, String)> {
    match data {
        RecordData::Mx { preference, exchange } => Some((*preference, exchange.clone())),
        _ => None,
    }
}

/// The addresses of a host, IPv4 first: greylisting remembers one address at a
/// time, and IPv4 is what most senders use.
async fn addresses(cx: &Context, host: &str) -> [Observed<Vec<IpAddr>>; 2] {
    let of = |reply: &DnsReply| {
        reply.observed().map(|_| {
            let mut addresses: Vec<IpAddr> = reply.addresses().collect();
            addresses.sort();
            addresses
        })
    };
    let (v4, v6) =
        join!(cx.dns(DnsQuestion::new(host, RecordType::A)), cx.dns(DnsQuestion::new(host, RecordType::Aaaa)));
    [of(&v4), of(&v6)]
}

/// Makes the first attempt at the first server that answers, and the later
/// ones there. A server that turns us away in its greeting is passed over, as
/// senders do (RFC 5321 §5.1); it counts when no other answers.
async fn ask(cx: &Context, requests: Vec<SmtpRequest>, plan: &Plan) -> Contact {
    let mut skipped = Vec::new();
    let (mut turned_away, mut connected) = (None, false);
    for request in requests.into_iter().take(CONNECTIONS) {
        let reply = cx.smtp(request.clone()).await;
        match Attempt::read(&reply) {
            Ok(first) if first.stage != Stage::Greeting => return confirm(cx, request, plan, first, skipped).await,
            Ok(first) => {
                let why = format!("{} turns this attempt away with `{}`", first.server(), first.answer.text());
                let why = Cause::new(CauseKind::Refused, why).seen_in(&first.evidence);
                turned_away = turned_away.or(Some((request, first, skipped.clone())));
                skipped.push(why);
            }
            Err(cause) => {
                skipped.push(cause);
                if !never_connected(&reply) {
                    connected = true;
                    break;
                }
            }
        }
    }
    match turned_away {
        Some((request, first, skipped)) => confirm(cx, request, plan, first, skipped).await,
        None => Contact::NoAnswer { causes: skipped, connected },
    }
}

/// Tries again, with the same triplet, until it is accepted or the time is up.
async fn confirm(cx: &Context, mut request: SmtpRequest, plan: &Plan, first: Attempt, skipped: Vec<Cause>) -> Contact {
    let retries = if first.answer.is_transient() && deferral::classify(first.stage, &first.answer).is_candidate() {
        plan.retries_at(announced(&first.answer).map(|(delay, _)| delay))
    } else {
        Vec::new()
    };
    let mut asked = Asked { skipped, first, later: Vec::new(), unfinished: None };
    let mut waited = Duration::ZERO;
    for due in retries {
        let pause = due.saturating_sub(waited);
        cx.progress(format!("waiting {} before the next attempt at {}", duration::words(pause), asked.first.server()));
        if let Err(error) = cx.sleep(pause).await {
            asked.unfinished = Some(error.cause());
            break;
        }
        waited = due;
        request.attempt += 1;
        match Attempt::read(&cx.smtp(request.clone()).await) {
            Ok(attempt) => {
                let decided = !attempt.answer.is_transient();
                asked.later.push(attempt);
                asked.unfinished = None;
                if decided {
                    break;
                }
            }
            Err(cause) => asked.unfinished = Some(cause),
        }
    }
    Contact::Asked(asked)
}

fn never_connected(reply: &SmtpReply) -> bool {
    matches!(
        reply.end,
        SessionEnd::Broken { stage: Stage::Connect, .. }
            | SessionEnd::TimedOut { stage: Stage::Connect, .. }
            | SessionEnd::NotHeld { .. }
            | SessionEnd::Other
    )
}
