//! From the words of the command line to a [`Target`].

use std::net::IpAddr;

use engine_plugin_api::{Message, Target};
use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

use crate::{args::Run, complaint::Complaint};

/// The longest word that is looked at, in bytes; longer ones are no name, address or mailbox.
const LONGEST: usize = 1_000;
/// The longest reply that is taken, in bytes.
const LONGEST_REPLY: usize = 64 << 10;

/// The target that `word`, the options of `run` and the message that was read
/// for them name; `None` when they name nothing.
pub fn target(word: Option<&str>, run: &Run, message: Option<&Message>) -> Result<Option<Target>, Complaint> {
    let mut target = Target { message: message.cloned(), ..Target::default() };
    if let Some(word) = word {
        target.shown = word.to_owned();
        match word.parse::<IpAddr>() {
            Ok(ip) => target.ip = Some(ip),
            Err(_) => target.domain = Some(domain(word)?),
        }
    }
    if let Some(ip) = &run.ip {
        let parsed = ip.parse().map_err(|_| {
            Complaint::new(format!("--ip `{}` is no IP address", short(ip)))
                .hint("expected for example 192.0.2.25 or 2001:db8::25")
        })?;
        if target.ip.is_some_and(|given| given != parsed) {
            return Err(Complaint::new(format!("two addresses were given: {} and --ip {parsed}", target.shown)));
        }
        target.ip = Some(parsed);
    }
    target.sender = run
        .sender
        .as_deref()
        .map(|text| if text == "<>" { Ok(String::new()) } else { mailbox(text, "--sender") })
        .transpose()?;
    target.recipient = run.recipient.as_deref().map(|text| mailbox(text, "--recipient")).transpose()?;
    target.helo = run.helo.as_deref().map(helo).transpose()?;
    if let Some(reply) = &run.reply {
        if reply.trim().is_empty() || reply.len() > LONGEST_REPLY {
            return Err(Complaint::new("--reply is empty or longer than 64 KiB")
                .hint("paste the reply, for example \"550 5.7.23 SPF check failed\""));
        }
        target.reply = Some(reply.clone());
    }
    if target.domain.is_none() {
        target.domain = target.recipient.as_deref().or(target.sender.as_deref()).and_then(Target::domain_of);
    }
    let named = message.map(|message| match message.name.as_str() {
        "-" => "the message from standard input".to_owned(),
        name => name.to_owned(),
    });
    let shown = [target.domain.clone(), target.ip.map(|ip| ip.to_string()), target.reply.clone(), named]
        .into_iter()
        .flatten()
        .next();
    let Some(shown) = shown else { return Ok(None) };
    if target.shown.is_empty() {
        target.shown = shown;
    }
    Ok(Some(target))
}

/// What a server gives with HELO: a name, or an address literal (RFC 5321
/// §4.1.3). A bare address is wrong there, and taken: it is what is examined.
pub fn helo(word: &str) -> Result<String, Complaint> {
    let inner = word.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(word);
    let bare = inner.get(..5).filter(|tag| tag.eq_ignore_ascii_case("ipv6:")).map_or(inner, |tag| &inner[tag.len()..]);
    match bare.parse::<IpAddr>() {
        Ok(_) => Ok(word.to_owned()),
        Err(_) => domain(word),
    }
}

/// The A-label form of a domain name, lower-case, without the final dot.
pub fn domain(word: &str) -> Result<String, Complaint> {
    let wrong = |why: &str| Complaint::new(format!("`{}` is no domain: {why}", short(word)));
    let text = word.strip_suffix('.').unwrap_or(word);
    if text.is_empty() {
        return Err(wrong("it is empty").hint("give a domain such as example.org"));
    }
    if word.len() > LONGEST {
        return Err(wrong("it is longer than 253 octets"));
    }
    if let Some((scheme, rest)) = text.split_once("://") {
        let host = rest.split(['/', ':', '?', '#']).next().unwrap_or_default();
        return Err(wrong(&format!("it is a {scheme} address"))
            .at(word, scheme.chars().count())
            .hint(format!("give the domain alone: {host}")));
    }
    if let Some((_, host)) = text.rsplit_once('@') {
        let column = text.chars().position(|c| c == '@').unwrap_or(0);
        let hint = format!("give the domain, {host}, and the mailbox with --recipient {text} or --sender {text}");
        return Err(wrong("it is a mailbox").at(word, column).hint(hint));
    }
    if let Some(column) = text
        .chars()
        .position(|c| c.is_whitespace() || c.is_control() || (c.is_ascii_punctuation() && !"-._".contains(c)))
    {
        return Err(wrong("this character cannot stand in a name").at(word, column));
    }
    if let Some(column) = empty_label(text) {
        return Err(wrong("a label is empty").at(word, column));
    }
    if let Some(label) = text.rsplit('.').next().filter(|last| last.bytes().all(|b| b.is_ascii_digit())) {
        let column = text.chars().count() - label.len();
        return Err(wrong("no top-level domain is a number")
            .at(word, column)
            .hint("an IPv4 address has four parts from 0 to 255"));
    }
    let ascii = Uts46::new()
        .to_ascii(text.as_bytes(), AsciiDenyList::EMPTY, Hyphens::Allow, DnsLength::Ignore)
        .map_err(|_| {
            wrong("IDNA (UTS 46) does not allow it").hint("give it in ASCII form, xn--…, if that is what DNS holds")
        })?
        .into_owned();
    if let Some(label) = ascii.split('.').find(|label| label.len() > 63) {
        let column = text.find(label).map_or(0, |at| text[..at].chars().count() + 63);
        return Err(wrong("a label is longer than 63 octets").at(word, column));
    }
    if ascii.len() > 253 {
        return Err(wrong("it is longer than 253 octets"));
    }
    Ok(ascii)
}

