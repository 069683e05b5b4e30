//! Sessions with servers that do what the test says.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod server;

use engine_plugin_api::services::{MailExchanger, SessionEnd, SmtpEnvelope, Stage, Verification};
use server::{Do, Server, Shows, say, tls};

use super::*;
use crate::net::Routes;

const PRESENTED: &str = "25.25.1.1:25";
const GREETING: &str = "220 mx.example ESMTP\r\n";
const HELLO: Do = Do::Reply("250-mx.example\r\n250 SIZE 1000\r\n");
const OFFERS_TLS: Do = Do::Reply("250-mx.example\r\n250 STARTTLS\r\n");
const READY: Do = Do::Reply("220 2.0.0 Ready to start TLS\r\n");
const OK: Do = Do::Reply("250 2.1.0 Ok\r\n");
const BYE: Do = Do::Reply("221 2.0.0 Bye\r\n");

fn options(server: &Server) -> NetOptions {
    let mut options = NetOptions::new(Vec::new());
    options.ehlo = "probe.example".to_owned();
    options.routes = Some(Routes { map: [(PRESENTED.parse().unwrap(), server.socket)].into() });
    options
}

/// How long a server that falls silent is waited for; whatever is said before
/// has to come in this time on a busy machine as well.
const SILENCE: Duration = Duration::from_secs(3);

/// For servers that fall silent.
fn impatient(server: &Server) -> NetOptions {
    let limit = SILENCE;
    NetOptions { greeting_timeout: limit, reply_timeout: limit, ..options(server) }
}

fn request() -> SmtpRequest {
    let presented: SocketAddr = PRESENTED.parse().unwrap();
    let envelope =
        SmtpEnvelope { sender: "a@sender.example".to_owned(), recipients: vec!["u@good.example".to_owned()] };
    SmtpRequest { envelope: Some(envelope), ..SmtpRequest::new("mx.example", presented.ip()) }
}

/// The session with a server that does `turns` on its one connection, and what
/// it heard.
async fn hold(turns: Vec<Do>) -> (SmtpReply, Vec<String>) {
    let server = Server::start(vec![turns]).await;
    let reply = SmtpClient::new(&options(&server)).session(&request()).await;
    (reply, server.heard().await.remove(0))
}

fn text(reply: &SmtpReply) -> String {
    let lines = reply.transcript.iter().map(|line| format!("{:?}: {}\n", line.from, line.text));
    lines.collect()
}

#[tokio::test]
async fn a_session_from_greeting_to_quit() {
    let (reply, heard) =
        hold(vec![say(GREETING), HELLO, OK, Do::Reply("450 4.2.0 <u@good.example>: Greylisted\r\n"), BYE]).await;
    assert_eq!(heard, ["EHLO probe.example", "MAIL FROM:<a@sender.example>", "RCPT TO:<u@good.example>", "QUIT"]);
    assert_eq!(reply.end, SessionEnd::Finished);
    assert_eq!(reply.source, None, "a routed connection shows no address of ours");
    assert_eq!(reply.greeting.as_ref().unwrap().lines, ["mx.example ESMTP"]);
    assert_eq!(reply.ehlo.as_ref().unwrap().lines, ["mx.example", "SIZE 1000"]);
    assert_eq!(reply.extensions, ["SIZE 1000"]);
    assert_eq!((reply.tls.is_none(), &reply.tls_failure), (true, &None));
    assert_eq!(reply.mail.as_ref().unwrap().code, 250);
    let recipient = &reply.recipients[0];
    assert_eq!((recipient.code, recipient.enhanced.unwrap().to_string().as_str()), (450, "4.2.0"));
    assert!(recipient.at_ms > 1_700_000_000_000);
    assert_eq!(
        text(&reply),
        "Note: connected to 25.25.1.1\n\
         Server: 220 mx.example ESMTP\n\
         Client: EHLO probe.example\n\
         Server: 250-mx.example\n\
         Server: 250 SIZE 1000\n\
         Client: MAIL FROM:<a@sender.example>\n\
         Server: 250 2.1.0 Ok\n\
         Client: RCPT TO:<u@good.example>\n\
         Server: 450 4.2.0 <u@good.example>: Greylisted\n\
         Client: QUIT\n\
         Server: 221 2.0.0 Bye\n"
    );
}

