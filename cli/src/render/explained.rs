//! What codes and replies mean, for programs; and what a reply names, for people.

use engine_plugin_api::{
    FindingSpec,
    serde_json::{self, Value, json},
};
use smtp_reasons::{CodeExplanation, Explanation, Practice};

use super::labelled;

/// The version of what is written here.
const SCHEMA: &str = "explain/v1";

/// A finding's page.
pub fn finding(code: &str, check: &str, spec: &FindingSpec) -> Value {
    let page = serde_json::to_value(spec).unwrap_or_default();
    json!({ "schema": SCHEMA, "kind": "finding", "finding": code, "check": check, "page": page })
}

/// A code by itself.
pub fn code(asked: &str, explanation: &CodeExplanation<'_>) -> Value {
    let known = serde_json::to_value(explanation).unwrap_or_default();
    json!({ "schema": SCHEMA, "kind": "code", "asked": asked, "code": known })
}

/// Replies in a pasted text.
pub fn replies(text: &str, cut: bool, explanations: &[Explanation<'_>]) -> Value {
    let one = |e: &Explanation<'_>| {
        let context = e.reply.context(text);
        let practice = match e.practice {
            Practice::AsSaid => e.reason.clears,
            Practice::NeverClears => smtp_reasons::Clears::WhenFixed,
            Practice::Passes => smtp_reasons::Clears::ByItself,
        };
        json!({
            "said": text.get(e.reply.said.clone()),
            "reply_code": e.reply.basic.as_ref().map(|b| b.value),
            "status_code": e.reply.status.as_ref().map(|s| s.value.to_string()),
            "class": e.reply.class(),
            "reason": e.reason.id,
            "title": e.reason.title,
            "meaning": e.reason.meaning,
            "basis": e.basis,
            "certainty": e.certainty,
            "telling": e.telling.as_ref().and_then(|span| text.get(span.clone())),
            "clears": practice,
            "class_misleads": e.practice != Practice::AsSaid,
            "actor": e.actor,
            "remedy": e.remedy,
            "checks": e.reason.checks,
            "reply_entry": e.basic,
            "status_entry": e.status,
            "codes_contradict": e.mismatch,
            "pairing": e.pairing,
            "nonstandard": e.is_nonstandard(),
            "unregistered": e.is_unregistered(),
            "provider": e.provider,
            "elsewhere": e.elsewhere,
            "blocklist": e.blocklist,
            "recipient": context.recipient.map(|p| p.value),
            "sender": context.sender.map(|p| p.value),
            "queue_id": context.queue_id.map(|p| p.value),
            "remote_host": context.remote_host.map(|p| p.value),
            "remote_address": context.remote_address.map(|p| p.value),
            "urls": e.reply.elements.urls.iter().map(|p| &p.value).collect::<Vec<_>>(),
            "addresses": e.reply.elements.addresses.iter().map(|p| p.value).collect::<Vec<_>>(),
            "mailboxes": e.reply.elements.mailboxes.iter().map(|p| &p.value).collect::<Vec<_>>(),
            "hosts": e.reply.elements.hosts.iter().map(|p| &p.value).collect::<Vec<_>>(),
            "zones": e.reply.elements.zones.iter().map(|p| &p.value).collect::<Vec<_>>(),
            "command": e.reply.command,
        })
    };
    let replies: Vec<Value> = explanations.iter().map(one).collect();
    json!({ "schema": SCHEMA, "kind": "replies", "cut": cut, "replies": replies })
}

/// What the replies name beside their cause, one paragraph for all that agree.
pub fn named(text: &str, explanations: &[Explanation<'_>]) -> String {
    let mut rows: Vec<(&str, Vec<String>)> =
        ["To", "From", "Server", "Queue", "Links"].into_iter().map(|label| (label, Vec::new())).collect();
    let mut add = |row: usize, value: Option<String>| {
        let values = &mut rows[row].1;
        if let Some(value) = value.filter(|value| !values.contains(value) && values.len() < 8) {
            values.push(value);
        }
    };
    for e in explanations {
        let context = e.reply.context(text);
        add(0, context.recipient.map(|p| p.value));
        add(1, context.sender.map(|p| if p.value.is_empty() { "<> (a bounce)".to_owned() } else { p.value }));
        let address = context.remote_address.map(|p| p.value.to_string());
        add(
            2,
            match (context.remote_host.map(|p| p.value), address) {
                (Some(host), Some(address)) => Some(format!("{host} [{address}]")),
                (host, address) => host.or(address),
            },
        );
        add(3, context.queue_id.map(|p| p.value));
        e.reply.elements.urls.iter().for_each(|url| add(4, Some(url.value.clone())));
    }
    let told: String = rows
        .iter()
        .filter(|(_, values)| !values.is_empty())
        .map(|(label, values)| labelled(label, &values.join(", ")))
        .collect();
    if told.is_empty() { told } else { format!("\nThe text names\n{told}") }
}
