//! Whether reports may go where a record sends them (RFC 7489 §7.1, RFC 9990 §4).

use super::{Answers, ReportUri, Rules, TreeWalk, is_record, organizational_domain, parse, walk::normal};

/// The name at which `host` says that it takes reports about `domain`: the domain
/// that publishes the policy. A wildcard `*._report._dmarc.<host>` answers for it.
pub fn authorization_name(domain: &str, host: &str) -> String {
    format!("{}._report._dmarc.{}", normal(domain), normal(host))
}

/// Whether `host` must say so, since it belongs to another organization than
/// `domain`; `None` where a failed lookup leaves it open. By RFC 9989 answers to
/// [`super::names`] of both are needed.
pub fn is_external(domain: &str, host: &str, rules: Rules, known: &Answers) -> Option<bool> {
    let (domain, host) = (normal(domain), normal(host));
    if domain == host {
        return Some(false);
    }
    match rules {
        Rules::Rfc7489 => Some(organizational_domain(&domain) != organizational_domain(&host)),
        Rules::Rfc9989 => {
            let organizational = |name: &str| TreeWalk::over(name, known).organizational_domain().ok();
            Some(organizational(&domain)? != organizational(&host)?)
        }
    }
}

/// What the texts at [`authorization_name`] say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authorization {
    /// The host takes reports, perhaps at other addresses of its own.
    Granted {
        /// Addresses in place of the domain's, from the first text that has any at
        /// this host.
        instead: Vec<ReportUri>,
        /// Addresses at other hosts, which receivers must not use.
        elsewhere: Vec<ReportUri>,
    },
    /// There are texts, and none begins with `v=DMARC1`.
    Unreadable(Vec<String>),
    /// There is nothing.
    Absent,
}

/// Reads the texts found at [`authorization_name`], each joined from its strings.
pub fn read<T: AsRef<[u8]>>(host: &str, texts: &[T]) -> Authorization {
    let host = normal(host);
    let text = |bytes: &T| String::from_utf8_lossy(bytes.as_ref()).into_owned();
    let records: Vec<String> = texts.iter().filter(|bytes| is_record(bytes.as_ref())).map(text).collect();
    if records.is_empty() {
        let other: Vec<String> = texts.iter().map(text).collect();
        return if other.is_empty() { Authorization::Absent } else { Authorization::Unreadable(other) };
    }
    let uris: Vec<ReportUri> =
        records.iter().flat_map(|text| parse(text).aggregate_reports.valid().cloned().unwrap_or_default()).collect();
    let (instead, elsewhere) = uris.into_iter().partition(|uri| uri.host.as_deref() == Some(host.as_str()));
    Authorization::Granted { instead, elsewhere }
}
