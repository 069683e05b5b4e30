//! Reply codes and enhanced status codes as values.

use std::{fmt, ops::RangeInclusive, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// What the first digit of a reply or status code says (RFC 5321 §4.2.1, RFC 3463 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// 2: done.
    Success,
    /// 3: go on (reply codes only).
    Proceed,
    /// 4: not now; the same mail may be sent again later.
    Temporary,
    /// 5: no; the same mail is not to be sent again unchanged.
    Permanent,
}

impl Class {
    /// The class that a first digit names; `None` for 0, 1 and 6 to 9.
    pub fn of_digit(digit: u16) -> Option<Self> {
        match digit {
            2 => Some(Class::Success),
            3 => Some(Class::Proceed),
            4 => Some(Class::Temporary),
            5 => Some(Class::Permanent),
            _ => None,
        }
    }

    /// Whether the server said no, now or for good.
    pub fn is_refusal(self) -> bool {
        matches!(self, Class::Temporary | Class::Permanent)
    }
}

/// An enhanced status code, for example `5.7.23` (RFC 3463 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StatusCode {
    /// 2, 4 or 5.
    pub class: u16,
    /// The subject, 0 to 999; IANA registers 0 to 7.
    pub subject: u16,
    /// The detail, 0 to 999.
    pub detail: u16,
}

impl StatusCode {
    /// The code without its class, as IANA registers it: `X.7.23`.
    pub fn registry_name(self) -> String {
        format!("X.{}.{}", self.subject, self.detail)
    }
}

impl fmt::Display for StatusCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

impl FromStr for StatusCode {
    type Err = NotACode;

    fn from_str(text: &str) -> Result<Self, NotACode> {
        let mut parts = text.split('.');
        let mut next = |longest: usize| {
            parts
                .next()
                .filter(|part| (1..=longest).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit()))
                .and_then(|part| part.parse().ok())
                .ok_or(NotACode)
        };
        let code = StatusCode { class: next(1)?, subject: next(3)?, detail: next(3)? };
        match (code.class, parts.next()) {
            (2 | 4 | 5, None) => Ok(code),
            _ => Err(NotACode),
        }
    }
}

impl Serialize for StatusCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The text is no code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotACode;

impl fmt::Display for NotACode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a status code: `5.7.23`, `X.7.23` or `5.7.606-649` is expected")
    }
}

impl std::error::Error for NotACode {}

/// Which status codes a rule speaks of: `5.7.23`, `X.7.23` (any class) or a
/// range of details, `5.7.606-649`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodePattern {
    class: Option<u16>,
    subject: u16,
    details: RangeInclusive<u16>,
}

impl CodePattern {
    /// Whether `code` is meant.
    pub fn matches(&self, code: StatusCode) -> bool {
        self.class.is_none_or(|class| class == code.class)
            && self.subject == code.subject
            && self.details.contains(&code.detail)
    }

    /// Whether it names one code and not a range.
    pub fn is_exact(&self) -> bool {
        self.details.start() == self.details.end()
    }

    /// The subject, and the details of it that are meant.
    pub(crate) fn details(&self) -> (u16, RangeInclusive<u16>) {
        (self.subject, self.details.clone())
    }

    /// Subject and first detail, the key under which IANA registers it.
    pub fn key(&self) -> (u16, u16) {
        (self.subject, *self.details.start())
    }
}

impl FromStr for CodePattern {
    type Err = NotACode;

    fn from_str(text: &str) -> Result<Self, NotACode> {
        let (class, rest) = text.split_once('.').ok_or(NotACode)?;
        let (head, last) = match rest.split_once('-') {
            Some((head, last)) => (head, Some(last.parse::<u16>().map_err(|_| NotACode)?)),
            None => (rest, None),
        };
        // The class of the text that is parsed does not matter here.
        let code = StatusCode::from_str(&format!("5.{head}"))?;
        let class = match class {
            "X" => None,
            "2" | "4" | "5" => class.parse().ok(),
            _ => return Err(NotACode),
        };
        let last = last.unwrap_or(code.detail);
        if last < code.detail || last > 999 {
            return Err(NotACode);
        }
        Ok(CodePattern { class, subject: code.subject, details: code.detail..=last })
    }
}

impl fmt::Display for CodePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.class {
            Some(class) => write!(f, "{class}.{}.{}", self.subject, self.details.start())?,
            None => write!(f, "X.{}.{}", self.subject, self.details.start())?,
        }
        if self.is_exact() { Ok(()) } else { write!(f, "-{}", self.details.end()) }
    }
}

impl<'de> Deserialize<'de> for CodePattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|error| de::Error::custom(format!("`{text}` is {error}")))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn status_codes_are_read_and_written() {
        for good in ["5.7.23", "4.2.0", "2.1.5", "5.7.606", "5.999.999"] {
            assert_eq!(good.parse::<StatusCode>().unwrap().to_string(), good);
        }
        for bad in ["", "5", "5.7", "3.7.1", "5.7.1.2", "5.7.1234", "5..1", "5.7.x", "550", "5.7.1 ", "+5.7.1"] {
            assert!(bad.parse::<StatusCode>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn patterns_name_one_code_or_a_range() {
        let matches =
            |pattern: &str, code: &str| pattern.parse::<CodePattern>().unwrap().matches(code.parse().unwrap());
        assert!(matches("X.7.23", "4.7.23") && matches("X.7.23", "5.7.23") && !matches("4.7.23", "5.7.23"));
        assert!(matches("5.7.606-649", "5.7.649") && !matches("5.7.606-649", "5.7.650"));
        for bad in ["7.23", "X.7", "5.7.9-3", "3.1.1", "X.7.1-2000", "x.7.1"] {
            assert!(bad.parse::<CodePattern>().is_err(), "{bad:?}");
        }
    }
}
