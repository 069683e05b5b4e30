//! Lists and times as people write them.

/// `a`, `a and b`, `a, b and c`.
pub fn list<T: AsRef<str>>(items: &[T]) -> String {
    match items {
        [] => String::new(),
        [one] => one.as_ref().to_owned(),
        [first @ .., last] => {
            let first: Vec<&str> = first.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", first.join(", "), last.as_ref())
        }
    }
}

/// When a change of a record is seen everywhere. `ttl`: the seconds that the
/// copy seen may still be kept; a resolver counts them down, and another may
/// have fetched its copy later.
pub fn after_ttl(ttl: u32) -> String {
    format!("once the old record has left all caches; the copy that was seen lives {} more", duration(ttl))
}

fn duration(seconds: u32) -> String {
    let (count, unit) = match seconds {
        s if s >= 86_400 && s % 86_400 == 0 => (s / 86_400, "day"),
        s if s >= 3_600 && s % 3_600 == 0 => (s / 3_600, "hour"),
        s if s >= 120 => (s.div_ceil(60), "minute"),
        s => (s, "second"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_times_read_well() {
        assert_eq!(list(&["a", "b", "c"]), "a, b and c");
        for (ttl, text) in
            [(0, "0 seconds"), (60, "60 seconds"), (3600, "1 hour"), (5400, "90 minutes"), (172_800, "2 days")]
        {
            assert_eq!(duration(ttl), text);
        }
    }
}
