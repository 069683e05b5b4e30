//! Lookups that find nothing: for every sender, or for those of one family only.

use engine_plugin_api::{Finding, Judgement, Remedy, Severity};
use mail_syntax::spf::{CostState, Kind, Mechanism, Network, Qualifier, TermRef, VOID_LIMIT};

use super::{policy, reach, words};
use crate::{TOO_MANY_VOIDS, VOIDS_OF_ONE_FAMILY, facts::Facts};

/// The limit of two void lookups (RFC 7208 §4.6.4).
pub fn judge(facts: &Facts, out: &mut Judgement) {
    let survey = &facts.survey;
    let voids: Vec<TermRef> = survey.voids().collect();
    if voids.len() <= VOID_LIMIT {
        by_family(facts).iter().for_each(|excess| one_family(facts, excess, out));
        return;
    }
    let terms: Vec<&str> = voids.iter().map(|at| survey.text(*at)).collect();
    let seen = format!(
        "{} in the SPF tree of {} lead to nothing, wholly or in part, and {VOID_LIMIT} may: {}. Receivers that count \
         them end with `permerror`.",
        words::plural(voids.len(), "term"),
        facts.domain,
        words::list(&terms)
    );
    let dead: Vec<usize> = voids
        .iter()
        .filter(|at| at.record == 0 && survey.cost(**at).is_some_and(|cost| cost.state == CostState::Void))
        .map(|at| at.term)
        .collect();
    let partly = voids.iter().filter(|at| at.record == 0).count() - dead.len();
    let remedy = match words::own(facts).filter(|_| voids.len() - dead.len() <= VOID_LIMIT) {
        Some((root, record)) => {
            let step = "Take the terms out that find nothing; they authorise nobody now.";
            words::replace(facts, root, step, &words::without_dead(facts, root, record, &dead))
        }
        None if partly > 0 => {
            Remedy::step("Give every exchange that `mx` leads to an address, or take its MX record away.")
        }
        None => Remedy::step("Ask whoever runs the included records to take out the terms that find nothing."),
    };
    let finding = words::finding(facts, TOO_MANY_VOIDS, seen).remedy(remedy);
    let evidence = voids.iter().take(10).map(|at| {
        let partly = survey.cost(*at).is_some_and(|cost| matches!(cost.state, CostState::Exchanges { .. }));
        words::at(facts, *at, if partly { "has exchanges without address" } else { "finds nothing" })
    });
    out.find(evidence.fold(finding, Finding::evidence));
}

/// A family whose senders cost more void lookups than are allowed.
pub struct Excess {
    /// The type of the records that hold its addresses.
    family: Kind,
    /// The terms that find nothing for it, in the order of evaluation.
    voids: Vec<TermRef>,
    /// The terms behind the third void lookup that authorise senders of the family.
    lost: Vec<TermRef>,
}

/// The families whose senders come to a third void lookup, although no three
/// terms find nothing for everyone: receivers ask for addresses of the sender's
/// family only (RFC 7208 §4.6.4, §5).
pub fn by_family(facts: &Facts) -> Vec<Excess> {
    let survey = &facts.survey;
    let sequence = survey.sequence();
    let end = reach::end(facts, &sequence).unwrap_or(sequence.len());
    let reached = &sequence[..end.min(sequence.len())];
    let excess = |family: Kind| {
        let void = |at: &TermRef| survey.cost(*at).is_some_and(|cost| cost.void.has(family));
        let voids: Vec<TermRef> = reached.iter().copied().filter(void).collect();
        let third = *voids.get(VOID_LIMIT)?;
        let behind = reached.iter().copied().skip_while(|at| *at != third);
        let lost = behind.filter(|at| authorises(facts, *at, family, *at == third)).collect();
        Some(Excess { family, voids, lost })
    };
    [Kind::A, Kind::Aaaa].into_iter().filter_map(excess).collect()
}

/// Whether a term lets senders of a family pass, as far as can be told without
/// a sender; of the term at the `third` void lookup, those that come after it.
fn authorises(facts: &Facts, at: TermRef, family: Kind, third: bool) -> bool {
    let survey = &facts.survey;
    let record = survey.nodes.get(at.record).and_then(|node| node.record());
    let directive = record.and_then(|record| record.directives().find(|(term, _)| *term == at.term));
    let Some((_, directive)) = directive.filter(|(_, one)| one.qualifier == Qualifier::Pass) else { return false };
    let depends = survey.cost(at).is_some_and(|cost| cost.state == CostState::Depends);
    let passes = match &directive.mechanism {
        Mechanism::Ip(network) => network.address.is_ipv6() == (family == Kind::Aaaa),
        Mechanism::All => true,
        Mechanism::Include(_) | Mechanism::Ptr(_) => depends,
        Mechanism::Exists(_) => depends || survey.cost(at).is_some_and(|cost| cost.state == CostState::Found),
        Mechanism::A(..) | Mechanism::Mx(..) => {
            let hosts = survey.hosts(at, &facts.known);
            let has_address = |host: &String| facts.known.addresses(host, family).is_some_and(|all| !all.is_empty());
            let mut hosts = hosts.iter().skip_while(|host| third && has_address(host));
            depends || hosts.any(has_address)
        }
    };
    passes && policy::is_passing(facts, at.record)
}

