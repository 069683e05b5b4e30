//! SVG Tiny Portable/Secure (draft-svg-tiny-ps-abrotman).
//!
//! ```
//! let image = br#"<svg xmlns="http://www.w3.org/2000/svg" version="1.2" baseProfile="tiny-ps"
//!   viewBox="0 0 64 64"><title>A</title><circle cx="32" cy="32" r="30"/></svg>"#;
//! assert!(bimi_assets::svg::inspect(image).unwrap().breaches.is_empty());
//! ```

use std::fmt;

use roxmltree::{Document, Node, ParsingOptions};

/// Receivers take images up to so many bytes (draft-brand-indicators §4.2, BIMI Group).
pub const LARGEST: usize = 32 * 1024;
/// The largest image that is looked into, in bytes.
pub const READ: usize = 256 * 1024;
/// The most breaches that are told.
const MOST: usize = 20;
/// The deepest nesting of elements that is read.
const DEEPEST: usize = 200;
const NAMESPACE: &str = "http://www.w3.org/2000/svg";

/// The elements of the profile.
const ELEMENTS: [&str; 24] = [
    "svg",
    "title",
    "desc",
    "metadata",
    "defs",
    "g",
    "use",
    "path",
    "rect",
    "circle",
    "ellipse",
    "line",
    "polyline",
    "polygon",
    "text",
    "tspan",
    "textArea",
    "tbreak",
    "linearGradient",
    "radialGradient",
    "stop",
    "solidColor",
    "switch",
    "style",
];

/// What an image is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Image {
    /// The text of its `title`.
    pub title: Option<String>,
    /// Width and height of what is shown, where they can be told.
    pub size: Option<(f64, f64)>,
    /// What the profile forbids or wants, in the order of the document.
    pub breaches: Vec<Breach>,
}

/// Something that the profile forbids or wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// The line, from 1.
    pub line: u32,
    /// What.
    pub kind: BreachKind,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BreachKind {
    /// `baseProfile` is not `tiny-ps`: what it is.
    BaseProfile(String),
    /// `version` is not `1.2`: what it is.
    Version(String),
    /// There is no `title` with words in it directly below the root.
    Title,
    /// The root has `x` or `y`.
    RootPosition,
    /// An element that the profile does not have, such as `script`, `image` or `animate`.
    Element(String),
    /// An attribute that runs a program, such as `onload`.
    Handler(String),
    /// A reference to something outside of the document.
    Reference(String),
}

/// A lower-case fragment.
impl fmt::Display for BreachKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BreachKind::BaseProfile(is) if is.is_empty() => f.write_str("the root has no `baseProfile=\"tiny-ps\"`"),
            BreachKind::BaseProfile(is) => write!(f, "`baseProfile` is `{is}`, not `tiny-ps`"),
            BreachKind::Version(is) if is.is_empty() => f.write_str("the root has no `version=\"1.2\"`"),
            BreachKind::Version(is) => write!(f, "`version` is `{is}`, not `1.2`"),
            BreachKind::Title => f.write_str("there is no `title` below the root"),
            BreachKind::RootPosition => f.write_str("the root has `x` or `y`"),
            BreachKind::Element(name) => write!(f, "the element `{name}` is not allowed"),
            BreachKind::Handler(name) => write!(f, "the attribute `{name}` runs a program"),
            BreachKind::Reference(to) => write!(f, "a reference leads outside: `{to}`"),
        }
    }
}

/// Why a file is no image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotSvg {
    /// It is gzip.
    Compressed,
    /// It is a picture of another kind, for example `PNG`.
    Other(&'static str),
    /// It is no text.
    NotText,
    /// It is no XML: where and why.
    NotXml(String),
    /// It is XML, but its root is this element.
    Root(String),
    /// It is larger than [`READ`], or nested deeper than is read.
    TooLarge,
}

/// A lower-case fragment that fits after "the image".
impl fmt::Display for NotSvg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotSvg::Compressed => f.write_str("is compressed with gzip"),
            NotSvg::Other(kind) => write!(f, "is {kind}, not SVG"),
            NotSvg::NotText => f.write_str("is no UTF-8 text"),
            NotSvg::NotXml(why) => write!(f, "is no sound XML: {why}"),
            NotSvg::Root(name) => write!(f, "has the root element `{name}`, not `svg`"),
            NotSvg::TooLarge => f.write_str("is too large or too deeply nested to look into"),
        }
    }
}

