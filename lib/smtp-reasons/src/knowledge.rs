//! The knowledge base: what codes, wordings and providers mean, read from data files.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::OnceLock,
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    code::{CodePattern, StatusCode},
    reason::{Clears, Party, Reason},
    words::{Pattern, PatternSet},
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

/// A provider, and what it means by its codes.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// A short word, for example `gmail`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The page that its codes come from.
    pub source: String,
    /// Words by which its replies are known.
    marks: Vec<String>,
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
    marks: Vec<String>,
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
    says: Vec<String>,
}

/// All that is known.
#[derive(Clone, Debug)]
pub struct Knowledge {
    reasons: BTreeMap<Reason, ReasonEntry>,
    replies: BTreeMap<u16, ReplyEntry>,
    statuses: BTreeMap<(u16, u16), StatusEntry>,
    classes: BTreeMap<u16, DigitEntry>,
    subjects: BTreeMap<u16, (DigitEntry, Reason)>,
    /// The providers, in the order of the files.
    pub providers: Vec<Provider>,
    /// The blocklists, in the order of the file.
    pub blocklists: Vec<Blocklist>,
    pub(crate) wordings: Vec<Wording>,
    pub(crate) patterns: Compiled,
}

/// The fragments of all tables, ready to be looked for. Ranks are places in the tables.
#[derive(Clone, Debug, Default)]
pub(crate) struct Compiled {
    /// Rank: the wording group.
    pub(crate) wordings: PatternSet,
    /// For each provider: its marks, and for each rule its fragments.
    pub(crate) providers: Vec<(PatternSet, Vec<PatternSet>)>,
    /// Rank: the blocklist.
    pub(crate) blocklists: PatternSet,
}

/// Why the data could not be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataError {
    /// The file.
    pub file: String,
    /// What is wrong, with line and column where the syntax is at fault.
    pub problem: String,
}

impl std::fmt::Display for DataError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.file, self.problem)
    }
}

impl std::error::Error for DataError {}

macro_rules! files {
    ($($name:literal),+ $(,)?) => { &[$(($name, include_str!(concat!("../data/", $name)))),+] };
}

/// The compiled-in files.
const FILES: &[(&str, &str)] = files![
    "reasons.toml",
    "basic.toml",
    "status.toml",
    "wordings.toml",
    "blocklists.toml",
    "providers/gmail.toml",
    "providers/microsoft.toml",
    "providers/yahoo.toml",
    "providers/apple.toml",
    "providers/mimecast.toml",
    "providers/others.toml",
];

