//! What the filters deny, call by call.
//!
//! The whole tables of x86-64 and aarch64, up to [`NEWEST`], were gone through with
//! one question: is this a way to change, to reach or to hinder anything
//! outside of the process? What is left does its work within the process, or
//! reads what everybody may read. A call that is newer fails as on a kernel
//! that has none.

use libc::*;
use seccompiler::sock_filter;

use super::filter::{Program, Verdict};

/// The newest call that was looked at: `mseal`, of Linux 6.10.
const NEWEST: c_long = 462;

// Calls whose numbers the C library's bindings do not have on both; from 424 on
// all architectures have the same.
const FCHMODAT2: c_long = 452;
const LSM_SET_SELF_ATTR: c_long = 460;

/// Orders of `ioctl` that a runtime gives (asm-generic/ioctls.h): whether it
/// is a terminal and how wide, what waits to be read, and flags of the
/// descriptor itself. All others change files, terminals or whom signals go to.
const ORDERS: [u32; 8] = [
    0x5401,      // TCGETS
    0x802c_542a, // TCGETS2
    0x540f,      // TIOCGPGRP
    0x5413,      // TIOCGWINSZ
    0x541b,      // FIONREAD
    0x5421,      // FIONBIO
    0x5450,      // FIONCLEX
    0x5451,      // FIOCLEX
];

/// What `fcntl` may do: copies, flags, the size and the seals of what is the
/// process's own. Locks and leases hold up others, and an owner gets signals.
const CONTROLS: [c_int; 10] = [
    F_DUPFD,
    F_DUPFD_CLOEXEC,
    F_GETFD,
    F_SETFD,
    F_GETFL,
    F_SETFL,
    F_GETPIPE_SZ,
    F_SETPIPE_SZ,
    F_ADD_SEALS,
    F_GET_SEALS,
];

/// `PR_SCHED_CORE` and `PR_SET_PTRACER` (linux/prctl.h).
const SHARE_A_CORE: u32 = 62;
const LET_TRACE: u32 = 0x5961_6d61;

/// The filter under which a file is loaded: no way out of the process.
pub fn before_loading() -> Vec<sock_filter> {
    let quietly = Verdict::Fail(EPERM);
    let mut program = Program::begin(NEWEST);
    files(&mut program);
    reaching_others(&mut program);
    hindering_others(&mut program);

    // glibc asks clone3 first and takes ENOSYS for an old kernel; only clone's flags can be seen.
    program.deny(&[SYS_clone3, SYS_openat2, SYS_io_setup, SYS_io_submit], Verdict::Fail(ENOSYS));
    // Threads, but no processes. glibc blocks all signals here, so nothing can be said.
    program.deny_if_none(SYS_clone, 0, CLONE_THREAD.unsigned_abs(), quietly);
    #[cfg(target_arch = "x86_64")]
    program.deny(&[SYS_fork, SYS_vfork], quietly);
    program.deny(&[SYS_execve, SYS_execveat], Verdict::Say);

    // What holds it: its tie to its parent, its limits, and the handler that hears of denials.
    program.deny_if_equal(SYS_prctl, 0, PR_SET_PDEATHSIG.unsigned_abs(), quietly);
    program.deny_if_given(SYS_prlimit64, 2, quietly);
    program.deny_unless_among(SYS_prlimit64, 0, &[0], quietly);
    program.deny_if_equal_and_given(SYS_rt_sigaction, (0, SIGSYS.unsigned_abs()), 1, quietly);
    program.deny(&[SYS_setrlimit, SYS_setsid, SYS_setpgid], quietly);
    program.end()
}

/// The filter under which it runs: what only loading needed is gone too.
pub fn after_loading() -> Vec<sock_filter> {
    let mut program = Program::begin(NEWEST);
    #[cfg(target_arch = "x86_64")]
    program.deny(&[SYS_open], Verdict::Say);
    program.deny(&[SYS_openat], Verdict::Say);
    program.end()
}

