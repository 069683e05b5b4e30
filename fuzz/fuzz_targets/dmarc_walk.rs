//! Tree walks over any domain and any records: they end in eight questions, at a
//! name on the way, and discovery, alignment and evaluation agree with each other.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mail_syntax::dmarc::{
    Alignment, AlignmentMode, Answers, Gap, Identifier, Lookup, Mechanism, Passed, Rules, TreeWalk, Verdict, WALK_LIMIT,
    align, discover, evaluate, names, organizational_domain,
};

// The first line is the author's domain, the second an identifier's; each further
// line is the record of the next name that is asked, `!` none to be had.
fuzz_target!(|text: &str| {
    let mut lines = text.split('\n');
    let author = lines.next().unwrap_or_default();
    let other = lines.next().unwrap_or_default();
    let mut known = Answers::default();
    for name in names(author).into_iter().chain(names(other)).chain([organizational_domain(author).to_owned()]) {
        let lookup = match lines.next() {
            None | Some("") => Lookup::Texts(Vec::new()),
            Some("!") => Lookup::Failed,
            Some(records) => Lookup::Texts(records.split('|').map(|record| record.as_bytes().to_vec()).collect()),
        };
        known.insert(&name, lookup);
    }
    let walk = TreeWalk::over(author, &known);
    assert!(walk.steps().len() <= WALK_LIMIT);
    assert!(walk.wanted().is_none());
    if let Ok(organizational) = walk.organizational_domain() {
        let start = author.strip_suffix('.').unwrap_or(author).to_ascii_lowercase();
        assert!(start == organizational || start.ends_with(&format!(".{organizational}")), "{start} {organizational}");
    }
    for rules in Rules::BOTH {
        let found = discover(author, rules, &known);
        assert_eq!(found.record.is_some(), found.gap.is_none());
        assert_eq!(align(author, author, AlignmentMode::Strict, rules, &known), Alignment::Aligned);
        let identifiers =
            [Identifier { mechanism: Mechanism::Dkim, domain: other.to_owned(), passed: Passed::Yes }];
        let evaluation = evaluate(author, true, &identifiers, rules, &known);
        match evaluation.verdict {
            Verdict::Pass => assert_eq!(evaluation.alignments, [Alignment::Aligned]),
            Verdict::None => assert!(evaluation.discovery.record.is_none()),
            Verdict::TempError => assert!(
                matches!(evaluation.discovery.gap, Some(Gap::Failed(_))) || evaluation.alignments == [Alignment::Unknown]
            ),
            Verdict::Fail => assert!(evaluation.requested.is_some()),
            Verdict::PermError => assert!(evaluation.requested.is_none()),
        }
    }
});
