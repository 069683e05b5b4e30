//! What a run will do, as `--dry-run` prints it.

use engine_core::plan::{Plan, Planned, Skipped};

use super::escape;

/// One line for each check.
pub fn text(plan: &Plan) -> String {
    let ids = plan.checks.iter().map(|check| &check.id).chain(plan.skipped.iter().map(|skipped| &skipped.id));
    let width = ids.map(String::len).max().unwrap_or(0);
    let mut out = String::new();
    for Planned { id, side_effect, discloses_to } in &plan.checks {
        let mut line = format!("run   {id:width$}  {}", side_effect.word());
        if !discloses_to.is_empty() {
            line.push_str(&format!(", tells {}", discloses_to.join(", ")));
        }
        out.push_str(&format!("{}\n", escape::line(&line)));
    }
    for Skipped { id, why } in &plan.skipped {
        out.push_str(&format!("{}\n", escape::line(&format!("skip  {id:width$}  {why}"))));
    }
    out
}
