//! The subcommands, a file each.

pub mod diagnose;
pub mod explain;
pub mod lab;
pub mod list;
pub mod logs;
pub mod plugin;
pub mod plugin_author;
pub mod replay;
pub mod run;
pub mod schema;

use std::path::PathBuf;

use clap::CommandFactory;
use engine_core::registry::Registry;

use crate::{
    args::{Arguments, Completions},
    complaint::Complaint,
    exit::Exit,
    output::print_script,
};

/// The checks that there are: our own, those of plugins that were added, and
/// those of the plugins in `once`.
pub fn registry(once: &[PathBuf]) -> Result<Registry, Complaint> {
    let mut registry = builtin_checks::registry().map_err(Complaint::new)?;
    plugin::register(&mut registry, once)?;
    Ok(registry)
}

/// `engine completions`.
pub fn completions(arguments: &Completions) -> Result<Exit, Complaint> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "engine", &mut script);
    print_script(&script)?;
    Ok(Exit::Good)
}
