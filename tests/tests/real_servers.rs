//! The program against real DNS and mail servers on loopback: `tests/real/README.md`.
//!
//! Where a server or root is missing, each test says so and passes; with
//! `ENGINE_TESTS_REQUIRE_REAL=1` it fails.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, Weak},
    time::{Duration, Instant},
};

use serde_json::Value;

#[test]
fn greylisting_is_confirmed_and_timed_against_postgrey() {
    let Some(servers) = servers() else { return };
    let report =
        servers.run(&["--only", "greylist", "--recipient", "user@real.example", "--wait", "4s"], "real.example");
    let finding = only(&report, "greylist-confirmed");
    let quoted = quotes(finding);
    assert!(
        quoted[0].starts_with("450 4.2.0 <user@real.example>: Recipient address rejected: Greylisted"),
        "{quoted:?}"
    );
    assert!(quoted[1].starts_with("250 2.1.5"), "{quoted:?}");
    let seen = finding["seen"].as_str().unwrap();
    assert!(seen.contains("mx1.real.example (25.25.25.1)") && seen.contains("The delay is "), "{seen}");
    assert!(seen.contains("None gives up before."), "{seen}");
}

#[test]
fn without_a_wait_greylisting_is_suspected_and_the_command_that_confirms_is_given() {
    let Some(servers) = servers() else { return };
    let report = servers.run(&["--only", "greylist", "--recipient", "second@real.example"], "real.example");
    let finding = only(&report, "greylist-suspected");
    assert_eq!(
        finding["remedy"]["setting"],
        "engine run --only greylist --recipient second@real.example --wait 6m real.example"
    );
}

#[test]
fn an_exchange_without_greylisting_accepts_at_once() {
    let Some(servers) = servers() else { return };
    let report = servers.run(&["--only", "greylist", "--recipient", "user@listed.example"], "listed.example");
    only(&report, "greylist-none-at-rcpt");
}

#[test]
fn refusals_and_other_deferrals_are_explained() {
    let Some(servers) = servers() else { return };
    for (recipient, code, reply, meaning) in [
        ("nobody@real.example", "greylist-recipient-unknown", "550 5.1.1", "does not know this mailbox"),
        ("user@relay.example", "greylist-relay-denied", "554 5.7.1", "does not regard itself as responsible"),
        ("blocked@real.example", "greylist-refused", "550 5.7.1", "refuses the address that this attempt came from"),
        ("full@real.example", "greylist-other-deferral", "452 4.2.2", "a full mailbox, no greylisting"),
        // exim
        ("nobody@exim.real.example", "greylist-recipient-unknown", "550 Unrouteable", "does not know this mailbox"),
        ("user@foreign.real.example", "greylist-relay-denied", "550 relay not permitted", "responsible"),
        (
            "user@callout.exim.real.example",
            "greylist-other-deferral",
            "451 Could not complete recipient verify callout",
            "cannot look up now, no greylisting",
        ),
        ("user@refuses.exim.real.example", "greylist-refused", "550 Your host is blocked", "by a rule of its own"),
        // opensmtpd
        ("nobody@open.real.example", "greylist-recipient-unknown", "524 5.2.4", "does not know this mailbox"),
    ] {
        let domain = recipient.rsplit_once('@').unwrap().1;
        let report = servers.run(&["--only", "greylist", "--recipient", recipient], domain);
        let finding = only(&report, code);
        assert!(quotes(finding)[0].starts_with(reply), "{finding}");
        assert!(finding["seen"].as_str().unwrap().contains(meaning), "{finding}");
    }
}

#[test]
fn a_listing_is_decoded_from_rbldnsd() {
    let Some(servers) = servers() else { return };
    let settings = servers.state.path().join("engine.toml");
    std::fs::write(
        &settings,
        r#"
        [checks.dnsbl]
        lists = ["ip.blocklist.example", "domain.blocklist.example"]
        [[checks.dnsbl.extra]]
        zone = "ip.blocklist.example"
        codes = { "127.0.0.2" = "a test entry", "127.0.0.4" = "an exploited host" }
        [[checks.dnsbl.extra]]
        zone = "domain.blocklist.example"
        object = "domain"
        codes = { "127.0.1.2" = "a spam domain" }
        "#,
    )
    .unwrap();
    let listed = servers.run(&["--only", "dnsbl", "--config", settings.to_str().unwrap()], "listed.example");
    let seen: Vec<&str> = findings(&listed).iter().map(|finding| finding["seen"].as_str().unwrap()).collect();
    for expected in ["an exploited host", "a spam domain"] {
        assert!(seen.iter().any(|seen| seen.contains(expected)), "{expected} is missing: {seen:#?}");
    }
    assert_eq!(listed["could_not_tell"].as_array().unwrap().len(), 0, "{}", listed["could_not_tell"]);
    let clean = servers.run(&["--only", "dnsbl", "--config", settings.to_str().unwrap()], "real.example");
    assert!(!findings(&clean).iter().any(weighs), "{clean}");
}

