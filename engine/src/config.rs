//! `engine.toml`: default targets, network, profiles and the checks' settings.

use std::{
    collections::BTreeMap,
    io::Read,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use engine_plugin_api::Severity;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use toml::de::{DeTable, DeValue};

use crate::{
    profile::{self, Profile},
    recording::{redact_text, secrets},
    registry::Registry,
    schema::{keys, misfit},
    suggest::hint,
};

/// What `engine.toml` says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// What to examine when the command line names nothing.
    pub targets: Vec<String>,
    /// The profile to use when the command line names none.
    pub profile: Option<String>,
    /// The least severity that makes the exit code 1.
    #[serde(deserialize_with = "profile::severity")]
    pub fail_on: Option<Severity>,
    /// How the network is reached.
    pub net: NetConfig,
    /// What replies of mail servers mean, beside what is compiled in.
    pub rules: RulesConfig,
    /// Profiles beside the shipped ones, by name.
    pub profiles: BTreeMap<String, Profile>,
    /// Settings of each check, by id; `engine schema ID` prints what each takes.
    pub checks: BTreeMap<String, Value>,
    /// Where it was read from, for what is found wrong with it later.
    #[serde(skip)]
    pub origin: Option<Origin>,
}

/// The file that a configuration was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    file: String,
    text: String,
}

/// `[rules]` of `engine.toml`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct RulesConfig {
    /// Files of your own rules, beside the configuration or anywhere; an
    /// earlier one wins. `docs/reference/rules.md` says what is in them.
    pub files: Vec<String>,
}

/// `[net]` of `engine.toml`. Durations are written `800ms`, `5s`, `2m`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct NetConfig {
    /// Resolvers as `IP` or `IP:port`, in order of preference; the system's without any.
    pub resolvers: Vec<String>,
    /// Whether the way to the resolvers is safe, so that what they say of DNSSEC
    /// (the AD flag) is believed; that of one on this machine always is.
    pub trust_resolver: bool,
    /// How long one DNS question may take in all; 5 s without.
    pub dns_timeout: Option<String>,
    /// How long to wait for a TCP connection; 10 s without.
    pub connect_timeout: Option<String>,
    /// How long to wait for an SMTP greeting, at most 5 min (RFC 5321 §4.5.3.2.1); 60 s without.
    pub greeting_timeout: Option<String>,
    /// How long to wait for every later reply, SMTP or HTTPS; 30 s without.
    pub reply_timeout: Option<String>,
    /// How long a check may take in all, waits that it asks for not counted; 120 s without.
    pub deadline: Option<String>,
    /// How long a check may wait in all, for example for a second attempt; 15 min without, or what `--wait` says.
    pub longest_wait: Option<String>,
    /// The name that we give with EHLO; the machine's own without.
    pub ehlo: Option<String>,
    /// The address to connect from.
    #[schemars(with = "Option<String>")]
    pub source: Option<IpAddr>,
    /// Whether addresses that are not globally routable may be asked.
    pub allow_private: bool,
    /// PEM files of certificate authorities to trust beside the public ones,
    /// from the folder of this file; the report names them, for other
    /// senders do not trust them.
    pub roots: Vec<String>,
}

/// Why a configuration was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}{}: {message}", place(*line))]
pub struct ConfigFileError {
    /// The file.
    pub file: String,
    /// The line, from 1; 0 when the file could not be read at all.
    pub line: usize,
    /// What is wrong, what was expected.
    pub message: String,
}

/// The largest file that is read as a configuration, in bytes.
const LARGEST: u64 = 4 << 20;

fn place(line: usize) -> String {
    if line == 0 { String::new() } else { format!(":{line}") }
}

const SHIPPED_PROFILES: &str = include_str!("../profiles.toml");

