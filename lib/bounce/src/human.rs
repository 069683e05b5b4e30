//! The part of a bounce that is written for people: which recipients it names,
//! and what it says of each. No form is known by name; what counts is how
//! addresses and replies stand in lines and paragraphs.

use crate::{
    address::{mailbox, mailboxes_in},
    lines::begins_block,
    mime::floor,
    returned::split,
    rules::{Rules, Said},
    transcript::{Exchange, exchanges},
};

/// The most bytes that are looked at.
const LONGEST: usize = 64 << 10;
/// The most blocks that are kept.
const MOST_BLOCKS: usize = 500;
/// The most bytes that are kept of what is said of one recipient.
const LONGEST_SAID: usize = 4_096;
/// How many lines are read on for one recipient.
const MOST_LINES: usize = 40;

/// A text taken apart.
#[derive(Debug, Default)]
pub(crate) struct Human<'t> {
    /// What stands before the returned message.
    pub(crate) body: &'t str,
    /// The returned message, where it stands in the same text.
    pub(crate) original: Option<&'t str>,
    /// The recipients that it names, and what it says of each.
    pub(crate) blocks: Vec<Block>,
    /// The transcript, where there is one.
    pub(crate) exchanges: Vec<Exchange>,
    /// What it says as a whole.
    pub(crate) said: Said,
}

/// A recipient and what is said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) address: String,
    /// Blanks collapsed, lines of a reply apart; empty when nothing is said.
    pub(crate) said: String,
    pub(crate) kind: BlockKind,
}

/// How a recipient was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum BlockKind {
    /// `<a@b>: words`, `a@b... words`: of recipients alone it is said so.
    Told,
    /// On a line of its own, or after a label.
    Listed,
    /// In a sentence about failure.
    Inline,
}

/// Lower case, every run of blanks one blank.
pub(crate) fn flat(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        if word.is_ascii() {
            let start = out.len();
            out.push_str(word);
            out[start..].make_ascii_lowercase();
        } else {
            out.extend(word.chars().flat_map(char::to_lowercase));
        }
    }
    out
}

impl<'t> Human<'t> {
    /// Takes `text` apart.
    pub(crate) fn read(text: &'t str, rules: &Rules) -> Self {
        let text = &text[..floor(text, LONGEST)];
        let (body, original) = split(text, rules);
        let mut human = Human { body, original, said: rules.said(&flat(body)), ..Human::default() };
        human.exchanges = exchanges(body);
        human.blocks = Reader::default().read(body, rules);
        human
    }

    /// The blocks of one address, joined.
    pub(crate) fn said_of(&self, address: &str) -> Option<String> {
        let mut all = String::new();
        for block in self.blocks.iter().filter(|block| block.address.eq_ignore_ascii_case(address)) {
            if !block.said.is_empty() && !all.contains(&block.said) && all.len() + block.said.len() < LONGEST_SAID {
                if !all.is_empty() {
                    all.push('\n');
                }
                all.push_str(&block.said);
            }
        }
        (!all.is_empty()).then_some(all)
    }
}

/// Goes through the lines and gathers blocks.
#[derive(Default)]
struct Reader {
    blocks: Vec<Block>,
    /// Whether the last block takes further lines.
    open: bool,
    /// Whether a blank line has passed since the last block began.
    passed_blank: bool,
    lines: usize,
    /// Whether the line before announced the sender.
    of_sender: bool,
}

impl Reader {
    fn read(mut self, body: &str, rules: &Rules) -> Vec<Block> {
        for line in body.lines() {
            let words = line.trim();
            let of_sender = std::mem::take(&mut self.of_sender);
            if words.is_empty() {
                self.of_sender = of_sender;
                self.blank();
            } else if of_sender && mailbox(words).is_some() {
                // `A message sent by`, and then the sender.
            } else if ends_with_sender(words) {
                self.of_sender = true;
            } else if let Some((address, rest, kind)) = begins_block(words, rules) {
                self.begin(address, rest, kind);
            } else if is_rule(words) {
                self.open = false;
            } else if let Some(address) = self.inline(words, rules) {
                self.begin(address, words, BlockKind::Inline);
            } else {
                self.go_on(words);
            }
            if self.blocks.len() >= MOST_BLOCKS {
                break;
            }
        }
        // What is said of the last of several listed together is said of all.
        let mut later: Option<String> = None;
        for block in self.blocks.iter_mut().rev() {
            match (&later, block.said.is_empty(), block.kind) {
                (Some(said), true, BlockKind::Listed) => block.said.clone_from(said),
                (_, false, BlockKind::Listed) => later = Some(block.said.clone()),
                _ => {}
            }
        }
        self.blocks
    }

    fn begin(&mut self, address: &str, said: &str, kind: BlockKind) {
        let said = collapsed(said, LONGEST_SAID);
        self.blocks.push(Block { address: address.to_owned(), said, kind });
        (self.open, self.passed_blank, self.lines) = (true, false, 0);
    }

    /// Replies and told blocks end with their paragraph; others may go on.
    fn blank(&mut self) {
        let Some(last) = self.blocks.last().filter(|_| self.open) else { return };
        let ends = !last.said.is_empty() && (last.kind == BlockKind::Told || has_code(&last.said));
        self.open = !ends;
        self.passed_blank = true;
    }

