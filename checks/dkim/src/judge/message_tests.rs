#![allow(clippy::unwrap_used, clippy::expect_used)]
use dkim_verify::{BodyResult, Fault, HeaderResult, Verified};
use engine_plugin_api::{Cause, CauseKind, Observed, Severity};
use mail_syntax::{dkim::Signature, dmarc::Lookup};

use super::{
    judge,
    tests::{RSA_1024, codes, facts, selector},
};
use crate::facts::{Facts, MailFacts, Origin, Selector, SignatureFacts};

const ED25519: &str = "v=DKIM1; k=ed25519; p=WVISSzrbYk0uospANDLMflVQA2fEYye76bwjjElBfvw=";
const ALL: &str = "from:subject:list-unsubscribe:list-unsubscribe-post";

fn silent(selector: Selector) -> Selector {
    Selector { answer: Observed::Unknown(Cause::new(CauseKind::Timeout, "no answer")), ..selector }
}

fn key(domain: &str) -> Selector {
    let key = selector("s1", Origin::Known, &[], &[&format!("v=DKIM1; p={RSA_1024}")]);
    Selector { domain: domain.into(), ..key }
}

/// A signature that holds, where its key is known.
fn signature(domain: &str, tags: &str) -> SignatureFacts {
    let text =
        format!("v=1; a=rsa-sha256; d={domain}; s=s1; bh=aGVsbG8gd29ybGQsIGhlbGxvIHdvcmxkISEhISEhISE=; b=aGk=; {tags}");
    let signature = Signature::parse(&text);
    assert!(!signature.is_broken(), "{:?}", signature.issues);
    let verified = Verified { body: BodyResult::Same { unsigned: 0 }, header: HeaderResult::Same };
    SignatureFacts { text, signature, verified: Some(verified) }
}

/// A message of a.example with signatures of these domains.
fn signed(domains: &[&str]) -> Facts {
    let signatures = domains.iter().map(|domain| signature(domain, "h=from:subject")).collect();
    let mail = MailFacts { authors: vec!["a.example".into()], signatures, ..MailFacts::default() };
    Facts { mail: Some(mail), ..facts(domains.iter().map(|domain| key(domain)).collect()) }
}

fn mail(facts: &mut Facts) -> &mut MailFacts {
    facts.mail.as_mut().unwrap()
}

/// Whether there is a finding of this code, and how many things could not be told.
fn outcome(facts: &Facts, code: &str) -> (bool, usize) {
    (codes(facts).iter().any(|(found, _)| found == code), judge(facts).unknowns.len())
}

#[test]
fn the_dmarc_record_says_what_counts() {
    let check = |records: &[(&str, Option<&str>)], expected: (bool, usize)| {
        let mut facts = signed(&["sub.a.example"]);
        for domain in mail(&mut facts).policy_domains() {
            let record = records.iter().find(|(name, _)| *name == domain).map(|(_, text)| *text);
            let lookup = match record {
                Some(None) => Lookup::Failed,
                Some(Some(text)) => Lookup::Texts(vec![text.as_bytes().to_vec()]),
                None => Lookup::Texts(Vec::new()),
            };
            mail(&mut facts).policies.insert(&domain, lookup);
        }
        assert_eq!(outcome(&facts, "dkim-unaligned"), expected, "{records:?}");
    };
    check(&[], (false, 0));
    check(&[("a.example", Some("v=DMARC1; p=reject"))], (false, 0));
    check(&[("a.example", Some("v=DMARC1; p=reject; adkim=s"))], (true, 0));
    let isolated = ("sub.a.example", Some("v=DMARC1; p=reject; psd=n"));
    check(&[("a.example", Some("v=DMARC1; p=reject")), isolated], (true, 0));
    check(&[("a.example", None)], (false, 1));
    check(&[("a.example", Some("v=DMARC1; p=reject")), ("sub.a.example", None)], (false, 1));
}

#[test]
fn the_dmarc_record_is_asked_for_only_where_it_decides() {
    let asked = |facts: &mut Facts| mail(facts).policy_domains().len();
    assert_eq!(asked(&mut signed(&["a.example"])), 0);
    assert_eq!(asked(&mut signed(&["a.example", "sub.a.example"])), 0);
    assert_eq!(asked(&mut signed(&["other.example"])), 0);
    let mut sub = signed(&["sub.a.example"]);
    assert_eq!(asked(&mut sub), 3);
    mail(&mut sub).signatures[0].verified.as_mut().unwrap().body = BodyResult::TooShort { signed: 2, has: 1 };
    assert_eq!(asked(&mut sub), 0);
}

#[test]
fn nothing_is_unaligned_while_a_signature_of_the_author_is_open() {
    let mut facts = signed(&["a.example", "other.example"]);
    assert_eq!(outcome(&facts, "dkim-unaligned"), (false, 0));
    facts.selectors[0] = silent(key("a.example"));
    mail(&mut facts).signatures[0].verified = None;
    assert_eq!(outcome(&facts, "dkim-unaligned"), (false, 1));
    // One that is open of somebody else is no excuse.
    let mut facts = signed(&["third.example", "other.example"]);
    facts.selectors[0] = silent(key("third.example"));
    mail(&mut facts).signatures[0].verified = None;
    assert_eq!(outcome(&facts, "dkim-unaligned"), (true, 1));

    let mut many = signed(&["other.example"]);
    assert_eq!(outcome(&many, "dkim-unaligned"), (true, 0));
    mail(&mut many).left_out = 1;
    assert_eq!(outcome(&many, "dkim-unaligned"), (false, 1));
}

