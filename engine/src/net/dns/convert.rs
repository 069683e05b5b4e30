//! From a message that belongs to a question to what it says.

use std::collections::{HashMap, HashSet};

use engine_plugin_api::services::{
    CharacterString, DnsFlags, DnsRecord, DnsStatus, ExtendedError, RecordData, RecordType,
};
use hickory_proto::{
    rr::Name,
    serialize::binary::{BinDecodable, BinDecoder, DecodeError},
};

use super::{codes, exchange::Question, name};

/// The most records of one section; a message with more is not read. Enough
/// for whatever 64 KB can reasonably hold.
const MAX_RECORDS: u16 = 2000;
/// The most extended errors that are kept.
const MAX_EXTENDED_ERRORS: usize = 16;
/// The most characters of an extended error's text that are kept.
const MAX_ERROR_TEXT: usize = 500;

const CLASS_IN: u16 = 1;
const OPT: u16 = 41;
const EXTENDED_ERROR_OPTION: u16 = 15;
const DNAME: RecordType = RecordType::Other(39);
const RRSIG: RecordType = RecordType::Other(46);
const ANY: RecordType = RecordType::Other(255);

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) status: DnsStatus,
    pub(super) rcode: u16,
    pub(super) flags: DnsFlags,
    /// Of class IN, at the name or along its alias chain.
    pub(super) answers: Vec<DnsRecord>,
    pub(super) authority: Vec<DnsRecord>,
    pub(super) extended_errors: Vec<ExtendedError>,
    /// Whether the server answered with EDNS.
    pub(super) edns: bool,
    /// Where the status is no answer: what the server did, as a fragment that
    /// fits after its address, for example `answered SERVFAIL`.
    pub(super) cause: String,
}

/// Reads a message.
///
/// Each section is read here and not by the library at once, so that a record
/// of a type that nobody asked for cannot make an answer unreadable.
///
/// # Errors
/// What is wrong with it, as a fragment that fits after the server's address.
pub(super) fn read(message: &[u8], question: &Question) -> Result<Reading, String> {
    let broken = |error: DecodeError| format!("sent an answer that cannot be read: {error}");
    let mut decoder = BinDecoder::new(message);
    let header = Header::read(&mut decoder).map_err(broken)?;
    if [header.answers, header.authority, header.additional].iter().any(|count| *count > MAX_RECORDS) {
        return Err(format!("sent an answer with more than {MAX_RECORDS} records"));
    }
    for _ in 0..header.questions {
        Name::read(&mut decoder).and_then(|_| decoder.read_slice(4)).map_err(broken)?;
    }
    let answers = read_section(&mut decoder, header.answers).map_err(broken)?;
    let authority = read_section(&mut decoder, header.authority).map_err(broken)?;
    let options = read_options(&mut decoder, header.additional).map_err(broken)?;

    let some_answers = !answers.is_empty();
    let answers = along_the_chain(question, answers);
    let rcode = header.rcode | options.as_ref().map_or(0, |options| options.rcode_high << 4);
    let mut reading = Reading {
        status: DnsStatus::ErrorCode,
        rcode,
        flags: header.flags,
        answers,
        authority,
        edns: options.is_some(),
        extended_errors: options.map(|options| options.extended_errors).unwrap_or_default(),
        cause: String::new(),
    };
    if let Some(contradiction) = contradiction(&reading, question, some_answers) {
        return Err(contradiction);
    }
    (reading.status, reading.cause) = judge(&reading, question);
    Ok(reading)
}

/// Why a message cannot be believed, although it can be read: it would pass for
/// "there is nothing". `some_answers`: it has answers, ours or not.
fn contradiction(reading: &Reading, question: &Question, some_answers: bool) -> Option<String> {
    let wanted = reading.answers.iter().any(|r| r.rtype == question.rtype || question.rtype == ANY);
    match reading.rcode {
        codes::NXDOMAIN if wanted => Some("said that the name does not exist, and sent records of it".to_owned()),
        codes::NOERROR if some_answers && reading.answers.is_empty() => {
            Some("sent records of names that nobody asked for".to_owned())
        }
        codes::NOERROR if !wanted && is_circle(question, &reading.answers) => {
            Some("sent aliases that lead in a circle".to_owned())
        }
        _ => None,
    }
}

