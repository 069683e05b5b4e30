//! DNS records as data.

use std::{
    borrow::Cow,
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use schemars::JsonSchema;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{IgnoredAny, MapAccess, Visitor, value::MapAccessDeserializer},
};

/// A DNS record type; serialises as its mnemonic (`MX`) or `TYPE65` (RFC 3597 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordType {
    /// IPv4 address.
    A,
    /// IPv6 address.
    Aaaa,
    /// Alias.
    Cname,
    /// Mail exchanger.
    Mx,
    /// Text.
    Txt,
    /// Name server.
    Ns,
    /// Reverse name.
    Ptr,
    /// Start of authority.
    Soa,
    /// Certificate association (RFC 6698).
    Tlsa,
    /// Certification authority authorisation (RFC 8659).
    Caa,
    /// The SPF type of RFC 4408, obsolete since RFC 7208 §3.1.
    Spf,
    /// Delegation signer.
    Ds,
    /// Zone key.
    Dnskey,
    /// Any other, by its number.
    Other(u16),
}

const TYPES: [(RecordType, u16, &str); 13] = [
    (RecordType::A, 1, "A"),
    (RecordType::Ns, 2, "NS"),
    (RecordType::Cname, 5, "CNAME"),
    (RecordType::Soa, 6, "SOA"),
    (RecordType::Ptr, 12, "PTR"),
    (RecordType::Mx, 15, "MX"),
    (RecordType::Txt, 16, "TXT"),
    (RecordType::Aaaa, 28, "AAAA"),
    (RecordType::Ds, 43, "DS"),
    (RecordType::Dnskey, 48, "DNSKEY"),
    (RecordType::Tlsa, 52, "TLSA"),
    (RecordType::Spf, 99, "SPF"),
    (RecordType::Caa, 257, "CAA"),
];

impl RecordType {
    /// The type of a record whose mnemonic this version does not know: 0, which
    /// no record has (RFC 6895 §3.1).
    pub const NONE: RecordType = RecordType::Other(0);

    /// The type's number.
    pub fn number(self) -> u16 {
        match self {
            RecordType::Other(number) => number,
            known => TYPES.iter().find(|(rtype, ..)| *rtype == known).map_or(0, |(_, number, _)| *number),
        }
    }

    /// The type that `number` names.
    pub fn from_number(number: u16) -> Self {
        TYPES.iter().find(|(_, n, _)| *n == number).map_or(RecordType::Other(number), |(rtype, ..)| *rtype)
    }

    /// The mnemonic, for example `MX` or `TYPE65`.
    pub fn mnemonic(self) -> Cow<'static, str> {
        match TYPES.iter().find(|(rtype, ..)| *rtype == self) {
            Some((_, _, word)) => Cow::Borrowed(word),
            None => Cow::Owned(format!("TYPE{}", self.number())),
        }
    }

    /// The type that a mnemonic or `TYPEn` names, in any case.
    pub fn from_mnemonic(word: &str) -> Option<Self> {
        if let Some((rtype, ..)) = TYPES.iter().find(|(_, _, w)| w.eq_ignore_ascii_case(word)) {
            return Some(*rtype);
        }
        let number =
            word.get(..4).filter(|prefix| prefix.eq_ignore_ascii_case("TYPE")).and_then(|_| word[4..].parse().ok())?;
        Some(RecordType::from_number(number))
    }
}

impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.mnemonic())
    }
}

impl Serialize for RecordType {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.mnemonic())
    }
}

impl<'de> Deserialize<'de> for RecordType {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TypeReader { lenient: false })
    }
}

/// Reads a record type.
struct TypeReader {
    /// Whether a mnemonic that this version does not know is [`RecordType::NONE`].
    lenient: bool,
}

impl Visitor<'_> for TypeReader {
    type Value = RecordType;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a DNS record type: a mnemonic such as MX, or TYPEn")
    }

    fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<RecordType, E> {
        match RecordType::from_mnemonic(word) {
            Some(rtype) => Ok(rtype),
            None if self.lenient => Ok(RecordType::NONE),
            None => Err(E::custom(format!("`{word}` is no DNS record type: expected a mnemonic such as MX, or TYPEn"))),
        }
    }
}

/// The type of a record that was answered: a newer host may know a mnemonic that we do not.
fn answered_type<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RecordType, D::Error> {
    deserializer.deserialize_str(TypeReader { lenient: true })
}

impl JsonSchema for RecordType {
    fn schema_name() -> Cow<'static, str> {
        "RecordType".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "description": "a DNS record type: a mnemonic such as MX, or TYPEn" })
    }
}

/// One `<character-string>` (RFC 1035 §3.3): up to 255 bytes of any value.
///
/// Serialises with the escapes of a zone file: `\\` for a backslash and `\DDD`
/// for a byte that is no printable ASCII.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CharacterString(pub Vec<u8>);

