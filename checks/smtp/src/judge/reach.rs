//! Servers to which there was no connection: whose side is it?

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use engine_plugin_api::{Cause, CauseKind, Confidence, Evidence, Remedy, Subject, Unknown};

use super::Standing;
use crate::{
    UNREACHABLE,
    facts::{Facts, Reach, Server},
    gather::{Fault, Gathered},
    text,
};

/// Judges the servers that were not reached; how it stands with each.
///
/// A family of addresses is judged by itself: where one server of the family
/// answers, our side lets port 25 through. Where none does, silence and
/// refusals in several networks look the same as a network of ours that lets
/// nothing out.
pub fn judge(facts: &Facts, out: &mut Gathered) -> Vec<Standing> {
    let mut standings = Vec::new();
    for family in [IpAddr::is_ipv4, IpAddr::is_ipv6] {
        let servers: Vec<&Server> = facts.servers.iter().filter(|server| family(&server.address())).collect();
        let open = servers.iter().any(|server| server.reach() == Reach::Open);
        let refusing: Vec<&Server> =
            servers.iter().copied().filter(|server| matches!(server.reach(), Reach::Refused(_))).collect();
        let networks: BTreeSet<IpAddr> = refusing.iter().map(|server| network(server.address())).collect();
        let believed = open || networks.len() == 1;
        let mut suspects = Vec::new();
        let mut not_tried = Vec::new();
        for server in servers {
            match server.reach() {
                Reach::Open => continue,
                Reach::Refused(why) if believed => {
                    standings.push(Standing::Blocked);
                    let fault = unreachable(server, &format!("takes no connection: {why}."));
                    out.fault(if open { fault } else { fault.confidence(Confidence::Medium) });
                    continue;
                }
                Reach::Silent(_) if open => {
                    standings.push(Standing::Blocked);
                    let fault = unreachable(server, "does not answer when a connection is opened, and others do.");
                    out.fault(fault.confidence(Confidence::Medium));
                    continue;
                }
                Reach::NotTried(cause) if cause.kind != CauseKind::OurSide => not_tried.push((server, cause)),
                Reach::NotTried(cause) | Reach::Silent(cause) => suspects.push((server, cause)),
                Reach::Refused(why) => {
                    let cause = Cause::new(CauseKind::Unreachable, format!("{}: {why}", server.place()));
                    suspects.push((server, cause.seen_in(&server.reply.evidence)));
                }
            }
            standings.push(Standing::Unknown);
        }
        suspected(facts, &suspects, out);
        for (server, cause) in not_tried {
            // Addresses that are not on the internet are what `mx` looks at.
            if ip_scope::is_global(server.address()) {
                let subject = Subject::Host(server.host().to_owned());
                out.unknown(Unknown::new(subject, format!("how {} answers", server.place()), cause));
            }
        }
    }
    standings
}

fn unreachable(server: &Server, what: &str) -> Fault {
    let remedy = Remedy::step(
        "Start the mail server there, let port 25 through its firewall to everyone, or take the host out of the MX \
         records.",
    );
    let mut evidence = Evidence::of(&server.reply.evidence);
    if let Some(line) = server.reply.transcript.last() {
        evidence = Evidence::quoting(&server.reply.evidence, &line.text);
    }
    Fault::new(UNREACHABLE, server, what).evidence(evidence).remedy(remedy)
}

/// One thing that could not be told, for all servers that may be hidden by
/// our side.
fn suspected(facts: &Facts, suspects: &[(&Server, Cause)], out: &mut Gathered) {
    let Some((_, first)) = suspects.first() else { return };
    let places: Vec<String> = suspects.iter().map(|(server, _)| server.place()).collect();
    let details: BTreeSet<&str> = suspects.iter().map(|(_, cause)| cause.detail.as_str()).collect();
    let mut cause = Cause { kind: CauseKind::OurSide, ..first.clone() };
    if suspects.iter().any(|(_, cause)| cause.kind != CauseKind::OurSide) {
        let details: Vec<&str> = details.into_iter().take(3).collect();
        cause.detail =
            format!("{}; a network of ours that lets nothing out on port 25 looks the same", details.join("; "));
    }
    let unknown = Unknown::new(
        Subject::Domain(facts.domain.clone()),
        format!("whether {} take mail", text::list(&places)),
        cause,
    );
    out.unknown(unknown.advice(
        "look at our own side with `engine run --only vantage`, or ask from a network that may send mail: many \
         providers block port 25 to the outside",
    ));
}

/// The network that an address is likely routed and run as one with: /24, /48.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            Ipv4Addr::new(a, b, c, 0).into()
        }
        IpAddr::V6(v6) => {
            let [a, b, c, ..] = v6.segments();
            Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0).into()
        }
    }
}
