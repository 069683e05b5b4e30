//! What an evaluation says, and why.

use std::fmt;

use crate::{
    Span,
    spf::{Question, Record},
};

/// The seven results of RFC 7208 §2.6.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// There is no policy.
    #[default]
    None,
    /// The policy says nothing about this client.
    Neutral,
    /// The client may send.
    Pass,
    /// The client may not send.
    Fail,
    /// The client probably may not send.
    SoftFail,
    /// DNS failed; a later try may do better.
    TempError,
    /// The policy cannot be read or breaks a limit.
    PermError,
}

impl Verdict {
    /// The word of the RFC.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::None => "none",
            Verdict::Neutral => "neutral",
            Verdict::Pass => "pass",
            Verdict::Fail => "fail",
            Verdict::SoftFail => "softfail",
            Verdict::TempError => "temperror",
            Verdict::PermError => "permerror",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Why the result is what it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Why {
    /// A directive matched: the last term of [`Evaluation::path`].
    #[default]
    Directive,
    /// No mechanism of this record matched, and it has no redirect (§4.7).
    NothingMatched {
        /// The record, as an index into [`Evaluation::visited`].
        record: usize,
    },
    /// The identity is no domain that DNS can be asked about (§4.3).
    NoDomain(String),
    /// The domain has no SPF record (§4.5).
    NoRecord(String),
    /// The domain has several SPF records (§4.5).
    SeveralRecords(String),
    /// This record has a fault (§4.6).
    Syntax {
        /// The record, as an index into [`Evaluation::visited`].
        record: usize,
    },
    /// The last term of the path is one lookup too many (§4.6.4).
    LookupLimit,
    /// The last term of the path is one void lookup too many (§4.6.4).
    VoidLimit,
    /// The `mx` at the end of the path yields this many names (§4.6.4).
    NameLimit(usize),
    /// The `include` at the end of the path names a domain without SPF (§5.2).
    IncludeWithoutRecord(String),
    /// The `redirect` at the end of the path names a domain without SPF (§6.1).
    RedirectWithoutRecord(String),
    /// DNS did not answer this.
    NoAnswer(Question),
    /// A term asks for the HELO name (§7.2, macro `h`), which was not given:
    /// no receiver's result is known, and `temperror` stands in for it.
    HeloUnknown,
}

/// A term of a visited record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TermRef {
    /// The record, as an index into the visited records or nodes.
    pub record: usize,
    /// The term, as an index into the record's terms.
    pub term: usize,
}

/// A record that the evaluation came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visited {
    /// Whose it is.
    pub domain: String,
    /// The include or redirect that led here; absent for the first.
    pub parent: Option<TermRef>,
    /// Its text.
    pub text: String,
    /// What it says.
    pub record: Record,
}

/// One term that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The term.
    pub at: TermRef,
    /// The name that it asked DNS about, macros replaced.
    pub name: Option<String>,
    /// Whether it cost a void lookup.
    pub void: bool,
    /// What came of it.
    pub outcome: StepOutcome,
}

/// What came of a term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepOutcome {
    /// It matched.
    Match,
    /// It did not match.
    NoMatch,
    /// The record that it redirects to gave this.
    Redirected(Verdict),
    /// The evaluation ended with an error here or below.
    Stopped,
}

/// A result with everything that led to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evaluation {
    /// The result.
    pub verdict: Verdict,
    /// Why.
    pub why: Why,
    /// The terms that lead to the decision, outermost first: includes and
    /// redirects, and last the term that matched or failed. Empty where no
    /// term decided.
    pub path: Vec<TermRef>,
    /// The records, in the order in which they were reached.
    pub visited: Vec<Visited>,
    /// The terms looked at, in order; an include stands before what it holds.
    pub steps: Vec<Step>,
    /// Terms that cost a lookup (§4.6.4); one more than the limit where that was broken.
    pub lookups: usize,
    /// Terms that cost a void lookup (§4.6.4).
    pub voids: usize,
    /// The domain's own words for a `fail` (§6.2), macros replaced.
    pub explanation: Option<String>,
}

/// A term, with the record that holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TermText<'a> {
    /// Whose record.
    pub domain: &'a str,
    /// The whole record.
    pub record: &'a str,
    /// Where the term stands in it.
    pub span: Span,
    /// The term.
    pub text: &'a str,
}

impl Evaluation {
    /// The term that decided, or at which the evaluation failed.
    pub fn deciding_term(&self) -> Option<TermText<'_>> {
        self.path.last().and_then(|at| self.term(*at))
    }

    /// A term's text.
    pub fn term(&self, at: TermRef) -> Option<TermText<'_>> {
        let visited = self.visited.get(at.record)?;
        let span = visited.record.terms.get(at.term)?.span;
        Some(TermText { domain: &visited.domain, record: &visited.text, span, text: span.of(&visited.text) })
    }
}
