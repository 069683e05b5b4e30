//! MTA-STS (RFC 8461): the record at `_mta-sts`, the policy, and its patterns.
//!
//! ```
//! use mail_syntax::mta_sts::{self, Mode};
//!
//! let record = mta_sts::parse_record("v=STSv1; id=20160831085700Z;");
//! assert_eq!(record.id(), Some("20160831085700Z"));
//! assert!(record.is_valid());
//!
//! let policy = mta_sts::parse_policy("version: STSv1\nmode: enforce\nmx: *.example.com\nmax_age: 604800\n");
//! assert_eq!((policy.mode(), policy.max_age()), (Some(Mode::Enforce), Some(604_800)));
//! assert!(policy.matching("mx1.example.com").is_some());
//! assert!(policy.matching("example.com").is_none() && policy.matching("a.b.example.com").is_none());
//! ```

mod policy;
mod record;
#[cfg(test)]
mod tests;

pub use policy::{LARGEST_POLICY, LONGEST_AGE, Mode, Pattern, Policy, PolicyFault, PolicyIssue, parse as parse_policy};
pub use record::{Record, RecordFault, RecordIssue, is_record, parse as parse_record, resembles_record};
