//! Finding pages: one Markdown file a finding, which is its documentation,
//! what `engine explain` prints, and its tests.
//!
//! A page begins with front matter between two `---` lines, one `key: value`
//! a line:
//!
//! ```text
//! ---
//! code: mx-alias
//! since: 0.1.0
//! severity: error
//! confidence: high
//! source: RFC 2181 §10.3
//! explains: mx-unresolvable
//! explains-causes: our-side@smtp
//! ---
//! # The MX names an alias
//! ## What it means
//! …
//! ```

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de::Error};
use serde_json::Value;

use crate::{
    finding::{Confidence, Severity},
    outcome::{Cause, CauseKind},
};

/// What a manifest says of one finding that its check can make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FindingSpec {
    /// The stable code, kebab-case, family first; it names the condition found.
    pub code: String,
    /// The heading of the page.
    pub title: String,
    /// Severity, unless the finding itself or the profile says otherwise.
    pub severity: Severity,
    /// Confidence, unless the finding itself says otherwise.
    pub confidence: Confidence,
    /// The RFC section or provider page that decides it.
    pub source: String,
    /// The version that first made it.
    pub since: String,
    /// Codes of findings that are mere consequences of this one, of any check.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub explains: Vec<String>,
    /// Causes for which this finding accounts, where something could not be
    /// told; see [`CauseMatch`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub explains_causes: Vec<CauseMatch>,
    /// The page after its front matter, Markdown.
    #[serde(default)]
    pub body: String,
}

/// A kind of cause, and the service that met it: `timeout@smtp`.
///
/// The page of a finding about our own side lists those for which it accounts,
/// so that what could not be told for that reason points at the finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CauseMatch {
    /// The kind of cause.
    pub kind: CauseKind,
    /// The service whose observation the cause names: `dns`, `smtp`.
    pub service: String,
}

impl CauseMatch {
    /// Reads `KIND@SERVICE`, for example `our-side@smtp`.
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, service) = text.split_once('@')?;
        let kind = serde_json::from_value(serde_json::Value::String(kind.to_owned())).ok();
        let kind = kind.filter(|kind| *kind != CauseKind::Other)?;
        let is_name = !service.is_empty() && service.bytes().all(|b| b.is_ascii_lowercase() || b == b'.' || b == b'-');
        is_name.then(|| CauseMatch { kind, service: service.to_owned() })
    }

    /// Whether `cause` is of the kind, and rests on an observation of the
    /// service. Evidence ids begin with the service's name and a colon.
    pub fn holds(&self, cause: &Cause) -> bool {
        let service = cause.evidence.as_ref().and_then(|id| id.0.split_once(':')).map(|(service, _)| service);
        self.kind == cause.kind && service == Some(self.service.as_str())
    }
}

/// The pages of a check as its crate embeds them: code and Markdown text.
pub type Page = (&'static str, &'static str);

/// What is wrong with a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageError {
    /// The page's code.
    pub code: String,
    /// What is missing or wrong.
    pub problem: String,
}

impl std::fmt::Display for PageError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "page {}: {}", self.code, self.problem)
    }
}

impl std::error::Error for PageError {}

impl FindingSpec {
    /// Reads a page.
    ///
    /// # Errors
    /// When the front matter is missing, lacks a key, names another code than
    /// `code`, or the page has no heading; when `explains-causes:` lists what
    /// is no [`CauseMatch`].
    pub fn parse(code: &str, text: &str) -> Result<Self, PageError> {
        let fail = |problem: String| PageError { code: code.to_owned(), problem };
        let (front, body) = text
            .strip_prefix("---\n")
            .and_then(|rest| rest.split_once("\n---\n"))
            .ok_or_else(|| fail("has no front matter between two `---` lines".into()))?;
        let value = |key: &str| {
            front
                .lines()
                .filter_map(|line| line.split_once(':'))
                .find(|(k, _)| k.trim() == key)
                .map(|(_, v)| v.trim().to_owned())
        };
        let required = |key: &str| {
            value(key).filter(|v| !v.is_empty()).ok_or_else(|| fail(format!("has no `{key}:` in its front matter")))
        };
        let named = required("code")?;
        if named != code {
            return Err(fail(format!("calls itself `{named}`")));
        }
        let severity = required("severity")?;
        let confidence = required("confidence")?;
        let list = |key: &str| -> Vec<String> {
            let words = value(key).unwrap_or_default();
            words.split(',').map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect()
        };
        let cause = |word: String| {
            CauseMatch::parse(&word)
                .ok_or_else(|| fail(format!("explains the cause `{word}`: expected for example `timeout@smtp`")))
        };
        Ok(FindingSpec {
            code: named,
            title: body
                .lines()
                .find_map(|line| line.strip_prefix("# "))
                .map(|title| title.trim().to_owned())
                .ok_or_else(|| fail("has no `# ` heading".into()))?,
            severity: Severity::from_word(&severity)
                .ok_or_else(|| fail(format!("has an unknown severity `{severity}`")))?,
            confidence: Confidence::from_word(&confidence)
                .ok_or_else(|| fail(format!("has an unknown confidence `{confidence}`")))?,
            source: required("source")?,
            since: required("since")?,
            explains: list("explains"),
            explains_causes: list("explains-causes").into_iter().map(cause).collect::<Result<_, _>>()?,
            body: body.trim_start().to_owned(),
        })
    }

