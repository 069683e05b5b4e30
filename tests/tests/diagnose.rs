//! From a bounce to proof: six bounces in the style of real mail systems, each
//! in a world where what it says is true, and in one where it is not.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{collections::BTreeSet, process::Command};

use builtin_checks::registry;
use diagnosis::{Given, Measured, Of, Proofs, Result, Stated, Verdict, conclude, stated, stated_of_bounce, weigh};
use engine_lab::{Lab, World};
use engine_plugin_api::Severity;
use serde_json::Value;

/// An RSA key of 2048 bits, as a zone holds it.
const KEY: &str = r#"s1._domainkey.a.example. TXT "v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAu0ZgOchbHEtrdYv2Ac6Tz/MFt/77LflRzUVWTF3DAThLHJmLm3ZagpCMket0f+Wv7c4XN3HmVAGGTgp8aMEr/JIMHflsfhvmnO2z0e3VZRaB19TQgtp4rxM0qKoGMC/vjiUROHTY/ka+XkM/TrAq2Y6FrXAnmYYblW0lwXUOKQgzbot/jl" "iPyTiInIILPfA79PawsrmjqUepydyzDdRGohy82sHCZWXtwz2/0040W2kfrI2JChs7+rhYVw25+cU/nBYT6sgUsm9TYqnDSALynxEKcq+m8/KNaCI5cUvXVnc2CgoGIVic8w7BJuN7ItJmRxlTFNjrwDZiY5NWnHYD8QIDAQAB""#;

/// A report as Postfix writes it, with the header of the returned message.
fn postfix(reply: &str, status: &str, answer_to: &str) -> String {
    format!(
        "Return-Path: <>\nFrom: MAILER-DAEMON@mx.a.example (Mail Delivery System)\n\
         Subject: Undelivered Mail Returned to Sender\nTo: jo@a.example\nAuto-Submitted: auto-replied\n\
         Content-Type: multipart/report; report-type=delivery-status;\n\tboundary=\"4XyZ.1764/mx.a.example\"\n\n\
         This is a MIME-encapsulated message.\n\n--4XyZ.1764/mx.a.example\nContent-Description: Notification\n\
         Content-Type: text/plain; charset=us-ascii\n\nThis is the mail system at host mx.a.example.\n\n\
         I'm sorry to have to inform you that your message could not\nbe delivered to one or more recipients. It's attached below.\n\n\
         \x20                  The mail system\n\n<kim@b.example>: host mx.b.example[25.25.2.1] said: {reply}\n    (in reply to {answer_to} command)\n\n\
         --4XyZ.1764/mx.a.example\nContent-Description: Delivery report\nContent-Type: message/delivery-status\n\n\
         Reporting-MTA: dns; mx.a.example\nX-Postfix-Queue-ID: 4XyZ\nX-Postfix-Sender: rfc822; jo@a.example\n\n\
         Final-Recipient: rfc822; kim@b.example\nAction: failed\nStatus: {status}\nRemote-MTA: dns; mx.b.example\n\
         Diagnostic-Code: smtp; {reply}\n\n--4XyZ.1764/mx.a.example\nContent-Type: text/rfc822-headers\n\n\
         Return-Path: <jo@a.example>\nDKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=a.example; s=s1;\n\
         \th=from:to:subject; bh=abc=; b=def=\nMessage-ID: <1@a.example>\nFrom: Jo <jo@a.example>\nTo: kim@b.example\nSubject: Hello\n\n\
         --4XyZ.1764/mx.a.example--\n"
    )
}

/// The words of qmail.
fn qmail(reply: &str) -> String {
    format!(
        "Return-Path: <>\nFrom: MAILER-DAEMON@mx.a.example\nTo: jo@a.example\nSubject: failure notice\n\n\
         Hi. This is the qmail-send program at mx.a.example.\n\
         I'm afraid I wasn't able to deliver your message to the following addresses.\n\
         This is a permanent error; I've given up. Sorry it didn't work out.\n\n<kim@b.example>:\n\
         25.25.2.1 does not like recipient.\nRemote host said: {reply}\nGiving up on 25.25.2.1.\n\n\
         --- Below this line is a copy of the message.\n\nReturn-Path: <jo@a.example>\nMessage-ID: <1@a.example>\n\
         From: jo@a.example\nTo: kim@b.example\nSubject: Hello\n\nHello\n"
    )
}

