//! The lists that the project knows: the files in `data/`, read.

use std::sync::OnceLock;

use engine_plugin_api::Actor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pattern::Pattern;

const FILES: [(Object, &str); 4] = [
    (Object::Ip, include_str!("../data/ip.toml")),
    (Object::Ip, include_str!("../data/ip-rare.toml")),
    (Object::Domain, include_str!("../data/domain.toml")),
    (Object::Ip, include_str!("../data/allow.toml")),
];
const DEAD: &str = include_str!("../data/dead.toml");
const ELSEWHERE: &str = include_str!("../data/elsewhere.toml");

/// Everything that is known about lists.
#[derive(Clone, Debug)]
pub struct Catalogue {
    /// Lists that can be asked, in the order of the files.
    pub lists: Vec<List>,
    /// Lists that have ended.
    pub dead: Vec<Dead>,
    /// Reputation that DNS does not reach.
    pub elsewhere: Vec<Elsewhere>,
}

/// One list. The fields are explained at the top of `data/ip.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "explained beside the data, so that a row can be read there")]
pub struct List {
    pub zone: String,
    pub name: String,
    #[serde(default)]
    pub object: Object,
    #[serde(default)]
    pub status: Status,
    #[serde(default)]
    pub tier: Tier,
    #[serde(default)]
    pub role: Role,
    #[serde(default)]
    pub impact: Impact,
    #[serde(default)]
    pub ipv6: Ipv6,
    #[serde(default)]
    pub canary: Canary,
    pub also_listed: Option<String>,
    #[serde(default, rename = "code")]
    pub codes: Vec<Code>,
    #[serde(default, rename = "refusal")]
    pub refusals: Vec<Refusal>,
    pub same_as: Option<String>,
    pub key: Option<String>,
    pub replaces: Option<String>,
    pub registration: Option<String>,
    pub instead: Option<String>,
    pub actor: Option<Actor>,
    pub first: Option<String>,
    pub how: Option<String>,
    pub expires: Option<String>,
    pub cost: Option<Cost>,
    #[serde(default)]
    pub from_listed_address: bool,
    pub url: Option<String>,
    pub note: Option<String>,
    pub source: String,
}

/// What a return code means; what is absent is as for the whole list.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Code {
    /// The addresses that are meant.
    pub is: Pattern,
    /// The reason of the listing, as a fragment.
    pub means: String,
    /// What kind of listing it is.
    pub role: Option<Role>,
    /// How much mail it costs.
    pub impact: Option<Impact>,
    /// Who can end it.
    pub actor: Option<Actor>,
    /// What to put right first.
    pub first: Option<String>,
    /// The way off.
    pub how: Option<String>,
}

/// An answer that is no listing.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// The addresses that are meant.
    pub is: Pattern,
    /// What the list says with them, as a fragment.
    pub means: String,
    /// What kind of refusal it is.
    pub why: RefusalKind,
}

/// Why a list refuses to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalKind {
    /// The resolver that asked is not welcome.
    Resolver,
    /// The resolver asks too much.
    Quota,
    /// The question itself is wrong.
    Question,
}

/// A list that has ended; never asked.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dead {
    /// Who ran it.
    pub operator: String,
    /// When, as a fragment that fits after "closed"; absent: not known.
    pub closed: Option<String>,
    /// Why it counts as dead, as a clause.
    pub why: String,
    /// What its zones answer now.
    pub now: Remains,
    /// Its zones; all names below them are meant as well.
    pub zones: Vec<String>,
    /// Where that was read.
    pub source: String,
}

/// What the zones of a dead list answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Remains {
    /// Nothing: all look clean.
    Empty,
    /// Everything was listed at some time after the end.
    ListsAll,
    /// No live answer is on record.
    Gone,
}

/// Reputation that DNS does not reach.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Elsewhere {
    /// Zones or words by which it goes.
    pub names: Vec<String>,
    /// Who runs it.
    pub operator: String,
    /// Why it is not asked, as a clause.
    pub why: String,
    /// Where to look or ask.
    pub url: Option<String>,
    /// Where that was read.
    pub source: String,
}

/// What a list is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Object {
    /// IP addresses.
    #[default]
    Ip,
    /// Domain names.
    Domain,
}

/// Whether a list is known to work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It is.
    #[default]
    Live,
    /// No live answer is on record.
    Unverified,
}

/// When a list is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tier {
    /// Unless told otherwise.
    Default,
    /// With `lists = "all"`.
    #[default]
    All,
    /// When named.
    Request,
}

/// What a listing says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// It did harm.
    #[default]
    Block,
    /// It is not meant to send mail, or breaks a rule.
    Policy,
    /// Its neighbours did harm.
    Neighbourhood,
    /// It bounces to forged senders.
    Backscatter,
    /// It is young.
    NewDomain,
    /// It has a poor name, short of a block.
    Reputation,
    /// It may be trusted.
    Allow,
    /// It says nothing that matters here.
    Neutral,
}

