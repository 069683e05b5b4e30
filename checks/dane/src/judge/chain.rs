//! TLSA records that count, against what the server shows.

use dane::{Certificate, Match, Path, Tlsa, Verdict, evaluate};
use engine_plugin_api::{
    Actor, Cause, CauseKind, Delivery, Evidence, Finding, Judgement, Remedy, Severity,
    services::{CertificateFacts, SmtpReply, TlsFacts, TlsState, Verification},
};

use super::{Standing, host, rollover, unknown};
use crate::{
    MISMATCH, NO_STARTTLS, RECORD_UNUSABLE, UNUSABLE,
    facts::{Exchange, Facts},
};

/// Judges an exchange whose addresses and TLSA records are signed.
pub(super) fn judge<'f>(facts: &Facts, exchange: &'f Exchange, out: &mut Judgement) -> Standing<'f> {
    // A sender that fails at one address of an exchange goes to the next one
    // (RFC 7672 §2.1): it delivers where any address does.
    let mut all: Vec<(Delivery, String)> = Vec::new();
    let mut come = |verdict: Delivery, why: String| all.push((verdict, why));
    if exchange.sessions.is_empty() {
        let cause = Cause::new(CauseKind::Other, format!("no session was held with {}", exchange.name));
        unknown(exchange, &cause, None, out);
        come(Delivery::CouldNotTell, cause.detail);
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
                let (verdict, matches) = evaluate(&records, &chain, names, &references(facts, exchange));
                match verdict {
                    Verdict::Authenticated => {
                        come(Delivery::Deliver, at("a TLSA record fits"));
                        fitting.push((session, matches));
                    }
                    Verdict::Unusable => come(Delivery::NoPolicy, "no TLSA record is usable".to_owned()),
                    Verdict::Mismatch => {
                        come(Delivery::Refuse, at("no TLSA record fits the certificate"));
                        wrong.push((session, tls, matches));
                    }
                    Verdict::Unknown => {
                        let why = "a TLSA record holds an authority in full that the server does not send".to_owned();
                        unknown(exchange, &Cause::new(CauseKind::Other, why.clone()), None, out);
                        come(Delivery::CouldNotTell, why);
                    }
                }
            }
            TlsState::NotOffered => without.push((session, "offers no STARTTLS".to_owned())),
            TlsState::Failed(why) => without.push((session, format!("fails the TLS handshake: {why}"))),
            TlsState::Refused(answer) => {
                let cause = Cause::new(CauseKind::Refused, format!("{} answers {}", exchange.name, answer.text()));
                unknown(exchange, &cause.clone().seen_in(&session.evidence), None, out);
                come(if answer.is_transient() { Delivery::Defer } else { Delivery::CouldNotTell }, cause.detail);
            }
            TlsState::NotReached(cause) => {
                unknown(exchange, &cause, None, out);
                come(Delivery::CouldNotTell, cause.detail);
            }
        }
    }
    for (_, why) in &without {
        come(Delivery::Refuse, format!("it {why}"));
    }
    let rest = !fitting.is_empty();
    if !without.is_empty() {
        out.find(no_starttls(exchange, &without, rest));
    }
    if !wrong.is_empty() {
        out.find(mismatch(facts, exchange, &wrong, &texts, rest));
    }
    if !usable && without.is_empty() {
        out.find(unusable(exchange, &texts));
    } else if usable {
        leftovers(exchange, &texts, out);
    }
    if wrong.is_empty() {
        rollover::judge(exchange, &fitting, &texts, out);
    }
    let whole = all.iter().all(|(verdict, _)| *verdict == Delivery::Deliver);
    let (verdict, why) =
        all.into_iter().min_by_key(|(verdict, _)| order(*verdict)).unwrap_or((Delivery::CouldNotTell, String::new()));
    Standing { exchange, verdict, why, whole }
}

/// What counts first of the verdicts of an exchange's addresses. Where one may
/// deliver and it could not be told, it is not told that none does.
fn order(verdict: Delivery) -> u8 {
    match verdict {
        Delivery::Deliver => 0,
        Delivery::NoPolicy => 1,
        Delivery::CouldNotTell => 2,
        Delivery::Defer => 3,
        Delivery::Refuse => 4,
    }
}

