//! TLS that shows what the server has, instead of refusing it.
//!
//! The handshake takes any chain, but the server must prove that it holds the
//! key of its certificate. Whether the chain would be accepted is found out
//! afterwards and reported as data.

mod certificate;
mod verdict;

use std::{
    io,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use engine_plugin_api::services::{CertificateFacts, TlsFacts, Verification};
use rustls::{
    ClientConfig, DigitallySignedStruct, ProtocolVersion, SignatureScheme,
    client::{
        Resumption,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

pub use verdict::{Verifier, read_roots};

use super::{now_ms, tcp};

/// Certificates of a chain that are tried as trust anchors, the leaf counted.
const MOST_ANCHORS: usize = 8;

/// Makes TLS handshakes and judges what they show.
#[derive(Debug)]
pub struct Tls {
    provider: Arc<CryptoProvider>,
    verifier: Verifier,
}

impl Tls {
    /// With the public roots (WebPKI) and `extra_roots`, DER. An extra root
    /// that cannot be read is left out, with a warning in the log.
    pub fn new(extra_roots: &[Vec<u8>]) -> Self {
        let provider = Arc::new(ring::default_provider());
        Tls { verifier: Verifier::new(&provider, extra_roots), provider }
    }

    /// Makes the handshake over `tcp`. SNI is `host` if that is a host name;
    /// for an address there is none. Waits without a limit of its own.
    ///
    /// # Errors
    /// When there is no TLS 1.2 or 1.3 session: why, as a fragment.
    pub async fn handshake(
        &self,
        tcp: TcpStream,
        host: &str,
        address: IpAddr,
    ) -> Result<(TlsStream<TcpStream>, TlsFacts), String> {
        let name = server_name(host).unwrap_or(ServerName::IpAddress(address.into()));
        let recorder = Arc::new(Recorder { provider: self.provider.clone(), chain: Mutex::default() });
        let config = self.config(recorder.clone()).map_err(|error| error.to_string())?;
        let connected = TlsConnector::from(Arc::new(config)).connect(name, tcp).await;
        let chain = recorder.take();
        let stream = connected.map_err(|error| failure(&error, &chain))?;
        let session = stream.get_ref().1;
        let facts = TlsFacts {
            version: session.protocol_version().map_or_else(String::new, version),
            cipher: session.negotiated_cipher_suite().map_or_else(String::new, |suite| format!("{:?}", suite.suite())),
            chain: self.facts(&chain, host, now_ms() / 1000),
            verification: self.verify(&chain, host, now_ms() / 1000),
        };
        Ok((stream, facts))
    }

    /// Whether `chain`, leaf first, would be accepted for `host` at the Unix
    /// time `at` in seconds.
    pub fn verify(&self, chain: &[CertificateDer<'_>], host: &str, at: i64) -> Verification {
        self.verifier.verify(chain, host, at)
    }

    /// What the certificates of `chain` say, with what each is worth as the only
    /// trust anchor of the leaf.
    fn facts(&self, chain: &[CertificateDer<'_>], host: &str, at: i64) -> Vec<CertificateFacts> {
        let facts = |(depth, der): (usize, &CertificateDer<'_>)| {
            let mut facts = certificate::facts(der);
            if (1..MOST_ANCHORS).contains(&depth) {
                facts.as_anchor = Some(match Verifier::under(&self.provider, der) {
                    Ok(verifier) => verifier.verify(chain, host, at),
                    Err(why) => Verification::Failed { why },
                });
            }
            facts
        };
        chain.iter().enumerate().map(facts).collect()
    }

    /// A configuration for one handshake: its verifier keeps that one's chain.
    fn config(&self, recorder: Arc<Recorder>) -> Result<ClientConfig, rustls::Error> {
        let mut config = ClientConfig::builder_with_provider(self.provider.clone())
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(recorder)
            .with_no_client_auth();
        // A resumed session shows no chain.
        config.resumption = Resumption::disabled();
        Ok(config)
    }
}

/// `host` as a name that can be verified; `None` when it is neither a host
/// name nor an address.
fn server_name(host: &str) -> Option<ServerName<'static>> {
    ServerName::try_from(host.strip_suffix('.').unwrap_or(host).to_owned()).ok()
}

/// `TLSv1.3` and the like.
fn version(version: ProtocolVersion) -> String {
    format!("{version:?}").replace('_', ".")
}

/// Accepts every chain and keeps it; still wants the handshake to be signed
/// with the key of the leaf.
#[derive(Debug)]
struct Recorder {
    provider: Arc<CryptoProvider>,
    chain: Mutex<Vec<CertificateDer<'static>>>,
}

impl Recorder {
    fn take(&self) -> Vec<CertificateDer<'static>> {
        std::mem::take(&mut *self.chain.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let chain = std::iter::once(leaf).chain(intermediates).map(|der| der.clone().into_owned()).collect();
        *self.chain.lock().unwrap_or_else(PoisonError::into_inner) = chain;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, leaf, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, leaf, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Why a handshake failed, in words for a person.
fn failure(error: &io::Error, chain: &[CertificateDer<'_>]) -> String {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match tls {
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            "the server closed the connection in the TLS handshake".to_owned()
        }
        None => format!("the connection broke in the TLS handshake: {}", tcp::words(error)),
        Some(rustls::Error::AlertReceived(alert)) => {
            format!("the server broke off the TLS handshake with the alert {alert:?}")
        }
        Some(rustls::Error::InvalidMessage(_)) => "the server's answer to the TLS handshake is not TLS".to_owned(),
        Some(rustls::Error::PeerIncompatible(why)) => {
            format!("the server offers no TLS 1.2 or 1.3 session that can be held: {why:?}")
        }
        // The chain was taken, so it is the key or the form of the leaf.
        Some(other) if let Some(leaf) = chain.first() => {
            let why = certificate::obstacle(leaf).unwrap_or_else(|| other.to_string());
            format!("TLS cannot be held with the certificate of {}: {why}", certificate::facts(leaf).subject)
        }
        Some(other) => format!("the TLS handshake failed: {other}"),
    }
}

#[cfg(test)]
mod tests;
