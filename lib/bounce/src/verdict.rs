//! Why a recipient failed: what the texts of a report mean together.
//!
//! The meaning of replies is the knowledge base's (`smtp-reasons`); here is
//! only what a report adds to a reply: the stage, the status that the
//! reporting system gave, and whether it gave up or goes on.

use std::{borrow::Cow, ops::Range};

use smtp_reasons::{Basis, Certainty, Class, Explanation, Knowledge, Reason, Reply, Standing, StatusCode};

use crate::{
    human::{collapsed, flat},
    mime::floor,
    model::{Action, Hardness, Stage},
    rules::{Rules, Said},
};

/// The most bytes of one text that are read.
const LONGEST: usize = 4_096;

/// What is known of one recipient before it is judged.
#[derive(Debug, Default)]
pub(crate) struct Evidence<'a> {
    /// What was said, the likeliest words first; blanks collapsed.
    pub(crate) texts: Vec<&'a str>,
    /// The whole text with all its set phrases, looked at last: there only plain words count.
    pub(crate) body: &'a str,
    pub(crate) action: Option<Action>,
    /// The status that the report gives beside the texts.
    pub(crate) status: Option<StatusCode>,
    pub(crate) stage: Option<Stage>,
    /// What the last of the texts says, which is known already.
    pub(crate) told: Said,
    /// Whether a program of the system itself spoke (`Diagnostic-Code: X-Unix; 255`).
    pub(crate) unix: bool,
    /// Who said the first two of the texts; a provider's codes mean what it means by them.
    pub(crate) remote: Option<&'a str>,
    /// What the report says as a whole.
    pub(crate) said: Said,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) reason: Reason,
    pub(crate) underlying: Option<Reason>,
    pub(crate) status: Option<StatusCode>,
    pub(crate) code: Option<u16>,
    pub(crate) stage: Option<Stage>,
    /// Which of the texts, and which words of it.
    pub(crate) text: Option<usize>,
    pub(crate) telling: Option<Range<usize>>,
    /// The host that stands before the reply.
    pub(crate) host: Option<String>,
}

/// A reply of one of the texts, explained.
struct Heard<'k> {
    text: usize,
    /// How many bytes were put before the text.
    before: usize,
    explained: Explanation<'k>,
    /// Whether the words are those of a broken way, and not of waiting in vain.
    broken: bool,
}

impl Heard<'_> {
    fn reason(&self) -> Reason {
        self.explained.reason.id
    }

    /// Whether it says why, and not only that.
    fn says_why(&self) -> bool {
        !matches!(self.reason(), Reason::Unexplained | Reason::Expired | Reason::Delivered | Reason::Proceed)
            && (self.explained.certainty > Certainty::Low || self.explained.basis == Basis::Words)
    }
}

