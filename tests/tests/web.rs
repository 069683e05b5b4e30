//! `http.get/1`, certificates and DNSSEC over the lab: every way to fail is an
//! answer of its own, in bounded time and space.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{sync::Arc, time::Duration};

use engine_core::net::{Answer, Layer, NetOptions, Request, cache::Cache, policy::Policy, sockets::Sockets};
use engine_lab::{Lab, World};
use engine_plugin_api::services::{
    Channel, DnsQuestion, DnsReply, HttpEnd, HttpReply, HttpRequest, HttpStage, RecordData, RecordType, Security,
    SmtpReply, SmtpRequest, Validation, Verification,
};
use engine_plugin_api::{ServiceError, ServiceErrorKind};

const PATH: &str = "/.well-known/mta-sts.txt";

async fn lab(world: &str) -> Lab {
    Lab::start(&World::parse(world).unwrap()).await.unwrap()
}

fn stack(options: &NetOptions) -> Arc<dyn Layer> {
    let policy = Policy { below: Arc::new(Sockets::new(options)), allow_private: false };
    Arc::new(Cache::new(Arc::new(policy)))
}

async fn ask(stack: &Arc<dyn Layer>, request: HttpRequest) -> Result<HttpReply, ServiceError> {
    match stack.exchange(Request::Http(request)).await?.answer {
        Answer::Http(reply) => Ok(*reply),
        other => panic!("{other:?}"),
    }
}

/// What a server with these lines answers for the policy's path.
async fn get(lines: &str) -> HttpReply {
    let world = format!("[[http]]\naddress = '25.25.1.1'\nhostname = 'mta-sts.a.example'\n{lines}");
    let lab = lab(&world).await;
    let mut options = engine_tests::net_options(&lab);
    options.reply_timeout = Duration::from_millis(400);
    let request = HttpRequest::new("mta-sts.a.example", "25.25.1.1".parse().unwrap(), PATH, 64);
    ask(&stack(&options), request).await.unwrap()
}

fn page(keys: &str) -> String {
    format!("paths = {{ '{PATH}' = {{ {keys} }} }}")
}

#[tokio::test]
async fn a_document_comes_with_its_headers_and_the_certificate() {
    let reply = get(&page(r"body = 'version: STSv1\n', headers = { server = 'x', x-odd = 'y' }")).await;
    assert_eq!((reply.status, &reply.end), (Some(200), &HttpEnd::Finished));
    assert_eq!(reply.body.text(), Some("version: STSv1\n"));
    assert_eq!(reply.media_type().as_deref(), Some("text/plain"));
    assert_eq!((reply.header("server"), reply.header("x-odd")), (Some("x"), None));
    assert_eq!(reply.tls.unwrap().verification, Verification::Trusted);
    assert!(!reply.body_cut);
}

#[tokio::test]
async fn each_wrong_certificate_is_told_and_the_request_not_sent() {
    for (kind, expected) in [
        ("expired", Verification::Expired),
        ("wrong-name", Verification::WrongName),
        ("self-signed", Verification::UnknownIssuer),
    ] {
        let world = format!("[[http]]\naddress = '25.25.1.1'\nhostname = 'mta-sts.a.example'\ncertificate = '{kind}'");
        let lab = lab(&world).await;
        let request = HttpRequest::new("mta-sts.a.example", "25.25.1.1".parse().unwrap(), PATH, 64);
        let reply = ask(&stack(&engine_tests::net_options(&lab)), request).await.unwrap();
        assert_eq!((&reply.end, reply.status), (&HttpEnd::Untrusted, None), "{kind}");
        let tls = reply.tls.as_ref().unwrap();
        assert_eq!((&tls.verification, tls.chain.len()), (&expected, 1), "{kind}");
        assert!(reply.cause().is_some());
        assert!(lab.web_requests().is_empty(), "{kind}");
    }
}

#[tokio::test]
async fn a_redirect_is_reported_and_not_followed() {
    let reply = get(&page("location = 'https://10.0.0.1/x'")).await;
    assert_eq!((reply.status, reply.header("location")), (Some(301), Some("https://10.0.0.1/x")));
}

#[tokio::test]
async fn no_more_of_a_body_is_read_than_was_wanted() {
    for lines in
        ["body = 'x', times = 0", "body = 'xxxxxxxx', times = 13107200", "body = 'x', times = 200, chunked = true"]
    {
        let reply = get(&page(lines)).await;
        assert_eq!((&reply.end, reply.body.0.len(), reply.body_cut), (&HttpEnd::Finished, 64, true), "{lines}");
    }
}

#[tokio::test]
async fn every_failure_is_an_answer_of_its_own() {
    let timed_out = |stage| HttpEnd::TimedOut { stage, waited_s: 1 };
    for (lines, expected) in [
        ("silent_at = 'connect'".to_owned(), timed_out(HttpStage::Handshake)),
        ("silent_at = 'handshake'".to_owned(), timed_out(HttpStage::Handshake)),
        ("silent_at = 'response'".to_owned(), timed_out(HttpStage::Response)),
        (page("body = 'version: STSv1', pace = '100ms', times = 9"), timed_out(HttpStage::Body)),
        (page("delay = '20s'"), timed_out(HttpStage::Response)),
    ] {
        let reply = get(&lines).await;
        assert_eq!(reply.end, expected, "{lines}");
    }
    for (lines, expected) in [
        ("refuse = true".to_owned(), "no connection to"),
        ("drop_at = 'connect'".to_owned(), "no TLS session with"),
        ("drop_at = 'handshake'".to_owned(), "no TLS session with"),
        ("drop_at = 'response'".to_owned(), "broke off at the response"),
        (page("body = 'short', length = 5000"), "broke off at the body"),
        (page(r"raw = '220 mail ESMTP\r\n'"), "sent no HTTP response"),
        (page(r"raw = 'HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n'"), "sent no HTTP response"),
    ] {
        let reply = get(&lines).await;
        let cause = reply.cause().unwrap_or_else(|| panic!("{lines}: {reply:?}"));
        assert!(cause.detail.contains(expected), "{lines}: {}", cause.detail);
    }
}