/// Any of the tables; a file holds one or several.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    reason: Vec<ReasonEntry>,
    #[serde(default)]
    reply: Vec<ReplyEntry>,
    #[serde(default)]
    status: Vec<StatusEntry>,
    #[serde(default)]
    class: Vec<ClassRow>,
    #[serde(default)]
    subject: Vec<SubjectRow>,
    #[serde(default)]
    wording: Vec<Wording>,
    #[serde(default)]
    blocklist: Vec<Blocklist>,
    #[serde(default)]
    provider: Vec<Provider>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClassRow {
    digit: u16,
    title: String,
    meaning: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SubjectRow {
    number: u16,
    title: String,
    meaning: String,
    reason: Reason,
}

impl Knowledge {
    /// The knowledge that is compiled in. The first call reads it, some milliseconds.
    pub fn builtin() -> &'static Knowledge {
        static BUILTIN: OnceLock<Knowledge> = OnceLock::new();
        #[allow(clippy::expect_used, reason = "the bytes are fixed, and the schema test reads the same")]
        BUILTIN.get_or_init(|| Knowledge::read(FILES).expect("the compiled-in data fits its schema"))
    }

    /// Reads data files, name and text each; a later file wins no row over an earlier one.
    ///
    /// # Errors
    /// When a file does not fit the schema, a code or reason occurs twice, a
    /// reason is missing, or a fragment can never match.
    pub fn read(files: &[(&str, &str)]) -> Result<Knowledge, DataError> {
        let mut knowledge = Knowledge {
            reasons: BTreeMap::new(),
            replies: BTreeMap::new(),
            statuses: BTreeMap::new(),
            classes: BTreeMap::new(),
            subjects: BTreeMap::new(),
            providers: Vec::new(),
            blocklists: Vec::new(),
            wordings: Vec::new(),
            patterns: Compiled::default(),
        };
        for (name, text) in files {
            let fail = |problem: String| DataError { file: (*name).to_owned(), problem };
            knowledge.take(from_toml(text).map_err(fail)?).map_err(fail)?;
        }
        let all = || DataError { file: "all files together".into(), problem: String::new() };
        let missing: Vec<_> =
            Reason::ALL.iter().filter(|r| !knowledge.reasons.contains_key(r)).map(|r| r.word()).collect();
        if !missing.is_empty() {
            return Err(DataError { problem: format!("no entry for {}", missing.join(", ")), ..all() });
        }
        knowledge.compile().map_err(|problem| DataError { problem, ..all() })?;
        Ok(knowledge)
    }

    fn take(&mut self, file: File) -> Result<(), String> {
        for entry in file.reason {
            once(&mut self.reasons, entry.id, entry)?;
        }
        for entry in file.reply {
            once(&mut self.replies, entry.code, entry)?;
        }
        for entry in file.status {
            if !entry.code.is_exact() {
                return Err(format!("`{}` is a range; IANA registers single codes", entry.code));
            }
            once(&mut self.statuses, entry.code.key(), entry)?;
        }
        for row in file.class {
            once(&mut self.classes, row.digit, DigitEntry { title: row.title, meaning: row.meaning })?;
        }
        for row in file.subject {
            let entry = DigitEntry { title: row.title, meaning: row.meaning };
            once(&mut self.subjects, row.number, (entry, row.reason))?;
        }
        self.wordings.extend(file.wording);
        self.blocklists.extend(file.blocklist);
        self.providers.extend(file.provider);
        let ids: BTreeSet<_> = self.providers.iter().map(|p| &p.id).collect();
        if ids.len() < self.providers.len() { Err("a provider occurs twice".into()) } else { Ok(()) }
    }

    fn compile(&mut self) -> Result<(), String> {
        let mut compiled = Compiled::default();
        for (rank, wording) in self.wordings.iter().enumerate() {
            add(&mut compiled.wordings, rank, &wording.says)?;
        }
        for (rank, list) in self.blocklists.iter().enumerate() {
            add(&mut compiled.blocklists, rank, &list.marks)?;
        }
        for provider in &self.providers {
            let mut marks = PatternSet::default();
            add(&mut marks, 0, &provider.marks)?;
            let mut rules = Vec::new();
            for rule in &provider.rules {
                if rule.codes.is_empty() && rule.replies.is_empty() && rule.says.is_empty() {
                    return Err(format!("a rule of {} has neither code nor words", provider.id));
                }
                let mut says = PatternSet::default();
                add(&mut says, 0, &rule.says)?;
                rules.push(says);
            }
            compiled.providers.push((marks, rules));
        }
        self.patterns = compiled;
        Ok(())
    }

    /// The entry of a reason.
    pub fn reason(&self, reason: Reason) -> &ReasonEntry {
        &self.reasons[&reason]
    }

    /// The entry of a reply code.
    pub fn reply(&self, code: u16) -> Option<&ReplyEntry> {
        self.replies.get(&code)
    }

    /// The entry of a status code, its class aside.
    pub fn status(&self, code: StatusCode) -> Option<&StatusEntry> {
        self.statuses.get(&(code.subject, code.detail))
    }

    /// All reply codes.
    pub fn replies(&self) -> impl Iterator<Item = &ReplyEntry> {
        self.replies.values()
    }

    /// All registered status codes.
    pub fn statuses(&self) -> impl Iterator<Item = &StatusEntry> {
        self.statuses.values()
    }

    /// The meaning of a class digit: 2, 4 or 5.
    pub fn class(&self, digit: u16) -> Option<&DigitEntry> {
        self.classes.get(&digit)
    }

    /// The meaning of a subject number, 0 to 7.
    pub fn subject(&self, number: u16) -> Option<&DigitEntry> {
        self.subjects.get(&number).map(|(entry, _)| entry)
    }

    /// The reason that a subject hints at.
    pub(crate) fn subject_reason(&self, number: u16) -> Option<Reason> {
        self.subjects.get(&number).map(|(_, reason)| *reason)
    }
}

fn from_toml<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())
}

fn once<K: Ord + std::fmt::Debug, V>(map: &mut BTreeMap<K, V>, key: K, value: V) -> Result<(), String> {
    if map.contains_key(&key) {
        return Err(format!("{key:?} occurs twice"));
    }
    map.insert(key, value);
    Ok(())
}

fn add(set: &mut PatternSet, rank: usize, fragments: &[String]) -> Result<(), String> {
    for fragment in fragments {
        set.add(rank, Pattern::parse(fragment)?);
    }
    Ok(())
}
