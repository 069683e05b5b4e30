#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::net::Ipv4Addr;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};

use super::*;

const DAY: i64 = 86_400;
/// 2026-01-01.
const NOW: i64 = 1_767_225_600;

fn authority(name: &str) -> (CertificateDer<'static>, Issuer<'static, KeyPair>) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    let der = params.self_signed(&key).unwrap().der().clone();
    (der, Issuer::new(params, key))
}

/// Valid in 2025 and 2026.
fn params(names: &[&str]) -> CertificateParams {
    let mut params = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "Example, Ltd");
    params.distinguished_name.push(DnType::CommonName, names[0]);
    params.not_before = date_time_ymd(2025, 1, 1);
    params.not_after = date_time_ymd(2027, 1, 1);
    params
}

fn check(tls: &Tls, chain: &[CertificateDer<'_>], host: &str, at: i64, expected: Verification) {
    assert_eq!(tls.verify(chain, host, at), expected, "{host} at {at}");
}

#[test]
fn a_chain_is_judged_by_roots_name_and_time() {
    let (root, issuer) = authority("Trial Root");
    let (other_root, _) = authority("Other Root");
    let key = KeyPair::generate().unwrap();
    let leaf = params(&["mx.example", "*.wild.example"]).signed_by(&key, &issuer).unwrap().der().clone();
    let chain = [leaf];
    let tls = Tls::new(&[root.to_vec(), b"no certificate".to_vec()]);

    check(&tls, &chain, "mx.example", NOW, Verification::Trusted);
    check(&tls, &chain, "MX.example.", NOW, Verification::Trusted);
    check(&tls, &chain, "a.wild.example", NOW, Verification::Trusted);
    check(&tls, &chain, "other.example", NOW, Verification::WrongName);
    check(&tls, &chain, "25.25.1.1", NOW, Verification::WrongName);
    check(&tls, &chain, "mx.example", NOW + 400 * DAY, Verification::Expired);
    check(&tls, &chain, "mx.example", NOW - 400 * DAY, Verification::NotYetValid);
    check(&Tls::new(&[other_root.to_vec()]), &chain, "mx.example", NOW, Verification::UnknownIssuer);
    check(&Tls::new(&[]), &chain, "mx.example", NOW, Verification::UnknownIssuer);
    for (chain, host) in [(&chain[..], "no host name"), (&[], "mx.example")] {
        assert!(matches!(tls.verify(chain, host, NOW), Verification::Failed { .. }));
    }
}

#[test]
fn roots_are_read_from_a_pem_file() {
    let key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pem = ca.self_signed(&key).unwrap().pem();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("roots.pem");
    let read = |text: &str| {
        std::fs::write(&file, text).unwrap();
        read_roots(&file)
    };
    let roots = read(&format!("# our own authority\n{pem}\n{pem}")).unwrap();
    assert_eq!(roots.len(), 2);
    let issuer = Issuer::new(ca, key);
    let leaf = params(&["mx.example"]).signed_by(&KeyPair::generate().unwrap(), &issuer).unwrap().der().clone();
    check(&Tls::new(&roots), &[leaf], "mx.example", NOW, Verification::Trusted);

    for (text, why) in [
        ("", "holds no certificate in PEM form"),
        ("our authority", "holds no certificate in PEM form"),
        ("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n", "is no PEM file"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "certificate 1 of"),
    ] {
        let error = read(text).unwrap_err();
        assert!(error.contains(why) && error.contains("roots.pem"), "{error}");
    }
    assert!(read_roots(&folder.path().join("none.pem")).unwrap_err().contains("could not read"));
}

#[test]
fn a_self_signed_certificate_has_an_unknown_issuer() {
    let key = KeyPair::generate().unwrap();
    let plain = params(&["mx.example"]);
    let mut marked = plain.clone();
    marked.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    for params in [plain, marked] {
        let leaf = params.self_signed(&key).unwrap().der().clone();
        check(&Tls::new(&[]), &[leaf], "mx.example", NOW, Verification::UnknownIssuer);
    }
}

#[test]
fn a_certificate_is_told_as_data() {
    let (_, issuer) = authority("Trial Root");
    let key = KeyPair::generate().unwrap();
    let leaf = params(&["mx.example", "25.25.1.1", "2a09:25::1"]).signed_by(&key, &issuer).unwrap().der().clone();
    let facts = certificate::facts(&leaf);
    assert_eq!(facts.subject, "CN=mx.example,O=Example\\, Ltd");
    assert_eq!(facts.issuer, "CN=Trial Root");
    assert_eq!(facts.names, ["mx.example", "25.25.1.1", "2a09:25::1"]);
    assert_eq!((facts.not_before, facts.not_after), (1_735_689_600, 1_798_761_600));
    assert_eq!(facts.sha256.len(), 64);
}

/// A server that takes one connection and answers the handshake with `bytes`.
async fn answer(bytes: &'static [u8]) -> Result<(TlsStream<TcpStream>, TlsFacts), String> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let socket = listener.local_addr().unwrap();
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 1024]).await;
        let _ = stream.write_all(bytes).await;
        let _ = stream.shutdown().await;
        let _ = stream.read_to_end(&mut Vec::new()).await;
    };
    let client = async {
        let stream = TcpStream::connect(socket).await.unwrap();
        Tls::new(&[]).handshake(stream, "mx.example", socket.ip()).await
    };
    tokio::join!(server, client).1
}

#[tokio::test]
async fn a_failed_handshake_is_told_in_words() {
    for (bytes, words) in [
        (&b"500 5.5.2 what?\r\n"[..], "is not TLS"),
        (b"", "closed the connection in the TLS handshake"),
        // A fatal internal_error alert (RFC 8446 §6).
        (b"\x15\x03\x03\x00\x02\x02\x50", "alert InternalError"),
    ] {
        let error = answer(bytes).await.map(|(_, facts)| facts).unwrap_err();
        assert!(error.contains(words), "{error}");
    }
}