/// Whether the aliases from the name on lead back to one of themselves.
fn is_circle(question: &Question, answers: &[DnsRecord]) -> bool {
    let target = |name: &str| {
        answers.iter().find_map(|record| match &record.data {
            RecordData::Cname { target } if record.name == name => Some(target.as_str()),
            _ => None,
        })
    };
    let mut seen = HashSet::new();
    let mut at = question.text.as_str();
    while seen.insert(at) {
        match target(at) {
            Some(next) => at = next,
            None => return false,
        }
    }
    true
}

/// The status, and the cause where it is no answer.
fn judge(reading: &Reading, question: &Question) -> (DnsStatus, String) {
    let answered = |status| (status, String::new());
    match reading.rcode {
        codes::NOERROR if reading.answers.iter().any(|r| r.rtype == question.rtype || question.rtype == ANY) => {
            answered(DnsStatus::Answer)
        }
        codes::NOERROR if reading.answers.is_empty() => match negative_without_authority(reading, question) {
            Some(cause) => (DnsStatus::ErrorCode, cause),
            None => answered(DnsStatus::NoData),
        },
        // An alias whose target has no such record, or about whose target the server does not say.
        codes::NOERROR => answered(DnsStatus::NoData),
        // At the end of an alias chain this speaks of the last name (RFC 6604 §3).
        codes::NXDOMAIN => answered(DnsStatus::NxDomain),
        rcode => {
            let bogus = reading.extended_errors.iter().any(|error| codes::is_bogus(error.code));
            let status = match rcode {
                codes::SERVFAIL if bogus => DnsStatus::Bogus,
                codes::SERVFAIL => DnsStatus::ServFail,
                codes::REFUSED => DnsStatus::Refused,
                _ => DnsStatus::ErrorCode,
            };
            (status, format!("answered {}{}", codes::rcode(rcode), extended(&reading.extended_errors)))
        }
    }
}

/// Why an empty NOERROR says nothing about the name.
///
/// NS and no SOA is a referral (RFC 2308 §2.2.1): the server knows who to ask.
/// A server asked by name that claims neither authority nor recursion and
/// says nothing else does not serve the zone. From a resolver the bare form is
/// believed: forwarders drop the authority section.
fn negative_without_authority(reading: &Reading, question: &Question) -> Option<String> {
    let first = |rtype| reading.authority.iter().find(|record| record.rtype == rtype);
    if reading.flags.authoritative || first(RecordType::Soa).is_some() {
        return None;
    }
    if let Some(ns) = first(RecordType::Ns) {
        return Some(format!("sent a referral to the servers of {}, not an answer", ns.name));
    }
    let silent = !question.recursion && !reading.flags.recursion_available;
    silent.then(|| "sent an empty answer without authority".to_owned())
}

fn extended(errors: &[ExtendedError]) -> String {
    let Some(error) = errors.iter().find(|error| codes::is_bogus(error.code)).or(errors.first()) else {
        return String::new();
    };
    let name = codes::extended_error(error.code).map(|name| format!(", {name}")).unwrap_or_default();
    let mut text = String::new();
    for char in error.text.chars() {
        // It becomes part of a sentence; the full text stays with the evidence.
        if char.is_control() { text.extend(char.escape_default()) } else { text.push(char) }
    }
    let text = if text.is_empty() { text } else { format!(": {text}") };
    format!(" (extended error {}{name}{text})", error.code)
}

