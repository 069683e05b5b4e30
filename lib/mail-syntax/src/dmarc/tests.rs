#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::{
    Alignment, AlignmentMode, Answers, FailureOption, Gap, Identifier, Issue, IssueKind, Lookalike, Lookup, Mechanism,
    Passed, Policy, Psd, Rules, Scope, TagName, TreeWalk, UriFault, Value, Verdict, align, discover, evaluate, names,
    organizational_domain, parse, report, select,
};
use crate::tag_list;

/// The issues of a text, each with what it points at.
fn issues(text: &str) -> Vec<(IssueKind, &str)> {
    parse(text).issues.into_iter().map(|issue| (issue.kind, issue.span.of(text))).collect()
}

/// What `_dmarc.<domain>` holds, one line a text; `!` fails.
fn zone(lines: &[(&str, &str)], asked: &[&str]) -> Answers {
    let mut known = Answers::default();
    for domain in asked.iter().flat_map(|domain| names(domain)) {
        let texts: Vec<&str> = lines.iter().filter(|(name, _)| *name == domain).map(|(_, text)| *text).collect();
        let lookup = if texts.contains(&"!") {
            Lookup::Failed
        } else {
            Lookup::Texts(texts.into_iter().map(|text| text.as_bytes().to_vec()).collect())
        };
        known.insert(&domain, lookup);
    }
    known
}

