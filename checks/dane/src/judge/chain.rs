//! TLSA records that count, against what the server shows.

use dane::{Certificate, Match, Path, Tlsa, Verdict, evaluate};
use engine_plugin_api::{
    Actor, Cause, CauseKind, Delivery, Evidence, Finding, Judgement, Remedy, Severity,
    services::{CertificateFacts, SmtpReply, TlsFacts, TlsState, Verification},
};

use super::{Standing, host, unknown};
use crate::{
    CERTIFICATE_PINNED, MISMATCH, NO_STARTTLS, RECORD_UNUSABLE, SINGLE_RECORD, UNUSABLE,
    facts::{Exchange, Facts},
};

/// Judges an exchange whose addresses and TLSA records are signed.
pub(super) fn judge<'f>(facts: &Facts, exchange: &'f Exchange, out: &mut Judgement) -> Standing<'f> {
    let mut stands = Standing { exchange, verdict: Delivery::Deliver, why: String::new() };
    let mut worse = |verdict: Delivery, why: String| {
        if stands.why.is_empty() || verdict > stands.verdict {
            stands.verdict = verdict.max(stands.verdict);
            stands.why = why;
        }
    };
    if exchange.sessions.is_empty() {
        let cause = Cause::new(CauseKind::Other, format!("no session was held with {}", exchange.name));
        unknown(exchange, &cause, None, out);
        worse(Delivery::CouldNotTell, cause.detail);
    }
    let mut fitting: Vec<(&SmtpReply, Vec<Match<'_>>)> = Vec::new();
    let mut wrong: Vec<(&SmtpReply, &TlsFacts, Vec<Match<'_>>)> = Vec::new();
    let mut without: Vec<(&SmtpReply, String)> = Vec::new();
    let texts = exchange.records();
    let records: Vec<Tlsa<'_>> = texts.iter().map(|(record, _)| *record).collect();
    let usable = records.iter().any(|record| record.usable().is_ok());
    for session in &exchange.sessions {
        let at = |why: &str| {
            if exchange.sessions.len() > 1 { format!("{why} ({})", session.address) } else { why.to_owned() }
        };
        match session.tls_state() {
            TlsState::Shown(tls) => {
                let chain: Vec<Certificate<'_>> = tls.chain.iter().map(certificate).collect();
                let names = tls.chain.first().map_or(&[][..], |leaf| &leaf.names);
                let references = [exchange.base.as_str(), exchange.name.as_str(), facts.domain.as_str()];
                let (verdict, matches) = evaluate(&records, &chain, names, &references);
                match verdict {
                    Verdict::Authenticated => {
                        worse(Delivery::Deliver, at("a TLSA record fits"));
                        fitting.push((session, matches));
                    }
                    Verdict::Unusable => worse(Delivery::NoPolicy, "no TLSA record is usable".to_owned()),
                    Verdict::Mismatch => {
                        worse(Delivery::Refuse, at("no TLSA record fits the certificate"));
                        wrong.push((session, tls, matches));
                    }
                    Verdict::Unknown => {
                        let why = "a TLSA record holds an authority in full that the server does not send".to_owned();
                        unknown(exchange, &Cause::new(CauseKind::Other, why.clone()), None, out);
                        worse(Delivery::CouldNotTell, why);
                    }
                }
            }
            TlsState::NotOffered => without.push((session, "offers no STARTTLS".to_owned())),
            TlsState::Failed(why) => without.push((session, format!("fails the TLS handshake: {why}"))),
            TlsState::Refused(answer) => {
                let cause = Cause::new(CauseKind::Refused, format!("{} answers {}", exchange.name, answer.text()));
                unknown(exchange, &cause.clone().seen_in(&session.evidence), None, out);
                worse(if answer.is_transient() { Delivery::Defer } else { Delivery::CouldNotTell }, cause.detail);
            }
            TlsState::NotReached(cause) => {
                unknown(exchange, &cause, None, out);
                worse(Delivery::CouldNotTell, cause.detail);
            }
        }
    }
    for (_, why) in &without {
        worse(Delivery::Refuse, format!("it {why}"));
    }
    if !without.is_empty() {
        out.find(no_starttls(exchange, &without));
    }
    if !wrong.is_empty() {
        out.find(mismatch(exchange, &wrong, &texts));
    }
    if !usable && without.is_empty() {
        out.find(unusable(exchange, &texts));
    } else if usable {
        leftovers(exchange, &texts, out);
    }
    if wrong.is_empty() {
        schemes(exchange, &fitting, &records, &texts, out);
    }
    stands
}

fn certificate(facts: &CertificateFacts) -> Certificate<'_> {
    Certificate {
        sha256: &facts.sha256,
        sha512: &facts.sha512,
        spki_sha256: &facts.spki_sha256,
        spki_sha512: &facts.spki_sha512,
        path: match &facts.as_anchor {
            None | Some(Verification::Other) => Path::Unknown,
            Some(Verification::Trusted | Verification::WrongName) => Path::Holds,
            Some(Verification::Expired | Verification::NotYetValid) => Path::OutOfDate,
            Some(Verification::UnknownIssuer) => Path::Fails("the certificates sent do not lead from the leaf to it"),
            Some(Verification::Failed { why }) => Path::Fails(why),
        },
    }
}

