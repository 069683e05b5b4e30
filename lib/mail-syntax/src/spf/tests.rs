#![allow(clippy::unwrap_used, clippy::expect_used)]

use proptest::prelude::*;

use super::*;

/// The faults of a record: the text that each points at, what it says, and
/// what was probably meant.
fn faults(text: &str) -> Vec<(String, String, Option<String>)> {
    let record = parse(text);
    record.issues.iter().map(|i| (i.span.of(text).to_owned(), i.kind.to_string(), i.suggestion.clone())).collect()
}

#[test]
fn a_right_record_has_no_issue_and_is_written_as_it_was_read() {
    for text in [
        "v=spf1",
        "v=spf1 -all",
        "v=spf1 a mx a:mail.example.org mx:example.org/24 a/24//64 a//64 ptr ptr:example.org ~all",
        "v=spf1 ip4:192.0.2.0/24 ip4:198.51.100.7 ip6:2001:db8::/32 ip6:::ffff:192.0.2.1 ?all",
        "v=spf1 include:_spf.example.org. exists:%{ir}.%{v}._spf.%{d2} redirect=_spf.%{o}",
        "v=spf1 a:foo:bar/baz.example.com exp=why.example.org x-note=100%% -all",
    ] {
        assert_eq!(faults(text), [], "{text}");
        assert_eq!(parse(text).to_string(), text);
    }
    assert_eq!(parse("V=SPF1  +A:Mail.Example.ORG  -ALL ").to_string(), "v=spf1 a:Mail.Example.ORG -all");
}

#[test]
fn every_fault_is_found_named_and_pointed_at() {
    #[rustfmt::skip]
    let cases: &[(&str, &str, &str, Option<&str>)] = &[
        ("v=spf1 ipv4:192.0.2.1 -all", "ipv4", "no mechanism is called `ipv4`", Some("ip4:192.0.2.1")),
        ("v=spf1 ip:2001:db8::1 -all", "ip", "no mechanism is called `ip`", Some("ip6:2001:db8::1")),
        ("v=spf1 192.0.2.1 -all", "192.0.2.1", "no mechanism is called `192.0.2.1`", Some("ip4:192.0.2.1")),
        ("v=spf1 inlcude:example.org -all", "inlcude", "no mechanism is called `inlcude`", Some("include:example.org")),
        ("v=spf1 a -all;", "all;", "no mechanism is called `all;`", Some("-all")),
        ("v=spf1 spf.example.org -all", "spf.example.org", "no mechanism is called `spf.example.org`", None),
        ("v=spf1 redirect:example.org", "redirect:example.org", "`redirect` is a modifier, written with `=`", Some("redirect=example.org")),
        ("v=spf1 include=example.org -all", "include=example.org", "`include` is a mechanism, written with `:`", Some("include:example.org")),
        ("v=spf1 -redirect=example.org", "-", "a modifier takes no qualifier", Some("redirect=example.org")),
        ("v=spf1 a --all", "--", "a qualifier without its mechanism", Some("-all")),
        ("v=spf1 a ~ all", "~ all", "a space stands after the qualifier", Some("~all")),
        ("v=spf1 a -  include:example.org ~all", "-  include:example.org", "a space stands after the qualifier", Some("-include:example.org")),
        ("v=spf1 a - -all", "-", "a qualifier without its mechanism", None),
        ("v=spf1 a -all -", "-", "a qualifier without its mechanism", None),
        ("v=spf1 a all=foo", "all=foo", "`all` is a mechanism and takes no value", None),
        ("v=spf1 a all:example.org", ":example.org", "takes no value", None),
        ("v=spf1 1up=foo", "1up=", "no name of a modifier", None),
        ("v=spf1 include -all", "include", "the value is missing", None),
        ("v=spf1 ip4: -all", "ip4:", "the value is missing", None),
        ("v=spf1 mx: -all", ":", "the value is missing", Some("mx")),
        ("v=spf1 redirect=", "redirect=", "the value is missing", None),
        ("v=spf1 -all:example.org", ":example.org", "takes no value", Some("-all")),
        ("v=spf1 include:example.org/24 -all", "/24", "takes no prefix length", Some("include:example.org")),
        ("v=spf1 ptr/24 -all", "/24", "takes no prefix length", Some("ptr")),
        ("v=spf1 ip4:192.0.2.0/33 -all", "/33", "longer than /32", None),
        ("v=spf1 ip4:192.0.2.0/024 -all", "/024", "a prefix length has no leading zero", Some("ip4:192.0.2.0/24")),
        ("v=spf1 ip4:192.0.2.0/ -all", "/", "no prefix length", None),
        ("v=spf1 a/24/64 -all", "/24/64", "the IPv6 prefix length stands after `//`", None),
        ("v=spf1 mx//129 -all", "//129", "longer than /128", None),
        ("v=spf1 ip4:2001:db8::/32 -all", "2001:db8::", "an address of the other family", Some("ip6:2001:db8::/32")),
        ("v=spf1 -ip6:192.0.2.1 -all", "192.0.2.1", "an address of the other family", Some("-ip4:192.0.2.1")),
        ("v=spf1 ip4:192.0.2 -all", "192.0.2", "no IP address", None),
        ("v=spf1 ip4:mail.example.org -all", "mail.example.org", "no IP address", None),
        ("v=spf1 a:192.0.2.1 -all", "192.0.2.1", "an IP address, where a name must stand", Some("ip4:192.0.2.1")),
        ("v=spf1 include:localhost -all", "localhost", "no domain: it has no dot", None),
        ("v=spf1 a:example.org:25 -all", "org:25", "no domain: its last label cannot be one", None),
        ("v=spf1 exists:%(i).example.org -all", "%", "`%` begins no macro; a percent sign is `%%`", None),
        ("v=spf1 exists:%{x}.example.org -all", "%{x}", "there is no macro letter `x`", None),
        ("v=spf1 exists:%{t}.example.org -all", "%{t}", "the macro letter `t` belongs in explanations only", None),
        ("v=spf1 exists:%{i0}.example.org -all", "%{i0}", "the number of labels must be 1 to 128", None),
        ("v=spf1 exists:%{i.example.org -all", "%{i.example.org", "the macro has no `}`", None),
        ("v=spf1 \u{2013}all", "\u{2013}", "U+2013 is not ASCII", Some("-all")),
        ("v=spf1 a\tmx -all", "\t", "control character U+0009", Some("a mx")),
        ("v=spf1 a redirect=a.example redirect=b.example", "redirect=b.example", "`redirect` stands here for the second time", None),
        ("v=spf1 a -all mx", "mx", "never looked at: it stands after `all`", None),
        ("v=spf1 -all redirect=a.example", "redirect=a.example", "ignored beside `all`", None),
        ("v=spf1 a:mail..example.org -all", "mail..example.org", "a label is empty", None),
    ];
    for (text, span, says, suggestion) in cases {
        let expected = (span.to_string(), says.to_string(), suggestion.map(str::to_owned));
        assert_eq!(faults(text), [expected], "{text}");
    }
}

