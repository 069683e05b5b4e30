//! The JSON that crosses the C layer beside the types of the contract, and how
//! a status and a [`ServiceErrorKind`] say the same thing.

use serde::{Deserialize, Serialize};

use crate::{
    abi::{self, Status},
    check::Manifest,
    context::ServiceErrorKind,
    message::Message,
    target::Target,
};

/// What a plugin says of itself ([`abi::PluginTable::manifest`]).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PluginDocument {
    /// Its checks, at least one.
    pub checks: Vec<Manifest>,
    /// What it was made with, for messages, for example `rust 0.1.0`.
    #[serde(default)]
    pub sdk: String,
}

/// A line for whoever debugs a plugin ([`abi::KIND_LOG`]).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// `error`, `warn`, `info`, `debug` or `trace`; any other word is read as `debug`.
    #[serde(default)]
    pub level: String,
    /// The part of the plugin that speaks, possibly empty.
    #[serde(default)]
    pub target: String,
    /// The words.
    #[serde(default)]
    pub message: String,
}

/// A panic that the plugin itself has caught ([`abi::KIND_PANIC`]).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PanicNote {
    /// Its words.
    #[serde(default)]
    pub message: String,
    /// `file:line`, empty when it is not known.
    #[serde(default)]
    pub location: String,
}

impl std::fmt::Display for PanicNote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)?;
        if !self.location.is_empty() {
            write!(f, " at {}", self.location)?;
        }
        Ok(())
    }
}

impl Target {
    /// The two arguments of [`abi::PluginTable::run`]: the target in JSON, whose
    /// message has a name alone, and the bytes of its message.
    ///
    /// # Errors
    /// Never for a target that was read from JSON.
    pub fn to_wire(&self) -> Result<(Vec<u8>, &[u8]), serde_json::Error> {
        let Some(message) = &self.message else { return Ok((serde_json::to_vec(self)?, &[])) };
        let named = Target { message: Some(Message::new(message.name.clone(), [])), ..self.clone() };
        Ok((serde_json::to_vec(&named)?, &message.bytes))
    }

    /// The target that [`Target::to_wire`] parted.
    ///
    /// # Errors
    /// When `json` is no target.
    pub fn from_wire(json: &[u8], bytes: &[u8]) -> Result<Self, serde_json::Error> {
        let mut target: Target = serde_json::from_slice(json)?;
        if let Some(message) = target.message.as_mut().filter(|_| !bytes.is_empty()) {
            message.bytes = bytes.into();
        }
        Ok(target)
    }
}

impl ServiceErrorKind {
    /// The status under which a host reports this kind of refusal.
    pub fn status(self) -> Status {
        match self {
            ServiceErrorKind::Unsupported => abi::E_UNSUPPORTED,
            ServiceErrorKind::Denied => abi::E_DENIED,
            ServiceErrorKind::Budget => abi::E_LIMIT,
            ServiceErrorKind::BadRequest => abi::E_BAD_ARG,
            ServiceErrorKind::Cancelled => abi::E_CANCELLED,
            ServiceErrorKind::NotRecorded => abi::E_FAILED,
            ServiceErrorKind::Internal => abi::E_INTERNAL,
        }
    }

