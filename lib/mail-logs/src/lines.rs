//! A log, line by line, whatever it is packed in.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;

/// The longest line that is read, in bytes; the rest of a longer one is left out.
pub const LONGEST_LINE: usize = 32 * 1024;

const BUFFER: usize = 256 * 1024;

/// Why an input is no log that can be read.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// Compressed in a way that is not read here.
    #[error("it is compressed with {with}; unpack it first: {command}")]
    Compressed {
        /// The program that made it.
        with: &'static str,
        /// What unpacks it into a pipe.
        command: &'static str,
    },
    /// UTF-16 text.
    #[error("it is UTF-16 text; convert it first: iconv -f UTF-16 -t UTF-8 FILE | engine logs -")]
    Utf16,
    /// Not text at all.
    #[error("it is binary data, no log")]
    Binary,
    /// The journal's own files.
    #[error("it is a file of the systemd journal; export it first: journalctl -o short-iso | engine logs -")]
    Journal,
    /// It could not be read.
    #[error("it could not be read: {0}")]
    Io(#[from] io::Error),
}

/// What is odd about an input that was read nevertheless.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Damage {
    /// The compressed data ends or breaks; what came before was read.
    pub broken_gzip: Option<String>,
    /// Reading failed in the middle; what came before was read.
    pub failed: Option<String>,
    /// Lines that were longer than [`LONGEST_LINE`].
    pub long_lines: u64,
    /// Lines with NUL bytes, as a crash leaves them.
    pub binary_lines: u64,
    /// The last line has no end: the log may still be written, or is cut.
    pub open_end: bool,
}

/// The lines of a log in bounded memory. A line end is `\n` or `\r\n`.
pub struct Lines<'r> {
    source: Box<dyn BufRead + 'r>,
    zipped: bool,
    long: Vec<u8>,
    /// What is odd so far.
    pub damage: Damage,
    /// The bytes of text so far, unpacked.
    pub bytes: u64,
}

impl<'r> Lines<'r> {
    /// Looks what `source` is, by its first bytes.
    ///
    /// # Errors
    /// When it is nothing that can be read as a log.
    pub fn new(source: impl Read + 'r) -> Result<Self, Unreadable> {
        let mut source = BufReader::with_capacity(BUFFER, source);
        let head = source.fill_buf()?;
        let zipped = head.starts_with(&[0x1f, 0x8b]);
        let mut damage = Damage::default();
        let source: Box<dyn BufRead + 'r> = if zipped {
            let mut unpacked = BufReader::with_capacity(BUFFER, MultiGzDecoder::new(source));
            match unpacked.fill_buf() {
                Ok(head) => recognise(head)?,
                Err(error) => damage.broken_gzip = Some(error.to_string()),
            }
            Box::new(unpacked)
        } else {
            recognise(head)?;
            Box::new(source)
        };
        Ok(Lines { source, zipped, long: Vec::new(), damage, bytes: 0 })
    }

    /// Gives each line, without its end, to `take`.
    pub fn each(&mut self, mut take: impl FnMut(&[u8])) {
        self.long.clear();
        let mut overlong = false;
        loop {
            let chunk = match self.source.fill_buf() {
                Ok([]) => break,
                Ok(chunk) => chunk,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if self.zipped => {
                    self.damage.broken_gzip = Some(error.to_string());
                    break;
                }
                Err(error) => {
                    self.damage.failed = Some(error.to_string());
                    break;
                }
            };
            let length = chunk.len();
            let mut from = 0;
            for end in memchr::memchr_iter(b'\n', chunk) {
                let part = &chunk[from..end];
                from = end + 1;
                if self.long.is_empty() && !overlong && part.len() <= LONGEST_LINE {
                    one(part, &mut self.damage, &mut take);
                    continue;
                }
                overlong |= add(&mut self.long, part);
                self.damage.long_lines += u64::from(overlong);
                one(&self.long, &mut self.damage, &mut take);
                self.long.clear();
                overlong = false;
            }
            overlong |= add(&mut self.long, &chunk[from..]);
            self.bytes += length as u64;
            self.source.consume(length);
        }
        if !self.long.is_empty() {
            self.damage.long_lines += u64::from(overlong);
            self.damage.open_end = true;
            one(&self.long, &mut self.damage, &mut take);
            self.long.clear();
        }
    }
}

fn one(line: &[u8], damage: &mut Damage, take: &mut impl FnMut(&[u8])) {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.first() == Some(&0) || line.last() == Some(&0) {
        damage.binary_lines += 1;
    }
    take(line);
}

