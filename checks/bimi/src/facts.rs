//! What was seen.

use std::collections::BTreeMap;

use bimi_assets::{
    certificate::{Mark, NoMark},
    svg::{Image, NotSvg},
};
use engine_plugin_api::{Cause, EvidenceId, Observed};
use mail_syntax::dmarc::Discovery;

/// Everything that the judge knows.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The domain.
    pub domain: String,
    /// The domain whose record counts: itself, or its organizational domain.
    pub owner: String,
    /// The name at which the record stands, or would stand.
    pub name: String,
    /// What is published there and meant as BIMI.
    pub published: Observed<Published>,
    /// The DMARC record that applies, by RFC 7489 and by RFC 9989.
    pub dmarc: [Discovery; 2],
    /// The organizational domain, by the public suffix list as the draft has it.
    pub organizational: String,
    /// The DMARC record that applies to that, by the same rules, where it is another domain.
    pub above: Option<[Discovery; 2]>,
    /// Why the DMARC record could not be had, where that is so.
    pub dmarc_gap: Option<Cause>,
    /// The observations of what stands at `_dmarc.` of each domain.
    pub dmarc_evidence: BTreeMap<String, EvidenceId>,
    /// The image, where the record names one.
    pub image: Option<Fetched>,
    /// The certificate, where the record names one.
    pub certificate: Option<Fetched>,
}

/// The records of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The observation.
    pub evidence: EvidenceId,
    /// The texts that are meant as BIMI.
    pub texts: Vec<String>,
}

/// What came of getting a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// It came.
    Document(Document),
    /// The other side says that there is none: why, as a fragment.
    Missing {
        /// The observation.
        evidence: EvidenceId,
        /// For example `the server answers with the status 404`.
        why: String,
    },
    /// It is not known whether there is one.
    Unknown(Cause),
}

/// A document that was got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// The observation.
    pub evidence: EvidenceId,
    /// Its media type, where one was said.
    pub media_type: Option<String>,
    /// Its bytes, as many as are wanted.
    pub bytes: Vec<u8>,
    /// Whether there were more.
    pub cut: bool,
    /// The server's time, in seconds of Unix time.
    pub now: Option<u64>,
}

impl Document {
    /// The document as an image.
    ///
    /// # Errors
    /// When it is none.
    pub fn image(&self) -> Result<Image, NotSvg> {
        if self.cut { Err(NotSvg::TooLarge) } else { bimi_assets::svg::inspect(&self.bytes) }
    }

    /// The document as a mark certificate.
    ///
    /// # Errors
    /// When it is none.
    pub fn mark(&self) -> Result<Mark, NoMark> {
        if self.cut { Err(NoMark::TooLarge) } else { bimi_assets::certificate::read(&self.bytes) }
    }
}
