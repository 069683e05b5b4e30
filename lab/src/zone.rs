//! Zone text: one record a line, with absolute names (RFC 1035 §5, without
//! directives, parentheses and relative names).

use std::str::FromStr;

use hickory_proto::rr::{
    Name, RData, Record, RecordType,
    rdata::{A, AAAA, CNAME, MX, NS, NULL, PTR, SOA, SRV, TXT},
};

/// The TTL of a record that gives none, in seconds.
pub(crate) const DEFAULT_TTL: u32 = 3600;

/// What is wrong in a zone text, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ZoneError {
    /// Line in the zone text, from 1.
    pub(crate) line: usize,
    /// Column in characters, from 1.
    pub(crate) column: usize,
    /// What is wrong and what was expected.
    pub(crate) message: String,
}

/// Reads zone text into records, in the order written.
pub(crate) fn parse(text: &str) -> Result<Vec<Record>, ZoneError> {
    let mut records = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let at = |(column, message): (usize, String)| ZoneError { line: index + 1, column, message };
        let words = words(line).map_err(at)?;
        if !words.is_empty() {
            records.push(record(Words { words: &words, end: line.chars().count() + 1 }).map_err(at)?);
        }
    }
    Ok(records)
}

/// Reads an absolute name, with or without its final dot.
///
/// Labels may hold any byte (RFC 2181 §11); `\.` and `\DDD` are escapes.
pub(crate) fn name(text: &str) -> Result<Name, String> {
    if text == "." {
        return Ok(Name::root());
    }
    let mut labels: Vec<Vec<u8>> = vec![Vec::new()];
    for (byte, escaped) in unescape(text)? {
        match (labels.last_mut(), byte, escaped) {
            (_, b'.', false) => labels.push(Vec::new()),
            (Some(label), byte, _) => label.push(byte),
            (None, ..) => {}
        }
    }
    if labels.len() > 1 && labels.last().is_some_and(Vec::is_empty) {
        labels.pop();
    }
    if let Some(label) = labels.iter().find(|l| l.is_empty() || l.len() > 63) {
        return Err(format!("`{text}` has a label of {} bytes: expected 1 to 63 (RFC 1035 §2.3.4)", label.len()));
    }
    let mut name = Name::from_labels(labels.iter().map(Vec::as_slice))
        .map_err(|e| format!("`{text}` is not a name of at most 255 bytes: {e}"))?;
    name.set_fqdn(true);
    Ok(name)
}

/// Reads a record type: its mnemonic, or `TYPE` and a number (RFC 3597 §5).
pub(crate) fn record_type(text: &str) -> Option<RecordType> {
    let upper = text.to_ascii_uppercase();
    match upper.strip_prefix("TYPE").map(u16::from_str) {
        Some(Ok(number)) => Some(RecordType::from(number)),
        Some(Err(_)) => None,
        None if upper == "SPF" => Some(RecordType::from(99)),
        None => RecordType::from_str(&upper).ok().filter(|t| !matches!(t, RecordType::ZERO | RecordType::OPT)),
    }
}

/// A problem at a column of the line.
type Problem = (usize, String);

/// A word of a line: its text without quotation marks, escapes kept.
struct Word<'a> {
    text: &'a str,
    quoted: bool,
    column: usize,
}

/// The words of a line that are still to be read.
#[derive(Clone, Copy)]
struct Words<'a> {
    words: &'a [Word<'a>],
    end: usize,
}

impl<'a> Words<'a> {
    fn next(&mut self, what: &str) -> Result<&'a Word<'a>, Problem> {
        let (first, rest) = self.words.split_first().ok_or((self.end, format!("the line ends: expected {what}")))?;
        self.words = rest;
        Ok(first)
    }

