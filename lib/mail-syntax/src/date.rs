//! Dates as messages and HTTP have them.

/// The seconds of Unix time of a date (RFC 5322 §3.3, RFC 9110 §5.6.7): year,
/// month and day count, a name of a weekday is not looked at, and a zone that is
/// no offset counts as UTC. `None` for what is no date.
pub fn unix_seconds(text: &str) -> Option<u64> {
    const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let text = text.split_once(',').map_or(text, |(_, rest)| rest);
    let mut words = text.split_ascii_whitespace();
    let day: i64 = words.next()?.parse().ok().filter(|day| (1..=31).contains(day))?;
    let name = words.next()?.to_ascii_lowercase();
    let month = MONTHS.iter().position(|month| *month == name)? as i64 + 1;
    let year: i64 = words.next()?.parse().ok().filter(|year| (1970..=9999).contains(year))?;
    let mut clock =
        words.next()?.split(':').map(|part| part.parse::<i64>().ok().filter(|part| (0..=60).contains(part)));
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next().unwrap_or(Some(0))?);
    let zone = words.next().unwrap_or("+0000");
    let offset = match zone.strip_prefix('+').map(|digits| (1, digits)).or(zone.strip_prefix('-').map(|d| (-1, d))) {
        Some((sign, digits)) if digits.len() == 4 => {
            let digits: i64 = digits.parse().ok()?;
            sign * (digits / 100 * 3600 + digits % 100 * 60)
        }
        _ => 0,
    };
    // Days from the civil date, counted in years that begin in March.
    let (y, m) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let days = y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + day - 1 - 719_468;
    u64::try_from(days * 86_400 + hour * 3600 + minute * 60 + second - offset).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_counted() {
        for (text, expected) in [
            (" Thu, 1 Jan 1970 00:00:01 +0000", Some(1)),
            ("Wed, 25 Nov 2026 18:00:00 +0100 (CET)", Some(1_795_626_000)),
            ("29 Feb 2024 12:00 -0500", Some(1_709_226_000)),
            ("25 Nov", None),
            ("Wed, 99 Nov 2026 18:00:00", None),
        ] {
            assert_eq!(unix_seconds(text), expected, "{text}");
        }
    }
}