#[test]
fn answers_come_through_unbound_and_from_each_authoritative_server() {
    let Some(servers) = servers() else { return };
    let report = servers.run(&["--only", "mx,spf"], "real.example");
    assert_eq!(report["could_not_tell"].as_array().unwrap().len(), 0, "{}", report["could_not_tell"]);
    assert!(!findings(&report).iter().any(weighs), "{report}");
    let evidence = report["evidence"].to_string();
    for server in ["25.25.53.1", "25.25.53.2"] {
        assert!(evidence.contains(server), "{server} was not asked: {evidence}");
    }
    let missing = servers.run(&["--only", "mx"], "missing.real.example");
    assert!(findings(&missing).iter().any(|finding| finding["code"] == "mx-domain-missing"), "{missing}");
}

#[test]
fn each_behaviour_of_a_mail_server_is_one_right_finding() {
    let Some(servers) = servers() else { return };
    for (domain, code, severity, words) in [
        ("slow.real.example", "smtp-slow-greeting", "notice", "greets "),
        ("expired.real.example", "smtp-certificate-expired", "notice", "was valid until"),
        ("milter.real.example", "smtp-deferred", "error", "both have one cause"),
        ("handshake.real.example", "smtp-starttls-broken", "error", "the server broke off the TLS handshake"),
        ("plain.real.example", "smtp-starttls-missing", "warning", "offers no STARTTLS"),
        ("nobody.real.example", "smtp-postmaster-refused", "warning", "refuses postmaster@nobody.real.example"),
        ("unserved.real.example", "smtp-domain-not-served", "critical", "does not take mail for unserved.real.example"),
        // exim
        ("slow.exim.real.example", "smtp-slow-greeting", "notice", "greets "),
        ("refuses.exim.real.example", "smtp-client-refused", "notice", "refuses us when it is connected to"),
        ("foreign.real.example", "smtp-domain-not-served", "critical", "does not take mail for foreign.real.example"),
        // opensmtpd: every handshake fails (Debian 12)
        ("open.real.example", "smtp-starttls-broken", "error", "broke off the TLS handshake with the alert"),
        ("plain.open.real.example", "smtp-starttls-missing", "warning", "offers no STARTTLS"),
    ] {
        let report = servers.run(&["--only", "smtp"], domain);
        let finding = only_fault(&report, code);
        assert_eq!(finding["severity"], severity, "{finding:#}");
        assert!(finding["seen"].as_str().unwrap().contains(words), "{finding:#}");
        assert_eq!(report["could_not_tell"].as_array().unwrap().len(), 0, "{}", report["could_not_tell"]);
        let told = report["evidence"].to_string();
        assert!(told.contains("QUIT") && !told.contains("DATA"), "{told}");
    }
}

