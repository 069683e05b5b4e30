//! Blocklist zones: what they answer (RFC 5782).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hickory_proto::rr::{
    Name, RData, Record, RecordType,
    rdata::{A, TXT},
};

use crate::{
    names::Look,
    world::{Behaviour, Blocklist, ListKind},
    zone,
};

/// The TTL of blocklist answers, in seconds.
const TTL: u32 = 300;

/// A `[[blocklist]]` section, ready to answer.
#[derive(Debug)]
pub(crate) struct List {
    /// The zones, lower-case.
    pub(crate) zones: Vec<Name>,
    kind: ListKind,
    behaviour: Behaviour,
    entries: Vec<(Entry, Vec<Ipv4Addr>)>,
    canary: Vec<Ipv4Addr>,
    refusal: Ipv4Addr,
    text: Option<TXT>,
}

/// Who is listed.
#[derive(Debug, PartialEq, Eq)]
enum Entry {
    Network(IpAddr, u8),
    Domain(Name),
}

impl List {
    pub(crate) fn new(list: &Blocklist) -> Result<List, String> {
        if list.zones.is_empty() {
            return Err("`zones` is empty: expected at least one zone".into());
        }
        let entries = list.listed.iter().map(|(who, codes)| Ok((Entry::new(list.kind, who)?, codes.0.clone())));
        let text = list.text.as_ref().map(|text| text.as_bytes().chunks(255).collect());
        Ok(List {
            zones: list.zones.iter().map(|zone| zone::name(zone)).collect::<Result<_, _>>()?,
            kind: list.kind,
            behaviour: list.behaviour,
            entries: entries.collect::<Result<_, String>>()?,
            canary: list.canary.as_ref().map_or_else(|| vec![Ipv4Addr::new(127, 0, 0, 2)], |codes| codes.0.clone()),
            refusal: list.refusal.unwrap_or(Ipv4Addr::new(127, 255, 255, 254)),
            text: text.map(TXT::from_bytes),
        })
    }

    /// What `name`, which lies below `zone`, holds of `rtype`.
    pub(crate) fn look(&self, name: &Name, zone: &Name, rtype: RecordType) -> Look {
        let codes = match self.behaviour {
            Behaviour::Timeout => return Look::Silent,
            Behaviour::Silent => None,
            Behaviour::Refuses => Some(vec![self.refusal]),
            Behaviour::ListsEverything => Some(self.canary.clone()),
            Behaviour::Normal => self.codes(name, zone),
        };
        let Some(codes) = codes else { return Look::NxDomain };
        let record = |data| Record::from_rdata(name.clone(), TTL, data);
        let mut records = Vec::new();
        if matches!(rtype, RecordType::A | RecordType::ANY) {
            records.extend(codes.into_iter().map(|code| record(RData::A(A(code)))));
        }
        if matches!(rtype, RecordType::TXT | RecordType::ANY) {
            records.extend(self.text.iter().map(|text| record(RData::TXT(text.clone()))));
        }
        if records.is_empty() { Look::NoData } else { Look::Records(records) }
    }

    /// The return codes of a listing; `None` when `name` is not listed.
    fn codes(&self, name: &Name, zone: &Name) -> Option<Vec<Ipv4Addr>> {
        let subject = usize::from(name.num_labels().saturating_sub(zone.num_labels()));
        let labels: Vec<&[u8]> = name.iter().take(subject).collect();
        let listed: Vec<Ipv4Addr> = match self.kind {
            ListKind::Ip => {
                let address = reversed_address(&labels)?;
                if is_test_address(address) {
                    return Some(self.canary.clone());
                }
                self.listed(|entry| entry.covers(address))
            }
            ListKind::Domain => {
                let domain = Name::from_labels(labels).ok()?;
                if domain.eq_ignore_root(&Name::from_ascii("test").ok()?) {
                    return Some(self.canary.clone());
                }
                self.listed(|entry| matches!(entry, Entry::Domain(listed) if listed.eq_ignore_root(&domain)))
            }
        };
        (!listed.is_empty()).then_some(listed)
    }

    fn listed(&self, matches: impl Fn(&Entry) -> bool) -> Vec<Ipv4Addr> {
        let mut codes = Vec::new();
        for code in self.entries.iter().filter(|(entry, _)| matches(entry)).flat_map(|(_, codes)| codes) {
            if !codes.contains(code) {
                codes.push(*code);
            }
        }
        codes
    }
}

impl Entry {
    fn new(kind: ListKind, who: &str) -> Result<Entry, String> {
        if kind == ListKind::Domain {
            return Ok(Entry::Domain(zone::name(who)?));
        }
        let expected = || format!("`{who}` cannot be listed: expected an address or a network, such as `25.25.6.0/24`");
        let (address, prefix) = match who.split_once('/') {
            None => (who, None),
            Some((address, prefix)) => (address, Some(prefix.parse::<u8>().map_err(|_| expected())?)),
        };
        let address: IpAddr = address.parse().map_err(|_| expected())?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.unwrap_or(longest);
        if prefix > longest { Err(expected()) } else { Ok(Entry::Network(address, prefix)) }
    }

