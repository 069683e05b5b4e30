//! Catches panics before they reach the boundary, with their words and place.

use std::{
    any::Any,
    cell::{Cell, RefCell},
    panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook, take_hook},
    sync::{Arc, Once},
};

use super::Host;
use crate::{abi, wire::PanicNote};

thread_local! {
    /// How many [`guard`]s this thread is in.
    static GUARDS: Cell<u32> = const { Cell::new(0) };
    /// The last panic that the hook saw on this thread.
    static LAST: RefCell<Option<PanicNote>> = const { RefCell::new(None) };
    /// The run of this thread, for what must be said to the host without being asked.
    static CURRENT: RefCell<Option<Arc<dyn Host>>> = const { RefCell::new(None) };
}

/// Calls `f` and turns a panic in it into a note.
pub(super) fn guard<T>(f: impl FnOnce() -> T) -> Result<T, PanicNote> {
    install_hook();
    GUARDS.set(GUARDS.get() + 1);
    let result = catch_unwind(AssertUnwindSafe(f));
    GUARDS.set(GUARDS.get() - 1);
    result.map_err(|payload| {
        let seen = LAST.take();
        // The plugin may have put its own hook in the place of ours.
        let note = seen.unwrap_or_else(|| PanicNote { message: words(&*payload), location: String::new() });
        // Dropping it may panic again; a few lost bytes are the lesser evil.
        std::mem::forget(payload);
        note
    })
}

/// Makes `host` the run of this thread while `f` runs.
pub(super) fn with_current<T>(host: &Arc<dyn Host>, f: impl FnOnce() -> T) -> T {
    struct Reset(Option<Arc<dyn Host>>);
    impl Drop for Reset {
        fn drop(&mut self) {
            CURRENT.set(self.0.take());
        }
    }
    let _reset = Reset(CURRENT.replace(Some(Arc::clone(host))));
    f()
}

/// The run of this thread, if it is one's.
pub(super) fn current() -> Option<Arc<dyn Host>> {
    CURRENT.try_with(|current| current.try_borrow().ok().and_then(|host| host.clone())).ok().flatten()
}

fn install_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let others = take_hook();
        set_hook(Box::new(move |info| {
            // A thread of the plugin's own: its panic is none of the run's.
            if GUARDS.try_with(Cell::get).unwrap_or(0) == 0 {
                return others(info);
            }
            let note = note(info);
            if super::entry::aborts() {
                // The process ends with this panic: say now what there is to say.
                eprintln!("plugin panicked: {note}");
                if let (Some(host), Ok(json)) = (current(), serde_json::to_vec(&note)) {
                    host.emit(abi::KIND_PANIC, &json);
                }
            }
            let _ = LAST.try_with(|last| last.try_borrow_mut().map(|mut last| *last = Some(note)));
        }));
    });
}

fn note(info: &PanicHookInfo<'_>) -> PanicNote {
    let location = info.location().map(|place| format!("{}:{}", place.file(), place.line()));
    PanicNote { message: words(info.payload()), location: location.unwrap_or_default() }
}

fn words(payload: &(dyn Any + Send)) -> String {
    let words = payload.downcast_ref::<&str>().map(|words| (*words).to_owned());
    words.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic without words".to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]
    use super::*;

    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("dropped");
        }
    }

    #[test]
    fn a_panic_has_its_words_and_its_place() {
        let line = line!() + 1;
        let note = guard(|| panic!("{} of {}", 1, 2)).map(|_: ()| ()).unwrap_err();
        assert_eq!(note, PanicNote { message: "1 of 2".into(), location: format!("{}:{line}", file!()) });
        assert_eq!(guard(|| 3), Ok(3));
    }

    #[test]
    fn a_payload_that_panics_when_dropped_does_no_harm() {
        let note = guard(|| std::panic::panic_any(Bomb)).map(|_: ()| ()).unwrap_err();
        assert_eq!(note.message, "a panic without words");
        assert!(note.location.contains("panic.rs:"));
    }

    #[test]
    fn a_guard_inside_a_guard_keeps_its_panic_to_itself() {
        let outer = guard(|| {
            let inner = guard(|| panic!("inner")).map(|_: ()| ()).unwrap_err();
            assert_eq!(inner.message, "inner");
            7
        });
        assert_eq!(outer, Ok(7));
    }
}
