//! Fragments that are looked for among the words of a reply, all in one pass.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
    ops::Range,
};

use crate::words::Words;

/// The most words that a `*` between two words may stand for.
const WIDEST_GAP: usize = 8;
/// The most words that a `_` between two words may stand for.
const NARROW_GAP: usize = 3;
/// The length by which words that begin or end with something are found.
const KEY: usize = 3;

/// The keys are our own, so that nobody can choose them to collide; words of a
/// reply are only looked up.
type Table<K, V> = HashMap<K, V, BuildHasherDefault<Fnv>>;

/// FNV-1a, which is quick over short words.
#[derive(Clone, Debug)]
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Fnv(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// A word of a fragment, by number; `GAP` for a `*` alone.
type Atom = u32;
const GAP: Atom = u32::MAX;
/// `_`: the same for at most [`NARROW_GAP`] words.
const NARROW: Atom = u32::MAX - 1;

/// Whose fragments a match belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Owner {
    /// A group of wordings, by rank.
    Wording(u32),
    /// A blocklist, by rank.
    Blocklist(u32),
    /// The marks of a provider.
    Marks(u16),
    /// A rule of a provider.
    Rule(u16, u16),
}

/// A fragment that occurs: whose it is, and its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Match {
    pub(crate) owner: Owner,
    pub(crate) words: Range<usize>,
}

/// Many fragments: `user unknown`, `user|mailbox unknown` (either), `mailbox * full`
/// (up to eight words between), `mailbox _ full` (up to three), `greylist*` (begins so), `*google.com` (ends so).
#[derive(Clone, Debug, Default)]
pub(crate) struct Matcher {
    exact: Table<Box<str>, Atom>,
    /// The choices (`user|mailbox`) by how they are written, and those that a word is one of.
    choices: Table<Box<str>, Atom>,
    chosen: Table<Box<str>, Vec<Atom>>,
    /// Beginnings and ends by their first or last three bytes.
    prefixes: Table<[u8; KEY], Vec<(Box<str>, Atom)>>,
    suffixes: Table<[u8; KEY], Vec<(Box<str>, Atom)>>,
    atoms: u32,
    /// For each atom the fragments that begin with it.
    by_first: Vec<Vec<(Box<[Atom]>, Owner)>>,
}

impl Matcher {
    /// Adds a fragment.
    ///
    /// # Errors
    /// When no reply could contain it.
    pub(crate) fn add(&mut self, owner: Owner, fragment: &str) -> Result<(), String> {
        let fail = |why: &str| Err(format!("the fragment `{fragment}` {why}"));
        let mut parts: Vec<Atom> = Vec::new();
        for token in fragment.split_whitespace() {
            if token == "*" {
                parts.push(GAP);
                continue;
            }
            if token == "_" {
                parts.push(NARROW);
                continue;
            }
            if token.contains('|') {
                match self.choice(token) {
                    Ok(atom) => parts.push(atom),
                    Err(word) => return fail(&format!("has `{word}`, which no reply can contain as one word")),
                }
                continue;
            }
            let bare = token.trim_matches('*');
            let words = Words::of(bare, 0..bare.len(), &[]);
            let joined: String = (0..words.len()).map(|at| words.get(at)).collect();
            let plain = joined.chars().count() == bare.chars().count() || !bare.is_ascii();
            let star = (token.starts_with('*'), token.ends_with('*'));
            if words.len() == 0 || bare.chars().any(char::is_uppercase) || !plain || bare.contains('*') {
                return fail(&format!("has `{token}`, which no reply can contain as one word"));
            }
            if words.len() > 1 && (bare.is_ascii() || star != (false, false)) {
                return fail(&format!("has `{token}`, which no reply can contain as one word"));
            }
            match star {
                (true, true) => return fail("has a word with two stars"),
                (false, false) => {
                    for at in 0..words.len() {
                        parts.push(self.exact_atom(words.get(at)));
                    }
                }
                _ if words.get(0).len() < KEY => return fail(&format!("has `{token}`, which is too short")),
                (false, true) => parts.push(affix(&mut self.prefixes, &mut self.atoms, words.get(0), true)),
                (true, false) => parts.push(affix(&mut self.suffixes, &mut self.atoms, words.get(0), false)),
            }
        }
        match (parts.first(), parts.last()) {
            (None, _) => return fail("is empty"),
            (Some(&(GAP | NARROW)), _) | (_, Some(&(GAP | NARROW))) => return fail("begins or ends with a gap"),
            _ => {}
        }
        let first = parts[0] as usize;
        if self.by_first.len() <= first {
            self.by_first.resize_with(first + 1, Vec::new);
        }
        self.by_first[first].push((parts.into_boxed_slice(), owner));
        Ok(())
    }

