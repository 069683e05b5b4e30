//! Base64 as DKIM writes it: white space anywhere (RFC 6376 §2.10), padding
//! where it belongs.

use data_encoding::{BASE64, BASE64_NOPAD, DecodeKind};

/// What came of decoding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Decoded {
    /// The bytes.
    Right(Vec<u8>),
    /// The bytes, although the padding is missing or wrong.
    Unpadded(Vec<u8>),
    /// The byte of the text where it stops being base64.
    Broken(usize),
}

pub(super) fn decode(text: &str) -> Decoded {
    let mut bytes = Vec::with_capacity(text.len());
    let mut places = Vec::with_capacity(text.len());
    for (at, byte) in text.bytes().enumerate().filter(|(_, byte)| !is_space(*byte)) {
        bytes.push(byte);
        places.push(at);
    }
    if let Ok(decoded) = BASE64.decode(&bytes) {
        return Decoded::Right(decoded);
    }
    let padding = bytes.iter().rev().take_while(|byte| **byte == b'=').count();
    let inner = &bytes[..bytes.len() - padding];
    match BASE64_NOPAD.decode(inner) {
        Ok(decoded) => Decoded::Unpadded(decoded),
        // Bits that are left over at the end mean nothing; other readers drop them.
        Err(error) if error.kind == DecodeKind::Trailing => lax(inner, &places),
        Err(error) => {
            let stranger = inner.iter().position(|b| !b.is_ascii_alphanumeric() && !matches!(b, b'+' | b'/'));
            Decoded::Broken(place(&places, stranger.unwrap_or(error.position), text.len()))
        }
    }
}

fn lax(inner: &[u8], places: &[usize]) -> Decoded {
    let mut spec = BASE64_NOPAD.specification();
    spec.check_trailing_bits = false;
    let decoded = spec.encoding().ok().and_then(|encoding| encoding.decode(inner).ok());
    decoded.map_or_else(|| Decoded::Broken(places.last().copied().unwrap_or(0)), Decoded::Unpadded)
}

fn place(places: &[usize], position: usize, end: usize) -> usize {
    places.get(position).or(places.last()).copied().unwrap_or(end)
}

pub(super) fn encode(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}
