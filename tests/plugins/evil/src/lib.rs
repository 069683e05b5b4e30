//! A plugin whose one check does what its setting `mode` says: everything that
//! a plugin must not do, and some things that it may.

#[cfg(target_os = "linux")]
mod ways_out;

use std::{
    hint::black_box,
    sync::{Arc, Mutex},
    task::{Poll, Waker},
    time::Duration,
};

use engine_plugin_api::{
    Check, ConfigError, Context, Finding, JsonSchema, Manifest, Outcome, Page, Subject, Target, export_check,
    serde_json::json,
    services::{CLOCK_SLEEP, DNS_LOOKUP, DnsQuestion, RecordType, SmtpRequest},
};
use futures_util::FutureExt;

const PAGES: &[Page] = &[(
    "evil-before",
    "---\ncode: evil-before\nsince: 0.1.0\nseverity: info\nconfidence: high\nsource: none\n---\n# Sent before it went wrong\n",
)];

/// What to do.
#[derive(serde::Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields, default)]
#[schemars(crate = "engine_plugin_api::schemars")]
struct Settings {
    /// A word of `run` below.
    mode: String,
}

struct Evil(String);

impl Drop for Evil {
    fn drop(&mut self) {
        if self.0 == "panic-drop" {
            panic!("it broke in Drop");
        }
    }
}

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("the payload broke too");
    }
}

fn manifest(id: &str) -> Manifest {
    Manifest::new::<Evil>(id, "0.1.0", "does it misbehave?").services(&[CLOCK_SLEEP, DNS_LOOKUP]).pages(PAGES)
}

fn before(cx: &Context, seen: impl Into<String>) {
    cx.finding(Finding::new("evil-before", Subject::Domain("a.example".into()), seen));
}

impl Check for Evil {
    type Config = Settings;

    fn manifest() -> Manifest {
        manifest("evil.all")
    }

    fn new(settings: Settings) -> Result<Self, ConfigError> {
        match settings.mode.as_str() {
            "panic-new" => panic!("it broke in new"),
            "bad-config" => Err(ConfigError::at("/mode", "this mode is not liked")),
            mode => Ok(Evil(mode.to_owned())),
        }
    }

    async fn run(&self, cx: Context, target: Target) -> Outcome {
        before(&cx, format!("mode {}", self.0));
        match self.0.as_str() {
            "panic" => {
                cx.dns(DnsQuestion::new("a.example", RecordType::A)).await;
                panic!("index out of {}", "bounds")
            }
            "panic-payload" => std::panic::panic_any(Bomb),
            "double-panic" => {
                let _second = Evil("panic-drop".into());
                panic!("the first of two")
            }
            "abort" => std::process::abort(),
            "slow-abort" => {
                let _ = cx.sleep(Duration::from_millis(50)).await;
                std::process::abort()
            }
            "segv" => touch_nothing(),
            "denied-abort" => {
                let _ = std::fs::read("/etc/passwd");
                std::process::abort()
            }
            "denied-hang" => {
                let _ = std::fs::read("/etc/passwd");
                loop {
                    std::thread::sleep(Duration::from_secs(1));
                }
            }
            "stack" => drop(black_box(deeper(0))),
            "exit" => std::process::exit(3),
            "oom" => {
                let mut all = Vec::new();
                loop {
                    all.push(vec![1u8; 64 << 20]);
                    black_box(&all);
                }
            }
            "pending" => std::future::pending().await,
            "ask" => {
                let cause = cx.dns(DnsQuestion::new("a.example", RecordType::A)).await.cause();
                before(&cx, format!("asked: {cause:?}"));
                before(&cx, format!("waited: {:?}", cx.sleep(Duration::ZERO).await.map_err(|error| error.kind)));
            }
            "long-wait" => {
                let refused = cx.sleep(Duration::from_secs(23 * 3_600)).await.unwrap_err();
                before(&cx, format!("refused: {refused}"));
            }
            "patient" => {
                let waited = cx.sleep(Duration::from_secs(6)).await;
                before(&cx, format!("waited: {}", waited.is_ok()));
            }
            "pending-call" => drop(cx.dns(DnsQuestion::new("a.example", RecordType::A)).await),
            "busy" => {
                let mut n = 0u64;
                loop {
                    n = black_box(n.wrapping_add(1));
                }
            }
            // Not for ever: this machine's number of processes is everybody's.
            "threads" => {
                let thread = || std::thread::Builder::new().stack_size(16 << 10).spawn(std::thread::park);
                let begun: Vec<_> = (0..2_000).map_while(|_| thread().ok()).collect();
                std::thread::sleep(Duration::from_secs(20));
                before(&cx, format!("{} threads", begun.len()));
            }
            "sleep-block" => std::thread::sleep(Duration::from_secs(3_600)),
            "flood" => loop {
                before(&cx, "again and again");
            },
            "flood-progress" => loop {
                cx.progress("still going");
            },
            "giant" => before(&cx, "x".repeat(8 << 20)),
            "giant-call" => {
                let answer = cx.call(DNS_LOOKUP, json!("x".repeat(20 << 20)), Vec::new()).await;
                before(&cx, format!("refused: {}", answer.unwrap_err()));
            }
            "giant-body" => {
                let answer = cx.call(DNS_LOOKUP, json!({}), vec![0; 17 << 20]).await;
                before(&cx, format!("refused: {}", answer.unwrap_err()));
            }
            "many-calls" => {
                let mut waits: Vec<_> = (0..400).map(|_| Box::pin(cx.sleep(Duration::from_secs(60)))).collect();
                let refused = waits.iter_mut().filter_map(|wait| wait.now_or_never()?.err()).count();
                before(&cx, format!("{refused} of 400 refused"));
            }
            "dropped-calls" => {
                for _ in 0..2_000 {
                    drop(Box::pin(cx.sleep(Duration::from_secs(20))).now_or_never());
                }
                before(&cx, format!("then: {}", cx.sleep(Duration::from_millis(1)).await.is_ok()));
            }
            "undeclared" => cx.finding(Finding::new("not-mine", Subject::Domain("a.example".into()), "a lie")),
            "denied" => {
                let session = SmtpRequest::new("mx.example", "192.0.2.1".parse().unwrap());
                before(&cx, format!("denied: {:?}", cx.smtp(session).await.cause().map(|cause| cause.kind)));
            }
            "unknown-service" => {
                let answer = cx.call("quantum.teleport/1", json!({}), Vec::new()).await;
                before(&cx, format!("refused: {}", answer.unwrap_err()));
            }
            "bad-request" => {
                let answer = cx.call(DNS_LOOKUP, json!({"nonsense": true}), Vec::new()).await;
                before(&cx, format!("refused: {:?}", answer.unwrap_err().kind));
            }
            // It uses its context from a thread that goes on after the end of the run.
            "late" => {
                let own = cx.clone();
                std::thread::spawn(move || {
                    for _ in 0..50 {
                        std::thread::sleep(Duration::from_millis(10));
                        before(&own, "late");
                    }
                });
            }
            // Its future is woken from a thread of its own.
            "thread-wake" => {
                let shared = Arc::new(Mutex::new((false, None::<Waker>)));
                let other = Arc::clone(&shared);
                std::thread::spawn(move || {
                    std::thread::sleep(Duration::from_millis(20));
                    let mut state = other.lock().unwrap();
                    state.0 = true;
                    if let Some(waker) = state.1.take() {
                        waker.wake();
                    }
                });
                std::future::poll_fn(|poller| {
                    let mut state = shared.lock().unwrap();
                    if state.0 {
                        return Poll::Ready(());
                    }
                    state.1 = Some(poller.waker().clone());
                    Poll::Pending
                })
                .await;
            }
            "stdout" => {
                for _ in 0..100 {
                    println!("rubbish on standard output {:?}", target.domain);
                }
            }
            #[cfg(target_os = "linux")]
            mode => outside(mode, &cx),
            #[cfg(not(target_os = "linux"))]
            _ => {}
        }
        Outcome::Findings
    }
}

