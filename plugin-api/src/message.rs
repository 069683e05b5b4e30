//! A message as a target: bytes, and how they stand in JSON.

use std::{fmt::Write, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// A message (RFC 5322) as it was given. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Message {
    /// What the user calls it: the file as typed, `-` for standard input.
    pub name: String,
    /// The bytes, header and body, line ends as they came; at most [`Message::LARGEST`].
    ///
    /// In JSON they are one text that loses nothing and stays readable: UTF-8
    /// as it is, except that a backslash is `\\\\` and a byte that is no part of
    /// UTF-8 is `\\xNN`.
    #[serde(serialize_with = "as_text", deserialize_with = "from_text")]
    #[schemars(with = "String")]
    pub bytes: Arc<[u8]>,
}

impl Message {
    /// The largest message that a run takes, in bytes. Its recording, in which
    /// one byte may become six, stays below the largest that is replayed.
    pub const LARGEST: usize = 40 << 20;

    /// A message with its name.
    pub fn new(name: impl Into<String>, bytes: impl Into<Arc<[u8]>>) -> Self {
        Message { name: name.into(), bytes: bytes.into() }
    }
}

fn as_text<S: Serializer>(bytes: &Arc<[u8]>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&escaped(bytes))
}

fn from_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<[u8]>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let bytes =
        unescaped(&text).ok_or_else(|| D::Error::custom("a backslash is followed by neither `\\` nor `xNN`"))?;
    if bytes.len() > Message::LARGEST {
        return Err(D::Error::custom(format_args!("the message is larger than {} MiB", Message::LARGEST >> 20)));
    }
    Ok(bytes.into())
}

fn escaped(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for (index, part) in chunk.valid().split('\\').enumerate() {
            if index > 0 {
                text.push_str("\\\\");
            }
            text.push_str(part);
        }
        for byte in chunk.invalid() {
            // Writing into a String cannot fail.
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

fn unescaped(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        bytes.extend_from_slice(before.as_bytes());
        rest = match after.strip_prefix('\\') {
            Some(after) => {
                bytes.push(b'\\');
                after
            }
            None => {
                let digits = after.strip_prefix('x')?.get(..2)?;
                if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                    return None;
                }
                bytes.push(u8::from_str_radix(digits, 16).ok()?);
                &after[3..]
            }
        };
    }
    bytes.extend_from_slice(rest.as_bytes());
    Some(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn every_byte_survives_json() {
        let all: Vec<u8> = (0..=255).chain("Gr\u{fc}\u{df}e \\x41 \\".bytes()).collect();
        let message = Message::new("-", all.clone());
        let json = serde_json::to_string(&message).unwrap();
        assert_eq!(serde_json::from_str::<Message>(&json).unwrap(), message);
        assert_eq!(escaped(b"Subject: \xfc\\\r\n"), "Subject: \\xfc\\\\\r\n");
    }

    #[test]
    fn what_is_no_such_text_is_refused() {
        for bad in ["\\", "a\\x", "\\x4", "\\xg0", "\\x+1", "\\n", "\\x\u{e9}"] {
            assert_eq!(unescaped(bad), None, "{bad}");
            assert!(serde_json::from_value::<Message>(serde_json::json!({"name": "-", "bytes": bad})).is_err());
        }
    }

    #[test]
    fn a_message_beyond_the_bound_is_refused() {
        let text = "a".repeat(Message::LARGEST + 1);
        let error = serde_json::from_value::<Message>(serde_json::json!({"name": "-", "bytes": text})).unwrap_err();
        assert!(error.to_string().contains("larger than 40 MiB"), "{error}");
    }
}
