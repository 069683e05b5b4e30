//! What was read.

use bounce::Report;

/// What the message says, in as many reports as it holds messages.
#[derive(Clone, Debug)]
pub struct Facts {
    /// What the user calls the message.
    pub name: String,
    /// The reports; never empty.
    pub reports: Vec<Report>,
}