#[tokio::test]
async fn a_refusal_is_a_finished_session() {
    let (reply, heard) = hold(vec![say("554 5.3.2 No service\r\n"), BYE]).await;
    assert_eq!((reply.end, heard), (SessionEnd::Finished, vec!["QUIT".to_owned()]));
    assert_eq!(reply.greeting.unwrap().code, 554);
    // It hangs up without waiting for QUIT.
    let (reply, _) = hold(vec![say("421 4.7.0 Too many connections\r\n"), Do::Close]).await;
    assert_eq!((reply.end, reply.greeting.unwrap().code), (SessionEnd::Finished, 421));
    let (reply, heard) = hold(vec![say(GREETING), HELLO, Do::Reply("451 4.7.1 Later\r\n"), BYE]).await;
    assert_eq!((reply.end, heard.len()), (SessionEnd::Finished, 3));
    assert_eq!((reply.mail.unwrap().code, reply.recipients.len()), (451, 0));
}

#[tokio::test]
async fn helo_follows_a_refused_ehlo() {
    let (reply, heard) = hold(vec![say(GREETING), Do::Reply("502 What?\r\n"), OK, OK, OK, BYE]).await;
    assert_eq!(heard[..2], ["EHLO probe.example", "HELO probe.example"]);
    assert_eq!((reply.end, reply.ehlo.unwrap().code), (SessionEnd::Finished, 250));
    assert!(reply.extensions.is_empty());
}

#[tokio::test]
async fn certificates_are_judged_and_never_in_the_way() {
    for (shows, expected) in [
        (Shows::Good, Verification::Trusted),
        (Shows::Expired, Verification::Expired),
        (Shows::WrongName, Verification::WrongName),
        (Shows::SelfSigned, Verification::UnknownIssuer),
    ] {
        let (config, root) = tls(shows);
        let server =
            Server::start(vec![vec![say(GREETING), OFFERS_TLS, READY, Do::StartTls(config), HELLO, OK, OK, BYE]]).await;
        let options = NetOptions { extra_roots: vec![root], ..options(&server) };
        let reply = SmtpClient::new(&options).session(&request()).await;
        assert_eq!((&reply.end, &reply.tls_failure), (&SessionEnd::Finished, &None), "{}", text(&reply));
        let facts = reply.tls.clone().unwrap();
        assert_eq!(facts.verification, expected);
        assert_eq!((facts.version.as_str(), facts.chain.len()), ("TLSv1.3", 1));
        assert!(facts.cipher.starts_with("TLS13_"), "{}", facts.cipher);
        assert_eq!(reply.extensions, ["SIZE 1000"], "those of the second EHLO");
        assert_eq!(
            server.heard().await[0],
            [
                "EHLO probe.example",
                "STARTTLS",
                "(handshake)",
                "EHLO probe.example",
                "MAIL FROM:<a@sender.example>",
                "RCPT TO:<u@good.example>",
                "QUIT"
            ]
        );
    }
}

