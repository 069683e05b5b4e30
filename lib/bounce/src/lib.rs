//! Reads bounces: which recipient failed, why, where, and what the servers said.
//!
//! [`decode`] takes the bytes of a message, as it was saved, and gives a
//! [`Report`]: the standard delivery report (RFC 3464, RFC 6533) where there is
//! one, else what the text says, in whatever form a mail system writes it. It
//! is pure and total: any bytes give a report, and what was missing is said in
//! [`Report::faults`]. Nothing is made up: a status code that the message does
//! not hold is `None`.
//!
//! The meaning of replies is that of the crate `smtp-reasons`, so that a bounce
//! and a pasted reply are explained alike.
//!
//! ```
//! let reports = bounce::decode(b"From: MAILER-DAEMON@mx.example\nSubject: failure notice\n\n\
//!     I'm afraid I wasn't able to deliver your message.\n\n<a@b.example>:\n\
//!     192.0.2.1 does not like recipient.\nRemote host said: 550 5.1.1 No such user\nGiving up on 192.0.2.1.\n");
//! let failed = &reports[0].recipients[0];
//! assert_eq!((failed.address.as_str(), failed.code), ("a@b.example", Some(550)));
//! assert_eq!(failed.reason, smtp_reasons::Reason::MailboxUnknown);
//! assert_eq!(failed.hardness, bounce::Hardness::Hard);
//! ```

mod address;
mod decode;
mod dsn;
mod feedback;
mod fields;
mod human;
mod input;
mod kind;
mod lines;
mod mime;
mod model;
mod notification;
mod returned;
mod rules;
mod transcript;
mod verdict;
mod who;

pub use decode::decode;
pub use input::{LARGEST, MOST_MESSAGES};
pub use model::{Action, Fault, Feedback, Hardness, Kind, Original, Recipient, Report, Stage};
