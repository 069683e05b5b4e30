//! Whether there is a record, one only, and where receivers look for it.

use engine_plugin_api::{Evidence, Finding, Judgement, Remedy, Severity, Span};
use mail_syntax::{
    dmarc::{Gap, Lookalike, Policy, Rules, StepFound, TagName, is_record, parse, select},
    txt::Candidate,
};

use super::{repair::corrected, words};
use crate::{
    ALIAS_BROKEN, FOREIGN_TEXT, MISPLACED, MISSING, MULTIPLE, NOT_RECOGNISED, TOO_LONG, WILDCARD,
    facts::{Facts, Seen},
};

/// Bytes of a TXT answer that fit a datagram without EDNS, with room for the rest of it.
const DATAGRAM: usize = 450;

pub fn judge(facts: &Facts, out: &mut Judgement) {
    let Some(seen) = facts.place(&facts.domain).filter(|seen| seen.cause.is_none()) else { return };
    let selection = select(&seen.joined());
    match facts.own().found {
        StepFound::Several(texts) => multiple(facts, seen, &texts, out),
        StepFound::Record(_, text) => too_long(facts, seen, &text, out),
        StepFound::Nothing => {
            // One cause each: what stands in the right place first, then what stands elsewhere.
            let broken = alias_broken(facts, seen, out);
            let alike = !broken && !selection.lookalikes.is_empty();
            if !broken && !alike && !misplaced(facts, out) && !is_covered(facts) && is_settled(facts) {
                missing(facts, out);
            }
        }
        StepFound::Failed => {}
    }
    let alone = matches!(facts.own().found, StepFound::Nothing);
    for (candidate, why) in &selection.lookalikes {
        not_recognised(facts, seen, candidate, *why, alone, out);
    }
    if let Some(other) = selection.others.first() {
        foreign(facts, seen, other, selection.others.len(), out);
    }
    wildcard(facts, out);
}

/// Whether a record of the same organization applies from above.
fn is_covered(facts: &Facts) -> bool {
    facts.record().is_some()
}

/// Whether it is known that none does.
fn is_settled(facts: &Facts) -> bool {
    Rules::BOTH.iter().all(|rules| !matches!(facts.discovery(*rules).gap, Some(Gap::Failed(_))))
}

fn missing(facts: &Facts, out: &mut Judgement) {
    let domain = &facts.domain;
    // That of a public suffix, which receivers of RFC 7489 never look at.
    let suffix = facts.discovery(Rules::Rfc9989).record;
    let theirs = facts.requested(Rules::Rfc9989).map_or(Policy::None, |requested| requested.policy);
    let seen = match &suffix {
        None => format!(
            "{domain} has no DMARC record, and none applies to it from above, so that anyone can put it into the From \
             line of a message."
        ),
        Some(found) => format!(
            "{domain} has no DMARC record. Receivers of RFC 9989 apply that of {}, a public suffix: mail that forges \
             {domain} gets `{theirs}`. For those of RFC 7489 none applies, so that anyone can put it into the From line \
             of a message.",
            found.domain
        ),
    };
    let remedy = if facts.is_parked() {
        Remedy::step(
            "The domain neither takes nor sends mail: ask receivers to refuse all that claims to come from it.",
        )
        .publish(format!("_dmarc.{domain}"), "TXT", "v=DMARC1; p=reject")
    } else {
        let mailbox = format!("dmarc-reports@{domain}");
        let change = match &suffix {
            Some(found) if theirs > Policy::None => format!(
                "the record below. It takes the place of that of {}, so that receivers of RFC 9989 go from `{theirs}` to \
                 `none` until you raise it; no mail of yours is lost by it",
                found.domain
            ),
            _ => "the record below, which changes nothing for your mail".to_owned(),
        };
        Remedy::step(format!(
            "Make a mailbox for reports, for example {mailbox}, and publish {change}. When the reports show that all of it passes, go on to `p=quarantine` and `p=reject`."
        ))
        .publish(format!("_dmarc.{domain}"), "TXT", format!("v=DMARC1; p=none; rua=mailto:{mailbox}"))
    };
    let evidence = facts.place(domain).map(|seen| Evidence::of(&seen.evidence));
    let finding = evidence.into_iter().fold(words::finding(facts, MISSING, seen), Finding::evidence);
    out.find(finding.remedy(remedy));
    if let Some(found) = &suffix {
        super::rules::by_suffix(facts, found, out);
    }
}

