#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::*;

#[test]
fn the_shipped_world_is_a_world() {
    World::parse(include_str!("../worlds/shipped.toml")).unwrap_or_else(|e| panic!("shipped.toml: {e}"));
    World::shipped();
    World::parse(include_str!("../worlds/bench.toml")).unwrap_or_else(|e| panic!("bench.toml: {e}"));
}

#[test]
fn every_key_of_the_language_is_read() {
    let world = World::parse(
        r#"
        zone = '''
        a.example. MX 10 mx.a.example.
        a.example. NS ns.a.example.
        ns.a.example. A 25.25.0.53
        '''
        [[nameserver]]
        address = "25.25.0.53"
        zone = "a.example. MX 10 other.a.example."
        [[fault]]
        name = "a.example"
        type = "A"
        server = "25.25.0.53"
        answer = "servfail"
        delay = "200ms"
        ede = { code = 6, text = "bogus" }
        [[blocklist]]
        zones = ["bl.example"]
        kind = "ip"
        listed = { "25.25.6.6" = "127.0.0.4", "25.25.7.0/24" = ["127.0.0.2", "127.0.0.3"] }
        text = "why"
        canary = "127.0.0.2"
        behaviour = "refuses"
        refusal = "127.255.255.252"
        [[smtp]]
        address = ["25.25.1.1", "2a09:25::1"]
        port = 2525
        hostname = "mx.a.example"
        greeting = "220 hi"
        greeting_delay = "2s"
        reply_delay = "1m"
        extensions = ["PIPELINING"]
        certificate = "self-signed"
        accept = ["@a.example"]
        replies = { "RCPT x@a.example" = "550 no" }
        greylist = { delay = "1s", reply = "450 4.2.0 later", retry_window = "1h" }
        drop_at = "rcpt"
        silent_at = "starttls"
        refuse = true
        [[domain]]
        name = "a.example"
        about = "it is"
        expect = ["mx-single"]
        forbid = ["mx-alias"]
        options = ["--recipient x@a.example"]
        "#,
    )
    .unwrap();
    assert_eq!(world.smtp[0].address.0.len(), 2);
    assert_eq!(world.smtp[0].reply_delay, Some(Duration::from_secs(60)));
    assert_eq!(world.fault[0].delay, Some(Duration::from_millis(200)));
    assert_eq!(world.blocklist[0].listed["25.25.7.0/24"].0.len(), 2);
    assert_eq!(world.domain[0].options, ["--recipient x@a.example"]);
    assert_eq!(World::parse("").unwrap(), World::default());
}

#[test]
fn a_fault_is_named_with_its_place_in_the_file() {
    for (text, line, column, part) in [
        ("zne = ''", 1, 1, "unknown field `zne`"),
        ("zone = '''\na.example. A 25.25.1.1\nb.example. A oops\n'''", 3, 14, "`oops` is not an IPv4 address"),
        ("zone = \"a.example. A oops\"", 1, 22, "`oops` is not an IPv4 address"),
        ("\nzone = '''a.example. A oops'''", 2, 24, "`oops` is not an IPv4 address"),
        ("[[fault]]\nname = 'a.example'\nanswer = 'servfial'", 3, 10, "expected one of `servfail`"),
        ("[[fault]]\nname = 'a.example'\ndelay = '1 day'", 3, 9, "`1 day` is not a duration"),
        ("\n[[fault]]\nname = 'a.example'", 2, 1, "does nothing"),
        ("[[nameserver]]\naddress = '25.25.0.9'", 1, 1, "no NS record leads to 25.25.0.9"),
        (
            "fault = [{ name = 'x', server = '25.25.0.9', answer = 'refused' }]",
            1,
            10,
            "no NS record leads to 25.25.0.9",
        ),
        (
            "zone = \"a.example. NS n.example.\\nn.example. A 25.25.0.9\"\n[[nameserver]]\naddress = '25.25.0.9'\nzone = 'x. A y'",
            2,
            1,
            "line 1, column 6: zone: `y` is not an IPv4 address",
        ),
        ("[[smtp]]\nadress = '25.25.1.1'", 2, 1, "unknown field `adress`"),
        ("[[smtp]]\naddress = '25.25.1'", 2, 11, "expected an IP address"),
        ("[[smtp]]\naddress = '25.25.1.1'\n[[smtp]]\naddress = '25.25.1.1'", 3, 1, "is taken"),
        ("[[blocklist]]\nzones = ['bl.example']\nlisted = { 'x' = '127.0.0.2' }", 1, 1, "`x` cannot be listed"),
        ("[[blocklist]]\nzones = []", 1, 1, "`zones` is empty"),
        (
            "[[blocklist]]\nzones = ['a.example']\n[[blocklist]]\nzones = ['A.example.']",
            3,
            1,
            "expected each zone once",
        ),
        ("fault = [{ name = 'x.example', type = 'FOO', answer = 'refused' }]", 1, 10, "`FOO` is not a record type"),
        ("[[domain]]\nabout = 'x'", 1, 1, "missing field `name`"),
        ("zone = ", 1, 8, "value"),
    ] {
        let error = World::parse(text).unwrap_err();
        assert_eq!((error.line, error.column), (line, column), "{text}\n{error}");
        assert!(error.message.contains(part), "{text}\n{error}");
    }
}
