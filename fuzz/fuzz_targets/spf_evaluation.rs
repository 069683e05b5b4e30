//! A DNS made of any bytes: an evaluation ends within its limits, asks nothing
//! twice, and names the term that decided; so does the survey of the tree.
//!
//! The first line says who sends and what the DNS is like; each further line is
//! a record that any name may have.
#![no_main]

use std::{
    collections::BTreeSet,
    hash::{DefaultHasher, Hash, Hasher},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use libfuzzer_sys::fuzz_target;
use mail_syntax::spf::{
    Answer, Answers, Kind, LOOKUP_LIMIT, Limits, Query, Question, VOID_LIMIT, Verdict, Why, check_host, survey,
};

/// Rounds in which an evaluation must have asked all it needs: each term asks
/// for its names, and these for their addresses.
const ROUNDS: usize = 80;

fuzz_target!(|bytes: &[u8]| {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let head = lines.next().unwrap_or_default();
    let pool: Vec<&[u8]> = lines.collect();
    let ip: IpAddr = match head.first().copied().unwrap_or_default() {
        first if first & 1 == 0 => Ipv4Addr::new(192, 0, 2, first).into(),
        first => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(first)).into(),
    };
    let words = String::from_utf8_lossy(head.get(2..).unwrap_or_default()).into_owned();
    let (sender, helo) = words.split_once(' ').unwrap_or((&words, "mail.a.example"));
    let sender = if sender.contains('@') { sender.to_owned() } else { format!("{sender}@a.example") };
    let seed = head.get(1).copied().unwrap_or_default();
    let query = Query::new(ip, &sender, helo);

    let mut known = Answers::default();
    let mut asked = BTreeSet::new();
    let mut rounds = 0;
    let evaluation = loop {
        match check_host(&query, &known) {
            Ok(evaluation) => break evaluation,
            Err(missing) => answer(missing, &mut known, &mut asked, &pool, seed, ip),
        }
        rounds += 1;
        assert!(rounds <= ROUNDS, "it asks without end");
    };
    assert!(evaluation.lookups <= LOOKUP_LIMIT + 1 && evaluation.voids <= VOID_LIMIT + 1);
    let decided = evaluation.why == Why::Directive;
    let plain = matches!(evaluation.verdict, Verdict::Pass | Verdict::Fail | Verdict::SoftFail);
    assert!(!plain || decided, "{:?} for {:?}", evaluation.verdict, evaluation.why);
    if decided {
        assert!(evaluation.deciding_term().is_some());
    }
    for step in &evaluation.steps {
        assert!(evaluation.term(step.at).is_some());
    }

    let limits = Limits::default();
    let mut rounds = 0;
    loop {
        let tree = survey("a.example", &known, limits);
        if tree.missing.is_empty() {
            break;
        }
        answer(tree.missing, &mut known, &mut asked, &pool, seed, ip);
        rounds += 1;
        assert!(rounds <= limits.questions, "the survey asks without end");
    }
});

fn answer(
    missing: Vec<Question>,
    known: &mut Answers,
    asked: &mut BTreeSet<Question>,
    pool: &[&[u8]],
    seed: u8,
    ip: IpAddr,
) {
    assert!(!missing.is_empty());
    for question in missing {
        assert!(asked.insert(question.clone()), "asked twice: {question}");
        let mut hasher = DefaultHasher::new();
        (&question, seed).hash(&mut hasher);
        let chance = hasher.finish();
        let text = |at: u64| pool.get((at % pool.len().max(1) as u64) as usize).copied().unwrap_or_default();
        let name = |at: u64| String::from_utf8_lossy(text(at)).into_owned();
        let answer = match (chance % 16, question.kind) {
            (0, _) => Answer::Failed,
            (1, _) => Answer::NxDomain,
            (2, _) => Answer::NoData,
            (3, Kind::Txt) => Answer::Texts(vec![text(chance >> 8).to_vec(), text(chance >> 16).to_vec()]),
            (_, Kind::Txt) => Answer::Texts(vec![text(chance >> 8).to_vec()]),
            (3..6, Kind::A | Kind::Aaaa) => Answer::Addresses(vec![ip]),
            (_, Kind::A) => Answer::Addresses(vec![Ipv4Addr::from((chance >> 32) as u32).into()]),
            (_, Kind::Aaaa) => Answer::Addresses(vec![Ipv6Addr::from(u128::from(chance)).into()]),
            (more, Kind::Mx | Kind::Ptr) => Answer::Names((0..more).map(|at| name((chance >> 8) + at)).collect()),
        };
        known.insert(question, answer);
    }
}
