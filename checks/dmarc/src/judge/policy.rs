//! What the record asks receivers to do.

use engine_plugin_api::{Evidence, Judgement, Remedy, Severity, Span, Subject};
use mail_syntax::dmarc::{Found, IssueKind, Policy, Record, Rules, Scope, StepFound, TagName, Value, parse, select};

use super::{repair::Repair, words};
use crate::{
    NONEXISTENT_WEAKER, PARKED_LOOSE, PERCENT, POLICY_INVALID, SUBDOMAIN_OPEN, SUBDOMAIN_WEAKER, TEST_MODE,
    facts::{Facts, Mail},
};

pub fn judge(facts: &Facts, found: &Found, repair: &mut Repair, out: &mut Judgement) {
    if found.record.disabling(Rules::Rfc9989).is_some() {
        invalid(facts, found, repair, out);
        // Without a policy there is none to be weak.
        return;
    }
    if parked(facts, found, repair, out) {
        return;
    }
    weaker(facts, found, repair, out);
    test_mode(facts, found, out);
    percent(facts, found, repair, out);
    open_subdomains(facts, out);
}

/// A policy that is missing or none: receivers take `none` for all, or no DMARC.
fn invalid(facts: &Facts, found: &Found, repair: &mut Repair, out: &mut Judgement) {
    let record = &found.record;
    let Some(tag) = record.disabling(Rules::Rfc9989) else { return };
    let word = tag.word();
    let whose = words::whose(facts, found);
    let by = match tag {
        TagName::NonexistentPolicy => "Receivers of RFC 9989",
        _ => "Receivers",
    };
    let consequence = match record.requested(Rules::Rfc9989, Scope::Own) {
        Some(_) => format!("{by} act as if it said `p=none`, for all names"),
        None => format!("{by} apply no DMARC at all, since no report address is there either"),
    };
    let what = if record.tag(tag).is_none() {
        format!("There is no `{word}` in {whose} at _dmarc.{}", found.domain)
    } else {
        format!("`{word}` in {whose} at _dmarc.{} is none of `none`, `quarantine` and `reject`", found.domain)
    };
    let issue = record.issues.iter().find(|issue| match issue.kind {
        IssueKind::Value(name) | IssueKind::EmptyValue(name) => name == tag,
        // A misspelt name of the very tag that is missing.
        IssueKind::UnknownTag(meant) => meant == Some(tag),
        _ => false,
    });
    let evidence = match (issue, record.tag(tag)) {
        (Some(issue), _) => words::at(facts, found, issue.span, issue.kind.to_string()),
        (None, Some(tag)) => words::at(facts, found, tag.span(), "no policy"),
        (None, None) => words::quote(facts, found),
    };
    let finding = words::about(found, POLICY_INVALID, format!("{what}. {consequence}.")).evidence(evidence);
    // What the corrections make of it, where they make anything.
    let meant = parse(&repair.draft().text());
    let value = match tag {
        TagName::Policy => &meant.policy,
        TagName::SubdomainPolicy => &meant.subdomain_policy,
        _ => &meant.nonexistent_policy,
    };
    let step = match value.valid() {
        Some(Policy::None) => format!("Write `{word}=none`."),
        Some(policy) => format!(
            "Write `{word}={policy}`, if that is meant. From then on it counts, and receivers {}; make sure that your mail \
             passes.",
            words::wish(*policy)
        ),
        None if tag == TagName::Policy => {
            repair.draft().set(TagName::Policy, "none");
            repair.draft().policy_second();
            "Say which policy is wished for. The record below says `p=none`, which is how it is read now.".to_owned()
        }
        None => {
            repair.draft().remove(tag);
            format!(
                "Say with `{word}` which policy is wished for, or leave it out as the record below does: then the others \
                 count again, and receivers {}.",
                words::wish(record.policy.valid().copied().unwrap_or(Policy::None))
            )
        }
    };
    repair.find(finding, step, out);
}