/// Looks into an image.
///
/// # Errors
/// When it is no SVG, see [`NotSvg`].
pub fn inspect(bytes: &[u8]) -> Result<Image, NotSvg> {
    match bytes {
        [0x1f, 0x8b, ..] => return Err(NotSvg::Compressed),
        [0x89, b'P', b'N', b'G', ..] => return Err(NotSvg::Other("a PNG")),
        [0xff, 0xd8, ..] => return Err(NotSvg::Other("a JPEG")),
        [b'G', b'I', b'F', b'8', ..] => return Err(NotSvg::Other("a GIF")),
        _ => {}
    }
    let text = std::str::from_utf8(bytes).map_err(|_| NotSvg::NotText)?;
    if bytes.len() > READ || is_deep(text) {
        return Err(NotSvg::TooLarge);
    }
    let options = ParsingOptions { allow_dtd: false, nodes_limit: 20_000, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text.trim_start_matches('\u{feff}'), options)
        .map_err(|error| NotSvg::NotXml(error.to_string()))?;
    let root = document.root_element();
    if root.tag_name().name() != "svg" || root.tag_name().namespace() != Some(NAMESPACE) {
        let of = root.tag_name();
        let name = match of.namespace() {
            Some(NAMESPACE) | None if of.name() != "svg" => clipped(of.name()),
            None => "svg (without its namespace)".to_owned(),
            Some(_) => format!("{} (of another namespace)", clipped(of.name())),
        };
        return Err(NotSvg::Root(name));
    }
    let mut image = Image { size: size(root), ..Image::default() };
    root_rules(&document, root, &mut image);
    for node in root.descendants().filter(Node::is_element) {
        element_rules(&document, node, &mut image);
    }
    image.breaches.truncate(MOST);
    Ok(image)
}

/// Whether elements are nested deeper than is read, so that the reader need not
/// find out. Counts generously: a `<` in a comment or a text is one more.
fn is_deep(text: &str) -> bool {
    let mut depth = 0_usize;
    let bytes = text.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        match (byte, bytes.get(at + 1)) {
            (b'<', Some(b'/')) => depth = depth.saturating_sub(1),
            (b'<', Some(b'!' | b'?')) => {}
            (b'<', _) => depth += 1,
            (b'/', Some(b'>')) => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEEPEST {
            return true;
        }
    }
    false
}

fn root_rules(document: &Document<'_>, root: Node<'_, '_>, image: &mut Image) {
    let line = document.text_pos_at(root.range().start).row;
    let mut breach = |kind| image.breaches.push(Breach { line, kind });
    let attribute = |name: &str| root.attribute(name).map(clipped).unwrap_or_default();
    if attribute("version") != "1.2" {
        breach(BreachKind::Version(attribute("version")));
    }
    if attribute("baseProfile") != "tiny-ps" {
        breach(BreachKind::BaseProfile(attribute("baseProfile")));
    }
    if root.has_attribute("x") || root.has_attribute("y") {
        breach(BreachKind::RootPosition);
    }
    let title = root.children().find(|node| node.is_element() && node.tag_name().name() == "title");
    let words = title.and_then(|title| title.text()).map(str::trim).filter(|text| !text.is_empty());
    if words.is_none() {
        breach(BreachKind::Title);
    }
    image.title = words.map(clipped);
}

fn element_rules(document: &Document<'_>, node: Node<'_, '_>, image: &mut Image) {
    let mut breach = |kind| {
        if image.breaches.len() < MOST {
            image.breaches.push(Breach { line: document.text_pos_at(node.range().start).row, kind });
        }
    };
    // What other namespaces say inside `metadata` is of no consequence.
    if node.ancestors().any(|above| above.tag_name().name() == "metadata") && node.tag_name().name() != "metadata" {
        return;
    }
    let name = node.tag_name().name();
    if node.tag_name().namespace() == Some(NAMESPACE) && !ELEMENTS.contains(&name) || name == "style" {
        breach(BreachKind::Element(clipped(name)));
    }
    for attribute in node.attributes() {
        let (name, value) = (attribute.name(), attribute.value().trim());
        if name.len() > 2 && name.starts_with("on") && attribute.namespace().is_none() {
            breach(BreachKind::Handler(clipped(name)));
        }
        let is_outside = name == "href" && !value.starts_with('#') && !value.is_empty();
        let by_url = value.find("url(").map(|at| value[at + 4..].trim_start_matches(['"', '\'', ' ']));
        if is_outside || by_url.is_some_and(|target| !target.starts_with('#')) {
            breach(BreachKind::Reference(clipped(value)));
        }
    }
}