impl fmt::Display for CharacterString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |byte: &u8| matches!(byte, 0x20..=0x7e) && *byte != b'\\';
        let mut rest = self.0.as_slice();
        while !rest.is_empty() {
            // A whole stretch at a time: this is a large part of what a call of a plugin costs.
            let (stretch, tail) = rest.split_at(rest.iter().take_while(|byte| plain(byte)).count());
            f.write_str(std::str::from_utf8(stretch).map_err(|_| fmt::Error)?)?;
            rest = tail;
            if let Some((byte, tail)) = rest.split_first() {
                match byte {
                    b'\\' => f.write_str("\\\\")?,
                    other => write!(f, "\\{other:03}")?,
                }
                rest = tail;
            }
        }
        Ok(())
    }
}

impl CharacterString {
    fn unescape(text: &str) -> Option<Self> {
        let mut bytes = Vec::with_capacity(text.len());
        let mut rest = text.as_bytes();
        while let Some((&first, tail)) = rest.split_first() {
            if first != b'\\' {
                bytes.push(first);
                rest = tail;
            } else if let Some(digits) = tail.get(..3).filter(|d| d.iter().all(u8::is_ascii_digit)) {
                bytes.push(std::str::from_utf8(digits).ok()?.parse().ok()?);
                rest = &tail[3..];
            } else {
                bytes.push(*tail.first()?);
                rest = &tail[1..];
            }
        }
        Some(CharacterString(bytes))
    }
}

impl Serialize for CharacterString {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CharacterString {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        CharacterString::unescape(&text).ok_or_else(|| serde::de::Error::custom("a `\\` is followed by no byte value"))
    }
}

impl JsonSchema for CharacterString {
    fn schema_name() -> Cow<'static, str> {
        "CharacterString".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "description": "bytes, printable ASCII as is, `\\\\` for a backslash, `\\DDD` for any other byte" })
    }
}

/// The data of a record. Names are lower-case, without the final dot; the root is `.`.
///
/// Data of a `type` that this version does not know is read as
/// [`RecordData::Other`] without any.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "UPPERCASE")]
pub enum RecordData {
    /// IPv4 address.
    A {
        /// The address.
        address: Ipv4Addr,
    },
    /// IPv6 address.
    Aaaa {
        /// The address.
        address: Ipv6Addr,
    },
    /// Alias.
    Cname {
        /// The name that it stands for.
        target: String,
    },
    /// Mail exchanger (RFC 5321 §5.1).
    Mx {
        /// Lower is tried first.
        preference: u16,
        /// The host; `.` alone says "no mail" (RFC 7505).
        exchange: String,
    },
    /// Text.
    Txt {
        /// The strings in order; most readers join them without a space.
        strings: Vec<CharacterString>,
    },
    /// The obsolete SPF type, number 99.
    Spf {
        /// As for TXT.
        strings: Vec<CharacterString>,
    },
    /// Name server.
    Ns {
        /// The server's name.
        target: String,
    },
    /// Reverse name.
    Ptr {
        /// The name of the address.
        target: String,
    },
    /// Start of authority.
    Soa {
        /// Primary server.
        mname: String,
        /// Mailbox of the responsible person, as a name.
        rname: String,
        /// Version of the zone.
        serial: u32,
        /// How long a negative answer may be kept, in seconds (RFC 2308 §5).
        minimum: u32,
    },
    /// A certificate association (RFC 6698 §2.1).
    Tlsa {
        /// 0 and 1: a public authority as well; 2: this authority; 3: this certificate.
        usage: u8,
        /// 0: the whole certificate; 1: its public key.
        selector: u8,
        /// 0: in full; 1: SHA-256; 2: SHA-512.
        matching: u8,
        /// The data, hexadecimal digits.
        data: String,
    },
    /// Certification authority authorisation (RFC 8659 §4.1).
    Caa {
        /// Bit 7 (128) is *issuer critical*; the others are reserved.
        flags: u8,
        /// The property, as written, for example `issue`; escaped as a [`CharacterString`].
        tag: CharacterString,
        /// Its value.
        value: CharacterString,
    },
    /// Any other type, and any data that does not fit its type, as RFC 3597 §5 writes it.
    Other {
        /// Hexadecimal digits of the data.
        rdata: String,
    },
}

/// Reads the members of one variant from `$from`.
macro_rules! members {
    ($from:expr, $variant:ident { $($member:ident: $type:ty),* }) => {{
        #[derive(Deserialize)]
        struct Members { $($member: $type),* }
        let Members { $($member),* } = Members::deserialize($from)?;
        RecordData::$variant { $($member),* }
    }};
}

impl RecordData {
    /// Reads what stands beside the `type`.
    fn of<'de, D: Deserializer<'de>>(word: &str, from: D) -> Result<Self, D::Error> {
        Ok(match word {
            "A" => members!(from, A { address: Ipv4Addr }),
            "AAAA" => members!(from, Aaaa { address: Ipv6Addr }),
            "CNAME" => members!(from, Cname { target: String }),
            "MX" => members!(from, Mx { preference: u16, exchange: String }),
            "TXT" => members!(from, Txt { strings: Vec<CharacterString> }),
            "SPF" => members!(from, Spf { strings: Vec<CharacterString> }),
            "NS" => members!(from, Ns { target: String }),
            "PTR" => members!(from, Ptr { target: String }),
            "SOA" => members!(from, Soa { mname: String, rname: String, serial: u32, minimum: u32 }),
            "TLSA" => members!(from, Tlsa { usage: u8, selector: u8, matching: u8, data: String }),
            "CAA" => members!(from, Caa { flags: u8, tag: CharacterString, value: CharacterString }),
            "OTHER" => members!(from, Other { rdata: String }),
            _ => {
                IgnoredAny::deserialize(from)?;
                RecordData::Other { rdata: String::new() }
            }
        })
    }
}

