//! The client against small servers on loopback.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    time::Duration,
};

use engine_plugin_api::{
    CauseKind,
    services::{DnsQuestion, DnsReply, DnsStatus, RecordData, RecordType, Transport},
};
use hickory_proto::{
    op::{Edns, Message, ResponseCode},
    rr::{
        DNSClass, Name, RData, Record,
        rdata::{self, A, CNAME, MX, NS, NULL, SOA, TXT, opt::EdnsOption},
    },
};

use super::{
    DnsClient,
    responder::{Asked, Responder},
    upstream::Patience,
};
use crate::net::{NetOptions, Routes};

/// Silence is waited out: a slow machine changes nothing.
const STEADY: Patience = Patience { timeout: Duration::from_secs(60), pause: Duration::from_secs(60) };
/// The next server is asked soon, and all may take their time.
const EAGER: Patience = Patience { timeout: Duration::from_secs(60), pause: Duration::from_millis(20) };
/// It is soon over.
const SHORT: Patience = Patience { timeout: Duration::from_secs(3), pause: Duration::from_millis(20) };

fn client(patience: Patience, resolvers: &[SocketAddr]) -> DnsClient {
    DnsClient { patience, ..DnsClient::new(&NetOptions::new(resolvers.to_vec())) }
}

async fn lookup(patience: Patience, resolvers: &[SocketAddr]) -> DnsReply {
    client(patience, resolvers).lookup(&DnsQuestion::new("mail.example", RecordType::A)).await
}

/// What comes of `mail.example A` when the only resolver does as `script` says.
async fn one(patience: Patience, script: impl Fn(&Asked) -> Vec<Vec<u8>> + Send + Sync + 'static) -> DnsReply {
    let server = Responder::start(script).await;
    lookup(patience, &[server.address]).await
}

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

fn record(owner: &str, data: RData) -> Record {
    Record::from_rdata(name(owner), 300, data)
}

fn a(owner: &str, last: u8) -> Record {
    record(owner, RData::A(A(Ipv4Addr::new(25, 25, 1, last))))
}

fn soa() -> Record {
    record("example.", RData::SOA(SOA::new(name("ns.example."), name("admin.example."), 7, 1, 2, 3, 60)))
}

fn with(asked: &Asked, build: impl FnOnce(&mut Message)) -> Vec<Vec<u8>> {
    let mut message = asked.response();
    build(&mut message);
    vec![message.to_vec().unwrap()]
}

fn good(asked: &Asked) -> Vec<Vec<u8>> {
    with(asked, |message| {
        message.add_answer(a("mail.example.", 1));
    })
}

fn code(asked: &Asked, code: ResponseCode) -> Vec<Vec<u8>> {
    with(asked, |message| message.metadata.response_code = code)
}

fn extended(asked: &Asked, code: ResponseCode, extended: u16, text: &str) -> Vec<Vec<u8>> {
    with(asked, |message| {
        message.metadata.response_code = code;
        let mut edns = Edns::new();
        edns.options_mut().insert(EdnsOption::Unknown(15, [&extended.to_be_bytes()[..], text.as_bytes()].concat()));
        message.set_edns(edns);
    })
}

fn truncated(asked: &Asked) -> Vec<Vec<u8>> {
    with(asked, |message| message.metadata.truncation = true)
}

fn attempts(reply: &DnsReply) -> Vec<(Transport, DnsStatus)> {
    reply.attempts.iter().map(|attempt| (attempt.transport, attempt.status)).collect()
}

