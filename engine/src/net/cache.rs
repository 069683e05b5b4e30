//! Equal requests of a run are one request.

use std::{panic::AssertUnwindSafe, sync::Arc};

use engine_plugin_api::{BoxFuture, ServiceError, ServiceErrorKind};
use futures_util::{FutureExt, future::Shared};
use moka::sync::Cache as Moka;
use tokio::sync::oneshot;

use super::{Layer, Observation, Request};
use crate::started::Started;

/// How many answers are kept; the least used go first.
const CAPACITY: u64 = 20_000;

type Flight = Shared<BoxFuture<'static, Result<Observation, ServiceError>>>;

/// Keeps answers for the life of a run, with single flight: who asks while an
/// equal request is under way gets its answer.
///
/// A request once begun runs to its end even when the check that asked for it
/// is cut off: another check may wait for it, and a mail server is owed its QUIT.
pub struct Cache {
    below: Arc<dyn Layer>,
    flights: Moka<Request, Flight>,
}

impl Cache {
    /// A cache over `below`.
    pub fn new(below: Arc<dyn Layer>) -> Self {
        Cache { below, flights: Moka::new(CAPACITY) }
    }

    fn begin(&self, request: Request) -> Flight {
        let below = Arc::clone(&self.below);
        let (arrived, arrival) = oneshot::channel();
        let work = AssertUnwindSafe(async move { below.exchange(request).await }).catch_unwind();
        Started::begin(async move {
            let done = work.await.unwrap_or_else(|_| Err(failed("it panicked")));
            // Nobody may wait for it any more.
            let _ = arrived.send(done);
        });
        let flight: BoxFuture<'static, _> =
            Box::pin(async move { arrival.await.unwrap_or_else(|_| Err(failed("it was stopped"))) });
        flight.shared()
    }
}

fn failed(why: impl std::fmt::Display) -> ServiceError {
    ServiceError::new(ServiceErrorKind::Internal, format!("the service failed: {why}"))
}

impl Layer for Cache {
    fn exchange(&self, request: Request) -> BoxFuture<'_, Result<Observation, ServiceError>> {
        if matches!(request, Request::Sleep(_)) {
            return self.below.exchange(request);
        }
        let flight = self.flights.get_with_by_ref(&request, || self.begin(request.clone()));
        Box::pin(flight)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use std::sync::atomic::{AtomicUsize, Ordering};

    use engine_plugin_api::services::{DnsQuestion, RecordType};

    use super::*;
    use crate::net::Answer;

    #[derive(Default)]
    struct Counting(AtomicUsize);
    impl Layer for Counting {
        fn exchange(&self, _: Request) -> BoxFuture<'_, Result<Observation, ServiceError>> {
            self.0.fetch_add(1, Ordering::SeqCst);
            Box::pin(async {
                tokio::task::yield_now().await;
                Ok(Observation { answer: Answer::Slept, at_ms: 0, took_us: 0 })
            })
        }
    }

    #[tokio::test]
    async fn equal_requests_are_asked_once_even_when_the_first_asker_goes_away() {
        let counting = Arc::new(Counting::default());
        let cache = Arc::new(Cache::new(Arc::clone(&counting) as Arc<dyn Layer>));
        let ask = |name: &str| Request::Dns(DnsQuestion::new(name, RecordType::Mx));
        let mut first = cache.exchange(ask("a.example"));
        assert!(futures_util::poll!(first.as_mut()).is_pending());
        drop(first);
        let both =
            futures_util::future::join(cache.exchange(ask("A.example.")), cache.exchange(ask("a.example"))).await;
        assert!(both.0.is_ok() && both.1.is_ok());
        cache.exchange(ask("b.example")).await.unwrap();
        assert_eq!(counting.0.load(Ordering::SeqCst), 2);
        cache.exchange(ask("a.example")).await.unwrap();
        assert_eq!(counting.0.load(Ordering::SeqCst), 2);
    }
}