fn multiple(facts: &Facts, seen: &Seen, texts: &[String], out: &mut Judgement) {
    let above = facts.discovery(Rules::Rfc9989);
    let also = match &above.record {
        None if matches!(above.gap, Some(Gap::Failed(_))) => {
            " Receivers of RFC 7489 then apply no DMARC; what those of RFC 9989 apply could not be told.".to_owned()
        }
        Some(found) => format!(
            " Receivers of RFC 7489 then apply no DMARC; those of RFC 9989 apply the record of {} above.",
            found.domain
        ),
        None => " Receivers then apply no DMARC to its mail.".to_owned(),
    };
    let said = format!("_dmarc.{} has {} DMARC records, so that none counts.{also}", facts.domain, texts.len());
    let same = texts.windows(2).all(|pair| corrected(&pair[0]) == corrected(&pair[1]));
    let strictest = texts.iter().max_by_key(|text| {
        let record = parse(text);
        (record.policy.valid().copied(), record.aggregate_reports.valid().map_or(0, Vec::len))
    });
    let step = if same {
        "They say the same: keep one.".to_owned()
    } else {
        "Keep one record. Which is meant, only you can say; before you keep a stricter policy than `none`, see to it that \
         all your mail passes."
            .to_owned()
    };
    let mut remedy = Remedy::step(step);
    // Nothing is refused for the sake of a record that was pasted.
    let kept = match strictest {
        Some(text) if !same => {
            let mut draft = corrected(text);
            draft.set(TagName::Policy, "none");
            draft.remove(TagName::SubdomainPolicy);
            draft.remove(TagName::NonexistentPolicy);
            for other in texts {
                draft.join(&corrected(other));
            }
            remedy.step.push_str(" The one that is left refuses nothing, and names the report addresses of all.");
            Some(draft.text())
        }
        _ => texts.first().cloned(),
    };
    let stands = texts.iter().position(|text| Some(text) == kept.as_ref());
    let others = texts.iter().enumerate().filter(|(at, _)| Some(*at) != stands);
    for (_, text) in others.take(words::SHOWN) {
        remedy = remedy.withdraw(&seen.home, "TXT", text);
    }
    if let (None, Some(text)) = (stands, kept) {
        remedy = remedy.publish(&seen.home, "TXT", text);
    }
    let evidence = texts
        .iter()
        .take(words::SHOWN)
        .map(|text| seen.quote(text).at(Span::new(0, 8.min(text.len())), "a DMARC record"));
    let finding = evidence.fold(words::finding(facts, MULTIPLE, said), Finding::evidence);
    out.find(finding.remedy(remedy.once_old_copies_expire(seen.ttl())));
}

