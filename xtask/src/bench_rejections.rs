//! `cargo xtask bench rejections FOLDER`: how many bounces are decoded in a
//! second on one core, beside flufl.bounce where Python has it, and how fast
//! logs are read. One straight figure each: all that was done by the time that it took.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};

use crate::{bench_logs, root};

/// How long the folder is gone through.
const TIME: Duration = Duration::from_secs(5);

/// What flufl.bounce, in Python, needs for the same messages; each is parsed by Python's own parser first, as its users do.
const FLUFL: &str = "
import sys, time
from email import message_from_bytes
from flufl.bounce import all_failures
files = [open(name, 'rb').read() for name in sys.stdin.read().split('\\n') if name]
begun, done = time.perf_counter(), 0
while time.perf_counter() - begun < 3:
    for text in files:
        try:
            all_failures(message_from_bytes(text))
        except Exception:
            pass
    done += len(files)
print(f'{done} messages in {time.perf_counter() - begun:.2f} s: {done / (time.perf_counter() - begun):.0f} a second')
";

/// Builds this program as a release and lets it measure `folder`.
pub fn bench(folder: &str) -> anyhow::Result<()> {
    let folder = fs::canonicalize(folder).with_context(|| folder.to_owned())?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--quiet", "--release", "--package", "xtask"]).current_dir(root());
    if !build.status()?.success() {
        bail!("the benchmark could not be built");
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), Into::into);
    let program = target.join("release").join(format!("xtask{}", std::env::consts::EXE_SUFFIX));
    let status = Command::new(program).arg("bench-rejections").arg(folder).status()?;
    if !status.success() {
        bail!("the benchmark failed: {status}");
    }
    Ok(())
}

/// Measures, in the profile that it is built in.
pub fn measure(folder: &str) -> anyhow::Result<()> {
    let mut files = Vec::new();
    messages_below(Path::new(folder), &mut files)?;
    let messages: Vec<Vec<u8>> = files.iter().map(fs::read).collect::<Result<_, _>>()?;
    if messages.is_empty() {
        bail!("no message (*.eml, *.msg) lies in {folder}");
    }
    let bytes: usize = messages.iter().map(Vec::len).sum();
    println!("{} messages, {:.1} kB each on average", messages.len(), bytes as f64 / 1e3 / messages.len() as f64);
    // The first round reads the tables.
    messages.iter().for_each(|message| drop(std::hint::black_box(bounce::decode(message))));
    let (begun, cpu, mut done) = (Instant::now(), bench_logs::cpu_seconds(), 0_usize);
    while begun.elapsed() < TIME {
        for message in &messages {
            std::hint::black_box(bounce::decode(message));
        }
        done += messages.len();
    }
    let (clock, cpu) = (begun.elapsed().as_secs_f64(), bench_logs::cpu_seconds() - cpu);
    let done = done as f64;
    println!("bounce decode: {done:.0} messages in {clock:.2} s: {:.0} a second", done / clock);
    println!("               by CPU time, which other programs do not lengthen: {:.0} a second", done / cpu);
    println!("flufl.bounce:  {}", flufl(&files)?);
    bench_logs::bench()
}

fn messages_below(folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder)
        .with_context(|| folder.display().to_string())?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    entries.sort();
    for path in entries {
        if path.is_dir() {
            messages_below(&path, files)?;
        } else if path.extension().is_some_and(|end| end == "eml" || end == "msg") {
            files.push(path);
        }
    }
    Ok(())
}

/// What flufl.bounce does, or why that cannot be told.
fn flufl(files: &[PathBuf]) -> anyhow::Result<String> {
    let python = std::env::var_os("PYTHON").unwrap_or_else(|| "python3".into());
    let spawned = Command::new(python)
        .args(["-c", FLUFL])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = spawned else { return Ok("there is no Python here (PYTHON names another)".to_owned()) };
    let names: String = files.iter().map(|path| format!("{}\n", path.display())).collect();
    if let Some(mut input) = child.stdin.take() {
        // A Python without the package has ended already.
        _ = std::io::Write::write_all(&mut input, names.as_bytes());
    }
    let output = child.wait_with_output()?;
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    Ok(if output.status.success() { said } else { "this Python has no package flufl.bounce".to_owned() })
}
