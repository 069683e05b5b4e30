//! What to do next in a session.

use crate::{
    plan::{Plan, Probe, StartTls},
    reply::{Reply, ReplyError},
};

/// What a reply is awaited to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// The connection: the server greets.
    Greeting,
    /// EHLO, or HELO after EHLO was refused.
    Ehlo,
    /// STARTTLS.
    StartTls,
    /// The TLS handshake, which has no reply.
    Handshake,
    /// MAIL FROM.
    Mail,
    /// RCPT TO with the recipient of this index.
    Rcpt(usize),
    /// RSET before the envelope that is the probe of this index.
    Reset(usize),
    /// A command of a probe.
    Probe {
        /// Which probe, from 0.
        index: usize,
        /// Which of its commands: 0 for MAIL, VRFY and EXPN, then one a recipient.
        command: usize,
    },
    /// QUIT.
    Quit,
}

/// What happened.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// The connection is open. The first event, and only that.
    Connected,
    /// A complete reply came.
    Reply {
        /// The reply.
        reply: &'a Reply,
        /// How many bytes have come beyond it ([`crate::ReplyReader::unread`]).
        unread: usize,
    },
    /// What came is no reply.
    Unreadable(&'a ReplyError),
    /// The TLS handshake succeeded.
    TlsEstablished,
    /// The TLS handshake failed, or was given up.
    TlsFailed,
    /// The server closed the connection, or it broke.
    Closed,
    /// The caller gave up waiting for a reply.
    TimedOut,
}

/// What the caller does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Wait for a reply.
    Listen,
    /// Send these bytes, one whole command, then wait for a reply.
    Send(Vec<u8>),
    /// Make the TLS handshake. Bytes read so far stay outside of it.
    StartTls,
    /// Close the connection; the dialogue is over.
    Close,
}

/// How the dialogue ended. It is known before QUIT is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All that was planned was asked, or the server refused with a proper reply.
    Finished,
    /// The connection ended before.
    Closed {
        /// What was awaited.
        stage: Stage,
    },
    /// No reply came in time.
    TimedOut {
        /// What was awaited.
        stage: Stage,
    },
    /// The TLS handshake failed: nothing more can be said on this connection.
    TlsFailed,
    /// Clear text came after the reply to STARTTLS and before the handshake:
    /// somebody may have put words into the server's mouth (RFC 3207 §6).
    Injected {
        /// How many bytes.
        bytes: usize,
    },
    /// The server replied twice to one command, so that later replies could
    /// not be told apart.
    OutOfTurn {
        /// What it replied to twice.
        stage: Stage,
    },
    /// What came is no SMTP reply.
    Unreadable {
        /// What was awaited.
        stage: Stage,
        /// What is wrong with it.
        error: ReplyError,
    },
}

/// The client side of one session; see the crate's page for an example.
///
/// Each event yields one action. The replies themselves belong to the caller:
/// [`Dialogue::stage`], asked before an event, says what a reply answers. A
/// reply of 421 ends the dialogue wherever it comes (RFC 5321 §3.8); otherwise
/// QUIT is said whenever the server still listens.
///
/// One command is sent at a time, without pipelining (RFC 2920): the time of a
/// reply is then that of its command, and a server that replies out of turn, or
/// drops the connection, does so at a known command.
#[derive(Clone, Debug)]
pub struct Dialogue {
    plan: Plan,
    stage: Stage,
    /// EHLO was refused, HELO was said.
    helo: bool,
    extensions: Vec<String>,
    asked_tls: bool,
    secured: bool,
    /// MAIL was accepted, and RSET not said since.
    open: bool,
    /// The last reply was followed by bytes that no command asked for.
    overrun: bool,
    ending: Option<Ending>,
}

impl Dialogue {
    /// A dialogue that awaits [`Event::Connected`].
    pub fn new(plan: Plan) -> Self {
        Dialogue {
            plan,
            stage: Stage::Greeting,
            helo: false,
            extensions: Vec::new(),
            asked_tls: false,
            secured: false,
            open: false,
            overrun: false,
            ending: None,
        }
    }

