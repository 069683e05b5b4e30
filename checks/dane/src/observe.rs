//! Asks for MX, addresses and TLSA records with their DNSSEC status, and holds
//! sessions with the exchanges that have TLSA records.

use std::net::IpAddr;

use engine_plugin_api::{
    Context, Outcome,
    services::{DnsQuestion, DnsReply, MailExchanger, RecordType, Security, Validation},
};
use exchangers::MOST_SESSIONS;
use futures_util::{future::join_all, join};

use crate::facts::{Exchange, Facts, tlsa_name};

/// Gathers the facts. Costs two questions at once, then three an exchange, one
/// more for one that is an alias, and up to 16 looks at exchangers.
///
/// # Errors
/// How the check ends where the domain takes no mail.
pub async fn observe(cx: &Context, domain: &str) -> Result<Facts, Outcome> {
    let (found, validation) = join!(exchangers::of(cx, domain), cx.validation());
    let found = found?;
    let looked = found.names.into_iter().map(|exchange| look(cx, &validation, exchange));
    let (mut exchanges, families): (Vec<Exchange>, Vec<_>) = join_all(looked).await.into_iter().unzip();
    // Chosen among all, as other checks choose, so that the sessions are theirs.
    let families: Vec<(String, Vec<IpAddr>)> = families.into_iter().flatten().collect();
    let (chosen, _) = exchangers::choose(&families, MOST_SESSIONS);
    let wanted = |host: &str| exchanges.iter().any(|exchange| exchange.name == host && !exchange.records().is_empty());
    let looks: Vec<_> = chosen
        .into_iter()
        .filter(|(host, _)| wanted(host))
        .map(|(host, address)| cx.look(MailExchanger::new(host, address, domain)))
        .collect();
    for reply in join_all(looks).await {
        if let Some(exchange) = exchanges.iter_mut().find(|exchange| exchange.name == reply.host) {
            exchange.sessions.push(reply);
        }
    }
    Ok(Facts { domain: domain.to_owned(), mx: validation.of(&found.mx), evidence: found.mx.evidence, exchanges })
}

type Families = [(String, Vec<IpAddr>); 2];

async fn look(cx: &Context, validation: &Validation, exchange: exchangers::Exchange) -> (Exchange, Families) {
    let exchangers::Exchange { preference, name } = exchange;
    let ask = |base: &str| {
        let question = DnsQuestion::new(&tlsa_name(base), RecordType::Tlsa);
        async { cx.dns(question).await }
    };
    let ((v4, v6), mut tlsa) = join!(exchangers::addresses(cx, &name), ask(&name));
    let addresses = worse(validation.of(&v4), validation.of(&v6));
    let mut base = name.clone();
    if let (Some(target), Security::Secure) = (target(&v4, &v6), &addresses) {
        let expanded = ask(&target).await;
        // The alias' own records count where its target has none.
        if expanded.records().next().is_some() || expanded.cause().is_some() {
            (base, tlsa) = (target, expanded);
        }
    }
    let families = [&v4, &v6].map(|reply| (name.clone(), reply.addresses().collect()));
    let tlsa_status = validation.of(&tlsa);
    (Exchange { preference, name, addresses, base, tlsa, tlsa_status, sessions: Vec::new() }, families)
}

/// Where the exchange's name leads as an alias.
fn target(v4: &DnsReply, v6: &DnsReply) -> Option<String> {
    [v4, v6].into_iter().find_map(|reply| reply.aliases().last().map(|name| (*name).to_owned()))
}

fn worse(one: Security, other: Security) -> Security {
    let rank = |security: &Security| match security {
        Security::Secure => 0,
        Security::Insecure => 1,
        Security::Unknown(_) => 2,
        Security::Bogus(_) => 3,
    };
    if rank(&other) > rank(&one) { other } else { one }
}
