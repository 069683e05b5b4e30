//! `http.get/1`: one HTTPS GET of a host, at an address that the check names.

use std::{borrow::Cow, collections::BTreeMap, net::IpAddr};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{dns::DnsReply, tls::TlsFacts};
use crate::{
    evidence::EvidenceId,
    outcome::{Cause, CauseKind},
};

/// The port of HTTPS; the host connects to no other.
pub const HTTPS_PORT: u16 = 443;
/// The most bytes of a body that the host hands out.
pub const LARGEST_BODY: u32 = 1 << 20;
/// The most bytes of a path.
pub const LONGEST_PATH: usize = 2048;

/// A document to get over HTTPS.
///
/// The host connects to `address` and nowhere else, names `host` in TLS (SNI)
/// and in the request, and sends the request only over a connection whose
/// certificate is valid for `host`. It never follows a redirect and keeps no
/// cookie.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct HttpRequest {
    /// The host name, A-labels; no address.
    pub host: String,
    /// The address to connect to, port 443; a globally routable one.
    #[schemars(with = "String")]
    pub address: IpAddr,
    /// The path with the query, from its `/` on; at most [`LONGEST_PATH`] bytes.
    pub path: String,
    /// How many bytes of the body are wanted at most, up to [`LARGEST_BODY`];
    /// the rest is not read.
    pub max_body: u32,
}

impl HttpRequest {
    /// A GET of `https://host/path`.
    pub fn new(host: &str, address: IpAddr, path: &str, max_body: u32) -> Self {
        let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        HttpRequest { host, address, path: path.to_owned(), max_body }
    }

    /// The address as a user reads it: `https://host/path`.
    pub fn url(&self) -> String {
        format!("https://{}{}", self.host, self.path)
    }
}

/// How far a request got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HttpStage {
    /// Opening the TCP connection.
    Connect,
    /// The TLS handshake.
    Handshake,
    /// Waiting for the status line and the headers.
    Response,
    /// Reading the body.
    Body,
    /// One that this version does not know.
    #[serde(other)]
    Other,
}

