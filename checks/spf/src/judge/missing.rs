//! No record at all, and what one could say.

use engine_plugin_api::{Evidence, Finding, Judgement, Remedy, Severity};
use mail_syntax::spf::{Kind, NAME_LIMIT, Selection, parse};

use super::words;
use crate::{
    MISSING,
    facts::{Facts, Mail},
};

/// What mail services ask their customers to include, by the names of their
/// exchanges; taken from their own set-up pages. Their exchanges only receive.
const SERVICES: &[(&str, &str)] = &[
    ("emailsrvr.com", "emailsrvr.com"),
    ("forwardemail.net", "spf.forwardemail.net"),
    ("google.com", "_spf.google.com"),
    ("googlemail.com", "_spf.google.com"),
    ("improvmx.com", "spf.improvmx.com"),
    ("mail.gandi.net", "_mailcust.gandi.net"),
    ("mail.icloud.com", "icloud.com"),
    ("mail.ovh.net", "mx.ovh.com"),
    ("mail.protection.outlook.com", "spf.protection.outlook.com"),
    ("messagingengine.com", "spf.messagingengine.com"),
    ("migadu.com", "spf.migadu.com"),
    ("mx.cloudflare.net", "_spf.mx.cloudflare.net"),
    ("mx.microsoft", "spf.protection.outlook.com"),
    ("mx.yandex.net", "_spf.yandex.net"),
    ("privateemail.com", "spf.privateemail.com"),
    ("protonmail.ch", "_spf.protonmail.ch"),
    ("secureserver.net", "secureserver.net"),
];

/// Nobody sends.
const CLOSED: &str = "v=spf1 -all";

/// The domain does not exist.
pub fn nonexistent(facts: &Facts, out: &mut Judgement) {
    let (domain, home) = (&facts.domain, facts.home(&facts.domain));
    let (seen, step) = if home == domain {
        let seen = format!("{domain} does not exist in the DNS, so it has no SPF record.");
        (seen, "Check the spelling, and whether the domain is registered and delegated.".to_owned())
    } else {
        let seen = format!("{domain} is an alias of {home}, which does not exist in the DNS, so it has no SPF record.");
        (seen, format!("Let the CNAME record of {domain} lead to a name that exists, or take it away."))
    };
    out.find(finding(facts, seen).remedy(Remedy::step(step)));
}

/// The domain exists and has no record.
pub fn judge(facts: &Facts, selection: &Selection, out: &mut Judgement) {
    let domain = &facts.domain;
    let (finding, step, text) = match facts.mail.known() {
        Some(Mail::Accepted) => {
            let (what, text) = proposal(facts);
            let step = format!(
                "Publish a record that names every server that sends for the domain. {what}; add what else sends: \
                 `include:` for a service, `ip4:` or `ip6:` for a server."
            );
            (finding(facts, format!("{domain} takes mail and publishes no SPF record.")), step, text)
        }
        Some(Mail::Refused) => {
            let seen = format!(
                "{domain} says that it takes no mail (null MX) and publishes no SPF record, so anyone can send as it."
            );
            let step = "Where nothing sends mail as the domain either, say so.".to_owned();
            (finding(facts, seen).severity(Severity::Warning), step, Some(CLOSED.to_owned()))
        }
        Some(Mail::Unsaid) => {
            let seen = format!("{domain} has no MX record and publishes no SPF record, so anyone can send as it.");
            let step = "Where nothing sends mail as the domain, say so; otherwise name the servers that do.".to_owned();
            (finding(facts, seen).severity(Severity::Warning), step, Some(CLOSED.to_owned()))
        }
        None => {
            let step = format!(
                "Publish a record that names every server that sends for the domain, or `{CLOSED}` if none does."
            );
            (finding(facts, format!("{domain} publishes no SPF record.")).severity(Severity::Warning), step, None)
        }
    };
    // What the owner said in the old form counts more than what can be guessed.
    let (step, text) = match selection.sender_id().next().and_then(|old| translated(&old.text)) {
        Some(text) => {
            let step = "Publish as SPF what the Sender ID record says, which no receiver reads; check that it still names \
                        every server that sends for the domain.";
            (step.to_owned(), Some(text))
        }
        None => (step, text),
    };
    let home = facts.home(domain);
    let remedy = if home != domain {
        Remedy::step(format!(
            "{domain} is an alias of {home}, and a CNAME record can have no other beside it. Replace it by address \
             records, then publish an SPF record at {domain}; or let the owner of {home} publish one there."
        ))
    } else {
        text.into_iter().fold(Remedy::step(step), |remedy, text| remedy.publish(domain, "TXT", text))
    };
    out.find(finding.remedy(remedy));
}

fn finding(facts: &Facts, seen: String) -> Finding {
    let evidence: Option<Evidence> = facts.answer(&facts.domain, Kind::Txt);
    evidence.into_iter().fold(words::finding(facts, MISSING, seen), Finding::evidence)
}

/// A record for a domain that takes mail, and what it names.
fn proposal(facts: &Facts) -> (&'static str, Option<String>) {
    let mut includes: Vec<String> = Vec::new();
    let mut own = false;
    for exchange in &facts.exchanges {
        let under = |suffix: &str| exchange.strip_suffix(suffix).is_some_and(|rest| rest.ends_with('.'));
        match SERVICES.iter().find(|(suffix, _)| under(suffix)) {
            Some((_, include)) => includes.push(format!(" include:{include}")),
            None => own = true,
        }
    }
    includes.dedup();
    if own && facts.exchanges.len() > NAME_LIMIT {
        return ("Its exchanges are too many for `mx`", None);
    }
    let what = match (own, includes.is_empty()) {
        (true, true) => "The one below names the domain's own mail exchangers",
        (true, false) => "The one below names the domain's mail exchangers and what its mail service asks for",
        (false, _) => "The one below names what the domain's mail service asks for",
    };
    (what, Some(format!("v=spf1{}{} ~all", if own { " mx" } else { "" }, includes.concat())))
}

/// A Sender ID record (RFC 4406 §3.1) as SPF, where it can be read.
fn translated(text: &str) -> Option<String> {
    let (_, terms) = text.split_once(' ')?;
    let text = format!("v=spf1 {}", terms.trim());
    parse(&text).issues.is_empty().then_some(text)
}
