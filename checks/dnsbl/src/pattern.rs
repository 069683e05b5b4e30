//! Patterns over the addresses that a list answers with.

use std::net::Ipv4Addr;

use serde::{Deserialize, Deserializer, de::Error as _};

/// A pattern over return codes, for example `127.0.0.2`, `127.0.0.4-7`,
/// `127.0.*.1` or `127.0.0.&8`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    octets: [Octet; 4],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Octet {
    /// `a` or `a-b`: from the first to the last, both included.
    Range(u8, u8),
    /// `&n`: every bit of `n` is set.
    Bits(u8),
}

impl Pattern {
    /// Reads a pattern: four octets, each a number, `a-b`, `*` or `&n`.
    ///
    /// # Errors
    /// When the text has another form; the text says what was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let fail = || {
            format!(
                "`{text}` is no return code: expected four parts such as 127.0.0.2, 127.0.0.4-7, 127.0.0.* or 127.0.0.&8"
            )
        };
        let mut octets = [Octet::Range(0, 255); 4];
        let mut parts = text.split('.');
        for octet in &mut octets {
            *octet = parts.next().and_then(Octet::parse).ok_or_else(fail)?;
        }
        if parts.next().is_some() {
            return Err(fail());
        }
        Ok(Pattern { octets })
    }

    /// Whether `address` fits.
    pub fn matches(&self, address: Ipv4Addr) -> bool {
        self.octets.iter().zip(address.octets()).all(|(octet, value)| match *octet {
            Octet::Range(first, last) => (first..=last).contains(&value),
            Octet::Bits(bits) => value & bits == bits,
        })
    }

    /// Whether it tests bits, so that several patterns may hold of one address.
    pub fn tests_bits(&self) -> bool {
        self.octets.iter().any(|octet| matches!(octet, Octet::Bits(_)))
    }
}

impl Octet {
    fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Octet::Range(0, 255));
        }
        if let Some(bits) = text.strip_prefix('&') {
            return bits.parse().ok().filter(|bits| *bits != 0).map(Octet::Bits);
        }
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, last) = (first.parse().ok()?, last.parse().ok()?);
        (first <= last).then_some(Octet::Range(first, last))
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Pattern::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_pattern_fits_what_it_says() {
        for (pattern, fits, fits_not) in [
            ("127.0.0.2", "127.0.0.2", "127.0.0.3"),
            ("127.0.0.4-7", "127.0.0.7", "127.0.0.8"),
            ("127.0.*.1", "127.0.9.1", "127.0.9.2"),
            ("127.0.0.&8", "127.0.0.12", "127.0.0.7"),
            ("127.0.0.&12", "127.0.0.13", "127.0.0.8"),
        ] {
            let parsed = Pattern::parse(pattern).unwrap();
            assert!(parsed.matches(fits.parse().unwrap()), "{pattern} {fits}");
            assert!(!parsed.matches(fits_not.parse().unwrap()), "{pattern} {fits_not}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "127.0.0", "127.0.0.2.1", "127.0.0.256", "127.0.0.7-4", "127.0.0.&0", "127.0.0.x", "a.b.c.d"] {
            assert!(Pattern::parse(text).is_err(), "{text:?}");
        }
    }
}
