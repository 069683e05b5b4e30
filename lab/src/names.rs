//! What the names of a world hold, seen through the recursive resolver and
//! through the authoritative servers.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use hickory_proto::{
    op::ResponseCode,
    rr::{Name, RData, Record, RecordType, rdata::SOA},
};

use crate::{
    lists::List,
    world::{DnssecStatus, ExtendedError, Fault, FaultAnswer, World},
    zone,
};

/// Aliases that are followed before the resolver gives up.
const MAX_ALIASES: usize = 16;

/// The negative TTL of a start of authority that the world does not give.
const NEGATIVE_TTL: u32 = 300;

/// Every name of a world.
#[derive(Debug)]
pub(crate) struct Names {
    nodes: HashMap<Name, Vec<Record>>,
    /// The names of `nodes` and all their ancestors (RFC 8020).
    existing: HashSet<Name>,
    lists: Vec<List>,
    /// Faults by name.
    exact: HashMap<Name, Vec<Rule>>,
    /// Faults of every name below a name.
    below: HashMap<Name, Vec<Rule>>,
    /// What a validating resolver finds of zones; empty: it does not validate.
    validated: HashMap<Name, DnssecStatus>,
}

/// Where in a world something is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Line and column of the zone text, from 1.
    Zone(usize, usize),
    /// A `fault` section, from 0.
    Fault(usize),
    /// A `blocklist` section, from 0.
    Blocklist(usize),
    /// A `nameserver` section, from 0.
    NameServer(usize),
    /// An `smtp` section, from 0.
    Smtp(usize),
    /// An `http` section, from 0.
    Http(usize),
    /// A `dnssec` section, from 0.
    Dnssec(usize),
}

/// What a name holds of one type, before any fault.
#[derive(Debug)]
pub(crate) enum Look {
    Records(Vec<Record>),
    Alias(Box<Record>, Name),
    NoData,
    NxDomain,
    Silent,
}

/// What a server says to a question.
#[derive(Debug, Default)]
pub(crate) struct Reply {
    /// Time before it is said.
    pub(crate) delay: Duration,
    pub(crate) manner: Manner,
    pub(crate) rcode: ResponseCode,
    pub(crate) authoritative: bool,
    /// Validated, all of it.
    pub(crate) authentic: bool,
    pub(crate) answers: Vec<Record>,
    pub(crate) authorities: Vec<Record>,
    pub(crate) additionals: Vec<Record>,
    pub(crate) ede: Option<ExtendedError>,
}

/// How a reply is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Manner {
    #[default]
    Whole,
    /// Truncated without need, over UDP.
    TruncatedUdp,
    /// Truncated without need, over UDP and TCP.
    Truncated,
    /// Changed or damaged; see [`crate::hostile`].
    Hostile(FaultAnswer),
    Silent,
}

#[derive(Debug)]
struct Rule {
    rtype: Option<RecordType>,
    fault: Fault,
    /// The questions that it made fail last time, each at its server (`None`:
    /// the resolver); for a fault that comes and goes.
    failed: Mutex<HashSet<(Option<IpAddr>, Name, RecordType)>>,
}

impl Rule {
    /// Whether a fault that comes and goes is there: first, third, … time that
    /// this server is asked this question, whoever else is asked meanwhile.
    fn fails_now(&self, server: Option<IpAddr>, name: &Name, rtype: RecordType) -> bool {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let question = (server, name.clone(), rtype);
        !failed.remove(&question) && failed.insert(question)
    }
}

impl Names {
    pub(crate) fn new(world: &World) -> Result<Names, (Place, String)> {
        let mut names = Names {
            nodes: HashMap::new(),
            existing: HashSet::from([Name::root()]),
            lists: Vec::new(),
            exact: HashMap::new(),
            below: HashMap::new(),
            validated: HashMap::new(),
        };
        for record in zone::parse(&world.zone).map_err(|e| (Place::Zone(e.line, e.column), e.message))? {
            names.insert(record);
        }
        for (index, section) in world.blocklist.iter().enumerate() {
            let list = List::new(section).map_err(|problem| (Place::Blocklist(index), problem))?;
            if let Some(twice) = list.zones.iter().find(|zone| names.lists.iter().any(|l| l.zones.contains(zone))) {
                let problem = format!("the zone `{twice}` is in an earlier blocklist section: expected each zone once");
                return Err((Place::Blocklist(index), problem));
            }
            list.zones.iter().for_each(|zone| names.exists(zone));
            names.lists.push(list);
        }
        for (index, fault) in world.fault.iter().enumerate() {
            names.fault(fault).map_err(|problem| (Place::Fault(index), problem))?;
        }
        for (index, section) in world.dnssec.iter().enumerate() {
            let wrong = |problem| (Place::Dnssec(index), problem);
            names.validated.entry(Name::root()).or_insert(DnssecStatus::Signed);
            for zone in &section.zones {
                let name = zone::name(zone).map_err(wrong)?;
                let is_root = name.is_root();
                if names.validated.insert(name, section.status).is_some() && !is_root {
                    return Err(wrong(format!("`{zone}` is in an earlier dnssec section: expected each zone once")));
                }
            }
        }
        Ok(names)
    }

