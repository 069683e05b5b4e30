//! MIME (RFC 2045, 2046), the only module that knows `mail-parser`.
//!
//! That crate reads what is hard to read right: parameters, encoded words,
//! transfer encodings, charsets. The parts are found here, because a bounce
//! holds a whole other message that need not be opened, and because a message
//! may be built to hurt: parts, depth and sizes are bounded.

use std::{borrow::Cow, sync::OnceLock};

use mail_parser::{
    HeaderName, MessageParser, MimeHeaders,
    decoders::{
        base64::base64_decode, charsets::map::charset_decoder, html::html_to_text,
        quoted_printable::quoted_printable_decode,
    },
};

use crate::fields::{Fields, split_header};

/// How deep parts may be nested.
const DEEPEST: usize = 12;
/// How many parts are looked at.
const MOST_PARTS: usize = 64;
/// The most bytes of one part's text that are read.
const LONGEST_TEXT: usize = 256 << 10;
/// The most bytes of a header that are read.
const LONGEST_HEADER: usize = 256 << 10;

/// One part that is not itself made of parts.
#[derive(Clone, Debug)]
pub(crate) struct Part<'a> {
    /// `text/plain`, `message/delivery-status`, lower-case.
    pub(crate) kind: String,
    charset: Option<String>,
    encoding: Transfer,
    /// The body as it stands in the message.
    pub(crate) raw: &'a [u8],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transfer {
    Identity,
    Base64,
    QuotedPrintable,
}

/// A message taken apart.
#[derive(Clone, Debug)]
pub(crate) struct Mail<'a> {
    /// Its header.
    pub(crate) head: Fields<'a>,
    /// The `report-type` of a multipart/report (RFC 6522), lower-case.
    pub(crate) report: Option<String>,
    /// Its parts, depth first.
    pub(crate) parts: Vec<Part<'a>>,
    /// Whether a boundary was missing or wrong, or the end of the message.
    pub(crate) damaged: bool,
    /// Whether it had more parts, or deeper ones, than are looked at.
    pub(crate) cut: bool,
}

/// What a header says of the body below it.
#[derive(Default)]
struct Type {
    kind: String,
    boundary: Option<String>,
    charset: Option<String>,
    report: Option<String>,
    encoding: Option<String>,
}

impl<'a> Mail<'a> {
    /// Takes `message` apart.
    pub(crate) fn read(message: &'a [u8]) -> Self {
        let (header, body) = split_header(message);
        let head = Fields::read(String::from_utf8_lossy(&header[..header.len().min(LONGEST_HEADER)]));
        let of = type_of(&head);
        let report = of.report.clone();
        let mut mail = Mail { head, report, parts: Vec::new(), damaged: false, cut: false };
        let mut waiting = vec![(of, body, 0)];
        // Depth first: what is found in a multipart is looked at before its successors.
        while let Some((of, body, depth)) = waiting.pop() {
            let multipart = of.kind.starts_with("multipart/");
            let boundary = of.boundary.as_deref().filter(|_| multipart && depth < DEEPEST);
            mail.cut |= multipart && depth >= DEEPEST;
            let pieces = boundary.map(|boundary| pieces(body, boundary.as_bytes()));
            let pieces = match pieces {
                Some(found) if !found.0.is_empty() => Some(found),
                // No such boundary, or none named where parts are to be seen: the one that is there counts.
                _ if depth < DEEPEST => inferred(body).map(|boundary| {
                    mail.damaged = true;
                    self::pieces(body, boundary)
                }),
                _ => None,
            };
            match pieces {
                Some((found, ended)) => {
                    mail.damaged |= !ended;
                    let room = MOST_PARTS.saturating_sub(mail.parts.len() + waiting.len());
                    mail.cut |= found.len() > room;
                    for piece in found.into_iter().take(room).rev() {
                        let (header, body) = if piece.starts_with(b"\n") || piece.starts_with(b"\r\n") {
                            (&[][..], piece)
                        } else {
                            split_header(piece)
                        };
                        let fields = Fields::read(String::from_utf8_lossy(&header[..header.len().min(LONGEST_HEADER)]));
                        waiting.push((type_of(&fields), body, depth + 1));
                    }
                }
                None => {
                    mail.damaged |= multipart;
                    mail.parts.push(part(of, body));
                }
            }
        }
        mail
    }

