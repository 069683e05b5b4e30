//! How many evaluations of a cached SPF tree a core makes in a second: every
//! record is parsed anew from the bytes of its answer, as it is in a run.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use mail_syntax::spf::{Answer, Answers, Kind, Query, Question, check_host};

/// How long each tree is evaluated.
const TIME: Duration = Duration::from_secs(1);

/// A tree: its name, the client, and the records, each an owner and a text.
type Tree = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// Trees as they are in use.
const TREES: [Tree; 3] = [
    ("one record", "192.0.2.77", &[("a.example", "v=spf1 ip4:192.0.2.0/24 ip4:198.51.100.0/24 mx -all")]),
    (
        "three records, decided in the last",
        "203.0.113.9",
        &[
            ("a.example", "v=spf1 ip4:192.0.2.0/24 include:_spf.b.example include:_spf.c.example ~all"),
            ("_spf.b.example", "v=spf1 ip4:198.51.100.0/25 ip4:198.51.100.128/26 ip6:2001:db8:4000::/36 ~all"),
            ("_spf.c.example", "v=spf1 ip4:203.0.113.64/26 ip4:203.0.113.0/26 -all"),
        ],
    ),
    (
        "eight records of three senders, no match",
        "100.64.0.1",
        &[
            ("a.example", "v=spf1 include:_spf.b.example include:spf.c.example include:d.example -all"),
            ("_spf.b.example", "v=spf1 include:_n1.b.example include:_n2.b.example include:_n3.b.example ~all"),
            ("_n1.b.example", "v=spf1 ip4:192.0.2.0/26 ip4:192.0.2.64/26 ip4:192.0.2.128/26 ip4:192.0.2.192/26 ~all"),
            ("_n2.b.example", "v=spf1 ip6:2001:db8:1::/48 ip6:2001:db8:2::/48 ip6:2001:db8:3::/48 ~all"),
            ("_n3.b.example", "v=spf1 ip4:198.51.100.0/26 ip4:198.51.100.64/26 ip4:198.51.100.128/26 ~all"),
            ("spf.c.example", "v=spf1 ip4:203.0.113.0/26 ip4:203.0.113.64/26 ip6:2001:db8:f400::/48 -all"),
            ("d.example", "v=spf1 ip4:203.0.113.128/26 include:e.example ~all"),
            ("e.example", "v=spf1 ip4:203.0.113.192/27 ip4:203.0.113.224/27 ~all"),
        ],
    ),
];

/// Prints the figures.
pub fn bench() -> anyhow::Result<()> {
    println!("SPF: parsing and evaluation of a cached tree, one core");
    for (name, client, records) in TREES {
        let mut known = Answers::default();
        for (owner, text) in records {
            known.insert(Question::new(owner, Kind::Txt), Answer::Texts(vec![text.as_bytes().to_vec()]));
        }
        known.insert(Question::new("a.example", Kind::Mx), Answer::Names(vec!["mx.a.example".to_owned()]));
        known.insert(Question::new("mx.a.example", Kind::A), Answer::Addresses(vec![IpAddr::from([192, 0, 2, 1])]));
        let query = Query::new(client.parse().context("an address")?, "joe@a.example", "mail.a.example");
        let (begun, mut times) = (Instant::now(), 0_u32);
        let mut verdict = None;
        while begun.elapsed() < TIME {
            for _ in 0..100 {
                match check_host(std::hint::black_box(&query), std::hint::black_box(&known)) {
                    Ok(evaluation) => verdict = Some(evaluation.verdict),
                    Err(missing) => bail!("{name}: {missing:?} is missing"),
                }
                times += 1;
            }
        }
        let rate = f64::from(times) / begun.elapsed().as_secs_f64();
        let verdict = verdict.map_or("", mail_syntax::spf::Verdict::word);
        println!("  {name} ({} records, {verdict}): {rate:.0} a second", records.len());
    }
    println!();
    Ok(())
}
