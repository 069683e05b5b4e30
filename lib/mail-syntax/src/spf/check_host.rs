//! `check_host()` (RFC 7208 §4).

mod result;

use std::net::IpAddr;

pub use result::{Evaluation, Step, StepOutcome, TermRef, TermText, Verdict, Visited, Why};

use super::{
    Answer, Answers, Expansion, Kind, LOOKUP_LIMIT, MacroPlace, MacroString, Mechanism, NAME_LIMIT, Qualifier,
    Question, VOID_LIMIT, discover, names, parse,
};
use crate::txt::read_text;

/// Who sends, and what they say of themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The client's address; an IPv4-mapped one counts as IPv4 (§5).
    pub ip: IpAddr,
    /// The sender, `local@domain`, both parts present.
    pub sender: String,
    /// The domain whose record is evaluated first.
    pub domain: String,
    /// The HELO name; empty where it is not known.
    pub helo: String,
    /// The receiving host, for the `r` macro.
    pub receiver: Option<String>,
    /// Seconds since 1970, for the `t` macro.
    pub time: Option<u64>,
}

impl Query {
    /// The MAIL FROM identity, or the HELO identity for a null sender (§2.4).
    /// A missing local part is `postmaster` (§4.3).
    pub fn new(ip: IpAddr, mail_from: &str, helo: &str) -> Self {
        let (local, domain) = match mail_from {
            "" => ("", helo),
            sender => sender.rsplit_once('@').unwrap_or(("", sender)),
        };
        let local = if local.is_empty() { "postmaster" } else { local };
        Query {
            ip: ip.to_canonical(),
            sender: format!("{local}@{domain}"),
            domain: domain.to_owned(),
            helo: helo.to_owned(),
            receiver: None,
            time: None,
        }
    }
}

/// Evaluates the record of the query's domain.
///
/// # Errors
/// The questions whose answers are missing from `known`; none is asked twice,
/// and their number is bounded by the limits of §4.6.4.
pub fn check_host(query: &Query, known: &Answers) -> Result<Evaluation, Vec<Question>> {
    let mut run = Run { query, known, done: Evaluation::default(), missing: Vec::new(), counting: true };
    let (verdict, why) = match run.check(&names::normal(&query.domain), None) {
        Ok(end) => end,
        Err(Stop::Error(verdict, why)) => (verdict, why),
        Err(Stop::Missing) => return Err(run.into_missing()),
    };
    run.done.verdict = verdict;
    run.done.why = why;
    if verdict == Verdict::Fail {
        match run.explain() {
            Ok(explanation) => run.done.explanation = explanation,
            Err(Stop::Missing) => return Err(run.into_missing()),
            // An explanation that cannot be had is none (§6.2).
            Err(Stop::Error(..)) => {}
        }
    }
    Ok(run.done)
}

/// Why the evaluation cannot go on.
enum Stop {
    /// An answer is missing.
    Missing,
    /// The result is `temperror` or `permerror`.
    Error(Verdict, Why),
}

fn permerror<T>(why: Why) -> Result<T, Stop> {
    Err(Stop::Error(Verdict::PermError, why))
}

struct Run<'a> {
    query: &'a Query,
    known: &'a Answers,
    done: Evaluation,
    missing: Vec<Question>,
    /// Whether void lookups count; not while an explanation is fetched.
    counting: bool,
}

impl<'a> Run<'a> {
    /// `check_host()` for `domain`, which is in normal form.
    fn check(&mut self, domain: &str, parent: Option<TermRef>) -> Result<(Verdict, Why), Stop> {
        if domain.starts_with('[') || !domain.contains('.') || !names::is_queryable(domain) {
            return Ok((Verdict::None, Why::NoDomain(domain.to_owned())));
        }
        let texts = match self.ask(domain, Kind::Txt)? {
            Answer::Failed => return Err(self.failed(domain, Kind::Txt)),
            Answer::Texts(texts) => texts,
            _ => &Vec::new(),
        };
        let mut records = texts.iter().filter(|text| discover::is_record(text));
        let Some(bytes) = records.next() else {
            return Ok((Verdict::None, Why::NoRecord(domain.to_owned())));
        };
        if records.next().is_some() {
            return permerror(Why::SeveralRecords(domain.to_owned()));
        }
        let text = read_text(bytes).into_owned();
        let record = parse(&text);
        let at = self.done.visited.len();
        let broken = record.is_broken();
        self.done.visited.push(Visited { domain: domain.to_owned(), parent, text, record });
        if broken {
            return permerror(Why::Syntax { record: at });
        }
        self.evaluate(at, domain)
    }

