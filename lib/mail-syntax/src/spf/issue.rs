//! What can be wrong with a record.

use std::fmt;

use crate::Span;

/// One fault of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// The bytes at fault; never empty, except at the end of the text.
    pub span: Span,
    /// The term that it belongs to, as an index into [`super::Record::terms`].
    pub term: usize,
    /// What is wrong.
    pub kind: IssueKind,
    /// The whole term as it was probably meant.
    pub suggestion: Option<String>,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IssueKind {
    /// A character outside ASCII, or bytes that are no UTF-8 (RFC 7208 §3.1).
    NotAscii(char),
    /// A control character; only spaces separate terms (§4.6.1).
    Control(char),
    /// A mechanism that does not exist.
    UnknownMechanism(String),
    /// A modifier's name written as a mechanism, for example `redirect:`.
    ModifierAsMechanism(String),
    /// A mechanism's name written as a modifier, for example `include=`:
    /// evaluators ignore the whole term.
    MechanismAsModifier(String),
    /// A qualifier before a modifier, for example `-redirect=`.
    QualifiedModifier,
    /// More than one qualifier, for example `--all`, or one that stands alone.
    StrayQualifier,
    /// A space after the qualifier, for example `- all`.
    DetachedQualifier,
    /// A modifier whose name does not begin with a letter or holds other
    /// characters than letters, digits, `-`, `_` and `.`.
    ModifierName,
    /// Nothing where a value must stand.
    MissingValue,
    /// A space before the value, for example `include: example.org`.
    DetachedValue,
    /// A value where none may stand, for example `all:example.org`.
    UnexpectedValue,
    /// A prefix length where none may stand, for example `include:example.org/24`.
    UnexpectedCidr,
    /// A prefix length that cannot be.
    Cidr(CidrFault),
    /// No IP address where one must stand.
    Address,
    /// An IPv6 address in `ip4` or an IPv4 address in `ip6`.
    WrongFamily,
    /// A name that cannot be a domain (§7.1, `domain-end`).
    Domain(DomainFault),
    /// A macro that cannot be read (§7.1).
    Macro(MacroFault),
    /// `redirect` or `exp` for the second time (§6).
    RepeatedModifier(&'static str),
    /// A mechanism after `all`, which is never looked at (§5.1).
    AfterAll,
    /// A `redirect` beside `all`, which is ignored (§6.1).
    RedirectWithAll,
}

impl IssueKind {
    /// Whether an evaluator must answer `permerror` (RFC 7208 §4.6).
    pub fn is_fatal(&self) -> bool {
        !matches!(
            self,
            IssueKind::AfterAll
                | IssueKind::RedirectWithAll
                | IssueKind::MechanismAsModifier(_)
                | IssueKind::Domain(DomainFault::EmptyLabel | DomainFault::LongLabel | DomainFault::LongName)
        )
    }
}

/// A lower-case fragment, for example `unknown mechanism`.
impl fmt::Display for IssueKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            IssueKind::NotAscii(char::REPLACEMENT_CHARACTER) => f.write_str("bytes that are no text"),
            IssueKind::NotAscii(c) => write!(f, "U+{:04X} is not ASCII", u32::from(*c)),
            IssueKind::Control(c) => write!(f, "control character U+{:04X}", u32::from(*c)),
            IssueKind::UnknownMechanism(name) => write!(f, "no mechanism is called `{name}`"),
            IssueKind::ModifierAsMechanism(name) => write!(f, "`{name}` is a modifier, written with `=`"),
            IssueKind::MechanismAsModifier(name) if name == "all" => {
                f.write_str("`all` is a mechanism and takes no value")
            }
            IssueKind::MechanismAsModifier(name) => write!(f, "`{name}` is a mechanism, written with `:`"),
            IssueKind::QualifiedModifier => f.write_str("a modifier takes no qualifier"),
            IssueKind::StrayQualifier => f.write_str("a qualifier without its mechanism"),
            IssueKind::DetachedQualifier => f.write_str("a space stands after the qualifier"),
            IssueKind::ModifierName => f.write_str("no name of a modifier"),
            IssueKind::MissingValue => f.write_str("the value is missing"),
            IssueKind::DetachedValue => f.write_str("a space stands before the value"),
            IssueKind::UnexpectedValue => f.write_str("takes no value"),
            IssueKind::UnexpectedCidr => f.write_str("takes no prefix length"),
            IssueKind::Cidr(fault) => fault.fmt(f),
            IssueKind::Address => f.write_str("no IP address"),
            IssueKind::WrongFamily => f.write_str("an address of the other family"),
            IssueKind::Domain(fault) => fault.fmt(f),
            IssueKind::Macro(fault) => fault.fmt(f),
            IssueKind::RepeatedModifier(name) => write!(f, "`{name}` stands here for the second time"),
            IssueKind::AfterAll => f.write_str("never looked at: it stands after `all`"),
            IssueKind::RedirectWithAll => f.write_str("ignored beside `all`"),
        }
    }
}

