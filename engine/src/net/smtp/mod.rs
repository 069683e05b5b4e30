//! `smtp.session/1`: one polite SMTP session over real sockets.
//!
//! [`smtp_session::Dialogue`] decides what is said; this module moves the
//! bytes, watches the time and writes down what happened.
//!
//! Bounds: a session waits no longer than the options say for each step, reads
//! at most 512 KiB, and keeps a transcript of at most
//! 500 lines. At most one session at a time is held with
//! an address.

mod connection;
mod record;
mod transcript;
mod turns;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use engine_plugin_api::{
    Cause, CauseKind,
    services::{Direction, SmtpProbe, SmtpReply, SmtpRequest, StartTls},
};
use smtp_session::{Action, ArgumentError, Dialogue, Ending, Event, Plan, Stage};
use tokio::time::{Instant, timeout};

use self::{
    connection::{Connection, Heard},
    record::Record,
    turns::Turns,
};
use super::{
    NetOptions, seconds,
    tcp::{self, ConnectError},
    tls::Tls,
};

/// How long an answer to QUIT is waited for when all is said; many servers
/// take their time for it.
const FAREWELL: Duration = Duration::from_secs(5);

/// The same, after a server that has not answered in time or made no sense.
const SHORT_FAREWELL: Duration = Duration::from_secs(1);

/// Holds SMTP sessions.
pub struct SmtpClient {
    options: NetOptions,
    tls: Arc<Tls>,
    turns: Turns,
}

impl SmtpClient {
    /// Opens nothing yet.
    pub fn new(options: &NetOptions) -> Self {
        SmtpClient::over(options, Arc::new(Tls::new(&options.extra_roots)))
    }

    /// The same, over TLS that others use as well.
    pub fn over(options: &NetOptions, tls: Arc<Tls>) -> Self {
        SmtpClient { options: options.clone(), tls, turns: Turns::default() }
    }

    /// Holds the session that `request` describes, after those under way with
    /// the same address.
    ///
    /// When the TLS handshake fails, the session is held once more in clear
    /// text: the reply then shows the second session, its `tls_failure` says
    /// why, and its transcript shows both.
    pub async fn session(&self, request: &SmtpRequest) -> SmtpReply {
        let plan = match self.plan(request) {
            Ok(plan) => plan,
            Err(error) => return SmtpReply::not_held(request, Cause::new(CauseKind::Denied, error.to_string())),
        };
        let _turn = self.turns.take(request.address).await;
        let mut record = Record::new(request);
        if let Some(why) = self.hold(request, plan.clone(), &mut record).await {
            record.note(format!("{why}; connecting again, to stay in clear text"));
            record.tls_failed(why);
            let plan = plan.starttls(smtp_session::StartTls::Never);
            self.hold(request, plan, &mut record).await;
        }
        record.finish()
    }

    fn plan(&self, request: &SmtpRequest) -> Result<Plan, ArgumentError> {
        let plan = Plan::new(request.ehlo.as_deref().unwrap_or(&self.options.ehlo))?;
        let plan = plan.starttls(match request.starttls {
            StartTls::Never => smtp_session::StartTls::Never,
            StartTls::IfOffered => smtp_session::StartTls::IfOffered,
        });
        let plan = if request.greeting_only { plan.greeting_only() } else { plan };
        let plan = match &request.envelope {
            Some(envelope) => plan.envelope(&envelope.sender, &envelope.recipients)?,
            None => plan,
        };
        request.probes.iter().try_fold(plan, |plan, probe| match probe {
            SmtpProbe::Envelope(envelope) => plan.then_envelope(&envelope.sender, &envelope.recipients),
            SmtpProbe::Verify(mailbox) => plan.then_verify(mailbox),
            SmtpProbe::Expand(mailbox) => plan.then_expand(mailbox),
        })
    }

    /// One connection from beginning to end; why TLS failed, if that ended it.
    async fn hold(&self, request: &SmtpRequest, plan: Plan, record: &mut Record) -> Option<String> {
        let mut connection = match self.connect(request, record).await {
            Ok(connection) => connection,
            Err(error) => {
                record.not_connected(&error);
                return None;
            }
        };
        let mut dialogue = Dialogue::new(plan);
        let mut action = dialogue.handle(Event::Connected);
        let mut asked = Instant::now();
        // What the ending does not know: the words for a broken connection, or
        // for a failed handshake.
        let mut why = String::new();
        while action != Action::Close {
            let stage = dialogue.stage();
            if action == Action::StartTls {
                action = match self.secure(&mut connection, request, record).await {
                    Ok(()) => dialogue.handle(Event::TlsEstablished),
                    Err(failure) => {
                        why = failure;
                        dialogue.handle(Event::TlsFailed)
                    }
                };
                continue;
            }
            if let Action::Send(command) = &action {
                asked = Instant::now();
                record.transcript.lines(Direction::Client, command);
            }
            let limit = self.limit(stage, dialogue.ending());
            let said = if let Action::Send(command) = &action { command.as_slice() } else { &[] };
            action = match connection.exchange(said, asked + limit, &mut record.transcript).await {
                Heard::Reply(reply) => {
                    let unread = connection.unread();
                    let next = dialogue.handle(Event::Reply { reply: &reply, unread });
                    if !matches!(dialogue.ending(), Some(Ending::OutOfTurn { .. })) {
                        record.answered(stage, &reply, asked, &dialogue);
                    }
                    next
                }
                Heard::Unreadable(error) => dialogue.handle(Event::Unreadable(&error)),
                Heard::Closed(words) => {
                    why = words;
                    dialogue.handle(Event::Closed)
                }
                Heard::TooMuch => {
                    record.too_much(stage);
                    return None;
                }
                Heard::Nothing => dialogue.handle(Event::TimedOut),
            };
            connection.owes_quit = dialogue.ending().is_none() && dialogue.stage() > Stage::Greeting;
        }
        connection.close().await;
        let limit = |stage| self.limit(stage, None);
        record.ended(dialogue.ending(), why, limit)
    }

    async fn connect(&self, request: &SmtpRequest, record: &mut Record) -> Result<Connection, ConnectError> {
        let stream = tcp::connect(SocketAddr::new(request.address, request.port), &self.options).await?;
        // A routed connection comes from loopback, which is no address that a
        // check may see.
        let source = stream.local_addr().ok().map(|local| local.ip());
        record.connected(source.filter(|_| self.options.routes.is_none()));
        Ok(Connection::new(stream))
    }

    async fn secure(
        &self,
        connection: &mut Connection,
        request: &SmtpRequest,
        record: &mut Record,
    ) -> Result<(), String> {
        let stream = connection.take_plain().ok_or_else(|| "TLS is in use already".to_owned())?;
        let limit = self.options.reply_timeout;
        let (stream, facts) = match timeout(limit, self.tls.handshake(stream, &request.host, request.address)).await {
            Ok(done) => done?,
            Err(_) => return Err(format!("no answer to the TLS handshake in {} s", seconds(limit))),
        };
        connection.secured(stream);
        record.secured(facts);
        Ok(())
    }

    /// How long a reply is waited for, from the command or the connection on.
    fn limit(&self, stage: Stage, ending: Option<&Ending>) -> Duration {
        match (stage, ending) {
            (Stage::Greeting, _) => self.options.greeting_timeout,
            (Stage::Quit, Some(Ending::Finished)) => FAREWELL.min(self.options.reply_timeout),
            (Stage::Quit, _) => SHORT_FAREWELL.min(self.options.reply_timeout),
            _ => self.options.reply_timeout,
        }
    }
}

#[cfg(test)]
mod tests;
