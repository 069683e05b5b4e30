//! A key record as data, from its text and back (RFC 6376 §3.6.1).

use std::fmt;

use super::{
    DerFault, Issue, IssueKind,
    base64::{self, Decoded},
    der::{self, Found},
    repair,
};
use crate::{
    Span,
    tag_list::{self, Tag, TagList},
};

/// The tags that RFC 6376 §3.6.1 defines, and `g` of RFC 4871.
const TAGS: [&str; 8] = ["v", "g", "h", "k", "n", "p", "s", "t"];

/// A key record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyRecord {
    /// Whether it begins with `v=DKIM1`.
    pub has_version: bool,
    /// `k=`; RSA where there is none.
    pub key_type: KeyType,
    /// What `p=` holds.
    pub key: KeyState,
    /// `h=`: the hashes that signers may use; `None` for any.
    pub hashes: Option<Vec<String>>,
    /// `s=`: the services that it is for; `None` for any.
    pub services: Option<Vec<String>>,
    /// `t=`.
    pub flags: Vec<Flag>,
    /// `n=`: words for people, as they stand.
    pub notes: Option<String>,
    /// All faults, in order of place.
    pub issues: Vec<Issue>,
    /// Where each tag stands, by its name; see [`KeyRecord::span`].
    pub spans: Vec<(String, Span)>,
}

/// The type of key that `k=` names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum KeyType {
    /// `rsa`, which also holds where there is no `k=`.
    #[default]
    Rsa,
    /// `ed25519` (RFC 8463).
    Ed25519,
    /// Any other; receivers ignore the record.
    Other(String),
}

/// What `p=` holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum KeyState {
    /// There is no `p=`.
    #[default]
    Absent,
    /// `p=` is empty: the key has been revoked (RFC 6376 §3.6.1).
    Revoked,
    /// An RSA key.
    Rsa(RsaKey),
    /// An Ed25519 key.
    Ed25519([u8; 32]),
    /// Something else; an issue says what.
    Unreadable,
}

/// An RSA key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RsaKey {
    /// The modulus, most significant byte first, without leading zeros.
    pub modulus: Vec<u8>,
    /// The exponent, in the same way.
    pub exponent: Vec<u8>,
    /// How it is wrapped.
    pub form: KeyForm,
}

/// How an RSA key is wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyForm {
    /// In a SubjectPublicKeyInfo, as everyone writes it (RFC 6376 erratum 3017).
    SubjectPublicKeyInfo,
    /// Bare, as the text of RFC 6376 §3.6.1 has it; not all receivers read it.
    Bare,
}

impl RsaKey {
    /// The length of the modulus in bits.
    pub fn bits(&self) -> usize {
        match self.modulus.first() {
            Some(first) => self.modulus.len() * 8 - first.leading_zeros() as usize,
            None => 0,
        }
    }

    /// Whether anyone can sign with it: nothing is secret about an exponent of
    /// 1, and neither an even exponent nor an even modulus makes an RSA key.
    pub fn is_unsafe(&self) -> bool {
        let even = |number: &[u8]| number.last().is_none_or(|last| last % 2 == 0);
        even(&self.modulus) || even(&self.exponent) || self.exponent == [1]
    }
}

/// A flag of `t=`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flag {
    /// `y`: the domain is testing DKIM.
    Testing,
    /// `s`: `i=` must have the very domain of `d=`.
    Strict,
    /// Any other.
    Other(String),
}

impl KeyRecord {
    /// Reads a record. Quotation marks, backslashes, the lines of a PEM file and
    /// missing separators are one issue each; the rest is then read as it was meant.
    pub fn parse(text: &str) -> Self {
        let wrapping = repair::wrapping(text);
        if wrapping.is_empty() {
            return read(text);
        }
        let meant = read(&repair::unwrapped(text));
        let spans = read(text).spans;
        let secret = meant.issues.iter().any(|issue| matches!(issue.kind, IssueKind::PrivateKey));
        let mut issues = wrapping;
        if secret && !issues.iter().any(|issue| issue.kind == IssueKind::PrivateKey) {
            issues.push(Issue { span: Span::new(0, text.len()), kind: IssueKind::PrivateKey });
        }
        KeyRecord { issues, spans, ..meant }
    }

    /// Whether receivers cannot use it.
    pub fn is_broken(&self) -> bool {
        self.issues.iter().any(|issue| issue.kind.is_fatal())
    }

    /// Where the tag of this name stands, from its name to the end of its value.
    pub fn span(&self, tag: &str) -> Option<Span> {
        self.spans.iter().find(|(name, _)| name == tag).map(|(_, span)| *span)
    }

    /// Whether `t=` has the flag.
    pub fn has_flag(&self, flag: &Flag) -> bool {
        self.flags.contains(flag)
    }

