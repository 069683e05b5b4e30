//! From facts to findings.

mod listed;
mod summary;
mod troubles;

use engine_plugin_api::{Evidence, Judgement, Span, Subject as About};

use crate::{
    catalogue::{Canary, List, Role},
    facts::{Answer, Facts, Lookup, Origin, Subject, What},
    gate::{Gate, Trouble, TroubleKind, gate, holds, resolver_invents},
    reading::{Reading, Reason, read},
    settings::Plan,
};

/// What the facts mean. Pure: the same facts and plan give the same judgement.
pub fn judge(facts: &Facts, plan: &Plan) -> Judgement {
    let mut judgement = Judgement::default();
    summary::dead_lists(plan, &mut judgement);
    if !facts.answered && troubles::nothing_answered(facts, &mut judgement) {
        return judgement;
    }
    let verdicts = verdicts(facts, plan);
    listed::judge(facts, plan, &verdicts, &mut judgement);
    summary::judge(facts, plan, &verdicts, &mut judgement);
    troubles::judge(facts, plan, &verdicts, &mut judgement);
    judgement
}

/// What one list says of one subject.
struct Verdict<'a> {
    list: &'a List,
    subject: &'a Subject,
    what: Says<'a>,
}

enum Says<'a> {
    /// Listed: the reasons that matter, and the answer. Possibly no reason.
    Listed { reasons: Vec<Reason>, lookup: &'a Lookup },
    /// Not listed.
    Clean,
    /// The list holds no addresses of that family.
    NotHeld,
    /// The list tells nothing.
    Nothing(Trouble),
}

impl Says<'_> {
    /// The same, where the resolver makes up answers: they say nothing.
    fn invented(self) -> Self {
        match self {
            Says::Listed { lookup, .. } => {
                let evidence = match &lookup.answer {
                    Answer::Addresses { evidence, .. } => Some(evidence.clone()),
                    _ => None,
                };
                let detail = "answers, and nothing shows that the answer is its own".to_owned();
                Says::Nothing(Trouble { kind: TroubleKind::Invented, detail, evidence })
            }
            Says::Nothing(trouble) if !matches!(trouble.kind, TroubleKind::Network(_)) => {
                Says::Nothing(Trouble { kind: TroubleKind::Invented, ..trouble })
            }
            same => same,
        }
    }
}

fn verdicts<'a>(facts: &'a Facts, plan: &'a Plan) -> Vec<Verdict<'a>> {
    let invents = resolver_invents(facts, plan);
    let mut verdicts = Vec::new();
    for (asked, list_facts) in plan.lists.iter().zip(&facts.lists) {
        let list = &asked.list;
        for (index, subject) in facts.subjects.iter().enumerate() {
            let lookup = list_facts.lookups.iter().find(|lookup| lookup.subject == index);
            let what = match (gate(list, list_facts, &subject.what), lookup) {
                (Gate::NotHeld, _) => {
                    if !may_hold_family(list, &subject.what) {
                        continue;
                    }
                    Says::NotHeld
                }
                (Gate::Shut(trouble), _) => Says::Nothing(trouble),
                (Gate::Open, None) => continue,
                (Gate::Open, Some(lookup)) => says(list, lookup),
            };
            let what = if invents { what.invented() } else { what };
            verdicts.push(Verdict { list, subject, what });
        }
    }
    verdicts
}

fn says<'a>(list: &List, lookup: &'a Lookup) -> Says<'a> {
    if let Some(trouble) = Trouble::of(list, &lookup.answer) {
        return Says::Nothing(trouble);
    }
    let Answer::Addresses { addresses, .. } = &lookup.answer else { return Says::Clean };
    match read(list, addresses) {
        Reading::Listed(reasons) => Says::Listed {
            reasons: reasons.into_iter().filter(|reason| reason.role != Role::Neutral).collect(),
            lookup,
        },
        _ => Says::Clean,
    }
}

/// Whether one would expect the list to speak of such a subject: an IPv6
/// address on an address list, even if the list holds only IPv4.
fn may_hold_family(list: &List, what: &What) -> bool {
    what.is_ipv6() && (holds(list, what) || list.object == crate::catalogue::Object::Ip)
}

impl Verdict<'_> {
    /// The listings that are held against the subject.
    fn against(&self) -> impl Iterator<Item = &Reason> {
        let reasons: &[Reason] = match &self.what {
            Says::Listed { reasons, .. } => reasons,
            _ => &[],
        };
        reasons.iter().filter(|reason| reason.role != Role::Allow)
    }

    /// Whether the list answered, one way or the other, and has shown by its
    /// test entry that it works.
    fn proven(&self) -> bool {
        self.list.canary != Canary::None && matches!(self.what, Says::Listed { .. } | Says::Clean)
    }

    /// Whether the list answered and has no test entry.
    fn unproven(&self) -> bool {
        self.list.canary == Canary::None && matches!(self.what, Says::Listed { .. } | Says::Clean)
    }
}

/// The subject of findings about the target as a whole.
fn whole(facts: &Facts) -> About {
    match facts.target.parse::<std::net::IpAddr>() {
        Ok(_) => About::Address(facts.target.clone()),
        Err(_) => About::Domain(facts.target.clone()),
    }
}

/// The record that lists, with the return codes that `reasons` rest on marked,
/// and the list's own words.
fn evidence(lookup: &Lookup, reasons: &[&Reason]) -> Vec<Evidence> {
    let mut shown = Vec::new();
    if let Answer::Addresses { evidence, name, .. } = &lookup.answer {
        let mut addresses: Vec<_> = reasons.iter().map(|reason| reason.address).collect();
        addresses.dedup();
        for address in addresses {
            let before = format!("{name}. A ");
            let means: Vec<&str> =
                reasons.iter().filter(|reason| reason.address == address).map(|reason| reason.means.as_str()).collect();
            let text = format!("{before}{address}");
            let span = Span::new(before.len(), text.len());
            shown.push(Evidence::quoting(evidence, text).at(span, means.join("; ")));
        }
    }
    if let Some(text) = &lookup.text {
        shown.push(Evidence::quoting(&text.evidence, text.text.clone()));
    }
    shown
}

/// A subject and where it comes from, for example `25.25.1.1 (mx1.example)`.
fn named(subject: &Subject) -> String {
    match &subject.origin {
        Origin::Exchange(host) => format!("{} ({host})", subject.what),
        Origin::Given | Origin::Domain => subject.what.to_string(),
    }
}

/// `a`, `a and b`, `a, b and c`; no more than `most`, then `… and 5 more`.
fn series(items: &[String], most: usize) -> String {
    let (shown, more) = items.split_at(items.len().min(most));
    match (shown, more.len()) {
        ([], _) => String::new(),
        ([one], 0) => one.clone(),
        ([all @ .., last], 0) => format!("{} and {last}", all.join(", ")),
        (some, more) => format!("{} and {more} more", some.join(", ")),
    }
}

#[cfg(test)]
mod tests;
