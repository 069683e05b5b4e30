//! The DNS servers, asked over real sockets.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::time::Duration;

use common::{question, receive, route, send, start, tcp, udp, udp_bytes};
use engine_lab::{Lab, LabOptions, Transport, World};
use hickory_proto::{
    op::{OpCode, ResponseCode},
    rr::{RData, rdata::opt::EdnsCode, rdata::opt::EdnsOption},
};
use tokio::net::TcpStream;

const A: u16 = 1;
const MX: u16 = 15;
const TXT: u16 = 16;

#[tokio::test]
async fn the_resolver_answers_over_udp_and_tcp_and_notes_each_question() {
    let lab = start("zone = 'a.example. MX 10 MX.a.example.'").await;
    for answer in [
        udp(lab.resolver(), &question("A.example.", MX, 1232)).await,
        tcp(lab.resolver(), &question("a.example.", MX, 0)).await,
    ] {
        assert_eq!(answer.answers[0].data.to_string(), "10 MX.a.example.");
        let flags = answer.metadata;
        assert!(flags.recursion_available && flags.recursion_desired && !flags.authoritative && !flags.truncation);
    }
    let questions = lab.questions();
    assert_eq!(questions.iter().map(|q| q.transport).collect::<Vec<_>>(), [Transport::Udp, Transport::Tcp]);
    for question in questions {
        assert_eq!((question.name.as_str(), question.rtype.as_str()), ("a.example", "MX"));
        assert!(question.recursion_desired && question.server == lab.resolver());
    }
    lab.stop().await;
}

#[tokio::test]
async fn a_long_answer_is_truncated_to_what_the_client_takes() {
    let zone = format!(
        "small.example. TXT {}\nhuge.example. TXT {}",
        "\"0123456789\" ".repeat(60),
        format!("\"\\255{}\" ", "x".repeat(249)).repeat(255)
    );
    let lab = Lab::start(&World { zone, ..World::default() }).await.unwrap();
    for (payload, truncated) in [(0, true), (512, true), (1232, false)] {
        let answer = udp(lab.resolver(), &question("small.example.", TXT, payload)).await;
        assert_eq!((answer.metadata.truncation, answer.answers.is_empty()), (truncated, truncated), "{payload}");
        assert_eq!(answer.edns.is_some(), payload > 0);
    }
    assert!(udp(lab.resolver(), &question("huge.example.", TXT, 4096)).await.metadata.truncation);
    let answer = tcp(lab.resolver(), &question("huge.example.", TXT, 4096)).await;
    let RData::TXT(txt) = &answer.answers[0].data else { panic!("{answer}") };
    assert_eq!((txt.txt_data.len(), txt.txt_data[254].len(), txt.txt_data[0][0]), (255, 250, 255));
}

#[tokio::test]
async fn faults_are_told_apart_on_the_wire() {
    let lab = start(
        r#"
        zone = "a.example. A 25.25.1.1\nb.example. A 25.25.1.2\nc.example. A 25.25.1.3"
        fault = [
            { name = "servfail.example", answer = "servfail", ede = { code = 9, text = "no DNSKEY" } },
            { name = "a.example", answer = "truncated" },
            { name = "b.example", answer = "truncated-udp" },
            { name = "garbage.example", answer = "garbage" },
            { name = "silent.example", answer = "timeout" },
            { name = "c.example", type = "MX", delay = "50ms" },
        ]
        "#,
    )
    .await;
    let resolver = lab.resolver();
    let failed = udp(resolver, &question("servfail.example.", A, 1232)).await;
    assert_eq!(failed.metadata.response_code, ResponseCode::ServFail);
    let ede = failed.edns.as_ref().and_then(|edns| edns.option(EdnsCode::Unknown(15)));
    assert_eq!(ede, Some(&EdnsOption::Unknown(15, b"\x00\x09no DNSKEY".to_vec())));
    assert!(udp(resolver, &question("servfail.example.", A, 0)).await.edns.is_none());

    for (name, over_tcp) in [("a.example.", true), ("b.example.", false)] {
        assert!(udp(resolver, &question(name, A, 1232)).await.metadata.truncation);
        let answer = tcp(resolver, &question(name, A, 1232)).await;
        assert_eq!((answer.metadata.truncation, answer.answers.len()), (over_tcp, usize::from(!over_tcp)));
    }

    let garbage = question("garbage.example.", A, 0);
    let bytes = udp_bytes(resolver, &garbage.to_vec().unwrap()).await;
    assert_eq!(bytes[..2], garbage.metadata.id.to_be_bytes());
    assert!(hickory_proto::op::Message::from_vec(&bytes).is_err());

    // On one connection, the silent and the slow question do not hold up the third.
    let mut stream = TcpStream::connect(resolver).await.unwrap();
    for (name, rtype) in [("silent.example.", A), ("c.example.", MX), ("c.example.", A)] {
        send(&mut stream, &question(name, rtype, 0)).await;
    }
    assert_eq!(receive(&mut stream).await.answers.len(), 1);
    let slow = receive(&mut stream).await;
    assert_eq!((slow.answers.len(), slow.authorities.len()), (0, 1));
}

