//! The settings, and the plan that they and the catalogue give: which lists
//! are asked, under which names.

use std::{collections::BTreeMap, fmt};

use engine_plugin_api::ConfigError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    catalogue::{Canary, Catalogue, Code, Dead, Impact, Ipv6, List, Object, Role, Status, Tier},
    pattern::Pattern,
};

/// Settings of `dnsbl`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Which lists are asked: `default`, `all`, or zones by name, for example
    /// `["default", "korea.services.net"]`. Lists that answer only resolvers
    /// registered with them are in no set: name one when yours is, as in
    /// `["default", "b.barracudacentral.org"]`.
    pub lists: Lists,
    /// Zones that are not asked although `lists` says so.
    pub skip: Vec<String>,
    /// Keys of lists that need one, by name: `spamhaus-dqs`, `abusix`. Such a
    /// list is asked when its key is there, in place of its public twin.
    #[schemars(extend("writeOnly" = true))]
    pub keys: BTreeMap<String, Key>,
    /// Lists of one's own, asked beside the others.
    pub extra: Vec<Extra>,
    /// How many addresses are looked up, those of the first exchanges first.
    #[schemars(range(min = 1, max = 64))]
    pub max_addresses: usize,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            lists: Lists::Set(Set::Default),
            skip: Vec::new(),
            keys: BTreeMap::new(),
            extra: Vec::new(),
            max_addresses: 16,
        }
    }
}

/// Which lists are asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Lists {
    /// A set of the catalogue.
    Set(Set),
    /// Zones by name; `default` and `all` stand for those sets.
    Named(Vec<String>),
}

/// A set of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Set {
    /// The lists that receivers use most, and those whose key is given.
    Default,
    /// Every list that is known to live and is not part of another.
    All,
}

/// A key: one DNS label, 6 to 63 letters, digits or hyphens. It stands in the
/// questions to its lists and nowhere else.
#[derive(Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Key(String);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

/// A list of one's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Extra {
    /// The zone, for example `bl.example.net`.
    pub zone: String,
    /// What it is asked for.
    #[serde(default)]
    pub object: Object,
    /// What its answers mean, by return code (`127.0.0.2`, `127.0.0.4-7`,
    /// `127.0.0.*`, `127.0.0.&8` for a bit); empty: every answer is a listing.
    #[serde(default)]
    pub codes: BTreeMap<String, String>,
    /// What a listing says.
    #[serde(default)]
    pub role: Role,
    /// How much mail a listing costs.
    #[serde(default)]
    pub impact: Impact,
    /// Whether it has the test entries of RFC 5782 §5; without them its
    /// answers are taken as they come.
    #[serde(default = "yes")]
    pub canary: bool,
}

fn yes() -> bool {
    true
}

/// What is to be asked, as the settings and the catalogue give it.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The lists that are asked.
    pub lists: Vec<Asked>,
    /// Lists that the settings name and that have ended.
    pub dead: Vec<(String, Dead)>,
    /// Lists that the settings name and whose key is missing.
    pub keyless: Vec<List>,
    /// How many addresses are looked up.
    pub max_addresses: usize,
    keys: Vec<String>,
}

/// A list that is asked.
#[derive(Clone, Debug)]
pub struct Asked {
    /// What is known about it.
    pub list: List,
    /// What follows the looked-up name in a question, key included.
    suffix: String,
    /// The same for the eye.
    shown: String,
}

impl Asked {
    fn new(list: List, key: Option<&Key>) -> Self {
        match key {
            Some(key) => Asked {
                suffix: format!("{}.{}", key.0.to_ascii_lowercase(), list.zone),
                shown: format!("<key>.{}", list.zone),
                list,
            },
            None => Asked { suffix: list.zone.clone(), shown: list.zone.clone(), list },
        }
    }

    /// The name to ask for `label`, a reversed address or a domain.
    pub fn question(&self, label: &str) -> String {
        format!("{label}.{}", self.suffix)
    }

    /// The same without the key.
    pub fn shown(&self, label: &str) -> String {
        format!("{label}.{}", self.shown)
    }
}

