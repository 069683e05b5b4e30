//! Makes the remedies of a report agree: at most one record is offered for a
//! name, and it makes all repairs at once, so that none undoes another.

use std::collections::BTreeSet;

use engine_plugin_api::{Finding, Judgement, Remedy};
use mail_syntax::spf::{IssueKind, Mechanism, Qualifier, Record, parse};

use super::{syntax, words};
use crate::{
    FAIL, INCLUDE_BROKEN, INCLUDE_NONE, INCLUDE_REPEATED, LOOP, NEUTRAL, PARKED_LOOSE, SOFTFAIL,
    facts::{Facts, Mail},
};

/// Terms of the longest record whose repairs are put together.
const TERMS: usize = 200;

/// Gives every finding that changes the same record the same new record.
pub fn repairs(facts: &Facts, out: &mut Judgement) {
    let remedies = out.findings.iter().filter_map(|finding| finding.remedy.as_ref());
    let names: BTreeSet<String> =
        remedies.flat_map(|remedy| &remedy.publish).filter(|r| r.rtype == "TXT").map(|r| r.name.clone()).collect();
    for name in names {
        one_record(facts, &name, &mut out.findings);
    }
}

/// A remedy that publishes a record at the name in question.
struct Wish {
    finding: usize,
    text: String,
    /// The one record that the new one replaces.
    base: Option<String>,
}

fn one_record(facts: &Facts, name: &str, findings: &mut [Finding]) {
    let wishes: Vec<Wish> = findings.iter().enumerate().filter_map(|(at, finding)| wish(name, at, finding)).collect();
    let conditional = |wish: &&Wish| is_conditional(&findings[wish.finding].code);
    // Repetition is judged by what the included records hold; where one of them goes, it is judged anew.
    let includes_go =
        wishes.iter().any(|wish| [INCLUDE_BROKEN, INCLUDE_NONE, LOOP].contains(&findings[wish.finding].code.as_str()));
    let mut candidates: Vec<&Wish> = wishes
        .iter()
        .filter(|wish| !conditional(wish))
        .filter(|wish| !includes_go || findings[wish.finding].code != INCLUDE_REPEATED)
        .collect();
    if candidates.is_empty() {
        candidates.extend(wishes.first());
    }
    let Some(first) = candidates.first().copied() else { return };
    let mut edit = first.base.as_deref().and_then(|base| Edit::between(base, &first.text));
    let mut text = first.text.clone();
    let mut members = vec![first.finding];
    for wish in &candidates[1..] {
        let both =
            edit.as_ref().filter(|_| wish.base == first.base).zip(wish.base.as_deref()).and_then(|(edit, base)| {
                let both = edit.with(&Edit::between(base, &wish.text)?)?;
                (!spoils(base, &both.text())).then_some(both)
            });
        if let Some(both) = both {
            text = both.text();
            edit = Some(both);
            members.push(wish.finding);
        }
    }
    members.extend(wishes.iter().filter(|wish| wish.text == text).map(|wish| wish.finding));
    let code = findings[first.finding].code.clone();
    let closes = first.base.as_deref().is_some_and(|base| names_somebody(base) && !names_somebody(&text))
        && facts.mail.known() != Some(&Mail::Refused);
    for wish in &wishes {
        let finding = &mut findings[wish.finding];
        let parked = finding.code == PARKED_LOOSE;
        let Some(remedy) = &mut finding.remedy else { continue };
        if !members.contains(&wish.finding) {
            keep_step(name, remedy);
            remedy.step.push_str(&match parked {
                true => format!(" Then `{}` stands in place of the record given with `{code}`.", wish.text),
                false => format!(" Make this change in the record given with `{code}`: a domain has only one."),
            });
        } else if closes && !parked {
            keep_step(name, remedy);
            remedy.step.push_str(
                " The record names nobody else: put in what sends for the domain before that, or receivers refuse or \
                 doubt all its mail.",
            );
        } else if wish.text != text {
            remedy.publish.iter_mut().filter(|r| is_at(name, r)).for_each(|r| r.value.clone_from(&text));
            if let Some(edit) = &edit {
                let end = first.base.as_deref().filter(|_| !remedy.step.contains(" instead of `"));
                let end = end.map(|base| syntax::end_changes(base, &text)).unwrap_or_default();
                remedy
                    .step
                    .push_str(&format!(" The record given makes these repairs at once: it {}{end}.", edit.told()));
            }
        }
    }
}

/// Whether two changes that are right by themselves make a fault together, for
/// example a second `all`, or an `all` beside a `redirect`.
fn spoils(base: &str, text: &str) -> bool {
    let (old, new) = (parse(base), parse(text));
    let count = |record: &Record, kind: &IssueKind| record.issues.iter().filter(|issue| issue.kind == *kind).count();
    new.is_broken() || new.issues.iter().any(|issue| count(&new, &issue.kind) > count(&old, &issue.kind))
}

pub fn is_at(name: &str, record: &engine_plugin_api::Record) -> bool {
    record.rtype == "TXT" && record.name == name
}

