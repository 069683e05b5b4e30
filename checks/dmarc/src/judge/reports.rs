//! Whether anybody gets the reports.

use engine_plugin_api::{Actor, Evidence, Judgement, Observed, Remedy, Severity};
use mail_syntax::dmarc::{
    Found, Issue, IssueKind, Rules, TagName, URIS_SERVED, UriFault,
    report::{self, Authorization},
};

use super::{repair::Repair, words};
use crate::{
    FAILURE_REPORTS, NO_REPORTS, REPORT_ADDRESS, REPORT_ELSEWHERE, REPORT_MANY, REPORT_UNAUTHORISED,
    REPORT_UNDELIVERABLE,
    facts::{Facts, Host, Mail},
};

pub fn judge(facts: &Facts, found: &Found, repair: &mut Repair, out: &mut Judgement) {
    addresses(facts, found, repair, out);
    if found.record.aggregate_reports.is_absent() && !facts.is_parked() {
        none(facts, found, repair, out);
    }
    many(facts, found, out);
    failure(facts, found, out);
    for host in &facts.hosts {
        if !undeliverable(facts, found, host, out) {
            unauthorised(facts, found, host, out);
            elsewhere(found, host, out);
        }
    }
}

/// No `rua`.
fn none(facts: &Facts, found: &Found, repair: &mut Repair, out: &mut Judgement) {
    // A misspelt `rua` is told as such, and one whose `;` is missing too.
    let meant = found.record.issues.iter().any(|issue| {
        matches!(
            issue.kind,
            IssueKind::UnknownTag(Some(TagName::AggregateReports))
                | IssueKind::MissingSeparator(TagName::AggregateReports)
        )
    });
    if meant || found.domain != facts.domain {
        return;
    }
    let said = format!(
        "The record of {} asks for no reports (`rua`), so that nobody learns which of its mail fails, or who forges it.",
        found.domain
    );
    let mailbox = format!("dmarc-reports@{}", found.domain);
    repair.draft().set(TagName::AggregateReports, format!("mailto:{mailbox}"));
    repair.first(format!("make the mailbox {mailbox} for reports, or name another"));
    let finding = words::about(found, NO_REPORTS, said).evidence(words::quote(facts, found));
    repair.find(finding, "Ask for aggregate reports.", out);
}

/// Addresses that cannot be used, or not by all.
fn addresses(facts: &Facts, found: &Found, repair: &mut Repair, out: &mut Judgement) {
    let issues: Vec<&Issue> = found
        .record
        .issues
        .iter()
        .filter(|issue| matches!(issue.kind, IssueKind::Uri(_) | IssueKind::UriSize))
        .collect();
    if issues.is_empty() {
        return;
    }
    let sizes_only = issues.iter().all(|issue| issue.kind == IssueKind::UriSize);
    let usable = |list: &mail_syntax::dmarc::Value<Vec<_>>| {
        list.valid()
            .is_some_and(|uris: &Vec<mail_syntax::dmarc::ReportUri>| uris.iter().any(|uri| uri.mailbox.is_some()))
    };
    let lost = !found.record.aggregate_reports.is_absent() && !usable(&found.record.aggregate_reports);
    let reasons: Vec<String> = issues.iter().fold(Vec::new(), |mut reasons, issue| {
        let reason = issue.kind.to_string();
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
        reasons
    });
    let said = if sizes_only {
        format!(
            "A report address of {} has a size limit, which receivers of RFC 9989 ignore; older ones send no report that is \
             larger.",
            found.domain
        )
    } else {
        let end = if lost { "No aggregate report arrives." } else { "Receivers skip what they cannot use." };
        format!("A report address in {} cannot be used: {}. {end}", words::whose(facts, found), reasons.join("; "))
    };
    let finding = issues.iter().take(words::SHOWN).fold(words::about(found, REPORT_ADDRESS, said), |finding, issue| {
        finding.evidence(words::at(facts, found, issue.span, issue.kind.to_string()))
    });
    let other =
        issues.iter().all(|issue| matches!(issue.kind, IssueKind::Uri(UriFault::OtherScheme) | IssueKind::UriSize));
    let finding = match (sizes_only, lost, other) {
        (true, ..) => finding.severity(Severity::Info),
        (_, false, true) => finding.severity(Severity::Notice),
        _ => finding,
    };
    let step = if sizes_only {
        "Leave the size out."
    } else {
        "Write each address as `mailto:` and a mailbox, with a comma between two."
    };
    // Where nothing plain can be put in its place, only the owner knows the address.
    if issues.iter().any(|issue| issue.suggestion.is_some()) {
        repair.find(finding, step, out);
    } else {
        out.find(finding.remedy(Remedy::step(step)));
    }
}

/// More addresses than older receivers must serve.
fn many(facts: &Facts, found: &Found, out: &mut Judgement) {
    let Some(uris) = found.record.aggregate_reports.valid().filter(|uris| uris.len() > URIS_SERVED) else { return };
    let said = format!(
        "Reports about {} are to go to {} addresses. Receivers of RFC 7489 need serve no more than {URIS_SERVED}; those of \
         RFC 9989 should serve all.",
        found.domain,
        uris.len()
    );
    let beyond = uris[URIS_SERVED].span;
    out.find(words::about(found, REPORT_MANY, said).evidence(words::at(facts, found, beyond, "perhaps never served")));
}

