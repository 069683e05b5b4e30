//! The trait that a check implements, and what it says of itself.

use std::future::Future;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    context::{BoxFuture, Context},
    outcome::Outcome,
    page::{FindingSpec, Page, PageError},
    target::Target,
};

/// A check: it examines one target and reports findings.
///
/// ```no_run
/// use engine_plugin_api::*;
///
/// struct NullMx;
///
/// impl Check for NullMx {
///     type Config = ();
///     fn manifest() -> Manifest {
///         Manifest::new::<Self>("acme.null-mx", "1.0.0", "does the domain refuse all mail?")
///     }
///     fn new(_: ()) -> Result<Self, ConfigError> {
///         Ok(NullMx)
///     }
///     async fn run(&self, cx: Context, target: Target) -> Outcome {
///         let Some(domain) = target.domain else {
///             return Outcome::NotApplicable { why: "no domain was given".into() };
///         };
///         let reply = cx.dns(services::DnsQuestion::new(&domain, services::RecordType::Mx)).await;
///         match reply.observed() {
///             Observed::Known(_) => Outcome::Clean,
///             Observed::Unknown(cause) => Outcome::CouldNotTell { cause },
///         }
///     }
/// }
/// ```
pub trait Check: Send + Sync + Sized + 'static {
    /// The settings, as `[checks.<id>]` of `engine.toml` gives them.
    type Config: DeserializeOwned + JsonSchema + Default + Send + Sync;

    /// What the check is and may do. Called often: no I/O, no cost.
    fn manifest() -> Manifest;

    /// Makes an instance with its settings, which already fit the schema.
    ///
    /// # Errors
    /// When the settings contradict each other.
    fn new(config: Self::Config) -> Result<Self, ConfigError>;

    /// Examines `target`. Findings and unknowns go to `cx` as they are found;
    /// what was sent before a failure or the deadline is kept.
    fn run(&self, cx: Context, target: Target) -> impl Future<Output = Outcome> + Send;
}

/// The object-safe form of [`Check`] that the engine holds.
pub trait DynCheck: Send + Sync {
    /// See [`Check::run`].
    fn run_dyn(&self, cx: Context, target: Target) -> BoxFuture<'_, Outcome>;
}

impl<C: Check> DynCheck for C {
    fn run_dyn(&self, cx: Context, target: Target) -> BoxFuture<'_, Outcome> {
        Box::pin(self.run(cx, target))
    }
}

/// The settings of a check that has none: any is a mistake.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NoSettings {}

/// Why settings were not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigError {
    /// A JSON pointer to the setting, for example `/lists/0`; empty for the whole.
    pub pointer: String,
    /// What is wrong, and what was expected.
    pub message: String,
}

impl ConfigError {
    /// An error at the setting that `pointer` names.
    pub fn at(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        ConfigError { pointer: pointer.into(), message: message.into() }
    }
}

impl std::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.pointer.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.pointer, self.message)
        }
    }
}

impl std::error::Error for ConfigError {}

/// What a check may do to others, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SideEffect {
    /// It computes only.
    None,
    /// It asks DNS questions.
    PassiveDns,
    /// It connects to the target's servers and talks politely.
    Connects,
    /// It sends mail. An unknown level is read as this one.
    SendsMail,
}

impl SideEffect {
    /// The word used in plans and manifests.
    pub fn word(self) -> &'static str {
        match self {
            SideEffect::None => "none",
            SideEffect::PassiveDns => "passive-dns",
            SideEffect::Connects => "connects",
            SideEffect::SendsMail => "sends-mail",
        }
    }
}

impl<'de> Deserialize<'de> for SideEffect {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match String::deserialize(deserializer)?.as_str() {
            "none" => SideEffect::None,
            "passive-dns" => SideEffect::PassiveDns,
            "connects" => SideEffect::Connects,
            _ => SideEffect::SendsMail,
        })
    }
}

/// A part of the [`Target`] that a check needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Input {
    /// A mail domain.
    Domain,
    /// An IP address.
    Ip,
    /// An envelope sender.
    Sender,
    /// A recipient that the user may write to.
    Recipient,
    /// An SMTP reply or status code.
    Reply,
    /// A whole message.
    Message,
    /// A kind that this version does not know: the check is not planned.
    #[serde(other)]
    Unknown,
}

