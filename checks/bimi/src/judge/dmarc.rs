//! The policy that receivers want before they show a logo
//! (draft-brand-indicators §7.1, BIMI Group).

use engine_plugin_api::{Cause, CauseKind, Evidence, Finding, Judgement, Remedy, Subject, Unknown};
use mail_syntax::dmarc::{Discovery, Gap, Policy, Rules, Scope};

use super::subject;
use crate::{DMARC, facts::Facts};

pub fn judge(facts: &Facts, out: &mut Judgement) {
    // Both the domain's own and that of its organizational domain must be strict (§7.1).
    let all = || {
        let own = Rules::BOTH.into_iter().zip(&facts.dmarc).map(|(rules, found)| (rules, &facts.domain, found));
        let above = Rules::BOTH.into_iter().zip(facts.above.iter().flatten());
        own.chain(above.map(|(rules, found)| (rules, &facts.organizational, found)))
    };
    if all().any(|(.., found)| matches!(found.gap, Some(Gap::Failed(_)))) {
        let cause = facts.dmarc_gap.clone().unwrap_or_else(|| Cause::new(CauseKind::Other, "no answer"));
        let what = format!("whether the DMARC policy of {} is one with which logos are shown", facts.domain);
        out.unknown(Unknown::new(subject(facts), what, cause));
        return;
    }
    let faults: Vec<_> = all().filter_map(|(rules, of, found)| Some((fault(rules, of, found)?, of, found))).collect();
    let worst = faults.iter().find(|(fault, ..)| !fault.only_gmail).or(faults.first());
    let Some((fault, of, found)) = worst else { return };
    let home = found.record.as_ref().map_or(of.as_str(), |found| found.domain.as_str());
    let who = if fault.only_gmail { "Gmail shows" } else { "Receivers show" };
    let seen = format!("{who} no logo for {}, since {}.", facts.domain, fault.clause);
    let step = "Enforce DMARC for all mail of the domain and of its organizational domain: `p=quarantine` or `p=reject`, no \
                `sp=none`, no `pct` below 100, no `t=y`. Read the reports first, so that no mail of one's own is lost.";
    let mut finding = Finding::new(DMARC, Subject::Domain(home.to_owned()), seen);
    if let (Some(found), Some(evidence)) = (&found.record, facts.dmarc_evidence.get(home)) {
        finding = finding.evidence(Evidence::quoting(evidence, &found.text));
    }
    out.find(finding.remedy(Remedy::step(step)));
}

/// What keeps logos from being shown.
struct Fault {
    /// As a clause that follows *since*.
    clause: String,
    /// Whether the draft allows it, and Gmail does not.
    only_gmail: bool,
}

/// What of the record that applies to `of` keeps logos from being shown.
fn fault(rules: Rules, of: &str, found: &Discovery) -> Option<Fault> {
    let all = |clause: String| Some(Fault { clause, only_gmail: false });
    let Some(record) = &found.record else {
        return match &found.gap {
            Some(Gap::Failed(_)) => None,
            Some(Gap::Several(at)) => all(format!("{at} has several DMARC records")),
            _ => all(format!("{of} has no DMARC record")),
        };
    };
    let text = &record.domain;
    let Some(requested) = record.record.requested(rules, found.scope) else {
        return all(format!("the DMARC record of {text} cannot be used"));
    };
    if requested.lowered {
        return all(format!("the DMARC policy of {text} is in test mode (`t=y`)"));
    }
    if requested.policy == Policy::None {
        return all(format!("the DMARC policy of {text} is `none`"));
    }
    // Subdomains of the domain must be covered as well.
    let below = record.record.requested(rules, Scope::Subdomain);
    if below.is_some_and(|below| below.policy == Policy::None) {
        return all(format!("the DMARC policy of {text} is `none` for subdomains (`sp`)"));
    }
    (requested.percent < 100).then(|| Fault {
        clause: format!("the DMARC policy of {text} is for {} percent of its mail only", requested.percent),
        only_gmail: requested.policy == Policy::Reject,
    })
}
