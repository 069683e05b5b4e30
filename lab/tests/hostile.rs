//! Hostile behaviour, on the wire.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{PATIENCE, question, route, start, udp_bytes};
use hickory_proto::{
    op::{Message, ResponseCode},
    rr::RecordType,
    serialize::binary::BinDecodable,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
    time::timeout,
};

const MX: u16 = 15;

/// What a server with `acts` says to `said`, until it stops or `most` bytes
/// have come; whether the connection ended by a reset.
async fn heard(acts: &str, said: &[u8], most: usize) -> (Vec<u8>, bool) {
    let lab = start(&format!(
        "[[smtp]]\naddress = '25.25.1.1'\nhostname = 'mx.a.example'\ncertificate = 'good'\nacts = [{acts}]"
    ))
    .await;
    let mut io = TcpStream::connect(route(&lab, "25.25.1.1:25")).await.unwrap();
    let mut bytes = vec![0; most];
    let mut length = 0;
    let mut said = Some(said);
    while length < most {
        if let (Some(text), true) = (said, length > 0) {
            io.write_all(text).await.unwrap();
            said = None;
        }
        match timeout(PATIENCE, io.read(&mut bytes[length..])).await.expect("an end") {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(_) => return (bytes[..length].to_vec(), true),
        }
    }
    (bytes[..length].to_vec(), false)
}

#[tokio::test]
async fn a_server_acts_in_place_of_its_replies() {
    let (bytes, _) = heard(r"{ at = 'greeting', say = '220-x\r\n', times = 0 }", b"", 100_000).await;
    assert!(bytes.chunks_exact(7).all(|line| line == b"220-x\r\n"));
    let acts = r"{ at = 'greeting', say = '220 \000\255\r\n', pace = '1ms' }, { at = 'quit', say = 'x', times = 3, then = 'close' }";
    assert_eq!(heard(acts, b"QUIT\r\n", 100).await, (b"220 \0\xff\r\nxxx".to_vec(), false));
    let acts = r"{ at = 'ehlo', say = '250-a\r\n', times = 2 }, { at = 'ehlo', say = '250 b\r\n' }, { at = 'mail', then = 'reset' }";
    let (bytes, reset) = heard(acts, b"EHLO x\r\nMAIL FROM:<>\r\n", 1000).await;
    assert!(bytes.ends_with(b"ESMTP\r\n250-a\r\n250-a\r\n250 b\r\n") && reset, "{bytes:?}");
    let acts = r"{ at = 'handshake', say = 'not TLS', then = 'close' }";
    let (bytes, _) = heard(acts, b"EHLO x\r\nSTARTTLS\r\n\x16\x03\x01", 1000).await;
    assert!(bytes.ends_with(b"not TLS"), "{bytes:?}");
    let (bytes, _) = heard("{ at = 'ehlo', then = 'echo' }", b"EHLO x\r\nabc\r\n", 24 + 5).await;
    assert!(bytes.ends_with(b"abc\r\n"), "{bytes:?}");
}

#[tokio::test]
async fn acts_that_mean_nothing_are_pointed_at() {
    for (acts, word) in [
        ("{ at = 'connect', then = 'reset' }", "`greeting`"),
        ("{ at = 'mail', times = 0 }", "without end"),
        ("{ at = 'rcpt', say = '\\999' }", "999"),
    ] {
        let error = engine_lab::World::parse(&format!("[[smtp]]\naddress = '25.25.1.1'\nacts = [{acts}]")).unwrap_err();
        assert!(error.message.contains(word), "{error}");
    }
}

async fn answer(how: &str) -> Vec<u8> {
    let lab =
        start(&format!("zone = 'a.example. MX 10 mx.a.example.'\n[[fault]]\nname = 'a.example'\nanswer = '{how}'"))
            .await;
    let question = question("a.example.", MX, 1232);
    let mut bytes = udp_bytes(lab.resolver(), &question.to_vec().unwrap()).await;
    if how == "flapping" {
        assert_eq!(Message::from_bytes(&bytes).unwrap().metadata.response_code, ResponseCode::ServFail);
        bytes = udp_bytes(lab.resolver(), &question.to_vec().unwrap()).await;
    }
    bytes[0] ^= question.metadata.id.to_be_bytes()[0];
    bytes[1] ^= question.metadata.id.to_be_bytes()[1];
    bytes
}

#[tokio::test]
async fn dns_answers_are_changed_as_their_names_say() {
    let read = |bytes: &[u8]| Message::from_bytes(bytes).unwrap();
    assert_ne!(answer("wrong-id").await[..2], [0, 0]);
    assert_eq!(read(&answer("wrong-question").await).queries[0].name().to_string(), "other.example.");
    assert_eq!(read(&answer("unasked").await).answers[0].name.to_string(), "other.example.");
    assert_eq!(answer("echo").await[2] & 0x80, 0);
    assert_eq!(answer("counts-lie").await[6..8], [0xff, 0xff]);
    assert_eq!(read(&answer("alias-loop").await).answers.len(), 3);
    assert_eq!(read(&answer("alias-chain").await).answers.len(), 51);
    assert_eq!(read(&answer("edns-version").await).edns.unwrap().version(), 255);
    assert_eq!(read(&answer("nxdomain-with-answers").await).metadata.response_code, ResponseCode::NXDomain);
    assert_eq!(read(&answer("flapping").await).answers[0].record_type(), RecordType::MX);
    assert!(read(&answer("tcp-stall").await).metadata.truncation);
    let ttl = answer("huge-ttl").await;
    assert!(ttl.windows(4).any(|bytes| bytes == [0xff; 4]));
    for how in ["half", "pointer-loop", "counts-lie"] {
        assert!(Message::from_bytes(&answer(how).await).is_err(), "{how}");
    }
}

#[tokio::test]
async fn an_answer_may_be_empty_or_from_another_port_or_stall() {
    let world =
        |how: &str| format!("zone = 'a.example. MX 10 mx.a.example.'\n[[fault]]\nname = 'a.example'\nanswer = '{how}'");
    let bytes = question("a.example.", MX, 1232).to_vec().unwrap();
    for (how, empty) in [("empty", true), ("wrong-source", false)] {
        let lab = start(&world(how)).await;
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.send_to(&bytes, lab.resolver()).await.unwrap();
        let mut buffer = [0; 600];
        let (length, from) = timeout(PATIENCE, socket.recv_from(&mut buffer)).await.unwrap().unwrap();
        assert_eq!((length == 0, from == lab.resolver()), (empty, empty), "{how}");
    }
    let lab = start(&world("tcp-stall")).await;
    let mut stream = TcpStream::connect(lab.resolver()).await.unwrap();
    stream.write_all(&[&u16::try_from(bytes.len()).unwrap().to_be_bytes()[..], &bytes].concat()).await.unwrap();
    let mut three = [0; 3];
    timeout(PATIENCE, stream.read_exact(&mut three)).await.unwrap().unwrap();
    assert!(u16::from_be_bytes([three[0], three[1]]) > 12);
}
