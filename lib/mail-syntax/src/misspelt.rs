//! How far a word is from one that was probably meant.

/// Words longer than this are no misspelling of any that stands in a record.
const LONGEST: usize = 24;

/// Letters to change, insert or delete from one short word to the other; `usize::MAX`
/// for a long one.
pub(crate) fn distance(a: &str, b: &str) -> usize {
    if a.len().max(b.len()) > LONGEST {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let change = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

/// Whether two words of three letters or more are made of the same ones: `rau`, `rua`.
pub(crate) fn same_letters(a: &str, b: &str) -> bool {
    let sorted = |word: &str| {
        let mut bytes = word.as_bytes().to_vec();
        bytes.sort_unstable();
        bytes
    };
    a.len() > 2 && a.len() == b.len() && sorted(a) == sorted(b)
}
