//! `http.get/1`: one HTTPS GET over real sockets.
//!
//! The connection goes to the address that the request names. The request is
//! sent only when the certificate is valid for the host, so that nothing can be
//! learnt from who is not that host; what the certificate is, is reported in
//! any case. No redirect is followed, nothing is decompressed.
//!
//! Bounds: a request takes no longer than 60 s in all after the
//! connection, its headers take at most 32 KiB, and of its body no more is read
//! than was asked for.

use std::{
    collections::BTreeMap, error::Error as _, future::poll_fn, net::SocketAddr, pin::Pin, sync::Arc, time::Duration,
};

use engine_plugin_api::{
    Cause, CauseKind,
    services::{Body as Bytes, HEADERS, HTTPS_PORT, HttpEnd, HttpReply, HttpRequest, HttpStage, Verification},
};
use hyper::{
    HeaderMap, Request, Response,
    body::{Body, Incoming},
    client::conn::http1,
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpStream,
    task::JoinSet,
    time::{Instant, timeout_at},
};
use tokio_rustls::client::TlsStream;

use super::{
    NetOptions, RouteError, seconds,
    tcp::{self, ConnectError},
    tls::Tls,
};

/// The longest that handshake, response and body may take together; RFC 8461
/// §3.3 proposes a minute. Twice the wait for a reply, where that is shorter.
const LONGEST: Duration = Duration::from_secs(60);
/// The most bytes of the status line and the headers.
const HEAD: usize = 32 * 1024;
/// The most characters of a header's value.
const VALUE: usize = 1000;

/// Makes HTTPS requests.
#[derive(Debug)]
pub struct HttpClient {
    options: NetOptions,
    tls: Arc<Tls>,
}

impl HttpClient {
    /// Opens nothing yet.
    pub fn new(options: &NetOptions, tls: Arc<Tls>) -> Self {
        HttpClient { options: options.clone(), tls }
    }

    /// Gets what `request` names, and says what came of it.
    pub async fn get(&self, request: &HttpRequest) -> HttpReply {
        let mut reply = HttpReply::not_made(request.clone(), Cause::new(CauseKind::Other, "not yet"));
        reply.end = match tcp::connect(SocketAddr::new(request.address, HTTPS_PORT), &self.options).await {
            Ok(stream) => self.ask(stream, &mut reply).await,
            Err(error) => not_connected(&error),
        };
        reply
    }

    async fn ask(&self, stream: TcpStream, reply: &mut HttpReply) -> HttpEnd {
        let waited = LONGEST.min(self.options.reply_timeout * 2);
        let until = Instant::now() + waited;
        let timed_out = |stage| HttpEnd::TimedOut { stage, waited_s: seconds(waited) };
        let HttpRequest { host, address, .. } = reply.request.clone();
        let (stream, facts) = match timeout_at(until, self.tls.handshake(stream, &host, address)).await {
            Err(_) => return timed_out(HttpStage::Handshake),
            Ok(Err(why)) => return HttpEnd::TlsFailed { why },
            Ok(Ok(made)) => made,
        };
        let trusted = facts.verification == Verification::Trusted;
        reply.tls = Some(facts);
        if !trusted {
            return HttpEnd::Untrusted;
        }
        // Dropped, it ends the connection, wherever that is.
        let mut connection = JoinSet::new();
        let response = match timeout_at(until, send(&reply.request, stream, &mut connection)).await {
            Err(_) => return timed_out(HttpStage::Response),
            Ok(Err(error)) => return failed(HttpStage::Response, &error),
            Ok(Ok(response)) => response,
        };
        reply.status = Some(response.status().as_u16());
        reply.headers = kept(response.headers());
        let most = usize::try_from(reply.request.max_body).unwrap_or(usize::MAX);
        match timeout_at(until, read(response.into_body(), most, reply)).await {
            Err(_) => timed_out(HttpStage::Body),
            Ok(Err(error)) => failed(HttpStage::Body, &error),
            Ok(Ok(())) => HttpEnd::Finished,
        }
    }
}

async fn send(
    request: &HttpRequest,
    stream: TlsStream<TcpStream>,
    connection: &mut JoinSet<()>,
) -> hyper::Result<Response<Incoming>> {
    let (mut sender, wire) = http1::Builder::new().max_buf_size(HEAD).handshake(TokioIo::new(stream)).await?;
    connection.spawn(async move {
        let _ = wire.await;
    });
    let mut message = Request::new(String::new());
    // The policy layer lets only such paths through as are URIs.
    *message.uri_mut() = request.path.parse().unwrap_or_default();
    let fields = [
        ("host", request.host.as_str()),
        ("user-agent", concat!("engine/", env!("CARGO_PKG_VERSION"))),
        ("accept", "*/*"),
        ("accept-encoding", "identity"),
        ("connection", "close"),
    ];
    for (name, value) in fields {
        if let Ok(value) = value.parse() {
            message.headers_mut().insert(name, value);
        }
    }
    sender.send_request(message).await
}

/// Reads up to `most` bytes into the reply; what has come stays there even when
/// the rest does not.
async fn read(mut body: Incoming, most: usize, reply: &mut HttpReply) -> hyper::Result<()> {
    let Bytes(bytes) = &mut reply.body;
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let Ok(data) = frame?.into_data() else { continue };
        let room = most - bytes.len();
        bytes.extend_from_slice(data.get(..room).unwrap_or(&data));
        if data.len() > room {
            reply.body_cut = true;
            return Ok(());
        }
    }
    Ok(())
}

fn not_connected(error: &ConnectError) -> HttpEnd {
    let not_made = |kind| HttpEnd::NotMade { cause: Cause::new(kind, error.to_string()) };
    match error {
        ConnectError::TimedOut { waited } => {
            HttpEnd::TimedOut { stage: HttpStage::Connect, waited_s: seconds(*waited) }
        }
        ConnectError::Route(RouteError::NotLoopback { .. }) => not_made(CauseKind::Denied),
        error if error.is_ours() => not_made(CauseKind::OurSide),
        // There was a connection; when the reset is seen is a matter of microseconds.
        error if error.is_reset() => HttpEnd::TlsFailed { why: error.to_string() },
        error => HttpEnd::NotConnected { why: error.to_string() },
    }
}

fn failed(stage: HttpStage, error: &hyper::Error) -> HttpEnd {
    if error.is_parse() || error.is_parse_status() {
        return HttpEnd::Malformed { why: error.to_string() };
    }
    if error.is_incomplete_message() || error.is_canceled() {
        return HttpEnd::Broken { stage, why: "the server closed the connection".to_owned() };
    }
    let io = error.source().and_then(|source| source.downcast_ref::<std::io::Error>());
    let why = match io {
        Some(io) if io.kind() == std::io::ErrorKind::UnexpectedEof => "the server closed the connection".to_owned(),
        Some(io) if io.kind() == std::io::ErrorKind::InvalidInput || io.kind() == std::io::ErrorKind::InvalidData => {
            return HttpEnd::Malformed { why: io.to_string() };
        }
        Some(io) => tcp::words(io),
        None => error.to_string(),
    };
    HttpEnd::Broken { stage, why }
}

fn kept(headers: &HeaderMap) -> BTreeMap<String, String> {
    let value = |name: &str| {
        let values = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let joined = values.collect::<Vec<_>>().join(", ");
        headers.contains_key(name).then(|| joined.chars().take(VALUE).collect::<String>())
    };
    HEADERS.iter().filter_map(|name| Some(((*name).to_owned(), value(name)?))).collect()
}