pub(crate) fn judge(evidence: &Evidence<'_>, knowledge: &Knowledge, rules: &Rules) -> Verdict {
    let mut heard: Vec<Heard<'_>> = Vec::new();
    let mut stage = evidence.stage;
    let mut said = Said::default();
    let mut body = String::new();
    for index in 0..=evidence.texts.len() {
        let last = index == evidence.texts.len();
        if last {
            body = lines_collapsed(evidence.body, LONGEST);
        }
        let text = evidence.texts.get(index).copied().unwrap_or(&body);
        let text = &text[..floor(text, LONGEST)];
        if text.is_empty() {
            continue;
        }
        let here = match index + 1 {
            _ if last => evidence.said,
            next if next == evidence.texts.len() => evidence.told,
            _ => rules.said(&flat(text)),
        };
        stage = stage.or(here.stage);
        said.expired |= here.expired;
        let named = evidence.remote.filter(|remote| index < 2 && !text.contains(remote));
        let prefix = named.map(|remote| format!("host {remote} said: ")).unwrap_or_default();
        let text = if prefix.is_empty() { Cow::Borrowed(text) } else { Cow::Owned(format!("{prefix}{text}")) };
        let text = text.as_ref();
        let pasted = smtp_reasons::parse(text);
        for reply in pasted.replies.iter().take(8) {
            let explained = knowledge.explain(text, reply);
            let coded = explained.reply.basic.is_some() || explained.reply.status.is_some();
            let plain = explained.basis == Basis::Words && explained.certainty == Certainty::High;
            if !last || plain || (coded && explained.reason.id != Reason::Unexplained) {
                let telling = explained.telling.clone().and_then(|span| text.get(span)).unwrap_or_default();
                let broken = explained.reason.id == Reason::Unreachable && is_broken(telling);
                heard.push(Heard { text: index, before: prefix.len(), explained, broken });
            }
        }
        // Words that settle it need no others beside them.
        if heard.iter().any(|h| h.says_why() && h.explained.reply.basic.is_some()) {
            break;
        }
    }
    let expired_status = evidence.status.is_some_and(|s| (s.subject, s.detail) == (4, 7));
    let expired =
        expired_status || said.expired || evidence.said.expired || heard.iter().any(|h| h.reason() == Reason::Expired);
    let best = heard
        .iter()
        .find(|h| h.says_why() && h.explained.certainty == Certainty::High)
        .or_else(|| heard.iter().find(|h| h.says_why()))
        .or_else(|| heard.iter().find(|h| h.reason() != Reason::Unexplained && h.reason() != Reason::Expired))
        .or_else(|| heard.iter().find(|h| h.explained.reply.basic.is_some()))
        .or(heard.first());
    let mut reason = best.map_or(Reason::Unexplained, Heard::reason);
    // The report's own status, where the words say nothing.
    if reason == Reason::Unexplained
        && let Some(status) = evidence.status
    {
        reason = by_status(status, knowledge);
    }
    if evidence.unix && matches!(reason, Reason::Unexplained | Reason::ServerTrouble) {
        reason = Reason::MailerError;
    }
    let stage = stage.or_else(|| best.and_then(|h| h.explained.reply.command.and_then(stage_of)));
    // Under "message expired" stands what the server said last.
    let is_wrapper = |h: &Heard<'_>| h.reason() == Reason::Expired;
    let beneath = best
        .filter(|h| is_wrapper(h))
        .and_then(|_| heard.iter().find(|h| !is_wrapper(h) && h.explained.reply.basic.is_some()));
    let replied = beneath.or_else(|| best.filter(|h| h.explained.reply.basic.is_some())).or_else(|| with_code(&heard));
    let status = status(evidence.status, replied.or(best).map(|h| &h.explained.reply), &heard);
    let code = replied.and_then(|h| h.explained.reply.basic.as_ref()).map(|basic| basic.value);
    // Exchange and others make up codes (441, 571) that no server sends; they stand in the words.
    let standard = |code: &u16| knowledge.reply(*code).is_some_and(|entry| entry.standing != Standing::Folklore);
    let given = code.filter(standard);
    let reason = match evidence.action {
        Some(Action::Delivered | Action::Relayed | Action::Expanded) => Reason::Delivered,
        _ => in_context(reason, status, code, stage, best),
    };
    let (reason, underlying) = in_time(reason, evidence, status, code, best, expired);
    let text = best
        .map(|h| h.text)
        .or_else(|| evidence.texts.iter().position(|text| !text.is_empty()))
        .or_else(|| (!body.is_empty()).then_some(evidence.texts.len()));
    let telling = best.and_then(|h| {
        let reply = &h.explained.reply;
        let codes =
            reply.status.as_ref().map(|s| s.span.clone()).or_else(|| reply.basic.as_ref().map(|b| b.span.clone()));
        let span = h.explained.telling.clone().or(codes)?;
        Some(span.start.checked_sub(h.before)?..span.end.checked_sub(h.before)?)
    });
    Verdict {
        reason,
        underlying,
        status,
        code: given,
        stage,
        text,
        telling,
        host: best.and_then(|h| host(&h.explained.reply)),
    }
}

