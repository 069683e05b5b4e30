//! The data files: sound in themselves, and not behind what is known outside.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};

use check_dnsbl::{
    Config, Plan,
    catalogue::{Canary, Catalogue, Ipv6, Object, Role, Status, Tier},
    settings::is_zone,
};

fn catalogue() -> &'static Catalogue {
    Catalogue::embedded().unwrap()
}

#[test]
fn every_row_can_be_used() {
    let mut seen = BTreeSet::new();
    for list in &catalogue().lists {
        let zone = &list.zone;
        assert!(seen.insert(zone), "{zone} stands twice");
        assert!(is_zone(zone), "{zone} is no zone");
        assert!(!list.name.is_empty() && !list.source.is_empty(), "{zone} lacks a name or its source");
        assert!(!list.codes.is_empty(), "{zone} explains no code");
        assert!(catalogue().dead(zone).is_none(), "{zone} is dead as well");
        for other in [&list.instead, &list.replaces, &list.same_as].into_iter().flatten() {
            assert!(catalogue().list(other).is_some(), "{zone} names {other}, which is no list");
        }
        if list.instead.is_some() {
            assert_eq!(list.tier, Tier::Request, "{zone} is part of another list");
        }
        if list.registration.is_some() {
            assert_eq!(list.tier, Tier::Request, "{zone} answers only resolvers that are registered");
        }
        if let Some(key) = &list.key {
            assert!(list.registration.is_none(), "{zone}: {key} and a registration");
        }
        if let Some(url) = &list.url {
            assert!(url.starts_with("http"), "{zone}: {url}");
        }
        let texts = [&list.first, &list.how, &list.registration, &list.note].into_iter().flatten();
        for text in texts.chain(list.codes.iter().flat_map(|code| [&code.first, &code.how]).flatten()) {
            assert!(
                text.ends_with('.') && text.starts_with(|c: char| c.is_uppercase()),
                "{zone}: {text:?} is no sentence"
            );
        }
        for fragment in list.codes.iter().map(|code| &code.means).chain(&list.expires) {
            assert!(!fragment.ends_with('.') && !fragment.is_empty(), "{zone}: {fragment:?} is no fragment");
        }
    }
}

#[test]
fn what_is_not_known_to_work_needs_a_name_and_a_canary() {
    for list in catalogue().lists.iter().filter(|list| list.status == Status::Unverified) {
        assert_eq!(list.tier, Tier::Request, "{}", list.zone);
        assert_ne!(list.canary, Canary::None, "{}", list.zone);
    }
}

#[test]
fn a_dead_list_says_why() {
    let mut seen = BTreeSet::new();
    for dead in &catalogue().dead {
        assert!(!dead.why.is_empty() && !dead.operator.is_empty() && !dead.source.is_empty(), "{dead:?}");
        for zone in &dead.zones {
            assert!(is_zone(zone) && seen.insert(zone), "{zone}");
        }
    }
    assert!(catalogue().dead("korea.countries.nerd.dk").is_some(), "a name below a dead zone is dead");
    assert!(catalogue().dead("all.rbl.jp").is_none() && catalogue().dead("xdnsbl.sorbs.net").is_none());
}

#[test]
fn lists_of_domains_hold_no_addresses_and_the_other_way_round() {
    for list in &catalogue().lists {
        let fits = match list.object {
            Object::Domain => list.ipv6 == Ipv6::Untold && list.role != Role::Neighbourhood,
            Object::Ip => list.role != Role::NewDomain,
        };
        assert!(fits, "{}", list.zone);
    }
}

#[test]
fn the_default_is_a_few_dozen_lists() {
    let lists = Plan::new(&Config::default(), catalogue()).unwrap().lists;
    let zones: BTreeSet<&str> = lists.iter().map(|asked| asked.list.zone.as_str()).collect();
    assert!((20..=35).contains(&zones.len()), "{zones:?}");
    for zone in ["zen.spamhaus.org", "dbl.spamhaus.org", "bl.spamcop.net", "dnsbl-3.uceprotect.net", "list.dnswl.org"] {
        assert!(zones.contains(zone), "{zone}");
    }
    assert!(lists.iter().all(|asked| asked.list.key.is_none() && asked.list.status == Status::Live));
}

#[test]
fn the_lists_are_counted() {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for list in &catalogue().lists {
        let kind = match (list.status, &list.key, &list.registration) {
            (Status::Unverified, ..) => "unverified",
            (_, Some(_), _) => "key",
            (_, _, Some(_)) => "registration",
            _ => "live",
        };
        *counts.entry(kind).or_default() += 1;
    }
    let dead: usize = catalogue().dead.iter().map(|dead| dead.zones.len()).sum();
    println!("lists: {counts:?}, dead zones: {dead}, out of reach: {}", catalogue().elsewhere.len());
    assert!(counts["live"] >= 90, "{counts:?}");
}

/// The lists of the outside data, where it is there.
fn outside() -> Option<Vec<BTreeMap<String, String>>> {
    let mut reader = csv::Reader::from_path(outside_data::find("dnsbl.csv")?).unwrap();
    Some(reader.deserialize().map(Result::unwrap).collect())
}

#[test]
fn what_is_dead_outside_is_dead_here_and_the_rest_is_known() {
    let Some(rows) = outside() else { return };
    assert!(rows.len() > 200);
    for row in rows {
        let Some(zone) =
            row["zone"].trim_start_matches("<key>.").split([' ', '(']).find(|z| z.contains('.') && !z.starts_with('_'))
        else {
            continue;
        };
        let zone = zone.trim_start_matches("*.");
        if row["status"] == "dead" {
            assert!(catalogue().list(zone).is_none(), "{zone} is dead and would be asked");
            assert!(catalogue().dead(zone).is_some(), "{zone} is dead and not known as such");
        } else if row["role"] != "private receiver reputation" && row["status"] != "private" {
            let known = catalogue().list(zone).is_some()
                || catalogue().dead(zone).is_some()
                || catalogue().elsewhere(zone).is_some();
            assert!(known, "{zone} ({}) is not known", row["status"]);
        }
    }
}
