//! TLS-RPT (RFC 8460): the record at `_smtp._tls` that says where senders report
//! failures of TLS.
//!
//! ```
//! use mail_syntax::tls_rpt;
//!
//! let record = tls_rpt::parse("v=TLSRPTv1; rua=mailto:tls@example.org,https://example.net/report");
//! assert!(record.is_valid());
//! assert_eq!(record.destinations[0].mailbox.as_deref(), Some("tls@example.org"));
//! ```

use std::fmt;

use crate::{
    Span,
    fields::{self, FieldFault},
    txt::{bare, is_quote},
};

/// What a record begins with; the case counts.
const VERSION: &str = "v=TLSRPTv1";
/// The most destinations that are read.
const MOST_DESTINATIONS: usize = 100;

/// A record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Where reports go, those that senders can use, in order.
    pub destinations: Vec<Destination>,
    /// What is wrong, in order of place.
    pub issues: Vec<Issue>,
}

/// Where reports go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// The URI as written.
    pub uri: String,
    /// Where it stands.
    pub span: Span,
    /// The mailbox, where it is a `mailto`.
    pub mailbox: Option<String>,
    /// The domain or host that reports go to, lower-case.
    pub host: String,
}

/// Something wrong in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Issue {
    /// The bytes at fault.
    pub span: Span,
    /// What is wrong.
    pub kind: Fault,
}

/// What is wrong in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It does not begin with `v=TLSRPTv1` followed by `;`.
    Version,
    /// A field that the grammar does not allow.
    Field(FieldFault),
    /// There is no `rua`.
    NoRua,
    /// Nothing stands between two commas.
    EmptyUri,
    /// No URI.
    Uri,
    /// A mailbox without `mailto:`.
    NoScheme,
    /// A URI with another scheme than `mailto` and `https`, which no sender uses.
    Scheme,
    /// `mailto:` with something that is no mailbox.
    Mailbox,
    /// A `!`, `,` or `;` in a URI, which has to be percent-encoded.
    Reserved,
    /// More than a hundred destinations; the rest is not read.
    TooMany,
}

impl Fault {
    /// Whether the record is read all the same.
    pub fn is_harmless(self) -> bool {
        matches!(self, Fault::Scheme | Fault::TooMany)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Version => f.write_str("does not begin with `v=TLSRPTv1;`"),
            Fault::Field(fault) => fault.fmt(f),
            Fault::NoRua => f.write_str("there is no `rua`"),
            Fault::EmptyUri => f.write_str("nothing stands between the commas"),
            Fault::Uri => f.write_str("no URI"),
            Fault::NoScheme => f.write_str("a mailbox without `mailto:`"),
            Fault::Scheme => f.write_str("senders report by mailto and https only"),
            Fault::Mailbox => f.write_str("no mailbox"),
            Fault::Reserved => f.write_str("has to be percent-encoded in a URI here"),
            Fault::TooMany => f.write_str("more than a hundred destinations"),
        }
    }
}

impl Record {
    /// Whether nothing is wrong that keeps senders from reading it.
    pub fn is_valid(&self) -> bool {
        self.issues.iter().all(|issue| issue.kind.is_harmless())
    }
}

/// Whether a sender takes `text` for a TLS-RPT record at all.
pub fn is_record(text: &str) -> bool {
    fields::begins_with_version(text, VERSION)
}

/// Whether `text` was meant as one, with a version that no sender takes for
/// `v=TLSRPTv1`, or with a destination and no version at all. Other text is none of
/// TLS-RPT, whatever words stand in it.
pub fn resembles_record(text: &str) -> bool {
    !is_record(text)
        && (fields::resembles_version(text, "tlsrptv1", &["tlsrpt", "tls-rpt", "tls_rpt"])
            || bare(text).bare.split_once('=').is_some_and(|(name, value)| {
                name.trim().eq_ignore_ascii_case("rua") && !readable(value).uris.is_empty()
            }))
}

/// Reads a record. Every `rua` counts.
pub fn parse(text: &str) -> Record {
    let mut record = Record::default();
    if !is_record(text) {
        record.issue(Span::new(0, text.find(';').unwrap_or(text.len())), Fault::Version);
    }
    let (found, faults) = fields::split(text, |name, c| name == "rua" || fields::in_extension(c));
    faults.into_iter().for_each(|(span, fault)| record.issue(span, Fault::Field(fault)));
    let mut any = false;
    for field in found.iter().filter(|field| field.name == "rua") {
        any = true;
        if !field.value.is_empty() {
            record.list(field.value, field.value_span);
        }
    }
    if !any {
        record.issue(Span::new(0, text.len()), Fault::NoRua);
    }
    record.issues.sort_by_key(|issue| issue.span);
    record
}

