//! Asks the resolver about names whose answers are known, and large providers
//! for their greeting. All that does not hang together is asked at once.

use std::net::IpAddr;

use engine_plugin_api::{
    Cause, CauseKind, Context, Observed,
    services::{DnsQuestion, RecordData, RecordType, SmtpRequest},
};
use futures_util::{
    future::{OptionFuture, join_all},
    join,
};

use crate::{
    Config,
    facts::{Contact, Facts, Host, Lookup},
};

/// Providers that are connected to: enough to tell ours from theirs.
const HOSTS: usize = 3;
/// Blocklists, and absent names, that are asked for.
const NAMES: usize = 8;

/// Gathers the facts. Costs one question for the root, one for each name and
/// list of the settings, three for each provider, and a connection to each
/// provider and address family, three at most of each.
pub async fn observe(cx: &Context, config: &Config) -> Facts {
    let bogus = Some(config.bogus_name.as_str()).filter(|name| !name.is_empty());
    let hosts = if config.port25 { config.port25_hosts.as_slice() } else { &[] };
    let (root, bogus, absent, lists, hosts) = join!(
        lookup(cx, DnsQuestion { dnssec: true, ..DnsQuestion::new(".", RecordType::Ns) }),
        OptionFuture::from(bogus.map(|name| lookup(cx, DnsQuestion::new(name, RecordType::A)))),
        join_all(config.absent_names.iter().take(NAMES).map(|name| lookup(cx, DnsQuestion::new(name, RecordType::A)))),
        join_all(config.blocklists.iter().take(NAMES).map(|zone| async move {
            let question = DnsQuestion::new(&format!("2.0.0.127.{zone}"), RecordType::A);
            (zone.clone(), lookup(cx, question).await)
        })),
        join_all(hosts.iter().take(HOSTS).map(|domain| host(cx, domain))),
    );
    Facts { root, bogus, absent, lists, hosts }
}

async fn lookup(cx: &Context, question: DnsQuestion) -> Lookup {
    Lookup::of(&cx.dns(question).await)
}

async fn host(cx: &Context, domain: &str) -> Host {
    let exchange = exchange(cx, domain).await;
    let Observed::Known(name) = &exchange else {
        return Host { domain: domain.to_owned(), exchange, v4: None, v6: None };
    };
    let (v4, v6) = join!(address(cx, name, RecordType::A), address(cx, name, RecordType::Aaaa));
    // Where neither family is known, the DNS does not tell.
    if let (Err(cause), Err(_) | Ok(None)) | (Ok(None), Err(cause)) = (&v4, &v6) {
        return Host { domain: domain.to_owned(), exchange: Observed::Unknown(cause.clone()), v4: None, v6: None };
    }
    let contact = |ip: Option<IpAddr>| OptionFuture::from(ip.map(|ip| contact(cx, name, ip)));
    let (v4, v6) = join!(contact(v4.ok().flatten()), contact(v6.ok().flatten()));
    Host { domain: domain.to_owned(), exchange, v4, v6 }
}

/// The most preferred exchange of `domain`, or the domain itself where it has none.
async fn exchange(cx: &Context, domain: &str) -> Observed<String> {
    let mx = cx.dns(DnsQuestion::new(domain, RecordType::Mx)).await;
    if let Some(cause) = mx.cause() {
        return Observed::Unknown(cause);
    }
    let best = mx.records().filter_map(|record| match &record.data {
        RecordData::Mx { preference, exchange } => Some((*preference, exchange.clone())),
        _ => None,
    });
    match best.min() {
        Some((_, exchange)) if exchange == "." => {
            Observed::Unknown(Cause::new(CauseKind::Other, format!("{domain} takes no mail")).seen_in(&mx.evidence))
        }
        Some((_, exchange)) => Observed::Known(exchange),
        None => Observed::Known(domain.to_owned()),
    }
}

/// The first address of `name` in that family; the lowest, so that a run and
/// its repetition ask the same.
async fn address(cx: &Context, name: &str, rtype: RecordType) -> Result<Option<IpAddr>, Cause> {
    let reply = cx.dns(DnsQuestion::new(name, rtype)).await;
    if let Some(cause) = reply.cause() {
        return Err(cause);
    }
    Ok(reply.addresses().min())
}

async fn contact(cx: &Context, name: &str, ip: IpAddr) -> Contact {
    Contact::of(&cx.smtp(SmtpRequest::greeting_only(name, ip)).await)
}
