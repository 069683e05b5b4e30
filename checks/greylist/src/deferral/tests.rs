#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;

fn answer(reply: &str) -> SmtpAnswer {
    let (code, text) = reply.split_at(4);
    SmtpAnswer {
        code: code[..3].parse().unwrap(),
        enhanced: EnhancedCode::at_start(text),
        lines: vec![text.to_owned()],
        took_ms: 0,
        at_ms: 0,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Worded,
    Possible,
    Other(Reason),
}

fn check(stage: Stage, reply: &str, expected: Kind) {
    let kind = match classify(stage, &answer(reply)) {
        Deferral::Greylisting(_) => Kind::Worded,
        Deferral::Possible => Kind::Possible,
        Deferral::Other(reason, _) => Kind::Other(reason),
    };
    assert_eq!(kind, expected, "{reply}");
}

#[test]
fn greylisting_is_known_by_its_words_whatever_the_code() {
    for reply in [
        "450 4.2.0 <a@b.example>: Recipient address rejected: Greylisted, see http://postgrey.schweikert.ch/help/b.example.html",
        "451 4.7.0 Graylisted. Please come back",
        "422 4.2.2 Grey-listed for now",
        "452 4.2.2 Greylisting active, mailbox not full",
        "450 4.7.1 Your message is in the grey list, too many unknown senders",
        "451 4.7.1 Mise en liste grise, veuillez patienter",
        "421 4.7.1 Service unavailable; Client host [25.25.1.1] blocked using greylist.lists.example",
        "421 4.7.0 [GL01] Message from (25.25.9.9) temporarily deferred - 4.16.50",
        "451 GL - temporary problem. Try again later.",
        "451 you must wait 297 more seconds",
        "451 First contact from this host, try later",
        "450 4.7.1 Try later, see https://help.example/greylisting",
    ] {
        check(Stage::Rcpt, reply, Kind::Worded);
    }
}

#[test]
fn a_bare_deferral_at_rcpt_may_be_greylisting() {
    for reply in [
        "451 4.7.1 Please try again later",
        "450 4.2.0 Try later",
        "451 4.3.2 Please try again later",
        "450 Requested mail action not taken",
        "451 4.7.1 Service unavailable - try again later",
        "451 Bitte versuchen Sie es noch einmal",
    ] {
        check(Stage::Rcpt, reply, Kind::Possible);
    }
}

#[test]
fn other_deferrals_are_told_by_words_and_codes() {
    for (reply, reason) in [
        ("452 4.2.2 The email account that you tried to reach is over quota", Reason::MailboxFull),
        ("452 4.2.2 later", Reason::MailboxFull),
        ("450 4.2.1 The user you are trying to contact is receiving email too quickly", Reason::RateLimit),
        ("421 4.7.28 Gmail has detected an unusual rate of email", Reason::RateLimit),
        ("421 4.7.0 mx.example Error: too many connections from 25.25.1.1", Reason::RateLimit),
        ("450 4.7.1 Rate limit exceeded, try again in 5 minutes", Reason::RateLimit),
        ("421 4.7.28 This sender exceeded the quota for mail of one Message-ID", Reason::RateLimit),
        ("421 4.7.1 Messages deferred due to excessive volume. Try again later", Reason::RateLimit),
        ("421 4.7.27 Your email has been rate limited because SPF didn't pass", Reason::Authentication),
        ("451 Message temporarily deferred due to unresolvable from domain", Reason::Sender),
        ("450 4.7.1 Access denied. IP name lookup failed [25.25.1.1]", Reason::ReverseDns),
        ("451 4.7.24 Try later", Reason::Authentication),
        ("450 4.1.8 <a@nope.example>: Sender address rejected: Domain not found", Reason::Sender),
        ("451 Could not complete sender verify callout", Reason::Sender),
        ("450 4.1.2 <a@nope.example>: Recipient address rejected: Domain not found", Reason::RecipientLookup),
        ("450 4.1.1 <a@b.example>: Recipient address rejected: User unknown", Reason::RecipientLookup),
        ("450 4.7.25 Client host rejected: cannot find your hostname, [25.25.1.1]", Reason::ReverseDns),
        ("450 4.7.1 Service unavailable; Client host [25.25.1.1] blocked using zen.spamhaus.org", Reason::Reputation),
        ("451 4.7.500 Server busy. Please try again later from [25.25.1.1]", Reason::RateLimit),
        ("451 4.7.650 later", Reason::Reputation),
        ("454 4.7.0 TLS not available due to temporary reason", Reason::Tls),
        ("451 4.3.0 <a@b.example>: Temporary lookup failure", Reason::LocalFault),
        ("451 4.3.5 Server configuration problem", Reason::LocalFault),
        ("451 Temporary local problem - please try later", Reason::LocalFault),
        ("452 4.3.1 Insufficient system storage", Reason::LocalFault),
        ("451 4.4.1 Upstream timed out", Reason::Network),
        ("421 4.3.2 Shutting down", Reason::Closing),
        ("421-4.7.0 Try again later, closing connection.", Reason::Closing),
        ("421 mx.example Service not available", Reason::Closing),
        // greylisting is named, and is not what this is
        ("451 4.3.0 Greylisting service temporarily unavailable", Reason::LocalFault),
        ("451 4.4.1 <a@greylist.example>: connection timed out", Reason::Network),
        ("450 4.1.2 <a@b.example>: host mx.greylist.example: Domain not found", Reason::Sender),
        ("451 4.7.1 Not greylisted, rate limit reached", Reason::RateLimit),
        ("450 4.7.1 Rate limit, see https://help.example/greylisting", Reason::RateLimit),
    ] {
        check(Stage::Rcpt, reply, Kind::Other(reason));
    }
}

#[test]
fn before_rcpt_only_words_make_it_greylisting() {
    check(Stage::Mail, "451 4.7.1 Service unavailable - try again later", Kind::Other(Reason::LocalFault));
    check(Stage::Mail, "451 4.7.1 Please try again later", Kind::Other(Reason::Unspecified));
    check(Stage::Greeting, "421 4.7.1 Client host [25.25.1.1] blocked using grey.example", Kind::Worded);
    check(Stage::Mail, "451 4.7.1 Greylisted", Kind::Worded);
}

/// Replies of real software, from outside the project.
#[test]
fn real_replies_are_told_apart() {
    let Some(file) = outside_data::find("replies/greylist_texts.json") else { return };
    let text = std::fs::read_to_string(file).unwrap();
    let cases: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    assert!(!cases.is_empty());
    for case in &cases {
        let field = |name: &str| case[name].as_str().unwrap();
        let stage = match field("stage") {
            stage if stage.starts_with("MAIL") => Stage::Mail,
            _ => Stage::Rcpt,
        };
        let candidate = classify(stage, &answer(field("reply"))).is_candidate();
        assert_eq!(candidate, !field("software").contains("false friend"), "{case}");
    }
}
