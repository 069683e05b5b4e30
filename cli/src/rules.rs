//! Rules of the user's own for what replies mean: `--rules FILE` and `[rules]`.

use std::{
    collections::BTreeMap,
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use engine_core::{config::Config, registry::Registry};
use engine_plugin_api::serde_json::{Map, Value, json};
use smtp_reasons::{Knowledge, RuleFile};

use crate::complaint::Complaint;

/// The largest file of rules, in bytes.
const LARGEST: u64 = 4 << 20;

/// The files that the command line names, then those of the configuration, checked.
pub fn read(given: &[PathBuf], config: &Config) -> Result<Vec<RuleFile>, Complaint> {
    let files: Vec<PathBuf> = given.iter().cloned().chain(config.rule_files()).collect();
    let files = files.iter().map(|path| file(path)).collect::<Result<Vec<_>, _>>()?;
    knowledge(&files)?;
    Ok(files)
}

/// What is known, with these rules.
pub fn knowledge(files: &[RuleFile]) -> Result<&'static Knowledge, Complaint> {
    Knowledge::with_own(files)
        .map_err(|error| Complaint::new(error).hint("docs/reference/rules.md says what a file of rules holds"))
}

/// Gives the rules to every check that takes some.
pub fn give(files: &[RuleFile], registry: &Registry, settings: &mut BTreeMap<String, Value>) {
    if files.is_empty() {
        return;
    }
    let rules: Vec<Value> = files.iter().map(|file| json!({ "name": file.name, "text": file.text })).collect();
    for check in registry.iter() {
        if check.manifest.config_schema.pointer("/properties/rules").is_none() {
            continue;
        }
        let own = settings.entry(check.manifest.id.clone()).or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(own) = own {
            own.insert("rules".to_owned(), Value::Array(rules.clone()));
        }
    }
}

fn file(path: &Path) -> Result<RuleFile, Complaint> {
    let name = path.display().to_string();
    let unread = |error: std::io::Error| Complaint::new(format!("could not read the rules {name}: {error}"));
    let mut text = String::new();
    File::open(path).map_err(unread)?.take(LARGEST + 1).read_to_string(&mut text).map_err(unread)?;
    if text.len() as u64 > LARGEST {
        return Err(Complaint::new(format!("the rules {name} are larger than {} MiB", LARGEST >> 20)));
    }
    Ok(RuleFile { name, text })
}