/// A port of 127.0.0.1 at which nothing listens.
fn closed_port() -> SocketAddr {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[tokio::test]
async fn an_answer_is_told_in_full() {
    let server = Responder::start(|asked| {
        assert!(asked.query.metadata.recursion_desired);
        let edns = asked.query.edns.as_ref().unwrap();
        assert_eq!((edns.max_payload(), edns.flags().dnssec_ok), (1232, false));
        with(asked, |message| {
            message.metadata.authentic_data = true;
            // An answer in another case is the same answer.
            message.add_answer(a("MAIL.Example.", 1));
            message.add_authority(record("example.", RData::NS(NS(name("ns.example.")))));
        })
    })
    .await;
    let question = DnsQuestion { name: "Mail.Example.".to_owned(), ..DnsQuestion::new("x", RecordType::A) };
    let reply = client(STEADY, &[server.address]).lookup(&question).await;
    assert_eq!((reply.status, reply.rcode, reply.detail.as_str()), (DnsStatus::Answer, Some(0), ""));
    assert_eq!(reply.question, DnsQuestion::new("mail.example", RecordType::A));
    assert!(reply.flags.authentic && reply.flags.recursion_available && !reply.flags.authoritative);
    let record = reply.records().next().unwrap();
    assert_eq!((record.to_string().as_str(), record.ttl), ("mail.example. A 25.25.1.1", 300));
    assert_eq!(reply.authority[0].to_string(), "example. NS ns.example.");
    assert_eq!(reply.attempts.len(), 1);
    assert_eq!(reply.attempts[0].server, server.address.to_string());
    assert!(reply.refusal.is_none() && reply.cause().is_none());
}

#[tokio::test]
async fn records_keep_their_bytes_and_their_order() {
    let reply = one(EAGER, |asked| {
        with(asked, |message| {
            message.queries[0].set_query_type(hickory_proto::rr::RecordType::TXT);
            message.add_answer(record("mail.example.", RData::TXT(TXT::from_bytes(vec![b"v=spf1 \xff", b"-all"]))));
        })
    })
    .await;
    assert_eq!(reply.status, DnsStatus::Malformed, "{reply:?}: another type is another question");

    let server = Responder::start(|asked| {
        with(asked, |message| {
            let odd = Name::from_labels([&b"a.b\\ \x01"[..], b"Example"]).unwrap();
            let unknown = RData::Unknown { code: 65_280.into(), rdata: NULL::with(vec![0xab, 0x01]) };
            let mut chaos = a("mail.example.", 9);
            chaos.dns_class = DNSClass::CH;
            message.add_answers([
                record("mail.example.", RData::MX(MX::new(20, odd))),
                record("mail.example.", RData::MX(MX::new(10, Name::root()))),
                record("mail.example.", RData::TXT(TXT::from_bytes(vec![b"\xffx", b""]))),
                record("mail.example.", unknown),
                record("mail.example.", RData::PTR(rdata::PTR(name("Host.Example.")))),
                soa(),
                chaos,
                a("elsewhere.example.", 8),
            ]);
        })
    })
    .await;
    let reply = client(STEADY, &[server.address]).lookup(&DnsQuestion::new("mail.example", RecordType::Mx)).await;
    let texts: Vec<String> = reply.answers.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            r"mail.example. MX 20 a\.b\\\032\001.example.",
            "mail.example. MX 10 .",
            r#"mail.example. TXT "\255x" """#,
            r"mail.example. TYPE65280 \# 2 ab01",
            "mail.example. PTR host.example.",
        ]
    );
    assert_eq!(reply.records().count(), 2);
}

#[tokio::test]
async fn an_alias_chain_is_followed_and_strangers_are_dropped() {
    let chain = |message: &mut Message| {
        message.add_answers([
            record("mail.example.", RData::CNAME(CNAME(name("one.example.")))),
            record("one.example.", RData::CNAME(CNAME(name("two.example.")))),
            a("stranger.example.", 9),
        ]);
    };
    let reply = one(STEADY, move |asked| {
        with(asked, |message| {
            chain(message);
            message.add_answer(a("two.example.", 2));
        })
    })
    .await;
    assert_eq!(reply.status, DnsStatus::Answer);
    assert_eq!(reply.aliases(), ["one.example", "two.example"]);
    assert_eq!(reply.records().count(), 1);

    let partial = one(STEADY, move |asked| with(asked, chain)).await;
    assert_eq!((partial.status, partial.aliases().len(), partial.answers.len()), (DnsStatus::NoData, 2, 2));

    let looped = one(STEADY, |asked| {
        with(asked, |message| {
            message.add_answer(record("mail.example.", RData::CNAME(CNAME(name("mail.example.")))));
        })
    })
    .await;
    assert_eq!(looped.status, DnsStatus::Malformed);
    assert!(looped.detail.ends_with("sent aliases that lead in a circle"), "{}", looped.detail);
}