#[test]
fn one_fault_hides_no_other() {
    let text = "v=spf1 ipv4:192.0.2.1 a:192.0.2.2 include: mx -all";
    assert_eq!(faults(text).len(), 3);
    let record = parse(text);
    assert_eq!(record.directives().map(|(_, d)| d.mechanism.name()).collect::<Vec<_>>(), ["mx", "all"]);
    assert_eq!(record.to_string(), text);
}

#[test]
fn only_records_are_selected_and_what_looks_like_one_is_named() {
    use Lookalike::*;
    for (text, expected) in [
        ("v=spf1 -all", None),
        ("V=SPF1", None),
        (" v=spf1 -all", Some(LeadingSpace)),
        ("\u{feff}v=spf1 -all", Some(LeadingSpace)),
        ("\"v=spf1 -all\"", Some(Quoted)),
        ("v=spf1; a -all", Some(Glued)),
        ("v=spf1mx -all", Some(Glued)),
        ("v=spf1\u{a0}a -all", Some(Glued)),
        ("v=spf10 -all", Some(Version)),
        ("v=spf2 -all", Some(Version)),
        ("v=spfl -all", Some(Misspelt)),
        ("v = spf1 a -all", Some(Misspelt)),
        ("spf1 include:example.org -all", Some(Misspelt)),
    ] {
        let selection = select(&[text]);
        assert_eq!(selection.lookalikes.first().map(|(_, why)| *why), expected, "{text}");
        assert_eq!(selection.records.len(), usize::from(expected.is_none()), "{text}");
    }
    for other in ["", "google-site-verification=x", "spf", "spfbl-token 17", "v=DMARC1; p=none"] {
        let selection = select(&[other]);
        assert!(selection.records.is_empty() && selection.lookalikes.is_empty(), "{other}");
        assert_eq!(selection.others.len(), 1, "{other}");
    }
    assert_eq!(select(&["spf2.0/pra include:example.org ~all"]).sender_id().count(), 1);
}

