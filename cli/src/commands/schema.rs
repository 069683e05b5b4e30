//! `engine schema`.

use engine_core::{config::Config, nearest, report::Report};
use engine_plugin_api::serde_json::{self, Value};

use super::registry;
use crate::{args::Schema, complaint::Complaint, exit::Exit, output::print_json};

/// What `engine explain --format json` prints, as published.
const EXPLAIN: &str = include_str!("../../../docs/schema/explain-v1.json");

/// Prints a JSON schema.
pub fn schema(arguments: &Schema) -> Result<Exit, Complaint> {
    let value = match arguments.of.as_str() {
        "report" => Report::schema(),
        "diagnosis" => diagnosis::Diagnosis::schema(),
        "explain" => serde_json::from_str(EXPLAIN).map_err(Complaint::new)?,
        "config" => Config::schema(&registry(&[])?),
        "logs" => mail_logs::Report::schema().to_value(),
        id => of_check(id)?,
    };
    print_json(&serde_json::to_string_pretty(&value).map_err(Complaint::new)?)?;
    Ok(Exit::Good)
}

fn of_check(id: &str) -> Result<Value, Complaint> {
    // One of our own needs no list of plugins.
    if let Some(check) = builtin_checks::registry().map_err(Complaint::new)?.check(id) {
        return Ok(check.manifest.config_schema.clone());
    }
    let registry = registry(&[])?;
    if let Some(check) = registry.check(id) {
        return Ok(check.manifest.config_schema.clone());
    }
    let near = nearest(id, registry.ids().chain(["report", "diagnosis", "explain", "config", "logs"]));
    let complaint = Complaint::new(format!("there is no schema of `{id}`"));
    Err(match near {
        Some(near) => complaint.hint(format!("did you mean `{near}`?")),
        None => complaint.hint("give report, diagnosis, explain, config, logs, or the id of a check (engine list)"),
    })
}
