//! How many calls one check may make.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use engine_plugin_api::{BoxFuture, ServiceError, ServiceErrorKind};

use super::{Layer, Observation, Request};

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
}

impl Budget {
    /// A fresh budget over `below`.
    pub fn new(below: Arc<dyn Layer>) -> Self {
        Budget { below, calls: AtomicUsize::new(0), sessions: AtomicUsize::new(0), requests: AtomicUsize::new(0) }
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
        } else {
            None
        };
        match over {
            Some(why) => Box::pin(async move { Err(ServiceError::new(ServiceErrorKind::Budget, why)) }),
            None => self.below.exchange(request),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use std::time::Duration;

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
        let budget = Budget::new(Arc::new(Free));
        for _ in 0..CALLS {
            budget.exchange(Request::Sleep(Duration::ZERO)).await.unwrap();
        }
        let refused = budget.exchange(Request::Sleep(Duration::ZERO)).await.unwrap_err();
        assert_eq!(refused.kind, ServiceErrorKind::Budget);
    }
}
