//! Who may issue for the hosts, and for the mailboxes.

use std::collections::BTreeMap;

use engine_plugin_api::{Finding, Judgement, Observed, Remedy, Subject};

use super::{is_registrys, quote};
use crate::{
    ISSUEMAIL, ISSUEMAIL_OPEN, NOBODY, NONE, PRESENT,
    facts::{Facts, Purpose, Set},
};

/// Records of a public suffix that a remedy repeats.
const KEPT: usize = 16;

pub fn judge(facts: &Facts, out: &mut Judgement) {
    hosts(facts, out);
    mailboxes(facts, out);
}

/// Who may issue, as a phrase.
fn allowed(set: &Set, purpose: Purpose) -> Option<Vec<String>> {
    let issuers = set.issuers(purpose)?;
    let mut names: Vec<String> = Vec::new();
    for (_, issue) in &issuers {
        if let Some(name) = issue.allows().filter(|name| !names.iter().any(|known| known == name)) {
            names.push(name.to_owned());
        }
    }
    Some(names)
}

fn hosts(facts: &Facts, out: &mut Judgement) {
    let mut by_set: BTreeMap<&str, (&Set, Vec<&str>)> = BTreeMap::new();
    let mut open: Vec<&str> = Vec::new();
    for host in facts.hosts() {
        match facts.relevant(host) {
            // No authority may issue; what else stands there changes nothing.
            Observed::Known(Some((_, set))) if set.is_blocked() => {}
            Observed::Known(Some((at, set))) => by_set.entry(at).or_insert((set, Vec::new())).1.push(host),
            Observed::Known(None) => open.push(host),
            Observed::Unknown(_) => {}
        }
    }
    if !open.is_empty() {
        let seen = format!("Any authority may issue certificates for {}: no CAA record says otherwise.", list(&open));
        let subject = Subject::Domain(facts.domain.clone());
        out.find(Finding::new(NONE, subject, seen));
    }
    for (at, (set, hosts)) in by_set {
        let subject = Subject::Domain(at.to_owned());
        match allowed(set, Purpose::Host) {
            Some(names) if names.is_empty() => {
                let seen = format!(
                    "The CAA records of {at} let no authority issue certificates for {}: none can be renewed.",
                    list(&hosts)
                );
                let issue = set.properties.iter().filter(|property| property.tag == "issue");
                let finding = issue.take(3).fold(Finding::new(NOBODY, subject, seen), |finding, property| {
                    finding.evidence(quote(set, property))
                });
                let step = "Let the authority of the mail server's certificate issue, here or at the host's own name.";
                out.find(finding.remedy(Remedy::step(step).publish(
                    facts.home(hosts[0]),
                    "CAA",
                    "0 issue \"<the authority's CAA name>\"",
                )));
            }
            names => {
                let who = match names {
                    Some(names) => format!("`{}` may", names.join("`, `")),
                    None => "any authority may".to_owned(),
                };
                let seen = format!("By the CAA records of {at}, {who} issue certificates for {}.", list(&hosts));
                let finding = Finding::new(PRESENT, subject, seen);
                let finding = set
                    .properties
                    .iter()
                    .take(5)
                    .fold(finding, |finding, property| finding.evidence(quote(set, property)));
                out.find(finding);
            }
        }
    }
}

fn mailboxes(facts: &Facts, out: &mut Judgement) {
    let Observed::Known(Some((at, set))) = facts.relevant(&facts.domain) else { return };
    if set.is_blocked() {
        return;
    }
    let subject = Subject::Domain(facts.domain.clone());
    match allowed(set, Purpose::Mail) {
        Some(names) => {
            let who = if names.is_empty() { "nobody may".to_owned() } else { format!("`{}` may", names.join("`, `")) };
            let seen = format!(
                "By the CAA records of {at}, {who} issue S/MIME certificates for addresses at {}.",
                facts.domain
            );
            let mine = set.properties.iter().filter(|property| property.tag == "issuemail");
            let finding = Finding::new(ISSUEMAIL, subject, seen);
            out.find(mine.take(5).fold(finding, |finding, property| finding.evidence(quote(set, property))));
        }
        None if set.issuers(Purpose::Host).is_some() => {
            let seen = format!(
                "The CAA records of {at} restrict certificates for hosts, but any authority may issue S/MIME certificates \
                 for addresses at {}.",
                facts.domain
            );
            let remedy = if is_registrys(at) {
                // The nearest set alone counts: what is to go on has to stand in it.
                let step = format!(
                    "Say who may issue S/MIME certificates, or that nobody may, in records of your own. They take the \
                     place of those of {at}, a public suffix, and repeat them."
                );
                let home = facts.home(&facts.domain);
                let kept = set.properties.iter().take(KEPT);
                kept.fold(Remedy::step(step), |remedy, property| remedy.publish(home, "CAA", &property.text)).publish(
                    home,
                    "CAA",
                    "0 issuemail \";\"",
                )
            } else {
                Remedy::step(
                    "Say who may issue S/MIME certificates, or that nobody may; the other records stay as they are.",
                )
                .publish(&set.home, "CAA", "0 issuemail \";\"")
            };
            let finding = Finding::new(ISSUEMAIL_OPEN, subject, seen).remedy(remedy);
            let mine = set.properties.iter().filter(|property| property.tag == "issue");
            out.find(mine.take(2).fold(finding, |finding, property| finding.evidence(quote(set, property))));
        }
        None => {}
    }
}

/// `a, b and 3 more`.
fn list(names: &[&str]) -> String {
    const SHOWN: usize = 5;
    let shown = names.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
