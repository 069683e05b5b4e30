//! What there is to call, as data: `docs/reference/services.md` is made from it.

use schemars::{JsonSchema, Schema, schema_for};
use serde::{Deserialize, Serialize};

use super::{
    CLOCK_SLEEP, DNS_LOOKUP, DnsQuestion, DnsReply, HTTP_GET, HttpReply, HttpRequest, MailExchanger, SMTP_LOOK,
    SMTP_SESSION, SMTP_SURVEY, SmtpReply, SmtpRequest,
};
use crate::check::SideEffect;

/// One service of the host.
pub struct Service {
    /// Name and version, for example `dns.lookup/1`.
    pub method: &'static str,
    /// What it does, in one sentence.
    pub what: &'static str,
    /// What a call costs others, and when it costs nothing.
    pub cost: &'static str,
    /// How many calls a check may make in a run.
    pub limit: &'static str,
    /// The method of [`crate::Context`] that calls it.
    pub typed: &'static str,
    /// The least side effect that a manifest must name.
    pub side_effect: SideEffect,
    /// JSON schema of the request.
    pub request: fn() -> Schema,
    /// JSON schema of the answer.
    pub reply: fn() -> Schema,
}

/// The request of `clock.sleep/1`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sleep {
    /// How long to wait, in milliseconds.
    pub ms: u64,
}

/// The answer of `clock.sleep/1`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Slept {}

/// Every service of this version.
pub const SERVICES: &[Service] = &[
    Service {
        method: DNS_LOOKUP,
        what: "Asks one DNS question, of the run's resolver or of a server that the question names.",
        cost: "one question (a second one over TCP or after a time-out); nothing when the run has asked it already",
        limit: "10,000, with all other calls",
        typed: "dns",
        side_effect: SideEffect::PassiveDns,
        request: || schema_for!(DnsQuestion),
        reply: || schema_for!(DnsReply),
    },
    Service {
        method: SMTP_SESSION,
        what: "Holds one polite SMTP session of the check's own with a server, up to RCPT and never DATA.",
        cost: "one connection; nothing when the run has held the same session already; one session at a time with a host",
        limit: "64, with the other sessions",
        typed: "smtp",
        side_effect: SideEffect::Connects,
        request: || schema_for!(SmtpRequest),
        reply: || schema_for!(SmtpReply),
    },
    Service {
        method: SMTP_LOOK,
        what: "Shows what a mail exchanger says until TLS is up: greeting, EHLO, STARTTLS, certificate. The session ends \
               there, unless a check of the run surveys exchangers: then it is the survey's.",
        cost: "one connection; nothing when anybody has asked for this exchanger already; one session at a time with a host",
        limit: "64, with the other sessions",
        typed: "look",
        side_effect: SideEffect::Connects,
        request: || schema_for!(MailExchanger),
        reply: || schema_for!(SmtpReply),
    },
    Service {
        method: SMTP_SURVEY,
        what: "Surveys a mail exchanger in one session: what a look shows, then the null sender to the postmaster, a \
               foreign sender to a foreign recipient, and VRFY and EXPN of the postmaster; never DATA.",
        cost: "one connection; nothing when anybody has asked for this exchanger already; one session at a time with a host",
        limit: "64, with the other sessions",
        typed: "survey",
        side_effect: SideEffect::Connects,
        request: || schema_for!(MailExchanger),
        reply: || schema_for!(SmtpReply),
    },
    Service {
        method: HTTP_GET,
        what: "Gets one document over HTTPS from an address that the request names; the certificate must be valid, and \
               no redirect is followed.",
        cost: "one connection; nothing when the run has got the same document already",
        limit: "32",
        typed: "http",
        side_effect: SideEffect::Connects,
        request: || schema_for!(HttpRequest),
        reply: || schema_for!(HttpReply),
    },
    Service {
        method: CLOCK_SLEEP,
        what: "Waits. The check's deadline is put off as long; how long a check may wait in all is the user's to say \
               (`longest-wait` under `[net]`, or `--wait`). In a replay no time passes.",
        cost: "time only",
        limit: "15 min in all",
        typed: "sleep",
        side_effect: SideEffect::None,
        request: || schema_for!(Sleep),
        reply: || schema_for!(Slept),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_service_is_named_once_with_its_version() {
        let mut methods: Vec<_> = SERVICES.iter().map(|service| service.method).collect();
        assert!(methods.iter().all(|method| method.split_once('/').is_some_and(|(_, n)| n.parse::<u8>().is_ok())));
        let all = methods.len();
        methods.sort_unstable();
        methods.dedup();
        assert_eq!(methods.len(), all);
    }
}
