//! Whether a chain would be accepted.

use std::{fs::File, io::Read, path::Path, sync::Arc, time::Duration};

use engine_plugin_api::services::Verification;
use rustls::{
    CertificateError, RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier},
    crypto::CryptoProvider,
    pki_types::{CertificateDer, UnixTime, pem::PemObject},
};

use super::{certificate, server_name};

/// The largest file that is read for roots, in bytes.
const LARGEST_FILE: u64 = 4 << 20;

/// The certificates (DER) of a PEM file, each of which can be a root.
///
/// # Errors
/// When it cannot be read, holds none, or one that can be no root.
pub fn read_roots(path: &Path) -> Result<Vec<Vec<u8>>, String> {
    let shown = path.display();
    let mut text = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LARGEST_FILE).read_to_end(&mut text))
        .map_err(|error| format!("could not read the certificates of {shown}: {error}"))?;
    let mut roots = RootCertStore::empty();
    let mut found = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let certificate = certificate.map_err(|error| format!("{shown} is no PEM file: {error}"))?;
        roots
            .add(certificate.clone())
            .map_err(|error| format!("certificate {} of {shown} can be no root: {error}", found.len() + 1))?;
        found.push(certificate.as_ref().to_vec());
    }
    if found.is_empty() { Err(format!("{shown} holds no certificate in PEM form")) } else { Ok(found) }
}

/// Verifies chains against roots.
#[derive(Debug)]
pub struct Verifier {
    /// Or why there is none.
    verifier: Result<Arc<WebPkiServerVerifier>, String>,
}

impl Verifier {
    /// Over the public roots and `extra_roots`, DER.
    pub fn new(provider: &Arc<CryptoProvider>, extra_roots: &[Vec<u8>]) -> Self {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        for root in extra_roots {
            if let Err(error) = roots.add(CertificateDer::from(root.as_slice())) {
                tracing::warn!(%error, "an extra root certificate is left out");
            }
        }
        Verifier::over(provider, roots)
    }

    /// With `anchor`, DER, as the only root.
    ///
    /// # Errors
    /// Why it cannot be one.
    pub fn under(provider: &Arc<CryptoProvider>, anchor: &CertificateDer<'_>) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        roots.add(anchor.clone().into_owned()).map_err(|error| error.to_string())?;
        Ok(Verifier::over(provider, roots))
    }

    fn over(provider: &Arc<CryptoProvider>, roots: RootCertStore) -> Self {
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
            .build()
            .map_err(|error| error.to_string());
        Verifier { verifier }
    }

    /// See [`super::Tls::verify`].
    pub fn verify(&self, chain: &[CertificateDer<'_>], host: &str, at: i64) -> Verification {
        let failed = |why: &str| Verification::Failed { why: why.to_owned() };
        let verifier = match &self.verifier {
            Ok(verifier) => verifier,
            Err(why) => return failed(why),
        };
        let Some((leaf, intermediates)) = chain.split_first() else {
            return failed("the server shows no certificate");
        };
        let Some(name) = server_name(host) else {
            return failed("the name to verify is no host name");
        };
        let at = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(at).unwrap_or(0)));
        match verifier.verify_server_cert(leaf, intermediates, &name, &[], at) {
            Ok(_) => Verification::Trusted,
            Err(rustls::Error::InvalidCertificate(error)) => verdict(error, leaf),
            Err(error) => failed(&error.to_string()),
        }
    }
}

fn verdict(error: CertificateError, leaf: &CertificateDer<'_>) -> Verification {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => Verification::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Verification::NotYetValid,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => Verification::WrongName,
        CertificateError::UnknownIssuer => Verification::UnknownIssuer,
        // A self-signed certificate is often marked as an authority, as
        // `openssl req -x509` does, and is refused for that mark first.
        CertificateError::Other(_) if certificate::is_self_issued(leaf) => Verification::UnknownIssuer,
        other => Verification::Failed { why: other.to_string() },
    }
}
