//! What was read.

use smtp_reasons::{Explanation, Knowledge};

/// The pasted text and the replies in it.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The text as it was given.
    pub text: String,
    /// Whether the text was too long to be read whole.
    pub cut: bool,
    /// The replies, explained, in the order of the text.
    pub replies: Vec<Explanation<'static>>,
}

impl Facts {
    /// Reads `text` with the compiled-in knowledge.
    pub fn of(text: &str) -> Self {
        Self::read(text, Knowledge::builtin())
    }

    /// Reads `text`.
    pub fn read(text: &str, knowledge: &'static Knowledge) -> Self {
        let (pasted, replies) = knowledge.explain_all(text);
        Facts { text: text.to_owned(), cut: pasted.cut, replies }
    }
}
