//! What is stated: by a bounce, a reply, a symptom.

use std::net::IpAddr;

use bounce::{Kind, Recipient, Report};
use engine_plugin_api::{Actor, Message, Quote, Remedy, Span, Target};
use smtp_reasons::{Explanation, Knowledge, Reason};

use crate::{
    evaluation::EvaluationError,
    proofs::{Of, Proofs},
};

/// The most causes that are followed up.
const MOST: usize = 5;
/// The most bytes of a quotation.
const LONGEST: usize = 400;

/// What the user said beside it.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// The domain: the sender's for causes on that side, else the recipient's.
    pub domain: Option<String>,
    /// The sending address.
    pub ip: Option<IpAddr>,
    /// The HELO name.
    pub helo: Option<String>,
}

/// Whom the checks examine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subjects {
    /// The domain of the From header, else of the envelope sender.
    pub sender_domain: Option<String>,
    /// The envelope sender.
    pub sender: Option<String>,
    /// The recipient.
    pub recipient: Option<String>,
    /// The recipient's domain.
    pub recipient_domain: Option<String>,
    /// The sending address.
    pub ip: Option<IpAddr>,
    /// The HELO name.
    pub helo: Option<String>,
    /// The blocklist zones that are named.
    pub lists: Vec<String>,
    /// The DKIM selectors with which the returned message is signed for the sender's domain.
    pub selectors: Vec<String>,
    /// The returned message, where it came back whole.
    pub message: Option<Message>,
    /// Whether the returned message is signed, where its header is known.
    pub signed: Option<bool>,
}

/// A stated cause, and whom to examine for it.
#[derive(Clone, Debug)]
pub struct Stated {
    /// The reason.
    pub reason: Reason,
    /// Further reasons whose proofs count: what stood behind a time-out, or the causes of a symptom.
    pub also: Vec<Reason>,
    /// Whether it says that the evaluation itself ended in an error.
    pub error: bool,
    /// What it says, as a person reads it.
    pub title: String,
    /// The recipient.
    pub recipient: Option<String>,
    /// The codes, possibly empty.
    pub codes: String,
    /// The words that state it.
    pub quote: Option<Quote>,
    /// What to do if nothing better is found.
    pub remedy: Remedy,
    /// Who must do it.
    pub actor: Actor,
    /// Whom to examine.
    pub subjects: Subjects,
}

/// The causes that a reply or symptom states; empty when the text is neither.
pub fn stated(text: &str, given: &Given, proofs: &Proofs) -> Vec<Stated> {
    let found = stated_of_reply(text, given);
    if !found.is_empty() {
        return found;
    }
    proofs.symptom(text).map(|symptom| of_symptom(symptom, given)).into_iter().collect()
}

fn of_symptom(symptom: &crate::Symptom, given: &Given) -> Stated {
    let reason = symptom.reasons[0];
    let entry = Knowledge::builtin().reason(reason);
    let mut subjects = Subjects { ip: given.ip, helo: given.helo.clone(), ..Subjects::default() };
    match symptom.of {
        Of::Recipient => {
            subjects.recipient_domain = given.domain.clone();
            // The one mailbox that every domain must have (RFC 5321 §4.5.1).
            subjects.recipient = given.domain.as_ref().map(|domain| format!("postmaster@{domain}"));
        }
        Of::Sender | Of::Address => {
            subjects.sender = given.domain.as_ref().map(|domain| format!("postmaster@{domain}"));
            subjects.sender_domain = given.domain.clone();
        }
    }
    Stated {
        reason,
        also: symptom.reasons[1..].to_vec(),
        error: false,
        title: symptom.title.clone(),
        recipient: None,
        codes: String::new(),
        quote: None,
        remedy: Remedy::step(entry.remedy.clone()),
        actor: entry.actor.into(),
        subjects,
    }
}

