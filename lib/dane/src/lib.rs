//! DANE for SMTP: which TLSA records a sender can use, and whether the chain that
//! a server shows fits one of them (RFC 6698, RFC 7671, RFC 7672).
//!
//! Records are alternatives: one that fits is enough, of whatever usage (RFC 7671
//! §5). With usage 3 the leaf alone counts, and neither its names nor its dates
//! (§5.1). With usage 2 a certificate above the leaf has to fit, the signatures
//! below it have to hold, and the leaf has to name the server (§5.2). Usages 0
//! and 1 are of no use in SMTP (RFC 7672 §3.1.3).
//!
//! Nothing is verified here: signatures and dates come as [`Certificate::path`].

use std::fmt;

use ring::digest::{SHA256, digest};

/// A TLSA record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tlsa<'a> {
    /// The certificate usage.
    pub usage: u8,
    /// The selector.
    pub selector: u8,
    /// The matching type.
    pub matching: u8,
    /// The data, hexadecimal digits.
    pub data: &'a str,
}

/// A certificate of the chain; all digests are hexadecimal digits in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate<'a> {
    /// SHA-256 of the whole.
    pub sha256: &'a str,
    /// SHA-512 of the whole.
    pub sha512: &'a str,
    /// SHA-256 of the public key.
    pub spki_sha256: &'a str,
    /// SHA-512 of the public key.
    pub spki_sha512: &'a str,
    /// Whether the leaf holds with this one as trust anchor, its names left
    /// aside. Not looked at for the leaf itself.
    pub path: Path<'a>,
}

/// What a chain is worth under an anchor, the names left aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path<'a> {
    /// Signatures and dates hold.
    Holds,
    /// A certificate has expired, or is not valid yet.
    OutOfDate,
    /// Something else is wrong; why.
    Fails(&'a str),
    /// It was not looked at.
    Unknown,
}

/// Why a sender cannot use a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// Usage 0 or 1: SMTP has no agreed set of public authorities.
    PublicAuthority,
    /// A usage that is not defined.
    Usage,
    /// A selector that is not defined.
    Selector,
    /// A matching type that is not defined.
    Matching,
    /// The data has not the length of the digest.
    Length {
        /// The bytes that it should have.
        expected: usize,
        /// The bytes that it has.
        found: usize,
    },
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unusable::PublicAuthority => f.write_str("usages 0 and 1 are of no use in SMTP"),
            Unusable::Usage => f.write_str("no such usage"),
            Unusable::Selector => f.write_str("no such selector"),
            Unusable::Matching => f.write_str("no such matching type"),
            Unusable::Length { expected, found } => {
                write!(f, "{found} bytes, where the digest has {expected}")
            }
        }
    }
}

impl Tlsa<'_> {
    /// Whether a sender can use it.
    ///
    /// # Errors
    /// Why not.
    pub fn usable(&self) -> Result<(), Unusable> {
        let length = |expected: usize| {
            let found = self.data.len() / 2;
            if found == expected { Ok(()) } else { Err(Unusable::Length { expected, found }) }
        };
        match (self.usage, self.selector, self.matching) {
            (0 | 1, ..) => Err(Unusable::PublicAuthority),
            (4.., ..) => Err(Unusable::Usage),
            (_, 2.., _) => Err(Unusable::Selector),
            (_, _, 0) if self.data.is_empty() => Err(Unusable::Length { expected: 1, found: 0 }),
            (_, _, 0) => Ok(()),
            (_, _, 1) => length(32),
            (_, _, 2) => length(64),
            (_, _, 3..) => Err(Unusable::Matching),
        }
    }

    fn fits(&self, certificate: &Certificate<'_>) -> bool {
        let of = |whole: &str, key: &str| if self.selector == 0 { whole.to_owned() } else { key.to_owned() };
        let (expected, found) = match self.matching {
            1 => (self.data.to_ascii_lowercase(), of(certificate.sha256, certificate.spki_sha256)),
            2 => (self.data.to_ascii_lowercase(), of(certificate.sha512, certificate.spki_sha512)),
            _ => (sha256(self.data), of(certificate.sha256, certificate.spki_sha256)),
        };
        !found.is_empty() && expected == found
    }
}

