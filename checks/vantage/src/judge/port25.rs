//! Whether mail servers can be reached from here.

use engine_plugin_api::{Actor, Cause, CauseKind, Confidence, Evidence, Finding, Judgement, Remedy, Unknown};

use super::{Part, here};
use crate::{
    NO_IPV6, PORT_25_CLOSED,
    facts::{Contact, Facts, Fate, Host},
};

/// Whether port 25 is open outward. One server that does not answer says
/// nothing about us; two of different providers do.
pub(super) fn port(facts: &Facts, out: &mut Judgement) -> Part {
    if facts.hosts.is_empty() {
        return Part::Left;
    }
    let contacts: Vec<(&Host, &Contact)> =
        facts.hosts.iter().filter_map(|host| Some((host, host.v4.as_ref()?))).collect();
    if let Some((host, _)) = contacts.iter().find(|(_, contact)| contact.is_reached()) {
        return Part::Good(format!("port 25 is open outward ({} was reached)", host.domain));
    }
    if is_closed(&contacts) {
        closed(facts, &contacts, out);
        return Part::Told;
    }
    let of_dns = facts.hosts.iter().find_map(|host| host.exchange.unknown());
    let cause = contacts.iter().find_map(|(_, contact)| contact.cause()).or(of_dns).cloned();
    let cause =
        cause.unwrap_or_else(|| Cause::new(CauseKind::Other, "no provider of the settings has an IPv4 address"));
    out.unknown(Unknown::new(here(), "whether port 25 is open from here", cause));
    Part::Told
}

fn is_closed(contacts: &[(&Host, &Contact)]) -> bool {
    let failed = |contact: &Contact| matches!(contact.fate, Fate::Failed(_) | Fate::OurSide(_));
    let ours = |contact: &Contact| matches!(contact.fate, Fate::OurSide(_));
    let all_fail = contacts.iter().all(|(_, contact)| failed(contact));
    let all_ours = !contacts.is_empty() && contacts.iter().all(|(_, contact)| ours(contact));
    all_ours || (all_fail && contacts.len() >= 2)
}

fn closed(facts: &Facts, contacts: &[(&Host, &Contact)], out: &mut Judgement) {
    let detail = contacts.iter().find_map(|(_, contact)| contact.cause()).map(|cause| cause.detail.clone());
    let names: Vec<&str> = contacts.iter().map(|(host, _)| host.domain.as_str()).collect();
    let beside = match facts.hosts.iter().filter_map(|host| host.v6.as_ref()).any(Contact::is_reached) {
        true => " Over IPv6 it is open.",
        false => "",
    };
    let seen = format!(
        "No mail server can be reached from here over IPv4: of the exchanges of {} none answers on port 25 ({}).{beside} \
         What is said of the target's servers is limited by that.",
        names.join(", "),
        detail.unwrap_or_default()
    );
    let ours = contacts.iter().any(|(_, contact)| matches!(contact.fate, Fate::OurSide(_)));
    let sure = ours || contacts.len() >= 3;
    let finding = contacts.iter().fold(Finding::new(PORT_25_CLOSED, here(), seen), |finding, (_, contact)| {
        finding.evidence(Evidence::of(&contact.evidence))
    });
    out.find(
        finding.confidence(if sure { Confidence::High } else { Confidence::Medium }).actor(Actor::Network).remedy(
            Remedy::step(
                "Run this from a machine whose network lets port 25 out, such as the mail server itself, or ask the \
                 network's operator to open it.",
            ),
        ),
    );
}

/// Whether IPv6 leads anywhere.
pub(super) fn ipv6(facts: &Facts, out: &mut Judgement) -> Part {
    let contacts: Vec<(&Host, &Contact)> =
        facts.hosts.iter().filter_map(|host| Some((host, host.v6.as_ref()?))).collect();
    if contacts.iter().any(|(_, contact)| contact.is_reached()) {
        return Part::Good("IPv6 leads out".into());
    }
    let ours = contacts.iter().find(|(_, contact)| matches!(contact.fate, Fate::OurSide(_)));
    // The same server answers over IPv4, so that it is not the server's fault.
    let beside = contacts.iter().find(|(host, contact)| {
        matches!(contact.fate, Fate::Failed(_)) && host.v4.as_ref().is_some_and(Contact::is_reached)
    });
    let Some((host, contact)) = ours.or(beside) else { return Part::Left };
    let exchange = host.exchange.known().map_or(host.domain.as_str(), String::as_str);
    let detail = contact.cause().map(|cause| cause.detail.clone()).unwrap_or_default();
    let seen = format!("Nothing is reached over IPv6 from here: {exchange} at {} is not ({detail}).", contact.ip);
    let confidence = if ours.is_some() { Confidence::High } else { Confidence::Medium };
    out.find(
        Finding::new(NO_IPV6, here(), seen)
            .confidence(confidence)
            .evidence(Evidence::of(&contact.evidence))
            .actor(Actor::Network)
            .remedy(Remedy::step("To have the target's IPv6 addresses looked at, run this from a machine with IPv6.")),
    );
    Part::Told
}