#[tokio::test]
async fn a_broken_handshake_is_followed_by_a_session_in_clear_text() {
    let broken: [Vec<Do>; 4] = [
        vec![say(GREETING), OFFERS_TLS, Do::Reply("220 go\r\n"), Do::Close],
        // It goes on in clear text: what it gets for a command is a ClientHello.
        vec![say(GREETING), OFFERS_TLS, Do::Reply("220 go\r\n"), Do::Say(b"500 5.5.2 What?\r\n".repeat(10)), Do::Close],
        vec![say(GREETING), OFFERS_TLS, Do::Reply("220 go\r\n250 put in\r\n"), Do::Read],
        // Silence.
        vec![say(GREETING), OFFERS_TLS, Do::Reply("220 go\r\n")],
    ];
    for first in broken {
        let server = Server::start(vec![first, vec![say(GREETING), OFFERS_TLS, OK, OK, BYE]]).await;
        let reply = SmtpClient::new(&impatient(&server)).session(&request()).await;
        assert_eq!(reply.end, SessionEnd::Finished, "{}", text(&reply));
        assert!(reply.tls.is_none());
        assert!(reply.tls_failure.is_some());
        assert_eq!((reply.recipients[0].code, &reply.extensions[..]), (250, &["STARTTLS".to_owned()][..]));
        assert!(text(&reply).contains("connecting again, to stay in clear text\nNote: connected"), "{}", text(&reply));
        let heard = server.heard().await;
        assert_eq!(heard[1].last().unwrap(), "QUIT");
        assert!(!heard[1].contains(&"STARTTLS".to_owned()));
    }
}

#[tokio::test]
async fn words_put_in_before_the_handshake_are_told() {
    let first = vec![say(GREETING), OFFERS_TLS, Do::Reply("220 go\r\n250 put in\r\n")];
    let server = Server::start(vec![first, vec![say("421 no more\r\n")]]).await;
    let reply = SmtpClient::new(&options(&server)).session(&request()).await;
    let why = reply.tls_failure.clone().unwrap();
    assert_eq!(why, "the server sent 12 more bytes in clear text between its reply to STARTTLS and the handshake");
    // The second connection was refused; what the first one heard is kept.
    assert_eq!(reply.greeting.unwrap().code, 421);
    assert_eq!(reply.ehlo.unwrap().code, 250);
}

#[tokio::test]
async fn a_refused_starttls_is_told_and_the_session_goes_on() {
    let (reply, heard) =
        hold(vec![say(GREETING), OFFERS_TLS, Do::Reply("454 4.7.0 TLS not available\r\n"), OK, OK, BYE]).await;
    assert_eq!(reply.tls_failure.as_deref(), Some("STARTTLS was answered with `454 4.7.0 TLS not available`"));
    assert_eq!((reply.end, heard.len()), (SessionEnd::Finished, 5));
}

#[tokio::test]
async fn without_starttls_asked_for_it_is_not_used() {
    let server = Server::start(vec![vec![say(GREETING), OFFERS_TLS, BYE]]).await;
    let request = SmtpRequest { starttls: StartTls::Never, envelope: None, ..request() };
    let reply = SmtpClient::new(&options(&server)).session(&request).await;
    assert_eq!((reply.end, reply.mail), (SessionEnd::Finished, None));
    assert_eq!(server.heard().await[0], ["EHLO probe.example", "QUIT"]);
}

/// The turns up to where the reply of `stage` is due, and the command read.
fn up_to(stage: Stage) -> Vec<Do> {
    let turns = vec![say(GREETING), OFFERS_TLS, READY, OK, OK];
    match stage {
        Stage::Greeting => Vec::new(),
        Stage::Ehlo => turns.into_iter().take(1).chain([Do::Read]).collect(),
        Stage::StartTls => turns.into_iter().take(2).chain([Do::Read]).collect(),
        Stage::Mail => vec![say(GREETING), HELLO, Do::Read],
        _ => vec![say(GREETING), HELLO, OK, Do::Read],
    }
}

