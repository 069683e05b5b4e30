//! A lab of faulty MTA-STS domains, after that of postfix-mta-sts-resolver
//! (Vladislav Yarmak, MIT): the same faults, built anew in our lab, and the same
//! answers. Where its tables of answers are at hand, they are asked.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;

use engine_lab::{Lab, World};
use engine_plugin_api::{Delivery, Target};

/// What a sender makes of a domain, and the finding that says why.
struct Fault {
    name: &'static str,
    /// The TXT record at `_mta-sts`, with quotation marks; empty: none.
    record: &'static str,
    /// The keys of the policy's path; empty: no such server.
    policy: &'static str,
    /// Keys of the server.
    server: &'static str,
    verdict: Delivery,
    /// Empty: something could not be told.
    code: &'static str,
}

const RECORD: &str = "\"v=STSv1;id=20180907T090909;\"";

const fn fault(name: &'static str, policy: &'static str, verdict: Delivery, code: &'static str) -> Fault {
    Fault { name, record: RECORD, policy, server: "", verdict, code }
}

const GOOD: &str = r"body = 'version: STSv1\nmode: enforce\nmx: mail.sts.example\nmax_age: 86400'";

fn faults() -> Vec<Fault> {
    use Delivery::{CouldNotTell, Deliver, NoPolicy};
    let bad_record = |name, record, code| Fault { record, ..fault(name, GOOD, NoPolicy, code) };
    let bad_policy = |name, policy, code| fault(name, policy, NoPolicy, code);
    let invalid = "mta-sts-policy-invalid";
    vec![
        fault("good", GOOD, Deliver, "mta-sts-working"),
        bad_record("bad-record1", "\"id=20180907T090909; v=STSv1;\"", "mta-sts-record-invalid"),
        bad_record("bad-record2", "\"azazaza;asdasdasdasd\"", "mta-sts-unannounced"),
        bad_record("bad-record3", "\"v=STSv12;id=20180907T090909;\"", "mta-sts-record-invalid"),
        bad_record("no-record", "", "mta-sts-unannounced"),
        bad_policy("bad-policy1", "body = 'garbage'", invalid),
        bad_policy("bad-policy2", r"body = 'version: STSv1\nmode: enforce\nmax_age: 86400'", invalid),
        bad_policy(
            "bad-policy3",
            r"content_type = 'text/html', body = 'version: STSv1\nmode: enforce\nmx: mail.sts.example\nmax_age: 86400'",
            "mta-sts-policy-content-type",
        ),
        bad_policy(
            "bad-policy4",
            r"status = 404, body = 'version: STSv1\nmode: enforce\nmx: mail.sts.example\nmax_age: 86400'",
            "mta-sts-policy-unavailable",
        ),
        bad_policy(
            "bad-policy5",
            r"body = 'version: STSv1\nmode: enforce\nmx: mail.sts.example\nmax_age: xxx'",
            invalid,
        ),
        bad_policy(
            "bad-policy6",
            r"body = 'version: STSv1\nmode: enforce\nmx: mail.sts.example\nmax_age: 31557601'",
            invalid,
        ),
        bad_policy("bad-policy7", r"body = 'version: STSv1\nmx: mail.sts.example\nmax_age: 86400'", invalid),
        bad_policy(
            "bad-policy8",
            r"body = 'version: STSv1\nmode: doubt\nmx: mail.sts.example\nmax_age: 86400'",
            invalid,
        ),
        Fault {
            server: "certificate = 'self-signed'",
            ..fault("bad-cert1", GOOD, NoPolicy, "mta-sts-policy-certificate")
        },
        Fault {
            server: "certificate = 'wrong-name'",
            ..fault("bad-cert2", GOOD, NoPolicy, "mta-sts-policy-certificate")
        },
        fault("valid-none", r"body = 'version: STSv1\nmode: none\nmax_age: 86400'", NoPolicy, "mta-sts-none"),
        fault(
            "testing",
            r"body = 'version: STSv1\nmode: testing\nmax_age: 86400\nmx: mail.sts.example\n'",
            NoPolicy,
            "mta-sts-testing",
        ),
        fault(
            "fast-expire",
            r"body = 'version: STSv1\nmode: enforce\nmax_age: 1\nmx: mail.sts.example\n'",
            Deliver,
            "mta-sts-max-age-short",
        ),
        bad_policy(
            "static-overlength",
            r"body = 'version: STSv1\nmode: enforce\nmax_age: 86400\nmx: mail.sts.example\n', times = 1800",
            invalid,
        ),
        bad_policy(
            "chunked-overlength",
            r"body = 'version: STSv1\nmode: enforce\nmax_age: 86400\nmx: mail.sts.example\n', times = 1800, chunked = true",
            invalid,
        ),
        bad_record("no-data", "", "mta-sts-unannounced"),
        fault("blackhole", GOOD, CouldNotTell, ""),
    ]
}

