//! The whole table of a plugin, driven as a host does it: with C functions and
//! the one exported symbol.

#![allow(unsafe_code, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::undocumented_unsafe_blocks)]

use std::{
    collections::HashMap,
    ffi::c_void,
    ptr,
    sync::{Arc, Condvar, LazyLock, Mutex},
};

use engine_plugin_api::{
    abi::{self, Bytes, Completion, Header, HostTable, PluginTable, Status},
    services::{DnsQuestion, RecordType},
    *,
};
use serde_json::{Value, json};

// ---- the plugin

const PAGE: &str = "---\ncode: a-b\nsince: 0.1.0\nseverity: error\nconfidence: high\nsource: none\n---\n# T\n";

#[derive(serde::Deserialize, JsonSchema, Default)]
#[serde(default, deny_unknown_fields)]
struct Config {
    mode: String,
}

struct First {
    mode: String,
}

impl Drop for First {
    fn drop(&mut self) {
        if self.mode == "panics when dropped" {
            panic!("dropping");
        }
    }
}

struct Bomb;
impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("the payload");
    }
}

impl Check for First {
    type Config = Config;

    fn manifest() -> Manifest {
        Manifest::new::<Self>("acme.first", "1.0.0", "tests").pages(&[("a-b", PAGE)])
    }

    fn new(config: Config) -> Result<Self, ConfigError> {
        match config.mode.as_str() {
            "refused" => Err(ConfigError::at("/mode", "no")),
            "panics in new" => panic!("making"),
            _ => Ok(First { mode: config.mode }),
        }
    }

    async fn run(&self, cx: Context, target: Target) -> Outcome {
        let found = |seen: String| Finding::new("a-b", Subject::Domain("a.example".into()), seen);
        match self.mode.as_str() {
            "panics" => {
                cx.finding(found("before".into()));
                panic!("running");
            }
            #[cfg(feature = "tracing")]
            "talks" => tracing::info!(number = 7, "spoken"),
            "bomb" => std::panic::panic_any(Bomb),
            "waits" => {
                cx.finding(found("before".into()));
                let _ = cx.dns(DnsQuestion::new("never.example", RecordType::Mx)).await;
                cx.finding(found("after".into()));
            }
            _ => {
                let (one, two) = (
                    cx.dns(DnsQuestion::new(&target.domain.unwrap(), RecordType::Mx)).await,
                    cx.dns(DnsQuestion::new("refused.example", RecordType::Mx)).await,
                );
                cx.finding(found(format!("{:?} {:?}", one.status, two.refusal.map(|cause| cause.detail))));
            }
        }
        Outcome::Findings
    }
}

struct Second;
impl Check for Second {
    type Config = ();
    fn manifest() -> Manifest {
        Manifest::new::<Self>("acme.second", "1.0.0", "tests")
    }
    fn new((): ()) -> Result<Self, ConfigError> {
        Ok(Second)
    }
    async fn run(&self, _: Context, _: Target) -> Outcome {
        Outcome::NotApplicable { why: "it is the second".into() }
    }
}

export_check!(First, Second);

unsafe extern "C" {
    fn emc_plugin_entry(major: u16, minor: u16) -> *const Header;
}

// ---- the host

#[derive(Default)]
struct Run {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    answers: Vec<(u64, Status, String)>,
    emitted: Vec<(u32, Value)>,
    cancelled: bool,
    nudged: bool,
    lent: String,
}

static RUNS: LazyLock<Mutex<HashMap<u64, Arc<Run>>>> = LazyLock::new(Mutex::default);

fn find(run: u64) -> Option<Arc<Run>> {
    RUNS.lock().unwrap().get(&run).cloned()
}

unsafe extern "C" fn submit(run: u64, tag: u64, method: Bytes, head: Bytes, _: Bytes) -> Status {
    let Some(run) = find(run) else { return abi::E_ENDED };
    assert_eq!(unsafe { method.get() }, b"dns.lookup/1");
    let question: DnsQuestion = serde_json::from_slice(unsafe { head.get() }).unwrap();
    let mut state = run.state.lock().unwrap();
    match question.name.as_str() {
        "never.example" => state.cancelled = true,
        "refused.example" => return abi::E_DENIED,
        name => {
            let reply = json!({
                "evidence": "dns:MX:a.example", "question": {"name": name, "rtype": "MX"}, "status": "nx-domain", "new": 1
            });
            state.answers.push((tag, abi::OK, reply.to_string()));
        }
    }
    run.changed.notify_all();
    abi::OK
}

