//! The world language: what a scenario file may say.

use std::{collections::BTreeMap, net::IpAddr, net::Ipv4Addr, time::Duration};

use serde::{Deserialize, Deserializer, de::Error as _};
use toml::Spanned;

use crate::{certs::Certificates, hostile::Act, lab::Compiled, names::Place, web::HttpServer};

/// What exists in the lab: DNS records, DNS faults, blocklists, SMTP servers,
/// and the domains worth asking for.
///
/// Everything is optional; the empty world answers NXDOMAIN to every question.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct World {
    /// Zone-file lines with absolute names, `name. [ttl] TYPE data`.
    pub zone: String,
    /// Name servers that hold another version of the zone.
    pub nameserver: Vec<NameServer>,
    /// DNS faults, by name and type.
    pub fault: Vec<Fault>,
    /// Blocklist zones.
    pub blocklist: Vec<Blocklist>,
    /// SMTP servers.
    pub smtp: Vec<SmtpServer>,
    /// HTTPS servers.
    pub http: Vec<HttpServer>,
    /// What the resolver finds when it validates.
    pub dnssec: Vec<Dnssec>,
    /// What to ask of this world; listed by `engine lab`.
    pub domain: Vec<Domain>,
}

/// An authoritative server whose zone is not that of the world.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NameServer {
    /// The server's presented address; an NS record of the world leads to it.
    pub address: IpAddr,
    /// All that it holds, in place of the world's lines.
    #[serde(default)]
    pub zone: String,
}

/// A DNS fault: what is answered for a name in place of, or before, the truth.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The name that is asked for; `*.x` stands for every name below `x`, and
    /// `*` for every name.
    pub name: String,
    /// The type asked for, for example `A` or `TYPE99`; absent: every type.
    #[serde(default, rename = "type")]
    pub rtype: Option<String>,
    /// The presented address of the one authoritative server that has the
    /// fault; absent: all, and the resolver.
    #[serde(default)]
    pub server: Option<IpAddr>,
    /// What is answered; absent: the normal answer (after `delay`).
    #[serde(default)]
    pub answer: Option<FaultAnswer>,
    /// Time before the answer.
    #[serde(default, deserialize_with = "optional_duration")]
    pub delay: Option<Duration>,
    /// Extended DNS error (RFC 8914) sent with the answer.
    #[serde(default)]
    pub ede: Option<ExtendedError>,
}

/// What a faulty name answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultAnswer {
    /// Response code 2.
    Servfail,
    /// Response code 5.
    Refused,
    /// Response code 3.
    Nxdomain,
    /// Response code 1.
    Formerr,
    /// No answer at all.
    Timeout,
    /// No records and the truncation flag, over UDP and TCP.
    Truncated,
    /// No records and the truncation flag over UDP; the truth over TCP.
    TruncatedUdp,
    /// Bytes that are not a DNS message.
    Garbage,
    /// The truth with another id.
    WrongId,
    /// The truth as the answer to another question.
    WrongQuestion,
    /// The truth from another port, over UDP.
    WrongSource,
    /// The question itself, sent back.
    Echo,
    /// No bytes at all: an empty datagram, a message of length 0.
    Empty,
    /// The first half of the truth.
    Half,
    /// The truth, said to hold 65,535 answers.
    CountsLie,
    /// An answer whose name is a compression pointer to itself.
    PointerLoop,
    /// Aliases that lead back to the name, in one answer.
    AliasLoop,
    /// 50 aliases, and the truth at the end of them, in one answer.
    AliasChain,
    /// The truth as the records of another name.
    Unasked,
    /// The truth among records of other types that cannot be read.
    Junk,
    /// The truth with EDNS version 255.
    EdnsVersion,
    /// The truth, however long, in one datagram, with an EDNS size of 1.
    EdnsSize,
    /// The truth with the response code NXDOMAIN.
    NxdomainWithAnswers,
    /// The truth without an authority section.
    NoSoa,
    /// The truth with TTLs of 2^32 - 1.
    HugeTtl,
    /// SERVFAIL every other time that a server is asked the same question,
    /// beginning with the first.
    Flapping,
    /// Truncated over UDP; over TCP one byte of the truth, then silence.
    TcpStall,
    /// Truncated over UDP; over TCP the connection is closed without an answer.
    TcpClose,
}

/// An extended DNS error (RFC 8914 §2).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExtendedError {
    /// The info code, for example 6 (DNSSEC Bogus).
    pub code: u16,
    /// The extra text; may be empty.
    #[serde(default)]
    pub text: String,
}