    /// A header field with its encoded words (RFC 2047) read.
    pub(crate) fn decoded(&self, name: &str) -> Option<String> {
        let raw = self.head.get(name)?;
        if !raw.contains("=?") {
            return Some(raw.into_owned());
        }
        static PARSER: OnceLock<MessageParser> = OnceLock::new();
        let parser = PARSER.get_or_init(|| MessageParser::new().default_header_raw().header_text(HeaderName::Subject));
        let source = format!("Subject: {raw}\n\n");
        Some(
            parser
                .parse_headers(&source)
                .and_then(|m| m.subject().map(str::to_owned))
                .unwrap_or_else(|| raw.into_owned()),
        )
    }
}

impl<'a> Part<'a> {
    /// Its bytes with the transfer encoding undone, for a message inside a message.
    pub(crate) fn bytes(&self) -> Cow<'a, [u8]> {
        let raw = self.raw;
        match self.encoding {
            Transfer::Identity => Cow::Borrowed(raw),
            Transfer::Base64 => base64_decode(raw).map_or(Cow::Borrowed(raw), Cow::Owned),
            Transfer::QuotedPrintable => Cow::Owned(lenient_quoted_printable(raw)),
        }
    }

    /// Its text: transfer encoding and charset undone, tags of HTML taken out.
    /// Bytes that are wrong in the charset become U+FFFD, or are read as Latin-1
    /// where no charset is named.
    pub(crate) fn text(&self) -> Cow<'a, str> {
        let raw = &self.raw[..self.raw.len().min(LONGEST_TEXT)];
        let bytes: Cow<'a, [u8]> = match self.encoding {
            Transfer::Identity => Cow::Borrowed(raw),
            Transfer::Base64 => base64_decode(raw).map_or(Cow::Borrowed(raw), Cow::Owned),
            Transfer::QuotedPrintable => {
                // A line that is cut off leaves half an escape.
                let whole = raw.iter().rposition(|b| *b == b'\n').map_or(raw, |end| &raw[..=end]);
                let read = quoted_printable_decode(raw).or_else(|| quoted_printable_decode(whole));
                read.map_or_else(|| Cow::Owned(lenient_quoted_printable(raw)), Cow::Owned)
            }
        };
        let text = in_charset(bytes, self.charset.as_deref());
        if self.kind == "text/html" { Cow::Owned(html_to_text(&text)) } else { text }
    }
}

fn part(of: Type, raw: &[u8]) -> Part<'_> {
    let encoding = match of.encoding.as_deref().map(str::trim) {
        Some(word) if word.eq_ignore_ascii_case("base64") => Transfer::Base64,
        Some(word) if word.eq_ignore_ascii_case("quoted-printable") => Transfer::QuotedPrintable,
        _ => Transfer::Identity,
    };
    let kind = if of.kind.is_empty() { "text/plain".to_owned() } else { of.kind };
    Part { kind, charset: of.charset, encoding, raw }
}

fn type_of(head: &Fields<'_>) -> Type {
    static PARSER: OnceLock<MessageParser> = OnceLock::new();
    let encoding = head.get("Content-Transfer-Encoding").map(Cow::into_owned);
    let Some(value) = head.get("Content-Type") else { return Type { encoding, ..Type::default() } };
    // The commonest is read without ado.
    if value.eq_ignore_ascii_case("text/plain")
        || value.eq_ignore_ascii_case("message/rfc822")
        || value.eq_ignore_ascii_case("message/delivery-status")
    {
        return Type { kind: value.to_ascii_lowercase(), encoding, ..Type::default() };
    }
    let parser =
        PARSER.get_or_init(|| MessageParser::new().default_header_raw().header_content_type(HeaderName::ContentType));
    let source = format!("Content-Type: {}\n\n", &value[..floor(&value, 4_096)]);
    let Some(message) = parser.parse_headers(&source) else { return Type { encoding, ..Type::default() } };
    let Some(found) = message.content_type() else { return Type { encoding, ..Type::default() } };
    let attribute = |name: &str| found.attribute(name).map(str::to_owned);
    Type {
        kind: format!("{}/{}", found.ctype(), found.subtype().unwrap_or_default()).to_ascii_lowercase(),
        boundary: attribute("boundary").filter(|b| !b.is_empty()),
        charset: attribute("charset"),
        report: attribute("report-type").map(|r| r.to_ascii_lowercase()),
        encoding,
    }
}