/// The examples of RFC 7208 §7.4.
#[test]
fn macros_expand_as_in_the_rfc() {
    let expand = |text: &str, ip: &str| {
        let (string, faults) = MacroString::parse(text, MacroPlace::Record);
        assert_eq!(faults, []);
        string.expand(&Expansion {
            sender: "strong-bad@email.example.com",
            domain: "email.example.com",
            ip: ip.parse().unwrap(),
            helo: "mx.example.org",
            receiver: None,
            validated: None,
            time: None,
        })
    };
    for (text, expected) in [
        ("%{s}", "strong-bad@email.example.com"),
        ("%{o}", "email.example.com"),
        ("%{d4}", "email.example.com"),
        ("%{d2}", "example.com"),
        ("%{dr}", "com.example.email"),
        ("%{d2r}", "example.email"),
        ("%{l-}", "strong.bad"),
        ("%{lr-}", "bad.strong"),
        ("%{l1r-}", "strong"),
        ("%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"),
        ("%{lr-}.lp.%{ir}.%{v}._spf.%{d2}", "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"),
        ("%{S}%%%_%-", "strong-bad%40email.example.com% %20"),
    ] {
        assert_eq!(expand(text, "192.0.2.3"), expected, "{text}");
    }
    assert_eq!(
        expand("%{ir}.%{v}._spf.%{d2}", "2001:db8::cb01"),
        "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6._spf.example.com"
    );
}

/// Answers from lines `name TYPE data`; names in no line do not exist.
fn zone(lines: &[&str]) -> impl Fn(&Question) -> Answer {
    let rows: Vec<(String, String, String)> = lines
        .iter()
        .map(|line| {
            let mut words = line.splitn(3, ' ');
            let mut next = || words.next().unwrap_or_default().to_owned();
            (next(), next(), next())
        })
        .collect();
    move |question| {
        let named: Vec<_> = rows.iter().filter(|(name, ..)| *name == question.name).collect();
        if named.is_empty() {
            return Answer::NxDomain;
        }
        if named.iter().any(|(_, kind, _)| kind == "FAIL") {
            return Answer::Failed;
        }
        let kind = question.to_string().split(' ').nth(1).unwrap().to_owned();
        let data: Vec<&String> = named.iter().filter(|(_, k, _)| *k == kind).map(|(.., data)| data).collect();
        match question.kind {
            _ if data.is_empty() => Answer::NoData,
            Kind::Txt => Answer::Texts(data.iter().map(|text| text.as_bytes().to_vec()).collect()),
            Kind::A | Kind::Aaaa => Answer::Addresses(data.iter().map(|ip| ip.parse().unwrap()).collect()),
            Kind::Mx | Kind::Ptr => Answer::Names(data.iter().map(|name| name.to_string()).collect()),
        }
    }
}

/// Surveys until nothing is missing; with the number of rounds.
fn surveyed(domain: &str, lines: &[&str]) -> (Survey, usize) {
    let answer = zone(lines);
    let mut known = Answers::default();
    for round in 0.. {
        let survey = survey(domain, &known, Limits::default());
        if survey.missing.is_empty() {
            return (survey, round);
        }
        for question in survey.missing {
            let reply = answer(&question);
            known.insert(question, reply);
        }
    }
    unreachable!("the range has no end")
}

#[test]
fn a_tree_beyond_the_bounds_ends_the_same_in_whatever_order_it_is_learnt() {
    // Every record includes four others, without end.
    let answer = |question: &Question| {
        Answer::Texts(vec![
            (0..4).fold("v=spf1".to_owned(), |text, n| format!("{text} include:{n}.{}", question.name)).into_bytes(),
        ])
    };
    let limits = Limits { nodes: 20, questions: 15, ..Limits::default() };
    let learnt = |at_once: usize| {
        let mut known = Answers::default();
        loop {
            let mut survey = survey("example.org", &known, limits);
            if survey.missing.is_empty() {
                return survey;
            }
            survey.missing.truncate(at_once);
            for question in survey.missing {
                let reply = answer(&question);
                known.insert(question, reply);
            }
        }
    };
    let one_by_one = learnt(1);
    assert!(one_by_one.truncated);
    assert_eq!(one_by_one, learnt(3));
    assert_eq!(one_by_one, learnt(usize::MAX));
}

