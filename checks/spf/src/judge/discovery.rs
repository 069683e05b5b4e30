//! Whether there is a record, and only one.

use engine_plugin_api::{Evidence, Finding, Judgement, Remedy, Severity, Span};
use mail_syntax::spf::{Families, LOOKUP_LIMIT, Lookalike, NodeState, Qualifier, Selection, VOID_LIMIT, parse, select};

use super::{merge, missing, policy, reach, syntax::Joined, words};
use crate::{MULTIPLE, NOT_RECOGNISED, RECORD, SENDER_ID, TOO_LONG, TYPE_99, facts::Facts};

pub fn judge(facts: &Facts, joined: Option<&Joined>, out: &mut Judgement) {
    let Some(root) = facts.survey.root() else { return };
    let bytes: Vec<Vec<u8>> = facts.texts.iter().map(|text| text.strings.concat()).collect();
    let selection = select(&bytes);
    let old: Vec<&String> = facts.type99.known().into_iter().flatten().filter(|text| is_spf(text)).collect();
    match &root.state {
        NodeState::NxDomain => missing::nonexistent(facts, out),
        // A look-alike or a type-99 record says why there is none; that is told below.
        NodeState::NoRecord(_) if selection.lookalikes.is_empty() && old.is_empty() => {
            missing::judge(facts, &selection, out)
        }
        NodeState::Several(_) => multiple(facts, &selection, out),
        NodeState::Record(record) => {
            too_long(facts, &root.text, out);
            summary(facts, record, out);
        }
        _ => {}
    }
    let alone = matches!(root.state, NodeState::NoRecord(_));
    for (candidate, why) in &selection.lookalikes {
        if joined.is_none_or(|joined| joined.text != candidate.text) {
            not_recognised(facts, &candidate.text, *why, alone, out);
        }
    }
    for candidate in selection.sender_id() {
        let seen = format!("{} publishes a Sender ID record, `{}`.", facts.domain, candidate.text);
        let remedy = Remedy::step("Take the Sender ID record away; no receiver reads it.").withdraw(
            facts.home(&facts.domain),
            "TXT",
            &candidate.text,
        );
        let evidence = facts.quote(&facts.domain, &candidate.text).at(Span::new(0, 7), "Sender ID");
        out.find(words::finding(facts, SENDER_ID, seen).evidence(evidence).remedy(remedy));
    }
    if let Some(text) = old.first() {
        type_99(facts, text, alone && selection.lookalikes.is_empty(), out);
    }
}

fn is_spf(text: &str) -> bool {
    !select(&[text]).records.is_empty()
}

fn multiple(facts: &Facts, selection: &Selection, out: &mut Judgement) {
    let texts: Vec<&str> = selection.records.iter().map(|record| record.text.as_str()).collect();
    let seen = format!(
        "{} publishes {} SPF records. Receivers take none of them: every check ends with `permerror`.",
        facts.domain,
        texts.len()
    );
    let home = facts.home(&facts.domain);
    let merged = merge::records(&facts.domain, &texts);
    let mut remedy = Remedy::step(merged.step);
    for text in &texts {
        remedy = remedy.withdraw(home, "TXT", *text);
    }
    if let Some(text) = merged.text {
        remedy = remedy.publish(home, "TXT", text);
    }
    let finding =
        words::finding(facts, MULTIPLE, seen).remedy(remedy.once_old_copies_expire(words::ttl(facts, &facts.domain)));
    let evidence = texts.iter().map(|text| facts.quote(&facts.domain, text).at(Span::new(0, 6), "an SPF record"));
    out.find(evidence.fold(finding, Finding::evidence));
}

