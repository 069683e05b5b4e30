//! Feedback reports: ARF (RFC 5965), authentication failures (RFC 6591).

use crate::{address, fields::Fields, model::Feedback};

/// A feedback report and the recipients that it names.
pub(crate) fn read(text: &str) -> (Feedback, Vec<String>) {
    let fields = Fields::read(text.trim_start());
    let first = |name: &str| fields.get(name).map(|value| value.into_owned()).filter(|value| !value.is_empty());
    let feedback = Feedback {
        kind: first("Feedback-Type").unwrap_or_else(|| "other".to_owned()).to_ascii_lowercase(),
        user_agent: first("User-Agent"),
        mail_from: first("Original-Mail-From").map(|text| text.trim_matches(['<', '>']).to_owned()),
        source_ip: first("Source-IP").or_else(|| first("Source")),
        domains: fields.all("Reported-Domain").map(|value| value.into_owned()).take(50).collect(),
        authentication: first("Authentication-Results"),
        incidents: first("Incidents").and_then(|text| text.trim().parse().ok()),
    };
    let names = ["Original-Rcpt-To", "Removal-Recipient", "Final-Recipient", "Original-Recipient"];
    let mut recipients: Vec<String> = Vec::new();
    for value in names.iter().flat_map(|name| fields.all(name)) {
        if let Some(address) = address::of_field(&value).filter(|address| !recipients.contains(address)) {
            recipients.push(address);
        }
        if recipients.len() >= crate::dsn::MOST_RECIPIENTS {
            break;
        }
    }
    (feedback, recipients)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feedback_report_is_read() {
        let (feedback, recipients) = read(
            "\r\nFeedback-Type: abuse\r\nUser-Agent: FBL/1.0\r\nVersion: 1\r\nOriginal-Mail-From: <s@a.example>\r\n\
             Original-Rcpt-To: <r@b.example>\r\nSource-IP: 192.0.2.1\r\nReported-Domain: a.example\r\nReported-Domain: c.example\r\nIncidents: 3\r\n",
        );
        assert_eq!((feedback.kind.as_str(), feedback.incidents), ("abuse", Some(3)));
        assert_eq!(
            (feedback.mail_from.as_deref(), feedback.source_ip.as_deref()),
            (Some("s@a.example"), Some("192.0.2.1"))
        );
        assert_eq!((feedback.domains.len(), recipients.as_slice()), (2, &["r@b.example".to_owned()][..]));
        assert_eq!(read("").0.kind, "other");
    }
}
