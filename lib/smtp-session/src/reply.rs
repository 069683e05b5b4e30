//! Replies, read from bytes.

/// The longest line that is read, in octets, its end included.
///
/// RFC 5321 §4.5.3.1.5 allows 512; longer ones exist and are noted as
/// [`Fault::LongLine`] up to here.
pub const MAX_LINE: usize = 4096;

/// The most lines of one reply.
pub const MAX_LINES: usize = 200;

/// The longest reply, in octets, line ends included.
pub const MAX_REPLY: usize = 64 * 1024;

/// The longest reply line that RFC 5321 §4.5.3.1.5 allows, its end included.
const RFC_LINE: usize = 512;

/// One complete reply of a server (RFC 5321 §4.2).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reply {
    /// The code, 200 to 599: that of the last line where lines differ.
    pub code: u16,
    /// The text of each line after its code; at least one. An enhanced status
    /// code is left in it. Bytes that are no UTF-8, and NUL, are U+FFFD.
    pub lines: Vec<String>,
    /// Each line as it came, its end included.
    pub raw: Vec<Vec<u8>>,
    /// What is wrong with its form, each at most once, in order.
    pub faults: Vec<Fault>,
}

impl Reply {
    /// Whether it is a 2yz reply: the command was carried out.
    pub fn is_positive(&self) -> bool {
        (200..300).contains(&self.code)
    }

    /// Whether it is a 5yz reply: the same command will be refused again.
    pub fn is_permanent(&self) -> bool {
        self.code >= 500
    }
}

/// A departure from the form that RFC 5321 gives replies, which leaves them readable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// A line ends with LF alone (§2.3.8).
    BareLf,
    /// A CR stands elsewhere than before LF (§2.3.8).
    BareCr,
    /// A line is longer than 512 octets (§4.5.3.1.5).
    LongLine,
    /// The lines of one reply have different codes (§4.2.1).
    CodesDiffer,
    /// A tab follows the code (§4.2 wants a space or a hyphen).
    OddSeparator,
    /// A line holds NUL, or bytes that are no UTF-8.
    NotText,
}

/// Why bytes are no reply that can be read.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ReplyError {
    /// A line does not begin with a code of 200 to 599 and a separator.
    #[error("a line that is no SMTP reply: {}", excerpt(.line))]
    NotAReply {
        /// The line, its end included.
        line: Vec<u8>,
    },
    /// A line is longer than [`MAX_LINE`].
    #[error("a line of more than {MAX_LINE} octets: {}", excerpt(.start))]
    LineTooLong {
        /// Its first bytes.
        start: Vec<u8>,
    },
    /// A reply has more than [`MAX_LINES`] lines.
    #[error("a reply of more than {MAX_LINES} lines")]
    TooManyLines,
    /// A reply is longer than [`MAX_REPLY`].
    #[error("a reply of more than {MAX_REPLY} octets")]
    ReplyTooLong,
}

/// Reads replies from bytes that come in any pieces.
///
/// It holds one reply under way and what was pushed since; push what one read
/// gave, take the replies, and its memory stays within [`MAX_REPLY`] and that
/// read. After an error it stays at that error: what follows has no known
/// beginning.
#[derive(Clone, Debug, Default)]
pub struct ReplyReader {
    /// Bytes that no line was taken from yet.
    buffer: Vec<u8>,
    /// How much of `buffer` is known to hold no LF.
    searched: usize,
    /// The lines of the reply under way.
    lines: Vec<Line>,
    raw: Vec<Vec<u8>>,
    failed: Option<ReplyError>,
}

impl ReplyReader {
    /// A reader at the beginning of a connection.
    pub fn new() -> Self {
        ReplyReader::default()
    }

    /// Adds bytes; after an error they are dropped.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.failed.is_none() {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// The next complete reply; `None` when more bytes are needed.
    ///
    /// # Errors
    /// When the bytes are no reply, or more than a bound allows; the same error
    /// from then on.
    pub fn next_reply(&mut self) -> Result<Option<Reply>, ReplyError> {
        match self.failed.clone() {
            Some(error) => Err(error),
            None => self.read().inspect_err(|error| {
                self.failed = Some(error.clone());
                self.buffer = Vec::new();
                self.searched = 0;
            }),
        }
    }

    /// How many bytes have come beyond the last complete reply.
    pub fn unread(&self) -> usize {
        self.raw.iter().map(Vec::len).sum::<usize>() + self.buffer.len()
    }

    /// The complete lines of a reply that is not complete, as they came.
    pub fn lines_under_way(&self) -> &[Vec<u8>] {
        &self.raw
    }

    /// The bytes of a line that is not complete.
    pub fn rest(&self) -> &[u8] {
        &self.buffer
    }

