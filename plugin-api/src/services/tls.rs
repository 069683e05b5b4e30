//! What a TLS handshake showed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a completed TLS handshake showed. A chain that fails verification
/// does not fail the handshake; it is reported here.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct TlsFacts {
    /// For example `TLSv1.3`.
    pub version: String,
    /// For example `TLS13_AES_256_GCM_SHA384`.
    pub cipher: String,
    /// The server's chain as sent, leaf first.
    pub chain: Vec<CertificateFacts>,
    /// The chain and the host name against the public roots (WebPKI).
    pub verification: Verification,
}

/// One certificate.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct CertificateFacts {
    /// Subject, RFC 4514 style.
    pub subject: String,
    /// Issuer, RFC 4514 style.
    pub issuer: String,
    /// DNS names and addresses of the subject alternative name.
    pub names: Vec<String>,
    /// First second of validity, Unix time.
    pub not_before: i64,
    /// Last second of validity, Unix time.
    pub not_after: i64,
    /// SHA-256 of the certificate, hexadecimal.
    pub sha256: String,
    /// SHA-512 of the certificate, hexadecimal.
    #[serde(default)]
    pub sha512: String,
    /// SHA-256 of the public key (the SubjectPublicKeyInfo, DER), hexadecimal;
    /// empty where it cannot be read.
    #[serde(default)]
    pub spki_sha256: String,
    /// SHA-512 of the public key, as before.
    #[serde(default)]
    pub spki_sha512: String,
    /// What the chain below is worth with this certificate as the only trust
    /// anchor: the leaf for the host name, at the time of the handshake, over
    /// the certificates that were sent. `WrongName` means that all but the name
    /// holds. Absent for the leaf, and beyond the eighth certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_anchor: Option<Verification>,
}

/// Whether a chain would be accepted for a host name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Verification {
    /// The chain leads to a public root and names the host.
    Trusted,
    /// The certificate has expired.
    Expired,
    /// The certificate is not valid yet.
    NotYetValid,
    /// The certificate is for other names.
    WrongName,
    /// The chain leads to no public root.
    UnknownIssuer,
    /// Anything else.
    Failed {
        /// The library's words.
        why: String,
    },
    /// A result that this version does not know: neither good nor bad.
    #[serde(other)]
    Other,
}

impl Verification {
    /// What [`Verification::Other`] means, as a fragment.
    pub const OTHER: &'static str = "what was found of the certificate has no name here";
}
