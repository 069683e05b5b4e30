//! What befalls a session as a whole, told as one thing; and its manners.

use engine_plugin_api::{
    Actor, Cause, CauseKind, Evidence, Remedy, Severity, Subject, Unknown,
    services::{Direction, SessionEnd, SmtpAnswer, Stage},
};
use smtp_reasons::Reason;

use super::{Standing, is_whole};
use crate::{
    CLIENT_REFUSED, CONNECTION_DROPPED, Config, DEFERRED, DOMAIN_NOT_SERVED, EHLO_REFUSED, MALFORMED_REPLY,
    ODD_REPLIES, REFUSED, SLOW_GREETING,
    facts::{Facts, Server},
    gather::{Fault, Gathered},
    meaning::{Meaning, meaning},
    text,
};

/// From how many seconds on a greeting costs mail: senders and tests of
/// addresses that are less patient than RFC 5321 asks give up.
const VERY_SLOW: u64 = 30;

/// What keeps the session from telling more, if anything does: told once, with
/// how it stands with the server.
pub fn trouble(facts: &Facts, server: &Server, out: &mut Gathered) -> Option<Standing> {
    let reply = &server.reply;
    if let Some((stage, answer)) = refusal(server) {
        return Some(refused(facts, server, stage, answer, out));
    }
    if is_whole(server) {
        return None;
    }
    match &reply.end {
        SessionEnd::Malformed { stage, why } => {
            let what = format!("says something at {} that is no SMTP: {why}.", stage.phrase());
            let remedy = Remedy::step(
                "Find out what listens on port 25 of this address, and put the mail server there. Where it is the \
                 mail server, look for a filter or proxy in front of it that changes its replies.",
            );
            out.fault(Fault::new(MALFORMED_REPLY, server, what).evidence(last_words(server)).remedy(remedy));
            Some(Standing::Blocked)
        }
        SessionEnd::Broken { stage, why } => {
            let what = format!("breaks the connection off at {} without a reply: {why}.", stage.phrase());
            let remedy = Remedy::step(
                "Look into the server's log at the time of the session: a crash, a limit of processes, or a filter \
                 or firewall that resets connections shows there.",
            );
            out.fault(Fault::new(CONNECTION_DROPPED, server, what).evidence(last_words(server)).remedy(remedy));
            Some(Standing::Blocked)
        }
        _ => {
            let cause = reply.cause()?;
            let what = format!("how {} takes mail", server.place());
            let unknown = Unknown::new(Subject::Host(server.host().to_owned()), what, cause);
            out.unknown(match &reply.end {
                SessionEnd::TimedOut { stage: Stage::Greeting, .. } => unknown.advice(
                    "servers may take up to five minutes to greet (RFC 5321 §4.5.3.2.1): wait longer with \
                     `greeting-timeout` in the settings",
                ),
                _ => unknown,
            });
            Some(Standing::Unknown)
        }
    }
}

/// The reply that refused the session, or mail as such, and where.
fn refusal(server: &Server) -> Option<(Stage, &SmtpAnswer)> {
    let reply = &server.reply;
    let failed = |answer: &&SmtpAnswer| !answer.is_positive();
    if let Some(answer) = reply.greeting.as_ref().filter(failed) {
        return Some((Stage::Greeting, answer));
    }
    if let Some(answer) = reply.ehlo.as_ref().filter(failed) {
        return Some((Stage::Ehlo, answer));
    }
    if let Some(answer) = reply.mail.as_ref().filter(failed) {
        let other_sender = reply.probes.first().and_then(|probe| probe.answers.first());
        let wants_tls = meaning(answer).reason == Reason::TlsRequired && reply.tls_failure.is_some();
        // Where another sender is welcome it is about the null sender; where
        // TLS is wanted and fails, that is told.
        return (!wants_tls && !other_sender.is_some_and(SmtpAnswer::is_positive)).then_some((Stage::Mail, answer));
    }
    // 421 may come at STARTTLS.
    if let Some(answer) = reply.starttls.as_ref().filter(|answer| answer.code == 421) {
        return Some((Stage::StartTls, answer));
    }
    let rcpt = reply.recipients.first().filter(failed)?;
    let why = meaning(rcpt);
    let of_the_whole = why.is_about_us() || why.reason == Reason::RelayDenied && rcpt.code >= 500;
    (of_the_whole || rcpt.code == 421).then_some((Stage::Rcpt, rcpt))
}

