//! The tree of a domain's records, with its costs.

use std::net::IpAddr;

use crate::spf::{Answer, Answers, Kind, MacroFault, Mechanism, Question, Record, Selection, TermRef, names};

/// How far a survey goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Records at most.
    pub nodes: usize,
    /// Questions that the tree needs at most, answered ones included.
    pub questions: usize,
    /// Terms that cost a lookup at most.
    pub terms: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { nodes: 50, questions: 400, terms: 500 }
    }
}

/// The tree, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// The records; the first is the domain's own.
    pub nodes: Vec<Node>,
    /// The terms that cost a lookup, in the order of evaluation.
    pub order: Vec<TermRef>,
    /// Questions whose answers are needed to go on, in the order of the tree:
    /// the first is needed whatever the answers to the others are.
    pub missing: Vec<Question>,
    /// Whether the tree goes on beyond the survey's own bounds.
    pub truncated: bool,
}

/// One record of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Whose it is, or should be.
    pub domain: String,
    /// The term that leads here; absent for the first.
    pub parent: Option<TermRef>,
    /// How it is used.
    pub used: Use,
    /// How many terms lead here.
    pub depth: usize,
    /// What was found.
    pub state: NodeState,
    /// The record's text; empty without one.
    pub text: String,
    /// What its terms cost, in their order; those without lookup are left out.
    pub costs: Vec<TermCost>,
    /// Its `exp`, where it would be used: the term, the name and what is there.
    pub explanation: Option<(usize, String, Explanation)>,
}

/// How a record is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// It is the domain's own.
    Root,
    /// By `include`.
    Include,
    /// By `redirect`.
    Redirect,
}

/// What was found at a domain of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeState {
    /// Not known yet.
    Pending,
    /// DNS gave no answer.
    Failed,
    /// DNS cannot be asked: the name has one label, or an empty or over-long one.
    BadName,
    /// The domain does not exist.
    NxDomain,
    /// It has no SPF record; maybe something that looks like one.
    NoRecord(Selection),
    /// It has more than one.
    Several(Selection),
    /// It is being evaluated already: the node of the same domain above.
    Loop(usize),
    /// Its record.
    Record(Record),
}

/// What one term costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TermCost {
    /// The term, as an index into the record's terms.
    pub term: usize,
    /// The name that DNS is asked about; absent where it depends on the message.
    pub name: Option<String>,
    /// The node that it leads to.
    pub child: Option<usize>,
    /// What was found.
    pub state: CostState,
    /// For senders of which family it costs a void lookup.
    pub void: Families,
}

/// The families of addresses for which something holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Families {
    /// IPv4.
    pub v4: bool,
    /// IPv6.
    pub v6: bool,
}

impl Families {
    /// Whether it holds for the family whose addresses stand in records of this type.
    pub fn has(self, family: Kind) -> bool {
        if family == Kind::Aaaa { self.v6 } else { self.v4 }
    }
}

/// What a term finds in DNS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CostState {
    /// Not known yet.
    Pending,
    /// It depends on the message: the name holds such macros, or it is `ptr`.
    Depends,
    /// DNS cannot be asked about such a name.
    BadName,
    /// These questions got no answer.
    Failed(Vec<Question>),
    /// Nothing of either address family: a void lookup.
    Void,
    /// What an `mx` yields.
    Exchanges {
        /// How many names; none where the only exchange is the root, which says "no mail" (RFC 7505).
        names: usize,
        /// Those of the first ten that have no address.
        dead: Vec<String>,
    },
    /// It finds something.
    Found,
    /// It leads to another record.
    Child,
}

impl CostState {
    /// Whether the term costs a void lookup, whoever sends.
    pub fn is_void(&self) -> bool {
        match self {
            CostState::Void => true,
            CostState::Exchanges { dead, .. } => !dead.is_empty(),
            _ => false,
        }
    }
}

/// What is found where an `exp` points to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Explanation {
    /// Not known yet.
    Pending,
    /// DNS gave no answer.
    Failed,
    /// Nothing.
    Missing,
    /// More than one text.
    Several(usize),
    /// A text that is not ASCII.
    NotAscii,
    /// A text with a macro that cannot be read.
    Macro(MacroFault),
    /// A text.
    Readable,
}

impl Node {
    /// The record, where there is one.
    pub fn record(&self) -> Option<&Record> {
        match &self.state {
            NodeState::Record(record) => Some(record),
            _ => None,
        }
    }

    /// The cost of one of its terms.
    pub fn cost(&self, term: usize) -> Option<&TermCost> {
        self.costs.iter().find(|cost| cost.term == term)
    }
}

impl Survey {
    /// The domain's own node.
    pub fn root(&self) -> Option<&Node> {
        self.nodes.first()
    }

