//! Workers in virtual time: they run what they are sent, as pnl's and xdist's do.
//!
//! A worker starts a test when it knows the one after it, or that none comes. From then on both are
//! its own; what is behind them can be taken back. A message takes [`LATENCY`] each way.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use pnl::model::TestIndex;

use super::suites::Suite;

/// Nanoseconds from one process to another. Receipt: a message over a Unix socket between pnl and a
/// worker takes 40 to 100 us on two cores.
pub const LATENCY: u64 = 100_000;

/// How tests are dealt.
pub trait Dealer {
    /// All workers wait for their first tests.
    fn begin(&mut self, floor: &mut Floor<'_>);
    /// A worker says that it has started a test.
    fn started(&mut self, floor: &mut Floor<'_>, worker: usize, test: TestIndex);
    /// A worker says that it has run a test.
    fn done(&mut self, floor: &mut Floor<'_>, worker: usize, test: TestIndex);
}

/// One execution.
#[derive(Debug, Clone, Copy)]
pub struct Execution {
    pub test: TestIndex,
    pub from: u64,
    pub to: u64,
}

pub struct Floor<'s> {
    suite: &'s Suite,
    now: u64,
    events: BinaryHeap<Reverse<(u64, u64, Event)>>,
    count: u64,
    workers: Vec<Worker>,
    executions: Vec<Execution>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Looks(usize),
    Ends(usize, TestIndex),
    SaysStarted(usize, TestIndex),
    SaysDone(usize, TestIndex),
}

#[derive(Default)]
struct Worker {
    /// Tests, and when the worker hears of them.
    queue: VecDeque<(TestIndex, u64)>,
    /// Whether the first of the queue is its own, because the test before it has started.
    is_bound: bool,
    is_running: bool,
    last: Option<TestIndex>,
    /// When it hears that nothing more comes.
    last_word: Option<u64>,
}

/// Runs a suite on so many workers. Returns all executions in the order of their ends.
pub fn run(suite: &Suite, workers: usize, dealer: &mut dyn Dealer) -> Vec<Execution> {
    let mut floor = Floor {
        suite,
        now: 0,
        events: BinaryHeap::new(),
        count: 0,
        workers: (0..workers).map(|_| Worker::default()).collect(),
        executions: Vec::new(),
    };
    dealer.begin(&mut floor);
    while let Some(Reverse((now, _, event))) = floor.events.pop() {
        floor.now = now;
        match event {
            Event::Looks(worker) => floor.look(worker),
            Event::Ends(worker, test) => {
                floor.workers[worker].is_running = false;
                floor.after(LATENCY, Event::SaysDone(worker, test));
                floor.look(worker);
            }
            Event::SaysStarted(worker, test) => dealer.started(&mut floor, worker, test),
            Event::SaysDone(worker, test) => dealer.done(&mut floor, worker, test),
        }
    }
    floor.executions
}

impl Floor<'_> {
    pub fn workers(&self) -> usize {
        self.workers.len()
    }

    pub fn send(&mut self, worker: usize, tests: &[TestIndex]) {
        let heard = self.now + LATENCY;
        let it = &mut self.workers[worker];
        it.last_word = None;
        it.queue.extend(tests.iter().map(|&test| (test, heard)));
        self.after(LATENCY, Event::Looks(worker));
    }

    /// Says that nothing more comes, unless something is sent after that.
    pub fn finish(&mut self, worker: usize) {
        let heard = self.now + LATENCY;
        self.workers[worker].last_word.get_or_insert(heard);
        self.after(LATENCY, Event::Looks(worker));
    }

    /// Takes back up to so many tests from the end.
    pub fn take_back(&mut self, worker: usize, count: usize) -> Vec<TestIndex> {
        let it = &mut self.workers[worker];
        let count = count.min(it.queue.len() - usize::from(it.is_bound));
        it.queue.split_off(it.queue.len() - count).into_iter().map(|(test, _)| test).collect()
    }

    fn look(&mut self, worker: usize) {
        let (now, it) = (self.now, &mut self.workers[worker]);
        let knows = |at: usize| it.queue.get(at).is_some_and(|&(_, heard)| heard <= now);
        let is_last = it.queue.len() == 1 && it.last_word.is_some_and(|heard| heard <= now);
        if it.is_running || !knows(0) || !(knows(1) || is_last) {
            return;
        }
        let Some((test, _)) = it.queue.pop_front() else { return };
        it.is_running = true;
        it.is_bound = !it.queue.is_empty();
        let last = it.last.replace(test);
        let to = now + self.suite.nanoseconds(last, test);
        self.executions.push(Execution { test, from: now, to });
        self.after(LATENCY, Event::SaysStarted(worker, test));
        self.after(to - now, Event::Ends(worker, test));
    }

    fn after(&mut self, wait: u64, event: Event) {
        self.count += 1;
        self.events.push(Reverse((self.now + wait, self.count, event)));
    }
}