fn empty_label(text: &str) -> Option<usize> {
    let dots: Vec<usize> = text.chars().enumerate().filter(|(_, c)| *c == '.').map(|(at, _)| at).collect();
    let twice = dots.windows(2).find(|pair| pair[1] == pair[0] + 1).map(|pair| pair[1]);
    twice.or_else(|| dots.first().copied().filter(|at| *at == 0))
}

fn mailbox(text: &str, option: &str) -> Result<String, Complaint> {
    let text = text.trim_start_matches('<').trim_end_matches('>');
    let wrong = |why: &str| Complaint::new(format!("{option} `{}` is no mailbox: {why}", short(text)));
    let (local, host) = text.rsplit_once('@').ok_or_else(|| wrong("it has no @").hint("expected local-part@domain"))?;
    if local.is_empty() || local.len() > 64 {
        return Err(wrong("the part before the @ must have 1 to 64 octets (RFC 5321 §4.5.3.1.1)"));
    }
    if let Some(column) =
        local.chars().position(|c| c.is_control() || "<>".contains(c) || (c.is_whitespace() && !local.starts_with('"')))
    {
        return Err(wrong("this character cannot stand before the @").at(text, column));
    }
    Ok(format!("{local}@{}", domain(host)?))
}

fn short(text: &str) -> String {
    if text.chars().count() <= 80 {
        text.to_owned()
    } else {
        format!("{}…", text.chars().take(80).collect::<String>())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn names_are_taken_as_a_labels() {
        for (word, expected) in [
            ("example.org", "example.org"),
            ("Example.ORG.", "example.org"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("_dmarc.example.org", "_dmarc.example.org"),
        ] {
            assert_eq!(domain(word).unwrap(), expected);
        }
    }

    #[test]
    fn what_is_no_name_is_pointed_at() {
        for (word, words, column) in [
            ("", "it is empty", None),
            ("exa mple.org", "this character", Some(3)),
            ("a..b", "a label is empty", Some(2)),
            (".a", "a label is empty", Some(0)),
            ("https://example.org/x", "give the domain alone: example.org", Some(5)),
            ("user@example.org", "--recipient user@example.org", Some(4)),
            ("1.2.3", "no top-level domain is a number", Some(4)),
            ("1.2.3.4.5", "no top-level domain is a number", Some(8)),
            (&format!("{}.example", "a".repeat(64)), "longer than 63", Some(63)),
            (&["a"; 200].join("."), "longer than 253", None),
            (&"x".repeat(5_000), "longer than 253", None),
            ("a\u{202e}b.example", "IDNA", None),
            ("a\u{1b}[31m.example", "this character", Some(1)),
        ] {
            let complaint = domain(word).unwrap_err();
            assert!(complaint.text().contains(words), "{word:?}: {}", complaint.text());
            assert!(!complaint.text().contains('\u{1b}'));
            match complaint {
                Complaint::Words { pointer, .. } => assert_eq!(pointer.map(|(_, at)| at), column, "{word:?}"),
                Complaint::Closed => unreachable!(),
            }
        }
    }

    #[test]
    fn a_helo_may_be_an_address_literal() {
        for word in ["mail.example.org", "[192.0.2.25]", "[IPv6:2001:db8::25]", "192.0.2.25", "localhost"] {
            assert_eq!(helo(word).unwrap(), word);
        }
        for bad in ["[mail]", "[192.0.2.25", "a b", "[192.0.2.25] x"] {
            assert!(helo(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn mailboxes_are_checked() {
        assert_eq!(mailbox("<User@Example.org>", "--sender").unwrap(), "User@example.org");
        for bad in ["user", "@example.org", "a b@example.org", "a\r\nRCPT@example.org", "u@exa mple"] {
            assert!(mailbox(bad, "--sender").is_err(), "{bad:?}");
        }
    }
}