fn not_recognised(facts: &Facts, text: &str, why: Lookalike, alone: bool, out: &mut Judgement) {
    let reason = match why {
        Lookalike::LeadingSpace => "white space or an invisible character stands before `v=spf1`",
        Lookalike::Quoted => "quotation marks are part of the text",
        Lookalike::Glued => "no space follows `v=spf1`",
        Lookalike::Version => "its version is not `v=spf1`",
        Lookalike::Misspelt => "it does not begin with `v=spf1`",
    };
    let consequence = if alone { "The domain has no SPF record as receivers see it." } else { "Receivers ignore it." };
    let seen = format!("{} has a text that is meant as SPF and is none: {reason}. {consequence}", facts.domain);
    let evidence = facts.quote(&facts.domain, text).at(Span::new(0, fault_end(text, why)), "not `v=spf1` and a space");
    let finding = words::finding(facts, NOT_RECOGNISED, seen).evidence(evidence);
    let home = facts.home(&facts.domain);
    let remedy = match repaired(text).filter(|_| alone) {
        Some(repaired) => Remedy::step("Replace it by a text that begins with `v=spf1` and a space.")
            .withdraw(home, "TXT", text)
            .publish(home, "TXT", repaired),
        None if alone => Remedy::step("Replace it by a text that begins with `v=spf1` and a space."),
        None => {
            Remedy::step("Take it away, or move what it authorises into the SPF record.").withdraw(home, "TXT", text)
        }
    };
    let finding = finding.remedy(remedy.once_old_copies_expire(words::ttl(facts, &facts.domain)));
    out.find(if alone { finding } else { finding.severity(Severity::Notice) });
}

/// Where the part ends that is not as it should be.
fn fault_end(text: &str, why: Lookalike) -> usize {
    let version = text.to_ascii_lowercase().find("v=spf1");
    let after = |extra: usize| text.char_indices().map(|(at, c)| at + c.len_utf8()).nth(extra).unwrap_or(text.len());
    match (why, version) {
        (Lookalike::LeadingSpace | Lookalike::Quoted, Some(start)) if start > 0 => start,
        (Lookalike::Glued, Some(_)) => after(6),
        _ => text.find(' ').filter(|end| *end > 0).unwrap_or(text.len()),
    }
}

/// The record that was meant, where that is plain and right.
fn repaired(text: &str) -> Option<String> {
    let start = text.to_ascii_lowercase().find("v=spf1")?;
    let noise =
        |c: char| matches!(c, '"' | '\'' | '\\' | '`' | ';' | ',' | '\u{2018}'..='\u{201f}') || c.is_whitespace();
    let rest = text.get(start + 6..)?.trim_matches(noise);
    if rest.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let words: Vec<&str> =
        rest.split(|c: char| c.is_whitespace() || c == ';').filter(|word| !word.is_empty()).collect();
    let repaired = format!("v=spf1 {}", words.join(" "));
    (!words.is_empty() && parse(&repaired).issues.is_empty()).then_some(repaired)
}

fn type_99(facts: &Facts, text: &str, alone: bool, out: &mut Judgement) {
    let home = facts.home(&facts.domain);
    let evidence = Evidence::quoting(&facts.type99_evidence, text);
    let finding = if alone {
        let seen = format!(
            "{} publishes SPF only as a record of type SPF (99), which receivers do not ask for.",
            facts.domain
        );
        let remedy = Remedy::step("Publish the same text as a TXT record.").publish(home, "TXT", text);
        words::finding(facts, TYPE_99, seen).severity(Severity::Error).remedy(remedy)
    } else {
        let seen = format!("{} publishes a record of the obsolete type SPF (99) beside its TXT record.", facts.domain);
        let remedy = Remedy::step("Take the record of type SPF away.").withdraw(home, "SPF", text);
        words::finding(facts, TYPE_99, seen).remedy(remedy)
    };
    out.find(finding.evidence(evidence));
}