/// Blocklist zones that behave alike (RFC 5782).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blocklist {
    /// The zones, for example `zen.spamhaus.org`; at least one.
    pub zones: Vec<String>,
    /// What is looked up in them.
    #[serde(default)]
    pub kind: ListKind,
    /// Who is listed, and with which return codes: an address, a network
    /// (`25.25.6.0/24`) or a domain.
    #[serde(default)]
    pub listed: BTreeMap<String, OneOrMany<Ipv4Addr>>,
    /// The TXT record of every listing; absent: none.
    #[serde(default)]
    pub text: Option<String>,
    /// The return codes of the test entry; absent: 127.0.0.2.
    #[serde(default)]
    pub canary: Option<OneOrMany<Ipv4Addr>>,
    /// How the zones answer.
    #[serde(default)]
    pub behaviour: Behaviour,
    /// The answer of zones that refuse; absent: 127.255.255.254.
    #[serde(default)]
    pub refusal: Option<Ipv4Addr>,
}

/// What a blocklist lists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ListKind {
    /// Addresses; the test entries are 127.0.0.2 and `::FFFF:7F00:2`.
    #[default]
    Ip,
    /// Domains; the test entry is `TEST`.
    Domain,
}

/// How a blocklist answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Behaviour {
    /// Listings and test entries as RFC 5782 asks.
    #[default]
    Normal,
    /// Every answer is the refusal code.
    Refuses,
    /// Every name is listed, as in a zone given up and parked.
    ListsEverything,
    /// Every answer is NXDOMAIN, that of the test entry as well.
    Silent,
    /// No answer at all.
    Timeout,
}

/// A scripted SMTP server. It never accepts a message: DATA is answered 554.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmtpServer {
    /// The presented address, or several of one server.
    pub address: OneOrMany<IpAddr>,
    /// The presented port.
    #[serde(default = "smtp_port")]
    pub port: u16,
    /// The name in the greeting, in the EHLO reply and in the certificate.
    #[serde(default = "smtp_hostname")]
    pub hostname: String,
    /// The literal greeting; absent: `220 <hostname> ESMTP`.
    #[serde(default)]
    pub greeting: Option<String>,
    /// Time before the greeting.
    #[serde(default, deserialize_with = "optional_duration")]
    pub greeting_delay: Option<Duration>,
    /// Time before every other reply.
    #[serde(default, deserialize_with = "optional_duration")]
    pub reply_delay: Option<Duration>,
    /// Extension lines of the EHLO reply; STARTTLS is added by `certificate`.
    #[serde(default)]
    pub extensions: Vec<String>,
    /// The certificate shown after STARTTLS; absent: STARTTLS is not offered.
    #[serde(default)]
    pub certificate: Option<CertificateKind>,
    /// Recipients that exist, `user@domain` or `@domain`; others get
    /// `550 5.1.1`. Absent: all exist.
    #[serde(default)]
    pub accept: Option<Vec<String>>,
    /// Whether it passes mail on for anybody: an open relay. Without it and
    /// without `accept`, recipients at names outside of `.example` get
    /// `554 5.7.1 Relay access denied`.
    #[serde(default)]
    pub relay: bool,
    /// Literal replies by command, `"RCPT user@domain"` before `"RCPT @domain"`
    /// before `"RCPT"`; lines are separated by `\n`.
    #[serde(default)]
    pub replies: BTreeMap<String, String>,
    /// Greylisting of recipients; absent: none.
    #[serde(default)]
    pub greylist: Option<Greylist>,
    /// Whether the issuer's certificate is sent along.
    #[serde(default)]
    pub send_issuer: bool,
    /// The stage at which the connection is closed without a reply.
    #[serde(default)]
    pub drop_at: Option<Stage>,
    /// The stage from which nothing is said any more.
    #[serde(default)]
    pub silent_at: Option<Stage>,
    /// What is done in place of replies, by stage and in order.
    #[serde(default)]
    pub acts: Vec<Act>,
    /// Whether nothing listens at the address: connecting is refused.
    #[serde(default)]
    pub refuse: bool,
}

/// What the resolver finds out about zones when it validates (RFC 4033 §5).
///
/// With any such section in the world, the resolver validates and the root is
/// signed. Nothing is signed in truth: only the resolver's AD flag, and its
/// SERVFAIL for what is bogus, are those of a validating resolver.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dnssec {
    /// The zones, with all below them that no section names more closely.
    pub zones: Vec<String>,
    /// What is found.
    pub status: DnssecStatus,
}

/// The DNSSEC status of a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DnssecStatus {
    /// Signed and valid: AD is set.
    Signed,
    /// Not signed, and proven not to be: AD is not set.
    Insecure,
    /// Signed wrongly: SERVFAIL with the extended error 6.
    Bogus,
}

