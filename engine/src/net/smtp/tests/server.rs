//! A server that does what a test says, once per connection.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

/// One thing that the server does.
pub enum Do {
    /// Says this at once.
    Say(Vec<u8>),
    /// Reads a command, then says this.
    Reply(&'static str),
    /// Reads a command, then says nothing.
    Read,
    /// Makes the TLS handshake.
    StartTls(Arc<ServerConfig>),
    /// Closes the connection.
    Close,
    /// Says this over and over until the client has gone.
    Flood(&'static [u8]),
}

/// Says `text` at once.
pub fn say(text: &str) -> Do {
    Do::Say(text.as_bytes().to_vec())
}

/// The running server.
pub struct Server {
    /// Where it listens.
    pub socket: SocketAddr,
    heard: Arc<Mutex<Vec<Vec<String>>>>,
    connections: usize,
    ended: tokio::sync::mpsc::Receiver<()>,
}

impl Server {
    /// A server that does the first list on its first connection, and so on.
    pub async fn start(connections: Vec<Vec<Do>>) -> Server {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let socket = listener.local_addr().unwrap();
        let heard: Arc<Mutex<Vec<Vec<String>>>> = Arc::default();
        let (end, ended) = tokio::sync::mpsc::channel(16);
        let (log, count) = (heard.clone(), connections.len());
        tokio::spawn(async move {
            for (number, turns) in connections.into_iter().enumerate() {
                let (stream, _) = listener.accept().await.unwrap();
                log.lock().unwrap().push(Vec::new());
                serve(Box::new(stream), turns, |line| log.lock().unwrap()[number].push(line)).await;
                let _ = end.send(()).await;
            }
        });
        Server { socket, heard, connections: count, ended }
    }

    /// Waits until the first connection has heard so many commands.
    pub async fn has_heard(&self, count: usize) {
        while self.heard.lock().unwrap().first().is_none_or(|heard| heard.len() < count) {
            tokio::task::yield_now().await;
        }
    }

    /// The commands of each connection, after all of them have ended.
    pub async fn heard(mut self) -> Vec<Vec<String>> {
        for _ in 0..self.connections {
            self.ended.recv().await;
        }
        self.heard.lock().unwrap().clone()
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// Does `turns`, then listens until the client has gone. A client that goes
/// away early ends it.
async fn serve(stream: Box<dyn Stream>, turns: Vec<Do>, mut heard: impl FnMut(String)) {
    let mut stream = BufReader::new(stream);
    for turn in turns {
        if let Do::Reply(_) | Do::Read = turn {
            let mut line = String::new();
            match stream.read_line(&mut line).await {
                Ok(1..) => heard(line.trim_end().to_owned()),
                _ => return,
            }
        }
        match turn {
            Do::Say(bytes) => {
                let _ = stream.write_all(&bytes).await;
            }
            Do::Reply(text) => {
                let _ = stream.write_all(text.as_bytes()).await;
            }
            Do::Read => {}
            Do::StartTls(config) => match TlsAcceptor::from(config).accept(stream.into_inner()).await {
                Ok(secured) => {
                    heard("(handshake)".to_owned());
                    stream = BufReader::new(Box::new(secured));
                }
                Err(_) => return,
            },
            Do::Close => {
                let _ = stream.shutdown().await;
                return;
            }
            Do::Flood(bytes) => while stream.write_all(bytes).await.is_ok() {},
        }
    }
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    String::from_utf8_lossy(&rest).lines().for_each(|line| heard(line.to_owned()));
    let _ = stream.shutdown().await;
}

/// Which certificate a server shows.
#[derive(Clone, Copy)]
pub enum Shows {
    Good,
    Expired,
    WrongName,
    SelfSigned,
}

/// A TLS set-up for `mx.example` and the root, DER, of its authority.
pub fn tls(shows: Shows) -> (Arc<ServerConfig>, Vec<u8>) {
    let mut root = CertificateParams::new(Vec::new()).unwrap();
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    root.distinguished_name.push(DnType::CommonName, "Trial Root");
    let root_key = KeyPair::generate().unwrap();
    let root_der = root.self_signed(&root_key).unwrap().der().to_vec();
    let issuer = Issuer::new(root, root_key);

    let name = if let Shows::WrongName = shows { "other.example" } else { "mx.example" };
    let mut leaf = CertificateParams::new(vec![name.to_owned()]).unwrap();
    leaf.distinguished_name.push(DnType::CommonName, name);
    if let Shows::Expired = shows {
        leaf.not_before = date_time_ymd(2020, 1, 1);
        leaf.not_after = date_time_ymd(2021, 1, 1);
    }
    let key = KeyPair::generate().unwrap();
    let leaf = match shows {
        Shows::SelfSigned => leaf.self_signed(&key).unwrap(),
        _ => leaf.signed_by(&key, &issuer).unwrap(),
    };
    let chain: Vec<CertificateDer<'static>> = vec![leaf.der().clone()];
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    (Arc::new(config), root_der)
}
