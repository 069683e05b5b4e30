#![allow(clippy::unwrap_used, clippy::expect_used)]
use engine_plugin_api::{Check, ConfigError, Context, Manifest, Outcome, Target};

use super::*;

#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    #[allow(dead_code, reason = "only its schema matters")]
    limit: u8,
    names: Vec<String>,
    deep: Vec<Deep>,
    #[schemars(extend("writeOnly" = true))]
    secret: String,
}
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Deep {
    #[allow(dead_code, reason = "only its schema matters")]
    name: String,
}
const DEEP: &str = "engine.toml:5: checks.probe.deep.1.nam: there is no setting `nam`; did you mean `name`?";
const DEEP_INLINE: &str = "engine.toml:4: checks.probe.deep.2.nam: there is no setting `nam`; did you mean `name`?";
struct Vendor;
impl Check for Vendor {
    type Config = Settings;
    fn manifest() -> Manifest {
        Manifest::new::<Self>("acme.probe", "0.1.0", "tests")
    }
    fn new(_: Settings) -> Result<Self, ConfigError> {
        Ok(Vendor)
    }
    async fn run(&self, _: Context, _: Target) -> Outcome {
        Outcome::Clean
    }
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

fn registry() -> Registry {
    let mut registry = Registry::default();
    registry.add::<Probe>("built in").unwrap();
    registry.add::<Vendor>("acme").unwrap();
    registry
}

fn error_of(text: &str) -> String {
    Config::parse(text, "engine.toml", &registry()).map(|_| String::new()).unwrap_or_else(|error| error.to_string())
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
        ("target = []\n", "engine.toml:1: unknown field `target`, expected"),
        ("x = \n", "engine.toml:1: "),
        ("[profiles.p]\nchecks = ['prob']\n", "engine.toml:2: there is no check `prob`; did you mean `probe`?"),
        ("[profiles.p]\nchecks = 'all'\nmute = [{ code = 'zz' }]\n", "engine.toml:3: there is no finding `zz`"),
        ("[net]\n\ndeadline = 'soon'\n", "engine.toml:3: net.deadline: `soon` is no duration"),
        ("[net]\nresolvers = [\n'1.2.3.4',\n'x']\n", "engine.toml:4: net.resolvers: `x` is no resolver"),
        ("\nprofile = 'ful'\n", "engine.toml:2: there is no profile `ful`; did you mean `full`?"),
        ("fail-on = 'eror'\n", "engine.toml:1: unknown variant `eror`"),
        (
            "[profiles.p]\nchecks = 'all'\nseverities = { zz = 'nodice' }\n",
            "engine.toml:3: unknown variant `nodice`, expected one of `pass`, `info`, `notice`, `warning`, `error`, `critical`; did you mean `notice`?",
        ),
        ("[profiles.p]\nchecks = 'al'\n", "engine.toml:2: expected `\"all\"` or a list of check ids"),
        (
            "[profiles.p]\nchecks = 'all'\n[profiles.p.severities]\n\nzz = 'error'\n",
            "engine.toml:5: there is no finding `zz`",
        ),
        (
            "[profiles.p]\nchecks = 'all'\n[[profiles.p.mute]]\nreason = 'r'\ncode = 'zz'\n",
            "engine.toml:5: there is no finding `zz`",
        ),
        ("checks = { probe = {\n limit = 'x' } }\n", "engine.toml:2: checks.probe.limit: "),
        ("[[checks.probe.deep]]\nname = 'a'\n[[checks.probe.deep]]\n\nnam = 'b'\n", DEEP),
        ("checks.probe.deep = [{ name = 'a' },\n{ name = 'a' },\n\n{ nam = 'b' }]\n", DEEP_INLINE),
        (
            "[checks.acme.probe]\n",
            "engine.toml:1: there is no check `acme`; an id with a dot is written [checks.\"acme.probe\"]",
        ),
        ("[checks.\"acme.probe\"]\n\nlimit = true\n", "engine.toml:3: checks.acme.probe.limit: "),
        ("[checks.probe]\n'a/b~c' = 1\n", "engine.toml:2: checks.probe.a/b~c: there is no setting"),
        ("\u{feff}[checks.probe]\nlimit = 3\n", ""),
        ("[checks.probe]\r\n\r\nlimit = 'x'\r\n", "engine.toml:3: "),
        ("[checks.probe]\n\nsecret = ['hush-hush']\n", "engine.toml:3: checks.probe.secret: [\"redacted-1\"]"),
    ] {
        let error = error_of(text);
        assert!(if expected.is_empty() { error.is_empty() } else { error.starts_with(expected) }, "{text:?}: {error}");
    }
}

#[test]
fn the_schema_takes_what_is_taken_and_nothing_else() {
    let schema = Config::schema(&registry());
    assert!(jsonschema::meta::is_valid(&schema), "{schema:#}");
    let validator = jsonschema::validator_for(&schema).unwrap();
    for (text, fits) in [
        ("targets = ['a.example']\nfail-on = 'error'\n[net]\ndeadline = '5s'\nsource = '192.0.2.1'\n", true),
        ("[profiles.p]\nchecks = ['probe']\nmute = [{ code = 'x' }]\n", true),
        ("[checks.probe]\nlimit = 3\n[[checks.probe.deep]]\nname = 'a'\n", true),
        ("[checks.\"acme.probe\"]\nlimit = 3\n", true),
        ("[checks.prob]\nlimit = 3\n", false),
        ("[checks.probe]\nlimit = 'x'\n", false),
        ("[[checks.probe.deep]]\nnam = 'a'\n", false),
        ("origin = 1\n", false),
        ("[net]\ndead-line = '5s'\n", false),
    ] {
        let value: Value = toml::from_str(text).unwrap();
        assert_eq!(validator.is_valid(&value), fits, "{text}");
    }
}

#[test]
fn what_is_found_wrong_later_is_shown_with_its_line() {
    let config = Config::parse("targets = [\n'a.example',\n'b c']\n", "engine.toml", &registry()).unwrap();
    let error = config.error_at(&["targets", "1"], "it is wrong").unwrap();
    assert_eq!(error.to_string(), "engine.toml:3: it is wrong");
    assert_eq!(Config::shipped().error_at(&["targets", "1"], "it is wrong"), None);
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
