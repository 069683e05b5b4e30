//! A recording: everything that a run learnt from outside, so that the same
//! report can be made again without a network.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    path::Path,
};

use engine_plugin_api::{Cause, EvidenceId, ServiceError, Target};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    net::{Observation, Request},
    plan::Choice,
    profile::Profile,
};

/// The `format` of a recording.
pub const FORMAT: &str = "engine-recording/1";
/// The largest file that is read as a recording, in bytes.
const LARGEST: u64 = 256 << 20;

/// Where a run was made from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Vantage {
    /// The resolvers, in order of preference.
    pub resolvers: Vec<String>,
    /// The name given with EHLO.
    pub ehlo: String,
    /// The address that connections come from, where one was chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The lab or route file that stood in for the network, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of_network: Option<String>,
    /// The files of certificate authorities that were trusted beside the
    /// public ones, which other senders do not trust.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub own_roots: Vec<String>,
}

/// What a run was asked to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Commission {
    /// What is examined.
    pub target: Target,
    /// The name of the profile.
    pub profile_name: String,
    /// The profile as it was.
    pub profile: Profile,
    /// What the user chose beside it.
    pub choice: Choice,
    /// The settings of the checks, by id.
    pub settings: BTreeMap<String, Value>,
    /// The options that the commands in the report repeat, for example
    /// `--lab --wait 6m`; possibly empty.
    #[serde(default)]
    pub options: String,
}

/// One exchange with the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// What was asked.
    pub request: Request,
    /// What came of it, and when.
    pub observation: Observation,
}

/// A call that the host did not carry out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The check that called.
    pub check: String,
    /// The evidence id that the call would have had.
    pub call: EvidenceId,
    /// Why.
    pub error: ServiceError,
}

/// How the host cut a check off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    /// Why.
    pub cause: Cause,
    /// How many findings and unknowns it had sent by then.
    pub emissions: usize,
    /// What it had done by then against its manifest or the host's rules.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub violations: Vec<String>,
}

/// What was learnt from outside.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journal {
    /// The exchanges, by evidence id.
    pub exchanges: BTreeMap<EvidenceId, Exchange>,
    /// The calls that were not carried out, in order of check and call.
    pub refusals: Vec<Refusal>,
    /// The checks that were cut off, by id.
    pub cuts: BTreeMap<String, Cut>,
}

impl Journal {
    /// Whether it holds what came of the call `id` of `check`.
    pub fn knows(&self, check: &str, id: &EvidenceId) -> bool {
        self.exchanges.contains_key(id) || self.refusal(check, id).is_some()
    }

    /// Why the call `id` of `check` was not carried out, if it was not.
    pub fn refusal(&self, check: &str, id: &EvidenceId) -> Option<&ServiceError> {
        self.refusals.iter().find(|refusal| refusal.check == check && refusal.call == *id).map(|refusal| &refusal.error)
    }
}

/// A whole run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recording {
    /// [`FORMAT`].
    pub format: String,
    /// The version of the engine that made it.
    pub engine: String,
    /// When the run began, Unix time in milliseconds.
    pub started_ms: i64,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// Where it was made from.
    pub vantage: Vantage,
    /// What was asked.
    pub commission: Commission,
    /// What was learnt.
    pub journal: Journal,
}

/// Why a recording could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// The file could not be read or written.
    #[error("could not {doing} {path}: {source}")]
    File {
        /// `read` or `write`.
        doing: &'static str,
        /// The file.
        path: String,
        /// The system's words.
        source: std::io::Error,
    },
    /// The file is no recording of this format.
    #[error("{path} is no recording that this engine can replay: {why}")]
    Format {
        /// The file.
        path: String,
        /// What was expected.
        why: String,
    },
}

