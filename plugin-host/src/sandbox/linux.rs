//! Confinement on Linux: limits, capabilities, Landlock, seccomp.

use std::{
    fs::File,
    os::fd::AsFd,
    sync::atomic::{AtomicI64, AtomicU8, Ordering},
};

use landlock::{
    ABI, Access, AccessFs, AccessNet, PathBeneath, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetStatus, Scope,
    path_beneath_rules,
};
use rustix::{
    process::{Resource, Rlimit, Signal},
    thread::{CapabilitySet, CapabilitySets},
};
use seccompiler::{apply_filter, apply_filter_all_threads};

use super::{
    ADDRESS_SPACE, Enforced, OPEN_FILES, SandboxError,
    rules::{self, CHANGE_A_FILE, CHANGE_A_FILE_OLD},
};

/// Where the dynamic loader finds the libraries of the system, and what every
/// program reads on the way.
const LIBRARIES: [&str; 7] =
    ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/nix/store", "/etc/ld.so.cache"];
/// What holds nothing of anybody's.
const HARMLESS: [&str; 3] = ["/dev/null", "/dev/urandom", "/dev/random"];

fn failed<E: std::fmt::Display>(step: &'static str) -> impl FnOnce(E) -> SandboxError {
    move |error| SandboxError { step, why: error.to_string() }
}

/// Closes what this process was given beside its standard streams, such as a
/// file that the shell had open for writing. To be called before anything is opened.
pub fn close_inherited() {
    // SAFETY: takes numbers; nothing of ours is open yet that it could close.
    let closed = unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0) };
    if closed != 0 {
        // A kernel before 5.9. No more than so many can have been opened with usual limits.
        for file in 3..4096 {
            // SAFETY: as above.
            unsafe { libc::close(file) };
        }
    }
}

/// Confines this process, which has one thread so far, before it touches
/// `plugin`. There is no way back.
///
/// # Errors
/// When a limit or the filter of system calls cannot be set: an unconfined
/// process loads nothing. A kernel without Landlock is no error.
pub fn enter(plugin: &File) -> Result<Enforced, SandboxError> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).map_err(failed("tie it to its parent"))?;
    let limits =
        [(Resource::Core, 0), (Resource::Fsize, 0), (Resource::As, ADDRESS_SPACE), (Resource::Nofile, OPEN_FILES)];
    for (resource, most) in limits {
        let limit = Rlimit { current: Some(most), maximum: Some(most) };
        rustix::process::setrlimit(resource, limit).map_err(failed("limit it"))?;
    }
    let none = CapabilitySet::empty();
    let sets = CapabilitySets { effective: none, permitted: none, inheritable: none };
    rustix::thread::set_capabilities(None, sets).map_err(failed("take its capabilities"))?;
    let files = close_files(plugin);
    keep_what_is_denied()?;
    apply_filter(&rules::before_loading()).map_err(failed("filter its system calls"))?;
    Ok(Enforced { calls: true, files })
}

/// Takes away what only loading needed, from all threads that there are by now.
///
/// # Errors
/// When the filter cannot be set.
pub fn seal() -> Result<(), SandboxError> {
    apply_filter_all_threads(&rules::after_loading()).map_err(failed("close the files to it"))
}

/// Whether Landlock closes the file system, TCP, and what lies outside.
fn close_files(plugin: &File) -> bool {
    let read = AccessFs::Execute | AccessFs::ReadFile | AccessFs::ReadDir;
    let rules = || {
        let own = PathBeneath::new(plugin.as_fd(), AccessFs::Execute | AccessFs::ReadFile);
        Ok::<_, Box<dyn std::error::Error>>(
            Ruleset::default()
                .handle_access(AccessFs::from_all(ABI::V5))?
                .handle_access(AccessNet::from_all(ABI::V4))?
                .scope(Scope::from_all(ABI::V6))?
                .create()?
                .add_rules(path_beneath_rules(LIBRARIES, read))?
                .add_rules(path_beneath_rules(HARMLESS, AccessFs::ReadFile))?
                .add_rule(own)?
                .restrict_self()?,
        )
    };
    rules().is_ok_and(|status| status.ruleset != RulesetStatus::NotEnforced)
}

