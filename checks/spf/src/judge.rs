//! From facts to findings. Pure.

mod bounds;
mod combine;
mod cost;
mod cover;
mod discovery;
mod merge;
mod missing;
mod networks;
mod policy;
mod private;
mod reach;
mod recheck;
mod result;
mod syntax;
mod tree;
mod union;
mod voids;
mod words;

use engine_plugin_api::{Judgement, Unknown};
use mail_syntax::spf::{CostState, Explanation, Kind, NodeState, Question, TermRef};

use crate::{Config, facts::Facts};

pub use recheck::unasked;

/// Judges the facts.
pub fn judge(facts: &Facts, config: &Config) -> Judgement {
    let mut out = found(facts, config);
    recheck::offers(facts, config, &mut out);
    out
}

/// The same, before the records that remedies offer are judged in their turn.
fn found(facts: &Facts, config: &Config) -> Judgement {
    let mut out = Judgement::default();
    let joined = syntax::joined(facts);
    discovery::judge(facts, joined.as_ref(), &mut out);
    syntax::judge(facts, joined.as_ref(), &mut out);
    policy::judge(facts, joined.as_ref(), &mut out);
    networks::judge(facts, config, &mut out);
    private::judge(facts, &mut out);
    tree::judge(facts, joined.as_ref(), &mut out);
    result::judge(facts, &mut out);
    unanswered(facts, &mut out);
    combine::repairs(facts, &mut out);
    bounds::keep(&mut out);
    out
}

/// One unknown for each question of the tree that got no answer.
fn unanswered(facts: &Facts, out: &mut Judgement) {
    let mut told: Vec<Question> = Vec::new();
    let mut tell = |question: Question, what: String| {
        if told.contains(&question) {
            return;
        }
        if let Some(cause) = facts.replies.get(&question).and_then(|seen| seen.cause.clone()) {
            out.unknown(Unknown::new(words::subject(facts), what, cause));
        }
        told.push(question);
    };
    for (at, node) in facts.survey.nodes.iter().enumerate() {
        if node.state == NodeState::Failed {
            let what = match node.parent {
                None => format!("whether {} has an SPF record", node.domain),
                Some(term) => format!("whom `{}` authorises", facts.survey.text(term)),
            };
            tell(Question::new(&node.domain, Kind::Txt), what);
        }
        for cost in &node.costs {
            if let CostState::Failed(questions) = &cost.state {
                let term = facts.survey.text(TermRef { record: at, term: cost.term });
                for question in questions {
                    tell(question.clone(), format!("what `{term}` in the record of {} matches", node.domain));
                }
            }
        }
        if let Some((_, name, Explanation::Failed)) = &node.explanation {
            tell(Question::new(name, Kind::Txt), format!("whether `exp={name}` leads to a text"));
        }
    }
}

#[cfg(test)]
mod tests;
