//! The workers of a run: what each holds, runs and was told, and whether it is gone.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::inbox::ConnId;
use super::leaks::{Beginnings, Member, Present};
use super::lines::Lines;
use super::numbers::Numbers;
use super::overtime::{Awaited, Overtime};
use super::permits::Permits;
use crate::model::{
    Attempt, Crash, NodeId, Offset, Round, Slot, TestIndex, TestInfo, WorkerEnd, WorkerId,
};
use crate::process::{Ended, Tail, Tree};
use crate::protocol::socket::Sender;
use crate::protocol::{TestRow, ToController, ToWorker};

/// How long output may still come after a worker's end: processes that it left behind can hold
/// its pipe open for ever.
const LINGER: Duration = Duration::from_millis(200);

/// How long a process may live after its connection is over.
const AFTER_CLOSE: Duration = Duration::from_secs(1);

/// Notices and other words of its own that a worker may say in a round; an honest one has a few.
const WORDS: u32 = 1000;

/// What a worker was last told of the round's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// More may come.
    Work,
    /// Nothing more comes in this round.
    Pause,
    /// Nothing more comes.
    Finish,
}

/// One worker process.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact that comes by itself, in any order"
)]
pub(super) struct Worker {
    pub(super) id: WorkerId,
    pub(super) slot: Slot,
    /// Its process; 0 until known.
    pub(super) pid: u32,
    conn: Option<(ConnId, Sender)>,
    pub(super) numbers: Numbers,
    /// The file that it is collecting.
    pub(super) collecting: Option<usize>,
    /// Given, and to be sent when their files are collected.
    pub(super) pending: Vec<TestIndex>,
    /// Whether it can be given tests.
    pub(super) ready: bool,
    /// There for workers that can be given more than two tests.
    pub(super) permits: Option<Permits>,
    /// Given and not started, in order.
    pub(super) held: VecDeque<TestIndex>,
    /// When it began which test.
    pub(super) beginnings: Beginnings,
    /// What it runs, since when.
    pub(super) running: Option<(TestIndex, Offset)>,
    /// How long that, or whatever else it does, may take.
    pub(super) overtime: Option<Overtime>,
    /// How long its test was stopped with all the rest.
    pub(super) stood_still: Duration,
    /// What is being ended with it, once that took too long.
    pub(super) tree: Option<Tree>,
    pub(super) told: Told,
    pub(super) tail: Tail,
    pub(super) lines: Lines,
    pub(super) ended: Option<Ended>,
    /// The template died first: how this one ends cannot be known.
    pub(super) orphaned: bool,
    /// How many tests it has started.
    pub(super) begun: u64,
    /// Whether it is to be replaced as soon as it can be.
    pub(super) retires: bool,
    /// Its connection is over, or never was and never will be.
    pub(super) closed: bool,
    /// Its output is over.
    pub(super) silent: bool,
    bye: bool,
    words: u32,
    pub(super) killed: bool,
    broke: Option<String>,
    linger: Option<Instant>,
    /// When its process must have ended.
    due: Option<Instant>,
}

impl Worker {
    /// A worker that is being started.
    pub(super) fn new(id: WorkerId, slot: Slot) -> Self {
        Self {
            id,
            slot,
            pid: 0,
            conn: None,
            numbers: Numbers::Same,
            collecting: None,
            pending: Vec::new(),
            ready: false,
            permits: None,
            held: VecDeque::new(),
            beginnings: Beginnings::default(),
            running: None,
            overtime: None,
            stood_still: Duration::ZERO,
            tree: None,
            told: Told::Work,
            tail: Tail::default(),
            lines: Lines::default(),
            ended: None,
            orphaned: false,
            begun: 0,
            retires: false,
            closed: false,
            silent: false,
            bye: false,
            words: 0,
            killed: false,
            broke: None,
            linger: None,
            due: None,
        }
    }

    /// Whether it speaks already: another that claims to be it is not heard.
    pub(super) fn is_connected(&self) -> bool {
        self.conn.is_some()
    }

    /// How it broke the protocol, if it did.
    pub(super) fn broke(&self) -> Option<&str> {
        self.broke.as_deref()
    }