    /// The kind that a failing status stands for where no [`crate::ServiceError`] came with it.
    pub fn of_status(status: Status) -> Self {
        match status {
            abi::E_UNSUPPORTED => ServiceErrorKind::Unsupported,
            abi::E_DENIED => ServiceErrorKind::Denied,
            abi::E_LIMIT => ServiceErrorKind::Budget,
            abi::E_BAD_ARG => ServiceErrorKind::BadRequest,
            abi::E_CANCELLED | abi::E_ENDED => ServiceErrorKind::Cancelled,
            _ => ServiceErrorKind::Internal,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        Actor, Cause, CauseKind, Confidence, Delivery, Finding, Subject,
        services::{
            Channel, DnsQuestion, DnsReply, HttpReply, HttpRequest, RecordType, SmtpReply, SmtpRequest, TlsFacts,
            TlsState, Transport, Verification,
        },
    };

    #[test]
    fn readers_take_what_they_do_not_know() {
        let line: LogLine = serde_json::from_str(r#"{"level":"loud","message":"m","thread":7}"#).unwrap();
        assert_eq!((line.level.as_str(), line.target.as_str(), line.message.as_str()), ("loud", "", "m"));
        let note: PanicNote = serde_json::from_str(r#"{"message":"m","backtrace":[]}"#).unwrap();
        assert_eq!(note.to_string(), "m");
        let document: PluginDocument = serde_json::from_str(r#"{"checks":[],"since":1}"#).unwrap();
        assert!(document.checks.is_empty());
    }

    /// What a newer peer sends is read as far as it is known, and no word of it
    /// makes the whole unreadable.
    #[test]
    fn words_that_are_not_known_are_never_good_and_never_bad_news() {
        let finding = json!({"code": "c", "subject": {"kind": "tenant", "name": "t-1"}, "seen": "s", "actor": "registrar",
            "severity": "fatal", "confidence": "certain"});
        let finding: Finding = serde_json::from_value(finding).unwrap();
        assert_eq!(finding.subject, Subject::Other("t-1".into()));
        assert_eq!((finding.actor, finding.confidence), (Actor::Other, Some(Confidence::Low)));
        assert_eq!(serde_json::to_value(&finding.subject).unwrap(), json!({"kind": "other", "name": "t-1"}));

        let reply = json!({"evidence": "e", "question": {"name": "a.example", "rtype": "MX"}, "status": "answer",
        "channel": "quantum", "attempts": [{"server": "s", "transport": "quic", "status": "late", "took_us": 1}],
        "answers": [
            {"name": "a.example", "rtype": "NEW", "ttl": 1, "data": {"type": "NEW", "address": 7, "rdata": {}}},
            {"name": "a.example", "rtype": "NEW", "ttl": 1, "data": {"rdata": {}, "type": "NEW"}},
            {"name": "a.example", "rtype": "MX", "ttl": 1, "data": {"preference": 5, "type": "MX", "exchange": "m", "new": 1}},
            {"name": "a.example", "rtype": "MX", "ttl": 1, "data": {"type": "MX", "preference": 6, "exchange": "n", "new": 1}},
        ]});
        let reply: DnsReply = serde_json::from_value(reply).unwrap();
        let seen: Vec<_> = reply.records().map(|record| record.data_text()).collect();
        assert_eq!((reply.cause(), seen), (None, vec!["5 m.".to_owned(), "6 n.".to_owned()]));
        assert_eq!(reply.answers[0].rtype, RecordType::NONE);
        assert_eq!((reply.channel, reply.attempts[0].transport), (Channel::Open, Transport::Other));
        let later = DnsReply { status: reply.attempts[0].status, ..reply };
        assert_eq!(later.cause().map(|cause| cause.kind), Some(CauseKind::Other));
        // What is asked must be known: another question would be answered.
        assert!(serde_json::from_value::<DnsQuestion>(json!({"name": "a.example", "rtype": "NEW"})).is_err());

        let request = SmtpRequest::new("m.example", "192.0.2.1".parse().unwrap());
        let mut reply = serde_json::to_value(SmtpReply::not_held(&request, Cause::new(CauseKind::Other, ""))).unwrap();
        for end in
            [json!({"state": "dozed-off", "stage": {}}), json!({"state": "broken", "stage": "coffee", "why": "w"})]
        {
            reply["end"] = end;
            let reply: SmtpReply = serde_json::from_value(reply.clone()).unwrap();
            assert!(reply.cause().is_some(), "{reply:?}");
            assert!(matches!(reply.tls_state(), TlsState::NotReached(_)), "{reply:?}");
        }
        let shown: Verification = serde_json::from_value(json!({"state": "revoked", "by": "a"})).unwrap();
        let shown = TlsFacts { version: String::new(), cipher: String::new(), chain: Vec::new(), verification: shown };
        assert_eq!(TlsState::Shown(&shown).for_public_authority().0, Delivery::CouldNotTell);

        let request = HttpRequest::new("a.example", "192.0.2.1".parse().unwrap(), "/", 1);
        let mut reply = serde_json::to_value(HttpReply::not_made(request, Cause::new(CauseKind::Other, ""))).unwrap();
        for end in
            [json!({"state": "wandered", "to": 1}), json!({"state": "timed-out", "stage": "queue", "waited_s": 1})]
        {
            reply["end"] = end;
            let reply: HttpReply = serde_json::from_value(reply.clone()).unwrap();
            assert!(reply.cause().is_some(), "{reply:?}");
        }
    }

    #[test]
    fn a_message_crosses_as_bytes_beside_its_target() {
        let bytes = b"Subject: \xff\r\n\r\n".to_vec();
        let target = Target { message: Some(Message::new("-", bytes.clone())), ..Target::domain("a.example") };
        let (json, beside) = target.to_wire().unwrap();
        assert_eq!(beside, bytes);
        assert!(!String::from_utf8_lossy(&json).contains("Subject"));
        assert_eq!(Target::from_wire(&json, beside).unwrap(), target);
        let without = Target::domain("a.example");
        let (json, beside) = without.to_wire().unwrap();
        assert_eq!(Target::from_wire(&json, beside).unwrap(), without);
    }

    #[test]
    fn a_refusal_keeps_its_meaning_as_a_status() {
        use ServiceErrorKind::*;
        for kind in [Unsupported, Denied, Budget, BadRequest, Cancelled, Internal] {
            assert_eq!(ServiceErrorKind::of_status(kind.status()), kind);
        }
        assert!(NotRecorded.status() < 0);
        assert_eq!(ServiceErrorKind::of_status(-99), Internal);
    }
}
