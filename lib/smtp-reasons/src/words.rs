//! The words of a reply, and the patterns that are looked for among them.
//!
//! Matching goes by words rather than by bytes, so that case, punctuation,
//! line breaks, quotation marks and the spelling `e-mail` do not matter, and
//! `spam` is not found in `spamhaus.org`.

use std::{collections::HashMap, ops::Range};

/// The most words of one reply that are looked at.
const MOST_WORDS: usize = 2_000;
/// The most words that a `*` between two words may stand for.
const WIDEST_GAP: usize = 8;

/// One word, lower-case, and where it stands in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) text: String,
    pub(crate) span: Range<usize>,
}

/// The words of `text` within `range`, without those that begin in one of
/// `skip`, which are in order.
pub(crate) fn words(text: &str, range: Range<usize>, skip: &[Range<usize>]) -> Vec<Word> {
    let Some(part) = text.get(range.clone()) else { return Vec::new() };
    let mut found: Vec<Word> = Vec::new();
    let mut start = None;
    for (at, c) in part.char_indices().chain([(part.len(), ' ')]) {
        if c.is_alphanumeric() || matches!(c, '.' | '\'' | '’' | '@') {
            start.get_or_insert(at);
        } else if let Some(from) = start.take() {
            push(&mut found, text, range.start + from..range.start + at, skip);
            if found.len() >= MOST_WORDS {
                break;
            }
        }
    }
    found
}

fn push(found: &mut Vec<Word>, text: &str, span: Range<usize>, skip: &[Range<usize>]) {
    let raw = &text[span.clone()];
    let bare = raw.trim_matches(['.', '\'', '’', '@']);
    if bare.is_empty() {
        return;
    }
    let start = span.start + (raw.len() - raw.trim_start_matches(['.', '\'', '’', '@']).len());
    let span = start..start + bare.len();
    let before = skip.partition_point(|s| s.start <= span.start);
    if skip[..before].last().is_some_and(|s| s.contains(&span.start)) {
        return;
    }
    let word = bare.to_lowercase().replace('’', "'");
    // `e-mail` and `email` are one word.
    if let Some(last) = found.last_mut().filter(|last| {
        last.text == "e"
            && word.starts_with("mail")
            && last.span.end + 1 == span.start
            && text[last.span.end..].starts_with('-')
    }) {
        last.text = format!("e{word}");
        last.span.end = span.end;
        return;
    }
    found.push(Word { text: word, span });
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Word(String),
    Prefix(String),
    Suffix(String),
    Gap,
}

/// A sequence of words: `user unknown`, `mailbox * full` (up to eight words
/// between), `greylist*` (begins so), `*google.com` (ends so).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    parts: Vec<Part>,
}

impl Pattern {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let fail = |why: &str| Err(format!("the fragment `{text}` {why}"));
        let mut parts = Vec::new();
        for token in text.split_whitespace() {
            let bare = token.trim_matches('*');
            let part = match (token.starts_with('*'), token.ends_with('*')) {
                _ if token == "*" => Part::Gap,
                (true, true) => return fail("has a word with two stars"),
                (true, false) => Part::Suffix(bare.to_owned()),
                (false, true) => Part::Prefix(bare.to_owned()),
                (false, false) => Part::Word(bare.to_owned()),
            };
            if part != Part::Gap && !is_one_word(bare) {
                return fail(&format!("has `{token}`, which no reply can contain as one word"));
            }
            parts.push(part);
        }
        match (parts.first(), parts.last()) {
            (None, _) => fail("is empty"),
            (Some(Part::Gap), _) | (_, Some(Part::Gap)) => fail("begins or ends with a gap"),
            _ => Ok(Pattern { parts }),
        }
    }

    /// The words that it matches when it begins with the word at `at`.
    fn match_at(&self, words: &[Word], at: usize) -> Option<usize> {
        Self::rest(&self.parts, words, at)
    }

    fn rest(parts: &[Part], words: &[Word], at: usize) -> Option<usize> {
        let Some((part, others)) = parts.split_first() else { return Some(at) };
        let one = |fits: bool| if fits { Self::rest(others, words, at + 1) } else { None };
        match part {
            Part::Gap => (at..=(at + WIDEST_GAP).min(words.len())).find_map(|at| Self::rest(others, words, at)),
            Part::Word(word) => one(words.get(at).is_some_and(|w| w.text == *word)),
            Part::Prefix(prefix) => one(words.get(at).is_some_and(|w| w.text.starts_with(prefix.as_str()))),
            Part::Suffix(suffix) => one(words.get(at).is_some_and(|w| w.text.ends_with(suffix.as_str()))),
        }
    }
}

