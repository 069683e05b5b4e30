//! `engine schema`.

use engine_core::{config::Config, nearest, report::Report};
use engine_plugin_api::serde_json;

use super::{print, registry};
use crate::{args::Schema, complaint::Complaint, exit::Exit};

/// What `engine explain --format json` prints, as published.
const EXPLAIN: &str = include_str!("../../../docs/schema/explain-v1.json");

/// Prints a JSON schema.
pub fn schema(arguments: &Schema) -> Result<Exit, Complaint> {
    let registry = registry(&[])?;
    let value = match arguments.of.as_str() {
        "report" => Report::schema(),
        "diagnosis" => diagnosis::Diagnosis::schema(),
        "explain" => serde_json::from_str(EXPLAIN).map_err(Complaint::new)?,
        "config" => Config::schema(&registry),
        "logs" => mail_logs::Report::schema().to_value(),
        id => match registry.check(id) {
            Some(check) => check.manifest.config_schema.clone(),
            None => {
                let near = nearest(id, registry.ids().chain(["report", "diagnosis", "explain", "config", "logs"]));
                let complaint = Complaint::new(format!("there is no schema of `{id}`"));
                return Err(match near {
                    Some(near) => complaint.hint(format!("did you mean `{near}`?")),
                    None => complaint
                        .hint("give report, diagnosis, explain, config, logs, or the id of a check (engine list)"),
                });
            }
        },
    };
    let text = serde_json::to_string_pretty(&value).map_err(Complaint::new)?;
    print(&format!("{text}\n"))?;
    Ok(Exit::Good)
}
