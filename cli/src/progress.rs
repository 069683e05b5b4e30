//! What goes on in a run, on standard error, for whoever waits at a terminal.

use std::{
    collections::BTreeSet,
    io::IsTerminal,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use engine_core::schedule::{Event, Listener};

use crate::{output::tell, render::escape};

/// How long a run may be silent before it says what it waits for; then twice
/// as long each time, up to [`LONGEST_SILENCE`].
const SILENCE: Duration = Duration::from_secs(5);
const LONGEST_SILENCE: Duration = Duration::from_secs(60);

/// Tells of the run on one target until it is dropped.
pub struct Progress {
    listener: Listener,
    ticker: Option<tokio::task::JoinHandle<()>>,
}

impl Progress {
    /// For the target that is called `shown`; silent unless standard error is
    /// a terminal. Call it inside a runtime.
    pub fn begin(shown: &str) -> Self {
        if !std::io::stderr().is_terminal() {
            return Progress { listener: Arc::new(|_| ()), ticker: None };
        }
        let shown = escape::line(shown);
        let running = Arc::new(Mutex::new(BTreeSet::new()));
        let ticker = tokio::spawn({
            let (shown, running) = (shown.clone(), Arc::clone(&running));
            async move {
                let begun = tokio::time::Instant::now();
                let mut silence = SILENCE;
                loop {
                    tokio::time::sleep(silence).await;
                    silence = LONGEST_SILENCE.min(silence * 2);
                    let waiting = waiting(&running.lock().unwrap_or_else(PoisonError::into_inner), begun.elapsed());
                    if let Some(words) = waiting {
                        tell(&format!("{shown}: {words}"));
                    }
                }
            }
        });
        let listener: Listener = Arc::new(move |event| {
            let mut running = running.lock().unwrap_or_else(PoisonError::into_inner);
            match event {
                Event::Started { check } => drop(running.insert(check)),
                Event::Finished { check } => drop(running.remove(&check)),
                Event::Progress { check, text } => tell(&format!("{shown}: {check}: {}", escape::line(&text))),
            }
        });
        Progress { listener, ticker: Some(ticker) }
    }

    /// Where the run sends its events.
    pub fn listener(&self) -> Listener {
        Arc::clone(&self.listener)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(ticker) = &self.ticker {
            ticker.abort();
        }
    }
}

/// What is still waited for, if anything is.
fn waiting(running: &BTreeSet<String>, since: Duration) -> Option<String> {
    let checks: Vec<&str> = running.iter().map(String::as_str).collect();
    (!checks.is_empty())
        .then(|| format!("still waiting for {} after {} s; Ctrl-C ends it", checks.join(", "), since.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_says_what_it_waits_for() {
        let mut running = BTreeSet::from(["mx".to_owned(), "greylist".to_owned()]);
        assert_eq!(
            waiting(&running, Duration::from_millis(10_900)).as_deref(),
            Some("still waiting for greylist, mx after 10 s; Ctrl-C ends it")
        );
        running.clear();
        assert_eq!(waiting(&running, SILENCE), None);
    }
}
