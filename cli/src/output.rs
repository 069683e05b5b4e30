//! The ways out of the program: what is printed, and to where. What a line
//! quotes may come from the network or from a plugin, so each of them makes
//! its text harmless for a terminal; see `render::escape`.

use std::io::Write;

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
    let mut out = anstream::stdout().lock();
    out.write_all(script)?;
    out.flush()?;
    Ok(())
}

/// Writes a line to standard error. That nobody can read it there is no fault.
pub fn tell(line: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{}", escape::lines(line));
}

fn write(text: &str) -> Result<(), Complaint> {
    print_script(text.as_bytes())
}