/// Nothing of the file system is changed, by name or through a descriptor.
fn files(program: &mut Program) {
    let writing = (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC).unsigned_abs();
    program.deny_if_any(SYS_openat, 2, writing, Verdict::Say);
    program.deny(CHANGE_A_FILE, Verdict::Say);
    program.deny(&[SYS_open_by_handle_at, SYS_name_to_handle_at, SYS_fanotify_init], Verdict::Say);
    program.deny_unless_among(SYS_ioctl, 1, &ORDERS, Verdict::Fail(ENOTTY));
    program.deny_unless_among(SYS_fcntl, 1, &CONTROLS.map(c_int::unsigned_abs), Verdict::Fail(EPERM));
    program.deny(
        &[
            SYS_flock,
            SYS_ftruncate,
            SYS_fallocate,
            SYS_sync,
            SYS_syncfs,
            SYS_inotify_add_watch,
            SYS_fanotify_mark,
            SYS_quotactl,
            SYS_quotactl_fd,
            SYS_swapon,
            SYS_swapoff,
            SYS_acct,
            SYS_lookup_dcookie,
            SYS_nfsservctl,
        ],
        Verdict::Fail(EPERM),
    );
    #[cfg(target_arch = "x86_64")]
    {
        program.deny_if_any(SYS_open, 1, writing, Verdict::Say);
        program.deny(CHANGE_A_FILE_OLD, Verdict::Say);
    }
}

/// What changes files.
pub const CHANGE_A_FILE: &[c_long] = &[
    SYS_mkdirat,
    SYS_mknodat,
    SYS_unlinkat,
    SYS_renameat,
    SYS_renameat2,
    SYS_linkat,
    SYS_symlinkat,
    SYS_fchmod,
    SYS_fchmodat,
    FCHMODAT2,
    SYS_fchown,
    SYS_fchownat,
    SYS_truncate,
    SYS_utimensat,
    SYS_setxattr,
    SYS_lsetxattr,
    SYS_fsetxattr,
    SYS_removexattr,
    SYS_lremovexattr,
    SYS_fremovexattr,
    SYS_chroot,
    SYS_pivot_root,
    SYS_mount,
    SYS_umount2,
    SYS_move_mount,
    SYS_open_tree,
    SYS_fsopen,
    SYS_fsconfig,
    SYS_fsmount,
    SYS_fspick,
    SYS_mount_setattr,
];

/// The older forms of the same.
#[cfg(target_arch = "x86_64")]
pub const CHANGE_A_FILE_OLD: &[c_long] = &[
    SYS_creat,
    SYS_mkdir,
    SYS_rmdir,
    SYS_mknod,
    SYS_unlink,
    SYS_rename,
    SYS_link,
    SYS_symlink,
    SYS_chmod,
    SYS_chown,
    SYS_lchown,
    SYS_utime,
    SYS_utimes,
    SYS_futimesat,
];
#[cfg(target_arch = "aarch64")]
pub const CHANGE_A_FILE_OLD: &[c_long] = &[];

/// No socket, no memory, no queue that another process has a part in.
fn reaching_others(program: &mut Program) {
    let quietly = Verdict::Fail(EPERM);
    program.deny(&[SYS_socket, SYS_connect, SYS_bind, SYS_listen, SYS_accept, SYS_accept4], Verdict::Say);
    // A pair for itself. With datagrams, each could be sent to any address.
    program.deny_unless_among(SYS_socketpair, 0, &[AF_UNIX.unsigned_abs()], Verdict::Say);
    program.deny_if_any(SYS_socketpair, 1, 0xf & !SOCK_STREAM.unsigned_abs(), Verdict::Say);
    program.deny(&[SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register], Verdict::Say);
    program.deny(
        &[SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_kcmp, SYS_pidfd_open, SYS_pidfd_getfd],
        Verdict::Say,
    );
    // SysV objects are found by a number that can be guessed.
    program.deny(
        &[
            SYS_shmget,
            SYS_shmat,
            SYS_shmctl,
            SYS_msgget,
            SYS_msgsnd,
            SYS_msgrcv,
            SYS_msgctl,
            SYS_semget,
            SYS_semop,
            SYS_semtimedop,
            SYS_semctl,
            SYS_mq_open,
            SYS_mq_unlink,
            SYS_add_key,
            SYS_request_key,
            SYS_keyctl,
            SYS_get_robust_list,
        ],
        quietly,
    );
}

