//! What is written to a plugin's process.
//!
//! Whoever has a frame writes it itself where the process takes it at once, so
//! that an answer costs no thread's wake-up; what is not taken is left to a
//! thread of its own. So a process that does not read keeps nobody waiting.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard},
};

use super::{lock, socket::Socket};

/// The writing half of a connection.
pub(super) struct Outgoing {
    socket: Socket,
    left: Mutex<Left>,
    changed: Condvar,
}

/// What is left to the writing thread.
#[derive(Default)]
struct Left {
    /// The rest of a frame, then whole ones.
    bytes: VecDeque<Vec<u8>>,
    /// Whether the thread is writing some.
    writing: bool,
    /// Nothing more is written.
    over: bool,
}

impl Left {
    fn is_empty(&self) -> bool {
        self.bytes.is_empty() && !self.writing
    }
}

impl Outgoing {
    pub(super) fn new(socket: Socket) -> Outgoing {
        Outgoing { socket, left: Mutex::default(), changed: Condvar::new() }
    }

    /// Writes a frame, or leaves it to the writing thread; does not wait. When
    /// it cannot be written, what is read next says why.
    pub(super) fn send(&self, frame: Vec<u8>) {
        drop(self.pass(frame));
    }

    /// The same, but waits until the process has taken all. For the thread that
    /// reads what the process sends, so that one that asks and does not listen
    /// is not listened to either.
    pub(super) fn send_and_wait(&self, frame: Vec<u8>) {
        let mut left = self.pass(frame);
        while !left.over && !left.is_empty() {
            left = self.changed.wait(left).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
    }

    fn pass(&self, mut frame: Vec<u8>) -> MutexGuard<'_, Left> {
        let mut left = lock(&self.left);
        if left.over {
            return left;
        }
        if left.is_empty() {
            match self.socket.write_now(&frame) {
                Ok(written) if written < frame.len() => drop(frame.drain(..written)),
                _ => return left,
            }
        }
        left.bytes.push_back(frame);
        self.changed.notify_all();
        left
    }

    /// The work of the writing thread: writes what is left to it, until the end.
    pub(super) fn attend(&self) {
        let mut left = lock(&self.left);
        while !left.over {
            let Some(bytes) = left.bytes.pop_front() else {
                left = self.changed.wait(left).unwrap_or_else(std::sync::PoisonError::into_inner);
                continue;
            };
            left.writing = true;
            drop(left);
            let written = self.socket.write_all(&bytes);
            left = lock(&self.left);
            left.writing = false;
            left.over |= written.is_err();
            self.changed.notify_all();
        }
    }

    /// Nothing more is written, and nobody waits any more.
    pub(super) fn end(&self) {
        lock(&self.left).over = true;
        self.changed.notify_all();
    }
}
