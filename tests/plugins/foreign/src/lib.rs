//! Uses its own async runtime (an older tokio than the engine's) inside of a
//! run: its timer, its tasks, and calls of the host between them.

use std::{sync::OnceLock, time::Duration};

use engine_plugin_api::{services::*, *};

const PAGE: &str = include_str!("foreign-answers.md");

struct Foreign;

impl Check for Foreign {
    type Config = ();

    fn manifest() -> Manifest {
        Manifest::new::<Self>("foreign.tokio", "1.0.0", "does it work with another compiler and runtime?")
            .services(&[DNS_LOOKUP, CLOCK_SLEEP])
            .pages(&[("foreign-answers", PAGE)])
    }

    fn new(_: ()) -> Result<Self, ConfigError> {
        Ok(Foreign)
    }

    async fn run(&self, cx: Context, target: Target) -> Outcome {
        let Some(domain) = target.domain else {
            return Outcome::NotApplicable { why: "no domain was given".into() };
        };
        let (mx, txt) = tokio::join!(
            cx.dns(DnsQuestion::new(&domain, RecordType::Mx)),
            cx.dns(DnsQuestion::new(&domain, RecordType::Txt))
        );
        // A task of its own runtime, a timer of its own, and a call of the host that is given up.
        let task = tokio::spawn(async { tokio::time::sleep(Duration::from_millis(5)).await });
        let in_time = tokio::time::timeout(Duration::from_millis(20), cx.sleep(Duration::from_secs(600))).await;
        let done = task.await.is_ok();
        let seen = format!(
            "MX: {}, TXT: {}, a task: {done}, given up: {}",
            mx.records().count(),
            txt.records().count(),
            in_time.is_err()
        );
        cx.finding(Finding::new("foreign-answers", Subject::Domain(domain), seen));
        Outcome::Findings
    }
}

/// The runtime is driven by a thread of its own.
fn inside(run: &mut dyn FnMut()) {
    static RUNTIME: OnceLock<tokio::runtime::Handle> = OnceLock::new();
    let handle = RUNTIME.get_or_init(|| {
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_time().build() else { return };
            let _ = sender.send(runtime.handle().clone());
            runtime.block_on(std::future::pending::<()>());
        });
        receiver.recv().expect("the runtime's thread")
    });
    let _inside = handle.enter();
    run();
}

export_check!(Foreign; around inside);