#[test]
fn a_survey_takes_as_many_rounds_as_the_tree_is_deep_and_counts_every_term_once() {
    let (survey, rounds) = surveyed(
        "example.org",
        &[
            "example.org TXT v=spf1 a mx include:one.example include:two.example exists:%{i}.x.example ~all include:never.example",
            "example.org A 192.0.2.1",
            "example.org MX mail.example.org",
            "mail.example.org A 192.0.2.2",
            "one.example TXT v=spf1 ip4:192.0.2.0/24 a:gone.example include:deep.example -all",
            "deep.example TXT v=spf1 ip4:198.51.100.0/24 -all",
            "two.example TXT v=spf1 redirect=deep.example",
        ],
    );
    assert_eq!(rounds, 3);
    assert_eq!((survey.lookups(), survey.nodes.len()), (8, 5));
    let costs: Vec<(String, usize)> =
        survey.order.iter().map(|at| (survey.text(*at).to_owned(), survey.lookups_of(*at))).collect();
    let expected = [
        ("a", 1),
        ("mx", 1),
        ("include:one.example", 3),
        ("a:gone.example", 1),
        ("include:deep.example", 1),
        ("include:two.example", 2),
        ("redirect=deep.example", 1),
        ("exists:%{i}.x.example", 1),
    ];
    assert_eq!(costs, expected.map(|(text, cost)| (text.to_owned(), cost)));
    assert_eq!(survey.voids().map(|at| survey.text(at).to_owned()).collect::<Vec<_>>(), ["a:gone.example"]);
}

#[test]
fn a_loop_ends_and_is_named() {
    let (survey, _) = surveyed(
        "a.example",
        &["a.example TXT v=spf1 include:b.example -all", "b.example TXT v=spf1 redirect=a.example"],
    );
    assert_eq!(
        survey.nodes.iter().map(|node| node.domain.as_str()).collect::<Vec<_>>(),
        ["a.example", "b.example", "a.example"]
    );
    assert_eq!(survey.nodes[2].state, NodeState::Loop(0));
}

