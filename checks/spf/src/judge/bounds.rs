//! Keeps what a hostile record can make of a report within bounds.

use std::collections::BTreeMap;

use engine_plugin_api::{Finding, Judgement};

use super::words;
use crate::facts::Facts;

/// Findings of one code that are told one by one.
const ALIKE: usize = 10;
/// Bytes of a record that are quoted whole.
const QUOTED: usize = 1_200;
/// Bytes around the place at fault that are quoted of a longer one.
const AROUND: usize = 300;

/// Adds a finding that one record can make thousands of. Beyond the bound it
/// is only counted: each would hold the record several times over.
pub fn find(facts: &Facts, code: &str, out: &mut Judgement, make: impl FnOnce() -> Finding) {
    let told = out.findings.iter().filter(|finding| finding.code == code).count();
    out.find(if told < ALIKE { make() } else { words::finding(facts, code, "") });
}

/// Counts what is beyond the bounds, and cuts long quotations to what the caret points at.
pub fn keep(out: &mut Judgement) {
    let mut count: BTreeMap<String, usize> = BTreeMap::new();
    for finding in &out.findings {
        *count.entry(finding.code.clone()).or_default() += 1;
    }
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    out.findings.retain_mut(|finding| {
        let number = seen.entry(finding.code.clone()).or_default();
        *number += 1;
        let more = count.get(&finding.code).map_or(0, |all| all.saturating_sub(ALIKE));
        if *number == ALIKE && more > 0 {
            finding.seen.push_str(&format!(" There are {more} more like this."));
        }
        *number <= ALIKE
    });
    for finding in &mut out.findings {
        finding
            .evidence
            .iter_mut()
            .filter_map(|evidence| evidence.quote.as_mut())
            .for_each(|quote| quote.shorten(QUOTED, AROUND));
        // What is too long to be quoted is too long to be pasted.
        if let Some(remedy) = &mut finding.remedy {
            remedy.publish.retain(|record| record.value.len() <= 4 * QUOTED);
            remedy.withdraw.iter_mut().filter(|record| record.value.len() > 4 * QUOTED).for_each(|record| {
                record.value.truncate((0..=AROUND).rev().find(|at| record.value.is_char_boundary(*at)).unwrap_or(0));
                record.value.push('…');
            });
        }
    }
}
