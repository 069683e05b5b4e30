//! Macro strings (RFC 7208 §7).

use std::{fmt, net::IpAddr};

use super::{MacroFault, names};
use crate::Span;

/// Where a macro string stands; explanations may use three letters more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MacroPlace {
    /// In a record.
    Record,
    /// In the text that `exp` points to (§6.2).
    Explanation,
}

/// Text with macros in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct MacroString {
    text: String,
    macros: Vec<(Span, Macro)>,
}

/// One macro of a string.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Macro {
    /// `%%`: a percent sign.
    Percent,
    /// `%_`: a space.
    Space,
    /// `%-`: a space, URL-encoded.
    UrlSpace,
    /// `%{…}`: a value, possibly cut into parts.
    Value {
        /// Which value.
        letter: MacroLetter,
        /// An upper-case letter: what is no unreserved URL character is escaped.
        url: bool,
        /// How many parts are kept, from the right, 1 to 128; all without it.
        keep: Option<u8>,
        /// Whether the parts are reversed before that.
        reverse: bool,
        /// What parts end at; `.` where nothing is written.
        delimiters: String,
    },
}

/// The values that a macro can stand for (§7.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MacroLetter {
    /// `s`: the sender.
    Sender,
    /// `l`: the local part of the sender.
    LocalPart,
    /// `o`: the domain of the sender.
    SenderDomain,
    /// `d`: the domain whose record this is.
    Domain,
    /// `i`: the client's address, dotted.
    Ip,
    /// `p`: the client's validated reverse name; not to be used.
    Validated,
    /// `v`: `in-addr` or `ip6`.
    Version,
    /// `h`: the HELO name.
    Helo,
    /// `c`: the client's address, readable; explanations only.
    ReadableIp,
    /// `r`: the receiving host; explanations only.
    Receiver,
    /// `t`: the time, seconds since 1970; explanations only.
    Time,
}

/// The values for an expansion.
#[derive(Clone, Copy, Debug)]
pub struct Expansion<'a> {
    /// The sender, `local@domain`; the local part is never empty (§4.3).
    pub sender: &'a str,
    /// The domain whose record is expanded.
    pub domain: &'a str,
    /// The client's address.
    pub ip: IpAddr,
    /// The HELO name.
    pub helo: &'a str,
    /// The receiving host; `unknown` without one.
    pub receiver: Option<&'a str>,
    /// The client's validated reverse name; `unknown` without one.
    pub validated: Option<&'a str>,
    /// Seconds since 1970; without one `%{t}` stands as it is, for whoever knows the time.
    pub time: Option<u64>,
}

impl MacroString {
    /// Reads `text`; faults come with their place in it. What cannot be read
    /// as a macro stands for itself.
    pub fn parse(text: &str, place: MacroPlace) -> (Self, Vec<(Span, MacroFault)>) {
        let mut macros = Vec::new();
        let mut faults = Vec::new();
        let mut at = 0;
        while let Some(found) = text[at..].find('%') {
            let start = at + found;
            let (length, read) = read_macro(&text[start..], place);
            let span = Span::new(start, start + length);
            match read {
                Ok(one) => macros.push((span, one)),
                Err(fault) => faults.push((span, fault)),
            }
            at = span.end;
        }
        (MacroString { text: text.to_owned(), macros }, faults)
    }

    /// The text as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is plain text.
    pub fn is_literal(&self) -> bool {
        self.macros.is_empty()
    }

    /// The values that it asks for.
    pub fn letters(&self) -> impl Iterator<Item = MacroLetter> {
        self.macros.iter().filter_map(|(_, one)| match one {
            Macro::Value { letter, .. } => Some(*letter),
            _ => None,
        })
    }

    /// Whether it asks for the validated reverse name, which costs DNS questions.
    pub fn needs_validated(&self) -> bool {
        self.letters().any(|letter| letter == MacroLetter::Validated)
    }

    /// Whether it asks for the HELO name.
    pub fn needs_helo(&self) -> bool {
        self.letters().any(|letter| letter == MacroLetter::Helo)
    }

    /// What follows the last macro.
    pub(super) fn literal_tail(&self) -> &str {
        &self.text[self.macros.last().map_or(0, |(span, _)| span.end)..]
    }

    /// The text with its macros replaced (§7.3).
    pub fn expand(&self, values: &Expansion<'_>) -> String {
        if self.is_literal() {
            return self.text.clone();
        }
        let mut out = String::with_capacity(self.text.len() + 32);
        let mut at = 0;
        for (span, one) in &self.macros {
            out.push_str(&self.text[at..span.start]);
            one.expand(values, &mut out);
            at = span.end;
        }
        out.push_str(&self.text[at..]);
        out
    }

    /// The name to ask DNS about: expanded, without a final dot, and without
    /// as many labels on the left as it takes to fit 253 bytes (§7.3).
    pub fn expand_name(&self, values: &Expansion<'_>) -> String {
        let mut name = self.expand(values);
        if name.ends_with('.') {
            name.pop();
        }
        while name.len() > 253 {
            match name.find('.') {
                Some(dot) => drop(name.drain(..=dot)),
                None => break,
            }
        }
        name
    }
}

