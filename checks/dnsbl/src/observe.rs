//! Asks the lists: test entries and look-ups at once, and the lists' own words
//! only about what is listed.

use std::net::{IpAddr, Ipv4Addr};

use engine_plugin_api::{
    Cause, CauseKind, Context, Target,
    services::{DnsQuestion, DnsStatus, RecordData, RecordType},
};
use futures_util::{
    future::{OptionFuture, join_all},
    join,
};
use mail_syntax::dmarc::organizational_domain;

use crate::{
    catalogue::{Canary, Ipv6, Object, Role},
    facts::{Answer, CanaryFacts, Facts, ListFacts, Lookup, Missing, Origin, Subject, Text, What},
    gate::{Gate, gate, holds},
    reading::{Reading, read},
    settings::{Asked, Plan, is_zone},
};

/// Exchanges whose addresses are looked up, at most.
const MAX_EXCHANGES: usize = 32;
/// Bytes of a list's own words that are kept.
const MAX_TEXT: usize = 500;
/// A DNS name has at most 253 characters (RFC 1035 §2.3.4).
const MAX_NAME: usize = 253;

/// Gathers the facts. Costs, for each list, its two test entries and one
/// question for each address or domain; one more where something is listed.
pub async fn observe(cx: &Context, target: &Target, plan: &Plan) -> Facts {
    let domains = domains(target);
    let (mut lists, domain_answers, found) = join!(
        join_all(plan.lists.iter().map(|asked| test_entries(cx, plan, asked, target, !domains.is_empty()))),
        join_all(plan.lists.iter().map(|asked| look_up(cx, plan, asked, &domains))),
        look_up_addresses(cx, target, plan),
    );
    let offset = found.subjects.len();
    for ((list, of_domains), (canary_ipv6, of_addresses)) in lists.iter_mut().zip(domain_answers).zip(found.answers) {
        list.canary_ipv6 = canary_ipv6;
        list.lookups = of_addresses;
        list.lookups.extend(of_domains.into_iter().map(|lookup| Lookup { subject: lookup.subject + offset, ..lookup }));
    }
    let mut facts = Facts {
        target: target.domain.clone().or_else(|| target.ip.map(|ip| ip.to_string())).unwrap_or_default(),
        subjects: found.subjects,
        missing: found.missing,
        not_public: found.not_public,
        cut: found.cut,
        null_mx: found.null_mx,
        answered: found.answered || lists.iter().any(ListFacts::answered),
        lists,
    };
    if facts.target.is_empty() {
        facts.target = domains.first().map(ToString::to_string).unwrap_or_default();
    }
    facts.subjects.extend(domains.into_iter().map(|what| Subject { what, origin: Origin::Domain }));
    fetch_texts(cx, plan, &mut facts).await;
    facts
}

impl ListFacts {
    fn answered(&self) -> bool {
        let canaries = self.canary.iter().chain(&self.canary_ipv6);
        canaries
            .flat_map(|canary| canary.listed.iter().chain(&canary.unlisted))
            .chain(self.lookups.iter().map(|lookup| &lookup.answer))
            .any(|answer| !matches!(answer, Answer::Unanswered(_)))
    }
}

