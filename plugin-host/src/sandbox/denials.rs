//! What a plugin tried and was denied: a signal handler in its process writes it
//! to a pipe at once, so that it is known even of a process that ends there and
//! then; the engine reads it.

use std::{
    os::fd::{AsRawFd, OwnedFd},
    sync::atomic::{AtomicI32, Ordering},
};

use super::{
    SandboxError,
    linux::failed,
    rules::{CHANGE_A_FILE, CHANGE_A_FILE_OLD},
};

/// How much of a path is told, in bytes.
const PATH: usize = 96;
/// The bytes of one denial: the number of the call, little-endian, and the
/// path with zeroes behind it. Less than a pipe takes in one piece.
const RECORD: usize = 8 + PATH;
/// The most that is read of one process at a time, in bytes.
pub(super) const MOST: usize = 64 * RECORD;

/// The pipe, for the handler.
static TOLD: AtomicI32 = AtomicI32::new(-1);

/// What the records say, in words such as `to open /etc/passwd` or `to use a
/// socket of its own`; each once. The process could have written them itself.
pub(super) fn said(records: &[u8]) -> Vec<String> {
    let mut words = Vec::new();
    for record in records.chunks_exact(RECORD) {
        let Some((call, path)) = record.split_first_chunk::<8>() else { continue };
        let path = path.split(|byte| *byte == 0).next().unwrap_or_default();
        if of_the_machine(path) {
            continue;
        }
        let said = phrase(i64::from_le_bytes(*call), &String::from_utf8_lossy(path));
        if !words.contains(&said) {
            words.push(said);
        }
    }
    words
}

/// What every runtime looks up about the machine and itself is denied, but is
/// no misdeed; what it looks up about another process is.
fn of_the_machine(path: &[u8]) -> bool {
    let below = |folder: &[u8]| path.strip_prefix(folder).filter(|rest| !rest.first().is_some_and(u8::is_ascii_digit));
    below(b"/proc/").or_else(|| below(b"/sys/")).is_some()
}

#[allow(non_upper_case_globals, reason = "the names of system calls are what they are")]
fn phrase(call: libc::c_long, path: &str) -> String {
    use libc::*;
    match call {
        SYS_socket | SYS_socketpair | SYS_connect | SYS_bind | SYS_listen | SYS_accept | SYS_accept4 => {
            "to use a socket of its own".to_owned()
        }
        SYS_execve | SYS_execveat => "to start a program".to_owned(),
        SYS_kill | SYS_tgkill | SYS_pidfd_send_signal => "to send a signal to another process".to_owned(),
        SYS_ptrace
        | SYS_process_vm_readv
        | SYS_process_vm_writev
        | SYS_process_madvise
        | SYS_process_mrelease
        | SYS_kcmp
        | SYS_pidfd_open
        | SYS_pidfd_getfd => "to look into another process".to_owned(),
        SYS_io_uring_setup | SYS_io_uring_enter | SYS_io_uring_register => "to use io_uring".to_owned(),
        _ if !path.is_empty() => format!("to open {path}"),
        changes if CHANGE_A_FILE.contains(&changes) || CHANGE_A_FILE_OLD.contains(&changes) => {
            "to change a file".to_owned()
        }
        other => format!("the system call {other}"),
    }
}

/// Installs the handler of the signal that a denied call raises: it makes the
/// call fail with EPERM, and writes to `told` that it was tried.
pub(super) fn tell(told: OwnedFd) -> Result<(), SandboxError> {
    // A full pipe keeps nobody waiting.
    rustix::io::ioctl_fionbio(&told, true).map_err(failed("hear of what is denied"))?;
    TOLD.store(told.as_raw_fd(), Ordering::Relaxed);
    // Open for as long as the process lives.
    std::mem::forget(told);
    // SAFETY: zeroes are a value of `sigaction`, all of whose fields are integers and pointers.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler as *const () as libc::sighandler_t;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_NODEFER;
    // SAFETY: `action` is initialised, and its handler has the form that SA_SIGINFO asks for.
    match unsafe { libc::sigaction(libc::SIGSYS, &action, std::ptr::null_mut()) } {
        0 => Ok(()),
        _ => Err(failed("hear of what is denied")(std::io::Error::last_os_error())),
    }
}