/// The text as written.
impl fmt::Display for MacroString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl MacroLetter {
    fn from_char(letter: char, place: MacroPlace) -> Result<Self, MacroFault> {
        let lower = letter.to_ascii_lowercase();
        Ok(match lower {
            's' => MacroLetter::Sender,
            'l' => MacroLetter::LocalPart,
            'o' => MacroLetter::SenderDomain,
            'd' => MacroLetter::Domain,
            'i' => MacroLetter::Ip,
            'p' => MacroLetter::Validated,
            'v' => MacroLetter::Version,
            'h' => MacroLetter::Helo,
            'c' | 'r' | 't' if place == MacroPlace::Record => return Err(MacroFault::ExplanationOnly(lower)),
            'c' => MacroLetter::ReadableIp,
            'r' => MacroLetter::Receiver,
            't' => MacroLetter::Time,
            _ => return Err(MacroFault::Letter(letter)),
        })
    }

    fn value(self, values: &Expansion<'_>) -> String {
        let split = || values.sender.rsplit_once('@').unwrap_or(("postmaster", values.sender));
        match self {
            MacroLetter::Sender => values.sender.to_owned(),
            MacroLetter::LocalPart => split().0.to_owned(),
            MacroLetter::SenderDomain => split().1.to_owned(),
            MacroLetter::Domain => values.domain.to_owned(),
            MacroLetter::Ip => names::dotted(values.ip, false),
            MacroLetter::Validated => values.validated.unwrap_or("unknown").to_owned(),
            MacroLetter::Version => if values.ip.is_ipv4() { "in-addr" } else { "ip6" }.to_owned(),
            MacroLetter::Helo => values.helo.to_owned(),
            MacroLetter::ReadableIp => values.ip.to_string(),
            MacroLetter::Receiver => values.receiver.unwrap_or("unknown").to_owned(),
            MacroLetter::Time => values.time.map_or_else(|| "%{t}".to_owned(), |time| time.to_string()),
        }
    }
}

impl Macro {
    fn expand(&self, values: &Expansion<'_>, out: &mut String) {
        let Macro::Value { letter, url, keep, reverse, delimiters } = self else {
            out.push_str(match self {
                Macro::Percent => "%",
                Macro::Space => " ",
                _ => "%20",
            });
            return;
        };
        let value = letter.value(values);
        let value = if keep.is_none() && !reverse && delimiters.is_empty() {
            value
        } else {
            let delimiters = if delimiters.is_empty() { "." } else { delimiters.as_str() };
            let mut parts: Vec<&str> = value.split(|c| delimiters.contains(c)).collect();
            if *reverse {
                parts.reverse();
            }
            let from = keep.map_or(0, |keep| parts.len().saturating_sub(usize::from(keep)));
            parts[from..].join(".")
        };
        if *url { url_escape(&value, out) } else { out.push_str(&value) }
    }
}

/// Escapes all but the unreserved characters of RFC 3986 §2.3.
fn url_escape(value: &str, out: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.extend(['%', char::from(HEX[usize::from(byte >> 4)]), char::from(HEX[usize::from(byte & 15)])]);
        }
    }
}

/// Reads the macro at the beginning of `text`, which is a `%`: how many bytes
/// it takes, and what it is.
fn read_macro(text: &str, place: MacroPlace) -> (usize, Result<Macro, MacroFault>) {
    match text.as_bytes().get(1) {
        Some(b'%') => (2, Ok(Macro::Percent)),
        Some(b'_') => (2, Ok(Macro::Space)),
        Some(b'-') => (2, Ok(Macro::UrlSpace)),
        Some(b'{') => match text.find('}') {
            Some(end) => (end + 1, read_value(&text[2..end], place)),
            None => (text.len(), Err(MacroFault::Unclosed)),
        },
        _ => (1, Err(MacroFault::LonePercent)),
    }
}

fn read_value(inside: &str, place: MacroPlace) -> Result<Macro, MacroFault> {
    let mut chars = inside.chars();
    let Some(first) = chars.next() else { return Err(MacroFault::Letter('}')) };
    let letter = MacroLetter::from_char(first, place)?;
    let rest = chars.as_str();
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = rest.split_at(digits);
    let keep = match number {
        "" => None,
        number => Some(number.parse().ok().filter(|n| (1..=128).contains(n)).ok_or(MacroFault::Digits)?),
    };
    let unreversed = rest.strip_prefix(['r', 'R']);
    let delimiters = unreversed.unwrap_or(rest);
    match delimiters.chars().find(|c| !".-+,/_=".contains(*c)) {
        Some(stranger) => Err(MacroFault::Delimiter(stranger)),
        None => Ok(Macro::Value {
            letter,
            url: first.is_ascii_uppercase(),
            keep,
            reverse: unreversed.is_some(),
            delimiters: delimiters.to_owned(),
        }),
    }
}
