//! Asks the DNS, then gets what the record names.

use std::collections::BTreeMap;

use engine_plugin_api::{
    Cause, CauseKind, Context, EvidenceId, Observed,
    services::{DnsQuestion, DnsReply, Fetched as Got, HttpEnd, RecordType, Verification},
};
use futures_util::future::{join, join_all, join3};
use mail_syntax::{
    bimi::{self, Record},
    date, dmarc,
    dmarc::{Answers, Lookup, Rules},
};

use crate::{
    Config,
    facts::{Document, Facts, Fetched, Published},
};

/// The one port of web servers that a probe goes to.
const HTTPS: u16 = 443;

/// Gathers the facts. Costs one round trip for the records, DMARC's included;
/// then a fetch each for image and certificate, at the same time.
pub async fn observe(cx: &Context, domain: &str, config: &Config) -> Facts {
    let above = dmarc::organizational_domain(domain).to_owned();
    let name_of = |domain: &str| format!("{}._bimi.{domain}", config.selector);
    let (own, of_above, dmarc) =
        join3(ask(cx, name_of(domain)), ask_above(cx, domain, &above, name_of(&above)), dmarc(cx, domain)).await;
    let own_found = published(&own);
    let nothing = own_found.known().is_some_and(|published| published.texts.is_empty());
    let organizational = above.clone();
    let (owner, published) = match of_above.filter(|_| nothing) {
        Some(reply) => (above, self::published(&reply)),
        None => (domain.to_owned(), own_found),
    };
    let record = match published.known().map(|published| published.texts.as_slice()) {
        Some([one]) => Some(Record::parse(one)),
        _ => None,
    };
    let location = record.as_ref().and_then(|record| bimi::split_url(record.location.as_deref()?));
    let authority = record.as_ref().and_then(|record| bimi::split_url(record.authority.as_deref()?));
    let (image, certificate) =
        join(fetch(cx, location, bimi_assets::svg::READ), fetch(cx, authority, bimi_assets::certificate::READ)).await;
    let Dmarc { found, above, gap, evidence } = dmarc;
    Facts {
        name: name_of(&owner),
        domain: domain.to_owned(),
        owner,
        published,
        dmarc: found,
        organizational,
        above,
        dmarc_gap: gap,
        dmarc_evidence: evidence,
        image,
        certificate,
    }
}

async fn ask(cx: &Context, name: String) -> DnsReply {
    cx.dns(DnsQuestion::new(&name, RecordType::Txt)).await
}

async fn ask_above(cx: &Context, domain: &str, above: &str, name: String) -> Option<DnsReply> {
    if domain == above { None } else { Some(ask(cx, name).await) }
}

fn published(reply: &DnsReply) -> Observed<Published> {
    reply.texts().map(|texts| {
        let (records, others): (Vec<String>, Vec<String>) = texts.into_iter().partition(|text| bimi::is_record(text));
        // What receivers leave out matters only where nothing else is there.
        let texts = if records.is_empty() {
            others.into_iter().filter(|text| bimi::is_meant_as_bimi(text)).collect()
        } else {
            records
        };
        Published { evidence: reply.evidence.clone(), texts }
    })
}

/// What DMARC says, see [`Facts`].
struct Dmarc {
    found: [dmarc::Discovery; 2],
    above: Option<[dmarc::Discovery; 2]>,
    gap: Option<Cause>,
    evidence: BTreeMap<String, EvidenceId>,
}

/// The DMARC records that apply, by either kind of receiver.
async fn dmarc(cx: &Context, domain: &str) -> Dmarc {
    let mut names = dmarc::names(domain);
    let organizational = dmarc::organizational_domain(domain);
    if !names.iter().any(|name| name == organizational) {
        names.push(organizational.to_owned());
    }
    let replies = join_all(names.iter().map(|name| ask(cx, format!("_dmarc.{name}")))).await;
    let mut known = Answers::default();
    for (name, reply) in names.iter().zip(&replies) {
        let lookup = match reply.cause() {
            Some(_) => Lookup::Failed,
            None => Lookup::Texts(reply.records().filter_map(|record| record.joined_text()).collect()),
        };
        known.insert(name, lookup);
    }
    let found = Rules::BOTH.map(|rules| dmarc::discover(domain, rules, &known));
    let above =
        (organizational != domain).then(|| Rules::BOTH.map(|rules| dmarc::discover(organizational, rules, &known)));
    let evidence = names.into_iter().zip(replies.iter().map(|reply| reply.evidence.clone())).collect();
    Dmarc { found, above, gap: replies.iter().find_map(DnsReply::cause), evidence }
}

async fn fetch(cx: &Context, place: Option<bimi::Place>, most: usize) -> Option<Fetched> {
    let bimi::Place { host, port, path } = place?;
    if port != HTTPS {
        let what = format!("it stands at port {port} of {host}, and a probe asks port {HTTPS} alone");
        return Some(Fetched::Unknown(Cause::new(CauseKind::Denied, what)));
    }
    let fetch = cx.fetch(&host, &path, u32::try_from(most).unwrap_or(u32::MAX)).await;
    let missing = |evidence: &EvidenceId, why: String| Fetched::Missing { evidence: evidence.clone(), why };
    Some(match fetch.outcome() {
        Got::NoSuchHost(reply) => missing(&reply.evidence, format!("{host} does not exist")),
        Got::NoAddress(reply) => missing(&reply.evidence, format!("{host} has no address")),
        Got::Unresolved(cause) => Fetched::Unknown(cause),
        Got::Asked(reply) => match (&reply.end, reply.status) {
            (HttpEnd::Untrusted, _) => {
                let what = reply.tls.as_ref().map_or("is not valid", |tls| fault(&tls.verification));
                missing(&reply.evidence, format!("the TLS certificate of {host} {what}"))
            }
            (HttpEnd::Finished, Some(200)) => Fetched::Document(Document {
                evidence: reply.evidence.clone(),
                media_type: reply.media_type(),
                bytes: reply.body.0.clone(),
                cut: reply.body_cut,
                now: reply.header("date").and_then(date::unix_seconds),
            }),
            (HttpEnd::Finished, Some(status @ 300..=399)) => {
                let to = reply.header("location").map(|to| format!(" to {to}")).unwrap_or_default();
                missing(
                    &reply.evidence,
                    format!("the server redirects (status {status}){to}, which receivers need not follow"),
                )
            }
            (HttpEnd::Finished, Some(status @ 400..=499)) => {
                missing(&reply.evidence, format!("the server answers with the status {status}"))
            }
            (HttpEnd::Finished, status) => {
                let status = status.map_or("no status".to_owned(), |status| format!("the status {status}"));
                let cause = Cause::new(CauseKind::ServerFailure, format!("{host} answers with {status}"));
                Fetched::Unknown(cause.seen_in(&reply.evidence))
            }
            _ => Fetched::Unknown(
                reply.cause().unwrap_or_else(|| Cause::new(CauseKind::Other, format!("{host} gave no document"))),
            ),
        },
    })
}

fn fault(verification: &Verification) -> &'static str {
    match verification {
        Verification::Expired => "has expired",
        Verification::NotYetValid => "is not valid yet",
        Verification::WrongName => "is for other names",
        Verification::UnknownIssuer => "is from an authority that nobody knows",
        Verification::Trusted | Verification::Failed { .. } | Verification::Other => "is not valid",
    }
}
