//! What a line of a mail log says, whoever wrote it.

/// The way of the mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// We send, another server answers.
    Outgoing,
    /// Another server sends, we answer.
    Incoming,
}

/// What became of the mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Not now: it stays in the queue, or the client is to come again.
    Deferred,
    /// No: it went back, or the client was refused.
    Refused,
}

/// One refusal or deferral of one recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// The way.
    pub direction: Direction,
    /// What became of it.
    pub kind: Kind,
    /// The queue id; empty without one.
    pub queue: &'a [u8],
    /// The envelope sender, where the line has it; empty for bounces.
    pub sender: Option<&'a [u8]>,
    /// The envelope recipient; empty where the line has none.
    pub recipient: &'a [u8],
    /// The name of the other side; empty where the line has none.
    pub host: &'a [u8],
    /// Its address.
    pub address: &'a [u8],
    /// The enhanced code that the log itself gives.
    pub status: &'a [u8],
    /// What the other side, or we, said.
    pub said: &'a [u8],
}

/// What a line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact<'a> {
    /// A refusal or deferral.
    Event(Event<'a>),
    /// The sender of what has this queue id.
    From {
        /// The queue id.
        queue: &'a [u8],
        /// The envelope sender.
        sender: &'a [u8],
    },
    /// Delivered to one recipient.
    Sent {
        /// The queue id.
        queue: &'a [u8],
        /// The recipient.
        recipient: &'a [u8],
    },
    /// The sending server has given up on what has this queue id.
    GaveUp {
        /// The queue id.
        queue: &'a [u8],
    },
    /// A line of this software that tells nothing of the above.
    Other,
}

/// Where `needle` begins in `text`.
pub(crate) fn find(text: &[u8], needle: &[u8]) -> Option<usize> {
    memchr::memmem::find(text, needle)
}

/// What stands before and after the first `needle`.
pub(crate) fn split<'a>(text: &'a [u8], needle: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    find(text, needle).map(|at| (&text[..at], &text[at + needle.len()..]))
}

/// What follows `key` up to one of `ends`, or to the end.
pub(crate) fn field<'a>(text: &'a [u8], key: &[u8], ends: &[u8]) -> Option<&'a [u8]> {
    let rest = &text[find(text, key)? + key.len()..];
    Some(&rest[..rest.iter().position(|b| ends.contains(b)).unwrap_or(rest.len())])
}

/// The mailbox behind `key`, which ends in `<`: up to the `>` that a comma,
/// space, colon or the end follows.
pub(crate) fn mailbox<'a>(text: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    let rest = &text[find(text, key)? + key.len()..];
    let end = memchr::memchr_iter(b'>', rest)
        .find(|at| matches!(rest.get(at + 1), None | Some(b',' | b' ' | b':' | b';' | b')' | b']')))?;
    Some(&rest[..end])
}

/// `name[address]`, `name. [address]`, `[address]` or a bare name; a port behind it is left out.
pub(crate) fn peer(text: &[u8]) -> (&[u8], &[u8]) {
    let (name, rest) = split(text, b"[").unwrap_or((text, b""));
    let address = rest.iter().position(|b| *b == b']').map_or(&b""[..], |end| &rest[..end]);
    let name = name.trim_ascii();
    let name = name.strip_suffix(b".").unwrap_or(name);
    (if matches!(name, b"none" | b"unknown" | b"local" | b"virtual") { b"" } else { name }, address)
}
