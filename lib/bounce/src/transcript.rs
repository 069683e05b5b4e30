//! The SMTP dialogue that some programs put into a bounce.

use crate::{address::mailboxes_in, model::Stage};

/// The most replies that are kept, and the most bytes of one.
const MOST: usize = 500;
const LONGEST: usize = 4_096;

/// A reply in a transcript, and the command that it answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Exchange {
    pub(crate) stage: Option<Stage>,
    /// The address in the command.
    pub(crate) address: Option<String>,
    /// The reply, its lines joined.
    pub(crate) reply: String,
    /// Who said it.
    pub(crate) host: Option<String>,
}

/// The replies of a transcript: `>>> RCPT TO:<a@b>`, `<<< 550 no`, `while talking to host:`.
pub(crate) fn exchanges(body: &str) -> Vec<Exchange> {
    let mut found: Vec<Exchange> = Vec::new();
    let (mut stage, mut address, mut host) = (None, None, None);
    let mut joined = false;
    for line in body.lines() {
        let whole = line.trim();
        let (line, sent) = spoken(whole);
        if let Some(command) = line.filter(|_| sent) {
            stage = stage_of(command);
            address = mailboxes_in(command).first().map(|a| (*a).to_owned());
            joined = false;
        } else if let Some(reply) = line {
            if let Some(last) = found.last_mut().filter(|last| joined && last.reply.len() < LONGEST) {
                last.reply.push(' ');
                last.reply.push_str(reply);
            } else if found.len() < MOST {
                let reply = reply.to_owned();
                found.push(Exchange { stage, address: address.clone(), reply, host: host.clone() });
            }
            // `552-… ` is followed by further lines of the same reply.
            joined = reply.as_bytes().get(3) == Some(&b'-');
        } else {
            joined = false;
            if let Some((_, name)) = whole.split_once("while talking to ") {
                host = Some(name.trim_matches(|c: char| c.is_whitespace() || ".:[]".contains(c)).to_owned());
                (stage, address) = (None, None);
            }
        }
    }
    found
}

/// What a line of a dialogue holds, and whether it was sent rather than received:
/// `>>> RCPT TO:<a@b>`, `<<< 550 no`; `--> RCPT`, `<-- 550`; `Sent <<< RCPT`, `Received >>> 550`.
fn spoken(line: &str) -> (Option<&str>, bool) {
    let arrow = |line: &'_ str| -> Option<(usize, bool)> {
        [(">>>", true), ("<<<", false), ("-->", true), ("<--", false)]
            .into_iter()
            .find_map(|(mark, sent)| line.starts_with(mark).then_some((mark.len(), sent)))
    };
    for (word, sent) in [("Sent", true), ("Received", false)] {
        if let Some(rest) = line.strip_prefix(word).map(str::trim_start)
            && let Some((length, _)) = arrow(rest)
        {
            return (Some(rest[length..].trim()), sent);
        }
    }
    match arrow(line) {
        Some((length, sent)) => (Some(line[length..].trim()), sent),
        None => (None, false),
    }
}

fn stage_of(command: &str) -> Option<Stage> {
    let word = command.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    let is = |own: &str| word.eq_ignore_ascii_case(own);
    match () {
        () if is("EHLO") || is("HELO") || is("LHLO") => Some(Stage::Ehlo),
        () if is("STARTTLS") => Some(Stage::Starttls),
        () if is("AUTH") => Some(Stage::Auth),
        () if is("MAIL") => Some(Stage::Mail),
        () if is("RCPT") => Some(Stage::Rcpt),
        () if is("DATA") || is("BDAT") || command.starts_with('.') => Some(Stage::Data),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{human::Human, rules::Rules};

    #[test]
    fn a_transcript_is_read() {
        let human = Human::read(
            "... while talking to mx.b.example.:\n>>> RCPT To:<a@b.example>\n<<< 552-5.2.2 full\n<<< 552 5.2.2 really\n>>> DATA\n<<< 503 no\n",
            Rules::builtin(),
        );
        let [first, second] = human.exchanges.as_slice() else { panic!("{human:?}") };
        assert_eq!((first.stage, first.address.as_deref()), (Some(Stage::Rcpt), Some("a@b.example")));
        assert_eq!(
            (first.reply.as_str(), first.host.as_deref()),
            ("552-5.2.2 full 552 5.2.2 really", Some("mx.b.example"))
        );
        assert_eq!((second.stage, second.reply.as_str()), (Some(Stage::Data), "503 no"));
    }
}
