//! Bytes in and out, with and without TLS.

use std::io;

use engine_plugin_api::services::Direction;
use smtp_session::{Reply, ReplyError, ReplyReader};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Duration, Instant, timeout, timeout_at},
};
use tokio_rustls::client::TlsStream;

use super::transcript::Transcript;
use crate::net::tcp;

/// The most bytes that one connection reads.
pub const MAX_READ: usize = 512 * 1024;

/// How long the end of a connection may take.
const CLOSING: Duration = Duration::from_secs(1);

/// One connection to a server.
#[derive(Debug)]
pub struct Connection {
    stream: Stream,
    reader: ReplyReader,
    read: usize,
    /// Whether QUIT is said when this is dropped in the middle of a session:
    /// a deadline may end a session wherever it is.
    pub owes_quit: bool,
}

#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    /// Being secured, or lost while it was.
    Taken,
}

/// What came of waiting for a reply.
#[derive(Debug)]
pub enum Heard {
    /// A complete reply.
    Reply(Reply),
    /// No reply.
    Unreadable(ReplyError),
    /// The end of the connection, in words.
    Closed(String),
    /// More than [`MAX_READ`].
    TooMuch,
    /// Nothing complete in time.
    Nothing,
}

impl Connection {
    /// A new connection in clear text.
    pub fn new(stream: TcpStream) -> Self {
        Connection { stream: Stream::Plain(stream), reader: ReplyReader::new(), read: 0, owes_quit: false }
    }

    /// How many bytes have come beyond the last reply.
    pub fn unread(&self) -> usize {
        self.reader.unread()
    }

    /// Takes the clear-text stream out, to make a handshake over it.
    pub fn take_plain(&mut self) -> Option<TcpStream> {
        match std::mem::replace(&mut self.stream, Stream::Taken) {
            Stream::Plain(stream) => Some(stream),
            other => {
                self.stream = other;
                None
            }
        }
    }

    /// Goes on over TLS. Nothing of what was read in clear text is kept.
    pub fn secured(&mut self, stream: TlsStream<TcpStream>) {
        self.stream = Stream::Tls(Box::new(stream));
        self.reader = ReplyReader::new();
    }

    /// Says `command`, possibly nothing, and waits until `deadline` for a reply.
    pub async fn exchange(&mut self, command: &[u8], deadline: Instant, transcript: &mut Transcript) -> Heard {
        let mut listener = Listener { transcript, logged: 0 };
        let heard = timeout_at(deadline, async {
            // A server that has gone may have left a reply behind, so that a
            // failure to write does not end it.
            let _ = self.stream.write(command).await;
            self.listen(&mut listener).await
        })
        .await
        .unwrap_or(Heard::Nothing);
        listener.note_end(&self.reader, &heard);
        heard
    }

    /// Closes the connection, in good order where that is quick.
    pub async fn close(mut self) {
        self.owes_quit = false;
        let _ = timeout(CLOSING, self.stream.shutdown()).await;
    }

    async fn listen(&mut self, listener: &mut Listener<'_>) -> Heard {
        let mut bytes = vec![0; 4096];
        loop {
            match self.reader.next_reply() {
                Ok(Some(reply)) => return Heard::Reply(reply),
                Err(error) => return Heard::Unreadable(error),
                Ok(None) => listener.note(self.reader.lines_under_way()),
            }
            if self.read >= MAX_READ {
                return Heard::TooMuch;
            }
            match self.stream.read(&mut bytes).await {
                Ok(0) => return Heard::Closed("the server closed the connection".to_owned()),
                Ok(count) => {
                    self.read += count;
                    self.reader.push(&bytes[..count]);
                }
                // TLS without its closing alert: closed all the same.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Heard::Closed("the server closed the connection".to_owned());
                }
                Err(error) => return Heard::Closed(tcp::words(&error)),
            }
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let (true, Stream::Plain(stream)) = (self.owes_quit, &self.stream) {
            let _ = stream.try_write(b"QUIT\r\n");
        }
    }
}

/// Writes lines down when they come, not only when their reply is complete:
/// servers pause between them.
struct Listener<'a> {
    transcript: &'a mut Transcript,
    /// How many lines of the reply under way are written down.
    logged: usize,
}

impl Listener<'_> {
    fn note(&mut self, lines: &[Vec<u8>]) {
        for line in lines.iter().skip(self.logged) {
            self.transcript.lines(Direction::Server, line);
            self.logged += 1;
        }
    }

    /// Writes down the rest of what was heard.
    fn note_end(&mut self, reader: &ReplyReader, heard: &Heard) {
        match heard {
            Heard::Reply(reply) => self.note(&reply.raw),
            Heard::Unreadable(error) => {
                self.note(reader.lines_under_way());
                match error {
                    ReplyError::NotAReply { line } | ReplyError::LineTooLong { start: line } => {
                        self.transcript.lines(Direction::Server, line);
                    }
                    ReplyError::TooManyLines | ReplyError::ReplyTooLong => {}
                }
                self.transcript.note(error.to_string());
            }
            Heard::Closed(words) => {
                self.transcript.lines(Direction::Server, reader.rest());
                self.transcript.note(words.clone());
            }
            Heard::TooMuch => self.transcript.note(format!("more than {MAX_READ} bytes")),
            Heard::Nothing => {
                self.transcript.lines(Direction::Server, reader.rest());
                self.transcript.note("nothing more in time".to_owned());
            }
        }
    }
}

impl Stream {
    async fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(stream) => stream.read(bytes).await,
            Stream::Tls(stream) => stream.read(bytes).await,
            Stream::Taken => Ok(0),
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Stream::Plain(stream) => stream.write_all(bytes).await,
            Stream::Tls(stream) => {
                stream.write_all(bytes).await?;
                stream.flush().await
            }
            Stream::Taken => Ok(()),
        }
    }

    async fn shutdown(&mut self) -> io::Result<()> {
        match self {
            Stream::Plain(stream) => stream.shutdown().await,
            Stream::Tls(stream) => stream.shutdown().await,
            Stream::Taken => Ok(()),
        }
    }
}
