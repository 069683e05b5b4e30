//! Response codes and extended errors by name.

pub(super) const NOERROR: u16 = 0;
pub(super) const FORMERR: u16 = 1;
pub(super) const SERVFAIL: u16 = 2;
pub(super) const NXDOMAIN: u16 = 3;
pub(super) const NOTIMP: u16 = 4;
pub(super) const REFUSED: u16 = 5;

/// The mnemonic of a response code (IANA "DNS RCODEs"), for example `SERVFAIL`.
pub(super) fn rcode(code: u16) -> String {
    let name = match code {
        NOERROR => "NOERROR",
        FORMERR => "FORMERR",
        SERVFAIL => "SERVFAIL",
        NXDOMAIN => "NXDOMAIN",
        NOTIMP => "NOTIMP",
        REFUSED => "REFUSED",
        6 => "YXDOMAIN",
        7 => "YXRRSET",
        8 => "NXRRSET",
        9 => "NOTAUTH",
        10 => "NOTZONE",
        16 => "BADVERS",
        23 => "BADCOOKIE",
        other => return format!("response code {other}"),
    };
    name.to_owned()
}

/// Whether an extended error says that DNSSEC validation failed because of
/// what the zone publishes: RFC 8914 §4.7 (Bogus) to §4.13 (NSEC Missing).
/// Indeterminate (5) is left out: there the resolver could not even tell.
pub(super) fn is_bogus(extended_error: u16) -> bool {
    (6..=12).contains(&extended_error)
}

/// What an extended error means (RFC 8914 §4 and the IANA registry).
pub(super) fn extended_error(code: u16) -> Option<&'static str> {
    Some(match code {
        1 => "unsupported DNSKEY algorithm",
        2 => "unsupported DS digest type",
        3 => "stale answer",
        4 => "forged answer",
        5 => "DNSSEC indeterminate",
        6 => "DNSSEC bogus",
        7 => "signature expired",
        8 => "signature not yet valid",
        9 => "DNSKEY missing",
        10 => "RRSIGs missing",
        11 => "no zone key bit set",
        12 => "NSEC missing",
        13 => "cached error",
        14 => "not ready",
        15 => "blocked",
        16 => "censored",
        17 => "filtered",
        18 => "prohibited",
        19 => "stale NXDOMAIN answer",
        20 => "not authoritative",
        21 => "not supported",
        22 => "no reachable authority",
        23 => "network error",
        24 => "invalid data",
        25 => "signature expired before valid",
        26 => "too early",
        27 => "unsupported NSEC3 iterations value",
        28 => "unable to conform to policy",
        29 => "synthesized",
        _ => return None,
    })
}
