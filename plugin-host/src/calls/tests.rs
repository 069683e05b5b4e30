#![allow(clippy::unwrap_used)]
use super::*;

/// Answers calls to `now/1` at once, keeps the tickets of all others, and refuses `no/1`.
#[derive(Default)]
struct Recorder {
    kept: Mutex<Vec<u64>>,
    cancelled: Mutex<Vec<u64>>,
    emitted: Mutex<Vec<(u32, usize)>>,
}

impl Backend for Recorder {
    fn submit(&self, run: &Arc<Run>, ticket: u64, method: &str, head: &[u8], _: &[u8]) -> Status {
        match method {
            "now/1" => run.complete(ticket, answer(head)),
            "no/1" => return -5,
            _ => self.kept.lock().unwrap().push(ticket),
        }
        OK
    }
    fn cancel(&self, _: &Arc<Run>, ticket: u64) {
        self.cancelled.lock().unwrap().push(ticket);
    }
    fn emit(&self, _: &Arc<Run>, kind: u32, head: &[u8], _: &[u8]) -> Status {
        self.emitted.lock().unwrap().push((kind, head.len()));
        OK
    }
    fn exceeded(&self, _: &Arc<Run>) {
        self.emitted.lock().unwrap().push((0, 0));
    }
}

fn answer(head: &[u8]) -> Answer {
    Answer { status: OK, head: head.to_vec(), body: Vec::new() }
}

fn opened() -> (Arc<Run>, Arc<Recorder>) {
    let recorder = Arc::new(Recorder::default());
    (Run::open(fresh_number(), Arc::clone(&recorder) as Arc<dyn Backend>), recorder)
}

fn ask(run: &Run, tag: u64, method: &str, head: &[u8]) -> Status {
    // SAFETY: everything lent outlives the call.
    unsafe { submit(run.number, tag, Bytes::of(method.as_bytes()), Bytes::of(head), Bytes::EMPTY) }
}

fn took(run: &Run, timeout_ms: i64) -> (Status, u64, Vec<u8>) {
    let mut out = Completion::EMPTY;
    // SAFETY: `out` can be written, and what it is lent is read before the next call.
    let status = unsafe { next(run.number, timeout_ms, &mut out) };
    // SAFETY: lent until the next call on this thread.
    (status, out.tag, unsafe { out.head.get() }.to_vec())
}

#[test]
fn answers_come_under_their_tags_however_early() {
    let (run, recorder) = opened();
    assert_eq!(ask(&run, 7, "later/1", b""), OK);
    assert_eq!(ask(&run, 8, "now/1", b"{}"), OK);
    assert_eq!(took(&run, -1), (OK, 8, b"{}".to_vec()));
    assert_eq!(took(&run, 0).0, NUDGED, "nothing is ready");
    let ticket = recorder.kept.lock().unwrap()[0];
    run.complete(ticket, answer(b"1"));
    run.complete(ticket, answer(b"2"));
    run.complete(999, answer(b"3"));
    assert_eq!(took(&run, -1), (OK, 7, b"1".to_vec()));
    assert_eq!(took(&run, 0).0, NUDGED, "an answer comes once, and none that was not asked for");
    assert_eq!(ask(&run, 9, "no/1", b""), -5);
}

#[test]
fn a_blocking_call_leaves_the_answers_of_others() {
    let (run, _) = opened();
    assert_eq!(ask(&run, u64::MAX, "now/1", b"other"), OK);
    let mut out = Completion::EMPTY;
    // SAFETY: everything lent outlives the call.
    let status = unsafe { call(run.number, Bytes::of(b"now/1"), Bytes::of(b"mine"), Bytes::EMPTY, &mut out) };
    // SAFETY: lent until the next call on this thread.
    assert_eq!((status, unsafe { out.head.get() }), (OK, b"mine".as_slice()));
    assert_eq!(took(&run, -1), (OK, u64::MAX, b"other".to_vec()));
}