    /// Terms that cost a lookup where nothing matches (RFC 7208 §4.6.4).
    pub fn lookups(&self) -> usize {
        self.order.len()
    }

    /// What its terms cost, in the order of evaluation.
    pub fn costs(&self) -> impl Iterator<Item = &TermCost> {
        self.order.iter().filter_map(|at| self.cost(*at))
    }

    /// The terms that cost a void lookup whoever sends.
    pub fn voids(&self) -> impl Iterator<Item = TermRef> {
        self.order.iter().copied().filter(|at| self.cost(*at).is_some_and(|cost| cost.state.is_void()))
    }

    /// The terms in the order in which a receiver comes to them for a sender
    /// that none of them matches (RFC 7208 §4.6.2): up to `all`, what an
    /// include leads to after the include, a redirect at the end.
    pub fn sequence(&self) -> Vec<TermRef> {
        let mut sequence = Vec::new();
        self.come_to(0, &mut sequence);
        sequence
    }

    fn come_to(&self, record: usize, sequence: &mut Vec<TermRef>) {
        let Some(node) = self.nodes.get(record) else { return };
        let Some(terms) = node.record() else { return };
        let redirect = terms.redirect().filter(|_| terms.all().is_none()).map(|(term, _)| (term, true));
        let directives = terms.directives().map(|(term, one)| (term, matches!(one.mechanism, Mechanism::Include(_))));
        let end = terms.all().map_or(usize::MAX, |(all, _)| all);
        for (term, leads_on) in directives.take_while(|(term, _)| *term <= end).chain(redirect) {
            sequence.push(TermRef { record, term });
            if let Some(child) = node.cost(term).filter(|_| leads_on).and_then(|cost| cost.child) {
                self.come_to(child, sequence);
            }
        }
    }

    /// The hosts whose addresses `a` or `mx` matches, in order; none for other
    /// terms, and where the name depends on the message.
    pub fn hosts(&self, at: TermRef, known: &Answers) -> Vec<String> {
        let node = self.nodes.get(at.record);
        let directive = node.and_then(|node| node.record()?.directives().find(|(term, _)| *term == at.term));
        let name = self.cost(at).and_then(|cost| cost.name.clone());
        match (directive.map(|(_, one)| &one.mechanism), name) {
            (Some(Mechanism::A(..)), Some(name)) => vec![name],
            (Some(Mechanism::Mx(..)), Some(name)) => match known.get(&name, Kind::Mx) {
                Some(Answer::Names(hosts)) => names::exchanges(hosts),
                _ => Vec::new(),
            },
            _ => Vec::new(),
        }
    }

    /// The addresses that `a` or `mx` finds, of both families.
    pub fn addresses(&self, at: TermRef, known: &Answers) -> Vec<IpAddr> {
        let of = |host: String| {
            [Kind::A, Kind::Aaaa].into_iter().filter_map(move |kind| known.addresses(&host, kind)).flatten().copied()
        };
        self.hosts(at, known).into_iter().flat_map(of).collect()
    }

    /// What a term costs by itself.
    pub fn cost(&self, at: TermRef) -> Option<&TermCost> {
        self.nodes.get(at.record)?.cost(at.term)
    }

    /// What a term costs together with all that it leads to.
    pub fn lookups_of(&self, at: TermRef) -> usize {
        self.order.iter().filter(|one| **one == at || self.is_below(one.record, at)).count()
    }

    /// A term's text; empty for a term that is not there.
    pub fn text(&self, at: TermRef) -> &str {
        let node = self.nodes.get(at.record);
        node.and_then(|node| Some(node.record()?.terms.get(at.term)?.span.of(&node.text))).unwrap_or("")
    }

    /// The terms that lead to a node, outermost first.
    pub fn path(&self, node: usize) -> Vec<TermRef> {
        let mut path = Vec::new();
        let mut next = self.nodes.get(node).and_then(|node| node.parent);
        while let Some(at) = next {
            path.push(at);
            next = self.nodes[at.record].parent;
        }
        path.reverse();
        path
    }

    /// Whether an include leads to a node, itself or by redirects and further
    /// includes: only who passes it matters then, no other result and no explanation.
    pub fn is_included(&self, node: usize) -> bool {
        let mut next = self.nodes.get(node);
        while let Some(node) = next {
            if node.used == Use::Include {
                return true;
            }
            next = node.parent.and_then(|parent| self.nodes.get(parent.record));
        }
        false
    }

    fn is_below(&self, node: usize, at: TermRef) -> bool {
        let mut next = self.nodes[node].parent;
        while let Some(parent) = next {
            if parent == at {
                return true;
            }
            next = self.nodes[parent.record].parent;
        }
        false
    }
}
