//! BIMI assertion records (draft-brand-indicators-for-message-identification §4.2).
//!
//! ```
//! use mail_syntax::bimi::Record;
//!
//! let record = Record::parse("v=BIMI1; l=https://a.example/logo.svg; a=");
//! assert_eq!(record.location.as_deref(), Some("https://a.example/logo.svg"));
//! assert!(!record.declines());
//! assert!(Record::parse("v=BIMI1; l=; a=;").declines());
//! ```

use std::fmt;

use crate::{Span, fields, tag_list};

/// A record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// `l=`: where the image is; `None` without the tag or where it is empty.
    pub location: Option<String>,
    /// Whether there is an `l=`.
    pub has_location: bool,
    /// `a=`: where the mark certificate is; `None` without the tag or where it is empty.
    pub authority: Option<String>,
    /// `avp=`: which image receivers that have several prefer.
    pub preference: Option<String>,
    /// All faults, in order of place.
    pub issues: Vec<Issue>,
    /// Where each tag stands, by its name.
    pub spans: Vec<(String, Span)>,
}

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// The bytes at fault.
    pub span: Span,
    /// What is wrong.
    pub kind: IssueKind,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IssueKind {
    /// The tag list itself.
    List(tag_list::IssueKind),
    /// `v=BIMI1` is not the first tag.
    Version,
    /// There is no `l=`, which is required.
    LocationMissing,
    /// `l=` or `a=` is no `https:` URL.
    Url(&'static str),
    /// `avp=` is neither `brand` nor `personal`.
    Preference,
    /// A tag that the draft does not define; receivers ignore it.
    UnknownTag,
}

impl IssueKind {
    /// Whether receivers cannot use the record because of it.
    pub fn is_fatal(&self) -> bool {
        match self {
            IssueKind::List(kind) => !matches!(kind, tag_list::IssueKind::EmptyPiece),
            IssueKind::Version | IssueKind::LocationMissing | IssueKind::Url(_) => true,
            IssueKind::Preference | IssueKind::UnknownTag => false,
        }
    }
}

/// A lower-case fragment.
impl fmt::Display for IssueKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            IssueKind::List(kind) => kind.fmt(f),
            IssueKind::Version => f.write_str("`v=BIMI1` is not the first tag"),
            IssueKind::LocationMissing => f.write_str("there is no `l=`"),
            IssueKind::Url(tag) => write!(f, "`{tag}=` is no `https:` URL"),
            IssueKind::Preference => f.write_str("neither `brand` nor `personal`"),
            IssueKind::UnknownTag => f.write_str("no tag of a BIMI record"),
        }
    }
}

/// Whether receivers take `text` for a record at all; they leave others out before
/// they count them (§7.2).
pub fn is_record(text: &str) -> bool {
    tag_list::parse(text).tags.first().is_some_and(|tag| tag.name == "v" && tag.value == "BIMI1")
}

/// Whether a text is meant as a BIMI record: it is one, or a near miss of its version
/// stands in it.
pub fn is_meant_as_bimi(text: &str) -> bool {
    is_record(text) || fields::resembles_version(text, "bimi1", &["bimi"])
}

impl Record {
    /// Reads a record.
    pub fn parse(text: &str) -> Self {
        let list = tag_list::parse(text);
        let mut record = Record {
            issues: list.issues.iter().map(|i| Issue { span: i.span, kind: IssueKind::List(i.kind) }).collect(),
            spans: list.tags.iter().map(|tag| (tag.name.to_owned(), tag.span())).collect(),
            ..Record::default()
        };
        let first = list.tags.first();
        if first.is_none_or(|tag| tag.name != "v" || tag.value != "BIMI1") {
            let span = first.map_or(Span::new(0, text.len()), |tag| tag.span());
            record.issues.push(Issue { span, kind: IssueKind::Version });
        }
        let url = |tag: &'static str| list.find(tag).filter(|tag| !tag.value.is_empty());
        record.has_location = list.find("l").is_some();
        record.location = url("l").map(|tag| tag.value.to_owned());
        record.authority = url("a").map(|tag| tag.value.to_owned());
        if !record.has_location {
            record.issues.push(Issue { span: Span::new(text.len(), text.len()), kind: IssueKind::LocationMissing });
        }
        for name in ["l", "a"] {
            if let Some(tag) = url(name).filter(|tag| split_url(tag.value).is_none()) {
                record.issues.push(Issue { span: tag.span(), kind: IssueKind::Url(name) });
            }
        }
        if let Some(tag) = list.find("avp") {
            record.preference = Some(tag.value.to_owned());
            if !matches!(tag.value, "brand" | "personal") {
                record.issues.push(Issue { span: tag.span(), kind: IssueKind::Preference });
            }
        }
        for tag in list.tags.iter().filter(|tag| !["v", "l", "a", "avp", "lps"].contains(&tag.name)) {
            record.issues.push(Issue { span: tag.span(), kind: IssueKind::UnknownTag });
        }
        record.issues.sort_by_key(|issue| issue.span);
        record
    }

    /// Whether it says that the domain takes no part: both places are empty.
    pub fn declines(&self) -> bool {
        self.has_location && self.location.is_none() && self.authority.is_none() && !self.is_broken()
    }