    /// The bytes of `p=` as receivers expect them; empty without a key.
    pub fn key_bytes(&self) -> Vec<u8> {
        match &self.key {
            KeyState::Rsa(key) => der::wrap_rsa(&key.modulus, &key.exponent),
            KeyState::Ed25519(key) => key.to_vec(),
            KeyState::Absent | KeyState::Revoked | KeyState::Unreadable => Vec::new(),
        }
    }
}

/// The record as it should be written; a key that cannot be read is left out.
impl fmt::Display for KeyRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("v=DKIM1")?;
        match &self.key_type {
            KeyType::Rsa => f.write_str("; k=rsa")?,
            KeyType::Ed25519 => f.write_str("; k=ed25519")?,
            KeyType::Other(name) => write!(f, "; k={name}")?,
        }
        for (name, list) in [("h", &self.hashes), ("s", &self.services)] {
            if let Some(list) = list {
                write!(f, "; {name}={}", list.join(":"))?;
            }
        }
        if !self.flags.is_empty() {
            let flags: Vec<&str> = self.flags.iter().map(Flag::word).collect();
            write!(f, "; t={}", flags.join(":"))?;
        }
        if let Some(notes) = &self.notes {
            write!(f, "; n={notes}")?;
        }
        match &self.key {
            KeyState::Absent => Ok(()),
            _ => write!(f, "; p={}", base64::encode(&self.key_bytes())),
        }
    }
}

impl Flag {
    fn word(&self) -> &str {
        match self {
            Flag::Testing => "y",
            Flag::Strict => "s",
            Flag::Other(word) => word,
        }
    }
}

/// Whether a text is meant as a key record, however broken: so that a TXT
/// record that has nothing to do with DKIM is not taken for one.
pub fn is_meant_as_key(text: &str) -> bool {
    let start = text.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '\u{201c}'));
    let lower = start.get(..9).map(str::to_ascii_lowercase).unwrap_or_default().replace(' ', "");
    if lower.starts_with("v=dkim") || text.contains("-----BEGIN") {
        return true;
    }
    let list = tag_list::parse(text);
    let has = |name: &str| list.find_any_case(name).is_some();
    // An older record has no `v=`; `p` alone would also be a DMARC policy.
    let other_version = list.find_any_case("v").is_some_and(|v| !v.value.to_ascii_uppercase().starts_with("DKIM"));
    has("p") && !other_version && list.tags.iter().all(|tag| TAGS.iter().any(|t| tag.name.eq_ignore_ascii_case(t)))
}

/// Reads a text that has nothing around it.
pub(super) fn read(text: &str) -> KeyRecord {
    let list = tag_list::parse(text);
    let mut record = KeyRecord {
        spans: list.tags.iter().map(|tag| (tag.name.to_owned(), tag.span())).collect(),
        issues: list
            .issues
            .iter()
            // White space may be folded in a key, notes may hold anything, and what is
            // no base64 in `p` is told when that is read.
            .filter(|issue| !matches!(issue.kind, tag_list::IssueKind::Control('\r' | '\n')))
            .filter(|issue| {
                let mut told = ["n", "p"].into_iter().filter_map(|name| list.find(name));
                !told.any(|tag| is_inside(issue.span, tag.value_span))
            })
            .map(|issue| Issue { span: issue.span, kind: IssueKind::List(issue.kind) })
            .collect(),
        ..KeyRecord::default()
    };
    version(&list, text, &mut record);
    for tag in &list.tags {
        if !TAGS.contains(&tag.name) && is_sound_name(tag.name) {
            record.issue(tag.span(), IssueKind::UnknownTag);
        }
    }
    if let Some(k) = list.find("k") {
        record.key_type = match k.value.to_ascii_lowercase().as_str() {
            "rsa" => KeyType::Rsa,
            "ed25519" => KeyType::Ed25519,
            _ => KeyType::Other(k.value.to_owned()),
        };
        if matches!(record.key_type, KeyType::Other(_)) {
            record.issue(k.span(), IssueKind::KeyType);
        }
    }
    if let Some(h) = list.find("h") {
        let hashes = words(h);
        if !hashes.iter().any(|hash| hash.eq_ignore_ascii_case("sha256")) {
            record.issue(h.span(), IssueKind::Hashes);
        }
        record.hashes = Some(hashes);
    }
    if let Some(s) = list.find("s") {
        let services = words(s);
        if !services.iter().any(|service| service == "*" || service.eq_ignore_ascii_case("email")) {
            record.issue(s.span(), IssueKind::Services);
        }
        record.services = Some(services);
    }
    if let Some(t) = list.find("t") {
        for word in words(t) {
            let flag = match word.as_str() {
                "y" => Flag::Testing,
                "s" => Flag::Strict,
                _ => Flag::Other(word),
            };
            if matches!(flag, Flag::Other(_)) {
                record.issue(t.span(), IssueKind::UnknownFlag);
            }
            record.flags.push(flag);
        }
    }
    record.notes = list.find("n").map(|n| n.value.to_owned());
    if let Some(g) = list.find("g") {
        record.issue(g.span(), IssueKind::Granularity);
    }
    match list.find("p") {
        Some(p) => key(p, &mut record),
        None => record.issue(Span::new(0, text.len()), IssueKind::KeyMissing),
    }
    record.issues.sort_by_key(|issue| issue.span);
    record
}

