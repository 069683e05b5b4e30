//! Whether the name of an address looks like one that a network gave out by rule.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::OnceLock,
};

use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
struct Words {
    dynamic: Vec<String>,
    access: Vec<String>,
}

fn words() -> &'static Words {
    static WORDS: OnceLock<Words> = OnceLock::new();
    // A test reads this file; it is compiled in.
    WORDS.get_or_init(|| toml::from_str(include_str!("../data/generic.toml")).unwrap_or_default())
}

/// Why `name`, the name of `ip`, looks generic, as a fragment; `None` for one
/// that looks chosen. `more` are dynamic words beside the built-in ones.
pub fn reason(name: &str, ip: IpAddr, more: &[String]) -> Option<String> {
    let labels: Vec<&str> = name.split('.').collect();
    let chosen = labels[..labels.len().saturating_sub(2)].join(".").to_ascii_lowercase();
    if chosen.is_empty() {
        return None;
    }
    let by_address = match ip {
        IpAddr::V4(ip) => v4_inside(&chosen, ip),
        IpAddr::V6(ip) => v6_inside(&chosen, ip).then_some("the address"),
    };
    if let Some(form) = by_address {
        return Some(format!("it holds {form}"));
    }
    let tokens = tokens(&chosen);
    let is = |list: &[String]| tokens.iter().find(|token| list.iter().any(|word| word.eq_ignore_ascii_case(token)));
    if let Some(word) = is(&words().dynamic).or_else(|| is(more)) {
        return Some(format!("it has the word `{word}`"));
    }
    let word = is(&words().access)?;
    let number = tokens.iter().find(|token| part_of(ip, token))?;
    Some(format!("it has the word `{word}` beside `{number}`, a part of the address"))
}

/// Runs of letters and runs of digits; a run of both is taken whole as well.
fn tokens(name: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    for word in name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()) {
        tokens.push(word.to_owned());
        let mut run = String::new();
        for c in word.chars() {
            if run.chars().last().is_some_and(|last| last.is_ascii_digit() != c.is_ascii_digit()) {
                tokens.push(std::mem::take(&mut run));
            }
            run.push(c);
        }
        if run.len() < word.len() {
            tokens.push(run);
        }
    }
    tokens
}

/// Whether `token` is a number of two digits or more that the address ends in.
fn part_of(ip: IpAddr, token: &str) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [_, _, c, d] = ip.octets();
            let is_number = token.len() >= 2 && token.bytes().all(|b| b.is_ascii_digit());
            is_number && token.parse::<u16>().is_ok_and(|number| number == u16::from(d) || number == u16::from(c))
        }
        IpAddr::V6(ip) => {
            let [.., g, h] = ip.segments();
            token.len() >= 3 && [g, h].iter().any(|part| *part > 0xff && format!("{part:x}") == token)
        }
    }
}

/// The form in which all of `ip` stands in `name`.
fn v4_inside(name: &str, ip: Ipv4Addr) -> Option<&'static str> {
    let octets = ip.octets();
    let mut numbers: Vec<u32> = name
        .split(|c: char| !c.is_ascii_digit())
        .filter(|run| !run.is_empty() && run.len() <= 3)
        .filter_map(|run| run.parse().ok())
        .collect();
    let all = octets.iter().all(|octet| {
        let place = numbers.iter().position(|number| *number == u32::from(*octet));
        place.map(|place| numbers.swap_remove(place)).is_some()
    });
    if all {
        return Some("the octets of the address");
    }
    let [a, b, c, d] = octets;
    let padded = |octets: [u8; 4]| octets.map(|octet| format!("{octet:03}")).concat();
    if name.contains(&padded([a, b, c, d])) || name.contains(&padded([d, c, b, a])) {
        return Some("the octets of the address, written together");
    }
    let hex = |octets: [u8; 4]| octets.map(|octet| format!("{octet:02x}")).concat();
    let is_hex = |form: String| name.split(['.', '-', '_']).any(|word| word.contains(&form));
    if is_hex(hex([a, b, c, d])) || is_hex(hex([d, c, b, a])) {
        return Some("the address in hexadecimal");
    }
    let decimal = u32::from(ip).to_string();
    tokens(name).contains(&decimal).then_some("the address as one number")
}