/// The profiles that the engine ships, by name.
pub fn shipped_profiles() -> BTreeMap<String, Profile> {
    #[derive(Deserialize)]
    struct File {
        profiles: BTreeMap<String, Profile>,
    }
    // A test reads this file; it is compiled in.
    toml::from_str::<File>(SHIPPED_PROFILES).map(|file| file.profiles).unwrap_or_default()
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read or does not fit; see [`Config::parse`].
    pub fn read(path: &Path, registry: &Registry) -> Result<Config, ConfigFileError> {
        let file = path.display().to_string();
        let refused = |message: String| ConfigFileError { file: file.clone(), line: 0, message };
        let unread = |error: std::io::Error| refused(format!("could not read the configuration: {error}"));
        let mut text = String::new();
        std::fs::File::open(path).map_err(unread)?.take(LARGEST + 1).read_to_string(&mut text).map_err(unread)?;
        if text.len() as u64 > LARGEST {
            return Err(refused(format!("it is larger than {} MiB", LARGEST >> 20)));
        }
        Config::parse(&text, &file, registry)
    }

    /// Reads the text of a file called `file`. Settings of checks are held
    /// against each check's schema.
    ///
    /// # Errors
    /// On TOML that cannot be read, keys that there are none of, checks or
    /// codes that there are none of, and settings that do not fit; each with
    /// its line and, where one is near, the choice that was probably meant.
    pub fn parse(text: &str, file: &str, registry: &Registry) -> Result<Config, ConfigFileError> {
        let at = |offset: usize, message: String| ConfigFileError {
            file: file.to_owned(),
            line: line(text, offset),
            message,
        };
        let spanned = DeTable::parse(text).map_err(|e| at(e.span().map_or(0, |s| s.start), e.message().to_owned()))?;
        let mut config: Config = toml::from_str(text)
            .map_err(|e: toml::de::Error| at(e.span().map_or(0, |s| s.start), meant(e.message())))?;
        let line_of = |path: &[&str]| offset(spanned.get_ref(), path);

        let own = config.checks.iter().map(|(id, settings)| (vec!["checks", id.as_str()], id, settings));
        let of_profiles = config.profiles.iter().flat_map(|(name, profile)| {
            let path = move |id| vec!["profiles", name.as_str(), "settings", id];
            profile.settings.iter().map(move |(id, settings)| (path(id.as_str()), id, settings))
        });
        for (path, id, settings) in own.chain(of_profiles) {
            let shown = path.join(".");
            let wrong = |pointer: &str, message: String| {
                let keys = keys(pointer);
                let path: Vec<&str> = path.iter().copied().chain(keys.iter().map(String::as_str)).collect();
                at(line_of(&path), message)
            };
            let Some(check) = registry.check(id) else {
                // In TOML, a dot that is not quoted makes a table in a table.
                let vendor = format!("{id}.");
                let quote = match registry.ids().find(|known| known.starts_with(&vendor)) {
                    Some(known) => format!("; an id with a dot is written [checks.\"{known}\"]"),
                    None => hint(id, registry.ids()),
                };
                return Err(wrong("", format!("there is no check `{id}`{quote}")));
            };
            let schema = &check.manifest.config_schema;
            if let Some((pointer, message)) = misfit(schema, settings) {
                let message = redact_text(message, &secrets(schema, settings));
                let at_key = [vec![shown], keys(&pointer)].concat().join(".");
                return Err(wrong(&pointer, format!("{at_key}: {message}")));
            }
            if let Err(error) = check.instance(settings.clone()) {
                let message = redact_text(error.to_string(), &secrets(schema, settings));
                return Err(wrong(&error.pointer, format!("{shown}: {message}")));
            }
        }
        for (name, profile) in &config.profiles {
            if let crate::profile::Selection::These(ids) = &profile.checks {
                for (index, id) in ids.iter().enumerate() {
                    if registry.check(id).is_none() {
                        let path = ["profiles", name, "checks", &index.to_string()];
                        return Err(at(
                            line_of(&path),
                            format!("there is no check `{id}`{}", hint(id, registry.ids())),
                        ));
                    }
                }
            }
            let severities = profile.severities.keys().map(|code| (code, vec!["severities", code]));
            let indices: Vec<String> = (0..profile.mute.len()).map(|index| index.to_string()).collect();
            let mutes =
                profile.mute.iter().zip(&indices).map(|(mute, index)| (&mute.code, vec!["mute", index, "code"]));
            for (code, place) in severities.chain(mutes) {
                if registry.finding(code).is_none() {
                    return Err(at(
                        line_of(&[&["profiles", name], &place[..]].concat()),
                        format!("there is no finding `{code}`{}", hint(code, registry.codes())),
                    ));
                }
            }
        }
        for (key, value) in config.net.durations() {
            if let Err(message) = value.as_deref().map_or(Ok(Duration::ZERO), parse_duration) {
                return Err(at(line_of(&["net", key]), format!("net.{key}: {message}")));
            }
        }
        for (index, resolver) in config.net.resolvers.iter().enumerate() {
            if let Err(message) = parse_resolver(resolver) {
                return Err(at(
                    line_of(&["net", "resolvers", &index.to_string()]),
                    format!("net.resolvers: {message}"),
                ));
            }
        }
        let mut profiles = shipped_profiles();
        profiles.append(&mut config.profiles);
        config.profiles = profiles;
        if let Some(Err(message)) = config.profile.as_deref().map(|name| config.profile(name)) {
            return Err(at(line_of(&["profile"]), message.replace("\nhint: ", "; ")));
        }
        config.origin = Some(Origin { file: file.to_owned(), text: text.to_owned() });
        Ok(config)
    }

    /// The configuration of a run without a file: the shipped profiles alone.
    pub fn shipped() -> Config {
        Config { profiles: shipped_profiles(), ..Config::default() }
    }

    /// The files of `[rules]`, from the folder of the configuration.
    pub fn rule_files(&self) -> Vec<PathBuf> {
        self.beside(&self.rules.files)
    }

    /// The files of `net.roots`, from the folder of the configuration.
    pub fn root_files(&self) -> Vec<PathBuf> {
        self.beside(&self.net.roots)
    }

    fn beside(&self, files: &[String]) -> Vec<PathBuf> {
        let folder = self.origin.as_ref().and_then(|origin| Path::new(&origin.file).parent());
        files.iter().map(|file| folder.map_or_else(|| file.into(), |folder| folder.join(file))).collect()
    }

    /// The error for what is wrong with the value at `path`; `None` for a
    /// configuration that was read from nowhere.
    pub fn error_at(&self, path: &[&str], message: impl Into<String>) -> Option<ConfigFileError> {
        let Origin { file, text } = self.origin.as_ref()?;
        let start = DeTable::parse(text).map_or(0, |table| offset(table.get_ref(), path));
        Some(ConfigFileError { file: file.clone(), line: line(text, start), message: message.into() })
    }

    /// The JSON schema (2020-12) of `engine.toml`, with the settings that the
    /// checks of `registry` take and the names of those checks.
    pub fn schema(registry: &Registry) -> Value {
        let mut schema = schemars::schema_for!(Config).to_value();
        let mut definitions = Map::new();
        let mut checks = Map::new();
        for check in registry.iter() {
            let id = &check.manifest.id;
            let mut own = check.manifest.config_schema.clone();
            // Its references are to its own definitions, which move into the whole's.
            let parts = own.as_object_mut().and_then(|own| {
                own.remove("$schema");
                own.remove("$defs")
            });
            rename_references(&mut own, id);
            for (name, mut part) in parts.and_then(|parts| parts.as_object().cloned()).into_iter().flatten() {
                rename_references(&mut part, id);
                definitions.insert(format!("{id}.{name}"), part);
            }
            checks.insert(id.clone(), own);
        }
        if let Some(all) = schema.pointer_mut("/$defs").and_then(Value::as_object_mut) {
            all.extend(definitions);
        }
        if let Some(place) = schema.pointer_mut("/properties/checks").and_then(Value::as_object_mut) {
            place.insert("additionalProperties".to_owned(), false.into());
            place.insert("properties".to_owned(), checks.into());
        }
        schema
    }

    /// The profile that `name` names.
    ///
    /// # Errors
    /// A message with the nearest name when there is none.
    pub fn profile(&self, name: &str) -> Result<&Profile, String> {
        self.profiles.get(name).ok_or_else(|| {
            let names = || self.profiles.keys().map(String::as_str);
            format!(
                "there is no profile `{name}`{}\nhint: the profiles are {}",
                hint(name, names()),
                names().collect::<Vec<_>>().join(", ")
            )
        })
    }
}