    /// Says why this message is none that it may send now.
    pub(super) fn objection(&mut self, message: &ToController) -> Option<String> {
        let collects = self.collecting.is_some() || !self.ready;
        let is_welcome = match message {
            ToController::Tests { .. } => collects,
            ToController::Collected { .. } => self.collecting.is_some(),
            ToController::Ready(_) => !self.ready,
            ToController::Notice { .. }
            | ToController::Summary { .. }
            | ToController::Stop { .. } => {
                self.words += 1;
                if self.words > WORDS {
                    return Some(format!("it said more than {WORDS} notices"));
                }
                true
            }
            ToController::Start { .. }
            | ToController::Done(_)
            | ToController::Interrupted { .. } => self.ready,
            ToController::Bye { .. } => true,
            ToController::Hello(_)
            | ToController::Files { .. }
            | ToController::Forked { .. }
            | ToController::ForkFailed { .. }
            | ToController::Gone { .. } => false,
        };
        if self.bye {
            return Some("it went on after its last word".to_owned());
        }
        (!is_welcome).then(|| {
            format!("it sent a message that is not a worker's to send now: {}", message.name())
        })
    }

    /// Its process has said hello.
    pub(super) fn connected(&mut self, conn: ConnId, sender: Sender, pid: u32) {
        self.conn = Some((conn, sender));
        self.pid = pid;
        // What it was told before it could hear.
        match self.told {
            Told::Work => {}
            Told::Pause => self.send(&ToWorker::Pause),
            Told::Finish => self.send(&ToWorker::Finish),
        }
    }

    /// As one that is there.
    pub(super) fn present(&self) -> Present {
        Present { id: self.id, pid: self.pid, since: self.beginnings.first() }
    }

    /// As one that is gone.
    pub(super) fn departed(&mut self) -> Member {
        let beginnings = std::mem::take(&mut self.beginnings);
        Member { id: self.id, pid: self.pid, beginnings }
    }

    /// Whether this is its connection.
    pub(super) fn speaks_on(&self, conn: ConnId) -> bool {
        self.conn.as_ref().is_some_and(|(own, _)| *own == conn)
    }

    /// How many tests it has, the running one included.
    pub(super) fn load(&self) -> usize {
        self.held.len() + self.pending.len() + usize::from(self.running.is_some())
    }

    /// These tests, the running one first.
    pub(super) fn tests(&self) -> Vec<TestIndex> {
        let running = self.running.iter().map(|(test, _)| test);
        running.chain(&self.held).chain(&self.pending).copied().collect()
    }

    /// What it holds beyond what it runs, or is about to run. A first test that has not begun needs the
    /// one after it to begin: were that taken, two workers could take it from each other for ever.
    pub(super) fn after_start(&self) -> VecDeque<TestIndex> {
        self.held.iter().skip(usize::from(self.running.is_none())).copied().collect()
    }

    /// Whether it holds a test that it cannot start, because it does not know the one after it.
    pub(super) fn waits_for_next(&self) -> bool {
        self.running.is_none() && self.held.len() == 1 && self.told == Told::Work
    }

    /// What it is waited for, if it is its turn. What it holds while a run stops it does not begin.
    pub(super) fn awaits(&self, is_stopping: bool) -> Option<Awaited> {
        let has_next = self.held.len() > 1 || self.held.len() == 1 && self.told != Told::Work;
        if self.ended.is_some() || self.orphaned || self.closed && !self.bye {
            None
        } else if self.running.is_some() {
            Some(Awaited::Test)
        } else if self.bye {
            Some(Awaited::Exit)
        } else if self.conn.is_none() {
            Some(Awaited::Hello)
        } else if self.collecting.is_some() || !self.ready {
            Some(Awaited::Collection)
        } else if self.told == Told::Finish && (self.held.is_empty() || is_stopping) {
            Some(Awaited::SessionEnd)
        } else {
            has_next.then_some(Awaited::Start)
        }
    }

    /// All has stood still for a while.
    pub(super) fn shift(&mut self, pause: Duration) {
        if let Some(overtime) = &mut self.overtime {
            overtime.shift(pause);
        }
        for at in [&mut self.linger, &mut self.due].into_iter().flatten() {
            *at += pause;
        }
        if self.running.is_some() {
            self.stood_still += pause;
        }
    }

    /// Whether its test ran over its limit and came to its end while it was being ended: what it
    /// begins after that is begun among ruins, and is another worker's to run.
    pub(super) fn is_cut_off(&self) -> bool {
        self.tree.is_some() && self.running.is_none()
    }

    /// Whether it waits between rounds.
    pub(super) fn is_parked(&self) -> bool {
        self.told == Told::Pause && self.load() == 0
    }

