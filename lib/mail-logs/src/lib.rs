//! Logs of mail servers: who refused or deferred what, why, and what helps.
//!
//! Reads the logs of Postfix, Exim and sendmail of any size in bounded memory,
//! compressed with gzip or not, with times of either form of syslog or Exim's
//! own, and groups every refusal, deferral and bounce by its cause. What a
//! reply means comes from [`smtp_reasons`].
//!
//! ```
//! use mail_logs::{Logs, Today};
//!
//! let log = b"Nov 25 10:00:01 mail postfix/smtp[7]: 4ABCDE1234: to=<jo@b.example>, relay=mx.b.example[192.0.2.1]:25, \
//!     delay=1, delays=0/0/1/0, dsn=5.1.1, status=bounced (host mx.b.example[192.0.2.1] said: 550 5.1.1 \
//!     <jo@b.example>: User unknown (in reply to RCPT TO command))\n";
//! let mut logs = Logs::new(Today { year: 2026, month: 11, day: 25 }, smtp_reasons::Knowledge::builtin());
//! logs.read("mail.log", &log[..]).unwrap();
//! let report = logs.report(10);
//! assert_eq!(report.causes[0].reason, "mailbox-unknown");
//! assert_eq!(report.causes[0].recipient_domains[0].name, "b.example");
//! ```

mod cause;
mod event;
mod exim;
mod line;
mod lines;
mod logs;
mod postfix;
mod report;
mod sendmail;
mod stamp;
mod tally;

pub use event::{Direction, Event, Fact, Kind};
pub use line::{Software, read};
pub use lines::{Damage, LONGEST_LINE, Lines, Unreadable};
pub use logs::Logs;
pub use report::{CauseReport, Example, FileRead, Report, SCHEMA, SoftwareLines};
pub use stamp::{Stamp, Today};
pub use tally::Count;
