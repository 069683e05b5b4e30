//! From the facts to the findings. Pure.

use engine_plugin_api::{Evidence, Finding, Judgement, Observed, Remedy, Span, Subject, Unknown};
use mail_syntax::tls_rpt::{self, Record};

use crate::{
    ALIAS_BROKEN, DESTINATION_DEAD, INVALID, MISSING, RECORD, SEVERAL,
    facts::{Destination, Facts, Obstacle, record_name},
};

/// Judges what was seen.
pub fn judge(facts: &Facts) -> Judgement {
    let mut out = Judgement::default();
    let texts = match &facts.texts {
        Observed::Known(texts) => texts,
        Observed::Unknown(cause) => {
            let what = format!("whether senders report failures of TLS to {}", facts.domain);
            out.unknown(Unknown::new(subject(facts), what, cause.clone()));
            return out;
        }
    };
    let records: Vec<&String> = texts.iter().filter(|text| tls_rpt::is_record(text)).collect();
    match records.as_slice() {
        [] => match texts.iter().find(|text| tls_rpt::resembles_record(text)) {
            Some(text) => out.find(invalid(facts, text, &tls_rpt::parse(text))),
            None if leads_astray(facts) => out.find(alias_broken(facts)),
            None => out.find(missing(facts, texts.len())),
        },
        [text] => one(facts, text, &mut out),
        several => out.find(self::several(facts, several)),
    }
    out
}

fn subject(facts: &Facts) -> Subject {
    Subject::Domain(facts.domain.clone())
}

fn one(facts: &Facts, text: &str, out: &mut Judgement) {
    let record = tls_rpt::parse(text);
    if !record.issues.is_empty() || record.destinations.is_empty() {
        out.find(invalid(facts, text, &record));
    }
    let mut alive = Vec::new();
    for destination in &record.destinations {
        let Some(known) = facts.destinations.iter().find(|known| known.host == destination.host) else {
            continue;
        };
        match &known.obstacle {
            Observed::Known(None) => alive.push(destination.uri.as_str()),
            Observed::Known(Some(obstacle)) => {
                out.find(dead(facts, text, known, *obstacle, span(destination.span)));
            }
            Observed::Unknown(cause) => {
                let what = format!("whether reports can be brought to {}", known.host);
                let unknown = Unknown::new(subject(facts), what, cause.clone());
                if !out.unknowns.contains(&unknown) {
                    out.unknown(unknown);
                }
            }
        }
    }
    if out.findings.is_empty() && !alive.is_empty() {
        let alias = match facts.alias {
            Some(_) => format!(" (an alias leads to {})", facts.home),
            None => String::new(),
        };
        let seen = format!("Senders report failures of TLS to {}{alias}.", alive.join(" and "));
        out.find(Finding::new(RECORD, subject(facts), seen).evidence(Evidence::quoting(&facts.evidence, text)));
    }
}

fn span(span: mail_syntax::Span) -> Span {
    Span::new(span.start, span.end)
}

/// Whether `_smtp._tls` was made an alias of a name for such a record. A wildcard
/// makes it one too, of a web server for example, which exists and has no `_` label.
fn leads_astray(facts: &Facts) -> bool {
    facts.alias.is_some() && (facts.is_gone || facts.home.split('.').any(|label| label.starts_with('_')))
}

fn alias_broken(facts: &Facts) -> Finding {
    let (name, home) = (record_name(&facts.domain), &facts.home);
    let what = if facts.is_gone { "which does not exist" } else { "where there is no TLS-RPT record" };
    let seen = format!("{name} is an alias of {home}, {what}: nobody reports failures of TLS to {}.", facts.domain);
    let step = format!(
        "Ask the service that {home} belongs to for the right name; or take the alias away, and publish a record with a \
         mailbox that somebody reads."
    );
    Finding::new(ALIAS_BROKEN, subject(facts), seen)
        .evidence(Evidence::of(&facts.evidence))
        .remedy(own_record(facts, Remedy::step(step)))
}

/// A record of the domain's own, in the place of an alias where there is one.
fn own_record(facts: &Facts, remedy: Remedy) -> Remedy {
    let name = record_name(&facts.domain);
    let remedy = facts.alias.iter().fold(remedy, |remedy, to| remedy.withdraw(&name, "CNAME", format!("{to}.")));
    remedy.publish(&name, "TXT", format!("v=TLSRPTv1; rua=mailto:tls-reports@{}", facts.domain))
}

