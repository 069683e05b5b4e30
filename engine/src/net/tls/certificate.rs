//! What a certificate says, as data.

use std::{
    fmt::Write as _,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use engine_plugin_api::services::CertificateFacts;
use ring::digest::{SHA256, SHA512, digest};
use rustls::pki_types::CertificateDer;
use x509_parser::{
    certificate::X509Certificate,
    extensions::GeneralName,
    objects::{oid_registry, oid2abbrev},
    parse_x509_certificate,
    public_key::PublicKey,
    x509::{AttributeTypeAndValue, X509Name, X509Version},
};

/// Stands for a name that cannot be read.
const UNREADABLE: &str = "(not readable)";

/// What `der` says. What cannot be read of it is empty, or 1970. What it is
/// worth as an anchor is left open.
pub fn facts(der: &CertificateDer<'_>) -> CertificateFacts {
    let mut facts = CertificateFacts {
        subject: UNREADABLE.to_owned(),
        issuer: UNREADABLE.to_owned(),
        names: Vec::new(),
        not_before: 0,
        not_after: 0,
        sha256: hex(digest(&SHA256, der).as_ref()),
        sha512: hex(digest(&SHA512, der).as_ref()),
        spki_sha256: String::new(),
        spki_sha512: String::new(),
        as_anchor: None,
    };
    if let Ok((_, certificate)) = parse_x509_certificate(der) {
        let key = certificate.public_key().raw;
        facts.subject = name(certificate.subject());
        facts.issuer = name(certificate.issuer());
        facts.names = alternative_names(&certificate);
        facts.not_before = certificate.validity().not_before.timestamp();
        facts.not_after = certificate.validity().not_after.timestamp();
        facts.spki_sha256 = hex(digest(&SHA256, key).as_ref());
        facts.spki_sha512 = hex(digest(&SHA512, key).as_ref());
    }
    facts
}

/// Whether the certificate names itself as its issuer.
pub fn is_self_issued(der: &CertificateDer<'_>) -> bool {
    parse_x509_certificate(der).is_ok_and(|(_, certificate)| certificate.subject() == certificate.issuer())
}

/// What of the certificate, rather than of the handshake, keeps TLS from being
/// held here: X.509 before version 3, or an RSA key of less than 2048 bits.
pub fn obstacle(der: &CertificateDer<'_>) -> Option<String> {
    let (_, certificate) = parse_x509_certificate(der).ok()?;
    if certificate.version() != X509Version::V3 {
        return Some(format!("it is X.509 version {}, and TLS wants 3", certificate.version().0.saturating_add(1)));
    }
    match certificate.public_key().parsed() {
        Ok(PublicKey::RSA(key)) if (1..LEAST_RSA_BITS).contains(&key.key_size()) => {
            Some(format!("its RSA key has {} bits, and {LEAST_RSA_BITS} are the least", key.key_size()))
        }
        _ => None,
    }
}

/// The shortest RSA key whose signatures ring verifies.
const LEAST_RSA_BITS: usize = 2048;

/// The DNS names and addresses of the subject alternative name (RFC 5280 §4.2.1.6).
fn alternative_names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    let names = extension.value.general_names.iter();
    names
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            GeneralName::IPAddress(bytes) => address(bytes).map(|address| address.to_string()),
            _ => None,
        })
        .collect()
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(|octets| Ipv4Addr::from(octets).into()),
        _ => <[u8; 16]>::try_from(bytes).ok().map(|octets| Ipv6Addr::from(octets).into()),
    }
}

/// A distinguished name as RFC 4514 §2 writes it: most specific part first.
fn name(name: &X509Name<'_>) -> String {
    let mut parts: Vec<String> =
        name.iter_rdn().map(|part| part.iter().map(attribute).collect::<Vec<_>>().join("+")).collect();
    parts.reverse();
    parts.join(",")
}

fn attribute(attribute: &AttributeTypeAndValue<'_>) -> String {
    let key = match oid2abbrev(attribute.attr_type(), oid_registry()) {
        Ok(word) => word.to_owned(),
        Err(_) => attribute.attr_type().to_id_string(),
    };
    match attribute.as_str() {
        Ok(value) => format!("{key}={}", escaped(value)),
        Err(_) => format!("{key}=#{}", hex(attribute.as_slice())),
    }
}