#[test]
fn servers_in_order_get_no_finding_but_the_offer_and_the_issuer() {
    let Some(servers) = servers() else { return };
    let report = servers.run(&["--only", "smtp"], "exim.real.example");
    let codes: Vec<&str> = findings(&report).iter().map(|finding| finding["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["smtp-certificate-untrusted", "smtp-extensions"], "{report:#}");
    assert_eq!(report["could_not_tell"].as_array().unwrap().len(), 0, "{}", report["could_not_tell"]);
    let offer = findings(&report)[1]["seen"].as_str().unwrap();
    assert!(offer.contains("TLSv1.3 with"), "exim's GnuTLS and ours agree: {offer}");
}

#[test]
fn a_callout_that_fails_leaves_postmaster_untold_and_blames_nobody() {
    let Some(servers) = servers() else { return };
    let report = servers.run(&["--only", "smtp"], "callout.exim.real.example");
    assert!(!findings(&report).iter().any(weighs), "{report:#}");
    let unknowns = report["could_not_tell"].as_array().unwrap();
    assert_eq!(unknowns.len(), 1, "{unknowns:#?}");
    let told = unknowns[0]["cause"]["detail"].as_str().unwrap();
    assert!(told.contains("451 Could not complete recipient verify callout"), "{told}");
}

/// The one connection that a server grants a client, once it has greeted.
///
/// It still counts a connection that has just ended, such as the one that
/// found it ready, until it has seen that process off: it is asked again.
fn the_only_connection(socket: &str) -> std::net::TcpStream {
    let started = Instant::now();
    loop {
        let held = std::net::TcpStream::connect(socket).expect("the server answers");
        let mut greeting = String::new();
        // A server that refuses may reset what it has not read: the same as a refusal.
        if BufReader::new(&held).read_line(&mut greeting).is_ok() && greeting.starts_with("220 ") {
            return held;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "never let in: {greeting}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn too_many_connections_is_said_as_the_servers_say_it() {
    let Some(servers) = servers() else { return };
    let routes = std::fs::read_to_string(servers.state.path().join("routes")).unwrap();
    for (domain, address, reply) in [
        ("busy.real.example", "25.25.26.13:25", "421 4.7.0 mx.busy.real.example Error: too many connections"),
        ("busy.exim.real.example", "25.25.27.25:25", "421 Too many concurrent SMTP connections from this IP address"),
    ] {
        let socket = routes.lines().find_map(|line| line.strip_prefix(address)).unwrap().trim();
        let held = the_only_connection(socket);
        let report = servers.run(&["--only", "smtp"], domain);
        let finding = only_fault(&report, "smtp-deferred");
        assert!(quotes(finding)[0].starts_with(reply), "{finding:#}");
        drop(held);
    }
}

#[test]
fn dane_is_judged_by_what_a_validating_resolver_proves() {
    let Some(servers) = servers() else { return };
    // Only knot signs.
    let Ok(resolver) = std::fs::read_to_string(servers.state.path().join("validating-resolver")) else {
        skip::<()>("knot");
        return;
    };
    for (domain, code, unknown) in [
        // Signed from the root down, and the key that exim shows.
        ("signed.example", Some("dane-working"), None),
        ("mismatch.signed.example", Some("dane-mismatch"), None),
        ("bare.signed.example", Some("dane-not-used"), None),
        // The root proves that the zone is not signed.
        ("exim.real.example", Some("dane-unsigned"), None),
        // Signed addresses, and TLSA records that do not validate: held back by senders.
        ("half.signed.example", Some("dane-lookup-fails"), None),
        // Nothing of the zone validates.
        ("bogus.example", None, Some("bogus")),
    ] {
        let seen = |report: &Value| {
            let kinds = report["could_not_tell"].as_array().unwrap().iter();
            let codes = findings(report).iter().map(|finding| finding["code"].as_str().unwrap());
            // Whether one certificate is all that there is, is another question.
            let mut codes: Vec<String> = codes
                .filter(|code| !["dane-single-record", "dane-certificate-pinned"].contains(code))
                .map(str::to_owned)
                .collect();
            codes.sort();
            (codes, kinds.map(|one| one["cause"]["kind"].as_str().unwrap().to_owned()).collect::<Vec<_>>())
        };
        let expected: (Vec<String>, Vec<String>) =
            (code.into_iter().map(str::to_owned).collect(), unknown.into_iter().map(str::to_owned).collect());
        // On a busy machine the resolver may give up on a server that is only slow,
        // and remembers that for a second.
        let started = Instant::now();
        loop {
            let report = servers.run_by(resolver.trim(), &["--only", "dane"], domain);
            if seen(&report) == expected {
                break;
            }
            assert!(started.elapsed() < PATIENCE, "{domain}: {expected:?}: {report:#}");
            std::thread::sleep(Duration::from_millis(500));
        }
    }
}

#[test]
fn the_log_of_postfix_tells_what_it_refused() {
    let Some(servers) = servers() else { return };
    for (recipient, domain) in [
        ("nobody@real.example", "real.example"),
        ("user@relay.example", "relay.example"),
        ("full@real.example", "real.example"),
    ] {
        servers.run(&["--only", "greylist", "--recipient", recipient], domain);
    }
    let log = servers.state.path().join("postfix/mail.log");
    let expected = ["mailbox-unknown", "relay-denied", "mailbox-full"];
    // Postfix writes its log through a program of its own, a moment later.
    let started = Instant::now();
    loop {
        let output = Command::new(engine_tests::program())
            .args(["logs", "--format", "json"])
            .arg(&log)
            .env("XDG_CONFIG_HOME", Path::new("/nonexistent"))
            .output()
            .expect("the program runs");
        let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
        let causes = report["causes"].as_array().unwrap();
        let incoming = |reason: &str| causes.iter().any(|c| c["direction"] == "incoming" && c["reason"] == reason);
        if expected.iter().all(|reason| incoming(reason)) {
            assert_eq!(report["files"][0]["problems"].as_array().unwrap().len(), 0, "{report:#}");
            let file = &report["files"][0];
            assert_eq!(file["recognised"], file["lines"], "{report:#}");
            return;
        }
        assert!(started.elapsed() < PATIENCE, "{report:#}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn the_servers_end_with_their_keeper() {
    let Some(servers) = servers() else { return };
    drop(servers);
    // Other tests may hold the set; a set of our own shows it.
    let Some(own) = Servers::start() else { return };
    let resolver = own.resolver();
    std::net::TcpStream::connect(&resolver).expect("unbound answers");
    let started = Instant::now();
    drop(own);
    assert!(std::net::TcpStream::connect(&resolver).is_err(), "unbound still listens at {resolver}");
    assert!(started.elapsed() < PATIENCE, "it had to be killed");
}

/// The longest that the servers may take to start, and to stop.
const PATIENCE: Duration = Duration::from_secs(30);

/// The running servers, shared by the tests that run at the same time; the
/// last one to let go stops them. `None` where they are missing.
fn servers() -> Option<Arc<Servers>> {
    static RUNNING: Mutex<Weak<Servers>> = Mutex::new(Weak::new());
    let mut running = RUNNING.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if let Some(servers) = running.upgrade() {
        return Some(servers);
    }
    let servers = Arc::new(Servers::start()?);
    *running = Arc::downgrade(&servers);
    Some(servers)
}

struct Servers {
    keeper: Child,
    state: tempfile::TempDir,
}

impl Servers {
    fn start() -> Option<Self> {
        let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("real/serve.sh");
        let state = tempfile::Builder::new().prefix("real-servers").tempdir().expect("a folder for the servers");
        let log = std::fs::File::create(state.path().join("serve.log")).expect("a log");
        let keeper = Command::new("bash")
            .arg(script)
            .arg(state.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn();
        let mut keeper = match keeper {
            Ok(keeper) => keeper,
            Err(error) => return skip(&format!("bash: {error}")),
        };
        let mut line = String::new();
        BufReader::new(keeper.stdout.take().unwrap()).read_line(&mut line).expect("a line from serve.sh");
        // From here on, dropping it stops what was started.
        let servers = Servers { keeper, state };
        match line.trim().split_once(": ") {
            _ if line.trim() == "ready" => Some(servers),
            Some(("missing", what)) => skip(what),
            _ => {
                let log = std::fs::read_to_string(servers.state.path().join("serve.log")).unwrap_or_default();
                panic!("the real servers did not start: {line}{log}")
            }
        }
    }

    fn resolver(&self) -> String {
        std::fs::read_to_string(self.state.path().join("resolver")).unwrap().trim().to_owned()
    }

    /// The program's report on `domain`.
    fn run(&self, words: &[&str], domain: &str) -> Value {
        self.run_by(&self.resolver(), words, domain)
    }

    /// The same by another resolver.
    fn run_by(&self, resolver: &str, words: &[&str], domain: &str) -> Value {
        let output = Command::new(engine_tests::program())
            .args(["run", "--format", "json", "--ehlo", "probe.example", "--resolver", resolver, "--route"])
            .arg(self.state.path().join("routes"))
            .args(words)
            .arg(domain)
            .current_dir(self.state.path())
            .env("XDG_CONFIG_HOME", Path::new("/nonexistent"))
            .stdin(Stdio::null())
            .output()
            .expect("the program runs");
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{words:?}: {error}: {}", String::from_utf8_lossy(&output.stderr)))
    }
}

impl Drop for Servers {
    /// Ends its standard input, upon which it stops the servers.
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            if matches!(self.keeper.try_wait(), Ok(Some(_)) | Err(_)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}

/// Says what is missing, past the test runner's capture, and passes; fails
/// where skipping is forbidden.
fn skip<T>(missing: &str) -> Option<T> {
    assert!(
        std::env::var_os("ENGINE_TESTS_REQUIRE_REAL").is_none_or(|value| value != "1"),
        "the real servers are required, and this is missing: {missing}"
    );
    let _ = writeln!(std::io::stderr(), "skipped: real servers: this is missing: {missing} (tests/real/install.sh)");
    None
}

fn findings(report: &Value) -> &Vec<Value> {
    report["findings"].as_array().unwrap()
}

/// The finding, which must be the only one.
fn only<'r>(report: &'r Value, code: &str) -> &'r Value {
    let codes: Vec<&str> = findings(report).iter().map(|finding| finding["code"].as_str().unwrap()).collect();
    assert_eq!(codes, [code], "{report:#}");
    &findings(report)[0]
}

/// The finding of `smtp`, which must be the only one beside the offer and a
/// certificate that signs itself.
fn only_fault<'r>(report: &'r Value, code: &str) -> &'r Value {
    let beside = ["smtp-extensions", "smtp-certificate-untrusted"];
    let faults: Vec<&Value> =
        findings(report).iter().filter(|finding| !beside.contains(&finding["code"].as_str().unwrap())).collect();
    let codes: Vec<&str> = faults.iter().map(|finding| finding["code"].as_str().unwrap()).collect();
    assert_eq!(codes, [code], "{report:#}");
    faults[0]
}

fn quotes(finding: &Value) -> Vec<&str> {
    let evidence = finding["evidence"].as_array().unwrap();
    evidence.iter().filter_map(|evidence| evidence["quote"]["text"].as_str()).collect()
}

fn weighs(finding: &Value) -> bool {
    ["warning", "error", "critical"].contains(&finding["severity"].as_str().unwrap())
}