    fn read(&mut self) -> Result<Option<Reply>, ReplyError> {
        while let Some(raw) = self.take_line()? {
            let line = Line::read(&raw)?;
            let last = !line.more;
            self.lines.push(line);
            self.raw.push(raw);
            if self.raw.iter().map(Vec::len).sum::<usize>() > MAX_REPLY {
                return Err(ReplyError::ReplyTooLong);
            }
            if last {
                return Ok(Some(self.take_reply()));
            }
            if self.lines.len() >= MAX_LINES {
                return Err(ReplyError::TooManyLines);
            }
        }
        Ok(None)
    }

    /// Takes one line, its end included, out of the buffer.
    fn take_line(&mut self) -> Result<Option<Vec<u8>>, ReplyError> {
        let found = self.buffer[self.searched..].iter().position(|&byte| byte == b'\n');
        let length = found.map_or(self.buffer.len(), |at| self.searched + at + 1);
        if length > MAX_LINE {
            return Err(ReplyError::LineTooLong { start: self.buffer[..=EXCERPT].to_vec() });
        }
        self.searched = if found.is_some() { 0 } else { length };
        Ok(found.map(|_| self.buffer.drain(..length).collect()))
    }

    fn take_reply(&mut self) -> Reply {
        let lines = std::mem::take(&mut self.lines);
        let code = lines.last().map_or(0, |line| line.code);
        let mut faults: Vec<Fault> = lines.iter().flat_map(|line| line.faults.iter().copied()).collect();
        if lines.iter().any(|line| line.code != code) {
            faults.push(Fault::CodesDiffer);
        }
        faults.sort();
        faults.dedup();
        let lines = lines.into_iter().map(|line| line.text).collect();
        Reply { code, lines, raw: std::mem::take(&mut self.raw), faults }
    }
}

/// One line of a reply.
#[derive(Clone, Debug)]
struct Line {
    code: u16,
    /// Whether a hyphen says that more lines follow.
    more: bool,
    text: String,
    faults: Vec<Fault>,
}

impl Line {
    /// Reads `raw`, which ends with LF.
    fn read(raw: &[u8]) -> Result<Line, ReplyError> {
        let mut faults = Vec::new();
        if raw.len() > RFC_LINE {
            faults.push(Fault::LongLine);
        }
        let line = raw.strip_suffix(b"\n").unwrap_or(raw);
        let line = line.strip_suffix(b"\r").unwrap_or_else(|| {
            faults.push(Fault::BareLf);
            line
        });
        if line.contains(&b'\r') {
            faults.push(Fault::BareCr);
        }
        let line = &line[..line.iter().rposition(|&byte| byte != b'\r').map_or(0, |at| at + 1)];

        let not_a_reply = || ReplyError::NotAReply { line: raw.to_vec() };
        let (digits, rest) = line.split_at_checked(3).ok_or_else(not_a_reply)?;
        if !digits.iter().all(u8::is_ascii_digit) {
            return Err(not_a_reply());
        }
        let code = digits.iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
        if !(200..600).contains(&code) {
            return Err(not_a_reply());
        }
        // A code alone is a complete line: §4.2.1 asks clients to accept it.
        let more = match rest.first() {
            None | Some(b' ') => false,
            Some(b'-') => true,
            Some(b'\t') => {
                faults.push(Fault::OddSeparator);
                false
            }
            Some(_) => return Err(not_a_reply()),
        };
        let text = rest.get(1..).unwrap_or_default();
        if text.contains(&0) || std::str::from_utf8(text).is_err() {
            faults.push(Fault::NotText);
        }
        let text = String::from_utf8_lossy(text).replace('\0', "\u{fffd}");
        Ok(Line { code, more, text, faults })
    }
}

/// How many bytes of an unreadable line a message shows.
const EXCERPT: usize = 80;

