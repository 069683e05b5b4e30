//! Canonicalization (RFC 6376 §3.4). Line ends are CRLF whatever they were.

use mail_syntax::dkim::Canonicalization;

use crate::message::line;

/// A header field, without the line end at its end.
pub(crate) fn field(name: &[u8], value: &[u8], how: Canonicalization, out: &mut Vec<u8>) {
    match how {
        Canonicalization::Simple => {
            out.extend_from_slice(name);
            out.push(b':');
            for (at, part) in value.split(|byte| *byte == b'\n').enumerate() {
                if at > 0 {
                    out.extend_from_slice(b"\r\n");
                }
                out.extend_from_slice(part.strip_suffix(b"\r").unwrap_or(part));
            }
        }
        Canonicalization::Relaxed => {
            out.extend(name.trim_ascii_end().to_ascii_lowercase());
            out.push(b':');
            squeeze(value.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n')), out, true);
        }
    }
}

/// Runs of white space become one space; those at the end go, and at the
/// beginning where `trim_start` says so.
fn squeeze(bytes: impl Iterator<Item = u8>, out: &mut Vec<u8>, trim_start: bool) {
    let (mut space, mut begun) = (false, !trim_start);
    for byte in bytes {
        if matches!(byte, b' ' | b'\t') {
            space = true;
            continue;
        }
        if space && begun {
            out.push(b' ');
        }
        (space, begun) = (false, true);
        out.push(byte);
    }
}

/// Gives the lines of a body to `take`, each with its CRLF and with the empty
/// ones that stand before it; empty lines at the end are left out. `take` gets
/// the line's place from 1 on, and says whether it wants more.
pub(crate) fn lines(body: &[u8], how: Canonicalization, mut take: impl FnMut(usize, &[u8]) -> bool) {
    let (mut rest, mut empty, mut place, mut written) = (body, 0_usize, 0_usize, Vec::new());
    let mut any = false;
    while !rest.is_empty() {
        let (text, after) = line(rest);
        rest = after;
        place += 1;
        let start = written.len();
        match how {
            Canonicalization::Simple => written.extend_from_slice(text),
            Canonicalization::Relaxed => squeeze(text.iter().copied(), &mut written, false),
        }
        if written.len() == start {
            empty += 1;
            continue;
        }
        let before = b"\r\n".repeat(empty);
        written.splice(0..0, before);
        written.extend_from_slice(b"\r\n");
        (empty, any) = (0, true);
        if !take(place, &written) {
            return;
        }
        written.clear();
    }
    // The simple form of an empty body is one line end (§3.4.3).
    if !any && how == Canonicalization::Simple {
        take(place.max(1), b"\r\n");
    }
}
