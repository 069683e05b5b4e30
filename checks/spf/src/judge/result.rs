//! What a receiver would decide for the address and identity given.

use engine_plugin_api::{Actor, Cause, CauseKind, Evidence, Finding, Judgement, Remedy, Severity, Subject, Unknown};
use mail_syntax::spf::{
    Evaluation, LOOKUP_LIMIT, Mechanism, Network, Query, StepOutcome, TermRef, VOID_LIMIT, Verdict, Why,
};

use super::words;
use crate::{
    ADDRESS_INVALID, FAIL, INCLUDE_BROKEN, INCLUDE_NONE, LOOP, MISSING, MULTIPLE, MX_TOO_MANY, NEUTRAL, NOT_ASCII,
    PASS, PERMERROR, SOFTFAIL, STRINGS_JOINED, SYNTAX, TOO_MANY_LOOKUPS, TOO_MANY_VOIDS, UNKNOWN_MECHANISM,
    VOIDS_OF_ONE_FAMILY,
    facts::{Evaluated, Facts, Identity},
};

/// What makes checks of the domain end in `permerror`.
const BREAKS: [&str; 13] = [
    ADDRESS_INVALID,
    INCLUDE_BROKEN,
    INCLUDE_NONE,
    LOOP,
    MULTIPLE,
    MX_TOO_MANY,
    NOT_ASCII,
    STRINGS_JOINED,
    SYNTAX,
    TOO_MANY_LOOKUPS,
    TOO_MANY_VOIDS,
    UNKNOWN_MECHANISM,
    VOIDS_OF_ONE_FAMILY,
];

pub fn judge(facts: &Facts, out: &mut Judgement) {
    for evaluated in &facts.evaluations {
        let subject = subject(evaluated);
        let Some(evaluation) = &evaluated.evaluation else {
            let cause = Cause::new(CauseKind::Denied, "the evaluation needs more DNS questions than are allowed");
            out.unknown(Unknown::new(subject, what(evaluated), cause));
            continue;
        };
        match evaluation.verdict {
            Verdict::TempError => temperror(facts, evaluated, evaluation, out),
            Verdict::None => none(facts, evaluated, evaluation, out),
            verdict => {
                let told = evaluated.query.domain.eq_ignore_ascii_case(&facts.domain)
                    && out.findings.iter().any(|finding| BREAKS.contains(&finding.code.as_str()));
                let finding = result(facts, evaluated, evaluation, verdict);
                out.find(match verdict {
                    Verdict::PermError => finding.remedy(repair(evaluation, told)),
                    _ => finding,
                });
            }
        }
    }
}

fn subject(evaluated: &Evaluated) -> Subject {
    match evaluated.identity {
        Identity::MailFrom => Subject::Mailbox(evaluated.query.sender.clone()),
        Identity::Helo => Subject::Host(evaluated.query.helo.clone()),
    }
}

fn what(evaluated: &Evaluated) -> String {
    format!("whether {} may send as {}", evaluated.query.ip, subject(evaluated).name())
}

fn temperror(facts: &Facts, evaluated: &Evaluated, evaluation: &Evaluation, out: &mut Judgement) {
    let (cause, advice) = match &evaluation.why {
        Why::HeloUnknown => (
            Cause::new(CauseKind::NeedsInput, "the record asks for the HELO name of the server (`%{h}`)"),
            "Give the name that the server says with EHLO: `--helo NAME`.".to_owned(),
        ),
        why => {
            let (cause, name) = match why {
                Why::NoAnswer(question) => {
                    (facts.replies.get(question).and_then(|seen| seen.cause.clone()), question.name.as_str())
                }
                _ => (None, evaluated.query.domain.as_str()),
            };
            let advice = format!(
                "Receivers answer `temperror` and put the mail off until the DNS answers. Find out why the name \
                 servers of {name} do not; once they do, run this check again."
            );
            (cause.unwrap_or_else(|| Cause::new(CauseKind::ServerFailure, "the DNS gave no answer")), advice)
        }
    };
    out.unknown(Unknown::new(subject(evaluated), what(evaluated), cause).advice(advice));
}

/// No record: told already where the domain is the one examined; for a HELO
/// name it is the ordinary case.
fn none(facts: &Facts, evaluated: &Evaluated, evaluation: &Evaluation, out: &mut Judgement) {
    let domain = &evaluated.query.domain;
    if evaluated.identity == Identity::Helo || domain.eq_ignore_ascii_case(&facts.domain) {
        return;
    }
    let seen = match &evaluation.why {
        Why::NoDomain(_) => format!("`{domain}` in the sender is no domain that can have an SPF record."),
        _ => format!("The sender's domain {domain} publishes no SPF record."),
    };
    let finding = Finding::new(MISSING, Subject::Domain(domain.clone()), seen)
        .severity(Severity::Warning)
        .remedy(Remedy::step(format!("Publish a record at {domain} that names every server that sends for it.")));
    out.find(match facts.answer(domain, mail_syntax::spf::Kind::Txt) {
        Some(evidence) => finding.evidence(evidence),
        None => finding,
    });
}