/// Keeps what is at the name asked for or along its alias chain, with DNAME
/// records above it (RFC 6672) and their signatures.
fn along_the_chain(question: &Question, records: Vec<DnsRecord>) -> Vec<DnsRecord> {
    let mut targets: HashMap<&str, Vec<&str>> = HashMap::new();
    if question.rtype != RecordType::Cname && question.rtype != ANY {
        for record in &records {
            if let RecordData::Cname { target } = &record.data {
                targets.entry(&record.name).or_default().push(target);
            }
        }
    }
    let mut owners: HashSet<&str> = HashSet::new();
    let mut open = vec![question.text.as_str()];
    while let Some(owner) = open.pop() {
        if owners.insert(owner) {
            open.extend(targets.get(owner).into_iter().flatten());
        }
    }
    let above = |name: &str| {
        name == "." || owners.iter().any(|owner| owner.strip_suffix(name).is_some_and(|left| left.ends_with('.')))
    };
    let keep: Vec<bool> = records
        .iter()
        .map(|record| {
            let name = record.name.as_str();
            owners.contains(name) || ([DNAME, RRSIG].contains(&record.rtype) && above(name))
        })
        .collect();
    records.into_iter().zip(keep).filter_map(|(record, keep)| keep.then_some(record)).collect()
}

struct Header {
    rcode: u16,
    flags: DnsFlags,
    questions: u16,
    answers: u16,
    authority: u16,
    additional: u16,
}

impl Header {
    fn read(decoder: &mut BinDecoder<'_>) -> Result<Self, DecodeError> {
        let mut word = || decoder.read_u16().map(|word| word.unverified());
        let (_id, bits) = (word()?, word()?);
        Ok(Header {
            rcode: bits & 0x000f,
            flags: DnsFlags {
                authoritative: bits & 0x0400 != 0,
                recursion_available: bits & 0x0080 != 0,
                authentic: bits & 0x0020 != 0,
            },
            questions: word()?,
            answers: word()?,
            authority: word()?,
            additional: word()?,
        })
    }
}

/// The head of a record; the data starts where the decoder stands.
struct Head {
    rtype: u16,
    class: u16,
    ttl: u32,
    length: usize,
}

impl Head {
    fn read(decoder: &mut BinDecoder<'_>) -> Result<Self, DecodeError> {
        let rtype = decoder.read_u16()?.unverified();
        let class = decoder.read_u16()?.unverified();
        let ttl = decoder.read_u32()?.unverified();
        let length = usize::from(decoder.read_u16()?.unverified());
        if length > decoder.len() {
            return Err(DecodeError::InsufficientBytes);
        }
        Ok(Head { rtype, class, ttl, length })
    }
}

/// The records of class IN of an answer or authority section.
fn read_section(decoder: &mut BinDecoder<'_>, count: u16) -> Result<Vec<DnsRecord>, DecodeError> {
    let mut records = Vec::with_capacity(usize::from(count.min(16)));
    for _ in 0..count {
        let owner = Name::read(decoder)?;
        let head = Head::read(decoder)?;
        if head.class != CLASS_IN {
            decoder.read_slice(head.length)?;
            continue;
        }
        records.push(DnsRecord {
            name: name::present(&owner),
            rtype: RecordType::from_number(head.rtype),
            // The top bit was never meant to be set (RFC 2181 §8).
            ttl: if head.ttl > u32::MAX >> 1 { 0 } else { head.ttl },
            data: read_data(decoder, &head)?,
        });
    }
    Ok(records)
}

fn read_data(decoder: &mut BinDecoder<'_>, head: &Head) -> Result<RecordData, DecodeError> {
    let start = decoder.index();
    let data = match RecordType::from_number(head.rtype) {
        RecordType::A => RecordData::A { address: octets::<4>(decoder)?.into() },
        RecordType::Aaaa => RecordData::Aaaa { address: octets::<16>(decoder)?.into() },
        RecordType::Cname => RecordData::Cname { target: read_name(decoder)? },
        RecordType::Ns => RecordData::Ns { target: read_name(decoder)? },
        RecordType::Ptr => RecordData::Ptr { target: read_name(decoder)? },
        RecordType::Mx => {
            RecordData::Mx { preference: decoder.read_u16()?.unverified(), exchange: read_name(decoder)? }
        }
        RecordType::Txt => RecordData::Txt { strings: read_strings(decoder, head.length)? },
        RecordType::Spf => RecordData::Spf { strings: read_strings(decoder, head.length)? },
        RecordType::Soa => {
            let (mname, rname) = (read_name(decoder)?, read_name(decoder)?);
            let serial = decoder.read_u32()?.unverified();
            decoder.read_slice(12)?; // refresh, retry, expire
            RecordData::Soa { mname, rname, serial, minimum: decoder.read_u32()?.unverified() }
        }
        RecordType::Tlsa if head.length >= 3 => {
            let [usage, selector, matching] = octets::<3>(decoder)?;
            RecordData::Tlsa { usage, selector, matching, data: hex(decoder.read_slice(head.length - 3)?.unverified()) }
        }
        RecordType::Caa => caa(decoder.read_slice(head.length)?.unverified()),
        // Newer types hold names uncompressed (RFC 3597 §4), so the bytes stand for themselves.
        _ => RecordData::Other { rdata: hex(decoder.read_slice(head.length)?.unverified()) },
    };
    let read = decoder.index() - start;
    if read == head.length { Ok(data) } else { Err(DecodeError::InsufficientBytes) }
}

