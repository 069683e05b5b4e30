//! Where receivers of RFC 7489 and of RFC 9989 go different ways, and `psd`, which
//! is one way to get there.

use engine_plugin_api::{Judgement, Remedy};
use mail_syntax::dmarc::{Discovery, Found, Psd, Rules, Step, StepFound, TagName, is_public_suffix};

use super::{repair::Repair, words};
use crate::{PSD_MISSING, PSD_MISUSED, RULES_DIFFER, facts::Facts};

pub fn judge(facts: &Facts, found: &Found, repair: &mut Repair, out: &mut Judgement) {
    if !psd(facts, found, repair, out) {
        differ(facts, found, repair, out);
    }
}

/// `psd=y` where it does not belong, or none where it does.
fn psd(facts: &Facts, found: &Found, repair: &mut Repair, out: &mut Judgement) -> bool {
    match (found.record.place(), is_public_suffix(&found.domain)) {
        (Psd::Yes, false) => {
            let said = format!(
                "The record of {0} says that it is a public suffix (`psd=y`), below which others register names. Receivers \
                 of RFC 9989 then take each subdomain for an organization of its own: mail signed as {0} does not count for \
                 its subdomains, nor theirs for it.",
                found.domain
            );
            let evidence = words::at_tag(facts, found, TagName::Psd, "only for registries");
            let finding = words::about(found, PSD_MISUSED, said).evidence(evidence);
            repair.draft().remove(TagName::Psd);
            repair.find(finding, "Take `psd=y` away, unless others than you own the names below the domain.", out);
            true
        }
        (Psd::Unsaid, true) => {
            let said = format!(
                "{0} is a public suffix: names below it belong to different owners. Its record has no `psd=y`, so that \
                 receivers of RFC 9989 take all of them for one organization, and mail of one owner's name passes as \
                 another's.",
                found.domain
            );
            let finding = words::about(found, PSD_MISSING, said).evidence(words::quote(facts, found));
            repair.draft().set(TagName::Psd, "y");
            repair.find(finding, "Add `psd=y`, as RFC 9989 asks of whoever runs a public suffix.", out);
            true
        }
        // A public suffix as it should be: each name below it is its own.
        (Psd::Yes, true) => true,
        _ => false,
    }
}

/// Another record, or another organization, by the one rule than by the other.
fn differ(facts: &Facts, found: &Found, repair: &mut Repair, out: &mut Judgement) {
    // Several records differ too, which their own finding says.
    if matches!(facts.own().found, StepFound::Several(_)) {
        return;
    }
    let own = Rules::BOTH.map(|rules| facts.discovery(rules));
    let below = Rules::BOTH.map(|rules| facts.below(rules));
    let open = own.iter().chain(&below).any(|discovery| {
        matches!(discovery.gap, Some(mail_syntax::dmarc::Gap::Failed(_))) || discovery.organizational.is_none()
    });
    let from = |discovery: &Discovery| discovery.record.as_ref().map(|found| found.domain.clone());
    let said = if open {
        return;
    } else if from(&own[0]) != from(&own[1]) {
        format!(
            "For {} itself, receivers of RFC 7489 apply {}; those of RFC 9989 {}.",
            facts.domain,
            record_of(&own[0]),
            record_of(&own[1])
        )
    } else if from(&below[0]) != from(&below[1]) {
        format!(
            "For names below {}, receivers of RFC 7489 apply {}; those of RFC 9989 {}.",
            facts.domain,
            record_of(&below[0]),
            record_of(&below[1])
        )
    } else if own[0].organizational != own[1].organizational {
        let name = |discovery: &Discovery| discovery.organizational.clone().unwrap_or_default();
        format!(
            "Receivers of RFC 7489 take {} for the organization of {}, those of RFC 9989 {}. An envelope sender or a signature \
             of the one, but not of the other, makes mail pass by one rule and fail by the other.",
            name(&own[0]),
            facts.domain,
            name(&own[1])
        )
    } else {
        return;
    };
    let organization = own[0].organizational.clone().unwrap_or_default();
    let psd = found.record.tag(TagName::Psd).is_some() && found.domain != organization;
    let stands = matches!(Step::read(&organization, facts.known.get(&organization)).found, StepFound::Record(..));
    if stands && !psd {
        let step = format!(
            "Add `psd=n` to the record at _dmarc.{organization}: receivers of RFC 9989 then take that for the organization \
             too, and apply it to every name below it."
        );
        let finding = words::finding(facts, RULES_DIFFER, said).evidence(words::quote(facts, found));
        if found.domain == organization {
            repair.decide(finding, step, |draft| draft.set(TagName::Psd, "n"), out);
        } else {
            out.find(finding.remedy(Remedy::step(step)));
        }
        return;
    }
    let step = if from(&own[0]) != from(&own[1]) {
        format!("Publish a record at _dmarc.{}, which both find first.", facts.domain)
    } else {
        format!(
            "Publish a record at _dmarc.{organization}, which both find for every name below it; names that are to differ get \
             records of their own."
        )
    };
    let step = if psd && stands {
        format!("Without `psd=n` below it, both take {organization} for the organization.")
    } else if psd {
        format!("{step} Without `psd=n` below it, both take {organization} for the organization.")
    } else {
        step
    };
    let evidence = if psd {
        words::at_tag(facts, found, TagName::Psd, "parts it from the rest")
    } else {
        words::quote(facts, found)
    };
    out.find(words::finding(facts, RULES_DIFFER, said).evidence(evidence).remedy(Remedy::step(step)));
}

/// Nothing but the record of a public suffix, which receivers of RFC 9989 alone look at.
pub fn by_suffix(facts: &Facts, suffix: &Found, out: &mut Judgement) {
    let said = format!(
        "For {0}, receivers of RFC 7489 apply none; those of RFC 9989 the record of {1}, a public suffix.",
        facts.domain, suffix.domain
    );
    let step = format!("Publish a record at _dmarc.{}, which both find first.", facts.domain);
    let finding = words::finding(facts, RULES_DIFFER, said).evidence(words::quote(facts, suffix));
    out.find(finding.remedy(Remedy::step(step)));
}

fn record_of(discovery: &Discovery) -> String {
    match &discovery.record {
        Some(found) => format!("the record of {}", found.domain),
        None => "none".to_owned(),
    }
}
