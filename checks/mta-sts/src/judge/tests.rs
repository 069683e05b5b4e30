#![allow(clippy::unwrap_used)]

use engine_plugin_api::{
    CauseKind,
    services::{DnsQuestion, DnsRecord, DnsReply, DnsStatus, HttpFetch, RecordData, RecordType},
};

use super::*;

/// A host without an address, perhaps an alias.
fn host(name: &str, alias: Option<&str>) -> DnsReply {
    let cname = |target: &str| DnsRecord {
        name: name.to_owned(),
        rtype: RecordType::Cname,
        ttl: 60,
        data: RecordData::Cname { target: target.to_owned() },
    };
    let reply = DnsReply::not_asked(DnsQuestion::new(name, RecordType::A), Cause::new(CauseKind::Other, "blank"));
    DnsReply { status: DnsStatus::NoData, refusal: None, answers: alias.map(cname).into_iter().collect(), ..reply }
}

/// What stands at `_mta-sts.d.example` or the end of its alias, and where the policy
/// host leads.
fn finding(alias: Option<&str>, texts: &[&str], policy_host: Option<&str>) -> Finding {
    let host = host("mta-sts.d.example", policy_host);
    let facts = Facts {
        domain: "d.example".to_owned(),
        texts: Observed::Known(texts.iter().map(|text| (*text).to_owned()).collect()),
        evidence: Default::default(),
        home: alias.unwrap_or("_mta-sts.d.example").to_owned(),
        alias: alias.map(str::to_owned),
        parent: None,
        fetch: HttpFetch { v4: host.clone(), v6: host, tries: Vec::new() },
        exchanges: Vec::new(),
        left_out: 0,
    };
    judge(&facts, &Config::default()).findings.remove(0)
}

#[test]
fn a_record_behind_an_alias_is_changed_where_it_stands() {
    let remedy = finding(Some("a.sts.example"), &["v=STSv1; id=1-2"], None).remedy.unwrap();
    let changed = [&remedy.withdraw[0], &remedy.publish[0]].map(|record| (record.name.as_str(), record.value.as_str()));
    assert_eq!(changed, [("a.sts.example", "v=STSv1; id=1-2"), ("a.sts.example", "v=STSv1; id=12")]);
}

#[test]
fn an_alias_of_its_own_that_leads_nowhere_is_a_fault() {
    let found = finding(Some("gone.sts.example"), &[], None);
    assert_eq!(found.code, ALIAS_BROKEN);
    let withdrawn = &found.remedy.unwrap().withdraw[0];
    assert_eq!((withdrawn.rtype.as_str(), withdrawn.value.as_str()), ("CNAME", "gone.sts.example."));
    // A wildcard leads both names to the same host.
    let found = finding(Some("www.host.example"), &[], Some("www.host.example"));
    assert_eq!(found.code, MISSING);
}
