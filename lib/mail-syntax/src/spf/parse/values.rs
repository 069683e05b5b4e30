//! The values of mechanisms: names, prefix lengths, addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Owner, Reader};
use crate::spf::{CidrFault, DomainFault, DualCidr, IssueKind, MacroString, Network, names};

impl<'a> Reader<'a> {
    /// The name of `include` and `exists`, which take nothing else.
    pub(super) fn required_domain(&mut self, sign: &str, mechanism: &str, value: &'a str) -> MacroString {
        let from = self.word.len() - value.len();
        let Some(name) = value.strip_prefix(':') else {
            let kind = if value.is_empty() { IssueKind::MissingValue } else { IssueKind::UnexpectedCidr };
            self.issue(kind, 0, self.word.len(), None);
            return MacroString::default();
        };
        let (plain, cidr) = split_cidr(name);
        if !cidr.is_empty() && !plain.is_empty() {
            let wish = Some(format!("{sign}{mechanism}:{plain}"));
            self.issue(IssueKind::UnexpectedCidr, self.word.len() - cidr.len(), self.word.len(), wish);
            return self.domain(plain, from + 1, Owner::Mechanism);
        }
        self.domain(name, from + 1, Owner::Mechanism)
    }

    /// The name and prefix lengths of `a` and `mx`.
    pub(super) fn optional_domain(
        &mut self,
        sign: &str,
        mechanism: &str,
        value: &'a str,
    ) -> (Option<MacroString>, DualCidr) {
        let from = self.word.len() - value.len();
        let (name, cidr) = match value.strip_prefix(':') {
            Some(named) => {
                let (name, cidr) = split_cidr(named);
                (Some(name), cidr)
            }
            None => (None, value),
        };
        if name == Some("") {
            self.issue(IssueKind::MissingValue, from, from + 1, Some(format!("{sign}{mechanism}{cidr}")));
            return (None, DualCidr::default());
        }
        let target = name.map(|name| self.domain(name, from + 1, Owner::Mechanism));
        (target, self.dual_cidr(cidr))
    }

    /// A name that DNS is asked about (`domain-spec`, §7.1), at `from` in the word.
    pub(super) fn domain(&mut self, text: &'a str, from: usize, owner: Owner) -> MacroString {
        if text.is_empty() {
            self.issue(IssueKind::MissingValue, 0, self.word.len(), None);
            return MacroString::default();
        }
        let known = self.issues.len();
        let string = self.macro_string(text, from);
        if self.issues.len() > known {
            return string;
        }
        if let Some((fault, start)) = domain_fault(&string) {
            let wish = match (fault, text.parse()) {
                (DomainFault::IsAddress, Ok(address)) if owner == Owner::Mechanism => {
                    let sign = &self.word[..self.word.len() - self.word.trim_start_matches(['+', '-', '~', '?']).len()];
                    Some(format!("{sign}{}", written(address)))
                }
                _ => None,
            };
            self.issue(IssueKind::Domain(fault), from + start, from + text.len(), wish);
        }
        string
    }

    /// `/n`, `//n` or `/n//n`, or nothing (§5.3); it ends the word.
    fn dual_cidr(&mut self, cidr: &str) -> DualCidr {
        let from = self.word.len() - cidr.len();
        let mut lengths = DualCidr::default();
        let (v4, v6) = match cidr.find("//") {
            Some(at) => (&cidr[..at], Some(&cidr[at + 2..])),
            None => (cidr, None),
        };
        if let Some(digits) = v4.strip_prefix('/') {
            match length(digits, 32) {
                Ok(n) => lengths.v4 = n,
                Err(fault) => self.issue(IssueKind::Cidr(fault), from, from + v4.len(), None),
            }
        }
        if let Some(digits) = v6 {
            match length(digits, 128) {
                Ok(n) => lengths.v6 = n,
                Err(fault) => self.issue(IssueKind::Cidr(fault), from + v4.len(), self.word.len(), None),
            }
        }
        lengths
    }

