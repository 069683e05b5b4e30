//! Whose delivery failed, where no standard report names them.

use crate::{
    address::{is_mailbox, mailboxes_in},
    decode::Reading,
    human::{BlockKind, Human, flat},
    model::Report,
    rules::Rules,
};

impl Reading<'_> {
    /// The addresses that failed, by the surest source that names any: the
    /// header X-Failed-Recipients, the text, a transcript, the returned message.
    pub(crate) fn addresses(&self, human: &Human<'_>, report: &Report) -> Vec<String> {
        let own = self.mail.head.get("From").map(|from| from.to_lowercase()).unwrap_or_default();
        let mut found: Vec<String> = Vec::new();
        let add = |found: &mut Vec<String>, address: &str| {
            let twice = found.iter().any(|other| other.eq_ignore_ascii_case(address));
            if !twice && is_mailbox(address) && !own.contains(&address.to_lowercase()) {
                found.push(address.to_owned());
            }
        };
        for value in self.mail.head.all("X-Failed-Recipients") {
            mailboxes_in(&value).into_iter().for_each(|address| add(&mut found, address));
        }
        if !found.is_empty() {
            return found;
        }
        let listed = human.blocks.iter().filter(|block| block.kind != BlockKind::Inline);
        listed.for_each(|block| add(&mut found, &block.address));
        if found.is_empty() {
            human.blocks.iter().for_each(|block| add(&mut found, &block.address));
            let at_rcpt = human.exchanges.iter().filter(|e| e.stage == Some(crate::Stage::Rcpt));
            at_rcpt.filter_map(|e| e.address.as_deref()).for_each(|address| add(&mut found, address));
        }
        if found.is_empty() {
            names_alone(human.body, &own, self.rules).iter().for_each(|address| add(&mut found, address));
        }
        if found.is_empty() {
            // The only address that the text names beside those of the two sides.
            let to = self.mail.head.get("To").map(|to| to.to_lowercase()).unwrap_or_default();
            let foreign =
                |address: &&str| !own.contains(&address.to_lowercase()) && !to.contains(&address.to_lowercase());
            let named: Vec<&str> = mailboxes_in(human.body).into_iter().filter(foreign).collect();
            if let [address] = named[..] {
                found.push(address.to_owned());
            }
        }
        if found.is_empty()
            && let Some(to) = report.original.as_ref().and_then(|original| original.get("To"))
            && let [address] = mailboxes_in(to)[..]
        {
            found.push(address.to_owned());
        }
        found
    }
}

/// The recipients whom a system names without their domain, which is its own:
/// lines of one word after one that says that delivery failed.
fn names_alone(body: &str, from: &str, rules: &Rules) -> Vec<String> {
    let Some(domain) = mailboxes_in(from).first().and_then(|own| own.rsplit_once('@')).map(|(_, domain)| domain) else {
        return Vec::new();
    };
    let name = |word: &str| {
        (2..=64).contains(&word.len())
            && word.starts_with(|c: char| c.is_ascii_alphabetic())
            && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"._+-".contains(&b))
            && !word.ends_with('.')
    };
    let mut found = Vec::new();
    let mut announced = false;
    for line in body.lines().take(100).map(str::trim).filter(|line| !line.is_empty()) {
        if announced && name(line) && found.len() < 20 {
            found.push(format!("{line}@{domain}"));
            continue;
        }
        if !found.is_empty() {
            break;
        }
        announced = line.ends_with(':') && rules.said(&flat(line)).failure || announced && line.ends_with(':');
    }
    found
}
