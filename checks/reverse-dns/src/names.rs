//! The names of addresses, and what a host may be called.

use std::{fmt::Write, net::IpAddr};

/// The name under which the DNS keeps the name of `ip`: octets backwards below
/// `in-addr.arpa` (RFC 1035 §3.5), nibbles backwards below `ip6.arpa`
/// (RFC 3596 §2.5).
pub fn reverse(ip: IpAddr) -> String {
    let mut name = String::new();
    match ip {
        IpAddr::V4(ip) => {
            for octet in ip.octets().iter().rev() {
                let _ = write!(name, "{octet}.");
            }
            name + "in-addr.arpa"
        }
        IpAddr::V6(ip) => {
            for octet in ip.octets().iter().rev() {
                let _ = write!(name, "{:x}.{:x}.", octet & 0xf, octet >> 4);
            }
            name + "ip6.arpa"
        }
    }
}

/// Why `name` (no final dot) is no host name (RFC 952, RFC 1123 §2.1); `None`
/// for one that is.
pub fn illegal(name: &str) -> Option<String> {
    if name == "." || name.is_empty() {
        return Some("the root is no host".into());
    }
    if name.len() > 253 {
        return Some("longer than 253 characters".into());
    }
    for label in name.split('.') {
        if let Some(character) = label.chars().find(|c| !c.is_ascii_alphanumeric() && *c != '-') {
            return Some(format!("a host name has no {character:?}"));
        }
        if label.is_empty() || label.len() > 63 {
            return Some("a label is empty or longer than 63 characters".into());
        }
        if label.starts_with('-') || label.ends_with('-') {
            return Some("a label begins or ends with a hyphen".into());
        }
    }
    let last = name.rsplit('.').next().unwrap_or_default();
    last.bytes().all(|b| b.is_ascii_digit()).then(|| "the last label is all digits".into())
}

/// What `text`, given with HELO, is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeloKind {
    /// An address literal (RFC 5321 §4.1.3).
    Literal(IpAddr),
    /// Not usable, and why.
    Unusable(String),
    /// A name that can be looked up.
    Name,
}

/// Ends of names that mean something in one network alone: RFC 6761, RFC 6762,
/// RFC 8375, ICANN's `internal`, and what routers and installers write.
const LOCAL: [&str; 11] = [
    "localhost",
    "localdomain",
    "local",
    "lan",
    "internal",
    "intranet",
    "home",
    "corp",
    "home.arpa",
    "invalid",
    "workgroup",
];

/// Reads what was given with HELO.
pub fn helo_kind(text: &str) -> HeloKind {
    if let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let lower = inner.to_ascii_lowercase();
        let address = match lower.strip_prefix("ipv6:") {
            Some(v6) => v6.parse().map(IpAddr::V6).ok(),
            None => lower.parse().map(IpAddr::V4).ok(),
        };
        return address.map_or_else(|| HeloKind::Unusable("it is no address literal".into()), HeloKind::Literal);
    }
    if text.parse::<IpAddr>().is_ok() {
        return HeloKind::Unusable("it is a bare address; a literal stands in square brackets".into());
    }
    let name = text.trim_end_matches('.').to_ascii_lowercase();
    let end =
        LOCAL.iter().find(|end| name == **end || name.strip_suffix(**end).is_some_and(|rest| rest.ends_with('.')));
    if name == "localhost" || name == "localhost.localdomain" {
        return HeloKind::Unusable("to everybody it means the own machine".into());
    }
    if let Some(end) = end {
        return HeloKind::Unusable(format!("names in `{end}` mean something in one network alone"));
    }
    if let Some(why) = illegal(&name) {
        return HeloKind::Unusable(why);
    }
    if !name.contains('.') {
        return HeloKind::Unusable("it is not fully qualified: it has no domain".into());
    }
    HeloKind::Name
}

/// When a change of a record with this TTL, in seconds, is seen everywhere.
pub fn after(ttl: u32) -> String {
    let (count, unit) = match ttl {
        s if s >= 86_400 && s % 86_400 == 0 => (s / 86_400, "day"),
        s if s >= 3_600 && s % 3_600 == 0 => (s / 3_600, "hour"),
        s if s >= 120 => (s.div_ceil(60), "minute"),
        s => (s, "second"),
    };
    format!("after the TTL of the old answer, {count} {unit}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn addresses_are_named_backwards() {
        assert_eq!(reverse("25.25.1.2".parse().unwrap()), "2.1.25.25.in-addr.arpa");
        assert_eq!(
            reverse("2001:db8::567:89ab".parse().unwrap()),
            "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"
        );
    }

    #[test]
    fn what_is_no_host_name_is_named() {
        for legal in ["mx1.example", "3com.example", "xn--mller-kva.example", "a--b.example"] {
            assert_eq!(illegal(legal), None, "{legal}");
        }
        for wrong in ["mx_1.example", ".", "", "a..b", "-a.example", "a-.example", "25.25.1.1", "m\\032x.example"] {
            assert!(illegal(wrong).is_some(), "{wrong}");
        }
    }

    #[test]
    fn a_helo_is_a_name_a_literal_or_unusable() {
        assert_eq!(helo_kind("mail.example.org"), HeloKind::Name);
        assert_eq!(helo_kind("[25.25.1.1]"), HeloKind::Literal("25.25.1.1".parse().unwrap()));
        assert_eq!(helo_kind("[IPv6:2a09:25::1]"), HeloKind::Literal("2a09:25::1".parse().unwrap()));
        for text in [
            "localhost",
            "localhost.localdomain",
            "mail.lan",
            "MAIL.Local",
            "mail",
            "25.25.1.1",
            "[x]",
            "a_b.example",
            "",
        ] {
            assert!(matches!(helo_kind(text), HeloKind::Unusable(_)), "{text}");
        }
    }
}