/// Whether `name` spells `ip`: all its digits in a row whatever stands between
/// them, in either order, or its interface identifier so, or its groups.
fn v6_inside(name: &str, ip: Ipv6Addr) -> bool {
    let nibbles: String = ip.segments().iter().map(|part| format!("{part:04x}")).collect();
    let joined: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let backwards: String = nibbles.chars().rev().collect();
    let own = &nibbles[16..];
    let own_is_telling = own.trim_start_matches('0').len() >= 8;
    if joined.contains(&nibbles) || joined.contains(&backwards) || (own_is_telling && joined.contains(own)) {
        return true;
    }
    // Groups as `2a09-25--1` or `2a09.25.0.1`: at least three that are not zero, in order.
    let groups: Vec<String> = ip.segments().iter().filter(|part| **part != 0).map(|part| format!("{part:x}")).collect();
    let mut words = name.split(|c: char| !c.is_ascii_alphanumeric()).map(|word| match word.trim_start_matches('0') {
        "" => word,
        trimmed => trimmed,
    });
    groups.len() >= 3 && groups.iter().all(|group| words.any(|word| word == group))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn generic(name: &str, ip: &str) -> bool {
        reason(name, ip.parse().unwrap(), &["basement".to_owned()]).is_some()
    }

    #[test]
    fn the_words_are_read() {
        assert!(words().dynamic.len() > 10 && words().access.len() > 10);
    }

    #[test]
    fn names_given_out_by_rule_are_seen() {
        for (name, ip) in [
            ("25-25-1-77.isp.example", "25.25.1.77"),
            ("77.1.25.25.isp.example", "25.25.1.77"),
            ("host77-1.25.25.pool.isp.example", "25.25.1.77"),
            ("ip025025001077.isp.example", "25.25.1.77"),
            ("p1919014d.dip0.isp.example", "25.25.1.77"),
            ("pd9e3a1b2.dsl.isp.example", "25.25.1.77"),
            ("x19-19-01-4d-1919014d.isp.example", "25.25.1.77"),
            ("420020557.isp.example", "25.9.1.77"),
            ("dhcp-77.isp.example", "25.25.1.77"),
            ("static-77.isp.example", "25.25.1.77"),
            ("vps77.hoster.example", "25.25.1.77"),
            ("cable-77.isp.example", "25.25.1.77"),
            ("basement.isp.example", "25.25.1.77"),
            ("2a09-25--1-77.isp.example", "2a09:25::1:77"),
            ("7.7.0.0.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.5.2.0.0.9.0.a.2.isp.example", "2a09:25::1:77"),
            ("cpe-deadbeef01020304.isp.example", "2a09:25::dead:beef:102:304"),
        ] {
            assert!(generic(name, ip), "{name}");
        }
    }

    #[test]
    fn names_that_somebody_chose_are_left_alone() {
        for (name, ip) in [
            ("mx1.healthy.example", "25.25.10.1"),
            ("mail.example", "25.25.1.77"),
            ("mail-ed1-f77.mailer.example", "25.25.1.77"),
            ("dsl.example", "25.25.1.77"),
            ("mx.cable.example", "25.25.1.77"),
            ("server.example.org", "25.25.1.77"),
            ("vps3.hoster.example", "25.25.1.3"),
            ("smtp-out-25.relay.example", "25.25.1.77"),
            ("pool.mail.example.org", "25.25.1.77"),
            ("mx.one.example", "2a09:25::1"),
            ("mail1.healthy.example", "2a09:25:10::1"),
        ] {
            assert_eq!(reason(name, ip.parse().unwrap(), &[]), None, "{name}");
        }
    }
}
