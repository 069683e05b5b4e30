//! What is printed: data to standard output, everything else to standard error.

pub mod code;
pub mod escape;
pub mod page;
pub mod quote;
pub mod text;

/// The width that text is wrapped to, in columns.
pub const WIDTH: usize = 80;

/// `text` wrapped, each line after `indent` spaces.
pub fn wrapped(text: &str, indent: usize) -> String {
    let margin = " ".repeat(indent);
    let options = textwrap::Options::new(WIDTH).initial_indent(&margin).subsequent_indent(&margin).break_words(false);
    textwrap::fill(&escape::lines(text), options)
}

/// `  Label:   text`, wrapped under the text.
pub fn labelled(label: &str, text: &str) -> String {
    let label = if label.is_empty() { String::new() } else { format!("{label}:") };
    let first = format!("  {label:<8} ");
    let options =
        textwrap::Options::new(WIDTH).initial_indent(&first).subsequent_indent("           ").break_words(false);
    format!("{}\n", textwrap::fill(&escape::lines(text), options))
}
