//! Text from the network, made harmless for a terminal.

/// `text` without control characters, line ends included: each is shown as
/// its escape, so that nothing the network says moves the cursor or changes
/// colours. Characters that reorder text are escaped too.
pub fn line(text: &str) -> String {
    escaped(text, false)
}

/// As [`line()`], with line ends kept.
pub fn lines(text: &str) -> String {
    escaped(text, true)
}

/// JSON texts with every such character in their strings escaped: JSON itself
/// wants that only below U+0020, and leaves U+009B, which some terminals obey.
pub fn json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut units = [0; 2];
    for character in text.chars() {
        // Outside of strings, JSON is printable ASCII and line ends; in strings those are escaped already.
        if character != '\n' && (character.is_control() || is_reordering(character)) {
            for unit in character.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(character);
        }
    }
    out
}

fn escaped(text: &str, keep_line_ends: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' if keep_line_ends => out.push('\n'),
            c if c.is_control() || is_reordering(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

/// Bidirectional controls, zero-width characters and the like (Unicode TR 36, TR 39).
fn is_reordering(character: char) -> bool {
    matches!(character, '\u{61c}' | '\u{180e}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_the_network_steers_the_terminal() {
        let hostile = "a\u{1b}[2J\u{9b}31m\r\nb\u{202e}c\0é";
        assert_eq!(line(hostile), "a\\u{1b}[2J\\u{9b}31m\\u{d}\\u{a}b\\u{202e}c\\u{0}é");
        assert_eq!(line("\u{61c}\u{e0041}"), "\\u{61c}\\u{e0041}");
        assert!(lines(hostile).contains('\n') && !lines(hostile).contains('\r'));
    }

    #[test]
    fn json_keeps_its_meaning() {
        let text = "a\u{9b}31m\u{7f}\u{202e}\u{e0041}é\u{1b}";
        let written = json(&engine_plugin_api::serde_json::json!([text]).to_string());
        assert!(!written.chars().any(|c| c.is_control() || is_reordering(c)), "{written}");
        let read: Vec<String> = engine_plugin_api::serde_json::from_str(&written).unwrap_or_default();
        assert_eq!(read, [text]);
        assert_eq!(json("{\n  \"a\": 1\n}"), "{\n  \"a\": 1\n}", "written over several lines");
    }
}
