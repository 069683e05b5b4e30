//! `cargo xtask bench`: what a run costs, over the lab alone.
//!
//! Round trips are the slope of the wall time over a round trip that the lab
//! adds to every exchange, so that start-up and work cancel out. Nothing here
//! is a test: the figures are for people.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use engine_core::{
    config::shipped_profiles,
    net::{NetOptions, Routes},
    plan::Choice,
    session::{self, Network, Order},
};
use engine_lab::{Lab, LabOptions, World};
use engine_plugin_api::Target;
use serde_json::{Value, json};

use crate::root;

/// The round trips that are added, in milliseconds; the slope is between the ends.
const ADDED: [u64; 3] = [0, 20, 50];
/// Runs of each; the median counts.
const RUNS: usize = 5;
/// Starts of the program.
const STARTS: usize = 20;

/// Lists that the bench world has, as many as a usual configuration asks.
const LISTS: [&str; 7] = [
    "zen.spamhaus.org",
    "bl.spamcop.net",
    "b.barracudacentral.org",
    "psbl.surriel.com",
    "dnsbl.dronebl.org",
    "dbl.spamhaus.org",
    "multi.uribl.com",
];

/// Prints the figures.
pub fn bench() -> anyhow::Result<()> {
    let world = World::parse(&fs::read_to_string(root().join("lab/worlds/bench.toml"))?)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    println!("Over lab/worlds/bench.toml; medians of {RUNS} runs, ms of wall time at each added round trip.\n");
    println!(
        "{:<16} {:<22} {:>11} {:>18} {:>9} {:>9} {:>9} {:>12}",
        "domain", "checks", "round trips", "ms at 0/20/50", "questions", "distinct", "sessions", "SMTP minimum"
    );
    for domain in &world.domain {
        for (name, only) in parts() {
            let row = runtime.block_on(measure(&world, &domain.name, &only))?;
            println!("{:<16} {name:<22} {row}", domain.name);
        }
    }
    println!(
        "\nQuestions: all that the lab's DNS servers received. SMTP minimum: the replies that the longest\nsession must wait for one after the other, its greeting included.\n"
    );
    program(&world, &runtime)
}

/// Has the plugin boundary measured, by a program of its own.
pub fn plugins() -> anyhow::Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut bench = Command::new(cargo);
    bench.args(["bench", "--quiet", "--package", "plugin-bench"]).current_dir(root());
    if !bench.status()?.success() {
        bail!("the plugin boundary could not be measured");
    }
    Ok(())
}