async fn diagnose(causes: Vec<Stated>, world: &str) -> Vec<Result> {
    let registry = registry().unwrap();
    let lab = Lab::start(&World::parse(world).unwrap()).await.unwrap();
    let mut results = Vec::new();
    for cause in causes {
        let (steps, missing) = Proofs::shipped().plan(&cause, &registry);
        let mut measured: Vec<Measured> = Vec::new();
        for step in &steps {
            let order = engine_tests::order(step.target.clone(), &[&step.proof.check], step.settings.clone());
            let finished = engine_tests::run(&registry, &lab, order).await.unwrap();
            measured.push(weigh(step, &finished.report));
        }
        results.push(conclude(&cause, measured, missing));
    }
    lab.stop().await;
    results
}

async fn of_bounce(text: &str, world: &str) -> Result {
    let reports = bounce::decode(text.as_bytes());
    let causes = stated_of_bounce(&reports[0], &Given::default());
    assert_eq!(causes.len(), 1, "{reports:?}");
    diagnose(causes, world).await.remove(0)
}

fn verdict_of<'r>(result: &'r Result, check: &str) -> &'r Measured {
    result.measured.iter().find(|m| m.check == check).unwrap_or_else(|| panic!("{check}: {result:#?}"))
}

fn zone(lines: &str) -> String {
    format!("zone = '''\n{lines}\n'''\n")
}

const MX: &str = "b.example. MX 10 mx.b.example.\nmx.b.example. A 25.25.2.1\n";

#[tokio::test]
async fn dmarc_at_gmail() {
    let text = postfix(
        "550-5.7.26 Unauthenticated email from a.example is not accepted due to 550-5.7.26 domain's DMARC policy for [25.25.6.6]. \
         550 5.7.26 To learn about the DMARC initiative, visit https://support.google.com/mail/?p=DmarcRejection x-0sm.1 - gsmtp",
        "5.7.26",
        "end of DATA",
    );
    let broken = zone("a.example. TXT \"v=spf1 ip4:25.25.9.9 -all\"\n_dmarc.a.example. TXT \"v=DMARC1; p=reject\"");
    let result = of_bounce(&text, &broken).await;
    assert_eq!(
        (result.verdict, verdict_of(&result, "spf").verdict),
        (Verdict::Confirmed, Verdict::Confirmed),
        "{result:#?}"
    );
    assert!(verdict_of(&result, "spf").why.starts_with("spf-fail"), "{result:#?}");
    let right = zone(&format!(
        "a.example. TXT \"v=spf1 ip4:25.25.6.6 -all\"\n_dmarc.a.example. TXT \"v=DMARC1; p=reject; rua=mailto:r@a.example\"\na.example. MX 0 .\n{KEY}"
    ));
    let result = of_bounce(&text, &right).await;
    assert_ne!(result.verdict, Verdict::Confirmed, "{result:#?}");
    let of = |check| verdict_of(&result, check).verdict;
    // The key that is there does not say that the signature held.
    assert_eq!((of("spf"), of("dkim")), (Verdict::Refuted, Verdict::CouldNotTell), "{result:#?}");
    assert_eq!((result.verdict, of("dmarc")), (Verdict::CouldNotTell, Verdict::Confirmed), "{result:#?}");
}

