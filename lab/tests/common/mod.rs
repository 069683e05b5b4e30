//! A DNS client that knows nothing of the lab.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, dead_code)]

use std::{net::SocketAddr, time::Duration};

use engine_lab::{Lab, World};
use hickory_proto::{
    op::{Edns, Message, Query},
    rr::{Name, RecordType},
    serialize::binary::BinDecodable,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
    time::timeout,
};

/// Longer than anything that is answered takes; reached only by a failing test.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub async fn start(world: &str) -> Lab {
    Lab::start(&World::parse(world).unwrap()).await.unwrap()
}

/// The loopback socket of a presented address.
pub fn route(lab: &Lab, presented: &str) -> SocketAddr {
    let presented: SocketAddr = presented.parse().unwrap();
    lab.routes().iter().find(|(from, _)| *from == presented).unwrap_or_else(|| panic!("no route to {presented}")).1
}

/// A question; `payload` is the EDNS size, 0 for no EDNS.
pub fn question(name: &str, rtype: u16, payload: u16) -> Message {
    let mut message = Message::query();
    message.add_query(Query::query(Name::from_ascii(name).unwrap(), RecordType::from(rtype)));
    message.metadata.recursion_desired = true;
    if payload > 0 {
        let mut edns = Edns::new();
        edns.set_max_payload(payload).set_version(0);
        message.set_edns(edns);
    }
    message
}

pub async fn udp_bytes(server: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.send_to(bytes, server).await.unwrap();
    let mut buffer = vec![0; 65536];
    let (length, from) = timeout(PATIENCE, socket.recv_from(&mut buffer)).await.expect("an answer").unwrap();
    assert_eq!(from, server);
    buffer.truncate(length);
    buffer
}

pub async fn udp(server: SocketAddr, question: &Message) -> Message {
    let answer = Message::from_bytes(&udp_bytes(server, &question.to_vec().unwrap()).await).unwrap();
    assert_eq!((answer.metadata.id, &answer.queries), (question.metadata.id, &question.queries));
    answer
}

pub async fn tcp(server: SocketAddr, question: &Message) -> Message {
    let mut stream = TcpStream::connect(server).await.unwrap();
    send(&mut stream, question).await;
    receive(&mut stream).await
}

pub async fn send(stream: &mut TcpStream, question: &Message) {
    let bytes = question.to_vec().unwrap();
    let frame = [&u16::try_from(bytes.len()).unwrap().to_be_bytes()[..], &bytes].concat();
    stream.write_all(&frame).await.unwrap();
}

pub async fn receive(stream: &mut TcpStream) -> Message {
    let length = timeout(PATIENCE, stream.read_u16()).await.expect("an answer").unwrap();
    let mut buffer = vec![0; usize::from(length)];
    stream.read_exact(&mut buffer).await.unwrap();
    Message::from_bytes(&buffer).unwrap()
}