/// Only what a signal handler may do: reads registers, writes to a pipe.
extern "C" fn handler(_: libc::c_int, _: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: with SA_SIGINFO the kernel hands a `ucontext_t` that is ours until we return.
    let Some(context) = (unsafe { context.cast::<libc::ucontext_t>().as_mut() }) else { return };
    #[cfg(target_arch = "x86_64")]
    let (call, first, second) = {
        let registers = &mut context.uc_mcontext.gregs;
        let register = |name: libc::c_int| usize::try_from(name).unwrap_or(0);
        // Before a filter's trap the kernel puts the call's number back.
        let call = registers[register(libc::REG_RAX)];
        let (first, second) = (registers[register(libc::REG_RDI)], registers[register(libc::REG_RSI)]);
        registers[register(libc::REG_RAX)] = -i64::from(libc::EPERM);
        (call, first, second)
    };
    #[cfg(target_arch = "aarch64")]
    let (call, first, second) = {
        let registers = &mut context.uc_mcontext.regs;
        let read = (registers[8].cast_signed(), registers[0].cast_signed(), registers[1].cast_signed());
        registers[0] = (-i64::from(libc::EPERM)).cast_unsigned();
        read
    };
    let path = match call {
        libc::SYS_openat => second,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_open | libc::SYS_creat => first,
        _ => 0,
    };
    let _ = first;
    let path = std::ptr::with_exposed_provenance::<u8>(usize::try_from(path).unwrap_or(0));
    let mut record = [0; RECORD];
    record[..8].copy_from_slice(&call.to_le_bytes());
    if !path.is_null() {
        for (at, place) in record[8..].iter_mut().enumerate() {
            // SAFETY: the plugin passed this path to a system call as a string that ends with
            // a zero, and nothing beyond that zero is read. Where it lied, it is the plugin
            // that faults, in a process that is there for that.
            *place = unsafe { byte_at(path, at) };
            if *place == 0 {
                break;
            }
        }
    }
    // SAFETY: `errno` is this thread's, and the code that was interrupted wants it back.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: the same.
    let before = unsafe { errno.read() };
    // SAFETY: as many bytes as there are. That it fails changes nothing.
    let _ = unsafe { libc::write(TOLD.load(Ordering::Relaxed), record.as_ptr().cast(), RECORD) };
    // SAFETY: the same.
    unsafe { errno.write(before) };
}

/// # Safety
/// `at` bytes beyond `path` can be read.
unsafe fn byte_at(path: *const u8, at: usize) -> u8 {
    // SAFETY: the caller vouches for it.
    let place = unsafe { path.add(at) };
    // SAFETY: the same. Volatile, because what is there is not ours.
    unsafe { place.read_volatile() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(call: libc::c_long, path: &str) -> Vec<u8> {
        let mut bytes = call.to_le_bytes().to_vec();
        bytes.extend(path.bytes());
        bytes.resize(RECORD, 0);
        bytes
    }

    #[test]
    fn each_is_said_once_and_what_is_cut_or_usual_is_not() {
        let mut bytes = [
            record(libc::SYS_openat, "/etc/passwd"),
            record(libc::SYS_socket, ""),
            record(libc::SYS_openat, "/etc/passwd"),
            record(libc::SYS_openat, "/proc/self/maps"),
            record(libc::SYS_openat, "/sys/devices"),
            record(libc::SYS_openat, "/proc/1/environ"),
            record(libc::SYS_openat, &"x".repeat(PATH)),
        ]
        .concat();
        bytes.extend([1; RECORD - 1]);
        let long = format!("to open {}", "x".repeat(PATH));
        assert_eq!(
            said(&bytes),
            ["to open /etc/passwd", "to use a socket of its own", "to open /proc/1/environ", long.as_str()]
        );
    }
}