#[tokio::test]
async fn a_list_that_is_named_and_that_list_alone() {
    let text = qmail("554 5.7.1 Service unavailable; Client host [25.25.6.6] blocked using zen.spamhaus.org");
    let listed = "[[blocklist]]\nzones = [\"zen.spamhaus.org\"]\nlisted = { \"25.25.6.6\" = \"127.0.0.4\" }\n";
    let result = of_bounce(&text, listed).await;
    assert_eq!(result.verdict, Verdict::Confirmed, "{result:#?}");
    let measured = verdict_of(&result, "dnsbl");
    assert_eq!((measured.of.as_str(), measured.findings[0].code.as_str()), ("25.25.6.6", "dnsbl-listed"));
    let result = of_bounce(&text, "[[blocklist]]\nzones = [\"zen.spamhaus.org\"]\n").await;
    assert_eq!(result.verdict, Verdict::Refuted, "{result:#?}");
    // A list that answers nobody decides nothing.
    let result = of_bounce(&text, "[[blocklist]]\nzones = [\"zen.spamhaus.org\"]\nbehaviour = \"refuses\"\n").await;
    assert_eq!(result.verdict, Verdict::CouldNotTell, "{result:#?}");
}

#[tokio::test]
async fn a_domain_without_mail() {
    let text = postfix(
        "556 5.1.10 <kim@b.example>: Recipient address rejected: Recipient address has null MX",
        "5.1.10",
        "RCPT TO",
    );
    let result = of_bounce(&text, &zone("b.example. MX 0 .")).await;
    assert_eq!(result.verdict, Verdict::Confirmed, "{result:#?}");
    assert_eq!(of_bounce(&text, &zone(MX)).await.verdict, Verdict::Refuted);
    let silent = format!("{}[[fault]]\nname = \"b.example\"\nanswer = \"servfail\"\n", zone(MX));
    assert_eq!(of_bounce(&text, &silent).await.verdict, Verdict::CouldNotTell);
}

#[tokio::test]
async fn greylisting_that_was_never_waited_for() {
    let text = qmail("450 4.2.0 <kim@b.example>: Recipient address rejected: Greylisted, try again later");
    let server =
        |more: &str| format!("{}[[smtp]]\naddress = \"25.25.2.1\"\nhostname = \"mx.b.example\"\n{more}", zone(MX));
    let greylists = server("greylist = { delay = \"1h\", reply = \"450 4.2.0 Greylisted, try again later\" }\n");
    let result = of_bounce(&text, &greylists).await;
    assert_eq!(result.verdict, Verdict::Confirmed, "{result:#?}");
    let result = of_bounce(&text, &server("")).await;
    assert_eq!(result.verdict, Verdict::Refuted, "{result:#?}");
}

#[tokio::test]
async fn tls_that_fails() {
    let text = postfix("454 4.7.5 Server certificate not verified: certificate expired", "4.7.5", "MAIL FROM");
    let server = |certificate: &str| {
        format!(
            "{}[[smtp]]\naddress = \"25.25.2.1\"\nhostname = \"mx.b.example\"\ncertificate = \"{certificate}\"\n",
            zone(MX)
        )
    };
    let result = of_bounce(&text, &server("expired")).await;
    assert_eq!(
        (result.verdict, verdict_of(&result, "smtp").verdict),
        (Verdict::Confirmed, Verdict::Confirmed),
        "{result:#?}"
    );
    let result = of_bounce(&text, &server("good")).await;
    assert_ne!(result.verdict, Verdict::Confirmed, "{result:#?}");
    assert_eq!(verdict_of(&result, "smtp").verdict, Verdict::Refuted, "{result:#?}");
    let named: Vec<&str> = result
        .not_measured
        .iter()
        .map(String::as_str)
        .chain(result.measured.iter().map(|m| m.check.as_str()))
        .collect();
    assert!(
        named.iter().any(|name| name.contains("mta-sts")) && named.iter().any(|name| name.contains("dane")),
        "{named:?}"
    );
}

#[tokio::test]
async fn no_reverse_name() {
    let text = postfix(
        "550 5.7.25 [25.25.6.6] The IP address sending this message does not have a PTR record setup",
        "5.7.25",
        "end of DATA",
    );
    let result = of_bounce(&text, &zone("a.example. A 25.25.6.6")).await;
    assert_eq!(result.verdict, Verdict::Confirmed, "{result:#?}");
    assert!(
        result.why.contains("reverse-dns") && verdict_of(&result, "reverse-dns").findings[0].remedy.is_some(),
        "{result:#?}"
    );
    let named = "6.6.25.25.in-addr.arpa. PTR mx.a.example.\nmx.a.example. A 25.25.6.6";
    assert_eq!(of_bounce(&text, &zone(named)).await.verdict, Verdict::Refuted);
}

