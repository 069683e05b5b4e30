//! The HTTPS servers: what a world says of them, and the sockets.

use std::{collections::BTreeMap, io, net::IpAddr, net::SocketAddr, sync::Arc, time::Duration};

use rustls::ServerConfig;
use serde::Deserialize;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::{
    accept,
    hostile::optional_escaped,
    log::{Log, WebRequest},
    world::{CertificateKind, OneOrMany, optional_duration},
};

/// Connections that one server holds at a time.
const MAX_CONNECTIONS: usize = 64;
/// Time after which a silent client is let go, and a silent server gives up.
const IDLE: Duration = Duration::from_secs(300);
/// Time that a client has to close after the server did.
const LINGER: Duration = Duration::from_secs(5);
/// Bytes of a request that are read at most.
const MAX_REQUEST: usize = 64 * 1024;
/// Bytes that a repeated body writes at a time, about.
const BLOCK: usize = 16 * 1024;

/// A scripted HTTPS server.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpServer {
    /// The presented address, or several of one server.
    pub address: OneOrMany<IpAddr>,
    /// The presented port.
    #[serde(default = "port")]
    pub port: u16,
    /// The name in the certificate, for example `mta-sts.a.example`.
    pub hostname: String,
    /// Further names in the certificate.
    #[serde(default)]
    pub names: Vec<String>,
    /// The certificate shown.
    #[serde(default = "good")]
    pub certificate: CertificateKind,
    /// Whether the issuer's certificate is sent along.
    #[serde(default)]
    pub send_issuer: bool,
    /// Documents by path; any other path is 404.
    #[serde(default)]
    pub paths: BTreeMap<String, Page>,
    /// The stage at which the connection is closed.
    #[serde(default)]
    pub drop_at: Option<WebStage>,
    /// The stage from which nothing is said any more.
    #[serde(default)]
    pub silent_at: Option<WebStage>,
    /// Whether nothing listens at the address: connecting is refused.
    #[serde(default)]
    pub refuse: bool,
}

/// A stage of an HTTPS exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WebStage {
    /// As soon as the connection is accepted.
    Connect,
    /// Where the server's part of the TLS handshake is due.
    Handshake,
    /// Where the response is due.
    Response,
}

/// What is answered for a path.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// The status; absent: 200, or 301 where there is a `location`.
    #[serde(default)]
    pub status: Option<u16>,
    /// The content type; empty: none is sent.
    #[serde(default = "text_plain")]
    pub content_type: String,
    /// The target of a redirect.
    #[serde(default)]
    pub location: Option<String>,
    /// Further headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The body; `\r`, `\n` and `\DDD` are escapes.
    #[serde(default, deserialize_with = "optional_escaped")]
    pub body: Option<Vec<u8>>,
    /// How often the body is said; 0: without end.
    #[serde(default = "once")]
    pub times: u32,
    /// Time before each byte of the body; absent: all at once.
    #[serde(default, deserialize_with = "optional_duration")]
    pub pace: Option<Duration>,
    /// Time before the response.
    #[serde(default, deserialize_with = "optional_duration")]
    pub delay: Option<Duration>,
    /// Whether the body is sent in chunks, its length unsaid.
    #[serde(default)]
    pub chunked: bool,
    /// The length that is said, in place of the true one.
    #[serde(default)]
    pub length: Option<u64>,
    /// All that is said in place of the response; escapes as in `body`.
    #[serde(default, deserialize_with = "optional_escaped")]
    pub raw: Option<Vec<u8>>,
}

fn port() -> u16 {
    443
}

fn good() -> CertificateKind {
    CertificateKind::Good
}

fn text_plain() -> String {
    "text/plain".into()
}

fn once() -> u32 {
    1
}

impl HttpServer {
    /// What means nothing in it.
    pub(crate) fn problem(&self) -> Option<String> {
        let path = self.paths.keys().find(|path| !path.starts_with('/'))?;
        Some(format!("the path `{path}` does not begin with `/`"))
    }

    /// The names of its certificate.
    pub(crate) fn certificate_names(&self) -> Vec<String> {
        std::iter::once(&self.hostname).chain(&self.names).cloned().collect()
    }
}

/// One presented address of a scripted server.
pub(crate) struct WebEndpoint {
    pub(crate) server: Arc<HttpServer>,
    pub(crate) tls: Arc<ServerConfig>,
    pub(crate) address: SocketAddr,
    pub(crate) log: Arc<Log>,
    pub(crate) round_trip: Duration,
}

impl WebEndpoint {
    /// Serves until the task is dropped.
    pub(crate) async fn serve(self: Arc<Self>, listener: TcpListener) {
        accept::each(listener, MAX_CONNECTIONS, |stream, _| {
            let endpoint = Arc::clone(&self);
            async move {
                let _ = endpoint.converse(stream).await;
            }
        })
        .await;
    }

