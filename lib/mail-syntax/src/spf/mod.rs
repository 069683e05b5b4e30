//! SPF (RFC 7208): records, what they cost, and `check_host()`.
//!
//! Four pure functions, each usable alone:
//!
//! - [`select`] finds the SPF records among a name's TXT records, and what
//!   only looks like one;
//! - [`parse`] reads a record into terms, issues and spans;
//! - [`survey`] walks the tree of a domain's includes and redirects and counts
//!   what each term costs;
//! - [`check_host`] evaluates a record for a client and says which term
//!   decided.
//!
//! The last two need DNS answers. They take what is known so far from
//! [`Answers`] and name the [`Question`]s that are missing; the caller asks
//! them, all at once, and calls again. So the number of round trips is the
//! depth of the tree, whatever the transport:
//!
//! ```
//! use mail_syntax::spf::{Answer, Answers, Question, Kind, Query, Verdict, check_host};
//!
//! let query = Query::new("192.0.2.7".parse().unwrap(), "joe@example.org", "mail.example.org");
//! let mut known = Answers::default();
//! let missing = check_host(&query, &known).unwrap_err();
//! assert_eq!(missing, [Question::new("example.org", Kind::Txt)]);
//!
//! known.insert(missing[0].clone(), Answer::Texts(vec![b"v=spf1 ip4:192.0.2.0/24 -all".to_vec()]));
//! let evaluation = check_host(&query, &known).unwrap();
//! assert_eq!(evaluation.verdict, Verdict::Pass);
//! assert_eq!(evaluation.deciding_term().unwrap().text, "ip4:192.0.2.0/24");
//! ```

mod answers;
mod check_host;
mod discover;
mod issue;
mod macros;
mod names;
mod network;
mod parse;
mod record;
mod survey;
#[cfg(test)]
mod tests;

pub use answers::{Answer, Answers, Kind, Question};
pub use check_host::{Evaluation, Query, Step, StepOutcome, TermRef, TermText, Verdict, Visited, Why, check_host};
pub use discover::{Lookalike, Selection, select};
pub use issue::{CidrFault, DomainFault, Issue, IssueKind, MacroFault};
pub use macros::{Expansion, Macro, MacroLetter, MacroPlace, MacroString};
pub use names::{is_queryable, reverse_name};
pub use network::{DualCidr, Network};
pub use parse::parse;
pub use record::{Directive, Mechanism, Modifier, Qualifier, Record, Term, TermKind};
pub use survey::{
    CostState, Explanation, Families, Limits, Node, NodeState, Survey, TermCost, Use, fixed_name, survey,
};

/// Terms that may cost a DNS lookup in one evaluation (RFC 7208 §4.6.4).
pub const LOOKUP_LIMIT: usize = 10;
/// Terms whose lookups may come back empty in one evaluation (RFC 7208 §4.6.4).
pub const VOID_LIMIT: usize = 2;
/// Exchange names that an `mx` term may yield, and reverse names that `ptr` looks at (RFC 7208 §4.6.4).
pub const NAME_LIMIT: usize = 10;
