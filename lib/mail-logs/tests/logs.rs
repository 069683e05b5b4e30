//! Lines as mail servers write them, and what is made of them.
#![allow(clippy::unwrap_used)]

use mail_logs::{CauseReport, Direction, Logs, Report, Today};
use smtp_reasons::Knowledge;

const TODAY: Today = Today { year: 2026, month: 11, day: 25 };

fn read(log: &str) -> Report {
    let mut logs = Logs::new(TODAY, Knowledge::builtin());
    logs.read("mail.log", log.as_bytes()).unwrap();
    logs.report(10)
}

fn causes(report: &Report) -> Vec<(&str, bool, u64, u64)> {
    let row = |c: &CauseReport| -> (&'static str, bool, u64, u64) {
        (c.reason, c.direction == Direction::Outgoing, c.deferred, c.refused)
    };
    report.causes.iter().map(row).collect()
}

fn top(counts: &[mail_logs::Count]) -> Vec<(&str, u64)> {
    counts.iter().map(|count| (count.name.as_str(), count.count)).collect()
}

const POSTFIX: &str = "\
Nov 25 10:00:00 mail postfix/qmgr[10]: 4AAAAAAAAA: from=<News@Shop.example>, size=1234, nrcpt=2 (queue active)
Nov 25 10:00:01 mail postfix/smtp[11]: 4AAAAAAAAA: to=<jo@b.example>, relay=mx.b.example[192.0.2.1]:25, delay=0.9, delays=0.1/0/0.4/0.4, dsn=4.2.0, status=deferred (host mx.b.example[192.0.2.1] said: 450 4.2.0 <jo@b.example>: Recipient address rejected: Greylisted, see http://postgrey.example/help (in reply to RCPT TO command))
Nov 25 10:00:02 mail postfix/smtp[11]: 4AAAAAAAAA: to=<mia@c.example>, orig_to=<all@c.example>, relay=aspmx.l.google.com[192.0.2.2]:25, delay=0.9, delays=0.1/0/0.4/0.4, dsn=5.7.26, status=bounced (host aspmx.l.google.com[192.0.2.2] said: 550-5.7.26 This mail has been blocked because the sender is unauthenticated. 550-5.7.26 Gmail requires all senders to authenticate with either SPF or DKIM. 550 5.7.26 a1si2345678qtp.12 - gsmtp (in reply to end of DATA command))
Nov 25 10:10:01 mail postfix/smtp[11]: 4AAAAAAAAA: to=<jo@b.example>, relay=mx.b.example[192.0.2.1]:25, delay=601, delays=600/0/0.4/0.4, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 4BB)
Nov 25 10:10:02 mail postfix/qmgr[10]: 4AAAAAAAAA: removed
Nov 25 11:00:00 mail postfix/smtp[12]: 4BBBBBBBBB: to=<x@down.example>, relay=none, delay=30, delays=0/0/30/0, dsn=4.4.1, status=deferred (connect to mx.down.example[192.0.2.3]:25: Connection timed out)
Nov 25 11:00:01 mail postfix/qmgr[10]: 4BBBBBBBBB: from=<jo@own.example>, status=expired, returned to sender
Nov 25 11:30:00 mail postfix/smtpd[13]: NOQUEUE: reject: RCPT from unknown[198.51.100.7]: 554 5.7.1 <x@y.example>: Relay access denied; from=<a@z.example> to=<x@y.example> proto=ESMTP helo=<z.example>
Nov 25 11:30:01 mail postfix/postscreen[14]: NOQUEUE: reject: RCPT from [198.51.100.8]:41234: 550 5.7.1 Service unavailable; client [198.51.100.8] blocked using zen.spamhaus.org; from=<s@spam.example>, to=<jo@own.example>, proto=ESMTP, helo=<spam.example>
Nov 25 11:30:02 mail postfix/cleanup[15]: 4CCCCCCCCC: reject: header Subject: you won from the lottery from mx.s.example[198.51.100.9]; from=<s@s.example> to=<jo@own.example> proto=ESMTP helo=<s>: 5.7.1 Spam message rejected
Nov 25 11:30:03 mail postfix/smtpd[13]: NOQUEUE: reject: RCPT from unknown[198.51.100.7]: 450 4.7.25 Client host rejected: cannot find your hostname, [198.51.100.7]; from=<a@z.example> to=<jo@own.example> proto=ESMTP helo=<z>
Nov 25 11:30:04 mail dovecot: imap-login: Login: user=<jo>
Nov 25 11:30:05 mail postfix/cleanup[15]: 4DDDDDDDDD: milter-reject: END-OF-MESSAGE from mx.v.example[198.51.100.10]: 5.7.1 virus found; from=<v@v.example> to=<jo@own.example> proto=ESMTP helo=<v>
";

