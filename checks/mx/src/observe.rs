//! Asks the DNS. Two rounds decide everything about the exchanges; beside the
//! second, the name servers are asked one by one.

use std::net::IpAddr;

use engine_plugin_api::{
    Cause, CauseKind, Context, Observed,
    services::{DnsQuestion, DnsRecord, DnsReply, RecordData, RecordType},
};
use futures_util::{future::join_all, join};

use crate::{
    Config,
    facts::{Address, Answer, Facts, Host, MxRecord, NameServer},
    hostname,
};

/// Gathers the facts. Costs four questions, two an exchange, and two a name
/// server (one more where the domain is no zone of its own).
pub async fn observe(cx: &Context, domain: &str, config: &Config) -> Facts {
    let (mx, own, ns) = join!(ask(cx, domain, RecordType::Mx), host(cx, domain), ask(cx, domain, RecordType::Ns));
    let mx = Answer::of(&mx, MxRecord::read);
    let names = worth_asking(&mx, config);
    let (exchanges, servers) = join!(
        join_all(names.into_iter().map(|name| async move {
            let host = host(cx, &name).await;
            (name, host)
        })),
        name_servers(cx, domain, &mx, ns, config),
    );
    Facts { domain: domain.to_owned(), mx, own, exchanges: exchanges.into_iter().collect(), servers }
}

async fn ask(cx: &Context, name: &str, rtype: RecordType) -> DnsReply {
    cx.dns(DnsQuestion::new(name, rtype)).await
}

async fn host(cx: &Context, name: &str) -> Host {
    let (v4, v6) = join!(ask(cx, name, RecordType::A), ask(cx, name, RecordType::Aaaa));
    Host { v4: Answer::of(&v4, Address::read), v6: Answer::of(&v6, Address::read) }
}

/// The exchanges whose addresses the DNS can know, best preference first.
fn worth_asking(mx: &Observed<Answer<MxRecord>>, config: &Config) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for record in mx.known().map(|answer| answer.records.as_slice()).unwrap_or_default() {
        let name = &record.exchange;
        if !record.is_null() && !names.contains(name) && names.len() < config.max_exchanges {
            names.push(name.clone());
        }
    }
    names.retain(|name| hostname::literal(name).is_none() && !hostname::is_placeholder(name));
    names
}

/// Asks each name server for the MX records. There is nothing to compare
/// where the resolver got no answer (that is told once already), where the
/// name does not exist, or where an alias leads into another zone.
async fn name_servers(
    cx: &Context,
    domain: &str,
    mx: &Observed<Answer<MxRecord>>,
    ns: DnsReply,
    config: &Config,
) -> Observed<Vec<NameServer>> {
    let nothing = Observed::Known(Vec::new());
    match mx {
        Observed::Known(mx) if mx.exists && mx.aliases.is_empty() && config.max_name_servers >= 2 => {}
        _ => return nothing,
    }
    let mut ns = match Answer::of(&ns, server_name) {
        Observed::Known(answer) => answer,
        Observed::Unknown(cause) => return Observed::Unknown(cause),
    };
    let above = |zone: &String| domain.strip_suffix(zone.as_str()).is_some_and(|rest| rest.ends_with('.'));
    if let Some(zone) = ns.denied_by.filter(|zone| ns.records.is_empty() && above(zone)) {
        ns = match Answer::of(&ask(cx, &zone, RecordType::Ns).await, server_name) {
            Observed::Known(answer) => answer,
            Observed::Unknown(cause) => return Observed::Unknown(cause),
        };
    }
    ns.records.truncate(config.max_name_servers);
    if ns.records.len() < 2 {
        return nothing;
    }
    Observed::Known(join_all(ns.records.into_iter().map(|name| name_server(cx, domain, name))).await)
}

fn server_name(record: &DnsRecord) -> Option<String> {
    match &record.data {
        RecordData::Ns { target } => Some(target.clone()),
        _ => None,
    }
}

/// Asks one server at the first of its IPv4 addresses, or of its IPv6 addresses where it has no other.
async fn name_server(cx: &Context, domain: &str, name: String) -> NameServer {
    let mx = match server_address(cx, &name).await {
        Observed::Unknown(cause) => Observed::Unknown(cause),
        Observed::Known(ip) => {
            let reply = cx.dns(DnsQuestion::new(domain, RecordType::Mx).at(ip)).await;
            match Answer::of(&reply, MxRecord::read) {
                Observed::Known(_) if !reply.flags.authoritative => Observed::Unknown(
                    Cause::new(CauseKind::Refused, format!("{name} ({ip}) answers without authority"))
                        .seen_in(&reply.evidence),
                ),
                answer => answer,
            }
        }
    };
    NameServer { name, mx }
}

async fn server_address(cx: &Context, name: &str) -> Observed<IpAddr> {
    let mut seen_in = None;
    for rtype in [RecordType::A, RecordType::Aaaa] {
        match Answer::of(&ask(cx, name, rtype).await, Address::read) {
            Observed::Unknown(cause) => return Observed::Unknown(cause),
            Observed::Known(answer) => match answer.records.first() {
                Some(address) => return Observed::Known(address.ip),
                None => seen_in = Some(answer.evidence),
            },
        }
    }
    let cause = Cause::new(CauseKind::Unreachable, format!("{name} has no address"));
    Observed::Unknown(match seen_in {
        Some(evidence) => cause.seen_in(&evidence),
        None => cause,
    })
}
