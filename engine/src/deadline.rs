//! How long a check may take: a clock that stands still while the check waits.

use std::time::Duration;

use tokio::{sync::watch, time::Instant};

/// The clock of one check. It runs, but not while a [`Wait`] is held.
pub struct Clock(watch::Sender<Standing>);

#[derive(Clone, Copy)]
struct Standing {
    /// Waits under way.
    waits: usize,
    /// Since when there are any.
    since: Instant,
    /// How long it stood still before.
    stood: Duration,
}

impl Default for Clock {
    fn default() -> Self {
        Clock(watch::Sender::new(Standing { waits: 0, since: Instant::now(), stood: Duration::ZERO }))
    }
}

impl Clock {
    /// How long it has stood still.
    pub fn stood(&self) -> Duration {
        let Standing { waits, since, stood } = *self.0.borrow();
        if waits == 0 { stood } else { stood + since.elapsed() }
    }

    /// Stops it until what this gives is dropped.
    pub fn wait(&self) -> Wait<'_> {
        self.0.send_modify(|standing| {
            if standing.waits == 0 {
                standing.since = Instant::now();
            }
            standing.waits += 1;
        });
        Wait(self)
    }

    /// Ends once it has run for `deadline` from now on.
    pub async fn past(&self, deadline: Duration) {
        let mut changed = self.0.subscribe();
        let (begun, before) = (Instant::now(), self.stood());
        loop {
            let Standing { waits, stood, .. } = *changed.borrow_and_update();
            let due = begun + deadline + stood.saturating_sub(before);
            if waits == 0 && Instant::now() >= due {
                return;
            }
            tokio::select! {
                // Never an error: we hold the sender.
                _ = changed.changed() => {}
                () = tokio::time::sleep_until(due), if waits == 0 => {}
            }
        }
    }
}

/// A wait under way.
pub struct Wait<'a>(&'a Clock);

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        self.0.0.send_modify(|standing| {
            standing.waits -= 1;
            if standing.waits == 0 {
                standing.stood += standing.since.elapsed();
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn sleep(seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn waits_that_overlap_count_once_and_others_add_up() {
        let (clock, begun) = (Clock::default(), Instant::now());
        let waits = async {
            sleep(3).await;
            let both = (clock.wait(), clock.wait());
            sleep(10).await;
            drop(both.0);
            sleep(10).await;
            drop(both.1);
            sleep(4).await;
            let last = clock.wait();
            sleep(100).await;
            drop(last);
            sleep(1_000).await;
        };
        tokio::select! {
            () = waits => panic!("it has not ended"),
            () = clock.past(Duration::from_secs(10)) => {}
        }
        assert_eq!(begun.elapsed().as_secs(), 3 + 20 + 4 + 100 + 3);
    }
}
