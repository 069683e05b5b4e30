//! The seccomp programs, in classic BPF.
//!
//! They are lists of what is denied: a plugin brings its own runtime, which
//! needs what no list of allowed calls foresees. What is denied is every way
//! out of the process. Landlock and the limits stand behind it.

use seccompiler::sock_filter;

/// A seccomp program in the making.
pub struct Program(Vec<sock_filter>);

/// What happens to a denied call.
#[derive(Clone, Copy)]
pub enum Verdict {
    /// It fails, and the handler of SIGSYS keeps that it was tried.
    Say,
    /// It fails with this error number.
    Fail(i32),
}

// Classic BPF (linux/bpf_common.h): classes, sizes and modes in one word.
const LOAD: u16 = 0x20;
const IF_EQUAL: u16 = 0x15;
const IF_AT_LEAST: u16 = 0x35;
const IF_ANY_BIT: u16 = 0x45;
const RETURN: u16 = 0x06;

/// Offsets in `struct seccomp_data`.
const NUMBER: u32 = 0;
const ARCH: u32 = 4;
const ARGUMENTS: u32 = 16;

#[cfg(target_arch = "x86_64")]
const OUR_ARCH: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const OUR_ARCH: u32 = 0xc000_00b7;
/// Set in the numbers of x32, whose calls mean the same under other numbers.
#[cfg(target_arch = "x86_64")]
const X32: u32 = 0x4000_0000;

impl Program {
    /// Begins one: a call of another architecture ends the process, because its
    /// numbers mean other calls; one after `newest` is there as little as in an
    /// old kernel.
    pub fn begin(newest: libc::c_long) -> Program {
        let mut program = Program(Vec::new());
        program.add(LOAD, 0, 0, ARCH);
        program.add(IF_EQUAL, 1, 0, OUR_ARCH);
        program.add(RETURN, 0, 0, libc::SECCOMP_RET_KILL_PROCESS);
        program.add(LOAD, 0, 0, NUMBER);
        #[cfg(target_arch = "x86_64")]
        {
            program.add(IF_AT_LEAST, 0, 1, X32);
            program.add(RETURN, 0, 0, libc::SECCOMP_RET_KILL_PROCESS);
        }
        program.add(IF_AT_LEAST, 0, 1, number(newest + 1));
        program.add(RETURN, 0, 0, Verdict::Fail(libc::ENOSYS).word());
        program
    }

    /// Denies calls whatever their arguments.
    pub fn deny(&mut self, calls: &[libc::c_long], verdict: Verdict) {
        for call in calls {
            self.add(IF_EQUAL, 0, 1, number(*call));
            self.add(RETURN, 0, 0, verdict.word());
        }
    }

    /// Denies a call unless the low half of `argument` is one of `values`.
    pub fn deny_unless_among(&mut self, call: libc::c_long, argument: u32, values: &[u32], verdict: Verdict) {
        self.with_argument(call, low(argument), values.len() + 1, |program| {
            for (at, value) in values.iter().enumerate() {
                // Beyond those that are left, and what denies.
                program.add(IF_EQUAL, jump(values.len() - at), 0, *value);
            }
            program.add(RETURN, 0, 0, verdict.word());
        });
    }

    /// Denies a call when the low half of `argument` is `value`.
    pub fn deny_if_equal(&mut self, call: libc::c_long, argument: u32, value: u32, verdict: Verdict) {
        self.with_argument(call, low(argument), 2, |program| {
            program.add(IF_EQUAL, 0, 1, value);
            program.add(RETURN, 0, 0, verdict.word());
        });
    }

    /// Denies a call when the low half of `argument` has any of `bits`.
    pub fn deny_if_any(&mut self, call: libc::c_long, argument: u32, bits: u32, verdict: Verdict) {
        self.with_argument(call, low(argument), 2, |program| {
            program.add(IF_ANY_BIT, 0, 1, bits);
            program.add(RETURN, 0, 0, verdict.word());
        });
    }

    /// Denies a call when the low half of `argument` has none of `bits`.
    pub fn deny_if_none(&mut self, call: libc::c_long, argument: u32, bits: u32, verdict: Verdict) {
        self.with_argument(call, low(argument), 2, |program| {
            program.add(IF_ANY_BIT, 1, 0, bits);
            program.add(RETURN, 0, 0, verdict.word());
        });
    }

    /// Denies a call when the pointer in `argument` is not null.
    pub fn deny_if_given(&mut self, call: libc::c_long, argument: u32, verdict: Verdict) {
        for half in [low(argument), low(argument) + 4] {
            self.with_argument(call, half, 2, |program| {
                program.add(IF_EQUAL, 1, 0, 0);
                program.add(RETURN, 0, 0, verdict.word());
            });
        }
    }

    /// Denies a call when the low half of the argument `equal.0` is `equal.1`
    /// and the pointer in `given` is not null.
    pub fn deny_if_equal_and_given(&mut self, call: libc::c_long, equal: (u32, u32), given: u32, verdict: Verdict) {
        self.with_argument(call, low(equal.0), 6, |program| {
            program.add(IF_EQUAL, 0, 5, equal.1);
            program.add(LOAD, 0, 0, low(given));
            program.add(IF_EQUAL, 0, 2, 0);
            program.add(LOAD, 0, 0, low(given) + 4);
            program.add(IF_EQUAL, 1, 0, 0);
            program.add(RETURN, 0, 0, verdict.word());
        });
    }

    /// Ends it: what is not denied is allowed.
    pub fn end(mut self) -> Vec<sock_filter> {
        self.add(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW);
        self.0
    }