fn one_family(facts: &Facts, excess: &Excess, out: &mut Judgement) {
    let Excess { family, voids, lost } = excess;
    let (by, rtype) = if *family == Kind::Aaaa { ("IPv6", "AAAA") } else { ("IPv4", "A") };
    let texts: Vec<&str> = voids.iter().map(|at| facts.survey.text(*at)).collect();
    let third = texts[VOID_LIMIT];
    let mut seen = format!(
        "For a server that sends by {by}, receivers look for {rtype} records, and {} in the SPF tree of {} lead to a name \
         without one: {}. {VOID_LIMIT} may; receivers that count them end with `permerror` at `{third}`.",
        words::plural(voids.len(), "term"),
        facts.domain,
        words::list(&texts),
    );
    let hit: Vec<&str> = lost.iter().map(|at| facts.survey.text(*at)).collect();
    seen.push_str(&match hit.is_empty() {
        true => format!(
            " No {by} server that the record authorises is touched: it concerns only strangers, who get `permerror` \
             instead of the result that the record has for them."
        ),
        false => {
            format!(" So {by} servers do not pass that are authorised only by what comes after: {}.", words::list(&hit))
        }
    });
    let remedy = if hit.is_empty() {
        Remedy::step(format!(
            "Nothing presses while no server of the domain sends by {by}. Before one does, name the hosts of these terms \
             by `ip4:` and `ip6:`, which cost no lookup."
        ))
    } else {
        by_address(facts, excess)
    };
    let finding = words::finding(facts, VOIDS_OF_ONE_FAMILY, seen).remedy(remedy);
    let label = format!("no {rtype} record");
    let evidence = voids.iter().take(10).map(|at| words::at(facts, *at, label.as_str()));
    let finding = evidence.fold(finding, Finding::evidence);
    out.find(if hit.is_empty() { finding } else { finding.severity(Severity::Error) });
}

/// Addresses up to which a term is replaced by them.
const FEW: usize = 4;

/// Naming the hosts of the record's own terms by their addresses, where that is enough.
fn by_address(facts: &Facts, excess: &Excess) -> Remedy {
    let step = "Name the hosts of these terms by `ip4:` and `ip6:`, which cost no lookup, or put what authorises the \
                servers behind them in front.";
    let Some((root, record)) = words::own(facts) else { return Remedy::step(step) };
    let networks = |at: TermRef| -> Option<Vec<Network>> {
        let (_, directive) = record.directives().find(|(term, _)| *term == at.term)?;
        let (Mechanism::A(_, cidr) | Mechanism::Mx(_, cidr)) = &directive.mechanism else { return None };
        let known = matches!(facts.survey.cost(at)?.state, CostState::Found | CostState::Exchanges { .. });
        let addresses = facts.survey.addresses(at, &facts.known);
        let few = known && (1..=FEW).contains(&addresses.len());
        few.then(|| addresses.into_iter().map(|address| cidr.around(address)).collect())
    };
    let own: Vec<(TermRef, Vec<Network>)> =
        excess.voids.iter().filter(|at| at.record == 0).filter_map(|at| Some((*at, networks(*at)?))).collect();
    if excess.voids.len() - own.len() > VOID_LIMIT {
        return Remedy::step(step);
    }
    let written = |word: &str, networks: &[Network]| {
        let sign = &word[..word.len() - word.trim_start_matches(['+', '-', '~', '?']).len()];
        let term =
            |network: &Network| format!("{sign}{}:{network}", if network.address.is_ipv4() { "ip4" } else { "ip6" });
        networks.iter().map(term).collect::<Vec<_>>().join(" ")
    };
    let text = words::edited(root, record, |term, word| {
        own.iter().find(|(at, _)| at.term == term).map(|(_, networks)| written(word, networks))
    });
    let step = format!(
        "{step} The record given names the same addresses as these terms find now; when a host moves, it has to be \
         changed."
    );
    words::replace(facts, root, step, &text)
}