    fn go_on(&mut self, words: &str) {
        let Some(last) = self.blocks.last_mut().filter(|_| self.open) else { return };
        self.lines += 1;
        if self.lines > MOST_LINES || last.said.len() + words.len() > LONGEST_SAID {
            self.open = false;
            return;
        }
        // `421 host (smtp)... Deferred` of a transcript is about a host.
        if last.kind == BlockKind::Told && has_code(&words[..floor(words, 4)]) && words.contains("... ") {
            self.open = false;
            return;
        }
        let words = collapsed(words, LONGEST_SAID);
        if !last.said.is_empty() {
            // A line of a reply of many lines begins with its code.
            let code = words
                .as_bytes()
                .get(..4)
                .is_some_and(|w| w[..3].iter().all(u8::is_ascii_digit) && matches!(w[3], b' ' | b'-'));
            last.said.push(if code { '\n' } else { ' ' });
        }
        last.said.push_str(&words);
    }

    /// A sentence that says that something failed, and names one mailbox.
    fn inline<'l>(&self, words: &'l str, rules: &Rules) -> Option<&'l str> {
        let inside = self.open && !self.passed_blank && !self.blocks.is_empty();
        if inside || !words.contains('@') || words.starts_with('>') || words.starts_with("<<<") {
            return None;
        }
        let [address] = mailboxes_in(words)[..] else { return None };
        // `they are not accepting mail from a@b`
        let before = words.split(address).next().unwrap_or_default().trim_end_matches(['<', ' ', '"', '\'']);
        if before.to_ascii_lowercase().ends_with(" from") {
            return None;
        }
        let said = rules.said(&flat(words));
        (said.failure || said.delay || said.expired || (words.len() < 200 && says_why(words))).then_some(address)
    }
}

fn ends_with_sender(words: &str) -> bool {
    ["sent by", "sent by:", "message from", "message from:", "mail from:", "sender:", "from sender"].iter().any(|end| {
        words.len() >= end.len()
            && words.is_char_boundary(words.len() - end.len())
            && words[words.len() - end.len()..].eq_ignore_ascii_case(end)
    })
}

/// Whether plain words of a refusal stand there: `User mailbox exceeds allowed size: a@b`.
pub(crate) fn says_why(words: &str) -> bool {
    let pasted = smtp_reasons::parse(words);
    pasted.replies.iter().take(1).any(|reply| {
        let explained = smtp_reasons::Knowledge::builtin().explain(words, reply);
        explained.basis == smtp_reasons::Basis::Words
            && explained.certainty == smtp_reasons::Certainty::High
            && explained.reason.id.is_refusal()
    })
}

/// A line of marks: `-----`, `----- Transcript of session follows -----`.
fn is_rule(words: &str) -> bool {
    let count = |c: char| words.chars().take_while(|own| *own == c).count();
    ['-', '=', '*', '_'].into_iter().any(|c| count(c) >= 3)
}

fn has_code(said: &str) -> bool {
    let bytes = said.as_bytes();
    bytes.windows(4).enumerate().any(|(at, w)| {
        matches!(w[0], b'4' | b'5')
            && w[1].is_ascii_digit()
            && w[2].is_ascii_digit()
            && matches!(w[3], b' ' | b'-' | b':')
            && (at == 0 || matches!(bytes[at - 1], b' ' | b'\'' | b'"' | b':' | b'('))
    })
}

/// Every run of blanks one blank, at most `longest` bytes, whole words.
pub(crate) fn collapsed(text: &str, longest: usize) -> String {
    let mut out = String::with_capacity(text.len().min(longest));
    for word in text.split_whitespace() {
        if out.len() + word.len() >= longest {
            break;
        }
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn blocks(text: &str) -> Vec<(String, String)> {
        let human = Human::read(text, Rules::builtin());
        human.blocks.into_iter().map(|block| (block.address, block.said)).collect()
    }

    fn of(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
    }

    #[test]
    fn recipients_are_found_in_every_form() {
        for (text, expected) in [
            (
                "Sorry.\n\n<a@b.example>: host mx said: 550 5.1.1\n    no such user\n\n<c@d.example>: other\n",
                of(&[("a@b.example", "host mx said: 550 5.1.1 no such user"), ("c@d.example", "other")]),
            ),
            (
                "failed:\n\n  a@b.example\n    SMTP error after RCPT TO:<a@b.example>:\n    550 no\n  c@d.example\n    mailbox is full\n",
                of(&[
                    ("a@b.example", "SMTP error after RCPT TO:<a@b.example>:\n550 no"),
                    ("c@d.example", "mailbox is full"),
                ]),
            ),
            ("a@b.example: 550 no\n", of(&[("a@b.example", "550 no")])),
            ("Recipient: <a@b.example>\n  <<< 550 no\n", of(&[("a@b.example", "<<< 550 no")])),
            (
                "Your message to a@b.example couldn't be delivered.\n\nThe response was:\n\n550 no\n",
                of(&[("a@b.example", "Your message to a@b.example couldn't be delivered. The response was:\n550 no")]),
            ),
            (
                "could not be delivered to:\n\na@b.example\nc@d.example\n\nmailbox full\n",
                of(&[("a@b.example", "mailbox full"), ("c@d.example", "mailbox full")]),
            ),
            (
                "Delivery failed 20 attempts: a@b.example\n",
                of(&[("a@b.example", "Delivery failed 20 attempts: a@b.example")]),
            ),
            ("550 <a@b.example>... User unknown\n", of(&[("a@b.example", "550 <a@b.example>... User unknown")])),
            ("On Monday a@b.example wrote to c@d.example:\n> hello e@f.example\n", of(&[])),
        ] {
            assert_eq!(blocks(text), expected, "{text}");
        }
    }
}
