//! Finds the replies in a pasted text: one line or many, bare or inside a log line.
//!
//! The parser is total: any text gives a result, and nothing that it cannot
//! place is guessed at. A number counts as a reply code only where a reply
//! can begin (a line, `said:`, `returned '`, `<<<`, …), so that ports, sizes
//! and delays of a log line are not taken for one.

use std::ops::Range;

use serde::Serialize;

use crate::{
    code::{Class, StatusCode},
    elements::{Elements, Part, elements},
};

/// The most bytes of a text that are read; the rest is left out.
pub const LONGEST_TEXT: usize = 64 * 1024;
/// The most replies that are taken from one text.
pub const MOST_REPLIES: usize = 32;

/// The replies of a pasted text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Pasted {
    /// The replies in order; a text without any code is one reply without codes.
    pub replies: Vec<Reply>,
    /// Whether the text was longer, or had more replies, than is read.
    pub cut: bool,
}

/// One reply, with the part of the log line that leads to it. All spans are
/// byte ranges of the text that was parsed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reply {
    /// The three digits (RFC 5321 §4.2).
    pub basic: Option<Part<u16>>,
    /// The enhanced status code (RFC 2034, RFC 3463).
    pub status: Option<Part<StatusCode>>,
    /// The whole stretch: prefix, codes and words.
    pub span: Range<usize>,
    /// From the first code (or the first word) to the end.
    pub said: Range<usize>,
    /// Where codes stand, in order, those repeated on continuation lines included.
    pub codes: Vec<Range<usize>>,
    /// What it names, prefix included.
    pub elements: Elements,
    /// The command that was answered, where the log says so: `RCPT`, `MAIL`, `DATA`, …
    pub command: Option<&'static str>,
}

impl Reply {
    /// The class by the reply code, else by the enhanced code.
    pub fn class(&self) -> Option<Class> {
        let digit = self.basic.as_ref().map(|b| b.value / 100).or(self.status.as_ref().map(|s| s.value.class))?;
        Class::of_digit(digit)
    }

    /// The codes as a person writes them, for example `550 5.7.1`; empty without any.
    pub fn code_text(&self) -> String {
        let basic = self.basic.as_ref().map(|b| b.value.to_string());
        let status = self.status.as_ref().map(|s| s.value.to_string());
        [basic, status].into_iter().flatten().collect::<Vec<_>>().join(" ")
    }
}

/// Reads a pasted text.
pub fn parse(text: &str) -> Pasted {
    let text = head(text, LONGEST_TEXT);
    let cut = text.1;
    let spaced = prepared(text.0);
    let text = spaced.as_deref().unwrap_or(text.0);
    let basics = basic_sites(text);
    let statuses = status_sites(text);
    let mut replies =
        if basics.is_empty() { bare_statuses(text, &statuses) } else { with_basic(text, &basics, &statuses) };
    if replies.is_empty() && text.chars().any(|c| c.is_ascii_alphabetic() || c.is_alphabetic()) {
        let all = 0..text.len();
        replies.push(reply(text, None, None, all.clone(), all, Vec::new()));
    }
    let more = replies.len() > MOST_REPLIES;
    replies.truncate(MOST_REPLIES);
    Pasted { replies, cut: cut || more }
}

/// The text as it was meant, every place where it was: the log of qmail writes
/// a space in what a server said as an underscore, and a text that was copied
/// from the source of a page has HTML escapes.
pub(crate) fn prepared(text: &str) -> Option<String> {
    let marks = ["_host_said:_", "_does_not_like_recipient", "_failed_after_I_sent_the_message"];
    let qmail = text.as_bytes().contains(&b'_') && marks.iter().any(|mark| text.contains(mark));
    let mut plain = qmail.then(|| text.replace('_', " "));
    if !text.as_bytes().contains(&b'&') && !text.contains("<br") {
        return plain;
    }
    for (escape, meant) in [
        ("&lt;", "   <"),
        ("&gt;", ">   "),
        ("&quot;", "     \""),
        ("&#39;", "    '"),
        ("&amp;", "    &"),
        ("&nbsp;", "      "),
        ("<br>", "\n   "),
        ("<br/>", "\n    "),
        ("<br />", "\n     "),
    ] {
        let current = plain.as_deref().unwrap_or(text);
        if current.contains(escape) {
            plain = Some(current.replace(escape, meant));
        }
    }
    plain
}

fn head(text: &str, longest: usize) -> (&str, bool) {
    let mut end = longest.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    (&text[..end], end < text.len())
}