/// Longer texts may not fit an answer of 512 bytes (RFC 7208 §3.4).
fn too_long(facts: &Facts, text: &str, out: &mut Judgement) {
    const ADVISED: usize = 450;
    const DATAGRAM: usize = 512;
    if text.len() <= ADVISED {
        return;
    }
    let consequence = if text.len() > DATAGRAM {
        "It does not fit a DNS answer of 512 bytes."
    } else {
        "With the rest of the answer it may not fit 512 bytes."
    };
    let seen = format!("The SPF record of {} is {} bytes long. {consequence}", facts.domain, text.len());
    let mut end = ADVISED;
    while !text.is_char_boundary(end) {
        end += 1;
    }
    let evidence = facts.quote(&facts.domain, text).at(Span::new(end, text.len()), format!("beyond {ADVISED} bytes"));
    let step = format!(
        "Move some networks into a record of their own, for example at `_spf1.{0}`, and name it with \
         `include:_spf1.{0}`; that costs one lookup.",
        facts.domain
    );
    out.find(words::finding(facts, TOO_LONG, seen).evidence(evidence).remedy(Remedy::step(step)));
}

/// The record and what it costs, for whoever asks "what do they publish?".
fn summary(facts: &Facts, record: &mail_syntax::spf::Record, out: &mut Judgement) {
    let Some(root) = facts.survey.root() else { return };
    let lookups = facts.survey.lookups();
    let voids = facts.survey.voids().count();
    let at_least = words::at_least(facts);
    let default = policy::default_of(facts).phrase();
    let family = |has: fn(&Families) -> bool| facts.survey.costs().filter(|cost| has(&cost.void)).count();
    let by_family = [("IPv4", family(|void| void.v4)), ("IPv6", family(|void| void.v6))];
    let more: Vec<&str> = by_family.iter().filter(|(_, n)| *n > VOID_LIMIT).map(|(name, _)| *name).collect();
    let rest = match (record.is_broken(), reach::ends_in_permerror(facts), voids > VOID_LIMIT, more.as_slice()) {
        (true, ..) => "receivers cannot read it and end with `permerror`".to_owned(),
        (_, true, ..) => {
            "servers that no term names before the fault get `permerror`, as other findings show".to_owned()
        }
        (_, _, true, _) | (.., [_, _]) => {
            format!("receivers that count void lookups end with `permerror`; with others {default}")
        }
        (.., [one]) => {
            format!("{default}; receivers that count void lookups end with `permerror` for those that send by {one}")
        }
        _ => default.to_owned(),
    };
    let only = by_family.iter().filter(|(_, n)| *n > voids).map(|(name, n)| format!("{n} for senders by {name}"));
    let only = only.collect::<Vec<_>>().join(", ");
    let only = if only.is_empty() { only } else { format!(" ({only})") };
    let is_circle = facts.survey.nodes.iter().any(|node| matches!(node.state, NodeState::Loop(_)));
    let cost = match (is_circle, lookups > LOOKUP_LIMIT) {
        // Going round the circle, a receiver counts on until it gives up.
        (true, false) => format!("more than {LOOKUP_LIMIT} lookups, since its terms lead in a circle,"),
        (_, true) => format!("{at_least}{lookups} lookups, of which {LOOKUP_LIMIT} are allowed,"),
        _ => format!("{at_least}{lookups} of {LOOKUP_LIMIT} lookups"),
    };
    let seen = format!(
        "{} publishes one SPF record. It costs {cost} and {voids} of {VOID_LIMIT} void lookups{only}; {rest}.",
        facts.domain
    );
    let open =
        matches!(policy::default_of(facts), policy::Default::All(Qualifier::Pass, at) if reach::is_reached(facts, at));
    let sound = !open && !record.is_broken() && !reach::is_broken(facts) && !words::is_unanswered(facts);
    let evidence = facts.quote(&facts.domain, &root.text);
    let evidence = match record.all() {
        Some((term, _)) if sound || open => {
            evidence.at(words::span(record.terms[term].span), "whoever is not named before")
        }
        _ => evidence,
    };
    let finding = words::finding(facts, RECORD, seen).evidence(evidence);
    out.find(if sound { finding } else { finding.severity(Severity::Info) });
}
