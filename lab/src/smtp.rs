//! The SMTP servers: sockets, delays and TLS around a [`Script`].

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::{Instant, sleep, timeout},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::{
    accept,
    hostile::{Act, Then},
    log::Log,
    script::{Dialogue, Script, Step},
    world::Stage,
};

/// Sessions that one server holds at a time; more wait to be accepted.
const MAX_SESSIONS: usize = 64;
/// Time without a command after which a session is closed.
const IDLE: Duration = Duration::from_secs(300);
/// Time that a client has to close after the server did.
const LINGER: Duration = Duration::from_secs(5);
/// Bytes that a repeated act writes at a time, about.
const BLOCK: usize = 16 * 1024;
/// Bytes of a command line (RFC 5321 §4.5.3.1.4 asks for 512).
const MAX_LINE: usize = 4096;

/// One presented address of a scripted server.
pub(crate) struct SmtpEndpoint {
    pub(crate) script: Arc<Script>,
    pub(crate) tls: Option<Arc<ServerConfig>>,
    pub(crate) address: SocketAddr,
    pub(crate) log: Arc<Log>,
    pub(crate) round_trip: Duration,
}

impl SmtpEndpoint {
    /// Serves until the task is dropped.
    pub(crate) async fn serve(self: Arc<Self>, listener: TcpListener) {
        accept::each(listener, MAX_SESSIONS, |stream, client| {
            let session = self.log.connected(self.address);
            let endpoint = Arc::clone(&self);
            async move {
                let _ = endpoint.session(stream, client.ip(), session).await;
            }
        })
        .await;
    }

    /// Holds one session; an error means that the client has gone.
    async fn session(&self, stream: TcpStream, client: IpAddr, session: usize) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let server = &self.script.server;
        if server.drop_at == Some(Stage::Connect) {
            return stream.set_zero_linger();
        }
        let mut dialogue = Dialogue::new(client);
        sleep(self.round_trip + server.greeting_delay.unwrap_or_default()).await;
        let greeting = self.script.greeting(&mut dialogue);
        let mut line = Line { io: stream, unread: Vec::new() };
        if !line.greet(greeting).await? || !self.converse(&mut line, &mut dialogue, session).await? {
            return Ok(());
        }
        let Some(config) = &self.tls else { return Ok(()) };
        if let Some(step) = self.script.handshake() {
            // What is said earlier comes with the reply to STARTTLS, and not in the handshake.
            if line.unread.is_empty() {
                timeout(IDLE, line.io.read_buf(&mut line.unread)).await??;
            }
            if !line.greet(step).await? {
                return Ok(());
            }
        }
        // Commands sent before the handshake are discarded (RFC 3207 §4.2).
        let handshake = TlsAcceptor::from(Arc::clone(config)).accept(line.io);
        let stream = timeout(IDLE, handshake).await??;
        dialogue.secured();
        self.log.session(session, |s| s.tls = true);
        let mut line = Line { io: stream, unread: Vec::new() };
        self.converse(&mut line, &mut dialogue, session).await.map(drop)
    }

    /// Answers commands until the end, or until a handshake is due (`true`).
    async fn converse<S: Wire>(&self, line: &mut Line<S>, dialogue: &mut Dialogue, session: usize) -> io::Result<bool> {
        let reply_delay = self.script.server.reply_delay.unwrap_or_default();
        loop {
            if !line.fill().await? {
                return Ok(false);
            }
            // Commands of one segment are answered together (RFC 2920).
            sleep(self.round_trip).await;
            let mut replies = Vec::new();
            while let Some(command) = line.next() {
                self.log.session(session, |s| {
                    s.quit |= command.trim().eq_ignore_ascii_case("QUIT");
                    s.commands.push(command.clone());
                });
                if !reply_delay.is_zero() {
                    line.say(&mut replies).await?;
                    sleep(reply_delay).await;
                }
                let mut step = self.script.command(dialogue, &command, Instant::now());
                if let Step::Act(acts, rest) = step {
                    line.say(&mut replies).await?;
                    if !line.act(&acts).await? {
                        return Ok(false);
                    }
                    step = match *rest {
                        // It was replaced.
                        Step::Reply(_) => continue,
                        Step::StartTls(_) => return Ok(true),
                        Step::Close(_) => return line.close().await.map(|()| false),
                        rest => rest,
                    };
                }
                match step {
                    Step::Reply(reply) => replies.push(reply),
                    Step::StartTls(reply) => {
                        replies.push(reply);
                        line.say(&mut replies).await?;
                        return Ok(true);
                    }
                    Step::Close(reply) => {
                        replies.push(reply);
                        line.say(&mut replies).await?;
                        return line.close().await.map(|()| false);
                    }
                    Step::Drop => {
                        line.say(&mut replies).await?;
                        return Ok(false);
                    }
                    Step::Silent => {
                        line.say(&mut replies).await?;
                        return line.swallow(IDLE).await.map(|()| false);
                    }
                    Step::Act(..) => {}
                }
            }
            line.say(&mut replies).await?;
        }
    }
}

/// Binds a loopback port that the system chooses.
pub(crate) async fn bind() -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await
}