    /// The addresses of authoritative name servers, and the zones that each serves.
    pub(crate) fn name_servers(&self) -> BTreeMap<IpAddr, Vec<Name>> {
        let mut servers: BTreeMap<IpAddr, Vec<Name>> = BTreeMap::new();
        for (apex, records) in &self.nodes {
            for target in records.iter().filter_map(|record| match &record.data {
                RData::NS(target) => Some(&target.0),
                _ => None,
            }) {
                for address in self.addresses(target) {
                    let zones = servers.entry(address).or_default();
                    if !zones.contains(apex) {
                        zones.push(apex.clone());
                    }
                }
            }
        }
        servers
    }

    /// What the recursive resolver says.
    pub(crate) fn recursive(&self, name: &Name, rtype: RecordType) -> Reply {
        let reply = self.follow(None, name, rtype, |_| true);
        if !matches!(reply.rcode, ResponseCode::NoError | ResponseCode::NXDomain) || self.validated.is_empty() {
            return reply;
        }
        let targets = reply.answers.iter().filter_map(|record| match &record.data {
            RData::CNAME(target) => Some(&target.0),
            _ => None,
        });
        let found: Vec<DnssecStatus> = std::iter::once(name).chain(targets).map(|name| self.status(name)).collect();
        if found.contains(&DnssecStatus::Bogus) {
            let ede = Some(ExtendedError { code: 6, text: String::new() });
            return Reply { ede, authorities: Vec::new(), ..reply.failed(ResponseCode::ServFail) };
        }
        let authentic = found.iter().all(|status| *status == DnssecStatus::Signed);
        Reply { authentic, ..reply }
    }

    /// What a validating resolver finds at a name: that of the closest zone
    /// named. Only the root is signed without being named.
    fn status(&self, name: &Name) -> DnssecStatus {
        let mut zone = name.clone();
        loop {
            match self.validated.get(&zone) {
                Some(status) if !zone.is_root() || name.is_root() => return *status,
                _ if zone.is_root() => return DnssecStatus::Insecure,
                _ => zone = zone.base_name(),
            }
        }
    }

    /// What the authoritative server of `zones` at the address `server` says.
    pub(crate) fn authoritative(&self, server: IpAddr, zones: &[Name], name: &Name, rtype: RecordType) -> Reply {
        let Some(apex) = zones.iter().filter(|zone| zone.zone_of(name)).max_by_key(|zone| zone.num_labels()) else {
            return Reply { rcode: ResponseCode::Refused, ..Reply::default() };
        };
        if let Some(cut) = self.cut(apex, name) {
            return self.referral(&cut);
        }
        let here = |name: &Name| zones.iter().any(|zone| zone.zone_of(name) && self.cut(zone, name).is_none());
        Reply { authoritative: true, ..self.follow(Some(server), name, rtype, here) }
    }

