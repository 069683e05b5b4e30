//! The policy: whether senders get it, and can read it.

use engine_plugin_api::{
    CauseKind, Confidence, Delivery, Evidence, Finding, Judgement, Remedy, Severity,
    services::{Fetched, HttpEnd, HttpReply, Verification},
};
use mail_syntax::mta_sts::{self, LARGEST_POLICY, Mode, Policy};

use super::{for_all, policy_unknown, proposed, quoted, subject};
use crate::{
    MAX_AGE_SHORT, POLICY_CERTIFICATE, POLICY_CONTENT_TYPE, POLICY_HOST_MISSING, POLICY_INVALID, POLICY_REDIRECTED,
    POLICY_UNAVAILABLE,
    facts::{Facts, PATH},
};

/// Below this, a policy is forgotten between two messages of many senders.
const SHORT: u64 = 86_400;
/// RFC 8461 §10.2 speaks of weeks; a week is the least of them.
const RATHER_SHORT: u64 = 604_800;

/// Judges the policy; it, where senders take it.
pub(super) fn judge(facts: &Facts, out: &mut Judgement) -> Option<Policy> {
    let reply = match facts.fetch.outcome() {
        Fetched::NoSuchHost(dns) | Fetched::NoAddress(dns) => {
            let host = facts.policy_host();
            let seen = format!(
                "{} has an MTA-STS record, and {host} has no address: no sender gets the policy.",
                facts.domain
            );
            let remedy = Remedy::step(format!(
                "Give {host} an address, or an alias to the service that serves the policy; or take the record away."
            ));
            let finding = Finding::new(POLICY_HOST_MISSING, subject(facts), seen)
                .evidence(Evidence::of(&dns.evidence))
                .remedy(remedy);
            return not_had(facts, finding, "the policy host has no address", out);
        }
        Fetched::Unresolved(cause) => {
            policy_unknown(facts, cause, out);
            return None;
        }
        Fetched::Asked(reply) => reply,
    };
    match &reply.end {
        HttpEnd::Finished => served(facts, reply, out),
        HttpEnd::Untrusted => certificate(facts, reply, out),
        HttpEnd::NotConnected { why } if why.contains("refused") => {
            unavailable(facts, reply, &format!("refuses the connection to port 443 ({why})"), Confidence::High, out)
        }
        HttpEnd::TlsFailed { why } => {
            unavailable(facts, reply, &format!("makes no TLS session: {why}"), Confidence::Medium, out)
        }
        HttpEnd::Malformed { why } => {
            unavailable(facts, reply, &format!("sends no HTTP response: {why}"), Confidence::High, out)
        }
        HttpEnd::NotMade { cause } if cause.kind == CauseKind::Denied => {
            let seen = format!(
                "{} has the address {}, which senders cannot reach: {}.",
                facts.policy_host(),
                reply.request.address,
                cause.detail
            );
            let remedy = Remedy::step(format!("Give {} a public address.", facts.policy_host()));
            let finding = Finding::new(POLICY_HOST_MISSING, subject(facts), seen)
                .evidence(Evidence::of(&facts.fetch.v4.evidence));
            not_had(facts, finding.remedy(remedy), "the policy host has no public address", out)
        }
        HttpEnd::NotConnected { .. }
        | HttpEnd::TimedOut { .. }
        | HttpEnd::Broken { .. }
        | HttpEnd::NotMade { .. }
        | HttpEnd::Other => {
            if let Some(cause) = reply.cause() {
                policy_unknown(facts, cause, out);
            }
            None
        }
    }
}

/// A finding that says why no sender has the policy.
fn not_had(facts: &Facts, finding: Finding, why: &str, out: &mut Judgement) -> Option<Policy> {
    out.find(finding);
    for_all(facts, Delivery::NoPolicy, why, out);
    None
}

fn unavailable(facts: &Facts, reply: &HttpReply, what: &str, sure: Confidence, out: &mut Judgement) -> Option<Policy> {
    let host = facts.policy_host();
    let seen = format!("{host} ({}) {what}: no sender gets the policy.", reply.request.address);
    let remedy = Remedy::step(format!("Serve the policy at {} over HTTPS.", reply.request.url()))
        .setting(proposed(facts, Mode::Testing));
    let finding = Finding::new(POLICY_UNAVAILABLE, subject(facts), seen)
        .confidence(sure)
        .evidence(Evidence::of(&reply.evidence))
        .remedy(remedy);
    not_had(facts, finding, "the policy cannot be had", out)
}

fn certificate(facts: &Facts, reply: &HttpReply, out: &mut Judgement) -> Option<Policy> {
    let host = facts.policy_host();
    let leaf = reply.tls.as_ref().and_then(|tls| tls.chain.first());
    let names = leaf.map_or_else(String::new, |leaf| leaf.names.join(", "));
    let (what, step) = match reply.tls.as_ref().map(|tls| &tls.verification) {
        Some(Verification::Expired) => ("has expired".to_owned(), "Renew it, and let the web server load it."),
        Some(Verification::NotYetValid) => ("is not valid yet".to_owned(), "Look at the clock of its issuer."),
        Some(Verification::WrongName) => (
            format!("is for {}, not for that name", if names.is_empty() { "no names" } else { &names }),
            "Get a certificate that holds the policy host's name. Where a service hosts the policy, register the \
             domain there.",
        ),
        Some(Verification::UnknownIssuer) => (
            "is of no public authority".to_owned(),
            "Get one from a public authority, and send the intermediate certificates with it.",
        ),
        Some(Verification::Failed { why }) => (format!("does not hold ({why})"), "Replace the certificate."),
        Some(Verification::Other) => ("does not hold".to_owned(), "Replace the certificate."),
        Some(Verification::Trusted) | None => ("is not shown".to_owned(), "Show a certificate."),
    };
    let seen = format!("The certificate of {host} {what}: no sender takes the policy from there.");
    let quote = leaf
        .map_or_else(String::new, |leaf| format!("subject {}, names {names}, issuer {}", leaf.subject, leaf.issuer));
    let finding = Finding::new(POLICY_CERTIFICATE, subject(facts), seen)
        .evidence(Evidence::quoting(&reply.evidence, quote))
        .remedy(Remedy::step(step));
    not_had(facts, finding, "the certificate of the policy host is not valid", out)
}