    /// For one call: loads the word at `offset`, does `then`, which are
    /// `length` instructions, and has the call's number back for what follows.
    fn with_argument(&mut self, call: libc::c_long, offset: u32, length: usize, then: impl FnOnce(&mut Program)) {
        self.add(IF_EQUAL, 0, jump(length + 2), number(call));
        self.add(LOAD, 0, 0, offset);
        then(self);
        self.add(LOAD, 0, 0, NUMBER);
    }

    fn add(&mut self, code: u16, jt: u8, jf: u8, k: u32) {
        self.0.push(sock_filter { code, jt, jf, k });
    }
}

impl Verdict {
    fn word(self) -> u32 {
        match self {
            Verdict::Say => libc::SECCOMP_RET_TRAP,
            Verdict::Fail(errno) => libc::SECCOMP_RET_ERRNO | (errno.unsigned_abs() & 0xffff),
        }
    }
}

/// Where the low half of an argument stands; both architectures are little-endian.
fn low(argument: u32) -> u32 {
    ARGUMENTS + 8 * argument
}

/// How far to jump; no list here is so long that it would not fit.
fn jump(over: usize) -> u8 {
    u8::try_from(over).unwrap_or(u8::MAX)
}

fn number(call: libc::c_long) -> u32 {
    // A call's number is small and positive; none is this.
    u32::try_from(call).unwrap_or(u32::MAX)
}

/// What a program does with a call of our own architecture.
#[cfg(test)]
pub fn run_ours(program: &[sock_filter], call: libc::c_long, arguments: [u64; 4]) -> u32 {
    tests::run(program, OUR_ARCH, call, arguments)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a program as the kernel does.
    pub fn run(program: &[sock_filter], arch: u32, call: libc::c_long, arguments: [u64; 4]) -> u32 {
        let mut data = Vec::new();
        data.extend(number(call).to_le_bytes());
        data.extend(arch.to_le_bytes());
        data.extend(0u64.to_le_bytes());
        arguments.iter().for_each(|argument| data.extend(argument.to_le_bytes()));
        let (mut at, mut word) = (0usize, 0u32);
        loop {
            let step = &program[at];
            at += 1;
            let jump = |truth: bool| usize::from(if truth { step.jt } else { step.jf });
            match step.code {
                LOAD => {
                    let from = step.k as usize;
                    let bytes: [u8; 4] = data.get(from..from + 4).and_then(|b| b.try_into().ok()).unwrap_or_default();
                    word = u32::from_le_bytes(bytes);
                }
                IF_EQUAL => at += jump(word == step.k),
                IF_AT_LEAST => at += jump(word >= step.k),
                IF_ANY_BIT => at += jump(word & step.k != 0),
                RETURN => return step.k,
                other => panic!("no such instruction: {other}"),
            }
        }
    }

    #[test]
    fn each_rule_decides_its_own_call_and_no_other() {
        let mut program = Program::begin(20);
        program.deny(&[1, 2], Verdict::Say);
        program.deny_unless_among(3, 0, &[7], Verdict::Fail(libc::EPERM));
        program.deny_if_any(4, 1, 0b11, Verdict::Say);
        program.deny_if_none(5, 0, 0b100, Verdict::Fail(libc::EPERM));
        program.deny_if_given(6, 1, Verdict::Fail(libc::EPERM));
        program.deny_if_equal(7, 0, 9, Verdict::Fail(libc::EPERM));
        program.deny_unless_among(9, 0, &[5, 6, 7], Verdict::Fail(libc::EPERM));
        program.deny_if_equal_and_given(10, (0, 31), 1, Verdict::Fail(libc::EPERM));
        let program = program.end();
        let ours = |call, [first, second]: [u64; 2]| run_ours(&program, call, [first, second, 0, 0]);
        let (allowed, said) = (libc::SECCOMP_RET_ALLOW, libc::SECCOMP_RET_TRAP);
        let failed = libc::SECCOMP_RET_ERRNO | 1;
        let unknown = Verdict::Fail(libc::ENOSYS).word();
        for (call, arguments, expected) in [
            (1, [0, 0], said),
            (2, [0, 0], said),
            (3, [7, 0], allowed),
            (3, [8, 0], failed),
            (4, [3, 0], allowed),
            (4, [0, 2], said),
            (5, [0b100, 0], allowed),
            (5, [0b011, 0], failed),
            (6, [1, 0], allowed),
            (6, [0, 1], failed),
            (6, [0, 1 << 40], failed),
            (7, [9, 0], failed),
            (7, [8, 0], allowed),
            (8, [9, 9], allowed),
            (9, [5, 0], allowed),
            (9, [6, 0], allowed),
            (9, [7, 0], allowed),
            (9, [8, 0], failed),
            (10, [31, 0], allowed),
            (10, [31, 1], failed),
            (10, [31, 1 << 40], failed),
            (10, [30, 1], allowed),
            (11, [31, 1], allowed),
            (20, [0, 0], allowed),
            (21, [0, 0], unknown),
            (4711, [0, 0], unknown),
        ] {
            assert_eq!(ours(call, arguments), expected, "call {call} with {arguments:?}");
        }
        assert_eq!(run(&program, 0x4000_0003, 8, [0; 4]), libc::SECCOMP_RET_KILL_PROCESS, "i386");
        #[cfg(target_arch = "x86_64")]
        assert_eq!(ours(8 | i64::from(X32), [0, 0]), libc::SECCOMP_RET_KILL_PROCESS, "x32");
    }
}