/// "No route to host" names the fault itself; "timed out" says only that nobody answered.
fn is_broken(words: &str) -> bool {
    let words = words.to_ascii_lowercase();
    ["no route", "unreachable", "lost", "reset", "broken", "loop"].iter().any(|word| words.contains(word))
}

/// Whether time ran out, or is running, and what stood behind it.
fn in_time(
    reason: Reason,
    evidence: &Evidence<'_>,
    status: Option<StatusCode>,
    code: Option<u16>,
    best: Option<&Heard<'_>>,
    expired: bool,
) -> (Reason, Option<Reason>) {
    let delayed = evidence.action == Some(Action::Delayed);
    let late = match reason {
        Reason::Unexplained | Reason::Expired => expired || delayed,
        Reason::ServerTrouble | Reason::Protocol => expired || delayed,
        Reason::Unreachable => {
            // A program that gives the failed connection a code of its own names it as the cause.
            let own = best.is_some_and(|h| {
                h.explained.reply.status.as_ref().is_some_and(|s| s.value.detail != 7 && s.value.subject == 4)
            });
            let spoken = (own && code.is_none()) || best.is_some_and(|h| h.broken);
            // What fails for now, and yet is reported as failed, has run out of time.
            let class = code.map(|code| code / 100).or(status.map(|s| s.class));
            (delayed && !best.is_some_and(|h| h.broken)) || (!spoken && (expired || class != Some(5)))
        }
        _ => false,
    };
    if !late {
        return (reason, None);
    }
    (Reason::Expired, (!matches!(reason, Reason::Expired | Reason::Unexplained)).then_some(reason))
}

/// Every run of blanks in a line one blank, empty lines left out: a code counts where a line begins.
fn lines_collapsed(text: &str, longest: usize) -> String {
    let mut out = String::with_capacity(text.len().min(longest));
    for line in text.lines() {
        let line = collapsed(line, longest);
        if line.is_empty() {
            continue;
        }
        if out.len() + line.len() >= longest {
            break;
        }
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(&line);
    }
    out
}

/// The reply with a code to give: one that refuses, before others.
fn with_code<'h, 'k>(heard: &'h [Heard<'k>]) -> Option<&'h Heard<'k>> {
    let coded = || heard.iter().filter(|h| h.explained.reply.basic.is_some());
    let refuses = |h: &&Heard<'_>| h.explained.reply.class().is_some_and(Class::is_refusal);
    coded().find(refuses).or_else(|| coded().next())
}

