//! The DNS servers: sockets and messages.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use hickory_proto::{
    op::{Edns, Message, MessageType, Metadata, OpCode, ResponseCode},
    rr::{DNSClass, Name, RecordType, rdata::opt::EdnsOption},
    serialize::binary::BinDecodable,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UdpSocket},
    sync::Mutex,
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{
    accept, hostile,
    log::{Log, Question, Transport},
    names::{Manner, Names, Reply},
    world::FaultAnswer,
};

/// TCP connections that one server holds at a time.
const MAX_CONNECTIONS: usize = 256;
/// UDP questions that wait for their delay at a time; more are dropped.
const MAX_WAITING: usize = 4096;
/// Time after which a TCP connection without a question is closed.
const IDLE: Duration = Duration::from_secs(60);
/// Extended DNS error (RFC 8914 §2).
const EDE: u16 = 15;
/// The UDP payload size that the servers announce.
const PAYLOAD: u16 = 1232;

/// How a server sees the world.
#[derive(Debug)]
pub(crate) enum View {
    /// The whole world, as a recursive resolver.
    Recursive,
    /// The zones of one authoritative server.
    Authoritative(Vec<Name>),
}

/// A DNS server of the lab.
#[derive(Debug)]
pub(crate) struct DnsServer {
    pub(crate) names: Arc<Names>,
    pub(crate) view: View,
    /// The address that questions are noted with.
    pub(crate) address: SocketAddr,
    pub(crate) log: Arc<Log>,
    pub(crate) round_trip: Duration,
}

/// What is sent.
struct Answer {
    /// Time before it.
    delay: Duration,
    bytes: Vec<u8>,
    manner: Manner,
}

/// Binds UDP and TCP on one loopback port that the system chooses.
pub(crate) async fn bind() -> io::Result<(UdpSocket, TcpListener)> {
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    // The TCP port of the same number may be taken: a few tries suffice.
    for _ in 0..32 {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        match TcpListener::bind(udp.local_addr()?).await {
            Ok(tcp) => return Ok((udp, tcp)),
            Err(error) => last = error,
        }
    }
    Err(last)
}

impl DnsServer {
    /// Serves until the task is dropped.
    pub(crate) async fn serve(self: Arc<Self>, udp: UdpSocket, tcp: TcpListener) {
        tokio::join!(Arc::clone(&self).serve_udp(Arc::new(udp)), self.serve_tcp(tcp));
    }

    async fn serve_udp(self: Arc<Self>, socket: Arc<UdpSocket>) {
        let mut waiting = JoinSet::new();
        let mut buffer = vec![0; usize::from(u16::MAX)];
        loop {
            // An error here is a late ICMP message of an earlier answer.
            let Ok((length, client)) = socket.recv_from(&mut buffer).await else { continue };
            while waiting.try_join_next().is_some() {}
            let Some(Answer { delay, bytes: answer, manner }) = self.answer(&buffer[..length], Transport::Udp) else {
                continue;
            };
            let socket = match manner {
                Manner::Hostile(FaultAnswer::WrongSource) => match UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await {
                    Ok(other) => &Arc::new(other),
                    Err(_) => continue,
                },
                _ => &socket,
            };
            if delay.is_zero() {
                let _ = socket.send_to(&answer, client).await;
            } else if waiting.len() < MAX_WAITING {
                let socket = Arc::clone(socket);
                waiting.spawn(async move {
                    sleep(delay).await;
                    let _ = socket.send_to(&answer, client).await;
                });
            }
        }
    }

    async fn serve_tcp(self: Arc<Self>, listener: TcpListener) {
        accept::each(listener, MAX_CONNECTIONS, |stream, _| {
            let server = Arc::clone(&self);
            async move {
                let _ = server.converse(stream).await;
            }
        })
        .await;
    }

    /// Answers the questions of one TCP connection, each after its own delay.
    async fn converse(self: Arc<Self>, stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let (mut read, write) = stream.into_split();
        let write = Arc::new(Mutex::new(write));
        let mut waiting = JoinSet::new();
        loop {
            let length = timeout(IDLE, read.read_u16()).await??;
            let mut question = vec![0; usize::from(length)];
            timeout(IDLE, read.read_exact(&mut question)).await??;
            while waiting.try_join_next().is_some() {}
            let Some(Answer { delay, bytes, manner }) = self.answer(&question, Transport::Tcp) else { continue };
            let kept = match manner {
                Manner::Hostile(FaultAnswer::TcpClose) => return Ok(()),
                Manner::Hostile(FaultAnswer::TcpStall) => 3,
                _ => usize::MAX,
            };
            if waiting.len() >= MAX_WAITING {
                continue;
            }
            let write = Arc::clone(&write);
            waiting.spawn(async move {
                sleep(delay).await;
                let mut frame = u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_be_bytes().to_vec();
                frame.extend(bytes);
                frame.truncate(kept);
                let _ = write.lock().await.write_all(&frame).await;
            });
        }
    }

