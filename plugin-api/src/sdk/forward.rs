//! Sends the plugin's `tracing` events to the host's log. The plugin has its
//! own copy of `tracing-core`, so this touches nothing of the engine's.

use std::fmt::Write;

use tracing_core::{
    Dispatch, Event, Field, Level, Metadata, Subscriber, dispatcher,
    field::Visit,
    span::{Attributes, Id, Record},
};

use super::panic::current;
use crate::{abi, wire::LogLine};

/// Longest message that is sent, in bytes; the log shares the run's emission limit.
const LONGEST: usize = 4096;

/// Makes the forwarder the plugin's subscriber, unless it has one already.
pub(super) fn install() {
    // Failing means that the plugin has chosen its own.
    let _ = dispatcher::set_global_default(Dispatch::new(Forwarder));
}

struct Forwarder;

impl Subscriber for Forwarder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && *metadata.level() <= Level::DEBUG
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        // Outside a run there is nobody to tell.
        let Some(host) = current() else { return };
        let mut text = Text(String::new());
        event.record(&mut text);
        let line = LogLine {
            level: event.metadata().level().as_str().to_ascii_lowercase(),
            target: event.metadata().target().to_owned(),
            message: text.0,
        };
        if let Ok(json) = serde_json::to_vec(&line) {
            host.emit(abi::KIND_LOG, &json);
        }
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// The message, then the other fields as `name=value`.
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let _ = match field.name() {
            "message" => write!(self.0, "{value:?}"),
            name if self.0.is_empty() => write!(self.0, "{name}={value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        };
        if self.0.len() > LONGEST {
            let end = (0..=LONGEST).rev().find(|&at| self.0.is_char_boundary(at)).unwrap_or(0);
            self.0.truncate(end);
        }
    }
}