fn result(facts: &Facts, evaluated: &Evaluated, evaluation: &Evaluation, verdict: Verdict) -> Finding {
    let code = match verdict {
        Verdict::Pass => PASS,
        Verdict::Fail => FAIL,
        Verdict::SoftFail => SOFTFAIL,
        Verdict::PermError => PERMERROR,
        _ => NEUTRAL,
    };
    let query = &evaluated.query;
    let as_whom = match evaluated.identity {
        Identity::MailFrom => format!("mail from {}", query.sender),
        Identity::Helo => format!("the HELO name {}", query.helo),
    };
    let mut seen = format!("For {as_whom} sent by {}, SPF gives `{verdict}`: {}.", query.ip, reason(evaluation));
    if let Some(trace) = trace(evaluation) {
        seen.push(' ');
        seen.push_str(&trace);
    }
    if let Some(words) = &evaluation.explanation {
        let time = if words.contains("%{t}") { " (with the time of receiving for `%{t}`)" } else { "" };
        seen.push_str(&format!(" The domain explains: \"{words}\"{time}."));
    }
    let mut finding = Finding::new(code, subject(evaluated), seen);
    finding = evidence(facts, evaluation).into_iter().fold(finding, Finding::evidence);
    match verdict {
        Verdict::Pass => finding.actor(Actor::Nobody),
        Verdict::PermError => finding,
        _ => {
            let finding = finding.remedy(authorise(facts, query, evaluation));
            // Receivers seldom refuse for a doubtful HELO name.
            let mild = evaluated.identity == Identity::Helo && verdict != Verdict::Fail;
            if mild { finding.severity(Severity::Notice) } else { finding }
        }
    }
}

/// What to do about a `permerror`; `told`: other findings say it.
fn repair(evaluation: &Evaluation, told: bool) -> Remedy {
    if told {
        return Remedy::step("Correct the record at the place shown; the other findings of this check say how.");
    }
    let domain = evaluation.deciding_term().map_or("", |term| term.domain);
    Remedy::step(match &evaluation.why {
        Why::LookupLimit => "Let the records cost fewer lookups on the way to the term shown: take out what no longer \
                             sends, and name servers by `ip4:` and `ip6:`, which cost none."
            .to_owned(),
        Why::VoidLimit => "Take out the terms that find nothing for such a sender, or name their hosts by `ip4:` and \
                           `ip6:`, which cost no lookup."
            .to_owned(),
        Why::NameLimit(_) => {
            format!("Name the exchanges by `ip4:` and `ip6:` in the record of {domain} instead of `mx`.")
        }
        Why::SeveralRecords(name) => format!("Publish one SPF record at {name}, and no other."),
        Why::IncludeWithoutRecord(name) | Why::RedirectWithoutRecord(name) => {
            format!("Correct the name in the record of {domain}, or take the term out, or publish a record at {name}.")
        }
        Why::Syntax { record } => {
            let domain = evaluation.visited.get(*record).map_or("", |visited| visited.domain.as_str());
            format!("Correct the record of {domain} at the place shown.")
        }
        _ => "Correct the record at the place shown.".to_owned(),
    })
}

/// Why, as a fragment.
fn reason(evaluation: &Evaluation) -> String {
    let term = evaluation.deciding_term();
    let (text, domain) = term.map_or(("", ""), |term| (term.text, term.domain));
    let of = |record: &usize| evaluation.visited.get(*record).map_or("", |visited| visited.domain.as_str());
    match &evaluation.why {
        Why::Directive => format!("`{text}` in the record of {domain} matches{}", by_way_of(evaluation)),
        Why::NothingMatched { record } => format!("no term matches, and the record of {} has no `all`", of(record)),
        Why::NoDomain(name) => format!("`{name}` is no domain"),
        Why::NoRecord(name) => format!("{name} has no SPF record"),
        Why::SeveralRecords(name) => format!("{name} has several SPF records"),
        Why::Syntax { record } => format!("the record of {} has a fault", of(record)),
        Why::LookupLimit => format!("`{text}` in the record of {domain} is the eleventh lookup, and 10 are allowed"),
        Why::VoidLimit => format!("`{text}` in the record of {domain} is the third void lookup, and 2 are allowed"),
        Why::NameLimit(n) => format!("`{text}` in the record of {domain} yields {n} exchanges, and 10 are allowed"),
        Why::IncludeWithoutRecord(name) => format!("`{text}` includes {name}, which has no SPF record"),
        Why::RedirectWithoutRecord(name) => format!("`{text}` leads to {name}, which has no SPF record"),
        Why::NoAnswer(question) => format!("the DNS does not answer {question}"),
        Why::HeloUnknown => "the HELO name is not known".to_owned(),
    }
}

