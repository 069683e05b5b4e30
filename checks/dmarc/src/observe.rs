//! Asks the DNS. All names at which receivers look are known beforehand and asked
//! at once; what the record then names is asked in a second round.

use std::collections::BTreeSet;

use engine_plugin_api::{
    Context, Observed,
    services::{DnsQuestion, DnsReply, DnsStatus, RecordData, RecordType},
};
use futures_util::{
    future::{OptionFuture, join_all},
    join,
};
use mail_syntax::{
    dmarc::{Answers, Found, Lookup as Known, Policy, Rules, Scope, StepFound, names, organizational_domain, report},
    spf::is_queryable,
};

use crate::{
    Config,
    facts::{Facts, Host, Lookup, Mail, Seen, Subdomain},
};

/// Gathers the facts. Costs one question for each label of the domain (eight at
/// most) and four more; then, at once, three to ten for each host of a report
/// address, two for each subdomain of the settings where the policy is one that
/// theirs can be weaker than, two where the domain has no record.
pub async fn observe(cx: &Context, domain: &str, config: &Config) -> Facts {
    let probe = format!("_dmarc.{}.{domain}", config.absent_label);
    let keys = format!("_domainkey.{domain}");
    let (policies, texts, keys, probe, (mail, exists)) =
        join!(policies(cx, domain, config), txt(cx, domain), txt(cx, &keys), txt(cx, &probe), existence(cx, domain),);
    Facts { texts, keys, probe, mail, exists, ..policies }
}

/// The records, and what they lead to.
async fn policies(cx: &Context, domain: &str, config: &Config) -> Facts {
    let mut facts = Facts {
        domain: domain.to_owned(),
        places: Default::default(),
        known: Answers::default(),
        texts: Seen::default(),
        keys: Seen::default(),
        probe: Seen::default(),
        mail: Lookup { value: Observed::Known(Mail::Unsaid { exists: true }), evidence: Default::default() },
        exists: Observed::Known(true),
        elsewhere: Vec::new(),
        subdomains: Vec::new(),
        hosts: Vec::new(),
        hosts_left: 0,
    };
    let wanted: BTreeSet<String> =
        names(domain).into_iter().chain([organizational_domain(domain).to_owned()]).collect();
    places(cx, &mut facts, wanted).await;
    let record = facts.record();
    let is_bare = matches!(facts.own().found, StepFound::Nothing);
    let enforced = Rules::BOTH.iter().any(|rules| {
        let found = facts.discovery(*rules);
        let requested = found.record.and_then(|found| found.record.requested(*rules, Scope::Own));
        requested.is_some_and(|requested| requested.policy > Policy::None)
    });
    let labels = if enforced && !is_bare { config.subdomains.as_slice() } else { &[] };
    let elsewhere = [format!("dmarc.{domain}"), format!("_dmarc.{domain}.{domain}")];
    let elsewhere = elsewhere.into_iter().filter(|name| is_bare && is_queryable(name));
    let (hosts, subdomains, elsewhere) = join!(
        hosts(cx, &facts, record.as_ref(), config),
        join_all(labels.iter().map(|label| subdomain(cx, format!("{label}.{domain}")))),
        join_all(elsewhere.map(|name| async move {
            let seen = txt(cx, &name).await;
            (name, seen)
        })),
    );
    (facts.hosts, facts.hosts_left) = hosts;
    facts.subdomains = subdomains;
    facts.elsewhere = elsewhere;
    facts
}

/// Asks for `_dmarc.` at each of the domains.
async fn places(cx: &Context, facts: &mut Facts, wanted: BTreeSet<String>) {
    let asked = wanted.into_iter().map(|domain| async move {
        let seen = dmarc(cx, &domain).await;
        (domain, seen)
    });
    for (domain, seen) in join_all(asked).await {
        facts.known.insert(&domain, known(&seen));
        facts.places.insert(domain, seen);
    }
}

async fn dmarc(cx: &Context, domain: &str) -> Seen {
    let name = format!("_dmarc.{domain}");
    txt(cx, &name).await
}

fn known(seen: &Seen) -> Known {
    if seen.cause.is_some() { Known::Failed } else { Known::Texts(seen.joined()) }
}

async fn txt(cx: &Context, name: &str) -> Seen {
    if !is_queryable(name) {
        return Seen::nothing(name.to_owned());
    }
    Seen::of(&cx.dns(DnsQuestion::new(name, RecordType::Txt)).await)
}

