//! What can be wrong with a record.

use std::fmt;

use super::{FailureOption, TagName};
use crate::{Span, tag_list};

/// One fault of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// The bytes at fault.
    pub span: Span,
    /// What is wrong.
    pub kind: IssueKind,
    /// What belongs in place of the bytes at fault, where that is plain; an empty
    /// text takes them away.
    pub suggestion: Option<String>,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IssueKind {
    /// It is no tag list.
    List(tag_list::IssueKind),
    /// The text does not begin with `v=DMARC1`: it is no record.
    Version,
    /// A tag that is not registered, and therefore ignored; perhaps a
    /// misspelling of the one named.
    UnknownTag(Option<TagName>),
    /// A tag's name in upper case: allowed by the grammar of DMARC, not by the
    /// tag lists of DKIM on which it builds.
    NameCase(TagName),
    /// `p` is missing.
    NoPolicy,
    /// `p` does not stand directly behind `v` (RFC 7489 §6.3; RFC 9989 has no such rule).
    PolicyNotSecond,
    /// A value that the tag cannot have; receivers take its default, or, for a
    /// policy, disregard the record.
    Value(TagName),
    /// Another tag seems to begin inside the value: `;` is missing before it.
    MissingSeparator(TagName),
    /// A tag without a value.
    EmptyValue(TagName),
    /// A tag that RFC 9989 took out of the protocol.
    Historic(TagName),
    /// A report address that cannot be used.
    Uri(UriFault),
    /// A size limit behind a report address, which RFC 9989 tells receivers to ignore.
    UriSize,
    /// A failure option that another one includes.
    RedundantOption(FailureOption),
    /// `fo` without `ruf` is ignored.
    OptionsWithoutReports,
}

/// What is wrong with a report address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UriFault {
    /// Nothing stands between two commas, or there is nothing at all.
    Empty,
    /// An address without `mailto:`.
    NoScheme,
    /// No URI (RFC 3986).
    NoUri,
    /// A scheme other than `mailto:`, the only one that receivers must serve.
    OtherScheme,
    /// `mailto:` with two slashes, as other schemes have them.
    Slashes,
    /// No mailbox behind `mailto:`.
    NoMailbox,
    /// White space inside.
    Space,
    /// A `!` that begins no size: it must be written `%21`.
    Exclamation,
}

/// A lower-case fragment, for example `no tag is called so; receivers ignore it`.
impl fmt::Display for IssueKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            IssueKind::List(kind) => kind.fmt(f),
            IssueKind::Version => f.write_str("a record begins with `v=DMARC1`"),
            IssueKind::UnknownTag(Some(meant)) => write!(f, "no such tag; is `{}` meant?", meant.word()),
            IssueKind::UnknownTag(None) => f.write_str("no such tag"),
            IssueKind::NameCase(name) => write!(f, "written `{}` by everybody else", name.word()),
            IssueKind::NoPolicy => f.write_str("there is no `p`"),
            IssueKind::PolicyNotSecond => f.write_str("`p` is not the second tag"),
            IssueKind::Value(name) => write!(f, "no value of `{}`", name.word()),
            IssueKind::MissingSeparator(name) => write!(f, "`;` is missing before `{}`", name.word()),
            IssueKind::EmptyValue(name) => write!(f, "`{}` has no value", name.word()),
            IssueKind::Historic(name) => write!(f, "`{}` is no longer part of DMARC", name.word()),
            IssueKind::Uri(fault) => fault.fmt(f),
            IssueKind::UriSize => f.write_str("size limits are no longer part of DMARC"),
            IssueKind::RedundantOption(FailureOption::All) => f.write_str("`1` includes `0`"),
            IssueKind::RedundantOption(_) => f.write_str("stands here for the second time"),
            IssueKind::OptionsWithoutReports => f.write_str("`fo` says nothing without `ruf`"),
        }
    }
}

/// A lower-case fragment, for example `no mailbox`.
impl fmt::Display for UriFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            UriFault::Empty => "no address",
            UriFault::NoScheme => "`mailto:` is missing",
            UriFault::NoUri => "no URI",
            UriFault::OtherScheme => "receivers need not serve this kind of address",
            UriFault::Slashes => "`mailto:` takes no `//`",
            UriFault::NoMailbox => "no mailbox",
            UriFault::Space => "white space in an address",
            UriFault::Exclamation => "`!` begins no size here; in an address it is written `%21`",
        })
    }
}
