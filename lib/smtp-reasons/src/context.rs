//! What stands around a reply in a log line or a bounce: for whom, from whom,
//! under which queue id, and which server spoke.

use std::{net::IpAddr, ops::Range};

use serde::Serialize;

use crate::{
    elements::Part,
    parse::{Reply, prepared},
};

/// What the text around a reply names; each absent where it does not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Context {
    /// The envelope recipient.
    pub recipient: Option<Part<String>>,
    /// The envelope sender; empty for a bounce.
    pub sender: Option<Part<String>>,
    /// The queue id of the server that wrote the line, or of the one that answered.
    pub queue_id: Option<Part<String>>,
    /// The name of the server that answered.
    pub remote_host: Option<Part<String>>,
    /// Its address.
    pub remote_address: Option<Part<IpAddr>>,
}

/// Before a recipient, the surest first.
const RECIPIENT: [&str; 7] =
    ["rcpt to:<", " to=<", "final-recipient: rfc822;", "original-recipient: rfc822;", "to:<", " ** ", " == "];
/// Before a sender.
const SENDER: [&str; 5] = ["mail from:<", " from=<", " f=<", "ctladdr=<", "x-postfix-sender: rfc822;"];
/// Before the name of the server that answered.
const REMOTE: [&str; 9] = [
    " relay=",
    "host ",
    " h=",
    "remote-mta: dns;",
    "while talking to ",
    "remote server at ",
    "connect to ",
    "lost connection with ",
    "conversation with ",
];
/// Before a queue id.
const QUEUE: [&str; 5] = ["queued as ", "x-postfix-queue-id: ", "esmtp id ", "esmtps id ", "queue id "];

impl Reply {
    /// What stands around the reply in `text`, which is the text that it was parsed from.
    pub fn context(&self, text: &str) -> Context {
        let meant = prepared(text);
        let Some(part) = meant.as_deref().unwrap_or(text).get(self.span.clone()) else { return Context::default() };
        let lower = part.to_ascii_lowercase();
        let at = self.span.start;
        let search = Search { part, lower: &lower, at };
        let (remote_host, remote_address) = search.remote();
        let recipient = search.mailbox(&RECIPIENT).or_else(|| search.leading_mailbox()).or_else(|| {
            // The server names the recipient, unless it speaks of the sender.
            let about_sender = lower.contains("sender");
            self.elements.mailboxes.iter().find(|m| m.span.start >= self.said.start && !about_sender).cloned()
        });
        let sender = search.mailbox(&SENDER);
        Context {
            recipient: recipient.filter(|r| !r.value.is_empty()),
            sender,
            queue_id: search.queue_id(),
            remote_host,
            remote_address,
        }
    }
}

struct Search<'t> {
    part: &'t str,
    lower: &'t str,
    /// Where `part` begins in the whole text.
    at: usize,
}

impl Search<'_> {
    /// What stands behind each of `keys`, with its place in `part`.
    fn behind<'s>(&'s self, keys: &'s [&str]) -> impl Iterator<Item = usize> + 's {
        keys.iter().filter_map(|key| self.lower.find(key).map(|at| at + key.len()))
    }

    fn found(&self, range: Range<usize>) -> Part<String> {
        Part { value: self.part[range.clone()].to_owned(), span: self.at + range.start..self.at + range.end }
    }

    fn mailbox(&self, keys: &[&str]) -> Option<Part<String>> {
        self.behind(keys).find_map(|from| {
            let rest = &self.part[from..];
            let from = from + (rest.len() - rest.trim_start_matches([' ', '<']).len());
            let bracketed = self.part[..from].ends_with('<');
            let rest = &self.part[from..];
            let end = rest.find(|c: char| c == '>' || c.is_whitespace() || (!bracketed && ",;:)".contains(c)));
            let mailbox = &rest[..end.unwrap_or(rest.len())];
            let fits = mailbox.contains('@') || (mailbox.is_empty() && bracketed && rest.starts_with('>'));
            fits.then(|| self.found(from..from + mailbox.len()))
        })
    }

    /// `<jo@b.example>: host …`, as Postfix and qmail begin a paragraph of a bounce.
    fn leading_mailbox(&self) -> Option<Part<String>> {
        self.part.match_indices('<').find_map(|(open, _)| {
            let begins =
                self.part[..open].trim_end_matches([' ', '\t']).is_empty() || self.part[..open].ends_with('\n');
            let rest = &self.part[open + 1..];
            let close = rest.find('>')?;
            let fits =
                begins && rest[close + 1..].trim_start_matches(' ').starts_with(':') && rest[..close].contains('@');
            fits.then(|| self.found(open + 1..open + 1 + close))
        })
    }

    fn remote(&self) -> (Option<Part<String>>, Option<Part<IpAddr>>) {
        for from in self.behind(&REMOTE) {
            let rest = &self.part[from..];
            let from = from + (rest.len() - rest.trim_start().len());
            let rest = &self.part[from..];
            let end = rest.find(|c: char| c.is_whitespace() || "[(,;)".contains(c) || c == ':').unwrap_or(rest.len());
            let name = rest[..end].trim_end_matches('.');
            if !name.contains('.') || name.contains(['@', '=', '<', '/']) {
                continue;
            }
            let behind = rest[end..].trim_start_matches([' ', '.']);
            let bracket = behind.strip_prefix(['[', '(']);
            let address = bracket.and_then(|inner| {
                let close = inner.find([']', ')'])?;
                let address = inner[..close].parse().ok()?;
                let start = self.part.len() - inner.len();
                Some(Part { value: address, span: self.at + start..self.at + start + close })
            });
            if let Ok(value) = name.parse() {
                return (None, Some(Part { value, span: self.at + from..self.at + from + name.len() }));
            }
            return (Some(self.found(from..from + name.len())), address);
        }
        (None, None)
    }

    fn queue_id(&self) -> Option<Part<String>> {
        // `postfix/smtp[123]: 4ABC: to=…`, `sm-mta[123]: 5APA…: to=…`.
        let tagged = self.lower.match_indices("]: ").find_map(|(at, sign)| {
            let rest = &self.part[at + sign.len()..];
            let id = &rest[..rest.find(": ")?];
            let fits = (8..=20).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric());
            fits.then(|| self.found(at + sign.len()..at + sign.len() + id.len()))
        });
        let exim = || {
            self.part.split_whitespace().find(|word| is_exim_id(word)).map(|word| {
                let at = word.as_ptr() as usize - self.part.as_ptr() as usize;
                self.found(at..at + word.len())
            })
        };
        let named = || {
            self.behind(&QUEUE).find_map(|from| {
                let rest = &self.part[from..];
                let end =
                    rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '.'))).unwrap_or(rest.len());
                let id = rest[..end].trim_end_matches('.');
                (id.len() >= 5).then(|| self.found(from..from + id.len()))
            })
        };
        // `… a1si2345678qtp.12 - gsmtp`.
        let google = || {
            let end = self.lower.find(" - gsmtp")?;
            let id = self.part[..end].rsplit(char::is_whitespace).next()?;
            (id.len() >= 8).then(|| self.found(end - id.len()..end))
        };
        tagged.or_else(exim).or_else(named).or_else(google)
    }
}

