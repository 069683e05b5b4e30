//! What could not be told: one line for each cause, with the lists it silences.

use engine_plugin_api::{Cause, CauseKind, Judgement, Unknown};

use super::{Says, Verdict, series, whole};
use crate::{
    catalogue::List,
    facts::{Answer, Facts, Missing},
    gate::{NetworkKind, Trouble, TroubleKind, operator},
    settings::Plan,
};

/// Lists named in one line, at most; the rest is counted.
const NAMED: usize = 12;

pub(super) fn judge(facts: &Facts, plan: &Plan, verdicts: &[Verdict<'_>], judgement: &mut Judgement) {
    missing_addresses(facts, judgement);
    silent_lists(facts, plan, verdicts, judgement);
    missing_keys(facts, plan, judgement);
    if facts.cut > 0 {
        let cause = Cause::new(
            CauseKind::Denied,
            format!("the settings allow {} addresses (`max_addresses`)", plan.max_addresses),
        );
        let what = format!("whether {} more addresses of the exchanges are listed", facts.cut);
        judgement.unknown(Unknown::new(whole(facts), what, cause).advice("Raise `max_addresses`, 64 at most."));
    }
}

/// The DNS gave no answer to anything: one cause, one line. Returns whether
/// anything was asked at all.
pub(super) fn nothing_answered(facts: &Facts, judgement: &mut Judgement) -> bool {
    let answers = || {
        facts.lists.iter().flat_map(|list| {
            let canaries = list.canary.iter().chain(&list.canary_ipv6);
            canaries
                .flat_map(|canary| canary.listed.iter().chain(&canary.unlisted))
                .chain(list.lookups.iter().map(|lookup| &lookup.answer))
        })
    };
    let from_lists = || {
        answers().find_map(|answer| match answer {
            Answer::Unanswered(cause) => Some(cause.clone()),
            _ => None,
        })
    };
    let Some(cause) = facts.missing.first().map(|missing| missing.cause.clone()).or_else(from_lists) else {
        return false;
    };
    let what = format!("whether {} is on a blocklist: the DNS answers nothing", facts.target);
    judgement.unknown(
        Unknown::new(whole(facts), what, cause).advice("Check the network and the resolver, then run it again."),
    );
    true
}

fn missing_addresses(facts: &Facts, judgement: &mut Judgement) {
    let mut left: Vec<&Missing> = facts.missing.iter().collect();
    while let Some(first) = left.first().copied() {
        let same = |missing: &&Missing| missing.cause.kind == first.cause.kind && missing.exchanges == first.exchanges;
        let names: Vec<String> = left.iter().copied().filter(|m| same(m)).map(|m| m.name.clone()).collect();
        left.retain(|missing| !same(missing));
        let what = if first.exchanges {
            format!("which exchanges {} has, and so whether their addresses are listed", series(&names, NAMED))
        } else {
            format!("all addresses of {}, and so whether those are listed", series(&names, NAMED))
        };
        judgement.unknown(
            Unknown::new(whole(facts), what, first.cause.clone())
                .advice("Give the sending address with --ip, or run it again."),
        );
    }
}

/// A list that tells nothing, why, and of whom.
struct Silent<'a> {
    list: &'a List,
    trouble: &'a Trouble,
    of: Vec<String>,
}