impl NetConfig {
    fn durations(&self) -> [(&'static str, &Option<String>); 6] {
        [
            ("dns-timeout", &self.dns_timeout),
            ("connect-timeout", &self.connect_timeout),
            ("greeting-timeout", &self.greeting_timeout),
            ("reply-timeout", &self.reply_timeout),
            ("deadline", &self.deadline),
            ("longest-wait", &self.longest_wait),
        ]
    }
}

/// Reads a resolver's address, `IP` or `IP:port`; port 53 without one.
///
/// # Errors
/// A message that says what was expected.
pub fn parse_resolver(text: &str) -> Result<SocketAddr, String> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let with_port = || bare.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, 53));
    text.parse().ok().filter(|address: &SocketAddr| address.port() != 0).or_else(with_port).ok_or_else(|| {
        format!("`{text}` is no resolver: expected IP or IP:port, for example 192.0.2.53 or [2001:db8::53]:5353")
    })
}

/// Reads a duration such as `800ms`, `5s`, `2m`, `1h30m`; more than zero, at most a day.
///
/// # Errors
/// A message that says what was expected.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let expected = || format!("`{text}` is no duration: expected for example 800ms, 5s or 2m, at most 24h");
    let duration =
        text.parse::<jiff::SignedDuration>().ok().and_then(|d| Duration::try_from(d).ok()).ok_or_else(expected)?;
    if duration.is_zero() || duration > Duration::from_secs(86_400) {
        return Err(expected());
    }
    Ok(duration)
}