#[test]
fn what_was_given_up_does_not_come() {
    let (run, recorder) = opened();
    ask(&run, 1, "later/1", b"");
    ask(&run, 2, "now/1", b"");
    for tag in [1, 2] {
        // SAFETY: takes numbers only.
        assert_eq!(unsafe { cancel(run.number, tag) }, OK);
    }
    assert_eq!(*recorder.cancelled.lock().unwrap(), *recorder.kept.lock().unwrap());
    run.complete(recorder.kept.lock().unwrap()[0], answer(b""));
    assert_eq!(took(&run, 0).0, NUDGED);
}

#[test]
fn a_nudge_wakes_whoever_waits_from_another_thread() {
    let (run, _) = opened();
    let number = run.number;
    // SAFETY: takes a number only.
    let other = std::thread::spawn(move || unsafe { nudge(number) });
    assert_eq!(took(&run, -1).0, NUDGED);
    assert_eq!(other.join().unwrap(), OK);
}

#[test]
fn a_cancelled_run_may_still_send_and_a_closed_one_nothing() {
    let (run, recorder) = opened();
    run.cancel();
    assert_eq!(ask(&run, 1, "now/1", b""), E_CANCELLED);
    assert_eq!(took(&run, -1).0, E_CANCELLED);
    // SAFETY: everything lent outlives the call.
    let say = || unsafe { emit(run.number, KIND_LOG, Bytes::of(b"{}"), Bytes::EMPTY) };
    assert_eq!(say(), OK);
    run.close();
    assert_eq!((say(), ask(&run, 1, "now/1", b""), took(&run, -1).0), (E_ENDED, E_ENDED, E_ENDED));
    assert_eq!(recorder.emitted.lock().unwrap().len(), 1);
}

#[test]
fn limits_hold() {
    let (run, recorder) = opened();
    let most = u64::try_from(limits::IN_FLIGHT + limits::WAITING).unwrap();
    for tag in 0..most {
        assert_eq!(ask(&run, tag, "later/1", b""), OK);
    }
    assert_eq!(ask(&run, most, "later/1", b""), E_LIMIT);
    recorder.kept.lock().unwrap().iter().for_each(|ticket| run.complete(*ticket, answer(b"")));
    let left = u64::try_from(limits::CALLS).unwrap() - most;
    for tag in 0..left {
        assert_eq!(ask(&run, tag, "now/1", b""), OK);
    }
    assert_eq!(ask(&run, 0, "now/1", b""), E_LIMIT, "the call after the last");

    let long = "m".repeat(METHOD + 1);
    assert_eq!(ask(&run, 0, &long, b""), E_BAD_ARG);
    // SAFETY: nothing of it is read, because it is too long.
    let giant = unsafe {
        submit(run.number, 0, Bytes::EMPTY, Bytes { ptr: [0u8].as_ptr(), len: limits::ARGUMENT + 1 }, Bytes::EMPTY)
    };
    assert_eq!(giant, E_LIMIT);
    // SAFETY: not UTF-8, but it can be read.
    assert_eq!(unsafe { submit(run.number, 0, Bytes::of(&[255]), Bytes::EMPTY, Bytes::EMPTY) }, E_BAD_ARG);
    // SAFETY: a null pointer is allowed.
    assert_eq!(unsafe { next(run.number, 0, std::ptr::null_mut()) }, E_BAD_ARG);
}

#[test]
fn more_than_a_run_may_send_is_said_but_not_handed_on() {
    let (run, recorder) = opened();
    let part = vec![b' '; limits::EMITTED / 2];
    // SAFETY: everything lent outlives the call.
    let say = |part: &[u8]| unsafe { emit(run.number, KIND_EMISSION, Bytes::of(part), Bytes::EMPTY) };
    assert_eq!([say(&part), say(&part), say(b"x"), say(b"")], [OK, OK, E_LIMIT, E_LIMIT]);
    let sizes: Vec<usize> = recorder.emitted.lock().unwrap().iter().map(|(_, size)| *size).collect();
    assert_eq!(sizes, [part.len(), part.len(), 0, 0]);
}
