//! What to ask of a server, in arguments that hold nothing but themselves.

use std::fmt;

/// The longest command line, CRLF included (RFC 5321 §4.5.3.1.4).
pub const MAX_COMMAND: usize = 512;

/// The most recipients of one session: what every server must take
/// (RFC 5321 §4.5.3.1.8).
pub const MAX_RECIPIENTS: usize = 100;

/// The most probes of one session.
pub const MAX_PROBES: usize = 8;

/// What a [`crate::Dialogue`] asks: at the least EHLO and QUIT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    pub(crate) ehlo: String,
    pub(crate) starttls: StartTls,
    pub(crate) envelope: Option<Envelope>,
    pub(crate) greeting_only: bool,
    pub(crate) probes: Vec<Probe>,
}

/// What is asked after the envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Probe {
    Envelope(Envelope),
    Verify(String),
    Expand(String),
}

/// Whether to use STARTTLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum StartTls {
    /// Stay in clear text.
    Never,
    /// Use it when the server offers it.
    #[default]
    IfOffered,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Envelope {
    pub(crate) sender: String,
    pub(crate) recipients: Vec<String>,
}

/// An argument of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Argument {
    /// The name after EHLO or HELO.
    EhloName,
    /// The address after MAIL FROM.
    Sender,
    /// An address after RCPT TO.
    Recipient,
    /// A mailbox after VRFY or EXPN.
    Mailbox,
}

impl fmt::Display for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Argument::EhloName => "EHLO name",
            Argument::Sender => "sender",
            Argument::Recipient => "recipient",
            Argument::Mailbox => "mailbox",
        })
    }
}

/// Why an argument is not sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArgumentError {
    /// Nothing is there where something is needed.
    #[error("the {argument} is empty")]
    Empty {
        /// Which argument.
        argument: Argument,
    },
    /// A character would end the command, or the argument, early.
    #[error("the {argument} {value:?} holds {character:?}, which would not stay inside the command")]
    Character {
        /// Which argument.
        argument: Argument,
        /// The argument itself.
        value: String,
        /// The character.
        character: char,
        /// Its byte offset in the argument.
        at: usize,
    },
    /// It is not ASCII; without SMTPUTF8 (RFC 6531) it cannot be sent.
    #[error("the {argument} {value:?} is not ASCII, and SMTPUTF8 is not spoken here")]
    NotAscii {
        /// Which argument.
        argument: Argument,
        /// The argument itself.
        value: String,
    },
    /// The command would be longer than [`MAX_COMMAND`].
    #[error("the {argument} of {length} octets is too long for a command of {MAX_COMMAND}")]
    TooLong {
        /// Which argument.
        argument: Argument,
        /// Its length in octets.
        length: usize,
    },
    /// There are more probes than [`MAX_PROBES`].
    #[error("more than {MAX_PROBES} probes")]
    TooManyProbes,
    /// There are more than [`MAX_RECIPIENTS`].
    #[error("{count} recipients are more than {MAX_RECIPIENTS}")]
    TooManyRecipients {
        /// How many there are.
        count: usize,
    },
}

impl Plan {
    /// EHLO with `name`, STARTTLS if offered, no envelope, QUIT.
    ///
    /// # Errors
    /// When `name` is empty, not ASCII, too long, or holds a space or a control
    /// character.
    pub fn new(name: &str) -> Result<Plan, ArgumentError> {
        checked(Argument::EhloName, name)?;
        Ok(Plan {
            ehlo: name.to_owned(),
            starttls: StartTls::default(),
            envelope: None,
            greeting_only: false,
            probes: Vec::new(),
        })
    }

    /// Sets whether to use STARTTLS.
    pub fn starttls(mut self, policy: StartTls) -> Plan {
        self.starttls = policy;
        self
    }

    /// Says QUIT right after the greeting, and nothing else.
    pub fn greeting_only(mut self) -> Plan {
        self.greeting_only = true;
        self
    }

    /// Adds MAIL FROM with `sender`, the null sender when it is empty, and RCPT
    /// TO with each recipient in turn. Addresses are `local@domain` without
    /// angle brackets.
    ///
    /// # Errors
    /// When an address is not ASCII, too long, or holds a control character, or
    /// outside a quoted string a space or an angle bracket; when a recipient is
    /// empty; when there are more than [`MAX_RECIPIENTS`].
    pub fn envelope(mut self, sender: &str, recipients: &[impl AsRef<str>]) -> Result<Plan, ArgumentError> {
        self.envelope = Some(Envelope::checked(sender, recipients)?);
        Ok(self)
    }

    /// Adds another envelope, tried after what was planned before; a
    /// transaction that is open then is ended with RSET. Nothing further is
    /// tried once MAIL was answered with a 4yz reply.
    ///
    /// # Errors
    /// As [`Plan::envelope`]; when there are more than [`MAX_PROBES`] probes.
    pub fn then_envelope(self, sender: &str, recipients: &[impl AsRef<str>]) -> Result<Plan, ArgumentError> {
        let probe = Probe::Envelope(Envelope::checked(sender, recipients)?);
        self.probe(probe)
    }

    /// Adds VRFY of a mailbox (RFC 5321 §4.1.1.6), in its turn as
    /// [`Plan::then_envelope`]; it needs no RSET (§4.1.4).
    ///
    /// # Errors
    /// When `mailbox` is no argument; when there are more than [`MAX_PROBES`] probes.
    pub fn then_verify(self, mailbox: &str) -> Result<Plan, ArgumentError> {
        checked(Argument::Mailbox, mailbox)?;
        self.probe(Probe::Verify(mailbox.to_owned()))
    }