    /// Answers from the world, following aliases to names that are `within` reach.
    fn follow(&self, server: Option<IpAddr>, name: &Name, rtype: RecordType, within: impl Fn(&Name) -> bool) -> Reply {
        let mut reply = Reply::default();
        let mut name = name.clone();
        for _ in 0..=MAX_ALIASES {
            let mut look = self.look(&name, rtype);
            if let Some(rule) = self.rule_of(server, &name, rtype) {
                let fault = &rule.fault;
                reply.delay += fault.delay.unwrap_or_default();
                reply.ede = fault.ede.clone().or(reply.ede);
                match fault.answer {
                    None => {}
                    Some(FaultAnswer::Servfail) => return reply.failed(ResponseCode::ServFail),
                    Some(FaultAnswer::Refused) => return reply.failed(ResponseCode::Refused),
                    Some(FaultAnswer::Formerr) => return reply.failed(ResponseCode::FormErr),
                    Some(FaultAnswer::Nxdomain) => look = Look::NxDomain,
                    Some(FaultAnswer::Timeout) => return Reply { manner: Manner::Silent, ..reply },
                    Some(FaultAnswer::Flapping) if rule.fails_now(server, &name, rtype) => {
                        return reply.failed(ResponseCode::ServFail);
                    }
                    Some(FaultAnswer::Flapping) => {}
                    Some(FaultAnswer::Truncated) => reply.manner = Manner::Truncated,
                    Some(FaultAnswer::TruncatedUdp) => reply.manner = Manner::TruncatedUdp,
                    Some(hostile) => reply.manner = Manner::Hostile(hostile),
                }
            }
            match look {
                Look::Records(records) => {
                    reply.answers.extend(records);
                    return reply;
                }
                Look::Alias(record, target) => {
                    reply.answers.push(*record);
                    if !within(&target) {
                        return reply;
                    }
                    name = target;
                }
                Look::NoData => {
                    reply.authorities.push(self.start_of_authority(name));
                    return reply;
                }
                Look::NxDomain => {
                    reply.rcode = ResponseCode::NXDomain;
                    // No zone begins at a name that does not exist.
                    reply.authorities.push(self.start_of_authority(name.base_name()));
                    return reply;
                }
                Look::Silent => return Reply { manner: Manner::Silent, ..reply },
            }
        }
        // A loop, or a chain without end: resolvers give up with SERVFAIL.
        reply.failed(ResponseCode::ServFail)
    }

    fn look(&self, name: &Name, rtype: RecordType) -> Look {
        if let Some(records) = self.nodes.get(name) {
            return pick(records, name, rtype);
        }
        let list = self.lists.iter().flat_map(|list| list.zones.iter().map(move |zone| (list, zone)));
        if let Some((list, zone)) = list.filter(|(_, z)| z.zone_of(name)).max_by_key(|(_, zone)| zone.num_labels()) {
            return if zone == name { Look::NoData } else { list.look(name, zone, rtype) };
        }
        if self.existing.contains(name) {
            return Look::NoData;
        }
        // RFC 4592 §3.3.1: only the wildcard at the closest encloser counts.
        let mut encloser = name.base_name();
        while !encloser.is_root() && !self.existing.contains(&encloser) {
            encloser = encloser.base_name();
        }
        let wildcard = encloser.prepend_label("*").ok().and_then(|wildcard| self.nodes.get(&wildcard));
        wildcard.map_or(Look::NxDomain, |records| pick(records, name, rtype))
    }

    /// The start of authority for a negative answer, its TTL as RFC 2308 §3 has
    /// it: that of the zone of `apex`, or of the nearest name above that exists.
    /// Where the world gives none, a zone begins at each registered domain.
    fn start_of_authority(&self, mut apex: Name) -> Record {
        while !apex.is_root() && !self.existing.contains(&apex) {
            apex = apex.base_name();
        }
        loop {
            for record in self.nodes.get(&apex).into_iter().flatten() {
                if let RData::SOA(soa) = &record.data {
                    return Record::from_rdata(apex.clone(), record.ttl.min(soa.minimum), record.data.clone());
                }
            }
            let cut = self.nodes.get(&apex).is_some_and(|r| r.iter().any(|r| r.record_type() == RecordType::NS));
            if cut || self.lists.iter().any(|list| list.zones.contains(&apex)) {
                break;
            }
            if apex.num_labels() <= 2 {
                break;
            }
            apex = apex.base_name();
        }
        let below = |label: &str| apex.prepend_label(label).unwrap_or_else(|_| apex.clone());
        let soa = SOA::new(below("ns"), below("hostmaster"), 1, 7200, 3600, 1_209_600, NEGATIVE_TTL);
        Record::from_rdata(apex.clone(), NEGATIVE_TTL, RData::SOA(soa))
    }

    /// The deepest delegation below `apex` that `name` lies at or below.
    fn cut(&self, apex: &Name, name: &Name) -> Option<Name> {
        let mut candidate = name.clone();
        while candidate.num_labels() > apex.num_labels() {
            let records = self.nodes.get(&candidate).into_iter().flatten();
            if records.into_iter().any(|record| record.record_type() == RecordType::NS) {
                return Some(candidate);
            }
            candidate = candidate.base_name();
        }
        None
    }

