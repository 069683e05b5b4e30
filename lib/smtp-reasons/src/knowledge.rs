//! The knowledge base: what codes, wordings and providers mean, read from data files.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Mutex, OnceLock, PoisonError},
};

use serde::{Deserialize, de::DeserializeOwned};

use crate::{
    code::StatusCode,
    matcher::{Matcher, Owner},
    reason::Reason,
    tables::{Blocklist, DigitEntry, Kind, OwnRule, Provider, ReasonEntry, ReplyEntry, StatusEntry, Wording},
    words::Words,
};

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
    pub(crate) fragments: Matcher,
    /// Rules that codes alone bring up: by subject and detail, and by reply code.
    by_status: HashMap<(u16, u16), Vec<(u16, u16)>>,
    by_reply: HashMap<u16, Vec<(u16, u16)>>,
}

/// A user's own file of rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleFile {
    /// What it is called in errors and as a source.
    pub name: String,
    /// The TOML in it.
    pub text: String,
}

/// Why the data could not be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataError {
    /// The file.
    pub file: String,
    /// The line, from 1; 0 where no line is at fault.
    pub line: usize,
    /// What is wrong.
    pub problem: String,
}

impl std::fmt::Display for DataError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.problem),
            line => write!(f, "{}:{line}: {}", self.file, self.problem),
        }
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
    "localised.toml",
    "families.toml",
    "blocklists.toml",
    "providers/gmail.toml",
    "providers/microsoft.toml",
    "providers/yahoo.toml",
    "providers/apple.toml",
    "providers/mimecast.toml",
    "providers/filters.toml",
    "providers/senders.toml",
    "providers/others.toml",
    "software.toml",
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
    /// Words of one kind, by a name that `wording` says as `<name>`.
    #[serde(default)]
    words: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    wording: Vec<Wording>,
    #[serde(default)]
    blocklist: Vec<Blocklist>,
    #[serde(default)]
    provider: Vec<Provider>,
}

impl File {
    /// Puts the words of `words` where their name stands: `<who>` becomes `user|mailbox`.
    fn name_words(&mut self) {
        for (name, words) in &self.words {
            let (name, words) = (format!("<{name}>"), words.join("|"));
            for fragment in self.wording.iter_mut().flat_map(|wording| &mut wording.says) {
                if fragment.contains(&name) {
                    *fragment = fragment.replace(&name, &words);
                }
            }
        }
    }
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

/// What a user's own file may hold.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OwnFile {
    #[serde(default)]
    rule: Vec<OwnRule>,
    #[serde(default)]
    wording: Vec<Wording>,
    #[serde(default)]
    blocklist: Vec<Blocklist>,
    #[serde(default)]
    provider: Vec<Provider>,
}

