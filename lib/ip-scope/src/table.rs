//! The registries' rows. A smaller block goes before a larger one that holds
//! it only for reading: [`crate::scope`] takes the smallest in any order.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::Block;

const PUBLIC: bool = true;
const NOT_PUBLIC: bool = false;

/// IANA IPv4 Special-Purpose Address Registry, and 224.0.0.0/4 of the IPv4
/// address space registry.
pub(crate) static V4: [Block; 25] = [
    v4([0, 0, 0, 0], 32, "this host on this network", "RFC 1122 §3.2.1.3", NOT_PUBLIC),
    v4([0, 0, 0, 0], 8, "this network", "RFC 791 §3.2", NOT_PUBLIC),
    v4([10, 0, 0, 0], 8, "private use", "RFC 1918", NOT_PUBLIC),
    v4([100, 64, 0, 0], 10, "shared use behind carrier-grade NAT", "RFC 6598", NOT_PUBLIC),
    v4([127, 0, 0, 0], 8, "loopback", "RFC 1122 §3.2.1.3", NOT_PUBLIC),
    v4([169, 254, 0, 0], 16, "link-local use", "RFC 3927", NOT_PUBLIC),
    v4([172, 16, 0, 0], 12, "private use", "RFC 1918", NOT_PUBLIC),
    v4([192, 0, 0, 0], 29, "IPv4 service continuity", "RFC 7335", NOT_PUBLIC),
    v4([192, 0, 0, 8], 32, "IPv4 dummy address", "RFC 7600", NOT_PUBLIC),
    v4([192, 0, 0, 9], 32, "Port Control Protocol anycast", "RFC 7723", PUBLIC),
    v4([192, 0, 0, 10], 32, "TURN anycast", "RFC 8155", PUBLIC),
    v4([192, 0, 0, 170], 31, "NAT64 and DNS64 discovery", "RFC 8880", NOT_PUBLIC),
    v4([192, 0, 0, 0], 24, "IETF protocol assignments", "RFC 6890 §2.1", NOT_PUBLIC),
    v4([192, 0, 2, 0], 24, "documentation", "RFC 5737", NOT_PUBLIC),
    v4([192, 31, 196, 0], 24, "AS112", "RFC 7535", PUBLIC),
    v4([192, 52, 193, 0], 24, "AMT relays", "RFC 7450", PUBLIC),
    v4([192, 88, 99, 0], 24, "6to4 relay anycast, deprecated", "RFC 7526", NOT_PUBLIC),
    v4([192, 168, 0, 0], 16, "private use", "RFC 1918", NOT_PUBLIC),
    v4([192, 175, 48, 0], 24, "AS112", "RFC 7534", PUBLIC),
    v4([198, 18, 0, 0], 15, "benchmarking", "RFC 2544", NOT_PUBLIC),
    v4([198, 51, 100, 0], 24, "documentation", "RFC 5737", NOT_PUBLIC),
    v4([203, 0, 113, 0], 24, "documentation", "RFC 5737", NOT_PUBLIC),
    v4([224, 0, 0, 0], 4, "multicast", "RFC 5771", NOT_PUBLIC),
    v4([255, 255, 255, 255], 32, "limited broadcast", "RFC 919 §7", NOT_PUBLIC),
    v4([240, 0, 0, 0], 4, "future use", "RFC 1112 §4", NOT_PUBLIC),
];