#[tokio::test]
async fn what_contradicts_itself_is_not_taken_for_nothing() {
    let missing = one(STEADY, |asked| {
        with(asked, |message| {
            message.metadata.response_code = ResponseCode::NXDomain;
            message.add_answer(a("mail.example.", 1));
        })
    })
    .await;
    assert_eq!(missing.status, DnsStatus::Malformed);
    let stranger = one(STEADY, |asked| {
        with(asked, |message| {
            message.add_answer(a("stranger.example.", 9));
        })
    })
    .await;
    assert_eq!(stranger.status, DnsStatus::Malformed);
    // RFC 6604 §3: the name at the end of the chain does not exist.
    let alias = one(STEADY, |asked| {
        with(asked, |message| {
            message.metadata.response_code = ResponseCode::NXDomain;
            message.add_answer(record("mail.example.", RData::CNAME(CNAME(name("gone.example.")))));
        })
    })
    .await;
    assert_eq!(alias.status, DnsStatus::NxDomain);
}

#[tokio::test]
async fn nothing_there_is_an_answer() {
    let reply = one(STEADY, |asked| {
        with(asked, |message| {
            message.metadata.response_code = ResponseCode::NXDomain;
            message.add_authority(soa());
        })
    })
    .await;
    assert_eq!((reply.status, reply.rcode), (DnsStatus::NxDomain, Some(3)));
    assert!(matches!(&reply.authority[0].data, RecordData::Soa { minimum: 60, serial: 7, .. }));

    let reply = one(STEADY, |asked| {
        with(asked, |message| {
            message.add_authority(soa());
        })
    })
    .await;
    assert_eq!((reply.status, reply.rcode, reply.cause()), (DnsStatus::NoData, Some(0), None));
    assert_eq!(one(STEADY, |asked| with(asked, |_| {})).await.status, DnsStatus::NoData);
}

#[tokio::test]
async fn a_failure_never_beats_an_answer() {
    for bad in [ResponseCode::ServFail, ResponseCode::Refused, ResponseCode::NotAuth] {
        let first = Responder::start(move |asked| code(asked, bad)).await;
        let second = Responder::start(good).await;
        let reply = lookup(STEADY, &[first.address, second.address]).await;
        assert_eq!((reply.status, reply.detail.as_str()), (DnsStatus::Answer, ""), "{bad}");
        assert_eq!(reply.attempts.len(), 2);
        assert_eq!(reply.attempts[1].server, second.address.to_string());
        assert_eq!((first.asked(), second.asked()), (1, 1));
    }
    let first = Responder::start(good).await;
    let second = Responder::start(good).await;
    lookup(STEADY, &[first.address, second.address]).await;
    assert_eq!(second.asked(), 0, "the second resolver is not asked without need");
}

#[tokio::test]
async fn a_lone_servfail_is_asked_for_once_more() {
    let first = std::sync::atomic::AtomicBool::new(true);
    let flapping = move |asked: &Asked| match first.swap(false, std::sync::atomic::Ordering::SeqCst) {
        true => code(asked, ResponseCode::ServFail),
        false => good(asked),
    };
    let reply = one(STEADY, flapping).await;
    assert_eq!((reply.status, reply.detail.as_str()), (DnsStatus::Answer, ""));
    assert_eq!(attempts(&reply), [(Transport::Udp, DnsStatus::ServFail), (Transport::Udp, DnsStatus::Answer)]);

    // Silence at the second time leaves what was said at the first.
    let first = std::sync::atomic::AtomicBool::new(true);
    let dying = move |asked: &Asked| match first.swap(false, std::sync::atomic::Ordering::SeqCst) {
        true => code(asked, ResponseCode::ServFail),
        false => Vec::new(),
    };
    let reply = one(SHORT, dying).await;
    assert_eq!((reply.status, reply.attempts.len()), (DnsStatus::ServFail, 2));

    // Two that say the same are believed, and so is a failed validation.
    let [one, two] = [(); 2].map(|()| Responder::start(|asked| code(asked, ResponseCode::ServFail)));
    let (one, two) = (one.await, two.await);
    assert_eq!(lookup(STEADY, &[one.address, two.address]).await.status, DnsStatus::ServFail);
    assert_eq!((one.asked(), two.asked()), (1, 1));
    let bogus = Responder::start(|asked| extended(asked, ResponseCode::ServFail, 6, "")).await;
    assert_eq!(lookup(STEADY, &[bogus.address]).await.status, DnsStatus::Bogus);
    assert_eq!(bogus.asked(), 1);
}