    /// The atom of `a|b|c`; in the error the word that cannot be one.
    fn choice(&mut self, token: &str) -> Result<Atom, String> {
        if let Some(atom) = self.choices.get(token) {
            return Ok(*atom);
        }
        let atom = self.atoms;
        for bare in token.split('|') {
            let words = Words::of(bare, 0..bare.len(), &[]);
            if words.len() != 1 || bare.chars().any(char::is_uppercase) || bare.contains('*') {
                return Err(bare.to_owned());
            }
            let row = self.chosen.entry(words.get(0).into()).or_default();
            if !row.contains(&atom) {
                row.push(atom);
            }
        }
        self.atoms += 1;
        self.choices.insert(token.into(), atom);
        Ok(atom)
    }

    fn exact_atom(&mut self, word: &str) -> Atom {
        if let Some(atom) = self.exact.get(word) {
            return *atom;
        }
        let atom = self.atoms;
        self.atoms += 1;
        self.exact.insert(word.into(), atom);
        atom
    }

    /// Every fragment that occurs, by where it begins; of each owner once at each place.
    pub(crate) fn matches(&self, words: &Words) -> Vec<Match> {
        let atoms = self.atoms_of(words);
        let mut found: Vec<Match> = Vec::new();
        for at in 0..words.len() {
            for atom in atoms.at(at) {
                for (parts, owner) in self.by_first.get(*atom as usize).into_iter().flatten() {
                    // The second word settles it nearly always.
                    if let Some(second) = parts.get(1)
                        && !matches!(*second, GAP | NARROW)
                        && !atoms.at(at + 1).contains(second)
                    {
                        continue;
                    }
                    if let Some(end) = atoms.fits(&parts[1..], at + 1) {
                        found.push(Match { owner: *owner, words: at..end });
                    }
                }
            }
        }
        found
    }

    fn atoms_of(&self, words: &Words) -> Atoms {
        let mut atoms = Atoms { all: Vec::with_capacity(words.len() + 8), ends: Vec::with_capacity(words.len()) };
        for at in 0..words.len() {
            let word = words.get(at);
            atoms.all.extend(self.exact.get(word));
            atoms.all.extend(self.chosen.get(word).into_iter().flatten());
            let bytes = word.as_bytes();
            if let Some(head) = bytes.first_chunk::<KEY>() {
                let fits = self.prefixes.get(head).into_iter().flatten().filter(|(p, _)| word.starts_with(&**p));
                atoms.all.extend(fits.map(|(_, atom)| *atom));
            }
            if let Some(tail) = bytes.last_chunk::<KEY>() {
                let fits = self.suffixes.get(tail).into_iter().flatten().filter(|(s, _)| ends_name(word, s));
                atoms.all.extend(fits.map(|(_, atom)| *atom));
            }
            atoms.ends.push(atoms.all.len() as u32);
        }
        atoms
    }
}

/// Whether `word` ends with `end`, and a name with whole labels.
fn ends_name(word: &str, end: &str) -> bool {
    word.strip_suffix(end)
        .is_some_and(|rest| rest.is_empty() || !end.contains('.') || rest.ends_with(['.', '@']) || end.starts_with('.'))
}

fn affix(table: &mut Table<[u8; KEY], Vec<(Box<str>, Atom)>>, atoms: &mut u32, word: &str, head: bool) -> Atom {
    let bytes = word.as_bytes();
    let key = if head { bytes.first_chunk() } else { bytes.last_chunk() };
    let row = table.entry(key.copied().unwrap_or_default()).or_default();
    if let Some((_, atom)) = row.iter().find(|(known, _)| &**known == word) {
        return *atom;
    }
    let atom = *atoms;
    *atoms += 1;
    row.push((word.into(), atom));
    atom
}