    fn referral(&self, cut: &Name) -> Reply {
        let mut reply = Reply::default();
        for record in self.nodes.get(cut).into_iter().flatten() {
            if let RData::NS(target) = &record.data {
                reply.authorities.push(record.clone());
                let glue = self.nodes.get(&target.0).into_iter().flatten();
                let is_address = |r: &&Record| matches!(r.record_type(), RecordType::A | RecordType::AAAA);
                reply.additionals.extend(glue.filter(is_address).cloned());
            }
        }
        reply
    }

    fn addresses(&self, name: &Name) -> Vec<IpAddr> {
        let of = |rtype| match self.look(name, rtype) {
            Look::Records(records) => records.iter().filter_map(|record| record.data.ip_addr()).collect(),
            _ => Vec::new(),
        };
        [of(RecordType::A), of(RecordType::AAAA)].concat()
    }

    /// The fault that applies: the name's own before that of a name above it;
    /// then that of the server, and that of the type, before a general one.
    fn rule_of<'a>(&'a self, server: Option<IpAddr>, name: &Name, rtype: RecordType) -> Option<&'a Rule> {
        let best = |rules: &'a HashMap<Name, Vec<Rule>>, name: &Name| {
            let rules = rules.get(name)?.iter();
            let applies = |rule: &&Rule| {
                rule.rtype.is_none_or(|of| of == rtype) && (rule.fault.server.is_none() || rule.fault.server == server)
            };
            let special = |rule: &&Rule| (rule.fault.server.is_some(), rule.rtype.is_some());
            rules.filter(applies).max_by_key(special)
        };
        let mut above = name.clone();
        let mut found = best(&self.exact, name);
        while found.is_none() && !above.is_root() {
            above = above.base_name();
            found = best(&self.below, &above);
        }
        found
    }

    fn insert(&mut self, record: Record) {
        self.exists(&record.name);
        self.nodes.entry(record.name.clone()).or_default().push(record);
    }

    /// Notes that a name exists, and so all above it (RFC 8020).
    fn exists(&mut self, name: &Name) {
        let mut name = name.clone();
        while !name.is_root() && self.existing.insert(name.clone()) {
            name = name.base_name();
        }
    }

    fn fault(&mut self, fault: &Fault) -> Result<(), String> {
        if fault.answer.is_none() && fault.delay.is_none() {
            return Err(format!("the fault of `{}` does nothing: expected `answer`, `delay` or both", fault.name));
        }
        let rtype = match &fault.rtype {
            None => None,
            Some(text) => Some(
                zone::record_type(text)
                    .ok_or_else(|| format!("`{text}` is not a record type: expected for example `MX` or `TYPE99`"))?,
            ),
        };
        let rule = Rule { rtype, fault: fault.clone(), failed: Mutex::default() };
        let (rules, name) = match fault.name.strip_prefix("*.") {
            _ if fault.name == "*" => (&mut self.below, Name::root()),
            Some(above) => (&mut self.below, zone::name(above)?),
            None => (&mut self.exact, zone::name(&fault.name)?),
        };
        let rules = rules.entry(name).or_default();
        if rules.iter().any(|other| other.rtype == rule.rtype && other.fault.server == rule.fault.server) {
            return Err(format!("`{}` has an earlier fault of the same type: expected one", fault.name));
        }
        rules.push(rule);
        Ok(())
    }
}

impl Reply {
    fn failed(self, rcode: ResponseCode) -> Reply {
        Reply { rcode, answers: Vec::new(), ..self }
    }
}

/// The records of `rtype` among those of a node, owned by `name`.
fn pick(records: &[Record], name: &Name, rtype: RecordType) -> Look {
    let named = |record: &Record| Record::from_rdata(name.clone(), record.ttl, record.data.clone());
    let wanted = |record: &&Record| rtype == RecordType::ANY || record.record_type() == rtype;
    let found: Vec<Record> = records.iter().filter(wanted).map(named).collect();
    if !found.is_empty() {
        return Look::Records(found);
    }
    let alias = records.iter().find_map(|record| match &record.data {
        RData::CNAME(target) => Some((Box::new(named(record)), target.0.clone())),
        _ => None,
    });
    alias.map_or(Look::NoData, |(record, target)| Look::Alias(record, target))
}

#[cfg(test)]
#[path = "names_tests.rs"]
mod tests;