/// `1rXyzA-0005aB-2c`, since Exim 4.97 `1rXyzA-00000005aBc-2cde`.
fn is_exim_id(word: &str) -> bool {
    let parts: Vec<usize> = word.split('-').map(str::len).collect();
    matches!(parts.as_slice(), [6, 6, 2] | [6, 11, 4]) && word.bytes().all(|b| b == b'-' || b.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::parse;

    /// Recipient, sender, queue id, remote host and address of the first reply.
    fn context(text: &str) -> [String; 5] {
        let found = parse(text).replies[0].context(text);
        for part in [&found.recipient, &found.sender, &found.queue_id, &found.remote_host].into_iter().flatten() {
            assert_eq!(text[part.span.clone()], part.value, "{text}");
        }
        let shown = |part: &Option<crate::Part<String>>| part.as_ref().map_or("-".to_owned(), |p| p.value.clone());
        [
            shown(&found.recipient),
            shown(&found.sender),
            shown(&found.queue_id),
            shown(&found.remote_host),
            found.remote_address.map_or("-".to_owned(), |p| p.value.to_string()),
        ]
    }

    #[test]
    fn every_server_writes_it_in_its_own_way() {
        for (text, expected) in [
            (
                "Nov 25 10:00:01 mail postfix/smtp[11]: 4AAAAAAAAA: to=<jo@b.example>, relay=mx.b.example[192.0.2.1]:25, \
                 dsn=5.1.1, status=bounced (host mx.b.example[192.0.2.1] said: 550 5.1.1 User unknown)",
                ["jo@b.example", "-", "4AAAAAAAAA", "mx.b.example", "192.0.2.1"],
            ),
            (
                "postfix/smtpd[13]: NOQUEUE: reject: RCPT from h.example[198.51.100.7]: 554 5.7.1 <x@y.example>: Relay \
                 access denied; from=<a@z.example> to=<x@y.example> proto=ESMTP",
                ["x@y.example", "a@z.example", "-", "-", "-"],
            ),
            (
                "2026-11-25 10:00:02 1rXyzA-0005aB-2c ** mia@c.example R=dnslookup T=remote_smtp H=mx.c.example \
                 [192.0.2.2]: SMTP error from remote mail server after RCPT TO:<mia@c.example>: 550 5.1.1 unknown",
                ["mia@c.example", "-", "1rXyzA-0005aB-2c", "mx.c.example", "192.0.2.2"],
            ),
            (
                "<jo@b.example>: host mx.b.example[2001:db8::1] said: 550 No such user (in reply to RCPT TO command)",
                ["jo@b.example", "-", "-", "mx.b.example", "2001:db8::1"],
            ),
            (
                "Final-Recipient: rfc822; jo@b.example\nRemote-MTA: dns; mx.b.example\nDiagnostic-Code: smtp; 550 5.1.1 no",
                ["jo@b.example", "-", "-", "mx.b.example", "-"],
            ),
            ("550 5.1.1 <jo@b.example>... User unknown", ["jo@b.example", "-", "-", "-", "-"]),
            ("553 5.1.8 <a@x.example>... Sender domain must exist", ["-", "-", "-", "-", "-"]),
            ("550 5.7.26 not accepted a1si2345678qtp.12 - gsmtp", ["-", "-", "a1si2345678qtp.12", "-", "-"]),
            ("250 2.0.0 Ok: queued as 4BBBBBBBBB", ["-", "-", "4BBBBBBBBB", "-", "-"]),
            (
                "Remote Server at b.example (192.0.2.9) returned '550 5.1.1 no'",
                ["-", "-", "-", "b.example", "192.0.2.9"],
            ),
            (
                "&lt;jo@b.example&gt;: host mx.b.example[192.0.2.1] said: 550 5.1.1 &lt;jo@b.example&gt;: User unknown",
                ["jo@b.example", "-", "-", "mx.b.example", "192.0.2.1"],
            ),
            ("550 no", ["-", "-", "-", "-", "-"]),
        ] {
            assert_eq!(context(text), expected, "{text}");
        }
    }
}