fn by_way_of(evaluation: &Evaluation) -> String {
    let above = evaluation.path.split_last().map(|(_, above)| above).unwrap_or_default();
    let texts: Vec<&str> = above.iter().filter_map(|at| evaluation.term(*at)).map(|term| term.text).collect();
    if texts.is_empty() { String::new() } else { format!(", reached by {}", words::list(&texts)) }
}

/// The terms that were looked at in vain, and the cost.
fn trace(evaluation: &Evaluation) -> Option<String> {
    let mut vain: Vec<&str> = Vec::new();
    let terms = evaluation.steps.iter().filter(|step| step.outcome == StepOutcome::NoMatch);
    for term in terms.filter_map(|step| evaluation.term(step.at)) {
        // Includes that overlap, or lead in a circle, come to the same terms again.
        if !vain.contains(&term.text) {
            vain.push(term.text);
        }
    }
    if evaluation.steps.is_empty() {
        return None;
    }
    let before = if vain.is_empty() { String::new() } else { format!("No match: {}. ", words::list(&vain)) };
    // The one beyond the limit ends the evaluation, and is not made.
    let cost = |n: usize, limit: usize, noun: &str| match n > limit {
        true => format!("more than {limit} {noun}"),
        false => format!("{n} of {limit} {noun}"),
    };
    let lookups = cost(evaluation.lookups, LOOKUP_LIMIT, "lookups");
    Some(format!("{before}Cost: {lookups}, {}.", cost(evaluation.voids, VOID_LIMIT, "void lookups")))
}

/// The records on the way to the decision, the deciding one first, each with
/// a caret under its term.
fn evidence(facts: &Facts, evaluation: &Evaluation) -> Vec<Evidence> {
    let mut shown: Vec<Evidence> = Vec::new();
    let last = evaluation.path.last().copied();
    for at in evaluation.path.iter().rev() {
        if let Some(term) = evaluation.term(*at) {
            let label = if Some(*at) == last { label(evaluation, *at) } else { "leads there" };
            let label = words::labelled(facts, term.domain, label);
            let evidence = facts.quote(term.domain, term.record).at(words::span(term.span), label);
            let place = |one: &Evidence| one.quote.as_ref().map(|quote| (quote.text.clone(), quote.span));
            // A circle leads to the same place more than once.
            if !shown.iter().any(|one| one.id == evidence.id && place(one) == place(&evidence)) {
                shown.push(evidence);
            }
        }
    }
    let unread = match &evaluation.why {
        Why::Syntax { record } | Why::NothingMatched { record } => evaluation.visited.get(*record),
        _ => None,
    };
    if let Some(visited) = unread {
        let evidence = facts.quote(&visited.domain, &visited.text);
        let fault = visited.record.issues.iter().find(|issue| issue.kind.is_fatal());
        let evidence = match fault {
            Some(issue) => {
                evidence.at(words::span(issue.span), words::labelled(facts, &visited.domain, issue.kind.to_string()))
            }
            None => evidence,
        };
        shown.insert(0, evidence);
    }
    if let Why::SeveralRecords(domain) | Why::IncludeWithoutRecord(domain) | Why::RedirectWithoutRecord(domain) =
        &evaluation.why
    {
        shown.extend(facts.answer(domain, mail_syntax::spf::Kind::Txt));
    }
    shown
}

fn label(evaluation: &Evaluation, at: TermRef) -> &'static str {
    match evaluation.steps.iter().find(|step| step.at == at).map(|step| step.outcome) {
        Some(StepOutcome::Match) => "decides",
        _ => "fails here",
    }
}

/// The record with the address added in front, where the domain has one.
fn authorise(facts: &Facts, query: &Query, evaluation: &Evaluation) -> Remedy {
    let term = format!("{}:{}", if query.ip.is_ipv4() { "ip4" } else { "ip6" }, Network::host(query.ip));
    let step = format!(
        "If {} is a server of yours, or of a service that sends for you, authorise it: by the service's own `include:` \
         where there is one, else by `{term}`. If it is not, the result is right and the mail is forged or forwarded.",
        query.ip
    );
    let Some(first) = evaluation.visited.first() else { return Remedy::step(step) };
    // The address in front decides before whatever said otherwise of it.
    let host = Network::host(query.ip);
    let decided = |at: &usize| {
        let mut directives = first.record.directives();
        directives.any(|(one, term)| one == *at && matches!(&term.mechanism, Mechanism::Ip(old) if host.covers(old)))
    };
    let rest =
        (0..first.record.terms.len()).filter(|at| !decided(at)).map(|at| first.record.terms[at].span.of(&first.text));
    let text = ["v=spf1", &term].into_iter().chain(rest).collect::<Vec<_>>().join(" ");
    let home = facts.home(&first.domain);
    let remedy = Remedy::step(step).withdraw(home, "TXT", &first.text).publish(home, "TXT", text);
    remedy.once_old_copies_expire(words::ttl(facts, &first.domain))
}