    /// Gives it tests, some of them again.
    pub(super) fn give(&mut self, tests: Vec<TestIndex>, again: Vec<(TestIndex, Attempt)>) {
        let numbers = tests.iter().map(|&test| self.number_of(test)).collect();
        let again = again.into_iter().map(|(test, it)| (self.number_of(test), it.0));
        let again = again.collect();
        if let Some(permits) = &mut self.permits {
            permits.grant(tests.len());
        }
        self.held.extend(tests);
        self.told = Told::Work;
        self.send(&ToWorker::Run { tests: numbers, again });
    }

    /// Takes back so many of the tests it holds, from the end, as far as it has not begun them.
    pub(super) fn give_back(&mut self, wanted: usize) -> Vec<TestIndex> {
        let count = self.permits.as_mut().map_or(0, |permits| permits.revoke(wanted));
        if count > 0 {
            self.send(&ToWorker::TakeBack { count });
        }
        self.held.split_off(self.held.len() - count).into()
    }

    /// Tells it that nothing more comes.
    pub(super) fn tell(&mut self, what: Told) {
        if self.told == what || self.told == Told::Finish {
            return;
        }
        self.told = what;
        match what {
            Told::Work => {}
            Told::Pause => self.send(&ToWorker::Pause),
            Told::Finish => self.send(&ToWorker::Finish),
        }
    }

    /// Lets it finish without starting anything more. What it held may be starting at this moment,
    /// so it still counts as held.
    pub(super) fn wind_up(&mut self) {
        self.send(&ToWorker::Drop);
        self.tell(Told::Finish);
    }

    /// Tells a worker that was kept of the new round.
    pub(super) fn tell_round(&mut self, round: Round) {
        self.words = 0;
        self.send(&ToWorker::Round { round: round.0 });
    }

    /// It has collected these rows, and they are these tests. See [`Numbers::learn`].
    pub(super) fn learn_numbers(
        &mut self,
        tests: &[Arc<TestInfo>],
        rows: &[TestRow],
    ) -> Result<usize, NodeId> {
        self.numbers.learn(tests, rows)
    }

    /// Has it collect a file.
    pub(super) fn collect(&mut self, file: usize) {
        self.collecting = Some(file);
        self.send(&ToWorker::Collect { file: file as u32 });
    }

    /// Whether it has collected this test.
    pub(super) fn knows(&self, test: TestIndex) -> bool {
        self.numbers.to_worker(test).is_some()
    }

    /// How it calls this test.
    pub(super) fn number_of(&self, test: TestIndex) -> u32 {
        self.numbers.to_worker(test).unwrap_or(u32::MAX)
    }

    /// It says that a test begins. Numbers that it was not given break the protocol.
    pub(super) fn starts(&mut self, number: u32, at: Offset) -> Option<TestIndex> {
        let test = self.numbers.to_test(number)?;
        // What precedes it in the queue was dropped by the worker on our own word.
        let position = self.held.iter().position(|&held| held == test)?;
        self.held.drain(..=position);
        self.running = Some((test, at));
        self.stood_still = Duration::ZERO;
        self.begun += 1;
        Some(test)
    }

    /// It says that the running test is over.
    pub(super) fn ends(&mut self, number: u32) -> Option<(TestIndex, Offset)> {
        let test = self.numbers.to_test(number)?;
        if let Some(permits) = &mut self.permits {
            permits.settle();
        }
        self.running.take_if(|(running, _)| *running == test).inspect(|_| self.overtime = None)
    }

    /// Its last word.
    pub(super) fn says_bye(&mut self) {
        self.bye = true;
    }

    /// It broke the protocol: it is not heard any more.
    pub(super) fn breaks(&mut self, how: String) {
        self.broke.get_or_insert(how);
        if let Some((_, sender)) = &self.conn {
            sender.close();
        }
    }

    /// Whether nothing more can come from it. `now` bounds the wait for output.
    pub(super) fn is_gone(&mut self, now: Instant) -> bool {
        let ended = self.ended.is_some() || self.orphaned;
        if !ended || !(self.closed || self.conn.is_none()) {
            return false;
        }
        self.silent || now >= *self.linger.get_or_insert(now + LINGER)
    }

