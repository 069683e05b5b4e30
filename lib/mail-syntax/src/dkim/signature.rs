//! The `DKIM-Signature` header field (RFC 6376 §3.5).

use std::fmt;

use super::base64::{self, Decoded};
use crate::{
    Span,
    tag_list::{self, Tag, TagList},
};

/// The most header fields that a signature may name; more are not read.
const MOST_HEADERS: usize = 500;

/// The value of a `DKIM-Signature` field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signature {
    /// `a=`: key type and hash.
    pub algorithm: Algorithm,
    /// `b=`, decoded; empty where it cannot be.
    pub signature: Vec<u8>,
    /// Where the value of `b=` stands, white space included.
    pub signature_span: Option<Span>,
    /// `bh=`, decoded; empty where it cannot be.
    pub body_hash: Vec<u8>,
    /// `c=`, its first half.
    pub header_canonicalization: Canonicalization,
    /// `c=`, its second half.
    pub body_canonicalization: Canonicalization,
    /// `d=`, lower-case; empty where there is none.
    pub domain: String,
    /// `s=`, lower-case; empty where there is none.
    pub selector: String,
    /// `h=`: the names of the signed fields as written, in order.
    pub headers: Vec<String>,
    /// `i=`, where there is one.
    pub identity: Option<String>,
    /// `l=`: how many bytes of the body are signed.
    pub length: Option<u64>,
    /// `t=`, in seconds of Unix time.
    pub timestamp: Option<u64>,
    /// `x=`, in seconds of Unix time.
    pub expiration: Option<u64>,
    /// All faults, in order of place.
    pub issues: Vec<SignatureIssue>,
}

/// `a=`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Algorithm {
    /// `rsa-sha256`.
    #[default]
    RsaSha256,
    /// `rsa-sha1`, which nobody may use any more (RFC 8301 §3.1).
    RsaSha1,
    /// `ed25519-sha256` (RFC 8463).
    Ed25519Sha256,
    /// Any other, or none.
    Other(String),
}

/// How a part is made the same before it is hashed (RFC 6376 §3.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Canonicalization {
    /// Nearly nothing may change.
    #[default]
    Simple,
    /// White space may change.
    Relaxed,
}

/// One fault of a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureIssue {
    /// The bytes at fault.
    pub span: Span,
    /// What is wrong.
    pub kind: SignatureIssueKind,
}

/// What is wrong. Each makes verifiers give the signature up (RFC 6376 §6.1.1),
/// but where [`SignatureIssueKind::is_fatal`] says otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignatureIssueKind {
    /// The tag list itself.
    List(tag_list::IssueKind),
    /// A tag that must be there is not.
    Missing(&'static str),
    /// `v=` is not `1`.
    Version,
    /// An algorithm that no RFC defines.
    Algorithm,
    /// The value of this tag is no base64.
    Base64(&'static str),
    /// `bh=` has another length than a SHA-256 or SHA-1 hash.
    HashLength(usize),
    /// `c=` names something else than `simple` and `relaxed`.
    Canonicalization,
    /// `d=` or `s=` is no name.
    Name(&'static str),
    /// `h=` does not name `From` (RFC 6376 §5.4).
    FromUnsigned,
    /// `i=` lies outside of `d=`.
    Identity,
    /// A number that is none, of this tag.
    Number(&'static str),
    /// `x=` is not later than `t=`.
    ExpiresBeforeSigned,
    /// `q=` names no way to fetch the key that exists.
    Query,
}

impl SignatureIssueKind {
    /// Whether verifiers give the signature up because of it.
    pub fn is_fatal(&self) -> bool {
        !matches!(self, SignatureIssueKind::List(tag_list::IssueKind::EmptyPiece))
    }
}

/// A lower-case fragment, for example `there is no "d="`.
impl fmt::Display for SignatureIssueKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SignatureIssueKind::List(kind) => kind.fmt(f),
            SignatureIssueKind::Missing(tag) => write!(f, "there is no `{tag}=`"),
            SignatureIssueKind::Version => f.write_str("the version is not `1`"),
            SignatureIssueKind::Algorithm => f.write_str("no algorithm that verifiers know"),
            SignatureIssueKind::Base64(tag) => write!(f, "`{tag}=` is no base64"),
            SignatureIssueKind::HashLength(n) => write!(f, "`bh=` has {n} bytes, which no hash has"),
            SignatureIssueKind::Canonicalization => f.write_str("neither `simple` nor `relaxed`"),
            SignatureIssueKind::Name(tag) => write!(f, "`{tag}=` is no name"),
            SignatureIssueKind::FromUnsigned => f.write_str("`h=` does not name `From`"),
            SignatureIssueKind::Identity => f.write_str("`i=` lies outside of `d=`"),
            SignatureIssueKind::Number(tag) => write!(f, "`{tag}=` is no number"),
            SignatureIssueKind::ExpiresBeforeSigned => f.write_str("it expires before it was made"),
            SignatureIssueKind::Query => f.write_str("no way to fetch a key that verifiers know"),
        }
    }
}

