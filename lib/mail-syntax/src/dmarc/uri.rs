//! Addresses for reports (RFC 7489 §6.2, RFC 9989 §4.6).

use super::{Issue, IssueKind, UriFault};
use crate::Span;

/// A report address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportUri {
    /// Where it stands, size included.
    pub span: Span,
    /// The URI without the size.
    pub uri: String,
    /// The mailbox, where the scheme is `mailto`, percent signs decoded.
    pub mailbox: Option<String>,
    /// The domain that reports go to, lower-case without the final dot; `None`
    /// where the URI has none that can be read.
    pub host: Option<String>,
    /// The largest report in bytes (RFC 7489 §6.2); `None` without one.
    pub size: Option<u64>,
}

/// Reads a comma-separated list at `at` in `text`. Every item that is a URI gives
/// an address; those that no receiver can use are issues only.
pub(super) fn read(text: &str, at: Span, issues: &mut Vec<Issue>) -> Vec<ReportUri> {
    let mut found = Vec::new();
    let mut start = at.start;
    for item in at.of(text).split(',') {
        let shown = item.trim_start_matches([' ', '\t']);
        let from = start + item.len() - shown.len();
        let span = Span::new(from, from + shown.trim_end_matches([' ', '\t']).len());
        if span.start == span.end {
            // The commas on both sides, since nothing else is there to point at.
            let span = Span::new(start.saturating_sub(1).max(at.start), (start + item.len() + 1).min(at.end));
            issues.push(Issue { span, kind: IssueKind::Uri(UriFault::Empty), suggestion: None });
        } else {
            found.extend(one(text, span, issues));
        }
        start += item.len() + 1;
    }
    found
}

fn one(text: &str, span: Span, issues: &mut Vec<Issue>) -> Option<ReportUri> {
    let whole = span.of(text);
    let mut issue = |span: Span, fault: UriFault, suggestion: Option<String>| {
        issues.push(Issue { span, kind: IssueKind::Uri(fault), suggestion });
        None
    };
    let (uri, size) = match whole.rfind('!') {
        None => (whole, None),
        Some(mark) => match bytes(&whole[mark + 1..]) {
            Some(size) => (&whole[..mark], Some((mark, size))),
            None => {
                let span = Span::new(span.start + mark, span.end);
                return issue(span, UriFault::Exclamation, None);
            }
        },
    };
    if let Some(inner) = uri.find('!') {
        let span = Span::new(span.start + inner, span.start + inner + 1);
        return issue(span, UriFault::Exclamation, Some("%21".to_owned()));
    }
    if let Some(space) = uri.find([' ', '\t']) {
        let length = uri[space..].len() - uri[space..].trim_start_matches([' ', '\t']).len();
        let next = uri[space + length..].split([' ', '\t']).next().unwrap_or_default();
        let wish = if uri[..space].eq_ignore_ascii_case("mailto:") {
            // `mailto: a@example.org` means it without the space.
            Some(String::new())
        } else {
            // Before another address, a comma is meant.
            let scheme = next.split_once(':').is_some_and(|(scheme, rest)| is_scheme(scheme) && !rest.is_empty());
            (scheme || is_mailbox(next)).then(|| ",".to_owned())
        };
        return issue(Span::new(span.start + space, span.start + space + length), UriFault::Space, wish);
    }
    let Some((scheme, rest)) = uri.split_once(':').filter(|(scheme, _)| is_scheme(scheme)) else {
        let wish = is_mailbox(uri).then(|| format!("mailto:{whole}"));
        let fault = if wish.is_some() { UriFault::NoScheme } else { UriFault::NoUri };
        return issue(span, fault, wish);
    };
    let stranger = |c: char| !(c.is_ascii_alphanumeric() || "-._~:/?#[]@!$&'()*+,;=%".contains(c));
    if let Some((at, c)) = uri.char_indices().find(|(_, c)| stranger(*c)) {
        return issue(Span::new(span.start + at, span.start + at + c.len_utf8()), UriFault::NoUri, None);
    }
    let size = size.map(|(mark, size)| {
        let mark = Span::new(span.start + mark, span.end);
        issues.push(Issue { span: mark, kind: IssueKind::UriSize, suggestion: Some(String::new()) });
        size
    });
    let (mailbox, host) = if scheme.eq_ignore_ascii_case("mailto") {
        mailto(uri, rest, span, issues)?
    } else {
        issues.push(Issue { span, kind: IssueKind::Uri(UriFault::OtherScheme), suggestion: None });
        (None, authority(rest))
    };
    Some(ReportUri { span, uri: uri.to_owned(), mailbox, host, size })
}

/// The mailbox of a `mailto` URI and its domain.
fn mailto(uri: &str, rest: &str, span: Span, issues: &mut Vec<Issue>) -> Option<(Option<String>, Option<String>)> {
    let mut issue = |fault, suggestion| issues.push(Issue { span, kind: IssueKind::Uri(fault), suggestion });
    if let Some(bare) = rest.strip_prefix("//") {
        issue(UriFault::Slashes, is_mailbox(bare).then(|| format!("mailto:{bare}")));
        // The text is a URI all the same, which decides whether a record without `p` counts.
        return Some((None, None));
    }
    let mailbox = percent_decoded(rest.split(['?', '#']).next().unwrap_or_default());
    if !is_mailbox(&mailbox) {
        let wish =
            uri.get(7..).and_then(|rest| rest.to_ascii_lowercase().starts_with("mailto:").then(|| rest.to_owned()));
        issue(UriFault::NoMailbox, wish);
        return None;
    }
    let host = mailbox.rsplit_once('@').map(|(_, host)| host.trim_end_matches('.').to_ascii_lowercase());
    Some((Some(mailbox), host))
}

/// The host of `//user@host:port/path`.
fn authority(rest: &str) -> Option<String> {
    let authority = rest.strip_prefix("//")?.split(['/', '?', '#']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = host.split(':').next().unwrap_or_default().trim_end_matches('.');
    (!host.is_empty()).then(|| host.to_ascii_lowercase())
}

/// `10m` as bytes; `None` for what is no size. The grammar has no largest one: what
/// does not fit 64 bits is as good as no limit.
fn bytes(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit: u32 = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        "t" => 40,
        _ => return None,
    };
    let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(u64::MAX).saturating_mul(1 << unit))
}

fn is_scheme(scheme: &str) -> bool {
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
}

/// Whether `text` has the shape `local@domain`, with a domain that can be asked about.
fn is_mailbox(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let domain = domain.strip_suffix('.').unwrap_or(domain);
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    !local.is_empty()
        && local.len() <= 64
        && !local.contains(|c: char| c.is_whitespace() || c.is_control() || c == '@')
        && domain.len() <= 253
        && domain.split('.').all(label)
}

fn percent_decoded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let coded = hex.filter(|two| byte == b'%' && two.bytes().all(|b| b.is_ascii_hexdigit()));
        match coded.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(value) => {
                out.push(value);
                rest = &after[2..];
            }
            None => {
                out.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
