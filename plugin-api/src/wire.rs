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
    use super::*;

    #[test]
    fn readers_take_what_they_do_not_know() {
        let line: LogLine = serde_json::from_str(r#"{"level":"loud","message":"m","thread":7}"#).unwrap();
        assert_eq!((line.level.as_str(), line.target.as_str(), line.message.as_str()), ("loud", "", "m"));
        let note: PanicNote = serde_json::from_str(r#"{"message":"m","backtrace":[]}"#).unwrap();
        assert_eq!(note.to_string(), "m");
        let document: PluginDocument = serde_json::from_str(r#"{"checks":[],"since":1}"#).unwrap();
        assert!(document.checks.is_empty());
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
