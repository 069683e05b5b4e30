//! A DNS without a network, in which the whole check runs.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    collections::BTreeMap,
    pin::pin,
    sync::{Arc, Mutex},
    task::{Context as TaskContext, Poll, Waker},
};

use engine_plugin_api::{
    BoxFuture, Check, Context, Emission, EvidenceId, Finding, Outcome, Reply, ServiceError, ServiceErrorKind, Services,
    Target, Unknown,
    serde_json::{self, Value},
    services::{CharacterString, DnsQuestion, DnsRecord, DnsReply, DnsStatus, RecordData, RecordType},
};

use crate::Dnsbl;

/// How a list's zone answers.
#[derive(Clone, Copy, PartialEq)]
pub enum Zone {
    /// Test entries for IPv4 and domains, and what is listed.
    Normal,
    /// The same, and the IPv6 test entry.
    WithIpv6,
    /// Every name is listed with this code.
    All(&'static str),
    /// Nothing is listed.
    Empty,
    /// The counter-entry is listed and nothing else.
    Inverted,
    /// No answer.
    Timeout,
    /// REFUSED.
    Refused,
}

/// Names and lists.
#[derive(Clone, Default)]
pub struct World {
    records: Vec<(String, RecordData)>,
    zones: BTreeMap<String, (Zone, Vec<(String, String)>)>,
    silent: Vec<String>,
}

/// What the check said.
pub struct Played {
    pub outcome: Outcome,
    pub findings: Vec<Finding>,
    pub unknowns: Vec<Unknown>,
    pub asked: Vec<String>,
}

const TEST: [&str; 2] = ["2.0.0.127", "test"];
const COUNTER: &str = "1.0.0.127";
const TEST_IPV6: &str = "2.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0";

impl World {
    /// `example.org` with one exchange at 25.25.1.1.
    pub fn with_exchange() -> Self {
        World::default().mx("example.org", "mx.example.org").a("mx.example.org", "25.25.1.1")
    }

    pub fn mx(mut self, name: &str, exchange: &str) -> Self {
        self.records.push((name.into(), RecordData::Mx { preference: 10, exchange: exchange.into() }));
        self
    }

    pub fn a(mut self, name: &str, address: &str) -> Self {
        let data = match address.parse().unwrap() {
            std::net::IpAddr::V4(address) => RecordData::A { address },
            std::net::IpAddr::V6(address) => RecordData::Aaaa { address },
        };
        self.records.push((name.into(), data));
        self
    }

    pub fn txt(mut self, name: &str, text: &str) -> Self {
        self.records.push((name.into(), RecordData::Txt { strings: vec![CharacterString(text.into())] }));
        self
    }

    /// A list whose zone answers as `zone`, with listings `(label, code)`.
    pub fn list(mut self, name: &str, zone: Zone, listed: &[(&str, &str)]) -> Self {
        let listed = listed.iter().map(|(label, code)| (label.to_string(), code.to_string())).collect();
        self.zones.insert(name.into(), (zone, listed));
        self
    }

    /// Leaves every question for `name` unanswered; `*` stands for all.
    pub fn silent(mut self, name: &str) -> Self {
        self.silent.push(name.into());
        self
    }

    /// Runs the check on `target` with `settings`.
    pub fn play(self, target: &Target, settings: Value) -> Played {
        let check = Dnsbl::new(serde_json::from_value(settings).unwrap()).unwrap();
        let host = Arc::new(Host { world: self, asked: Mutex::default(), emitted: Mutex::default() });
        let mut run = pin!(check.run(Context::new(host.clone()), target.clone()));
        let outcome = match run.as_mut().poll(&mut TaskContext::from_waker(Waker::noop())) {
            Poll::Ready(outcome) => outcome,
            Poll::Pending => panic!("the check waits for something that the world does not have"),
        };
        let (mut findings, mut unknowns) = (Vec::new(), Vec::new());
        for emission in host.emitted.lock().unwrap().drain(..) {
            match emission {
                Emission::Finding(finding) => findings.push(finding),
                Emission::Unknown(unknown) => unknowns.push(unknown),
                Emission::Stance(_) | Emission::Progress { .. } => {}
            }
        }
        let asked = host.asked.lock().unwrap().clone();
        Played { outcome, findings, unknowns, asked }
    }