impl Record {
    fn issue(&mut self, span: Span, kind: Fault) {
        self.issues.push(Issue { span, kind });
    }

    fn list(&mut self, list: &str, at: Span) {
        let mut start = at.start;
        for item in list.split(',') {
            let uri = item.trim_matches([' ', '\t']);
            let from = start + item.len() - item.trim_start_matches([' ', '\t']).len();
            let span = Span::new(from, from + uri.len());
            if self.destinations.len() + self.issues.len() >= MOST_DESTINATIONS {
                return self.issue(Span::new(start, at.end), Fault::TooMany);
            }
            if uri.is_empty() {
                // The commas on both sides, since nothing else is there to point at.
                let end = (start + item.len() + 1).min(at.end);
                self.issue(Span::new(start.saturating_sub(1).max(at.start), end), Fault::EmptyUri);
            } else {
                self.uri(uri, span);
            }
            start += item.len() + 1;
        }
    }

    fn uri(&mut self, uri: &str, span: Span) {
        if let Some(at) = uri.find('!') {
            return self.issue(Span::new(span.start + at, span.start + at + 1), Fault::Reserved);
        }
        let Some((scheme, rest)) = uri.split_once(':').filter(|_| is_uri(uri)) else {
            let mailbox = uri.contains('@') && !uri.contains([' ', ':']);
            return self.issue(span, if mailbox { Fault::NoScheme } else { Fault::Uri });
        };
        let mut destination = Destination { uri: uri.to_owned(), span, mailbox: None, host: String::new() };
        if scheme.eq_ignore_ascii_case("mailto") {
            let mailbox = rest.split('?').next().unwrap_or_default();
            match mailbox.rsplit_once('@') {
                Some((local, domain)) if !local.is_empty() && is_host(domain) => {
                    destination.mailbox = Some(mailbox.to_owned());
                    destination.host = domain.to_ascii_lowercase();
                }
                _ => return self.issue(span, Fault::Mailbox),
            }
        } else if scheme.eq_ignore_ascii_case("https") {
            let authority =
                rest.strip_prefix("//").unwrap_or_default().split(['/', '?', '#']).next().unwrap_or_default();
            let host = authority.rsplit('@').next().unwrap_or_default();
            let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
            if !is_host(host) {
                return self.issue(span, Fault::Uri);
            }
            destination.host = host.to_ascii_lowercase();
        } else {
            return self.issue(span, Fault::Scheme);
        }
        self.destinations.push(destination);
    }
}

/// What a faulty record says of where reports are to go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readable {
    /// The destinations, as a record has to write them, each once.
    pub uris: Vec<String>,
    /// What was meant as one, and cannot be written so that senders use it.
    pub left_out: Vec<String>,
}

/// Reads every destination that stands in a text, however the text departs from
/// the grammar: none that its author wrote is to be lost when it is replaced.
pub fn readable(text: &str) -> Readable {
    let mut found = Readable::default();
    for word in text.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '<' | '>' | '"')) {
        let word = word.trim_matches(is_quote);
        // `rua=` before it; a `=` of the URI itself stands behind a `:` or `@`.
        let end = word.find([':', '@']).unwrap_or(0);
        let value = word[..end].rfind('=').map_or(word, |at| word[at + 1..].trim_start_matches(is_quote));
        if value.is_empty() || found.uris.len() + found.left_out.len() >= MOST_DESTINATIONS {
            continue;
        }
        match written(value) {
            Some(uri) if found.uris.contains(&uri) => {}
            Some(uri) => found.uris.push(uri),
            None if end > 0 => found.left_out.push(value.to_owned()),
            None => {}
        }
    }
    found
}

/// The destination in the form that a record has to have; `None` where senders
/// could not use it.
fn written(value: &str) -> Option<String> {
    // A size (RFC 7489 §6.2) has no place in this record.
    let size = |text: &str| {
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        !digits.is_empty() && text.len() <= digits.len() + 1 && digits.bytes().all(|b| b.is_ascii_digit())
    };
    let value = value.rsplit_once('!').filter(|(_, end)| size(end)).map_or(value, |(uri, _)| uri).replace('!', "%21");
    let after = |scheme: &str| {
        let head = value.get(..scheme.len()).filter(|head| head.eq_ignore_ascii_case(scheme))?;
        Some(&value[head.len()..])
    };
    let uri = match (after("mailto:"), after("https:"), after("http:")) {
        (Some(rest), ..) => format!("mailto:{}", rest.trim_start_matches('/')),
        (_, Some(rest), _) | (.., Some(rest)) => format!("https:{rest}"),
        _ if value.contains(':') => return None,
        _ => format!("mailto:{value}"),
    };
    let mut record = Record::default();
    record.uri(&uri, Span::new(0, uri.len()));
    record.issues.is_empty().then_some(uri)
}

