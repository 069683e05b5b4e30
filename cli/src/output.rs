//! The ways out of the program: what is printed, and to where. What a line
//! quotes may come from the network or from a plugin, so each of them makes
//! its text harmless for a terminal; see `render::escape`.

use std::{
    fs::File,
    io::Write,
    sync::{Mutex, OnceLock, PoisonError},
};

use anstream::AutoStream;

use crate::{complaint::Complaint, render::escape};

/// Writes plain text to standard output. It may quote anything.
pub fn print(text: &str) -> Result<(), Complaint> {
    write(&escape::lines(text))
}

/// Writes text with colours of our own to standard output, coloured as the
/// user wants. Whoever made it has escaped what it quotes.
pub fn print_styled(text: &str) -> Result<(), Complaint> {
    write(text)
}

/// Writes a JSON text and a line end to standard output. It may quote anything.
pub fn print_json(json: &str) -> Result<(), Complaint> {
    write(&format!("{}\n", escape::json(json)))
}

/// Writes a script for a shell to standard output: ours alone, and as it is.
pub fn print_script(script: &[u8]) -> Result<(), Complaint> {
    let whole = |out: &mut dyn Write| out.write_all(script).and_then(|()| out.flush());
    match APART.get() {
        Some(Some(out)) => whole(&mut *out.lock().unwrap_or_else(PoisonError::into_inner))?,
        _ => whole(&mut anstream::stdout().lock())?,
    }
    Ok(())
}

/// Standard output, where it is kept apart; `None` inside where it cannot be.
static APART: OnceLock<Option<Mutex<AutoStream<File>>>> = OnceLock::new();

/// To be called before code of others may run in this process: what it prints
/// goes to standard error from then on, so that a report can be read.
pub fn keep_apart() {
    APART.get_or_init(|| Some(Mutex::new(AutoStream::auto(engine_plugin_host::stdout::keep().ok()?))));
}

/// Whether code of others may have run in this process, whose destructors and
/// threads must not be waited for at its end.
pub fn is_kept_apart() -> bool {
    APART.get().is_some()
}

/// Writes a line to standard error. That nobody can read it there is no fault.
pub fn tell(line: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{}", escape::lines(line));
}

fn write(text: &str) -> Result<(), Complaint> {
    print_script(text.as_bytes())
}
