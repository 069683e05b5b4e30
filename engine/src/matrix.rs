//! The policy matrix of a report: what a sender that holds to each policy does
//! with each mail exchanger, put together from what the checks say. Pure.

use std::collections::BTreeMap;

use engine_plugin_api::{Delivery, EvidenceId, Stance};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The order of the policies that the engine knows; others follow by name.
const ORDER: [&str; 3] = ["certificate", "mta-sts", "dane"];
/// Rows that are kept; a domain with more exchanges than this is not sound.
const MOST_ROWS: usize = 256;

/// One mail exchanger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MatrixRow {
    /// Its host name.
    pub exchange: String,
    /// The preference of its MX record, where one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preference: Option<u16>,
    /// What senders do, one cell a policy that was judged: `certificate`,
    /// `mta-sts`, `dane`, then others by name.
    pub cells: Vec<MatrixCell>,
}

/// What a sender that holds to one policy does with the exchange.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MatrixCell {
    /// The policy.
    pub policy: String,
    /// The check that says so.
    pub check: String,
    /// What the sender does.
    pub verdict: Delivery,
    /// Why, as a fragment.
    pub why: String,
    /// The observations that it rests on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<EvidenceId>,
}

/// Joins what the checks said, each with the check's id: exchanges by preference
/// and name. Of two words on one cell the worse counts.
pub fn join(stances: Vec<(String, Stance)>) -> Vec<MatrixRow> {
    let mut rows: BTreeMap<String, MatrixRow> = BTreeMap::new();
    for (check, stance) in stances {
        let Stance { exchange, preference, policy, verdict, why, evidence } = stance;
        if rows.len() >= MOST_ROWS && !rows.contains_key(&exchange) {
            continue;
        }
        let row = rows.entry(exchange.clone()).or_insert(MatrixRow { exchange, preference: None, cells: Vec::new() });
        row.preference = row.preference.or(preference);
        let cell = MatrixCell { policy, check, verdict, why, evidence };
        match row.cells.iter_mut().find(|known| known.policy == cell.policy) {
            Some(known) if known.verdict >= cell.verdict => {}
            Some(known) => *known = cell,
            None => row.cells.push(cell),
        }
    }
    let rank = |cell: &MatrixCell| {
        let known = ORDER.iter().position(|policy| *policy == cell.policy).unwrap_or(ORDER.len());
        (known, cell.policy.clone())
    };
    let mut rows: Vec<MatrixRow> = rows.into_values().collect();
    for row in &mut rows {
        row.cells.sort_by_key(rank);
    }
    rows.sort_by(|a, b| {
        let key = |row: &MatrixRow| (row.preference.map_or(u32::MAX, u32::from), row.exchange.clone());
        key(a).cmp(&key(b))
    });
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exchanges_stand_by_preference_and_the_worse_word_counts() {
        let stance = |exchange: &str, policy: &str, verdict, preference| {
            ("c".to_owned(), Stance::new(exchange, policy, verdict, "why").preference(preference))
        };
        let rows = join(vec![
            stance("b.example", "dane", Delivery::Deliver, Some(10)),
            stance("a.example", "vendor", Delivery::Deliver, Some(20)),
            stance("a.example", "certificate", Delivery::Deliver, None),
            stance("b.example", "certificate", Delivery::Deliver, None),
            stance("b.example", "dane", Delivery::Refuse, Some(10)),
            stance("b.example", "dane", Delivery::Defer, Some(10)),
        ]);
        let shown: Vec<String> = rows
            .iter()
            .map(|row| {
                let cells: Vec<String> =
                    row.cells.iter().map(|cell| format!("{} {}", cell.policy, cell.verdict.phrase())).collect();
                format!("{} {}", row.exchange, cells.join(", "))
            })
            .collect();
        assert_eq!(
            shown,
            ["b.example certificate deliver, dane refuse", "a.example certificate deliver, vendor deliver"]
        );
    }
}