impl Canonicalization {
    /// As `c=` writes it.
    pub fn word(self) -> &'static str {
        match self {
            Canonicalization::Simple => "simple",
            Canonicalization::Relaxed => "relaxed",
        }
    }
}

/// As `a=` writes it.
impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Algorithm::RsaSha256 => "rsa-sha256",
            Algorithm::RsaSha1 => "rsa-sha1",
            Algorithm::Ed25519Sha256 => "ed25519-sha256",
            Algorithm::Other(word) => word,
        })
    }
}

impl Signature {
    /// Reads the value of a field: what follows its colon, folded or not.
    pub fn parse(text: &str) -> Self {
        let list = tag_list::parse(text);
        let mut reader = Reader { list: &list, end: text.len(), signature: Signature::default() };
        reader.list_issues(text);
        reader.read();
        let mut signature = reader.signature;
        signature.issues.sort_by_key(|issue| issue.span);
        signature
    }

    /// Whether verifiers give it up before they look at a hash.
    pub fn is_broken(&self) -> bool {
        self.issues.iter().any(|issue| issue.kind.is_fatal())
    }

    /// The name at which its key stands, where `d=` and `s=` are there.
    pub fn key_name(&self) -> Option<String> {
        (!self.domain.is_empty() && !self.selector.is_empty())
            .then(|| format!("{}._domainkey.{}", self.selector, self.domain))
    }

    /// Whether the field of this name is signed.
    pub fn signs(&self, field: &str) -> bool {
        self.headers.iter().any(|name| name.eq_ignore_ascii_case(field))
    }

    /// How many fields of this name are signed; more than there are keep others
    /// from being added (RFC 6376 §8.15).
    pub fn times_signed(&self, field: &str) -> usize {
        self.headers.iter().filter(|name| name.eq_ignore_ascii_case(field)).count()
    }
}

struct Reader<'a> {
    list: &'a TagList<'a>,
    end: usize,
    signature: Signature,
}