/// What the sandbox is there for.
#[cfg(target_os = "linux")]
fn outside(mode: &str, cx: &Context) {
    let said = match mode {
        "socket" => format!("{:?}", std::net::UdpSocket::bind("127.0.0.1:0").map(drop).map_err(|e| e.raw_os_error())),
        "unix-socket" => {
            let connected = std::os::unix::net::UnixStream::connect("/run/anything");
            format!("{:?}", connected.map(drop).map_err(|e| e.raw_os_error()))
        }
        "read" => format!("{:?}", std::fs::read("/etc/passwd").map(drop).map_err(|e| e.raw_os_error())),
        "neighbour" => format!("{:?}", std::fs::read("/proc/1/environ").map(drop).map_err(|e| e.raw_os_error())),
        "write" => format!("{:?}", std::fs::write("/tmp/evil-was-here", "x").map_err(|e| e.raw_os_error())),
        "unlink" => format!("{:?}", std::fs::remove_file("/tmp/anything").map_err(|e| e.raw_os_error())),
        "exec" => {
            let ran = std::process::Command::new("/bin/true").status();
            format!("{:?}", ran.map(drop).map_err(|e| e.raw_os_error()))
        }
        // SAFETY: what comes of it in the child is nothing: it ends at once.
        "fork" => match unsafe { libc::fork() } {
            // SAFETY: as above.
            0 => unsafe { libc::_exit(0) },
            pid => format!("{pid}"),
        },
        // SAFETY: takes numbers only.
        "kill" => format!("{}", unsafe { libc::kill(libc::getppid(), libc::SIGTERM) }),
        // SAFETY: takes numbers only.
        "ptrace" => format!("{}", unsafe { libc::ptrace(libc::PTRACE_ATTACH, libc::getppid(), 0, 0) }),
        "io-uring" => {
            let mut parameters = [0u8; 256];
            // SAFETY: the parameters are larger than what the call writes.
            format!("{}", unsafe { libc::syscall(libc::SYS_io_uring_setup, 1, parameters.as_mut_ptr()) })
        }
        "limits" => {
            let more = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
            // SAFETY: `more` can be read.
            format!("{}", unsafe { libc::setrlimit(libc::RLIMIT_AS, &more) })
        }
        "environment" => format!("{}", std::env::vars_os().count()),
        mode => match ways_out::tried(mode) {
            Some(said) => said,
            None => return,
        },
    };
    before(cx, format!("{mode}: {said}"));
}

fn touch_nothing() {
    // SAFETY: there is none; that is the point.
    unsafe { black_box(std::ptr::without_provenance_mut::<u8>(8)).write_volatile(1) }
}

fn deeper(n: u64) -> u64 {
    let room = [n; 512];
    if n == u64::MAX { 0 } else { deeper(n + 1) + black_box(room)[3] }
}

/// A check beside it that does nothing wrong.
struct Good;

impl Check for Good {
    type Config = ();

    fn manifest() -> Manifest {
        manifest("evil.good")
    }

    fn new(_: ()) -> Result<Self, ConfigError> {
        Ok(Good)
    }

    async fn run(&self, cx: Context, _: Target) -> Outcome {
        before(&cx, "good, before");
        let waited = cx.sleep(Duration::from_millis(200)).await;
        before(&cx, format!("good, after: {}", waited.is_ok()));
        Outcome::Findings
    }
}

export_check!(Evil, Good);