impl Plan {
    /// Reads the settings against the catalogue.
    ///
    /// # Errors
    /// At the first setting that names what does not exist, with the nearest
    /// name that does.
    pub fn new(config: &Config, catalogue: &Catalogue) -> Result<Self, ConfigError> {
        check_keys(&config.keys, catalogue)?;
        let mut plan = Plan {
            max_addresses: config.max_addresses.clamp(1, 64),
            keys: config.keys.values().map(|key| key.0.to_ascii_lowercase()).collect(),
            ..Plan::default()
        };
        let extras = config
            .extra
            .iter()
            .enumerate()
            .map(|(index, extra)| extra.list(catalogue).map_err(|m| ConfigError::at(format!("/extra/{index}"), m)))
            .collect::<Result<Vec<_>, _>>()?;
        let skipped = zones(&config.skip, "/skip", catalogue, &extras)?;
        let mut wanted: Vec<&List> = Vec::new();
        match &config.lists {
            Lists::Set(set) => plan.want_set(*set, config, catalogue, &mut wanted),
            Lists::Named(names) => plan.want_named(names, config, catalogue, &extras, &mut wanted)?,
        }
        for list in catalogue.lists.iter().filter(|list| wanted.iter().any(|w| w.zone == list.zone)) {
            if !skipped.contains(&list.zone) {
                let key = list.key.as_ref().and_then(|name| config.keys.get(name));
                plan.lists.push(Asked::new(list.clone(), key));
            }
        }
        for extra in extras.into_iter().filter(|extra| !skipped.contains(&extra.zone)) {
            match catalogue.dead(&extra.zone) {
                Some(dead) => plan.dead.push((extra.zone, dead.clone())),
                None => plan.lists.push(Asked::new(extra, None)),
            }
        }
        plan.dead.retain(|(zone, _)| !skipped.contains(zone));
        Ok(plan)
    }

    fn want_set<'c>(&self, set: Set, config: &Config, catalogue: &'c Catalogue, wanted: &mut Vec<&'c List>) {
        let tier = match set {
            Set::Default => Tier::Default,
            Set::All => Tier::All,
        };
        let usable = |list: &List| list.key.as_ref().is_none_or(|key| config.keys.contains_key(key));
        let replaced: Vec<&str> =
            catalogue.lists.iter().filter(|list| usable(list)).filter_map(|list| list.replaces.as_deref()).collect();
        wanted.extend(
            catalogue
                .lists
                .iter()
                .filter(|list| list.tier <= tier && usable(list) && !replaced.contains(&list.zone.as_str())),
        );
    }

    fn want_named<'c>(
        &mut self,
        names: &[String],
        config: &Config,
        catalogue: &'c Catalogue,
        extras: &[List],
        wanted: &mut Vec<&'c List>,
    ) -> Result<(), ConfigError> {
        for (index, name) in names.iter().enumerate() {
            let name = normal(name);
            match name.as_str() {
                "default" => self.want_set(Set::Default, config, catalogue, wanted),
                "all" => self.want_set(Set::All, config, catalogue, wanted),
                _ => match (catalogue.dead(&name), catalogue.list(&name)) {
                    (Some(dead), _) => self.dead.push((name, dead.clone())),
                    (None, Some(list)) => match &list.key {
                        Some(key) if !config.keys.contains_key(key) => self.keyless.push(list.clone()),
                        _ => wanted.push(list),
                    },
                    (None, None) if extras.iter().any(|extra| extra.zone == name) => {}
                    (None, None) => return Err(ConfigError::at(format!("/lists/{index}"), unknown(&name, catalogue))),
                },
            }
        }
        self.dead.sort_by(|(a, _), (b, _)| a.cmp(b));
        self.dead.dedup_by(|(a, _), (b, _)| a == b);
        Ok(())
    }

    /// `text` without any key: a list may quote the question in its answer.
    pub fn without_keys(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for key in &self.keys {
            let mut from = 0;
            while let Some(at) = text[from..].to_ascii_lowercase().find(key).map(|at| from + at) {
                text.replace_range(at..at + key.len(), "<key>");
                from = at + "<key>".len();
            }
        }
        text
    }
}

