//! Asks for record, policy and exchanges, and looks at the exchanges where a
//! policy makes their certificates count.

use std::net::IpAddr;

use engine_plugin_api::{
    Context, Observed, Outcome,
    services::{DnsQuestion, MailExchanger, RecordType, SmtpReply},
};
use exchangers::MOST_SESSIONS;
use futures_util::{future::join_all, join};
use mail_syntax::mta_sts::{self, LARGEST_POLICY, Mode};

use crate::facts::{Exchange, Facts, PATH, policy_host, record_name, served};

/// Gathers the facts. Costs five questions at once and a connection to the policy
/// host where it has an address; and where a valid record announces a policy, or
/// one is served that is not of mode `none`, two questions an exchange and up to
/// 16 looks at exchangers. An announced policy is got meanwhile.
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
    let announced = async {
        let (found, record) = join!(exchangers::of(cx, domain), txt(record_name(domain)));
        let texts = record.texts();
        let looks = match &found {
            Ok(found) if announces(&texts) => Some(looks(cx, domain, &found.names).await),
            _ => None,
        };
        (found, record, texts, looks)
    };
    let (parent, (found, record, texts, looked), fetch) = join!(parent, announced, cx.fetch(&host, PATH, most));
    let found = found?;
    let counts = |mode| matches!(mode, Some(Mode::Enforce | Mode::Testing));
    let (sessions, left_out) = match looked {
        _ if !served(&fetch).is_some_and(|(_, _, policy)| counts(policy.mode())) => (Vec::new(), 0),
        Some(looked) => looked,
        None => looks(cx, domain, &found.names).await,
    };
    let mut exchanges: Vec<Exchange> = found
        .names
        .into_iter()
        .map(|exchange| Exchange { preference: exchange.preference, name: exchange.name, sessions: Vec::new() })
        .collect();
    for reply in sessions {
        if let Some(exchange) = exchanges.iter_mut().find(|exchange| exchange.name == reply.host) {
            exchange.sessions.push(reply);
        }
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

/// Whether senders look for a policy: there is one record, and it is valid
/// (RFC 8461 §3.1).
fn announces(texts: &Observed<Vec<String>>) -> bool {
    let mut records = texts.known().into_iter().flatten().filter(|text| mta_sts::is_record(text));
    match (records.next(), records.next()) {
        (Some(text), None) => mta_sts::parse_record(text).is_valid(),
        _ => false,
    }
}

/// Looks at the exchanges; and how many addresses are left out.
async fn looks(cx: &Context, domain: &str, exchanges: &[exchangers::Exchange]) -> (Vec<SmtpReply>, usize) {
    let hosts = join_all(exchanges.iter().map(|exchange| exchangers::addresses(cx, &exchange.name))).await;
    let mut families: Vec<(String, Vec<IpAddr>)> = Vec::new();
    for (exchange, (v4, v6)) in exchanges.iter().zip(hosts) {
        families.extend([v4, v6].map(|reply| (exchange.name.clone(), reply.addresses().collect())));
    }
    let (chosen, left_out) = exchangers::choose(&families, MOST_SESSIONS);
    let looks = chosen.into_iter().map(|(host, address)| cx.look(MailExchanger::new(host, address, domain)));
    (join_all(looks).await, left_out)
}