#[test]
fn each_author_needs_a_signature() {
    let mut facts = signed(&["a.example"]);
    mail(&mut facts).authors.push("bank.example".into());
    let judgement = judge(&facts);
    let unaligned = judgement.findings.iter().find(|finding| finding.code == "dkim-unaligned").unwrap();
    assert!(unaligned.seen.contains("bank.example"), "{}", unaligned.seen);
    let authors: String = (0..7).map(|at| format!("joe@{at}.example, ")).collect();
    let text = format!("From: {authors}\n\nx");
    let many = crate::mail::Mail::read(text.as_bytes()).facts(&[]);
    let read = signed(&["0.example", "1.example", "2.example", "3.example", "4.example"]).mail.unwrap();
    let facts = Facts { mail: Some(MailFacts { signatures: read.signatures, ..many }), ..facts };
    let keys = (0..5).map(|at| key(&format!("{at}.example"))).collect();
    assert_eq!(outcome(&Facts { selectors: keys, ..facts }, "dkim-unaligned"), (false, 1));
}

#[test]
fn an_expiry_without_a_time_of_arrival_is_no_pass() {
    let mut facts = signed(&[]);
    facts.selectors.push(key("a.example"));
    mail(&mut facts).signatures.push(signature("a.example", "h=from:subject; x=1000"));
    for (received, valid, expired, unknowns) in
        [(None, false, false, 1), (Some(1000), true, false, 0), (Some(1001), false, true, 0)]
    {
        mail(&mut facts).received = received;
        assert_eq!(outcome(&facts, "dkim-valid"), (valid, unknowns), "{received:?}");
        assert_eq!(outcome(&facts, "dkim-expired"), (expired, unknowns), "{received:?}");
    }
}

#[test]
fn one_click_needs_both_fields_and_one_signature() {
    let severity = |worth: &[&'static str], tags: &[&str]| {
        let mut facts = signed(&[]);
        facts.selectors.push(key("a.example"));
        mail(&mut facts).worth_signing = worth.to_vec();
        mail(&mut facts).signatures = tags.iter().map(|tags| signature("a.example", tags)).collect();
        let found = judge(&facts).findings.into_iter().filter(|finding| finding.code == "dkim-headers-unsigned");
        found.map(|finding| finding.severity.unwrap()).collect::<Vec<_>>()
    };
    let all = format!("h={ALL}");
    let both = ["list-unsubscribe", "list-unsubscribe-post"];
    assert_eq!(severity(&both, &["h=from:subject"]), [Severity::Warning]);
    assert_eq!(severity(&both[..1], &["h=from:subject"]), [Severity::Notice]);
    assert_eq!(severity(&both, &[&all]), []);
    assert_eq!(severity(&both, &["h=from:subject", &all]), []);
    assert_eq!(severity(&["subject", both[0], both[1]], &["h=from", &all]), [Severity::Notice]);
}

#[test]
fn ed25519_is_alone_only_where_no_other_key_may_be() {
    let ed25519 = || selector("e", Origin::Known, &[], &[ED25519]);
    assert_eq!(outcome(&facts(vec![ed25519()]), "dkim-ed25519-only"), (true, 0));
    assert_eq!(outcome(&facts(vec![ed25519(), key("a.example")]), "dkim-ed25519-only"), (false, 0));
    assert_eq!(outcome(&facts(vec![ed25519(), silent(key("a.example"))]), "dkim-ed25519-only"), (false, 1));
    assert_eq!(outcome(&facts(vec![ed25519(), key("other.example")]), "dkim-ed25519-only"), (true, 0));
    let mut guessed = facts(vec![ed25519()]);
    guessed.unanswered = vec![("s1._domainkey.a.example".into(), Cause::new(CauseKind::Timeout, "no answer"))];
    assert_eq!(outcome(&guessed, "dkim-ed25519-only"), (false, 1));
}

#[test]
fn keys_of_two_domains_are_told_apart() {
    let judgement = judge(&facts(vec![key("a.example"), key("other.example")]));
    let reused = judgement.findings.iter().find(|finding| finding.code == "dkim-key-reused").unwrap();
    assert!(reused.seen.contains("s1._domainkey.a.example, s1._domainkey.other.example"), "{}", reused.seen);
}

#[test]
fn a_message_that_cannot_be_verified_is_neither_signed_nor_unsigned() {
    for fault in [Fault::Wide, Fault::TooManyFields, Fault::NotAField("no field".into())] {
        for domains in [&[][..], &["a.example"]] {
            let mut facts = signed(domains);
            facts.selectors = vec![key("a.example")];
            for one in &mut mail(&mut facts).signatures {
                one.verified = None;
            }
            mail(&mut facts).fault = Some(fault.clone());
            assert_eq!(codes(&facts), codes(&Facts { mail: None, ..facts.clone() }));
            assert_eq!(outcome(&facts, "dkim-unsigned"), (false, 1), "{fault:?}");
        }
    }
}
