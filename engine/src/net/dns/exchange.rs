//! One question to one server over one transport: bytes out, bytes in.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use engine_plugin_api::services::RecordType;
use hickory_proto::{
    op::{Edns, Message, Query},
    rr::Name,
    serialize::binary::{BinDecodable, BinDecoder},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
    time::{Instant, timeout_at},
};

/// The size of answers that we ask for over UDP: what crosses every path
/// without fragments (DNS flag day 2020, RFC 9715 §3.1).
const UDP_PAYLOAD: u16 = 1232;
/// The largest datagram that we take; a larger one counts as truncated.
const DATAGRAM: usize = 4096;
/// How many foreign datagrams one exchange throws away before it gives up.
const FOREIGN_DATAGRAMS: usize = 32;

/// A question that can be asked.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) name: Name,
    /// The name as text, canonical.
    pub(super) text: String,
    pub(super) rtype: RecordType,
    /// RD: the server is to find the answer for us.
    pub(super) recursion: bool,
    /// DO: send DNSSEC records along (RFC 3225).
    pub(super) dnssec: bool,
}

/// Why no message came that answers the question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Nothing in time.
    Timeout,
    /// No way to the server, or it broke the connection; why.
    Unreachable(String),
    /// Something came that is no answer; what.
    Malformed(String),
}

/// Asks over UDP, from a port of its own, and gives the first message that
/// belongs to the question.
///
/// Others are thrown away (RFC 5452 §9.1); once one has come, the right one
/// gets `grace` more, so that a server that only sends nonsense does not cost
/// the whole time.
pub(super) async fn udp(
    server: SocketAddr,
    question: &Question,
    edns: bool,
    until: Instant,
    grace: Duration,
) -> Result<Vec<u8>, Failure> {
    let (id, query) = encode(question, edns)?;
    let any: SocketAddr = match server {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let opened = std::net::UdpSocket::bind(any).and_then(|socket| socket.set_nonblocking(true).map(|()| socket));
    let socket = opened.map_err(|error| unreachable("could not open a socket", &error))?;
    let not_reached = |error: io::Error| unreachable("could not be reached", &error);
    // Connected, so that the system lets nobody else in and hands us ICMP errors.
    socket.connect(server).map_err(not_reached)?;
    // Sent before the runtime knows the socket, which it would first wait for to be ready.
    let sent = socket.send(&query);
    let socket = UdpSocket::from_std(socket).map_err(|error| unreachable("could not open a socket", &error))?;
    match sent {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => socket.send(&query).await,
        sent => sent,
    }
    .map_err(not_reached)?;

    let mut buffer = vec![0; DATAGRAM + 1];
    let mut until = until;
    let mut foreign = 0;
    while foreign < FOREIGN_DATAGRAMS {
        let length = match timeout_at(until, socket.recv(&mut buffer)).await {
            Ok(received) => received.map_err(not_reached)?,
            Err(_) if foreign == 0 => return Err(Failure::Timeout),
            Err(_) => break,
        };
        match belongs(&buffer[..length], id, question) {
            Belongs::Yes => {
                buffer.truncate(length);
                return Ok(buffer);
            }
            Belongs::Broken(why) => return Err(Failure::Malformed(format!("sent {why}"))),
            Belongs::No => {
                foreign += 1;
                until = until.min(Instant::now() + grace);
            }
        }
    }
    let datagrams = if foreign == 1 { "a datagram that does" } else { "datagrams that do" };
    Err(Failure::Malformed(format!("sent {datagrams} not answer the question")))
}

/// Asks over TCP (RFC 7766 §8: length and message in one write).
pub(super) async fn tcp(
    server: SocketAddr,
    question: &Question,
    edns: bool,
    until: Instant,
) -> Result<Vec<u8>, Failure> {
    let (id, query) = encode(question, edns)?;
    let length = u16::try_from(query.len()).map_err(|_| Failure::Malformed("cannot be asked so much".to_owned()))?;
    let framed = [&length.to_be_bytes()[..], &query].concat();
    let message = timeout_at(until, async {
        let mut stream = TcpStream::connect(server).await?;
        stream.write_all(&framed).await?;
        let length = stream.read_u16().await?;
        let mut message = vec![0; usize::from(length)];
        stream.read_exact(&mut message).await?;
        Ok::<_, io::Error>(message)
    })
    .await
    .map_err(|_| Failure::Timeout)?
    .map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => Failure::Unreachable("closed the TCP connection without an answer".to_owned()),
        _ => unreachable("could not be reached over TCP", &error),
    })?;
    match belongs(&message, id, question) {
        Belongs::Yes => Ok(message),
        Belongs::Broken(why) => Err(Failure::Malformed(format!("sent {why} over TCP"))),
        Belongs::No => Err(Failure::Malformed("sent a message over TCP that does not answer the question".to_owned())),
    }
}