#[tokio::test]
async fn a_reply_and_a_symptom_state_a_cause_too() {
    let given = Given { domain: Some("a.example".into()), ip: Some("25.25.6.6".parse().unwrap()), helo: None };
    let causes = stated("550 5.7.23 SPF validation failed", &given, Proofs::shipped());
    let world = zone("a.example. TXT \"v=spf1 -all\"");
    let result = diagnose(causes, &world).await.remove(0);
    assert_eq!((result.stated.reason.as_str(), result.verdict), ("spf", Verdict::Confirmed), "{result:#?}");
    let causes = stated("blocklisted", &given, Proofs::shipped());
    let (steps, _) = Proofs::shipped().plan(&causes[0], &registry().unwrap());
    assert_eq!(steps.iter().map(|step| step.proof.check.as_str()).collect::<Vec<_>>(), ["dnsbl"]);
    assert!(stated("hello there", &given, Proofs::shipped()).is_empty());
}

/// What comes of a pasted reply about a.example, sent from 25.25.6.6, over the lines of a zone.
async fn of_reply(reply: &str, world: &str) -> Result {
    let given = Given { domain: Some("a.example".into()), ip: Some("25.25.6.6".parse().unwrap()), helo: None };
    let causes = stated(reply, &given, Proofs::shipped());
    assert_eq!(causes.len(), 1, "{reply}: {causes:#?}");
    diagnose(causes, world).await.remove(0)
}

/// Has a published key under `s1` and lets 25.25.6.6 through.
fn in_order(dmarc: &str) -> String {
    zone(&format!(
        "a.example. MX 0 .\na.example. TXT \"v=spf1 ip4:25.25.6.6 -all\"\n_dmarc.a.example. TXT \"{dmarc}\"\n{KEY}"
    ))
}

#[tokio::test]
async fn a_key_alone_does_not_say_that_a_signature_held() {
    let world = in_order("v=DMARC1; p=reject; rua=mailto:r@a.example");
    for reply in [
        "550 5.7.20 No passing DKIM signature found",
        "550 5.7.1 DKIM signature verification failed",
        "550 5.7.22 No valid author-matched DKIM signature found",
        "550-5.7.26 This mail is unauthenticated, which poses a security risk. DKIM = did not pass.",
    ] {
        let result = of_reply(reply, &world).await;
        assert_eq!(result.verdict, Verdict::CouldNotTell, "{reply}: {result:#?}");
        let why = &verdict_of(&result, "dkim").why;
        assert!(why.starts_with("dkim-key: ") && why.contains("does not say"), "{why}");
    }
    let none = zone("a.example. MX 0 .\na.example. TXT \"v=spf1 ip4:25.25.6.6 -all\"");
    let result = of_reply("550 5.7.20 No passing DKIM signature found", &none).await;
    assert_eq!(result.verdict, Verdict::Confirmed, "{result:#?}");
}