#[test]
fn postfix() {
    let report = read(POSTFIX);
    assert_eq!(
        causes(&report),
        [
            ("greylisted", true, 1, 0),
            ("unauthenticated", true, 0, 1),
            ("unreachable", true, 1, 0),
            ("blocklisted", false, 0, 1),
            ("malware", false, 0, 1),
            ("relay-denied", false, 0, 1),
            ("reverse-dns", false, 1, 0),
            ("spam", false, 0, 1),
        ]
    );
    assert_eq!((report.delivered, report.files[0].recognised, report.files[0].lines), (1, 12, 13));
    assert_eq!(report.first.as_deref(), Some("2026-11-25T10:00:00"));
    let greylisted = &report.causes[0];
    assert_eq!((greylisted.later_delivered, greylisted.first.as_str()), (1, "2026-11-25T10:00:01"));
    assert_eq!(top(&greylisted.senders), [("news@shop.example", 1)]);
    let gmail = &report.causes[1];
    assert_eq!((top(&gmail.providers), top(&gmail.codes)), (vec![("Gmail", 1)], vec![("550 5.7.26", 1)]));
    assert_eq!(top(&gmail.recipient_domains), [("c.example", 1)]);
    assert!(gmail.command.as_deref().is_some_and(|c| c.ends_with(" shop.example")), "{:?}", gmail.command);
    let unreachable = &report.causes[2];
    assert_eq!((unreachable.given_up, unreachable.passes), (1, true));
    let blocked = &report.causes[3];
    assert_eq!((top(&blocked.clients), top(&blocked.blocklists)), (vec![("198.51.100.8", 1)], vec![("Spamhaus", 1)]));
    assert_eq!(top(&blocked.senders), [("s@spam.example", 1)]);
    let ptr = &report.causes[6];
    assert_eq!(ptr.never_clears, 1, "450 4.7.25 does not pass by itself");
    assert_eq!(ptr.examples[0].line, 11);
}

