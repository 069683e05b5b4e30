//! Bounces that a sending service reports as JSON in a mail: Amazon SES by SNS,
//! and services that took over its form.

use serde_json::Value;

use crate::{
    address::mailbox,
    dsn::{Entry, MOST_RECIPIENTS, host, status},
    model::{Action, Feedback},
};

/// A notification as it stands there.
#[derive(Debug)]
pub(crate) struct Notification {
    pub(crate) recipients: Vec<Entry>,
    pub(crate) feedback: Option<Feedback>,
    pub(crate) reporting_mta: Option<String>,
    pub(crate) headers: Vec<(String, String)>,
}

/// The notification that `text` begins with; `None` when it is none. Lines that
/// a mail system folded inside a string are joined.
pub(crate) fn read(text: &str) -> Option<Notification> {
    let text = text.trim_start();
    if !text.starts_with('{') || !text.get(..8_192.min(text.len())).unwrap_or(text).contains("otificationType") {
        return None;
    }
    let joined: String = text.lines().collect();
    let value = serde_json::Deserializer::from_str(&joined).into_iter::<Value>().next()?.ok()?;
    // SNS may wrap the notification itself as a text.
    let value = match value.get("Message").and_then(Value::as_str) {
        Some(inner) => serde_json::from_str(inner).ok()?,
        None => value,
    };
    let kind = value.get("notificationType").or_else(|| value.get("eventType"))?.as_str()?;
    let (part, list, default) = match kind {
        "Bounce" => ("bounce", "bouncedRecipients", Some(Action::Failed)),
        "Complaint" => ("complaint", "complainedRecipients", None),
        "Delivery" => ("delivery", "recipients", Some(Action::Delivered)),
        "DeliveryDelay" => ("deliveryDelay", "delayedRecipients", Some(Action::Delayed)),
        _ => return None,
    };
    let body = value.get(part)?;
    let one = |item: &Value| {
        let text = |name: &str| item.get(name).and_then(Value::as_str);
        let (kind, words) = match text("diagnosticCode").map(|code| code.split_once(';').ok_or(code)) {
            Some(Ok((kind, words))) => (Some(kind.trim().to_ascii_lowercase()), Some(words.trim().to_owned())),
            Some(Err(words)) => (None, Some(words.trim().to_owned())),
            None => (None, None),
        };
        Entry {
            final_recipient: text("emailAddress").or_else(|| item.as_str()).and_then(mailbox).map(str::to_owned),
            action: text("action").and_then(action).or(default),
            status: text("status").and_then(status),
            diagnostic_type: kind,
            diagnostic: words.or_else(|| body.get("smtpResponse").and_then(Value::as_str).map(str::to_owned)),
            ..Entry::default()
        }
    };
    let recipients: Vec<Entry> = body
        .get(list)
        .and_then(Value::as_array)?
        .iter()
        .take(MOST_RECIPIENTS)
        .map(one)
        .filter(|e| e.final_recipient.is_some())
        .collect();
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    let feedback = (part == "complaint").then(|| Feedback {
        kind: text("complaintFeedbackType").unwrap_or_else(|| "abuse".to_owned()),
        user_agent: text("userAgent"),
        mail_from: value.pointer("/mail/source").and_then(Value::as_str).map(str::to_owned),
        source_ip: value.pointer("/mail/sourceIp").and_then(Value::as_str).map(str::to_owned),
        ..Feedback::default()
    });
    let headers = value.pointer("/mail/headers").and_then(Value::as_array).into_iter().flatten().take(200);
    let header = |item: &Value| Some((item.get("name")?.as_str()?.to_owned(), item.get("value")?.as_str()?.to_owned()));
    Some(Notification {
        recipients,
        feedback,
        reporting_mta: text("reportingMTA").map(|name| host(&name)),
        headers: headers.filter_map(header).collect(),
    })
}

fn action(word: &str) -> Option<Action> {
    Some(match word {
        "failed" => Action::Failed,
        "delayed" => Action::Delayed,
        "delivered" => Action::Delivered,
        "relayed" => Action::Relayed,
        "expanded" => Action::Expanded,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_notification_is_read_and_other_json_is_not() {
        let found = read(
            "{\"notificationType\":\"Bounce\",\"bounce\":{\"bouncedRecipients\":[{\"emailAddress\":\"a@b.example\",\"action\":\"failed\",\
             \"status\":\"5.1.1\",\"diagnosticCode\":\"smtp; 550 no\n such user\"}],\"reportingMTA\":\"dsn; x.example\"}}\n\n--\nbye",
        )
        .unwrap();
        let entry = &found.recipients[0];
        assert_eq!(
            (entry.final_recipient.as_deref(), entry.diagnostic.as_deref()),
            (Some("a@b.example"), Some("550 no such user"))
        );
        assert_eq!(found.reporting_mta.as_deref(), Some("x.example"));
        for other in [
            "{}",
            "{\"notificationType\":\"x\"}",
            "{\"notificationType\":",
            "[1]",
            "text",
            "{\"notificationType\":\"Bounce\"}",
        ] {
            assert!(read(other).is_none(), "{other}");
        }
    }
}
