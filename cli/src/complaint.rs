//! What is wrong with what the user gave us.

use std::{fmt::Display, io};

use engine_core::config::Config;
use engine_plugin_api::{Quote, Span};

use crate::render::{escape, quote};

/// Why the program ends with exit code 2, or early.
#[derive(Debug)]
pub enum Complaint {
    /// The message, possibly with a hint.
    Words {
        /// What is wrong, naming the input.
        message: String,
        /// The input with a caret under the fault, if it can be pointed at.
        pointer: Option<(String, usize)>,
        /// What to do.
        hint: Option<String>,
    },
    /// Whoever read our output has gone away: nothing is left to say.
    Closed,
}

impl Complaint {
    /// A complaint without a hint.
    pub fn new(message: impl Display) -> Self {
        Complaint::Words { message: message.to_string(), pointer: None, hint: None }
    }

    /// A complaint of one line, whatever it names: a file or a plugin may be
    /// called so that it would go on in another one.
    pub fn of_line(message: impl Display) -> Self {
        Complaint::new(escape::line(&message.to_string()))
    }

    /// Adds what to do.
    pub fn hint(self, hint: impl Display) -> Self {
        match self {
            Complaint::Words { message, pointer, .. } => {
                Complaint::Words { message, pointer, hint: Some(hint.to_string()) }
            }
            Complaint::Closed => Complaint::Closed,
        }
    }

    /// Points at the character `column` (from 0) of `input`.
    pub fn at(self, input: &str, column: usize) -> Self {
        match self {
            Complaint::Words { message, hint, .. } => {
                Complaint::Words { message, pointer: Some((input.to_owned(), column)), hint }
            }
            Complaint::Closed => Complaint::Closed,
        }
    }

    /// Says that the input stands at `path` of the configuration, if that was read from a file.
    pub fn in_config(self, config: &Config, path: &[&str]) -> Self {
        match self {
            Complaint::Words { message, pointer, hint } => {
                let placed = config.error_at(path, message.clone()).map_or(message, |error| error.to_string());
                Complaint::Words { message: placed, pointer, hint }
            }
            Complaint::Closed => Complaint::Closed,
        }
    }

    /// As it is printed.
    pub fn text(&self) -> String {
        let Complaint::Words { message, pointer, hint } = self else { return String::new() };
        let mut text = format!("error: {}", escape::lines(message));
        if let Some((input, column)) = pointer {
            let at = input.char_indices().nth(*column).map_or(input.len(), |(at, _)| at);
            let end = input[at..].chars().next().map_or(at, |fault| at + fault.len_utf8());
            let quote = Quote { text: input.clone(), span: Some(Span::new(at, end)), label: None };
            for line in quote::lines(&quote) {
                text.push_str(&format!("\n{}", line.trim_end()));
            }
        }
        if let Some(hint) = hint {
            text.push_str(&format!("\nhint: {}", escape::lines(hint)));
        }
        text
    }
}

impl From<io::Error> for Complaint {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Complaint::Closed
        } else {
            Complaint::new(format!("could not write the output: {error}"))
        }
    }
}
