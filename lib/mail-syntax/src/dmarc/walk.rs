//! The tree walk of RFC 9989 §4.10, without I/O.

use std::collections::HashMap;

use super::{Psd, Record, parse, select};

/// What came of `_dmarc.<name> TXT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// The TXT records, each joined from its strings without a space; none for a
    /// name that does not exist or has none.
    Texts(Vec<Vec<u8>>),
    /// No answer, which says nothing about the name.
    Failed,
}

/// Lookups that are already known, by domain, without `_dmarc.`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers(HashMap<String, Lookup>);

impl Answers {
    /// Takes what came of `_dmarc.<domain>`; a second time replaces the first.
    pub fn insert(&mut self, domain: &str, lookup: Lookup) {
        self.0.insert(normal(domain), lookup);
    }

    /// What came of `_dmarc.<domain>`. What was never asked counts as failed.
    pub fn get(&self, domain: &str) -> &Lookup {
        self.0.get(domain).unwrap_or(&Lookup::Failed)
    }
}

/// Lower-case, without the final dot.
pub(super) fn normal(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

/// The domains that a walk from `domain` may come to, in order, the first one
/// included: at most [`super::WALK_LIMIT`].
pub fn names(domain: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut next = Some(normal(domain)).filter(|name| !name.is_empty());
    while let Some(name) = next {
        next = above(&name, names.is_empty()).map(str::to_owned);
        names.push(name);
    }
    names
}

/// The next target (§4.10 steps 4 and 7): one label less, but from eight labels or
/// more at the beginning, seven.
fn above(name: &str, first: bool) -> Option<&str> {
    const KEPT: usize = 7;
    let labels = name.split('.').count();
    let drop = if first && labels > KEPT { labels - KEPT } else { 1 };
    let mut rest = name;
    for _ in 0..drop {
        rest = rest.split_once('.')?.1;
    }
    Some(rest).filter(|rest| !rest.is_empty())
}

/// What one name of the walk holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The domain, without `_dmarc.`.
    pub domain: String,
    /// What was there.
    pub found: StepFound,
}

/// What was at a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepFound {
    /// One record, with its text.
    Record(Box<Record>, String),
    /// No record.
    Nothing,
    /// Several, which are all discarded.
    Several(Vec<String>),
    /// No answer.
    Failed,
}

impl Step {
    /// Reads a lookup.
    pub fn read(domain: &str, lookup: &Lookup) -> Step {
        let found = match lookup {
            Lookup::Failed => StepFound::Failed,
            Lookup::Texts(texts) => {
                let mut records = select(texts).records;
                match records.len() {
                    0 => StepFound::Nothing,
                    1 => {
                        let text = records.remove(0).text;
                        StepFound::Record(Box::new(parse(&text)), text)
                    }
                    _ => StepFound::Several(records.into_iter().map(|record| record.text).collect()),
                }
            }
        };
        Step { domain: domain.to_owned(), found }
    }

    /// The record, where there is exactly one.
    pub fn record(&self) -> Option<(&Record, &str)> {
        match &self.found {
            StepFound::Record(record, text) => Some((record, text)),
            _ => None,
        }
    }
}

/// A walk: it names the domain to look up, takes the answer, and ends by itself.
///
/// ```
/// use mail_syntax::dmarc::{Lookup, TreeWalk};
///
/// let mut walk = TreeWalk::new("a.mail.example.com");
/// while let Some(domain) = walk.wanted() {
///     let psd = domain == "com"; // _dmarc.com has a record with psd=y
///     let texts = if psd { vec![b"v=DMARC1; p=reject; psd=y".to_vec()] } else { vec![] };
///     walk.answer(&Lookup::Texts(texts));
/// }
/// assert_eq!(walk.organizational_domain(), Ok("example.com".to_owned()));
/// ```
#[derive(Clone, Debug)]
pub struct TreeWalk {
    start: String,
    wanted: Option<String>,
    steps: Vec<Step>,
}

impl TreeWalk {
    /// A walk from `domain`.
    pub fn new(domain: &str) -> Self {
        let start = normal(domain);
        let wanted = Some(start.clone()).filter(|name| !name.is_empty());
        TreeWalk { start, wanted, steps: Vec::new() }
    }

    /// A whole walk over known answers.
    pub fn over(domain: &str, known: &Answers) -> Self {
        let mut walk = TreeWalk::new(domain);
        while let Some(wanted) = walk.wanted.clone() {
            walk.answer(known.get(&wanted));
        }
        walk
    }

    /// The domain whose `_dmarc` record is needed next; `None` at the end.
    pub fn wanted(&self) -> Option<&str> {
        self.wanted.as_deref()
    }

    /// Takes the answer for the domain that [`TreeWalk::wanted`] names; without
    /// one it does nothing.
    pub fn answer(&mut self, lookup: &Lookup) {
        let Some(domain) = self.wanted.take() else { return };
        let step = Step::read(&domain, lookup);
        let stops = step.record().is_some_and(|(record, _)| record.place() != Psd::Unsaid);
        if !stops {
            self.wanted = above(&domain, self.steps.is_empty()).map(str::to_owned);
        }
        self.steps.push(step);
    }

    /// What was found so far, longest name first.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The step at `domain`, if the walk came there.
    pub fn at(&self, domain: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.domain == domain)
    }

    /// The organizational domain (§4.10.2) of where the walk began.
    ///
    /// # Errors
    /// The domain whose lookup failed, where that might change it.
    pub fn organizational_domain(&self) -> Result<String, String> {
        if let Some(failed) = self.steps.iter().find(|step| step.found == StepFound::Failed) {
            return Err(failed.domain.clone());
        }
        for step in &self.steps {
            let Some((record, _)) = step.record() else { continue };
            match record.place() {
                Psd::No => return Ok(step.domain.clone()),
                Psd::Yes if step.domain != self.start => return Ok(self.below(&step.domain)),
                Psd::Yes | Psd::Unsaid => {}
            }
        }
        let shortest = self.steps.iter().rev().find(|step| step.record().is_some());
        Ok(shortest.map_or(&self.start, |step| &step.domain).clone())
    }

    /// The public suffix domain whose record ended the walk, with `psd=y`.
    pub fn public_suffix(&self) -> Option<&Step> {
        self.steps
            .last()
            .filter(|step| step.domain != self.start)
            .filter(|step| step.record().is_some_and(|(record, _)| record.place() == Psd::Yes))
    }

    /// The name one label below `above` on the way to the start.
    fn below(&self, above: &str) -> String {
        let head = self.start.strip_suffix(above).and_then(|head| head.strip_suffix('.'));
        let label = head.and_then(|head| head.rsplit('.').next());
        label.map_or_else(|| self.start.clone(), |label| format!("{label}.{above}"))
    }
}