    fn answer(&self, name: &str, rtype: RecordType) -> (DnsStatus, Vec<RecordData>) {
        if self.silent.iter().any(|silent| silent == "*" || silent == name) {
            return (DnsStatus::Timeout, Vec::new());
        }
        let mut data: Vec<RecordData> = self
            .records
            .iter()
            .filter(|(owner, data)| owner == name && is(data, rtype))
            .map(|(_, d)| d.clone())
            .collect();
        for (zone, (behaviour, listed)) in &self.zones {
            let Some(label) = name.strip_suffix(zone.as_str()).and_then(|label| label.strip_suffix('.')) else {
                continue;
            };
            let code = match behaviour {
                Zone::Timeout => return (DnsStatus::Timeout, Vec::new()),
                Zone::Refused => return (DnsStatus::Refused, Vec::new()),
                Zone::All(code) => Some((*code).to_owned()),
                Zone::Empty => None,
                Zone::Inverted => (label == COUNTER || label == "invalid").then(|| "127.0.0.2".to_owned()),
                Zone::Normal | Zone::WithIpv6 => {
                    let test = TEST.contains(&label) || (*behaviour == Zone::WithIpv6 && label == TEST_IPV6);
                    let of_label = listed.iter().find(|(known, _)| known == label).map(|(_, code)| code.clone());
                    of_label.or(test.then(|| "127.0.0.2".to_owned()))
                }
            };
            if rtype == RecordType::A {
                let addresses = code.iter().flat_map(|code| code.split(' '));
                data.extend(addresses.map(|address| RecordData::A { address: address.parse().unwrap() }));
            }
        }
        match data.is_empty() {
            true if self.records.iter().any(|(owner, _)| owner == name) => (DnsStatus::NoData, data),
            true => (DnsStatus::NxDomain, data),
            false => (DnsStatus::Answer, data),
        }
    }
}

fn is(data: &RecordData, rtype: RecordType) -> bool {
    matches!(
        (data, rtype),
        (RecordData::A { .. }, RecordType::A)
            | (RecordData::Aaaa { .. }, RecordType::Aaaa)
            | (RecordData::Mx { .. }, RecordType::Mx)
            | (RecordData::Txt { .. }, RecordType::Txt)
    )
}

struct Host {
    world: World,
    asked: Mutex<Vec<String>>,
    emitted: Mutex<Vec<Emission>>,
}

impl Services for Host {
    fn call(&self, method: String, _: Value, _: Vec<u8>) -> BoxFuture<'_, Result<Reply, ServiceError>> {
        Box::pin(async move { Err(ServiceError::new(ServiceErrorKind::Unsupported, method)) })
    }

    fn emit(&self, emission: Emission) {
        self.emitted.lock().unwrap().push(emission);
    }

    fn dns(&self, question: DnsQuestion) -> BoxFuture<'_, Result<DnsReply, ServiceError>> {
        self.asked.lock().unwrap().push(format!("{} {}", question.name, question.rtype));
        let (status, data) = self.world.answer(&question.name, question.rtype);
        let answers = data
            .into_iter()
            .map(|data| DnsRecord { name: question.name.clone(), rtype: question.rtype, ttl: 300, data })
            .collect();
        let detail = match status {
            DnsStatus::Timeout => format!("no answer for {} in 5 s", question.name),
            DnsStatus::Refused => "192.0.2.53 refuses".to_owned(),
            _ => String::new(),
        };
        let reply = DnsReply {
            evidence: EvidenceId(format!("dns:{}:{}", question.rtype, question.name)),
            status,
            detail,
            answers,
            rcode: None,
            flags: Default::default(),
            channel: Default::default(),
            authority: Vec::new(),
            extended_errors: Vec::new(),
            attempts: Vec::new(),
            refusal: None,
            question,
        };
        Box::pin(async move { Ok(reply) })
    }
}
