//! The certificates of the lab's servers, and TLSA records for them.

use std::time::{Duration, SystemTime};
use std::{collections::HashMap, sync::Arc};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, PublicKeyData as _, date_time_ymd,
};
use ring::digest::{SHA256, SHA512, digest};
use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, ring as provider},
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};

use crate::world::{CertificateKind, World};

/// How long an expiring certificate still is valid.
const EXPIRING: Duration = Duration::from_secs(3 * 86_400);

/// The name in certificates for the wrong name.
const OTHER_NAME: &str = "elsewhere.example";
/// What begins the data of a TLSA record for a server of the world.
const OF: &str = "of:";
/// The word for the lab's authority in place of a server.
const ISSUER: &str = "issuer";

/// The lab's certificate authority; its key is made anew in each lab.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    provider: Arc<CryptoProvider>,
}

/// A certificate that a server shows, and its key.
pub(crate) struct Issued {
    pub(crate) config: Arc<ServerConfig>,
    certificate: Certificate,
}

/// What a TLSA record can be made of, DER.
#[derive(Clone, Debug)]
struct Certificate {
    whole: Vec<u8>,
    key: Vec<u8>,
}

impl Authority {
    pub(crate) fn new() -> Result<Authority, String> {
        let mut params = CertificateParams::new(Vec::new()).map_err(|e| e.to_string())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "Lab authority");
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().map_err(|e| e.to_string())?;
        let issuer = CertifiedIssuer::self_signed(params, key).map_err(|e| e.to_string())?;
        Ok(Authority { issuer, provider: Arc::new(provider::default_provider()) })
    }

    /// The authority's own certificate, DER.
    pub(crate) fn root(&self) -> Vec<u8> {
        self.issuer.der().to_vec()
    }

    /// A certificate of `kind` for `names`, the first one first; the TLS
    /// settings of the server that shows it.
    pub(crate) fn issue(&self, kind: CertificateKind, names: &[String], send_issuer: bool) -> Result<Issued, String> {
        let names = if kind == CertificateKind::WrongName { vec![OTHER_NAME.to_owned()] } else { names.to_vec() };
        let mut params = CertificateParams::new(names.clone()).map_err(|e| e.to_string())?;
        params.distinguished_name.push(DnType::CommonName, names.first().map_or("", String::as_str));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = match kind {
            CertificateKind::Expired => date_time_ymd(2021, 1, 1),
            CertificateKind::Expiring => {
                let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_err(|e| e.to_string())?;
                date_time_ymd(1970, 1, 1) + now + EXPIRING
            }
            _ => date_time_ymd(2100, 1, 1),
        };
        let key = KeyPair::generate().map_err(|e| e.to_string())?;
        let certificate = match kind {
            CertificateKind::SelfSigned => params.self_signed(&key),
            _ => params.signed_by(&key, &self.issuer),
        }
        .map_err(|e| e.to_string())?;
        let mut chain: Vec<CertificateDer<'static>> = vec![certificate.der().clone()];
        if send_issuer {
            chain.push(self.root().into());
        }
        let secret = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, secret))
            .map_err(|e| e.to_string())?;
        let certificate = Certificate { whole: certificate.der().to_vec(), key: key.subject_public_key_info() };
        Ok(Issued { config: Arc::new(config), certificate })
    }
}

/// What TLSA records of a zone may name. Without certificates, as when a world
/// is only read, all digests are zero.
#[derive(Default)]
pub(crate) struct Certificates {
    by_name: HashMap<String, Certificate>,
}

impl Certificates {
    /// Those of `authority` itself.
    pub(crate) fn new(authority: &Authority) -> Self {
        let issuer = Certificate { whole: authority.root(), key: authority.issuer.key().subject_public_key_info() };
        Certificates { by_name: HashMap::from([(ISSUER.to_owned(), issuer)]) }
    }

    /// Notes what the server `hostname` shows; the first one of a name counts.
    pub(crate) fn shows(&mut self, hostname: &str, issued: &Issued) {
        self.by_name.entry(hostname.to_owned()).or_insert_with(|| issued.certificate.clone());
    }

    /// `zone` with `of:NAME` in TLSA records replaced by the data for the
    /// certificate of that server of `world`. A name of none is left as it is.
    pub(crate) fn fill(&self, zone: &str, world: &World) -> String {
        if !zone.contains(OF) {
            return zone.to_owned();
        }
        let known = |name: &str| {
            name == ISSUER
                || world.smtp.iter().any(|server| server.hostname == name && server.certificate.is_some())
                || world.http.iter().any(|server| server.hostname == name)
        };
        let mut filled = String::with_capacity(zone.len());
        for line in zone.lines() {
            let mut words = line.split_ascii_whitespace().rev();
            let data = words.next().and_then(|word| word.strip_prefix(OF)).filter(|name| known(name));
            match (data, words.next(), words.next()) {
                (Some(name), Some(matching), Some(selector)) => {
                    filled
                        .push_str(line.trim_end().strip_suffix(name).and_then(|l| l.strip_suffix(OF)).unwrap_or(line));
                    for byte in self.data(name, selector, matching) {
                        filled.push_str(&format!("{byte:02x}"));
                    }
                }
                _ => filled.push_str(line),
            }
            filled.push('\n');
        }
        filled
    }

    fn data(&self, name: &str, selector: &str, matching: &str) -> Vec<u8> {
        let Some(certificate) = self.by_name.get(name) else { return vec![0; 32] };
        let bytes = if selector == "1" { &certificate.key } else { &certificate.whole };
        match matching {
            "1" => digest(&SHA256, bytes).as_ref().to_vec(),
            "2" => digest(&SHA512, bytes).as_ref().to_vec(),
            _ => bytes.clone(),
        }
    }
}
