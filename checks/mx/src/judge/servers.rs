//! Whether the name servers of the domain agree.

use std::collections::BTreeMap;

use engine_plugin_api::{Actor, Cause, Evidence, Finding, Judgement, Observed, Remedy, Severity, Subject, Unknown};

use crate::{
    INCONSISTENT,
    facts::{Answer, Facts, MxRecord, NameServer},
    words::list,
};

pub(super) fn judge(facts: &Facts, out: &mut Judgement) {
    match &facts.servers {
        Observed::Unknown(cause) => silent(facts, &[], cause, out),
        Observed::Known(servers) => {
            compare(facts, servers, out);
            let unheard: Vec<(&str, &Cause)> =
                servers.iter().filter_map(|server| Some((server.name.as_str(), server.mx.unknown()?))).collect();
            if let Some((_, first)) = unheard.first() {
                let names: Vec<&str> = unheard.iter().map(|(name, _)| *name).collect();
                silent(facts, &names, first, out);
            }
        }
    }
}

/// However many servers are silent, it is one thing that is not known.
fn silent(facts: &Facts, names: &[&str], cause: &Cause, out: &mut Judgement) {
    let domain = &facts.domain;
    let what = if names.is_empty() {
        format!("whether all name servers of {domain} give the same MX records")
    } else {
        format!(
            "whether all name servers of {domain} give the same MX records: no usable answer comes from {}",
            list(names)
        )
    };
    out.unknown(Unknown::new(Subject::Domain(domain.clone()), what, cause.clone()));
}

fn compare(facts: &Facts, servers: &[NameServer], out: &mut Judgement) {
    let mut views: BTreeMap<Vec<String>, Vec<(&str, &Answer<MxRecord>)>> = BTreeMap::new();
    for server in servers {
        if let Some(mx) = server.mx.known() {
            let records = mx.records.iter().map(told).collect();
            views.entry(records).or_default().push((&server.name, mx));
        }
    }
    if views.len() < 2 {
        return;
    }
    let sides: Vec<String> = views
        .iter()
        .map(|(records, servers)| {
            let names: Vec<&str> = servers.iter().map(|(name, _)| *name).collect();
            let verb = if names.len() == 1 { "gives" } else { "give" };
            let what = if records.is_empty() { "no MX record".to_owned() } else { list(records) };
            format!("{} {verb} {what}", list(&names))
        })
        .collect();
    let mut finding = Finding::new(
        INCONSISTENT,
        Subject::Domain(facts.domain.clone()),
        format!("The name servers of {} give different MX records: {}.", facts.domain, sides.join("; ")),
    )
    .actor(Actor::DnsHost);
    for (name, mx) in views.values().flatten() {
        finding = match mx.records.as_slice() {
            [] => finding.evidence(Evidence::of(&mx.evidence)),
            records => records.iter().fold(finding, |f, record| f.evidence(record.at_exchange(&mx.evidence, name))),
        };
    }
    if views.keys().any(Vec::is_empty) {
        finding = finding.severity(Severity::Error);
    }
    out.find(finding.remedy(Remedy::step(
        "Bring all name servers to the same version of the zone: compare their SOA serials, and repair the transfer or \
         the synchronisation of those that lag behind. A name server that no longer serves the domain leaves the \
         delegation.",
    )));
}

fn told(record: &MxRecord) -> String {
    if record.is_null() { "the null MX".to_owned() } else { format!("{} {}", record.preference, record.exchange) }
}
