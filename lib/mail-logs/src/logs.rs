//! Reads logs and keeps count.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
    io::Read,
};

use smtp_reasons::{Clears, Knowledge, Party, Practice, Reason};

use crate::{
    cause::{Cause, Causes},
    event::{Direction, Event, Fact, Kind},
    line::{self, Software},
    lines::{Lines, Unreadable},
    report::{CauseReport, Example, FileRead, Report, SCHEMA, SoftwareLines},
    stamp::{Stamp, Today},
    tally::{Recent, Spread, Tally},
};

/// The most queue ids that are remembered at a time.
const MOST_QUEUED: usize = 1 << 16;
/// The most examples of one cause.
const MOST_EXAMPLES: usize = 3;
/// The longest example, in bytes.
const LONGEST_EXAMPLE: usize = 600;
/// The longest envelope sender that is remembered, in bytes.
const LONGEST_SENDER: usize = 256;

type Key = (Direction, Reason);

/// What was read so far. Memory is bounded whatever is read.
pub struct Logs {
    today: Today,
    knowledge: &'static Knowledge,
    causes: Causes,
    groups: BTreeMap<Key, Group>,
    /// The sender by queue id.
    senders: Recent<u64, Box<str>>,
    /// What recipients wait for, by queue id and recipient.
    waiting: Recent<u64, Key>,
    /// What a message waits for, by queue id.
    stuck: Recent<u64, Key>,
    files: Vec<FileRead>,
    software: BTreeMap<Software, u64>,
    first: Option<Stamp>,
    last: Option<Stamp>,
    delivered: u64,
}

/// What is counted of one cause.
#[derive(Default)]
struct Group {
    deferred: u64,
    refused: u64,
    later_delivered: u64,
    given_up: u64,
    never_clears: u64,
    times: Option<(Stamp, Stamp)>,
    actors: BTreeMap<Party, u64>,
    remedies: Tally,
    meanings: Tally,
    blocklists: Tally,
    lookups: BTreeMap<&'static str, &'static str>,
    codes: Tally,
    providers: Tally,
    senders: Tally,
    recipients: Tally,
    clients: Tally,
    spread: Spread,
    /// With the number of their wording.
    examples: Vec<(u64, Example)>,
}

fn hash(parts: &[&[u8]]) -> u64 {
    let mut hasher = DefaultHasher::new();
    parts.hash(&mut hasher);
    hasher.finish()
}

impl Logs {
    /// Nothing yet. `today` gives the year to times that have none.
    pub fn new(today: Today, knowledge: &'static Knowledge) -> Self {
        Logs {
            today,
            knowledge,
            causes: Causes::new(knowledge),
            groups: BTreeMap::new(),
            senders: Recent::new(MOST_QUEUED),
            waiting: Recent::new(MOST_QUEUED),
            stuck: Recent::new(MOST_QUEUED),
            files: Vec::new(),
            software: BTreeMap::new(),
            first: None,
            last: None,
            delivered: 0,
        }
    }

    /// Reads a log to its end. What can be read of a damaged one counts, and
    /// the report says what is missing.
    ///
    /// # Errors
    /// When it is nothing that can be read as a log; the report names it, too.
    pub fn read(&mut self, name: &str, source: impl Read) -> Result<(), Unreadable> {
        let mut file = FileRead { name: name.to_owned(), ..FileRead::default() };
        let mut lines = match Lines::new(source) {
            Ok(lines) => lines,
            Err(error) => {
                file.problems.push(error.to_string());
                self.files.push(file);
                return Err(error);
            }
        };
        lines.each(|line| {
            file.lines += 1;
            if let Some((at, software, fact)) = line::read(line, self.today) {
                file.recognised += 1;
                *self.software.entry(software).or_default() += 1;
                self.first = Some(self.first.map_or(at, |first| first.min(at)));
                self.last = Some(self.last.map_or(at, |last| last.max(at)));
                self.take(at, fact, &file, line);
            }
        });
        file.bytes = lines.bytes;
        let damage = &lines.damage;
        let mut tell = |says: String| file.problems.push(says);
        if let Some(error) = &damage.broken_gzip {
            tell(format!("the compressed data is broken or cut after {} lines: {error}", file.lines));
        }
        if let Some(error) = &damage.failed {
            tell(format!("reading failed after {} lines: {error}", file.lines));
        }
        if damage.long_lines > 0 {
            tell(format!("{} lines are longer than 32 KiB; only their beginning was read", damage.long_lines));
        }
        if damage.binary_lines > 0 {
            tell(format!("{} lines hold NUL bytes, as a crash leaves them", damage.binary_lines));
        }
        if file.recognised == 0 {
            tell(if file.lines == 0 {
                "it is empty".to_owned()
            } else {
                "no line of Postfix, Exim or sendmail was found in it".to_owned()
            });
        }
        self.files.push(file);
        Ok(())
    }

