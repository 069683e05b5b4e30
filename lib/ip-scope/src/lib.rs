//! Whether an IP address can be reached over the public internet and, where
//! it cannot, which special-purpose block it lies in.
//!
//! ```
//! let address = "192.168.1.9".parse().unwrap();
//! let block = ip_scope::scope(address).block().unwrap();
//! assert_eq!(block.to_string(), "192.168.0.0/16 (private use, RFC 1918)");
//! assert!(!ip_scope::is_global(address));
//! assert!(ip_scope::is_global("25.25.1.1".parse().unwrap()));
//! ```
//!
//! The rows are those of the IANA IPv4 and IPv6 Special-Purpose Address
//! Registries (edition of 2025-10-09), and of the IANA address space
//! registries for what those leave out: multicast, and IPv6 outside 2000::/3.

mod table;

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use table::{V4, V6};

/// A block of addresses that is set aside for a purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// The first address of the block.
    pub network: IpAddr,
    /// How many leading bits its addresses share.
    pub length: u8,
    /// What it is set aside for, as a noun phrase, for example `private use`.
    pub purpose: &'static str,
    /// The document that sets it aside, for example `RFC 1918`.
    pub source: &'static str,
    /// Whether its addresses can be reached over the public internet. Where
    /// the registry says "N/A" (6to4, Teredo) they cannot be relied on: false.
    pub global: bool,
}

impl Block {
    /// Whether `ip` lies in the block. An IPv4 address lies in no IPv6 block.
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (self.network, ip) {
            (IpAddr::V4(network), IpAddr::V4(ip)) => {
                (network.to_bits() ^ ip.to_bits()).leading_zeros() >= u32::from(self.length)
            }
            (IpAddr::V6(network), IpAddr::V6(ip)) => {
                (network.to_bits() ^ ip.to_bits()).leading_zeros() >= u32::from(self.length)
            }
            _ => false,
        }
    }
}

/// `10.0.0.0/8 (private use, RFC 1918)`.
impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} ({}, {})", self.network, self.length, self.purpose, self.source)
    }
}

/// Where an address can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// An ordinary public address.
    Ordinary,
    /// An address of a special-purpose block, which [`Block::global`] may
    /// nevertheless make public.
    Special(&'static Block),
}

impl Scope {
    /// Whether the address can be reached over the public internet.
    pub fn is_global(self) -> bool {
        match self {
            Scope::Ordinary => true,
            Scope::Special(block) => block.global,
        }
    }

    /// The special-purpose block, if the address lies in one.
    pub fn block(self) -> Option<&'static Block> {
        match self {
            Scope::Ordinary => None,
            Scope::Special(block) => Some(block),
        }
    }
}

/// The scope of `ip`: the smallest special-purpose block that holds it.
///
/// An address of the NAT64 well-known prefix is as public as the IPv4 address
/// that it carries (RFC 6052 §3.1), so the block of that one is given where it
/// is not public.
pub fn scope(ip: IpAddr) -> Scope {
    let rows: &'static [Block] = match ip {
        IpAddr::V4(_) => &V4,
        IpAddr::V6(_) => &V6,
    };
    let smallest = rows.iter().filter(|block| block.contains(ip)).max_by_key(|block| block.length);
    let carried = match ip {
        IpAddr::V6(ip) => nat64_carries(ip).map(|v4| scope(v4.into())).filter(|inner| !inner.is_global()),
        IpAddr::V4(_) => None,
    };
    match (carried, smallest) {
        (Some(inner), _) => inner,
        (None, Some(block)) => Scope::Special(block),
        (None, None) => Scope::Ordinary,
    }
}

/// Whether `ip` can be reached over the public internet: see [`scope`].
pub fn is_global(ip: IpAddr) -> bool {
    scope(ip).is_global()
}

fn nat64_carries(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    match ip.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low))),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
