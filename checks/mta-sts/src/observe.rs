//! Asks for record, policy and exchanges, and holds sessions where a policy
//! makes their certificates count.

use std::net::IpAddr;

use engine_plugin_api::{
    Context, Outcome,
    services::{DnsQuestion, RecordType, SmtpRequest},
};
use exchangers::MOST_SESSIONS;
use futures_util::{future::join_all, join};
use mail_syntax::mta_sts::{self, LARGEST_POLICY, Mode};

use crate::facts::{Exchange, Facts, PATH, policy_host, record_name, served};

/// Gathers the facts. Costs five questions at once, a connection to the policy
/// host where it has an address, and, where a policy is served that is not of
/// mode `none`, two questions an exchange and up to 16 sessions, those of the
/// check `smtp`.
///
/// # Errors
/// How the check ends where the domain takes no mail.
pub async fn observe(cx: &Context, domain: &str) -> Result<Facts, Outcome> {
    let txt = |name: String| async move { cx.dns(DnsQuestion::new(&name, RecordType::Txt)).await };
    let host = policy_host(domain);
    let most = u32::try_from(LARGEST_POLICY).unwrap_or(u32::MAX);
    let above = domain.split_once('.').map(|(_, above)| above).filter(|above| above.contains('.'));
    let parent = async {
        let above = above?;
        let reply = txt(record_name(above)).await;
        let texts = reply.texts();
        texts.known()?.iter().any(|text| mta_sts::is_record(text)).then(|| above.to_owned())
    };
    let (found, record, parent, fetch) =
        join!(exchangers::of(cx, domain), txt(record_name(domain)), parent, cx.fetch(&host, PATH, most));
    let found = found?;
    let texts = record.texts();
    let mut exchanges: Vec<Exchange> = found
        .names
        .into_iter()
        .map(|exchange| Exchange { preference: exchange.preference, name: exchange.name, sessions: Vec::new() })
        .collect();
    let counts = |mode| matches!(mode, Some(Mode::Enforce | Mode::Testing));
    let mut left_out = 0;
    if served(&fetch).is_some_and(|(_, _, policy)| counts(policy.mode())) {
        left_out = hold_sessions(cx, domain, &mut exchanges).await;
    }
    Ok(Facts {
        domain: domain.to_owned(),
        texts,
        home: record.home().to_owned(),
        alias: record.aliases().first().map(|name| (*name).to_owned()),
        evidence: record.evidence,
        parent,
        fetch,
        exchanges,
        left_out,
    })
}

/// Holds the sessions; how many addresses are left out.
async fn hold_sessions(cx: &Context, domain: &str, exchanges: &mut [Exchange]) -> usize {
    let hosts = join_all(exchanges.iter().map(|exchange| exchangers::addresses(cx, &exchange.name))).await;
    let mut families: Vec<(String, Vec<IpAddr>)> = Vec::new();
    for (exchange, (v4, v6)) in exchanges.iter().zip(hosts) {
        families.extend([v4, v6].map(|reply| (exchange.name.clone(), reply.addresses().collect())));
    }
    let (chosen, left_out) = exchangers::choose(&families, MOST_SESSIONS);
    let requests = chosen.into_iter().map(|(host, address)| SmtpRequest::survey(host, address, domain));
    for reply in join_all(requests.map(|request| cx.smtp(request))).await {
        if let Some(exchange) = exchanges.iter_mut().find(|exchange| exchange.name == reply.host) {
            exchange.sessions.push(reply);
        }
    }
    left_out
}
