//! The phrases of `data/phrases.toml`, made ready to be looked for in one pass.

use std::sync::OnceLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use serde::Deserialize;

use crate::model::Stage;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    failure: Vec<String>,
    delay: Vec<String>,
    expired: Vec<String>,
    stage: Vec<StageWords>,
    original: Says,
    subject: Says,
    sender: Sender,
    recipient: Labels,
    autoreply: Autoreply,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StageWords {
    is: String,
    says: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Says {
    says: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sender {
    local: Vec<String>,
    words: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Labels {
    labels: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Autoreply {
    subject: Vec<String>,
}

/// What a phrase of a body says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    Failure,
    Delay,
    Expired,
    Stage(Stage),
}

/// What was found in a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) failure: bool,
    pub(crate) delay: bool,
    pub(crate) expired: bool,
    /// The first stage that is named.
    pub(crate) stage: Option<Stage>,
}

/// The rules, made ready.
pub(crate) struct Rules {
    body: AhoCorasick,
    body_says: Vec<Meaning>,
    subject: AhoCorasick,
    sender_words: AhoCorasick,
    autoreply: AhoCorasick,
    sender_local: Vec<String>,
    /// Sorted.
    pub(crate) original: Vec<String>,
    pub(crate) labels: Vec<String>,
}

impl Rules {
    /// The compiled-in rules.
    pub(crate) fn builtin() -> &'static Rules {
        static RULES: OnceLock<Rules> = OnceLock::new();
        RULES.get_or_init(|| match Rules::parse(include_str!("../data/phrases.toml")) {
            Ok(rules) => rules,
            // A test reads the same text.
            Err(error) => panic!("data/phrases.toml: {error}"),
        })
    }

    fn parse(text: &str) -> Result<Rules, String> {
        let data: Data = toml::from_str(text).map_err(|error| error.to_string())?;
        let set = |phrases: &[&str]| {
            AhoCorasick::builder()
                .match_kind(MatchKind::Standard)
                .kind(Some(AhoCorasickKind::DFA))
                .build(phrases)
                .map_err(|error| error.to_string())
        };
        let all = |list: &[String]| set(&list.iter().map(String::as_str).collect::<Vec<_>>());
        let mut phrases = Vec::new();
        let mut body_says = Vec::new();
        for (list, says) in
            [(&data.failure, Meaning::Failure), (&data.delay, Meaning::Delay), (&data.expired, Meaning::Expired)]
        {
            phrases.extend(list.iter().map(String::as_str));
            body_says.extend(list.iter().map(|_| says));
        }
        for group in &data.stage {
            let stage = match group.is.as_str() {
                "connect" => Stage::Connect,
                "ehlo" => Stage::Ehlo,
                "starttls" => Stage::Starttls,
                "auth" => Stage::Auth,
                "mail" => Stage::Mail,
                "rcpt" => Stage::Rcpt,
                "data" => Stage::Data,
                other => return Err(format!("there is no stage `{other}`")),
            };
            phrases.extend(group.says.iter().map(String::as_str));
            body_says.extend(group.says.iter().map(|_| Meaning::Stage(stage)));
        }
        if data.original.says.iter().any(String::is_empty) {
            return Err("a phrase of [original] is empty".to_owned());
        }
        if let Some(phrase) = phrases.iter().find(|phrase| **phrase != phrase.to_lowercase() || phrase.contains("  ")) {
            return Err(format!("`{phrase}` is not in lower case with single blanks"));
        }
        let mut original = data.original.says;
        original.sort();
        Ok(Rules {
            body: set(&phrases)?,
            body_says,
            subject: all(&data.subject.says)?,
            sender_words: all(&data.sender.words)?,
            autoreply: all(&data.autoreply.subject)?,
            sender_local: data.sender.local,
            original,
            labels: data.recipient.labels,
        })
    }

    /// What `text`, in lower case with single blanks, says.
    pub(crate) fn said(&self, text: &str) -> Said {
        let mut said = Said::default();
        for found in self.body.find_overlapping_iter(text) {
            match self.body_says[found.pattern().as_usize()] {
                Meaning::Failure => said.failure = true,
                Meaning::Delay => said.delay = true,
                Meaning::Expired => said.expired = true,
                Meaning::Stage(stage) => {
                    said.stage.get_or_insert(stage);
                }
            }
        }
        said
    }

    /// Whether a bounce may have this subject, in lower case.
    pub(crate) fn is_subject(&self, subject: &str) -> bool {
        self.subject.is_match(subject)
    }

    /// Whether an automatic answer may have this subject, in lower case.
    pub(crate) fn is_autoreply(&self, subject: &str) -> bool {
        self.autoreply.is_match(subject)
    }

    /// Whether it is written by a mail system: `from` is the field, in lower case.
    pub(crate) fn is_system(&self, from: &str, local: &str) -> bool {
        self.sender_local.iter().any(|own| own == local) || self.sender_words.is_match(from)
    }

    /// Whether a line begins the returned message: `line` in lower case, marks left out.
    pub(crate) fn begins_original(&self, line: &str) -> bool {
        let Some(first) = line.as_bytes().first() else { return false };
        // They are sorted: only those with the same first byte can fit.
        let from = self.original.partition_point(|phrase| phrase.as_bytes()[0] < *first);
        self.original[from..]
            .iter()
            .take_while(|phrase| phrase.as_bytes()[0] == *first)
            .any(|phrase| line.starts_with(phrase.as_str()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_phrases_are_read() {
        let rules = Rules::parse(include_str!("../data/phrases.toml")).unwrap();
        let said = rules.said("your message could not be delivered (in reply to rcpt to command)");
        assert_eq!((said.failure, said.delay, said.stage), (true, false, Some(Stage::Rcpt)));
        assert!(rules.is_system("mail delivery system <x@y.example>", "x") && rules.is_system("", "mailer-daemon"));
        assert!(!rules.is_system("jo <jo@y.example>", "jo"));
    }
}
