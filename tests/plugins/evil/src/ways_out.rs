//! Ways out of the process that go through what it has: descriptors, numbers
//! of other processes, and the handler that hears of denials.

use std::{
    io,
    os::fd::{AsRawFd, RawFd},
};

/// Tries what `mode` names; what came of it.
pub fn tried(mode: &str) -> Option<String> {
    // SAFETY: takes nothing.
    let parent = unsafe { libc::getppid() };
    let pair = || std::os::unix::net::UnixStream::pair().expect("a pair of its own");
    Some(match mode {
        // SAFETY: takes numbers only.
        "chmod-descriptor" => on_file(|file| unsafe { libc::fchmod(file, 0o777) }),
        // SAFETY: takes numbers only.
        "chown-descriptor" => on_file(|file| unsafe { libc::fchown(file, 0, 0) }),
        "attribute-descriptor" => {
            // SAFETY: name and value can be read, and end where the call is told.
            on_file(|file| unsafe { libc::fsetxattr(file, c"user.evil".as_ptr(), c"1".as_ptr().cast(), 1, 0) })
        }
        "flags-descriptor" => {
            let none = 0i32;
            // SAFETY: the flags can be read. FS_IOC_SETFLAGS.
            on_file(|file| unsafe { libc::ioctl(file, 0x4008_6602, &raw const none) })
        }
        // SAFETY: takes numbers only.
        "lock-descriptor" => on_file(|file| unsafe { libc::flock(file, libc::LOCK_SH) }),
        "truncate" => {
            // SAFETY: the name can be read; the other takes numbers.
            said(unsafe { libc::ftruncate(libc::memfd_create(c"evil".as_ptr(), 0), 1 << 20) })
        }
        // SAFETY: takes numbers only.
        "owner" => said(unsafe { libc::fcntl(pair().0.as_raw_fd(), libc::F_SETOWN, parent) }),
        // SAFETY: the number can be read. FIOSETOWN.
        "owner-by-ioctl" => said(unsafe { libc::ioctl(pair().0.as_raw_fd(), 0x8901, &raw const parent) }),
        "affinity-of-parent" => said(affinity(parent)),
        "affinity" => said(affinity(0)),
        // SAFETY: takes numbers only: a process, lowest of the idle class.
        "io-priority-of-parent" => said(unsafe { libc::syscall(libc::SYS_ioprio_set, 1, parent, 3 << 13) as i32 }),
        "limits-of-parent" => {
            let few = libc::rlimit { rlim_cur: 3, rlim_max: 3 };
            // SAFETY: `few` can be read.
            said(unsafe { libc::prlimit(parent, libc::RLIMIT_NOFILE, &raw const few, std::ptr::null_mut()) })
        }
        "datagrams" => {
            said(std::os::unix::net::UnixDatagram::pair().map_or_else(|e| -e.raw_os_error().unwrap_or(0), |_| 0))
        }
        // SAFETY: takes numbers only: `setxattrat`, and one that there is none of.
        "newer" => said(unsafe { libc::syscall(463, -1, 0, 0, 0, 0, 0) + libc::syscall(900, 0) } as i32),
        "silence" => {
            // SAFETY: takes numbers only.
            let handler = unsafe { libc::signal(libc::SIGSYS, libc::SIG_IGN) };
            let opened = std::net::UdpSocket::bind("127.0.0.1:0").is_ok();
            format!("refused {}, opened {opened}", handler == libc::SIG_ERR)
        }
        "inherited" => {
            // SAFETY: takes numbers only.
            let writes = |file: &RawFd| unsafe { libc::fcntl(*file, libc::F_GETFL) & libc::O_ACCMODE } > 0;
            format!("{:?}", files().into_iter().filter(writes).collect::<Vec<_>>())
        }
        _ => return None,
    })
}

fn said(result: i32) -> String {
    match result {
        0 => "done".to_owned(),
        failed if failed < -1 => format!("{failed}"),
        _ => format!("{:?}", io::Error::last_os_error().raw_os_error()),
    }
}

fn affinity(process: i32) -> i32 {
    // SAFETY: zeroes are a set, and both calls are told its size.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::sched_getaffinity(0, size_of_val(&set), &raw mut set);
        libc::sched_setaffinity(process, size_of_val(&set), &raw const set)
    }
}

/// Tries it on each file that is open.
fn on_file(call: impl Fn(RawFd) -> i32) -> String {
    let results: Vec<String> = files().into_iter().map(|file| said(call(file))).collect();
    format!("{results:?}")
}

/// The descriptors of files.
fn files() -> Vec<RawFd> {
    let is_file = |fd: &RawFd| {
        // SAFETY: zeroes are a value, and the call writes no more than one.
        unsafe {
            let mut about: libc::stat = std::mem::zeroed();
            libc::fstat(*fd, &raw mut about) == 0 && about.st_mode & libc::S_IFMT == libc::S_IFREG
        }
    };
    (3..256).filter(is_file).collect()
}
