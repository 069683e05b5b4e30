//! The log of sendmail.

use crate::event::{Direction, Event, Fact, Kind, field, find, mailbox, peer, split};

/// Reads the message of a line.
pub(crate) fn read(message: &[u8]) -> Fact<'_> {
    let (queue, rest) = match split(&message[..message.len().min(24)], b": ") {
        Some((id, _)) if id.len() >= 10 && id.iter().all(u8::is_ascii_alphanumeric) => (id, &message[id.len() + 2..]),
        _ => (&b""[..], message),
    };
    if rest.starts_with(b"from=") && !queue.is_empty() {
        let sender = mailbox(rest, b"from=<").or_else(|| field(rest, b"from=", b",")).unwrap_or_default();
        return Fact::From { queue, sender };
    }
    if rest.starts_with(b"to=") {
        return delivery(queue, rest);
    }
    if rest.starts_with(b"ruleset=") || rest.starts_with(b"Milter: ") {
        return refusal(queue, rest).unwrap_or(Fact::Other);
    }
    Fact::Other
}

/// The first of the recipients that one line names.
fn recipient(rest: &[u8]) -> &[u8] {
    mailbox(rest, b"to=<").or_else(|| field(rest, b"to=", b",")).unwrap_or_default()
}

fn delivery<'a>(queue: &'a [u8], rest: &'a [u8]) -> Fact<'a> {
    let recipient = recipient(rest);
    let Some((before, stat)) = split(rest, b", stat=") else { return Fact::Other };
    let status = field(before, b", dsn=", b",").unwrap_or_default();
    let kind = match status.first() {
        _ if stat.starts_with(b"Sent") => return Fact::Sent { queue, recipient },
        _ if stat.starts_with(b"queued") => return Fact::Other,
        _ if stat.starts_with(b"Deferred") => Kind::Deferred,
        Some(b'2') => return Fact::Sent { queue, recipient },
        Some(b'4') => Kind::Deferred,
        _ => Kind::Refused,
    };
    let (host, address) = field(before, b", relay=", b",").map_or((&b""[..], &b""[..]), peer);
    // Newer ones keep what the other side said, which tells more than their own summary.
    let reply = split(before, b", reply=")
        .map(|(_, reply)| reply)
        .filter(|reply| reply.first().is_some_and(u8::is_ascii_digit));
    let said = reply.unwrap_or(stat);
    let (sender, direction) = (None, Direction::Outgoing);
    Fact::Event(Event { direction, kind, queue, sender, recipient, host, address, status, said })
}

/// `ruleset=check_rcpt, arg1=<b>, relay=host [192.0.2.1], reject=550 5.7.1 …`.
fn refusal<'a>(queue: &'a [u8], rest: &'a [u8]) -> Option<Fact<'a>> {
    let (before, said) = split(rest, b"reject=")?;
    let (host, address) = field(before, b"relay=", b",").map_or((&b""[..], &b""[..]), peer);
    let of_rcpt = find(before, b"check_rcpt").is_some();
    let argument = mailbox(before, b"arg1=<");
    let recipient = mailbox(before, b"to=<").or(argument.filter(|_| of_rcpt)).unwrap_or_default();
    let sender = mailbox(before, b"from=<").or(argument.filter(|_| find(before, b"check_mail").is_some()));
    let kind = if said.starts_with(b"4") { Kind::Deferred } else { Kind::Refused };
    let (status, direction) = (&b""[..], Direction::Incoming);
    Some(Fact::Event(Event { direction, kind, queue, sender, recipient, host, address, status, said }))
}
