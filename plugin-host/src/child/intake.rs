//! Takes in what the engine sends, in turns.
//!
//! A check that waits for an answer reads the connection itself, so that the
//! answer wakes one thread and not two. Whoever else waits meanwhile sleeps
//! until the reader has something for it, or has what it waited for itself and
//! passes the turn on. Where no check waits, the process' first thread reads:
//! it starts runs, and ends them. It takes the turn when it finds nobody reading
//! and gives it up as soon as a check wants it.

use std::{
    cell::Cell,
    collections::BTreeMap,
    io::BufReader,
    os::{
        fd::{AsFd, OwnedFd},
        unix::net::UnixStream,
    },
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

use super::leave;
use crate::{
    calls::{Answer, Run},
    frame::{Frame, Kind},
};

/// How soon the first thread looks whether anybody reads: each time later, as
/// long as somebody does.
const LULL: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(64));

/// The reading half of the connection.
pub(super) struct Intake {
    frames: Mutex<BufReader<UnixStream>>,
    turn: Mutex<Turn>,
    /// Tells the first thread that there is no run any more.
    idle: Condvar,
    /// Rouses whoever reads: one end to read, one to write.
    bell: (OwnedFd, OwnedFd),
}

#[derive(Default)]
struct Turn {
    reader: Option<Reader>,
    runs: BTreeMap<u64, Arc<Run>>,
    /// The numbers of the runs that wait for what somebody else reads.
    waiting: Vec<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reader {
    FirstThread,
    Check,
}

/// What takes the frames that are for no run yet.
pub(super) type Begin<'a> = &'a dyn Fn(Frame);

/// What woke the reader.
#[derive(Clone, Copy, Default)]
struct Came {
    frames: bool,
    bell: bool,
}

thread_local! {
    /// Whether this thread is the one that reads.
    static READS: Cell<bool> = const { Cell::new(false) };
}

impl Intake {
    /// Reads from `frames`; `bell` is a pipe that nobody else has.
    pub(super) fn new(frames: BufReader<UnixStream>, bell: (OwnedFd, OwnedFd)) -> Intake {
        Intake { frames: Mutex::new(frames), turn: Mutex::default(), idle: Condvar::new(), bell }
    }

    /// Answers to this run's calls are handed in to it from now on.
    pub(super) fn enter(&self, run: Arc<Run>) {
        self.turn().runs.insert(run.number(), run);
    }

    /// The run has ended, and is closed.
    pub(super) fn forget(&self, run: u64) {
        let mut turn = self.turn();
        let forgotten = turn.runs.remove(&run);
        turn.waiting.retain(|number| *number != run);
        if turn.runs.is_empty() {
            self.idle.notify_all();
        }
        drop(turn);
        if let Some(run) = forgotten {
            run.close();
        }
    }

    /// Reads on behalf of `run`, which waits, for at most `patience`, unless it
    /// has changed since [`Run::changes`] was `seen`; false when somebody else
    /// reads, who will hand in what is for it.
    pub(super) fn read_for(&self, run: &Run, seen: u64, patience: Option<Duration>, begin: Begin) -> bool {
        let number = run.number();
        let mut turn = self.turn();
        if let Some(reader) = turn.reader {
            if !turn.waiting.contains(&number) {
                turn.waiting.push(number);
            }
            drop(turn);
            if reader == Reader::FirstThread {
                self.ring();
            }
            return false;
        }
        turn.reader = Some(Reader::Check);
        turn.waiting.retain(|waiting| *waiting != number);
        drop(turn);
        // From here on a change rings the bell; what came before is seen here.
        if run.changes() == seen {
            self.read(patience, begin);
        }
        self.pass_on();
        true
    }

    /// Rouses the reader, when that is another thread.
    pub(super) fn rouse(&self) {
        if !READS.get() {
            self.ring();
        }
    }

    /// The work of the first thread: reads whenever no check does.
    pub(super) fn attend(&self, begin: Begin) -> ! {
        let mut lull = LULL.0;
        loop {
            let mut turn = self.turn();
            if !turn.runs.is_empty() {
                turn = self.idle.wait_timeout(turn, lull).unwrap_or_else(PoisonError::into_inner).0;
            }
            if turn.reader.is_some() {
                lull = (lull * 2).min(LULL.1);
                continue;
            }
            turn.reader = Some(Reader::FirstThread);
            drop(turn);
            while !self.read(None, begin).bell {}
            self.pass_on();
            lull = LULL.0;
        }
    }

