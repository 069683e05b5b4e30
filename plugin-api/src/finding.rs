//! Findings: what is wrong, how it is known, who must act and what to change.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::evidence::Evidence;

/// How bad a finding is, by its consequence for mail.
///
/// Ordered from harmless to harmful, so that `severity >= Severity::Warning`
/// reads as it should. A value that this version does not know is read as
/// [`Severity::Warning`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Something that matters was checked and is right.
    Pass,
    /// A fact worth knowing; nothing to do.
    Info,
    /// Differs from good practice; mail flows.
    Notice,
    /// Will break, or costs reputation.
    Warning,
    /// Some receivers refuse or lose mail.
    Error,
    /// Mail is lost, refused by most, or can be forged now.
    Critical,
}

impl Severity {
    /// All severities, harmless first.
    pub const ALL: [Severity; 6] =
        [Severity::Pass, Severity::Info, Severity::Notice, Severity::Warning, Severity::Error, Severity::Critical];

    /// The word used in reports, settings and pages.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Pass => "pass",
            Severity::Info => "info",
            Severity::Notice => "notice",
            Severity::Warning => "warning",
            Severity::Error => "error",
            Severity::Critical => "critical",
        }
    }

    /// The severity that `word` names, if any.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|severity| severity.word() == word)
    }
}

impl<'de> Deserialize<'de> for Severity {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        Ok(Severity::from_word(&word).unwrap_or(Severity::Warning))
    }
}

/// How sure the check is that the finding is true. A value that this version
/// does not know is read as [`Confidence::Low`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// An indication; other explanations are as likely.
    Low,
    /// The most likely explanation of what was seen.
    Medium,
    /// Seen directly and decided by a standard or the server's own words.
    High,
}

impl Confidence {
    /// The word used in reports and pages.
    pub fn word(self) -> &'static str {
        match self {
            Confidence::Low => "low",
            Confidence::Medium => "medium",
            Confidence::High => "high",
        }
    }

    /// The confidence that `word` names, if any.
    pub fn from_word(word: &str) -> Option<Self> {
        [Confidence::Low, Confidence::Medium, Confidence::High].into_iter().find(|confidence| confidence.word() == word)
    }
}

impl<'de> Deserialize<'de> for Confidence {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        Ok(Confidence::from_word(&word).unwrap_or(Confidence::Low))
    }
}

/// Who can put it right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Actor {
    /// Whoever wrote the message: to correct an address, an attachment, a login.
    Sender,
    /// Whoever runs the domain: its DNS zone and its mail set-up.
    DomainOwner,
    /// Whoever runs the mail server at fault.
    ServerOperator,
    /// The company that serves the DNS zone.
    DnsHost,
    /// Whoever holds the IP address: hosting company, ISP, cloud.
    IpOwner,
    /// The service that sends on the domain's behalf.
    SendingService,
    /// The receiving side.
    Receiver,
    /// Whoever runs the network that this check was made from.
    Network,
    /// Nobody: it passes by itself.
    Nobody,
    /// Somebody for whom this version has no word.
    #[serde(other)]
    Other,
}

impl Actor {
    /// How a person reads it, for example `the owner of the IP address`.
    pub fn phrase(self) -> &'static str {
        match self {
            Actor::Sender => "the sender of the message",
            Actor::DomainOwner => "the owner of the domain",
            Actor::ServerOperator => "the operator of the mail server",
            Actor::DnsHost => "the DNS host",
            Actor::IpOwner => "the owner of the IP address",
            Actor::SendingService => "the sending service",
            Actor::Receiver => "the receiver",
            Actor::Network => "the network that this was run from",
            Actor::Nobody => "nobody: wait",
            Actor::Other => "somebody for whom this engine has no word",
        }
    }
}

/// What a finding is about. A kind that this version does not know is read as
/// [`Subject::Other`], with its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(tag = "kind", content = "name", rename_all = "kebab-case")]
pub enum Subject {
    /// A domain, as A-labels without the final dot.
    Domain(String),
    /// A mail server's host name.
    Host(String),
    /// An IP address.
    Address(String),
    /// A mailbox, `local@domain`.
    Mailbox(String),
    /// A listing: what is listed and where, for example `192.0.2.1 in zen.spamhaus.org`.
    Listing(String),
    /// An SMTP reply or status code.
    Reply(String),
    /// Something else, by its name.
    Other(String),
}

impl<'de> Deserialize<'de> for Subject {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Members {
            kind: String,
            name: String,
        }
        let Members { kind, name } = Members::deserialize(deserializer)?;
        Ok(match kind.as_str() {
            "domain" => Subject::Domain(name),
            "host" => Subject::Host(name),
            "address" => Subject::Address(name),
            "mailbox" => Subject::Mailbox(name),
            "listing" => Subject::Listing(name),
            "reply" => Subject::Reply(name),
            _ => Subject::Other(name),
        })
    }
}

impl Subject {
    /// The bare name, without its kind.
    pub fn name(&self) -> &str {
        match self {
            Subject::Domain(name)
            | Subject::Host(name)
            | Subject::Address(name)
            | Subject::Mailbox(name)
            | Subject::Listing(name)
            | Subject::Reply(name)
            | Subject::Other(name) => name,
        }
    }
}

