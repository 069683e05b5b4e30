//! `docs/reference/services.md`: the services of the host as a plugin sees them.

use std::fmt::Write;

use engine_plugin_api::{
    Emission, Finding, Outcome, ServiceErrorKind, Stance, Target, Unknown,
    schemars::{Schema, schema_for},
    services::SERVICES,
};
use serde_json::Value;

use crate::generate::cell;

/// The page.
pub fn page() -> anyhow::Result<String> {
    let mut page = String::from(
        "# Services, and the JSON of a check\n\n\
         Made by `cargo xtask generate` from plugin-api; do not edit. [docs/plugins.md](../plugins.md) explains how they\n\
         are called. Members without *required* may be missing; a reader takes members and words that it does not know.\n\n\
         | service | what it does | costs others | a check may call it | side effect | `Context` |\n|---|---|---|---|---|---|\n",
    );
    for service in SERVICES {
        writeln!(
            page,
            "| [`{0}`](#{1}) | {2} | {3} | {4} | `{5}` | `{6}()` |",
            service.method,
            service.method.replace(['.', '/'], ""),
            cell(service.what),
            service.cost,
            service.limit,
            service.side_effect.word(),
            service.typed,
        )?;
    }
    page.push_str(
        "\n## Errors of a call\n\n\
         A network that fails is an *answer* of a service, told apart in its `status` or `end`. A call fails only when the\n\
         host did not carry it out. In C the call returns the status; its head has `{\"kind\", \"message\"}`.\n\n\
         | kind | status | when |\n|---|---|---|\n",
    );
    use ServiceErrorKind::*;
    for (kind, name, when) in [
        (Unsupported, "EMC_E_UNSUPPORTED", "this host has no such service: ask less, or say that you could not tell"),
        (Denied, "EMC_E_DENIED", "the manifest does not name the service, or the rules of the host forbid the call"),
        (Budget, "EMC_E_LIMIT", "the check has used up its calls, or 320 of them wait"),
        (BadRequest, "EMC_E_BAD_ARG", "the request cannot be read"),
        (Cancelled, "EMC_E_CANCELLED", "the run is over: clean up and return"),
        (NotRecorded, "EMC_E_FAILED", "a replay: the recording does not hold this call"),
        (Internal, "EMC_E_INTERNAL", "a fault of the host"),
    ] {
        let word = serde_json::to_value(kind)?;
        writeln!(page, "| `{}` | `{name}` {} | {when} |", word.as_str().unwrap_or_default(), kind.status())?;
    }
    let mut told = Vec::new();
    for service in SERVICES {
        writeln!(page, "\n## {}\n\n{} Costs others {}.", service.method, service.what, service.cost)?;
        for (name, schema) in [("Request", (service.request)()), ("Answer", (service.reply)())] {
            writeln!(page, "\n### {name} of {}\n", service.method)?;
            describe(&mut page, &mut told, &schema)?;
        }
    }
    page.push_str("\n## What a check is given and sends\n");
    for (name, schema) in [
        ("The target of `run`", schema_for!(Target)),
        ("A finding, `{\"kind\":\"finding\", …}`", schema_for!(Finding)),
        ("Something that could not be told, `{\"kind\":\"unknown\", …}`", schema_for!(Unknown)),
        (
            "Where the check stands in a question that others look at too, `{\"kind\":\"stance\", …}`",
            schema_for!(Stance),
        ),
        ("The outcome", schema_for!(Outcome)),
    ] {
        writeln!(page, "\n### {name}\n")?;
        describe(&mut page, &mut told, &schema)?;
    }
    let progress = Emission::Progress { text: "waiting 5 min for the second attempt".to_owned() };
    writeln!(page, "\n### A line for the user who waits\n\n`{}`", serde_json::to_string(&progress)?)?;
    Ok(page)
}

/// Members of a type, and after it of the types that it is made of and that were not told yet.
fn describe(page: &mut String, told: &mut Vec<String>, schema: &Schema) -> anyhow::Result<()> {
    let root = schema.as_value();
    body(page, root)?;
    for (name, definition) in root.get("$defs").and_then(Value::as_object).into_iter().flatten() {
        if !told.contains(name) {
            told.push(name.clone());
            writeln!(page, "\n#### {name}\n")?;
            body(page, definition)?;
        }
    }
    Ok(())
}

fn body(page: &mut String, schema: &Value) -> anyhow::Result<()> {
    if let Some(words) = schema.get("description").and_then(Value::as_str) {
        writeln!(page, "{}\n", words.split("\n\n").map(cell).collect::<Vec<_>>().join("\n\n"))?;
    }
    members(page, schema)?;
    let variants = schema.get("oneOf").or_else(|| schema.get("anyOf")).and_then(Value::as_array);
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        writeln!(page, "One of {}.", words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "))?;
    }
    if let Some(variants) = variants {
        page.push_str("| one of | what |\n|---|---|\n");
        for variant in variants {
            let what = variant.get("description").and_then(Value::as_str).unwrap_or_default();
            writeln!(page, "| {} | {} |", cell(&form(variant)), cell(what))?;
        }
    }
    Ok(())
}

fn members(page: &mut String, schema: &Value) -> anyhow::Result<()> {
    let Some(properties) = schema.get("properties").and_then(Value::as_object).filter(|all| !all.is_empty()) else {
        return Ok(());
    };
    let required: Vec<&str> =
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    page.push_str("| member | type | what |\n|---|---|---|\n");
    for (name, property) in properties {
        let what = property.get("description").and_then(Value::as_str).unwrap_or_default();
        let must = if required.contains(&name.as_str()) { ", required" } else { "" };
        writeln!(page, "| `{name}` | {}{must} | {} |", cell(&kind(property)), cell(what))?;
    }
    Ok(())
}

/// One variant as JSON shows it.
fn form(variant: &Value) -> String {
    if let Some(word) = variant.get("const") {
        return format!("`{word}`");
    }
    if let Some(words) = variant.get("enum").and_then(Value::as_array) {
        return words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    }
    match variant.get("properties").and_then(Value::as_object) {
        Some(properties) => {
            let members = properties.iter().map(|(name, property)| match property.get("const") {
                Some(word) => format!("\"{name}\": {word}"),
                None => format!("\"{name}\": {}", kind(property)),
            });
            format!("`{{{}}}`", members.collect::<Vec<_>>().join(", "))
        }
        None => kind(variant),
    }
}

/// The type of a member, in a word or two.
fn kind(property: &Value) -> String {
    if let Some(name) = property.get("$ref").and_then(Value::as_str) {
        return name.rsplit('/').next().unwrap_or_default().to_owned();
    }
    for choice in ["anyOf", "oneOf", "allOf"] {
        if let Some(choices) = property.get(choice).and_then(Value::as_array) {
            let named: Vec<String> = choices.iter().map(kind).filter(|name| name != "null").collect();
            return named.join(" or ");
        }
    }
    match property.get("type") {
        Some(Value::String(word)) if word == "array" => {
            format!("list of {}", property.get("items").map_or_else(|| "anything".to_owned(), kind))
        }
        Some(Value::String(word)) => word.clone(),
        Some(Value::Array(words)) => {
            words.iter().filter_map(Value::as_str).filter(|word| *word != "null").collect::<Vec<_>>().join(" or ")
        }
        _ => "any".to_owned(),
    }
}
