//! What SMTP replies mean, who must act and what helps.
//!
//! One knowledge base, kept as data files beside this crate and compiled in:
//! reply codes, IANA's enhanced status codes, what providers mean by theirs,
//! and what mail servers of any make say. Upon it stand three functions, all
//! pure and total:
//!
//! - [`parse()`] finds the replies in a pasted text and the parts of each;
//! - [`explain()`] says what they mean, on what ground and how surely;
//! - [`explain_code()`] says what a code means by itself.
//!
//! ```
//! let (_, explained) = smtp_reasons::explain("550 5.7.23 SPF check failed for 192.0.2.1");
//! assert_eq!(explained[0].reason.id, smtp_reasons::Reason::Spf);
//!
//! let code = smtp_reasons::explain_code("5.7.23").unwrap();
//! assert_eq!(code.status.unwrap().title, "SPF validation failed");
//! assert!(code.providers.iter().any(|p| p.provider.name == "Gmail" && p.differs));
//! ```

mod code;
mod codes;
mod context;
mod decide;
mod elements;
mod explain;
mod knowledge;
mod matcher;
mod parse;
mod reason;
mod tables;
mod words;

pub use code::{Class, CodePattern, NotACode, StatusCode};
pub use codes::{CodeExplanation, explain_code};
pub use context::Context;
pub use elements::{Elements, Part};
pub use explain::{Basis, Certainty, Explanation, Overlay, Pairing, Practice, explain};
pub use knowledge::{DataError, Knowledge, RuleFile};
pub use parse::{LONGEST_TEXT, MOST_REPLIES, Pasted, Reply, parse};
pub use reason::{Clears, Party, Reason};
pub use tables::{Blocklist, DigitEntry, Kind, Provider, ProviderRule, ReasonEntry, ReplyEntry, Standing, StatusEntry};