    fn read<T>(&mut self, what: &str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, Problem> {
        let word = self.next(what)?;
        parse(word.text).ok_or((word.column, format!("`{}` is not {what}", word.text)))
    }

    fn number<T: FromStr>(&mut self, what: &str) -> Result<T, Problem> {
        self.read(what, |text| text.parse().ok())
    }

    fn name(&mut self, what: &str) -> Result<Name, Problem> {
        let word = self.next(what)?;
        name(word.text).map_err(|problem| (word.column, problem))
    }
}

/// Splits a line into words; `;` begins a comment.
fn words(line: &str) -> Result<Vec<Word<'_>>, Problem> {
    let mut words = Vec::new();
    let mut chars = line.char_indices().enumerate().peekable();
    while let Some((column, (start, c))) = chars.next() {
        let column = column + 1;
        match c {
            ';' => break,
            c if c.is_whitespace() => {}
            '(' | ')' => return Err((column, "a record stays on one line: expected no parentheses".into())),
            '"' => {
                let mut end = None;
                while let Some((_, (at, c))) = chars.next() {
                    match c {
                        '\\' => drop(chars.next()),
                        '"' => {
                            end = Some(at);
                            break;
                        }
                        _ => {}
                    }
                }
                let end = end.ok_or((column, "the string does not end: expected `\"`".to_owned()))?;
                words.push(Word { text: &line[start + 1..end], quoted: true, column });
            }
            _ => {
                let mut end = start + c.len_utf8();
                if c == '\\' {
                    end += chars.next().map_or(0, |(_, (_, c))| c.len_utf8());
                }
                while let Some((_, (at, c))) = chars.next_if(|(_, (_, c))| !c.is_whitespace() && *c != ';' && *c != '"')
                {
                    end = at + c.len_utf8();
                    if c == '\\' {
                        end += chars.next().map_or(0, |(_, (_, c))| c.len_utf8());
                    }
                }
                words.push(Word { text: &line[start..end], quoted: false, column });
            }
        }
    }
    Ok(words)
}

fn record(mut words: Words<'_>) -> Result<Record, Problem> {
    let owner = words.next("a name")?;
    if owner.text == "@" || owner.text.starts_with('$') {
        return Err((
            owner.column,
            format!("`{}` is not supported: expected an absolute name, such as `mail.broken.example.`", owner.text),
        ));
    }
    let owner = name(owner.text).map_err(|problem| (owner.column, problem))?;
    let mut ttl = DEFAULT_TTL;
    // TTL and class may stand in either order (RFC 1035 §5.1).
    for _ in 0..2 {
        match words.words.first() {
            Some(word) if word.text.eq_ignore_ascii_case("IN") => words.words = &words.words[1..],
            Some(word) if word.text.starts_with(|c: char| c.is_ascii_digit()) => {
                ttl = words.read("a TTL in seconds, at most 2147483647", |text| {
                    text.parse().ok().filter(|ttl| *ttl <= i32::MAX as u32)
                })?;
            }
            _ => break,
        }
    }
    let rtype = words.read("a record type, such as `MX`, `TXT` or `TYPE99`", record_type)?;
    let data = data(rtype, &mut words)?;
    match words.words.first() {
        Some(word) => {
            Err((word.column, format!("`{}` is too much: the {rtype} record is complete before it", word.text)))
        }
        None => Ok(Record::from_rdata(owner, ttl, data)),
    }
}

fn data(rtype: RecordType, words: &mut Words<'_>) -> Result<RData, Problem> {
    if words.words.first().is_some_and(|word| word.text == "\\#" && !word.quoted) {
        return Ok(raw(rtype, generic(words)?));
    }
    Ok(match rtype {
        RecordType::A => RData::A(A(words.read("an IPv4 address", |text| text.parse().ok())?)),
        RecordType::AAAA => RData::AAAA(AAAA(words.read("an IPv6 address", |text| text.parse().ok())?)),
        RecordType::MX => RData::MX(MX::new(words.number("a preference, 0 to 65535")?, words.name("an exchange")?)),
        RecordType::CNAME => RData::CNAME(CNAME(words.name("the canonical name")?)),
        RecordType::NS => RData::NS(NS(words.name("a name server")?)),
        RecordType::PTR => RData::PTR(PTR(words.name("a host name")?)),
        RecordType::TXT => {
            let strings = strings(words)?;
            RData::TXT(TXT::from_bytes(strings.iter().map(Vec::as_slice).collect()))
        }
        RecordType::SOA => RData::SOA(SOA::new(
            words.name("the primary name server")?,
            words.name("the mailbox of the administrator")?,
            words.number("a serial")?,
            words.number("a refresh time in seconds")?,
            words.number("a retry time in seconds")?,
            words.number("an expiry time in seconds")?,
            words.number("a negative TTL in seconds")?,
        )),
        RecordType::SRV => RData::SRV(SRV::new(
            words.number("a priority, 0 to 65535")?,
            words.number("a weight, 0 to 65535")?,
            words.number("a port, 0 to 65535")?,
            words.name("a target")?,
        )),
        RecordType::CAA => {
            let mut bytes = vec![words.number("flags, 0 to 255")?];
            let tag = words.read("a tag", |text| Some(text.as_bytes().to_vec()).filter(|t| t.len() < 256))?;
            bytes.push(tag.len() as u8);
            bytes.extend(tag);
            let value = words.next("a value")?;
            bytes.extend(plain(value)?);
            raw(rtype, bytes)
        }
        RecordType::TLSA => {
            let mut bytes = Vec::new();
            for what in ["a usage, 0 to 255", "a selector, 0 to 255", "a matching type, 0 to 255"] {
                bytes.push(words.number(what)?);
            }
            bytes.extend(hexadecimal(words)?);
            raw(rtype, bytes)
        }
        RecordType::Unknown(99) => {
            let strings = strings(words)?;
            let bytes = strings.iter().flat_map(|s| std::iter::once(s.len() as u8).chain(s.iter().copied())).collect();
            raw(rtype, bytes)
        }
        other => {
            let at = words.words.first().map_or(words.end, |word| word.column);
            return Err((at, format!("{other} data is written `\\# <length> <hexadecimal>` (RFC 3597 §5)")));
        }
    })
}