/// The domain and that of the sender, as far as they are names, each with the
/// registered domain above it: most lists hold only those, and would seem to
/// know nothing of a name below.
fn domains(target: &Target) -> Vec<What> {
    let sender = target.sender.as_deref().and_then(Target::domain_of);
    let mut names: Vec<String> = Vec::new();
    for name in target.domain.iter().cloned().chain(sender).filter(|name| is_zone(name)) {
        let registered = organizational_domain(&name).to_owned();
        for name in [name, registered] {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names.into_iter().map(What::Domain).collect()
}

async fn test_entries(cx: &Context, plan: &Plan, asked: &Asked, target: &Target, domains: bool) -> ListFacts {
    let list = &asked.list;
    let wanted = match list.object {
        Object::Domain => domains,
        Object::Ip => {
            list.ipv6 != Ipv6::Only
                && match target.ip {
                    // A list that lacks the IPv6 entry holds no IPv6 only if it works at all.
                    Some(ip) => ip.is_ipv4() || list.ipv6 == Ipv6::Untold,
                    None => target.domain.is_some(),
                }
        }
    };
    if !wanted || !list.has_canary() {
        return ListFacts::default();
    }
    let (entry, counter) = match list.object {
        Object::Domain => ("test".to_owned(), "invalid".to_owned()),
        Object::Ip => (address_label(Ipv4Addr::new(127, 0, 0, 2)), address_label(Ipv4Addr::LOCALHOST)),
    };
    let mut entries: Vec<&str> = std::iter::once(entry.as_str()).chain(list.also_listed.as_deref()).collect();
    if list.canary == Canary::None {
        entries.clear();
    }
    ListFacts { canary: Some(canary(cx, plan, asked, &entries, &counter).await), ..ListFacts::default() }
}

async fn canary(cx: &Context, plan: &Plan, asked: &Asked, entries: &[&str], counter: &str) -> CanaryFacts {
    let unlisted: OptionFuture<_> = (asked.list.canary != Canary::Listed).then(|| ask(cx, plan, asked, counter)).into();
    let (listed, unlisted) = join!(join_all(entries.iter().map(|entry| ask(cx, plan, asked, entry))), unlisted);
    CanaryFacts { listed, unlisted }
}

async fn look_up(cx: &Context, plan: &Plan, asked: &Asked, subjects: &[What]) -> Vec<Lookup> {
    let held = subjects.iter().enumerate().filter(|(_, subject)| holds(&asked.list, subject));
    join_all(held.map(|(subject, what)| async move {
        Lookup { subject, answer: ask(cx, plan, asked, &what.label()).await, text: None }
    }))
    .await
}

/// The addresses that are looked up, and what the lists say of them.
#[derive(Default)]
struct Found {
    subjects: Vec<Subject>,
    missing: Vec<Missing>,
    not_public: Vec<IpAddr>,
    cut: usize,
    null_mx: bool,
    answered: bool,
    answers: Vec<(Option<CanaryFacts>, Vec<Lookup>)>,
}

async fn look_up_addresses(cx: &Context, target: &Target, plan: &Plan) -> Found {
    let mut found = match (target.ip, target.domain.as_deref()) {
        (Some(ip), _) => {
            let mut found = Found::default();
            found.add(ip, &Origin::Given);
            found
        }
        (None, Some(domain)) => exchange_addresses(cx, domain).await,
        (None, None) => Found::default(),
    };
    if found.subjects.len() > plan.max_addresses {
        found.cut += found.subjects.len() - plan.max_addresses;
        found.subjects.truncate(plan.max_addresses);
    }
    let addresses: Vec<What> = found.subjects.iter().map(|subject| subject.what.clone()).collect();
    let ipv6 = addresses.iter().find(|what| what.is_ipv6());
    found.answers = join_all(plan.lists.iter().map(|asked| async {
        let canary_ipv6: OptionFuture<_> = ipv6
            .filter(|what| holds(&asked.list, what) && asked.list.canary != Canary::None)
            .map(|_| canary_ipv6(cx, plan, asked))
            .into();
        join!(canary_ipv6, look_up(cx, plan, asked, &addresses))
    }))
    .await;
    found
}

/// The IPv6 test entries are the IPv4 ones, mapped (RFC 5782 §5).
async fn canary_ipv6(cx: &Context, plan: &Plan, asked: &Asked) -> CanaryFacts {
    let [entry, counter] =
        [Ipv4Addr::new(127, 0, 0, 2), Ipv4Addr::LOCALHOST].map(|ip| address_label(ip.to_ipv6_mapped()));
    canary(cx, plan, asked, &[&entry], &counter).await
}

/// The addresses of the domain's exchanges, or its own where it names none
/// (RFC 5321 §5.1).
async fn exchange_addresses(cx: &Context, domain: &str) -> Found {
    let mut found = Found::default();
    let reply = cx.dns(DnsQuestion::new(domain, RecordType::Mx)).await;
    if let Some(cause) = reply.cause() {
        found.missing.push(Missing { name: domain.to_owned(), exchanges: true, cause });
        return found;
    }
    found.answered = true;
    let mut records: Vec<(u16, String)> = reply
        .records()
        .filter_map(|record| match &record.data {
            RecordData::Mx { preference, exchange } => Some((*preference, exchange.clone())),
            _ => None,
        })
        .collect();
    records.sort();
    let some_records = !records.is_empty();
    let mut hosts: Vec<String> = records.into_iter().map(|(_, host)| host).filter(|host| host != ".").collect();
    found.null_mx = some_records && hosts.is_empty();
    if !some_records && reply.status != DnsStatus::NxDomain {
        hosts.push(domain.to_owned());
    }
    let mut seen = Vec::new();
    hosts.retain(|host| {
        host.parse::<IpAddr>().is_err() && !seen.contains(host) && {
            seen.push(host.clone());
            true
        }
    });
    found.cut = hosts.len().saturating_sub(MAX_EXCHANGES);
    hosts.truncate(MAX_EXCHANGES);
    let replies = join_all(hosts.iter().map(|host| async move {
        join!(cx.dns(DnsQuestion::new(host, RecordType::A)), cx.dns(DnsQuestion::new(host, RecordType::Aaaa)))
    }))
    .await;
    for (host, (a, aaaa)) in hosts.iter().zip(&replies) {
        let mut addresses: Vec<IpAddr> = a.addresses().chain(aaaa.addresses()).collect();
        // Resolvers rotate records; the bound must not cut off others each time.
        addresses.sort_unstable();
        for address in addresses {
            found.add(address, &Origin::Exchange(host.clone()));
        }
        if let Some(cause) = a.cause().or_else(|| aaaa.cause()) {
            found.missing.push(Missing { name: host.clone(), exchanges: false, cause });
        }
    }
    found
}

impl Found {
    fn add(&mut self, ip: IpAddr, origin: &Origin) {
        if !ip_scope::is_global(ip) {
            if !self.not_public.contains(&ip) {
                self.not_public.push(ip);
            }
        } else if !self.subjects.iter().any(|subject| subject.what == What::Address(ip)) {
            self.subjects.push(Subject { what: What::Address(ip), origin: origin.clone() });
        }
    }
}

/// Asks the lists that hold something against somebody for their own words.
async fn fetch_texts(cx: &Context, plan: &Plan, facts: &mut Facts) {
    let mut wanted = Vec::new();
    for (index, (asked, list)) in plan.lists.iter().zip(&facts.lists).enumerate() {
        for (at, lookup) in list.lookups.iter().enumerate() {
            let what = &facts.subjects[lookup.subject].what;
            let Answer::Addresses { addresses, .. } = &lookup.answer else { continue };
            let held_against = matches!(read(&asked.list, addresses), Reading::Listed(reasons)
                if reasons.iter().any(|reason| !matches!(reason.role, Role::Neutral | Role::Allow)));
            if held_against && gate(&asked.list, list, what) == Gate::Open {
                wanted.push((index, at, asked.question(&what.label())));
            }
        }
    }
    let texts = join_all(wanted.into_iter().map(|(index, at, name)| async move {
        let reply = cx.dns(DnsQuestion::new(&name, RecordType::Txt)).await;
        let words: Vec<String> = reply
            .records()
            .filter_map(engine_plugin_api::services::DnsRecord::joined_text)
            .map(|text| String::from_utf8_lossy(&text).into_owned())
            .collect();
        (index, at, reply.evidence, words.join(" "))
    }))
    .await;
    for (index, at, evidence, text) in texts.into_iter().filter(|(_, _, _, text)| !text.trim().is_empty()) {
        let text = plan.without_keys(text.trim()).chars().take(MAX_TEXT).collect();
        facts.lists[index].lookups[at].text = Some(Text { evidence, text });
    }
}

async fn ask(cx: &Context, plan: &Plan, asked: &Asked, label: &str) -> Answer {
    let name = asked.question(label);
    if name.len() > MAX_NAME {
        return Answer::Unanswered(Cause::new(CauseKind::Denied, "the name is too long to be looked up in the list"));
    }
    let reply = cx.dns(DnsQuestion::new(&name, RecordType::A)).await;
    if let Some(mut cause) = reply.cause() {
        cause.detail = plan.without_keys(&cause.detail);
        return Answer::Unanswered(cause);
    }
    let mut ttl = u32::MAX;
    let mut addresses: Vec<Ipv4Addr> = reply
        .records()
        .filter_map(|record| match record.data {
            RecordData::A { address } => {
                ttl = ttl.min(record.ttl);
                Some(address)
            }
            _ => None,
        })
        .collect();
    if addresses.is_empty() {
        return Answer::Absent;
    }
    addresses.sort_unstable();
    Answer::Addresses { evidence: reply.evidence, name: asked.shown(label), addresses, ttl }
}

fn address_label(ip: impl Into<IpAddr>) -> String {
    What::Address(ip.into()).label()
}
