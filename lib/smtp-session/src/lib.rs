//! The client side of an SMTP dialogue, for looking at servers: no sockets, no
//! clock, no runtime.
//!
//! - [`ReplyReader`] turns bytes into replies (RFC 5321 §4.2), keeps the lines
//!   as they came and notes what is wrong with them.
//! - [`Plan`] says what to ask of the server, and refuses arguments that would
//!   smuggle in a command.
//! - [`Dialogue`] says what to do next, from the greeting to QUIT: EHLO (HELO
//!   where EHLO is refused), STARTTLS, MAIL and RCPT, further envelopes, each
//!   after RSET, VRFY and EXPN. It never says DATA.
//!
//! The caller moves the bytes, makes the TLS handshake and watches the time:
//!
//! ```
//! use smtp_session::{Action, Dialogue, Event, Plan, ReplyReader};
//!
//! let mut dialogue = Dialogue::new(Plan::new("probe.example")?);
//! let mut reader = ReplyReader::new();
//! assert_eq!(dialogue.handle(Event::Connected), Action::Listen);
//!
//! reader.push(b"220 mx.example ESMTP\r\n");
//! let greeting = reader.next_reply()?.ok_or("no whole reply yet")?;
//! let action = dialogue.handle(Event::Reply { reply: &greeting, unread: reader.unread() });
//! assert_eq!(action, Action::Send(b"EHLO probe.example\r\n".to_vec()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod dialogue;
mod plan;
mod reply;

pub use dialogue::{Action, Dialogue, Ending, Event, Stage};
pub use plan::{Argument, ArgumentError, MAX_COMMAND, MAX_PROBES, MAX_RECIPIENTS, Plan, StartTls};
pub use reply::{Fault, MAX_LINE, MAX_LINES, MAX_REPLY, Reply, ReplyError, ReplyReader};