/// What is measured: the DNS-level part together, and each check alone.
fn parts() -> Vec<(String, Vec<&'static str>)> {
    let together = |checks: &[&'static str]| (checks.join(","), checks.to_vec());
    let mut parts = vec![together(&["mx", "spf", "dnsbl"])];
    parts.extend(
        ["mx", "spf", "dnsbl", "tls-rpt", "mta-sts", "dane", "reverse-dns", "smtp", "greylist"]
            .map(|check| together(&[check])),
    );
    parts.push(("the profile full".to_owned(), Vec::new()));
    parts
}

async fn measure(world: &World, domain: &str, only: &[&str]) -> anyhow::Result<String> {
    let mut medians = Vec::new();
    let mut counts = (0, 0, 0, 0);
    for added in ADDED {
        let mut times = Vec::new();
        for _ in 0..RUNS {
            let lab = Lab::start_with(world, LabOptions { round_trip: Duration::from_millis(added) }).await?;
            let (order, network) = (order(domain, only)?, Network::new(&options(&lab), Some("lab".to_owned())));
            let registry = builtin_checks::registry()?;
            let (_keep, interrupt) = tokio::sync::watch::channel(false);
            let begun = Instant::now();
            session::run(&registry, &network, order, interrupt, Arc::new(|_| ())).await?;
            times.push(begun.elapsed());
            counts = counted(&lab);
            lab.stop().await;
        }
        medians.push(median(&mut times).as_secs_f64() * 1_000.0);
    }
    let (first, last) = (medians[0], medians[medians.len() - 1]);
    let slope = (last - first) / (ADDED[ADDED.len() - 1] - ADDED[0]) as f64;
    let walls = medians.iter().map(|ms| format!("{ms:.0}")).collect::<Vec<_>>().join("/");
    let (questions, distinct, sessions, longest) = counts;
    Ok(format!("{slope:>11.1} {walls:>18} {questions:>9} {distinct:>9} {sessions:>9} {longest:>12}"))
}

/// Questions, distinct ones (by server too), sessions, and the replies of the longest session.
fn counted(lab: &Lab) -> (usize, usize, usize, usize) {
    let questions = lab.questions();
    let distinct: BTreeSet<_> = questions.iter().map(|q| (&q.name, &q.rtype, q.server)).collect();
    let sessions = lab.sessions();
    // QUIT is answered when all is known, but it is waited for.
    let longest = sessions.iter().map(|session| session.commands.len() + 1).max().unwrap_or(0);
    (questions.len(), distinct.len(), sessions.len(), longest)
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn options(lab: &Lab) -> NetOptions {
    NetOptions {
        routes: Some(Routes { map: lab.routes().into_iter().collect() }),
        extra_roots: vec![lab.root_certificate()],
        ehlo: "probe.example".to_owned(),
        ..NetOptions::new(vec![lab.resolver()])
    }
}

fn order(domain: &str, only: &[&str]) -> anyhow::Result<Order> {
    let profile = shipped_profiles().remove("full").context("there is a profile `full`")?;
    let settings: BTreeMap<String, Value> = [("dnsbl".to_owned(), json!({ "lists": LISTS }))].into();
    let target = Target {
        shown: domain.to_owned(),
        domain: Some(domain.to_owned()),
        recipient: Some(format!("postmaster@{domain}")),
        ..Target::default()
    };
    // The vantage asks for servers that only the shipped world has.
    let skip = if only.is_empty() { vec!["vantage".to_owned()] } else { Vec::new() };
    let only = only.iter().map(|&id| id.to_owned()).collect();
    Ok(Order {
        target,
        profile_name: "full".to_owned(),
        profile,
        choice: Choice { only, skip },
        settings,
        deadline: Duration::from_secs(120),
        longest_wait: Duration::ZERO,
        options: String::new(),
    })
}

/// The program itself: its size, and what a run takes without any delay.
fn program(world: &World, runtime: &tokio::runtime::Runtime) -> anyhow::Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--quiet", "--release", "--package", "engine-cli", "--package", "xtask"]).current_dir(root());
    if !build.status()?.success() {
        bail!("the program could not be built");
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), Into::into);
    let built = |name| target.join("release").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    // This program is built for its chores; speed is that of a release.
    Command::new(built("xtask")).arg("bench-spf").status()?;
    let program = built("engine");
    let size = fs::metadata(&program).with_context(|| program.display().to_string())?.len();
    println!("program: {:.1} MB", size as f64 / 1e6);

    let lab = runtime.block_on(Lab::start(world))?;
    let folder = std::env::temp_dir().join(format!("engine-bench-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let result = starts(&program, &folder, world, &lab);
    fs::remove_dir_all(&folder)?;
    runtime.block_on(lab.stop());
    result
}

fn starts(program: &Path, folder: &Path, world: &World, lab: &Lab) -> anyhow::Result<()> {
    let routes: String = lab.routes().iter().map(|(from, to)| format!("{from} {to}\n")).collect();
    let (routes_file, config) = (folder.join("routes"), folder.join("engine.toml"));
    fs::write(&routes_file, routes)?;
    fs::write(&config, format!("[checks.dnsbl]\nlists = {LISTS:?}\n"))?;
    for domain in &world.domain {
        let mut times = Vec::new();
        let cpu = children_cpu();
        for _ in 0..STARTS {
            let mut run = Command::new(program);
            run.args(["run", "--only", "mx,spf,dnsbl", "--resolver", &lab.resolver().to_string()]);
            run.arg("--route").arg(&routes_file).arg("--config").arg(&config).arg(&domain.name);
            let begun = Instant::now();
            run.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
            times.push(begun.elapsed());
        }
        let wall = median(&mut times).as_secs_f64() * 1_000.0;
        let cpu = children_cpu().zip(cpu).map(|(after, before)| (after - before).as_secs_f64() * 1_000.0);
        let cpu = cpu.map(|ms| format!(", {:.0} ms of CPU", ms / STARTS as f64)).unwrap_or_default();
        println!("start to end, {} (mx, spf, dnsbl), no delay: {wall:.0} ms{cpu}", domain.name);
    }
    Ok(())
}

/// The CPU time of the children that have ended; `None` where the system does not say.
fn children_cpu() -> Option<Duration> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
    // cutime and cstime, in ticks of 10 ms (proc(5)).
    let ticks: u64 = [fields.get(13)?, fields.get(14)?].iter().filter_map(|field| field.parse::<u64>().ok()).sum();
    Some(Duration::from_millis(ticks * 10))
}
