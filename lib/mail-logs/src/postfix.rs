//! The log of Postfix.

use crate::event::{Direction, Event, Fact, Kind, field, find, mailbox, peer, split};

/// Reads the message of a line, `service` being the last part of its tag
/// (`smtp`, `qmgr`, `smtpd`, …).
pub(crate) fn read<'a>(service: &[u8], message: &'a [u8]) -> Fact<'a> {
    match service {
        b"qmgr" | b"pickup" => queue(message),
        b"smtpd" | b"postscreen" | b"cleanup" | b"submission" | b"smtps" | b"proxymap" => refusal(message),
        b"bounce" | b"master" | b"anvil" | b"tlsproxy" | b"scache" | b"trivial-rewrite" | b"verify" => Fact::Other,
        // smtp, lmtp, local, virtual, pipe, error, retry, discard and services of the user's own.
        _ => delivery(message).unwrap_or(Fact::Other),
    }
}

fn id(message: &[u8]) -> Option<(&[u8], &[u8])> {
    let (id, _) = split(&message[..message.len().min(32)], b": ")?;
    let is_id = (5..=20).contains(&id.len()) && id.iter().all(u8::is_ascii_alphanumeric);
    is_id.then(|| (id, &message[id.len() + 2..]))
}

fn queue(message: &[u8]) -> Fact<'_> {
    let Some((queue, rest)) = id(message) else { return Fact::Other };
    if find(rest, b"status=expired").is_some() {
        return Fact::GaveUp { queue };
    }
    match mailbox(rest, b"from=<") {
        Some(sender) => Fact::From { queue, sender },
        None => Fact::Other,
    }
}

fn delivery(message: &[u8]) -> Option<Fact<'_>> {
    let (queue, rest) = id(message)?;
    let recipient = mailbox(rest, b"to=<").filter(|_| rest.starts_with(b"to=<"))?;
    let (before, after) = split(rest, b"status=")?;
    let (word, words) = split(after, b" ").unwrap_or((after, b""));
    let kind = match word {
        b"sent" | b"deliverable" => return Some(Fact::Sent { queue, recipient }),
        b"deferred" | b"SOFTBOUNCE" => Kind::Deferred,
        b"bounced" | b"undeliverable" => Kind::Refused,
        _ => return Some(Fact::Other),
    };
    let (host, address) = peer(field(before, b"relay=", b",").unwrap_or_default());
    let status = field(before, b"dsn=", b",").unwrap_or_default();
    let words = words.strip_prefix(b"(").unwrap_or(words);
    let words = words.strip_suffix(b")").unwrap_or(words);
    let (host, address, said) = told(words).unwrap_or((host, address, words));
    let event =
        Event { direction: Direction::Outgoing, kind, queue, sender: None, recipient, host, address, status, said };
    Some(Fact::Event(event))
}

/// `host H[A] said: …`, `host H[A] refused to talk to me: …`, perhaps behind
/// `delivery temporarily suspended: `; the host that spoke, and its words.
fn told(words: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let words = words.strip_prefix(b"delivery temporarily suspended: ").unwrap_or(words);
    let rest = words.strip_prefix(b"host ")?;
    let (who, said) = split(rest, b" said: ").or_else(|| split(rest, b" refused to talk to me: "))?;
    if who.len() > 320 {
        return None;
    }
    let (host, address) = peer(who);
    Some((host, address, said))
}

/// `NOQUEUE: reject: RCPT from unknown[192.0.2.1]: 554 5.7.1 …; from=<a> to=<b> proto=ESMTP helo=<c>`.
fn refusal(message: &[u8]) -> Fact<'_> {
    let head = &message[..message.len().min(64)];
    let Some(at) = find(head, b"reject: ") else {
        // `4ABC: client=…, sasl_username=…` and the like.
        return Fact::Other;
    };
    let queue = id(message).map(|(queue, _)| queue).filter(|queue| *queue != b"NOQUEUE").unwrap_or_default();
    let rest = &message[at + b"reject: ".len()..];
    let Some((_, from)) = split(rest, b" from ") else { return Fact::Other };
    // A header that is quoted may hold anything: the client stands behind the last ` from ` before `; from=<`.
    let envelope = find(rest, b"; from=<").unwrap_or(rest.len());
    let last = memchr::memmem::rfind(&rest[..envelope], b" from ").map(|at| &rest[at + 6..]);
    let quoted = rest.starts_with(b"header ") || rest.starts_with(b"body ");
    let from = if quoted { last.unwrap_or(from) } else { from };
    let (host, address) =
        peer(&from[..from.iter().position(|b| *b == b']').map_or(from.len().min(320), |end| end + 1)]);
    let tail = &rest[envelope..];
    let sender = mailbox(tail, b"from=<");
    let recipient = mailbox(tail, b"to=<").filter(|_| find(tail, b" to=<").is_some()).unwrap_or_default();
    let said = if quoted {
        // The words of a header check stand behind the envelope.
        split(tail, b">: ").map_or(&b""[..], |(_, said)| said)
    } else {
        let spoken = &from[..find(from, b"; from=<").unwrap_or(from.len())];
        split(spoken, b"]: ").or_else(|| split(spoken, b": ")).map_or(spoken, |(_, said)| said)
    };
    // postscreen names the client's port between.
    let said = match split(said, b": ") {
        Some((port, rest)) if !port.is_empty() && port.iter().all(u8::is_ascii_digit) => rest,
        _ => said,
    };
    let kind = if said.starts_with(b"4") { Kind::Deferred } else { Kind::Refused };
    let status = &b""[..];
    Fact::Event(Event { direction: Direction::Incoming, kind, queue, sender, recipient, host, address, status, said })
}