fn world(faults: &[Fault]) -> World {
    let mut zone = "mail.sts.example. A 25.25.1.1\n_mta-sts.no-data.example. A 25.25.2.99\n".to_owned();
    let mut sections = String::new();
    for (index, Fault { name, record, policy, server, .. }) in faults.iter().enumerate() {
        let address = format!("25.25.2.{}", index + 1);
        zone.push_str(&format!("{name}.example. MX 10 mail.sts.example.\nmta-sts.{name}.example. A {address}\n"));
        if !record.is_empty() {
            zone.push_str(&format!("_mta-sts.{name}.example. TXT {record}\n"));
        }
        sections.push_str(&format!(
            "[[http]]\naddress = '{address}'\nhostname = 'mta-sts.{name}.example'\n{server}\n\
             paths = {{ '/.well-known/mta-sts.txt' = {{ {policy} }} }}\n"
        ));
    }
    let text = format!(
        "zone = \"\"\"\n{}\"\"\"\n{sections}\n[[smtp]]\naddress = '25.25.1.1'\nhostname = 'mail.sts.example'\n\
         certificate = 'good'\n[[fault]]\nname = '_mta-sts.blackhole.example'\nanswer = 'timeout'\n",
        zone.replace('"', "\\\"")
    );
    World::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_has_its_answer() {
    let faults = faults();
    let lab = Lab::start(&world(&faults)).await.unwrap();
    let registry = builtin_checks::registry().unwrap();
    let theirs = their_answers();
    let mut wrong = Vec::new();
    for fault in &faults {
        let domain = format!("{}.example", fault.name);
        let target = Target { shown: domain.clone(), domain: Some(domain.clone()), ..Target::default() };
        let order = engine_tests::order(target, &["mta-sts"], BTreeMap::new());
        let report = engine_tests::run(&registry, &lab, order).await.unwrap().report;
        let cell = &report.policy_matrix[0].cells[0];
        let codes: Vec<&str> = report.findings.iter().map(|finding| finding.code.as_str()).collect();
        let told = if fault.code.is_empty() { !report.could_not_tell.is_empty() } else { codes.contains(&fault.code) };
        if cell.verdict != fault.verdict || !told {
            wrong.push(format!("{}: {:?} ({}), {codes:?}", fault.name, cell.verdict, cell.why));
        }
        // Their lab answers "secure" or "not found".
        if let Some(secure) = theirs.get(fault.name)
            && *secure != (cell.verdict == Delivery::Deliver)
        {
            wrong.push(format!("{}: they say {secure}", fault.name));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Whether each domain of their lab gives a policy that is in force.
fn their_answers() -> BTreeMap<String, bool> {
    let Some(file) = outside_data::find("mta-sts/refdata.tsv") else { return BTreeMap::new() };
    let text = std::fs::read_to_string(file).unwrap();
    let rows = text.lines().filter_map(|line| {
        let (asked, answer) = line.split_once('\t')?;
        let name = asked.strip_prefix("test ")?.strip_suffix(".loc")?;
        (!name.starts_with(['.', '['])).then(|| (name.to_owned(), answer.starts_with("OK secure")))
    });
    let answers: BTreeMap<String, bool> = rows.collect();
    assert!(answers.len() >= 10, "{answers:?}");
    answers
}