    /// What is awaited.
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// What the server offered in its last reply to EHLO, each as it stands
    /// there but with the keyword in upper case, for example `SIZE 1000`.
    /// Empty after HELO, and between the handshake and the second EHLO
    /// (RFC 3207 §4.2).
    pub fn extensions(&self) -> &[String] {
        &self.extensions
    }

    /// Whether the TLS handshake succeeded.
    pub fn is_secured(&self) -> bool {
        self.secured
    }

    /// How the dialogue ended; `None` while it goes on.
    pub fn ending(&self) -> Option<&Ending> {
        self.ending.as_ref()
    }

    /// Takes in what happened and says what to do.
    ///
    /// An event that cannot happen at the stage ends the dialogue as closed.
    pub fn handle(&mut self, event: Event<'_>) -> Action {
        match (event, self.stage) {
            // Whatever the answer to QUIT is, and whether there is one.
            (_, Stage::Quit) => Action::Close,
            _ if self.ending.is_some() => Action::Close,
            (Event::Connected, Stage::Greeting) => Action::Listen,
            (Event::TlsEstablished, Stage::Handshake) => self.tls_established(),
            (Event::TlsFailed | Event::Closed | Event::TimedOut, Stage::Handshake) => self.close(Ending::TlsFailed),
            (Event::Reply { reply, unread }, stage) if stage != Stage::Handshake => self.replied(reply, unread),
            (Event::TimedOut, Stage::Greeting) => self.close(Ending::TimedOut { stage: Stage::Greeting }),
            (Event::TimedOut, stage) => self.part(Ending::TimedOut { stage }),
            (Event::Unreadable(error), stage) => self.unreadable(error, stage),
            (_, stage) => self.close(Ending::Closed { stage }),
        }
    }

    fn replied(&mut self, reply: &Reply, unread: usize) -> Action {
        if reply.code == 421 {
            return self.close(Ending::Finished);
        }
        if self.overrun {
            return self.part(Ending::OutOfTurn { stage: self.stage });
        }
        if self.stage == Stage::StartTls && reply.code == 220 {
            return match unread {
                0 => self.at(Stage::Handshake, Action::StartTls),
                bytes => self.close(Ending::Injected { bytes }),
            };
        }
        if unread > 0 {
            // Either a 421 follows, or the server is out of step with us.
            self.overrun = true;
            return Action::Listen;
        }
        match self.stage {
            Stage::Greeting if reply.is_positive() && !self.plan.greeting_only => self.ehlo(),
            Stage::Ehlo if reply.is_positive() => {
                self.extensions = if self.helo { Vec::new() } else { extensions(reply) };
                self.after_ehlo()
            }
            Stage::Ehlo if reply.is_permanent() && !self.helo => {
                self.helo = true;
                self.extensions.clear();
                self.send(Stage::Ehlo, format!("HELO {}", self.plan.ehlo))
            }
            // Refused, and so the session goes on in clear text.
            Stage::StartTls => self.after_ehlo(),
            Stage::Mail if reply.is_positive() => {
                self.open = true;
                self.rcpt(0)
            }
            // Another sender may be welcome; a 4yz reply is about the server.
            Stage::Mail if reply.is_permanent() => self.probe(0),
            Stage::Rcpt(index) => self.rcpt(index + 1),
            Stage::Reset(index) if reply.is_positive() => {
                self.open = false;
                self.probe(index)
            }
            Stage::Probe { index, command } => self.probed(index, command, reply),
            _ => self.part(Ending::Finished),
        }
    }

    fn tls_established(&mut self) -> Action {
        self.secured = true;
        // RFC 3207 §4.2: what was learnt in clear text is forgotten.
        self.extensions.clear();
        self.ehlo()
    }

    fn ehlo(&mut self) -> Action {
        self.helo = false;
        self.send(Stage::Ehlo, format!("EHLO {}", self.plan.ehlo))
    }