/// The characters of a URI, and percent signs with two digits (RFC 3986 §2).
fn is_uri(uri: &str) -> bool {
    let Some((scheme, rest)) = uri.split_once(':') else { return false };
    let in_scheme = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    let percent = |at: usize| rest.get(at + 1..at + 3).is_some_and(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(in_scheme)
        && !rest.is_empty()
        && rest.char_indices().all(|(at, c)| match c {
            '%' => percent(at),
            c => c.is_ascii_alphanumeric() || "-._~:/?#[]@$&'()*+=".contains(c),
        })
}

fn is_host(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    (1..=253).contains(&host.len())
        && host.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_pointed_at() {
        for (text, expected) in [
            ("v=TLSRPTv1; rua=mailto:a@b.example", None),
            ("v=TLSRPTv1;rua=mailto:a@b.example?subject=x;", None),
            ("v=TLSRPTv1; rua=a@b.example", Some(("a@b.example", Fault::NoScheme))),
            ("v=TLSRPTv1; rua=mailto:b.example", Some(("mailto:b.example", Fault::Mailbox))),
            ("v=TLSRPTv1; rua=http://b.example", Some(("http://b.example", Fault::Scheme))),
            ("v=TLSRPTv1; rua=mailto:a@b.example!10m", Some(("!", Fault::Reserved))),
            ("v=TLSRPTv1; rua = mailto:a@b.example", Some((" = ", Fault::Field(FieldFault::SpaceAtEquals)))),
            ("v=TLSRPTv1 rua=mailto:a@b.example", Some(("v=TLSRPTv1 rua=mailto:a@b.example", Fault::Version))),
            ("v=TLSRPTv1; rua=https://", Some(("https://", Fault::Uri))),
        ] {
            let record = parse(text);
            let first = record.issues.first().map(|issue| (issue.span.of(text), issue.kind));
            assert_eq!(first, expected, "{text}");
        }
        assert!(parse("v=TLSRPTv1; rua=http://b.example").is_valid(), "read, and without a destination");
    }

    #[test]
    fn only_a_near_miss_resembles_a_record() {
        for text in [
            "v=TLSRPT1; rua=mailto:a@b.example",
            "v=tlsrptv1; rua=mailto:a@b.example",
            "v=TLS-RPTv1; rua=mailto:a@b.example",
            "v=TLSRTPv1; rua=mailto:a@b.example",
            "TLSRPTv1; rua=mailto:a@b.example",
            "v=TLSRPTv1 rua=mailto:a@b.example",
            "rua=mailto:a@b.example; v=TLSRPTv1",
            "rua=mailto:a@b.example",
        ] {
            assert!(resembles_record(text), "{text}");
        }
        for text in [
            "v=spf1 include:tlsrpt.example -all",
            "v=DMARC1; p=none; rua=mailto:tlsrpt@b.example",
            "tlsrpt-verification=1",
            "v=STSv1; id=1",
            "rua=1",
            "",
        ] {
            assert!(!resembles_record(text), "{text}");
        }
    }

    #[test]
    fn no_destination_of_a_faulty_record_is_lost() {
        for (text, uris, left_out) in [
            ("v=TLSRPTv1 rua=mailto:a@d.example", "mailto:a@d.example", ""),
            ("v=TLSRPTv1; RUA=mailto:a@d.example", "mailto:a@d.example", ""),
            ("v=TLSRPTv1; rua=mailto:a@d.example!10m", "mailto:a@d.example", ""),
            ("v=TLSRPTv1; rua=mailto:a!b@d.example", "mailto:a%21b@d.example", ""),
            ("v=TLSRPTv1; rua=mailto:a@d.example mailto:b@d.example", "mailto:a@d.example mailto:b@d.example", ""),
            ("v=TLSRPTv1; rua=mailto:a@d.example;mailto:b@d.example", "mailto:a@d.example mailto:b@d.example", ""),
            ("v=TLSRPTv1; rua = a@d.example, a@d.example", "mailto:a@d.example", ""),
            ("v=TLSRPTv1; rua=mailto://a@d.example", "mailto:a@d.example", ""),
            ("v=TLSRPTv1; rua=http://d.example/x?y=1", "https://d.example/x?y=1", ""),
            ("v=TLSRPTv1; rua=ftp://d.example,mailto:d.example,a@b@", "", "ftp://d.example mailto:d.example a@b@"),
            ("v=TLSRPTv1; rua=\u{fffd};;;", "", ""),
        ] {
            let found = readable(text);
            assert_eq!((found.uris.join(" ").as_str(), found.left_out.join(" ").as_str()), (uris, left_out), "{text}");
            for uri in found.uris {
                assert!(parse(&format!("v=TLSRPTv1; rua={uri}")).issues.is_empty(), "{uri}");
            }
        }
    }
}
