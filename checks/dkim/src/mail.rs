//! The message: who wrote it, which signatures it has, and whether they hold.

use dkim_verify::{Fault, Message, verify};
use mail_syntax::{
    date,
    dkim::{KeyRecord, Signature, is_meant_as_key},
};

use crate::{
    facts::{MailFacts, Selector, SignatureFacts},
    selectors,
};

/// Signatures that are looked at, from the top; receivers stop somewhere too
/// (RFC 6376 §8.4).
const SIGNATURES: usize = 10;
/// Domains of `From` that are looked at.
const AUTHORS: usize = 5;

/// What a reader sees or a mail program acts upon, which a signature should
/// cover (RFC 6376 §5.4.1, RFC 8058 §4).
const WORTH_SIGNING: [&str; 7] =
    ["subject", "date", "to", "cc", "reply-to", "list-unsubscribe", "list-unsubscribe-post"];

/// A message as it was given.
pub struct Mail<'m> {
    message: Message<'m>,
    /// The domains of `From`.
    pub authors: Vec<String>,
    signatures: Vec<(usize, Signature)>,
}

impl<'m> Mail<'m> {
    /// Reads a message.
    pub fn read(bytes: &'m [u8]) -> Self {
        let message = Message::read(bytes);
        let authors = message.named("from").flat_map(|at| domains(&message.fields[at].value_text()));
        let authors = authors.fold(Vec::new(), |mut all: Vec<String>, author| {
            // One more tells that there are too many.
            if all.len() <= AUTHORS && !all.contains(&author) {
                all.push(author);
            }
            all
        });
        let signatures = message
            .named("dkim-signature")
            .take(SIGNATURES)
            .map(|at| (at, Signature::parse(&message.fields[at].value_text())))
            .collect();
        Mail { authors, signatures, message }
    }

    /// The domain of the first signature that names one.
    pub fn first_domain(&self) -> Option<String> {
        self.signatures.iter().map(|(_, signature)| signature.domain.clone()).find(|domain| !domain.is_empty())
    }

    /// Why nothing of it could be verified.
    pub fn fault(&self) -> Option<&Fault> {
        self.message.fault.as_ref()
    }

    /// Whether it tells the sender of another message what became of that (RFC 3464 §2,
    /// RFC 6522): somebody else wrote it, to the null sender's account.
    pub fn is_delivery_report(&self) -> bool {
        let value = |name: &str| {
            let at = self.message.named(name).next()?;
            Some(self.message.fields[at].value_text().trim().to_ascii_lowercase())
        };
        let kind = value("content-type").unwrap_or_default();
        kind.starts_with("multipart/report")
            && kind.contains("delivery-status")
            && value("return-path").is_none_or(|path| path == "<>")
    }

    /// The keys that its signatures need: selector and domain.
    pub fn keys(&self) -> impl Iterator<Item = (String, String)> {
        let all = self.signatures.iter().map(|(_, signature)| (signature.selector.clone(), signature.domain.clone()));
        all.filter(|(selector, domain)| {
            selectors::is_selector(selector)
                && mail_syntax::spf::is_queryable(&format!("{selector}._domainkey.{domain}"))
                && !domain.is_empty()
        })
    }

    /// What was seen of it, with the keys that were found.
    pub fn facts(&self, keys: &[Selector]) -> MailFacts {
        let signatures = self.signatures.iter().map(|(at, signature)| {
            let mine = keys.iter().find(|key| key.name == signature.selector && key.domain == signature.domain);
            let texts =
                mine.and_then(|key| key.answer.known()).map(|answer| answer.texts.as_slice()).unwrap_or_default();
            let mut meant = texts.iter().filter(|text| is_meant_as_key(text)).map(|text| KeyRecord::parse(text));
            let key = meant.next().filter(|record| !record.is_broken());
            let text = self.message.fields[*at].value_text().replace(['\r', '\n', '\t'], " ");
            SignatureFacts {
                text,
                signature: signature.clone(),
                verified: key.and_then(|record| verify(&self.message, *at, signature, &record.key)),
            }
        });
        let has = |name: &&str| self.message.named(name).next().is_some();
        MailFacts {
            authors: self.authors.iter().take(AUTHORS).cloned().collect(),
            has_more_authors: self.authors.len() > AUTHORS,
            from_fields: self.message.named("from").count(),
            fault: self.message.fault.clone(),
            received: self.received(),
            worth_signing: WORTH_SIGNING.into_iter().filter(|name| has(name)).collect(),
            signatures: signatures.collect(),
            left_out: self.message.named("dkim-signature").count().saturating_sub(SIGNATURES),
            ..MailFacts::default()
        }
    }

    /// The time in the topmost `Received` field.
    fn received(&self) -> Option<u64> {
        let top = self.message.named("received").next()?;
        let text = self.message.fields[top].value_text().into_owned();
        date::unix_seconds(text.rsplit_once(';')?.1)
    }
}

/// The domains of the addresses in a field, in lower case, leaving out what is
/// in quotation marks or a comment.
fn domains(field: &str) -> Vec<String> {
    let mut plain = String::with_capacity(field.len());
    let (mut quoted, mut depth, mut escaped) = (false, 0_usize, false);
    for c in field.chars() {
        if std::mem::take(&mut escaped) {
            continue;
        }
        match c {
            '\\' if quoted || depth > 0 => escaped = true,
            '"' if depth == 0 => {
                quoted = !quoted;
                // Something stands there, as a local part may.
                plain.push('q');
            }
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth = depth.saturating_sub(1),
            c if !quoted && depth == 0 => plain.push(c),
            _ => {}
        }
    }
    let ends = |c: char| c.is_whitespace() || matches!(c, '<' | '>' | ',' | ';' | ':' | '"' | '[' | ']');
    plain
        .split(ends)
        .filter_map(|word| word.rsplit_once('@'))
        .map(|(_, domain)| domain.trim_end_matches('.').to_lowercase())
        .filter(|domain| mail_syntax::spf::is_queryable(domain) && domain.contains('.'))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authors_are_found_in_what_people_write() {
        let check = |field: &str, expected: &[&str]| assert_eq!(domains(field), expected, "{field}");
        check(" Joe <joe@A.Example>", &["a.example"]);
        check("\"joe@b.example\" <joe@a.example> (via c@d.example)", &["a.example"]);
        check("joe@a.example, <sue@b.example.>", &["a.example", "b.example"]);
        check("Group: joe@a.example;", &["a.example"]);
        check("\"a\\\"b\"@a.example", &["a.example"]);
        check("undisclosed", &[]);
    }

    #[test]
    fn a_bounce_is_no_mail_of_the_domain() {
        let check = |header: &str, expected: bool| {
            let text = format!("From: Mailer-Daemon@mx.example\n{header}\n\nx\n");
            assert_eq!(Mail::read(text.as_bytes()).is_delivery_report(), expected, "{header}");
        };
        let report = "Content-Type: multipart/report; report-type=delivery-status;\n boundary=x";
        check(report, true);
        check(&format!("Return-Path: <>\n{report}"), true);
        check(&format!("Return-Path: <joe@a.example>\n{report}"), false);
        check("Return-Path: <>\nContent-Type: multipart/report; report-type=feedback-report", false);
        check("Return-Path: <>\nContent-Type: text/plain", false);
    }
}
