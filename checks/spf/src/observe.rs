//! Asks the DNS: whatever the tree and the evaluations need next, as soon as
//! the answers so far name it, all at once.

use std::collections::{BTreeMap, BTreeSet};

use engine_plugin_api::{
    Context, Observed, Target,
    services::{DnsQuestion, DnsReply, DnsStatus, RecordData, RecordType},
};
use futures_util::{
    future,
    stream::{FuturesUnordered, StreamExt},
};
use mail_syntax::spf::{Answer, Answers, Evaluation, Kind, Limits, Query, Question, Survey, check_host, survey};

use crate::{
    Config,
    facts::{Evaluated, Facts, Identity, Mail, Seen, Text, hosts_named_as_mx},
};

/// Questions up to which everything is asked as soon as it is named.
const AT_ONCE: usize = 100;
/// What is asked at once beyond that.
const LATER_AT_ONCE: usize = 4;
/// How many times the tree's own bound of questions is asked at most.
const MOST_ASKED: usize = 5;

/// Gathers the facts. Costs two questions beside the tree's own (the MX and
/// the type-99 records); the tree's are asked as soon as they are known, so
/// that the round trips are its depth.
pub async fn observe(cx: &Context, domain: &str, target: &Target, config: &Config) -> Facts {
    let old_type = cx.dns(DnsQuestion::new(domain, RecordType::Spf));
    let (tree, old_type) = future::join(walk(cx, domain, queries(target), config), old_type).await;
    let Walked { survey, limits, known, evaluations, replies, texts, mail, exchanges } = tree;
    Facts {
        domain: domain.to_owned(),
        texts,
        survey,
        limits,
        known,
        type99_evidence: old_type.evidence.clone(),
        type99: old_type.texts(),
        mail,
        exchanges,
        evaluations,
        replies,
    }
}

/// What is asked at most of the names that a record offered instead leads to, and how often.
const MOST_FOLLOWED: usize = 40;
const ROUNDS_FOLLOWED: usize = 3;

/// Asks what the present record hides and a record offered instead would lead
/// to, so that none is offered that is the next fault. A domain whose record
/// needs no repair costs nothing here.
pub async fn follow_up(cx: &Context, facts: &mut Facts, config: &Config) {
    for _ in 0..ROUNDS_FOLLOWED {
        let mut unasked = crate::judge::unasked(facts, config);
        unasked.sort();
        unasked.dedup();
        unasked.truncate(MOST_FOLLOWED);
        if unasked.is_empty() {
            break;
        }
        for (question, reply) in future::join_all(unasked.into_iter().map(|question| ask(cx, question))).await {
            facts.known.insert(question.clone(), answer(question.kind, &reply));
            facts.replies.insert(question, seen(&reply));
        }
    }
}

/// The identities that the target allows to evaluate.
fn queries(target: &Target) -> Vec<(Identity, Query)> {
    let Some(ip) = target.ip else { return Vec::new() };
    let helo = target.helo.as_deref().unwrap_or("");
    let sender = target.sender.as_deref().filter(|sender| !sender.is_empty());
    let mail_from = sender.map(|sender| (Identity::MailFrom, Query::new(ip, sender, helo)));
    let helo = target.helo.as_deref().map(|helo| (Identity::Helo, Query::new(ip, "", helo)));
    mail_from.into_iter().chain(helo).collect()
}

struct Walked {
    survey: Survey,
    limits: Limits,
    known: Answers,
    evaluations: Vec<Evaluated>,
    replies: BTreeMap<Question, Seen>,
    texts: Vec<Text>,
    mail: Observed<Mail>,
    exchanges: Vec<String>,
}