/// A DNS record to publish, in zone-file terms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Record {
    /// Owner name without the final dot.
    pub name: String,
    /// Type, for example `TXT`.
    #[serde(rename = "type")]
    pub rtype: String,
    /// The data in presentation form, for example `10 mail.example.org.`; a
    /// TXT's text stands without its quotes.
    pub value: String,
}

/// What to change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Remedy {
    /// The step, as a sentence in the imperative.
    pub step: String,
    /// Records to publish, ready to paste.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub publish: Vec<Record>,
    /// Records to take away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub withdraw: Vec<Record>,
    /// A server setting to make, ready to paste.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setting: Option<String>,
    /// Where to go, for example a delisting form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// When it takes effect, for example `after the record's TTL, 1 hour`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<String>,
}

impl Remedy {
    /// A remedy that is one step.
    pub fn step(step: impl Into<String>) -> Self {
        Remedy { step: step.into(), publish: Vec::new(), withdraw: Vec::new(), setting: None, url: None, effect: None }
    }

    /// Adds a record to publish.
    pub fn publish(mut self, name: impl Into<String>, rtype: impl Into<String>, value: impl Into<String>) -> Self {
        self.publish.push(Record { name: name.into(), rtype: rtype.into(), value: value.into() });
        self
    }

    /// Adds a record to take away.
    pub fn withdraw(mut self, name: impl Into<String>, rtype: impl Into<String>, value: impl Into<String>) -> Self {
        self.withdraw.push(Record { name: name.into(), rtype: rtype.into(), value: value.into() });
        self
    }

    /// Adds a server setting, one or more lines.
    pub fn setting(mut self, setting: impl Into<String>) -> Self {
        self.setting = Some(setting.into());
        self
    }

    /// Adds where to go.
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.url = Some(url.into());
        self
    }

    /// Says when it takes effect.
    pub fn effect(mut self, effect: impl Into<String>) -> Self {
        self.effect = Some(effect.into());
        self
    }

    /// Says that a changed record is seen everywhere once the old one has left
    /// all caches. `ttl`: the seconds left to the copy that was seen; a
    /// resolver counts them down, and another may have fetched its copy later.
    /// Without one, or where the remedy has no record yet, nothing is said.
    pub fn once_old_copies_expire(self, ttl: impl Into<Option<u32>>) -> Self {
        let has_record = !(self.publish.is_empty() && self.withdraw.is_empty());
        match ttl.into().filter(|_| has_record) {
            Some(ttl) => self.effect(format!(
                "once the old record has left all caches; the copy that was seen lives {} more",
                time_in_words(ttl)
            )),
            None => self,
        }
    }
}

/// Seconds as people say them: `1 hour`, `90 minutes`, `2 days`. Whole hours
/// and days are exact; all else is rounded up to the unit that keeps it short.
pub fn time_in_words(seconds: u32) -> String {
    let (count, unit) = match seconds {
        s if s >= 86_400 && s % 86_400 == 0 => (s / 86_400, "day"),
        s if s >= 3_600 && s % 3_600 == 0 && s < 172_800 => (s / 3_600, "hour"),
        0..120 => (seconds, "second"),
        120..7_200 => (seconds.div_ceil(60), "minute"),
        7_200..172_800 => (seconds.div_ceil(3_600), "hour"),
        _ => (seconds.div_ceil(86_400), "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// One thing found.
///
/// Severity, confidence, title and source come from the finding's page
/// ([`crate::FindingSpec`]) unless the check says otherwise here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// A code of the check's manifest, for example `mx-alias`.
    pub code: String,
    /// What it is about.
    pub subject: Subject,
    /// What was seen, in one or two sentences in the present tense.
    pub seen: String,
    /// Replaces the page's severity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// Replaces the page's confidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<Confidence>,
    /// The observations that it rests on, the most telling first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
    /// Who can put it right.
    pub actor: Actor,
    /// What to change; absent only where nothing is to be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<Remedy>,
}

impl Finding {
    /// A finding with its code, subject and what was seen; the domain's owner
    /// must act unless [`Finding::actor`] says otherwise.
    pub fn new(code: impl Into<String>, subject: Subject, seen: impl Into<String>) -> Self {
        Finding {
            code: code.into(),
            subject,
            seen: seen.into(),
            severity: None,
            confidence: None,
            evidence: Vec::new(),
            actor: Actor::DomainOwner,
            remedy: None,
        }
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

    /// Adds an observation.
    pub fn evidence(mut self, evidence: Evidence) -> Self {
        self.evidence.push(evidence);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_well() {
        for (seconds, words) in [
            (0, "0 seconds"),
            (60, "60 seconds"),
            (121, "3 minutes"),
            (3_600, "1 hour"),
            (5_400, "90 minutes"),
            (86_400, "1 day"),
            (90_000, "25 hours"),
            (172_800, "2 days"),
            (176_400, "3 days"),
            (u32::MAX, "49711 days"),
        ] {
            assert_eq!(time_in_words(seconds), words);
        }
        assert_eq!(Remedy::step("x").once_old_copies_expire(None), Remedy::step("x"));
    }
}
