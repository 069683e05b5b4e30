//! The few structures of DER (X.690) in which a public key comes, read without
//! allocation or recursion; so that a key that is cut off can be told from one
//! that is none.

use super::issue::DerFault;

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const OBJECT_IDENTIFIER: u8 = 0x06;
const SEQUENCE: u8 = 0x30;

/// rsaEncryption, 1.2.840.113549.1.1.1 (RFC 8017 §A.1).
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// id-Ed25519, 1.3.101.112 (RFC 8410 §3).
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];

/// A key that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found<'a> {
    /// RSA: modulus and exponent without leading zeros.
    Rsa {
        modulus: &'a [u8],
        exponent: &'a [u8],
        /// Inside a SubjectPublicKeyInfo, as receivers expect it.
        wrapped: bool,
        /// Bytes that follow the key.
        trailing: usize,
    },
    /// Ed25519 inside a SubjectPublicKeyInfo.
    Ed25519(&'a [u8]),
}

/// Reads a public key: a SubjectPublicKeyInfo (RFC 5280 §4.1) or an
/// RSAPublicKey (RFC 8017 §A.1.1).
///
/// # Errors
/// What stands there instead.
pub(super) fn public_key(bytes: &[u8]) -> Result<Found<'_>, DerFault> {
    let outer = element(bytes).ok_or(DerFault::NotDer)?;
    if outer.tag != SEQUENCE {
        return Err(DerFault::NotDer);
    }
    let inside = outer.content;
    let first = element(inside);
    let second = first.as_ref().and_then(|first| element(first.rest));
    // What is secret is told even where it is cut off.
    if let (Some(first), Some(second)) = (&first, &second) {
        let version = first.tag == INTEGER && matches!(first.content, [0] | [1]);
        if version && matches!(second.tag, SEQUENCE | INTEGER | OCTET_STRING) {
            return Err(DerFault::PrivateKey);
        }
    }
    if let Some(wanted) = outer.lacks {
        return Err(DerFault::CutOff { has: bytes.len(), wanted });
    }
    let (Some(first), Some(second)) = (first, second) else { return Err(DerFault::NotAKey) };
    match (first.tag, second.tag) {
        (INTEGER, INTEGER) if second.rest.is_empty() => {
            rsa(first.content, second.content, false, outer.rest.len()).ok_or(DerFault::NotAKey)
        }
        (SEQUENCE, BIT_STRING) => {
            let algorithm = element(first.content).filter(|oid| oid.tag == OBJECT_IDENTIFIER);
            let [0, key @ ..] = second.content else { return Err(DerFault::NotAKey) };
            match algorithm.map(|oid| oid.content) {
                Some(RSA) => {
                    let list = element(key).filter(|list| list.tag == SEQUENCE && list.lacks.is_none());
                    let list = list.ok_or(DerFault::NotAKey)?;
                    let modulus = element(list.content).filter(|n| n.tag == INTEGER).ok_or(DerFault::NotAKey)?;
                    let exponent = element(modulus.rest).filter(|e| e.tag == INTEGER).ok_or(DerFault::NotAKey)?;
                    rsa(modulus.content, exponent.content, true, outer.rest.len()).ok_or(DerFault::NotAKey)
                }
                Some(ED25519) if key.len() == 32 => Ok(Found::Ed25519(key)),
                Some(_) => Err(DerFault::OtherAlgorithm),
                None => Err(DerFault::NotAKey),
            }
        }
        (SEQUENCE, SEQUENCE) => Err(DerFault::Certificate),
        _ => Err(DerFault::NotAKey),
    }
}

fn rsa<'a>(modulus: &'a [u8], exponent: &'a [u8], wrapped: bool, trailing: usize) -> Option<Found<'a>> {
    let (modulus, exponent) = (positive(modulus)?, positive(exponent)?);
    Some(Found::Rsa { modulus, exponent, wrapped, trailing })
}

/// The number without leading zeros; `None` for zero and for negative ones.
fn positive(integer: &[u8]) -> Option<&[u8]> {
    if *integer.first()? >= 0x80 {
        return None;
    }
    let start = integer.iter().position(|byte| *byte != 0)?;
    Some(&integer[start..])
}

/// The SubjectPublicKeyInfo of an RSA key.
pub(super) fn wrap_rsa(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let mut null = tlv(OBJECT_IDENTIFIER, RSA);
    null.extend([0x05, 0x00]);
    let mut key = vec![0];
    key.extend(tlv(SEQUENCE, &[integer(modulus), integer(exponent)].concat()));
    tlv(SEQUENCE, &[tlv(SEQUENCE, &null), tlv(BIT_STRING, &key)].concat())
}

fn integer(number: &[u8]) -> Vec<u8> {
    let sign: &[u8] = if number.first().is_some_and(|first| *first >= 0x80) { &[0] } else { &[] };
    tlv(INTEGER, &[sign, number].concat())
}

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let length = &length[length.iter().take_while(|byte| **byte == 0).count()..];
    let mut out = vec![tag];
    match length {
        [] => out.push(0),
        [short] if *short < 0x80 => out.push(*short),
        // A length takes eight bytes at most.
        long => {
            out.push(0x80 | long.len() as u8);
            out.extend(long);
        }
    }
    out.extend(content);
    out
}

struct Element<'a> {
    tag: u8,
    /// As much of it as is there.
    content: &'a [u8],
    /// What follows.
    rest: &'a [u8],
    /// The bytes that it should have had from its first one on, where some are missing.
    lacks: Option<usize>,
}

/// The first element of `bytes`; `None` where none begins.
fn element(bytes: &[u8]) -> Option<Element<'_>> {
    let [tag, first, after @ ..] = bytes else { return None };
    let (length, content) = match first {
        short @ ..=0x7f => (usize::from(*short), after),
        // 0x80 is the indefinite length of BER, which DER does not have.
        0x81..=0x84 => {
            let (digits, content) = after.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0_usize, |length, digit| (length << 8) | usize::from(*digit)), content)
        }
        _ => return None,
    };
    match content.split_at_checked(length) {
        Some((content, rest)) => Some(Element { tag: *tag, content, rest, lacks: None }),
        None => {
            let head = bytes.len() - content.len();
            Some(Element { tag: *tag, content, rest: &[], lacks: Some(head.saturating_add(length)) })
        }
    }
}
