//! What was said, line by line, within bounds.

use engine_plugin_api::services::{Direction, TranscriptLine};
use tokio::time::Instant;

/// The most lines of a transcript, the remark that it is cut included.
pub const MAX_LINES: usize = 500;

/// The most characters of one line.
const MAX_LINE: usize = 1000;

/// The most bytes of all lines together.
const MAX_BYTES: usize = 64 * 1024;

/// The transcript of a session.
#[derive(Debug)]
pub struct Transcript {
    begun: Instant,
    lines: Vec<TranscriptLine>,
    bytes: usize,
    cut: bool,
}

impl Transcript {
    /// One that begins now.
    pub fn new() -> Self {
        Transcript { begun: Instant::now(), lines: Vec::new(), bytes: 0, cut: false }
    }

    /// Adds each line of `bytes`; none when it is empty.
    pub fn lines(&mut self, from: Direction, bytes: &[u8]) {
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        if !bytes.is_empty() {
            self.add(from, printable(&String::from_utf8_lossy(bytes)));
        }
    }

    /// Adds a remark of our own.
    pub fn note(&mut self, remark: String) {
        self.add(Direction::Note, printable(&remark));
    }

    /// The lines.
    pub fn into_lines(self) -> Vec<TranscriptLine> {
        self.lines
    }

    fn add(&mut self, from: Direction, text: String) {
        if self.cut {
            return;
        }
        self.bytes += text.len();
        self.cut = self.bytes > MAX_BYTES || self.lines.len() + 1 >= MAX_LINES;
        let (from, text) = if self.cut { (Direction::Note, "the rest is left out".to_owned()) } else { (from, text) };
        let at_ms = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.lines.push(TranscriptLine { at_ms, from, text });
    }
}

/// `text` with every control character replaced by its picture (U+2400 on),
/// or by U+FFFD where it has none; cut at [`MAX_LINE`].
fn printable(text: &str) -> String {
    let mut shown: String = text
        .chars()
        .take(MAX_LINE)
        .map(|character| match character {
            '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(character)).unwrap_or(char::REPLACEMENT_CHARACTER),
            '\x7f' => '\u{2421}',
            other if other.is_control() => char::REPLACEMENT_CHARACTER,
            other => other,
        })
        .collect();
    if text.chars().nth(MAX_LINE).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown_as_pictures() {
        assert_eq!(printable("220 \x1b[2J\0\x7f\u{85}é"), "220 ␛[2J␀␡\u{fffd}é");
        assert_eq!(printable(&"x".repeat(MAX_LINE)).len(), MAX_LINE);
        assert!(printable(&"x".repeat(MAX_LINE + 1)).ends_with("x…"));
    }

    #[test]
    fn a_transcript_stays_within_its_bounds() {
        for line in [&b"250 ok\r\n"[..], &[b'x'; 4000]] {
            let mut transcript = Transcript::new();
            for _ in 0..1000 {
                transcript.lines(Direction::Server, line);
            }
            let lines = transcript.into_lines();
            assert!(lines.len() <= MAX_LINES);
            assert!(lines.iter().map(|line| line.text.len()).sum::<usize>() < MAX_BYTES + 100);
            assert_eq!(
                lines.last().map(|line| (line.from, line.text.as_str())),
                Some((Direction::Note, "the rest is left out"))
            );
        }
    }
}