fn raw(code: RecordType, bytes: Vec<u8>) -> RData {
    RData::Unknown { code, rdata: NULL::with(bytes) }
}

/// One or more character strings, each of at most 255 bytes.
fn strings(words: &mut Words<'_>) -> Result<Vec<Vec<u8>>, Problem> {
    let mut strings = Vec::new();
    let mut total = 0;
    while strings.is_empty() || !words.words.is_empty() {
        let word = words.next("a string in quotation marks")?;
        let string = plain(word)?;
        if string.len() > 255 {
            let problem = format!("the string has {} bytes: expected several strings of at most 255", string.len());
            return Err((word.column, problem));
        }
        total += string.len() + 1;
        if total > usize::from(u16::MAX) {
            return Err((word.column, "the record is longer than 65535 bytes".into()));
        }
        strings.push(string);
    }
    Ok(strings)
}

fn plain(word: &Word<'_>) -> Result<Vec<u8>, Problem> {
    bytes(word.text).map_err(|problem| (word.column, problem))
}

/// The generic form `\# length hexadecimal` (RFC 3597 §5).
fn generic(words: &mut Words<'_>) -> Result<Vec<u8>, Problem> {
    words.next("`\\#`")?;
    let (column, length) = (words.words.first().map_or(words.end, |w| w.column), words.number::<u16>("a length")?);
    let bytes = hexadecimal(words)?;
    // The message library has no records without data.
    if length == 0 {
        return Err((column, "the length is 0: expected a byte at least".to_owned()));
    }
    if bytes.len() != usize::from(length) {
        return Err((column, format!("the length is {length}, but {} bytes follow", bytes.len())));
    }
    Ok(bytes)
}

fn hexadecimal(words: &mut Words<'_>) -> Result<Vec<u8>, Problem> {
    let column = words.words.first().map_or(words.end, |word| word.column);
    let digits: String = words.words.iter().map(|word| word.text).collect();
    words.words = &[];
    let pairs = digits.as_bytes().chunks(2).map(|pair| match pair {
        [_, _] => std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()),
        _ => None,
    });
    pairs.collect::<Option<_>>().ok_or((column, "expected hexadecimal bytes".into()))
}

/// The bytes of a text with `\X` and `\DDD`.
pub(crate) fn bytes(text: &str) -> Result<Vec<u8>, String> {
    Ok(unescape(text)?.into_iter().map(|(byte, _)| byte).collect())
}

/// Resolves `\X` and `\DDD`; says of each byte whether it was escaped.
fn unescape(text: &str) -> Result<Vec<(u8, bool)>, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        if first != b'\\' {
            bytes.push((first, false));
            continue;
        }
        match *tail {
            [a @ b'0'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', ..] => {
                let value = u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0');
                let byte =
                    u8::try_from(value).map_err(|_| format!("`\\{value}` is not a byte: expected \\000 to \\255"))?;
                bytes.push((byte, true));
                rest = &tail[3..];
            }
            [next, ..] => {
                bytes.push((next, true));
                rest = &tail[1..];
            }
            [] => return Err("the text ends with `\\`: expected a character or three digits after it".into()),
        }
    }
    Ok(bytes)
}

#[cfg(test)]
#[path = "zone_tests.rs"]
mod tests;