/// A place where a reply code stands.
struct BasicSite {
    code: u16,
    span: Range<usize>,
    /// Followed by `-`: more lines follow (RFC 5321 §4.2.1).
    continues: bool,
}

fn basic_sites(text: &str) -> Vec<BasicSite> {
    let bytes = text.as_bytes();
    let mut sites: Vec<BasicSite> = Vec::new();
    let mut at = 0;
    while at + 3 <= bytes.len() {
        let digits = &bytes[at..at + 3];
        if !digits.iter().all(u8::is_ascii_digit) {
            at += 1;
            continue;
        }
        let run = bytes[at..].iter().take_while(|b| b.is_ascii_digit()).count();
        let code = digits.iter().fold(0, |n, d| n * 10 + u16::from(d - b'0'));
        if run == 3 && (200..600).contains(&code) && ends_well(&bytes[at + 3..]) {
            let continued = sites.last().is_some_and(|last| last.continues && last.code == code);
            if continued || begins_well(text, at, code) {
                let continues = bytes.get(at + 3) == Some(&b'-');
                sites.push(BasicSite { code, span: at..at + 3, continues });
            }
        }
        at += run.max(1);
    }
    sites
}

/// Whether what follows three digits lets them be a code.
fn ends_well(after: &[u8]) -> bool {
    match after {
        [] => true,
        // `550-5.7.1 …` and `550-192.0.2.1 …` go on; `550-123` is a number.
        [b'-', rest @ ..] => {
            let run = rest.iter().take_while(|b| b.is_ascii_digit() || **b == b'.').count();
            run == 0 || rest[..run].contains(&b'.')
        }
        [b'.', rest @ ..] => rest.first().is_none_or(u8::is_ascii_whitespace),
        [first, ..] => first.is_ascii_whitespace() || b"\"'`,;:)]}>#(<\\".contains(first),
    }
}

/// Whether a reply can begin at `at`.
fn begins_well(text: &str, at: usize, code: u16) -> bool {
    let line = line_before(text, at);
    let trimmed = line.trim_end();
    // A line, with or without the marks that transcripts and quotations put before it.
    if trimmed.trim_matches(|c: char| c.is_whitespace() || "\"'`><=~*-|([{#".contains(c)).is_empty() {
        return !trimmed.ends_with('-') || trimmed.ends_with("<-") || trimmed.ends_with("--");
    }
    let spaced = trimmed.len() < line.len();
    let last = trimmed.chars().next_back().unwrap_or(' ');
    match last {
        ';' | '"' | '\'' | '`' => true,
        '(' | '{' | '[' | '|' => spaced || code_words_follow(text, at),
        '<' => trimmed.ends_with("<<<") || trimmed.ends_with("<<") || status_follows(text, at),
        '>' => trimmed.ends_with("->") || trimmed.ends_with("=>"),
        // `host [192.0.2.5], 550 no such user`
        ',' => {
            spaced && code >= 400 && (trimmed.ends_with("],") || trimmed.ends_with("),")) && code_words_follow(text, at)
        }
        ':' => spaced || introduces(trimmed.trim_end_matches(':').trim_end(), true),
        // Old sendmail repeats the server's code: `554 <a@b>... 550 Host unknown`.
        '.' if spaced && trimmed.ends_with("...") => code >= 400 && code_words_follow(text, at),
        _ if !spaced => false,
        // A code that stands in running words: an enhanced code follows, or a
        // word says that this is a code.
        _ => status_follows(text, at) || (code >= 400 && introduces(trimmed, false)),
    }
}

/// Whether words, and not a unit or a number, follow the three digits.
fn code_words_follow(text: &str, at: usize) -> bool {
    text[at + 3..].trim_start_matches(['-', ' ']).starts_with(|c: char| c.is_alphanumeric() || c == '<')
}

fn status_follows(text: &str, at: usize) -> bool {
    let after = text[at + 3..].trim_start_matches([' ', '-', '#', '(']);
    let end = after.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(after.len());
    after[..end].trim_end_matches('.').parse::<StatusCode>().is_ok()
}

