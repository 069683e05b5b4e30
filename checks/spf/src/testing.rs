//! A host that answers from a few zone lines, for tests.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    collections::BTreeMap,
    future::Future,
    pin::pin,
    sync::{Arc, Mutex},
    task::{Poll, Waker},
};

use engine_plugin_api::{
    BoxFuture, Cause, CauseKind, Context, Emission, EvidenceId, Finding, Judgement, Reply, ServiceError,
    ServiceErrorKind, Services, Target,
    serde_json::Value,
    services::{CharacterString, DnsQuestion, DnsRecord, DnsReply, DnsStatus, RecordData, RecordType},
};

use crate::{
    Config,
    facts::Facts,
    judge,
    observe::{follow_up, observe},
};

/// A world of lines `name TYPE data`; a TXT's strings stand apart by `|`. A
/// name in no line does not exist; type `FAIL` fails every question. A CNAME
/// is followed once.
pub struct World {
    zone: Vec<(String, String, String)>,
    asked: Mutex<Vec<String>>,
}

impl Services for World {
    fn call(&self, method: String, _: Value, _: Vec<u8>) -> BoxFuture<'_, Result<Reply, ServiceError>> {
        Box::pin(async move { Err(ServiceError::new(ServiceErrorKind::Unsupported, method)) })
    }

    fn emit(&self, _: Emission) {}

    fn dns(&self, question: DnsQuestion) -> BoxFuture<'_, Result<DnsReply, ServiceError>> {
        self.asked.lock().unwrap().push(format!("{} {}", question.name, question.rtype));
        Box::pin(async move { Ok(self.answer(question)) })
    }
}

impl World {
    fn answer(&self, question: DnsQuestion) -> DnsReply {
        let alias = self.zone.iter().find(|(name, rtype, _)| *name == question.name && rtype == "CNAME");
        let owner = alias.map_or(&question.name, |(.., target)| target);
        let cname = alias.map(|(name, _, target)| DnsRecord {
            name: name.clone(),
            rtype: RecordType::Cname,
            ttl: 3600,
            data: RecordData::Cname { target: target.clone() },
        });
        let named: Vec<_> = self.zone.iter().filter(|(name, ..)| name == owner).collect();
        let answers: Vec<DnsRecord> = named
            .iter()
            .filter(|(_, rtype, _)| *rtype == question.rtype.to_string())
            .map(|(name, _, data)| DnsRecord {
                name: name.clone(),
                rtype: question.rtype,
                ttl: 3600,
                data: record(question.rtype, data),
            })
            .collect();
        let status = match (named.is_empty(), answers.is_empty()) {
            _ if named.iter().any(|(_, rtype, _)| rtype == "FAIL") => DnsStatus::Timeout,
            (true, _) => DnsStatus::NxDomain,
            (_, true) => DnsStatus::NoData,
            _ => DnsStatus::Answer,
        };
        let answers = cname.into_iter().chain(answers).collect();
        let evidence = EvidenceId(format!("dns:{}:{}", question.rtype, question.name));
        let reply = DnsReply::not_asked(question, Cause::new(CauseKind::Other, "no answer in 5 s"));
        DnsReply { evidence, status, answers, refusal: None, ..reply }
    }
}

fn record(rtype: RecordType, data: &str) -> RecordData {
    let strings = || data.split('|').map(|string| CharacterString(string.as_bytes().to_vec())).collect();
    match rtype {
        RecordType::Txt => RecordData::Txt { strings: strings() },
        RecordType::Spf => RecordData::Spf { strings: strings() },
        RecordType::A => RecordData::A { address: data.parse().unwrap() },
        RecordType::Aaaa => RecordData::Aaaa { address: data.parse().unwrap() },
        RecordType::Mx => RecordData::Mx { preference: 10, exchange: data.to_owned() },
        RecordType::Ptr => RecordData::Ptr { target: data.to_owned() },
        _ => RecordData::Other { rdata: String::new() },
    }
}

/// Observes `target` in a world.
pub fn facts(target: &Target, lines: &[&str]) -> (Facts, Vec<String>) {
    let zone = lines
        .iter()
        .map(|line| {
            let mut words = line.splitn(3, ' ').map(str::to_owned);
            (words.next().unwrap(), words.next().unwrap(), words.next().unwrap_or_default())
        })
        .collect();
    let world = Arc::new(World { zone, asked: Mutex::default() });
    let cx = Context::new(world.clone());
    let config = Config::default();
    let mut facts = run(observe(&cx, target.domain.as_deref().unwrap(), target, &config));
    run(follow_up(&cx, &mut facts, &config));
    let asked = world.asked.lock().unwrap().clone();
    (facts, asked)
}

/// Judges `target` in a world; no two remedies may offer different records for one name.
pub fn judged(target: &Target, lines: &[&str]) -> Judgement {
    let judgement = judge(&facts(target, lines).0, &Config::default());
    // Two records for one name would undo each other's repair, or stand beside each other.
    let mut offered: BTreeMap<&str, &str> = BTreeMap::new();
    let remedies = judgement.findings.iter().filter_map(|finding| finding.remedy.as_ref());
    for record in remedies.flat_map(|remedy| &remedy.publish).filter(|record| record.rtype == "TXT") {
        let first = *offered.entry(&record.name).or_insert(&record.value);
        assert_eq!(first, record.value, "two records for {} in {judgement:#?}", record.name);
    }
    judgement
}

/// The codes of a judgement, sorted.
pub fn codes(judgement: &Judgement) -> Vec<&str> {
    let mut codes: Vec<&str> = judgement.findings.iter().map(|finding| finding.code.as_str()).collect();
    codes.sort_unstable();
    codes
}

/// The finding with this code.
pub fn find<'j>(judgement: &'j Judgement, code: &str) -> &'j Finding {
    judgement
        .findings
        .iter()
        .find(|finding| finding.code == code)
        .unwrap_or_else(|| panic!("no {code}: {judgement:#?}"))
}

/// The part of the first quotation that a caret points at.
pub fn pointed(finding: &Finding) -> &str {
    let quote = finding.evidence.iter().find_map(|evidence| evidence.quote.as_ref()).unwrap();
    let span = quote.span.unwrap();
    &quote.text[span.start..span.end]
}

/// The text that a finding's remedy publishes.
pub fn published(finding: &Finding) -> Option<&str> {
    finding.remedy.as_ref()?.publish.first().map(|record| record.value.as_str())
}

/// The host answers at once, so that nothing ever waits.
fn run<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = std::task::Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
    }
}