/// For each word the atoms that it fits.
struct Atoms {
    all: Vec<Atom>,
    ends: Vec<u32>,
}

impl Atoms {
    fn at(&self, word: usize) -> &[Atom] {
        let Some(end) = self.ends.get(word) else { return &[] };
        let start = word.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.all[start as usize..*end as usize]
    }

    /// The word after the last one, when `parts` fit from the word `at` on.
    fn fits(&self, parts: &[Atom], at: usize) -> Option<usize> {
        let Some((part, others)) = parts.split_first() else { return Some(at) };
        let gap = match *part {
            GAP => Some(WIDEST_GAP),
            NARROW => Some(NARROW_GAP),
            _ => None,
        };
        if let Some(gap) = gap {
            return (at..=(at + gap).min(self.ends.len())).find_map(|at| self.fits(others, at));
        }
        if self.at(at).contains(part) { self.fits(others, at + 1) } else { None }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn found(fragment: &str, text: &str) -> Option<String> {
        let mut matcher = Matcher::default();
        matcher.add(Owner::Wording(0), fragment).unwrap();
        let words = Words::of(text, 0..text.len(), &[]);
        let first = matcher.matches(&words).into_iter().next()?;
        Some(text[words.span(first.words)].to_owned())
    }

    #[test]
    fn fragments_fit_words() {
        for (fragment, text, part) in [
            ("user unknown", "<a@b.example>... User\r\n Unknown.", Some("User\r\n Unknown")),
            ("user * unknown", "User (jo) unknown", Some("User (jo) unknown")),
            ("email account", "The E-Mail account", Some("E-Mail account")),
            ("spam", "see spamhaus.org", None),
            ("spam*", "see spamhaus.org", Some("spamhaus.org")),
            ("*google.com", "host a.l.google.com[1]", Some("a.l.google.com")),
            ("*google.com", "host notgoogle.com[1]", None),
            ("doesn't have", "user doesn’t have", Some("doesn’t have")),
            ("a * b", "a 1 2 3 4 5 6 7 8 b", Some("a 1 2 3 4 5 6 7 8 b")),
            ("a * b", "a 1 2 3 4 5 6 7 8 9 b", None),
            ("a _ b", "a 1 2 3 b", Some("a 1 2 3 b")),
            ("a _ b", "a 1 2 3 4 b", None),
            ("user|mailbox unknown|invalid", "The Mailbox: INVALID", Some("Mailbox: INVALID")),
            ("user|mailbox unknown", "address unknown", None),
            ("boîte pleine", "La boite est PLEINE, boîte pleine", Some("boîte pleine")),
            ("宛先 * 不明", "宛先が不明です", Some("宛先が不明")),
        ] {
            assert_eq!(found(fragment, text).as_deref(), part, "{fragment} in {text}");
        }
    }

    #[test]
    fn a_fragment_that_can_match_nothing_is_refused() {
        for bad in
            ["", "*", "* a", "a *", "User", "over-quota", "a, b", "*abc*", "ab*", "a*b", "a|", "a|B c", "_ a", "a _"]
        {
            assert!(Matcher::default().add(Owner::Wording(0), bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn all_fragments_are_found_in_one_pass() {
        let mut matcher = Matcher::default();
        matcher.add(Owner::Wording(2), "address rejected").unwrap();
        matcher.add(Owner::Rule(1, 3), "greylist*").unwrap();
        matcher.add(Owner::Rule(1, 4), "recipient address rejected").unwrap();
        let text = "Recipient address rejected: Greylisted";
        let words = Words::of(text, 0..text.len(), &[]);
        let owners: Vec<_> = matcher.matches(&words).into_iter().map(|m| m.owner).collect();
        assert_eq!(owners, [Owner::Rule(1, 4), Owner::Wording(2), Owner::Rule(1, 3)]);
    }
}