fn no_starttls(exchange: &Exchange, without: &[(&SmtpReply, String)]) -> Finding {
    let what: Vec<String> = without.iter().map(|(session, why)| format!("{} {why}", session.address)).collect();
    let seen = format!(
        "{} has signed TLSA records, and {}: senders that use DANE deliver nothing in clear text there.",
        exchange.name,
        what.join("; ")
    );
    let remedy = Remedy::step(
        "Switch STARTTLS on for everybody, or repair it. Where the server is to have none, take the TLSA records away.",
    );
    let mut finding = Finding::new(NO_STARTTLS, host(exchange), seen).actor(Actor::ServerOperator).remedy(remedy);
    finding.evidence = without.iter().map(|(session, _)| Evidence::of(&session.evidence)).collect();
    finding.evidence.push(Evidence::of(&exchange.tlsa.evidence));
    finding
}

fn mismatch(
    exchange: &Exchange,
    wrong: &[(&SmtpReply, &TlsFacts, Vec<Match<'_>>)],
    texts: &[(Tlsa<'_>, String)],
) -> Finding {
    let places: Vec<String> = wrong.iter().map(|(session, ..)| session.address.to_string()).collect();
    let seen = format!(
        "None of the TLSA records of {} fits what it shows at {}: senders that use DANE do not deliver there.",
        exchange.name,
        places.join(", ")
    );
    let owner = exchange.owner();
    let leaf = wrong.first().and_then(|(_, tls, _)| tls.chain.first());
    let mut remedy = Remedy::step(
        "Publish the record for the key that the server shows, and take the wrong ones away; or let the server show \
         the certificate that the records are for. Next time publish the new record first, wait for two TTLs, and \
         change the certificate then.",
    )
    .effect("after the TTL of the TLSA records");
    if let Some(leaf) = leaf.filter(|leaf| !leaf.spki_sha256.is_empty()) {
        remedy = remedy.publish(&owner, "TLSA", format!("3 1 1 {}", leaf.spki_sha256));
    }
    let mut finding = Finding::new(MISMATCH, host(exchange), seen);
    let matches = wrong.first().map_or(&[][..], |(_, _, matches)| matches);
    for ((record, text), found) in texts.iter().zip(matches) {
        let quote = Evidence::quoting(&exchange.tlsa.evidence, text.as_str());
        let at = engine_plugin_api::Span::new(text.len().saturating_sub(record.data.len()), text.len());
        finding.evidence.push(quote.at(at, words(found)));
        let data = format!("{} {} {} {}", record.usage, record.selector, record.matching, record.data);
        remedy = remedy.withdraw(&owner, "TLSA", data);
    }
    finding.evidence.extend(wrong.iter().map(|(session, ..)| Evidence::of(&session.evidence)));
    finding.remedy(remedy)
}

/// Why a record does not fit, for a caret's label.
fn words(found: &Match<'_>) -> String {
    match found {
        Match::Fits { .. } => "fits".to_owned(),
        Match::Unusable(why) => why.to_string(),
        Match::NoCertificate => "fits no certificate that is shown".to_owned(),
        Match::LeafAsAuthority => "fits the server's own certificate: that is usage 3".to_owned(),
        Match::AuthorityAsLeaf => "fits the issuer's certificate: that is usage 2".to_owned(),
        Match::OutOfDate => "fits the issuer, and a certificate has expired".to_owned(),
        Match::WrongName => "fits the issuer, and the certificate is for other names".to_owned(),
        Match::BrokenChain(why) => format!("fits the issuer, and the chain does not hold: {why}"),
        Match::NotSent => "an authority in full, which the server does not send".to_owned(),
    }
}

fn unusable(exchange: &Exchange, texts: &[(Tlsa<'_>, String)]) -> Finding {
    let seen = format!(
        "{} has TLSA records, and none that senders can use: they insist on encryption and authenticate nobody.",
        exchange.name
    );
    let shown = exchange.sessions.iter().find_map(|session| session.tls.as_ref()?.chain.first());
    let mut remedy = Remedy::step("Publish a record of the form 3 1 1, and take the others away.");
    if let Some(leaf) = shown.filter(|leaf| !leaf.spki_sha256.is_empty()) {
        remedy = remedy.publish(exchange.owner(), "TLSA", format!("3 1 1 {}", leaf.spki_sha256));
    }
    let mut finding = Finding::new(UNUSABLE, host(exchange), seen).remedy(remedy);
    finding.evidence = quoted_unusable(exchange, texts);
    finding
}

fn quoted_unusable(exchange: &Exchange, texts: &[(Tlsa<'_>, String)]) -> Vec<Evidence> {
    let unusable = texts.iter().filter_map(|(record, text)| Some((record, text, record.usable().err()?)));
    unusable
        .map(|(record, text, why)| {
            let numbers = format!("{} {} {}", record.usage, record.selector, record.matching);
            let start = text.len().saturating_sub(record.data.len() + 1 + numbers.len());
            let at = engine_plugin_api::Span::new(start, start + numbers.len());
            Evidence::quoting(&exchange.tlsa.evidence, text.as_str()).at(at, why.to_string())
        })
        .collect()
}

fn leftovers(exchange: &Exchange, texts: &[(Tlsa<'_>, String)], out: &mut Judgement) {
    let evidence = quoted_unusable(exchange, texts);
    if evidence.is_empty() {
        return;
    }
    let seen = format!("{} of the TLSA records of {} are of no use to senders.", evidence.len(), exchange.name);
    let remedy = Remedy::step("Take them away, or replace them by the form 3 1 1.");
    let mut finding = Finding::new(RECORD_UNUSABLE, host(exchange), seen).remedy(remedy);
    finding.evidence = evidence;
    out.find(finding);
}

/// Whether the next change of key or certificate goes well.
fn schemes(
    exchange: &Exchange,
    fitting: &[(&SmtpReply, Vec<Match<'_>>)],
    records: &[Tlsa<'_>],
    texts: &[(Tlsa<'_>, String)],
    out: &mut Judgement,
) {
    let usable = records.iter().filter(|record| record.usable().is_ok()).count();
    let fits = |index: usize| fitting.iter().any(|(_, matches)| matches!(matches.get(index), Some(Match::Fits { .. })));
    let used: Vec<(&Tlsa<'_>, &String)> =
        texts.iter().enumerate().filter(|(index, _)| fits(*index)).map(|(_, (record, text))| (record, text)).collect();
    let Some((first, text)) = used.first() else { return };
    let quoted = Evidence::quoting(&exchange.tlsa.evidence, text.as_str());
    if used.iter().all(|(record, _)| record.usage == 3 && record.selector == 0) {
        let seen = format!(
            "The TLSA record of {} is for the whole certificate: it stops fitting with every renewal, even of the \
             same key.",
            exchange.name
        );
        let key = fitting.iter().find_map(|(session, _)| session.tls.as_ref()?.chain.first());
        let mut remedy = Remedy::step("Publish the record for the key (3 1 1), and keep the key when renewing.");
        if let Some(leaf) = key.filter(|leaf| !leaf.spki_sha256.is_empty()) {
            remedy = remedy.publish(exchange.owner(), "TLSA", format!("3 1 1 {}", leaf.spki_sha256));
        }
        out.find(Finding::new(CERTIFICATE_PINNED, host(exchange), seen).evidence(quoted).remedy(remedy));
    } else if usable == 1 && first.usage == 3 {
        let seen = format!(
            "{} has one TLSA record, for the key in use: on the day of a new key, mail is refused until the record is \
             changed and old answers are forgotten.",
            exchange.name
        );
        let remedy = Remedy::step(
            "Publish the record of the next key beside it (3 1 1, current and next), or that of the issuer \
             (2 1 1) where the server sends the issuer's certificate.",
        );
        out.find(
            Finding::new(SINGLE_RECORD, host(exchange), seen)
                .severity(Severity::Notice)
                .evidence(quoted)
                .remedy(remedy),
        );
    }
}
