//! Words for the user: the nearest valid choice to one that is none, and
//! what a shell takes as one word.

/// The candidate nearest to `word`, if any is near enough to be what was meant.
///
/// Near means a Damerau–Levenshtein distance of at most a third of the longer
/// word, and at least one edit allowed.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= (word.len().max(candidate.len()) / 3).max(1))
        .min()
        .map(|(_, candidate)| candidate)
}

/// The words `; did you mean X?`, or nothing.
pub(crate) fn hint<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, candidates).map_or_else(String::new, |candidate| format!("; did you mean `{candidate}`?"))
}

/// `word` as a shell takes it for one word.
pub fn shell_word(word: &str) -> String {
    let plain = !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"@.-_:+=/,".contains(&b));
    if plain { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_near_is_suggested() {
        let ids = ["mx", "spf", "dnsbl", "greylist", "smtp-codes"];
        assert_eq!(nearest("dnsbll", ids), Some("dnsbl"));
        assert_eq!(nearest("smtp-code", ids), Some("smtp-codes"));
        assert_eq!(nearest("sfp", ids), Some("spf"));
        assert_eq!(nearest("dmarc", ids), None);
        assert_eq!(nearest("", []), None);
    }
}
