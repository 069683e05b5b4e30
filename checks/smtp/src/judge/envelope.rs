//! The null sender, postmaster, relaying, and what VRFY and EXPN tell.

use engine_plugin_api::{Cause, CauseKind, Confidence, Remedy, Severity, Subject, Unknown, services::SmtpAnswer};
use smtp_reasons::Reason;
use std::net::IpAddr;

use crate::{
    Config, MAILBOX_DISCLOSURE, NULL_SENDER_REFUSED, OPEN_RELAY, POSTMASTER_REFUSED,
    facts::{Facts, RelayProbe, Server},
    gather::{Fault, Gathered},
    meaning::{denies_relay, meaning},
    text,
};

/// Judges a session that got as far as MAIL.
pub fn judge(facts: &Facts, server: &Server, config: &Config, out: &mut Gathered) {
    null_sender_and_postmaster(facts, server, out);
    if !config.relay_recipient.is_empty() {
        relay(server, config, out);
    }
    disclosure(server, out);
}

fn null_sender_and_postmaster(facts: &Facts, server: &Server, out: &mut Gathered) {
    let Some(mail) = &server.reply.mail else { return };
    if meaning(mail).reason == Reason::TlsRequired && server.reply.tls_failure.is_some() {
        return;
    }
    if !mail.is_positive() {
        return out.fault(null_sender(server, mail));
    }
    let postmaster = format!("postmaster@{}", facts.domain);
    let Some(rcpt) = server.reply.recipients.first() else { return };
    let why = meaning(rcpt);
    if rcpt.is_positive() {
    } else if rcpt.code >= 500 && why.is_about_sender() {
        out.fault(null_sender(server, rcpt));
    } else if rcpt.code >= 500 {
        let what =
            format!("refuses {postmaster} with {}: every domain that takes mail has to have this mailbox.", rcpt.code);
        let remedy =
            Remedy::step(format!("Create {postmaster}, or an alias to whoever looks after the mail of the domain."));
        out.fault(
            Fault::new(POSTMASTER_REFUSED, server, what).evidence(server.at_code(rcpt, "refused")).remedy(remedy),
        );
    } else {
        let (kind, words) = match why.reason {
            Reason::Greylisted | Reason::RateLimited => (CauseKind::RateLimited, "puts the attempt off"),
            _ => (CauseKind::ServerFailure, "puts it off"),
        };
        let cause = Cause::new(kind, format!("{} {words}: {}", server.place(), rcpt.text()));
        let what = format!("whether {} takes mail for {postmaster}", server.place());
        out.unknown(Unknown::new(Subject::Host(server.host().to_owned()), what, cause.seen_in(&server.reply.evidence)));
    }
}

fn null_sender(server: &Server, answer: &SmtpAnswer) -> Fault {
    let what = format!(
        "refuses the null sender `<>` with {}: bounces, and out-of-office and read receipts, do not come in.",
        answer.code
    );
    let remedy = Remedy::step(
        "Take the rule away that refuses mail from the null sender (RFC 5321 §4.5.5); against false bounces, refuse \
         them by their content or use BATV.",
    );
    Fault::new(NULL_SENDER_REFUSED, server, what).evidence(server.at_code(answer, "MAIL FROM:<>")).remedy(remedy)
}