/// The server's own status before the report's, the telling one before one that says nothing.
fn status(reported: Option<StatusCode>, reply: Option<&Reply>, heard: &[Heard<'_>]) -> Option<StatusCode> {
    let own = reply.and_then(|reply| reply.status.as_ref()).map(|status| status.value);
    let other = || heard.iter().find_map(|h| h.explained.reply.status.as_ref()).map(|status| status.value);
    let says_nothing = |s: StatusCode| s.subject == 0 && s.detail == 0;
    match (own.or_else(other), reported) {
        (Some(own), Some(reported)) if says_nothing(own) && !says_nothing(reported) => Some(reported),
        (own, reported) => own.or(reported),
    }
}

fn by_status(status: StatusCode, knowledge: &Knowledge) -> Reason {
    let text = status.to_string();
    smtp_reasons::parse(&text)
        .replies
        .first()
        .map_or(Reason::Unexplained, |reply| knowledge.explain(&text, reply).reason.id)
}

/// What the stage and the codes make of words that can mean two things.
/// "Connection refused by [127.0.0.1]" is about the reporting system's own parts.
fn is_own_side(best: Option<&Heard<'_>>) -> bool {
    best.is_some_and(|h| h.explained.reply.elements.addresses.iter().any(|a| a.value.is_loopback()))
}

fn in_context(
    reason: Reason,
    status: Option<StatusCode>,
    code: Option<u16>,
    stage: Option<Stage>,
    best: Option<&Heard<'_>>,
) -> Reason {
    let before_recipient = matches!(stage, Some(Stage::Mail | Stage::Ehlo | Stage::Connect));
    let of_address = status.is_some_and(|status| status.subject == 1);
    // "Mailbox unavailable" is what 550 says of anything; other words are plain.
    let by_words = best.is_some_and(|h| {
        let e = &h.explained;
        let plain = e.certainty == Certainty::High || e.status.is_some_and(|s| !s.vague && s.reason != e.reason.id);
        e.basis == Basis::Words && plain
    });
    match reason {
        Reason::TurnedAway if is_own_side(best) => Reason::Unreachable,
        // 5xx with another code than those of syntax (RFC 5321 §4.2.2) is a rule's refusal.
        Reason::Protocol if code.is_some_and(|code| code >= 550) && status.is_none_or(|s| s.subject != 5) => {
            Reason::Policy
        }
        // "Message filtered" under X.2.Z is said of the recipient's own filter.
        Reason::Spam
            if status.is_some_and(|s| (s.subject, s.detail) == (2, 0))
                && best.is_some_and(|h| h.explained.basis == Basis::Words) =>
        {
            Reason::RecipientRefuses
        }
        Reason::TooLarge if status.is_some_and(|s| (s.subject, s.detail) == (2, 3)) => Reason::TooLargeForMailbox,
        // X.7.13 is of an account; of a recipient's, where RCPT was refused.
        Reason::LoginRefused
            if stage == Some(Stage::Rcpt) && status.is_some_and(|s| (s.subject, s.detail) == (7, 13)) =>
        {
            Reason::MailboxDisabled
        }
        // A rule that is not named, in answer to MAIL FROM, is about the sender.
        Reason::Policy if stage == Some(Stage::Mail) => Reason::SenderRefused,
        // Before the recipient is named no mailbox can be meant.
        Reason::MailboxFull if before_recipient => Reason::ServerFull,
        Reason::MailboxUnknown if status.is_some_and(|s| (s.subject, s.detail) == (1, 6)) => Reason::MailboxMoved,
        // What is unknown before the recipient was named is the sender.
        Reason::MailboxUnknown | Reason::DomainUnknown if before_recipient => Reason::SenderRefused,
        // A server that knows its users refuses an unknown one at RCPT, or with
        // an address code (X.1.Z). One that says "user unknown" only after DATA,
        // or under another code, filters, as the Japanese carriers do: the mailbox may well exist.
        Reason::MailboxUnknown if by_words && code.is_some() && !of_address && stage != Some(Stage::Rcpt) => {
            Reason::RecipientRefuses
        }
        reason => reason,
    }
}

fn stage_of(command: &str) -> Option<Stage> {
    Some(match command {
        "RCPT" => Stage::Rcpt,
        "MAIL" => Stage::Mail,
        "DATA" | "END OF DATA" => Stage::Data,
        "EHLO" | "HELO" => Stage::Ehlo,
        "STARTTLS" => Stage::Starttls,
        "AUTH" => Stage::Auth,
        "INITIAL CONNECTION" => Stage::Connect,
        _ => return None,
    })
}

/// The host named last before the reply: `host mx.b.example[192.0.2.1] said: 550`.
fn host(reply: &Reply) -> Option<String> {
    let before = |start: usize| start < reply.said.start;
    let host = reply.elements.hosts.iter().rfind(|host| before(host.span.start)).map(|host| host.value.clone());
    host.or_else(|| reply.elements.addresses.iter().rfind(|a| before(a.span.start)).map(|a| a.value.to_string()))
}

/// Whether the address is to be sent to again. It goes by the reason: a code of
/// class 5 says only that this message is not to be sent again unchanged.
pub(crate) fn hardness(reason: Reason) -> Hardness {
    match reason {
        Reason::MailboxUnknown | Reason::DomainUnknown | Reason::MailboxMoved | Reason::DomainRefusesMail => {
            Hardness::Hard
        }
        Reason::Delivered | Reason::Proceed | Reason::Complaint => Hardness::None,
        _ => Hardness::Soft,
    }
}
