//! Files that are made from others: never edited by hand.

use std::{collections::BTreeMap, fmt::Write, fs, path::PathBuf};

use anyhow::{Context, bail};
use engine_core::{config::Config, registry::public_code, report::Report};
use engine_plugin_api::Manifest;
use smtp_reasons::{Clears, Knowledge, Reason};

use crate::{root, type_name};

/// Writes every generated file, or with `check` only says which are out of date.
pub fn generate(check: bool) -> anyhow::Result<()> {
    let mut stale = Vec::new();
    for (path, text) in files()? {
        let full = root().join(&path);
        if fs::read_to_string(&full).is_ok_and(|old| old == text) {
            continue;
        }
        if !check {
            fs::create_dir_all(full.parent().context("a generated file has a folder")?)?;
            fs::write(&full, text)?;
            println!("wrote {}", path.display());
        }
        stale.push(path.display().to_string());
    }
    if check && !stale.is_empty() {
        bail!("out of date: {}\nrun: cargo xtask generate", stale.join(", "));
    }
    Ok(())
}

fn files() -> anyhow::Result<BTreeMap<PathBuf, String>> {
    let checks = checks()?;
    let mut files = BTreeMap::new();
    let manifest = fs::read_to_string(root().join("lib/builtin-checks/Cargo.toml"))?;
    let source = fs::read_to_string(root().join("lib/builtin-checks/src/lib.rs"))?;
    let workspace = fs::read_to_string(root().join("Cargo.toml"))?;
    let dependency = |check: &String| format!("check-{check}.workspace = true\n");
    let call = |check: &String| {
        format!("    registry.add::<check_{}::{}>(origin)?;\n", check.replace('-', "_"), type_name(check))
    };
    let path = |check: &String| format!("check-{check} = {{ path = \"checks/{check}\" }}\n");
    let replaced = |text, prefix, line: &dyn Fn(&String) -> String| {
        let lines: String = checks.iter().map(line).collect();
        replace_block(text, prefix, &lines)
    };
    files.insert("lib/builtin-checks/Cargo.toml".into(), replaced(&manifest, "check-", &dependency)?);
    files.insert("lib/builtin-checks/src/lib.rs".into(), replaced(&source, "    registry.add::<", &call)?);
    files.insert("Cargo.toml".into(), replaced(&workspace, "check-", &path)?);
    files.extend(crate::sdk::files()?);
    files.insert("plugin-api/api.txt".into(), crate::api::listing()?);
    files.insert("docs/checks.md".into(), checks_page()?);
    files.insert("docs/reference/services.md".into(), crate::services_page::page()?);
    files.insert("docs/reference/reasons.md".into(), reasons_page()?);
    files.insert("docs/schema/report-v1.json".into(), pretty(&Report::schema())?);
    files.insert("docs/schema/diagnosis-v1.json".into(), pretty(&diagnosis::Diagnosis::schema())?);
    files.insert("docs/schema/logs-v1.json".into(), pretty(&mail_logs::Report::schema().to_value())?);
    files.insert("docs/schema/config.json".into(), pretty(&Config::schema(&builtin_checks::registry()?))?);
    Ok(files)
}

