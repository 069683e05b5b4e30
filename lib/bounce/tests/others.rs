//! What is no bounce is never called one; what is hurt gives what there is;
//! and a bounce and a pasted reply are explained alike.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use bounce::{Action, Fault, Kind, decode};

fn kind(message: &str) -> Kind {
    decode(message.as_bytes())[0].kind
}

/// Ordinary and automatic mail that speaks of delivery, mailboxes or failure.
const OTHERS: &[(&str, &str, Kind)] = &[
    (
        "a normal mail",
        "From: Jo <jo@a.example>\nTo: kim@b.example\nSubject: Lunch\n\nAt noon? Mail me at jo@a.example.\n",
        Kind::Other,
    ),
    (
        "a mail about a bounce",
        "From: Jo <jo@a.example>\nTo: help@b.example\nSubject: Re: Undelivered Mail\nIn-Reply-To: <1@b.example>\n\nMy mail to kim@b.example could not be delivered. The answer was\n550 5.1.1 User unknown. Can you help?\n",
        Kind::Other,
    ),
    (
        "a question with the text of a bounce",
        "From: Jo <jo@a.example>\nTo: list@b.example\nList-Id: <help.b.example>\nSubject: what does this mean\n\n<kim@b.example>: host mx.b.example[25.25.2.1] said: 550 5.1.1 User unknown\n    (in reply to RCPT TO command)\n",
        Kind::Other,
    ),
    (
        "a newsletter",
        "From: News <news@shop.example>\nTo: kim@b.example\nSubject: Delivery failed? Not with us!\nList-Unsubscribe: <mailto:u@shop.example>\nPrecedence: bulk\n\nUnable to deliver to your door? Now we can. Write to sales@shop.example.\n",
        Kind::Other,
    ),
    (
        "a parcel",
        "From: Parcels <no-reply@parcel.example>\nTo: kim@b.example\nSubject: Your parcel could not be delivered\n\nWe were unable to deliver your parcel. Questions? help@parcel.example\n",
        Kind::Other,
    ),
    (
        "out of the office",
        "From: Kim <kim@b.example>\nTo: jo@a.example\nSubject: Out of Office: Lunch\nAuto-Submitted: auto-replied\nReturn-Path: <>\n\nI am away until Monday. In urgent cases write to lee@b.example.\n",
        Kind::AutoReply,
    ),
    (
        "a vacation note that names no end",
        "From: Kim <kim@b.example>\nTo: jo@a.example\nSubject: Re: Lunch\nAuto-Submitted: auto-replied (vacation)\nPrecedence: bulk\nX-Autoreply: yes\n\nI have left the company. My mailbox is not read; your message was not delivered to anybody else.\n",
        Kind::AutoReply,
    ),
    (
        "away, in German",
        "From: Kim <kim@b.example>\nTo: jo@a.example\nSubject: Abwesenheitsnotiz\nAuto-Submitted: auto-replied\nReturn-Path: <>\n\nIch bin bis Montag nicht da.\n",
        Kind::AutoReply,
    ),
    (
        "a challenge",
        "From: kim@b.example\nTo: jo@a.example\nSubject: Please confirm your message\nAuto-Submitted: auto-replied\nReturn-Path: <>\n\nTo have your message delivered to kim@b.example, answer this one. Until then it is not delivered.\n",
        Kind::AutoReply,
    ),
    (
        "a ticket",
        "From: Support <support@shop.example>\nTo: jo@a.example\nSubject: [#123] We got your message\nAuto-Submitted: auto-generated\n\nYour message was received. Do not reply.\n",
        Kind::Other,
    ),
    (
        "a read receipt",
        "From: kim@b.example\nTo: jo@a.example\nSubject: Read: Lunch\nContent-Type: multipart/report; report-type=disposition-notification; boundary=b\n\n--b\n\nYour message was read.\n--b\nContent-Type: message/disposition-notification\n\nFinal-Recipient: rfc822; kim@b.example\nDisposition: manual-action/MDN-sent-manually; displayed\n\n--b--\n",
        Kind::ReadReceipt,
    ),
    (
        "deleted without being read",
        "From: kim@b.example\nTo: jo@a.example\nSubject: Not read: Lunch\nContent-Type: multipart/report; report-type=disposition-notification; boundary=b\n\n--b\n\nYour message was deleted without being read.\n--b\nContent-Type: message/disposition-notification\n\nFinal-Recipient: rfc822; kim@b.example\nDisposition: automatic-action/MDN-sent-automatically; deleted\n\n--b--\n",
        Kind::ReadReceipt,
    ),
    (
        "relayed",
        "From: MAILER-DAEMON@mx.a.example\nTo: jo@a.example\nSubject: Successful Mail Delivery Report\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\nYour message was relayed.\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.a.example\n\nFinal-Recipient: rfc822; kim@b.example\nAction: relayed\nStatus: 2.0.0\n\n--b--\n",
        Kind::Receipt,
    ),
    (
        "delivered",
        "From: MAILER-DAEMON@mx.a.example\nTo: jo@a.example\nSubject: Mail Delivery Status Report\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\nDone.\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.a.example\n\nFinal-Recipient: rfc822; kim@b.example\nAction: delivered\nStatus: 2.1.5\n\n--b--\n",
        Kind::Receipt,
    ),
    (
        "a warning",
        "From: MAILER-DAEMON@mx.a.example\nTo: jo@a.example\nSubject: Delayed Mail (still being retried)\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\nYour message could not be delivered for more than 4 hours. It will be retried.\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.a.example\n\nFinal-Recipient: rfc822; kim@b.example\nAction: delayed\nStatus: 4.4.1\n\n--b--\n",
        Kind::Delay,
    ),
    (
        "a warning by Exim",
        "From: Mail Delivery System <Mailer-Daemon@mx.a.example>\nTo: jo@a.example\nSubject: Warning: message 1abc delayed 24 hours\nAuto-Submitted: auto-replied\nReturn-Path: <>\n\nThis message was created automatically by mail delivery software.\nA message that you sent has not yet been delivered to one or more of its\nrecipients after more than 24 hours on the queue.\n\nThe address to which the message has not yet been delivered is:\n\n  kim@b.example\n    host mx.b.example [25.25.2.1]: Connection timed out\n\nNo action is required on your part. Delivery attempts will continue for\nsome time.\n",
        Kind::Delay,
    ),
    (
        "from a postmaster, by hand",
        "From: Postmaster <postmaster@b.example>\nTo: jo@a.example\nSubject: Maintenance on Sunday\n\nThe server mx.b.example is down from 1 to 3. Mail is kept meanwhile. Ask lee@b.example.\n",
        Kind::Other,
    ),
    (
        "a log by cron",
        "From: root@mx.a.example (Cron Daemon)\nTo: root@mx.a.example\nSubject: Cron <root@mx> logwatch\n\n 550 5.1.1 kim@b.example : 3 Time(s)\n 452 4.2.2 lee@b.example : 1 Time(s)\n",
        Kind::Other,
    ),
    (
        "a newsletter from a postmaster's address",
        "From: Shop Mail Server <news@shop.example>\nTo: kim@b.example\nSubject: Failure is not an option: last chance\nList-Id: <news.shop.example>\nList-Unsubscribe: <https://shop.example/u>\nPrecedence: bulk\n\nOrders that could not be delivered are returned to sender free of charge.\nsales@shop.example\n",
        Kind::Other,
    ),
    (
        "a vacation note by sieve",
        "From: kim@b.example\nTo: jo@a.example\nSubject: Auto: Lunch\nAuto-Submitted: auto-replied (vacation)\nReturn-Path: <>\nX-Sieve: Pigeonhole\n\nThe mailbox kim@b.example is not read until June. Your message was not delivered to anybody else.\n",
        Kind::AutoReply,
    ),
    (
        "a colleague who has left",
        "From: Kim <kim@b.example>\nTo: jo@a.example\nSubject: Automatic reply: Lunch\nAuto-Submitted: auto-replied\nX-Auto-Response-Suppress: All\nReturn-Path: <>\n\nI no longer work here; this mailbox is inactive. Please write to:\nlee@b.example\n",
        Kind::AutoReply,
    ),
    (
        "an invitation",
        "From: Kim <kim@b.example>\nTo: jo@a.example\nSubject: Accepted: Review of failed deliveries\nContent-Type: multipart/alternative; boundary=b\n\n--b\n\nkim@b.example has accepted.\n--b\nContent-Type: text/calendar; method=REPLY\n\nBEGIN:VCALENDAR\nATTENDEE;PARTSTAT=ACCEPTED:mailto:kim@b.example\nEND:VCALENDAR\n--b--\n",
        Kind::Other,
    ),
    (
        "a list's notice to its owner",
        "From: mailman-bounces@lists.b.example\nTo: help-owner@lists.b.example\nSubject: help unsubscribe notification\nPrecedence: list\nList-Id: help.lists.b.example\nX-List-Administrivia: yes\n\nkim@b.example has been removed from help.\n",
        Kind::Other,
    ),
    (
        "a post that waits for its moderator",
        "From: help-bounces@lists.b.example\nTo: jo@a.example\nSubject: Your message to help awaits moderator approval\nPrecedence: bulk\nList-Id: help.lists.b.example\nX-List-Administrivia: yes\n\nIs being held until the list moderator can review it for approval.\nThe reason it is being held:\n\n    Post by non-member to a members-only list\n",
        Kind::Other,
    ),
    (
        "a DMARC aggregate report",
        "From: noreply-dmarc-support@big.example\nTo: dmarc@a.example\nSubject: Report domain: a.example Submitter: big.example Report-ID: 1\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nThis is an aggregate report from big.example. Rejected: 3. Failed: 2.\n--b\nContent-Type: application/gzip; name=\"big.example!a.example!1!2.xml.gz\"\nContent-Transfer-Encoding: base64\n\nH4sIAAAAAAAA\n--b--\n",
        Kind::Other,
    ),
    (
        "a TLS report",
        "From: smtp-tls-reporting@big.example\nTo: tls@a.example\nSubject: Report Domain: a.example Submitter: big.example Report-ID: <1@big.example>\nTLS-Report-Domain: a.example\nTLS-Report-Submitter: big.example\nContent-Type: multipart/report; report-type=\"tlsrpt\"; boundary=b\n\n--b\n\nThis is an aggregate TLS report from big.example. Sessions that failed: 4.\n--b\nContent-Type: application/tlsrpt+gzip\nContent-Transfer-Encoding: base64\n\nH4sIAAAAAAAA\n--b--\n",
        Kind::Other,
    ),
    (
        "a reply that quotes a bounce",
        "From: Lee <lee@a.example>\nTo: jo@a.example\nSubject: AW: Undelivered Mail Returned to Sender\nIn-Reply-To: <2@a.example>\n\nThey blocked us again, see below.\n\n> <kim@b.example>: host mx.b.example[25.25.2.1] said: 550 5.7.1 blocked\n>     (in reply to RCPT TO command)\n",
        Kind::Other,
    ),
    (
        "a bounce pasted into a mail",
        "From: Lee <lee@a.example>\nTo: help@provider.example\nSubject: cannot mail kim\nContent-Type: text/plain\n\nHello, since Monday I get this:\n\n<kim@b.example>: host mx.b.example[25.25.2.1] said: 550 5.7.1 blocked\n    (in reply to RCPT TO command)\n\nPlease help. Lee\n",
        Kind::Other,
    ),
    (
        "a monitor's alarm",
        "From: Monitor <alerts@a.example>\nTo: jo@a.example\nSubject: PROBLEM: mail delivery queue on mx.a.example\nAuto-Submitted: auto-generated\n\n42 messages could not be delivered: connection timed out to mx.b.example. Contact ops@a.example.\n",
        Kind::Other,
    ),
    (
        "a welcome from a mail server",
        "From: Mail Administrator <postmaster@a.example>\nTo: jo@a.example\nSubject: Your new mailbox\n\nYour address is jo@a.example. When your mailbox is full, mail is rejected. Help: help@a.example\n",
        Kind::Other,
    ),
    (
        "a warning that the mailbox is nearly full",
        "From: Mail System <postmaster@a.example>\nTo: jo@a.example\nSubject: Quota warning\n\nYour mailbox jo@a.example is 95% full. New messages will be rejected once it is full.\n",
        Kind::Other,
    ),
    (
        "a read receipt that was refused",
        "From: kim@b.example\nTo: jo@a.example\nSubject: Read: Lunch\nContent-Type: multipart/report; report-type=disposition-notification; boundary=b\n\n--b\n\nThe message sent to kim@b.example was displayed. This is no guarantee that it was read.\n--b\nContent-Type: message/disposition-notification\n\nFinal-Recipient: rfc822; kim@b.example\nDisposition: automatic-action/MDN-sent-automatically; displayed\n\n--b--\n",
        Kind::ReadReceipt,
    ),
    (
        "a challenge of a filter",
        "From: Filter <challenge@b.example>\nTo: jo@a.example\nSubject: Please confirm your message to kim@b.example\nReturn-Path: <>\nPrecedence: bulk\n\nYour message has not yet been delivered. Click to be approved.\n",
        Kind::AutoReply,
    ),
    ("nothing", "", Kind::Other),
];