impl Recording {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, is over 256 MiB, or is no recording of [`FORMAT`].
    pub fn read(path: &Path) -> Result<Recording, RecordingError> {
        let shown = path.display().to_string();
        let file = |source| RecordingError::File { doing: "read", path: shown.clone(), source };
        let format = |why: String| RecordingError::Format { path: shown.clone(), why };
        let mut text = Vec::new();
        // Its size says nothing of what is no ordinary file.
        std::fs::File::open(path).map_err(file)?.take(LARGEST + 1).read_to_end(&mut text).map_err(file)?;
        if text.len() as u64 > LARGEST {
            return Err(format(format!("it is larger than {} MiB", LARGEST >> 20)));
        }
        #[derive(Deserialize)]
        struct Head {
            format: Option<String>,
        }
        let head: Head = serde_json::from_slice(&text).map_err(|error| format(error.to_string()))?;
        match head.format.as_deref() {
            Some(FORMAT) => serde_json::from_slice(&text).map_err(|error| format(error.to_string())),
            Some(other) => Err(format(format!("its format is `{other}`, expected `{FORMAT}`"))),
            None => Err(format(format!("it has no `format`, expected `{FORMAT}`"))),
        }
    }

    /// Writes a file whole or not at all: what was there before is replaced
    /// only once everything is on disk. What is no ordinary file, such as a
    /// pipe, is written into; a link is followed.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), RecordingError> {
        let failed = |source| RecordingError::File { doing: "write", path: path.display().to_string(), source };
        if std::fs::metadata(path).is_ok_and(|there| !there.is_file()) {
            let mut text = serde_json::to_vec(self).map_err(|error| failed(error.into()))?;
            text.push(b'\n');
            return std::fs::OpenOptions::new()
                .write(true)
                .open(path)
                .and_then(|mut file| file.write_all(&text))
                .map_err(failed);
        }
        let real = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let path = real.as_path();
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
        serde_json::to_writer(&mut file, self).map_err(|error| failed(error.into()))?;
        file.write_all(b"\n").map_err(failed)?;
        file.as_file().sync_all().map_err(failed)?;
        file.persist(path).map(|_| ()).map_err(|error| failed(error.error))
    }
}

/// The secrets among the settings of a check: every string at or below what its
/// schema marks `writeOnly`, however deep.
pub fn secrets(schema: &Value, settings: &Value) -> Vec<String> {
    let mut search = Search { root: schema, steps: MOST_STEPS, found: Vec::new() };
    search.walk(schema, settings, false, DEEPEST);
    search.found
}

/// How deep the search for secrets goes, and how many steps it makes, so that a
/// schema that refers to itself ends it.
const DEEPEST: usize = 64;
const MOST_STEPS: usize = 100_000;

struct Search<'a> {
    root: &'a Value,
    steps: usize,
    found: Vec<String>,
}

impl Search<'_> {
    fn walk(&mut self, schema: &Value, value: &Value, secret: bool, deep: usize) {
        let secret = secret || schema.get("writeOnly") == Some(&Value::Bool(true));
        let (Some(steps), Some(deep)) = (self.steps.checked_sub(1), deep.checked_sub(1)) else { return };
        self.steps = steps;
        // What else is said of the same value.
        let root = self.root;
        let reference = schema.get("$ref").and_then(Value::as_str).and_then(|name| name.strip_prefix('#'));
        if let Some(definition) = reference.and_then(|pointer| root.pointer(pointer)) {
            self.walk(definition, value, secret, deep);
        }
        for other in ["allOf", "anyOf", "oneOf"].iter().filter_map(|key| schema.get(*key)?.as_array()).flatten() {
            self.walk(other, value, secret, deep);
        }
        match value {
            Value::String(text) if secret && !text.is_empty() && !self.found.contains(text) => {
                self.found.push(text.clone());
            }
            Value::Array(items) => {
                let of = schema.get("items").unwrap_or(&Value::Null);
                items.iter().for_each(|item| self.walk(of, item, secret, deep));
            }
            Value::Object(members) => {
                for (name, member) in members {
                    let own = schema.get("properties").and_then(|properties| properties.get(name));
                    let of = own.or_else(|| schema.get("additionalProperties")).unwrap_or(&Value::Null);
                    self.walk(of, member, secret, deep);
                }
            }
            _ => {}
        }
    }
}

/// `value` with every secret replaced by `redacted-N`, wherever it stands in a
/// text and in whatever case; the same secret by the same word, so that a
/// redacted recording still replays.
///
/// # Errors
/// When `T` does not survive JSON; then nothing may be shown of it.
pub fn redact<T: Serialize + DeserializeOwned + Clone>(value: &T, secrets: &[String]) -> Result<T, serde_json::Error> {
    if secrets.is_empty() {
        return Ok(value.clone());
    }
    let mut secrets = secrets.to_vec();
    // The longest first: of one that holds another, nothing may be left.
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    serde_json::from_value(redact_json(serde_json::to_value(value)?, &secrets))
}