/// No signal, no change of how another process or the machine runs.
fn hindering_others(program: &mut Program) {
    let quietly = Verdict::Fail(EPERM);
    // Signals to itself alone: abort() needs them.
    let own = std::process::id();
    program.deny_unless_among(SYS_kill, 0, &[own], Verdict::Say);
    program.deny_unless_among(SYS_tgkill, 0, &[own], Verdict::Say);
    program.deny(&[SYS_pidfd_send_signal, SYS_process_madvise, SYS_process_mrelease], Verdict::Say);
    // Its own thread, which is 0, as it likes.
    for call in [SYS_sched_setparam, SYS_sched_setattr, SYS_sched_setaffinity, SYS_move_pages] {
        program.deny_unless_among(call, 0, &[0], quietly);
    }
    program.deny_if_equal(SYS_prctl, 0, SHARE_A_CORE, quietly);
    program.deny_if_equal(SYS_prctl, 0, LET_TRACE, quietly);
    program.deny(
        &[
            SYS_tkill,
            SYS_rt_sigqueueinfo,
            SYS_rt_tgsigqueueinfo,
            SYS_setpriority,
            SYS_ioprio_set,
            SYS_sched_setscheduler,
            SYS_migrate_pages,
            SYS_unshare,
            SYS_setns,
            SYS_bpf,
            SYS_perf_event_open,
            SYS_userfaultfd,
            SYS_personality,
            SYS_init_module,
            SYS_finit_module,
            SYS_delete_module,
            SYS_kexec_load,
            SYS_kexec_file_load,
            SYS_reboot,
            SYS_settimeofday,
            SYS_clock_settime,
            SYS_adjtimex,
            SYS_clock_adjtime,
            SYS_sethostname,
            SYS_setdomainname,
            SYS_syslog,
            SYS_vhangup,
            SYS_setuid,
            SYS_setgid,
            SYS_setreuid,
            SYS_setregid,
            SYS_setresuid,
            SYS_setresgid,
            SYS_setfsuid,
            SYS_setfsgid,
            SYS_setgroups,
            SYS_capset,
            LSM_SET_SELF_ATTR,
        ],
        quietly,
    );
    #[cfg(target_arch = "x86_64")]
    program.deny(&[SYS_iopl, SYS_ioperm, SYS_modify_ldt, SYS_uselib], quietly);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::filter::run_ours;

    fn allows(program: &[sock_filter], call: c_long, arguments: [u64; 4]) -> bool {
        run_ours(program, call, arguments) == SECCOMP_RET_ALLOW
    }

    #[test]
    fn what_changes_reaches_or_hinders_others_is_denied_however_it_is_called() {
        let program = before_loading();
        let everywhere = CHANGE_A_FILE.iter().chain(CHANGE_A_FILE_OLD).copied();
        let others = [
            SYS_socket,
            SYS_connect,
            SYS_bind,
            SYS_accept4,
            SYS_execve,
            SYS_execveat,
            SYS_ptrace,
            SYS_kcmp,
            SYS_process_vm_readv,
            SYS_process_vm_writev,
            SYS_process_madvise,
            SYS_process_mrelease,
            SYS_pidfd_open,
            SYS_pidfd_getfd,
            SYS_pidfd_send_signal,
            SYS_io_uring_setup,
            SYS_io_submit,
            SYS_clone3,
            SYS_tkill,
            SYS_setpriority,
            SYS_ioprio_set,
            SYS_sched_setscheduler,
            SYS_migrate_pages,
            SYS_shmctl,
            SYS_semop,
            SYS_msgsnd,
            SYS_mq_unlink,
            SYS_flock,
            SYS_ftruncate,
            SYS_fallocate,
            SYS_sync,
            SYS_setns,
            SYS_setsid,
            // setxattrat, removexattrat, open_tree_attr, file_setattr, and what is to come.
            463,
            466,
            467,
            469,
            470,
            600,
            1023,
        ];
        for call in everywhere.chain(others) {
            for argument in [0, 1, u64::MAX] {
                assert!(!allows(&program, call, [argument; 4]), "call {call} with {argument}");
            }
        }
    }

    #[test]
    fn arguments_decide_where_a_runtime_needs_the_call_too() {
        let program = before_loading();
        let (own, parent) = (u64::from(std::process::id()), u64::from(std::process::id() + 1));
        let number = |value: c_int| u64::from(value.unsigned_abs());
        let stream = number(SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK);
        for (call, arguments, expected) in [
            (SYS_openat, [0, 0, number(O_RDONLY | O_CLOEXEC), 0], true),
            (SYS_openat, [0, 0, number(O_RDWR), 0], false),
            (SYS_openat, [0, 0, number(O_RDONLY | O_TRUNC), 0], false),
            (SYS_clone, [number(CLONE_THREAD | CLONE_VM), 0, 0, 0], true),
            (SYS_clone, [number(SIGCHLD), 0, 0, 0], false),
            (SYS_kill, [own, 6, 0, 0], true),
            (SYS_kill, [parent, 6, 0, 0], false),
            (SYS_kill, [u64::MAX, 6, 0, 0], false),
            (SYS_tgkill, [own, own, 6, 0], true),
            (SYS_tgkill, [parent, parent, 6, 0], false),
            (SYS_sched_setaffinity, [0, 8, 1, 0], true),
            (SYS_sched_setaffinity, [parent, 8, 1, 0], false),
            (SYS_sched_setattr, [parent, 1, 0, 0], false),
            (SYS_sched_setparam, [parent, 1, 0, 0], false),
            (SYS_sched_yield, [0; 4], true),
            (SYS_fcntl, [3, number(F_SETFL), number(O_NONBLOCK), 0], true),
            (SYS_fcntl, [3, number(F_DUPFD_CLOEXEC), 0, 0], true),
            (SYS_fcntl, [3, number(F_SETOWN), parent, 0], false),
            (SYS_fcntl, [3, 15, 1 << 20, 0], false), // F_SETOWN_EX
            (SYS_fcntl, [3, 10, 9, 0], false),       // F_SETSIG
            (SYS_fcntl, [3, number(F_SETLK), 1 << 20, 0], false),
            (SYS_fcntl, [3, number(F_SETLEASE), 1, 0], false),
            (SYS_ioctl, [3, 0x5401, 1 << 20, 0], true),
            (SYS_ioctl, [3, 0x5421, 1 << 20, 0], true),
            (SYS_ioctl, [3, 0x8901, 1 << 20, 0], false),      // FIOSETOWN
            (SYS_ioctl, [3, 0x8902, 1 << 20, 0], false),      // SIOCSPGRP
            (SYS_ioctl, [3, 0x5412, 1 << 20, 0], false),      // TIOCSTI
            (SYS_ioctl, [3, 0x4008_6602, 1 << 20, 0], false), // FS_IOC_SETFLAGS
            (SYS_rt_sigaction, [number(SIGSYS), 1 << 40, 0, 8], false),
            (SYS_rt_sigaction, [number(SIGSYS), 1, 0, 8], false),
            (SYS_rt_sigaction, [number(SIGSYS), 0, 1 << 40, 8], true),
            (SYS_rt_sigaction, [number(SIGSEGV), 1 << 40, 0, 8], true),
            (SYS_prlimit64, [0, 7, 0, 1 << 40], true),
            (SYS_prlimit64, [0, 7, 1 << 40, 0], false),
            (SYS_prlimit64, [parent, 7, 0, 1 << 40], false),
            (SYS_prctl, [number(PR_SET_NAME), 0, 0, 0], true),
            (SYS_prctl, [number(PR_SET_PDEATHSIG), 0, 0, 0], false),
            (SYS_prctl, [62, 2, parent, 0], false),
            (SYS_socketpair, [number(AF_UNIX), stream, 0, 0], true),
            (SYS_socketpair, [number(AF_UNIX), number(SOCK_DGRAM), 0, 0], false),
            (SYS_socketpair, [number(AF_INET), stream, 0, 0], false),
            (SYS_read, [0; 4], true),
            (SYS_mmap, [0; 4], true),
            (SYS_futex, [0; 4], true),
            (SYS_memfd_create, [0; 4], true),
            (SYS_epoll_create1, [0; 4], true),
            (SYS_seccomp, [0; 4], true),
        ] {
            assert_eq!(allows(&program, call, arguments), expected, "call {call} with {arguments:x?}");
        }
        assert!(!allows(&after_loading(), SYS_openat, [0; 4]));
        assert!(allows(&after_loading(), SYS_read, [0; 4]));
    }
}
