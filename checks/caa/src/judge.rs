//! From facts to findings. Pure.

mod properties;
mod purpose;

use std::collections::BTreeSet;

use engine_plugin_api::{Actor, Evidence, Finding, Judgement, Observed, Remedy, Span, Subject, Unknown};

use crate::{
    Config, ISSUER_EXCLUDED, authorities,
    facts::{Facts, Property, Purpose, Set, Shown},
};

/// Judges what the DNS tells.
pub fn judge(facts: &Facts) -> Judgement {
    let mut out = Judgement::default();
    if let Observed::Unknown(cause) = &facts.exchanges {
        let what = format!("which hosts take mail for {}", facts.domain);
        out.unknown(Unknown::new(Subject::Domain(facts.domain.clone()), what, cause.clone()));
    }
    unanswered(facts, &mut out);
    let names: BTreeSet<&str> = facts.hosts().chain([facts.domain.as_str()]).collect();
    let mut judged: BTreeSet<&str> = BTreeSet::new();
    for name in &names {
        if let Observed::Known(Some((at, set))) = facts.relevant(name)
            && judged.insert(at)
        {
            properties::judge(facts, at, set, &mut out);
        }
    }
    purpose::judge(facts, &mut out);
    out
}

/// One unknown for each name whose records are needed and could not be had.
fn unanswered(facts: &Facts, out: &mut Judgement) {
    let mut told: BTreeSet<&str> = BTreeSet::new();
    for name in facts.hosts().chain([facts.domain.as_str()]) {
        if facts.relevant(name).unknown().is_none() {
            continue;
        }
        let Some((at, cause)) = facts.gap(name) else { continue };
        if told.insert(at) {
            let unknown = Unknown::new(
                Subject::Domain(at.to_owned()),
                format!("which authorities {at} lets issue certificates"),
                cause.clone(),
            );
            out.unknown(unknown.advice(
                "mend the name server: an authority that gets no answer to its CAA question issues no certificate",
            ));
        }
    }
}

/// Holds the certificates that are shown against the records.
pub fn judge_certificates(facts: &Facts, shown: &[Shown], config: &Config) -> Judgement {
    let mut out = Judgement::default();
    let mut told: Vec<(&str, &str)> = Vec::new();
    for one in shown {
        let names = authorities::names_of(&one.certificate.issuer, &config.authorities);
        if names.is_empty() {
            continue;
        }
        let wildcard = !one.certificate.names.iter().any(|name| name.eq_ignore_ascii_case(&one.host));
        // A wildcard stands for the names below the one without its `*`.
        let of = if wildcard { one.host.split_once('.').map_or("", |(_, parent)| parent) } else { &one.host };
        let purpose = if wildcard { Purpose::Wildcard } else { Purpose::Host };
        let Observed::Known(Some((at, set))) = facts.relevant(of) else { continue };
        let Some(issuers) = set.issuers(purpose) else { continue };
        let allowed = issuers.iter().any(|(_, issue)| issue.allows().is_some_and(|issuer| names.contains(&issuer)));
        if allowed || told.contains(&(at, names[0])) {
            continue;
        }
        told.push((at, names[0]));
        out.find(excluded(facts, one, at, set, &names, wildcard));
    }
    out
}

fn excluded(facts: &Facts, shown: &Shown, at: &str, set: &Set, names: &[&str], wildcard: bool) -> Finding {
    let tag = if wildcard && set.properties.iter().any(|property| property.tag == "issuewild") {
        "issuewild"
    } else {
        "issue"
    };
    let seen = format!(
        "{} shows a certificate that was issued by `{}`, and the CAA records of {at} do not let that authority issue \
         (it goes by `{}`). The next renewal will be refused.",
        shown.host,
        shown.certificate.issuer,
        names.join("`, `")
    );
    let finding = Finding::new(ISSUER_EXCLUDED, Subject::Host(shown.host.clone()), seen).actor(Actor::DomainOwner);
    let mine = set.properties.iter().filter(|property| property.tag == tag);
    let finding = mine.take(3).fold(finding, |finding, property| finding.evidence(quote(set, property)));
    let remedy = if is_registrys(at) {
        Remedy::step(format!(
            "Let the authority issue by a record of your own, if the certificate comes from it on purpose. It takes the \
             place of those of {at}, a public suffix."
        ))
        .publish(facts.home(&shown.host), "CAA", format!("0 issue \"{}\"", names[0]))
    } else {
        Remedy::step("Let the authority issue, if the certificate comes from it on purpose; the other records stay.")
            .publish(&set.home, "CAA", format!("0 {tag} \"{}\"", names[0]))
    };
    finding.evidence(Evidence::of(&shown.evidence)).remedy(remedy)
}

/// Whether the records at a name are those of whoever runs a public suffix, which the
/// owner of a domain below it cannot change.
fn is_registrys(at: &str) -> bool {
    mail_syntax::dmarc::is_public_suffix(at)
}

/// A record as evidence.
fn quote(set: &Set, property: &Property) -> Evidence {
    Evidence::quoting(&set.evidence, &property.text)
}

/// A record with a caret under its value, or under a part of it.
fn at_value(set: &Set, property: &Property, part: Option<mail_syntax::Span>, label: impl Into<String>) -> Evidence {
    let start = property.text.find('"').map_or(0, |quote| quote + 1);
    let end = property.text.len().saturating_sub(1).max(start);
    // Escapes move what follows them; then the whole value is meant.
    let plain = property.text.get(start..end) == Some(property.value.as_str());
    let span = match part.filter(|part| plain && part.start < part.end) {
        Some(part) => Span::new(start + part.start, start + part.end),
        None => Span::new(start, end),
    };
    quote(set, property).at(span, label)
}

#[cfg(test)]
mod tests;
