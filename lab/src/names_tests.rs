#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::*;

const ZONE: &str = r#"
a.example.        600 MX    10 mail.a.example.
a.example.            TXT   "v=spf1 -all"
mail.a.example.       CNAME mx.a.example.
mx.a.example.         A     25.25.1.1
deep.er.a.example.    A     25.25.1.2
*.wild.a.example.     TXT   "wild"
kept.wild.a.example.  A     25.25.1.3
loop1.a.example.      CNAME loop2.a.example.
loop2.a.example.      CNAME loop1.a.example.
out.a.example.        CNAME www.b.example.
lost.a.example.       CNAME nowhere.a.example.
a.example.            NS    ns.a.example.
ns.a.example.         A     25.25.0.53
ns.a.example.         AAAA  2a09:25::53
sub.a.example.        NS    ns.b.example.
b.example.            SOA   ns.b.example. root.b.example. 1 2 3 4 60
ns.b.example.         A     25.25.0.54
www.b.example.        A     25.25.2.1
"#;

fn names(faults: &str) -> Names {
    Names::new(&World::parse(&format!("zone = '''{ZONE}'''\n{faults}")).unwrap()).unwrap()
}

/// The response code, then the answer's data, then `; ` and the owner of the SOA.
fn shown(reply: &Reply) -> String {
    let mut text = match reply.manner {
        Manner::Whole => format!("{:?}", reply.rcode),
        other => format!("{other:?}"),
    };
    for record in &reply.answers {
        text += &format!(" {}", record.data);
    }
    for record in &reply.authorities {
        text += &format!("; {} {}", record.record_type(), record.name);
    }
    text
}

fn ask(names: &Names, name: &str, rtype: &str) -> String {
    shown(&names.recursive(&zone::name(name).unwrap(), zone::record_type(rtype).unwrap()))
}

#[test]
fn the_resolver_tells_what_exists_from_what_does_not() {
    let names = names("");
    for (name, rtype, expected) in [
        ("A.Example.", "MX", "NoError 10 mail.a.example."),
        ("mail.a.example.", "A", "NoError mx.a.example. 25.25.1.1"),
        ("mail.a.example.", "CNAME", "NoError mx.a.example."),
        ("mail.a.example.", "AAAA", "NoError mx.a.example.; SOA a.example."),
        ("a.example.", "A", "NoError; SOA a.example."),
        ("er.a.example.", "A", "NoError; SOA a.example."),
        ("no.a.example.", "A", "NXDomain; SOA a.example."),
        ("x.unheard.example.", "A", "NXDomain; SOA example."),
        ("unheard.example.", "A", "NXDomain; SOA example."),
        ("example.", "A", "NoError; SOA example."),
        ("other.", "A", "NXDomain; SOA ."),
        ("x.y.wild.a.example.", "TXT", "NoError wild"),
        ("x.wild.a.example.", "A", "NoError; SOA a.example."),
        ("kept.wild.a.example.", "TXT", "NoError; SOA a.example."),
        ("x.kept.wild.a.example.", "TXT", "NXDomain; SOA a.example."),
        ("loop1.a.example.", "A", "ServFail"),
        ("out.a.example.", "A", "NoError www.b.example. 25.25.2.1"),
        ("lost.a.example.", "A", "NXDomain nowhere.a.example.; SOA a.example."),
    ] {
        assert_eq!(ask(&names, name, rtype), expected, "{name} {rtype}");
    }
    let reply = names.recursive(&zone::name("no.b.example").unwrap(), RecordType::A);
    assert_eq!(reply.authorities[0].ttl, 60, "the negative TTL is the smaller of TTL and minimum");
}

#[test]
fn an_authoritative_server_answers_for_its_zones_alone() {
    let names = names("");
    let servers = names.name_servers();
    let server = "25.25.0.53".parse().unwrap();
    let zones = &servers[&server];
    assert_eq!(zones, &servers[&"2a09:25::53".parse().unwrap()]);
    assert_eq!(servers.len(), 3);
    for (name, rtype, authoritative, expected) in [
        ("a.example.", "MX", true, "NoError 10 mail.a.example."),
        ("mail.a.example.", "A", true, "NoError mx.a.example. 25.25.1.1"),
        ("no.a.example.", "A", true, "NXDomain; SOA a.example."),
        ("out.a.example.", "A", true, "NoError www.b.example."),
        ("www.b.example.", "A", false, "Refused"),
        ("x.sub.a.example.", "A", false, "NoError; NS sub.a.example."),
    ] {
        let reply = names.authoritative(server, zones, &zone::name(name).unwrap(), zone::record_type(rtype).unwrap());
        assert_eq!((reply.authoritative, shown(&reply).as_str()), (authoritative, expected), "{name} {rtype}");
    }
    let glue = names.authoritative(server, zones, &zone::name("sub.a.example").unwrap(), RecordType::A).additionals;
    assert_eq!(glue.len(), 1, "{glue:?}");
}

#[test]
fn the_nearest_fault_applies_and_reaches_through_aliases() {
    let names = names(
        r#"
        fault = [
            { name = "a.example", answer = "refused" },
            { name = "a.example", type = "MX", answer = "servfail", ede = { code = 6, text = "bogus" } },
            { name = "mx.a.example", answer = "timeout" },
            { name = "*.wild.a.example", answer = "garbage" },
            { name = "kept.wild.a.example", delay = "200ms" },
            { name = "*.b.example", answer = "truncated-udp" },
            { name = "er.a.example", answer = "nxdomain" },
        ]
        "#,
    );
    for (name, rtype, expected) in [
        ("a.example", "MX", "ServFail"),
        ("a.example", "TXT", "Refused"),
        ("mail.a.example", "A", "Silent"),
        ("x.wild.a.example", "TXT", "Hostile(Garbage)"),
        ("wild.a.example", "TXT", "NoError; SOA a.example."),
        ("www.b.example", "A", "TruncatedUdp"),
        ("er.a.example", "A", "NXDomain; SOA a.example."),
    ] {
        assert!(ask(&names, name, rtype).starts_with(expected), "{name} {rtype}: {}", ask(&names, name, rtype));
    }
    let reply = names.recursive(&zone::name("kept.wild.a.example").unwrap(), RecordType::A);
    assert_eq!((reply.delay, shown(&reply).as_str()), (Duration::from_millis(200), "NoError 25.25.1.3"));
    let bogus = names.recursive(&zone::name("a.example").unwrap(), RecordType::MX);
    assert_eq!(bogus.ede, Some(ExtendedError { code: 6, text: "bogus".into() }));
}

#[test]
fn a_fault_of_one_server_is_seen_there_alone() {
    let names = names(
        r#"
        fault = [
            { name = "a.example", type = "MX", answer = "servfail" },
            { name = "a.example", server = "25.25.0.53", answer = "timeout" },
        ]
        "#,
    );
    let (name, zones) = (zone::name("a.example").unwrap(), [zone::name("a.example").unwrap()]);
    let at = |server: &str| shown(&names.authoritative(server.parse().unwrap(), &zones, &name, RecordType::MX));
    assert_eq!((at("25.25.0.53").as_str(), at("2a09:25::53").as_str()), ("Silent", "ServFail"));
    assert_eq!(shown(&names.recursive(&name, RecordType::MX)), "ServFail");
}