const EXIM: &str = "\
2026-11-25 10:00:00 1rXyzA-0005aB-2c <= news@shop.example H=app.shop.example [192.0.2.9] P=esmtps S=1234 id=1@shop.example
2026-11-25 10:00:01 1rXyzA-0005aB-2c == jo@b.example R=dnslookup T=remote_smtp defer (-44) H=mx.b.example [192.0.2.1]: SMTP error from remote mail server after RCPT TO:<jo@b.example>: 451 4.7.1 Greylisting in action, please come back later
2026-11-25 10:00:02 1rXyzA-0005aB-2c ** mia@c.example R=dnslookup T=remote_smtp H=mx.c.example [192.0.2.2] X=TLS1.3:ECDHE_X25519__RSA_PSS_RSAE_SHA256__AES_256_GCM:256 CV=yes: SMTP error from remote mail server after RCPT TO:<mia@c.example>: 550 5.1.1 <mia@c.example>: User unknown
2026-11-25 10:00:03 1rXyzA-0005aB-2c ** nix@nx.example: Unrouteable address
2026-11-25 10:00:04.123 [4711] 1rXyzB-00000005aBc-2cde == k@d.example R=dnslookup T=remote_smtp defer (110): Connection timed out
2026-11-25 10:15:01 1rXyzA-0005aB-2c => jo@b.example R=dnslookup T=remote_smtp H=mx.b.example [192.0.2.1] C=\"250 OK\"
2026-11-25 10:15:02 1rXyzA-0005aB-2c Completed
2026-11-25 10:20:00 H=(helo.z.example) [198.51.100.7]:4711 I=[192.0.2.10]:25 F=<a@z.example> rejected RCPT <x@y.example>: relay not permitted
2026-11-25 10:20:01 H=mx.q.example (q) [198.51.100.8] F=<a@q.example> temporarily rejected RCPT <jo@own.example>: greylisted, try again later
2026-11-25 10:20:02 1rXyzC-0005aB-2c H=mx.s.example [198.51.100.9] F=<s@s.example> rejected after DATA: This message scored 12.3 spam points
2026-11-25 10:20:03 SMTP connection from [198.51.100.9] lost
2026-11-25 10:20:04 1rXyzD-0005aB-2c ** old@e.example: retry timeout exceeded
";

#[test]
fn exim() {
    let report = read(EXIM);
    assert_eq!(
        causes(&report),
        [
            ("domain-unknown", true, 0, 1),
            ("expired", true, 0, 1),
            ("greylisted", true, 1, 0),
            ("mailbox-unknown", true, 0, 1),
            ("unreachable", true, 1, 0),
            ("greylisted", false, 1, 0),
            ("relay-denied", false, 0, 1),
            ("spam", false, 0, 1),
        ]
    );
    assert_eq!((report.causes[2].later_delivered, report.files[0].recognised), (1, 12));
    assert_eq!(top(&report.causes[2].senders), [("news@shop.example", 1)]);
    assert_eq!(top(&report.causes[3].providers), [("c.example", 1)]);
    assert_eq!(top(&report.causes[6].clients), [("198.51.100.7", 1)]);
    assert_eq!(top(&report.causes[6].recipient_domains), [("y.example", 1)]);
}

const SENDMAIL: &str = "\
Nov 25 10:00:00 mail sm-mta[10]: 5APA0001012345: from=<news@shop.example>, size=1234, class=0, nrcpts=3, msgid=<1@shop.example>, proto=ESMTP, daemon=MTA, relay=app [192.0.2.9]
Nov 25 10:00:01 mail sm-mta[11]: 5APA0001012345: to=<jo@b.example>, ctladdr=<news@shop.example> (1000/1000), delay=00:00:01, xdelay=00:00:01, mailer=esmtp, pri=31234, relay=mx.b.example. [192.0.2.1], dsn=4.2.0, stat=Deferred: 450 4.2.0 Greylisted, please try again
Nov 25 10:00:02 mail sm-mta[11]: 5APA0001012345: to=<mia@c.example>,<tom@c.example>, delay=00:00:01, xdelay=00:00:01, mailer=esmtp, pri=31234, relay=mx.c.example. [192.0.2.2], dsn=5.1.1, reply=550 5.1.1 No such user here, stat=User unknown
Nov 25 10:00:03 mail sm-mta[11]: 5APA0001012345: to=<z@d.example>, delay=00:00:01, mailer=esmtp, pri=31234, relay=mx.d.example. [192.0.2.3], dsn=4.0.0, stat=Deferred: Connection refused by mx.d.example.
Nov 25 10:10:03 mail sm-mta[11]: 5APA0001012345: to=<jo@b.example>, delay=00:10:01, mailer=esmtp, pri=31234, relay=mx.b.example. [192.0.2.1], dsn=2.0.0, stat=Sent (OK id=1)
Nov 25 10:20:00 mail sm-mta[12]: ruleset=check_rcpt, arg1=<x@y.example>, relay=h.z.example [198.51.100.7], reject=550 5.7.1 <x@y.example>... Relaying denied
Nov 25 10:20:01 mail sm-mta[12]: 5APA0001012346: Milter: to=<jo@own.example>, reject=451 4.7.1 Greylisting in action, please come back later
";

