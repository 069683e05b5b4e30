//! How far our reading of replies agrees with that of other projects.
//!
//! Their categories are wider or narrower than our reasons, and their tables
//! hold fragments rather than replies; the test prints where we differ and
//! asserts only a floor.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;

use serde_json::Value;
use smtp_reasons::{Reason, explain};

/// The reasons of ours that mean the same as, or a part of, a category of theirs.
fn equals(category: &str) -> &'static [Reason] {
    use Reason::*;
    match category {
        "userunknown" | "user_unknown" => &[MailboxUnknown, MailboxDisabled],
        "InvalidRecipient" | "invalid_address" => {
            &[MailboxUnknown, DomainUnknown, MailboxDisabled, Protocol, MailboxMoved]
        }
        "suspend" | "InactiveMailbox" | "mailbox_disabled" => &[MailboxDisabled, MailboxMoved, MailboxUnknown],
        "hasmoved" => &[MailboxMoved],
        "mailboxfull" | "mailbox_full" => &[MailboxFull, ServerFull],
        "QuotaIssues" => &[MailboxFull, ServerFull, TooLarge],
        "filtered" => &[RecipientRefuses, SenderNotAllowed, MailboxUnknown, MailboxDisabled],
        "hostunknown" | "BadDomain" | "DNSFailure" => {
            &[DnsFailure, DomainUnknown, DomainRefusesMail, Unreachable, ServerTrouble]
        }
        "notaccept" => &[DomainRefusesMail, DomainUnknown, ServerTrouble],
        "norelaying" | "relay_denied" => &[RelayDenied],
        "RoutingErrors" => &[RelayDenied, DomainUnknown, RoutingLoop],
        "rejected" | "InvalidSender" => {
            &[SenderRefused, SenderNotAllowed, RecipientRefuses, Policy, Reputation, Blocklisted]
        }
        "policyviolation" | "PolicyRelated" | "policy_blocked" => &[
            Policy,
            RecipientRefuses,
            SenderNotAllowed,
            AttachmentRefused,
            Malware,
            Malformed,
            Spam,
            SenderRefused,
            RateLimited,
        ],
        "authfailure" => &[Spf, Dkim, Dmarc, Unauthenticated, TlsFailed],
        "AuthenticationFailed" | "auth_failure" => {
            &[Spf, Dkim, Dmarc, Unauthenticated, ReverseDns, LoginRequired, LoginRefused, SenderRefused]
        }
        "blocked" | "badreputation" | "SpamBlock" | "ip" | "domain" | "uri" => {
            &[Blocklisted, Reputation, Spam, RateLimited, Helo, Policy, TurnedAway]
        }
        "spamdetected" | "spandetected" | "SpamContent" => &[Spam, Blocklisted, Reputation],
        "greylisting" => &[Greylisted],
        "virusdetected" | "virus_detected" => &[Malware, AttachmentRefused, Spam],
        "contenterror" | "notcompliantrfc" => &[Malformed, ContentUnsupported, Protocol, RoutingLoop],
        "mesgtoobig" | "exceedlimit" => &[TooLarge, TooLargeForMailbox],
        "speeding" | "toomanyconn" | "rate_limited" | "TooManyRecipients" => {
            &[RateLimited, TooManyConnections, TooManyRecipients, Reputation]
        }
        "requireptr" => &[ReverseDns],
        "failedstarttls" => &[TlsRequired, TlsFailed],
        "securityerror" => &[LoginRequired, LoginRefused, TlsRequired, TlsFailed, Policy, RelayDenied],
        "syntaxerror" | "ProtocolErrors" => {
            &[Protocol, Malformed, TlsRequired, LoginRequired, LoginRefused, TooManyRecipients]
        }
        "systemerror" | "server_error" | "TransientFailure" | "mailererror" => &[
            ServerTrouble,
            MailerError,
            TurnedAway,
            DnsFailure,
            Unreachable,
            RoutingLoop,
            ServerFull,
            DomainRefusesMail,
            DomainUnknown,
        ],
        "systemfull" => &[ServerFull, MailboxFull],
        "networkerror" | "NoAnswerFromHost" | "BadConnection" => {
            &[Unreachable, DnsFailure, TurnedAway, RoutingLoop, DomainUnknown]
        }
        "expired" | "MessageExpired" => &[Expired, DnsFailure, TurnedAway, Unreachable, ServerTrouble],
        "onhold" => &[Policy, ServerTrouble, Unexplained],
        _ => &[],
    }
}

