//! Asks for the record, and whether its destinations exist.

use engine_plugin_api::{
    Context, Observed, Outcome,
    services::{DnsQuestion, DnsReply, DnsStatus, RecordData, RecordType},
};
use futures_util::{future::join_all, join};
use mail_syntax::tls_rpt;

use crate::facts::{Destination, Facts, Obstacle, record_name};

/// Destinations that are looked up.
const MOST_DESTINATIONS: usize = 8;

/// Gathers the facts. Costs two questions at once, two more where the domain has no
/// MX record, then one to three for each destination.
///
/// # Errors
/// How the check ends where the domain takes no mail.
pub async fn observe(cx: &Context, domain: &str) -> Result<Facts, Outcome> {
    let name = record_name(domain);
    let (found, txt) = join!(exchangers::of(cx, domain), cx.dns(DnsQuestion::new(&name, RecordType::Txt)));
    // Where it could not be told, the record counts all the same.
    if let Err(outcome @ Outcome::NotApplicable { .. }) = found {
        return Err(outcome);
    }
    let texts = txt.texts();
    let records = texts.known().into_iter().flatten().filter(|text| tls_rpt::is_record(text));
    let mut destinations: Vec<(String, bool)> = Vec::new();
    for found in records.flat_map(|text| tls_rpt::parse(text).destinations) {
        let wanted = (found.host, found.mailbox.is_some());
        if !destinations.contains(&wanted) && destinations.len() < MOST_DESTINATIONS {
            destinations.push(wanted);
        }
    }
    let destinations = join_all(destinations.into_iter().map(|(host, mail)| destination(cx, host, mail))).await;
    Ok(Facts {
        domain: domain.to_owned(),
        texts,
        home: txt.home().to_owned(),
        is_gone: txt.status == DnsStatus::NxDomain,
        alias: txt.aliases().first().map(|name| (*name).to_owned()),
        evidence: txt.evidence,
        destinations,
    })
}

async fn destination(cx: &Context, host: String, mail: bool) -> Destination {
    let ask = |rtype| cx.dns(DnsQuestion::new(&host, rtype));
    if mail {
        let mx = ask(RecordType::Mx).await;
        let found = match mx.cause() {
            Some(cause) => Some(Observed::Unknown(cause)),
            None if mx.status == DnsStatus::NxDomain => Some(Observed::Known(Some(Obstacle::NoSuchName))),
            None if is_null(&mx) => Some(Observed::Known(Some(Obstacle::NullMx))),
            None if mx.records().next().is_some() => Some(Observed::Known(None)),
            // RFC 5321 §5.1: the domain itself is its implicit MX.
            None => None,
        };
        if let Some(obstacle) = found {
            return Destination { obstacle, evidence: mx.evidence, host };
        }
    }
    let (v4, v6) = join!(ask(RecordType::A), ask(RecordType::Aaaa));
    let any = v4.records().next().is_some() || v6.records().next().is_some();
    let obstacle = match v4.cause().or(v6.cause()) {
        _ if any => Observed::Known(None),
        Some(cause) => Observed::Unknown(cause),
        None if v4.status == DnsStatus::NxDomain => Observed::Known(Some(Obstacle::NoSuchName)),
        None => Observed::Known(Some(Obstacle::NoAddress)),
    };
    Destination { obstacle, evidence: v4.evidence, host }
}

fn is_null(mx: &DnsReply) -> bool {
    let mut records = mx.records().peekable();
    records.peek().is_some()
        && records.all(|record| matches!(&record.data, RecordData::Mx { exchange, .. } if exchange == "."))
}
