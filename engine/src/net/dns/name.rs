//! Names as text: what the contract calls a name, to and from the wire's labels.

use std::fmt::Write;

use hickory_proto::rr::Name;

/// Reads a name as a zone file writes it, with or without the final dot:
/// `.` is the root, `\.` a dot inside a label, `\DDD` any byte (RFC 1035 §5.1).
///
/// # Errors
/// Why it cannot be asked, as a fragment: an empty label, a label over 63
/// bytes, a name over 255 bytes on the wire (RFC 1035 §2.3.4), a byte outside
/// ASCII that is not escaped.
pub(super) fn parse(text: &str) -> Result<Name, String> {
    if text == "." {
        return Ok(Name::root());
    }
    let mut labels: Vec<Vec<u8>> = Vec::new();
    let mut label: Vec<u8> = Vec::new();
    let mut on_the_wire = 1;
    let mut rest = text.as_bytes();
    loop {
        let (byte, after, ends_label) = match rest {
            [] => (None, rest, true),
            [b'.', after @ ..] => (None, after, true),
            [b'\\', digits @ ..] if digits.len() >= 3 && digits[..3].iter().all(u8::is_ascii_digit) => {
                let value = digits[..3].iter().fold(0u16, |sum, digit| sum * 10 + u16::from(digit - b'0'));
                let byte = u8::try_from(value).map_err(|_| format!("`\\{value}` is no byte"))?;
                (Some(byte), &rest[4..], false)
            }
            [b'\\', byte, after @ ..] if byte.is_ascii() && !byte.is_ascii_digit() => (Some(*byte), after, false),
            [b'\\', ..] => return Err("a `\\` is followed by no byte value".to_owned()),
            [byte, after @ ..] if byte.is_ascii() => (Some(*byte), after, false),
            _ => return Err("it has bytes outside ASCII".to_owned()),
        };
        label.extend(byte.map(|byte| byte.to_ascii_lowercase()));
        if label.len() > 63 {
            return Err("a label is longer than 63 bytes".to_owned());
        }
        if ends_label {
            if label.is_empty() {
                return Err("a label is empty".to_owned());
            }
            on_the_wire += label.len() + 1;
            if on_the_wire > Name::MAX_LENGTH {
                return Err("it is longer than 255 bytes".to_owned());
            }
            labels.push(std::mem::take(&mut label));
            if after.is_empty() {
                break;
            }
        }
        rest = after;
    }
    Name::from_labels(labels.iter().map(Vec::as_slice)).map_err(|error| error.to_string())
}

/// Writes a name lower-case, without the final dot, the root as `.`. A dot or
/// backslash inside a label gets a backslash, a byte that is no visible ASCII
/// becomes `\DDD`, so that [`parse`] gives the same name again.
pub(super) fn present(name: &Name) -> String {
    let mut text = String::with_capacity(name.len());
    for label in name.iter() {
        if !text.is_empty() {
            text.push('.');
        }
        for byte in label {
            match byte {
                b'.' | b'\\' => text.extend(['\\', char::from(*byte)]),
                0x21..=0x7e => text.push(char::from(byte.to_ascii_lowercase())),
                other => {
                    let _ = write!(text, "\\{other:03}");
                }
            }
        }
    }
    if text.is_empty() {
        text.push('.');
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn a_name_is_written_as_it_was_read() {
        let long = format!("{0}.{0}.{0}.{1}", "a".repeat(63), "b".repeat(61));
        for (text, expected) in [
            (".", "."),
            ("example.org", "example.org"),
            ("Mail.EXAMPLE.org.", "mail.example.org"),
            ("_dmarc.xn--bcher-kva.example", "_dmarc.xn--bcher-kva.example"),
            (r"john\.doe.example", r"john\.doe.example"),
            (r"\097\032b\\.example", r"a\032b\\.example"),
            (r"\000.example", r"\000.example"),
            (r"end\..", r"end\."),
            (r"x\@y.example", "x@y.example"),
            (&long, &long),
        ] {
            assert_eq!(present(&parse(text).unwrap()), expected, "{text}");
            assert_eq!(present(&parse(expected).unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let label = format!("{}.example", "a".repeat(64));
        let name = format!("{0}.{0}.{0}.{1}", "a".repeat(63), "b".repeat(62));
        for text in ["", "..", ".a", "a..b", "a.b..", r"a\", r"\256.a", r"\1.a", "bücher.example", &label, &name] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