    fn take(&mut self, at: Stamp, fact: Fact<'_>, file: &FileRead, line: &[u8]) {
        match fact {
            Fact::Other => {}
            Fact::From { queue, sender } => {
                let sender = &sender[..sender.len().min(LONGEST_SENDER)];
                self.senders.put(hash(&[queue]), String::from_utf8_lossy(sender).to_lowercase().into());
            }
            Fact::Sent { queue, recipient } => {
                self.delivered += 1;
                if self.waiting.is_empty() {
                    return;
                }
                if let Some(key) = self.waiting.take(&hash(&[queue, recipient]))
                    && let Some(group) = self.groups.get_mut(&key)
                {
                    group.later_delivered += 1;
                }
            }
            Fact::GaveUp { queue } => {
                if let Some(key) = self.stuck.take(&hash(&[queue]))
                    && let Some(group) = self.groups.get_mut(&key)
                {
                    group.given_up += 1;
                }
            }
            Fact::Event(event) => self.count(at, &event, file, line),
        }
    }

    fn count(&mut self, at: Stamp, event: &Event<'_>, file: &FileRead, line: &[u8]) {
        let (number, cause) = self.causes.of(event);
        let provider = self.causes.provider(event.host);
        let key = (event.direction, cause.reason);
        let known = self.senders.get(&hash(&[event.queue])).filter(|_| !event.queue.is_empty());
        let sender = event.sender.map(|sender| String::from_utf8_lossy(sender).to_lowercase());
        let sender = sender.as_deref().or(known.map(|sender| &**sender));
        let group = self.groups.entry(key).or_default();
        match event.kind {
            Kind::Deferred => group.deferred += 1,
            Kind::Refused => group.refused += 1,
        }
        group.add(at, &cause);
        if let Some(provider) = provider {
            group.providers.add(&provider);
        }
        if let Some(sender) = sender {
            group.senders.add(if sender.is_empty() { "<> (a bounce)" } else { sender });
        }
        let recipient = String::from_utf8_lossy(event.recipient);
        if let Some((_, domain)) = recipient.rsplit_once('@') {
            group.recipients.add(&domain.to_lowercase());
        }
        if event.direction == Direction::Incoming && !event.address.is_empty() {
            group.clients.add(&String::from_utf8_lossy(event.address));
        }
        if group.examples.len() < MOST_EXAMPLES && group.examples.iter().all(|(known, _)| *known != number) {
            let text = String::from_utf8_lossy(&line[..line.len().min(LONGEST_EXAMPLE)]).into_owned();
            group.examples.push((number, Example { file: file.name.clone(), line: file.lines, text }));
        }
        if event.direction == Direction::Outgoing && !event.queue.is_empty() {
            let recipient = hash(&[event.queue, event.recipient]);
            match event.kind {
                Kind::Deferred => {
                    self.waiting.put(recipient, key);
                    self.stuck.put(hash(&[event.queue]), key);
                }
                Kind::Refused => _ = self.waiting.take(&recipient),
            }
        }
    }

    /// What was found, with at most `top` names of each kind.
    pub fn report(&self, top: usize) -> Report {
        let software =
            self.software.iter().map(|(software, lines)| SoftwareLines { software: *software, lines: *lines });
        let mut causes: Vec<CauseReport> =
            self.groups.iter().map(|(key, group)| self.cause(*key, group, top)).collect();
        causes.sort_by(|a, b| (a.direction, b.count, a.reason).cmp(&(b.direction, a.count, b.reason)));
        Report {
            schema: SCHEMA,
            files: self.files.clone(),
            software: software.collect(),
            first: self.first.map(|at| at.to_string()),
            last: self.last.map(|at| at.to_string()),
            delivered: self.delivered,
            causes,
        }
    }

