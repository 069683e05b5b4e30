//! Says what the facts mean for mail. Pure: no clock, no questions.

mod addresses;
mod domain;
mod exchange;
mod route;
mod servers;

use std::net::IpAddr;

use engine_plugin_api::{Judgement, Observed, Severity, Subject, Unknown};

use crate::{
    Config,
    facts::{Answer, Facts, Host, MxRecord},
    hostname,
};

/// Judges the facts. Reports every condition that it sees; none hides another.
pub fn judge(facts: &Facts, config: &Config) -> Judgement {
    let mut out = Judgement::default();
    match &facts.mx {
        Observed::Unknown(cause) => out.unknown(Unknown::new(
            Subject::Domain(facts.domain.clone()),
            format!("where mail for {} goes", facts.domain),
            cause.clone(),
        )),
        Observed::Known(mx) => {
            domain::judge(facts, mx, &mut out);
            let route = Route::new(facts, mx);
            for exchange in &route.exchanges {
                exchange::judge(&route, exchange, &mut out);
            }
            addresses::unanswered(&route, &mut out);
            if !route.exchanges.is_empty() {
                route::judge(&route, config, &mut out);
            }
        }
    }
    servers::judge(facts, &mut out);
    out
}

/// The way that mail for the domain takes: its exchanges, best first, without the null MX.
struct Route<'a> {
    facts: &'a Facts,
    mx: &'a Answer<MxRecord>,
    exchanges: Vec<Exchange<'a>>,
}

/// One host that MX records name.
struct Exchange<'a> {
    name: &'a str,
    /// The records that name it, best first; never empty.
    records: Vec<&'a MxRecord>,
    kind: Kind<'a>,
}

/// What stands in an MX record in the place of a host's name.
enum Kind<'a> {
    /// A name that was looked up.
    Host(&'a Host),
    /// A name beyond the limit of what is looked up.
    NotLookedUp,
    /// An IP address.
    Literal(IpAddr),
    /// A name under `invalid` or `localhost`, which no one needs to look up.
    Placeholder,
}

/// Whether a sender can find an exchange.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// It has a public address.
    Usable,
    /// It certainly has none.
    Dead,
    /// That is not known.
    Unknown,
}

impl<'a> Route<'a> {
    fn new(facts: &'a Facts, mx: &'a Answer<MxRecord>) -> Self {
        let mut exchanges: Vec<Exchange> = Vec::new();
        for record in mx.records.iter().filter(|record| !record.is_null()) {
            match exchanges.iter_mut().find(|exchange| exchange.name == record.exchange) {
                Some(exchange) => exchange.records.push(record),
                None => exchanges.push(Exchange {
                    name: &record.exchange,
                    records: vec![record],
                    kind: Kind::of(&record.exchange, facts),
                }),
            }
        }
        Route { facts, mx, exchanges }
    }

    fn subject(&self) -> Subject {
        Subject::Domain(self.facts.domain.clone())
    }

    /// Whether it is certain that no exchange can be found.
    fn is_dead(&self) -> bool {
        self.exchanges.iter().all(|exchange| exchange.reach() == Reach::Dead)
    }

    /// How bad one dead exchange is.
    fn severity_of_a_dead_one(&self) -> Severity {
        if self.is_dead() { Severity::Critical } else { Severity::Warning }
    }

    /// What a dead exchange means for mail, as a sentence.
    fn consequence(&self) -> String {
        let domain = &self.facts.domain;
        if self.is_dead() {
            format!("No exchange of {domain} can be reached from the internet, so no mail arrives.")
        } else if self.exchanges.iter().any(|exchange| exchange.reach() == Reach::Usable) {
            "Senders pass over it to the other exchanges.".into()
        } else {
            format!("Whether mail for {domain} finds another way is not known.")
        }
    }
}

impl<'a> Kind<'a> {
    fn of(name: &str, facts: &'a Facts) -> Self {
        if let Some(ip) = hostname::literal(name) {
            Kind::Literal(ip)
        } else if hostname::is_placeholder(name) {
            Kind::Placeholder
        } else {
            facts.exchanges.get(name).map_or(Kind::NotLookedUp, Kind::Host)
        }
    }
}

impl<'a> Exchange<'a> {
    fn subject(&self) -> Subject {
        Subject::Host(self.name.to_owned())
    }

    fn host(&self) -> Option<&'a Host> {
        match self.kind {
            Kind::Host(host) => Some(host),
            _ => None,
        }
    }

    fn reach(&self) -> Reach {
        match &self.kind {
            Kind::Literal(_) | Kind::Placeholder => Reach::Dead,
            Kind::NotLookedUp => Reach::Unknown,
            Kind::Host(host) => reach(host),
        }
    }
}

fn reach(host: &Host) -> Reach {
    if host.addresses().any(|address| address.is_public()) {
        Reach::Usable
    } else if host.gap().is_some() {
        Reach::Unknown
    } else {
        Reach::Dead
    }
}

#[cfg(test)]
mod tests;