fn rename_references(part: &mut Value, id: &str) {
    match part {
        Value::Object(members) => {
            for (key, member) in members {
                match member {
                    Value::String(name) if key == "$ref" => {
                        if let Some(rest) = name.strip_prefix("#/$defs/") {
                            *name = format!("#/$defs/{id}.{rest}");
                        }
                    }
                    member => rename_references(member, id),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rename_references(item, id)),
        _ => {}
    }
}

/// serde's words for an unknown key or word, with the nearest of those that it
/// says it expected.
fn meant(message: &str) -> String {
    let mut words = message.split('`').skip(1).step_by(2);
    match words.next().filter(|_| message.starts_with("unknown ")) {
        Some(wrong) => format!("{message}{}", hint(wrong, words)),
        None => message.to_owned(),
    }
}

/// The line of a byte of `text`, from 1.
fn line(text: &str, offset: usize) -> usize {
    text.get(..offset).map_or(1, |before| before.matches('\n').count() + 1)
}

/// The byte offset of the value at `path`, or of the deepest part of the path that is there.
fn offset(table: &DeTable<'_>, path: &[&str]) -> usize {
    let mut found = 0;
    let mut table = Some(table);
    let mut array: Option<&toml::de::DeArray<'_>> = None;
    for key in path {
        let value = match (table, array) {
            (Some(table), _) => table.iter().find(|(name, _)| name.get_ref().as_ref() == *key).map(|(name, value)| {
                found = name.span().start;
                value
            }),
            (None, Some(array)) => {
                key.parse::<usize>().ok().and_then(|index| array.get(index)).inspect(|value| found = value.span().start)
            }
            (None, None) => None,
        };
        let Some(value) = value else { break };
        table = None;
        array = None;
        match value.get_ref() {
            DeValue::Table(inner) => table = Some(inner),
            DeValue::Array(inner) => array = Some(inner),
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests;
