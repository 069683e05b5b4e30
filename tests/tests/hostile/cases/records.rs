//! Records of sender authentication that no one should publish: too large, not
//! text, or not what they say.

use std::fmt::Write;

use data_encoding::BASE64;

use super::{Case, DOMAIN, case, spf, world, zone};

/// Bytes that are no text, as a zone writes them: NUL, DEL, and what is no UTF-8.
const BINARY: &str = r"\000\127\128\254\255";

/// The cases.
pub fn cases() -> Vec<Case> {
    let plain = spf("v=spf1 mx -all");
    let beside = |label: &str, data: &str| format!("{plain}\n{label}.{DOMAIN}. TXT {data}");
    let key = |data: &str| beside("default._domainkey", data);
    vec![
        zone("spf-1000-includes", "an SPF record of 1,000 includes, each with a record", &thousand_includes()),
        zone(
            "spf-64k",
            "an SPF record of 62 KB",
            &format!("{DOMAIN}. TXT \"v=spf1 \" {} \"-all\"", strings(&"ip4:25.25.1.1 ".repeat(4400))),
        ),
        zone("spf-binary", "NUL and 8-bit bytes in the SPF record", &spf(&format!("v=spf1 {BINARY} mx -all"))),
        zone("dmarc-binary", "NUL and 8-bit bytes in the DMARC record", &{
            beside("_dmarc", &format!("\"v=DMARC1; p=reject; rua=mailto:postmaster@{DOMAIN}; x={BINARY}\""))
        }),
        zone("dkim-16k-bits", "a DKIM key of 16,384 bits", &key(&published(&rsa_key(16_384)))),
        zone("dkim-64k", "a DKIM record of 62 KB", &key(&published(&rsa_key(370_000)))),
        zone("dkim-base64", "a DKIM key that is no base64", &key("\"v=DKIM1; p=!!!!AAAA====BBBB====\"")),
        zone(
            "dkim-cut-off",
            "half a DKIM key",
            &key(&format!("\"v=DKIM1; p={}\"", &BASE64.encode(&rsa_key(2048))[..180])),
        ),
        zone("dkim-binary", "NUL and 8-bit bytes in the DKIM key", &{
            key(&format!("\"v=DKIM1; n={BINARY}; p=AAAA{BINARY}AAAA\""))
        }),
        case("mta-sts-binary", "NUL and 8-bit bytes in the MTA-STS record", {
            let record = beside("_mta-sts", &format!("\"v=STSv1; id=1; x={BINARY}\""));
            let body = "version: STSv1\\nmode: enforce\\nmx: mx.hostile.example\\nmax_age: 1209600\\n";
            let policy = format!(
                "[[http]]\naddress = '25.25.2.1'\nhostname = 'mta-sts.{DOMAIN}'\n\
                 paths = {{ '/.well-known/mta-sts.txt' = {{ body = '{body}' }} }}"
            );
            world(&format!("{record}\nmta-sts.{DOMAIN}. A 25.25.2.1"), "", &policy)
        }),
        zone("mta-sts-64k", "an MTA-STS record of 62 KB", &{
            beside("_mta-sts", &format!("\"v=STSv1; id=1;\" {}", strings(&"x=1;".repeat(15_500))))
        }),
        zone("tls-rpt-binary", "NUL and 8-bit bytes in the TLS-RPT record", &{
            beside("_smtp._tls", &format!("\"v=TLSRPTv1; rua=mailto:a{BINARY}@{DOMAIN}\""))
        }),
        zone("tls-rpt-64k", "a TLS-RPT record of 1,500 destinations", &{
            let destinations = format!("mailto:reports@{DOMAIN},").repeat(1500);
            beside("_smtp._tls", &format!("\"v=TLSRPTv1; rua=\" {}", strings(destinations.trim_end_matches(','))))
        }),
        zone("bimi-binary", "NUL and 8-bit bytes in the BIMI record", &{
            beside("default._bimi", &format!("\"v=BIMI1; l=; a=; x={BINARY}\""))
        }),
        zone("caa-binary", "NUL and 8-bit bytes in CAA records, and one of 60 KB", &{
            // Flags, the length of the tag, `issue`, and the value.
            let record = |value: &str| format!("{DOMAIN}. TYPE257 \\# {} 00056973737565{value}", 7 + value.len() / 2);
            format!("{plain}\n{}\n{}", record("0080feff"), record(&"61".repeat(60_000)))
        }),
        zone("tlsa-large", "a TLSA record of 60 KB, and one of no bytes", &{
            let large = "ab".repeat(60_000);
            format!(
                "{plain}\n_25._tcp.mx.{DOMAIN}. TYPE52 \\# 60003 030101{large}\n_25._tcp.mx.{DOMAIN}. TYPE52 \\# 3 030101"
            )
        }),
    ]
}

fn thousand_includes() -> String {
    let mut record = "v=spf1".to_owned();
    let mut zone = String::new();
    for number in 0..1000 {
        let _ = write!(record, " include:i{number}.{DOMAIN}");
        let _ = write!(zone, "\ni{number}.{DOMAIN}. TXT \"v=spf1 ip4:25.25.1.{} -all\"", number % 250 + 1);
    }
    format!("{DOMAIN}. TXT {}{zone}", strings(&format!("{record} -all")))
}

/// The key record of a key.
fn published(key: &[u8]) -> String {
    strings(&format!("v=DKIM1; k=rsa; p={}", BASE64.encode(key)))
}

/// A long text as the strings of a TXT record.
fn strings(text: &str) -> String {
    let chunks = text.as_bytes().chunks(250).map(|chunk| format!("\"{}\"", String::from_utf8_lossy(chunk)));
    chunks.collect::<Vec<_>>().join(" ")
}

/// An RSA public key whose modulus has `bits` bits, in DER (RFC 8017 §A.1.1, RFC 5280 §4.1.2.7).
fn rsa_key(bits: usize) -> Vec<u8> {
    let modulus: Vec<u8> = std::iter::once(0).chain((0..bits / 8).map(|at| 0x81 | (at % 97) as u8)).collect();
    let numbers = [der(0x02, &modulus), der(0x02, &[1, 0, 1])].concat();
    let bit_string = [vec![0], der(0x30, &numbers)].concat();
    let algorithm = [0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
    der(0x30, &[algorithm.to_vec(), der(0x03, &bit_string)].concat())
}

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let head = match length {
        0..=0x7f => vec![tag, length as u8],
        0x80..=0xffff => vec![tag, 0x82, (length >> 8) as u8, length as u8],
        _ => vec![tag, 0x83, (length >> 16) as u8, (length >> 8) as u8, length as u8],
    };
    [head, content.to_vec()].concat()
}