impl HttpStage {
    /// How a person reads it, for example `the TLS handshake`.
    pub fn phrase(self) -> &'static str {
        match self {
            HttpStage::Connect => "the connection",
            HttpStage::Handshake => "the TLS handshake",
            HttpStage::Response => "the response",
            HttpStage::Body => "the body",
            HttpStage::Other => "a stage that has no name here",
        }
    }
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum HttpEnd {
    /// The response came, with as much of its body as was wanted.
    Finished,
    /// There is no TCP connection; the system's words.
    NotConnected {
        /// Why, for example `connection refused`.
        why: String,
    },
    /// There is no TLS session.
    TlsFailed {
        /// Why, as a fragment.
        why: String,
    },
    /// The certificate is not valid for the host, so that the request was not
    /// sent; [`HttpReply::tls`] says what is wrong with it.
    Untrusted,
    /// Nothing came in time.
    TimedOut {
        /// Where.
        stage: HttpStage,
        /// Seconds that were waited in all.
        waited_s: u64,
    },
    /// The connection broke.
    Broken {
        /// Where.
        stage: HttpStage,
        /// The words for it.
        why: String,
    },
    /// What came is no HTTP/1.1 response.
    Malformed {
        /// What is wrong with it.
        why: String,
    },
    /// The host did not make the request.
    NotMade {
        /// Why.
        cause: Cause,
    },
    /// In a way that this version does not know.
    #[serde(other)]
    Other,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct HttpReply {
    /// Names this observation.
    pub evidence: EvidenceId,
    /// What was asked.
    pub request: HttpRequest,
    /// What the TLS handshake showed, if one was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsFacts>,
    /// The status, 200 to 599.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Headers of the response by lower-case name, those of [`HEADERS`] alone,
    /// each of at most 1,000 characters; the values of one that is repeated are
    /// joined with `, `.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The body, up to [`HttpRequest::max_body`] bytes.
    #[serde(default, skip_serializing_if = "Body::is_empty")]
    pub body: Body,
    /// Whether the body is longer than was wanted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub body_cut: bool,
    /// How it ended.
    pub end: HttpEnd,
}

/// The headers that a reply keeps.
pub const HEADERS: [&str; 9] = [
    "cache-control",
    "content-encoding",
    "content-length",
    "content-type",
    "date",
    "location",
    "retry-after",
    "server",
    "strict-transport-security",
];

impl HttpReply {
    /// The reply to a request that the host did not make.
    pub fn not_made(request: HttpRequest, cause: Cause) -> Self {
        HttpReply {
            evidence: EvidenceId::default(),
            request,
            tls: None,
            status: None,
            headers: BTreeMap::new(),
            body: Body::default(),
            body_cut: false,
            end: HttpEnd::NotMade { cause },
        }
    }

    /// A header's value; the name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The media type without its parameters, in lower case, for example `text/plain`.
    pub fn media_type(&self) -> Option<String> {
        let value = self.header("content-type")?;
        Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
    }

    /// Why there is no whole response; `None` when there is one, whatever its status.
    ///
    /// An untrusted certificate is a cause as well: nothing was asked.
    pub fn cause(&self) -> Option<Cause> {
        let at = format!("{} ({})", self.request.host, self.request.address);
        let (kind, detail) = match &self.end {
            HttpEnd::Finished => return None,
            HttpEnd::NotMade { cause } if cause.evidence.is_some() || self.evidence.0.is_empty() => {
                return Some(cause.clone());
            }
            HttpEnd::NotMade { cause } => return Some(cause.clone().seen_in(&self.evidence)),
            HttpEnd::NotConnected { why } => (CauseKind::Unreachable, format!("no connection to {at}: {why}")),
            HttpEnd::TlsFailed { why } => (CauseKind::Unreachable, format!("no TLS session with {at}: {why}")),
            HttpEnd::Untrusted => (CauseKind::Other, format!("the certificate of {at} is not valid for that name")),
            HttpEnd::TimedOut { stage, waited_s } => {
                (CauseKind::Timeout, format!("no answer from {at} at {} in {waited_s} s", stage.phrase()))
            }
            HttpEnd::Broken { stage, why } => {
                (CauseKind::Unreachable, format!("{at} broke off at {}: {why}", stage.phrase()))
            }
            HttpEnd::Malformed { why } => (CauseKind::Malformed, format!("{at} sent no HTTP response: {why}")),
            HttpEnd::Other => (CauseKind::Other, format!("the request to {at} ended in a way that has no name here")),
        };
        Some(Cause::new(kind, detail).seen_in(&self.evidence))
    }
}

/// The bytes of a body. Serialises as `{"text": …}` where they are UTF-8, else
/// as `{"hex": …}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Body(pub Vec<u8>);

impl Body {
    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes as text, where they are UTF-8.
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum BodyForm<'b> {
    /// UTF-8.
    Text(Cow<'b, str>),
    /// Hexadecimal digits, two a byte.
    Hex(Cow<'b, str>),
}

impl Serialize for Body {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.text() {
            Some(text) => BodyForm::Text(Cow::Borrowed(text)),
            None => BodyForm::Hex(Cow::Owned(super::record::to_hex(&self.0))),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match BodyForm::deserialize(deserializer)? {
            BodyForm::Text(text) => Ok(Body(text.into_owned().into_bytes())),
            BodyForm::Hex(text) => super::record::from_hex(&text)
                .map(Body)
                .ok_or_else(|| serde::de::Error::custom("a body that is no text is written in hexadecimal digits")),
        }
    }
}

impl JsonSchema for Body {
    fn schema_name() -> Cow<'static, str> {
        "Body".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        BodyForm::json_schema(generator)
    }
}

/// A document that was looked for from its host name on: see [`crate::Context::fetch`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpFetch {
    /// The host's IPv4 addresses.
    pub v4: DnsReply,
    /// The host's IPv6 addresses.
    pub v6: DnsReply,
    /// The requests, in order; one after the other only where there was no
    /// connection.
    pub tries: Vec<HttpReply>,
}

/// How a document was found, or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched<'f> {
    /// The host name does not exist.
    NoSuchHost(&'f DnsReply),
    /// The host has no address.
    NoAddress(&'f DnsReply),
    /// The addresses could not be looked up.
    Unresolved(Cause),
    /// What came of the request that got furthest.
    Asked(&'f HttpReply),
}

impl HttpFetch {
    /// What came of it.
    pub fn outcome(&self) -> Fetched<'_> {
        use super::dns::DnsStatus::NxDomain;
        if let Some(last) = self.tries.last() {
            return Fetched::Asked(last);
        }
        match (self.v4.cause(), self.v6.cause()) {
            (Some(cause), _) | (None, Some(cause)) => Fetched::Unresolved(cause),
            (None, None) if self.v4.status == NxDomain => Fetched::NoSuchHost(&self.v4),
            (None, None) => Fetched::NoAddress(&self.v4),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_survives_json_whatever_its_bytes() {
        for body in [Body(b"version: STSv1\r\n".to_vec()), Body(vec![0x1f, 0x8b, 0, 255]), Body::default()] {
            let json = serde_json::to_string(&body).unwrap();
            assert_eq!(serde_json::from_str::<Body>(&json).unwrap(), body, "{json}");
        }
        assert!(serde_json::from_str::<Body>(r#"{"hex": "1f8"}"#).is_err());
    }

    #[test]
    fn a_media_type_is_read_without_parameters() {
        let request = HttpRequest::new("A.Example.", "25.25.1.1".parse().unwrap(), "/x", 10);
        assert_eq!(request.url(), "https://a.example/x");
        let mut reply = HttpReply::not_made(request, Cause::new(CauseKind::Other, ""));
        reply.headers.insert("content-type".into(), "Text/Plain; charset=utf-8".into());
        assert_eq!(reply.media_type().as_deref(), Some("text/plain"));
    }
}