/// Where the record that applies is published, the policy that it asks for, and
/// the organizational domain.
fn applies(domain: &str, rules: Rules, lines: &[(&str, &str)]) -> (Option<String>, Option<Policy>, Option<String>) {
    let found = discover(domain, rules, &zone(lines, &[domain]));
    let policy = found.record.as_ref().and_then(|r| r.record.requested(rules, found.scope)).map(|r| r.policy);
    (found.record.map(|record| record.domain), policy, found.organizational)
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn reads_every_tag() {
    let record = parse(
        "v=DMARC1; p=reject; sp=quarantine; np=none; adkim=s; aspf=r; fo=1:d:s; psd=n; t=y; pct=50; ri=3600; rf=afrf; \
         rua=mailto:a@x.example,mailto:b@y.example!10m; ruf=https://r.example/in",
    );
    assert_eq!(record.policy, Value::Valid(Policy::Reject));
    assert_eq!(record.subdomain_policy, Value::Valid(Policy::Quarantine));
    assert_eq!(record.nonexistent_policy, Value::Valid(Policy::None));
    assert_eq!((record.dkim_mode(), record.spf_mode()), (AlignmentMode::Strict, AlignmentMode::Relaxed));
    let options = vec![FailureOption::Any, FailureOption::Dkim, FailureOption::Spf];
    assert_eq!(record.failure_options, Value::Valid(options));
    assert_eq!((record.place(), record.test.valid(), record.percent.valid()), (Psd::No, Some(&true), Some(&50)));
    let rua = record.aggregate_reports.valid().unwrap();
    assert_eq!(rua[1].mailbox.as_deref(), Some("b@y.example"));
    assert_eq!((rua[1].host.as_deref(), rua[1].size), (Some("y.example"), Some(10 << 20)));
    assert_eq!(record.failure_reports.valid().unwrap()[0].host.as_deref(), Some("r.example"));
}

#[test]
fn points_at_faults_of_values() {
    assert_eq!(issues("v=DMARC1; p=rejct"), [(IssueKind::Value(TagName::Policy), "rejct")]);
    assert_eq!(parse("v=DMARC1; p=rejct").issues[0].suggestion.as_deref(), Some("reject"));
    assert_eq!(parse("v=DMARC1; p=none; adkim=strict").issues[0].suggestion.as_deref(), Some("s"));
    assert_eq!(issues("v=DMARC1; p=none; sp="), [(IssueKind::EmptyValue(TagName::SubdomainPolicy), "=")]);
    assert_eq!(
        issues("v=DMARC1; p=none, rua=mailto:a@b.example"),
        [(IssueKind::MissingSeparator(TagName::AggregateReports), ", ")]
    );
    assert_eq!(
        issues("v=DMARC1; p=none; rau=mailto:a@b.example"),
        [(IssueKind::UnknownTag(Some(TagName::AggregateReports)), "rau")]
    );
    assert_eq!(issues("v=DMARC1; p=none; x=1")[0].0, IssueKind::UnknownTag(None));
    assert_eq!(issues("v=DMARC1; sp=none; p=none"), [(IssueKind::PolicyNotSecond, "p=none")]);
    assert_eq!(issues("v=DMARC1; rua=mailto:a@b.example"), [(IssueKind::NoPolicy, "")]);
    assert_eq!(issues("v=DMARC1; P=none"), [(IssueKind::NameCase(TagName::Policy), "P")]);
    assert_eq!(issues("v=DMARC1; p=none; fo=1"), [(IssueKind::OptionsWithoutReports, "fo=1")]);
    assert_eq!(
        issues("v=DMARC1; p=none; fo=0:1; ruf=mailto:a@b.example"),
        [(IssueKind::RedundantOption(FailureOption::All), "0")]
    );
    let twice = IssueKind::List(tag_list::IssueKind::Duplicate { first: 1 });
    assert_eq!(issues("v=DMARC1; p=none; p=reject"), [(twice, "p=reject")]);
    assert_eq!(issues("v=DMARC1; p=none; P=reject").len(), 2, "the name's case, and the name for the second time");
    assert_eq!(issues("v=DMARC1; p=none; pct=101").len(), 2, "historic, and no share");
}

#[test]
fn points_at_faults_of_addresses() {
    let fault = |value: &str| {
        let text = format!("v=DMARC1; p=none; rua={value}");
        let record = parse(&text);
        let found: Vec<&Issue> = record.issues.iter().collect();
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        (found[0].kind.clone(), found[0].span.of(&text).to_owned(), found[0].suggestion.clone())
    };
    let uri = IssueKind::Uri;
    let check = |value, kind, at: &str, wish: Option<&str>| {
        assert_eq!(fault(value), (kind, at.to_owned(), wish.map(str::to_owned)), "{value}");
    };
    check("a@b.example", uri(UriFault::NoScheme), "a@b.example", Some("mailto:a@b.example"));
    check("bogus", uri(UriFault::NoUri), "bogus", None);
    check("https://b.example/x", uri(UriFault::OtherScheme), "https://b.example/x", None);
    check("mailto://a@b.example", uri(UriFault::Slashes), "mailto://a@b.example", Some("mailto:a@b.example"));
    check("mailto:b.example", uri(UriFault::NoMailbox), "mailto:b.example", None);
    check("mailto:a@b.example!10m", IssueKind::UriSize, "!10m", Some(""));
    check("mailto:a@b.example!10p", uri(UriFault::Exclamation), "!10p", None);
    check("mailto:a!b@b.example", uri(UriFault::Exclamation), "!b@b.example", None);
    check("mailto: a@b.example", uri(UriFault::Space), " ", Some(""));
    check("mailto:a@b.example,", uri(UriFault::Empty), ",", None);
    check("mailto:a@b.example mailto:c@d.example", uri(UriFault::Space), " ", Some(","));
    check("mailto:a@b.example or so", uri(UriFault::Space), " ", None);
}

#[test]
fn knows_a_record_from_what_only_looks_like_one() {
    let kind = |text: &str| {
        let selection = select(&[text]);
        assert!(selection.records.is_empty(), "{text}");
        selection.lookalikes.first().map(|(_, why)| *why)
    };
    for text in ["v=DMARC1", "v=DMARC1;p=none", "V = DMARC1 ; p=none", "v=DMARC1\t;"] {
        assert_eq!(select(&[text]).records.len(), 1, "{text}");
    }
    assert_eq!(kind(" v=DMARC1; p=none"), Some(Lookalike::LeadingSpace));
    assert_eq!(kind("\u{feff}v=DMARC1; p=none"), Some(Lookalike::LeadingSpace));
    assert_eq!(kind("\"v=DMARC1; p=none\""), Some(Lookalike::Quoted));
    assert_eq!(kind("v=dmarc1; p=none"), Some(Lookalike::Case));
    assert_eq!(kind("v=DMARC1 p=none"), Some(Lookalike::Glued));
    assert_eq!(kind("v=DMARC1, p=none"), Some(Lookalike::Glued));
    assert_eq!(kind("v=DMARC2; p=none"), Some(Lookalike::Version));
    assert_eq!(kind("v=DMARC12; p=none"), Some(Lookalike::Version));
    assert_eq!(kind("p=none; v=DMARC1"), Some(Lookalike::NotFirst));
    assert_eq!(kind("p=reject; rua=mailto:a@b.example"), Some(Lookalike::NoVersion));
    assert_eq!(kind("DMARC1; p=reject"), Some(Lookalike::NoVersion));
    for text in ["v=spf1 -all", "google-site-verification=x", "v=TLSRPTv1; rua=mailto:a@b.example", "", "v=STSv1; id=1"]
    {
        assert_eq!(kind(text), None, "{text}");
    }
}

#[test]
fn takes_the_policy_for_each_scope() {
    let policies = |text: &str, rules| {
        let record = parse(text);
        [Scope::Own, Scope::Subdomain, Scope::Nonexistent].map(|scope| record.requested(rules, scope).map(|r| r.policy))
    };
    use Policy::{None as Nothing, Quarantine, Reject};
    let text = "v=DMARC1; p=reject; sp=quarantine; np=none";
    assert_eq!(policies(text, Rules::Rfc9989), [Some(Reject), Some(Quarantine), Some(Nothing)]);
    assert_eq!(policies(text, Rules::Rfc7489), [Some(Reject), Some(Quarantine), Some(Quarantine)]);
    // t=y lowers by one level, by RFC 9989 only.
    let text = "v=DMARC1; p=reject; sp=quarantine; t=y";
    assert_eq!(policies(text, Rules::Rfc9989), [Some(Quarantine), Some(Nothing), Some(Nothing)]);
    assert_eq!(policies(text, Rules::Rfc7489), [Some(Reject), Some(Quarantine), Some(Quarantine)]);
    // A fault of a policy makes all of them `none`, or ends DMARC.
    let text = "v=DMARC1; p=reject; sp=all; rua=mailto:a@b.example";
    assert_eq!(policies(text, Rules::Rfc7489), [Some(Nothing); 3]);
    assert_eq!(policies("v=DMARC1; p=reject; sp=all", Rules::Rfc7489), [None; 3]);
    assert_eq!(policies("v=DMARC1; p=reject; np=all", Rules::Rfc9989), [None; 3]);
    assert_eq!(policies("v=DMARC1; p=reject; np=all", Rules::Rfc7489), [Some(Reject); 3]);
    assert_eq!(policies("v=DMARC1; rua=bogus", Rules::Rfc7489), [None; 3]);
    let percent = parse("v=DMARC1; p=reject; pct=20").requested(Rules::Rfc7489, Scope::Own).unwrap().percent;
    assert_eq!(percent, 20);
}

#[test]
fn names_what_the_walk_may_ask() {
    let long = "a.b.c.d.e.f.g.h.i.j.mail.example.com";
    let found = names(long);
    assert_eq!(found.len(), super::WALK_LIMIT);
    assert_eq!((found[0].as_str(), found[1].as_str()), (long, "g.h.i.j.mail.example.com"));
    assert_eq!(found[7], "com");
    // Exactly eight labels: seven are left.
    assert_eq!(names("a.b.c.d.e.f.example.com")[1], "b.c.d.e.f.example.com");
    assert_eq!(names("COM."), ["com"]);
    assert!(names("").is_empty());
}

#[test]
fn finds_the_organizational_domain_as_the_rfc_shows() {
    let organizational =
        |domain: &str, lines: &[(&str, &str)]| TreeWalk::over(domain, &zone(lines, &[domain])).organizational_domain();
    let plain = "v=DMARC1; p=none";
    let lines = [("mail.example.com", plain), ("example.com", plain)];
    assert_eq!(organizational("a.mail.example.com", &lines), Ok("example.com".to_owned()));
    let lines = [("mail.example.com", "v=DMARC1; p=none; psd=n"), ("example.com", plain)];
    assert_eq!(organizational("a.mail.example.com", &lines), Ok("mail.example.com".to_owned()));
    let lines = [("com", "v=DMARC1; p=none; psd=y")];
    assert_eq!(organizational("a.mail.example.com", &lines), Ok("example.com".to_owned()));
    // The domain where the walk began does not count as a public suffix above itself.
    assert_eq!(organizational("com", &lines), Ok("com".to_owned()));
    assert_eq!(organizational("a.example.com", &[]), Ok("a.example.com".to_owned()));
    // Several records at one name are none.
    let lines = [("example.com", plain), ("example.com", plain), ("a.example.com", plain)];
    assert_eq!(organizational("a.example.com", &lines), Ok("a.example.com".to_owned()));
    assert_eq!(organizational("a.example.com", &[("example.com", "!")]), Err("example.com".to_owned()));
}

#[test]
fn finds_the_record_by_both_rules() {
    use Rules::{Rfc7489, Rfc9989};
    let (reject, none) = ("v=DMARC1; p=reject; sp=quarantine", "v=DMARC1; p=none");
    for rules in Rules::BOTH {
        let own = (some("example.org"), Some(Policy::Reject), some("example.org"));
        assert_eq!(applies("example.org", rules, &[("example.org", reject)]), own);
        let below = (some("example.org"), Some(Policy::Quarantine), some("example.org"));
        assert_eq!(applies("a.b.example.org", rules, &[("example.org", reject)]), below);
        assert_eq!(applies("example.org", rules, &[]), (None, None, some("example.org")));
    }
    // A record between the domain and its organization: above it the walk sees, the list does not.
    let lines = [("b.example.org", reject)];
    assert_eq!(
        applies("a.b.example.org", Rfc9989, &lines),
        (some("b.example.org"), Some(Policy::Quarantine), some("b.example.org"))
    );
    assert_eq!(applies("a.b.example.org", Rfc7489, &lines), (None, None, some("example.org")));
    // Several records: RFC 7489 ends, RFC 9989 looks on.
    let lines = [("a.example.org", none), ("a.example.org", reject), ("example.org", reject)];
    assert_eq!(applies("a.example.org", Rfc9989, &lines).1, Some(Policy::Quarantine));
    let found = discover("a.example.org", Rfc7489, &zone(&lines, &["a.example.org"]));
    assert_eq!(found.gap, Some(Gap::Several("a.example.org".to_owned())));
    // A public suffix's policy covers domains without one of their own.
    let lines = [("org", "v=DMARC1; p=reject; sp=none; psd=y")];
    assert_eq!(applies("example.org", Rfc9989, &lines), (some("org"), Some(Policy::None), some("example.org")));
    assert_eq!(applies("example.org", Rfc7489, &lines), (None, None, some("example.org")));
    // The author's own record stands, whatever fails above it.
    let lines = [("a.example.org", reject), ("example.org", "!")];
    assert_eq!(applies("a.example.org", Rfc9989, &lines), (some("a.example.org"), Some(Policy::Reject), None));
    let found = discover("a.example.org", Rfc9989, &zone(&[("org", "!")], &["a.example.org"]));
    assert_eq!(found.gap, Some(Gap::Failed("org".to_owned())));
}

#[test]
fn knows_organizational_domains_by_the_list() {
    for (name, expected) in [
        ("a.b.example.co.uk", "example.co.uk"),
        ("example.co.uk", "example.co.uk"),
        ("co.uk", "co.uk"),
        ("mail.user.github.io", "user.github.io"),
        ("a.d.example", "d.example"),
        ("localhost", "localhost"),
    ] {
        assert_eq!(organizational_domain(name), expected);
    }
}

#[test]
fn aligns_identifiers() {
    use AlignmentMode::{Relaxed, Strict};
    let lines = [("example.org", "v=DMARC1; p=none"), ("sub.example.org", "v=DMARC1; p=none; psd=n")];
    let known = zone(&lines, &["a.example.org", "b.example.org", "x.sub.example.org", "example.net"]);
    let check = |a: &str, b: &str, mode, expected: [Alignment; 2]| {
        assert_eq!(Rules::BOTH.map(|rules| align(a, b, mode, rules, &known)), expected, "{a} {b} {mode:?}");
    };
    use Alignment::{Aligned, Unaligned, Unknown};
    check("a.example.org", "B.example.org.", Relaxed, [Aligned, Aligned]);
    check("a.example.org", "b.example.org", Strict, [Unaligned, Unaligned]);
    check("a.example.org", "A.example.org", Strict, [Aligned, Aligned]);
    check("a.example.org", "example.net", Relaxed, [Unaligned, Unaligned]);
    // `psd=n` parts a subdomain from the rest, by RFC 9989.
    check("a.example.org", "x.sub.example.org", Relaxed, [Aligned, Unaligned]);
    let known = zone(&[("org", "!")], &["a.example.org", "b.example.org"]);
    assert_eq!(align("a.example.org", "b.example.org", Relaxed, Rules::Rfc9989, &known), Unknown);
}

#[test]
fn evaluates_messages() {
    let id = |mechanism, domain: &str, passed| Identifier { mechanism, domain: domain.to_owned(), passed };
    let verdict = |text: &str, ids: &[Identifier]| {
        let known = zone(&[("example.org", text)], &["example.org", "news.example.org", "example.net"]);
        Rules::BOTH.map(|rules| evaluate("example.org", true, ids, rules, &known).verdict)
    };
    let reject = "v=DMARC1; p=reject";
    let spf = |domain, passed| id(Mechanism::Spf, domain, passed);
    assert_eq!(verdict(reject, &[spf("news.example.org", Passed::Yes)]), [Verdict::Pass; 2]);
    assert_eq!(verdict("v=DMARC1; p=reject; aspf=s", &[spf("news.example.org", Passed::Yes)]), [Verdict::Fail; 2]);
    assert_eq!(verdict(reject, &[spf("example.net", Passed::Yes)]), [Verdict::Fail; 2]);
    assert_eq!(verdict(reject, &[id(Mechanism::Dkim, "example.org", Passed::Temporary)]), [Verdict::TempError; 2]);
    assert_eq!(verdict("v=DMARC1", &[spf("example.org", Passed::Yes)]), [Verdict::PermError; 2]);
    assert_eq!(verdict("!", &[]), [Verdict::TempError; 2]);
    assert_eq!(verdict("v=spf1 -all", &[]), [Verdict::None; 2]);
}

#[test]
fn reads_report_authorizations() {
    assert_eq!(report::authorization_name("Example.org.", "R.example"), "example.org._report._dmarc.r.example");
    let known = zone(&[("example.org", "v=DMARC1; p=none")], &["example.org", "mail.example.org", "example.net"]);
    for rules in Rules::BOTH {
        assert_eq!(report::is_external("example.org", "mail.example.org", rules, &known), Some(false));
        assert_eq!(report::is_external("example.org", "example.net", rules, &known), Some(true));
    }
    assert_eq!(report::read::<&str>("r.example", &[]), report::Authorization::Absent);
    let granted = report::read("r.example", &["v=DMARC1; rua=mailto:x@r.example,mailto:y@else.example", "junk"]);
    let report::Authorization::Granted { instead, elsewhere } = granted else { panic!("{granted:?}") };
    assert_eq!((instead.len(), elsewhere.len()), (1, 1));
    assert!(matches!(report::read("r.example", &["yes"]), report::Authorization::Unreadable(_)));
}

/// A record made from values.
fn written() -> impl Strategy<Value = String> {
    let policy = prop::sample::select(vec!["none", "quarantine", "reject"]);
    let tags = (
        policy.clone(),
        prop::option::of(policy.clone()),
        prop::option::of(policy),
        prop::option::of(prop::sample::select(vec!["r", "s"])),
        prop::option::of(prop::sample::select(vec!["y", "n"])),
        prop::collection::vec("[a-z]{1,8}@[a-z]{1,8}\\.example", 0..4),
    );
    tags.prop_map(|(p, sp, np, adkim, t, rua)| {
        let mut text = format!("v=DMARC1; p={p}");
        for (name, value) in [("sp", sp), ("np", np), ("adkim", adkim), ("t", t)] {
            text.extend(value.map(|value| format!("; {name}={value}")));
        }
        if !rua.is_empty() {
            let uris: Vec<String> = rua.iter().map(|mailbox| format!("mailto:{mailbox}")).collect();
            text.push_str(&format!("; rua={}", uris.join(",")));
        }
        text
    })
}

/// The record again, from what was read.
fn rewritten(text: &str) -> String {
    let record = parse(text);
    let tags = record.tags.iter().filter_map(|tag| {
        let name = tag.name?;
        let policy = |value: &Value<Policy>| value.valid().map(|policy| policy.word().to_owned());
        let value = match name {
            TagName::Version => Some("DMARC1".to_owned()),
            TagName::Policy => policy(&record.policy),
            TagName::SubdomainPolicy => policy(&record.subdomain_policy),
            TagName::NonexistentPolicy => policy(&record.nonexistent_policy),
            TagName::DkimAlignment => {
                Some(if record.dkim_mode() == AlignmentMode::Strict { "s" } else { "r" }.to_owned())
            }
            TagName::Test => record.test.valid().map(|t| if *t { "y" } else { "n" }.to_owned()),
            TagName::AggregateReports => {
                let uris = record.aggregate_reports.valid()?;
                Some(uris.iter().map(|uri| uri.uri.clone()).collect::<Vec<_>>().join(","))
            }
            _ => None,
        };
        Some(format!("{}={}", name.word(), value?))
    });
    tags.collect::<Vec<_>>().join("; ")
}

proptest! {
    #[test]
    fn what_is_written_is_read(text in written()) {
        prop_assert_eq!(rewritten(&text), text.clone());
        prop_assert!(parse(&text).issues.is_empty(), "{:?}", parse(&text).issues);
    }

    #[test]
    fn any_text_gives_spans_inside_it(text in "(v=DMARC1; ?)?[ vpsrua=;:!,@m\\.\\t\u{e9}]{0,60}|\\PC{0,80}") {
        let record = parse(&text);
        for issue in &record.issues {
            prop_assert!(text.get(issue.span.start..issue.span.end).is_some(), "{issue:?}");
            prop_assert!(issue.span.start < issue.span.end || issue.kind == IssueKind::NoPolicy || text.is_empty(), "{issue:?}");
        }
        for uri in record.aggregate_reports.valid().into_iter().flatten() {
            prop_assert!(uri.span.of(&text).starts_with(&uri.uri));
        }
        let selection = select(&[&text]);
        prop_assert_eq!(selection.records.len() + selection.lookalikes.len() + selection.others.len(), 1);
    }

    #[test]
    fn any_walk_ends_in_time_at_a_name_of_its_own(domain in "[a-z.]{0,40}", records in prop::collection::vec(0..5usize, 9)) {
        let texts = ["", "v=DMARC1; p=none", "v=DMARC1; p=reject; psd=y", "v=DMARC1; p=none; psd=n", "!"];
        let asked = names(&domain);
        let lines: Vec<(&str, &str)> = asked.iter().zip(&records).map(|(name, at)| (name.as_str(), texts[*at])).collect();
        let walk = TreeWalk::over(&domain, &zone(&lines, &[&domain]));
        prop_assert!(walk.steps().len() <= super::WALK_LIMIT);
        if let Ok(organizational) = walk.organizational_domain() {
prop_assert!(domain.strip_suffix('.').unwrap_or(&domain).ends_with(&organizational));
        }
    }
}
