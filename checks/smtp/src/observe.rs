//! Finds the exchanges and holds one session with each address.

use std::net::IpAddr;

use engine_plugin_api::{
    Context, Outcome,
    services::{MailExchanger, RELAY_RECIPIENT, RELAY_SENDER, SmtpEnvelope, SmtpProbe, SmtpReply, SmtpRequest},
};
use futures_util::future::join_all;

use crate::{
    Config,
    facts::{Facts, Server},
};

/// Gathers the facts. Costs one question for the MX, two an exchange, and up
/// to [`Config::max_sessions`] sessions.
///
/// # Errors
/// How the check ends where there is no server to ask.
pub async fn observe(cx: &Context, domain: &str, config: &Config) -> Result<Facts, Outcome> {
    let exchanges = exchangers::of(cx, domain).await?.names;
    let hosts = join_all(exchanges.iter().map(|exchange| exchangers::addresses(cx, &exchange.name))).await;
    let mut gap = None;
    let mut families: Vec<(String, Vec<IpAddr>)> = Vec::new();
    for (exchange, (v4, v6)) in exchanges.iter().zip(hosts) {
        for reply in [v4, v6] {
            gap = gap.or_else(|| reply.cause());
            families.push((exchange.name.clone(), reply.addresses().collect()));
        }
    }
    let (chosen, left_out) = exchangers::choose(&families, config.max_sessions.max(1));
    if chosen.is_empty() {
        return Err(match gap {
            Some(cause) => Outcome::CouldNotTell { cause },
            None => Outcome::NotApplicable { why: format!("no exchange of {domain} has an address") },
        });
    }
    let exchangers = chosen.into_iter().map(|(host, address)| MailExchanger::new(host, address, domain));
    let sessions = join_all(exchangers.map(|exchanger| session(cx, exchanger, config))).await;
    let servers = sessions.into_iter().map(|reply| Server { reply }).collect();
    Ok(Facts { domain: domain.to_owned(), servers, left_out })
}

async fn session(cx: &Context, exchanger: MailExchanger, config: &Config) -> SmtpReply {
    match own(&exchanger, config) {
        Some(request) => cx.smtp(request).await,
        None => cx.survey(exchanger).await,
    }
}

/// The survey with the mailboxes of the settings, where those are others.
fn own(exchanger: &MailExchanger, config: &Config) -> Option<SmtpRequest> {
    if (config.relay_sender.as_str(), config.relay_recipient.as_str()) == (RELAY_SENDER, RELAY_RECIPIENT) {
        return None;
    }
    let mut request = exchanger.survey();
    let mut foreign = SmtpEnvelope::new(&config.relay_sender, &config.relay_recipient);
    if config.relay_recipient.is_empty() {
        // Asks nothing, and keeps the order of the probes.
        foreign.recipients.clear();
    }
    if let Some(probe) = request.probes.first_mut() {
        *probe = SmtpProbe::Envelope(foreign);
    }
    Some(request)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    #[test]
    fn the_usual_settings_ask_for_the_shared_survey() {
        let exchanger = MailExchanger::new("mx.a.example", "25.25.0.1".parse().unwrap(), "a.example");
        assert_eq!(own(&exchanger, &Config::default()), None);
        let elsewhere = Config { relay_recipient: "u@far.example".into(), ..Config::default() };
        let session = own(&exchanger, &elsewhere).unwrap();
        assert_ne!(session, exchanger.survey());
        assert_eq!(session.probes.len(), exchanger.survey().probes.len());
    }
}
