//! Listings: one finding for each, except where several say the same.

use engine_plugin_api::{Actor, Confidence, Finding, Judgement, Remedy, Severity, Subject as About, time_in_words};

use super::{Says, Verdict, evidence, named, series};
use crate::{
    ALLOW_LISTED, BACKSCATTER_LISTED, DOMAIN_LISTED, LISTED, NEIGHBOURHOOD_LISTED, NEW_DOMAIN, POLICY_LISTED,
    POOR_REPUTATION,
    catalogue::{Canary, Cost, Impact, List, Object, Role},
    facts::{Answer, Facts, Origin},
    reading::Reason,
    settings::Plan,
};

pub(super) fn judge(facts: &Facts, plan: &Plan, verdicts: &[Verdict<'_>], judgement: &mut Judgement) {
    for verdict in verdicts {
        for role in [Role::Block, Role::Policy, Role::Backscatter, Role::Reputation] {
            one_listing(verdict, role, judgement);
        }
    }
    for asked in &plan.lists {
        neighbourhood(&asked.list, verdicts, judgement);
    }
    for subject in &facts.subjects {
        let of_subject: Vec<&Verdict<'_>> =
            verdicts.iter().filter(|verdict| verdict.subject.what == subject.what).collect();
        new_domain(&of_subject, judgement);
        allow_listed(&of_subject, judgement);
    }
}

/// A listing of one subject in one list.
fn one_listing(verdict: &Verdict<'_>, role: Role, judgement: &mut Judgement) {
    let reasons: Vec<&Reason> = verdict.against().filter(|reason| reason.role == role).collect();
    let (Some(worst), Says::Listed { lookup, .. }) = (reasons.iter().max_by_key(|reason| reason.impact), &verdict.what)
    else {
        return;
    };
    let (list, subject) = (verdict.list, verdict.subject);
    let code = match (list.object, role) {
        (_, Role::Reputation) => POOR_REPUTATION,
        (Object::Domain, _) => DOMAIN_LISTED,
        (Object::Ip, Role::Policy) => POLICY_LISTED,
        (Object::Ip, Role::Backscatter) => BACKSCATTER_LISTED,
        (Object::Ip, _) => LISTED,
    };
    let about = About::Listing(format!("{} in {}", subject.what, list.zone));
    let mut seen = format!("{} is on {}: {}.", named(subject), title(list), meanings(&reasons));
    let inbound = matches!(subject.origin, Origin::Exchange(_));
    if inbound {
        seen.push_str(" It is an address where mail comes in; whether mail goes out from it is not known.");
    }
    let ttl = match &lookup.answer {
        Answer::Addresses { ttl, .. } => Some(*ttl),
        _ => None,
    };
    let mut finding = Finding::new(code, about, seen + &caveat(list))
        .severity(severity(worst.impact, role, inbound))
        .confidence(confidence(list, &reasons, inbound))
        .actor(gravest(&reasons).find_map(|reason| reason.actor).unwrap_or_else(|| usual_actor(list, role)))
        .remedy(remedy(list, &reasons, role, ttl));
    for item in evidence(lookup, &reasons) {
        finding = finding.evidence(item);
    }
    judgement.find(finding);
}

/// One list holds the network against one or more addresses.
fn neighbourhood(list: &List, verdicts: &[Verdict<'_>], judgement: &mut Judgement) {
    let hit: Vec<(&Verdict<'_>, Vec<&Reason>)> = verdicts
        .iter()
        .filter(|verdict| verdict.list.zone == list.zone)
        .map(|verdict| (verdict, verdict.against().filter(|r| r.role == Role::Neighbourhood).collect::<Vec<_>>()))
        .filter(|(_, reasons)| !reasons.is_empty())
        .collect();
    let Some((_, reasons)) = hit.first() else { return };
    let Some(worst) = reasons.iter().max_by_key(|reason| reason.impact) else { return };
    let addresses: Vec<String> = hit.iter().map(|(verdict, _)| verdict.subject.what.to_string()).collect();
    let names: Vec<String> = hit.iter().map(|(verdict, _)| named(verdict.subject)).collect();
    let verb = if names.len() == 1 { "is" } else { "are" };
    let seen = format!("{} {verb} on {}: {}.", series(&names, 8), title(list), meanings(reasons));
    let mut finding = Finding::new(
        NEIGHBOURHOOD_LISTED,
        About::Listing(format!("{} in {}", addresses.join(", "), list.zone)),
        seen + " The listing is about the network, not about this server." + &caveat(list),
    )
    .severity(severity(worst.impact, Role::Neighbourhood, false))
    .confidence(confidence(list, reasons, false))
    .actor(worst.actor.unwrap_or(Actor::IpOwner))
    .remedy(remedy(list, reasons, Role::Neighbourhood, None));
    for (verdict, reasons) in &hit {
        if let Says::Listed { lookup, .. } = &verdict.what {
            for item in evidence(lookup, reasons) {
                finding = finding.evidence(item);
            }
        }
    }
    judgement.find(finding);
}

/// Every list that calls the domain young, together: one wait ends them all.
fn new_domain(verdicts: &[&Verdict<'_>], judgement: &mut Judgement) {
    let young: Vec<(&Verdict<'_>, &Reason)> = verdicts
        .iter()
        .flat_map(|verdict| verdict.against().map(move |reason| (*verdict, reason)))
        .filter(|(_, reason)| reason.role == Role::NewDomain)
        .collect();
    let Some((first, _)) = young.first() else { return };
    let says: Vec<String> =
        young.iter().map(|(verdict, reason)| format!("{} ({})", title(verdict.list), reason.means)).collect();
    let waits: Vec<String> = young.iter().filter_map(|(verdict, _)| verdict.list.expires.clone()).collect();
    let impact = young.iter().map(|(_, reason)| reason.impact).max().unwrap_or_default();
    let mut remedy = Remedy::step(
        "Wait. Until then send little, to people who expect it, and raise the amount slowly; \
         a domain cannot be taken off such a list.",
    );
    if !waits.is_empty() {
        remedy = remedy.effect(format!("by itself: {}", series(&waits, 8)));
    }
    let mut finding = Finding::new(
        NEW_DOMAIN,
        About::Domain(first.subject.what.to_string()),
        format!("{} counts as young on {}.", first.subject.what, series(&says, 8)),
    )
    .severity(match impact {
        Impact::Critical | Impact::High => Severity::Warning,
        Impact::Medium => Severity::Notice,
        Impact::Low | Impact::Info => Severity::Info,
    })
    .actor(Actor::Nobody)
    .remedy(remedy);
    for (verdict, reason) in &young {
        if let Says::Listed { lookup, .. } = &verdict.what {
            for item in evidence(lookup, &[reason]) {
                finding = finding.evidence(item);
            }
        }
    }
    judgement.find(finding);
}

/// Every allow list that holds the subject, together.
fn allow_listed(verdicts: &[&Verdict<'_>], judgement: &mut Judgement) {
    let mut says = Vec::new();
    let mut proof = Vec::new();
    for verdict in verdicts {
        if let Says::Listed { reasons, lookup } = &verdict.what {
            let good: Vec<&Reason> = reasons.iter().filter(|reason| reason.role == Role::Allow).collect();
            if !good.is_empty() {
                says.push(format!("{}: {}", title(verdict.list), meanings(&good)));
                proof.extend(evidence(lookup, &good));
            }
        }
    }
    let Some(first) = verdicts.first().filter(|_| !says.is_empty()) else { return };
    let about = if first.subject.what.is_domain() {
        About::Domain(first.subject.what.to_string())
    } else {
        About::Address(first.subject.what.to_string())
    };
    let seen = format!("{} is trusted by {}.", named(first.subject), says.join("; by "));
    let mut finding = Finding::new(ALLOW_LISTED, about, seen).actor(Actor::Nobody);
    for item in proof {
        finding = finding.evidence(item);
    }
    judgement.find(finding);
}

/// `Spamhaus ZEN (zen.spamhaus.org)`; the zone alone where it has no other name.
fn title(list: &List) -> String {
    if list.name == list.zone { list.zone.clone() } else { format!("{} ({})", list.name, list.zone) }
}

fn meanings(reasons: &[&Reason]) -> String {
    let mut means: Vec<&str> = reasons.iter().map(|reason| reason.means.as_str()).collect();
    means.dedup();
    means.join("; ")
}

fn caveat(list: &List) -> String {
    match list.canary {
        Canary::None => " The list has no test entry, so nothing shows that it works as it should.".to_owned(),
        Canary::Rfc5782 | Canary::Listed => String::new(),
    }
}

/// Severity by consequence. An exchange's address may not send at all: then a
/// listing costs no mail, so it weighs one step less.
fn severity(impact: Impact, role: Role, inbound: bool) -> Severity {
    let plain = match impact {
        Impact::Critical => Severity::Critical,
        Impact::High => Severity::Error,
        Impact::Medium => Severity::Warning,
        Impact::Low => Severity::Notice,
        Impact::Info => Severity::Info,
    };
    let most = match (role, inbound) {
        (Role::Block, false) => Severity::Critical,
        (Role::Block, true) | (Role::Policy, false) => Severity::Error,
        (Role::Policy | Role::Backscatter, _) => Severity::Warning,
        _ => Severity::Notice,
    };
    plain.min(most)
}

fn confidence(list: &List, reasons: &[&Reason], inbound: bool) -> Confidence {
    if reasons.iter().any(|reason| !reason.explained) {
        Confidence::Low
    } else if inbound || list.canary == Canary::None {
        Confidence::Medium
    } else {
        Confidence::High
    }
}

fn usual_actor(list: &List, role: Role) -> Actor {
    match (list.object, role) {
        (Object::Domain, _) => Actor::DomainOwner,
        (Object::Ip, Role::Neighbourhood) => Actor::IpOwner,
        (Object::Ip, _) => Actor::ServerOperator,
    }
}

/// The reasons of the greatest impact; each has to be put right.
fn gravest<'r>(reasons: &[&'r Reason]) -> impl Iterator<Item = &'r Reason> {
    let worst = reasons.iter().map(|reason| reason.impact).max();
    reasons.iter().copied().filter(move |reason| Some(reason.impact) == worst)
}

/// What to put right first, then the way off, what it costs and when it takes effect.
fn remedy(list: &List, reasons: &[&Reason], role: Role, ttl: Option<u32>) -> Remedy {
    let mut steps: Vec<String> = Vec::new();
    let mut add = |step: String| {
        if !steps.contains(&step) {
            steps.push(step);
        }
    };
    for reason in gravest(reasons) {
        add(reason.first.clone().unwrap_or_else(|| usual_first_step(list, role).to_owned()));
    }
    gravest(reasons).filter_map(|reason| reason.how.clone()).for_each(add);
    let has_way = gravest(reasons).any(|reason| reason.how.is_some());
    if list.from_listed_address {
        steps.push("The request must come from the listed address itself.".to_owned());
    }
    match list.cost {
        Some(Cost::ExpressOffered) => steps.push("Never pay: the listing ends without money.".to_owned()),
        Some(Cost::DonationAsked) => steps.push("A donation is asked for at times; it is no fee.".to_owned()),
        _ if list.url.is_some() && has_way => steps.push("It costs nothing.".to_owned()),
        _ => {}
    }
    let mut remedy = Remedy::step(steps.join(" "));
    if let Some(url) = &list.url {
        remedy = remedy.url(url.clone());
    }
    match (&list.expires, ttl) {
        (Some(expires), _) => remedy.effect(format!("by itself: {expires}")),
        (None, Some(ttl)) if ttl < 604_800 => {
            remedy.effect(format!("up to {} after the list has let go: the TTL of its answer", time_in_words(ttl)))
        }
        _ => remedy,
    }
}

fn usual_first_step(list: &List, role: Role) -> &'static str {
    match (list.object, role) {
        (Object::Domain, Role::Block) => {
            "Find where the domain appears in unwanted mail (a stolen password, a hacked site, a bought address list) and \
             stop that first: a second listing is harder to leave."
        }
        (_, Role::Policy) => {
            "Send through the provider's relay, or from a static address with a reverse name of its own."
        }
        (_, Role::Neighbourhood) => "You cannot end this listing alone: only the provider of the network can act.",
        (_, Role::Backscatter) => {
            "Refuse unknown recipients and unwanted mail during the SMTP session in place of bouncing it later, and \
             turn off callouts and auto-replies to senders that are not verified."
        }
        (_, Role::Reputation) => "Send wanted mail in steady amounts, and take out addresses that bounce or complain.",
        _ => {
            "Find what sends the unwanted mail (a stolen password, a web form, a forwarding rule, an infected machine) \
             and stop it first: a second listing is harder to leave."
        }
    }
}
