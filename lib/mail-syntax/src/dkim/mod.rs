//! DKIM (RFC 6376, 8301, 8463): key records and signature header fields.
//!
//! - [`KeyRecord::parse`] reads what stands at `selector._domainkey.domain`,
//!   decodes the key and says what kind it is and how long;
//! - [`repaired`] gives the record that was meant, where that is plain;
//! - [`Signature::parse`] reads the value of a `DKIM-Signature` field.
//!
//! ```
//! use mail_syntax::dkim::{KeyRecord, KeyState, IssueKind, repaired};
//!
//! let text = r#""v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=""#;
//! assert!(KeyRecord::parse(text).issues.iter().any(|issue| issue.kind == IssueKind::Quoted));
//! let meant = repaired(text).unwrap();
//! assert!(matches!(KeyRecord::parse(&meant).key, KeyState::Ed25519(_)));
//! ```

mod base64;
mod der;
mod issue;
mod key;
mod repair;
mod signature;
#[cfg(test)]
mod tests;

pub use issue::{DerFault, Issue, IssueKind};
pub use key::{Flag, KeyForm, KeyRecord, KeyState, KeyType, RsaKey, is_meant_as_key};
pub use repair::repaired;
pub use signature::{Algorithm, Canonicalization, Signature, SignatureIssue, SignatureIssueKind};
