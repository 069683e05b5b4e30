//! How a line of a bounce names a recipient.

use crate::{
    address::{is_mailbox, mailbox, mailboxes_in},
    human::BlockKind,
    rules::Rules,
};

/// The recipient that a line begins with, and what follows on the line.
pub(crate) fn begins_block<'l>(words: &'l str, rules: &Rules) -> Option<(&'l str, &'l str, BlockKind)> {
    if !words.contains('@') || words.starts_with(">>>") || words.starts_with("<<<") {
        return None;
    }
    // `550 5.1.1 <a@b>... User unknown`
    let told = |rest: &str| rest.trim_start().starts_with("...");
    if words.as_bytes()[0].is_ascii_digit()
        && let [address] = mailboxes_in(words)[..]
        && let Some((_, after)) = words.split_once(address)
        && told(after.trim_start_matches('>'))
    {
        return Some((address, words, BlockKind::Told));
    }
    let bare = words.trim_start_matches(|c: char| c.is_whitespace() || "*-•·>".contains(c));
    if let Some((address, rest)) = leading_mailbox(bare) {
        let after = rest.trim_start();
        // `a@b <c@d>: …`: the first is but a name.
        if let Some((other, rest)) = leading_mailbox(after)
            .filter(|(other, rest)| after.starts_with('<') && *other != address && rest.starts_with(':'))
        {
            return Some((other, rest[1..].trim(), BlockKind::Told));
        }
        let kind = match after.as_bytes().first() {
            _ if told(rest) => BlockKind::Told,
            Some(b':') => BlockKind::Told,
            None => BlockKind::Listed,
            _ if after.trim_matches(|c: char| ".,;)>".contains(c)).is_empty() => BlockKind::Listed,
            Some(b'(' | b'<' | b'[') => BlockKind::Listed,
            _ if after.starts_with("on ") => BlockKind::Listed,
            // `<a@b>  delivery failed`
            _ if bare.starts_with('<') => BlockKind::Listed,
            _ => return None,
        };
        let said = match kind {
            BlockKind::Told => after.trim_start_matches([':', '.']).trim(),
            _ if after.starts_with("<mailto") || after.starts_with("on ") => "",
            _ => after.trim_matches(|c: char| ".,;>".contains(c)),
        };
        return Some((address, said, kind));
    }
    // `c=US;a= ;p=X;dda:SMTP=a@b; on Fri, …`: an address of X.400, as Exchange 5 writes it.
    let lower = words.to_ascii_lowercase();
    if let Some(at) = lower.find("smtp=").filter(|_| lower.contains("; on ") || lower.starts_with("c=")) {
        let address = mailboxes_in(&words[at..]).first().copied()?;
        return Some((address, "", BlockKind::Listed));
    }
    // `Recipient: <a@b>`
    let (label, rest) = words.split_once(':')?;
    let label = label.trim_matches(|c: char| c.is_whitespace() || "*-•[]".contains(c)).to_lowercase();
    let rest = rest.trim();
    let value = rest.split_once(';').map_or(rest, |(kind, after)| if kind.contains('@') { rest } else { after }.trim());
    let first = value.split_whitespace().next().unwrap_or_default();
    let address = mailbox(first)?;
    let known = rules.labels.contains(&label);
    (known && (value == first || is_mailbox(first.trim_matches(['<', '>'])))).then_some((
        address,
        "",
        BlockKind::Listed,
    ))
}

/// A mailbox at the very beginning, with or without angle brackets or quotation marks.
fn leading_mailbox(text: &str) -> Option<(&str, &str)> {
    if let Some(inner) = text.strip_prefix('<') {
        let (address, rest) = inner.split_once('>')?;
        let address = address.strip_prefix("mailto:").unwrap_or(address);
        return is_mailbox(address).then_some((address, rest));
    }
    let text = text.trim_start_matches(['\'', '"', '[']);
    let end = text.find(|c: char| c.is_whitespace() || "<(,;'\"]".contains(c)).unwrap_or(text.len());
    let word = text[..end].trim_end_matches(['.', ':']);
    let address = word;
    is_mailbox(address).then(|| (address, text[address.len()..].trim_start_matches(['\'', '"', ']'])))
}