/// A domain without mail whose policy lets forged mail through.
fn parked(facts: &Facts, found: &Found, repair: &mut Repair, out: &mut Judgement) -> bool {
    if !facts.is_parked() || found.domain != facts.domain {
        return false;
    }
    let weakest = |rules| {
        let below = [Scope::Subdomain, Scope::Nonexistent].map(|scope| found.record.requested(rules, scope));
        let all = below.into_iter().chain([found.record.requested(rules, Scope::Own)]);
        all.map(|requested| {
            requested.map_or(Policy::None, |r| if r.percent < 100 { r.policy.lowered() } else { r.policy })
        })
        .min()
    };
    let weakest = Rules::BOTH.into_iter().filter_map(weakest).min().unwrap_or(Policy::None);
    if weakest == Policy::Reject {
        return false;
    }
    let said = format!(
        "{} neither takes mail (MX) nor lets anybody send (SPF), but its DMARC policy is `{weakest}` for some names: whoever \
         forges it is not refused.",
        facts.domain
    );
    let evidence = words::at_tag(facts, found, TagName::Policy, "not `reject` for all");
    let finding = words::about(found, PARKED_LOOSE, said).evidence(evidence);
    let step = "Ask receivers to refuse all mail that claims to come from the domain or a name below it.";
    let change = |draft: &mut super::repair::Draft| {
        draft.set(TagName::Policy, "reject");
        for tag in [TagName::SubdomainPolicy, TagName::NonexistentPolicy, TagName::Percent, TagName::Test] {
            draft.remove(tag);
        }
    };
    repair.decide(finding, step, change, out);
    true
}

/// `sp` and `np` that ask for less than what stands above them.
fn weaker(facts: &Facts, found: &Found, repair: &mut Repair, out: &mut Judgement) {
    let record = &found.record;
    let Some(own) = record.policy.valid().copied() else { return };
    let below = record.subdomain_policy.valid().copied();
    if let Some(policy) = below.filter(|policy| *policy < own) {
        let said = format!(
            "Mail that forges {} is to be handled with `{own}`, mail that forges any name below it only with `{policy}`. \
             Forgers need only put a name before the domain.",
            found.domain
        );
        let evidence = words::at_tag(facts, found, TagName::SubdomainPolicy, format!("weaker than p={own}"));
        let finding = words::about(found, SUBDOMAIN_WEAKER, said).evidence(evidence);
        let step = format!(
            "When mail of your subdomains passes too, leave `sp` out, so that `{own}` holds for them; until then name \
             those that send in records of their own."
        );
        repair.decide(finding, step, |draft| draft.remove(TagName::SubdomainPolicy), out);
    }
    let inherited = below.unwrap_or(own);
    if let Some(policy) = record.nonexistent_policy.valid().copied().filter(|policy| *policy < inherited.max(own)) {
        let said = format!(
            "Mail from names below {} that do not exist is to be handled with `{policy}` by receivers of RFC 9989, more \
             mildly than `{}`. Nobody sends from them but forgers.",
            found.domain,
            inherited.max(own)
        );
        let evidence = words::at_tag(facts, found, TagName::NonexistentPolicy, "for names that nobody sends from");
        let finding = words::about(found, NONEXISTENT_WEAKER, said).evidence(evidence);
        let step = "Set `np=reject`: it concerns no name that has an address or takes mail.";
        repair.decide(finding, step, |draft| draft.set(TagName::NonexistentPolicy, "reject"), out);
    }
}

fn test_mode(facts: &Facts, found: &Found, out: &mut Judgement) {
    let record = &found.record;
    let mut lowered: Vec<(TagName, Policy, Policy)> = Vec::new();
    for scope in [Scope::Own, Scope::Subdomain, Scope::Nonexistent] {
        let requested = record.requested(Rules::Rfc9989, scope).filter(|requested| requested.lowered);
        let Some((tag, policy)) = requested.and_then(|requested| Some((requested.tag?, requested.policy))) else {
            continue;
        };
        let stated = match tag {
            TagName::SubdomainPolicy => &record.subdomain_policy,
            TagName::NonexistentPolicy => &record.nonexistent_policy,
            _ => &record.policy,
        };
        if let Some(stated) = stated.valid().filter(|_| !lowered.iter().any(|(known, ..)| *known == tag)) {
            lowered.push((tag, *stated, policy));
        }
    }
    if lowered.is_empty() {
        return;
    }
    let each = |words: &dyn Fn(&(TagName, Policy, Policy)) -> String| {
        lowered.iter().map(words).collect::<Vec<_>>().join(" and ")
    };
    let said = format!(
        "`t=y` asks receivers of RFC 9989 to apply {}. Those of RFC 7489 do not know it and apply {}.",
        each(&|(tag, stated, policy)| format!("`{policy}` in place of `{}={stated}`", tag.word())),
        each(&|(_, stated, _)| format!("`{stated}`")),
    );
    let evidence = words::at_tag(facts, found, TagName::Test, "test mode");
    let step = format!(
        "When the reports show that your mail passes, take `t=y` away. Until then, publish {} if no receiver may apply more.",
        each(&|(tag, _, policy)| format!("`{}={policy}`", tag.word())),
    );
    out.find(words::about(found, TEST_MODE, said).evidence(evidence).remedy(Remedy::step(step)));
}

