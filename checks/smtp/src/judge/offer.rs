//! What the servers offer, in the words of a support desk.

use engine_plugin_api::{Evidence, Finding, Subject};

use crate::{
    EXTENSIONS,
    facts::{Facts, Server, has, parameter},
    text,
};

/// One finding for each distinct offer.
pub fn findings(facts: &Facts) -> Vec<Finding> {
    let mut offers: Vec<(String, Vec<&Server>)> = Vec::new();
    for server in &facts.servers {
        if !server.reply.ehlo.as_ref().is_some_and(|ehlo| ehlo.is_positive()) || server.reply.ehlo_refused.is_some() {
            continue;
        }
        let offer = offer(server);
        match offers.iter_mut().find(|(known, _)| *known == offer) {
            Some((_, servers)) => servers.push(server),
            None => offers.push((offer, vec![server])),
        }
    }
    offers.into_iter().map(|(offer, servers)| finding(facts, &offer, &servers)).collect()
}

fn finding(facts: &Facts, offer: &str, servers: &[&Server]) -> Finding {
    let mut hosts: Vec<&str> = servers.iter().map(|server| server.host()).collect();
    hosts.dedup();
    let seen = format!("{}: {offer}", text::list(&hosts));
    let mut finding = Finding::new(EXTENSIONS, Subject::Domain(facts.domain.clone()), seen);
    finding.evidence = servers
        .iter()
        .map(|server| match &server.reply.ehlo {
            Some(ehlo) => Evidence::quoting(&server.reply.evidence, ehlo.text()),
            None => Evidence::of(&server.reply.evidence),
        })
        .collect();
    finding
}

fn offer(server: &Server) -> String {
    let offered = &server.reply.extensions;
    let tls = match &server.reply.tls {
        Some(tls) => format!("{} with {}", tls.version, tls.cipher),
        None => "no TLS".to_owned(),
    };
    let size = match parameter(offered, "SIZE").map(str::parse::<u64>) {
        Some(Ok(octets)) if octets > 0 => format!("messages of up to {}", text::size(octets)),
        // RFC 1870 §4: 0 is no fixed limit.
        Some(_) => "messages of a size that it does not limit or say".to_owned(),
        None => "messages of a size that it does not say (no SIZE)".to_owned(),
    };
    let told = |keyword: &str, yes: &str| has(offered, keyword).then(|| format!("{yes} ({keyword})"));
    let mut sentences = vec![format!("{tls}; {size}.")];
    let can: Vec<String> = [
        told("PIPELINING", "several commands at once"),
        told("8BITMIME", "8-bit text"),
        told("SMTPUTF8", "addresses beyond ASCII"),
        told("CHUNKING", "messages in pieces"),
        told("DSN", "delivery reports on request"),
        told("REQUIRETLS", "TLS on the whole way on request"),
    ]
    .into_iter()
    .flatten()
    .collect();
    if !can.is_empty() {
        sentences.push(format!("It takes {}.", text::list(&can)));
    }
    if let Some(limits) = parameter(offered, "LIMITS") {
        sentences.push(format!("It limits a session to {limits} (LIMITS, RFC 9422)."));
    }
    let lacks: Vec<String> = [("8BITMIME", "8-bit text"), ("SMTPUTF8", "addresses beyond ASCII")]
        .into_iter()
        .filter(|(keyword, _)| !has(offered, keyword))
        .map(|(keyword, what)| format!("{what} ({keyword})"))
        .collect();
    if !lacks.is_empty() {
        sentences.push(format!("Not offered: {}.", text::list(&lacks)));
    }
    sentences.join(" ")
}