/// RFC 8659 §4.1; data that has no tag of one byte or more is kept as it is.
fn caa(rdata: &[u8]) -> RecordData {
    match rdata {
        [flags, length, rest @ ..] if *length > 0 && rest.len() >= usize::from(*length) => {
            let (tag, value) = rest.split_at(usize::from(*length));
            RecordData::Caa {
                flags: *flags,
                tag: CharacterString(tag.to_vec()),
                value: CharacterString(value.to_vec()),
            }
        }
        _ => RecordData::Other { rdata: hex(rdata) },
    }
}

fn read_name(decoder: &mut BinDecoder<'_>) -> Result<String, DecodeError> {
    Name::read(decoder).map(|name| name::present(&name))
}

fn octets<const N: usize>(decoder: &mut BinDecoder<'_>) -> Result<[u8; N], DecodeError> {
    decoder.read_slice(N)?.unverified().try_into().map_err(|_| DecodeError::InsufficientBytes)
}

fn read_strings(decoder: &mut BinDecoder<'_>, length: usize) -> Result<Vec<CharacterString>, DecodeError> {
    let end = decoder.index() + length;
    let mut strings = Vec::new();
    while decoder.index() < end {
        strings.push(CharacterString(decoder.read_character_data()?.unverified().to_vec()));
    }
    Ok(strings)
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What the OPT record says (RFC 6891 §6.1).
struct Options {
    rcode_high: u16,
    extended_errors: Vec<ExtendedError>,
}

/// Reads the additional section for its OPT record; the rest is not kept.
fn read_options(decoder: &mut BinDecoder<'_>, count: u16) -> Result<Option<Options>, DecodeError> {
    let mut found = None;
    for _ in 0..count {
        Name::read(decoder)?;
        let head = Head::read(decoder)?;
        let data = decoder.read_slice(head.length)?.unverified();
        if head.rtype == OPT && found.is_none() {
            let rcode_high = u16::from(head.ttl.to_be_bytes()[0]);
            found = Some(Options { rcode_high, extended_errors: extended_errors(data) });
        }
    }
    Ok(found)
}

/// The extended errors among EDNS options (RFC 8914 §2); reads up to the first
/// option that does not fit.
fn extended_errors(mut options: &[u8]) -> Vec<ExtendedError> {
    let mut errors = Vec::new();
    while let [code_high, code_low, length_high, length_low, rest @ ..] = options {
        let length = usize::from(u16::from_be_bytes([*length_high, *length_low]));
        let Some((data, rest)) = rest.split_at_checked(length) else { break };
        if let ([high, low, text @ ..], EXTENDED_ERROR_OPTION) = (data, u16::from_be_bytes([*code_high, *code_low])) {
            let text = String::from_utf8_lossy(text);
            let text = text.trim_end_matches('\0').chars().take(MAX_ERROR_TEXT).collect();
            errors.push(ExtendedError { code: u16::from_be_bytes([*high, *low]), text });
        }
        if errors.len() == MAX_EXTENDED_ERRORS {
            break;
        }
        options = rest;
    }
    errors
}
