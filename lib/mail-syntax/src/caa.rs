//! Values of CAA properties: `issue` and its kin (RFC 8659 §4.2, RFC 9495) and
//! `iodef` (§4.4).
//!
//! ```
//! use mail_syntax::caa::{self, Fault};
//!
//! let value = caa::Issue::parse("ca.example; accounturi=https://ca.example/1");
//! assert_eq!(value.issuer.as_deref(), Some("ca.example"));
//! assert!(caa::Issue::parse(";").forbids_all());
//! let wrong = caa::Issue::parse("https://ca.example/");
//! assert_eq!(wrong.faults[0].1, Fault::Issuer);
//! ```

use std::fmt;

use crate::Span;

/// The most parameters of a value that are read.
const MOST_PARAMETERS: usize = 50;

/// The value of `issue`, `issuewild` or `issuemail`: who may issue, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Issue {
    /// The authority's name, lower-case; `None` where the value names nobody.
    pub issuer: Option<String>,
    /// Parameters, `name=value`, in order.
    pub parameters: Vec<(String, String)>,
    /// What is wrong, with the bytes at fault. Authorities take a value with a
    /// fault for one that names nobody (RFC 8659 §4.2).
    pub faults: Vec<(Span, Fault)>,
}

/// What is wrong with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Where the authority's name must stand is no domain.
    Issuer,
    /// No `name=value`, or one of the two has characters that cannot be there.
    Parameter,
    /// An address for reports that is neither `mailto:` nor `http:` nor `https:`.
    ReportAddress,
}

/// A lower-case fragment, for example `no domain name of an authority`.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fault::Issuer => "no domain name of an authority",
            Fault::Parameter => "no parameter `name=value`",
            Fault::ReportAddress => "neither `mailto:` nor `http:` nor `https:`",
        })
    }
}

impl Issue {
    /// Reads a value.
    pub fn parse(text: &str) -> Self {
        let mut issue = Issue::default();
        let mut at = 0;
        for (index, piece) in text.split(';').enumerate().take(MOST_PARAMETERS) {
            let inner = piece.trim_matches([' ', '\t']);
            let start = at + (piece.len() - piece.trim_start_matches([' ', '\t']).len());
            let span = Span::new(start, start + inner.len());
            at += piece.len() + 1;
            match (index, inner) {
                (_, "") => {}
                (0, name) if is_domain(name) => issue.issuer = Some(name.to_ascii_lowercase()),
                (0, _) => issue.faults.push((span, Fault::Issuer)),
                (_, parameter) => match parameter_of(parameter) {
                    Some(parameter) => issue.parameters.push(parameter),
                    None => issue.faults.push((span, Fault::Parameter)),
                },
            }
        }
        issue
    }

    /// The authority that it lets issue, as authorities read it.
    pub fn allows(&self) -> Option<&str> {
        self.issuer.as_deref().filter(|_| self.faults.is_empty())
    }

    /// Whether it says that nobody may issue, and not by a fault.
    pub fn forbids_all(&self) -> bool {
        self.issuer.is_none() && self.faults.is_empty()
    }
}

/// The value as it is written.
impl fmt::Display for Issue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.issuer.as_deref().unwrap_or(";"))?;
        for (at, (name, value)) in self.parameters.iter().enumerate() {
            let separator = if at == 0 && self.issuer.is_none() { " " } else { "; " };
            write!(f, "{separator}{name}={value}")?;
        }
        Ok(())
    }
}

/// Letters, digits and inner hyphens, in labels (RFC 8659 §4.2 `issuer-domain-name`).
fn is_domain(text: &str) -> bool {
    text.len() <= 253
        && text.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
}

fn parameter_of(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once('=')?;
    let (name, value) = (name.trim_matches([' ', '\t']), value.trim_matches([' ', '\t']));
    let tag = !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-');
    (tag && value.bytes().all(|b| matches!(b, 0x21..=0x3a | 0x3c..=0x7e))).then(|| (name.to_owned(), value.to_owned()))
}

/// What is wrong with an `iodef` value (RFC 8659 §4.4).
pub fn report_fault(text: &str) -> Option<(Span, Fault)> {
    let lower = text.to_ascii_lowercase();
    let sound = lower.strip_prefix("mailto:").is_some_and(|rest| rest.contains('@') && !rest.contains(' '))
        || ["https://", "http://"]
            .iter()
            .any(|scheme| lower.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty() && !rest.contains(' ')));
    (!sound).then_some((Span::new(0, text.len()), Fault::ReportAddress))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, allows: Option<&str>, faults: &[(Fault, &str)]) {
        let value = Issue::parse(text);
        assert_eq!(value.allows(), allows, "{text:?}");
        let found: Vec<(Fault, &str)> = value.faults.iter().map(|(span, fault)| (*fault, span.of(text))).collect();
        assert_eq!(found, faults, "{text:?}");
    }

    #[test]
    fn values_are_read_as_the_rfc_has_them() {
        check("ca.example.net", Some("ca.example.net"), &[]);
        check("CA1.example; account=230123", Some("ca1.example"), &[]);
        check("ca.example ; policy = ev ; validationmethods=dns-01,http-01", Some("ca.example"), &[]);
        for nobody in [";", "", " ; ", "; account=1"] {
            check(nobody, None, &[]);
            assert!(Issue::parse(nobody).forbids_all());
        }
        check("%%%%%", None, &[(Fault::Issuer, "%%%%%")]);
        check("\"ca.example\"", None, &[(Fault::Issuer, "\"ca.example\"")]);
        check("ca.example; account", None, &[(Fault::Parameter, "account")]);
        check("ca.example, other.example", None, &[(Fault::Issuer, "ca.example, other.example")]);
    }

    #[test]
    fn report_addresses_are_urls() {
        for right in ["mailto:security@example.com", "https://iodef.example.com/", "HTTP://a.example/x"] {
            assert_eq!(report_fault(right), None);
        }
        for wrong in ["security@example.com", "mailto:x", "ftp://a", ""] {
            assert!(report_fault(wrong).is_some());
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "[a.;= \\-\u{e9}\"]{0,30}|\\PC{0,60}") {
            for (span, _) in Issue::parse(&text).faults {
                prop_assert!(text.get(span.start..span.end).is_some_and(|at| !at.is_empty()));
            }
            let _ = report_fault(&text);
        }

        #[test]
        fn what_is_written_is_read(
            issuer in prop::option::of("[a-z][a-z0-9]{0,5}(\\.[a-z]{1,4}){1,2}"),
            parameters in prop::collection::vec(("[a-z]{1,5}", "[!-:<-~]{0,9}"), 0..4),
        ) {
            let issue = Issue { issuer, parameters, faults: Vec::new() };
            prop_assert_eq!(Issue::parse(&issue.to_string()), issue);
        }
    }
}