    /// Gives the turn up, to a run that waits if there is one.
    fn pass_on(&self) {
        let mut turn = self.turn();
        turn.reader = None;
        let next = turn.waiting.pop().and_then(|number| turn.runs.get(&number).cloned());
        drop(turn);
        if let Some(run) = next {
            run.poke();
        }
    }

    /// Waits for frames and hands in all that are there. Only for the reader.
    fn read(&self, patience: Option<Duration>, begin: Begin) -> Came {
        let mut frames = self.frames.lock().unwrap_or_else(PoisonError::into_inner);
        READS.set(true);
        let came = match frames.buffer().is_empty() {
            true => self.wait(frames.get_ref(), patience),
            false => Came { frames: true, bell: false },
        };
        let mut more = came.frames;
        while more {
            match Frame::read(&mut *frames) {
                Ok(Some(frame)) => self.hand_in(frame, begin),
                // The engine has gone, or makes no sense.
                _ => leave(0),
            }
            more = !frames.buffer().is_empty();
        }
        READS.set(false);
        came
    }

    fn hand_in(&self, frame: Frame, begin: Begin) {
        let Frame { kind, run: number, tag, status, .. } = frame;
        match kind {
            Kind::Complete => {
                let run = {
                    let mut turn = self.turn();
                    turn.waiting.retain(|waiting| *waiting != number);
                    turn.runs.get(&number).cloned()
                };
                let [head, body, _] = frame.parts;
                if let Some(run) = run {
                    run.complete(tag, Answer { status, head, body });
                }
            }
            Kind::Stop => {
                let run = self.turn().runs.get(&number).cloned();
                if let Some(run) = run {
                    run.cancel();
                }
            }
            _ => begin(frame),
        }
    }

    fn wait(&self, connection: &UnixStream, patience: Option<Duration>) -> Came {
        let mut both =
            [PollFd::new(connection, PollFlags::IN), PollFd::from_borrowed_fd(self.bell.0.as_fd(), PollFlags::IN)];
        // A time beyond what the system counts has no end.
        let patience = patience.and_then(|patience| Timespec::try_from(patience).ok());
        let ready = match poll(&mut both, patience.as_ref()) {
            Ok(0) | Err(Errno::INTR) => return Came::default(),
            Ok(_) => both.map(|one| one.revents()),
            Err(_) => leave(0),
        };
        let [frames, bell] = ready.map(|events| !events.is_empty());
        if bell {
            // Anything else: the plugin has closed what is not its own.
            if ready[1] != PollFlags::IN || rustix::io::read(&self.bell.0, &mut [0; 64]).is_err() {
                leave(0);
            }
        }
        Came { frames, bell }
    }

    fn ring(&self) {
        // A full pipe rings already.
        let _ = rustix::io::write(&self.bell.1, &[1]);
    }

    fn turn(&self) -> MutexGuard<'_, Turn> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::{io::Write, thread};

    use engine_plugin_api::abi::{E_CANCELLED, NUDGED, OK, Status};
    use rustix::pipe::{PipeFlags, pipe_with};

    use super::*;
    use crate::calls::{Backend, fresh_number};

    /// A process without a first thread: nothing but the checks reads.
    struct Process {
        intake: Intake,
        outgoing: Mutex<UnixStream>,
    }

    impl Process {
        /// The process, and the engine's end of its connection.
        fn new() -> (Arc<Process>, UnixStream) {
            let (theirs, ours) = UnixStream::pair().unwrap();
            let outgoing = Mutex::new(ours.try_clone().unwrap());
            let bell = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).unwrap();
            (Arc::new(Process { intake: Intake::new(BufReader::new(ours), bell), outgoing }), theirs)
        }

        fn run(self: &Arc<Process>) -> Arc<Run> {
            let run = Run::open(fresh_number(), Arc::clone(self) as Arc<dyn Backend>);
            self.intake.enter(Arc::clone(&run));
            run
        }

        fn reads(&self) -> bool {
            self.intake.turn().reader.is_some()
        }
    }

