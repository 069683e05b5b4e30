//! Verifies DKIM signatures (RFC 6376 §6, 8301, 8463) over a message whose keys
//! are known, and finds out what was changed on the way where one fails.
//!
//! Nothing here asks the DNS or reads a clock:
//!
//! ```
//! use dkim_verify::{Message, verify};
//! use mail_syntax::dkim::{KeyState, Signature};
//!
//! let message = Message::read(b"From: a@a.example\nDKIM-Signature: v=1; d=a.example\n\nhello\n");
//! let at = message.named("dkim-signature").next().unwrap();
//! let signature = Signature::parse(message.fields[at].value_text().as_ref());
//! assert!(signature.is_broken()); // nothing to verify
//! assert!(verify(&message, at, &signature, &KeyState::Revoked).is_none());
//! ```

mod body;
mod canonical;
mod header;
mod message;
#[cfg(test)]
mod tests;

use mail_syntax::dkim::{Algorithm, KeyState, Signature};

pub use body::{BodyChange, BodyResult};
pub use header::{HeaderChange, HeaderResult};
pub use message::{Fault, Field, MOST_FIELDS, Message, Order};

/// What came of verifying one signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The body against `bh=`.
    pub body: BodyResult,
    /// The signed header fields against `b=`.
    pub header: HeaderResult,
}

impl Verified {
    /// Whether the signature holds.
    pub fn holds(&self) -> bool {
        matches!(self.body, BodyResult::Same { .. }) && self.header == HeaderResult::Same
    }
}

/// Verifies the signature in the field at `at` of the message with `key`.
/// `None` where there is nothing to verify: the signature cannot be read, or the
/// key is not of the type that it needs; or the message has a [`Fault`].
///
/// Costs a pass over the body; where that has changed, some more over its
/// first 256 KiB; and a few dozen verifications where the header has.
pub fn verify(message: &Message<'_>, at: usize, signature: &Signature, key: &KeyState) -> Option<Verified> {
    let fits = matches!(
        (&signature.algorithm, key),
        (Algorithm::RsaSha256 | Algorithm::RsaSha1, KeyState::Rsa(_))
            | (Algorithm::Ed25519Sha256, KeyState::Ed25519(_))
    );
    if !fits || signature.is_broken() || message.fault.is_some() {
        return None;
    }
    Some(Verified { body: body::check(message, signature), header: header::check(message, at, signature, key) })
}
