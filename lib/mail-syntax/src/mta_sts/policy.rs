//! The policy at `/.well-known/mta-sts.txt` (RFC 8461 §3.2).

use std::fmt;

use crate::{Span, fields};

/// The most bytes of a policy: what RFC 8461 §3.3 proposes that senders read.
pub const LARGEST_POLICY: usize = 64 * 1024;
/// The longest time that a policy may be kept, in seconds: about a year.
pub const LONGEST_AGE: u64 = 31_557_600;
/// The most lines that are read.
const MOST_LINES: usize = 2000;

/// What a sender does where a host does not fit the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// There is no policy any more.
    None,
    /// It delivers, and reports.
    Testing,
    /// It does not deliver to that host.
    Enforce,
}

impl Mode {
    /// The word in a policy.
    pub fn word(self) -> &'static str {
        match self {
            Mode::None => "none",
            Mode::Testing => "testing",
            Mode::Enforce => "enforce",
        }
    }
}

/// A host, or with `*.` before it every host one label below.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// As written.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}

impl Pattern {
    /// Whether a mail exchanger of this name fits (RFC 8461 §4.1): the case does
    /// not count, and `*` stands for exactly one label.
    pub fn matches(&self, host: &str) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host);
        match self.text.strip_prefix("*.") {
            None => self.text.eq_ignore_ascii_case(host),
            Some(rest) => {
                host.split_once('.').is_some_and(|(label, above)| !label.is_empty() && above.eq_ignore_ascii_case(rest))
            }
        }
    }
}

/// A policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// The first `mode`, where it is one.
    pub mode: Option<(Mode, Span)>,
    /// The first `max_age` in seconds, where it is a number of up to ten digits.
    pub max_age: Option<(u64, Span)>,
    /// The patterns that are valid, in order.
    pub patterns: Vec<Pattern>,
    /// What is wrong, in order of place.
    pub issues: Vec<PolicyIssue>,
}

/// Something wrong in a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyIssue {
    /// The bytes at fault.
    pub span: Span,
    /// What is wrong.
    pub kind: PolicyFault,
}

/// What is wrong in a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyFault {
    /// There is no `version: STSv1`.
    NoVersion,
    /// The version is another.
    Version,
    /// There is no `mode`.
    NoMode,
    /// The mode is none of the three.
    Mode,
    /// There is no `max_age`.
    NoMaxAge,
    /// The `max_age` is no number of one to ten digits.
    MaxAge,
    /// The `max_age` is over [`LONGEST_AGE`].
    MaxAgeTooLong,
    /// There is no `mx`, and the mode wants one.
    NoMx,
    /// The `mx` is no host name, or one after `*.`.
    Mx,
    /// No `:`, or a name that no field can have.
    Line,
    /// A field without a value.
    NoValue,
    /// A character that no value may hold.
    Value,
    /// An empty line.
    EmptyLine,
    /// A field that may stand once; the first counts.
    Twice,
    /// A byte order mark, before which no field can be read.
    ByteOrderMark,
    /// Longer than 64 KiB or 2,000 lines; the rest is not read.
    TooLong,
}

impl PolicyFault {
    /// Whether senders still read the policy: RFC 8461 §3.2 says so of repeated
    /// fields, and all known senders skip an empty line.
    pub fn is_harmless(self) -> bool {
        matches!(self, PolicyFault::Twice | PolicyFault::EmptyLine)
    }
}

impl fmt::Display for PolicyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PolicyFault::NoVersion => "there is no `version: STSv1`",
            PolicyFault::Version => "no version but STSv1 is known",
            PolicyFault::NoMode => "there is no `mode`",
            PolicyFault::Mode => "no mode: expected enforce, testing or none",
            PolicyFault::NoMaxAge => "there is no `max_age`",
            PolicyFault::MaxAge => "no number of one to ten digits",
            PolicyFault::MaxAgeTooLong => "more than 31557600 seconds",
            PolicyFault::NoMx => "there is no `mx`",
            PolicyFault::Mx => "no host name, and no `*.` before one",
            PolicyFault::Line => "no `name: value`",
            PolicyFault::NoValue => "a field without a value",
            PolicyFault::Value => "a character that no value may hold",
            PolicyFault::EmptyLine => "an empty line",
            PolicyFault::Twice => "stands here for the second time; the first counts",
            PolicyFault::ByteOrderMark => "a byte order mark before the text",
            PolicyFault::TooLong => "longer than senders read",
        })
    }
}

impl Policy {
    /// The mode.
    pub fn mode(&self) -> Option<Mode> {
        self.mode.map(|(mode, _)| mode)
    }

    /// How long it may be kept, in seconds.
    pub fn max_age(&self) -> Option<u64> {
        self.max_age.map(|(age, _)| age)
    }

