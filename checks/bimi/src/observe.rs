//! Asks the DNS, then gets what the record names.

use engine_plugin_api::{
    Cause, Context, EvidenceId, Observed,
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

/// Gathers the facts. Costs one round trip for the records, DMARC's included;
/// then a fetch each for image and certificate, at the same time.
pub async fn observe(cx: &Context, domain: &str, config: &Config) -> Facts {
    let above = dmarc::organizational_domain(domain).to_owned();
    let name_of = |domain: &str| format!("{}._bimi.{domain}", config.selector);
    let (own, of_above, dmarc) =
        join3(ask(cx, name_of(domain)), ask_above(cx, domain, &above, name_of(&above)), dmarc(cx, domain)).await;
    let own_found = published(&own);
    let nothing = own_found.known().is_some_and(|published| published.texts.is_empty());
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
    let (discoveries, dmarc_gap, dmarc_evidence) = dmarc;
    Facts {
        name: name_of(&owner),
        domain: domain.to_owned(),
        owner,
        published,
        dmarc: discoveries,
        dmarc_gap,
        dmarc_evidence,
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
    reply.texts().map(|texts| Published {
        evidence: reply.evidence.clone(),
        texts: texts.into_iter().filter(|text| bimi::is_meant_as_bimi(text)).collect(),
    })
}

/// The DMARC record that applies, by either kind of receiver.
async fn dmarc(cx: &Context, domain: &str) -> ([dmarc::Discovery; 2], Option<Cause>, EvidenceId) {
    let mut names = dmarc::names(domain);
    let above = dmarc::organizational_domain(domain).to_owned();
    if !names.contains(&above) {
        names.push(above);
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
    let found = [Rules::Rfc7489, Rules::Rfc9989].map(|rules| dmarc::discover(domain, rules, &known));
    let of = |name: &str| names.iter().position(|known| known == name).map(|at| replies[at].evidence.clone());
    let evidence = found[0].record.as_ref().and_then(|found| of(&found.domain));
    (found, replies.iter().find_map(DnsReply::cause), evidence.unwrap_or_default())
}

async fn fetch(cx: &Context, url: Option<(String, String)>, most: usize) -> Option<Fetched> {
    let (host, path) = url?;
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
                let cause =
                    Cause::new(engine_plugin_api::CauseKind::ServerFailure, format!("{host} answers with {status}"));
                Fetched::Unknown(cause.seen_in(&reply.evidence))
            }
            _ => Fetched::Unknown(reply.cause().unwrap_or_else(|| {
                Cause::new(engine_plugin_api::CauseKind::Other, format!("{host} gave no document"))
            })),
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