impl Extra {
    fn list(&self, catalogue: &Catalogue) -> Result<List, String> {
        let zone = normal(&self.zone);
        if !is_zone(&zone) {
            return Err(format!("`{zone}` is no DNS zone: expected a name such as bl.example.net"));
        }
        if catalogue.list(&zone).is_some() {
            return Err(format!("`{zone}` is known already: name it in `lists`"));
        }
        let codes = self
            .codes
            .iter()
            .map(|(code, means)| Ok(Code::plain(Pattern::parse(code)?, means)))
            .collect::<Result<Vec<_>, String>>()?;
        Ok(List {
            name: zone.clone(),
            zone,
            object: self.object,
            status: Status::Unverified,
            tier: Tier::Request,
            role: self.role,
            impact: self.impact,
            ipv6: Ipv6::Untold,
            canary: if self.canary { Canary::Rfc5782 } else { Canary::None },
            codes,
            also_listed: None,
            refusals: Vec::new(),
            same_as: None,
            key: None,
            replaces: None,
            registration: None,
            instead: None,
            actor: None,
            first: None,
            how: None,
            expires: None,
            cost: None,
            from_listed_address: false,
            url: None,
            note: None,
            source: "settings".to_owned(),
        })
    }
}

impl Code {
    /// A code that says no more than what it means.
    pub fn plain(is: Pattern, means: &str) -> Self {
        Code { is, means: means.to_owned(), role: None, impact: None, actor: None, first: None, how: None }
    }
}

fn check_keys(keys: &BTreeMap<String, Key>, catalogue: &Catalogue) -> Result<(), ConfigError> {
    for (name, key) in keys {
        if !catalogue.key_names().contains(&name.as_str()) {
            return Err(ConfigError::at(
                format!("/keys/{name}"),
                format!("no list uses a key of this name: expected {}", catalogue.key_names().join(" or ")),
            ));
        }
        let fits = (6..=63).contains(&key.0.len()) && key.0.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if !fits {
            return Err(ConfigError::at(
                format!("/keys/{name}"),
                "this is no key: expected 6 to 63 letters, digits or hyphens",
            ));
        }
    }
    Ok(())
}

fn zones(names: &[String], at: &str, catalogue: &Catalogue, extras: &[List]) -> Result<Vec<String>, ConfigError> {
    let known = |name: &String| {
        catalogue.list(name).is_some()
            || catalogue.dead(name).is_some()
            || extras.iter().any(|extra| extra.zone == *name)
    };
    names
        .iter()
        .enumerate()
        .map(|(index, name)| {
            let name = normal(name);
            if known(&name) {
                Ok(name)
            } else {
                Err(ConfigError::at(format!("{at}/{index}"), unknown(&name, catalogue)))
            }
        })
        .collect()
}

fn unknown(name: &str, catalogue: &Catalogue) -> String {
    if let Some(entry) = catalogue.elsewhere(name) {
        let see = entry.url.as_ref().map(|url| format!(" (see {url})")).unwrap_or_default();
        return format!("`{name}` cannot be asked: {}{see}", entry.why);
    }
    let hint = match catalogue.nearest(name) {
        Some(zone) => format!("the nearest that is known is `{zone}`"),
        None => "expected `default`, `all` or a zone such as `zen.spamhaus.org`".to_owned(),
    };
    format!("`{name}` is no list that is known: {hint}; a list of your own goes under `extra`")
}

fn normal(zone: &str) -> String {
    let zone = zone.trim().trim_end_matches('.').to_ascii_lowercase();
    zone.strip_prefix("<key>.").map(str::to_owned).unwrap_or(zone)
}

/// Whether `zone` can be a zone: two labels or more of letters, digits, `-`
/// and `_`, at most 180 bytes: an IPv6 address takes 64 before it (RFC 5782 §2.4).
pub fn is_zone(zone: &str) -> bool {
    zone.len() <= 180
        && zone.contains('.')
        && zone.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
        })
}
