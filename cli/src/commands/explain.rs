//! `engine explain`.

use engine_core::nearest;

use super::{print, registry};
use crate::{args::Explain, complaint::Complaint, exit::Exit, render::page};

/// Explains a finding code, a status code or a reply.
pub fn explain(arguments: &Explain) -> Result<Exit, Complaint> {
    let registry = registry()?;
    let words = arguments.words.join(" ");
    if let Some((check, spec)) = registry.finding(words.trim()) {
        print(&page::text(words.trim(), check, spec))?;
        return Ok(Exit::Good);
    }
    let complaint = Complaint::new(format!("`{words}` is no finding code, status code or SMTP reply"));
    Err(match nearest(&words, registry.codes()) {
        Some(near) => complaint.hint(format!("did you mean `{near}`?")),
        None => complaint.hint(
            "give for example mx-alias, 5.7.23, 550 or a whole reply; engine list findings prints the finding codes",
        ),
    })
}
