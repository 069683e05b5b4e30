//! Confinement on Linux: limits, capabilities, Landlock, seccomp.

use std::{
    fs::File,
    os::fd::{AsFd, OwnedFd},
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
    ADDRESS_SPACE, Enforced, OPEN_FILES, SandboxError, denials,
    filter::{Program, Verdict},
};

/// Where the dynamic loader finds the libraries of the system, and what every
/// program reads on the way.
const LIBRARIES: [&str; 7] =
    ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/nix/store", "/etc/ld.so.cache"];
/// What holds nothing of anybody's.
const HARMLESS: [&str; 3] = ["/dev/null", "/dev/urandom", "/dev/random"];

pub(super) fn failed<E: std::fmt::Display>(step: &'static str) -> impl FnOnce(E) -> SandboxError {
    move |error| SandboxError { step, why: error.to_string() }
}

/// Confines this process, which has one thread so far, before it touches
/// `plugin`; what it is denied is written to the pipe `told`. There is no way back.
///
/// # Errors
/// When a limit or the filter of system calls cannot be set: an unconfined
/// process loads nothing. A kernel without Landlock is no error.
pub fn enter(plugin: &File, told: OwnedFd) -> Result<Enforced, SandboxError> {
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
    denials::tell(told)?;
    apply_filter(&before_loading()).map_err(failed("filter its system calls"))?;
    Ok(Enforced { calls: true, files })
}

/// Takes away what only loading needed, from all threads that there are by now.
///
/// # Errors
/// When the filter cannot be set.
pub fn seal() -> Result<(), SandboxError> {
    let mut program = Program::begin();
    #[cfg(target_arch = "x86_64")]
    program.deny(&[libc::SYS_open], Verdict::Say);
    program.deny(&[libc::SYS_openat], Verdict::Say);
    apply_filter_all_threads(&program.end()).map_err(failed("close the files to it"))
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

/// The filter under which a file is loaded: no way out of the process.
fn before_loading() -> Vec<seccompiler::sock_filter> {
    use libc::*;
    let quietly = Verdict::Fail(EPERM);
    let mut program = Program::begin();
    // Files, to be written.
    let writing = (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC).unsigned_abs();
    program.deny_if_any(SYS_openat, 2, writing, Verdict::Say);
    // glibc asks clone3 first and takes ENOSYS for an old kernel; only clone's flags can be seen.
    program.deny(&[SYS_clone3, SYS_openat2], Verdict::Fail(ENOSYS));
    // Threads, but no processes. glibc blocks all signals here, so nothing can be said.
    program.deny_if_none(SYS_clone, 0, CLONE_THREAD.unsigned_abs(), quietly);
    program.deny_unless_equal(SYS_socketpair, 0, AF_UNIX.unsigned_abs(), Verdict::Say);
    // Signals to itself alone: abort() needs them.
    let own = std::process::id();
    program.deny_unless_equal(SYS_kill, 0, own, Verdict::Say);
    program.deny_unless_equal(SYS_tgkill, 0, own, Verdict::Say);
    // Its tie to its parent, and its limits.
    program.deny_if_equal(SYS_prctl, 0, PR_SET_PDEATHSIG.unsigned_abs(), quietly);
    program.deny_if_given(SYS_prlimit64, 2, quietly);
    program.deny(
        &[
            SYS_socket,
            SYS_connect,
            SYS_bind,
            SYS_listen,
            SYS_accept,
            SYS_accept4,
            SYS_execve,
            SYS_execveat,
            SYS_ptrace,
            SYS_process_vm_readv,
            SYS_process_vm_writev,
            SYS_process_madvise,
            SYS_kcmp,
            SYS_pidfd_open,
            SYS_pidfd_getfd,
            SYS_pidfd_send_signal,
            SYS_io_uring_setup,
            SYS_io_uring_enter,
            SYS_io_uring_register,
            SYS_mkdirat,
            SYS_mknodat,
            SYS_unlinkat,
            SYS_renameat2,
            SYS_linkat,
            SYS_symlinkat,
            SYS_fchmodat,
            SYS_fchmodat2,
            SYS_fchownat,
            SYS_truncate,
            SYS_utimensat,
            SYS_setxattr,
            SYS_lsetxattr,
            SYS_chroot,
            SYS_pivot_root,
            SYS_mount,
            SYS_umount2,
            SYS_move_mount,
            SYS_open_tree,
            SYS_fsopen,
            SYS_fspick,
            SYS_mount_setattr,
            SYS_open_by_handle_at,
            SYS_name_to_handle_at,
            SYS_fanotify_init,
        ],
        Verdict::Say,
    );
    program.deny(
        &[
            SYS_tkill,
            SYS_rt_sigqueueinfo,
            SYS_rt_tgsigqueueinfo,
            SYS_setrlimit,
            SYS_setpriority,
            SYS_sched_setscheduler,
            SYS_unshare,
            SYS_setns,
            SYS_bpf,
            SYS_perf_event_open,
            SYS_userfaultfd,
            SYS_personality,
            SYS_add_key,
            SYS_request_key,
            SYS_keyctl,
            SYS_init_module,
            SYS_finit_module,
            SYS_delete_module,
            SYS_kexec_load,
            SYS_kexec_file_load,
            SYS_reboot,
            SYS_swapon,
            SYS_swapoff,
            SYS_acct,
            SYS_quotactl,
            SYS_quotactl_fd,
            SYS_settimeofday,
            SYS_clock_settime,
            SYS_adjtimex,
            SYS_clock_adjtime,
            SYS_sethostname,
            SYS_setdomainname,
            SYS_syslog,
            SYS_vhangup,
            SYS_lookup_dcookie,
            SYS_nfsservctl,
            SYS_setuid,
            SYS_setgid,
            SYS_setreuid,
            SYS_setregid,
            SYS_setresuid,
            SYS_setresgid,
            SYS_setgroups,
            SYS_capset,
            SYS_shmget,
            SYS_shmat,
            SYS_msgget,
            SYS_semget,
            SYS_mq_open,
        ],
        quietly,
    );
    // The older forms of the same calls.
    #[cfg(target_arch = "x86_64")]
    {
        program.deny_if_any(SYS_open, 1, writing, Verdict::Say);
        program.deny(
            &[
                SYS_creat,
                SYS_mkdir,
                SYS_rmdir,
                SYS_mknod,
                SYS_unlink,
                SYS_rename,
                SYS_renameat,
                SYS_link,
                SYS_symlink,
                SYS_chmod,
                SYS_chown,
                SYS_lchown,
                SYS_utime,
                SYS_utimes,
                SYS_futimesat,
            ],
            Verdict::Say,
        );
        program.deny(&[SYS_fork, SYS_vfork, SYS_iopl, SYS_ioperm, SYS_modify_ldt, SYS_uselib], quietly);
    }
    program.end()
}
