//! Asks the DNS; judges nothing.

use std::collections::BTreeSet;

use engine_plugin_api::{
    Cause, Context, Observed,
    services::{DnsQuestion, DnsReply, DnsStatus, RecordData, RecordType},
};
use futures_util::future::{join_all, join3};
use mail_syntax::{
    dmarc::{Answers, Lookup},
    spf::{self, Mechanism, Modifier, Qualifier, TermKind},
};

use crate::{
    Config,
    facts::{Answer, Facts, MailFacts, Origin, Selector, exists},
    mail::Mail,
    selectors,
};

/// A selector that nobody publishes: what answers for it answers for everything.
const MADE_UP: &str = "no-such-selector-7f3kq9";

/// Gathers the facts. Costs two round trips, three where the DNS contradicts
/// itself: first the domain's TXT and MX, `_domainkey`, a selector that cannot
/// be and the known ones; then, where none is known, guesses, all at once. One more
/// for a message that is signed by another domain of its author's organization.
pub async fn observe(cx: &Context, domain: &str, mail: Option<&Mail<'_>>, config: &Config) -> Facts {
    let mut known: Vec<(String, String)> = Vec::new();
    let of_config = config.selectors.iter().map(|name| (name.to_ascii_lowercase(), domain.to_owned()));
    let of_mail = mail.into_iter().flat_map(Mail::keys);
    for key in of_config.chain(of_mail) {
        if !known.contains(&key) {
            known.push(key);
        }
    }
    let below = format!("_domainkey.{domain}");
    let ask_known = join_all(known.iter().map(|(name, of)| ask(cx, of, name, Origin::Known)));
    let guess = known.is_empty() && config.guesses > 0;
    let texts = cx.dns(DnsQuestion::new(domain, RecordType::Txt));
    let (texts, below, (exchanges, made_up, mut found)) = join3(
        texts,
        cx.dns(DnsQuestion::new(&below, RecordType::Txt)),
        join3(exchanges(cx, domain, guess), ask(cx, domain, MADE_UP, Origin::Guessed), ask_known),
    )
    .await;
    let spf = Spf::of(&texts);
    let mut facts = Facts {
        domain: domain.to_owned(),
        domain_gone: texts.status == DnsStatus::NxDomain && texts.aliases().is_empty(),
        sends_none: texts.cause().map_or(Observed::Known(spf.sends_none), Observed::Unknown),
        below: exists(&below),
        below_evidence: below.evidence.clone(),
        made_up,
        selectors: Vec::new(),
        guessed: 0,
        unanswered: Vec::new(),
        mail: None,
    };
    if guess && !facts.domain_gone {
        let names = selectors::guesses(&exchanges, &spf.includes, config.guesses);
        let denied = facts.below == Observed::Known(false);
        let (first, rest) = names.split_at(if denied { names.len().min(selectors::LIKELIEST) } else { names.len() });
        found = guesses(cx, domain, first).await;
        facts.guessed = first.len();
        if found.iter().any(Selector::is_there) {
            found.extend(guesses(cx, domain, rest).await);
            facts.guessed = names.len();
        }
    }
    for selector in found {
        match (&selector.answer, selector.origin) {
            (Observed::Unknown(cause), Origin::Guessed) => {
                facts.unanswered.push((selector.key_name(), cause.clone()));
            }
            (Observed::Known(_), Origin::Guessed) if !selector.is_there() => {}
            _ => facts.selectors.push(selector),
        }
    }
    if let Some(mail) = mail {
        let seen = mail.facts(&facts.selectors);
        let (policies, policy_gap) = policies(cx, seen.policy_domains()).await;
        facts.mail = Some(MailFacts { policies, policy_gap, ..seen });
    }
    facts
}

/// The DMARC records of the domains, and why the first without an answer has none.
async fn policies(cx: &Context, domains: BTreeSet<String>) -> (Answers, Option<Cause>) {
    let asked = domains.into_iter().map(|domain| async move {
        let name = format!("_dmarc.{domain}");
        if !spf::is_queryable(&name) {
            return (domain, Lookup::Texts(Vec::new()), None);
        }
        let reply = cx.dns(DnsQuestion::new(&name, RecordType::Txt)).await;
        match reply.cause() {
            Some(cause) => (domain, Lookup::Failed, Some(cause)),
            None => (domain, Lookup::Texts(reply.records().filter_map(|record| record.joined_text()).collect()), None),
        }
    });
    let (mut known, mut gap) = (Answers::default(), None);
    for (domain, lookup, cause) in join_all(asked).await {
        known.insert(&domain, lookup);
        gap = gap.or(cause);
    }
    (known, gap)
}

async fn guesses(cx: &Context, domain: &str, names: &[String]) -> Vec<Selector> {
    join_all(names.iter().map(|name| ask(cx, domain, name, Origin::Guessed))).await
}

async fn ask(cx: &Context, domain: &str, name: &str, origin: Origin) -> Selector {
    let key_name = format!("{name}._domainkey.{domain}");
    let reply = cx.dns(DnsQuestion::new(&key_name, RecordType::Txt)).await;
    Selector { name: name.to_owned(), domain: domain.to_owned(), origin, answer: Answer::of(&reply) }
}

async fn exchanges(cx: &Context, domain: &str, wanted: bool) -> Vec<String> {
    if !wanted {
        return Vec::new();
    }
    let reply = cx.dns(DnsQuestion::new(domain, RecordType::Mx)).await;
    reply
        .records()
        .filter_map(|record| match &record.data {
            RecordData::Mx { exchange, .. } => Some(exchange.clone()),
            _ => None,
        })
        .collect()
}

/// What the domain's own SPF record says of services and of sending at all.
struct Spf {
    includes: Vec<String>,
    sends_none: bool,
}

impl Spf {
    fn of(reply: &DnsReply) -> Self {
        let texts: Vec<Vec<u8>> = reply.records().filter_map(|record| record.joined_text()).collect();
        let selection = spf::select(&texts);
        let [one] = selection.records.as_slice() else { return Spf { includes: Vec::new(), sends_none: false } };
        let record = spf::parse(&one.text);
        let includes = record.terms.iter().filter_map(|term| match &term.kind {
            TermKind::Directive(directive) => match &directive.mechanism {
                Mechanism::Include(name) => Some(name.to_string().to_ascii_lowercase()),
                _ => None,
            },
            TermKind::Modifier(Modifier::Redirect(name)) => Some(name.to_string().to_ascii_lowercase()),
            _ => None,
        });
        let alone = record.terms.len() == 1 && record.all().is_some_and(|(_, qualifier)| qualifier == Qualifier::Fail);
        Spf { includes: includes.collect(), sends_none: alone && !record.is_broken() }
    }
}
