//! `engine replay`.

use engine_core::{recording::Recording, session};

use super::{registry, run::Printer};
use crate::{args::Replay, complaint::Complaint, exit::Exit};

/// Makes a recorded run's report again.
pub fn replay(arguments: &Replay) -> Result<Exit, Complaint> {
    let registry = registry(&arguments.plugin)?;
    let recording = Recording::read(&arguments.file).map_err(Complaint::new)?;
    // A timer is all that a replay needs of a runtime: no socket can be opened on this one.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let finished =
        runtime.block_on(session::replay(&registry, recording, std::sync::Arc::new(|_| ()))).map_err(Complaint::new)?;
    let printer = Printer { format: arguments.format, verbose: arguments.verbose, plugins: arguments.plugin.clone() };
    printer.print(&finished.report)?;
    Ok(Exit::of(&finished.report, arguments.fail_on))
}