/// Whether an answer was cut short: TC is set (RFC 1035 §4.1.1).
pub(super) fn is_truncated(message: &[u8]) -> bool {
    message.get(2).is_some_and(|flags| flags & 0x02 != 0)
}

/// Whether a datagram was larger than we take.
pub(super) fn is_oversized(datagram: &[u8]) -> bool {
    datagram.len() > DATAGRAM
}

/// The query with a random id.
fn encode(question: &Question, edns: bool) -> Result<(u16, Vec<u8>), Failure> {
    let mut message = Message::query();
    message.metadata.recursion_desired = question.recursion;
    // AD in a query asks a validating resolver for AD in its answer (RFC 6840 §5.7).
    message.metadata.authentic_data = question.recursion;
    message.add_query(Query::query(question.name.clone(), question.rtype.number().into()));
    if edns {
        let mut options = Edns::new();
        options.set_max_payload(UDP_PAYLOAD).set_version(0).set_dnssec_ok(question.dnssec);
        message.set_edns(options);
    }
    match message.to_vec() {
        Ok(bytes) => Ok((message.metadata.id, bytes)),
        Err(error) => Err(Failure::Malformed(format!("could not be asked: {error}"))),
    }
}

enum Belongs {
    Yes,
    No,
    /// It carries our id, and cannot be read; a fragment that fits after "sent".
    Broken(String),
}

/// Whether a message answers the question: id, QR, opcode, name (in any
/// case), type and class (RFC 5452 §9.1).
fn belongs(message: &[u8], id: u16, question: &Question) -> Belongs {
    let &[id_high, id_low, flags, rcode, count_high, count_low, ..] = message else {
        return Belongs::No;
    };
    let is_response = flags & 0x80 != 0 && flags & 0x78 == 0;
    if message.len() < 12 || u16::from_be_bytes([id_high, id_low]) != id || !is_response {
        return Belongs::No;
    }
    match u16::from_be_bytes([count_high, count_low]) {
        // Servers that could not read the query, or would not, send bare headers.
        0 if rcode & 0x0f != 0 => Belongs::Yes,
        0 => Belongs::Broken("an answer without the question".to_owned()),
        1 => match asked(message) {
            Some((name, rtype, class)) => {
                let same = name == question.name && rtype == question.rtype.number() && class == 1;
                if same { Belongs::Yes } else { Belongs::No }
            }
            None => Belongs::Broken("an answer that cannot be read".to_owned()),
        },
        many => Belongs::Broken(format!("an answer to {many} questions")),
    }
}

/// The question of a message; names compare without regard to case.
fn asked(message: &[u8]) -> Option<(Name, u16, u16)> {
    let mut decoder = BinDecoder::new(message);
    decoder.read_slice(12).ok()?;
    let name = Name::read(&mut decoder).ok()?;
    let rtype = decoder.read_u16().ok()?.unverified();
    let class = decoder.read_u16().ok()?.unverified();
    Some((name, rtype, class))
}

fn unreachable(what: &str, error: &io::Error) -> Failure {
    // The kind reads the same on every system; an unnamed one says nothing.
    let kind = error.kind().to_string();
    let why = if kind.contains("uncategorized") || kind == "other error" { error.to_string() } else { kind };
    Failure::Unreachable(format!("{what}: {why}"))
}