/// How many denials are kept between two reports; more are dropped.
const KEPT: usize = 16;
/// How much of a path is kept, in bytes.
const PATH: usize = 96;

/// One denied call, written by a signal handler: free 0, being written 1, ready 2.
struct Denial {
    state: AtomicU8,
    call: AtomicI64,
    path: [AtomicU8; PATH],
}

static DENIALS: [Denial; KEPT] =
    [const { Denial { state: AtomicU8::new(0), call: AtomicI64::new(0), path: [const { AtomicU8::new(0) }; PATH] } };
        KEPT];

/// What was denied since it was last asked, in words such as
/// `to open /etc/passwd` or `to make a socket`; each once.
pub fn denied() -> Vec<String> {
    let mut words = Vec::new();
    for denial in &DENIALS {
        if denial.state.load(Ordering::Acquire) == 2 {
            let path = denial.path.iter().map(|byte| byte.load(Ordering::Relaxed)).take_while(|byte| *byte != 0);
            let path = String::from_utf8_lossy(&path.collect::<Vec<u8>>()).into_owned();
            let said = phrase(denial.call.load(Ordering::Relaxed), &path);
            denial.state.store(0, Ordering::Release);
            if !words.contains(&said) {
                words.push(said);
            }
        }
    }
    words
}

#[allow(non_upper_case_globals, reason = "the names of system calls are what they are")]
fn phrase(call: libc::c_long, path: &str) -> String {
    use libc::*;
    match call {
        SYS_socket | SYS_socketpair | SYS_connect | SYS_bind | SYS_listen | SYS_accept | SYS_accept4 => {
            "to use a socket of its own".to_owned()
        }
        SYS_execve | SYS_execveat => "to start a program".to_owned(),
        _ if !path.is_empty() => format!("to open {path}"),
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
        changes if CHANGE_A_FILE.contains(&changes) || CHANGE_A_FILE_OLD.contains(&changes) => {
            "to change a file".to_owned()
        }
        other => format!("the system call {other}"),
    }
}

/// Installs the handler of the signal that a denied call raises: it makes the
/// call fail with EPERM, and keeps that it was tried.
fn keep_what_is_denied() -> Result<(), SandboxError> {
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

/// Only what a signal handler may do: reads registers, writes atomics.
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
    // What every runtime looks up about the machine is denied, but is no misdeed.
    if starts_with(path, b"/proc/") || starts_with(path, b"/sys/") {
        return;
    }
    for denial in &DENIALS {
        if denial.state.compare_exchange(0, 1, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
            denial.call.store(call, Ordering::Relaxed);
            let mut ended = path.is_null();
            for (at, byte) in denial.path.iter().enumerate() {
                // SAFETY: the plugin passed this path to a system call as a string that ends with
                // a zero, and nothing beyond that zero is read. Where it lied, it is the plugin
                // that faults, in a process that is there for that.
                let value = if ended { 0 } else { unsafe { byte_at(path, at) } };
                ended |= value == 0;
                byte.store(value, Ordering::Relaxed);
            }
            denial.state.store(2, Ordering::Release);
            return;
        }
    }
}

/// # Safety
/// `at` bytes beyond `path` can be read.
unsafe fn byte_at(path: *const u8, at: usize) -> u8 {
    // SAFETY: the caller vouches for it.
    let place = unsafe { path.add(at) };
    // SAFETY: the same. Volatile, because what is there is not ours.
    unsafe { place.read_volatile() }
}

fn starts_with(path: *const u8, prefix: &[u8]) -> bool {
    !path.is_null()
        && prefix.iter().enumerate().all(|(at, byte)| {
            // SAFETY: as in `handler`; the comparison stops at the first difference, so at the zero.
            unsafe { byte_at(path, at) == *byte }
        })
}
