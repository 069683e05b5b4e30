//! The behaviours: each a small world in which one thing is hostile.

use std::{fmt::Write, time::Duration};

mod records;

/// The domain that is examined.
pub const DOMAIN: &str = "hostile.example";

/// A behaviour.
pub struct Case {
    /// Its name, kebab.
    pub name: String,
    /// The same in words; with the name, the first column of `docs/hostile.md`.
    pub words: String,
    /// The world, in the lab's language.
    pub world: String,
    /// How long is waited for what.
    pub patience: Patience,
}

/// What decides how a behaviour ends: what comes, a time-out or a deadline. The
/// outcome must not depend on how fast the machine is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// What comes: all time-outs are long.
    Answers,
    /// What does not come: time-outs are short, and a busy machine still
    /// gives the other answers in them.
    Silence,
    /// The deadline of each check, long before any time-out.
    Deadline,
}

impl Patience {
    /// How long is waited for a DNS answer, and for a reply over SMTP.
    pub fn limits(self) -> [Duration; 2] {
        let [dns, smtp] = match self {
            Patience::Answers => [15, 30],
            Patience::Silence => [2, 3],
            Patience::Deadline => [120, 120],
        };
        [Duration::from_secs(dns), Duration::from_secs(smtp)]
    }

    /// The deadline of each check.
    pub fn deadline(self) -> Duration {
        Duration::from_secs(if self == Patience::Deadline { 2 } else { 150 })
    }
}

/// Behaviours that end by a time-out, beside those that are silent by name.
const SILENT: [&str; 5] = ["a-byte-at-a-time", "dns-tcp-stall", "dns-wrong-source", "echo-server", "no-final-line"];

/// A DKIM key of 2048 bits, as the strings of a TXT record.
const DKIM_KEY: &str = r#""v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAtZFW49Qi3M7uBzpmVD2JSB2fyTa43MFpsoZyShAdF5/XAL0a2gmdAwhSx+2lmOmll0j0jKDCCsI2J2yxvSnHS5Hpp8IuDoyohhxBgsvX4JRf7VN39hDCdW5brS6p7xgmzMhrRqj3stzsIuq6P+3vUPdDCNBj3+NAHXMY4B0OUmyA46AD48" "dyoLH+HLlce4IM1AuVO+Kz2rzOHE5z5l4ZCXxCIDRhkxJ9RFHnrzXs8Wv1YqDeYc208u6fyM2EiGjiwGJKHPQMuTy2nl/m4YqaSJoY2Y8jHx3BPOiWGVJ2ibEWFyomBhaJlbRg8jj1Q1z3MSLKKqSbP/YT2gVLdf96XwIDAQAB""#;

/// A healthy domain but for what `zone` and `sections` add, and the server's keys.
fn world(zone: &str, server: &str, sections: &str) -> String {
    let dmarc = match zone.contains("_dmarc.") {
        true => String::new(),
        false => format!("_dmarc.{DOMAIN}. TXT \"v=DMARC1; p=reject; rua=mailto:postmaster@{DOMAIN}\""),
    };
    let key = match zone.contains("default._domainkey.") {
        true => String::new(),
        false => format!("default._domainkey.{DOMAIN}. TXT {DKIM_KEY}"),
    };
    format!(
        r#"
zone = '''
{DOMAIN}.             NS    ns1.{DOMAIN}.
{DOMAIN}.             NS    ns2.{DOMAIN}.
ns1.{DOMAIN}.         A     25.25.0.53
ns2.{DOMAIN}.         A     25.25.0.54
{DOMAIN}.             MX    10 mx.{DOMAIN}.
mx.{DOMAIN}.          A     25.25.1.1
1.1.25.25.in-addr.arpa. PTR mx.{DOMAIN}.
{key}
{dmarc}
{zone}
'''
[[blocklist]]
zones = ["zen.spamhaus.org", "bl.spamcop.net"]
[[blocklist]]
zones = ["dbl.spamhaus.org"]
kind = "domain"
[[smtp]]
address = "25.25.1.1"
hostname = "mx.{DOMAIN}"
certificate = "good"
extensions = ["PIPELINING", "SIZE 10240000", "8BITMIME"]
accept = ["user@{DOMAIN}", "postmaster@{DOMAIN}", "abuse@{DOMAIN}"]
{server}
{sections}
"#
    )
}

/// The domain's ordinary SPF record, as a zone line.
fn spf(record: &str) -> String {
    format!("{DOMAIN}. TXT \"{record}\"")
}