    impl Backend for Process {
        fn submit(&self, run: &Arc<Run>, ticket: u64, method: &str, head: &[u8], _: &[u8]) -> Status {
            let frame = Frame::encode(Kind::Submit, run.number(), ticket, 0, [method.as_bytes(), head, &[]]).unwrap();
            self.outgoing.lock().unwrap().write_all(&frame).unwrap();
            OK
        }

        fn cancel(&self, _: &Arc<Run>, _: u64) {}

        fn emit(&self, _: &Arc<Run>, _: u32, _: &[u8], _: &[u8]) -> Status {
            OK
        }

        fn exceeded(&self, _: &Arc<Run>) {}

        fn attend(&self, run: &Run, seen: u64, patience: Option<Duration>) -> bool {
            self.intake.read_for(run, seen, patience, &|frame| panic!("{frame:?} is for no run"))
        }

        fn rouse(&self) {
            self.intake.rouse();
        }
    }

    fn waits_until(condition: impl Fn() -> bool) {
        while !condition() {
            thread::yield_now();
        }
    }

    #[test]
    fn checks_that_read_for_each_other_lose_no_answer() {
        const RUNS: usize = 6;
        const CALLS: u32 = 1_000;
        let (process, mut engine) = Process::new();
        let checks: Vec<_> = (0..RUNS)
            .map(|_| {
                let run = process.run();
                thread::spawn(move || {
                    for n in 0..CALLS {
                        let asked = format!("{} {n}", run.number()).into_bytes();
                        assert_eq!(run.ask("echo/1", &asked, &[]).unwrap().head, asked);
                    }
                })
            })
            .collect();
        // Answers what has come so far, the last first.
        let mut incoming = BufReader::new(engine.try_clone().unwrap());
        let mut asked = Vec::new();
        for _ in 0..RUNS * CALLS as usize {
            asked.push(Frame::read(&mut incoming).unwrap().unwrap());
            if incoming.buffer().is_empty() {
                for Frame { run, tag, parts: [_, head, _], .. } in asked.drain(..).rev() {
                    engine.write_all(&Frame::encode(Kind::Complete, run, tag, OK, [&head, &[], &[]]).unwrap()).unwrap();
                }
            }
        }
        checks.into_iter().for_each(|check| check.join().unwrap());
        assert!(!process.reads());
        assert!(process.intake.turn().waiting.is_empty());
    }

    #[test]
    fn what_is_said_to_the_run_that_reads_ends_its_waiting() {
        let (process, mut engine) = Process::new();
        let waits = |run: &Arc<Run>| {
            let run = Arc::clone(run);
            thread::spawn(move || run.next(None).map(|(tag, _)| tag))
        };
        // A nudge from another thread.
        let run = process.run();
        let waiting = waits(&run);
        waits_until(|| process.reads());
        run.nudge();
        assert_eq!(waiting.join().unwrap(), Err(NUDGED));
        // The engine's word, which another run reads; it goes on to wait.
        let other = process.run();
        let reading = waits(&other);
        waits_until(|| process.reads());
        let waiting = waits(&run);
        waits_until(|| process.intake.turn().waiting == [run.number()]);
        engine.write_all(&Frame::encode(Kind::Stop, run.number(), 0, OK, [&[]; 3]).unwrap()).unwrap();
        assert_eq!(waiting.join().unwrap(), Err(E_CANCELLED));
        // Its end, said by a third thread.
        waits_until(|| process.reads());
        other.close();
        assert_eq!(reading.join().unwrap(), Err(E_CANCELLED));
    }

    #[test]
    fn who_reads_no_longer_passes_the_turn_on() {
        let (process, mut engine) = Process::new();
        let [first, second] = [process.run(), process.run()];
        let reading = {
            let first = Arc::clone(&first);
            thread::spawn(move || first.next(None).map(|(tag, _)| tag))
        };
        waits_until(|| process.reads());
        let asking = thread::spawn(move || second.ask("echo/1", &[], &[]).unwrap().status);
        let asked = Frame::read(&mut engine).unwrap().unwrap();
        waits_until(|| process.intake.turn().waiting == [asked.run]);
        first.nudge();
        assert_eq!(reading.join().unwrap(), Err(NUDGED));
        engine.write_all(&Frame::encode(Kind::Complete, asked.run, asked.tag, 7, [&[]; 3]).unwrap()).unwrap();
        assert_eq!(asking.join().unwrap(), 7);
    }
}
