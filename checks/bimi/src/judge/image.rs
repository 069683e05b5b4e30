//! The image at `l=`; where that is empty, the one in the mark certificate.

use bimi_assets::svg::{self, Image, LARGEST, NotSvg};
use engine_plugin_api::{Cause, CauseKind, Evidence, EvidenceId, Finding, Judgement, Remedy, Unknown};

use super::{Own, subject};
use crate::{
    IMAGE_INVALID, IMAGE_NOT_SQUARE, IMAGE_PROFILE, IMAGE_TOO_LARGE, IMAGE_TYPE, IMAGE_UNREACHABLE,
    facts::{Document, Facts, Fetched},
};

pub(super) fn judge(facts: &Facts, own: &Own<'_>, out: &mut Judgement) {
    match &facts.image {
        None => in_certificate(facts, own, out),
        Some(Fetched::Unknown(cause)) => {
            out.unknown(Unknown::new(
                subject(facts),
                "whether the image of the BIMI record can be shown",
                cause.clone(),
            ));
        }
        Some(Fetched::Missing { evidence, why }) => {
            let seen = format!("The image of the BIMI record of {} cannot be got: {why}.", facts.owner);
            let step = "Put the image at the place that `l=` names, on a server with a valid certificate, without a redirect; \
                        or correct `l=`.";
            out.find(
                Finding::new(IMAGE_UNREACHABLE, subject(facts), seen)
                    .evidence(own.at("l", "cannot be got"))
                    .evidence(Evidence::of(evidence))
                    .remedy(Remedy::step(step)),
            );
        }
        Some(Fetched::Document(document)) => document_rules(facts, own, document, out),
    }
}

/// An image, and where it is from.
struct Shown<'s> {
    facts: &'s Facts,
    own: &'s Own<'s>,
    /// The tag that leads to it.
    tag: &'static str,
    /// `The image of a.example`.
    what: String,
    /// What must be done first, to publish another.
    first: &'static str,
    evidence: &'s EvidenceId,
}

impl Shown<'_> {
    fn about(&self, code: &str, said: &str, step: &str) -> Finding {
        Finding::new(code, subject(self.facts), format!("{} {said}", self.what))
            .evidence(self.own.at(self.tag, "this image"))
            .evidence(Evidence::of(self.evidence))
            .remedy(Remedy::step(format!("{}{step}", self.first)))
    }
}

/// An empty `l=` beside `a=` declines nothing (§4.3.1): what can be shown is the image
/// in the certificate.
fn in_certificate(facts: &Facts, own: &Own<'_>, out: &mut Judgement) {
    // What keeps the certificate from being read has a finding of its own.
    let Some(Fetched::Document(document)) = &facts.certificate else { return };
    let Ok(mark) = document.mark() else { return };
    let Some(bytes) = &mark.image else {
        let cause =
            Cause::new(CauseKind::Malformed, "`l=` is empty, and the mark certificate holds no image that can be read");
        let unknown =
            Unknown::new(subject(facts), "which image the BIMI record means", cause.seen_in(&document.evidence));
        out.unknown(unknown.advice("put the place of the image into `l=`"));
        return;
    };
    let shown = Shown {
        facts,
        own,
        tag: "a",
        what: format!("The image in the mark certificate of {}", facts.owner),
        first: "A new mark certificate is needed. ",
        evidence: &document.evidence,
    };
    if bytes.len() > LARGEST {
        size(&shown, bytes.len().to_string(), out);
    }
    content(&shown, svg::inspect(bytes), bytes.len() > LARGEST, out);
}

fn size(shown: &Shown<'_>, size: String, out: &mut Judgement) {
    let said = format!("has {size} bytes; receivers take up to {LARGEST}.");
    let step = "Simplify the paths of the image, and take out what a program put in for itself.";
    out.find(shown.about(IMAGE_TOO_LARGE, &said, step));
}

fn document_rules(facts: &Facts, own: &Own<'_>, document: &Document, out: &mut Judgement) {
    let shown = Shown {
        facts,
        own,
        tag: "l",
        what: format!("The image of {}", facts.owner),
        first: "",
        evidence: &document.evidence,
    };
    if document.media_type.as_deref() != Some("image/svg+xml") {
        let says = document.media_type.as_ref().map_or("none".to_owned(), |kind| format!("`{kind}`"));
        let said = format!("comes with the media type {says}, not `image/svg+xml`.");
        out.find(shown.about(
            IMAGE_TYPE,
            &said,
            "Let the web server send `Content-Type: image/svg+xml` with the image.",
        ));
    }
    let too_large = document.bytes.len() > LARGEST || document.cut;
    if too_large {
        let bytes = document.bytes.len();
        size(&shown, if document.cut { format!("more than {bytes}") } else { bytes.to_string() }, out);
    }
    content(&shown, document.image(), too_large, out);
}

/// Whether it is an image as receivers want it; `too_large` is told already.
fn content(shown: &Shown<'_>, image: Result<Image, NotSvg>, too_large: bool, out: &mut Judgement) {
    let image = match image {
        Ok(image) => image,
        Err(NotSvg::TooLarge) if too_large => return,
        Err(NotSvg::Compressed) => {
            let cause = Cause::new(CauseKind::Malformed, "it is compressed with gzip, which is not unpacked here");
            let what = "whether the image keeps to SVG Tiny PS";
            let unknown = Unknown::new(subject(shown.facts), what, cause.seen_in(shown.evidence));
            out.unknown(unknown.advice("publish it uncompressed; not all receivers take `.svgz`"));
            return;
        }
        Err(fault) => {
            out.find(shown.about(IMAGE_INVALID, &format!("{fault}."), "Put an SVG Tiny PS image there."));
            return;
        }
    };
    if !image.breaches.is_empty() {
        let places: Vec<String> =
            image.breaches.iter().take(5).map(|breach| format!("line {}: {}", breach.line, breach.kind)).collect();
        let more = match image.breaches.len().saturating_sub(places.len()) {
            0 => String::new(),
            more => format!("; and {more} more"),
        };
        let said = format!("does not keep to SVG Tiny PS: {}{more}.", places.join("; "));
        let step = "Export the logo as SVG Tiny 1.2, then let the root say `version=\"1.2\" baseProfile=\"tiny-ps\"`, put a \
                    `<title>` with the brand's name directly below it, and take out scripts, styles, pictures, animations and \
                    references. The BIMI Group's converter does that.";
        out.find(shown.about(IMAGE_PROFILE, &said, step));
    }
    if image.is_square() == Some(false) {
        let (width, height) = image.size.unwrap_or_default();
        let said = format!("is {width} wide and {height} high; receivers want a square.");
        let step = "Let `viewBox` be as wide as high, with the logo in its middle.";
        out.find(shown.about(IMAGE_NOT_SQUARE, &said, step));
    }
}
