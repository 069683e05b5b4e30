//! What can be wrong with a key record.

use std::fmt;

use crate::{Span, tag_list};

/// One fault of a key record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// The bytes at fault.
    pub span: Span,
    /// What is wrong.
    pub kind: IssueKind,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IssueKind {
    /// The tag list itself (RFC 6376 §3.2).
    List(tag_list::IssueKind),
    /// A `;` is missing before the tag that is named.
    Separator(String),
    /// Quotation marks are part of the text.
    Quoted,
    /// Backslashes are part of the text.
    Backslash,
    /// The lines around a PEM file are part of the key.
    Armour,
    /// A private key, for all to read.
    PrivateKey,
    /// `v=` has another value than `DKIM1` (§3.6.1).
    Version,
    /// `v=` is not the first tag (§3.6.1).
    VersionNotFirst,
    /// There is no `v=DKIM1`, which is recommended (§3.6.1).
    VersionMissing,
    /// There is no `p=`, which is required (§3.6.1).
    KeyMissing,
    /// `p=` is no base64 from here on.
    Base64,
    /// The padding of the base64 is missing or wrong.
    Padding,
    /// `p=` is base64, but of no key of the type that `k=` names.
    Der(DerFault),
    /// An RSA key without the SubjectPublicKeyInfo around it that receivers expect.
    BareRsa,
    /// An Ed25519 key in a SubjectPublicKeyInfo, where RFC 8463 §4 wants the 32 bytes alone.
    WrappedEd25519,
    /// The key is of the other type than `k=` says.
    TypeMismatch,
    /// So many bytes follow the key.
    TrailingBytes(usize),
    /// An RSA exponent that is even or 1, or an even modulus: anyone can sign.
    Unsafe,
    /// A type of key that no RFC defines.
    KeyType,
    /// A tag that no RFC defines; receivers ignore it.
    UnknownTag,
    /// `h=` names no hash that receivers accept (RFC 8301 §3.1).
    Hashes,
    /// `s=` does not name e-mail (§3.6.1).
    Services,
    /// A flag in `t=` that no RFC defines.
    UnknownFlag,
    /// `g=` of RFC 4871, withdrawn by RFC 6376 §C.
    Granularity,
}

impl IssueKind {
    /// Whether receivers find no usable key because of it.
    pub fn is_fatal(&self) -> bool {
        use tag_list::IssueKind as List;
        match self {
            IssueKind::List(kind) => !matches!(kind, List::EmptyPiece),
            IssueKind::Der(_)
            | IssueKind::Separator(_)
            | IssueKind::Quoted
            | IssueKind::Backslash
            | IssueKind::Armour
            | IssueKind::PrivateKey
            | IssueKind::Version
            | IssueKind::VersionNotFirst
            | IssueKind::KeyMissing
            | IssueKind::Base64
            | IssueKind::WrappedEd25519
            | IssueKind::TypeMismatch
            | IssueKind::Unsafe
            | IssueKind::KeyType
            | IssueKind::Hashes
            | IssueKind::Services => true,
            IssueKind::VersionMissing
            | IssueKind::Padding
            | IssueKind::BareRsa
            | IssueKind::TrailingBytes(_)
            | IssueKind::UnknownTag
            | IssueKind::UnknownFlag
            | IssueKind::Granularity => false,
        }
    }
}

/// A lower-case fragment, for example `no base64 from here on`.
impl fmt::Display for IssueKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            IssueKind::List(kind) => kind.fmt(f),
            IssueKind::Separator(tag) => write!(f, "a `;` is missing before `{tag}=`"),
            IssueKind::Quoted => f.write_str("quotation marks are part of the text"),
            IssueKind::Backslash => f.write_str("backslashes are part of the text"),
            IssueKind::Armour => f.write_str("the lines around a PEM file are part of the key"),
            IssueKind::PrivateKey => f.write_str("this is a private key"),
            IssueKind::Version => f.write_str("the version is not `DKIM1`"),
            IssueKind::VersionNotFirst => f.write_str("`v=` is not the first tag"),
            IssueKind::VersionMissing => f.write_str("there is no `v=DKIM1`"),
            IssueKind::KeyMissing => f.write_str("there is no `p=`"),
            IssueKind::Base64 => f.write_str("no base64 from here on"),
            IssueKind::Padding => f.write_str("the padding of the base64 is not right"),
            IssueKind::Der(fault) => fault.fmt(f),
            IssueKind::BareRsa => f.write_str("an RSA key without its SubjectPublicKeyInfo"),
            IssueKind::WrappedEd25519 => f.write_str("an Ed25519 key in a SubjectPublicKeyInfo"),
            IssueKind::TypeMismatch => f.write_str("a key of another type than `k=` says"),
            IssueKind::TrailingBytes(n) => write!(f, "{n} bytes follow the key"),
            IssueKind::Unsafe => f.write_str("anyone can sign with this key"),
            IssueKind::KeyType => f.write_str("no type of key that receivers know"),
            IssueKind::UnknownTag => f.write_str("no tag of a key record"),
            IssueKind::Hashes => f.write_str("no hash that receivers accept"),
            IssueKind::Services => f.write_str("e-mail is not among the services"),
            IssueKind::UnknownFlag => f.write_str("no flag of a key record"),
            IssueKind::Granularity => f.write_str("a relic of RFC 4871"),
        }
    }
}

/// What stands where a key should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DerFault {
    /// The beginning of a key, whose end is missing.
    CutOff {
        /// Bytes that are there.
        has: usize,
        /// Bytes that its own length asks for.
        wanted: usize,
    },
    /// A certificate instead of the key in it.
    Certificate,
    /// A private key.
    PrivateKey,
    /// A key of an algorithm that DKIM does not have, such as an elliptic curve.
    OtherAlgorithm,
    /// DER, but no key.
    NotAKey,
    /// No DER at all.
    NotDer,
    /// An Ed25519 key must have 32 bytes (RFC 8032 §5.1.5); this has so many.
    Ed25519Length(usize),
}

impl fmt::Display for DerFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DerFault::CutOff { has, wanted } => write!(f, "the key is cut off: it has {has} of {wanted} bytes"),
            DerFault::Certificate => f.write_str("a certificate, not the key in it"),
            DerFault::PrivateKey => f.write_str("this is a private key"),
            DerFault::OtherAlgorithm => f.write_str("a key of an algorithm that DKIM does not have"),
            DerFault::NotAKey => f.write_str("no public key"),
            DerFault::NotDer => f.write_str("base64, but not of a public key"),
            DerFault::Ed25519Length(n) => write!(f, "an Ed25519 key has 32 bytes, this has {n}"),
        }
    }
}
