//! What was seen of a domain's TLS-RPT record.

use engine_plugin_api::{EvidenceId, Observed};

/// Everything that the judge needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The mail domain, A-labels.
    pub domain: String,
    /// The TXT records at `_smtp._tls`, each joined to one text.
    pub texts: Observed<Vec<String>>,
    /// The observation of them.
    pub evidence: EvidenceId,
    /// The name at which the record stands: `_smtp._tls`, or the end of its aliases.
    pub home: String,
    /// Whether that name does not exist.
    pub is_gone: bool,
    /// Where `_smtp._tls` leads at once, where it is an alias.
    pub alias: Option<String>,
    /// The domains and hosts that reports go to, each once.
    pub destinations: Vec<Destination>,
}

/// A domain or host that reports go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// Its name.
    pub host: String,
    /// Why nothing can be brought there, if so.
    pub obstacle: Observed<Option<Obstacle>>,
    /// The observation that says so.
    pub evidence: EvidenceId,
}

/// Why nothing can be brought to a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The name does not exist.
    NoSuchName,
    /// It takes no mail: a null MX.
    NullMx,
    /// It has neither MX nor address.
    NoAddress,
}

/// The name that the record stands at.
pub fn record_name(domain: &str) -> String {
    format!("_smtp._tls.{domain}")
}
