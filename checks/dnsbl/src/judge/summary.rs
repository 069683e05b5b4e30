//! What is said once a run: the clean, the lists without IPv6, the dead.

use engine_plugin_api::{Actor, Finding, Judgement, Remedy, Subject as About};

use super::{Says, Verdict, series, whole};
use crate::{
    CLEAN, DEAD_LIST, NO_IPV6,
    catalogue::Remains,
    facts::{Facts, Origin, Subject},
    settings::Plan,
};

pub(super) fn judge(facts: &Facts, plan: &Plan, verdicts: &[Verdict<'_>], judgement: &mut Judgement) {
    clean(facts, verdicts, judgement);
    no_ipv6(facts, plan, verdicts, judgement);
}

/// Lists that the settings name and that have ended.
pub(super) fn dead_lists(plan: &Plan, judgement: &mut Judgement) {
    for (zone, dead) in &plan.dead {
        let closed = dead.closed.as_ref().map(|when| format!(" closed {when}")).unwrap_or_else(|| " is closed".into());
        let now = match dead.now {
            Remains::Empty => " Its zone is empty, so that everybody looks clean.",
            Remains::ListsAll => " After its end it listed everybody.",
            Remains::Gone => "",
        };
        let finding = Finding::new(
            DEAD_LIST,
            About::Domain(zone.clone()),
            format!("The settings name {zone}, which{closed}: {}.{now} It was not asked.", dead.why),
        )
        .actor(Actor::ServerOperator)
        .remedy(Remedy::step(format!(
            "Take {zone} out of the settings of this check, and out of the mail server and spam filter that may still ask it."
        )));
        judgement.find(finding);
    }
}

/// Subjects with nothing held against them, by how many lists say so.
fn clean(facts: &Facts, verdicts: &[Verdict<'_>], judgement: &mut Judgement) {
    let mut groups: Vec<(Counts, Vec<&Subject>)> = Vec::new();
    for subject in &facts.subjects {
        let of_subject =
            || verdicts.iter().filter(|verdict| verdict.subject.what == subject.what && !verdict.list.is_allow_list());
        let counts = Counts {
            proven: of_subject().filter(|verdict| verdict.proven()).count(),
            unproven: of_subject().filter(|verdict| verdict.unproven()).count(),
            silent: of_subject().filter(|verdict| matches!(verdict.what, Says::Nothing(_))).count(),
            domain: subject.what.is_domain(),
        };
        if counts.say_nothing() || of_subject().any(|verdict| verdict.against().next().is_some()) {
            continue;
        }
        match groups.iter_mut().find(|(known, _)| *known == counts) {
            Some((_, subjects)) => subjects.push(subject),
            None => groups.push((counts, vec![subject])),
        }
    }
    if groups.is_empty() {
        return;
    }
    let mut sentences = Vec::new();
    for (counts, subjects) in &groups {
        let names: Vec<String> = subjects.iter().map(|subject| super::named(subject)).collect();
        let verb = if names.len() == 1 { "is" } else { "are" };
        sentences.push(format!("{} {verb} {}.", series(&names, 8), counts.words()));
    }
    let inbound =
        groups.iter().flat_map(|(_, subjects)| subjects).any(|subject| matches!(subject.origin, Origin::Exchange(_)));
    if inbound {
        sentences.push(
            "Exchanges are where mail comes in; give the address that mail goes out from with --ip to look that up."
                .to_owned(),
        );
    }
    judgement.find(Finding::new(CLEAN, whole(facts), sentences.join(" ")).actor(Actor::Nobody));
}

/// How many lists speak of a subject.
#[derive(PartialEq)]
struct Counts {
    /// Those that answered and showed their test entry.
    proven: usize,
    /// Those that answered and have no test entry.
    unproven: usize,
    /// Those that could not tell.
    silent: usize,
    /// They are lists of domains.
    domain: bool,
}

impl Counts {
    /// Whether nobody can be called clean by them: a list without a test entry
    /// is also empty when it is dead.
    fn say_nothing(&self) -> bool {
        self.proven == 0 && (self.unproven == 0 || self.silent > 0)
    }

    fn words(&self) -> String {
        let kind = if self.domain { "domain lists" } else { "address lists" };
        if self.proven == 0 {
            return match self.unproven {
                1 => format!("not on the one of the {kind} that was asked; it has no test entry to show that it works"),
                n => format!("on none of {n} {kind}; they have no test entry to show that they work"),
            };
        }
        let mut words = match self.proven {
            1 => format!("not on the one of the {kind} that answered"),
            n => format!("on none of the {n} {kind} that answered"),
        };
        if self.unproven > 0 {
            words.push_str(&format!(", nor on {} without a test entry", self.unproven));
        }
        if self.silent > 0 {
            words.push_str(&format!("; {} more could not tell", self.silent));
        }
        words
    }
}

/// IPv6 addresses about which most lists say nothing, in one line.
fn no_ipv6(facts: &Facts, plan: &Plan, verdicts: &[Verdict<'_>], judgement: &mut Judgement) {
    let addresses: Vec<String> = facts
        .subjects
        .iter()
        .filter(|subject| subject.what.is_ipv6())
        .map(|subject| subject.what.to_string())
        .collect();
    let without: Vec<String> = plan
        .lists
        .iter()
        .filter(|asked| {
            verdicts.iter().any(|verdict| verdict.list.zone == asked.list.zone && matches!(verdict.what, Says::NotHeld))
        })
        .map(|asked| asked.list.zone.clone())
        .collect();
    if addresses.is_empty() || without.is_empty() {
        return;
    }
    let lists = if without.len() == 1 { "list has" } else { "lists have" };
    let seen = format!(
        "{} {lists} no IPv6 and so say nothing of {}: {}.",
        without.len(),
        series(&addresses, 4),
        series(&without, 6)
    );
    let seen = if without.len() == 1 { seen.replace("so say nothing", "so says nothing") } else { seen };
    judgement.find(Finding::new(NO_IPV6, whole(facts), seen).actor(Actor::Nobody));
}