    /// Adds EXPN of a mailbox (RFC 5321 §4.1.1.7), as [`Plan::then_verify`].
    ///
    /// # Errors
    /// When `mailbox` is no argument; when there are more than [`MAX_PROBES`] probes.
    pub fn then_expand(self, mailbox: &str) -> Result<Plan, ArgumentError> {
        checked(Argument::Mailbox, mailbox)?;
        self.probe(Probe::Expand(mailbox.to_owned()))
    }

    fn probe(mut self, probe: Probe) -> Result<Plan, ArgumentError> {
        if self.probes.len() >= MAX_PROBES {
            return Err(ArgumentError::TooManyProbes);
        }
        self.probes.push(probe);
        Ok(self)
    }
}

impl Envelope {
    fn checked(sender: &str, recipients: &[impl AsRef<str>]) -> Result<Envelope, ArgumentError> {
        if recipients.len() > MAX_RECIPIENTS {
            return Err(ArgumentError::TooManyRecipients { count: recipients.len() });
        }
        if !sender.is_empty() {
            checked(Argument::Sender, sender)?;
        }
        for recipient in recipients {
            checked(Argument::Recipient, recipient.as_ref())?;
        }
        let recipients = recipients.iter().map(|recipient| recipient.as_ref().to_owned()).collect();
        Ok(Envelope { sender: sender.to_owned(), recipients })
    }
}

/// Where in an address one is (RFC 5321 §4.1.2).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quoting {
    Plain,
    Quoted,
    /// After a backslash in a quoted string.
    Escaped,
}

impl Quoting {
    fn after(self, character: char) -> Quoting {
        match (self, character) {
            (Quoting::Plain, '"') | (Quoting::Escaped, _) => Quoting::Quoted,
            (Quoting::Quoted, '"') => Quoting::Plain,
            (Quoting::Quoted, '\\') => Quoting::Escaped,
            (state, _) => state,
        }
    }
}

/// The words around the longest argument: `MAIL FROM:<` `>` CRLF.
const AROUND: usize = 14;

fn checked(argument: Argument, value: &str) -> Result<(), ArgumentError> {
    if value.is_empty() {
        return Err(ArgumentError::Empty { argument });
    }
    if value.len() + AROUND > MAX_COMMAND {
        return Err(ArgumentError::TooLong { argument, length: value.len() });
    }
    let misplaced = |character, at| ArgumentError::Character { argument, value: value.to_owned(), character, at };
    let (mut state, mut quoted_from) = (Quoting::Plain, 0);
    for (at, character) in value.char_indices() {
        let outside = state == Quoting::Plain;
        if character.is_control() || outside && matches!(character, ' ' | '<' | '>') {
            return Err(misplaced(character, at));
        }
        if argument != Argument::EhloName {
            state = state.after(character);
        }
        if outside && state == Quoting::Quoted {
            quoted_from = at;
        }
    }
    if state != Quoting::Plain {
        return Err(misplaced('"', quoted_from));
    }
    if !value.is_ascii() {
        return Err(ArgumentError::NotAscii { argument, value: value.to_owned() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    fn refused(sender: &str, recipient: &str) -> ArgumentError {
        Plan::new("probe.example").unwrap().envelope(sender, &[recipient]).unwrap_err()
    }

    #[test]
    fn ordinary_arguments_are_taken() {
        for name in ["probe.example", "[192.0.2.1]", "[IPv6:2001:db8::1]", "localhost"] {
            assert!(Plan::new(name).is_ok(), "{name}");
        }
        for address in ["a@b.example", r#""a b>"@b.example"#, r#""a\"<b"@b.example"#, "a+b=c@[192.0.2.1]", "postmaster"]
        {
            assert!(Plan::new("x").unwrap().envelope(address, &[address]).is_ok(), "{address}");
        }
        assert!(Plan::new("x").unwrap().envelope("", &[] as &[&str]).is_ok());
    }

    #[test]
    fn no_argument_brings_its_own_command() {
        for (sender, character) in [
            ("a@b.example>\r\nRCPT TO:<c@d.example", '>'),
            ("a@b.example\r\nDATA", '\r'),
            ("a@b.example\nDATA", '\n'),
            ("a\0@b.example", '\0'),
            ("a@b.example> SIZE=1", '>'),
            ("a@b.example SIZE=1", ' '),
            ("\"a\r\n\"@b.example", '\r'),
            ("\"a> SIZE=1", '"'),
            ("\"a\\", '"'),
            ("a\u{85}@b.example", '\u{85}'),
        ] {
            assert!(
                matches!(refused(sender, "u@d.example"), ArgumentError::Character { character: c, .. } if c == character),
                "{sender:?}"
            );
            assert!(matches!(refused("", sender), ArgumentError::Character { .. }), "{sender:?}");
        }
        for name in ["a b", "a\r\nQUIT", "a\t", "\"a b\""] {
            assert!(matches!(Plan::new(name), Err(ArgumentError::Character { .. })), "{name:?}");
        }
    }

    #[test]
    fn empty_long_and_foreign_arguments_are_refused() {
        assert_eq!(Plan::new(""), Err(ArgumentError::Empty { argument: Argument::EhloName }));
        assert_eq!(refused("", ""), ArgumentError::Empty { argument: Argument::Recipient });
        assert!(matches!(refused("ü@b.example", "u@d.example"), ArgumentError::NotAscii { .. }));
        assert!(matches!(refused(&"x".repeat(600), "u@d.example"), ArgumentError::TooLong { length: 600, .. }));
        let many = vec!["u@d.example"; MAX_RECIPIENTS + 1];
        assert_eq!(
            Plan::new("x").unwrap().envelope("", &many),
            Err(ArgumentError::TooManyRecipients { count: MAX_RECIPIENTS + 1 })
        );
    }
}
