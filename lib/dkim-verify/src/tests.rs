#![allow(clippy::unwrap_used, clippy::expect_used)]
use mail_syntax::dkim::{KeyRecord, KeyState, Signature};
use proptest::prelude::*;

use crate::{BodyChange, BodyResult, Fault, HeaderChange, HeaderResult, MOST_FIELDS, Message, Verified, verify};

// The messages under vectors/ were signed by dkimpy 1.1 with keys made for them.
const RSA: &str = "v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAu0ZgOchbHEtrdYv2Ac6Tz/MFt/77LflRzUVWTF3DAThLHJmLm3ZagpCMket0f+Wv7c4XN3HmVAGGTgp8aMEr/JIMHflsfhvmnO2z0e3VZRaB19TQgtp4rxM0qKoGMC/vjiUROHTY/ka+XkM/TrAq2Y6FrXAnmYYblW0lwXUOKQgzbot/jliPyTiInIILPfA79PawsrmjqUepydyzDdRGohy82sHCZWXtwz2/0040W2kfrI2JChs7+rhYVw25+cU/nBYT6sgUsm9TYqnDSALynxEKcq+m8/KNaCI5cUvXVnc2CgoGIVic8w7BJuN7ItJmRxlTFNjrwDZiY5NWnHYD8QIDAQAB";
const ED25519: &str = "v=DKIM1; k=ed25519; p=WVISSzrbYk0uospANDLMflVQA2fEYye76bwjjElBfvw=";
const RELAXED: &str = include_str!("vectors/relaxed.eml");
const SIMPLE: &str = include_str!("vectors/simple.eml");
const LENGTH: &str = include_str!("vectors/length.eml");
const EMPTY: &str = include_str!("vectors/empty.eml");

fn verified(text: &[u8], key: &str) -> Option<Verified> {
    let message = Message::read(text);
    let at = message.named("dkim-signature").next()?;
    let signature = Signature::parse(message.fields[at].value_text().as_ref());
    verify(&message, at, &signature, &KeyRecord::parse(key).key)
}

fn rsa(text: &str) -> (BodyResult, HeaderResult) {
    let Verified { body, header } = verified(text.as_bytes(), RSA).unwrap();
    (body, header)
}

const SAME: BodyResult = BodyResult::Same { unsigned: 0 };

#[test]
fn what_another_signer_made_holds() {
    for text in [RELAXED, SIMPLE, LENGTH, EMPTY] {
        assert_eq!(rsa(text), (SAME, HeaderResult::Same), "{text}");
        let crlf = text.replace('\n', "\r\n");
        assert_eq!(rsa(&crlf), (SAME, HeaderResult::Same), "{text}");
        assert_eq!(rsa(&format!("From joe Wed Nov 25\n{text}")), (SAME, HeaderResult::Same), "{text}");
    }
    assert!(verified(include_bytes!("vectors/ed25519.eml"), ED25519).unwrap().holds());
    // A key of the other type verifies nothing.
    assert_eq!(verified(RELAXED.as_bytes(), ED25519), None);
}

#[test]
fn the_message_of_rfc_8463_holds() {
    // RFC 8463 §A.3.
    let message = "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n d=football.example.com; i=@football.example.com;\r\n q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n subject : date : message-id : from : subject : date;\r\n bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\r\n Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==\r\nFrom: Joe SixPack <joe@football.example.com>\r\nTo: Suzie Q <suzie@shopping.example.net>\r\nSubject: Is dinner ready?\r\nDate: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\nMessage-ID: <20030712040037.46341.5F8J@football.example.com>\r\n\r\nHi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n";
    let key = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    assert!(verified(message.as_bytes(), key).unwrap().holds());
}

#[test]
fn white_space_is_forgiven_as_c_says() {
    let spaced = |text: &str| text.replace("are  we", "are we").replace("Date: ", "Date:   ");
    assert_eq!(rsa(&spaced(RELAXED)), (SAME, HeaderResult::Same));
    let (body, header) = rsa(&spaced(SIMPLE));
    assert!(body != SAME && header != HeaderResult::Same);
    // Trailing empty lines never count.
    assert_eq!(rsa(&format!("{SIMPLE}\n\n")), (SAME, HeaderResult::Same));
}

#[test]
fn what_was_added_to_a_body_is_found() {
    let footer = format!("{}\n-- \nThe list\n", RELAXED.trim_end());
    assert_eq!(rsa(&footer).0, BodyResult::Changed(BodyChange::Added { first: 1, last: 6 }));
    let banner = RELAXED.replace("\n\nHi Sue", "\n\nCAUTION: from outside\n\nHi Sue");
    assert_eq!(rsa(&banner).0, BodyResult::Changed(BodyChange::Added { first: 3, last: 8 }));
    assert_eq!(rsa(&RELAXED.replace("\n.dots", "\n..dots")).0, BodyResult::Changed(BodyChange::Dots));
    assert_eq!(rsa(&RELAXED.replace("\nFrom here", "\n>From here")).0, BodyResult::Changed(BodyChange::FromLines));
    let encoded = RELAXED.replace("lunch?\t", "lunch?=09").replace(": 8bit", ": quoted-printable");
    let (body, header) = rsa(&encoded);
    assert_eq!(body, BodyResult::Changed(BodyChange::EncodedQuotedPrintable));
    assert_eq!(header, HeaderResult::Changed(HeaderChange::Encoding("8bit")));
    assert_eq!(rsa(&RELAXED.replace("Sue,", "Bob,")).0, BodyResult::Changed(BodyChange::Unknown));
}