    /// The terms of the record just visited, left to right (§4.6).
    fn evaluate(&mut self, at: usize, domain: &str) -> Result<(Verdict, Why), Stop> {
        let record = std::mem::take(&mut self.done.visited[at].record);
        let result = self.walk(&record, at, domain);
        self.done.visited[at].record = record;
        result
    }

    fn walk(&mut self, record: &super::Record, at: usize, domain: &str) -> Result<(Verdict, Why), Stop> {
        for (term, directive) in record.directives() {
            let here = TermRef { record: at, term };
            if self.directive(here, &directive.mechanism, domain)? {
                return Ok((directive.qualifier.into(), Why::Directive));
            }
        }
        let Some((term, target)) = record.redirect() else {
            return Ok((Verdict::Neutral, Why::NothingMatched { record: at }));
        };
        let here = TermRef { record: at, term };
        let step = self.begin(here);
        self.count_lookup()?;
        let next = self.name(target, domain)?;
        self.done.steps[step].name = Some(next.clone());
        let (verdict, why) = self.check(&next, Some(here))?;
        if verdict == Verdict::None {
            return permerror(Why::RedirectWithoutRecord(next));
        }
        self.done.steps[step].outcome = StepOutcome::Redirected(verdict);
        Ok((verdict, why))
    }

    /// Whether one mechanism matches. The path ends at it when it does.
    fn directive(&mut self, here: TermRef, mechanism: &Mechanism, domain: &str) -> Result<bool, Stop> {
        let step = self.begin(here);
        if mechanism.costs_lookup() {
            self.count_lookup()?;
        }
        let matched = match mechanism {
            Mechanism::All => true,
            Mechanism::Ip(network) => network.contains(self.query.ip),
            mechanism => {
                let name = match mechanism.target() {
                    Some(target) => self.name(target, domain)?,
                    None => domain.to_owned(),
                };
                self.done.steps[step].name = Some(name.clone());
                self.look_up(here, mechanism, &name)?
            }
        };
        self.done.steps[step].outcome = if matched { StepOutcome::Match } else { StepOutcome::NoMatch };
        if !matched {
            // What was pushed below this term belongs to a branch that decided nothing.
            let depth = self.done.path.iter().position(|one| *one == here).unwrap_or(0);
            self.done.path.truncate(depth);
        }
        Ok(matched)
    }