#[test]
fn what_is_no_bounce_is_never_called_one() {
    for (name, message, expected) in OTHERS {
        assert_eq!(kind(message), *expected, "{name}");
        let crlf = message.replace('\n', "\r\n");
        assert_eq!(kind(&crlf), *expected, "{name}, with CR LF");
    }
}

const QMAIL: &str = "From: MAILER-DAEMON@mx.a.example\nTo: jo@a.example\nSubject: failure notice\n\n\
    I'm afraid I wasn't able to deliver your message to the following addresses.\n\n<kim@b.example>:\n\
    25.25.2.1 does not like recipient.\nRemote host said: 550 5.1.1 no such user\nGiving up on 25.25.2.1.\n";

#[test]
fn a_bounce_is_read_however_it_was_saved() {
    let address = |bytes: &[u8]| {
        let reports = decode(bytes);
        assert_eq!(reports[0].kind, Kind::Bounce, "{reports:?}");
        reports.iter().map(|r| r.recipients[0].address.clone()).collect::<Vec<_>>()
    };
    assert_eq!(address(QMAIL.as_bytes()), ["kim@b.example"]);
    assert_eq!(address(QMAIL.replace('\n', "\r\n").as_bytes()), ["kim@b.example"]);
    assert_eq!(address(QMAIL.replace('\n', "\r").as_bytes()), ["kim@b.example"]);
    let wide: Vec<u8> = QMAIL.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(address(&wide), ["kim@b.example"]);
    assert!(decode(&wide)[0].faults.contains(&Fault::Wide));
    let folder = format!(
        "From MAILER-DAEMON Thu Apr 29 23:34:45 2010\n{QMAIL}\nFrom MAILER-DAEMON Thu Apr 29 23:34:46 2010\n{}",
        QMAIL.replace("kim", "lee")
    );
    assert_eq!(address(folder.as_bytes()), ["kim@b.example", "lee@b.example"]);
    // Passed on by somebody, as an attachment.
    let passed = format!(
        "From: jo@a.example\nTo: help@a.example\nSubject: Fwd: help\nContent-Type: multipart/mixed; boundary=q\n\n--q\n\nSee below.\n--q\nContent-Type: message/rfc822\n\n{QMAIL}\n--q--\n"
    );
    assert_eq!(address(passed.as_bytes()), ["kim@b.example"]);
    assert!(decode(passed.as_bytes())[0].attached);
    // The text alone, without any header.
    let bare = QMAIL.split_once("\n\n").unwrap().1;
    assert_eq!(address(bare.as_bytes()), ["kim@b.example"]);
}