fn not_recognised(facts: &Facts, seen: &Seen, candidate: &Candidate, why: Lookalike, alone: bool, out: &mut Judgement) {
    let text = &candidate.text;
    let reason = match why {
        Lookalike::LeadingSpace => "white space or an invisible character stands before `v=DMARC1`",
        Lookalike::Quoted => "quotation marks are part of the text",
        Lookalike::Case => "`DMARC1` is not written in capitals",
        Lookalike::Glued => "no `;` follows `v=DMARC1`",
        Lookalike::Version => "its version is not `DMARC1`",
        Lookalike::NotFirst => "`v=DMARC1` does not come first",
        Lookalike::NoVersion => "it does not begin with `v=DMARC1`",
    };
    let consequence =
        if alone { "The domain has no DMARC record as receivers see it." } else { "Receivers ignore it." };
    let said =
        format!("_dmarc.{} has a text that is meant as DMARC and is none: {reason}. {consequence}", facts.domain);
    let end = text.find(';').filter(|end| *end > 0).unwrap_or(text.len());
    let evidence = seen.quote(text).at(Span::new(0, end), "not `v=DMARC1;`");
    let remedy = match repaired(text).filter(|_| alone) {
        Some(repaired) => {
            let policy = parse(&repaired).policy.valid().copied();
            let warning = match policy {
                Some(policy) if policy > Policy::None => format!(
                    " From then on `p={policy}` counts, and receivers {}; make sure that your mail passes.",
                    words::wish(policy)
                ),
                _ => String::new(),
            };
            Remedy::step(format!("Replace it by a text that begins with `v=DMARC1;`.{warning}"))
                .withdraw(&seen.home, "TXT", text)
                .publish(&seen.home, "TXT", repaired)
        }
        None if alone => Remedy::step("Replace it by a text that begins with `v=DMARC1;`."),
        None => Remedy::step("Take it away.").withdraw(&seen.home, "TXT", text),
    };
    let finding = words::finding(facts, NOT_RECOGNISED, said).evidence(evidence);
    let finding = finding.remedy(remedy.once_old_copies_expire(seen.ttl()));
    out.find(if alone { finding } else { finding.severity(Severity::Notice) });
}