    fn look_up(&mut self, here: TermRef, mechanism: &Mechanism, name: &str) -> Result<bool, Stop> {
        if let Mechanism::Include(_) = mechanism {
            return match self.check(name, Some(here))? {
                (Verdict::Pass, _) => Ok(true),
                (Verdict::None, _) => permerror(Why::IncludeWithoutRecord(name.to_owned())),
                _ => Ok(false),
            };
        }
        if !names::is_queryable(name) {
            return Ok(false);
        }
        let mut void = Void(false);
        match mechanism {
            Mechanism::A(_, cidr) => {
                let addresses = self.addresses(name, &mut void)?;
                Ok(addresses.iter().any(|address| cidr.around(*address).contains(self.query.ip)))
            }
            Mechanism::Mx(_, cidr) => {
                let hosts = match self.answer(name, Kind::Mx, &mut void)? {
                    Answer::Names(hosts) => hosts,
                    _ => return Ok(false),
                };
                if hosts.len() > NAME_LIMIT {
                    return permerror(Why::NameLimit(hosts.len()));
                }
                let hosts = names::exchanges(hosts);
                let kind = self.family();
                self.want(hosts.iter().map(|host| (host.as_str(), kind)))?;
                for host in &hosts {
                    let addresses = self.addresses(host, &mut void)?;
                    if addresses.iter().any(|address| cidr.around(*address).contains(self.query.ip)) {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Mechanism::Exists(_) => match self.answer(name, Kind::A, &mut void)? {
                Answer::Addresses(addresses) => Ok(!addresses.is_empty()),
                _ => Ok(false),
            },
            Mechanism::Ptr(_) => {
                let validated = self.validated(&mut void)?;
                Ok(validated.iter().any(|host| is_under(host, name)))
            }
            Mechanism::All | Mechanism::Ip(_) | Mechanism::Include(_) => Ok(false),
        }
    }

    /// The client's reverse names that lead back to its address (§5.5).
    /// Failures on the way only make the list shorter.
    fn validated(&mut self, void: &mut Void) -> Result<Vec<String>, Stop> {
        let reverse = names::reverse_name(self.query.ip);
        let answer = self.ask(&reverse, Kind::Ptr)?;
        self.count_void(answer, void)?;
        let Answer::Names(hosts) = answer else { return Ok(Vec::new()) };
        let hosts: Vec<String> = hosts
            .iter()
            .take(NAME_LIMIT)
            .map(|host| names::normal(host))
            .filter(|host| names::is_queryable(host))
            .collect();
        let kind = self.family();
        self.want(hosts.iter().map(|host| (host.as_str(), kind)))?;
        let ip = self.query.ip;
        let leads_back = |host: &String| match self.known.get(host, kind) {
            Some(Answer::Addresses(addresses)) => addresses.contains(&ip),
            _ => false,
        };
        Ok(hosts.iter().filter(|host| leads_back(host)).cloned().collect())
    }

    /// The addresses of `name` in the client's family; empty where there are none.
    fn addresses(&mut self, name: &str, void: &mut Void) -> Result<&'a [IpAddr], Stop> {
        match self.answer(name, self.family(), void)? {
            Answer::Addresses(addresses) => Ok(addresses),
            _ => Ok(&[]),
        }
    }

    /// An answer for a mechanism: failure ends the evaluation (§5), and the
    /// first void answer of a term counts.
    fn answer(&mut self, name: &str, kind: Kind, void: &mut Void) -> Result<&'a Answer, Stop> {
        let answer = self.ask(name, kind)?;
        if *answer == Answer::Failed {
            return Err(self.failed(name, kind));
        }
        self.count_void(answer, void)?;
        Ok(answer)
    }

    fn count_void(&mut self, answer: &Answer, void: &mut Void) -> Result<(), Stop> {
        if answer.is_void() && self.counting && !std::mem::replace(&mut void.0, true) {
            self.done.voids += 1;
            if let Some(step) = self.done.steps.last_mut() {
                step.void = true;
            }
            if self.done.voids > VOID_LIMIT {
                return permerror(Why::VoidLimit);
            }
        }
        Ok(())
    }

    fn count_lookup(&mut self) -> Result<(), Stop> {
        self.done.lookups += 1;
        if self.done.lookups > LOOKUP_LIMIT { permerror(Why::LookupLimit) } else { Ok(()) }
    }

    fn begin(&mut self, at: TermRef) -> usize {
        self.done.path.push(at);
        self.done.steps.push(Step { at, name: None, void: false, outcome: StepOutcome::Stopped });
        self.done.steps.len() - 1
    }

    /// A target with its macros replaced, in normal form.
    fn name(&mut self, target: &MacroString, domain: &str) -> Result<String, Stop> {
        if self.query.helo.is_empty() && target.needs_helo() {
            return Err(Stop::Error(Verdict::TempError, Why::HeloUnknown));
        }
        let validated = if target.needs_validated() { self.best_validated(domain)? } else { None };
        Ok(names::into_normal(target.expand_name(&self.values(domain, validated.as_deref()))))
    }

    fn values<'v>(&'v self, domain: &'v str, validated: Option<&'v str>) -> Expansion<'v> {
        Expansion {
            sender: &self.query.sender,
            domain,
            ip: self.query.ip,
            helo: &self.query.helo,
            receiver: self.query.receiver.as_deref(),
            validated,
            time: self.query.time,
        }
    }

    /// The value of the `p` macro: the domain itself, else a name under it, else any (§7.3).
    fn best_validated(&mut self, domain: &str) -> Result<Option<String>, Stop> {
        let mut void = Void(false);
        let validated = self.validated(&mut void)?;
        let best = validated
            .iter()
            .find(|host| *host == domain)
            .or_else(|| validated.iter().find(|host| is_under(host, domain)))
            .or(validated.first());
        Ok(best.cloned())
    }

    /// The explanation of a `fail` (§6.2): that of the record whose own
    /// directive decided, which is the last one of a chain of redirects.
    fn explain(&mut self) -> Result<Option<String>, Stop> {
        self.counting = false;
        let Some(at) = self.done.path.iter().find(|at| {
            let record = &self.done.visited[at.record].record;
            record.redirect().is_none_or(|(term, _)| term != at.term)
        }) else {
            return Ok(None);
        };
        let visited = &self.done.visited[at.record];
        let domain = visited.domain.clone();
        let Some((_, target)) = visited.record.explanation() else { return Ok(None) };
        let target = target.clone();
        let name = self.name(&target, &domain)?;
        if !names::is_queryable(&name) {
            return Ok(None);
        }
        let text = match self.ask(&name, Kind::Txt)? {
            Answer::Texts(texts) if texts.len() == 1 && texts[0].is_ascii() => read_text(&texts[0]),
            _ => return Ok(None),
        };
        let (text, faults) = MacroString::parse(&text, MacroPlace::Explanation);
        if !faults.is_empty() {
            return Ok(None);
        }
        let validated = if text.needs_validated() { self.best_validated(&domain)? } else { None };
        Ok(Some(text.expand(&self.values(&domain, validated.as_deref()))))
    }

    fn family(&self) -> Kind {
        if self.query.ip.is_ipv4() { Kind::A } else { Kind::Aaaa }
    }

    fn ask(&mut self, name: &str, kind: Kind) -> Result<&'a Answer, Stop> {
        let known = self.known;
        match known.get(name, kind) {
            Some(answer) => Ok(answer),
            None => {
                self.missing.push(Question::new(name, kind));
                Err(Stop::Missing)
            }
        }
    }

    /// Asks for several answers at once; stops unless all are known.
    fn want<'n>(&mut self, wanted: impl Iterator<Item = (&'n str, Kind)>) -> Result<(), Stop> {
        let before = self.missing.len();
        for (name, kind) in wanted {
            // Both outcomes are in `missing`.
            let _ = self.ask(name, kind);
        }
        if self.missing.len() > before { Err(Stop::Missing) } else { Ok(()) }
    }

    fn failed(&self, name: &str, kind: Kind) -> Stop {
        Stop::Error(Verdict::TempError, Why::NoAnswer(Question::new(name, kind)))
    }

    fn into_missing(mut self) -> Vec<Question> {
        self.missing.sort();
        self.missing.dedup();
        self.missing
    }
}

/// Whether the term at hand has had its void lookup counted. One term counts
/// once, however many of its names are empty: §4.6.4 limits terms.
struct Void(bool);

/// Whether `host` is `domain` or lies under it; both in normal form.
fn is_under(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

impl From<Qualifier> for Verdict {
    fn from(qualifier: Qualifier) -> Self {
        match qualifier {
            Qualifier::Pass => Verdict::Pass,
            Qualifier::Fail => Verdict::Fail,
            Qualifier::SoftFail => Verdict::SoftFail,
            Qualifier::Neutral => Verdict::Neutral,
        }
    }
}
