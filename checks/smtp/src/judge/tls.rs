//! STARTTLS and the certificate.

use engine_plugin_api::{
    Cause, CauseKind, Confidence, Evidence, Remedy, Severity, Subject, Unknown,
    services::{CertificateFacts, Verification},
};

use crate::{
    AUTH_IN_CLEAR, CERTIFICATE_EXPIRED, CERTIFICATE_EXPIRING, CERTIFICATE_UNTRUSTED, CERTIFICATE_WRONG_NAME, Config,
    STARTTLS_BROKEN, STARTTLS_MISSING,
    facts::{Server, parameter},
    gather::{Fault, Gathered},
    text,
};

/// Who cares for the certificate of an exchange.
const WHO_CARES: &str = "Most senders encrypt without looking at it; those that hold to MTA-STS do not deliver, and for those that hold to \
     DANE the TLSA record decides.";

/// Judges what was offered and what came of it.
pub fn judge(server: &Server, config: &Config, out: &mut Gathered) {
    auth_in_clear(server, out);
    if let Some(why) = &server.reply.tls_failure {
        return broken(server, why, out);
    }
    match &server.reply.tls {
        Some(tls) => {
            if let Some(leaf) = tls.chain.first() {
                certificate(server, leaf, &tls.verification, config, out);
            }
        }
        // A server without ESMTP cannot offer it: that is told.
        None if server.offers_starttls() || server.reply.ehlo_refused.is_some() => {}
        None => missing(server, out),
    }
}

fn missing(server: &Server, out: &mut Gathered) {
    let masked = server.reply.clear_extensions.iter().find(|word| word.starts_with("XXXX"));
    let mut what = "offers no STARTTLS: all mail to it travels in clear text, and senders that insist on encryption \
                    do not deliver."
        .to_owned();
    if masked.is_some() {
        what.push_str(" A word of its reply to EHLO is masked, which is the work of a firewall on the way.");
    }
    let remedy = Remedy::step("Give the server a certificate and switch STARTTLS on.").setting(
        "postfix: smtpd_tls_security_level = may\n         smtpd_tls_chain_files = /path/to/key-and-certificates.pem\n\
         exim:    tls_advertise_hosts = *",
    );
    let mut fault = Fault::new(STARTTLS_MISSING, server, what).remedy(remedy);
    if let Some(ehlo) = &server.reply.ehlo {
        fault = fault.evidence(server.quoting(ehlo));
    }
    out.fault(if masked.is_some() { fault.confidence(Confidence::Medium) } else { fault });
}

fn broken(server: &Server, why: &str, out: &mut Gathered) {
    let mail = server.reply.mail.as_ref();
    let then = match mail {
        Some(mail) if !mail.is_positive() => {
            format!(" Without TLS it refuses mail with {}, so that nobody can deliver.", mail.code)
        }
        _ => " Senders that do not fall back to clear text cannot deliver.".to_owned(),
    };
    let remedy = Remedy::step(
        "Look into the server's log for the handshake: a key that cannot be read or does not fit its certificate, or \
         protocols and ciphers that leave nothing in common with today's senders, stop it. Until it works, do not \
         offer STARTTLS.",
    );
    let evidence = match &server.reply.starttls {
        Some(answer) => server.at_code(answer, "STARTTLS"),
        None => Evidence::of(&server.reply.evidence),
    };
    out.fault(
        Fault::new(STARTTLS_BROKEN, server, format!("offers STARTTLS, and it does not work: {why}.{then}"))
            .evidence(evidence)
            .remedy(remedy),
    );
}

/// Seconds of a day.
const DAY: i64 = 86_400;

/// How many whole days a certificate still is valid that ought to have been
/// renewed; `None` for one that has time. The time is that of the observation.
fn days_left(server: &Server, leaf: &CertificateFacts, config: &Config) -> Option<i64> {
    let now = server.reply.starttls.as_ref()?.at_ms.div_euclid(1000);
    let left = leaf.not_after.checked_sub(now)?;
    let whole = leaf.not_after.checked_sub(leaf.not_before)?;
    // What renews itself does so when a third is left (short-lived ones) or earlier.
    (left < (i64::from(config.expiring_days) * DAY).min(whole / 4)).then_some(left.div_euclid(DAY))
}

