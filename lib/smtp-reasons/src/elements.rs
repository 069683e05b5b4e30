//! What a reply names: URLs, addresses, mailboxes, hosts, blocklist zones.

use std::{net::IpAddr, ops::Range};

use serde::Serialize;

/// The most elements of one kind that are kept.
const MOST: usize = 16;

/// Something found in a text, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Part<T> {
    /// What it is.
    pub value: T,
    /// Its bytes in the text that was parsed.
    pub span: Range<usize>,
}

/// What a reply and the log line around it name, each kind in order and
/// without repeats; at most sixteen of a kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Elements {
    /// Web addresses, as they stand in the text.
    pub urls: Vec<Part<String>>,
    /// IP addresses.
    pub addresses: Vec<Part<IpAddr>>,
    /// Mailboxes, `local@domain`.
    pub mailboxes: Vec<Part<String>>,
    /// Host and domain names, lower-case, those of URLs included.
    pub hosts: Vec<Part<String>>,
    /// Those of the hosts that look like the zone of a blocklist.
    pub zones: Vec<Part<String>>,
}

/// Finds the elements of `text` within `range`.
pub(crate) fn elements(text: &str, range: Range<usize>) -> Elements {
    let mut found = Elements::default();
    let Some(part) = text.get(range.clone()) else { return found };
    let mut previous: [&str; 2] = [""; 2];
    let mut rest = 0;
    for url in urls(part) {
        tokens(part, rest..url.start, range.start, &mut previous, &mut found);
        let value = &part[url.clone()];
        keep(&mut found.urls, value.to_owned(), range.start + url.start..range.start + url.end);
        if let Some(host) = host_of_url(value) {
            let start = range.start + url.start + (host.as_ptr() as usize - value.as_ptr() as usize);
            name(host, start, &previous, &mut found);
        }
        previous = [""; 2];
        rest = url.end;
    }
    tokens(part, rest..part.len(), range.start, &mut previous, &mut found);
    found
}

fn keep<T: PartialEq>(list: &mut Vec<Part<T>>, value: T, span: Range<usize>) {
    if list.len() < MOST && !list.iter().any(|part| part.value == value) {
        list.push(Part { value, span });
    }
}

fn urls(part: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(colon) = part[from..].find("://").map(|at| from + at) {
        let before = &part[from..colon];
        let scheme = ["https", "http"].into_iter().find(|scheme| {
            before.get(before.len().saturating_sub(scheme.len())..).is_some_and(|end| end.eq_ignore_ascii_case(scheme))
        });
        let after = &part[colon + 3..];
        let end = after.find(|c: char| c.is_whitespace() || c.is_control() || "<>\"'()[]{}|\\^`".contains(c));
        let body = after[..end.unwrap_or(after.len())].trim_end_matches(['.', ',', ';', ':', '!', '?', '-']);
        if let Some(scheme) = scheme.filter(|_| !body.is_empty()) {
            found.push(colon - scheme.len()..colon + 3 + body.len());
        }
        from = colon + 3 + body.len();
    }
    found
}

fn host_of_url(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    host.split(':').next().filter(|host| !host.is_empty())
}

/// Looks at the words between URLs. `previous` holds the two words before.
fn tokens<'a>(part: &'a str, range: Range<usize>, offset: usize, previous: &mut [&'a str; 2], found: &mut Elements) {
    for raw in part[range].split(is_separator) {
        let token = raw.trim_end_matches(['.', ':', '!', '?']).trim_start_matches([':', '.']);
        if token.is_empty() {
            continue;
        }
        let start = offset + (token.as_ptr() as usize - part.as_ptr() as usize);
        let bare = if token.get(..5).is_some_and(|t| t.eq_ignore_ascii_case("ipv6:")) { &token[5..] } else { token };
        if let Some(address) = address(bare) {
            keep(&mut found.addresses, address, start + (token.len() - bare.len())..start + token.len());
        } else if let Some((local, domain)) = token.as_bytes().contains(&b'@').then(|| token.rsplit_once('@')).flatten()
        {
            // A log may glue a word to the mailbox: `to:jo@example.org`.
            let local = local.rsplit(':').next().unwrap_or(local);
            if !local.is_empty() && is_name(domain) {
                let at = token.len() - domain.len() - 1 - local.len();
                keep(&mut found.mailboxes, token[at..].to_owned(), start + at..start + token.len());
            }
        } else {
            name(token.split(':').next().unwrap_or(token), start, previous, found);
        }
        *previous = [previous[1], token];
    }
}