fn is_one_word(bare: &str) -> bool {
    matches!(words(bare, 0..bare.len(), &[]).as_slice(), [word] if word.text == bare)
}

fn span(words: &[Word], range: Range<usize>) -> Range<usize> {
    match words.get(range).unwrap_or_default() {
        [] => 0..0,
        [one] => one.span.clone(),
        [first, .., last] => first.span.start..last.span.end,
    }
}

/// Many patterns, each with a rank; finds the one of lowest rank.
#[derive(Clone, Debug, Default)]
pub(crate) struct PatternSet {
    by_first_word: HashMap<String, Vec<(usize, Pattern)>>,
    others: Vec<(usize, Pattern)>,
}

impl PatternSet {
    pub(crate) fn add(&mut self, rank: usize, pattern: Pattern) {
        match pattern.parts.first() {
            Some(Part::Word(word)) => self.by_first_word.entry(word.clone()).or_default().push((rank, pattern)),
            _ => self.others.push((rank, pattern)),
        }
    }

    /// The lowest rank of a pattern that occurs, and where; the earlier
    /// occurrence among equals.
    pub(crate) fn lowest(&self, words: &[Word]) -> Option<(usize, Range<usize>)> {
        let mut best: Option<(usize, Range<usize>)> = None;
        for at in 0..words.len() {
            let here = self.by_first_word.get(&words[at].text).into_iter().flatten().chain(&self.others);
            for (rank, pattern) in here {
                if best.as_ref().is_none_or(|(lowest, _)| rank < lowest)
                    && let Some(end) = pattern.match_at(words, at)
                {
                    best = Some((*rank, span(words, at..end)));
                }
            }
        }
        best
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn found(pattern: &str, text: &str) -> Option<String> {
        let mut set = PatternSet::default();
        set.add(0, Pattern::parse(pattern).unwrap());
        let (_, span) = set.lowest(&words(text, 0..text.len(), &[]))?;
        Some(text[span].to_owned())
    }

    #[test]
    fn words_ignore_case_punctuation_and_hyphens() {
        for (pattern, text, part) in [
            ("user unknown", "<a@b.example>... User\r\n Unknown.", Some("User\r\n Unknown")),
            ("user * unknown", "User (jo) unknown", Some("User (jo) unknown")),
            ("email account", "The E-Mail account", Some("E-Mail account")),
            ("spam", "see spamhaus.org", None),
            ("spam*", "see spamhaus.org", Some("spamhaus.org")),
            ("*google.com", "host a.l.google.com[1]", Some("a.l.google.com")),
            ("doesn't have", "user doesn’t have", Some("doesn’t have")),
            ("a * b", "a 1 2 3 4 5 6 7 8 b", Some("a 1 2 3 4 5 6 7 8 b")),
            ("a * b", "a 1 2 3 4 5 6 7 8 9 b", None),
        ] {
            assert_eq!(found(pattern, text).as_deref(), part, "{pattern} in {text}");
        }
    }

    #[test]
    fn a_pattern_that_can_match_nothing_is_refused() {
        for bad in ["", "*", "* a", "a *", "User", "over-quota", "a, b", "*a*"] {
            assert!(Pattern::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_lowest_rank_wins_wherever_it_stands() {
        let mut set = PatternSet::default();
        set.add(2, Pattern::parse("address rejected").unwrap());
        set.add(1, Pattern::parse("greylist*").unwrap());
        let text = "Recipient address rejected: Greylisted";
        let (rank, span) = set.lowest(&words(text, 0..text.len(), &[])).unwrap();
        assert_eq!((rank, &text[span]), (1, "Greylisted"));
    }
}
