//! The policy matrix as text: what strict senders do with each exchange.

use engine_core::matrix::MatrixRow;
use engine_plugin_api::Delivery;

use super::{escape, wrapped};

/// The widest that an exchange's name is shown beside its cells.
const WIDEST: usize = 28;

/// The matrix; empty where there is nothing to show: no policy of the domain
/// asks anything of senders.
pub fn lines(rows: &[MatrixRow]) -> String {
    let says_something = |row: &MatrixRow| {
        row.cells.iter().any(|cell| cell.policy != "certificate" && cell.verdict != Delivery::NoPolicy)
    };
    if !rows.iter().any(says_something) {
        return String::new();
    }
    let mut policies: Vec<&str> = Vec::new();
    for cell in rows.iter().flat_map(|row| &row.cells) {
        if !policies.contains(&cell.policy.as_str()) {
            policies.push(&cell.policy);
        }
    }
    let names: Vec<String> = rows
        .iter()
        .map(|row| {
            let preference = row.preference.map(|preference| format!("{preference} ")).unwrap_or_default();
            escape::line(&format!("{preference}{}", row.exchange))
        })
        .collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).min(WIDEST);
    let mut out = wrapped("A sender that holds to …", 2) + "\n";
    let cells = policies.iter().map(|policy| format!("{:<14}", escape::line(policy))).collect::<String>();
    out.push_str(format!("  {:width$}  {cells}", "").trim_end());
    out.push('\n');
    for (row, name) in rows.iter().zip(&names) {
        let cell = |policy: &&str| row.cells.iter().find(|cell| cell.policy == **policy);
        let words = policies.iter().map(|policy| {
            let word = cell(policy).map_or("not judged", |cell| cell.verdict.phrase());
            format!("{word:<14}")
        });
        let words = words.collect::<String>();
        if name.chars().count() > width {
            out.push_str(&format!("  {name}\n"));
            out.push_str(format!("  {:width$}  {words}", "").trim_end());
        } else {
            out.push_str(format!("  {name:width$}  {words}").trim_end());
        }
        out.push('\n');
    }
    for row in rows {
        for cell in row.cells.iter().filter(|cell| !matches!(cell.verdict, Delivery::Deliver | Delivery::NoPolicy)) {
            let words = format!("{}, {}: {}: {}", row.exchange, cell.policy, cell.verdict.phrase(), cell.why);
            out.push_str(&super::bullet(&words));
        }
    }
    out
}