/// SHA-256 of the bytes that hexadecimal digits stand for; empty for others.
fn sha256(hexadecimal: &str) -> String {
    let pairs = hexadecimal.as_bytes().chunks(2);
    let bytes: Option<Vec<u8>> =
        pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect();
    bytes.map_or_else(String::new, |bytes| {
        digest(&SHA256, &bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    })
}

/// What came of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match<'a> {
    /// The server is authenticated by it; how deep in the chain, the leaf being 0.
    Fits {
        /// The place.
        depth: usize,
    },
    /// A sender leaves it out.
    Unusable(Unusable),
    /// No certificate of the chain fits.
    NoCertificate,
    /// Usage 2, and the leaf itself fits: it would have to be usage 3.
    LeafAsAuthority,
    /// Usage 3, and a certificate above the leaf fits: it would have to be usage 2.
    AuthorityAsLeaf,
    /// Usage 2, and a certificate is out of date.
    OutOfDate,
    /// Usage 2, and the certificate names none of the server's names.
    WrongName,
    /// Usage 2, and the chain does not lead to the certificate that fits; why.
    BrokenChain(&'a str),
    /// It could not be told: an authority that stands in full in the record and
    /// is not sent by the server.
    NotSent,
}

/// What a sender makes of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// One record fits.
    Authenticated,
    /// There are records and none is usable: the sender insists on encryption
    /// and authenticates nobody (RFC 7672 §2.2).
    Unusable,
    /// None of the usable records fits: the sender does not deliver.
    Mismatch,
    /// None fits, and for one of them it could not be told.
    Unknown,
}

/// Holds each of `records` against `chain`, leaf first; `names` are the names in
/// the leaf, `references` those of the server: the TLSA base domain first, and
/// the domain of the mail (RFC 7672 §3.2.2).
pub fn evaluate<'a>(
    records: &[Tlsa<'_>],
    chain: &[Certificate<'a>],
    names: &[String],
    references: &[&str],
) -> (Verdict, Vec<Match<'a>>) {
    let matches: Vec<Match<'a>> = records.iter().map(|record| one(record, chain, names, references)).collect();
    let any = |wanted: fn(&Match<'_>) -> bool| matches.iter().any(wanted);
    let verdict = if any(|found| matches!(found, Match::Fits { .. })) {
        Verdict::Authenticated
    } else if any(|found| *found == Match::NotSent) {
        Verdict::Unknown
    } else if matches.iter().all(|found| matches!(found, Match::Unusable(_))) {
        Verdict::Unusable
    } else {
        Verdict::Mismatch
    };
    (verdict, matches)
}

fn one<'a>(record: &Tlsa<'_>, chain: &[Certificate<'a>], names: &[String], references: &[&str]) -> Match<'a> {
    if let Err(why) = record.usable() {
        return Match::Unusable(why);
    }
    let fitting: Vec<usize> = (0..chain.len()).filter(|depth| record.fits(&chain[*depth])).collect();
    if record.usage == 3 {
        return match fitting.first() {
            Some(0) => Match::Fits { depth: 0 },
            Some(_) => Match::AuthorityAsLeaf,
            None => Match::NoCertificate,
        };
    }
    let mut worst = match fitting.first() {
        None if record.matching == 0 => Match::NotSent,
        None => Match::NoCertificate,
        Some(_) => Match::LeafAsAuthority,
    };
    for depth in fitting.into_iter().filter(|depth| *depth > 0) {
        worst = match chain[depth].path {
            Path::Holds if references.iter().any(|name| names.iter().any(|shown| names_host(shown, name))) => {
                return Match::Fits { depth };
            }
            Path::Holds => Match::WrongName,
            Path::OutOfDate => Match::OutOfDate,
            Path::Fails(why) => Match::BrokenChain(why),
            Path::Unknown => Match::NotSent,
        };
    }
    worst
}

/// Whether `shown`, a DNS name of a certificate, names `host`: the case does not
/// count, and `*` stands for exactly one label, the first (RFC 6125 §6.4.3).
pub fn names_host(shown: &str, host: &str) -> bool {
    let (shown, host) = (shown.trim_end_matches('.'), host.trim_end_matches('.'));
    match shown.strip_prefix("*.") {
        None => shown.eq_ignore_ascii_case(host),
        Some(rest) => {
            host.split_once('.').is_some_and(|(label, above)| !label.is_empty() && above.eq_ignore_ascii_case(rest))
        }
    }
}

#[cfg(test)]
mod tests;