/// The causes that a pasted reply states, each once; replies without codes and
/// known words state none.
pub fn stated_of_reply(text: &str, given: &Given) -> Vec<Stated> {
    let (_, explained) = smtp_reasons::explain(text);
    let mut found: Vec<Stated> = Vec::new();
    for e in explained.iter().filter(|e| e.reason.id.is_refusal()) {
        let named = !e.reply.code_text().is_empty();
        if found.iter().any(|other| other.reason == e.reason.id) || (!named && e.reason.id == Reason::Unexplained) {
            continue;
        }
        // A symptom in words is no reply.
        if !named && e.certainty != smtp_reasons::Certainty::High {
            continue;
        }
        let recipient = e.reply.elements.mailboxes.first().map(|m| m.value.clone());
        let mut subjects = Subjects {
            recipient_domain: recipient.as_deref().and_then(Target::domain_of),
            recipient: recipient.clone(),
            ..Subjects::default()
        };
        fill(&mut subjects, e, given);
        if on_recipient(e.reason.id) {
            subjects.recipient_domain = subjects.recipient_domain.or_else(|| given.domain.clone());
            subjects.recipient =
                subjects.recipient.or_else(|| subjects.recipient_domain.as_ref().map(|d| format!("postmaster@{d}")));
        } else {
            subjects.sender_domain = given.domain.clone();
            subjects.sender = given.domain.as_ref().map(|domain| format!("postmaster@{domain}"));
        }
        let error = EvaluationError::said(e, text);
        found.push(Stated {
            reason: e.reason.id,
            also: Vec::new(),
            error: error.is_some(),
            title: error.map_or(e.reason.title.as_str(), |error| error.title).to_owned(),
            recipient,
            codes: e.reply.code_text(),
            quote: Some(quote(text, e.reply.said.clone(), e.telling.clone())),
            remedy: Remedy::step(error.map_or(e.remedy, |error| error.remedy)),
            actor: e.actor.into(),
            subjects,
        });
        if found.len() == MOST {
            break;
        }
    }
    found
}

/// The causes that a bounce states, each once.
pub fn stated_of_bounce(report: &Report, given: &Given) -> Vec<Stated> {
    if !matches!(report.kind, Kind::Bounce | Kind::Delay) {
        return Vec::new();
    }
    let mut found: Vec<Stated> = Vec::new();
    for recipient in report.recipients.iter().filter(|r| r.reason.is_refusal()) {
        if found.iter().any(|other| other.reason == recipient.reason) {
            continue;
        }
        found.push(of_recipient(report, recipient, given));
        if found.len() == MOST {
            break;
        }
    }
    found
}

