//! How many threads a plugin's process may have. A system's own limit counts
//! all of a user's, and does not bind root; and a plugin that takes thread
//! after thread takes numbers of processes from the whole machine.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use super::Link;

/// Threads of one process: one for each run, and as many as its memory has room
/// for with stacks of a usual size.
const MOST: u64 = 512;
/// How long it may go unseen that there are more.
const LOOK: Duration = Duration::from_millis(10);

/// Looks at the process `pid` until it has ended, and ends it once it has too
/// many threads.
///
/// # Errors
/// When there can be no thread to look from.
pub(super) fn watch(link: &Arc<Link>, pid: u32) -> std::io::Result<()> {
    let link = Arc::downgrade(link);
    let thread = std::thread::Builder::new().name("plugin threads".to_owned());
    thread.spawn(move || attend(&link, pid)).map(drop)
}

fn attend(link: &Weak<Link>, pid: u32) {
    loop {
        std::thread::sleep(LOOK);
        let Some(link) = link.upgrade().filter(|link| link.lives()) else { return };
        match threads(pid) {
            Some(number) if number > MOST => {
                let _ = link.ended_for.set(format!("it had more than {MOST} threads"));
                return link.kill();
            }
            Some(_) => {}
            None => return,
        }
    }
}

/// The threads of a process; `None` where that cannot be known.
#[cfg(target_os = "linux")]
fn threads(pid: u32) -> Option<u64> {
    // A folder has two links, and one for each folder in it.
    let links = std::os::unix::fs::MetadataExt::nlink(&std::fs::metadata(format!("/proc/{pid}/task")).ok()?);
    Some(links.saturating_sub(2))
}

/// The threads of a process: not known on this system yet.
#[cfg(not(target_os = "linux"))]
fn threads(_: u32) -> Option<u64> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn threads_are_counted() {
        let own = std::process::id();
        let before = threads(own).unwrap_or(0);
        assert!(before > 0);
        let (go, waits) = std::sync::mpsc::channel::<()>();
        let waits = Arc::new(std::sync::Mutex::new(waits));
        let wait = || {
            let waits = Arc::clone(&waits);
            std::thread::spawn(move || drop(waits.lock().map(|waits| waits.recv())))
        };
        let more: Vec<_> = (0..200).map(|_| wait()).collect();
        let number = threads(own).unwrap_or(0);
        // Other tests of this process come and go.
        assert!((before + 100..before + 300).contains(&number), "{before}, then {number}");
        drop(go);
        more.into_iter().for_each(|thread| drop(thread.join()));
        assert_eq!(threads(u32::MAX), None);
    }
}