#[tokio::test]
async fn what_has_come_of_a_broken_body_is_kept() {
    let reply = get(&page("body = 'short', length = 5000")).await;
    assert_eq!(reply.body.text(), Some("short"));
}

#[tokio::test]
async fn policy_refuses_addresses_as_hosts_private_addresses_and_odd_paths() {
    let lab = lab("").await;
    let stack = stack(&engine_tests::net_options(&lab));
    for (host, address, path) in [
        ("25.25.1.1", "25.25.1.1", "/"),
        ("::1", "25.25.1.1", "/"),
        ("a.example", "127.0.0.1", "/"),
        ("a.example", "10.1.2.3", "/"),
        ("a.example", "::ffff:10.1.2.3", "/"),
        ("a.example", "169.254.169.254", "/"),
        ("a.example", "25.25.1.1", "no-slash"),
        ("a.example", "25.25.1.1", "/x HTTP/1.1\r\nhost: b"),
        ("a b.example", "25.25.1.1", "/"),
    ] {
        let request = HttpRequest::new(host, address.parse().unwrap(), path, 64);
        let error = ask(&stack, request).await.unwrap_err();
        assert_eq!(error.kind, ServiceErrorKind::Denied, "{host} {address} {path}");
    }
}

#[tokio::test]
async fn equal_requests_are_one() {
    let world = format!("[[http]]\naddress = '25.25.1.1'\nhostname = 'a.example'\n{}", page("body = 'x'"));
    let lab = lab(&world).await;
    let stack = stack(&engine_tests::net_options(&lab));
    let request = || HttpRequest::new("a.example", "25.25.1.1".parse().unwrap(), PATH, 64);
    let (one, two) = tokio::join!(ask(&stack, request()), ask(&stack, request()));
    assert_eq!(one.unwrap(), two.unwrap());
    assert_eq!(lab.web_requests().len(), 1);
}

const SIGNED: &str = r#"
zone = '''
a.example. MX 10 mx.a.example.
mx.a.example. A 25.25.1.1
_25._tcp.mx.a.example. TLSA 3 1 1 of:mx.a.example
_25._tcp.mx.a.example. TLSA 2 0 2 of:issuer
out.a.example. CNAME b.example.
b.example. A 25.25.1.2
c.example. A 25.25.1.3
'''
[[smtp]]
address = "25.25.1.1"
hostname = "mx.a.example"
certificate = "expired"
send_issuer = true
[[dnssec]]
zones = ["a.example"]
status = "signed"
[[dnssec]]
zones = ["c.example"]
status = "bogus"
"#;

async fn look(stack: &Arc<dyn Layer>, question: DnsQuestion) -> DnsReply {
    match stack.exchange(Request::Dns(question)).await.unwrap().answer {
        Answer::Dns(reply) => reply,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_status_of_answers_is_told_over_a_safe_channel() {
    let lab = lab(SIGNED).await;
    let stack = stack(&engine_tests::net_options(&lab));
    let root = DnsQuestion { dnssec: true, ..DnsQuestion::new(".", RecordType::Ns) };
    let validation = Validation { root: look(&stack, root).await };
    for (name, rtype, expected) in [
        ("a.example", RecordType::Mx, "secure"),
        ("none.a.example", RecordType::A, "secure"),
        ("a.example", RecordType::Tlsa, "secure"),
        ("b.example", RecordType::A, "insecure"),
        ("out.a.example", RecordType::A, "insecure"),
        ("c.example", RecordType::A, "bogus"),
    ] {
        let reply = look(&stack, DnsQuestion::new(name, rtype)).await;
        let found = match validation.of(&reply) {
            Security::Secure => "secure",
            Security::Insecure => "insecure",
            Security::Bogus(_) => "bogus",
            Security::Unknown(cause) => panic!("{name}: {cause:?}"),
        };
        assert_eq!(found, expected, "{name} {rtype}");
        if expected == "secure" {
            assert_eq!(reply.channel, Channel::Loopback);
        }
    }
}

#[tokio::test]
async fn tlsa_records_are_read_and_held_against_an_expired_chain() {
    let lab = lab(SIGNED).await;
    let stack = stack(&engine_tests::net_options(&lab));
    let tlsa = look(&stack, DnsQuestion::new("_25._tcp.mx.a.example", RecordType::Tlsa)).await;
    let found: Vec<(u8, String)> = tlsa
        .records()
        .filter_map(|record| match &record.data {
            RecordData::Tlsa { usage, data, .. } => Some((*usage, data.clone())),
            _ => None,
        })
        .collect();
    let request = SmtpRequest::new("mx.a.example", "25.25.1.1".parse().unwrap());
    let reply: SmtpReply = match stack.exchange(Request::Smtp(request)).await.unwrap().answer {
        Answer::Smtp(reply) => *reply,
        other => panic!("{other:?}"),
    };
    let tls = reply.tls.unwrap();
    assert_eq!(tls.verification, Verification::Expired);
    let [leaf, issuer] = tls.chain.as_slice() else { panic!("{:?}", tls.chain) };
    assert_eq!(found, [(3, leaf.spki_sha256.clone()), (2, issuer.sha512.clone())]);
    assert_eq!((&leaf.as_anchor, &issuer.as_anchor), (&None, &Some(Verification::Expired)));
}
