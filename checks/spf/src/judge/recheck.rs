//! Holds the records that remedies offer to the same judgement as the record
//! that stands in the DNS: what is pasted must not be the next fault.

use std::collections::BTreeMap;

use engine_plugin_api::{Finding, Judgement};
use mail_syntax::spf::{Answer, Kind, Question, survey};

use super::{combine, words};
use crate::{
    ALL_PASS, Config, INCLUDE_BROKEN, INCLUDE_NONE, LOOKUPS_NEAR_LIMIT, LOOP, MULTIPLE, MX_TOO_MANY, NETWORK_WIDE,
    RECORD, SYNTAX, TOO_MANY_LOOKUPS, TOO_MANY_VOIDS,
    facts::{Facts, Text},
};

/// How many faults that hide one another are mended in one record.
const ROUNDS: usize = 4;
/// What a record may show once it is mended: it is no new fault.
const HARMLESS: [&str; 2] = [RECORD, LOOKUPS_NEAR_LIMIT];
/// What nobody is to publish.
const HARMFUL: [&str; 9] =
    [ALL_PASS, INCLUDE_BROKEN, INCLUDE_NONE, LOOP, MULTIPLE, MX_TOO_MANY, SYNTAX, TOO_MANY_LOOKUPS, TOO_MANY_VOIDS];

/// Judges every record that is offered as if it stood there. A fault that the
/// present one hides is mended too where that is a matter of the record, and
/// told in any case; a record that would be worse is not offered.
pub fn offers(facts: &Facts, config: &Config, out: &mut Judgement) {
    let before = count(&out.findings);
    for (name, text) in offered(out) {
        let Some(outcome) = outcome(facts, config, &before, &name, &text) else { continue };
        for finding in &mut out.findings {
            let Some(remedy) = &mut finding.remedy else { continue };
            if !remedy.publish.iter().any(|record| combine::is_at(&name, record) && record.value == text) {
                continue;
            }
            match &outcome.text {
                Some(better) => {
                    let at = remedy.publish.iter_mut().filter(|record| combine::is_at(&name, record));
                    at.for_each(|record| record.value.clone_from(better));
                }
                None => combine::keep_step(&name, remedy),
            }
            remedy.step.push_str(&outcome.told);
        }
    }
}

/// The questions that the trees of offered records need and that nobody has
/// asked, since the present record does not lead there.
pub fn unasked(facts: &Facts, config: &Config) -> Vec<Question> {
    let mut unasked = Vec::new();
    for (name, text) in offered(&super::found(facts, config)) {
        let missing = published(facts, &name, &text).map(|then| then.survey.missing).unwrap_or_default();
        unasked.extend(missing.into_iter().filter(|question| !facts.replies.contains_key(question)));
    }
    unasked
}

/// The names and texts of the records that remedies offer, each once.
fn offered(judgement: &Judgement) -> Vec<(String, String)> {
    let mut offers: Vec<(String, String)> = Vec::new();
    let remedies = judgement.findings.iter().filter_map(|finding| finding.remedy.as_ref());
    for record in remedies.flat_map(|remedy| &remedy.publish).filter(|record| record.rtype == "TXT") {
        let offer = (record.name.clone(), record.value.clone());
        if !offers.contains(&offer) {
            offers.push(offer);
        }
    }
    offers
}

struct Outcome {
    /// The record to offer; absent where none is to be offered.
    text: Option<String>,
    /// What is said of it.
    told: String,
}

/// What becomes of an offer; `None` where it is right as it is.
fn outcome(
    facts: &Facts,
    config: &Config,
    before: &BTreeMap<String, usize>,
    name: &str,
    offered: &str,
) -> Option<Outcome> {
    let mut text = offered.to_owned();
    let mut told = String::new();
    let mut shown = Vec::new();
    for _ in 0..ROUNDS {
        let judged = super::found(&published(facts, name, &text)?, config);
        let after = count(&judged.findings);
        let is_new = |finding: &&Finding| {
            !HARMLESS.contains(&finding.code.as_str()) && after.get(&finding.code) > before.get(&finding.code)
        };
        let new: Vec<&Finding> = judged.findings.iter().filter(is_new).collect();
        shown = new.iter().map(|finding| (finding.code.clone(), finding.severity)).collect();
        let mended = new.iter().filter(|finding| !combine::is_conditional(&finding.code)).find_map(|finding| {
            let remedy = finding.remedy.as_ref()?;
            let record = remedy.publish.iter().find(|record| combine::is_at(name, record))?;
            (record.value != text).then(|| (record.value.clone(), format!("`{}`: {}", finding.code, remedy.step)))
        });
        let Some((better, step)) = mended else { break };
        told.push_str(&format!(" The record given also mends what would show up then, {step}"));
        text = better;
    }
    let codes: Vec<&String> = shown.iter().map(|(code, _)| code).collect();
    let critical = |(code, severity): &(String, Option<engine_plugin_api::Severity>)| {
        HARMFUL.contains(&code.as_str())
            || code == NETWORK_WIDE && *severity == Some(engine_plugin_api::Severity::Critical)
    };
    if shown.iter().any(critical) {
        let told = format!(" No record is given: with this change alone, {} would show up.", words::list(&codes));
        return Some(Outcome { text: None, told });
    }
    if !codes.is_empty() {
        told.push_str(&format!(" That leaves, hidden until then: {}.", words::list(&codes)));
    }
    (text != offered || !told.is_empty()).then_some(Outcome { text: Some(text), told })
}

fn count(findings: &[Finding]) -> BTreeMap<String, usize> {
    let mut count = BTreeMap::new();
    for finding in findings {
        *count.entry(finding.code.clone()).or_default() += 1;
    }
    count
}

/// The facts with `text` as the SPF record at `name`; `None` where no record
/// of the tree stands there.
fn published(facts: &Facts, name: &str, text: &str) -> Option<Facts> {
    let mut then = Facts { evaluations: Vec::new(), ..facts.clone() };
    let domains: Vec<String> = facts.survey.nodes.iter().map(|node| node.domain.clone()).collect();
    let here: Vec<&String> = domains.iter().filter(|domain| facts.home(domain) == name).collect();
    for domain in &here {
        let answer = Answer::Texts(vec![text.as_bytes().to_vec()]);
        then.known.insert(Question::new(domain, Kind::Txt), answer);
    }
    if facts.home(&facts.domain) == name {
        let ttl = facts.texts.iter().map(|text| text.ttl).min().unwrap_or_default();
        then.texts = vec![Text { strings: vec![text.as_bytes().to_vec()], ttl }];
    }
    then.survey = survey(&facts.domain, &then.known, facts.limits);
    (!here.is_empty()).then_some(then)
}