fn refused(facts: &Facts, server: &Server, stage: Stage, answer: &SmtpAnswer, out: &mut Gathered) -> Standing {
    let why = meaning(answer);
    let at =
        if stage == Stage::Greeting { "when it is connected to".to_owned() } else { format!("at {}", stage.phrase()) };
    if why.reason == Reason::Greylisted {
        let cause = Cause::new(
            CauseKind::RateLimited,
            format!("{} puts the first attempt off: {}", server.place(), answer.text()),
        );
        let cause = cause.seen_in(&server.reply.evidence);
        let what = format!("what {} takes from those it knows", server.place());
        out.unknown(Unknown::new(Subject::Host(server.host().to_owned()), what, cause));
        return Standing::Unknown;
    }
    if why.is_about_us() {
        let what = format!(
            "refuses us {at} with {}: {}. This is about the address that we ask from; other senders may well be taken.",
            answer.code, why.title
        );
        let remedy = Remedy::step(why.remedy);
        let fault = Fault::new(CLIENT_REFUSED, server, what).evidence(server.at_code(answer, "it means us"));
        out.fault(fault.actor(Actor::IpOwner).remedy(remedy));
        return Standing::Unknown;
    }
    if stage == Stage::Rcpt && why.reason == Reason::RelayDenied {
        let what = format!("refuses postmaster@{} as relaying: it does not take mail for {0} at all.", facts.domain);
        let remedy = Remedy::step(format!(
            "Add {} to the domains that the server takes mail for, or point the MX record at the server that does.",
            facts.domain
        ));
        out.fault(
            Fault::new(DOMAIN_NOT_SERVED, server, what)
                .evidence(server.at_code(answer, "not its domain"))
                .remedy(remedy),
        );
        return Standing::Blocked;
    }
    if answer.code < 400 {
        let what = format!("answers {at} with {}, which is no answer to that (RFC 5321 §4.3.2).", answer.code);
        let remedy = Remedy::step("Look at what listens there: it does not hold to SMTP, and senders give up on it.");
        let fault = Fault::new(MALFORMED_REPLY, server, what).evidence(server.at_code(answer, "out of place"));
        out.fault(fault.remedy(remedy));
    } else if answer.code < 500 {
        deferred(server, &at, answer, why, out);
    } else {
        let what = format!(
            "refuses the session {at} with {}: {}.",
            answer.code,
            title(why, "without a reason that can be told")
        );
        let remedy = Remedy::step(
            "Look into the server's log for this reply. If the host is not meant to take mail, take it out of the MX \
             records; otherwise lift the rule that refuses everyone.",
        );
        out.fault(Fault::new(REFUSED, server, what).evidence(server.at_code(answer, "refused")).remedy(remedy));
    }
    Standing::Blocked
}

fn deferred(server: &Server, at: &str, answer: &SmtpAnswer, why: Meaning, out: &mut Gathered) {
    let mut what = format!(
        "puts every sender off {at} with {}: {}.",
        answer.code,
        title(why, "without a reason that can be told")
    );
    let mut evidence = vec![server.at_code(answer, "try again later")];
    let also = server.reply.starttls.as_ref().filter(|starttls| starttls.is_transient() && *starttls != answer);
    if let Some(starttls) = also {
        what.push_str(&format!(" It answers STARTTLS with {} as well: both have one cause.", starttls.code));
        evidence.push(server.at_code(starttls, "the same"));
    }
    let remedy = Remedy::step(
        "Look into the server's log for this reply: a filter (milter, virus scanner, policy service) that does not \
         run, a full disk, or a limit of connections is behind it.",
    )
    .effect("senders try again for days, so that nothing is lost if it is repaired soon");
    let fault = Fault::new(DEFERRED, server, what).remedy(remedy);
    out.fault(evidence.into_iter().fold(fault, Fault::evidence));
}

fn title(why: Meaning, otherwise: &'static str) -> &'static str {
    if why.reason == Reason::Unexplained || why.title.is_empty() { otherwise } else { why.title }
}

/// The last line that the server said.
fn last_words(server: &Server) -> Evidence {
    let said = server.reply.transcript.iter().rev().find(|line| line.from == Direction::Server);
    match said {
        Some(line) => Evidence::quoting(&server.reply.evidence, &line.text),
        None => Evidence::of(&server.reply.evidence),
    }
}

/// A slow greeting, EHLO refused, replies that are not in form.
pub fn manners(server: &Server, config: &Config, out: &mut Gathered) {
    let reply = &server.reply;
    let Some(greeting) = &reply.greeting else { return };
    if greeting.took_ms >= u64::from(config.slow_greeting) * 1000 {
        let very = greeting.took_ms >= VERY_SLOW * 1000;
        let what = format!(
            "greets {} after the connection is made, and then goes on in order.",
            text::seconds(greeting.took_ms)
        );
        let remedy = Remedy::step(
            "If the pause is a test for spam senders (postscreen's greet test and the like), keep it at 6 seconds or \
             less; otherwise look at what the server waits for: the DNS (reverse lookups, blocklists) or ident.",
        );
        let fault = Fault::new(SLOW_GREETING, server, what).evidence(server.quoting(greeting)).remedy(remedy);
        out.fault(fault.severity(if very { Severity::Warning } else { Severity::Notice }));
    }
    if let Some(refused) = &reply.ehlo_refused {
        let what =
            format!("refuses EHLO with {} and takes HELO: no extension can be used, TLS included.", refused.code);
        let remedy = Remedy::step(
            "Let the server, or the firewall before it, speak ESMTP: on Cisco firewalls, switch the SMTP inspection \
             off; an old server needs an update.",
        );
        out.fault(Fault::new(EHLO_REFUSED, server, what).evidence(server.at_code(refused, "refused")).remedy(remedy));
    }
    let mut odd = reply.oddities.clone();
    if greeting.code != 220 {
        odd.push(format!("the greeting has the code {} instead of 220", greeting.code));
    }
    if !odd.is_empty() {
        let what = format!("does not keep to the form of replies: {}.", odd.join("; "));
        let remedy = Remedy::step(
            "Look for what makes these lines: a home-made server, a greeting text of one's own, or a proxy. Strict \
             senders may break off.",
        );
        out.fault(Fault::new(ODD_REPLIES, server, what).evidence(server.quoting(greeting)).remedy(remedy));
    }
}
