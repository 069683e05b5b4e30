//! The words of a reply that are the server's own, and phrases among them.
//!
//! Mailboxes, host names, addresses and URLs are left out: `451 4.4.1
//! <jo@greylist.example>: timed out` does not speak of greylisting.

use std::net::IpAddr;

use engine_plugin_api::Span;

/// Characters that divide a token.
const BRACKETS: [char; 9] = ['[', ']', '(', ')', '{', '}', '<', '>', '"'];
/// Characters that part a word from the one before it.
const PARTING: [char; 12] = ['[', ']', '(', ')', '{', '}', '<', '>', '.', ';', '!', '?'];
/// The most words of one reply that are looked at.
const MOST_WORDS: usize = 500;

/// One word: letters, digits and apostrophes, lower-case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) text: String,
    pub(crate) span: Span,
    /// Whether a bracket, a full stop or the like parts it from the word before.
    pub(crate) parted: bool,
}

/// A reply, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Text {
    /// The server's own words.
    pub(crate) words: Vec<Word>,
    /// URLs, lower-case.
    pub(crate) urls: Vec<(String, Span)>,
    /// Host names, lower-case, each with the word before it.
    pub(crate) hosts: Vec<(String, Span, String)>,
}

impl Text {
    /// Takes `text` apart. Codes are no words.
    pub(crate) fn read(text: &str) -> Self {
        let mut read = Text::default();
        let mut parted = true;
        for (at, token) in text.split_whitespace().enumerate() {
            if read.words.len() >= MOST_WORDS {
                break;
            }
            if token.contains('@') || is_enhanced_code(token) || (at == 0 && is_code(token)) {
                parted = true;
            } else if is_url(&token.to_lowercase()) {
                read.urls.push((token.to_lowercase(), Span::of(token, text)));
                parted = true;
            } else {
                for piece in token.split_inclusive(BRACKETS) {
                    read.piece(piece, text, &mut parted);
                }
            }
        }
        read
    }

    /// Adds a token without brackets inside: a host name, an address, or words.
    fn piece(&mut self, piece: &str, text: &str, parted: &mut bool) {
        let bare = piece.trim_matches(|c: char| !c.is_alphanumeric());
        if is_host(bare) {
            let before = self.words.last().map(|word| word.text.clone()).unwrap_or_default();
            self.hosts.push((bare.to_lowercase(), Span::of(bare, text), before));
            *parted = true;
        } else if bare.parse::<IpAddr>().is_ok() {
            *parted = true;
        } else {
            self.split(piece, text, parted);
        }
    }

    /// Adds the words of a token, which hyphens, colons and the like divide.
    fn split(&mut self, token: &str, text: &str, parted: &mut bool) {
        let mut rest = token;
        while let Some(start) = rest.find(is_wordy) {
            *parted |= rest[..start].contains(PARTING);
            let end = rest[start..].find(|c| !is_wordy(c)).map_or(rest.len(), |length| start + length);
            let word = &rest[start..end];
            self.words.push(Word { text: word.to_lowercase(), span: Span::of(word, text), parted: *parted });
            *parted = false;
            rest = &rest[end..];
        }
        *parted |= rest.contains(PARTING);
    }

    /// The first place where `phrase` stands: words with one space between,
    /// `greylist*` for every word that begins so, `..` for up to three words.
    pub(crate) fn find(&self, phrase: &str) -> Option<Span> {
        let parts: Vec<&str> = phrase.split(' ').collect();
        (0..self.words.len()).find_map(|at| self.find_at(&parts, at))
    }

    /// Where the first of `phrases` that stands in the text does.
    pub(crate) fn find_any(&self, phrases: &[&str]) -> Option<Span> {
        phrases.iter().find_map(|phrase| self.find(phrase))
    }

    fn find_at(&self, parts: &[&str], at: usize) -> Option<Span> {
        let end = self.match_from(parts, at)?;
        let (first, last) = (self.words.get(at)?, self.words.get(end.checked_sub(1)?)?);
        Some(Span::new(first.span.start, last.span.end))
    }

    fn match_from(&self, parts: &[&str], at: usize) -> Option<usize> {
        let Some((part, rest)) = parts.split_first() else { return Some(at) };
        if *part == ".." {
            return (at..=at + 3).find_map(|at| self.match_from(rest, at));
        }
        let word = &self.words.get(at)?.text;
        let fits = match part.strip_suffix('*') {
            Some(prefix) => word.starts_with(prefix),
            None => word == part,
        };
        if fits { self.match_from(rest, at + 1) } else { None }
    }
}

fn is_wordy(c: char) -> bool {
    c.is_alphanumeric() || c == '\''
}

fn is_url(lower: &str) -> bool {
    lower.contains("://") || lower.starts_with("www.")
}

fn is_code(token: &str) -> bool {
    token.len() == 3 && token.bytes().all(|b| b.is_ascii_digit())
}

/// `4.7.1`; multi-line replies have one on each line.
fn is_enhanced_code(token: &str) -> bool {
    token.split('.').count() == 3
        && token.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
}

/// `mx1.example.org`, but not `later.Please`, `4.7.1` or `e.g`.
fn is_host(bare: &str) -> bool {
    let labels: Vec<&str> = bare.split('.').collect();
    let sentence = |label: &str| {
        let mut letters = label.chars();
        letters.next().is_some_and(char::is_uppercase) && letters.next().is_some_and(char::is_lowercase)
    };
    labels.len() >= 2
        && labels.iter().all(|label| !label.is_empty())
        && labels.iter().all(|label| label.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_'))
        && labels.last().is_some_and(|last| last.len() >= 2 && last.chars().all(char::is_alphabetic))
        && !labels.iter().skip(1).any(|label| sentence(label))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_are_no_words() {
        let text = Text::read(
            "450 4.7.1 <jo@greylist.example>: mx.grey.example[25.25.1.1] greylisted.Please see http://grey.example/x",
        );
        let words: Vec<&str> = text.words.iter().map(|word| word.text.as_str()).collect();
        assert_eq!(words, ["greylisted", "please", "see"]);
        assert_eq!(text.urls[0].0, "http://grey.example/x");
    }

    #[test]
    fn phrases_are_found_by_words() {
        for (phrase, text, part) in [
            ("greylist*", "451 Grey-listed", None),
            ("grey list*", "451 Grey-listed, wait", Some("Grey-listed")),
            ("try .. later", "Please try it again later!", Some("try it again later")),
            ("try .. later", "try one two three four later", None),
            ("too many", "TOO  MANY", Some("TOO  MANY")),
            ("bad", "badly", None),
        ] {
            let found = Text::read(text).find(phrase).map(|span| &text[span.start..span.end]);
            assert_eq!(found, part, "{phrase} in {text}");
        }
    }
}
