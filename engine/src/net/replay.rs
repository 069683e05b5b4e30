//! Another lowest layer: it answers from a recording and opens no socket.

use std::{future::pending, sync::Arc};

use engine_plugin_api::{BoxFuture, ServiceError, ServiceErrorKind};

use super::{Layer, Observation, Request, recorder::evidence_id};
use crate::recording::Journal;

/// Answers one check from a journal.
pub struct Replay {
    /// The journal.
    pub journal: Arc<Journal>,
    /// The check that asks.
    pub check: String,
}

impl Layer for Replay {
    fn exchange(&self, request: Request) -> BoxFuture<'_, Result<Observation, ServiceError>> {
        let id = evidence_id(&request);
        // What was refused to this check may have been answered to another.
        if let Some(error) = self.journal.refusal(&self.check, &id).cloned() {
            return Box::pin(async move { Err(error) });
        }
        if let Some(exchange) = self.journal.exchanges.get(&id) {
            let observation = exchange.observation.clone();
            return Box::pin(async move { Ok(observation) });
        }
        if self.journal.cuts.contains_key(&self.check) {
            // The scheduler cuts it off as it was cut off then.
            return Box::pin(pending());
        }
        let why = format!("the recording does not hold {id}");
        Box::pin(async move { Err(ServiceError::new(ServiceErrorKind::NotRecorded, why)) })
    }
}
