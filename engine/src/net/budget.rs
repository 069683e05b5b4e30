//! How many calls one check may make.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use engine_plugin_api::{BoxFuture, ServiceError, ServiceErrorKind};

use super::{Layer, Observation, Request};
use crate::deadline::Clock;

/// Calls that one check may make in a run, cached answers included.
pub const CALLS: usize = 10_000;
/// SMTP sessions that one check may ask for in a run.
pub const SESSIONS: usize = 64;
/// HTTPS requests that one check may make in a run.
pub const REQUESTS: usize = 32;

/// Refuses what goes beyond a check's budget.
pub struct Budget {
    below: Arc<dyn Layer>,
    calls: AtomicUsize,
    sessions: AtomicUsize,
    requests: AtomicUsize,
    clock: Arc<Clock>,
    longest_wait: Duration,
}

impl Budget {
    /// A fresh budget over `below`. `clock` stands still while the check waits,
    /// which it may do for `longest_wait` in all.
    pub fn new(below: Arc<dyn Layer>, clock: Arc<Clock>, longest_wait: Duration) -> Self {
        Budget {
            below,
            calls: AtomicUsize::new(0),
            sessions: AtomicUsize::new(0),
            requests: AtomicUsize::new(0),
            clock,
            longest_wait,
        }
    }
}

impl Layer for Budget {
    fn exchange(&self, request: Request) -> BoxFuture<'_, Result<Observation, ServiceError>> {
        let over = if self.calls.fetch_add(1, Ordering::Relaxed) >= CALLS {
            Some(format!("the check has used up its {CALLS} calls"))
        } else if matches!(request, Request::Smtp(_)) && self.sessions.fetch_add(1, Ordering::Relaxed) >= SESSIONS {
            Some(format!("the check has used up its {SESSIONS} SMTP sessions"))
        } else if matches!(request, Request::Http(_)) && self.requests.fetch_add(1, Ordering::Relaxed) >= REQUESTS {
            Some(format!("the check has used up its {REQUESTS} HTTPS requests"))
        } else if let Request::Sleep(wait) = &request
            && self.clock.stood().saturating_add(*wait) > self.longest_wait
        {
            let longest = self.longest_wait.as_secs_f64();
            Some(format!("the check may wait {longest} s in all; `longest-wait` under [net] lets checks wait longer"))
        } else {
            None
        };
        match over {
            Some(why) => Box::pin(async move { Err(ServiceError::new(ServiceErrorKind::Budget, why)) }),
            None if matches!(request, Request::Sleep(_)) => Box::pin(async move {
                let _wait = self.clock.wait();
                self.below.exchange(request).await
            }),
            None => self.below.exchange(request),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::net::Answer;

    struct Free;
    impl Layer for Free {
        fn exchange(&self, _: Request) -> BoxFuture<'_, Result<Observation, ServiceError>> {
            Box::pin(async { Ok(Observation { answer: Answer::Slept, at_ms: 0, took_us: 0 }) })
        }
    }

    #[tokio::test]
    async fn the_call_after_the_last_is_refused() {
        let budget = Budget::new(Arc::new(Free), Arc::default(), Duration::from_secs(1));
        for _ in 0..CALLS {
            budget.exchange(Request::Sleep(Duration::ZERO)).await.unwrap();
        }
        let refused = budget.exchange(Request::Sleep(Duration::ZERO)).await.unwrap_err();
        assert_eq!(refused.kind, ServiceErrorKind::Budget);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_waited_adds_up_and_what_was_given_up_does_not() {
        struct Sleeps;
        impl Layer for Sleeps {
            fn exchange(&self, request: Request) -> BoxFuture<'_, Result<Observation, ServiceError>> {
                Box::pin(async move {
                    let Request::Sleep(duration) = request else { unreachable!() };
                    tokio::time::sleep(duration).await;
                    Ok(Observation { answer: Answer::Slept, at_ms: 0, took_us: 0 })
                })
            }
        }
        let budget = Budget::new(Arc::new(Sleeps), Arc::default(), Duration::from_secs(10));
        let wait = |seconds| budget.exchange(Request::Sleep(Duration::from_secs(seconds)));
        drop(wait(10));
        let (first, second) = futures_util::join!(wait(6), wait(5));
        assert!(first.is_ok() && second.is_ok());
        let refused = wait(5).await.unwrap_err();
        assert_eq!(refused.kind, ServiceErrorKind::Budget);
        assert!(refused.message.contains("wait 10 s in all"), "{}", refused.message);
        wait(4).await.unwrap();
        wait(1).await.unwrap_err();
    }
}
