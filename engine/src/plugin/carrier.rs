//! What carries a plugin: the seam between the engine and the ways of running
//! foreign code. There are two, a process of its own and this process; another
//! (a WebAssembly runtime) implements the same two traits.

use std::sync::Arc;

use engine_plugin_api::{BoxFuture, abi::Status};
use engine_plugin_host::{Crash, LoadError};
use tokio::sync::oneshot;

use super::service::Service;

/// A run to be begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The check's id.
    pub check: String,
    /// Its settings as JSON, empty for the default ones.
    pub config: String,
    /// The target as JSON.
    pub target: Vec<u8>,
    /// Its message, which the JSON leaves out.
    pub message: Vec<u8>,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The plugin returned.
    Returned {
        /// With this status.
        status: Status,
        /// What it said against its settings.
        error: Vec<u8>,
    },
    /// What carried it ended under it.
    Lost {
        /// How.
        crash: Crash,
        /// Whether other runs were lost with it, so that any of them may be at fault.
        shared: bool,
    },
}

/// The end of a run that is still to come.
pub struct Ending(Option<oneshot::Receiver<End>>);

impl Ending {
    /// It comes through `end`.
    pub fn of(end: oneshot::Receiver<End>) -> Ending {
        Ending(Some(end))
    }

    /// Waits for it, once; whoever was to say it may be gone.
    pub async fn wait(&mut self) -> End {
        let lost = || End::Lost { crash: Crash::default(), shared: false };
        let Some(end) = &mut self.0 else { return lost() };
        let end = end.await.unwrap_or_else(|_| lost());
        self.0 = None;
        end
    }

    /// Nobody waits for it any more; whether it was still to come.
    pub fn give_up(&mut self) -> bool {
        self.0.take().is_some()
    }
}

/// Carries runs of one plugin.
pub trait Carrier: Send + Sync {
    /// Begins a run that `service` serves; with `alone`, nothing else runs
    /// where it does. Fails with the reason for which the plugin cannot be loaded.
    fn begin(
        &self,
        order: Order,
        service: Arc<Service>,
        alone: bool,
    ) -> BoxFuture<'_, Result<Box<dyn Running>, LoadError>>;

    /// Whether what it carries can take the engine down with it.
    fn is_trusted(&self) -> bool;
}

/// A run that was begun. Dropping it ends it.
pub trait Running: Send + Sync {
    /// Waits for its end; to be called once.
    fn ended(&mut self) -> BoxFuture<'_, End>;

    /// Tells it to stop: its calls fail from now on.
    fn stop(&self);

    /// Ends it, whatever it is doing.
    fn kill(&mut self);

    /// What was tried, and denied, where it runs since this was last asked, as
    /// fragments: `to open /etc/passwd`.
    fn denied(&self) -> Vec<String> {
        Vec::new()
    }
}
