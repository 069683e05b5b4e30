//! The standard delivery report: RFC 3464, and RFC 6533 for addresses in UTF-8.

use smtp_reasons::StatusCode;

use crate::{
    address,
    fields::{Fields, name_of},
    model::Action,
};

/// The most recipients that are read.
pub(crate) const MOST_RECIPIENTS: usize = 500;

/// A delivery report as it stands there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dsn {
    pub(crate) reporting_mta: Option<String>,
    pub(crate) dsn_gateway: Option<String>,
    pub(crate) received_from: Option<String>,
    pub(crate) envelope_id: Option<String>,
    pub(crate) arrived: Option<String>,
    pub(crate) recipients: Vec<Entry>,
    /// Whether there were more.
    pub(crate) cut: bool,
}

/// The fields of one recipient.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entry {
    pub(crate) final_recipient: Option<String>,
    pub(crate) original_recipient: Option<String>,
    pub(crate) action: Option<Action>,
    pub(crate) status: Option<StatusCode>,
    pub(crate) remote: Option<String>,
    pub(crate) diagnostic_type: Option<String>,
    pub(crate) diagnostic: Option<String>,
    pub(crate) last_attempt: Option<String>,
    pub(crate) retry_until: Option<String>,
    pub(crate) log_id: Option<String>,
}

impl Dsn {
    /// Reads the body of a `message/delivery-status` part, or such fields
    /// wherever they stand.
    pub(crate) fn read(text: &str) -> Self {
        let mut dsn = Dsn::default();
        for group in groups(text) {
            let fields = Fields::read(group);
            dsn.per_message(&fields);
            let Some(entry) = Entry::read(&fields) else { continue };
            if dsn.recipients.len() >= MOST_RECIPIENTS {
                dsn.cut = true;
                break;
            }
            dsn.recipients.push(entry);
        }
        dsn
    }

    fn per_message(&mut self, fields: &Fields<'_>) {
        let host = |name: &str| fields.get(name).map(|value| host(&value)).filter(|host| !host.is_empty());
        let text = |name: &str| fields.get(name).map(|value| value.into_owned()).filter(|value| !value.is_empty());
        self.reporting_mta = self.reporting_mta.take().or_else(|| host("Reporting-MTA"));
        self.dsn_gateway = self.dsn_gateway.take().or_else(|| host("DSN-Gateway"));
        self.received_from = self.received_from.take().or_else(|| host("Received-From-MTA"));
        self.envelope_id = self.envelope_id.take().or_else(|| text("Original-Envelope-Id"));
        self.arrived = self.arrived.take().or_else(|| text("Arrival-Date"));
    }
}

impl Entry {
    /// `None` for fields that speak of no recipient.
    fn read(fields: &Fields<'_>) -> Option<Self> {
        let address = |name: &str| fields.get(name).and_then(|value| address::of_field(&value));
        let text = |name: &str| fields.get(name).map(|value| value.into_owned()).filter(|value| !value.is_empty());
        let final_recipient = address("Final-Recipient").or_else(|| address("X-Actual-Recipient"));
        let original_recipient = address("Original-Recipient");
        let action = fields.get("Action").and_then(|value| action(&value));
        let status = fields.get("Status").and_then(|value| status(&value));
        let (diagnostic_type, diagnostic) =
            fields.get("Diagnostic-Code").map(|value| typed(&value)).unwrap_or_default();
        let named = fields.get("Final-Recipient").is_some() || fields.get("Original-Recipient").is_some();
        if !named && final_recipient.is_none() && (action.is_none() || status.is_none()) {
            return None;
        }
        Some(Entry {
            final_recipient,
            original_recipient,
            action,
            status,
            remote: fields.get("Remote-MTA").map(|value| host(&value)).filter(|host| !host.is_empty()),
            diagnostic_type,
            diagnostic: diagnostic.filter(|words| !words.is_empty()),
            last_attempt: text("Last-Attempt-Date"),
            retry_until: text("Will-Retry-Until"),
            log_id: text("Final-Log-ID"),
        })
    }
}

/// Blocks of lines between blank ones. A recipient's block also begins where
/// `Final-Recipient` or `Original-Recipient` comes a second time, for some leave the blank line out.
fn groups(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut at = 0;
    let mut seen: [bool; 2] = [false; 2];
    for line in text.split_inclusive('\n') {
        let names = ["final-recipient", "original-recipient"];
        let which =
            name_of(line).and_then(|name| names.iter().position(|own| name.trim_end().eq_ignore_ascii_case(own)));
        let again = which.is_some_and(|which| seen[which]);
        if line.trim().is_empty() || again {
            if start < at {
                found.push(&text[start..at]);
            }
            start = if again { at } else { at + line.len() };
            seen = [false; 2];
        }
        if let Some(which) = which {
            seen[which] = true;
        }
        at += line.len();
        if found.len() > MOST_RECIPIENTS + 8 {
            return found;
        }
    }
    if start < at {
        found.push(&text[start..]);
    }
    found
}

