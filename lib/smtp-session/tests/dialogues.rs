//! Dialogues as real servers hold them, and as they should not.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use smtp_session::{Action, Dialogue, Ending, Event, Plan, ReplyError, ReplyReader, Stage, StartTls};

/// What the server does next, in turn with what we say.
enum Server {
    Says(&'static str),
    Handshake,
    BreaksHandshake,
    Closes,
    IsSilent,
}
use Server::{BreaksHandshake, Closes, Handshake, IsSilent, Says};

/// The dialogue with a server that does `turns`: what we said, and the dialogue
/// as it ended.
fn hold(plan: Plan, turns: &[Server]) -> (Vec<String>, Dialogue) {
    let mut dialogue = Dialogue::new(plan);
    let mut reader = ReplyReader::new();
    let mut said = Vec::new();
    let mut turns = turns.iter();
    let mut action = dialogue.handle(Event::Connected);
    loop {
        match &action {
            Action::Close => return (said, dialogue),
            Action::Send(bytes) => {
                let command = String::from_utf8(bytes.clone()).unwrap();
                said.push(command.strip_suffix("\r\n").unwrap().to_owned());
            }
            Action::StartTls => said.push("(handshake)".to_owned()),
            Action::Listen => {}
        }
        action = loop {
            match reader.next_reply() {
                Ok(Some(reply)) => break dialogue.handle(Event::Reply { reply: &reply, unread: reader.unread() }),
                Err(error) => break dialogue.handle(Event::Unreadable(&error)),
                Ok(None) => {}
            }
            match turns.next() {
                Some(Says(text)) => reader.push(text.as_bytes()),
                Some(Handshake) => break dialogue.handle(Event::TlsEstablished),
                Some(BreaksHandshake) => break dialogue.handle(Event::TlsFailed),
                Some(Closes) => break dialogue.handle(Event::Closed),
                Some(IsSilent) => break dialogue.handle(Event::TimedOut),
                None => panic!("the script ends at {:?} after {said:?}", dialogue.stage()),
            }
        };
    }
}

fn check(plan: Plan, turns: &[Server], expected: &[&str], ending: Ending) -> Dialogue {
    let (said, dialogue) = hold(plan, turns);
    assert_eq!(said, expected);
    assert_eq!(dialogue.ending(), Some(&ending));
    assert_eq!(dialogue.clone().handle(Event::Closed), Action::Close, "it stays over");
    dialogue
}

fn plan() -> Plan {
    Plan::new("probe.example").unwrap()
}

fn to(recipients: &[&str]) -> Plan {
    plan().envelope("a@sender.example", recipients).unwrap()
}

const HELLO: Server = Says("220 mx1.example ESMTP\r\n");
const NO_EXTENSIONS: Server = Says("250 mx1.example\r\n");
const OFFERS_TLS: Server = Says("250-mx1.example\r\n250-SIZE 200000\r\n250 STARTTLS\r\n");
const OK: Server = Says("250 2.1.0 Ok\r\n");
const BYE: Server = Says("221 2.0.0 Bye\r\n");
const EHLO: &str = "EHLO probe.example";
const MAIL: &str = "MAIL FROM:<a@sender.example>";

#[test]
fn a_server_that_accepts_over_tls() {
    let dialogue = check(
        to(&["user@good.example"]),
        &[
            HELLO,
            OFFERS_TLS,
            Says("220 2.0.0 Ready to start TLS\r\n"),
            Handshake,
            Says("250-mx1.example\r\n250-size 200000\r\n250-X-Odd 1 2\r\n250 DSN\r\n"),
            OK,
            Says("250 2.1.5 Ok\r\n"),
            BYE,
        ],
        &[EHLO, "STARTTLS", "(handshake)", EHLO, MAIL, "RCPT TO:<user@good.example>", "QUIT"],
        Ending::Finished,
    );
    assert!(dialogue.is_secured());
    assert_eq!(dialogue.extensions(), ["SIZE 200000", "X-ODD 1 2", "DSN"]);
}

#[test]
fn without_an_envelope_it_says_ehlo_and_quit() {
    let dialogue =
        check(plan().starttls(StartTls::Never), &[HELLO, OFFERS_TLS, BYE], &[EHLO, "QUIT"], Ending::Finished);
    assert_eq!(dialogue.extensions(), ["SIZE 200000", "STARTTLS"]);
}

#[test]
fn a_look_at_the_greeting_says_quit_alone() {
    let plan = || to(&["user@b.example"]).greeting_only();
    check(plan(), &[HELLO, BYE], &["QUIT"], Ending::Finished);
    check(plan(), &[Says("554 no\r\n"), BYE], &["QUIT"], Ending::Finished);
}

#[test]
fn envelopes_are_transactions_of_their_own_and_vrfy_and_expn_need_no_reset() {
    let plan = || {
        let plan = plan().envelope("", &["postmaster@b.example"]).unwrap();
        let plan = plan.then_envelope("a@sender.example", &["x@far.example", "y@far.example"]).unwrap();
        plan.then_verify("postmaster").unwrap().then_expand("postmaster").unwrap()
    };
    let (null, own) = ("MAIL FROM:<>", "RCPT TO:<postmaster@b.example>");
    let (far, further) = ("RCPT TO:<x@far.example>", "RCPT TO:<y@far.example>");
    let (vrfy, expn) = ("VRFY postmaster", "EXPN postmaster");
    const NO: Server = Says("550 5.7.1 No\r\n");
    const LATER: Server = Says("451 4.3.0 Later\r\n");
    check(
        plan(),
        &[HELLO, NO_EXTENSIONS, OK, OK, OK, OK, NO, NO, OK, NO, BYE],
        &[EHLO, null, own, "RSET", MAIL, far, further, vrfy, expn, "QUIT"],
        Ending::Finished,
    );
    // Where MAIL is refused there is no transaction to reset.
    check(
        plan(),
        &[HELLO, NO_EXTENSIONS, NO, NO, NO, NO, BYE],
        &[EHLO, null, MAIL, vrfy, expn, "QUIT"],
        Ending::Finished,
    );
    check(plan(), &[HELLO, NO_EXTENSIONS, LATER, BYE], &[EHLO, null, "QUIT"], Ending::Finished);
    check(plan(), &[HELLO, NO_EXTENSIONS, NO, LATER, BYE], &[EHLO, null, MAIL, "QUIT"], Ending::Finished);
    check(plan(), &[HELLO, NO_EXTENSIONS, OK, OK, LATER, BYE], &[EHLO, null, own, "RSET", "QUIT"], Ending::Finished);
    check(
        plan(),
        &[HELLO, NO_EXTENSIONS, OK, OK, OK, OK, IsSilent, BYE],
        &[EHLO, null, own, "RSET", MAIL, far, "QUIT"],
        Ending::TimedOut { stage: Stage::Probe { index: 0, command: 1 } },
    );
}

#[test]
fn the_null_sender_and_each_recipient_in_turn() {
    check(
        plan().envelope("", &["a@x.example", "b@x.example", "c@x.example"]).unwrap(),
        &[
            HELLO,
            NO_EXTENSIONS,
            OK,
            Says("450 4.2.0 <a@x.example>: Recipient address rejected: Greylisted\r\n"),
            Says("550-Verification failed\r\n550 Sender verify failed\r\n"),
            Says("250 Accepted\r\n"),
            BYE,
        ],
        &[EHLO, "MAIL FROM:<>", "RCPT TO:<a@x.example>", "RCPT TO:<b@x.example>", "RCPT TO:<c@x.example>", "QUIT"],
        Ending::Finished,
    );
}

#[test]
fn a_refusal_at_any_stage_is_followed_by_quit() {
    let to_one = || to(&["user@good.example"]);
    check(to_one(), &[Says("554 5.3.2 No service\r\n"), BYE], &["QUIT"], Ending::Finished);
    check(to_one(), &[Says("550 Your host is blocked\r\n"), Closes], &["QUIT"], Ending::Finished);
    check(to_one(), &[HELLO, Says("451 later\r\n"), IsSilent], &[EHLO, "QUIT"], Ending::Finished);
    let needs_tls = Says("530 5.7.0 Must issue a STARTTLS command first\r\n");
    check(to_one(), &[HELLO, NO_EXTENSIONS, needs_tls, BYE], &[EHLO, MAIL, "QUIT"], Ending::Finished);
}

#[test]
fn a_refused_ehlo_is_followed_by_helo() {
    let dialogue = check(
        to(&[]),
        &[HELLO, Says("502 5.5.1 What?\r\n"), Says("250-mx1\r\n250 STARTTLS\r\n"), OK, BYE],
        &[EHLO, "HELO probe.example", MAIL, "QUIT"],
        Ending::Finished,
    );
    assert_eq!(dialogue.extensions(), [] as [&str; 0]);
    check(
        to(&[]),
        &[HELLO, Says("550 no\r\n"), Says("550 no\r\n"), BYE],
        &[EHLO, "HELO probe.example", "QUIT"],
        Ending::Finished,
    );
}

#[test]
fn a_421_ends_it_wherever_it_comes() {
    let busy = || Says("421 4.7.0 too many connections\r\n");
    check(to(&["u@x.example"]), &[busy()], &[], Ending::Finished);
    check(to(&["u@x.example"]), &[HELLO, busy()], &[EHLO], Ending::Finished);
    check(to(&["u@x.example"]), &[HELLO, OFFERS_TLS, busy()], &[EHLO, "STARTTLS"], Ending::Finished);
    check(to(&["u@x.example"]), &[HELLO, NO_EXTENSIONS, busy()], &[EHLO, MAIL], Ending::Finished);
    check(
        to(&["u@x.example"]),
        &[HELLO, NO_EXTENSIONS, Says("250 Ok\r\n421 shutting down\r\n")],
        &[EHLO, MAIL],
        Ending::Finished,
    );
}

#[test]
fn a_refused_starttls_leaves_clear_text() {
    check(
        to(&["u@x.example"]),
        &[HELLO, OFFERS_TLS, Says("454 4.7.0 TLS not available\r\n"), OK, OK, BYE],
        &[EHLO, "STARTTLS", MAIL, "RCPT TO:<u@x.example>", "QUIT"],
        Ending::Finished,
    );
}

#[test]
fn a_failed_handshake_ends_the_connection() {
    let ready = || Says("220 Go ahead\r\n");
    for turn in [BreaksHandshake, Closes, IsSilent] {
        check(
            to(&["u@x.example"]),
            &[HELLO, OFFERS_TLS, ready(), turn],
            &[EHLO, "STARTTLS", "(handshake)"],
            Ending::TlsFailed,
        );
    }
}

#[test]
fn clear_text_before_the_handshake_is_an_injection() {
    check(
        to(&["u@x.example"]),
        &[HELLO, OFFERS_TLS, Says("220 Go ahead\r\n250 injected\r\n")],
        &[EHLO, "STARTTLS"],
        Ending::Injected { bytes: 14 },
    );
}

#[test]
fn two_replies_to_one_command_are_not_told_apart() {
    check(
        to(&["u@x.example"]),
        &[Says("220 mx1\r\n250 what nobody asked\r\n"), BYE],
        &["QUIT"],
        Ending::OutOfTurn { stage: Stage::Greeting },
    );
}

#[test]
fn silence_is_followed_by_quit_but_not_before_the_greeting() {
    let to_one = || to(&["u@x.example"]);
    check(to_one(), &[IsSilent], &[], Ending::TimedOut { stage: Stage::Greeting });
    check(to_one(), &[Says("220-mx1\r\n"), IsSilent], &[], Ending::TimedOut { stage: Stage::Greeting });
    check(to_one(), &[HELLO, IsSilent, IsSilent], &[EHLO, "QUIT"], Ending::TimedOut { stage: Stage::Ehlo });
    check(
        to_one(),
        &[HELLO, OFFERS_TLS, IsSilent, BYE],
        &[EHLO, "STARTTLS", "QUIT"],
        Ending::TimedOut { stage: Stage::StartTls },
    );
    check(
        to_one(),
        &[HELLO, NO_EXTENSIONS, IsSilent, Says("250 late\r\n221 bye\r\n")],
        &[EHLO, MAIL, "QUIT"],
        Ending::TimedOut { stage: Stage::Mail },
    );
    check(
        to_one(),
        &[HELLO, NO_EXTENSIONS, OK, IsSilent, Closes],
        &[EHLO, MAIL, "RCPT TO:<u@x.example>", "QUIT"],
        Ending::TimedOut { stage: Stage::Rcpt(0) },
    );
}

#[test]
fn a_closed_connection_is_told_with_its_stage() {
    let to_one = || to(&["u@x.example"]);
    check(to_one(), &[Closes], &[], Ending::Closed { stage: Stage::Greeting });
    check(to_one(), &[HELLO, Closes], &[EHLO], Ending::Closed { stage: Stage::Ehlo });
    check(to_one(), &[HELLO, OFFERS_TLS, Closes], &[EHLO, "STARTTLS"], Ending::Closed { stage: Stage::StartTls });
    check(to_one(), &[HELLO, NO_EXTENSIONS, Closes], &[EHLO, MAIL], Ending::Closed { stage: Stage::Mail });
    check(to(&[]), &[HELLO, NO_EXTENSIONS, OK, Closes], &[EHLO, MAIL, "QUIT"], Ending::Finished);
}

#[test]
fn what_is_no_reply_ends_it() {
    let ssh = "SSH-2.0-OpenSSH_9.2\r\n";
    let error = |line: &str| ReplyError::NotAReply { line: line.as_bytes().to_vec() };
    check(to(&[]), &[Says(ssh)], &[], Ending::Unreadable { stage: Stage::Greeting, error: error(ssh) });
    check(
        to(&[]),
        &[HELLO, Says("Hello there\r\n"), Closes],
        &[EHLO, "QUIT"],
        Ending::Unreadable { stage: Stage::Ehlo, error: error("Hello there\r\n") },
    );
}

#[test]
fn events_out_of_place_end_it() {
    let mut dialogue = Dialogue::new(plan());
    assert_eq!(dialogue.handle(Event::TlsEstablished), Action::Close);
    assert_eq!(dialogue.ending(), Some(&Ending::Closed { stage: Stage::Greeting }));
    assert!(!dialogue.is_secured());
}
