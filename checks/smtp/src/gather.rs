//! One finding for one fault of a host, however many addresses show it.

use engine_plugin_api::{Actor, Confidence, Evidence, Finding, Judgement, Remedy, Severity, Subject, Unknown};

use crate::{facts::Server, text};

/// A fault that one session shows.
pub struct Fault {
    code: &'static str,
    host: String,
    address: String,
    /// What the host does, as the rest of a sentence, and further sentences:
    /// `offers no STARTTLS.`
    what: String,
    evidence: Vec<Evidence>,
    severity: Option<Severity>,
    confidence: Option<Confidence>,
    actor: Actor,
    remedy: Option<Remedy>,
}

impl Fault {
    /// A fault of `server`, for its operator to repair.
    pub fn new(code: &'static str, server: &Server, what: impl Into<String>) -> Self {
        Fault {
            code,
            host: server.host().to_owned(),
            address: server.address().to_string(),
            what: what.into(),
            evidence: Vec::new(),
            severity: None,
            confidence: None,
            actor: Actor::ServerOperator,
            remedy: None,
        }
    }

    /// Adds an observation.
    pub fn evidence(mut self, evidence: Evidence) -> Self {
        self.evidence.push(evidence);
        self
    }

    /// Replaces the page's severity.
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = Some(severity);
        self
    }

    /// Replaces the page's confidence.
    pub fn confidence(mut self, confidence: Confidence) -> Self {
        self.confidence = Some(confidence);
        self
    }

    /// Says who can put it right.
    pub fn actor(mut self, actor: Actor) -> Self {
        self.actor = actor;
        self
    }

    /// Says what to change.
    pub fn remedy(mut self, remedy: Remedy) -> Self {
        self.remedy = Some(remedy);
        self
    }
}

/// Faults and unknowns, until all servers are looked at.
#[derive(Default)]
pub struct Gathered {
    faults: Vec<Fault>,
    unknowns: Vec<Unknown>,
}

impl Gathered {
    /// Adds a fault.
    pub fn fault(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    /// Adds something that could not be told.
    pub fn unknown(&mut self, unknown: Unknown) {
        self.unknowns.push(unknown);
    }

    /// Whether nothing was added at all.
    pub fn is_empty(&self) -> bool {
        self.faults.is_empty() && self.unknowns.is_empty()
    }

    /// Gives each fault the severity that `weigh` says, if it says one.
    pub fn weigh(&mut self, weigh: impl Fn(&str) -> Option<Severity>) {
        for fault in &mut self.faults {
            fault.severity = weigh(fault.code).or(fault.severity);
        }
    }

    /// Joins what is one fault of one host.
    pub fn settle(self) -> Judgement {
        let mut judgement = Judgement::default();
        let mut groups: Vec<Vec<Fault>> = Vec::new();
        for fault in self.faults {
            let same = |group: &&mut Vec<Fault>| {
                group.first().is_some_and(|first| first.code == fault.code && first.host == fault.host)
            };
            match groups.iter_mut().find(same) {
                Some(group) => group.push(fault),
                None => groups.push(vec![fault]),
            }
        }
        judgement.findings = groups.into_iter().filter_map(joined).collect();
        judgement.unknowns = self.unknowns;
        judgement
    }
}

fn joined(group: Vec<Fault>) -> Option<Finding> {
    let mut told: Vec<(String, Vec<String>)> = Vec::new();
    for fault in &group {
        match told.iter_mut().find(|(what, _)| *what == fault.what) {
            Some((_, addresses)) => addresses.push(fault.address.clone()),
            None => told.push((fault.what.clone(), vec![fault.address.clone()])),
        }
    }
    let severity = group.iter().filter_map(|fault| fault.severity).max();
    let confidence = group.iter().filter_map(|fault| fault.confidence).min();
    let mut faults = group.into_iter();
    let first = faults.next()?;
    let sentences: Vec<String> =
        told.iter().map(|(what, addresses)| format!("{} ({}) {what}", first.host, text::list(addresses))).collect();
    let mut finding = Finding::new(first.code, Subject::Host(first.host), sentences.join(" ")).actor(first.actor);
    finding.severity = severity;
    finding.confidence = confidence;
    finding.remedy = first.remedy;
    finding.evidence = first.evidence;
    finding.evidence.extend(faults.flat_map(|fault| fault.evidence));
    Some(finding)
}
