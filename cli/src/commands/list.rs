//! `engine list`.

use engine_core::{config::Config, registry::public_code};
use engine_plugin_api::serde_json::{self, json};

use super::registry;
use crate::{
    args::{Format, List, Listed},
    complaint::Complaint,
    exit::Exit,
    output::{print, print_json},
    render::{escape, margins},
};

/// Lists what there is.
pub fn list(arguments: &List) -> Result<Exit, Complaint> {
    let registry = registry(&[])?;
    let rows: Vec<(String, String, serde_json::Value)> = match arguments.what {
        Listed::Checks => registry
            .iter()
            .map(|check| {
                let manifest = &check.manifest;
                let mut value = json!(manifest);
                if let Some(findings) = value.get_mut("findings").and_then(|findings| findings.as_array_mut()) {
                    findings.iter_mut().filter_map(|finding| finding.as_object_mut()).for_each(|finding| drop(finding.remove("body")));
                }
                (manifest.id.clone(), format!("{} [{}]", manifest.summary, manifest.side_effect.word()), value)
            })
            .collect(),
        Listed::Findings => registry
            .iter()
            .flat_map(|check| check.manifest.findings.iter().map(|spec| (check.manifest.id.as_str(), spec)))
            .map(|(id, spec)| {
                let code = public_code(id, &spec.code);
                let value = json!({ "code": code, "check": id, "title": spec.title, "severity": spec.severity, "confidence": spec.confidence, "source": spec.source });
                (code, format!("{}: {}", spec.severity.word(), spec.title), value)
            })
            .collect(),
        Listed::Profiles => Config::shipped()
            .profiles
            .into_iter()
            .map(|(name, profile)| {
                let value = json!({ "name": name, "profile": profile });
                (name, profile.summary, value)
            })
            .collect(),
    };
    match arguments.format {
        Format::Json => print_json(&rows.iter().map(|(.., value)| value.to_string()).collect::<Vec<_>>().join("\n"))?,
        Format::Text => {
            let width = rows.iter().map(|(name, ..)| name.len()).max().unwrap_or(0);
            print(&rows.iter().map(|(name, text, _)| row(name, width, text)).collect::<String>())?;
        }
    }
    Ok(Exit::Good)
}

/// `name  text`, the text wrapped under itself.
pub fn row(name: &str, width: usize, text: &str) -> String {
    let (name, text) = (escape::line(name), escape::line(text));
    let first = format!("{name:width$}  ");
    let rest = " ".repeat(width + 2);
    let options = margins(&first, &rest);
    format!("{}\n", textwrap::fill(&text, options))
}