/// The beginning of a line, printable and in quotation marks.
fn excerpt(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(&line[..line.len().min(EXCERPT)]);
    let more = if line.len() > EXCERPT { "…" } else { "" };
    format!("\"{}{more}\"", text.trim_end_matches(['\r', '\n']).escape_debug())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    fn read(bytes: &[u8]) -> Result<Vec<Reply>, ReplyError> {
        let mut reader = ReplyReader::new();
        reader.push(bytes);
        let mut replies = Vec::new();
        while let Some(reply) = reader.next_reply()? {
            replies.push(reply);
        }
        Ok(replies)
    }

    /// The one reply that `bytes` hold: code, lines and faults.
    fn check(bytes: &[u8], code: u16, lines: &[&str], faults: &[Fault]) {
        let replies = read(bytes).expect("readable");
        assert_eq!(replies.len(), 1, "{replies:?}");
        let reply = &replies[0];
        assert_eq!((reply.code, reply.faults.as_slice()), (code, faults), "{reply:?}");
        assert_eq!(reply.lines, lines);
        assert_eq!(reply.raw.concat(), bytes);
    }

    #[test]
    fn replies_of_one_and_of_many_lines() {
        check(b"220 mx.example ESMTP\r\n", 220, &["mx.example ESMTP"], &[]);
        check(b"250-mx.example\r\n250-SIZE 1000\r\n250 HELP\r\n", 250, &["mx.example", "SIZE 1000", "HELP"], &[]);
        check(b"250\r\n", 250, &[""], &[]);
        check(b"250-\r\n250 \r\n", 250, &["", ""], &[]);
        check(b"571 5.7.1 Blocked\r\n", 571, &["5.7.1 Blocked"], &[]);
    }

    #[test]
    fn departures_are_noted_and_read() {
        check(b"220 mx\n", 220, &["mx"], &[Fault::BareLf]);
        check(b"220 mx\r\r\n", 220, &["mx"], &[Fault::BareCr]);
        check(b"220 a\rb\r\n", 220, &["a\rb"], &[Fault::BareCr]);
        check(b"220\tmx\r\n", 220, &["mx"], &[Fault::OddSeparator]);
        check(b"250-a\r\n451 b\r\n", 451, &["a", "b"], &[Fault::CodesDiffer]);
        check(b"220 caf\xe9\0\r\n", 220, &["caf\u{fffd}\u{fffd}"], &[Fault::NotText]);
        check("220 café\r\n".as_bytes(), 220, &["café"], &[]);
        let long = format!("220 {}\r\n", "x".repeat(507));
        check(long.as_bytes(), 220, &[&"x".repeat(507)], &[Fault::LongLine]);
        let just = format!("220 {}\r\n", "x".repeat(506));
        check(just.as_bytes(), 220, &[&"x".repeat(506)], &[]);
    }

    #[test]
    fn what_is_no_reply_is_refused() {
        for line in [
            "SSH-2.0-OpenSSH_9.2\r\n",
            "\r\n",
            "\n",
            "22\r\n",
            "199 no\r\n",
            "600 no\r\n",
            "2200 items\r\n",
            "250_\r\n",
        ] {
            let error = read(line.as_bytes()).unwrap_err();
            assert_eq!(error, ReplyError::NotAReply { line: line.as_bytes().to_vec() });
        }
        let error = read(b"HTTP/1.1 400 Bad\x1b[2J Request\r\n").unwrap_err();
        assert_eq!(error.to_string(), r#"a line that is no SMTP reply: "HTTP/1.1 400 Bad\u{1b}[2J Request""#);
    }

    #[test]
    fn bounds_hold_with_and_without_a_line_end() {
        let endless = vec![b'2'; MAX_LINE + 1];
        assert!(matches!(read(&endless), Err(ReplyError::LineTooLong { .. })));
        let mut whole = b"220 ".to_vec();
        whole.resize(MAX_LINE, b'x');
        whole.extend_from_slice(b"\r\n");
        assert!(matches!(read(&whole), Err(ReplyError::LineTooLong { .. })));
        assert_eq!(read(&b"250-x\r\n".repeat(MAX_LINES)), Err(ReplyError::TooManyLines));
        let mut most = b"250-x\r\n".repeat(MAX_LINES - 1);
        most.extend_from_slice(b"250 x\r\n");
        assert_eq!(read(&most).unwrap()[0].lines.len(), MAX_LINES);
        let wide = format!("250-{}\r\n", "x".repeat(4000)).repeat(17);
        assert_eq!(read(wide.as_bytes()), Err(ReplyError::ReplyTooLong));
    }

    #[test]
    fn an_error_stays() {
        let mut reader = ReplyReader::new();
        reader.push(b"nonsense\r\n220 late\r\n");
        let first = reader.next_reply().unwrap_err();
        reader.push(b"220 later\r\n");
        assert_eq!(reader.next_reply().unwrap_err(), first);
        assert_eq!(reader.rest(), b"");
    }

    #[test]
    fn what_is_under_way_can_be_seen() {
        let mut reader = ReplyReader::new();
        reader.push(b"220-mx.example\r\n220 mx.ex");
        assert_eq!(reader.next_reply(), Ok(None));
        assert_eq!(reader.lines_under_way(), [b"220-mx.example\r\n"]);
        assert_eq!((reader.rest(), reader.unread()), (&b"220 mx.ex"[..], 25));
        reader.push(b"ample\r\n");
        assert_eq!(reader.next_reply().unwrap().unwrap().lines, ["mx.example", "mx.example"]);
        assert_eq!(reader.unread(), 0);
    }
}