#[test]
fn every_beginning_of_a_bounce_gives_a_report() {
    for end in 0..QMAIL.len() {
        assert_eq!(decode(&QMAIL.as_bytes()[..end]).len(), 1);
    }
}

#[test]
fn bombs_and_rubbish_are_bounded() {
    let deep: String =
        (0..20_000).map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n")).collect();
    let inside: String = "Content-Type: message/rfc822\n\n".repeat(200_000);
    let many = format!("Content-Type: multipart/mixed; boundary=b\n\n{}", "--b\n\nx\n".repeat(500_000));
    let fields = "X: y\n".repeat(1_000_000);
    let groups = format!(
        "Content-Type: message/delivery-status\n\n{}",
        "Final-Recipient: rfc822; a@b.example\nAction: failed\n\n".repeat(50_000)
    );
    let blocks = format!(
        "From: mailer-daemon@a.example\nSubject: failure notice\n\nnot delivered\n{}",
        "<kim@b.example>: 550 no\n\n".repeat(50_000)
    );
    let ats = format!("From: mailer-daemon@a.example\nSubject: failure notice\n\n{}", "@".repeat(1 << 20));
    for hostile in [deep, inside, many, fields, groups, blocks, ats] {
        let reports = decode(hostile.as_bytes());
        assert!(reports.iter().all(|report| report.recipients.len() <= 500));
    }
    let zeros = vec![0_u8; 16 << 20];
    assert!(decode(&zeros)[0].faults.contains(&Fault::TooLarge));
    let noise: Vec<u8> = (0..1_u32 << 20).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    decode(&noise);
}

