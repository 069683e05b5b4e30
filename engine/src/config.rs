//! `engine.toml`: default targets, network, profiles and the checks' settings.

use std::{collections::BTreeMap, net::IpAddr, path::Path, time::Duration};

use engine_plugin_api::Severity;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use toml::de::{DeTable, DeValue};

use crate::{profile::Profile, registry::Registry, suggest::hint};

/// What `engine.toml` says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// What to examine when the command line names nothing.
    pub targets: Vec<String>,
    /// The profile to use when the command line names none.
    pub profile: Option<String>,
    /// The least severity that makes the exit code 1.
    pub fail_on: Option<Severity>,
    /// How the network is reached.
    pub net: NetConfig,
    /// Profiles beside the shipped ones, by name.
    pub profiles: BTreeMap<String, Profile>,
    /// Settings of each check, by id; `engine schema checks` prints what each takes.
    pub checks: BTreeMap<String, Value>,
}

/// `[net]` of `engine.toml`. Durations are written `800ms`, `5s`, `2m`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct NetConfig {
    /// Resolvers as `IP` or `IP:port`, in order of preference; the system's without any.
    pub resolvers: Vec<String>,
    /// How long one DNS question may take in all; 5 s without.
    pub dns_timeout: Option<String>,
    /// How long to wait for a TCP connection; 10 s without.
    pub connect_timeout: Option<String>,
    /// How long to wait for an SMTP greeting, at most 5 min (RFC 5321 §4.5.3.2.1); 60 s without.
    pub greeting_timeout: Option<String>,
    /// How long to wait for every later SMTP reply; 30 s without.
    pub reply_timeout: Option<String>,
    /// How long a check may take in all, waits that it asks for not counted; 120 s without.
    pub deadline: Option<String>,
    /// The name that we give with EHLO; the machine's own without.
    pub ehlo: Option<String>,
    /// The address to connect from.
    #[schemars(with = "Option<String>")]
    pub source: Option<IpAddr>,
    /// Whether addresses that are not globally routable may be asked.
    pub allow_private: bool,
}

