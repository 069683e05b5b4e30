//! The name given with HELO or EHLO (RFC 5321 §4.1.1.1).

use std::net::IpAddr;

use engine_plugin_api::{Actor, Evidence, Finding, Judgement, Observed, Remedy, Severity, Subject, Unknown};

use crate::{
    HELO_LITERAL, HELO_MISMATCH, HELO_UNRESOLVABLE, HELO_UNUSABLE,
    facts::{Facts, Forward, Helo},
    names::{HeloKind, helo_kind},
};

pub(super) fn judge(facts: &Facts, helo: &Helo, out: &mut Judgement) {
    let ip = facts.addresses.iter().find(|address| address.sends).map(|address| address.ip);
    match helo_kind(&helo.text) {
        HeloKind::Unusable(why) => unusable(facts, helo, &why, out),
        HeloKind::Literal(literal) => match ip {
            Some(ip) if ip != literal => {
                unusable(facts, helo, &format!("it is the literal of another address than {ip}"), out);
            }
            _ => out.find(
                Finding::new(
                    HELO_LITERAL,
                    subject(helo),
                    format!("The server greets with the address {} instead of a name.", helo.text),
                )
                .actor(Actor::ServerOperator)
                .remedy(setting(facts, "Let the server give its name with HELO.")),
            ),
        },
        HeloKind::Name => name(helo, ip, out),
    }
}

fn subject(helo: &Helo) -> Subject {
    Subject::Host(helo.text.clone())
}

/// The setting for the sending server, with the name that it should give.
fn setting(facts: &Facts, step: &str) -> Remedy {
    let sends = facts.addresses.iter().find(|address| address.sends);
    let name = sends.and_then(|address| address.confirming().next()).map(str::to_owned);
    match name.or_else(|| facts.domain.as_ref().map(|domain| format!("mail.{domain}"))) {
        Some(name) => Remedy::step(format!(
            "{step} The setting is called smtp_helo_name in Postfix, primary_hostname in Exim, the FQDN of the send \
             connector in Exchange."
        ))
        .setting(format!("smtp_helo_name = {name}")),
        None => Remedy::step(format!("{step} It needs a public name whose address is that of the server.")),
    }
}

fn unusable(facts: &Facts, helo: &Helo, why: &str, out: &mut Judgement) {
    let seen = format!("The HELO name {} tells receivers nothing: {why}.", helo.text);
    out.find(
        Finding::new(HELO_UNUSABLE, subject(helo), seen)
            .actor(Actor::ServerOperator)
            .remedy(setting(facts, "Let the server give its own public name with HELO.")),
    );
}

fn name(helo: &Helo, ip: Option<IpAddr>, out: &mut Judgement) {
    let Some(both) = &helo.addresses else { return };
    let known: Vec<&Forward> = both.iter().filter_map(Observed::known).collect();
    let all: Vec<IpAddr> = known.iter().flat_map(|forward| forward.addresses.iter().copied()).collect();
    if ip.map_or(!all.is_empty(), |ip| all.contains(&ip)) {
        return;
    }
    // NXDOMAIN to one type holds for both (RFC 8020 §2); otherwise the answer
    // for the family of the address decides, and without an address both do.
    let gone = known.iter().any(|forward| !forward.exists);
    let decides = |family: &usize| ip.is_none_or(|ip| ip.is_ipv4() == (*family == 0));
    let gap = (0..2).filter(decides).find_map(|family| both[family].unknown()).filter(|_| !gone);
    if let Some(cause) = gap {
        let what = match ip {
            Some(ip) => format!("whether the HELO name {} leads to {ip}", helo.text),
            None => format!("whether the HELO name {} has an address", helo.text),
        };
        out.unknown(Unknown::new(subject(helo), what, cause.clone()));
        return;
    }
    let rtype = if ip.is_none_or(|ip| ip.is_ipv4()) { "A" } else { "AAAA" };
    let (code, seen) = if all.is_empty() {
        let fate = if gone { "does not exist (NXDOMAIN)" } else { "has no address" };
        (HELO_UNRESOLVABLE, format!("The HELO name {} {fate}.", helo.text))
    } else {
        let shown: Vec<String> = all.iter().take(4).map(ToString::to_string).collect();
        let ip = ip.map(|ip| ip.to_string()).unwrap_or_default();
        (HELO_MISMATCH, format!("The HELO name {} has the address {}, not {ip}.", helo.text, shown.join(", ")))
    };
    let finding = known.iter().fold(Finding::new(code, subject(helo), seen), |finding, forward| {
        finding.evidence(Evidence::of(&forward.evidence))
    });
    let remedy = match ip {
        Some(ip) => Remedy::step(
            "Give the name the address that the server sends from, or let the server give a name that has it.",
        )
        .publish(&helo.text, rtype, ip.to_string()),
        None => {
            Remedy::step("Publish the address that the server sends from, or let the server give a name that has one.")
        }
    };
    let severity = if code == HELO_MISMATCH { Severity::Notice } else { Severity::Error };
    out.find(finding.severity(severity).remedy(remedy));
}
