//! Runs one future on the run's thread: polls it, sleeps in the host's `next`,
//! hands answers to the calls that wait for them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context as Poller, Poll, Wake, Waker},
    thread::{self, ThreadId},
};

use super::{Host, Next, calls::Calls};
use crate::context::BoxFuture;

/// Polls in a row before the host is asked whether the run goes on.
const POLLS: u32 = 64;

/// Wakes the run: on its own thread by a mark, from any other by a nudge too.
struct Alarm {
    host: Arc<dyn Host>,
    home: ThreadId,
    rung: AtomicBool,
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.rung.swap(true, Ordering::AcqRel) && thread::current().id() != self.home {
            self.host.nudge();
        }
    }
}

/// Runs `future` to its end; `None` when the host ends the run before. The
/// future is dropped then, on this thread.
pub(super) fn block_on<T>(calls: &Arc<Calls>, mut future: BoxFuture<'_, T>) -> Option<T> {
    let alarm =
        Arc::new(Alarm { host: Arc::clone(calls.host()), home: thread::current().id(), rung: AtomicBool::new(true) });
    let waker = Waker::from(Arc::clone(&alarm));
    let mut poller = Poller::from_waker(&waker);
    loop {
        let mut polls = 0;
        while polls < POLLS && alarm.rung.swap(false, Ordering::AcqRel) {
            if let Poll::Ready(value) = future.as_mut().poll(&mut poller) {
                return Some(value);
            }
            polls += 1;
        }
        // A future that wakes itself all the time does not wait, but hears of the end.
        let wait = !alarm.rung.load(Ordering::Acquire);
        match calls.host().next(wait) {
            Next::Answer(tag, answer) => calls.deliver(tag, answer),
            Next::Nudged => {}
            Next::Over => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::VecDeque,
        future::{Future, poll_fn},
        sync::{Condvar, Mutex},
        time::Duration,
    };

    use serde_json::{Value, json};

    use super::*;
    use crate::{
        abi::{self, Status},
        context::{Emission, ServiceErrorKind, Services},
        sdk::calls::Answer,
    };

    /// A host that does with a call what its method says.
    #[derive(Default)]
    struct Fake {
        queue: Mutex<Queue>,
        filled: Condvar,
        log: Mutex<Vec<String>>,
    }

    #[derive(Default)]
    struct Queue {
        next: VecDeque<(u64, Answer)>,
        nudged: bool,
        over: bool,
    }

    impl Fake {
        fn answer(&self, tag: u64, status: Status, head: &str) {
            let answer = Answer { status, head: head.as_bytes().to_vec(), body: b"body".to_vec() };
            self.queue.lock().unwrap().next.push_back((tag, answer));
            self.filled.notify_all();
        }

        fn end(&self) {
            self.queue.lock().unwrap().over = true;
            self.filled.notify_all();
        }

        fn log(&self) -> Vec<String> {
            self.log.lock().unwrap().clone()
        }
    }

    impl Host for Fake {
        fn submit(&self, tag: u64, method: &str, head: &[u8], body: &[u8]) -> Status {
            let line = format!("{method} {} {}", String::from_utf8_lossy(head), body.len());
            self.log.lock().unwrap().push(line);
            match method {
                "echo/1" => self.answer(tag, abi::OK, std::str::from_utf8(head).unwrap()),
                "no/1" => return abi::E_DENIED,
                "fails/1" => self.answer(tag, abi::E_LIMIT, r#"{"kind":"budget","message":"enough"}"#),
                "fails/2" => self.answer(tag, -77, "no JSON"),
                "garbage/1" => self.answer(tag, abi::OK, "no JSON"),
                "twice/1" => (0..2).for_each(|n| self.answer(tag, abi::OK, &n.to_string())),
                _ => {}
            }
            abi::OK
        }

        fn next(&self, wait: bool) -> Next {
            let mut queue = self.queue.lock().unwrap();
            loop {
                if queue.over {
                    return Next::Over;
                }
                if let Some((tag, answer)) = queue.next.pop_front() {
                    return Next::Answer(tag, answer);
                }
                if !wait || std::mem::take(&mut queue.nudged) {
                    return Next::Nudged;
                }
                queue = self.filled.wait(queue).unwrap();
            }
        }

        fn nudge(&self) {
            self.queue.lock().unwrap().nudged = true;
            self.filled.notify_all();
        }

        fn cancel(&self, tag: u64) {
            self.log.lock().unwrap().push(format!("cancel {tag}"));
        }

        fn emit(&self, kind: u32, head: &[u8]) -> Status {
            self.log.lock().unwrap().push(format!("emit {kind} {}", String::from_utf8_lossy(head)));
            abi::OK
        }
    }

    fn run<T>(host: &Arc<Fake>, f: impl FnOnce(Arc<Calls>) -> BoxFuture<'static, T>) -> Option<T> {
        let calls = Calls::new(Arc::clone(host) as _);
        block_on(&calls, f(Arc::clone(&calls)))
    }

    async fn call(calls: &Calls, method: &str) -> Result<Value, ServiceErrorKind> {
        let reply = calls.call(method.to_owned(), json!({"n": 1}), vec![7; 3]).await;
        reply.map(|reply| reply.head).map_err(|error| error.kind)
    }

    #[test]
    fn calls_are_answered_refused_and_misread_each_in_its_way() {
        let host = Arc::new(Fake::default());
        run(&host, |calls| {
            Box::pin(async move {
                assert_eq!(call(&calls, "echo/1").await, Ok(json!({"n": 1})));
                assert_eq!(call(&calls, "no/1").await, Err(ServiceErrorKind::Denied));
                assert_eq!(call(&calls, "fails/1").await, Err(ServiceErrorKind::Budget));
                assert_eq!(call(&calls, "fails/2").await, Err(ServiceErrorKind::Internal));
                assert_eq!(call(&calls, "garbage/1").await, Err(ServiceErrorKind::Internal));
                // The second answer is to a call that is over, and is left.
                assert_eq!(call(&calls, "twice/1").await, Ok(json!(0)));
                assert_eq!(call(&calls, "echo/1").await, Ok(json!({"n": 1})));
            })
        })
        .unwrap();
        assert_eq!(host.log()[0], r#"echo/1 {"n":1} 3"#);
        assert!(!host.log().iter().any(|line| line.starts_with("cancel")), "{:?}", host.log());
    }

    #[test]
    fn a_call_that_is_dropped_is_cancelled() {
        let host = Arc::new(Fake::default());
        run(&host, |calls| {
            Box::pin(async move {
                let mut never = Box::pin(call(&calls, "never/1"));
                poll_fn(|poller| {
                    assert!(never.as_mut().poll(poller).is_pending());
                    Poll::Ready(())
                })
                .await;
                drop(never);
                calls.emit(Emission::Progress { text: "on".into() });
            })
        })
        .unwrap();
        assert_eq!(host.log()[1..], ["cancel 1", r#"emit 1 {"kind":"progress","text":"on"}"#]);
    }

    #[test]
    fn another_thread_wakes_the_run() {
        let host = Arc::new(Fake::default());
        let shared = Arc::new(Mutex::new((false, None::<Waker>)));
        let theirs = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            loop {
                let mut state = theirs.lock().unwrap();
                if let Some(waker) = state.1.take() {
                    state.0 = true;
                    drop(state);
                    return waker.wake();
                }
                drop(state);
                thread::sleep(Duration::from_millis(1));
            }
        });
        let woken = run(&host, |_| {
            Box::pin(poll_fn(move |poller| {
                let mut state = shared.lock().unwrap();
                state.1 = Some(poller.waker().clone());
                if state.0 { Poll::Ready(1) } else { Poll::Pending }
            }))
        });
        assert_eq!(woken, Some(1));
        thread.join().unwrap();
    }

    #[test]
    fn the_end_of_the_run_drops_what_waits_and_what_turns_in_circles() {
        struct Dropped(Arc<Fake>);
        impl Drop for Dropped {
            fn drop(&mut self) {
                self.0.log.lock().unwrap().push("dropped".into());
            }
        }
        for method in ["never/1", "circles"] {
            let host = Arc::new(Fake::default());
            let (mark, ender) = (Dropped(Arc::clone(&host)), Arc::clone(&host));
            let ended = run(&host, |calls| {
                Box::pin(async move {
                    let _mark = mark;
                    ender.end();
                    if method == "circles" {
                        poll_fn(|poller| {
                            poller.waker().wake_by_ref();
                            Poll::<()>::Pending
                        })
                        .await;
                    }
                    call(&calls, method).await
                })
            });
            assert_eq!(ended, None, "{method}");
            assert_eq!(host.log().last().map(String::as_str), Some("dropped"), "{method}");
        }
    }

    #[test]
    fn after_the_end_no_call_waits() {
        let host = Arc::new(Fake::default());
        let calls = Calls::new(Arc::clone(&host) as _);
        // On a thread of the plugin's own, which waits for an answer by other means than the run.
        let (asks, waits) = (Arc::clone(&calls), Arc::new(Fake::default()));
        let thread = thread::spawn(move || {
            let own = Calls::new(waits as _);
            block_on(&own, Box::pin(async move { call(&asks, "never/1").await }))
        });
        while host.log().is_empty() {
            thread::yield_now();
        }
        calls.close();
        assert_eq!(thread.join().unwrap(), Some(Err(ServiceErrorKind::Cancelled)));
        let after = run(&host, |_| Box::pin(async move { call(&calls, "echo/1").await }));
        assert_eq!(after, Some(Err(ServiceErrorKind::Cancelled)));
        assert_eq!(host.log().len(), 1);
    }
}