/// Why a configuration was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {message}")]
pub struct ConfigFileError {
    /// The file.
    pub file: String,
    /// The line, from 1; 0 when the file could not be read at all.
    pub line: usize,
    /// What is wrong, what was expected.
    pub message: String,
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
        let text = std::fs::read_to_string(path).map_err(|error| ConfigFileError {
            file: file.clone(),
            line: 0,
            message: format!("could not read the configuration: {error}"),
        })?;
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
            line: text.get(..offset).map_or(1, |before| before.matches('\n').count() + 1),
            message,
        };
        let spanned = DeTable::parse(text).map_err(|e| at(e.span().map_or(0, |s| s.start), e.message().to_owned()))?;
        let mut config: Config = toml::from_str(text)
            .map_err(|e: toml::de::Error| at(e.span().map_or(0, |s| s.start), e.message().to_owned()))?;
        let line_of = |path: &[&str]| offset(spanned.get_ref(), path);

        let own = config.checks.iter().map(|(id, settings)| (vec!["checks", id.as_str()], id, settings));
        let of_profiles = config.profiles.iter().flat_map(|(name, profile)| {
            let path = move |id| vec!["profiles", name.as_str(), "settings", id];
            profile.settings.iter().map(move |(id, settings)| (path(id.as_str()), id, settings))
        });
        for (path, id, settings) in own.chain(of_profiles) {
            let shown = path.join(".");
            let below = |pointer: &str| {
                let rest: Vec<&str> = pointer.split('/').skip(1).collect();
                line_of(&[path.as_slice(), rest.as_slice()].concat())
            };
            let Some(check) = registry.check(id) else {
                return Err(at(line_of(&path), format!("there is no check `{id}`{}", hint(id, registry.ids()))));
            };
            if let Some((pointer, message)) = misfit(&check.manifest.config_schema, settings) {
                return Err(at(below(&pointer), format!("{shown}{}: {message}", pointer.replace('/', "."))));
            }
            if let Err(error) = check.instance(settings.clone()) {
                return Err(at(below(&error.pointer), format!("{shown}: {error}")));
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
            let codes = profile
                .severities
                .keys()
                .map(|code| (code, "severities"))
                .chain(profile.mute.iter().map(|mute| (&mute.code, "mute")));
            for (code, key) in codes {
                if registry.finding(code).is_none() {
                    return Err(at(
                        line_of(&["profiles", name, key]),
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
        let mut profiles = shipped_profiles();
        profiles.append(&mut config.profiles);
        config.profiles = profiles;
        Ok(config)
    }

    /// The configuration of a run without a file: the shipped profiles alone.
    pub fn shipped() -> Config {
        Config { profiles: shipped_profiles(), ..Config::default() }
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
    fn durations(&self) -> [(&'static str, &Option<String>); 5] {
        [
            ("dns-timeout", &self.dns_timeout),
            ("connect-timeout", &self.connect_timeout),
            ("greeting-timeout", &self.greeting_timeout),
            ("reply-timeout", &self.reply_timeout),
            ("deadline", &self.deadline),
        ]
    }
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

/// Where `settings` do not fit `schema`: JSON pointer and message of the
/// first misfit; `None` when they fit.
pub fn misfit(schema: &Value, settings: &Value) -> Option<(String, String)> {
    if schema.is_null() {
        return None;
    }
    let validator = match jsonschema::validator_for(schema) {
        Ok(validator) => validator,
        Err(error) => return Some((String::new(), format!("the check's own schema cannot be used: {error}"))),
    };
    let error = validator.iter_errors(settings).next()?;
    let mut message = error.to_string();
    if let jsonschema::error::ValidationErrorKind::AdditionalProperties { unexpected } = error.kind()
        && let Some(key) = unexpected.first()
    {
        let known = schema.get("properties").and_then(Value::as_object);
        let names = || known.into_iter().flat_map(|properties| properties.keys().map(String::as_str));
        message = format!("there is no setting `{key}`{}", hint(key, names()));
        return Some((format!("{}/{key}", error.instance_path()), message));
    }
    Some((error.instance_path().to_string(), message))
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
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use engine_plugin_api::{Check, ConfigError, Context, Manifest, Outcome, Target};

    use super::*;

    #[derive(Default, Deserialize, JsonSchema)]
    #[serde(default, deny_unknown_fields)]
    struct Settings {
        #[allow(dead_code, reason = "only its schema matters")]
        limit: u8,
        names: Vec<String>,
    }
    struct Probe;
    impl Check for Probe {
        type Config = Settings;
        fn manifest() -> Manifest {
            Manifest::new::<Self>("probe", "0.1.0", "tests")
        }
        fn new(config: Settings) -> Result<Self, ConfigError> {
            if config.names.iter().any(|name| name == "no") {
                return Err(ConfigError::at("/names", "`no` is no name"));
            }
            Ok(Probe)
        }
        async fn run(&self, _: Context, _: Target) -> Outcome {
            Outcome::Clean
        }
    }

    fn error_of(text: &str) -> String {
        let mut registry = Registry::default();
        registry.add::<Probe>("built in").unwrap();
        Config::parse(text, "engine.toml", &registry).map(|_| String::new()).unwrap_or_else(|error| error.to_string())
    }

    #[test]
    fn every_mistake_is_shown_with_its_line_and_what_was_meant() {
        for (text, expected) in [
            ("[checks.probe]\nlimit = 3\n", ""),
            ("[checks.prob]\nlimit = 3\n", "engine.toml:1: there is no check `prob`; did you mean `probe`?"),
            (
                "\n[checks.probe]\nlimit = 3\nname = []\n",
                "engine.toml:4: checks.probe.name: there is no setting `name`; did you mean `names`?",
            ),
            ("[checks.probe]\n\nlimit = 'x'\n", "engine.toml:3: checks.probe.limit: "),
            ("[checks.probe]\nnames = [\n'a',\n3]\n", "engine.toml:4: checks.probe.names.1: "),
            ("[checks.probe]\n\nnames = ['no']\n", "engine.toml:3: checks.probe: /names: `no` is no name"),
            ("target = []\n", "engine.toml:1: unknown field `target`"),
            ("x = \n", "engine.toml:1: "),
            (
                "[profiles.p]\nchecks = 'all'\nsettings.probe.limit = 'x'\n",
                "engine.toml:3: profiles.p.settings.probe.limit: ",
            ),
            ("[profiles.p]\nchecks = ['prob']\n", "engine.toml:2: there is no check `prob`; did you mean `probe`?"),
            ("[profiles.p]\nchecks = 'all'\nmute = [{ code = 'zz' }]\n", "engine.toml:3: there is no finding `zz`"),
            ("[net]\n\ndeadline = 'soon'\n", "engine.toml:3: net.deadline: `soon` is no duration"),
        ] {
            let error = error_of(text);
            assert!(
                if expected.is_empty() { error.is_empty() } else { error.starts_with(expected) },
                "{text:?}: {error}"
            );
        }
    }

    #[test]
    fn the_shipped_profiles_can_be_read() {
        assert!(toml::from_str::<toml::Table>(SHIPPED_PROFILES).is_ok());
        let profiles = shipped_profiles();
        for name in ["full", "quick", "not-received", "spam", "blocklisted", "delayed", "rejected"] {
            assert!(profiles.contains_key(name), "{name}");
        }
        assert!(Config::shipped().profile("ful").unwrap_err().contains("did you mean `full`?"));
    }

    #[test]
    fn durations_are_bounded() {
        assert_eq!(parse_duration("800ms"), Ok(Duration::from_millis(800)));
        assert_eq!(parse_duration("1m30s"), Ok(Duration::from_secs(90)));
        for bad in ["", "5", "0s", "-1s", "25h", "soon"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }
}