    /// When to look again whether it is gone, or overdue.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let due = self.due.filter(|_| self.ended.is_none());
        let overtime = self.overtime.and_then(|it| it.deadline());
        self.linger.into_iter().chain(due).chain(overtime).min()
    }

    /// Its connection is over. A crash is seen by its process's end in the same moment; a test that
    /// closed all descriptors goes on and can tell nobody.
    pub(super) fn connection_closed(&mut self, now: Instant) {
        self.closed = true;
        if !self.bye {
            self.due = Some(now + AFTER_CLOSE);
        }
    }

    /// Whether its process should have ended and has not. Says so once.
    pub(super) fn is_overdue(&mut self, now: Instant) -> bool {
        let is_overdue = self.ended.is_none() && self.due.take_if(|due| now >= *due).is_some();
        if is_overdue && !self.bye {
            self.breaks("it closed its connection and went on".to_owned());
        }
        is_overdue
    }

    /// How it ended.
    pub(super) fn end(&self) -> WorkerEnd {
        if self.bye && self.running.is_none() {
            WorkerEnd::Finished
        } else if let Some(how) = &self.broke {
            WorkerEnd::Crashed(Crash::Protocol(how.clone()))
        } else if self.killed {
            WorkerEnd::Killed
        } else {
            WorkerEnd::Crashed(super::judge::crash_of(self.ended))
        }
    }

    fn send(&mut self, message: &ToWorker) {
        let Some((_, sender)) = &mut self.conn else { return };
        if let Err(error) = sender.send(message) {
            // A worker that is gone is seen by its end; one that does not read is given up.
            if error.kind() == io::ErrorKind::WouldBlock || error.kind() == io::ErrorKind::TimedOut
            {
                self.breaks("it stopped reading".to_owned());
                crate::process::kill_group(self.pid);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(index: u32, id: &str) -> std::sync::Arc<TestInfo> {
        let nodeid = NodeId::new(id);
        std::sync::Arc::new(TestInfo { index: TestIndex(index), nodeid, line: None, group: None })
    }

    fn row(id: &str) -> TestRow {
        TestRow { id: id.to_owned(), line: None, group: None, pnl: Vec::new() }
    }

    #[test]
    fn a_first_test_keeps_the_one_that_it_needs_to_begin() {
        let mut worker = Worker::new(WorkerId(0), Slot(0));
        worker.give([0, 1, 2].map(TestIndex).to_vec(), Vec::new());
        assert_eq!(worker.after_start(), [1, 2].map(TestIndex), "of which the first stays");
        worker.starts(0, Offset(1));
        assert_eq!(worker.after_start(), [1, 2].map(TestIndex));
        worker.starts(1, Offset(1));
        assert_eq!(worker.after_start(), [2].map(TestIndex));
    }

    #[test]
    fn a_spawned_workers_numbers_are_its_own_and_duplicates_keep_their_order() {
        let tests = [info(0, "a"), info(1, "b"), info(2, "a")];
        let mut worker = Worker::new(WorkerId(0), Slot(0));
        worker.learn_numbers(&tests, &[row("b"), row("a"), row("a")]).expect("all are there");
        worker.give(vec![TestIndex(0), TestIndex(1), TestIndex(2)], Vec::new());
        assert_eq!(worker.starts(1, Offset(5)), Some(TestIndex(0)));
        assert_eq!(worker.ends(1), Some((TestIndex(0), Offset(5))));
        assert_eq!(worker.starts(0, Offset(6)), Some(TestIndex(1)));
        assert_eq!(worker.ends(2), None, "it does not run that one");
        assert_eq!(worker.learn_numbers(&tests, &[row("a")]), Err(NodeId::new("b")));
    }

    #[test]
    fn ids_that_differ_from_process_to_process_are_matched_by_position() {
        let tests = [
            info(0, "f.py::t[1]"),
            info(1, "f.py::t[same]"),
            info(2, "f.py::t[2]"),
            info(3, "f.py::u[3]"),
        ];
        let mut worker = Worker::new(WorkerId(0), Slot(0));
        let own = ["f.py::u[x]", "f.py::t[same]", "f.py::t[y]", "f.py::t[z]"].map(row);
        assert_eq!(worker.learn_numbers(&tests, &own), Ok(3));
        worker.give((0..4).map(TestIndex).collect(), Vec::new());
        let starts = [2, 1, 3, 0].map(|number| worker.starts(number, Offset(1)));
        assert_eq!(starts, [0, 1, 2, 3].map(|index| Some(TestIndex(index))));
        let lacks = ["f.py::u[x]", "f.py::t[same]", "f.py::t[y]"].map(row);
        assert_eq!(worker.learn_numbers(&tests, &lacks), Err(NodeId::new("f.py::t[2]")));
    }
}
