//! What a domain's whole tree of records holds and costs, whoever sends.

mod tree;

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr},
};

pub use tree::{CostState, Explanation, Families, Limits, Node, NodeState, Survey, TermCost, Use};

use super::{
    Answer, Answers, Directive, Expansion, Kind, MacroLetter, MacroPlace, MacroString, Mechanism, NAME_LIMIT, Question,
    Record, TermRef, names, parse, select,
};

/// Walks the records of `domain`, its includes and its redirects, as far as
/// answers are known; what is missing stands in [`Survey::missing`], all of
/// it at once. Names made of macros that depend on the message stay unasked.
///
/// Unlike [`super::check_host`] it ends at no match and at no limit but its
/// own, so that the true cost of a record over the limit can be told.
pub fn survey(domain: &str, known: &Answers, limits: Limits) -> Survey {
    let root = names::normal(domain);
    let mut walk = Walk { root: &root, known, limits, needed: BTreeSet::new(), done: Survey::default() };
    walk.node(root.clone(), None, Use::Root);
    walk.done
}

/// The name that `target` is in the record of `domain`, for mail from
/// `sender_domain`; `None` where it depends on more of the message.
pub fn fixed_name(target: &MacroString, domain: &str, sender_domain: &str) -> Option<String> {
    let fixed = |letter| matches!(letter, MacroLetter::Domain | MacroLetter::SenderDomain);
    if !target.letters().all(fixed) {
        return None;
    }
    let sender = format!("postmaster@{sender_domain}");
    let values = Expansion {
        sender: &sender,
        domain,
        ip: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        helo: "",
        receiver: None,
        validated: None,
        time: None,
    };
    Some(names::into_normal(target.expand_name(&values)))
}

struct Walk<'a> {
    root: &'a str,
    known: &'a Answers,
    limits: Limits,
    /// The questions that this walk has come to.
    needed: BTreeSet<Question>,
    done: Survey,
}