#[test]
fn sendmail() {
    let report = read(SENDMAIL);
    assert_eq!(
        causes(&report),
        [
            ("greylisted", true, 1, 0),
            ("mailbox-unknown", true, 0, 1),
            ("turned-away", true, 1, 0),
            ("greylisted", false, 1, 0),
            ("relay-denied", false, 0, 1),
        ]
    );
    assert_eq!((report.causes[0].later_delivered, report.delivered), (1, 1));
    assert_eq!(top(&report.causes[1].codes), [("550 5.1.1", 1)]);
    assert_eq!(top(&report.causes[1].senders), [("news@shop.example", 1)]);
    assert_eq!(top(&report.causes[4].recipient_domains), [("y.example", 1)]);
}

#[test]
fn all_forms_of_syslog() {
    let message = "4AAAAAAAAA: to=<jo@b.example>, relay=none, delay=1, dsn=5.4.4, status=bounced (Host or domain name not found. Name service error for name=b.example type=A: Host not found)";
    for head in [
        "Nov 25 10:00:00 mail postfix/smtp[1]: ",
        "Nov  5 10:00:00 mail postfix/smtp[1]: ",
        "2026-11-25T10:00:00.123456+01:00 mail postfix/smtp[1]: ",
        "2026-11-25T10:00:00Z mail postfix-out/smtp[1]: ",
        "<22>Nov 25 10:00:00 mail postfix/smtp[1]: ",
        "<22>1 2026-11-25T10:00:00Z mail postfix/smtp 1 - - ",
        "2026-11-25 10:00:00 mail postfix/smtp[1]: ",
    ] {
        assert_eq!(causes(&read(&format!("{head}{message}\r\n"))), [("domain-unknown", true, 0, 1)], "{head}");
    }
}

#[test]
fn a_log_of_anything_else_says_so() {
    let report = read("Nov 25 10:00:00 mail dovecot: imap-login: Login\nfoo\n\n");
    assert_eq!(report.files[0].problems, ["no line of Postfix, Exim or sendmail was found in it"]);
    assert_eq!(read("").files[0].problems, ["it is empty"]);
    let mut logs = Logs::new(TODAY, Knowledge::builtin());
    assert!(logs.read("x.xz", &b"\xfd7zXZ\0\0\0"[..]).is_err());
    assert!(logs.report(1).files[0].problems[0].contains("xz -dc"));
}

proptest::proptest! {
    #[test]
    fn no_line_breaks_the_reader(
        head in "(Nov 25 10:00:00 mail (postfix/(smtp|smtpd|qmgr|cleanup)|sm-mta|exim)\\[1\\]: |2026-11-25 10:00:00 |<22>1 2026-11-25T10:00:00Z m )",
        parts in proptest::collection::vec(proptest::sample::select(vec![
            "4AAAAAAAAA: ", "1rXyzA-0005aB-2c ", "to=<", "from=<", ">", "@", ", ", "status=deferred (", "status=bounced (host ",
            " said: ", "550 5.1.1 ", "[", "]", ": ", "reject: ", "RCPT from ", "; from=<", "** ", "== ", "<= ", "H=", "F=<",
            " rejected RCPT <", "relay=", "dsn=", "stat=", "reject=", "ruleset=check_rcpt, arg1=<", "ü", "\u{0}", "header ",
        ]), 0..30),
    ) {
        let line = format!("{head}{}", parts.concat());
        let _ = mail_logs::read(line.as_bytes(), TODAY);
        let _ = read(&line);
        for cut in 0..line.len() {
            let _ = mail_logs::read(&line.as_bytes()[..cut], TODAY);
        }
    }
}
