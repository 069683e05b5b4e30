//! What the plugin boundary costs, beside the same check linked in.
//!
//! Nothing here is a test: the figures are for people.

use std::{
    net::{SocketAddr, UdpSocket},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context;
use engine_core::{
    net::NetOptions,
    plan::Choice,
    plugin::{self, Entry, HostProgram, Isolation, Plugin},
    profile::Profile,
    registry::Registry,
    session::{self, Network, Order},
};
use engine_plugin_api::Target;
use serde_json::json;

/// Runs of each; the median counts.
const RUNS: usize = 9;
/// Calls in a run, below the budget of a check.
const READY: u32 = 5_000;
/// Lookups of 1 ms in a run.
const SLOW: u32 = 200;

fn main() -> anyhow::Result<()> {
    // The process of a plugin is this program again.
    if std::env::args().nth(1).is_some_and(|word| word == "plugin-host") {
        engine_plugin_host::child::serve();
        return Ok(());
    }
    let here = std::env::current_exe()?;
    let file = here.parent().context("a folder")?.join("libplugin_bench.so");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(measure(&file))
}

async fn measure(file: &Path) -> anyhow::Result<()> {
    let program = HostProgram::own();
    let hello = plugin::describe(&program, file, None).await?;
    let mut linked = Registry::default();
    linked.add::<plugin_bench::Calls>("linked")?;
    let mut ways = vec![("linked in", linked)];
    for (name, isolation) in [("in process", Isolation::Trusted), ("out of process", Isolation::Process)] {
        let mut registry = Registry::default();
        plugin::register(&mut registry, Plugin::new(Entry::new(hello.clone(), isolation), &program, None))?;
        ways.push((name, registry));
    }
    let (at_once, slowly) = (responder(Duration::ZERO)?, responder(Duration::from_millis(1))?);
    println!("Medians of {RUNS} runs (least, most).\n");
    println!("{:<16} {:>26} {:>28} {:>26}", "", "a call that is ready", "200 lookups of 1 ms", "a whole run, no calls");
    let mut base = 0.0;
    for (name, registry) in &ways {
        let (mut ready, mut slow, mut whole) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..RUNS {
            ready.push(run(registry, at_once, READY, false).await?.0 / f64::from(READY) / 1e3);
            slow.push(run(registry, slowly, SLOW, true).await?.0 / 1e6);
            whole.push(run(registry, at_once, 0, false).await?.1 / 1e3);
        }
        let slow = Figure::of(slow);
        if base == 0.0 {
            base = slow.median;
        }
        let loss = (slow.median / base - 1.0) * 100.0;
        println!(
            "{name:<16} {:>26} {:>28} {:>26}",
            Figure::of(ready).text("µs"),
            format!("{} {loss:+.1} %", slow.text("ms")),
            Figure::of(whole).text("µs"),
        );
    }
    let mut starts = Vec::new();
    for _ in 0..20 {
        let begun = Instant::now();
        plugin::describe(&program, file, None).await?;
        starts.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    println!("\nstart a process, load and describe: {}", Figure::of(starts).text("ms"));
    Ok(())
}

struct Figure {
    least: f64,
    median: f64,
    most: f64,
}

impl Figure {
    fn of(mut figures: Vec<f64>) -> Figure {
        figures.sort_by(f64::total_cmp);
        Figure { least: figures[0], median: figures[figures.len() / 2], most: figures[figures.len() - 1] }
    }

    fn text(&self, unit: &str) -> String {
        format!("{:.1} {unit} ({:.1}, {:.1})", self.median, self.least, self.most)
    }
}

/// Nanoseconds of the calls, as the check says, and of the whole run.
async fn run(registry: &Registry, resolver: SocketAddr, calls: u32, distinct: bool) -> anyhow::Result<(f64, f64)> {
    let network = Network::new(&NetOptions::new(vec![resolver]), None);
    let order = Order {
        target: Target::domain("a.example"),
        profile_name: "bench".to_owned(),
        profile: Profile::of_all_checks(),
        choice: Choice::default(),
        settings: [("bench.calls".to_owned(), json!({ "calls": calls, "distinct": distinct }))].into(),
        deadline: Duration::from_secs(60),
        longest_wait: Duration::ZERO,
        options: String::new(),
    };
    let (_keep, interrupt) = tokio::sync::watch::channel(false);
    let begun = Instant::now();
    let finished = session::run(registry, &network, order, interrupt, Arc::new(|_| ())).await?;
    let whole = begun.elapsed().as_nanos() as f64;
    let found = finished.report.findings.first().with_context(|| format!("{:?}", finished.report.checks))?;
    Ok((found.seen.parse()?, whole))
}

/// A name server on loopback that answers every question for an address, after a while.
fn responder(delay: Duration) -> anyhow::Result<SocketAddr> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    let address = socket.local_addr()?;
    std::thread::spawn(move || {
        let mut packet = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut packet) {
            std::thread::sleep(delay);
            // The question ends with the zero of its name, its type and its class.
            let Some(end) = packet[12..length].iter().position(|byte| *byte == 0).map(|at| 12 + at + 5) else {
                continue;
            };
            let mut reply = packet[..end.min(length)].to_vec();
            // An answer, recursion available; one question, one answer; the answer's name is the question's.
            reply[2..12].copy_from_slice(&[0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
            reply.extend([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 1, 0x2c, 0, 4, 192, 0, 2, 1]);
            let _ = socket.send_to(&reply, from);
        }
    });
    Ok(address)
}