    fn after_ehlo(&mut self) -> Action {
        let wanted = self.plan.starttls == StartTls::IfOffered && !self.secured && !self.asked_tls;
        if wanted && self.extensions.iter().any(|extension| keyword(extension) == "STARTTLS") {
            self.asked_tls = true;
            return self.send(Stage::StartTls, "STARTTLS".to_owned());
        }
        match &self.plan.envelope {
            Some(envelope) => self.send(Stage::Mail, format!("MAIL FROM:<{}>", envelope.sender)),
            None => self.probe(0),
        }
    }

    fn rcpt(&mut self, index: usize) -> Action {
        match self.plan.envelope.as_ref().and_then(|envelope| envelope.recipients.get(index)) {
            Some(recipient) => self.send(Stage::Rcpt(index), format!("RCPT TO:<{recipient}>")),
            None => self.probe(0),
        }
    }

    /// Begins the probe of this index, or the end after the last one.
    fn probe(&mut self, index: usize) -> Action {
        let command = match self.plan.probes.get(index) {
            None => return self.part(Ending::Finished),
            // VRFY and EXPN come at any time (RFC 5321 §4.1.4), another MAIL does not.
            Some(Probe::Envelope(_)) if self.open => return self.send(Stage::Reset(index), "RSET".to_owned()),
            Some(Probe::Envelope(envelope)) => format!("MAIL FROM:<{}>", envelope.sender),
            Some(Probe::Verify(mailbox)) => format!("VRFY {mailbox}"),
            Some(Probe::Expand(mailbox)) => format!("EXPN {mailbox}"),
        };
        self.send(Stage::Probe { index, command: 0 }, command)
    }

    /// Goes on after the reply to a command of a probe.
    fn probed(&mut self, index: usize, command: usize, reply: &Reply) -> Action {
        let Some(Probe::Envelope(envelope)) = self.plan.probes.get(index) else {
            return self.probe(index + 1);
        };
        if command == 0 && !reply.is_positive() {
            return if reply.is_permanent() { self.probe(index + 1) } else { self.part(Ending::Finished) };
        }
        let next = envelope.recipients.get(command).map(|recipient| format!("RCPT TO:<{recipient}>"));
        self.open = true;
        match next {
            Some(rcpt) => self.send(Stage::Probe { index, command: command + 1 }, rcpt),
            None => self.probe(index + 1),
        }
    }

    fn unreadable(&mut self, error: &ReplyError, stage: Stage) -> Action {
        let ending = Ending::Unreadable { stage, error: error.clone() };
        match error {
            // One strange line from what has greeted as an SMTP server.
            ReplyError::NotAReply { .. } if stage != Stage::Greeting => self.part(ending),
            _ => self.close(ending),
        }
    }

    fn send(&mut self, stage: Stage, command: String) -> Action {
        self.at(stage, Action::Send(format!("{command}\r\n").into_bytes()))
    }

    fn at(&mut self, stage: Stage, action: Action) -> Action {
        self.stage = stage;
        action
    }

    /// Ends with QUIT: the server still listens.
    fn part(&mut self, ending: Ending) -> Action {
        self.ending = Some(ending);
        self.send(Stage::Quit, "QUIT".to_owned())
    }

    /// Ends without a word: nobody listens, or nobody should be spoken to.
    fn close(&mut self, ending: Ending) -> Action {
        self.ending = Some(ending);
        Action::Close
    }
}

/// The extensions that a reply to EHLO lists after its first line (RFC 5321 §4.1.1.1).
fn extensions(reply: &Reply) -> Vec<String> {
    let offered = reply.lines.iter().skip(1).map(|line| line.trim()).filter(|line| !line.is_empty());
    offered
        .map(|line| {
            let keyword = keyword(line);
            keyword.to_ascii_uppercase() + &line[keyword.len()..]
        })
        .collect()
}

fn keyword(extension: &str) -> &str {
    extension.split_ascii_whitespace().next().unwrap_or_default()
}
