//! `engine`: arguments in, text or JSON out; everything else is the core's.

mod args;
mod commands;
mod complaint;
mod exit;
mod message;
mod network;
mod output;
mod progress;
mod render;
mod rules;
mod sdk;
mod target;

use clap::Parser;

use crate::{args::Command, complaint::Complaint, exit::Exit};

fn main() -> std::process::ExitCode {
    // What the engine itself starts to load a plugin: it reads no arguments and no environment.
    if std::env::args_os().nth(1).is_some_and(|word| word == "plugin-host") {
        engine_plugin_host::sandbox::close_inherited();
        return engine_plugin_host::child::serve();
    }
    let exit = engine();
    if output::is_kept_apart() {
        // Code of a plugin may still run, could touch what is cleaned up here, or
        // wants the last word. All that was printed is out.
        engine_plugin_host::child::leave(exit.code());
    }
    exit.into()
}

fn engine() -> Exit {
    let arguments = match args::Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // clap prints help to stdout and mistakes to stderr.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Good };
        }
    };
    arguments.color.write_global();
    let done = match arguments.command {
        Command::Run(run) => commands::run::run(*run),
        Command::Diagnose(diagnose) => commands::diagnose::diagnose(&diagnose),
        Command::List(list) => commands::list::list(&list),
        Command::Explain(explain) => commands::explain::explain(&explain),
        Command::Logs(logs) => commands::logs::logs(&logs),
        Command::Replay(replay) => commands::replay::replay(&replay),
        Command::Lab(lab) => commands::lab::lab(&lab),
        Command::Schema(schema) => commands::schema::schema(&schema),
        Command::Plugin(plugin) => commands::plugin::plugin(&plugin),
        Command::Completions(completions) => commands::completions(&completions),
    };
    match done {
        Ok(exit) => exit,
        Err(Complaint::Closed) => Exit::Good,
        Err(complaint) => {
            output::tell(&complaint.text());
            Exit::Usage
        }
    }
}