    fn cause(&self, (direction, reason): Key, group: &Group, top: usize) -> CauseReport {
        let entry = self.knowledge.reason(reason);
        let tallies = [&group.providers, &group.senders, &group.recipients, &group.clients, &group.codes];
        let senders = group.senders.top(top);
        let blocklists = group.blocklists.top(top);
        let named = |list: &str| group.lookups.get(list).map(|url| (*url).to_owned());
        let actor = group.actors.iter().max_by_key(|(_, count)| **count).map_or(entry.actor, |(actor, _)| *actor);
        let recipient_domains = group.recipients.top(top);
        let times = group.times.map(|(first, last)| [first.to_string(), last.to_string()]);
        let [first, last] = times.unwrap_or_default();
        CauseReport {
            direction,
            reason: reason.word(),
            title: entry.title.clone(),
            meaning: entry.meaning.clone(),
            count: group.deferred + group.refused,
            deferred: group.deferred,
            refused: group.refused,
            later_delivered: group.later_delivered,
            given_up: group.given_up,
            first,
            last,
            passes: entry.clears == Clears::ByItself,
            never_clears: group.never_clears,
            actor: actor.phrase(),
            remedies: group.remedies.top(3).into_iter().map(|count| count.name).collect(),
            said_to_mean: group.meanings.top(top),
            lookups: blocklists.iter().filter_map(|list| named(&list.name)).collect(),
            blocklists,
            command: command(direction, &entry.checks, &senders, &recipient_domains),
            checks: entry.checks.clone(),
            codes: group.codes.top(top),
            providers: group.providers.top(top),
            senders,
            recipient_domains,
            clients: group.clients.top(top),
            uncertainty: tallies.iter().map(|tally| tally.most_forgotten()).max().unwrap_or_default(),
            times: group.spread.all(),
            examples: group.examples.iter().map(|(_, example)| example.clone()).collect(),
        }
    }
}

impl Group {
    fn add(&mut self, at: Stamp, cause: &Cause) {
        let (first, last) = self.times.unwrap_or((at, at));
        self.times = Some((first.min(at), last.max(at)));
        self.never_clears += u64::from(cause.practice == Practice::NeverClears);
        *self.actors.entry(cause.actor).or_default() += 1;
        self.remedies.add_whole(cause.remedy);
        if let Some(meaning) = cause.meaning {
            self.meanings.add_whole(meaning);
        }
        if let Some((name, lookup)) = cause.blocklist {
            self.blocklists.add(name);
            if let Some(lookup) = lookup {
                self.lookups.insert(name, lookup);
            }
        }
        if !cause.codes.is_empty() {
            self.codes.add(&cause.codes);
        }
        self.spread.add(at);
    }
}

/// What runs the checks that prove a cause: those about a sender for the most
/// frequent sender's domain, those about a receiver for the recipient's.
fn command(
    direction: Direction,
    checks: &[String],
    senders: &[crate::tally::Count],
    recipients: &[crate::tally::Count],
) -> Option<String> {
    let about_receiver = |check: &str| matches!(check, "mx" | "smtp" | "greylist");
    let first = checks.first()?;
    let receiver = about_receiver(first);
    let sender = senders.iter().find_map(|sender| sender.name.rsplit_once('@')).map(|(_, domain)| domain);
    let recipient = recipients.first().map(|domain| domain.name.as_str());
    let domain = if receiver { recipient } else { sender };
    let plain = |domain: &&str| domain.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'));
    let domain =
        domain.filter(|domain| plain(domain) && !domain.is_empty()).filter(|_| direction == Direction::Outgoing)?;
    let of_kind = checks.iter().filter(|check| about_receiver(check) == receiver || check.as_str() == "vantage");
    let only = of_kind.map(String::as_str).collect::<Vec<_>>().join(",");
    Some(format!("engine run --only {only} {domain}"))
}