fn case(name: &str, words: &str, world: String) -> Case {
    let silent = SILENT.contains(&name) || name.contains("silent");
    let patience = if silent { Patience::Silence } else { Patience::Answers };
    Case { name: name.to_owned(), words: words.to_owned(), world, patience }
}

/// A case whose SMTP server acts.
fn smtp(name: &str, words: &str, server: &str) -> Case {
    case(name, words, world(&spf("v=spf1 mx -all"), server, ""))
}

/// A case in which `rtype` of `owner` is answered with a fault.
fn fault(name: &str, words: &str, owner: &str, rtype: &str, answer: &str) -> Case {
    let rtype = if rtype.is_empty() { String::new() } else { format!("type = '{rtype}'\n") };
    let section = format!("[[fault]]\nname = '{owner}'\n{rtype}answer = '{answer}'");
    case(name, words, world(&spf("v=spf1 mx -all"), "", &section))
}

fn zone(name: &str, words: &str, lines: &str) -> Case {
    case(name, words, world(lines, "", ""))
}

/// Nothing hostile: what every other case is held against.
pub fn healthy() -> Case {
    smtp("healthy", "nothing at all", "")
}

/// All behaviours.
pub fn all() -> Vec<Case> {
    let mut cases = smtp_cases();
    for stage in ["connect", "greeting", "ehlo", "starttls", "handshake", "mail", "rcpt", "quit"] {
        let reset = if stage == "connect" {
            "drop_at = 'connect'".to_owned()
        } else {
            format!("acts = [{{ at = '{stage}', then = 'reset' }}]")
        };
        cases.push(smtp(&format!("reset-at-{stage}"), &format!("the connection is reset at {stage}"), &reset));
    }
    for stage in ["greeting", "ehlo", "starttls", "handshake", "mail", "rcpt", "quit"] {
        let silent = format!("silent_at = '{stage}'");
        cases.push(smtp(&format!("silent-at-{stage}"), &format!("nothing is said any more at {stage}"), &silent));
    }
    cases.extend(dns_cases());
    cases.extend(zone_cases());
    cases.extend(records::cases());
    cases.extend(web_cases());
    cases.extend(deadline_cases());
    cases
}