#[test]
fn a_tree_without_end_is_cut_off() {
    let lines: Vec<String> = (0..20)
        .map(|n| format!("n{n}.example TXT v=spf1 include:n{}.example include:n{}.example -all", n + 1, n + 1))
        .collect();
    let (survey, _) = surveyed("n0.example", &lines.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(survey.truncated && survey.nodes.len() == Limits::default().nodes);
    assert!(survey.lookups() > LOOKUP_LIMIT);
}

#[test]
fn failing_dns_is_no_void_lookup() {
    let (survey, _) = surveyed("a.example", &["a.example TXT v=spf1 a:b.example -all", "b.example FAIL x"]);
    assert_eq!(survey.voids().count(), 0);
    assert!(matches!(&survey.nodes[0].costs[0].state, CostState::Failed(questions) if questions.len() == 1));
}

#[test]
fn void_lookups_are_those_of_one_family() {
    let lines = [
        "example.org TXT v=spf1 a mx a:six.example exists:six.example include:s.example redirect=no.example -all a:no.example",
        "example.org A 192.0.2.1",
        "example.org MX mx.example",
        "example.org MX six.example",
        "mx.example A 192.0.2.2",
        "six.example AAAA 2001:db8::6",
        "s.example TXT v=spf1 a:gone.example redirect=t.example",
        "t.example TXT v=spf1 ip4:192.0.2.9 ?all mx",
    ];
    let (survey, _) = surveyed("example.org", &lines);
    let void = |family: Kind| {
        let costs = survey.sequence().into_iter().filter_map(|at| Some((at, survey.cost(at)?)));
        costs.filter(|(_, cost)| cost.void.has(family)).map(|(at, _)| survey.text(at).to_owned()).collect::<Vec<_>>()
    };
    // Of `mx`, one exchange has no address of the family, whichever that is.
    assert_eq!(void(Kind::A), ["mx", "a:six.example", "exists:six.example", "a:gone.example"]);
    assert_eq!(void(Kind::Aaaa), ["a", "mx", "exists:six.example", "a:gone.example"]);
    let sequence: Vec<String> = survey.sequence().into_iter().map(|at| survey.text(at).to_owned()).collect();
    let below = ["a:gone.example", "redirect=t.example", "ip4:192.0.2.9", "?all"];
    assert_eq!(sequence[5..], [&below[..], &["-all"]].concat());
}

#[test]
fn an_evaluation_says_which_term_in_which_record_decided() {
    let answer = zone(&[
        "example.org TXT v=spf1 mx include:_spf.example.net -all",
        "example.org MX mail.example.org",
        "mail.example.org A 192.0.2.2",
        "_spf.example.net TXT v=spf1 ip4:198.51.100.0/24 ?all",
    ]);
    let evaluate = |ip: &str| {
        let query = Query::new(ip.parse().unwrap(), "joe@example.org", "mail.example.org");
        let mut known = Answers::default();
        loop {
            match check_host(&query, &known) {
                Ok(evaluation) => return evaluation,
                Err(missing) => missing.into_iter().for_each(|question| {
                    let reply = answer(&question);
                    known.insert(question, reply);
                }),
            }
        }
    };
    for (ip, verdict, term, depth) in [
        ("192.0.2.2", Verdict::Pass, "mx", 1),
        ("198.51.100.9", Verdict::Pass, "ip4:198.51.100.0/24", 2),
        ("203.0.113.1", Verdict::Fail, "-all", 1),
    ] {
        let evaluation = evaluate(ip);
        assert_eq!((evaluation.verdict, evaluation.deciding_term().unwrap().text), (verdict, term));
        assert_eq!(evaluation.path.len(), depth);
    }
    let failed = evaluate("203.0.113.1");
    assert_eq!((failed.lookups, failed.voids, failed.steps.len()), (2, 0, 5));
}

#[test]
fn a_name_that_ends_with_two_dots_is_never_asked() {
    // Found by fuzzing: one dot was taken away, and the rest asked for without end.
    let query = Query::new("192.0.2.1".parse().unwrap(), "joe@a.example", "mail.a.example");
    let mut known = Answers::default();
    let record = b"v=spf1 mx -all".to_vec();
    known.insert(Question::new("a.example", Kind::Txt), Answer::Texts(vec![record]));
    known.insert(Question::new("a.example", Kind::Mx), Answer::Names(vec!["mail.a.example..".to_owned()]));
    assert_eq!(check_host(&query, &known).unwrap().verdict, Verdict::Fail);
}

proptest! {
    #[test]
    fn any_bytes_are_read_and_written_back(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let text = format!("v=spf1 {}", crate::txt::read_text(&bytes));
        let record = parse(&text);
        for issue in &record.issues {
            prop_assert!(text.get(issue.span.start..issue.span.end).is_some());
            prop_assert!(issue.term < record.terms.len());
        }
        prop_assert_eq!(kinds(&parse(&record.to_string())), kinds(&record));
    }

    #[test]
    fn terms_are_read_and_written_back(
        words in proptest::collection::vec("[-+~?]?(all|a|mx|ptr|include|exists|ip4|ip6|redirect|exp|foo)[:=/]?[a-z0-9.%{}/:]{0,24}", 0..12)
    ) {
        let record = parse(&format!("v=spf1 {}", words.join(" ")));
        prop_assert_eq!(kinds(&parse(&record.to_string())), kinds(&record));
    }
}

fn kinds(record: &Record) -> Vec<TermKind> {
    record.terms.iter().map(|term| term.kind.clone()).collect()
}

#[test]
fn a_value_after_a_space_is_one_fault_of_one_term() {
    for (text, span, meant) in [
        ("v=spf1 include: a.example -all", "include: a.example", "include:a.example"),
        ("v=spf1 -ip4:  25.25.1.0/24 -all", "-ip4:  25.25.1.0/24", "-ip4:25.25.1.0/24"),
        ("v=spf1 redirect= a.example", "redirect= a.example", "redirect=a.example"),
    ] {
        let record = parse(text);
        let [issue] = record.issues.as_slice() else { panic!("{text}: {:?}", record.issues) };
        assert_eq!((issue.kind.clone(), issue.span.of(text)), (IssueKind::DetachedValue, span), "{text}");
        assert_eq!(issue.suggestion.as_deref(), Some(meant));
        assert!(record.is_broken() && record.terms[issue.term].span.of(text) == span);
    }
    // A mechanism is no value, and what makes no term is none either.
    for text in ["v=spf1 include: -all", "v=spf1 ip4: mx -all", "v=spf1 include: m%x -all", "v=spf1 ip4:"] {
        assert!(parse(text).issues.iter().any(|issue| issue.kind == IssueKind::MissingValue), "{text}");
    }
}
