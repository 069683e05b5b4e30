#![allow(clippy::unwrap_used)]
use super::*;

/// Codes, and the words after the first code, of each reply in `text`.
fn codes(text: &str) -> Vec<String> {
    let pasted = parse(text);
    for reply in &pasted.replies {
        if let Some(basic) = &reply.basic {
            assert_eq!(text[basic.span.clone()], basic.value.to_string());
        }
        if let Some(status) = &reply.status {
            assert_eq!(text[status.span.clone()], status.value.to_string());
        }
    }
    pasted.replies.iter().map(Reply::code_text).collect()
}

#[test]
fn every_way_in_which_a_reply_is_pasted() {
    for (text, expected) in [
        ("550 5.7.23 text", &["550 5.7.23"][..]),
        ("550-5.7.26 first\r\n550-5.7.26 second\r\n550 5.7.26 last", &["550 5.7.26"]),
        ("550-5.7.26 first 550-5.7.26 second 550 5.7.26 last", &["550 5.7.26"]),
        ("550-first\n550 5.7.1 last", &["550 5.7.1"]),
        ("#5.7.1", &["5.7.1"]),
        ("5.7.23", &["5.7.23"]),
        ("550", &["550"]),
        (" 550 ", &["550"]),
        ("550 5.7.1", &["550 5.7.1"]),
        ("550-5.7.1 text", &["550 5.7.1"]),
        ("550 #5.1.0 Address rejected.", &["550 5.1.0"]),
        ("550 (5.1.1) no", &["550 5.1.1"]),
        ("553 sorry, that is not here (#5.7.1)", &["553 5.7.1"]),
        ("Remote host said: 550 5.1.1 <a@b.example>... User unknown", &["550 5.1.1"]),
        ("<user@x.example>: host mx[192.0.2.4] said: 550 No such user (in reply to RCPT TO command)", &["550"]),
        (
            "to=<a@b.example>, relay=mx.b.example[192.0.2.4]:25, delay=300, delays=0.1/0/2/421, dsn=4.7.1, status=deferred \
             (host mx.b.example[192.0.2.4] said: 450 4.7.1 try later (in reply to RCPT TO command))",
            &["450 4.7.1"],
        ),
        ("dsn=5.0.0, status=bounced (host mx[192.0.2.4] said: 550 User unknown)", &["550"]),
        ("dsn=4.4.1, status=deferred (connect to mx.b.example[192.0.2.4]:25: Connection timed out)", &["4.4.1"]),
        ("did not like our RCPT TO:550 5.2.1 <a@b.example>: User unknown", &["550 5.2.1"]),
        ("Remote Server returned '550 5.1.1 RESOLVER.ADR.RecipNotFound; not found'", &["550 5.1.1"]),
        ("Status: 5.1.1\nDiagnostic-Code: smtp; 550 User unknown", &["550 5.1.1"]),
        ("Status: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.10 User unknown", &["550 5.1.10"]),
        (">>> RCPT TO:<a@b.example>\n<<< 550 5.1.1 no\n>>> DATA\n<<< 503 5.0.0 need RCPT", &["550 5.1.1", "503 5.0.0"]),
        ("<** 550 5.7.1 no", &["550 5.7.1"]),
        ("550 5.4.300 Message expired -> 451 DNS failure", &["550 5.4.300", "451"]),
        ("smtp error 554 refused", &["554"]),
        ("Delivery failed with 550 no such user", &["550"]),
        ("571 blocked for spam", &["571"]),
        ("User unknown", &[""]),
    ] {
        assert_eq!(codes(text), expected, "{text}");
    }
}

#[test]
fn underscores_of_a_qmail_log_are_spaces() {
    let line = "delivery 12: deferral: 1.2.3.4_does_not_like_recipient./Remote_host_said:_450_4.2.0_Wait/Giving_up_on_1.2.3.4./";
    let parsed = parse(line);
    assert_eq!(parsed.replies.iter().map(Reply::code_text).collect::<Vec<_>>(), ["450 4.2.0"]);
    assert!(line[parsed.replies[0].said.clone()].starts_with("450_4.2.0_Wait"));
}

#[test]
fn numbers_that_are_no_codes() {
    for text in [
        "delay=550, connect to mx.example:587 and 300 seconds",
        "sent to 450 recipients in 2.5.1 s",
        "at 12:34:550 from 5.7.1.2",
        "size 552960",
        "user550@x.example queued as 550AB",
        "version 5.7.1-rc and 4.7.1/x",
        "on 2024-550-1",
    ] {
        assert_eq!(codes(text), [""], "{text}");
    }
}

#[test]
fn nothing_in_nothing_out() {
    for text in ["", " \r\n", "12", "---", "\u{0}\u{1}", "٥٥٠"] {
        let replies = parse(text).replies;
        assert!(replies.iter().all(|r| r.basic.is_none() && r.status.is_none()), "{text:?}");
    }
    assert!(parse("").replies.is_empty());
}

#[test]
fn the_words_of_a_reply_are_told_from_its_prefix() {
    let text = "<jo@x.example>: host mx.x.example[192.0.2.4] said: 550 5.1.1 Unknown (in reply to MAIL FROM command)";
    let reply = parse(text).replies.remove(0);
    assert!(text[reply.said.clone()].starts_with("550 5.1.1 Unknown"));
    assert_eq!(reply.span, 0..text.len());
    assert_eq!(reply.command, Some("MAIL"));
    assert_eq!(reply.elements.mailboxes[0].value, "jo@x.example");
    assert_eq!(reply.elements.hosts[0].value, "mx.x.example");
}

#[test]
fn long_texts_are_cut_and_say_so() {
    let many = "550 5.1.1 no\n".repeat(MOST_REPLIES + 5);
    let pasted = parse(&many);
    assert_eq!((pasted.replies.len(), pasted.cut), (MOST_REPLIES, true));
    let long = format!("550 5.1.1 {}", "ä".repeat(LONGEST_TEXT));
    assert!(parse(&long).cut);
    assert!(!parse("550 no").cut);
}

#[test]
fn a_letter_that_grows_in_lower_case_is_no_trouble() {
    // U+0130 has two bytes, and three in lower case.
    for text in ["—İ 550", "—İ: 550 5.7.1", "İİİİ 550 x", "saİd: 550 5.1.1 no"] {
        assert!(parse(text).replies.len() <= 1, "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(text in "(?s).{0,300}") {
        check(&text);
    }

    #[test]
    fn any_mixture_of_reply_parts_is_read_without_a_panic(
        parts in proptest::collection::vec(
            proptest::sample::select(vec![
                "550", "550-", " ", "5.7.1", "#", "(", "\n", "\r\n", "said: ", "<<< ", "a@b.example", "dsn=", ".", "ä", "'",
                "http://", "[192.0.2.1]", ":", "TO:", "status ", "-", "\u{0}", "—", "IN REPLY TO ", "İ",
            ]),
            0..30,
        ),
    ) {
        check(&parts.concat());
    }
}

fn check(text: &str) {
    for reply in parse(text).replies {
        for span in [&reply.span, &reply.said].into_iter().chain(&reply.codes) {
            assert!(text.get(span.clone()).is_some(), "{span:?}");
        }
        assert!(reply.span.start <= reply.said.start && reply.said.end <= reply.span.end);
    }
}