fn redact_json(value: Value, secrets: &[String]) -> Value {
    match value {
        Value::String(text) => Value::String(redact_text(text, secrets)),
        Value::Array(items) => Value::Array(items.into_iter().map(|item| redact_json(item, secrets)).collect()),
        Value::Object(members) => Value::Object(
            members
                .into_iter()
                .map(|(key, member)| (redact_text(key, secrets), redact_json(member, secrets)))
                .collect(),
        ),
        other => other,
    }
}

/// `text` with every one of `secrets` replaced.
pub fn redact_text(mut text: String, secrets: &[String]) -> String {
    for (index, secret) in secrets.iter().enumerate() {
        let word = format!("redacted-{}", index + 1);
        let (secret, lower) = (secret.to_ascii_lowercase(), text.to_ascii_lowercase());
        let mut kept = String::new();
        let mut from = 0;
        for (at, found) in lower.match_indices(&secret) {
            kept.push_str(&text[from..at]);
            kept.push_str(&word);
            from = at + found.len();
        }
        if from > 0 {
            kept.push_str(&text[from..]);
            text = kept;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn a_secret_setting_is_taken_out_everywhere() {
        let schema = json!({"properties": {"keys": {"writeOnly": true, "type": "object"}, "lists": {}}});
        let found = secrets(&schema, &json!({"keys": {"dqs": "AbC9"}, "lists": ["public"]}));
        assert_eq!(found, ["AbC9"]);
        let value = json!({"q": "1.0.0.127.abc9.zen.dq.example", "k": ["ABC9", {"abc9": 1}], "n": 9});
        assert_eq!(
            redact(&value, &found).unwrap(),
            json!({"q": "1.0.0.127.redacted-1.zen.dq.example", "k": ["redacted-1", {"redacted-1": 1}], "n": 9})
        );
    }

    #[test]
    fn secrets_are_found_however_deep_and_of_two_the_longer_goes_first() {
        let schema = json!({
            "properties": {"accounts": {"items": {"$ref": "#/$defs/Account"}}, "next": {"$ref": "#"}},
            "$defs": {"Account": {"properties": {"user": {}, "password": {"anyOf": [{"$ref": "#/$defs/Word"}, {"type": "null"}]}}},
                      "Word": {"type": "string", "writeOnly": true}},
        });
        let account = |password| json!({"user": "me", "password": password});
        let settings = json!({"accounts": [account("abc")], "next": {"accounts": [account("abcdef"), account("abc")]}});
        let found = secrets(&schema, &settings);
        assert_eq!(found, ["abc", "abcdef"]);
        assert_eq!(redact(&json!(["abcdef", "xabc"]), &found).unwrap(), json!(["redacted-1", "xredacted-2"]));
        assert_eq!(secrets(&json!({"writeOnly": true}), &json!([["a"]])), ["a"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_recording_goes_into_what_a_link_leads_to_and_into_what_is_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real.json"), folder.path().join("link.json"));
        std::fs::write(&real, "before").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let recording: Recording = serde_json::from_value(json!({
            "format": FORMAT, "engine": "0", "started_ms": 0, "took_ms": 0,
            "vantage": {"resolvers": [], "ehlo": ""},
            "commission": {"target": {"shown": "a"}, "profile_name": "full", "profile": {"checks": "all"},
                           "choice": {"only": [], "skip": []}, "settings": {}},
            "journal": {"exchanges": {}, "refusals": [], "cuts": {}},
        }))
        .unwrap();
        recording.write(&link).unwrap();
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(Recording::read(&real).unwrap(), recording);
        recording.write(Path::new("/dev/null")).unwrap();
        assert!(!std::fs::metadata("/dev/null").unwrap().is_file());
    }

    #[test]
    fn what_is_no_recording_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.json");
        for (text, expected) in [
            ("nonsense", "expected"),
            ("{}", "has no `format`"),
            (r#"{"format":"engine-recording/9"}"#, "engine-recording/9"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = Recording::read(&path).unwrap_err().to_string();
            assert!(error.contains("x.json") && error.contains(expected), "{error}");
        }
        assert!(Recording::read(&folder.path().join("none")).unwrap_err().to_string().contains("could not read"));
    }
}
