//! From the facts to the findings. Pure.
//!
//! A session has at most one cause of trouble: where it ended early, or was
//! refused as a whole, that is told alone. Only a session that went through
//! is looked at in its parts.

use std::collections::BTreeSet;

use engine_plugin_api::{
    Cause, CauseKind, Evidence, Finding, Judgement, Severity, Stance, Subject, Unknown,
    services::{SessionEnd, Stage},
};

use crate::{
    ANSWERING, CONNECTION_DROPPED, Config, DEFERRED, DOMAIN_NOT_SERVED, MALFORMED_REPLY, REFUSED, UNREACHABLE,
    facts::{Facts, Reach, Server},
    gather::Gathered,
    text,
};

mod envelope;
mod offer;
mod reach;
mod session;
mod tls;

/// How it stands with one server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// It takes mail, as far as is known.
    Takes,
    /// It takes no mail now.
    Blocked,
    /// Not known.
    Unknown,
}

/// Judges what was seen.
pub fn judge(facts: &Facts, config: &Config) -> Judgement {
    let mut out = Gathered::default();
    let mut standings = reach::judge(facts, &mut out);
    for server in facts.servers.iter().filter(|server| server.reach() == Reach::Open) {
        standings.push(session(facts, server, config, &mut out));
    }
    left_out(facts, &mut out);
    if !standings.is_empty() && standings.iter().all(|standing| *standing == Standing::Blocked) {
        out.weigh(none_takes_mail);
    }
    let in_order = out.is_empty();
    let mut judgement = out.settle(&facts.domain);
    judgement.findings.extend(offer::findings(facts));
    let open: Vec<&Server> = facts.servers.iter().filter(|server| server.reach() == Reach::Open).collect();
    match facts.servers.first() {
        Some(first) if in_order && open.is_empty() => judgement.unknowns.extend(not_tried(facts, first)),
        Some(_) if in_order => judgement.find(answering(facts, &open)),
        _ => {}
    }
    judgement.stances = facts.servers.iter().map(stance).collect();
    judgement
}

/// What a sender does that wants a certificate of a public authority.
fn stance(server: &Server) -> Stance {
    let (verdict, why) = server.reply.tls_state().for_public_authority();
    Stance::new(server.host(), "certificate", verdict, why).seen_in(&server.reply.evidence)
}

fn session(facts: &Facts, server: &Server, config: &Config, out: &mut Gathered) -> Standing {
    if let Some(standing) = session::trouble(facts, server, out) {
        return standing;
    }
    session::manners(server, config, out);
    tls::judge(server, config, out);
    envelope::judge(facts, server, config, out);
    Standing::Takes
}

/// What a fault weighs that every server of the domain has, so that no mail
/// comes in.
fn none_takes_mail(code: &str) -> Option<Severity> {
    match code {
        UNREACHABLE | REFUSED | DOMAIN_NOT_SERVED | MALFORMED_REPLY | CONNECTION_DROPPED => Some(Severity::Critical),
        // Senders keep the mail for days.
        DEFERRED => Some(Severity::Error),
        _ => None,
    }
}

fn left_out(facts: &Facts, out: &mut Gathered) {
    if facts.left_out == 0 {
        return;
    }
    let asked = facts.servers.len();
    let cause = Cause::new(CauseKind::Denied, format!("the limit of sessions allows {asked}"));
    let what = format!("how {} further addresses of the exchanges answer", facts.left_out);
    let unknown = Unknown::new(Subject::Domain(facts.domain.clone()), what, cause);
    out.unknown(unknown.advice("raise `max_sessions` of the check `smtp`"));
}

/// No server may be asked at all, as where all addresses are private.
fn not_tried(facts: &Facts, first: &Server) -> Option<Unknown> {
    let subject = Subject::Domain(facts.domain.clone());
    Some(Unknown::new(subject, format!("whether the exchanges of {} answer", facts.domain), first.reply.cause()?))
}

/// Every session went through, and nothing is to be said against any.
fn answering(facts: &Facts, servers: &[&Server]) -> Finding {
    let hosts: BTreeSet<&str> = servers.iter().map(|server| server.host()).collect();
    let hosts: Vec<&str> = hosts.into_iter().collect();
    let addresses = match servers.len() {
        1 => "at its address".to_owned(),
        many => format!("at {many} addresses"),
    };
    let seen = match hosts.as_slice() {
        [one] => format!(
            "{one} answers {addresses}: over TLS with a certificate in order, it takes the null sender and postmaster \
             of {}, and refuses to relay.",
            facts.domain
        ),
        many => format!(
            "{} answer {addresses}: over TLS with a certificate in order, they take the null sender and postmaster of \
             {}, and refuse to relay.",
            text::list(many),
            facts.domain
        ),
    };
    let mut finding = Finding::new(ANSWERING, Subject::Domain(facts.domain.clone()), seen);
    finding.evidence = servers.iter().map(|server| Evidence::of(&server.reply.evidence)).collect();
    finding
}

/// Whether the session ended where nothing more was to be learnt.
fn is_whole(server: &Server) -> bool {
    match &server.reply.end {
        SessionEnd::Finished => true,
        SessionEnd::Broken { stage, .. } | SessionEnd::TimedOut { stage, .. } | SessionEnd::Malformed { stage, .. } => {
            matches!(stage, Stage::Probe | Stage::Quit)
        }
        SessionEnd::NotHeld { .. } | SessionEnd::Other => false,
    }
}

#[cfg(test)]
mod tests;
