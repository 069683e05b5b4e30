//! The time at the head of a line.

use std::fmt;

/// A date, given by whoever runs the program: a log of the old form has no
/// year, so that one is taken in which its day is not after this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Today {
    /// The year, for example 2026.
    pub year: u16,
    /// The month, 1 to 12.
    pub month: u8,
    /// The day, 1 to 31.
    pub day: u8,
}

/// A time as the log states it, in whatever zone it is kept, to the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp {
    year: u16,
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
    second: u8,
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Stamp { year, month, day, hour, minute, second } = self;
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
    }
}

impl Stamp {
    /// The hour that it lies in, for example `2026-11-25T10`.
    pub fn hour(&self) -> String {
        format!("{:04}-{:02}-{:02}T{:02}", self.year, self.month, self.day, self.hour)
    }

    /// Reads a time at the start of `line`; also the bytes that it takes, the
    /// space behind it included. Knows `Nov 25 10:00:00` (RFC 3164), RFC 3339,
    /// and Exim's `2026-11-25 10:00:00`, with fraction and zone or without.
    pub fn read(line: &[u8], today: Today) -> Option<(Stamp, usize)> {
        match line {
            [b'0'..=b'9', ..] => iso(line),
            [b'A'..=b'Z', ..] => syslog(line, today),
            // `<22>` is the priority that a relayed syslog line may keep (RFC 5424 §6.2.1).
            [b'<', rest @ ..] => {
                let end = rest.iter().take(5).position(|b| *b == b'>')?;
                let version = usize::from(rest[end + 1..].starts_with(b"1 ")) * 2;
                let skipped = end + 2 + version;
                Stamp::read(line.get(skipped..).filter(|rest| rest.first() != Some(&b'<'))?, today)
                    .map(|(stamp, length)| (stamp, length + skipped))
            }
            _ => None,
        }
    }
}

fn number(bytes: &[u8]) -> Option<u16> {
    bytes.iter().try_fold(0u16, |n, b| b.is_ascii_digit().then(|| n * 10 + u16::from(b - b'0')))
}

fn two(bytes: &[u8]) -> Option<u8> {
    number(bytes).and_then(|n| u8::try_from(n).ok())
}

/// `10:00:00`.
fn clock(bytes: &[u8]) -> Option<[u8; 3]> {
    let [h1, h2, b':', m1, m2, b':', s1, s2] = *bytes.first_chunk::<8>()? else { return None };
    Some([two(&[h1, h2])?, two(&[m1, m2])?, two(&[s1, s2])?])
        .filter(|[hour, minute, second]| *hour < 24 && *minute < 60 && *second <= 60)
}

fn iso(line: &[u8]) -> Option<(Stamp, usize)> {
    if line.get(4) != Some(&b'-') || line.get(7) != Some(&b'-') || !matches!(line.get(10), Some(b'T' | b' ')) {
        return None;
    }
    let [hour, minute, second] = clock(line.get(11..)?)?;
    let stamp = Stamp {
        year: number(&line[..4])?,
        month: two(&line[5..7]).filter(|m| (1..=12).contains(m))?,
        day: two(&line[8..10]).filter(|d| (1..=31).contains(d))?,
        hour,
        minute,
        second,
    };
    let mut at = 19;
    if matches!(line.get(at), Some(b'.' | b',')) {
        at += 1 + line[at + 1..].iter().take_while(|b| b.is_ascii_digit()).count();
    }
    // A zone: `Z`, `+01:00`, or ` +0100`.
    let spaced = usize::from(line.get(at) == Some(&b' ') && matches!(line.get(at + 1), Some(b'+' | b'-')));
    match line.get(at + spaced) {
        Some(b'Z') if spaced == 0 => at += 1,
        Some(b'+' | b'-') => {
            let digits = line[at + spaced + 1..].iter().take_while(|b| b.is_ascii_digit() || **b == b':').count();
            at += spaced + 1 + digits;
        }
        _ => {}
    }
    at += usize::from(line.get(at) == Some(&b' '));
    Some((stamp, at))
}

fn syslog(line: &[u8], today: Today) -> Option<(Stamp, usize)> {
    const MONTHS: &[u8] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
    let name = line.first_chunk::<3>()?;
    let month = MONTHS.chunks_exact(3).position(|month| month == name)? as u8 + 1;
    let [b' ', d1, d2, b' '] = *line.get(3..)?.first_chunk::<4>()? else { return None };
    let day = if d1 == b' ' { two(&[d2])? } else { two(&[d1, d2])? };
    // Some write the year: `Nov 25 2026 10:00:00`.
    let (year, at) = match line.get(7..12) {
        Some([y @ .., b' ']) if clock(line.get(12..)?).is_some() => (Some(number(y)?), 12),
        _ => (None, 7),
    };
    let [hour, minute, second] = clock(line.get(at..)?)?;
    let later = (month, day) > (today.month, today.day);
    let year = year.unwrap_or(if later { today.year.saturating_sub(1) } else { today.year });
    let mut end = at + 8;
    if line.get(end) == Some(&b'.') {
        end += 1 + line[end + 1..].iter().take_while(|b| b.is_ascii_digit()).count();
    }
    end += usize::from(line.get(end) == Some(&b' '));
    Some((Stamp { year, month, day, hour, minute, second }, end)).filter(|_| (1..=31).contains(&day))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_time() {
        let today = Today { year: 2026, month: 11, day: 25 };
        for (line, expected) in [
            ("Nov 25 10:00:01 mail x", Some(("2026-11-25T10:00:01", "mail x"))),
            ("Nov  5 10:00:01 mail x", Some(("2026-11-05T10:00:01", "mail x"))),
            ("Dec 31 23:59:59 mail x", Some(("2025-12-31T23:59:59", "mail x"))),
            ("Feb 29 00:00:00.123 mail x", Some(("2026-02-29T00:00:00", "mail x"))),
            ("Nov 25 2024 10:00:01 mail x", Some(("2024-11-25T10:00:01", "mail x"))),
            ("2026-11-25T10:00:01.123456+01:00 mail x", Some(("2026-11-25T10:00:01", "mail x"))),
            ("2026-11-25T10:00:01Z mail x", Some(("2026-11-25T10:00:01", "mail x"))),
            ("2026-11-25 10:00:01 1abc", Some(("2026-11-25T10:00:01", "1abc"))),
            ("2026-11-25 10:00:01.123 +0100 1abc", Some(("2026-11-25T10:00:01", "1abc"))),
            ("<22>Nov 25 10:00:01 mail x", Some(("2026-11-25T10:00:01", "mail x"))),
            ("<22>1 2026-11-25T10:00:01Z mail x", Some(("2026-11-25T10:00:01", "mail x"))),
            ("Nov 25 25:00:01 mail x", None),
            ("Foo 25 10:00:01 mail x", None),
            ("2026-13-25 10:00:01 x", None),
            ("", None),
            ("2026", None),
            ("Nov 2", None),
            ("<22", None),
            ("<<<<", None),
        ] {
            let found = Stamp::read(line.as_bytes(), today).map(|(stamp, at)| (stamp.to_string(), &line[at..]));
            assert_eq!(found, expected.map(|(stamp, rest)| (stamp.to_owned(), rest)), "{line}");
        }
    }
}
