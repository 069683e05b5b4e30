//! From what was said to its cause, each wording once.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hasher},
    sync::Arc,
};

use smtp_reasons::{Knowledge, Party, Practice, Reason};

use crate::event::Event;

/// The most wordings that are remembered.
const MOST: usize = 8_192;
/// The most bytes of what was said that are looked at.
const LONGEST: usize = 4_096;

/// What is known of a wording.
#[derive(Clone, Debug)]
pub(crate) struct Cause {
    pub(crate) reason: Reason,
    pub(crate) practice: Practice,
    pub(crate) actor: Party,
    pub(crate) remedy: &'static str,
    /// What a provider or a mail server means by it.
    pub(crate) meaning: Option<&'static str>,
    pub(crate) blocklist: Option<(&'static str, Option<&'static str>)>,
    /// The codes, `550 5.7.1`; empty without any.
    pub(crate) codes: String,
}

/// Knows the causes of wordings.
pub(crate) struct Causes {
    knowledge: &'static Knowledge,
    known: HashMap<u64, Arc<Cause>>,
    providers: HashMap<Box<[u8]>, Arc<str>>,
}

impl Causes {
    pub(crate) fn new(knowledge: &'static Knowledge) -> Self {
        Causes { knowledge, known: HashMap::new(), providers: HashMap::new() }
    }

    /// The cause of an event, and a number that equal wordings share.
    pub(crate) fn of(&mut self, event: &Event<'_>) -> (u64, Arc<Cause>) {
        let said = &event.said[..event.said.len().min(LONGEST)];
        let host = tail(event.host);
        let number = number(host, event.status, said);
        if let Some(cause) = self.known.get(&number) {
            return (number, Arc::clone(cause));
        }
        let cause = Arc::new(self.read(host, event.status, said));
        if self.known.len() >= MOST {
            self.known.clear();
        }
        self.known.insert(number, Arc::clone(&cause));
        (number, cause)
    }

    fn read(&self, host: &[u8], status: &[u8], said: &[u8]) -> Cause {
        let said = String::from_utf8_lossy(said);
        let said = said.trim_ascii();
        // As the log of Postfix has it, which the parser knows; a reply that
        // has an enhanced code of its own needs none from the log.
        let speaks = said.bytes().take(3).filter(u8::is_ascii_digit).count() == 3;
        let host = String::from_utf8_lossy(host);
        let text = match (speaks, status) {
            (true, _) if host.is_empty() => said.to_owned(),
            (true, _) => format!("host {host}[] said: {said}"),
            (false, b"") => said.to_owned(),
            (false, status) => format!("dsn={}, status=? ({said}", String::from_utf8_lossy(status)),
        };
        let (_, explained) = self.knowledge.explain_all(&text);
        // Of several replies in one text the first that tells a cause is it.
        let told = explained.iter().position(|e| e.reason.id.is_refusal() && e.reason.id != Reason::Unexplained);
        let first = told.or_else(|| explained.iter().position(|e| e.reason.id.is_refusal()));
        let Some(found) = first.and_then(|at| explained.into_iter().nth(at)) else {
            let entry = self.knowledge.reason(Reason::Unexplained);
            return Cause {
                reason: Reason::Unexplained,
                practice: Practice::AsSaid,
                actor: entry.actor,
                remedy: &entry.remedy,
                meaning: None,
                blocklist: None,
                codes: String::from_utf8_lossy(status).into_owned(),
            };
        };
        Cause {
            reason: found.reason.id,
            practice: found.practice,
            actor: found.actor,
            remedy: found.remedy,
            meaning: found.provider.as_ref().map(|overlay| overlay.rule.meaning.as_str()),
            blocklist: found.blocklist.map(|list| (list.name.as_str(), list.lookup.as_deref())),
            codes: found.reply.code_text(),
        }
    }

    /// Who runs the other side: a provider that is known, else the end of its
    /// host name; `None` without a name.
    pub(crate) fn provider(&mut self, host: &[u8]) -> Option<Arc<str>> {
        if host.is_empty() {
            return None;
        }
        let end = tail(host);
        if let Some(name) = self.providers.get(end) {
            return Some(Arc::clone(name));
        }
        let text = String::from_utf8_lossy(end).to_ascii_lowercase();
        let known = self.knowledge.provider_of(&text).map(|provider| provider.name.as_str());
        let name: Arc<str> = known.unwrap_or(&text).into();
        if self.providers.len() >= MOST {
            self.providers.clear();
        }
        self.providers.insert(end.into(), Arc::clone(&name));
        Some(name)
    }
}

/// The last two labels of a name, three where the last two are as short as `co.uk`.
fn tail(host: &[u8]) -> &[u8] {
    let mut dots = memchr::memrchr_iter(b'.', host);
    let (Some(last), Some(second)) = (dots.next(), dots.next()) else { return host };
    let short = host.len() - last == 3 && last - second <= 4;
    let cut = if short { dots.next() } else { Some(second) };
    cut.map_or(host, |at| &host[at + 1..])
}

/// A number for the wording: what differs between equal replies (addresses,
/// mailboxes, session ids) does not count.
fn number(host: &[u8], status: &[u8], said: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(host);
    hasher.write(b"\n");
    hasher.write(status);
    let is_space = |b: &u8| b.is_ascii_whitespace();
    for word in said.split(is_space) {
        let bare = word.strip_prefix(b"<").or_else(|| word.strip_prefix(b"[")).or_else(|| word.strip_prefix(b"("));
        let inner = bare.unwrap_or(word);
        let digits = inner.iter().filter(|b| b.is_ascii_digit()).count();
        // A code is short, a tag like `[TSS04]` too; an id or address has more.
        let varies = memchr::memchr(b'@', word).is_some()
            || (digits >= 4 && inner.len() > 7)
            || inner.iter().filter(|b| matches!(b, b'.' | b':')).count() >= 3 && digits > 0;
        if !varies {
            hasher.write(word);
        }
        hasher.write(b" ");
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wordings_are_the_same_without_what_varies() {
        let of = |said: &str| number(b"x.example", b"", said.as_bytes());
        assert_eq!(
            of("550 5.1.1 <jo@a.example>: User unknown a1si2345678qtp.12 - gsmtp"),
            of("550 5.1.1 <mia@b.example>: User unknown b9si8765432abc.77 - gsmtp")
        );
        assert_eq!(of("554 blocked [192.0.2.1] now"), of("554 blocked [198.51.100.255] now"));
        assert_ne!(of("550 5.1.1 no"), of("550 5.7.1 no"));
        assert_ne!(of("421 4.7.0 [TSS04] wait"), of("421 4.7.0 [TSS05] wait"));
    }

    #[test]
    fn hosts_end_in_their_domain() {
        for (host, end) in [
            ("mx1.mail.example.org", "example.org"),
            ("mx.example.co.uk", "example.co.uk"),
            ("example.org", "example.org"),
            ("localhost", "localhost"),
            ("", ""),
        ] {
            assert_eq!(tail(host.as_bytes()), end.as_bytes());
        }
    }
}