unsafe extern "C" fn next(run: u64, timeout_ms: i64, out: *mut Completion) -> Status {
    let Some(run) = find(run) else { return abi::E_ENDED };
    let mut state = run.state.lock().unwrap();
    loop {
        if state.cancelled {
            return abi::E_CANCELLED;
        }
        if let Some((tag, status, head)) = state.answers.pop() {
            state.lent = head;
            let head = Bytes::of(state.lent.as_bytes());
            unsafe { *out = Completion { tag, status, reserved: 0, head, body: Bytes::EMPTY } };
            return abi::OK;
        }
        if std::mem::take(&mut state.nudged) || timeout_ms == 0 {
            return abi::NUDGED;
        }
        state = run.changed.wait(state).unwrap();
    }
}

unsafe extern "C" fn nudge(run: u64) -> Status {
    let Some(run) = find(run) else { return abi::E_ENDED };
    run.state.lock().unwrap().nudged = true;
    run.changed.notify_all();
    abi::OK
}

unsafe extern "C" fn cancel(_: u64, _: u64) -> Status {
    abi::OK
}

unsafe extern "C" fn emit(run: u64, kind: u32, head: Bytes, _: Bytes) -> Status {
    let Some(run) = find(run) else { return abi::E_ENDED };
    let value = serde_json::from_slice(unsafe { head.get() }).unwrap();
    run.state.lock().unwrap().emitted.push((kind, value));
    abi::OK
}

static HOST: HostTable = HostTable {
    header: Header::new(HostTable::SIZE, 0),
    submit: Some(submit),
    next: Some(next),
    nudge: Some(nudge),
    cancel: Some(cancel),
    emit: Some(emit),
    call: None,
    get_extension: None,
};

unsafe extern "C" fn collect(ud: *mut c_void, data: Bytes) {
    let buffer = unsafe { &mut *ud.cast::<Vec<u8>>() };
    buffer.extend_from_slice(unsafe { data.get() });
}

fn plugin() -> PluginTable {
    let header = unsafe { emc_plugin_entry(abi::MAJOR, abi::MINOR) };
    unsafe {
        assert_eq!((*header).usable(abi::MINOR, PluginTable::LEAST), Ok(()));
        assert_eq!((*header).flags & abi::FLAG_PANIC_ABORT != 0, cfg!(panic = "abort"));
        abi::read_table(header)
    }
}

fn create(host: *const Header, check: &str, config: &str) -> (Status, *mut c_void, Value) {
    let (mut instance, mut error) = (ptr::null_mut(), Vec::new());
    let create = plugin().create.unwrap();
    let (check, config) = (Bytes::of(check.as_bytes()), Bytes::of(config.as_bytes()));
    let status =
        unsafe { create(host.cast(), check, config, &mut instance, ptr::from_mut(&mut error).cast(), collect) };
    (status, instance, serde_json::from_slice(&error).unwrap_or_default())
}

fn host() -> *const Header {
    ptr::from_ref(&HOST).cast()
}

/// Runs a check and gives its status and what it emitted.
fn play(run: u64, check: &str, config: Value) -> (Status, Vec<(u32, Value)>) {
    let (status, instance, error) = create(host(), check, &config.to_string());
    assert_eq!(status, abi::OK, "{error}");
    RUNS.lock().unwrap().insert(run, Arc::default());
    let target = json!({"shown": "a.example", "domain": "a.example", "moon": "full"}).to_string();
    let table = plugin();
    let status = unsafe { table.run.unwrap()(instance, run, Bytes::of(target.as_bytes()), Bytes::EMPTY) };
    unsafe { table.destroy.unwrap()(instance) };
    let state = RUNS.lock().unwrap().remove(&run).unwrap();
    let emitted = std::mem::take(&mut state.state.lock().unwrap().emitted);
    (status, emitted)
}

#[test]
fn the_manifest_names_every_check() {
    let mut document = Vec::new();
    let status = unsafe { plugin().manifest.unwrap()(ptr::from_mut(&mut document).cast(), collect) };
    assert_eq!(status, abi::OK);
    let document: PluginDocument = serde_json::from_slice(&document).unwrap();
    let ids: Vec<_> = document.checks.iter().map(|manifest| manifest.id.as_str()).collect();
    assert_eq!(ids, ["acme.first", "acme.second"]);
    assert_eq!(document.checks[0].findings[0].code, "a-b");
    assert!(document.checks[0].config_schema.to_string().contains("mode"));
}

#[test]
fn a_run_asks_finds_and_ends() {
    let (status, emitted) = play(1, "acme.first", json!({}));
    assert_eq!(status, abi::OK);
    let [(abi::KIND_EMISSION, finding), (abi::KIND_OUTCOME, outcome)] = &emitted[..] else { panic!("{emitted:?}") };
    let Emission::Finding(finding) = serde_json::from_value(finding.clone()).unwrap() else { panic!() };
    assert_eq!(finding.seen, "NxDomain Some(\"dns.lookup/1: the host forbids it (status -5)\")");
    assert_eq!(outcome, &json!({"state": "findings"}));

    let (status, emitted) = play(2, "acme.second", Value::Null);
    assert_eq!(status, abi::OK);
    assert_eq!(emitted[0].1["state"], "not-applicable");
}

