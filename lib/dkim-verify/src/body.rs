//! The body against its hash, and what was changed.

use mail_syntax::dkim::{Algorithm, Canonicalization, Signature};
use ring::digest::{Algorithm as Hash, Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256};

use crate::{
    canonical::lines,
    message::{Message, line},
};

/// Bodies up to so many bytes are looked through for what was changed.
const LOOKED_THROUGH: usize = 256 * 1024;
/// The most lines at the beginning that may have been put there.
const BANNER: usize = 40;

/// What came of the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BodyResult {
    /// It is as it was signed.
    Same {
        /// Bytes at the end that are not signed (`l=`), in canonical form.
        unsigned: u64,
    },
    /// `l=` is more than there is.
    TooShort {
        /// What `l=` says.
        signed: u64,
        /// Bytes in canonical form.
        has: u64,
    },
    /// It is not as it was signed.
    Changed(BodyChange),
}

/// What was changed in a body, as far as it can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyChange {
    /// Lines were added: what was signed is the lines `first..=last`.
    Added {
        /// The first line that was signed, from 1.
        first: usize,
        /// The last one.
        last: usize,
    },
    /// White space was changed, which `c=…/simple` does not forgive.
    WhiteSpace,
    /// The content was encoded as quoted-printable on the way.
    EncodedQuotedPrintable,
    /// The content was encoded as base64 on the way.
    EncodedBase64,
    /// A dot was added to lines that begin with one, or taken away (RFC 5321 §4.5.2).
    Dots,
    /// `>` was put before lines that begin with `From `.
    FromLines,
    /// Something else.
    Unknown,
}

pub(crate) fn check(message: &Message<'_>, signature: &Signature) -> BodyResult {
    let how = signature.body_canonicalization;
    let hash = hash_of(signature);
    let (digest, taken, length) = hashed(message.body, how, hash, signature.length);
    if let Some(signed) = signature.length.filter(|signed| *signed > length) {
        return BodyResult::TooShort { signed, has: length };
    }
    if digest.as_ref() == signature.body_hash.as_slice() {
        return BodyResult::Same { unsigned: length - taken };
    }
    BodyResult::Changed(change(message, signature, how, hash))
}

fn hash_of(signature: &Signature) -> &'static Hash {
    match signature.algorithm {
        Algorithm::RsaSha1 => &SHA1_FOR_LEGACY_USE_ONLY,
        _ => &SHA256,
    }
}

/// The hash of a body, how many bytes went into it, and how many there are.
fn hashed(
    body: &[u8],
    how: Canonicalization,
    hash: &'static Hash,
    limit: Option<u64>,
) -> (ring::digest::Digest, u64, u64) {
    let mut context = Context::new(hash);
    let (mut taken, mut length) = (0_u64, 0_u64);
    lines(body, how, |_, text| {
        let room = limit.map_or(u64::MAX, |limit| limit - taken);
        // A line is no longer than memory.
        let part = &text[..text.len().min(usize::try_from(room).unwrap_or(usize::MAX))];
        context.update(part);
        taken += part.len() as u64;
        length += text.len() as u64;
        true
    });
    (context.finish(), taken, length)
}

fn change(message: &Message<'_>, signature: &Signature, how: Canonicalization, hash: &'static Hash) -> BodyChange {
    let wanted = signature.body_hash.as_slice();
    let is_it = |body: &[u8], how| hashed(body, how, hash, signature.length).0.as_ref() == wanted;
    if how == Canonicalization::Simple && is_it(message.body, Canonicalization::Relaxed) {
        return BodyChange::WhiteSpace;
    }
    if message.body.len() > LOOKED_THROUGH {
        return BodyChange::Unknown;
    }
    if let Some((first, last)) = added(message.body, how, hash, wanted) {
        return BodyChange::Added { first, last };
    }
    let mapped = |change: &dyn Fn(&[u8]) -> Vec<u8>| is_it(&each_line(message.body, change), how);
    let more_dots = mapped(&|text| if text.starts_with(b".") { [b".", text].concat() } else { text.to_vec() });
    if more_dots || mapped(&|text| text.strip_prefix(b"..").map_or(text.to_vec(), |rest| [b".", rest].concat())) {
        return BodyChange::Dots;
    }
    if mapped(&|text| text.strip_prefix(b">").filter(|rest| rest.starts_with(b"From ")).unwrap_or(text).to_vec()) {
        return BodyChange::FromLines;
    }
    let encoding = message.named("content-transfer-encoding").next();
    match encoding.map(|at| message.fields[at].value_text().trim().to_ascii_lowercase()).as_deref() {
        Some("quoted-printable") if is_it(&quoted_printable(message.body), how) => BodyChange::EncodedQuotedPrintable,
        Some("base64") if base64(message.body).is_some_and(|body| is_it(&body, how)) => BodyChange::EncodedBase64,
        _ => BodyChange::Unknown,
    }
}

/// The lines of the body, first and last, whose hash is the one that was signed.
fn added(body: &[u8], how: Canonicalization, hash: &'static Hash, wanted: &[u8]) -> Option<(usize, usize)> {
    let mut rest = body;
    for first in 1..=BANNER {
        let mut context = Context::new(hash);
        let mut found = None;
        lines(rest, how, |place, text| {
            context.update(text);
            if context.clone().finish().as_ref() == wanted {
                found = Some((first, first + place - 1));
            }
            found.is_none()
        });
        if found.is_some() || rest.is_empty() {
            return found;
        }
        rest = line(rest).1;
    }
    None
}

fn each_line(body: &[u8], change: &dyn Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let (mut rest, mut out) = (body, Vec::with_capacity(body.len() + 64));
    while !rest.is_empty() {
        let (text, after) = line(rest);
        out.extend(change(text));
        out.extend_from_slice(b"\r\n");
        rest = after;
    }
    out
}

/// Decodes quoted-printable (RFC 2045 §6.7); what is none stays.
fn quoted_printable(body: &[u8]) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let mut out = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match (first, after) {
            (b'=', [b'\r', b'\n', next @ ..] | [b'\n', next @ ..]) => rest = next,
            (b'=', [high, low, next @ ..]) => match (digit(*high), digit(*low)) {
                // Two digits make a byte.
                (Some(high), Some(low)) => {
                    out.push((high * 16 + low) as u8);
                    rest = next;
                }
                _ => out.push(b'='),
            },
            _ => out.push(*first),
        }
    }
    out
}

fn base64(body: &[u8]) -> Option<Vec<u8>> {
    let mut bits = 0_u32;
    let (mut count, mut out) = (0, Vec::with_capacity(body.len() / 4 * 3));
    for byte in body.iter().filter(|byte| !byte.is_ascii_whitespace() && **byte != b'=') {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            // The eight bits that are complete.
            out.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    Some(out)
}