/// Adds to a line that a buffer did not hold whole; whether it is too long.
fn add(line: &mut Vec<u8>, part: &[u8]) -> bool {
    let room = LONGEST_LINE - line.len();
    line.extend_from_slice(&part[..part.len().min(room)]);
    part.len() > room
}

fn recognise(head: &[u8]) -> Result<(), Unreadable> {
    let packed = |with, command| Err(Unreadable::Compressed { with, command });
    match head {
        [0xfd, b'7', b'z', b'X', b'Z', ..] => return packed("xz", "xz -dc FILE | engine logs -"),
        [b'B', b'Z', b'h', b'1'..=b'9', ..] => return packed("bzip2", "bzip2 -dc FILE | engine logs -"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => return packed("zstd", "zstd -dc FILE | engine logs -"),
        [b'P', b'K', 3, 4, ..] => return packed("zip", "unzip -p FILE | engine logs -"),
        [0x1f, 0x8b, ..] => return packed("gzip twice", "zcat FILE | engine logs -"),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => return Err(Unreadable::Utf16),
        _ if head.starts_with(b"LPKSHHRH") => return Err(Unreadable::Journal),
        _ => {}
    }
    let head = &head[..head.len().min(4096)];
    let nuls = head.iter().filter(|b| **b == 0).count();
    // UTF-16 without its mark: every second byte of ASCII text is NUL.
    let every_second = |odd: usize| head.iter().skip(odd).step_by(2).all(|b| *b == 0);
    if head.len() >= 8 && (every_second(0) || every_second(1)) && nuls < head.len() {
        return Err(Unreadable::Utf16);
    }
    let controls = head.iter().filter(|b| matches!(**b, 0..=8 | 14..=26 | 28..=31)).count();
    if controls * 10 > head.len() { Err(Unreadable::Binary) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Write;

    use super::*;

    fn all(bytes: &[u8]) -> (Vec<String>, Damage) {
        let mut lines = Lines::new(bytes).unwrap();
        let mut found = Vec::new();
        lines.each(|line| found.push(String::from_utf8_lossy(line).into_owned()));
        (found, lines.damage)
    }

    fn zipped(text: &[u8]) -> Vec<u8> {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        packer.write_all(text).unwrap();
        packer.finish().unwrap()
    }

    #[test]
    fn lines_end_as_they_please() {
        assert_eq!(all(b"a\nb\r\n\nc").0, ["a", "b", "", "c"]);
        assert!(all(b"a\nb").1.open_end && !all(b"a\nb\n").1.open_end);
        assert_eq!(all(b"").0, Vec::<String>::new());
    }

    #[test]
    fn compressed_logs_are_read_and_broken_ones_as_far_as_they_go() {
        let text = "one line\n".repeat(20_000);
        let whole = zipped(text.as_bytes());
        let (lines, damage) = all(&whole);
        assert_eq!((lines.len(), damage), (20_000, Damage::default()));
        // Rotated logs that were put together.
        assert_eq!(all(&[whole.clone(), whole.clone()].concat()).0.len(), 40_000);
        let (lines, damage) = all(&whole[..whole.len() - 9]);
        assert!(lines.len() > 10_000 && damage.broken_gzip.is_some(), "{} {damage:?}", lines.len());
        assert!(all(&whole[..4]).1.broken_gzip.is_some());
    }

    #[test]
    fn a_line_without_end_takes_bounded_memory() {
        let mut text = vec![b'x'; 3_000_000];
        text.extend_from_slice(b"\nnext\n");
        let (lines, damage) = all(&text);
        assert_eq!((lines[0].len(), lines[1].as_str(), damage.long_lines), (LONGEST_LINE, "next", 1));
    }

    #[test]
    fn what_is_no_log_is_named() {
        let utf16: Vec<u8> = "Nov 25 mail postfix".encode_utf16().flat_map(u16::to_le_bytes).collect();
        for (bytes, says) in [
            (&b"\xfd7zXZ\0\0"[..], "xz -dc"),
            (b"BZh91AY", "bzip2"),
            (b"\x28\xb5\x2f\xfd", "zstd"),
            (b"PK\x03\x04", "unzip"),
            (b"\xff\xfeN\0", "UTF-16"),
            (&utf16, "UTF-16"),
            (b"LPKSHHRH", "journalctl"),
            (b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0", "binary"),
            (&[0; 64], "binary"),
            (&zipped(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0"), "binary"),
            (&zipped(&zipped(b"x")), "gzip twice"),
        ] {
            let error = Lines::new(bytes).err().unwrap().to_string();
            assert!(error.contains(says), "{error}");
        }
    }
}