/// The share of mail to which the policy applies, where that is not all of it.
pub fn sampled(record: &Record) -> Option<u8> {
    let share = record.percent.valid().copied().filter(|share| *share < 100)?;
    let some = [&record.policy, &record.subdomain_policy]
        .into_iter()
        .any(|policy| matches!(policy, Value::Valid(policy) if *policy > Policy::None));
    some.then_some(share)
}

fn percent(facts: &Facts, found: &Found, repair: &mut Repair, out: &mut Judgement) {
    let (Some(share), Some(policy)) = (sampled(&found.record), found.record.policy.valid().copied()) else { return };
    let stated = policy.max(found.record.subdomain_policy.valid().copied().unwrap_or(Policy::None));
    let said = format!(
        "`pct={share}` asks receivers of RFC 7489 to apply `{stated}` to {share} % of the mail that fails, and `{}` to the \
         rest. Receivers of RFC 9989 no longer know it and apply `{stated}` to all.",
        stated.lowered()
    );
    let evidence = words::at_tag(facts, found, TagName::Percent, "ignored by newer receivers");
    let finding = words::about(found, PERCENT, said).evidence(evidence);
    if share == 0 {
        let step = "Add `t=y`, by which newer receivers do what `pct=0` asks of the older ones; or leave both out to have \
                    the policy applied.";
        let finding = finding.severity(Severity::Warning);
        if found.record.test.valid() == Some(&true) {
            return;
        }
        repair.decide(finding, step, |draft| draft.set(TagName::Test, "y"), out);
    } else {
        let step =
            format!("Leave `pct` out if your mail passes; else go back to `p={}` until it does.", stated.lowered());
        repair.decide(finding, step, |draft| draft.remove(TagName::Percent), out);
    }
}

/// Subdomains whose own policy is weaker than the domain's, or that take mail
/// under a weaker one.
fn open_subdomains(facts: &Facts, out: &mut Judgement) {
    let StepFound::Record(own, _) = facts.own().found else { return };
    let Some(policy) = own.policy.valid().copied().filter(|policy| *policy > Policy::None) else { return };
    // A wildcard gives every name a record, and has a finding of its own.
    if !select(&facts.probe.joined()).records.is_empty() {
        return;
    }
    for subdomain in &facts.subdomains {
        let mut records = select(&subdomain.dmarc.joined()).records;
        if records.len() == 1 {
            let text = records.remove(0).text;
            let record = parse(&text);
            let theirs =
                record.requested(Rules::Rfc9989, Scope::Own).map_or(Policy::None, |requested| requested.policy);
            if theirs >= policy {
                continue;
            }
            let said = format!(
                "{} has a DMARC record of its own, which asks for `{theirs}`, while that of {} asks for `{policy}`.",
                subdomain.name, facts.domain
            );
            let span = record.tag(TagName::Policy).map(|tag| tag.span());
            let evidence = subdomain.dmarc.quote(&text);
            let evidence = match span {
                Some(span) => evidence.at(Span::new(span.start, span.end), format!("weaker than {policy}")),
                None => evidence,
            };
            let step = format!(
                "When the mail of {} passes, take its record away, so that the one above holds, or set `p={policy}` there.",
                subdomain.name
            );
            let finding =
                engine_plugin_api::Finding::new(SUBDOMAIN_OPEN, Subject::Domain(subdomain.name.clone()), said);
            out.find(finding.evidence(evidence).remedy(Remedy::step(step)));
        } else if subdomain.mail.value.known() == Some(&Mail::Accepted) && subdomain.dmarc.cause.is_none() {
            let theirs =
                own.requested(Rules::Rfc9989, Scope::Subdomain).map_or(Policy::None, |requested| requested.policy);
            if theirs >= policy {
                continue;
            }
            let said = format!(
                "{} takes mail (MX) and has no DMARC record of its own, so that the `sp` of {} holds for it: `{theirs}`.",
                subdomain.name, facts.domain
            );
            let step = format!("Publish a record of its own, or raise `sp` in that of {}.", facts.domain);
            let remedy = Remedy::step(step);
            let finding =
                engine_plugin_api::Finding::new(SUBDOMAIN_OPEN, Subject::Domain(subdomain.name.clone()), said);
            out.find(
                finding.evidence(Evidence::of(&subdomain.mail.evidence)).remedy(remedy).severity(Severity::Notice),
            );
        }
    }
}