#[tokio::test]
async fn a_survey_is_one_session_and_keeps_each_reply_apart() {
    let presented: SocketAddr = PRESENTED.parse().unwrap();
    let request = MailExchanger::new("mx.example", presented.ip(), "good.example").survey();
    let server = Server::start(vec![vec![
        say(GREETING),
        Do::Reply("250-mx.example\n250 AUTH PLAIN\r\n"),
        OK,
        OK,
        OK,
        OK,
        Do::Reply("554 5.7.1 <postmaster@ietf.org>: Relay access denied\r\n"),
        Do::Reply("252 2.0.0 postmaster@good.example\r\n"),
        Do::Reply("502 5.5.1 No\r\n"),
        BYE,
    ]])
    .await;
    let reply = SmtpClient::new(&options(&server)).session(&request).await;
    assert_eq!(
        server.heard().await.remove(0),
        [
            "EHLO probe.example",
            "MAIL FROM:<>",
            "RCPT TO:<postmaster@good.example>",
            "RSET",
            "MAIL FROM:<postmaster@debian.org>",
            "RCPT TO:<postmaster@ietf.org>",
            "VRFY postmaster@good.example",
            "EXPN postmaster@good.example",
            "QUIT"
        ]
    );
    assert_eq!(reply.end, SessionEnd::Finished);
    let codes: Vec<Vec<u16>> =
        reply.probes.iter().map(|probe| probe.answers.iter().map(|answer| answer.code).collect()).collect();
    assert_eq!(codes, [vec![250, 554], vec![252], vec![502]]);
    assert_eq!(reply.clear_extensions, ["AUTH PLAIN"]);
    assert_eq!(reply.oddities, ["a line ends with LF alone (EHLO)"]);
}

const STAGES: [Stage; 5] = [Stage::Greeting, Stage::Ehlo, Stage::StartTls, Stage::Mail, Stage::Rcpt];

#[tokio::test]
async fn silence_is_a_time_out_of_its_stage_and_quit_is_said() {
    let sessions = STAGES.map(|stage| async move {
        let server = Server::start(vec![up_to(stage)]).await;
        let reply = SmtpClient::new(&impatient(&server)).session(&request()).await;
        assert_eq!(reply.end, SessionEnd::TimedOut { stage, waited_s: SILENCE.as_secs() }, "{}", text(&reply));
        let heard = server.heard().await.remove(0);
        // A client that speaks before the greeting is taken for a spam bot.
        assert_eq!(heard.last().is_some_and(|last| last == "QUIT"), stage != Stage::Greeting, "{heard:?}");
    });
    futures_util::future::join_all(sessions).await;
}

#[tokio::test]
async fn a_closed_connection_is_broken_at_its_stage() {
    for stage in STAGES {
        let server = Server::start(vec![up_to(stage).into_iter().chain([Do::Close]).collect()]).await;
        let reply = SmtpClient::new(&options(&server)).session(&request()).await;
        let SessionEnd::Broken { stage: at, why } = &reply.end else { panic!("{:?}", reply.end) };
        assert_eq!((*at, why.as_str()), (stage, "the server closed the connection"));
    }
}

#[tokio::test]
async fn a_server_that_only_closes_at_the_end_is_no_trouble() {
    let (reply, _) = hold(vec![say(GREETING), HELLO, OK, OK, Do::Read, Do::Close]).await;
    assert_eq!(reply.end, SessionEnd::Finished);
}

#[tokio::test]
async fn a_pause_inside_the_greeting_shows_in_the_transcript() {
    let server = Server::start(vec![vec![say("220-mx.example waits\r\n220 mx.exa")]]).await;
    let reply = SmtpClient::new(&impatient(&server)).session(&request()).await;
    assert_eq!(reply.end, SessionEnd::TimedOut { stage: Stage::Greeting, waited_s: SILENCE.as_secs() });
    assert!(
        text(&reply).contains("Server: 220-mx.example waits\nServer: 220 mx.exa\nNote: nothing more"),
        "{}",
        text(&reply)
    );
}

