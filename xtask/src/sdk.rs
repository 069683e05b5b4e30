//! The SDK as the engine carries it in itself, for `engine plugin new`: the
//! sources of plugin-api by a generated list, and manifests that need no workspace.

use std::{
    collections::BTreeMap,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use toml::{Table, Value};

use crate::root;

/// Folder of the SDK in a plugin's folder, and of its source here.
const CRATES: [(&str, &str); 2] = [("engine-plugin-api", "plugin-api"), ("engine-plugin-macros", "plugin-api/macros")];

/// The generated files.
pub fn files() -> anyhow::Result<BTreeMap<PathBuf, String>> {
    let mut files = BTreeMap::new();
    let mut list = String::from(
        "//! The files of the SDK. Made by `cargo xtask generate`; do not edit.\n\n\
         /// Path in a plugin's folder `sdk`, and text.\npub const SDK: &[(&str, &str)] = &[\n",
    );
    for (name, folder) in CRATES {
        let manifest = format!("cli/templates/sdk/{name}.toml");
        entry(&mut list, &format!("{name}/Cargo.toml"), &manifest)?;
        files.insert(PathBuf::from(manifest), standalone(folder)?);
        for file in sources(&root().join(folder).join("src"))? {
            let inside = file.strip_prefix(root().join(folder))?.to_string_lossy().into_owned();
            entry(&mut list, &format!("{name}/{inside}"), &format!("{folder}/{inside}"))?;
        }
    }
    list.push_str("];\n\n/// The C headers: name and text.\npub const HEADERS: &[(&str, &str)] = &[\n");
    for header in ["emc_plugin.h", "emc_json.h", "emc_check.h"] {
        entry(&mut list, header, &format!("plugin-api/include/{header}"))?;
    }
    list.push_str("];\n");
    files.insert("cli/src/sdk/files.rs".into(), list);
    Ok(files)
}

fn entry(list: &mut String, name: &str, source: &str) -> anyhow::Result<()> {
    let one = format!("    (\"{name}\", include_str!(\"../../../{source}\")),\n");
    if one.trim_end().len() <= 120 {
        list.push_str(&one);
    } else {
        // As rustfmt has it.
        write!(list, "    (\n        \"{name}\",\n        include_str!(\"../../../{source}\"),\n    ),\n")?;
    }
    Ok(())
}

/// The files below a folder, sorted.
pub fn sources(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for item in fs::read_dir(folder)? {
        let path = item?.path();
        if path.is_dir() {
            found.extend(sources(&path)?);
        } else {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// The manifest of a crate with all that it inherits written out, and without
/// what only its own tests and this project's lints need.
fn standalone(folder: &str) -> anyhow::Result<String> {
    let read = |path: &str| -> anyhow::Result<Table> { Ok(fs::read_to_string(root().join(path))?.parse()?) };
    let workspace = read("Cargo.toml")?;
    let mut manifest = read(&format!("{folder}/Cargo.toml"))?;
    let inherited = |section: &str| workspace["workspace"].get(section).and_then(Value::as_table);
    let shared = inherited("package").context("the workspace has no package section")?;
    let versions = inherited("dependencies").context("the workspace has no dependencies")?;
    manifest.remove("dev-dependencies");
    manifest.remove("lints");
    let package = manifest.get_mut("package").and_then(Value::as_table_mut).context("no package")?;
    for (key, value) in package.iter_mut() {
        if value.get("workspace").is_some() {
            *value = shared.get(key).with_context(|| format!("the workspace has no {key}"))?.clone();
        }
    }
    for (name, value) in manifest.get_mut("dependencies").and_then(Value::as_table_mut).into_iter().flatten() {
        let Some(own) = value.as_table_mut().filter(|own| own.contains_key("workspace")) else { continue };
        own.remove("workspace");
        let mut full = match versions.get(name) {
            Some(Value::String(version)) => Table::from_iter([("version".to_owned(), version.clone().into())]),
            Some(Value::Table(table)) => table.clone(),
            _ => bail!("the workspace has no {name}"),
        };
        if full.contains_key("path") {
            full.insert("path".to_owned(), format!("../{name}").into());
        }
        for (key, value) in std::mem::take(own) {
            full.insert(key, value);
        }
        *own = full;
    }
    Ok(format!("# Made from {folder}/Cargo.toml of the engine.\n\n{manifest}"))
}
