//! The mark certificate at `a=`.

use bimi_assets::certificate::Mark;
use engine_plugin_api::{Cause, CauseKind, Evidence, Finding, Judgement, Remedy, Severity, Unknown};

use super::{Own, subject};
use crate::{
    CERTIFICATE_EXPIRED, CERTIFICATE_IMAGE, CERTIFICATE_INVALID, CERTIFICATE_MISSING, CERTIFICATE_UNREACHABLE, Config,
    facts::{Document, Facts, Fetched},
};

const DAY: i64 = 86_400;

pub(super) fn judge(facts: &Facts, own: &Own<'_>, config: &Config, out: &mut Judgement) {
    match &facts.certificate {
        None => {
            let seen = format!(
                "The BIMI record of {} names no mark certificate: Gmail and Apple Mail show no logo without one.",
                facts.owner
            );
            let step = "Get a mark certificate, a VMC for a registered trademark or a CMC for a logo that has long been in use, \
                        and put its place into `a=`.";
            let evidence = Evidence::quoting(own.evidence, own.text);
            out.find(
                Finding::new(CERTIFICATE_MISSING, subject(facts), seen).evidence(evidence).remedy(Remedy::step(step)),
            );
        }
        Some(Fetched::Unknown(cause)) => {
            out.unknown(Unknown::new(subject(facts), "whether the mark certificate can be used", cause.clone()));
        }
        Some(Fetched::Missing { evidence, why }) => {
            let seen = format!("The mark certificate of {} cannot be got: {why}.", facts.owner);
            let step = "Put the certificate at the place that `a=` names, on a server with a valid certificate, without a \
                        redirect; or correct `a=`.";
            out.find(
                Finding::new(CERTIFICATE_UNREACHABLE, subject(facts), seen)
                    .evidence(own.at("a", "cannot be got"))
                    .evidence(Evidence::of(evidence))
                    .remedy(Remedy::step(step)),
            );
        }
        Some(Fetched::Document(document)) => match document.mark() {
            Ok(mark) => mark_rules(facts, own, document, &mark, config, out),
            Err(fault) => {
                let seen = format!("The file that `a=` of {} names {fault}.", facts.owner);
                let step = "Put the file there as the authority delivered it: PEM, the mark certificate first, then its issuers.";
                out.find(about(facts, own, document, CERTIFICATE_INVALID, seen, step));
            }
        },
    }
}

fn about(facts: &Facts, own: &Own<'_>, document: &Document, code: &str, seen: String, step: &str) -> Finding {
    Finding::new(code, subject(facts), seen)
        .evidence(own.at("a", "this certificate"))
        .evidence(Evidence::of(&document.evidence))
        .remedy(Remedy::step(step))
}

fn mark_rules(facts: &Facts, own: &Own<'_>, document: &Document, mark: &Mark, config: &Config, out: &mut Judgement) {
    let mut wrong: Vec<String> = Vec::new();
    if !mark.is_for_bimi {
        wrong.push(
            "it is not made for BIMI (its extended key usage lacks id-kp-BrandIndicatorforMessageIdentification)"
                .into(),
        );
    }
    if !mark.is_for(&facts.owner) {
        wrong.push(format!("it is for {}, not for {}", shown(&mark.names), facts.owner));
    }
    if mark.chain == 0 {
        wrong.push("the certificate of its issuer does not follow it in the file".into());
    } else if !mark.is_linked {
        wrong.push("the certificates in the file do not follow one another, each issued by the next".into());
    }
    if !wrong.is_empty() {
        let seen = format!("The mark certificate of {} cannot be used: {}.", facts.owner, wrong.join("; "));
        let step = "Publish the file as the authority delivered it, for this domain: the mark certificate first, then its issuers.";
        out.find(about(facts, own, document, CERTIFICATE_INVALID, seen, step));
    }
    expiry(facts, own, document, mark, config, out);
    let Some(Fetched::Document(image)) = &facts.image else { return };
    if !image.cut && mark.is_of(&image.bytes) == Some(false) {
        let seen = format!("The image at `l=` of {} is not the one in its mark certificate.", facts.owner);
        let step =
            "Publish the very file that the authority was given; after any change of it a new certificate is needed.";
        out.find(about(facts, own, document, CERTIFICATE_IMAGE, seen, step).evidence(own.at("l", "another image")));
    }
}

fn shown(names: &[String]) -> String {
    if names.is_empty() { "no name".to_owned() } else { names.iter().take(4).cloned().collect::<Vec<_>>().join(", ") }
}

fn expiry(facts: &Facts, own: &Own<'_>, document: &Document, mark: &Mark, config: &Config, out: &mut Judgement) {
    let Some(now) = document.now.and_then(|now| i64::try_from(now).ok()) else {
        let cause = Cause::new(CauseKind::Other, "the server that holds it does not say what time it is");
        let what = "whether the mark certificate is still valid";
        out.unknown(Unknown::new(subject(facts), what, cause.seen_in(&document.evidence)));
        return;
    };
    let step = "Renew the mark certificate, and put the new file in place of the old one.";
    let (severity, seen) = if now > mark.not_after {
        (
            Severity::Warning,
            format!("The mark certificate of {} has expired {} days ago.", facts.owner, (now - mark.not_after) / DAY),
        )
    } else if now < mark.not_before {
        (Severity::Warning, format!("The mark certificate of {} is not valid yet.", facts.owner))
    } else if mark.not_after - now <= i64::from(config.expiry_days) * DAY {
        (
            Severity::Notice,
            format!("The mark certificate of {} expires in {} days.", facts.owner, (mark.not_after - now) / DAY),
        )
    } else {
        return;
    };
    out.find(about(facts, own, document, CERTIFICATE_EXPIRED, seen, step).severity(severity));
}