fn relay(server: &Server, config: &Config, out: &mut Gathered) {
    let Some(probe) = server.relay_probe() else {
        // Cut off before; a MAIL that was put off is told as that.
        let cause = server.reply.cause().unwrap_or_else(|| {
            let detail = format!("{} ends the session before it is asked", server.place());
            Cause::new(CauseKind::Refused, detail).seen_in(&server.reply.evidence)
        });
        let what = format!("whether {} relays mail for strangers", server.place());
        return out.unknown(Unknown::new(Subject::Host(server.host().to_owned()), what, cause));
    };
    let (stage, answer) = match probe {
        RelayProbe::Mail(answer) => ("MAIL FROM", answer),
        RelayProbe::Rcpt(answer) => ("RCPT TO", answer),
    };
    let at_rcpt = matches!(probe, RelayProbe::Rcpt(_));
    if at_rcpt && answer.is_positive() {
        return out.fault(open_relay(server, config, answer));
    }
    if at_rcpt && denies_relay(answer) || wants_tls(server, answer) || !at_rcpt && answer.is_positive() {
        return;
    }
    let why = meaning(answer);
    let kind = if answer.is_transient() { CauseKind::ServerFailure } else { CauseKind::Refused };
    let detail = format!("{} refuses the attempt at {stage} for another reason: {}", server.place(), answer.text());
    let what = format!("whether {} relays mail for strangers", server.place());
    let unknown = Unknown::new(
        Subject::Host(server.host().to_owned()),
        what,
        Cause::new(kind, detail).seen_in(&server.reply.evidence),
    );
    out.unknown(match why.is_about_sender() {
        true => unknown.advice("name another sender with `relay_sender` in the settings of the check `smtp`"),
        false => unknown,
    });
}

fn wants_tls(server: &Server, answer: &SmtpAnswer) -> bool {
    server.reply.tls_failure.is_some() && meaning(answer).reason == Reason::TlsRequired
}

fn open_relay(server: &Server, config: &Config, answer: &SmtpAnswer) -> Fault {
    let near = near(server.reply.source, server.address());
    let mut what = format!(
        "accepts <{}> as a recipient from <{}>, both strangers to it: it may pass mail on for anybody. No message was \
         sent, and some servers refuse only later.",
        config.relay_recipient, config.relay_sender
    );
    if let Some(near) = near {
        what.push_str(&format!(" We ask from {near}, which it may trust: ask again from elsewhere."));
    }
    let remedy = Remedy::step("Let the server take mail for foreign domains only from clients that have logged in.")
        .setting("postfix: smtpd_relay_restrictions = permit_mynetworks,\n             permit_sasl_authenticated, reject_unauth_destination\n         mynetworks = 127.0.0.0/8 [::1]/128");
    let fault = Fault::new(OPEN_RELAY, server, what)
        .evidence(server.at_code(answer, "accepted"))
        .confidence(Confidence::Medium)
        .remedy(remedy);
    fault.severity(if near.is_some() { Severity::Notice } else { Severity::Error })
}

/// How our source is near to the server, in words; `None` when it is a stranger.
fn near(source: Option<IpAddr>, server: IpAddr) -> Option<&'static str> {
    let source = source?;
    if !ip_scope::is_global(source) {
        return Some("a private address");
    }
    let same = match (source, server) {
        (IpAddr::V4(a), IpAddr::V4(b)) => a.octets()[..3] == b.octets()[..3],
        (IpAddr::V6(a), IpAddr::V6(b)) => a.segments()[..3] == b.segments()[..3],
        _ => false,
    };
    same.then_some("its own network")
}

fn disclosure(server: &Server, out: &mut Gathered) {
    // 252 says nothing of the mailbox (RFC 5321 §7.3).
    let told: Vec<_> = server.lookups().filter(|(_, answer)| matches!(answer.code, 250 | 251)).collect();
    let verbs: Vec<&str> = told.iter().map(|(verb, _)| *verb).collect();
    if told.is_empty() {
        return;
    }
    let what = format!(
        "answers {} of postmaster with 250: whoever asks can find out which mailboxes exist.",
        text::list(&verbs)
    );
    let remedy = Remedy::step("Let the server answer VRFY with 252 and refuse EXPN, or switch both off.")
        .setting("postfix:  disable_vrfy_command = yes\nexim:     no acl_smtp_vrfy and no acl_smtp_expn\nsendmail: O PrivacyOptions=goaway");
    let fault = Fault::new(MAILBOX_DISCLOSURE, server, what).remedy(remedy);
    out.fault(told.iter().fold(fault, |fault, (_, answer)| fault.evidence(server.quoting(answer))));
}