async fn walk(cx: &Context, domain: &str, queries: Vec<(Identity, Query)>, config: &Config) -> Walked {
    let limits = Limits { nodes: config.max_records, questions: config.max_questions, ..Limits::default() };
    let mut known = Answers::default();
    let mut asked = BTreeSet::new();
    let mut replies = BTreeMap::new();
    let mut texts = Vec::new();
    let mut mail = Observed::Known(Mail::Unsaid);
    let mut exchanges = Vec::new();
    let own_mx = Question::new(domain, Kind::Mx);
    let own_txt = Question::new(domain, Kind::Txt);
    let mut wanted = vec![own_mx.clone()];
    let mut running = FuturesUnordered::new();
    loop {
        let tree = survey(domain, &known, limits);
        let results: Vec<Result<Evaluation, Vec<Question>>> =
            queries.iter().map(|(_, query)| check_host(query, &known)).collect();
        // A tree of this size goes beyond its bounds: from here on little is
        // asked before it is known to be needed.
        let at_once = if asked.len() < AT_ONCE { usize::MAX } else { LATER_AT_ONCE };
        wanted.extend(tree.missing.iter().take(at_once).cloned());
        wanted.extend(results.iter().filter_map(|result| result.as_ref().err()).flatten().take(at_once).cloned());
        wanted.extend(
            tree.root()
                .into_iter()
                .flat_map(hosts_named_as_mx)
                .flat_map(|(_, name)| [Kind::A, Kind::Aaaa].map(|kind| Question::new(name, kind)))
                .take(at_once),
        );
        for question in wanted.drain(..) {
            // An evaluation asks little beyond the tree. A tree beyond its bounds
            // asks, while answers come, for what it later has no room for: the
            // result does not depend on that, as long as all it needs is asked.
            if asked.len() < MOST_ASKED * limits.questions && asked.insert(question.clone()) {
                running.push(ask(cx, question));
            }
        }
        let Some((question, reply)) = running.next().await else {
            let evaluations = queries.into_iter().zip(results).map(|((identity, query), result)| Evaluated {
                identity,
                query,
                evaluation: result.ok(),
            });
            let evaluations = evaluations.collect();
            return Walked { survey: tree, limits, known, evaluations, replies, texts, mail, exchanges };
        };
        if question == own_mx {
            mail = reply.observed().map(|_| mail_of(&reply));
            exchanges = exchanges_of(&reply);
        }
        if question == own_txt {
            texts = texts_of(&reply);
        }
        known.insert(question.clone(), answer(question.kind, &reply));
        replies.insert(question, seen(&reply));
    }
}

async fn ask(cx: &Context, question: Question) -> (Question, DnsReply) {
    let rtype = match question.kind {
        Kind::Txt => RecordType::Txt,
        Kind::A => RecordType::A,
        Kind::Aaaa => RecordType::Aaaa,
        Kind::Mx => RecordType::Mx,
        Kind::Ptr => RecordType::Ptr,
    };
    let reply = cx.dns(DnsQuestion::new(&question.name, rtype)).await;
    (question, reply)
}

fn seen(reply: &DnsReply) -> Seen {
    let ttl = reply.records().map(|record| record.ttl).min();
    let alias = reply.aliases().last().map(|end| (*end).to_owned());
    Seen { evidence: reply.evidence.clone(), cause: reply.cause(), ttl, alias }
}

/// A reply as SPF sees it.
fn answer(kind: Kind, reply: &DnsReply) -> Answer {
    match reply.status {
        DnsStatus::NxDomain => return Answer::NxDomain,
        DnsStatus::NoData => return Answer::NoData,
        DnsStatus::Answer => {}
        _ => return Answer::Failed,
    }
    let data = || reply.records().map(|record| &record.data);
    match kind {
        Kind::Txt => Answer::Texts(reply.records().filter_map(|record| record.joined_text()).collect()),
        Kind::A | Kind::Aaaa => Answer::Addresses(reply.addresses().collect()),
        Kind::Mx => {
            let root = |name: String| if name == "." { String::new() } else { name };
            Answer::Names(exchanges_of(reply).into_iter().map(root).collect())
        }
        Kind::Ptr => Answer::Names(
            data()
                .filter_map(|data| match data {
                    RecordData::Ptr { target } => Some(target.clone()),
                    _ => None,
                })
                .collect(),
        ),
    }
}

fn texts_of(reply: &DnsReply) -> Vec<Text> {
    reply
        .records()
        .filter_map(|record| match &record.data {
            RecordData::Txt { strings } => {
                Some(Text { strings: strings.iter().map(|string| string.0.clone()).collect(), ttl: record.ttl })
            }
            _ => None,
        })
        .collect()
}

/// The names in MX records, in order of preference.
fn exchanges_of(reply: &DnsReply) -> Vec<String> {
    let mut exchanges: Vec<(u16, &str)> = reply
        .records()
        .filter_map(|record| match &record.data {
            RecordData::Mx { preference, exchange } => Some((*preference, exchange.as_str())),
            _ => None,
        })
        .collect();
    exchanges.sort_unstable();
    exchanges.into_iter().map(|(_, exchange)| exchange.to_owned()).collect()
}

fn mail_of(reply: &DnsReply) -> Mail {
    match exchanges_of(reply).as_slice() {
        [] => Mail::Unsaid,
        [one] if one == "." => Mail::Refused,
        _ => Mail::Accepted,
    }
}
