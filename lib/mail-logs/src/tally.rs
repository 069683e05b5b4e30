//! Counting much in little memory.

use std::{
    collections::{BTreeMap, HashMap},
    hash::Hash,
};

use schemars::JsonSchema;
use serde::Serialize;

use crate::stamp::Stamp;

/// The most words that one tally keeps apart.
const MOST: usize = 512;
/// The most spans of time that are kept apart.
const MOST_SPANS: usize = 24 * 14;
/// The longest word that is kept, in bytes.
const LONGEST: usize = 128;

/// How often words occur. Beyond 512 words the rare ones are forgotten; what
/// is forgotten is accounted for as [`Tally::most_forgotten`] (Misra and Gries).
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    counts: HashMap<Box<str>, u64>,
    forgotten: u64,
}

/// A word and how often it occurs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Count {
    /// The word.
    pub name: String,
    /// How often.
    pub count: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, word: &str) {
        let mut end = word.len().min(LONGEST);
        while !word.is_char_boundary(end) {
            end -= 1;
        }
        self.add_whole(&word[..end]);
    }

    /// Counts a word of any length; of our own words there are few.
    pub(crate) fn add_whole(&mut self, word: &str) {
        if let Some(count) = self.counts.get_mut(word) {
            *count += 1;
            return;
        }
        if self.counts.len() >= MOST {
            let mut all: Vec<u64> = self.counts.values().copied().collect();
            let (_, median, _) = all.select_nth_unstable(MOST / 2);
            let least = *median;
            self.counts.retain(|_, count| *count > least);
            self.forgotten = self.forgotten.max(least);
        }
        self.counts.insert(word.into(), 1);
    }

    /// The most frequent ones, by count, then by name.
    pub(crate) fn top(&self, most: usize) -> Vec<Count> {
        let mut all: Vec<_> = self.counts.iter().collect();
        all.sort_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
        all.into_iter().take(most).map(|(name, count)| Count { name: name.to_string(), count: *count }).collect()
    }

    /// The most occurrences that a word which is missing may have.
    pub(crate) fn most_forgotten(&self) -> u64 {
        self.forgotten
    }
}

/// How often in each hour; in each day, when there are many hours.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spread {
    counts: BTreeMap<String, u64>,
    /// How many characters of a time make a span: `2026-11-25T10`, `2026-11-25`, `2026-11`.
    length: usize,
}

impl Spread {
    pub(crate) fn add(&mut self, at: Stamp) {
        if self.counts.is_empty() && self.length == 0 {
            self.length = 13;
        }
        let mut span = at.hour();
        span.truncate(self.length);
        *self.counts.entry(span).or_default() += 1;
        while self.counts.len() > MOST_SPANS && self.length > 4 {
            self.length = match self.length {
                13 => 10,
                10 => 7,
                _ => 4,
            };
            for (mut span, count) in std::mem::take(&mut self.counts) {
                span.truncate(self.length);
                *self.counts.entry(span).or_default() += count;
            }
        }
    }

    /// In the order of time.
    pub(crate) fn all(&self) -> Vec<Count> {
        self.counts.iter().map(|(name, count)| Count { name: name.clone(), count: *count }).collect()
    }
}

/// A table that forgets what was put in long ago: two generations, of which
/// the older one goes when the younger one is full.
#[derive(Clone, Debug)]
pub(crate) struct Recent<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    most: usize,
}

impl<K: Eq + Hash, V> Recent<K, V> {
    pub(crate) fn new(most: usize) -> Self {
        Recent { young: HashMap::new(), old: HashMap::new(), most: most / 2 }
    }

    pub(crate) fn put(&mut self, key: K, value: V) {
        if self.young.len() >= self.most {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    pub(crate) fn take(&mut self, key: &K) -> Option<V> {
        let old = self.old.remove(key);
        self.young.remove(key).or(old)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.young.is_empty() && self.old.is_empty()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::stamp::Today;

    #[test]
    fn frequent_words_are_kept_and_rare_ones_bounded() {
        let mut tally = Tally::default();
        for n in 0..100_000u32 {
            tally.add(&format!("rare{n}"));
            if n % 10 == 0 {
                tally.add("often");
            }
        }
        let top = tally.top(1);
        assert!(top[0].name == "often" && top[0].count + tally.most_forgotten() >= 10_000, "{top:?}");
        assert!(tally.counts.len() <= MOST);
        tally.add(&"ü".repeat(1_000));
        assert!(tally.top(MOST).iter().all(|count| count.name.len() <= LONGEST));
    }

    #[test]
    fn many_hours_become_days() {
        let today = Today { year: 2026, month: 12, day: 31 };
        let mut spread = Spread::default();
        for day in 1..=28 {
            for hour in 0..24 {
                spread.add(Stamp::read(format!("2026-11-{day:02} {hour:02}:00:00 ").as_bytes(), today).unwrap().0);
            }
        }
        let all = spread.all();
        assert_eq!((all.len(), all[0].name.as_str(), all[0].count), (28, "2026-11-01", 24));
    }

    #[test]
    fn what_is_old_is_forgotten() {
        let mut recent = Recent::new(10);
        (0..100).for_each(|n| recent.put(n, n));
        assert!(recent.get(&99).is_some() && recent.get(&0).is_none());
        assert_eq!((recent.take(&99), recent.take(&99)), (Some(99), None));
    }
}
