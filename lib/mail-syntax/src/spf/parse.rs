//! From text to terms.

mod values;
mod wishes;

use super::{
    Directive, Issue, IssueKind, MacroPlace, MacroString, Mechanism, Modifier, Qualifier, Record, Term, TermKind,
};
use crate::Span;

/// Reads a record. The version at its beginning is skipped; whether a text is
/// an SPF record at all is for [`super::select`] to say.
///
/// Every fault of every term is reported; a term with a fault that makes
/// evaluators give up becomes [`TermKind::Unreadable`], the others stand.
pub fn parse(text: &str) -> Record {
    // Most records have fewer terms; a hostile one is not believed.
    let mut record = Record { terms: Vec::with_capacity(8), issues: Vec::new() };
    let mut at = match text.get(..6) {
        Some(version) if version.eq_ignore_ascii_case("v=spf1") => 6,
        _ => 0,
    };
    for word in text[at..].split(' ') {
        if !word.is_empty() && !rejoin(&mut record, text, at, word) {
            let mut reader = Reader { word, start: at, term: record.terms.len(), issues: Vec::new() };
            let kind = reader.term();
            let broken = reader.issues.iter().any(|issue| issue.kind.is_fatal());
            let kind = if broken { TermKind::Unreadable(word.to_owned()) } else { kind };
            record.issues.append(&mut reader.issues);
            record.terms.push(Term { span: Span::new(at, at + word.len()), kind });
        }
        at += word.len() + 1;
    }
    check_order(&mut record);
    record
}

/// Takes `word`, which begins at `at`, for the rest of the term before it: for
/// its value, where that ends in `:` or `=` without one and `word` makes sense
/// with it only; for its mechanism, where that is a qualifier alone.
fn rejoin(record: &mut Record, text: &str, at: usize, word: &str) -> bool {
    let Some(last) = record.terms.last() else { return false };
    let head = last.span.of(text);
    let issue = record.issues.last().filter(|issue| issue.term + 1 == record.terms.len());
    let kind = match issue.map(|issue| &issue.kind) {
        Some(IssueKind::MissingValue) if head.ends_with([':', '=']) => IssueKind::DetachedValue,
        Some(IssueKind::StrayQualifier) if head.len() == 1 => IssueKind::DetachedQualifier,
        _ => return false,
    };
    let sound = |text: &str| !parse(&format!("v=spf1 {text}")).is_broken();
    let whole = format!("{head}{word}");
    if !sound(&whole) || kind == IssueKind::DetachedValue && sound(word) {
        return false;
    }
    let span = Span::new(last.span.start, at + word.len());
    let term = record.terms.len() - 1;
    record.terms[term] = Term { span, kind: TermKind::Unreadable(span.of(text).to_owned()) };
    record.issues.pop();
    record.issues.push(Issue { span, term, kind, suggestion: Some(whole) });
    true
}

/// The length of the longest name of a term, `redirect`.
const LONGEST_NAME: usize = 8;

/// `name` in small letters; one that is too long for a term's name as it stands.
fn folded<'n>(name: &'n str, letters: &'n mut [u8; LONGEST_NAME]) -> &'n str {
    let Some(letters) = letters.get_mut(..name.len()) else { return name };
    letters.copy_from_slice(name.as_bytes());
    letters.make_ascii_lowercase();
    std::str::from_utf8(letters).unwrap_or(name)
}

/// What a name belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    Mechanism,
    Modifier,
}

/// Reads one term.
struct Reader<'a> {
    word: &'a str,
    /// Where the word begins in the record.
    start: usize,
    term: usize,
    issues: Vec<Issue>,
}

impl<'a> Reader<'a> {
    fn term(&mut self) -> TermKind {
        let unreadable = || TermKind::Unreadable(self.word.to_owned());
        let plain = self.word.bytes().all(|b| b.is_ascii_graphic());
        let stranger = || self.word.char_indices().find(|(_, c)| !c.is_ascii_graphic());
        if let Some((at, stranger)) = if plain { None } else { stranger() } {
            let kind = if stranger.is_ascii() { IssueKind::Control(stranger) } else { IssueKind::NotAscii(stranger) };
            let unreadable = unreadable();
            self.issue(kind, at, at + stranger.len_utf8(), wishes::plain(self.word));
            return unreadable;
        }
        let signs = self.word.len() - self.word.trim_start_matches(['+', '-', '~', '?']).len();
        let (sign, rest) = self.word.split_at(signs.min(1));
        if signs > 1 || rest.is_empty() {
            let unreadable = unreadable();
            let wish = self.word.get(signs.saturating_sub(1)..).filter(|_| self.word.len() > signs);
            self.issue(IssueKind::StrayQualifier, 0, signs, wish.map(str::to_owned));
            return unreadable;
        }
        let qualifier = sign.bytes().next().and_then(Qualifier::from_sign);
        let end = rest.find([':', '/', '=']).unwrap_or(rest.len());
        let (name, value) = rest.split_at(end);
        if let Some(value) = value.strip_prefix('=') {
            self.modifier(qualifier, name, value)
        } else {
            match self.mechanism(sign, name, value) {
                Some(mechanism) => {
                    TermKind::Directive(Directive { qualifier: qualifier.unwrap_or_default(), mechanism })
                }
                None => TermKind::Unreadable(self.word.to_owned()),
            }
        }
    }