fn served(facts: &Facts, reply: &HttpReply, out: &mut Judgement) -> Option<Policy> {
    let status = reply.status.unwrap_or_default();
    if (300..400).contains(&status) {
        let location = reply.header("location").unwrap_or("nowhere");
        let seen = format!(
            "{} answers with {status}, a redirect to {location}: senders must not follow it (RFC 8461 §3.3).",
            reply.request.url()
        );
        let remedy = Remedy::step(format!(
            "Serve the policy itself at {}; to let another service do it, make {} an alias of the service's name.",
            reply.request.url(),
            facts.policy_host()
        ));
        let finding = Finding::new(POLICY_REDIRECTED, subject(facts), seen)
            .evidence(Evidence::quoting(&reply.evidence, format!("location: {location}")))
            .remedy(remedy);
        return not_had(facts, finding, "the policy host redirects", out);
    }
    if status != 200 {
        return unavailable(facts, reply, &format!("answers {status} for {PATH}"), Confidence::High, out);
    }
    if reply.body_cut {
        let seen = format!("The policy of {} is longer than {LARGEST_POLICY} bytes: senders give up.", facts.domain);
        let remedy = Remedy::step("Serve the policy alone.").setting(proposed(facts, Mode::Testing));
        let finding =
            Finding::new(POLICY_INVALID, subject(facts), seen).evidence(Evidence::of(&reply.evidence)).remedy(remedy);
        return not_had(facts, finding, "the policy is too long", out);
    }
    let media = reply.media_type().unwrap_or_default();
    let Some(text) = reply.body.text() else {
        return unreadable(facts, reply, &media, out);
    };
    let policy = mta_sts::parse_policy(text);
    if let Some(issue) = policy.faults().next() {
        let label = issue.kind.to_string();
        let html = if media == "text/html" { ", and it is a web page" } else { "" };
        let seen =
            format!("The policy of {} is faulty ({label}){html}: senders act as if there were none.", facts.domain);
        let mode = policy.mode().unwrap_or(Mode::Testing);
        let finding = Finding::new(POLICY_INVALID, subject(facts), seen)
            .evidence(quoted(reply, text, Some((issue.span, &label))))
            .remedy(Remedy::step("Serve this policy, and give the record a new id.").setting(proposed(facts, mode)));
        return not_had(facts, finding, "the policy is faulty", out);
    }
    if media != "text/plain" {
        let said = if media.is_empty() { "without a content type" } else { &format!("as {media}") };
        let seen =
            format!("The policy of {} is served {said}: senders that hold to RFC 8461 §3.2 refuse it.", facts.domain);
        let remedy = Remedy::step("Serve it as text/plain.").setting(
            "nginx:  location = /.well-known/mta-sts.txt { default_type text/plain; … }\n\
             apache: <Files mta-sts.txt>  ForceType text/plain  </Files>",
        );
        let finding = Finding::new(POLICY_CONTENT_TYPE, subject(facts), seen)
            .evidence(Evidence::quoting(&reply.evidence, format!("content-type: {media}")))
            .remedy(remedy);
        return not_had(facts, finding, "the policy has the wrong content type", out);
    }
    short(facts, reply, text, &policy, out);
    Some(policy)
}

fn unreadable(facts: &Facts, reply: &HttpReply, media: &str, out: &mut Judgement) -> Option<Policy> {
    let coding = reply.header("content-encoding");
    let seen = match coding {
        Some(coding) => format!(
            "The policy of {} comes compressed ({coding}) although that was not asked for: it cannot be read.",
            facts.domain
        ),
        None => format!("What is served as the policy of {} ({media}) is no text.", facts.domain),
    };
    let finding = Finding::new(POLICY_INVALID, subject(facts), seen)
        .evidence(Evidence::of(&reply.evidence))
        .remedy(Remedy::step("Serve the policy as plain text.").setting(proposed(facts, Mode::Testing)));
    not_had(facts, finding, "the policy is no text", out)
}

fn short(facts: &Facts, reply: &HttpReply, text: &str, policy: &Policy, out: &mut Judgement) {
    let (Some((age, at)), Some(Mode::Enforce)) = (policy.max_age, policy.mode()) else { return };
    if age >= RATHER_SHORT {
        return;
    }
    let seen = format!(
        "The policy of {} may be kept for {age} seconds: {}.",
        facts.domain,
        if age < SHORT {
            "a sender that writes less often than that has none when an attacker keeps the record from it"
        } else {
            "RFC 8461 §10.2 speaks of weeks, since a policy protects only who still has it"
        }
    );
    let remedy = Remedy::step("When the policy has proven itself, raise max_age, and give the record a new id.")
        .setting("max_age: 1209600");
    out.find(
        Finding::new(MAX_AGE_SHORT, subject(facts), seen)
            .severity(if age < SHORT { Severity::Warning } else { Severity::Notice })
            .evidence(quoted(reply, text, Some((at, "short"))))
            .remedy(remedy),
    );
}
