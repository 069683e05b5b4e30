#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::*;

const SERVER: &str = "address = '25.25.1.1'\nhostname = 'mx.a.example'\n";

fn script(section: &str) -> Script {
    Script::new(&toml::from_str(&format!("{SERVER}{section}")).unwrap()).unwrap()
}

/// The greeting and the replies to `commands`, seconds apart as `@N` says.
fn session(script: &Script, commands: &[&str]) -> Vec<String> {
    let mut dialogue = Dialogue::new("127.0.0.1".parse().unwrap());
    let mut now = Instant::now();
    let mut said = vec![shown(script.greeting(&mut dialogue))];
    for command in commands {
        match command.strip_prefix('@') {
            Some(seconds) => now += Duration::from_secs(seconds.parse().unwrap()),
            None => said.push(shown(script.command(&mut dialogue, command, now))),
        }
    }
    said
}

fn shown(step: Step) -> String {
    match step {
        Step::Reply(reply) => reply,
        other => format!("{other:?}"),
    }
}

fn last(section: &str, commands: &[&str]) -> String {
    let all = [&["EHLO probe.example", "MAIL FROM:<s@x.example>"], commands].concat();
    session(&script(section), &all).pop().unwrap()
}

#[test]
fn only_a_relay_takes_mail_for_names_outside_of_the_lab() {
    for (server, recipient, expected) in [
        ("", "a@b.example", "250 2.1.5 Ok"),
        ("", "a@b.test", "554 5.7.1 <a@b.test>: Relay access denied"),
        ("relay = true", "a@b.test", "250 2.1.5 Ok"),
        ("accept = ['@b.test']", "a@b.test", "250 2.1.5 Ok"),
    ] {
        let rcpt = format!("RCPT TO:<{recipient}>");
        assert_eq!(last(server, &["EHLO p.example", "MAIL FROM:<>", &rcpt]), expected, "{server:?}");
    }
}

#[test]
fn a_plain_session_accepts_a_recipient_and_never_a_message() {
    let said = session(
        &script("extensions = ['PIPELINING', 'SIZE 1000']\ncertificate = 'good'"),
        &[
            "EHLO probe.example",
            "MAIL FROM:<s@x.example> SIZE=10",
            "DATA",
            "rcpt to:<r@a.example>",
            "DATA",
            "RSET",
            "RCPT TO:<r@a.example>",
            "VRFY root",
            "XYZZY",
            "QUIT",
        ],
    );
    assert_eq!(
        said,
        [
            "220 mx.a.example ESMTP",
            "250-mx.a.example\n250-PIPELINING\n250-SIZE 1000\n250 STARTTLS",
            "250 2.1.0 Ok",
            "503 5.5.1 Need RCPT first",
            "250 2.1.5 Ok",
            "554 5.7.0 This lab accepts no mail",
            "250 2.0.0 Ok",
            "503 5.5.1 Need MAIL first",
            "252 2.0.0 Cannot verify, but will try to deliver",
            "500 5.5.2 Command not recognised",
            "Close(\"221 2.0.0 Bye\")",
        ]
    );
}

#[test]
fn commands_out_of_order_or_malformed_are_refused() {
    let said = session(
        &script(""),
        &[
            "MAIL FROM:<s@x.example>",
            "HELO",
            "HELO p.example",
            "STARTTLS",
            "MAIL TO:<s@x.example>",
            "MAIL FROM:<>",
            "MAIL FROM:<>",
            "RCPT TO:<>",
        ],
    );
    let codes: Vec<&str> = said.iter().map(|reply| &reply[..3]).collect();
    assert_eq!(codes, ["220", "503", "501", "250", "502", "501", "250", "503", "501"]);
}

#[test]
fn the_most_specific_reply_wins() {
    let replies = "accept = ['known@a.example', '@b.example']\n[replies]\n'RCPT full@a.example' = \"452-4.2.2 Mailbox\\n452 4.2.2 full\"\n'RCPT @c.example' = '550 5.7.1 Relaying denied'\n";
    for (recipient, expected) in [
        ("Full@A.example", "452-4.2.2 Mailbox\n452 4.2.2 full"),
        ("x@c.example", "550 5.7.1 Relaying denied"),
        ("known@a.example", "250 2.1.5 Ok"),
        ("other@a.example", "550 5.1.1 <other@a.example> User unknown"),
        ("any@b.example", "250 2.1.5 Ok"),
    ] {
        assert_eq!(last(replies, &[&format!("RCPT TO:<{recipient}>")]), expected);
    }
    let refused = "[replies]\nMAIL = '550 5.7.1 No'\n'MAIL <>' = '250 Ok'";
    assert_eq!(last(refused, &["RCPT TO:<r@a.example>"]), "503 5.5.1 Need MAIL first");
    assert_eq!(last(refused, &["MAIL FROM:<>", "RCPT TO:<r@a.example>"]), "250 2.1.5 Ok");
}

