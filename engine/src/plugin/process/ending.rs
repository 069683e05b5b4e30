//! How a process ended, and the end of what it printed.

use std::{
    io::Read,
    process::{Child, ExitStatus},
    sync::{Arc, Mutex, mpsc},
    time::{Duration, Instant},
};

use engine_plugin_host::Crash;

use super::lock;

/// Time for a process that has closed its connection to be gone.
const GONE: Duration = Duration::from_millis(500);
/// How much of the end of what it prints is kept, in bytes.
const OUTPUT: usize = 2 << 10;

/// Waits for a process that has closed its connection, and ends it if it
/// lives on; its status when it ended by itself.
pub(super) fn reap(child: &Mutex<Child>) -> Option<ExitStatus> {
    let begun = Instant::now();
    loop {
        let mut child = lock(child);
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if begun.elapsed() < GONE => {}
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                return None;
            }
        }
        drop(child);
        std::thread::sleep(Duration::from_millis(1));
    }
}

pub(super) fn crash(
    status: Option<ExitStatus>,
    ended_for: Option<&String>,
    printed: &Mutex<Vec<u8>>,
    printing: Option<mpsc::Receiver<()>>,
) -> Crash {
    // A process of its own that it left behind may hold the pipe open.
    let _ = printing.map(|printing| printing.recv_timeout(GONE));
    let output = String::from_utf8_lossy(&lock(printed)).into_owned();
    #[cfg(unix)]
    let signal = status.and_then(|status| std::os::unix::process::ExitStatusExt::signal(&status));
    #[cfg(not(unix))]
    let signal = None;
    Crash { signal, code: status.and_then(|status| status.code()), ended_for: ended_for.cloned(), output }
}

/// Keeps the end of what is printed; says so when that is all.
pub(super) fn keep_output(mut from: impl Read + Send + 'static, to: Arc<Mutex<Vec<u8>>>) -> mpsc::Receiver<()> {
    let (done, ended) = mpsc::channel();
    let work = move || {
        let mut part = [0; 4096];
        while let Ok(read) = from.read(&mut part) {
            if read == 0 {
                break;
            }
            let mut kept = lock(&to);
            kept.extend_from_slice(&part[..read]);
            let over = kept.len().saturating_sub(OUTPUT);
            kept.drain(..over);
        }
        let _ = done.send(());
    };
    // Without the thread nothing is kept.
    let _ = std::thread::Builder::new().name("plugin output".to_owned()).spawn(work);
    ended
}
