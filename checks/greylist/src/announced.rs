//! The delay that a greylisting reply announces.

use std::time::Duration;

use engine_plugin_api::{Span, services::SmtpAnswer};

use crate::text::{Text, Word};

/// Longer announcements are taken for something else, such as the time for
/// which an entry is kept.
const LONGEST: Duration = Duration::from_secs(7 * 86_400);

/// Words before a number that make it a time to wait.
const WAITING: [&str; 9] = ["for", "in", "after", "wait", "within", "least", "another", "next", "retry"];

/// The delay that `answer` announces (`Greylisted for 300 seconds`, `come
/// back in 00:05:00`, `in 1 minutes`), and where it stands in the reply.
pub fn announced(answer: &SmtpAnswer) -> Option<(Duration, Span)> {
    let reply = answer.text();
    let words = Text::read(&reply).words;
    let all: Vec<(usize, Duration, Span)> =
        (0..words.len()).filter_map(|at| read(&words, at, &reply).map(|(span, place)| (at, span, place))).collect();
    let asked_for = |at: usize| at > 0 && WAITING.contains(&words[at - 1].text.as_str());
    // Without a word such as `in` before it, `10:05:00` is a time of day.
    let is_clock = |at: usize| colons(&words, at, &reply).is_some();
    let best = all.iter().find(|(at, ..)| asked_for(*at)).or(all.iter().find(|(at, ..)| !is_clock(*at)));
    best.map(|(_, span, place)| (*span, *place)).filter(|(span, _)| !span.is_zero() && *span <= LONGEST)
}

/// A span of time that begins with the word at `at`.
fn read(words: &[Word], at: usize, reply: &str) -> Option<(Duration, Span)> {
    if let Some((span, end)) = colons(words, at, reply) {
        return Some((span, Span::new(words[at].span.start, words[end].span.end)));
    }
    let (mut total, mut end, mut smallest) = (0_u64, None, u64::MAX);
    let mut next = at;
    while let Some((seconds, size, last)) = number_and_unit(words, next) {
        // `1 hour 30 minutes` is one span, `5 minutes (300 seconds)` is two.
        if size >= smallest || (end.is_some() && words[next].parted) {
            break;
        }
        total = total.checked_add(seconds)?;
        (smallest, end) = (size, Some(last));
        next = last + 1;
        if words.get(next).is_some_and(|word| word.text == "and") {
            next += 1;
        }
    }
    end.map(|end| (Duration::from_secs(total), Span::new(words[at].span.start, words[end].span.end)))
}

/// `300 seconds`, `300s`, `297 more seconds`: the seconds, the size of the
/// unit, and the last word.
fn number_and_unit(words: &[Word], at: usize) -> Option<(u64, u64, usize)> {
    let word = &words.get(at)?.text;
    let digits = word.bytes().take_while(u8::is_ascii_digit).count();
    let number: u64 = word[..digits].parse().ok()?;
    let (unit, last) = if digits < word.len() {
        (&word[digits..], at)
    } else {
        let more = usize::from(words.get(at + 1).is_some_and(|word| matches!(word.text.as_str(), "more" | "further")));
        (words.get(at + 1 + more)?.text.as_str(), at + 1 + more)
    };
    let size = unit_size(unit)?;
    Some((number.checked_mul(size)?, size, last))
}

fn unit_size(unit: &str) -> Option<u64> {
    match unit {
        "s" | "sec" | "secs" | "second" | "seconds" | "sekunden" | "segundos" | "secondes" | "secondi" => Some(1),
        "m" | "min" | "mins" | "minute" | "minutes" | "minuten" | "minutos" | "minuti" => Some(60),
        "h" | "hr" | "hrs" | "hour" | "hours" | "stunde" | "stunden" | "horas" | "heures" | "ore" => Some(3_600),
        "d" | "day" | "days" | "tage" | "tagen" => Some(86_400),
        _ => None,
    }
}

/// `00:05:00` or `05:00`, as milter-greylist writes it.
fn colons(words: &[Word], at: usize, reply: &str) -> Option<(Duration, usize)> {
    let two_digits = |word: &Word| (word.text.len() <= 2).then(|| word.text.parse::<u64>().ok()).flatten();
    let joined = |index: usize| {
        let (left, right) = (words.get(index)?, words.get(index + 1)?);
        (reply.get(left.span.end..right.span.start) == Some(":")).then_some(index + 1)
    };
    if at > 0 && joined(at - 1).is_some() {
        return None;
    }
    let first = two_digits(words.get(at)?)?;
    let second_at = joined(at)?;
    let second = two_digits(&words[second_at]).filter(|&part| part < 60)?;
    match joined(second_at) {
        Some(third_at) => {
            let third = two_digits(&words[third_at]).filter(|&part| part < 60)?;
            Some((Duration::from_secs(first * 3_600 + second * 60 + third), third_at))
        }
        None => Some((Duration::from_secs(first * 60 + second), second_at)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(text: &str) -> SmtpAnswer {
        SmtpAnswer { code: 451, enhanced: None, lines: vec![text.to_owned()], took_ms: 0, at_ms: 0 }
    }

    #[test]
    fn announced_delays_are_read() {
        for (text, seconds, part) in [
            ("4.2.0 <a@b.example>: Recipient address rejected: Greylisted for 300 seconds", Some(300), "300 seconds"),
            ("Greylisted for 1 minutes", Some(60), "1 minutes"),
            ("4.7.1 Greylisting in action, please come back in 00:05:00", Some(300), "00:05:00"),
            ("Greylisted, wait 05:30", Some(330), "05:30"),
            ("4.7.1 Greylisting in effect, please retry in 300s", Some(300), "300s"),
            ("You must wait 297 more seconds", Some(297), "297 more seconds"),
            ("Greylisted for 1 hour and 30 minutes.", Some(5_400), "1 hour and 30 minutes"),
            ("Greylisted for 5 minutes (300 seconds)", Some(300), "5 minutes"),
            ("record kept 36 days, please try again in 10 minutes", Some(600), "10 minutes"),
            ("Greylisted, 15 min", Some(900), "15 min"),
            ("Greylisted at 10:05:00, please come back later", None, ""),
            ("Greylisted for 400 days", None, ""),
            ("Greylisted for 99999999999999999999 seconds", None, ""),
            ("Greylisted for 0 seconds", None, ""),
            ("Greylisted, please try again in a few moments", None, ""),
            ("from 10.0.5.30 greylisted", None, ""),
            ("", None, ""),
        ] {
            let answer = answer(text);
            let found = announced(&answer);
            assert_eq!(found.map(|(span, _)| span.as_secs()), seconds, "{text}");
            if let Some((_, place)) = found {
                assert_eq!(&answer.text()[place.start..place.end], part, "{text}");
            }
        }
    }
}