/// IANA IPv6 Special-Purpose Address Registry; fec0::/10, ff00::/8 and all
/// that lies outside 2000::/3 from the IPv6 address space registry.
pub(crate) static V6: [Block; 36] = [
    v6([0, 0, 0, 0, 0, 0, 0, 1], 128, "loopback", "RFC 4291 §2.5.3", NOT_PUBLIC),
    v6([0, 0, 0, 0, 0, 0, 0, 0], 128, "the unspecified address", "RFC 4291 §2.5.2", NOT_PUBLIC),
    v6([0, 0, 0, 0, 0, 0xffff, 0, 0], 96, "IPv4-mapped addresses", "RFC 4291 §2.5.5.2", NOT_PUBLIC),
    v6([0, 0, 0, 0, 0, 0, 0, 0], 96, "IPv4-compatible addresses, deprecated", "RFC 4291 §2.5.5.1", NOT_PUBLIC),
    v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96, "NAT64 translation", "RFC 6052", PUBLIC),
    v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48, "local NAT64 translation", "RFC 8215", NOT_PUBLIC),
    v6([0x100, 0, 0, 0, 0, 0, 0, 0], 64, "discarding packets", "RFC 6666", NOT_PUBLIC),
    v6([0x100, 0, 0, 1, 0, 0, 0, 0], 64, "dummy addresses", "RFC 9780", NOT_PUBLIC),
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32, "Teredo tunnels", "RFC 4380", NOT_PUBLIC),
    v6([0x2001, 1, 0, 0, 0, 0, 0, 1], 128, "Port Control Protocol anycast", "RFC 7723", PUBLIC),
    v6([0x2001, 1, 0, 0, 0, 0, 0, 2], 128, "TURN anycast", "RFC 8155", PUBLIC),
    v6([0x2001, 1, 0, 0, 0, 0, 0, 3], 128, "DNS-SD service registration anycast", "RFC 9665", PUBLIC),
    v6([0x2001, 2, 0, 0, 0, 0, 0, 0], 48, "benchmarking", "RFC 5180", NOT_PUBLIC),
    v6([0x2001, 3, 0, 0, 0, 0, 0, 0], 32, "AMT relays", "RFC 7450", PUBLIC),
    v6([0x2001, 4, 0x112, 0, 0, 0, 0, 0], 48, "AS112", "RFC 7535", PUBLIC),
    v6([0x2001, 0x10, 0, 0, 0, 0, 0, 0], 28, "ORCHID, deprecated", "RFC 4843", NOT_PUBLIC),
    v6([0x2001, 0x20, 0, 0, 0, 0, 0, 0], 28, "ORCHIDv2", "RFC 7343", PUBLIC),
    v6([0x2001, 0x30, 0, 0, 0, 0, 0, 0], 28, "drone remote identification", "RFC 9374", PUBLIC),
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23, "IETF protocol assignments", "RFC 2928", NOT_PUBLIC),
    v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32, "documentation", "RFC 3849", NOT_PUBLIC),
    v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16, "6to4 tunnels", "RFC 3056", NOT_PUBLIC),
    v6([0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0], 48, "AS112", "RFC 7534", PUBLIC),
    v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20, "documentation", "RFC 9637", NOT_PUBLIC),
    v6([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16, "segment routing identifiers", "RFC 9602", NOT_PUBLIC),
    v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, "unique local use", "RFC 4193", NOT_PUBLIC),
    v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10, "link-local use", "RFC 4291 §2.5.6", NOT_PUBLIC),
    v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10, "site-local use, deprecated", "RFC 3879", NOT_PUBLIC),
    v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8, "multicast", "RFC 4291 §2.7", NOT_PUBLIC),
    // All but 2000::/3, in powers of two.
    v6([0x0000, 0, 0, 0, 0, 0, 0, 0], 3, "future use", "RFC 4291 §2.4", NOT_PUBLIC),
    v6([0x4000, 0, 0, 0, 0, 0, 0, 0], 3, "future use", "RFC 4291 §2.4", NOT_PUBLIC),
    v6([0x6000, 0, 0, 0, 0, 0, 0, 0], 3, "future use", "RFC 4291 §2.4", NOT_PUBLIC),
    v6([0x8000, 0, 0, 0, 0, 0, 0, 0], 3, "future use", "RFC 4291 §2.4", NOT_PUBLIC),
    v6([0xa000, 0, 0, 0, 0, 0, 0, 0], 3, "future use", "RFC 4291 §2.4", NOT_PUBLIC),
    v6([0xc000, 0, 0, 0, 0, 0, 0, 0], 3, "future use", "RFC 4291 §2.4", NOT_PUBLIC),
    v6([0xe000, 0, 0, 0, 0, 0, 0, 0], 4, "future use", "RFC 4291 §2.4", NOT_PUBLIC),
    v6([0xf000, 0, 0, 0, 0, 0, 0, 0], 4, "future use", "RFC 4291 §2.4", NOT_PUBLIC),
];

const fn v4(octets: [u8; 4], length: u8, purpose: &'static str, source: &'static str, global: bool) -> Block {
    let [a, b, c, d] = octets;
    Block { network: IpAddr::V4(Ipv4Addr::new(a, b, c, d)), length, purpose, source, global }
}

const fn v6(segments: [u16; 8], length: u8, purpose: &'static str, source: &'static str, global: bool) -> Block {
    let [a, b, c, d, e, f, g, h] = segments;
    Block { network: IpAddr::V6(Ipv6Addr::new(a, b, c, d, e, f, g, h)), length, purpose, source, global }
}