#[test]
fn greylisting_remembers_the_triplet() {
    let greylist = "greylist = { delay = '60s', reply = '451 4.7.1 Later', retry_window = '10m' }";
    let script = script(greylist);
    let attempt = ["EHLO p.example", "MAIL FROM:<s@x.example>", "RCPT TO:<r@a.example>"];
    let outcome = |waits: &[&str]| {
        let steps = waits.iter().flat_map(|wait| [wait, "RCPT TO:<r@a.example>"]);
        session(&script, &attempt.iter().copied().chain(steps).collect::<Vec<_>>()).split_off(3)
    };
    assert_eq!(outcome(&["@59", "@1", "@10"]), ["451 4.7.1 Later", "451 4.7.1 Later", "250 2.1.5 Ok", "250 2.1.5 Ok"]);
    let other = session(
        &script,
        &[
            "EHLO p.example",
            "MAIL FROM:<>",
            "RCPT TO:<r@a.example>",
            "@601",
            "RCPT TO:<r@a.example>",
            "@60",
            "RCPT TO:<r@a.example>",
        ],
    );
    assert_eq!(other.split_off_last(3), ["451 4.7.1 Later", "451 4.7.1 Later", "250 2.1.5 Ok"]);
}

trait Last {
    fn split_off_last(self, count: usize) -> Vec<String>;
}

impl Last for Vec<String> {
    fn split_off_last(mut self, count: usize) -> Vec<String> {
        self.split_off(self.len() - count)
    }
}

#[test]
fn sessions_end_where_the_world_says() {
    for (section, commands, expected) in [
        ("drop_at = 'connect'", &[][..], "Drop"),
        ("silent_at = 'greeting'", &[], "Silent"),
        ("greeting = '421 4.3.2 Busy'", &[], "Close(\"421 4.3.2 Busy\")"),
        ("greeting = '554 5.7.1 Go away'", &["EHLO p.example"], "503 5.5.1 No service here: say QUIT"),
        ("drop_at = 'ehlo'", &["HELO p.example"], "Drop"),
        ("certificate = 'good'\nsilent_at = 'starttls'", &["EHLO p.example", "STARTTLS"], "Silent"),
        ("certificate = 'good'", &["EHLO p.example", "STARTTLS"], "StartTls(\"220 2.0.0 Ready to start TLS\")"),
        (
            "certificate = 'good'\nreplies = { STARTTLS = '454 4.7.0 No' }",
            &["EHLO p.example", "STARTTLS"],
            "454 4.7.0 No",
        ),
        ("drop_at = 'mail'", &["EHLO p.example", "MAIL FROM:<>"], "Drop"),
        ("silent_at = 'rcpt'", &["EHLO p.example", "MAIL FROM:<>", "RCPT TO:<r@a.example>"], "Silent"),
        (
            "replies = { EHLO = '502 No', HELO = '250 Yes' }",
            &["EHLO p.example", "HELO p.example", "MAIL FROM:<>"],
            "250 2.1.0 Ok",
        ),
    ] {
        assert_eq!(session(&script(section), commands).pop().unwrap(), expected, "{section}");
    }
}

#[test]
fn a_session_has_an_end() {
    let said = session(&script(""), &vec!["NOOP"; MAX_COMMANDS + 1]);
    assert!(said.last().unwrap().starts_with("Close(\"421"), "{:?}", said.last());
}

#[test]
fn replies_to_unknown_commands_are_refused() {
    for (replies, part) in [
        ("RCPTO = '550 No'", "not a command"),
        ("'EHLO x.example' = '550 No'", "only MAIL and RCPT"),
        ("RCPT = ''", "is empty"),
    ] {
        let server = toml::from_str(&format!("{SERVER}replies = {{ {replies} }}")).unwrap();
        assert!(Script::new(&server).unwrap_err().contains(part), "{replies}");
    }
}