/// A value with the escapes of RFC 4514 §2.4.
fn escaped(value: &str) -> String {
    let last = value.chars().count().saturating_sub(1);
    let mut out = String::with_capacity(value.len());
    for (at, character) in value.chars().enumerate() {
        match character {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => out.extend(['\\', character]),
            '#' | ' ' if at == 0 => out.extend(['\\', character]),
            ' ' if at == last => out.push_str("\\ "),
            '\0'..='\x1f' | '\x7f' => {
                let _ = write!(out, "\\{:02X}", u32::from(character));
            }
            other => out.push(other),
        }
    }
    out
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distinguished_names_are_escaped() {
        assert_eq!(escaped("#a, \"b\" <c> \x1b "), "\\#a\\, \\\"b\\\" \\<c\\> \\1B\\ ");
        assert_eq!(escaped("Example Org"), "Example Org");
        assert_eq!(escaped(""), "");
    }

    #[test]
    fn what_is_no_certificate_is_told_by_its_hash_alone() {
        let facts = facts(&CertificateDer::from(b"abc".to_vec()));
        assert_eq!(facts.subject, UNREADABLE);
        // FIPS 180-2, appendix B.1.
        assert_eq!(facts.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    /// Self-signed, RSA with 1024 bits: `openssl req -x509 -newkey rsa:1024`.
    const SHORT_KEY: &str = "\
-----BEGIN CERTIFICATE-----
MIIB6zCCAVSgAwIBAgIUDfVnGIH661QzhHaSeLSqBIRZOyAwDQYJKoZIhvcNAQEL
BQAwFTETMBEGA1UEAwwKbXguZXhhbXBsZTAeFw0yNjExMjQwMjU5MzZaFw0zNjEx
MjEwMjU5MzZaMBUxEzARBgNVBAMMCm14LmV4YW1wbGUwgZ8wDQYJKoZIhvcNAQEB
BQADgY0AMIGJAoGBAKpykrrZ0FgN+PbReMaU5JQORlLBuAnzsOpwpG1YNmd5mE5P
pooi9QB1BwpUsE5WaqUkuWtKFli8oFDNcUH161FplsF++YNKyCp5JulQD/FFP/0U
o//CC85xh49OGErIl1HMv2XLgiE2Qh9b+ykdKb35H4yHU4HZxuaRo/U4T1eRAgMB
AAGjODA2MBUGA1UdEQQOMAyCCm14LmV4YW1wbGUwHQYDVR0OBBYEFCDeAUC1cKum
T7lar/0v9HuYVah1MA0GCSqGSIb3DQEBCwUAA4GBAH9JU4KU4as1AjXE/gM9ezpd
sO2gCywk/czG48dGi9suSWcb+zXWw+TcPlGyKjr+Ab+RBwbXyV64qG/Mu+ey9B7t
Fc+U4d0hAEvcibPJcEB8PHMZPLTHwpgLhN6ohItHf3Sbo5mhKxuBMxRxoOghHPyJ
nvPmIP4Ne0lyPlHSQZsK
-----END CERTIFICATE-----
";

    /// Self-signed, P-256, without extensions and so of version 1.
    const VERSION_1: &str = "\
-----BEGIN CERTIFICATE-----
MIIBJTCBywIULK2oWiGw/QzCkcEpv4TdjnXnmLowCgYIKoZIzj0EAwIwFTETMBEG
A1UEAwwKbXguZXhhbXBsZTAeFw0yNjExMjQwMjU5MzZaFw0zNjExMjEwMjU5MzZa
MBUxEzARBgNVBAMMCm14LmV4YW1wbGUwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
AAT7KYvjU35y/Q/vIxZsl/1COYJrT5COSjeCSmuR+37Fj4o+6myZDKDYWx+HiNcG
FF6GJV3gBRqzRDzy/6cEByZVMAoGCCqGSM49BAMCA0kAMEYCIQCPQWGCIzMcOBiS
IWwTel/wHnPD12XXZMRVxYrcpZlfMQIhALcy/9Hb4v8FpB1Wq9C/MUVle+xgEAe9
i0FHbBFEga4o
-----END CERTIFICATE-----
";

    #[test]
    fn what_keeps_tls_from_being_held_is_named() {
        use rustls::pki_types::pem::PemObject;
        for (pem, expected) in [
            (SHORT_KEY, "its RSA key has 1024 bits, and 2048 are the least"),
            (VERSION_1, "it is X.509 version 1, and TLS wants 3"),
        ] {
            let obstacle = CertificateDer::from_pem_slice(pem.as_bytes()).ok().and_then(|der| obstacle(&der));
            assert_eq!(obstacle.as_deref(), Some(expected));
        }
    }
}