impl Reader<'_> {
    fn issue(&mut self, span: Span, kind: SignatureIssueKind) {
        self.signature.issues.push(SignatureIssue { span, kind });
    }

    /// Line ends are those of folding where white space follows (RFC 5322 §2.2.3).
    fn list_issues(&mut self, text: &str) {
        for issue in &self.list.issues {
            let folded = matches!(issue.kind, tag_list::IssueKind::Control('\r' | '\n'))
                && text[issue.span.end..].trim_start_matches(['\r', '\n']).starts_with([' ', '\t']);
            if !folded {
                self.issue(issue.span, SignatureIssueKind::List(issue.kind));
            }
        }
    }

    fn tag(&self, name: &str) -> Option<Tag<'_>> {
        self.list.find(name).copied()
    }

    fn required(&mut self, name: &'static str) -> Option<Tag<'_>> {
        if self.list.find(name).is_none_or(|tag| tag.value.is_empty()) {
            let span = self.list.find(name).map_or(Span::new(self.end, self.end), |tag| tag.span());
            self.issue(span, SignatureIssueKind::Missing(name));
            return None;
        }
        self.list.find(name).copied()
    }

    fn read(&mut self) {
        if let Some(span) = self.required("v").filter(|v| v.value != "1").map(|v| v.span()) {
            self.issue(span, SignatureIssueKind::Version);
        }
        self.algorithm();
        self.signature.signature_span = self.tag("b").map(|b| b.value_span);
        self.signature.signature = self.bytes("b");
        self.signature.body_hash = self.bytes("bh");
        let length = self.signature.body_hash.len();
        if !matches!(length, 0 | 20 | 32) {
            let span = self.tag("bh").map_or(Span::default(), |bh| bh.value_span);
            self.issue(span, SignatureIssueKind::HashLength(length));
        }
        self.canonicalization();
        self.signature.domain = self.name("d");
        self.signature.selector = self.name("s");
        self.headers();
        self.identity();
        self.signature.length = self.number("l");
        self.signature.timestamp = self.number("t");
        self.signature.expiration = self.number("x");
        if let (Some(t), Some(x)) = (self.signature.timestamp, self.signature.expiration)
            && x <= t
        {
            let span = self.tag("x").map_or(Span::default(), |x| x.span());
            self.issue(span, SignatureIssueKind::ExpiresBeforeSigned);
        }
        if let Some(span) =
            self.tag("q").filter(|q| !q.value.split(':').any(|way| way.trim() == "dns/txt")).map(|q| q.span())
        {
            self.issue(span, SignatureIssueKind::Query);
        }
    }

    fn algorithm(&mut self) {
        let Some((value, span)) = self.required("a").map(|a| (a.value.to_owned(), a.span())) else { return };
        self.signature.algorithm = match value.to_ascii_lowercase().as_str() {
            "rsa-sha256" => Algorithm::RsaSha256,
            "rsa-sha1" => Algorithm::RsaSha1,
            "ed25519-sha256" => Algorithm::Ed25519Sha256,
            _ => {
                self.issue(span, SignatureIssueKind::Algorithm);
                Algorithm::Other(value)
            }
        };
    }

    fn bytes(&mut self, name: &'static str) -> Vec<u8> {
        let Some((decoded, span)) = self.required(name).map(|tag| (base64::decode(tag.value), tag.value_span)) else {
            return Vec::new();
        };
        match decoded {
            Decoded::Right(bytes) | Decoded::Unpadded(bytes) => bytes,
            Decoded::Broken(_) => {
                self.issue(span, SignatureIssueKind::Base64(name));
                Vec::new()
            }
        }
    }

    fn canonicalization(&mut self) {
        let Some((value, span)) = self.tag("c").map(|c| (c.value.to_ascii_lowercase(), c.span())) else { return };
        let (header, body) = value.split_once('/').unwrap_or((&value, "simple"));
        let read = |word: &str| match word.trim() {
            "simple" => Some(Canonicalization::Simple),
            "relaxed" => Some(Canonicalization::Relaxed),
            _ => None,
        };
        match (read(header), read(body)) {
            (Some(header), Some(body)) => {
                self.signature.header_canonicalization = header;
                self.signature.body_canonicalization = body;
            }
            _ => self.issue(span, SignatureIssueKind::Canonicalization),
        }
    }

    fn name(&mut self, tag: &'static str) -> String {
        let Some((value, span)) = self.required(tag).map(|tag| (tag.value.to_lowercase(), tag.span())) else {
            return String::new();
        };
        let name = value.strip_suffix('.').unwrap_or(&value);
        let sound = name.len() <= 253
            && name.split('.').all(|label| {
                (1..=63).contains(&label.len())
                    && label.chars().all(|c| !c.is_ascii() || c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
            });
        if !sound || (tag == "d" && !name.contains('.')) {
            self.issue(span, SignatureIssueKind::Name(tag));
            return String::new();
        }
        name.to_owned()
    }

    fn headers(&mut self) {
        let Some((value, span)) = self.required("h").map(|h| (h.value.to_owned(), h.span())) else { return };
        let names = value.split(':').map(str::trim).filter(|name| !name.is_empty());
        self.signature.headers = names.take(MOST_HEADERS).map(str::to_owned).collect();
        if !self.signature.signs("from") {
            self.issue(span, SignatureIssueKind::FromUnsigned);
        }
    }

    fn identity(&mut self) {
        let Some((value, span)) = self.tag("i").map(|i| (i.value.to_owned(), i.span())) else { return };
        let domain = value.rsplit_once('@').map(|(_, domain)| domain.to_lowercase()).unwrap_or_default();
        let own = &self.signature.domain;
        let inside = domain.strip_suffix(own.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        if !inside && !own.is_empty() {
            self.issue(span, SignatureIssueKind::Identity);
        }
        self.signature.identity = Some(value);
    }

    fn number(&mut self, name: &'static str) -> Option<u64> {
        let (value, span) = self.tag(name).map(|tag| (tag.value.to_owned(), tag.span()))?;
        let number = value.parse().ok().filter(|_| value.bytes().all(|byte| byte.is_ascii_digit()));
        if number.is_none() {
            self.issue(span, SignatureIssueKind::Number(name));
        }
        number
    }
}
