//! Whose line it is: time, program, and what it says.

use serde::Serialize;

use crate::{
    event::{Fact, split},
    exim, postfix, sendmail,
    stamp::{Stamp, Today},
};

/// A mail server whose log is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Software {
    /// Postfix.
    Postfix,
    /// Exim.
    Exim,
    /// sendmail.
    Sendmail,
}

/// Reads a line; `None` when no mail server that is known here wrote it.
pub fn read(line: &[u8], today: Today) -> Option<(Stamp, Software, Fact<'_>)> {
    let (at, length) = Stamp::read(line, today)?;
    let rest = &line[length..];
    // Exim's own log has no host and no program behind the time.
    if line.first().is_some_and(u8::is_ascii_digit)
        && let Some(fact) = exim::read(rest)
    {
        return Some((at, Software::Exim, fact));
    }
    let (host, rest) = split(rest, b" ")?;
    // Some write the program straight behind the time.
    let (tag, message) = if host.ends_with(b":") { (host, rest) } else { split(rest, b" ")? };
    let (tag, message) = match tag.strip_suffix(b":") {
        Some(tag) => (tag, message),
        // RFC 5424: program, process id, message id, structured data, message.
        None => {
            let (_process, rest) = split(message, b" ")?;
            let (_id, rest) = split(rest, b" ")?;
            (tag, rest.strip_prefix(b"- ").unwrap_or(rest))
        }
    };
    let program = &tag[..tag.iter().position(|b| *b == b'[').unwrap_or(tag.len())];
    if program.starts_with(b"postfix") {
        let service = program.rsplit(|b| *b == b'/').next().unwrap_or_default();
        return Some((at, Software::Postfix, postfix::read(service, message)));
    }
    if program.starts_with(b"exim") {
        // Sent to syslog, Exim may repeat the time.
        let message = Stamp::read(message, today).map_or(message, |(_, length)| &message[length..]);
        return Some((at, Software::Exim, exim::read(message).unwrap_or(Fact::Other)));
    }
    if program.starts_with(b"sm-") || program == b"sendmail" || program == b"mta" {
        return Some((at, Software::Sendmail, sendmail::read(message)));
    }
    None
}