fn smtp_cases() -> Vec<Case> {
    let act = |name, words, acts: &str| smtp(name, words, &format!("acts = [{acts}]"));
    vec![
        act("banner-without-end", "220- lines without end", r"{ at = 'greeting', say = '220-welcome\r\n', times = 0 }"),
        act(
            "ehlo-without-end",
            "250- lines without end at EHLO",
            r"{ at = 'ehlo', say = '250-X-MORE\r\n', times = 0 }",
        ),
        act("rcpt-without-end", "250- lines without end at RCPT", r"{ at = 'rcpt', say = '250-Ok\r\n', times = 0 }"),
        act(
            "line-of-a-megabyte",
            "a banner of 1 MB without a line end",
            r"{ at = 'greeting', say = '220 welcome', times = 100000, then = 'silent' }",
        ),
        act("newlines-without-end", "empty lines without end", r"{ at = 'greeting', say = '\r\n', times = 0 }"),
        act(
            "a-byte-at-a-time",
            "a banner byte by byte that does not end in time",
            r"{ at = 'greeting', say = '220-mx.hostile.example takes its time\r\n', times = 0, pace = '20ms' }",
        ),
        act(
            "slow-but-whole",
            "a banner byte by byte that ends in time",
            r"{ at = 'greeting', say = '220 mx.hostile.example ESMTP\r\n', pace = '1ms' }",
        ),
        act(
            "binary-banner",
            "NUL and 8-bit bytes in the banner",
            r"{ at = 'greeting', say = '220 mx.hostile.example \000\255\254\128\r\n' }",
        ),
        act(
            "bare-newlines",
            "lines of the banner that end with LF alone",
            r"{ at = 'greeting', say = '220-mx.hostile.example\n220 ESMTP\n' }",
        ),
        act(
            "terminal-escapes",
            "escape sequences for terminals in the banner",
            r"{ at = 'greeting', say = '220 mx.hostile.example \027[2J\027]0;owned\007\r\n' }",
        ),
        act(
            "no-final-line",
            "a banner whose last line never comes",
            r"{ at = 'greeting', say = '220-mx.hostile.example\r\n', then = 'silent' }",
        ),
        act(
            "no-final-line-closed",
            "a banner that ends in the middle, and a closed connection",
            r"{ at = 'greeting', say = '220-mx.hostile', then = 'close' }",
        ),
        act("code-600", "a banner with the code 600", r"{ at = 'greeting', say = '600 mx.hostile.example\r\n' }"),
        act("code-99", "a banner with the code 99", r"{ at = 'greeting', say = '99 mx.hostile.example\r\n' }"),
        act("code-999-at-mail", "the code 999 at MAIL", r"{ at = 'mail', say = '999 what\r\n' }"),
        act(
            "go-ahead-at-mail",
            "354 at MAIL, which only DATA is answered with",
            r"{ at = 'mail', say = '354 Go ahead\r\n' }",
        ),
        act(
            "codes-differ",
            "different codes in the lines of one reply",
            r"{ at = 'rcpt', say = '250-Ok\r\n550 5.1.1 No\r\n' }",
        ),
        act(
            "goodbye-as-greeting",
            "221 in place of a greeting",
            r"{ at = 'greeting', say = '221 2.0.0 Bye\r\n', then = 'close' }",
        ),
        act(
            "two-replies-to-one",
            "two replies to EHLO",
            r"{ at = 'ehlo', say = '250 mx.hostile.example\r\n250 2.1.0 Ok\r\n' }",
        ),
        act(
            "replies-ahead",
            "all replies at once, before the commands",
            r"{ at = 'greeting', say = '220 mx.hostile.example\r\n250 mx\r\n250 Ok\r\n250 Ok\r\n221 Bye\r\n', then = 'close' }",
        ),
        act(
            "ten-thousand-extensions",
            "10,000 extensions",
            r"{ at = 'ehlo', say = '250-X-EXTENSION\r\n', times = 10000 }, { at = 'ehlo', say = '250 HELP\r\n' }",
        ),
        act(
            "tls-garbage",
            "bytes that are not TLS after STARTTLS",
            r"{ at = 'handshake', say = 'this is not TLS at all\r\n', times = 100, then = 'silent' }",
        ),
        act(
            "plain-text-after-starttls",
            "clear text behind the reply to STARTTLS",
            r"{ at = 'starttls', say = '220 2.0.0 Ready\r\n250 injected\r\n' }",
        ),
        act("flood-at-quit", "lines without end in answer to QUIT", r"{ at = 'quit', say = '221-bye\r\n', times = 0 }"),
        act("echo-server", "everything is sent back", "{ at = 'greeting', then = 'echo' }"),
        act(
            "echo-after-greeting",
            "commands are sent back in place of replies",
            r"{ at = 'ehlo', say = 'EHLO probe.example\r\n', then = 'echo' }",
        ),
        act(
            "http-server",
            "an HTTP server at port 25",
            r"{ at = 'greeting', say = 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n<html>', then = 'close' }",
        ),
        act(
            "ssh-server",
            "an SSH server at port 25",
            r"{ at = 'greeting', say = 'SSH-2.0-OpenSSH_9.9\r\n', then = 'silent' }",
        ),
    ]
}

fn dns_cases() -> Vec<Case> {
    let mx = |name, words, answer| fault(name, words, DOMAIN, "MX", answer);
    vec![
        mx("dns-garbage", "bytes that are no message", "garbage"),
        mx("dns-empty", "an empty datagram", "empty"),
        mx("dns-half", "half a message", "half"),
        mx("dns-echo", "the question sent back", "echo"),
        mx("dns-wrong-id", "another id", "wrong-id"),
        mx("dns-wrong-question", "the answer to another question", "wrong-question"),
        mx("dns-wrong-source", "an answer from another port", "wrong-source"),
        mx("dns-unasked", "records of a name that nobody asked for", "unasked"),
        mx("dns-junk", "unreadable NSEC, NSEC3, RRSIG and unknown records beside the answer", "junk"),
        mx("dns-counts-lie", "a message that says it holds 65,535 answers", "counts-lie"),
        mx("dns-pointer-loop", "a compression pointer to itself", "pointer-loop"),
        mx("dns-alias-loop", "aliases in a circle, in one answer", "alias-loop"),
        mx("dns-alias-chain", "50 aliases in one answer", "alias-chain"),
        mx("dns-edns-version", "EDNS version 255", "edns-version"),
        mx("dns-nxdomain-with-answers", "NXDOMAIN, and the records that there are none of", "nxdomain-with-answers"),
        mx("dns-huge-ttl", "TTLs of 2^32 - 1", "huge-ttl"),
        mx("dns-flapping", "SERVFAIL to every other question", "flapping"),
        mx("dns-refused", "REFUSED", "refused"),
        mx("dns-silent", "no answer at all", "timeout"),
        mx("dns-truncated", "truncated over UDP and over TCP", "truncated"),
        mx("dns-tcp-stall", "truncated over UDP, one byte over TCP", "tcp-stall"),
        mx("dns-tcp-close", "truncated over UDP, a closed connection over TCP", "tcp-close"),
        fault("dns-no-soa", "a negative answer without SOA", "mx.hostile.example", "AAAA", "no-soa"),
        fault(
            "dns-garbage-for-the-exchange",
            "bytes that are no message, for the exchange's address",
            "mx.hostile.example",
            "A",
            "garbage",
        ),
        fault("dns-garbage-for-txt", "bytes that are no message, for the SPF record", DOMAIN, "TXT", "garbage"),
        fault("dns-garbage-for-all", "bytes that are no message, to every question", "*", "", "garbage"),
        fault("dns-silent-for-all", "no answer to any question", "*", "", "timeout"),
        fault("dns-lists-lie", "records of other names from a blocklist", "*.zen.spamhaus.org", "", "unasked"),
        case(
            "dns-server-garbage",
            "one of two name servers sends bytes that are no message",
            world(
                &spf("v=spf1 mx -all"),
                "",
                "[[fault]]\nname = 'hostile.example'\nserver = '25.25.0.54'\nanswer = 'garbage'",
            ),
        ),
    ]
}

