//! What a term that cannot be read was probably meant to be.

use std::net::IpAddr;

use crate::misspelt::distance;

/// The names of all mechanisms.
pub(super) const MECHANISMS: [&str; 8] = ["all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists"];

/// The word in plain ASCII, where only typography stands in the way: dashes,
/// quotes, no-break and zero-width spaces, tabs.
pub(super) fn plain(word: &str) -> Option<String> {
    let mut text = String::with_capacity(word.len());
    for c in word.chars() {
        match c {
            '\u{2010}'..='\u{2015}' | '\u{2212}' => text.push('-'),
            '\t' | '\r' | '\n' | '\u{a0}' => text.push(' '),
            '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{2018}'..='\u{201f}' => {}
            '\x20'..='\x7e' => text.push(c),
            _ => return None,
        }
    }
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// `all` without the value that it cannot have. Without a sign that says so,
/// nobody is taken to mean that everyone may send.
pub(super) fn all(sign: &str) -> Option<String> {
    matches!(sign, "-" | "~" | "?").then(|| format!("{sign}all"))
}

/// A mechanism for a name that is none; `value` is empty or begins with `:` or `/`.
pub(super) fn mechanism(sign: &str, name: &str, value: &str) -> Option<String> {
    let whole = format!("{name}{value}");
    let trimmed = whole.trim_matches(|c| matches!(c, ';' | ',' | '.' | '"' | '\'' | '<' | '>' | '\\'));
    if trimmed != whole {
        let known = trimmed.split([':', '/']).next().unwrap_or("");
        return is_known(known).then(|| format!("{sign}{trimmed}"));
    }
    let address = |text: &str| text.split('/').next().and_then(|text| text.parse::<IpAddr>().ok());
    let family = |address: IpAddr| if address.is_ipv4() { "ip4" } else { "ip6" };
    if let Some(bare) = address(&whole) {
        return Some(format!("{sign}{}:{whole}", family(bare)));
    }
    let lower = name.to_ascii_lowercase();
    if let Some(bare) = value.strip_prefix(':').and_then(address).filter(|_| lower.contains("ip")) {
        return Some(format!("{sign}{}{value}", family(bare)));
    }
    let meant = MECHANISMS.into_iter().filter(|known| known.len() > 2).find(|known| {
        let distance = distance(&lower, known);
        distance == 1 || distance == 2 && known.len() > 5
    })?;
    // A name that differs by one letter is no proof where the value does not fit.
    (value.starts_with(':') != (meant == "all")).then(|| format!("{sign}{meant}{value}"))
}

fn is_known(name: &str) -> bool {
    MECHANISMS.iter().any(|known| known.eq_ignore_ascii_case(name))
}