    fn modifier(&mut self, qualifier: Option<Qualifier>, name: &'a str, value: &'a str) -> TermKind {
        let named = name.bytes().next().is_some_and(|b| b.is_ascii_alphabetic())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
        if !named {
            let from = usize::from(qualifier.is_some());
            self.issue(IssueKind::ModifierName, from, from + name.len() + 1, None);
        }
        let mut letters = [0; LONGEST_NAME];
        let lower = folded(name, &mut letters);
        if let Some(known) = wishes::MECHANISMS.into_iter().find(|known| *known == lower) {
            let sign = qualifier.map_or("", Qualifier::sign);
            let wish = match known {
                "all" => wishes::all(sign),
                known => Some(format!("{sign}{known}:{value}")),
            };
            self.issue(IssueKind::MechanismAsModifier(known.to_owned()), 0, self.word.len(), wish);
        }
        if qualifier.is_some() {
            self.issue(IssueKind::QualifiedModifier, 0, 1, Some(format!("{name}={value}")));
        }
        let from = self.word.len() - value.len();
        let modifier = match lower {
            "redirect" => Modifier::Redirect(self.domain(value, from, Owner::Modifier)),
            "exp" => Modifier::Explanation(self.domain(value, from, Owner::Modifier)),
            _ => {
                let value = self.macro_string(value, from);
                Modifier::Unknown { name: name.to_owned(), value }
            }
        };
        TermKind::Modifier(modifier)
    }

    /// A mechanism; `value` is empty or begins with `:` or `/`.
    fn mechanism(&mut self, sign: &str, name: &str, value: &'a str) -> Option<Mechanism> {
        let mut letters = [0; LONGEST_NAME];
        let lower = folded(name, &mut letters);
        let from = self.word.len() - value.len();
        match lower {
            "all" => {
                if !value.is_empty() {
                    let kind =
                        if value.starts_with('/') { IssueKind::UnexpectedCidr } else { IssueKind::UnexpectedValue };
                    self.issue(kind, from, self.word.len(), wishes::all(sign));
                }
                Some(Mechanism::All)
            }
            "include" => Some(Mechanism::Include(self.required_domain(sign, "include", value))),
            "exists" => Some(Mechanism::Exists(self.required_domain(sign, "exists", value))),
            "a" => {
                let (target, cidr) = self.optional_domain(sign, "a", value);
                Some(Mechanism::A(target, cidr))
            }
            "mx" => {
                let (target, cidr) = self.optional_domain(sign, "mx", value);
                Some(Mechanism::Mx(target, cidr))
            }
            "ptr" => {
                if let Some(slash) = value.starts_with('/').then_some(from) {
                    self.issue(IssueKind::UnexpectedCidr, slash, self.word.len(), Some(format!("{sign}ptr")));
                    return None;
                }
                let target = value.strip_prefix(':').map(|target| self.domain(target, from + 1, Owner::Mechanism));
                Some(Mechanism::Ptr(target))
            }
            "ip4" | "ip6" => self.network(sign, lower == "ip4", value).map(Mechanism::Ip),
            "redirect" | "exp" if value.starts_with(':') => {
                let wish = format!("{lower}={}", &value[1..]);
                self.issue(IssueKind::ModifierAsMechanism(lower.to_owned()), 0, self.word.len(), Some(wish));
                None
            }
            _ => {
                let span = (sign.len(), if name.is_empty() { self.word.len() } else { sign.len() + name.len() });
                let wish = wishes::mechanism(sign, name, value);
                self.issue(IssueKind::UnknownMechanism(name.to_owned()), span.0, span.1, wish);
                None
            }
        }
    }

    /// Reads macros anywhere in `text`, which begins at `from` in the word.
    fn macro_string(&mut self, text: &str, from: usize) -> MacroString {
        let (string, faults) = MacroString::parse(text, MacroPlace::Record);
        for (span, fault) in faults {
            self.issue(IssueKind::Macro(fault), from + span.start, from + span.end, None);
        }
        string
    }

    /// Reports a fault at `from..to` of the word.
    fn issue(&mut self, kind: IssueKind, from: usize, to: usize, suggestion: Option<String>) {
        let span = Span::new(self.start + from, self.start + to);
        self.issues.push(Issue { span, term: self.term, kind, suggestion });
    }
}

/// Reports what is wrong with terms only because of the others.
fn check_order(record: &mut Record) {
    let mut found = Vec::new();
    let mut seen = (false, false);
    for (at, term) in record.terms.iter().enumerate() {
        let repeated = match &term.kind {
            TermKind::Modifier(Modifier::Redirect(_)) => std::mem::replace(&mut seen.0, true).then_some("redirect"),
            TermKind::Modifier(Modifier::Explanation(_)) => std::mem::replace(&mut seen.1, true).then_some("exp"),
            _ => None,
        };
        if let Some(name) = repeated {
            found.push((at, IssueKind::RepeatedModifier(name)));
        }
    }
    if let Some((all, _)) = record.all() {
        found.extend(record.directives().filter(|(at, _)| *at > all).map(|(at, _)| (at, IssueKind::AfterAll)));
        found.extend(record.redirect().map(|(at, _)| (at, IssueKind::RedirectWithAll)));
    }
    record.issues.extend(found.into_iter().map(|(at, kind)| Issue {
        span: record.terms[at].span,
        term: at,
        kind,
        suggestion: None,
    }));
    record.issues.sort_by_key(|issue| (issue.term, issue.span));
}