#[tokio::test]
async fn a_dmarc_refusal_needs_a_policy_that_asks_for_it() {
    let reply = "550 5.7.1 Email rejected per DMARC policy for a.example";
    // Strict alignment proves nothing without the message.
    let result = of_reply(reply, &in_order("v=DMARC1; p=reject; adkim=s; aspf=s; rua=mailto:r@a.example")).await;
    assert_eq!(result.verdict, Verdict::CouldNotTell, "{result:#?}");
    let policy = verdict_of(&result, "dmarc");
    assert_eq!((policy.verdict, policy.needed), (Verdict::Confirmed, true), "{result:#?}");
    assert!(policy.why.starts_with("dmarc-record: "), "{result:#?}");
    // SPF for the same domain is enough, whatever DKIM shows.
    let no_key = |spf: &str, policy: &str| {
        zone(&format!(
            "a.example. MX 0 .\na.example. TXT \"v=spf1 {spf}\"\n_dmarc.a.example. TXT \"v=DMARC1; p={policy}\""
        ))
    };
    let result = of_reply(reply, &no_key("ip4:25.25.6.6 -all", "reject")).await;
    assert_eq!(result.verdict, Verdict::CouldNotTell, "{result:#?}");
    assert!(result.why.contains("enough for DMARC"), "{result:#?}");
    for policy in ["reject", "quarantine"] {
        let result = of_reply(reply, &no_key("-all", policy)).await;
        assert_eq!(result.verdict, Verdict::Confirmed, "{result:#?}");
        assert!(!result.remedy.step.is_empty(), "{result:#?}");
    }
    // What is asked for names below says nothing of the domain, and the other way round.
    let below = |given: &str| {
        let given = Given { domain: Some(given.into()), ip: Some("25.25.6.6".parse().unwrap()), helo: None };
        let world = zone(
            "a.example. MX 5 mx.b.example.\na.example. TXT \"v=spf1 -all\"\n_dmarc.a.example. TXT \"v=DMARC1; p=reject; sp=none\"\n\
             b.a.example. MX 5 mx.b.example.\nb.a.example. TXT \"v=spf1 -all\"\nc.a.example. MX 0 .\nc.a.example. TXT \"v=spf1 -all\"\n\
             s1._domainkey.a.example. TXT \"v=DKIM1; p=\"",
        );
        (stated(reply, &given, Proofs::shipped()), world)
    };
    for (domain, verdict) in
        [("a.example", Verdict::Confirmed), ("b.a.example", Verdict::Refuted), ("c.a.example", Verdict::CouldNotTell)]
    {
        let (causes, world) = below(domain);
        let result = diagnose(causes, &world).await.remove(0);
        assert_eq!(verdict_of(&result, "dmarc").verdict, verdict, "{domain}: {result:#?}");
        let all = if verdict == Verdict::Confirmed { verdict } else { Verdict::CouldNotTell };
        assert_eq!(result.verdict, all, "{domain}: {result:#?}");
    }
    // A domain without mail whose policy is `none` is told apart from one that asks for something.
    let result = of_reply(reply, &no_key("-all", "none")).await;
    assert_eq!(verdict_of(&result, "dmarc").verdict, Verdict::CouldNotTell, "{result:#?}");
    assert_eq!(result.verdict, Verdict::CouldNotTell, "{result:#?}");
    let takes_mail = no_key("-all", "none").replace("a.example. MX 0 .", "a.example. MX 5 mx.b.example.");
    let result = of_reply(reply, &takes_mail).await;
    assert_eq!(verdict_of(&result, "spf").verdict, Verdict::Confirmed, "{result:#?}");
    assert_eq!(verdict_of(&result, "dmarc").verdict, Verdict::Refuted, "{result:#?}");
    assert_eq!(result.verdict, Verdict::CouldNotTell, "{result:#?}");
}

#[tokio::test]
async fn an_error_of_the_evaluation_is_another_cause_than_a_failure() {
    let spf = |record: &str| zone(&format!("a.example. A 25.25.6.1\na.example. TXT \"v=spf1 {record}\""));
    let silent = |name: &str| format!("{}[[fault]]\nname = \"{name}\"\nanswer = \"servfail\"\n", spf("-all"));
    for reply in ["550 5.7.24 SPF validation error", "451 4.7.23 SPF temporary error", "550 5.7.1 SPF permerror"] {
        for (world, verdict) in [
            (spf("ip4:25.25.6.300 -all"), Verdict::Confirmed),
            (silent("a.example"), Verdict::Confirmed),
            // It ends with `fail`, which is no error; all in order it is not either.
            (spf("-all"), Verdict::CouldNotTell),
            (spf("ip4:25.25.6.6 -all"), Verdict::Refuted),
        ] {
            let result = of_reply(reply, &world).await;
            assert_eq!(result.verdict, verdict, "{reply}: {world}: {result:#?}");
            assert!(!result.remedy.step.contains("Add the sending server"), "{result:#?}");
        }
    }
    let result = of_reply("550 5.7.23 SPF validation failed", &spf("-all")).await;
    assert_eq!(result.verdict, Verdict::Confirmed, "{result:#?}");

    let reply = "554 5.7.5 Permanent error evaluating DMARC policy";
    let dmarc = |text: &str| zone(&format!("a.example. MX 0 .\n_dmarc.a.example. TXT \"{text}\""));
    for (world, verdict) in [
        (dmarc("v=dmarc1; p=reject"), Verdict::Confirmed),
        (silent("_dmarc.a.example"), Verdict::Confirmed),
        (dmarc("v=DMARC1; p=reject; rua=mailto:r@a.example"), Verdict::Refuted),
    ] {
        let result = of_reply(reply, &world).await;
        assert_eq!(result.verdict, verdict, "{world}: {result:#?}");
        assert_eq!(result.measured.len(), 1, "{result:#?}");
    }
}

