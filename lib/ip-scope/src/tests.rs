#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;

/// Every row of the two registries as published: block, RFC, globally
/// reachable ("N/A" counts as no).
const IANA: &[(&str, &str, bool)] = &[
    ("0.0.0.0/8", "RFC 791", false),
    ("0.0.0.0/32", "RFC 1122", false),
    ("10.0.0.0/8", "RFC 1918", false),
    ("100.64.0.0/10", "RFC 6598", false),
    ("127.0.0.0/8", "RFC 1122", false),
    ("169.254.0.0/16", "RFC 3927", false),
    ("172.16.0.0/12", "RFC 1918", false),
    ("192.0.0.0/24", "RFC 6890", false),
    ("192.0.0.0/29", "RFC 7335", false),
    ("192.0.0.8/32", "RFC 7600", false),
    ("192.0.0.9/32", "RFC 7723", true),
    ("192.0.0.10/32", "RFC 8155", true),
    ("192.0.0.170/32", "RFC 8880", false),
    ("192.0.0.171/32", "RFC 8880", false),
    ("192.0.2.0/24", "RFC 5737", false),
    ("192.31.196.0/24", "RFC 7535", true),
    ("192.52.193.0/24", "RFC 7450", true),
    ("192.88.99.0/24", "RFC 7526", false),
    ("192.168.0.0/16", "RFC 1918", false),
    ("192.175.48.0/24", "RFC 7534", true),
    ("198.18.0.0/15", "RFC 2544", false),
    ("198.51.100.0/24", "RFC 5737", false),
    ("203.0.113.0/24", "RFC 5737", false),
    ("240.0.0.0/4", "RFC 1112", false),
    ("255.255.255.255/32", "RFC 919", false),
    ("::1/128", "RFC 4291", false),
    ("::/128", "RFC 4291", false),
    ("::ffff:0:0/96", "RFC 4291", false),
    ("64:ff9b:1::/48", "RFC 8215", false),
    ("100::/64", "RFC 6666", false),
    ("100:0:0:1::/64", "RFC 9780", false),
    ("2001::/32", "RFC 4380", false),
    ("2001:1::1/128", "RFC 7723", true),
    ("2001:1::2/128", "RFC 8155", true),
    ("2001:1::3/128", "RFC 9665", true),
    ("2001:2::/48", "RFC 5180", false),
    ("2001:3::/32", "RFC 7450", true),
    ("2001:4:112::/48", "RFC 7535", true),
    ("2001:10::/28", "RFC 4843", false),
    ("2001:20::/28", "RFC 7343", true),
    ("2001:30::/28", "RFC 9374", true),
    ("2001::/23", "RFC 2928", false),
    ("2001:db8::/32", "RFC 3849", false),
    ("2002::/16", "RFC 3056", false),
    ("2620:4f:8000::/48", "RFC 7534", true),
    ("3fff::/20", "RFC 9637", false),
    ("5f00::/16", "RFC 9602", false),
    ("fc00::/7", "RFC 4193", false),
    ("fe80::/10", "RFC 4291", false),
];

fn ends(block: &str) -> (IpAddr, IpAddr) {
    let (first, length) = block.split_once('/').unwrap();
    let length: u32 = length.parse().unwrap();
    let first: IpAddr = first.parse().unwrap();
    let last = match first {
        IpAddr::V4(ip) => {
            IpAddr::V4(Ipv4Addr::from_bits(ip.to_bits() | u32::MAX.checked_shr(length).unwrap_or_default()))
        }
        IpAddr::V6(ip) => {
            IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() | u128::MAX.checked_shr(length).unwrap_or_default()))
        }
    };
    (first, last)
}

#[test]
fn every_row_of_the_registries_is_known_at_its_last_address() {
    for &(row, source, global) in IANA {
        let (_, last) = ends(row);
        // 255.255.255.255 is also the end of 240.0.0.0/4; ask that row elsewhere.
        let probe = if row == "240.0.0.0/4" { "250.1.2.3".parse().unwrap() } else { last };
        let block = scope(probe).block().unwrap_or_else(|| panic!("{row}: {probe} is in no block"));
        assert!(block.source.starts_with(source), "{row}: {probe} is in {block}");
        assert_eq!(is_global(probe), global, "{row}: {probe}");
    }
}

#[test]
fn no_row_is_wrong_about_its_own_first_address() {
    for block in V4.iter().chain(&V6) {
        let (first, _) = ends(&format!("{}/{}", block.network, block.length));
        assert!(block.contains(first), "{block}");
        let bits = match block.network {
            IpAddr::V4(ip) => u128::from(ip.to_bits()) << 96,
            IpAddr::V6(ip) => ip.to_bits(),
        };
        assert!(bits.trailing_zeros() >= 128 - u32::from(block.length), "{block} has bits beyond its length");
    }
}

#[test]
fn the_neighbours_of_a_block_are_ordinary() {
    for ip in [
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "192.0.3.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "203.0.112.255",
        "203.0.114.0",
        "223.255.255.255",
        "1.1.1.1",
        "25.25.1.1",
        "2001:200::",
        "2001:db7:ffff::1",
        "2001:db9::",
        "2003::",
        "2a09:25::1",
        "2000::",
        "3ffe:ffff::1",
        "3fff:1000::",
    ] {
        assert_eq!(scope(ip.parse().unwrap()), Scope::Ordinary, "{ip}");
    }
}

#[test]
fn what_no_registry_hands_out_is_not_public() {
    for ip in
        ["224.0.0.1", "239.255.255.255", "ff02::1", "fec0::1", "1::1", "4000::1", "e000::1", "fe00::1", "::10.1.2.3"]
    {
        assert!(!is_global(ip.parse().unwrap()), "{ip}");
    }
}

#[test]
fn a_nat64_address_is_as_public_as_the_address_that_it_carries() {
    assert!(is_global("64:ff9b::25.25.1.1".parse().unwrap()));
    assert_eq!(scope("64:ff9b::10.0.0.1".parse().unwrap()).block().unwrap().source, "RFC 1918");
    assert!(!is_global("::ffff:25.25.1.1".parse().unwrap()));
}
