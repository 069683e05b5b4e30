//! Which checks prove or refute a reason: `data/proofs.toml`.

use std::{collections::BTreeMap, sync::OnceLock};

use engine_core::registry::Registry;
use engine_plugin_api::{
    Severity, Target,
    serde_json::{Value, json},
};
use serde::Deserialize;
use smtp_reasons::Reason;

use crate::stated::{Stated, Subjects};

/// Whom a check examines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Of {
    /// The sender's domain.
    Sender,
    /// The recipient and its domain.
    Recipient,
    /// The sending address.
    Address,
}

/// A check that proves or refutes reasons.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Proof {
    /// The reasons.
    pub reasons: Vec<Reason>,
    /// The check.
    pub check: String,
    /// Whom it examines.
    pub of: Of,
    /// Codes that confirm where they are worse than [`Proof::above`].
    pub confirms: Vec<String>,
    /// The worst severity that confirms nothing.
    #[serde(default = "info")]
    pub above: Severity,
    /// Codes that confirm, fault or none, where none refutes and they are about the
    /// very domain that is examined.
    #[serde(default)]
    pub states: Vec<String>,
    /// The like, where they are a pass: as information they say less.
    #[serde(default)]
    pub passes: Vec<String>,
    /// Codes that refute.
    pub refutes: Vec<String>,
    /// Codes that are told where nothing decides.
    #[serde(default)]
    pub leaves_open: Vec<String>,
    /// Whether the cause can be true only where this is confirmed, which alone confirms nothing.
    #[serde(default)]
    pub needed: bool,
    /// Whether it is for a stated error of the evaluation ([`Stated::error`]).
    #[serde(default)]
    pub error: bool,
    /// Whether a failure of the other side confirms, too.
    #[serde(default)]
    pub failure_confirms: bool,
    /// What it finds out, after "whether".
    pub why: String,
}

fn info() -> Severity {
    Severity::Info
}

/// A symptom in words.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Symptom {
    /// Its name.
    pub word: String,
    /// Words that mean it.
    pub says: Vec<String>,
    /// What it says.
    pub title: String,
    /// Whose domain is given with it.
    pub of: Of,
    /// The reasons that may be behind it; never empty.
    pub reasons: Vec<Reason>,
}

/// All proofs and symptoms.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proofs {
    proof: Vec<Proof>,
    symptom: Vec<Symptom>,
}

/// A check to run for a stated cause.
#[derive(Clone, Debug)]
pub struct Step {
    /// The proof.
    pub proof: Proof,
    /// What it examines.
    pub target: Target,
    /// Settings of the check.
    pub settings: BTreeMap<String, Value>,
}

/// A check that cannot be run for a stated cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The check.
    pub check: String,
    /// Why, as a sentence.
    pub why: String,
}

impl Proofs {
    /// The shipped ones.
    pub fn shipped() -> &'static Proofs {
        static PROOFS: OnceLock<Proofs> = OnceLock::new();
        PROOFS.get_or_init(|| match toml::from_str(include_str!("../data/proofs.toml")) {
            Ok(proofs) => proofs,
            // A test reads the same text.
            Err(error) => panic!("data/proofs.toml: {error}"),
        })
    }

    /// Every proof, in order.
    pub fn all(&self) -> &[Proof] {
        &self.proof
    }

    /// The symptom that `text` names or describes.
    pub fn symptom(&self, text: &str) -> Option<&Symptom> {
        let text = text.trim().to_lowercase();
        self.symptom.iter().find(|symptom| symptom.word == text).or_else(|| {
            self.symptom.iter().find(|symptom| symptom.says.iter().any(|says| text.contains(says.as_str())))
        })
    }

    /// The names of the symptoms.
    pub fn symptoms(&self) -> impl Iterator<Item = &str> {
        self.symptom.iter().map(|symptom| symptom.word.as_str())
    }

    /// What to run for `stated`, and what cannot be run.
    pub fn plan(&self, stated: &Stated, registry: &Registry) -> (Vec<Step>, Vec<Missing>) {
        let (mut steps, mut missing): (Vec<Step>, Vec<Missing>) = (Vec::new(), Vec::new());
        let asked = |proof: &&Proof| {
            (proof.error == stated.error && proof.reasons.contains(&stated.reason))
                || (!proof.error && proof.reasons.iter().any(|reason| stated.also.contains(reason)))
        };
        for proof in self.proof.iter().filter(asked) {
            if steps.iter().any(|step| step.proof.check == proof.check && step.proof.of == proof.of) {
                continue;
            }
            if registry.check(&proof.check).is_none() {
                missing.push(Missing { check: proof.check.clone(), why: "this engine has no such check".to_owned() });
                continue;
            }
            match target(proof, &stated.subjects) {
                Ok(target) => {
                    steps.push(Step { settings: settings(proof, &stated.subjects), proof: proof.clone(), target })
                }
                Err(why) => missing.push(Missing { check: proof.check.clone(), why: why.to_owned() }),
            }
        }
        (steps, missing)
    }
}

/// What a proof examines, or what is missing for it.
fn target(proof: &Proof, subjects: &Subjects) -> Result<Target, &'static str> {
    let target = match proof.of {
        Of::Sender => {
            let domain =
                subjects.sender_domain.clone().ok_or("the sender's domain is not known: give it with --domain")?;
            // SPF is about the envelope; the domain of the header alone has no sender.
            let sender = subjects.sender.clone().filter(|_| proof.check == "spf");
            let domain = sender.as_deref().and_then(Target::domain_of).unwrap_or(domain);
            // What is signed is the message; a domain alone shows its keys only.
            let message = subjects.message.clone().filter(|_| proof.check == "dkim");
            Target {
                shown: message.as_ref().map_or_else(|| domain.clone(), |message| message.name.clone()),
                message,
                domain: Some(domain),
                sender,
                ip: subjects.ip,
                helo: subjects.helo.clone(),
                ..Target::default()
            }
        }
        Of::Recipient => {
            let domain = subjects
                .recipient_domain
                .clone()
                .ok_or("the recipient's domain is not known: give it with --domain")?;
            let recipient = subjects.recipient.clone();
            Target { shown: domain.clone(), domain: Some(domain), recipient, ..Target::default() }
        }
        Of::Address => {
            let ip = subjects.ip.ok_or("the sending address is not known: give it with --ip")?;
            let helo = subjects.helo.clone();
            Target { shown: ip.to_string(), ip: Some(ip), helo, ..Target::default() }
        }
    };
    Ok(target)
}

/// That list alone which the cause names, and the keys that the message is signed with.
fn settings(proof: &Proof, subjects: &Subjects) -> BTreeMap<String, Value> {
    let own = match proof.check.as_str() {
        "dnsbl" if !subjects.lists.is_empty() => json!({ "lists": subjects.lists }),
        // Its signatures name the keys that count.
        "dkim" if subjects.message.is_some() => json!({ "selectors": [], "guesses": 0 }),
        "dkim" if !subjects.selectors.is_empty() => json!({ "selectors": subjects.selectors, "guesses": 0 }),
        _ => return BTreeMap::new(),
    };
    BTreeMap::from([(proof.check.clone(), own)])
}
