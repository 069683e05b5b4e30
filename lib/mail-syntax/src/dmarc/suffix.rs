//! Organizational domains by the public suffix list (RFC 7489 §3.2).
//!
//! The list is the one of publicsuffix.org (MPL 2.0) as the crate `psl` holds it,
//! both its parts, as receivers use it.

/// The organizational domain of `name`: one label below its public suffix. A
/// public suffix, and a name of one label, is its own.
///
/// `name` is lower-case without the final dot. A top-level domain that is not on
/// the list counts as a public suffix.
pub fn organizational_domain(name: &str) -> &str {
    psl::domain_str(name).unwrap_or(name)
}

/// Whether `name` is on the list, or is a top-level domain.
pub fn is_public_suffix(name: &str) -> bool {
    psl::suffix_str(name) == Some(name)
}