fn missing(facts: &Facts, others: usize) -> Finding {
    let name = record_name(&facts.domain);
    let but = if others > 0 { ", though other TXT records" } else { "" };
    let mut step = "Publish a record with a mailbox that somebody, or a service, reads.".to_owned();
    let mut alias = String::new();
    if facts.alias.is_some() {
        alias = format!(" (it is an alias of {})", facts.home);
        step.push_str(" It takes the place of the alias; one that a wildcard gives yields by itself.");
    }
    let seen = format!(
        "{name}{alias} has no TLS-RPT record{but}: nobody tells {} when senders cannot encrypt mail to it.",
        facts.domain
    );
    let remedy = own_record(facts, Remedy::step(step)).effect("reports come once a day from then on");
    Finding::new(MISSING, subject(facts), seen).evidence(Evidence::of(&facts.evidence)).remedy(remedy)
}

fn several(facts: &Facts, texts: &[&String]) -> Finding {
    let name = &facts.home;
    let seen = format!("{name} has {} TLS-RPT records: senders then act as if there were none.", texts.len());
    let mut destinations: Vec<String> = Vec::new();
    for uri in texts.iter().flat_map(|text| tls_rpt::readable(text).uris) {
        if !destinations.contains(&uri) {
            destinations.push(uri);
        }
    }
    let mut remedy = Remedy::step("Leave one record that names all destinations.");
    for text in texts {
        remedy = remedy.withdraw(name, "TXT", text.as_str());
    }
    if !destinations.is_empty() {
        remedy = remedy.publish(name, "TXT", format!("v=TLSRPTv1; rua={}", destinations.join(",")));
    }
    let mut finding = Finding::new(SEVERAL, subject(facts), seen).remedy(remedy);
    finding.evidence = texts.iter().map(|text| Evidence::quoting(&facts.evidence, text.as_str())).collect();
    finding
}

fn invalid(facts: &Facts, text: &str, record: &Record) -> Finding {
    let name = &facts.home;
    let fault = record.issues.iter().find(|issue| !issue.kind.is_harmless()).or(record.issues.first());
    let (label, at) = fault
        .map_or_else(|| ("no destination".to_owned(), None), |issue| (issue.kind.to_string(), Some(span(issue.span))));
    let effect = if record.is_valid() {
        "senders leave that destination out"
    } else {
        "senders may act as if there were no record"
    };
    let seen = format!("The TLS-RPT record of {} is faulty ({label}): {effect}.", facts.domain);
    let mut evidence = Evidence::quoting(&facts.evidence, text);
    if let Some(at) = at {
        evidence = evidence.at(at, label);
    }
    let tls_rpt::Readable { mut uris, left_out } = tls_rpt::readable(text);
    let mut step = match facts.alias {
        Some(_) => format!("Replace the record at {name}, of which {} is an alias.", record_name(&facts.domain)),
        None => "Replace the record.".to_owned(),
    };
    if uris.is_empty() {
        let mailbox = format!("tls-reports@{}", facts.domain);
        step.push_str(&format!(
            " No destination can be read from it: name one that somebody reads where {mailbox} stands."
        ));
        uris.push(format!("mailto:{mailbox}"));
    } else {
        step.push_str(&format!(" The one below keeps {}.", list(&uris)));
    }
    if !left_out.is_empty() {
        step.push_str(&format!(" It leaves out {}, which no sender can use.", list(&left_out)));
    }
    let remedy = Remedy::step(step).withdraw(name, "TXT", text).publish(
        name,
        "TXT",
        format!("v=TLSRPTv1; rua={}", uris.join(",")),
    );
    Finding::new(INVALID, subject(facts), seen).evidence(evidence).remedy(remedy)
}

/// `` `a`, `b` and 3 more ``.
fn list(items: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown = items.iter().take(SHOWN).map(|item| format!("`{item}`")).collect::<Vec<_>>().join(", ");
    match items.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn dead(facts: &Facts, text: &str, destination: &Destination, obstacle: Obstacle, at: Span) -> Finding {
    let host = &destination.host;
    let why = match obstacle {
        Obstacle::NoSuchName => "does not exist",
        Obstacle::NullMx => "takes no mail (it has a null MX)",
        Obstacle::NoAddress => "has neither an MX record nor an address",
    };
    let seen = format!("Reports of failures of TLS are to go to {host}, which {why}.");
    let remedy = Remedy::step(format!("Name in {} a destination that exists.", facts.home));
    let evidence = Evidence::quoting(&facts.evidence, text).at(at, why);
    Finding::new(DESTINATION_DEAD, subject(facts), seen)
        .evidence(evidence)
        .evidence(Evidence::of(&destination.evidence))
        .remedy(remedy)
}

#[cfg(test)]
mod tests;