    fn covers(&self, address: IpAddr) -> bool {
        let same =
            |a: u128, b: u128, shift: u32| a.checked_shr(shift).unwrap_or(0) == b.checked_shr(shift).unwrap_or(0);
        match (self, address) {
            (Entry::Network(IpAddr::V4(net), prefix), IpAddr::V4(address)) => {
                same(net.to_bits().into(), address.to_bits().into(), 32 - u32::from(*prefix))
            }
            (Entry::Network(IpAddr::V6(net), prefix), IpAddr::V6(address)) => {
                same(net.to_bits(), address.to_bits(), 128 - u32::from(*prefix))
            }
            _ => false,
        }
    }
}

/// The test entries of address lists (RFC 5782 §5).
fn is_test_address(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address == Ipv4Addr::new(127, 0, 0, 2),
        IpAddr::V6(address) => address == Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0x7f00, 2),
    }
}

/// Reads the four octets or 32 nibbles of a query (RFC 5782 §2.1, §2.4).
fn reversed_address(labels: &[&[u8]]) -> Option<IpAddr> {
    let texts = labels.iter().rev().map(|label| std::str::from_utf8(label).ok()).collect::<Option<Vec<_>>>()?;
    match texts.len() {
        4 => texts.join(".").parse().ok().map(IpAddr::V4),
        32 => {
            let digits = texts.concat();
            let bits = (digits.len() == 32).then(|| u128::from_str_radix(&digits, 16).ok())??;
            Some(IpAddr::V6(Ipv6Addr::from_bits(bits)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn codes(section: &str, question: &str) -> String {
        let list = List::new(&toml::from_str(section).unwrap()).unwrap();
        match list.look(&zone::name(question).unwrap(), &list.zones[0], RecordType::A) {
            Look::Records(records) => records.iter().map(|r| r.data.to_string()).collect::<Vec<_>>().join(" "),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn addresses_are_listed_alone_and_by_network() {
        let list = r#"
            zones = ["bl.example"]
            listed = { "25.25.6.6" = ["127.0.0.4", "127.0.0.10"], "25.25.6.0/24" = "127.0.0.4", "2a09:25::/32" = "127.0.0.3" }
        "#;
        let nibbles = "6.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.5.2.0.0.9.0.a.2.bl.example";
        for (question, expected) in [
            ("6.6.25.25.bl.example", "127.0.0.4 127.0.0.10"),
            ("7.6.25.25.bl.example", "127.0.0.4"),
            ("6.7.25.25.bl.example", "NxDomain"),
            (nibbles, "127.0.0.3"),
            ("2.0.0.127.bl.example", "127.0.0.2"),
            ("1.0.0.127.bl.example", "NxDomain"),
            ("2.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.bl.example", "127.0.0.2"),
            ("25.25.bl.example", "NxDomain"),
            ("x.6.25.25.bl.example", "NxDomain"),
        ] {
            assert_eq!(codes(list, question), expected, "{question}");
        }
    }

    #[test]
    fn domains_are_listed_and_the_test_entry_may_have_its_own_code() {
        let list = r#"
            zones = ["dbl.example"]
            kind = "domain"
            canary = "127.0.1.2"
            listed = { "Bad.example" = "127.0.1.4" }
        "#;
        for (question, expected) in [
            ("bad.example.dbl.example", "127.0.1.4"),
            ("x.bad.example.dbl.example", "NxDomain"),
            ("TEST.dbl.example", "127.0.1.2"),
            ("invalid.dbl.example", "NxDomain"),
        ] {
            assert_eq!(codes(list, question), expected, "{question}");
        }
    }

    #[test]
    fn lists_misbehave_as_told() {
        for (behaviour, expected) in [
            ("refuses", "127.255.255.254"),
            ("lists-everything", "127.0.0.2"),
            ("silent", "NxDomain"),
            ("timeout", "Silent"),
        ] {
            let list =
                format!("zones = ['bl.example']\nbehaviour = '{behaviour}'\nlisted = {{ '25.25.6.6' = '127.0.0.9' }}");
            for question in ["6.6.25.25.bl.example", "2.0.0.127.bl.example", "1.0.0.127.bl.example"] {
                assert_eq!(codes(&list, question), expected, "{behaviour} {question}");
            }
        }
    }

    #[test]
    fn a_listing_of_neither_address_nor_network_is_refused() {
        for who in ["bad.example", "25.25.6.0/33", "25.25.6", "25.25.6.0/x"] {
            assert!(Entry::new(ListKind::Ip, who).unwrap_err().contains(who));
        }
    }
}