impl Walk<'_> {
    /// Adds the node of `domain` and everything below; `None` beyond the bounds.
    fn node(&mut self, domain: String, parent: Option<TermRef>, used: Use) -> Option<usize> {
        if self.done.nodes.len() >= self.limits.nodes {
            self.done.truncated = true;
            return None;
        }
        let at = self.done.nodes.len();
        let depth = parent.map_or(0, |parent| self.done.nodes[parent.record].depth + 1);
        let (state, record) = self.read(&domain, parent);
        let text = String::new();
        self.done.nodes.push(Node { domain, parent, used, depth, state, text, costs: Vec::new(), explanation: None });
        if let Some((text, record)) = record {
            self.done.nodes[at].text = text;
            self.terms(at, &record);
            self.done.nodes[at].state = NodeState::Record(record);
        }
        Some(at)
    }

    fn read(&mut self, domain: &str, parent: Option<TermRef>) -> (NodeState, Option<(String, Record)>) {
        if let Some(ancestor) = self.ancestor(domain, parent) {
            return (NodeState::Loop(ancestor), None);
        }
        if !names::is_queryable(domain) || !domain.contains('.') {
            return (NodeState::BadName, None);
        }
        let texts = match self.ask(domain, Kind::Txt) {
            None => return (NodeState::Pending, None),
            Some(Answer::Failed) => return (NodeState::Failed, None),
            Some(Answer::NxDomain) => return (NodeState::NxDomain, None),
            Some(Answer::Texts(texts)) => texts.as_slice(),
            Some(_) => &[],
        };
        let mut selection = select(texts);
        match selection.records.len() {
            0 => (NodeState::NoRecord(selection), None),
            1 => {
                let text = selection.records.remove(0).text;
                let record = parse(&text);
                (NodeState::Pending, Some((text, record)))
            }
            _ => (NodeState::Several(selection), None),
        }
    }

    /// The node above `parent` and including it that is `domain`'s.
    fn ancestor(&self, domain: &str, parent: Option<TermRef>) -> Option<usize> {
        let mut next = parent.map(|parent| parent.record);
        while let Some(at) = next {
            let node = &self.done.nodes[at];
            if node.domain == domain {
                return Some(at);
            }
            next = node.parent.map(|parent| parent.record);
        }
        None
    }

    /// The terms of a record that an evaluation can come to.
    fn terms(&mut self, at: usize, record: &Record) {
        let end = record.all().map_or(usize::MAX, |(all, _)| all);
        for (term, directive) in record.directives().filter(|(term, _)| *term < end) {
            if directive.mechanism.costs_lookup() && self.done.order.len() >= self.limits.terms {
                self.done.truncated = true;
                break;
            }
            self.directive(TermRef { record: at, term }, directive);
        }
        if let (usize::MAX, Some((term, target))) = (end, record.redirect()) {
            self.descend(TermRef { record: at, term }, target, Use::Redirect);
        }
        if !self.done.is_included(at) {
            self.explanation(at, record);
        }
    }

    fn directive(&mut self, here: TermRef, directive: &Directive) {
        match &directive.mechanism {
            Mechanism::All | Mechanism::Ip(_) => {}
            Mechanism::Include(target) => self.descend(here, target, Use::Include),
            Mechanism::Ptr(_) => self.cost(here, None, CostState::Depends, Families::default()),
            mechanism => {
                let name = match mechanism.target() {
                    None => Some(self.done.nodes[here.record].domain.clone()),
                    Some(target) => self.expand(target, here.record),
                };
                let state = match &name {
                    None => CostState::Depends,
                    Some(name) if !names::is_queryable(name) => CostState::BadName,
                    Some(name) => self.resolve(mechanism, name),
                };
                let name_known = name.as_deref().unwrap_or_default();
                let void = Families {
                    v4: self.is_void(mechanism, name_known, Kind::A),
                    v6: self.is_void(mechanism, name_known, Kind::Aaaa),
                };
                self.cost(here, name, state, void);
            }
        }
    }

    fn cost(&mut self, at: TermRef, name: Option<String>, state: CostState, void: Families) {
        self.done.order.push(at);
        self.done.nodes[at.record].costs.push(TermCost { term: at.term, name, child: None, state, void });
    }

    /// Whether a mechanism costs senders of one family a void lookup: receivers
    /// ask for addresses of the sender's family only (RFC 7208 §5).
    fn is_void(&self, mechanism: &Mechanism, name: &str, family: Kind) -> bool {
        match (mechanism, self.learnt(name, Kind::Mx)) {
            (Mechanism::Exists(_), _) => self.learnt(name, Kind::A).is_some_and(Answer::is_void),
            (Mechanism::Mx(..), Some(Answer::Names(hosts))) if !hosts.is_empty() => {
                let void = |host: &String| self.learnt(host, family).is_some_and(Answer::is_void);
                names::exchanges(hosts).iter().take(NAME_LIMIT).any(void)
            }
            (Mechanism::Mx(..), answer) => answer.is_some_and(Answer::is_void),
            _ => self.learnt(name, family).is_some_and(Answer::is_void),
        }
    }

    /// The answer to a question that this walk has asked.
    fn learnt(&self, name: &str, kind: Kind) -> Option<&Answer> {
        self.known.get(name, kind).filter(|_| self.needed.contains(&Question::new(name, kind)))
    }

    fn descend(&mut self, here: TermRef, target: &MacroString, used: Use) {
        let name = self.expand(target, here.record);
        let state = if name.is_some() { CostState::Child } else { CostState::Depends };
        self.cost(here, name.clone(), state, Families::default());
        let slot = self.done.nodes[here.record].costs.len() - 1;
        if let Some(name) = name {
            let child = self.node(name, Some(here), used);
            self.done.nodes[here.record].costs[slot].child = child;
        }
    }

    /// What `a`, `mx` and `exists` find at `name`.
    fn resolve(&mut self, mechanism: &Mechanism, name: &str) -> CostState {
        match mechanism {
            Mechanism::Exists(_) => match self.ask(name, Kind::A) {
                None => CostState::Pending,
                Some(Answer::Failed) => CostState::Failed(vec![Question::new(name, Kind::A)]),
                Some(answer) if answer.is_void() => CostState::Void,
                Some(_) => CostState::Found,
            },
            Mechanism::Mx(..) => match self.ask(name, Kind::Mx) {
                None => CostState::Pending,
                Some(Answer::Failed) => CostState::Failed(vec![Question::new(name, Kind::Mx)]),
                Some(Answer::Names(hosts)) => {
                    let hosts: Vec<String> =
                        hosts.iter().map(|host| names::normal(host)).filter(|host| !host.is_empty()).collect();
                    self.exchanges(&hosts)
                }
                Some(_) => CostState::Void,
            },
            _ => self.host(name),
        }
    }

    fn exchanges(&mut self, hosts: &[String]) -> CostState {
        let mut failed = Vec::new();
        let mut dead = Vec::new();
        let mut pending = false;
        for host in hosts.iter().take(NAME_LIMIT) {
            match self.host(host) {
                CostState::Pending => pending = true,
                CostState::Failed(questions) => failed.extend(questions),
                CostState::Void => dead.push(host.clone()),
                _ => {}
            }
        }
        if pending {
            CostState::Pending
        } else if !failed.is_empty() {
            CostState::Failed(failed)
        } else {
            CostState::Exchanges { names: hosts.len(), dead }
        }
    }

    /// Whether a name has an address of either family.
    fn host(&mut self, name: &str) -> CostState {
        if !names::is_queryable(name) {
            return CostState::Void;
        }
        let mut state = CostState::Void;
        for kind in [Kind::A, Kind::Aaaa] {
            let found = match self.ask(name, kind) {
                None => CostState::Pending,
                Some(Answer::Failed) => CostState::Failed(vec![Question::new(name, kind)]),
                Some(answer) if answer.is_void() => continue,
                Some(_) => CostState::Found,
            };
            state = match (state, found) {
                // An address of one family is enough to know, whatever became of the other.
                (CostState::Found, _) | (_, CostState::Found) => CostState::Found,
                (CostState::Pending, _) | (_, CostState::Pending) => CostState::Pending,
                (_, found) => found,
            };
        }
        state
    }

    fn explanation(&mut self, at: usize, record: &Record) {
        let Some((term, target)) = record.explanation() else { return };
        let Some(name) = self.expand(target, at).filter(|name| names::is_queryable(name)) else { return };
        let state = match self.ask(&name, Kind::Txt) {
            None => Explanation::Pending,
            Some(Answer::Failed) => Explanation::Failed,
            Some(Answer::Texts(texts)) => match texts.as_slice() {
                [] => Explanation::Missing,
                [text] if !text.is_ascii() => Explanation::NotAscii,
                [text] => {
                    let (_, faults) = MacroString::parse(&String::from_utf8_lossy(text), MacroPlace::Explanation);
                    faults.first().map_or(Explanation::Readable, |(_, fault)| Explanation::Macro(*fault))
                }
                texts => Explanation::Several(texts.len()),
            },
            Some(_) => Explanation::Missing,
        };
        self.done.nodes[at].explanation = Some((term, name, state));
    }

    /// A name that is the same for every message from the domain.
    fn expand(&self, target: &MacroString, at: usize) -> Option<String> {
        fixed_name(target, &self.done.nodes[at].domain, self.root)
    }

    /// The answer to a question, or a note that it is missing. What counts
    /// against the bound is what this walk needs, in its order: so that a walk
    /// over more answers, or over answers that came in another order, ends at
    /// the same tree.
    fn ask(&mut self, name: &str, kind: Kind) -> Option<&Answer> {
        let question = Question::new(name, kind);
        if !self.needed.contains(&question) {
            if self.needed.len() >= self.limits.questions {
                self.done.truncated = true;
                return None;
            }
            self.needed.insert(question.clone());
            if self.known.get(name, kind).is_none() {
                self.done.missing.push(question);
            }
        }
        self.known.get(name, kind)
    }
}
