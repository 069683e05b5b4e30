//! The policy that receivers want before they show a logo
//! (draft-brand-indicators §7.1, BIMI Group).

use engine_plugin_api::{Cause, CauseKind, Evidence, Finding, Judgement, Remedy, Subject, Unknown};
use mail_syntax::dmarc::{Discovery, Gap, Policy, Rules, Scope};

use super::subject;
use crate::{DMARC, facts::Facts};

pub fn judge(facts: &Facts, out: &mut Judgement) {
    let [by_list, by_walk] = &facts.dmarc;
    let faults: Vec<String> = [(Rules::Rfc7489, by_list), (Rules::Rfc9989, by_walk)]
        .into_iter()
        .filter_map(|(rules, found)| fault(rules, found))
        .collect();
    let failed = facts.dmarc.iter().any(|found| matches!(found.gap, Some(Gap::Failed(_))));
    if failed {
        let cause = facts.dmarc_gap.clone().unwrap_or_else(|| Cause::new(CauseKind::Other, "no answer"));
        let what = format!("whether the DMARC policy of {} is one with which logos are shown", facts.domain);
        out.unknown(Unknown::new(subject(facts), what, cause));
        return;
    }
    let Some(first) = faults.first() else { return };
    let found = by_list.record.as_ref().or(by_walk.record.as_ref());
    let home = found.map_or(facts.owner.as_str(), |found| found.domain.as_str());
    let seen = format!("Receivers show no logo for {}, since {first}.", facts.domain);
    let step = "Enforce DMARC for all mail: `p=quarantine` or `p=reject`, no `sp=none`, no `pct` below 100, no `t=y`. Read the \
                reports first, so that no mail of one's own is lost.";
    let mut finding = Finding::new(DMARC, Subject::Domain(home.to_owned()), seen);
    if let Some(found) = found {
        finding = finding.evidence(Evidence::quoting(&facts.dmarc_evidence, &found.text));
    }
    out.find(finding.remedy(Remedy::step(step)));
}

/// What of the record that applies keeps logos from being shown, as a clause.
fn fault(rules: Rules, found: &Discovery) -> Option<String> {
    let Some(record) = &found.record else {
        return match &found.gap {
            Some(Gap::Failed(_)) => None,
            Some(Gap::Several(at)) => Some(format!("{at} has several DMARC records")),
            _ => Some("it has no DMARC record".to_owned()),
        };
    };
    let text = &record.domain;
    let Some(requested) = record.record.requested(rules, found.scope) else {
        return Some(format!("the DMARC record of {text} cannot be used"));
    };
    if requested.lowered {
        return Some(format!("the DMARC policy of {text} is in test mode (`t=y`)"));
    }
    if requested.policy == Policy::None {
        return Some(format!("the DMARC policy of {text} is `none`"));
    }
    if requested.percent < 100 {
        return Some(format!("the DMARC policy of {text} is for {} percent of its mail only", requested.percent));
    }
    // Subdomains of the domain must be covered as well.
    let below = record.record.requested(rules, Scope::Subdomain);
    (below.is_some_and(|below| below.policy == Policy::None))
        .then(|| format!("the DMARC policy of {text} is `none` for subdomains (`sp`)"))
}
