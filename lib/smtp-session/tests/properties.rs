//! What holds for all bytes.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use proptest::{collection::vec, prelude::*};
use smtp_session::{Action, Dialogue, Event, MAX_LINE, MAX_REPLY, Plan, Reply, ReplyError, ReplyReader};

/// The replies of `bytes` pushed in pieces of these sizes (the last one for
/// the rest), and the error that ended them.
fn replies(bytes: &[u8], sizes: &[usize]) -> (Vec<Reply>, Option<ReplyError>) {
    let mut reader = ReplyReader::new();
    let (mut found, mut rest, mut sizes) = (Vec::new(), bytes, sizes.iter());
    while !rest.is_empty() {
        let size = sizes.next().map_or(rest.len(), |&size| size.min(rest.len()));
        let (piece, after) = rest.split_at(size);
        reader.push(piece);
        rest = after;
        loop {
            match reader.next_reply() {
                Ok(Some(reply)) => found.push(reply),
                Ok(None) => break,
                Err(error) => return (found, Some(error)),
            }
        }
        assert!(reader.unread() <= MAX_REPLY + MAX_LINE, "memory stays bounded");
    }
    (found, None)
}

/// Bytes that often look like replies.
fn server_bytes() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        8 => "(220|250|354|421|450|550|571)[- ][ -~]{0,40}\r\n".prop_map(String::into_bytes),
        2 => "[0-9]{0,4}[- \t]?[ -~é]{0,600}\r?\n".prop_map(String::into_bytes),
        1 => vec(any::<u8>(), 0..60),
        1 => vec(Just(b'x'), 4080..4110),
    ];
    vec(line, 0..12).prop_map(|lines| lines.concat())
}

proptest! {
    #[test]
    fn replies_do_not_depend_on_the_pieces(
        bytes in server_bytes(),
        sizes in vec(1usize..50, 0..200),
    ) {
        let whole = replies(&bytes, &[]);
        prop_assert_eq!(&replies(&bytes, &sizes), &whole);
        prop_assert_eq!(&replies(&bytes, &vec![1; bytes.len()]), &whole);
    }

    #[test]
    fn replies_keep_every_byte(bytes in server_bytes()) {
        let (found, _) = replies(&bytes, &[]);
        let kept: Vec<u8> = found.iter().flat_map(|reply| reply.raw.concat()).collect();
        prop_assert!(bytes.starts_with(&kept));
        for reply in found {
            prop_assert!((200..600).contains(&reply.code));
            prop_assert_eq!(reply.lines.len(), reply.raw.len());
        }
    }

    #[test]
    fn a_dialogue_comes_to_an_end_whatever_it_is_told(
        bytes in vec(server_bytes(), 0..8),
        secured in any::<bool>(),
    ) {
        let plan = Plan::new("probe.example").unwrap().envelope("", &["a@x.example", "b@x.example"]).unwrap();
        let plan = plan.then_envelope("s@y.example", &["c@z.example"]).unwrap();
        let plan = plan.then_verify("a@x.example").unwrap().then_expand("a@x.example").unwrap();
        let mut dialogue = Dialogue::new(plan);
        let mut reader = ReplyReader::new();
        let mut bytes = bytes.iter();
        let mut action = dialogue.handle(Event::Connected);
        let mut steps = 0;
        while action != Action::Close {
            steps += 1;
            prop_assert!(steps < 40, "still going on at {:?}", dialogue.stage());
            if let Action::Send(command) = &action {
                let text = std::str::from_utf8(command).unwrap();
                prop_assert_eq!(text.find('\r'), Some(text.len() - 2), "one command");
                prop_assert!(!text.starts_with("DATA"));
            }
            action = match (&action, reader.next_reply()) {
                (Action::StartTls, _) if secured => dialogue.handle(Event::TlsEstablished),
                (Action::StartTls, _) => dialogue.handle(Event::TlsFailed),
                (_, Ok(Some(reply))) => dialogue.handle(Event::Reply { reply: &reply, unread: reader.unread() }),
                (_, Err(error)) => dialogue.handle(Event::Unreadable(&error)),
                (_, Ok(None)) => match bytes.next() {
                    Some(more) => {
                        reader.push(more);
                        Action::Listen
                    }
                    None => dialogue.handle(Event::Closed),
                },
            };
        }
        prop_assert!(dialogue.ending().is_some());
    }

    #[test]
    fn a_plan_never_holds_more_than_its_commands(address in "[ -~\r\n\0é\"\\\\<>]{0,30}") {
        if let Ok(plan) = Plan::new("x").unwrap().envelope(&address, &[&address]) {
            let text = format!("{plan:?}");
            prop_assert!(!text.contains("\\r") && !text.contains("\\n"), "{}", text);
        }
    }
}
