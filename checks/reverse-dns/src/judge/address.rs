//! One address: whether it has a name, and whether the name is any good.

use engine_plugin_api::{Actor, Evidence, Finding, Judgement, Observed, Remedy, Severity, Subject, Unknown};

use super::{leads_to, owner, wanted, weighed};
use crate::{
    ALIAS, Config, GENERIC, ILLEGAL_NAME, MISSING, SEVERAL, UNCONFIRMED,
    facts::{Address, Facts, Forward, Ptr},
    generic, names,
};

pub(super) fn judge(facts: &Facts, address: &Address, config: &Config, out: &mut Judgement) {
    let ptr = match &address.ptr {
        Observed::Known(ptr) => ptr,
        Observed::Unknown(cause) => {
            let what = format!("whether {} has a reverse name", address.shown());
            let zone = names::reverse(address.ip);
            let advice = format!(
                "If this stays so, receivers cannot tell either and put mail off: ask the owner of the IP address to \
                 repair the delegation that leads to {zone}."
            );
            out.unknown(Unknown::new(subject(address), what, cause.clone()).advice(advice));
            return;
        }
    };
    if ptr.records.is_empty() {
        missing(facts, address, ptr, out);
        return;
    }
    several(address, ptr, out);
    illegal(facts, address, ptr, out);
    aliases(address, ptr, out);
    unconfirmed(facts, address, ptr, out);
    generic_names(facts, address, ptr, config, out);
}

fn subject(address: &Address) -> Subject {
    Subject::Address(address.ip.to_string())
}

/// The zone cut of RFC 2317 is worth a word where the record hides behind it.
fn delegated(address: &Address) -> String {
    let (owner, usual) = (owner(address), names::reverse(address.ip));
    if owner == usual {
        return String::new();
    }
    format!(" {usual} is an alias (RFC 2317): the record belongs at {owner}.")
}

fn missing(facts: &Facts, address: &Address, ptr: &Ptr, out: &mut Judgement) {
    let reverse = names::reverse(address.ip);
    let how = if ptr.exists { "has no PTR record" } else { "does not exist (NXDOMAIN)" };
    let consequence = if address.sends {
        " Large receivers refuse mail from an address without one."
    } else {
        " That matters once mail leaves from this address, too."
    };
    let seen = format!("{} has no reverse name: {reverse} {how}.{consequence}", address.shown());
    out.find(
        Finding::new(MISSING, subject(address), seen)
            .severity(weighed(address, Severity::Critical, Severity::Notice))
            .evidence(Evidence::quoting(&ptr.evidence, format!("{reverse}. PTR → {}", if ptr.exists { "no data" } else { "NXDOMAIN" })))
            .actor(Actor::IpOwner)
            .remedy(ask_for(facts, address, "Ask the owner of the IP address (hosting company, ISP or cloud; many have a form for it) for this PTR record", ptr.negative_ttl)),
    );
}

/// The PTR record to ask for, and the address record that must answer it.
fn ask_for(facts: &Facts, address: &Address, step: &str, ttl: Option<u32>) -> Remedy {
    let delegated = delegated(address);
    let effect = |remedy: Remedy| match ttl {
        Some(ttl) => remedy.effect(names::after(ttl)),
        None => remedy,
    };
    let Some(name) = wanted(facts, address) else {
        return effect(Remedy::step(format!(
            "{step}: {}. PTR, with the name that the server gives with HELO; that name needs {} as its address.{delegated}",
            owner(address),
            address.ip
        )));
    };
    let rtype = if address.ip.is_ipv4() { "A" } else { "AAAA" };
    let record = Remedy::step(format!("{step}.{delegated}")).publish(owner(address), "PTR", format!("{name}."));
    if leads_to(facts, &name, address) {
        return effect(record);
    }
    let step = format!("{step}, and let the name have the address.{delegated}");
    effect(Remedy { step, ..record }.publish(name, rtype, address.ip.to_string()))
}

/// RFC 2181 §10.2 allows it; some receivers look at one name only.
fn several(address: &Address, ptr: &Ptr, out: &mut Judgement) {
    if ptr.records.len() < 2 {
        return;
    }
    let seen = format!(
        "{} has {} reverse names. One that leads back suffices, but a receiver may look at any one of them.",
        address.shown(),
        ptr.records.len()
    );
    let keep = address.confirming().next();
    let finding = ptr.records.iter().take(8).fold(Finding::new(SEVERAL, subject(address), seen), |finding, record| {
        finding.evidence(Evidence::quoting(&ptr.evidence, &record.text))
    });
    let step = match keep {
        Some(keep) => format!("Ask the owner of the IP address to keep {keep} alone."),
        None => "Ask the owner of the IP address to keep one, whose own address this is.".to_owned(),
    };
    out.find(
        finding
            .severity(weighed(address, Severity::Notice, Severity::Info))
            .actor(Actor::IpOwner)
            .remedy(Remedy::step(step)),
    );
}

fn illegal(facts: &Facts, address: &Address, ptr: &Ptr, out: &mut Judgement) {
    let good = address.confirming().next().is_some();
    for record in &ptr.records {
        let Some(why) = names::illegal(&record.name) else { continue };
        let seen = format!("The reverse name of {}, {}, is no host name: {why}.", address.shown(), record.name);
        let sends = if good { Severity::Notice } else { Severity::Error };
        let remedy = match good {
            true => Remedy::step("Ask the owner of the IP address to take this record away."),
            false => ask_for(
                facts,
                address,
                "Ask the owner of the IP address to replace it with a host name",
                Some(record.ttl),
            ),
        };
        out.find(
            Finding::new(ILLEGAL_NAME, subject(address), seen)
                .severity(weighed(address, sends, Severity::Notice))
                .evidence(record.at_name(&ptr.evidence, &why))
                .actor(Actor::IpOwner)
                .remedy(remedy.withdraw(&ptr.owner, "PTR", format!("{}.", record.name))),
        );
    }
}