#[tokio::test]
async fn what_is_no_smtp_is_malformed_and_bounded() {
    let floods: [(Vec<Do>, &str); 5] = [
        (vec![say("SSH-2.0-OpenSSH_9.2\r\n")], "no SMTP reply"),
        (vec![Do::Say(b"\xff\xfe\0\x16\x03\x01\n".to_vec())], "no SMTP reply"),
        (vec![Do::Flood(b"xxxxxxxxxxxxxxxx")], "more than 4096 octets"),
        (vec![Do::Flood(b"220-hold the line\r\n")], "more than 200 lines"),
        (vec![say("220 mx\r\n220 mx\r\n")], "replied twice"),
    ];
    for (turns, words) in floods {
        let (reply, _) = hold(turns).await;
        let SessionEnd::Malformed { stage: Stage::Greeting, why } = &reply.end else { panic!("{:?}", reply.end) };
        assert!(why.contains(words), "{why}");
        assert!(reply.transcript.len() <= transcript::MAX_LINES);
    }
}

#[tokio::test]
async fn odd_bytes_in_a_reply_are_kept_as_text() {
    let (reply, _) = hold(vec![Do::Say(b"554 go \x1b[31maway\0 caf\xe9\n".to_vec()), BYE]).await;
    assert_eq!(reply.greeting.as_ref().unwrap().lines, ["go \u{1b}[31maway\u{fffd} caf\u{fffd}"]);
    assert!(text(&reply).contains("Server: 554 go ␛[31maway␀ caf\u{fffd}\n"), "{}", text(&reply));
}

#[tokio::test]
async fn no_connection_is_broken_at_connect() {
    let server = Server::start(vec![]).await;
    let mut options = options(&server);
    // Bound, so that nobody else gets it, and not listening.
    let nobody = tokio::net::TcpSocket::new_v4().unwrap();
    nobody.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let closed = nobody.local_addr().unwrap();
    options.routes = Some(Routes { map: [(PRESENTED.parse().unwrap(), closed)].into() });
    let reply = SmtpClient::new(&options).session(&request()).await;
    assert_eq!(reply.end, SessionEnd::Broken { stage: Stage::Connect, why: "connection refused".to_owned() });
    let elsewhere = SmtpRequest { address: "25.25.1.2".parse().unwrap(), ..request() };
    let reply = SmtpClient::new(&options).session(&elsewhere).await;
    assert!(matches!(reply.end, SessionEnd::Broken { stage: Stage::Connect, .. }));
    options.source = Some("192.0.2.77".parse().unwrap());
    let reply = SmtpClient::new(&options).session(&request()).await;
    assert_eq!(reply.cause().unwrap().kind, CauseKind::OurSide);
}

#[tokio::test]
async fn an_argument_that_holds_a_command_is_not_sent() {
    let server = Server::start(vec![]).await;
    let mut request = request();
    request.envelope.as_mut().unwrap().recipients.push("u@good.example>\r\nDATA".to_owned());
    let reply = SmtpClient::new(&options(&server)).session(&request).await;
    assert_eq!(reply.cause().unwrap().kind, CauseKind::Denied);
    assert!(reply.transcript.is_empty());
}

#[tokio::test]
async fn a_session_waits_for_its_turn_with_the_address() {
    let server = Server::start(vec![vec![say(GREETING), HELLO, OK, OK, BYE]]).await;
    let client = SmtpClient::new(&options(&server));
    let request = request();
    let turn = client.turns.take(request.address).await;
    let mut session = Box::pin(client.session(&request));
    assert!(futures_util::poll!(&mut session).is_pending());
    assert!(client.turns.is_awaited(request.address));
    drop(turn);
    assert_eq!(session.await.end, SessionEnd::Finished);
    assert_eq!(server.heard().await[0].len(), 4);
}

#[tokio::test]
async fn a_session_that_is_given_up_says_quit() {
    let server = Server::start(vec![vec![say(GREETING), Do::Read]]).await;
    let client = SmtpClient::new(&options(&server));
    let request = request();
    // Given up when the server has read EHLO and does not answer.
    tokio::select! {
        _ = client.session(&request) => panic!("the server does not answer"),
        () = server.has_heard(1) => {}
    }
    assert_eq!(server.heard().await[0], ["EHLO probe.example", "QUIT"]);
}