#[test]
fn a_cancelled_run_returns_and_keeps_what_it_had_sent() {
    let (status, emitted) = play(3, "acme.first", json!({"mode": "waits"}));
    assert_eq!(status, abi::E_CANCELLED);
    assert_eq!(emitted.len(), 1);
    assert_eq!(emitted[0].1["seen"], "before");
}

#[cfg(panic = "unwind")]
#[test]
fn no_panic_crosses() {
    let (status, emitted) = play(4, "acme.first", json!({"mode": "panics"}));
    assert_eq!(status, abi::E_PANIC);
    assert_eq!(emitted[0].1["seen"], "before");
    assert_eq!((emitted[1].0, &emitted[1].1["message"]), (abi::KIND_PANIC, &json!("running")));
    assert!(emitted[1].1["location"].as_str().unwrap().contains("boundary.rs:"));

    let (status, emitted) = play(5, "acme.first", json!({"mode": "bomb"}));
    assert_eq!((status, emitted[0].0), (abi::E_PANIC, abi::KIND_PANIC));

    let (status, emitted) = play(6, "acme.first", json!({"mode": "panics when dropped"}));
    assert_eq!(status, abi::OK);
    assert_eq!(emitted.last().unwrap().1["message"], "when it was dropped: dropping");

    let (status, _, note) = create(host(), "acme.first", r#"{"mode":"panics in new"}"#);
    assert_eq!((status, &note["message"]), (abi::E_PANIC, &json!("making")));
}

#[cfg(feature = "tracing")]
#[test]
fn events_go_to_the_hosts_log() {
    let (status, emitted) = play(7, "acme.first", json!({"mode": "talks"}));
    assert_eq!((status, emitted[0].0), (abi::OK, abi::KIND_LOG));
    assert_eq!(emitted[0].1, json!({"level": "info", "target": "boundary", "message": "spoken number=7"}));
}

#[test]
fn what_cannot_be_made_says_why() {
    let (status, _, error) = create(host(), "acme.first", r#"{"mode":"refused"}"#);
    assert_eq!((status, error), (abi::E_CONFIG, json!({"pointer": "/mode", "message": "no"})));
    let (status, _, error) = create(host(), "acme.first", r#"{"colour":"blue"}"#);
    assert_eq!(status, abi::E_CONFIG);
    assert!(error["message"].as_str().unwrap().contains("colour"));
    let (status, _, error) = create(host(), "acme.third", "");
    assert_eq!(status, abi::E_CONFIG);
    assert!(error["message"].as_str().unwrap().contains("acme.third"));
    assert_eq!(create(ptr::null(), "acme.first", "").0, abi::E_BAD_ARG);
}

#[test]
fn hosts_of_other_ages_are_told_apart() {
    type Change = fn(&mut Header);
    let cases: [(&str, Change, Status); 5] = [
        ("a newer host", |header| header.minor = 7, abi::OK),
        ("another major version", |header| header.major = 2, abi::E_UNSUPPORTED),
        ("no table", |header| header.magic = 1, abi::E_UNSUPPORTED),
        ("a host that needs newer plugins", |header| header.min_minor = 9, abi::E_UNSUPPORTED),
        ("a table cut short", |header| header.size = 32, abi::E_UNSUPPORTED),
    ];
    for (name, change, expected) in cases {
        let mut table = HOST;
        change(&mut table.header);
        let (status, instance, _) = create(ptr::from_ref(&table).cast(), "acme.second", "");
        assert_eq!(status, expected, "{name}");
        unsafe { plugin().destroy.unwrap()(instance) };
    }
}

#[test]
fn a_table_is_read_as_far_as_both_sides_know_it() {
    #[repr(C)]
    struct Newer {
        table: PluginTable,
        more: [usize; 3],
    }
    let newer = Newer { table: plugin(), more: [1; 3] };
    let mut newer = newer;
    newer.table.header.size += 24;
    let read: PluginTable = unsafe { abi::read_table(ptr::from_ref(&newer).cast()) };
    assert!(read.get_extension.is_none() && read.destroy.is_some());
    assert_eq!(newer.more, [1; 3]);

    let mut older = plugin();
    older.header.size = 24 + size_of::<usize>() as u32;
    let read: PluginTable = unsafe { abi::read_table(ptr::from_ref(&older).cast()) };
    assert!(read.manifest.is_some() && read.create.is_none() && read.run.is_none());
}