fn is_separator(c: char) -> bool {
    match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '-' | '_' | '@' | ':' => false,
        '<' | '>' | '(' | ')' | '[' | ']' | '{' | '}' | '"' | '\'' | ',' | ';' | '=' | '|' | '`' | '/' => true,
        _ => c.is_whitespace() || c.is_control(),
    }
}

/// An address; most words cannot be one, which two looks tell.
fn address(token: &str) -> Option<IpAddr> {
    let first = token.bytes().next().is_some_and(|b| b.is_ascii_hexdigit() || b == b':');
    let second = token.bytes().take(5).any(|b| b == b'.' || b == b':');
    if first && second { token.parse().ok() } else { None }
}

fn name(token: &str, start: usize, previous: &[&str; 2], found: &mut Elements) {
    if !is_name(token) {
        return;
    }
    let (value, span) = (token.to_ascii_lowercase(), start..start + token.len());
    if says_listed(previous) || value.split('.').any(is_list_label) {
        keep(&mut found.zones, value.clone(), span.clone());
    }
    keep(&mut found.hosts, value, span);
}

/// Whether the words before a name introduce a blocklist: `blocked using`, `listed in`.
fn says_listed(previous: &[&str; 2]) -> bool {
    let [verb, preposition] = previous.map(str::to_ascii_lowercase);
    matches!(preposition.as_str(), "using" | "by" | "in" | "on" | "at" | "via")
        && matches!(verb.as_str(), "blocked" | "listed" | "blacklisted" | "blocklisted" | "blackholed")
}

fn is_list_label(label: &str) -> bool {
    ["bl", "rbl", "dnsbl", "zen", "sbl", "xbl", "pbl", "dbl", "cbl", "uribl", "surbl", "psbl", "dnswl"].contains(&label)
}

/// Whether `text` is a domain name of at least two labels whose last is a word (RFC 1123 §2.1).
fn is_name(text: &str) -> bool {
    if !text.as_bytes().contains(&b'.') {
        return false;
    }
    let label = |l: &str| {
        (1..=63).contains(&l.len())
            && l.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_') || c.is_alphanumeric())
            && !l.starts_with('-')
            && !l.ends_with('-')
    };
    let mut labels = text.rsplit('.');
    let last = labels.next().unwrap_or_default();
    let word = last.len() >= 2
        && (last.starts_with("xn--") || last.chars().all(|c| c.is_ascii_alphabetic() || c.is_alphabetic()));
    text.len() <= 253 && word && label(last) && labels.all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> [Vec<String>; 5] {
        let found = elements(text, 0..text.len());
        let text_of = |parts: &[Part<String>]| {
            for part in parts {
                assert!(text[part.span.clone()].eq_ignore_ascii_case(&part.value), "{part:?}");
            }
            parts.iter().map(|p| p.value.clone()).collect::<Vec<_>>()
        };
        let addresses = found.addresses.iter().map(|p| {
            assert_eq!(text[p.span.clone()].parse(), Ok(p.value));
            p.value.to_string()
        });
        [
            text_of(&found.urls),
            addresses.collect(),
            text_of(&found.mailboxes),
            text_of(&found.hosts),
            text_of(&found.zones),
        ]
    }

    #[test]
    fn elements_are_found_with_their_places() {
        let [urls, addresses, mailboxes, hosts, zones] = all(
            "<jo@d.example>: host mx.d.example[192.0.2.1] said: 554 Service unavailable; Client host [198.51.100.7] \
             blocked using zen.spamhaus.org; https://www.spamhaus.org/query/ip/198.51.100.7. (2001:db8::1)",
        );
        assert_eq!(urls, ["https://www.spamhaus.org/query/ip/198.51.100.7"]);
        assert_eq!(addresses, ["192.0.2.1", "198.51.100.7", "2001:db8::1"]);
        assert_eq!(mailboxes, ["jo@d.example"]);
        assert_eq!(hosts, ["mx.d.example", "zen.spamhaus.org", "www.spamhaus.org"]);
        assert_eq!(zones, ["zen.spamhaus.org"]);
    }

    #[test]
    fn what_only_looks_alike_is_left_out() {
        let [urls, addresses, mailboxes, hosts, _] =
            all("5.7.1 v1.2 http:// ://x a..b @x.example jo@ 300.1.1.1 e.g. -a.b");
        assert_eq!([urls, addresses, mailboxes, hosts], [vec![], vec![], vec![], vec![]] as [Vec<String>; 4]);
    }

    #[test]
    fn a_host_after_listed_in_is_a_zone_whatever_its_name() {
        let [.., zones] = all("listed in black.example.net, not white.example.net; see http://dnsbl.example/x");
        assert_eq!(zones, ["black.example.net", "dnsbl.example"]);
    }
}
