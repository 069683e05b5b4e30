//! The words of a reply.
//!
//! Matching goes by words rather than by bytes, so that case, punctuation,
//! line breaks, accents, quotation marks, HTML escapes and the spelling
//! `e-mail` do not matter, and `spam` is not found in `spamhaus.org`. A script
//! that writes no spaces (Chinese, Japanese, Thai), and Korean with its endings, has a word per character.

use std::ops::Range;

/// The most words of one reply that are looked at.
const MOST_WORDS: usize = 2_000;

/// The words of a text, lower-case and without accents, and where they stand.
#[derive(Clone, Debug, Default)]
pub(crate) struct Words {
    folded: String,
    words: Vec<Word>,
}

/// One word: its place in the folded text, and in the text itself.
#[derive(Clone, Debug)]
struct Word {
    folded: Range<usize>,
    span: Range<usize>,
}

impl Words {
    /// The words of `text` within `range`, without those that begin in one of
    /// `skip`, which are in order.
    pub(crate) fn of(text: &str, range: Range<usize>, skip: &[Range<usize>]) -> Self {
        let mut words = Words::default();
        let Some(part) = text.get(range.clone()) else { return words };
        words.folded.reserve(part.len());
        words.words.reserve(part.len() / 6);
        let mut reader = Reader { words, skip, start: None, before_break: None };
        let mut chars = part.char_indices();
        while let Some((at, c)) = chars.next() {
            let place = range.start + at;
            match c {
                'a'..='z' | '0'..='9' | '.' | '\'' | '@' => reader.letter(place, c),
                'A'..='Z' => reader.letter(place, c.to_ascii_lowercase()),
                '&' if let Some(length) = entity(&part[at..]) => {
                    reader.end(place, ' ');
                    chars.nth(length - 2);
                }
                '\u{2019}' if reader.start.is_some() && part[at + 3..].starts_with(char::is_alphanumeric) => {
                    reader.letter(place, '\'');
                }
                _ if c.is_ascii() => reader.end(place, c),
                _ if is_unspaced(c) => {
                    reader.end(place, ' ');
                    reader.letter(place, c);
                    reader.end(place + c.len_utf8(), ' ');
                }
                _ if is_combining(c) => {}
                _ if c.is_alphanumeric() => reader.foreign(place, c),
                _ => reader.end(place, ' '),
            }
            if reader.words.words.len() >= MOST_WORDS {
                return reader.words;
            }
        }
        reader.end(range.start + part.len(), ' ');
        reader.words
    }

    pub(crate) fn len(&self) -> usize {
        self.words.len()
    }

    /// The word at `at`, folded.
    pub(crate) fn get(&self, at: usize) -> &str {
        self.words.get(at).map_or("", |word| &self.folded[word.folded.clone()])
    }

    /// How many words begin before the byte `place` of the text.
    pub(crate) fn before(&self, place: usize) -> usize {
        self.words.partition_point(|word| word.span.start < place)
    }

    /// The bytes of the text from the first to the last of a range of words.
    pub(crate) fn span(&self, range: Range<usize>) -> Range<usize> {
        match self.words.get(range).unwrap_or_default() {
            [] => 0..0,
            [one] => one.span.clone(),
            [first, .., last] => first.span.start..last.span.end,
        }
    }
}

/// Puts characters together to words.
struct Reader<'a> {
    words: Words,
    skip: &'a [Range<usize>],
    /// Where the word that is being read begins: in the text, in the folded text.
    start: Option<(usize, usize)>,
    /// The character that ended the last word, when it was the one right after it.
    before_break: Option<char>,
}

impl Reader<'_> {
    fn letter(&mut self, place: usize, c: char) {
        self.start.get_or_insert((place, self.words.folded.len()));
        self.words.folded.push(c);
    }

    fn foreign(&mut self, place: usize, c: char) {
        self.start.get_or_insert((place, self.words.folded.len()));
        match base(c) {
            Some(letters) => self.words.folded.push_str(letters),
            None => self.words.folded.extend(c.to_lowercase()),
        }
    }

    fn end(&mut self, place: usize, c: char) {
        let Some((start, from)) = self.start.take() else {
            self.before_break = None;
            return;
        };
        const EDGES: [char; 3] = ['.', '\'', '@'];
        let raw = &self.words.folded[from..];
        let leading = raw.len() - raw.trim_start_matches(EDGES).len();
        let bare = raw.trim_matches(EDGES).len();
        // French and Italian articles: `l'adresse` is `adresse`; its place keeps the article.
        let article = bare > 4 && (raw[leading..].starts_with("l'") || raw[leading..].starts_with("d'"));
        let trailing = raw.len() - leading - bare;
        let joins = self.before_break.replace(c) == Some('-');
        if bare == 0 {
            return;
        }
        let span = start + leading..place.saturating_sub(trailing).max(start + leading);
        if self.skips(span.start) {
            return;
        }
        let folded = from + leading + usize::from(article) * 2..from + leading + bare;
        // `e-mail` and `email` are one word.
        if joins
            && self.words.folded[folded.clone()].starts_with("mail")
            && let Some(last) = self.words.words.last_mut()
            && &self.words.folded[last.folded.clone()] == "e"
        {
            let mut joined = String::with_capacity(bare + 1);
            joined.push('e');
            joined.push_str(&self.words.folded[folded]);
            last.folded = self.words.folded.len()..self.words.folded.len() + joined.len();
            last.span.end = span.end;
            self.words.folded.push_str(&joined);
            return;
        }
        self.words.words.push(Word { folded, span });
    }

    fn skips(&self, place: usize) -> bool {
        let before = self.skip.partition_point(|s| s.start <= place);
        self.skip[..before].last().is_some_and(|s| s.contains(&place))
    }
}