    /// What to answer with; `None` for silence.
    fn answer(&self, bytes: &[u8], transport: Transport) -> Option<Answer> {
        let request = match Message::from_bytes(bytes) {
            Ok(request) if request.metadata.message_type == MessageType::Query => request,
            Ok(_) => return None,
            Err(_) => {
                return Some(Answer { delay: self.round_trip, bytes: unreadable(bytes)?, manner: Manner::Whole });
            }
        };
        let mut metadata = Metadata::response_from_request(&request.metadata);
        metadata.recursion_available = matches!(self.view, View::Recursive);
        let reply = match self.reply(&request, transport) {
            Ok(reply) => reply,
            Err(rcode) => Reply { rcode, ..Reply::default() },
        };
        let delay = self.round_trip + reply.delay;
        let manner = reply.manner;
        if manner == Manner::Silent {
            return None;
        }
        metadata.response_code = reply.rcode;
        metadata.authoritative = reply.authoritative;
        // For who asks for it with AD or DO (RFC 6840 §5.8).
        metadata.authentic_data = reply.authentic
            && (request.metadata.authentic_data || request.edns.as_ref().is_some_and(|edns| edns.flags().dnssec_ok));
        let mut message = Message::response(request.metadata.id, OpCode::Query);
        message.metadata = metadata;
        message.add_queries(request.queries.iter().cloned());
        if let Some(asked) = &request.edns {
            let mut edns = Edns::new();
            edns.set_max_payload(PAYLOAD).set_version(0).set_dnssec_ok(asked.flags().dnssec_ok);
            if let Some(ede) = &reply.ede {
                let data = [&ede.code.to_be_bytes()[..], ede.text.as_bytes()].concat();
                edns.options_mut().insert(EdnsOption::Unknown(EDE, data));
            }
            message.set_edns(edns);
        }
        message.add_answers(reply.answers);
        message.add_authorities(reply.authorities);
        message.add_additionals(reply.additionals);
        if let (Manner::Hostile(how), [asked]) = (manner, request.queries.as_slice()) {
            hostile::change(how, &mut message, asked);
        }
        let unneeded = match manner {
            Manner::Truncated => true,
            Manner::TruncatedUdp | Manner::Hostile(FaultAnswer::TcpStall | FaultAnswer::TcpClose) => {
                transport == Transport::Udp
            }
            _ => false,
        };
        let limit = match (transport, manner) {
            (Transport::Tcp, _) | (_, Manner::Hostile(FaultAnswer::EdnsSize)) => usize::from(u16::MAX),
            (Transport::Udp, _) => usize::from(request.max_payload()),
        };
        let whole = message.to_vec().ok().filter(|bytes| bytes.len() <= limit && !unneeded);
        let mut whole = whole.or_else(|| message.truncate().to_vec().ok())?;
        if let Manner::Hostile(how) = manner {
            whole = hostile::damage(how, &message, whole, bytes);
        }
        Some(Answer { delay, bytes: whole, manner })
    }

    /// Notes the question and looks for its answer.
    fn reply(&self, request: &Message, transport: Transport) -> Result<Reply, ResponseCode> {
        if request.metadata.op_code != OpCode::Query {
            return Err(ResponseCode::NotImp);
        }
        let [query] = request.queries.as_slice() else { return Err(ResponseCode::FormErr) };
        let mut name = query.name().to_lowercase();
        name.set_fqdn(true);
        let rtype = query.query_type();
        self.log.asked(Question {
            name: shown(&name),
            rtype: type_name(rtype),
            transport,
            server: self.address,
            recursion_desired: request.metadata.recursion_desired,
        });
        if request.version() != 0 {
            return Err(ResponseCode::BADVERS);
        }
        if query.query_class() != DNSClass::IN || matches!(rtype, RecordType::AXFR | RecordType::IXFR) {
            return Err(ResponseCode::Refused);
        }
        Ok(match &self.view {
            View::Recursive => self.names.recursive(&name, rtype),
            View::Authoritative(zones) => self.names.authoritative(self.address.ip(), zones, &name, rtype),
        })
    }
}

/// FORMERR for bytes that are no message but hold an id and are no response.
fn unreadable(bytes: &[u8]) -> Option<Vec<u8>> {
    let [high, low, flags, ..] = *bytes else { return None };
    if flags & 0x80 != 0 || bytes.len() < 12 {
        return None;
    }
    Message::error_msg(u16::from_be_bytes([high, low]), OpCode::Query, ResponseCode::FormErr).to_vec().ok()
}

fn shown(name: &Name) -> String {
    let text = name.to_ascii();
    match text.strip_suffix('.') {
        Some("") | None => text,
        Some(name) => name.to_owned(),
    }
}

/// The mnemonic of a type, or `TYPE` and its number (RFC 3597 §5).
fn type_name(rtype: RecordType) -> String {
    match rtype {
        RecordType::Unknown(number) => format!("TYPE{number}"),
        known => known.to_string(),
    }
}
