//! The main log of Exim.

use crate::event::{Direction, Event, Fact, Kind, field, find, mailbox, peer, split};

/// Reads what follows the time; `None` when the line is none of Exim's.
pub(crate) fn read(mut rest: &[u8]) -> Option<Fact<'_>> {
    if rest.first() == Some(&b'[') {
        // `log_selector = +pid`
        let (pid, after) = split(rest, b"] ")?;
        rest = Some(after).filter(|_| pid[1..].iter().all(u8::is_ascii_digit) && pid.len() > 1)?;
    }
    let Some(queue) = id(rest) else {
        let known =
            [&b"H="[..], b"SMTP ", b"TLS ", b"no ", b"Start queue", b"End queue", b"exim ", b"unexpected ", b"I="];
        let refused = refusal(rest, b"");
        return refused.or_else(|| known.iter().any(|start| rest.starts_with(start)).then_some(Fact::Other));
    };
    let rest = rest.get(queue.len() + 1..).unwrap_or_default();
    let (flag, after) = split(rest, b" ").unwrap_or((rest, b""));
    Some(match flag {
        b"<=" => {
            let sender = &after[..after.iter().position(|b| *b == b' ').unwrap_or(after.len())];
            Fact::From { queue, sender: if sender == b"<>" { b"" } else { sender } }
        }
        b"=>" | b"->" | b">>" => Fact::Sent { queue, recipient: address(after) },
        b"==" => failure(queue, after, Kind::Deferred),
        b"**" => failure(queue, after, Kind::Refused),
        _ => refusal(rest, queue).unwrap_or(Fact::Other),
    })
}

/// A message id: `1rXyzA-0005aB-2c`, since 4.97 `1rXyzA-00000005aBc-2cde`.
fn id(rest: &[u8]) -> Option<&[u8]> {
    let fits = |length: usize, second: usize| {
        let id = rest.get(..length)?;
        let dashes = id[6] == b'-' && id[second] == b'-';
        let others = id.iter().enumerate().all(|(at, b)| at == 6 || at == second || b.is_ascii_alphanumeric());
        (dashes && others && rest.get(length).is_none_or(|b| *b == b' ')).then_some(id)
    };
    fits(16, 13).or_else(|| fits(23, 18))
}

/// The address at the start, which may be followed by the one that it came from.
fn address(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|b| *b == b' ').unwrap_or(text.len());
    let address = &text[..end];
    address.strip_suffix(b":").unwrap_or(address)
}

/// `jo@b.example R=dnslookup T=remote_smtp H=mx.b.example [192.0.2.1]: SMTP error …: 550 5.1.1 …`.
fn failure<'a>(queue: &'a [u8], text: &'a [u8], kind: Kind) -> Fact<'a> {
    let recipient = address(text);
    let (head, mut said) = split(text, b": ").unwrap_or((text, b""));
    if said.is_empty() {
        said = text.get(recipient.len()..).unwrap_or_default().trim_ascii();
    }
    // Without a word about TLS names, which may hold a colon: `DN="/CN=a: b"`.
    let (host, peer_address) = find(head, b" H=").map_or((&b""[..], &b""[..]), |at| peer(&head[at + 3..]));
    let sender = mailbox(head, b" F=<");
    let (status, direction) = (&b""[..], Direction::Outgoing);
    Fact::Event(Event { direction, kind, queue, sender, recipient, host, address: peer_address, status, said })
}

/// `H=(helo) [192.0.2.1] F=<a> rejected RCPT <b>: relay not permitted`.
fn refusal<'a>(text: &'a [u8], queue: &'a [u8]) -> Option<Fact<'a>> {
    let at = find(text, b"rejected ")?;
    let before = &text[..at];
    let after = &text[at + b"rejected ".len()..];
    let commands = [
        &b"RCPT"[..],
        b"MAIL",
        b"EHLO",
        b"HELO",
        b"after DATA",
        b"during ",
        b"connection",
        b"VRFY",
        b"AUTH",
        b"from",
        b"by ",
    ];
    if find(before, b"H=").is_none() || !commands.iter().any(|command| after.starts_with(command)) {
        return None;
    }
    let kind = if before.ends_with(b"temporarily ") { Kind::Deferred } else { Kind::Refused };
    let host = field(before, b"H=", b"[").unwrap_or_default();
    // The name in brackets is what the client called itself; the other one was found in DNS.
    let host = &host[..host.iter().position(|b| *b == b'(').unwrap_or(host.len())];
    let address = field(before, b"[", b"]").unwrap_or_default();
    let sender = mailbox(before, b"F=<");
    let recipient = if after.starts_with(b"RCPT <") { mailbox(after, b"RCPT <").unwrap_or_default() } else { b"" };
    let said = split(after, b": ").map_or(after, |(_, said)| said);
    let (status, direction) = (&b""[..], Direction::Incoming);
    let event = Event { direction, kind, queue, sender, recipient, host: host.trim_ascii(), address, status, said };
    Some(Fact::Event(event))
}