    /// The pattern that a mail exchanger of this name fits, if one does.
    pub fn matching(&self, host: &str) -> Option<&Pattern> {
        self.patterns.iter().find(|pattern| pattern.matches(host))
    }

    /// What makes it no policy: a sender that reads strictly acts as if it could
    /// not be had.
    pub fn faults(&self) -> impl Iterator<Item = &PolicyIssue> {
        self.issues.iter().filter(|issue| !issue.kind.is_harmless())
    }
}

/// Reads a policy.
pub fn parse(text: &str) -> Policy {
    let mut policy = Policy::default();
    let mut version = None;
    let mut start = 0;
    let mut lines = 0;
    while start < text.len() {
        lines += 1;
        if start > LARGEST_POLICY || lines > MOST_LINES {
            policy.issue(Span::new(start, text.len()), PolicyFault::TooLong);
            break;
        }
        let end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let line = &text[start..end];
        policy.line(line.strip_suffix('\r').unwrap_or(line), start, &mut version);
        start = end + 1;
    }
    let whole = Span::new(0, text.len());
    let has = |policy: &Policy, kind| policy.issues.iter().any(|issue| issue.kind == kind);
    if version.is_none() && !has(&policy, PolicyFault::Version) {
        policy.issue(whole, PolicyFault::NoVersion);
    }
    if policy.mode.is_none() && !has(&policy, PolicyFault::Mode) {
        policy.issue(whole, PolicyFault::NoMode);
    }
    if policy.max_age.is_none() && !has(&policy, PolicyFault::MaxAge) {
        policy.issue(whole, PolicyFault::NoMaxAge);
    }
    if let Some((Mode::Enforce | Mode::Testing, at)) = policy.mode
        && policy.patterns.is_empty()
        && !has(&policy, PolicyFault::Mx)
    {
        policy.issue(at, PolicyFault::NoMx);
    }
    policy.issues.sort_by_key(|issue| issue.span);
    policy
}

impl Policy {
    fn issue(&mut self, span: Span, kind: PolicyFault) {
        self.issues.push(PolicyIssue { span, kind });
    }

    fn line(&mut self, line: &str, start: usize, version: &mut Option<Span>) {
        let bare = line.trim_end_matches([' ', '\t']);
        let whole = Span::new(start, start + bare.len());
        if bare.is_empty() {
            // With its line end, since nothing else is there to point at.
            return self.issue(Span::new(start, start + line.len()), PolicyFault::EmptyLine);
        }
        if let Some(rest) = bare.strip_prefix('\u{feff}') {
            self.issue(Span::new(start, start + 3), PolicyFault::ByteOrderMark);
            return self.line(rest, start + 3, version);
        }
        let Some((name, value)) = bare.split_once(':').filter(|(name, _)| fields::is_name(name)) else {
            return self.issue(whole, PolicyFault::Line);
        };
        let value = value.trim_start_matches([' ', '\t']);
        let at = Span::new(whole.end - value.len(), whole.end);
        if value.is_empty() {
            return self.issue(whole, PolicyFault::NoValue);
        }
        if let Some((offset, c)) = value.char_indices().find(|(_, c)| c.is_control()) {
            let at = at.start + offset;
            return self.issue(Span::new(at, at + c.len_utf8()), PolicyFault::Value);
        }
        match name {
            "version" if version.is_some() => self.issue(whole, PolicyFault::Twice),
            "version" if value == "STSv1" => *version = Some(at),
            "version" => self.issue(at, PolicyFault::Version),
            "mode" if self.mode.is_some() => self.issue(whole, PolicyFault::Twice),
            "mode" => match [Mode::None, Mode::Testing, Mode::Enforce].into_iter().find(|mode| mode.word() == value) {
                Some(mode) => self.mode = Some((mode, at)),
                None => self.issue(at, PolicyFault::Mode),
            },
            "max_age" if self.max_age.is_some() => self.issue(whole, PolicyFault::Twice),
            "max_age" if value.len() <= 10 && value.bytes().all(|byte| byte.is_ascii_digit()) => {
                let age = value.parse().unwrap_or(u64::MAX);
                self.max_age = Some((age, at));
                if age > LONGEST_AGE {
                    self.issue(at, PolicyFault::MaxAgeTooLong);
                }
            }
            "max_age" => self.issue(at, PolicyFault::MaxAge),
            "mx" if is_pattern(value) => self.patterns.push(Pattern { text: value.to_owned(), span: at }),
            "mx" => self.issue(at, PolicyFault::Mx),
            _ => {}
        }
    }
}

/// `Domain` of RFC 5321 §4.1.2, possibly with `*.` before it.
fn is_pattern(value: &str) -> bool {
    let domain = value.strip_prefix("*.").unwrap_or(value);
    domain.len() <= 253
        && domain.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
}
