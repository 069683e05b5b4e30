//! The top layer: names every exchange and keeps it.

use std::sync::{Arc, Mutex, PoisonError};

use engine_plugin_api::{BoxFuture, EvidenceId, ServiceError};

use super::{Answer, Layer, Observation, Request};
use crate::recording::{Exchange, Journal, Refusal};

/// A journal that the checks of a run write together.
pub type SharedJournal = Arc<Mutex<Journal>>;

/// Writes what one check asks, and what came of it, into the run's journal.
pub struct Recorder {
    /// The layer below.
    pub below: Arc<dyn Layer>,
    /// The run's journal.
    pub journal: SharedJournal,
    /// The check that asks.
    pub check: String,
}

impl Layer for Recorder {
    fn exchange(&self, request: Request) -> BoxFuture<'_, Result<Observation, ServiceError>> {
        Box::pin(async move {
            let id = evidence_id(&request);
            let mut result = self.below.exchange(request.clone()).await;
            let mut journal = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
            match &mut result {
                Ok(observation) => {
                    match &mut observation.answer {
                        Answer::Dns(reply) => reply.evidence = id.clone(),
                        Answer::Smtp(reply) => reply.evidence = id.clone(),
                        Answer::Http(reply) => reply.evidence = id.clone(),
                        Answer::Slept => {}
                    }
                    journal
                        .exchanges
                        .entry(id)
                        .or_insert_with(|| Exchange { request, observation: observation.clone() });
                }
                Err(error) => {
                    let refusal = Refusal { check: self.check.clone(), call: id, error: error.clone() };
                    if !journal.refusals.contains(&refusal) {
                        journal.refusals.push(refusal);
                    }
                }
            }
            result
        })
    }
}

/// The name of what a request will learn: the same for equal requests, and
/// readable.
pub fn evidence_id(request: &Request) -> EvidenceId {
    EvidenceId(match request {
        Request::Dns(question) => {
            let server = question.server.map(|server| format!("@{server}")).unwrap_or_default();
            let dnssec = if question.dnssec { "+dnssec" } else { "" };
            format!("dns:{}:{}{server}{dnssec}", question.rtype, question.name)
        }
        Request::Smtp(session) => {
            // What is not in the readable part tells apart sessions that differ in it.
            let mut rest = format!("{:?}{:?}{:?}", session.ehlo, session.starttls, session.envelope);
            if session.greeting_only {
                rest.push_str("greeting");
            }
            if !session.probes.is_empty() {
                rest.push_str(&format!("{:?}", session.probes));
            }
            let port = if session.port == 25 { String::new() } else { format!(":{}", session.port) };
            format!(
                "smtp:{}[{}]{port}#{}/{:04x}",
                session.host,
                session.address,
                session.attempt,
                fnv1a(&rest) & 0xffff
            )
        }
        Request::Http(request) => {
            let rest = format!("{}{}", request.path, request.max_body);
            let path: String = request.path.chars().take(100).flat_map(char::escape_default).collect();
            format!("https:{}{path}[{}]#{:04x}", request.host, request.address, fnv1a(&rest) & 0xffff)
        }
        Request::Sleep(duration) => format!("sleep:{}ms", duration.as_millis()),
    })
}

/// FNV-1a, 64 bits: the same on every machine and in every version.
fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}