fn of_recipient(report: &Report, recipient: &Recipient, given: &Given) -> Stated {
    let entry = Knowledge::builtin().reason(recipient.reason);
    let original = report.original.as_ref();
    let header = |name: &str| original.and_then(|original| original.get(name));
    let mailbox = |text: &str| {
        let inner = text.rsplit_once('<').map_or(text, |(_, rest)| rest.split('>').next().unwrap_or(rest));
        Some(inner.trim().to_owned()).filter(|address| address.contains('@') && !address.contains(char::is_whitespace))
    };
    let from = header("From").and_then(mailbox);
    let envelope = header("Return-Path").and_then(mailbox).or_else(|| from.clone());
    let signatures: Vec<&str> = original
        .map(|o| {
            o.headers
                .iter()
                .filter(|(name, _)| name.eq_ignore_ascii_case("DKIM-Signature"))
                .map(|(_, v)| v.as_str())
                .collect()
        })
        .unwrap_or_default();
    let sender_domain =
        given.domain.clone().or_else(|| from.as_deref().or(envelope.as_deref()).and_then(Target::domain_of));
    // A selector means nothing under another domain (RFC 6376 §3.6.2.1).
    let own = |signature: &&&str| {
        tag(signature, "d").zip(sender_domain.as_deref()).is_some_and(|(d, own)| d.eq_ignore_ascii_case(own))
    };
    let selectors =
        signatures.iter().filter(own).filter_map(|signature| tag(signature, "s")).map(str::to_owned).take(5).collect();
    let mut subjects = Subjects {
        selectors,
        message: original.and_then(|o| o.whole.as_deref()).map(|bytes| Message::new("the returned message", bytes)),
        sender: envelope,
        recipient_domain: Target::domain_of(&recipient.address),
        recipient: Some(recipient.address.clone()),
        sender_domain,
        // A header without Received or Message-ID was cut down: it proves nothing.
        signed: original
            .filter(|o| o.get("Message-ID").is_some() || o.get("Received").is_some())
            .map(|_| !signatures.is_empty()),
        ..Subjects::default()
    };
    let (_, explained) = smtp_reasons::explain(&recipient.diagnostic);
    let own = explained.iter().find(|e| e.reason.id == recipient.reason).or(explained.first());
    if let Some(e) = own {
        fill(&mut subjects, e, given);
    } else {
        subjects.ip = given.ip;
        subjects.helo = given.helo.clone();
    }
    let error =
        own.filter(|e| e.reason.id == recipient.reason).and_then(|e| EvaluationError::said(e, &recipient.diagnostic));
    let codes = [recipient.code.map(|c| c.to_string()), recipient.status.map(|s| s.to_string())];
    Stated {
        reason: recipient.reason,
        also: recipient.underlying.into_iter().collect(),
        error: error.is_some(),
        title: error.map_or(entry.title.as_str(), |error| error.title).to_owned(),
        recipient: Some(recipient.address.clone()),
        codes: codes.into_iter().flatten().collect::<Vec<_>>().join(" "),
        quote: (!recipient.diagnostic.is_empty())
            .then(|| quote(&recipient.diagnostic, 0..recipient.diagnostic.len(), recipient.telling.clone())),
        remedy: Remedy::step(
            error
                .map(|error| error.remedy)
                .or(own.filter(|e| e.reason.id == recipient.reason).map(|e| e.remedy))
                .unwrap_or(&entry.remedy),
        ),
        actor: own.filter(|e| e.reason.id == recipient.reason).map_or(entry.actor, |e| e.actor).into(),
        subjects,
    }
}

/// The sending address and the lists that the reply names; what the user gave wins.
fn fill(subjects: &mut Subjects, e: &Explanation<'_>, given: &Given) {
    let said = e.reply.elements.addresses.iter().filter(|a| a.span.start >= e.reply.said.start);
    subjects.ip = given.ip.or_else(|| said.map(|a| a.value).next());
    subjects.helo = given.helo.clone();
    subjects.lists = e.reply.elements.zones.iter().map(|zone| zone.value.clone()).take(3).collect();
}

/// The value of a tag in a `tag=value;` list (RFC 6376 §3.2).
fn tag<'t>(list: &'t str, name: &str) -> Option<&'t str> {
    list.split(';')
        .filter_map(|part| part.split_once('='))
        .find(|(own, _)| own.trim() == name)
        .map(|(_, value)| value.trim())
}

/// Whether a cause lies on the recipient's side, so that the domain given is the recipient's.
fn on_recipient(reason: Reason) -> bool {
    !matches!(
        reason,
        Reason::Spf
            | Reason::Dkim
            | Reason::Dmarc
            | Reason::Unauthenticated
            | Reason::Blocklisted
            | Reason::Reputation
            | Reason::ReverseDns
            | Reason::Helo
            | Reason::SenderRefused
            | Reason::Policy
            | Reason::Spam
            | Reason::RateLimited
            | Reason::LoginRequired
            | Reason::LoginRefused
    )
}

fn quote(text: &str, whole: std::ops::Range<usize>, part: Option<std::ops::Range<usize>>) -> Quote {
    let boundary = |at: usize| (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let end = part.as_ref().map_or(whole.start, |part| part.end);
    let from =
        if end > whole.start + LONGEST { boundary(end.saturating_sub(LONGEST / 2)) } else { boundary(whole.start) };
    let to = boundary(whole.end.min(from + LONGEST)).max(from);
    let shown = text[from..to].trim_end().replace(['\r', '\n', '\t'], " ");
    let span = part
        .filter(|p| p.start >= from && p.end <= from + shown.len())
        .map(|p| Span::new(p.start - from, p.end - from));
    Quote { text: shown, span, label: None }
}
