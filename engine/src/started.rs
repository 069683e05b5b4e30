//! Work that is begun where it is asked for, and takes a task only when there
//! is more to do: a question goes out on the asker's own thread, and no other
//! is woken before its answer is there.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Wake, Waker},
};

use tokio::{runtime::Handle, task::AbortHandle};

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Work that was begun and may still be under way. It goes on when this is dropped.
pub(crate) struct Started(Arc<Shared>);

struct Shared {
    runtime: Handle,
    state: Mutex<State>,
}

enum State {
    /// Its first poll is under way; whether it was woken meanwhile.
    Beginning { woken: bool },
    /// It waits for being woken.
    Waiting(Work),
    /// It is being given to the runtime.
    Leaving,
    /// A task has it.
    Task(AbortHandle),
    /// It is done, or was given up.
    Over,
}

impl Started {
    /// Begins `work`, which must not panic, on this thread and within this
    /// runtime; `None` when it is done. What is left once it is woken is done
    /// by a task of the runtime.
    pub(crate) fn begin(work: impl Future<Output = ()> + Send + 'static) -> Option<Started> {
        let state = Mutex::new(State::Beginning { woken: false });
        let shared = Arc::new(Shared { runtime: Handle::current(), state });
        let mut work: Work = Box::pin(work);
        let waker = Waker::from(Arc::clone(&shared));
        if work.as_mut().poll(&mut Context::from_waker(&waker)) == Poll::Ready(()) {
            return None;
        }
        let mut state = shared.state();
        let woken = matches!(*state, State::Beginning { woken: true });
        *state = State::Waiting(work);
        drop(state);
        if woken {
            waker.wake();
        }
        Some(Started(shared))
    }

    /// Gives it up, wherever it is.
    pub(crate) fn abort(&self) {
        // What is dropped may wake somebody, so not while the lock is held.
        let before = std::mem::replace(&mut *self.0.state(), State::Over);
        if let State::Task(task) = before {
            task.abort();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Shared {
    fn wake(self: Arc<Self>) {
        let work = {
            let mut state = self.state();
            match std::mem::replace(&mut *state, State::Leaving) {
                State::Waiting(work) => work,
                State::Beginning { .. } => {
                    *state = State::Beginning { woken: true };
                    return;
                }
                before => {
                    *state = before;
                    return;
                }
            }
        };
        // From within the runtime, this wakes no other thread.
        let task = self.runtime.spawn(work).abort_handle();
        let mut state = self.state();
        match *state {
            State::Leaving => *state = State::Task(task),
            // Given up meanwhile.
            _ => task.abort(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::Duration;

    use tokio::sync::{mpsc, oneshot};

    use super::*;

    #[tokio::test]
    async fn what_need_not_wait_is_done_at_once() {
        let (done, mut result) = oneshot::channel();
        let begun = Started::begin(async {
            let _ = done.send(1);
        });
        assert!(begun.is_none());
        assert_eq!(result.try_recv(), Ok(1));
    }

    #[tokio::test]
    async fn what_waits_goes_on_when_nobody_holds_it() {
        let (say, mut heard) = mpsc::channel(1);
        let (done, result) = oneshot::channel();
        let work = async move {
            let first = heard.recv().await;
            tokio::time::sleep(Duration::from_millis(1)).await;
            tokio::task::yield_now().await;
            let _ = done.send((first, heard.recv().await));
        };
        drop(Started::begin(work).unwrap());
        say.send(1).await.unwrap();
        say.send(2).await.unwrap();
        assert_eq!(result.await, Ok((Some(1), Some(2))));
    }

    #[tokio::test]
    async fn what_wakes_itself_while_it_begins_is_not_forgotten() {
        let (done, result) = oneshot::channel();
        let work = async {
            tokio::task::yield_now().await;
            let _ = done.send(());
        };
        Started::begin(work);
        result.await.unwrap();
    }

    #[tokio::test]
    async fn what_is_given_up_is_dropped_before_and_after_it_has_a_task() {
        for after in [false, true] {
            let (say, mut heard) = mpsc::channel::<()>(1);
            let (held, dropped) = oneshot::channel::<()>();
            let started = Started::begin(async move {
                let _held = held;
                while heard.recv().await.is_some() {}
                std::future::pending::<()>().await;
            })
            .unwrap();
            if after {
                say.send(()).await.unwrap();
                tokio::task::yield_now().await;
            }
            started.abort();
            dropped.await.unwrap_err();
        }
    }

    #[test]
    fn an_end_of_the_runtime_drops_what_waits() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let (held, mut dropped) = oneshot::channel::<()>();
        let _inside = runtime.enter();
        let started = Started::begin(async move {
            let _held = held;
            tokio::time::sleep(Duration::from_secs(3_600)).await;
        });
        drop(_inside);
        drop(runtime);
        assert_eq!(dropped.try_recv(), Err(oneshot::error::TryRecvError::Closed));
        started.unwrap().abort();
    }
}