    /// The text under the `## ` heading `name`, trimmed; `None` without that heading.
    pub fn section(&self, name: &str) -> Option<&str> {
        let mut start = None;
        let mut at = 0;
        let mut fenced = false;
        for line in self.body.split_inclusive('\n') {
            if line.starts_with("```") {
                fenced = !fenced;
            }
            if let Some(heading) = line.strip_prefix("## ").filter(|_| !fenced) {
                if let Some(start) = start {
                    return Some(self.body[start..at].trim());
                }
                if heading.trim() == name {
                    start = Some(at + line.len());
                }
            }
            at += line.len();
        }
        start.map(|start| self.body[start..].trim())
    }
}

/// Reads findings, of which each is a [`FindingSpec`] or a page, `{"page": TEXT}`.
pub(crate) fn specs<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<FindingSpec>, D::Error> {
    let spec = |value: Value| match value.get("page").and_then(Value::as_str) {
        Some(page) => {
            let code = page.lines().find_map(|line| line.strip_prefix("code:")).unwrap_or_default();
            FindingSpec::parse(code.trim(), page).map_err(D::Error::custom)
        }
        None => serde_json::from_value(value).map_err(D::Error::custom),
    };
    Vec::<Value>::deserialize(deserializer)?.into_iter().map(spec).collect()
}

/// Declares a check's findings: a constant for each code, and `PAGES`, the
/// embedded pages `findings/<code>.md` beside the crate's `src`.
///
/// ```ignore
/// engine_plugin_api::findings! {
///     MX_ALIAS = "mx-alias",
///     MX_SINGLE = "mx-single",
/// }
/// ```
#[macro_export]
macro_rules! findings {
    ($($name:ident = $code:literal),+ $(,)?) => {
        $(
            #[doc = concat!("`", $code, "`: see `findings/", $code, ".md`.")]
            pub const $name: &str = $code;
        )+
        /// Every finding of this check, with its page.
        pub const PAGES: &[$crate::Page] = &[
            $(($code, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/findings/", $code, ".md")))),+
        ];
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "---\ncode: a-b\nsince: 0.1.0\nseverity: error\nconfidence: high\nsource: RFC 1 §2\nexplains: x-y, z\n---\n# It is so\n## What it means\nText.\n```dns\n## no heading\n```\n## Source\nRFC 1\n";

    #[test]
    fn a_page_is_read_whole() {
        let spec = FindingSpec::parse("a-b", PAGE).unwrap();
        assert_eq!((spec.title.as_str(), spec.severity, spec.explains.len()), ("It is so", Severity::Error, 2));
        assert_eq!(spec.section("What it means"), Some("Text.\n```dns\n## no heading\n```"));
        assert_eq!(spec.section("Source"), Some("RFC 1"));
        assert_eq!(spec.section("Scenarios"), None);
    }

    #[test]
    fn a_manifest_may_hold_pages() {
        let manifest = |finding: serde_json::Value| {
            let fields = r#"{"id":"a.b","version":"1","summary":"s","category":"dns","inputs":[],"side_effect":"none","services":[]}"#;
            let mut manifest: serde_json::Value = serde_json::from_str(fields).unwrap();
            manifest["findings"] = serde_json::json!([finding]);
            serde_json::from_value::<crate::Manifest>(manifest)
        };
        let spec = FindingSpec::parse("a-b", PAGE).unwrap();
        assert_eq!(manifest(serde_json::json!({ "page": PAGE })).unwrap().findings, std::slice::from_ref(&spec));
        assert_eq!(manifest(serde_json::json!(spec)).unwrap().findings, [spec]);
        let error = manifest(serde_json::json!({ "page": "# no front matter" })).unwrap_err();
        assert!(error.to_string().contains("front matter"), "{error}");
    }

    #[test]
    fn causes_are_matched_by_kind_and_service() {
        let text = PAGE.replacen("explains: x-y, z", "explains-causes: our-side@smtp, timeout@dns", 1);
        let causes = FindingSpec::parse("a-b", &text).unwrap().explains_causes;
        let cause = |kind, id: &str| Cause::new(kind, "x").seen_in(&crate::EvidenceId(id.into()));
        let explained = |cause: &Cause| causes.iter().any(|one| one.holds(cause));
        assert!(explained(&cause(CauseKind::OurSide, "smtp:mx[192.0.2.1]#1/0")));
        assert!(explained(&cause(CauseKind::Timeout, "dns:A:a.example")));
        assert!(!explained(&cause(CauseKind::OurSide, "dns:A:a.example")));
        assert!(!explained(&Cause::new(CauseKind::OurSide, "x")));
        for wrong in ["smtp", "other@smtp", "nonsense@smtp", "timeout@", "timeout@SMTP x"] {
            assert_eq!(CauseMatch::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_page_without_its_keys_is_refused() {
        for (from, to) in [
            ("severity: error\n", ""),
            ("code: a-b", "code: c"),
            ("error", "bad"),
            ("# It", "It"),
            ("---\ncode", "code"),
            ("explains:", "explains-causes:"),
        ] {
            assert!(FindingSpec::parse("a-b", &PAGE.replacen(from, to, 1)).is_err(), "{from:?} → {to:?}");
        }
    }
}