/// The last character boundary of `text` that is not past `at`.
pub(crate) fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The parts between lines `--boundary`, and whether the last one (`--boundary--`) was there.
fn pieces<'a>(body: &'a [u8], boundary: &[u8]) -> (Vec<&'a [u8]>, bool) {
    let mut found = Vec::new();
    let mut start = None;
    let mut at = 0;
    for line in body.split_inclusive(|b| *b == b'\n') {
        let rest = line.strip_prefix(b"--").and_then(|rest| rest.strip_prefix(boundary));
        if let Some(rest) = rest.map(<[u8]>::trim_ascii_end).filter(|rest| rest.is_empty() || rest.starts_with(b"--")) {
            if let Some(start) = start {
                found.push(before_line_end(&body[start..at]));
            }
            if rest == b"--" {
                return (found, true);
            }
            start = Some(at + line.len());
            // More than this is not looked at in any case.
            if found.len() > MOST_PARTS {
                return (found, true);
            }
        }
        at += line.len();
    }
    if let Some(start) = start {
        found.push(&body[start..]);
    }
    (found, false)
}

/// The line end before a boundary belongs to the boundary (RFC 2046 §5.1.1).
fn before_line_end(piece: &[u8]) -> &[u8] {
    let piece = piece.strip_suffix(b"\n").unwrap_or(piece);
    piece.strip_suffix(b"\r").unwrap_or(piece)
}

/// How many lines may stand before the first boundary.
const LONGEST_PREAMBLE: usize = 6;

/// The boundary that lines `--…` above a field `Content-…` show, where the
/// first of them is near the beginning: further down it is that of the
/// returned message.
fn inferred(body: &[u8]) -> Option<&[u8]> {
    let lines = || body[..body.len().min(LONGEST_TEXT)].split(|b| *b == b'\n').map(<[u8]>::trim_ascii_end);
    let boundary_of =
        |line: &'_ [u8]| line.len() > 2 && line.len() <= 202 && line.starts_with(b"--") && line[2] != b' ';
    let early: Vec<&[u8]> =
        lines().filter(|line| !line.is_empty()).take(LONGEST_PREAMBLE + 1).filter(|line| boundary_of(line)).collect();
    if early.is_empty() {
        return None;
    }
    let mut before: &[u8] = b"";
    for line in lines() {
        let begins = line.get(..8).is_some_and(|start| start.eq_ignore_ascii_case(b"Content-"));
        if begins && early.contains(&before) {
            return Some(&before[2..]);
        }
        before = line;
    }
    None
}

fn in_charset<'a>(bytes: Cow<'a, [u8]>, charset: Option<&str>) -> Cow<'a, str> {
    let named = charset.map(str::trim).filter(|name| !is_ascii_superset(name));
    // Many write ISO-2022-JP and name nothing, or something else.
    let escaped = bytes.windows(3).any(|w| matches!(w, [0x1b, b'$', b'B' | b'@']));
    let decoder = match (escaped, named) {
        (true, _) => charset_decoder(b"iso-2022-jp"),
        (false, Some(name)) => charset_decoder(name.as_bytes()),
        (false, None) => None,
    };
    if let Some(decoder) = decoder {
        return Cow::Owned(decoder(&bytes));
    }
    match bytes {
        Cow::Borrowed(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => Cow::Owned(latin_1(bytes)),
        },
        Cow::Owned(bytes) => Cow::Owned(String::from_utf8(bytes).unwrap_or_else(|error| latin_1(error.as_bytes()))),
    }
}

