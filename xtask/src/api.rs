//! `plugin-api/api.txt`: the public items of plugin-api, so that a change of the
//! contract cannot be overlooked in a review. It reads the sources as rustfmt
//! lays them out, which `.ci/run` holds them to.

use std::{fmt::Write, fs, path::Path};

use crate::{root, sdk::sources};

/// The listing.
pub fn listing() -> anyhow::Result<String> {
    let mut list = String::from(
        "# The public items of plugin-api. Made by `cargo xtask generate`; do not edit.\n\
         # A line that goes away or changes breaks plugins: see docs/plugins.md, What stays stable.\n",
    );
    for folder in ["plugin-api", "plugin-api/macros"] {
        let folder = root().join(folder);
        for file in sources(&folder.join("src"))? {
            let items = items(&fs::read_to_string(&file)?);
            if !items.is_empty() {
                let shown = file.strip_prefix(root()).unwrap_or(Path::new("")).display();
                write!(list, "\n## {shown}\n{}\n", items.join("\n"))?;
            }
        }
    }
    Ok(list)
}

/// The public items of one file, one a line, members after their owner.
fn items(source: &str) -> Vec<String> {
    let source = source.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let mut lines = source.lines().map(|line| line.split("//").next().unwrap_or_default());
    let (mut found, mut owner) = (Vec::new(), String::new());
    while let Some(line) = lines.next() {
        let (text, inner) = (line.trim(), line.starts_with(' '));
        if !inner && !text.is_empty() {
            owner.clear();
        }
        if text.starts_with("impl") && text.ends_with('{') {
            owner = text.trim_end_matches('{').trim().to_owned();
            // A trait that is implemented is part of the contract too.
            if owner.contains(" for ") {
                found.push(owner.clone());
            }
        } else if text.starts_with("macro_rules!") || text.starts_with("#[proc_macro") {
            found.push(text.trim_end_matches('{').trim().to_owned());
        } else if text.starts_with("pub ") {
            // All of what has no private members, otherwise the part before its body.
            let whole = text.starts_with("pub enum") || text.starts_with("pub trait") || text.starts_with("pub use");
            let mut item = text.to_owned();
            while !if whole { closed(&item) } else { headed(&item) } {
                let Some(next) = lines.next() else { break };
                item.push(' ');
                item.push_str(next.trim());
            }
            let item = item.split_whitespace().collect::<Vec<_>>().join(" ");
            let item = if whole { &item } else { item.trim_end_matches(['{', ',', ';', ' ']) };
            if !inner && (item.starts_with("pub struct") || item.starts_with("pub mod")) {
                owner = item.split([' ', '(', '<', ';']).nth(2).unwrap_or_default().to_owned();
            }
            found.push(if inner { format!("{owner}: {item}") } else { item.to_owned() });
        }
    }
    found
}

/// Whether the item ends here, body included.
fn closed(item: &str) -> bool {
    let depth = |open, close| item.matches(open).count() == item.matches(close).count();
    depth('{', '}') && (item.contains('{') || item.ends_with(';')) && (item.ends_with('}') || item.ends_with(';'))
}

/// Whether the item's head ends here: its signature, type or value.
fn headed(item: &str) -> bool {
    let depth = |open, close| item.matches(open).count() == item.matches(close).count();
    depth('(', ')') && depth('[', ']') && item.ends_with(['{', ',', ';', '}'])
}