#[tokio::test]
async fn authoritative_servers_answer_at_their_presented_addresses() {
    let lab = start(
        r#"
        zone = """
        a.example.      NS   ns1.a.example.
        a.example.      NS   ns2.a.example.
        ns1.a.example.  A    25.25.0.53
        ns2.a.example.  AAAA 2a09:25::53
        a.example.      MX   10 mx.b.example.
        b.example.      MX   10 mx.b.example.
        """
        "#,
    )
    .await;
    assert_eq!(lab.routes().len(), 2);
    for presented in ["25.25.0.53:53", "[2a09:25::53]:53"] {
        let server = route(&lab, presented);
        assert!(server.ip().is_loopback());
        let answer = udp(server, &question("a.example.", MX, 1232)).await;
        assert!(answer.metadata.authoritative && !answer.metadata.recursion_available);
        assert_eq!(answer.answers.len(), 1);
        let other = tcp(server, &question("b.example.", MX, 1232)).await;
        assert_eq!((other.metadata.response_code, other.metadata.authoritative), (ResponseCode::Refused, false));
        assert_eq!(lab.questions().last().unwrap().server, presented.parse().unwrap());
    }
}

#[tokio::test]
async fn a_name_server_may_hold_another_version_of_its_zone() {
    let lab = start(
        r#"
        zone = """
        a.example.      NS   ns1.a.example.
        a.example.      NS   ns2.a.example.
        ns1.a.example.  A    25.25.0.53
        ns2.a.example.  A    25.25.0.54
        a.example.      MX   10 new.a.example.
        """
        nameserver = [{ address = "25.25.0.54", zone = "a.example. MX 10 old.a.example." }]
        "#,
    )
    .await;
    for (server, expected) in [
        (route(&lab, "25.25.0.53:53"), "10 new.a.example."),
        (route(&lab, "25.25.0.54:53"), "10 old.a.example."),
        (lab.resolver(), "10 new.a.example."),
    ] {
        let answer = udp(server, &question("a.example.", MX, 1232)).await;
        assert_eq!(answer.answers[0].data.to_string(), expected);
    }
}

#[tokio::test]
async fn odd_messages_get_the_code_they_deserve() {
    let lab = start("").await;
    let resolver = lab.resolver();
    let mut update = question("a.example.", A, 0);
    update.metadata.op_code = OpCode::Status;
    assert_eq!(udp(resolver, &update).await.metadata.response_code, ResponseCode::NotImp);
    assert_eq!(udp(resolver, &question("a.example.", 252, 0)).await.metadata.response_code, ResponseCode::Refused);
    let mut version = question("a.example.", A, 1232);
    version.edns.as_mut().unwrap().set_version(1);
    assert_eq!(u16::from(udp(resolver, &version).await.metadata.response_code), 16, "BADVERS");
    let bytes = udp_bytes(resolver, &[7, 7, 1, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0xff]).await;
    assert_eq!((bytes[..2].to_vec(), bytes[3] & 15), (vec![7, 7], 1), "FORMERR");
    let unknown = udp(resolver, &question("a.example.", 65280, 0)).await;
    assert_eq!(unknown.metadata.response_code, ResponseCode::NXDomain);
    assert_eq!(lab.questions().last().unwrap().rtype, "TYPE65280");
}

#[tokio::test]
async fn the_round_trip_is_added_to_each_answer() {
    let options = LabOptions { round_trip: Duration::from_millis(30) };
    let lab = Lab::start_with(&World::default(), options).await.unwrap();
    let start = std::time::Instant::now();
    udp(lab.resolver(), &question("a.example.", A, 0)).await;
    udp(lab.resolver(), &question("a.example.", A, 0)).await;
    assert!(start.elapsed() >= Duration::from_millis(60), "a delay is at least what was asked for");
}

#[tokio::test]
async fn stopping_or_dropping_closes_the_sockets() {
    let lab = start("").await;
    let stopped = lab.resolver();
    lab.stop().await;
    assert!(TcpStream::connect(stopped).await.is_err());
    let labs = [start("").await, start("").await];
    assert_ne!(labs[0].resolver(), labs[1].resolver());
}