/// A message signed with the key of [`KEY`].
const SIGNED: &str = "\
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=d.example;\n\
\x20i=@d.example; q=dns/txt; s=s1; t=1795634390; h=from : to : subject :\n\
\x20date : message-id : from;\n\
\x20bh=/LC6FCo+Z4LdVdcDGiV6QNpfwZTsWzOg+uD6qUiUH0M=;\n\
\x20b=tO/kJULJgpooxtK8GRftpmLTJX3wb0J9Fo1FHgP9d99XcUO/2fh0SOTA5eoEv89Vb2oBt\n\
\x20FwtUpL/c3A++0R8wcDpzJFA680fDPgSGFjYjetMRsqbvv0nv4CkLKspbmBsQ4lna4mm8BfJ\n\
\x20P9UWMP2wzt0KOWlYgrj7tSbSNMYYz16ER4e2pcpCTArO8N/dGMWMRu028dHvoQOh6oFMz5M\n\
\x20e0WZ0tJFolRP3JQvlGj6CnDrDJSgu8BqLgM3UiVqgr9L4/ooXTzZ9Jv23ZT9zOgumh+z203\n\
\x20IPIc6ouFWWZaNw2mN2B8gP7B2CnUJYnf/dkRXpLnRIh+oNqHZGYZLvHB41zA==\n\
From: Joe <joe@d.example>\n\
To: sue@other.example\n\
Subject: lunch\n\
Date: Wed, 25 Nov 2026 10:00:00 +0000\n\
Message-ID: <1@d.example>\n\
\n\
Hi Sue,\n\
\n\
are we on for lunch?\n";

/// A report that returns `original` in a part of type `kind`.
fn returning(original: &str, kind: &str) -> String {
    format!(
        "Return-Path: <>\nFrom: MAILER-DAEMON@mx.d.example\nTo: joe@d.example\nSubject: Undelivered Mail\nMIME-Version: 1.0\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=\"b1\"\n\n--b1\nContent-Type: text/plain\n\n\
         It could not be delivered.\n\n--b1\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.d.example\n\n\
         Final-Recipient: rfc822; sue@other.example\nAction: failed\nStatus: 5.7.20\n\
         Diagnostic-Code: smtp; 550 5.7.20 No passing DKIM signature found\n\n\
         --b1\nContent-Type: {kind}\n\n{original}\n--b1--\n"
    )
}

#[tokio::test]
async fn a_message_that_came_back_whole_is_verified() {
    let world = zone(&KEY.replace("a.example", "d.example"));
    let changed = SIGNED.replace("lunch?", "dinner?");
    let header = SIGNED.split("\n\n").next().unwrap();
    let foreign = header.replace("d=d.example", "d=service.example");
    for (original, kind, verdict, code) in [
        (SIGNED, "message/rfc822", Verdict::Refuted, "dkim-valid"),
        (&changed, "message/rfc822", Verdict::Confirmed, "dkim-body-changed"),
        (&changed.replace("s=s1", "s=s9"), "message/rfc822", Verdict::Confirmed, "dkim-selector-missing"),
        // What was cut down says nothing of the body.
        (header, "text/rfc822-headers", Verdict::CouldNotTell, "dkim-key"),
        (&format!("{header}\n\n"), "message/rfc822", Verdict::CouldNotTell, "dkim-key"),
        (&format!("{changed}\n[message truncated]\n"), "message/rfc822", Verdict::CouldNotTell, "dkim-key"),
        // The selector of another domain is not asked for under this one.
        (&foreign.replace("s=s1", "s=s9"), "text/rfc822-headers", Verdict::CouldNotTell, "dkim-key"),
    ] {
        let result = of_bounce(&returning(original, kind), &world).await;
        let why = &verdict_of(&result, "dkim").why;
        assert_eq!(result.verdict, verdict, "{kind} {original}: {result:#?}");
        assert!(why.starts_with(code), "{kind} {original}: {result:#?}");
    }
}

