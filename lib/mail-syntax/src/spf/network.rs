//! Networks, and whether an address lies in one.

use std::{fmt, net::IpAddr};

/// An address with a prefix length: the value of `ip4` and `ip6`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network {
    /// The address as written, host bits included.
    pub address: IpAddr,
    /// How many leading bits count; at most 32 or 128.
    pub length: u8,
}

impl Network {
    /// The network that is one address.
    pub fn host(address: IpAddr) -> Self {
        Network { address, length: bits(address) }
    }

    /// Whether `ip` lies in it. Families never mix (RFC 7208 §5): an
    /// IPv4-mapped address must be unmapped first, as [`super::check_host`] does.
    pub fn contains(&self, ip: IpAddr) -> bool {
        let differing = match (self.address, ip) {
            (IpAddr::V4(a), IpAddr::V4(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
            (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
            _ => return false,
        };
        differing >= u32::from(self.length)
    }

    /// Whether all of `other` lies in it.
    pub fn covers(&self, other: &Network) -> bool {
        self.length <= other.length && self.contains(other.address)
    }

    /// Whether it is a single address.
    pub fn is_host(&self) -> bool {
        self.length == bits(self.address)
    }

    /// The same network without host bits, for example `192.0.2.0/24` for `192.0.2.7/24`.
    pub fn masked(&self) -> Network {
        let address = match self.address {
            IpAddr::V4(ip) => {
                IpAddr::V4((ip.to_bits() & u32::MAX.checked_shl(32 - u32::from(self.length)).unwrap_or(0)).into())
            }
            IpAddr::V6(ip) => {
                IpAddr::V6((ip.to_bits() & u128::MAX.checked_shl(128 - u32::from(self.length)).unwrap_or(0)).into())
            }
        };
        Network { address, length: self.length }
    }
}

/// The address, and `/n` unless it is a single address.
impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)?;
        if self.is_host() { Ok(()) } else { write!(f, "/{}", self.length) }
    }
}

/// The prefix lengths of `a` and `mx` (RFC 7208 §5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DualCidr {
    /// For IPv4, 0 to 32; 32 where none is written.
    pub v4: u8,
    /// For IPv6, 0 to 128; 128 where none is written.
    pub v6: u8,
}

impl Default for DualCidr {
    fn default() -> Self {
        DualCidr { v4: 32, v6: 128 }
    }
}

impl DualCidr {
    /// The network around `address`.
    pub fn around(self, address: IpAddr) -> Network {
        Network { address, length: if address.is_ipv4() { self.v4 } else { self.v6 } }
    }
}

/// `/24//64`; nothing for the defaults.
impl fmt::Display for DualCidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.v4 != 32 {
            write!(f, "/{}", self.v4)?;
        }
        if self.v6 != 128 {
            write!(f, "//{}", self.v6)?;
        }
        Ok(())
    }
}

fn bits(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}