fn failure(facts: &Facts, found: &Found, out: &mut Judgement) {
    if found.record.failure_reports.valid().is_none_or(Vec::is_empty) {
        return;
    }
    let said = format!(
        "{} asks for reports of single messages (`ruf`). Few receivers send any, since they hold personal data.",
        found.domain
    );
    let evidence = words::at_tag(facts, found, TagName::FailureReports, "reports of single messages");
    out.find(words::about(found, FAILURE_REPORTS, said).evidence(evidence));
}

/// A host that takes no mail.
fn undeliverable(facts: &Facts, found: &Found, host: &Host, out: &mut Judgement) -> bool {
    let (why, evidence) = match (&host.mail.value, host.address.as_ref().map(|address| &address.value)) {
        (Observed::Known(Mail::Refused), _) => ("says that it takes no mail (null MX)", &host.mail.evidence),
        (Observed::Known(Mail::Unsaid { exists: false }), _) => ("does not exist", &host.mail.evidence),
        (Observed::Known(Mail::Unsaid { .. }), Some(Observed::Known(false))) => {
            ("has neither an MX nor an address record", &host.mail.evidence)
        }
        _ => return false,
    };
    // Addresses of other kinds than `mailto:` need no MX.
    let Some(span) = mailboxes(found, &host.name).next() else { return false };
    let said = format!("Reports about {} are to go to {}, which {why}. They are lost.", found.domain, host.name);
    let step = format!(
        "Name an address that takes mail, or let {} take it. If its service has ended, take the address out of the record.",
        host.name
    );
    let finding = words::about(found, REPORT_UNDELIVERABLE, said)
        .evidence(words::at(facts, found, span, "takes no mail"))
        .evidence(Evidence::of(evidence))
        .remedy(Remedy::step(step));
    out.find(finding);
    true
}

/// Where the mailboxes at a host stand in the record.
fn mailboxes<'f>(found: &'f Found, host: &'f str) -> impl Iterator<Item = mail_syntax::Span> + 'f {
    let lists = [&found.record.aggregate_reports, &found.record.failure_reports];
    let uris = lists.into_iter().filter_map(|list| list.valid()).flatten();
    uris.filter(move |uri| uri.mailbox.is_some() && uri.host.as_deref() == Some(host)).map(|uri| uri.span)
}

/// A host of another organization that does not say that it takes the reports.
fn unauthorised(facts: &Facts, found: &Found, host: &Host, out: &mut Judgement) {
    let Some(seen) = host.authorization.as_ref().filter(|seen| seen.cause.is_none()) else { return };
    let who = match host.external {
        [Some(true), Some(true)] => "Receivers then send no reports there",
        [Some(true), _] => "Receivers of RFC 7489 then send no reports there",
        [_, Some(true)] => "Receivers of RFC 9989 then send no reports there",
        _ => return,
    };
    let name = report::authorization_name(&found.domain, &host.name);
    let what = match host.answer() {
        Some(Authorization::Granted { .. }) | None => return,
        Some(Authorization::Absent) => format!("there is no record at {name}"),
        Some(Authorization::Unreadable(texts)) => format!(
            "what stands at {name} does not begin with `v=DMARC1`: `{}`",
            texts.first().map(|text| text.chars().take(60).collect::<String>()).unwrap_or_default()
        ),
    };
    let said = format!(
        "Reports about {} are to go to {}, which belongs to another organization and does not agree to take them: {what}. \
         {who}.",
        found.domain, host.name
    );
    let step =
        format!("Ask the service that runs {} to publish the record below, or send the reports elsewhere.", host.name);
    let remedy = Remedy::step(step).publish(&name, "TXT", "v=DMARC1");
    let span = mailboxes(found, &host.name).next();
    let evidence = match span {
        Some(span) => words::at(facts, found, span, "does not agree"),
        None => words::quote(facts, found),
    };
    let finding = words::about(found, REPORT_UNAUTHORISED, said)
        .evidence(evidence)
        .evidence(Evidence::of(&seen.evidence))
        .actor(Actor::SendingService)
        .remedy(remedy);
    let both = host.external == [Some(true); Rules::BOTH.len()];
    out.find(if both { finding } else { finding.severity(Severity::Notice) });
}

/// A host that takes the reports, and wants them at another, to which they must not go.
fn elsewhere(found: &Found, host: &Host, out: &mut Judgement) {
    let Some(seen) = host.authorization.as_ref() else { return };
    let Some(Authorization::Granted { elsewhere, .. }) = host.answer() else { return };
    let Some(first) = elsewhere.first() else { return };
    let name = report::authorization_name(&found.domain, &host.name);
    let said = format!(
        "{} agrees to take reports about {}, and the record at {name} asks for them at `{}`. Receivers must not send them \
         to another host than {}; they use the address of the domain's own record, or none.",
        host.name, found.domain, first.uri, host.name
    );
    let step = format!(
        "Ask the service that runs {} to take `rua` out of that record, or to name an address there. Or name the other \
         address in the record of {}.",
        host.name, found.domain
    );
    let texts = seen.joined();
    let text = texts.iter().map(|text| String::from_utf8_lossy(text)).find(|text| text.contains(&first.uri));
    let evidence = match text {
        Some(text) => seen.quote(&text),
        None => Evidence::of(&seen.evidence),
    };
    out.find(
        words::about(found, REPORT_ELSEWHERE, said)
            .evidence(evidence)
            .actor(Actor::SendingService)
            .remedy(Remedy::step(step)),
    );
}