    /// Whether receivers cannot use it.
    pub fn is_broken(&self) -> bool {
        self.issues.iter().any(|issue| issue.kind.is_fatal())
    }

    /// Where the tag of this name stands.
    pub fn span(&self, tag: &str) -> Option<Span> {
        self.spans.iter().find(|(name, _)| name == tag).map(|(_, span)| *span)
    }
}

/// The record as it is written.
impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |value: &Option<String>| value.clone().unwrap_or_default();
        write!(f, "v=BIMI1; l={}; a={}", word(&self.location), word(&self.authority))?;
        self.preference.as_ref().map_or(Ok(()), |preference| write!(f, "; avp={preference}"))
    }
}

/// Where an `https:` URL leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The host, in lower case.
    pub host: String,
    /// The port; 443 where the URL says none.
    pub port: u16,
    /// The path, query included.
    pub path: String,
}

/// Reads an `https:` URL; `None` for what is none, for one without a domain name, and
/// for one with a user or a fragment.
pub fn split_url(url: &str) -> Option<Place> {
    let scheme = url.get(..8).filter(|scheme| scheme.eq_ignore_ascii_case("https://"))?;
    let rest = &url[scheme.len()..];
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    // RFC 3986 §3.2.3: an empty port is the scheme's own.
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, "")) => (host, 443),
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => {
            (host, port.parse().ok().filter(|port| *port > 0)?)
        }
        Some(_) => return None,
        None => (authority, 443),
    };
    let name = host.len() <= 253
        && host.contains('.')
        && host.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        })
        && host.parse::<std::net::IpAddr>().is_err();
    let plain = path.bytes().all(|b| matches!(b, 0x21..=0x7e)) && !path.contains('#') && path.len() <= 2048;
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    (name && plain).then(|| Place { host: host.to_ascii_lowercase(), port, path })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, issues: &[(IssueKind, &str)]) -> Record {
        let record = Record::parse(text);
        let found: Vec<(IssueKind, &str)> = record.issues.iter().map(|i| (i.kind.clone(), i.span.of(text))).collect();
        assert_eq!(found, issues, "{text}");
        record
    }

    #[test]
    fn records_are_held_against_the_draft() {
        check("v=BIMI1; l=https://a.example/x.svg; a=https://a.example/x.pem; avp=brand", &[]);
        check("v=BIMI1; l=http://a.example/x.svg", &[(IssueKind::Url("l"), "l=http://a.example/x.svg")]);
        check("v=BIMI1; a=self", &[(IssueKind::Url("a"), "a=self"), (IssueKind::LocationMissing, "")]);
        check("l=https://a.example/; v=BIMI1", &[(IssueKind::Version, "l=https://a.example/")]);
        check("v=BIMI1; l=; avp=both", &[(IssueKind::Preference, "avp=both")]);
        check("v=BIMI1; l=; z=1", &[(IssueKind::UnknownTag, "z=1")]);
        assert!(check("v=BIMI1;l=;a=;", &[]).declines());
        for meant in ["v = bimi1", "v=BIMI2; l=", "l=https://a.example/x.svg; v=BIMI1", "BIMI; v=bimi", "v=BMI1; l="] {
            assert!(is_meant_as_bimi(meant) && !is_record(meant), "{meant}");
        }
        for other in ["v=spf1", "v=spf1 include:bimi.example", "bimi-verification=1", "v=bimission"] {
            assert!(!is_meant_as_bimi(other), "{other}");
        }
    }

    #[test]
    fn urls_are_split() {
        for (url, port, path) in [
            ("HTTPS://A.example/x?y", 443, "/x?y"),
            ("https://a.example", 443, "/"),
            ("https://a.example:443/x", 443, "/x"),
            ("https://a.example:/x", 443, "/x"),
            ("https://a.example:8443/x", 8443, "/x"),
        ] {
            let place = Place { host: "a.example".into(), port, path: path.into() };
            assert_eq!(split_url(url), Some(place), "{url}");
        }
        for none in [
            "http://a.example/",
            "https://",
            "https://a/x",
            "https://25.25.1.1/",
            "https://a.example:x/",
            "https://a.example:0/",
            "https://a.example:+443/",
            "https://a.example:99999/",
            "https://u@a.example/",
            "https://a.example/ x",
        ] {
            assert_eq!(split_url(none), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "[vla=;: htps/.\u{e9}]{0,40}|\\PC{0,60}") {
            for issue in Record::parse(&text).issues {
                prop_assert!(text.get(issue.span.start..issue.span.end).is_some());
            }
        }

        #[test]
        fn what_is_written_is_read(location in prop::option::of("https://[a-z]{1,5}\\.example/[a-z?=]{0,9}"), authority in prop::option::of("https://[a-z]{1,5}\\.example/[a-z]{0,9}"), personal in any::<bool>()) {
            let preference = personal.then(|| "personal".to_owned());
            let written = Record { location, authority, preference, has_location: true, ..Record::default() };
            let read = Record::parse(&written.to_string());
            prop_assert!(!read.is_broken());
            prop_assert_eq!((&read.location, &read.authority, &read.preference), (&written.location, &written.authority, &written.preference));
        }
    }
}
