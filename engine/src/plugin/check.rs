//! One run of a plugin's check, from its beginning to what became of it.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use engine_plugin_api::{BoxFuture, Cause, CauseKind, Manifest, Outcome, Target};
use engine_plugin_host::{Crash, LoadError, RunFailure};
use serde_json::Value;
use tokio::sync::watch;

use super::{
    HostProgram, carrier,
    carrier::{Carrier, End, Order, Running},
    lock::{Entry, Lock},
    service::Service,
};
use crate::schedule::{Desk, Instance};

/// How long a plugin has to end once it was told to stop; then it is ended. On
/// a machine that does much else, less would end those that do as they are told.
pub const GRACE: Duration = Duration::from_secs(2);
/// Time to end a process and clear up behind it.
const CLEARING: Duration = Duration::from_secs(3);
/// Crashes after which a plugin is blocked until it is added again, whatever
/// came to a good end between them: a check that works hides none that does not.
pub const CRASHES: u32 = 3;

/// A plugin whose checks can be run.
pub struct Plugin {
    entry: Entry,
    carrier: Arc<dyn Carrier>,
    /// Crashes since it was added, and the latest.
    crashes: Mutex<(u32, Crash)>,
    /// Where crashes are kept beyond this process.
    ledger: Option<PathBuf>,
}

impl Plugin {
    /// A plugin as `entry` describes it, in a process that runs `program` or in
    /// this one. Its crashes are kept in the lock file `ledger`, if it is in one.
    pub fn new(entry: Entry, program: &HostProgram, ledger: Option<PathBuf>) -> Plugin {
        let carrier = carrier(&entry, program);
        Plugin::carried(entry, carrier, ledger)
    }

    /// The same over any carrier.
    pub fn carried(entry: Entry, carrier: Arc<dyn Carrier>, ledger: Option<PathBuf>) -> Plugin {
        let crashes = Mutex::new((entry.crashes, entry.last_crash.clone().unwrap_or_default()));
        Plugin { entry, carrier, crashes, ledger }
    }

    /// The manifests of its checks.
    pub fn checks(&self) -> &[Manifest] {
        &self.entry.described.document.checks
    }

    /// The file, for messages.
    pub fn path(&self) -> &str {
        &self.entry.path
    }

    /// A check of it with `settings`, which fit its schema.
    pub fn instance(self: Arc<Self>, check: &str, settings: Value) -> Arc<dyn Instance> {
        let config = if settings.is_null() { String::new() } else { settings.to_string() };
        Arc::new(PluginCheck { plugin: self, check: check.to_owned(), config })
    }

    fn may_run(&self) -> Result<(), LoadError> {
        let crashes = self.crashes.lock().unwrap_or_else(PoisonError::into_inner);
        match &*crashes {
            (number, last) if *number >= CRASHES => Err(LoadError::Blocked { crashes: *number, last: last.clone() }),
            _ => Ok(()),
        }
    }

    /// Keeps that it crashed.
    fn count(&self, crash: &Crash) {
        let number = {
            let mut crashes = self.crashes.lock().unwrap_or_else(PoisonError::into_inner);
            *crashes = (crashes.0.saturating_add(1), crash.clone());
            crashes.0
        };
        if let Some(ledger) = &self.ledger
            && let Err(error) = Lock::count_crashes(ledger, &self.entry.path, number, crash)
        {
            tracing::warn!("could not keep the crashes of {}: {error}", self.entry.path);
        }
    }
}

/// A check of a plugin with its settings.
struct PluginCheck {
    plugin: Arc<Plugin>,
    check: String,
    config: String,
}

impl Instance for PluginCheck {
    fn run(
        &self,
        desk: Arc<Desk>,
        target: Target,
        stop: watch::Receiver<bool>,
    ) -> BoxFuture<'_, Result<Outcome, Cause>> {
        Box::pin(async move {
            let ended = self.made(&desk, &target, stop).await;
            if let Err(RunFailure::TimedOut { responsive: false }) = &ended {
                let grace = GRACE.as_secs();
                desk.violation(format!(
                    "`{}` did not stop within {grace} s of being told to, and was ended",
                    self.check
                ));
            }
            ended.map_err(|failure| Cause::new(CauseKind::CheckFailed, failure.to_string()))
        })
    }

    fn grace(&self) -> Duration {
        GRACE + CLEARING
    }
}

impl PluginCheck {
    async fn made(
        &self,
        desk: &Arc<Desk>,
        target: &Target,
        mut stop: watch::Receiver<bool>,
    ) -> Result<Outcome, RunFailure> {
        let (target, message) = target.to_wire().map_err(|error| RunFailure::Failed { message: error.to_string() })?;
        let (check, config) = (self.check.clone(), self.config.clone());
        let order = Order { check, config, target, message: message.to_vec() };
        self.plugin.may_run()?;
        let mut known = Vec::new();
        let mut alone = false;
        loop {
            let service = Service::new(Arc::clone(desk), std::mem::take(&mut known));
            let mut running = self.plugin.carrier.begin(order.clone(), Arc::clone(&service), alone).await?;
            let ended = attend(&mut *running, &service, &mut stop).await;
            running.denied().iter().for_each(|what| service.deny(what));
            match ended {
                // Another run may have been at fault: this one is made again, once, where it harms no other.
                Ended::ByItself(End::Lost { shared: true, .. }) if !alone => {
                    known = service.sent();
                    alone = true;
                }
                Ended::ByItself(end) => {
                    let ended = service.outcome(end);
                    if let Err(RunFailure::Crashed(crash)) = &ended {
                        self.plugin.count(crash);
                    }
                    return ended;
                }
                Ended::Told { responsive } => {
                    service.close();
                    return Err(RunFailure::TimedOut { responsive });
                }
                Ended::Exceeded(end) => {
                    let end = end.unwrap_or(End::Lost { crash: Crash::default(), shared: false });
                    return service.outcome(end);
                }
            }
        }
    }
}

/// Why a run is over.
enum Ended {
    ByItself(End),
    /// It was told to stop.
    Told {
        /// Whether it did.
        responsive: bool,
    },
    /// It sent too much, and was told to stop.
    Exceeded(Option<End>),
}

/// Attends to a run until it has ended: by itself, or because it must.
async fn attend(running: &mut dyn Running, service: &Service, stop: &mut watch::Receiver<bool>) -> Ended {
    let told = async {
        if stop.wait_for(|stop| *stop).await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    let exceeded = tokio::select! {
        biased;
        end = running.ended() => return Ended::ByItself(end),
        () = told => false,
        () = service.exceeded() => true,
    };
    running.stop();
    let end = tokio::time::timeout(GRACE, running.ended()).await.ok();
    let responsive = end.is_some();
    if !responsive {
        running.kill();
        // Its process is cleared away before anybody is told that it is.
        let _ = tokio::time::timeout(CLEARING, running.ended()).await;
    }
    match exceeded {
        true => Ended::Exceeded(end),
        false => Ended::Told { responsive },
    }
}