fn wish(name: &str, finding: usize, of: &Finding) -> Option<Wish> {
    let remedy = of.remedy.as_ref()?;
    let text = remedy.publish.iter().find(|record| is_at(name, record))?.value.clone();
    let mut old = remedy.withdraw.iter().filter(|record| is_at(name, record));
    let base = old.next().map(|record| record.value.clone()).filter(|_| old.next().is_none());
    Some(Wish { finding, text, base })
}

/// Whether the record is right only if the owner says so: that a server is
/// his, or that nothing sends.
pub fn is_conditional(code: &str) -> bool {
    [FAIL, SOFTFAIL, NEUTRAL, PARKED_LOOSE].contains(&code)
}

pub fn keep_step(name: &str, remedy: &mut Remedy) {
    remedy.publish.retain(|record| !is_at(name, record));
    remedy.withdraw.retain(|record| !is_at(name, record));
    remedy.effect = None;
}

/// Whether a record lets anybody send, be it in vain.
fn names_somebody(text: &str) -> bool {
    let record = parse(text);
    record.redirect().is_some()
        || record.directives().any(|(_, one)| one.qualifier == Qualifier::Pass)
        || record.directives().any(|(_, one)| one.mechanism == Mechanism::All && one.qualifier == Qualifier::Neutral)
        || record.all().is_none()
}

/// What becomes of each word of a record.
#[derive(Clone)]
struct Edit {
    words: Vec<String>,
    /// What stands in place of each word; absent where it is kept.
    change: Vec<Option<Vec<String>>>,
    /// What comes before each word, and after the last.
    before: Vec<Vec<String>>,
}

impl Edit {
    /// The change that makes `new` of `old`; `None` where they are too long to be compared.
    fn between(old: &str, new: &str) -> Option<Edit> {
        let split = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let (words, new) = (split(old), split(new));
        if words.len() > TERMS || new.len() > TERMS {
            return None;
        }
        let mut edit =
            Edit { change: vec![None; words.len()], before: vec![Vec::new(); words.len() + 1], words: words.clone() };
        let (mut at, mut to) = (0, 0);
        for (i, j) in common(&words, &new).into_iter().chain([(words.len(), new.len())]) {
            edit.gap(at, i, &new[to..j]);
            (at, to) = (i + 1, j + 1);
        }
        Some(edit)
    }

    /// Lets `new` stand in place of the words `from..to`.
    fn gap(&mut self, from: usize, to: usize, new: &[String]) {
        if from == to {
            self.before[to] = new.to_vec();
            return;
        }
        let one_for_one = to - from == new.len();
        for at in from..to {
            self.change[at] = Some(match one_for_one {
                true => vec![new[at - from].clone()],
                false if at == from => new.to_vec(),
                false => Vec::new(),
            });
        }
    }

    /// Both changes; `None` where they make different things of one word.
    fn with(&self, other: &Edit) -> Option<Edit> {
        let mut both = self.clone();
        for (mine, theirs) in both.change.iter_mut().zip(&other.change) {
            match (&mine, theirs) {
                (None, _) => mine.clone_from(theirs),
                (Some(mine), Some(theirs)) if mine != theirs => return None,
                _ => {}
            }
        }
        for (mine, theirs) in both.before.iter_mut().zip(&other.before) {
            if mine != theirs {
                mine.extend(theirs.iter().cloned());
            }
        }
        Some(both)
    }

    fn text(&self) -> String {
        let mut words: Vec<&str> = Vec::new();
        for (at, before) in self.before.iter().enumerate() {
            words.extend(before.iter().map(String::as_str));
            match self.change.get(at) {
                Some(Some(new)) => words.extend(new.iter().map(String::as_str)),
                Some(None) => words.push(&self.words[at]),
                None => {}
            }
        }
        words.join(" ")
    }

    /// For example ``takes out `a`; writes `~all` for `?all` ``.
    fn told(&self) -> String {
        let mut gone = Vec::new();
        let mut parts = Vec::new();
        for (word, change) in self.words.iter().zip(&self.change) {
            match change {
                Some(new) if new.is_empty() => gone.push(word),
                Some(new) => parts.push(format!("writes `{}` for `{word}`", new.join(" "))),
                None => {}
            }
        }
        if !gone.is_empty() {
            parts.insert(0, format!("takes out {}", words::list(&gone)));
        }
        let added: Vec<&String> = self.before.iter().flatten().collect();
        if !added.is_empty() {
            parts.push(format!("puts in {}", words::list(&added)));
        }
        parts.join("; ")
    }
}

/// The words that stay, as positions in both: a longest common subsequence in
/// which `all` counts most, so that what moves is moved past it and not it.
fn common(old: &[String], new: &[String]) -> Vec<(usize, usize)> {
    let weight = |word: &str| if word.trim_start_matches(['+', '-', '~', '?']) == "all" { 1_000 } else { 1 };
    let mut best = vec![vec![0_u32; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            let skip = best[i + 1][j].max(best[i][j + 1]);
            best[i][j] = if old[i] == new[j] { skip.max(best[i + 1][j + 1] + weight(&old[i])) } else { skip };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut kept = Vec::new();
    while i < old.len() && j < new.len() {
        if old[i] == new[j] && best[i][j] == best[i + 1][j + 1] + weight(&old[i]) {
            kept.push((i, j));
            (i, j) = (i + 1, j + 1);
        } else if best[i + 1][j] >= best[i][j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    kept
}