#[test]
fn nothing_harmless_confirms_but_what_is_listed_as_a_statement() {
    let registry = registry().unwrap();
    for proof in Proofs::shipped().all() {
        let check = registry.check(&proof.check).unwrap();
        let severity = |code: &String| check.manifest.findings.iter().find(|spec| spec.code == *code).unwrap().severity;
        // A revoked key is a fault where the selector is in use.
        for code in proof.confirms.iter().filter(|code| *code != "dkim-revoked") {
            assert!(severity(code) > Severity::Info, "{code} confirms {:?}", proof.reasons);
        }
        for code in &proof.passes {
            assert_eq!(severity(code), Severity::Pass, "{code} of {:?}", proof.reasons);
        }
    }
}

#[test]
fn every_code_of_a_proof_is_one_that_its_check_makes() {
    let registry = registry().unwrap();
    let mut faults = BTreeSet::new();
    for proof in Proofs::shipped().all() {
        // What the engine does not have yet is named as such in a diagnosis.
        let Some(check) = registry.check(&proof.check) else { continue };
        let codes: Vec<&str> = check.manifest.findings.iter().map(|spec| spec.code.as_str()).collect();
        for code in proof
            .confirms
            .iter()
            .chain(&proof.states)
            .chain(&proof.passes)
            .chain(&proof.refutes)
            .chain(&proof.leaves_open)
        {
            if !codes.contains(&code.as_str()) {
                faults.insert(format!("{} does not make {code}", proof.check));
            }
        }
        assert!(proof.of != Of::Address || proof.check != "spf");
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn the_program_says_it_in_text_and_json() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("bounce.eml"), qmail("554 5.7.1 Client host [25.25.6.6] blocked using zen.spamhaus.org"))
        .unwrap();
    std::fs::write(
        path("world.toml"),
        "[[blocklist]]\nzones = [\"zen.spamhaus.org\"]\nlisted = { \"25.25.6.6\" = \"127.0.0.4\" }\n",
    )
    .unwrap();
    let engine = |words: &[&str]| {
        let lab = format!("--lab={}", path("world.toml"));
        let done = Command::new(engine_tests::program()).arg("diagnose").args(words).arg(lab).output().unwrap();
        (done.status.code().unwrap(), String::from_utf8(done.stdout).unwrap(), String::from_utf8(done.stderr).unwrap())
    };
    let (code, out, err) = engine(&[&path("bounce.eml")]);
    assert_eq!(code, 1, "{out}{err}");
    for words in ["kim@b.example: the sender is blocked", "CONFIRMED", "dnsbl of 25.25.6.6: confirmed", "Who:"] {
        assert!(out.contains(words), "{words} in {out}");
    }
    let (code, out, _) = engine(&[&path("bounce.eml"), "--format", "json"]);
    let value: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, value["format"].as_str()), (1, Some("diagnosis/v1")));
    assert_eq!(value["results"][0]["verdict"], "confirmed");
    let (code, out, _) = engine(&[&path("bounce.eml"), "--dry-run"]);
    assert!(code == 0 && out.contains("run   dnsbl"), "{out}");
    let (code, out, err) = engine(&["hello there"]);
    assert_eq!((code, out.as_str()), (2, ""), "{err}");
    assert!(err.contains("symptom"), "{err}");
}
