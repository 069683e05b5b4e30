//! `engine plugin new` and `engine plugin test`: what authors of plugins need.

use std::{
    io,
    path::{Path, PathBuf},
};

use engine_core::{
    plugin::{self, Entry, HostProgram, Isolation, Plugin},
    registry::{Registry, is_kebab},
    shell_word,
};

use super::plugin::{described, places};
use crate::{
    args::{PluginNew, PluginTest},
    complaint::Complaint,
    exit::Exit,
    output::{keep_apart, print},
    render::escape,
    sdk::{Language, Names, unpack},
};

/// Writes a plugin to begin with.
pub fn new(arguments: &PluginNew) -> Result<Exit, Complaint> {
    let names = names(&arguments.name)?;
    let folder = arguments.folder.clone().unwrap_or_else(|| PathBuf::from(names.package()));
    let shown = folder.display().to_string();
    unpack(&folder, &names, arguments.lang).map_err(|error| {
        let complaint = Complaint::new(format!("could not make {shown}: {error}"));
        match error.kind() {
            io::ErrorKind::AlreadyExists => complaint.hint("name another folder with --folder"),
            _ => complaint,
        }
    })?;
    let engine = shell_word(&own_path());
    let (test, build, file) = match arguments.lang {
        Language::Rust => ("cargo test", "cargo build", format!("target/debug/lib{}.so", names.file())),
        Language::C => ("make test", "make", format!("lib{}.so", names.file())),
    };
    print(&format!(
        "Made the plugin {id} in {shown}. Next:\n\n  cd {folder}\n  ENGINE={engine} {test}\n  {build}\n  \
         {engine} run --plugin ./{file} --only {id} --lab healthy.example\n\n\
         Its page in findings/ is its documentation and its test; docs/plugins.md of the engine says more.\n",
        id = names.id,
        folder = shell_word(&shown),
    ))?;
    Ok(Exit::Good)
}

fn own_path() -> String {
    std::env::current_exe().map_or_else(|_| "engine".to_owned(), |path| path.display().to_string())
}

fn names(given: &str) -> Result<Names, Complaint> {
    let (vendor, name) = given.split_once('.').unwrap_or(("local", given));
    if !is_kebab(vendor) || !is_kebab(name) || name.starts_with(|first: char| first.is_ascii_digit()) {
        return Err(Complaint::new(format!("`{given}` is no name of a check: expected `vendor.name`"))
            .hint("lower-case words joined by `-`, for example acme.house-record"));
    }
    Ok(Names { id: format!("{vendor}.{name}"), name: name.to_owned() })
}

/// Loads a plugin and tries all that every check must keep.
pub fn test(arguments: &PluginTest) -> Result<Exit, Complaint> {
    let places = places();
    // A bare name means a file here, not an installed plugin.
    let file = Path::new(".").join(&arguments.file);
    let isolation = if arguments.trusted { Isolation::Trusted } else { Isolation::Process };
    if arguments.trusted {
        keep_apart();
    }
    let entry = Entry::new(described(&places, &file)?, isolation);
    let ids: Vec<String> = entry.ids().map(str::to_owned).collect();
    let mut registry = Registry::default();
    plugin::register(&mut registry, Plugin::new(entry, &HostProgram::own(), None)).map_err(Complaint::of_line)?;
    print(&format!("loaded, with the checks {}\n", escape::line(&ids.join(", "))))?;

    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (mut tried, mut failed, mut closed) = (0, 0, Ok(()));
    for id in &ids {
        runtime.block_on(scenario_play::conformance(&registry, id, |trial| {
            tried += 1;
            let mut text =
                format!("{} {}\n", if trial.faults.is_empty() { "ok  " } else { "FAIL" }, escape::line(&trial.name));
            if !trial.faults.is_empty() {
                failed += 1;
                for line in trial.faults.iter().flat_map(|fault| fault.lines()) {
                    text.push_str(&format!("     {}\n", escape::line(line)));
                }
            }
            if closed.is_ok() {
                closed = print(&text);
            }
        }));
    }
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    closed?;
    print(&format!("{tried} tried, {failed} failed\n"))?;
    Ok(if failed == 0 { Exit::Good } else { Exit::Findings })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_is_named_by_vendor_and_name() {
        let named = |given: &str| names(given).ok().map(|names| (names.id.clone(), names.name.clone(), names.file()));
        let three = |a: &str, b: &str, c: &str| Some((a.to_owned(), b.to_owned(), c.to_owned()));
        assert_eq!(named("acme.house-record"), three("acme.house-record", "house-record", "house_record"));
        assert_eq!(named("record"), three("local.record", "record", "record"));
        for wrong in ["", "Acme.x", "a.b.c", "a.", ".b", "a.7b", "a/b", "..", "a b"] {
            assert_eq!(named(wrong), None, "{wrong}");
        }
    }
}