/// A connection, with or without TLS.
trait Wire: AsyncRead + AsyncWrite + Unpin {
    /// Makes the end of the connection a reset.
    fn reset(&self) -> io::Result<()>;
}

impl Wire for TcpStream {
    fn reset(&self) -> io::Result<()> {
        self.set_zero_linger()
    }
}

impl Wire for TlsStream<TcpStream> {
    fn reset(&self) -> io::Result<()> {
        self.get_ref().0.reset()
    }
}

/// A stream of lines.
struct Line<S> {
    io: S,
    unread: Vec<u8>,
}

impl<S: Wire> Line<S> {
    /// Greets; `false` when the session is over.
    async fn greet(&mut self, greeting: Step) -> io::Result<bool> {
        match greeting {
            Step::Reply(reply) | Step::StartTls(reply) => self.say(&mut vec![reply]).await.map(|()| true),
            Step::Close(reply) => {
                self.say(&mut vec![reply]).await?;
                self.close().await.map(|()| false)
            }
            Step::Drop => Ok(false),
            Step::Silent => self.swallow(IDLE).await.map(|()| false),
            Step::Act(acts, rest) => match (self.act(&acts).await?, *rest) {
                (false, _) | (true, Step::Drop) => Ok(false),
                (true, Step::Close(_)) => self.close().await.map(|()| false),
                (true, Step::Silent) => self.swallow(IDLE).await.map(|()| false),
                (true, _) => Ok(true),
            },
        }
    }

    /// Does one act after the other; `false` when the session is over.
    async fn act(&mut self, acts: &[Act]) -> io::Result<bool> {
        for act in acts {
            self.repeat(act).await?;
            match act.then {
                Then::GoOn => continue,
                Then::Silent => self.swallow(IDLE).await?,
                Then::Close => self.close().await?,
                Then::Reset => self.io.reset()?,
                Then::Echo => self.echo().await?,
            }
            return Ok(false);
        }
        Ok(true)
    }

    /// Says what an act says, as often and as slowly as it says it.
    async fn repeat(&mut self, act: &Act) -> io::Result<()> {
        if act.say.is_empty() {
            return Ok(());
        }
        let endless = act.times == 0;
        let mut left = usize::try_from(act.times).unwrap_or(usize::MAX);
        while endless || left > 0 {
            if let Some(pace) = act.pace {
                for byte in &act.say {
                    sleep(pace).await;
                    self.io.write_all(&[*byte]).await?;
                    self.io.flush().await?;
                }
                left = left.saturating_sub(1);
            } else {
                // Many at once: a write for each would be slower than the client.
                let most = BLOCK.div_ceil(act.say.len());
                let count = if endless { most } else { most.min(left) };
                self.io.write_all(&act.say.repeat(count)).await?;
                self.io.flush().await?;
                left = left.saturating_sub(count);
            }
        }
        Ok(())
    }

    /// Sends back whatever comes.
    async fn echo(&mut self) -> io::Result<()> {
        loop {
            self.io.write_all(&self.unread).await?;
            self.io.flush().await?;
            self.unread.clear();
            if timeout(IDLE, self.io.read_buf(&mut self.unread)).await?? == 0 {
                return Ok(());
            }
        }
    }

    /// Reads until there is a whole line; `false` when the session is over.
    async fn fill(&mut self) -> io::Result<bool> {
        while !self.unread.contains(&b'\n') {
            let last = if self.unread.len() > MAX_LINE {
                "500 5.5.2 Line too long"
            } else {
                self.unread.reserve(MAX_LINE);
                match timeout(IDLE, self.io.read_buf(&mut self.unread)).await {
                    Ok(Ok(0)) => return Ok(false),
                    Ok(Ok(_)) => continue,
                    Ok(Err(error)) => return Err(error),
                    Err(_) => "421 4.4.2 Idle for too long",
                }
            };
            self.say(&mut vec![last.into()]).await?;
            return self.close().await.map(|()| false);
        }
        Ok(true)
    }

    /// Takes a whole line, without its end.
    fn next(&mut self) -> Option<String> {
        let end = self.unread.iter().position(|&byte| byte == b'\n')?;
        let line: Vec<u8> = self.unread.drain(..=end).collect();
        Some(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned())
    }

    /// Writes the replies in one piece, and forgets them.
    async fn say(&mut self, replies: &mut Vec<String>) -> io::Result<()> {
        let mut bytes = String::new();
        for line in replies.drain(..).flat_map(|reply| reply.lines().map(str::to_owned).collect::<Vec<_>>()) {
            bytes.push_str(&line);
            bytes.push_str("\r\n");
        }
        self.io.write_all(bytes.as_bytes()).await?;
        self.io.flush().await
    }

    /// Closes in order: what is still on its way is read, as a reset would
    /// take the last reply away from the client.
    async fn close(&mut self) -> io::Result<()> {
        self.io.shutdown().await?;
        self.swallow(LINGER).await
    }

    /// Reads and says nothing, until the client goes or is idle for so long.
    async fn swallow(&mut self, idle: Duration) -> io::Result<()> {
        loop {
            self.unread.clear();
            if timeout(idle, self.io.read_buf(&mut self.unread)).await?? == 0 {
                return Ok(());
            }
        }
    }
}