/// The length of an HTML escape (`&lt;`, `&#39;`, `&#x3c;`) at the start of `text`.
fn entity(text: &str) -> Option<usize> {
    let end = text.bytes().take(9).position(|b| b == b';')?;
    let name = text.get(1..end)?;
    let named = (2..=6).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphabetic());
    let numbered =
        name.strip_prefix('#').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_alphanumeric()));
    (named || numbered).then_some(end + 1)
}

/// Whether the script of `c` sets no spaces between words.
fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{0E00}'..='\u{0E7F}' | '\u{3041}'..='\u{30FF}' | '\u{3400}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{AC00}'..='\u{D7AF}')
        && c != '\u{30FB}'
}

fn is_combining(c: char) -> bool {
    matches!(c, '\u{0300}'..='\u{036F}')
}

/// An accented Latin letter without its accent; `None` for every other.
fn base(c: char) -> Option<&'static str> {
    Some(match c {
        'à'..='å' | 'À'..='Å' | 'ā' | 'ă' | 'ą' | 'Ą' => "a",
        'æ' | 'Æ' => "ae",
        'ç' | 'Ç' | 'ć' | 'č' | 'Ć' | 'Č' => "c",
        'ď' | 'Ď' | 'đ' | 'Đ' => "d",
        'è'..='ë' | 'È'..='Ë' | 'ē' | 'ę' | 'ě' | 'Ę' | 'Ě' => "e",
        'ğ' | 'Ğ' => "g",
        'ì'..='ï' | 'Ì'..='Ï' | 'ı' | 'İ' => "i",
        'ł' | 'Ł' => "l",
        'ñ' | 'Ñ' | 'ń' | 'ň' | 'Ń' | 'Ň' => "n",
        'ò'..='ö' | 'ø' | 'Ò'..='Ö' | 'Ø' | 'ő' | 'Ő' => "o",
        'œ' | 'Œ' => "oe",
        'ř' | 'Ř' => "r",
        'ś' | 'š' | 'ş' | 'Ś' | 'Š' | 'Ş' => "s",
        'ß' => "ss",
        'ť' | 'Ť' | 'ţ' | 'Ţ' => "t",
        'ù'..='ü' | 'Ù'..='Ü' | 'ů' | 'ű' | 'Ů' | 'Ű' => "u",
        'ý' | 'ÿ' | 'Ý' => "y",
        'ź' | 'ż' | 'ž' | 'Ź' | 'Ż' | 'Ž' => "z",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<String> {
        let words = Words::of(text, 0..text.len(), &[]);
        for at in 0..words.len() {
            assert!(text.get(words.span(at..at + 1)).is_some_and(|part| !part.is_empty()), "{text}");
        }
        (0..words.len()).map(|at| words.get(at).to_owned()).collect()
    }

    #[test]
    fn words_are_folded() {
        for (text, expected) in [
            ("User\r\n Unknown.", &["user", "unknown"][..]),
            ("The E-Mail account", &["the", "email", "account"]),
            ("user doesn’t have", &["user", "doesn't", "have"]),
            ("boîte pleine, Empfänger", &["boite", "pleine", "empfanger"]),
            ("&lt;jo@b.example&gt; &#39;no&#x27;", &["jo@b.example", "no"]),
            ("a & b; c", &["a", "b", "c"]),
            ("受信者 x", &["受", "信", "者", "x"]),
            ("Größe e\u{301}te", &["grosse", "ete"]),
            ("'.@", &[]),
            ("L'adresse d'un", &["adresse", "d'un"]),
            ("l’adresse", &["adresse"]),
            ("e - mail", &["e", "mail"]),
        ] {
            assert_eq!(all(text), expected, "{text}");
        }
    }
}