/// A reply that a row's pattern would match.
fn example(row: &Value) -> Option<String> {
    let one = |text: &str| (text.trim().len() >= 6).then(|| text.to_owned());
    match (row["kind"].as_str()?, &row["pattern"]) {
        ("regex", Value::String(regex)) => Some(from_regex(regex)),
        // A wording of traffic shaping has an action, not a cause.
        ("regex-traffic-shaping", _) => None,
        ("enhanced-code", Value::String(code)) => Some(code.clone()),
        ("blocklist-regex-i", Value::String(regex)) => Some(format!("554 blocked, see {}", from_regex(regex))),
        ("substring-lower" | "example-from-comment", Value::String(text)) => one(text),
        ("substring-pair-lower" | "provider-rule", Value::Array(parts)) => {
            let parts: Vec<_> = parts.iter().filter_map(Value::as_str).filter(|p| !p.is_empty()).collect();
            let separator = if row["kind"] == "provider-rule" { " " } else { " x@y.example " };
            one(&parts.join(separator)).filter(|text| text.contains(' ') || text.len() > 12)
        }
        _ => None,
    }
}

/// A text that the regular expression matches, as far as these tables use them.
fn from_regex(regex: &str) -> String {
    let mut text = regex.trim_start_matches('^').trim_end_matches('$').to_owned();
    for (from, to) in [
        ("\\b", ""),
        ("\\.", "."),
        ("\\d{2}", "50"),
        ("\\d+", "1"),
        ("\\d", "5"),
        ("\\s*", " "),
        ("(451|550)", "550"),
        ("45[02]", "450"),
        ("55[24]", "552"),
        ("[45]50", "550"),
        (".+", " "),
        (".*", " "),
        ("[1234]", "1"),
        ("[6]", "6"),
    ] {
        text = text.replace(from, to);
    }
    if let (Some(open), Some(close)) = (text.find('('), text.find(')'))
        && let Some(first) = text[open + 1..close].split('|').next().map(str::to_owned)
        && text[open..close].contains('|')
    {
        text.replace_range(open..=close, &first);
    }
    let class = if text.starts_with('4') { "4" } else { "5" };
    text.replace("[45]", class)
}

/// The diagnostic texts of real bounces, each by itself; what a whole bounce
/// message adds to it is not looked at here.
#[test]
fn agreement_on_diagnostics_of_real_bounces() {
    let Some(file) = outside_data::find("bounces/expected.csv") else { return };
    let verbose = std::env::var_os("SHOW_DISAGREEMENT").is_some();
    let (mut same, mut all) = (0, 0);
    for row in csv::Reader::from_path(file).unwrap().deserialize::<BTreeMap<String, String>>().map(Result::unwrap) {
        let (category, text) = (&row["reason"], &row["diagnosticcode"]);
        let expected = equals(category);
        if expected.is_empty() || text.len() < 8 {
            continue;
        }
        let explained = explain(text).1;
        all += 1;
        if explained.iter().any(|e| expected.contains(&e.reason.id)) {
            same += 1;
        } else if verbose {
            let ours: Vec<_> = explained.iter().map(|e| e.reason.id.word()).collect();
            println!("{category:18} we: {ours:?} {text}");
        }
    }
    println!("bounces: {same} of {all} agree");
    assert!(same * 100 >= all * 80, "{same} of {all}");
}

#[test]
fn agreement_with_other_projects() {
    let Some(file) = outside_data::find("replies/patterns.json") else { return };
    let rows: Vec<Value> = serde_json::from_reader(std::fs::File::open(file).unwrap()).unwrap();
    let verbose = std::env::var_os("SHOW_DISAGREEMENT").is_some();
    let mut by_source: BTreeMap<String, [usize; 3]> = BTreeMap::new();
    let mut by_category: BTreeMap<String, [usize; 3]> = BTreeMap::new();
    for row in &rows {
        let (source, category) = (row["source"].as_str().unwrap(), row["category"].as_str().unwrap());
        let expected = equals(category);
        let Some(text) = example(row).filter(|_| !expected.is_empty()) else { continue };
        let found = explain(&text).1.first().map_or(Reason::Unexplained, |e| e.reason.id);
        let column = if expected.contains(&found) {
            0
        } else if found == Reason::Unexplained {
            1
        } else {
            2
        };
        for counts in [
            by_source.entry(source.to_owned()).or_default(),
            by_category.entry(format!("{source} {category}")).or_default(),
        ] {
            counts[column] += 1;
        }
        if verbose && column != 0 {
            println!("{category:18} we: {:18} {text}", found.word());
        }
    }
    let mut worst = 100;
    for (name, [same, none, other]) in by_category.iter().chain(&by_source) {
        let all = same + none + other;
        println!(
            "{name:52} {all:4} rows  {same:4} agree  {none:4} unexplained  {other:4} differ  {:3} %",
            same * 100 / all
        );
        if by_source.contains_key(name) {
            worst = worst.min(same * 100 / all);
        }
    }
    assert!(!by_source.is_empty());
    assert!(worst >= 75, "agreement with one source is only {worst} %");
}
