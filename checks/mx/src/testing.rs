//! A DNS without a network, in which the whole check runs.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    net::IpAddr,
    pin::pin,
    sync::{Arc, Mutex},
    task::{Context as TaskContext, Waker},
};

use engine_plugin_api::{
    BoxFuture, Check, Context, Emission, EvidenceId, Finding, Reply, ServiceError, ServiceErrorKind, Services, Target,
    Unknown,
    serde_json::Value,
    services::{DnsQuestion, DnsRecord, DnsReply, DnsStatus, RecordData, RecordType},
};

use crate::{Config, Mx};

/// Zone lines `name. TYPE data`, and what goes wrong. `name. SOA` starts a zone;
/// a type without data makes the name exist.
#[derive(Default)]
pub struct World {
    zone: Vec<DnsRecord>,
    views: Vec<(IpAddr, Vec<DnsRecord>)>,
    silent: Vec<String>,
    without_authority: Vec<IpAddr>,
    asked: Mutex<Vec<String>>,
    emitted: Mutex<Vec<Emission>>,
}

/// What the check said.
pub struct Played {
    pub findings: Vec<Finding>,
    pub unknowns: Vec<Unknown>,
    asked: Vec<String>,
}

impl Played {
    /// Questions asked more than once.
    pub fn asked_twice(&self) -> Vec<String> {
        let mut asked = self.asked.clone();
        asked.sort();
        asked.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0].clone()).collect()
    }
}

impl World {
    pub fn new(zone: &str) -> Self {
        World { zone: records(zone), ..World::default() }
    }

    /// Lets the server at `ip` serve `zone` in the place of the common one.
    pub fn view(mut self, ip: &str, zone: &str) -> Self {
        self.views.push((ip.parse().unwrap(), records(zone)));
        self
    }

    /// Leaves a question unanswered: `name TYPE` or `name TYPE @server`.
    pub fn silent(mut self, question: &str) -> Self {
        self.silent.push(question.to_owned());
        self
    }

    /// Takes the AA bit from the server at `ip`.
    pub fn without_authority(mut self, ip: &str) -> Self {
        self.without_authority.push(ip.parse().unwrap());
        self
    }

    pub fn play(self, domain: &str, config: Config) -> Played {
        let world = Arc::new(self);
        let cx = Context::new(world.clone());
        let mx = Mx::new(config).unwrap();
        // Every answer is ready at once, so that one poll runs the check to its end.
        let mut run = pin!(mx.run(cx, Target::domain(domain)));
        let mut task = TaskContext::from_waker(Waker::noop());
        while run.as_mut().poll(&mut task).is_pending() {}
        let mut played = Played { findings: vec![], unknowns: vec![], asked: world.asked.lock().unwrap().clone() };
        for emission in world.emitted.lock().unwrap().drain(..) {
            match emission {
                Emission::Finding(finding) => played.findings.push(finding),
                Emission::Unknown(unknown) => played.unknowns.push(unknown),
                Emission::Stance(_) | Emission::Progress { .. } => {}
            }
        }
        played
    }

    fn answer(&self, question: DnsQuestion) -> DnsReply {
        let mut key = format!("{} {}", question.name, question.rtype);
        if let Some(server) = question.server {
            key.push_str(&format!(" @{server}"));
        }
        self.asked.lock().unwrap().push(key.clone());
        let zone = self.views.iter().find(|(ip, _)| question.server == Some(*ip)).map_or(&self.zone, |(_, zone)| zone);
        let mut reply = DnsReply::not_asked(
            question.clone(),
            engine_plugin_api::Cause::new(engine_plugin_api::CauseKind::Timeout, "no answer in 5 s"),
        );
        reply.evidence = EvidenceId(format!("dns:{key}"));
        reply.status = DnsStatus::Timeout;
        if self.silent.contains(&key) {
            return reply;
        }
        (reply.refusal, reply.detail) = (None, String::new());
        reply.flags.authoritative = question.server.is_some_and(|server| !self.without_authority.contains(&server));
        let mut name = question.name.clone();
        loop {
            let here = zone.iter().filter(|record| record.name == name);
            reply.answers.extend(here.clone().filter(|record| record.rtype == question.rtype).cloned());
            let alias = here.clone().find(|record| record.rtype == RecordType::Cname);
            let found = reply.records().count();
            reply.status = match (found, here.count()) {
                (1.., _) => DnsStatus::Answer,
                (0, 0) => DnsStatus::NxDomain,
                (0, _) => DnsStatus::NoData,
            };
            let Some(DnsRecord { data: RecordData::Cname { target }, .. }) = alias else { break };
            reply.answers.extend(alias.cloned());
            name = target.clone();
        }
        if reply.status != DnsStatus::Answer {
            let above = |soa: &&DnsRecord| {
                soa.rtype == RecordType::Soa && format!(".{name}").ends_with(&format!(".{}", soa.name))
            };
            reply.authority = zone.iter().filter(above).max_by_key(|soa| soa.name.len()).cloned().into_iter().collect();
        }
        reply
    }
}

impl Services for World {
    fn call(&self, method: String, _: Value, _: Vec<u8>) -> BoxFuture<'_, Result<Reply, ServiceError>> {
        Box::pin(async { Err(ServiceError::new(ServiceErrorKind::Unsupported, method)) })
    }

    fn emit(&self, emission: Emission) {
        self.emitted.lock().unwrap().push(emission);
    }

    fn dns(&self, question: DnsQuestion) -> BoxFuture<'_, Result<DnsReply, ServiceError>> {
        Box::pin(async move { Ok(self.answer(question)) })
    }
}

fn records(zone: &str) -> Vec<DnsRecord> {
    zone.lines().map(str::trim).filter(|line| !line.is_empty()).map(record).collect()
}

fn record(line: &str) -> DnsRecord {
    let words: Vec<&str> = line.split_whitespace().collect();
    let name = |word: &str| if word == "." { ".".to_owned() } else { word.strip_suffix('.').expect(line).to_owned() };
    let data = match words[1..] {
        ["A", ip] => RecordData::A { address: ip.parse().expect(line) },
        ["AAAA", ip] => RecordData::Aaaa { address: ip.parse().expect(line) },
        ["MX", preference, exchange] => {
            RecordData::Mx { preference: preference.parse().expect(line), exchange: name(exchange) }
        }
        ["NS", target] => RecordData::Ns { target: name(target) },
        ["CNAME", target] => RecordData::Cname { target: name(target) },
        ["TXT"] => RecordData::Txt { strings: vec![] },
        ["SOA"] => RecordData::Soa { mname: ".".into(), rname: ".".into(), serial: 1, minimum: 300 },
        _ => panic!("what is {line}?"),
    };
    DnsRecord { name: name(words[0]), rtype: RecordType::from_mnemonic(words[1]).expect(line), ttl: 3600, data }
}
