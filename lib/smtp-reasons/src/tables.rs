//! The entries of the knowledge base, as its data files hold them.

use serde::{Deserialize, Serialize};

use crate::{
    code::{CodePattern, StatusCode},
    reason::{Clears, Party, Reason},
};

/// What is known of one [`Reason`].
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ReasonEntry {
    /// The reason.
    pub id: Reason,
    /// A short name that fits after "the reply says:".
    pub title: String,
    /// What has happened.
    pub meaning: String,
    /// Who can put it right.
    pub actor: Party,
    /// What they do.
    pub remedy: String,
    /// Whether trying again helps.
    pub clears: Clears,
    /// Sisimai's reason for the same, where it has one.
    #[serde(default)]
    pub sisimai: Option<String>,
    /// The checks that prove or refute it, by id.
    #[serde(default)]
    pub checks: Vec<String>,
}

/// Where a reply code comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// RFC 5321.
    Standard,
    /// Another RFC.
    Extension,
    /// Named by IANA beside an enhanced code, in no list of reply codes.
    Registry,
    /// In no RFC.
    Folklore,
}

/// What is known of a reply code.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ReplyEntry {
    /// The three digits.
    pub code: u16,
    /// Where it comes from.
    pub standing: Standing,
    /// The standard's words, shortened.
    pub title: String,
    /// What it means.
    pub meaning: String,
    /// The commands that it answers.
    #[serde(default)]
    pub answers: Vec<String>,
    /// The RFC sections that define it; none for folklore.
    pub references: Vec<String>,
    /// The reason that it stands for, as far as the code alone goes.
    pub reason: Reason,
    /// Whether the code alone does not settle the reason.
    #[serde(default)]
    pub vague: bool,
    /// For folklore, the code that standards have for it.
    #[serde(default)]
    pub instead: Option<String>,
}

/// What is known of an enhanced status code, whatever its class.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct StatusEntry {
    /// `X.7.23`.
    #[serde(serialize_with = "as_text")]
    pub code: CodePattern,
    /// IANA's title.
    pub title: String,
    /// What it means.
    pub meaning: String,
    /// The reply codes that IANA associates, `any4` and `any5` for whole
    /// classes; none where IANA gives none.
    #[serde(default)]
    pub replies: Vec<String>,
    /// The documents that define it.
    pub references: Vec<String>,
    /// The reason that it stands for.
    pub reason: Reason,
    /// Whether the code alone does not settle the reason.
    #[serde(default)]
    pub vague: bool,
}

fn as_text<S: serde::Serializer>(pattern: &CodePattern, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(pattern)
}

/// The meaning of a class or subject digit.
#[derive(Clone, Debug, Serialize)]
pub struct DigitEntry {
    /// RFC 3463's title.
    pub title: String,
    /// What it means.
    pub meaning: String,
}

/// What a [`Provider`] is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Whoever runs mail servers.
    #[default]
    Provider,
    /// A mail server or filter, whoever runs it: its words need no further mark.
    Software,
    /// A rule of the user's own, which wins over all that is compiled in.
    Own,
}

/// A provider, and what it means by its codes.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// A short word, for example `gmail`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it is.
    #[serde(default)]
    pub kind: Kind,
    /// The page that its codes come from.
    pub source: String,
    /// Words by which its replies are known; none for software whose wordings
    /// no other has.
    #[serde(default)]
    pub(crate) marks: Vec<String>,
    /// Its codes and wordings.
    #[serde(rename = "rule")]
    pub rules: Vec<ProviderRule>,
}

/// What a provider means by a code, a wording, or both together.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderRule {
    /// The status codes; none: any.
    #[serde(default, serialize_with = "all_as_text")]
    pub codes: Vec<CodePattern>,
    /// The reply codes; none: any.
    #[serde(default)]
    pub replies: Vec<u16>,
    /// Fragments of which one occurs; none: the codes suffice.
    #[serde(default)]
    pub says: Vec<String>,
    /// Whether the code alone is no hint, because the provider uses it in the
    /// registered way as well.
    #[serde(default)]
    pub needs_words: bool,
    /// The reason.
    pub reason: Reason,
    /// What the provider means, as a fragment.
    pub meaning: String,
    /// Replaces the reason's own.
    #[serde(default)]
    pub clears: Option<Clears>,
    /// Replaces the reason's own.
    #[serde(default)]
    pub actor: Option<Party>,
    /// Replaces the reason's own.
    #[serde(default)]
    pub remedy: Option<String>,
    /// The page that it comes from, where that is not the provider's.
    #[serde(default)]
    pub source: Option<String>,
}

fn all_as_text<S: serde::Serializer>(patterns: &[CodePattern], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(patterns.iter().map(ToString::to_string))
}

impl ProviderRule {
    /// Whether the rule speaks of these codes; a rule without codes speaks of all.
    pub fn covers(&self, basic: Option<u16>, status: Option<StatusCode>) -> bool {
        (self.codes.is_empty() || status.is_some_and(|status| self.codes.iter().any(|c| c.matches(status))))
            && (self.replies.is_empty() || basic.is_some_and(|basic| self.replies.contains(&basic)))
    }
}

/// A blocklist as replies name it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Blocklist {
    /// Its name.
    pub name: String,
    /// Words by which a reply gives it away.
    pub(crate) marks: Vec<String>,
    /// Where to look up an address and ask for removal.
    #[serde(default)]
    pub lookup: Option<String>,
    /// What else to know of it, as a fragment.
    #[serde(default)]
    pub note: Option<String>,
}

/// A group of wordings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wording {
    pub(crate) reason: Reason,
    #[serde(default)]
    pub(crate) vague: bool,
    pub(crate) says: Vec<String>,
}

/// A rule of the user's own file: the same as a provider's, with the words by
/// which its replies are known.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OwnRule {
    /// Words of which one stands in the reply or in the log line around it; none: any reply.
    #[serde(default)]
    from: Vec<String>,
    #[serde(default)]
    codes: Vec<CodePattern>,
    #[serde(default)]
    replies: Vec<u16>,
    #[serde(default)]
    says: Vec<String>,
    reason: Reason,
    meaning: String,
    #[serde(default)]
    clears: Option<Clears>,
    #[serde(default)]
    actor: Option<Party>,
    #[serde(default)]
    remedy: Option<String>,
    #[serde(default)]
    source: Option<String>,
}

impl OwnRule {
    /// The rule as a provider of its own, called `id`.
    pub(crate) fn into_provider(self, id: String, file: &str) -> Provider {
        let rule = ProviderRule {
            codes: self.codes,
            replies: self.replies,
            says: self.says,
            needs_words: false,
            reason: self.reason,
            meaning: self.meaning,
            clears: self.clears,
            actor: self.actor,
            remedy: self.remedy,
            source: self.source,
        };
        let (name, source) = ("your own rule".to_owned(), file.to_owned());
        Provider { id, name, kind: Kind::Own, source, marks: self.from, rules: vec![rule] }
    }
}
