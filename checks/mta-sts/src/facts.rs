//! What was seen of a domain's MTA-STS.

use engine_plugin_api::{
    EvidenceId, Observed,
    services::{Fetched, HttpEnd, HttpFetch, HttpReply, SmtpReply},
};
use mail_syntax::mta_sts::{self, Policy};

/// Where the policy stands.
pub const PATH: &str = "/.well-known/mta-sts.txt";

/// Everything that the judge needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The mail domain, A-labels.
    pub domain: String,
    /// The TXT records at `_mta-sts`, each joined to one text.
    pub texts: Observed<Vec<String>>,
    /// The observation of them.
    pub evidence: EvidenceId,
    /// The name at which the record stands: `_mta-sts`, or the end of its aliases.
    pub home: String,
    /// Where `_mta-sts` leads at once, where it is an alias.
    pub alias: Option<String>,
    /// The domain above, where it has a record of its own.
    pub parent: Option<String>,
    /// What came of the policy.
    pub fetch: HttpFetch,
    /// The exchanges, in the order in which senders try them.
    pub exchanges: Vec<Exchange>,
    /// How many addresses were left out, beyond the limit of sessions.
    pub left_out: usize,
}

/// A mail exchanger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// The preference of its MX record; none for an implicit MX.
    pub preference: Option<u16>,
    /// The host name.
    pub name: String,
    /// The sessions with its addresses; none were held where no policy asks for them.
    pub sessions: Vec<SmtpReply>,
}

impl Facts {
    /// The name that the record stands at.
    pub fn record_name(&self) -> String {
        record_name(&self.domain)
    }

    /// The host that the policy is got from.
    pub fn policy_host(&self) -> String {
        policy_host(&self.domain)
    }

    /// The policy with its text, where one was had over a verified connection,
    /// whole and as text, whatever its content type.
    pub fn policy(&self) -> Option<(&HttpReply, &str, Policy)> {
        served(&self.fetch)
    }
}

/// See [`Facts::record_name`].
pub fn record_name(domain: &str) -> String {
    format!("_mta-sts.{domain}")
}

/// See [`Facts::policy_host`].
pub fn policy_host(domain: &str) -> String {
    format!("mta-sts.{domain}")
}

/// See [`Facts::policy`].
pub fn served(fetch: &HttpFetch) -> Option<(&HttpReply, &str, Policy)> {
    let Fetched::Asked(reply) = fetch.outcome() else { return None };
    if reply.end != HttpEnd::Finished || reply.status != Some(200) || reply.body_cut {
        return None;
    }
    let text = reply.body.text()?;
    Some((reply, text, mta_sts::parse_policy(text)))
}
