//! What a run is about.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

use crate::message::Message;

/// What is to be examined: any of these, at least one.
///
/// Names are lower-case A-labels (RFC 5890) without the final dot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Target {
    /// The words that the user typed, for messages.
    #[serde(default)]
    pub shown: String,
    /// The mail domain, for example `example.org`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// The address that sends, or is to be examined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub ip: Option<IpAddr>,
    /// The envelope sender (RFC 5321 `MAIL FROM`), `local@domain`; empty for the null sender.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<String>,
    /// A recipient that the user owns or may write to, `local@domain`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<String>,
    /// The name given with HELO or EHLO.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub helo: Option<String>,
    /// An SMTP reply or status code to explain, for example `550 5.7.23 …`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<String>,
    /// A whole message: a bounce to explain, or mail whose authentication is examined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Message>,
}

impl Target {
    /// The target that is a domain alone.
    pub fn domain(name: impl Into<String>) -> Self {
        let name = name.into();
        Target { shown: name.clone(), domain: Some(name), ..Target::default() }
    }

    /// The domain part of a mailbox, lower-case; `None` without an `@`.
    pub fn domain_of(mailbox: &str) -> Option<String> {
        mailbox
            .rsplit_once('@')
            .map(|(_, domain)| domain.trim_end_matches('.').to_ascii_lowercase())
            .filter(|d| !d.is_empty())
    }
}