/// The names of the folders below `checks/`, sorted.
fn checks() -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root().join("checks"))? {
        let entry = entry?;
        if entry.path().join("Cargo.toml").is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// `text` with its run of lines that begin with `prefix` replaced by `lines`.
fn replace_block(text: &str, prefix: &str, lines: &str) -> anyhow::Result<String> {
    let start =
        text.find(&format!("\n{prefix}")).map(|at| at + 1).context("the list of checks has no line to begin at")?;
    let length: usize =
        text[start..].split_inclusive('\n').take_while(|line| line.starts_with(prefix)).map(str::len).sum();
    Ok(format!("{}{lines}{}", &text[..start], &text[start + length..]))
}

fn pretty(value: &engine_plugin_api::serde_json::Value) -> anyhow::Result<String> {
    Ok(format!("{}\n", engine_plugin_api::serde_json::to_string_pretty(value)?))
}

fn checks_page() -> anyhow::Result<String> {
    let registry = builtin_checks::registry()?;
    let mut page = String::from(
        "# Checks and findings\n\nMade by `cargo xtask generate` from the checks' manifests and pages; do not edit.\n\
         `engine explain CODE` prints a finding's page.\n",
    );
    for check in registry.iter() {
        let Manifest { id, summary, side_effect, services, discloses_to, findings, inputs, .. } = &check.manifest;
        let needs =
            inputs.iter().map(|group| group.iter().map(|input| input.phrase()).collect::<Vec<_>>().join(" and "));
        write!(page, "\n## {id}\n\n{summary}\n\n")?;
        let needs = if inputs.is_empty() { "nothing".to_owned() } else { needs.collect::<Vec<_>>().join(", or ") };
        writeln!(page, "- needs: {needs}")?;
        writeln!(page, "- effect on others: {}", side_effect.word())?;
        if !services.is_empty() {
            writeln!(page, "- services: {}", services.join(", "))?;
        }
        if !discloses_to.is_empty() {
            writeln!(page, "- tells the target to: {}", discloses_to.join(", "))?;
        }
        let settings = setting_rows(&check.manifest.config_schema);
        if !settings.is_empty() {
            write!(page, "\n| setting | what |\n|---|---|\n{settings}")?;
        }
        page.push_str("\n| finding | severity | what | source |\n|---|---|---|---|\n");
        let mut findings: Vec<_> = findings.iter().collect();
        findings.sort_by_key(|spec| (std::cmp::Reverse(spec.severity), spec.code.clone()));
        for spec in findings {
            writeln!(
                page,
                "| [{}](../checks/{id}/findings/{}.md) | {} | {} | {} |",
                public_code(id, &spec.code),
                spec.code,
                spec.severity.word(),
                cell(&spec.title),
                cell(&spec.source)
            )?;
        }
    }
    Ok(page)
}

/// The vocabulary of reasons, and how it maps onto Sisimai's.
fn reasons_page() -> anyhow::Result<String> {
    let knowledge = Knowledge::builtin();
    let mut page = String::from(
        "# Why mail is refused: the vocabulary of reasons\n\n\
         Made by `cargo xtask generate` from lib/smtp-reasons/data/reasons.toml; do not edit.\n\
         These words stand in every report, in bounces, logs and explained replies, and in rule files.\n\
         Each maps onto at most one reason of Sisimai; where ours are finer, several map onto the same.\n\
         Where there is no reply and no code at all, Sisimai says `undefined`; we give no reason.\n\n\
         | reason | what it says | a later attempt can succeed | who must act | Sisimai | checks that prove it |\n\
         |---|---|---|---|---|---|\n",
    );
    for reason in Reason::ALL {
        let entry = knowledge.reason(*reason);
        let clears = match entry.clears {
            Clears::ByItself => "yes",
            Clears::WhenFixed => "only when something is changed",
        };
        let cells = [
            format!("`{}`", reason.word()),
            entry.title.clone(),
            clears.to_owned(),
            entry.actor.phrase().to_owned(),
            entry.sisimai.as_ref().map(|word| format!("`{word}`")).unwrap_or_default(),
            entry.checks.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", "),
        ];
        writeln!(page, "| {} |", cells.map(|text| cell(&text)).join(" | "))?;
    }
    page.push_str("\n## Meaning and remedy\n");
    for reason in Reason::ALL {
        let entry = knowledge.reason(*reason);
        writeln!(page, "\n### {}\n\n{}\n\n*Remedy:* {}", reason.word(), entry.meaning, entry.remedy)?;
    }
    Ok(page)
}

fn setting_rows(schema: &engine_plugin_api::serde_json::Value) -> String {
    let properties = schema.get("properties").and_then(|properties| properties.as_object());
    let rows = properties.into_iter().flatten().map(|(name, property)| {
        let what = property.get("description").and_then(|text| text.as_str()).unwrap_or_default();
        format!("| `{name}` | {} |\n", cell(what))
    });
    rows.collect()
}

/// `text` as it fits into one cell of a table.
pub fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}