    /// The network of `ip4` and `ip6` (§5.6).
    pub(super) fn network(&mut self, sign: &str, v4: bool, value: &'a str) -> Option<Network> {
        let (name, bits) = if v4 { ("ip4", 32) } else { ("ip6", 128) };
        let from = self.word.len() - value.len();
        let text = value.strip_prefix(':').unwrap_or("");
        let (plain, cidr) = text.split_at(text.find('/').unwrap_or(text.len()));
        if plain.is_empty() {
            self.issue(IssueKind::MissingValue, 0, self.word.len(), None);
            return None;
        }
        let end = from + 1 + plain.len();
        let length = match cidr.strip_prefix('/') {
            None => bits,
            Some(digits) => match length(digits, bits) {
                Ok(n) => n,
                Err(fault) => {
                    // `/00` is not offered as `/0`: nobody means every address.
                    let wish = Some(digits.trim_start_matches('0'))
                        .filter(|digits| fault == CidrFault::LeadingZero && !digits.is_empty())
                        .map(|digits| format!("{sign}{name}:{plain}/{digits}"));
                    self.issue(IssueKind::Cidr(fault), end, self.word.len(), wish);
                    bits
                }
            },
        };
        let address: Option<IpAddr> = if v4 {
            plain.parse::<Ipv4Addr>().ok().map(Into::into)
        } else {
            plain.parse::<Ipv6Addr>().ok().map(Into::into)
        };
        if let Some(address) = address {
            return Some(Network { address, length });
        }
        match plain.parse::<IpAddr>() {
            Ok(address) => {
                self.issue(IssueKind::WrongFamily, from + 1, end, Some(format!("{sign}{}{cidr}", written(address))));
                None
            }
            Err(_) => {
                let bare =
                    plain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).and_then(|ip| ip.parse().ok());
                let wish = bare.map(|address: IpAddr| format!("{sign}{}{cidr}", written(address)));
                self.issue(IssueKind::Address, from + 1, end, wish);
                None
            }
        }
    }
}

fn written(address: IpAddr) -> String {
    format!("{}:{address}", if address.is_ipv4() { "ip4" } else { "ip6" })
}

/// Cuts a prefix length off the end of a name. Names may hold slashes, so
/// only slashes followed by nothing but digits and slashes count.
fn split_cidr(text: &str) -> (&str, &str) {
    let tail = text.trim_end_matches(|c: char| c.is_ascii_digit() || c == '/').len();
    match text[tail..].find('/') {
        Some(slash) => text.split_at(tail + slash),
        None => (text, ""),
    }
}

fn length(digits: &str, bits: u8) -> Result<u8, CidrFault> {
    if digits.contains('/') {
        Err(CidrFault::Shape)
    } else if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        Err(CidrFault::NotANumber)
    } else if digits.len() > 1 && digits.starts_with('0') {
        Err(CidrFault::LeadingZero)
    } else {
        digits.parse().ok().filter(|n| *n <= bits).ok_or(CidrFault::TooLong(bits))
    }
}

/// What is wrong with a name, and where the fault begins in it.
fn domain_fault(string: &MacroString) -> Option<(DomainFault, usize)> {
    let text = string.as_str();
    let tail = string.literal_tail();
    if tail.is_empty() {
        return None;
    }
    let numeric = || text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'.' || b == b':');
    if numeric() && text.parse::<IpAddr>().is_ok() {
        return Some((DomainFault::IsAddress, 0));
    }
    let name = tail.strip_suffix('.').unwrap_or(tail);
    let Some(dot) = name.rfind('.') else {
        let fault = if string.is_literal() { DomainFault::SingleLabel } else { DomainFault::TopLabel };
        return Some((fault, text.len() - tail.len()));
    };
    let top = &name[dot + 1..];
    let is_top = !top.is_empty()
        && top.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !top.starts_with('-')
        && !top.ends_with('-')
        && !top.bytes().all(|b| b.is_ascii_digit());
    if !is_top {
        return Some((DomainFault::TopLabel, text.len() - tail.len() + dot + usize::from(!top.is_empty())));
    }
    names::fault(text).filter(|_| string.is_literal()).map(|fault| (fault, 0))
}
