//! A record as data, and how it is written.

use std::fmt;

use super::{DualCidr, Issue, MacroString, Network};
use crate::Span;

/// An SPF record: its terms in order and everything that is wrong with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// The terms after `v=spf1`, in order.
    pub terms: Vec<Term>,
    /// All faults, in the order of the text.
    pub issues: Vec<Issue>,
}

impl Record {
    /// Whether an evaluator must answer `permerror` for its syntax (RFC 7208 §4.6).
    pub fn is_broken(&self) -> bool {
        self.issues.iter().any(|issue| issue.kind.is_fatal())
    }

    /// The directives with their position among the terms.
    pub fn directives(&self) -> impl Iterator<Item = (usize, &Directive)> {
        self.terms.iter().enumerate().filter_map(|(at, term)| match &term.kind {
            TermKind::Directive(directive) => Some((at, directive)),
            _ => None,
        })
    }

    /// The first `all`, after which no mechanism is looked at (RFC 7208 §5.1).
    pub fn all(&self) -> Option<(usize, Qualifier)> {
        self.directives()
            .find(|(_, directive)| directive.mechanism == Mechanism::All)
            .map(|(at, directive)| (at, directive.qualifier))
    }

    /// The first `redirect`, with its position.
    pub fn redirect(&self) -> Option<(usize, &MacroString)> {
        self.modifiers().find_map(|(at, modifier)| match modifier {
            Modifier::Redirect(target) => Some((at, target)),
            _ => None,
        })
    }

    /// The first `exp`, with its position.
    pub fn explanation(&self) -> Option<(usize, &MacroString)> {
        self.modifiers().find_map(|(at, modifier)| match modifier {
            Modifier::Explanation(target) => Some((at, target)),
            _ => None,
        })
    }

    fn modifiers(&self) -> impl Iterator<Item = (usize, &Modifier)> {
        self.terms.iter().enumerate().filter_map(|(at, term)| match &term.kind {
            TermKind::Modifier(modifier) => Some((at, modifier)),
            _ => None,
        })
    }
}

/// `v=spf1` and the terms, one space apart.
impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("v=spf1")?;
        self.terms.iter().try_for_each(|term| write!(f, " {}", term.kind))
    }
}

/// One term and where it stands in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// The whole term.
    pub span: Span,
    /// What it says.
    pub kind: TermKind,
}

/// What a term says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TermKind {
    /// A mechanism with its qualifier.
    Directive(Directive),
    /// A modifier.
    Modifier(Modifier),
    /// Neither: the text as it stands; an issue says why.
    Unreadable(String),
}

impl fmt::Display for TermKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TermKind::Directive(directive) => directive.fmt(f),
            TermKind::Modifier(modifier) => modifier.fmt(f),
            TermKind::Unreadable(text) => f.write_str(text),
        }
    }
}

/// What a match means (RFC 7208 §4.6.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Qualifier {
    /// `+`, or nothing: the client may send.
    #[default]
    Pass,
    /// `-`: it may not.
    Fail,
    /// `~`: it probably may not.
    SoftFail,
    /// `?`: nothing is said.
    Neutral,
}

impl Qualifier {
    /// The qualifier that `sign` writes.
    pub fn from_sign(sign: u8) -> Option<Self> {
        match sign {
            b'+' => Some(Qualifier::Pass),
            b'-' => Some(Qualifier::Fail),
            b'~' => Some(Qualifier::SoftFail),
            b'?' => Some(Qualifier::Neutral),
            _ => None,
        }
    }

    /// The sign; empty for `+`, which need not be written.
    pub fn sign(self) -> &'static str {
        match self {
            Qualifier::Pass => "",
            Qualifier::Fail => "-",
            Qualifier::SoftFail => "~",
            Qualifier::Neutral => "?",
        }
    }
}

/// A mechanism with its qualifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directive {
    /// What a match means.
    pub qualifier: Qualifier,
    /// What matches.
    pub mechanism: Mechanism,
}

impl fmt::Display for Directive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.qualifier.sign(), self.mechanism)
    }
}

/// What matches (RFC 7208 §5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// `all`: everyone (§5.1).
    All,
    /// `include`: whoever the other domain's record passes (§5.2).
    Include(MacroString),
    /// `a`: the addresses of a name, of the domain itself without one (§5.3).
    A(Option<MacroString>, DualCidr),
    /// `mx`: the addresses of a name's mail exchangers (§5.4).
    Mx(Option<MacroString>, DualCidr),
    /// `ptr`: a validated reverse name under a domain; not to be used (§5.5).
    Ptr(Option<MacroString>),
    /// `ip4` or `ip6`: a network (§5.6).
    Ip(Network),
    /// `exists`: a name that has an A record (§5.7).
    Exists(MacroString),
}

impl Mechanism {
    /// Its name.
    pub fn name(&self) -> &'static str {
        match self {
            Mechanism::All => "all",
            Mechanism::Include(_) => "include",
            Mechanism::A(..) => "a",
            Mechanism::Mx(..) => "mx",
            Mechanism::Ptr(_) => "ptr",
            Mechanism::Ip(Network { address, .. }) if address.is_ipv4() => "ip4",
            Mechanism::Ip(_) => "ip6",
            Mechanism::Exists(_) => "exists",
        }
    }

    /// The name that it asks DNS about, where one is written.
    pub fn target(&self) -> Option<&MacroString> {
        match self {
            Mechanism::Include(target) | Mechanism::Exists(target) => Some(target),
            Mechanism::A(target, _) | Mechanism::Mx(target, _) | Mechanism::Ptr(target) => target.as_ref(),
            Mechanism::All | Mechanism::Ip(_) => None,
        }
    }

    /// Whether it counts against the limit of ten lookups (RFC 7208 §4.6.4).
    pub fn costs_lookup(&self) -> bool {
        !matches!(self, Mechanism::All | Mechanism::Ip(_))
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        if let Some(target) = self.target() {
            write!(f, ":{target}")?;
        }
        match self {
            Mechanism::A(_, cidr) | Mechanism::Mx(_, cidr) => cidr.fmt(f),
            Mechanism::Ip(network) => write!(f, ":{network}"),
            _ => Ok(()),
        }
    }
}

/// A modifier (RFC 7208 §6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Modifier {
    /// `redirect`: the record that answers where no mechanism matched (§6.1).
    Redirect(MacroString),
    /// `exp`: where the text for a rejection is found (§6.2).
    Explanation(MacroString),
    /// Any other; evaluators ignore it.
    Unknown {
        /// Its name as written.
        name: String,
        /// Its value.
        value: MacroString,
    },
}

impl fmt::Display for Modifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Modifier::Redirect(target) => write!(f, "redirect={target}"),
            Modifier::Explanation(target) => write!(f, "exp={target}"),
            Modifier::Unknown { name, value } => write!(f, "{name}={value}"),
        }
    }
}