/// Whether the last word before a number says that a code follows; a colon
/// glued to the number allows more words (`RCPT TO:550`) than a space does.
fn introduces(before: &str, colon: bool) -> bool {
    let mut words = before.rsplit(|c: char| !c.is_alphabetic());
    let word = words.next().unwrap_or_default();
    let glued = before.strip_suffix(word).is_some_and(|rest| {
        rest.ends_with(['.', '@', '-']) || (rest.ends_with('_') && !rest.to_ascii_uppercase().ends_with("ERROR_"))
    });
    // A letter may be longer in lower case, so that lengths are those of the word as it stands.
    let word = word.to_lowercase();
    let mut verb = || {
        let verb = words.next().unwrap_or_default().to_lowercase();
        ["failed", "replied", "responded", "rejected", "returned", "refused", "answered"].contains(&verb.as_str())
    };
    match word.as_str() {
        _ if glued => false,
        "said" | "says" | "code" | "responsecode" | "error" | "status" | "reply" | "replied" | "response"
        | "returned" | "smtp" | "answer" => true,
        "to" | "from" | "server" | "data" | "reason" | "diag" => colon,
        "with" => verb(),
        _ => false,
    }
}

/// What stands before `at` on its line, at most the last few words of it.
fn line_before(text: &str, at: usize) -> &str {
    const FARTHEST: usize = 256;
    let mut from = at.saturating_sub(FARTHEST);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    let line = text[from..at].rfind(['\n', '\r']).map_or(from, |end| from + end + 1);
    &text[line..at]
}

/// A place where an enhanced status code stands.
struct StatusSite {
    code: StatusCode,
    span: Range<usize>,
    /// Marked with `#`, or `status` or `dsn` before it.
    marked: bool,
    /// The log's own summary (`dsn=5.0.0`), not the server's words.
    from_log: bool,
}

fn status_sites(text: &str) -> Vec<StatusSite> {
    let bytes = text.as_bytes();
    let is_part = |b: u8| b.is_ascii_digit() || b == b'.';
    let mut sites = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if !is_part(bytes[at]) {
            at += 1;
            continue;
        }
        let run = bytes[at..].iter().take_while(|b| is_part(**b)).count();
        let span = at..at + text[at..at + run].trim_end_matches('.').len();
        at += run;
        let Ok(code) = text[span.clone()].parse::<StatusCode>() else { continue };
        let before = &text[..span.start];
        let marked = before.ends_with('#') || ends_with_any(before, &["status: ", "status=", "status ", "dsn="]);
        let named = ends_with_any(before, &["to:", "code :", "code:"]);
        let glued = before.ends_with(|c: char| c.is_alphanumeric() || "/_@+:".contains(c) && !named);
        let mut after = text[span.end..].chars();
        let tailed = match after.next() {
            Some('-') => !follows_basic(before) && after.next().is_some_and(char::is_alphanumeric),
            next => next.is_some_and(|c| c.is_alphanumeric() || "/_@".contains(c)),
        };
        // Past 9, subjects are version numbers; `2.x.x` in running words is one too.
        let plausible =
            code.subject <= 9 && (code.class != 2 || marked || follows_basic(before) || before.trim().is_empty());
        if plausible && (!glued || follows_basic(before)) && !tailed {
            sites.push(StatusSite { code, span, marked, from_log: before.ends_with("dsn=") });
        }
    }
    sites
}

fn ends_with_any(text: &str, ends: &[&str]) -> bool {
    ends.iter().any(|end| {
        text.len()
            .checked_sub(end.len())
            .and_then(|from| text.get(from..))
            .is_some_and(|tail| tail.eq_ignore_ascii_case(end))
    })
}

fn follows_basic(before: &str) -> bool {
    let head = before.trim_end_matches([' ', '-', '#', '(', ':', '\t']);
    let digits = head.bytes().rev().take_while(u8::is_ascii_digit).count();
    digits == 3 && before.len() - head.len() <= 4 && before.len() > head.len()
}