/// Where mail for `domain` goes, and whether it exists as RFC 9989 §3.2.13 means it.
async fn existence(cx: &Context, domain: &str) -> (Lookup<Mail>, Observed<bool>) {
    let mail = mail(cx, domain).await;
    match &mail.value {
        Observed::Known(Mail::Accepted | Mail::Refused) => (mail, Observed::Known(true)),
        Observed::Known(Mail::Unsaid { exists: false }) => (mail, Observed::Known(false)),
        _ => {
            let address = address(cx, domain).await;
            let exists = match (&mail.value, address.value) {
                (_, Observed::Known(true)) => Observed::Known(true),
                (Observed::Unknown(cause), _) => Observed::Unknown(cause.clone()),
                (_, other) => other,
            };
            (mail, exists)
        }
    }
}

async fn mail(cx: &Context, domain: &str) -> Lookup<Mail> {
    let reply = cx.dns(DnsQuestion::new(domain, RecordType::Mx)).await;
    let exchanges: Vec<&str> = reply
        .records()
        .filter_map(|record| match &record.data {
            RecordData::Mx { exchange, .. } => Some(exchange.as_str()),
            _ => None,
        })
        .collect();
    let value = match exchanges.as_slice() {
        [] => Mail::Unsaid { exists: reply.status != DnsStatus::NxDomain },
        ["."] => Mail::Refused,
        _ => Mail::Accepted,
    };
    Lookup { value: reply.observed().map(|_| value), evidence: reply.evidence.clone() }
}

/// Whether `domain` has an address of either family.
async fn address(cx: &Context, domain: &str) -> Lookup<bool> {
    let (v4, v6) =
        join!(cx.dns(DnsQuestion::new(domain, RecordType::A)), cx.dns(DnsQuestion::new(domain, RecordType::Aaaa)));
    let has = |reply: &DnsReply| reply.records().next().is_some();
    let (seen, value) = match (has(&v4), has(&v6)) {
        (true, _) => (&v4, Observed::Known(true)),
        (_, true) => (&v6, Observed::Known(true)),
        _ => match (v4.cause(), v6.cause()) {
            (Some(cause), _) => (&v4, Observed::Unknown(cause)),
            (_, Some(cause)) => (&v6, Observed::Unknown(cause)),
            _ => (&v4, Observed::Known(false)),
        },
    };
    Lookup { value, evidence: seen.evidence.clone() }
}

async fn subdomain(cx: &Context, name: String) -> Subdomain {
    let (dmarc, mail) = join!(dmarc(cx, &name), mail(cx, &name));
    Subdomain { name, dmarc, mail }
}

/// The hosts of the record's report addresses, and how many were left out.
async fn hosts(cx: &Context, facts: &Facts, found: Option<&Found>, config: &Config) -> (Vec<Host>, usize) {
    let Some(found) = found else { return (Vec::new(), 0) };
    let lists = [&found.record.aggregate_reports, &found.record.failure_reports];
    let mut named: Vec<&str> = Vec::new();
    for host in lists.into_iter().filter_map(|list| list.valid()).flatten().filter_map(|uri| uri.host.as_deref()) {
        if !named.contains(&host) && is_queryable(host) {
            named.push(host);
        }
    }
    let left = named.len().saturating_sub(config.max_report_hosts);
    let looked = named.iter().take(config.max_report_hosts).map(|name| host(cx, facts, &found.domain, name));
    (join_all(looked).await, left)
}

async fn host(cx: &Context, facts: &Facts, publisher: &str, name: &str) -> Host {
    let unknown: Vec<String> = names(name).into_iter().filter(|name| facts.place(name).is_none()).collect();
    let authorization = report::authorization_name(publisher, name);
    let by_list = organizational_domain(publisher) != organizational_domain(name);
    // Where the list says that it is another's, it nearly always is by the walk too.
    let (walk, mail, asked) = join!(
        join_all(unknown.into_iter().map(|name| async move {
            let seen = dmarc(cx, &name).await;
            (name, seen)
        })),
        mail(cx, name),
        OptionFuture::from((by_list && is_queryable(&authorization)).then(|| txt(cx, &authorization))),
    );
    let mut answers = facts.known.clone();
    for (name, seen) in &walk {
        answers.insert(name, known(seen));
    }
    let external = Rules::BOTH.map(|rules| report::is_external(publisher, name, rules, &answers));
    let later = asked.is_none() && external.contains(&Some(true)) && is_queryable(&authorization);
    let (asked_later, address) = join!(
        OptionFuture::from(later.then(|| txt(cx, &authorization))),
        OptionFuture::from(
            matches!(mail.value, Observed::Known(Mail::Unsaid { exists: true })).then(|| address(cx, name))
        ),
    );
    Host { name: name.to_owned(), external, authorization: asked.or(asked_later), mail, address }
}
