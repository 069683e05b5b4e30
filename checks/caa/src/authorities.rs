//! Who issues under which name.

use std::{collections::BTreeMap, sync::OnceLock};

use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    authority: Vec<Authority>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Authority {
    organisation: Vec<String>,
    names: Vec<String>,
}

fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    // A test reads this file; it is compiled in.
    TABLE.get_or_init(|| toml::from_str(include_str!("../data/authorities.toml")).unwrap_or_default())
}

/// The names under which the issuer of a certificate is let issue; `issuer` is
/// a distinguished name such as `C=US, O=Let's Encrypt, CN=R11`. Empty for one
/// that is not known.
pub fn names_of<'t>(issuer: &str, more: &'t BTreeMap<String, Vec<String>>) -> Vec<&'t str> {
    let attributes = attributes(issuer);
    let is = |name: &str| attributes.iter().any(|attribute| attribute == name);
    let own = more.iter().filter(|(organisation, _)| is(organisation)).flat_map(|(_, names)| names);
    let known = table().authority.iter().filter(|a| a.organisation.iter().any(|name| is(name))).flat_map(|a| &a.names);
    own.chain(known).map(String::as_str).collect()
}

/// The values of `O` and `CN`, without the escapes of RFC 4514.
fn attributes(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut escaped = false;
    for c in name.chars() {
        match (c, escaped, parts.last_mut()) {
            ('\\', false, _) => {
                escaped = true;
                continue;
            }
            (',' | '+', false, _) => parts.push(String::new()),
            (c, _, Some(part)) => part.push(c),
            (_, _, None) => {}
        }
        escaped = false;
    }
    let value = |part: &String| {
        let (kind, value) = part.trim().split_once('=')?;
        matches!(kind.trim(), "O" | "CN").then(|| value.trim().trim_matches('"').to_owned())
    };
    parts.iter().filter_map(value).collect()
}

/// The known name that was probably meant by `name`, which is none.
pub fn meant_by(name: &str) -> Option<&'static str> {
    if is_known(name) {
        return None;
    }
    let all = || table().authority.iter().flat_map(|authority| &authority.names);
    let stem = |name: &str| name.rsplit_once('.').map_or(name, |(stem, _)| stem).replace('-', "");
    let close = all().map(|known| (strsim::damerau_levenshtein(known, name), known)).min()?;
    if close.0 <= 2 {
        return Some(close.1);
    }
    all().find(|known| stem(known) == stem(name)).map(String::as_str)
}

/// Whether a known authority issues under this name.
pub fn is_known(name: &str) -> bool {
    table().authority.iter().any(|authority| authority.names.iter().any(|known| known == name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn issuers_are_known_by_their_organisation() {
        let none = BTreeMap::new();
        assert_eq!(names_of("C=US, O=Let's Encrypt, CN=R11", &none), ["letsencrypt.org"]);
        assert!(names_of("CN=E7,O=DigiCert\\, Inc.,C=US", &none).contains(&"digicert.com"));
        assert!(names_of("CN=Let's, O=Nobody", &none).is_empty());
        let own = [("Lab authority".to_owned(), vec!["lab.example".to_owned()])].into();
        assert_eq!(names_of("CN=Lab authority", &own), ["lab.example"]);
    }

    #[test]
    fn slips_of_the_keyboard_are_seen() {
        for (typed, meant) in [
            ("letsencrypt.com", Some("letsencrypt.org")),
            ("lets-encrypt.org", Some("letsencrypt.org")),
            ("digicet.com", Some("digicert.com")),
            ("ca.example", None),
            ("letsencrypt.org", None),
        ] {
            assert_eq!(meant_by(typed), meant, "{typed}");
        }
    }
}