fn is_inside(span: Span, outer: Span) -> bool {
    span.start >= outer.start && span.end <= outer.end
}

fn is_sound_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn version(list: &TagList<'_>, text: &str, record: &mut KeyRecord) {
    match list.find("v") {
        Some(v) if v.value != "DKIM1" => record.issue(v.span(), IssueKind::Version),
        Some(v) if list.tags.first().is_some_and(|first| first.name != "v") => {
            record.issue(v.span(), IssueKind::VersionNotFirst);
        }
        Some(_) => record.has_version = true,
        None => {
            let first = list.tags.first().map_or(Span::new(0, text.len()), |tag| tag.name_span);
            record.issue(first, IssueKind::VersionMissing);
        }
    }
}

fn words(tag: &Tag<'_>) -> Vec<String> {
    tag.value.split(':').map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect()
}

/// Reads `p=`. White space may stand anywhere in it (§3.2, `base64string`).
fn key(p: &Tag<'_>, record: &mut KeyRecord) {
    let span = p.value_span;
    let mut bytes = match base64::decode(p.value) {
        Decoded::Right(bytes) => bytes,
        Decoded::Unpadded(bytes) => {
            record.issue(Span::new(span.end.saturating_sub(1).max(span.start), span.end), IssueKind::Padding);
            bytes
        }
        Decoded::Broken(at) => {
            // Bytes of text that is no ASCII are no boundaries.
            let at = (0..=at.min(p.value.len())).rev().find(|at| p.value.is_char_boundary(*at)).unwrap_or(0);
            record.key = KeyState::Unreadable;
            record.issue(Span::new(span.start + at, span.end), IssueKind::Base64);
            return;
        }
    };
    if bytes.is_empty() {
        record.key = KeyState::Revoked;
        return;
    }
    let k = record.span("k").unwrap_or(p.span());
    let found = der::public_key(&bytes);
    let state = match (&record.key_type, found) {
        (_, Err(DerFault::PrivateKey)) => Err((span, IssueKind::PrivateKey)),
        (KeyType::Rsa, Ok(Found::Rsa { modulus, exponent, wrapped, trailing })) => {
            let form = if wrapped { KeyForm::SubjectPublicKeyInfo } else { KeyForm::Bare };
            let rsa = RsaKey { modulus: modulus.to_vec(), exponent: exponent.to_vec(), form };
            if rsa.is_unsafe() {
                record.issue(span, IssueKind::Unsafe);
            }
            if !wrapped {
                record.issue(span, IssueKind::BareRsa);
            }
            if trailing > 0 {
                record.issue(span, IssueKind::TrailingBytes(trailing));
            }
            Ok(KeyState::Rsa(rsa))
        }
        (KeyType::Ed25519, Ok(Found::Ed25519(key))) => {
            record.issue(span, IssueKind::WrappedEd25519);
            Ok(KeyState::Ed25519(array(key)))
        }
        (KeyType::Ed25519, _) if bytes.len() == 32 => Ok(KeyState::Ed25519(array(&std::mem::take(&mut bytes)))),
        (KeyType::Ed25519, Ok(Found::Rsa { .. })) => Err((k, IssueKind::TypeMismatch)),
        (KeyType::Ed25519, Err(_)) => Err((span, IssueKind::Der(DerFault::Ed25519Length(bytes.len())))),
        (KeyType::Rsa, Ok(Found::Ed25519(_))) => Err((k, IssueKind::TypeMismatch)),
        (KeyType::Rsa, Err(DerFault::NotDer | DerFault::NotAKey)) if bytes.len() == 32 => {
            Err((k, IssueKind::TypeMismatch))
        }
        (KeyType::Rsa, Err(fault)) => Err((span, IssueKind::Der(fault))),
        (KeyType::Other(_), _) => Ok(KeyState::Unreadable),
    };
    record.key = state.unwrap_or_else(|(span, kind)| {
        record.issue(span, kind);
        KeyState::Unreadable
    });
}

/// Of 32 bytes, as the callers have seen.
fn array(bytes: &[u8]) -> [u8; 32] {
    let mut key = [0; 32];
    key.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    key
}

impl KeyRecord {
    fn issue(&mut self, span: Span, kind: IssueKind) {
        self.issues.push(Issue { span, kind });
    }
}
