//! The image at `l=`.

use bimi_assets::svg::{LARGEST, NotSvg};
use engine_plugin_api::{Evidence, Finding, Judgement, Remedy, Unknown};

use super::{Own, subject};
use crate::{
    IMAGE_INVALID, IMAGE_NOT_SQUARE, IMAGE_PROFILE, IMAGE_TOO_LARGE, IMAGE_TYPE, IMAGE_UNREACHABLE,
    facts::{Document, Facts, Fetched},
};

pub(super) fn judge(facts: &Facts, own: &Own<'_>, out: &mut Judgement) {
    match &facts.image {
        None => {}
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

fn document_rules(facts: &Facts, own: &Own<'_>, document: &Document, out: &mut Judgement) {
    let about = |code: &str, seen: String, step: &str| {
        Finding::new(code, subject(facts), seen)
            .evidence(own.at("l", "this image"))
            .evidence(Evidence::of(&document.evidence))
            .remedy(Remedy::step(step))
    };
    if document.media_type.as_deref() != Some("image/svg+xml") {
        let says = document.media_type.as_ref().map_or("none".to_owned(), |kind| format!("`{kind}`"));
        let seen = format!("The image of {} comes with the media type {says}, not `image/svg+xml`.", facts.owner);
        out.find(about(IMAGE_TYPE, seen, "Let the web server send `Content-Type: image/svg+xml` with the image."));
    }
    let too_large = document.bytes.len() > LARGEST || document.cut;
    if too_large {
        let size =
            if document.cut { format!("more than {}", document.bytes.len()) } else { document.bytes.len().to_string() };
        let seen = format!("The image of {} has {size} bytes; receivers take up to {LARGEST}.", facts.owner);
        out.find(about(
            IMAGE_TOO_LARGE,
            seen,
            "Simplify the paths of the image, and take out what a program put in for itself.",
        ));
    }
    let image = match document.image() {
        Ok(image) => image,
        Err(NotSvg::TooLarge) if too_large => return,
        Err(NotSvg::Compressed) => {
            let cause = engine_plugin_api::Cause::new(
                engine_plugin_api::CauseKind::Malformed,
                "it is compressed with gzip, which is not unpacked here",
            );
            let unknown = Unknown::new(
                subject(facts),
                "whether the image keeps to SVG Tiny PS",
                cause.seen_in(&document.evidence),
            );
            out.unknown(unknown.advice("publish it uncompressed; not all receivers take `.svgz`"));
            return;
        }
        Err(fault) => {
            let seen = format!("What the BIMI record of {} points at {fault}.", facts.owner);
            out.find(about(IMAGE_INVALID, seen, "Put an SVG Tiny PS image there."));
            return;
        }
    };
    if !image.breaches.is_empty() {
        let shown: Vec<String> =
            image.breaches.iter().take(5).map(|breach| format!("line {}: {}", breach.line, breach.kind)).collect();
        let more = match image.breaches.len().saturating_sub(shown.len()) {
            0 => String::new(),
            more => format!("; and {more} more"),
        };
        let seen = format!("The image of {} does not keep to SVG Tiny PS: {}{more}.", facts.owner, shown.join("; "));
        let step = "Export the logo as SVG Tiny 1.2, then let the root say `version=\"1.2\" baseProfile=\"tiny-ps\"`, put a \
                    `<title>` with the brand's name directly below it, and take out scripts, styles, pictures, animations and \
                    references. The BIMI Group's converter does that.";
        out.find(about(IMAGE_PROFILE, seen, step));
    }
    if image.is_square() == Some(false) {
        let (width, height) = image.size.unwrap_or_default();
        let seen = format!("The image of {} is {width} wide and {height} high; receivers want a square.", facts.owner);
        out.find(about(IMAGE_NOT_SQUARE, seen, "Let `viewBox` be as wide as high, with the logo in its middle."));
    }
}
