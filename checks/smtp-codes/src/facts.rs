//! What was read.

use smtp_reasons::Explanation;

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
    /// Reads `text`.
    pub fn of(text: &str) -> Self {
        let (pasted, replies) = smtp_reasons::explain(text);
        Facts { text: text.to_owned(), cut: pasted.cut, replies }
    }
}