fn clipped(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Width and height: of `viewBox`, else of `width` and `height` in one unit.
fn size(root: Node<'_, '_>) -> Option<(f64, f64)> {
    if let Some(view) = root.attribute("viewBox") {
        let numbers: Vec<f64> = view
            .split([' ', ',', '\t', '\n', '\r'])
            .filter(|part| !part.is_empty())
            .filter_map(|part| part.parse().ok())
            .collect();
        if let [_, _, width, height] = numbers.as_slice() {
            return Some((*width, *height));
        }
    }
    let length = |name: &str| {
        let value = root.attribute(name)?.trim();
        let end = value.find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | '-' | '+')).unwrap_or(value.len());
        Some((value[..end].parse::<f64>().ok()?, value[end..].to_owned()))
    };
    let ((width, unit), (height, other)) = (length("width")?, length("height")?);
    (unit == other).then_some((width, height))
}

impl Image {
    /// Whether it is as wide as high; `None` where that cannot be told.
    pub fn is_square(&self) -> Option<bool> {
        self.size.map(|(width, height)| (width - height).abs() <= f64::EPSILON * width.abs().max(1.0) * 16.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEAD: &str =
        r#"<svg xmlns="http://www.w3.org/2000/svg" version="1.2" baseProfile="tiny-ps" viewBox="0 0 64 64">"#;

    fn breaches(inside: &str) -> Vec<BreachKind> {
        let text = format!("{HEAD}<title>A</title>{inside}</svg>");
        inspect(text.as_bytes()).unwrap().breaches.into_iter().map(|breach| breach.kind).collect()
    }

    #[test]
    fn what_the_profile_forbids_is_found() {
        assert_eq!(breaches(r##"<defs><linearGradient id="a"/></defs><rect fill="url(#a)"/><use href="#a"/>"##), []);
        for (inside, name) in [
            ("<script/>", "script"),
            ("<g><image href='#a'/></g>", "image"),
            ("<animate/>", "animate"),
            ("<style>a</style>", "style"),
            ("<foreignObject/>", "foreignObject"),
        ] {
            assert_eq!(breaches(inside), [BreachKind::Element(name.to_owned())]);
        }
        assert_eq!(breaches("<path onclick='x()'/>"), [BreachKind::Handler("onclick".into())]);
        assert_eq!(
            breaches("<use href='https://a.example/x'/>"),
            [BreachKind::Reference("https://a.example/x".into())]
        );
        assert_eq!(breaches("<rect fill='url(https://a.example/x)'/>").len(), 1);
        assert_eq!(breaches("<metadata><x xmlns='urn:x' href='urn:y'/></metadata>"), []);
    }

    #[test]
    fn the_root_is_held_against_the_profile() {
        let image = inspect(
            br#"<svg xmlns="http://www.w3.org/2000/svg" width="10px" height="20px" x="1" baseProfile="tiny"/>"#,
        )
        .unwrap();
        let kinds: Vec<BreachKind> = image.breaches.iter().map(|breach| breach.kind.clone()).collect();
        assert_eq!(
            kinds,
            [
                BreachKind::Version(String::new()),
                BreachKind::BaseProfile("tiny".into()),
                BreachKind::RootPosition,
                BreachKind::Title
            ]
        );
        assert_eq!(image.is_square(), Some(false));
        assert_eq!(inspect(format!("{HEAD}</svg>").as_bytes()).unwrap().is_square(), Some(true));
    }

    #[test]
    fn what_is_no_image_is_told() {
        assert_eq!(inspect(b"\x1f\x8b\x08"), Err(NotSvg::Compressed));
        assert_eq!(inspect(b"\x89PNG\r\n"), Err(NotSvg::Other("a PNG")));
        assert_eq!(inspect(b"<html/>"), Err(NotSvg::Root("html".into())));
        assert!(matches!(inspect(b"<svg"), Err(NotSvg::NotXml(_))));
        assert!(matches!(inspect(b"<!DOCTYPE svg [<!ENTITY a \"b\">]><svg>&a;</svg>"), Err(NotSvg::NotXml(_))));
        assert_eq!(inspect("<g>".repeat(10_000).as_bytes()), Err(NotSvg::TooLarge));
        assert_eq!(inspect(&vec![b' '; READ + 1]), Err(NotSvg::TooLarge));
    }

    proptest! {
        #[test]
        fn any_text_is_looked_into(text in "[<>/a\"= &!?svg-]{0,80}|\\PC{0,80}") {
            let _ = inspect(text.as_bytes());
            let _ = inspect(format!("{HEAD}{text}</svg>").as_bytes());
        }
    }
}
