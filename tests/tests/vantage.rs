//! A run from a network that leads nowhere: that is reported as our own side,
//! and nothing is blamed on the target.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::process::{Command, Stdio};

use serde_json::Value;

/// Starts the lab in a network of its own, in which there is loopback alone,
/// and examines a healthy domain through its resolver: mail servers are looked
/// for at their public addresses, to which no route leads.
const ALONE: &str = r#"
ip link set lo up || exit 77
mkfifo lab
"$ENGINE" lab --route routes >lab &
exec 3<lab
while read -r line <&3; do
  case "$line" in *"engine run --resolver "*) break ;; esac
done
resolver=${line#*--resolver }
"$ENGINE" run --resolver "${resolver%% *}" --format json --recipient postmaster@healthy.example healthy.example
code=$?
kill $!
exit $code
"#;

#[test]
fn without_a_network_nothing_is_blamed_on_the_target() {
    let can = Command::new("unshare").args(["--net", "true"]).stderr(Stdio::null()).status();
    if !can.is_ok_and(|status| status.success()) {
        println!("skipped: no network of its own can be made here (needs root and `unshare`)");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new("unshare")
        .args(["--net", "sh", "-c", ALONE])
        .env("ENGINE", engine_tests::program())
        .env("XDG_CONFIG_HOME", "/nonexistent")
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    if output.status.code() == Some(77) {
        println!("skipped: no `ip` here to bring loopback up");
        return;
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"));
    assert_eq!(output.status.code(), Some(3), "could not tell, and nothing worse: {report}");

    let findings = report["findings"].as_array().unwrap();
    let has = |code: &str| findings.iter().any(|finding| finding["code"] == code);
    assert!(has("vantage-port-25-closed") && has("vantage-no-ipv6") && !has("vantage-ready"), "{findings:?}");
    for finding in findings.iter().filter(|finding| finding["check"] != "vantage") {
        assert!(["pass", "info"].contains(&finding["severity"].as_str().unwrap()), "{finding}");
    }
    let unknowns = report["could_not_tell"].as_array().unwrap();
    for check in ["greylist", "smtp"] {
        let of: Vec<&Value> = unknowns.iter().filter(|unknown| unknown["check"] == check).collect();
        assert!(!of.is_empty(), "{check} told something: {report}");
        for unknown in of {
            assert_eq!(unknown["explained_by"], "vantage-port-25-closed", "{unknown}");
            assert!(unknown["advice"].as_str().unwrap().contains("See vantage-port-25-closed"), "{unknown}");
        }
    }
}

/// A domain in order, in a world where blocklists refuse our resolver and no
/// connection to port 25 comes about.
const SHUT: &str = r#"
zone = '''
good.example.             MX    10 mx.good.example.
good.example.             TXT   "v=spf1 mx -all"
mx.good.example.          A     25.25.1.1
1.1.25.25.in-addr.arpa.   PTR   mx.good.example.
gmail.com.                MX    5 mx.big.example.
outlook.com.              MX    5 mx.large.example.
mx.big.example.           A     25.25.51.1
mx.large.example.         A     25.25.52.1
'''
[[smtp]]
address = ["25.25.1.1", "25.25.51.1", "25.25.52.1"]
refuse = true
[[blocklist]]
zones = ["zen.spamhaus.org", "bl.spamcop.net"]
behaviour = "refuses"
"#;

#[test]
fn a_refused_resolver_and_a_closed_port_account_for_what_could_not_be_told() {
    let folder = tempfile::tempdir().unwrap();
    let world = folder.path().join("world.toml");
    std::fs::write(&world, SHUT).unwrap();
    let lab = format!("--lab={}", world.display());
    let output = Command::new(engine_tests::program())
        .args(["run", &lab, "--format", "json", "--recipient", "user@good.example"])
        .args(["--set", "dnsbl.lists=[\"zen.spamhaus.org\"]", "--set", "vantage.bogus_name=\"\"", "good.example"])
        .env("XDG_CONFIG_HOME", "/nonexistent")
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let explained: Vec<(&str, &str)> = report["could_not_tell"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|unknown| Some((unknown["check"].as_str()?, unknown["explained_by"].as_str()?)))
        .collect();
    assert!(explained.contains(&("dnsbl", "vantage-resolver-refused")), "{report}");
    assert!(explained.contains(&("greylist", "vantage-port-25-closed")), "{report}");
}
