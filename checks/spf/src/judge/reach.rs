//! How far a receiver gets with a sender whom no term matches.

use mail_syntax::spf::{CostState, LOOKUP_LIMIT, NAME_LIMIT, Node, NodeState, TermRef, VOID_LIMIT};

use crate::facts::Facts;

/// Whether receivers, or those that count void lookups, end in `permerror` for
/// some sender whom no term matches.
pub fn is_broken(facts: &Facts) -> bool {
    ends_in_permerror(facts) || facts.survey.voids().count() > VOID_LIMIT || !super::voids::by_family(facts).is_empty()
}

/// Whether the tree makes every evaluation that comes there end in `permerror`.
pub fn ends_in_permerror(facts: &Facts) -> bool {
    end(facts, &facts.survey.sequence()).is_some()
}

/// Where in the sequence of the terms every evaluation that comes so far ends
/// in `permerror`: at a record that is none, at the eleventh lookup, at an `mx`
/// with too many exchanges (RFC 7208 §4.6, §4.6.4).
pub fn end(facts: &Facts, sequence: &[TermRef]) -> Option<usize> {
    let survey = &facts.survey;
    if survey.root().is_some_and(is_no_record) {
        return Some(0);
    }
    let mut lookups = 0;
    sequence.iter().position(|at| {
        let Some(cost) = survey.cost(*at) else { return false };
        lookups += 1;
        lookups > LOOKUP_LIMIT
            || matches!(&cost.state, CostState::Exchanges { names, .. } if *names > NAME_LIMIT)
            || cost.child.and_then(|child| survey.nodes.get(child)).is_some_and(is_no_record)
    })
}

/// Whether a receiver comes to the term `at` at all.
pub fn is_reached(facts: &Facts, at: TermRef) -> bool {
    let sequence = facts.survey.sequence();
    let place = sequence.iter().position(|one| *one == at);
    place.is_some_and(|place| end(facts, &sequence).is_none_or(|end| place < end))
}

fn is_no_record(node: &Node) -> bool {
    match &node.state {
        NodeState::Record(record) => record.is_broken(),
        NodeState::Pending | NodeState::Failed => false,
        _ => true,
    }
}
