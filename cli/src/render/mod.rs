//! What is printed: data to standard output, everything else to standard error.

pub mod code;
pub mod diagnosis;
pub mod escape;
pub mod explained;
pub mod logs;
pub mod matrix;
pub mod page;
pub mod plan;
pub mod quote;
pub mod text;

/// The width that text is wrapped to, in columns.
pub const WIDTH: usize = 80;

/// How text is wrapped: between words only, so that no name is torn apart.
pub fn margins<'a>(first: &'a str, rest: &'a str) -> textwrap::Options<'a> {
    textwrap::Options::new(WIDTH)
        .initial_indent(first)
        .subsequent_indent(rest)
        .break_words(false)
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
}

/// `text` wrapped, each line after `indent` spaces.
pub fn wrapped(text: &str, indent: usize) -> String {
    let margin = " ".repeat(indent);
    let options = margins(&margin, &margin);
    textwrap::fill(&escape::lines(text), options)
}

/// `  Label:   text`, wrapped under the text.
pub fn labelled(label: &str, text: &str) -> String {
    let label = if label.is_empty() { String::new() } else { format!("{label}:") };
    let first = format!("  {label:<8} ");
    let options = margins(&first, "           ");
    format!("{}\n", textwrap::fill(&escape::lines(text), options))
}

/// A line of a list.
pub fn bullet(text: &str) -> String {
    let options = margins("  - ", "    ");
    format!("{}\n", textwrap::fill(&escape::lines(text), options))
}