#[test]
fn a_body_may_grow_beyond_its_signed_length_but_not_shrink() {
    assert_eq!(rsa(&format!("{LENGTH}buy this\n")).0, BodyResult::Same { unsigned: 14 });
    assert!(matches!(rsa(&LENGTH.replace("nothing.", "")).0, BodyResult::TooShort { .. }));
}

#[test]
fn what_was_changed_in_a_header_is_found() {
    let changed = |text: &str| match rsa(text) {
        (_, HeaderResult::Changed(change)) => change,
        other => panic!("{other:?}: {text}"),
    };
    for tag in ["[list]", "***SPAM***", "EXTERNAL:", "[list] [EXT]"] {
        let tagged = RELAXED.replace("Subject: ", &format!("Subject: {tag} "));
        assert_eq!(changed(&tagged), HeaderChange::SubjectTag(tag.to_owned()));
    }
    let replaced =
        RELAXED.replace("From: Joe <joe@d.example>", "From: Joe via List <l@l.example>\nReply-To: Joe <joe@d.example>");
    assert_eq!(changed(&replaced), HeaderChange::FromReplaced("reply-to".into()));
    let more = RELAXED.replace("Message-ID:", "Date: Wed, 1 Jan 2025 00:00:00 +0000\nMessage-ID:");
    assert_eq!(changed(&more).clone(), HeaderChange::FieldAdded("date".into()));
    assert_eq!(changed(&RELAXED.replace("lunch", "supper")), HeaderChange::Unknown);
}

proptest! {
    #[test]
    fn any_bytes_are_a_message(bytes in prop::collection::vec(any::<u8>(), 0..300), at in 0_usize..900) {
        let _ = verified(&bytes, RSA);
        // A sound message with a byte changed.
        let mut changed = RELAXED.as_bytes().to_vec();
        let at = at % changed.len();
        changed[at] = bytes.first().copied().unwrap_or(0);
        let _ = verified(&changed, RSA);
        let mut longer = LENGTH.as_bytes().to_vec();
        longer.extend(bytes);
        prop_assert!(verified(&longer, RSA).is_some_and(|verified| verified.holds()));
    }

    #[test]
    fn every_field_is_found_again(names in prop::collection::vec("[A-Za-z-]{1,9}", 1..9), fold in "[ \t]x") {
        let text: String = names.iter().map(|name| format!("{name}: a\r\n{fold}\r\n")).collect();
        let message = text.clone() + "\r\nbody";
        let read = Message::read(message.as_bytes());
        prop_assert_eq!(read.fields.len(), names.len());
        prop_assert_eq!(read.body, b"body");
        for (field, name) in read.fields.iter().zip(&names) {
            prop_assert_eq!(field.name, name.as_bytes());
        }
    }
}

#[test]
fn a_revoked_key_verifies_nothing() {
    let message = Message::read(RELAXED.as_bytes());
    let signature = Signature::parse(message.fields[0].value_text().as_ref());
    for key in [KeyState::Revoked, KeyState::Absent, KeyState::Unreadable] {
        assert_eq!(verify(&message, 0, &signature, &key), None);
    }
}

#[test]
fn the_field_that_is_verified_is_none_of_those_that_are_signed() {
    // `h=` names `dkim-signature`, and there is no other.
    let key = "v=DKIM1; k=ed25519; p=nA4j/vvX2rrJKQqJwpdzdvymIq+yCxLTi+/NE0pvvKA=";
    assert!(verified(include_bytes!("vectors/names-itself.eml"), key).unwrap().holds());
}

#[test]
fn what_programs_put_before_a_header_is_left_out() {
    for before in ["\u{feff}", "\n", "\r\n \r\n", "\u{feff}\nFrom a@b Thu Apr 29 23:34:45 2010\n"] {
        assert_eq!(rsa(&format!("{before}{RELAXED}")), (SAME, HeaderResult::Same), "{before:?}");
    }
}

#[test]
fn nothing_is_verified_where_the_bytes_are_not_those_that_were_signed() {
    let check = |bytes: &[u8], fault: Fault| {
        assert_eq!(Message::read(bytes).fault, Some(fault));
        assert_eq!(verified(bytes, RSA), None);
    };
    for mark in ["", "\u{feff}"] {
        let units = || mark.encode_utf16().chain(RELAXED.encode_utf16());
        check(&units().flat_map(u16::to_le_bytes).collect::<Vec<_>>(), Fault::Wide);
        check(&units().flat_map(u16::to_be_bytes).collect::<Vec<_>>(), Fault::Wide);
    }
    check(RELAXED.replace("\nTo: ", "\nno field\nTo: ").as_bytes(), Fault::NotAField("no field".into()));
    check(format!("a message\n{RELAXED}").as_bytes(), Fault::NotAField("a message".into()));
    let fields = Message::read(RELAXED.as_bytes()).fields.len();
    let with = |more: usize| RELAXED.replace("\n\nHi", &format!("{}\n\nHi", "\nX: y".repeat(more)));
    check(with(MOST_FIELDS - fields + 1).as_bytes(), Fault::TooManyFields);
    assert_eq!(rsa(&with(MOST_FIELDS - fields)), (SAME, HeaderResult::Same));
}
