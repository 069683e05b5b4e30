//! Sans-IO parsers of the records that e-mail authentication publishes.
//!
//! Every parser is total: any input gives a value together with all the
//! [issues](tag_list::Issue) found in it, each with the [`Span`] of bytes at fault.
//! Nothing here opens a socket, reads a clock or ends at the first fault.

pub mod bimi;
pub mod caa;
pub mod date;
pub mod dkim;
pub mod dmarc;
pub mod fields;
mod misspelt;
pub mod mta_sts;
pub mod spf;
pub mod tag_list;
pub mod tls_rpt;
pub mod txt;

/// A range of bytes inside a parsed text, `start..end`, end exclusive; both
/// ends lie on character boundaries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// First byte, counted from 0.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Span {
    /// The range `start..end`.
    pub fn new(start: usize, end: usize) -> Self {
        Span { start, end }
    }

    /// The text of the range; empty where it does not lie in `whole`.
    pub fn of(self, whole: &str) -> &str {
        whole.get(self.start..self.end).unwrap_or("")
    }
}
