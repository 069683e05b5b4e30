//! The host's table from Rust: the calling half of the boundary.
#![allow(unsafe_code)]

use super::{Host, Next, calls::Answer};
use crate::abi::{self, Bytes, Completion, HostTable, Status};

/// The host of one run, over its table.
pub(super) struct AbiHost {
    table: HostTable,
    run: u64,
}

impl AbiHost {
    /// # Safety
    /// The functions of `table` are a host's, and can be called as long as the
    /// process lives.
    pub unsafe fn new(table: HostTable, run: u64) -> Self {
        AbiHost { table, run }
    }
}

impl Host for AbiHost {
    fn submit(&self, tag: u64, method: &str, head: &[u8], body: &[u8]) -> Status {
        let Some(submit) = self.table.submit else { return abi::E_UNSUPPORTED };
        // SAFETY: `new`; the bytes live until the call returns.
        unsafe { submit(self.run, tag, Bytes::of(method.as_bytes()), Bytes::of(head), Bytes::of(body)) }
    }

    fn next(&self, wait: bool) -> Next {
        let Some(next) = self.table.next else { return Next::Over };
        let mut done = Completion::EMPTY;
        // SAFETY: `new`; the host fills `done` before it returns.
        match unsafe { next(self.run, if wait { -1 } else { 0 }, &mut done) } {
            abi::OK => {
                // SAFETY: the host lends both until the next `next` or `call` on this thread.
                let (head, body) = unsafe { (done.head.get().to_vec(), done.body.get().to_vec()) };
                Next::Answer(done.tag, Answer { status: done.status, head, body })
            }
            status if status > 0 => Next::Nudged,
            _ => Next::Over,
        }
    }

    fn nudge(&self) {
        if let Some(nudge) = self.table.nudge {
            // SAFETY: `new`.
            unsafe { nudge(self.run) };
        }
    }

    fn cancel(&self, tag: u64) {
        if let Some(cancel) = self.table.cancel {
            // SAFETY: `new`.
            unsafe { cancel(self.run, tag) };
        }
    }

    fn emit(&self, kind: u32, head: &[u8]) -> Status {
        let Some(emit) = self.table.emit else { return abi::E_UNSUPPORTED };
        // SAFETY: `new`; the bytes live until the call returns.
        unsafe { emit(self.run, kind, Bytes::of(head), Bytes::EMPTY) }
    }
}