/// How much mail a listing costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Impact {
    /// None by itself.
    Info,
    /// A few receivers use the list.
    #[default]
    Low,
    /// Many give it weight among other signs.
    Medium,
    /// Many refuse by it.
    High,
    /// Most refuse by it.
    Critical,
}

/// Whether a list holds IPv6 addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ipv6 {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// It holds nothing else.
    Only,
    /// Not known: the IPv6 test entry decides (RFC 5782 §5).
    #[default]
    Untold,
}

/// How to find out that a list works (RFC 5782 §5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Canary {
    /// The test entry must be listed, its counterpart must not.
    #[default]
    Rfc5782,
    /// The test entry must be listed; the counterpart may be.
    Listed,
    /// There is no test entry. That its counterpart is not listed is all that can be shown.
    None,
}

/// What getting off costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cost {
    /// Nothing.
    Free,
    /// Money is taken for what comes by itself.
    ExpressOffered,
    /// A donation is asked for at times.
    DonationAsked,
    /// Being on it is what costs: a programme for senders.
    Programme,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListFile {
    list: Vec<List>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeadFile {
    dead: Vec<Dead>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ElsewhereFile {
    elsewhere: Vec<Elsewhere>,
}

impl Catalogue {
    /// The catalogue that is compiled in, read once.
    ///
    /// # Errors
    /// When a data file cannot be read, which a test rules out.
    pub fn embedded() -> Result<&'static Catalogue, String> {
        static CATALOGUE: OnceLock<Result<Catalogue, String>> = OnceLock::new();
        CATALOGUE.get_or_init(Catalogue::read).as_ref().map_err(Clone::clone)
    }

    fn read() -> Result<Catalogue, String> {
        let mut lists = Vec::new();
        for (object, text) in FILES {
            let file: ListFile = toml::from_str(text).map_err(|error| error.to_string())?;
            lists.extend(file.list.into_iter().map(|mut list| {
                if object == Object::Domain {
                    list.object = object;
                }
                list
            }));
        }
        let models = lists.clone();
        for list in &mut lists {
            if let Some(model) = list.same_as.as_deref() {
                let model = models
                    .iter()
                    .find(|other| other.zone == model)
                    .ok_or_else(|| format!("{} is the same as {model}, which is no list", list.zone))?;
                list.inherit(model);
            }
        }
        let dead: DeadFile = toml::from_str(DEAD).map_err(|error| error.to_string())?;
        let elsewhere: ElsewhereFile = toml::from_str(ELSEWHERE).map_err(|error| error.to_string())?;
        Ok(Catalogue { lists, dead: dead.dead, elsewhere: elsewhere.elsewhere })
    }

    /// The list whose zone is `zone`.
    pub fn list(&self, zone: &str) -> Option<&List> {
        self.lists.iter().find(|list| list.zone == zone)
    }

    /// The dead list that `zone` belongs to.
    pub fn dead(&self, zone: &str) -> Option<&Dead> {
        self.dead.iter().find(|dead| dead.zones.iter().any(|dead| is_at_or_below(zone, dead)))
    }

    /// The reputation out of reach that goes by `name`.
    pub fn elsewhere(&self, name: &str) -> Option<&Elsewhere> {
        self.elsewhere.iter().find(|entry| entry.names.iter().any(|known| known == name))
    }

    /// The zone that looks most like `name`, if any does.
    pub fn nearest(&self, name: &str) -> Option<&str> {
        self.lists
            .iter()
            .map(|list| (strsim::jaro_winkler(name, &list.zone), list.zone.as_str()))
            .filter(|(likeness, _)| *likeness > 0.85)
            .max_by(|(a, _), (b, _)| a.total_cmp(b))
            .map(|(_, zone)| zone)
    }

    /// The names of the keys that lists need, each once.
    pub fn key_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.lists.iter().filter_map(|list| list.key.as_deref()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

impl List {
    fn inherit(&mut self, model: &List) {
        if self.codes.is_empty() {
            self.codes.clone_from(&model.codes);
        }
        if self.refusals.is_empty() {
            self.refusals.clone_from(&model.refusals);
        }
        let fill = |mine: &mut Option<String>, theirs: &Option<String>| {
            if mine.is_none() {
                mine.clone_from(theirs);
            }
        };
        fill(&mut self.registration, &model.registration);
        fill(&mut self.first, &model.first);
        fill(&mut self.how, &model.how);
        fill(&mut self.expires, &model.expires);
        fill(&mut self.url, &model.url);
        self.actor = self.actor.or(model.actor);
        self.cost = self.cost.or(model.cost);
        self.from_listed_address |= model.from_listed_address;
    }

    /// Whether anything can be asked that shows whether it works. An allow
    /// list may know 127.0.0.1 as harmless.
    pub fn has_canary(&self) -> bool {
        self.canary != Canary::None || !self.is_allow_list()
    }

    /// Whether it holds those who may be trusted.
    pub fn is_allow_list(&self) -> bool {
        self.role == Role::Allow
    }
}

fn is_at_or_below(name: &str, zone: &str) -> bool {
    name.strip_suffix(zone).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}
