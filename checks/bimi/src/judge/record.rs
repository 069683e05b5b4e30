//! Whether there is a record, and what it says.

use engine_plugin_api::{Evidence, Finding, Judgement, Observed, Remedy, Severity, Span, Unknown};
use mail_syntax::bimi::{IssueKind, Record};

use super::{Own, subject};
use crate::{DECLINED, LOCATION, MULTIPLE, NONE, SYNTAX, facts::Facts};

pub(super) fn judge<'f>(facts: &'f Facts, out: &mut Judgement) -> Option<Own<'f>> {
    let published = match &facts.published {
        Observed::Known(published) => published,
        Observed::Unknown(cause) => {
            let what = format!("whether {} has a BIMI record", facts.domain);
            out.unknown(Unknown::new(subject(facts), what, cause.clone()));
            return None;
        }
    };
    let text = match published.texts.as_slice() {
        [] => {
            let seen = format!("{} publishes no logo: there is no BIMI record at {}.", facts.domain, facts.name);
            out.find(Finding::new(NONE, subject(facts), seen).evidence(Evidence::of(&published.evidence)));
            return None;
        }
        [one] => one,
        several => {
            let seen =
                format!("There are {} BIMI records at {}; receivers use none of them.", several.len(), facts.name);
            let finding = Finding::new(MULTIPLE, subject(facts), seen);
            let finding = several
                .iter()
                .take(3)
                .fold(finding, |finding, text| finding.evidence(Evidence::quoting(&published.evidence, text)));
            out.find(finding.remedy(Remedy::step("Keep one of the records and take the others away.")));
            return None;
        }
    };
    let own = Own { text, record: Record::parse(text), evidence: &published.evidence };
    for issue in &own.record.issues {
        let code = if matches!(issue.kind, IssueKind::LocationMissing | IssueKind::Url(_)) { LOCATION } else { SYNTAX };
        let consequence = if issue.kind.is_fatal() { "Receivers show no logo." } else { "Receivers ignore it." };
        let seen = format!("In the BIMI record of {}: {}. {consequence}", facts.owner, issue.kind);
        let step = match &issue.kind {
            IssueKind::Version => "Begin the record with `v=BIMI1;`.",
            IssueKind::LocationMissing => "Add `l=` with the place of the image.",
            IssueKind::Url(_) => "Write an `https://` URL with a host name, or leave the value empty.",
            IssueKind::Preference => "Write `avp=brand` or `avp=personal`, or take the tag out.",
            IssueKind::UnknownTag | IssueKind::List(_) => "Correct the place that is marked, or take it out.",
        };
        let finding = Finding::new(code, subject(facts), seen)
            .evidence(
                Evidence::quoting(own.evidence, text)
                    .at(Span::new(issue.span.start, issue.span.end), issue.kind.to_string()),
            )
            .remedy(Remedy::step(step));
        out.find(if issue.kind.is_fatal() { finding } else { finding.severity(Severity::Notice) });
    }
    if own.record.declines() {
        let seen = format!("{} says that no logo shall be shown for it.", facts.owner);
        out.find(Finding::new(DECLINED, subject(facts), seen).evidence(own.at("l", "no place")));
    }
    Some(own)
}