/// Replies around reply codes; a `NNN-` line and its successors are one.
fn with_basic(text: &str, basics: &[BasicSite], statuses: &[StatusSite]) -> Vec<Reply> {
    let mut groups: Vec<&[BasicSite]> = Vec::new();
    let mut first = 0;
    for at in 0..basics.len() {
        let joined = basics.get(at + 1).is_some_and(|next| basics[at].continues && next.code == basics[at].code);
        if !joined {
            groups.push(&basics[first..=at]);
            first = at + 1;
        }
    }
    groups.truncate(MOST_REPLIES + 1);
    let mut replies = Vec::new();
    let mut from = 0;
    for (at, group) in groups.iter().enumerate() {
        let [site, ..] = group else { continue };
        let last = group.last().unwrap_or(site).span.end;
        let next = groups.get(at + 1).and_then(|next| next.first());
        let end = next.map_or(text.len(), |next| boundary(text, last, next.span.start));
        let from_here = from;
        from = end;
        let inside = |range: Range<usize>| {
            statuses.iter().filter(move |s| range.start <= s.span.start && s.span.end <= range.end)
        };
        let own = own_status(text, site, inside(site.span.end..end)).or_else(|| {
            // `Status: 5.1.1` of a report, above a reply that has none itself.
            inside(from_here..site.span.start).rfind(|s| s.marked && !s.from_log && s.code.class == site.code / 100)
        });
        let mut codes: Vec<_> = group.iter().map(|s| s.span.clone()).collect();
        codes.extend(inside(from_here..end).map(|s| s.span.clone()));
        let basic = Some(Part { value: site.code, span: site.span.clone() });
        let status = own.map(|s| Part { value: s.code, span: s.span.clone() });
        replies.push(reply(text, basic, status, from_here..end, site.span.start..end, codes));
    }
    replies
}

/// Where the reply that begins at `next` takes over from one whose code ends at
/// `after`: at the start of its line, else at the code itself.
fn boundary(text: &str, after: usize, next: usize) -> usize {
    let line = text[..next].rfind('\n').map_or(0, |newline| newline + 1);
    if line > after { line } else { next }
}

/// The status code of a reply: right after its code, else a marked one, else the first.
fn own_status<'a>(
    text: &str,
    site: &BasicSite,
    inside: impl Iterator<Item = &'a StatusSite> + Clone,
) -> Option<&'a StatusSite> {
    let right_after =
        |s: &&StatusSite| text[site.span.end..s.span.start].chars().all(|c| c.is_whitespace() || "-#(:[".contains(c));
    inside.clone().find(right_after).or_else(|| inside.clone().find(|s| s.marked)).or_else(|| inside.clone().next())
}

/// Replies of status codes alone, each different code once.
fn bare_statuses(text: &str, statuses: &[StatusSite]) -> Vec<Reply> {
    let mut distinct: Vec<&StatusSite> = Vec::new();
    for site in statuses {
        if !distinct.iter().any(|other| other.code == site.code) && distinct.len() <= MOST_REPLIES {
            distinct.push(site);
        }
    }
    let mut from = 0;
    let mut replies = Vec::new();
    for (at, site) in distinct.iter().enumerate() {
        let end = distinct.get(at + 1).map_or(text.len(), |next| boundary(text, site.span.end, next.span.start));
        let status = Some(Part { value: site.code, span: site.span.clone() });
        // Without a reply code the words may stand on either side of the status.
        replies.push(reply(text, None, status, from..end, from..end, vec![site.span.clone()]));
        from = end;
    }
    replies
}

fn reply(
    text: &str,
    basic: Option<Part<u16>>,
    status: Option<Part<StatusCode>>,
    span: Range<usize>,
    said: Range<usize>,
    mut codes: Vec<Range<usize>>,
) -> Reply {
    codes.sort_by_key(|code| code.start);
    let elements = elements(text, span.clone());
    let command = command(&text[span.clone()]);
    Reply { basic, status, span, said, codes, elements, command }
}

/// The command that was answered: Postfix writes `(in reply to RCPT TO
/// command)`, Exim `after RCPT TO:`.
fn command(line: &str) -> Option<&'static str> {
    const BEFORE: [&str; 3] = ["in reply to ", "mail server after ", "error after "];
    const COMMANDS: [&str; 9] =
        ["RCPT", "MAIL", "DATA", "END OF DATA", "EHLO", "HELO", "STARTTLS", "AUTH", "INITIAL CONNECTION"];
    let bytes = line.as_bytes();
    // All of `BEFORE` end in `to ` or `r `: only such places are looked at.
    let ends =
        (2..bytes.len()).filter(|at| bytes[at - 1] == b' ' && matches!(bytes[at - 2], b'o' | b'O' | b'r' | b'R'));
    for end in ends {
        let (before, after) = (&bytes[..end], &bytes[end..]);
        let introduced = BEFORE.iter().any(|words| {
            before
                .len()
                .checked_sub(words.len())
                .is_some_and(|from| before[from..].eq_ignore_ascii_case(words.as_bytes()))
        });
        let starts = |c: &&&str| after.get(..c.len()).is_some_and(|head| head.eq_ignore_ascii_case(c.as_bytes()));
        if introduced && let Some(command) = COMMANDS.iter().find(starts) {
            return Some(command);
        }
    }
    None
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
