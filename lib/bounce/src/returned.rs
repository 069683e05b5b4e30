//! Where the returned message begins in the text of a bounce.

use crate::{fields::name_of, rules::Rules};

/// What stands before the returned message, and the returned message.
pub(crate) fn split<'t>(text: &'t str, rules: &Rules) -> (&'t str, Option<&'t str>) {
    let mut at = 0;
    let mut run = Run::default();
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        if begins_original(line, rules) {
            return (&text[..start], Some(text[at..].trim_start()).filter(|rest| !rest.is_empty()));
        }
        if let Some(from) = run.see(line, start) {
            return (&text[..from], Some(&text[from..]));
        }
    }
    (text, None)
}

fn begins_original(line: &str, rules: &Rules) -> bool {
    let marks = |c: char| c.is_whitespace() || "-=*_>#.~+<:|".contains(c);
    let words = line.trim_matches(marks);
    if words.is_empty() || words.len() > 120 {
        return false;
    }
    let words = if words.is_ascii() { words.to_ascii_lowercase() } else { words.to_lowercase() };
    if !rules.begins_original(&words) {
        return false;
    }
    let marked = ["--", "==", "**", "__"].iter().any(|mark| line.trim_start().starts_with(mark));
    let whole = rules.original.binary_search_by(|phrase| phrase.as_str().cmp(&words)).is_ok();
    marked || whole || words.contains("follow") || words.contains("below") || words.contains("enclosed")
}

/// Lines that look like the header of a message, where nothing announces it.
#[derive(Default)]
struct Run {
    start: usize,
    fields: usize,
    telling: usize,
}

impl Run {
    /// Where the header began, once enough of it was seen.
    fn see(&mut self, line: &str, at: usize) -> Option<usize> {
        let known = |name: &str| {
            [
                "received",
                "return-path",
                "message-id",
                "from",
                "date",
                "mime-version",
                "x-mailer",
                "delivered-to",
                "dkim-signature",
            ]
            .iter()
            .any(|own| name.eq_ignore_ascii_case(own))
        };
        match name_of(line) {
            Some(name) => {
                if self.fields == 0 {
                    self.start = at;
                }
                self.fields += 1;
                self.telling += usize::from(known(name.trim_end()));
            }
            None if self.fields > 0 && line.starts_with([' ', '\t']) && !line.trim().is_empty() => {}
            None => *self = Run::default(),
        }
        (self.fields >= 4 && self.telling >= 3).then_some(self.start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::human::Human;

    #[test]
    fn the_returned_message_is_cut_off() {
        let original = |text: &'static str| Human::read(text, Rules::builtin()).original;
        assert_eq!(original("x\n--- Below this line is a copy of the message.\n\nTo: a\n"), Some("To: a\n"));
        assert_eq!(original("x\n\n----- Original message -----\nTo: a\n"), Some("To: a\n"));
        assert_eq!(original("The original message was received at noon\nfrom here\n"), None);
        assert_eq!(
            original("x\n\nReturn-Path: <a@b>\nReceived: by c\n  (d)\nFrom: e\nTo: f\n\nbody"),
            Some("Return-Path: <a@b>\nReceived: by c\n  (d)\nFrom: e\nTo: f\n\nbody")
        );
    }
}