#[tokio::test]
async fn each_failure_is_told_apart_and_names_its_server() {
    for (bad, status, detail) in [
        (ResponseCode::ServFail, DnsStatus::ServFail, "answered SERVFAIL"),
        (ResponseCode::Refused, DnsStatus::Refused, "answered REFUSED"),
        (ResponseCode::NotAuth, DnsStatus::ErrorCode, "answered NOTAUTH"),
    ] {
        let times = if status == DnsStatus::ServFail { 2 } else { 1 };
        let server = Responder::start(move |asked| code(asked, bad)).await;
        let reply = lookup(STEADY, &[server.address, server.address]).await;
        assert_eq!((reply.status, reply.rcode), (status, Some(bad.into())));
        assert_eq!(reply.detail, format!("{} {detail}", server.address));
        assert_eq!((server.asked(), reply.attempts.len()), (times, times));
    }
    let closed = closed_port();
    let reply = lookup(STEADY, &[closed]).await;
    assert_eq!(reply.status, DnsStatus::Unreachable);
    assert_eq!(reply.detail, format!("{closed} could not be reached: connection refused"));
}

#[tokio::test]
async fn the_failure_that_tells_most_is_the_reply() {
    let refuses = Responder::start(|asked| code(asked, ResponseCode::Refused)).await;
    let fails = Responder::start(|asked| extended(asked, ResponseCode::ServFail, 22, "at delegation example.")).await;
    let silent = Responder::start(|_| Vec::new()).await;
    let closed = closed_port();
    let reply = lookup(SHORT, &[refuses.address, closed, silent.address, fails.address]).await;
    assert_eq!((reply.status, reply.rcode), (DnsStatus::ServFail, Some(2)));
    assert_eq!(
        reply.detail,
        format!(
            "{} answered SERVFAIL (extended error 22, no reachable authority: at delegation example.); \
             {} answered REFUSED; {closed} could not be reached: connection refused; no answer from {} in 3 s",
            fails.address, refuses.address, silent.address
        )
    );
    let last = reply.attempts.last().unwrap();
    assert_eq!((last.status, &last.server), (DnsStatus::ServFail, &fails.address.to_string()));
}

#[tokio::test]
async fn a_failed_validation_is_bogus() {
    let reply = one(STEADY, |asked| extended(asked, ResponseCode::ServFail, 7, "\u{1b}[31m\0")).await;
    assert_eq!(reply.status, DnsStatus::Bogus);
    assert!(
        reply.detail.ends_with(r"answered SERVFAIL (extended error 7, signature expired: \u{1b}[31m)"),
        "{reply:?}"
    );
    assert_eq!((reply.extended_errors[0].code, reply.extended_errors[0].text.as_str()), (7, "\u{1b}[31m"));
    assert_eq!(one(STEADY, |asked| extended(asked, ResponseCode::ServFail, 5, "")).await.status, DnsStatus::ServFail);

    let reply = one(STEADY, |asked| extended(asked, ResponseCode::NoError, 3, "")).await;
    assert_eq!((reply.status, reply.extended_errors.len()), (DnsStatus::NoData, 1));
}

#[tokio::test]
async fn a_silent_resolver_does_not_hold_up_the_others() {
    let silent = Responder::start(|_| Vec::new()).await;
    let other = Responder::start(good).await;
    let mut client = client(EAGER, &[silent.address, other.address]);
    let question = DnsQuestion::new("mail.example", RecordType::A);
    let reply = client.lookup(&question).await;
    assert_eq!(reply.status, DnsStatus::Answer);
    assert_eq!(attempts(&reply)[0], (Transport::Udp, DnsStatus::Timeout));
    assert_eq!(reply.attempts.last().unwrap().server, other.address.to_string());

    client.patience = STEADY;
    let reply = client.lookup(&question).await;
    assert_eq!((reply.status, reply.attempts.len()), (DnsStatus::Answer, 1), "who was silent is asked last");
}

