//! From facts to findings. Pure.

mod certificate;
mod dmarc;
mod image;
mod record;

use engine_plugin_api::{Evidence, EvidenceId, Finding, Judgement, Subject};
use mail_syntax::bimi::Record;

use crate::{Config, RECORD, facts::Facts};

/// The one record that counts.
struct Own<'f> {
    text: &'f str,
    record: Record,
    evidence: &'f EvidenceId,
}

impl Own<'_> {
    /// The record as evidence, with a caret under a tag.
    fn at(&self, tag: &str, label: impl Into<String>) -> Evidence {
        let evidence = Evidence::quoting(self.evidence, self.text);
        match self.record.span(tag) {
            Some(span) => evidence.at(engine_plugin_api::Span::new(span.start, span.end), label),
            None => evidence,
        }
    }
}

/// Judges the facts.
pub fn judge(facts: &Facts, config: &Config) -> Judgement {
    let mut out = Judgement::default();
    let Some(own) = record::judge(facts, &mut out) else { return out };
    if own.record.declines() || own.record.is_broken() {
        return out;
    }
    dmarc::judge(facts, &mut out);
    image::judge(facts, &own, &mut out);
    certificate::judge(facts, &own, config, &mut out);
    if out.findings.iter().all(|finding| finding.code == crate::CERTIFICATE_MISSING) && out.unknowns.is_empty() {
        let from =
            if facts.owner == facts.domain { String::new() } else { format!(", by the record of {},", facts.owner) };
        let seen = format!("{}{from} publishes a logo that receivers can show.", facts.domain);
        out.find(Finding::new(RECORD, subject(facts), seen).evidence(Evidence::quoting(own.evidence, own.text)));
    }
    out
}

fn subject(facts: &Facts) -> Subject {
    Subject::Domain(facts.domain.clone())
}