fn zone_cases() -> Vec<Case> {
    let plain = spf("v=spf1 mx -all");
    let mut many_mx = plain.clone();
    for number in 0..500 {
        let _ = write!(many_mx, "\n{DOMAIN}. MX 20 mx{number}.{DOMAIN}.\nmx{number}.{DOMAIN}. A 25.25.1.1");
    }
    let mut many_txt = plain.clone();
    for number in 0..1000 {
        let _ = write!(many_txt, "\n{DOMAIN}. TXT \"site-verification={number:08}\"");
    }
    let big = format!("{plain}\n{DOMAIN}. TXT {}", format!("\"{}\" ", "x".repeat(250)).repeat(250));
    let oversized_spf = format!("{DOMAIN}. TXT \"v=spf1\" {} \" -all\"", "\" ip4:25.25.1.0/24\" ".repeat(2500));
    let mut chain = format!("{plain}\nalias0.{DOMAIN}. A 25.25.1.1");
    for number in 1..=50 {
        let _ = write!(chain, "\nalias{number}.{DOMAIN}. CNAME alias{}.{DOMAIN}.", number - 1);
    }
    let _ = write!(chain, "\n{DOMAIN}. MX 20 alias50.{DOMAIN}.");
    let circle =
        format!("{plain}\na.{DOMAIN}. CNAME b.{DOMAIN}.\nb.{DOMAIN}. CNAME a.{DOMAIN}.\n{DOMAIN}. MX 20 a.{DOMAIN}.");
    let include_circle =
        format!("{}\n_a.{DOMAIN}. TXT \"v=spf1 include:{DOMAIN} -all\"", spf("v=spf1 include:_a.hostile.example -all"));
    // Below each record there are six others, without end.
    let below: String = (0..6).map(|digit| format!(" include:{digit}.%{{d}}")).collect();
    let fan =
        format!("{}\n*.fan.{DOMAIN}. TXT \"v=spf1{below} -all\"", spf("v=spf1 include:0.fan.hostile.example -all"));
    let dmarc = |texts: &str| format!("{plain}\n_dmarc.{DOMAIN}. TXT {texts}");
    let mut many_dmarc = plain.clone();
    for number in 0..500 {
        let _ = write!(many_dmarc, "\n_dmarc.{DOMAIN}. TXT \"v=DMARC1; p=none; rua=mailto:r{number}@r.example\"");
    }
    let addresses = format!("\",mailto:postmaster@{DOMAIN}\" ").repeat(1500);
    let big_dmarc = dmarc(&format!("\"v=DMARC1; p=reject; rua=mailto:postmaster@{DOMAIN}\" {addresses}"));
    let junk = "\"\\000\\255;=;x\" ".repeat(4000);
    let tags_dmarc = dmarc(&format!("\"v=DMARC1; p=reject; rua=mailto:postmaster@{DOMAIN}; \" {junk}"));
    let edns = case(
        "dns-edns-size",
        "an answer of 64 KB in one datagram, with an EDNS size of 1",
        world(&big, "", "[[fault]]\nname = 'hostile.example'\ntype = 'TXT'\nanswer = 'edns-size'"),
    );
    vec![
        zone("dns-500-mx", "500 MX records", &many_mx),
        zone("dns-1000-txt", "1,000 TXT records beside the SPF record", &many_txt),
        zone("dns-64k-txt", "a TXT record of 62 KB beside the SPF record", &big),
        edns,
        zone("dns-45k-spf", "an SPF record of 45 KB", &oversized_spf),
        zone("dns-alias-chain-of-names", "an exchange behind 50 aliases", &chain),
        zone("dns-alias-circle", "an exchange whose alias leads back to itself", &circle),
        zone("spf-include-circle", "SPF records that include each other", &include_circle),
        zone("dmarc-500-records", "500 DMARC records", &many_dmarc),
        zone("dmarc-50k-addresses", "a DMARC record with 1,500 report addresses", &big_dmarc),
        zone("dmarc-50k-junk", "a DMARC record of 30 KB of tags that are none", &tags_dmarc),
        zone(
            "dmarc-alias-circle",
            "a DMARC name that is an alias of itself",
            &format!("{plain}\n_dmarc.{DOMAIN}. CNAME _dmarc.{DOMAIN}."),
        ),
        zone("spf-include-fan", "SPF records that include six others each, without end", &fan),
    ]
}

