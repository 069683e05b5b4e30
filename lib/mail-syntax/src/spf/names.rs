//! Names as DNS can be asked about them.

use std::{fmt::Write, net::IpAddr};

use super::DomainFault;

/// Whether a DNS question can be made of `name`: no empty label, labels of at
/// most 63 bytes, 253 in all (RFC 1035 §2.3.4). A final dot is allowed.
pub fn is_queryable(name: &str) -> bool {
    fault(name).is_none()
}

/// Why no DNS question can be made of `name`.
pub(super) fn fault(name: &str) -> Option<DomainFault> {
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.len() > 253 {
        return Some(DomainFault::LongName);
    }
    name.split('.').find_map(|label| match label.len() {
        0 => Some(DomainFault::EmptyLabel),
        1..=63 => None,
        _ => Some(DomainFault::LongLabel),
    })
}

/// Lower-case, without the final dot: equal names are equal strings. Doing it
/// again changes nothing: of several final dots, which no name has, none is taken
/// away, so that [`is_queryable`] still sees them.
pub(super) fn normal(name: &str) -> String {
    into_normal(name.to_owned())
}

/// The same of a name that is no longer needed as it was.
pub(super) fn into_normal(mut name: String) -> String {
    if name.ends_with('.') && !name.ends_with("..") {
        name.pop();
    }
    name.make_ascii_lowercase();
    name
}

/// The exchanges of MX records that have a name which can be asked about.
pub(super) fn exchanges(hosts: &[String]) -> Vec<String> {
    let named = |host: &String| !host.is_empty() && is_queryable(host);
    hosts.iter().map(|host| normal(host)).filter(named).collect()
}

/// The name under which the PTR records of `ip` stand (RFC 1035 §3.5, RFC 3596 §2.5).
pub fn reverse_name(ip: IpAddr) -> String {
    let mut name = dotted(ip, true);
    name.push_str(if ip.is_ipv4() { ".in-addr.arpa" } else { ".ip6.arpa" });
    name
}

/// The `i` macro: dotted octets, or dotted nibbles (RFC 7208 §7.3).
pub(super) fn dotted(ip: IpAddr, reversed: bool) -> String {
    let mut text = String::with_capacity(64);
    let mut part = |value: u8, hex: bool| {
        let dot = if text.is_empty() { "" } else { "." };
        // Writing to a String cannot fail.
        let _ = if hex { write!(text, "{dot}{value:x}") } else { write!(text, "{dot}{value}") };
    };
    match ip {
        IpAddr::V4(ip) => {
            let mut octets = ip.octets();
            if reversed {
                octets.reverse();
            }
            octets.into_iter().for_each(|octet| part(octet, false));
        }
        IpAddr::V6(ip) => {
            let octets = ip.octets();
            let nibble = |at: usize| if at.is_multiple_of(2) { octets[at / 2] >> 4 } else { octets[at / 2] & 15 };
            (0..32).for_each(|at| part(nibble(if reversed { 31 - at } else { at }), true));
        }
    }
    text
}