fn certificate(
    server: &Server,
    leaf: &CertificateFacts,
    verification: &Verification,
    config: &Config,
    out: &mut Gathered,
) {
    let names = if leaf.names.is_empty() { "no names".to_owned() } else { text::list(&first(&leaf.names)) };
    let (code, what, step) = match verification {
        Verification::Trusted => match days_left(server, leaf, config) {
            None => return,
            Some(days) => (
                CERTIFICATE_EXPIRING,
                format!(
                    "shows a certificate that is valid until {} only, {}.",
                    text::day(leaf.not_after),
                    match days {
                        ..=0 => "less than a day".to_owned(),
                        1 => "one more day".to_owned(),
                        days => format!("{days} more days"),
                    }
                ),
                "Renew the certificate now. Where that should happen by itself, find out why it has not: look into \
                 the log of the ACME client, and let a renewal reload the mail server, which may still show the old \
                 one.",
            ),
        },
        Verification::Expired => (
            CERTIFICATE_EXPIRED,
            format!("shows a certificate that was valid until {}.", text::day(leaf.not_after)),
            "Renew the certificate, and let the renewal restart or reload the mail server: one that is renewed on \
             disk and not loaded is the usual case.",
        ),
        Verification::NotYetValid => (
            CERTIFICATE_EXPIRED,
            format!("shows a certificate that is valid only from {} on.", text::day(leaf.not_before)),
            "Look at the clock of the machine that issued the certificate, or put the former one back.",
        ),
        Verification::WrongName => (
            CERTIFICATE_WRONG_NAME,
            format!("shows a certificate for {names}, and not for the name in the MX record."),
            "Get a certificate that holds the name in the MX record, or name in the MX record the host that the \
             certificate is for.",
        ),
        Verification::UnknownIssuer => (
            CERTIFICATE_UNTRUSTED,
            format!("shows a certificate of an issuer that is not publicly known ({}).", shown(&leaf.issuer)),
            "Get a certificate from a public authority, and let the server send the intermediate certificates with it.",
        ),
        Verification::Other => {
            let cause = Cause::new(CauseKind::Other, Verification::OTHER).seen_in(&server.reply.evidence);
            let what = format!("whether the certificate of {} is in order", server.place());
            return out.unknown(Unknown::new(Subject::Host(server.host().to_owned()), what, cause));
        }
        Verification::Failed { why } => (
            CERTIFICATE_UNTRUSTED,
            format!("shows a certificate that cannot be verified: {why}."),
            "Get a certificate from a public authority, and let the server send the intermediate certificates with it.",
        ),
    };
    let quote = format!(
        "subject {}, names {names}, issuer {}, valid {} to {}",
        shown(&leaf.subject),
        shown(&leaf.issuer),
        text::day(leaf.not_before),
        text::day(leaf.not_after)
    );
    let who_cares = match code {
        CERTIFICATE_EXPIRING => "After that, senders that hold to MTA-STS or DANE do not deliver.",
        _ => WHO_CARES,
    };
    out.fault(
        Fault::new(code, server, format!("{what} {who_cares}"))
            .evidence(Evidence::quoting(&server.reply.evidence, quote))
            .remedy(Remedy::step(step)),
    );
}

/// The first names of a certificate; some hold hundreds.
fn first(names: &[String]) -> Vec<String> {
    let mut shown: Vec<String> = names.iter().take(4).cloned().collect();
    if names.len() > shown.len() {
        shown.push(format!("{} more", names.len() - shown.len()));
    }
    shown
}

fn shown(name: &str) -> &str {
    if name.is_empty() { "(empty)" } else { name }
}

fn auth_in_clear(server: &Server, out: &mut Gathered) {
    let Some(mechanisms) = parameter(&server.reply.clear_extensions, "AUTH") else { return };
    let plain =
        mechanisms.split_ascii_whitespace().any(|word| matches!(word.to_ascii_uppercase().as_str(), "PLAIN" | "LOGIN"));
    let what = format!(
        "offers AUTH ({mechanisms}) before TLS{}.",
        if plain { ": a client that logs in sends its password readable by anyone on the way" } else { "" }
    );
    let remedy = Remedy::step("Offer AUTH after TLS only, and best on the submission ports (465, 587) alone.")
        .setting("postfix: smtpd_tls_auth_only = yes\nexim:    auth_advertise_hosts = ${if eq{$tls_in_cipher}{}{}{*}}");
    let mut fault = Fault::new(AUTH_IN_CLEAR, server, what).remedy(remedy);
    fault = fault.evidence(Evidence::quoting(&server.reply.evidence, format!("250-AUTH {mechanisms}")));
    out.fault(fault.severity(if plain { Severity::Warning } else { Severity::Notice }));
}