#[tokio::test]
async fn a_lost_datagram_is_sent_again() {
    let lost = std::sync::atomic::AtomicBool::new(false);
    let reply = one(
        EAGER,
        move |asked| {
            if lost.swap(true, std::sync::atomic::Ordering::SeqCst) { good(asked) } else { Vec::new() }
        },
    )
    .await;
    assert_eq!(reply.status, DnsStatus::Answer);
    assert!(reply.attempts.len() > 1);
}

#[tokio::test]
async fn silence_of_all_is_a_timeout() {
    let (one, two) = (Responder::start(|_| Vec::new()).await, Responder::start(|_| Vec::new()).await);
    let reply = lookup(SHORT, &[one.address, two.address]).await;
    assert_eq!((reply.status, reply.rcode), (DnsStatus::Timeout, None));
    assert_eq!(reply.detail, format!("no answer from {} or {} in 3 s", one.address, two.address));
    assert!(reply.attempts.iter().all(|attempt| attempt.status == DnsStatus::Timeout));
    assert!((2..=8).contains(&reply.attempts.len()), "{:?}", reply.attempts);
}

#[tokio::test]
async fn what_does_not_belong_to_the_question_is_thrown_away() {
    let reply = one(STEADY, |asked| {
        let mut other_id = asked.response();
        other_id.metadata.id ^= 1;
        other_id.metadata.response_code = ResponseCode::NXDomain;
        let mut other_name = asked.response();
        other_name.queries[0].set_name(name("other.example."));
        other_name.add_answer(a("mail.example.", 66));
        let echo = asked.query.to_vec().unwrap();
        let mut all = vec![b"junk".to_vec(), other_id.to_vec().unwrap(), other_name.to_vec().unwrap(), echo];
        all.extend(good(asked));
        all
    })
    .await;
    assert_eq!((reply.status, reply.records().count()), (DnsStatus::Answer, 1));
    assert_eq!(reply.attempts.len(), 1);
}

#[tokio::test]
async fn nonsense_is_malformed() {
    let reply = one(EAGER, |_| vec![b"nonsense".to_vec()]).await;
    assert_eq!(reply.status, DnsStatus::Malformed);
    assert!(reply.detail.ends_with("sent a datagram that does not answer the question"), "{}", reply.detail);
    assert_eq!(reply.cause().unwrap().kind, CauseKind::Malformed);

    let cut = |asked: &Asked| good(asked).into_iter().map(|message| message[..message.len() - 2].to_vec()).collect();
    let reply = one(STEADY, cut).await;
    assert_eq!(reply.status, DnsStatus::Malformed);
    let other = Responder::start(good).await;
    let broken = Responder::start(cut).await;
    assert_eq!(lookup(STEADY, &[broken.address, other.address]).await.status, DnsStatus::Answer);

    let reply = one(STEADY, |_| vec![b"junk".to_vec(); 100]).await;
    assert_eq!(reply.status, DnsStatus::Malformed);
}

#[tokio::test]
async fn a_broken_record_of_another_type_spoils_nothing() {
    let reply = one(STEADY, |asked| {
        with(asked, |message| {
            let caa = RData::Unknown { code: hickory_proto::rr::RecordType::CAA, rdata: NULL::with(vec![0, 200, 1]) };
            message.add_answers([record("mail.example.", caa), a("mail.example.", 1)]);
        })
    })
    .await;
    assert_eq!(reply.status, DnsStatus::Answer);
    assert_eq!(reply.answers[0].data, RecordData::Other { rdata: "00c801".to_owned() });
}