/// What is wrong with a prefix length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CidrFault {
    /// Longer than the address: the value is the number of bits it has.
    TooLong(u8),
    /// Written with a leading zero.
    LeadingZero,
    /// Not a number, or nothing after the slash.
    NotANumber,
    /// Slashes that fit neither `/n`, `//n` nor `/n//n`.
    Shape,
}

impl fmt::Display for CidrFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CidrFault::TooLong(bits) => write!(f, "longer than /{bits}"),
            CidrFault::LeadingZero => f.write_str("a prefix length has no leading zero"),
            CidrFault::NotANumber => f.write_str("no prefix length"),
            CidrFault::Shape => f.write_str("the IPv6 prefix length stands after `//`"),
        }
    }
}

/// What is wrong with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DomainFault {
    /// It has one label only.
    SingleLabel,
    /// It is an IP address.
    IsAddress,
    /// Its last label is no top-level label.
    TopLabel,
    /// A label is empty: syntax allows it, DNS cannot be asked.
    EmptyLabel,
    /// A label is longer than 63 bytes: syntax allows it, DNS cannot be asked.
    LongLabel,
    /// It is longer than 253 bytes: syntax allows it, DNS cannot be asked.
    LongName,
}

impl fmt::Display for DomainFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DomainFault::SingleLabel => "no domain: it has no dot",
            DomainFault::IsAddress => "an IP address, where a name must stand",
            DomainFault::TopLabel => "no domain: its last label cannot be one",
            DomainFault::EmptyLabel => "a label is empty",
            DomainFault::LongLabel => "a label is longer than 63 characters",
            DomainFault::LongName => "longer than 253 characters",
        })
    }
}

/// What is wrong with a macro.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MacroFault {
    /// `%` before anything but `{`, `%`, `_` and `-`.
    LonePercent,
    /// `%{` without `}`.
    Unclosed,
    /// A letter that is no macro.
    Letter(char),
    /// `c`, `r` or `t` outside an explanation text (§7.2).
    ExplanationOnly(char),
    /// A number of labels that is 0 or too large.
    Digits,
    /// A character that is no delimiter (`.`, `-`, `+`, `,`, `/`, `_`, `=`).
    Delimiter(char),
}

impl fmt::Display for MacroFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MacroFault::LonePercent => f.write_str("`%` begins no macro; a percent sign is `%%`"),
            MacroFault::Unclosed => f.write_str("the macro has no `}`"),
            MacroFault::Letter(c) => write!(f, "there is no macro letter `{}`", c.escape_default()),
            MacroFault::ExplanationOnly(c) => write!(f, "the macro letter `{c}` belongs in explanations only"),
            MacroFault::Digits => f.write_str("the number of labels must be 1 to 128"),
            MacroFault::Delimiter(c) => write!(f, "`{}` is no macro delimiter", c.escape_default()),
        }
    }
}