/// By hand, because the `type` comes first in what we write: what follows is
/// read without keeping it, which halves what a call of a plugin costs.
impl<'de> Deserialize<'de> for RecordData {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = RecordData;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the data of a DNS record, with its `type`")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<RecordData, M::Error> {
                use serde::de::Error;
                let mut before = serde_json::Map::new();
                while let Some(member) = map.next_key::<String>()? {
                    if member != "type" {
                        before.insert(member, map.next_value()?);
                        continue;
                    }
                    let word: String = map.next_value()?;
                    if before.is_empty() {
                        return RecordData::of(&word, MapAccessDeserializer::new(map));
                    }
                    while let Some((member, value)) = map.next_entry::<String, _>()? {
                        before.insert(member, value);
                    }
                    return RecordData::of(&word, serde_json::Value::Object(before)).map_err(M::Error::custom);
                }
                Err(M::Error::missing_field("type"))
            }
        }

        deserializer.deserialize_map(Reader)
    }
}

/// A resource record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct DnsRecord {
    /// Owner name, lower-case, without the final dot.
    pub name: String,
    /// Type; [`RecordType::NONE`] where this version does not know its mnemonic.
    #[serde(deserialize_with = "answered_type")]
    pub rtype: RecordType,
    /// Seconds that it may be kept.
    pub ttl: u32,
    /// Data.
    pub data: RecordData,
}

impl DnsRecord {
    /// The address of an A or AAAA record; `None` for any other.
    pub fn address(&self) -> Option<IpAddr> {
        match self.data {
            RecordData::A { address } => Some(address.into()),
            RecordData::Aaaa { address } => Some(address.into()),
            _ => None,
        }
    }

    /// The data as a zone file has it, for example `10 mail.example.org.`.
    pub fn data_text(&self) -> String {
        let dot = |name: &str| if name == "." { ".".to_owned() } else { format!("{name}.") };
        match &self.data {
            RecordData::A { address } => address.to_string(),
            RecordData::Aaaa { address } => address.to_string(),
            RecordData::Cname { target } | RecordData::Ns { target } | RecordData::Ptr { target } => dot(target),
            RecordData::Mx { preference, exchange } => format!("{preference} {}", dot(exchange)),
            RecordData::Txt { strings } | RecordData::Spf { strings } => strings
                .iter()
                .map(|string| format!("\"{}\"", string.to_string().replace('"', "\\\"")))
                .collect::<Vec<_>>()
                .join(" "),
            RecordData::Soa { mname, rname, serial, minimum } => {
                format!("{} {} {serial} … {minimum}", dot(mname), dot(rname))
            }
            RecordData::Tlsa { usage, selector, matching, data } => format!("{usage} {selector} {matching} {data}"),
            RecordData::Caa { flags, tag, value } => {
                format!("{flags} {tag} \"{}\"", value.to_string().replace('"', "\\\""))
            }
            RecordData::Other { rdata } => format!("\\# {} {rdata}", rdata.len() / 2),
        }
    }

    /// The strings of a TXT or SPF record joined without a space, as RFC 7208
    /// §3.3 and most others read them; `None` for other types.
    pub fn joined_text(&self) -> Option<Vec<u8>> {
        match &self.data {
            RecordData::Txt { strings } | RecordData::Spf { strings } => {
                Some(strings.iter().flat_map(|string| string.0.iter().copied()).collect())
            }
            _ => None,
        }
    }
}

/// As a zone file has it without the TTL, for example `example.org. MX 10 mail.example.org.`.
impl fmt::Display for DnsRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dot = if self.name == "." { "" } else { "." };
        write!(f, "{}{dot} {} {}", self.name, self.rtype, self.data_text())
    }
}

/// Hexadecimal digits, two a byte.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The bytes that hexadecimal digits stand for.
pub(crate) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok().filter(|p| p.len() == 2)?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_string_survives_json_whatever_its_bytes() {
        let all = CharacterString((0..=255).collect());
        let json = serde_json::to_string(&all).unwrap();
        assert!(json.is_ascii());
        assert_eq!(serde_json::from_str::<CharacterString>(&json).unwrap(), all);
        assert!(serde_json::from_str::<CharacterString>(r#""\\""#).is_err());
    }

    #[test]
    fn record_types_are_named_both_ways() {
        for number in [1, 15, 99, 257, 65] {
            let rtype = RecordType::from_number(number);
            assert_eq!(RecordType::from_mnemonic(&rtype.mnemonic()), Some(rtype));
            assert_eq!(rtype.number(), number);
        }
        assert_eq!(RecordType::from_mnemonic("type15"), Some(RecordType::Mx));
        assert_eq!(RecordType::from_mnemonic("nonsense"), None);
    }
}
