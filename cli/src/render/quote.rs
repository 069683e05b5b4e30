//! A quoted record or reply with a caret under the fault.

use engine_plugin_api::{Quote, Span};

use super::{WIDTH, escape};

const INDENT: usize = 4;

/// The quotation in lines of at most [`WIDTH`] columns, as long as its label
/// allows: the text, cut to a window around the fault where it is long, and
/// the carets with the label.
pub fn lines(quote: &Quote) -> Vec<String> {
    let room = WIDTH - INDENT;
    let (before, fault, after) = split(&quote.text, quote.span);
    let [before, fault, after] = [before, fault, after].map(escape::line);
    let margin = " ".repeat(INDENT);
    if quote.span.is_none() {
        let whole = textwrap::Options::new(room).word_splitter(textwrap::WordSplitter::NoHyphenation);
        return textwrap::wrap(&before, whole).into_iter().take(8).map(|line| format!("{margin}{line}")).collect();
    }
    let shown_fault = shorten_end(&fault, room.saturating_sub(20).max(20));
    let left = room.saturating_sub(width(&shown_fault));
    // Two thirds of what is left goes before the fault, unless there is less.
    let after_room = width(&after).min(left / 3);
    let before = shorten_start(&before, left - after_room);
    let after = shorten_end(&after, left - width(&before));
    let carets = "^".repeat(width(&shown_fault).max(1));
    let mut marked = format!("{margin}{}{carets}", " ".repeat(width(&before)));
    let label = quote.label.as_deref().map(escape::line).unwrap_or_default();
    let mut lines = vec![format!("{margin}{before}{shown_fault}{after}")];
    if label.is_empty() {
        lines.push(marked);
    } else if width(&marked) + 1 + width(&label) <= WIDTH {
        marked.push(' ');
        marked.push_str(&label);
        lines.push(marked);
    } else {
        lines.push(marked);
        let column = (INDENT + width(&before)).min(WIDTH.saturating_sub(width(&label)).max(INDENT));
        lines.push(format!("{}{label}", " ".repeat(column)));
    }
    lines
}

/// The text before, in and after the span, which is clamped to the text and to character boundaries.
fn split(text: &str, span: Option<Span>) -> (&str, &str, &str) {
    let Some(span) = span else { return (text, "", "") };
    let boundary = |mut at: usize| {
        at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = boundary(span.start);
    let end = boundary(span.end).max(start);
    (&text[..start], &text[start..end], &text[end..])
}

fn shorten_start(text: &str, room: usize) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let kept: Vec<char> = fitting(text.chars().rev(), room);
    format!("…{}", kept.into_iter().rev().collect::<String>())
}

fn shorten_end(text: &str, room: usize) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    format!("{}…", fitting(text.chars(), room).into_iter().collect::<String>())
}

/// As many of the characters as leave one column of `room`.
fn fitting(text: impl Iterator<Item = char>, room: usize) -> Vec<char> {
    let mut used = 1;
    let fits = |character: &char| {
        used += columns(*character);
        used <= room
    };
    text.take_while(fits).collect()
}

/// The columns that `text` takes on a terminal.
fn width(text: &str) -> usize {
    text.chars().map(columns).sum()
}

/// The columns of a character: none for combining marks, two for the wide ones
/// of East Asia and for pictures (the blocks of Unicode TR 11, roughly).
fn columns(character: char) -> usize {
    match u32::from(character) {
        0x300..=0x36f | 0x1ab0..=0x1aff | 0x20d0..=0x20ff | 0xfe00..=0xfe0f | 0xfe20..=0xfe2f => 0,
        0x1100..=0x115f | 0x2e80..=0xa4cf | 0xa960..=0xa97f | 0xac00..=0xd7a3 | 0xf900..=0xfaff => 2,
        0xfe30..=0xfe6f | 0xff00..=0xff60 | 0xffe0..=0xffe6 | 0x1f300..=0x1faff | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, span: (usize, usize), label: &str) -> Vec<String> {
        lines(&Quote { text: text.into(), span: Some(Span::new(span.0, span.1)), label: Some(label.into()) })
    }

    #[test]
    fn the_caret_stands_under_the_fault() {
        assert_eq!(
            shown("v=spf1 ipv4:192.0.2.1 -all", (7, 21), "unknown mechanism"),
            ["    v=spf1 ipv4:192.0.2.1 -all", "           ^^^^^^^^^^^^^^ unknown mechanism"]
        );
    }

    #[test]
    fn a_long_record_is_cut_around_the_fault_and_stays_in_80_columns() {
        let record = format!("v=spf1 {} bogus:x {} -all", "ip4:192.0.2.1 ".repeat(30), "ip4:192.0.2.2 ".repeat(30));
        let at = record.find("bogus").unwrap_or_default();
        let lines = shown(&record, (at, at + 7), "unknown mechanism");
        assert!(lines.iter().all(|line| line.chars().count() <= WIDTH), "{lines:?}");
        let caret = lines[1].find('^').unwrap_or_default();
        assert!(lines[0].chars().skip(caret).collect::<String>().starts_with("bogus:x"), "{lines:#?}");
    }

    #[test]
    fn wide_characters_and_marks_move_the_caret() {
        assert_eq!(shown("日本 x", (7, 8), ""), ["    日本 x", "         ^"]);
        assert_eq!(shown("e\u{301} x", (4, 5), "")[1], "      ^");
        let long = "日".repeat(300);
        assert!(shown(&long, (300, 303), "here").iter().all(|line| width(line) <= WIDTH));
    }

    #[test]
    fn a_span_that_lies_outside_or_inside_a_character_is_clamped() {
        for span in [(0, 0), (2, 900), (900, 1), (1, 2), (3, 4)] {
            assert!(
                lines(&Quote { text: "é\u{1b}x".into(), span: Some(Span::new(span.0, span.1)), label: None }).len()
                    >= 2
            );
        }
    }
}