/// Cases whose MTA-STS policy host is hostile.
fn web_cases() -> Vec<Case> {
    let web = |name: &str, words: &str, server: &str, page: &str| {
        let zone = format!(
            "{}\n_mta-sts.{DOMAIN}. TXT \"v=STSv1; id=1\"\nmta-sts.{DOMAIN}. A 25.25.2.1",
            spf("v=spf1 mx -all")
        );
        let section = format!(
            "[[http]]\naddress = '25.25.2.1'\nhostname = 'mta-sts.{DOMAIN}'\n{server}\n\
             paths = {{ '/.well-known/mta-sts.txt' = {{ {page} }} }}"
        );
        case(name, words, world(&zone, "", &section))
    };
    let policy = r"body = 'version: STSv1\nmode: enforce\nmx: mx.hostile.example\nmax_age: 1209600\n'";
    vec![
        web("https-100-mb", "a policy of 100 MB", "", r"body = 'x: yyyyyy\n', times = 10485760"),
        web("https-without-end", "a policy without end, in chunks", "", "body = 'x', times = 0, chunked = true"),
        web("https-headers-without-end", "headers of 1 MB", "", &format!("raw = '{}'", long_headers())),
        web("https-no-http", "an SMTP greeting behind TLS", "", r"raw = '220 mx ESMTP\r\n'"),
        web("https-nul", "NUL and 8-bit bytes as the policy", "", r"body = '\000\255\254version: STSv1\n'"),
        web("https-redirect-private", "a redirect to a private address", "", "location = 'https://10.0.0.1/'"),
        web("https-redirect-loop", "a redirect to itself", "", "location = '/.well-known/mta-sts.txt'"),
        web("https-short-body", "a body shorter than its length", "", &format!("{policy}, length = 100000")),
        web("https-expired", "an expired certificate", "certificate = 'expired'", policy),
        web("https-wrong-name", "a certificate for another name", "certificate = 'wrong-name'", policy),
        web("https-reset", "the connection is reset", "drop_at = 'connect'", policy),
        web("https-silent-handshake", "no TLS handshake", "silent_at = 'handshake'", policy),
        web("https-silent-response", "no response", "silent_at = 'response'", policy),
        web("https-silent-body", "a byte of the policy every 5 seconds", "", &format!("{policy}, pace = '5s'")),
    ]
}

fn long_headers() -> String {
    format!("HTTP/1.1 200 OK\\r\\n{}", format!("x-a: {}\\r\\n", "y".repeat(990)).repeat(1000))
}

fn deadline_cases() -> Vec<Case> {
    let plain = spf("v=spf1 mx -all");
    let late = |name: &str| world(&plain, "", &format!("[[fault]]\nname = '{name}'\ndelay = '5m'"));
    let deadline = |case: Case| Case { patience: Patience::Deadline, ..case };
    vec![
        deadline(smtp(
            "deadline-in-a-session",
            "no greeting, and a deadline before its time-out",
            "silent_at = 'greeting'",
        )),
        deadline(case("deadline-in-dns", "no DNS answer before the deadline", late("*"))),
        deadline(case(
            "deadline-in-further-dns",
            "the exchange is known, and its addresses come after the deadline",
            late("mx.hostile.example"),
        )),
    ]
}
