//! Words for numbers and lists.

/// `a`, `a and b`, `a, b and c`.
pub fn list(words: &[impl AsRef<str>]) -> String {
    match words {
        [] => String::new(),
        [one] => one.as_ref().to_owned(),
        [most @ .., last] => {
            let most: Vec<&str> = most.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", most.join(", "), last.as_ref())
        }
    }
}

/// Seconds with one decimal: `6.0 s`.
pub fn seconds(ms: u64) -> String {
    format!("{}.{} s", ms / 1000, ms % 1000 / 100)
}

/// Octets as people say them, rounded down: `50 MiB`.
pub fn size(octets: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match UNITS.iter().find(|(unit, _)| octets >= *unit) {
        Some((unit, name)) => format!("{} {name}", octets / unit),
        None => format!("{octets} octets"),
    }
}

/// The day of a Unix time, UTC: `2026-11-24`.
pub fn day(unix: i64) -> String {
    // Days since 0000-03-01 in the proleptic Gregorian calendar, so that the
    // leap day ends a year; eras are 400 years of 146 097 days.
    let days = unix.div_euclid(86_400) + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        for (unix, expected) in [
            (0, "1970-01-01"),
            (951_782_399, "2000-02-28"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_795_478_400, "2026-11-24"),
            (-1, "1969-12-31"),
            (4_102_444_800, "2100-01-01"),
        ] {
            assert_eq!(day(unix), expected);
        }
    }

    #[test]
    fn sizes_and_times_are_short() {
        assert_eq!(
            (size(52_428_800).as_str(), size(1_500).as_str(), size(99).as_str()),
            ("50 MiB", "1 KiB", "99 octets")
        );
        assert_eq!((seconds(6_049).as_str(), seconds(80).as_str()), ("6.0 s", "0.0 s"));
        assert_eq!(list(&["a", "b", "c"]), "a, b and c");
    }
}