    /// Answers one request; an error means that the client has gone.
    async fn converse(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let meets = |at: Option<WebStage>, stage| at == Some(stage);
        let server = &self.server;
        if meets(server.drop_at, WebStage::Connect) {
            return stream.set_zero_linger();
        }
        for (stage, hello) in [(WebStage::Connect, false), (WebStage::Handshake, true)] {
            if meets(server.silent_at, stage) {
                return swallow(&mut stream, IDLE).await;
            }
            if hello && meets(server.drop_at, stage) {
                let mut first = [0; 4096];
                timeout(IDLE, stream.read(&mut first)).await??;
                return stream.shutdown().await;
            }
        }
        sleep(self.round_trip).await;
        let mut stream = timeout(IDLE, TlsAcceptor::from(Arc::clone(&self.tls)).accept(stream)).await??;
        let Some((path, host)) = request(&mut stream).await? else { return Ok(()) };
        self.log.web_request(WebRequest { address: self.address, host, path: path.clone() });
        if meets(server.silent_at, WebStage::Response) {
            return swallow(&mut stream, IDLE).await;
        }
        if meets(server.drop_at, WebStage::Response) {
            return stream.shutdown().await;
        }
        sleep(self.round_trip).await;
        match server.paths.get(&path) {
            Some(page) => respond(page, &mut stream).await?,
            None => {
                let missing = "HTTP/1.1 404 Not Found\r\ncontent-type: text/plain\r\ncontent-length: 10\r\n\
                               connection: close\r\n\r\nnot found\n";
                stream.write_all(missing.as_bytes()).await?;
            }
        }
        stream.shutdown().await?;
        swallow(&mut stream, LINGER).await
    }
}

async fn respond(page: &Page, stream: &mut TlsStream<TcpStream>) -> io::Result<()> {
    sleep(page.delay.unwrap_or_default()).await;
    if let Some(raw) = &page.raw {
        return stream.write_all(raw).await;
    }
    let status = page.status.unwrap_or(if page.location.is_some() { 301 } else { 200 });
    let body = page.body.as_deref().unwrap_or_default();
    let mut head = format!("HTTP/1.1 {status} {}\r\nconnection: close\r\n", if status < 400 { "OK" } else { "No" });
    let mut field = |name: &str, value: &str| head.push_str(&format!("{name}: {value}\r\n"));
    if !page.content_type.is_empty() {
        field("content-type", &page.content_type);
    }
    if let Some(location) = &page.location {
        field("location", location);
    }
    for (name, value) in &page.headers {
        field(name, value);
    }
    if page.chunked {
        field("transfer-encoding", "chunked");
    } else if let Some(length) = page.length {
        field("content-length", &length.to_string());
    } else if page.times > 0 {
        field("content-length", &(body.len() as u64 * u64::from(page.times)).to_string());
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).await?;
    stream.flush().await?;
    let mut left = if page.times == 0 { u64::MAX } else { u64::from(page.times) };
    while left > 0 && !body.is_empty() {
        if let Some(pace) = page.pace {
            for byte in body {
                sleep(pace).await;
                write(stream, &[*byte], page.chunked).await?;
            }
            left -= 1;
        } else {
            // Many at once: a write for each would be slower than the client.
            let count = left.min(BLOCK.div_ceil(body.len()) as u64);
            write(stream, &body.repeat(usize::try_from(count).unwrap_or(1)), page.chunked).await?;
            left -= count;
        }
    }
    if page.chunked {
        stream.write_all(b"0\r\n\r\n").await?;
    }
    stream.flush().await
}

async fn write(stream: &mut TlsStream<TcpStream>, bytes: &[u8], chunked: bool) -> io::Result<()> {
    if chunked {
        stream.write_all(format!("{:x}\r\n", bytes.len()).as_bytes()).await?;
    }
    stream.write_all(bytes).await?;
    if chunked {
        stream.write_all(b"\r\n").await?;
    }
    stream.flush().await
}

/// Reads a request; its path and host. `None` when the client goes, or says
/// something that is none.
async fn request(stream: &mut TlsStream<TcpStream>) -> io::Result<Option<(String, String)>> {
    let mut bytes = Vec::new();
    while !bytes.windows(4).any(|end| end == b"\r\n\r\n") {
        if bytes.len() > MAX_REQUEST || timeout(IDLE, stream.read_buf(&mut bytes)).await?? == 0 {
            return Ok(None);
        }
    }
    let text = String::from_utf8_lossy(&bytes);
    let mut lines = text.lines();
    let path = lines.next().and_then(|line| line.split(' ').nth(1)).map(str::to_owned);
    let host = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("host").then(|| value.trim().to_owned())
    });
    Ok(path.map(|path| (path, host.unwrap_or_default())))
}

/// Reads and says nothing, until the client goes or is idle for so long.
async fn swallow(stream: &mut (impl AsyncReadExt + Unpin), idle: Duration) -> io::Result<()> {
    let mut bytes = vec![0; 4096];
    while timeout(idle, stream.read(&mut bytes)).await?? > 0 {}
    Ok(())
}