/// The certificate of a scripted server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CertificateKind {
    /// Valid, for the server's host name, issued by the lab's authority.
    Good,
    /// As good, but past its end date.
    Expired,
    /// As good, but past its end date three days after the lab's start.
    Expiring,
    /// As good, but for another name.
    WrongName,
    /// For the right name, signed by its own key.
    SelfSigned,
}

/// Greylisting with a memory of (client address, sender, recipient).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Greylist {
    /// Time after the first attempt before which attempts are put off.
    #[serde(deserialize_with = "duration")]
    pub delay: Duration,
    /// The reply to an attempt that is put off.
    #[serde(default = "greylist_reply")]
    pub reply: String,
    /// Time after the first attempt after which an attempt counts as a new
    /// first one; absent: two days.
    #[serde(default, deserialize_with = "optional_duration")]
    pub retry_window: Option<Duration>,
}

/// A stage of an SMTP session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// As soon as the connection is accepted.
    Connect,
    /// Where the greeting is due.
    Greeting,
    /// Where the reply to EHLO or HELO is due.
    Ehlo,
    /// Where the reply to STARTTLS is due.
    Starttls,
    /// Where the server's part of the TLS handshake is due.
    Handshake,
    /// Where the reply to MAIL is due.
    Mail,
    /// Where the reply to RCPT is due.
    Rcpt,
    /// Where the reply to QUIT is due.
    Quit,
}

/// A domain of the world that is worth asking for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Domain {
    /// The domain's name.
    pub name: String,
    /// What is instructive about it, in one or two sentences.
    #[serde(default)]
    pub about: String,
    /// Codes of findings that a run must show.
    #[serde(default)]
    pub expect: Vec<String>,
    /// Codes of findings that a run must not show.
    #[serde(default)]
    pub forbid: Vec<String>,
    /// More command-line words that belong to the question, one an entry, for
    /// example `--recipient=user@greylisted.example`.
    #[serde(default)]
    pub options: Vec<String>,
}

/// One value, or a list of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneOrMany<T>(pub Vec<T>);

/// Why a text is not a world or a scenario.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct WorldError {
    /// Line, from 1; 0 when the place is not known.
    pub line: usize,
    /// Column in characters, from 1; 0 when the place is not known.
    pub column: usize,
    /// What is wrong and what was expected.
    pub message: String,
}

impl std::fmt::Display for WorldError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            0 => f.write_str(&self.message),
            line => write!(f, "line {line}, column {}: {}", self.column, self.message),
        }
    }
}

impl World {
    /// Reads a scenario file.
    ///
    /// # Errors
    /// When the text is not TOML, has an unknown key or a value that means
    /// nothing: the place and what was expected.
    pub fn parse(text: &str) -> Result<World, WorldError> {
        let raw: RawWorld = toml::from_str(text).map_err(|e| WorldError::from_toml(text, &e))?;
        let sections = Sections {
            zone: raw.zone,
            nameserver: raw.nameserver,
            fault: raw.fault,
            blocklist: raw.blocklist,
            smtp: raw.smtp,
            http: raw.http,
            dnssec: raw.dnssec,
        };
        let mut world = sections.into_world(text)?;
        world.domain = raw.domain;
        Ok(world)
    }