/// The records for the keys that are shown at these sessions, each once.
pub(super) fn keys<'t>(shown: impl Iterator<Item = &'t TlsFacts>) -> Vec<String> {
    let mut keys: Vec<String> = Vec::new();
    for leaf in shown.filter_map(|tls| tls.chain.first()).filter(|leaf| !leaf.spki_sha256.is_empty()) {
        let key = format!("3 1 1 {}", leaf.spki_sha256);
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}

/// Which of the exchange's records fit a certificate that any exchange shows
/// whose records stand at the same name.
fn fitting_somewhere(facts: &Facts, exchange: &Exchange, records: &[Tlsa<'_>]) -> Vec<bool> {
    let mut fits = vec![false; records.len()];
    for other in facts.exchanges.iter().filter(|other| other.home() == exchange.home()) {
        for tls in other.sessions.iter().filter_map(|session| session.tls.as_ref()) {
            let chain: Vec<Certificate<'_>> = tls.chain.iter().map(certificate).collect();
            let names = tls.chain.first().map_or(&[][..], |leaf| &leaf.names);
            let (_, matches) = evaluate(records, &chain, names, &references(facts, other));
            for (fits, found) in fits.iter_mut().zip(&matches) {
                *fits |= matches!(found, Match::Fits { .. });
            }
        }
    }
    fits
}

/// The names that a certificate under usage 2 may be for (RFC 7672 §3.2.2).
fn references<'f>(facts: &'f Facts, exchange: &'f Exchange) -> [&'f str; 3] {
    [exchange.base.as_str(), exchange.name.as_str(), facts.domain.as_str()]
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

/// `rest`: a sender delivers at another address of the exchange.
fn no_starttls(exchange: &Exchange, without: &[(&SmtpReply, String)], rest: bool) -> Finding {
    let what: Vec<String> = without.iter().map(|(session, why)| format!("{} {why}", session.address)).collect();
    let seen = format!(
        "{} has signed TLSA records, and {}: senders that use DANE deliver nothing in clear text there.",
        exchange.name,
        what.join("; ")
    );
    let remedy = Remedy::step(match rest {
        true => "Switch STARTTLS on at this address too, or repair it; or take the address from the exchange.",
        false => {
            "Switch STARTTLS on for everybody, or repair it. Where the server is to have none, take the TLSA records away."
        }
    });
    let mut finding = Finding::new(NO_STARTTLS, host(exchange), seen).actor(Actor::ServerOperator).remedy(remedy);
    finding.evidence = without.iter().map(|(session, _)| Evidence::of(&session.evidence)).collect();
    finding.evidence.push(Evidence::of(&exchange.tlsa.evidence));
    if rest { elsewhere(finding) } else { finding }
}

/// A fault of one address, where senders deliver at another of the exchange.
fn elsewhere(mut finding: Finding) -> Finding {
    finding.seen.push_str(" They do at the other address, later or when they try it first.");
    finding.severity(Severity::Warning)
}

fn mismatch(
    facts: &Facts,
    exchange: &Exchange,
    wrong: &[(&SmtpReply, &TlsFacts, Vec<Match<'_>>)],
    texts: &[(Tlsa<'_>, String)],
    rest: bool,
) -> Finding {
    let places: Vec<String> = wrong.iter().map(|(session, ..)| session.address.to_string()).collect();
    let seen = format!(
        "None of the TLSA records of {} fits what it shows at {}: senders that use DANE do not deliver there.",
        exchange.name,
        places.join(", ")
    );
    let home = exchange.home();
    let records: Vec<Tlsa<'_>> = texts.iter().map(|(record, _)| *record).collect();
    let fits = fitting_somewhere(facts, exchange, &records);
    let missing = keys(wrong.iter().map(|(_, tls, _)| *tls));
    let one = if missing.len() > 1 { "the records for the keys" } else { "the record for the key" };
    // Records are alternatives: one that fits elsewhere, or waits for the next key, harms nobody (RFC 7671 §5, §8.1).
    let mut remedy = Remedy::step(match rest {
        true => format!(
            "Publish {one} that the server shows at {} beside the present ones, which stay; or let it show there the \
             certificate that the records are for.",
            places.join(", ")
        ),
        false => format!(
            "Publish {one} that the server shows, and take the wrong ones away, except those of a key that is still to \
             come; or let the server show the certificate that the records are for. Next time publish the new record \
             first, wait for two TTLs, and change the certificate then."
        ),
    })
    .effect("after the TTL of the TLSA records");
    for key in missing {
        remedy = remedy.publish(&home, "TLSA", key);
    }
    let mut finding = Finding::new(MISMATCH, host(exchange), seen);
    let matches = wrong.first().map_or(&[][..], |(_, _, matches)| matches);
    for (((record, text), found), fits) in texts.iter().zip(matches).zip(fits) {
        let quote = Evidence::quoting(&exchange.tlsa.evidence, text.as_str());
        let at = engine_plugin_api::Span::new(text.len().saturating_sub(record.data.len()), text.len());
        let label = if fits { "fits elsewhere, not here".to_owned() } else { words(found) };
        finding.evidence.push(quote.at(at, label));
        if !rest && !fits {
            let data = format!("{} {} {} {}", record.usage, record.selector, record.matching, record.data);
            remedy = remedy.withdraw(&home, "TLSA", data);
        }
    }
    finding.evidence.extend(wrong.iter().map(|(session, ..)| Evidence::of(&session.evidence)));
    let finding = finding.remedy(remedy);
    if rest { elsewhere(finding) } else { finding }
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
    let mut remedy = Remedy::step("Publish a record of the form 3 1 1, and take the others away.");
    for key in keys(exchange.sessions.iter().filter_map(|session| session.tls.as_ref())) {
        remedy = remedy.publish(exchange.home(), "TLSA", key);
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