#[tokio::test]
async fn a_caa_record_is_read_into_its_parts() {
    let reply = one(STEADY, |asked| {
        with(asked, |message| {
            for data in [&b"\x80\x05issueca.example"[..], b"\0\x05iodef", b"\0\0ca.example", b"\0"] {
                let caa = RData::Unknown { code: hickory_proto::rr::RecordType::CAA, rdata: NULL::with(data.to_vec()) };
                message.add_answer(record("mail.example.", caa));
            }
            message.add_answer(a("mail.example.", 1));
        })
    })
    .await;
    let shown: Vec<String> = reply.answers.iter().map(|record| record.data_text()).collect();
    let raw = format!("\\# 12 0000{}", b"ca.example".iter().map(|b| format!("{b:02x}")).collect::<String>());
    assert_eq!(shown[..4], ["128 issue \"ca.example\"", "0 iodef \"\"", raw.as_str(), "\\# 1 00"]);
    assert_eq!(reply.status, DnsStatus::Answer);
}

#[tokio::test]
async fn a_truncated_answer_is_fetched_over_tcp() {
    let reply =
        one(STEADY, |asked| if asked.transport == Transport::Udp { truncated(asked) } else { good(asked) }).await;
    assert_eq!(reply.status, DnsStatus::Answer);
    assert_eq!(attempts(&reply), [(Transport::Udp, DnsStatus::Truncated), (Transport::Tcp, DnsStatus::Answer)]);
}

#[tokio::test]
async fn a_truncated_answer_without_tcp_stays_truncated() {
    let reply =
        one(STEADY, |asked| if asked.transport == Transport::Udp { truncated(asked) } else { Vec::new() }).await;
    assert_eq!(reply.status, DnsStatus::Truncated);
    let expected = "cuts its answer short over UDP, and closed the TCP connection without an answer";
    assert!(reply.detail.ends_with(expected), "{}", reply.detail);
    assert_eq!(attempts(&reply), [(Transport::Udp, DnsStatus::Truncated), (Transport::Tcp, DnsStatus::Unreachable)]);

    let reply = one(STEADY, truncated).await;
    assert_eq!(reply.status, DnsStatus::Truncated);
    assert!(reply.detail.ends_with("cuts its answer short over UDP and TCP"), "{}", reply.detail);
}

#[tokio::test]
async fn a_server_without_edns_is_asked_without() {
    for bad in [ResponseCode::FormErr, ResponseCode::NotImp] {
        let reply = one(STEADY, move |asked| match asked.query.edns {
            Some(_) => with(asked, |message| {
                message.metadata.response_code = bad;
                message.queries.clear();
            }),
            None => good(asked),
        })
        .await;
        assert_eq!(reply.status, DnsStatus::Answer);
        assert_eq!(attempts(&reply), [(Transport::Udp, DnsStatus::ErrorCode), (Transport::Udp, DnsStatus::Answer)]);
    }
    let reply = one(STEADY, |asked| code(asked, ResponseCode::FormErr)).await;
    assert_eq!((reply.status, reply.rcode, reply.attempts.len()), (DnsStatus::ErrorCode, Some(1), 2));
}

#[tokio::test]
async fn a_named_server_is_asked_through_its_route_and_without_recursion() {
    let server = Responder::start(|asked| {
        assert!(!asked.query.metadata.recursion_desired);
        assert!(asked.query.edns.as_ref().unwrap().flags().dnssec_ok);
        with(asked, |message| {
            message.metadata.recursion_available = false;
            message.add_authority(record("sub.example.", RData::NS(NS(name("ns.sub.example.")))));
        })
    })
    .await;
    let mut options = NetOptions::new(Vec::new());
    options.routes = Some(Routes { map: [("25.25.1.53:53".parse().unwrap(), server.address)].into() });
    let client = DnsClient::new(&options);
    let question = DnsQuestion {
        dnssec: true,
        ..DnsQuestion::new("mail.sub.example", RecordType::A).at("25.25.1.53".parse().unwrap())
    };
    let reply = client.lookup(&question).await;
    assert_eq!(reply.status, DnsStatus::ErrorCode);
    assert_eq!(reply.detail, "25.25.1.53 sent a referral to the servers of sub.example, not an answer");
    assert_eq!((reply.authority.len(), reply.attempts[0].server.as_str()), (1, "25.25.1.53"));

    let reply = client.lookup(&DnsQuestion { server: Some("25.25.9.9".parse().unwrap()), ..question }).await;
    assert_eq!(reply.status, DnsStatus::Unreachable);
    assert!(reply.detail.starts_with("no route leads to 25.25.9.9:53"), "{}", reply.detail);
}

