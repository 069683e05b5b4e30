//! A small DNS server on loopback that answers as a test says.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use engine_plugin_api::services::Transport;
use hickory_proto::op::{Message, MessageType};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, UdpSocket},
    task::AbortHandle,
};

/// What was asked.
pub(super) struct Asked {
    pub(super) query: Message,
    pub(super) transport: Transport,
}

impl Asked {
    /// A response to the query: same id, same question, nothing else.
    pub(super) fn response(&self) -> Message {
        let mut message = Message::query();
        message.metadata.id = self.query.metadata.id;
        message.metadata.message_type = MessageType::Response;
        message.metadata.recursion_desired = self.query.metadata.recursion_desired;
        message.metadata.recursion_available = true;
        message.add_queries(self.query.queries.clone());
        message
    }
}

/// The messages to send back, in order; none is silence, and over TCP an end
/// of the connection.
pub(super) type Script = dyn Fn(&Asked) -> Vec<Vec<u8>> + Send + Sync;

/// Stops when dropped.
pub(super) struct Responder {
    pub(super) address: SocketAddr,
    asked: Arc<AtomicUsize>,
    tasks: [AbortHandle; 2],
}

impl Responder {
    /// Answers on one free port of 127.0.0.1, UDP and TCP.
    pub(super) async fn start(script: impl Fn(&Asked) -> Vec<Vec<u8>> + Send + Sync + 'static) -> Responder {
        let (listener, socket) = loop {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            if let Ok(socket) = UdpSocket::bind(listener.local_addr().unwrap()).await {
                break (listener, socket);
            }
        };
        let address = socket.local_addr().unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let script: Arc<Script> = Arc::new(script);
        let udp = tokio::spawn(serve_udp(socket, script.clone(), asked.clone()));
        let tcp = tokio::spawn(serve_tcp(listener, script, asked.clone()));
        Responder { address, asked, tasks: [udp.abort_handle(), tcp.abort_handle()] }
    }

    /// How many queries have come.
    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

async fn serve_udp(socket: UdpSocket, script: Arc<Script>, asked: Arc<AtomicUsize>) {
    let mut buffer = vec![0; 65_535];
    loop {
        // A client that has gone shows as an error of the next call.
        let Ok((length, peer)) = socket.recv_from(&mut buffer).await else { continue };
        asked.fetch_add(1, Ordering::SeqCst);
        let query = Message::from_vec(&buffer[..length]).unwrap();
        for message in script(&Asked { query, transport: Transport::Udp }) {
            let _ = socket.send_to(&message, peer).await;
        }
    }
}

async fn serve_tcp(listener: TcpListener, script: Arc<Script>, asked: Arc<AtomicUsize>) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let length = stream.read_u16().await.unwrap();
        let mut message = vec![0; usize::from(length)];
        stream.read_exact(&mut message).await.unwrap();
        asked.fetch_add(1, Ordering::SeqCst);
        let query = Message::from_vec(&message).unwrap();
        for message in script(&Asked { query, transport: Transport::Tcp }) {
            stream.write_u16(u16::try_from(message.len()).unwrap()).await.unwrap();
            stream.write_all(&message).await.unwrap();
        }
    }
}
