//! Which record applies to a domain.

use super::{Answers, Record, Rules, Scope, Step, StepFound, TreeWalk, organizational_domain, walk::normal};

/// The record that applies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The domain that publishes it, without `_dmarc.`.
    pub domain: String,
    /// The record.
    pub record: Box<Record>,
    /// Its text.
    pub text: String,
}

/// Why no record applies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gap {
    /// There is none where receivers look.
    Nothing,
    /// There are several at this domain, and receivers look no further
    /// (RFC 7489 §6.6.3 step 5).
    Several(String),
    /// The lookup at this domain failed, and what it says would decide.
    Failed(String),
}

/// What discovery came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discovery {
    /// The record that applies.
    pub record: Option<Found>,
    /// Why there is none; `None` where there is one.
    pub gap: Option<Gap>,
    /// Whether it is the domain's own record or applies from above: [`Scope::Own`]
    /// or [`Scope::Subdomain`]. For a domain without records of its own in the DNS,
    /// [`Scope::Nonexistent`] takes the latter's place.
    pub scope: Scope,
    /// The organizational domain; `None` where a failed lookup leaves it open.
    pub organizational: Option<String>,
}

/// Finds the record that applies to mail from `domain`, from answers to all of
/// [`super::names`], and to `_dmarc.` at the organizational domain by the public
/// suffix list.
pub fn discover(domain: &str, rules: Rules, known: &Answers) -> Discovery {
    let domain = normal(domain);
    match rules {
        Rules::Rfc7489 => by_suffix_list(&domain, known),
        Rules::Rfc9989 => by_tree_walk(&domain, known),
    }
}

/// RFC 7489 §6.6.3.
fn by_suffix_list(domain: &str, known: &Answers) -> Discovery {
    let organizational = organizational_domain(domain).to_owned();
    let own = Step::read(domain, known.get(domain));
    let (step, scope) = if own.found == StepFound::Nothing && organizational != domain {
        (Step::read(&organizational, known.get(&organizational)), Scope::Subdomain)
    } else {
        (own, Scope::Own)
    };
    outcome(step, scope, Some(organizational))
}

/// RFC 9989 §4.10.1.
fn by_tree_walk(domain: &str, known: &Answers) -> Discovery {
    let walk = TreeWalk::over(domain, known);
    let organizational = walk.organizational_domain();
    let own = walk.steps().first().cloned();
    match own {
        // Settled by the first question, whatever becomes of those above.
        Some(step) if step.record().is_some() => return outcome(step, Scope::Own, organizational.ok()),
        Some(step) if step.found == StepFound::Failed => return outcome(step, Scope::Own, None),
        _ => {}
    }
    let organizational = match organizational {
        Ok(organizational) => organizational,
        Err(failed) => {
            let step = Step { domain: failed, found: StepFound::Failed };
            return outcome(step, Scope::Subdomain, None);
        }
    };
    let above = walk.at(&organizational).filter(|step| step.record().is_some()).or_else(|| walk.public_suffix());
    let nothing = Step { domain: domain.to_owned(), found: StepFound::Nothing };
    outcome(above.cloned().unwrap_or(nothing), Scope::Subdomain, Some(organizational))
}

fn outcome(step: Step, scope: Scope, organizational: Option<String>) -> Discovery {
    let Step { domain, found } = step;
    let (record, gap) = match found {
        StepFound::Record(record, text) => (Some(Found { domain, record, text }), None),
        StepFound::Nothing => (None, Some(Gap::Nothing)),
        StepFound::Several(_) => (None, Some(Gap::Several(domain))),
        StepFound::Failed => (None, Some(Gap::Failed(domain))),
    };
    Discovery { record, gap, scope, organizational }
}