impl Input {
    /// How a plan names it, for example `a domain`.
    pub fn phrase(self) -> &'static str {
        match self {
            Input::Domain => "a domain",
            Input::Ip => "an IP address",
            Input::Sender => "a sender (--sender)",
            Input::Recipient => "a recipient (--recipient)",
            Input::Reply => "an SMTP reply (--reply)",
            Input::Message => "a message (--message)",
            Input::Unknown => "something that only a newer engine can give",
        }
    }

    /// Whether `target` has it.
    pub fn is_in(self, target: &Target) -> bool {
        match self {
            Input::Domain => target.domain.is_some(),
            Input::Ip => target.ip.is_some(),
            Input::Sender => target.sender.is_some(),
            Input::Recipient => target.recipient.is_some(),
            Input::Reply => target.reply.is_some(),
            Input::Message => target.message.is_some(),
            Input::Unknown => false,
        }
    }
}

/// The area that a check belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Category {
    /// DNS set-up.
    Dns,
    /// Sender authentication.
    Authentication,
    /// Reachability and delivery.
    Transport,
    /// Blocklists and reputation.
    Reputation,
    /// Explanation of replies and messages.
    Diagnosis,
    /// Anything else.
    #[serde(other)]
    Other,
}

/// What a check is, needs and may do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Manifest {
    /// `spf`, `reverse-dns` for built-in checks; `vendor.name` for others.
    pub id: String,
    /// Semantic version of the check.
    pub version: String,
    /// The question that it answers, in one line.
    pub summary: String,
    /// Its area.
    pub category: Category,
    /// What it needs: any one of these groups, of each group all.
    pub inputs: Vec<Vec<Input>>,
    /// What it may do to others.
    pub side_effect: SideEffect,
    /// The services that it calls, for example `dns.lookup/1`.
    pub services: Vec<String>,
    /// Third parties that learn the target from it, for example `DNS blocklists`.
    #[serde(default)]
    pub discloses_to: Vec<String>,
    /// JSON schema (2020-12) of its settings.
    #[serde(default)]
    pub config_schema: Value,
    /// The findings that it can make. In JSON, `{"page": TEXT}` stands for what
    /// the page says: a plugin in C hands its pages over as they are.
    #[serde(default, deserialize_with = "crate::page::specs")]
    pub findings: Vec<FindingSpec>,
    /// Pages that could not be read; a host refuses a manifest that has any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<String>,
}

impl Manifest {
    /// A manifest for check `C`, which needs a domain and only asks DNS until
    /// the methods below say otherwise.
    pub fn new<C: Check>(id: &str, version: &str, summary: &str) -> Self {
        Manifest {
            id: id.to_owned(),
            version: version.to_owned(),
            summary: summary.to_owned(),
            category: Category::Other,
            inputs: vec![vec![Input::Domain]],
            side_effect: SideEffect::PassiveDns,
            services: vec![crate::services::DNS_LOOKUP.to_owned()],
            discloses_to: Vec::new(),
            config_schema: schemars::schema_for!(C::Config).to_value(),
            findings: Vec::new(),
            faults: Vec::new(),
        }
    }

    /// Sets the area.
    pub fn category(mut self, category: Category) -> Self {
        self.category = category;
        self
    }

    /// Sets what it needs: any one of these groups, of each group all.
    pub fn needs_any(mut self, groups: &[&[Input]]) -> Self {
        self.inputs = groups.iter().map(|group| group.to_vec()).collect();
        self
    }

    /// Sets what it may do to others.
    pub fn side_effect(mut self, side_effect: SideEffect) -> Self {
        self.side_effect = side_effect;
        self
    }

    /// Sets the services that it calls.
    pub fn services(mut self, services: &[&str]) -> Self {
        self.services = services.iter().map(|&service| service.to_owned()).collect();
        self
    }

    /// Names a third party that learns the target.
    pub fn discloses_to(mut self, party: &str) -> Self {
        self.discloses_to.push(party.to_owned());
        self
    }

    /// Adds the findings whose pages the crate embeds ([`crate::findings!`]).
    pub fn pages(mut self, pages: &[Page]) -> Self {
        for (code, text) in pages {
            match FindingSpec::parse(code, text) {
                Ok(spec) => self.findings.push(spec),
                Err(error @ PageError { .. }) => self.faults.push(error.to_string()),
            }
        }
        self
    }

    /// The finding that `code` names.
    pub fn finding(&self, code: &str) -> Option<&FindingSpec> {
        self.findings.iter().find(|spec| spec.code == code)
    }
}
