//! From the bytes that were given to messages: UTF-16, lone CR, mail folders.

use std::borrow::Cow;

/// The most bytes of one input that are read; a bounce tells all in its beginning.
pub const LARGEST: usize = 8 << 20;
/// The most messages of one mail folder that are read.
pub const MOST_MESSAGES: usize = 10_000;

/// What was made of the input.
pub(crate) struct Input<'a> {
    /// The text with ordinary line ends.
    pub(crate) bytes: Cow<'a, [u8]>,
    /// Whether more was given than is read.
    pub(crate) cut: bool,
    /// Whether it had to be made from UTF-16.
    pub(crate) wide: bool,
}

impl<'a> Input<'a> {
    pub(crate) fn read(given: &'a [u8]) -> Self {
        let cut = given.len() > LARGEST;
        let head = &given[..given.len().min(LARGEST)];
        if let Some(text) = from_utf_16(head) {
            return Input { bytes: Cow::Owned(text.into_bytes()), cut, wide: true };
        }
        let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
        let start = head.iter().position(|b| !b.is_ascii_whitespace() && *b != 0).unwrap_or(head.len());
        let head = &head[start..];
        // Line ends that are CR alone, as old Macintosh programs saved them.
        let lone = !head.contains(&b'\n') && head.contains(&b'\r');
        let bytes = if lone {
            Cow::Owned(head.iter().map(|b| if *b == b'\r' { b'\n' } else { *b }).collect())
        } else {
            Cow::Borrowed(head)
        };
        Input { bytes, cut, wide: false }
    }

    /// The messages: one, or those of a mail folder (`mbox`).
    pub(crate) fn messages(&self) -> Vec<&[u8]> {
        let bytes = self.bytes.as_ref();
        if !is_folder_line(bytes) {
            return vec![bytes];
        }
        let mut starts = vec![0];
        let mut blank = false;
        let mut at = 0;
        for line in bytes.split_inclusive(|b| *b == b'\n') {
            // Inside a message a line `From …` is quoted, or follows no blank line, or has no date.
            if at > 0 && blank && is_folder_line(line) && starts.len() < MOST_MESSAGES {
                starts.push(at);
            }
            blank = line.trim_ascii().is_empty();
            at += line.len();
        }
        let ends = starts.iter().skip(1).copied().chain([bytes.len()]);
        starts.iter().zip(ends).map(|(start, end)| after_line(&bytes[*start..end])).collect()
    }
}

fn after_line(bytes: &[u8]) -> &[u8] {
    bytes.iter().position(|b| *b == b'\n').map_or(&[][..], |end| &bytes[end + 1..])
}

/// Whether it begins with the line that a mail folder puts before a message:
/// `From sender Thu Apr 29 23:34:45 2010` (RFC 4155).
fn is_folder_line(bytes: &[u8]) -> bool {
    let Some(rest) = bytes.strip_prefix(b"From ") else { return false };
    let line = rest.split(|b| *b == b'\n').next().unwrap_or_default();
    line.len() < 1_000
        && line.windows(3).any(|three| matches!(three, [a, b':', c] if a.is_ascii_digit() && c.is_ascii_digit()))
}

fn from_utf_16(bytes: &[u8]) -> Option<String> {
    let beginning = &bytes[..bytes.len().min(512)];
    let zeros = |offset: usize| beginning.iter().skip(offset).step_by(2).filter(|byte| **byte == 0).count();
    let most = beginning.len() * 2 / 5;
    let (rest, little) = if let Some(rest) = bytes.strip_prefix(b"\xff\xfe") {
        (rest, true)
    } else if let Some(rest) = bytes.strip_prefix(b"\xfe\xff") {
        (rest, false)
    } else if zeros(1) > most && zeros(0) == 0 {
        (bytes, true)
    } else if zeros(0) > most && zeros(1) == 0 {
        (bytes, false)
    } else {
        return None;
    };
    let units = rest.chunks_exact(2).map(|pair| {
        let pair = [pair[0], pair[1]];
        if little { u16::from_le_bytes(pair) } else { u16::from_be_bytes(pair) }
    });
    Some(char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_folder_is_split_and_quoted_lines_are_not() {
        let folder = b"From a@b Thu Apr 29 23:34:45 2010\nX: 1\n\nFrom here to there\n>From x\n\nFrom c@d Thu Apr 29 23:34:45 2010\nX: 2\n\n";
        let input = Input::read(folder);
        let messages = input.messages();
        assert_eq!(messages.len(), 2);
        assert!(messages[0].starts_with(b"X: 1") && messages[1].starts_with(b"X: 2"));
        assert_eq!(Input::read(b"From: a@b\n\nFrom c Thu 23:34:45\n").messages().len(), 1);
    }

    #[test]
    fn utf_16_and_lone_carriage_returns_are_read() {
        let wide: Vec<u8> = "\u{feff}X: \u{e9}\r\n".encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(Input::read(&wide).bytes.as_ref(), "X: \u{e9}\r\n".as_bytes());
        let bare: Vec<u8> = "X: 1\r\nfrom a message".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(Input::read(&bare).bytes.as_ref(), b"X: 1\r\nfrom a message");
        assert_eq!(Input::read(b"X: 1\rY: 2\r").bytes.as_ref(), b"X: 1\nY: 2\n");
        assert_eq!(Input::read(b"").messages(), [b""]);
    }
}
