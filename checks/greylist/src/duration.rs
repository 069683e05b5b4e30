//! Spans of time as settings give them (`5m`) and as people read them (`5 min`).

use std::time::Duration;

/// The units of a setting, longest first, in seconds.
const UNITS: [(&str, u64); 4] = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];

/// Reads a setting: `0`, or whole numbers with the units `d h m s`, longest
/// first, each at most once: `30s`, `5m`, `1h30m`.
///
/// # Errors
/// A sentence that says what was expected.
pub(crate) fn parse(setting: &str) -> Result<Duration, String> {
    let fail = || Err(format!("`{setting}` is no duration: expected a number with a unit, such as 30s, 5m or 1h30m"));
    if setting.trim() == "0" {
        return Ok(Duration::ZERO);
    }
    let (mut rest, mut seconds, mut units) = (setting.trim(), 0_u64, UNITS.as_slice());
    if rest.is_empty() {
        return fail();
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let Ok(number) = rest[..digits].parse::<u64>() else { return fail() };
        rest = &rest[digits..];
        let Some(at) = units.iter().position(|(unit, _)| rest.starts_with(unit)) else { return fail() };
        let (unit, size) = units[at];
        rest = &rest[unit.len()..];
        units = &units[at + 1..];
        seconds = match number.checked_mul(size).and_then(|part| seconds.checked_add(part)) {
            Some(sum) => sum,
            None => return fail(),
        };
    }
    Ok(Duration::from_secs(seconds))
}

/// The same span as a setting, rounded up to whole minutes from two minutes on: `6m`.
pub(crate) fn setting(span: Duration) -> String {
    match whole_seconds(span) {
        seconds @ 0..120 => format!("{seconds}s"),
        seconds => format!("{}m", seconds.div_ceil(60)),
    }
}

/// The span for people, its two longest units: `6 s`, `5 min`, `1 h 30 min`, `2 days`.
pub(crate) fn words(span: Duration) -> String {
    let seconds = whole_seconds(span);
    let named =
        [(seconds / 86_400, "day"), (seconds / 3_600 % 24, "h"), (seconds / 60 % 60, "min"), (seconds % 60, "s")];
    let parts: Vec<String> = named
        .into_iter()
        .skip_while(|(number, _)| *number == 0)
        .take(2)
        .filter(|(number, _)| *number > 0)
        .map(|(number, unit)| match (number, unit) {
            (2.., "day") => format!("{number} days"),
            _ => format!("{number} {unit}"),
        })
        .collect();
    if parts.is_empty() { "0 s".to_owned() } else { parts.join(" ") }
}

/// Seconds, rounded up.
fn whole_seconds(span: Duration) -> u64 {
    span.as_secs().saturating_add(u64::from(span.subsec_nanos() > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_or_refused() {
        for (setting, seconds) in
            [("0", Some(0)), ("30s", Some(30)), ("5m", Some(300)), ("1h30m", Some(5_400)), ("2d", Some(172_800))]
                .into_iter()
                .chain(
                    ["", "5", "m", "5 m", "-5m", "5m5m", "30s1m", "1.5h", "99999999999999999999d"]
                        .map(|bad| (bad, None)),
                )
        {
            assert_eq!(parse(setting).ok().map(|span| span.as_secs()), seconds, "{setting:?}");
        }
    }

    #[test]
    fn spans_read_well() {
        for (millis, people, set) in [
            (0, "0 s", "0s"),
            (200, "1 s", "1s"),
            (5_001, "6 s", "6s"),
            (300_000, "5 min", "5m"),
            (301_000, "5 min 1 s", "6m"),
            (5_400_000, "1 h 30 min", "90m"),
            (172_800_000, "2 days", "2880m"),
            (86_460_000, "1 day", "1441m"),
        ] {
            let span = Duration::from_millis(millis);
            assert_eq!((words(span).as_str(), setting(span).as_str()), (people, set), "{millis} ms");
        }
    }
}