impl Knowledge {
    /// The knowledge that is compiled in. The first call reads it, some milliseconds.
    pub fn builtin() -> &'static Knowledge {
        static BUILTIN: OnceLock<Knowledge> = OnceLock::new();
        #[allow(clippy::expect_used, reason = "the bytes are fixed, and the schema test reads the same")]
        BUILTIN.get_or_init(|| Knowledge::read(FILES).expect("the compiled-in data fits its schema"))
    }

    /// The compiled-in knowledge with a user's own rules, name and text of each
    /// file. Own rules win over what is compiled in, an earlier file over a
    /// later one. Equal files give the same value, which lives as long as the
    /// program: a program has one set of rules, or few.
    ///
    /// # Errors
    /// With file and line, when a file does not fit the schema, names a reason
    /// that there is none of, or has a fragment that can never match.
    pub fn with_own(own: &[RuleFile]) -> Result<&'static Knowledge, DataError> {
        struct Known(Vec<RuleFile>, &'static Knowledge);
        static KNOWN: Mutex<Vec<Known>> = Mutex::new(Vec::new());
        if own.is_empty() {
            return Ok(Knowledge::builtin());
        }
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Known(_, knowledge)) = known.iter().find(|known| known.0 == own) {
            return Ok(knowledge);
        }
        let knowledge: &'static Knowledge = Box::leak(Box::new(Knowledge::builtin().clone().extended(own)?));
        known.push(Known(own.to_vec(), knowledge));
        Ok(knowledge)
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
            fragments: Matcher::default(),
            by_status: HashMap::new(),
            by_reply: HashMap::new(),
        };
        for (name, text) in files {
            let mut file: File = from_toml(name, text)?;
            file.name_words();
            check(name, text, &file.wording, &file.blocklist, &file.provider)?;
            let fail = |problem: String| DataError { file: (*name).to_owned(), line: 0, problem };
            knowledge.take(file).map_err(fail)?;
        }
        let all = || DataError { file: "all files together".into(), line: 0, problem: String::new() };
        let missing: Vec<_> =
            Reason::ALL.iter().filter(|r| !knowledge.reasons.contains_key(r)).map(|r| r.word()).collect();
        if !missing.is_empty() {
            return Err(DataError { problem: format!("no entry for {}", missing.join(", ")), ..all() });
        }
        knowledge.compile().map_err(|problem| DataError { problem, ..all() })?;
        Ok(knowledge)
    }

    /// Whether a file of rules is one; cheaper than taking it.
    ///
    /// # Errors
    /// As [`Knowledge::with_own`].
    pub fn check_own(file: &RuleFile) -> Result<(), DataError> {
        own_file(0, file).map(|_| ())
    }

    fn extended(mut self, own: &[RuleFile]) -> Result<Knowledge, DataError> {
        let mut wordings = Vec::new();
        let mut blocklists = Vec::new();
        let mut providers = Vec::new();
        for (index, file) in own.iter().enumerate() {
            let file = own_file(index, file)?;
            wordings.extend(file.wording);
            blocklists.extend(file.blocklist);
            providers.extend(file.provider);
        }
        wordings.append(&mut self.wordings);
        blocklists.append(&mut self.blocklists);
        providers.append(&mut self.providers);
        (self.wordings, self.blocklists, self.providers) = (wordings, blocklists, providers);
        let whole = |problem| DataError {
            file: own.first().map(|file| file.name.clone()).unwrap_or_default(),
            line: 0,
            problem,
        };
        self.compile().map_err(whole)?;
        Ok(self)
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
        Ok(())
    }

    /// Puts all fragments into one matcher, and rules that need none into an index.
    fn compile(&mut self) -> Result<(), String> {
        let ids: BTreeSet<_> = self.providers.iter().map(|p| &p.id).collect();
        if ids.len() < self.providers.len() {
            return Err("a provider occurs twice".into());
        }
        let mut fragments = Matcher::default();
        let (mut by_status, mut by_reply) = (HashMap::<_, Vec<_>>::new(), HashMap::<_, Vec<_>>::new());
        let mut add = |owner, says: &[String]| says.iter().try_for_each(|fragment| fragments.add(owner, fragment));
        // Vague words count only where no others stand beside them, in whatever file.
        self.wordings.sort_by_key(|wording| wording.vague);
        for (rank, wording) in (0..).zip(&self.wordings) {
            add(Owner::Wording(rank), &wording.says)?;
        }
        for (rank, list) in (0..).zip(&self.blocklists) {
            add(Owner::Blocklist(rank), &list.marks)?;
        }
        for (provider, entry) in (0..).zip(&self.providers) {
            add(Owner::Marks(provider), &entry.marks)?;
            for (number, rule) in (0..).zip(&entry.rules) {
                add(Owner::Rule(provider, number), &rule.says)?;
                let here = (provider, number);
                for code in &rule.codes {
                    let (subject, details) = code.details();
                    details.for_each(|detail| by_status.entry((subject, detail)).or_default().push(here));
                }
                if rule.codes.is_empty() {
                    rule.replies.iter().for_each(|reply| by_reply.entry(*reply).or_default().push(here));
                }
            }
        }
        (self.fragments, self.by_status, self.by_reply) = (fragments, by_status, by_reply);
        Ok(())
    }

    /// The rules that speak of these codes, by provider and number, unsorted.
    pub(crate) fn rules_of(&self, basic: Option<u16>, status: Option<StatusCode>) -> Vec<(u16, u16)> {
        let by_status = status.and_then(|s| self.by_status.get(&(s.subject, s.detail)));
        let by_reply = basic.and_then(|code| self.by_reply.get(&code));
        by_status.into_iter().chain(by_reply).flatten().copied().collect()
    }

    /// The provider that runs the host of this name, as far as it is known here.
    pub fn provider_of(&self, host: &str) -> Option<&Provider> {
        let words = Words::of(host, 0..host.len(), &[]);
        let marks = self.fragments.matches(&words).into_iter().filter_map(|found| match found.owner {
            Owner::Marks(number) => Some(&self.providers[usize::from(number)]),
            _ => None,
        });
        marks.into_iter().find(|provider| provider.kind == Kind::Provider)
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

/// A user's own file, the `index`th, checked; its rules have become providers.
fn own_file(index: usize, RuleFile { name, text }: &RuleFile) -> Result<OwnFile, DataError> {
    let mut file: OwnFile = from_toml(name, text)?;
    let rules = std::mem::take(&mut file.rule).into_iter().enumerate();
    let mut providers: Vec<_> = rules.map(|(at, rule)| rule.into_provider(format!("own-{index}-{at}"), name)).collect();
    providers.append(&mut file.provider);
    file.provider = providers;
    check(name, text, &file.wording, &file.blocklist, &file.provider)?;
    Ok(file)
}

fn from_toml<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, DataError> {
    toml::from_str(text).map_err(|error| DataError {
        file: file.to_owned(),
        line: error.span().map_or(0, |span| line(text, span.start)),
        problem: error.message().to_owned(),
    })
}

/// The line, from 1, of the byte `at`.
fn line(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|b| *b == b'\n').count()
}

fn once<K: Ord + std::fmt::Debug, V>(map: &mut BTreeMap<K, V>, key: K, value: V) -> Result<(), String> {
    if map.contains_key(&key) {
        return Err(format!("{key:?} occurs twice"));
    }
    map.insert(key, value);
    Ok(())
}

/// Checks what the types do not, so that it is told with its place.
fn check(
    file: &str,
    text: &str,
    wordings: &[Wording],
    lists: &[Blocklist],
    providers: &[Provider],
) -> Result<(), DataError> {
    let at = |culprit: &str, problem: String| {
        let place = text.find(&format!("\"{culprit}\"")).or_else(|| text.find(culprit));
        DataError { file: file.to_owned(), line: place.map_or(0, |at| line(text, at)), problem }
    };
    let rules = || providers.iter().flat_map(|provider| &provider.rules);
    for rule in rules() {
        if rule.codes.is_empty() && rule.replies.is_empty() && rule.says.is_empty() {
            return Err(at(&rule.meaning, "the rule has neither codes nor replies nor words".into()));
        }
        if let Some(code) = rule.replies.iter().find(|code| !(200..600).contains(*code)) {
            return Err(at(&code.to_string(), format!("`{code}` is no reply code")));
        }
    }
    let said = wordings.iter().map(|w| &w.says).chain(lists.iter().map(|l| &l.marks));
    let said = said.chain(providers.iter().map(|p| &p.marks)).chain(rules().map(|r| &r.says));
    let mut trial = Matcher::default();
    for fragment in said.flatten() {
        trial.add(Owner::Wording(0), fragment).map_err(|problem| at(fragment, problem))?;
    }
    Ok(())
}