#[test]
fn half_a_report_says_what_is_missing() {
    let text = "From: MAILER-DAEMON@a.example\nSubject: Undelivered Mail\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; a.example\n\nFinal-Recipient: rfc822; kim@b.example\nAct";
    let report = &decode(text.as_bytes())[0];
    assert_eq!((report.kind, report.recipients[0].address.as_str()), (Kind::Bounce, "kim@b.example"));
    assert!(
        report.faults.contains(&Fault::DamagedMime) && report.faults.contains(&Fault::IncompleteReport),
        "{report:?}"
    );
    assert_eq!(report.recipients[0].action, Action::Failed);
    let report = &decode(&text.as_bytes()[..text.find("Final").unwrap()])[0];
    assert_eq!((report.kind, report.recipients.len()), (Kind::Bounce, 0));
    assert!(report.faults.contains(&Fault::NoRecipientInReport), "{report:?}");
}

#[test]
fn a_bounce_and_a_pasted_reply_say_the_same() {
    for reply in [
        "550 5.1.1 <kim@b.example>: User unknown",
        "552 5.2.2 Mailbox full",
        "554 5.7.1 Service unavailable; Client host [25.25.6.6] blocked using zen.spamhaus.org",
        "550 5.7.26 Unauthenticated email is not accepted due to domain's DMARC policy",
        "550 5.7.23 SPF validation failed",
        "550 5.7.25 The IP address does not have a PTR record",
        "450 4.2.0 Greylisted, try again later",
        "554 5.7.1 <kim@b.example>: Relay access denied",
        "552 5.3.4 Message size exceeds fixed limit",
        "530 5.7.0 Must issue a STARTTLS command first",
        "421 4.7.0 Too many connections from 25.25.6.6",
        "550 5.7.1 Message rejected as spam",
    ] {
        let text = format!(
            "From: MAILER-DAEMON@mx.a.example\nSubject: Undelivered Mail Returned to Sender\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\n<kim@b.example>: host mx.b.example[25.25.2.1] said: {reply} (in reply to RCPT TO command)\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.a.example\n\nFinal-Recipient: rfc822; kim@b.example\nAction: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; {reply}\n\n--b--\n"
        );
        let read = decode(text.as_bytes())[0].recipients[0].clone();
        let explained = &smtp_reasons::explain(reply).1[0];
        assert_eq!(read.reason, explained.reason.id, "{reply}");
        assert_eq!(read.code, explained.reply.basic.as_ref().map(|code| code.value), "{reply}");
        assert_eq!(read.status, explained.reply.status.as_ref().map(|status| status.value), "{reply}");
    }
}
