//! Selectors that are worth trying, and whose customers' names lead where.

use std::sync::OnceLock;

use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    common: Vec<String>,
    provider: Vec<Provider>,
}

/// A service that signs for its customers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// What it is called.
    pub name: String,
    mx: Vec<String>,
    spf: Vec<String>,
    alias: Vec<String>,
    selectors: Vec<String>,
    /// Where it documents them.
    #[allow(dead_code, reason = "for the reader of the table; a test wants it")]
    source: String,
}

fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    // A test reads this file; it is compiled in.
    TABLE.get_or_init(|| toml::from_str(include_str!("../data/selectors.toml")).unwrap_or_default())
}

/// The selectors to try, at most `most`: those of the services that exchanges
/// and SPF includes name, then the common ones.
pub fn guesses(exchanges: &[String], includes: &[String], most: usize) -> Vec<String> {
    let known = |suffixes: &[String], names: &[String]| names.iter().any(|name| ends_with_any(name, suffixes));
    let hinted = table().provider.iter().filter(|p| known(&p.mx, exchanges) || known(&p.spf, includes));
    let mut names: Vec<String> = Vec::new();
    for name in hinted.flat_map(|provider| &provider.selectors).chain(&table().common) {
        if names.len() < most && !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}

/// How many of the common selectors are tried where the DNS says that there is
/// nothing below `_domainkey`, in case that is not true.
pub const LIKELIEST: usize = 8;

/// The service to which `name` belongs.
pub fn provider_of(name: &str) -> Option<&'static str> {
    table().provider.iter().find(|p| ends_with_any(name, &p.alias)).map(|p| p.name.as_str())
}

fn ends_with_any(name: &str, suffixes: &[String]) -> bool {
    suffixes
        .iter()
        .any(|suffix| name.strip_suffix(suffix.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
}

/// The label below which all keys of a domain stand (RFC 6376 §3.6.2.1).
const KEYS: &str = "_domainkey";

/// What `name` should have been, where it is the whole name of a key.
pub fn of_key_name(name: &str) -> Option<&str> {
    let mut start = 0;
    for label in name.split('.') {
        if label.eq_ignore_ascii_case(KEYS) {
            return name.get(..start).map(|before| before.trim_end_matches('.')).filter(|before| is_selector(before));
        }
        start += label.len() + 1;
    }
    None
}

/// Whether `name` can be a selector: one or more labels (RFC 6376 §3.1), none
/// of which is the one that follows it.
pub fn is_selector(name: &str) -> bool {
    name.len() <= 180
        && name.split('.').all(|label| !label.eq_ignore_ascii_case(KEYS))
        && name.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sound() {
        let table = table();
        assert!(table.common.len() >= 30 && table.provider.len() >= 30);
        for provider in &table.provider {
            assert!(!provider.source.is_empty(), "{}", provider.name);
            assert!(provider.selectors.iter().all(|name| is_selector(name)), "{}", provider.name);
        }
        assert!(table.common.iter().all(|name| is_selector(name)));
    }

    #[test]
    fn what_a_service_is_known_to_use_comes_first() {
        let names = guesses(&["a-example.mail.protection.outlook.com".into()], &["servers.mcsv.net".into()], 6);
        assert_eq!(names, ["selector1", "selector2", "k1", "k2", "k3", "default"]);
        assert!(guesses(&[], &[], 48).len() > LIKELIEST);
        assert_eq!(guesses(&["notgoogle.com".into()], &[], 1), ["default"]);
        assert_eq!(provider_of("s1.domainkey.u1.wl1.sendgrid.net"), Some("SendGrid"));
        assert_eq!(provider_of("x.a.example"), None);
    }

    #[test]
    fn selectors_are_names() {
        for right in ["s1", "a.b", "x_y-2"] {
            assert!(is_selector(right));
        }
        for wrong in ["", ".", "a..b", "a b", "\u{e9}", "s1._domainkey.a.example", "_DomainKey"] {
            assert!(!is_selector(wrong));
        }
        assert_eq!(of_key_name("s1._domainkey.a.example"), Some("s1"));
        assert_eq!(of_key_name("a.b._DOMAINKEY"), Some("a.b"));
        for other in ["s1", "_domainkey.a.example", "a b._domainkey.a.example", ""] {
            assert_eq!(of_key_name(other), None, "{other}");
        }
    }
}