    /// The world that is shipped with the engine: a healthy domain, and several
    /// that are broken in instructive ways.
    #[allow(clippy::expect_used)] // a unit test parses the embedded text
    pub fn shipped() -> World {
        World::parse(include_str!("../worlds/shipped.toml")).expect("the shipped world is tested to parse")
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawWorld {
    #[serde(default)]
    zone: Option<Spanned<String>>,
    #[serde(default)]
    nameserver: Vec<Spanned<NameServer>>,
    #[serde(default)]
    fault: Vec<Spanned<Fault>>,
    #[serde(default)]
    blocklist: Vec<Spanned<Blocklist>>,
    #[serde(default)]
    smtp: Vec<Spanned<SmtpServer>>,
    #[serde(default)]
    http: Vec<Spanned<HttpServer>>,
    #[serde(default)]
    dnssec: Vec<Spanned<Dnssec>>,
    #[serde(default)]
    domain: Vec<Domain>,
}

/// The sections that a world and a scenario share, with their places.
pub(crate) struct Sections {
    pub(crate) zone: Option<Spanned<String>>,
    pub(crate) nameserver: Vec<Spanned<NameServer>>,
    pub(crate) fault: Vec<Spanned<Fault>>,
    pub(crate) blocklist: Vec<Spanned<Blocklist>>,
    pub(crate) smtp: Vec<Spanned<SmtpServer>>,
    pub(crate) http: Vec<Spanned<HttpServer>>,
    pub(crate) dnssec: Vec<Spanned<Dnssec>>,
}

impl Sections {
    /// Puts the sections together, and points at what means nothing in `text`.
    pub(crate) fn into_world(self, text: &str) -> Result<World, WorldError> {
        let zone_start = self.zone.as_ref().map_or(0, |zone| zone.span().start);
        let (nameserver, nameserver_starts) = split(self.nameserver);
        let (fault, fault_starts) = split(self.fault);
        let (blocklist, blocklist_starts) = split(self.blocklist);
        let (smtp, smtp_starts) = split(self.smtp);
        let (http, http_starts) = split(self.http);
        let (dnssec, dnssec_starts) = split(self.dnssec);
        let zone = self.zone.map(Spanned::into_inner).unwrap_or_default();
        let world = World { zone, nameserver, fault, blocklist, smtp, http, dnssec, domain: Vec::new() };
        let Err((place, problem)) = Compiled::new(&world, &Certificates::default()) else { return Ok(world) };
        let (starts, index) = match place {
            Place::Zone(line, column) => return Err(WorldError::in_zone(text, zone_start, line, column, problem)),
            Place::NameServer(index) => (nameserver_starts, index),
            Place::Fault(index) => (fault_starts, index),
            Place::Blocklist(index) => (blocklist_starts, index),
            Place::Smtp(index) => (smtp_starts, index),
            Place::Http(index) => (http_starts, index),
            Place::Dnssec(index) => (dnssec_starts, index),
        };
        Err(WorldError::at(text, starts.get(index).copied().unwrap_or(0), problem))
    }
}

/// Parts sections from the places where they begin.
fn split<T>(sections: Vec<Spanned<T>>) -> (Vec<T>, Vec<usize>) {
    sections
        .into_iter()
        .map(|section| {
            let start = section.span().start;
            (section.into_inner(), start)
        })
        .unzip()
}

impl WorldError {
    pub(crate) fn from_toml(text: &str, error: &toml::de::Error) -> Self {
        let message = error.message().trim_end().to_owned();
        match error.span() {
            Some(span) => WorldError::at(text, span.start, message),
            None => WorldError { line: 0, column: 0, message },
        }
    }

    /// An error at a line and column of the zone text, which begins with its
    /// quotation marks at the byte `start` of `text`.
    fn in_zone(text: &str, start: usize, line: usize, column: usize, problem: String) -> Self {
        let quoted = WorldError::at(text, start, problem);
        let opening = text.get(start..).unwrap_or_default();
        let marks = opening.len() - opening.trim_start_matches(['\'', '"']).len();
        // A line end right after three quotation marks is not part of the text.
        let body = &opening[marks..];
        let skipped = usize::from(marks >= 3 && (body.starts_with('\n') || body.starts_with("\r\n")));
        let indent = if line + skipped == 1 { quoted.column - 1 + marks } else { 0 };
        WorldError { line: quoted.line + skipped + line - 1, column: column + indent, ..quoted }
    }

    /// An error at the byte `offset` of `text`.
    pub(crate) fn at(text: &str, offset: usize, message: impl Into<String>) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        WorldError {
            line: before.matches('\n').count() + 1,
            column: before[start..].chars().count() + 1,
            message: message.into(),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either<T> {
            One(T),
            Many(Vec<T>),
        }
        match Either::deserialize(deserializer) {
            Ok(Either::One(value)) => Ok(OneOrMany(vec![value])),
            Ok(Either::Many(values)) if !values.is_empty() => Ok(OneOrMany(values)),
            _ => Err(D::Error::custom("expected an IP address, or a list of them, each in quotation marks")),
        }
    }
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_duration(&text).ok_or_else(|| {
        D::Error::custom(format!("`{text}` is not a duration: expected for example `200ms`, `2s`, `5m` or `1h`"))
    })
}

pub(crate) fn optional_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    duration(deserializer).map(Some)
}

/// Reads a whole number with the unit `ms`, `s`, `m` or `h`; at most a year.
fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    let milliseconds = match unit.trim_start() {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    let duration = Duration::from_millis(number.checked_mul(milliseconds)?);
    (duration <= Duration::from_secs(366 * 86_400)).then_some(duration)
}

fn smtp_port() -> u16 {
    25
}

fn smtp_hostname() -> String {
    "mx.lab.example".into()
}

fn greylist_reply() -> String {
    "450 4.2.0 Greylisted, try again later".into()
}

#[cfg(test)]
#[path = "world_tests.rs"]
mod tests;