fn silent_lists(facts: &Facts, plan: &Plan, verdicts: &[Verdict<'_>], judgement: &mut Judgement) {
    let mut silent: Vec<Silent<'_>> = Vec::new();
    for verdict in verdicts {
        if let Says::Nothing(trouble) = &verdict.what {
            let of = verdict.subject.what.to_string();
            match silent.iter_mut().find(|s| s.list.zone == verdict.list.zone && s.trouble.kind == trouble.kind) {
                Some(known) => known.of.push(of),
                None => silent.push(Silent { list: verdict.list, trouble, of: vec![of] }),
            }
        }
    }
    let mut kinds: Vec<TroubleKind> = silent.iter().map(|silent| silent.trouble.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    for kind in kinds {
        let group: Vec<&Silent<'_>> = silent.iter().filter(|silent| silent.trouble.kind == kind).collect();
        judgement.unknown(line(facts, plan, verdicts, kind, &group));
    }
}

fn line(facts: &Facts, plan: &Plan, verdicts: &[Verdict<'_>], kind: TroubleKind, group: &[&Silent<'_>]) -> Unknown {
    let mut of: Vec<String> = Vec::new();
    for name in group.iter().flat_map(|silent| &silent.of) {
        if !of.contains(name) {
            of.push(name.clone());
        }
    }
    let concerned =
        plan.lists.iter().filter(|asked| verdicts.iter().any(|verdict| verdict.list.zone == asked.list.zone)).count();
    let zones: Vec<String> = group.iter().map(|silent| silent.list.zone.clone()).collect();
    let lists = match (zones.len(), concerned) {
        (1, _) => zones[0].clone(),
        (n, all) if n == all => format!("any of the {n} lists ({})", series(&zones, NAMED)),
        (n, all) => format!("{n} of the {all} lists ({})", series(&zones, NAMED)),
    };
    let says = if zones.len() == 1 { "says" } else { "say" };
    let what = format!("what {lists} {says} of {}", series(&of, 6));
    // Lists mostly fail in the same words; say those once.
    let mut details: Vec<(&str, Vec<String>)> = Vec::new();
    for silent in group {
        match details.iter_mut().find(|(detail, _)| *detail == silent.trouble.detail) {
            Some((_, zones)) => zones.push(silent.list.zone.clone()),
            None => details.push((&silent.trouble.detail, vec![silent.list.zone.clone()])),
        }
    }
    let mut detail: Vec<String> = details
        .iter()
        .take(4)
        .map(|(detail, zones)| match zones.len() {
            1 | 2 => format!("{} {detail}", zones.join(" and ")),
            n => format!("each of {n} lists {detail}"),
        })
        .collect();
    if let [only] = details.as_slice()
        && group.len() > 1
    {
        detail = vec![format!("each {}", only.0)];
    }
    if details.len() > 4 {
        detail.push(format!("{} more alike", details.len() - 4));
    }
    let mut cause = Cause::new(group[0].trouble.cause_kind(), detail.join("; "));
    cause.evidence.clone_from(&group[0].trouble.evidence);
    if kind == TroubleKind::Silent && are_hidden(verdicts, group) {
        cause.kind = CauseKind::OurSide;
        let advice = "Unrelated lists do not all end on one day: the resolver seems to hide their zones. Use another \
                      (--resolver).";
        return Unknown::new(whole(facts), what, cause).advice(advice);
    }
    Unknown::new(whole(facts), what, cause).advice(advice(kind, group))
}

/// Whether it is the resolver that knows none of the lists: three operators or
/// more are silent, and no list shows its test entry.
fn are_hidden(verdicts: &[Verdict<'_>], group: &[&Silent<'_>]) -> bool {
    let mut operators: Vec<&str> = group.iter().map(|silent| operator(&silent.list.zone)).collect();
    operators.sort_unstable();
    operators.dedup();
    operators.len() >= 3 && !verdicts.iter().any(Verdict::proven)
}

fn advice(kind: TroubleKind, group: &[&Silent<'_>]) -> String {
    let mut advice = match kind {
        TroubleKind::Resolver | TroubleKind::Quota => {
            "Ask through a resolver of your own that asks the name servers itself (--resolver); public resolvers are \
             refused."
                .to_owned()
        }
        TroubleKind::Question => {
            "Check `lists`, `extra` and `keys` in the settings; a resolver that forwards can also spoil the question."
                .to_owned()
        }
        TroubleKind::Silent if group.iter().any(|silent| silent.list.key.is_some()) => {
            "Check the key: with a wrong one such a list answers nothing. Without a key, the list may be dead."
                .to_owned()
        }
        TroubleKind::Silent => {
            "The list may be dead: if it stays so, take it out of the mail servers that ask it.".to_owned()
        }
        TroubleKind::ListsEverything | TroubleKind::Inverted => {
            "Take the list out of mail servers that refuse by it: it would refuse mail that nobody listed.".to_owned()
        }
        TroubleKind::Invented => {
            "The resolver answers in the place of names that do not exist: use another (--resolver).".to_owned()
        }
        TroubleKind::Foreign => "The zone seems parked or taken over: do not use the list.".to_owned(),
        TroubleKind::Network(NetworkKind::Refused) => {
            "Ask through a resolver of your own (--resolver): such lists answer only those they know.".to_owned()
        }
        TroubleKind::Network(_) => "Run it again; if only this stays silent, the list itself is at fault.".to_owned(),
    };
    let may_be_unregistered =
        matches!(kind, TroubleKind::Resolver | TroubleKind::Quota | TroubleKind::Silent | TroubleKind::Network(_));
    let mut registrations: Vec<&str> =
        group.iter().filter(|_| may_be_unregistered).filter_map(|silent| silent.list.registration.as_deref()).collect();
    registrations.dedup();
    for registration in registrations {
        advice.push(' ');
        advice.push_str(registration);
    }
    let refused = matches!(kind, TroubleKind::Resolver | TroubleKind::Quota);
    if refused && group.iter().any(|silent| silent.list.zone.ends_with("spamhaus.org")) {
        advice.push_str(" For Spamhaus, a free DQS key does as well (`keys = { spamhaus-dqs = \"…\" }`).");
    }
    advice
}

fn missing_keys(facts: &Facts, plan: &Plan, judgement: &mut Judgement) {
    let Some(first) = plan.keyless.first() else { return };
    let zones: Vec<String> = plan.keyless.iter().map(|list| list.zone.clone()).collect();
    let mut keys: Vec<&str> = plan.keyless.iter().filter_map(|list| list.key.as_deref()).collect();
    keys.dedup();
    let says = if zones.len() == 1 { "says" } else { "say" };
    let what = format!("what {} {says} of {}", series(&zones, NAMED), facts.target);
    let cause = Cause::new(CauseKind::NeedsInput, format!("{} answers only with a key", first.zone));
    let advice = format!(
        "Give the key in the settings: {}.",
        keys.iter().map(|key| format!("`keys.{key}`")).collect::<Vec<_>>().join(", ")
    );
    judgement.unknown(Unknown::new(whole(facts), what, cause).advice(advice));
}
