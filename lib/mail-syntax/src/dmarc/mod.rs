//! DMARC: records, where receivers look for them, and what they make of them,
//! by RFC 7489 (2015) and by RFC 9989 (2026) side by side.
//!
//! Both kinds of receiver are out there and read the same record. They differ in
//! where they look (RFC 7489 jumps to the organizational domain that the public
//! suffix list gives; RFC 9989 walks up the tree), in the tags that they know
//! (`pct`, `rf`, `ri` against `np`, `psd`, `t`) and in what several records at one
//! name lead to. Every function that depends on it takes [`Rules`].
//!
//! - [`select`] finds the DMARC records among a name's TXT records, and what only
//!   looks like one;
//! - [`parse`] reads a record into values, issues and spans;
//! - [`TreeWalk`] is the walk of RFC 9989 as a state machine without I/O;
//! - [`discover`] finds the record that applies to a domain;
//! - [`Record::requested`] is the policy it asks for;
//! - [`evaluate`] is a receiver's result for a message;
//! - [`report`] says whether reports may go where a record sends them.
//!
//! Names that receivers ask about are known beforehand ([`names`]), so that all of
//! them can be asked at once:
//!
//! ```
//! use mail_syntax::dmarc::{Answers, Lookup, Policy, Rules, Scope, discover, names};
//!
//! assert_eq!(names("mail.example.org"), ["mail.example.org", "example.org", "org"]);
//! let mut known = Answers::default();
//! for name in names("mail.example.org") {
//!     let texts = if name == "example.org" { vec![b"v=DMARC1; p=reject; sp=none".to_vec()] } else { vec![] };
//!     known.insert(&name, Lookup::Texts(texts)); // what `_dmarc.<name> TXT` gives
//! }
//! let found = discover("mail.example.org", Rules::Rfc9989, &known);
//! let (record, scope) = (found.record.as_ref().unwrap(), found.scope);
//! assert_eq!(scope, Scope::Subdomain);
//! assert_eq!(record.record.requested(Rules::Rfc9989, scope).unwrap().policy, Policy::None);
//! ```

mod align;
mod discover;
mod issue;
mod parse;
mod record;
pub mod report;
mod select;
mod suffix;
#[cfg(test)]
mod tests;
mod uri;
mod walk;

pub use align::{Alignment, Evaluation, Identifier, Mechanism, Passed, Verdict, align, evaluate};
pub use discover::{Discovery, Found, Gap, discover};
pub use issue::{Issue, IssueKind, UriFault};
pub use parse::parse;
pub use record::{AlignmentMode, FailureOption, Policy, Psd, Record, Requested, Rules, Scope, Tag, TagName, Value};
pub use select::{Lookalike, Selection, is_record, select};
pub use suffix::{is_public_suffix, organizational_domain};
pub use uri::ReportUri;
pub use walk::{Answers, Lookup, Step, StepFound, TreeWalk, names};

/// Names that a tree walk asks about at most (RFC 9989 §4.10).
pub const WALK_LIMIT: usize = 8;
/// Report addresses that a receiver of RFC 7489 must serve at least (§6.2).
pub const URIS_SERVED: usize = 2;
