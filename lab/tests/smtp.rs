//! The SMTP servers, spoken to over real sockets.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use common::{PATIENCE, route, start};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

/// Reads whole lines until one has no hyphen after its code; "" at the end.
async fn reply(io: &mut (impl AsyncRead + Unpin)) -> String {
    let mut text = String::new();
    loop {
        match timeout(PATIENCE, io.read_u8()).await.expect("a reply") {
            Ok(byte) => text.push(char::from(byte)),
            Err(_) => return text,
        }
        let last = text.trim_end_matches("\r\n").rsplit("\r\n").next().unwrap();
        if text.ends_with("\r\n") && last.as_bytes().get(3) != Some(&b'-') {
            return text;
        }
    }
}

async fn say(io: &mut (impl AsyncRead + AsyncWrite + Unpin), command: &str) -> String {
    io.write_all(format!("{command}\r\n").as_bytes()).await.unwrap();
    reply(io).await
}

async fn connect(server: SocketAddr) -> TcpStream {
    timeout(PATIENCE, TcpStream::connect(server)).await.expect("a connection").unwrap()
}

#[tokio::test]
async fn pipelined_commands_are_answered_in_order_and_noted() {
    let lab =
        start("[[smtp]]\naddress = ['25.25.1.1', '2a09:25::1']\nhostname = 'mx.a.example'\naccept = ['r@a.example']")
            .await;
    let mut io = connect(route(&lab, "25.25.1.1:25")).await;
    assert_eq!(reply(&mut io).await, "220 mx.a.example ESMTP\r\n");
    io.write_all(b"EHLO p.example\r\nMAIL FROM:<>\r\nRCPT TO:<x@a.example>\r\nRCPT TO:<r@a.exa").await.unwrap();
    for code in ["250", "250", "550"] {
        assert_eq!(reply(&mut io).await[..3], *code);
    }
    assert_eq!(say(&mut io, "mple>").await[..3], *"250");
    assert_eq!(say(&mut io, "DATA").await[..3], *"554");
    assert_eq!(say(&mut io, "QUIT").await[..3], *"221");
    assert_eq!(reply(&mut io).await, "", "closed");

    let mut other = connect(route(&lab, "[2a09:25::1]:25")).await;
    assert_eq!(reply(&mut other).await[..3], *"220");
    drop(other);
    let sessions = lab.sessions();
    assert_eq!(sessions[0].address, "25.25.1.1:25".parse().unwrap());
    assert_eq!(
        sessions[0].commands,
        ["EHLO p.example", "MAIL FROM:<>", "RCPT TO:<x@a.example>", "RCPT TO:<r@a.example>", "DATA", "QUIT"]
    );
    assert!(sessions[0].quit && !sessions[0].tls);
    assert_eq!((sessions[1].address, sessions[1].quit), ("[2a09:25::1]:25".parse().unwrap(), false));
}

#[tokio::test]
async fn each_certificate_verifies_or_fails_as_it_is_called() {
    for (kind, expected) in [
        ("good", ""),
        ("expiring", ""),
        ("expired", "Expired"),
        ("wrong-name", "NotValidForName"),
        ("self-signed", "UnknownIssuer"),
    ] {
        let lab =
            start(&format!("[[smtp]]\naddress = '25.25.1.1'\nhostname = 'mx.a.example'\ncertificate = '{kind}'")).await;
        let mut io = connect(route(&lab, "25.25.1.1:25")).await;
        reply(&mut io).await;
        assert!(say(&mut io, "EHLO p.example").await.contains("250 STARTTLS\r\n"));
        // What is pipelined behind STARTTLS must not be executed.
        assert_eq!(say(&mut io, "STARTTLS\r\nVRFY injected").await[..3], *"220");
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(lab.root_certificate())).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("mx.a.example").unwrap();
        match TlsConnector::from(Arc::new(config)).connect(name, io).await {
            Ok(mut io) => {
                assert_eq!(expected, "", "{kind}");
                let hello = say(&mut io, "EHLO p.example").await;
                assert!(hello.starts_with("250 mx.a.example") && !hello.contains("STARTTLS"), "{hello}");
                assert_eq!(say(&mut io, "QUIT").await[..3], *"221");
                let session = lab.sessions().remove(0);
                assert!(session.tls && session.quit);
                assert_eq!(session.commands, ["EHLO p.example", "STARTTLS", "EHLO p.example", "QUIT"]);
            }
            Err(error) => {
                assert!(!expected.is_empty() && format!("{error:?}").contains(expected), "{kind}: {error:?}");
            }
        }
    }
}

