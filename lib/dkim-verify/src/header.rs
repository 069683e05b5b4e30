//! The signed header fields against the signature, and what was changed.

use mail_syntax::dkim::{Algorithm, Canonicalization, KeyState, Signature};
use ring::{
    digest::{SHA256, digest},
    signature::{
        ED25519, RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
        RsaPublicKeyComponents, UnparsedPublicKey,
    },
};

use crate::{
    canonical,
    message::{Message, Order},
};

/// What came of the header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderResult {
    /// It is as it was signed.
    Same,
    /// The signature does not fit it, or was made with another key.
    Changed(HeaderChange),
}

/// What was changed in a header, as far as it can be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderChange {
    /// This was put before the subject.
    SubjectTag(String),
    /// White space was changed, which `c=simple` does not forgive.
    WhiteSpace,
    /// `From` was replaced; the field named here holds the original.
    FromReplaced(String),
    /// A further field of this name was added.
    FieldAdded(String),
    /// The content was encoded anew: `Content-Transfer-Encoding` was this.
    Encoding(&'static str),
    /// Something else, or the key is not the one that signed.
    Unknown,
}

/// A field in place of the message's own.
struct Instead<'i> {
    name: &'i str,
    value: Vec<u8>,
}

pub(crate) fn check(message: &Message<'_>, at: usize, signature: &Signature, key: &KeyState) -> HeaderResult {
    let own = signature.header_canonicalization;
    let holds = |how, order, without: Option<usize>, instead: Option<&Instead<'_>>| {
        let signed = signed_bytes(message, at, signature, how, order, without, instead);
        signed.is_some_and(|signed| is_signed(&signed, signature, key))
    };
    if holds(own, Order::LastFirst, None, None) {
        return HeaderResult::Same;
    }
    HeaderResult::Changed(change(message, signature, own, &holds))
}

type Holds<'h> = dyn Fn(Canonicalization, Order, Option<usize>, Option<&Instead<'_>>) -> bool + 'h;

fn change(message: &Message<'_>, signature: &Signature, own: Canonicalization, holds: &Holds<'_>) -> HeaderChange {
    const MOST: usize = 24;
    let plain = |instead: &Instead<'_>| holds(own, Order::LastFirst, None, Some(instead));
    if own == Canonicalization::Simple && holds(Canonicalization::Relaxed, Order::LastFirst, None, None) {
        return HeaderChange::WhiteSpace;
    }
    if let Some(at) = message.named("subject").last() {
        let subject = message.fields[at].value;
        for end in tag_ends(subject) {
            let value = [b" ", subject[end..].trim_ascii_start()].concat();
            if plain(&Instead { name: "subject", value }) {
                let tag = String::from_utf8_lossy(subject[..end].trim_ascii()).into_owned();
                return HeaderChange::SubjectTag(tag);
            }
        }
    }
    for original in ["x-original-from", "original-from", "reply-to", "x-google-original-from"] {
        let Some(at) = message.named(original).last() else { continue };
        if plain(&Instead { name: "from", value: message.fields[at].value.to_vec() }) {
            return HeaderChange::FromReplaced(original.to_owned());
        }
    }
    // A field that was added after signing stands above those that were there,
    // or, by mistake, below them.
    let repeated = signature.headers.iter().filter(|name| message.named(name).count() > signature.times_signed(name));
    for name in repeated.take(MOST) {
        if message.named(name).last().is_some_and(|last| holds(own, Order::LastFirst, Some(last), None)) {
            return HeaderChange::FieldAdded(name.clone());
        }
    }
    if holds(own, Order::FirstFirst, None, None) {
        return HeaderChange::FieldAdded("one of the signed fields".to_owned());
    }
    // Signing more fields of a name than there are keeps others from being added (§8.15).
    for name in signature.headers.iter().take(MOST) {
        if message.named(name).next().is_some_and(|first| holds(own, Order::LastFirst, Some(first), None)) {
            return HeaderChange::FieldAdded(name.clone());
        }
    }
    for encoding in ["8bit", "7bit", "quoted-printable", "base64", "binary"] {
        if plain(&Instead { name: "content-transfer-encoding", value: format!(" {encoding}").into_bytes() }) {
            return HeaderChange::Encoding(encoding);
        }
    }
    HeaderChange::Unknown
}

/// Where tags such as `[list]`, `***SPAM***` and `EXTERNAL:` at the beginning of
/// a subject end, at most three of them.
fn tag_ends(subject: &[u8]) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut at = 0;
    while ends.len() < 3 {
        let start = at + (subject[at..].len() - subject[at..].trim_ascii_start().len());
        let rest = &subject[start..];
        let word = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
        let end = match rest {
            [open @ (b'[' | b'(' | b'{' | b'<'), ..] => {
                let close = match open {
                    b'[' => b']',
                    b'(' => b')',
                    b'{' => b'}',
                    _ => b'>',
                };
                rest.iter().position(|byte| *byte == close).map(|end| end + 1)
            }
            [b'*', ..] => Some(word),
            _ if rest[..word].ends_with(b":") => Some(word),
            _ => None,
        };
        let Some(end) = end.filter(|end| *end > 0) else { break };
        at = start + end;
        ends.push(at);
    }
    ends
}

/// What was signed (RFC 6376 §3.7); `None` where the signature's own field is no text.
fn signed_bytes(
    message: &Message<'_>,
    at: usize,
    signature: &Signature,
    how: Canonicalization,
    order: Order,
    without: Option<usize>,
    instead: Option<&Instead<'_>>,
) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    // The field that is verified is never one of those in `h=` (§3.5).
    let mut left: Vec<usize> =
        (0..message.fields.len()).filter(|field| Some(*field) != without && *field != at).collect();
    for name in &signature.headers {
        let is = |field: &usize| message.fields[*field].is(name);
        let place = match order {
            Order::LastFirst => left.iter().rposition(is),
            Order::FirstFirst => left.iter().position(is),
        };
        let Some(place) = place else { continue };
        let field = &message.fields[left.remove(place)];
        let value = match instead {
            Some(instead) if name.eq_ignore_ascii_case(instead.name) => instead.value.as_slice(),
            _ => field.value,
        };
        canonical::field(field.name, value, how, &mut out);
        out.extend_from_slice(b"\r\n");
    }
    let own = message.fields.get(at)?;
    let text = std::str::from_utf8(own.value).ok()?;
    let span = signature.signature_span?;
    let start = text.get(..span.start)?.rfind('=')? + 1;
    let end = text[start..].find(';').map_or(text.len(), |end| start + end);
    let emptied = [&own.value[..start], &own.value[end..]].concat();
    canonical::field(own.name, &emptied, how, &mut out);
    Some(out)
}

fn is_signed(bytes: &[u8], signature: &Signature, key: &KeyState) -> bool {
    match key {
        KeyState::Rsa(key) => {
            let algorithm = match signature.algorithm {
                Algorithm::RsaSha1 => &RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
                _ => &RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
            };
            let key = RsaPublicKeyComponents { n: &key.modulus, e: &key.exponent };
            key.verify(algorithm, bytes, &signature.signature).is_ok()
        }
        // RFC 8463 §3: the hash is what is signed.
        KeyState::Ed25519(key) => {
            let hash = digest(&SHA256, bytes);
            UnparsedPublicKey::new(&ED25519, key).verify(hash.as_ref(), &signature.signature).is_ok()
        }
        KeyState::Absent | KeyState::Revoked | KeyState::Unreadable => false,
    }
}