fn is_ascii_superset(name: &str) -> bool {
    ["us-ascii", "ascii", "utf-8", "utf8", "unicode-1-1-utf-7"].iter().any(|own| name.eq_ignore_ascii_case(own))
}

/// Text that is UTF-8 but for a few bytes keeps its letters; other text is Latin-1.
fn latin_1(bytes: &[u8]) -> String {
    let lossy = String::from_utf8_lossy(bytes);
    let (wrong, high) = lossy.chars().fold((0, 0), |(wrong, high), c| {
        (wrong + usize::from(c == char::REPLACEMENT_CHARACTER), high + usize::from(!c.is_ascii()))
    });
    if wrong * 2 < high { lossy.into_owned() } else { bytes.iter().map(|b| char::from(*b)).collect() }
}

/// Escapes that are right are read, others stay as they are.
fn lenient_quoted_printable(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((first, after)) = rest.split_first() {
        let hex = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
        rest = match (first, after) {
            (b'=', [b'\r', b'\n', rest @ ..] | [b'\n', rest @ ..]) => rest,
            (b'=', [a, b, rest @ ..]) if hex(*a).is_some() && hex(*b).is_some() => {
                out.push(hex(*a).unwrap_or(0) << 4 | hex(*b).unwrap_or(0));
                rest
            }
            _ => {
                out.push(*first);
                after
            }
        };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(message: &str) -> (Vec<String>, bool, bool) {
        let mail = Mail::read(message.as_bytes());
        (mail.parts.iter().map(|part| part.kind.clone()).collect(), mail.damaged, mail.cut)
    }

    const TWO: &str = "--x\nContent-Type: text/html\n\nA\n--x\nContent-Type: message/delivery-status\n\nB: 1\n";

    #[test]
    fn parts_are_found_with_a_right_a_wrong_and_no_boundary() {
        let both = vec!["text/html".to_owned(), "message/delivery-status".to_owned()];
        let head = "Content-Type: multipart/report; report-type=delivery-status;\n boundary=\"x\"\n\n";
        assert_eq!(kinds(&format!("{head}{TWO}--x--\n")), (both.clone(), false, false));
        assert_eq!(kinds(&format!("{head}{TWO}")), (both.clone(), true, false));
        assert_eq!(kinds(&format!("{}{TWO}--x--\n", head.replace("\"x\"", "\"y\""))), (both.clone(), true, false));
        assert_eq!(kinds(&format!("Subject: x\n\npreamble\n\n{TWO}--x--\n")), (both, true, false));
    }

    #[test]
    fn bombs_are_bounded() {
        let deep = |n: usize| format!("Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n");
        let nested: String = (0..50_000).map(deep).collect();
        assert!(kinds(&nested).2);
        let many = format!("Content-Type: multipart/mixed; boundary=b\n\n{}", "--b\n\nx\n".repeat(100_000));
        let (found, _, cut) = kinds(&many);
        assert!(cut && found.len() <= MOST_PARTS);
        let headers = "X: y\n".repeat(200_000);
        assert_eq!(kinds(&headers).0, ["text/plain"]);
    }

    #[test]
    fn text_is_read_whatever_it_is_encoded_in() {
        let text = |head: &str, body: &[u8]| {
            let message = [head.as_bytes(), b"\n\n", body].concat();
            Mail::read(&message).parts[0].text().into_owned()
        };
        assert_eq!(
            text(
                "Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable",
                b"Gr=FC=\n=DFe"
            ),
            "Grüße"
        );
        assert_eq!(text("Content-Transfer-Encoding: base64", b"R3LDvMOfZQ==\n"), "Grüße");
        assert_eq!(text("Content-Type: text/plain", b"Gr\xfc\xdfe"), "Grüße");
        assert_eq!(text("Content-Type: text/plain; charset=us-ascii", b"\x1b$B$3\x1b(B"), "こ");
        assert_eq!(text("Content-Type: text/plain; charset=nonsense", b"a"), "a");
        assert_eq!(text("Content-Transfer-Encoding: quoted-printable", b"a=ZZ=41=4"), "a=ZZA=4");
        assert_eq!(text("Content-Type: text/html", b"<p>a<br>b</p>").trim(), "a\nb");
    }
}