/// RFC 2181 §10.2: the value of a PTR record is no alias.
fn aliases(address: &Address, ptr: &Ptr, out: &mut Judgement) {
    for (name, forward) in &address.names {
        let Some(Forward { evidence, aliases, alias_text, .. }) = forward.known().filter(|f| !f.aliases.is_empty())
        else {
            continue;
        };
        let end = aliases.last().map(String::as_str).unwrap_or_default();
        let seen = format!("The reverse name of {}, {name}, is an alias of {end}.", address.shown());
        let mut finding = Finding::new(ALIAS, subject(address), seen);
        let record = ptr.records.iter().find(|record| record.name == *name);
        if let Some(record) = record {
            finding = finding.evidence(record.at_name(&ptr.evidence, "an alias"));
        }
        let text = alias_text.clone().unwrap_or_else(|| format!("{name}. CNAME {end}."));
        out.find(
            finding.evidence(Evidence::quoting(evidence, text)).actor(Actor::IpOwner).remedy(
                Remedy::step("Ask the owner of the IP address to let the PTR record name the host itself.")
                    .withdraw(&ptr.owner, "PTR", format!("{name}."))
                    .publish(&ptr.owner, "PTR", format!("{end}.")),
            ),
        );
    }
}

/// The name does not lead back: RFC 1912 §2.1, "iprev" of RFC 8601 §3.
fn unconfirmed(facts: &Facts, address: &Address, ptr: &Ptr, out: &mut Judgement) {
    if address.confirming().next().is_some() {
        return;
    }
    if let Some((name, cause)) = address.names.iter().find_map(|(name, forward)| Some((name, forward.unknown()?))) {
        let what = format!("whether {name}, the reverse name of {}, leads back to it", address.shown());
        out.unknown(Unknown::new(subject(address), what, cause.clone()));
        return;
    }
    // All names are illegal: told already.
    let Some((name, Observed::Known(forward))) = address.names.first() else { return };
    let rtype = if address.ip.is_ipv4() { "A" } else { "AAAA" };
    let fate = match (forward.exists, forward.addresses.as_slice()) {
        (false, _) => "does not exist (NXDOMAIN)".to_owned(),
        (true, []) => format!("has no {rtype} record"),
        (true, others) => {
            let others: Vec<String> = others.iter().take(4).map(ToString::to_string).collect();
            format!("has the address {} instead", others.join(", "))
        }
    };
    let rest = match address.names.len() - 1 {
        0 => String::new(),
        1 => " Its other name does not lead back either.".to_owned(),
        n => format!(" Nor do its {n} other names."),
    };
    let seen = format!("{} is called {name}, but {name} {fate}.{rest}", address.shown());
    let mut finding =
        Finding::new(UNCONFIRMED, subject(address), seen).severity(weighed(address, Severity::Error, Severity::Notice));
    let record = ptr.records.iter().find(|record| record.name == *name);
    if let Some(record) = record {
        finding = finding.evidence(record.at_name(&ptr.evidence, "does not lead back"));
    }
    finding = finding.evidence(Evidence::of(&forward.evidence));
    let own = facts.domain.as_ref().is_some_and(|domain| {
        name == domain || name.strip_suffix(domain.as_str()).is_some_and(|rest| rest.ends_with('.'))
    });
    let finding = if own {
        let step = "Let the name have the address; the reverse name then is right as it is.";
        finding.remedy(Remedy::step(step).publish(name, rtype, address.ip.to_string()))
    } else {
        let step = "Ask the owner of the IP address for a PTR record with a name that leads back";
        let mut remedy = ask_for(facts, address, step, record.map(|record| record.ttl));
        if !remedy.publish.is_empty() {
            remedy = remedy.withdraw(&ptr.owner, "PTR", format!("{name}."));
        }
        finding.actor(Actor::IpOwner).remedy(remedy)
    };
    out.find(finding);
}

/// All names look as if given out by rule.
fn generic_names(facts: &Facts, address: &Address, ptr: &Ptr, config: &Config, out: &mut Judgement) {
    let legal = || ptr.records.iter().filter(|record| names::illegal(&record.name).is_none());
    let reasons: Vec<_> = legal()
        .filter_map(|record| Some((record, generic::reason(&record.name, address.ip, &config.dynamic_words)?)))
        .collect();
    let Some((record, reason)) = reasons.first().filter(|_| reasons.len() == legal().count()) else { return };
    let seen = format!(
        "The reverse name of {}, {}, looks like one that the network gives out by rule: {reason}.",
        address.shown(),
        record.name
    );
    let mut remedy =
        ask_for(facts, address, "Ask the owner of the IP address for a reverse name of your own", Some(record.ttl));
    if !remedy.publish.is_empty() {
        remedy = remedy.withdraw(&ptr.owner, "PTR", format!("{}.", record.name));
    }
    out.find(
        Finding::new(GENERIC, subject(address), seen)
            .severity(weighed(address, Severity::Warning, Severity::Notice))
            .evidence(record.at_name(&ptr.evidence, "generic"))
            .actor(Actor::IpOwner)
            .remedy(remedy),
    );
}