#[tokio::test]
async fn with_routes_no_question_leaves_the_machine() {
    let mut options = NetOptions::new(vec!["192.0.2.53:53".parse().unwrap()]);
    options.routes = Some(Routes { map: [("25.25.1.53:53".parse().unwrap(), "192.0.2.1:53".parse().unwrap())].into() });
    let client = DnsClient::new(&options);
    let question = DnsQuestion::new("a.example", RecordType::A);
    let reply = client.lookup(&question).await;
    let refusal = reply.refusal.as_ref().map(|cause| cause.detail.clone()).unwrap_or_default();
    assert!(refusal.starts_with("no route leads to 192.0.2.53:53"), "{reply:?}");
    let reply = client.lookup(&question.at("25.25.1.53".parse().unwrap())).await;
    assert!(reply.detail.contains("192.0.2.1:53, which is no loopback socket"), "{reply:?}");
    assert_eq!(reply.attempts, []);
}

#[tokio::test]
async fn what_cannot_be_asked_is_not_asked() {
    let server = Responder::start(good).await;
    let client = client(STEADY, &[server.address]);
    let long = "a".repeat(100_000);
    for (name, rtype) in [
        ("", RecordType::A),
        ("a..example", RecordType::A),
        ("bücher.example", RecordType::A),
        (&long, RecordType::A),
        ("mail.example", RecordType::Other(252)),
    ] {
        let question = DnsQuestion { name: name.to_owned(), ..DnsQuestion::new("x", rtype) };
        let reply = client.lookup(&question).await;
        assert_eq!(reply.status, DnsStatus::NotAsked);
        let cause = reply.refusal.unwrap();
        assert_eq!(cause.kind, CauseKind::Denied);
        assert!(cause.detail.len() < 200, "{}", cause.detail);
    }
    assert_eq!(server.asked(), 0);
    let reply = lookup(STEADY, &[]).await;
    assert_eq!((reply.status, reply.cause().unwrap().kind), (DnsStatus::NotAsked, CauseKind::OurSide));
}

#[tokio::test]
async fn a_flood_of_records_is_refused_and_hostile_bytes_never_panic() {
    let reply = one(STEADY, |asked| {
        if asked.transport == Transport::Udp {
            return truncated(asked);
        }
        with(asked, |message| {
            message.add_answers((0..2001).map(|_| a("mail.example.", 1)));
        })
    })
    .await;
    assert_eq!(reply.status, DnsStatus::Truncated);
    assert!(reply.detail.contains("more than 2000 records"), "{}", reply.detail);
}

#[test]
fn every_cut_and_every_flipped_byte_is_read_without_a_panic() {
    let question = super::to_wire(&DnsQuestion::new("mail.example", RecordType::Mx)).unwrap();
    let mut message = Message::query();
    message.add_query(hickory_proto::op::Query::query(name("mail.example."), hickory_proto::rr::RecordType::MX));
    message.add_answers([
        record("mail.example.", RData::CNAME(CNAME(name("one.example.")))),
        record("one.example.", RData::MX(MX::new(10, name("mail.example.")))),
        record("one.example.", RData::TXT(TXT::from_bytes(vec![b"abc", b"def"]))),
    ]);
    message.add_authority(soa());
    let mut edns = Edns::new();
    edns.options_mut().insert(EdnsOption::Unknown(15, vec![0, 6, b'x']));
    message.set_edns(edns);
    let bytes = message.to_vec().unwrap();
    assert_eq!(super::convert::read(&bytes, &question).unwrap().status, DnsStatus::Answer);
    for end in 0..bytes.len() {
        assert!(super::convert::read(&bytes[..end], &question).is_err());
    }
    for at in 0..bytes.len() {
        for value in 0..=255 {
            let mut bytes = bytes.clone();
            bytes[at] = value;
            let _ = super::convert::read(&bytes, &question);
        }
    }
}
