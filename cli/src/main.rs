//! `engine`: arguments in, text or JSON out; everything else is the core's.

mod args;
mod commands;
mod complaint;
mod exit;
mod message;
mod network;
mod progress;
mod render;
mod rules;
mod target;

use clap::Parser;

use crate::{args::Command, complaint::Complaint, exit::Exit};

fn main() -> std::process::ExitCode {
    let arguments = match args::Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // clap prints help to stdout and mistakes to stderr.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage.into() } else { Exit::Good.into() };
        }
    };
    arguments.color.write_global();
    let done = match arguments.command {
        Command::Run(run) => commands::run::run(*run),
        Command::List(list) => commands::list::list(&list),
        Command::Explain(explain) => commands::explain::explain(&explain),
        Command::Replay(replay) => commands::replay::replay(&replay),
        Command::Lab(lab) => commands::lab::lab(&lab),
        Command::Schema(schema) => commands::schema::schema(&schema),
        Command::Completions(completions) => commands::completions(&completions),
    };
    match done {
        Ok(exit) => exit.into(),
        Err(Complaint::Closed) => Exit::Good.into(),
        Err(complaint) => {
            commands::tell(&complaint.text());
            Exit::Usage.into()
        }
    }
}