/// The record that was meant, where that is plain and right.
fn repaired(text: &str) -> Option<String> {
    let noise = |c: char| {
        c.is_whitespace()
            || matches!(c, '"' | '\'' | '\\' | '`' | '\u{2018}'..='\u{201f}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
    };
    let bare = text.trim_matches(noise);
    let at = bare.to_ascii_lowercase().find("dmarc1");
    let rest = match at {
        // Everything before is `v=` in some form, or other tags, which follow it then.
        Some(at) if bare[..at].contains(';') => {
            let (before, after) = (bare[..at].rsplit_once(';')?.0, &bare[at + 6..]);
            format!("{before};{after}")
        }
        Some(at) => bare[at + 6..].to_owned(),
        None => bare.to_owned(),
    };
    if rest.starts_with(|c: char| c.is_ascii_alphanumeric()) && at.is_some() {
        return None;
    }
    let rest = rest.trim_matches(|c: char| noise(c) || matches!(c, ';' | ','));
    let text = corrected(&format!("v=DMARC1; {}", rest.replace(['"', '\\'], ""))).text();
    let record = parse(&text);
    (is_record(text.as_bytes()) && record.disabling(Rules::Rfc9989).is_none()).then_some(text)
}

/// A record where it does nothing: at the domain itself, without the underscore,
/// or where the DNS host's form has added the domain once more.
fn misplaced(facts: &Facts, out: &mut Judgement) -> bool {
    let own = (facts.domain.clone(), &facts.texts);
    let elsewhere = facts.elsewhere.iter().map(|(name, seen)| (name.clone(), seen));
    let place = elsewhere.chain([own]).find_map(|(name, seen)| {
        let text = select(&seen.joined()).records.into_iter().next()?.text;
        Some((name, seen, text))
    });
    let Some((name, seen, text)) = place else { return false };
    let right = format!("_dmarc.{}", facts.domain);
    let how = if name == facts.domain {
        "at the domain itself"
    } else if name.starts_with("_dmarc.") {
        "with the domain written twice, as happens where a form adds it by itself"
    } else {
        "without the underscore"
    };
    let said = format!("A DMARC record stands at {name}, {how}. Receivers look at {right} and find none.");
    let record = parse(&text);
    let strict = record.policy.valid().is_some_and(|policy| *policy > Policy::None);
    let warning = if strict { " From then on its policy counts; make sure that your mail passes." } else { "" };
    let remedy = Remedy::step(format!("Move it to {right}.{warning}")).withdraw(&seen.home, "TXT", &text).publish(
        &right,
        "TXT",
        corrected(&text).text(),
    );
    let evidence = seen.quote(&text);
    out.find(words::finding(facts, MISPLACED, said).evidence(evidence).remedy(remedy));
    true
}

fn alias_broken(facts: &Facts, seen: &Seen, out: &mut Judgement) -> bool {
    let Some(end) = seen.alias() else { return false };
    if !seen.texts.is_empty() {
        return false;
    }
    let what = if seen.is_absent { "does not exist" } else { "has no TXT record" };
    let said = format!(
        "_dmarc.{} is an alias of {end}, which {what}. So the domain has no DMARC record, and whoever can make that name \
         decides about its mail.",
        facts.domain
    );
    let step = format!(
        "Ask the service that {end} belongs to for the right name, or take the CNAME record away and publish a TXT \
         record at _dmarc.{} yourself.",
        facts.domain
    );
    let finding = words::finding(facts, ALIAS_BROKEN, said).evidence(Evidence::of(&seen.evidence));
    out.find(finding.remedy(Remedy::step(step)));
    true
}

fn foreign(facts: &Facts, seen: &Seen, other: &Candidate, count: usize, out: &mut Judgement) {
    let what = if other.text.to_ascii_lowercase().starts_with("v=spf1") {
        "an SPF record, which belongs at the domain itself".to_owned()
    } else if count > 1 {
        format!("{count} texts that are no DMARC records")
    } else {
        "a text that is no DMARC record".to_owned()
    };
    let wild = facts.probe.joined().contains(&other.text.clone().into_bytes());
    let cause = if wild { ". A wildcard record of the domain gives it" } else { "" };
    let said = format!("_dmarc.{} holds {what}{cause}. Receivers ignore it.", facts.domain);
    let remedy = if wild {
        let step =
            "Let no wildcard give TXT records, or publish a DMARC record here, which takes the wildcard's place.";
        Remedy::step(step)
    } else {
        Remedy::step("Take it away, or move it to where it belongs.").withdraw(&seen.home, "TXT", &other.text)
    };
    out.find(words::finding(facts, FOREIGN_TEXT, said).evidence(seen.quote(&other.text)).remedy(remedy));
}

/// A wildcard that gives every name below the domain a record of its own.
fn wildcard(facts: &Facts, out: &mut Judgement) {
    let mut records = select(&facts.probe.joined()).records;
    if records.is_empty() {
        return;
    }
    let text = records.remove(0).text;
    let said = format!(
        "Every name below {} has a DMARC record, even one that nobody has made: a wildcard gives it. So `sp` and `np` of \
         the domain's record say nothing, and the wildcard's `p` counts for each.",
        facts.domain
    );
    let step = format!(
        "Take the wildcard TXT record away, and say in the record at _dmarc.{} with `sp` and `np` what is wished for \
         names below it.",
        facts.domain
    );
    let evidence = facts.probe.quote(&text);
    out.find(words::finding(facts, WILDCARD, said).evidence(evidence).remedy(Remedy::step(step)));
}

fn too_long(facts: &Facts, seen: &Seen, text: &str, out: &mut Judgement) {
    if text.len() <= DATAGRAM {
        return;
    }
    let said = format!(
        "The DMARC record of {} is {} bytes long, so that its answer may not fit 512 bytes. Receivers that cannot ask \
         again over TCP find none.",
        facts.domain,
        text.len()
    );
    let end = (DATAGRAM..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    let evidence = seen.quote(text).at(Span::new(end, text.len()), format!("beyond {DATAGRAM} bytes"));
    let step = "Name fewer report addresses: one that passes reports on serves as many readers.";
    out.find(words::finding(facts, TOO_LONG, said).evidence(evidence).remedy(Remedy::step(step)));
}
