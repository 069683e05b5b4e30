//! A message from a file or from standard input.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use engine_plugin_api::Message;

use crate::complaint::Complaint;

/// How much of the beginning tells whether it can be a message, in bytes.
const BEGINNING: usize = 8 << 10;

/// What people take for a message and is none: how it begins, and what it is.
const NO_MESSAGES: [(&[u8], &str); 8] = [
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "it is an Outlook .msg file; save the message as .eml instead"),
    (b"\x1f\x8b", "it is compressed; unpack it first, for example with gunzip"),
    (b"BZh", "it is compressed; unpack it first, for example with bunzip2"),
    (b"\xfd7zXZ\0", "it is compressed; unpack it first, for example with unxz"),
    (b"\x28\xb5\x2f\xfd", "it is compressed; unpack it first, for example with unzstd"),
    (b"PK\x03\x04", "it is a ZIP archive; unpack it first"),
    (b"!BDN", "it is an Outlook .pst file; export the one message as .eml instead"),
    (b"%PDF-", "it is a PDF; save the message itself, for example with \"show original\""),
];

/// Reads the message that `--message` names, `-` for standard input, and no
/// more than [`Message::LARGEST`] bytes of it.
pub fn read(name: &str) -> Result<Message, Complaint> {
    let bytes = if name == "-" {
        bounded(io::stdin().lock())
    } else {
        let path = Path::new(name);
        if path.is_dir() {
            return Err(Complaint::new(format!("--message {name} is a directory"))
                .hint("give one message; in a maildir each is a file below new/ or cur/"));
        }
        File::open(path).and_then(bounded)
    };
    let bytes = bytes.map_err(|error| Complaint::new(format!("could not read --message {name}: {error}")))?;
    if bytes.len() > Message::LARGEST {
        let limit = Message::LARGEST >> 20;
        return Err(Complaint::new(format!("--message {name} is larger than {limit} MiB"))
            .hint(format!("a bounce tells all in its beginning: head -c {limit}M FILE | engine run --message -")));
    }
    match fault(&bytes) {
        Some((fault, hint)) => Err(Complaint::new(format!("--message {name} {fault}")).hint(hint)),
        None => Ok(Message::new(name, bytes)),
    }
}

fn bounded(source: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(Message::LARGEST as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What shows that `bytes` are no message, and what to do.
fn fault(bytes: &[u8]) -> Option<(&'static str, &'static str)> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Some(("is empty", "give the message as it was saved, header and body"));
    }
    if let Some((_, what)) = NO_MESSAGES.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Some(("is no message", what));
    }
    let beginning = &bytes[..bytes.len().min(BEGINNING)];
    if beginning.contains(&0) && !is_utf_16(beginning) && !begins_with_field(beginning) {
        return Some(("is a binary file and no message", "give the message as it was saved, header and body"));
    }
    None
}

/// Whether it is text in 16-bit units: marked as such, or with NUL in every other byte.
fn is_utf_16(beginning: &[u8]) -> bool {
    let zero = |offset: usize| beginning.iter().skip(offset).step_by(2).filter(|byte| **byte == 0).count();
    let most = beginning.len() * 2 / 5;
    beginning.starts_with(b"\xff\xfe")
        || beginning.starts_with(b"\xfe\xff")
        || (zero(0) > most && zero(1) == 0)
        || (zero(1) > most && zero(0) == 0)
}

/// Whether the first line is a header field (RFC 5322 §2.2), or the line
/// `From …` that a mail folder puts before a message.
fn begins_with_field(beginning: &[u8]) -> bool {
    let line = beginning.split(|byte| *byte == b'\n').find(|line| !line.trim_ascii().is_empty()).unwrap_or_default();
    let name = line.split(|byte| *byte == b':').next().unwrap_or_default().trim_ascii_end();
    line.starts_with(b"From ") || (name.len() < line.len() && !name.is_empty() && name.iter().all(u8::is_ascii_graphic))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_no_message_is_named() {
        let utf_16: Vec<u8> = "From: a@b.example\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        for (bytes, expected) in [
            (&b""[..], Some("empty")),
            (b" \r\n\r\n", Some("empty")),
            (b"\x7fELF\x02\x01\x01\0\0\0\0", Some("binary")),
            (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", Some("binary")),
            (b"\x1f\x8b\x08\0", Some("is no message")),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0", Some("is no message")),
            (b"From: a@b.example\n\nwith \0 in it", None),
            (b"From a@b.example Thu Jan  1 00:00:00 1970\n\0", None),
            (b"\r\n550 5.1.1 no header at all", None),
            (&utf_16, None),
        ] {
            let found = fault(bytes).map(|(what, _)| what);
            assert_eq!(found.is_some(), expected.is_some(), "{bytes:?}: {found:?}");
            assert!(found.unwrap_or_default().contains(expected.unwrap_or_default()), "{bytes:?}: {found:?}");
        }
    }
}