fn action(value: &str) -> Option<Action> {
    // `failed (bad destination)`; some have words of their own.
    let word = value.split(|c: char| !c.is_ascii_alphabetic()).find(|word| !word.is_empty())?.to_ascii_lowercase();
    Some(match word.as_str() {
        "failed" | "failure" | "fail" | "undeliverable" | "expired" | "failded" | "error" => Action::Failed,
        "delayed" | "delay" | "deferred" => Action::Delayed,
        "delivered" | "deliverable" | "success" | "sent" => Action::Delivered,
        "relayed" => Action::Relayed,
        "expanded" => Action::Expanded,
        _ => return None,
    })
}

/// The code at the beginning of `5.1.1 (bad destination mailbox address)`.
pub(crate) fn status(value: &str) -> Option<StatusCode> {
    value
        .split(|c: char| !(c.is_ascii_digit() || c == '.'))
        .map(|word| word.trim_matches('.'))
        .find_map(|word| word.parse().ok())
}

/// `smtp; 550 …` in its two parts; a value without a type has none.
fn typed(value: &str) -> (Option<String>, Option<String>) {
    match value.split_once(';') {
        Some((kind, rest))
            if kind.len() <= 40 && kind.trim().chars().all(|c| c.is_ascii_alphanumeric() || c == '-') =>
        {
            (Some(kind.trim().to_ascii_lowercase()), Some(rest.trim().to_owned()))
        }
        _ => (None, Some(value.trim().to_owned())),
    }
}

/// The name of `dns; mx.example.org (192.0.2.1)`.
pub(crate) fn host(value: &str) -> String {
    let name = match value.split_once(';') {
        Some((kind, rest)) if kind.len() <= 20 => rest,
        _ => value,
    };
    name.split_whitespace().next().unwrap_or_default().trim_matches(|c| "[]<>.,".contains(c)).to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_field_of_a_report_is_read() {
        let dsn = Dsn::read(
            "Original-Envelope-Id: QQ314159\nReporting-MTA: dns; cs.utk.example\nDSN-Gateway: dns; gw.example\n\
             Received-From-MTA: DNS; [192.0.2.1]\nArrival-Date: Thu, 1 Jan 2015\n\nOriginal-Recipient: rfc822;a@b.example\n\
             Final-Recipient: utf-8;\\x{e9}@c.example\nAction: failed (bad)\nStatus: 4.0.0 (x)\nRemote-MTA: dns; mx.c.example (192.0.2.2)\n\
             Diagnostic-Code: smtp; 426 connection timed out\n  really\nLast-Attempt-Date: Fri\nWill-Retry-Until: Sat\nFinal-Log-ID: 7\n",
        );
        assert_eq!(dsn.reporting_mta.as_deref(), Some("cs.utk.example"));
        assert_eq!((dsn.dsn_gateway.as_deref(), dsn.received_from.as_deref()), (Some("gw.example"), Some("192.0.2.1")));
        assert_eq!((dsn.envelope_id.as_deref(), dsn.arrived.as_deref()), (Some("QQ314159"), Some("Thu, 1 Jan 2015")));
        let [entry] = dsn.recipients.as_slice() else { panic!("{dsn:?}") };
        assert_eq!(entry.final_recipient.as_deref(), Some("é@c.example"));
        assert_eq!(entry.original_recipient.as_deref(), Some("a@b.example"));
        assert_eq!((entry.action, entry.status), (Some(Action::Failed), "4.0.0".parse().ok()));
        assert_eq!(entry.diagnostic.as_deref(), Some("426 connection timed out really"));
        assert_eq!((entry.diagnostic_type.as_deref(), entry.remote.as_deref()), (Some("smtp"), Some("mx.c.example")));
        assert_eq!((entry.retry_until.as_deref(), entry.log_id.as_deref()), (Some("Sat"), Some("7")));
    }

    #[test]
    fn half_a_report_gives_what_there_is() {
        let of = |text: &str| Dsn::read(text).recipients.len();
        assert_eq!(of("Reporting-MTA: dns; x\n"), 0);
        assert_eq!(of("Final-Recipient: rfc822; a@b.example\nAction: fai"), 1);
        assert_eq!(
            of("Final-Recipient: rfc822; a@b.example\nStatus: 5.1.1\nFinal-Recipient: rfc822; c@d.example\n"),
            2
        );
        assert_eq!(of("Original-Recipient: <a@b.example>\nFinal-Recipient: rfc822; a@b.example\nAction: failed\n"), 1);
        assert_eq!(of(&"Final-Recipient: rfc822; a@b.example\n\n".repeat(10_000)), MOST_RECIPIENTS);
        assert_eq!(of(""), 0);
    }
}
