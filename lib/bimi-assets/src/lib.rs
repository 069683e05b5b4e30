//! What a BIMI record points at: an image in SVG Tiny PS ([`svg`]) and a mark
//! certificate ([`certificate`]). Both come from strangers: everything is
//! bounded, nothing is fetched, and any bytes give a value.

pub mod certificate;
pub mod svg;