#[tokio::test]
async fn connections_end_where_the_world_says() {
    let lab = start(
        r#"
        [[smtp]]
        address = "25.25.1.1"
        refuse = true
        [[smtp]]
        address = "25.25.1.2"
        drop_at = "connect"
        [[smtp]]
        address = "25.25.1.3"
        greeting = "421-4.3.2 Busy\n421 4.3.2 Come back"
        [[smtp]]
        address = "25.25.1.4"
        port = 587
        drop_at = "rcpt"
        [[smtp]]
        address = "25.25.1.5"
        silent_at = "ehlo"
        "#,
    )
    .await;
    assert!(TcpStream::connect(route(&lab, "25.25.1.1:25")).await.is_err());
    // The reset comes while connecting or after it, whichever is microseconds earlier.
    if let Ok(mut dropped) = TcpStream::connect(route(&lab, "25.25.1.2:25")).await {
        assert_eq!(reply(&mut dropped).await, "");
    }
    let mut busy = connect(route(&lab, "25.25.1.3:25")).await;
    assert_eq!(reply(&mut busy).await, "421-4.3.2 Busy\r\n421 4.3.2 Come back\r\n");
    assert_eq!(reply(&mut busy).await, "");
    let mut late = connect(route(&lab, "25.25.1.4:587")).await;
    reply(&mut late).await;
    late.write_all(b"EHLO p.example\r\nMAIL FROM:<>\r\nRCPT TO:<r@a.example>\r\n").await.unwrap();
    assert_eq!(
        [reply(&mut late).await, reply(&mut late).await, reply(&mut late).await].map(|r| !r.is_empty()),
        [true, true, false]
    );
    let mut silent = connect(route(&lab, "25.25.1.5:25")).await;
    reply(&mut silent).await;
    silent.write_all(b"EHLO p.example\r\nQUIT\r\n").await.unwrap();
    silent.shutdown().await.unwrap();
    assert_eq!(reply(&mut silent).await, "", "nothing was said before the end");
}

#[tokio::test]
async fn greylisting_lets_the_second_attempt_pass_after_its_delay() {
    let lab =
        start("[[smtp]]\naddress = '25.25.1.1'\ngreylist = { delay = '20ms', reply = '450 4.2.0 Greylisted' }").await;
    let started = std::time::Instant::now();
    let mut attempts = Vec::new();
    while attempts.last().is_none_or(|reply: &String| reply.starts_with("450")) {
        let mut io = connect(route(&lab, "25.25.1.1:25")).await;
        reply(&mut io).await;
        say(&mut io, "EHLO p.example").await;
        say(&mut io, "MAIL FROM:<s@x.example>").await;
        attempts.push(say(&mut io, "RCPT TO:<r@a.example>").await);
        say(&mut io, "QUIT").await;
    }
    assert_eq!(attempts[0], "450 4.2.0 Greylisted\r\n");
    assert!(started.elapsed() >= Duration::from_millis(20));
}

#[tokio::test]
async fn a_line_without_end_is_refused() {
    let lab = start("[[smtp]]\naddress = '25.25.1.1'").await;
    let mut io = connect(route(&lab, "25.25.1.1:25")).await;
    reply(&mut io).await;
    io.write_all(&[b'x'; 5000]).await.unwrap();
    assert_eq!(reply(&mut io).await[..3], *"500");
}
