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

    /// Joins what is one fault: of several addresses of a host, and of several
    /// hosts of the domain where it is the same in every word.
    pub fn settle(self, domain: &str) -> Judgement {
        let mut groups: Vec<Vec<Fault>> = Vec::new();
        for fault in self.faults {
            let same = |group: &&mut Vec<Fault>| group.first().is_some_and(|first| first.code == fault.code);
            match groups.iter_mut().find(same) {
                Some(group) => group.push(fault),
                None => groups.push(vec![fault]),
            }
        }
        let mut judgement = Judgement { unknowns: self.unknowns, ..Judgement::default() };
        for group in groups {
            let alike = group.iter().all(|fault| group.first().is_some_and(|first| first.what == fault.what));
            let hosts = by_host(group);
            if alike && hosts.len() > 1 {
                let places: Vec<String> = hosts.iter().map(|(host, faults)| place(host, faults.iter())).collect();
                let faults: Vec<Fault> = hosts.into_iter().flat_map(|(_, faults)| faults).collect();
                let seen = faults.first().map(|first| format!("Each of {} {}", text::list(&places), first.what));
                judgement
                    .findings
                    .extend(seen.and_then(|seen| joined(Subject::Domain(domain.to_owned()), seen, faults)));
                continue;
            }
            for (host, faults) in hosts {
                let seen = sentences(&host, &faults);
                judgement.findings.extend(joined(Subject::Host(host), seen, faults));
            }
        }
        judgement
    }
}

fn by_host(faults: Vec<Fault>) -> Vec<(String, Vec<Fault>)> {
    let mut hosts: Vec<(String, Vec<Fault>)> = Vec::new();
    for fault in faults {
        match hosts.iter_mut().find(|(host, _)| *host == fault.host) {
            Some((_, known)) => known.push(fault),
            None => hosts.push((fault.host.clone(), vec![fault])),
        }
    }
    hosts
}

/// `host (address and address)`.
fn place<'f>(host: &str, faults: impl Iterator<Item = &'f Fault>) -> String {
    let addresses: Vec<&str> = faults.map(|fault| fault.address.as_str()).collect();
    format!("{host} ({})", text::list(&addresses))
}

/// What each address of the host does, equal things once.
fn sentences(host: &str, faults: &[Fault]) -> String {
    let mut told: Vec<&str> = Vec::new();
    for fault in faults {
        if !told.contains(&fault.what.as_str()) {
            told.push(&fault.what);
        }
    }
    let sentence = |what: &&str| format!("{} {what}", place(host, faults.iter().filter(|fault| fault.what == **what)));
    told.iter().map(sentence).collect::<Vec<_>>().join(" ")
}

fn joined(subject: Subject, seen: String, faults: Vec<Fault>) -> Option<Finding> {
    let severity = faults.iter().filter_map(|fault| fault.severity).max();
    let confidence = faults.iter().filter_map(|fault| fault.confidence).min();
    let mut faults = faults.into_iter();
    let first = faults.next()?;
    let mut finding = Finding::new(first.code, subject, seen).actor(first.actor);
    finding.severity = severity;
    finding.confidence = confidence;
    finding.remedy = first.remedy;
    finding.evidence = first.evidence;
    finding.evidence.extend(faults.flat_map(|fault| fault.evidence));
    Some(finding)
}
